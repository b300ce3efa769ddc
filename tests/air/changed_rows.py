"""Check one table beside the traffic that the other tables would have, and changes of its rows."""

from collections.abc import Iterable, Mapping, Sequence

from offchain.air.check import TableTrace, TraceChecker
from offchain.air.table import Bus, Table
from offchain.spec.constants import GOLDILOCKS_P as P

Cell = tuple[str, int]
"""Name of the column, row."""
Tuple = tuple[Bus, Sequence[int]]


class ChangedRows:
    """Broken constraints and bus balance of a trace, and of copies with some cells changed.

    Only the rows that a change reaches are evaluated again. The trace has no terminal row: the
    tables that this serves leave their last row's step to the next one free.
    """

    def __init__(self, table: Table, columns: Sequence[Sequence[int]]) -> None:
        self.table = table
        self.numbers = {column.name: column.index for column in table.main}
        self.columns = [[*column, 0] for column in columns]
        self.checker = TraceChecker([table])
        self.results = [self._row(row) for row in range(len(columns[0]))]

    def _row(self, row: int) -> tuple[frozenset[str], int]:
        value = self.checker.row_evaluator(TableTrace([], self.columns), row)
        broken = (c.name for c in self.table.constraints if value(c.expression))
        fractions = (self.checker.fraction(i, value) for i in self.table.interactions)
        return frozenset(broken), sum(fractions)

    def cell(self, name: str, row: int) -> int:
        return self.columns[self.numbers[name]][row]

    def sent(self, tuples: Iterable[Tuple]) -> int:
        """Sum of the fractions of what other tables send."""
        return sum(
            pow(self.checker.fingerprint(bus.identifier, values), -1, P) for bus, values in tuples
        )

    def failures(self, sent: int, changes: Mapping[Cell, int] | None = None) -> set[str]:
        """Names of all that does not hold after the changes; "balance" stands for the buses."""
        changes = changes or {}
        before = {cell: self.cell(*cell) for cell in changes}
        self._write(changes)
        rows = {near for _, row in changes for near in (row - 1, row) if near >= 0}
        results = {row: self._row(row) for row in rows}
        self._write(before)
        broken = {name for r, old in enumerate(self.results) for name in results.get(r, old)[0]}
        fractions = sum(results.get(r, old)[1] for r, old in enumerate(self.results))
        return broken | ({"balance"} if (fractions + sent) % P else set())

    def _write(self, cells: Mapping[Cell, int]) -> None:
        for (name, row), value in cells.items():
            self.columns[self.numbers[name]][row] = value
