"""Gas of OracleHub.snapshot where every account and slot is cold, as on L1."""

import ape
import pytest

from offchain.settlement.oracle_feeds import (
    ChainlinkFeed,
    LpFeed,
    RateFeed,
    Status,
    selector,
)
from offchain.settlement.oracle_hub import FeedSet
from tests.contracts.support import address_bytes

SET_ID = 9
E8 = 10**8
E18 = 10**18
RATE_CALL = selector("stEthPerToken()")
GUARD = 7  # of SourceMock: fail at once with less than a whole read's gas
EIGHT_FEEDS_GAS = 228_000
GAS_LIMITS = range(100_000, 500_000)


def statuses(receipt):
    return [status for _, status in receipt.events[0].readings]


def test_eight_feeds(project, hub, owner, stranger, next_interval):
    """Four prices, two rates, two pairs: the figure of docs/audit/oracle-hub.md."""
    prices = [project.AggregatorMock.deploy(8, 3_000 * E8, sender=owner) for _ in range(4)]
    rates = [project.RateMock.deploy(E18, stranger, sender=owner) for _ in range(2)]
    pairs = [project.PairMock.deploy(10**21, 10**21, 10**21, sender=owner) for _ in range(2)]
    feeds = (
        *[ChainlinkFeed(address_bytes(price), 8, 3_600, 1, 10**14) for price in prices],
        *[RateFeed(address_bytes(rate), 18, RATE_CALL, None, 100_000, E18) for rate in rates],
        *[LpFeed(address_bytes(pair), 36, 0, 1) for pair in pairs],
    )
    hub.register_feed_set(SET_ID, *FeedSet(60, feeds).arguments(), sender=owner)
    costs = []
    for _ in range(5):
        next_interval()
        receipt = hub.snapshot(SET_ID, sender=stranger)
        assert statuses(receipt) == [Status.OK] * len(feeds)
        costs.append(receipt.gas_used)
    # The first and the fifth begin a slot of times.
    assert costs[1:4] == pytest.approx([EIGHT_FEEDS_GAS] * 3, rel=0.01)


def test_lowest_gas_that_succeeds_starves_nobody(project, hub, owner, stranger):
    source = project.SourceMock.deploy(sender=owner)
    source.set_behaviour(RATE_CALL, GUARD, E18.to_bytes(32, "big"), sender=owner)
    feed = RateFeed(address_bytes(source), 18, RATE_CALL, None, 100_000, E18)
    hub.register_feed_set(SET_ID, *FeedSet(60, (feed,)).arguments(), sender=owner)
    too_low, enough = GAS_LIMITS.start, GAS_LIMITS.stop
    while enough - too_low > 1:
        limit = (too_low + enough) // 2
        fork = ape.chain.snapshot()
        try:
            receipt = hub.snapshot(SET_ID, sender=stranger, gas_limit=limit)
        except ape.exceptions.ContractLogicError:
            too_low = limit
        else:
            enough = limit
            assert statuses(receipt) == [Status.OK]
        ape.chain.restore(fork)
    with pytest.raises(ape.exceptions.ContractLogicError, match="F15"):
        hub.snapshot(SET_ID, sender=stranger, gas_limit=too_low)
