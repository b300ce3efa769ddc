"""The oracle hub and its model take the same random walk, and events alone rebuild the hub."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from offchain.settlement.oracle_feeds import (
    DECIMALS_CALL,
    HEARTBEAT_MAX_S,
    PPM,
    PRICE_DECIMALS,
    RESERVES_CALL,
    ROUND_CALL,
    SUPPLY_CALL,
    YEAR_S,
    ChainlinkFeed,
    FeedKind,
    LpFeed,
    OracleHubError,
    RateFeed,
    Status,
)
from offchain.settlement.oracle_hub import FeedSet, Snapshot, accumulate_all
from tests.onchain.oracle_scene import (
    INTERVAL_S,
    RATE_CALL,
    Behaviour,
    Scene,
    chainlink,
    pair,
    rate,
)
from tests.onchain.refusals import every_error_of, refused

SOURCES = 3
CALLS = (DECIMALS_CALL, ROUND_CALL, RATE_CALL, RATE_CALL + bytes(32), RESERVES_CALL, SUPPLY_CALL)
SET_IDS = (0, 2**256 - 1)
WRONG_SET_ID = 77
LITTLE_GAS = 150_000  # of which a read would take 200,000
PRICE, RATE, PAIR = range(3)
MALFORMED = (  # code, feed, member of `IOracleHub.Feed`, value
    ("F04", RATE, 1, "0x" + "77" * 20),
    ("F05", PRICE, 0, 9),
    ("F06", PRICE, 2, 37),
    ("F07", PRICE, 3, 0),
    ("F08", PRICE, 4, 2**128 - 1),
    ("F09", RATE, 9, PPM + 1),
    ("F10", RATE, 10, 0),
    ("F11", PAIR, 11, RATE),
    ("F12", PRICE, 9, 1),
)
# Most numbers are plausible, some are at a bound, some are anything.
PLAUSIBLE = st.integers(10**16, 10**20)
AMOUNTS = st.one_of(
    PLAUSIBLE,
    PLAUSIBLE,
    PLAUSIBLE,
    st.sampled_from([0, 1, 2**112 - 1, 2**112, 2**128 - 1, 2**128, 2**255, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)
SOURCE = st.integers(0, SOURCES - 1)
SECONDS = st.integers(60, 200) | st.integers(0, 60) | st.integers(0, YEAR_S)
SOUND = st.just(value=True)
ARGUMENT = st.sampled_from([None, bytes(32)])


@st.composite
def feed_lists(draw, sources, is_sound=SOUND):
    """Feeds of one set; a set that is not sound has one field outside of its range, perhaps."""
    found = []
    is_sound = draw(is_sound)
    for _ in range(draw(st.integers(0 if not is_sound else 1, 6))):
        source = sources[draw(SOURCE)].address
        decimals = draw(st.sampled_from([PRICE_DECIMALS, 18] if is_sound else [0, 36, 37]))
        kind = draw(st.sampled_from(FeedKind))
        prices = [i for i, feed in enumerate(found) if feed.kind is FeedKind.CHAINLINK]
        if kind is FeedKind.CHAINLINK or (is_sound and not prices):
            heartbeats_s = [60, HEARTBEAT_MAX_S, HEARTBEAT_MAX_S]
            clamps = [(0, 2**128 - 1), (10**17, 10**19)]
            heartbeat_s = draw(st.sampled_from(heartbeats_s if is_sound else [0, 2**32]))
            clamp = draw(st.sampled_from(clamps if is_sound else [*clamps, (0, 2**128), (5, 5)]))
            found.append(ChainlinkFeed(source, PRICE_DECIMALS, heartbeat_s, *clamp))
        elif kind is FeedKind.RATE:
            growth_ppm = draw(st.integers(0, PPM if is_sound else PPM + 1))
            reference = PLAUSIBLE if is_sound else st.sampled_from([0, 2**128 - 1, 2**128])
            found.append(
                RateFeed(source, decimals, RATE_CALL, draw(ARGUMENT), growth_ppm, draw(reference))
            )
        else:
            index = st.sampled_from(prices if is_sound else [*prices, len(found), 31, 2**256 - 1])
            found.append(LpFeed(source, decimals, draw(index), draw(index)))
    return tuple(found)


class HubMachine(RuleBasedStateMachine):
    """A hub with a few sources and sets."""

    def __init__(self):
        super().__init__()
        self.scene = Scene()
        self.sources = [self.scene.source() for _ in range(SOURCES)]

    @initialize(data=st.data())
    def start(self, data):
        for source in self.sources:
            source.price(data.draw(PLAUSIBLE), self.scene.now_s, PRICE_DECIMALS)
            source.rate(data.draw(PLAUSIBLE))
            source.rate(data.draw(PLAUSIBLE), RATE_CALL + bytes(32))
            source.pair(*(data.draw(PLAUSIBLE) for _ in range(3)))
        self.scene.register(*data.draw(feed_lists(self.sources)), set_id=SET_IDS[0])

    @rule(set_id=st.sampled_from(SET_IDS), data=st.data())
    def register(self, set_id, data):
        found = data.draw(feed_lists(self.sources, st.booleans()))
        interval_s = data.draw(st.sampled_from([60, 60, 60, 1, 86_400, 0, 86_401]))
        with suppress(OracleHubError):  # by both, with the same code
            self.scene.register(*found, set_id=set_id, interval_s=interval_s)

    @rule(source=SOURCE, answer=AMOUNTS, age_s=st.integers(-300, 300))
    def price(self, source, answer, age_s):
        self.sources[source].price(answer, self.scene.now_s - age_s, PRICE_DECIMALS)

    @rule(source=SOURCE, decimals=AMOUNTS)
    def decimals(self, source, decimals):
        self.sources[source].answer(DECIMALS_CALL, decimals)

    @rule(source=SOURCE, rate=AMOUNTS, argument=ARGUMENT)
    def rate(self, source, rate, argument):
        self.sources[source].rate(rate, RATE_CALL + (argument or b""))

    @rule(source=SOURCE, reserves=st.tuples(AMOUNTS, AMOUNTS), supply=AMOUNTS)
    def pair(self, source, reserves, supply):
        self.sources[source].pair(*reserves, supply)

    @rule(
        source=SOURCE,
        call=st.sampled_from(CALLS),
        behaviour=st.sampled_from(Behaviour),
        output=st.binary(max_size=256),
    )
    def misbehave(self, source, call, behaviour, output):
        self.sources[source].tell(call, behaviour, output)

    @rule(set_id=st.sampled_from([*SET_IDS[:1] * 3, *SET_IDS]), seconds=SECONDS)
    def snapshot(self, set_id, seconds):
        self.scene.advance(seconds)
        with suppress(OracleHubError):
            for reading in self.scene.snapshot(set_id).readings:
                assert reading.value > 0 or reading.status not in (Status.OK, Status.CAPPED)

    @rule(source=SOURCE)
    def call_wrongly(self, source):
        """Register what is malformed, and read with too little gas; neither changes anything."""
        own = self.sources[source]
        feeds = (chainlink(own), rate(own), pair(own, price_feed_1=0))
        _, values = FeedSet(INTERVAL_S, feeds).arguments()
        for code, place, member, value in MALFORMED:
            wrong = [list(feed) for feed in values]
            wrong[place][member] = value
            arguments = (WRONG_SET_ID, INTERVAL_S, [tuple(feed) for feed in wrong])
            refused(code, self.scene.hub.call, "register_feed_set", *arguments)
        arguments = (WRONG_SET_ID, 0, values)
        refused("F02", self.scene.hub.call, "register_feed_set", *arguments)
        self.scene.advance(INTERVAL_S)
        calldata = self.scene.hub.calldata("snapshot", SET_IDS[0])
        refused("F15", self.scene.hub.send, "snapshot", calldata, gas=LITTLE_GAS)

    @invariant()
    def counts_agree(self):
        for set_id, taken in self.scene.model.snapshots.items():
            assert self.scene.hub.call("snapshot_count", set_id).values == (len(taken),)

    def teardown(self):
        """Rebuild everything from events."""
        hub = self.scene.hub
        for set_id in self.scene.model.snapshots:
            rebuilt = [Snapshot.from_event(e) for e in self.scene.events if e["set_id"] == set_id]
            for count in range(len(rebuilt) + 1):
                accumulator = hub.call("accumulator_after", set_id, count).values[0]
                assert accumulate_all(rebuilt[:count]) == accumulator
            for snapshot in rebuilt:
                time_s = hub.call("snapshot_time_s", set_id, snapshot.index).values[0]
                assert time_s == snapshot.time_s
            assert hub.call("snapshot_time_s", set_id, len(rebuilt)).values == (0,)


HubMachine.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True
)


class TestHub(HubMachine.TestCase):
    def runTest(self):  # noqa: N802  # unittest's name
        with every_error_of("oracle"):
            super().runTest()
