"""PLACE: every refusal in its order, and what an accepted order leaves behind."""

import pytest

from offchain.spec import op
from offchain.spec.constants import (
    DUTY_CAPACITY,
    GOLDILOCKS_P,
    LEVEL_CAPACITY,
    MAX_OPEN_ORDERS,
    ORDER_CAPACITY,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketKind, PlaceFlag, TimeInForce
from tests.spec.support import (
    ABSENT,
    BASE,
    FINE,
    HALTED,
    IS_ASK,
    MAKER,
    NOW_S,
    PERP,
    POOR,
    TAKER,
    UNITS,
    deposit,
    kinds,
    order,
    refused,
    rest,
    run,
    trade,
)
from tests.strategies import market_op

IOC = {"time_in_force": TimeInForce.IOC}
FOK = {"time_in_force": TimeInForce.FOK}
POST_ONLY = {"time_in_force": TimeInForce.POST_ONLY}
AT_MARKET = {"flags": PlaceFlag.IS_MARKET, **IOC}
REDUCE_ONLY = {"flags": PlaceFlag.REDUCE_ONLY}
REFUSALS = [
    (order(ABSENT, 100, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (order(2**22, 100, 1), ErrorCode.UNKNOWN_ACCOUNT),
    (order(TAKER, 100, 1, market=9), ErrorCode.UNKNOWN_MARKET),
    (order(TAKER, 100, 1, market=1_024), ErrorCode.UNKNOWN_MARKET),
    (order(TAKER, 100, 1, market=HALTED), ErrorCode.MARKET_NOT_OPEN),
    (order(TAKER, 100, 0), ErrorCode.INVALID_SIZE),
    (order(TAKER, 100, 2**40), ErrorCode.INVALID_SIZE),
    (order(TAKER, 100, 9, market=FINE), ErrorCode.SIZE_BELOW_MINIMUM),
    (order(TAKER, 100, 1, **REDUCE_ONLY), ErrorCode.REDUCE_ONLY_ON_SPOT),
    (order(TAKER, 100, 1, **IOC, expiry_s=NOW_S + 9), ErrorCode.EXPIRY_NOT_ALLOWED),
    (order(TAKER, 100, 1, **FOK, expiry_s=NOW_S + 9), ErrorCode.EXPIRY_NOT_ALLOWED),
    (order(TAKER, 100, 1, expiry_s=NOW_S), ErrorCode.EXPIRY_IN_PAST),
    (order(TAKER, 100_001, 1, **AT_MARKET), ErrorCode.INVALID_SLIPPAGE),
    (order(TAKER, 100, 1, **AT_MARKET), ErrorCode.NO_LIQUIDITY),
    (order(TAKER, 0, 1), ErrorCode.INVALID_PRICE),
    (order(TAKER, 2**32 - 1, 1), ErrorCode.INVALID_PRICE),
    (order(TAKER, 101, 10, market=FINE), ErrorCode.PRICE_NOT_ON_TICK),
    (order(TAKER, 12_345, 10, market=FINE), ErrorCode.TOO_MANY_SIGNIFICANT_FIGURES),
    (order(TAKER, 2**32 - 2, 2**30), ErrorCode.NOTIONAL_TOO_LARGE),
    (order(TAKER, 1, 2**40 - 1, flags=IS_ASK), ErrorCode.INSUFFICIENT_BALANCE),
    (order(TAKER, 2**32 - 2, 2**24, market=PERP), ErrorCode.NOTIONAL_TOO_LARGE),
    (order(TAKER, 100, 1, client_id_low=GOLDILOCKS_P), ErrorCode.CLIENT_ID_OUT_OF_RANGE),
    (order(TAKER, 100, 1, client_id_high=GOLDILOCKS_P), ErrorCode.CLIENT_ID_OUT_OF_RANGE),
    (order(TAKER, 100, 1, builder=1), ErrorCode.UNKNOWN_BUILDER),
    (order(POOR, 100, 1), ErrorCode.INSUFFICIENT_BALANCE),
    (order(POOR, 100, 1, flags=IS_ASK), ErrorCode.INSUFFICIENT_BALANCE),
    (order(TAKER, 100, 1, **FOK), ErrorCode.FOK_NOT_FILLABLE),
    (order(TAKER, 100, 1, market=PERP, **REDUCE_ONLY), ErrorCode.REDUCE_ONLY_WOULD_INCREASE),
]


@pytest.mark.parametrize(("place", "code"), REFUSALS, ids=str)
def test_a_bad_order_is_refused_with_its_code(spot_and_perp, place, code):
    assert refused(spot_and_perp, place) == code


def test_the_first_failing_check_decides(spot_and_perp):
    many_faults = order(TAKER, 0, 0, expiry_s=1, client_id_low=GOLDILOCKS_P, builder=9)
    assert refused(spot_and_perp, many_faults) == ErrorCode.INVALID_SIZE


def test_a_lock_above_the_limit_is_refused_though_the_value_is_not(spot_and_perp):
    # 2^32 - 2 times 2^30 - 1 stays below 2^62; the locked fee on top does not.
    place = order(TAKER, 2**32 - 2, 2**30 - 1)
    assert refused(spot_and_perp, place) == ErrorCode.NOTIONAL_TOO_LARGE


def test_the_lock_of_an_ask_is_bounded_too(spot_and_perp):
    # One lot of a market without size decimals is 10^8 base units.
    run(spot_and_perp, market_op(7, MarketKind.SPOT, sz_decimals=0, base_asset=BASE))
    place = order(TAKER, 1, 2**36, market=7, flags=IS_ASK)
    assert refused(spot_and_perp, place) == ErrorCode.NOTIONAL_TOO_LARGE


def test_an_integer_price_may_have_any_number_of_figures(spot_and_perp):
    rest(spot_and_perp, TAKER, 1_234_000, 10, market=FINE)
    rest(spot_and_perp, TAKER, 12_300, 10, market=FINE)


def test_builder_refusals(spot_and_perp):
    state = spot_and_perp
    run(state, op.RegisterBuilder(account=MAKER))
    run(state, op.ApproveBuilder(account=TAKER, builder=1, max_fee=600))
    high_spot = order(TAKER, 100, 1, builder=1, builder_fee=2_001)
    high_perp = order(TAKER, 100, 1, market=PERP, builder=1, builder_fee=501)
    above_approval = order(TAKER, 100, 1, builder=1, builder_fee=601)
    assert refused(state, high_spot) == ErrorCode.BUILDER_FEE_TOO_HIGH
    assert refused(state, high_perp) == ErrorCode.BUILDER_FEE_TOO_HIGH
    assert refused(state, above_approval) == ErrorCode.BUILDER_FEE_NOT_APPROVED
    no_approval = order(MAKER, 100, 1, builder=1)
    assert refused(state, no_approval) == ErrorCode.BUILDER_FEE_NOT_APPROVED
    assert refused(state, order(TAKER, 100, 1, builder=2)) == ErrorCode.UNKNOWN_BUILDER


def test_an_approval_of_the_master_covers_its_sub_accounts(spot_and_perp):
    state = spot_and_perp
    run(state, op.RegisterBuilder(account=TAKER))
    run(state, op.ApproveBuilder(account=MAKER, builder=1, max_fee=10))
    rest(state, MAKER + 1, 100, 1, builder=1, builder_fee=10)


def test_a_client_id_is_unique_among_open_orders_only(spot_and_perp):
    state = spot_and_perp
    order_id, slot = rest(state, TAKER, 100, 1, client_id_low=7)
    again = order(TAKER, 90, 1, client_id_low=7)
    assert refused(state, again) == ErrorCode.DUPLICATE_CLIENT_ID
    rest(state, MAKER, 90, 1, client_id_low=7)
    run(state, op.Cancel(market=1, account=TAKER, order_id=order_id, slot=slot), again)


def test_a_post_only_order_that_would_cross_is_refused(spot_and_perp):
    rest(spot_and_perp, MAKER, 100, 5, flags=IS_ASK)
    crossing = order(TAKER, 100, 1, **POST_ONLY)
    assert refused(spot_and_perp, crossing) == ErrorCode.POST_ONLY_WOULD_CROSS
    rest(spot_and_perp, TAKER, 99, 1, **POST_ONLY)


def test_capacity_refusals(spot_and_perp):
    state, header = spot_and_perp, spot_and_perp.header
    header.orders_used = ORDER_CAPACITY - 1
    assert refused(state, order(TAKER, 100, 1)) == ErrorCode.BOOK_FULL
    header.orders_used = 0
    header.levels_used = LEVEL_CAPACITY - 1
    assert refused(state, order(TAKER, 100, 1)) == ErrorCode.BOOK_FULL
    header.levels_used = 0
    header.duty_count = DUTY_CAPACITY
    expiring = order(TAKER, 100, 1, expiry_s=NOW_S + 1)
    assert refused(state, expiring) == ErrorCode.DUTY_QUEUE_FULL
    header.duty_count = 0
    state.edit_account(TAKER).order_count = MAX_OPEN_ORDERS
    assert refused(state, order(TAKER, 100, 1)) == ErrorCode.TOO_MANY_OPEN_ORDERS


def test_a_full_order_book_still_takes_orders_that_never_rest(spot_and_perp):
    spot_and_perp.header.orders_used = ORDER_CAPACITY - 1
    assert kinds(run(spot_and_perp, order(TAKER, 100, 1, **IOC))) == [EventKind.DONE]


def test_an_account_holds_sixteen_positions(spot_and_perp):
    state = spot_and_perp
    for market in range(20, 37):
        run(state, market_op(market, MarketKind.PERP, sz_decimals=3))
    for market in range(20, 36):
        rest(state, TAKER, 100, 1, market=market)
    assert refused(state, order(TAKER, 100, 1, market=36)) == ErrorCode.POSITIONS_FULL
    rest(state, TAKER, 99, 1, market=20)


def test_a_bid_needs_a_balance_slot_for_what_it_buys(spot_and_perp):
    state = spot_and_perp
    for asset in range(2, 10):
        run(state, op.AdminAsset(asset=asset, flags=2, withdraw_step_units=1, deposit_cap_units=99))
    run(state, market_op(20, MarketKind.SPOT, sz_decimals=2, base_asset=9))
    run(state, *(deposit(TAKER, asset=asset, amount=1) for asset in range(2, 8)))
    assert refused(state, order(TAKER, 100, 1, market=20)) == ErrorCode.BALANCES_FULL


def test_a_spot_bid_locks_price_and_highest_fee(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 100, 3)
    account = state.account(TAKER)
    assert account.locked[0] == 3 * (100 + 1)
    assert account.free[0] == UNITS - 303


def test_a_spot_ask_locks_the_base(spot_and_perp):
    state = spot_and_perp
    rest(state, TAKER, 100, 3, flags=IS_ASK)
    account = state.account(TAKER)
    assert account.locked[1] == 3 * 10**6
    assert account.locked[0] == 0


def test_a_bid_allots_a_slot_for_the_base_asset(spot_and_perp):
    state = spot_and_perp
    run(state, deposit(POOR, amount=1_000))
    rest(state, POOR, 100, 1)
    assert state.account(POOR).asset_ids[:2] == [1, BASE + 1]


def test_order_ids_count_over_all_markets(spot_and_perp):
    first, _ = rest(spot_and_perp, TAKER, 100, 1)
    second, _ = rest(spot_and_perp, TAKER, 100, 1, market=PERP)
    assert (first, second) == (1 << 10 | 1, 2 << 10 | PERP)


def test_a_reduce_only_order_needs_an_opposite_position(spot_and_perp):
    state = spot_and_perp
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=5, market=PERP)
    same_side = order(TAKER, 90, 1, market=PERP, **REDUCE_ONLY)
    assert refused(state, same_side) == ErrorCode.REDUCE_ONLY_WOULD_INCREASE
    rest(state, TAKER, 110, 1, market=PERP, flags=IS_ASK | PlaceFlag.REDUCE_ONLY)


def test_a_market_order_stops_at_its_slippage_bound(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 1_000, 1, flags=IS_ASK)
    rest(state, MAKER, 1_010, 1, flags=IS_ASK)
    rest(state, MAKER, 1_011, 1, flags=IS_ASK)
    events = run(state, order(TAKER, 10_999, 3, **AT_MARKET))
    assert kinds(events) == [EventKind.FILL, EventKind.FILL, EventKind.DONE]
    assert events[-1].values[1:4] == (2, 1, 3)


def test_a_market_bid_is_bounded_by_the_largest_price(spot_and_perp):
    state = spot_and_perp
    rest(state, MAKER, 2**32 - 2, 1, flags=IS_ASK)
    assert refused(state, order(POOR, 100_000, 1, **AT_MARKET)) == ErrorCode.INSUFFICIENT_BALANCE
    events = run(state, order(TAKER, 100_000, 1, **AT_MARKET))
    assert events[0].values[2] & 0xFFFFFFFF == 2**32 - 2
