# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title FRI verifier
@notice Checks the FRI part of a proof, in one call or several.
@dev Stateless; called by the entry contract, which binds all arguments but
     the proof bytes to the transcript.
"""

from contracts.verifier import fri
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import proof_format

SELECTOR_BYTES: constant(uint256) = 4
WORD_BYTES: constant(uint256) = 32
# The layers are the ninth argument; its offset counts from behind the selector.
DATA_OFFSET_POSITION: constant(uint256) = SELECTOR_BYTES + 8 * WORD_BYTES


@external
@view
def fold(
    log_n: uint256,
    log_blowup: uint256,
    next_layer: uint256,
    roots: DynArray[bytes32, machine.MAX_FRI_LAYERS],
    challenges: DynArray[uint256, machine.MAX_FRI_LAYERS],
    places: DynArray[uint256, machine.MAX_QUERIES],
    values: DynArray[uint256, machine.MAX_QUERIES],
    final: Bytes[proof_format.FINAL_BYTES],
) -> (uint256, DynArray[uint256, machine.MAX_QUERIES], DynArray[uint256, machine.MAX_QUERIES]):
    """
    @notice Check layers, whole layers only and at least one.
    @dev Two more arguments are not declared, since the compiler would copy
         them to memory: the layers as they stand in the proof, and
         PADDING_BYTES that reads of a fixed length may reach. They are encoded
         like arguments of type Bytes.
    @param log_n Logarithm of the largest table's height, at most 22.
    @param log_blowup Of the parameter set, at most 6.
    @param next_layer Number of the first of these layers.
    @param roots Of all layers.
    @param challenges Of all layers, elements, lanes below p.
    @param places In the codeword that this layer commits to, distinct,
           ascending.
    @param values What must be there, elements, lanes below p.
    @param final Coefficients of the final polynomial, canonical, constant
           first; may be empty if the last layer is not among these.
    @return Number of the next layer.
    @return Places in the codeword that it commits to; none if all is checked.
    @return Values there.
    """
    start: uint256 = (
        SELECTOR_BYTES + convert(slice(msg.data, DATA_OFFSET_POSITION, WORD_BYTES), uint256)
    )
    position: uint256 = start + WORD_BYTES
    end: uint256 = position + convert(slice(msg.data, start, WORD_BYTES), uint256)
    assert end + merkle.PADDING_BYTES <= len(msg.data), "WRONG_PADDING"
    return fri._fold_layers(
        log_n,
        log_blowup,
        next_layer,
        roots,
        challenges,
        places,
        values,
        final,
        position,
        end,
    )
