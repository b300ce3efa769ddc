"""Snapshots of the oracle hub: sets of feeds, their accumulator, and a model of the contract.

The twin of `contracts/OracleHub.vy`; feeds stand in `oracle_feeds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from offchain.settlement.abi import (
    WORD_BYTES,
    ZERO_WORD,
    bytes32_word,
    keccak256,
    read_address,
    read_uint,
    uint_word,
)
from offchain.settlement.oracle_feeds import (
    DECIMALS_MAX,
    SELECTOR_BYTES,
    ChainlinkFeed,
    Feed,
    FeedKind,
    LpFeed,
    OracleHubError,
    RateFeed,
    Reading,
    SourceReader,
    Status,
)

SNAPSHOT_TAG: Final = b"HRoracle"
ACCUMULATOR_START: Final = ZERO_WORD
FEEDS_MAX: Final = 32
FEED_WORDS: Final = 13
INTERVAL_MAX_S: Final = 86_400
TIME_BITS: Final = 64


class SnapshotEvent(TypedDict):
    """Arguments of the hub's `SnapshotTaken` event."""

    set_id: int
    index: int
    time_s: int
    accumulator: bytes
    readings: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class FeedSet:
    """A list of feeds and how often it may be read.

    Attributes
    ----------
    interval_s : int
        Length of an interval, 1 s to 1 day; it has one snapshot at most.
    feeds : tuple of Feed
        1 to 32 feeds; a pair's price feeds stand before the pair.
    """

    interval_s: int
    feeds: tuple[Feed, ...]

    def check(self) -> None:
        """Check what the hub checks, but for the code of the sources.

        Raises
        ------
        OracleHubError
            With the code of the error that the hub would give.
        """
        if not 0 < self.interval_s <= INTERVAL_MAX_S:
            raise OracleHubError("F02")
        if not self.feeds:
            raise OracleHubError("F03")
        for index, feed in enumerate(self.feeds):
            if feed.decimals > DECIMALS_MAX:
                raise OracleHubError("F06")
            feed.check(self.feeds[:index])

    def arguments(self) -> tuple[int, list[tuple[object, ...]]]:
        """Return interval and feeds as an ABI encoder takes them."""
        return self.interval_s, [_feed_tuple(feed) for feed in self.feeds]

    def set_hash(self) -> bytes:
        """Return the hash under which the hub keeps the set, 32 bytes."""
        words = [word for feed in self.feeds for word in feed.words()]
        head = uint_word(self.interval_s) + uint_word(2 * WORD_BYTES)
        return keccak256(head + uint_word(len(self.feeds)) + b"".join(words))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the hub read of one feed set at one time.

    Attributes
    ----------
    set_id : int
        Feed set.
    index : int
        Position among the set's snapshots, from 0.
    time_s : int
        Time of the L1 block, below 2^64.
    readings : tuple of Reading
        In the order of the feeds.
    """

    set_id: int
    index: int
    time_s: int
    readings: tuple[Reading, ...]

    def values_hash(self) -> bytes:
        """Return the hash over values and statuses, 32 bytes."""
        encoded = b"".join(reading.to_bytes() for reading in self.readings)
        return keccak256(uint_word(WORD_BYTES) + uint_word(len(self.readings)) + encoded)

    def accumulate(self, accumulator: bytes) -> bytes:
        """Return the accumulator after this snapshot, from the one before it.

        Parameters
        ----------
        accumulator : bytes
            32 bytes; `ACCUMULATOR_START` before snapshot 0.
        """
        return keccak256(
            SNAPSHOT_TAG
            + bytes32_word(accumulator)
            + uint_word(self.set_id)
            + uint_word(self.index)
            + uint_word(self.time_s, TIME_BITS)
            + self.values_hash()
        )

    @classmethod
    def from_event(cls, event: SnapshotEvent) -> Snapshot:
        """Rebuild a snapshot from the arguments of a `SnapshotTaken` event.

        Raises
        ------
        ValueError
            If a status is unknown.
        """
        readings = tuple(Reading(value, Status(status)) for value, status in event["readings"])
        return cls(event["set_id"], event["index"], event["time_s"], readings)


def accumulate_all(snapshots: Iterable[Snapshot], accumulator: bytes = ACCUMULATOR_START) -> bytes:
    """Return the accumulator after all `snapshots` of one set, in order.

    Parameters
    ----------
    snapshots : iterable of Snapshot
        Snapshots with consecutive indices.
    accumulator : bytes
        Accumulator before the first of them, 32 bytes.
    """
    for snapshot in snapshots:
        accumulator = snapshot.accumulate(accumulator)
    return accumulator


def feed_from_tuple(values: Sequence[object]) -> Feed:
    """Decode a feed from the members of the contract's `Feed`, as an event carries them.

    Raises
    ------
    ValueError
        If the kind is unknown, or a field of another kind is not zero.
    """
    words = [_word(value) for value in values]
    if len(words) != FEED_WORDS:
        raise ValueError(f"a feed has {FEED_WORDS} members, not {len(words)}")
    kind, source, decimals = FeedKind(read_uint(words[0])), read_address(words[1]), words[2]
    common = (source, read_uint(decimals))
    feed: Feed
    if kind is FeedKind.CHAINLINK:
        heartbeat_s, min_answer, max_answer = map(read_uint, words[3:6])
        feed = ChainlinkFeed(*common, heartbeat_s, min_answer, max_answer)
    elif kind is FeedKind.RATE:
        argument = words[8] if read_uint(words[7], 1) else None
        growth_ppm, reference_e18 = map(read_uint, words[9:11])
        selector = words[6][:SELECTOR_BYTES]
        feed = RateFeed(*common, selector, argument, growth_ppm, reference_e18)
    else:
        feed = LpFeed(*common, *map(read_uint, words[11:13]))
    if feed.words() != words:
        raise ValueError(f"a {kind.name} feed has a field of another kind")
    return feed


class OracleHubModel:
    """A hub in Python, for differential tests.

    Parameters
    ----------
    read : SourceReader
        What the sources answer at the time of a call.
    """

    def __init__(self, read: SourceReader) -> None:
        self._read = read
        self._sets: dict[int, FeedSet] = {}
        # (set, feed) -> rate accepted last, and when.
        self._accepted: dict[tuple[int, int], tuple[int, int]] = {}
        self.snapshots: dict[int, list[Snapshot]] = {}

    def register(self, set_id: int, feed_set: FeedSet, time_s: int) -> None:
        """Register a feed set at a time.

        Raises
        ------
        OracleHubError
            If the id is taken or the set is malformed.
        """
        if set_id in self._sets:
            raise OracleHubError("F01")
        feed_set.check()
        self._sets[set_id] = feed_set
        self.snapshots[set_id] = []
        for index, feed in enumerate(feed_set.feeds):
            if isinstance(feed, RateFeed):
                self._accepted[set_id, index] = feed.reference_e18, time_s

    def snapshot(self, set_id: int, time_s: int) -> Snapshot:
        """Read all feeds of a set.

        Raises
        ------
        OracleHubError
            If the set is unknown, or the interval has its snapshot.
        """
        if set_id not in self._sets:
            raise OracleHubError("F13")
        taken, feed_set = self.snapshots[set_id], self._sets[set_id]
        interval_s = feed_set.interval_s
        if taken and time_s // interval_s <= taken[-1].time_s // interval_s:
            raise OracleHubError("F14")
        readings: list[Reading] = []
        for index, feed in enumerate(feed_set.feeds):
            if isinstance(feed, ChainlinkFeed):
                readings.append(feed.read(self._read, time_s))
            elif isinstance(feed, RateFeed):
                readings.append(self._read_rate(set_id, index, feed, time_s))
            else:
                prices = readings[feed.price_feed_0], readings[feed.price_feed_1]
                readings.append(feed.read(self._read, *prices))
        taken.append(Snapshot(set_id, len(taken), time_s, tuple(readings)))
        return taken[-1]

    def accumulator_after(self, set_id: int, count: int) -> bytes:
        """Return the accumulator over the first `count` snapshots of a set."""
        return accumulate_all(self.snapshots[set_id][:count])

    def _read_rate(self, set_id: int, index: int, feed: RateFeed, time_s: int) -> Reading:
        accepted_e18, accepted_at_s = self._accepted[set_id, index]
        reading = feed.read(self._read, accepted_e18, time_s - accepted_at_s)
        if reading.status in (Status.OK, Status.CAPPED):
            self._accepted[set_id, index] = reading.value, time_s
        return reading


def _feed_tuple(feed: Feed) -> tuple[object, ...]:
    words = feed.words()
    values: list[object] = [read_uint(word) for word in words]
    values[1] = "0x" + feed.source.hex()
    values[6] = words[6][:SELECTOR_BYTES]
    values[7] = bool(values[7])
    values[8] = words[8]
    return tuple(values)


def _word(value: object) -> bytes:
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x")).rjust(WORD_BYTES, b"\x00")
    if isinstance(value, bytes):
        return value.ljust(WORD_BYTES, b"\x00")
    if isinstance(value, int):
        return uint_word(value)
    raise ValueError(f"{value!r} is no member of a feed")
