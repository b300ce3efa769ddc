"""Two chains with a link on one L1: contracts, sequencers, relay and settlement, in one process.

The *keeper* has the collateral in its books on L1, the *holder* counts what is pledged to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, cast

from eth_utils.address import to_canonical_address

from offchain.demo.listing import enqueue_admin
from offchain.demo.traders import deposit
from offchain.engine.genesis import GenesisConfig
from offchain.engine.row_meter import BatchLimits
from offchain.engine.sequencer import Receipt, Sequencer
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.proving.program import program_id
from offchain.proving.service import BatchProver
from offchain.proving.store import ProofStore
from offchain.security.parameters import SETTLE
from offchain.settlement.bundle import Bundler
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import (
    ATTESTED_FACTS,
    QUOTE_ASSET,
    QUOTE_DECIMALS,
    STAKED_ASSET,
    ChainParameters,
    ProgramIds,
    deploy_devnet,
    register_chain,
)
from offchain.settlement.fact_source import AttestedFacts, FactSource, ProvenFacts
from offchain.settlement.l1 import L1Client
from offchain.settlement.priority import SUB_ACCOUNTS_PER_MASTER
from offchain.settlement.relay import HeldClock, Relay
from offchain.settlement.service import SettlementService
from offchain.settlement.verifier_client import VerifierClient
from offchain.settlement.verifier_deployment import ENTRY as VERIFIER
from offchain.spec import op
from offchain.spec.constants import LINK_ASSET, VALUE_LIMIT
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind
from offchain.spec.link_op import AdminChannel, AdminLink
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement

KEEPER_ID: Final = 1
HOLDER_ID: Final = 2
WSTETH: Final = STAKED_ASSET  # as L1 and the keeper call it
PLEDGED: Final = LINK_ASSET  # what stands for it on the holder
CHANNEL: Final = 0  # of either chain to the other
# Accounts of L1.
OPERATOR: Final = 1
GOVERNANCE: Final = 2
ALICE: Final = 3
MAKER: Final = 4
ACCOUNTS: Final = 5  # with the deployer
UNITS: Final = 10**8
_DECIMALS: Final = {QUOTE_ASSET: QUOTE_DECIMALS, WSTETH: 18}
_MS_PER_S: Final = 1_000


class LinkedChain:
    """One of the chains, and those who use it.

    Parameters
    ----------
    l1 : L1Client
        L1.
    deployment : Deployment
        With the id of this chain.
    genesis : GenesisConfig
        As registered.
    clock : HeldClock
        Of both chains.
    proofs : ProofStore, optional
        Where proofs are kept; None: the operator attests.
    executor : Executor
        Runs the proofs.

    Attributes
    ----------
    l1, deployment, genesis
        As given.
    chain_id : int
        Of this chain.
    domain : SigningDomain
        What users sign for.
    sequencer : Sequencer
        Without a journal.
    service : SettlementService
        For settling this chain alone, and for its records and claims.
    """

    def __init__(
        self,
        l1: L1Client,
        deployment: Deployment,
        genesis: GenesisConfig,
        clock: HeldClock,
        proofs: ProofStore | None,
        executor: Executor,
    ) -> None:
        self.l1 = l1
        self.deployment = deployment
        self.genesis = genesis
        self.chain_id = genesis.chain_id
        gateway = to_canonical_address(deployment.gateway)
        self.domain = SigningDomain(
            l1_chain_id=l1.chain_id, gateway=gateway, chain_id=genesis.chain_id
        )
        self.sequencer = Sequencer(
            genesis.new_core(),
            self.domain,
            genesis.config_hash(),
            clock_ms=clock,
            limits=BatchLimits() if proofs else None,
        )
        facts = self._facts(genesis, proofs, executor)
        self.service = SettlementService(l1, deployment, genesis, facts, self.sequencer)
        self._clock = clock
        self._nonces = count()

    def _facts(
        self, genesis: GenesisConfig, proofs: ProofStore | None, executor: Executor
    ) -> FactSource:
        contracts, l1 = self.deployment.contracts, self.l1
        if proofs is None:
            key = l1.private_key(l1.accounts[OPERATOR])
            return AttestedFacts(l1, contracts[ATTESTED_FACTS], key)
        statement = Statement(l1.chain_id, genesis.chain_id, self.domain.gateway)
        builder = WitnessBuilder.at_genesis(genesis.config_hash(), genesis.governance)
        prover = BatchProver(builder, statement, proofs, executor, profiles=(SETTLE.name,))

        def proof_of(number: int) -> bytes:
            for batch in self.sequencer.sealed[prover.taken : number]:
                prover.take(batch)
            return prover.proof(number, SETTLE.name).data

        return ProvenFacts(
            VerifierClient(l1, contracts[VERIFIER], l1.accounts[0]),
            program_id(SETTLE.name),
            lambda batch: proof_of(batch.number),
        )

    def administer(self, ops: Sequence[op.Op]) -> None:
        """Queue admin ops on L1 as governance."""
        enqueue_admin(self.l1, self.deployment, self.l1.accounts[GOVERNANCE], ops)

    def deposit(self, who: int, asset: int, tokens: int) -> None:
        """Mint whole tokens to an account of L1 and deposit them."""
        deposit(self, self.l1.accounts[who], asset, tokens * 10 ** _DECIMALS[asset])

    def feed(self) -> None:
        """Give the sequencer what L1 queued since."""
        self.service.feed_priority()

    def account_of(self, who: int) -> int:
        """Return the engine's account of an account of L1 that has deposited."""
        arguments = self.chain_id, self.l1.accounts[who]
        master = self.l1.call("PriorityQueue", self.deployment.queue, "account_of", *arguments)
        return cast("int", master) * SUB_ACCOUNTS_PER_MASTER

    def submit(self, who: int, *ops: op.Op) -> Receipt:
        """Sign ops with the owner's key and hand them to the sequencer."""
        key = SigningKey(self.l1.private_key(self.l1.accounts[who]))
        envelope = Envelope(
            kind=EnvelopeKind.USER,
            account=self.account_of(who),
            nonce=self._clock() + next(self._nonces),
            arrival_ms=0,
            payload=b"".join(each.to_bytes() for each in ops),
        )
        return self.sequencer.submit(key.sign(self.domain, envelope).to_bytes())


@dataclass(frozen=True, slots=True)
class LinkedChains:
    """Both chains and what joins them."""

    l1: L1Client
    clock: HeldClock
    keeper: LinkedChain
    holder: LinkedChain
    relay: Relay
    bundler: Bundler

    @property
    def chains(self) -> tuple[LinkedChain, LinkedChain]:
        """Keeper and holder."""
        return self.keeper, self.holder

    def seal(self) -> None:
        """Seal what is open and deliver what was sent, until nothing is left."""
        taken = 1
        while taken:
            taken = 0
            for chain in self.chains:
                if not chain.sequencer.is_batch_empty:
                    chain.sequencer.seal()
                taken += self.relay.carry()

    def balance(self, chain: LinkedChain, asset: int) -> int:
        """Return what L1 has booked for a chain, in units."""
        return self._ledger("balance_units", chain.chain_id, asset)

    def pledged(self, asset: int) -> int:
        """Return what the keeper has pledged to the holder on L1, in units."""
        return self._ledger("pledged_units", KEEPER_ID, HOLDER_ID, asset)

    def _ledger(self, function: str, *arguments: int) -> int:
        gateway = self.keeper.deployment.gateway
        return cast("int", self.l1.call("Gateway", gateway, function, *arguments))


def open_linked_chains(
    l1: L1Client, proofs: Path | None = None, executor: Executor | None = None
) -> LinkedChains:
    """Deploy the contracts, register both chains, and link the keeper's wstETH to the holder.

    Parameters
    ----------
    l1 : L1Client
        A local one; its first accounts become deployer, operator and governance.
    proofs : Path, optional
        Folder for proofs of both chains; None: the operator attests.
    executor : Executor, optional
        Runs the proofs; by default one after the other in a thread.
    """
    program = ProgramIds(program_id(SETTLE.name), SETTLE.parameters_id) if proofs else None
    operator, governance = l1.accounts[OPERATOR], l1.accounts[GOVERNANCE]
    clock = HeldClock(lambda: _MS_PER_S * l1.now_s)
    executor = executor or ThreadPoolExecutor(1)
    deployment: Deployment | None = None
    chains: list[LinkedChain] = []
    for chain_id in (KEEPER_ID, HOLDER_ID):
        genesis = GenesisConfig(
            l1_chain_id=l1.chain_id,
            chain_id=chain_id,
            governance=to_canonical_address(governance),
        )
        root = genesis.new_core().root()
        config_hash = genesis.config_hash()
        parameters = ChainParameters(chain_id, operator, governance, config_hash, root, program)
        if deployment is None:
            deployment = deploy_devnet(l1, parameters)
        else:
            deployment = register_chain(l1, deployment, parameters)
        store = ProofStore(proofs / f"chain-{chain_id}") if proofs else None
        chains.append(LinkedChain(l1, deployment, genesis, clock, store, executor))
    keeper, holder = chains
    list_assets(keeper, holder)
    relay = Relay({each.chain_id: each.sequencer for each in chains}, clock)
    services = {each.chain_id: each.service for each in chains}
    bundler = Bundler(l1, keeper.deployment.gateway, services)
    return LinkedChains(l1, clock, keeper, holder, relay, bundler)


def list_assets(keeper: LinkedChain, holder: LinkedChain) -> None:
    """List what is deposited, make the channels, and let an asset stand for the keeper's wstETH."""
    keeper.administer(
        [
            _asset(WSTETH),
            AdminChannel(channel=CHANNEL, peer_chain_id=HOLDER_ID, own_chain_id=KEEPER_ID),
        ]
    )
    holder.administer(
        [
            _asset(QUOTE_ASSET),
            _asset(WSTETH),  # what is seized arrives as this
            _asset(PLEDGED, flags=0),
            AdminChannel(channel=CHANNEL, peer_chain_id=KEEPER_ID, own_chain_id=HOLDER_ID),
            AdminLink(asset=PLEDGED, channel=CHANNEL, peer_asset=WSTETH),
        ]
    )


def _asset(asset: int, flags: int = AssetFlag.DEPOSITS_OPEN) -> op.AdminAsset:
    return op.AdminAsset(
        asset=asset, flags=flags, withdraw_step_units=1, deposit_cap_units=VALUE_LIMIT - 1
    )
