"""Prices of the demo on L1: two sources, their feed set in the hub, and its snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from eth_utils.address import is_address, to_canonical_address, to_checksum_address

from offchain.demo.exchange import FEED_SET, Exchange
from offchain.demo.listing import PERPETUAL
from offchain.settlement.devnet import STAKED_ASSET
from offchain.settlement.oracle_feeds import ChainlinkFeed, RateFeed, selector
from offchain.settlement.oracle_hub import FeedSet
from offchain.settlement.snapshot_watcher import SnapshotFeed
from offchain.spec import op
from offchain.spec.constants import DAY_S
from offchain.spec.kinds import SnapshotTarget
from offchain.spec.l1_op import AdminFeed

PRICE_DECIMALS: Final = 8
STAKED_RATE_E18: Final = 1_200_000_000_000_000_000  # stETH of a wstETH
_NOBODY: Final = "0x" + "00" * 20
_RATE_DECIMALS: Final = 18
_ANSWER_MAX: Final = 10**16
_INTERVAL_S: Final = 1
_GROWTH_PPM: Final = 100_000  # per year
_PRICE_FEED, _RATE_FEED = 0, 1


def feed_ops() -> list[op.Op]:
    """Return the admin ops by which the hub prices the perpetual and staked ether."""
    return [
        AdminFeed(
            market=PERPETUAL,
            entry=0,
            target=SnapshotTarget.MARKET,
            price_feed=_PRICE_FEED,
            on=1,
        ),
        AdminFeed(
            entry=1,
            target=SnapshotTarget.ASSET,
            asset=STAKED_ASSET,
            price_feed=_PRICE_FEED,
            rate_feed_plus_1=_RATE_FEED + 1,
            on=1,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Oracle:
    """The hub's feed set of the demo.

    Attributes
    ----------
    exchange : Exchange
        Takes the snapshots.
    aggregator : str
        Source of the price of ether, which anyone may set.
    feed : SnapshotFeed
        From the hub to the sequencer.
    """

    exchange: Exchange
    aggregator: str
    feed: SnapshotFeed

    @classmethod
    def open(cls, exchange: Exchange, price_e8: int) -> Self:
        """Deploy the sources and register the feed set."""
        l1, hub = exchange.l1, exchange.deployment.contracts["OracleHub"]
        aggregator = l1.deploy("AggregatorMock", PRICE_DECIMALS, price_e8)
        rate = l1.deploy("RateMock", STAKED_RATE_E18, _NOBODY)
        feeds = FeedSet(
            _INTERVAL_S,
            (
                ChainlinkFeed(
                    source=to_canonical_address(aggregator),
                    decimals=PRICE_DECIMALS,
                    heartbeat_s=DAY_S,
                    min_answer=1,
                    max_answer=_ANSWER_MAX,
                ),
                RateFeed(
                    source=to_canonical_address(rate),
                    decimals=_RATE_DECIMALS,
                    selector=selector("stEthPerToken()"),
                    argument=None,
                    growth_ppm=_GROWTH_PPM,
                    reference_e18=STAKED_RATE_E18,
                ),
            ),
        )
        interval_s, tuples = feeds.arguments()
        checked = [tuple(map(_checksummed, each)) for each in tuples]
        l1.transact("OracleHub", hub, "register_feed_set", FEED_SET, interval_s, checked)
        return cls(exchange, aggregator, SnapshotFeed(l1, hub, FEED_SET, exchange.sequencer))

    def snapshot(self, price_e8: int) -> None:
        """Set the price on L1, have the hub read it, and take what it read a second later."""
        l1, hub = self.exchange.l1, self.exchange.deployment.contracts["OracleHub"]
        l1.transact("AggregatorMock", self.aggregator, "update", price_e8)
        l1.transact("OracleHub", hub, "snapshot", FEED_SET)
        self.exchange.clock.advance(1)
        self.feed.feed()


def _checksummed(word: Any) -> Any:
    return to_checksum_address(word) if is_address(word) else word
