"""Translate the tables into C: the evaluators of constraints and bus fractions.

The output is one C source per table with two functions, `hr_quotient_<table>` and
`hr_fractions_<table>`, written on eight rows at a time. Nothing of it is edited by hand or
committed; it is built with the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from offchain.air.expression import (
    BetaPeriodic,
    Column,
    Constant,
    Difference,
    Expression,
    Periodic,
    Product,
    Sum,
    leaves,
)
from offchain.air.machine import TABLES
from offchain.air.table import Interaction, Table, Where
from offchain.spec.constants import GOLDILOCKS_P

HEAD = """/* Generated from offchain/air by offchain/prover/generate.py. */
#include "evaluate.h"
"""


class PeriodicLeaves:
    """Periodic columns of a table in order of first use, and their common period.

    Attributes
    ----------
    plain : list of Periodic
    powers : list of BetaPeriodic
        Those longer than one row.
    constants : list of BetaPeriodic
        Those of one row: constant powers of beta.
    period : int
        Length of all of `plain` and `powers`; 8 where there are none.
    """

    def __init__(self, table: Table) -> None:
        self.plain: list[Periodic] = []
        self.powers: list[BetaPeriodic] = []
        self.constants: list[BetaPeriodic] = []
        expressions = [constraint.expression for constraint in table.constraints]
        for interaction in table.interactions:
            expressions += [interaction.numerator, *interaction.values]
        for expression in expressions:
            for leaf in leaves(expression):
                self._note(leaf)
        lengths = {len(leaf.values) for leaf in self.plain}
        lengths |= {len(leaf.exponents) for leaf in self.powers}
        if len(lengths) > 1:
            raise ValueError(f"{table.name}: periodic columns of different length")
        self.period = lengths.pop() if lengths else 8

    def _note(self, leaf: Expression) -> None:
        if isinstance(leaf, Periodic):
            if leaf not in self.plain:
                self.plain.append(leaf)
        elif isinstance(leaf, BetaPeriodic):
            kept = self.constants if len(leaf.exponents) == 1 else self.powers
            if leaf not in kept:
                kept.append(leaf)


class _Writer:
    """Writes statements for expressions; a node that is met again keeps its variable."""

    def __init__(self, periodic: PeriodicLeaves) -> None:
        self.lines: list[str] = []
        self._periodic = periodic
        self._names: dict[object, tuple[str, Expression]] = {}

    def define(self, is_extension: bool, text: str) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"const hr_v8{'e' if is_extension else ''} {name} = {text};")
        return name

    def value(self, expression: Expression) -> str:
        """Variable that holds the expression."""
        key = self._key(expression)
        if key not in self._names:
            text = self._text(expression)
            self._names[key] = (self.define(expression.is_extension, text), expression)
        return self._names[key][0]

    def extension_value(self, expression: Expression) -> str:
        """Variable or term of extension type that holds the expression."""
        name = self.value(expression)
        return name if expression.is_extension else f"hr_v8e_from_base({name})"

    @staticmethod
    def _key(expression: Expression) -> object:
        if isinstance(expression, Column):
            return (expression.preprocessed, expression.index, expression.is_next)
        if isinstance(expression, Constant):
            return expression.value % GOLDILOCKS_P
        return id(expression)

    def _text(self, expression: Expression) -> str:
        if isinstance(expression, Column):
            kind = "preprocessed" if expression.preprocessed else "main"
            column = f"in->{kind} + {expression.index} * rows"
            if expression.is_next:
                return f"hr_load_next({column}, rows, k)"
            return f"hr_v8_load({column} + k)"
        if isinstance(expression, Constant):
            return f"hr_v8_broadcast({expression.value % GOLDILOCKS_P}u)"
        if isinstance(expression, Periodic):
            at = self._periodic.plain.index(expression) * self._periodic.period
            return f"hr_v8_load(in->periodic + {at} + phase)"
        if isinstance(expression, BetaPeriodic):
            return self._powers_text(expression)
        if isinstance(expression, Product):
            return self._product_text(expression)
        if isinstance(expression, Sum | Difference):
            return self._sum_text(expression)
        raise TypeError(f"no such node: {type(expression).__name__}")

    def _powers_text(self, leaf: BetaPeriodic) -> str:
        if len(leaf.exponents) == 1:
            return f"hr_v8e_broadcast(in->constants[{self._periodic.constants.index(leaf)}])"
        period = self._periodic.period
        at = self._periodic.powers.index(leaf) * 3 * period
        return f"hr_v8e_load(in->powers + {at}, {period}, phase)"

    def _product_text(self, node: Product) -> str:
        left, right = self.value(node.left), self.value(node.right)
        if node.left.is_extension and node.right.is_extension:
            return f"hr_times_ext({left}, {right})"
        if node.left.is_extension:
            return f"hr_times_base({left}, {right})"
        if node.right.is_extension:
            return f"hr_times_base({right}, {left})"
        return f"hr_times({left}, {right})"

    def _sum_text(self, node: Sum | Difference) -> str:
        verb = "add" if isinstance(node, Sum) else "sub"
        left, right = self.value(node.left), self.value(node.right)
        if node.left.is_extension and node.right.is_extension:
            return f"hr_v8e_{verb}({left}, {right})"
        if node.left.is_extension:
            return f"hr_v8e_{verb}_base({left}, {right})"
        if node.right.is_extension:
            return f"hr_v8e_{verb}({self.extension_value(node.left)}, {right})"
        return f"hr_v8_{verb}({left}, {right})"

    def fingerprint(self, interaction: Interaction) -> str:
        """Variable that holds the denominator of a fraction."""
        text = f"hr_fingerprint_start(in, {interaction.bus.identifier})"
        for i, value in enumerate(interaction.values):
            if not (isinstance(value, Constant) and value.value == 0):
                text = f"hr_fingerprint_add({text}, in, {i}, {self.value(value)})"
        return self.define(True, text)

    def fraction_sum(self, group: tuple[Interaction, ...]) -> tuple[str, str]:
        """Variables that hold numerator and denominator of a group's sum."""
        denominators = [self.fingerprint(item) for item in group]
        if len(group) == 1:
            return self.define(True, self.extension_value(group[0].numerator)), denominators[0]
        terms = []
        for item, other in zip(group, reversed(denominators), strict=True):
            numerator = self.value(item.numerator)
            verb = "ext" if item.numerator.is_extension else "base"
            terms.append(f"hr_times_{verb}({other}, {numerator})")
        return (
            self.define(True, f"hr_v8e_add({terms[0]}, {terms[1]})"),
            self.define(True, f"hr_times_ext({denominators[0]}, {denominators[1]})"),
        )


def _loop(table: Table, writer: _Writer, after: list[str], name: str) -> str:
    period = PeriodicLeaves(table).period
    body = "\n".join(f"        {line}" for line in writer.lines)
    return "\n".join(
        [
            f"void {name};",
            f"void {name} {{",
            "    const size_t rows = in->rows;",
            "    for (size_t k = 0; k < rows; k += HR_V8_LANES) {",
            f"        [[maybe_unused]] const size_t phase = k % {period};",
            body,
            *[f"        {line}" for line in after],
            "    }",
            "}",
            "",
        ]
    )


def _quotient(table: Table) -> str:
    writer = _Writer(PeriodicLeaves(table))
    sums = {Where.EVERY: "hr_v8e_from_base(hr_v8_broadcast(0))"}
    sums[Where.FIRST] = sums[Where.TERMINAL] = sums[Where.EVERY]
    k = 0
    for constraint in table.constraints:
        if constraint.where is Where.EVERY:
            value = writer.value(constraint.expression)
            text = f"hr_compose({sums[Where.EVERY]}, to, {k}, {value})"
            sums[Where.EVERY] = writer.define(True, text)
            k += 1
    groups = table.fraction_groups()
    earlier = [
        writer.define(True, f"hr_v8e_load(in->aux + {3 * g} * rows, rows, k)")
        for g in range(len(groups))
    ]
    for g, group in enumerate(groups):
        numerator, denominator = writer.fraction_sum(group)
        column = earlier[g]
        if g == len(groups) - 1:
            planes = ", ".join(
                f"hr_load_next(in->aux + {3 * g + c} * rows, rows, k)" for c in range(3)
            )
            column = writer.define(True, f"hr_v8e_sub({column}, (hr_v8e){{{{{planes}}}}})")
            for other in earlier[:-1]:
                column = writer.define(True, f"hr_v8e_sub({column}, {other})")
        text = f"hr_v8e_sub(hr_times_ext({column}, {denominator}), {numerator})"
        text = f"hr_compose_ext({sums[Where.EVERY]}, to, {k}, {text})"
        sums[Where.EVERY] = writer.define(True, text)
        k += 1
    for where in (Where.FIRST, Where.TERMINAL):
        for constraint in table.constraints:
            if constraint.where is where:
                value = writer.value(constraint.expression)
                sums[where] = writer.define(True, f"hr_compose({sums[where]}, to, {k}, {value})")
                k += 1
    text = f"hr_compose_ext({sums[Where.TERMINAL]}, to, {k}, {earlier[-1]})"
    sums[Where.TERMINAL] = writer.define(True, text)
    out = writer.define(True, f"hr_times_base({sums[Where.EVERY]}, hr_v8_load(to->row_factor + k))")
    for where in (Where.FIRST, Where.TERMINAL):
        factor = f"hr_v8_load(to->{where.value}_factor + k)"
        out = writer.define(True, f"hr_v8e_add({out}, hr_times_base({sums[where]}, {factor}))")
    return _loop(
        table,
        writer,
        [f"hr_v8e_store(to->out, rows, k, {out});"],
        f"hr_quotient_{table.name}(const hr_rows *in, const hr_composition *to)",
    )


def _fractions(table: Table) -> str:
    writer = _Writer(PeriodicLeaves(table))
    after = []
    for g, group in enumerate(table.fraction_groups()):
        numerator, denominator = writer.fraction_sum(group)
        after.append(f"hr_v8e_store(numerators + {3 * g} * rows, rows, k, {numerator});")
        after.append(f"hr_v8e_store(denominators + {3 * g} * rows, rows, k, {denominator});")
    arguments = "const hr_rows *in, uint64_t *numerators, uint64_t *denominators"
    return _loop(table, writer, after, f"hr_fractions_{table.name}({arguments})")


def _dispatcher() -> str:
    rows = "const hr_rows *in"
    quotient, fractions = "const hr_composition *to", "uint64_t *numerators, uint64_t *denominators"
    lines = [HEAD]
    for table in TABLES:
        lines.append(f"void hr_quotient_{table.name}({rows}, {quotient});")
        lines.append(f"void hr_fractions_{table.name}({rows}, {fractions});")
    for what, declared, passed in (
        ("quotient", quotient, "to"),
        ("fractions", fractions, "numerators, denominators"),
    ):
        lines += [f"HR_EXPORT void hr_{what}(uint32_t table, {rows}, {declared}) {{"]
        lines += ["    switch (table) {"]
        for number, table in enumerate(TABLES):
            lines.append(f"    case {number}: hr_{what}_{table.name}(in, {passed}); break;")
        lines += ["    default: break;", "    }", "}"]
    return "\n".join([*lines, ""])


@cache
def evaluator_sources() -> Mapping[str, str]:
    """C sources by file name: one per table, and the dispatcher."""
    sources = {
        f"{table.name}.c": "\n".join([HEAD, _quotient(table), _fractions(table)])
        for table in TABLES
    }
    return {**sources, "dispatch.c": _dispatcher()}
