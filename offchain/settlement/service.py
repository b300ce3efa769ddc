"""Settlement service: L1 records to the sequencer, sealed batches and claims to L1.

One settlement carries one batch or several that follow each other; what stands behind it comes from
a fact source: a proof of the batch, or on a local network the operator's signature. A chain in mode
rollup has its state diff published first. What several chains settle together is for
:mod:`offchain.settlement.bundle`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_utils.address import to_canonical_address, to_checksum_address

from offchain.engine.batch import SealedBatch, range_commitment
from offchain.engine.genesis import GenesisConfig
from offchain.engine.sequencer import Sequencer
from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.chain_lists import ChainLists, ChainPart, arguments_of, chain_lists
from offchain.settlement.deployment import Deployment
from offchain.settlement.fact_source import FactSource
from offchain.settlement.l1 import ContractRevertedError, L1Client
from offchain.settlement.messages import (
    ChainTerms,
    Flow,
    Position,
    channels_root,
    flows_root,
    pledges_root,
)
from offchain.settlement.priority import PriorityKind
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.publication import DiffPublisher
from offchain.settlement.valuation import valuation_hash
from offchain.settlement.watcher import PriorityWatcher
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from offchain.witness.format import DaMode

# Called with (done, in all).
Progress = Callable[[int, int], None]


class SettlementError(Exception):
    """L1 and the journal tell different stories; the message says where they part."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Batches that L1 has accepted at once.

    Attributes
    ----------
    batches : tuple of SealedBatch
        What the sequencer sealed, in order, at least one.
    output : PublicOutput
        What L1 was told.
    flows : tuple of Flow
        Sums of consumed deposits and of withdrawals, by ascending asset.
    lists : ChainLists
        Messages and pledges.
    tree : WithdrawalTree
        The withdrawals of all of them, in order; keyed by the last batch.
    """

    batches: tuple[SealedBatch, ...]
    output: PublicOutput
    flows: tuple[Flow, ...]
    lists: ChainLists
    tree: WithdrawalTree

    @property
    def part(self) -> ChainPart:
        """What `settle` is called with for this chain."""
        return ChainPart(self.output, self.flows, self.lists)


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """What became of the withdrawals of one settlement.

    Attributes
    ----------
    paid : int
        Paid by this call.
    already_paid : int
        Found paid: anyone may claim for an owner.
    failed : dict of int to str
        L1's reason by index of the withdrawal; to be tried again.
    """

    paid: int
    already_paid: int
    failed: dict[int, str]


class SettlementService:
    """Moves one chain's batches and money between sequencer and L1.

    Parameters
    ----------
    l1 : L1Client
        L1; its first account pays for settlements and claims.
    deployment : Deployment
        Where the contracts are.
    genesis : GenesisConfig
        As registered.
    facts : FactSource
        What stands behind a settlement.
    sequencer : Sequencer
        The chain's sequencer.

    Raises
    ------
    SettlementError
        If L1 is not where the sequencer's journal says, or ahead of it.
    """

    def __init__(
        self,
        l1: L1Client,
        deployment: Deployment,
        genesis: GenesisConfig,
        facts: FactSource,
        sequencer: Sequencer,
    ) -> None:
        self._l1 = l1
        self._deployment = deployment
        self._config_hash = genesis.config_hash()
        self._facts = facts
        self._sequencer = sequencer
        terms = self._terms()
        self._check_start(terms)
        self._da_mode = DaMode(terms.da_mode)
        self._publisher: DiffPublisher | None = None
        if self._da_mode == DaMode.ROLLUP:
            self._publisher = DiffPublisher(l1, deployment, genesis)
        header = sequencer.state.header()
        self._watcher = PriorityWatcher(
            l1,
            deployment.queue,
            deployment.chain_id,
            header.next_priority_index,
            header.priority_accumulator,
        )

    def feed_priority(self) -> int:
        """Give the sequencer what L1 queued since; return the number of records.

        Raises
        ------
        WatcherError
            If L1 reports a queue with a gap.
        """
        records = self._watcher.poll()
        for record in records:
            self._sequencer.submit_priority(record.to_bytes())
        return len(records)

    def settled_root(self) -> bytes:
        """Return the state root that L1 holds, 32 bytes."""
        return self._position().state_root

    def unsettled(self) -> list[SealedBatch]:
        """Return the sealed batches that L1 has not settled yet, in order."""
        return self._sequencer.sealed[self._position().last_batch :]

    def settlements(self) -> list[Settlement]:
        """Return what L1 has settled so far, in order, rebuilt from its events and the journal.

        Raises
        ------
        SettlementError
            If an event is not about what the journal holds.
        """
        settlements = []
        gateway = self._deployment.gateway
        for log in self._l1.events("Gateway", gateway, "Settled"):
            event = log["args"]
            if event["chain_id"] == self._deployment.chain_id:
                batches = self._sequencer.sealed[event["first_batch"] - 1 : event["last_batch"]]
                settlement = self.prepare(batches)
                if settlement.output.digest() != bytes(event["public_output_hash"]):
                    raise SettlementError(
                        f"L1 settled another output up to batch {event['last_batch']}"
                    )
                settlements.append(settlement)
        return settlements

    def settle(self, batches: Sequence[SealedBatch]) -> Settlement:
        """Settle batches at once, after their data is public and their fact established on L1.

        A backlog is best settled whole: L1 refuses a settlement that leaves out an L1 record older
        than `FORCE_EXPIRY_S`, which only a later batch may have consumed.

        Parameters
        ----------
        batches : sequence of SealedBatch
            At least one, without a gap.

        Raises
        ------
        ValueError
            If there is no batch, a gap, or more withdrawals than L1 can take at once.
        FactSourceError
            If there is no fact to be had for them; a proof is of one batch.
        ContractRevertedError
            With the gateway's reason; nothing is settled then.
        """
        settlement = self.prepare(batches)
        self.establish(settlement)
        arguments = arguments_of([settlement.part]).to_arguments()
        self._l1.transact("Gateway", self._deployment.gateway, "settle", *arguments)
        return settlement

    def establish(self, settlement: Settlement) -> None:
        """Make a settlement's data public and its fact known on L1.

        Raises
        ------
        FactSourceError
            If there is no fact to be had for it; a proof is of one batch.
        """
        if self._publisher is not None:
            self._publisher.publish(settlement.batches)
        self._facts.establish(settlement.batches, settlement.output)

    def is_paid(self, settlement: Settlement, index: int) -> bool:
        """Return whether L1 has paid a withdrawal of a settlement."""
        tree, gateway = settlement.tree, self._deployment.gateway
        paid = self._l1.call("Gateway", gateway, "is_consumed", tree.chain_id, tree.batch, index)
        return bool(paid)

    def claim(self, settlement: Settlement, progress: Progress | None = None) -> ClaimReport:
        """Claim every withdrawal of a settlement that is not paid yet for its owner.

        A claim that reverts does not keep the others from being paid.
        """
        tree, paid, already_paid = settlement.tree, 0, 0
        failed: dict[int, str] = {}
        for index, withdrawal in enumerate(tree.withdrawals):
            if self.is_paid(settlement, index):
                already_paid += 1
            else:
                try:
                    self._claim_one(tree, index, withdrawal)
                    paid += 1
                except ContractRevertedError as error:
                    failed[index] = str(error)
            if progress is not None:
                progress(index + 1, len(tree.withdrawals))
        return ClaimReport(paid, already_paid, failed)

    def _claim_one(self, tree: WithdrawalTree, index: int, withdrawal: Withdrawal) -> None:
        self._l1.transact(
            "CollateralVault",
            self._deployment.vault,
            "claim",
            tree.chain_id,
            tree.batch,
            index,
            to_checksum_address(withdrawal.owner),
            withdrawal.asset_id,
            withdrawal.amount_units,
            tree.path(index),
        )

    def prepare(self, batches: Sequence[SealedBatch]) -> Settlement:
        """Return what L1 is to be told of batches; nothing is sent.

        Raises
        ------
        ValueError
            If there is no batch, a gap, or more withdrawals than L1 can take at once.
        """
        if not batches:
            raise ValueError("there is no batch to settle")
        first, last = batches[0], batches[-1]
        numbers = [batch.number for batch in batches]
        if numbers != list(range(first.number, first.number + len(batches))):
            raise ValueError(f"batches {numbers} do not follow each other")
        withdrawals = [
            Withdrawal(each.owner, each.asset, each.amount_units)
            for batch in batches
            for each in batch.withdrawals
        ]
        tree = WithdrawalTree(self._deployment.chain_id, last.number, withdrawals)
        flows = self._flows(first.priority_first, last.priority_next, withdrawals)
        lists = chain_lists(self._deployment.chain_id, batches)
        output = PublicOutput(
            l1_chain_id=self._deployment.l1_chain_id,
            gateway=to_canonical_address(self._deployment.gateway),
            chain_id=self._deployment.chain_id,
            config_hash=self._config_hash,
            old_root=first.old_root,
            new_root=last.new_root,
            first_batch=first.number,
            last_batch=last.number,
            first_time_s=first.first_time_s,
            last_time_s=last.last_time_s,
            first_slot=first.first_slot,
            last_slot=last.last_slot,
            priority_first=first.priority_first,
            priority_next=last.priority_next,
            priority_accumulator=last.priority_accumulator,
            oracle_first=first.oracle_first,
            oracle_next=last.oracle_next,
            oracle_accumulator=last.oracle_accumulator,
            channels_root=channels_root(lists.channels),
            flows_root=flows_root(flows),
            withdrawals_root=tree.root,
            reservations_root=pledges_root(lists.pledges),
            valuation_hash=valuation_hash(last.valuation_table),
            da_mode=self._da_mode,
            da_commitment=self._da_commitment(batches),
            inputs_commitment=range_commitment(batches),
            receipts_head=last.receipts_head,
        )
        return Settlement(tuple(batches), output, flows, lists, tree)

    def _da_commitment(self, batches: Sequence[SealedBatch]) -> bytes:
        if self._publisher is None:
            return ZERO_WORD
        self._publisher.follow(self._sequencer.sealed[: batches[-1].number])
        return self._publisher.commitment(batches)

    def _flows(
        self, first: int, following: int, withdrawals: Sequence[Withdrawal]
    ) -> tuple[Flow, ...]:
        """Sum the deposits among the consumed records, and the withdrawals, by asset."""
        deposited: Counter[int] = Counter()
        logs = self._l1.events("PriorityQueue", self._deployment.queue, "PriorityQueued")
        for log in logs:
            record = log["args"]
            if (
                record["chain_id"] == self._deployment.chain_id
                and first <= record["index"] < following
                and record["kind"] == PriorityKind.DEPOSIT
            ):
                deposited[record["asset_id"]] += record["amount_units"]
        withdrawn: Counter[int] = Counter()
        for withdrawal in withdrawals:
            withdrawn[withdrawal.asset_id] += withdrawal.amount_units
        return tuple(
            Flow(self._deployment.chain_id, asset, deposited[asset], withdrawn[asset])
            for asset in sorted(deposited.keys() | withdrawn.keys())
        )

    def _position(self) -> Position:
        gateway, chain_id = self._deployment.gateway, self._deployment.chain_id
        position = self._l1.call("Gateway", gateway, "position", chain_id)
        return Position.from_tuple(cast("Sequence[Any]", position))

    def _terms(self) -> ChainTerms:
        registry, chain_id = self._deployment.registry, self._deployment.chain_id
        terms = self._l1.call("ChainRegistry", registry, "terms", chain_id)
        return ChainTerms.from_tuple(cast("Sequence[Any]", terms))

    def _check_start(self, terms: ChainTerms) -> None:
        """Compare L1 with what the journal rebuilt."""
        position, sealed = self._position(), self._sequencer.sealed
        last_batch = position.last_batch
        if terms.version.config_hash != self._config_hash:
            raise SettlementError("L1 registered the chain with another config hash")
        if last_batch > len(sealed):
            raise SettlementError(
                f"L1 settled batch {last_batch}, but the journal holds only {len(sealed)} batches"
            )
        roots = [batch.old_root for batch in sealed] + [self._sequencer.open_batch_root]
        if position.state_root != roots[last_batch]:
            raise SettlementError(f"L1 holds another state root after batch {last_batch}")
        header = self._sequencer.state.header()
        accumulator = self._l1.call(
            "PriorityQueue",
            self._deployment.queue,
            "accumulator_after",
            self._deployment.chain_id,
            header.next_priority_index,
        )
        if accumulator != header.priority_accumulator:
            raise SettlementError(
                f"the {header.next_priority_index} L1 records that the journal consumed "
                "are not those of L1's queue"
            )
