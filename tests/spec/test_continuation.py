"""Continuations: matches and cancel-alls of more than 64 steps, and the gate around them."""

import pytest

from offchain.spec import op, settling
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation, EventKind, PlaceFlag, Reason, SelfTrade, TimeInForce
from tests.spec.invariants import check_all
from tests.spec.support import (
    IS_ASK,
    MAKER,
    NOW_S,
    PERP,
    SPOT,
    TAKER,
    kinds,
    only,
    order,
    refused,
    rest,
    run,
)

COUNT = 2 * MAX_STEPS + 10


def fill_book(state, account, count=COUNT, market=SPOT, **fields):
    """Let `count` asks of one lot rest at rising prices."""
    for i in range(count):
        rest(state, account, 100 + i // 4, 1, flags=IS_ASK, market=market, **fields)


@pytest.mark.parametrize("market", [SPOT, PERP])
def test_a_match_stops_after_64_makers_and_goes_on(spot_and_perp, market):
    state = spot_and_perp
    fill_book(state, MAKER, market=market)
    events = run(state, order(TAKER, 200, COUNT + 5, market=market))
    assert len(only(events, EventKind.FILL)) == MAX_STEPS
    assert events[-1].kind == EventKind.CONTINUED
    assert (events[-1].market, events[-1].account) == (market, TAKER)
    assert events[-1].values[0] == Continuation.MATCH
    assert state.header.pending.remaining_lots == COUNT + 5 - MAX_STEPS
    check_all(state)
    events = run(state, op.Continue())
    assert len(only(events, EventKind.FILL)) == MAX_STEPS
    assert events[-1].kind == EventKind.CONTINUED
    events = run(state, op.Continue())
    assert len(only(events, EventKind.FILL)) == COUNT - 2 * MAX_STEPS
    assert events[-1].kind == EventKind.RESTED
    assert state.header.pending == PendingWork()
    check_all(state)


def test_exactly_64_makers_need_no_continuation(spot_and_perp):
    state = spot_and_perp
    fill_book(state, MAKER, MAX_STEPS)
    events = run(state, order(TAKER, 200, MAX_STEPS + 1, time_in_force=TimeInForce.IOC))
    assert events[-1].kind == EventKind.DONE
    assert events[-1].values[1:4] == (MAX_STEPS, 1, Reason.IOC)


def test_a_fok_order_cannot_need_more_than_64_makers(spot_and_perp):
    state = spot_and_perp
    fill_book(state, MAKER, MAX_STEPS + 1)
    place = order(TAKER, 200, MAX_STEPS + 1, time_in_force=TimeInForce.FOK)
    assert refused(state, place) == ErrorCode.FOK_NOT_FILLABLE
    run(state, order(TAKER, 200, MAX_STEPS, time_in_force=TimeInForce.FOK))


def test_only_continue_is_legal_while_one_is_pending(spot_and_perp):
    state = spot_and_perp
    assert refused(state, op.Continue()) == ErrorCode.NOTHING_TO_CONTINUE
    fill_book(state, MAKER, MAX_STEPS + 1, expiry_s=NOW_S + 1)
    run(state, order(TAKER, 200, MAX_STEPS + 1))
    for other in (
        order(TAKER, 100, 1),
        op.AdvanceTime(now_s=NOW_S),
        op.RunDuties(),
        op.SealBatch(),
        op.CancelAll(account=TAKER),
    ):
        assert refused(state, other) == ErrorCode.CONTINUATION_PENDING
    assert refused(state, bytes([200]) + bytes(63)) == ErrorCode.UNKNOWN_OP
    malformed = op.Continue().to_bytes()[:-1] + b"\x01"
    assert refused(state, malformed) == ErrorCode.MALFORMED_OP
    run(state, op.Continue(), op.SealBatch())


def test_a_continued_taker_remembers_what_self_trade_took(spot_and_perp):
    state = spot_and_perp
    fill_book(state, TAKER, MAX_STEPS)
    fill_book(state, MAKER, 3)
    place = order(
        TAKER, 200, MAX_STEPS + 5, self_trade=SelfTrade.REDUCE, time_in_force=TimeInForce.IOC
    )
    # The maker's three orders share the first level with the taker's own.
    events = run(state, place, op.Continue())
    assert events[-1].kind == EventKind.DONE
    assert events[-1].values[1:4] == (3, 2, Reason.IOC)
    check_all(state)


def test_a_perpetual_taker_keeps_its_record_over_a_continuation(spot_and_perp):
    state = spot_and_perp
    fill_book(state, TAKER, MAX_STEPS, market=PERP)
    rest(state, MAKER, 150, 2, flags=IS_ASK, market=PERP)
    run(state, order(TAKER, 200, 2, market=PERP))
    assert state.account(TAKER).positions_used == 1
    run(state, op.Continue())
    assert settling.size_of(state, TAKER, PERP) == 2
    check_all(state)


def test_a_modify_can_continue(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 50, COUNT, client_id_low=5, expiry_s=NOW_S + 50)
    fill_book(state, MAKER)
    modify = op.Modify(
        market=SPOT, account=TAKER, order_id=order_id, slot=slot, price=200, size_lots=COUNT + 1
    )
    events = run(state, modify, op.Continue(), op.Continue())
    assert events[-1].kind == EventKind.RESTED
    assert events[-1].values[0] == order_id
    assert events[-1].values[5] == NOW_S + 50
    check_all(state)


@pytest.mark.parametrize("spared", [0, 1])
def test_a_cancel_all_visits_64_orders_at_a_time(spot_and_perp, spared):
    state = spot_and_perp
    rest(state, MAKER, 50, 1, market=PERP)
    fill_book(state, MAKER)
    market = SPOT if spared else op.ALL_MARKETS
    events = run(state, op.CancelAll(account=MAKER, market=market))
    assert kinds(events) == [EventKind.CANCELLED] * MAX_STEPS + [EventKind.CONTINUED]
    assert (events[-1].market, events[-1].values[0]) == (0, Continuation.CANCEL_ALL)
    assert state.header.pending.market_filter == market
    check_all(state)
    run(state, op.Continue(), op.Continue())
    assert state.account(MAKER).order_count == spared
    assert refused(state, op.Continue()) == ErrorCode.NOTHING_TO_CONTINUE
    check_all(state)


def test_visited_orders_of_other_markets_are_steps_too(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 50, 1)
    fill_book(state, MAKER, MAX_STEPS, market=PERP)
    events = run(state, op.CancelAll(account=MAKER, market=SPOT))
    assert kinds(events) == [EventKind.CONTINUED]
    assert kinds(run(state, op.Continue())) == [EventKind.CANCELLED]


def test_a_cancel_all_of_exactly_64_orders_ends(spot_and_perp):
    state = spot_and_perp
    fill_book(state, MAKER, MAX_STEPS)
    events = run(state, op.CancelAll(account=MAKER))
    assert kinds(events) == [EventKind.CANCELLED] * MAX_STEPS


def test_reduce_only_makers_that_take_two_steps_count_twice(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 90, 1, market=PERP)
    run(state, order(TAKER, 90, 1, market=PERP, flags=IS_ASK))
    rest(state, MAKER, 100, 5, market=PERP, flags=IS_ASK | PlaceFlag.REDUCE_ONLY)
    fill_book(state, MAKER + 1, MAX_STEPS, market=PERP)
    events = run(state, order(TAKER, 200, MAX_STEPS, market=PERP))
    assert len(only(events, EventKind.FILL)) == MAX_STEPS - 1
    assert events[-1].kind == EventKind.CONTINUED
