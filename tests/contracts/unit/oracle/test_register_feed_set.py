"""OracleHub.register_feed_set and the getters of feed sets."""

import dataclasses

import pytest
from ape.utils import ZERO_ADDRESS

from offchain.settlement.oracle_feeds import HEARTBEAT_MAX_S
from offchain.settlement.oracle_hub import FEEDS_MAX, FeedSet, feed_from_tuple
from tests.contracts.support import address_bytes, reverts

FREE_SET_ID = 2
INTERVAL_S = 60
DOLLAR, STAKED, PAIR = 0, 2, 5  # positions in `feeds`


@pytest.fixture
def register(hub, feeds, owner):
    """Register feeds, by default the valid ones."""

    def register_with(sender=owner, set_id=FREE_SET_ID, interval_s=INTERVAL_S, feeds=feeds):
        arguments = FeedSet(interval_s, tuple(feeds)).arguments()
        return hub.register_feed_set(set_id, *arguments, sender=sender)

    return register_with


def replaced(feeds, position, **changes):
    changed = [*feeds]
    changed[position] = dataclasses.replace(feeds[position], **changes)
    return changed


def test_registers(hub, register, feeds):
    receipt = register()
    feed_set = FeedSet(INTERVAL_S, feeds)
    [event] = receipt.events
    assert event.event_name == "FeedSetRegistered"
    assert (event.set_id, event.interval_s) == (FREE_SET_ID, INTERVAL_S)
    assert bytes(event.feed_set_hash) == feed_set.set_hash()
    assert tuple(feed_from_tuple(feed) for feed in event.feeds) == feeds
    assert bytes(hub.feed_set_hash(FREE_SET_ID)) == feed_set.set_hash()
    assert hub.interval_s(FREE_SET_ID) == INTERVAL_S
    assert hub.feed_count(FREE_SET_ID) == len(feeds)
    assert hub.snapshot_count(FREE_SET_ID) == 0


def test_unknown_set(hub):
    assert hub.interval_s(FREE_SET_ID) == hub.feed_count(FREE_SET_ID) == 0
    assert bytes(hub.feed_set_hash(FREE_SET_ID)) == bytes(32)


def test_largest_set(hub, register, feeds):
    register(feeds=[*feeds[:2], *[feeds[PAIR]] * (FEEDS_MAX - 2)])
    assert hub.feed_count(FREE_SET_ID) == FEEDS_MAX


def test_stranger(register, stranger):
    with reverts("O03"):
        register(sender=stranger)


def test_registered_set_never_changes(hub, register, feeds):
    register()
    set_hash = hub.feed_set_hash(FREE_SET_ID)
    with reverts("F01"):
        register(feeds=feeds[:1])
    assert hub.feed_set_hash(FREE_SET_ID) == set_hash


@pytest.mark.parametrize("interval_s", [0, 86_401])
def test_interval(register, interval_s):
    with reverts("F02"):
        register(interval_s=interval_s)


def test_no_feeds(register):
    with reverts("F03"):
        register(feeds=[])


def test_source_without_code(register, feeds, stranger):
    with reverts("F04"):
        register(feeds=replaced(feeds, STAKED, source=address_bytes(stranger)))
    with reverts("F04"):
        register(feeds=replaced(feeds, STAKED, source=address_bytes(ZERO_ADDRESS)))


@pytest.mark.parametrize("kind", [0, 4, 2**8 + 1, 2**255])
def test_unknown_kind(hub, feeds, owner, kind):
    interval_s, [values] = FeedSet(INTERVAL_S, feeds[:1]).arguments()
    with reverts("F05"):
        hub.register_feed_set(FREE_SET_ID, interval_s, [(kind, *values[1:])], sender=owner)


@pytest.mark.parametrize("position", [DOLLAR, STAKED, PAIR])
@pytest.mark.parametrize("decimals", [37, 2**255])
def test_too_many_decimals(register, feeds, position, decimals):
    with reverts("F06"):
        register(feeds=replaced(feeds, position, decimals=decimals))


@pytest.mark.parametrize("heartbeat_s", [0, HEARTBEAT_MAX_S + 1, 2**255])
def test_heartbeat(register, feeds, heartbeat_s):
    with reverts("F07"):
        register(feeds=replaced(feeds, DOLLAR, heartbeat_s=heartbeat_s))


@pytest.mark.parametrize(("min_answer", "max_answer"), [(5, 5), (6, 5), (0, 2**128), (0, 0)])
def test_clamps(register, feeds, min_answer, max_answer):
    with reverts("F08"):
        register(feeds=replaced(feeds, DOLLAR, min_answer=min_answer, max_answer=max_answer))


@pytest.mark.parametrize("growth_ppm", [10**6 + 1, 2**255])
def test_growth_cap(register, feeds, growth_ppm):
    with reverts("F09"):
        register(feeds=replaced(feeds, STAKED, growth_ppm=growth_ppm))


@pytest.mark.parametrize("reference_e18", [0, 2**128])
def test_reference(register, feeds, reference_e18):
    with reverts("F10"):
        register(feeds=replaced(feeds, STAKED, reference_e18=reference_e18))


@pytest.mark.parametrize("price_feed", [STAKED, PAIR, PAIR + 1, 2**255])
@pytest.mark.parametrize("field", ["price_feed_0", "price_feed_1"])
def test_price_feed_of_a_pair(register, feeds, field, price_feed):
    with reverts("F11"):
        register(feeds=replaced(feeds, PAIR, **{field: price_feed}))


def test_price_feed_after_the_pair(register, feeds):
    with reverts("F11"):
        register(feeds=[feeds[0], feeds[PAIR], feeds[1]])


@pytest.mark.parametrize(
    ("position", "member", "value"),
    [
        (DOLLAR, 6, b"\x00\x00\x00\x01"),
        (DOLLAR, 7, True),
        (DOLLAR, 8, b"\x01" * 32),
        (DOLLAR, 9, 1),
        (DOLLAR, 10, 1),
        (DOLLAR, 11, 1),
        (DOLLAR, 12, 1),
        (STAKED, 3, 1),
        (STAKED, 4, 1),
        (STAKED, 5, 1),
        (STAKED, 8, b"\x01" * 32),  # an argument that is not used
        (PAIR, 3, 1),
        (PAIR, 7, True),
        (PAIR, 10, 1),
    ],
)
def test_field_of_another_kind(hub, feeds, owner, position, member, value):
    interval_s, values = FeedSet(INTERVAL_S, feeds).arguments()
    changed = [*values[position]]
    changed[member] = value
    values[position] = tuple(changed)
    with reverts("F12"):
        hub.register_feed_set(FREE_SET_ID, interval_s, values, sender=owner)


def test_sources_are_not_read(register, sources, owner):
    sources.dollar.set_decimals(18, sender=owner)
    register()
