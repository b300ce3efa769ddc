"""Brackets: a parent order whose take-profit and stop sleep until it has traded.

docs/spec/conditional-orders.md section 2.
"""

from dataclasses import dataclass

from offchain.spec import book, conditions, triggers
from offchain.spec.book_records import Condition, Order
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import OrderFlag, Reason, TimeInForce
from offchain.spec.state import State


@dataclass(frozen=True, slots=True)
class Leg:
    """A trigger and the limit price of the order that it becomes (0: market); 0 for no leg."""

    trigger: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Bracket:
    """The two legs of a bracket."""

    take_profit: Leg
    stop: Leg

    @property
    def legs(self) -> int:
        """How many legs are given."""
        return sum(1 for leg in (self.take_profit, self.stop) if leg.trigger)


def attach(state: State, taker: PendingWork, bracket: Bracket) -> None:
    """Give a new order its condition and its sleeping children.

    The order is counted, so that it has the API fee flag or not; the slots are free.
    """
    parent = Condition(
        owner=taker.account,
        client_id_low=taker.client_id_low,
        client_id_high=taker.client_id_high,
        terms=taker.self_trade,
    )
    parent_slot = conditions.add(state, parent)
    slots = [
        _add_child(state, taker, leg, parent_slot) if leg.trigger else 0
        for leg in (bracket.take_profit, bracket.stop)
    ]
    parent.link_a, parent.link_b = slots
    conditions.write(state, parent_slot, parent)
    for slot, other in (slots, slots[::-1]):
        if slot and other:
            own_slot = state.orders.read(slot).condition_slot
            condition = conditions.read(state, own_slot)
            condition.link_a = other
            conditions.write(state, own_slot, condition)
    taker.attributes |= OrderFlag.LINKED
    taker.client_id_low, taker.client_id_high = parent_slot, 0


def _add_child(state: State, taker: PendingWork, leg: Leg, parent_slot: int) -> int:
    """Add a sleeping trigger of the other side than the parent; return its slot."""
    attributes = taker.attributes ^ OrderFlag.IS_ASK
    attributes |= OrderFlag.REDUCE_ONLY | OrderFlag.LINKED | OrderFlag.TRIGGER
    order_id = book.take_order_id(state, taker.market)
    slot = book.take_order_slot(state)
    state.orders.replace(slot, Order(owner=taker.account, order_id=order_id, attributes=attributes))
    condition = Condition(
        owner=taker.account,
        limit_price=leg.limit,
        link_b=parent_slot,
        lots=leg.trigger,
        terms=taker.self_trade,
    )
    state.orders.edit(slot).client_id_low = conditions.add(state, condition)
    book.join_owner(state, slot)
    return slot


def end_taker(state: State, log: EventLog, taker: PendingWork, reason: Reason) -> None:
    """Wake or drop the bracket of a parent that ends as a taker, after its DONE."""
    traded_lots = taker.start_size_lots - taker.remaining_lots
    is_immediate = taker.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    if reason == Reason.FILLED or (is_immediate and traded_lots > 0):
        wake(state, log, taker.condition_slot, market_id=taker.market, lots=traded_lots)
    else:
        conditions.drop_bracket(state, log, taker.condition_slot)


def wake(state: State, log: EventLog, slot: int, *, market_id: int, lots: int) -> None:
    """Let the children of a parent wait for the mark, with the lots that it traded.

    Parameters
    ----------
    state, log
        Changed and appended to.
    slot
        Of the parent's condition, which is freed.
    market_id
        Its market.
    lots
        What the parent traded, at least 1.
    """
    parent = conditions.read(state, slot)
    for child, is_stop in ((parent.link_a, False), (parent.link_b, True)):
        if child:
            _wake_child(state, log, child, lots, is_stop=is_stop)
    book.free_order_slot(state, slot)
    triggers.note_met(state, market_id)


def _wake_child(state: State, log: EventLog, slot: int, lots: int, *, is_stop: bool) -> None:
    if not book.has_level_slot(state):
        conditions.cancel(state, log, slot, Reason.LIMIT)
        return
    order = state.orders.edit(slot)
    order.remaining_lots = lots
    condition = conditions.read(state, order.condition_slot)
    price = condition.lots
    condition.lots = condition.link_b = 0
    conditions.write(state, order.condition_slot, condition)
    # A sale takes its profit above the mark and stops below it.
    triggers.join(
        state,
        log,
        slot,
        price,
        is_above=order.is_ask != is_stop,
        limit=condition.limit_price,
        trail=0,
    )
