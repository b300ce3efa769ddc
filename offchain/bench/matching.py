"""The matching benchmark: our core beside the C++ peer, a plain Python book and the specification.

Two comparisons. The first runs the whole workload through the peer and the core; its ratios are the
result. The second runs a short prefix, which the slow contenders can bear, for scale.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.bench.core_contender import (
    ACCOUNTS,
    CHUNK_OPS,
    Workload,
    build_ops,
    core_contender,
)
from offchain.bench.harness import MIN_ROUNDS, Comparison, Contender, Run, Timing, compare
from offchain.bench.peers import (
    CORE_FLAGS,
    PEER_NAME,
    ZIG_CXX,
    build_peer,
    fetch_sdist,
    peer_contender,
)
from offchain.bench.plain_book import plain_book
from offchain.bench.spec_contender import spec_contender
from offchain.bench.workload import messages_from_flow
from offchain.replay.generators import flow_60_35_5
from offchain.tools.build_native import NATIVE_FLAGS

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE_DIR: Final = ROOT / ".cache" / "bench"
REQUIREMENTS: Final = ROOT / "requirements" / "bench.txt"
#: A round takes a tenth of a second; on a shared machine five of them seldom meet a quiet moment.
DEFAULT_ROUNDS: Final = 15
PREFIX_MESSAGES: Final = 50_000
CORE_NAME: Final = "headrace core"
JOURNAL_NAME: Final = "headrace core, journal"
PEER_GCC_NAME: Final = f"{PEER_NAME}, g++"
PLAIN_NAME: Final = "plain Python book"
SPEC_NAME: Final = "headrace specification"
GCC_FLAGS: Final = ("-O3", "-DNDEBUG")

#: Called with (runs done, runs in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class MatchingResult:
    """Both comparisons of one run of the benchmark; every contender gave the same fills.

    Attributes
    ----------
    full
        Peer (zig, and g++ where the machine has it) and core, without and with journal.
    prefix
        The same and the slow contenders, on the first messages.
    """

    full: Comparison
    prefix: Comparison

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON, ratios first."""
        full, prefix = _by_name(self.full), _by_name(self.prefix)
        core, journal, peer = full[CORE_NAME], full[JOURNAL_NAME], full[PEER_NAME]
        gcc = full.get(PEER_GCC_NAME)
        return {
            "ratio_to_orderly_chaos": core.ratio,
            "ratio_with_journal": journal.ratio,
            "ratio_rounds": _round_ratios(core, peer),
            "ratio_rounds_with_journal": _round_ratios(journal, peer),
            "ratio_to_orderly_chaos_gcc": gcc and core.ratio / gcc.ratio,
            "ratio_with_journal_gcc": gcc and journal.ratio / gcc.ratio,
            "hash_equal": True,
            "ns_per_message": core.ns_per_message,
            "ns_per_message_with_journal": journal.ns_per_message,
            "ns_per_message_orderly_chaos": peer.ns_per_message,
            "ns_per_message_orderly_chaos_gcc": gcc and gcc.ns_per_message,
            "ns_per_message_plain_python": prefix[PLAIN_NAME].ns_per_message,
            "ns_per_message_spec": prefix[SPEC_NAME].ns_per_message,
            "accounts": ACCOUNTS,
            "chunk_ops": CHUNK_OPS,
            "compiler": f"zig {version('ziglang')}",
            "flags": list(NATIVE_FLAGS),
            "peer_flags": ["-std=c++17", *CORE_FLAGS],
            "comparisons": [self.full.to_fields(), self.prefix.to_fields()],
        }

    def to_text(self) -> str:
        """Return the ratios, then both tables."""
        full = _by_name(self.full)
        peer, gcc = full[PEER_NAME], full.get(PEER_GCC_NAME)
        lines = []
        for name in (CORE_NAME, JOURNAL_NAME):
            low, middle, high = _round_ratios(full[name], peer).values()
            against_gcc = f"; {full[name].ratio / gcc.ratio:.2f}x of its g++ build" if gcc else ""
            lines.append(
                f"{name}: {full[name].ratio:.2f}x the time of {PEER_NAME} (round by round "
                f"{low:.2f} to {high:.2f}, median {middle:.2f}){against_gcc}"
            )
        lines += ["", self.full.to_text(), "", self.prefix.to_text(), ""]
        lines.append(
            f"Core: {ACCOUNTS:,} accounts, locks, fees, settlement of fills and events on, "
            f"{CHUNK_OPS:,} ops per call.\n"
            f"Both sides: zig {version('ziglang')}, {' '.join(CORE_FLAGS)}"
            + (f"; g++ row: {' '.join(GCC_FLAGS)}" if gcc else "")
        )
        return "\n".join(lines)


def run_matching(
    messages: int,
    rounds: int = DEFAULT_ROUNDS,
    seed: int = 1,
    core: int | None = None,
    progress: Progress | None = None,
) -> MatchingResult:
    """Run the benchmark.

    Parameters
    ----------
    messages
        Messages of the 60/35/5 flow, at least 1.
    rounds
        Turns of each contender; the slow ones on the prefix take the least number allowed.
    seed
        Seed of the flow.
    core
        Processor to pin to; see ``harness.pinned_to_core``.
    progress
        Called after every run of a contender.

    Raises
    ------
    PeerUnavailableError
        If the peer's source distribution cannot be fetched.
    OutputMismatchError
        If two contenders gave different fills.
    RuntimeError
        If the peer does not compile or refuses a message.
    """
    sdist = fetch_sdist(REQUIREMENTS, CACHE_DIR)
    libraries = {PEER_NAME: build_peer(sdist, CACHE_DIR / "zig", ZIG_CXX, CORE_FLAGS)}
    if shutil.which("g++"):
        libraries[PEER_GCC_NAME] = build_peer(sdist, CACHE_DIR / "g++", ("g++",), GCC_FLAGS)
    flow = messages_from_flow(flow_60_35_5(messages, seed))
    prefix = flow[:PREFIX_MESSAGES]
    prefix_workload = build_ops(prefix)
    contenders = _fast_contenders(libraries, flow, build_ops(flow))
    prefix_contenders = _fast_contenders(libraries, prefix, prefix_workload)
    prefix_contenders[PLAIN_NAME] = plain_book(prefix)
    prefix_contenders[SPEC_NAME] = spec_contender(prefix_workload)
    runs = rounds * len(contenders) + MIN_ROUNDS * len(prefix_contenders)
    counter = _RunCounter(runs, progress)
    full_result = compare(
        "60/35/5", len(flow), counter.watch(contenders), PEER_NAME, rounds=rounds, core=core
    )
    prefix_result = compare(
        "60/35/5, prefix", len(prefix), counter.watch(prefix_contenders), PEER_NAME, core=core
    )
    return MatchingResult(full_result, prefix_result)


def _fast_contenders(
    libraries: dict[str, Path], messages: npt.NDArray[np.void], workload: Workload
) -> dict[str, Contender]:
    contenders = {name: peer_contender(path, messages) for name, path in libraries.items()}
    contenders[CORE_NAME] = core_contender(workload, with_journal=False)
    contenders[JOURNAL_NAME] = core_contender(workload, with_journal=True)
    return contenders


class _RunCounter:
    """Reports the runs of all contenders to one progress function."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0

    def watch(self, contenders: dict[str, Contender]) -> dict[str, Contender]:
        return {name: self._watched(contender) for name, contender in contenders.items()}

    def _watched(self, contender: Contender) -> Contender:
        def run() -> Run:
            outcome = contender()
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total)
            return outcome

        return run


def _by_name(comparison: Comparison) -> dict[str, Timing]:
    return {timing.name: timing for timing in comparison.timings}


def _round_ratios(timing: Timing, reference: Timing) -> dict[str, float]:
    """Return the spread of the ratios of the runs that followed each other in one round."""
    ratios = [own / theirs for own, theirs in zip(timing.seconds, reference.seconds, strict=True)]
    return {"min": min(ratios), "median": median(ratios), "max": max(ratios)}
