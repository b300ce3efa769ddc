# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Sums over rows, callable
@notice Weights rows as the openings verifier does.
"""

from contracts.verifier import columns
from contracts.verifier import row_sums

MAX_QUERIES: constant(uint256) = 54


@external
@view
def sums(
    weights: DynArray[uint256, 264], first: uint256, rows: uint256, data: Bytes[115_000]
) -> (uint256[MAX_QUERIES], bool):
    """
    @notice Sum up rows.
    @param weights Of the words of a row, at least one.
    @param first Number of the first row.
    @param rows How many rows there are.
    @param data Rows, and 288 bytes that are none.
    @return The sums by number of the row, and whether a word is not below p.
    """
    start: uint256 = 4 + convert(slice(msg.data, 4 + 32 * 3, 32), uint256) + 32
    padded: uint256[columns.MAX_ROW_WORDS] = empty(uint256[columns.MAX_ROW_WORDS])
    for i: uint256 in range(len(weights), bound=264):
        padded[i] = weights[i]
    found: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
    carries: uint256 = 0
    found, carries = row_sums._row_sums(padded, len(weights), start, first, rows, found)
    return found, carries & row_sums.CARRIES != 0
