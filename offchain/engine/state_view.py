"""Reading a core's state: records by id, and the order book of a market."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from offchain.core.binding import Core
from offchain.spec.book_records import Level
from offchain.spec.constants import (
    LEAF_BYTES,
    MAX_CHANNELS,
    ORACLE_LEAF,
    POSITIONS_PER_ACCOUNT,
    RESERVATIONS_PER_MASTER,
    SUB_ACCOUNT_BITS,
)
from offchain.spec.header import Header
from offchain.spec.kinds import Continuation, Subtree
from offchain.spec.l1_records import OracleRecord
from offchain.spec.link_records import Channel, Reservation
from offchain.spec.records import Account, Asset, Market, Position
from offchain.spec.state import account_index, position_index

_LEVELS_PER_LEAF: Final = LEAF_BYTES // Level.SIZE
# Looked at after every envelope; parsing the whole header would take ten times longer.
_HEADER_WORDS: Final = Struct("<53Q")
_NOW_WORD: Final = 4
_DUTY_COUNT_WORD: Final = 10
_CONTINUATION_WORD: Final = 29
_SWEEP_HEAD_WORD: Final = 45
_SWEEP_CURSOR_WORD: Final = 46
_SWEPT_WORD: Final = 48
_TRIGGER_MARKET_WORD: Final = 52
_DUE: Final = Struct("<I")


class PriceLevel(NamedTuple):
    """Price in price units and the lots that rest there."""

    price: int
    total_lots: int


@dataclass(frozen=True, slots=True)
class TopOfBook:
    """Best levels of a market; None for an empty side."""

    bid: PriceLevel | None
    ask: PriceLevel | None


class StateView:
    """Read access to a core.

    Parameters
    ----------
    core : Core
        The core; every call reads its present state.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def header(self) -> Header:
        """Return the header record."""
        return Header.from_bytes(self._core.leaf(Subtree.HEADER, 0))

    def account(self, account_id: int) -> Account:
        """Return an account's record; all zero if it does not exist."""
        return Account.from_bytes(self._core.leaf(Subtree.ACCOUNTS, account_index(account_id)))

    def position(self, account_id: int, market_id: int) -> Position:
        """Return an account's position as stored; all zero if it has none in the market."""
        base = position_index(account_id, 0)
        for number in range(base, base + POSITIONS_PER_ACCOUNT):
            position = Position.from_bytes(self._core.leaf(Subtree.POSITIONS, number))
            if position.market_plus_1 == market_id + 1:
                return position
        return Position()

    def leaf(self, subtree: Subtree, number: int) -> bytes:
        """Return the bytes of a leaf; all zero if it is empty."""
        return self._core.leaf(subtree, number)

    def asset(self, asset_id: int) -> Asset:
        """Return an asset's record; all zero if it does not exist."""
        return Asset.from_bytes(self._core.leaf(Subtree.ASSETS, asset_id))

    def market(self, market_id: int) -> Market:
        """Return a market's record; all zero if it does not exist."""
        return Market.from_bytes(self._core.leaf(Subtree.MARKETS, market_id))

    def oracle(self) -> OracleRecord:
        """Return how far the chain has read L1's snapshots; all zero without feeds."""
        return OracleRecord.from_bytes(self._core.leaf(Subtree.RISK, ORACLE_LEAF))

    def channel(self, number: int) -> Channel:
        """Return a channel's record; all zero if it does not exist."""
        return Channel.from_bytes(self._core.leaf(Subtree.CHANNELS, number))

    def channels(self) -> list[Channel]:
        """Return the channels, by number."""
        channels = []
        for number in range(MAX_CHANNELS):
            channel = self.channel(number)
            if not channel.exists:
                break
            channels.append(channel)
        return channels

    def reservations(self, account_id: int) -> list[Reservation]:
        """Return the eight reservations of an account's master; all zero where there is none."""
        first = (account_id >> SUB_ACCOUNT_BITS) * RESERVATIONS_PER_MASTER
        leaves = range(first, first + RESERVATIONS_PER_MASTER)
        return [Reservation.from_bytes(self._core.leaf(Subtree.RESERVATIONS, i)) for i in leaves]

    def is_continuation_pending(self) -> bool:
        """Return whether an op waits for CONTINUE."""
        return self._words()[_CONTINUATION_WORD] != Continuation.NONE

    def is_duty_due(self) -> bool:
        """Return whether the earliest duty is due, or a trigger is met."""
        words = self._words()
        if words[_TRIGGER_MARKET_WORD] != 0:
            return True
        if words[_DUTY_COUNT_WORD] == 0:
            return False
        due_s: int = _DUE.unpack_from(self._core.leaf(Subtree.DUTIES, 0))[0]
        return due_s <= words[_NOW_WORD]

    def is_lap_open(self) -> bool:
        """Return whether a lap of the sweep has begun and not ended."""
        return self._words()[_SWEEP_CURSOR_WORD] != 0

    def sweep_age_s(self) -> int | None:
        """Return since when every account with risk was looked at, in seconds; None: no risk."""
        words = self._words()
        return words[_NOW_WORD] - words[_SWEPT_WORD] if words[_SWEEP_HEAD_WORD] else None

    def top_of_book(self, market_id: int) -> TopOfBook:
        """Return the best levels of a market."""
        bids, asks = (self.depth(market_id, is_ask=side, limit=1) for side in (False, True))
        return TopOfBook(bids[0] if bids else None, asks[0] if asks else None)

    def depth(self, market_id: int, *, is_ask: bool, limit: int) -> list[PriceLevel]:
        """Return up to `limit` levels of one side, best first."""
        levels: list[PriceLevel] = []
        slot = self.market(market_id).best(is_ask=is_ask)
        while slot and len(levels) < limit:
            level = self._level(slot)
            levels.append(PriceLevel(level.price, level.total_lots))
            slot = level.next
        return levels

    def _level(self, slot: int) -> Level:
        number, place = divmod(slot, _LEVELS_PER_LEAF)
        leaf = self._core.leaf(Subtree.LEVELS, number)
        return Level.from_bytes(leaf[place * Level.SIZE : (place + 1) * Level.SIZE])

    def _words(self) -> tuple[int, ...]:
        return _HEADER_WORDS.unpack_from(self._core.leaf(Subtree.HEADER, 0))
