"""Fill the tables of the proof: from a program and the record of its run to columns of numbers.

What happens once per row of a run is done in C (``native/trace.h``), the rest in
:mod:`offchain.zkvm.program_tables`.

Heights are given as base-2 logarithms. A column is uint64, canonical, and has as many rows as its
table is high. The last `blinding_rows` of every table stay zero: the first of them is the terminal
row, the prover randomises the others.
"""

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.air.machine import TABLES
from offchain.air.tables import keccak_f, lookup
from offchain.security.parameters import max_log_height
from offchain.zkvm.delegations import DELEGATIONS, Delegation
from offchain.zkvm.execution import REGISTERS, Execution
from offchain.zkvm.executor import ExecutorUnavailableError
from offchain.zkvm.program import Program, U32Array
from offchain.zkvm.program_tables import (
    BYTE_VALUES,
    LIMB_VALUES,
    U64Array,
    fill_image,
    fill_lookup,
    fill_rom,
    fill_zero_memory,
)

LIBRARY: Final = Path(__file__).parents[1] / "core" / "build" / "libheadrace_trace.so"

_BLINDING_ROWS_UNIT: Final = 64
"""Longest period of a table: usable rows are whole periods."""
_WORD_BYTES: Final = 4


class NotProvableError(ValueError):
    """The run has no proof; the message says why."""


class TableTooHighError(ValueError):
    """The run needs more rows than a table may have; the message names the table."""


class HeightTooSmallError(ValueError):
    """The chosen height does not hold the rows of the run; the message names the table."""


class _Trace(ctypes.Structure):
    """hr_trace of fill.h."""

    _fields_ = (
        ("columns", ctypes.c_void_p),
        ("height", ctypes.c_uint64),
        ("usable_rows", ctypes.c_uint64),
    )


class _Lookups(ctypes.Structure):
    """hr_lookups of fill.h."""

    _fields_ = (("range16", ctypes.c_void_p), ("byte_and", ctypes.c_void_p))


class _Record(ctypes.Structure):
    """hr_record of trace.h; the last two fields are its hr_rom_map."""

    _fields_ = (
        ("rom", ctypes.c_void_p),
        ("cycles", ctypes.c_void_p),
        ("cycle_count", ctypes.c_uint64),
        ("transfers", ctypes.c_void_p),
        ("transfer_count", ctypes.c_uint64),
        ("rom_runs", ctypes.c_void_p),
        ("rom_run_count", ctypes.c_uint32),
    )


class _Calls(ctypes.Structure):
    """hr_calls of trace.h."""

    _fields_ = (
        ("times", ctypes.c_void_p),
        ("codes", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        ("count", ctypes.c_uint64),
    )


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY.exists():
        raise ExecutorUnavailableError(f"{LIBRARY.name} is not built; run `make native`")
    library = ctypes.CDLL(str(LIBRARY))
    pointer = ctypes.c_void_p
    library.hr_trace_machine.argtypes = [pointer] * 3
    library.hr_trace_machine.restype = None
    for table in _delegation_tables():
        function = getattr(library, f"hr_trace_{table}")
        function.argtypes = [pointer] * 2
        function.restype = None
    return library


def used_rows(program: Program, row_counts: Mapping[str, int]) -> dict[str, int]:
    """Give the rows that a run uses in every table.

    Parameters
    ----------
    program
        The program that ran.
    row_counts
        ``Execution.row_counts``.

    Returns
    -------
    dict[str, int]
        By the table's name, in the order of the proof.
    """
    of_program = {
        "rom": len(program.rom) + len(keccak_f.iota_rows()),
        "image": REGISTERS + len(program.addresses) + len(program.holes()),
        "lookup": lookup.USED_ROWS,
    }
    rows = {**row_counts, **of_program}
    return {table.name: rows[table.name] for table in TABLES}


def minimum_heights(
    program: Program, row_counts: Mapping[str, int], blinding_rows: int
) -> dict[str, int]:
    """Give the lowest height of every table that holds a run.

    Parameters
    ----------
    program
        The program that ran.
    row_counts
        ``Execution.row_counts``; those of a longer run give heights that hold both.
    blinding_rows
        A power of two, at least 64.

    Returns
    -------
    dict[str, int]
        Base-2 logarithms by the table's name: the height is at least twice `blinding_rows`.

    Raises
    ------
    TableTooHighError
        If a table would be higher than :func:`max_log_height` allows.
    """
    heights = {}
    for name, rows in used_rows(program, row_counts).items():
        heights[name] = (max(rows, blinding_rows) + blinding_rows - 1).bit_length()
        if heights[name] > max_log_height(name):
            limit = (1 << max_log_height(name)) - blinding_rows
            raise TableTooHighError(
                f"table {name} needs {rows} rows, one proof holds {limit}: let the guest do less in"
                " one run, or prove its steps apart"
            )
    return heights


def fill_tables(
    program: Program, execution: Execution, log_heights: Mapping[str, int], blinding_rows: int
) -> dict[str, U64Array]:
    """Fill the columns of the trace. Releases the GIL for most of the time.

    Parameters
    ----------
    program
        The program that ran.
    execution
        Its recorded run.
    log_heights
        For every table, such as :func:`minimum_heights` gives.
    blinding_rows
        Rows at the end of every table that stay zero, a multiple of 64.

    Returns
    -------
    dict[str, U64Array]
        By table, in the order of the proof: uint64 (main columns, height). Rows in use come first,
        then padding that satisfies the constraints.

    Raises
    ------
    NotProvableError
        If the run did not exit with code 0 or was not recorded.
    HeightTooSmallError
        If a table does not hold its rows.
    """
    _require_provable(execution)
    _require_room(used_rows(program, execution.row_counts), log_heights, blinding_rows)
    traces = {
        table.name: np.zeros((len(table.main), 1 << log_heights[table.name]), np.uint64)
        for table in TABLES
    }
    range16 = np.zeros(LIMB_VALUES, np.uint32)
    byte_and = np.zeros((BYTE_VALUES, BYTE_VALUES), np.uint32)
    _fill_machine(program, execution, traces, blinding_rows, _Lookups(*_data(range16, byte_and)))
    for name, delegations in _delegation_tables().items():
        _fill_delegations(name, delegations, execution, traces[name], blinding_rows)
    fill_rom(program, execution, traces["rom"])
    fill_image(execution, traces["image"])
    fill_zero_memory(program, execution, traces["zero_memory"], range16)
    fill_lookup(range16, byte_and, traces["lookup"])
    return traces


def _require_provable(execution: Execution) -> None:
    if execution.trap is not None:
        raise NotProvableError("the run ended in a trap; only an exit with code 0 has a proof")
    if execution.exit_code != 0:
        raise NotProvableError(
            f"the guest exited with code {execution.exit_code}; only code 0 has a proof"
        )
    if len(execution.record) != execution.cycles:
        raise NotProvableError("the run was not recorded; execute with record=True")


def _require_room(
    rows: Mapping[str, int], log_heights: Mapping[str, int], blinding_rows: int
) -> None:
    if blinding_rows % _BLINDING_ROWS_UNIT:
        raise ValueError(f"{blinding_rows} blinding rows; choose a multiple of 64")
    for name, count in rows.items():
        usable = (1 << log_heights[name]) - blinding_rows
        if count > usable:
            raise HeightTooSmallError(
                f"table {name} has {count} rows, its height leaves {usable}; take the heights of"
                " minimum_heights for this run"
            )


def _data(*arrays: npt.NDArray[np.generic]) -> list[int]:
    return [array.ctypes.data for array in arrays]


def _runs(indices: npt.NDArray[np.signedinteger[Any]]) -> U32Array:
    """Maximal runs [first, last] of consecutive numbers: uint32 (n, 2)."""
    ends = np.flatnonzero(np.diff(indices) != 1)
    firsts = indices[np.concatenate(([0], ends + 1))]
    lasts = indices[np.concatenate((ends, [len(indices) - 1]))]
    return np.stack((firsts, lasts), axis=1)


def _trace(columns: U64Array, blinding_rows: int) -> _Trace:
    height = columns.shape[1]
    return _Trace(columns.ctypes.data, height, height - blinding_rows)


def _fill_machine(
    program: Program,
    execution: Execution,
    traces: Mapping[str, U64Array],
    blinding_rows: int,
    lookups: _Lookups,
) -> None:
    runs = _runs(program.addresses[program.is_rom] // _WORD_BYTES)
    cycles, transfers = map(np.ascontiguousarray, (execution.record, execution.transfers))
    record = _Record(
        program.rom.ctypes.data,
        cycles.ctypes.data,
        len(cycles),
        transfers.ctypes.data,
        len(transfers),
        runs.ctypes.data,
        len(runs),
    )
    tables = (_Trace * len(traces))(*(_trace(trace, blinding_rows) for trace in traces.values()))
    _library().hr_trace_machine(ctypes.byref(record), tables, ctypes.byref(lookups))


def _delegation_tables() -> dict[str, list[Delegation]]:
    """Group the delegations by table; those of one table take as many words."""
    tables: dict[str, list[Delegation]] = {}
    for delegation in DELEGATIONS:
        tables.setdefault(delegation.table, []).append(delegation)
    return tables


def _fill_delegations(
    table: str,
    delegations: Sequence[Delegation],
    execution: Execution,
    columns: U64Array,
    blinding_rows: int,
) -> None:
    is_theirs = np.isin(execution.transfers["code"], [each.code for each in delegations])
    transfers = execution.transfers[is_theirs]
    of_calls = transfers[:: delegations[0].words]
    times, codes = (np.ascontiguousarray(of_calls[name]) for name in ("clk", "code"))
    words = np.ascontiguousarray(transfers["old"])
    calls = _Calls(*_data(times, codes, words), len(times))
    fill = getattr(_library(), f"hr_trace_{table}")
    fill(ctypes.byref(calls), ctypes.byref(_trace(columns, blinding_rows)))
