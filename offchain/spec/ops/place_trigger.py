"""PLACE_TRIGGER: one or two orders that wait for the mark price.

docs/spec/conditional-orders.md section 2.
"""

from offchain.spec import book, conditions, duties, prices, triggers
from offchain.spec.book_records import Condition, Duty, Order, pack_attributes
from offchain.spec.brackets import Leg
from offchain.spec.checks import OpError, require
from offchain.spec.condition_op import PlaceTrigger
from offchain.spec.constants import (
    DUTY_CAPACITY,
    LEVEL_CAPACITY,
    ORDER_CAPACITY,
    PRICE_MAX,
    TRAIL_STEP_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fees import count_quota
from offchain.spec.header import pack_self_trade
from offchain.spec.kinds import DutyKind, OrderFlag, PlaceFlag
from offchain.spec.op import TIME_LIMIT
from offchain.spec.ops.place import check_builder, check_new_client_id, check_open_orders
from offchain.spec.order_checks import (
    check_client_id,
    check_limit_price,
    check_notional,
    check_size,
    require_account,
    require_open_market,
    require_priced_market,
)
from offchain.spec.state import State


def place_trigger(state: State, op: PlaceTrigger, log: EventLog) -> None:
    """Apply a PLACE_TRIGGER.

    Raises
    ------
    OpError
        With the first code of the page's list that applies; nothing has changed then.
    """
    trigger = _check_order(state, op)
    legs = [Leg(trigger, op.limit_price)]
    if op.other_trigger:
        legs.append(Leg(op.other_trigger, op.other_limit))
    _check_room(state, op, len(legs))
    flags = OrderFlag.LINKED | OrderFlag.TRIGGER
    if op.flags & PlaceFlag.IS_ASK:
        flags |= OrderFlag.IS_ASK
    if op.flags & PlaceFlag.REDUCE_ONLY:
        flags |= OrderFlag.REDUCE_ONLY
    if count_quota(state, state.markets.read(op.market), op.account):
        flags |= OrderFlag.API_FEE
    attributes = pack_attributes(flags, op.builder, op.builder_fee)
    first = _add_leg(state, log, op, legs[0], attributes)
    if len(legs) > 1:
        second = _add_leg(state, log, op, legs[1], attributes, other=first)
        slot = state.orders.read(first).condition_slot
        condition = conditions.read(state, slot)
        condition.link_a = second
        conditions.write(state, slot, condition)


def _check_order(state: State, op: PlaceTrigger) -> int:
    """Check the order by itself (steps 1 to 9) and return the trigger of its first leg."""
    require_account(state, op.account)
    require_priced_market(state, op.market)
    market = require_open_market(state, op.market)
    check_size(market, op.size_lots)
    if op.expiry_s:
        require(op.expiry_s > state.header.now_s, ErrorCode.EXPIRY_IN_PAST)
    if op.trigger_price or not op.trail:
        check_limit_price(market, op.trigger_price)
    for price in (op.limit_price, op.other_trigger, op.other_limit):
        if price:
            check_limit_price(market, price)
    is_above = bool(op.flags & PlaceFlag.FIRES_ABOVE)
    if op.trail:
        is_sound = op.trigger_price == 0 and op.trail <= PRICE_MAX
        # A sale trails below the mark and a purchase above it.
        is_ask = bool(op.flags & PlaceFlag.IS_ASK)
        require(is_sound and is_above != is_ask, ErrorCode.INVALID_TRIGGER)
    trigger = _trigger_of(state, op)
    highest = max(trigger, op.limit_price, op.other_trigger, op.other_limit)
    check_notional(
        market, is_ask=False, price=highest, size_lots=op.size_lots, builder_fee=op.builder_fee
    )
    check_client_id(op.client_id_low, op.client_id_high)
    check_builder(
        state,
        market,
        account_id=op.account,
        builder=op.builder,
        builder_fee=op.builder_fee,
    )
    return trigger


def _trigger_of(state: State, op: PlaceTrigger) -> int:
    """Return the first leg's trigger price; neither leg may be met already."""
    require(prices.is_mark_fresh(state, op.market), ErrorCode.STALE_PRICE)
    mark_price = state.market_risk(op.market).mark_price
    is_above = bool(op.flags & PlaceFlag.FIRES_ABOVE)
    trigger = op.trigger_price
    if op.trail:
        is_ask = bool(op.flags & PlaceFlag.IS_ASK)
        trailing = triggers.trailing_price(mark_price, op.trail, is_ask=is_ask)
        if trailing is None:
            raise OpError(ErrorCode.INVALID_TRIGGER)
        trigger = trailing
    is_met = triggers.is_met_by(mark_price, trigger, is_above=is_above)
    if op.other_trigger:
        is_other_met = triggers.is_met_by(mark_price, op.other_trigger, is_above=not is_above)
        is_met = is_met or is_other_met
    require(not is_met, ErrorCode.TRIGGER_DUE)
    return trigger


def _check_room(state: State, op: PlaceTrigger, legs: int) -> None:
    """Check the account's orders and the tables (steps 10 to 13)."""
    check_open_orders(state, op.account, legs)
    check_new_client_id(state, op.account, (op.client_id_low, op.client_id_high))
    header = state.header
    # A leg has an order and a condition; what could be used again is not counted.
    has_room = (
        header.orders_used + 2 * legs < ORDER_CAPACITY
        and header.levels_used + legs < LEVEL_CAPACITY
    )
    require(has_room, ErrorCode.BOOK_FULL)
    new_duties = legs * int(op.expiry_s != 0) + int(op.trail != 0)
    require(header.duty_count + new_duties <= DUTY_CAPACITY, ErrorCode.DUTY_QUEUE_FULL)


def _add_leg(
    state: State, log: EventLog, op: PlaceTrigger, leg: Leg, attributes: int, *, other: int = 0
) -> int:
    """Add a leg and let it wait; return its slot. `other` is the slot of the first leg."""
    order_id = book.take_order_id(state, op.market)
    slot = book.take_order_slot(state)
    order = Order(
        owner=op.account,
        remaining_lots=op.size_lots,
        order_id=order_id,
        expiry_s=op.expiry_s,
        attributes=attributes,
    )
    state.orders.replace(slot, order)
    by_master = bool(op.flags & PlaceFlag.SELF_TRADE_BY_MASTER)
    condition = Condition(
        owner=op.account,
        limit_price=leg.limit,
        trail=op.trail,
        link_a=other,
        client_id_low=0 if other else op.client_id_low,
        client_id_high=0 if other else op.client_id_high,
        terms=pack_self_trade(op.self_trade, by_master=by_master),
    )
    order.client_id_low = conditions.add(state, condition)
    book.join_owner(state, slot)
    is_above = bool(op.flags & PlaceFlag.FIRES_ABOVE) != bool(other)
    triggers.join(state, log, slot, leg.trigger, is_above=is_above, limit=leg.limit, trail=op.trail)
    if op.expiry_s:
        duties.push(state, Duty(op.expiry_s, DutyKind.EXPIRY, slot))
    if op.trail:
        due_s = min(state.header.now_s + TRAIL_STEP_S, TIME_LIMIT)
        duties.push(state, Duty(due_s, DutyKind.TRAIL, slot))
    return slot
