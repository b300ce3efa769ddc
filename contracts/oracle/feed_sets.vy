# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Feed sets of the oracle hub
@notice An ordered list of up to 32 feeds and how often it may be read. A set
        never changes: who wants another list registers another set.
"""

from contracts.common import ownable_2step
from contracts.oracle import chainlink_feed
from contracts.oracle import lp_fair_price
from contracts.oracle import packed_feed
from contracts.oracle import redemption_rate
from contracts.oracle import source
from interfaces import IOracleHub

uses: ownable_2step
uses: redemption_rate

FEEDS_MAX: constant(uint256) = 32
INTERVAL_MAX_S: constant(uint256) = 86_400

# @notice Length of an interval of a feed set in seconds; 0: not registered.
# @param arg0 Feed set.
interval_s: public(HashMap[uint256, uint256])
# @notice Keccak-256 of the ABI encoding of interval and feeds of a set;
#         zero: not registered.
# @param arg0 Feed set.
feed_set_hash: public(HashMap[uint256, bytes32])
# set id -> its feeds.
_feeds: HashMap[uint256, DynArray[packed_feed.PackedFeed, FEEDS_MAX]]


@external
@nonreentrant
def register_feed_set(
    set_id: uint256, interval_s: uint256, feeds: DynArray[IOracleHub.Feed, FEEDS_MAX]
):
    """
    @notice Register a feed set, for good; for the owner only.
    @dev The sources are not read. One that does not fit, such as an
         aggregator with other decimals, shows in the first snapshot.
    @param set_id Free id.
    @param interval_s Length of an interval, which has one snapshot at most.
    @param feeds The feeds; a pair's price feeds stand before the pair.
    """
    ownable_2step._check_owner()
    assert self.interval_s[set_id] == 0, "F01: feed set is already registered"
    assert (
        0 < interval_s and interval_s <= INTERVAL_MAX_S
    ), "F02: interval is not between 1 second and 1 day"
    assert len(feeds) > 0, "F03: feed set is empty"
    self.interval_s[set_id] = interval_s
    index: uint256 = 0
    for feed: IOracleHub.Feed in feeds:
        assert feed.source.is_contract, "F04: source of a feed is not a contract"
        assert feed.decimals <= source.DECIMALS_MAX, "F06: feed has more than 36 decimals"
        assert (
            keccak256(abi_encode(feed)) == keccak256(abi_encode(self._own_fields(feed)))
        ), "F12: feed has a field of another kind"
        self._feeds[set_id].append(self._packed(set_id, index, feed))
        index += 1
    feed_set_hash: bytes32 = keccak256(abi_encode(interval_s, feeds))
    self.feed_set_hash[set_id] = feed_set_hash
    log IOracleHub.FeedSetRegistered(
        set_id=set_id, interval_s=interval_s, feed_set_hash=feed_set_hash, feeds=feeds
    )


@external
@view
def feed_count(set_id: uint256) -> uint256:
    """
    @notice Number of feeds of a set.
    @param set_id Feed set.
    @return 1 to 32; 0 for a set that is not registered.
    """
    return len(self._feeds[set_id])


@internal
def _packed(set_id: uint256, index: uint256, feed: IOracleHub.Feed) -> packed_feed.PackedFeed:
    if feed.kind == packed_feed.KIND_CHAINLINK:
        return chainlink_feed._packed(feed)
    if feed.kind == packed_feed.KIND_RATE:
        return redemption_rate._packed(set_id, index, feed)
    self._check_price_feed(set_id, index, feed.price_feed_0)
    self._check_price_feed(set_id, index, feed.price_feed_1)
    return lp_fair_price._packed(feed)


@internal
@view
def _check_price_feed(set_id: uint256, index: uint256, price_feed: uint256):
    is_price: bool = False
    if price_feed < index:
        is_price = (
            packed_feed._kind(self._feeds[set_id][price_feed].head)
            == packed_feed.KIND_CHAINLINK
        )
    assert is_price, "F11: a pair's price is no earlier CHAINLINK feed of the set"


@internal
@pure
def _own_fields(feed: IOracleHub.Feed) -> IOracleHub.Feed:
    """
    @dev The feed without what its kind does not use.
    """
    own: IOracleHub.Feed = empty(IOracleHub.Feed)
    own.kind = feed.kind
    own.source = feed.source
    own.decimals = feed.decimals
    if feed.kind == packed_feed.KIND_CHAINLINK:
        own.heartbeat_s = feed.heartbeat_s
        own.min_answer = feed.min_answer
        own.max_answer = feed.max_answer
    elif feed.kind == packed_feed.KIND_RATE:
        own.selector = feed.selector
        own.has_argument = feed.has_argument
        if feed.has_argument:
            own.argument = feed.argument
        own.growth_ppm = feed.growth_ppm
        own.reference_e18 = feed.reference_e18
    else:
        assert feed.kind == packed_feed.KIND_LP_V2, "F05: unknown kind of feed"
        own.price_feed_0 = feed.price_feed_0
        own.price_feed_1 = feed.price_feed_1
    return own
