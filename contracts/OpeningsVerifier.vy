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
from interfaces import IStarkVerifier

# Position of the word that says where `data` is; it follows the declared
# arguments.
DATA_OFFSET_POSITION: constant(uint256) = 4 + 3 * 32


@external
@view
def read(run: IStarkVerifier.Run, log_blowup: uint256, skipped: uint256) -> IStarkVerifier.Run:
    """
    @notice Read rows and siblings as far as the data reaches.
    @dev Two more arguments are not declared, since the compiler would copy
         them to memory: the rows and siblings as they stand in the proof, and
         PADDING_BYTES that reads of a fixed length may reach. They are encoded
         like arguments of type Bytes.
    @param run State after the part before.
    @param log_blowup Base-2 logarithm of the domain's size over the trace's.
    @param skipped How many bytes of the data are no openings.
    @return State after this part.
    """
    at: uint256 = 4 + convert(slice(msg.data, DATA_OFFSET_POSITION, 32), uint256)
    length: uint256 = convert(slice(msg.data, at, 32), uint256)
    start: uint256 = at + 32
    assert start + length + merkle.PADDING_BYTES <= len(msg.data), "WRONG_PADDING"
    return openings._read(run, log_blowup, start + skipped, start + length)


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
