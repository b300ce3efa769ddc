"""Interest of lenders: what debtors pay, less the spread, is earned by those who hold quote.

MAKER_SUB owes 1,000 tokens (risk.md section 12). Indices are set by hand where it is shorter.
"""

import pytest

from offchain.spec import op, risk_op
from offchain.spec.constants import (
    FEE_ACCOUNT,
    INDEX_ONE,
    INSURANCE_ACCOUNT,
    PPM,
    QUOTE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, EventKind
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
    ABSENT,
    BASE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    POOR,
    TAKER,
    UNITS,
    deposit,
    kinds,
    only,
    order,
    refused,
    run,
    trade,
)

TOKEN = 10**8
SWEEP = risk_op.Sweep()
TENTH = INDEX_ONE // 10


def credit(**changes):
    fields = {"base_rate_ppm": 100_000, "slope_ppm": 0, "negative_cap": 10**4 * TOKEN}
    return risk_op.AdminCredit(**{**fields, **changes})


@pytest.fixture
def state():
    """Return credit without anyone in debt, and an insurance account with 100 tokens."""
    state = margined_exchange()
    fund_insurance(state, 100 * TOKEN)
    run(state, asset_risk(BASE), asset_snapshot(state), credit())
    return state


@pytest.fixture
def indebted(state):
    """Let MAKER_SUB owe 1,000 tokens and note it at a visit; MAKER and TAKER are in the ring."""
    lots = 100 * 10**6
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=lots, market=PERP)
    account = state.edit_account(MAKER_SUB)
    other = state.edit_account(MAKER)
    other.free[0] += account.free[0] + 1_000 * TOKEN
    account.free[0] = -1_000 * TOKEN
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=1, market=PERP)
    run(state, SWEEP)
    return state


def set_index(state, *, owed=INDEX_ONE, earned=INDEX_ONE):
    risk = state.edit_asset_risk(QUOTE_ASSET)
    risk.owed_index_e12, risk.earned_index_e12 = owed, earned


def lend(state, units):
    """Put quote units into the pot as a lap would have."""
    state.edit_asset_risk(QUOTE_ASSET).lender_pot += units


# --- the pot -------------------------------------------------------------------------------


def test_the_first_credit_begins_both_indices(state):
    risk = state.asset_risk(QUOTE_ASSET)
    assert (risk.owed_index_e12, risk.earned_index_e12) == (INDEX_ONE, INDEX_ONE)
    set_index(state, owed=5, earned=6)
    run(state, credit(spread_ppm=7))
    assert (risk.owed_index_e12, risk.earned_index_e12, risk.spread_ppm) == (5, 6, 7)


def test_a_spread_above_one_is_refused(state):
    assert refused(state, credit(spread_ppm=PPM + 1)) == ErrorCode.INVALID_ASSET_PARAMETER
    assert refused(state, credit(spread_ppm=PPM)) == ErrorCode.OK


def test_what_is_paid_less_the_spread_is_for_lenders(indebted):
    state = indebted
    run(state, credit(spread_ppm=300_001))
    set_index(state, owed=INDEX_ONE + TENTH)
    before = state.account(INSURANCE_ACCOUNT).free[0]
    events = run(state, SWEEP)
    (event,) = only(events, EventKind.INTEREST)
    assert event.values[0] == 100 * TOKEN
    assert state.account(INSURANCE_ACCOUNT).free[0] == before + 100 * TOKEN
    # 10^10 - ⌈10^10 x 0.300001⌉
    part = 6_999_990_000
    assert state.asset_risk(QUOTE_ASSET).lender_pot == part
    lap_ended = events[-1]
    assert lap_ended.kind == EventKind.LAP_ENDED
    supply = 1_000 * TOKEN + state.assets.read(QUOTE_ASSET).total_units
    assert lap_ended.values[3] == INDEX_ONE + INDEX_ONE * part // supply
    assert state.asset_risk(QUOTE_ASSET).earned_index_e12 == lap_ended.values[3]
    assert state.header.lap_lent == 0
    # What was lent in one lap is not lent again in the next.
    assert run(state, SWEEP)[-1].values[3] == lap_ended.values[3]
    check_all(state)


def test_the_index_earned_stops_at_its_bound(indebted):
    set_index(indebted, owed=INDEX_ONE, earned=2**60 - 1)
    indebted.header.lap_lent = 10**12
    run(indebted, SWEEP)
    assert indebted.asset_risk(QUOTE_ASSET).earned_index_e12 == 2**60


@pytest.mark.parametrize("is_lap", [False, True])
def test_what_the_pot_cannot_hold_stays_with_the_insurance(indebted, is_lap):
    state = indebted
    if is_lap:
        state.header.lap_lent = VALUE_LIMIT - 100 * TOKEN
    else:
        lend(state, VALUE_LIMIT - 100 * TOKEN)
    before = state.asset_risk(QUOTE_ASSET).lender_pot
    set_index(state, owed=INDEX_ONE + TENTH)
    assert EventKind.INTEREST in kinds(run(state, SWEEP))
    earned = sum(event.values[0] for event in only(run(state, SWEEP), EventKind.EARNED))
    assert state.asset_risk(QUOTE_ASSET).lender_pot == before - earned


# --- who earns -----------------------------------------------------------------------------


def prepare(state, account, *, pot=10**12):
    """Let an account be at the start of the index, which has grown by a tenth since."""
    state.edit_account(account).quote_index = INDEX_ONE
    set_index(state, earned=INDEX_ONE + TENTH)
    lend(state, pot)


def test_a_deposit_earns_first(state):
    prepare(state, TAKER)
    before = state.account(INSURANCE_ACCOUNT).free[0]
    events = run(state, deposit(TAKER, amount=50))
    assert kinds(events) == [EventKind.EARNED, EventKind.DEPOSITED]
    gain = UNITS // 10
    assert (events[0].account, events[0].values[:2]) == (TAKER, (gain, INDEX_ONE + TENTH))
    account = state.account(TAKER)
    assert (account.free[0], account.quote_index) == (UNITS + gain + 50, INDEX_ONE + TENTH)
    assert state.account(INSURANCE_ACCOUNT).free[0] == before - gain
    assert state.asset_risk(QUOTE_ASSET).lender_pot == 10**12 - gain
    check_all(state)
    assert kinds(run(state, deposit(TAKER, amount=50))) == [EventKind.DEPOSITED]


def test_a_withdrawal_earns_first_but_cannot_take_what_it_earns(state):
    prepare(state, TAKER)
    too_much = op.Withdraw(account=TAKER, asset=0, amount=UNITS + 10)
    assert refused(state, too_much) == ErrorCode.INSUFFICIENT_BALANCE
    events = run(state, op.Withdraw(account=TAKER, asset=0, amount=UNITS))
    assert kinds(events) == [EventKind.EARNED, EventKind.WITHDRAWAL]
    assert state.account(TAKER).free[0] == UNITS // 10


def test_a_transfer_earns_on_both_sides(state):
    prepare(state, MAKER)
    state.edit_account(MAKER_SUB).quote_index = INDEX_ONE
    events = run(state, op.Transfer(account=MAKER_SUB, to_account=MAKER, asset=0, amount=7))
    assert kinds(events) == [EventKind.EARNED, EventKind.EARNED, EventKind.TRANSFERRED]
    assert [event.account for event in events[:2]] == [MAKER_SUB, MAKER]
    check_all(state)


def test_other_assets_touch_no_interest(state):
    prepare(state, TAKER)
    run(state, deposit(TAKER, asset=BASE, amount=50))
    run(state, op.Withdraw(account=TAKER, asset=BASE, amount=50))
    run(state, op.Transfer(account=TAKER, to_account=TAKER + 1, asset=BASE, amount=50))
    assert state.account(TAKER).quote_index == INDEX_ONE


def test_a_new_account_earns_from_its_next_touch_on(state):
    set_index(state, earned=INDEX_ONE + TENTH)
    lend(state, 10**12)
    for each in (
        deposit(ABSENT, amount=50),
        op.Transfer(account=TAKER, to_account=TAKER + 1, asset=0, amount=50),
    ):
        assert EventKind.EARNED not in kinds(run(state, each))
    assert state.account(ABSENT).quote_index == 0
    assert state.account(TAKER + 1).quote_index == 0
    assert EventKind.EARNED not in kinds(run(state, deposit(ABSENT, amount=50)))
    assert state.account(ABSENT).quote_index == INDEX_ONE + TENTH


def test_nobody_earns_more_than_the_pot(state):
    prepare(state, TAKER, pot=3)
    (earned, _) = run(state, deposit(TAKER, amount=50))
    assert earned.values[0] == 3
    assert state.asset_risk(QUOTE_ASSET).lender_pot == 0
    assert state.account(TAKER).quote_index == INDEX_ONE + TENTH


def test_fees_and_insurance_do_not_earn(state):
    state.edit_account(FEE_ACCOUNT).free[0] += UNITS
    for account in (FEE_ACCOUNT, INSURANCE_ACCOUNT):
        prepare(state, account)
        run(state, op.Transfer(account=account, to_account=288, asset=0, amount=50))
        assert state.account(account).quote_index == 0
    assert state.asset_risk(QUOTE_ASSET).lender_pot == 2 * 10**12


def test_a_gain_that_a_balance_cannot_hold_is_not_made(state):
    prepare(state, POOR, pot=VALUE_LIMIT - 1)
    state.edit_account(POOR).free[0] = VALUE_LIMIT - 100
    set_index(state, earned=INDEX_ONE + 1)
    gain = (VALUE_LIMIT - 100) // INDEX_ONE
    state.edit_account(POOR).free[0] -= gain
    assert kinds(run(state, deposit(POOR, amount=100))) == [EventKind.DEPOSITED]
    assert state.account(POOR).quote_index == INDEX_ONE + 1
    state.edit_account(POOR).quote_index = INDEX_ONE
    state.edit_account(POOR).free[0] -= 101
    assert kinds(run(state, deposit(POOR, amount=100)))[0] == EventKind.EARNED


def test_the_insurance_account_does_not_pay_below_its_bound(state):
    prepare(state, TAKER)
    state.edit_account(INSURANCE_ACCOUNT).free[0] = UNITS // 10 - VALUE_LIMIT
    assert kinds(run(state, deposit(TAKER, amount=50))) == [EventKind.DEPOSITED]
    state.edit_account(TAKER).quote_index = INDEX_ONE
    state.edit_account(TAKER).free[0] = UNITS
    state.edit_account(INSURANCE_ACCOUNT).free[0] += 1
    assert kinds(run(state, deposit(TAKER, amount=50)))[0] == EventKind.EARNED


# --- debtors and lenders are told apart ------------------------------------------------------


def test_a_debtor_owes_from_the_visit_on_that_finds_it(indebted):
    account = indebted.account(MAKER_SUB)
    assert account.flags & AccountFlag.OWES
    assert account.quote_index == INDEX_ONE
    for other in (MAKER, TAKER):
        assert not indebted.account(other).flags & AccountFlag.OWES
        assert indebted.account(other).quote_index == INDEX_ONE


def test_who_paid_back_does_not_earn_by_the_index_of_debts(indebted):
    state = indebted
    lend(state, 10**12)
    set_index(state, owed=2 * INDEX_ONE, earned=2 * INDEX_ONE)
    amount = 2_000 * TOKEN
    run(state, op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=0, amount=amount))
    # Negative before: left as it is outside of the sweep.
    assert state.account(MAKER_SUB).flags & AccountFlag.OWES
    assert state.account(MAKER_SUB).free[0] == 1_000 * TOKEN
    events = run(state, op.Transfer(account=MAKER_SUB, to_account=MAKER, asset=0, amount=1))
    assert only(events, EventKind.EARNED) == []
    assert not state.account(MAKER_SUB).flags & AccountFlag.OWES
    assert state.account(MAKER_SUB).quote_index == 2 * INDEX_ONE


def test_who_comes_to_owe_is_not_charged_by_the_index_of_lenders(indebted):
    state = indebted
    account = state.edit_account(MAKER_SUB)
    account.flags &= ~AccountFlag.OWES
    set_index(state, owed=2 * INDEX_ONE)
    assert EventKind.INTEREST not in kinds(run(state, SWEEP))
    assert account.flags & AccountFlag.OWES
    assert account.quote_index == 2 * INDEX_ONE


def test_without_credit_nothing_is_noted(indebted):
    set_index(indebted, owed=0, earned=0)
    run(indebted, SWEEP)
    for account in (MAKER, MAKER_SUB, TAKER):
        assert indebted.account(account).quote_index == 0
        assert not indebted.account(account).flags & AccountFlag.OWES


def test_interest_goes_from_debtors_to_lenders_and_nowhere_else(indebted):
    state = indebted
    run(state, credit(spread_ppm=200_000))
    for _ in range(8):
        advance(state, 40)
        reprice(state)
        run(state, SWEEP)
    events = []
    for _ in range(4):
        advance(state, 40)
        reprice(state)
        events += run(state, SWEEP)
        run(state, order(TAKER, 1_000, 1, market=PERP, flags=IS_ASK))
    paid = sum(event.values[0] for event in only(events, EventKind.INTEREST))
    earned = sum(event.values[0] for event in only(events, EventKind.EARNED))
    assert 0 < earned < 0.8 * paid
    check_all(state)
