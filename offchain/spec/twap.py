"""Slices of a TWAP: an even part of its size per interval, each an immediate order.

docs/spec/conditional-orders.md section 3.
"""

from dataclasses import replace

from offchain.spec import book, conditions, duties, firing, matching, positions, prices
from offchain.spec.book_records import Condition, Duty, Order
from offchain.spec.checks import OpError, require
from offchain.spec.constants import TWAP_CATCH_UP
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.header import PendingWork
from offchain.spec.kinds import (
    Continuation,
    DutyKind,
    MarketStatus,
    OrderFlag,
    Reason,
    TimeInForce,
)
from offchain.spec.op import TIME_LIMIT
from offchain.spec.state import State


def run_slice(state: State, log: EventLog, slot: int, due_s: int) -> None:
    """Trade the slice that is due, with what earlier ones left, and wait for the next.

    Parameters
    ----------
    state, log
        Changed and appended to; the duty has just left the heap.
    slot
        Of the TWAP.
    due_s
        When the duty fell due. Slices whose time has passed since count as done.
    """
    order = state.orders.read(slot)
    condition = conditions.read(state, order.condition_slot)
    slices, interval_s = condition.link_a, condition.trail
    missed = (state.header.now_s - due_s) // interval_s
    condition.link_b = min(slices, condition.link_b + 1 + missed)
    conditions.write(state, order.condition_slot, condition)
    taker = _slice(state, order, condition)
    code = _refusal_of(state, taker)
    makes_order = code is ErrorCode.OK and taker.remaining_lots > 0
    if makes_order:
        taker.order_id = book.take_order_id(state, order.market)
    log.twap_slice(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slice_order_id=taker.order_id,
        lots=taker.remaining_lots,
        limit=taker.limit_price,
        slices_done=condition.link_b,
        code=code,
    )
    if makes_order:
        positions.open_record(state, taker.account, taker.market)
        matching.match(state, log, taker)
        state.orders.edit(slot).remaining_lots -= taker.start_size_lots - taker.remaining_lots
    if condition.link_b == slices or state.orders.read(slot).remaining_lots == 0:
        _end(state, log, slot)
        return
    next_s = min(due_s + (1 + missed) * interval_s, TIME_LIMIT)
    duties.push(state, Duty(next_s, DutyKind.TWAP, slot))


def _slice(state: State, order: Order, condition: Condition) -> PendingWork:
    """Return the order of a slice, of 0 lots when the earlier ones traded enough."""
    target = condition.lots * condition.link_b // condition.link_a
    traded = condition.lots - order.remaining_lots
    at_most = TWAP_CATCH_UP * ceil_div(condition.lots, condition.link_a)
    lots = max(0, min(target - traded, at_most))
    limit = firing.market_limit(state, order.market, condition.limit_price, is_ask=order.is_ask)
    return PendingWork(
        kind=Continuation.MATCH,
        account=order.owner,
        market=order.market,
        attributes=order.attributes & ~OrderFlag.LINKED,
        limit_price=limit,
        remaining_lots=lots,
        time_in_force=TimeInForce.IOC,
        self_trade=condition.terms,
        start_size_lots=lots,
    )


def _refusal_of(state: State, taker: PendingWork) -> ErrorCode:
    if taker.remaining_lots == 0:
        return ErrorCode.OK
    try:
        is_open = state.markets.read(taker.market).status == MarketStatus.OPEN
        require(is_open, ErrorCode.MARKET_NOT_OPEN)
        require(prices.is_mark_fresh(state, taker.market), ErrorCode.STALE_PRICE)
        firing.check_entry(state, taker)
    except OpError as refusal:
        return refusal.code
    return ErrorCode.OK


def _end(state: State, log: EventLog, slot: int) -> None:
    order = replace(state.orders.read(slot))
    condition = conditions.read(state, order.condition_slot)
    whole = PendingWork(
        account=order.owner,
        market=order.market,
        order_id=order.order_id,
        remaining_lots=order.remaining_lots,
        start_size_lots=condition.lots,
    )
    reason = Reason.IOC if order.remaining_lots else Reason.FILLED
    log.done(whole, reason, condition.client_id)
    conditions.leave(state, slot, popped=DutyKind.TWAP)
