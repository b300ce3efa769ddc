"""Fees, builder fees, tiers and the quota of metered tiers."""

from offchain.spec import op
from offchain.spec.constants import FEE_ACCOUNT, PPM
from offchain.spec.events import Event
from offchain.spec.fees import ceil_div, lock_per_lot
from offchain.spec.kinds import EventKind, MarketKind, OrderFlag, TimeInForce
from offchain.spec.records import Market
from tests.spec.invariants import check_all
from tests.spec.support import (
    IS_ASK,
    MAKER,
    MAKER_SUB,
    NOW_S,
    PERP,
    TAKER,
    UNITS,
    kinds,
    only,
    order,
    rest,
    run,
    set_fees,
)

IOC = {"time_in_force": TimeInForce.IOC}


def fees_of_fill(events: list[Event]) -> tuple[int, ...]:
    """Return (taker fee, maker fee) of the only fill."""
    (fill,) = only(events, EventKind.FILL)
    return fill.values[4:]


def test_both_sides_pay_their_rate_rounded_up(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=15, taker_ppm=250)
    rest(state, MAKER, 1_001, 7, flags=IS_ASK)
    events = run(state, order(TAKER, 1_001, 7))
    # 7,007 quote units: 0.105 and 1.75 units.
    assert fees_of_fill(events) == (2, 1)
    assert state.account(FEE_ACCOUNT).free[0] == 3
    assert state.account(TAKER).free[0] == UNITS - 7_007 - 2
    check_all(state)


def test_a_perpetual_fee_is_taken_from_the_quote(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=10, taker_ppm=1_000)
    rest(state, MAKER, 1_000, 10, flags=IS_ASK, market=PERP)
    events = run(state, order(TAKER, 1_000, 10, market=PERP))
    assert fees_of_fill(events) == (1_000, 10)
    assert state.account(TAKER).free[0] == UNITS - 1_000
    check_all(state)


def test_builder_fees_of_both_sides_follow_the_fill(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=500)
    run(state, op.RegisterBuilder(account=MAKER))
    for account in (MAKER, TAKER):
        run(state, op.ApproveBuilder(account=account, builder=1, max_fee=100))
    rest(state, MAKER, 1_000, 10, flags=IS_ASK, builder=1, builder_fee=100)
    events = run(state, order(TAKER, 1_000, 10, builder=1, builder_fee=50))
    expected = [EventKind.FILL, EventKind.BUILDER_FEE, EventKind.BUILDER_FEE, EventKind.DONE]
    assert kinds(events) == expected
    # 10,000 units: 50 x 10 ppm = 5 units, 100 x 10 ppm = 10 units.
    assert [event.values[1:4] for event in events[1:3]] == [(1, 5, TAKER), (1, 10, MAKER)]
    assert {event.account for event in events[1:3]} == {MAKER}
    check_all(state)


def test_a_builder_fee_is_at_most_what_the_fee_leaves(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=1_000, taker_ppm=1_000)
    run(state, op.RegisterBuilder(account=MAKER))
    run(state, op.ApproveBuilder(account=TAKER, builder=1, max_fee=100))
    rest(state, MAKER, 1, 1, flags=IS_ASK)
    events = run(state, order(TAKER, 1, 1, builder=1, builder_fee=100))
    assert fees_of_fill(events) == (1, 1)
    assert not only(events, EventKind.BUILDER_FEE)
    check_all(state)


def test_a_sub_account_pays_the_tier_of_its_master_at_the_time_of_the_fill(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=1, maker_ppm=100, taker_ppm=100)
    rest(state, MAKER_SUB, 1_000, 10, flags=IS_ASK)
    run(state, op.SetTier(account=MAKER, tier=1))
    assert fees_of_fill(run(state, order(TAKER, 1_000, 10))) == (0, 1)


def test_orders_above_the_quota_pay_the_api_tier(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=0, quota_per_minute=2)
    set_fees(state, tier=1, maker_ppm=40, taker_ppm=300)
    rest(state, MAKER, 1_000, 30, flags=IS_ASK)
    fees = [fees_of_fill(run(state, order(TAKER, 1_000, 10, **IOC))) for _ in range(3)]
    assert fees == [(0, 0), (0, 0), (3, 0)]
    check_all(state)


def test_the_quota_counts_by_master_and_starts_anew_each_minute(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=0, quota_per_minute=1)
    attributes = []
    for account in (MAKER, MAKER_SUB):
        (event,) = run(state, order(account, 100, 1))
        attributes.append(event.values[4])
    run(state, op.AdvanceTime(now_s=NOW_S // 60 * 60 + 60))
    (event,) = run(state, order(MAKER_SUB, 100, 1))
    assert [*attributes, event.values[4]] == [0, OrderFlag.API_FEE, 0]
    assert state.account(MAKER).quota_used == 1


def test_refused_orders_are_not_counted(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=0, quota_per_minute=1)
    rest(state, MAKER, 100, 1)
    assert state.account(MAKER).quota_used == 1
    run(state, op.CancelAll(account=MAKER))
    assert state.account(MAKER).quota_used == 1


def test_a_modify_counts_and_only_ever_adds_the_flag_in_place(spot_and_perp):
    state = spot_and_perp
    set_fees(state, tier=0, maker_ppm=0, taker_ppm=0, quota_per_minute=1)
    order_id, slot = rest(state, MAKER, 100, 5)
    fields = {"market": 1, "account": MAKER, "order_id": order_id, "slot": slot, "price": 100}
    run(state, op.Modify(**fields, size_lots=4))
    assert state.orders.read(slot).attributes == OrderFlag.API_FEE
    run(state, op.AdvanceTime(now_s=NOW_S + 120))
    run(state, op.Modify(**fields, size_lots=3))
    assert state.orders.read(slot).attributes == OrderFlag.API_FEE
    run(state, op.AdvanceTime(now_s=NOW_S + 240))
    (_, rested) = run(state, op.Modify(**fields, size_lots=9))
    assert rested.values[4] == 0


def test_a_market_without_tiers_is_free(spot_and_perp):
    state = spot_and_perp
    state.markets.edit(1).fee_table = 9
    rest(state, MAKER, 1_000, 10, flags=IS_ASK)
    assert fees_of_fill(run(state, order(TAKER, 1_000, 10))) == (0, 0)


def test_the_lock_of_a_lot_covers_the_dearest_fill():
    market = Market(kind=MarketKind.SPOT)
    for price in (1, 7, 999, 1_000, 12_345, 2**32 - 2):
        for builder_fee in (0, 1, 1_999):
            locked = lock_per_lot(market, is_ask=False, price=price, builder_fee=builder_fee)
            for lots in (1, 3, 10**4):
                cost = price * lots
                fees = ceil_div(cost * 1_000, PPM) + ceil_div(cost * builder_fee * 10, PPM)
                assert locked * lots >= cost + fees
