"""``headrace vm``: programs for the zkVM."""

import json
from pathlib import Path
from typing import Final, NoReturn

import click
import numpy as np

from offchain.zkvm.elf import ElfError
from offchain.zkvm.execution import CYCLES_MAX, DEFAULT_CYCLES_MAX, Execution
from offchain.zkvm.executor import ExecutorUnavailableError, execute
from offchain.zkvm.program import U32Array, load_program

_WORD_BYTES: Final = 4
_WORDS_PER_LINE: Final = 8
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
)


class InputTapeError(ValueError):
    """The input file is no tape."""


@click.group()
def vm() -> None:
    """Run guests: C programs compiled for RV32IM (docs/tutorial/02-write-a-guest.md)."""


@vm.command()
@click.argument("elf", type=_FILE)
@click.option(
    "--input",
    "tape_file",
    type=_FILE,
    help="Private input tape: 32-bit little-endian words. Without it the tape is empty.",
)
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
        _fail(f"{type(error).__name__}: {error}", as_json)
    except (ExecutorUnavailableError, MemoryError, OSError) as error:
        _fail(str(error), as_json)
    click.echo(json.dumps(_fields(execution)) if as_json else _text(execution))
    if execution.exit_code != 0:
        raise SystemExit(1)


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


def _fields(execution: Execution) -> dict[str, object]:
    trap = execution.trap
    return {
        "exit_code": execution.exit_code,
        "cycles": execution.cycles,
        "rows": dict(execution.row_counts),
        "output": _hex_words(execution),
        "trap": trap
        and {
            "reason": trap.reason.label,
            "pc": f"{trap.pc:#010x}",
            "cycle": trap.cycle,
            "message": str(trap),
        },
    }


def _hex_words(execution: Execution) -> list[str]:
    return [f"{word:#010x}" for word in execution.output.tolist()]


def _text(execution: Execution) -> str:
    words = _hex_words(execution)
    width = max(map(len, execution.row_counts))
    return "\n".join(
        [
            _ending(execution),
            f"Cycles: {execution.cycles:,}",
            "Rows per table:",
            *(f"  {name:<{width}} {rows:>11,}" for name, rows in execution.row_counts.items()),
            f"Public output: {len(words):,} words",
            *(
                "  " + " ".join(words[start : start + _WORDS_PER_LINE])
                for start in range(0, len(words), _WORDS_PER_LINE)
            ),
        ]
    )


def _ending(execution: Execution) -> str:
    if execution.trap is not None:
        return f"Trap: {execution.trap}."
    if execution.exit_code != 0:
        return f"Exit code: {execution.exit_code}; only a run that ends with 0 can be proven."
    return "Exit code: 0"


def _fail(reason: str, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": reason}))
    else:
        click.echo(f"Error: {reason}", err=True)
    raise SystemExit(1)
