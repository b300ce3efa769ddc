"""PLACE: check an order, lock its funds, match it (docs/spec/transition.md section 3)."""

from offchain.spec import balances, book, brackets, matching, orders, positions
from offchain.spec.book_records import pack_attributes
from offchain.spec.brackets import Bracket, Leg
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    DUTY_CAPACITY,
    MAX_BUILDER_FEE_PERP,
    MAX_BUILDER_FEE_SPOT,
    MAX_OPEN_ORDERS,
    MAX_SLIPPAGE_PPM,
    ORDER_CAPACITY,
    POSITIONS_PER_ACCOUNT,
    PPM,
    PRICE_MAX,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fees import count_quota, paid_asset
from offchain.spec.header import PendingWork, pack_self_trade
from offchain.spec.kinds import Continuation, MarketKind, OrderFlag, PlaceFlag, TimeInForce
from offchain.spec.margin_checks import check_perp_order, check_spot_order
from offchain.spec.op import Place
from offchain.spec.ops.builders import approved_fee
from offchain.spec.order_checks import (
    check_client_id,
    check_limit_price,
    check_notional,
    check_reduces,
    check_size,
    require_account,
    require_open_market,
    require_priced_market,
)
from offchain.spec.records import Market
from offchain.spec.state import State, master_account


def place(state: State, op: Place, log: EventLog) -> None:
    """Apply a PLACE.

    Raises
    ------
    OpError
        With the first code of the page's list that applies; nothing has changed then.
    """
    taker = _check_order(state, op)
    market = state.markets.read(op.market)
    _check_book(state, op, taker)
    if market.kind == MarketKind.PERP:
        _check_position(state, taker)
    else:
        _check_balance(state, market, taker)
    if op.time_in_force == TimeInForce.FOK and not matching.is_fillable_at_once(state, taker):
        raise OpError(ErrorCode.FOK_NOT_FILLABLE)
    taker.order_id = book.take_order_id(state, op.market)
    enter(state, log, taker, _bracket_of(op))


def _bracket_of(op: Place) -> Bracket | None:
    if not op.flags & PlaceFlag.BRACKET:
        return None
    return Bracket(Leg(op.take_profit, op.take_profit_limit), Leg(op.stop, op.stop_limit))


def enter(state: State, log: EventLog, taker: PendingWork, bracket: Bracket | None = None) -> None:
    """Count the quota, take funds or a position record, and match; everything is checked."""
    market = state.markets.read(taker.market)
    if count_quota(state, market, taker.account):
        taker.attributes |= OrderFlag.API_FEE
    if market.kind == MarketKind.PERP:
        positions.open_record(state, taker.account, taker.market)
    else:
        account = state.edit_account(taker.account)
        asset = paid_asset(market, is_ask=taker.is_ask)
        balances.lock(account, asset, lock_of(state, taker))
        balances.open_slot(account, market.base_asset)
    if bracket is not None:
        brackets.attach(state, taker, bracket)
    matching.match(state, log, taker)


def lock_of(state: State, taker: PendingWork) -> int:
    """Return what a spot taker locks for all its lots."""
    return orders.lock_units(
        state, taker.market, taker.attributes, taker.limit_price, taker.remaining_lots
    )


def _check_order(state: State, op: Place) -> PendingWork:
    """Check the order by itself (steps 1 to 9) and return it as a taker."""
    require_account(state, op.account)
    market = require_open_market(state, op.market)
    check_size(market, op.size_lots)
    is_reduce_only = bool(op.flags & PlaceFlag.REDUCE_ONLY)
    if market.kind == MarketKind.SPOT and is_reduce_only:
        raise OpError(ErrorCode.REDUCE_ONLY_ON_SPOT)
    if op.expiry_s:
        require(_rests(op), ErrorCode.EXPIRY_NOT_ALLOWED)
        require(op.expiry_s > state.header.now_s, ErrorCode.EXPIRY_IN_PAST)
    is_ask = bool(op.flags & PlaceFlag.IS_ASK)
    limit_price = _limit_price(state, market, op, is_ask=is_ask)
    check_notional(
        market,
        is_ask=is_ask,
        price=limit_price,
        size_lots=op.size_lots,
        builder_fee=op.builder_fee,
    )
    check_client_id(op.client_id_low, op.client_id_high)
    check_builder(
        state,
        market,
        account_id=op.account,
        builder=op.builder,
        builder_fee=op.builder_fee,
    )
    flags = (OrderFlag.IS_ASK if is_ask else 0) | (OrderFlag.REDUCE_ONLY if is_reduce_only else 0)
    by_master = bool(op.flags & PlaceFlag.SELF_TRADE_BY_MASTER)
    return PendingWork(
        kind=Continuation.MATCH,
        account=op.account,
        market=op.market,
        attributes=pack_attributes(flags, op.builder, op.builder_fee),
        limit_price=limit_price,
        remaining_lots=op.size_lots,
        client_id_low=op.client_id_low,
        client_id_high=op.client_id_high,
        expiry_s=op.expiry_s,
        time_in_force=op.time_in_force,
        self_trade=pack_self_trade(op.self_trade, by_master=by_master),
        start_size_lots=op.size_lots,
    )


def _rests(op: Place) -> bool:
    return op.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)


def _limit_price(state: State, market: Market, op: Place, *, is_ask: bool) -> int:
    if not op.flags & PlaceFlag.IS_MARKET:
        check_limit_price(market, op.price)
        return op.price
    slippage_ppm = op.price
    require(slippage_ppm <= MAX_SLIPPAGE_PPM, ErrorCode.INVALID_SLIPPAGE)
    best = book.best_price(state, op.market, is_ask=not is_ask)
    if best is None:
        raise OpError(ErrorCode.NO_LIQUIDITY)
    distance = best * slippage_ppm // PPM
    return best - distance if is_ask else min(best + distance, PRICE_MAX)


def check_builder(
    state: State, market: Market, *, account_id: int, builder: int, builder_fee: int
) -> None:
    """Refuse with UNKNOWN_BUILDER, BUILDER_FEE_TOO_HIGH or BUILDER_FEE_NOT_APPROVED.

    A builder of 0 is none and has no fee.
    """
    if not builder:
        return
    require(builder <= state.header.builder_count, ErrorCode.UNKNOWN_BUILDER)
    is_perp = market.kind == MarketKind.PERP
    cap = MAX_BUILDER_FEE_PERP if is_perp else MAX_BUILDER_FEE_SPOT
    require(builder_fee <= cap, ErrorCode.BUILDER_FEE_TOO_HIGH)
    max_fee = approved_fee(state.account(master_account(account_id)).approvals, builder)
    if max_fee is None or max_fee < builder_fee:
        raise OpError(ErrorCode.BUILDER_FEE_NOT_APPROVED)


def _check_book(state: State, op: Place, taker: PendingWork) -> None:
    """Check the order against what rests already (steps 10 to 13)."""
    bracket = _bracket_of(op)
    legs = 0 if bracket is None else bracket.legs
    if _rests(op) or legs:
        check_open_orders(state, op.account, legs + int(_rests(op)))
    check_new_client_id(state, op.account, (op.client_id_low, op.client_id_high))
    if bracket is not None:
        _check_bracket(state, op, bracket)
    if op.time_in_force == TimeInForce.POST_ONLY:
        would_cross = book.crosses(state, op.market, taker.limit_price, taker_is_ask=taker.is_ask)
        require(not would_cross, ErrorCode.POST_ONLY_WOULD_CROSS)
    if _rests(op):
        has_room = book.has_order_slot(state) and book.has_level_slot(state)
        require(has_room, ErrorCode.BOOK_FULL)
        if op.expiry_s:
            require(state.header.duty_count < DUTY_CAPACITY, ErrorCode.DUTY_QUEUE_FULL)
    if bracket is not None:
        # The parent and every child have a second record.
        needed = 2 * bracket.legs + 2
        has_room = state.header.orders_used + needed < ORDER_CAPACITY
        require(has_room, ErrorCode.BOOK_FULL)


def check_open_orders(state: State, account_id: int, new_orders: int) -> None:
    """Refuse with TOO_MANY_OPEN_ORDERS when the account cannot have so many orders more."""
    open_orders = state.account(account_id).order_count
    require(open_orders + new_orders <= MAX_OPEN_ORDERS, ErrorCode.TOO_MANY_OPEN_ORDERS)


def check_new_client_id(state: State, account_id: int, client_id: tuple[int, int]) -> None:
    """Refuse with DUPLICATE_CLIENT_ID when an open order of the account has this client id."""
    if client_id != orders.NO_CLIENT_ID:
        is_new = orders.find_by_client_id(state, account_id, client_id) == 0
        require(is_new, ErrorCode.DUPLICATE_CLIENT_ID)


def _check_bracket(state: State, op: Place, bracket: Bracket) -> None:
    """Check what the legs are, not where the mark is: they sleep until the order has traded."""
    require_priced_market(state, op.market)
    take_profit, stop = bracket.take_profit, bracket.stop
    is_sound = bracket.legs > 0 and not op.flags & PlaceFlag.REDUCE_ONLY
    if take_profit.trigger and stop.trigger:
        is_ask = bool(op.flags & PlaceFlag.IS_ASK)
        gain = take_profit.trigger - stop.trigger
        is_sound = is_sound and (gain < 0 if is_ask else gain > 0)
    require(is_sound, ErrorCode.INVALID_TRIGGER)
    market = state.markets.read(op.market)
    for price in (take_profit.trigger, take_profit.limit, stop.trigger, stop.limit):
        if price:
            check_limit_price(market, price)


def _check_position(state: State, taker: PendingWork) -> None:
    has_record = positions.find(state, taker.account, taker.market) != positions.NO_POSITION
    used = state.account(taker.account).positions_used
    require(has_record or used < POSITIONS_PER_ACCOUNT, ErrorCode.POSITIONS_FULL)
    if taker.is_reduce_only:
        check_reduces(state, taker.account, taker.market, is_ask=taker.is_ask)
    check_perp_order(state, taker)


def _check_balance(state: State, market: Market, taker: PendingWork) -> None:
    account = state.account(taker.account)
    free = balances.free_units(account, paid_asset(market, is_ask=taker.is_ask))
    if free is None or free < lock_of(state, taker):
        raise OpError(ErrorCode.INSUFFICIENT_BALANCE)
    require(balances.has_room(account, market.base_asset), ErrorCode.BALANCES_FULL)
    locked_units = lock_of(state, taker)
    check_spot_order(state, market, taker.account, is_ask=taker.is_ask, locked_units=locked_units)
