"""The quotient: all constraints of all tables, combined by powers of alpha."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache

import numpy as np

from offchain.air.machine import TABLES
from offchain.prover.commitment import Commitment
from offchain.prover.domain import QUOTIENT_COSETS, coset_shift, shift_of
from offchain.prover.evaluators import Columns, Evaluator, Factors, powers_of
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import (
    batch_inverse,
    coset_intt,
    coset_ntt,
    random_fill,
    suffix_sum_ext,
)
from offchain.prover.layout import Layout, constraint_counts
from offchain.prover.polynomials import add_elements, multiply_ext, scale, zerofier
from offchain.prover.reference import Ext, P, ext_mul, ext_power, inverse, root_of_unity
from offchain.security.parameters import QUOTIENT_PARTS


class TraceError(RuntimeError):
    """The trace breaks a constraint or leaves a bus unbalanced: there is nothing to prove."""


def row_factors(height: int, blinding_rows: int, shift: int) -> Factors:
    """Factors of the constraints on the coset of `shift`; see docs/spec/proof-system.md."""
    omega = root_of_unity(height)
    blind = np.zeros((1, height), np.uint64)
    blind[0, : blinding_rows + 1] = _blinding_zerofier(height, blinding_rows)
    row = coset_ntt(blind, height, shift)[0]
    scale(row, inverse((pow(shift, height, P) - 1) % P))
    line = np.zeros((1, height), np.uint64)
    line[0, 1] = 1
    points = coset_ntt(line, height, shift)[0]
    first = _minus(points, 1)
    batch_inverse(first)
    terminal = _minus(points, pow(omega, height - blinding_rows, P))
    batch_inverse(terminal)
    return Factors(row, first, terminal)


@lru_cache(maxsize=64)
def _blinding_zerofier(height: int, blinding_rows: int) -> U64Array:
    back = inverse(root_of_unity(height))
    return zerofier(blinding_rows, back, back)


def _minus(values: U64Array, constant: int) -> U64Array:
    return add_elements(values, np.full_like(values, (P - constant) % P))


def quotient_coefficients(
    layout: Layout,
    commitments: Sequence[Commitment],
    evaluators: Sequence[Evaluator],
    alpha: Ext,
    public_sum: Ext,
    blinding_rows: int,
    executor: Executor,
) -> U64Array:
    """Coefficients of the quotient, [3][4n]; those from 3n on are zero.

    Parameters
    ----------
    commitments : sequence
        Preprocessed, main and aux columns.
    evaluators : sequence
        One per table.
    public_sum : Ext
        Sum of the verifier's own fractions.

    Raises
    ------
    TraceError
        If the constraints do not hold or the buses do not balance.
    """
    n = layout.n
    total = np.zeros((3, QUOTIENT_COSETS * n), np.uint64)
    start: Ext = (1, 0, 0)
    starts: list[Ext] = []
    for count in constraint_counts():
        starts.append(start)
        start = ext_mul(start, ext_power(alpha, count))

    def table_quotient(number: int) -> U64Array:
        alphas = powers_of(alpha, constraint_counts()[number], starts[number])
        evaluator = evaluators[number]
        height = layout.heights[number]
        values = np.empty((3, QUOTIENT_COSETS * height), np.uint64)
        for part in range(QUOTIENT_COSETS):
            blowup = commitments[1].blowup
            coset = part * blowup // QUOTIENT_COSETS
            shift = coset_shift(height, blowup, coset)
            columns = _columns(commitments, number, coset)
            factors = row_factors(height, blinding_rows, shift)
            values[:, part::QUOTIENT_COSETS] = evaluator.quotient(columns, factors, alphas, shift)
        return coset_intt(values, shift_of(height), values)

    by_size = sorted(range(len(TABLES)), key=lambda t: -layout.heights[t])
    for number, coefficients in zip(by_size, executor.map(table_quotient, by_size), strict=True):
        stretch = layout.stretch(number)
        total[:, ::stretch] = add_elements(total[:, ::stretch], coefficients)
    if total[:, QUOTIENT_PARTS * n :].any():
        raise TraceError(
            "the trace breaks a constraint: it was changed, or filled for other blinding rows, or "
            "this is a defect to report with the program and its input"
        )
    balance = _balance_quotient(layout, commitments[2], public_sum)
    weight = np.array(start, np.uint64).reshape(3, 1).repeat(n, axis=1)
    weighted = multiply_ext(balance, np.ascontiguousarray(weight))
    total[:, :n] = add_elements(total[:, :n], weighted)
    return total


def _columns(commitments: Sequence[Commitment], number: int, coset: int) -> Columns:
    preprocessed, main, aux = commitments
    has_preprocessed = number in preprocessed.coefficients
    empty = np.empty((0, 0), np.uint64)
    return Columns(
        preprocessed.values(coset, number) if has_preprocessed else empty,
        main.values(coset, number),
        aux.values(coset, number),
    )


def _balance_quotient(layout: Layout, aux: Commitment, public_sum: Ext) -> U64Array:
    """(sum of all running sums + public_sum) / (X - 1), [3][n]."""
    total = np.zeros((3, layout.n), np.uint64)
    for number, coefficients in aux.coefficients.items():
        stretch = layout.stretch(number)
        total[:, ::stretch] = add_elements(total[:, ::stretch], coefficients[-3:])
    total[:, 0] = [(int(c) + s) % P for c, s in zip(total[:, 0], public_sum, strict=True)]
    sums = suffix_sum_ext(total, layout.n)
    if sums[:, 0].any():
        raise TraceError(
            "the buses do not balance: the output is not that of this trace, or this is a defect to"
            " report with the program and its input"
        )
    quotient = np.zeros_like(sums)
    quotient[:, :-1] = sums[:, 1:]
    return quotient


def masked_parts(quotient: U64Array, queries: int, key: bytes, stream: int) -> U64Array:
    """Split the quotient into parts of degree below n that hide it, and add the mask of the batch.

    Returns
    -------
    array
        [12][n]: three planes of q_0', q_1', q_2' and of the random polynomial R.
    """
    n = quotient.shape[1] // QUOTIENT_COSETS
    overlap = queries + 2
    size = n - overlap
    if quotient[:, QUOTIENT_PARTS * size :].any():
        raise TraceError("the quotient's degree is too high for its parts: raise the heights")
    parts = np.zeros((QUOTIENT_PARTS, 3, n), np.uint64)
    for i in range(QUOTIENT_PARTS):
        parts[i, :, :size] = quotient[:, i * size : (i + 1) * size]
    masks = np.empty((QUOTIENT_PARTS - 1, 3, overlap), np.uint64)
    random_fill(masks, key, stream)
    negative = np.where(masks == 0, masks, np.uint64(P) - masks)
    for i in range(QUOTIENT_PARTS - 1):
        parts[i, :, size:] = masks[i]
        parts[i + 1, :, :overlap] = add_elements(parts[i + 1, :, :overlap], negative[i])
    mask = np.empty((3, n), np.uint64)
    random_fill(mask, key, stream + 1)
    return np.concatenate([parts.reshape(3 * QUOTIENT_PARTS, n), mask])
