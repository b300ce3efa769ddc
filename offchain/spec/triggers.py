"""Trigger lists: what waits for the mark of a market, and whether it has been met.

docs/spec/conditional-orders.md section 1. The list below fires when the mark falls to a price, the
list above when it rises to one.
"""

from offchain.spec import book, prices
from offchain.spec.book_records import Order
from offchain.spec.constants import PRICE_MAX
from offchain.spec.events import EventLog
from offchain.spec.kinds import MarketStatus
from offchain.spec.state import State
from offchain.spec.trading_calendar import is_reopening


def join(
    state: State, log: EventLog, slot: int, price: int, *, is_above: bool, limit: int, trail: int
) -> None:
    """Put a trigger at the end of a level of a trigger list and write TRIGGER_PLACED.

    Parameters
    ----------
    state
        Has a free level slot.
    log
        Appended to.
    slot
        Of the order.
    price
        Trigger price in price units.
    is_above
        Whether it fires when the mark rises.
    limit, trail
        Limit and trailing distance of its condition, 0 for none.
    """
    book.join_level(state, slot, price, is_ask=is_above, is_trigger=True)
    order = state.orders.read(slot)
    log.trigger_placed(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slot=slot,
        trigger=price,
        limit=limit,
        lots=order.remaining_lots,
        trail=trail,
    )


def is_met_by(mark_price: int, trigger: int, *, is_above: bool) -> bool:
    """Return whether a mark has reached a trigger price."""
    return mark_price >= trigger if is_above else mark_price <= trigger


def trailing_price(mark_price: int, distance: int, *, is_ask: bool) -> int | None:
    """Return the trigger at a distance behind the mark, None when it is no price."""
    price = mark_price - distance if is_ask else mark_price + distance
    return price if 1 <= price <= PRICE_MAX else None


def find_met(state: State, market_id: int) -> int:
    """Return the slot of the trigger to fire next, below before above; 0 when none is met."""
    risk = state.market_risk(market_id)
    now_s = state.header.now_s
    is_trading = (
        state.markets.read(market_id).status == MarketStatus.OPEN
        and prices.is_mark_fresh(state, market_id)
        and not is_reopening(risk, now_s)
    )
    if not is_trading:
        return 0
    for is_above in (False, True):
        level_slot = book.best_level(state, market_id, is_ask=is_above, is_trigger=True)
        level = state.levels.read(level_slot)
        if level_slot and is_met_by(risk.mark_price, level.price, is_above=is_above):
            return level.head
    return 0


def note_met(state: State, market_id: int) -> None:
    """Let nothing but duties follow while a trigger of the market is met."""
    if find_met(state, market_id):
        state.header.trigger_market = market_id + 1


def price_of(state: State, order: Order) -> int:
    """Return the trigger price of a trigger that is in a list."""
    return state.levels.read(order.level).price
