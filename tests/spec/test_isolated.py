"""SET_LEVERAGE, MOVE_MARGIN and positions that stand on their own margin.

A lot at price 1,000 is 1,000 micro = 100,000 quote units. Margins of PERP: 10 %, 5 %, 2.5 %.
"""

import pytest

from offchain.spec import margin, op, positions, risk_op
from offchain.spec.constants import POSITIONS_PER_ACCOUNT, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, EventKind, MarginMode, MarketKind, PlaceFlag, Reason
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    margined_exchange,
    market_prices,
    market_risk,
    reprice,
)
from tests.spec.support import (
    ABSENT,
    FINE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    SPOT,
    TAKER,
    UNITS,
    kinds,
    order,
    refused,
    rest,
    run,
    set_fees,
    trade,
)
from tests.strategies import market_op

ISOLATED = MarginMode.ISOLATED
MILLION = 10**6
TOKEN = 10**8  # quote units


@pytest.fixture
def state():
    return margined_exchange()


def set_leverage(account=TAKER, market=PERP, **fields):
    return risk_op.SetLeverage(market=market, account=account, **fields)


def move(amount, account=TAKER, market=PERP, **fields):
    return risk_op.MoveMargin(market=market, account=account, amount=amount, **fields)


def isolate(state, tokens=200, lots=MILLION):
    """Let TAKER be long 10^6 lots (1,000 tokens) on `tokens` of its own margin."""
    run(state, set_leverage(mode=ISOLATED), move(tokens * TOKEN))
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=lots, market=PERP)


def record(state, account=TAKER):
    return state.positions.read(positions.find(state, account, PERP))


# --- SET_LEVERAGE --------------------------------------------------------------------------


def test_leverage_opens_a_record_that_stays(state):
    (event,) = run(state, set_leverage(leverage=20, mode=ISOLATED))
    assert (event.kind, event.market, event.account) == (EventKind.LEVERAGE_SET, PERP, TAKER)
    assert event.values[:2] == (20, ISOLATED)
    assert (record(state).leverage, record(state).mode) == (20, ISOLATED)
    assert state.account(TAKER).positions_used == 1
    assert state.account(TAKER).flags & AccountFlag.SWEPT
    # A position that comes and goes leaves it as it is.
    run(state, set_leverage(leverage=20))
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=1, market=PERP)
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=1, market=PERP)
    assert record(state).leverage == 20
    assert state.account(MAKER).positions_used == 0
    check_all(state)


def test_leverage_zero_of_an_empty_cross_record_gives_it_back(state):
    run(state, set_leverage(leverage=20))
    run(state, set_leverage())
    assert state.account(TAKER).positions_used == 0
    # Also of an account that had none: it stays in the ring until the sweep comes.
    run(state, set_leverage(account=MAKER))
    assert state.account(MAKER).positions_used == 0
    assert state.account(MAKER).flags & AccountFlag.SWEPT
    check_all(state)


def test_leverage_is_refused(state):
    assert refused(state, set_leverage(account=ABSENT)) == ErrorCode.UNKNOWN_ACCOUNT
    for market in (SPOT, FINE, 999, 1_024):
        assert refused(state, set_leverage(market=market)) == ErrorCode.UNKNOWN_MARKET
    assert refused(state, set_leverage(leverage=101)) == ErrorCode.INVALID_LEVERAGE
    assert refused(state, set_leverage(leverage=100)) == ErrorCode.OK


def test_the_mode_of_a_position_or_of_orders_stays(state):
    rest(state, TAKER, 990, 1, market=PERP)
    assert refused(state, set_leverage(mode=ISOLATED)) == ErrorCode.POSITION_OPEN
    run(state, op.CancelAll(account=TAKER))
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=1, market=PERP)
    assert refused(state, set_leverage(mode=ISOLATED)) == ErrorCode.POSITION_OPEN
    assert refused(state, set_leverage(leverage=3)) == ErrorCode.OK


def test_leverage_needs_a_record(state):
    for market in range(10, 10 + POSITIONS_PER_ACCOUNT):
        run(state, market_op(market, MarketKind.PERP, sz_decimals=3))
        rest(state, TAKER, 990, 1, market=market)
    assert refused(state, set_leverage(leverage=3)) == ErrorCode.POSITIONS_FULL
    assert refused(state, set_leverage()) == ErrorCode.POSITIONS_FULL


def test_less_leverage_needs_more_margin(state):
    # 6 x 10^7 lots are 60,000 tokens: 166,667 ppm are more than TAKER's 10,000, a seventh is not.
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=6 * 10**7, market=PERP)
    assert refused(state, set_leverage(leverage=6)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, set_leverage(leverage=7)) == ErrorCode.OK
    # Orders count as if they were filled: MAKER_SUB's bid of 20,000 tokens needs 2,500 at 8.
    rest(state, MAKER_SUB, 990, 20 * MILLION, market=PERP)
    assert refused(state, set_leverage(account=MAKER_SUB, leverage=7)) != ErrorCode.OK
    assert refused(state, set_leverage(account=MAKER_SUB, leverage=8)) == ErrorCode.OK


def test_leverage_of_a_position_needs_no_fresh_mark(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=MILLION, market=PERP)
    advance(state, 61)
    assert refused(state, set_leverage(leverage=2)) == ErrorCode.OK


# --- MOVE_MARGIN ---------------------------------------------------------------------------


def test_margin_moves_in_and_out(state):
    run(state, set_leverage(mode=ISOLATED))
    (event,) = run(state, move(500))
    assert (event.kind, event.market, event.account) == (EventKind.MARGIN_MOVED, PERP, TAKER)
    assert event.values[:2] == (500, 500)
    (event,) = run(state, move(200, out=1))
    assert event.values[:2] == (-200, 300)
    assert (state.account(TAKER).free[0], record(state).isolated_margin) == (UNITS - 300, 300)
    check_all(state)


def test_margin_is_refused(state):
    assert refused(state, move(1, account=ABSENT)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(state, move(1, market=FINE)) == ErrorCode.UNKNOWN_MARKET
    assert refused(state, move(0)) == ErrorCode.INVALID_AMOUNT
    assert refused(state, move(VALUE_LIMIT)) == ErrorCode.INVALID_AMOUNT
    assert refused(state, move(1)) == ErrorCode.NOT_ISOLATED
    run(state, set_leverage(leverage=3))
    assert refused(state, move(1)) == ErrorCode.NOT_ISOLATED
    run(state, set_leverage(mode=ISOLATED))
    assert refused(state, move(UNITS + 1)) == ErrorCode.INSUFFICIENT_BALANCE
    assert refused(state, move(1, out=1)) == ErrorCode.INSUFFICIENT_BALANCE
    advance(state, 61)
    assert refused(state, move(UNITS + 1)) == ErrorCode.INSUFFICIENT_BALANCE
    assert refused(state, move(1)) == ErrorCode.STALE_PRICE


def test_margin_that_the_position_needs_stays(state):
    isolate(state)
    # 1,000 tokens of value: a tenth must stay.
    assert refused(state, move(100 * TOKEN + 100, out=1)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, move(100 * TOKEN, out=1)) == ErrorCode.OK


def test_a_tenth_of_the_value_stays_whatever_the_initial_margin(state):
    isolate(state)
    run(state, market_risk(initial_ppm=50_000))
    assert refused(state, move(100 * TOKEN + 100, out=1)) == ErrorCode.INSUFFICIENT_MARGIN
    run(state, market_risk(initial_ppm=150_000))
    assert refused(state, move(50 * TOKEN + 100, out=1)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, move(50 * TOKEN, out=1)) == ErrorCode.OK


def test_a_profit_that_is_not_realised_frees_its_margin_only(state):
    isolate(state)
    reprice(state, 1_090)
    # TAV 200 + 90, value 1,090: 181 may go, of the margin of 200.
    assert refused(state, move(181 * TOKEN + 100, out=1)) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, move(201 * TOKEN, out=1)) == ErrorCode.INSUFFICIENT_BALANCE
    assert refused(state, move(181 * TOKEN, out=1)) == ErrorCode.OK


def test_margin_that_other_positions_need_does_not_move_in(state):
    run(state, set_leverage(account=MAKER_SUB, mode=ISOLATED))
    run(state, market_prices(FINE), market_risk(FINE))
    reprice(state, market=FINE)
    reprice(state)
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=20 * MILLION, market=FINE)
    # 2,000 of 2,500 tokens are needed there.
    too_much = move(500 * TOKEN + 100, account=MAKER_SUB)
    assert refused(state, too_much) == ErrorCode.INSUFFICIENT_MARGIN
    assert refused(state, move(500 * TOKEN, account=MAKER_SUB)) == ErrorCode.OK
    check_all(state)


# --- life of an isolated position ----------------------------------------------------------


def test_an_isolated_position_counts_apart(state):
    isolate(state)
    reprice(state, 1_050)
    cross = margin.cross(state, TAKER)
    assert (cross.tav, cross.imr) == (9_800 * MILLION, 0)
    own = margin.isolated(state, margin.holding_of(state, TAKER, PERP))
    assert (own.tav, own.imr, own.mmr, own.cmr) == (
        250 * MILLION,
        105 * MILLION,
        52_500_000,
        26_250_000,
    )


def test_an_order_is_paid_by_its_own_margin(state):
    run(state, set_leverage(mode=ISOLATED), move(101 * TOKEN))
    # 10 % and 0.1 % of 1,000 tokens
    assert refused(state, order(TAKER, 1_000, MILLION + 1, market=PERP)) != ErrorCode.OK
    assert refused(state, order(TAKER, 1_000, MILLION, market=PERP)) == ErrorCode.OK


def test_profit_goes_to_the_margin_and_home_when_the_position_ends(state):
    isolate(state)
    trade(state, buyer=MAKER, seller=TAKER, price=1_010, size_lots=400_000, market=PERP)
    # 400 lots of 10^3 at 10 more: 4 tokens
    assert record(state).isolated_margin == 204 * TOKEN
    assert state.account(TAKER).free[0] == UNITS - 200 * TOKEN
    trade(state, buyer=MAKER, seller=TAKER, price=990, size_lots=600_000, market=PERP)
    assert record(state).isolated_margin == 0
    assert record(state).mode == ISOLATED
    assert state.account(TAKER).free[0] == UNITS + 4 * TOKEN - 6 * TOKEN
    check_all(state)


def test_margin_goes_home_with_the_last_order(state):
    run(state, set_leverage(mode=ISOLATED), move(101 * TOKEN))
    order_id, slot = rest(state, TAKER, 990, 10, market=PERP)
    run(state, op.Cancel(market=PERP, account=TAKER, order_id=order_id, slot=slot))
    assert (state.account(TAKER).free[0], record(state).isolated_margin) == (UNITS, 0)
    check_all(state)


def test_back_to_cross_gives_margin_and_record_back(state):
    run(state, set_leverage(mode=ISOLATED), move(101 * TOKEN))
    assert kinds(run(state, set_leverage())) == [EventKind.LEVERAGE_SET]
    assert state.account(TAKER).free[0] == UNITS
    assert state.account(TAKER).positions_used == 0
    check_all(state)


def test_fees_are_taken_from_the_margin(state):
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=1_000)
    isolate(state)
    assert record(state).isolated_margin == 199 * TOKEN
    check_all(state)


def test_an_isolated_loss_leaves_the_account_alone(state):
    """Bankrupt at 795, it may close at no price that makes the margin negative."""
    isolate(state, tokens=200)
    for price in (910, 830):
        reprice(state, price)
    rest(state, MAKER, 795, MILLION, market=PERP)
    sale = order(
        TAKER, 795, MILLION, market=PERP, flags=IS_ASK | PlaceFlag.REDUCE_ONLY, time_in_force=1
    )
    done = run(state, sale)[-1]
    assert (done.kind, done.values[3]) == (EventKind.DONE, Reason.MARGIN)
    assert state.account(TAKER).free[0] == UNITS - 200 * TOKEN
