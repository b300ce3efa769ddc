"""Resting orders: what they lock, how they shrink and how they leave the book."""

from dataclasses import replace

from offchain.spec import balances, book, conditions, duties, positions
from offchain.spec.book_records import Duty, Order, builder_fee_of
from offchain.spec.events import EventLog
from offchain.spec.fees import lock_per_lot, paid_asset
from offchain.spec.header import PendingWork
from offchain.spec.kinds import DutyKind, MarketKind, OrderFlag, Reason
from offchain.spec.state import State

NO_CLIENT_ID = (0, 0)


def lock_units(state: State, market_id: int, attributes: int, price: int, lots: int) -> int:
    """Return what `lots` of a spot order lock, in units of the asset it pays with."""
    market = state.markets.read(market_id)
    is_ask = bool(attributes & OrderFlag.IS_ASK)
    per_lot = lock_per_lot(
        market, is_ask=is_ask, price=price, builder_fee=builder_fee_of(attributes)
    )
    return lots * per_lot


def unlock_lots(
    state: State, account_id: int, market_id: int, attributes: int, price: int, lots: int
) -> None:
    """Free what `lots` of a spot order lock; a perpetual order locks no balance."""
    market = state.markets.read(market_id)
    if market.kind == MarketKind.PERP:
        return
    units = lock_units(state, market_id, attributes, price, lots)
    asset = paid_asset(market, is_ask=bool(attributes & OrderFlag.IS_ASK))
    balances.unlock(state.edit_account(account_id), asset, units)


def price_of(state: State, order: Order) -> int:
    """Return the limit price of a resting order: its level's."""
    return state.levels.read(order.level).price


def take_lots(state: State, slot: int, lots: int) -> None:
    """Shrink a resting order in the book by lots that were filled or given up.

    The level's total and a perpetual's open lots follow; a spot lock is the caller's.
    """
    order = state.orders.edit(slot)
    order.remaining_lots -= lots
    state.levels.edit(order.level).total_lots -= lots
    if state.markets.read(order.market).kind == MarketKind.PERP:
        positions.add_open_lots(state, order.owner, order.market, -lots, is_ask=order.is_ask)


def give_up_lots(state: State, slot: int, lots: int) -> None:
    """Shrink a resting order by lots that will not trade, with their lock."""
    order = state.orders.read(slot)
    price = price_of(state, order)
    unlock_lots(state, order.owner, order.market, order.attributes, price, lots)
    take_lots(state, slot, lots)


def forget(state: State, slot: int, *, has_duty: bool = True) -> None:
    """Remove an order without lots left to release: book, owner list, duty heap, slot."""
    order = state.orders.read(slot)
    if order.expiry_s and has_duty:
        duties.remove(state, order.expiry_s, DutyKind.EXPIRY, slot)
    book.remove(state, slot)


def cancel(
    state: State,
    log: EventLog,
    slot: int,
    reason: int,
    *,
    has_duty: bool = True,
    keeps_position: bool = False,
) -> None:
    """Cancel an order: free its lock, remove it and write CANCELLED.

    The children of a bracket go with their parent. A trigger or TWAP locks nothing.

    Parameters
    ----------
    state, log
        Changed and appended to.
    slot
        Slot of the order.
    reason
        A :class:`Reason`.
    has_duty
        Whether the expiry of the order is still in the duty heap.
    keeps_position
        Whether an empty position record stays, because its owner is about to trade.
    """
    order = replace(state.orders.read(slot))
    if order.is_conditional:
        conditions.cancel(state, log, slot, reason, popped=None if has_duty else DutyKind.EXPIRY)
        return
    client_id = conditions.client_id_of(state, order)
    give_up_lots(state, slot, order.remaining_lots)
    forget(state, slot, has_duty=has_duty)
    conditions.log_cancelled(log, order, slot, reason, client_id)
    if order.condition_slot:
        conditions.drop_bracket(state, log, order.condition_slot)
    if not keeps_position and state.markets.read(order.market).kind == MarketKind.PERP:
        positions.release_if_empty(state, order.owner, order.market)


def rest(state: State, log: EventLog, taker: PendingWork) -> None:
    """Let what remains of a taker rest in the book and write RESTED."""
    order = Order(
        owner=taker.account,
        remaining_lots=taker.remaining_lots,
        order_id=taker.order_id,
        client_id_low=taker.client_id_low,
        client_id_high=taker.client_id_high,
        expiry_s=taker.expiry_s,
        attributes=taker.attributes,
    )
    slot = book.insert(state, order, price=taker.limit_price)
    if taker.condition_slot:
        condition = conditions.read(state, taker.condition_slot)
        condition.lots = taker.start_size_lots
        conditions.write(state, taker.condition_slot, condition)
    if taker.expiry_s:
        duties.push(state, Duty(taker.expiry_s, DutyKind.EXPIRY, slot))
    if state.markets.read(taker.market).kind == MarketKind.PERP:
        positions.add_open_lots(
            state, taker.account, taker.market, taker.remaining_lots, is_ask=taker.is_ask
        )
    log.rested(taker, slot)


def find(state: State, account_id: int, market_id: int, order_id: int, slot: int) -> Order | None:
    """Return the order that rests at `slot` if id, owner and market are these, else None."""
    if not 1 <= slot <= state.header.orders_used or order_id == 0:
        return None
    order = state.orders.read(slot)
    is_same = order.order_id == order_id and order.owner == account_id
    return order if is_same and order.market == market_id else None


def find_by_client_id(state: State, account_id: int, client_id: tuple[int, int]) -> int:
    """Return the slot of the account's order with this client id, 0 when there is none."""
    for slot, order in book.owner_orders(state, state.account(account_id)):
        if conditions.client_id_of(state, order) == client_id:
            return slot
    return 0


def log_reduced(state: State, log: EventLog, slot: int, reason: Reason) -> None:
    """Write that the order at `slot` shrank."""
    order = state.orders.read(slot)
    log.reduced(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slot=slot,
        remaining_lots=order.remaining_lots,
        reason=reason,
    )
