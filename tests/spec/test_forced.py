"""Forced operations: what an owner or anyone asks for on L1 (docs/spec/l1-inputs.md section 1)."""

from dataclasses import replace

import pytest

from offchain.spec import fund_op, l1_op, op, risk_op
from offchain.spec.constants import HALVINGS, MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event
from offchain.spec.kinds import (
    AssetFlag,
    Continuation,
    EventKind,
    MarketStatus,
    OpKind,
    PriorityKind,
    Reason,
)
from offchain.spec.state import State
from tests.spec.fund_support import BUCKET, fund_exchange
from tests.spec.risk_support import (
    PRICE,
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
    HALTED,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    SPOT,
    TAKER,
    UNITS,
    kinds,
    only,
    refused,
    rest,
    run,
    trade,
)
from tests.strategies import owner_of

OWNER = owner_of(MAKER)
WITHDRAW = l1_op.ForcedWithdraw(account=MAKER, asset=0, amount=100, sender=OWNER)
CLOSE = l1_op.ForcedClose(market=PERP, account=MAKER, sender=OWNER)
CANCEL = l1_op.ForcedCancel(account=MAKER, sender=OWNER)
LOTS = 10**6  # 1,000 quote tokens at PRICE


@pytest.fixture
def plain(spot_and_perp: State) -> State:
    return spot_and_perp


@pytest.fixture
def margined() -> State:
    return margined_exchange()


def free(state: State, account: int, asset: int = 0) -> int:
    record = state.account(account)
    return record.free[record.asset_ids.index(asset + 1)]


def rejection(events: list[Event]) -> tuple[int, ...]:
    """Return account, op index, op kind and code of the only REJECTED."""
    (event,) = only(events, EventKind.REJECTED)
    return event.account, *event.values[:3]


@pytest.mark.parametrize("forced", [WITHDRAW, CLOSE, CANCEL], ids=lambda each: each.KIND.name)
def test_only_the_owner_of_an_account_forces(plain, forced):
    assert refused(plain, replace(forced, account=ABSENT)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(plain, replace(forced, account=2**22)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(plain, replace(forced, account=TAKER)) == ErrorCode.NOT_SAME_OWNER
    assert refused(plain, replace(forced, sender=bytes(20))) == ErrorCode.NOT_SAME_OWNER


@pytest.mark.parametrize("forced", [WITHDRAW, CLOSE, CANCEL], ids=lambda each: each.KIND.name)
def test_accounts_of_funds_are_not_forced(forced):
    state = fund_exchange()
    sender = state.account(BUCKET).owner
    forced = replace(forced, account=BUCKET, sender=sender)
    assert refused(state, forced) == ErrorCode.FUND_ACCOUNT


# --- withdrawals ---------------------------------------------------------------------------


def test_a_forced_withdrawal_pays_what_was_asked_for(plain):
    total = plain.assets.read(0).total_units
    (event,) = run(plain, WITHDRAW)
    assert event.kind == EventKind.WITHDRAWAL
    assert event.account == MAKER
    assert event.values[:2] == (0, 100)
    assert event.values[5] == ErrorCode.OK
    assert free(plain, MAKER) == UNITS * 3 // 4 - 100
    assert plain.assets.read(0).total_units == total - 100


def test_a_forced_withdrawal_cancels_all_orders_first(plain):
    rest(plain, MAKER, 100, 50)
    rest(plain, MAKER, 90, 50, market=PERP)
    events = run(plain, replace(WITHDRAW, amount=UNITS))
    assert kinds(events) == [EventKind.CANCELLED, EventKind.CANCELLED, EventKind.WITHDRAWAL]
    assert {event.values[3] for event in events[:2]} == {Reason.FORCED}
    assert events[2].values[1] == UNITS * 3 // 4
    assert free(plain, MAKER) == 0


def test_an_amount_is_rounded_down_to_the_step(plain):
    (event,) = run(plain, replace(WITHDRAW, amount=109))
    assert event.values[1] == 100
    events = run(plain, replace(WITHDRAW, amount=9))
    assert rejection(events) == (
        MAKER,
        0,
        OpKind.FORCED_WITHDRAW,
        ErrorCode.INSUFFICIENT_BALANCE,
    )


def test_no_more_leaves_than_the_chain_has_on_l1(plain):
    plain.assets.edit(0).total_units = 1_005
    (event,) = run(plain, replace(WITHDRAW, amount=UNITS))
    assert event.values[1] == 1_000
    assert plain.assets.read(0).total_units == 5


def test_an_engine_unit_counts_for_what_it_is_of_l1(plain):
    plain.assets.edit(BASE).unit_index_e12 = 9 * 10**11
    (event,) = run(plain, replace(WITHDRAW, asset=BASE, amount=UNITS))
    assert event.values[1] == UNITS * 3 // 4 * 9 // 10
    assert BASE + 1 not in plain.account(MAKER).asset_ids


def test_positions_keep_what_backs_them(margined):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    have = free(margined, MAKER)
    (event,) = run(margined, replace(WITHDRAW, amount=UNITS))
    paid = event.values[1]
    assert event.kind == EventKind.WITHDRAWAL
    # 1,000 quote tokens of notional keep a tenth of it: half of the balance may go.
    assert paid == have // 2 // 10 * 10
    withdraw = op.Withdraw(account=MAKER, asset=0, amount=free(margined, MAKER) // 10 * 10)
    assert refused(margined, withdraw) == ErrorCode.INSUFFICIENT_MARGIN


def test_a_stale_mark_makes_a_withdrawal_wait(margined):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    advance(margined, 61)
    assert rejection(run(margined, WITHDRAW))[3] == ErrorCode.STALE_PRICE


@pytest.mark.parametrize("is_enough", [True, False])
def test_a_withdrawal_is_halved_fifteen_times_at_most(margined, is_enough):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    needed = 10**10  # a tenth of the notional
    last = (needed >> HALVINGS - 1) // 10 * 10
    # A hundred quote units are one micro, so a spare amount counts in whole ones.
    wish = margined.edit_account(MAKER).free[0] = needed + (400_000 if is_enough else last - 200)
    (event,) = run(margined, replace(WITHDRAW, amount=wish))
    if is_enough:
        assert event.values[1] == (wish >> HALVINGS - 1) // 10 * 10
    else:
        assert rejection([event])[3] == ErrorCode.INSUFFICIENT_MARGIN


@pytest.mark.parametrize("units", [-5, 0])
def test_a_debtor_is_paid_nothing(plain, units):
    plain.edit_account(MAKER).free[0] = units
    assert rejection(run(plain, WITHDRAW))[3] == ErrorCode.INSUFFICIENT_BALANCE


def test_an_asset_without_slot_pays_nothing(plain):
    run(plain, op.AdminAsset(asset=3, withdraw_step_units=1, deposit_cap_units=1))
    plain.assets.edit(3).total_units = 50
    assert rejection(run(plain, replace(WITHDRAW, asset=3)))[3] == ErrorCode.INSUFFICIENT_BALANCE


def test_assets_that_cannot_be_withdrawn(plain):
    assert refused(plain, replace(WITHDRAW, asset=5)) == ErrorCode.UNKNOWN_ASSET
    assert refused(plain, replace(WITHDRAW, asset=256)) == ErrorCode.UNKNOWN_ASSET
    plain.assets.edit(BASE).flags |= AssetFlag.LINKED
    assert refused(plain, replace(WITHDRAW, asset=BASE)) == ErrorCode.PLEDGED_ASSET


def test_a_position_without_margin_keeps_the_quote(plain):
    trade(plain, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=5, market=PERP)
    assert rejection(run(plain, WITHDRAW))[3] == ErrorCode.POSITION_OPEN
    (event,) = run(plain, replace(WITHDRAW, asset=BASE))
    assert event.values[:2] == (BASE, 100)


@pytest.mark.parametrize("orders", [MAX_STEPS, MAX_STEPS + 1])
def test_a_withdrawal_goes_on_after_sixty_four_orders(plain, orders):
    for _ in range(orders):
        rest(plain, MAKER, 100, 1)
    events = run(plain, WITHDRAW)
    pending = plain.header.pending
    if orders == MAX_STEPS:
        assert events[-1].kind == EventKind.WITHDRAWAL
        assert pending.kind == Continuation.NONE
        return
    assert events[-1].kind == EventKind.CONTINUED
    assert events[-1].market == 0
    assert events[-1].values[0] == Continuation.FORCED
    words = (pending.account, pending.market, pending.attributes, pending.limit_price)
    assert words == (MAKER, 0, OpKind.FORCED_WITHDRAW, 0)
    assert (pending.remaining_lots, pending.reason) == (100, Reason.FORCED)
    assert refused(plain, CANCEL) == ErrorCode.CONTINUATION_PENDING
    events = run(plain, op.Continue())
    assert kinds(events) == [EventKind.CANCELLED, EventKind.WITHDRAWAL]
    assert plain.header.pending.kind == Continuation.NONE


# --- closes --------------------------------------------------------------------------------


def test_a_close_sells_a_long_within_the_band_around_the_mark(margined):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    # The price band of 10 % is also that of every fill.
    rest(margined, TAKER, PRICE * 9 // 10, LOTS // 2, market=PERP)
    rest(margined, TAKER, PRICE * 95 // 100, LOTS // 4, market=PERP)
    events = run(margined, CLOSE)
    prices = [event.values[2] & 2**32 - 1 for event in only(events, EventKind.FILL)]
    assert prices == [950, 900]
    done = only(events, EventKind.DONE)[0]
    assert (done.account, done.values[1:4]) == (MAKER, (LOTS * 3 // 4, LOTS // 4, Reason.IOC))
    assert done.values[4:] == (0, 0)


def test_a_close_buys_a_short_back_and_cancels_only_its_market(margined):
    trade(margined, buyer=TAKER, seller=MAKER, price=PRICE, size_lots=LOTS, market=PERP)
    rest(margined, MAKER, PRICE * 12 // 10, 7, market=PERP, flags=IS_ASK)
    kept, _ = rest(margined, MAKER, 100, 5)
    rest(margined, TAKER, PRICE * 101 // 100, LOTS, market=PERP, flags=IS_ASK)
    events = run(margined, CLOSE)
    (cancelled,) = only(events, EventKind.CANCELLED)
    assert (cancelled.market, cancelled.values[3]) == (PERP, Reason.FORCED)
    assert only(events, EventKind.DONE)[0].values[3] == Reason.FILLED
    assert margined.account(MAKER).positions_used == 0
    assert [order.order_id for order in margined.orders.values() if order.order_id] == [kept]


def test_without_a_fresh_mark_the_best_price_and_ten_percent_bound_a_close(margined):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    rest(margined, TAKER, 960, LOTS // 2, market=PERP)
    rest(margined, TAKER, 905, LOTS // 4, market=PERP)
    advance(margined, 61)
    events = run(margined, CLOSE)
    assert len(only(events, EventKind.FILL)) == 2
    reprice(margined)
    advance(margined, 61)
    rest_of = only(run(margined, CLOSE), EventKind.REJECTED)
    assert [event.values[:3] for event in rest_of] == [
        (0, OpKind.FORCED_CLOSE, ErrorCode.NO_LIQUIDITY)
    ]


def test_a_market_without_margin_is_closed_at_the_best_price(plain):
    trade(plain, buyer=TAKER, seller=MAKER, price=PRICE, size_lots=10, market=PERP)
    rest(plain, TAKER, 2_000, 4, market=PERP, flags=IS_ASK)
    rest(plain, TAKER, 2_200, 4, market=PERP, flags=IS_ASK)
    rest(plain, TAKER, 2_201, 4, market=PERP, flags=IS_ASK)
    events = run(plain, CLOSE)
    assert [event.values[2] & 2**32 - 1 for event in only(events, EventKind.FILL)] == [2_000, 2_200]
    assert only(events, EventKind.DONE)[0].values[1:3] == (8, 2)


def test_own_orders_do_not_stop_a_close(plain):
    trade(plain, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=4, market=PERP)
    rest(plain, MAKER_SUB, 999, 4, market=PERP)  # of the same master, not the same account
    events = run(plain, CLOSE)
    assert only(events, EventKind.DONE)[0].values[3] == Reason.FILLED


def test_a_close_without_position_is_rejected_after_its_orders_are_gone(plain):
    rest(plain, MAKER, 90, 5, market=PERP)
    events = run(plain, CLOSE)
    assert kinds(events) == [EventKind.CANCELLED, EventKind.REJECTED]
    assert rejection(events) == (
        MAKER,
        0,
        OpKind.FORCED_CLOSE,
        ErrorCode.REDUCE_ONLY_WOULD_INCREASE,
    )
    assert plain.account(MAKER).order_count == 0


def test_markets_that_cannot_be_closed(plain):
    assert refused(plain, replace(CLOSE, market=9)) == ErrorCode.UNKNOWN_MARKET
    assert refused(plain, replace(CLOSE, market=2**16 - 1)) == ErrorCode.UNKNOWN_MARKET
    assert refused(plain, replace(CLOSE, market=SPOT)) == ErrorCode.WRONG_MARKET
    assert refused(plain, replace(CLOSE, market=HALTED)) == ErrorCode.MARKET_NOT_OPEN
    assert plain.markets.read(HALTED).status == MarketStatus.HALTED


def test_a_close_goes_on_after_sixty_four_orders_and_after_as_many_fills(plain):
    trade(plain, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=200, market=PERP)
    for _ in range(MAX_STEPS + 1):
        rest(plain, MAKER, 900, 1, market=PERP)
        rest(plain, TAKER, 950, 1, market=PERP)
    events = run(plain, CLOSE)
    assert len(only(events, EventKind.CANCELLED)) == MAX_STEPS
    pending = plain.header.pending
    words = (pending.kind, pending.market, pending.attributes, pending.market_filter)
    assert words == (Continuation.FORCED, PERP, OpKind.FORCED_CLOSE, PERP)
    assert (pending.limit_price, pending.remaining_lots) == (0, 0)
    assert events[-1].market == PERP
    events = run(plain, op.Continue())
    assert len(only(events, EventKind.FILL)) == MAX_STEPS
    assert plain.header.pending.kind == Continuation.MATCH
    events = run(plain, op.Continue())
    assert only(events, EventKind.DONE)[0].values[1] == MAX_STEPS + 1


# --- the others ----------------------------------------------------------------------------


def test_all_orders_are_cancelled_in_steps(plain):
    for _ in range(MAX_STEPS + 1):
        rest(plain, MAKER, 100, 1)
    events = run(plain, CANCEL)
    assert plain.header.pending.kind == Continuation.CANCEL_ALL
    assert plain.header.pending.reason == Reason.FORCED
    events += run(plain, op.Continue())
    assert len(only(events, EventKind.CANCELLED)) == MAX_STEPS + 1
    assert run(plain, CANCEL) == []


def test_anyone_lets_the_liquidation_engine_work(margined):
    fund_insurance(margined, 10**12)
    sweep = l1_op.ForcedSweep(account=MAKER)
    assert refused(margined, replace(sweep, account=ABSENT)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(margined, sweep) == ErrorCode.NOT_LIQUIDATABLE
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    margined.edit_account(MAKER).free[0] = 10**9  # a hundredth of the notional
    liquidate = risk_op.Liquidate(account=MAKER)
    events = run(margined, sweep)
    assert EventKind.LIQUIDATED in kinds(events)
    assert refused(margined, liquidate) == refused(margined, sweep)


def test_a_late_sweep_does_not_stop_what_is_forced(margined):
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    advance(margined, 601)
    invest = fund_op.Invest(account=MAKER, fund=0, amount=1)
    assert refused(margined, invest) == ErrorCode.SWEEP_LATE
    (event,) = run(margined, replace(WITHDRAW, asset=BASE))
    assert event.kind == EventKind.REJECTED  # the marks are old
    assert run(margined, CANCEL) == []


def test_a_notice_leaves_an_event(plain):
    before = plain.account(MAKER)
    (event,) = run(plain, l1_op.Notice(kind=PriorityKind.REFUND))
    assert (event.kind, event.account, event.values[0]) == (EventKind.PRIORITY_NOTED, 0, 8)
    assert plain.account(MAKER) == before


def test_collateral_is_paid_out_while_it_is_not_needed(margined):
    run(margined, asset_risk())
    advance(margined, 1)
    run(margined, asset_snapshot(margined))
    reprice(margined)
    trade(margined, buyer=MAKER, seller=TAKER, price=PRICE, size_lots=LOTS, market=PERP)
    (event,) = run(margined, replace(WITHDRAW, asset=BASE, amount=UNITS))
    assert event.values[:2] == (BASE, UNITS * 3 // 4)
    assert BASE + 1 not in margined.account(MAKER).asset_ids
