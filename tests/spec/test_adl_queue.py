"""The backstop in the takeover and the ranked queue of deleveraging.

MAKER_SUB holds 2,500 tokens and is long 24 x 10^6 lots at 1,000. Short are MAKER, 20 x 10^6, who
holds 7,500 tokens, and OTHER with 10 x 10^6 and 10,000 tokens. The insurance account has nothing.
"""

import pytest

from offchain.spec import adl_queue, fund_op, margin, op, ring, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT, MAX_STEPS
from offchain.spec.errors import ErrorCode as E
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation, EventKind, MarginMode, MarketRiskFlag
from offchain.spec.records import Position
from offchain.spec.state import create_account, position_index
from tests.spec.fund_support import BUCKET
from tests.spec.invariants import check_all
from tests.spec.risk_support import fund_insurance, margined_exchange, reprice
from tests.spec.support import (
    ABSENT,
    MAKER,
    MAKER_SUB,
    PERP,
    SPOT,
    TAKER,
    deposit,
    kinds,
    only,
    refused,
    run,
    trade,
)

MILLION = 10**6
TOKEN = 10**8
OTHER = 32 * 7
LEADER = 32 * 8
LOTS = 24 * MILLION
P0 = 896  # 900 - floor(100 x 10^6 / (24 x 10^6))
LIQUIDATE = risk_op.Liquidate(account=MAKER_SUB)
QUEUE = fund_op.AdminMarketWaterfall(market=PERP, flags=1)
NEXT = op.Continue()


def open_positions(*, is_long=True):
    """Return the exchange with a fund without positions and everybody else's opened."""
    state = margined_exchange()
    for account in (OTHER, LEADER):
        run(state, deposit(account))
    run(state, fund_op.CreateFund(account=LEADER, fee_ppm=0, lockup_s=3_600, amount=10**12))

    def open_position(holder, other, lots):
        buyer, seller = (holder, other) if is_long else (other, holder)
        trade(state, buyer=buyer, seller=seller, price=1_000, size_lots=lots, market=PERP)

    open_position(MAKER_SUB, MAKER, 20 * MILLION)
    open_position(MAKER_SUB, OTHER, 4 * MILLION)
    open_position(TAKER, OTHER, 6 * MILLION)
    return state


def scene(*ops, is_long=True):
    """Return the state in which MAKER_SUB is bankrupt enough for a takeover."""
    state = open_positions(is_long=is_long)
    run(state, *ops)
    for price in (940, 900) if is_long else (1_060, 1_100):
        reprice(state, price)
    return state


def size(state, account):
    return margin.holding_of(state, account, PERP).size_lots


# --- ADMIN_MARKET_WATERFALL ----------------------------------------------------------------


def test_governance_sets_backstop_and_queue():
    state = open_positions()
    waterfall = fund_op.AdminMarketWaterfall(market=PERP, account=BUCKET, flags=1)
    (event,) = run(state, waterfall)
    assert (event.kind, event.market, event.account) == (EventKind.WATERFALL_SET, PERP, BUCKET)
    assert event.values == (1, 0, 0, 0, 0, 0)
    risk = state.market_risk(PERP)
    assert risk.backstop_account == BUCKET
    assert risk.flags & MarketRiskFlag.ADL_QUEUE
    run(state, fund_op.AdminMarketWaterfall(market=PERP))
    assert state.market_risk(PERP).backstop_account == 0
    assert not state.market_risk(PERP).flags & MarketRiskFlag.ADL_QUEUE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"market": SPOT}, E.UNKNOWN_MARKET),
        ({"market": 1_024}, E.UNKNOWN_MARKET),
        ({"account": ABSENT}, E.UNKNOWN_ACCOUNT),
        ({"account": 2**22}, E.UNKNOWN_ACCOUNT),
        ({"account": MAKER}, E.UNKNOWN_ACCOUNT),
        ({"flags": 2}, E.INVALID_MARKET_PARAMETER),
        ({"account": BUCKET, "flags": 1}, E.OK),
    ],
)
def test_the_waterfall_is_checked(changes, code):
    waterfall = fund_op.AdminMarketWaterfall(**{"market": PERP, **changes})
    assert refused(open_positions(), waterfall) == code


# --- the backstop --------------------------------------------------------------------------


BACKSTOP = fund_op.AdminMarketWaterfall(market=PERP, account=BUCKET)


def test_the_backstop_takes_over_before_anybody_is_deleveraged():
    state = scene(BACKSTOP)
    events = run(state, LIQUIDATE)
    assert kinds(events) == [EventKind.LIQUIDATED, EventKind.POSITION, EventKind.POSITION]
    assert events[0].values == (LOTS, P0, 100 * MILLION, 1_080 * MILLION, 2, BUCKET)
    assert [event.account for event in events] == [MAKER_SUB, MAKER_SUB, BUCKET]
    assert (size(state, BUCKET), size(state, MAKER_SUB)) == (LOTS, 0)
    check_all(state)


def test_the_insurance_account_comes_first():
    state = open_positions()
    run(state, BACKSTOP)
    fund_insurance(state, 10**12)
    for price in (940, 900):
        reprice(state, price)
    assert run(state, LIQUIDATE)[0].values[5] == INSURANCE_ACCOUNT


def test_a_backstop_takes_what_its_own_bucket_carries():
    state = scene(BACKSTOP)
    # MMR is 1,080 tokens; at the mark the position brings 96 tokens.
    state.edit_account(BUCKET).free[0] = 984 * TOKEN - 100
    assert kinds(run(state, LIQUIDATE))[0] == EventKind.DELEVERAGED
    state = scene(BACKSTOP)
    state.edit_account(BUCKET).free[0] = 984 * TOKEN
    assert kinds(run(state, LIQUIDATE))[0] == EventKind.LIQUIDATED


def test_a_backstop_does_not_back_itself():
    state = open_positions()
    run(state, BACKSTOP)
    trade(state, buyer=BUCKET, seller=MAKER, price=1_000, size_lots=LOTS, market=PERP)
    state.edit_account(BUCKET).free[0] = 2_500 * TOKEN
    for price in (940, 900):
        reprice(state, price)
    run(state, QUEUE)
    state.edit_market_risk(PERP).backstop_account = BUCKET
    events = run(state, risk_op.Liquidate(account=BUCKET))
    assert kinds(events) == [EventKind.CONTINUED]


# --- the queue -----------------------------------------------------------------------------


def test_the_queue_is_a_continuation():
    state = scene(QUEUE)
    (event,) = run(state, LIQUIDATE)
    assert (event.kind, event.market, event.account) == (EventKind.CONTINUED, PERP, MAKER_SUB)
    assert event.values[0] == Continuation.ADL_QUEUE
    assert state.header.pending == PendingWork(
        kind=Continuation.ADL_QUEUE,
        account=MAKER_SUB,
        market=PERP,
        limit_price=P0,
        remaining_lots=LOTS,
        cursor_slot=state.header.sweep_head,
    )
    assert refused(state, LIQUIDATE) == E.CONTINUATION_PENDING


def test_who_gains_most_with_most_leverage_gives_first():
    state = scene(QUEUE)
    run(state, LIQUIDATE)
    events = run(state, NEXT)
    assert kinds(events) == [
        EventKind.DELEVERAGED,
        EventKind.POSITION,
        EventKind.POSITION,
        EventKind.CONTINUED,
    ]
    assert [event.account for event in events] == [MAKER, MAKER_SUB, MAKER, MAKER_SUB]
    assert events[0].values == (20 * MILLION, P0, 0, 0, 0, 0)
    # 104 price units a lot, which one side has lost and the other gained.
    gain = 20 * MILLION * 104 * 100
    assert events[1].values[:3] == (4 * MILLION, 4 * MILLION * 10**5, -gain)
    assert events[2].values[:3] == (0, 0, gain)
    pending = state.header.pending
    assert (pending.remaining_lots, pending.cursor_slot) == (4 * MILLION, state.header.sweep_head)
    assert (pending.client_id_low, pending.client_id_high) == (0, 0)
    events = run(state, NEXT)
    assert kinds(events) == [EventKind.DELEVERAGED, EventKind.POSITION, EventKind.POSITION]
    assert (events[0].account, events[0].values[0]) == (OTHER, 4 * MILLION)
    assert state.header.pending == PendingWork()
    assert (size(state, MAKER_SUB), size(state, OTHER)) == (0, -6 * MILLION)
    assert state.account(MAKER_SUB).positions_used == 0
    check_all(state)


def test_longs_give_when_a_short_ends():
    state = scene(QUEUE, is_long=False)
    run(state, LIQUIDATE)
    events = run(state, NEXT)
    assert events[0].values == (20 * MILLION, 1_104, 0, 0, 0, 1)
    assert (size(state, MAKER), size(state, MAKER_SUB)) == (0, -4 * MILLION)
    run(state, NEXT)
    check_all(state)


def test_a_rank_is_profit_times_leverage():
    state = scene(QUEUE)
    ratio = 2**20 // 10  # 2,000 of 20,000 tokens, and 1,000 of 10,000
    leverage = 18_000 * 2**20 // 9_500
    assert adl_queue.rank(state, MAKER, margin.holding_of(state, MAKER, PERP)) == ratio * leverage
    assert adl_queue.rank(state, TAKER, margin.holding_of(state, TAKER, PERP)) == 0
    # Nothing but its profit backs an isolated position: a ninth of its value.
    holding = margin.Holding(
        market=PERP, mode=MarginMode.ISOLATED, size_lots=-MILLION, cost=-(10**11), isolated_margin=0
    )
    assert adl_queue.rank(state, LEADER, holding) == ratio * (9 * 2**20)


def test_a_ratio_is_capped():
    state = scene(QUEUE)
    holding = margin.Holding(market=PERP, size_lots=2**39, cost=0)
    worth = 2**39 * 900
    leverage = worth * 2**20 // (10_000 * MILLION + worth)
    assert adl_queue.rank(state, TAKER, holding) == (2**31 - 1) * leverage


def test_an_account_beyond_its_bounds_is_passed_over():
    state = scene(QUEUE)
    run(state, LIQUIDATE)
    state.edit_account(MAKER).free[0] = 2**61
    assert run(state, NEXT)[0].account == OTHER


def test_nobody_else_in_the_ring_is_no_queue():
    state = scene(QUEUE)
    state.header.sweep_head = MAKER_SUB
    state.edit_account(MAKER_SUB).sweep_next = 0
    # The insurance account takes over, whatever its margin.
    assert run(state, LIQUIDATE)[0].values[5] == INSURANCE_ACCOUNT


def crowd(state):
    """Let more accounts into the ring than one op looks at, all before the others."""
    for number in range(MAX_STEPS + 6):
        account = 32 * (100 + number)
        create_account(state, account, b"\x05" * 20)
        state.positions.replace(position_index(account, 0), Position(PERP + 1, leverage=1))
        state.edit_account(account).positions_used = 1
        ring.enter(state, account)


def test_a_long_ring_takes_several_ops():
    state = scene(QUEUE)
    crowd(state)
    run(state, LIQUIDATE)
    (event,) = run(state, NEXT)
    assert event.kind == EventKind.CONTINUED
    assert state.header.pending.cursor_slot == 32 * 105
    assert run(state, NEXT)[0].account == MAKER


def no_one_left(state):
    """Take the lots of the shorts away without a trace."""
    for account in (MAKER, OTHER):
        state.positions.edit(position_index(account, 0)).size_lots = 0


def test_the_insurance_account_takes_what_nobody_gives_for():
    state = scene(QUEUE)
    run(state, LIQUIDATE)
    no_one_left(state)
    events = run(state, NEXT)
    assert kinds(events) == [EventKind.LIQUIDATED, EventKind.POSITION, EventKind.POSITION]
    assert events[0].values == (LOTS, P0, 100 * MILLION, 1_080 * MILLION, 2, INSURANCE_ACCOUNT)
    assert state.header.pending == PendingWork()


def test_a_sweep_goes_on_when_nobody_takes_a_position():
    state = scene(QUEUE)
    while not state.header.pending.kind:
        run(state, risk_op.Sweep())
    assert state.header.sweep_cursor == MAKER_SUB
    no_one_left(state)
    state.edit_account(INSURANCE_ACCOUNT).positions_used = 16
    next_account = state.account(MAKER_SUB).sweep_next
    events = run(state, NEXT)
    assert only(events, EventKind.LIQUIDATED) == []
    assert state.header.sweep_cursor == next_account
    assert state.header.pending == PendingWork()
