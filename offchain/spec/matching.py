"""Matching in price-time priority, with self-trade prevention and bounded steps.

A taker is a :class:`PendingWork` of kind MATCH; when the steps of an op run out it is stored in the
header as it stands, and CONTINUE calls :func:`match` again (docs/spec/transition.md section 3).
"""

from offchain.spec import (
    book,
    brackets,
    conditions,
    limits,
    margin,
    margin_checks,
    orders,
    positions,
    settling,
)
from offchain.spec.book_records import Order
from offchain.spec.constants import MAX_STEPS
from offchain.spec.events import EventLog
from offchain.spec.fill import (
    maker_is_within_limits,
    maker_keeps_margin,
    plan_fill,
    settle_fill,
    taker_is_within_limits,
    taker_keeps_margin,
)
from offchain.spec.header import PendingWork
from offchain.spec.kinds import MarketKind, OrderFlag, Reason, SelfTrade, TimeInForce
from offchain.spec.state import State, master_account


def match(state: State, log: EventLog, taker: PendingWork) -> None:
    """Trade a taker against the book, then let the rest of it rest or drop it.

    Parameters
    ----------
    state, log
        Changed and appended to.
    taker
        Kind MATCH; spot funds are locked, a perpetual's position record exists. It is used up.
    """
    steps = 0
    stop: Reason | None = None
    while (
        stop is None
        and taker.remaining_lots > 0
        and book.crosses(state, taker.market, taker.limit_price, taker_is_ask=taker.is_ask)
    ):
        if steps == MAX_STEPS and taker.attributes & OrderFlag.TWAP:
            stop = Reason.IOC
            break
        if steps == MAX_STEPS:
            state.header.pending = taker
            log.continued(taker)
            return
        steps += 1
        stop = _meet_best_maker(state, log, taker)
    _finish(state, log, taker, stop)


def _finish(state: State, log: EventLog, taker: PendingWork, stop: Reason | None) -> None:
    if stop is None and taker.remaining_lots == 0:
        stop = Reason.FILLED
    if stop is None and taker.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        stop = Reason.IOC
    if stop is None:
        orders.rest(state, log, taker)
        return
    _unlock(state, taker, taker.remaining_lots)
    log.done(taker, stop, conditions.client_id_of(state, taker))
    if taker.condition_slot:
        brackets.end_taker(state, log, taker, stop)
    if state.markets.read(taker.market).kind == MarketKind.PERP:
        positions.release_if_empty(state, taker.account, taker.market)


def _meet_best_maker(state: State, log: EventLog, taker: PendingWork) -> Reason | None:
    """Take one step; return why the taker ends, None when it goes on."""
    market = state.markets.read(taker.market)
    level = state.levels.read(market.best(is_ask=not taker.is_ask))
    slot = level.head
    maker = state.orders.read(slot)
    if _is_outside_band(state, taker, level.price):
        return Reason.PRICE_BAND
    lots = taker.remaining_lots
    if taker.is_reduce_only:
        lots = min(lots, _reducible(state, taker.account, taker.market, is_ask=taker.is_ask))
        if lots == 0:
            return Reason.REDUCE_ONLY
    if is_own_order(taker, maker.owner):
        return _prevent_self_trade(state, log, taker, slot)
    lots = min(lots, maker.remaining_lots)
    if maker.attributes & OrderFlag.REDUCE_ONLY:
        lots = min(lots, _reducible(state, maker.owner, maker.market, is_ask=maker.is_ask))
        if lots == 0:
            orders.cancel(state, log, slot, Reason.REDUCE_ONLY)
            return None
    fill = plan_fill(state, taker, maker, price=level.price, lots=lots)
    market = state.markets.read(taker.market)
    if not taker_is_within_limits(state, market, fill):
        return Reason.LIMIT
    if not maker_is_within_limits(state, market, fill):
        orders.cancel(state, log, slot, Reason.LIMIT)
        return None
    if not taker_keeps_margin(state, taker.market, fill):
        return Reason.MARGIN
    if not maker_keeps_margin(state, taker.market, fill):
        orders.cancel(state, log, slot, Reason.MARGIN)
        return None
    settle_fill(state, log, taker, slot, fill)
    return None


def _is_outside_band(state: State, taker: PendingWork, price: int) -> bool:
    """Return whether the price band stops the taker; the liquidation engine has its own limit."""
    if taker.attributes & OrderFlag.LIQUIDATION or not margin.is_margined(state, taker.market):
        return False
    risk = state.market_risk(taker.market)
    return not margin_checks.is_inside_band(risk, price, is_ask=taker.is_ask)


def _reducible(state: State, account_id: int, market_id: int, *, is_ask: bool) -> int:
    return settling.reducible_lots(state, account_id, market_id, is_ask=is_ask)


def is_own_order(taker: PendingWork, owner: int) -> bool:
    """Return whether an order of `owner` counts as the taker's own."""
    if taker.self_trade_by_master:
        return master_account(owner) == master_account(taker.account)
    return owner == taker.account


def _prevent_self_trade(
    state: State, log: EventLog, taker: PendingWork, slot: int
) -> Reason | None:
    mode = taker.self_trade_mode
    if mode == SelfTrade.EXPIRE_TAKER:
        return Reason.SELF_TRADE
    if mode == SelfTrade.REDUCE:
        return _reduce_both(state, log, taker, slot)
    _cancel_own(state, log, taker, slot)
    return Reason.SELF_TRADE if mode == SelfTrade.EXPIRE_BOTH else None


def _reduce_both(state: State, log: EventLog, taker: PendingWork, slot: int) -> Reason | None:
    maker = state.orders.read(slot)
    lots = min(taker.remaining_lots, maker.remaining_lots)
    orders.give_up_lots(state, slot, lots)
    _unlock(state, taker, lots)
    taker.remaining_lots -= lots
    taker.start_size_lots -= lots
    if maker.condition_slot:
        condition = conditions.read(state, maker.condition_slot)
        condition.lots -= lots
        conditions.write(state, maker.condition_slot, condition)
    if maker.remaining_lots == 0:
        _cancel_own(state, log, taker, slot)
    else:
        orders.log_reduced(state, log, slot, Reason.SELF_TRADE)
    return Reason.SELF_TRADE if taker.remaining_lots == 0 else None


def _cancel_own(state: State, log: EventLog, taker: PendingWork, slot: int) -> None:
    is_same_account = state.orders.read(slot).owner == taker.account
    orders.cancel(state, log, slot, Reason.SELF_TRADE, keeps_position=is_same_account)


def _unlock(state: State, taker: PendingWork, lots: int) -> None:
    orders.unlock_lots(
        state, taker.account, taker.market, taker.attributes, taker.limit_price, lots
    )


def is_fillable_at_once(state: State, taker: PendingWork) -> bool:
    """Decide a FOK by a dry run: whether the book holds the whole size within one op.

    Not counted are makers whose fill is conditional: reduce-only ones, and those that a bound might
    stop. An own order makes the FOK unfillable unless the self-trade mode removes it
    (EXPIRE_MAKER).
    """
    size = taker.remaining_lots
    best = next(book.orders_from_best(state, taker.market, is_ask=not taker.is_ask), None)
    if best is None:
        return False
    worst = limits.worst_notional(state, taker.market, size, max(taker.limit_price, best[0]))
    if not limits.fok_taker_is_able(state, taker, worst):
        return False
    if taker.is_reduce_only:
        allowed = _reducible(state, taker.account, taker.market, is_ask=taker.is_ask)
        if allowed < size:
            return False
    filled = 0
    book_side = book.orders_from_best(state, taker.market, is_ask=not taker.is_ask)
    for step, (price, maker) in enumerate(book_side, start=1):
        if not book.is_at_least_as_good(price, taker.limit_price, is_ask=not taker.is_ask):
            return False
        if step > MAX_STEPS:
            return False
        filled += _counted_lots(state, taker, maker, worst, best[0])
        if filled >= size:
            return True
        if _forbids_fok(taker, maker):
            return False
    return False


def _forbids_fok(taker: PendingWork, maker: Order) -> bool:
    is_removed = taker.self_trade_mode == SelfTrade.EXPIRE_MAKER
    return is_own_order(taker, maker.owner) and not is_removed


def _counted_lots(
    state: State, taker: PendingWork, maker: Order, worst: int, best_price: int
) -> int:
    if is_own_order(taker, maker.owner) or maker.attributes & OrderFlag.REDUCE_ONLY:
        return 0
    is_sure = limits.has_headroom(
        state,
        taker.market,
        account_id=maker.owner,
        is_ask=maker.is_ask,
        attributes=maker.attributes,
        size_lots=taker.remaining_lots,
        worst=worst,
    ) and margin_checks.has_fok_margin(
        state,
        taker.market,
        maker.owner,
        is_ask=maker.is_ask,
        size_lots=taker.remaining_lots,
        best_price=best_price,
    )
    return maker.remaining_lots if is_sure else 0
