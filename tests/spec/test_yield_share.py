"""The protocol's share of an asset's yield, and engine units that are not L1's (risk.md 13).

A snapshot of 20 tokens at rate 1; the second one has rate 1.01, of which a tenth is shared. MAKER
(with its sub-account) and TAKER hold 10^12 units of BASE each.
"""

import pytest

from offchain.spec import collateral, op, units
from offchain.spec.constants import (
    FEE_ACCOUNT,
    INDEX_ONE,
    MAX_MARKETS,
    UNIT_INDEX_MIN_E12,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from tests.spec.invariants import check_all
from tests.spec.risk_support import advance, asset_risk, asset_snapshot
from tests.spec.support import (
    BASE,
    MAKER,
    SPOT,
    TAKER,
    UNITS,
    deposit,
    kinds,
    refused,
    run,
    trade,
)

YEAR_S = 31_536_000
SUPPLY = 2 * UNITS
RATE = 1_010_000_000_000
# U1 = ⌊10^12 x (1.01 - 0.1 x 0.01) ÷ 1.01⌋; freed = supply - ⌈supply x U1⌉.
INDEX = 999_009_900_990
FREED = SUPPLY - 1_998_019_801_980
MINTED = FREED * INDEX_ONE // INDEX


def share_risk(**changes):
    return asset_risk(BASE, **{"yield_share_ppm": 100_000, **changes})


@pytest.fixture
def state(spot_and_perp):
    """Return the exchange a year after the first price of BASE."""
    run(spot_and_perp, share_risk(), asset_snapshot(spot_and_perp))
    advance(spot_and_perp, YEAR_S)
    return spot_and_perp


@pytest.fixture
def shared(state):
    run(state, asset_snapshot(state, rate_e12=RATE))
    return state


def test_supply_follows_deposits_and_withdrawals(state):
    assert state.assets.read(BASE).supply_units == SUPPLY
    run(state, deposit(TAKER, asset=BASE, amount=70))
    run(state, op.Withdraw(account=TAKER, asset=BASE, amount=20))
    assert state.assets.read(BASE).supply_units == SUPPLY + 50
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=3, market=SPOT)
    run(state, op.Transfer(account=TAKER, to_account=TAKER + 1, asset=BASE, amount=5))
    assert state.assets.read(BASE).supply_units == SUPPLY + 50
    quote = state.assets.read(0)
    assert quote.supply_units == quote.total_units
    check_all(state)


def test_a_part_of_the_yield_is_minted_to_the_fee_account(state):
    events = run(state, asset_snapshot(state, rate_e12=RATE))
    assert kinds(events) == [EventKind.SNAPSHOT_TAKEN, EventKind.YIELD_SHARED]
    event = events[1]
    assert (event.market, event.account) == (0, FEE_ACCOUNT)
    assert event.values == (BASE, MINTED, FREED, INDEX, 0, 0)
    record = state.assets.read(BASE)
    assert (record.unit_index_e12, record.supply_units) == (INDEX, SUPPLY + MINTED)
    assert record.total_units == SUPPLY
    account = state.account(FEE_ACCOUNT)
    assert account.free[account.asset_ids.index(BASE + 1)] == MINTED
    check_all(state)
    advance(state, 1)
    assert kinds(run(state, asset_snapshot(state, rate_e12=RATE))) == [EventKind.SNAPSHOT_TAKEN]


def test_holders_keep_the_rest_of_the_yield(shared):
    # 20 tokens x ⌊1.01 x U⌋: nine tenths of the 1 %, but for a rounding
    assert collateral.unit_price_e8(shared, BASE) == 20 * (RATE * INDEX // INDEX_ONE) // 10**4
    assert collateral.unit_price_e8(shared, BASE) == 2_018_000_000 - 1


def test_the_rate_that_counts_is_the_one_within_the_growth_cap(state):
    run(state, asset_risk(BASE, yield_share_ppm=100_000, growth_cap_ppm=10_000))
    (_, event) = run(state, asset_snapshot(state, rate_e12=2 * INDEX_ONE))
    assert event.values[3] == INDEX


@pytest.mark.parametrize("changes", [{"rate_e12": INDEX_ONE}, {"rate_e12": 1}])
def test_a_rate_that_does_not_rise_shares_nothing(state, changes):
    assert kinds(run(state, asset_snapshot(state, **changes))) == [EventKind.SNAPSHOT_TAKEN]
    assert state.assets.read(BASE).unit_index_e12 == 0


def is_shared(state):
    return EventKind.YIELD_SHARED in kinds(run(state, asset_snapshot(state, rate_e12=RATE)))


def test_the_first_rate_shares_nothing(spot_and_perp):
    run(spot_and_perp, share_risk())
    assert not is_shared(spot_and_perp)


def test_without_a_share_or_holders_nothing_is_shared(state):
    run(state, asset_risk(BASE))
    assert not is_shared(state)


def test_an_asset_that_nobody_holds_shares_nothing(state):
    state.assets.edit(BASE).supply_units = 0
    assert not is_shared(state)


def test_the_index_has_a_least_value(state):
    state.assets.edit(BASE).unit_index_e12 = UNIT_INDEX_MIN_E12
    assert not is_shared(state)
    assert state.assets.read(BASE).unit_index_e12 == UNIT_INDEX_MIN_E12


def test_a_rise_too_small_to_free_a_unit_shares_nothing(state):
    state.assets.edit(BASE).supply_units = 1_000
    assert not is_shared(state)


def test_the_fee_account_needs_a_slot_and_room(state):
    account = state.edit_account(FEE_ACCOUNT)
    account.asset_ids = [1, *range(3, 10)]
    assert not is_shared(state)


def test_the_fee_account_needs_room(state):
    account = state.edit_account(FEE_ACCOUNT)
    account.asset_ids[1] = BASE + 1
    account.free[1] = VALUE_LIMIT - MINTED
    assert not is_shared(state)


def test_the_supply_is_bounded(state):
    state.assets.edit(BASE).supply_units = VALUE_LIMIT - 1
    assert not is_shared(state)


def test_a_deposit_is_credited_in_engine_units(shared):
    state = shared
    before = state.account(TAKER).free[1]
    (event,) = run(state, deposit(TAKER, asset=BASE, amount=1_000_000))
    # 1,000,000 ÷ 0.99900990099
    assert event.values[:2] == (BASE, 1_000_000)
    assert state.account(TAKER).free[1] == before + 1_000_991
    record = state.assets.read(BASE)
    assert record.total_units == SUPPLY + 1_000_000
    assert record.supply_units == SUPPLY + MINTED + 1_000_991
    check_all(state)


def test_a_withdrawal_is_debited_in_engine_units(shared):
    state = shared
    before = state.account(TAKER).free[1]
    (event,) = run(state, op.Withdraw(account=TAKER, asset=BASE, amount=1_000_000))
    assert event.values[:2] == (BASE, 1_000_000)
    assert state.account(TAKER).free[1] == before - 1_000_992
    record = state.assets.read(BASE)
    assert record.total_units == SUPPLY - 1_000_000
    assert record.supply_units == SUPPLY + MINTED - 1_000_992
    check_all(state)
    too_much = op.Withdraw(account=TAKER, asset=BASE, amount=UNITS - 1_000_000)
    assert refused(state, too_much) == ErrorCode.INSUFFICIENT_BALANCE


def test_all_that_is_held_can_be_withdrawn(shared):
    state = shared
    held = state.account(TAKER).free[1]
    amount = held * INDEX // INDEX_ONE
    state.assets.edit(BASE).withdraw_step_units = 1
    assert units.debited(state, BASE, amount) <= held
    run(state, op.Withdraw(account=TAKER, asset=BASE, amount=amount))
    assert state.account(TAKER).free[1] <= 1
    check_all(state)


def refusal(state, amount):
    (event,) = run(state, deposit(TAKER, asset=BASE, amount=amount))
    return event.values[5] if event.kind == EventKind.WITHDRAWAL else ErrorCode.OK


def test_a_balance_is_bounded_in_engine_units(shared):
    state = shared
    held = state.account(TAKER).free[1]
    state.assets.edit(BASE).supply_units = held
    amount = (VALUE_LIMIT - held) * INDEX // INDEX_ONE
    assert units.credited(state, BASE, amount + 1) >= VALUE_LIMIT - held
    assert refusal(state, amount + 1) == ErrorCode.BALANCE_TOO_LARGE
    assert refusal(state, amount - 1) == ErrorCode.OK


def test_all_balances_together_are_bounded_too(shared):
    state = shared
    state.assets.edit(BASE).supply_units = VALUE_LIMIT - 2
    assert refusal(state, 2) == ErrorCode.BALANCE_TOO_LARGE
    assert refusal(state, 1) == ErrorCode.OK


@pytest.mark.parametrize(
    "changes", [{"yield_share_ppm": 500_001}, {"hedge_market_plus_1": MAX_MARKETS + 1}]
)
def test_parameters_out_of_range_are_refused(state, changes):
    assert refused(state, share_risk(**changes)) == ErrorCode.INVALID_ASSET_PARAMETER


def test_the_largest_parameters_are_stored(state):
    run(state, share_risk(yield_share_ppm=500_000, hedge_market_plus_1=MAX_MARKETS))
    risk = state.asset_risk(BASE)
    assert (risk.yield_share_ppm, risk.hedge_market_plus_1) == (500_000, MAX_MARKETS)
