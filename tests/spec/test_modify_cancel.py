"""MODIFY, CANCEL, CANCEL_BY_CLIENT_ID, CANCEL_ALL: refusals and effects."""

import pytest

from offchain.spec import op, positions
from offchain.spec.constants import GOLDILOCKS_P, LEVEL_CAPACITY
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, PlaceFlag, Reason, TimeInForce
from tests.spec.invariants import check_all
from tests.spec.support import (
    ABSENT,
    FINE,
    HALTED,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    NOW_S,
    PERP,
    SPOT,
    TAKER,
    UNITS,
    kinds,
    order,
    refused,
    rest,
    run,
    trade,
)


def modify(order_id: int, slot: int, price: int, size_lots: int, **fields: int) -> op.Modify:
    """Return a MODIFY of the maker's spot order unless `fields` say otherwise."""
    named = {"market": SPOT, "account": MAKER, **fields}
    return op.Modify(**named, order_id=order_id, slot=slot, price=price, size_lots=size_lots)


MODIFY_REFUSALS = [
    ({"account": ABSENT}, ErrorCode.UNKNOWN_ACCOUNT),
    ({"market": 9}, ErrorCode.UNKNOWN_MARKET),
    ({"market": 1_024}, ErrorCode.UNKNOWN_MARKET),
    ({"market": HALTED}, ErrorCode.MARKET_NOT_OPEN),
    ({"market": PERP}, ErrorCode.UNKNOWN_ORDER),
    ({"account": TAKER}, ErrorCode.UNKNOWN_ORDER),
    ({"account": MAKER_SUB}, ErrorCode.UNKNOWN_ORDER),
    ({"slot": 0}, ErrorCode.UNKNOWN_ORDER),
    ({"slot": 2**32 - 1}, ErrorCode.UNKNOWN_ORDER),
    ({"order_id": 0}, ErrorCode.UNKNOWN_ORDER),
    ({"order_id": 1 << 11 | SPOT}, ErrorCode.UNKNOWN_ORDER),
    ({"size_lots": 0}, ErrorCode.INVALID_SIZE),
    ({"size_lots": 2**40}, ErrorCode.INVALID_SIZE),
    ({"price": 0}, ErrorCode.INVALID_PRICE),
    ({"price": 2**32 - 1}, ErrorCode.INVALID_PRICE),
    ({"price": 100, "size_lots": 5}, ErrorCode.MODIFY_CHANGES_NOTHING),
    ({"price": 2**32 - 2, "size_lots": 2**31}, ErrorCode.NOTIONAL_TOO_LARGE),
    ({"price": 120, "time_in_force": TimeInForce.POST_ONLY}, ErrorCode.POST_ONLY_WOULD_CROSS),
    ({"price": 110, "size_lots": 10**10}, ErrorCode.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize(("change", "code"), MODIFY_REFUSALS, ids=str)
def test_a_bad_modify_is_refused_with_its_code(spot_and_perp, change, code):
    order_id, slot = rest(spot_and_perp, MAKER, 100, 5)
    rest(spot_and_perp, TAKER, 120, 5, flags=IS_ASK)
    fields = {"order_id": order_id, "slot": slot, "price": 100, "size_lots": 4, **change}
    assert refused(spot_and_perp, modify(**fields)) == code


def test_modify_obeys_tick_figures_and_minimum(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 20, market=FINE)
    for price, size_lots, code in (
        (101, 20, ErrorCode.PRICE_NOT_ON_TICK),
        (12_345, 20, ErrorCode.TOO_MANY_SIGNIFICANT_FIGURES),
        (100, 9, ErrorCode.SIZE_BELOW_MINIMUM),
    ):
        assert refused(state, modify(order_id, slot, price, size_lots, market=FINE)) == code


def test_modify_needs_a_free_level_even_to_go_back_to_its_own(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5)
    state.header.levels_used = LEVEL_CAPACITY - 1
    assert refused(state, modify(order_id, slot, 101, 5)) == ErrorCode.BOOK_FULL
    assert kinds(run(state, modify(order_id, slot, 100, 4))) == [EventKind.REDUCED]


def test_a_smaller_size_keeps_the_place_in_the_queue(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5, flags=IS_ASK)
    rest(state, MAKER_SUB, 100, 5, flags=IS_ASK)
    (event,) = run(state, modify(order_id, slot, 100, 2))
    assert event.values == (order_id, slot, 2, Reason.MODIFIED, 0, 0)
    assert state.account(MAKER).locked[1] == 2 * 10**6
    fill = run(state, order(TAKER, 100, 1))[0]
    assert fill.values[1] == order_id
    check_all(state)


@pytest.mark.parametrize(("price", "size_lots"), [(100, 6), (99, 5)])
def test_a_larger_size_or_another_price_loses_the_place(spot_and_perp, price, size_lots):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5, flags=IS_ASK, client_id_low=3, expiry_s=NOW_S + 9)
    other, _ = rest(state, MAKER_SUB, price, 5, flags=IS_ASK)
    cancelled, rested = run(state, modify(order_id, slot, price, size_lots))
    assert cancelled.values == (order_id, slot, 5, Reason.MODIFIED, 3, 0)
    assert (rested.values[0], rested.values[5]) == (order_id, NOW_S + 9)
    assert run(state, order(TAKER, 100, 1))[0].values[1] == other
    check_all(state)


def test_a_modify_that_crosses_trades_under_its_old_id(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5)
    rest(state, TAKER, 120, 2, flags=IS_ASK)
    events = run(state, modify(order_id, slot, 120, 5))
    assert kinds(events) == [EventKind.CANCELLED, EventKind.FILL, EventKind.RESTED]
    assert events[1].values[0] == order_id
    check_all(state)


def test_a_modify_may_use_the_funds_of_the_old_order(spot_and_perp):
    state = spot_and_perp
    size_lots = (UNITS * 3 // 4) // 101  # the maker gave a quarter to its sub-account
    order_id, slot = rest(state, MAKER, 100, size_lots)
    run(state, modify(order_id, slot, 99, size_lots))
    assert refused(state, modify(order_id, slot, 102, size_lots)) == ErrorCode.INSUFFICIENT_BALANCE
    check_all(state)


def test_a_modified_reduce_only_order_must_still_reduce(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=MAKER, seller=TAKER, price=100, size_lots=5, market=PERP)
    flags = IS_ASK | PlaceFlag.REDUCE_ONLY
    order_id, slot = rest(state, MAKER, 130, 5, market=PERP, flags=flags)
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=5, market=PERP)
    code = refused(state, modify(order_id, slot, 131, 5, market=PERP))
    assert code == ErrorCode.REDUCE_ONLY_WOULD_INCREASE
    assert kinds(run(state, modify(order_id, slot, 130, 4, market=PERP))) == [EventKind.REDUCED]


def test_a_modified_perpetual_order_keeps_its_position_record(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5, market=PERP)
    before = positions.find(state, MAKER, PERP)
    run(state, modify(order_id, slot, 101, 5, market=PERP))
    assert positions.find(state, MAKER, PERP) == before
    check_all(state)


CANCEL_REFUSALS = [
    (op.Cancel(market=SPOT, account=ABSENT, order_id=1, slot=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.Cancel(market=SPOT, account=MAKER, order_id=1, slot=1), ErrorCode.UNKNOWN_ORDER),
    (op.Cancel(market=2_000, account=MAKER, order_id=1, slot=1), ErrorCode.UNKNOWN_ORDER),
    (op.CancelByClientId(account=ABSENT, client_id_low=1), ErrorCode.UNKNOWN_ACCOUNT),
    (op.CancelByClientId(account=MAKER, client_id_low=0), ErrorCode.CLIENT_ID_OUT_OF_RANGE),
    (
        op.CancelByClientId(account=MAKER, client_id_low=GOLDILOCKS_P),
        ErrorCode.CLIENT_ID_OUT_OF_RANGE,
    ),
    (
        op.CancelByClientId(account=MAKER, client_id_low=1, client_id_high=GOLDILOCKS_P),
        ErrorCode.CLIENT_ID_OUT_OF_RANGE,
    ),
    (op.CancelByClientId(account=MAKER, client_id_low=1), ErrorCode.UNKNOWN_CLIENT_ID),
    (op.CancelAll(account=ABSENT), ErrorCode.UNKNOWN_ACCOUNT),
    (op.CancelAll(account=MAKER, market=9), ErrorCode.UNKNOWN_MARKET),
    (op.CancelAll(account=MAKER, market=1_024), ErrorCode.UNKNOWN_MARKET),
]


@pytest.mark.parametrize(("cancel", "code"), CANCEL_REFUSALS, ids=str)
def test_a_bad_cancel_is_refused_with_its_code(spot_and_perp, cancel, code):
    assert refused(spot_and_perp, cancel) == code


def test_a_cancel_frees_the_lock_and_cannot_be_repeated(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 100, 5, client_id_low=8, client_id_high=9)
    cancel = op.Cancel(market=SPOT, account=TAKER, order_id=order_id, slot=slot)
    (event,) = run(state, cancel)
    assert event.values == (order_id, slot, 5, Reason.USER, 8, 9)
    assert (state.account(TAKER).free[0], state.account(TAKER).locked[0]) == (UNITS, 0)
    assert refused(state, cancel) == ErrorCode.UNKNOWN_ORDER
    check_all(state)


def test_a_cancel_does_not_hit_the_next_tenant_of_the_slot(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 100, 5)
    cancel = op.Cancel(market=SPOT, account=TAKER, order_id=order_id, slot=slot)
    run(state, cancel)
    assert rest(state, TAKER, 100, 5)[1] == slot
    assert refused(state, cancel) == ErrorCode.UNKNOWN_ORDER


def test_a_cancel_by_client_id_finds_the_order(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 100, 5, client_id_low=8)
    order_id, _ = rest(state, TAKER, 100, 5, client_id_low=8, client_id_high=1)
    (event,) = run(state, op.CancelByClientId(account=TAKER, client_id_low=8, client_id_high=1))
    assert event.values[0] == order_id
    check_all(state)


def test_cancel_all_takes_the_youngest_first_and_can_spare_markets(spot_and_perp):
    state = spot_and_perp
    spot_1, _ = rest(state, TAKER, 100, 5)
    perp, _ = rest(state, TAKER, 100, 5, market=PERP)
    spot_2, _ = rest(state, TAKER, 101, 5, expiry_s=NOW_S + 9)
    other, _ = rest(state, MAKER, 101, 5)
    events = run(state, op.CancelAll(account=TAKER, market=SPOT))
    assert [event.values[0] for event in events] == [spot_2, spot_1]
    events = run(state, op.CancelAll(account=TAKER))
    assert [event.values[0] for event in events] == [perp]
    assert run(state, op.CancelAll(account=TAKER)) == []
    assert [o.order_id for o in state.orders.values() if o.order_id] == [other]
    check_all(state)


def test_cancels_work_in_a_halted_market(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 100, 5)
    state.markets.edit(SPOT).status = 0
    assert refused(state, order(TAKER, 100, 1)) == ErrorCode.MARKET_NOT_OPEN
    run(state, op.Cancel(market=SPOT, account=TAKER, order_id=order_id, slot=slot))
