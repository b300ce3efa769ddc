# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Openings verifier
@notice Part of StarkVerifier, which calls it: the rows of the four trees. It
        holds nothing; whoever calls it learns about the bytes he gave.
"""

from contracts.verifier import deep
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import openings
from contracts.verifier import proof_format
from interfaces import IStarkVerifier

# Position of the argument `data` among the arguments.
DATA_ARGUMENT: constant(uint256) = 4 + 3 * 32


@external
@view
def read(
    run: IStarkVerifier.Run,
    log_blowup: uint256,
    skipped: uint256,
    data: Bytes[proof_format.MAX_DATA_BYTES],
    padding: Bytes[merkle.PADDING_BYTES],
) -> IStarkVerifier.Run:
    """
    @notice Read rows and siblings as far as the data reaches.
    @param run State after the part before.
    @param log_blowup Base-2 logarithm of the domain's size over the trace's.
    @param skipped How many bytes of the data are no openings.
    @param data Rows and siblings as they stand in the proof.
    @param padding Bytes that reads of a fixed length may reach.
    @return State after this part.
    """
    assert len(padding) == merkle.PADDING_BYTES, "WRONG_PADDING"
    start: uint256 = 4 + convert(slice(msg.data, DATA_ARGUMENT, 32), uint256) + 32
    return openings._read(run, log_blowup, start + skipped, start + len(data))


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
