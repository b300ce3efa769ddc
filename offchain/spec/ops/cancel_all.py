"""CANCEL_ALL: walk the owner's orders, bounded by steps, with a continuation."""

from offchain.spec import conditions, orders
from offchain.spec.book_records import Order
from offchain.spec.constants import MAX_STEPS
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation, Reason
from offchain.spec.op import ALL_MARKETS, CancelAll
from offchain.spec.order_checks import require_account, require_market
from offchain.spec.state import State


def cancel_all(state: State, op: CancelAll, log: EventLog) -> None:
    """Apply a CANCEL_ALL.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_MARKET.
    """
    require_account(state, op.account)
    if op.market != ALL_MARKETS:
        require_market(state, op.market)
    begin(state, log, op.account, Reason.USER, market_filter=op.market, steps=MAX_STEPS)


def begin(
    state: State,
    log: EventLog,
    account_id: int,
    reason: Reason,
    *,
    market_filter: int = ALL_MARKETS,
    steps: int,
) -> int | None:
    """Cancel an account's orders from the youngest on.

    Returns
    -------
    int | None
        Steps left when all were visited; None when the rest was stored as the continuation.
    """
    work = PendingWork(
        kind=Continuation.CANCEL_ALL,
        account=account_id,
        cursor_slot=state.account(account_id).order_head,
        reason=reason,
        market_filter=market_filter,
    )
    return walk(state, log, work, steps=steps)


def walk(state: State, log: EventLog, work: PendingWork, *, steps: int) -> int | None:
    """Visit up to `steps` orders from the cursor on; see :func:`begin`."""
    while work.cursor_slot:
        if steps == 0:
            state.header.pending = work
            log.continued(work)
            return None
        steps -= 1
        slot = work.cursor_slot
        order = state.orders.read(slot)
        work.cursor_slot = _next_after(state, order)
        if work.market_filter in (ALL_MARKETS, order.market):
            orders.cancel(state, log, slot, work.reason)
    return steps


def _next_after(state: State, order: Order) -> int:
    """Return the slot of the next older order that does not go with this one.

    The children of a bracket come right after their parent, and are cancelled with it.
    """
    slot = order.owner_next
    if order.condition_slot and not order.is_conditional:
        condition = conditions.read(state, order.condition_slot)
        while slot in (condition.link_a, condition.link_b) and slot:
            slot = state.orders.read(slot).owner_next
    return slot
