"""Matching: price-time priority, self-trade prevention, FOK, reduce-only, limits."""

import pytest

from offchain.spec import op, positions, settling
from offchain.spec.constants import SIZE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, PlaceFlag, Reason, SelfTrade, TimeInForce
from tests.spec.invariants import check_all
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
    order,
    refused,
    rest,
    run,
    snapshot,
    trade,
)

IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
REDUCE_ONLY = PlaceFlag.REDUCE_ONLY
BY_MASTER = PlaceFlag.SELF_TRADE_BY_MASTER


def fills(events):
    """Return (maker order id, price, size) of every fill."""
    return [
        (event.values[1], event.values[2] & 0xFFFFFFFF, event.values[3] >> 1)
        for event in only(events, EventKind.FILL)
    ]


def test_better_prices_trade_first_and_equal_prices_in_order_of_arrival(spot_and_perp):
    state = spot_and_perp
    late, _ = rest(state, MAKER, 101, 2, flags=IS_ASK)
    first, _ = rest(state, MAKER, 100, 2, flags=IS_ASK)
    second, _ = rest(state, MAKER_SUB, 100, 2, flags=IS_ASK)
    events = run(state, order(TAKER, 101, 5))
    assert fills(events) == [(first, 100, 2), (second, 100, 2), (late, 101, 1)]
    assert kinds(events)[-1] == EventKind.DONE
    check_all(state)


def test_bids_are_met_from_the_highest(spot_and_perp):
    state = spot_and_perp
    low, _ = rest(state, MAKER, 99, 1)
    high, _ = rest(state, MAKER, 101, 1)
    middle, _ = rest(state, MAKER, 100, 1)
    events = run(state, order(TAKER, 99, 3, flags=IS_ASK))
    assert fills(events) == [(high, 101, 1), (middle, 100, 1), (low, 99, 1)]


def test_a_taker_trades_at_the_makers_price_and_gets_the_better_price_back(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 2, flags=IS_ASK)
    run(state, order(TAKER, 100, 2))
    account = state.account(TAKER)
    assert (account.free[0], account.locked[0]) == (UNITS - 180, 0)
    assert account.free[1] == UNITS + 2 * 10**6


def test_what_a_limit_order_does_not_fill_rests_at_its_limit(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 2, flags=IS_ASK)
    events = run(state, order(TAKER, 95, 5))
    assert kinds(events) == [EventKind.FILL, EventKind.RESTED]
    assert events[-1].values[2:4] == (95, 3)
    check_all(state)


def test_what_an_ioc_order_does_not_fill_is_dropped(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 2, flags=IS_ASK)
    done = run(state, order(TAKER, 95, 5, client_id_low=2**63, **IOC))[-1]
    assert done.kind == EventKind.DONE
    assert done.values[1:] == (2, 3, Reason.IOC, -(2**63), 0)
    assert state.account(TAKER).locked[0] == 0


def test_a_fok_order_fills_whole_or_leaves_no_trace(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 2, flags=IS_ASK)
    rest(state, MAKER, 95, 2, flags=IS_ASK)
    assert refused(state, order(TAKER, 94, 3, **FOK)) == ErrorCode.FOK_NOT_FILLABLE
    assert refused(state, order(TAKER, 95, 5, **FOK)) == ErrorCode.FOK_NOT_FILLABLE
    events = run(state, order(TAKER, 95, 4, **FOK))
    assert events[-1].values[1:4] == (4, 0, Reason.FILLED)


def test_a_fok_order_that_a_bound_would_stop_leaves_no_trace(spot_and_perp):
    state = spot_and_perp
    held = SIZE_LIMIT - 61
    trade(state, buyer=TAKER, seller=MAKER, price=1, size_lots=held, market=PERP)
    rest(state, POOR, 100, 60, flags=IS_ASK, market=PERP)
    rest(state, POOR, 100, 60, flags=IS_ASK, market=PERP)
    before = snapshot(state)
    too_long = order(TAKER, 100, 61, market=PERP, **FOK)
    assert refused(state, too_long) == ErrorCode.FOK_NOT_FILLABLE
    assert snapshot(state) == before
    run(state, order(TAKER, 100, 60, market=PERP, **FOK))


def test_a_fok_order_does_not_count_on_a_maker_at_its_bound(spot_and_perp):
    state = spot_and_perp
    held = SIZE_LIMIT - 61
    trade(state, buyer=TAKER, seller=MAKER, price=1, size_lots=held, market=PERP)
    rest(state, MAKER, 100, 61, flags=IS_ASK, market=PERP)
    rest(state, TAKER, 101, 50, flags=IS_ASK, market=PERP)
    at_both = order(POOR, 101, 61, market=PERP, **FOK)
    assert refused(state, at_both) == ErrorCode.FOK_NOT_FILLABLE
    (done,) = only(run(state, order(POOR, 101, 50, market=PERP, **FOK)), EventKind.DONE)
    assert done.values[1:3] == (50, 0)


@pytest.mark.parametrize("mode", list(SelfTrade))
def test_a_fok_order_passes_own_orders_only_when_they_expire(spot_and_perp, mode):
    state = spot_and_perp
    rest(state, TAKER, 90, 1, flags=IS_ASK)
    rest(state, MAKER, 91, 1, flags=IS_ASK)
    place = order(TAKER, 95, 1, self_trade=mode, **FOK)
    if mode == SelfTrade.EXPIRE_MAKER:
        assert kinds(run(state, place)) == [EventKind.CANCELLED, EventKind.FILL, EventKind.DONE]
    else:
        assert refused(state, place) == ErrorCode.FOK_NOT_FILLABLE


def test_an_own_order_behind_the_fok_does_not_matter(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 1, flags=IS_ASK)
    rest(state, TAKER, 91, 1, flags=IS_ASK)
    run(state, order(TAKER, 95, 1, self_trade=SelfTrade.EXPIRE_TAKER, **FOK))


def test_a_fok_order_does_not_count_reduce_only_makers(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=MAKER, seller=TAKER, price=100, size_lots=5, market=PERP)
    rest(state, MAKER, 110, 5, market=PERP, flags=IS_ASK | REDUCE_ONLY)
    place = order(MAKER_SUB, 110, 5, market=PERP, **FOK)
    assert refused(state, place) == ErrorCode.FOK_NOT_FILLABLE
    assert len(fills(run(state, order(MAKER_SUB, 110, 5, market=PERP, **IOC)))) == 1


def test_a_reduce_only_fok_needs_a_position_of_its_size(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=5, market=PERP)
    rest(state, MAKER, 100, 9, market=PERP)
    too_large = order(TAKER, 100, 6, market=PERP, flags=IS_ASK | REDUCE_ONLY, **FOK)
    assert refused(state, too_large) == ErrorCode.FOK_NOT_FILLABLE
    run(state, order(TAKER, 100, 5, market=PERP, flags=IS_ASK | REDUCE_ONLY, **FOK))


# Per mode: kinds of events of a taker of 5 that meets an own order of 3, then a stranger's of 9.
SELF_TRADES = [
    (SelfTrade.EXPIRE_MAKER, [EventKind.CANCELLED, EventKind.FILL, EventKind.DONE], (5, 0, 1)),
    (SelfTrade.EXPIRE_TAKER, [EventKind.DONE], (0, 5, Reason.SELF_TRADE)),
    (SelfTrade.EXPIRE_BOTH, [EventKind.CANCELLED, EventKind.DONE], (0, 5, Reason.SELF_TRADE)),
    (SelfTrade.REDUCE, [EventKind.CANCELLED, EventKind.FILL, EventKind.DONE], (2, 0, 1)),
]


@pytest.mark.parametrize(("mode", "expected", "done"), SELF_TRADES)
@pytest.mark.parametrize("by_master", [False, True])
def test_self_trade_prevention(spot_and_perp, mode, expected, done, by_master):
    state = spot_and_perp
    own = MAKER if by_master else MAKER_SUB
    rest(state, own, 90, 3, flags=IS_ASK)
    rest(state, TAKER, 91, 9, flags=IS_ASK)
    scope = BY_MASTER if by_master else 0
    events = run(state, order(MAKER_SUB, 95, 5, self_trade=mode, flags=scope, **IOC))
    assert kinds(events) == expected
    assert events[-1].values[1:4] == done
    check_all(state)


def test_orders_of_one_master_trade_when_the_scope_is_the_account(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 3, flags=IS_ASK)
    events = run(state, order(MAKER_SUB, 90, 3, self_trade=SelfTrade.EXPIRE_BOTH))
    assert kinds(events) == [EventKind.FILL, EventKind.DONE]


def test_reduce_takes_the_smaller_size_off_both(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 90, 8, flags=IS_ASK)
    events = run(state, order(TAKER, 95, 5, self_trade=SelfTrade.REDUCE))
    reduced, done = events
    assert reduced.values == (order_id, slot, 3, Reason.SELF_TRADE, 0, 0)
    assert done.values[1:4] == (0, 0, Reason.SELF_TRADE)
    assert state.account(TAKER).locked[:2] == [0, 3 * 10**6]
    check_all(state)


def test_reduce_cancels_a_maker_that_reaches_zero(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 90, 3, flags=IS_ASK, client_id_low=4)
    cancelled, rested = run(state, order(TAKER, 95, 5, self_trade=SelfTrade.REDUCE))
    assert cancelled.values[2:] == (0, Reason.SELF_TRADE, 4, 0)
    assert rested.values[3] == 2
    check_all(state)


def test_an_own_maker_that_expires_leaves_the_takers_position_record(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 90, 3, flags=IS_ASK, market=PERP)
    rest(state, MAKER, 91, 3, flags=IS_ASK, market=PERP)
    run(state, order(TAKER, 95, 3, market=PERP))
    assert settling.size_of(state, TAKER, PERP) == 3
    check_all(state)


def test_a_reduce_only_taker_stops_when_its_position_is_closed(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=5, market=PERP)
    rest(state, MAKER, 100, 9, market=PERP)
    events = run(state, order(TAKER, 100, 8, market=PERP, flags=IS_ASK | REDUCE_ONLY))
    assert fills(events)[0][2] == 5
    assert events[-1].values[1:4] == (5, 3, Reason.REDUCE_ONLY)
    assert state.account(TAKER).positions_used == 0
    check_all(state)


def test_a_reduce_only_maker_fills_up_to_its_position_and_is_then_cancelled(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=MAKER, seller=TAKER, price=100, size_lots=5, market=PERP)
    rest(state, MAKER, 110, 8, market=PERP, flags=IS_ASK | REDUCE_ONLY)
    behind, _ = rest(state, MAKER_SUB, 111, 8, market=PERP, flags=IS_ASK)
    events = run(state, order(TAKER, 111, 7, market=PERP))
    (cancelled,) = only(events, EventKind.CANCELLED)
    assert cancelled.values[2:4] == (3, Reason.REDUCE_ONLY)
    assert fills(events)[1] == (behind, 111, 2)
    assert settling.size_of(state, MAKER, PERP) == 0
    check_all(state)


def test_a_taker_at_its_position_limit_is_dropped(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 1, 10, flags=IS_ASK, market=PERP)
    positions.open_record(state, TAKER, PERP)
    positions.edit(state, TAKER, PERP).size_lots = 2**40 - 5
    events = run(state, order(TAKER, 1, 5, market=PERP))
    assert kinds(events) == [EventKind.DONE]
    assert events[0].values[1:4] == (0, 5, Reason.LIMIT)
    assert kinds(run(state, order(TAKER, 1, 4, market=PERP)))[0] == EventKind.FILL


@pytest.mark.parametrize("quote_left", [0, 1])
def test_a_maker_at_its_quote_limit_is_cancelled(spot_and_perp, quote_left):
    state = spot_and_perp
    trade(state, buyer=MAKER, seller=TAKER, price=100, size_lots=5, market=PERP)
    rest(state, MAKER, 200, 5, flags=IS_ASK, market=PERP)
    profit = 5 * 100 * 100
    state.edit_account(MAKER).free[0] = 2**61 - profit - quote_left
    events = run(state, order(TAKER, 200, 5, market=PERP))
    if quote_left:
        assert events[0].kind == EventKind.FILL
    else:
        assert kinds(events) == [EventKind.CANCELLED, EventKind.RESTED]
        assert events[0].values[3] == Reason.LIMIT


def test_a_filled_maker_frees_its_slot_and_its_level(spot_and_perp):
    state = spot_and_perp
    _, slot = rest(state, MAKER, 90, 2, flags=IS_ASK)
    run(state, order(TAKER, 90, 2))
    assert state.header.order_free_head == slot
    assert state.markets.read(1).best_ask == 0
    assert rest(state, MAKER, 91, 1, flags=IS_ASK)[1] == slot
    assert state.header.levels_used == 1


def test_slots_are_reused_last_in_first_out(spot_and_perp):
    state = spot_and_perp
    orders = [rest(state, MAKER, 90 + i, 1) for i in range(3)]
    for order_id, slot in orders[:2]:
        run(state, op.Cancel(market=1, account=MAKER, order_id=order_id, slot=slot))
    assert [rest(state, MAKER, 80 + i, 1)[1] for i in range(3)] == [2, 1, 4]
