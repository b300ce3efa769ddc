"""Sequencer: the one writer of a chain.

A user's envelope passes three doors: its form, its signature, the state transition. What passed is
appended to the journal, so that replaying the journal rebuilds the same state; what did not has
changed nothing. Records, messages and snapshots of L1 and of peers come through doors of their own.

The journal is synced when a batch is sealed, before anyone sees it: what a crash may lose is never
settled. A batch is also sealed before its withdrawals or messages could outnumber what L1 can take
at once, and when its proof gets too long; but never between a request for pledged collateral and
its answer, which settle in one batch or not at all. Until the answer is there users wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from offchain.core.binding import Core, EventArray
from offchain.engine.batch import SealedBatch
from offchain.engine.journal import Journal
from offchain.engine.row_meter import BatchLimits
from offchain.engine.signing import SigningDomain, check_signature
from offchain.engine.writer import Writer
from offchain.spec import op
from offchain.spec.checks import require
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind
from offchain.spec.link_op import Seize
from offchain.spec.message import Message
from offchain.spec.risk_op import PriceReport, Snapshot

_NS_PER_MS: Final = 1_000_000


class CongestedError(Exception):
    """The exchange takes no new risk now; nothing has changed. The message says what to do."""


def admit_all(_envelope: Envelope) -> None:
    """Admit every envelope."""


def wall_clock_ms() -> int:
    """Return the system's time, milliseconds since the epoch."""
    return time.time_ns() // _NS_PER_MS


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an envelope.

    Attributes
    ----------
    arrival_ms : int
        Arrival time that the sequencer gave it, milliseconds since the epoch.
    events : array of EVENT_DTYPE
        Its events and those of the continuations that it left, in order.
    """

    arrival_ms: int
    events: EventArray


class Sequencer(Writer):
    """Orders, checks, applies and records envelopes of one chain.

    Parameters
    ----------
    core : Core
        Core at genesis.
    domain : SigningDomain
        What users' signatures name.
    config_hash : bytes
        32 bytes, as the core was made with.
    journal : Journal, optional
        Replayed first, then written; without one nothing outlives the process.
    clock_ms : callable
        Present time, milliseconds since the epoch; it may jump back, arrival times do not.
    limits : BatchLimits, optional
        At what length of its proof a batch is sealed; None: only when asked.
    admission : callable
        Given each user's envelope whose signature is right; refuses it by raising CongestedError.

    Attributes
    ----------
    state : StateView
        Read access to the present state.
    sealed : list of SealedBatch
        All batches sealed so far, replayed ones included.
    core_ns : int
        Time spent inside the core by envelopes, in nanoseconds; a replay counts as well.

    Raises
    ------
    JournalError
        If the journal is damaged.
    OpError
        If the journal holds an envelope that this core refuses.
    """

    def __init__(
        self,
        core: Core,
        domain: SigningDomain,
        config_hash: bytes,
        *,
        journal: Journal | None = None,
        clock_ms: Callable[[], int] = wall_clock_ms,
        limits: BatchLimits | None = None,
        admission: Callable[[Envelope], None] = admit_all,
    ) -> None:
        super().__init__(core, config_hash, journal=journal, clock_ms=clock_ms, limits=limits)
        self._domain = domain
        self._admission = admission

    def submit(self, envelope: bytes) -> Receipt:
        """Admit a user's envelope.

        Parameters
        ----------
        envelope : bytes
            USER envelope as received; its arrival time is overwritten.

        Raises
        ------
        OpError
            If its form is wrong, it is no USER envelope, or the transition refuses it as a whole.
            Single ops that were refused are REJECTED events of the receipt.
        SignatureError
            If the signature is not its signer's for this chain.
        CongestedError
            If proofs are too far behind for new risk, or a peer's answer is due.
        SequencerStoppedError
            If the journal failed, now or before; the other methods raise it as well.
        """
        received = Envelope.from_bytes(envelope)
        require(received.kind == EnvelopeKind.USER, ErrorCode.ENVELOPE_OP_NOT_ALLOWED)
        check_signature(self._domain, received)
        self._admission(received)
        self._check_answered()
        arrival_ms = self._arrive()
        self._make_room()
        return self._admit(replace(received, arrival_ms=arrival_ms))

    def submit_priority(self, record: bytes) -> Receipt:
        """Consume the next record of L1's queue, 256 bytes.

        Raises
        ------
        OpError
            PRIORITY_OUT_OF_ORDER, or ENVELOPE_MALFORMED if it has another length.
        """
        arrival_ms = self._arrive()
        self._make_room()
        return self._admit(
            Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=arrival_ms, payload=record)
        )

    def submit_message(self, message: Message) -> Receipt:
        """Take the next message of a peer; its `channel` may be anything.

        Raises
        ------
        OpError
            UNKNOWN_PEER, MESSAGE_OUT_OF_ORDER, MESSAGE_AHEAD, or ENVELOPE_MALFORMED if it cannot
            be a message.
        """
        arrival_ms = self._arrive()
        self._make_room()
        peers = [channel.peer_chain_id for channel in self.state.channels()]
        require(message.from_chain in peers, ErrorCode.UNKNOWN_PEER)
        here = replace(message, channel=peers.index(message.from_chain))
        return self._admit(
            Envelope(kind=EnvelopeKind.MESSAGE, arrival_ms=arrival_ms, payload=here.to_payload())
        )

    def submit_snapshot(self, payload: bytes) -> Receipt:
        """Take the next snapshot of L1's oracle hub, as `OracleSnapshot.to_payload` gives it.

        Accounts that its prices take below maintenance are liquidated before this returns.

        Raises
        ------
        OpError
            ORACLE_OUT_OF_ORDER, ORACLE_AHEAD, or ENVELOPE_MALFORMED if it cannot be a snapshot.
        """
        arrival_ms = self._arrive()
        self._make_room()
        envelope = Envelope(kind=EnvelopeKind.ORACLE, arrival_ms=arrival_ms, payload=payload)
        parts = [self._take(envelope.to_bytes()), *self._work_off(), *self._liquidate()]
        return Receipt(arrival_ms, np.concatenate(parts))

    def seize(self, peers: Collection[int], limit: int) -> int:
        """Ask peers for what liquidations took of their pledges; return the number of requests.

        The batch is sealed after their answers only, so this is for whoever delivers them at once.
        What a frozen peer had pledged is redeemed here, without a request.

        Parameters
        ----------
        peers : collection of int
            Chain ids of those whose answers will be delivered.
        limit : int
            Most requests; the rest stays for later.
        """
        self._arrive()
        for _, seize in self._claims(is_severed=True):
            self._make_room()
            self._system(seize)
        asked = self.claims(peers)[:limit]
        for seize in asked:
            self._make_room()
            self._system(seize)
        return len(asked)

    def claims(self, peers: Collection[int]) -> list[Seize]:
        """Return the requests that :meth:`seize` would make, oldest liquidation first."""
        return [seize for peer, seize in self._claims(is_severed=False) if peer in peers]

    def take_snapshot(self, snapshot: Snapshot) -> Receipt:
        """Store a price of L1; a REJECTED event says why it was refused."""
        return self._report(snapshot)

    def report_price(self, report: PriceReport) -> Receipt:
        """Set a market's index and mark; a REJECTED event says why it was refused.

        Triggers that it meets fire, and accounts that it takes below maintenance are liquidated,
        before this returns; their events follow the report's.
        """
        return self._report(report)

    def seal(self) -> SealedBatch:
        """End the batch, compute its root and sync the journal.

        Raises
        ------
        CongestedError
            If a peer's answer is due.
        """
        self._check_answered()
        self._arrive()
        self._system(op.SealBatch())
        return self.sealed[-1]

    def _admit(self, envelope: Envelope) -> Receipt:
        events = self._take(envelope.to_bytes())
        rest = self._work_off()
        if rest:
            events = np.concatenate([events, *rest])
        return Receipt(envelope.arrival_ms, events)

    def _report(self, price: PriceReport | Snapshot) -> Receipt:
        arrival_ms = self._arrive()
        self._make_room()
        parts = [self._system(price), *self._work_off(), *self._liquidate()]
        return Receipt(arrival_ms, np.concatenate(parts))

    def _claims(self, *, is_severed: bool) -> list[tuple[int, Seize]]:
        """Return what is to be seized, with the chain ids of its keepers."""
        channels = self.state.channels()
        return [
            (channel.peer_chain_id, Seize(account=account, number=number))
            for account in self._claimed
            for number, record in enumerate(self.state.reservations(account))
            if record.account == account and record.claimed_units
            for channel in (channels[record.channel_plus_1 - 1],)
            if channel.is_severed == is_severed
        ]

    def _check_answered(self) -> None:
        if self.waits_for_answer:
            raise CongestedError(
                "a liquidation waits for the answer of the chain that keeps the collateral; "
                "send this again in a moment"
            )
