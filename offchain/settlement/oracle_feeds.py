"""Feeds of the oracle hub: their encoding, and what a hub makes of a source's answers.

The twin of `contracts/oracle/`, all but the sets and snapshots (`oracle_hub.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import isqrt
from typing import Final

from offchain.settlement.abi import (
    WORD_BYTES,
    ZERO_WORD,
    address_word,
    bytes32_word,
    keccak256,
    split_words,
    uint_word,
)

VALUE_BITS: Final = 128
PRICE_DECIMALS: Final = 8
RATE_DECIMALS: Final = 18
SHARE_DECIMALS: Final = 18
DECIMALS_MAX: Final = 36
HEARTBEAT_MAX_S: Final = 30 * 86_400
ANSWER_BITS: Final = 128
SIGN_BIT: Final = 255
PPM: Final = 1_000_000
YEAR_S: Final = 365 * 86_400
RESERVE_BITS: Final = 112
SUPPLY_BITS: Final = 128
SELECTOR_BYTES: Final = 4
_FREE_BITS: Final = 12
_MANTISSA_BITS: Final = 128
_WORD_BITS: Final = 256
_LEFT_MAX: Final = 66

SourceReader = Callable[[bytes, bytes], bytes | None]
"""What a view call returns, from address (20 bytes) and calldata; None if it fails."""


def selector(signature: str) -> bytes:
    """Return the four bytes that name a function, such as ``stEthPerToken()``."""
    return keccak256(signature.encode())[:SELECTOR_BYTES]


DECIMALS_CALL: Final = selector("decimals()")
ROUND_CALL: Final = selector("latestRoundData()")
RESERVES_CALL: Final = selector("getReserves()")
SUPPLY_CALL: Final = selector("totalSupply()")


class OracleHubError(Exception):
    """The hub refuses a call.

    Attributes
    ----------
    code : str
        Code of the contract's error, for example ``F14``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FeedKind(IntEnum):
    """Kind of a feed."""

    CHAINLINK = 1
    RATE = 2
    LP_V2 = 3


class Status(IntEnum):
    """What became of a read; only OK and CAPPED carry a value to rely on."""

    OK = 1
    CAPPED = 2
    CALL_FAILED = 3
    DECIMALS_CHANGED = 4
    NON_POSITIVE = 5
    FUTURE = 6
    STALE = 7
    CLAMPED = 8
    OUT_OF_RANGE = 9
    NO_SUPPLY = 10
    DEPENDS_ON_BAD_FEED = 11


@dataclass(frozen=True, slots=True)
class Reading:
    """What a snapshot says about one feed.

    Attributes
    ----------
    value : int
        Price in USD times 10^8 or rate times 10^18, below 2^128. Unless the status is OK or
        CAPPED: 0, or a rate's last accepted value.
    status : Status
        What became of the read.
    """

    value: int
    status: Status

    def to_bytes(self) -> bytes:
        """Encode as two words.

        Raises
        ------
        ValueError
            If the value is outside of its range.
        """
        return uint_word(self.value, VALUE_BITS) + uint_word(self.status)


@dataclass(frozen=True, slots=True)
class ChainlinkFeed:
    """A price from an aggregator of Chainlink's shape.

    Attributes
    ----------
    source : bytes
        Aggregator, 20 bytes.
    decimals : int
        Decimals of its answer, at most 36; another number at a read is refused.
    heartbeat_s : int
        Longest time between two updates, 1 s to 30 days; 10 % more is tolerated.
    min_answer, max_answer : int
        A price lies strictly between, ascending and below 2^128.
    """

    source: bytes
    decimals: int
    heartbeat_s: int
    min_answer: int
    max_answer: int

    kind = FeedKind.CHAINLINK

    def words(self) -> list[bytes]:
        """Return the 13 words of the contract's `Feed`."""
        own = (self.heartbeat_s, self.min_answer, self.max_answer)
        return [*_common_words(self), *map(uint_word, own), *[ZERO_WORD] * 7]

    def check(self, _earlier: Sequence[Feed]) -> None:
        """Raise `OracleHubError` if the hub would refuse the feed."""
        _require(0 < self.heartbeat_s <= HEARTBEAT_MAX_S, "F07")
        _require(self.min_answer < self.max_answer < 1 << ANSWER_BITS, "F08")

    def read(self, read: SourceReader, time_s: int) -> Reading:
        """Return what a snapshot at `time_s` says: USD times 10^8, or 0 and why not."""
        decimals = _read_words(read, self.source, DECIMALS_CALL, 1)
        if decimals is None:
            return Reading(0, Status.CALL_FAILED)
        if decimals[0] != self.decimals:
            return Reading(0, Status.DECIMALS_CHANGED)
        latest = _read_words(read, self.source, ROUND_CALL, 5)
        if latest is None:
            return Reading(0, Status.CALL_FAILED)
        answer, updated_at_s = latest[1], latest[3]
        if answer == 0 or answer >> SIGN_BIT:
            return Reading(0, Status.NON_POSITIVE)
        if updated_at_s > time_s:
            return Reading(0, Status.FUTURE)
        if time_s - updated_at_s > self.heartbeat_s + self.heartbeat_s // 10:
            return Reading(0, Status.STALE)
        if not self.min_answer < answer < self.max_answer:
            return Reading(0, Status.CLAMPED)
        return scaled(answer, self.decimals, PRICE_DECIMALS)


@dataclass(frozen=True, slots=True)
class RateFeed:
    """A redemption rate with a cap on its growth.

    Attributes
    ----------
    source : bytes
        Contract that has the rate, 20 bytes.
    decimals : int
        Decimals of the result, at most 36.
    selector : bytes
        Function that is called, 4 bytes.
    argument : bytes or None
        Its one word, if it takes one.
    growth_ppm : int
        Highest growth per year, at most 10^6.
    reference_e18 : int
        Rate at the registration, positive and below 2^128.
    """

    source: bytes
    decimals: int
    selector: bytes
    argument: bytes | None
    growth_ppm: int
    reference_e18: int

    kind = FeedKind.RATE

    def words(self) -> list[bytes]:
        """Return the 13 words of the contract's `Feed`."""
        if len(self.selector) != SELECTOR_BYTES:
            raise ValueError(f"a selector has {SELECTOR_BYTES} bytes, not {len(self.selector)}")
        return [
            *_common_words(self),
            *[ZERO_WORD] * 3,
            self.selector.ljust(WORD_BYTES, b"\x00"),
            uint_word(self.argument is not None),
            ZERO_WORD if self.argument is None else bytes32_word(self.argument),
            uint_word(self.growth_ppm),
            uint_word(self.reference_e18),
            *[ZERO_WORD] * 2,
        ]

    def check(self, _earlier: Sequence[Feed]) -> None:
        """Raise `OracleHubError` if the hub would refuse the feed."""
        _require(self.growth_ppm <= PPM, "F09")
        _require(0 < self.reference_e18 < 1 << VALUE_BITS, "F10")

    def read(self, read: SourceReader, accepted_e18: int, elapsed_s: int) -> Reading:
        """Return what a snapshot says.

        Parameters
        ----------
        read : SourceReader
            Answers of the source.
        accepted_e18 : int
            Rate accepted last.
        elapsed_s : int
            Time since then.

        Returns
        -------
        Reading
            The rate times 10^18, cut to the cap; the accepted one if the read failed.
        """
        words = _read_words(read, self.source, self.selector + (self.argument or b""), 1)
        if words is None:
            return Reading(accepted_e18, Status.CALL_FAILED)
        found = scaled(words[0], self.decimals, RATE_DECIMALS)
        if found.status is not Status.OK:
            return Reading(accepted_e18, found.status)
        cap_e18 = accepted_e18 + accepted_e18 * self.growth_ppm * elapsed_s // (PPM * YEAR_S)
        return Reading(cap_e18, Status.CAPPED) if found.value > cap_e18 else found


@dataclass(frozen=True, slots=True)
class LpFeed:
    """The fair price of 10^18 shares of a Uniswap V2 pair.

    Attributes
    ----------
    source : bytes
        Pair, 20 bytes.
    decimals : int
        Decimals of both tokens together, at most 36.
    price_feed_0, price_feed_1 : int
        Indices of the tokens' CHAINLINK feeds, earlier in the set.
    """

    source: bytes
    decimals: int
    price_feed_0: int
    price_feed_1: int

    kind = FeedKind.LP_V2

    def words(self) -> list[bytes]:
        """Return the 13 words of the contract's `Feed`."""
        own = (self.price_feed_0, self.price_feed_1)
        return [*_common_words(self), *[ZERO_WORD] * 8, *map(uint_word, own)]

    def check(self, earlier: Sequence[Feed]) -> None:
        """Raise `OracleHubError` if the hub would refuse the feed after `earlier` ones."""
        for index in (self.price_feed_0, self.price_feed_1):
            _require(
                index < len(earlier) and earlier[index].kind is FeedKind.CHAINLINK,
                "F11",
            )

    def read(self, read: SourceReader, price_0: Reading, price_1: Reading) -> Reading:
        """Return what a snapshot says: USD times 10^8, or 0 and why not."""
        if price_0.status is not Status.OK or price_1.status is not Status.OK:
            return Reading(0, Status.DEPENDS_ON_BAD_FEED)
        reserves = _read_words(read, self.source, RESERVES_CALL, 3)
        supply = _read_words(read, self.source, SUPPLY_CALL, 1)
        if reserves is None or supply is None:
            return Reading(0, Status.CALL_FAILED)
        if supply[0] == 0:
            return Reading(0, Status.NO_SUPPLY)
        if 0 in reserves[:2]:
            return Reading(0, Status.NON_POSITIVE)
        if max(reserves[:2]) >> RESERVE_BITS or supply[0] >> SUPPLY_BITS:
            return Reading(0, Status.OUT_OF_RANGE)
        worths = (reserves[0] * price_0.value, reserves[1] * price_1.value)
        return fair_price(*worths, self.decimals, supply[0])


Feed = ChainlinkFeed | RateFeed | LpFeed
"""A feed of any kind."""


def scaled(amount: int, decimals: int, target_decimals: int) -> Reading:
    """Change decimals, rounded down; NON_POSITIVE or OUT_OF_RANGE if nothing fits."""
    if decimals > target_decimals:
        return _in_range(amount // 10 ** (decimals - target_decimals))
    return _in_range(amount * 10 ** (target_decimals - decimals))


def fair_price(worth_0: int, worth_1: int, decimals: int, supply: int) -> Reading:
    """Return 2 * 10^18 * sqrt(worth_0 * worth_1 / 10^decimals) / supply as the hub rounds it.

    Parameters
    ----------
    worth_0, worth_1 : int
        Reserve times price of each token, positive and below 2^240.
    decimals : int
        Decimals of both tokens together.
    supply : int
        Number of shares, positive and below 2^128.

    Returns
    -------
    Reading
        At most the exact value; short of it by less than 2^-124 of it, and less than one.
    """
    mantissa_0, left_0 = _normalised(worth_0 * 10 ** (decimals % 2))
    mantissa_1, left_1 = _normalised(worth_1)
    left = (left_0 + left_1) // 2
    numerator = 2 * 10**SHARE_DECIMALS * isqrt(mantissa_0 * mantissa_1)
    if left >= _MANTISSA_BITS:
        numerator >>= left - _MANTISSA_BITS
    elif _MANTISSA_BITS - left <= _LEFT_MAX:
        numerator <<= _MANTISSA_BITS - left
    else:
        return Reading(0, Status.OUT_OF_RANGE)
    return _in_range(numerator // (supply * 10 ** ((decimals + 1) // 2)))


def _normalised(worth: int) -> tuple[int, int]:
    """Return (mantissa of 127 or 128 bits, even left): worth = mantissa * 2^(128 - left)."""
    left = _WORD_BITS - worth.bit_length()
    left -= (left - _FREE_BITS) % 2
    return worth << left >> _MANTISSA_BITS, left


def _in_range(value: int) -> Reading:
    if value == 0:
        return Reading(0, Status.NON_POSITIVE)
    return Reading(0, Status.OUT_OF_RANGE) if value >> VALUE_BITS else Reading(value, Status.OK)


def _common_words(feed: Feed) -> list[bytes]:
    return [uint_word(feed.kind), address_word(feed.source), uint_word(feed.decimals)]


def _read_words(read: SourceReader, source: bytes, calldata: bytes, count: int) -> list[int] | None:
    output = read(source, calldata)
    if output is None or len(output) < count * WORD_BYTES:
        return None
    words = split_words(output[: count * WORD_BYTES], count)
    return [int.from_bytes(word, "big") for word in words]


def _require(is_met: bool, code: str) -> None:
    if not is_met:
        raise OracleHubError(code)
