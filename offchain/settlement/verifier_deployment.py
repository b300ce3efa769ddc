"""Deployment of the proof verifier: three helpers, and the entry that pins their code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import REPOSITORY_ROOT, compiled_by_name
from offchain.settlement.deployer import ChainClient

ENTRY: Final = "StarkVerifier"
CONSTRAINT_EVALUATOR: Final = "ConstraintEvaluator"
OPENINGS_VERIFIER: Final = "OpeningsVerifier"
HELPERS: Final = (CONSTRAINT_EVALUATOR, OPENINGS_VERIFIER, "FriVerifier")
"""In the order in which the entry's constructor takes them."""
CONSTRAINT_PROGRAM_PATH: Final = (
    REPOSITORY_ROOT / "contracts" / "verifier" / "data" / "constraint_program.hex"
)


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
        the helpers are pinned by the entry.
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


def constraint_program() -> list[int]:
    """Return the words of the constraint program, which ConstraintEvaluator holds in its code.

    Returns
    -------
    list of int
        256-bit words, as `make gen` has written them.
    """
    return [int(line, 16) for line in CONSTRAINT_PROGRAM_PATH.read_text().split()]


def deploy_verifier(client: ChainClient) -> VerifierDeployment:
    """Deploy helpers and entry; who deploys them has no rights over them.

    Parameters
    ----------
    client : ChainClient
        Its node has to know a contract as soon as it is deployed.
    """
    arguments: dict[str, tuple[object, ...]] = {CONSTRAINT_EVALUATOR: (constraint_program(),)}
    addresses = {name: client.deploy(name, *arguments.get(name, ())) for name in HELPERS}
    hashes = [keccak256(client.code(address)) for address in addresses.values()]
    addresses[ENTRY] = client.deploy(ENTRY, *addresses.values(), hashes)
    codes = {name: client.code(address) for name, address in addresses.items()}
    return VerifierDeployment(
        network=client.network_name,
        l1_chain_id=client.chain_id,
        addresses=addresses,
        code_hashes={name: keccak256(code).hex() for name, code in codes.items()},
        code_bytes={name: len(code) for name, code in codes.items()},
        integrity={name: compiled_by_name(name).integrity for name in codes},
    )
