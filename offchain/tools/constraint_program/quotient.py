"""What the program computes: the quotient that the opened values give, less the opened one.

The order of the terms is that of docs/spec/proof-system.md, "Constraint order".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
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
)
from offchain.air.machine import TABLES
from offchain.air.table import Interaction, Table, Where
from offchain.security.parameters import QUOTIENT_PARTS
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.tools.constraint_program.graph import Graph, Kind, Node
from offchain.tools.constraint_program.machine import Program, assemble
from offchain.verifier.field import root_of_unity

PERIOD: Final = 64
"""Length of every periodic column."""
SHARED_BY: Final = 4
"""So many terms with one factor are worth a power of alpha."""
CHALLENGES: Final = ("gamma", "beta", "alpha", "period_point", "part_step", "public_sum", "last")
"""Inputs after the opened values: period_point = zeta^(n/64), part_step = zeta^(n - overlap),
public_sum the verifier's fractions, last = 1/(zeta - 1)."""
FACTORS: Final = ("every", "first", "terminal")
"""Then for each table: Z_B/(y^height - 1), 1/(y - 1), 1/(y - terminal row)."""


class Inputs:
    """Inputs of the program in the order of their registers, by meaning."""

    def __init__(self, graph: Graph, tables: Sequence[Table]) -> None:
        self._graph, self.count = graph, 0
        self.preprocessed = [self._take(len(table.preprocessed)) for table in tables]
        self.main = [self._take(len(table.main)) for table in tables]
        self.aux = [self._take(len(table.fraction_groups())) for table in tables]
        self.parts = self._take(QUOTIENT_PARTS)
        self.next_main, self.next_sum = [], []
        for table in tables:
            indices = table.next_columns()
            self.next_main.append(dict(zip(indices, self._take(len(indices)), strict=True)))
            self.next_sum += self._take(1)
        self.values = self.count
        self.challenges = dict(zip(CHALLENGES, self._take(len(CHALLENGES)), strict=True))
        self.factors = [dict(zip(FACTORS, self._take(len(FACTORS)), strict=True)) for _ in tables]

    def _take(self, count: int) -> list[Node]:
        self.count += count
        return [self._graph.input(i) for i in range(self.count - count, self.count)]


class PeriodicColumns:
    """Values of periodic columns; all tables share them, as zeta^(n/64) is the same for all."""

    def __init__(self, graph: Graph, point: Node, beta: Node) -> None:
        self._graph, self._beta = graph, beta
        self._basis = self._lagrange_basis(point)
        self._tails = self._weighted_tails()

    def plain(self, leaf: Periodic) -> Node:
        """Sum of values[i] * L_i; all L_i add up to 1, so that the commonest value takes none."""
        graph = self._graph
        rows = defaultdict(list)
        for value, weight in zip(leaf.values, self._basis, strict=True):
            rows[value].append(weight)
        common = max(rows, key=lambda value: len(rows[value]))
        result = graph.constant(common)
        for value, weights in rows.items():
            change = graph.constant(value - common)
            result = graph.add(result, graph.multiply(change, graph.total(weights)))
        return result

    def of_powers(self, leaf: BetaPeriodic) -> Node:
        """Sum of beta^exponents[i] * L_i."""
        graph, power = self._graph, self._graph.power
        first = leaf.exponents[0]
        assert first is not None
        if len(leaf.exponents) == 1:
            return power(self._beta, first)
        lane, rotation = divmod(first, PERIOD)
        if leaf.exponents == tuple(PERIOD * lane + (rotation + i) % PERIOD for i in range(PERIOD)):
            return graph.multiply(power(self._beta, PERIOD * lane), self._rotated(rotation))
        # What is left is a progression, possibly with zeros after it.
        step = leaf.exponents[1]
        assert step is not None
        count = PERIOD - leaf.exponents.count(None)
        if leaf.exponents[:count] != tuple(step * i for i in range(count)):
            raise ValueError(f"{leaf.name}: no rule for these exponents")
        return graph.horner(self._basis[:count], power(self._beta, step))

    def _lagrange_basis(self, point: Node) -> list[Node]:
        """L_i(z) = product over k < 6 of (1 + (z/w^i)^(2^k)) / 2, w of order 64.

        The factor of k depends on i modulo 64/2^k only, and changes its sign in the middle. So the
        products over the highest k are shared by many i.
        """
        graph = self._graph
        products = [graph.constant(pow(PERIOD, -1, P))]
        while len(products) < PERIOD:
            size = 2 * len(products)
            root = pow(root_of_unity(size.bit_length() - 1), -1, P)
            power = graph.power(point, PERIOD // size)
            turned = [
                graph.multiply(product, graph.multiply(power, graph.constant(pow(root, i, P))))
                for i, product in enumerate(products)
            ]
            pairs = list(zip(products, turned, strict=True))
            products = [graph.add(*pair) for pair in pairs]
            products += [graph.subtract(*pair) for pair in pairs]
        return products

    def _weighted_tails(self) -> list[Node]:
        """T_k = sum over i >= k of beta^(i - k) * L_i."""
        graph, tails = self._graph, [self._graph.zero]
        for weight in reversed(self._basis):
            tails.append(graph.add(graph.multiply(tails[-1], self._beta), weight))
        return tails[::-1]

    def _rotated(self, rotation: int) -> Node:
        """Sum of beta^((i + r) mod 64) * L_i = beta^r * T_0 + (1 - beta^64) * T_(64-r)."""
        graph = self._graph
        unwrapped = graph.multiply(graph.power(self._beta, rotation), self._tails[0])
        wrap = graph.subtract(graph.one, graph.power(self._beta, PERIOD))
        return graph.add(unwrapped, graph.multiply(wrap, self._tails[PERIOD - rotation]))


class TableTerms:
    """The terms of one table, undivided."""

    def __init__(
        self, graph: Graph, inputs: Inputs, number: int, table: Table, periodic: PeriodicColumns
    ) -> None:
        self._graph, self._inputs, self._number, self._table = graph, inputs, number, table
        self._periodic = periodic
        rules = Arithmetic(self._leaf, graph.add, graph.subtract, graph.multiply)
        self._evaluate = Evaluator(rules)

    def by_factor(self) -> dict[str, list[Node]]:
        """Terms by the factor that divides them, in order."""
        return {
            "every": self._constraints(Where.EVERY) + self._groups(),
            "first": self._constraints(Where.FIRST),
            "terminal": [*self._constraints(Where.TERMINAL), self._inputs.aux[self._number][-1]],
        }

    def _constraints(self, where: Where) -> list[Node]:
        held = (item for item in self._table.constraints if item.where is where)
        return [self._evaluate(item.expression) for item in held]

    def _groups(self) -> list[Node]:
        """Group sum minus its fractions, times all their denominators, for each group."""
        graph = self._graph
        *own_sums, running_sum = self._inputs.aux[self._number]
        others = graph.total([self._inputs.next_sum[self._number], *own_sums])
        sums = [*own_sums, graph.subtract(running_sum, others)]
        terms = []
        for group, group_sum in zip(self._table.fraction_groups(), sums, strict=True):
            numerator, denominator = graph.zero, graph.one
            for item in group:
                top, bottom = self._fraction(item)
                numerator = graph.add(
                    graph.multiply(numerator, bottom), graph.multiply(top, denominator)
                )
                denominator = graph.multiply(denominator, bottom)
            terms.append(graph.subtract(graph.multiply(group_sum, denominator), numerator))
        return terms

    def _fraction(self, item: Interaction) -> tuple[Node, Node]:
        challenges = self._inputs.challenges
        identifier = self._graph.constant(item.bus.identifier)
        constant = self._graph.add(challenges["gamma"], identifier)
        values = [self._evaluate(value) for value in item.values]
        denominator = self._graph.horner([constant, *values], challenges["beta"])
        return self._evaluate(item.numerator), denominator

    def _leaf(self, leaf: Expression) -> Node:
        if isinstance(leaf, Column):
            if leaf.is_next:
                return self._inputs.next_main[self._number][leaf.index]
            columns = self._inputs.preprocessed if leaf.preprocessed else self._inputs.main
            return columns[self._number][leaf.index]
        if isinstance(leaf, Constant):
            return self._graph.constant(leaf.value)
        if isinstance(leaf, Periodic):
            return self._periodic.plain(leaf)
        assert isinstance(leaf, BetaPeriodic)
        return self._periodic.of_powers(leaf)


def _combined(graph: Graph, terms: list[Node], alpha: Node) -> Node:
    """Sum of alpha^k * terms[k]; a factor that neighbours share is multiplied once."""
    result, rest = graph.zero, list(terms)
    while rest:
        factor = max(rest[-1].operands, key=lambda node: _run_length(rest, node), default=None)
        count = _run_length(rest, factor) if factor else 0
        if count < SHARED_BY:
            result = graph.add(graph.multiply(result, alpha), rest.pop())
            continue
        assert factor is not None
        others = [_other_factor(term, factor) for term in rest[-count:]]
        del rest[-count:]
        shifted = graph.multiply(result, graph.power(alpha, count))
        result = graph.add(shifted, graph.multiply(factor, graph.horner(others, alpha)))
    return result


def _run_length(terms: list[Node], factor: Node) -> int:
    """How many of the last terms are products by `factor`."""
    is_product = (t.kind is Kind.MULTIPLY and factor in t.operands for t in reversed(terms))
    return sum(1 for _ in takewhile(bool, is_product))


def _other_factor(term: Node, factor: Node) -> Node:
    left, right = term.operands
    return right if left is factor else left


def quotient_difference(graph: Graph, inputs: Inputs, tables: Sequence[Table]) -> Node:
    """Quotient by the values of all columns, less the one of the opened quotient parts."""
    challenges = inputs.challenges
    alpha = challenges["alpha"]
    periodic = PeriodicColumns(graph, challenges["period_point"], challenges["beta"])
    sums = graph.total([challenges["public_sum"], *(aux[-1] for aux in inputs.aux)])
    quotient = graph.multiply(sums, challenges["last"])
    # From the last term to the first; a factor is multiplied once to all terms that have it.
    for number, table in reversed(list(enumerate(tables))):
        terms = TableTerms(graph, inputs, number, table, periodic).by_factor()
        for name, part in reversed(terms.items()):
            shifted = graph.multiply(quotient, graph.power(alpha, len(part)))
            inner = _combined(graph, part, alpha)
            quotient = graph.add(shifted, graph.multiply(inner, inputs.factors[number][name]))
    return graph.subtract(quotient, graph.horner(inputs.parts, challenges["part_step"]))


@cache
def constraint_program() -> tuple[Program, Inputs]:
    """Program over the machine's tables, and its inputs."""
    graph = Graph()
    inputs = Inputs(graph, TABLES)
    return assemble(graph, quotient_difference(graph, inputs, TABLES), inputs.count), inputs
