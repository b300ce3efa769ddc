"""Position arithmetic: profit, cost, rounding, open interest."""

from hypothesis import given
from hypothesis import strategies as st

from offchain.spec import positions
from offchain.spec.kinds import EventKind
from tests.spec.invariants import check_all
from tests.spec.support import (
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    TAKER,
    UNITS,
    only,
    order,
    rest,
    run,
    trade,
)

LOTS = st.integers(1, 10**6)
PRICES = st.integers(1, 10**9)


def test_opening_and_adding_only_add_cost():
    assert positions.after_fill(0, 0, 5, 500) == (5, 500, 0)
    assert positions.after_fill(5, 500, 3, 330) == (8, 830, 0)
    assert positions.after_fill(0, 0, -5, 500) == (-5, -500, 0)
    assert positions.after_fill(-5, -500, -3, 330) == (-8, -830, 0)


def test_closing_realises_the_difference():
    assert positions.after_fill(5, 500, -5, 600) == (0, 0, 100)
    assert positions.after_fill(-5, -500, 5, 600) == (0, 0, -100)


def test_a_partial_close_rounds_the_released_cost_up():
    assert positions.after_fill(3, 100, -1, 40) == (2, 66, 40 - 34)
    assert positions.after_fill(-3, -100, 1, 40) == (-2, -67, -40 + 33)


def test_a_fill_through_zero_closes_and_opens():
    assert positions.after_fill(2, 200, -5, 600) == (-3, -360, 40)
    assert positions.after_fill(-2, -200, 5, 600) == (3, 360, -40)


@given(st.integers(-(10**6), 10**6), st.integers(-(10**12), 10**12), LOTS, PRICES, st.booleans())
def test_quote_minus_cost_changes_by_exactly_the_notional(size, cost, lots, price, is_buy):
    quantity = lots if is_buy else -lots
    notional = price * 100 * lots
    size_after, cost_after, pnl = positions.after_fill(
        size, cost if size else 0, quantity, notional
    )
    assert size_after == size + quantity
    cost_before = cost if size else 0
    assert pnl - (cost_after - cost_before) == (-notional if is_buy else notional)
    if size_after == 0:
        assert cost_after == 0


def test_profit_of_one_is_the_loss_of_the_other(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=7, market=PERP)
    assert state.markets.read(PERP).open_interest_lots == 7
    rest(state, MAKER, 130, 7, market=PERP)
    events = run(state, order(TAKER, 130, 7, market=PERP, flags=IS_ASK))
    profit = 7 * 30 * 100
    assert [event.values[:3] for event in only(events, EventKind.POSITION)] == [
        (0, 0, profit),
        (0, 0, -profit),
    ]
    assert state.account(TAKER).free[0] == UNITS + profit
    assert state.account(TAKER).positions_used == 0
    assert state.markets.read(PERP).open_interest_lots == 0
    check_all(state)


def test_a_record_lives_as_long_as_size_or_open_orders(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 100, 5, market=PERP)
    assert state.account(MAKER).positions_used == 1
    run(state, order(TAKER, 100, 5, market=PERP, flags=IS_ASK))
    assert state.account(MAKER).positions_used == 1
    trade(state, buyer=TAKER, seller=MAKER_SUB, price=90, size_lots=5, market=PERP)
    assert state.account(TAKER).positions_used == 0
    assert state.account(MAKER_SUB).positions_used == 1
    check_all(state)


def test_an_order_that_is_dropped_unfilled_leaves_no_record(spot_and_perp):
    state = spot_and_perp
    run(state, order(TAKER, 100, 5, market=PERP, time_in_force=1))
    assert state.account(TAKER).positions_used == 0
