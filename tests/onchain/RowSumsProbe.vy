# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Sums over rows, callable
@notice Weights rows as the openings verifier does.
"""

from contracts.verifier import columns
from contracts.verifier import machine
from contracts.verifier import row_sums

MAX_QUERIES: constant(uint256) = machine.MAX_QUERIES


@external
@view
def sums(
    weights: DynArray[uint256, 264],
    skipped: uint256,
    first: uint256,
    rows: uint256,
    data: Bytes[115_000],
) -> (uint256[MAX_QUERIES], bool):
    """
    @notice Sum up rows.
    @param weights Of the words of a row, at least one.
    @param skipped How many of these words to leave out, less than all.
    @param first Number of the first row.
    @param rows How many rows there are.
    @param data Rows, and 288 bytes that are none.
    @return The sums by number of the row, and whether a word is not below p.
    """
    start: uint256 = 4 + convert(slice(msg.data, 4 + 32 * 4, 32), uint256) + 32
    padded: uint256[columns.MAX_WEIGHTS] = empty(uint256[columns.MAX_WEIGHTS])
    for i: uint256 in range(skipped, len(weights), bound=264):
        padded[columns.MAX_LATER_WORDS + i - skipped] = weights[i]
    found: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
    carries: uint256 = 0
    found, carries = row_sums._row_sums(
        padded,
        columns.MAX_LATER_WORDS,
        len(weights) - skipped,
        start + columns.WORD_BYTES * skipped,
        columns.WORD_BYTES * len(weights),
        first,
        rows,
        found,
    )
    return found, carries & row_sums.CARRIES != 0
