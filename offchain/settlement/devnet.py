"""A system to try: test tokens, generous limits, and a chain that is proven, or attested.

Only local networks take it: the seeds of their keys are public, anyone can mint the tokens, and an
attestation is no proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from offchain.settlement.abi import keccak256
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.deployer import ChainClient, Roles, Save, deploy_system
from offchain.settlement.deployment import Deployment
from offchain.settlement.verifier_deployment import ENTRY as VERIFIER
from offchain.settlement.verifier_deployment import deploy_verifier
from offchain.witness.format import DaMode

# Stands for ether where the vault expects a token's address.
ETHER_ADDRESS: Final = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
QUOTE_ASSET: Final = 0
ETHER_ASSET: Final = 1
STAKED_ASSET: Final = 2  # wrapped staked ether
QUOTE_SYMBOL: Final = "USDC"
QUOTE_DECIMALS: Final = 6
CUSTODY_ETHER: Final = 1
CUSTODY_TOKEN: Final = 2
UNITS_LIMIT: Final = 2**62 - 1
FORCED_FEE_WEI: Final = 10**15
OPERATIONS_PER_BLOCK: Final = 64
NO_FEED_SET: Final = 0
ATTESTED_FACTS: Final = "AttestedFacts"
TRUST_MODE_ATTESTED: Final = "ATTESTED"
TRUST_MODE_PROVEN: Final = "PROVEN"
# Stand where a chain with proofs has the ids of its program.
ATTESTED_PROGRAM_ID: Final = keccak256(b"headrace: no program, the operator's word")
ATTESTED_PARAMETERS_ID: Final = keccak256(b"headrace: no proof system")
LOCAL_NETWORK: Final = "local"
# Chain ids of the embedded chains and of anvil: eth-tester, Ape's, anvil's.
LOCAL_CHAIN_IDS: Final = frozenset({131277322940537, 1337, 31337})


class AttestedNotAllowedError(Exception):
    """A chain to try was to be registered on a network that is not local."""


@dataclass(frozen=True, slots=True)
class ProgramIds:
    """The program that a chain's proofs are of, and how they are made.

    Attributes
    ----------
    program_id, parameters_id : bytes
        32 bytes each, of a parameter set that the verifier accepts.
    """

    program_id: bytes
    parameters_id: bytes


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """What a chain is registered with.

    Attributes
    ----------
    chain_id : int
        Id of the execution chain.
    operator : str
        Address that collects fees; in mode ATTESTED its signature stands for a proof.
    governance : str
        Address that enqueues admin operations.
    config_hash : bytes
        Keccak of the genesis constants, 32 bytes, not zero.
    genesis_root : bytes
        State root before batch 1, 32 bytes, not zero.
    program : ProgramIds, optional
        What proves its batches; None: nothing does, the operator attests them.
    da_mode : DaMode
        Whether its state diffs are published.
    feed_set_id : int
        Feed set of the oracle hub whose snapshots it has to consume; 0: none.
    """

    chain_id: int
    operator: str
    governance: str
    config_hash: bytes
    genesis_root: bytes
    program: ProgramIds | None = None
    da_mode: DaMode = DaMode.VALIDIUM
    feed_set_id: int = NO_FEED_SET


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


def require_local(network_name: str, l1_chain_id: int, mode: str = TRUST_MODE_ATTESTED) -> None:
    """Refuse a chain to try anywhere but on a local network.

    Parameters
    ----------
    network_name, l1_chain_id
        See `is_local`.
    mode
        What the chain's settlements rest on, for the message.

    Raises
    ------
    AttestedNotAllowedError
        With a sentence that says why.
    """
    if not is_local(network_name, l1_chain_id):
        raise AttestedNotAllowedError(
            f"refusing to set up a chain to try in mode {mode} on network '{network_name}' "
            f"(chain id {l1_chain_id}): its keys are public and its tokens are anyone's to mint, "
            "so that such chains are for local networks only"
        )


def deploy_devnet(
    client: ChainClient,
    chain: ChainParameters,
    deployment: Deployment | None = None,
    save: Save | None = None,
) -> Deployment:
    """Deploy the system, test tokens, and a chain with what its settlements rest on.

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
        Asset 0 is the test token (6 decimals), asset 1 is ether, asset 2 wrapped staked ether.

    Raises
    ------
    AttestedNotAllowedError
        On a network that is not local, before anything is sent.
    """
    mode = TRUST_MODE_PROVEN if chain.program else TRUST_MODE_ATTESTED
    require_local(client.network_name, client.chain_id, mode)
    roles = Roles(client.deployer, guardian=chain.governance, treasury=client.deployer)
    deployment = deploy_system(client, roles, deployment, save)
    if deployment.chain_id:
        return deployment
    _deploy_one(client, deployment, "TokenMock", QUOTE_SYMBOL, QUOTE_DECIMALS)
    _deploy_one(client, deployment, "StEthMock")
    _deploy_one(client, deployment, "WstEthMock", deployment.contracts["StEthMock"])
    version = _deploy_facts(client, deployment, chain)
    for asset_id, token, kind in (
        (QUOTE_ASSET, deployment.contracts["TokenMock"], CUSTODY_TOKEN),
        (ETHER_ASSET, ETHER_ADDRESS, CUSTODY_ETHER),
        (STAKED_ASSET, deployment.contracts["WstEthMock"], CUSTODY_TOKEN),
    ):
        terms = (token, kind, False, UNITS_LIMIT, 1, UNITS_LIMIT)
        client.transact("CollateralVault", deployment.vault, "register_asset", asset_id, terms)
        deployment.assets[asset_id] = token
    _register(client, deployment, chain, version)
    deployment.chain_id = chain.chain_id
    deployment.trust_mode = mode
    if save is not None:
        save(deployment)
    return deployment


def register_chain(
    client: ChainClient, deployment: Deployment, chain: ChainParameters
) -> Deployment:
    """Register another chain on a devnet; what its settlements rest on is that of the first one.

    Parameters
    ----------
    client : ChainClient
        Its account is the owner.
    deployment : Deployment
        As `deploy_devnet` returns it.
    chain : ChainParameters
        The further chain; of the same operator if it is attested.

    Returns
    -------
    Deployment
        The same contracts with the further chain's id.

    Raises
    ------
    AttestedNotAllowedError
        On a network that is not local, before anything is sent.
    """
    mode = TRUST_MODE_PROVEN if chain.program else TRUST_MODE_ATTESTED
    require_local(client.network_name, client.chain_id, mode)
    facts = deployment.contracts[VERIFIER if chain.program else ATTESTED_FACTS]
    _register(client, deployment, chain, _version(facts, chain))
    return replace(deployment, chain_id=chain.chain_id)


def _register(
    client: ChainClient,
    deployment: Deployment,
    chain: ChainParameters,
    version: tuple[object, ...],
) -> None:
    client.transact(
        "ChainRegistry",
        deployment.registry,
        "register_chain",
        chain.chain_id,
        _chain_terms(version, chain),
    )


def _deploy_one(client: ChainClient, deployment: Deployment, name: str, *args: object) -> None:
    deployment.contracts[name] = client.deploy(name, *args)
    deployment.integrity[name] = compiled_by_name(name).integrity


def _deploy_facts(
    client: ChainClient, deployment: Deployment, chain: ChainParameters
) -> tuple[object, ...]:
    """Deploy what holds the chain's facts; return `IGateway.Version`."""
    if chain.program is None:
        _deploy_one(client, deployment, ATTESTED_FACTS, chain.operator)
        return _version(deployment.contracts[ATTESTED_FACTS], chain)
    verifier = deploy_verifier(client)
    deployment.contracts |= verifier.addresses
    deployment.integrity |= verifier.integrity
    return _version(verifier.entry, chain)


def _version(facts: str, chain: ChainParameters) -> tuple[object, ...]:
    """Return `IGateway.Version` of a chain whose facts are held by a contract."""
    if chain.program is None:
        ids = (ATTESTED_PROGRAM_ID, ATTESTED_PARAMETERS_ID)
    else:
        ids = (chain.program.program_id, chain.program.parameters_id)
    return facts, *ids, chain.config_hash


def _chain_terms(version: tuple[object, ...], chain: ChainParameters) -> tuple[object, ...]:
    """Return `IGateway.ChainTerms`."""
    return (
        version,
        chain.operator,
        chain.governance,
        chain.genesis_root,
        chain.da_mode,
        chain.feed_set_id,
        FORCED_FEE_WEI,
        OPERATIONS_PER_BLOCK,
    )
