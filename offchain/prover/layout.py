"""How the columns of all tables stand in a proof, for given heights."""

from __future__ import annotations

from dataclasses import dataclass

from offchain.air.machine import TABLES


@dataclass(frozen=True)
class Layout:
    """Heights of a proof's tables, in table order.

    Attributes
    ----------
    heights : tuple of int
        Powers of two.
    """

    heights: tuple[int, ...]

    @property
    def n(self) -> int:
        """The largest height."""
        return max(self.heights)

    def stretch(self, table: int) -> int:
        """s_t = n / n_t."""
        return self.n // self.heights[table]

    @property
    def stretches(self) -> list[int]:
        """The s > 1 that occur, by descending height."""
        return sorted({self.stretch(t) for t in range(len(self.heights))} - {1})


def constraint_counts() -> list[int]:
    """Count the terms of the quotient that each table contributes."""
    return [len(table.constraints) + len(table.fraction_groups()) + 1 for table in TABLES]
