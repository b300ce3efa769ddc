"""The cascade benchmark: the busiest second of a crash, on one core.

Ten times the prices change, every margined account is looked at, and the engine works on a tenth of
those that fall. The specification runs a small crowd through the same second, for scale, and both
must give the same events.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.bench.cascade_scene import START_S, UPDATE_PRICES, Crowd, price_ops, scene
from offchain.bench.core_contender import CONFIG_HASH, GOVERNANCE
from offchain.bench.harness import pinned_to_core
from offchain.core.binding import EVENT_DTYPE, Core, U8Array
from offchain.core.op_arrays import LIQUIDATE_DTYPE, op_array
from offchain.spec import margin, state, transition
from offchain.spec.kinds import EventKind, OpKind

CROWD: Final = Crowd(accounts=50_000, forced=22_558)
SAMPLE: Final = Crowd(accounts=500, forced=220)
ROUNDS: Final = 5
#: The second in which all of it must fit, and more: the sequencer has other work.
BAR_S: Final = 0.25

#: Called with (rounds done, rounds in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Second:
    """One measured second.

    Attributes
    ----------
    seconds, price_seconds, scan_seconds, forced_seconds
        All of it, and its parts: price updates, looks at all accounts, forced events.
    cpu_seconds
        Time that the processor spent on it: less than `seconds` where others use it too.
    looks
        Accounts looked at, all updates together.
    sold, taken
        Liquidation orders, and positions that the other side took over.
    digest
        SHA-256 of all events, hexadecimal.
    """

    seconds: float
    price_seconds: float
    scan_seconds: float
    forced_seconds: float
    cpu_seconds: float
    looks: int
    sold: int
    taken: int
    digest: str


@dataclass(frozen=True, slots=True)
class CascadeResult:
    """The best round of the core, and the specification on its sample.

    Attributes
    ----------
    best
        The fastest round.
    rounds_seconds
        All rounds, in order.
    spec
        The specification on the sample; the core gave the same events.
    pinned_core
        Number of the processor, or None.
    """

    best: Second
    rounds_seconds: tuple[float, ...]
    spec: Second
    pinned_core: int | None

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON, the time of the second first."""
        best, forced = self.best, self.best.sold + self.best.taken
        return {
            "peak_second_seconds": best.seconds,
            "cpu_seconds": best.cpu_seconds,
            "bar_seconds": BAR_S,
            "is_in_bar": best.seconds <= BAR_S,
            "rounds_seconds": list(self.rounds_seconds),
            "forced_events": forced,
            "forced_events_per_second": forced / best.forced_seconds,
            "looks_per_second": best.looks / best.scan_seconds,
            "accounts": CROWD.accounts,
            "times_as_fast_as_spec": self.times_as_fast,
            "best": asdict(best),
            "spec_sample": asdict(self.spec) | {"accounts": SAMPLE.accounts},
            "pinned_core": self.pinned_core,
        }

    @property
    def times_as_fast(self) -> float:
        """Time of the specification over the core's, each per account looked at."""
        return (self.spec.seconds / self.spec.looks) / (self.best.seconds / self.best.looks)

    def to_text(self) -> str:
        """Return the time and its parts."""
        best = self.best
        forced = best.sold + best.taken
        ns_per_look = best.scan_seconds * 1e9 / best.looks
        rate = forced / best.forced_seconds
        parts = [
            (best.seconds, f"the peak second (bar: {BAR_S} s)"),
            (best.cpu_seconds, "of the processor in it"),
            (best.price_seconds, f"{len(UPDATE_PRICES)} price updates"),
            (best.scan_seconds, f"{best.looks:,} looks at an account, {ns_per_look:.0f} ns each"),
            (best.forced_seconds, f"{forced:,} forced events, {rate:,.0f} a second"),
        ]
        lines = [f"{seconds:8.3f} s  {what}" for seconds, what in parts]
        if best.seconds > BAR_S:
            lines[0] += "  <-- MISSED"
        core = "no pinned core" if self.pinned_core is None else f"core {self.pinned_core}"
        lines += [
            f"Forced: {best.sold:,} sold to the book, {best.taken:,} taken over by the other side.",
            f"{CROWD.accounts:,} accounts, best of {len(self.rounds_seconds)} rounds, {core}.",
            f"{self.times_as_fast:,.0f}x as fast per look as the specification (equal events).",
        ]
        return "\n".join(lines)


def run_cascade(
    rounds: int = ROUNDS, core: int | None = None, progress: Progress | None = None
) -> CascadeResult:
    """Run the benchmark.

    Parameters
    ----------
    rounds
        Seconds measured, each on a new chain, at least 1.
    core
        Processor to pin to; see ``harness.pinned_to_core``.
    progress
        Called after every round, and after the specification.

    Raises
    ------
    RuntimeError
        If an op is refused, the forced events are not those of the scene, or core and
        specification disagree.
    """
    ops = b"".join(scene(CROWD))
    seconds: list[Second] = []
    with pinned_to_core(core) as pinned:
        for _ in range(rounds):
            seconds.append(_core_second(ops, CROWD))
            if progress is not None:
                progress(len(seconds), rounds + 1)
        sample_ops = scene(SAMPLE)
        spec = _spec_second(sample_ops, SAMPLE)
        if _core_second(b"".join(sample_ops), SAMPLE).digest != spec.digest:
            raise RuntimeError("core and specification gave different events")
    if progress is not None:
        progress(rounds + 1, rounds + 1)
    best = min(seconds, key=lambda second: second.seconds)
    return CascadeResult(best, tuple(second.seconds for second in seconds), spec, pinned)


class _Clock:
    """Adds up the time of the parts of a second."""

    def __init__(self) -> None:
        self.parts = dict.fromkeys(("price", "scan", "forced"), 0.0)
        self._cpu_start = time.thread_time()
        self._last = time.perf_counter()

    def cpu_seconds(self) -> float:
        return time.thread_time() - self._cpu_start

    def ended(self, part: str) -> None:
        now = time.perf_counter()
        self.parts[part] += now - self._last
        self._last = now


def _per_update(crowd: Crowd) -> int:
    """Return how many accounts the engine works on after each update."""
    return -(-crowd.forced // len(UPDATE_PRICES))


def _core_second(scene_ops: bytes, crowd: Crowd) -> Second:
    """Make a chain, and measure its second."""
    chain = Core(CONFIG_HASH, GOVERNANCE)
    _require_all(chain.apply(scene_ops).codes)
    chain.root()
    price_updates = [updates(step) for step in range(len(UPDATE_PRICES))]
    applied = []
    clock = _Clock()
    for prices in price_updates:
        applied.append(chain.apply(prices))
        clock.ended("price")
        due = chain.unhealthy()
        clock.ended("scan")
        applied.append(chain.apply(liquidations(due[: _per_update(crowd)])))
        clock.ended("forced")
    cpu_seconds = clock.cpu_seconds()
    for part in applied:
        _require_all(part.codes)
    if len(chain.unhealthy()):
        raise RuntimeError("accounts are left that should have been liquidated")
    events = np.concatenate([part.events for part in applied])
    return _second(clock, cpu_seconds, crowd, events["kind"], events.tobytes())


def _spec_second(scene_ops: list[bytes], crowd: Crowd) -> Second:
    """Do the same with the specification, whose looks are one sum of margins per account."""
    chain = state.genesis(CONFIG_HASH, GOVERNANCE)
    for op in scene_ops:
        transition.apply(chain, op)
    events = []
    clock = _Clock()
    for step in range(len(UPDATE_PRICES)):
        for op in updates(step).reshape(-1, 64):
            events += transition.apply(chain, op.tobytes())
        clock.ended("price")
        due = _spec_unhealthy(chain)
        clock.ended("scan")
        for op in liquidations(due[: _per_update(crowd)]):
            events += transition.apply(chain, op.tobytes())
        clock.ended("forced")
    cpu_seconds = clock.cpu_seconds()
    raw = b"".join(event.to_bytes() for event in events)
    kinds = np.frombuffer(raw, EVENT_DTYPE)["kind"]
    return _second(clock, cpu_seconds, crowd, kinds, raw)


def _spec_unhealthy(chain: state.State) -> list[int]:
    found = []
    account = chain.header.sweep_head
    while account:
        bucket = margin.cross(chain, account)
        if bucket.talt < bucket.mmr:
            found.append(account)
        account = chain.account(account).sweep_next
    return found


def updates(step: int) -> U8Array:
    """Return the ops of price update `step`, one after the other."""
    ops = price_ops(START_S + 1 + step, UPDATE_PRICES[step])
    return np.frombuffer(b"".join(op.to_bytes() for op in ops), np.uint8)


def liquidations(accounts: npt.ArrayLike) -> U8Array:
    """Return a LIQUIDATE for each account, uint8 (n, 64)."""
    numbers = np.asarray(accounts, np.uint32)
    ops = op_array(LIQUIDATE_DTYPE, OpKind.LIQUIDATE, len(numbers))
    ops["account"] = numbers
    return ops.view(np.uint8).reshape(-1, 64)


def _require_all(codes: npt.NDArray[np.int32]) -> None:
    if codes.any():
        refused = Counter(codes[codes != 0].tolist())
        raise RuntimeError(f"ops of the benchmark were refused: {refused}")


def _second(
    clock: _Clock, cpu_seconds: float, crowd: Crowd, kinds: npt.NDArray[np.uint16], events: bytes
) -> Second:
    sold = int((kinds == EventKind.LIQUIDATED).sum())
    taken = int((kinds == EventKind.DELEVERAGED).sum())
    if sold != taken or sold + taken != crowd.forced:
        raise RuntimeError(f"{sold} sold and {taken} taken over instead of {crowd.forced} in all")
    return Second(
        seconds=sum(clock.parts.values()),
        price_seconds=clock.parts["price"],
        scan_seconds=clock.parts["scan"],
        forced_seconds=clock.parts["forced"],
        cpu_seconds=cpu_seconds,
        looks=crowd.accounts * len(UPDATE_PRICES),
        sold=sold,
        taken=taken,
        digest=hashlib.sha256(events).hexdigest(),
    )
