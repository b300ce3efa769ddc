# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Attestation: the operator's signature in the place of a proof
@notice Used by chains in mode ATTESTED only. It says that the operator
        stands for a public output; it proves nothing about it.
"""

SIGNATURE_BYTES: constant(uint256) = 65
# Half of the secp256k1 group order. Of the two valid signatures (s and
# order - s) only the lower one is taken, so that none can be altered.
S_MAX: constant(bytes32) = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@internal
@view
def _check_signature(operator: address, digest: bytes32, signature: Bytes[65]):
    """
    @dev The signature is r || s || v over the EIP-191 personal message of
         the 32-byte digest.
    """
    assert len(signature) == SIGNATURE_BYTES, "E29: signature is not 65 bytes"
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert v == 27 or v == 28, "E30: signature v is neither 27 nor 28"
    assert s <= convert(S_MAX, uint256), "E31: signature s is in the upper half"
    message_hash: bytes32 = keccak256(concat(b"\x19Ethereum Signed Message:\n32", digest))
    signer: address = ecrecover(message_hash, v, r, s)
    # A malformed signature recovers to zero, which no operator may equal.
    assert signer != empty(address), "E32: signature recovers no signer"
    assert signer == operator, "E05: signature is not the operator's"
