"""SWEEP: laps through the accounts with risk, interest, exchange and bad debt.

A lot at price 1,000 is 10^-3 quote tokens. MAKER_SUB holds 2,500 tokens, and 2,500 units of BASE
at 20.
"""

import pytest

from offchain.spec import margin, op, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT, MAX_STEPS, QUOTE_ASSET, SWEEP_PERIOD_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, EventKind, MarketKind, Reason
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    asset_risk,
    asset_snapshot,
    fund_insurance,
    margined_exchange,
    reprice,
)
from tests.spec.support import (
    BASE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    TAKER,
    UNITS,
    deposit,
    kinds,
    only,
    order,
    refused,
    rest,
    run,
    trade,
)
from tests.strategies import market_op

MILLION = 10**6
TOKEN = 10**8
SWEEP = risk_op.Sweep()
INDEX_ONE = 10**12


@pytest.fixture
def state():
    return margined_exchange()


def is_swept(state, account):
    return bool(state.account(account).flags & AccountFlag.SWEPT)


def sweep_to_the_end(state):
    """Sweep until a lap ends; return the events of every op."""
    laps, ops = state.header.sweep_laps, []
    while state.header.sweep_laps == laps:
        ops.append(run(state, SWEEP))
        assert len(ops) < 100
    return ops


# --- laps ----------------------------------------------------------------------------------


def test_there_must_be_an_account_to_look_at(state):
    assert refused(state, SWEEP) == ErrorCode.NOTHING_TO_SWEEP


def test_a_lap_visits_everybody_and_says_when_it_began(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10, market=PERP)
    assert state.header.swept_s == state.header.now_s
    advance(state, 100)
    (event,) = run(state, SWEEP)
    assert (event.kind, event.account, event.values) == (
        EventKind.LAP_ENDED,
        0,
        (1, 0, 0, 0, 0, 0),
    )
    assert (state.header.swept_s, state.header.sweep_laps) == (state.header.now_s, 1)
    assert state.header.sweep_cursor == 0
    check_all(state)


def test_a_lap_of_many_accounts_takes_several_ops(state):
    accounts = [32 * master + sub for master in (10, 11, 12) for sub in range(22)]
    for account in accounts:
        if account % 32:
            master = account - account % 32
            run(state, op.Transfer(account=master, to_account=account, asset=0, amount=1))
        else:
            run(state, deposit(account, amount=100))
        run(state, risk_op.SetLeverage(market=PERP, account=account, leverage=5))
    began_s = state.header.now_s
    assert run(state, SWEEP) == []
    # The last to enter is the first to be visited.
    assert state.header.sweep_cursor == accounts[len(accounts) - MAX_STEPS - 1]
    advance(state, 10)
    # Who enters now stands before the cursor: the next lap finds him.
    run(state, risk_op.SetLeverage(market=PERP, account=TAKER, leverage=5))
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    assert state.header.swept_s == began_s
    check_all(state)


def test_who_has_no_position_and_owes_nothing_leaves(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10, market=PERP)
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=10, market=PERP)
    rest(state, MAKER_SUB, 990, 1, market=PERP)
    assert [is_swept(state, a) for a in (MAKER, TAKER, MAKER_SUB)] == [True] * 3
    run(state, SWEEP)
    assert [is_swept(state, a) for a in (MAKER, TAKER, MAKER_SUB)] == [False, False, True]
    run(state, op.CancelAll(account=MAKER_SUB))
    run(state, SWEEP)
    assert state.header.sweep_head == 0
    check_all(state)


def test_a_sweep_needs_no_mark(state):
    trade(state, buyer=TAKER, seller=MAKER, price=1_000, size_lots=10, market=PERP)
    advance(state, 3_600)
    assert only(run(state, SWEEP), EventKind.LAP_ENDED)


# --- what the cursor waits for -------------------------------------------------------------


@pytest.fixture
def weak():
    """MAKER_SUB is long 24 x 10^6 lots, below maintenance at 940; TAKER and MAKER are well."""
    state = margined_exchange()
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=24 * MILLION, market=PERP)
    rest(state, TAKER, 900, 1, market=PERP)
    return state


def test_the_cursor_waits_while_orders_are_cancelled(weak):
    state = weak
    for _ in range(MAX_STEPS + 1):
        rest(state, MAKER_SUB, 1, 1)
    reprice(state, 940)
    events = run(state, SWEEP)
    assert kinds(events) == [EventKind.CANCELLED] * MAX_STEPS + [EventKind.CONTINUED]
    assert {event.values[3] for event in events[:-1]} == {Reason.LIQUIDATION}
    assert state.header.sweep_cursor == MAKER_SUB
    assert refused(state, SWEEP) == ErrorCode.CONTINUATION_PENDING
    run(state, op.Continue())
    assert kinds(run(state, SWEEP))[0] == EventKind.LIQUIDATED


def test_after_a_tranche_the_lap_goes_on(weak):
    state = weak
    reprice(state, 940)
    events = run(state, SWEEP)
    assert (events[0].kind, events[0].values[4]) == (EventKind.LIQUIDATED, 1)
    assert events[-1].kind == EventKind.DONE
    assert state.header.sweep_cursor == MAKER
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    check_all(state)


def test_a_tranche_at_the_end_of_the_ring_ends_the_lap(weak):
    state = weak
    # MAKER is short; at 1,095 its 7,500 tokens are more than enough, so it must be made poor.
    reprice(state, 1_060)
    poor = margin.cross(state, MAKER)
    run(state, op.Withdraw(account=MAKER, asset=QUOTE_ASSET, amount=3_000 * TOKEN))
    assert margin.cross(state, MAKER).talt == poor.talt - 3_000 * MILLION
    for price in (1_120, 1_130):
        reprice(state, price)
    # TALT 4,500 - 3,120 = 1,380; MMR 1,356: not yet. At 1,132: 1,332 < 1,358.4.
    reprice(state, 1_132)
    ops = sweep_to_the_end(state)
    assert kinds(ops[-1])[0] == EventKind.LIQUIDATED
    assert kinds(ops[-1])[-1] == EventKind.LAP_ENDED
    check_all(state)


def test_after_a_takeover_the_account_is_looked_at_again(weak):
    state = weak
    fund_insurance(state, UNITS)
    for price in (940, 900):
        reprice(state, price)
    events = run(state, SWEEP)
    assert (events[0].kind, events[0].values[4]) == (EventKind.LIQUIDATED, 2)
    assert state.header.sweep_cursor == MAKER_SUB
    assert state.account(MAKER_SUB).positions_used == 0
    sweep_to_the_end(state)
    assert not is_swept(state, MAKER_SUB)
    check_all(state)


def test_nobody_stays_below_maintenance_while_the_gate_is_open(weak):
    """Without sweeps the gate closes; it opens when a lap has dealt with everybody."""
    state = weak
    reprice(state, 940)
    new_risk = order(TAKER, 930, 1, market=PERP)
    while state.header.now_s <= state.header.swept_s + SWEEP_PERIOD_S:
        advance(state, 50)
    reprice(state, 940)
    assert refused(state, new_risk) == ErrorCode.SWEEP_LATE
    events = [event for each in sweep_to_the_end(state) for event in each]
    assert [event.account for event in only(events, EventKind.LIQUIDATED)] == [MAKER_SUB]
    assert refused(state, new_risk) == ErrorCode.OK
    check_all(state)


# --- interest ------------------------------------------------------------------------------


def debtor(state, *, negative_cap, lots_left=150 * MILLION):
    """Let MAKER_SUB owe 500 tokens, backed by BASE, with 150 x 10^6 lots at 1,000 left."""
    run(state, asset_risk(BASE), asset_snapshot(state))
    run(
        state,
        risk_op.AdminCredit(base_rate_ppm=100_000, slope_ppm=200_000, negative_cap=negative_cap),
    )
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=300 * MILLION, market=PERP)
    reprice(state, 980)
    # 150 x 10^6 lots at 20 less than they cost: 3,000 tokens of 2,500
    trade(
        state,
        buyer=TAKER,
        seller=MAKER_SUB,
        price=980,
        size_lots=300 * MILLION - lots_left,
        market=PERP,
    )


def test_negative_quote_bears_interest_from_the_first_visit_on(state):
    debtor(state, negative_cap=1_000 * TOKEN)
    assert state.account(MAKER_SUB).free[0] == -500 * TOKEN
    began_s = state.asset_risk(QUOTE_ASSET).interest_time_s
    advance(state, began_s + 1_000 - state.header.now_s)
    (event,) = run(state, SWEEP)
    # Used: 5 x 10^10 of 5 x 10^10 + 2,000,000,000,050 are 24,390 ppm; a year costs
    # 100,000 + floor(0.2 x 24,390) = 104,878 ppm; 1,000 s of it are 3,325,659.6 x 10^-12.
    index = INDEX_ONE + 3_325_660
    assert event.values[:3] == (1, 500 * TOKEN, index)
    assert state.account(MAKER_SUB).quote_index == INDEX_ONE
    assert state.account(MAKER_SUB).flags & AccountFlag.OWES
    assert state.header.negative_quote == 500 * TOKEN
    before = state.account(INSURANCE_ACCOUNT).free[0]
    events = run(state, SWEEP)
    # 5 x 10^10 x 3,325,660 / 10^12
    assert kinds(events) == [EventKind.INTEREST, EventKind.LAP_ENDED]
    assert (events[0].account, events[0].values[:2]) == (MAKER_SUB, (166_283, index))
    assert state.account(MAKER_SUB).free[0] == -500 * TOKEN - 166_283
    assert state.account(INSURANCE_ACCOUNT).free[0] == before + 166_283
    assert state.account(MAKER_SUB).quote_index == index
    # No time has passed since the lap before.
    assert events[1].values[:3] == (2, 500 * TOKEN, index)
    check_all(state)


def test_interest_ends_with_the_debt(state):
    debtor(state, negative_cap=1_000 * TOKEN)
    run(state, SWEEP)
    run(state, op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=0, amount=500 * TOKEN))
    advance(state, 100)
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    assert state.account(MAKER_SUB).quote_index == INDEX_ONE
    assert not state.account(MAKER_SUB).flags & AccountFlag.OWES
    assert state.header.negative_quote == 0


def test_without_credit_nothing_is_charged(state):
    debtor(state, negative_cap=0)
    state.edit_asset_risk(QUOTE_ASSET).owed_index_e12 = 0
    state.edit_asset_risk(QUOTE_ASSET).negative_cap = 1_000 * TOKEN
    for laps in (1, 2):
        (event,) = run(state, SWEEP)
        assert event.values[:3] == (laps, 500 * TOKEN, 0)
    assert state.account(MAKER_SUB).quote_index == 0


def test_the_index_stops_at_its_bound(state):
    debtor(state, negative_cap=1_000 * TOKEN)
    state.edit_asset_risk(QUOTE_ASSET).owed_index_e12 = 2**60 - 1
    advance(state, 1_000)
    run(state, SWEEP)
    assert state.asset_risk(QUOTE_ASSET).owed_index_e12 == 2**60


def test_interest_that_the_insurance_account_cannot_hold_is_not_made(state):
    debtor(state, negative_cap=1_000 * TOKEN)
    run(state, SWEEP)
    state.edit_asset_risk(QUOTE_ASSET).owed_index_e12 = 2 * INDEX_ONE
    before = state.account(MAKER_SUB).free[0]
    state.edit_account(INSURANCE_ACCOUNT).free[0] = 2**62 - 500 * TOKEN
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    assert state.account(MAKER_SUB).free[0] == before
    state.edit_asset_risk(QUOTE_ASSET).owed_index_e12 *= 2
    state.edit_account(INSURANCE_ACCOUNT).free[0] -= 1
    assert kinds(run(state, SWEEP))[0] == EventKind.INTEREST


# --- exchange and bad debt -----------------------------------------------------------------


def test_collateral_is_exchanged_when_too_much_is_owed(state):
    fund_insurance(state, 1_000 * TOKEN)
    debtor(state, negative_cap=500 * TOKEN - 1)
    events = run(state, SWEEP)
    # p = 20 less 5 % = 19; units ceil(5 x 10^10 / 19) = 2,631,578,948 for 50,000,000,012
    (event,) = events
    assert (event.kind, event.account) == (EventKind.EXCHANGED, MAKER_SUB)
    assert event.values[:3] == (BASE, 2_631_578_948, 50_000_000_012)
    assert state.account(MAKER_SUB).free[:2] == [12, UNITS // 4 - 2_631_578_948]
    insurance = state.account(INSURANCE_ACCOUNT)
    assert insurance.free[:2] == [1_000 * TOKEN - 50_000_000_012, 2_631_578_948]
    assert state.header.sweep_cursor == MAKER_SUB
    run(state, SWEEP)
    check_all(state)


def test_what_is_owed_up_to_the_cap_stays_while_there_is_a_position(state):
    fund_insurance(state, 1_000 * TOKEN)
    debtor(state, negative_cap=500 * TOKEN)
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]


def test_without_a_position_every_debt_is_settled(state):
    fund_insurance(state, 10_000 * TOKEN)
    debtor(state, negative_cap=10_000 * TOKEN, lots_left=0)
    assert state.account(MAKER_SUB).free[0] == -3_500 * TOKEN
    event = run(state, risk_op.Liquidate(account=MAKER_SUB))[0]
    assert event.kind == EventKind.EXCHANGED
    assert state.account(MAKER_SUB).free[0] >= 0
    check_all(state)


def test_an_insurance_account_without_money_buys_nothing(state):
    fund_insurance(state, 50_000_000_011)
    debtor(state, negative_cap=0)
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    fund_insurance(state, 1)
    assert kinds(run(state, SWEEP)) == [EventKind.EXCHANGED]


def test_an_insurance_account_without_room_buys_nothing(state):
    fund_insurance(state, 1_000 * TOKEN)
    debtor(state, negative_cap=0)
    state.edit_account(INSURANCE_ACCOUNT).asset_ids[1:] = range(10, 17)
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    state.edit_account(INSURANCE_ACCOUNT).asset_ids[7] = 0
    assert kinds(run(state, SWEEP)) == [EventKind.EXCHANGED]


def test_an_asset_without_price_is_not_exchanged(state):
    fund_insurance(state, 1_000 * TOKEN)
    debtor(state, negative_cap=0)
    advance(state, 1)
    run(state, asset_snapshot(state, price_e8=1, rate_e12=1))
    assert only(run(state, SWEEP), EventKind.EXCHANGED) == []


def test_what_no_collateral_covers_is_bad_debt(state):
    fund_insurance(state, 1_000 * TOKEN)
    debtor(state, negative_cap=0, lots_left=0)
    trade(state, buyer=MAKER, seller=TAKER, price=980, size_lots=300 * MILLION, market=PERP)
    advance(state, 1)
    run(state, asset_snapshot(state, price_e8=10**7))
    # 2,500 units at 0.095 are 237.5 tokens of 3,500
    events = run(state, SWEEP)
    assert kinds(events) == [EventKind.EXCHANGED, EventKind.BAD_DEBT]
    assert events[0].values[:3] == (BASE, UNITS // 4, 23_750_000_000)
    assert (events[1].account, events[1].values[0]) == (MAKER_SUB, 326_250_000_000)
    account = state.account(MAKER_SUB)
    assert (account.free[0], account.asset_ids[1]) == (0, 0)
    assert state.account(INSURANCE_ACCOUNT).free[0] == (1_000 * TOKEN - 3_500 * TOKEN)
    assert is_swept(state, MAKER_SUB)
    sweep_to_the_end(state)
    assert not is_swept(state, MAKER_SUB)
    check_all(state)


def test_locked_collateral_is_no_bad_debt_yet(state):
    fund_insurance(state, 1_000 * TOKEN)
    run(state, asset_risk(BASE), asset_snapshot(state))
    run(state, risk_op.SetLeverage(market=PERP, account=MAKER_SUB, leverage=5))
    rest(state, MAKER_SUB, 30 * 10**6, 10, flags=IS_ASK)
    run(state, risk_op.SetLeverage(market=PERP, account=MAKER_SUB))
    state.edit_account(MAKER_SUB).free[0] = -3_500 * TOKEN
    advance(state, 1)
    run(state, asset_snapshot(state, price_e8=10**7))
    assert kinds(run(state, SWEEP)) == [EventKind.EXCHANGED]
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    run(state, op.CancelAll(account=MAKER_SUB))
    assert kinds(run(state, SWEEP)) == [EventKind.EXCHANGED, EventKind.BAD_DEBT]


def test_the_insurance_account_is_no_debtor_of_its_own(state):
    run(state, risk_op.SetLeverage(market=PERP, account=INSURANCE_ACCOUNT, leverage=5))
    state.edit_account(INSURANCE_ACCOUNT).free[0] = -10
    assert kinds(run(state, SWEEP)) == [EventKind.LAP_ENDED]
    assert state.header.negative_quote == 10


def test_an_account_that_owes_stays_in_the_ring(state):
    debtor(state, negative_cap=0, lots_left=0)
    run(state, SWEEP)
    assert state.account(MAKER_SUB).positions_used == 0
    assert is_swept(state, MAKER_SUB)


def test_a_market_that_is_halted_is_swept_too(weak):
    state = weak
    reprice(state, 940)
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3, status=0))
    assert any(only(events, EventKind.LIQUIDATED) for events in sweep_to_the_end(state))
