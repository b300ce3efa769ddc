"""What triggers do when the mark or a minute has come: fire, or trail behind the mark.

docs/spec/conditional-orders.md section 3.
"""

from dataclasses import replace

from offchain.spec import book, conditions, duties, margin, matching, positions, prices, triggers
from offchain.spec.book_records import Condition, Duty, Order, builder_fee_of
from offchain.spec.bounds import clamp
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    MAX_SLIPPAGE_PPM,
    POSITIONS_PER_ACCOUNT,
    PPM,
    PRICE_MAX,
    TRAIL_STEP_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation, DutyKind, OrderFlag, Reason, TimeInForce
from offchain.spec.margin_checks import check_perp_order
from offchain.spec.op import TIME_LIMIT
from offchain.spec.order_checks import check_notional, check_reduces
from offchain.spec.state import State


def fire_next(state: State, log: EventLog) -> None:
    """Fire one met trigger of the header's market; clear the market when none is left."""
    market_id = state.header.trigger_market - 1
    slot = triggers.find_met(state, market_id)
    if slot:
        _fire(state, log, slot)
    state.header.trigger_market = 0
    triggers.note_met(state, market_id)


def _fire(state: State, log: EventLog, slot: int) -> None:
    order = replace(state.orders.read(slot))
    condition = conditions.read(state, order.condition_slot)
    taker = _as_taker(state, order, condition)
    code = _refusal_of(state, taker)
    log.triggered(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slot=slot,
        trigger=triggers.price_of(state, order),
        mark=state.market_risk(order.market).mark_price,
        lots=order.remaining_lots,
        code=code,
    )
    conditions.leave(state, slot)
    if code is not ErrorCode.OK:
        conditions.log_cancelled(log, order, slot, Reason.REFUSED, condition.client_id)
    if condition.link_a:
        conditions.cancel(state, log, condition.link_a, Reason.LINKED)
    if code is ErrorCode.OK:
        positions.open_record(state, taker.account, taker.market)
        matching.match(state, log, taker)


def _as_taker(state: State, order: Order, condition: Condition) -> PendingWork:
    limit = condition.limit_price
    is_market = limit == 0
    if is_market:
        limit = market_limit(state, order.market, MAX_SLIPPAGE_PPM, is_ask=order.is_ask)
    return PendingWork(
        kind=Continuation.MATCH,
        account=order.owner,
        market=order.market,
        order_id=order.order_id,
        attributes=order.attributes & ~(OrderFlag.LINKED | OrderFlag.TRIGGER),
        limit_price=limit,
        remaining_lots=order.remaining_lots,
        client_id_low=condition.client_id_low,
        client_id_high=condition.client_id_high,
        expiry_s=order.expiry_s,
        time_in_force=TimeInForce.IOC if is_market else TimeInForce.GTC,
        self_trade=condition.terms,
        start_size_lots=order.remaining_lots,
    )


def market_limit(state: State, market_id: int, slippage_ppm: int, *, is_ask: bool) -> int:
    """Return the worst price of a market order: the mark and a slippage within the price band."""
    risk = state.market_risk(market_id)
    if margin.is_margined(state, market_id):
        slippage_ppm = min(slippage_ppm, risk.price_band_ppm)
    distance = risk.mark_price * slippage_ppm // PPM
    limit = risk.mark_price - distance if is_ask else risk.mark_price + distance
    return clamp(limit, 1, PRICE_MAX)


def _refusal_of(state: State, taker: PendingWork) -> ErrorCode:
    try:
        check_entry(state, taker)
    except OpError as refusal:
        return refusal.code
    return ErrorCode.OK


def check_entry(state: State, taker: PendingWork) -> None:
    """Check an order that was accepted before, and enters the book now.

    Raises
    ------
    OpError
        NOTIONAL_TOO_LARGE, BOOK_FULL, POSITIONS_FULL, REDUCE_ONLY_WOULD_INCREASE, and what
        :func:`~offchain.spec.margin_checks.check_perp_order` refuses.
    """
    check_notional(
        state.markets.read(taker.market),
        is_ask=taker.is_ask,
        price=taker.limit_price,
        size_lots=taker.remaining_lots,
        builder_fee=builder_fee_of(taker.attributes),
    )
    if taker.time_in_force == TimeInForce.GTC:
        require(book.has_level_slot(state), ErrorCode.BOOK_FULL)
    has_record = positions.find(state, taker.account, taker.market) != positions.NO_POSITION
    used = state.account(taker.account).positions_used
    require(has_record or used < POSITIONS_PER_ACCOUNT, ErrorCode.POSITIONS_FULL)
    if taker.is_reduce_only:
        check_reduces(state, taker.account, taker.market, is_ask=taker.is_ask)
    check_perp_order(state, taker)


def run_trail(state: State, log: EventLog, slot: int) -> None:
    """Move a trailing trigger behind a mark that has gone its way, and look again in a minute.

    Parameters
    ----------
    state, log
        Changed and appended to; the trigger's duty has just left the heap.
    slot
        Of a trigger with a trailing distance.
    """
    order = state.orders.read(slot)
    if prices.is_mark_fresh(state, order.market) and book.has_level_slot(state):
        _trail(state, log, slot)
    due_s = min(state.header.now_s + TRAIL_STEP_S, TIME_LIMIT)
    duties.push(state, Duty(due_s, DutyKind.TRAIL, slot))


def _trail(state: State, log: EventLog, slot: int) -> None:
    order = state.orders.read(slot)
    mark_price = state.market_risk(order.market).mark_price
    distance = conditions.read(state, order.condition_slot).trail
    price = triggers.trailing_price(mark_price, distance, is_ask=order.is_ask)
    old_price = triggers.price_of(state, order)
    if price is None or not (price > old_price if order.is_ask else price < old_price):
        return
    is_above = state.levels.read(order.level).is_ask
    book.leave_level(state, slot)
    book.join_level(state, slot, price, is_ask=is_above, is_trigger=True)
    log.trigger_moved(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slot=slot,
        trigger=price,
        mark=mark_price,
    )
