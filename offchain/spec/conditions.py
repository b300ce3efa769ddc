"""Conditions: the second record of triggers, TWAPs and parents of brackets, and how these leave.

docs/spec/conditional-orders.md section 1. A condition lies in a slot of the order table.
"""

from dataclasses import replace

from offchain.spec import book, duties
from offchain.spec.book_records import Condition, Order
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import DutyKind, OrderFlag, Reason
from offchain.spec.state import State


def read(state: State, slot: int) -> Condition:
    """Return the condition at a slot; what is changed in it must be written back."""
    return Condition.from_bytes(state.orders.read(slot).to_bytes())


def write(state: State, slot: int, condition: Condition) -> None:
    """Store a condition at its slot."""
    state.orders.replace(slot, Order.from_bytes(condition.to_bytes()))


def add(state: State, condition: Condition) -> int:
    """Store a condition at a free slot, which there is; return the slot."""
    slot = book.take_order_slot(state)
    write(state, slot, condition)
    return slot


def client_id_of(state: State, order: Order | PendingWork) -> tuple[int, int]:
    """Return the client id of an order, which is in the condition of a LINKED one."""
    if order.condition_slot:
        return read(state, order.condition_slot).client_id
    return order.client_id_low, order.client_id_high


def leave(state: State, slot: int, *, popped: DutyKind | None = None) -> None:
    """Remove a trigger or TWAP: duties, trigger list, owner list, both slots, links of others.

    Parameters
    ----------
    state
        Changed.
    slot
        Of the order.
    popped
        The duty of it that has just left the heap.
    """
    order = replace(state.orders.read(slot))
    condition = read(state, order.condition_slot)
    is_trigger = bool(order.attributes & OrderFlag.TRIGGER)
    if order.expiry_s and popped != DutyKind.EXPIRY:
        duties.remove(state, order.expiry_s, DutyKind.EXPIRY, slot)
    if is_trigger and condition.trail:
        duties.remove_of(state, DutyKind.TRAIL, slot)
    if not is_trigger and popped != DutyKind.TWAP:
        duties.remove_of(state, DutyKind.TWAP, slot)
    if order.level:
        book.leave_level(state, slot)
    book.leave_owner(state, slot)
    book.free_order_slot(state, slot)
    book.free_order_slot(state, order.condition_slot)
    if is_trigger:
        _clear_links_to(state, slot, condition)


def _clear_links_to(state: State, slot: int, condition: Condition) -> None:
    if condition.link_a:
        other_slot = state.orders.read(condition.link_a).condition_slot
        write(state, other_slot, replace(read(state, other_slot), link_a=0))
    if condition.link_b:
        parent = read(state, condition.link_b)
        if parent.link_a == slot:
            parent.link_a = 0
        else:
            parent.link_b = 0
        write(state, condition.link_b, parent)


def cancel(
    state: State, log: EventLog, slot: int, reason: int, *, popped: DutyKind | None = None
) -> None:
    """Cancel a trigger or TWAP and write CANCELLED; see :func:`leave`."""
    order = replace(state.orders.read(slot))
    client_id = client_id_of(state, order)
    leave(state, slot, popped=popped)
    log_cancelled(log, order, slot, reason, client_id)


def log_cancelled(
    log: EventLog, order: Order, slot: int, reason: int, client_id: tuple[int, int]
) -> None:
    """Write that an order that was at `slot` is cancelled."""
    log.cancelled(
        market=order.market,
        owner=order.owner,
        order_id=order.order_id,
        slot=slot,
        remaining_lots=order.remaining_lots,
        reason=reason,
        client_id=client_id,
    )


def drop_bracket(state: State, log: EventLog, slot: int) -> None:
    """Cancel the children of a parent that is gone, take-profit first, and free its condition."""
    condition = read(state, slot)
    for child in (condition.link_a, condition.link_b):
        if child:
            cancel(state, log, child, Reason.LINKED)
    book.free_order_slot(state, slot)
