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


def next_exponents() -> list[int]:
    """Give the exponents, from 1, of the columns opened one row later, as `open_next` orders them.

    Columns count over all trees: preprocessed, main, aux; an aux column is one.
    """
    main_start = 1 + sum(len(table.preprocessed) for table in TABLES)
    aux_start = main_start + sum(len(table.main) for table in TABLES)
    exponents = []
    for table in TABLES:
        aux_start += len(table.fraction_groups())
        exponents += [main_start + index for index in table.next_columns()]
        exponents.append(aux_start - 1)
        main_start += len(table.main)
    return exponents


def constraint_counts() -> list[int]:
    """Count the terms of the quotient that each table contributes."""
    return [len(table.constraints) + len(table.fraction_groups()) + 1 for table in TABLES]
