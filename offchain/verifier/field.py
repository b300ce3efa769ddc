"""Goldilocks and its cubic extension F = F_p[x]/(x^3 - 7), on Python integers."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from offchain.spec.constants import GOLDILOCKS_P as P

GENERATOR: Final = 7
"""Generates F_p*, so it is no cube, and its powers shift domains off the trace's."""


class Element(NamedTuple):
    """c0 + c1 x + c2 x^2, each coefficient in [0, p)."""

    c0: int
    c1: int = 0
    c2: int = 0

    def __add__(self, other: "Element") -> "Element":  # type: ignore[override]
        a0, a1, a2 = self
        b0, b1, b2 = other
        return Element((a0 + b0) % P, (a1 + b1) % P, (a2 + b2) % P)

    def __sub__(self, other: "Element") -> "Element":
        a0, a1, a2 = self
        b0, b1, b2 = other
        return Element((a0 - b0) % P, (a1 - b1) % P, (a2 - b2) % P)

    def __mul__(self, other: "Element | int") -> "Element":  # type: ignore[override]
        a0, a1, a2 = self
        if isinstance(other, int):
            return Element(a0 * other % P, a1 * other % P, a2 * other % P)
        b0, b1, b2 = other
        return Element(
            (a0 * b0 + GENERATOR * (a1 * b2 + a2 * b1)) % P,
            (a0 * b1 + a1 * b0 + GENERATOR * a2 * b2) % P,
            (a0 * b2 + a1 * b1 + a2 * b0) % P,
        )

    def __pow__(self, exponent: int) -> "Element":
        result = ONE
        for bit in f"{exponent:b}":
            result *= result
            if bit == "1":
                result *= self
        return result

    def __truediv__(self, other: "Element") -> "Element":
        # The product of an element and its cofactors is its norm, which lies in F_p.
        a0, a1, a2 = other
        c0 = (a0 * a0 - GENERATOR * a1 * a2) % P
        c1 = (GENERATOR * a2 * a2 - a0 * a1) % P
        c2 = (a1 * a1 - a0 * a2) % P
        norm = (a0 * c0 + GENERATOR * (a2 * c1 + a1 * c2)) % P
        if not norm:
            raise ZeroDivisionError("0 has no inverse in F")
        return self * Element(c0, c1, c2) * pow(norm, -1, P)


ZERO: Final = Element(0)
ONE: Final = Element(1)


def powers(base: Element, count: int) -> list[Element]:
    """1, base, base^2, ..., `count` of them."""
    result = [ONE]
    for _ in range(count - 1):
        result.append(result[-1] * base)
    return result


def inverses(elements: Sequence[Element]) -> list[Element]:
    """Inverses of all elements, with one division; ZeroDivisionError if one is 0."""
    products = [ONE]
    for element in elements:
        products.append(products[-1] * element)
    rest, result = ONE / products.pop(), []
    for element in reversed(elements):
        result.append(rest * products.pop())
        rest *= element
    return result[::-1]


def horner(coefficients: Sequence[Element], point: int) -> Element:
    """Value of a polynomial over F, constant coefficient first, at a point of F_p."""
    result = ZERO
    for coefficient in reversed(coefficients):
        result = result * point + coefficient
    return result


def root_of_unity(order_log: int) -> int:
    """omega_N for N = 2^order_log, at most 2^32."""
    return pow(GENERATOR, (P - 1) >> order_log, P)


def reversed_bits(number: int, count: int) -> int:
    """Return the lowest `count` bits of a number in reverse order."""
    return int(f"{number:0{count}b}"[::-1], 2) if count else 0


def domain_point(place: int, log_size: int, shift: int) -> int:
    """Point at a place of the domain shift * <omega> of 2^log_size points."""
    exponent = reversed_bits(place, log_size)
    return shift * pow(root_of_unity(log_size), exponent, P) % P


def domain_shift(log_height: int) -> int:
    """Shift of a table's evaluation domain: 7^(2^32/height), so that lifting maps domains."""
    return pow(GENERATOR, 1 << 32 - log_height, P)
