"""The tables that grow with the program and not with its run, and the lookup table.

All columns are uint64 and as long as their table is high.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from offchain.air.buses import HOLE_BASE, REGISTER_BASE, ROM_BASE
from offchain.air.tables import keccak_f, lookup
from offchain.zkvm.decode import ROM_ROW
from offchain.zkvm.execution import REGISTERS, Execution
from offchain.zkvm.program import Program, U32Array

U64Array = npt.NDArray[np.uint64]

LAST_WORD: Final = 1 << 61
"""Word index at which the last hole ends: beyond every address that an instruction can reach."""

LIMB_VALUES: Final = 1 << 16
BYTE_VALUES: Final = 256
_WORD_BYTES: Final = 4


def preprocessed_tables(program: Program, log_heights: Mapping[str, int]) -> dict[str, U64Array]:
    """Fill the columns that belong to the program.

    Parameters
    ----------
    program
        Any program.
    log_heights
        At least for ``rom``, ``image`` and ``lookup``, base-2 logarithms.

    Returns
    -------
    dict[str, U64Array]
        By table: uint64 (preprocessed columns, height), unused rows zero.
    """
    contents = {"rom": _rom_rows(program), "image": _image_rows(program), "lookup": _lookup_rows()}
    tables = {}
    for name, rows in contents.items():
        columns = np.zeros((rows.shape[0], 1 << log_heights[name]), np.uint64)
        columns[:, : rows.shape[1]] = rows
        tables[name] = columns
    return tables


def _rom_rows(program: Program) -> U64Array:
    names = list(ROM_ROW.fields or ())
    rows = np.zeros((len(names), len(program.rom) + len(keccak_f.iota_rows())), np.uint64)
    for column, name in enumerate(names):
        rows[column, : len(program.rom)] = program.rom[name]
    iota = np.array(keccak_f.iota_rows(), np.uint64).T
    rows[[names.index("pc"), names.index("imm")], len(program.rom) :] = iota
    return rows


def fill_rom(program: Program, execution: Execution, columns: U64Array) -> None:
    """Count the fetches of every row of the rom; `columns` is its zeroed trace."""
    count = columns[0]
    instructions = len(program.rom)
    count[:instructions] = np.bincount(execution.record["row"], minlength=instructions)
    # Every permutation looks every bit of the round constants up once.
    permutations = execution.row_counts["keccak_f"] // keccak_f.ROWS_PER_CALL
    count[instructions : instructions + len(keccak_f.iota_rows())] = permutations


def _holes(program: Program) -> U64Array:
    """Intervals [first, last] of word indices without zero RAM: uint64 (n, 2), ascending."""
    holes = program.holes().astype(np.uint64)
    holes[-1, 1] = LAST_WORD
    return holes


def _image_rows(program: Program) -> U64Array:
    """Columns address, value, is_sent, is_word: registers, words of the image, holes."""
    holes = _holes(program)
    words = program.addresses + program.is_rom * np.uint64(ROM_BASE)
    registers = np.arange(REGISTER_BASE, REGISTER_BASE + REGISTERS, dtype=np.uint64)
    word_count = REGISTERS + len(words)
    rows = np.ones((4, word_count + len(holes)), np.uint64)
    rows[0] = np.concatenate((registers, words, HOLE_BASE + _WORD_BYTES * holes[:, 0]))
    rows[1, :REGISTERS] = 0
    rows[1, REGISTERS:word_count] = program.values
    rows[1, word_count:] = holes[:, 1] - holes[:, 0]
    rows[3, word_count:] = 0
    return rows


def fill_image(execution: Execution, columns: U64Array) -> None:
    """Write the final state of registers and image words to the zeroed trace of the image."""
    final = np.concatenate((execution.registers, execution.image_final))
    columns[0, : len(final)] = final["timestamp"]
    columns[1, : len(final)] = final["value"]


def fill_zero_memory(
    program: Program, execution: Execution, columns: U64Array, range16: U32Array
) -> None:
    """Sort zero words and holes into the zeroed trace; `range16` counts the lookups by value."""
    holes, zero = _holes(program), execution.zero_words
    words = (zero["address"] // _WORD_BYTES).astype(np.uint64)
    none = np.zeros(len(holes), np.uint64)
    is_zero = np.concatenate((none, np.ones(len(words), np.uint64)))
    rows = np.stack(
        (
            is_zero,
            1 - is_zero,
            np.concatenate((holes[:, 0], words)),
            np.concatenate((holes[:, 1], words)),
            np.zeros_like(is_zero),
            np.concatenate((none, zero["timestamp"])),
            np.concatenate((none, zero["value"])),
        )
    )
    rows = rows[:, np.argsort(rows[2])]
    steps = rows[2, 1:] - rows[3, :-1] - 1
    rows[4, :-1] = steps % LIMB_VALUES
    for limbs in (steps % LIMB_VALUES, steps // LIMB_VALUES):
        range16 += np.bincount(limbs.astype(np.int64), minlength=LIMB_VALUES).astype(np.uint32)
    columns[:, : rows.shape[1]] = rows


def _lookup_rows() -> U64Array:
    """Columns x, y and, for each group, x and (y + 85 group): 22,016 rows."""
    x = np.repeat(np.arange(lookup.X_VALUES, dtype=np.uint64), lookup.Y_VALUES)
    y = np.tile(np.arange(lookup.Y_VALUES, dtype=np.uint64), lookup.X_VALUES)
    ands = [x & (y + np.uint64(lookup.Y_STRIDE * group)) for group in range(lookup.GROUPS)]
    return np.stack((x, y, *ands))


def fill_lookup(range16: U32Array, byte_and: U32Array, columns: U64Array) -> None:
    """Spread counts over the groups; an entry that lies in two is counted in the lower one.

    Parameters
    ----------
    range16, byte_and
        uint32 (65,536,) by value and (256, 256) by x and y: how often each was looked up.
    columns
        The zeroed trace of the lookup table.
    """
    for group in range(lookup.GROUPS):
        start = _group_start(group, lookup.RANGE_STRIDE, lookup.USED_ROWS)
        values = slice(start, _group_start(group + 1, lookup.RANGE_STRIDE, lookup.USED_ROWS))
        row = start - group * lookup.RANGE_STRIDE
        columns[group, row : lookup.USED_ROWS] = range16[values]

        start = _group_start(group, lookup.Y_STRIDE, lookup.Y_VALUES)
        values = slice(start, _group_start(group + 1, lookup.Y_STRIDE, lookup.Y_VALUES))
        first_y = start - group * lookup.Y_STRIDE
        used = columns[lookup.GROUPS + group, : lookup.USED_ROWS]
        pairs = used.reshape(lookup.X_VALUES, lookup.Y_VALUES)
        pairs[:, first_y:] = byte_and[:, values]


def _group_start(group: int, stride: int, size: int) -> int:
    """First value that lies in this group and in none before."""
    return stride * (group - 1) + size if group else 0
