"""Arithmetic on packed elements as a graph without repetitions, with bounds on every lane."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P as P

FACTOR_BOUND: Final = 1 << 16
"""Lanes of a factor are below 2^80, that is at most this multiple of p."""
DIFFERENCE_BOUND: Final = 1 << 8
"""a - b is computed as a + this multiple of p - b, in every lane."""
ROW_OF_POWERS: Final = 64
"""Powers above it are made from its multiples, most of which keccak_f asks for anyway."""


class Kind(Enum):
    """What a node is: two leaves and three operations."""

    INPUT = auto()
    CONSTANT = auto()
    ADD = auto()
    SUBTRACT = auto()
    MULTIPLY = auto()


@dataclass(frozen=True, eq=False)
class Node:
    """A value of the program.

    Attributes
    ----------
    value : int
        Number of the input, or the constant in [0, p).
    bound : int
        Its lanes are at most this multiple of p; below p where it is 1.
    """

    kind: Kind
    operands: tuple[Node, ...]
    value: int
    bound: int


class Graph:
    """Builds nodes; the same operation on the same operands is the same node."""

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, tuple[int, ...], int], Node] = {}
        self._powers: dict[tuple[int, int], Node] = {}
        self.zero, self.one = self.constant(0), self.constant(1)

    def input(self, number: int) -> Node:
        """Value that stands in a register at the start, reduced."""
        return self._node(Kind.INPUT, (), 1, number)

    def constant(self, value: int) -> Node:
        """Element of F_p; any integer is reduced."""
        return self._node(Kind.CONSTANT, (), 1, value % P)

    def add(self, a: Node, b: Node) -> Node:
        """Sum; not reduced."""
        if a is self.zero or b is self.zero:
            return b if a is self.zero else a
        return self._node(Kind.ADD, (a, b), a.bound + b.bound)

    def subtract(self, a: Node, b: Node) -> Node:
        """Difference; not reduced."""
        if b is self.zero:
            return a
        if b.kind is Kind.SUBTRACT:  # so that b need not be reduced
            return self.subtract(self.add(a, b.operands[1]), b.operands[0])
        b = b if b.bound <= DIFFERENCE_BOUND else self.reduce(b)
        return self._node(Kind.SUBTRACT, (a, b), a.bound + DIFFERENCE_BOUND)

    def multiply(self, a: Node, b: Node) -> Node:
        """Product, reduced."""
        if self.zero in (a, b):
            return self.zero
        if self.one in (a, b):
            return b if a is self.one else a
        if b.kind is Kind.SUBTRACT and b.operands[1] is self.one:
            # a * (b - 1) = a * b - a, which is one instruction.
            return self.subtract(self.multiply(a, b.operands[0]), a)
        if max(a.bound, b.bound) > FACTOR_BOUND:
            raise ValueError(f"lanes up to {a.bound} p and {b.bound} p are too long for a product")
        return self._node(Kind.MULTIPLY, (a, b), 1)

    def reduce(self, a: Node) -> Node:
        """Return the same element with lanes below p."""
        return self._node(Kind.MULTIPLY, (a, self.one), 1)

    def power(self, base: Node, exponent: int) -> Node:
        """Power with an exponent of at least 0, by way of other powers that are needed too."""
        if exponent < 2:  # noqa: PLR2004
            return base if exponent else self.one
        key = (id(base), exponent)
        if key not in self._powers:
            if exponent > ROW_OF_POWERS:
                high, low = divmod(exponent, ROW_OF_POWERS)
                factors = self.power(self.power(base, ROW_OF_POWERS), high), self.power(base, low)
            elif exponent % 2:
                factors = self.power(base, exponent - 1), base
            else:
                factors = (self.power(base, exponent // 2),) * 2
            self._powers[key] = self.multiply(*factors)
        return self._powers[key]

    def total(self, terms: list[Node]) -> Node:
        """Sum of any number of terms."""
        result = self.zero
        for term in terms:
            result = self.add(result, term)
        return result

    def horner(self, coefficients: list[Node], point: Node) -> Node:
        """Sum of coefficients[k] * point^k."""
        result = self.zero
        for coefficient in reversed(coefficients):
            result = self.add(self.multiply(result, point), coefficient)
        return result

    def _node(self, kind: Kind, operands: tuple[Node, ...], bound: int, value: int = 0) -> Node:
        key = (kind, tuple(id(operand) for operand in operands), value)
        if key not in self._known:
            self._known[key] = Node(kind, operands, value, bound)
        return self._known[key]
