# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Statements: whose a public output is, and whether it is proven
"""

from interfaces import IFactRegistry
from interfaces import IGateway

# "headrace/pi/v1", padded with zero bytes on the right.
DOMAIN: constant(bytes32) = 0x68656164726163652f70692f7631000000000000000000000000000000000000
FACT_TAG: constant(Bytes[8]) = b"HRfact01"
# Why a chain is frozen.
FREEZE_OVERDUE_RECORD: constant(uint256) = 1
FREEZE_OVERDUE_ENVELOPE: constant(uint256) = 2
FREEZE_ALARM: constant(uint256) = 3


@internal
@view
def _is_of(gateway: address, config_hash: bytes32, output: IGateway.PublicOutput) -> bool:
    """
    @dev Whether the statement is one of this deployment and configuration.
    """
    return (
        output.domain == DOMAIN
        and output.l1_chain_id == chain.id
        and output.gateway == gateway
        and output.config_hash == config_hash
    )


@internal
@view
def _is_fact(version: IGateway.Version, digest: bytes32) -> bool:
    """
    @dev Whether the chain's verifier holds the public output as proven.
    """
    fact: bytes32 = keccak256(
        concat(FACT_TAG, version.program_id, version.parameters_id, digest)
    )
    return staticcall IFactRegistry(version.verifier).is_fact(fact)


@internal
@pure
def _digest(output: IGateway.PublicOutput) -> bytes32:
    """
    @dev The 28 static members encode to exactly the 896 bytes of the output.
    """
    return keccak256(abi_encode(output))
