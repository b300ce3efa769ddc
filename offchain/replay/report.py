"""Result of a replay: counts, shares and the differences themselves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from offchain.replay.classify import Category

if TYPE_CHECKING:
    from offchain.replay.book import Fill


@dataclass(frozen=True, slots=True)
class Difference:
    """One aggressor that our book filled otherwise; `category` None means unexplained."""

    message_index: int
    category: Category | None
    ours: tuple[Fill, ...]
    exchange: tuple[Fill, ...]


@dataclass(slots=True)
class ReplayReport:
    """Counts of one replay.

    Parameters
    ----------
    messages : int
        Messages of the feed.
    aggressors : int
        Incoming orders rebuilt from its trades, auctions included.
    exact : int
        Aggressors whose fills equal the exchange's in maker, price, size and order.
    exact_in_feed_order : int
        Those of `exact` whose event holds no self-match cancel: at least as many are exact when
        every cancel waits for its place in the feed, behind the trade.
    explained : Counter
        Differences by category.
    fires_on_exact : Counter
        Exact aggressors to which the category's predicate would apply as well: it measures how
        specific the predicates are.
    levels_rebuilt : int
        Price levels of our book that were set back to the exchange's state.
    held_back : int
        Orders kept out of our book while the feed's book was crossed (before an auction).
    differences : list of Difference
        Every aggressor that is not exact.
    """

    messages: int = 0
    aggressors: int = 0
    exact: int = 0
    exact_in_feed_order: int = 0
    explained: Counter[Category] = field(default_factory=Counter)
    fires_on_exact: Counter[Category] = field(default_factory=Counter)
    levels_rebuilt: int = 0
    held_back: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    @property
    def unexplained(self) -> int:
        """Number of differences that no category explains."""
        return sum(difference.category is None for difference in self.differences)

    @property
    def exact_share(self) -> float:
        """Exact aggressors over all, 1.0 for a feed without any."""
        return self.exact / self.aggressors if self.aggressors else 1.0

    def to_dict(self) -> dict[str, object]:
        """Return the figures as JSON-serialisable values, every category named."""
        return {
            "messages": self.messages,
            "aggressors": self.aggressors,
            "exact": self.exact,
            "exact_share": round(self.exact_share, 6),
            "exact_in_feed_order": self.exact_in_feed_order,
            "explained": {str(category): self.explained[category] for category in Category},
            "unexplained": self.unexplained,
            "unexplained_at": [d.message_index for d in self.differences if d.category is None],
            "fires_on_exact": {
                str(category): self.fires_on_exact[category] for category in Category
            },
            "levels_rebuilt": self.levels_rebuilt,
            "held_back": self.held_back,
            "seconds": round(self.seconds, 3),
        }

    def to_json(self) -> str:
        """Return `to_dict` as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2)
