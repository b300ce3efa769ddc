"""Triggers: when they are met, how they fire, and what ends them before."""

import pytest

from offchain.spec import op
from offchain.spec.constants import MAX_STEPS, TRAIL_STEP_S
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import DutyKind, EventKind, MarketKind, OrderFlag, Reason, SelfTrade
from offchain.spec.risk_op import Liquidate
from offchain.spec.state import State
from tests.spec.condition_support import (
    ABOVE,
    IS_ASK,
    LOTS,
    REDUCE_ONLY,
    buy_from_maker,
    condition_of,
    perp,
    placed,
    reasons,
    trigger,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import PRICE, advance, margined_exchange, market_risk, reprice
from tests.spec.support import (
    MAKER,
    MAKER_SUB,
    NOW_S,
    PERP,
    POOR,
    TAKER,
    UNITS,
    kinds,
    only,
    refused,
    run,
)
from tests.strategies import market_op

FIRE = op.RunDuties()


@pytest.fixture
def state() -> State:
    return margined_exchange()


def values_of(events, kind) -> list[tuple[int, ...]]:
    return [event.values for event in only(events, kind)]


def test_a_trigger_waits_without_taking_anything(state):
    before = state.account(TAKER).free[:]
    [event] = run(state, trigger(990, limit_price=980, client_id_low=7, expiry_s=NOW_S + 99))
    order_id, slot = event.values[:2]
    assert (event.kind, event.market, event.account) == (EventKind.TRIGGER_PLACED, PERP, TAKER)
    assert event.values == (order_id, slot, 990, 980, LOTS, 0)
    account = state.account(TAKER)
    assert (account.free, account.order_count, account.positions_used) == (before, 1, 0)
    assert state.orders.read(slot).attributes == IS_ASK | OrderFlag.LINKED | OrderFlag.TRIGGER
    assert condition_of(state, slot).client_id == (7, 0)
    check_all(state)


@pytest.mark.parametrize(
    ("trigger_price", "flags", "mark", "fires"),
    [
        (990, IS_ASK, 991, False),
        (990, IS_ASK, 990, True),
        (990, IS_ASK, 980, True),
        (1_010, ABOVE, 1_009, False),
        (1_010, ABOVE, 1_010, True),
        (990, 0, 990, True),
        (1_010, ABOVE | IS_ASK, 1_011, True),
    ],
)
def test_it_fires_when_the_mark_reaches_it(state, trigger_price, flags, mark, fires):
    run(state, trigger(trigger_price, flags))
    reprice(state, mark)
    assert state.header.trigger_market == (PERP + 1 if fires else 0)
    same_time = op.AdvanceTime(now_s=state.header.now_s)
    assert refused(state, same_time) == (E.DUTY_PENDING if fires else E.OK)
    assert refused(state, op.SealBatch()) == E.OK  # whatever waits
    if not fires:
        assert refused(state, FIRE) == E.NO_DUTY_DUE
        return
    events = run(state, FIRE)
    assert kinds(events)[0] == EventKind.TRIGGERED
    assert events[0].values[2:] == (trigger_price, mark, LOTS, 0)
    assert state.header.trigger_market == state.account(TAKER).order_count == 0
    check_all(state)


def test_one_fires_per_op_by_price_and_then_by_age(state):
    slots = [placed(run(state, trigger(price)))[0][1] for price in (980, 990, 990)]
    reprice(state, 970)
    fired = [values_of(run(state, FIRE), EventKind.TRIGGERED)[0][1] for _ in slots]
    assert fired == [slots[1], slots[2], slots[0]]
    assert refused(state, FIRE) == E.NO_DUTY_DUE


def test_nothing_fires_while_the_market_is_halted_or_has_just_reopened(state):
    run(state, trigger(990))
    halted = market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0)
    run(state, halted)
    reprice(state, 980)
    assert state.header.trigger_market == 0
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3))
    reprice(state, 980)
    assert state.header.trigger_market == 0
    # Now the list above can hold what the list below does not exclude: below goes first.
    run(state, trigger(985, ABOVE, account=MAKER))
    advance(state, 60)
    reprice(state, 987)
    first, second = (run(state, FIRE) for _ in range(2))
    assert [values_of(e, EventKind.TRIGGERED)[0][2] for e in (first, second)] == [990, 985]


def test_nothing_fires_while_the_mark_is_stale(state):
    run(state, trigger(990))
    reprice(state, 980)
    state.edit_market_risk(PERP).index_time_s -= 61
    assert run(state, FIRE) == []
    assert state.header.trigger_market == 0
    assert state.account(TAKER).order_count == 1


def test_a_limit_order_rests_with_all_it_was_given(state):
    run(state, op.RegisterBuilder(account=MAKER))
    run(state, op.ApproveBuilder(account=TAKER, builder=1, max_fee=9))
    given = trigger(
        990, limit_price=985, client_id_low=5, expiry_s=NOW_S + 50, builder=1, builder_fee=9
    )
    run(state, given)
    reprice(state, 990)
    events = run(state, FIRE)
    assert kinds(events) == [EventKind.TRIGGERED, EventKind.RESTED]
    order_id, slot, price, lots, attributes, expiry_s = events[1].values
    assert order_id == events[0].values[0]
    assert (price, lots, expiry_s) == (985, LOTS, NOW_S + 50)
    assert attributes == IS_ASK | 1 << 8 | 9 << 20
    assert state.orders.read(slot).client_id_low == 5
    check_all(state)


def test_a_market_order_goes_as_far_as_the_band(state):
    run(state, market_risk(price_band_ppm=20_000))
    run(state, perp(MAKER, 971), perp(MAKER, 970), trigger(990))
    reprice(state, 990)
    events = run(state, FIRE)
    # 2 % below 990 is 970.2, the mark less 19.
    assert [v[2] & 0xFFFF_FFFF for v in values_of(events, EventKind.FILL)] == [971]
    assert values_of(events, EventKind.DONE)[0][1:4] == (LOTS, 0, Reason.FILLED)
    run(state, trigger(985))
    reprice(state, 985)
    events = run(state, FIRE)
    assert values_of(events, EventKind.FILL)[0][2] & 0xFFFF_FFFF == 970


def test_an_order_of_many_fills_goes_on_later(state):
    for _ in range(MAX_STEPS + 1):
        run(state, perp(MAKER, 995, 1))
    run(state, trigger(990, size_lots=MAX_STEPS + 1))
    reprice(state, 990)
    events = run(state, FIRE)
    assert kinds(events)[-1] == EventKind.CONTINUED
    assert refused(state, FIRE) == E.CONTINUATION_PENDING
    assert kinds(run(state, op.Continue()))[-1] == EventKind.DONE
    check_all(state)


REFUSED = [
    (trigger(990, limit_price=850), E.PRICE_OUTSIDE_BAND),
    (trigger(990, account=POOR), E.INSUFFICIENT_MARGIN),
    (trigger(990, IS_ASK | REDUCE_ONLY), E.REDUCE_ONLY_WOULD_INCREASE),
]


@pytest.mark.parametrize(("given", "code"), REFUSED, ids=str)
def test_what_an_order_may_not_do_is_refused_when_it_fires(state, given, code):
    [(order_id, slot)] = placed(run(state, given))
    reprice(state, 990)
    events = run(state, FIRE)
    assert kinds(events) == [EventKind.TRIGGERED, EventKind.CANCELLED]
    assert events[0].values == (order_id, slot, 990, 990, LOTS, code)
    assert events[1].values == (order_id, slot, LOTS, Reason.REFUSED, 0, 0)
    assert state.account(given.account).positions_used == 0
    check_all(state)


def test_without_a_level_slot_a_limit_order_is_refused(state):
    run(state, trigger(990, limit_price=985))
    reprice(state, 990)
    state.header.levels_used = 2**18 - 1
    events = run(state, FIRE)
    assert events[0].values[5] == E.BOOK_FULL


def test_without_a_position_record_an_order_is_refused(state):
    run(state, trigger(990))
    reprice(state, 990)
    state.edit_account(TAKER).positions_used = 16
    assert run(state, FIRE)[0].values[5] == E.POSITIONS_FULL


def test_the_value_of_a_market_order_is_bounded_when_it_fires(state):
    run(state, trigger(1, 0, size_lots=2**40 - 1))
    slot = state.account(TAKER).order_head
    state.levels.edit(state.orders.read(slot).level).price = 990
    state.edit_market_risk(PERP).mark_price = 2**31
    assert refused(state, FIRE) == E.NO_DUTY_DUE
    state.header.trigger_market = PERP + 1
    state.levels.edit(state.orders.read(slot).level).price = 2**31
    assert run(state, FIRE)[0].values[5] == E.NOTIONAL_TOO_LARGE


# --- two legs ------------------------------------------------------------------------------


def pair(**fields: int):
    """Return a stop at 990 and a take-profit at 1,010 of one position."""
    return trigger(990, IS_ASK | REDUCE_ONLY, other_trigger=1_010, other_limit=1_015, **fields)


@pytest.mark.parametrize(("mark", "fires"), [(990, 0), (1_010, 1)])
def test_the_leg_that_fires_cancels_the_other(state, mark, fires):
    buy_from_maker(state)
    events = run(state, pair(client_id_low=3))
    legs = placed(events)
    assert [event.values[2:] for event in events] == [(990, 0, LOTS, 0), (1_010, 1_015, LOTS, 0)]
    assert [condition_of(state, slot).client_id for _, slot in legs] == [(3, 0), (0, 0)]
    check_all(state)
    reprice(state, mark)
    events = run(state, FIRE)
    assert kinds(events)[:2] == [EventKind.TRIGGERED, EventKind.CANCELLED]
    assert events[0].values[1] == legs[fires][1]
    assert reasons(events) == [(legs[1 - fires][1], Reason.LINKED)]
    check_all(state)


def test_a_refused_leg_cancels_the_other_too(state):
    legs = placed(run(state, pair()))
    reprice(state, 990)
    events = run(state, FIRE)
    assert reasons(events) == [(legs[0][1], Reason.REFUSED), (legs[1][1], Reason.LINKED)]


def test_a_leg_that_is_cancelled_leaves_the_other(state):
    (order_id, slot), (_, other) = placed(run(state, pair()))
    run(state, op.Cancel(market=PERP, account=TAKER, order_id=order_id, slot=slot))
    assert condition_of(state, other).link_a == 0
    check_all(state)
    reprice(state, 1_010)
    assert reasons(run(state, FIRE)) == [(other, Reason.REFUSED)]


# --- trailing --------------------------------------------------------------------------------


@pytest.mark.parametrize(("flags", "sign"), [(IS_ASK, 1), (ABOVE, -1)])
def test_a_trailing_stop_follows_the_mark_once_a_minute(state, flags, sign):
    [event] = run(state, trigger(0, flags, trail=20))
    order_id, slot = event.values[:2]
    assert event.values[2:] == (PRICE - sign * 20, 0, LOTS, 20)
    reprice(state, PRICE + sign * 30)
    assert not only(advance(state, TRAIL_STEP_S - 2), EventKind.TRIGGER_MOVED)
    # The step finds the mark of a minute ago, which is fresh still.
    [moved] = only(advance(state, 1), EventKind.TRIGGER_MOVED)
    mark = PRICE + sign * 30
    assert moved.values == (order_id, slot, mark - sign * 20, mark, 0, 0)
    check_all(state)
    # Against it the trigger stands, and fires where it is.
    reprice(state, PRICE + sign * 15)
    assert not only(advance(state, TRAIL_STEP_S), EventKind.TRIGGER_MOVED)
    reprice(state, PRICE + sign * 10)
    assert values_of(run(state, FIRE), EventKind.TRIGGERED)[0][2] == mark - sign * 20
    assert all(duty.kind != DutyKind.TRAIL for duty in state.duties.entries)


def test_a_trailing_stop_stays_without_a_fresh_mark_or_a_level_slot(state):
    run(state, trigger(0, trail=20))
    advance(state, 1)
    reprice(state, 1_030)
    state.edit_market_risk(PERP).index_time_s -= 10
    assert not only(advance(state, TRAIL_STEP_S - 2), EventKind.TRIGGER_MOVED)
    reprice(state, 1_030)
    state.header.levels_used, used = 2**18 - 1, state.header.levels_used
    assert not only(advance(state, TRAIL_STEP_S - 1), EventKind.TRIGGER_MOVED)
    state.header.levels_used = used
    reprice(state, 1_030)
    assert only(advance(state, TRAIL_STEP_S), EventKind.TRIGGER_MOVED)


# --- what ends a trigger -------------------------------------------------------------------------


def test_a_trigger_expires(state):
    [(_, slot)] = placed(run(state, trigger(0, trail=9, expiry_s=NOW_S + 5)))
    assert reasons(advance(state, 5)) == [(slot, Reason.EXPIRED)]
    assert all(duty.kind == DutyKind.MARKET_MINUTE for duty in state.duties.entries)
    check_all(state)


def test_a_trigger_is_cancelled_like_any_order(state):
    given = trigger(0, trail=9, client_id_low=4, expiry_s=NOW_S + 500)
    [(order_id, slot)] = placed(run(state, given))
    modify = op.Modify(
        market=PERP, account=TAKER, order_id=order_id, size_lots=1, price=990, slot=slot
    )
    assert refused(state, modify) == E.ORDER_LINKED
    condition_slot = state.orders.read(slot).client_id_low
    as_order = op.Cancel(market=PERP, account=TAKER, order_id=order_id, slot=condition_slot)
    assert refused(state, as_order) == E.UNKNOWN_ORDER
    [event] = run(state, op.CancelByClientId(account=TAKER, client_id_low=4))
    assert event.values == (order_id, slot, LOTS, Reason.USER, 4, 0)
    check_all(state)
    run(state, given, op.ScheduleCancel(account=TAKER, at_s=NOW_S + 20))
    assert reasons(advance(state, 20)) == [(condition_slot, Reason.DEADMAN)]
    check_all(state)


def test_a_liquidation_cancels_triggers_first(state):
    buy_from_maker(state)
    [(_, slot)] = placed(run(state, trigger(500)))
    state.edit_account(TAKER).free[0] = -UNITS
    assert reasons(run(state, Liquidate(account=TAKER))) == [(slot, Reason.LIQUIDATION)]
    assert state.account(TAKER).order_count == 0


def test_a_fired_order_keeps_the_terms_of_self_trade(state):
    run(state, perp(TAKER, 995, 4), perp(MAKER_SUB, 994, LOTS))
    run(state, trigger(990, self_trade=SelfTrade.EXPIRE_TAKER))
    reprice(state, 990)
    [done] = only(run(state, FIRE), EventKind.DONE)
    assert done.values[1:4] == (0, LOTS, Reason.SELF_TRADE)
