"""Real aTokens in the vault: scaled balances are kept, so yield and rounding are nobody's loss."""

from random import Random

import pytest

from offchain.settlement.oracle_feeds import Status
from tests.onchain.vault_scene import ATOKEN, ETHER_WEI, RECEIVER
from tests.thirdparty.aave import (
    BORROWER,
    LENDER,
    LIQUIDATOR,
    RAY,
    SUPPLIED_DOLLARS,
    SUPPLIED_WEI,
    YEAR_S,
    AaveMarket,
)
from tests.thirdparty.system import WEI_PER_UNIT, balance, refused
from tests.thirdparty.uniswap import DOLLAR_UNIT, ETHER_PRICE_E8, deploy_weth, price_feed

ASSET, OTHER_ASSET = 1, 2
FEED_SET, CAPPED_FEED_SET = 1, 2
ETHER_FEED, RATE_FEED = range(2)
BORROWED_WEI = 600 * ETHER_WEI
DEPOSIT_WEI = 100 * ETHER_WEI
ROUNDING_WEI = 2
GROWTH_PPM = 100_000  # 10 % a year, far above what the market yields
NARROW_GROWTH_PPM = 1_000
SECONDS = (0, 12, 3_600, 86_400, 30 * 86_400)
RESERVE_PAUSED = "29"  # Aave's own codes of errors
TRANSFER_BREAKS_HEALTH = "35"


@pytest.fixture(scope="module")
def market(artifacts, deployed):
    """Return a market where the borrower owes ether for dollars, after a first week."""
    market = AaveMarket(artifacts, deployed.evm)
    market.supply(market.weth, SUPPLIED_WEI, LENDER)
    market.supply(market.dollar, SUPPLIED_DOLLARS, BORROWER)
    market.borrow(market.weth, BORROWED_WEI, BORROWER)
    deployed.register(ASSET, market.aweth, ATOKEN)
    for holder in (LENDER, LIQUIDATOR, RECEIVER, BORROWER):
        deployed.approve(market.aweth, holder)
    deployed.wait(7 * 86_400)
    for set_id, growth_ppm in ((FEED_SET, GROWTH_PPM), (CAPPED_FEED_SET, NARROW_GROWTH_PPM)):
        feeds = price_feed(market.ether_price), market.rate_feed(growth_ppm)
        deployed.register_feeds(set_id, *feeds)
    return market


def grown(amount, index_before, index_after):
    return amount * index_after // index_before


def test_a_deposit_is_credited_in_scaled_units(system, market):
    event = system.deposit(ASSET, DEPOSIT_WEI, LENDER)
    index = market.index(market.weth)
    assert index > RAY  # the market has yielded something before
    scaled = market.scaled(system.vault.address)
    assert event["received_native"] == scaled
    assert abs(scaled - DEPOSIT_WEI * RAY // index) <= 1
    assert event["amount_units"] == scaled // WEI_PER_UNIT
    system.check_solvent(ASSET)


def test_the_yield_of_a_year_goes_to_the_owner(system, market):
    units = system.deposit(ASSET, DEPOSIT_WEI, LENDER)["amount_units"]
    index = market.index(market.weth)
    scaled = market.scaled(system.vault.address)
    system.wait(YEAR_S)
    later = market.index(market.weth)
    assert index * 101 // 100 < later  # over 1 % in a year
    assert market.scaled(system.vault.address) == scaled  # nothing moved but its price
    assert system.view("ledger_units", ASSET) == units
    paid = system.claim(system.withdraw(RECEIVER, ASSET, units))
    assert paid["amount_native"] == units * WEI_PER_UNIT
    fair_wei = units * WEI_PER_UNIT * later // RAY
    assert 0 <= fair_wei - market.held_wei(RECEIVER) <= ROUNDING_WEI
    # What is below a unit stays behind; nothing else does.
    assert grown(DEPOSIT_WEI, index, later) - market.held_wei(RECEIVER) <= 2 * WEI_PER_UNIT
    assert scaled - market.scaled(system.vault.address) <= units * WEI_PER_UNIT
    system.check_solvent(ASSET)


def test_what_is_claimed_can_be_withdrawn_from_the_pool(system, market):
    units = system.deposit(ASSET, DEPOSIT_WEI, LENDER)["amount_units"]
    system.wait(YEAR_S)
    system.claim(system.withdraw(RECEIVER, ASSET, units))
    everything = 2**256 - 1
    arguments = (market.weth.address, everything, RECEIVER)
    market.pool.call("withdraw", *arguments, sender=RECEIVER)
    assert balance(market.weth, RECEIVER) > DEPOSIT_WEI * 101 // 100


def test_no_sequence_pays_more_than_it_debits(system, market):
    rng, vault = Random(5), system.vault.address
    for _ in range(60):
        system.wait(rng.choice(SECONDS))
        scaled = market.scaled(vault)
        ledger = system.view("ledger_units", ASSET)
        if ledger == 0 or rng.random() < 0.5:
            amount_wei = rng.choice((10**11, rng.randrange(10**11, DEPOSIT_WEI)))
            credited = system.deposit(ASSET, amount_wei, LENDER)["amount_units"]
            assert credited * WEI_PER_UNIT <= market.scaled(vault) - scaled
        else:
            units = ledger if rng.random() < 0.2 else rng.randint(1, ledger)
            before = market.scaled(LENDER)
            system.claim(system.withdraw(LENDER, ASSET, units))
            debited = scaled - market.scaled(vault)
            assert market.scaled(LENDER) - before == debited <= units * WEI_PER_UNIT
            assert units * WEI_PER_UNIT - debited <= ROUNDING_WEI
        system.check_solvent(ASSET)


def test_tiny_deposits_and_claims_gain_nothing(system, market):
    system.deposit(ASSET, DEPOSIT_WEI, LENDER)
    surplus = system.view("surplus_native", ASSET)
    for _ in range(20):
        system.wait()
        units = system.deposit(ASSET, 5 * WEI_PER_UNIT, LENDER)["amount_units"]
        system.claim(system.withdraw(LENDER, ASSET, units))
        assert system.view("surplus_native", ASSET) >= surplus
        surplus = system.view("surplus_native", ASSET)
    system.check_solvent(ASSET)


def test_an_account_with_debt_deposits_only_what_its_debt_does_not_need(system, market):
    market.borrow(market.dollar, 2_000_000 * DOLLAR_UNIT, LENDER)
    with refused(TRANSFER_BREAKS_HEALTH):
        system.deposit(ASSET, SUPPLIED_WEI // 2, LENDER)
    system.deposit(ASSET, DEPOSIT_WEI, LENDER)
    system.check_solvent(ASSET)


def test_a_liquidation_beside_it_leaves_the_vault_alone(system, market):
    units = system.deposit(ASSET, DEPOSIT_WEI, LENDER)["amount_units"]
    scaled = market.scaled(system.vault.address)
    market.ether_price.call("updateAnswer", 3 * ETHER_PRICE_E8 // 2)
    assert market.health_e18(BORROWER) < 10**18
    market.liquidate(market.dollar, market.weth, BORROWER, 200 * ETHER_WEI, as_atoken=False)
    assert market.scaled(system.vault.address) == scaled
    system.check_solvent(ASSET)
    system.wait(86_400)
    system.claim(system.withdraw(RECEIVER, ASSET, units))
    assert market.held_wei(RECEIVER) >= DEPOSIT_WEI - WEI_PER_UNIT * 2


def test_the_depositor_is_liquidated_with_what_it_did_not_deposit(system, market):
    units = system.deposit(ASSET, DEPOSIT_WEI, LENDER)["amount_units"]
    market.borrow(market.dollar, 2_000_000 * DOLLAR_UNIT, LENDER)
    market.ether_price.call("updateAnswer", ETHER_PRICE_E8 * 8 // 10)
    assert market.health_e18(LENDER) < 10**18
    with refused(TRANSFER_BREAKS_HEALTH):
        system.deposit(ASSET, DEPOSIT_WEI, LENDER)
    repaid = 500_000 * DOLLAR_UNIT
    market.liquidate(market.weth, market.dollar, LENDER, repaid, as_atoken=True)
    assert market.held_wei(LIQUIDATOR) > 200 * ETHER_WEI
    # Seized aTokens are collateral like any others, and what was deposited is still there.
    seized = system.deposit(ASSET, market.held_wei(LIQUIDATOR), LIQUIDATOR)["amount_units"]
    assert system.view("ledger_units", ASSET) == units + seized
    system.claim(system.withdraw(LENDER, ASSET, units))
    system.claim(system.withdraw(LIQUIDATOR, ASSET, seized))
    assert system.view("ledger_units", ASSET) == 0
    system.check_solvent(ASSET)


def test_a_paused_reserve_holds_up_its_own_claims_only(system, market, artifacts):
    weth = deploy_weth(artifacts, system.evm)
    system.register(OTHER_ASSET, weth)
    weth.call("deposit", sender=LENDER, value_wei=ETHER_WEI)
    system.approve(weth, LENDER)
    system.deposit(OTHER_ASSET, ETHER_WEI, LENDER)
    units = system.deposit(ASSET, DEPOSIT_WEI, LENDER)["amount_units"]
    claim = system.withdraw(RECEIVER, ASSET, units)
    market.configurator.call("setReservePause", market.weth.address, True)
    with refused(RESERVE_PAUSED):
        system.claim(claim)
    system.claim(system.withdraw(RECEIVER, OTHER_ASSET, 10**8))
    market.configurator.call("setReservePause", market.weth.address, False)
    system.claim(claim)
    system.check_solvent(ASSET)


def test_the_hub_reads_price_and_rate(system, market):
    system.wait(YEAR_S)
    market.ether_price.call("updateAnswer", ETHER_PRICE_E8)
    price, rate = system.readings(FEED_SET)
    assert (price.status, price.value) == (Status.OK, ETHER_PRICE_E8)
    assert (rate.status, rate.value) == (Status.OK, market.index(market.weth) // 10**9)
    assert rate.value > 10**18 * 101 // 100


def test_the_hub_caps_a_rate_that_grows_too_fast(system, market):
    reference_e18 = market.index(market.weth) // 10**9
    system.wait(YEAR_S)
    _, rate = system.readings(CAPPED_FEED_SET)
    assert rate.status is Status.CAPPED
    elapsed_cap_e18 = reference_e18 * NARROW_GROWTH_PPM // 10**6
    assert rate.value == pytest.approx(reference_e18 + elapsed_cap_e18, rel=1e-6)
    assert rate.value < market.index(market.weth) // 10**9
