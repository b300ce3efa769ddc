"""Polynomial expressions over the columns of one table.

An expression is a tree of sums and products over columns, periodic columns and constants. It is
evaluated three ways: on rows of integers (trace checker), at a point of the extension field
(verifier) and, after translation, on vectors of rows in C (prover).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Expression:
    """Base class; see the subclasses for the leaves and nodes.

    Attributes
    ----------
    degree : int
        Degree in the trace polynomials; a periodic column counts as one.
    is_extension : bool
        Whether values lie in the cubic extension, which only a `BetaPeriodic` leaf brings about.
    """

    degree: int
    is_extension: bool

    def __add__(self, other: Expression | int) -> Expression:
        return Sum(self, lift(other))

    def __radd__(self, other: int) -> Expression:
        return Sum(lift(other), self)

    def __sub__(self, other: Expression | int) -> Expression:
        return Difference(self, lift(other))

    def __rsub__(self, other: int) -> Expression:
        return Difference(lift(other), self)

    def __mul__(self, other: Expression | int) -> Expression:
        return Product(self, lift(other))

    def __rmul__(self, other: int) -> Expression:
        return Product(lift(other), self)


@dataclass(frozen=True, eq=False)
class Constant(Expression):
    """An integer, read modulo p; may be negative."""

    value: int
    degree = 0
    is_extension = False

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, eq=False)
class Column(Expression):
    """A committed column, on the current row or on the next one.

    Attributes
    ----------
    name : str
        Unique within the table.
    index : int
        Position among the table's columns of the same kind.
    preprocessed : bool
        Part of the program, not of the trace.
    is_next : bool
        Reads the row after the current one.
    doc : str
        One sentence for the documentation: meaning and range.
    """

    name: str
    index: int
    preprocessed: bool
    is_next: bool
    doc: str
    degree = 1
    is_extension = False

    @property
    def next(self) -> Column:
        """The same column one row later; only committed rows of the trace are opened there."""
        if self.preprocessed:
            raise ValueError(f"{self.name}: preprocessed columns are not read on the next row")
        return Column(self.name, self.index, self.preprocessed, True, self.doc)

    def __str__(self) -> str:
        return f"{self.name}'" if self.is_next else self.name


@dataclass(frozen=True, eq=False)
class Periodic(Expression):
    """A column that nobody commits to: row i holds ``values[i % len(values)]``.

    The length is a power of two that divides every height of the table. The verifier evaluates
    it by itself, from the Lagrange basis of the subgroup of that order.
    """

    name: str
    values: tuple[int, ...]
    degree = 1
    is_extension = False

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, eq=False)
class BetaPeriodic(Expression):
    """A periodic column of powers of the bus challenge: row i holds ``beta ** exponents[i % len]``.

    ``None`` stands for the value 0. Weights bits, so that a sum of weighted bits is a fingerprint
    of the whole bit string (a polynomial in beta, by Schwartz and Zippel).
    """

    name: str
    exponents: tuple[int | None, ...]
    is_extension = True

    @property
    def degree(self) -> int:  # type: ignore[override]
        """0 for a single power, which is a constant; else 1."""
        return 0 if len(self.exponents) == 1 else 1

    def __str__(self) -> str:
        return f"@{self.name}"


class _Binary(Expression):
    symbol = ""

    def __init__(self, left: Expression, right: Expression, degree: int) -> None:
        self.left = left
        self.right = right
        self.degree = degree
        self.is_extension = left.is_extension or right.is_extension

    def __str__(self) -> str:
        return f"({self.left} {self.symbol} {self.right})"


class Sum(_Binary):
    """``left + right``."""

    symbol = "+"

    def __init__(self, left: Expression, right: Expression) -> None:
        super().__init__(left, right, max(left.degree, right.degree))


class Difference(_Binary):
    """``left - right``."""

    symbol = "-"

    def __init__(self, left: Expression, right: Expression) -> None:
        super().__init__(left, right, max(left.degree, right.degree))


class Product(_Binary):
    """``left * right``."""

    symbol = "*"

    def __init__(self, left: Expression, right: Expression) -> None:
        super().__init__(left, right, left.degree + right.degree)


def lift(value: Expression | int) -> Expression:
    """Turn an integer into a constant; leave an expression as it is."""
    return Constant(value) if isinstance(value, int) else value


def total(terms: Iterator[Expression] | list[Expression]) -> Expression:
    """Sum of at least one term."""
    terms = list(terms)
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


@dataclass(frozen=True)
class Arithmetic(Generic[Value]):
    """How one kind of evaluation computes: a value for every leaf, and three operations."""

    leaf: Callable[[Expression], Value]
    add: Callable[[Value, Value], Value]
    subtract: Callable[[Value, Value], Value]
    multiply: Callable[[Value, Value], Value]


class Evaluator(Generic[Value]):
    """Evaluates expressions that share nodes; every node is computed once.

    Parameters
    ----------
    arithmetic : Arithmetic
        Values of the leaves at one row or one point, and the operations on them.
    """

    def __init__(self, arithmetic: Arithmetic[Value]) -> None:
        self._arithmetic = arithmetic
        self._known: dict[int, tuple[Expression, Value]] = {}

    def __call__(self, expression: Expression) -> Value:
        """Value of an expression."""
        known = self._known.get(id(expression))
        if known is not None:
            return known[1]
        value = self._compute(expression)
        self._known[id(expression)] = (expression, value)
        return value

    def _compute(self, expression: Expression) -> Value:
        rules = self._arithmetic
        if isinstance(expression, Sum):
            return rules.add(self(expression.left), self(expression.right))
        if isinstance(expression, Difference):
            return rules.subtract(self(expression.left), self(expression.right))
        if isinstance(expression, Product):
            return rules.multiply(self(expression.left), self(expression.right))
        return rules.leaf(expression)


def leaves(expression: Expression) -> Iterator[Expression]:
    """All leaves of an expression, each as often as it occurs."""
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, _Binary):
            pending += [node.left, node.right]
        else:
            yield node
