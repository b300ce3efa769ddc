"""Proofs: the rounds of docs/spec/proof-system.md, in order."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from offchain.air.buses import FIRST_PC_TIMESTAMP, LINK, MEMORY, PC_ADDRESS
from offchain.air.machine import TABLES
from offchain.prover.bus import aux_columns
from offchain.prover.commitment import Commitment
from offchain.prover.deep import deep_polynomial, open_current, open_next
from offchain.prover.domain import QUOTIENT_COSETS, quotient_cosets
from offchain.prover.evaluators import BusChallenges, Columns, Evaluator
from offchain.prover.fri import commit_layers, extend, open_layers
from offchain.prover.hash_suites import HashSuite
from offchain.prover.hashing import grind
from offchain.prover.kernel_arguments import EXT_DEGREE, U64Array
from offchain.prover.kernels import KEY_BYTES, intt, random_fill
from offchain.prover.layout import Layout
from offchain.prover.memory import free_memory_bytes
from offchain.prover.program_key import ProgramKey
from offchain.prover.quotient import masked_parts, quotient_coefficients
from offchain.prover.reference import Ext, ext_add, ext_inverse, ext_mul, ext_scale, ext_sub
from offchain.prover.transcript import ProverTranscript, elements_bytes
from offchain.security.calculator import check_security
from offchain.security.parameters import max_log_height

PROTOCOL = b"headrace/stark/v1"
PROOF_TAG = b"HRproof1"

# Random streams of one proof; each is used once. Salts have streams of their own.
MAIN_STREAM, AUX_STREAM, MASK_STREAM = 1 << 8, 2 << 8, 3 << 8

SPARE_SHARE = 2
"""A commitment keeps what can be computed again in at most one half of the memory to spare."""

WORD_BYTES = 8

STAGES = ("main", "bus", "quotient", "openings", "fri", "grinding", "queries")

Progress = Callable[[str], None]


class TraceShapeError(ValueError):
    """Columns or output that no run of the program can have."""


@dataclass(frozen=True)
class Proof:
    """A proof and the challenges that made it, for comparison with a verifier's."""

    data: bytes
    challenges: list[tuple[str, tuple[int, ...]]]


def prove(
    key: ProgramKey,
    main: MutableMapping[str, U64Array],
    output: Sequence[int],
    *,
    is_consumed: bool = False,
    randomness_key: bytes | None = None,
    threads: int | None = None,
    progress: Progress = lambda _stage: None,
) -> Proof:
    """Prove that the program of `key` has this trace and this public output.

    Parameters
    ----------
    key : ProgramKey
    main : mapping
        Main columns [columns][height] by table name; blinding rows are overwritten in place.
    output : sequence of int
        Public output words, each below 2^32.
    is_consumed : bool
        Empty `main` as soon as it is not needed, which leaves more memory to the rest.
    randomness_key : bytes, optional
        32 bytes for deterministic proofs in tests, which hide nothing; fresh by default.
    threads : int, optional
        By default one per core.
    progress : callable
        Called with the name of each stage of `STAGES` as it begins.

    Raises
    ------
    TraceError
        If the trace breaks a constraint or leaves a bus unbalanced.
    TraceShapeError
        If columns are missing or of a wrong height, or an output word is too large.
    InsecureParametersError
        If the parameters give too few bits at this height.
    """
    layout = Layout(_required_heights(key, main))
    words = [int(word) for word in output]
    if any(not 0 <= word < 1 << 32 for word in words):
        raise TraceShapeError("an output word is not in [0, 2^32): pass the output of the run")
    check_security(key.parameters, layout.n.bit_length() - 1)
    workers = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as executor:
        secret = randomness_key or secrets.token_bytes(KEY_BYTES)
        run = _Run(key, layout, secret, executor, workers)
        return run.prove(main, words, is_consumed, progress)


def _required_heights(key: ProgramKey, main: Mapping[str, U64Array]) -> tuple[int, ...]:
    """Heights of all tables; `TraceShapeError` unless the columns fit machine and program."""
    heights = []
    for number, table in enumerate(TABLES):
        columns = main.get(table.name)
        if columns is None or columns.dtype != np.uint64 or len(columns) != len(table.main):
            raise TraceShapeError(
                f"table {table.name} needs {len(table.main)} columns of uint64: use fill_tables"
            )
        height = columns.shape[1]
        log_height = height.bit_length() - 1
        least, most = key.parameters.min_log_height, max_log_height(table.name)
        if height != 1 << log_height or not least <= log_height <= most:
            raise TraceShapeError(
                f"table {table.name} has {height} rows, not a power of two from "
                f"2^{least} to 2^{most}: use minimum_heights"
            )
        if number in key.evaluations and key.evaluations[number].shape[1] != height:
            raise TraceShapeError(
                f"table {table.name} has {height} rows, another number than in the program key: "
                "fill the tables at the heights of the key"
            )
        heights.append(height)
    return tuple(heights)


def public_fraction_sum(challenges: BusChallenges, entry_pc: int, output: Sequence[int]) -> Ext:
    """Sum of the verifier's own fractions: the first pc, and the public output received."""
    gamma, beta = challenges.gamma, challenges.beta

    def fraction(bus: int, values: Sequence[int]) -> Ext:
        result = ext_add(gamma, (bus, 0, 0))
        power = beta
        for value in values:
            result = ext_add(result, ext_scale(power, value))
            power = ext_mul(power, beta)
        return ext_inverse(result)

    total = fraction(MEMORY.identifier, [PC_ADDRESS, FIRST_PC_TIMESTAMP, entry_pc])
    for i, word in enumerate(output):
        total = ext_sub(total, fraction(LINK.identifier, [0, 0, 0, i, word]))
    return total


class _Run:
    """State of one proof."""

    def __init__(
        self,
        key: ProgramKey,
        layout: Layout,
        randomness_key: bytes,
        executor: Executor,
        workers: int,
    ) -> None:
        self.key = key
        self.parameters = key.parameters
        self.layout = layout
        self.randomness_key = randomness_key
        self.executor = executor
        self.workers = workers
        self.suite = HashSuite(key.parameters.hash_suite)
        self.blowup = 1 << key.parameters.log_blowup
        self.transcript = ProverTranscript(self.suite)

    def prove(
        self,
        main: MutableMapping[str, U64Array],
        output: list[int],
        is_consumed: bool,
        progress: Progress,
    ) -> Proof:
        """Run all rounds."""
        absorb, draw = self.transcript.absorb, self.transcript.draw_element
        self._begin(output)
        progress("main")
        traces = self._blinded(main)
        coefficients = dict(enumerate(self.executor.map(intt, traces)))
        main_later = {t: table.next_columns() for t, table in enumerate(TABLES)}
        main_tree = self._commit(coefficients, salt_stream=1, opened_later=main_later)
        del coefficients
        absorb("main", main_tree.root)
        challenges = BusChallenges(draw("gamma"), draw("beta"))
        progress("bus")
        evaluators = [Evaluator(number, challenges) for number in range(len(TABLES))]
        coefficients = self._aux(traces, evaluators)
        # The running sum, the last column, stands for three.
        aux_later = {t: range(len(c) - 3, len(c)) for t, c in coefficients.items()}
        del traces
        if is_consumed:
            main.clear()
        aux_tree = self._commit(coefficients, salt_stream=2, opened_later=aux_later)
        absorb("aux", aux_tree.root)
        alpha = draw("alpha")
        progress("quotient")
        public_sum = public_fraction_sum(challenges, self.key.entry_pc, output)
        committed = [self.key.commitment, main_tree, aux_tree]
        quotient = quotient_coefficients(
            self.layout,
            committed,
            evaluators,
            alpha,
            public_sum,
            self.parameters.blinding_rows,
            self.executor,
        )
        parts = masked_parts(quotient, self.parameters.queries, self.randomness_key, MASK_STREAM)
        del quotient
        quotient_tree = self._commit(
            {len(TABLES): parts}, salt_stream=3, opened_later={}, keep=False
        )
        absorb("quotient", quotient_tree.root)
        zeta = draw("zeta")
        progress("openings")
        committed.append(quotient_tree)
        current = open_current(self.layout, committed, zeta, self.executor)
        following = open_next(self.layout, main_tree, aux_tree, zeta)
        values = b"".join(elements_bytes(opened.value) for opened in [*current, *following])
        absorb("openings", values)
        lam = draw("lambda")
        mask = np.ascontiguousarray(parts[-3:])
        deep = deep_polynomial(self.layout, current, following, mask, zeta, lam)
        progress("fri")
        layers, roots, final = commit_layers(
            extend(deep, self.blowup, self.executor),
            self.layout.n,
            self.parameters.fold_logs(self.layout.n.bit_length() - 1),
            self.suite,
            self.transcript,
        )
        final_bytes = elements_bytes(final.T.reshape(-1))
        absorb("final", final_bytes)
        progress("grinding")
        prefix = b"HRgrind0" + self.transcript.state
        bits = self.parameters.grinding_bits
        nonce = grind(self.suite, prefix, bits, threads=self.workers).to_bytes(8, "big")
        absorb("nonce", nonce)
        progress("queries")
        domain = self.blowup * self.layout.n
        places = sorted(
            set(self.transcript.draw_indices("queries", self.parameters.queries, domain))
        )
        log_domain = domain.bit_length() - 1
        openings = b"".join(tree.open(places, log_domain, self.executor) for tree in committed)
        openings += open_layers(layers, places)
        own_roots = main_tree.root + aux_tree.root + quotient_tree.root
        data = b"".join(
            [self._head(output), own_roots, values, *roots, final_bytes, nonce, openings]
        )
        return Proof(data, self.transcript.challenges)

    def _begin(self, output: list[int]) -> None:
        identity = self.parameters.parameters_id + self.key.program_id
        self.transcript.absorb("protocol", PROTOCOL + identity)
        words = b"".join(word.to_bytes(4, "big") for word in output)
        self.transcript.absorb("output", len(output).to_bytes(8, "big") + words)
        self.transcript.absorb("heights", self._log_heights())

    def _log_heights(self) -> bytes:
        return bytes(height.bit_length() - 1 for height in self.layout.heights)

    def _head(self, output: list[int]) -> bytes:
        return b"".join(
            [
                PROOF_TAG,
                bytes([self.parameters.number, len(TABLES)]),
                self._log_heights(),
                len(output).to_bytes(4, "big"),
                *[word.to_bytes(4, "big") for word in output],
                self.key.entry_pc.to_bytes(4, "big"),
                self.key.commitment.root,
                bytes(self.key.log_heights),
            ]
        )

    def _blinded(self, main: Mapping[str, U64Array]) -> list[U64Array]:
        """Fill in random blinding rows in place; the terminal row is left as it is."""
        traces = []
        for number, table in enumerate(TABLES):
            columns = main[table.name]
            noise = np.empty((len(columns), self.parameters.blinding_rows - 1), np.uint64)
            random_fill(noise, self.randomness_key, MAIN_STREAM + number)
            columns[:, columns.shape[1] - noise.shape[1] :] = noise
            traces.append(columns)
        return traces

    def _aux(
        self, traces: Sequence[U64Array], evaluators: Sequence[Evaluator]
    ) -> dict[int, U64Array]:
        empty = np.empty((0, 0), np.uint64)

        def table(number: int) -> U64Array:
            columns = Columns(self.key.evaluations.get(number, empty), traces[number])
            evaluator = evaluators[number]
            blinding_rows, stream = self.parameters.blinding_rows, AUX_STREAM + number
            return intt(aux_columns(evaluator, columns, blinding_rows, self.randomness_key, stream))

        return dict(enumerate(self.executor.map(table, range(len(TABLES)))))

    def _spare_bytes(self) -> int:
        """Free memory that the rest of the proof can do without.

        It needs the values of one coset, fewer while tables are evaluated two at a time; the
        quotient in three forms; the codeword of FRI.
        """
        n = self.layout.n
        columns = sum(
            height * (len(table.main) + EXT_DEGREE * len(table.fraction_groups()))
            for height, table in zip(self.layout.heights, TABLES, strict=True)
        )
        needed_words = columns + EXT_DEGREE * n * (3 * QUOTIENT_COSETS + self.blowup)
        return max(0, free_memory_bytes() - WORD_BYTES * needed_words)

    def _commit(
        self,
        coefficients: Mapping[int, U64Array],
        salt_stream: int,
        opened_later: Mapping[int, Sequence[int]],
        keep: bool = True,
    ) -> Commitment:
        commitment = Commitment(
            coefficients,
            self.suite,
            self.blowup,
            self.randomness_key,
            salt_stream,
            quotient_cosets(self.blowup) if keep else (),
            opened_later,
            self._spare_bytes() // SPARE_SHARE,
        )
        commitment.commit(self.executor)
        return commitment
