"""``headrace vm prove`` and ``vm verify``: from an ELF file to a verdict, and every refusal."""

import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from offchain.commands.vm import vm
from offchain.prover import native_build
from offchain.prover.program_proof import (
    STAGES,
    heights_for_l1,
    make_key,
    prove_program,
    verify_program,
)
from offchain.security.parameters import FAST, SETTLE
from offchain.tools import build_native, progress
from offchain.verifier.rejection import Reason, Rejected
from offchain.zkvm import guest_build
from offchain.zkvm.program import load_program

MISBEHAVE = Path(__file__).parents[1] / "zkvm" / "guests" / "misbehave.c"
EXIT, SPIN = 0, 10  # modes of misbehave.c
OUTPUT = ["0x0000000a", "0x00000037"]


@dataclass(frozen=True)
class Proven:
    """The Fibonacci guest with input 10, proven by the command."""

    elf: Path
    proof: Path
    fields: dict[str, Any]


@pytest.fixture(scope="module")
def elves() -> dict[str, Path]:
    native_build.build_all()
    for library in ("zkvm", "trace"):
        build_native.build(library)
    return {path.stem: path for path in build_native.build_examples()}


@pytest.fixture(scope="module")
def proven(elves: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Proven:
    folder = tmp_path_factory.mktemp("proof")
    result = prove(elves["fibonacci"], folder, 10, options=("--json",))
    assert result.exit_code == 0, result.output
    return Proven(elves["fibonacci"], folder / "proof.bin", json.loads(result.output))


@pytest.fixture(scope="module")
def misbehave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    elf = tmp_path_factory.mktemp("guests") / "misbehave.elf"
    guest_build.build_guest([MISBEHAVE], elf)
    return elf


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(vm, [str(argument) for argument in arguments])


def prove(
    elf: Path, folder: Path, *tape: int, profile: str = "fast", options: tuple[str, ...] = ()
) -> Result:
    tape_file = folder / "tape.bin"
    tape_file.write_bytes(struct.pack(f"<{len(tape)}I", *tape))
    options = ("--profile", profile, "-o", str(folder / "proof.bin"), *options)
    return invoke("prove", elf, "--input", tape_file, *options)


def test_the_fields_of_a_proof(proven: Proven) -> None:
    fields = proven.fields
    assert fields["profile"] == "fast"
    assert fields["cycles"] == 92
    assert fields["heights"]["cpu"] == 2048
    assert fields["proof_bytes"] == proven.proof.stat().st_size
    assert fields["output"] == OUTPUT
    key = make_key(load_program(proven.elf.read_bytes()), FAST)
    assert fields["program_id"] == key.program_id.hex()
    assert fields["cycles_per_s"] == pytest.approx(92 / fields["seconds"], abs=1)


def test_text_of_a_proof_and_its_verdict(elves: dict[str, Path], tmp_path: Path) -> None:
    result = prove(elves["fibonacci"], tmp_path, 10)
    assert result.exit_code == 0
    assert f"Proof: {tmp_path / 'proof.bin'}, " in result.output
    assert "Public output: 2 words\n  0x0000000a 0x00000037\n" in result.output
    verdict = invoke("verify", tmp_path / "proof.bin", "--program", elves["fibonacci"])
    assert verdict.exit_code == 0
    assert verdict.output.startswith("Accepted: profile fast, 100.")
    assert "  0x0000000a 0x00000037\n" in verdict.output


@pytest.mark.parametrize("output", [" ".join(OUTPUT), "10,55", "0xa, 0x37"])
def test_the_expected_output_may_be_given(proven: Proven, output: str) -> None:
    arguments = ("--output", output, "--accept", "settle", "--accept", "fast", "--json")
    verdict = invoke("verify", proven.proof, "--program", proven.elf, *arguments)
    assert verdict.exit_code == 0
    fields = json.loads(verdict.output)
    assert fields["accepted"] is True
    assert fields["bits"] >= 100
    for name in ("profile", "heights", "program_id", "output"):
        assert fields[name] == proven.fields[name]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--output", "10 56"), Reason.WRONG_OUTPUT),
        (("--output", ""), Reason.WRONG_OUTPUT),
        (("--accept", "settle", "--accept", "settle-compact"), Reason.PROFILE_NOT_ACCEPTED),
    ],
)
def test_a_rejection_is_named(proven: Proven, arguments: tuple[str, ...], reason: Reason) -> None:
    verdict = invoke("verify", proven.proof, "--program", proven.elf, *arguments, "--json")
    assert verdict.exit_code == 1
    fields = json.loads(verdict.output)
    assert (fields["accepted"], fields["reason"]) == (False, reason.name)
    verdict = invoke("verify", proven.proof, "--program", proven.elf, *arguments)
    assert verdict.exit_code == 1
    assert f"Rejected: {reason.name}: {reason.value}" in verdict.output


def test_another_program_is_rejected(proven: Proven, elves: dict[str, Path]) -> None:
    verdict = invoke("verify", proven.proof, "--program", elves["sort"])
    assert verdict.exit_code == 1
    assert "Rejected: WRONG_PROGRAM" in verdict.output


def test_a_program_that_outgrows_the_heights_of_the_proof_is_rejected(
    proven: Proven, tmp_path: Path
) -> None:
    source = tmp_path / "large.c"
    source.write_text(
        '#include "guest_io.h"\n'
        "static volatile uint32_t table[2048] = {1};\n"
        "int hr_guest_main(void) { return (int)table[0] - 1; }\n"
    )
    elf = tmp_path / "large.elf"
    guest_build.build_guest([source], elf)
    with pytest.raises(Rejected, match="rows of table image, its height leaves 1024") as verdict:
        verify_program(proven.proof.read_bytes(), load_program(elf.read_bytes()))
    assert verdict.value.reason is Reason.WRONG_PROGRAM


def test_another_file_is_no_proof(proven: Proven) -> None:
    verdict = invoke("verify", proven.elf, "--program", proven.elf)
    assert verdict.exit_code == 1
    assert "Rejected: BAD_MAGIC" in verdict.output
    swapped = invoke("verify", proven.proof, "--program", proven.proof)
    assert swapped.exit_code == 1
    assert "ElfMagicError: " in swapped.output


def test_a_longer_run_has_the_same_program_id(proven: Proven, tmp_path: Path) -> None:
    result = prove(proven.elf, tmp_path, 500, options=("--json",))
    fields = json.loads(result.output)
    assert fields["heights"]["cpu"] > proven.fields["heights"]["cpu"]
    assert fields["program_id"] == proven.fields["program_id"]


@pytest.mark.parametrize(
    ("tape", "message"),
    [
        ((EXIT, 7), "NotProvableError: the guest exited with code 7; only code 0 has a proof"),
        ((EXIT,), "NotProvableError: TapeExhausted at pc 0x801000"),
        ((SPIN, 0), "TableTooHighError: table cpu needs 4194304 rows, one proof holds 2096128"),
    ],
)
def test_what_has_no_proof_is_named(
    misbehave: Path, tmp_path: Path, tape: tuple[int, ...], message: str
) -> None:
    result = prove(misbehave, tmp_path, *tape)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {message}")
    as_json = prove(misbehave, tmp_path, *tape, options=("--json",))
    assert json.loads(as_json.output)["error"].startswith(message)
    assert not (tmp_path / "proof.bin").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--profile", "slow", "-o", "proof.bin"), "'fast', 'settle', 'settle-compact'"),
        (("--profile", "fast", "-o", "no/such/folder/proof.bin"), "there is no folder"),
        (("--profile", "fast"), "Missing option '-o'"),
    ],
)
def test_wrong_options_say_what_is_right(
    proven: Proven, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke("prove", proven.elf, *arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("output", ["ten", "0x100000000", "-1", "1;2"])
def test_an_output_is_words(proven: Proven, output: str) -> None:
    result = invoke("verify", proven.proof, "--program", proven.elf, "--output", output)
    assert result.exit_code == 2
    assert "give words below 2^32" in result.output


def test_stages_run_in_order_and_a_key_serves_twice(proven: Proven) -> None:
    program, tape = load_program(proven.elf.read_bytes()), np.array([10], np.uint32)
    stages: list[str] = []
    first = prove_program(
        program, tape, FAST, least_log_height=12, randomness_key=bytes(32), progress=stages.append
    )
    assert stages == list(STAGES)
    assert set(first.log_heights.values()) == {12, 15}  # the lookup table has 2^15 rows
    # The second one asks for lower tables; those of the program keep the heights of its key.
    second = prove_program(program, tape, FAST, key=first.key)
    assert second.log_heights["rom"] == 12
    assert second.log_heights["cpu"] == 11
    for run in (first, second):
        assert verify_program(run.proof.data, program).output == (10, 55)
    assert first.key.program_id != make_key(program, FAST).program_id


def test_a_short_run_for_l1_has_one_height(proven: Proven) -> None:
    program, tape = load_program(proven.elf.read_bytes()), np.array([10], np.uint32)
    run = prove_program(program, tape, SETTLE, randomness_key=bytes(32))
    assert set(run.log_heights.values()) == {15}
    assert verify_program(run.proof.data, program).output == (10, 55)
    assert run.key.program_id == make_key(program, SETTLE).program_id


def test_low_tables_are_raised_for_l1() -> None:
    lowest = {"cpu": 20, "add": 19, "arith": 16, "rom": 11, "image": 17, "lookup": 15}
    raised = {"cpu": 20, "add": 19, "arith": 18, "rom": 15, "image": 17, "lookup": 15}
    assert heights_for_l1(lowest) == raised


def test_the_stage_bar_shows_the_stage_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with progress.stage_bar("prove", STAGES) as begin:
        begin("fri")
    assert "prove: fri" in shown.getvalue()
    assert f"{100 * STAGES.index('fri') // len(STAGES)}%" in shown.getvalue()
