"""REDEEM and its payment: the lock-up, the price of the day, and what postpones it."""

from dataclasses import replace

import pytest

from offchain.spec import op, redemptions
from offchain.spec.book_records import Duty, Order
from offchain.spec.constants import (
    DUTY_CAPACITY,
    FUND_MIN_AMOUNT,
    FUND_RETRY_S,
    ORDER_CAPACITY,
    SHARE_PRICE_ONE_E8,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import DutyKind, EventKind, OrderFlag
from offchain.spec.op import TIME_LIMIT
from offchain.spec.records import Position
from offchain.spec.state import position_index
from tests.spec.fund_support import (
    BUCKET,
    FUND,
    INVESTOR,
    LEADER,
    LOCKUP_S,
    NEXT_BUCKET,
    SEED,
    SHARES,
    TRADER,
    fund_exchange,
    open_long,
    pass_lockup,
    redeem,
    shares_of,
    to_bucket,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import advance, reprice
from tests.spec.support import ABSENT, FINE, PERP, kinds, only, refused, rest, run

MILLION = 10**6
OPEN = 2 * MILLION  # lots that a bucket of 2,000 quote tokens buys for as much
HALF = SEED // 2


@pytest.fixture
def state():
    return fund_exchange()


def payment(events):
    (event,) = only(events, EventKind.SHARES_BURNED)
    return event


def postponed(events):
    (event,) = only(events, EventKind.REDEMPTION_POSTPONED)
    return event


def fund_duties(state):
    return [duty for duty in state.duties.entries if duty.kind == DutyKind.REDEEM]


# --- REDEEM --------------------------------------------------------------------------------


def test_shares_wait_for_their_lock_up(state):
    due_s = state.header.now_s + LOCKUP_S
    (event,) = run(state, redeem(HALF))
    slot = event.values[3]
    assert (event.kind, event.account) == (EventKind.SHARES_QUEUED, INVESTOR)
    assert event.values == (FUND, HALF, due_s, slot, 0, 0)
    assert state.orders.read(slot) == Order(
        owner=INVESTOR, level=FUND, remaining_lots=HALF, attributes=OrderFlag.REDEMPTION
    )
    assert fund_duties(state) == [Duty(due_s, DutyKind.REDEEM, slot)]
    record = state.funds.read(FUND)
    assert (record.total_shares, record.queued_shares) == (2 * SEED, HALF)
    assert shares_of(state, INVESTOR) == HALF
    assert state.account(INVESTOR).order_count == 0
    check_all(state)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": ABSENT}, E.UNKNOWN_ACCOUNT),
        ({"fund": FUND + 1}, E.UNKNOWN_FUND),
        ({"shares": 0}, E.INVALID_AMOUNT),
        ({"shares": VALUE_LIMIT}, E.INVALID_AMOUNT),
        ({"account": TRADER}, E.INSUFFICIENT_BALANCE),
        ({"shares": SEED + 1}, E.INSUFFICIENT_BALANCE),
        ({"shares": FUND_MIN_AMOUNT - 1}, E.INVALID_AMOUNT),
        ({"shares": FUND_MIN_AMOUNT}, E.OK),
    ],
)
def test_a_redemption_is_checked(state, changes, code):
    assert refused(state, replace(redeem(), **changes)) == code


def test_the_last_few_shares_are_redeemed_together(state):
    run(state, redeem(SEED - 5))
    assert refused(state, redeem(4)) == E.INVALID_AMOUNT
    assert refused(state, redeem(5)) == E.OK


def test_the_leader_keeps_a_twentieth_unless_he_goes_last(state):
    # 1/20 of what is left when x of his 10^11 are gone: 10^11 - x >= (2 x 10^11 - x) / 20.
    most = SEED * 18 // 19
    assert refused(state, redeem(most + 1, LEADER)) == E.LEADER_SHARE
    assert refused(state, redeem(most, LEADER)) == E.OK
    run(state, redeem(SEED))
    leaders = shares_of(state, LEADER)
    assert refused(state, redeem(leaders, LEADER)) == E.OK


def test_a_redemption_needs_an_order_slot_and_a_duty(state):
    state.header.orders_used = ORDER_CAPACITY - 1
    assert refused(state, redeem()) == E.BOOK_FULL
    state.header.orders_used = 0
    state.header.duty_count = DUTY_CAPACITY
    assert refused(state, redeem()) == E.DUTY_QUEUE_FULL


def test_no_lookup_takes_a_redemption_for_an_order(state):
    (event,) = run(state, redeem())
    slot = event.values[3]
    for order_id in (0, 2):
        cancel = op.Cancel(market=order_id, account=INVESTOR, order_id=order_id, slot=slot)
        assert refused(state, cancel) == E.UNKNOWN_ORDER
    by_client_id = op.CancelByClientId(account=INVESTOR, client_id_low=1)
    assert refused(state, by_client_id) == E.UNKNOWN_CLIENT_ID


# --- payment -------------------------------------------------------------------------------


def test_a_redemption_is_paid_at_the_price_of_the_day(state):
    open_long(state, OPEN)
    run(state, redeem(HALF))
    before = state.account(INVESTOR).free[0]
    event = payment(pass_lockup(state, 1_020))
    value = 2 * SEED + OPEN * 20 * 100
    amount = HALF * value // (2 * SEED)
    assert event.account == INVESTOR
    assert event.values == (FUND, HALF, amount, value, 2 * SEED - HALF, 0)
    assert state.account(INVESTOR).free[0] == before + amount
    record = state.funds.read(FUND)
    assert (record.total_shares, record.queued_shares) == (2 * SEED - HALF, 0)
    assert fund_duties(state) == []
    check_all(state)


def test_who_leaves_gets_the_lower_price(state):
    open_long(state, OPEN)
    run(state, redeem(HALF))
    advance(state, LOCKUP_S - 2)
    reprice(state)
    state.edit_market_risk(PERP).mark_price = 1_010
    assert payment(advance(state, 1)).values[3] == 2 * SEED


def test_everybody_leaves(state):
    run(state, redeem(), redeem(account=LEADER))
    state.funds.edit(FUND).high_water_e8 = 5 * SHARE_PRICE_ONE_E8
    first, second = only(advance(state, LOCKUP_S), EventKind.SHARES_BURNED)
    assert first.values[4] == SEED
    assert (second.values[2], second.values[4]) == (SEED, 0)
    record = state.funds.read(FUND)
    assert (record.total_shares, record.high_water_e8) == (0, SHARE_PRICE_ONE_E8)
    assert SHARES + 1 not in state.account(INVESTOR).asset_ids
    assert state.account(BUCKET).free[0] == 0
    check_all(state)


def test_the_fee_is_taken_before_a_payment():
    state = fund_exchange(fee_ppm=200_000)
    run(state, redeem())
    state.edit_account(BUCKET).free[0] += SEED // 2
    events = advance(state, LOCKUP_S)
    fee, value = 2 * SEED // 25, SEED * 5 // 2
    assert kinds(events[-2:]) == [EventKind.SHARES_MINTED, EventKind.SHARES_BURNED]
    assert events[-2].values == (FUND, 0, fee, value, 2 * SEED + fee, 0)
    assert payment(events).values[2] == SEED * value // (2 * SEED + fee)


def test_a_worthless_fund_pays_nothing(state):
    run(state, redeem())
    state.edit_account(BUCKET).free[0] = 0
    assert payment(advance(state, LOCKUP_S)).values[2:4] == (0, 0)


def test_each_payment_is_the_only_duty_of_its_op(state):
    run(state, redeem(HALF), redeem(HALF), op.ScheduleCancel(account=TRADER, at_s=1_009))
    run(state, op.AdvanceTime(now_s=state.header.now_s + 2 * LOCKUP_S))
    # The minute of the market and the scheduled cancel come first.
    assert only(run(state, op.RunDuties()), EventKind.SHARES_BURNED) == []
    for _ in range(2):
        assert kinds(run(state, op.RunDuties())) == [EventKind.SHARES_BURNED]


# --- buckets pay in their order ----------------------------------------------------------------


def test_the_next_bucket_pays_what_the_first_does_not_have(state):
    run(state, to_bucket(SEED * 3 // 2), redeem())
    assert payment(advance(state, LOCKUP_S)).values[2] == SEED
    assert state.account(BUCKET).free[0] == 0
    assert state.account(NEXT_BUCKET).free[0] == SEED
    check_all(state)


def test_a_bucket_keeps_what_backs_its_positions(state):
    run(state, to_bucket(SEED))
    # 8,000 quote tokens of notional: a tenth of it stays.
    open_long(state, 8 * MILLION)
    run(state, redeem())
    payment(pass_lockup(state))
    assert state.account(BUCKET).free[0] == SEED * 8 // 10
    assert state.account(NEXT_BUCKET).free[0] == SEED * 2 // 10


def test_a_bucket_with_orders_at_an_old_mark_pays_nothing(state):
    run(state, to_bucket(SEED))
    rest(state, BUCKET, 990, 1_000, market=PERP)
    run(state, redeem(HALF))
    payment(advance(state, LOCKUP_S))
    assert state.account(BUCKET).free[0] == SEED
    assert state.account(NEXT_BUCKET).free[0] == HALF


# --- what postpones ----------------------------------------------------------------------------


def test_a_redemption_without_a_price_is_postponed(state):
    open_long(state, OPEN)
    run(state, redeem(HALF))
    before = state.funds.read(FUND).to_bytes()
    (slot,) = [duty.ref for duty in fund_duties(state)]
    event = postponed(advance(state, LOCKUP_S))
    assert (event.account, event.values) == (INVESTOR, (FUND, HALF, E.STALE_PRICE, slot, 0, 0))
    assert state.funds.read(FUND).to_bytes() == before
    assert fund_duties(state) == [Duty(state.header.now_s + FUND_RETRY_S, DutyKind.REDEEM, slot)]
    check_all(state)
    advance(state, FUND_RETRY_S - 2)
    reprice(state)
    assert payment(advance(state, 1)).values[2] == HALF


def test_a_redemption_that_the_buckets_cannot_pay_is_postponed():
    state = fund_exchange(fee_ppm=200_000)
    run(state, to_bucket(SEED))
    open_long(state, 9 * MILLION)
    open_long(state, 9 * MILLION, account=NEXT_BUCKET)
    run(state, redeem())
    event = postponed(pass_lockup(state, 1_010))
    # There would be a fee on the rise: it is postponed too.
    assert event.values[2] == E.INSUFFICIENT_BALANCE
    assert state.funds.read(FUND).total_shares == 2 * SEED


def test_a_redemption_that_the_owner_has_no_room_for_is_postponed(state):
    run(state, redeem())
    state.edit_account(INVESTOR).free[0] = VALUE_LIMIT - SEED
    assert postponed(advance(state, LOCKUP_S)).values[2] == E.BALANCE_TOO_LARGE


def test_a_fund_of_too_many_positions_postpones(state):
    run(state, redeem())
    for number in range(1, 8):
        run(state, to_bucket(10, target=BUCKET + number))
    for number in range(57):
        bucket, k = BUCKET + number // 8, number % 8
        state.positions.replace(position_index(bucket, k), Position(FINE + 1, size_lots=1))
    assert postponed(advance(state, LOCKUP_S)).values[2] == E.FUND_TOO_WIDE


def test_a_duty_has_a_time(state):
    (event,) = run(state, redeem())
    state.header.now_s = TIME_LIMIT - 1
    assert redemptions.schedule(state, event.values[3], after_s=LOCKUP_S) == TIME_LIMIT
