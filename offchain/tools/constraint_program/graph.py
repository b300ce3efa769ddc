"""Arithmetic on packed elements as a graph without repetitions, with bounds on every lane.

Sums keep signed coefficients and a constant, so that a - (b - c) needs one subtraction. Operations
that reduce are products, products by a constant, and polynomials by Horner's rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P as P

LANE_BOUND: Final = 1 << 16
"""Lanes of a value are at most this multiple of p, below 2^80, as products ask."""
SCALE_BOUND: Final = 1 << 14
"""A multiple up to this is a multiplication of the word; above it, an operation that reduces."""
WORD_BITS: Final = 32
SHORTEST_POLYNOMIAL: Final = 8


@dataclass(frozen=True, eq=False)
class Node:
    """A value; `bound` is the multiple of p that its lanes do not exceed."""

    bound: int


@dataclass(frozen=True, eq=False)
class Input(Node):
    """Given under a name of the generated code."""

    name: str


@dataclass(frozen=True, eq=False)
class Sum(Node):
    """Constant, and nodes with coefficients that are not 0.

    Attributes
    ----------
    offset : int
        Multiple of p, 0 or a power of two, that is added in every lane so that none is negative.
    """

    constant: int
    terms: tuple[tuple[int, Node], ...]
    offset: int


@dataclass(frozen=True, eq=False)
class Product(Node):
    """Product of two nodes, lanes below p."""

    left: Node
    right: Node


@dataclass(frozen=True, eq=False)
class Scaled(Node):
    """Sum of products by constants in [0, p), each of which is reduced."""

    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, eq=False)
class Polynomial(Node):
    """Sum of coefficients[k] * point^k, lanes below p.

    Where `flags` is set, the coefficient is the node's square less the node; not so the last one.
    """

    point: Node
    coefficients: tuple[Node, ...]
    flags: tuple[bool, ...]


class Graph:
    """Builds nodes; the same operation on the same operands is the same node."""

    def __init__(self) -> None:
        self._known: dict[object, Node] = {}
        self._powers: dict[tuple[Node, int], Node] = {}
        self._exponents: dict[Node, tuple[Node, int]] = {}
        self._parts: dict[Node, tuple[Node, ...]] = {}
        self.zero, self.one = self.constant(0), self.constant(1)

    def input(self, name: str, bound: int = 1) -> Node:
        """Value that is given; lanes up to that multiple of p."""
        return self._once((name, bound), Input(bound, name))

    def constant(self, value: int) -> Node:
        """Element of F_p; any integer is reduced."""
        return self._sum(value, [])

    def add(self, a: Node, b: Node) -> Node:
        """Sum; not reduced."""
        return self.total([a, b])

    def subtract(self, a: Node, b: Node) -> Node:
        """Difference; not reduced."""
        return self._combined([(1, a), (-1, b)])

    def total(self, nodes: Iterable[Node]) -> Node:
        """Sum of any number of nodes."""
        return self._combined([(1, node) for node in nodes])

    def multiply(self, a: Node, b: Node) -> Node:
        """Product; reduced, unless one factor is a small constant."""
        for left, right in ((a, b), (b, a)):
            if isinstance(left, Sum) and not left.terms:
                return self.scale(right, left.constant)
        for left, right in ((a, b), (b, a)):
            if isinstance(left, Scaled) and len(left.terms) == 1 and isinstance(right, Input):
                ((factor, node),) = left.terms
                return self.multiply(node, self.scale(right, factor))
            if left in self._parts:
                return reduce(self.multiply, self._parts[left], right)
        a, b = self.regrouped(a), self.regrouped(b)
        return self._once((frozenset((a, b)), "product"), Product(1, a, b))

    def scale(self, node: Node, factor: int) -> Node:
        """Product by an element of F_p."""
        if isinstance(node, Sum) and not node.terms:
            return self.constant(node.constant * factor)
        factor %= P
        signed = factor if factor <= P // 2 else factor - P
        if abs(signed) * node.bound <= SCALE_BOUND:
            return self._combined([(signed, node)])
        return self.scaled_sum([(factor, node)])

    def scaled_sum(self, terms: Sequence[tuple[int, Node]]) -> Node:
        """Sum of products by constants in [0, p)."""
        return self._once(("scaled", *terms), Scaled(len(terms), tuple(terms)))

    def polynomial(self, coefficients: Sequence[Node], point: Node) -> Node:
        """Sum of coefficients[k] * point^k."""
        *lower, last = coefficients
        if not lower:
            return last
        if len(lower) == 1:
            return self.add(self.multiply(last, point), lower[0])
        squares = [*(flag_of(node) for node in lower), None]
        held = [s or c for s, c in zip(squares, coefficients, strict=True)]
        flags = tuple(node is not None for node in squares)
        return self._once((point, flags, *held), Polynomial(1, point, tuple(held), flags))

    def power(self, base: Node, exponent: int) -> Node:
        """Power with an exponent of at least 0, by way of other powers that are needed too."""
        if exponent < 2:  # noqa: PLR2004
            return base if exponent else self.one
        key = (base, exponent)
        if key not in self._powers:
            # The highest power of two, which is a square or given, and the rest.
            high = 1 << exponent.bit_length() - 1
            low = exponent - high
            factors = (high, low) if low else (high // 2, high // 2)
            self._powers[key] = self.multiply(*(self.power(base, part) for part in factors))
            self._exponents[self._powers[key]] = key
        return self._powers[key]

    def give_base(self, base: Node) -> None:
        """Let a node count as a power of itself, too."""
        self._exponents[base] = base, 1

    def give_power(self, base: Node, exponent: int, node: Node) -> None:
        """Let a node be a power."""
        self._powers[base, exponent] = node
        self._exponents[node] = base, exponent

    def give_factors(self, node: Node, parts: tuple[Node, ...]) -> None:
        """Let products by a node be products by these factors, one after the other."""
        self._parts[node] = parts

    def regrouped(self, node: Node) -> Node:
        """Sum with fewer operations.

        Terms x_i * b^(s i) or x_i * 2^i are a polynomial; factors that many terms share are taken
        out.
        """
        node = self._binary(node)
        terms = _flat_terms(node)
        if len(terms) < SHORTEST_POLYNOMIAL:
            return node
        coefficients, point, rest = self._progression(terms)
        if len(coefficients) >= SHORTEST_POLYNOMIAL:
            assert point is not None
            return self.total([self.polynomial(coefficients, point), *rest])
        counts = Counter(factor for term in terms for factor in factors(term))
        for common, count in counts.items():
            if count > len(terms) // 3:
                inside = [other_factor(t, common) for t in terms if common in factors(t)]
                rest = [term for term in terms if common not in factors(term)]
                product = self.multiply(common, self.total(inside))
                return self.add(product, self.regrouped(self.total(rest)))
        return node

    def _progression(self, terms: Sequence[Node]) -> tuple[list[Node], Node | None, list[Node]]:
        """Coefficients x_i of x_i * b^(s i), with b^s, and the terms that are something else."""
        powers = {(term, key): k for term in terms for k, key in self._powers_in(term)}
        if not powers:
            return [], None, list(terms)
        base, step = min((key for _, key in powers), key=lambda key: key[1])
        by_exponent = {e: (t, k) for (t, (b, e)), k in powers.items() if b is base}
        plain = [term for term in terms if not self._powers_in(term)]
        coefficients, used = plain[:1], set(plain[:1])
        while coefficients and (found := by_exponent.get(step * len(coefficients))):
            coefficients.append(other_factor(*found))
            used.add(found[0])
        return coefficients, self.power(base, step), [t for t in terms if t not in used]

    def _powers_in(self, node: Node) -> list[tuple[Node, tuple[Node, int]]]:
        """Factors of a product that are powers, with base and exponent."""
        return [(k, self._exponents[k]) for k in factors(node) if k in self._exponents]

    def _binary(self, node: Node) -> Node:
        """Turn a sum of x_i * 2^i for i = 0, 1, ..., 31 into a polynomial."""
        found: dict[int, Node] = {}
        pending = [(1, node)]
        while pending:
            factor, term = pending.pop()
            if isinstance(term, (Sum, Scaled)):
                pending += [(factor * k, inner) for k, inner in term.terms]
            else:
                found[factor] = term
        if sorted(found) != [1 << i for i in range(WORD_BITS)]:
            return node
        return self.polynomial([found[1 << i] for i in range(WORD_BITS)], self.constant(2))

    def _combined(self, parts: Sequence[tuple[int, Node]]) -> Node:
        """Linear combination; sums of up to two terms are merged, longer ones may be shared."""
        constant, terms = 0, []
        for factor, node in parts:
            if isinstance(node, Sum) and (len(node.terms) <= 1 or len(parts) == 1):
                constant += factor * node.constant
                terms += [(factor * k, term) for k, term in node.terms]
            elif isinstance(node, Sum):
                constant += factor * node.constant
                terms.append((factor, self._sum(0, node.terms)))
            else:
                terms.append((factor, node))
        return self._sum(constant, terms)

    def _sum(self, constant: int, terms: Sequence[tuple[int, Node]]) -> Node:
        found: dict[Node, int] = {}
        for factor, node in terms:
            found[node] = found.get(node, 0) + factor
        kept = tuple((k, node) for node, k in found.items() if k)
        constant %= P
        constant = constant if constant <= P // 2 else constant - P
        if not constant and len(kept) == 1 and kept[0][0] == 1:
            return kept[0][1]
        added = sum(k * node.bound for k, node in kept if k > 0) + (constant > 0)
        taken = sum(-k * node.bound for k, node in kept if k < 0) + (constant < 0)
        offset = 1 << (taken - 1).bit_length() if taken else 0
        if added + offset > LANE_BOUND:
            raise ValueError(f"a sum has lanes up to {added + offset} p")
        key = constant, frozenset(kept)
        return self._once(key, Sum(max(1, added + offset), constant, kept, offset))

    def _once(self, key: object, node: Node) -> Node:
        return self._known.setdefault(key, node)


def _flat_terms(node: Node) -> list[Node]:
    """Nodes whose sum a node is: those of sums without constants and coefficients are taken out."""
    if not isinstance(node, Sum) or node.constant or any(factor != 1 for factor, _ in node.terms):
        return [node]
    return [inner for _, term in node.terms for inner in _flat_terms(term)]


def factors(node: Node) -> tuple[Node, ...]:
    """Both factors of a product, else nothing."""
    return (node.left, node.right) if isinstance(node, Product) else ()


def other_factor(product: Node, factor: Node) -> Node:
    """Return the factor of a product besides a given one."""
    left, right = factors(product)
    return right if left is factor else left


def flag_of(node: Node) -> Node | None:
    """Return x for x * (x - 1)."""
    for x in factors(node):
        other = other_factor(node, x)
        if isinstance(other, Sum) and other.constant == -1 and other.terms == ((1, x),):
            return x
    return None


def operands(node: Node) -> tuple[Node, ...]:
    """Nodes that a node is computed from."""
    if isinstance(node, Sum):
        return tuple(term for _, term in node.terms)
    if isinstance(node, Product):
        return node.left, node.right
    if isinstance(node, Scaled):
        return tuple(term for _, term in node.terms)
    if isinstance(node, Polynomial):
        return node.point, *node.coefficients
    return ()
