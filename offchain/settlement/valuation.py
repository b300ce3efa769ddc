"""Valuation table of a chain: prices and indices by which accounts of a frozen chain are valued.

Layout and meaning: docs/spec/escape.md section 2. The twin of `contracts/escape/valuation.vy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from struct import Struct, error
from typing import Final

from offchain.settlement.abi import WORD_BYTES, ZERO_WORD, keccak256
from offchain.spec.encoding import bias, unbias

TABLE_TAG: Final = b"HRvalu01"
ENTRIES_MAX: Final = 64
"""Markets, and assets, of a table."""
ASSET_IDS: Final = 256
INDEX_ONE_E12: Final = 10**12
"""Interest index at the start; `rate_e12` of an asset that stands for itself."""
PRICE_ONE_E8: Final = 10**8
"""`price_e8` of the quote asset."""
VALUE_DIVISOR: Final = 10**20
"""Of units x price_e8 x rate_e12."""
ADL_ONE: Final = 2**48
"""The whole of a position, in the scale of `adl_taken`."""
PAID_SCALE: Final = 10**6
"""Of a paid index: its quote units are 10^-6 of a quote unit."""
_WORD: Final = Struct(">4Q")


@dataclass(frozen=True, slots=True)
class Side:
    """Lazy indices of the longs, or of the shorts, of a market.

    Attributes
    ----------
    adl_epoch
        Epoch of automatic deleveraging, below 2^32.
    adl_taken
        Share of every position that was taken in this epoch, in 2^-48; below 2^48.
    paid_index
        What a lot paid in this epoch, in 10^-6 quote units; signed, below 2^62.
    ended_paid_index
        The same at the end of the epoch before.
    """

    adl_epoch: int = 0
    adl_taken: int = 0
    paid_index: int = 0
    ended_paid_index: int = 0

    def to_bytes(self) -> bytes:
        """Return the 32-byte word."""
        paid, ended = bias(self.paid_index), bias(self.ended_paid_index)
        return _WORD.pack(self.adl_epoch, self.adl_taken, paid, ended)

    @classmethod
    def from_bytes(cls, word: bytes) -> Side:
        """Parse the 32-byte word."""
        epoch, taken, paid, ended = _WORD.unpack(word)
        return cls(epoch, taken, unbias(paid), unbias(ended))


@dataclass(frozen=True, slots=True)
class MarketValue:
    """Mark price of a market, in price units of its book, and its lazy indices."""

    market_id: int
    mark_price: int
    long: Side = field(default_factory=Side)
    short: Side = field(default_factory=Side)

    def to_bytes(self) -> bytes:
        """Return the three words."""
        prices = _WORD.pack(self.market_id, self.mark_price, 0, 0)
        return prices + self.long.to_bytes() + self.short.to_bytes()


@dataclass(frozen=True, slots=True)
class AssetValue:
    """Price of an asset and what all accounts hold of it.

    Attributes
    ----------
    asset_id
        Asset, below 256.
    price_e8
        Quote units per 10^8 units of what the asset stands for.
    rate_e12
        How much of that a unit of the asset is, in 10^-12.
    supply_units
        Sum of the baskets of all accounts, in engine units.
    """

    asset_id: int
    price_e8: int = PRICE_ONE_E8
    rate_e12: int = INDEX_ONE_E12
    supply_units: int = 0

    def to_bytes(self) -> bytes:
        """Return the 32-byte word."""
        return _WORD.pack(self.asset_id, self.price_e8, self.rate_e12, self.supply_units)

    def value_floor(self, units: int) -> int:
        """Return the value of signed units in quote units, rounded towards minus infinity."""
        return units * self.price_e8 * self.rate_e12 // VALUE_DIVISOR

    def value_ceil(self, units: int) -> int:
        """Return the value of units in quote units, rounded towards plus infinity."""
        return -self.value_floor(-units)


@dataclass(frozen=True, slots=True)
class ValuationTable:
    """Prices and indices of a chain at one state.

    Attributes
    ----------
    markets, assets
        By strictly ascending id, at most 64 each.
    earned_index_e12, owed_index_e12
        Interest on positive and on negative quote.
    """

    markets: tuple[MarketValue, ...] = ()
    assets: tuple[AssetValue, ...] = ()
    earned_index_e12: int = INDEX_ONE_E12
    owed_index_e12: int = INDEX_ONE_E12

    def __post_init__(self) -> None:
        """Refuse a table that the contract refuses.

        Raises
        ------
        ValueError
            If there are too many entries, ids do not ascend or an asset id is 256 or more.
        """
        markets = [market.market_id for market in self.markets]
        assets = [asset.asset_id for asset in self.assets]
        if max(len(markets), len(assets)) > ENTRIES_MAX:
            raise ValueError(f"more than {ENTRIES_MAX} markets or assets")
        if not (_ascends(markets) and _ascends(assets)):
            raise ValueError("ids do not strictly ascend")
        if assets and assets[-1] >= ASSET_IDS:
            raise ValueError(f"asset id {assets[-1]} is {ASSET_IDS} or more")

    def to_bytes(self) -> bytes:
        """Return the encoding.

        Raises
        ------
        ValueError
            If a field is outside its 64 bits.
        """
        try:
            return b"".join(self._words())
        except error as too_large:
            raise ValueError("a field of the table does not fit in 64 bits") from too_large

    def digest(self) -> bytes:
        """Return the valuation hash, the word of a public output."""
        return valuation_hash(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> ValuationTable:
        """Parse an encoding; the inverse of :meth:`to_bytes`.

        Raises
        ------
        ValueError
            If the contract would refuse it, or an unused field is not zero.
        """
        if len(data) < WORD_BYTES:
            raise ValueError("a table has a head of 32 bytes")
        earned, owed, market_count, asset_count = _WORD.unpack_from(data)
        if max(market_count, asset_count) > ENTRIES_MAX:
            raise ValueError(f"more than {ENTRIES_MAX} markets or assets")
        words = [data[k : k + WORD_BYTES] for k in range(WORD_BYTES, len(data), WORD_BYTES)]
        if len(data) != WORD_BYTES * (1 + 3 * market_count + asset_count):
            raise ValueError("length does not fit the numbers of markets and assets")
        markets = tuple(
            _market(*words[3 * k : 3 * k + 3])  # three words each
            for k in range(market_count)
        )
        assets = tuple(AssetValue(*_WORD.unpack(word)) for word in words[3 * market_count :])
        return cls(markets, assets, earned, owed)

    def _words(self) -> Iterator[bytes]:
        counts = len(self.markets), len(self.assets)
        yield _WORD.pack(self.earned_index_e12, self.owed_index_e12, *counts)
        yield from (market.to_bytes() for market in self.markets)
        yield from (asset.to_bytes() for asset in self.assets)


def valuation_hash(table: bytes) -> bytes:
    """Return the valuation hash of an encoded table; zero for no table."""
    return keccak256(TABLE_TAG + table) if table else ZERO_WORD


def _market(prices: bytes, longs: bytes, shorts: bytes) -> MarketValue:
    market_id, mark_price, *zeros = _WORD.unpack(prices)
    if any(zeros):
        raise ValueError("unused fields of a market are not zero")
    return MarketValue(market_id, mark_price, Side.from_bytes(longs), Side.from_bytes(shorts))


def _ascends(ids: Sequence[int]) -> bool:
    return all(low < high for low, high in pairwise(ids))
