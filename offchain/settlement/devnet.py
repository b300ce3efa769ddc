"""A system to try: test token, generous limits, and a chain that the operator attests.

Only local networks take it: the seeds of their keys are public, and an attestation is no proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.deployer import ChainClient, Roles, Save, deploy_system
from offchain.settlement.deployment import Deployment

# Stands for ether where the vault expects a token's address.
ETHER_ADDRESS: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
QUOTE_ASSET: Final = 0
ETHER_ASSET: Final = 1
QUOTE_SYMBOL: Final = "USDC"
QUOTE_DECIMALS: Final = 6
CUSTODY_ETHER: Final = 1
CUSTODY_TOKEN: Final = 2
UNITS_LIMIT: Final = 2**62 - 1
FORCED_FEE_WEI: Final = 10**15
OPERATIONS_PER_BLOCK: Final = 64
DA_VALIDIUM: Final = 0
NO_FEED_SET: Final = 0
TRUST_MODE_ATTESTED: Final = "ATTESTED"
# Stand where a chain with proofs has the ids of its program.
ATTESTED_PROGRAM_ID: Final = keccak256(b"headrace: no program, the operator's word")
ATTESTED_PARAMETERS_ID: Final = keccak256(b"headrace: no proof system")
LOCAL_NETWORK: Final = "local"
# Chain ids of the embedded chains and of anvil: eth-tester, Ape's, anvil's.
LOCAL_CHAIN_IDS: Final = frozenset({131277322940537, 1337, 31337})


class AttestedNotAllowedError(Exception):
    """ATTESTED was to be registered on a network that is not local."""


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """What a chain is registered with.

    Attributes
    ----------
    chain_id : int
        Id of the execution chain.
    operator : str
        Address whose signature stands for a proof.
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


def deploy_devnet(
    client: ChainClient,
    chain: ChainParameters,
    deployment: Deployment | None = None,
    save: Save | None = None,
) -> Deployment:
    """Deploy the system, a test token and a chain in mode ATTESTED.

    Parameters
    ----------
    client : ChainClient
        Its account becomes the owner.
    chain : ChainParameters
        The execution chain.
    deployment, save
        See `offchain.settlement.deployer.deploy_system`.

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
    roles = Roles(client.deployer, guardian=chain.governance, treasury=client.deployer)
    deployment = deploy_system(client, roles, deployment, save)
    if deployment.chain_id:
        return deployment
    for name, args in (
        ("TokenMock", (QUOTE_SYMBOL, QUOTE_DECIMALS)),
        ("AttestedFacts", (chain.operator,)),
    ):
        deployment.contracts[name] = client.deploy(name, *args)
        deployment.integrity[name] = compiled_by_name(name).integrity
    for asset_id, token, kind in (
        (QUOTE_ASSET, deployment.contracts["TokenMock"], CUSTODY_TOKEN),
        (ETHER_ASSET, ETHER_ADDRESS, CUSTODY_ETHER),
    ):
        terms = (token, kind, False, UNITS_LIMIT, 1, UNITS_LIMIT)
        client.transact("CollateralVault", deployment.vault, "register_asset", asset_id, terms)
        deployment.assets[asset_id] = token
    client.transact(
        "ChainRegistry",
        deployment.registry,
        "register_chain",
        chain.chain_id,
        chain_terms(deployment.contracts["AttestedFacts"], chain),
    )
    deployment.chain_id = chain.chain_id
    deployment.trust_mode = TRUST_MODE_ATTESTED
    if save is not None:
        save(deployment)
    return deployment


def chain_terms(facts: str, chain: ChainParameters) -> tuple[object, ...]:
    """Return `IGateway.ChainTerms` of a chain that the operator attests.

    Parameters
    ----------
    facts : str
        Address of its AttestedFacts.
    chain : ChainParameters
        The chain.
    """
    version = (facts, ATTESTED_PROGRAM_ID, ATTESTED_PARAMETERS_ID, chain.config_hash)
    roles = (chain.operator, chain.governance)
    return (
        version,
        *roles,
        chain.genesis_root,
        DA_VALIDIUM,
        NO_FEED_SET,
        FORCED_FEE_WEI,
        OPERATIONS_PER_BLOCK,
    )
