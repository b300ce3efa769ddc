"""The book: slots, sorted price levels, the FIFO of a level and the list of an owner.

Levels of a side are linked from best to worse, orders of a level from oldest to youngest, orders
of an owner from youngest to oldest. The specification finds a level by walking.
"""

from collections.abc import Iterator

from offchain.spec.book_records import Level, Order
from offchain.spec.constants import LEVEL_CAPACITY, MARKET_BITS, ORDER_CAPACITY
from offchain.spec.records import Account
from offchain.spec.state import State


def has_order_slot(state: State) -> bool:
    """Return whether one more order can rest."""
    header = state.header
    return header.order_free_head != 0 or header.orders_used < ORDER_CAPACITY - 1


def has_level_slot(state: State) -> bool:
    """Return whether one more price level can exist."""
    header = state.header
    return header.level_free_head != 0 or header.levels_used < LEVEL_CAPACITY - 1


def is_at_least_as_good(price: int, other: int, *, is_ask: bool) -> bool:
    """Return whether `price` ranks at or before `other` on its side of the book."""
    return price <= other if is_ask else price >= other


def best_price(state: State, market_id: int, *, is_ask: bool) -> int | None:
    """Return the best price of one side in price units, None when the side is empty."""
    slot = state.markets.read(market_id).best(is_ask=is_ask)
    return state.levels.read(slot).price if slot else None


def crosses(state: State, market_id: int, limit_price: int, *, taker_is_ask: bool) -> bool:
    """Return whether a taker with this limit trades with the best opposite price."""
    price = best_price(state, market_id, is_ask=not taker_is_ask)
    if price is None:
        return False
    return is_at_least_as_good(price, limit_price, is_ask=not taker_is_ask)


def orders_from_best(state: State, market_id: int, *, is_ask: bool) -> Iterator[tuple[int, Order]]:
    """Yield (price, order) of one side in price-time priority; the book must not change."""
    level_slot = state.markets.read(market_id).best(is_ask=is_ask)
    while level_slot:
        level = state.levels.read(level_slot)
        order_slot = level.head
        while order_slot:
            order = state.orders.read(order_slot)
            yield level.price, order
            order_slot = order.next
        level_slot = level.next


def owner_orders(state: State, account: Account) -> Iterator[tuple[int, Order]]:
    """Yield (slot, order) of an account's resting orders, youngest first."""
    slot = account.order_head
    while slot:
        order = state.orders.read(slot)
        yield slot, order
        slot = order.owner_next


def insert(state: State, order: Order, *, price: int) -> int:
    """Let an order rest at the end of its price level.

    Parameters
    ----------
    state
        Has a free order slot and a free level slot.
    order
        Owner, size, id, client id, expiry and attributes set; links zero.
    price
        Limit price in price units.

    Returns
    -------
    int
        The order's slot.
    """
    slot = take_order_slot(state)
    state.orders.replace(slot, order)
    join_level(state, slot, price, is_ask=order.is_ask)
    join_owner(state, slot)
    return slot


def remove(state: State, slot: int) -> None:
    """Unlink an order from its level and its owner, and free its slot."""
    leave_level(state, slot)
    leave_owner(state, slot)
    free_order_slot(state, slot)


def take_order_id(state: State, market_id: int) -> int:
    """Return the id of a new order of a market."""
    order_id = state.header.next_order_sequence << MARKET_BITS | market_id
    state.header.next_order_sequence += 1
    return order_id


def take_order_slot(state: State) -> int:
    """Take the slot that was freed last, or one that was never used; there is one."""
    header = state.header
    slot = header.order_free_head
    if slot:
        header.order_free_head = state.orders.read(slot).next
    else:
        header.orders_used += 1
        slot = header.orders_used
    return slot


def free_order_slot(state: State, slot: int) -> None:
    """Make a slot free that no list holds any more."""
    state.orders.replace(slot, Order(next=state.header.order_free_head))
    state.header.order_free_head = slot


def join_owner(state: State, slot: int) -> None:
    """Put an order at the head of its owner's list."""
    order = state.orders.edit(slot)
    account = state.edit_account(order.owner)
    order.owner_next = account.order_head
    if account.order_head:
        state.orders.edit(account.order_head).owner_prev = slot
    account.order_head = slot
    account.order_count += 1


def leave_owner(state: State, slot: int) -> None:
    """Take an order out of its owner's list."""
    order = state.orders.read(slot)
    account = state.edit_account(order.owner)
    if order.owner_prev:
        state.orders.edit(order.owner_prev).owner_next = order.owner_next
    else:
        account.order_head = order.owner_next
    if order.owner_next:
        state.orders.edit(order.owner_next).owner_prev = order.owner_prev
    account.order_count -= 1


def join_level(
    state: State, slot: int, price: int, *, is_ask: bool, is_trigger: bool = False
) -> None:
    """Put an order at the end of a price level, which is made if there is none.

    Parameters
    ----------
    state
        Has a free level slot.
    slot
        Of the order, whose links in a level are zero.
    price
        In price units.
    is_ask
        Side of the book; of a trigger list, whether it is the one above the mark.
    is_trigger
        Whether it is a trigger list.
    """
    order = state.orders.edit(slot)
    level_slot = _find_or_insert_level(
        state, order.market, price, is_ask=is_ask, is_trigger=is_trigger
    )
    level = state.levels.edit(level_slot)
    order.level = level_slot
    order.prev = level.tail
    if level.tail:
        state.orders.edit(level.tail).next = slot
    else:
        level.head = slot
    level.tail = slot
    level.count += 1
    level.total_lots += order.remaining_lots


def leave_level(state: State, slot: int) -> None:
    """Take an order out of its level, which is freed when it was the last one."""
    order = state.orders.edit(slot)
    level = state.levels.edit(order.level)
    if order.prev:
        state.orders.edit(order.prev).next = order.next
    else:
        level.head = order.next
    if order.next:
        state.orders.edit(order.next).prev = order.prev
    else:
        level.tail = order.prev
    level.count -= 1
    level.total_lots -= order.remaining_lots
    if level.count == 0:
        _remove_level(state, order.level, level)
    order.level = order.next = order.prev = 0


def best_level(state: State, market_id: int, *, is_ask: bool, is_trigger: bool = False) -> int:
    """Return the slot of the first level of a side or of a trigger list, 0 when it is empty."""
    if not is_trigger:
        return state.markets.read(market_id).best(is_ask=is_ask)
    risk = state.market_risk(market_id)
    return risk.triggers_above if is_ask else risk.triggers_below


def _find_or_insert_level(
    state: State, market_id: int, price: int, *, is_ask: bool, is_trigger: bool
) -> int:
    better, slot = 0, best_level(state, market_id, is_ask=is_ask, is_trigger=is_trigger)
    while slot:
        level = state.levels.read(slot)
        if level.price == price:
            return slot
        if is_at_least_as_good(price, level.price, is_ask=is_ask):
            break
        better, slot = slot, level.next
    new_slot = _take_level_slot(state)
    level = Level(
        price=price,
        next=slot,
        prev=better,
        market=market_id,
        is_ask=is_ask,
        is_trigger=is_trigger,
    )
    state.levels.replace(new_slot, level)
    _link_after(state, level, better, new_slot)
    if slot:
        state.levels.edit(slot).prev = new_slot
    return new_slot


def _remove_level(state: State, slot: int, level: Level) -> None:
    _link_after(state, level, level.prev, level.next)
    if level.next:
        state.levels.edit(level.next).prev = level.prev
    state.levels.replace(slot, Level(next=state.header.level_free_head))
    state.header.level_free_head = slot


def _link_after(state: State, level: Level, better: int, worse: int) -> None:
    """Make `worse` the successor of `better` in the list of `level`, or its head for none."""
    if better:
        state.levels.edit(better).next = worse
    elif not level.is_trigger:
        state.markets.edit(level.market).set_best(worse, is_ask=level.is_ask)
    elif level.is_ask:
        state.edit_market_risk(level.market).triggers_above = worse
    else:
        state.edit_market_risk(level.market).triggers_below = worse


def _take_level_slot(state: State) -> int:
    header = state.header
    slot = header.level_free_head
    if slot:
        header.level_free_head = state.levels.read(slot).next
    else:
        header.levels_used += 1
        slot = header.levels_used
    return slot
