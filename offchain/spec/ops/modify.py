"""MODIFY: shrink an order in place, or cancel it and place it anew under its id."""

from offchain.spec import balances, book, orders
from offchain.spec.book_records import Order, builder_fee_of
from offchain.spec.checks import OpError, require
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fees import count_quota, paid_asset
from offchain.spec.header import PendingWork, pack_self_trade
from offchain.spec.kinds import (
    Continuation,
    MarketKind,
    OrderFlag,
    PlaceFlag,
    Reason,
    TimeInForce,
)
from offchain.spec.margin_checks import check_perp_order, check_spot_order
from offchain.spec.op import Modify
from offchain.spec.ops.place import enter, lock_of
from offchain.spec.order_checks import (
    check_limit_price,
    check_notional,
    check_reduces,
    check_size,
    require_account,
    require_open_market,
)
from offchain.spec.state import State


def modify(state: State, op: Modify, log: EventLog) -> None:
    """Apply a MODIFY.

    A smaller size at the same price keeps the order's place; any other change loses it.

    Raises
    ------
    OpError
        With the first code of the page's list that applies; nothing has changed then.
    """
    order = _check_order(state, op)
    price = orders.price_of(state, order)
    if op.price == price and op.size_lots < order.remaining_lots:
        _shrink_in_place(state, op, order, log)
        return
    taker = _as_taker(op, order)
    _check_replacement(state, op, order, taker)
    # The record of a perpetual position stays, because the order comes back at once.
    orders.cancel(state, log, op.slot, Reason.MODIFIED, keeps_position=True)
    enter(state, log, taker)


def _check_order(state: State, op: Modify) -> Order:
    require_account(state, op.account)
    market = require_open_market(state, op.market)
    order = orders.find(state, op.account, op.market, op.order_id, op.slot)
    if order is None:
        raise OpError(ErrorCode.UNKNOWN_ORDER)
    require(not order.attributes & OrderFlag.LINKED, ErrorCode.ORDER_LINKED)
    check_size(market, op.size_lots)
    check_limit_price(market, op.price)
    is_same = op.price == orders.price_of(state, order) and op.size_lots == order.remaining_lots
    require(not is_same, ErrorCode.MODIFY_CHANGES_NOTHING)
    check_notional(
        market,
        is_ask=order.is_ask,
        price=op.price,
        size_lots=op.size_lots,
        builder_fee=builder_fee_of(order.attributes),
    )
    return order


def _shrink_in_place(state: State, op: Modify, order: Order, log: EventLog) -> None:
    orders.give_up_lots(state, op.slot, order.remaining_lots - op.size_lots)
    if count_quota(state, state.markets.read(op.market), op.account):
        state.orders.edit(op.slot).attributes |= OrderFlag.API_FEE
    orders.log_reduced(state, log, op.slot, Reason.MODIFIED)


def _as_taker(op: Modify, order: Order) -> PendingWork:
    by_master = bool(op.flags & PlaceFlag.SELF_TRADE_BY_MASTER)
    return PendingWork(
        kind=Continuation.MATCH,
        account=op.account,
        market=op.market,
        order_id=op.order_id,
        attributes=order.attributes & ~OrderFlag.API_FEE,
        limit_price=op.price,
        remaining_lots=op.size_lots,
        client_id_low=order.client_id_low,
        client_id_high=order.client_id_high,
        expiry_s=order.expiry_s,
        time_in_force=op.time_in_force,
        self_trade=pack_self_trade(op.self_trade, by_master=by_master),
        start_size_lots=op.size_lots,
    )


def _check_replacement(state: State, op: Modify, order: Order, taker: PendingWork) -> None:
    market = state.markets.read(op.market)
    if op.time_in_force == TimeInForce.POST_ONLY:
        would_cross = book.crosses(state, op.market, op.price, taker_is_ask=order.is_ask)
        require(not would_cross, ErrorCode.POST_ONLY_WOULD_CROSS)
    require(book.has_level_slot(state), ErrorCode.BOOK_FULL)
    if market.kind == MarketKind.PERP:
        if taker.is_reduce_only:
            check_reduces(state, op.account, op.market, is_ask=order.is_ask)
        check_perp_order(state, taker, replaced_lots=order.remaining_lots)
        return
    price = orders.price_of(state, order)
    old_lock = orders.lock_units(state, op.market, order.attributes, price, order.remaining_lots)
    account = state.account(op.account)
    free = balances.free_units(account, paid_asset(market, is_ask=order.is_ask)) or 0
    lock = lock_of(state, taker)
    require(free + old_lock >= lock, ErrorCode.INSUFFICIENT_BALANCE)
    locked_units = lock - old_lock
    check_spot_order(state, market, op.account, is_ask=order.is_ask, locked_units=locked_units)
