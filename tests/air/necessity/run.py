"""One honest run that uses every kind of row, and what each of its rows puts on the buses."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from offchain.air.buses import (
    BYTE_AND,
    FETCH,
    FIRST_PC_TIMESTAMP,
    LINK,
    MEMORY,
    PC_ADDRESS,
    RANGE16,
)
from offchain.air.machine import TABLE_BY_NAME
from offchain.tools import build_native
from offchain.zkvm import trace
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program
from offchain.zkvm.program_tables import preprocessed_tables
from tests.air.necessity.compiled import CompiledTable
from tests.zkvm import rv32im
from tests.zkvm.rv32im import ECALL, FENCE, encode, li
from tests.zkvm.toy import DATA, TEXT, ecall, program

BLINDING_ROWS = 64
BYTE, LIMB = 1 << 8, 1 << 16
X1, X5, X6, X7, X8, X9 = 1, 5, 6, 7, 8, 9
ZERO_WORD = 0x0003_0000
READ, WRITE, POSEIDON2, KECCAK_F, COMPRESS, EXIT = 0x100, 0x101, 0x110, 0x111, 0x112, 93
OUTPUT_ADDRESS = DATA + 0x300
COMPRESSED = DATA + 0x200
TAPE_ADDRESS, TAPE_WORDS = 0x0004_0000, 400
OPERANDS = (
    (0x7FFF_1234, 0x8000_00FF),
    (0xFFFF_FFF0, 7),
    (5, 0xFFFF_FFFE),
    (100, 0),
    (0x8000_0000, 0xFFFF_FFFF),
    (9, 9),
    (3, 64 + 5),
)

TABLES = tuple(table for name, table in TABLE_BY_NAME.items() if name not in {"rom", "lookup"})
"""Tables whose rows are evaluated; the counts of the others follow from the lookups."""


class Owner(NamedTuple):
    """An interaction of a row."""

    table: str
    row: int
    interaction: int


Tuple = tuple[int, ...]
"""Bus number, then the values."""


def example() -> Program:
    """Every operation on several operands, every width of access, every ecall."""
    text = []
    for a, b in OPERANDS:
        text += [*li(X5, a), *li(X6, b)]
        # Results are not read again, so that a wrong one goes unnoticed by the rest of the run.
        text += [encode(name, X7, X5, X6) for name in rv32im.REGISTERS]
    text += [encode("addi", X7, X5, imm=-1), encode("slli", X7, X5, imm=3), FENCE]
    for name in rv32im.BRANCHES:
        for a, b in ((1, 2), (2, 2), (-1, 1)):
            text += [encode("addi", X5, imm=a), encode("addi", X6, imm=b)]
            text += [encode(name, 0, X5, X6, 8), FENCE]
            # Both ways lead on: a wrong decision goes unnoticed.
            text.append(encode(name, 0, X5, X6, 4))
    text += [encode("addi", X5, imm=1), *[encode("beq", 0, X5, 0, 4)] * 2]
    text += [encode("jal", X1, imm=8), FENCE]
    for odd in (0, 1):
        here = TEXT + 4 * len(text)
        text += [*li(X5, here + 20 + odd), encode("jalr", X1, X5, imm=-4), FENCE]
    text += [*li(X6, 0x8091_A2B3), encode("auipc", X7)]
    for base in (TEXT, DATA, ZERO_WORD):
        text += li(X5, base)
        for name in (*rv32im.STORES, *rv32im.LOADS):
            step = {"b": 1, "h": 2, "w": 4}[name[1]]
            offsets = range(0, 4, step)
            if name in rv32im.LOADS:
                text += [encode(name, X7, X5, imm=offset) for offset in offsets]
            elif base != TEXT:
                text += [encode(name, 0, X5, X6, offset) for offset in offsets]
    # Stores that nothing reads.
    text += li(X5, DATA + 16)
    for name, offsets in (("sb", (0, 5, 10, 15)), ("sh", (16, 22)), ("sw", (24,))):
        text += [encode(name, 0, X5, X6, offset) for offset in offsets]
    text += [*li(X5, DATA + 9), encode("lb", X7, X5, imm=-2), encode("lh", X7, X5, imm=-7)]
    text += [
        *ecall(READ, TAPE_ADDRESS, TAPE_WORDS),
        *ecall(POSEIDON2, DATA + 0x100, 16),
        *ecall(POSEIDON2, DATA + 0x180, 16),
        *ecall(COMPRESS, COMPRESSED, 16),
        *ecall(KECCAK_F, DATA - 200, 50),
        *ecall(WRITE | 1 << 12, OUTPUT_ADDRESS, 2),
        *ecall(WRITE, OUTPUT_ADDRESS, 1),
        *li(X5, DATA + 0x40),
        encode("sw", 0, X5, X6),
        *ecall(EXIT)[:-1],
        *li(X5, EXIT),
        encode("addi", X7, X5, imm=-EXIT),
        ECALL,
    ]
    words = {DATA: 0x7F80_FF01, DATA + 4: 0x8123_8001, OUTPUT_ADDRESS: 7, OUTPUT_ADDRESS + 4: 8}
    words |= {COMPRESSED + 4 * i: i + 1 for i in range(16)}
    return program(text, words)


class HonestRun:
    """Columns of all tables, tuples of all rows.

    Attributes
    ----------
    columns
        By table: ``[column][row]``, blinding rows included, which are 0.
    senders
        Tuples of the memory, dispatch and link buses to their owners.
    """

    def __init__(self, toy: Program, tape: tuple[int, ...]) -> None:
        build_native.build("zkvm")
        build_native.build("trace")
        self.program = toy
        self.execution = execute(toy, np.array(tape, np.uint32), record=True)
        assert self.execution.exit_code == 0, self.execution.trap
        heights = trace.minimum_heights(toy, self.execution.row_counts, BLINDING_ROWS)
        heights["poseidon2"] += 1  # room for rows that are not used
        filled = trace.fill_tables(toy, self.execution, heights, BLINDING_ROWS)
        of_program = {
            name: columns.tolist() for name, columns in preprocessed_tables(toy, heights).items()
        }
        self.rom_rows = set(zip(*of_program["rom"], strict=True))
        self.compiled = {table.name: CompiledTable(table) for table in TABLES}
        self.columns: dict[str, list[list[int]]] = {}
        self.preprocessed: dict[str, list[list[int]]] = {}
        for table in TABLES:
            self.columns[table.name] = filled[table.name].tolist()
            self.preprocessed[table.name] = of_program.get(table.name, [])
        self._tuples: dict[tuple[str, int], list[tuple[int, Tuple, int]]] = {}
        self.owners: dict[Tuple, list[Owner]] = defaultdict(list)
        for table in TABLES:
            for row in range(self.terminal(table.name)):
                for number, key, _ in self.tuples(table.name, row):
                    self.owners[key].append(Owner(table.name, row, number))

    def terminal(self, table: str) -> int:
        """Number of the terminal row."""
        return len(self.columns[table][0]) - BLINDING_ROWS

    def tuples(self, table: str, row: int) -> list[tuple[int, Tuple, int]]:
        """Interaction, tuple and multiplicity of all traffic of an unchanged row."""
        if (table, row) not in self._tuples:
            found = self.compiled[table].tuples(self.columns[table], self.preprocessed[table], row)
            self._tuples[table, row] = found
        return self._tuples[table, row]

    def traffic(self, interactions: frozenset[tuple[str, int]]) -> Counter[Tuple]:
        """All that some interactions, given by table and number, put on the buses."""
        total: Counter[Tuple] = Counter()
        for table in {name for name, _ in interactions}:
            for row in range(self.terminal(table)):
                for number, key, times in self.tuples(table, row):
                    if (table, number) in interactions:
                        total[key] += times
        return total

    def public(self) -> Iterator[tuple[Tuple, int]]:
        """Tuples of the verifier: the first pc, and the output received."""
        yield (MEMORY.identifier, PC_ADDRESS, FIRST_PC_TIMESTAMP, self.program.entry), 1
        for index, word in enumerate(self.execution.output.tolist()):
            yield (LINK.identifier, 0, 0, 0, index, word), -1

    def rows_where(self, table: str, **values: int) -> list[int]:
        """Rows in use that hold these values."""
        cells = {self.compiled[table].number[name]: value for name, value in values.items()}
        columns = self.columns[table]
        return [
            row
            for row in range(self.terminal(table))
            if all(columns[column][row] == value for column, value in cells.items())
        ]

    def is_supplied(self, key: Tuple) -> bool:
        """Whether the lookup table or the rom holds a tuple, for any number of takers."""
        bus, *values = key
        if bus == RANGE16.identifier:
            return values[0] < LIMB
        if bus == BYTE_AND.identifier:
            return max(values[:2]) < BYTE and values[2] == values[0] & values[1]
        return bus == FETCH.identifier and tuple(values) in self.rom_rows


@cache
def honest_run() -> HonestRun:
    """The run that all forgeries start from."""
    return HonestRun(example(), tuple(range(TAPE_WORDS)))
