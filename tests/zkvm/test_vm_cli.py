"""``headrace vm run``: what it prints, and when its exit code is not 0."""

import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from offchain.commands.vm import vm
from offchain.tools import build_native
from offchain.zkvm import guest_build

MISBEHAVE = Path(__file__).parent / "guests" / "misbehave.c"
EXIT, ILLEGAL = 0, 1  # modes of misbehave.c


@pytest.fixture(scope="module", autouse=True)
def _executor() -> None:
    build_native.build("zkvm")


@pytest.fixture(scope="module")
def misbehave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    elf = tmp_path_factory.mktemp("guests") / "misbehave.elf"
    guest_build.build_guest([MISBEHAVE], elf)
    return elf


@pytest.fixture(scope="module")
def fibonacci() -> Path:
    return next(path for path in build_native.build_examples() if path.stem == "fibonacci")


def run(elf: Path, tmp_path: Path, *tape: int, options: tuple[str, ...] = ()) -> Result:
    tape_file = tmp_path / "tape.bin"
    tape_file.write_bytes(struct.pack(f"<{len(tape)}I", *tape))
    return CliRunner().invoke(vm, ["run", str(elf), "--input", str(tape_file), *options])


def test_json_has_what_a_proof_will_say(fibonacci: Path, tmp_path: Path) -> None:
    result = run(fibonacci, tmp_path, 10, options=("--json",))
    assert result.exit_code == 0
    fields = json.loads(result.output)
    assert (fields["exit_code"], fields["trap"]) == (0, None)
    assert fields["output"] == ["0x0000000a", "0x00000037"]
    assert fields["rows"]["cpu"] == fields["cycles"] > 10
    assert fields["rows"]["transfer"] == 3


def test_text_has_the_same(fibonacci: Path, tmp_path: Path) -> None:
    result = run(fibonacci, tmp_path, 10)
    assert result.exit_code == 0
    assert "Exit code: 0\n" in result.output
    assert "Public output: 2 words\n  0x0000000a 0x00000037\n" in result.output


def test_another_exit_code_has_nothing_to_prove(misbehave: Path, tmp_path: Path) -> None:
    result = run(misbehave, tmp_path, EXIT, 7)
    assert result.exit_code == 1
    assert "Exit code: 7; only a run that ends with 0 can be proven." in result.output


def test_a_trap_has_pc_and_reason(misbehave: Path, tmp_path: Path) -> None:
    result = run(misbehave, tmp_path, ILLEGAL, 0)
    assert result.exit_code == 1
    assert "Trap: IllegalInstruction at pc 0x80100" in result.output
    as_json = run(misbehave, tmp_path, ILLEGAL, 0, options=("--json",))
    assert as_json.exit_code == 1
    fields = json.loads(as_json.output)
    assert fields["exit_code"] is None
    assert fields["trap"]["reason"] == "IllegalInstruction"
    assert int(fields["trap"]["pc"], 16) >= 0x8010_0000
    assert fields["trap"]["cycle"] == fields["cycles"] + 1


def test_without_input_the_tape_is_empty(fibonacci: Path) -> None:
    result = CliRunner().invoke(vm, ["run", str(fibonacci)])
    assert result.exit_code == 1
    assert "TapeExhausted" in result.output


def test_the_cycle_limit_stops_a_run(fibonacci: Path, tmp_path: Path) -> None:
    result = run(fibonacci, tmp_path, 1000, options=("--max-cycles", "100"))
    assert result.exit_code == 1
    assert "CycleLimit" in result.output
    assert "Cycles: 100\n" in result.output


def test_a_tape_ends_with_a_whole_word(fibonacci: Path, tmp_path: Path) -> None:
    tape_file = tmp_path / "tape.bin"
    tape_file.write_bytes(bytes(5))
    result = CliRunner().invoke(vm, ["run", str(fibonacci), "--input", str(tape_file)])
    assert result.exit_code == 1
    assert "InputTapeError: the input has 5 bytes" in result.output


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    no_program = tmp_path / "program.elf"
    no_program.write_bytes(b"text")
    result = CliRunner().invoke(vm, ["run", str(no_program), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["error"].startswith("ElfMagicError: ")
