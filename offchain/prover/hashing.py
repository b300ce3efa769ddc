"""Hash rows, layers of a Merkle tree and nonces in bulk: the binding of ``native/hash.h``.

What is computed is defined, in plain Python, in :mod:`offchain.prover.hash_suites`. Digests are
arrays of shape [n][32] and type uint8. Calls release the GIL while C runs, and each uses one
thread; arrays are handed over without copies.
"""

import ctypes
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.prover.hash_suites import (
    DIGEST_BYTES,
    SALT_WORDS,
    HashSuite,
    NonCanonicalWordError,
    words_of,
)
from offchain.prover.kernel_arguments import KernelArgumentError
from offchain.prover.levels import available_levels, load_library
from offchain.spec.constants import GOLDILOCKS_P

MAX_GRINDING_BITS: Final = 40
"""About 10^12 hashes; more is a mistake, not a parameter."""

_NO_NONCE: Final = 2**64 - 1
_NONCES_PER_CALL: Final = 2**21  # a tenth of a second: between calls Python sees signals
_SPEED_NODES: Final = 2**14
_SPEED_REPEATS: Final = 5
_NODE_PERMUTATIONS: Final = {HashSuite.KECCAK256: 1, HashSuite.POSEIDON2: 2}

U64Array = npt.NDArray[np.uint64]
DigestArray = npt.NDArray[np.uint8]


def leaf_digests(
    suite: HashSuite,
    columns: Iterable[U64Array],
    salts: U64Array | None = None,
    out: DigestArray | None = None,
    level: str | None = None,
) -> DigestArray:
    """Hash every row of a matrix that is stored by columns.

    Parameters
    ----------
    suite
        The hash suite.
    columns
        At least one uint64 [n], contiguous, elements in [0, p) (not checked); a C-contiguous
        [W][n] array is a sequence of its columns. Columns that begin at a multiple of 64 bytes are
        a fifth faster.
    salts
        uint64 [n][2], elements in [0, p) (not checked), or None for leaves without salt.
    out
        Receives the digests, uint8 [n][32], when given.
    level
        Forces an instruction set, see :func:`offchain.prover.levels.load_library`.

    Returns
    -------
    DigestArray
        uint8 [n][32], `out` if it was given.

    Raises
    ------
    KernelArgumentError
        If an array has another type, shape or layout.
    """
    column_list = list(columns)
    if not column_list:
        raise KernelArgumentError("a leaf takes at least one column")
    n = len(column_list[0])
    for column in column_list:
        _require_array(column, np.uint64, (n,), "a column")
    if salts is not None:
        _require_array(salts, np.uint64, (n, SALT_WORDS), "the salts")
    digests = _output(out, n)
    addresses = np.array([column.ctypes.data for column in column_list], np.uint64)
    _kernels(load_library(level)).hr_leaf_digests(
        _pointer(digests), suite, _pointer(addresses), len(column_list), n, _pointer(salts)
    )
    return digests


def parent_layer(
    suite: HashSuite,
    children: DigestArray,
    injected: DigestArray | None = None,
    out: DigestArray | None = None,
    level: str | None = None,
) -> DigestArray:
    """Hash a layer of a tree into the next: parent k has the children k and k + m.

    Parameters
    ----------
    suite
        The hash suite; with Poseidon2 the words of all digests are in [0, p) (not checked).
    children
        uint8 [2m][32].
    injected
        uint8 [m][32], digests of the rows of a matrix that enters at this layer, or None.
    out
        Receives the parents, uint8 [m][32], when given; must not overlap the others.
    level
        Forces an instruction set, see :func:`offchain.prover.levels.load_library`.

    Returns
    -------
    DigestArray
        uint8 [m][32], `out` if it was given.

    Raises
    ------
    KernelArgumentError
        If an array has another type, shape or layout.
    """
    m, odd = divmod(len(children), 2)
    if odd:
        raise KernelArgumentError(f"a layer of {len(children)} digests has no pairs")
    _require_array(children, np.uint8, (2 * m, DIGEST_BYTES), "the layer")
    if injected is not None:
        _require_array(injected, np.uint8, (m, DIGEST_BYTES), "the injected layer")
    parents = _output(out, m)
    first = children.ctypes.data
    _kernels(load_library(level)).hr_parent_digests(
        _pointer(parents), suite, first, first + m * DIGEST_BYTES, _pointer(injected), m
    )
    return parents


def grind(
    suite: HashSuite,
    prefix: bytes,
    bits: int,
    start: int = 0,
    level: str | None = None,
    threads: int = 1,
) -> int:
    """Find the smallest nonce that :func:`~offchain.prover.hash_suites.is_ground` accepts.

    Parameters
    ----------
    suite
        The hash suite.
    prefix
        At least 8 bytes and a multiple of 8, the first 8 a tag; with Poseidon2 words in [0, p).
    bits
        Leading zero bits wanted, at most MAX_GRINDING_BITS. Takes about 2^bits hashes.
    start
        Where to begin, in [0, 2^62).
    level
        Forces an instruction set, see :func:`offchain.prover.levels.load_library`.
    threads
        How many search at the same time, at least 1; the result does not depend on it.

    Returns
    -------
    int
        The smallest nonce >= start that gives the bits.

    Raises
    ------
    NonCanonicalWordError
        With Poseidon2, if a word of the prefix is p or more.
    KernelArgumentError
        If another argument is out of its range.
    """
    if not 0 <= bits <= MAX_GRINDING_BITS:
        raise KernelArgumentError(f"{bits} grinding bits: at most {MAX_GRINDING_BITS} can be found")
    if not 0 <= start < 2**62:
        raise KernelArgumentError(f"the first nonce {start} is outside [0, 2^62)")
    words = np.array(words_of(prefix), np.uint64)
    if len(words) == 0:
        raise KernelArgumentError("the prefix must begin with a tag of 8 bytes")
    if suite == HashSuite.POSEIDON2 and np.any(words >= GOLDILOCKS_P):
        raise NonCanonicalWordError("a word of the prefix is p or more; hash the prefix first")
    library = _kernels(load_library(level))

    def search(first: int) -> int:
        return int(
            library.hr_grind(suite, _pointer(words), len(words), bits, first, _NONCES_PER_CALL)
        )

    with ThreadPoolExecutor(threads) as executor:
        while True:
            firsts = [start + i * _NONCES_PER_CALL for i in range(threads)]
            for nonce in executor.map(search, firsts):
                if nonce != _NO_NONCE:
                    return nonce
            start += threads * _NONCES_PER_CALL


def kernel_speeds() -> dict[str, dict[str, float]]:
    """Measure the hash kernels on one thread of this machine.

    Returns
    -------
    dict[str, dict[str, float]]
        For each level that the machine has, for each suite ("keccak256", "poseidon2"):
        nanoseconds per permutation, taken from a layer of nodes, best of 5 runs.
    """
    return {
        level: {suite.name.lower(): _permutation_ns(suite, level) for suite in HashSuite}
        for level in available_levels()
    }


def _permutation_ns(suite: HashSuite, level: str) -> float:
    children = np.zeros((2 * _SPEED_NODES, DIGEST_BYTES), np.uint8)
    parents = np.zeros((_SPEED_NODES, DIGEST_BYTES), np.uint8)
    best_ns = None
    for _ in range(_SPEED_REPEATS):
        begin_ns = time.perf_counter_ns()
        parent_layer(suite, children, out=parents, level=level)
        took_ns = time.perf_counter_ns() - begin_ns
        best_ns = took_ns if best_ns is None else min(best_ns, took_ns)
    assert best_ns is not None
    return best_ns / (_SPEED_NODES * _NODE_PERMUTATIONS[suite])


@cache
def _kernels(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions of a library, once."""
    pointer, i32, u32, u64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_uint32, ctypes.c_uint64
    library.hr_leaf_digests.restype = None
    library.hr_leaf_digests.argtypes = [pointer, i32, pointer, u32, u64, pointer]
    library.hr_parent_digests.restype = None
    library.hr_parent_digests.argtypes = [pointer, i32, pointer, pointer, pointer, u64]
    library.hr_grind.restype = u64
    library.hr_grind.argtypes = [i32, pointer, u32, u32, u64, u64]
    return library


def _pointer(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


def _output(out: DigestArray | None, n: int) -> DigestArray:
    if out is None:
        return np.empty((n, DIGEST_BYTES), np.uint8)
    _require_array(out, np.uint8, (n, DIGEST_BYTES), "the output")
    return out


def _require_array(
    array: npt.NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...], name: str
) -> None:
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise KernelArgumentError(
            f"{name} must be C-contiguous {dtype.__name__} {list(shape)}, "
            f"not {array.dtype} {list(array.shape)}"
        )
