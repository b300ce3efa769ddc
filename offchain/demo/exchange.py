"""The demo's exchange: L1 contracts, sequencer and settlement service, funded to trade."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from eth_utils.address import to_canonical_address

from offchain.demo.client import Progress, Trader
from offchain.demo.flow import LOTS_PER_SIZE, SZ_DECIMALS, DemoFlow
from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.engine.row_meter import BatchLimits
from offchain.engine.sequencer import Sequencer, wall_clock_ms
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.proving.program import program_id
from offchain.proving.service import BatchProver
from offchain.proving.store import ProofStore
from offchain.security.parameters import SETTLE
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import (
    ATTESTED_FACTS,
    ETHER_ASSET,
    QUOTE_ASSET,
    QUOTE_DECIMALS,
    ChainParameters,
    ProgramIds,
    deploy_devnet,
)
from offchain.settlement.fact_source import AttestedFacts, FactSource, ProvenFacts
from offchain.settlement.l1 import L1Client
from offchain.settlement.priority import SUB_ACCOUNTS_PER_MASTER
from offchain.settlement.service import SettlementService
from offchain.settlement.verifier_client import VerifierClient
from offchain.settlement.verifier_deployment import ENTRY as VERIFIER
from offchain.spec import op
from offchain.spec.constants import (
    API_TIER,
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    RETAIL_TIER,
    VALUE_LIMIT,
)
from offchain.spec.constants import (
    QUOTE_DECIMALS as UNIT_DECIMALS,
)
from offchain.spec.kinds import AssetFlag, MarketKind, MarketStatus, TierFlag
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement

CHAIN_ID: Final = 1
MARKET: Final = 1
PROFILE: Final = SETTLE.name  # of the proofs for L1
ROLE_COUNT: Final = 3  # deployer, operator, governance; traders' L1 accounts follow
QUOTE_STEP_UNITS: Final = 10 ** (UNIT_DECIMALS - QUOTE_DECIMALS)
WEI_PER_UNIT: Final = 10 ** (18 - UNIT_DECIMALS)
ASSET_SYMBOLS: Final = {QUOTE_ASSET: "USDC", ETHER_ASSET: "ETH"}
# Retail trades free of fees up to its quota and pays the API tier's fees above it.
_RETAIL_QUOTA_PER_MINUTE: Final = 60
_API_MAKER_PPM: Final = 40
_API_TAKER_PPM: Final = 280


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything of one chain that the demo talks to; without a prover it is attested."""

    l1: L1Client
    deployment: Deployment
    genesis: GenesisConfig
    domain: SigningDomain
    journal: Journal
    sequencer: Sequencer
    service: SettlementService
    proving: Proving | None


@dataclass(frozen=True, slots=True)
class Proving:
    """What proves the batches of a chain, and what L1 has verified."""

    prover: BatchProver
    store: ProofStore
    facts: ProvenFacts


def open_exchange(
    l1: L1Client,
    journal_path: Path,
    proofs: ProofStore | None = None,
    executor: Executor | None = None,
) -> Exchange:
    """Deploy the contracts and start the chain at its genesis.

    Parameters
    ----------
    l1 : L1Client
        Its first three accounts become deployer, operator and governance.
    journal_path : Path
        Journal of the sequencer; must not exist.
    proofs : ProofStore, optional
        Where a proven chain keeps its proofs; None: an attested chain.
    executor : Executor, optional
        Runs the proofs; by default one after the other in a thread.
    """
    _, operator, governance = l1.accounts[:ROLE_COUNT]
    program = None if proofs is None else ProgramIds(program_id(PROFILE), SETTLE.parameters_id)
    genesis = GenesisConfig(
        l1_chain_id=l1.chain_id, chain_id=CHAIN_ID, governance=to_canonical_address(governance)
    )
    core, config_hash = genesis.new_core(), genesis.config_hash()
    parameters = ChainParameters(CHAIN_ID, operator, governance, config_hash, core.root(), program)
    deployment = deploy_devnet(l1, parameters)
    domain = SigningDomain(
        l1_chain_id=l1.chain_id,
        gateway=to_canonical_address(deployment.gateway),
        chain_id=CHAIN_ID,
    )
    journal = Journal(journal_path, domain.deployment_hash(config_hash))
    limits = None if proofs is None else BatchLimits()
    sequencer = Sequencer(core, domain, config_hash, journal=journal, limits=limits)
    proving: Proving | None = None
    facts: FactSource
    if proofs is None:
        facts = AttestedFacts(l1, deployment.contracts[ATTESTED_FACTS], l1.private_key(operator))
    else:
        proving = _prove(l1, deployment, genesis, proofs, executor or ThreadPoolExecutor(1))
        facts = proving.facts
    service = SettlementService(l1, deployment, genesis, facts, sequencer)
    return Exchange(l1, deployment, genesis, domain, journal, sequencer, service, proving)


def _prove(
    l1: L1Client,
    deployment: Deployment,
    genesis: GenesisConfig,
    store: ProofStore,
    executor: Executor,
) -> Proving:
    statement = Statement(
        l1_chain_id=l1.chain_id,
        chain_id=CHAIN_ID,
        gateway=to_canonical_address(deployment.gateway),
    )
    builder = WitnessBuilder.at_genesis(genesis.config_hash(), genesis.governance)
    prover = BatchProver(builder, statement, store, executor, profiles=(PROFILE,))
    facts = ProvenFacts(
        VerifierClient(l1, deployment.contracts[VERIFIER], l1.accounts[0]),
        program_id(PROFILE),
        lambda batch: prover.proof(batch.number, PROFILE).data,
    )
    return Proving(prover, store, facts)


def market_ops(tick_price_units: int) -> list[op.Op]:
    """Return the admin ops that list both assets, the fee tiers and the ether/USDC market."""
    steps = {QUOTE_ASSET: QUOTE_STEP_UNITS, ETHER_ASSET: 1}
    return [
        *(
            op.AdminAsset(
                asset=asset,
                flags=AssetFlag.DEPOSITS_OPEN,
                withdraw_step_units=step,
                deposit_cap_units=VALUE_LIMIT - 1,
            )
            for asset, step in steps.items()
        ),
        op.AdminFeeTier(
            table=0,
            tier=RETAIL_TIER,
            flags=TierFlag.SELF_SERVICE,
            maker_ppm=0,
            taker_ppm=0,
            quota_per_minute=_RETAIL_QUOTA_PER_MINUTE,
        ),
        op.AdminFeeTier(table=0, tier=API_TIER, maker_ppm=_API_MAKER_PPM, taker_ppm=_API_TAKER_PPM),
        op.AdminMarket(
            market=MARKET,
            market_kind=MarketKind.SPOT,
            status=MarketStatus.OPEN,
            sz_decimals=SZ_DECIMALS,
            base_asset=ETHER_ASSET,
            tick=tick_price_units,
            fee_account=FEE_ACCOUNT,
            insurance_account=INSURANCE_ACCOUNT,
            min_size_lots=LOTS_PER_SIZE,
        ),
    ]


def enqueue_admin(l1: L1Client, deployment: Deployment, ops: Sequence[op.Op]) -> None:
    """Queue admin ops on L1 as governance."""
    half = op.AdminAsset.LAYOUT.size // 2
    for each in ops:
        data = each.to_bytes()
        l1.transact(
            "PriorityQueue",
            deployment.queue,
            "enqueue_admin",
            deployment.chain_id,
            data[:half],
            data[half:],
            sender=l1.accounts[ROLE_COUNT - 1],
        )


def deposit(
    l1: L1Client, deployment: Deployment, depositor: str, asset_id: int, amount_native: int
) -> None:
    """Deposit wei or token base units; tokens are minted and approved first."""
    chain_id, vault = deployment.chain_id, deployment.vault
    value_wei = amount_native if asset_id == ETHER_ASSET else 0
    if asset_id == QUOTE_ASSET:
        token = deployment.contracts["TokenMock"]
        l1.transact("TokenMock", token, "mint", depositor, amount_native)
        l1.transact("TokenMock", token, "approve", vault, amount_native, sender=depositor)
    l1.transact(
        "CollateralVault",
        vault,
        "deposit",
        chain_id,
        asset_id,
        amount_native,
        sender=depositor,
        value_wei=value_wei,
    )


def fund_traders(
    l1: L1Client, deployment: Deployment, flow: DemoFlow, progress: Progress
) -> list[Trader]:
    """Deposit both legs for every account of the flow; return the traders in their order.

    Ether deposits carry a few wei that no unit can express, so that the vault ends with a surplus.
    """
    traders: list[Trader] = []
    quote_units, base_units = flow.needs()
    for number in range(flow.n_accounts):
        address = l1.accounts[ROLE_COUNT + number]
        whole_usdc = int(quote_units[number]) // 10**UNIT_DECIMALS + 1
        deposit(l1, deployment, address, QUOTE_ASSET, whole_usdc * 10**QUOTE_DECIMALS)
        surplus_wei = number + 1
        ether_wei = (int(base_units[number]) + 1) * WEI_PER_UNIT + surplus_wei
        deposit(l1, deployment, address, ETHER_ASSET, ether_wei)
        traders.append(_trader(l1, deployment, address))
        progress(number + 1, flow.n_accounts)
    return traders


def _trader(l1: L1Client, deployment: Deployment, address: str) -> Trader:
    master = l1.call("PriorityQueue", deployment.queue, "account_of", deployment.chain_id, address)
    owner_key = l1.private_key(address)
    return Trader(
        address=address,
        account_id=cast("int", master) * SUB_ACCOUNTS_PER_MASTER,
        owner=SigningKey(owner_key),
        # A demo key that needs no storage of its own; real agents draw theirs at random.
        agent=SigningKey(hashlib.sha256(b"demo agent" + owner_key).digest()),
        next_nonce=wall_clock_ms(),
    )
