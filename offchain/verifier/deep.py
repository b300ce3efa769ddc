"""The DEEP combination: a codeword that is close to the code only if all opened values are right.

    G(x) = R(x) + sum over classes of S(x) * (1/(x - zeta) + lambda^T/(x - eta zeta))
         + sum over classes of lambda^(2T) * S'(x)/(x - omega_n zeta)

S is the class's sum of lambda^i * (column - opened value), S' that of the columns that are opened
one row later, too, with the values there. Such columns come first in a class's row. The second
denominator is there for all classes but the highest: zeta and eta zeta are one point of such a
table, so only words of the form f(X^s) pass at both.
"""

from collections.abc import Mapping, Sequence
from operator import mul
from typing import Final

from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.constraints import TableValues
from offchain.verifier.field import (
    ONE,
    ZERO,
    Element,
    domain_point,
    domain_shift,
    inverses,
    root_of_unity,
)
from offchain.verifier.merkle import Rows

BASIS: Final = (ONE, Element(0, 1), Element(0, 0, 1))
"""A column with values in F is committed as three columns over F_p."""


class ClassSum:
    """Sum of weight * (column - opened value) over columns of one class, by position in the row."""

    def __init__(self) -> None:
        self._weights: dict[str, dict[int, Element]] = {}
        self._opened = ZERO

    def add(self, tree: str, position: int, weight: Element, value: Element) -> None:
        """Add a column; one with values in F stands at three positions from the given one."""
        weights = self._weights.setdefault(tree, {})
        for i, unit in enumerate(BASIS if tree in {"aux", "quotient"} else (ONE,)):
            weights[position + i] = weight * unit
        self._opened += weight * value

    def at(self, rows: Mapping[str, tuple[int, ...]]) -> Element:
        """Value where the class's row in each tree is the given one."""
        limbs = [0, 0, 0]
        for tree, weights in self._weights.items():
            words = [rows[tree][position] for position in weights]
            for i, column in enumerate(zip(*weights.values(), strict=True)):
                limbs[i] += sum(map(mul, column, words))
        return Element(*(limb % P for limb in limbs)) - self._opened


def _opened_later(tree: str, values: TableValues) -> dict[int, Element]:
    """Give the columns of a table that are opened one row later, too, with their values there."""
    if tree == "main":
        return values.next_main
    return {len(values.aux) - 1: values.next_sum} if tree == "aux" else {}


class DeepCombination:
    """G, from the opened values of tables and quotient, the point zeta and the challenge lambda."""

    def __init__(
        self,
        log_heights: Sequence[int],
        values: Sequence[TableValues],
        quotient: Sequence[Element],
        zeta: Element,
        batch: Element,
    ) -> None:
        self._zeta = zeta
        self._heights = sorted({*log_heights}, reverse=True)
        self._here = {log_height: ClassSum() for log_height in self._heights}
        self._next = {log_height: ClassSum() for log_height in self._heights}
        weight = ONE
        for tree, stride in (("preprocessed", 1), ("main", 1), ("aux", 3)):
            later = [_opened_later(tree, opened) for opened in values]
            # Of each class: where the next column of a row stands that is opened one row later,
            # too, and the next one that is not.
            place_later = dict.fromkeys(self._heights, 0)
            place = dict.fromkeys(self._heights, 0)
            for log_height, columns in zip(log_heights, later, strict=True):
                place[log_height] += stride * len(columns)
            for t, log_height in enumerate(log_heights):
                for index, value in enumerate(getattr(values[t], tree)):
                    weight *= batch
                    places = place_later if index in later[t] else place
                    at = places[log_height]
                    places[log_height] += stride
                    self._here[log_height].add(tree, at, weight, value)
                    if index in later[t]:
                        self._next[log_height].add(tree, at, weight, later[t][index])
        for i, value in enumerate(quotient):
            weight *= batch
            self._here[self._heights[0]].add("quotient", 3 * i, weight, value)
        self._lift_weight = weight * batch
        self._next_weight = self._lift_weight * self._lift_weight

    def at(
        self, places: Sequence[int], rows: Mapping[str, Rows], log_blowup: int
    ) -> dict[int, Element]:
        """Values of G at places of the evaluation domain, from the rows opened there."""
        log_n = self._heights[0]
        # The pole of a class: eta zeta, for the highest class zeta itself.
        poles = [self._zeta * root_of_unity(log_n - height) for height in self._heights]
        poles.append(self._zeta * root_of_unity(log_n))
        log_size, shift = log_n + log_blowup, domain_shift(log_n)
        points = (Element(domain_point(place, log_size, shift)) for place in places)
        inverted = iter(inverses([x - pole for x in points for pole in poles]))
        result = {}
        for place in places:
            *at_classes, at_next = (next(inverted) for _ in poles)
            value = Element(*rows["quotient"][log_size][place][-3:])
            for k, log_height in enumerate(self._heights):
                log_rows = log_height + log_blowup
                number = place >> log_size - log_rows
                row = {
                    tree: rows[tree][log_rows][number] for tree in rows if log_rows in rows[tree]
                }
                factor = at_classes[0]
                if k:
                    factor += self._lift_weight * at_classes[k]
                value += self._here[log_height].at(row) * factor
                value += self._next[log_height].at(row) * self._next_weight * at_next
            result[place] = value
        return result
