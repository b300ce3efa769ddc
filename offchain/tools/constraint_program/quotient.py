"""What a table adds to the quotient, as arithmetic on its opened values.

The order of the terms is that of docs/spec/proof-system.md, "Constraint order". The quotient is
built from its last term to its first, by Horner's rule in alpha.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from offchain.air.expression import (
    Arithmetic,
    BetaPeriodic,
    Column,
    Constant,
    Evaluator,
    Expression,
    Periodic,
    leaves,
)
from offchain.air.machine import TABLES
from offchain.air.table import Interaction, Table, Where
from offchain.security.parameters import QUOTIENT_PARTS
from offchain.tools.constraint_program.graph import Graph, Input, Node, factors, other_factor

PERIOD: Final = 64
"""Length of every periodic column."""
BASIS_BOUND: Final = 8
"""Lanes of the Lagrange basis are sums of seven reduced ones, in multiples of p."""
MANY_VALUES: Final = 10
"""Periodic columns with more values, and not 0, 1, 2, ..., are round constants: not small."""
SHARED_BY: Final = 8
"""So many neighbours with one factor are worth a polynomial of their own."""
QUOTIENT_BOUND: Final = 2
"""Lanes of a sum of terms, in multiples of p."""
ALPHA_SQUARES: Final = 7
"""alpha^(2^i) is given for i below it."""
BETA_SQUARES: Final = 13
"""beta^(2^i) is given for i below it, to tables with periodic columns."""
FACTORS: Final = {Where.EVERY: "every", Where.FIRST: "first", Where.TERMINAL: "terminal"}
"""Given to each table: Z_B/(y^height - 1), 1/(y - 1), 1/(y - terminal row)."""


@dataclass(frozen=True)
class Term:
    """One term of the quotient, undivided, and what it says."""

    label: str
    node: Node


@dataclass(frozen=True)
class Segment:
    """Neighbouring terms with one factor, and the quotient from the first of them on."""

    terms: tuple[Term, ...]
    polynomial: Node
    quotient: Node


def value_positions() -> list[dict[str, int]]:
    """Positions of each table's opened values in the order of the proof, by name."""
    result: list[dict[str, int]] = [{} for _ in TABLES]
    count = 0

    def take(table: int, name: str) -> None:
        nonlocal count
        if name in result[table]:
            raise ValueError(f"two values of one table are called {name}")
        result[table][name] = count
        count += 1

    for number, table in enumerate(TABLES):
        for column in table.preprocessed:
            take(number, column.name.upper())
    for number, table in enumerate(TABLES):
        for column in table.main:
            take(number, column.name.upper())
    for number, table in enumerate(TABLES):
        for i in range(len(table.fraction_groups()) - 1):
            take(number, f"GROUP_{i}")
        take(number, "RUNNING_SUM")
    count += QUOTIENT_PARTS
    for number, table in enumerate(TABLES):
        for index in table.next_columns():
            take(number, f"{table.main[index].name.upper()}_NEXT")
        take(number, "RUNNING_SUM_NEXT")
    return result


class PeriodicColumns:
    """Values of periodic columns, from the Lagrange basis that is given."""

    def __init__(self, graph: Graph, beta: Node) -> None:
        self._graph, self._beta = graph, beta
        self._basis = [graph.input(f"basis[{i}]", BASIS_BOUND) for i in range(PERIOD)]
        self._rotated = [graph.input(f"rotated[{r}]") for r in range(PERIOD)]

    def plain(self, leaf: Periodic) -> Node:
        """Sum of values[i] * L_i; all L_i add up to 1, so that the commonest value takes none."""
        graph = self._graph
        rows = defaultdict(list)
        for value, weight in zip(leaf.values, self._basis, strict=True):
            rows[value].append(weight)
        common = max(rows, key=lambda value: len(rows[value]))
        if len(rows) > MANY_VALUES and max(rows) > PERIOD:
            entries = zip(leaf.values, self._basis, strict=True)
            return graph.scaled_sum([(value, weight) for value, weight in entries if value])
        changes = (
            graph.scale(graph.total(weights), value - common) for value, weights in rows.items()
        )
        return graph.total([graph.constant(common), *changes])

    def of_powers(self, leaf: BetaPeriodic) -> Node:
        """Sum of beta^exponents[i] * L_i."""
        graph, first = self._graph, leaf.exponents[0]
        assert first is not None
        if len(leaf.exponents) == 1:
            return graph.power(self._beta, first)
        lane, rotation = divmod(first, PERIOD)
        if leaf.exponents == tuple(PERIOD * lane + (rotation + i) % PERIOD for i in range(PERIOD)):
            rotated = self._rotated[rotation]
            if not lane:
                return rotated
            turn = graph.power(self._beta, PERIOD * lane)
            result = graph.multiply(turn, rotated)
            # The power last, so that a sum of such products is a polynomial.
            graph.give_factors(result, (rotated, turn))
            return result
        # What is left is a progression, possibly with zeros after it.
        step = leaf.exponents[1]
        assert step is not None
        count = PERIOD - leaf.exponents.count(None)
        if leaf.exponents[:count] != tuple(step * i for i in range(count)):
            raise ValueError(f"{leaf.name}: no rule for these exponents")
        return graph.polynomial(self._basis[:count], graph.power(self._beta, step))


class TableTerms:
    """The terms of one table, undivided."""

    def __init__(self, table: Table) -> None:
        self._table, self._graph = table, Graph()
        graph = self._graph
        self._alpha = self._powers("alpha", ALPHA_SQUARES)
        self._beta = self._powers("beta", BETA_SQUARES if has_periodic(table) else 1)
        self._gamma = graph.input("gamma")
        self._periodic = PeriodicColumns(graph, self._beta)
        self._evaluate = Evaluator(
            Arithmetic(self._leaf, graph.add, graph.subtract, graph.multiply)
        )

    def segments(self) -> list[Segment]:
        """Segments from the last one to the first."""
        runs: list[tuple[list[Term], Node]] = []
        for where, name in FACTORS.items():
            terms = [
                Term(item.name, self._evaluate(item.expression))
                for item in self._table.constraints
                if item.where is where
            ]
            if where is Where.EVERY:
                terms += self._groups()
            if where is Where.TERMINAL:
                terms.append(Term("the running sum is 0", self._value("RUNNING_SUM")))
            runs += self._runs(terms, self._graph.input(name))
        graph = self._graph
        # At the start the sum of two reduced elements, that of the table behind.
        quotient: Node = Input(QUOTIENT_BOUND, "quotient")
        segments = []
        for run, factor in reversed(runs):
            value = graph.polynomial([term.node for term in run], self._alpha)
            shifted = graph.multiply(quotient, graph.power(self._alpha, len(run)))
            result = graph.add(shifted, graph.multiply(value, factor))
            segments.append(Segment(tuple(run), value, result))
            # The next segment takes it from the same variable; a new node, as its value is new.
            quotient = Input(result.bound, "quotient")
        return segments

    def _runs(self, terms: Sequence[Term], factor: Node) -> list[tuple[list[Term], Node]]:
        """Split terms where a factor that neighbours share is to be multiplied once."""
        runs: list[tuple[list[Term], Node]] = []
        plain: list[Term] = []
        rest = list(terms)
        while rest:
            nodes = [term.node for term in rest]
            shared = max(factors(nodes[0]), key=lambda node: _run_length(nodes, node), default=None)
            count = _run_length(nodes, shared) if shared else 0
            if count < SHARED_BY or shared is None:
                plain.append(rest.pop(0))
                continue
            runs += [(plain, factor)] if plain else []
            run = [Term(term.label, other_factor(term.node, shared)) for term in rest[:count]]
            runs.append((run, self._graph.multiply(factor, shared)))
            plain = []
            del rest[:count]
        return runs + ([(plain, factor)] if plain else [])

    def _groups(self) -> list[Term]:
        """Group sum minus its fractions, times all their denominators, for each group."""
        graph, groups = self._graph, self._table.fraction_groups()
        own_sums = [self._value(f"GROUP_{i}") for i in range(len(groups) - 1)]
        others = graph.total([self._value("RUNNING_SUM_NEXT"), *own_sums])
        sums = [*own_sums, graph.subtract(self._value("RUNNING_SUM"), others)]
        terms = []
        for group, group_sum in zip(groups, sums, strict=True):
            term, product = group_sum, graph.one
            for item in group:
                numerator, denominator = self._fraction(item)
                numerator = graph.multiply(numerator, product)
                term = graph.subtract(graph.multiply(term, denominator), numerator)
                product = graph.multiply(product, denominator)
            names = " and ".join(f"'{item.name}'" for item in group)
            terms.append(Term(f"fractions of {names}", term))
        return terms

    def _fraction(self, item: Interaction) -> tuple[Node, Node]:
        graph = self._graph
        constant = graph.add(self._gamma, graph.constant(item.bus.identifier))
        values = [graph.regrouped(self._evaluate(value)) for value in item.values]
        while values[-1] is graph.zero:
            values.pop()
        denominator = graph.polynomial([constant, *values], self._beta)
        return graph.regrouped(self._evaluate(item.numerator)), denominator

    def _leaf(self, leaf: Expression) -> Node:
        if isinstance(leaf, Column):
            return self._value(leaf.name.upper() + "_NEXT" * leaf.is_next)
        if isinstance(leaf, Constant):
            return self._graph.constant(leaf.value)
        if isinstance(leaf, Periodic):
            return self._periodic.plain(leaf)
        assert isinstance(leaf, BetaPeriodic)
        return self._periodic.of_powers(leaf)

    def _value(self, name: str) -> Node:
        return self._graph.input(f"v[{name}]")

    def _powers(self, name: str, squares: int) -> Node:
        """Return a base whose powers with exponents 2^i are given."""
        base = self._graph.input(f"{name}[0]")
        self._graph.give_base(base)
        for i in range(1, squares):
            self._graph.give_power(base, 1 << i, self._graph.input(f"{name}[{i}]"))
        return base


def has_periodic(table: Table) -> bool:
    """Tell whether a table reads periodic columns."""
    expressions = [item.expression for item in table.constraints]
    for item in table.interactions:
        expressions += [item.numerator, *item.values]
    return any(
        isinstance(leaf, (Periodic, BetaPeriodic))
        for expression in expressions
        for leaf in leaves(expression)
    )


def _run_length(nodes: Sequence[Node], factor: Node) -> int:
    """How many of the first nodes are products by `factor`."""
    return sum(1 for _ in takewhile(bool, (factor in factors(node) for node in nodes)))
