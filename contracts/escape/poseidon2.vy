# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Hash of the state tree
@notice Poseidon2 over Goldilocks as offchain/spec/poseidon2.py has it: nodes
        are compressions, leaves are sponges.
@dev Four elements make one word of limbs, the first one on top. The state
     serialises an element little-endian: `_limbs` and `_serialised` reverse
     the bytes of each limb. Every limb is below p; `_limbs` is where foreign
     bytes come in, and checks it. A lane of the permutation is below 2^71:
     sums are unchecked.
"""

from contracts.escape import poseidon2_permutation as permutation

P: constant(uint256) = permutation.P
LANE: constant(uint256) = permutation.LANE
LIMB: constant(uint256) = permutation.LIMB
WORDS_PER_ROW: constant(uint256) = 4
ROW_BYTES: constant(uint256) = 32
# Of the longest record, the header.
MAX_ROWS: constant(uint256) = 16

# Every other limb; what lifts p to 2^64 in these; where the carries stand.
ALTERNATE: constant(uint256) = LIMB | LIMB << 128
LIFT: constant(uint256) = (2**32 - 1) * (1 + 2**128)
CARRIES: constant(uint256) = 2**64 + 2**192
# Every other byte, pair and quadruple of bytes.
BYTES_1: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**8 - 1)
BYTES_2: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)
BYTES_4: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)


@internal
@pure
def _limbs(data: bytes32) -> uint256:
    """
    @notice Reads four elements.
    @param data Each element little-endian.
    @return Word of limbs, each below p.
    """
    word: uint256 = self._reversed(convert(data, uint256))
    assert (
        unsafe_add(word & ALTERNATE, LIFT) | unsafe_add((word >> 64) & ALTERNATE, LIFT)
    ) & CARRIES == 0, "R01: element is not below the modulus"
    return word


@internal
@pure
def _serialised(word: uint256) -> bytes32:
    """
    @notice Writes four elements as the state has them.
    @param word Limbs.
    @return Each element little-endian.
    """
    return convert(self._reversed(word), bytes32)


@internal
@pure
def _reversed(word: uint256) -> uint256:
    """
    @notice Reverses the bytes of each limb.
    @param word Limbs.
    @return Limbs.
    """
    swapped: uint256 = (word & BYTES_1) << 8 | (word >> 8) & BYTES_1
    swapped = (swapped & BYTES_2) << 16 | (swapped >> 16) & BYTES_2
    return (swapped & BYTES_4) << 32 | (swapped >> 32) & BYTES_4


@internal
@pure
def _compress(left: uint256, right: uint256) -> uint256:
    """
    @notice Hashes two children into their parent.
    @param left Limbs.
    @param right Limbs.
    @return The first 4 elements of P(x) + x, x = left || right.
    """
    return self._low(permutation._permute(left, right), left)


@internal
@pure
def _hash_words(domain: uint256, rows: uint256[MAX_ROWS], count: uint256) -> uint256:
    """
    @notice Hashes a leaf: a sponge of rate 4 and capacity 4, which starts as
            (domain, number of words, 0, 0).
    @param domain Tag of the kind of leaf, below p.
    @param rows Limbs.
    @param count How many rows there are, at least 1.
    @return The first 4 elements of the last state.
    """
    rate: uint256 = rows[0]
    capacity: uint256 = domain << 192 | (count * WORDS_PER_ROW) << 128
    for i: uint256 in range(1, MAX_ROWS):
        if i == count:
            break
        words: uint256[4] = permutation._permute(rate, capacity)
        rate = self._low(words, rows[i])
        capacity = (
            ((words[0] >> 128) % P) << 192
            | ((words[1] >> 128) % P) << 128
            | ((words[2] >> 128) % P) << 64
            | (words[3] >> 128) % P
        )
    return self._low(permutation._permute(rate, capacity), 0)


@internal
@pure
def _low(words: uint256[4], added: uint256) -> uint256:
    """
    @notice Takes elements 0 to 3 of a permuted state and adds a word to them.
    @param words Lanes, as the permutation returns them.
    @param added Limbs.
    @return Limbs.
    """
    return (
        (unsafe_add(words[0] & LANE, added >> 192) % P) << 192
        | (unsafe_add(words[1] & LANE, (added >> 128) & LIMB) % P) << 128
        | (unsafe_add(words[2] & LANE, (added >> 64) & LIMB) % P) << 64
        | unsafe_add(words[3] & LANE, added & LIMB) % P
    )
