"""``headrace vm``: programs for the zkVM."""

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import click
import numpy as np

from offchain.prover.bus import PoleError
from offchain.prover.levels import KernelsUnavailableError, LevelError
from offchain.prover.program_proof import STAGES, ProvenRun, prove_program, verify_program
from offchain.security.calculator import InsecureParametersError
from offchain.security.parameters import PROFILES
from offchain.tools.outputs import check_file
from offchain.tools.progress import stage_bar
from offchain.verifier.rejection import Rejected
from offchain.verifier.verify import VerifiedProof
from offchain.zkvm.elf import ElfError
from offchain.zkvm.execution import CYCLES_MAX, DEFAULT_CYCLES_MAX, Execution
from offchain.zkvm.executor import ExecutorUnavailableError, execute
from offchain.zkvm.program import U32Array, load_program
from offchain.zkvm.trace import NotProvableError, TableTooHighError, used_rows

_WORD_BYTES: Final = 4
_WORDS_PER_LINE: Final = 8
_WORD_LIMIT: Final = 1 << 32
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

_tape_option = click.option(
    "--input",
    "tape_file",
    type=_FILE,
    help="Private input tape: 32-bit little-endian words. Without it the tape is empty.",
)
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
)


class InputTapeError(ValueError):
    """The input file is no tape."""


_NOT_PROVEN: Final = (
    *(ElfError, InputTapeError, NotProvableError, TableTooHighError),
    *(InsecureParametersError, PoleError, LevelError),
)
_UNAVAILABLE: Final = (ExecutorUnavailableError, KernelsUnavailableError, MemoryError, OSError)


class _Words(click.ParamType):
    """Words, decimal or with 0x, separated by spaces or commas."""

    name = "words"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            words = tuple(int(word, 0) for word in re.findall(r"[^\s,]+", value))
        except ValueError:
            words = (-1,)
        if not all(0 <= word < _WORD_LIMIT for word in words):
            self.fail(
                f"{value!r}: give words below 2^32, decimal or with 0x, as `vm run` prints them",
                param,
                ctx,
            )
        return words


@click.group()
def vm() -> None:
    """Run and prove guests: C programs compiled for RV32IM (docs/tutorial/02-write-a-guest.md)."""


@vm.command()
@click.argument("elf", type=_FILE)
@_tape_option
@click.option(
    "--max-cycles",
    type=click.IntRange(1, CYCLES_MAX),
    default=DEFAULT_CYCLES_MAX,
    show_default=True,
    help="Stop a program that has not ended by then.",
)
@_json_option
def run(elf: Path, tape_file: Path | None, max_cycles: int, as_json: bool) -> None:
    """Run the program ELF and print its exit code, cycles, rows per table and public output.

    Exit code 1: there is nothing to prove, as the program trapped, ended with another code than 0,
    or was not loaded.
    """
    try:
        program = load_program(elf.read_bytes())
        execution = execute(program, read_tape(tape_file), max_cycles=max_cycles)
    except (ElfError, InputTapeError) as error:
        _fail_by_name(error, as_json)
    except _UNAVAILABLE as error:
        _fail(str(error), as_json)
    rows = used_rows(program, execution.row_counts)
    click.echo(json.dumps(_fields(execution, rows)) if as_json else _text(execution, rows))
    if execution.exit_code != 0:
        raise SystemExit(1)


@vm.command()
@click.argument("elf", type=_FILE)
@_tape_option
@click.option(
    "--profile",
    type=click.Choice(tuple(PROFILES)),
    required=True,
    help="Parameter set; `headrace params` prints the bits of each.",
)
@click.option(
    "-o",
    "--out",
    "proof_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Where to write the proof.",
)
@_json_option
def prove(elf: Path, tape_file: Path | None, profile: str, proof_file: Path, as_json: bool) -> None:
    """Run the program ELF and write a proof that it exits with code 0 and this public output.

    The proof shows nothing else of the input tape. Exit code 1: there is no proof; 2: an option is
    wrong.
    """
    if not proof_file.parent.is_dir():
        raise click.UsageError(f"there is no folder {proof_file.parent}; make it first")
    check_file(proof_file, "--out")
    try:
        program, tape = load_program(elf.read_bytes()), read_tape(tape_file)
        start_s = time.perf_counter()
        with stage_bar("prove", STAGES) as begin:
            run = prove_program(program, tape, PROFILES[profile], progress=begin)
        seconds = time.perf_counter() - start_s
        proof_file.write_bytes(run.proof.data)
    except _NOT_PROVEN as error:
        _fail_by_name(error, as_json)
    except _UNAVAILABLE as error:
        _fail(str(error), as_json)
    if as_json:
        click.echo(json.dumps(_proof_fields(run, seconds)))
    else:
        click.echo(_proof_text(run, seconds, proof_file))


@vm.command()
@click.argument("proof_file", metavar="PROOF", type=_FILE)
@click.option("--program", "elf", type=_FILE, required=True, help="ELF that the proof is about.")
@click.option(
    "--output",
    type=_Words(),
    help="Expected public output, such as '0x0000000a 0x00000037'; without it any is accepted.",
)
@click.option(
    "--accept",
    "accepted",
    type=click.Choice(tuple(PROFILES)),
    multiple=True,
    help="Profile that is good enough, once for each; by default all are.",
)
@_json_option
def verify(
    proof_file: Path,
    elf: Path,
    output: tuple[int, ...] | None,
    accepted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Verify that the program ELF exits with code 0 and the public output printed.

    The program id is computed from ELF; the verifier itself is plain Python. Exit code 1: rejected,
    with the reason; 2: an option is wrong.
    """
    try:
        program = load_program(elf.read_bytes())
        data = proof_file.read_bytes()
        verified = verify_program(data, program, output, accepted or tuple(PROFILES))
    except Rejected as verdict:
        if as_json:
            reason = verdict.reason.name
            click.echo(json.dumps({"accepted": False, "reason": reason, "error": str(verdict)}))
        else:
            click.echo(f"Rejected: {verdict}", err=True)
        raise SystemExit(1) from verdict
    except (ElfError, LevelError) as error:
        _fail_by_name(error, as_json)
    except _UNAVAILABLE as error:
        _fail(str(error), as_json)
    click.echo(json.dumps(_verified_fields(verified)) if as_json else _verified_text(verified))


def read_tape(path: Path | None) -> U32Array:
    """Read an input tape.

    Parameters
    ----------
    path
        File of 32-bit little-endian words; None for the empty tape.

    Returns
    -------
    U32Array
        uint32 (n,).

    Raises
    ------
    InputTapeError
        If the file does not end with a whole word.
    OSError
        If it cannot be read.
    """
    data = b"" if path is None else path.read_bytes()
    if len(data) % _WORD_BYTES:
        raise InputTapeError(
            f"the input has {len(data)} bytes; give whole words, 4 bytes each, little-endian"
        )
    return np.frombuffer(data, "<u4").astype(np.uint32)


def _fields(execution: Execution, rows: Mapping[str, int]) -> dict[str, object]:
    trap = execution.trap
    return {
        "exit_code": execution.exit_code,
        "cycles": execution.cycles,
        "rows": rows,
        "output": _hex_words(execution.output.tolist()),
        "trap": trap
        and {
            "reason": trap.reason.label,
            "pc": f"{trap.pc:#010x}",
            "cycle": trap.cycle,
            "message": str(trap),
        },
    }


def _proof_fields(run: ProvenRun, seconds: float) -> dict[str, object]:
    cycles = run.execution.cycles
    return {
        "profile": run.key.parameters.name,
        "cycles": cycles,
        "heights": {name: 1 << log_height for name, log_height in run.log_heights.items()},
        "proof_bytes": len(run.proof.data),
        "seconds": round(seconds, 3),
        "cycles_per_s": round(cycles / seconds),
        "program_id": run.key.program_id.hex(),
        "output": _hex_words(run.execution.output.tolist()),
    }


def _verified_fields(verified: VerifiedProof) -> dict[str, object]:
    return {
        "accepted": True,
        "profile": verified.profile,
        "bits": verified.bits,
        "heights": verified.heights,
        "program_id": verified.program_id.hex(),
        "output": _hex_words(verified.output),
    }


def _hex_words(words: Iterable[int]) -> list[str]:
    return [f"{word:#010x}" for word in words]


def _text(execution: Execution, rows: Mapping[str, int]) -> str:
    return "\n".join(
        [
            _ending(execution),
            f"Cycles: {execution.cycles:,}",
            "Rows per table:",
            *_table_lines(rows),
            *_output_lines(execution.output.tolist()),
        ]
    )


def _proof_text(run: ProvenRun, seconds: float, proof_file: Path) -> str:
    cycles, profile = run.execution.cycles, run.key.parameters.name
    return "\n".join(
        [
            f"Proof: {proof_file}, {len(run.proof.data):,} bytes, profile {profile}",
            f"Cycles: {cycles:,} in {seconds:.2f} s, {cycles / seconds:,.0f} per second",
            f"Program id: {run.key.program_id.hex()}",
            "Height of each table:",
            *_table_lines({name: 1 << log for name, log in run.log_heights.items()}),
            *_output_lines(run.execution.output.tolist()),
        ]
    )


def _verified_text(verified: VerifiedProof) -> str:
    return "\n".join(
        [
            f"Accepted: profile {verified.profile}, {verified.bits} provable bits",
            f"Program id: {verified.program_id.hex()}",
            *_output_lines(verified.output),
        ]
    )


def _table_lines(numbers: Mapping[str, int]) -> list[str]:
    width = max(map(len, numbers))
    return [f"  {name:<{width}} {number:>11,}" for name, number in numbers.items()]


def _output_lines(output: Sequence[int]) -> list[str]:
    words = _hex_words(output)
    return [
        f"Public output: {len(words):,} words",
        *(
            "  " + " ".join(words[start : start + _WORDS_PER_LINE])
            for start in range(0, len(words), _WORDS_PER_LINE)
        ),
    ]


def _ending(execution: Execution) -> str:
    if execution.trap is not None:
        return f"Trap: {execution.trap}."
    if execution.exit_code != 0:
        return f"Exit code: {execution.exit_code}; only a run that ends with 0 can be proven."
    return "Exit code: 0"


def _fail_by_name(error: Exception, as_json: bool) -> NoReturn:
    _fail(f"{type(error).__name__}: {error}", as_json)


def _fail(reason: str, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": reason}))
    else:
        click.echo(f"Error: {reason}", err=True)
    raise SystemExit(1)
