"""Tables as Python functions: many times faster than walking through expressions.

Only the search uses them; what it finds is checked again by the trace checker.
"""

from collections.abc import Callable

from offchain.air.expression import (
    BetaPeriodic,
    Column,
    Constant,
    Expression,
    Periodic,
    Product,
    Sum,
    leaves,
)
from offchain.air.table import Table, Where
from offchain.spec.constants import GOLDILOCKS_P as P

Columns = list[list[int]]
Function = Callable[[Columns, Columns, int], int]
"""(main columns, preprocessed columns, row) -> value modulo p."""
Cell = tuple[int, bool]
"""Main column, whether on the next row."""

BETA = 0x1234_5678_9ABC_DEF1
"""Stands for the challenge in weighted numerators."""


class _Compiler:
    def __init__(self) -> None:
        self.periods: list[list[int]] = []

    def text(self, node: Expression) -> str:
        if isinstance(node, Column):
            columns = "q" if node.preprocessed else "m"
            return f"{columns}[{node.index}][{'r+1' if node.is_next else 'r'}]"
        if isinstance(node, Constant):
            return f"({node.value})"
        if isinstance(node, (Periodic, BetaPeriodic)):
            self.periods.append(
                list(node.values)
                if isinstance(node, Periodic)
                else [0 if e is None else pow(BETA, e, P) for e in node.exponents]
            )
            return f"k[{len(self.periods) - 1}][r%{len(self.periods[-1])}]"
        assert hasattr(node, "left")
        symbol = "*" if isinstance(node, Product) else "+" if isinstance(node, Sum) else "-"
        return f"({self.text(node.left)}{symbol}{self.text(node.right)})"

    def function(self, text: str) -> Function:
        compiled: Function = eval(f"lambda m,q,r: {text}", {"k": self.periods})
        return compiled


def main_cells(expression: Expression) -> list[Cell]:
    """Cells that an expression reads, each once."""
    found = [
        (leaf.index, leaf.is_next)
        for leaf in leaves(expression)
        if isinstance(leaf, Column) and not leaf.preprocessed
    ]
    return list(dict.fromkeys(found))


class CompiledTable:
    """Constraints and interactions of a table, by number."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.number = {column.name: column.index for column in table.main}
        self.next_columns = set(table.next_columns())
        compiler = _Compiler()
        self.constraints = [
            compiler.function(f"({compiler.text(c.expression)})%{P}") for c in table.constraints
        ]
        self.by_place = {
            where: [i for i, c in enumerate(table.constraints) if c.where is where]
            for where in Where
        }
        self.numerators = [
            compiler.function(f"({compiler.text(i.numerator)})%{P}") for i in table.interactions
        ]
        self.values = [
            [compiler.function(f"({compiler.text(value)})%{P}") for value in item.values]
            for item in table.interactions
        ]

    def broken(self, main: Columns, program: Columns, row: int, terminal: int) -> list[int]:
        """Constraints that do not hold on a row."""
        if row == terminal:
            numbers = self.by_place[Where.TERMINAL]
        elif row == 0:
            numbers = self.by_place[Where.EVERY] + self.by_place[Where.FIRST]
        else:
            numbers = self.by_place[Where.EVERY]
        constraints = self.constraints
        return [i for i in numbers if constraints[i](main, program, row)]

    def tuples(
        self, main: Columns, program: Columns, row: int
    ) -> list[tuple[int, tuple[int, ...], int]]:
        """Interaction, tuple and multiplicity of all traffic of a row."""
        found = []
        for i, numerator in enumerate(self.numerators):
            times = numerator(main, program, row)
            if times:
                values = (value(main, program, row) for value in self.values[i])
                found.append((i, (self.table.interactions[i].bus.identifier, *values), times))
        return found
