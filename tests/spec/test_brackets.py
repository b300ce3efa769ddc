"""Brackets: children that sleep, wake when the parent has traded, and go with it otherwise."""

from dataclasses import replace

import pytest

from offchain.spec import op
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EventKind, OrderFlag, PlaceFlag, Reason, SelfTrade, TimeInForce
from offchain.spec.state import State
from tests.spec.condition_support import (
    IS_ASK,
    LOTS,
    bracket,
    condition_of,
    ioc,
    perp,
    reasons,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import PRICE, margined_exchange, reprice
from tests.spec.support import MAKER, PERP, SPOT, TAKER, kinds, only, refused, run

BRACKET = PlaceFlag.BRACKET
FIRE = op.RunDuties()


@pytest.fixture
def state() -> State:
    return margined_exchange()


def children(state: State, account: int = TAKER) -> list[int]:
    """Return the slots of take-profit and stop of the account's youngest parent that rests."""
    condition = condition_of(state, state.account(account).order_head)
    return [condition.link_a, condition.link_b]


def test_a_bracket_sleeps_until_its_parent_trades(state):
    events = run(state, bracket(client_id_low=8))
    assert kinds(events) == [EventKind.RESTED]
    slots = children(state)
    for slot, price in zip(slots, (PRICE + 50, PRICE - 50), strict=True):
        child = state.orders.read(slot)
        assert (child.level, child.remaining_lots, child.expiry_s) == (0, 0, 0)
        assert child.attributes == (
            IS_ASK | OrderFlag.REDUCE_ONLY | OrderFlag.LINKED | OrderFlag.TRIGGER
        )
        assert condition_of(state, slot).lots == price
    parent = state.orders.read(state.account(TAKER).order_head)
    ids = [parent.order_id, *(state.orders.read(slot).order_id for slot in slots)]
    assert ids == [ids[0], ids[0] + 1024, ids[0] + 2048]
    assert state.account(TAKER).order_count == 3
    check_all(state)
    reprice(state, PRICE - 60)
    assert state.header.trigger_market == 0
    assert refused(state, bracket(client_id_low=8)) == E.DUPLICATE_CLIENT_ID


def test_it_wakes_when_the_parent_is_filled_as_a_maker(state):
    run(state, bracket(take_profit_limit=PRICE + 49))
    take_profit, stop = children(state)
    assert EventKind.TRIGGER_PLACED not in kinds(run(state, ioc(MAKER, size_lots=4, flags=IS_ASK)))
    events = run(state, ioc(MAKER, size_lots=9, flags=IS_ASK))
    woken = only(events, EventKind.TRIGGER_PLACED)
    assert [event.values[1:] for event in woken] == [
        (take_profit, PRICE + 50, PRICE + 49, LOTS, 0),
        (stop, PRICE - 50, 0, LOTS, 0),
    ]
    # After the last event of the fill, before the taker's DONE.
    two = [EventKind.TRIGGER_PLACED] * 2
    assert kinds(events)[-4:] == [EventKind.POSITION, *two, EventKind.DONE]
    check_all(state)
    reprice(state, PRICE + 50)
    events = run(state, FIRE)
    assert reasons(events) == [(stop, Reason.LINKED)]
    check_all(state)


def test_it_wakes_after_the_done_of_a_taker(state):
    run(state, perp(MAKER, flags=IS_ASK))
    events = run(state, bracket(client_id_low=8))
    assert kinds(events)[-3:] == [EventKind.DONE, *[EventKind.TRIGGER_PLACED] * 2]
    assert events[-3].values[3:5] == (Reason.FILLED, 8)
    check_all(state)


def test_a_seller_takes_profit_below_and_stops_above(state):
    run(state, perp(MAKER))
    flags = BRACKET | IS_ASK
    run(state, bracket(flags=flags, take_profit=PRICE - 50, stop=PRICE + 50))
    stop, take_profit = (slot for slot, order in state.orders.items() if order.is_conditional)
    if state.levels.read(state.orders.read(stop).level).price == PRICE - 50:
        stop, take_profit = take_profit, stop
    assert not state.levels.read(state.orders.read(take_profit).level).is_ask
    assert state.levels.read(state.orders.read(stop).level).is_ask
    assert not state.orders.read(stop).is_ask
    check_all(state)


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_wakes_it_with_what_it_traded(state, tif):
    run(state, perp(MAKER, size_lots=7, flags=IS_ASK))
    size_lots = 7 if tif == TimeInForce.FOK else 20
    events = run(state, bracket(time_in_force=tif, take_profit=0, size_lots=size_lots))
    assert [event.values[4] for event in only(events, EventKind.TRIGGER_PLACED)] == [7]
    check_all(state)


def test_an_order_that_trades_nothing_takes_its_children_along(state):
    events = run(state, replace(bracket(client_id_low=8), time_in_force=TimeInForce.IOC))
    assert kinds(events) == [EventKind.DONE, EventKind.CANCELLED, EventKind.CANCELLED]
    assert events[0].values[1:5] == (0, LOTS, Reason.IOC, 8)
    assert [event.values[2:4] for event in events[1:]] == [(0, Reason.LINKED)] * 2
    assert state.account(TAKER).order_count == state.account(TAKER).positions_used == 0
    check_all(state)


def test_a_parent_that_is_cancelled_takes_them_along_even_if_it_traded(state):
    order_id, slot = run(state, bracket())[0].values[:2]
    legs = children(state)
    run(state, ioc(MAKER, size_lots=4, flags=IS_ASK))
    modify = op.Modify(
        market=PERP, account=TAKER, order_id=order_id, size_lots=1, price=PRICE, slot=slot
    )
    assert refused(state, modify) == E.ORDER_LINKED
    events = run(state, op.Cancel(market=PERP, account=TAKER, order_id=order_id, slot=slot))
    assert reasons(events) == [
        (slot, Reason.USER),
        *((leg, Reason.LINKED) for leg in legs),
    ]
    check_all(state)


def test_what_self_trade_takes_does_not_count(state):
    run(state, perp(MAKER, size_lots=3, flags=IS_ASK), perp(TAKER, 1_001, 2, flags=IS_ASK))
    events = run(state, bracket(price=1_001, self_trade=SelfTrade.REDUCE, size_lots=9))
    assert kinds(events)[-1] == EventKind.RESTED
    run(state, ioc(TAKER, 1_001, 1, flags=IS_ASK, self_trade=SelfTrade.REDUCE))
    parent = state.account(TAKER).order_head
    # 9 lots, of which 2 and 1 met the account's own orders.
    assert condition_of(state, parent).lots == 6
    events = run(state, ioc(MAKER, 1_001, 20, flags=IS_ASK))
    assert {event.values[4] for event in only(events, EventKind.TRIGGER_PLACED)} == {6}
    check_all(state)


def test_a_child_may_go_alone(state):
    run(state, bracket())
    take_profit, stop = children(state)
    for slot in (take_profit, stop):
        order_id = state.orders.read(slot).order_id
        cancel = op.Cancel(market=PERP, account=TAKER, order_id=order_id, slot=slot)
        [event] = run(state, cancel)
        assert event.values[2:4] == (0, Reason.USER)
        check_all(state)
    assert children(state) == [0, 0]
    events = run(state, ioc(MAKER, size_lots=LOTS, flags=IS_ASK))
    assert EventKind.TRIGGER_PLACED not in kinds(events)
    check_all(state)


def test_a_leg_that_is_met_when_it_wakes_fires_next(state):
    run(state, bracket(stop=PRICE + 20, take_profit=PRICE + 50))
    run(state, ioc(MAKER, flags=IS_ASK))
    assert state.header.trigger_market == PERP + 1
    assert refused(state, op.AdvanceTime(now_s=state.header.now_s)) == E.DUTY_PENDING
    assert kinds(run(state, FIRE))[0] == EventKind.TRIGGERED
    check_all(state)


def test_a_child_that_finds_no_level_slot_is_cancelled(state):
    run(state, bracket())
    legs = children(state)
    state.header.levels_used, used = 2**18 - 1, state.header.levels_used
    head, state.header.level_free_head = state.header.level_free_head, 0
    # The take-profit finds the level that the parent left.
    events = run(state, ioc(MAKER, flags=IS_ASK))
    assert only(events, EventKind.TRIGGER_PLACED)[0].values[1] == legs[0]
    [cancelled] = only(events, EventKind.CANCELLED)
    assert cancelled.values[1:4] == (legs[1], 0, Reason.LIMIT)
    state.header.levels_used, state.header.level_free_head = used, head
    check_all(state)


def test_a_parent_of_many_fills_keeps_its_bracket(state):
    for _ in range(MAX_STEPS + 1):
        run(state, perp(MAKER, size_lots=1, flags=IS_ASK))
    size_lots = MAX_STEPS + 1
    events = run(state, bracket(client_id_low=8, size_lots=size_lots))
    assert kinds(events)[-1] == EventKind.CONTINUED
    check_all(state)
    events = run(state, op.Continue())
    assert [event.values[4] for event in only(events, EventKind.TRIGGER_PLACED)] == [size_lots] * 2
    assert only(events, EventKind.DONE)[0].values[4] == 8
    check_all(state)


def test_cancelling_all_visits_no_child_of_a_parent(state):
    for number in range(MAX_STEPS + 2):
        run(state, bracket(price=PRICE - number % 3))
    events = run(state, op.CancelAll(account=TAKER))
    # Every step is a parent, with two children each.
    assert len(only(events, EventKind.CANCELLED)) == 3 * MAX_STEPS
    assert kinds(events)[-1] == EventKind.CONTINUED
    check_all(state)
    assert len(only(run(state, op.Continue()), EventKind.CANCELLED)) == 3 * 2
    assert state.account(TAKER).order_count == 0
    check_all(state)


def test_fees_of_builder_and_quota_go_to_the_children(state):
    run(state, op.RegisterBuilder(account=MAKER))
    run(state, op.ApproveBuilder(account=TAKER, builder=1, max_fee=9))
    state.fee_tiers.edit(0).quota_per_minute = 1
    run(state, bracket(builder=1, builder_fee=9), bracket(builder=1, builder_fee=9))
    slots = children(state)
    for slot in slots:
        attributes = state.orders.read(slot).attributes
        assert attributes & OrderFlag.API_FEE
        assert attributes >> 8 == 1 | 9 << 12


BAD = [
    (bracket(market=SPOT), E.UNKNOWN_MARKET),
    (bracket(flags=BRACKET | PlaceFlag.REDUCE_ONLY), E.INVALID_TRIGGER),
    (bracket(take_profit=0, stop=0), E.INVALID_TRIGGER),
    (bracket(take_profit=PRICE - 50), E.INVALID_TRIGGER),
    (bracket(flags=BRACKET | IS_ASK), E.INVALID_TRIGGER),
    (bracket(take_profit=2**32 - 1), E.INVALID_PRICE),
    (bracket(take_profit_limit=2**32 - 1), E.INVALID_PRICE),
    (bracket(stop=2**32 - 1, take_profit=0), E.INVALID_PRICE),
    (bracket(stop_limit=2**32 - 1), E.INVALID_PRICE),
]


@pytest.mark.parametrize(("given", "code"), BAD, ids=lambda value: str(value)[-70:])
def test_a_bracket_is_refused(state, given, code):
    assert refused(state, given) == code


def test_children_and_their_records_are_counted_before(state):
    account, header = state.edit_account(TAKER), state.header
    account.order_count = 998
    assert refused(state, bracket()) == E.TOO_MANY_OPEN_ORDERS
    immediate = replace(bracket(), time_in_force=TimeInForce.IOC)
    assert refused(state, immediate) == E.OK
    account.order_count = 999
    assert refused(state, immediate) == E.TOO_MANY_OPEN_ORDERS
    account.order_count = 0
    header.orders_used = 2**20 - 6
    assert refused(state, bracket()) == E.BOOK_FULL
    assert refused(state, bracket(stop=0)) == E.OK
