"""Cuts a feed into matching events and rebuilds the orders that caused the trades.

One event is what the exchange did at one instant: trades with their fills first, then the changes
of the book that follow from them. An aggressor is a run of TRADE messages of one order id; its
limit is the last (worst) price it traded at and its size is what it traded: what it left resting
arrives as an ADD or MODIFY among the updates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from offchain.replay.book import Fill
from offchain.replay.feed import MessageFlag, MessageKind, MessageSide, StructArray

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Aggressor:
    """An incoming order as the trades show it.

    `is_bid` is None for an auction, which has no aggressor. `fills` are the exchange's fills of
    *other* orders, in the order in which it listed them; `size` is the sum over TRADE messages.
    """

    index: int
    order_id: int
    is_bid: bool | None
    limit_ticks: int
    size: int
    fills: list[Fill] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """An ADD, CANCEL, MODIFY or CLEAR; `size` as in `FEED_DTYPE`."""

    kind: MessageKind
    order_id: int
    is_bid: bool
    price_ticks: int
    size: int


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Trades (possibly none), then book updates; `end` is the index after the last message."""

    end: int
    aggressors: tuple[Aggressor, ...]
    updates: tuple[BookUpdate, ...]


@dataclass(slots=True)
class _Row:
    """One message with Python scalars, which are several times cheaper to compare than NumPy's."""

    order_id: int
    price_ticks: int
    size: int
    kind: int
    side: int
    flags: int


def _rows(messages: StructArray) -> Iterator[_Row]:
    names = ("order_id", "price_ticks", "size", "kind", "side", "flags")
    return map(_Row, *(messages[name].tolist() for name in names))


class _EventBuilder:
    """Collects one event; a trade that follows an update opens the next one."""

    def __init__(self) -> None:
        self.aggressors: list[Aggressor] = []
        self.updates: list[BookUpdate] = []

    def add_trade(self, index: int, row: _Row) -> None:
        is_bid = None if row.side == MessageSide.NONE else row.side == MessageSide.BID
        last = self.aggressors[-1] if self.aggressors else None
        if last is None or last.order_id != row.order_id or last.is_bid != is_bid:
            last = Aggressor(index, row.order_id, is_bid, row.price_ticks, 0)
            self.aggressors.append(last)
        last.limit_ticks = row.price_ticks
        last.size += row.size

    def add_fill(self, row: _Row) -> None:
        # A fill of the aggressor's own order is its side of the trade, not a maker's.
        if self.aggressors and row.order_id != self.aggressors[-1].order_id:
            fill = Fill(row.order_id, row.price_ticks, row.size)
            self.aggressors[-1].fills.append(fill)

    def take(self, end: int) -> FeedEvent:
        event = FeedEvent(end, tuple(self.aggressors), tuple(self.updates))
        self.aggressors, self.updates = [], []
        return event


def split_events(messages: StructArray) -> Iterator[FeedEvent]:
    """Yield the events of a feed in order.

    Parameters
    ----------
    messages : array of FEED_DTYPE, shape (n,)
        The feed.

    Yields
    ------
    FeedEvent
        Each message belongs to exactly one event, except NONE and a fill before any trade, which
        say nothing about the book.
    """
    builder = _EventBuilder()
    for index, row in enumerate(_rows(messages)):
        if row.kind == MessageKind.TRADE:
            if builder.updates:
                yield builder.take(index)
            builder.add_trade(index, row)
        elif row.kind == MessageKind.FILL:
            builder.add_fill(row)
        elif row.kind != MessageKind.NONE:
            is_bid = row.side == MessageSide.BID
            kind = MessageKind(row.kind)
            update = BookUpdate(kind, row.order_id, is_bid, row.price_ticks, row.size)
            builder.updates.append(update)
        if row.flags & MessageFlag.END_OF_EVENT and (builder.updates or builder.aggressors):
            yield builder.take(index + 1)
    if builder.updates or builder.aggressors:
        yield builder.take(len(messages))
