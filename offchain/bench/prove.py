"""The benchmark of the prover: cycles per second, proof sizes, memory, and its two main kernels.

Every part has a process of its own, so that its first proof is cold and its peak memory is its own.
Tapes are chosen for runs that just fit; the cycles that they take are checked. Proofs are made
with fixed randomness, so that their sizes can be reproduced, and each is verified.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from offchain.air.machine import TABLES
from offchain.prover import hashing, kernels
from offchain.prover.native_build import level_flags
from offchain.prover.program_key import ProgramKey
from offchain.prover.program_proof import ProvenRun, prove_program, verify_program
from offchain.security.parameters import FAST, PROFILES, SETTLE, SETTLE_COMPACT, Parameters
from offchain.tools import build_native
from offchain.zkvm.program import Program, load_program

#: Proof sizes are stated for tables of at least 2^11 rows.
LEAST_LOG_HEIGHT: Final = 11
CYCLES_2E16: Final = 2**16 - 1024
CYCLES_2E17: Final = 2**17 - SETTLE.blinding_rows
WARM_RUNS: Final = 3
_RANDOMNESS_KEY: Final = bytes(32)
_MAX_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024
_GIB: Final = 2**30

#: Called with (steps done, steps in all).
Progress = Callable[[int, int], None]


class WorkloadChangedError(RuntimeError):
    """A guest takes another number of cycles than the benchmark was made for."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A guest of ``examples/guests``, its input words, and the cycles that it takes."""

    guest: str
    tape: tuple[int, ...]
    cycles: int


#: The largest inputs that fit.
SORT: Final = Workload("sort", (364, 1), 64_481)
SHA256: Final = Workload("sha256", (12, *range(16 * 12)), 62_685)
DELEGATIONS: Final = Workload("delegations", (7, 1), 59_816)
DELEGATIONS_2E17: Final = Workload("delegations", (15, 1), 128_112)
DELEGATIONS_QUICK: Final = Workload("delegations", (1, 1), 8_594)


@dataclass(frozen=True, slots=True)
class Part:
    """What one process proves.

    Attributes
    ----------
    name
        The workload's name, or ``2e17``.
    warm_runs
        Proofs after the first; the best counts.
    """

    profile: str
    name: str
    workload: Workload
    warm_runs: int


def parts(*, quick: bool) -> list[Part]:
    """Return the parts of the benchmark; with `quick`, small ones that say nothing of speed."""
    workloads = (DELEGATIONS_QUICK,) if quick else (SORT, SHA256, DELEGATIONS)
    long = DELEGATIONS_QUICK if quick else DELEGATIONS_2E17
    warm_runs = 1 if quick else WARM_RUNS
    return [
        *(
            Part(profile.name, workload.guest, workload, warm_runs)
            for profile in (FAST, SETTLE)
            for workload in workloads
        ),
        *(Part(profile.name, "2e17", long, 0) for profile in (SETTLE, SETTLE_COMPACT)),
    ]


@dataclass(frozen=True, slots=True)
class PartFigures:
    """What one process measured.

    Attributes
    ----------
    seconds_cold
        The first proof, with the program's commitment and all tables of the kernels.
    seconds_warm
        The best later one: execution, trace and proof. None without later ones.
    bits
        Provable bits at this height.
    verify_seconds
        In plain Python, with the program's commitment.
    """

    cycles: int
    seconds_cold: float
    seconds_warm: float | None
    proof_bytes: int
    bits: float
    verify_seconds: float
    peak_memory_bytes: int

    @property
    def cycles_per_s(self) -> float:
        """Of the best warm run, or of the only one."""
        return self.cycles / (self.seconds_warm or self.seconds_cold)


@dataclass(frozen=True, slots=True)
class ProveResult:
    """Figures by profile and part; kernels in nanoseconds by level, None where the CPU lacks it."""

    figures: dict[str, dict[str, PartFigures]]
    ntt_ns: dict[str, float | None]
    keccak_ns: dict[str, float | None]
    is_quick: bool

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON."""
        settle_2e17 = self.figures[SETTLE.name]["2e17"]
        compact_2e17 = self.figures[SETTLE_COMPACT.name]["2e17"]
        return {
            "quick": self.is_quick,
            "fast": self._profile_fields(FAST.name),
            "settle": {
                **self._profile_fields(SETTLE.name),
                "proof_bytes_2e17": settle_2e17.proof_bytes,
            },
            "settle_compact": {
                "proof_bytes_2e17": compact_2e17.proof_bytes,
                "bits": compact_2e17.bits,
            },
            "peak_memory_bytes": self.peak_memory_bytes,
            "columns": count_columns(),
            "ntt_ns": self.ntt_ns,
            "keccak_ns": self.keccak_ns,
            "cores": os.cpu_count(),
            "guests": {
                profile: {
                    name: {**asdict(part), "cycles_per_s": part.cycles_per_s}
                    for name, part in by_part.items()
                }
                for profile, by_part in self.figures.items()
            },
        }

    @property
    def peak_memory_bytes(self) -> int:
        """The largest of all processes."""
        return max(p.peak_memory_bytes for parts in self.figures.values() for p in parts.values())

    def _profile_fields(self, profile: str) -> dict[str, float]:
        by_part = self.figures[profile]
        guests = [part for part in by_part.values() if part.seconds_warm is not None]
        return {
            "cycles_per_s": min(part.cycles_per_s for part in guests),
            "seconds_2e16_cold": max(part.seconds_cold for part in guests),
            "seconds_2e16_warm": max(part.seconds_warm or 0.0 for part in guests),
            "proof_bytes": by_part["delegations"].proof_bytes,
            "bits": min(part.bits for part in by_part.values()),
        }

    def to_text(self) -> str:
        """Return a table of the parts, and a line for each of the other figures."""
        head = f"{'profile':<15}{'guest':<12}{'cycles':>9}{'cold s':>8}{'warm s':>8}"
        lines = [head + f"{'cycles/s':>10}{'bytes':>10}{'bits':>8}{'verify s':>10}"]
        for profile, by_part in self.figures.items():
            for name, part in by_part.items():
                warm = "-" if part.seconds_warm is None else f"{part.seconds_warm:.2f}"
                lines.append(
                    f"{profile:<15}{name:<12}{part.cycles:>9,}{part.seconds_cold:>8.2f}{warm:>8}"
                    f"{part.cycles_per_s:>10,.0f}{part.proof_bytes:>10,}{part.bits:>8}"
                    f"{part.verify_seconds:>10.2f}"
                )
        columns = count_columns()
        lines += [
            f"peak memory: {self.peak_memory_bytes / _GIB:.2f} GiB on {os.cpu_count()} cores",
            f"columns: {columns['base']} base, {columns['extension']} extension",
            f"NTT, ns per butterfly on one core: {_levels_text(self.ntt_ns)}",
            f"keccak-f, ns per permutation on one core: {_levels_text(self.keccak_ns)}",
        ]
        if self.is_quick:
            lines.append("quick: small inputs; times and sizes do not compare with a full run")
        return "\n".join(lines)


def count_columns() -> dict[str, int]:
    """Return the number of base columns, preprocessed included, and of extension columns."""
    return {
        "base": sum(len(table.preprocessed) + len(table.main) for table in TABLES),
        "extension": sum(len(table.fraction_groups()) for table in TABLES),
    }


def measure(part: Part, elf: Path) -> PartFigures:
    """Prove a part, the run of `elf`, in this process and verify what it proved.

    Raises
    ------
    WorkloadChangedError
        If the run takes another number of cycles, or two proofs differ.
    Rejected
        If a proof does not verify.
    """
    program = load_program(elf.read_bytes())
    parameters = PROFILES[part.profile]

    def timed(first: ProvenRun | None = None) -> tuple[ProvenRun, float]:
        start_s = time.perf_counter()
        run = prove_workload(part.workload, program, parameters, first.key if first else None)
        seconds = time.perf_counter() - start_s
        if first and run.proof.data != first.proof.data:
            raise WorkloadChangedError(f"two proofs of {part.name} with equal randomness differ")
        return run, seconds

    first, seconds_cold = timed()
    warm = [timed(first)[1] for _ in range(part.warm_runs)]
    start_s = time.perf_counter()
    verified = verify_program(first.proof.data, program, first.execution.output.tolist())
    verify_seconds = time.perf_counter() - start_s
    max_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return PartFigures(
        cycles=first.execution.cycles,
        seconds_cold=seconds_cold,
        seconds_warm=min(warm, default=None),
        proof_bytes=len(first.proof.data),
        bits=verified.bits,
        verify_seconds=verify_seconds,
        peak_memory_bytes=max_rss * _MAX_RSS_UNIT_BYTES,
    )


def prove_workload(
    workload: Workload, program: Program, parameters: Parameters, key: ProgramKey | None = None
) -> ProvenRun:
    """Prove a workload with fixed randomness.

    Raises
    ------
    WorkloadChangedError
        If the run takes another number of cycles than it should.
    """
    run = prove_program(
        program,
        np.array(workload.tape, np.uint32),
        parameters,
        key=key,
        least_log_height=LEAST_LOG_HEIGHT,
        randomness_key=_RANDOMNESS_KEY,
    )
    cycles = run.execution.cycles
    if cycles != workload.cycles:
        raise WorkloadChangedError(
            f"{workload.guest} takes {cycles} cycles instead of {workload.cycles}: the guest or its"
            " compiler changed; choose new tapes in offchain/bench/prove.py"
        )
    return run


def run_prove(*, quick: bool = False, progress: Progress | None = None) -> ProveResult:
    """Run the benchmark.

    Parameters
    ----------
    quick
        Small inputs, for tests.
    progress
        Called after each part.

    Raises
    ------
    WorkloadChangedError, Rejected
        See `measure`.
    BuildError, KernelsUnavailableError, ExecutorUnavailableError
        If something is not built.
    RuntimeError
        If the system ends a process, such as for want of memory.
    """
    elves = {path.stem: path for path in build_native.build_examples()}
    todo = parts(quick=quick)
    figures: dict[str, dict[str, PartFigures]] = {}
    # A fork would start with this process's memory; a process measures one part and ends.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for done, part in enumerate(todo, start=1):
            measured = pool.submit(measure, part, elves[part.workload.guest]).result()
            figures.setdefault(part.profile, {})[part.name] = measured
            if progress is not None:
                progress(done, len(todo))
    ntt, hashes = kernels.kernel_speeds(), hashing.kernel_speeds()
    return ProveResult(
        figures=figures,
        ntt_ns={level: ntt[level]["ntt_2e16"] if level in ntt else None for level in level_flags()},
        keccak_ns={
            level: hashes[level]["keccak256"] if level in hashes else None
            for level in level_flags()
        },
        is_quick=quick,
    )


def _levels_text(speeds: dict[str, float | None]) -> str:
    return ", ".join(
        f"{level} {'-' if ns is None else f'{ns:.2f}'}" for level, ns in speeds.items()
    )
