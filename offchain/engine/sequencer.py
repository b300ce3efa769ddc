"""Sequencer: the one writer of a chain.

A user's envelope passes three doors: its form, its signature, the state transition. What passed is
appended to the journal, so that replaying the journal rebuilds the same state; what did not has
changed nothing. The sequencer itself writes the arrival time, advances the state's time by the
second, and works off duties and continuations before it takes the next envelope. After a price it
liquidates whoever is below maintenance, and every second it sweeps on, so that a lap ends long
before the transition would refuse new risk.

The journal is synced when a batch is sealed, before anyone sees it: what a crash may lose is never
settled. A batch is also sealed before its withdrawals could outnumber what L1 can take at once, and
when its proof gets too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from offchain.core.binding import Core, EventArray
from offchain.engine.batch import BATCH_WITHDRAWALS_MAX, BatchCollector, SealedBatch
from offchain.engine.journal import Journal
from offchain.engine.row_meter import BatchLimits, RowMeter
from offchain.engine.signing import SigningDomain, check_signature
from offchain.engine.state_view import StateView
from offchain.spec import op
from offchain.spec.checks import require
from offchain.spec.constants import ENVELOPE_MAX_OPS, SWEEP_PERIOD_S
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind
from offchain.spec.risk_op import Liquidate, PriceReport, Snapshot, Sweep

MS_PER_S: Final = 1_000
_NS_PER_MS: Final = 1_000_000
# A lap begins halfway through its period; 64 accounts an op, so 300,000 accounts in the other half.
_LAP_AFTER_S: Final = SWEEP_PERIOD_S // 2
_SWEEPS_PER_S: Final = 16
# What shows that a liquidation moved something. An order without counterparty does not, nor does a
# queue that finds nobody to deleverage: both would be tried for ever.
_PROGRESS: Final = [
    EventKind.FILL,
    EventKind.CANCELLED,
    EventKind.POSITION,
    EventKind.EXCHANGED,
    EventKind.BAD_DEBT,
]


class SequencerStoppedError(Exception):
    """The state may be ahead of the journal; nothing is accepted any more."""

    def __init__(self) -> None:
        super().__init__(
            "the sequencer has stopped: its last envelope may not be in the journal; "
            "restart from the journal"
        )


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


class Sequencer:
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
        self._core = core
        self._domain = domain
        self._clock_ms = clock_ms
        self._admission = admission
        self._meter = RowMeter(limits) if limits else None
        self._collector = BatchCollector(core, config_hash)
        self._journal: Journal | None = None
        self._is_stopped = False
        self.state = StateView(core)
        self.sealed: list[SealedBatch] = []
        self.core_ns = 0
        if journal is not None:
            for envelope in journal.entries():
                self._take(envelope)
        self._journal = journal
        header = self.state.header()
        self._now_s, self._arrival_ms = header.now_s, header.last_arrival_ms
        self._work_off()  # a crash may have come before the continuation

    @property
    def open_batch_root(self) -> bytes:
        """State root before the open batch, 32 bytes: the last sealed one, or genesis."""
        return self._collector.old_root

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
            If proofs are too far behind for new risk.
        SequencerStoppedError
            If the journal failed, now or before; the other methods raise it as well.
        """
        received = Envelope.from_bytes(envelope)
        require(received.kind == EnvelopeKind.USER, ErrorCode.ENVELOPE_OP_NOT_ALLOWED)
        check_signature(self._domain, received)
        self._admission(received)
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

    def take_snapshot(self, snapshot: Snapshot) -> Receipt:
        """Store a price of L1; a REJECTED event says why it was refused."""
        return self._report(snapshot)

    def report_price(self, report: PriceReport) -> Receipt:
        """Set a market's index and mark; a REJECTED event says why it was refused.

        Triggers that it meets fire, and accounts that it takes below maintenance are liquidated,
        before this returns; their events follow the report's.
        """
        return self._report(report)

    def tick(self) -> None:
        """Bring the state's time up to the clock and run what is due by then."""
        self._arrive()

    def seal(self) -> SealedBatch:
        """End the batch, compute its root and sync the journal."""
        self._arrive()
        self._system(op.SealBatch())
        return self.sealed[-1]

    def _make_room(self) -> None:
        """Seal if the next envelope could exceed the withdrawals of a batch, or its proof."""
        room = BATCH_WITHDRAWALS_MAX - self._collector.withdrawal_count
        is_full = self._meter is not None and self._meter.is_full
        if is_full or room < ENVELOPE_MAX_OPS:  # an op withdraws at most once
            self._system(op.SealBatch())

    def _arrive(self) -> int:
        self._check_running()
        self._arrival_ms = max(self._arrival_ms, self._clock_ms())
        now_s = self._arrival_ms // MS_PER_S
        if now_s > self._now_s:
            elapsed_s = now_s - self._now_s
            self._system(op.AdvanceTime(now_s=now_s))
            self._now_s = now_s
            self._work_off()
            self._sweep(elapsed_s)
        return self._arrival_ms

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

    def _liquidate(self) -> list[EventArray]:
        """Liquidate as long as it moves anything; return the events."""
        parts: list[EventArray] = []
        has_progress = True
        while has_progress:
            has_progress = False
            for account in self._core.unhealthy().tolist():
                self._make_room()
                step = [self._system(Liquidate(account=account)), *self._work_off()]
                has_progress |= any(np.isin(each["kind"], _PROGRESS).any() for each in step)
                parts += step
        return parts

    def _sweep(self, elapsed_s: int) -> None:
        """Go on with the lap, or begin one that is due; catch up at once when it is late."""
        budget = _SWEEPS_PER_S * elapsed_s
        while True:
            age_s = self.state.sweep_age_s()
            if age_s is None:
                return
            is_wanted = self.state.is_lap_open() or age_s >= _LAP_AFTER_S
            if not is_wanted or (budget <= 0 and age_s <= SWEEP_PERIOD_S):
                return
            self._make_room()
            self._system(Sweep())
            self._work_off()
            budget -= 1

    def _work_off(self) -> list[EventArray]:
        """Run continuations and duties until none is pending; return their events."""
        parts: list[EventArray] = []
        while True:
            if self.state.is_continuation_pending():
                parts.append(self._system(op.Continue()))
            elif self.state.is_duty_due():
                parts.append(self._system(op.RunDuties()))
            else:
                return parts

    def _system(self, system_op: op.Op) -> EventArray:
        envelope = Envelope(
            kind=EnvelopeKind.SYSTEM, arrival_ms=self._arrival_ms, payload=system_op.to_bytes()
        )
        return self._take(envelope.to_bytes())

    def _take(self, envelope: bytes) -> EventArray:
        """Apply an envelope, write it down and count it to the batch.

        Whatever interrupts this between the core and the journal leaves the state ahead: from the
        core's call on the sequencer counts as stopped, until the envelope is refused or recorded.
        """
        self._check_running()
        self._is_stopped = True
        start_ns = time.perf_counter_ns()
        code, events = self._core.apply_envelope(envelope)
        self.core_ns += time.perf_counter_ns() - start_ns
        self._is_stopped = code == ErrorCode.OK
        require(code == ErrorCode.OK, code)
        batch = self._record(envelope, events)
        if batch is not None:
            self.sealed.append(batch)
        self._is_stopped = False
        return events

    def _record(self, envelope: bytes, events: EventArray) -> SealedBatch | None:
        """Write an applied envelope down; return the batch that it sealed, synced."""
        try:
            if self._journal is not None:
                self._journal.append(envelope)
            batch = self._collector.add(envelope, events)
            if self._meter is not None:
                self._meter.add(envelope, events)
                if batch is not None:
                    self._meter.reset()
            if batch is not None and self._journal is not None:
                self._journal.sync()
        except OSError as error:
            raise SequencerStoppedError from error
        return batch

    def _check_running(self) -> None:
        if self._is_stopped:
            raise SequencerStoppedError
