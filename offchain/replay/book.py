"""The book that a replay drives: an abstract interface and a plain Python implementation.

`ReferenceBook` serves three ends: the replay's own record of what the exchange showed, the oracle
for tests, and the plain Python peer of the matching benchmark.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Fill(NamedTuple):
    """One execution against a resting order."""

    maker_feed_order_id: int
    price_ticks: int
    size: int


class MatchingBook(Protocol):
    """What a replay needs from an exchange: price-time priority and stable order ids.

    Only `aggress` returns something, so an implementation on a batch engine may collect the other
    calls and send them together with the next `aggress` (or, at the end, drop them unsent).
    The caller guarantees: ids of resting orders are unique (an id may come back once its order is
    gone: an iceberg's refill, an aggressor's rest), `modify` and `cancel` name a resting order,
    sizes are positive, and neither `place` nor `modify` ever crosses the book. (A crossing add of
    the feed, as before an opening auction, is held back by `offchain.replay.driver`.)
    """

    def place(self, feed_order_id: int, is_bid: bool, price_ticks: int, size: int) -> None:
        """Rest an order behind all others at its price."""

    def modify(self, feed_order_id: int, price_ticks: int, size: int) -> None:
        """Change price or size; priority is kept only if the size falls at the same price."""

    def cancel(self, feed_order_id: int, size: int | None = None) -> None:
        """Take `size` off an order, keeping its priority; None takes it all."""

    def aggress(self, feed_order_id: int, is_bid: bool, limit_ticks: int, size: int) -> list[Fill]:
        """Match immediately or cancel: fills in order of execution, nothing rests."""


@dataclass(slots=True)
class RestingOrder:
    """An order in the book; `size` is what remains."""

    is_bid: bool
    price_ticks: int
    size: int


@dataclass(slots=True)
class _Side:
    """Price levels of one side; `keys` ascend with the best level first (bids are negated)."""

    sign: int
    keys: list[int] = field(default_factory=list)
    levels: dict[int, dict[int, RestingOrder]] = field(default_factory=dict)


class ReferenceBook:
    """Price-time priority on dictionaries; implements `MatchingBook`.

    A level is a dictionary from order id to order, whose insertion order is the queue. Cost per
    call: one or two dictionary steps, plus a bisection when a level appears or vanishes.
    """

    def __init__(self) -> None:
        self.orders: dict[int, RestingOrder] = {}
        self._bids = _Side(-1)
        self._asks = _Side(1)

    def place(self, feed_order_id: int, is_bid: bool, price_ticks: int, size: int) -> None:
        """Rest an order behind all others at its price; it may cross (before an auction)."""
        order = RestingOrder(is_bid, price_ticks, size)
        self.orders[feed_order_id] = order
        side = self._bids if is_bid else self._asks
        level = side.levels.get(price_ticks)
        if level is None:
            side.levels[price_ticks] = {feed_order_id: order}
            insort(side.keys, side.sign * price_ticks)
        else:
            level[feed_order_id] = order

    def modify(self, feed_order_id: int, price_ticks: int, size: int) -> None:
        """Change price or size; priority is kept unless the price changes or the size rises."""
        order = self.orders[feed_order_id]
        if price_ticks == order.price_ticks and size <= order.size:
            order.size = size
        else:
            self._remove(feed_order_id)
            self.place(feed_order_id, order.is_bid, price_ticks, size)

    def cancel(self, feed_order_id: int, size: int | None = None) -> None:
        """Take `size` off an order, keeping its priority; None, or all of it, removes it."""
        order = self.orders[feed_order_id]
        if size is None or size >= order.size:
            self._remove(feed_order_id)
        else:
            order.size -= size

    def aggress(
        self,
        feed_order_id: int,  # noqa: ARG002 - the interface names the order, this book needs no name
        is_bid: bool,
        limit_ticks: int,
        size: int,
    ) -> list[Fill]:
        """Match immediately or cancel, best price first and oldest first within a price."""
        side = self._asks if is_bid else self._bids
        fills: list[Fill] = []
        while size and side.keys and side.keys[0] <= side.sign * limit_ticks:
            price_ticks = side.sign * side.keys[0]
            level = side.levels[price_ticks]
            maker_id, maker = next(iter(level.items()))
            traded = min(size, maker.size)
            fills.append(Fill(maker_id, price_ticks, traded))
            size -= traded
            maker.size -= traded
            if not maker.size:
                self._remove(maker_id)
        return fills

    def queue(self, is_bid: bool, price_ticks: int) -> list[tuple[int, int]]:
        """Return (order id, size) of one level, first in the queue first."""
        side = self._bids if is_bid else self._asks
        return [(key, order.size) for key, order in side.levels.get(price_ticks, {}).items()]

    def prices(self, is_bid: bool) -> list[int]:
        """Return the prices of a side's levels, best first."""
        side = self._bids if is_bid else self._asks
        return [side.sign * key for key in side.keys]

    def best_ticks(self, is_bid: bool) -> int | None:
        """Return the best price of a side, or None when it is empty."""
        side = self._bids if is_bid else self._asks
        return side.sign * side.keys[0] if side.keys else None

    def _remove(self, feed_order_id: int) -> None:
        order = self.orders.pop(feed_order_id)
        side = self._bids if order.is_bid else self._asks
        level = side.levels[order.price_ticks]
        del level[feed_order_id]
        if not level:
            del side.levels[order.price_ticks]
            del side.keys[bisect_left(side.keys, side.sign * order.price_ticks)]
