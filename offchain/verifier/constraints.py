"""The combined quotient at a point outside the domain, from the opened values of all columns."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offchain.air import buses
from offchain.air.expression import (
    Arithmetic,
    BetaPeriodic,
    Column,
    Constant,
    Evaluator,
    Expression,
    Periodic,
)
from offchain.air.table import Bus, Interaction, Table, Where
from offchain.security.parameters import QUOTIENT_PARTS
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.field import ONE, ZERO, Element, inverses, powers, root_of_unity
from offchain.verifier.rejection import Reason, Rejected


class BusChallenges:
    """The challenges gamma and beta, and powers of beta as far as they were asked for."""

    def __init__(self, gamma: Element, beta: Element) -> None:
        self._gamma, self._beta, self._powers = gamma, beta, [ONE]

    def beta_power(self, exponent: int) -> Element:
        """Power of beta."""
        while len(self._powers) <= exponent:
            self._powers.append(self._powers[-1] * self._beta)
        return self._powers[exponent]

    def denominator(self, bus: Bus, values: Sequence[Element]) -> Element:
        """Compute gamma + bus + sum of beta^(i+1) * values[i]."""
        terms = (self.beta_power(i) * value for i, value in enumerate(values, 1))
        return sum(terms, self._gamma + Element(bus.identifier))


@dataclass(frozen=True)
class TableValues:
    """Opened values of one table: its columns, and what is opened one row later too."""

    preprocessed: tuple[Element, ...]
    main: tuple[Element, ...]
    aux: tuple[Element, ...]
    next_main: dict[int, Element]  # by index of the column
    next_sum: Element  # of the running sum, the last of `aux`


def split_values(
    tables: Sequence[Table], values: Sequence[Element]
) -> tuple[list[TableValues], list[Element]]:
    """Sort the out-of-domain values, which are in the order of the proof, by table; and Q's."""
    queue = iter(values)
    preprocessed = [tuple(next(queue) for _ in table.preprocessed) for table in tables]
    main = [tuple(next(queue) for _ in table.main) for table in tables]
    aux = [tuple(next(queue) for _ in table.fraction_groups()) for table in tables]
    quotient = [next(queue) for _ in range(QUOTIENT_PARTS)]
    nexts = [({i: next(queue) for i in t.next_columns()}, next(queue)) for t in tables]
    here = zip(preprocessed, main, aux, nexts, strict=True)
    return [TableValues(p, m, a, *following) for p, m, a, following in here], quotient


class TableConstraints:
    """Evaluates the terms of one table's quotient at y = zeta^s, where y^height = zeta^n."""

    def __init__(
        self,
        table: Table,
        log_height: int,
        values: TableValues,
        challenges: BusChallenges,
        zeta: Element,
        log_n: int,
    ) -> None:
        self._table, self._values, self._challenges = table, values, challenges
        self._log_height = log_height
        self._y = zeta ** (1 << (log_n - log_height))
        self._vanishing = zeta ** (1 << log_n) - ONE
        self._bases: dict[int, list[Element]] = {}
        self._evaluate = Evaluator(Arithmetic(self._leaf, operator.add, operator.sub, operator.mul))

    def terms(self, blinding_rows: int) -> Iterator[Element]:
        """Constraint terms in the order of the protocol, each divided by what it vanishes on."""
        step = pow(root_of_unity(self._log_height), -1, P)
        point, blinded = 1, ONE
        for _ in range(blinding_rows):
            point = point * step % P
            blinded *= self._y - Element(point)
        every = blinded / self._vanishing
        first, terminal = inverses([self._distance(0), self._distance(-blinding_rows)])
        yield from (value * every for value in self._constraints(Where.EVERY))
        yield from (value * every for value in self._groups())
        yield from (value * first for value in self._constraints(Where.FIRST))
        yield from (value * terminal for value in self._constraints(Where.TERMINAL))
        yield self._values.aux[-1] * terminal

    def _distance(self, row: int) -> Element:
        """Compute y - omega^row, which is 0 on that row; negative rows count from the end."""
        return self._y - Element(pow(root_of_unity(self._log_height), row, P))

    def _constraints(self, where: Where) -> Iterator[Element]:
        held = (item for item in self._table.constraints if item.where is where)
        return (self._evaluate(item.expression) for item in held)

    def _groups(self) -> Iterator[Element]:
        """Group sum minus its fractions, times all their denominators, for each group."""
        *own_sums, running_sum = self._values.aux
        last_sum = running_sum - self._values.next_sum - sum(own_sums, ZERO)
        groups = self._table.fraction_groups()
        for group, group_sum in zip(groups, [*own_sums, last_sum], strict=True):
            numerator, denominator = ZERO, ONE
            for item in group:
                top, bottom = self._fraction(item)
                numerator = numerator * bottom + top * denominator
                denominator *= bottom
            yield group_sum * denominator - numerator

    def _fraction(self, item: Interaction) -> tuple[Element, Element]:
        values = [self._evaluate(value) for value in item.values]
        return self._evaluate(item.numerator), self._challenges.denominator(item.bus, values)

    def _leaf(self, leaf: Expression) -> Element:
        if isinstance(leaf, Column):
            if leaf.is_next:
                return self._values.next_main[leaf.index]
            return (self._values.preprocessed if leaf.preprocessed else self._values.main)[
                leaf.index
            ]
        if isinstance(leaf, Constant):
            return Element(leaf.value % P)
        if isinstance(leaf, Periodic):
            basis = self._lagrange_basis(len(leaf.values))
            return sum((b * v for b, v in zip(basis, leaf.values, strict=True)), ZERO)
        assert isinstance(leaf, BetaPeriodic)
        weighted = zip(self._lagrange_basis(len(leaf.exponents)), leaf.exponents, strict=True)
        power = self._challenges.beta_power
        return sum((b * power(e) for b, e in weighted if e is not None), ZERO)

    def _lagrange_basis(self, length: int) -> list[Element]:
        """Weights of a periodic column's values, for the subgroup <w> of order `length`.

        L_i(z) = (z^length - 1)/length * w^i/(z - w^i) at z = y^(height/length).
        """
        if length not in self._bases:
            z = self._y ** ((1 << self._log_height) // length)
            root = root_of_unity(length.bit_length() - 1)
            roots = [pow(root, i, P) for i in range(length)]
            common = self._vanishing * pow(length, -1, P)
            distances = inverses([z - Element(w) for w in roots])
            self._bases[length] = [common * d * w for d, w in zip(distances, roots, strict=True)]
        return self._bases[length]


def public_fractions(challenges: BusChallenges, entry_pc: int, output: Sequence[int]) -> Element:
    """Sum of the verifier's own fractions: it sends the first pc and receives the output."""
    first_pc = (buses.PC_ADDRESS, buses.FIRST_PC_TIMESTAMP, entry_pc)
    denominators = [challenges.denominator(buses.MEMORY, [Element(value) for value in first_pc])]
    for index, word in enumerate(output):
        entry = [ZERO, ZERO, ZERO, Element(index), Element(word)]
        denominators.append(challenges.denominator(buses.LINK, entry))
    try:
        sent, *received = inverses(denominators)
    except ZeroDivisionError:
        raise Rejected(Reason.ZERO_DENOMINATOR) from None
    return sent - sum(received, ZERO)


def quotient_at(
    tables: Sequence[Table],
    log_heights: Sequence[int],
    blinding_rows: int,
    values: Sequence[TableValues],
    challenges: BusChallenges,
    public_sum: Element,
    alpha: Element,
    zeta: Element,
) -> Element:
    """Q(zeta) = sum of alpha^k * C_k(zeta), as the opened values of all tables say."""
    terms: list[Element] = []
    for table, log_height, opened in zip(tables, log_heights, values, strict=True):
        log_n = max(log_heights)
        constraints = TableConstraints(table, log_height, opened, challenges, zeta, log_n)
        terms += constraints.terms(blinding_rows)
    all_sums = sum((opened.aux[-1] for opened in values), public_sum)
    terms.append(all_sums / (zeta - ONE))
    weights = powers(alpha, len(terms))
    return sum((weight * term for weight, term in zip(weights, terms, strict=True)), ZERO)
