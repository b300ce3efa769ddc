"""A hub, its sources and one feed set of each kind of feed."""

from types import SimpleNamespace

import ape
import pytest

from offchain.settlement.oracle_feeds import ChainlinkFeed, LpFeed, RateFeed, selector
from offchain.settlement.oracle_hub import FeedSet
from tests.contracts.support import address_bytes

SET_ID = 1
INTERVAL_S = 60
HEARTBEAT_S = 3_600
E8 = 10**8
E18 = 10**18
MAX_ANSWER = 10**14
RAY = 10**27


@pytest.fixture(scope="module")
def hub(project, owner):
    return project.OracleHub.deploy(owner, sender=owner)


@pytest.fixture(scope="module")
def sources(project, owner, stranger):
    """Dollar and ether feeds, a staked ether, a vault, a lending pool, a pair."""
    supply = 54_772_255_750_516_611  # sqrt of the product of the reserves
    return SimpleNamespace(
        dollar=project.AggregatorMock.deploy(8, E8, sender=owner),
        ether=project.AggregatorMock.deploy(8, 3_000 * E8, sender=owner),
        staked=project.RateMock.deploy(12 * E18 // 10, stranger, sender=owner),
        vault=project.RateMock.deploy(1_050_000, stranger, sender=owner),
        pool=project.RateMock.deploy(101 * RAY // 100, stranger, sender=owner),
        pair=project.PairMock.deploy(3_000_000 * 10**6, 1_000 * E18, supply, sender=owner),
    )


@pytest.fixture(scope="module")
def feeds(sources, stranger):
    """One feed of each kind, and each shape of a rate."""
    source = {name: address_bytes(contract) for name, contract in vars(sources).items()}
    reserve = bytes(12) + address_bytes(stranger)
    return (
        ChainlinkFeed(source["dollar"], 8, HEARTBEAT_S, 1, MAX_ANSWER),
        ChainlinkFeed(source["ether"], 8, HEARTBEAT_S, 1, MAX_ANSWER),
        RateFeed(source["staked"], 18, selector("stEthPerToken()"), None, 100_000, 12 * E18 // 10),
        RateFeed(
            source["vault"],
            6,
            selector("convertToAssets(uint256)"),
            E18.to_bytes(32, "big"),
            200_000,
            105 * E18 // 100,
        ),
        RateFeed(
            source["pool"],
            27,
            selector("getReserveNormalizedIncome(address)"),
            reserve,
            300_000,
            101 * E18 // 100,
        ),
        LpFeed(source["pair"], 6 + 18, 0, 1),
    )


@pytest.fixture
def registered(hub, feeds, owner):
    """Register the feeds as a set."""
    feed_set = FeedSet(INTERVAL_S, feeds)
    hub.register_feed_set(SET_ID, *feed_set.arguments(), sender=owner)
    return feed_set


@pytest.fixture
def next_interval():
    """Go to the beginning of the next interval."""

    def go(intervals=1):
        now_s = ape.chain.pending_timestamp
        ape.chain.pending_timestamp = (now_s // INTERVAL_S + intervals) * INTERVAL_S

    return go
