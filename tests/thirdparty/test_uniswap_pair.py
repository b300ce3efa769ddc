"""A real Uniswap V2 pair: its shares as collateral, and its fair price under attack."""

import pytest

from offchain.settlement.oracle_feeds import Status
from tests.onchain.vault_scene import DEPOSITOR, RECEIVER, STRANGER
from tests.thirdparty.system import CHAIN, WEI_PER_UNIT, balance, readings_of
from tests.thirdparty.uniswap import (
    DEADLINE_S,
    DOLLAR_PRICE_E8,
    ETHER_PRICE_E8,
    RESERVE_DOLLARS,
    RESERVE_WEI,
    Market,
    deploy_aggregator,
    price_feed,
)

SHARE_ASSET, FEED_SET = 1, 1
DOLLAR_FEED, ETHER_FEED, SHARE_FEED = range(3)
FEES_MAX = 0.003  # what one swap may move the fair price by
SHARES = 10**13 * 1_000  # a good part of all: sqrt(3 * 10^12 * 10^21) = 5.5 * 10^16


@pytest.fixture(scope="module")
def market(artifacts, deployed):
    market = Market(artifacts, deployed.evm)
    deployed.register(SHARE_ASSET, market.pair)
    aggregators = [
        deploy_aggregator(artifacts, deployed.evm, price_e8)
        for price_e8 in (DOLLAR_PRICE_E8, ETHER_PRICE_E8)
    ]
    lp_feed = market.lp_feed(DOLLAR_FEED, ETHER_FEED)
    deployed.register_feeds(FEED_SET, *map(price_feed, aggregators), lp_feed)
    market.pair.call("transfer", DEPOSITOR, SHARES, sender=STRANGER)
    deployed.approve(market.pair)
    return market


def price_e8(system):
    reading = system.readings(FEED_SET)[SHARE_FEED]
    assert reading.status is Status.OK
    return reading.value


def test_shares_are_deposited_claimed_and_redeemed(system, market):
    event = system.deposit(SHARE_ASSET, SHARES)
    assert event["received_native"] == SHARES
    units = event["amount_units"]
    assert units == SHARES // WEI_PER_UNIT
    system.claim(system.withdraw(RECEIVER, SHARE_ASSET, units))
    assert market.shares(RECEIVER) == units * WEI_PER_UNIT
    system.check_solvent(SHARE_ASSET)
    fair_e8 = price_e8(system)
    # What they redeem for is what they were valued at.
    market.pair.call("transfer", market.pair.address, SHARES, sender=RECEIVER)
    market.pair.call("burn", RECEIVER, sender=RECEIVER)
    found_e8 = balance(market.dollar, RECEIVER) * 100 + (
        balance(market.weth, RECEIVER) * ETHER_PRICE_E8 // 10**18
    )
    assert found_e8 == pytest.approx(fair_e8 * SHARES // 10**18, rel=1e-6)


def test_fees_of_trades_stay_in_the_shares_of_the_vault(system, market):
    system.deposit(SHARE_ASSET, SHARES)
    before_e8 = price_e8(system)
    for _ in range(5):
        market.swap(market.dollar, market.swap(market.weth, RESERVE_WEI // 10))
    assert price_e8(system) > before_e8
    assert system.view("surplus_native", SHARE_ASSET) == 0
    system.check_solvent(SHARE_ASSET)


@pytest.mark.parametrize("token", ["dollar", "weth"])
def test_swap_of_ten_times_the_reserve_moves_the_fair_price_by_its_fee(system, market, token):
    before_e8 = price_e8(system)
    assert before_e8 == pytest.approx(float(market.naive_price_e8()), rel=1e-6)
    reserve = RESERVE_DOLLARS if token == "dollar" else RESERVE_WEI
    market.swap(getattr(market, token), 10 * reserve)
    after_e8 = price_e8(system)
    assert before_e8 <= after_e8 < before_e8 * (1 + FEES_MAX)
    assert market.naive_price_e8() > 5 * before_e8


def test_donation_counts_only_when_it_is_synced_and_then_half_at_most(system, market):
    before_e8, worth_e8 = price_e8(system), market.worth_e8()
    market.dollar.call("transfer", market.pair.address, 9 * RESERVE_DOLLARS, sender=STRANGER)
    assert price_e8(system) == before_e8
    market.pair.call("sync")
    gained_e8 = (price_e8(system) - before_e8) * market.supply()
    # Ten times one reserve is sqrt(10) times the root of the product.
    assert gained_e8 == pytest.approx(float(worth_e8) * (10**0.5 - 1), rel=1e-6)
    assert gained_e8 <= (market.worth_e8() - worth_e8) / 2


def test_skim_takes_a_donation_back_and_leaves_the_price(system, market):
    before_e8 = price_e8(system)
    market.weth.call("transfer", market.pair.address, 9 * RESERVE_WEI, sender=STRANGER)
    market.pair.call("skim", STRANGER)
    assert price_e8(system) == before_e8


def test_snapshot_in_the_middle_of_a_flash_swap_reads_the_fair_price(system, market):
    before_e8 = price_e8(system)
    system.wait(60)
    borrower = system.evm.deploy("AttackerMock")
    borrower.call("set_callback", system.hub.address, system.hub.calldata("snapshot", FEED_SET))
    # All but a wei of both reserves leaves; what comes back, and its fee, is sent ahead.
    outs = {market.dollar: RESERVE_DOLLARS - 1, market.weth: RESERVE_WEI - 1}
    for token, amount in outs.items():
        token.call("transfer", market.pair.address, amount * 1004 // 1000, sender=STRANGER)
    amounts = [outs[token] for token in market.tokens]
    outcome = market.pair.call("swap", *amounts, borrower.address, b"flash", sender=STRANGER)
    assert borrower.call("is_callback_done").values == (True,)
    reading = readings_of(outcome, system.hub)[SHARE_FEED]
    assert (reading.status, reading.value) == (Status.OK, before_e8)
    assert before_e8 < price_e8(system) < before_e8 * (1 + 2 * FEES_MAX)


def test_deposit_in_the_middle_of_a_flash_swap_counts_shares_and_nothing_else(system, market):
    attacker = system.evm.deploy("AttackerMock")
    market.pair.call("transfer", attacker.address, SHARES, sender=STRANGER)
    approve = market.pair.calldata("approve", system.vault.address, SHARES)
    attacker.call("act", market.pair.address, approve)
    deposit = system.vault.calldata("deposit", CHAIN, SHARE_ASSET, SHARES)
    attacker.call("set_callback", system.vault.address, deposit)
    market.weth.call("transfer", market.pair.address, RESERVE_WEI, sender=STRANGER)
    amounts = [0 if token is market.dollar else RESERVE_WEI // 2 for token in market.tokens]
    market.pair.call("swap", *amounts, attacker.address, b"flash", sender=STRANGER)
    assert attacker.call("is_callback_done").values == (True,)
    assert system.view("ledger_units", SHARE_ASSET) == SHARES // WEI_PER_UNIT
    system.check_solvent(SHARE_ASSET)


def test_who_swaps_and_provides_both_tokens_moves_the_price_by_a_fee(system, market):
    before_e8 = price_e8(system)
    wei = market.swap(market.dollar, RESERVE_DOLLARS // 2)
    arguments = (market.dollar.address, market.weth.address, RESERVE_DOLLARS, wei, 0, 0)
    market.router.call("addLiquidity", *arguments, STRANGER, DEADLINE_S, sender=STRANGER)
    assert before_e8 <= price_e8(system) < before_e8 * (1 + FEES_MAX)


def test_the_pair_without_its_price_has_none(system, market):
    system.wait(2 * 3_600)
    statuses = [reading.status for reading in system.readings(FEED_SET)]
    assert statuses == [Status.STALE, Status.STALE, Status.DEPENDS_ON_BAD_FEED]
    assert market.reserves() == (RESERVE_DOLLARS, RESERVE_WEI)  # the pair itself still answers
