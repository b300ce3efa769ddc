"""Binding of ``native/polynomials.h``: products, divisions, values; see kernels.py for arrays."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

from offchain.prover.kernel_arguments import EXT_DEGREE, U64Array
from offchain.prover.levels import load_library
from offchain.prover.reference import Ext


@cache
def _library(level: str | None) -> ctypes.CDLL:
    library = load_library(level)
    pointer, size, u64 = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64
    signatures = {
        "hr_multiply_ext": [pointer, pointer, pointer, size],
        "hr_scale": [pointer, size, u64],
        "hr_divide_by_linear": [pointer, pointer, size, pointer],
        "hr_evaluate_base": [pointer, pointer, size, size, u64],
        "hr_zerofier": [pointer, size, u64, u64],
    }
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = None, arguments
    return library


def multiply_ext(left: U64Array, right: U64Array) -> U64Array:
    """Multiply two vectors of extension elements, [3][n], n a multiple of 8."""
    out = np.empty_like(left)
    _library(None).hr_multiply_ext(
        out.ctypes.data, left.ctypes.data, right.ctypes.data, left.shape[1]
    )
    return out


def scale(values: U64Array, factor: int) -> None:
    """Multiply base elements in place by one of them; their number is a multiple of 8."""
    _library(None).hr_scale(values.ctypes.data, values.size, factor)


def divide_by_linear(coefficients: U64Array, point: Ext) -> U64Array:
    """Quotient of a polynomial, [3][n], by X - point; the remainder is dropped."""
    out = np.empty_like(coefficients)
    z = (ctypes.c_uint64 * EXT_DEGREE)(*point)
    _library(None).hr_divide_by_linear(
        out.ctypes.data, coefficients.ctypes.data, coefficients.shape[1], z
    )
    return out


def evaluate_base(coefficients: U64Array, point: int) -> U64Array:
    """Values [c] of polynomials [c][n] at a point of the base field, n a power of two >= 8."""
    columns, n = coefficients.shape
    out = np.empty(columns, np.uint64)
    _library(None).hr_evaluate_base(out.ctypes.data, coefficients.ctypes.data, columns, n, point)
    return out


def zerofier(count: int, root: int, ratio: int) -> U64Array:
    """Coefficients [count + 1] of the product of X - root * ratio^i, i < count."""
    out = np.empty(count + 1, np.uint64)
    _library(None).hr_zerofier(out.ctypes.data, count, root, ratio)
    return out
