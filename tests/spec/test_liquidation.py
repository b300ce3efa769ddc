"""LIQUIDATE: cancels, tranches, takeovers and the order in which they come.

MAKER_SUB holds 2,500 tokens and is long 24 x 10^6 lots at 1,000, which are 24,000 tokens. In micro:
at 940 TALT = 1,060 x 10^6, MMR = 1,128 x 10^6, CMR = 564 x 10^6; at 900 TALT = 100 x 10^6,
MMR = 1,080 x 10^6, CMR = 540 x 10^6.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec import liquidation, margin, op, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT, MAX_STEPS, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarginMode, MarketKind, OrderFlag, Reason
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    fund_insurance,
    margined_exchange,
    market_prices,
    market_risk,
    reprice,
)
from tests.spec.support import (
    ABSENT,
    FINE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    POOR,
    TAKER,
    UNITS,
    kinds,
    only,
    refused,
    rest,
    run,
    trade,
)
from tests.strategies import market_op

MILLION = 10**6
TOKEN = 10**8
LOTS = 24 * MILLION
LONG_UNITS = UNITS // 4  # what MAKER_SUB holds


@pytest.fixture
def state():
    state = margined_exchange()
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=LOTS, market=PERP)
    return state


def liquidate(account=MAKER_SUB):
    return risk_op.Liquidate(account=account)


def fall_to(state, *prices):
    for price in prices:
        reprice(state, price)


def position(state, account, market=PERP):
    holding = margin.holding_of(state, account, market)
    return holding.size_lots, holding.cost


# --- who can be liquidated -----------------------------------------------------------------


def test_only_accounts_below_maintenance_are_liquidated(state):
    fund_insurance(state, TOKEN)
    assert refused(state, liquidate(ABSENT)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(state, liquidate(POOR)) == ErrorCode.NOT_LIQUIDATABLE
    assert refused(state, liquidate(INSURANCE_ACCOUNT)) == ErrorCode.NOT_LIQUIDATABLE
    assert refused(state, liquidate()) == ErrorCode.NOT_LIQUIDATABLE
    # At 943: TALT 1,132 x 10^6 >= MMR 1,131.6 x 10^6; at 942: 1,108 < 1,130.4.
    fall_to(state, 943)
    assert refused(state, liquidate()) == ErrorCode.NOT_LIQUIDATABLE
    fall_to(state, 942)
    assert refused(state, liquidate()) == ErrorCode.OK


def test_nobody_is_liquidated_at_an_old_mark(state):
    fall_to(state, 940)
    advance(state, 61)
    assert refused(state, liquidate()) == ErrorCode.STALE_PRICE


def test_an_old_mark_of_any_position_is_enough(state):
    run(state, market_prices(FINE), market_risk(FINE))
    reprice(state, market=FINE)
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=10, market=FINE)
    advance(state, 50)
    fall_to(state, 940)
    advance(state, 20)
    assert refused(state, liquidate()) == ErrorCode.STALE_PRICE


# --- orders first --------------------------------------------------------------------------


def test_all_orders_are_cancelled_first(state):
    rest(state, MAKER_SUB, 1, 1)
    rest(state, MAKER_SUB, 990, 1, market=PERP)
    fall_to(state, 940)
    events = run(state, liquidate())
    assert kinds(events) == [EventKind.CANCELLED] * 2
    assert {event.values[3] for event in events} == {Reason.LIQUIDATION}
    assert kinds(run(state, liquidate()))[0] == EventKind.LIQUIDATED
    check_all(state)


def test_many_orders_are_cancelled_in_steps(state):
    for _ in range(MAX_STEPS + 1):
        rest(state, MAKER_SUB, 1, 1)
    fall_to(state, 940)
    assert kinds(run(state, liquidate()))[-1] == EventKind.CONTINUED
    assert kinds(run(state, op.Continue())) == [EventKind.CANCELLED]
    assert state.account(MAKER_SUB).order_count == 0


# --- tranches ------------------------------------------------------------------------------


def test_a_tranche_sells_what_brings_the_margin_back(state):
    """To 11/10 of the requirement, when it is sold at the mark."""
    rest(state, TAKER, 940, LOTS, market=PERP)
    fall_to(state, 940)
    # p0: x = floor(1,060 / 24) = 44. Lots: (1,240.8 - 1,060) x 10^6 x 24 x 10^6 x 10
    # / (11 x 1,128 x 10^6) = 3,497,098.6
    events = run(state, liquidate())
    assert kinds(events) == [
        EventKind.LIQUIDATED,
        EventKind.FILL,
        EventKind.POSITION,
        EventKind.POSITION,
        EventKind.DONE,
    ]
    order_id = events[1].values[0]
    assert (events[0].market, events[0].account) == (PERP, MAKER_SUB)
    assert events[0].values == (3_497_099, 896, 1_060 * MILLION, 1_128 * MILLION, 1, order_id)
    assert events[4].values[:4] == (order_id, 3_497_099, 0, Reason.FILLED)
    # The fee of 1 % spoils the target: it is 11/10 without it.
    fee = events[1].values[4]
    assert fee == 3_497_099 * 940
    bucket = margin.cross(state, MAKER_SUB)
    assert bucket.talt + fee // 100 + 1 >= bucket.mmr * 11 // 10
    check_all(state)


def test_the_fee_of_a_tranche_leaves_the_neutral_price(state):
    bid, _ = rest(state, TAKER, 930, 2 * MILLION, market=PERP)
    rest(state, TAKER, 897, MILLION, market=PERP)
    rest(state, TAKER, 896, 10 * MILLION, market=PERP)
    fall_to(state, 940)
    before = state.account(INSURANCE_ACCOUNT).free[0]
    fills = only(run(state, liquidate()), EventKind.FILL)
    assert fills[0].values[1] == bid
    # 1 % of 930 x 2 x 10^6 x 100; all of (897 - 896) x 10^6 x 100; nothing at 896.
    fees = [930 * 2 * MILLION, 100 * MILLION, 0]
    assert [fill.values[4] for fill in fills] == fees
    assert state.account(INSURANCE_ACCOUNT).free[0] - before == sum(fees)
    check_all(state)


def test_nothing_is_sold_below_the_neutral_price(state):
    rest(state, TAKER, 895, LOTS, market=PERP)
    fall_to(state, 940)
    done = run(state, liquidate())[-1]
    assert done.values[1:4] == (0, 3_497_099, Reason.IOC)
    assert position(state, MAKER_SUB)[0] == LOTS


def test_a_tranche_is_at_most_a_fifth(state):
    fall_to(state, 925)
    # TALT 700 x 10^6, MMR 1,110 x 10^6: (1,221 - 700) x 24 x 10 / (11 x 1,110) = 10.2 x 10^6 lots
    assert run(state, liquidate())[0].values[0] == LOTS // 5


def test_a_short_position_buys_at_the_neutral_price_or_lower():
    state = margined_exchange()
    trade(state, buyer=MAKER, seller=MAKER_SUB, price=1_000, size_lots=LOTS, market=PERP)
    rest(state, TAKER, 1_099, MILLION, market=PERP, flags=IS_ASK)
    fall_to(state, 1_053)
    # TALT 2,500 - 1,272 = 1,228; MMR 1,263.6; x = floor(51.16): p0 = 1,104
    events = run(state, liquidate())
    assert events[0].values[1:5] == (1_104, 1_228 * MILLION, 1_263_600_000, 1)
    # 1 % would be 10.99 per lot: what is left to the neutral price is 5.
    assert events[1].values[4] == 5 * MILLION * 100
    assert position(state, MAKER_SUB)[0] == -(LOTS - MILLION)
    check_all(state)


def test_a_tranche_works_in_a_halted_market(state):
    rest(state, TAKER, 930, LOTS, market=PERP)
    fall_to(state, 940)
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0))
    assert only(run(state, liquidate()), EventKind.FILL)


def test_the_band_does_not_stop_the_engine(state):
    run(state, market_risk(price_band_ppm=10_000))
    rest(state, TAKER, 900, LOTS, market=PERP)
    fall_to(state, 940)
    assert only(run(state, liquidate()), EventKind.FILL)


def test_a_tranche_meets_many_orders_in_steps(state):
    for _ in range(MAX_STEPS + 1):
        rest(state, TAKER, 940, 10, market=PERP)
    fall_to(state, 940)
    assert kinds(run(state, liquidate()))[-1] == EventKind.CONTINUED
    assert state.header.pending.attributes & OrderFlag.LIQUIDATION
    (fill,) = only(run(state, op.Continue()), EventKind.FILL)
    assert fill.values[4] == 10 * 940
    check_all(state)


def test_a_fee_that_the_insurance_account_cannot_hold_stops_the_tranche(state):
    rest(state, TAKER, 930, LOTS, market=PERP)
    fall_to(state, 940)
    # The fill moves 1 % of 930 x 3,497,099 x 100 quote units.
    fee = 930 * 3_497_099
    state.edit_account(INSURANCE_ACCOUNT).free[0] = VALUE_LIMIT - fee
    done = run(state, liquidate())[-1]
    assert (done.values[1], done.values[3]) == (0, Reason.LIMIT)
    state.edit_account(INSURANCE_ACCOUNT).free[0] -= 1
    assert only(run(state, liquidate()), EventKind.FILL)


def test_all_positions_are_settled_before_a_tranche():
    state = margined_exchange()
    two_markets(state, 12 * MILLION, 12 * MILLION)
    for market in (PERP, FINE):
        state.edit_market_risk(market).longs.paid = 10**7  # 10 quote units per lot: 120 x 10^6
    for price in (950, 943):
        reprice(state, price, market=FINE)
        reprice(state, price)
    events = run(state, liquidate())
    assert kinds(events)[:3] == [EventKind.SETTLED, EventKind.SETTLED, EventKind.LIQUIDATED]
    assert [(event.market, event.values[2]) for event in events[:2]] == [
        (PERP, 120 * MILLION),
        (FINE, 120 * MILLION),
    ]
    # 2,500 - 1,368 is above 1,131.6: it is the funding of twice 1.2 that counts.
    assert events[2].values[2:4] == (1_129_600_000, 1_131_600_000)


def test_a_tranche_is_no_smaller_than_an_order_and_no_larger_than_the_position():
    state = margined_exchange()
    run(state, market_prices(FINE), market_risk(FINE, liquidation_fee_ppm=0))
    reprice(state, market=FINE)
    run(
        state,
        op.Transfer(account=MAKER_SUB, to_account=MAKER, asset=0, amount=LONG_UNITS - 123_000),
    )
    # 12 lots need 1.2 x 10^3 micro of 1.23 x 10^3.
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=12, market=FINE)
    rest(state, TAKER, 940, 20, market=FINE)
    reprice(state, 940, market=FINE)
    # TALT 510 < MMR 564; a fifth of 12 lots is 3, an order at least 10.
    assert run(state, liquidate())[0].values[0] == 10
    assert position(state, MAKER_SUB, FINE)[0] == 2
    # The two that are left need 94; of 90 the engine sells both.
    state.edit_account(MAKER_SUB).free[0] += 100 * (90 - margin.cross(state, MAKER_SUB).talt)
    assert run(state, liquidate())[0].values[0] == 2


# --- takeovers -----------------------------------------------------------------------------

# The insurance account gets 24 x 10^6 lots at 896 while the mark is 900: 96 x 10^6 of profit, and
# needs 1,080 x 10^6: the rest is 984 x 10^6 micro.
ENOUGH_INSURANCE = 984 * MILLION * 100


def test_a_takeover_gives_the_position_to_the_insurance_account(state):
    fund_insurance(state, ENOUGH_INSURANCE)
    fall_to(state, 940, 900)
    events = run(state, liquidate())
    assert kinds(events) == [EventKind.LIQUIDATED, EventKind.POSITION, EventKind.POSITION]
    assert events[0].values == (
        LOTS,
        896,
        100 * MILLION,
        1_080 * MILLION,
        2,
        INSURANCE_ACCOUNT,
    )
    loss = LOTS * (1_000 - 896) * 100
    assert (events[1].account, events[1].values[:3]) == (MAKER_SUB, (0, 0, -loss))
    assert events[2].account == INSURANCE_ACCOUNT
    assert events[2].values[:3] == (LOTS, LOTS * 896 * 100, 0)
    assert state.account(MAKER_SUB).free[0] == LONG_UNITS - loss
    assert state.account(MAKER_SUB).positions_used == 0
    bucket = margin.cross(state, INSURANCE_ACCOUNT)
    assert bucket.talt == bucket.mmr
    check_all(state)


def test_an_insurance_account_without_margin_takes_nothing(state):
    fund_insurance(state, ENOUGH_INSURANCE - 100)
    fall_to(state, 940, 900)
    assert kinds(run(state, liquidate())) == [EventKind.DELEVERAGED, EventKind.POSITION]
    assert margin.holding_of(state, INSURANCE_ACCOUNT, PERP).size_lots == 0
    check_all(state)


def test_a_takeover_nets_with_what_the_insurance_account_has(state):
    fund_insurance(state, ENOUGH_INSURANCE)
    trade(state, buyer=TAKER, seller=INSURANCE_ACCOUNT, price=1_000, size_lots=MILLION, market=PERP)
    fall_to(state, 940, 900)
    run(state, liquidate())
    # 10^6 lots sold at 1,000 are closed at 896.
    assert position(state, INSURANCE_ACCOUNT) == (23 * MILLION, 23 * MILLION * 896 * 100)
    gain = MILLION * (1_000 - 896) * 100
    assert state.account(INSURANCE_ACCOUNT).free[0] == ENOUGH_INSURANCE + gain
    check_all(state)


def test_a_bankrupt_position_is_paid_for(state):
    fund_insurance(state, 3 * ENOUGH_INSURANCE)
    fall_to(state, 940, 890)
    # TALT 2,500 - 2,640 = -140; x = floor(-140 / 24) = -6: p0 = 896, above the mark.
    events = run(state, liquidate())
    assert events[0].values[:3] == (LOTS, 896, -140 * MILLION)
    assert state.account(MAKER_SUB).free[0] == LONG_UNITS - LOTS * 104 * 100
    check_all(state)


def test_who_is_its_own_insurance_is_deleveraged(state):
    run(
        state,
        op.AdminMarket(
            market=PERP,
            market_kind=MarketKind.PERP,
            status=1,
            sz_decimals=3,
            fee_account=1,
            insurance_account=MAKER_SUB,
        ),
    )
    fall_to(state, 940, 900)
    assert kinds(run(state, liquidate())) == [EventKind.DELEVERAGED, EventKind.POSITION]
    check_all(state)


def test_who_is_its_own_insurance_and_cannot_be_deleveraged_stays(state):
    run(
        state,
        op.AdminMarket(
            market=PERP,
            market_kind=MarketKind.PERP,
            status=1,
            sz_decimals=3,
            fee_account=1,
            insurance_account=MAKER_SUB,
        ),
    )
    fall_to(state, 940, 900)
    state.edit_market_risk(PERP).shorts.epoch = 1  # that would end again in the same lap
    assert refused(state, liquidate()) == ErrorCode.NOT_LIQUIDATABLE
    assert kinds(run(state, risk_op.Sweep()))[-1] == EventKind.LAP_ENDED
    assert position(state, MAKER_SUB)[0] == LOTS


def test_a_takeover_that_closes_gives_both_records_back():
    state = margined_exchange()
    fund_insurance(state, UNITS)
    trade(
        state, buyer=MAKER_SUB, seller=INSURANCE_ACCOUNT, price=1_000, size_lots=LOTS, market=PERP
    )
    fall_to(state, 940, 900)
    assert run(state, liquidate())[0].kind == EventKind.LIQUIDATED
    for account in (MAKER_SUB, INSURANCE_ACCOUNT):
        assert state.account(account).positions_used == 0
    check_all(state)


def test_what_funding_takes_from_the_insurance_account_counts(state):
    fund_insurance(state, ENOUGH_INSURANCE + 10 * TOKEN)
    trade(state, buyer=TAKER, seller=INSURANCE_ACCOUNT, price=1_000, size_lots=1, market=PERP)
    fall_to(state, 940, 900)
    state.edit_market_risk(PERP).shorts.paid = -20 * TOKEN * 10**6  # 20 tokens for one lot
    assert run(state, liquidate())[0].kind == EventKind.DELEVERAGED


# --- which position ------------------------------------------------------------------------


def two_markets(state, perp_lots, fine_lots):
    """Let MAKER_SUB be long in both markets; FINE was opened later, so its k is 1."""
    run(state, market_prices(FINE), market_risk(FINE))
    reprice(state, market=FINE)
    reprice(state)
    for market, lots in ((PERP, perp_lots), (FINE, fine_lots)):
        trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=lots, market=market)


@pytest.mark.parametrize(
    ("perp_lots", "fine_lots", "market"),
    [
        (11 * MILLION, 13 * MILLION, FINE),
        (13 * MILLION, 11 * MILLION, PERP),
        (12 * MILLION, 12 * MILLION, PERP),
    ],
)
def test_the_position_that_needs_most_comes_first(perp_lots, fine_lots, market):
    state = margined_exchange()
    two_markets(state, perp_lots, fine_lots)
    for price in (940, 925):
        reprice(state, price, market=FINE)
        reprice(state, price)
    assert run(state, liquidate())[0].market == market


def test_a_takeover_at_the_neutral_price_keeps_the_ratio():
    state = margined_exchange()
    fund_insurance(state, UNITS)
    two_markets(state, 13 * MILLION, 11 * MILLION)
    for price in (920, 900):
        reprice(state, price, market=FINE)
        reprice(state, price)
    before = margin.cross(state, MAKER_SUB)
    run(state, liquidate())
    after = margin.cross(state, MAKER_SUB)
    assert 0 < after.mmr < before.mmr
    # Rounded to a price unit for the account: at most one per lot better.
    assert after.talt * before.mmr >= before.talt * after.mmr
    assert (after.talt - 13 * MILLION) * before.mmr < before.talt * after.mmr
    check_all(state)


@given(st.integers(1, 10**7), st.integers(-(10**10), 10**10), st.integers(1, 10**6))
@settings(max_examples=50, deadline=None)
def test_a_neutral_price_never_lowers_the_ratio(perp_lots, talt_units, mark):
    """Whatever value, size and mark: what is left is as well covered as before."""
    state = margined_exchange()
    state.edit_market_risk(PERP).mark_price = mark
    holding = margin.Holding(market=PERP, size_lots=perp_lots)
    required = margin.maintenance(state, MAKER, holding)
    bucket = margin.Bucket(talt=talt_units, mmr=3 * required)
    price = liquidation._plan(state, TAKER, holding, bucket).price
    if 1 < price < 2**32 - 2:
        talt = bucket.talt + perp_lots * (price - mark)
        assert talt * bucket.mmr >= bucket.talt * (bucket.mmr - required)


# --- isolated positions --------------------------------------------------------------------


@pytest.fixture
def isolated():
    """TAKER is long 1,000 tokens on 101 tokens of their own."""
    state = margined_exchange()
    run(
        state,
        risk_op.SetLeverage(market=PERP, account=TAKER, mode=MarginMode.ISOLATED),
        risk_op.MoveMargin(market=PERP, account=TAKER, amount=101 * TOKEN),
    )
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    return state


def test_an_isolated_position_is_liquidated_by_itself(isolated):
    state = isolated
    rest(state, MAKER, 939, MILLION, market=PERP)
    rest(state, TAKER, 1, 1)  # locks 2 quote units
    rest(state, TAKER, 1_050, 1, market=PERP, flags=IS_ASK)
    fall_to(state, 940)
    # TALT 41 < MMR 47, CMR 23.5; only orders of its market go.
    cancelled = run(state, liquidate(TAKER))
    assert kinds(cancelled) == [EventKind.CANCELLED]
    assert state.account(TAKER).order_count == 1
    # p0: 940 - 41; lots (51.7 - 41) / 51.7 x 10^6 = 206,963.2, but a fifth is 200,000.
    event = run(state, liquidate(TAKER))[0]
    assert event.values[:5] == (200_000, 899, 41 * MILLION, 47 * MILLION, 1)
    assert state.account(TAKER).free[0] == UNITS - 101 * TOKEN - 2
    check_all(state)


def test_an_isolated_takeover_leaves_the_account_alone(isolated):
    state = isolated
    fund_insurance(state, UNITS)
    fall_to(state, 910)
    # TALT 11 < CMR 22.75: p0 = 910 - 11
    event = run(state, liquidate(TAKER))[0]
    assert event.values == (MILLION, 899, 11 * MILLION, 45_500_000, 2, INSURANCE_ACCOUNT)
    # All of the margin is gone: 101 - 101.
    assert state.account(TAKER).free[0] == UNITS - 101 * TOKEN
    assert state.account(TAKER).positions_used == 1  # its mode keeps the record
    check_all(state)


def test_cross_positions_come_before_isolated_ones(isolated):
    state = isolated
    run(state, market_prices(FINE), market_risk(FINE))
    reprice(state, market=FINE)
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=FINE)
    fall_to(state, 940)
    state.edit_account(TAKER).free[0] = 40 * TOKEN
    assert run(state, liquidate(TAKER))[0].market == FINE
