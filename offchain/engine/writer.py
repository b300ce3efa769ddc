"""The writer of a chain: applies envelopes, writes them down, and does what is due by itself.

It advances the state's time by the second and works off duties and continuations before the next
envelope. After a price it liquidates whoever is below maintenance, and every second it sweeps on,
so that a lap ends long before the transition would refuse new risk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from offchain.core.binding import Core, EventArray
from offchain.engine.batch import BATCH_WITHDRAWALS_MAX, BatchCollector, SealedBatch
from offchain.engine.journal import Journal
from offchain.engine.mail import BATCH_MESSAGES_MAX
from offchain.engine.row_meter import BatchLimits, RowMeter
from offchain.engine.state_view import StateView
from offchain.spec import op
from offchain.spec.checks import require
from offchain.spec.constants import ENVELOPE_MAX_OPS, LINK_ASSET, SWEEP_PERIOD_S
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind
from offchain.spec.message import Message
from offchain.spec.risk_op import Liquidate, Sweep

MS_PER_S: Final = 1_000
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


class Writer:
    """Applies envelopes of one chain to its core and its journal.

    Parameters and attributes are those of :class:`~offchain.engine.sequencer.Sequencer`.
    """

    def __init__(
        self,
        core: Core,
        config_hash: bytes,
        *,
        journal: Journal | None,
        clock_ms: Callable[[], int],
        limits: BatchLimits | None,
    ) -> None:
        self._core = core
        self._clock_ms = clock_ms
        self._meter = RowMeter(limits) if limits else None
        self._collector = BatchCollector(core, config_hash)
        self._journal: Journal | None = None
        self._is_stopped = False
        # Accounts of which a liquidation took pledged units that may wait for SEIZE, in order.
        self._claimed: dict[int, None] = {}
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

    @property
    def is_batch_empty(self) -> bool:
        """Whether nothing was applied since the last batch was sealed."""
        return self._collector.is_empty

    @property
    def waits_for_answer(self) -> bool:
        """Whether a request for pledged collateral waits for the peer's answer."""
        return self._collector.mail.waits_for_answer

    @property
    def unsealed_messages(self) -> tuple[Message, ...]:
        """Messages that the open batch has sent so far."""
        return tuple(self._collector.mail.sent)

    def tick(self) -> None:
        """Bring the state's time up to the clock and run what is due by then."""
        self._arrive()

    def _make_room(self) -> None:
        """Seal if the next envelope could exceed what a batch may hold, or its proof."""
        # An op of a user withdraws at most once, and sends one message at most.
        room = min(
            BATCH_WITHDRAWALS_MAX - self._collector.withdrawal_count,
            BATCH_MESSAGES_MAX - len(self._collector.mail.sent),
        )
        is_full = self._meter is not None and self._meter.is_full
        if (is_full or room < ENVELOPE_MAX_OPS) and not self.waits_for_answer:
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
                if self._collector.mail.sent and not self.waits_for_answer:
                    self._system(op.SealBatch())  # it may send as many as a batch may hold
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
        self._note_claims(events)
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

    def _note_claims(self, events: EventArray) -> None:
        """Remember whose pledged units an exchange moved to the insurance account."""
        exchanged = events[events["kind"] == EventKind.EXCHANGED]
        if len(exchanged):
            pledged = exchanged[exchanged["v"][:, 0] >= LINK_ASSET]
            self._claimed |= dict.fromkeys(pledged["account"].tolist())

    def _check_running(self) -> None:
        if self._is_stopped:
            raise SequencerStoppedError
