"""Code of a table's terms as a Vyper module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from offchain.air.table import Table
from offchain.tools.constraint_program.graph import (
    Input,
    Node,
    Polynomial,
    Product,
    Scaled,
    Sum,
    operands,
)
from offchain.tools.constraint_program.quotient import (
    ALPHA_SQUARES,
    BETA_SQUARES,
    PERIOD,
    Segment,
    TableTerms,
    has_periodic,
)

LINE_LENGTH: Final = 92
COMMENT_LENGTH: Final = 78
INDENT: Final = " " * 4
MAX_LIST: Final = 40
"""Longest list that contracts/verifier/polynomial.vy takes."""
Call = tuple[str, tuple["Call | str", ...]]


class _Code:
    """Statements that compute nodes, each once and before its first use."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.lines: list[str] = []
        self._count = 0
        self.offsets: set[int] = set()
        self._names: dict[Node, str] = {}
        self._uses = Counter(
            operand
            for node in _reachable(segment.quotient for segment in segments)
            for operand in operands(node)
        )

    def add_segment(self, segment: Segment) -> None:
        """Compute the terms, then the quotient."""
        held = segment.polynomial
        flags = held.flags if isinstance(held, Polynomial) else ()
        for i, term in enumerate(segment.terms):
            self._comment(term.label)
            if not (flags and flags[i]):
                self._prepare(term.node)
        count = len(segment.terms)
        self._comment(f"{count} term{'s' * (count > 1)}, and alpha^{count} times those behind")
        value = self._text(segment.quotient)
        self._write("quotient = ", value)

    def _prepare(self, node: Node) -> None:
        """Compute what a node needs, and the node itself unless it is a sum."""
        if isinstance(node, Sum):
            for operand in operands(node):
                self._prepare(operand)
        self._text(node)

    def _text(self, node: Node) -> Call | str:
        """Expression of a node; defines its variable if it has one."""
        if isinstance(node, Input):
            return node.name
        if node not in self._names:
            value = self._value(node)
            if isinstance(node, Sum) and (self._uses[node] < 2 or not node.terms):  # noqa: PLR2004
                return value
            self._names[node] = self._define(value)
        return self._names[node]

    def _value(self, node: Node) -> Call | str:
        if isinstance(node, Sum):
            return self._sum_text(node)
        if isinstance(node, Product):
            if node.left is node.right:
                return "polynomial._square", (self._text(node.left),)
            return "field._mul", (self._text(node.left), self._text(node.right))
        if isinstance(node, Scaled):
            return self._scaled_text(node)
        assert isinstance(node, Polynomial)
        return self._polynomial_text(node)

    def _scaled_text(self, node: Scaled) -> Call | str:
        if len(node.terms) == 1:
            ((factor, term),) = node.terms
            return "field._scale", (self._text(term), str(factor))
        if len(node.terms) > MAX_LIST:
            raise ValueError("a weighted sum is too long")
        elements = tuple(self._text(term) for _, term in node.terms)
        weights = tuple(str(factor) for factor, _ in node.terms)
        return "polynomial._weigh", (("[]", elements), ("[]", weights))

    def _sum_text(self, node: Sum) -> Call | str:
        """Write what is added, less what is subtracted."""
        constant, terms = self._flat_terms(node)
        added = [_scaled(k, self._text(term)) for term, k in terms.items() if k > 0]
        taken = [_scaled(-k, self._text(term)) for term, k in terms.items() if k < 0]
        offset = self._offset(node, constant, terms)
        if offset:
            self.offsets.add(offset)
            added.append(f"zeros_{offset}")
        if constant:
            (added if constant > 0 else taken).append(str(abs(constant)))
        value = _balanced(added) if added else "0"
        return ("unsafe_sub", (value, _balanced(taken))) if taken else value

    def _flat_terms(self, node: Sum) -> tuple[int, dict[Node, int]]:
        """Constant and coefficients, with the sums that only this one needs written out."""
        constant, terms = node.constant, Counter[Node]()
        pending = list(node.terms)
        while pending:
            factor, term = pending.pop(0)
            if isinstance(term, Sum) and self._uses[term] == 1:
                constant += factor * term.constant
                pending += [(factor * k, inner) for k, inner in term.terms]
            else:
                terms[term] += factor
        return constant, {term: factor for term, factor in terms.items() if factor}

    def _offset(self, node: Sum, constant: int, terms: dict[Node, int]) -> int:
        """Multiple of p that no lane of what is subtracted exceeds."""
        taken = sum(-k * term.bound for term, k in terms.items() if k < 0) + (constant < 0)
        added = sum(k * term.bound for term, k in terms.items() if k > 0) + (constant > 0)
        rounded = 1 << (taken - 1).bit_length() if taken else 0
        offset = rounded if added + rounded <= node.bound else taken
        if added + offset > node.bound:
            raise ValueError("a sum exceeds its bound")
        return offset

    def _polynomial_text(self, node: Polynomial) -> Call | str:
        """Write runs of coefficients and of flags, one after the other."""
        texts = [self._text(coefficient) for coefficient in reversed(node.coefficients)]
        flags = node.flags[::-1]
        point = self._text(node.point)
        value, start = texts[0], 1
        while start < len(texts):
            end = start + 1
            while end < min(len(texts), start + MAX_LIST) and flags[end] == flags[start]:
                end += 1
            name = "polynomial._extend_by_flags" if flags[start] else "polynomial._extend"
            call = name, (value, ("[]", tuple(texts[start:end])), point)
            if end == len(texts):
                return call
            value, start = self._define(call), end
        raise AssertionError

    def _define(self, value: Call | str) -> str:
        name = f"x{self._count}"
        self._count += 1
        self._write(f"{name}: uint256 = ", value)
        return name

    def _comment(self, text: str) -> None:
        self.lines.append(f"# {text[0].upper()}{text[1:]}."[:COMMENT_LENGTH])

    def _write(self, target: str, value: Call | str) -> None:
        first, *rest = _layout(value, len(INDENT), len(target))
        self.lines += [target + first, *rest]


def module_text(table: Table, positions: dict[str, int]) -> str:
    """Return the module of a table, contracts/verifier/tables/NAME.vy."""
    segments = TableTerms(table).segments()
    code = _Code(segments)
    for segment in segments:
        code.add_segment(segment)
    body = "\n".join(code.lines)
    lines = [
        "# pragma version ==0.4.3",
        "# SPDX-License-Identifier: Apache-2.0",
        "# Generated by offchain/tools/gen_constraint_program.py; do not edit.",
        '"""',
        f"@title Terms of the table {table.name}",
        "@notice Constraints and bus fractions at the point of the openings.",
        "@dev Lanes stay below 2^80: the generator bounds those of every value.",
        '"""',
        "",
        "from contracts.verifier import field",
        "from contracts.verifier import machine",
        "from contracts.verifier import polynomial",
        "",
        "# Positions of the opened values.",
        *(
            f"{name}: constant(uint256) = {position}"
            for name, position in positions.items()
            if f"v[{name}]" in body
        ),
        "",
        "",
        *_header(table),
    ]
    lines += [
        f"{INDENT}zeros_{offset}: uint256 = {offset} * field.ZEROS"
        for offset in sorted(code.offsets)
    ]
    lines += [INDENT + line for line in code.lines]
    return "\n".join([*lines, f"{INDENT}return quotient", ""])


def _header(table: Table) -> list[str]:
    is_periodic = has_periodic(table)
    arguments = {
        "v": ("uint256[machine.VALUES]", "Opened values, reduced."),
        "gamma": ("uint256", "Bus challenge."),
        "beta": (f"uint256[{BETA_SQUARES if is_periodic else 1}]", "beta^(2^i), bus challenge."),
        "alpha": (f"uint256[{ALPHA_SQUARES}]", "alpha^(2^i), of the challenge for constraints."),
        "every": ("uint256", "Factor of the terms of every row."),
        "first": ("uint256", "Factor of the terms of the first row."),
        "terminal": ("uint256", "Factor of the terms of the terminal row."),
        "later": ("uint256", "Sum of the terms after these, from power 0 on."),
    }
    if is_periodic:
        arguments["basis"] = (f"uint256[{PERIOD}]", "Lagrange basis, lanes up to 8 p.")
        arguments["rotated"] = (f"uint256[{PERIOD}]", "At r: sum of beta^((i + r) mod 64) * L_i.")
    return [
        "@internal",
        "@pure",
        "def _add_terms(",
        *(f"{INDENT}{name}: {kind}," for name, (kind, _) in arguments.items()),
        ") -> uint256:",
        f'{INDENT}"""',
        f"{INDENT}@notice Puts the table's terms in front of those after them.",
        *(f"{INDENT}@param {name} {doc}" for name, (_, doc) in arguments.items()),
        f"{INDENT}@return Sum of all these terms, lanes up to 2 p.",
        f'{INDENT}"""',
        f"{INDENT}quotient: uint256 = later",
    ]


def _scaled(factor: int, text: Call | str) -> Call | str:
    return text if factor == 1 else ("unsafe_mul", (str(factor), text))


def _balanced(parts: Sequence[Call | str]) -> Call | str:
    """Sum as a tree, so that neither lines nor the stack grow with every term."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return "unsafe_add", (_balanced(parts[:half]), _balanced(parts[half:]))


def _flat(value: Call | str) -> str:
    if isinstance(value, str):
        return value
    name, arguments = value
    inner = ", ".join(map(_flat, arguments))
    return f"[{inner}]" if name == "[]" else f"{name}({inner})"


def _layout(value: Call | str, indent: int, used: int = 0) -> list[str]:
    """Lines of an expression; a call that is too long has its arguments on lines of their own."""
    flat = _flat(value)
    if isinstance(value, str) or indent + used + len(flat) < LINE_LENGTH:
        return [flat]
    name, arguments = value
    if name == "[]":
        return ["[", *(INDENT + line for line in _filled(arguments, indent + len(INDENT))), "]"]
    lines = [f"{name}("]
    for argument in arguments:
        inner = _layout(argument, indent + len(INDENT), 1)
        lines += [INDENT + line for line in inner[:-1]] + [f"{INDENT}{inner[-1]},"]
    return [*lines, ")"]


def _filled(items: Sequence[Call | str], indent: int) -> list[str]:
    """Lines of a list's items, as many in a line as fit."""
    lines = [""]
    for item in items:
        first, *rest = _layout(item, indent, 1)
        if lines[-1] and (rest or indent + len(lines[-1]) + len(first) + 2 > LINE_LENGTH):
            lines.append("")
        text = [first, *rest]
        text[-1] += ","
        lines[-1] = f"{lines[-1]} {text[0]}".strip()
        lines += text[1:] + [""] * bool(rest)
    return lines if lines[-1] else lines[:-1]


def _reachable(roots: Iterable[Node]) -> set[Node]:
    """All nodes that the roots depend on."""
    found: set[Node] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending += operands(node)
    return found
