"""The benchmark of leaf sizes: Poseidon2 permutations per op that the proof of a batch must pay.

A larger leaf saves inner nodes and costs more words per touched record. The core is compiled once
per size and counts for itself, on an aged book, batch after batch.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.bench.core_contender import Workload, build_ops, new_exchange
from offchain.bench.workload import CANCEL, IOC, messages_from_flow
from offchain.core.binding import Core, load_library
from offchain.replay.flow import FlowKind
from offchain.replay.generators import FlowProfile, generate_flow
from offchain.spec.constants import LEAF_BYTES
from offchain.spec.kinds import MarketKind, Subtree
from offchain.tools import build_native

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "benchmarks" / "leaves" / "leaf_counts.c"
CACHE_DIR: Final = ROOT / ".cache" / "bench" / "leaves"
LEAF_SIZES: Final = (64, 128, 256, 512, 1024, 2048)
#: Batches measured of each size, one after the other.
BATCHES: Final = {64: 32, 256: 16, 1024: 8}
ACCOUNTS: Final = 2**16
TAKERS: Final = 2**12  # the last accounts send the aggressive orders: no self-trades
MAKERS: Final = 100  # accounts that send most passive orders where makers are concentrated
DIGEST_BYTES: Final = 32
#: 20,000 resting orders on about 500 levels per side.
PROFILE: Final = FlowProfile(
    shares={FlowKind.ADD: 0.60, FlowKind.CANCEL: 0.35, FlowKind.IOC: 0.05},
    n_accounts=ACCOUNTS,
    mean_offset_ticks=150,
    max_offset_ticks=499,
    live_target=20_000,
)
#: Messages after the first fill of the book, so that slots and queues are mixed as in a live book.
AGEING_MESSAGES: Final = 80_000
# Warnings are the native build's business.
_LIBRARY_FLAGS: Final = ("-w", "-shared", "-fPIC", "-fvisibility=hidden")
_TOP_PERMUTATIONS: Final = len(Subtree) - 1  # the tree over the subtree roots
_COST: Final = np.dtype(
    [
        ("leaves", "<u8"),
        ("leaf_bytes", "<u8"),
        ("old_leaf_permutations", "<u8"),
        ("new_leaf_permutations", "<u8"),
        ("inner_nodes", "<u8"),
    ]
)

#: Called with (steps done, steps in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Kind of market, and the share of passive orders that comes from `MAKERS` accounts."""

    name: str
    market_kind: MarketKind
    maker_share: float


SCENARIOS: Final = (
    Scenario("spot, orders spread over all accounts", MarketKind.SPOT, 0.0),
    Scenario("spot, 85 % of orders from 100 makers", MarketKind.SPOT, 0.85),
    Scenario("perpetual, 85 % of orders from 100 makers", MarketKind.PERP, 0.85),
)


@dataclass(frozen=True, slots=True)
class LeafCost:
    """Cost of proving both state roots of a batch, per op.

    Attributes
    ----------
    permutations
        All Poseidon2 permutations: old and new leaves, inner nodes for both roots, top tree.
    leaf_permutations, inner_permutations
        Their parts; the top tree counts as inner.
    sequencer_permutations
        The new root alone, which is what the sequencer computes.
    leaf_bytes_on_tape, sibling_bytes_on_tape
        Old leaves, and digests beside the paths, that the guest reads once.
    """

    scenario: str
    leaf_bytes: int
    batch_ops: int
    permutations: float
    leaf_permutations: float
    inner_permutations: float
    sequencer_permutations: float
    leaf_bytes_on_tape: float
    sibling_bytes_on_tape: float


@dataclass(frozen=True, slots=True)
class LeavesResult:
    """Costs of every scenario, leaf size and batch size."""

    costs: tuple[LeafCost, ...]

    def best_leaf_bytes(self) -> dict[int, int]:
        """Return, by batch size, the leaf size with the fewest permutations over all scenarios."""
        total = {(cost.batch_ops, cost.leaf_bytes): 0.0 for cost in self.costs}
        for cost in self.costs:
            total[cost.batch_ops, cost.leaf_bytes] += cost.permutations
        return {
            batch: min((value, size) for (ops, size), value in total.items() if ops == batch)[1]
            for batch in BATCHES
        }

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON."""
        return {
            "leaf_bytes": LEAF_BYTES,
            "best_leaf_bytes": {str(n): size for n, size in self.best_leaf_bytes().items()},
            "accounts": ACCOUNTS,
            "resting_orders": PROFILE.live_target,
            "costs": [asdict(cost) for cost in self.costs],
        }

    def to_text(self) -> str:
        """Return one table per scenario and the recommendation."""
        lines = []
        for scenario in SCENARIOS:
            lines.append(f"{scenario.name}: Poseidon2 permutations per op (tape bytes per op)")
            lines.append("leaf bytes" + "".join(f"{f'{n:,} ops':>20}" for n in BATCHES))
            for size in LEAF_SIZES:
                row = [c for c in self.costs if (c.scenario, c.leaf_bytes) == (scenario.name, size)]
                cells = (
                    f"{c.permutations:.1f} ({c.leaf_bytes_on_tape + c.sibling_bytes_on_tape:,.0f})"
                    for c in row
                )
                lines.append(f"{size:>10}" + "".join(f"{cell:>20}" for cell in cells))
            lines.append("")
        best = ", ".join(f"{size} B at {n:,} ops" for n, size in self.best_leaf_bytes().items())
        lines.append(f"fewest permutations over all scenarios: {best}; LEAF_BYTES is {LEAF_BYTES}")
        return "\n".join(lines)


def build_variant(leaf_bytes: int) -> Path:
    """Compile the counting core for a leaf size, unless the cache holds it.

    Raises
    ------
    BuildError
        If it does not compile; the message is the compiler's.
    """
    flags = (
        *build_native.NATIVE_FLAGS,
        *_LIBRARY_FLAGS,
        f"-DHR_LEAF_BYTES={leaf_bytes}u",
    )
    settings = (version("ziglang"), *flags, SOURCE.read_text(encoding="utf-8"))
    key = build_native.fingerprint(settings)[:16]
    library = CACHE_DIR / f"leaf_counts_{leaf_bytes}_{key}.so"
    if library.exists():
        return library
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    for outdated in CACHE_DIR.glob(f"leaf_counts_{leaf_bytes}_*.so"):
        outdated.unlink()
    include_dirs = (*build_native.INCLUDE_DIRS, build_native.CORE_DIR)
    command = [sys.executable, "-m", "ziglang", "cc", *flags, *(f"-I{d}" for d in include_dirs)]
    # Moved into place when complete: a second run beside this one must not load half a file.
    fresh = library.with_suffix(f".{os.getpid()}")
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(build_native.ZIG_CACHE_DIR), **os.environ}
    done = subprocess.run(
        [*command, str(SOURCE), "-o", str(fresh)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode != 0:
        raise build_native.BuildError(done.stderr.strip())
    return fresh.rename(library)


def aged_flow(scenario: Scenario, seed: int = 1) -> Workload:
    """Return the ops of a scenario: the book is filled, aged, and then measured."""
    measured = sum(ops * n for ops, n in BATCHES.items())
    flow = generate_flow(PROFILE, PROFILE.live_target + AGEING_MESSAGES + measured, seed)
    messages = messages_from_flow(flow)
    n_passive = ACCOUNTS - TAKERS
    account = messages["account"] % n_passive
    is_maker = account < scenario.maker_share * n_passive
    account[is_maker] %= MAKERS
    is_ioc = messages["kind"] == IOC
    account[is_ioc] = n_passive + messages["account"][is_ioc] % TAKERS
    is_cancel = messages["kind"] == CANCEL
    account[is_cancel] = account[messages["order_ref"][is_cancel]]
    messages["account"] = account
    return build_ops(messages, ACCOUNTS, scenario.market_kind)


def load_variant(leaf_bytes: int) -> ctypes.CDLL:
    """Return the core of `build_variant`, for `Core` and `root_costs`."""
    library = load_library(build_variant(leaf_bytes))
    library.hr_bench_root_costs.restype = None
    library.hr_bench_root_costs.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return library


def root_costs(library: ctypes.CDLL, core: Core) -> npt.NDArray[np.void]:
    """Bring the tree of a core of `load_variant` up to date.

    Returns
    -------
    numpy.ndarray
        Shape (16,), by subtree: touched leaves and their bytes, permutations of their old and of
        their new contents, and inner nodes (one permutation for each of the two roots).
    """
    costs = np.zeros(len(Subtree), _COST)
    library.hr_bench_root_costs(core.handle, costs.ctypes.data)
    return costs


def measure(scenario: Scenario, workload: Workload, leaf_bytes: int) -> list[LeafCost]:
    """Apply a workload to the core of one leaf size; return its cost for each batch size."""
    library = load_variant(leaf_bytes)
    core = new_exchange(ACCOUNTS, scenario.market_kind, library)
    start = PROFILE.live_target + AGEING_MESSAGES
    refused = np.count_nonzero(core.apply(workload.ops[:start]).codes)
    core.root()
    costs = []
    for batch_ops, n_batches in BATCHES.items():
        batch_costs = np.zeros((n_batches, len(Subtree)), _COST)
        for row in batch_costs:
            codes = core.apply(workload.ops[start : start + batch_ops]).codes
            refused += np.count_nonzero(codes)
            row[:] = root_costs(library, core)
            start += batch_ops
        costs.append(leaf_cost(scenario, leaf_bytes, batch_ops, batch_costs))
    if refused:
        raise RuntimeError(f"{refused} ops of the workload were refused")
    return costs


def leaf_cost(
    scenario: Scenario, leaf_bytes: int, batch_ops: int, costs: npt.NDArray[np.void]
) -> LeafCost:
    """Add up the costs (n batches, subtrees) of batches of one size."""
    n_ops = batch_ops * len(costs)
    new_leaves = costs["new_leaf_permutations"].sum()
    leaves = costs["old_leaf_permutations"].sum() + new_leaves
    inner_of_one_root = costs["inner_nodes"].sum() + _TOP_PERMUTATIONS * len(costs)
    # m inner nodes over n leaves have 2m children, of which n + m - 1 are on paths themselves.
    is_touched = costs["leaves"] > 0
    n_siblings = (costs["inner_nodes"] + is_touched - costs["leaves"]).sum()
    return LeafCost(
        scenario=scenario.name,
        leaf_bytes=leaf_bytes,
        batch_ops=batch_ops,
        permutations=float(leaves + 2 * inner_of_one_root) / n_ops,
        leaf_permutations=float(leaves) / n_ops,
        inner_permutations=float(2 * inner_of_one_root) / n_ops,
        sequencer_permutations=float(new_leaves + inner_of_one_root) / n_ops,
        leaf_bytes_on_tape=float(costs["leaf_bytes"].sum()) / n_ops,
        sibling_bytes_on_tape=float(DIGEST_BYTES * n_siblings) / n_ops,
    )


def run_leaves(progress: Progress | None = None) -> LeavesResult:
    """Measure every scenario with every leaf size.

    Parameters
    ----------
    progress
        Called after every measurement.

    Raises
    ------
    BuildError
        If a variant of the core does not compile.
    CoreUnavailableError
        If the native core, which learns the slots of the orders, is not built.
    """
    costs: list[LeafCost] = []
    done, total = 0, len(SCENARIOS) * len(LEAF_SIZES)
    for scenario in SCENARIOS:
        workload = aged_flow(scenario)
        for leaf_bytes in LEAF_SIZES:
            costs += measure(scenario, workload, leaf_bytes)
            done += 1
            if progress is not None:
                progress(done, total)
    return LeavesResult(tuple(costs))
