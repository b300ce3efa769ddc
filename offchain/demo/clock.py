"""The demo's clock, which moves when the demo says so, and L1's with it."""

from __future__ import annotations

from typing import Protocol

from offchain.engine.sequencer import wall_clock_ms
from offchain.engine.writer import MS_PER_S
from offchain.settlement.l1 import L1Client


class TimedL1(L1Client, Protocol):
    """An L1 whose time can be moved on."""

    def advance_time(self, seconds: int) -> None:
        """Mine a block `seconds` after the latest one; at least 1."""


class DemoClock:
    """Stands still between the demo's steps, so that nothing depends on how fast they are.

    Parameters
    ----------
    l1 : TimedL1
        Follows, and is never ahead when time has passed: each of its blocks takes a second.
    """

    def __init__(self, l1: TimedL1) -> None:
        self._l1 = l1
        self._now_s = max(wall_clock_ms() // MS_PER_S, l1.now_s)

    @property
    def now_s(self) -> int:
        """Present time, seconds since the epoch."""
        return self._now_s

    def now_ms(self) -> int:
        """Return the present time in milliseconds since the epoch."""
        return self._now_s * MS_PER_S

    def advance(self, seconds: int) -> None:
        """Let time pass here and on L1."""
        behind_s = self._now_s + seconds - self._l1.now_s
        if behind_s > 0:
            self._l1.advance_time(behind_s)
        self._now_s = max(self._now_s + seconds, self._l1.now_s)
