"""Bulk arithmetic of the prover: the binding of ``native/kernels.c``.

Each kernel is defined in plain Python in :mod:`offchain.prover.reference`; for the argument `level`
see :func:`offchain.prover.levels.load_library`.

Arrays are C-contiguous uint64 with elements in [0, p) (not checked), p = 2^64 - 2^32 + 1. Columns
are stored one after the other: shape [c][n]. A vector of extension elements is three planes of
coefficients: shape [3][n]. Orders are natural, and omega_n is
:func:`~offchain.prover.reference.root_of_unity`. Calls release the GIL while C runs, each uses one
thread, and arrays are handed over without copies. An argument out of its range or of another shape
raises KernelArgumentError; MemoryError says that the tables of a kernel found no room.
"""

import time
from typing import Final

import numpy as np

from offchain.prover.kernel_arguments import (
    EXT_DEGREE,
    LANES,
    KernelArgumentError,
    U64Array,
    ext_argument,
    output_array,
    pointer,
    require_array,
    require_length,
    require_memory,
    require_nonzero,
    require_planes,
)
from offchain.prover.levels import available_levels, load_library
from offchain.prover.reference import Ext

LOG_ARITY_MAX: Final = 4
KEY_BYTES: Final = 32

_RANDOM_ELEMENTS_END: Final = 2**34  # the 32-bit block counter of the stream
_SPEED_LOG_SIZES: Final = (16, 18)
_SPEED_LOG_WORDS: Final = 20
_SPEED_REPEATS: Final = 5


def coset_ntt(
    coefficients: U64Array,
    n: int,
    shift: int,
    out: U64Array | None = None,
    level: str | None = None,
) -> U64Array:
    """Evaluate polynomials at shift * omega_n^i, i < n.

    Parameters
    ----------
    coefficients
        [c][m], m a multiple of 8 and at most n; higher coefficients are zero.
    n
        A power of two, 2^3 to 2^24.
    shift
        In [1, p); 1 for the subgroup itself.
    out
        Receives the result, [c][n], when given; may be `coefficients` if m = n.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [c][n].
    """
    count, m = require_array(coefficients, "the coefficients", 2)
    log_n = require_length(n)
    if m % LANES or m > n:
        raise KernelArgumentError(f"{m} coefficients: take a multiple of 8 that is at most {n}")
    result = output_array(out, (count, n))
    status = load_library(level).hr_coset_ntt(
        pointer(result), pointer(coefficients), count, m, log_n, require_nonzero(shift)
    )
    require_memory(status)
    return result


def coset_intt(
    evaluations: U64Array, shift: int, out: U64Array | None = None, level: str | None = None
) -> U64Array:
    """Interpolate polynomials from their values at shift * omega_n^i.

    Parameters
    ----------
    evaluations
        [c][n], n a power of two, 2^3 to 2^24.
    shift
        In [1, p).
    out
        Receives the result, [c][n], when given; may be `evaluations`.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [c][n] coefficients, lowest first.
    """
    count, n = require_array(evaluations, "the evaluations", 2)
    log_n = require_length(n)
    result = output_array(out, (count, n))
    status = load_library(level).hr_coset_intt(
        pointer(result), pointer(evaluations), count, log_n, require_nonzero(shift)
    )
    require_memory(status)
    return result


def intt(evaluations: U64Array, out: U64Array | None = None, level: str | None = None) -> U64Array:
    """Interpolate polynomials from their values at omega_n^i; see :func:`coset_intt`."""
    return coset_intt(evaluations, 1, out, level)


def evaluate_ext(coefficients: U64Array, point: Ext, level: str | None = None) -> U64Array:
    """Evaluate polynomials at one point of the extension.

    Parameters
    ----------
    coefficients
        [c][n], n a multiple of 8.
    point
        The point.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [c][3], one extension element for each polynomial.
    """
    count, n = require_array(coefficients, "the coefficients", 2)
    values = np.empty((count, EXT_DEGREE), np.uint64)
    status = load_library(level).hr_evaluate_ext(
        pointer(values), pointer(coefficients), count, n, ext_argument(point)
    )
    require_memory(status)
    return values


def combine(
    columns: U64Array, weights: U64Array, out: U64Array | None = None, level: str | None = None
) -> U64Array:
    """Add up weight * column over all columns.

    Parameters
    ----------
    columns
        [c][n], n a multiple of 8.
    weights
        [c][3], one extension element for each column.
    out
        [3][n] to which the sum is added, when given.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [3][n], `out` if it was given.
    """
    count, n = require_array(columns, "the columns", 2)
    require_array(weights, "the weights", 2, (count, EXT_DEGREE))
    total = (
        np.zeros((EXT_DEGREE, n), np.uint64) if out is None else output_array(out, (EXT_DEGREE, n))
    )
    load_library(level).hr_combine(pointer(total), pointer(columns), count, n, pointer(weights))
    return total


def suffix_sum_ext(
    values: U64Array, count: int, out: U64Array | None = None, level: str | None = None
) -> U64Array:
    """Sum extension elements from the end: out_i = values_i + ... + values_(count-1).

    Parameters
    ----------
    values
        [3][n], n a multiple of 8.
    count
        At most n.
    out
        [3][n], when given; may be `values`. Elements from `count` on are left alone.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [3][n], `out` if it was given; else zero from `count` on.
    """
    n = require_planes(values, "the values")
    if not 0 <= count <= n:
        raise KernelArgumentError(f"cannot sum {count} of {n} elements")
    sums = np.zeros_like(values) if out is None else output_array(out, values.shape)
    load_library(level).hr_suffix_sum_ext(pointer(sums), pointer(values), n, count)
    return sums


def batch_inverse(values: U64Array, level: str | None = None) -> int:
    """Invert base-field elements in place; zero stays zero.

    Parameters
    ----------
    values
        [n], n a multiple of 8.
    level
        An instruction-set level.

    Returns
    -------
    int
        How many were zero.
    """
    (n,) = require_array(values, "the values", 1)
    return int(load_library(level).hr_batch_inverse(pointer(values), n))


def batch_inverse_ext(values: U64Array, level: str | None = None) -> int:
    """Invert extension elements, [3][n], in place; see :func:`batch_inverse`."""
    n = require_planes(values, "the values")
    return int(load_library(level).hr_batch_inverse_ext(pointer(values), n))


def fri_fold(
    codeword: U64Array,
    log_arity: int,
    beta: Ext,
    shift: int,
    out: U64Array | None = None,
    level: str | None = None,
) -> U64Array:
    """Fold a codeword by A = 2^log_arity.

    From f = sum_(j<A) x^j f_j(x^A) on x_i = shift * omega_n^i to sum_j beta^j f_j on x_i^A.

    Parameters
    ----------
    codeword
        [3][n], n a power of two and n / A at least 8.
    log_arity
        1 to 4.
    beta
        The challenge.
    shift
        In [1, p). That of the result is shift^A.
    out
        Receives the result, [3][n/A], when given.
    level
        An instruction-set level.

    Returns
    -------
    U64Array
        [3][n/A], on the points x_i^A for i < n/A.
    """
    n = require_planes(codeword, "the codeword")
    if not 1 <= log_arity <= LOG_ARITY_MAX:
        raise KernelArgumentError(f"log arity {log_arity}: take 1 to {LOG_ARITY_MAX}")
    folded = n >> log_arity
    if n & (n - 1) or folded < LANES:
        raise KernelArgumentError(f"{n} values do not fold by 2^{log_arity} to 8 or more")
    result = output_array(out, (EXT_DEGREE, folded))
    load_library(level).hr_fri_fold(
        pointer(result),
        pointer(codeword),
        n,
        log_arity,
        ext_argument(beta),
        require_nonzero(shift),
    )
    return result


def random_fill(out: U64Array, key: bytes, stream: int, level: str | None = None) -> None:
    """Fill an array with uniform field elements, a function of key and stream alone.

    The elements are the words of the ChaCha20 keystream of RFC 8439 that are below p.

    Parameters
    ----------
    out
        Of any shape, fewer than 2^34 elements.
    key
        32 bytes, secret where the elements hide something.
    stream
        In [0, 2^64). To be used once with each key.
    level
        An instruction-set level.
    """
    if len(key) != KEY_BYTES:
        raise KernelArgumentError(f"a key of {len(key)} bytes: take {KEY_BYTES}")
    if not 0 <= stream < 2**64:
        raise KernelArgumentError(f"stream {stream} is outside [0, 2^64)")
    if out.dtype != np.uint64 or not out.flags.c_contiguous or out.size >= _RANDOM_ELEMENTS_END:
        raise KernelArgumentError("the output must be C-contiguous uint64 below 2^34 elements")
    load_library(level).hr_random_fill(pointer(out), out.size, key, stream)


def kernel_speeds() -> dict[str, dict[str, float]]:
    """Measure the transforms on one thread of this machine.

    Returns
    -------
    dict[str, dict[str, float]]
        For each level that the machine has: ``ntt_2e16`` and ``ntt_2e18``, nanoseconds per
        butterfly (n log2(n) / 2 to a column) of :func:`coset_ntt`, best of 5 runs.
    """
    return {
        level: {f"ntt_2e{log_n}": _butterfly_ns(log_n, level) for log_n in _SPEED_LOG_SIZES}
        for level in available_levels()
    }


def _butterfly_ns(log_n: int, level: str) -> float:
    columns = np.ones((2 ** (_SPEED_LOG_WORDS - log_n), 2**log_n), np.uint64)
    out = np.zeros_like(columns)
    times_ns = []
    for _ in range(_SPEED_REPEATS):
        begin_ns = time.perf_counter_ns()
        coset_ntt(columns, 2**log_n, 7, out, level)
        times_ns.append(time.perf_counter_ns() - begin_ns)
    return min(times_ns) / (columns.size * log_n / 2)
