"""Which build of the C kernels runs: ``portable``, ``avx2`` or ``avx512``.

The three agree to the byte; the best one that the CPU has is taken unless another is asked for.
"""

import ctypes
import os
from functools import cache
from typing import Any, Final

from offchain.prover.native_build import level_flags, library_path

LEVEL_VARIABLE: Final = "HEADRACE_PROVER_LEVEL"


class KernelsUnavailableError(RuntimeError):
    """The libraries are not built; the message says what to run."""


class LevelError(ValueError):
    """The instruction-set level does not exist or the CPU does not have it."""


def available_levels() -> list[str]:
    """Return the levels that this CPU has, lowest first.

    Raises
    ------
    KernelsUnavailableError
        If the libraries are not built.
    """
    best = _open("portable").hr_cpu_level()
    return list(level_flags())[: best + 1]


def load_library(level: str | None = None) -> ctypes.CDLL:
    """Load the kernels of one level; once per process.

    Parameters
    ----------
    level
        ``portable``, ``avx2`` or ``avx512``; by default the environment variable
        HEADRACE_PROVER_LEVEL or, without it, the best that the CPU has.

    Returns
    -------
    ctypes.CDLL
        The library with its functions declared.

    Raises
    ------
    KernelsUnavailableError
        If the libraries are not built.
    LevelError
        If there is no such level or the CPU does not have it.
    """
    levels = available_levels()
    wanted = level or os.environ.get(LEVEL_VARIABLE) or levels[-1]
    if wanted not in levels:
        raise LevelError(
            f"this machine has no prover level {wanted!r}: choose one of {', '.join(levels)}, "
            f"or leave {LEVEL_VARIABLE} unset"
        )
    return _open(wanted)


@cache
def _open(level: str) -> ctypes.CDLL:
    path = library_path(level)
    if not path.exists():
        raise KernelsUnavailableError(f"{path.name} is not built: run `make native`")
    library = ctypes.CDLL(str(path))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    u32, u64, status = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "hr_cpu_level": (status, []),
        "hr_coset_ntt": (status, [pointer, pointer, size, size, u32, u64]),
        "hr_coset_intt": (status, [pointer, pointer, size, u32, u64]),
        "hr_evaluate_ext": (status, [pointer, pointer, size, size, pointer]),
        "hr_combine": (None, [pointer, pointer, size, size, pointer]),
        "hr_suffix_sum_ext": (None, [pointer, pointer, size, size]),
        "hr_batch_inverse": (size, [pointer, size]),
        "hr_batch_inverse_ext": (size, [pointer, size]),
        "hr_fri_fold": (None, [pointer, pointer, size, u32, pointer, u64]),
        "hr_random_fill": (None, [pointer, size, pointer, u64]),
        "hr_multiply_ext": (None, [pointer, pointer, pointer, size]),
        "hr_scale": (None, [pointer, size, u64]),
        "hr_divide_by_linear": (None, [pointer, pointer, size, pointer]),
        "hr_evaluate_base": (None, [pointer, pointer, size, size, u64]),
        "hr_zerofier": (None, [pointer, size, u64, u64]),
        "hr_chacha20": (None, [pointer, pointer, pointer, u32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
