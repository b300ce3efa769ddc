# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Transcript
@notice A 32-byte state that absorbs what the prover says and from which the
        challenges are drawn (Fiat and Shamir). Labels are ASCII, padded with
        zero bytes on the right.
@dev docs/spec/proof-system.md, "Transcript". The longest message are the
     values outside the domain, 8,712 bytes; a public output has at most 8,200
     with its length.
"""

from contracts.verifier import field
from contracts.verifier import machine

LOW_LIMB: constant(uint256) = 2**128 - 1
WORDS_PER_BLOCK: constant(uint256) = 4
INDEX_BLOCKS: constant(uint256) = (machine.MAX_QUERIES + WORDS_PER_BLOCK - 1) // WORDS_PER_BLOCK


@internal
@pure
def _absorb(state: bytes32, label: bytes8, data: Bytes[24 * machine.VALUES]) -> bytes32:
    """
    @notice Bind all later challenges to some bytes.
    @dev The length comes before the bytes, so that nothing can be moved from
         one message to the next.
    @param state Present state.
    @param label What the bytes are.
    @param data The bytes.
    @return Next state.
    """
    length: bytes8 = convert(convert(len(data), uint64), bytes8)
    return keccak256(concat(b"HRabsorb", label, state, length, data))


@internal
@pure
def _step(state: bytes32, label: bytes8) -> bytes32:
    """
    @notice The state from which the blocks of a challenge are hashed, and
            which is the next one.
    @param state Present state.
    @param label What is drawn.
    @return Next state.
    """
    return keccak256(concat(b"HRdraw00", label, state))


@internal
@pure
def _block(state: bytes32, number: uint256) -> uint256:
    """
    @notice One block of the stream that a challenge is made of.
    @param state State after `_step`.
    @param number Of the block, below 2^64.
    @return 256 bits.
    """
    number_bytes: bytes8 = convert(convert(number, uint64), bytes8)
    return convert(keccak256(concat(b"HRblock0", state, number_bytes)), uint256)


@internal
@pure
def _draw_element(state: bytes32, label: bytes8) -> (bytes32, uint256):
    """
    @notice Draw an element of F: 128 bits for each coefficient, so uniform
            up to 2^-64.
    @param state Present state.
    @param label What is drawn.
    @return Next state, and the element, lanes below p.
    """
    next_state: bytes32 = self._step(state, label)
    first: uint256 = self._block(next_state, 0)
    second: uint256 = self._block(next_state, 1)
    c0: uint256 = (first >> 128) % field.P
    c1: uint256 = (first & LOW_LIMB) % field.P
    c2: uint256 = (second >> 128) % field.P
    return next_state, c0 | c1 << 85 | c2 << 170


@internal
@pure
def _draw_indices(
    state: bytes32, label: bytes8, count: uint256, log_size: uint256
) -> DynArray[uint256, machine.MAX_QUERIES]:
    """
    @notice Draw indices below a power of two, with repetition.
    @param state Present state.
    @param label What is drawn.
    @param count How many.
    @param log_size Base-2 logarithm of the bound, at most 64.
    @return The indices as drawn.
    """
    next_state: bytes32 = self._step(state, label)
    mask: uint256 = (1 << log_size) - 1
    indices: DynArray[uint256, machine.MAX_QUERIES] = []
    for number: uint256 in range(INDEX_BLOCKS):
        words: uint256 = self._block(next_state, number)
        for position: uint256 in range(WORDS_PER_BLOCK):
            if len(indices) == count:
                return indices
            indices.append((words >> (192 - 64 * position)) & mask)
    return indices


@internal
@pure
def _is_ground(state: bytes32, nonce: bytes8) -> bool:
    """
    @notice Whether a nonce is a proof-of-work for the state.
    @param state State after the final polynomial.
    @param nonce The nonce.
    @return Whether the hash has enough leading zero bits.
    """
    work: bytes32 = keccak256(concat(b"HRgrind0", state, nonce))
    return convert(work, uint256) >> (256 - machine.GRINDING_BITS) == 0
