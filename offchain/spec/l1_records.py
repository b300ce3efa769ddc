"""What a chain keeps of L1's snapshots, and what its valuation table lists.

Oracle record: docs/spec/l1-inputs.md section 2. Listing record: docs/spec/escape.md section 2.
"""

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.constants import FEED_ENTRIES, LISTED_MAX, RISK_LEAF_BYTES
from offchain.spec.encoding import HASH_BYTES, hash_from_limbs, hash_limbs

_PRICE_SHIFT, _RATE_SHIFT, _TARGET_SHIFT, _ON_SHIFT = 16, 24, 32, 33
_U8, _U16 = 0xFF, 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """What a feed of the hub prices: a market, or an asset with its redemption rate.

    `target_id` is a market or an asset (:class:`SnapshotTarget`); `price_feed` is the number of a
    reading, `rate_feed_plus_1` one more than that of the rate's, 0 for none.
    """

    target: int
    target_id: int
    price_feed: int
    rate_feed_plus_1: int = 0

    def to_word(self) -> int:
        """Return the word of an entry that is on."""
        return (
            self.target_id
            | self.price_feed << _PRICE_SHIFT
            | self.rate_feed_plus_1 << _RATE_SHIFT
            | self.target << _TARGET_SHIFT
            | 1 << _ON_SHIFT
        )

    @classmethod
    def from_word(cls, word: int) -> Self | None:
        """Parse a word; None of an entry that is off."""
        if not word:
            return None
        return cls(
            target=word >> _TARGET_SHIFT & 1,
            target_id=word & _U16,
            price_feed=word >> _PRICE_SHIFT & _U8,
            rate_feed_plus_1=word >> _RATE_SHIFT & _U8,
        )


@dataclass(slots=True)
class OracleRecord:
    """How far the chain has read its feed set, and what it does with each reading.

    `has_feeds` is 1 for good once an entry was set; `accumulator` is the hub's after the last
    snapshot that was read.
    """

    SIZE: ClassVar[int] = RISK_LEAF_BYTES
    _LAYOUT: ClassVar[Struct] = Struct(f"<2I8x8Q{FEED_ENTRIES}Q176x")

    next_index: int = 0
    has_feeds: int = 0
    accumulator: bytes = bytes(HASH_BYTES)
    entries: list[FeedEntry | None] = field(default_factory=lambda: [None] * FEED_ENTRIES)

    def to_bytes(self) -> bytes:
        """Return the 512-byte record."""
        words = (0 if entry is None else entry.to_word() for entry in self.entries)
        return self._LAYOUT.pack(
            self.next_index, self.has_feeds, *hash_limbs(self.accumulator), *words
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 512-byte record."""
        next_index, has_feeds, *words = cls._LAYOUT.unpack(data)
        limbs, entries = tuple(words[:-FEED_ENTRIES]), words[-FEED_ENTRIES:]
        return cls(
            next_index, has_feeds, hash_from_limbs(limbs), [*map(FeedEntry.from_word, entries)]
        )


@dataclass(slots=True)
class Listing:
    """Ids of the markets and assets of the valuation table, ascending; at most 64 of each."""

    SIZE: ClassVar[int] = RISK_LEAF_BYTES
    _LAYOUT: ClassVar[Struct] = Struct(f"<2I{LISTED_MAX}H{LISTED_MAX}H248x")

    markets: list[int] = field(default_factory=list)
    assets: list[int] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Return the 512-byte record."""
        lists = (self.markets, self.assets)
        ids = (number for ids in lists for number in _padded(ids))
        return self._LAYOUT.pack(*map(len, lists), *ids)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 512-byte record."""
        markets, assets, *ids = cls._LAYOUT.unpack(data)
        listed = [number - 1 for number in ids]
        return cls(listed[:markets], listed[LISTED_MAX : LISTED_MAX + assets])


def _padded(ids: list[int]) -> list[int]:
    return [number + 1 for number in ids] + [0] * (LISTED_MAX - len(ids))
