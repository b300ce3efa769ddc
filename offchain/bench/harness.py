"""Run contenders side by side and report ratios.

The rules: the contenders take turns (A, B, A, B, ...) in one process on one pinned core, the best
of at least `MIN_ROUNDS` rounds counts, and a ratio exists only if every run of every contender gave
the same fills.
"""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

MIN_ROUNDS: Final = 5


class Run(NamedTuple):
    """Outcome of one run of one contender."""

    #: Time of the matching alone, by a monotonic clock.
    seconds: float
    #: ``workload.fill_hash`` of the fills.
    fill_hash: int
    #: Number of fills.
    fills: int


#: Runs the whole workload once, from an empty book.
Contender = Callable[[], Run]


class OutputMismatchError(RuntimeError):
    """Two runs of the same workload gave different fills, so their times mean nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """Times of one contender.

    Attributes
    ----------
    ratio
        Best time of this contender over the best time of the reference; below 1 is faster.
    ns_per_message
        From the best round.
    seconds
        One entry per round, in order.
    """

    name: str
    ratio: float
    ns_per_message: float
    seconds: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Result of `compare`; all contenders agreed on `fill_hash` and `fills` in every round.

    Attributes
    ----------
    pinned_core
        Number of the core, or None where the system has no affinity call.
    """

    workload: str
    messages: int
    fills: int
    fill_hash: int
    reference: str
    rounds: int
    pinned_core: int | None
    timings: tuple[Timing, ...]

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON; `fill_hash` as 16 hexadecimal digits."""
        return dataclasses.asdict(self) | {"fill_hash": f"{self.fill_hash:016x}"}

    def to_text(self) -> str:
        """Return a table, ratios first."""
        core = "no pinned core" if self.pinned_core is None else f"core {self.pinned_core}"
        lines = [f"{'x ' + self.reference:>20}  {'ns/message':>12}  contender"]
        lines += [f"{t.ratio:20.2f}  {t.ns_per_message:12.1f}  {t.name}" for t in self.timings]
        lines.append(
            f"{self.workload}: {self.messages:,} messages, {self.fills:,} fills, "
            f"fill hash {self.fill_hash:016x} (equal), best of {self.rounds}, {core}"
        )
        return "\n".join(lines)


@contextmanager
def pinned_to_core(core: int | None = None) -> Iterator[int | None]:
    """Pin the calling thread to one core, without the garbage collector, until the block ends.

    Parameters
    ----------
    core
        Core number; by default the highest one allowed, since the lowest serves most interrupts.

    Yields
    ------
    int or None
        The core, or None where the system has no affinity call.

    Raises
    ------
    OSError
        If the process may not run on `core`.
    """
    is_collector_on = gc.isenabled()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed is not None:
        core = max(allowed) if core is None else core
        os.sched_setaffinity(0, {core})
    gc.disable()
    try:
        yield None if allowed is None else core
    finally:
        if is_collector_on:
            gc.enable()
        if allowed is not None:
            os.sched_setaffinity(0, allowed)


def compare(
    workload: str,
    messages: int,
    contenders: Mapping[str, Contender],
    reference: str,
    *,
    rounds: int = MIN_ROUNDS,
    core: int | None = None,
) -> Comparison:
    """Time contenders against one of them.

    Parameters
    ----------
    workload
        Name for the report.
    messages
        Messages in the workload, at least 1.
    contenders
        By name; all run the same messages.
    reference
        Name of the contender whose ratio is 1.
    rounds
        Turns of each contender, at least `MIN_ROUNDS`.
    core
        See `pinned_to_core`.

    Returns
    -------
    Comparison
        Timings in the order of `contenders`.

    Raises
    ------
    ValueError
        If `reference` is no contender, or `rounds` or `messages` is too small.
    OutputMismatchError
        At the first run whose fills differ; there is no result then.
    """
    if reference not in contenders:
        raise ValueError(f"no contender is named {reference!r}")
    if rounds < MIN_ROUNDS or messages < 1:
        raise ValueError(f"needs at least {MIN_ROUNDS} rounds and one message")
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    expected: tuple[str, Run] | None = None
    with pinned_to_core(core) as pinned_core:
        for _ in range(rounds):
            for name, contender in contenders.items():
                gc.collect()
                run = contender()
                expected = expected or (name, run)
                _require_equal(expected, (name, run))
                seconds[name].append(run.seconds)
    assert expected is not None  # rounds and contenders are not empty
    best_s = {name: min(times) for name, times in seconds.items()}
    timings = tuple(
        Timing(
            name=name,
            ratio=best_s[name] / best_s[reference],
            ns_per_message=best_s[name] * 1e9 / messages,
            seconds=tuple(times),
        )
        for name, times in seconds.items()
    )
    _, run = expected
    return Comparison(
        workload, messages, run.fills, run.fill_hash, reference, rounds, pinned_core, timings
    )


def _require_equal(expected: tuple[str, Run], actual: tuple[str, Run]) -> None:
    expected_name, expected_run = expected
    actual_name, actual_run = actual
    if actual_run[1:] != expected_run[1:]:
        raise OutputMismatchError(
            f"{actual_name}: {actual_run.fills} fills, hash {actual_run.fill_hash:016x}; "
            f"{expected_name}: {expected_run.fills} fills, hash {expected_run.fill_hash:016x}"
        )
