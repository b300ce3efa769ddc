"""Encoding of feeds and snapshots; the contract is compared in tests/onchain/test_oracle_*."""

import dataclasses

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from offchain.settlement.abi import keccak256
from offchain.settlement.oracle_feeds import (
    ChainlinkFeed,
    LpFeed,
    OracleHubError,
    RateFeed,
    Reading,
    Status,
    selector,
)
from offchain.settlement.oracle_hub import (
    ACCUMULATOR_START,
    FeedSet,
    Snapshot,
    accumulate_all,
    feed_from_tuple,
)

FEED_TYPE = (
    "(uint256,address,uint256,uint256,uint256,uint256,bytes4,bool,bytes32,uint256,uint256,"
    "uint256,uint256)"
)
WORD = st.integers(0, 2**256 - 1)
ADDRESS = st.binary(min_size=20, max_size=20)
BYTES32 = st.binary(min_size=32, max_size=32)
FEEDS = st.one_of(
    st.builds(ChainlinkFeed, ADDRESS, WORD, WORD, WORD, WORD),
    st.builds(
        RateFeed, ADDRESS, WORD, st.binary(min_size=4, max_size=4), st.none() | BYTES32, WORD, WORD
    ),
    st.builds(LpFeed, ADDRESS, WORD, WORD, WORD),
)
READINGS = st.builds(Reading, st.integers(0, 2**128 - 1), st.sampled_from(Status))
SNAPSHOTS = st.builds(
    Snapshot,
    set_id=WORD,
    index=WORD,
    time_s=st.integers(0, 2**64 - 1),
    readings=st.lists(READINGS, max_size=32).map(tuple),
)
PRICE = ChainlinkFeed(b"\x01" * 20, 8, 3_600, 1, 10**12)
RATE = RateFeed(b"\x02" * 20, 18, selector("stEthPerToken()"), None, 100_000, 10**18)
PAIR = LpFeed(b"\x03" * 20, 24, 0, 0)


@given(FEEDS)
def test_decoding_a_feed_is_the_inverse(feed):
    _, [values] = FeedSet(60, (feed,)).arguments()
    assert feed_from_tuple(values) == feed


@given(st.integers(1, 86_400), st.lists(FEEDS, max_size=4).map(tuple))
def test_set_hash_is_that_of_the_abi(interval_s, feeds):
    feed_set = FeedSet(interval_s, feeds)
    encoded = encode(["uint256", FEED_TYPE + "[]"], feed_set.arguments())
    assert feed_set.set_hash() == keccak256(encoded)


@given(SNAPSHOTS, BYTES32)
def test_accumulator_is_that_of_the_abi(snapshot, accumulator):
    pairs = [(reading.value, int(reading.status)) for reading in snapshot.readings]
    values_hash = keccak256(encode(["(uint256,uint256)[]"], [pairs]))
    record = encode(
        ["uint256", "uint256", "uint256", "bytes32"],
        [snapshot.set_id, snapshot.index, snapshot.time_s, values_hash],
    )
    assert snapshot.accumulate(accumulator) == keccak256(b"HRoracle" + accumulator + record)


@given(SNAPSHOTS)
def test_snapshot_from_its_event(snapshot):
    event = {
        "set_id": snapshot.set_id,
        "index": snapshot.index,
        "time_s": snapshot.time_s,
        "accumulator": bytes(32),
        "readings": [(reading.value, int(reading.status)) for reading in snapshot.readings],
    }
    assert Snapshot.from_event(event) == snapshot


def test_accumulating_in_two_steps():
    first, second = (Snapshot(1, index, 60 * index, (Reading(5, Status.OK),)) for index in (0, 1))
    assert accumulate_all([]) == ACCUMULATOR_START == bytes(32)
    after_first = accumulate_all([first])
    assert accumulate_all([first, second]) == accumulate_all([second], after_first)
    assert accumulate_all([second, first]) != accumulate_all([first, second])


@pytest.mark.parametrize(
    ("feed", "member"),
    [(PRICE, 6), (PRICE, 9), (PRICE, 12), (RATE, 3), (RATE, 8), (RATE, 11), (PAIR, 5), (PAIR, 10)],
)
def test_feed_with_a_field_of_another_kind(feed, member):
    _, [values] = FeedSet(60, (feed,)).arguments()
    changed = [*values]
    changed[member] = b"\x01" * len(changed[member]) if isinstance(changed[member], bytes) else 1
    with pytest.raises(ValueError, match="field of another kind"):
        feed_from_tuple(changed)


def test_decoding_a_feed_is_strict():
    _, [values] = FeedSet(60, (PRICE,)).arguments()
    with pytest.raises(ValueError, match="4 is not a valid FeedKind"):
        feed_from_tuple((4, *values[1:]))
    with pytest.raises(ValueError, match="13 members"):
        feed_from_tuple(values[:-1])


def test_encoding_is_strict():
    with pytest.raises(ValueError, match="4 bytes"):
        dataclasses.replace(RATE, selector=b"abc").words()
    with pytest.raises(ValueError, match="128 bits"):
        Reading(2**128, Status.OK).to_bytes()
    with pytest.raises(ValueError, match="not a valid Status"):
        Snapshot.from_event({"set_id": 1, "index": 0, "time_s": 0, "readings": [(1, 12)]})


@pytest.mark.parametrize(
    ("code", "interval_s", "feeds"),
    [
        ("F02", 0, [PRICE]),
        ("F02", 86_401, [PRICE]),
        ("F03", 60, []),
        ("F06", 60, [dataclasses.replace(PRICE, decimals=37)]),
        ("F07", 60, [dataclasses.replace(PRICE, heartbeat_s=0)]),
        ("F08", 60, [dataclasses.replace(PRICE, min_answer=10**12)]),
        ("F09", 60, [dataclasses.replace(RATE, growth_ppm=10**6 + 1)]),
        ("F10", 60, [dataclasses.replace(RATE, reference_e18=0)]),
        ("F11", 60, [RATE, PAIR]),
        ("F11", 60, [PAIR, PRICE]),
    ],
)
def test_malformed_sets(code, interval_s, feeds):
    with pytest.raises(OracleHubError, match=code):
        FeedSet(interval_s, tuple(feeds)).check()
    FeedSet(60, (PRICE, RATE, PAIR)).check()
