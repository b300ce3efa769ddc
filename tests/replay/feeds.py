"""Feeds written by hand, and replays that check themselves."""

import numpy as np

from offchain.replay.book import ReferenceBook
from offchain.replay.driver import FeedReplay, ReplayOptions, replay_recording
from offchain.replay.events import split_events
from offchain.replay.feed import (
    FEED_DTYPE,
    FeedRecording,
    MessageFlag,
    MessageKind,
    MessageSide,
)

KINDS = {
    "A": MessageKind.ADD,
    "C": MessageKind.CANCEL,
    "M": MessageKind.MODIFY,
    "T": MessageKind.TRADE,
    "F": MessageKind.FILL,
    "R": MessageKind.CLEAR,
    "N": MessageKind.NONE,
}
SIDES = {"B": MessageSide.BID, "A": MessageSide.ASK, "N": MessageSide.NONE}


def feed(*events: str) -> FeedRecording:
    """Write a feed: one string per event, messages 'kind side order@price*size' in it."""
    rows = []
    for time_ns, event in enumerate(events):
        messages = event.split(", ")
        for place, message in enumerate(messages):
            kind, side, rest = message.split(" ")
            order_id, rest = rest.split("@")
            price_ticks, size = rest.split("*")
            flags = MessageFlag.END_OF_EVENT if place == len(messages) - 1 else 0
            rows.append(
                (time_ns, int(order_id), int(price_ticks), int(size), KINDS[kind], SIDES[side],
                 flags, 0)
            )  # fmt: skip
    return FeedRecording(np.array(rows, dtype=FEED_DTYPE), tick_e9=1, symbol="TEST")


class WatchedBook(ReferenceBook):
    """A book that refuses what the interface forbids and records what is asked of it."""

    def __init__(self):
        super().__init__()
        self.aggressors = []

    def place(self, feed_order_id, is_bid, price_ticks, size):
        assert feed_order_id not in self.orders
        assert size > 0
        self.refuse_crossing(is_bid, price_ticks)
        super().place(feed_order_id, is_bid, price_ticks, size)

    def modify(self, feed_order_id, price_ticks, size):
        assert size > 0
        self.refuse_crossing(self.orders[feed_order_id].is_bid, price_ticks)
        super().modify(feed_order_id, price_ticks, size)

    def aggress(self, feed_order_id, is_bid, limit_ticks, size):
        assert feed_order_id not in self.orders
        self.aggressors.append((feed_order_id, is_bid, limit_ticks, size))
        return super().aggress(feed_order_id, is_bid, limit_ticks, size)

    def refuse_crossing(self, is_bid, price_ticks):
        best = self.best_ticks(not is_bid)
        assert best is None or (price_ticks < best if is_bid else price_ticks > best)


def levels_of(book: ReferenceBook) -> dict:
    return {
        (is_bid, price): book.queue(is_bid, price)
        for is_bid in (True, False)
        for price in book.prices(is_bid)
    }


def replay_checked(recording: FeedRecording, options: ReplayOptions | None = None):
    """Replay and require our book to equal the exchange's after every event; return both."""
    book = WatchedBook()
    replay = FeedReplay(book, options or ReplayOptions())
    for event in split_events(recording.messages):
        replay.apply(event)
        if not replay._is_holding:
            assert levels_of(book) == levels_of(replay._shadow)
    return replay.report, book


def replay_plain(recording: FeedRecording, **options: bool):
    return replay_recording(recording, ReferenceBook, options=ReplayOptions(**options))
