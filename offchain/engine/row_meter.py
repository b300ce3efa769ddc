"""How long the proof of the open batch is getting, so that it is sealed before it is too long.

What a batch takes in the machine follows from its envelopes and the events that its ops make. The
weights were fitted to runs of the batch program; they need not be exact, as a batch is sealed far
below what one proof can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from offchain.core.binding import EventArray
from offchain.spec.constants import EVENT_BYTES
from offchain.spec.kinds import EnvelopeKind, EventKind

_RATE_BYTES: Final = 136  # of keccak256
_HEAD_HASHES: Final = 1  # the receipt chain: 112 bytes
_PRIORITY_HASHES: Final = 3  # the queue's accumulator: 288 bytes
_MESSAGE_HASHES: Final = 6  # its body, its envelope of 488 bytes, the channel's accumulator
_KIND_BYTE: Final = 2
_WITHDRAWAL_HASHES: Final = 4  # its leaf and its share of the tree
# Bytes of a state diff: what is in every one, and what each account adds.
_DIFF_BYTES: Final = 1_500
_DIFF_ACCOUNT_BYTES: Final = 261
# Instructions, measured; the first is the part of a batch that is always there.
_CYCLES_BATCH: Final = 95_000
_CYCLES_KECCAK: Final = 310
_CYCLES_EVENT: Final = 1_450
_CYCLES_WITHDRAWAL: Final = 10_000
_CYCLES_SYSTEM: Final = 5_000


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """At what length a batch is sealed.

    Attributes
    ----------
    keccak_calls : int
        Calls of keccak-f; each takes 1,792 rows of its table, so that 2^19 rows are not exceeded.
    cycles : int
        Instructions; with what the estimate misses, 2^19 rows are not exceeded.
    has_diff : bool
        Whether the proof is about a state diff too.
    """

    keccak_calls: int = 262
    cycles: int = 420_000
    has_diff: bool = False


class RowMeter:
    """Adds up what the open batch takes.

    Parameters
    ----------
    limits : BatchLimits
        Well below what one proof can hold: the envelope that reaches them is still in the batch.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        """Begin a batch."""
        self._calls = _calls(_DIFF_BYTES) if self._limits.has_diff else 0
        self.cycles = _CYCLES_BATCH
        self._accounts: set[int] = set()

    @property
    def keccak_calls(self) -> int:
        """Calls of keccak-f so far."""
        diff_bytes = len(self._accounts) * _DIFF_ACCOUNT_BYTES
        return self._calls + diff_bytes // _RATE_BYTES

    def add(self, envelope: bytes, events: EventArray) -> None:
        """Count an applied envelope.

        Parameters
        ----------
        envelope : bytes
        events : array of EVENT_DTYPE
            That it made.
        """
        withdrawals = int(np.count_nonzero(events["kind"] == EventKind.WITHDRAWAL))
        calls = _calls(len(envelope)) + _calls(len(events) * EVENT_BYTES) + _HEAD_HASHES
        if envelope[_KIND_BYTE] == EnvelopeKind.PRIORITY:
            calls += _PRIORITY_HASHES
        calls += withdrawals * _WITHDRAWAL_HASHES
        sent = int(np.count_nonzero(events["kind"] == EventKind.MESSAGE_SENT))
        is_message = envelope[_KIND_BYTE] == EnvelopeKind.MESSAGE
        calls += (sent + is_message) * _MESSAGE_HASHES
        if self._limits.has_diff:
            self._accounts.update(events["account"].tolist())
        self._calls += calls
        self.cycles += _CYCLES_KECCAK * calls + _CYCLES_EVENT * len(events)
        self.cycles += _CYCLES_WITHDRAWAL * withdrawals
        if envelope[_KIND_BYTE] == EnvelopeKind.SYSTEM:
            self.cycles += _CYCLES_SYSTEM

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached a limit."""
        return self.keccak_calls >= self._limits.keccak_calls or self.cycles >= self._limits.cycles


def _calls(length: int) -> int:
    """Return the calls of keccak-f for a message; its padding takes at least a byte."""
    return length // _RATE_BYTES + 1
