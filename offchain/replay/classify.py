"""Names the cause of a difference between our fills and the exchange's, from the feed alone.

A category's rule sees `Evidence` and nothing of our own fills. It names the makers which, by what
the exchange published about *them*, did not trade as displayed orders in price-time priority do.
The category holds only if, with these makers set aside, all other fills of the aggressor are
exactly those that price-time priority gives on the displayed book (`rest_follows_priority`). So a
rule cannot explain more than the makers that it can name, and there is no catch-all: what no rule
explains is counted as unexplained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offchain.replay.book import Fill
    from offchain.replay.events import Aggressor


class Category(StrEnum):
    """Causes, tried in this order; the rule of each is the function of the same name below."""

    AUCTION = "auction"
    TRADE_WITHOUT_ORDER = "trade_without_order"
    ICEBERG_HIDDEN_SIZE = "iceberg_hidden_size"
    ICEBERG_REFILL_LISTED_LAST = "iceberg_refill_listed_last"
    UNPUBLISHED_PRIORITY_LOSS = "unpublished_priority_loss"
    SELF_MATCH_PREVENTION = "self_match_prevention"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the feed says about one aggressor and its makers.

    Parameters
    ----------
    aggressor : Aggressor
        The order with the exchange's own fills.
    queue : tuple of Fill
        Displayed orders it could reach, best price and first in the queue first, just before it;
        `size` is the displayed size.
    displayed : mapping
        Displayed size of each maker at the start of the event.
    filled : mapping
        Size filled of each maker in the event, up to and including this aggressor.
    modified, cancelled : frozenset
        Orders that the event's updates modify, or cancel.
    self_matched : frozenset
        Orders within the aggressor's reach that the event cancels although it did not fill them:
        the mark of self-match prevention, which cancels the resting order and trades on.
    """

    aggressor: Aggressor
    queue: tuple[Fill, ...]
    displayed: Mapping[int, int]
    filled: Mapping[int, int]
    modified: frozenset[int]
    cancelled: frozenset[int]
    self_matched: frozenset[int]


# The makers that a category sets aside; None where the category does not apply.
Rule = Callable[[Evidence], frozenset[int] | None]


def rest_follows_priority(evidence: Evidence, set_aside: frozenset[int]) -> bool:
    """Tell whether all fills but those of `set_aside` obey price-time priority.

    Walk the displayed queue without these makers until the size that the other makers traded is
    used up, and compare maker, price, size and order.
    """
    expected = [f for f in evidence.aggressor.fills if f.maker_feed_order_id not in set_aside]
    left = sum(fill.size for fill in expected)
    walked: list[Fill] = []
    for order in evidence.queue:
        if left and order.maker_feed_order_id not in set_aside:
            traded = min(left, order.size)
            walked.append(order._replace(size=traded))
            left -= traded
    return walked == expected


def listed_late(evidence: Evidence) -> frozenset[int]:
    """Return the makers that end a price's fills although they queued before another of them."""
    rank = {order.maker_feed_order_id: place for place, order in enumerate(evidence.queue)}
    by_price: dict[int, list[int]] = {}
    for fill in evidence.aggressor.fills:
        by_price.setdefault(fill.price_ticks, []).append(fill.maker_feed_order_id)
    late: set[int] = set()
    for makers in by_price.values():
        *earlier, last = makers
        if last in rank and any(rank.get(maker, -1) > rank[last] for maker in earlier):
            late.add(last)
    return frozenset(late)


def auction(evidence: Evidence) -> frozenset[int] | None:
    """Apply to trades without a side: both sides rest, and one price clears them all."""
    if evidence.aggressor.is_bid is not None:
        return None
    return frozenset(fill.maker_feed_order_id for fill in evidence.aggressor.fills)


def trade_without_order(evidence: Evidence) -> frozenset[int] | None:
    """Apply where the trade is larger than the fills published for it.

    The missing part traded against a leg that the exchange implied from another instrument, for
    which there is no order in this book.
    """
    missing = evidence.aggressor.size - sum(fill.size for fill in evidence.aggressor.fills)
    return frozenset() if missing > 0 else None


def iceberg_hidden_size(evidence: Evidence) -> frozenset[int] | None:
    """Apply to makers filled for more than they displayed when the event began."""
    makers = frozenset(
        fill.maker_feed_order_id
        for fill in evidence.aggressor.fills
        if 0
        < evidence.displayed.get(fill.maker_feed_order_id, 0)
        < evidence.filled[fill.maker_feed_order_id]
    )
    return makers or None


def iceberg_refill_listed_last(evidence: Evidence) -> frozenset[int] | None:
    """Apply to makers that lived on after their whole display was filled.

    The refilled slice queues last, and the exchange lists the order's one fill there: last at its
    price, behind orders that arrived later and may even have been filled in part only.
    """
    makers = frozenset(
        maker
        for maker in listed_late(evidence) & evidence.modified
        if evidence.filled[maker] >= evidence.displayed.get(maker, 0)
    )
    return makers or None


def unpublished_priority_loss(evidence: Evidence) -> frozenset[int] | None:
    """Apply to makers filled exactly as displayed and deleted, but listed behind later arrivals.

    No message since their arrival explains the lost place; the exchange keeps attributes of orders
    that it does not publish. An iceberg's last slice looks like this: the exchange lists icebergs
    last, and nothing was left to refill. Where an earlier refill gives an iceberg away, the feed
    shows exactly that.
    """
    makers = frozenset(
        maker
        for maker in listed_late(evidence) & evidence.cancelled
        if evidence.filled[maker] == evidence.displayed.get(maker)
    )
    return makers or None


def self_match_prevention(evidence: Evidence) -> frozenset[int] | None:
    """Apply where the event cancels orders that stood in the aggressor's way without a fill."""
    return evidence.self_matched or None


RULES: Mapping[Category, Rule] = {
    Category.AUCTION: auction,
    Category.TRADE_WITHOUT_ORDER: trade_without_order,
    Category.ICEBERG_HIDDEN_SIZE: iceberg_hidden_size,
    Category.ICEBERG_REFILL_LISTED_LAST: iceberg_refill_listed_last,
    Category.UNPUBLISHED_PRIORITY_LOSS: unpublished_priority_loss,
    Category.SELF_MATCH_PREVENTION: self_match_prevention,
}


def applies(category: Category, evidence: Evidence) -> bool:
    """Tell whether a category explains an aggressor's fills completely.

    Orders cancelled by self-match prevention are set aside under every category: the two causes
    meet in one event.
    """
    set_aside = RULES[category](evidence)
    if set_aside is None:
        return False
    return rest_follows_priority(evidence, set_aside | evidence.self_matched)


def classify(evidence: Evidence) -> Category | None:
    """Return the first category that explains the exchange's fills, or None."""
    return next((category for category in Category if applies(category, evidence)), None)
