"""PLACE_TWAP: an order that trades in even slices over time.

docs/spec/conditional-orders.md section 3.
"""

from offchain.spec import book, conditions, duties, prices
from offchain.spec.book_records import Condition, Duty, Order, pack_attributes
from offchain.spec.checks import require
from offchain.spec.condition_op import PlaceTwap
from offchain.spec.constants import (
    DUTY_CAPACITY,
    MAX_SLIPPAGE_PPM,
    ORDER_CAPACITY,
    PPM,
    PRICE_MAX,
    TWAP_MAX_INTERVAL_S,
    TWAP_MAX_SLICES,
    TWAP_MIN_INTERVAL_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fees import count_quota
from offchain.spec.header import pack_self_trade
from offchain.spec.kinds import DutyKind, OrderFlag, PlaceFlag
from offchain.spec.ops.place import check_builder, check_new_client_id, check_open_orders
from offchain.spec.order_checks import (
    check_client_id,
    check_notional,
    check_size,
    require_account,
    require_open_market,
    require_priced_market,
)
from offchain.spec.records import Market
from offchain.spec.state import State

_MIN_SLICES = 2
_RECORDS = 2  # the order and its condition


def place_twap(state: State, op: PlaceTwap, log: EventLog) -> None:
    """Apply a PLACE_TWAP.

    Raises
    ------
    OpError
        With the first code of the page's list that applies; nothing has changed then.
    """
    _check_order(state, op)
    check_open_orders(state, op.account, 1)
    check_new_client_id(state, op.account, (op.client_id_low, op.client_id_high))
    header = state.header
    require(header.orders_used + _RECORDS < ORDER_CAPACITY, ErrorCode.BOOK_FULL)
    require(header.duty_count < DUTY_CAPACITY, ErrorCode.DUTY_QUEUE_FULL)
    slot, order_id = _add(state, op)
    # The first slice is due at once.
    duties.push(state, Duty(header.now_s, DutyKind.TWAP, slot))
    log.twap_placed(
        market=op.market,
        owner=op.account,
        order_id=order_id,
        slot=slot,
        lots=op.size_lots,
        slices=op.slices,
        interval_s=op.interval_s,
        slippage_ppm=op.slippage_ppm,
    )


def _check_order(state: State, op: PlaceTwap) -> None:
    """Check the order by itself (steps 1 to 5)."""
    require_account(state, op.account)
    require_priced_market(state, op.market)
    market = require_open_market(state, op.market)
    check_size(market, op.size_lots)
    _check_slices(market, op)
    require(op.slippage_ppm <= MAX_SLIPPAGE_PPM, ErrorCode.INVALID_SLIPPAGE)
    require(prices.is_mark_fresh(state, op.market), ErrorCode.STALE_PRICE)
    mark_price = state.market_risk(op.market).mark_price
    worst = min(PRICE_MAX, mark_price + mark_price * op.slippage_ppm // PPM)
    check_notional(
        market, is_ask=False, price=worst, size_lots=op.size_lots, builder_fee=op.builder_fee
    )
    check_client_id(op.client_id_low, op.client_id_high)
    check_builder(
        state,
        market,
        account_id=op.account,
        builder=op.builder,
        builder_fee=op.builder_fee,
    )


def _check_slices(market: Market, op: PlaceTwap) -> None:
    is_in_range = (
        _MIN_SLICES <= op.slices <= TWAP_MAX_SLICES
        and TWAP_MIN_INTERVAL_S <= op.interval_s <= TWAP_MAX_INTERVAL_S
    )
    require(is_in_range, ErrorCode.INVALID_TWAP)
    even_lots = op.size_lots // op.slices
    require(even_lots >= max(1, market.min_size_lots), ErrorCode.INVALID_TWAP)


def _add(state: State, op: PlaceTwap) -> tuple[int, int]:
    """Add the order and its condition; return its slot and id."""
    flags = OrderFlag.LINKED | OrderFlag.TWAP
    if op.flags & PlaceFlag.IS_ASK:
        flags |= OrderFlag.IS_ASK
    if op.flags & PlaceFlag.REDUCE_ONLY:
        flags |= OrderFlag.REDUCE_ONLY
    if count_quota(state, state.markets.read(op.market), op.account):
        flags |= OrderFlag.API_FEE
    order_id = book.take_order_id(state, op.market)
    slot = book.take_order_slot(state)
    order = Order(
        owner=op.account,
        remaining_lots=op.size_lots,
        order_id=order_id,
        attributes=pack_attributes(flags, op.builder, op.builder_fee),
    )
    state.orders.replace(slot, order)
    by_master = bool(op.flags & PlaceFlag.SELF_TRADE_BY_MASTER)
    condition = Condition(
        owner=op.account,
        limit_price=op.slippage_ppm,
        trail=op.interval_s,
        link_a=op.slices,
        lots=op.size_lots,
        client_id_low=op.client_id_low,
        client_id_high=op.client_id_high,
        terms=pack_self_trade(op.self_trade, by_master=by_master),
    )
    order.client_id_low = conditions.add(state, condition)
    book.join_owner(state, slot)
    return slot, order_id
