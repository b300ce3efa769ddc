"""Orders in a margined market: what PLACE and MODIFY refuse, and what stops a fill.

A lot at price 1,000 is 1,000 micro. TAKER has 10^10 micro, MAKER 7.5 x 10^9, MAKER_SUB 2.5 x 10^9.
Initial margin 10 %, maintenance 5 %, band 10 %.
"""

import pytest

from offchain.spec import margin, op, positions
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketKind, PlaceFlag, Reason, TimeInForce
from tests.spec.invariants import check_all
from tests.spec.risk_support import advance, margined_exchange, market_risk, reprice
from tests.spec.support import (
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
    set_fees,
    trade,
)
from tests.spec.support import order as spot_order
from tests.strategies import market_op

REDUCE_ONLY = PlaceFlag.REDUCE_ONLY
IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
POST_ONLY = {"time_in_force": TimeInForce.POST_ONLY}
MILLION = 10**6


@pytest.fixture
def state():
    return margined_exchange()


def order(account, price, size_lots, **fields):
    return spot_order(account, price, size_lots, market=PERP, **fields)


def modify(state, account, order_id, slot, **fields):
    return op.Modify(market=PERP, account=account, order_id=order_id, slot=slot, **fields)


# --- PLACE ---------------------------------------------------------------------------------


def test_an_order_needs_a_fresh_mark(state):
    advance(state, 60)
    assert refused(state, order(TAKER, 1_000, 1)) == ErrorCode.OK
    advance(state, 1)
    assert refused(state, order(TAKER, 1_000, 1)) == ErrorCode.STALE_PRICE


def test_a_reopened_market_takes_only_post_only_orders_for_a_while(state):
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0))
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3))
    assert refused(state, order(TAKER, 1_000, 1)) == ErrorCode.MARKET_POST_ONLY
    assert refused(state, order(TAKER, 1_000, 1, **IOC)) == ErrorCode.MARKET_POST_ONLY
    assert refused(state, order(TAKER, 1_000, 1, **POST_ONLY)) == ErrorCode.OK
    advance(state, 60)
    assert refused(state, order(TAKER, 1_000, 1)) == ErrorCode.OK


def test_a_stale_mark_is_noticed_before_the_post_only_phase(state):
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0))
    advance(state, 61)
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3))
    assert refused(state, order(TAKER, 1_000, 1)) == ErrorCode.STALE_PRICE


def test_a_limit_price_is_no_worse_than_the_band(state):
    assert refused(state, order(TAKER, 1_101, 1)) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, order(TAKER, 1_100, 1)) == ErrorCode.OK
    assert refused(state, order(TAKER, 500, 1)) == ErrorCode.OK
    state = margined_exchange()
    assert refused(state, order(TAKER, 899, 1, flags=IS_ASK)) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, order(TAKER, 900, 1, flags=IS_ASK)) == ErrorCode.OK
    assert refused(state, order(TAKER, 2_000, 1, flags=IS_ASK)) == ErrorCode.OK


def test_a_market_order_has_its_limit_in_the_band_too(state):
    rest(state, MAKER, 1_050, 10, market=PERP, flags=IS_ASK)
    # 1,050 + 5 % = 1,102
    far = order(TAKER, 50_000, 1, flags=PlaceFlag.IS_MARKET, **IOC)
    assert refused(state, far) == ErrorCode.PRICE_OUTSIDE_BAND
    near = order(TAKER, 40_000, 1, flags=PlaceFlag.IS_MARKET, **IOC)
    assert only(run(state, near), EventKind.FILL)


def test_open_interest_has_a_cap(state):
    run(state, market_risk(open_interest_cap_lots=100))
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=60, market=PERP)
    assert refused(state, order(TAKER, 1_000, 41)) == ErrorCode.OPEN_INTEREST_CAP
    assert refused(state, order(TAKER, 1_000, 40)) == ErrorCode.OK
    # An order that only shrinks its position does not count: 60 - 60.
    assert refused(state, order(MAKER, 990, 60)) == ErrorCode.OK


def test_no_account_may_become_most_of_a_market(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=1_000, market=PERP)
    run(state, market_risk(concentration_free_lots=200, concentration_ppm=250_000))
    # A quarter of 1,000 lots
    assert refused(state, order(MAKER_SUB, 990, 251)) == ErrorCode.CONCENTRATION_LIMIT
    rest(state, MAKER_SUB, 990, 250, market=PERP)
    assert refused(state, order(MAKER_SUB, 990, 1)) == ErrorCode.CONCENTRATION_LIMIT
    # The other side of the book starts anew, and what reduces is free.
    rest(state, MAKER_SUB, 1_010, 250, market=PERP, flags=IS_ASK)
    assert refused(state, order(TAKER, 1_010, 1_000, flags=IS_ASK)) == ErrorCode.OK


def test_few_lots_are_free_of_the_concentration_limit(state):
    run(state, market_risk(concentration_free_lots=200, concentration_ppm=0))
    assert refused(state, order(TAKER, 990, 201)) == ErrorCode.CONCENTRATION_LIMIT
    assert refused(state, order(TAKER, 990, 200)) == ErrorCode.OK


def test_an_order_needs_initial_margin_and_what_it_may_lose(state):
    # s lots at the mark: IMR 100 s, highest fee 1 s (0.1 % of 1,000); 10^10 / 101 = 99,009,900.99
    assert refused(state, order(TAKER, 1_000, 99_009_901)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(TAKER, 1_000, 99_009_900)) == ErrorCode.OK


def test_a_price_worse_than_the_mark_is_a_loss(state):
    # At 1,050: IMR 100 s, loss 50 s, fee 1.05 s; 10^10 / 151.05 = 66,203,243.9
    assert refused(state, order(TAKER, 1_050, 66_203_244)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(TAKER, 1_050, 66_203_243)) == ErrorCode.OK
    # An ask at 950: the same loss, fee 0.95 s; MAKER has 7.5 x 10^9 / 150.95 = 49,685,326.3
    ask = {"flags": IS_ASK}
    assert refused(state, order(MAKER, 950, 49_685_327, **ask)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(MAKER, 950, 49_685_326, **ask)) == ErrorCode.OK


def test_a_price_better_than_the_mark_is_no_gain(state):
    # At 500: IMR 100 s, fee 0.5 s; 10^10 / 100.5 = 99,502,487.6
    assert refused(state, order(TAKER, 500, 99_502_488)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(TAKER, 500, 99_502_487)) == ErrorCode.OK


def test_the_builder_fee_counts_as_a_loss(state):
    run(state, op.RegisterBuilder(account=MAKER))
    run(state, op.ApproveBuilder(account=TAKER, builder=1, max_fee=500))
    # 0.1 % + 0.5 % = 6 s; 10^10 / 106 = 94,339,622.6
    builder = {"builder": 1, "builder_fee": 500}
    assert refused(state, order(TAKER, 1_000, 94_339_623, **builder)) != ErrorCode.OK
    assert refused(state, order(TAKER, 1_000, 94_339_622, **builder)) == ErrorCode.OK


def test_what_a_spot_order_locks_backs_no_new_risk(state):
    # 4,000 lots at 10^8 lock 4,004 of 10,000 tokens: 5,996 are left, for 59,366 tokens of value.
    run(state, spot_order(TAKER, 10**8, 4_000))
    assert refused(state, order(TAKER, 1_000, 60 * MILLION)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(TAKER, 1_000, 59 * MILLION)) == ErrorCode.OK


def test_a_reduce_only_order_asks_for_nothing_but_the_band(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    run(state, market_risk(open_interest_cap_lots=0, concentration_free_lots=0))
    advance(state, 61)
    flags = IS_ASK | REDUCE_ONLY
    outside = order(TAKER, 899, MILLION, flags=flags)
    assert refused(state, outside) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, order(TAKER, 1_000, MILLION, flags=flags)) == ErrorCode.OK


def test_the_first_check_that_fails_names_the_error(state):
    run(state, market_risk(open_interest_cap_lots=10, concentration_free_lots=10))
    size = 99_009_901
    assert refused(state, order(TAKER, 1_101, size)) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, order(TAKER, 1_100, size)) == ErrorCode.OPEN_INTEREST_CAP
    run(state, market_risk(open_interest_cap_lots=size, concentration_free_lots=10))
    assert refused(state, order(TAKER, 1_100, size)) == ErrorCode.CONCENTRATION_LIMIT
    fok = order(TAKER, 1_000, 11, **FOK)
    assert refused(state, fok) == ErrorCode.CONCENTRATION_LIMIT


# --- MODIFY --------------------------------------------------------------------------------


def test_a_modified_order_frees_the_margin_of_the_old_one(state):
    order_id, slot = rest(state, TAKER, 1_000, 99_009_900, market=PERP)
    larger = modify(state, TAKER, order_id, slot, size_lots=99_009_901, price=1_000)
    assert refused(state, larger) == ErrorCode.INSUFFICIENT_MARGIN
    moved = modify(state, TAKER, order_id, slot, size_lots=99_009_900, price=999)
    assert kinds(run(state, moved)) == [EventKind.CANCELLED, EventKind.RESTED]


def test_a_modified_order_is_checked_like_a_new_one(state):
    order_id, slot = rest(state, TAKER, 1_000, 100, market=PERP)
    change = modify(state, TAKER, order_id, slot, size_lots=100, price=1_101)
    assert refused(state, change) == ErrorCode.PRICE_OUTSIDE_BAND
    run(state, market_risk(open_interest_cap_lots=99))
    change = modify(state, TAKER, order_id, slot, size_lots=100, price=999)
    assert refused(state, change) == ErrorCode.OPEN_INTEREST_CAP
    run(state, market_risk(concentration_free_lots=99))
    assert refused(state, change) == ErrorCode.CONCENTRATION_LIMIT
    run(state, market_risk(concentration_free_lots=100))
    assert refused(state, change) == ErrorCode.OK


def test_shrinking_in_place_needs_no_mark(state):
    order_id, slot = rest(state, TAKER, 1_000, 100, market=PERP)
    advance(state, 61)
    smaller = modify(state, TAKER, order_id, slot, size_lots=50, price=1_000)
    moved = modify(state, TAKER, order_id, slot, size_lots=50, price=999)
    assert refused(state, moved) == ErrorCode.STALE_PRICE
    assert kinds(run(state, smaller)) == [EventKind.REDUCED]


# --- fills ---------------------------------------------------------------------------------


def test_a_taker_stops_at_the_edge_of_the_band(state):
    """MODIFY and PLACE keep limits inside; the mark can move while a match is continued."""
    for _ in range(65):
        rest(state, MAKER, 1_000, 1, market=PERP, flags=IS_ASK)
    events = run(state, order(TAKER, 1_000, 100))
    assert kinds(events)[-1] == EventKind.CONTINUED
    state.edit_market_risk(PERP).mark_price = 900
    events = run(state, op.Continue())
    assert kinds(events) == [EventKind.DONE]
    assert events[0].values[1:4] == (64, 36, Reason.PRICE_BAND)


def test_a_selling_taker_stops_below_the_band(state):
    for _ in range(65):
        rest(state, MAKER, 1_000, 1, market=PERP)
    run(state, order(TAKER, 1_000, 65, flags=IS_ASK))
    state.edit_market_risk(PERP).mark_price = 1_112  # less 10 % is 1,001
    assert run(state, op.Continue())[0].values[3] == Reason.PRICE_BAND


def test_a_maker_without_margin_is_cancelled_and_the_taker_goes_on(state):
    poor = run_into_debt(state)
    behind, _ = rest(state, MAKER, 1_000, 5, market=PERP, flags=IS_ASK)
    events = run(state, order(TAKER, 1_000, 5))
    cancelled = only(events, EventKind.CANCELLED)
    assert [(e.account, e.values[0], e.values[3]) for e in cancelled] == [
        (MAKER_SUB, poor, Reason.MARGIN)
    ]
    assert only(events, EventKind.FILL)[0].values[1] == behind
    check_all(state)


def run_into_debt(state):
    """Let MAKER_SUB have an ask at 1,000 that it can no longer afford; return its id."""
    order_id, _ = rest(state, MAKER_SUB, 1_000, 24 * MILLION, market=PERP, flags=IS_ASK)
    # IMR 2.4 x 10^9 of 2.5 x 10^9; at a mark of 1,100 2.64 x 10^9.
    reprice(state, 1_100)
    assert state.market_risk(PERP).mark_price == 1_100
    return order_id


def test_the_margin_of_a_maker_counts_what_funding_took(state):
    trade(state, buyer=MAKER_SUB, seller=TAKER, price=1_000, size_lots=MILLION, market=PERP)
    rest(state, MAKER_SUB, 1_000, 10 * MILLION, market=PERP)
    # 1,500 of 2,500 tokens for 10^6 lots: 1,000 are left, 11 x 10^6 lots need 1,100.
    state.edit_market_risk(PERP).longs.paid = 150_000 * 10**6
    events = run(state, order(TAKER, 1_000, MILLION, flags=IS_ASK, **IOC))
    assert only(events, EventKind.CANCELLED)[0].values[3] == Reason.MARGIN
    state.edit_market_risk(PERP).longs.paid = 0
    check_all(state)


@pytest.mark.parametrize("is_covered", [True, False])
def test_the_margin_of_a_maker_covers_its_fee(state, is_covered):
    set_fees(state, tier=0, maker_ppm=1_000, taker_ppm=0)
    rest(state, MAKER_SUB, 1_000, 10 * MILLION, market=PERP)
    # 10,000 tokens of value: 1,000 of margin and 10 of fee
    state.edit_account(MAKER_SUB).free[0] = 1_010 * 10**8 - (0 if is_covered else 1)
    events = run(state, order(TAKER, 1_000, 10 * MILLION, flags=IS_ASK, **IOC))
    expected = EventKind.FILL if is_covered else EventKind.CANCELLED
    assert events[0].kind == expected


def test_a_taker_without_margin_stops(state):
    """Between the check of PLACE and the fill a maker's fill may have used up the margin."""
    # TAKER buys from 65 orders; the fees of the first 64 fills are paid from what PLACE reserved.
    for _ in range(65):
        rest(state, MAKER, 1_000, MILLION, market=PERP, flags=IS_ASK)
    run(state, order(TAKER, 1_000, 65 * MILLION))
    state.edit_account(TAKER).free[0] = 100 * 64 * MILLION * 100  # exactly the IMR of 64
    done = run(state, op.Continue())[-1]
    assert (done.kind, done.values[2], done.values[3]) == (
        EventKind.DONE,
        MILLION,
        Reason.MARGIN,
    )


def test_who_lost_the_initial_margin_may_still_reduce_at_a_fair_price(state):
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=24 * MILLION, market=PERP)
    reprice(state, 950)
    # MAKER_SUB: TAV 2.5 x 10^9 - 1.2 x 10^9 = 1.3 x 10^9 < IMR 2.28 x 10^9, > MMR 1.14 x 10^9.
    bucket = margin.cross(state, MAKER_SUB)
    assert (bucket.tav, bucket.imr, bucket.mmr) == (
        1_300 * MILLION,
        2_280 * MILLION,
        1_140 * MILLION,
    )
    rest(state, TAKER, 950, 24 * MILLION, market=PERP)
    refused_more = order(MAKER_SUB, 950, MILLION, flags=IS_ASK)
    assert refused(state, refused_more) == ErrorCode.INSUFFICIENT_MARGIN
    events = run(state, order(MAKER_SUB, 950, MILLION, flags=IS_ASK | REDUCE_ONLY, **IOC))
    assert kinds(events)[-1] == EventKind.DONE
    assert events[-1].values[3] == Reason.FILLED
    check_all(state)


def test_a_reducing_fill_at_a_bad_price_is_stopped(state):
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=24 * MILLION, market=PERP)
    reprice(state, 950)
    # A sale of 10^6 lots at p changes TALT 1.3 x 10^9 by (p - 950) x 10^6 and MMR 1.14 x 10^9 by
    # -47.5 x 10^6: the ratio stays as long as 950 - p <= 1.3 / 1.14 x 47.5 = 54.17.
    rest(state, TAKER, 895, MILLION, market=PERP)
    sale = order(MAKER_SUB, 895, MILLION, flags=IS_ASK | REDUCE_ONLY, **IOC)
    done = run(state, sale)[-1]
    assert (done.values[1], done.values[3]) == (0, Reason.MARGIN)
    rest(state, TAKER, 896, MILLION, market=PERP)
    sale = order(MAKER_SUB, 896, MILLION, flags=IS_ASK | REDUCE_ONLY, **IOC)
    assert run(state, sale)[-1].values[3] == Reason.FILLED


def test_a_fill_through_zero_is_no_reduction(state):
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=24 * MILLION, market=PERP)
    ask, _ = rest(state, MAKER_SUB, 1_000, 30 * MILLION, market=PERP, flags=IS_ASK)
    reprice(state, 950)
    # TAV 2.5 x 10^9 - 1.2 x 10^9 - 2.3 x 10^9 = -10^9; a sale at 1,000 adds 50 per lot.
    state.edit_account(MAKER_SUB).free[0] -= 2_300 * MILLION * 100
    run(state, order(TAKER, 1_000, MILLION))
    assert margin.holding_of(state, MAKER_SUB, PERP).size_lots == 23 * MILLION
    # -0.95 x 10^9 + 29 x 10^6 x 50 = 0.5 x 10^9; short 6 x 10^6 lots need 0.57 x 10^9.
    events = run(state, order(TAKER, 1_000, 29 * MILLION, **IOC))
    assert only(events, EventKind.CANCELLED)[0].values[3] == Reason.MARGIN
    assert only(events, EventKind.CANCELLED)[0].values[0] == ask


def test_fees_of_a_fill_count(state):
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=1_000)
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    assert state.account(TAKER).free[0] == UNITS - 10**8
    check_all(state)


# --- FOK -----------------------------------------------------------------------------------


def test_a_fok_counts_only_makers_with_margin(state):
    run_into_debt(state)
    fok = order(TAKER, 1_000, MILLION, **FOK)
    assert refused(state, fok) == ErrorCode.FOK_NOT_FILLABLE
    rest(state, MAKER, 1_000, MILLION, market=PERP, flags=IS_ASK)
    # MAKER alone could fill it, but its turn comes after MAKER_SUB's, which the match cancels.
    events = run(state, fok)
    assert kinds(events)[0] == EventKind.CANCELLED
    assert events[-1].values[3] == Reason.FILLED


def test_the_headroom_of_a_fok_maker_covers_the_distance_to_the_mark(state):
    # MAKER_SUB sells 20 x 10^6 at 950: IMR 2 x 10^9; 2.5 x 10^9 - that = 0.5 x 10^9 is less than
    # 20 x 10^6 x |950 - 1,000| = 10^9.
    rest(state, MAKER_SUB, 1_000, 20 * MILLION, market=PERP, flags=IS_ASK)
    state.edit_market_risk(PERP).mark_price = 1_000
    assert refused(state, order(TAKER, 1_000, 10, **FOK)) == ErrorCode.OK
    state.edit_market_risk(PERP).mark_price = 1_025
    # IMR 2.05 x 10^9, distance 25 x 20 x 10^6 = 0.5 x 10^9 > 0.45 x 10^9
    assert refused(state, order(TAKER, 1_000, 10, **FOK)) == ErrorCode.FOK_NOT_FILLABLE


def test_a_reducing_fok_needs_margin_for_every_fill(state):
    # 50 x 10^6 at 1,000; at 880 TAV is 10^10 - 6 x 10^9, less than IMR 4.4 x 10^9: a fill below the
    # neutral price could stop the order halfway.
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=50 * MILLION, market=PERP)
    state.edit_market_risk(PERP).mark_price = 880
    rest(state, MAKER, 880, 10, market=PERP)
    sell = {"flags": IS_ASK | REDUCE_ONLY}
    fok = order(TAKER, 880, 10, **sell, **FOK)
    assert refused(state, fok) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, order(TAKER, 880, 10, **sell, **IOC)) == ErrorCode.OK


def test_nobody_can_trade_on_nothing(state):
    assert refused(state, order(POOR, 1_000, 1)) == ErrorCode.INSUFFICIENT_MARGIN
    assert positions.find(state, POOR, PERP) == positions.NO_POSITION
