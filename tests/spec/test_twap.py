"""TWAP: slices in time, what they catch up with, and how the whole ends."""

from dataclasses import replace

import pytest

from offchain.spec import duties, op
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import DutyKind, EventKind, MarketKind, OrderFlag, Reason
from offchain.spec.state import State
from tests.spec.condition_support import (
    IS_ASK,
    REDUCE_ONLY,
    bracket,
    condition_of,
    ioc,
    perp,
    placed,
    reasons,
    trigger,
    twap,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import PRICE, margined_exchange, market_risk, reprice
from tests.spec.support import MAKER, NOW_S, PERP, POOR, TAKER, kinds, only, refused, run
from tests.strategies import market_op

SLICE = op.RunDuties()


@pytest.fixture
def state() -> State:
    made = margined_exchange()
    run(made, perp(MAKER, size_lots=1_000, flags=IS_ASK))
    return made


def at(state: State, seconds: int):
    """Let seconds pass and run all duties; return the TWAP_SLICE and what follows it."""
    if seconds:
        run(state, op.AdvanceTime(now_s=state.header.now_s + seconds))
    events = []
    while duties.must_run(state):
        events += run(state, SLICE)
    check_all(state)
    [event] = only(events, EventKind.TWAP_SLICE)
    return event, events[events.index(event) + 1 :]


def test_even_slices_fill_the_whole(state):
    [event] = run(state, twap(client_id_low=9))
    order_id, slot = event.values[:2]
    assert event.values == (order_id, slot, 30, 3, 10, 20_000)
    assert state.orders.read(slot).attributes == OrderFlag.LINKED | OrderFlag.TWAP
    assert state.account(TAKER).positions_used == 0
    check_all(state)
    assert refused(state, op.AdvanceTime(now_s=state.header.now_s)) == E.DUTY_PENDING
    first, rest = at(state, 0)
    assert first.values == (order_id, order_id + 1024, 10, 1_020, 1, 0)
    assert kinds(rest)[-1] == EventKind.DONE
    assert rest[-1].values == (order_id + 1024, 10, 0, Reason.FILLED, 0, 0)
    assert refused(state, SLICE) == E.NO_DUTY_DUE
    at(state, 10)
    last, rest = at(state, 10)
    assert last.values[2:] == (10, 1_020, 3, 0)
    assert rest[-1].values == (order_id, 30, 0, Reason.FILLED, 9, 0)
    assert state.account(TAKER).order_count == 0


def test_what_does_not_divide_goes_to_later_slices(state):
    run(state, twap(size_lots=11, slices=4))
    sizes = [at(state, seconds)[0].values[2] for seconds in (0, 10, 10, 10)]
    assert sizes == [2, 3, 3, 3]


def test_missed_slices_are_caught_up_with_in_part(state):
    run(state, twap(size_lots=100, slices=10))
    at(state, 0)
    event, _ = at(state, 55)
    # Slices 2 to 6 have passed: 50 lots, of which three times ten at once.
    assert event.values[2:5] == (30, 1_020, 6)
    event, _ = at(state, 5)
    assert event.values[2:5] == (30, 1_020, 7)
    assert [duty.due_s for duty in state.duties.entries if duty.kind == DutyKind.TWAP] == [
        NOW_S + 1 + 70
    ]


def test_what_the_last_slice_cannot_trade_is_dropped(state):
    run(state, op.CancelAll(account=MAKER), perp(MAKER, size_lots=4, flags=IS_ASK))
    [(order_id, slot)] = placed(run(state, twap(slices=2)))
    _, rest = at(state, 0)
    assert rest[-1].values[1:4] == (4, 11, Reason.IOC)
    assert state.orders.read(slot).remaining_lots == 26
    _, rest = at(state, 10)
    assert rest[-1].values == (order_id, 4, 26, Reason.IOC, 0, 0)
    assert state.account(TAKER).order_count == 0


def test_a_slice_drops_the_rest_at_the_last_step(state):
    run(state, op.CancelAll(account=MAKER))
    for _ in range(MAX_STEPS + 1):
        run(state, perp(MAKER, size_lots=1, flags=IS_ASK))
    run(state, twap(size_lots=3 * (MAX_STEPS + 1)))
    _, rest = at(state, 0)
    assert rest[-1].values[1:4] == (MAX_STEPS, 1, Reason.IOC)
    assert state.header.pending.kind == 0


def test_a_slice_of_nothing_makes_no_order(state):
    [(_, slot)] = placed(run(state, twap()))
    at(state, 0)
    state.orders.edit(slot).remaining_lots = 10
    sequence = state.header.next_order_sequence
    event, rest = at(state, 10)
    assert event.values[1:3] == (0, 0)
    assert event.values[5] == 0
    assert rest == []
    assert state.header.next_order_sequence == sequence


def test_the_limit_is_within_slippage_and_band(state):
    run(state, market_risk(price_band_ppm=5_000), twap(flags=IS_ASK))
    event, _ = at(state, 0)
    assert event.values[3] == PRICE - 5


def test_a_slice_that_is_refused_is_tried_again_with_the_next(state):
    run(state, twap())
    halted = market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0)
    state.markets.edit(PERP).status = 0
    assert at(state, 0)[0].values[5] == E.MARKET_NOT_OPEN
    state.markets.edit(PERP).status = 1
    state.edit_market_risk(PERP).index_time_s -= 61
    assert at(state, 10)[0].values[1:] == (0, 20, 1_020, 2, E.STALE_PRICE)
    reprice(state)
    run(state, halted, market_op(PERP, MarketKind.PERP, sz_decimals=3))
    event, rest = at(state, 9)
    assert event.values[5] == E.MARKET_POST_ONLY
    assert rest[-1].values[1:4] == (0, 30, Reason.IOC)


def test_a_slice_has_the_checks_of_an_order(state):
    run(state, twap(account=POOR))
    assert at(state, 0)[0].values[5] == E.INSUFFICIENT_MARGIN
    run(state, twap(flags=REDUCE_ONLY))
    assert at(state, 0)[0].values[5] == E.REDUCE_ONLY_WOULD_INCREASE


def test_a_slice_is_the_only_duty_of_its_op(state):
    run(state, twap(account=TAKER))
    run(state, SLICE)
    run(state, twap(account=MAKER + 1), SLICE)
    [(_, slot)] = placed(run(state, trigger(900, expiry_s=NOW_S + 5)))
    run(state, op.AdvanceTime(now_s=NOW_S + 11))
    assert reasons(run(state, SLICE)) == [(slot, Reason.EXPIRED)]
    assert [len(only(run(state, SLICE), EventKind.TWAP_SLICE)) for _ in range(2)] == [1, 1]
    assert refused(state, SLICE) == E.NO_DUTY_DUE


def test_a_slice_wakes_the_bracket_of_its_maker(state):
    run(state, op.CancelAll(account=MAKER))
    flags = bracket().flags | IS_ASK
    sell = bracket(MAKER, flags=flags, take_profit=PRICE - 50, stop=PRICE - 5)
    run(state, sell, twap())
    events = run(state, SLICE)
    assert len(only(events, EventKind.TRIGGER_PLACED)) == 2
    assert state.header.trigger_market == PERP + 1
    assert kinds(run(state, SLICE))[0] == EventKind.TRIGGERED
    check_all(state)


def test_a_twap_is_cancelled_like_any_order(state):
    run(state, twap(client_id_low=9), SLICE)
    assert refused(state, twap(client_id_low=9)) == E.DUPLICATE_CLIENT_ID
    [event] = run(state, op.CancelByClientId(account=TAKER, client_id_low=9))
    assert event.values[2:] == (20, Reason.USER, 9, 0)
    assert all(duty.kind == DutyKind.MARKET_MINUTE for duty in state.duties.entries)
    check_all(state)


GOOD = twap()
BAD = [
    (replace(GOOD, account=32 * 50), E.UNKNOWN_ACCOUNT),
    (replace(GOOD, market=4), E.UNKNOWN_MARKET),
    (replace(GOOD, size_lots=2**40), E.INVALID_SIZE),
    (replace(GOOD, slices=1), E.INVALID_TWAP),
    (replace(GOOD, slices=2_881, size_lots=9_999), E.INVALID_TWAP),
    (replace(GOOD, interval_s=9), E.INVALID_TWAP),
    (replace(GOOD, interval_s=3_601), E.INVALID_TWAP),
    (replace(GOOD, size_lots=2), E.INVALID_TWAP),
    (replace(GOOD, slippage_ppm=100_001), E.INVALID_SLIPPAGE),
    (replace(GOOD, client_id_high=2**64 - 1), E.CLIENT_ID_OUT_OF_RANGE),
    (replace(GOOD, builder=1), E.UNKNOWN_BUILDER),
]


@pytest.mark.parametrize(("given", "code"), BAD, ids=lambda value: str(value)[:70])
def test_a_twap_is_refused(state, given, code):
    assert refused(state, given) == code


def test_a_twap_needs_a_market_a_mark_and_room(state):
    account, header = state.edit_account(TAKER), state.header
    state.markets.edit(PERP).min_size_lots = 11
    assert refused(state, GOOD) == E.INVALID_TWAP
    state.markets.edit(PERP).min_size_lots = 31
    assert refused(state, GOOD) == E.SIZE_BELOW_MINIMUM
    state.markets.edit(PERP).min_size_lots = 0
    state.edit_market_risk(PERP).mark_price = 2**31
    assert refused(state, replace(GOOD, size_lots=2**40 - 1)) == E.NOTIONAL_TOO_LARGE
    state.edit_market_risk(PERP).mark_price = PRICE
    account.order_count = 1_000
    assert refused(state, GOOD) == E.TOO_MANY_OPEN_ORDERS
    account.order_count = 0
    header.orders_used = 2**20 - 2
    assert refused(state, GOOD) == E.BOOK_FULL
    header.orders_used = 2**20 - 4
    header.duty_count = 2**20
    assert refused(state, GOOD) == E.DUTY_QUEUE_FULL
    state.edit_market_risk(PERP).index_time_s -= 61
    assert refused(state, GOOD) == E.STALE_PRICE
    state.markets.edit(PERP).status = 0
    assert refused(state, GOOD) == E.MARKET_NOT_OPEN


def test_while_the_sweep_is_late_only_reducing_ones_are_taken(state):
    run(state, ioc(TAKER, size_lots=50))
    state.header.swept_s = 0
    assert refused(state, GOOD) == E.SWEEP_LATE
    [(_, slot)] = placed(run(state, twap(flags=IS_ASK | REDUCE_ONLY)))
    assert condition_of(state, slot).lots == 30
