"""The demo's exchange: L1 contracts, sequencer and settlement service, funded to trade."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_utils.address import to_canonical_address

from offchain.demo.clock import DemoClock, TimedL1
from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.engine.row_meter import BatchLimits
from offchain.engine.sequencer import Sequencer
from offchain.engine.signing import SigningDomain
from offchain.proving.program import program_id
from offchain.proving.service import BatchProver
from offchain.proving.store import ProofStore
from offchain.security.parameters import SETTLE
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import (
    ATTESTED_FACTS,
    ChainParameters,
    ProgramIds,
    deploy_devnet,
)
from offchain.settlement.fact_source import AttestedFacts, FactSource, ProvenFacts
from offchain.settlement.l1 import L1Client
from offchain.settlement.service import SettlementService
from offchain.settlement.verifier_client import VerifierClient
from offchain.settlement.verifier_deployment import ENTRY as VERIFIER
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import DaMode, Statement

CHAIN_ID: Final = 1
FEED_SET: Final = 1  # of the oracle hub; the chain has to consume its snapshots
PROFILE: Final = SETTLE.name  # of the proofs for L1
ROLE_COUNT: Final = 3  # deployer, operator, governance; traders' L1 accounts follow


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything of one chain that the demo talks to; without a prover it is attested."""

    l1: TimedL1
    clock: DemoClock
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
    l1: TimedL1,
    journal_path: Path,
    proofs: ProofStore | None = None,
    executor: Executor | None = None,
) -> Exchange:
    """Deploy the contracts and start the chain, a rollup, at its genesis.

    Parameters
    ----------
    l1 : TimedL1
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
    config_hash, root = genesis.config_hash(), genesis.new_core().root()
    parameters = ChainParameters(
        chain_id=CHAIN_ID,
        operator=operator,
        governance=governance,
        config_hash=config_hash,
        genesis_root=root,
        program=program,
        da_mode=DaMode.ROLLUP,
        feed_set_id=FEED_SET,
    )
    deployment = deploy_devnet(l1, parameters)
    return start_exchange(l1, deployment, genesis, journal_path, proofs, executor)


def start_exchange(
    l1: TimedL1,
    deployment: Deployment,
    genesis: GenesisConfig,
    journal_path: Path,
    proofs: ProofStore | None = None,
    executor: Executor | None = None,
) -> Exchange:
    """Start the chain of a deployment where its journal ends.

    Parameters
    ----------
    l1, proofs, executor
        See `open_exchange`.
    deployment : Deployment
        Where the contracts are.
    genesis : GenesisConfig
        As registered.
    journal_path : Path
        A new journal is begun if there is none.

    Raises
    ------
    JournalError
        If the journal is damaged, or of another chain.
    SettlementError
        If L1 is not where the journal says.
    """
    domain = SigningDomain(
        l1_chain_id=l1.chain_id,
        gateway=to_canonical_address(deployment.gateway),
        chain_id=genesis.chain_id,
    )
    config_hash = genesis.config_hash()
    journal = Journal(journal_path, domain.deployment_hash(config_hash))
    limits = None if proofs is None else BatchLimits(has_diff=True)
    clock = DemoClock(l1)
    sequencer = Sequencer(
        genesis.new_core(),
        domain,
        config_hash,
        journal=journal,
        clock_ms=clock.now_ms,
        limits=limits,
    )
    proving: Proving | None = None
    facts: FactSource
    if proofs is None:
        operator_key = l1.private_key(l1.accounts[1])
        facts = AttestedFacts(l1, deployment.contracts[ATTESTED_FACTS], operator_key)
    else:
        proving = _prove(l1, deployment, genesis, proofs, executor or ThreadPoolExecutor(1))
        facts = proving.facts
    service = SettlementService(l1, deployment, genesis, facts, sequencer)
    return Exchange(l1, clock, deployment, genesis, domain, journal, sequencer, service, proving)


def _prove(
    l1: L1Client,
    deployment: Deployment,
    genesis: GenesisConfig,
    store: ProofStore,
    executor: Executor,
) -> Proving:
    statement = Statement(
        l1_chain_id=l1.chain_id,
        chain_id=genesis.chain_id,
        gateway=to_canonical_address(deployment.gateway),
        da_mode=DaMode.ROLLUP,
    )
    builder = WitnessBuilder.at_genesis(genesis.config_hash(), genesis.governance)
    prover = BatchProver(builder, statement, store, executor, profiles=(PROFILE,))
    facts = ProvenFacts(
        VerifierClient(l1, deployment.contracts[VERIFIER], l1.accounts[0]),
        program_id(PROFILE),
        lambda batch: prover.proof(batch.number, PROFILE).data,
    )
    return Proving(prover, store, facts)
