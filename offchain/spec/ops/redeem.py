"""REDEEM: shares wait for their lock-up and are paid at the price of that day."""

from offchain.spec import balances, funds, redemptions
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    DUTY_CAPACITY,
    FUND_LEADER_PPM,
    FUND_MIN_AMOUNT,
    ORDER_CAPACITY,
    PPM,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fund_op import Redeem
from offchain.spec.kinds import FundFlag
from offchain.spec.order_checks import require_account
from offchain.spec.state import State


def redeem(state: State, op: Redeem, log: EventLog) -> None:
    """Apply a REDEEM; it is final.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_FUND, INVALID_AMOUNT, INSUFFICIENT_BALANCE, LEADER_SHARE,
        BOOK_FULL, DUTY_QUEUE_FULL.
    """
    require_account(state, op.account)
    require(op.fund < state.header.fund_count, ErrorCode.UNKNOWN_FUND)
    require(0 < op.shares < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    asset = funds.share_asset(op.fund)
    free = balances.free_units(state.account(op.account), asset)
    if free is None or free < op.shares:
        raise OpError(ErrorCode.INSUFFICIENT_BALANCE)
    is_enough = op.shares >= FUND_MIN_AMOUNT or op.shares == free
    require(is_enough, ErrorCode.INVALID_AMOUNT)
    _check_leader_share(state, op, free)
    require(state.header.orders_used < ORDER_CAPACITY - 1, ErrorCode.BOOK_FULL)
    require(state.header.duty_count < DUTY_CAPACITY, ErrorCode.DUTY_QUEUE_FULL)
    balances.lock(state.edit_account(op.account), asset, op.shares)
    record = state.funds.edit(op.fund)
    record.queued_shares += op.shares
    slot = redemptions.store(state, owner=op.account, fund=op.fund, shares=op.shares)
    due_s = redemptions.schedule(state, slot, after_s=record.lockup_s)
    log.shares_queued(account=op.account, fund=op.fund, shares=op.shares, due_s=due_s, slot=slot)


def _check_leader_share(state: State, op: Redeem, free: int) -> None:
    record = state.funds.read(op.fund)
    if record.flags & FundFlag.PROTOCOL or op.account != record.leader:
        return
    remaining = record.total_shares - record.queued_shares - op.shares
    has_enough = (free - op.shares) * PPM >= remaining * FUND_LEADER_PPM
    require(has_enough, ErrorCode.LEADER_SHARE)
