"""Python binding of libheadrace: batches of ops in, events in bulk out.

Calls go through :mod:`ctypes`, which releases the GIL while C runs. Arrays are handed over
without copies. The byte layouts are those of ``docs/spec/transition.md``.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from offchain.spec import constants as k
from offchain.spec.errors import ErrorCode

BUILD_DIR: Final = Path(__file__).parent / "build"
NATIVE_LIBRARY: Final = BUILD_DIR / "libheadrace.so"
ASAN_LIBRARY: Final = BUILD_DIR / "libheadrace_asan.so"

TRAP: Final = -1
JOURNAL_RECORD_BYTES: Final = 80
MAX_EVENTS_PER_OP: Final = (k.POSITIONS_PER_ACCOUNT + 8) * k.MAX_STEPS + 32  # as in state_impl.h
DIGEST_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
_UNHEALTHY_ROOM: Final = 2**16  # accounts; grows with use
_TABLE_BYTES_MAX: Final = 32 * (1 + 4 * k.LISTED_MAX)
_LEAF_BYTES_MAX: Final = 2_048  # of any build, those of `headrace bench leaves` included

EVENT_DTYPE: Final = np.dtype(
    [
        ("seq", "<u8"),
        ("kind", "<u2"),
        ("market", "<u2"),
        ("account", "<u4"),
        ("v", "<i8", (6,)),
    ]
)

U8Array = npt.NDArray[np.uint8]
EventArray = npt.NDArray[np.void]


class CoreUnavailableError(RuntimeError):
    """The library is not built; the message says what to run."""


class TrapError(RuntimeError):
    """A hint was wrong: the core's state has no meaning any more."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Outcome of a batch of n ops.

    Attributes
    ----------
    codes
        int32 (n,): 0 or an :class:`~offchain.spec.errors.ErrorCode` for each op.
    event_ends
        uint32 (n,): total number of events after each op.
    events
        EVENT_DTYPE (event_ends[-1],).
    """

    codes: npt.NDArray[np.int32]
    event_ends: npt.NDArray[np.uint32]
    events: EventArray


def _pointer(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


def load_library(path: Path = NATIVE_LIBRARY) -> ctypes.CDLL:
    """Load the library and declare its functions.

    Raises
    ------
    CoreUnavailableError
        When the file does not exist.
    """
    if not path.exists():
        raise CoreUnavailableError(f"{path.name} is not built; run `make native`")
    library = ctypes.CDLL(str(path))
    pointer, text, u32, i32 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_int32
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "hr_core_new": (pointer, [text, text]),
        "hr_core_free": (None, [pointer]),
        "hr_core_apply": (u32, [pointer, pointer, u32, pointer, u32, *[pointer] * 3]),
        "hr_core_apply_envelope": (i32, [pointer, text, u32, pointer, u32, ctypes.POINTER(u32)]),
        "hr_inputs_after": (None, [text, text, u32]),
        "hr_core_envelope_events": (u32, []),
        "hr_core_unhealthy": (u32, [pointer, pointer, u32]),
        "hr_core_root": (None, [pointer, text]),
        "hr_core_leaf": (u32, [pointer, u32, u32, pointer]),
        "hr_core_valuation": (u32, [pointer, pointer]),
        "hr_core_siblings": (u32, [pointer, u32, pointer, u32, pointer, u32]),
        "hr_core_subtree_root": (None, [pointer, u32, text]),
        "hr_core_hints_from_tape": (None, [pointer, pointer, u32]),
        "hr_core_hints_to_record": (None, [pointer, pointer, u32]),
        "hr_core_hints_recorded": (u32, [pointer]),
        "hr_core_hash_counts": (None, [pointer, pointer]),
        "hr_core_touched": (ctypes.c_uint64, [pointer]),
        "hr_core_hash_backend": (i32, [i32]),
        "hr_core_decode": (i32, [text, u32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def as_op_array(ops: bytes | list[bytes] | U8Array) -> U8Array:
    """Return ops as uint8 (n, 64); raises ValueError when the length is no multiple of 64."""
    if isinstance(ops, list):
        ops = b"".join(ops)
    flat = np.frombuffer(ops, np.uint8) if isinstance(ops, bytes) else ops
    contiguous = np.ascontiguousarray(flat)
    if contiguous.ctypes.data % np.dtype(np.uint64).alignment:  # C reads whole words
        contiguous = contiguous.copy()
    return contiguous.reshape(-1, k.OP_BYTES)


@dataclass(frozen=True, slots=True)
class ChunkRunner:
    """Prepared calls of :meth:`Core.chunk_runner`, to be made in order.

    Attributes
    ----------
    calls
        Each a function that returns the number of ops done, and the number of ops in its chunk.
        They hold bare addresses: valid only while the runner lives.
    codes, ends, events, journal
        The buffers that every call overwrites; `journal` is None when none is written.
    kept_alive
        What the addresses inside the calls point to.
    """

    calls: list[tuple[Callable[[], int], int]]
    codes: npt.NDArray[np.int32]
    ends: npt.NDArray[np.uint32]
    events: EventArray
    journal: U8Array | None
    kept_alive: tuple[object, ...]

    def result(self, done: int, n: int) -> Applied:
        """Return views of what a call left behind.

        Parameters
        ----------
        done, n
            Ops that the call did and ops in its chunk.

        Raises
        ------
        RuntimeError
            If the chunk was not applied whole: no event room was left, or a hint was wrong.
        """
        if done != n or self.codes[n - 1] == TRAP:
            raise RuntimeError("the chunk was not applied whole: event room or a wrong hint")
        return Applied(self.codes[:n], self.ends[:n], self.events[: int(self.ends[n - 1])])


class Core:
    """One chain's state and transition.

    Parameters
    ----------
    config_hash
        32 bytes, keccak256 of the genesis constants.
    governance
        20 bytes, owner of the fee and insurance accounts.
    library
        A library of :func:`load_library`; by default the native build.
    """

    def __init__(
        self, config_hash: bytes, governance: bytes, library: ctypes.CDLL | None = None
    ) -> None:
        if len(config_hash) != DIGEST_BYTES or len(governance) != ADDRESS_BYTES:
            raise ValueError("config_hash takes 32 bytes and governance 20")
        self._library = library or load_library()
        self._core: int | None = self._library.hr_core_new(config_hash, governance)
        if not self._core:
            raise MemoryError("the core found no address space")
        self._envelope_events = np.empty(self._library.hr_core_envelope_events(), EVENT_DTYPE)
        self._unhealthy = np.empty(_UNHEALTHY_ROOM, np.uint32)
        # C keeps the addresses of these two.
        self._hint_tape: npt.NDArray[np.uint32] | None = None
        self._hint_record: npt.NDArray[np.uint32] | None = None

    @property
    def handle(self) -> int:
        """Address of the C object, for functions that this binding does not know."""
        if self._core is None:
            raise RuntimeError("the core was freed")
        return self._core

    def __del__(self) -> None:
        """Give the memory back."""
        if getattr(self, "_core", None):
            self._library.hr_core_free(self._core)
            self._core = None

    def apply(self, ops: bytes | list[bytes] | U8Array, journal: U8Array | None = None) -> Applied:
        """Apply ops in order.

        Parameters
        ----------
        ops
            n x 64 bytes.
        journal
            Receives n journal records of 80 bytes when given.

        Raises
        ------
        TrapError
            When a hint was wrong.
        """
        op_array = as_op_array(ops)
        n = len(op_array)
        codes, ends = np.empty(n, np.int32), np.empty(n, np.uint32)
        parts: list[EventArray] = []
        done, events_before = 0, 0
        while done < n:
            capacity = 2 * (n - done) + MAX_EVENTS_PER_OP
            events = np.empty(capacity, EVENT_DTYPE)
            count = self._library.hr_core_apply(
                self._core,
                _pointer(op_array[done:]),
                n - done,
                _pointer(events),
                capacity,
                _pointer(codes[done:]),
                _pointer(ends[done:]),
                _pointer(None if journal is None else journal[done * JOURNAL_RECORD_BYTES :]),
            )
            if count == 0 or codes[done + count - 1] == TRAP:
                raise TrapError("a hint was wrong; discard this core")
            part = events[: int(ends[done + count - 1])]
            ends[done : done + count] += np.uint32(events_before)
            parts.append(part)
            events_before += len(part)
            done += count
        merged = parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, EVENT_DTYPE)])
        return Applied(codes, ends, merged)

    def chunk_runner(
        self, ops: U8Array, chunk_ops: int, *, with_journal: bool = False
    ) -> "ChunkRunner":
        """Prepare the calls that apply `ops` in chunks, for hot loops.

        Nothing is allocated per call and every address is taken here (asking an array for its
        address costs a microsecond), so that a call is the C function and nothing else.

        Parameters
        ----------
        ops
            uint8 (n, 64), C-contiguous.
        chunk_ops
            Ops per call. The event room lets one op in eight emit its maximum.
        with_journal
            Write a journal record of 80 bytes for each op as well.
        """
        capacity = chunk_ops * MAX_EVENTS_PER_OP // 8 + MAX_EVENTS_PER_OP
        # Filled, so that the timed part is not the first to touch their pages.
        events = np.full(capacity * k.EVENT_BYTES, 0xFF, np.uint8).view(EVENT_DTYPE)
        codes = np.full(chunk_ops, TRAP, np.int32)
        ends = np.full(chunk_ops, 0, np.uint32)
        journal = (
            np.full(chunk_ops * JOURNAL_RECORD_BYTES, 0xFF, np.uint8) if with_journal else None
        )
        out = (_pointer(events), capacity, _pointer(codes), _pointer(ends), _pointer(journal))
        first = ops.ctypes.data
        apply = self._library.hr_core_apply
        calls: list[tuple[Callable[[], int], int]] = []
        for start in range(0, len(ops), chunk_ops):
            n = min(chunk_ops, len(ops) - start)
            calls.append((partial(apply, self._core, first + start * k.OP_BYTES, n, *out), n))
        return ChunkRunner(calls, codes, ends, events, journal, (self, ops))

    def apply_envelope(self, envelope: bytes) -> tuple[ErrorCode, EventArray]:
        """Apply one envelope; return its code and a copy of its events.

        Raises
        ------
        TrapError
            When a hint was wrong.
        """
        count = ctypes.c_uint32()
        code = self._library.hr_core_apply_envelope(
            self._core,
            envelope,
            len(envelope),
            _pointer(self._envelope_events),
            len(self._envelope_events),
            ctypes.byref(count),
        )
        if code == TRAP:
            raise TrapError("a hint was wrong; discard this core")
        return ErrorCode(code), self._envelope_events[: count.value].copy()

    def inputs_after(self, chain: bytes, envelope: bytes) -> bytes:
        """Return the chain of a batch's inputs after one more envelope; see spec/receipts.py."""
        digest = ctypes.create_string_buffer(chain, DIGEST_BYTES)
        self._library.hr_inputs_after(digest, envelope, len(envelope))
        return digest.raw

    def unhealthy(self) -> npt.NDArray[np.uint32]:
        """Return the accounts on which LIQUIDATE would do something now, in the ring's order.

        A hint for the sequencer: all accounts with risk are looked at, and nothing changes.
        """
        capacity = self._unhealthy.size
        count = self._library.hr_core_unhealthy(self._core, _pointer(self._unhealthy), capacity)
        if count > capacity:
            self._unhealthy = np.empty(2 * count, np.uint32)
            return self.unhealthy()
        return self._unhealthy[:count].copy()

    def root(self) -> bytes:
        """Bring the tree up to date and return the state root, 32 bytes."""
        digest = ctypes.create_string_buffer(DIGEST_BYTES)
        self._library.hr_core_root(self._core, digest)
        return digest.raw

    def leaf(self, subtree: int, index: int) -> bytes:
        """Return the bytes of a leaf; raises IndexError when it lies outside the tree."""
        buffer = np.empty(_LEAF_BYTES_MAX, np.uint8)
        length = self._library.hr_core_leaf(self._core, subtree, index, _pointer(buffer))
        if length == 0:
            raise IndexError(f"no leaf {index} in subtree {subtree}")
        return buffer[:length].tobytes()

    def valuation_table(self) -> bytes:
        """Return the table of ``docs/spec/escape.md``; empty without a listed market."""
        buffer = np.empty(_TABLE_BYTES_MAX, np.uint8)
        length = self._library.hr_core_valuation(self._core, _pointer(buffer))
        return buffer[:length].tobytes()

    @property
    def leaf_reader(self) -> int:
        """Address of the C function that copies a leaf, for libraries that read this core."""
        return ctypes.cast(self._library.hr_core_leaf, ctypes.c_void_p).value or 0

    def subtree_root(self, subtree: int) -> bytes:
        """Return the root of a subtree as of the last :meth:`root`, 32 bytes."""
        digest = ctypes.create_string_buffer(DIGEST_BYTES)
        self._library.hr_core_subtree_root(self._core, subtree, digest)
        return digest.raw

    def siblings(self, subtree: int, leaves: npt.NDArray[np.uint32]) -> list[bytes]:
        """Return the digests beside the paths of leaves, as of the last :meth:`root`.

        Parameters
        ----------
        subtree
            Number of the subtree.
        leaves
            uint32 (n,): ascending leaf numbers of the subtree, at least one.

        Returns
        -------
        list of bytes
            32 bytes each, in the order in which a walk, left before right, needs them.
        """
        numbers = np.ascontiguousarray(leaves, np.uint32)
        ask = partial(
            self._library.hr_core_siblings, self._core, subtree, _pointer(numbers), len(numbers)
        )
        count = ask(None, 0)
        digests = np.empty((count, DIGEST_BYTES), np.uint8)
        ask(_pointer(digests), count)
        return [digest.tobytes() for digest in digests]

    def take_hints_from(self, tape: npt.NDArray[np.uint32] | None) -> None:
        """Take hints from a tape from now on (None: from the native index)."""
        self._hint_tape = None if tape is None else np.ascontiguousarray(tape, np.uint32)
        self._library.hr_core_hints_from_tape(
            self._core, _pointer(self._hint_tape), 0 if tape is None else len(tape)
        )

    def record_hints(self, capacity: int) -> None:
        """Write down the hints used from now on, at most ``capacity``."""
        self._hint_record = np.empty(capacity, np.uint32)
        self._library.hr_core_hints_to_record(self._core, _pointer(self._hint_record), capacity)

    def recorded_hints(self) -> npt.NDArray[np.uint32]:
        """Return the hints written down since :meth:`record_hints`, in order."""
        if self._hint_record is None:
            raise RuntimeError("call record_hints first")
        return self._hint_record[: self._library.hr_core_hints_recorded(self._core)].copy()

    def touched_leaves(self) -> int:
        """Return how often ops have changed a leaf so far, for the row meter."""
        return int(self._library.hr_core_touched(self._core))

    def hash_counts(self) -> tuple[int, int]:
        """Return the Poseidon2 permutations spent on roots so far: (leaves, inner nodes)."""
        counts = np.zeros(2, np.uint64)
        self._library.hr_core_hash_counts(self._core, _pointer(counts))
        return int(counts[0]), int(counts[1])
