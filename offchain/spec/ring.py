"""The sweep ring: accounts with positions in margined markets, linked both ways.

Head and cursor are in the header, the links in the accounts (docs/spec/risk.md section 9).
"""

from offchain.spec.constants import SWEEP_PERIOD_S
from offchain.spec.kinds import AccountFlag
from offchain.spec.state import State


def is_late(state: State) -> bool:
    """Return whether some account in the ring was not looked at for SWEEP_PERIOD_S."""
    header = state.header
    return header.sweep_head != 0 and header.now_s > header.swept_s + SWEEP_PERIOD_S


def holds(state: State, account_id: int) -> bool:
    """Return whether the account is in the ring."""
    return bool(state.account(account_id).flags & AccountFlag.SWEPT)


def enter(state: State, account_id: int) -> None:
    """Put an account at the head of the ring unless it is in it.

    Account 0, which cannot trade, stays outside: 0 ends the ring.
    """
    if account_id == 0 or holds(state, account_id):
        return
    header = state.header
    if header.sweep_head:
        state.edit_account(header.sweep_head).sweep_prev = account_id
    else:
        header.swept_s = header.now_s
    account = state.edit_account(account_id)
    account.flags |= AccountFlag.SWEPT
    account.sweep_next = header.sweep_head
    header.sweep_head = account_id


def leave(state: State, account_id: int) -> None:
    """Take an account out of the ring it is in; the cursor is the caller's."""
    account = state.edit_account(account_id)
    if account.sweep_prev:
        state.edit_account(account.sweep_prev).sweep_next = account.sweep_next
    else:
        state.header.sweep_head = account.sweep_next
    if account.sweep_next:
        state.edit_account(account.sweep_next).sweep_prev = account.sweep_prev
    account.flags &= ~AccountFlag.SWEPT
    account.sweep_next = account.sweep_prev = 0
