"""Run programs in C.

The rules are those of :mod:`offchain.zkvm.machine`, its plain twin, and both give the same
:class:`~offchain.zkvm.execution.Execution`.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from offchain.zkvm.decode import OP_LIMIT
from offchain.zkvm.delegations import DELEGATIONS
from offchain.zkvm.execution import (
    CYCLE,
    REGISTERS,
    TRANSFER,
    WORD_STATE,
    Execution,
    count_rows,
    resolve_max_cycles,
)
from offchain.zkvm.program import Program, U32Array
from offchain.zkvm.traps import Trap, TrapReason

LIBRARY: Final = Path(__file__).parents[1] / "core" / "build" / "libheadrace_zkvm.so"

_TRAP_HOST_MEMORY: Final = 255  # HR_TRAP_HOST_MEMORY
_DELEGATIONS_MAX: Final = 16  # HR_DELEGATIONS_MAX


class ExecutorUnavailableError(RuntimeError):
    """The library is not built; the message says what to run."""


class _Program(ctypes.Structure):
    """hr_program of executor.h."""

    _fields_ = (
        ("entry", ctypes.c_uint32),
        ("row_count", ctypes.c_uint32),
        ("rows", ctypes.c_void_p),
        ("word_count", ctypes.c_uint32),
        ("addresses", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("is_rom", ctypes.c_void_p),
    )


class _Outcome(ctypes.Structure):
    """hr_outcome of executor.h."""

    _fields_ = (
        ("trap", ctypes.c_uint32),
        ("trap_pc", ctypes.c_uint32),
        ("trap_value", ctypes.c_uint32),
        ("exit_code", ctypes.c_uint32),
        ("cycles", ctypes.c_uint64),
        ("transfers", ctypes.c_uint64),
        ("zero_words", ctypes.c_uint64),
        ("output_words", ctypes.c_uint64),
        ("op_counts", ctypes.c_uint64 * OP_LIMIT),
        ("delegation_calls", ctypes.c_uint64 * _DELEGATIONS_MAX),
    )


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY.exists():
        raise ExecutorUnavailableError(f"{LIBRARY.name} is not built; run `make native`")
    library = ctypes.CDLL(str(LIBRARY))
    pointer = ctypes.c_void_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "hr_machine_new": (pointer, [pointer, ctypes.c_bool]),
        "hr_machine_run": (
            None,
            [pointer, pointer, ctypes.c_uint64, ctypes.c_uint32, pointer, pointer],
        ),
        "hr_machine_output": (None, [pointer, pointer]),
        "hr_machine_record": (None, [pointer] * 5),
        "hr_machine_free": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _program_struct(program: Program) -> _Program:
    return _Program(
        program.entry,
        len(program.rom),
        program.rom.ctypes.data,
        len(program.addresses),
        program.addresses.ctypes.data,
        program.values.ctypes.data,
        program.is_rom.ctypes.data,
    )


def execute(
    program: Program, tape: U32Array, *, record: bool = False, max_cycles: int | None = None
) -> Execution:
    """Run a program to its exit or to a trap.

    Releases the GIL. The run's memory is freed before the return.

    Parameters
    ----------
    program
        What to run.
    tape
        uint32 (n,): the private input.
    record
        Whether to record every access: 48 bytes a cycle.
    max_cycles
        Trap CycleLimit after so many instructions, at most CYCLES_MAX; by default 2^22 if
        recorded, else 2^27.

    Returns
    -------
    Execution
        How the run ended, and its record.

    Raises
    ------
    ExecutorUnavailableError
        If the library is not built.
    TypeError
        If the tape is not a one-dimensional array of uint32.
    ValueError
        If ``max_cycles`` is out of range.
    MemoryError
        If the host cannot hold the machine or its record.
    """
    limit = resolve_max_cycles(max_cycles, record=record)
    if tape.dtype != np.uint32 or tape.ndim != 1:
        raise TypeError(f"the tape is {tape.dtype} with {tape.ndim} dimensions; give uint32 (n,)")
    tape = np.ascontiguousarray(tape)
    library = _library()
    shape = _program_struct(program)
    machine = library.hr_machine_new(ctypes.byref(shape), record)
    if machine is None:
        raise MemoryError("no address space for the machine; raise `ulimit -v` to 16 GiB")
    try:
        # Untouched pages of an array take no memory, so that the limit costs address space only.
        cycles = np.empty(limit if record else 0, CYCLE)
        outcome = _Outcome()
        library.hr_machine_run(
            machine, tape.ctypes.data, len(tape), limit, cycles.ctypes.data, ctypes.byref(outcome)
        )
        if outcome.trap == _TRAP_HOST_MEMORY:
            raise MemoryError("the record of the transfers does not fit in memory")
        output = np.empty(outcome.output_words, np.uint32)
        library.hr_machine_output(machine, output.ctypes.data)
        transfers = np.empty(outcome.transfers if record else 0, TRANSFER)
        registers = np.empty(REGISTERS if record else 0, WORD_STATE)
        image = np.empty(len(program.addresses) if record else 0, WORD_STATE)
        zero = np.empty(outcome.zero_words if record else 0, WORD_STATE)
        if record:
            arrays = (transfers, registers, image, zero)
            library.hr_machine_record(machine, *(array.ctypes.data for array in arrays))
    finally:
        library.hr_machine_free(machine)
    return Execution(
        exit_code=None if outcome.trap else outcome.exit_code,
        trap=_trap(outcome),
        cycles=outcome.cycles,
        output=output,
        row_counts=_row_counts(program, outcome),
        record=cycles[: outcome.cycles],
        transfers=transfers,
        registers=registers,
        image_final=image,
        zero_words=zero,
    )


def _trap(outcome: _Outcome) -> Trap | None:
    if not outcome.trap:
        return None
    reason = TrapReason(outcome.trap)
    return Trap(reason, outcome.trap_pc, outcome.cycles + 1, outcome.trap_value)


def _row_counts(program: Program, outcome: _Outcome) -> dict[str, int]:
    calls = list(outcome.delegation_calls)[: len(DELEGATIONS)]
    return count_rows(
        program, list(outcome.op_counts), calls, outcome.transfers, outcome.zero_words
    )
