"""How long the proof of the open batch is getting, so that it is sealed before it is too long.

What a batch takes in the machine follows from its envelopes and the events that its ops make. The
weights were fitted to runs of the batch program; they need not be exact, as a table may have twice
the rows that a batch is sealed for: such a proof takes longer, and there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from offchain.core.binding import EventArray
from offchain.spec.constants import ENVELOPE_HEADER_BYTES, OP_BYTES
from offchain.spec.kinds import EnvelopeKind, EventKind

_RATE_BYTES: Final = 136  # of keccak256
# Calls of keccak-f: what L1 hashes. The chains and the output of every batch, an entry of the
# priority queue (288 bytes), a snapshot of the hub, a message (its body, its envelope of 488 bytes,
# the channel's accumulator), a withdrawal's leaf and its share of the tree.
_CALLS_BATCH: Final = 8
_CALLS_PRIORITY: Final = 3
_CALLS_SNAPSHOT: Final = 5
_CALLS_MESSAGE: Final = 6
_CALLS_WITHDRAWAL: Final = 4
# Bytes of a state diff: what is in every one, and what each account adds.
_DIFF_BYTES: Final = 1_500
_DIFF_ACCOUNT_BYTES: Final = 150
# Instructions, fitted to batches of 40,000 to a million of them: within a tenth of each.
_CYCLES_BATCH: Final = 5_000
_CYCLES_KECCAK: Final = 714
_CYCLES_ENVELOPE: Final = 2_260
_CYCLES_OP: Final = 590
_CYCLES_EVENT: Final = 1_180
_CYCLES_WITHDRAWAL: Final = 3_600
_CYCLES_SYSTEM: Final = 6_700
_KIND_BYTE: Final = 2
_KINDS_WITH_OPS: Final = (EnvelopeKind.USER, EnvelopeKind.SYSTEM)
_CALLS_BY_KIND: Final = {
    EnvelopeKind.PRIORITY: _CALLS_PRIORITY,
    EnvelopeKind.MESSAGE: _CALLS_MESSAGE,
    EnvelopeKind.ORACLE: _CALLS_SNAPSHOT,
}


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """At what length a batch is sealed.

    Attributes
    ----------
    keccak_calls : int
        Calls of keccak-f; each takes 1,792 rows of its table, so that 2^19 rows are not exceeded.
    cycles : int
        Instructions; with what the estimate misses, 2^20 rows are not exceeded.
    has_diff : bool
        Whether the proof is about a state diff too.
    """

    keccak_calls: int = 270
    cycles: int = 930_000
    has_diff: bool = False


class RowMeter:
    """Adds up what the open batch takes.

    Parameters
    ----------
    limits : BatchLimits
        Below what a table has room for: the envelope that reaches them is still in the batch.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        """Begin a batch."""
        self._calls = _CALLS_BATCH
        self._cycles = _CYCLES_BATCH
        self._accounts: set[int] = set()

    @property
    def keccak_calls(self) -> int:
        """Calls of keccak-f so far."""
        if not self._limits.has_diff:
            return self._calls
        diff_bytes = _DIFF_BYTES + len(self._accounts) * _DIFF_ACCOUNT_BYTES
        return self._calls + diff_bytes // _RATE_BYTES

    @property
    def cycles(self) -> int:
        """Instructions so far."""
        return self._cycles + _CYCLES_KECCAK * self.keccak_calls

    def add(self, envelope: bytes, events: EventArray) -> None:
        """Count an applied envelope.

        Parameters
        ----------
        envelope : bytes
        events : array of EVENT_DTYPE
            That it made.
        """
        kind = EnvelopeKind(envelope[_KIND_BYTE])
        withdrawals = int(np.count_nonzero(events["kind"] == EventKind.WITHDRAWAL))
        sent = int(np.count_nonzero(events["kind"] == EventKind.MESSAGE_SENT))
        self._calls += _CALLS_BY_KIND.get(kind, 0)
        self._calls += withdrawals * _CALLS_WITHDRAWAL + sent * _CALLS_MESSAGE
        self._accounts.update(events["account"].tolist())
        self._cycles += _CYCLES_ENVELOPE + _CYCLES_EVENT * len(events)
        if kind in _KINDS_WITH_OPS:
            self._cycles += (len(envelope) - ENVELOPE_HEADER_BYTES) // OP_BYTES * _CYCLES_OP
        self._cycles += _CYCLES_WITHDRAWAL * withdrawals
        if kind == EnvelopeKind.SYSTEM:
            self._cycles += _CYCLES_SYSTEM

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached a limit."""
        return self.keccak_calls >= self._limits.keccak_calls or self.cycles >= self._limits.cycles
