"""Extension columns: sums of bus fractions, and the running sum of each table."""

from __future__ import annotations

import numpy as np

from offchain.prover.evaluators import Columns, Evaluator
from offchain.prover.kernel_arguments import U64Array
from offchain.prover.kernels import batch_inverse_ext, random_fill, suffix_sum_ext
from offchain.prover.polynomials import add_elements, multiply_ext


class PoleError(RuntimeError):
    """A fingerprint is zero, which happens with probability below 2^-150: prove again."""


def aux_columns(
    evaluator: Evaluator, columns: Columns, blinding_rows: int, key: bytes, stream: int
) -> U64Array:
    """Extension columns of one table on the trace domain, [3 * groups][rows].

    Column g holds the sum of its group's fractions; the last one the running sum from the end,
    which is 0 on the terminal row. The blinding rows are random, drawn from (key, stream).
    """
    rows = columns.main.shape[1]
    numerators, denominators = evaluator.fractions(columns)
    for denominator in denominators:
        if batch_inverse_ext(denominator):
            raise PoleError("a bus fingerprint is zero; prove again with fresh randomness")
    sums = np.empty((evaluator.groups, 3, rows), np.uint64)
    for g in range(evaluator.groups):
        sums[g] = multiply_ext(numerators[g], denominators[g])
    used = rows - blinding_rows
    every = sums[0]
    for g in range(1, evaluator.groups):
        every = add_elements(every, sums[g])
    running = suffix_sum_ext(np.ascontiguousarray(every), used)
    noise = np.empty((evaluator.groups, 3, blinding_rows), np.uint64)
    random_fill(noise, key, stream)
    sums[-1] = running
    sums[:, :, used:] = noise
    sums[-1, :, used] = 0
    return sums.reshape(3 * evaluator.groups, rows)
