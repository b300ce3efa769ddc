"""A feed of Chainlink's mock behind Chainlink's own proxy, as mainnet's feeds stand."""

import pytest

from offchain.settlement.oracle_feeds import Status
from tests.onchain.vault_scene import ZERO_ADDRESS
from tests.thirdparty.system import INTERVAL_S
from tests.thirdparty.uniswap import (
    CHAINLINK,
    ETHER_PRICE_E8,
    HEARTBEAT_S,
    MAX_ANSWER,
    MIN_ANSWER,
    PRICE_DECIMALS,
    deploy_aggregator,
    price_feed,
)

FEED_SET = 1
PROXY = "truffle/v0.6/EACAggregatorProxy.js"
MOCK = "truffle/v0.6/MockV3Aggregator.js"


@pytest.fixture(scope="module")
def aggregator(artifacts, deployed):
    return deploy_aggregator(artifacts, deployed.evm, ETHER_PRICE_E8)


@pytest.fixture(scope="module")
def proxy(artifacts, deployed, aggregator):
    arguments = (aggregator.address, ZERO_ADDRESS)  # everyone may read
    proxy = artifacts.deploy(deployed.evm, CHAINLINK, PROXY, *arguments)
    deployed.register_feeds(FEED_SET, price_feed(proxy))
    return proxy


def reading(system):
    [found] = system.readings(FEED_SET)
    return found.status, found.value


def test_the_answer_is_read_through_the_proxy(system, aggregator, proxy):
    assert reading(system) == (Status.OK, ETHER_PRICE_E8)
    aggregator.call("updateAnswer", ETHER_PRICE_E8 + 1)
    assert reading(system) == (Status.OK, ETHER_PRICE_E8 + 1)


def test_an_answer_is_stale_after_its_heartbeat_and_a_tenth(system, aggregator, proxy):
    lifetime_s = HEARTBEAT_S + HEARTBEAT_S // 10
    aggregator.call("updateAnswer", ETHER_PRICE_E8)
    system.wait(lifetime_s - INTERVAL_S)
    assert reading(system) == (Status.OK, ETHER_PRICE_E8)
    assert reading(system) == (Status.STALE, 0)
    aggregator.call("updateAnswer", ETHER_PRICE_E8)
    assert reading(system) == (Status.OK, ETHER_PRICE_E8)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (0, Status.NON_POSITIVE),
        (-1, Status.NON_POSITIVE),
        (MIN_ANSWER, Status.CLAMPED),
        (MAX_ANSWER, Status.CLAMPED),
    ],
)
def test_an_answer_that_is_no_price_has_a_status(system, aggregator, proxy, answer, status):
    aggregator.call("updateAnswer", answer)
    assert reading(system) == (status, 0)


def test_an_answer_from_the_future_is_refused(system, aggregator, proxy):
    time_s = system.now_s + INTERVAL_S + 1
    aggregator.call("updateRoundData", 9, ETHER_PRICE_E8, time_s, time_s)
    assert reading(system) == (Status.FUTURE, 0)


def test_another_aggregator_behind_the_proxy(system, artifacts, proxy):
    same = deploy_aggregator(artifacts, system.evm, ETHER_PRICE_E8 * 2)
    wider = artifacts.deploy(
        system.evm, CHAINLINK, MOCK, 2 * PRICE_DECIMALS, ETHER_PRICE_E8 * 10**PRICE_DECIMALS
    )
    for following, expected in (
        (same, (Status.OK, ETHER_PRICE_E8 * 2)),
        (wider, (Status.DECIMALS_CHANGED, 0)),
    ):
        proxy.call("proposeAggregator", following.address)
        proxy.call("confirmAggregator", following.address)
        assert reading(system) == expected


def test_a_proxy_that_shuts_readers_out_stops_no_snapshot(system, artifacts, proxy):
    # A contract that answers nothing stands for a controller that lets nobody read.
    controller = system.evm.deploy("AttackerMock")
    controller.call("set_refusing", True)
    proxy.call("setController", controller.address)
    assert reading(system) == (Status.CALL_FAILED, 0)
    proxy.call("setController", ZERO_ADDRESS)
    assert reading(system) == (Status.OK, ETHER_PRICE_E8)
