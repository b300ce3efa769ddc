"""Exact check of a trace: every constraint on every row, and the balance of the buses.

Slow and without commitments; the oracle for trace filling and for tests that forge traces.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offchain.air.expression import (
    Arithmetic,
    BetaPeriodic,
    Column,
    Constant,
    Evaluator,
    Expression,
    Periodic,
)
from offchain.air.table import Interaction, Table, Where
from offchain.spec.constants import GOLDILOCKS_P as P

Rows = Sequence[Sequence[int]]
"""Columns of values: ``rows[column][row]``."""


@dataclass(frozen=True)
class TableTrace:
    """Columns of one table, without blinding rows; the last row is the terminal row."""

    preprocessed: Rows
    main: Rows

    @property
    def row_count(self) -> int:
        """Number of rows, the terminal row included."""
        return len(self.main[0])


@dataclass(frozen=True)
class Failure:
    """What does not hold, and on which row (None for the buses)."""

    table: str
    name: str
    row: int | None


class TraceChecker:
    """Checks traces under one choice of bus challenges.

    Challenges are random elements of the base field, unless given: a false balance passes with a
    probability below 2^-35 for traces of up to 2^20 fractions.
    """

    def __init__(
        self, tables: Sequence[Table], gamma: int | None = None, beta: int | None = None
    ) -> None:
        self.tables = tables
        self.gamma = secrets.randbelow(P) if gamma is None else gamma
        self.beta = secrets.randbelow(P) if beta is None else beta

    def failures(self, traces: Mapping[str, TableTrace], public: int = 0) -> list[Failure]:
        """Everything that does not hold; `public` is the sum of the verifier's fractions."""
        found: list[Failure] = []
        balance = public
        for table in self.tables:
            broken, fractions = self.check_table(table, traces[table.name])
            found += broken
            balance += fractions
        if balance % P:
            found.append(Failure("", "buses balance", None))
        return found

    def check_table(self, table: Table, trace: TableTrace) -> tuple[list[Failure], int]:
        """Broken constraints of one table, and the sum of its fractions."""
        found: list[Failure] = []
        fractions = 0
        for row in range(trace.row_count - 1):
            value = self.row_evaluator(trace, row)
            for constraint in table.constraints:
                holds_here = constraint.where is Where.EVERY or (
                    constraint.where is Where.FIRST and row == 0
                )
                if holds_here and value(constraint.expression) % P:
                    found.append(Failure(table.name, constraint.name, row))
            for interaction in table.interactions:
                fractions += self.fraction(interaction, value)
        last = trace.row_count - 1
        value = self.row_evaluator(trace, last)
        found += [
            Failure(table.name, constraint.name, last)
            for constraint in table.constraints
            if constraint.where is Where.TERMINAL and value(constraint.expression) % P
        ]
        return found, fractions % P

    def fraction(self, interaction: Interaction, value: Evaluator[int]) -> int:
        """Value of one fraction on a row."""
        numerator = value(interaction.numerator) % P
        if numerator == 0:
            return 0
        return numerator * pow(
            self.fingerprint(interaction.bus.identifier, [value(v) for v in interaction.values]),
            -1,
            P,
        )

    def fingerprint(self, bus: int, values: Sequence[int]) -> int:
        """Gamma + bus + sum of beta^(i+1) * values[i]."""
        power, result = 1, self.gamma + bus
        for value in values:
            power = power * self.beta % P
            result += power * value
        return result % P

    def row_evaluator(self, trace: TableTrace, row: int) -> Evaluator[int]:
        """Evaluate expressions on one row; the row after the last one counts as row 0."""
        following = (row + 1) % trace.row_count

        def leaf(expression: Expression) -> int:
            if isinstance(expression, Column):
                columns = trace.preprocessed if expression.preprocessed else trace.main
                return columns[expression.index][following if expression.is_next else row]
            if isinstance(expression, Constant):
                return expression.value
            if isinstance(expression, Periodic):
                return expression.values[row % len(expression.values)]
            if isinstance(expression, BetaPeriodic):
                exponent = expression.exponents[row % len(expression.exponents)]
                return 0 if exponent is None else pow(self.beta, exponent, P)
            raise TypeError(f"no such leaf: {type(expression).__name__}")

        return Evaluator(
            Arithmetic(
                leaf,
                lambda left, right: (left + right) % P,
                lambda left, right: (left - right) % P,
                lambda left, right: left * right % P,
            )
        )
