"""Deployment of the proof verifier: helpers, and the entry that pins their code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.deployer import ChainClient

ENTRY: Final = "StarkVerifier"
CONSTRAINT_EVALUATOR: Final = "ConstraintEvaluator"
OPENINGS_VERIFIER: Final = "OpeningsVerifier"
HELPERS: Final = (CONSTRAINT_EVALUATOR, OPENINGS_VERIFIER, "FriVerifier")
"""In the order in which the entry's constructor takes them."""
EVALUATOR_PARTS: Final = ("CoreTables", "HashTables")
"""Contracts that ConstraintEvaluator calls, in the order in which its constructor takes them."""


@dataclass(frozen=True, slots=True)
class VerifierDeployment:
    """A deployed verifier.

    Attributes
    ----------
    network : str
        Name of the network.
    l1_chain_id : int
        Its chain id.
    addresses : dict of str to str
        Checksum addresses by contract name.
    code_hashes : dict of str to str
        keccak256 of the code that stands on the chain, 64 hex digits, by contract name; those of
        the helpers are pinned by the entry, those of the evaluator's parts by the evaluator.
    code_bytes : dict of str to int
        Its length.
    integrity : dict of str to str
        Integrity sum of the sources by contract name.
    """

    network: str
    l1_chain_id: int
    addresses: dict[str, str]
    code_hashes: dict[str, str]
    code_bytes: dict[str, int]
    integrity: dict[str, str]

    @property
    def entry(self) -> str:
        """Address of StarkVerifier."""
        return self.addresses[ENTRY]


def deploy_verifier(client: ChainClient) -> VerifierDeployment:
    """Deploy helpers and entry; who deploys them has no rights over them.

    Parameters
    ----------
    client : ChainClient
        Its node has to know a contract as soon as it is deployed.
    """
    addresses: dict[str, str] = {}

    def deploy(name: str, *pinned: str) -> None:
        """Deploy a contract that takes addresses and the hashes of their code, if it takes any."""
        held = [addresses[helper] for helper in pinned]
        hashes = [keccak256(client.code(address)) for address in held]
        addresses[name] = client.deploy(name, *held, *([hashes] if held else []))

    for name in EVALUATOR_PARTS:
        deploy(name)
    for name in HELPERS:
        deploy(name, *(EVALUATOR_PARTS if name == CONSTRAINT_EVALUATOR else ()))
    deploy(ENTRY, *HELPERS)
    codes = {name: client.code(address) for name, address in addresses.items()}
    return VerifierDeployment(
        network=client.network_name,
        l1_chain_id=client.chain_id,
        addresses=addresses,
        code_hashes={name: keccak256(code).hex() for name, code in codes.items()},
        code_bytes={name: len(code) for name, code in codes.items()},
        integrity={name: compiled_by_name(name).integrity for name in codes},
    )
