"""Specification = native core = batch program, on the batches that tests seal anyway.

Whatever a test of the folders that tests/conftest.py names seals is followed from genesis, after
the test: the specification and a second core replay its envelopes, and the batch program runs its
witness, natively and as a guest. Roots, heads of receipts (so all events) and public outputs must
be equal.

The cost is bounded: a batch that is sealed again, by another test or after a restart, is checked
once in a process; from a batch with more than `SPEC_ENVELOPES_MAX` envelopes on a chain goes on
without the specification; and a chain that does not begin at genesis is left alone. `Coverage`
counts all of it, and test_equality.py shows that a difference is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from offchain.core.binding import Core
from offchain.engine.batch import BatchCollector, SealedBatch
from offchain.spec.envelope import apply_envelope
from offchain.spec.state import State, genesis
from offchain.tools import build_native
from offchain.witness.builder import WitnessBuilder
from offchain.witness.format import ExitCode, Statement, WitnessError
from offchain.witness.native import run_witness
from offchain.zkvm.program import Program, load_program
from tests.witness.batches import expected_output, run_guest

SPEC_ENVELOPES_MAX = 400
FOLLOWERS_MAX = 4  # each has two cores, which reserve much address space
STATEMENT = Statement(l1_chain_id=1, chain_id=1, gateway=bytes(20))


@cache
def batch_program() -> Program:
    for name in ("witness", "zkvm"):
        build_native.build(name)
    return load_program(build_native.build("batch").read_bytes())


@dataclass
class Coverage:
    """What was compared in this process."""

    batches: int = 0
    envelopes: int = 0
    without_specification: int = 0
    not_from_genesis: int = 0
    beyond_a_settlement: int = 0  # lists more than the program and L1 take


class Follower:
    """One chain in the specification and in the two cores of a witness builder."""

    def __init__(self, config_hash: bytes, governance: bytes) -> None:
        self._config_hash = config_hash
        self._builder = WitnessBuilder.at_genesis(config_hash, governance)
        self._state: State | None = genesis(config_hash, governance)

    def follow(self, batch: SealedBatch, coverage: Coverage) -> None:
        """Compare one batch."""
        coverage.batches += 1
        coverage.envelopes += len(batch.envelopes)
        self._specify(batch, coverage)
        witness = self._builder.build(STATEMENT, batch.envelopes)
        expected = expected_output(batch, STATEMENT, self._config_hash).to_bytes()
        tape = witness.to_bytes()
        native = run_witness(tape)
        assert (native.exit_code, native.output) == (ExitCode.OK, expected)
        assert run_guest(batch_program(), tape) == (0, expected)

    def _specify(self, batch: SealedBatch, coverage: Coverage) -> None:
        if len(batch.envelopes) > SPEC_ENVELOPES_MAX:
            self._state = None
        if self._state is None:
            coverage.without_specification += 1
            return
        for envelope in batch.envelopes:
            apply_envelope(self._state, envelope)
        assert self._state.header.receipts_head == batch.receipts_head
        assert self._state.root_bytes() == batch.new_root


@dataclass
class Recorder:
    """Notes cores at genesis and sealed batches; `check` compares what is new."""

    coverage: Coverage = field(default_factory=Coverage)
    _cores: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    _geneses: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    _batches: dict[bytes, SealedBatch] = field(default_factory=dict)
    _followers: dict[bytes, Follower] = field(default_factory=dict)
    _new: list[SealedBatch] = field(default_factory=list)

    def install(self, patch: Callable[[Any, str, Any], None]) -> None:
        """Listen to every core and collector of the process.

        Parameters
        ----------
        patch
            Sets an attribute of a class.
        """
        make_core, seal = Core.__init__, BatchCollector._seal

        def note_core(core: Core, config_hash: bytes, governance: bytes, library=None) -> None:
            make_core(core, config_hash, governance, library)
            self._cores[id(core)] = config_hash, governance

        def note_batch(collector: BatchCollector) -> SealedBatch:
            batch = seal(collector)
            self._note(collector._core, batch)
            return batch

        patch(Core, "__init__", note_core)
        patch(BatchCollector, "_seal", note_batch)

    def _note(self, core: Core, batch: SealedBatch) -> None:
        if batch.old_root not in self._batches and batch.old_root not in self._geneses:
            values = self._cores[id(core)]
            if Core(*values).root() != batch.old_root:
                self.coverage.not_from_genesis += 1
                return
            self._geneses[batch.old_root] = values
        if batch.new_root not in self._batches:
            self._batches[batch.new_root] = batch
            self._new.append(batch)

    def check(self) -> None:
        """Follow the batches that were sealed since the last time."""
        new, self._new = self._new, []
        for batch in new:
            self._follow(batch)

    def discard(self) -> None:
        """Follow none of the batches that were sealed since the last time."""
        self._new = []

    def _follow(self, batch: SealedBatch) -> None:
        follower = self._followers.pop(batch.old_root, None) or self._from_genesis(batch.old_root)
        try:
            follower.follow(batch, self.coverage)
        except WitnessError as error:
            if ExitCode.LIMIT.name not in str(error):
                raise
            self.coverage.beyond_a_settlement += 1
            return
        self._followers[batch.new_root] = follower
        if len(self._followers) > FOLLOWERS_MAX:
            self._followers.pop(next(iter(self._followers)))

    def _from_genesis(self, root: bytes) -> Follower:
        path = []
        while root not in self._geneses:
            path.append(self._batches[root])
            root = path[-1].old_root
        follower = Follower(*self._geneses[root])
        for batch in reversed(path):
            follower.follow(batch, Coverage())
        return follower
