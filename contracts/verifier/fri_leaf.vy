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

LIMB: constant(uint256) = 2**64 - 1
LIMB_1: constant(uint256) = LIMB << 85
LIMB_2: constant(uint256) = LIMB << 170
# v >= p just if v + 2^32 - 1 carries out of 64 bits.
TO_CARRY: constant(uint256) = (2**32 - 1) * field.LANES
CARRIES: constant(uint256) = 2**64 * field.LANES


@internal
@view
def _read_leaf(position: uint256, fold_log: uint256) -> (uint256[16], bytes32):
    """
    @notice Read a leaf.
    @param position Of the leaf in msg.data.
    @param fold_log Logarithm of the number of entries.
    @return Entries, lanes below p; those that are too many are undefined.
            Digest of the leaf.
    """
    row: Bytes[MAX_LEAF_BYTES] = slice(msg.data, position, MAX_LEAF_BYTES)
    w: uint256[12] = abi_decode(row, uint256[12])
    e: uint256[16] = empty(uint256[16])
    carries: uint256 = 0
    digest: bytes32 = empty(bytes32)
    if fold_log == MAX_FOLD_LOG:
        digest = keccak256(concat(merkle.LEAF_TAG, row))
        e[8] = w[6] >> 192 | w[6] >> 43 & LIMB_1 | w[6] << 106 & LIMB_2
        e[9] = w[6] & LIMB | w[7] >> 107 & LIMB_1 | w[7] << 42 & LIMB_2
        e[10] = w[7] >> 64 & LIMB | w[7] << 85 & LIMB_1 | w[8] >> 22 & LIMB_2
        e[11] = w[8] >> 128 & LIMB | w[8] << 21 & LIMB_1 | w[8] << 170 & LIMB_2
        e[12] = w[9] >> 192 | w[9] >> 43 & LIMB_1 | w[9] << 106 & LIMB_2
        e[13] = w[9] & LIMB | w[10] >> 107 & LIMB_1 | w[10] << 42 & LIMB_2
        e[14] = w[10] >> 64 & LIMB | w[10] << 85 & LIMB_1 | w[11] >> 22 & LIMB_2
        e[15] = w[11] >> 128 & LIMB | w[11] << 21 & LIMB_1 | w[11] << 170 & LIMB_2
        carries |= (
            unsafe_add(e[8], TO_CARRY)
            | unsafe_add(e[9], TO_CARRY)
            | unsafe_add(e[10], TO_CARRY)
            | unsafe_add(e[11], TO_CARRY)
            | unsafe_add(e[12], TO_CARRY)
            | unsafe_add(e[13], TO_CARRY)
            | unsafe_add(e[14], TO_CARRY)
            | unsafe_add(e[15], TO_CARRY)
        )
    else:
        digest = keccak256(concat(merkle.LEAF_TAG, slice(row, 0, ELEMENT_BYTES << fold_log)))
    if fold_log >= 3:
        e[4] = w[3] >> 192 | w[3] >> 43 & LIMB_1 | w[3] << 106 & LIMB_2
        e[5] = w[3] & LIMB | w[4] >> 107 & LIMB_1 | w[4] << 42 & LIMB_2
        e[6] = w[4] >> 64 & LIMB | w[4] << 85 & LIMB_1 | w[5] >> 22 & LIMB_2
        e[7] = w[5] >> 128 & LIMB | w[5] << 21 & LIMB_1 | w[5] << 170 & LIMB_2
        carries |= (
            unsafe_add(e[4], TO_CARRY)
            | unsafe_add(e[5], TO_CARRY)
            | unsafe_add(e[6], TO_CARRY)
            | unsafe_add(e[7], TO_CARRY)
        )
    if fold_log >= 2:
        e[2] = w[1] >> 64 & LIMB | w[1] << 85 & LIMB_1 | w[2] >> 22 & LIMB_2
        e[3] = w[2] >> 128 & LIMB | w[2] << 21 & LIMB_1 | w[2] << 170 & LIMB_2
        carries |= (
            unsafe_add(e[2], TO_CARRY)
            | unsafe_add(e[3], TO_CARRY)
        )
    e[0] = w[0] >> 192 | w[0] >> 43 & LIMB_1 | w[0] << 106 & LIMB_2
    e[1] = w[0] & LIMB | w[1] >> 107 & LIMB_1 | w[1] << 42 & LIMB_2
    carries |= (
        unsafe_add(e[0], TO_CARRY)
        | unsafe_add(e[1], TO_CARRY)
    )
    assert carries & CARRIES == 0, "NON_CANONICAL_ELEMENT"
    return e, digest
