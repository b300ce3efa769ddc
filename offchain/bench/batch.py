"""The benchmark of proven batches: what the guest spends on an op, and what its proof takes.

The chain has 2^16 accounts and four perpetuals with 5,000 resting orders each. Every op comes in an
envelope of its own; signatures are not checked. A second chain has margined markets, and is counted
only. Counts are the same on every machine, times are not. Each proof has a process of its own and
is verified.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np

from offchain.air.machine import TABLES
from offchain.air.opcodes import ECALL_READ
from offchain.bench.batch_scene import (
    ACCOUNTS,
    CONFIG_HASH,
    GOVERNANCE,
    Client,
    Size,
    Wrapper,
    scene,
)
from offchain.core.binding import Core
from offchain.prover.program_proof import prove_program
from offchain.proving.program import tape_words
from offchain.security.parameters import FAST, PROFILES, SETTLE
from offchain.tools import build_native
from offchain.verifier.verify import verify
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import Statement, Witness, encode_envelopes
from offchain.witness.native import output_bytes, run_witness
from offchain.zkvm.delegations import DELEGATIONS
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program, load_program
from offchain.zkvm.trace import TableTooHighError, used_rows

BATCHES: Final = (32, 64, 128, 256)
#: Ops of the largest batch that is proven unasked; what is too long for one proof says so.
LARGEST_PROOF: Final = 256
_STATEMENT: Final = Statement(l1_chain_id=1, chain_id=1, gateway=bytes(20))
_RANDOMNESS_KEY: Final = bytes(32)
_HASH_TABLE: Final = "poseidon2"
_WORD_BYTES: Final = 4
_MAX_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024
_GB: Final = 10**9
_PHASES: Final = ("load", "apply", "roots", "output")

#: Called with (steps done, steps in all).
Progress = Callable[[int, int], None]


class BatchMismatchError(RuntimeError):
    """The guest did not give the output of the batch program on this machine."""


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What one batch costs; everything but seconds is per op.

    Attributes
    ----------
    ops
        Users' ops; the envelope that seals the batch comes on top.
    cycles_per_op
        Of the guest.
    hashes_per_op
        Poseidon2 permutations.
    cells_per_op
        Cells of the main columns that the run fills, without padding.
    tape_bytes_per_op
        Size of the witness.
    phases
        Shares of the cycles: leaves are read and hashed as they were; envelopes applied; both
        roots computed from there, in one pass; the output written.
    rows
        Rows of each table that the whole run uses.
    prove_fast_s, prove_settle_s
        Execution, trace and proof, cold; None if there is no proof.
    peak_memory_bytes
        Of the process that made the proof, by profile.
    not_proven
        Why there is no proof, by profile.
    """

    ops: int
    cycles_per_op: float
    hashes_per_op: float
    cells_per_op: float
    tape_bytes_per_op: float
    phases: dict[str, float]
    rows: dict[str, int]
    prove_fast_s: float | None = None
    prove_settle_s: float | None = None
    peak_memory_bytes: dict[str, int] = field(default_factory=dict)
    not_proven: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Figures of all batches; of margined markets without proofs."""

    size: Size
    batches: tuple[BatchFigures, ...]
    batches_margined: tuple[BatchFigures, ...]
    is_quick: bool = field(kw_only=True)

    @property
    def ops_proven_per_s(self) -> float | None:
        """Of the best batch in profile fast; None without proofs."""
        rates = [b.ops / b.prove_fast_s for b in self.batches if b.prove_fast_s is not None]
        return max(rates, default=None)

    def to_fields(self) -> dict[str, object]:
        """Return the result ready for JSON."""
        return {
            "quick": self.is_quick,
            "accounts": self.size.accounts,
            "resting_orders": self.size.resting,
            "batches": [asdict(batch) for batch in self.batches],
            "batches_margined": [asdict(batch) for batch in self.batches_margined],
            "ops_proven_per_s": self.ops_proven_per_s,
        }

    def to_text(self) -> str:
        """Return a table of the batches."""
        head = f"{'ops':>5}{'cycles/op':>11}{'hashes/op':>11}{'cells/op':>11}{'bytes/op':>10}"
        lines = [head + "".join(f"{name:>8}" for name in _PHASES) + f"{'fast s':>9}{'settle s':>9}"]
        for each in (*self.batches, *self.batches_margined):
            numbers = (each.cycles_per_op, each.hashes_per_op, each.cells_per_op)
            lines.append(
                f"{each.ops:>5}"
                + "".join(f"{number:>11,.0f}" for number in numbers)
                + f"{each.tape_bytes_per_op:>10,.0f}"
                + "".join(f"{each.phases[name]:>8.1%}" for name in _PHASES)
                + f"{_seconds(each.prove_fast_s):>9}{_seconds(each.prove_settle_s):>9}"
            )
        lines.append("the second half: margined markets")
        for each in self.batches:
            for profile, size in each.peak_memory_bytes.items():
                lines.append(f"{each.ops} ops, {profile}: {size / _GB:.1f} GB at most")
            for profile, reason in each.not_proven.items():
                lines.append(f"{each.ops} ops, {profile}: no proof: {reason}")
        if self.is_quick:
            lines.append("quick: a small chain; figures do not compare with a full run")
        return "\n".join(lines)


def make_witnesses(size: Size, batches: Sequence[int], seed: int = 1) -> list[Witness]:
    """Fill the books of a chain and return the witnesses of batches that follow each other.

    Parameters
    ----------
    size
        Of the chain.
    batches
        Ops of each batch.
    seed
        Of the flow.
    """
    cores = [Core(CONFIG_HASH, GOVERNANCE) for _ in range(3)]
    before = scene(size)
    _apply(cores, before)
    client, wrapper = Client(cores[0], random.Random(seed), size), Wrapper()  # noqa: S311
    _apply(cores[1:], client.fill())
    builder = WitnessBuilder(*cores[1:])
    return [builder.build(_STATEMENT, wrapper.batch(client.flow(ops))) for ops in batches]


def _apply(cores: Sequence[Core], ops: list[bytes]) -> None:
    for core in cores:
        if core.apply(ops).codes.any():
            raise RuntimeError("an op of the scene was refused")


def count(witness: Witness, program: Program) -> BatchFigures:
    """Run a witness and count what it takes.

    Raises
    ------
    BatchMismatchError
        If guest and native program disagree.
    """
    data = witness.to_bytes()
    run = execute(program, tape_words(data), record=True)
    native = run_witness(data)
    if run.exit_code != 0 or output_bytes(run.output) != native.output:
        raise BatchMismatchError(f"exit codes {run.exit_code} (guest), {native.exit_code} (native)")
    ops = len(witness.envelopes) - 1
    rows = used_rows(program, run.row_counts)
    per_hash = next(each.rows_per_call for each in DELEGATIONS if each.table == _HASH_TABLE)
    return BatchFigures(
        ops=ops,
        cycles_per_op=run.cycles / ops,
        hashes_per_op=rows[_HASH_TABLE] / per_hash / ops,
        cells_per_op=sum(rows[table.name] * len(table.main) for table in TABLES) / ops,
        tape_bytes_per_op=len(data) / ops,
        phases=_phases(witness, len(data), run),
        rows=dict(rows),
    )


def _phases(witness: Witness, tape_bytes: int, run: Execution) -> dict[str, float]:
    """Divide the cycles by where the tape was read: hints, last envelope, last sibling."""
    siblings = sum(len(b"".join(opening.siblings)) for opening in witness.openings)
    last = len(encode_envelopes(witness.envelopes[-1:]))
    envelopes = len(encode_envelopes(witness.envelopes))
    reads = run.transfers["clk"][run.transfers["code"] == ECALL_READ]
    loaded = tape_bytes - siblings - envelopes - _WORD_BYTES * len(witness.hints)
    marks = [loaded, tape_bytes - siblings - last, tape_bytes]
    clocks = [int(reads[mark // _WORD_BYTES - 1]) for mark in marks]
    ends = [*clocks, run.cycles]
    lengths = np.diff([0, *ends]) / run.cycles
    return dict(zip(_PHASES, lengths.tolist(), strict=True))


def prove(tape: bytes, profile: str) -> tuple[float, int]:
    """Prove a witness and verify the proof.

    Returns
    -------
    tuple
        Seconds for execution, trace and proof; the most memory that this process has had, in bytes.

    Raises
    ------
    TableTooHighError
        If the run is too long for one proof.
    Rejected
        If the proof does not verify.
    """
    program = load_program(build_native.build("batch").read_bytes())
    start_s = time.perf_counter()
    run = prove_program(
        program, tape_words(tape), PROFILES[profile], randomness_key=_RANDOMNESS_KEY
    )
    seconds = time.perf_counter() - start_s
    verify(run.proof.data, run.key.program_id, run.execution.output.tolist())
    max_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, max_rss * _MAX_RSS_UNIT_BYTES


def run_batch(
    *,
    quick: bool = False,
    profiles: Sequence[str] = (FAST.name, SETTLE.name),
    largest_proof: int = LARGEST_PROOF,
    progress: Progress | None = None,
) -> BatchResult:
    """Run the benchmark.

    Parameters
    ----------
    quick
        A small chain and small batches, for tests.
    profiles
        Which proofs to make: of ``fast`` and ``settle``.
    largest_proof
        Ops of the largest batch that is proven.
    progress
        Called after each batch and each proof.

    Raises
    ------
    BatchMismatchError, Rejected
        See `count` and `prove`.
    BuildError, CoreUnavailableError, ExecutorUnavailableError, KernelsUnavailableError
        If something is not built.
    """
    size = Size(accounts=64, resting=100, ageing=50) if quick else Size(accounts=ACCOUNTS)
    batches = (4, 8) if quick else BATCHES
    program = load_program(build_native.build("batch").read_bytes())
    witnesses = make_witnesses(size, batches)
    total = 1 + len(batches) * (1 + len(profiles))
    margined = make_witnesses(replace(size, is_margined=True), batches)
    figures: list[BatchFigures] = []
    done = 1
    # A fork would start with this process's memory; a process makes one proof and ends.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for witness in witnesses:
            counted = asdict(count(witness, program))
            done += 1
            for profile in profiles:
                counted |= _proven(counted, witness, profile, largest_proof, pool)
                done += 1
                if progress is not None:
                    progress(done, total)
            figures.append(BatchFigures(**counted))
    counts = tuple(count(witness, program) for witness in margined)
    return BatchResult(size, tuple(figures), counts, is_quick=quick)


def _proven(
    counted: Mapping[str, Any], witness: Witness, profile: str, largest: int, pool: Executor
) -> dict[str, Any]:
    """Prove a batch in a process of its own; return the figures that this adds."""
    if counted["ops"] > largest:
        reason = f"not asked for: more than {largest} ops"
        return {"not_proven": counted["not_proven"] | {profile: reason}}
    try:
        seconds, peak_bytes = pool.submit(prove, witness.to_bytes(), profile).result()
    except TableTooHighError as error:
        return {"not_proven": counted["not_proven"] | {profile: str(error)}}
    return {
        f"prove_{profile}_s": seconds,
        "peak_memory_bytes": counted["peak_memory_bytes"] | {profile: peak_bytes},
    }


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
