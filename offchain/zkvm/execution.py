"""What a run of the machine gives: how it ended, what it wrote, and its record for the proof.

Timestamps: cycle clk (from 1) reads rs1 at 4 clk, rs2 at 4 clk + 1, accesses RAM at 4 clk + 2 and
writes rd at 4 clk + 3. Initial contents have timestamp 0.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from offchain.zkvm.decode import ARITH_OP_FIRST, Op
from offchain.zkvm.delegations import DELEGATIONS
from offchain.zkvm.program import Program, StructArray, U32Array
from offchain.zkvm.traps import Trap

REGISTERS: Final = 32
CYCLES_MAX: Final = (1 << 30) - 1
"""Most cycles of a run: the last timestamp, 4 clk + 3, has 32 bits."""
DEFAULT_CYCLES_MAX: Final = 1 << 27
DEFAULT_RECORDED_CYCLES_MAX: Final = 1 << 22

CYCLE: Final = np.dtype(
    [
        ("row", "<u4"),  # index into Program.rom
        ("a", "<u4"),  # value of rs1
        ("b", "<u4"),  # value of rs2
        ("r", "<u4"),  # result; of a store its data, of an ecall a0
        ("next_pc", "<u4"),  # 0 after the exit
        ("rd_old", "<u4"),  # rd_*: 0 unless the row has Flag.WRITE
        ("rs1_prev_ts", "<u4"),
        ("rs2_prev_ts", "<u4"),
        ("rd_prev_ts", "<u4"),
        ("word_prev_ts", "<u4"),  # word_*: 0 unless the row is a LOAD or STORE
        ("word_old", "<u4"),  # the aligned word
        ("word_new", "<u4"),
    ]
)
"""One completed instruction."""

TRANSFER: Final = np.dtype(
    [
        ("clk", "<u4"),
        ("code", "<u4"),  # a7
        ("count", "<u4"),  # a1
        ("index", "<u4"),  # 0 to count - 1
        ("address", "<u4"),
        ("old", "<u4"),
        ("new", "<u4"),
        ("prev_ts", "<u4"),
    ]
)
"""One word moved by an ecall."""

WORD_STATE: Final = np.dtype([("address", "<u4"), ("value", "<u4"), ("timestamp", "<u4")])
"""Final value of a word or register, and the timestamp of its last access (0: none)."""

_ADD_OPS: Final = (Op.ADD, Op.SUB, Op.EQ)
_BITWISE_OPS: Final = (Op.AND, Op.OR, Op.XOR)


@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """A run of the machine.

    The arrays from ``record`` on are empty unless the run was recorded. After a trap they describe
    the completed instructions, with what the trapping one changed before it was refused.

    Attributes
    ----------
    exit_code
        a0 at the exit; None after a trap. Only a run with code 0 has a proof.
    trap
        Why the run has no exit; None if it has.
    cycles
        Number of completed instructions, the exit included.
    output
        uint32: the public output; after a trap up to the first word not written.
    row_counts
        Rows that the run takes in each table, by the table's name.
    record
        CYCLE (cycles,).
    transfers
        TRANSFER: one for each word that an ecall moved, in order.
    registers
        WORD_STATE (32,): with the register's number as address.
    image_final
        WORD_STATE: the words of ``Program.addresses``, in its order.
    zero_words
        WORD_STATE: words outside the image that were accessed, by ascending address.
    """

    exit_code: int | None
    trap: Trap | None
    cycles: int
    output: U32Array
    row_counts: Mapping[str, int]
    record: StructArray
    transfers: StructArray
    registers: StructArray
    image_final: StructArray
    zero_words: StructArray


def count_rows(
    program: Program,
    op_counts: Sequence[int],
    delegation_calls: Sequence[int],
    transfers: int,
    zero_words: int,
) -> dict[str, int]:
    """Give the rows that a run takes in each table.

    Parameters
    ----------
    program
        The program that ran.
    op_counts
        Completed instructions by operation number (64).
    delegation_calls
        Calls of each delegation, in the order of the registry.
    transfers
        Words moved by ecalls.
    zero_words
        Words outside the image that were accessed.

    Returns
    -------
    dict[str, int]
        Rows by the table's name, before padding.
    """
    of_delegations: Counter[str] = Counter()
    for delegation, calls in zip(DELEGATIONS, delegation_calls, strict=True):
        of_delegations[delegation.table] += delegation.rows_per_call * calls
    return {
        "cpu": sum(op_counts),
        "add": sum(op_counts[op] for op in _ADD_OPS),
        "bitwise": sum(op_counts[op] for op in _BITWISE_OPS),
        "arith": sum(op_counts[ARITH_OP_FIRST:]),
        "memory": sum(op_counts[Op.LW : Op.SB + 1]),
        "transfer": transfers,
        **of_delegations,
        "image": len(program.addresses),
        "zero_memory": zero_words + len(program.holes()),
    }


def resolve_max_cycles(max_cycles: int | None, *, record: bool) -> int:
    """Give the cycle limit of a run.

    Parameters
    ----------
    max_cycles
        What the caller asked for, None for the default.
    record
        Whether the run is recorded, which makes the default smaller.

    Returns
    -------
    int
        In [0, CYCLES_MAX].

    Raises
    ------
    ValueError
        If the limit is outside.
    """
    if max_cycles is None:
        return DEFAULT_RECORDED_CYCLES_MAX if record else DEFAULT_CYCLES_MAX
    if not 0 <= max_cycles <= CYCLES_MAX:
        raise ValueError(f"a limit of {max_cycles} cycles; choose one from 0 to {CYCLES_MAX}")
    return max_cycles
