# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Leaves of FRI layers
@notice A leaf holds 2, 4, 8 or 16 entries of a codeword, the values of f at
        the points with one power; they are folded into one entry of the next
        layer. docs/spec/proof-system.md, offchain/verifier/fri.py.
"""

from contracts.verifier import field
from contracts.verifier import merkle

P: constant(uint256) = field.P
MAX_FOLD_LOG: constant(uint256) = 4
ELEMENT_BYTES: constant(uint256) = 24
MAX_LEAF_BYTES: constant(uint256) = 384

LANE: constant(uint256) = field.LANE
LIMB: constant(uint256) = 2**64 - 1
# v >= p just if v + 2^32 - 1 carries out of 64 bits.
TO_CARRY: constant(uint256) = (2**32 - 1) * field.LANES
CARRIES: constant(uint256) = 2**64 * field.LANES
# Not below the lanes of entries on their way through a fold.
ZEROS: constant(uint256) = 16 * field.ZEROS

# Powers of the inverse of omega_16, which is 2^36: the order of 2 is 192.
W1: constant(uint256) = 2**36
W2: constant(uint256) = 2**72 % P
W3: constant(uint256) = 2**108 % P
W4: constant(uint256) = 2**144 % P
W5: constant(uint256) = 2**180 % P
W6: constant(uint256) = 2**216 % P
W7: constant(uint256) = 2**252 % P


@internal
@view
def _read_leaf(position: uint256, fold_log: uint256) -> (uint256[4][4], bytes32):
    """
    @notice Read a leaf.
    @param position Of the leaf in msg.data.
    @param fold_log Logarithm of the number of entries.
    @return Entries, four and four, lanes below p; those that are too many are
            undefined. Digest of the leaf.
    """
    row: Bytes[MAX_LEAF_BYTES] = slice(msg.data, position, MAX_LEAF_BYTES)
    words: uint256[3][4] = abi_decode(row, uint256[3][4])
    entries: uint256[4][4] = empty(uint256[4][4])
    entries[0] = self._elements(words[0])
    carries: uint256 = unsafe_add(entries[0][0], TO_CARRY) | unsafe_add(
        entries[0][1], TO_CARRY
    )
    if fold_log > 1:
        carries |= unsafe_add(entries[0][2], TO_CARRY) | unsafe_add(
            entries[0][3], TO_CARRY
        )
    if fold_log > 2:
        entries[1] = self._elements(words[1])
        carries |= self._carries(entries[1])
    if fold_log > 3:
        entries[2] = self._elements(words[2])
        entries[3] = self._elements(words[3])
        carries |= self._carries(entries[2]) | self._carries(entries[3])
    assert carries & CARRIES == 0, "NON_CANONICAL_ELEMENT"
    if fold_log == MAX_FOLD_LOG:
        return entries, keccak256(concat(merkle.LEAF_TAG, row))
    return entries, keccak256(
        concat(merkle.LEAF_TAG, slice(row, 0, ELEMENT_BYTES << fold_log))
    )


@internal
@pure
def _elements(words: uint256[3]) -> uint256[4]:
    """
    @notice Take four elements of 24 bytes out of three words.
    @param words Twelve limbs.
    @return Elements, lanes below 2^64.
    """
    return [
        words[0] >> 192 | (words[0] >> 128 & LIMB) << 85 | (words[0] >> 64 & LIMB) << 170,
        words[0] & LIMB | (words[1] >> 192) << 85 | (words[1] >> 128 & LIMB) << 170,
        words[1] >> 64 & LIMB | (words[1] & LIMB) << 85 | (words[2] >> 192) << 170,
        words[2] >> 128 & LIMB | (words[2] >> 64 & LIMB) << 85 | (words[2] & LIMB) << 170,
    ]


@internal
@pure
def _carries(elements: uint256[4]) -> uint256:
    """
    @notice Look for lanes that are not below p.
    @param elements Lanes below 2^64.
    @return Has a bit of CARRIES just if a lane is not below p.
    """
    return (
        unsafe_add(elements[0], TO_CARRY)
        | unsafe_add(elements[1], TO_CARRY)
        | unsafe_add(elements[2], TO_CARRY)
        | unsafe_add(elements[3], TO_CARRY)
    )


@internal
@pure
def _fold_pair(
    left: uint256, right: uint256, c0: uint256, c1: uint256, c2: uint256, twiddle: uint256
) -> uint256:
    """
    @notice Twice the fold of two entries, f(x) + f(-x) + c/x (f(x) - f(-x)).
    @dev A coefficient of the product is below 15 * 2^69 * 2^64 * 2^64.
    @param left f(x), lanes below 15 p.
    @param right f(-x), lanes below 15 p.
    @param c0 Coefficients of c over the leaf's point, below p.
    @param c1 As c0.
    @param c2 As c0.
    @param twiddle The leaf's point over x, below p.
    @return Lanes below the sum of those of left and right, and p.
    """
    d: uint256 = unsafe_sub(unsafe_add(left, ZEROS), right)
    d0: uint256 = d & LANE
    d1: uint256 = d >> 85 & LANE
    d2: uint256 = d >> 170
    return unsafe_add(
        unsafe_add(left, right),
        unsafe_mul(
            unsafe_add(
                unsafe_mul(c0, d0),
                unsafe_mul(7, unsafe_add(unsafe_mul(c1, d2), unsafe_mul(c2, d1))),
            ),
            twiddle,
        )
        % P
        | unsafe_mul(
            unsafe_add(
                unsafe_add(unsafe_mul(c0, d1), unsafe_mul(c1, d0)),
                unsafe_mul(7, unsafe_mul(c2, d2)),
            ),
            twiddle,
        )
        % P
        << 85
        | unsafe_mul(
            unsafe_add(
                unsafe_add(unsafe_mul(c0, d2), unsafe_mul(c1, d1)), unsafe_mul(c2, d0)
            ),
            twiddle,
        )
        % P
        << 170,
    )


@internal
@pure
def _fold_leaf(
    leaf: uint256[4][4],
    fold_log: uint256,
    powers: uint256[MAX_FOLD_LOG],
    inverse_size: uint256,
    inverse_point: uint256,
) -> (uint256, uint256):
    """
    @notice Fold the entries of a leaf into an entry of the next layer.
    @dev By halves: f(x) = e(x^2) + x o(x^2) becomes e + challenge * o, with
         the challenge, its square and so on. Entry j is the value at the
         leaf's point times omega^j. The lanes of entries stay below p, 3p,
         7p, 15p and 31p.
    @param leaf Entries, lanes below p.
    @param fold_log Logarithm of their number.
    @param powers Challenge and its squares, lanes below p.
    @param inverse_size One over the number of entries, below p.
    @param inverse_point Of the leaf, below p.
    @return Entry, lanes below p, and the inverse of its point.
    """
    e: uint256[4][4] = leaf
    inverse: uint256 = inverse_point
    stage: uint256 = 0
    for log_size: uint256 in [4, 3, 2, 1]:
        if log_size > fold_log:
            continue
        c: uint256 = powers[stage]
        stage = unsafe_add(stage, 1)
        c0: uint256 = unsafe_mul(c & LANE, inverse) % P
        c1: uint256 = unsafe_mul(c >> 85 & LANE, inverse) % P
        c2: uint256 = unsafe_mul(c >> 170, inverse) % P
        inverse = unsafe_mul(inverse, inverse) % P
        if log_size == 4:
            e[0][0] = self._fold_pair(e[0][0], e[2][0], c0, c1, c2, 1)
            e[0][1] = self._fold_pair(e[0][1], e[2][1], c0, c1, c2, W1)
            e[0][2] = self._fold_pair(e[0][2], e[2][2], c0, c1, c2, W2)
            e[0][3] = self._fold_pair(e[0][3], e[2][3], c0, c1, c2, W3)
            e[1][0] = self._fold_pair(e[1][0], e[3][0], c0, c1, c2, W4)
            e[1][1] = self._fold_pair(e[1][1], e[3][1], c0, c1, c2, W5)
            e[1][2] = self._fold_pair(e[1][2], e[3][2], c0, c1, c2, W6)
            e[1][3] = self._fold_pair(e[1][3], e[3][3], c0, c1, c2, W7)
        elif log_size == 3:
            e[0][0] = self._fold_pair(e[0][0], e[1][0], c0, c1, c2, 1)
            e[0][1] = self._fold_pair(e[0][1], e[1][1], c0, c1, c2, W2)
            e[0][2] = self._fold_pair(e[0][2], e[1][2], c0, c1, c2, W4)
            e[0][3] = self._fold_pair(e[0][3], e[1][3], c0, c1, c2, W6)
        elif log_size == 2:
            e[0][0] = self._fold_pair(e[0][0], e[0][2], c0, c1, c2, 1)
            e[0][1] = self._fold_pair(e[0][1], e[0][3], c0, c1, c2, W4)
        else:
            e[0][0] = self._fold_pair(e[0][0], e[0][1], c0, c1, c2, 1)
    return field._scale(e[0][0], inverse_size), inverse
