"""The page docs/spec/air.md: tables, columns, constraints and buses in readable form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from offchain.air.buses import ALL_BUSES
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
from offchain.air.table import Interaction, Table, Where
from offchain.spec.constants import GOLDILOCKS_P as P

LINE_LENGTH = 100
INDENT = "    "
UNBROKEN_TIMES = "\N{NO-BREAK SPACE}*\N{NO-BREAK SPACE}"
SMALLEST_POWER_LOG = 16
"""Constants from 2^16 on are written by the power of two that they are close to."""
LARGEST_REST = 64
"""How far a constant may be from such a power."""
SHORTEST_USED = 3
USED = "used"
"""Stands for the sum of the flags that make a row one in use."""
DISTRIBUTED = (1, -1, 2, 4)
"""Factors that are multiplied into a sum; they come from matrices, others have a meaning."""
WHERE_NOTES = {
    Where.EVERY: "",
    Where.FIRST: ", on the first row",
    Where.TERMINAL: ", on the terminal row",
}

Terms = dict[str, int]
"""A sum: coefficients of products as they are written; "" stands for the constant term."""


def constant_text(value: int) -> str:
    """Write a constant above 0; beside a large power of two, or one over it, as such."""
    log = (value + 1).bit_length() - 1
    if log >= SMALLEST_POWER_LOG:
        rest = value - (1 << log)
        if abs(rest) < LARGEST_REST:
            sign = "-" if rest < 0 else "+"
            return f"(2^{log} {sign} {abs(rest)})" if rest else f"2^{log}"
        inverse_log = pow(value, -1, P).bit_length() - 1
        if value * (1 << inverse_log) % P == 1:
            return f"2^-{inverse_log}"
    return str(value)


class Writer:
    """Writes expressions: like terms together, parentheses only around factors that are sums.

    Parameters
    ----------
    used : sequence of str
        Columns whose sum is written as `used`.
    """

    def __init__(self, used: Sequence[str] = ()) -> None:
        self._used = used

    def text(self, expression: Expression) -> str:
        """Write an expression in a line."""
        return _sum_text(self._folded(expression))

    def _folded(self, expression: Expression) -> Terms:
        terms = _terms(self, expression)
        coefficients = {terms.get(name) for name in self._used}
        if len(coefficients) != 1 or None in coefficients:
            return terms
        (coefficient,) = coefficients
        assert coefficient is not None
        first = self._used[0]
        renamed = {USED if text == first else text: n for text, n in terms.items()}
        return {text: n for text, n in renamed.items() if text not in self._used}

    def product(self, expression: Product) -> Terms:
        """Terms of a product: one, unless a small constant is multiplied into a sum."""
        coefficient, sums, texts = 1, [], []
        for factor in _factors(expression):
            terms = self._folded(factor)
            if not terms:
                return {}
            if len(terms) > 1:
                sums.append(terms)
                texts.append(f"({_sum_text(terms)})")
                continue
            ((text, own),) = terms.items()
            coefficient *= own
            if text:
                texts.append(text)
        if len(sums) == len(texts) == 1 and coefficient in DISTRIBUTED:
            return {text: coefficient * own for text, own in sums[0].items()}
        powers = {text: texts.count(text) for text in texts}
        return {
            " * ".join(text if n == 1 else f"{text}^{n}" for text, n in powers.items()): coefficient
        }


def _terms(writer: Writer, expression: Expression) -> Terms:
    if isinstance(expression, (Sum, Difference)):
        result = _terms(writer, expression.left)
        sign = 1 if isinstance(expression, Sum) else -1
        for text, coefficient in _terms(writer, expression.right).items():
            result[text] = result.get(text, 0) + sign * coefficient
        return {text: coefficient for text, coefficient in result.items() if coefficient}
    if isinstance(expression, Constant):
        return {"": expression.value} if expression.value else {}
    if isinstance(expression, Product):
        return writer.product(expression)
    if _is_power(expression):
        # A power of beta needs no other name.
        text = str(expression)[1:]
        return {"" if text == "beta^0" else text: 1}
    return {str(expression): 1}


def _is_power(leaf: Expression) -> bool:
    return isinstance(leaf, BetaPeriodic) and leaf.name.startswith("beta^")


def _factors(expression: Expression) -> list[Expression]:
    if isinstance(expression, Product):
        return _factors(expression.left) + _factors(expression.right)
    return [expression]


def _sum_text(terms: Terms) -> str:
    result = ""
    for text, coefficient in terms.items():
        is_negative = coefficient < 0
        magnitude = constant_text(abs(coefficient))
        term = text if text and magnitude == "1" else f"{magnitude} * {text}" if text else magnitude
        if result:
            result += f" {'-' if is_negative else '+'} {term}"
        else:
            result = f"-{term}" if is_negative else term
    return result or "0"


def _multiplicity(item: Interaction) -> tuple[str, Expression]:
    """Tell what an interaction does, and how often; a receive is 0 minus its multiplicity."""
    numerator = item.numerator
    if isinstance(numerator, Difference) and str(numerator.left) == "0":
        return "receive from", numerator.right
    return "send to", numerator


def _used_columns(table: Table) -> list[str]:
    """Columns whose sum is the multiplicity of most interactions, if it is long."""
    plain = Writer()
    texts = [plain.text(_multiplicity(item)[1]) for item in table.interactions]
    commonest = max(texts, key=texts.count)
    names = commonest.split(" + ")
    if not {*names} <= {column.name for column in table.main}:
        return []
    return names if len(names) >= SHORTEST_USED and texts.count(commonest) > 1 else []


def _is_bit(table: Table, column: Column) -> bool:
    return any(c.name == _bit_constraint(column) for c in table.constraints)


def _bit_constraint(column: Column) -> str:
    return f"{column.name} is 0 or 1"


def _interaction_text(item: Interaction, writer: Writer) -> tuple[str, str]:
    """Heading and body of an interaction."""
    verb, multiplicity = _multiplicity(item)
    texts = map(writer.text, item.values)
    fields = (
        name if name == text else f"{name} = {text}"
        for name, text in zip(item.bus.fields, texts, strict=True)
    )
    times = writer.text(multiplicity)
    suffix = "" if times == "1" else f", times {times}"
    return f"{item.name}: {verb} {item.bus.name}", f"({', '.join(fields)}){suffix}"


def _periodic_text(leaf: Periodic | BetaPeriodic) -> str:
    if isinstance(leaf, BetaPeriodic):
        if len(leaf.exponents) == 1:
            return f"beta^{leaf.exponents[0]}"
        powers = ["0" if e is None else f"beta^{e}" for e in leaf.exponents]
        return f"{powers[0]}, {powers[1]}, ..., {powers[-1]}; {len(powers)} rows"
    count = len(leaf.values)
    if set(leaf.values) <= {0, 1}:
        ones = [row for row, value in enumerate(leaf.values) if value]
        return f"1 on rows {_ranges(ones)} of {count}, else 0"
    shown = ", ".join(constant_text(value) for value in leaf.values[:12])
    return f"{shown}, ...; {count} rows"


def _ranges(rows: Sequence[int]) -> str:
    starts = [row for row in rows if row - 1 not in rows]
    ends = [row for row in rows if row + 1 not in rows]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in pairs)


def _periodic_columns(table: Table) -> dict[str, Periodic | BetaPeriodic]:
    expressions = [constraint.expression for constraint in table.constraints]
    for item in table.interactions:
        expressions += [item.numerator, *item.values]
    return {
        leaf.name: leaf
        for expression in expressions
        for leaf in reversed([*leaves(expression)])
        if isinstance(leaf, (Periodic, BetaPeriodic)) and not _is_power(leaf)
    }


def _wrapped(items: Iterable[tuple[str, str]]) -> list[str]:
    """Headings with their bodies indented below, in a code block; no product is broken."""
    lines = ["```text"]
    for heading, body in items:
        lines.append(heading)
        parts = wrap(
            body.replace(" * ", UNBROKEN_TIMES),
            LINE_LENGTH,
            initial_indent=INDENT,
            subsequent_indent=2 * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += [part.replace(UNBROKEN_TIMES, " * ") for part in parts]
    return [*lines, "```", ""]


def _table_section(table: Table) -> list[str]:
    lines = [f"## {table.name}", "", table.title, "", "| column | meaning |", "|---|---|"]
    lines += [f"| `{column.name}` (preprocessed) | {column.doc} |" for column in table.preprocessed]
    for column in table.main:
        kind = " (bit)" if _is_bit(table, column) else ""
        lines.append(f"| `{column.name}`{kind} | {column.doc} |")
    lines.append("")
    used = _used_columns(table)
    writer = Writer(used)
    if used:
        lines += [f"`{USED}` stands for {' + '.join(f'`{name}`' for name in used)}.", ""]
    periodic = _periodic_columns(table)
    if periodic:
        lines += ["Periodic columns:", ""]
        lines += _wrapped((f"@{name}", _periodic_text(leaf)) for name, leaf in periodic.items())
    bits = {_bit_constraint(column) for column in table.main}
    constraints = [c for c in table.constraints if c.name not in bits]
    if constraints:
        lines += ["Constraints, besides those of bits:", ""]
        lines += _wrapped(
            (f"{c.name}{WHERE_NOTES[c.where]}", f"{writer.text(c.expression)} = 0")
            for c in constraints
        )
    lines += ["Interactions:", ""]
    return lines + _wrapped(_interaction_text(item, writer) for item in table.interactions)


def _totals(tables: Sequence[Table]) -> list[str]:
    header = ("table", "preprocessed", "main", "extension", "constraints", "interactions", "degree")
    rows = [
        (
            len(table.preprocessed),
            len(table.main),
            len(table.fraction_groups()),
            len(table.constraints),
            len(table.interactions),
            max([c.expression.degree for c in table.constraints], default=0),
        )
        for table in tables
    ]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for table, row in zip(tables, rows, strict=True):
        lines.append(f"| [{table.name}](#{table.name}) | {' | '.join(map(str, row))} |")
    *counts, degrees = zip(*rows, strict=True)
    sums = [*map(sum, counts), max(degrees)]
    return [*lines, f"| **all** | {' | '.join(f'**{n}**' for n in sums)} |", ""]


def air_page(tables: Sequence[Table]) -> str:
    """Render the page.

    Parameters
    ----------
    tables : sequence of Table
        In the order of the proof.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "# Tables, columns, constraints and buses",
        "",
        "Generated by `python -m offchain.tools.gen_air_docs` from `offchain/air`; do not edit.",
        "",
        "What the constraints amount to is in [statement.md](statement.md), how they are proven in",
        "[proof-system.md](proof-system.md). `x'` is column x one row later; `@x` is a periodic",
        "column, which the verifier computes. A column marked as a bit has the constraint",
        "`x * (x - 1) = 0`. Constraints hold on all rows before the terminal row unless another",
        "row is named. Extension columns have three base columns each; all numbers are modulo",
        "p = 2^64 - 2^32 + 1.",
        "",
        *_totals(tables),
        "## Buses",
        "",
        "What is sent on a bus is received, with multiplicity.",
        "",
        "| bus | number | tuple | meaning |",
        "|---|---|---|---|",
    ]
    for bus in ALL_BUSES:
        fields = ", ".join(bus.fields)
        lines.append(f"| `{bus.name}` | {bus.identifier} | {fields} | {bus.doc} |")
    lines.append("")
    for table in tables:
        lines += _table_section(table)
    return "\n".join(lines).rstrip("\n") + "\n"
