# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Openings verifier
@notice Part of StarkVerifier, which calls it: the rows of the four trees. It
        holds nothing; whoever calls it learns about the bytes he gave.
"""

from contracts.verifier import deep
from contracts.verifier import machine
from contracts.verifier import openings

exports: openings.read


@external
@view
def opened_sums(
    log_heights: bytes32, batch: uint256, values: uint256[machine.VALUES]
) -> DynArray[uint256, 13]:
    """
    @notice Sums of weight * value over the values opened outside the domain.
    @param log_heights Byte t, from the left, is log2 of the height of table t.
    @param batch Challenge that combines the columns, lanes below p.
    @param values The values in the order of the proof, lanes below p.
    @return The sum over the values one row later, then that of each class of
            tables of one height, the highest first; lanes below p.
    """
    return deep._opened_sums(log_heights, batch, values)
