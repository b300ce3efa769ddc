# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title AttestedFacts: the operator's signature in the place of a proof
@license Apache-2.0
@notice Holds true what one operator has signed. It says that the operator
        stands for a public output and proves nothing about it, so it cannot
        be created on a live network.
@dev The mode of trust of a chain with this verifier is ATTESTED.
@custom:kill None.
"""

from interfaces import IFactRegistry

implements: IFactRegistry

# The usual ids of local networks: eth-tester, foundry and hardhat.
LOCAL_CHAIN_IDS: constant(uint256[3]) = [131277322940537, 1337, 31337]
FACT_TAG: constant(Bytes[8]) = b"HRfact01"
SIGNATURE_BYTES: constant(uint256) = 65
# Half of the secp256k1 group order. Of the two valid signatures (s and
# order - s) only the lower one is taken, so that none can be altered.
S_MAX: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

# @notice Fact that is held true after its public output is attested.
event Attested:
    fact: indexed(bytes32)
    public_output_hash: indexed(bytes32)


# @notice Whose signature decides.
OPERATOR: public(immutable(address))
# @notice Whether a fact is attested.
# @param arg0 The fact.
is_fact: public(HashMap[bytes32, bool])


@deploy
def __init__(operator: address):
    """
    @notice Create it, on a local network only.
    @param operator Whose signature decides.
    """
    assert chain.id in LOCAL_CHAIN_IDS, "A01: attestations are for local networks only"
    assert operator != empty(address), "A02: operator is the zero address"
    OPERATOR = operator


@external
def attest(
    program_id: bytes32,
    parameters_id: bytes32,
    public_output_hash: bytes32,
    signature: Bytes[65],
):
    """
    @notice Hold a public output true. Anyone may submit; the signature
            decides.
    @param program_id Program id that the chain is registered with.
    @param parameters_id Parameters id that it is registered with.
    @param public_output_hash keccak256 of the public output.
    @param signature Operator's r || s || v over the EIP-191 personal message
           of the hash.
    """
    assert len(signature) == SIGNATURE_BYTES, "A03: signature is not 65 bytes"
    r: uint256 = extract32(signature, 0, output_type=uint256)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert v == 27 or v == 28, "A04: signature v is neither 27 nor 28"
    assert s <= S_MAX, "A05: signature s is in the upper half"
    message_hash: bytes32 = keccak256(
        concat(b"\x19Ethereum Signed Message:\n32", public_output_hash)
    )
    # A malformed signature recovers to zero, which the operator is not.
    assert ecrecover(message_hash, v, r, s) == OPERATOR, "A06: signature is not the operator's"
    fact: bytes32 = keccak256(
        concat(FACT_TAG, program_id, parameters_id, public_output_hash)
    )
    self.is_fact[fact] = True
    log Attested(fact=fact, public_output_hash=public_output_hash)
