# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Access to the internal functions of the state tree's hash
"""

from contracts.escape import poseidon2
from contracts.escape import poseidon2_permutation as permutation


@external
@pure
def permute(left: uint256, right: uint256) -> uint256[4]:
    return permutation._permute(left, right)


@external
@pure
def zeros() -> uint256[5]:
    return permutation.ZEROS


@external
@pure
def compress(left: bytes32, right: bytes32) -> bytes32:
    return poseidon2._serialised(
        poseidon2._compress(poseidon2._limbs(left), poseidon2._limbs(right))
    )


@external
@pure
def hash_words(domain: uint256, rows: DynArray[bytes32, 16]) -> bytes32:
    words: uint256[16] = empty(uint256[16])
    for i: uint256 in range(len(rows), bound=16):
        words[i] = poseidon2._limbs(rows[i])
    return poseidon2._serialised(poseidon2._hash_words(domain, words, len(rows)))


@external
@view
def permutation_gas() -> uint256:
    before: uint256 = msg.gas
    words: uint256[4] = permutation._permute(1, 2)
    return before - msg.gas
