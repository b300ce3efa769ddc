"""ADMIN_FEED: which readings of the oracle hub price what (docs/spec/l1-inputs.md section 2)."""

from offchain.spec.checks import require
from offchain.spec.constants import FEED_ENTRIES, MAX_ASSETS, MAX_MARKETS
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import SnapshotTarget
from offchain.spec.l1_op import AdminFeed
from offchain.spec.l1_records import FeedEntry
from offchain.spec.state import State


def admin_feed(state: State, op: AdminFeed, log: EventLog) -> None:
    """Apply an ADMIN_FEED; from the first one on the chain takes prices of L1 from the hub alone.

    Raises
    ------
    OpError
        INVALID_FEED.
    """
    require(_is_valid(op), ErrorCode.INVALID_FEED)
    target_id = op.market if op.target == SnapshotTarget.MARKET else op.asset
    entry = FeedEntry(
        target=op.target,
        target_id=target_id,
        price_feed=op.price_feed,
        rate_feed_plus_1=op.rate_feed_plus_1,
    )
    record = state.edit_oracle()
    record.has_feeds = 1
    record.entries[op.entry] = entry if op.on else None
    log.feed_set(
        entry=op.entry,
        target=op.target,
        target_id=target_id,
        price_feed=op.price_feed,
        rate_feed_plus_1=op.rate_feed_plus_1,
        on=op.on,
    )


def _is_valid(op: AdminFeed) -> bool:
    if op.entry >= FEED_ENTRIES or op.on > 1:
        return False
    if not op.on:
        return not any((op.target, op.market, op.asset, op.price_feed, op.rate_feed_plus_1))
    if op.target == SnapshotTarget.MARKET:
        is_unambiguous = op.asset == 0 and op.rate_feed_plus_1 == 0 and op.market < MAX_MARKETS
    else:
        is_unambiguous = op.market == 0 and op.asset < MAX_ASSETS
    return is_unambiguous and op.price_feed < FEED_ENTRIES and op.rate_feed_plus_1 <= FEED_ENTRIES
