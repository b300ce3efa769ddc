"""Duties: the heap, expiry, the dead-man switch, and the gate that makes them run first."""

from hypothesis import given
from hypothesis import strategies as st

from offchain.spec import duties, op
from offchain.spec.book_records import Duty
from offchain.spec.constants import DEADMAN_MIN_S, DUTY_CAPACITY, MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import DutyKind, EventKind, Reason
from offchain.spec.state import genesis
from tests.spec.invariants import check_all
from tests.spec.support import (
    ABSENT,
    IS_ASK,
    MAKER,
    NOW_S,
    PERP,
    TAKER,
    deposit,
    kinds,
    order,
    refused,
    rest,
    run,
)
from tests.strategies import CONFIG_HASH, GOVERNANCE


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(1, 30)), unique=True))
def test_the_heap_gives_duties_in_order_after_any_removals(keys):
    state = genesis(CONFIG_HASH, GOVERNANCE)
    for key in keys:
        duties.push(state, Duty(*key))
    for due_s, kind, ref in keys[::3]:
        duties.remove(state, due_s, DutyKind(kind), ref)
    left = sorted(set(keys) - set(keys[::3]))
    assert state.header.duty_count == len(left)
    assert [duties.pop(state) for _ in left] == left


def test_an_expired_order_is_cancelled_before_anything_else(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, MAKER, 100, 5, flags=IS_ASK, expiry_s=NOW_S + 10)
    run(state, op.AdvanceTime(now_s=NOW_S + 9))
    assert refused(state, op.RunDuties()) == ErrorCode.NO_DUTY_DUE
    run(state, op.AdvanceTime(now_s=NOW_S + 10))
    for other in (
        order(TAKER, 100, 1),
        op.AdvanceTime(now_s=NOW_S + 11),
        deposit(TAKER),
        op.Cancel(market=1, account=MAKER, order_id=order_id, slot=slot),
    ):
        assert refused(state, other) == ErrorCode.DUTY_PENDING
    assert refused(state, op.Continue()) == ErrorCode.NOTHING_TO_CONTINUE
    (event,) = run(state, op.RunDuties())
    assert event.values[:4] == (order_id, slot, 5, Reason.EXPIRED)
    assert state.account(MAKER).locked[1] == 0
    check_all(state)
    run(state, op.SealBatch())


def test_a_batch_may_end_between_duties_but_not_within_work(spot_and_perp):
    state = spot_and_perp
    for i in range(MAX_STEPS + 1):
        rest(state, MAKER, 100 + i, 1, flags=IS_ASK, market=PERP, expiry_s=NOW_S + 10)
    run(state, op.CancelAll(account=MAKER))
    assert refused(state, op.SealBatch()) == ErrorCode.CONTINUATION_PENDING
    run(state, op.Continue())
    rest(state, MAKER, 100, 1, flags=IS_ASK, market=PERP, expiry_s=NOW_S + 10)
    run(state, op.AdvanceTime(now_s=NOW_S + 10))
    assert kinds(run(state, op.SealBatch())) == [EventKind.BATCH_SEALED]
    assert refused(state, deposit(TAKER)) == ErrorCode.DUTY_PENDING
    assert kinds(run(state, op.RunDuties())) == [EventKind.CANCELLED]


def test_duties_run_in_order_of_time_and_64_at_a_time(spot_and_perp):
    state = spot_and_perp
    count = MAX_STEPS + 6
    for i in range(count):
        rest(state, MAKER, 100 + i, 1, flags=IS_ASK, market=PERP, expiry_s=NOW_S + count - i)
    run(state, op.AdvanceTime(now_s=NOW_S + count))
    events = run(state, op.RunDuties())
    assert kinds(events) == [EventKind.CANCELLED] * MAX_STEPS
    assert refused(state, deposit(TAKER)) == ErrorCode.DUTY_PENDING
    events += run(state, op.RunDuties())
    slots = [event.values[1] for event in events]
    assert slots == sorted(slots, reverse=True)
    assert state.account(MAKER).positions_used == 0
    check_all(state)


def test_an_order_that_ends_early_takes_its_duty_along(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 100, 5, flags=IS_ASK, expiry_s=NOW_S + 10)
    rest(state, MAKER, 101, 5, flags=IS_ASK, expiry_s=NOW_S + 10)
    run(state, order(TAKER, 100, 5), op.CancelAll(account=MAKER))
    assert state.header.duty_count == 0
    assert not any(True for subtree, _, _ in state.leaves() if subtree == 10)


def test_schedule_cancel_refusals(spot_and_perp):
    state = spot_and_perp
    absent = op.ScheduleCancel(account=ABSENT, at_s=0)
    assert refused(state, absent) == ErrorCode.UNKNOWN_ACCOUNT
    soon = op.ScheduleCancel(account=MAKER, at_s=NOW_S + DEADMAN_MIN_S - 1)
    assert refused(state, soon) == ErrorCode.SCHEDULE_TOO_SOON
    state.header.duty_count = DUTY_CAPACITY
    later = op.ScheduleCancel(account=MAKER, at_s=NOW_S + DEADMAN_MIN_S)
    assert refused(state, later) == ErrorCode.DUTY_QUEUE_FULL


def test_a_scheduled_cancel_can_move_and_be_cleared(spot_and_perp):
    state = spot_and_perp
    for at_s in (NOW_S + 10, NOW_S + 20):
        (event,) = run(state, op.ScheduleCancel(account=MAKER, at_s=at_s))
        assert (event.kind, event.values[0]) == (EventKind.CANCEL_SCHEDULED, at_s)
        assert state.duties.entries == [Duty(at_s, DutyKind.DEADMAN, MAKER)]
    for _ in range(2):
        (event,) = run(state, op.ScheduleCancel(account=MAKER, at_s=0))
        assert event.values[0] == 0
        assert state.duties.entries == []
    check_all(state)


def test_a_full_heap_still_lets_a_scheduled_cancel_move(spot_and_perp):
    state = spot_and_perp
    run(state, op.ScheduleCancel(account=MAKER, at_s=NOW_S + 10))
    state.header.duty_count = DUTY_CAPACITY
    run(state, op.ScheduleCancel(account=MAKER, at_s=NOW_S + 20))


def test_the_dead_man_switch_cancels_all_orders_of_its_account_only(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 100, 5, flags=IS_ASK)
    rest(state, MAKER, 100, 5, market=PERP, expiry_s=NOW_S + 50)
    rest(state, MAKER + 1, 99, 5)
    run(state, op.ScheduleCancel(account=MAKER, at_s=NOW_S + 10))
    run(state, op.AdvanceTime(now_s=NOW_S + 10))
    events = run(state, op.RunDuties())
    expected = [EventKind.DEADMAN_FIRED, EventKind.CANCELLED, EventKind.CANCELLED]
    assert kinds(events) == expected
    assert {event.values[3] for event in events[1:]} == {Reason.DEADMAN}
    assert state.account(MAKER).deadman_s == 0
    assert state.account(MAKER + 1).order_count == 1
    check_all(state)


def test_the_dead_man_switch_continues_and_other_duties_follow(spot_and_perp):
    state = spot_and_perp
    for i in range(MAX_STEPS + 5):
        rest(state, MAKER, 100 + i, 1, flags=IS_ASK)
    rest(state, TAKER, 90, 1, expiry_s=NOW_S + 11)
    run(state, op.ScheduleCancel(account=MAKER, at_s=NOW_S + 10))
    run(state, op.AdvanceTime(now_s=NOW_S + 12))
    events = run(state, op.RunDuties())
    assert kinds(events)[0] == EventKind.DEADMAN_FIRED
    assert kinds(events).count(EventKind.CANCELLED) == MAX_STEPS - 1
    assert kinds(events)[-1] == EventKind.CONTINUED
    assert refused(state, op.RunDuties()) == ErrorCode.CONTINUATION_PENDING
    assert len(run(state, op.Continue())) == 6
    assert refused(state, deposit(TAKER)) == ErrorCode.DUTY_PENDING
    assert kinds(run(state, op.RunDuties())) == [EventKind.CANCELLED]
    check_all(state)


def test_a_switch_that_fires_with_the_last_step_continues_from_the_first_order(spot_and_perp):
    state = spot_and_perp
    for i in range(MAX_STEPS - 1):
        rest(state, TAKER, 90 - i % 5, 1, expiry_s=NOW_S + 5)
    rest(state, MAKER, 100, 1, flags=IS_ASK)
    run(state, op.ScheduleCancel(account=MAKER, at_s=NOW_S + 5))
    run(state, op.AdvanceTime(now_s=NOW_S + 5))
    events = run(state, op.RunDuties())
    assert kinds(events)[-2:] == [EventKind.DEADMAN_FIRED, EventKind.CONTINUED]
    assert kinds(run(state, op.Continue())) == [EventKind.CANCELLED]
    check_all(state)
