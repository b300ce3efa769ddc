"""Sessions and shared yield at their edges: equal codes and states in both implementations."""

import ctypes
from dataclasses import replace

import pytest

from offchain.spec import op
from offchain.spec.constants import (
    BALANCES_PER_ACCOUNT,
    FEE_ACCOUNT,
    HOUR_S,
    INDEX_ONE,
    PPM,
    REOPEN_POST_ONLY_S,
    VALUE_LIMIT,
    YEAR_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AssetFlag, EventKind, PlaceFlag, TimeInForce
from offchain.spec.risk_op import AdminMarketCalendar, PriceReport, Sweep
from offchain.spec.tree import Hasher
from tests.core.bad_carry_ops import DAYS
from tests.core.pair import Outcome, Pair, as_events, native_hasher
from tests.risk_scene import (
    COLLATERAL_UNITS,
    GOVERNANCE_MASTER,
    MID_PRICE,
    PERP,
    START_S,
    asset_snapshot,
    market_snapshot,
    risk_parameters,
    risk_scene,
)
from tests.strategies import GOVERNANCE, owner_of

HOUR = START_S // HOUR_S  # of the scene; it has just begun
PRICE = MID_PRICE[PERP]
BAND_PPM = 20_000
TRADER = 32
YIELDING = 1
ORDER = op.Place(market=PERP, account=TRADER, price=PRICE, size_lots=1)


@pytest.fixture
def pair(hash_library: ctypes.CDLL) -> Pair:
    hasher: Hasher = native_hasher(hash_library)
    pair = Pair(hasher)
    for data in risk_scene(insurance_units=10**12):
        assert pair.op(data).code is ErrorCode.OK
    return pair


def run(pair: Pair, each: op.Op) -> Outcome:
    """Apply an op that both accept."""
    outcome = pair.op(each.to_bytes())
    assert outcome.code is ErrorCode.OK, each
    return outcome


def code_of(pair: Pair, each: op.Op) -> ErrorCode:
    return pair.op(each.to_bytes()).code


def calendar(*hours: int, **fields: int) -> AdminMarketCalendar:
    """Return the calendar with these hours since the epoch in session."""
    days = dict.fromkeys(DAYS, 0)
    for hour in hours:
        days[DAYS[hour // 24 % 7]] |= 1 << hour % 24
    return AdminMarketCalendar(market=PERP, **days, **{"weekend_band_ppm": BAND_PPM, **fields})


def go_to(pair: Pair, time_s: int) -> None:
    run(pair, op.AdvanceTime(now_s=time_s))
    while code_of(pair, op.RunDuties()) is ErrorCode.OK:
        pass


def report(pair: Pair, price: int) -> PriceReport:
    return PriceReport(market=PERP, index_price=price, time_s=pair.state.header.now_s, sources=3)


# --- sessions ----------------------------------------------------------------------------------


def test_a_session_begins_with_post_only_orders(pair: Pair) -> None:
    rests = replace(ORDER, time_in_force=TimeInForce.POST_ONLY, price=PRICE - 1)
    run(pair, calendar(HOUR, HOUR - 2))
    assert code_of(pair, ORDER) is ErrorCode.MARKET_POST_ONLY
    run(pair, rests)
    last_s = HOUR * HOUR_S + REOPEN_POST_ONLY_S - 1
    go_to(pair, last_s)
    assert code_of(pair, ORDER) is ErrorCode.MARKET_POST_ONLY
    go_to(pair, last_s + 1)
    assert code_of(pair, ORDER) is ErrorCode.OK
    run(pair, calendar(HOUR, HOUR - 1))
    run(pair, ORDER)


def test_the_hour_before_the_first_of_the_epoch_is_the_last_of_a_week(pair: Pair) -> None:
    thursday = (HOUR // 168 + 1) * 168
    run(pair, calendar(thursday, thursday - 1))
    go_to(pair, thursday * HOUR_S)
    run(pair, market_snapshot(PERP, PRICE, thursday * HOUR_S))
    run(pair, report(pair, PRICE))
    run(pair, Sweep())
    run(pair, ORDER)
    run(pair, calendar(thursday))
    assert code_of(pair, ORDER) is ErrorCode.MARKET_POST_ONLY


def test_off_session_orders_stay_near_the_close(pair: Pair) -> None:
    run(pair, calendar(HOUR - 1))
    width = PRICE * BAND_PPM // PPM
    for price in (PRICE - width - 1, PRICE + width + 1):
        for flags in (0, PlaceFlag.IS_ASK):
            far = replace(ORDER, price=price, flags=flags)
            assert code_of(pair, far) is ErrorCode.PRICE_OUTSIDE_BAND
    run(pair, replace(ORDER, price=PRICE - width))
    run(pair, replace(ORDER, price=PRICE + width, flags=PlaceFlag.IS_ASK, account=64))


def test_off_session_more_margin_is_required(pair: Pair) -> None:
    quote_micro = pair.state.account(TRADER).free[0] // 100
    large = replace(ORDER, size_lots=quote_micro // PRICE * 2)
    run(pair, calendar(HOUR - 1, off_hours_initial_ppm=PPM))
    assert code_of(pair, large) is ErrorCode.INSUFFICIENT_MARGIN
    run(pair, calendar(HOUR, HOUR - 1, off_hours_initial_ppm=PPM))
    run(pair, large)


def test_prices_off_session_and_over_its_end(pair: Pair) -> None:
    run(pair, calendar(HOUR - 1, HOUR + 1))
    go_to(pair, START_S + 1)
    width = PRICE * BAND_PPM // PPM
    for price in (PRICE - width - 1, PRICE + width + 1):
        assert code_of(pair, report(pair, price)) is ErrorCode.PRICE_OUTSIDE_BAND
    run(pair, report(pair, PRICE + width))
    run(pair, market_snapshot(PERP, PRICE, START_S + 1))
    go_to(pair, (HOUR + 1) * HOUR_S)
    gap = PRICE * 115 // 100
    assert code_of(pair, report(pair, gap)) is ErrorCode.STALE_PRICE
    run(pair, market_snapshot(PERP, PRICE, (HOUR + 1) * HOUR_S))
    run(pair, report(pair, gap))
    go_to(pair, (HOUR + 1) * HOUR_S + 1)
    assert code_of(pair, report(pair, PRICE)) is ErrorCode.PRICE_JUMP


# --- shared yield ------------------------------------------------------------------------------


def share_yield(pair: Pair) -> Outcome:
    """Let half of ten per cent of a year's growth be shared."""
    first = risk_parameters()[2]
    run(pair, replace(first, yield_share_ppm=PPM // 2))
    go_to(pair, START_S + YEAR_S)
    snapshot = asset_snapshot(YIELDING, 20 * 10**8, START_S + YEAR_S)
    return run(pair, replace(snapshot, rate_e12=snapshot.rate_e12 * 2))


def test_what_comes_and_goes_is_rounded_against_the_account(pair: Pair) -> None:
    last = as_events(share_yield(pair).events)[-1]
    assert (last.kind, last.account) == (EventKind.YIELD_SHARED, FEE_ACCOUNT)
    run(pair, Sweep())
    amount = COLLATERAL_UNITS
    run(
        pair, op.Deposit(account=GOVERNANCE_MASTER, owner=GOVERNANCE, asset=YIELDING, amount=amount)
    )
    assert pair.state.account(GOVERNANCE_MASTER).free[1] > amount
    withdraw = op.Withdraw(account=GOVERNANCE_MASTER, asset=YIELDING, amount=amount)
    for beyond in (amount, VALUE_LIMIT - 1):
        code = code_of(pair, replace(withdraw, amount=beyond))
        assert code is ErrorCode.INSUFFICIENT_BALANCE
    run(pair, replace(withdraw, amount=amount - 1))


@pytest.mark.parametrize("account", [TRADER, 32 * 20])
def test_no_more_engine_units_than_the_bound(pair: Pair, account: int) -> None:
    share_yield(pair)
    total = pair.state.assets.read(YIELDING).total_units
    deposit = op.Deposit(
        account=account,
        owner=owner_of(account),
        asset=YIELDING,
        amount=VALUE_LIMIT - 1 - total,
    )
    (event,) = as_events(run(pair, deposit).events)
    assert event.values[5] == ErrorCode.BALANCE_TOO_LARGE
    supply = pair.state.assets.read(YIELDING).supply_units
    index = pair.state.assets.read(YIELDING).unit_index_e12
    most = (VALUE_LIMIT - 1 - supply) * index // INDEX_ONE
    (event,) = as_events(run(pair, replace(deposit, amount=most)).events)
    assert event.kind is EventKind.DEPOSITED


def test_without_a_slot_of_the_fee_account_nothing_is_shared(pair: Pair) -> None:
    for asset in range(10, 10 + BALANCES_PER_ACCOUNT - 1):
        listed = op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=9,
        )
        run(pair, listed)
        run(pair, op.Deposit(account=GOVERNANCE_MASTER, owner=GOVERNANCE, asset=asset, amount=9))
        run(
            pair,
            op.Transfer(account=GOVERNANCE_MASTER, to_account=FEE_ACCOUNT, asset=asset, amount=9),
        )
    (event,) = as_events(share_yield(pair).events)
    assert event.kind is EventKind.SNAPSHOT_TAKEN
    assert pair.state.assets.read(YIELDING).unit_index_e12 == 0
