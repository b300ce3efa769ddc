"""TRANSFER: an amount moves to another account of the same owner."""

from offchain.spec import balances, funds, interest
from offchain.spec.checks import OpError, require
from offchain.spec.constants import FUND_BUCKETS, QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AccountFlag
from offchain.spec.op import Transfer
from offchain.spec.ops.withdraw import check_asset_and_amount, check_payable, take
from offchain.spec.order_checks import require_account, require_no_fund
from offchain.spec.state import ACCOUNT_LIMIT, State, create_account, master_account


def transfer(state: State, op: Transfer, log: EventLog) -> None:
    """Apply a TRANSFER; an absent sub-account of the same master is created.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, SAME_ACCOUNT, FUND_ACCOUNT, NOT_SAME_OWNER, UNKNOWN_ASSET,
        PLEDGED_ASSET, INVALID_AMOUNT, POSITION_OPEN, INSUFFICIENT_BALANCE, STALE_PRICE,
        INSUFFICIENT_MARGIN, BALANCES_FULL, BALANCE_TOO_LARGE.
    """
    require_account(state, op.account)
    require(op.to_account != op.account, ErrorCode.SAME_ACCOUNT)
    require(op.to_account < ACCOUNT_LIMIT, ErrorCode.UNKNOWN_ACCOUNT)
    _check_stays_in_fund(state, op)
    owner = state.account(op.account).owner
    is_new = not state.account_exists(op.to_account)
    if is_new:
        is_sibling = master_account(op.to_account) == master_account(op.account)
        require(is_sibling, ErrorCode.UNKNOWN_ACCOUNT)
    else:
        require(state.account(op.to_account).owner == owner, ErrorCode.NOT_SAME_OWNER)
    check_asset_and_amount(state, op.asset, op.amount)
    check_payable(state, op.account, op.asset, op.amount)
    if not is_new and not balances.has_room(state.account(op.to_account), op.asset):
        raise OpError(ErrorCode.BALANCES_FULL)
    can_receive = balances.can_receive(state.account(op.to_account), op.asset, op.amount)
    require(can_receive, ErrorCode.BALANCE_TOO_LARGE)
    if op.asset == QUOTE_ASSET:
        interest.earn(state, log, op.account)
        if not is_new:
            interest.earn(state, log, op.to_account, incoming=op.amount)
    if is_new:
        _create_sibling(state, op)
    take(state, op.account, op.asset, op.amount)
    receiver = state.edit_account(op.to_account)
    receiver.free[balances.open_slot(receiver, op.asset)] += op.amount
    log.transferred(account=op.account, asset=op.asset, amount=op.amount, to_account=op.to_account)


def _check_stays_in_fund(state: State, op: Transfer) -> None:
    """Refuse to let money into or out of a fund, or beyond the buckets that one can have."""
    if state.account(op.account).flags & AccountFlag.FUND:
        is_inside = master_account(op.to_account) == master_account(op.account)
        is_bucket = op.to_account - master_account(op.to_account) < FUND_BUCKETS
        require(is_inside and is_bucket, ErrorCode.FUND_ACCOUNT)
    else:
        require_no_fund(state, op.to_account)


def _create_sibling(state: State, op: Transfer) -> None:
    """Create a sub-account of the same owner, of a fund: its next bucket."""
    create_account(state, op.to_account, state.account(op.account).owner)
    if state.account(op.account).flags & AccountFlag.FUND:
        state.edit_account(op.to_account).flags |= AccountFlag.FUND
        funds.count_bucket(state, op.to_account)
