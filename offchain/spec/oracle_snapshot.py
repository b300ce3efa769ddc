"""Snapshots of the oracle hub as they travel: docs/spec/l1-inputs.md section 2."""

from dataclasses import dataclass
from typing import Self

from eth_hash.auto import keccak

from offchain.spec.constants import FEED_ENTRIES

_WORD_BYTES = 32
_HEAD_WORDS = 4  # set, index, time and number of readings
_PAIR_WORDS = 2
_NUMBER_LIMIT = 2**64
_TIME_LIMIT_S = 2**32 - 1
_ACCUMULATOR_TAG = b"HRoracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleSnapshot:
    """What an ORACLE envelope carries; every field is a 256-bit number.

    `readings` are pairs of a value and a :class:`ReadingStatus`, one per feed of the set.
    """

    set_id: int
    index: int
    time_s: int
    readings: tuple[tuple[int, int], ...]

    def to_payload(self) -> bytes:
        """Return the payload of an ORACLE envelope: big-endian words."""
        return _words(self.set_id, self.index, self.time_s, len(self.readings)) + self._pairs()

    @classmethod
    def from_payload(cls, payload: bytes) -> Self | None:
        """Parse a payload; None when its form is not that of a snapshot."""
        pairs, rest = divmod(len(payload) - _HEAD_WORDS * _WORD_BYTES, _PAIR_WORDS * _WORD_BYTES)
        if rest or not 1 <= pairs <= FEED_ENTRIES:
            return None
        numbers = [
            int.from_bytes(payload[start : start + _WORD_BYTES], "big")
            for start in range(0, len(payload), _WORD_BYTES)
        ]
        set_id, index, time_s, count = numbers[:_HEAD_WORDS]
        if count != pairs or index >= _NUMBER_LIMIT or time_s >= _TIME_LIMIT_S:
            return None
        values, statuses = numbers[_HEAD_WORDS::2], numbers[_HEAD_WORDS + 1 :: 2]
        readings = tuple(zip(values, statuses, strict=True))
        return cls(set_id=set_id, index=index, time_s=time_s, readings=readings)

    def accumulator_after(self, accumulator: bytes) -> bytes:
        """Return the hub's accumulator (32 bytes, zero at first) after this snapshot."""
        # The readings are hashed as the ABI encodes a list: its offset, its length, its pairs.
        readings = keccak(_words(_WORD_BYTES, len(self.readings)) + self._pairs())
        numbers = _words(self.set_id, self.index, self.time_s)
        return keccak(_ACCUMULATOR_TAG + accumulator + numbers + readings)

    def _pairs(self) -> bytes:
        return b"".join(_words(*pair) for pair in self.readings)


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(_WORD_BYTES, "big") for number in numbers)
