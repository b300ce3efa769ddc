"""Out-of-domain values and the DEEP polynomial, computed on coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from offchain.air.machine import TABLES
from offchain.prover.commitment import Commitment
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import combine, evaluate_ext
from offchain.prover.layout import Layout, next_exponents
from offchain.prover.polynomials import add_elements, divide_by_linear, multiply_ext
from offchain.prover.reference import Ext, ext_add, ext_mul, ext_power, ext_scale, root_of_unity

BASIS: tuple[Ext, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


@dataclass(frozen=True)
class Opened:
    """A column and its value at one out-of-domain point.

    Attributes
    ----------
    coefficients : array
        [1][height], or [3][height] for a column of the extension.
    stretch : int
        s: the committed word is f(X^s).
    value : Ext
    """

    coefficients: U64Array
    stretch: int
    value: Ext


def _values(coefficients: U64Array, point: Ext, width: int) -> list[Ext]:
    """Values of columns of `width` planes each at a point."""
    planes = [(int(v[0]), int(v[1]), int(v[2])) for v in evaluate_ext(coefficients, point)]
    if width == 1:
        return planes
    return [
        ext_add(
            planes[i],
            ext_add(ext_mul(planes[i + 1], BASIS[1]), ext_mul(planes[i + 2], BASIS[2])),
        )
        for i in range(0, len(planes), 3)
    ]


def _open_all(
    commitment: Commitment, layout: Layout, point: Ext, width: int, executor: Executor
) -> list[Opened]:
    def table(number: int) -> list[Opened]:
        coefficients = commitment.coefficients[number]
        stretch = layout.n // coefficients.shape[1]
        values = _values(coefficients, ext_power(point, stretch), width)
        return [
            Opened(coefficients[width * i : width * (i + 1)], stretch, value)
            for i, value in enumerate(values)
        ]

    return [opened for found in executor.map(table, commitment.coefficients) for opened in found]


def open_current(
    layout: Layout, commitments: Sequence[Commitment], zeta: Ext, executor: Executor
) -> list[Opened]:
    """Every column but the batch's mask at zeta, in the order of the transcript."""
    preprocessed, main, aux, quotient = commitments
    opened = _open_all(preprocessed, layout, zeta, 1, executor)
    opened += _open_all(main, layout, zeta, 1, executor)
    opened += _open_all(aux, layout, zeta, 3, executor)
    return opened + _open_all(quotient, layout, zeta, 3, executor)[:-1]


def open_next(layout: Layout, main: Commitment, aux: Commitment, zeta: Ext) -> list[Opened]:
    """Columns that some constraint reads one row later, at omega * zeta."""
    opened: list[Opened] = []
    point = ext_scale(zeta, root_of_unity(layout.n))
    for number, table in enumerate(TABLES):
        stretch = layout.stretch(number)
        at = ext_power(point, stretch)
        for index in table.next_columns():
            column = main.coefficients[number][index : index + 1]
            opened.append(Opened(column, stretch, _values(column, at, 1)[0]))
        running = aux.coefficients[number][-3:]
        opened.append(Opened(running, stretch, _values(running, at, 3)[0]))
    return opened


def deep_polynomial(
    layout: Layout,
    current: Sequence[Opened],
    following: Sequence[Opened],
    mask: U64Array,
    zeta: Ext,
    lam: Ext,
) -> U64Array:
    """Coefficients of G, [3][n]; see docs/spec/proof-system.md, section DEEP.

    A quotient (f(X) - f(z)) / (X - z) is the division of f by X - z without its remainder.
    """
    n = layout.n
    powers = [(1, 0, 0)]
    for _ in current:
        powers.append(ext_mul(powers[-1], lam))
    lifted = _lifted_sums(current, powers[1:], n)
    whole = np.zeros((3, n), np.uint64)
    for coefficients in lifted.values():
        whole = add_elements(whole, coefficients)
    total = add_elements(mask, divide_by_linear(whole, zeta))
    weight = ext_mul(powers[-1], lam)
    for stretch in layout.stretches:
        point = ext_scale(zeta, root_of_unity(stretch))
        total = add_elements(total, _weighted(divide_by_linear(lifted[stretch], point), weight))
    next_sums = _lifted_sums(following, [powers[i] for i in next_exponents()], n)
    whole = np.zeros((3, n), np.uint64)
    for coefficients in next_sums.values():
        whole = add_elements(whole, coefficients)
    point = ext_scale(zeta, root_of_unity(n))
    return add_elements(total, _weighted(divide_by_linear(whole, point), ext_mul(weight, weight)))


def _weighted(values: U64Array, weight: Ext) -> U64Array:
    repeated = np.array(weight, np.uint64).reshape(3, 1).repeat(values.shape[1], axis=1)
    return multiply_ext(values, np.ascontiguousarray(repeated))


def _lifted_sums(
    opened: Sequence[Opened], column_weights: Sequence[Ext], n: int
) -> dict[int, U64Array]:
    """Per stretch: sum of weight * column, as a polynomial [3][n] in X."""
    sums: dict[int, U64Array] = {}
    for column, weight in zip(opened, column_weights, strict=True):
        small = sums.setdefault(
            column.stretch, np.zeros((3, column.coefficients.shape[1]), np.uint64)
        )
        planes = len(column.coefficients)
        weights = np.array([ext_mul(weight, BASIS[c]) for c in range(planes)], np.uint64)
        combine(np.ascontiguousarray(column.coefficients), weights, small)
    lifted = {}
    for stretch, small in sums.items():
        lifted[stretch] = np.zeros((3, n), np.uint64)
        lifted[stretch][:, ::stretch] = small
    return lifted
