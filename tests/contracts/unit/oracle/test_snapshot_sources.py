"""OracleHub.snapshot with sources that answer anything: statuses that honest mocks cannot show."""

import ape
import pytest

from offchain.settlement.oracle_feeds import (
    DECIMALS_CALL,
    RESERVES_CALL,
    ROUND_CALL,
    SUPPLY_CALL,
    ChainlinkFeed,
    LpFeed,
    RateFeed,
    Reading,
    Status,
    selector,
)
from offchain.settlement.oracle_hub import FeedSet, OracleHubModel
from tests.contracts.support import address_bytes

SET_ID = 3
ANSWER, BURN = 1, 2  # behaviours of SourceMock
E8 = 10**8
E18 = 10**18
RATE_CALL = selector("stEthPerToken()")
PRICE, SECOND_PRICE, RATE, PAIR = range(4)
ANY_ANSWER = (0, 2**128 - 1)  # clamps that clamp nothing


def words(*values):
    return b"".join(value.to_bytes(32, "big") for value in values)


@pytest.fixture
def now_s():
    return ape.chain.pending_timestamp


@pytest.fixture
def readings(project, hub, owner, stranger, now_s):
    """Read four sources, which answer as usual but for the changed calls."""
    usual = {
        (PRICE, DECIMALS_CALL): words(0),
        (PRICE, ROUND_CALL): words(1, 3_000, now_s, now_s, 1),
        (SECOND_PRICE, DECIMALS_CALL): words(0),
        (SECOND_PRICE, ROUND_CALL): words(1, 1, now_s, now_s, 1),
        (RATE, RATE_CALL): words(1),
        (PAIR, RESERVES_CALL): words(E18, 3_000 * E18, now_s),
        (PAIR, SUPPLY_CALL): words(54 * E18),
    }
    mocks = [project.SourceMock.deploy(sender=owner) for _ in range(4)]
    sources = [address_bytes(mock) for mock in mocks]
    feeds = (
        ChainlinkFeed(sources[PRICE], 0, 3_600, *ANY_ANSWER),
        ChainlinkFeed(sources[SECOND_PRICE], 0, 3_600, *ANY_ANSWER),
        RateFeed(sources[RATE], 0, RATE_CALL, None, 0, E18),
        LpFeed(sources[PAIR], 0, 0, 1),
    )

    def read(changes):
        told = usual | changes
        for (position, calldata), output in told.items():
            behaviour = BURN if output is None else ANSWER
            mocks[position].set_behaviour(calldata, behaviour, output or b"", sender=owner)
        feed_set = FeedSet(60, feeds)
        hub.register_feed_set(SET_ID, *feed_set.arguments(), sender=owner)
        receipt = hub.snapshot(SET_ID, sender=stranger)
        model = OracleHubModel(lambda address, data: told[sources.index(address), data])
        model.register(SET_ID, feed_set, now_s)
        expected = model.snapshot(SET_ID, receipt.timestamp).readings
        found = tuple(Reading(v, Status(s)) for v, s in receipt.events[0].readings)
        assert found == expected
        return found

    return read


def test_usual_answers(readings):
    assert {reading.status for reading in readings({})} == {Status.OK}


@pytest.mark.parametrize(
    ("position", "calldata"),
    [
        (PRICE, DECIMALS_CALL),
        (PRICE, ROUND_CALL),
        (RATE, RATE_CALL),
        (PAIR, RESERVES_CALL),
        (PAIR, SUPPLY_CALL),
    ],
)
@pytest.mark.parametrize("output", [None, words(1)[:-1]], ids=["burns", "short"])
def test_failing_call(readings, position, calldata, output):
    found = readings({(position, calldata): output})
    assert found[position].status is Status.CALL_FAILED
    assert found[position].value == (E18 if position == RATE else 0)
    assert found[SECOND_PRICE].status is Status.OK


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0, Reading(E18, Status.NON_POSITIVE)),
        (1, Reading(E18, Status.OK)),
        (2, Reading(E18, Status.CAPPED)),
        (2**128 - 1, Reading(E18, Status.OUT_OF_RANGE)),
        (2**256 - 1, Reading(E18, Status.OUT_OF_RANGE)),
    ],
)
def test_rate(readings, raw, expected):
    assert readings({(RATE, RATE_CALL): words(raw)})[RATE] == expected


HUGE = 2**112 - 1


@pytest.mark.parametrize(
    ("price", "reserves", "supply", "status"),
    [
        (1, (0, 1), 1, Status.NON_POSITIVE),
        (1, (1, 1), 2**128 - 1, Status.NON_POSITIVE),
        (1, (2**112, 1), 1, Status.OUT_OF_RANGE),
        (1, (1, 1), 2**128, Status.OUT_OF_RANGE),
        (1, (HUGE, HUGE), 1, Status.OUT_OF_RANGE),
        (2**128 // E8, (HUGE, HUGE), 2**127, Status.OUT_OF_RANGE),
        (3 * 10**6, (HUGE, HUGE), 2**127, Status.OK),
        (1, (HUGE, HUGE), 2**127, Status.OK),
        (1, (5, 7), 3, Status.OK),
    ],
)
def test_pair(readings, now_s, price, reserves, supply, status):
    found = readings(
        {
            (PRICE, ROUND_CALL): words(1, price, now_s, now_s, 1),
            (SECOND_PRICE, ROUND_CALL): words(1, price, now_s, now_s, 1),
            (PAIR, RESERVES_CALL): words(*reserves, now_s),
            (PAIR, SUPPLY_CALL): words(supply),
        }
    )
    assert found[PAIR].status is status
