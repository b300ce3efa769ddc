"""Oracle hub: every status of every kind of feed, as the model has it."""

import pytest

from offchain.settlement.oracle_feeds import (
    DECIMALS_CALL,
    RESERVES_CALL,
    ROUND_CALL,
    SUPPLY_CALL,
    OracleHubError,
    Reading,
    Status,
)
from tests.onchain.oracle_scene import (
    E8,
    E18,
    HEARTBEAT_S,
    INTERVAL_S,
    RATE_CALL,
    START_S,
    Behaviour,
    Scene,
    chainlink,
    pair,
    rate,
)

AT_S = START_S + INTERVAL_S  # time of the snapshot in `readings`
PATIENCE_S = HEARTBEAT_S + HEARTBEAT_S // 10


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def source(scene):
    return scene.source()


@pytest.mark.parametrize(
    ("answer", "updated_at_s", "expected"),
    [
        (3_000 * E8, AT_S, Reading(3_000 * E8, Status.OK)),
        (3_000 * E8, AT_S - PATIENCE_S, Reading(3_000 * E8, Status.OK)),
        (3_000 * E8, AT_S - PATIENCE_S - 1, Reading(0, Status.STALE)),
        (3_000 * E8, 0, Reading(0, Status.STALE)),
        (3_000 * E8, AT_S + 1, Reading(0, Status.FUTURE)),
        (3_000 * E8, 2**256 - 1, Reading(0, Status.FUTURE)),
        (0, AT_S, Reading(0, Status.NON_POSITIVE)),
        (-1, AT_S, Reading(0, Status.NON_POSITIVE)),
        (-(2**255), AT_S, Reading(0, Status.NON_POSITIVE)),
        (E8, AT_S, Reading(0, Status.CLAMPED)),
        (E8 + 1, AT_S, Reading(E8 + 1, Status.OK)),
        (10**12 - 1, AT_S, Reading(10**12 - 1, Status.OK)),
        (10**12, AT_S, Reading(0, Status.CLAMPED)),
        (2**255 - 1, AT_S, Reading(0, Status.CLAMPED)),
    ],
)
def test_price(scene, source, answer, updated_at_s, expected):
    source.price(answer, updated_at_s)
    scene.register(chainlink(source, min_answer=E8, max_answer=10**12))
    assert scene.readings() == (expected,)


@pytest.mark.parametrize(
    ("decimals", "answer", "expected"),
    [
        (0, 3_000, Reading(3_000 * E8, Status.OK)),
        (6, 1_999_999, Reading(199_999_900, Status.OK)),
        (18, 10**10 - 1, Reading(0, Status.NON_POSITIVE)),
        (18, 2 * 10**10 - 1, Reading(1, Status.OK)),
        (36, 5 * 10**36, Reading(5 * E8, Status.OK)),
        (0, 2**128 // E8, Reading(2**128 // E8 * E8, Status.OK)),
        (0, 2**128 // E8 + 1, Reading(0, Status.OUT_OF_RANGE)),
        (0, 2**128 - 2, Reading(0, Status.OUT_OF_RANGE)),
    ],
)
def test_price_is_scaled_down(scene, source, decimals, answer, expected):
    source.price(answer, AT_S, decimals)
    scene.register(chainlink(source, decimals, min_answer=0, max_answer=2**128 - 1))
    assert scene.readings() == (expected,)


@pytest.mark.parametrize("decimals", [7, 9, 8 + 2**8, 2**256 - 1])
def test_changed_decimals(scene, source, decimals):
    source.price(3_000 * E8, AT_S, decimals)
    scene.register(chainlink(source))
    assert scene.readings() == (Reading(0, Status.DECIMALS_CHANGED),)


@pytest.mark.parametrize("calldata", [DECIMALS_CALL, ROUND_CALL])
@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.REVERT, Behaviour.BURN, Behaviour.REVERT_BOMB, Behaviour.WRITE],
)
def test_price_that_cannot_be_read(scene, source, calldata, behaviour):
    source.price(3_000 * E8, AT_S)
    source.tell(calldata, behaviour)
    scene.register(chainlink(source))
    assert scene.readings() == (Reading(0, Status.CALL_FAILED),)


@pytest.mark.parametrize(
    ("calldata", "words"), [(DECIMALS_CALL, 1), (ROUND_CALL, 5)], ids=["decimals", "round"]
)
def test_price_that_is_cut_short(scene, source, calldata, words):
    source.price(3_000 * E8, AT_S)
    _, output = source.told[calldata]
    assert len(output) == 32 * words
    source.tell(calldata, Behaviour.ANSWER, output[:-1])
    scene.register(chainlink(source))
    assert scene.readings() == (Reading(0, Status.CALL_FAILED),)


def test_source_that_lost_its_code(scene, source):
    source.price(3_000 * E8, AT_S)
    scene.register(chainlink(source))
    scene.evm.plant_code(source.contract.address, b"")
    source.told.clear()
    assert scene.readings() == (Reading(0, Status.CALL_FAILED),)


@pytest.mark.parametrize(
    ("decimals", "raw", "expected"),
    [
        (18, 99 * 10**16, Reading(99 * 10**16, Status.OK)),
        (18, 1, Reading(1, Status.OK)),
        (27, 10**27 - 1, Reading(E18 - 1, Status.OK)),
        (6, 999_999, Reading(999_999 * 10**12, Status.OK)),
        (18, 2 * E18, Reading(E18 + E18 * INTERVAL_S // 315_360_000, Status.CAPPED)),
        (18, 0, Reading(E18, Status.NON_POSITIVE)),
        (27, 10**9 - 1, Reading(E18, Status.NON_POSITIVE)),
        (18, 2**128, Reading(E18, Status.OUT_OF_RANGE)),
        (0, 2**256 - 1, Reading(E18, Status.OUT_OF_RANGE)),
        (36, 2**256 - 1, Reading(E18, Status.OUT_OF_RANGE)),
        (36, 2**128 * E18 - 1, Reading(E18 + E18 * INTERVAL_S // 315_360_000, Status.CAPPED)),
    ],
)
def test_rate(scene, source, decimals, raw, expected):
    source.rate(raw)
    scene.register(rate(source, decimals))
    assert scene.readings() == (expected,)


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.REVERT, Behaviour.BURN, Behaviour.REVERT_BOMB, Behaviour.WRITE],
)
def test_rate_that_cannot_be_read(scene, source, behaviour):
    source.tell(RATE_CALL, behaviour)
    scene.register(rate(source))
    assert scene.readings() == (Reading(E18, Status.CALL_FAILED),)


def test_rate_with_an_argument(scene, source):
    argument = E18.to_bytes(32, "big")
    source.rate(E18 - 5, RATE_CALL + argument)
    source.rate(E18 - 7, RATE_CALL + bytes(32))
    scene.register(rate(source, argument=argument), rate(source, argument=bytes(32)), rate(source))
    assert scene.readings() == (
        Reading(E18 - 5, Status.OK),
        Reading(E18 - 7, Status.OK),
        Reading(E18, Status.CALL_FAILED),
    )


def with_pair(scene, reserve_0, reserve_1, supply, price_1=3_000 * E8):
    """Register a dollar and an ether feed and a pair of both; return the pair's source."""
    dollar, ether, shares = (scene.source() for _ in range(3))
    dollar.price(E8, AT_S)
    ether.price(price_1, AT_S)
    shares.pair(reserve_0, reserve_1, supply)
    scene.register(chainlink(dollar), chainlink(ether), pair(shares, decimals=6 + 18))
    return shares


@pytest.mark.parametrize(
    ("reserve_0", "reserve_1", "supply", "expected"),
    [
        (3 * 10**12, 10**21, 5 * 10**16, Reading(12 * 10**7 * E8, Status.OK)),
        (3 * 10**12, 10**21, 0, Reading(0, Status.NO_SUPPLY)),
        (0, 10**21, 10**18, Reading(0, Status.NON_POSITIVE)),
        (3 * 10**12, 0, 10**18, Reading(0, Status.NON_POSITIVE)),
        (1, 1, 2**128 - 1, Reading(0, Status.NON_POSITIVE)),
        (2**112, 10**21, 10**18, Reading(0, Status.OUT_OF_RANGE)),
        (3 * 10**12, 2**256 - 1, 10**18, Reading(0, Status.OUT_OF_RANGE)),
        (3 * 10**12, 10**21, 2**128, Reading(0, Status.OUT_OF_RANGE)),
    ],
)
def test_pair(scene, reserve_0, reserve_1, supply, expected):
    with_pair(scene, reserve_0, reserve_1, supply)
    assert scene.readings()[2] == expected


def test_pair_of_absurd_worth(scene):
    dollar, absurd, shares = (scene.source() for _ in range(3))
    dollar.price(2**128 - 1, AT_S)
    absurd.price(2**96, AT_S)
    feeds = [chainlink(s, min_answer=0, max_answer=2**128 - 1) for s in (dollar, absurd)]
    shares.pair(2**112 - 1, 2**112 - 1, 2**127)
    scene.register(feeds[0], feeds[0], feeds[1], pair(shares, 0), pair(shares, 0, 0, 2))
    dollar.price(2**128 - 2, AT_S)
    readings = scene.readings()
    assert [reading.status for reading in readings[3:]] == [Status.OUT_OF_RANGE] * 2


@pytest.mark.parametrize("price_1", [0, -1])
def test_pair_with_a_bad_price(scene, price_1):
    with_pair(scene, 3 * 10**12, 10**21, 10**18, price_1)
    assert scene.readings()[1:] == (
        Reading(0, Status.NON_POSITIVE),
        Reading(0, Status.DEPENDS_ON_BAD_FEED),
    )


@pytest.mark.parametrize("calldata", [RESERVES_CALL, SUPPLY_CALL])
@pytest.mark.parametrize(
    ("behaviour", "output"),
    [
        (Behaviour.REVERT, b""),
        (Behaviour.BURN, b""),
        (Behaviour.ANSWER, bytes(31)),
        (Behaviour.ANSWER, b""),
    ],
)
def test_pair_that_cannot_be_read(scene, calldata, behaviour, output):
    shares = with_pair(scene, 3 * 10**12, 10**21, 10**18)
    shares.tell(calldata, behaviour, output)
    assert scene.readings()[2] == Reading(0, Status.CALL_FAILED)


def test_return_bomb_is_read_as_its_first_words(scene, source):
    source.tell(RATE_CALL, Behaviour.RETURN_BOMB)
    source.tell(DECIMALS_CALL, Behaviour.RETURN_BOMB)
    source.tell(ROUND_CALL, Behaviour.RETURN_BOMB)
    scene.register(rate(source), chainlink(source, decimals=0))
    assert scene.readings() == (Reading(E18, Status.NON_POSITIVE), Reading(0, Status.NON_POSITIVE))


def test_one_bad_feed_leaves_the_others(scene):
    good, evil, steady = (scene.source() for _ in range(3))
    good.price(3_000 * E8, AT_S)
    steady.rate(E18)
    for calldata in (DECIMALS_CALL, RATE_CALL):
        evil.tell(calldata, Behaviour.BURN)
    scene.register(chainlink(evil), chainlink(good), rate(evil), rate(steady))
    assert scene.readings() == (
        Reading(0, Status.CALL_FAILED),
        Reading(3_000 * E8, Status.OK),
        Reading(E18, Status.CALL_FAILED),
        Reading(E18, Status.OK),
    )


def test_one_snapshot_per_interval(scene, source):
    source.price(3_000 * E8, START_S)
    scene.register(chainlink(source))
    scene.advance(INTERVAL_S - 1 - scene.now_s % INTERVAL_S)  # last second of an interval
    scene.snapshot()
    with pytest.raises(OracleHubError, match="F14"):
        scene.snapshot()
    scene.advance(1)
    scene.snapshot()
    scene.advance(INTERVAL_S - 1)
    with pytest.raises(OracleHubError, match="F14"):
        scene.snapshot()
    scene.advance(1)
    assert scene.snapshot().index == 2
