"""Binding of libheadrace_witness: the batch program on this machine."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.core.binding import BUILD_DIR, CoreUnavailableError
from offchain.spec.kinds import Subtree
from offchain.witness.format import ExitCode

LIBRARY: Final = BUILD_DIR / "libheadrace_witness.so"
OUTPUT_WORDS: Final = 224
_FOUND_MAX: Final = 2**22  # leaves; address space only

U32Array = npt.NDArray[np.uint32]


class _Find(ctypes.Structure):
    """hr_find of native/witness.h."""

    _fields_ = (
        ("read", ctypes.c_void_p),
        ("core", ctypes.c_void_p),
        ("hints", ctypes.c_void_p),
        ("envelopes", ctypes.c_void_p),
        ("hint_count", ctypes.c_uint32),
        ("envelope_words", ctypes.c_uint32),
        ("found_capacity", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True)
class NativeRun:
    """How a witness ran.

    Attributes
    ----------
    exit_code
        As the guest's.
    output
        896 bytes; empty unless the exit code is OK.
    unread_words
        What was left of the tape.
    """

    exit_code: ExitCode
    output: bytes
    unread_words: int


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY.exists():
        raise CoreUnavailableError(f"{LIBRARY.name} is not built; run `make native`")
    library = ctypes.CDLL(str(LIBRARY))
    pointer = ctypes.c_void_p
    signatures: dict[str, list[Any]] = {
        "hr_witness_find": [pointer, pointer, pointer],
        "hr_witness_run": [pointer, ctypes.c_uint32, pointer, pointer],
    }
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.restype = ctypes.c_int32
        function.argtypes = arguments
    return library


def output_bytes(words: U32Array) -> bytes:
    """Return public output words as L1 hashes them: four bytes each, the first highest."""
    return words.astype(">u4").tobytes()


def run_witness(tape: bytes) -> NativeRun:
    """Run a witness, right or wrong, as the guest does.

    Parameters
    ----------
    tape
        Whole words.

    Raises
    ------
    ValueError
        If the tape ends within a word.
    CoreUnavailableError
        If the library is not built.
    """
    words = np.frombuffer(tape, "<u4")
    output, unread = np.zeros(OUTPUT_WORDS, np.uint32), ctypes.c_uint32()
    code = _library().hr_witness_run(
        words.ctypes.data, len(words), output.ctypes.data, ctypes.byref(unread)
    )
    is_ok = code == ExitCode.OK
    return NativeRun(ExitCode(code), output_bytes(output) if is_ok else b"", unread.value)


def find_leaves(
    leaf_reader: int, core: int, hints: U32Array, envelopes: bytes
) -> tuple[ExitCode, dict[Subtree, list[int]]]:
    """Apply envelopes to a state of which only those leaves are read that the run reaches.

    Parameters
    ----------
    leaf_reader
        Address of ``hr_core_leaf``.
    core
        Handle of a core in the state before the batch; it is not changed.
    hints
        Of the run.
    envelopes
        As in the witness.

    Returns
    -------
    tuple
        Exit code, and ascending leaf numbers by subtree; meaningful if the code is OK.

    Raises
    ------
    CoreUnavailableError
        If the library is not built.
    """
    words = np.frombuffer(envelopes, "<u4")
    found, count = np.empty((_FOUND_MAX, 2), np.uint32), ctypes.c_uint32()
    find = _Find(
        *(leaf_reader, core, hints.ctypes.data, words.ctypes.data),
        *(len(hints), len(words), _FOUND_MAX),
    )
    code = _library().hr_witness_find(ctypes.byref(find), found.ctypes.data, ctypes.byref(count))
    reached = found[: count.value]
    numbers = {s: np.sort(reached[reached[:, 0] == s, 1]).tolist() for s in Subtree}
    return ExitCode(code), numbers
