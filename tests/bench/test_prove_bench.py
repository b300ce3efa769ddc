"""The benchmark of the prover: its keys, its workloads, and what it refuses."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from offchain.bench import prove
from offchain.commands import bench as command
from offchain.prover import native_build
from offchain.tools import build_native
from offchain.zkvm.executor import execute
from offchain.zkvm.program import load_program

PROFILE_KEYS = {"cycles_per_s", "seconds_2e16_cold", "seconds_2e16_warm", "proof_bytes", "bits"}


@pytest.fixture(scope="module", autouse=True)
def elves():
    native_build.build_all()
    for library in ("zkvm", "trace"):
        build_native.build(library)
    return {path.stem: path for path in build_native.build_examples()}


@pytest.fixture(scope="module")
def result():
    return prove.run_prove(quick=True)


def cycles(elf, tape):
    return execute(load_program(elf.read_bytes()), np.array(tape, np.uint32)).cycles


def test_every_key_is_there(result):
    fields = json.loads(json.dumps(result.to_fields()))
    assert set(fields["fast"]) == PROFILE_KEYS
    assert set(fields["settle"]) == PROFILE_KEYS | {"proof_bytes_2e17"}
    assert set(fields["settle_compact"]) == {"proof_bytes_2e17", "bits"}
    assert fields["columns"].keys() == {"base", "extension"}
    assert fields["peak_memory_bytes"] > 2**27  # an LDE of 280 columns and 2^15 rows alone
    for speeds in (fields["ntt_ns"], fields["keccak_ns"]):
        assert list(speeds) == ["portable", "avx2", "avx512"]
        assert speeds["portable"] > 0
    assert fields["quick"]


def test_figures_follow_from_the_parts(result):
    fields = result.to_fields()
    for profile in ("fast", "settle"):
        part = result.figures[profile]["delegations"]
        assert fields[profile]["cycles_per_s"] == part.cycles / part.seconds_warm
        assert fields[profile]["seconds_2e16_cold"] == part.seconds_cold
        assert fields[profile]["proof_bytes"] == part.proof_bytes
    assert fields["fast"]["bits"] >= 100
    assert fields["settle"]["bits"] >= 128
    assert fields["settle_compact"]["bits"] >= 128
    compact, settle = fields["settle_compact"], fields["settle"]
    assert compact["proof_bytes_2e17"] < settle["proof_bytes_2e17"]
    peaks = [part.peak_memory_bytes for parts in result.figures.values() for part in parts.values()]
    assert fields["peak_memory_bytes"] == max(peaks)


def test_the_slowest_guest_counts():
    def part(cycles, seconds_warm):
        return prove.PartFigures(cycles, 9.0 * cycles, seconds_warm, 1, 128.0, 1.0, 1)

    settle = {
        "sort": part(60_000, 2.0),
        "sha256": part(80_000, 8.0),
        "delegations": part(50_000, 3.0),
        "2e17": part(130_000, None),
    }
    compact = {"2e17": part(130_000, None)}
    figures = {"fast": settle, "settle": settle, "settle-compact": compact}
    fields = prove.ProveResult(figures, {}, {}, is_quick=False).to_fields()["settle"]
    assert fields["cycles_per_s"] == 10_000
    assert fields["seconds_2e16_warm"] == 8.0
    assert fields["seconds_2e16_cold"] == 9.0 * 80_000


@pytest.mark.parametrize(
    ("workload", "limit"),
    [
        (prove.SORT, prove.CYCLES_2E16),
        (prove.DELEGATIONS, prove.CYCLES_2E16),
        (prove.DELEGATIONS_2E17, prove.CYCLES_2E17),
    ],
)
def test_workloads_are_the_largest_that_fit(workload, limit, elves):
    size, seed = workload.tape
    elf = elves[workload.guest]
    assert cycles(elf, (size, seed)) == workload.cycles <= limit
    assert cycles(elf, (size + 1, seed)) > limit


def test_sha256_hashes_the_longest_message_that_fits(elves):
    blocks = prove.SHA256.tape[0]
    assert cycles(elves["sha256"], prove.SHA256.tape) == prove.SHA256.cycles <= prove.CYCLES_2E16
    longer = (blocks + 1, *range(16 * (blocks + 1)))
    assert cycles(elves["sha256"], longer) > prove.CYCLES_2E16


def test_another_cycle_count_gives_no_figures(elves):
    workload = prove.Workload("delegations", (1, 1), 8_593)
    part = prove.Part("fast", "delegations", workload, 0)
    with pytest.raises(prove.WorkloadChangedError, match="takes 8594 cycles instead of 8593"):
        prove.measure(part, elves["delegations"])


def test_command_prints_json_text_and_errors(monkeypatch, result):
    monkeypatch.setattr(command, "run_prove", lambda **_: result)
    done = CliRunner().invoke(command.bench, ["prove", "--quick", "--json"])
    assert json.loads(done.output)["columns"] == prove.count_columns()
    text = CliRunner().invoke(command.bench, ["prove"]).output
    assert "quick: small inputs" in text
    assert text.count("settle-compact") == 1

    def changed(**_):
        raise prove.WorkloadChangedError("sort takes 1 cycle")

    monkeypatch.setattr(command, "run_prove", changed)
    done = CliRunner().invoke(command.bench, ["prove", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output) == {"error": "WorkloadChangedError: sort takes 1 cycle"}
