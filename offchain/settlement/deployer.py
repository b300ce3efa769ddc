"""Deployment of the L1 system, through Ape or on an embedded chain; it can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import rlp
from eth_utils.address import to_canonical_address, to_checksum_address

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.deployment import Deployment

# Three contracts name each other, so they are created in a row: each knows where the next one will
# be. Whoever resumes begins the row again unless it is complete.
_ROW: Final = ("PriorityQueue", "Gateway", "EscapeHatch")

Save = Callable[[Deployment], object]


class RowBrokenError(Exception):
    """Another transaction of the account came in between contracts that name each other."""

    def __init__(self) -> None:
        super().__init__(
            "another transaction of this account came between PriorityQueue, Gateway and "
            "EscapeHatch, so that they name wrong addresses; run the deployment again and send "
            "nothing else meanwhile"
        )


class ChainClient(Protocol):
    """What a deployment needs of a chain; `LocalChain` is one."""

    @property
    def network_name(self) -> str:
        """``local`` for an embedded or development chain."""

    @property
    def chain_id(self) -> int:
        """Chain id of L1."""

    @property
    def deployer(self) -> str:
        """Address that `deploy` sends from."""

    @property
    def deployer_nonce(self) -> int:
        """Nonce of its next transaction."""

    def deploy(self, name: str, *args: object) -> str:
        """Deploy the contract with this file stem and return its address."""

    def code(self, address: str) -> bytes:
        """Return the code at an address; empty where there is none."""

    def call(self, name: str, address: str, function: str, *args: object) -> object:
        """Read from a contract."""

    def transact(self, name: str, address: str, function: str, *args: object) -> object:
        """Send a transaction and wait until it is mined."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who has a say in the system; their powers are listed in docs/audit/roles.md.

    Attributes
    ----------
    owner : str
        Of vault, registry and oracle hub; in production a timelock.
    guardian : str
        May pause deposits and impair assets; the zero address: nobody.
    treasury : str
        Receives the vault's surplus.
    """

    owner: str
    guardian: str
    treasury: str


def deploy_system(
    client: ChainClient,
    roles: Roles,
    deployment: Deployment | None = None,
    save: Save | None = None,
) -> Deployment:
    """Deploy all contracts of the system but verifiers, chains and assets.

    Parameters
    ----------
    client : ChainClient
        Sends transactions; its account has to be the owner, or `set_gateway` of vault and registry
        is left to the owner.
    roles : Roles
        Who has a say.
    deployment : Deployment, optional
        Record of an earlier attempt; what it names and the chain has is not deployed again.
    save : callable, optional
        Called with the record after each transaction, so that nothing is lost.

    Returns
    -------
    Deployment
        The complete record.

    Raises
    ------
    RowBrokenError
        If the account sent something else meanwhile; nothing is bound then.
    """
    deployment = deployment or Deployment(
        network=client.network_name, l1_chain_id=client.chain_id, owner=roles.owner
    )
    steps = _Steps(client, deployment, save or (lambda _: None))
    registry = steps.contract("ChainRegistry", roles.owner)
    data = steps.contract("DataAvailability")
    hub = steps.contract("OracleHub", roles.owner)
    vault = steps.contract("CollateralVault", roles.owner, roles.guardian, roles.treasury)
    proofs = steps.contract("StateProofs")
    if not all(steps.stands(name) for name in _ROW):
        nonce = client.deployer_nonce
        queue, gateway, hatch = (
            contract_address(client.deployer, nonce + offset) for offset in range(len(_ROW))
        )
        for name in _ROW:
            deployment.contracts.pop(name, None)
        made = (
            steps.contract("PriorityQueue", registry, gateway),
            steps.contract("Gateway", vault, registry, queue, hub, data, hatch),
            steps.contract("EscapeHatch", gateway, proofs),
        )
        if made != (queue, gateway, hatch):
            for name in _ROW:
                del deployment.contracts[name]
            steps.save()
            raise RowBrokenError
    if client.deployer == roles.owner:
        for name in ("ChainRegistry", "CollateralVault"):
            steps.bind(name, deployment.gateway)
    return deployment


def contract_address(deployer: str, nonce: int) -> str:
    """Return the address of the contract that a transaction creates.

    Parameters
    ----------
    deployer : str
        Sender of the transaction.
    nonce : int
        Its nonce.
    """
    encoded: bytes = rlp.encode([to_canonical_address(deployer), nonce])
    return to_checksum_address(keccak256(encoded)[-20:])


class _Steps:
    """Transactions of a deployment, each recorded as soon as it is mined."""

    def __init__(self, client: ChainClient, deployment: Deployment, save: Save) -> None:
        self._client = client
        self._deployment = deployment
        self._save = save

    def save(self) -> None:
        """Record what stands now."""
        self._save(self._deployment)

    def stands(self, name: str) -> bool:
        """Return whether the chain has code where the record has the contract."""
        address = self._deployment.contracts.get(name)
        return address is not None and self._client.code(address) != b""

    def contract(self, name: str, *args: str) -> str:
        """Deploy a contract unless it stands, and return its address."""
        deployment = self._deployment
        if not self.stands(name) or deployment.arguments[name] != list(args):
            deployment.contracts[name] = self._client.deploy(name, *args)
            deployment.arguments[name] = list(args)
            deployment.integrity[name] = compiled_by_name(name).integrity
            self._save(deployment)
        return deployment.contracts[name]

    def bind(self, name: str, gateway: str) -> None:
        """Set a contract's gateway unless it is set."""
        address = self._deployment.contracts[name]
        if self._client.call(name, address, "gateway") != gateway:
            self._client.transact(name, address, "set_gateway", gateway)
