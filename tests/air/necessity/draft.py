"""Forgeries written by hand: cells by name, and accesses added to the end of a word's chain."""

from collections import Counter
from collections.abc import Callable

from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.forgery import Cell, Forgery
from tests.air.necessity.run import LIMB, HonestRun, Tuple

Story = Callable[["Draft"], None]


class Stories(dict[tuple[str, str], Story]):
    """Stories by table and name of the constraint that the forgery breaks."""

    def add(self, table: str, name: str) -> Callable[[Story], Story]:
        """Decorate a story."""

        def enter(story: Story) -> Story:
            self[table, name] = story
            return story

        return enter


class Draft:
    """Changes to the honest run while they are thought out."""

    def __init__(self, run: HonestRun) -> None:
        self.run = run
        self.changes: dict[Cell, int] = {}
        self.public: Counter[Tuple] = Counter()
        self.fetches: list[Tuple] = []

    def forgery(self) -> Forgery:
        """Everything that was changed."""
        return Forgery(self.run, self.changes, self.public, self.fetches)

    def cell(self, table: str, row: int, name: str) -> int:
        """Value after the changes so far."""
        column = self.run.compiled[table].number[name]
        return self.changes.get((table, column, row), self.run.columns[table][column][row])

    def set(self, table: str, row: int, **values: int) -> None:
        """Change cells of a row, by column name; values are taken modulo p."""
        number = self.run.compiled[table].number
        self.changes |= {(table, number[name], row): v % P for name, v in values.items()}

    def row(self, table: str, row: int) -> dict[str, int]:
        """All cells of a row."""
        return {name: self.cell(table, row, name) for name in self.run.compiled[table].number}

    def clear(self, table: str, *rows: int) -> None:
        """Empty rows."""
        for row in rows:
            self.set(table, row, **dict.fromkeys(self.run.compiled[table].number, 0))

    def shift(self, table: str, by: int) -> None:
        """Move all rows down; the first rows become empty."""
        rows = [self.row(table, row) for row in range(self.run.terminal(table) - by)]
        self.clear(table, *range(by))
        for row, cells in enumerate(rows):
            self.set(table, row + by, **cells)

    def find(self, table: str, **values: int) -> int:
        """First row of the honest run that holds these values."""
        return self.run.rows_where(table, **values)[0]

    def spare(self, table: str) -> int:
        """First row that is not used, in a table whose other rows come first."""
        columns = self.run.columns[table]
        used = [row for row in range(self.run.terminal(table)) if any(c[row] for c in columns)]
        return max(used) + 1

    def final(self, address: int) -> tuple[str, int]:
        """Row of the image or the zero memory that receives a word's final state."""
        known = self.run.preprocessed["image"][0]
        if address in known:
            return "image", known.index(address)
        return "zero_memory", self.find("zero_memory", is_zero=1, first=address // 4)

    def access(self, table: str, row: int, address: int, timestamp: int, new: int) -> None:
        """Let a row with columns address, previous, time_low, old, new access a word last."""
        home, at = self.final(address)
        before = self.cell(home, at, "final_timestamp")
        old = self.cell(home, at, "final_value")
        low = (timestamp - 1 - before) % LIMB
        self.set(table, row, address=address, previous=before, time_low=low, old=old, new=new)
        self.set(home, at, final_timestamp=timestamp, final_value=new)

    def undo(self, address: int, timestamp: int = 0, value: int = 0) -> None:
        """Give a word another final state: accesses after `timestamp` are taken away."""
        home, at = self.final(address)
        self.set(home, at, final_timestamp=timestamp, final_value=value)
