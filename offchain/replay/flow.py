"""Order flow as users send it: adds, cancels, IOC orders and modifies, each naming its order.

A flow is self-consistent under price-time priority: every cancel and modify names an order that
still rests when its turn comes, and no add or modify crosses the book. So it can be fed to any
engine that matches by price, then time, and two engines can be compared by their fills.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from offchain.replay.book import Fill, ReferenceBook
from offchain.replay.driver import replay_recording
from offchain.replay.feed import (
    CONTENT_FLOW,
    FeedRecording,
    StructArray,
    read_hrflow,
    write_hrflow,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


class FlowKind(IntEnum):
    """ADD rests (GTC limit); IOC matches up to its limit and never rests."""

    ADD = 0
    CANCEL = 1
    IOC = 2
    MODIFY = 3


# 20 bytes, little endian. `order_ref` is the index in the flow of the ADD that the message is
# about (its own index for ADD and IOC). `is_bid` and `account` of a CANCEL or MODIFY repeat the
# order's; price and size of a CANCEL are 0. MODIFY gives the new price and the new remaining size.
FLOW_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("is_bid", "u1"),
        ("reserved", "<u2"),
        ("account", "<u4"),
        ("order_ref", "<u4"),
        ("price_ticks", "<u4"),
        ("size", "<u4"),
    ]
)
_FlowRow = tuple[int, bool, int, int, int, int, int]


def other_account(account: int, makers: Collection[int], n_accounts: int) -> int:
    """Return `account`, or the next one that is none of `makers`.

    Flows avoid self-trades this way, so that self-trade prevention leaves the fills unchanged.
    If the makers cover every account, `account` itself is returned.
    """
    for step in range(n_accounts):
        candidate = (account + step) % n_accounts
        if candidate not in makers:
            return candidate
    return account


def account_of_order(order_id: int, n_accounts: int) -> int:
    """Deal an exchange's order id to one of `n_accounts` accounts by a 64-bit hash (splitmix64)."""
    mask = (1 << 64) - 1
    mixed = (order_id + 0x9E3779B97F4A7C15) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    return (mixed ^ (mixed >> 31)) % n_accounts


class FlowRecorder:
    """A `MatchingBook` that matches in plain Python and writes down what it was told to do.

    Parameters
    ----------
    n_accounts : int
        Accounts that order ids are dealt to, at least 1.
    """

    def __init__(self, n_accounts: int) -> None:
        self.rows: list[_FlowRow] = []
        self._book = ReferenceBook()
        self._n_accounts = n_accounts
        self._ref_of: dict[int, int] = {}
        self._account_of: dict[int, int] = {}

    def place(self, feed_order_id: int, is_bid: bool, price_ticks: int, size: int) -> None:
        """Rest an order; an id that comes back (an iceberg's refill) is a new add."""
        if feed_order_id not in self._account_of:
            account = account_of_order(feed_order_id, self._n_accounts)
            self._account_of[feed_order_id] = account
        self._ref_of[feed_order_id] = len(self.rows)
        self._book.place(feed_order_id, is_bid, price_ticks, size)
        self._write(FlowKind.ADD, feed_order_id, is_bid, price_ticks, size)

    def modify(self, feed_order_id: int, price_ticks: int, size: int) -> None:
        """Change price or size of a resting order."""
        self._book.modify(feed_order_id, price_ticks, size)
        is_bid = self._book.orders[feed_order_id].is_bid
        self._write(FlowKind.MODIFY, feed_order_id, is_bid, price_ticks, size)

    def cancel(self, feed_order_id: int, size: int | None = None) -> None:
        """Cancel an order; a partial cancel is written as a modify to the size that remains."""
        order = self._book.orders[feed_order_id]
        self._book.cancel(feed_order_id, size)
        if feed_order_id in self._book.orders:
            kind, price_ticks, left = FlowKind.MODIFY, order.price_ticks, order.size
        else:
            kind, price_ticks, left = FlowKind.CANCEL, 0, 0
        self._write(kind, feed_order_id, order.is_bid, price_ticks, left)

    def aggress(self, feed_order_id: int, is_bid: bool, limit_ticks: int, size: int) -> list[Fill]:
        """Match at once; the order's account is none of its makers'."""
        fills = self._book.aggress(feed_order_id, is_bid, limit_ticks, size)
        makers = {self._account_of[fill.maker_feed_order_id] for fill in fills}
        account = account_of_order(feed_order_id, self._n_accounts)
        self._account_of[feed_order_id] = other_account(account, makers, self._n_accounts)
        self._ref_of[feed_order_id] = len(self.rows)
        self._write(FlowKind.IOC, feed_order_id, is_bid, limit_ticks, size)
        return fills

    def _write(
        self, kind: FlowKind, order_id: int, is_bid: bool, price_ticks: int, size: int
    ) -> None:
        account, ref = self._account_of[order_id], self._ref_of[order_id]
        self.rows.append((kind, is_bid, 0, account, ref, price_ticks, size))


def flow_from_feed(recording: FeedRecording, n_accounts: int) -> StructArray:
    """Turn an exchange's feed into the orders that its users sent.

    The feed is replayed; what the replay told its book is the flow. Cancels and modifies that are
    mere consequences of trades are therefore absent, aggressors are IOC orders of the size they
    traded, and where the exchange's fills differed from price-time priority the flow contains the
    cancels and adds that bring the book back in line.

    Parameters
    ----------
    recording : FeedRecording
        The feed; all prices positive.
    n_accounts : int
        Accounts to deal the order ids to, at least 1. With one account all trades are self-trades.

    Returns
    -------
    array of FLOW_DTYPE, shape (m,)
        Snapshot orders come first, as adds.

    Raises
    ------
    ValueError
        If a price is not positive or `n_accounts` is below 1.
    """
    if n_accounts < 1:
        raise ValueError(f"n_accounts must be at least 1, got {n_accounts}")
    recorder = FlowRecorder(n_accounts)
    replay_recording(recording, lambda: recorder)
    if any(row[5] <= 0 for row in recorder.rows if row[0] != FlowKind.CANCEL):
        raise ValueError("a flow needs positive prices")
    return np.array(recorder.rows, dtype=FLOW_DTYPE)


def save_flow(path: Path, messages: StructArray, n_accounts: int) -> None:
    """Write a flow as ``.hrflow``."""
    write_hrflow(path, CONTENT_FLOW, messages, {"n_accounts": n_accounts})


def load_flow(path: Path) -> StructArray:
    """Read a flow written by `save_flow`; raises `FeedError` for anything else."""
    messages, _ = read_hrflow(path, CONTENT_FLOW, FLOW_DTYPE)
    return messages
