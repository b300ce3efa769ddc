"""Binding of ``native/polynomials.h``: products, divisions, values; see kernels.py for arrays."""

from __future__ import annotations

import ctypes

import numpy as np

from offchain.prover.kernel_arguments import EXT_DEGREE, U64Array
from offchain.prover.levels import load_library
from offchain.prover.reference import Ext, P


def add_elements(left: U64Array, right: U64Array) -> U64Array:
    """Add two arrays of base elements, or of planes of extension elements, of one shape."""
    total = left + right  # wraps modulo 2^64
    # A wrapped sum lacks 2^64 = p + (2^32 - 1).
    total = np.where(total < left, total + np.uint64(2**32 - 1), total)
    return np.where(total >= P, total - np.uint64(P), total).astype(np.uint64)


def multiply_ext(left: U64Array, right: U64Array, level: str | None = None) -> U64Array:
    """Multiply two vectors of extension elements, [3][n], n a multiple of 8."""
    out = np.empty_like(left)
    load_library(level).hr_multiply_ext(
        out.ctypes.data, left.ctypes.data, right.ctypes.data, left.shape[1]
    )
    return out


def scale(values: U64Array, factor: int, level: str | None = None) -> None:
    """Multiply base elements in place by one of them; their number is a multiple of 8."""
    load_library(level).hr_scale(values.ctypes.data, values.size, factor)


def divide_by_linear(coefficients: U64Array, point: Ext, level: str | None = None) -> U64Array:
    """Quotient of a polynomial, [3][n], by X - point; the remainder is dropped."""
    out = np.empty_like(coefficients)
    z = (ctypes.c_uint64 * EXT_DEGREE)(*point)
    load_library(level).hr_divide_by_linear(
        out.ctypes.data, coefficients.ctypes.data, coefficients.shape[1], z
    )
    return out


def evaluate_base(coefficients: U64Array, point: int, level: str | None = None) -> U64Array:
    """Values [c] of polynomials [c][n] at a point of the base field, n a power of two >= 8."""
    columns, n = coefficients.shape
    out = np.empty(columns, np.uint64)
    load_library(level).hr_evaluate_base(
        out.ctypes.data, coefficients.ctypes.data, columns, n, point
    )
    return out


def zerofier(count: int, root: int, ratio: int, level: str | None = None) -> U64Array:
    """Coefficients [count + 1] of the product of X - root * ratio^i, i < count."""
    out = np.empty(count + 1, np.uint64)
    load_library(level).hr_zerofier(out.ctypes.data, count, root, ratio)
    return out
