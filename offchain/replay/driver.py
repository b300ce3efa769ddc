"""Drives a book with an exchange's feed and compares the fills, aggressor by aggressor.

The replay keeps a second book, the *shadow*: what the exchange displays, built from the feed alone
(fills, adds, cancels, modifies; never from our fills). After every event our book equals the
shadow, so that one difference can never cause another:

- Trades. Our book matches the aggressor; the shadow takes the exchange's fills. Where the two
  disagree, the levels concerned are rebuilt at once: our orders behind the common head of the
  queue are cancelled and the shadow's are placed in its order (`_set_level`).
- The updates that follow a trade (C or M of a filled order) are consequences which our book has
  already drawn, so they find nothing left to do: a cancel of an order that is gone is skipped, a
  modify to the size that remains changes nothing, a modify of an order that is gone is an
  iceberg's refill and queues last.
- Self-match prevention. The feed does not say who owns an order. When an event cancels an order in
  the aggressor's way without a fill, the exchange did so before it matched the orders behind it.
  This cancel is an input like the aggressor itself (which is rebuilt from its trades); by default
  it is applied before the aggressor. `ReplayOptions.is_self_match_first = False` keeps the feed's
  order instead.
- A crossing add or modify (only before an auction) would match in a continuous book. From then on
  the updates go to the shadow alone, and our book catches up, level by level, as soon as the
  shadow is no longer crossed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from offchain.replay.book import Fill, MatchingBook, ReferenceBook
from offchain.replay.classify import Category, Evidence, applies, classify
from offchain.replay.dbn_feed import DBN_SUFFIXES, read_dbn
from offchain.replay.events import Aggressor, BookUpdate, FeedEvent, split_events
from offchain.replay.feed import (
    HRFLOW_SUFFIX,
    FeedError,
    FeedRecording,
    MessageKind,
    load_feed,
)
from offchain.replay.report import Difference, ReplayReport

if TYPE_CHECKING:
    from pathlib import Path

# Called with (messages done, messages in all), about a hundred times per replay.
Progress = Callable[[int, int], None]
_PROGRESS_STEPS = 100
_Level = tuple[bool, int]


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How a replay treats the feed; see the module's description."""

    is_self_match_first: bool = True


class _EventFacts:
    """Facts about one event that its aggressors share, taken before the first of them."""

    def __init__(self, event: FeedEvent, shadow: ReferenceBook) -> None:
        self.makers = {f.maker_feed_order_id for a in event.aggressors for f in a.fills}
        self.displayed = {
            maker: shadow.orders[maker].size for maker in self.makers if maker in shadow.orders
        }
        self.filled: Counter[int] = Counter()
        self.modified = frozenset(u.order_id for u in event.updates if u.kind == MessageKind.MODIFY)
        self.cancelled = frozenset(
            u.order_id for u in event.updates if u.kind == MessageKind.CANCEL
        )


class FeedReplay:
    """Replays events into a book; one instance per replay.

    Parameters
    ----------
    book : MatchingBook
        Empty book.
    options : ReplayOptions
        Treatment of the feed.
    """

    def __init__(self, book: MatchingBook, options: ReplayOptions) -> None:
        self.report = ReplayReport()
        self._book = book
        self._options = options
        self._shadow = ReferenceBook()
        # While crossed: levels of our book that lag behind the shadow, as they are in our book.
        self._lagging: dict[_Level, list[tuple[int, int]]] = {}
        self._is_holding = False

    def apply(self, event: FeedEvent) -> None:
        """Replay one event: its aggressors in order, then its updates."""
        if event.aggressors:
            facts = _EventFacts(event, self._shadow)
            for aggressor in event.aggressors:
                self._apply_aggressor(aggressor, facts)
        for update in event.updates:
            self._apply_update(update)
        if self._is_holding and not self._is_crossed():
            self._release()

    # -- aggressors ---------------------------------------------------------------------------

    def _apply_aggressor(self, aggressor: Aggressor, facts: _EventFacts) -> None:
        report = self.report
        report.aggressors += 1
        if aggressor.order_id in self._shadow.orders:
            self._cancel(aggressor.order_id)  # A resting order modified through the other side.
        self_matched = self._self_matched(aggressor, facts)
        queue = self._reach(aggressor)
        if self._options.is_self_match_first:
            for order_id in sorted(self_matched):
                self._cancel(order_id)
        for fill in aggressor.fills:
            facts.filled[fill.maker_feed_order_id] += fill.size
        evidence = Evidence(
            aggressor, queue, facts.displayed, dict(facts.filled),
            facts.modified, facts.cancelled, self_matched,
        )  # fmt: skip
        ours: list[Fill] = []
        if aggressor.is_bid is not None and not self._is_holding:
            ours = self._book.aggress(
                aggressor.order_id, aggressor.is_bid, aggressor.limit_ticks, aggressor.size
            )
        self._compare(evidence, ours)
        self._take_exchange_fills(aggressor, ours)

    def _compare(self, evidence: Evidence, ours: list[Fill]) -> None:
        report, aggressor = self.report, evidence.aggressor
        if ours == aggressor.fills:
            report.exact += 1
            report.exact_in_feed_order += not evidence.self_matched
            report.fires_on_exact.update(c for c in Category if applies(c, evidence))
            return
        category = classify(evidence)
        if category is not None:
            report.explained[category] += 1
        difference = Difference(aggressor.index, category, tuple(ours), tuple(aggressor.fills))
        report.differences.append(difference)

    def _self_matched(self, aggressor: Aggressor, facts: _EventFacts) -> frozenset[int]:
        if aggressor.is_bid is None:
            return frozenset()
        return frozenset(
            order_id
            for order_id in facts.cancelled - facts.makers
            if (order := self._shadow.orders.get(order_id)) is not None
            and order.is_bid != aggressor.is_bid
            and _is_within(aggressor, order.price_ticks)
        )

    def _reach(self, aggressor: Aggressor) -> tuple[Fill, ...]:
        """List the displayed orders within the limit, best price and first in the queue first."""
        if aggressor.is_bid is None:
            return ()
        return tuple(
            Fill(order_id, price_ticks, size)
            for price_ticks in takewhile(
                partial(_is_within, aggressor), self._shadow.prices(not aggressor.is_bid)
            )
            for order_id, size in self._shadow.queue(not aggressor.is_bid, price_ticks)
        )

    def _take_exchange_fills(self, aggressor: Aggressor, ours: list[Fill]) -> None:
        """Apply the exchange's fills to the shadow and rebuild our levels where ours differ."""
        is_exact = ours == aggressor.fills
        taken = Counter[int]()
        for fill in ours:
            taken[fill.maker_feed_order_id] += fill.size
        levels: dict[_Level, list[tuple[int, int]]] = {}
        for fill in (*ours, *aggressor.fills):
            order = self._shadow.orders.get(fill.maker_feed_order_id)
            if order is None:
                continue  # Never displayed, or its display was used up earlier in this event.
            level = (order.is_bid, order.price_ticks)
            if self._is_holding:
                self._note_lag(level)
            elif not is_exact and level not in levels:
                levels[level] = [
                    (key, size - taken[key])
                    for key, size in self._shadow.queue(*level)
                    if size > taken[key]
                ]
        for fill in aggressor.fills:
            if fill.maker_feed_order_id in self._shadow.orders:
                self._shadow.cancel(fill.maker_feed_order_id, fill.size)
        for level, ours_at_level in levels.items():
            self._set_level(level, ours_at_level)

    # -- updates ------------------------------------------------------------------------------

    def _apply_update(self, update: BookUpdate) -> None:
        order = self._shadow.orders.get(update.order_id)
        if update.kind == MessageKind.CLEAR:
            for order_id in list(self._shadow.orders):
                self._cancel(order_id)
        elif update.kind == MessageKind.CANCEL:
            if order is not None:
                self._cancel(update.order_id, update.size)
        elif order is None:
            self._place(update)
        elif update.kind == MessageKind.ADD or order.is_bid != update.is_bid:
            self._cancel(update.order_id)
            self._place(update)
        elif (order.price_ticks, order.size) != (update.price_ticks, update.size):
            self._modify(update)

    def _place(self, update: BookUpdate) -> None:
        self._hold_if_crossing(update)
        if self._is_holding:
            self._note_lag((update.is_bid, update.price_ticks))
            self.report.held_back += 1
        else:
            self._book.place(update.order_id, update.is_bid, update.price_ticks, update.size)
        self._shadow.place(update.order_id, update.is_bid, update.price_ticks, update.size)

    def _modify(self, update: BookUpdate) -> None:
        self._hold_if_crossing(update)
        if self._is_holding:
            self._note_lag((update.is_bid, self._shadow.orders[update.order_id].price_ticks))
            self._note_lag((update.is_bid, update.price_ticks))
        else:
            self._book.modify(update.order_id, update.price_ticks, update.size)
        self._shadow.modify(update.order_id, update.price_ticks, update.size)

    def _cancel(self, order_id: int, size: int | None = None) -> None:
        order = self._shadow.orders[order_id]
        if self._is_holding:
            self._note_lag((order.is_bid, order.price_ticks))
        else:
            self._book.cancel(order_id, size)
        self._shadow.cancel(order_id, size)

    # -- crossed feed and levels --------------------------------------------------------------

    def _hold_if_crossing(self, update: BookUpdate) -> None:
        best = self._shadow.best_ticks(not update.is_bid)
        if best is not None:
            is_crossing = (
                update.price_ticks >= best if update.is_bid else update.price_ticks <= best
            )
            self._is_holding |= is_crossing

    def _is_crossed(self) -> bool:
        bid, ask = self._shadow.best_ticks(True), self._shadow.best_ticks(False)
        return bid is not None and ask is not None and bid >= ask

    def _note_lag(self, level: _Level) -> None:
        """Remember a level as our book has it, before the shadow's changes for the first time."""
        if level not in self._lagging:
            self._lagging[level] = self._shadow.queue(*level)

    def _release(self) -> None:
        self._is_holding = False
        # All cancels come first: a level that moves must not meet an old one of the other side.
        for queue in self._lagging.values():
            for order_id, _ in queue:
                self._book.cancel(order_id)
        for is_bid, price_ticks in self._lagging:
            self._set_level((is_bid, price_ticks), [])
        self._lagging = {}

    def _set_level(self, level: _Level, ours: list[tuple[int, int]]) -> None:
        """Turn our queue at a level into the shadow's, keeping their common head."""
        shadow = self._shadow.queue(*level)
        same = 0
        while same < min(len(ours), len(shadow)) and ours[same] == shadow[same]:
            same += 1
        if len(ours) == len(shadow) == same:
            return
        self.report.levels_rebuilt += 1
        for order_id, _ in ours[same:]:
            self._book.cancel(order_id)
        for order_id, size in shadow[same:]:
            self._book.place(order_id, level[0], level[1], size)


def _is_within(aggressor: Aggressor, price_ticks: int) -> bool:
    """Tell whether a resting price is at the aggressor's limit or better for it."""
    if aggressor.is_bid:
        return price_ticks <= aggressor.limit_ticks
    return price_ticks >= aggressor.limit_ticks


def replay_recording(
    recording: FeedRecording,
    book_factory: Callable[[], MatchingBook],
    progress: Progress | None = None,
    options: ReplayOptions | None = None,
) -> ReplayReport:
    """Replay a recording through a new book; see `replay_file`."""
    start_s = time.perf_counter()
    replay = FeedReplay(book_factory(), options or ReplayOptions())
    total = len(recording.messages)
    step = max(1, total // _PROGRESS_STEPS)
    next_report = step
    for event in split_events(recording.messages):
        replay.apply(event)
        if progress is not None and event.end >= next_report:
            progress(event.end, total)
            next_report = event.end + step
    replay.report.messages = total
    replay.report.seconds = time.perf_counter() - start_s
    return replay.report


def load_recording(path: Path) -> FeedRecording:
    """Read a feed file of any known format, told apart by its suffix.

    Raises
    ------
    FeedError
        If the suffix is unknown or the content is not what it says.
    """
    if path.name.endswith(DBN_SUFFIXES):
        return read_dbn(path)
    if path.suffix == HRFLOW_SUFFIX:
        return load_feed(path)
    known = ", ".join((*DBN_SUFFIXES, HRFLOW_SUFFIX))
    raise FeedError(f"{path.name}: unknown kind of recording, expected {known}")


def replay_file(
    path: Path,
    book_factory: Callable[[], MatchingBook] = ReferenceBook,
    progress: Progress | None = None,
    options: ReplayOptions | None = None,
) -> ReplayReport:
    """Replay a DBN or ``.hrflow`` feed file and compare the fills with the exchange's.

    Parameters
    ----------
    path : Path
        Feed file.
    book_factory : callable
        Makes the empty book under test.
    progress : callable, optional
        Called with (messages done, messages in all), about a hundred times.
    options : ReplayOptions, optional
        Treatment of the feed.

    Raises
    ------
    FeedError
        If the file cannot be read.
    """
    return replay_recording(load_recording(path), book_factory, progress, options)
