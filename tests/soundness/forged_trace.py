"""Traces that a cheating prover may write, and which checks they break."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from offchain.air.buses import (
    ALL_BUSES,
    BYTE_AND,
    FETCH,
    FIRST_PC_TIMESTAMP,
    LINK,
    MEMORY,
    PC_ADDRESS,
    RANGE16,
)
from offchain.air.check import TableTrace, TraceChecker
from offchain.air.expression import Evaluator
from offchain.air.machine import TABLE_BY_NAME, TABLES
from offchain.air.table import Constraint, Interaction, Table
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.zkvm import trace
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program
from offchain.zkvm.program_tables import preprocessed_tables
from tests.zkvm.rv32im import encode, li
from tests.zkvm.toy import DATA, program

BLINDING_ROWS = 64
GAMMA, BETA = 0x5EED_0001_2345_6789, 0x5EED_0002_9ABC_DEF1
"""Fixed, so that a test always gives the same verdict; no forgery here is made from them."""
COUNTED = (RANGE16, BYTE_AND, FETCH)
"""Buses whose senders count: the prover may choose the counts, but not what is counted."""
BASE = 6
"""Register that holds the address DATA in forgeries with `load_constant`."""
Tuple = tuple[str, tuple[int, ...]]


class _BusChecker(TraceChecker):
    """Keeps the sums of the buses apart, and what is received from counting senders."""

    def __init__(self) -> None:
        super().__init__(TABLES, GAMMA, BETA)
        self.sums: Counter[str] = Counter()
        self.received: Counter[Tuple] = Counter()

    def fraction(self, interaction: Interaction, value: Evaluator[int]) -> int:
        result = super().fraction(interaction, value)
        self.sums[interaction.bus.name] += result
        numerator = value(interaction.numerator) % P
        if numerator and interaction.bus in COUNTED:
            self.received[tuple_of(interaction, value)] -= numerator
        return result

    def add_public(self, entry: int, output: Sequence[int]) -> None:
        """Fractions of the verifier."""
        first_pc = (PC_ADDRESS, FIRST_PC_TIMESTAMP, entry)
        self.sums["memory"] += pow(self.fingerprint(MEMORY.identifier, first_pc), -1, P)
        for entry_of_output in enumerate(output):
            values = (0, 0, 0, *entry_of_output)
            self.sums["link"] -= pow(self.fingerprint(LINK.identifier, values), -1, P)


def tuple_of(interaction: Interaction, value: Evaluator[int]) -> Tuple:
    """Bus and values of an interaction on a row."""
    return interaction.bus.name, tuple(value(entry) % P for entry in interaction.values)


def check_name(table: Table, item: Constraint | Interaction) -> str:
    """Name a check of a table: "table: constraint" or "table: interaction (bus)"."""
    bus = f" ({item.bus.name})" if isinstance(item, Interaction) else ""
    return f"{table.name}: {item.name}{bus}"


def check_names() -> set[str]:
    """Names of all constraints and interactions."""
    return {check_name(t, item) for t in TABLES for item in [*t.constraints, *t.interactions]}


def without_checks(table: Table, removed: Collection[str]) -> Table:
    """Copy a table without the constraints and interactions of these names."""
    return replace(
        table,
        constraints=[c for c in table.constraints if check_name(table, c) not in removed],
        interactions=[i for i in table.interactions if check_name(table, i) not in removed],
    )


class ForgedTrace:
    """The trace of a run, with cells to change: ``forged["cpu", "r", row] = value``.

    Tables are cut behind the rows in use, where one more row stands for the terminal row. Counts of
    lookups and fetches are set right before every check, as the best of cheating provers would.

    Parameters
    ----------
    program
        Whose run is recorded.
    tape
        Input words.
    edit
        Changes the recorded run before the tables are filled from it.
    claimed
        The program that the proof is about, if it is another one: its entry, ROM and image count.
    """

    def __init__(
        self,
        program: Program,
        tape: Sequence[int] = (),
        edit: Callable[[Execution], None] = lambda _: None,
        claimed: Program | None = None,
    ) -> None:
        execution = execute(program, np.array(tape, np.uint32), record=True)
        assert execution.exit_code is not None, execution.trap
        edit(execution)
        execution = replace(execution, exit_code=0)  # the filler refuses other runs
        self.claimed = claimed or program
        self.output = execution.output.tolist()
        heights = trace.minimum_heights(program, execution.row_counts, BLINDING_ROWS)
        filled = trace.fill_tables(program, execution, heights, BLINDING_ROWS)
        self.main, self.row_counts = {}, trace.used_rows(program, execution.row_counts)
        for name, rows in self.row_counts.items():
            columns = np.zeros((len(filled[name]), rows + 1), np.uint64)
            columns[:, :rows] = filled[name][:, :rows]
            self.main[name] = columns.tolist()
        self.preprocessed = preprocessed_tables(self.claimed, heights)
        self._entries = self._counting_entries()

    def __getitem__(self, cell: tuple[str, str, int]) -> int:
        table, column, row = cell
        return self._column(table, column)[row]

    def __setitem__(self, cell: tuple[str, str, int], value: int) -> None:
        table, column, row = cell
        self._column(table, column)[row] = value % P

    def _column(self, table: str, name: str) -> list[int]:
        (index,) = [c.index for c in TABLE_BY_NAME[table].main if c.name == name]
        return self.main[table][index]

    def change(self, table: str, row: int, **cells: int) -> None:
        """Change cells of one row."""
        for name, value in cells.items():
            self[table, name, row] = value

    def rows_where(self, table: str, **cells: int) -> list[int]:
        """Rows in use with these values."""
        columns = {name: self._column(table, name) for name in cells}
        rows = range(len(self.main[table][0]) - 1)
        return [r for r in rows if all(columns[n][r] == v for n, v in cells.items())]

    def append(self, table: str, **cells: int) -> None:
        """Use one more row, whose other cells are 0; the terminal row moves on."""
        for column in TABLE_BY_NAME[table].main:
            self.main[table][column.index].insert(-1, cells.get(column.name, 0) % P)

    def failures(
        self,
        without: Collection[str] = (),
        *,
        entry: int | None = None,
        output: Sequence[int] | None = None,
        supplied: Mapping[Tuple, int] | None = None,
    ) -> set[str]:
        """Name what does not hold: "table: constraint", and "bus name" for what is unbalanced.

        Parameters
        ----------
        without
            Constraints and interactions to leave out, by `check_name`.
        entry, output
            What the verifier claims, by default as the run has it.
        supplied
            Tuples that a weakened system would send besides, with multiplicity.
        """
        assert set(without) <= check_names()
        checker = _BusChecker()
        entry = self.claimed.entry if entry is None else entry
        checker.add_public(entry, self.output if output is None else output)
        for (bus, values), times in (supplied or {}).items():
            (identifier,) = [item.identifier for item in ALL_BUSES if item.name == bus]
            checker.sums[bus] += times * pow(checker.fingerprint(identifier, values), -1, P)
        found = set()
        counting = [t for t in TABLES if t.name in ("rom", "lookup")]
        for table in [t for t in TABLES if t not in counting] + counting:
            if table is counting[0]:
                self._recount(checker.received)
            broken, _ = checker.check_table(without_checks(table, without), self._trace(table.name))
            found |= {f"{failure.table}: {failure.name}" for failure in broken}
        return found | {f"bus {name}" for name, value in checker.sums.items() if value % P}

    def _trace(self, name: str) -> TableTrace:
        main = self.main[name]
        preprocessed = self.preprocessed.get(name)
        rows = range(len(main[0]))
        if name == "lookup":  # no constraint links its rows
            rows = [r for r in rows[:-1] if any(column[r] for column in main)] + [rows[-1]]
            main = [[column[r] for r in rows] for column in main]
        columns = [] if preprocessed is None else preprocessed[:, rows].tolist()
        return TableTrace(columns, main)

    def _counting_entries(self) -> dict[Tuple, tuple[str, int, int]]:
        """Table, column and row of the count of every tuple that may be looked up."""
        found = {}
        checker = TraceChecker(TABLES, GAMMA, BETA)
        ands = self.preprocessed["lookup"].tolist()
        for group in range(3):
            for row, (x, y) in enumerate(zip(ands[0], ands[1], strict=True)):
                range_entry = ("range16", (86 * x + y + 21_760 * group,))
                found.setdefault(range_entry, ("lookup", group, row))
                and_entry = ("byte_and", (x, y + 85 * group, ands[2 + group][row]))
                found.setdefault(and_entry, ("lookup", 3 + group, row))
        instruction = TABLE_BY_NAME["rom"].interactions[0]
        rom = TableTrace(self.preprocessed["rom"].tolist(), self.main["rom"])
        for row in range(rom.row_count - 1):
            entry = tuple_of(instruction, checker.row_evaluator(rom, row))
            found[entry] = ("rom", 0, row)
        return found

    def _recount(self, received: Mapping[Tuple, int]) -> None:
        for name in ("rom", "lookup"):
            self.main[name] = [[0] * len(column) for column in self.main[name]]
        for entry, times in received.items():
            if entry in self._entries:
                table, column, row = self._entries[entry]
                self.main[table][column][row] = times % P

    def set_result(self, table: str, row: int, register: int, value: int) -> None:
        """Forge r of an operation that the cpu hands to `table`, last write to `register`."""
        operands = {name: self[table, name, row] for name in ("a", "y", "r")}
        time = self[table, "time", row] if table == "memory" else 0
        (cpu_row,) = self.rows_where("cpu", time=time, **operands)
        self["cpu", "r", cpu_row] = value
        self[table, "r", row] = value
        self["image", "final_value", register] = value

    def set_zero_memory(self, rows: Sequence[tuple[bool, int, int, int, int]]) -> None:
        """Write the zero memory: (is_hole, first, last, final timestamp, final value) by row."""
        columns = [[0] * (len(rows) + 1) for _ in self.main["zero_memory"]]
        for i, (is_hole, first, last, timestamp, value) in enumerate(rows):
            low = (rows[i + 1][1] - last - 1) % P % (1 << 16) if i + 1 < len(rows) else 0
            cells = (not is_hole, is_hole, first, last, low, timestamp, value)
            for column, cell in zip(columns, cells, strict=True):
                column[i] = int(cell) % P
        self.main["zero_memory"] = columns

    def image_row(self, address: int) -> int:
        """Row of the image that holds an address."""
        return int(self.preprocessed["image"][0].tolist().index(address))

    def zero_memory(self) -> list[tuple[bool, int, int, int, int]]:
        """Give the rows in use as `set_zero_memory` takes them."""
        _, is_hole, first, last, _, timestamp, value = (c[:-1] for c in self.main["zero_memory"])
        return list(zip(map(bool, is_hole), first, last, timestamp, value, strict=True))


def load_constant(text: Sequence[int], register: int, honest: int, forged: int) -> ForgedTrace:
    """Let a run go on with another value of `register` than it would get by with.

    Instructions 0 to 2 load it from DATA, where the claimed program has `forged`; the record still
    is that of a run with `honest`, but for this value. `text` follows: its first instruction reads
    the register as rs1, and no other does.
    """
    lines = [*li(BASE, DATA), encode("lw", register, BASE), *text]

    def edit(execution: Execution) -> None:
        for field in ("r", "word_old", "word_new"):
            execution.record[field][2] = forged
        execution.record["a"][3] = forged
        execution.registers["value"][register] = forged
        data = np.flatnonzero(execution.image_final["address"] == DATA)
        execution.image_final["value"][data] = forged

    image = {DATA: honest, DATA + 4: 5}
    claimed = program(lines, image | {DATA: forged})
    return ForgedTrace(program(lines, image), edit=edit, claimed=claimed)


def assert_caught(
    forged: ForgedTrace,
    broken: str,
    *,
    without: Collection[str] = (),
    supplied: Mapping[Tuple, int] | None = None,
) -> None:
    """Assert that exactly one check stops a forgery, and that nothing does without it.

    Parameters
    ----------
    forged
        The forged trace.
    broken
        "table: constraint" or "bus name".
    without
        For a bus: the interactions that the weakened system lacks.
    supplied
        For a bus: the tuples that the weakened system would send besides.
    """
    failures = forged.failures()
    assert failures == {broken}
    if not supplied:
        without = without or {broken}
    failures = forged.failures(without, supplied=supplied)
    assert failures == set()
