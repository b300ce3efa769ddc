"""Tables: columns, constraints and bus interactions of one chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from offchain.air.expression import Column, Expression, leaves, lift

MAX_DEGREE = 3
"""Bound on the degree of every constraint; the quotient has as many parts."""


class Where(Enum):
    """On which rows a constraint holds; `terminal` is the first of the blinding rows."""

    EVERY = "every"
    FIRST = "first"
    TERMINAL = "terminal"


@dataclass(frozen=True)
class Constraint:
    """`expression` is zero; on every row it may read the next row too."""

    name: str
    expression: Expression
    where: Where = Where.EVERY


@dataclass(frozen=True)
class Bus:
    """A multiset that must balance: what is sent, with multiplicity, is received.

    Attributes
    ----------
    identifier : int
        Constant term of the fingerprint; distinct for every bus, at least 1.
    fields : tuple of str
        Names of the tuple's entries, in order.
    """

    name: str
    identifier: int
    fields: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class Interaction:
    """A fraction ``numerator / (gamma + bus + sum of beta^(i+1) * values[i])``.

    The numerator is the multiplicity, positive for what is sent and negative for what is
    received. Numerators may carry powers of beta as weights (`BetaPeriodic`).
    """

    name: str
    bus: Bus
    numerator: Expression
    values: tuple[Expression, ...]

    @property
    def numerator_degree(self) -> int:
        """Degree of the multiplicity."""
        return self.numerator.degree

    @property
    def denominator_degree(self) -> int:
        """Degree of the fingerprint."""
        return max([value.degree for value in self.values])


@dataclass
class Table:
    """One chip: its columns, the constraints on a row and the next, its traffic on the buses.

    The last `blinding` rows of a table are outside every constraint: the first of them is the
    terminal row, where the running sum is 0; the others are random.

    Attributes
    ----------
    name, title : str
        Name in code, and what the table is for, in a sentence.
    """

    name: str
    title: str
    preprocessed: list[Column] = field(default_factory=list)
    main: list[Column] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    interactions: list[Interaction] = field(default_factory=list)

    def add_preprocessed(self, name: str, doc: str) -> Column:
        """Add a column that belongs to the program."""
        column = Column(name, len(self.preprocessed), True, False, doc)
        self.preprocessed.append(column)
        return column

    def add(self, name: str, doc: str) -> Column:
        """Add a column of the trace."""
        column = Column(name, len(self.main), False, False, doc)
        self.main.append(column)
        return column

    def add_flag(self, name: str, doc: str) -> Column:
        """Add a column of the trace that holds 0 or 1, and the constraint that says so."""
        column = self.add(name, doc)
        self.constrain(f"{name} is 0 or 1", column * (column - 1))
        return column

    def constrain(self, name: str, expression: Expression, where: Where = Where.EVERY) -> None:
        """Demand that `expression` is zero."""
        # One divisor row takes one degree where Z_H takes all: one degree less must do.
        bound = MAX_DEGREE if where is Where.EVERY else MAX_DEGREE - 1
        if expression.degree > bound:
            raise ValueError(f"{self.name}: '{name}' has degree {expression.degree}")
        self.constraints.append(Constraint(name, expression, where))

    def send(
        self, name: str, bus: Bus, values: Sequence[Expression | int], times: Expression | int = 1
    ) -> None:
        """Put a tuple on a bus, `times` times."""
        self._interact(name, bus, values, lift(times))

    def receive(
        self, name: str, bus: Bus, values: Sequence[Expression | int], times: Expression | int = 1
    ) -> None:
        """Take a tuple off a bus, `times` times."""
        self._interact(name, bus, values, 0 - lift(times))

    def _interact(
        self, name: str, bus: Bus, values: Sequence[Expression | int], numerator: Expression
    ) -> None:
        if len(values) != len(bus.fields):
            raise ValueError(f"{self.name}: '{name}' has {len(values)} values for bus {bus.name}")
        interaction = Interaction(name, bus, numerator, tuple(lift(value) for value in values))
        if max(interaction.numerator_degree, 1 + interaction.denominator_degree) > MAX_DEGREE:
            raise ValueError(f"{self.name}: degree of interaction '{name}' is too high")
        self.interactions.append(interaction)

    def fraction_groups(self) -> list[tuple[Interaction, ...]]:
        """Interactions by extension column, in order: two fractions share one if degrees allow.

        Group g belongs to extension column g: ``u_g = sum of its fractions``, except for the last
        one, whose column is the running sum itself.
        """
        groups: list[tuple[Interaction, ...]] = []
        pending = list(self.interactions)
        while pending:
            first = pending.pop(0)
            partner = next((other for other in pending if _fit(first, other)), None)
            if partner is None:
                groups.append((first,))
            else:
                pending.remove(partner)
                groups.append((first, partner))
        return groups

    def next_columns(self) -> list[int]:
        """List the main columns, by index, that something reads one row later."""
        expressions = [constraint.expression for constraint in self.constraints]
        for interaction in self.interactions:
            expressions += [interaction.numerator, *interaction.values]
        found = {
            leaf.index
            for expression in expressions
            for leaf in leaves(expression)
            if isinstance(leaf, Column) and leaf.is_next
        }
        return sorted(found)


def _fit(first: Interaction, second: Interaction) -> bool:
    return (
        max(
            1 + first.denominator_degree + second.denominator_degree,
            first.numerator_degree + second.denominator_degree,
            second.numerator_degree + first.denominator_degree,
        )
        <= MAX_DEGREE
    )
