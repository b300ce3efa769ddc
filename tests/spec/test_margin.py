"""Margin sums and what they allow to leave an account (docs/spec/risk.md section 7).

A lot at price 1,000 is 1,000 micro = 100,000 quote units. Margins of PERP: 10 %, 5 %, 2.5 %.
"""

from dataclasses import replace

import pytest

from offchain.spec import margin, op, risk_op
from offchain.spec.constants import MICRO_LIMIT, QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import MarginMode
from offchain.spec.margin import Bucket, Change, Holding
from offchain.spec.risk_records import MarketRisk
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    asset_risk,
    asset_snapshot,
    margined_exchange,
    market_risk,
    reprice,
)
from tests.spec.support import (
    BASE,
    FINE,
    IS_ASK,
    MAKER,
    PERP,
    POOR,
    SPOT,
    TAKER,
    UNITS,
    order,
    refused,
    rest,
    run,
    trade,
)

MILLION = 10**6
FREE_MICRO = UNITS // 100  # what TAKER holds: 10,000 quote tokens


@pytest.fixture
def state():
    return margined_exchange()


def risk(**fields):
    return MarketRisk(mark_price=1_000, **fields)


# --- requirements --------------------------------------------------------------------------


def test_a_requirement_is_a_fraction_of_the_value_rounded_up():
    # 3 lots x 1,000 = 3,000 micro; 12.3456 % of it is 370.368
    assert margin.requirement(risk(), 3, 123_456) == 371


def test_above_the_tiers_the_fraction_is_two_and_four_times_as_high():
    tiered = risk(tier1_micro=10_000, tier2_micro=20_000)
    assert margin.requirement(tiered, 10, 100_000) == 1_000
    # n = 15,000, n* = 15,000 + 5,000
    assert margin.requirement(tiered, 15, 100_000) == 2_000
    # n = 30,000, n* = 30,000 + 20,000 + 2 x 10,000
    assert margin.requirement(tiered, 30, 100_000) == 7_000


def test_a_position_never_requires_more_than_its_value():
    tiered = risk(tier1_micro=10_000, tier2_micro=20_000)
    assert margin.requirement(tiered, 30, 900_000) == 30_000


def test_a_tier_of_zero_is_none():
    assert margin.requirement(risk(tier2_micro=20_000), 30, 100_000) == 5_000
    assert margin.requirement(risk(tier1_micro=10_000), 30, 100_000) == 5_000


def test_values_are_clamped():
    assert margin.notional_micro(MarketRisk(mark_price=2**32 - 2), 2**40 - 1) == MICRO_LIMIT
    state = margined_exchange()
    huge = Holding(market=PERP, size_lots=2**58)
    bucket = margin.isolated(state, huge)
    assert (bucket.tav, bucket.notional) == (MICRO_LIMIT, MICRO_LIMIT)
    assert margin.isolated(state, replace(huge, size_lots=-(2**58))).tav == -MICRO_LIMIT


# --- buckets -------------------------------------------------------------------------------


def test_a_cross_bucket_counts_balances_and_positions(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    reprice(state, 1_020)
    # The mark is 1,020: profit 20 x 10^6, value 1,020 x 10^6.
    assert margin.cross(state, TAKER) == Bucket(
        tav=FREE_MICRO + 20 * MILLION,
        talt=FREE_MICRO + 20 * MILLION,
        imr=102 * MILLION,
        mmr=51 * MILLION,
        cmr=25_500_000,
        notional=1_020 * MILLION,
    )
    assert margin.cross(state, MAKER).tav == FREE_MICRO * 3 // 4 - 20 * MILLION


def test_cost_is_rounded_up_and_quote_down():
    state = margined_exchange()
    holding = Holding(market=PERP, size_lots=1, cost=100_001, cash=199, isolated_margin=350)
    # 1 x 1,000 - 1,001 + floor(549 / 100)
    assert margin.isolated(state, holding).talt == 4
    # The balance and the position's cash are rounded apart: 10^12 + 0 and 199.
    crossed = replace(holding, isolated_margin=0)
    after = margin.cross(state, TAKER, Change(holding=crossed, free_units=-1))
    assert after.talt == FREE_MICRO - 1 - 1 + 1


def test_open_lots_count_on_the_side_that_can_grow_most(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    rest(state, TAKER, 990, MILLION, market=PERP)
    rest(state, TAKER, 1_010, 3 * MILLION, market=PERP, flags=IS_ASK)
    bucket = margin.cross(state, TAKER)
    # long 1 + bids 1 = 2; asks 3 - long 1 = 2 million lots
    assert (bucket.imr, bucket.mmr) == (200 * MILLION, 50 * MILLION)
    rest(state, TAKER, 1_010, MILLION, market=PERP, flags=IS_ASK)
    assert margin.cross(state, TAKER).imr == 300 * MILLION


def test_leverage_raises_the_initial_margin_only(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    run(state, risk_op.SetLeverage(market=PERP, account=TAKER, leverage=3))
    bucket = margin.cross(state, TAKER)
    # a third, rounded up to 333,334 ppm
    assert (bucket.imr, bucket.mmr) == (333_334_000, 50 * MILLION)
    run(state, risk_op.SetLeverage(market=PERP, account=TAKER, leverage=100))
    assert margin.cross(state, TAKER).imr == 100 * MILLION


def test_collateral_counts_free_for_new_risk_and_whole_for_liquidation(state):
    run(state, asset_risk(BASE), asset_snapshot(state, BASE))
    # UNITS = 10,000 units of BASE at 20: 200,000 tokens; 80 % and 90 % of it
    assert margin.cross(state, TAKER) == Bucket(
        tav=FREE_MICRO + 160_000 * MILLION, talt=FREE_MICRO + 180_000 * MILLION
    )
    # An ask locks 1,000 units: the margin weight is of 9,000.
    rest(state, TAKER, 30 * 10**6, 10**5, flags=IS_ASK)
    assert margin.cross(state, TAKER) == Bucket(
        tav=FREE_MICRO + 144_000 * MILLION, talt=FREE_MICRO + 180_000 * MILLION
    )


def test_a_change_gives_what_the_state_gives_after_it(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    holding = margin.holding_of(state, TAKER, PERP)
    # Sell 400,000 at 1,010: released 40 % of the cost, profit 4 x 10^6 micro.
    after = replace(holding, size_lots=600_000, cost=6 * 10**10)
    expected = margin.cross(state, TAKER, Change(holding=after, free_units=4 * 10**8))
    trade(state, buyer=MAKER, seller=TAKER, price=1_010, size_lots=400_000, market=PERP)
    assert margin.cross(state, TAKER) == expected


def test_markets_without_margin_count_nowhere(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=FINE)
    assert margin.cross(state, TAKER) == Bucket(tav=FREE_MICRO, talt=FREE_MICRO)


# --- money that leaves ---------------------------------------------------------------------


def withdraw(amount, account=TAKER, asset=QUOTE_ASSET):
    return op.Withdraw(account=account, asset=asset, amount=amount)


def test_a_whale_cannot_withdraw_a_profit_that_is_not_realised(state):
    """The initial margin is 2 %, but a tenth of the value must stay."""
    run(
        state,
        market_risk(
            initial_ppm=20_000, maintenance_ppm=10_000, closeout_ppm=5_000, liquidation_fee_ppm=0
        ),
    )
    # 10,000 tokens carry 100,000 tokens of value: 10^8 lots at 1,000
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10**8, market=PERP)
    for price in (1_020, 1_050, 1_080):
        reprice(state, price)
    # The mark is at most 5 % off the index, which is 1,080; profit 80 x 10^8 micro = 8,000
    # tokens, value 108,000 tokens: 10,800 must stay of 18,000.
    mark = state.market_risk(PERP).mark_price
    assert mark == 1_080
    kept = 10_800 * 10**8
    assert refused(state, withdraw(UNITS)) == ErrorCode.INSUFFICIENT_MARGIN
    most = UNITS + 8_000 * 10**8 - kept
    assert refused(state, withdraw(most + 10)) == ErrorCode.INSUFFICIENT_MARGIN
    run(state, withdraw(most))
    check_all(state)


def test_the_initial_margin_must_stay_too(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10**7, market=PERP)
    # 10,000 tokens of value; leverage 2 needs 5,000, a tenth would be 1,000
    run(state, risk_op.SetLeverage(market=PERP, account=TAKER, leverage=2))
    assert refused(state, withdraw(5_000 * 10**8 + 10)) == ErrorCode.INSUFFICIENT_MARGIN
    run(state, withdraw(5_000 * 10**8))


def test_money_leaves_only_at_a_fresh_mark(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    advance(state, 61)
    assert refused(state, withdraw(10)) == ErrorCode.STALE_PRICE
    assert refused(state, withdraw(10, asset=BASE)) == ErrorCode.STALE_PRICE
    assert refused(state, withdraw(2 * UNITS)) == ErrorCode.INSUFFICIENT_BALANCE
    transfer = op.Transfer(account=TAKER, to_account=TAKER + 1, asset=QUOTE_ASSET, amount=1)
    assert refused(state, transfer) == ErrorCode.STALE_PRICE
    reprice(state)
    run(state, withdraw(10), transfer)


def test_an_order_needs_a_fresh_mark_to_let_money_go_a_set_leverage_does_not(state):
    run(state, risk_op.SetLeverage(market=PERP, account=TAKER, leverage=5))
    advance(state, 61)
    run(state, withdraw(10))
    reprice(state)
    rest(state, TAKER, 990, 10, market=PERP)
    advance(state, 61)
    assert refused(state, withdraw(10)) == ErrorCode.STALE_PRICE


def test_an_isolated_position_with_an_old_mark_keeps_no_cross_money(state):
    run(
        state,
        risk_op.SetLeverage(market=PERP, account=TAKER, mode=MarginMode.ISOLATED),
        risk_op.MoveMargin(market=PERP, account=TAKER, amount=10**10),
    )
    rest(state, TAKER, 990, 10, market=PERP)
    advance(state, 61)
    run(state, withdraw(10))


def test_a_position_without_margin_keeps_the_quote_as_before(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=FINE)
    assert refused(state, withdraw(10)) == ErrorCode.POSITION_OPEN
    run(state, withdraw(10, asset=BASE))


def test_collateral_that_backs_a_position_stays(state):
    run(state, asset_risk(BASE), asset_snapshot(state, BASE))
    # TAKER's own: 10,000 tokens and 160,000 of collateral. 10^9 lots need 100,000 tokens.
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10**9, market=PERP)
    # 90,000 of 160,000 are needed: 4,375 of 10,000 units may go.
    most = 4_375 * 10**8
    assert refused(state, withdraw(most + 10, asset=BASE)) == ErrorCode.INSUFFICIENT_MARGIN
    run(state, withdraw(most, asset=BASE))


def test_a_spot_order_may_not_lock_what_backs_a_position(state):
    # 6 x 10^7 lots need 6,000 tokens of 10,000.
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=6 * 10**7, market=PERP)
    # A lot of a bid at 10^8 locks 1.001 tokens: 3,997 lots lock 4,000.997.
    too_large = order(TAKER, 10**8, 3_997)
    assert refused(state, too_large) == ErrorCode.INSUFFICIENT_MARGIN
    order_id, slot = rest(state, TAKER, 10**8, 3_996)
    assert margin.cross(state, TAKER).tav == FREE_MICRO - 3_996 * 1_001_000
    larger = op.Modify(
        market=SPOT, account=TAKER, order_id=order_id, slot=slot, size_lots=3_997, price=10**8
    )
    assert refused(state, larger) == ErrorCode.INSUFFICIENT_MARGIN
    moved = replace(larger, size_lots=3_996, price=99 * 10**6)
    run(state, moved)


def test_a_spot_order_of_an_account_without_risk_asks_for_no_margin(state):
    assert refused(state, order(POOR, 1, 1)) == ErrorCode.OK
