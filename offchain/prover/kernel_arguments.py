"""The checks that stand between Python and the C kernels, which check nothing.

Every function that refuses raises KernelArgumentError, if not stated otherwise.
"""

import ctypes
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.prover.reference import Ext, P

EXT_DEGREE: Final = 3
LANES: Final = 8
LOG_N_MIN: Final = 3
LOG_N_MAX: Final = 24

U64Array = npt.NDArray[np.uint64]


class KernelArgumentError(ValueError):
    """An array or a number that a kernel cannot take."""


def pointer(array: npt.NDArray[Any]) -> int:
    """Return the address of an array, which the caller keeps alive during the call."""
    return array.ctypes.data


def require_array(
    array: U64Array, name: str, dimensions: int, shape: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return the shape, which is the one given or ends in a positive multiple of 8."""
    if array.dtype != np.uint64 or not array.flags.c_contiguous or array.ndim != dimensions:
        raise KernelArgumentError(
            f"{name} must be C-contiguous uint64 of {dimensions} dimensions, "
            f"not {array.dtype} {list(array.shape)}"
        )
    if shape is not None and array.shape != shape:
        raise KernelArgumentError(f"{name} must be {list(shape)}, not {list(array.shape)}")
    if shape is None and (array.shape[-1] % LANES or array.shape[-1] == 0):
        raise KernelArgumentError(f"{name}: {array.shape[-1]} is not a positive multiple of 8")
    return array.shape


def require_planes(array: U64Array, name: str) -> int:
    """Return n of a vector of extension elements, [3][n]."""
    planes, n = require_array(array, name, 2)
    if planes != EXT_DEGREE:
        raise KernelArgumentError(f"{name} must have 3 planes, not {planes}")
    return n


def require_length(n: int) -> int:
    """Return log2 of a length that a transform can have."""
    log_n = n.bit_length() - 1
    if n != 1 << max(log_n, 0) or not LOG_N_MIN <= log_n <= LOG_N_MAX:
        raise KernelArgumentError(f"length {n}: take a power of two, 2^3 to 2^{LOG_N_MAX}")
    return log_n


def require_nonzero(number: int) -> int:
    """Return the number if it is in [1, p)."""
    if not 0 < number < P:
        raise KernelArgumentError(f"{number} is outside [1, p)")
    return number


def require_memory(status: int) -> None:
    """Raise MemoryError if a kernel could not allocate its tables."""
    if status != 0:
        raise MemoryError("no memory for the kernel's tables: prove with fewer threads or rows")


def output_array(out: U64Array | None, shape: tuple[int, ...]) -> U64Array:
    """Return `out` if it is given and fits, else a new array of the shape."""
    if out is None:
        return np.empty(shape, np.uint64)
    require_array(out, "the output", len(shape), shape)
    return out


def ext_argument(element: Ext) -> ctypes.Array[ctypes.c_uint64]:
    """Return an extension element as C takes it."""
    if len(element) != EXT_DEGREE or not all(0 <= c < P for c in element):
        raise KernelArgumentError(f"{element} is no extension element: take 3 numbers in [0, p)")
    return (ctypes.c_uint64 * EXT_DEGREE)(*element)
