"""Deployment of the L1 system, through Ape or on an embedded chain."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol

from offchain.settlement.contracts import compiled_by_name

# Stands for ether where the vault expects a token's address.
ETHER_ADDRESS: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
QUOTE_ASSET: Final = 0
ETHER_ASSET: Final = 1
QUOTE_SYMBOL: Final = "USDC"
QUOTE_DECIMALS: Final = 6
# Values of the Vyper flag `TrustMode`.
TRUST_MODE_ATTESTED: Final = 1
TRUST_MODE_PROVEN: Final = 2
TRUST_MODE_NAME: Final = "ATTESTED"
LOCAL_NETWORK: Final = "local"
# Chain ids of the embedded chains and of anvil: eth-tester, Ape's, anvil's.
LOCAL_CHAIN_IDS: Final = frozenset({131277322940537, 1337, 31337})


class AttestedNotAllowedError(Exception):
    """ATTESTED was to be registered on a network that is not local."""


class ChainClient(Protocol):
    """What a deployment needs of a chain; `LocalChain` is one."""

    @property
    def network_name(self) -> str:
        """``local`` for an embedded or development chain."""

    @property
    def chain_id(self) -> int:
        """Chain id of L1."""

    def deploy(self, name: str, *args: object) -> str:
        """Deploy the contract with this file stem and return its address."""

    def code(self, address: str) -> bytes:
        """Return the code at an address; empty where there is none."""

    def transact(self, name: str, address: str, function: str, *args: object) -> object:
        """Send a transaction and wait until it is mined."""


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """What a chain is registered with.

    Attributes
    ----------
    chain_id : int
        Id of the execution chain.
    operator : str
        Address whose signature settles it.
    governance : str
        Address that enqueues admin operations.
    config_hash : bytes
        Keccak of the genesis constants, 32 bytes, not zero.
    genesis_root : bytes
        State root before batch 1, 32 bytes, not zero.
    """

    chain_id: int
    operator: str
    governance: str
    config_hash: bytes
    genesis_root: bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses of a deployed system.

    Attributes
    ----------
    network : str
        Name of the network.
    l1_chain_id : int
        Its chain id.
    chain_id : int
        The registered execution chain.
    trust_mode : str
        What stands behind its settlements: ``ATTESTED``.
    vault, gateway, quote_token : str
        Checksum addresses.
    assets : dict of int to str
        Token address by asset id.
    integrity : dict of str to str
        Integrity sum of the sources by contract name.
    """

    network: str
    l1_chain_id: int
    chain_id: int
    trust_mode: str
    vault: str
    gateway: str
    quote_token: str
    assets: dict[int, str]
    integrity: dict[str, str]

    def write(self, folder: Path) -> Path:
        """Write ``<network>.json`` into a folder and return its path."""
        path = folder / f"{self.network}.json"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        return path


def is_local(network_name: str, l1_chain_id: int) -> bool:
    """Tell whether a network is one of our own, without value.

    Parameters
    ----------
    network_name : str
        ``local`` is the only name that passes; a fork of a live network has
        another one.
    l1_chain_id : int
        Also has to be a development chain's, so that a live node configured
        under the name ``local`` is refused too.
    """
    return network_name == LOCAL_NETWORK and l1_chain_id in LOCAL_CHAIN_IDS


def require_local(network_name: str, l1_chain_id: int) -> None:
    """Refuse the mode ATTESTED anywhere but on a local network.

    Parameters
    ----------
    network_name, l1_chain_id
        See `is_local`.

    Raises
    ------
    AttestedNotAllowedError
        With a sentence that says why.
    """
    if not is_local(network_name, l1_chain_id):
        raise AttestedNotAllowedError(
            f"refusing to register a chain in mode ATTESTED on network '{network_name}' "
            f"(chain id {l1_chain_id}): its settlements rest on the operator's signature "
            "alone, with no proof behind them, and are for local networks only"
        )


def deploy_system(client: ChainClient, owner: str, chain: ChainParameters) -> Deployment:
    """Deploy vault, gateway and a test token, and register all.

    Parameters
    ----------
    client : ChainClient
        Sends transactions as `owner`.
    owner : str
        Owner of vault and gateway; the account that deploys.
    chain : ChainParameters
        The execution chain, registered in mode ATTESTED.

    Returns
    -------
    Deployment
        Asset 0 is the test token (6 decimals), asset 1 is ether.

    Raises
    ------
    AttestedNotAllowedError
        On a network that is not local, before anything is sent.
    """
    require_local(client.network_name, client.chain_id)
    quote_token = client.deploy("TokenMock", QUOTE_SYMBOL, QUOTE_DECIMALS)
    vault = client.deploy("CollateralVault", owner)
    gateway = client.deploy("Gateway", owner, vault)
    client.transact("CollateralVault", vault, "set_gateway", gateway)
    assets = {QUOTE_ASSET: quote_token, ETHER_ASSET: ETHER_ADDRESS}
    for asset_id, token in assets.items():
        client.transact("CollateralVault", vault, "register_asset", asset_id, token)
    client.transact(
        "Gateway",
        gateway,
        "register_chain",
        chain.chain_id,
        TRUST_MODE_ATTESTED,
        chain.operator,
        chain.governance,
        chain.config_hash,
        chain.genesis_root,
    )
    return Deployment(
        network=client.network_name,
        l1_chain_id=client.chain_id,
        chain_id=chain.chain_id,
        trust_mode=TRUST_MODE_NAME,
        vault=vault,
        gateway=gateway,
        quote_token=quote_token,
        assets=assets,
        integrity={
            name: compiled_by_name(name).integrity
            for name in ("CollateralVault", "Gateway", "TokenMock")
        },
    )
