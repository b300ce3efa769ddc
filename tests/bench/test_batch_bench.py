"""The benchmark of batches: its keys, what its counts are, and what it refuses."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from click.testing import CliRunner

from offchain.bench import batch
from offchain.bench.batch_scene import Size
from offchain.commands import bench as command
from offchain.prover import native_build
from offchain.spec import op, op_codec
from offchain.spec.constants import OP_BYTES
from offchain.spec.kinds import TimeInForce
from offchain.tools import build_native
from offchain.zkvm import trace
from offchain.zkvm.program import load_program

pytestmark = pytest.mark.slow

SIZE = Size(accounts=64, resting=100, ageing=50)
KEYS = {
    *("ops", "cycles_per_op", "hashes_per_op", "cells_per_op", "tape_bytes_per_op", "phases"),
    *("rows", "prove_fast_s", "prove_settle_s", "peak_memory_bytes", "not_proven"),
}


@pytest.fixture(scope="module", autouse=True)
def libraries():
    native_build.build_all()
    for name in ("native", "witness", "zkvm", "trace"):
        build_native.build(name)


@pytest.fixture(scope="module")
def program():
    return load_program(build_native.build("batch").read_bytes())


@pytest.fixture(scope="module")
def result():
    return batch.run_batch(quick=True, profiles=("fast",), largest_proof=4)


def test_every_key_is_there(result):
    fields = json.loads(json.dumps(result.to_fields()))
    assert [set(each) for each in fields["batches"]] == [KEYS, KEYS]
    assert [each["ops"] for each in fields["batches"]] == [4, 8]
    assert [each["ops"] for each in fields["batches_margined"]] == [4, 8]
    first, second = fields["batches"]
    assert fields["ops_proven_per_s"] == 4 / first["prove_fast_s"]
    assert first["prove_settle_s"] is second["prove_fast_s"] is None
    assert first["peak_memory_bytes"]["fast"] > 10**8
    assert (first["not_proven"], second["peak_memory_bytes"]) == ({}, {})
    assert second["not_proven"] == {"fast": "not asked for: more than 4 ops"}
    assert second["rows"]["cpu"] == pytest.approx(8 * second["cycles_per_op"])
    assert fields["quick"]


def test_counts_follow_from_the_run(result):
    for plain, margined in zip(result.batches, result.batches_margined, strict=True):
        assert margined.cycles_per_op > plain.cycles_per_op
    for each in (*result.batches, *result.batches_margined):
        assert sum(each.phases.values()) == pytest.approx(1)
        assert min(each.phases.values()) > 0
        # the leaves of an account and of its signer alone, as they were and as they are
        assert 2 * (8 + 27) < each.hashes_per_op < 1_000
        assert each.cells_per_op > 64 * each.hashes_per_op
        assert each.cycles_per_op > each.hashes_per_op


def test_a_batch_that_is_too_long_says_why(monkeypatch, result):
    """Proofs are made in processes of their own; here in this one, under a lower limit."""
    monkeypatch.setattr(batch, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    monkeypatch.setattr(trace, "max_log_height", lambda _table: 12)
    found = batch.run_batch(quick=True, profiles=("settle",))
    for each in found.batches:
        assert each.prove_settle_s is None
        assert each.not_proven["settle"].startswith("table ")
        assert "one proof holds 3584" in each.not_proven["settle"]
    assert found.ops_proven_per_s is None
    assert "4 ops, settle: no proof: table " in found.to_text()
    assert "4 ops, fast: " in result.to_text()


def test_flow_is_the_same_for_the_same_seed():
    first, second = (batch.make_witnesses(SIZE, (5, 3)) for _ in range(2))
    assert first == second
    assert first != batch.make_witnesses(SIZE, (5, 3), seed=2)
    assert [len(witness.envelopes) for witness in first] == [6, 4]


def test_flow_has_places_cancels_and_fills():
    (witness,) = batch.make_witnesses(SIZE, (200,))
    ops = [op_codec.decode(envelope[-OP_BYTES:]) for envelope in witness.envelopes[:-1]]
    placed = [each.time_in_force for each in ops if isinstance(each, op.Place)]
    assert 100 < placed.count(TimeInForce.GTC) < 140
    assert 2 < placed.count(TimeInForce.IOC) < 25
    assert sum(isinstance(each, op.Cancel) for each in ops) == 200 - len(placed)


def test_another_output_gives_no_figures(program):
    (witness,) = batch.make_witnesses(SIZE, (2,))
    open_batch = replace(witness, envelopes=witness.envelopes[:-1])
    with pytest.raises(batch.BatchMismatchError, match="7 \\(guest\\), 7 \\(native\\)"):
        batch.count(open_batch, program)


def test_command_prints_json_text_and_errors(monkeypatch, result):
    asked = {}

    def run(**options):
        asked.update(options)
        return result

    monkeypatch.setattr(command, "run_batch", run)
    arguments = ["batch", "--quick", "--proofs", "fast", "--largest-proof", "4", "--json"]
    done = CliRunner().invoke(command.bench, arguments)
    assert json.loads(done.output)["accounts"] == 64
    assert (asked["quick"], asked["profiles"], asked["largest_proof"]) == (True, ("fast",), 4)
    assert "quick: a small chain" in CliRunner().invoke(command.bench, ["batch"]).output

    def fail(**_):
        raise batch.BatchMismatchError("exit codes 3")

    monkeypatch.setattr(command, "run_batch", fail)
    done = CliRunner().invoke(command.bench, ["batch", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output) == {"error": "BatchMismatchError: exit codes 3"}
