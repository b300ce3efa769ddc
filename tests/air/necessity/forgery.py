"""A changed trace: what it breaks, with the counts of lookups and fetches set right."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from offchain.air.buses import DISPATCH, LINK, MEMORY
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.run import HonestRun, Owner, Tuple

Cell = tuple[str, int, int]
"""Table, column, row."""
Item = tuple[str, int]
"""Table, number of the interaction."""
Broken = tuple[str, int, int]
"""Table, number of the constraint, row."""


class Forgery:
    """Changes to the honest run, to what the verifier puts on the buses, and to the program.

    `fetches` are further rows of the rom: those of another program.

    The rows in use have no terminal row among them; it may be changed too, like every cell.
    """

    def __init__(
        self,
        run: HonestRun,
        changes: Mapping[Cell, int],
        public: Mapping[Tuple, int] | None = None,
        fetches: Iterable[Tuple] = (),
    ) -> None:
        self.run = run
        self.changes = dict(changes)
        self.public = Counter(public or {})
        self.fetches = frozenset(fetches)
        self.rows = sorted(self._touched())

    def _touched(self) -> set[tuple[str, int]]:
        rows = set()
        for table, column, row in self.changes:
            rows.add((table, row))
            if row and column in self.run.compiled[table].next_columns:
                rows.add((table, row - 1))
        return rows

    def with_cell(self, cell: Cell, value: int) -> "Forgery":
        """Change one more cell."""
        return Forgery(self.run, self.changes | {cell: value}, self.public, self.fetches)

    def __enter__(self) -> None:
        """Write the changes to the columns of the run."""
        columns = self.run.columns
        self._before = {(t, c, r): columns[t][c][r] for t, c, r in self.changes}
        for (table, column, row), value in self.changes.items():
            columns[table][column][row] = value

    def __exit__(self, *_: object) -> None:
        for (table, column, row), value in self._before.items():
            self.run.columns[table][column][row] = value

    def broken(self) -> list[Broken]:
        """Broken constraints; the changes must be written."""
        run, found = self.run, []
        for table, row in self.rows:
            of_table = run.compiled[table], run.columns[table], run.preprocessed[table]
            numbers = of_table[0].broken(*of_table[1:], row, run.terminal(table))
            found += [(table, number, row) for number in numbers]
        return found

    def tuples(self) -> Iterator[tuple[Owner, Tuple, int]]:
        """Traffic of the touched rows; the changes must be written."""
        run = self.run
        for table, row in self.rows:
            if row < run.terminal(table):
                columns = run.columns[table], run.preprocessed[table]
                for number, key, times in run.compiled[table].tuples(*columns, row):
                    yield Owner(table, row, number), key, times

    def residue(self, without: frozenset[Item] = frozenset()) -> dict[Tuple, int]:
        """What the buses lack or have too much, once lookups and fetches are counted again."""
        total = Counter(self.public)
        if without:
            total.subtract(self.run.traffic(without))
        for table, row in self.rows:
            if row < self.run.terminal(table):
                for number, key, times in self.run.tuples(table, row):
                    if (table, number) not in without:
                        total[key] -= times
        for owner, key, times in self.tuples():
            if (owner.table, owner.interaction) not in without:
                total[key] += times
        return {
            key: times % P
            for key, times in total.items()
            if times % P and key not in self.fetches and not self.run.is_supplied(key)
        }

    def is_false(self) -> bool:
        """Whether the history differs from that of the run, which the program determines.

        History is all that is sent to registers, memory, operations and delegations.
        """
        buses = {MEMORY.identifier, DISPATCH.identifier, LINK.identifier}
        history: Counter[Tuple] = Counter()
        for _, key, times in self.tuples():
            history[key] += times if key[0] in buses and times < P // 2 else 0
        for table, row in self.rows:
            if row < self.run.terminal(table):
                for _, key, times in self.run.tuples(table, row):
                    history[key] -= times if key[0] in buses and times < P // 2 else 0
        return any(history.values()) or any(self.public.values())
