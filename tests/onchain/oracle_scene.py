"""An oracle hub beside its model: sources that answer what they are told, in both worlds."""

from enum import IntEnum

import pytest
from eth_abi import encode

from offchain.settlement.oracle_feeds import (
    DECIMALS_CALL,
    RESERVES_CALL,
    ROUND_CALL,
    SUPPLY_CALL,
    ChainlinkFeed,
    LpFeed,
    OracleHubError,
    RateFeed,
    selector,
)
from offchain.settlement.oracle_hub import FeedSet, OracleHubModel, Snapshot
from tests.onchain.evm import DEPLOYER, Evm, Reverted

SET_ID = 5
INTERVAL_S = 60
START_S = 1_700_000_000
HEARTBEAT_S = 3_600
E18 = 10**18
E8 = 10**8
RATE_CALL = selector("stEthPerToken()")
MAX_ANSWER = 10**30


class Behaviour(IntEnum):
    """What SourceMock does; the values are the contract's."""

    REVERT = 0
    ANSWER = 1
    BURN = 2
    WASTE = 3
    RETURN_BOMB = 4
    REVERT_BOMB = 5
    WRITE = 6
    GUARD = 7


ANSWERING = (Behaviour.ANSWER, Behaviour.WASTE, Behaviour.GUARD)


class Source:
    """A SourceMock and what it was told."""

    def __init__(self, evm):
        self.contract = evm.deploy("SourceMock")
        self.address = bytes.fromhex(self.contract.address[2:])
        self.told = {}

    def tell(self, calldata, behaviour, output=b""):
        self.contract.call("set_behaviour", calldata, behaviour, output)
        self.told[calldata] = behaviour, output

    def answer(self, calldata, *words):
        output = b"".join(word.to_bytes(32, "big") for word in words)
        self.tell(calldata, Behaviour.ANSWER, output)

    def read(self, calldata):
        behaviour, output = self.told.get(calldata, (Behaviour.REVERT, b""))
        if behaviour is Behaviour.RETURN_BOMB:
            return encode(["uint256[2000]"], [[0] * 2_000])
        return output if behaviour in ANSWERING else None

    # The shapes of the three kinds.

    def price(self, answer, updated_at_s, decimals=8):
        self.answer(DECIMALS_CALL, decimals)
        self.answer(ROUND_CALL, 1, answer % 2**256, updated_at_s, updated_at_s, 1)

    def rate(self, rate, calldata=RATE_CALL):
        self.answer(calldata, rate)

    def pair(self, reserve_0, reserve_1, supply):
        self.answer(RESERVES_CALL, reserve_0, reserve_1, 0)
        self.answer(SUPPLY_CALL, supply)


class Scene:
    """A hub, its model, and sources; every call goes to both."""

    def __init__(self):
        self.evm = Evm()
        self.now_s = START_S
        self.evm.set_time(self.now_s)
        self.hub = self.evm.deploy("OracleHub", DEPLOYER)
        self.sources = {}
        self.model = OracleHubModel(lambda address, data: self.sources[address].read(data))
        self.events = []

    def source(self):
        source = Source(self.evm)
        self.sources[source.address] = source
        return source

    def advance(self, seconds=INTERVAL_S):
        self.now_s += seconds
        self.evm.set_time(self.now_s)

    def register(self, *feeds, set_id=SET_ID, interval_s=INTERVAL_S):
        feed_set = FeedSet(interval_s, feeds)
        self._both(
            lambda: self.model.register(set_id, feed_set, self.now_s),
            lambda: self.hub.call("register_feed_set", set_id, *feed_set.arguments()),
        )
        assert self.hub.call("feed_set_hash", set_id).values[0] == feed_set.set_hash()
        return feed_set

    def snapshot(self, set_id=SET_ID):
        """Take a snapshot, compare it with the model's, and return the model's."""
        expected, outcome = self._both(
            lambda: self.model.snapshot(set_id, self.now_s),
            lambda: self.hub.call("snapshot", set_id),
        )
        [(name, event)] = outcome.events
        self.events.append(event)
        assert name == "SnapshotTaken"
        assert Snapshot.from_event(event) == expected
        assert event["accumulator"] == self.model.accumulator_after(set_id, expected.index + 1)
        assert outcome.values == (expected.index,)
        return expected

    def readings(self):
        """Readings of a snapshot in the next interval."""
        self.advance()
        return self.snapshot().readings

    def _both(self, in_model, on_chain):
        """Results of both, which refuse with the same code or not at all."""
        try:
            expected = in_model()
        except OracleHubError as error:
            refused = error
        else:
            return expected, on_chain()
        with pytest.raises(Reverted, match=f"^{refused.code}: "):
            on_chain()
        raise refused


def chainlink(source, decimals=8, min_answer=1, max_answer=MAX_ANSWER):
    return ChainlinkFeed(source.address, decimals, HEARTBEAT_S, min_answer, max_answer)


def rate(source, decimals=18, growth_ppm=100_000, reference_e18=E18, argument=None):
    return RateFeed(source.address, decimals, RATE_CALL, argument, growth_ppm, reference_e18)


def pair(source, decimals=26, price_feed_0=0, price_feed_1=1):
    return LpFeed(source.address, decimals, price_feed_0, price_feed_1)
