"""Visits of the sweep: the cursor moves on, and at the end of the ring a lap ends."""

from offchain.spec import interest, ring
from offchain.spec.events import EventLog
from offchain.spec.state import State


def end_visit(state: State, log: EventLog, account_id: int) -> None:
    """Leave the account at the cursor, with which nothing remains to be done."""
    header = state.header
    header.sweep_cursor = state.account(account_id).sweep_next
    interest.visit(state, log, account_id)
    if _may_leave(state, account_id):
        ring.leave(state, account_id)
    if header.sweep_cursor == 0:
        interest.end_lap(state, log)


def _may_leave(state: State, account_id: int) -> bool:
    account = state.account(account_id)
    return account.positions_used == 0 and account.free[0] + account.locked[0] >= 0
