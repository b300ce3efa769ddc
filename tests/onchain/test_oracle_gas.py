"""Gas of the oracle hub: nobody starves a read, and the worst set fits into a transaction."""

import pytest

from offchain.settlement.oracle_feeds import (
    DECIMALS_CALL,
    RESERVES_CALL,
    ROUND_CALL,
    SUPPLY_CALL,
    Status,
)
from offchain.settlement.oracle_hub import FEEDS_MAX
from tests.onchain.evm import DEPLOYER
from tests.onchain.oracle_scene import (
    E8,
    E18,
    RATE_CALL,
    START_S,
    Behaviour,
    Scene,
    chainlink,
    pair,
    rate,
)

TRANSACTION_GAS_MAX = 1 << 24  # EIP-7825
READ_GAS = 200_000
GAS_STEP = 101


@pytest.fixture
def scene():
    return Scene()


def events_with_gas(scene, gas):
    """Take a snapshot with a gas limit; its events, or the reason of the revert."""
    hub = scene.hub
    calldata = hub.calldata("snapshot", 5)
    with scene.evm.rolled_back():
        try:
            hub._revm.message_call(DEPLOYER, hub.address, calldata=calldata, gas=gas)
        except RuntimeError as error:
            return str(error)
        return [log.data for log in hub._revm.result.logs]


def test_no_gas_limit_makes_a_good_feed_fail(scene):
    """Sources that fail at once with less than a whole read's gas, which leaves the rest to go on:
    every limit gives the same snapshot or none.
    """
    price, ratio, shares = (scene.source() for _ in range(3))
    price.price(3_000 * E8, START_S)
    ratio.rate(E18)
    shares.pair(10**21, 10**21, 10**21)
    for source in (price, ratio, shares):
        for calldata, (_, output) in dict(source.told).items():
            source.tell(calldata, Behaviour.GUARD, output)
    scene.register(chainlink(price), rate(ratio), pair(shares, 36, 0, 0))
    [full] = events_with_gas(scene, TRANSACTION_GAS_MAX)
    outcomes = [events_with_gas(scene, gas) for gas in range(100_000, 500_000, GAS_STEP)]
    taken = [outcome for outcome in outcomes if isinstance(outcome, list)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert taken
    assert all(outcome == [full] for outcome in taken)
    # F15 in hex, or out of gas.
    assert any("4631353a" in outcome for outcome in refused)
    assert all("4631353a" in outcome or "OutOfGas" in outcome for outcome in refused)
    assert {reading.status for reading in scene.readings()} == {Status.OK}


def test_worst_set_fits_into_a_transaction(scene):
    """Two reads per feed, each of which wastes all that it gets."""
    price, evil, evil_pair = (scene.source() for _ in range(3))
    price.price(E8, START_S)
    evil.price(E8, START_S)
    evil_pair.pair(10**18, 10**18, 10**18)
    for source, calls in (
        (evil, (DECIMALS_CALL, ROUND_CALL)),
        (evil_pair, (RESERVES_CALL, SUPPLY_CALL)),
    ):
        for calldata in calls:
            source.tell(calldata, Behaviour.WASTE, source.told[calldata][1])
    halves = [chainlink(evil)] * (FEEDS_MAX // 2 - 1), [pair(evil_pair, 36, 0, 0)] * 16
    scene.register(chainlink(price), *halves[0], *halves[1])
    scene.advance()
    outcome = scene.hub.call("snapshot", 5)
    readings = outcome.events[0][1]["readings"]
    assert [status for _, status in readings] == [Status.OK] * FEEDS_MAX
    assert 62 * 0.96 * READ_GAS < outcome.gas_used < TRANSACTION_GAS_MAX


@pytest.mark.parametrize(
    "behaviour", [Behaviour.BURN, Behaviour.RETURN_BOMB, Behaviour.REVERT_BOMB, Behaviour.WASTE]
)
def test_evil_source_costs_at_most_its_share(scene, behaviour):
    quiet, evil = scene.source(), scene.source()
    evil.tell(RATE_CALL, behaviour, E18.to_bytes(32, "big"))
    scene.register(rate(quiet))
    scene.register(rate(evil), set_id=6)
    scene.advance()
    costs = [scene.hub.call("snapshot", set_id).gas_used for set_id in (5, 6)]
    assert costs[1] - costs[0] <= READ_GAS
