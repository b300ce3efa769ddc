# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title HeadProbe
@notice Opens three functions of the verifier's modules to tests.
"""

from contracts.verifier import fiat_shamir
from contracts.verifier import machine
from contracts.verifier import proof_format


@external
@pure
def sorted_distinct(
    queries: DynArray[uint256, machine.MAX_QUERIES], log_size: uint256
) -> DynArray[uint256, machine.MAX_QUERIES]:
    """
    @notice Sort, and drop what occurs twice.
    @param queries Indices as drawn.
    @param log_size Base-2 logarithm of their bound.
    @return Ascending, distinct.
    """
    return fiat_shamir._sorted_distinct(queries, log_size)


@external
@view
def elements(data: Bytes[proof_format.VALUES_BYTES]) -> uint256[machine.VALUES]:
    """
    @notice Read elements of F.
    @param data The elements, 24 bytes each.
    @return The elements, and zeros.
    """
    return proof_format._elements(4 + 2 * 32, len(data) // proof_format.ELEMENT_BYTES)


@external
@pure
def checked_log_n(log_heights: bytes32) -> uint256:
    """
    @notice The largest of the tables' heights.
    @param log_heights Byte t, from the left, for table t.
    @return Its base-2 logarithm.
    """
    return proof_format._checked_log_n(log_heights)
