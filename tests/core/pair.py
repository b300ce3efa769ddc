"""The specification and the C core side by side, compared after every step."""

import ctypes
import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

import pytest

from offchain.core.binding import Core
from offchain.spec import envelope, transition
from offchain.spec.checks import OpError
from offchain.spec.constants import OP_BYTES
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event
from offchain.spec.poseidon2 import Digest
from offchain.spec.state import State, genesis
from offchain.spec.tree import Hasher
from tests.strategies import CONFIG_HASH, GOVERNANCE

HASHES_KEPT = 1 << 16
_DIGEST = struct.Struct("<4Q")
# By hash: ways from genesis on at whose end the roots were found equal. All sequences begin with
# the same scene, a third of their steps; what was applied decides the whole state.
_WAYS_COMPARED: WeakKeyDictionary[Hasher, set[bytes]] = WeakKeyDictionary()


def seed_groups(count: int, per_test: int, fast: int) -> list[object]:
    """Return the first seed of every test that takes `per_test` of `count` seeds.

    Those from seed `fast` on are more of the same, for the slow tests.
    """
    return [
        pytest.param(first, marks=[pytest.mark.slow] if first >= fast else [])
        for first in range(0, count, per_test)
    ]


@dataclass(frozen=True)
class Outcome:
    """What one op or envelope did."""

    code: ErrorCode
    events: bytes


def native_hasher(library: ctypes.CDLL) -> Hasher:
    """The C core's Poseidon2, which test_poseidon2.py holds against the specification's.

    Results are kept: all sequences begin with the same scene, and so with the same nodes.
    """
    out = ctypes.create_string_buffer(_DIGEST.size)

    @lru_cache(HASHES_KEPT)
    def compress(left: Digest, right: Digest) -> Digest:
        library.test_compress(out, _DIGEST.pack(*left), _DIGEST.pack(*right))
        return _DIGEST.unpack_from(out)

    @lru_cache(HASHES_KEPT)
    def hash_words(domain: int, words: Sequence[int]) -> Digest:
        library.test_hash_words(out, domain, struct.pack(f"<{len(words)}Q", *words), len(words))
        return _DIGEST.unpack_from(out)

    return Hasher(compress, hash_words)


class Pair:
    """One chain in both implementations, from genesis."""

    def __init__(self, hasher: Hasher | None, library: ctypes.CDLL | None = None) -> None:
        self.state: State = genesis(CONFIG_HASH, GOVERNANCE, hasher)
        self.core = Core(CONFIG_HASH, GOVERNANCE, library)
        self.codes: list[ErrorCode] = []
        self._way = b""
        is_usual = hasher is not None and library is None
        self._ways_compared = _WAYS_COMPARED.setdefault(hasher, set()) if is_usual else set()

    def op(self, data: bytes) -> Outcome:
        """Apply an op to both; fail where they differ."""
        expected = self._specify(transition.apply, data)
        applied = self.core.apply(data)
        return self._compare(data, expected, ErrorCode(applied.codes[0]), applied.events.tobytes())

    def envelope(self, data: bytes) -> Outcome:
        """Apply an envelope to both; fail where they differ."""
        expected = self._specify(envelope.apply_envelope, data)
        code, events = self.core.apply_envelope(data)
        return self._compare(data, expected, code, events.tobytes())

    def take(self, data: bytes) -> Outcome:
        """Apply an op or an envelope, told apart by their length."""
        return self.op(data) if len(data) == OP_BYTES else self.envelope(data)

    def _specify(self, apply: Callable[[State, bytes], list[Event]], data: bytes) -> Outcome:
        try:
            events = b"".join(event.to_bytes() for event in apply(self.state, data))
        except OpError as error:
            return Outcome(error.code, b"")
        return Outcome(ErrorCode.OK, events)

    def _compare(self, data: bytes, expected: Outcome, code: ErrorCode, events: bytes) -> Outcome:
        where = f"step {len(self.codes)}: {data.hex()}"
        assert code is expected.code, where
        if events != expected.events:
            assert as_events(events) == as_events(expected.events), where
        self._compare_roots(data, where)
        self.codes.append(code)
        return expected

    def _compare_roots(self, data: bytes, where: str) -> None:
        self._way = hashlib.blake2b(self._way + data, digest_size=_DIGEST.size).digest()
        if self._way not in self._ways_compared:
            root = self.state.root_bytes()
            assert self.core.root() == root, f"{where}: {self._different_leaves()}"
            self._ways_compared.add(self._way)

    def _different_leaves(self) -> list[tuple[str, int]]:
        leaves = ((s, n, data) for s, n, data in self.state.leaves())
        return [(s.name, n) for s, n, data in leaves if self.core.leaf(s, n) != data]


def as_events(data: bytes) -> list[Event]:
    return [Event.from_bytes(data[at : at + 64]) for at in range(0, len(data), 64)]
