"""INVEST: shares of a fund at the price for who enters."""

from dataclasses import dataclass

from offchain.spec import balances, funds
from offchain.spec.checks import require
from offchain.spec.constants import (
    FUND_LEADER_PPM,
    FUND_MIN_AMOUNT,
    FUND_MIN_SEED,
    PPM,
    QUOTE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fund_op import Invest
from offchain.spec.funds import Fee, FundValue
from offchain.spec.kinds import FundFlag
from offchain.spec.margin_checks import check_outflow
from offchain.spec.ops.withdraw import has_unmargined_position
from offchain.spec.order_checks import require_account, require_no_fund
from offchain.spec.state import State


@dataclass(frozen=True, slots=True)
class _Terms:
    """What an investment buys, and the fee that is taken before."""

    value: FundValue
    fee: Fee
    shares: int


def invest(state: State, op: Invest, log: EventLog) -> None:
    """Apply an INVEST.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, FUND_ACCOUNT, UNKNOWN_FUND, INVALID_AMOUNT, INSUFFICIENT_BALANCE,
        POSITION_OPEN, STALE_PRICE, INSUFFICIENT_MARGIN, FUND_TOO_WIDE, FUND_BANKRUPT,
        LEADER_SHARE, BALANCES_FULL, BALANCE_TOO_LARGE.
    """
    require_account(state, op.account)
    require_no_fund(state, op.account)
    require(op.fund < state.header.fund_count, ErrorCode.UNKNOWN_FUND)
    require(FUND_MIN_AMOUNT <= op.amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    check_outflow_of_quote(state, op.account, op.amount)
    terms = _terms(state, op)
    _check_leader_share(state, op, terms)
    asset, bucket = funds.share_asset(op.fund), funds.bucket_account(op.fund, 0)
    require(balances.has_room(state.account(op.account), asset), ErrorCode.BALANCES_FULL)
    can_receive = balances.can_receive(state.account(bucket), QUOTE_ASSET, op.amount)
    require(can_receive, ErrorCode.BALANCE_TOO_LARGE)
    funds.take_fee(state, log, op.fund, terms.fee, terms.value.down)
    state.edit_account(op.account).free[QUOTE_ASSET] -= op.amount
    state.edit_account(bucket).free[QUOTE_ASSET] += op.amount
    funds.mint(
        state,
        log,
        op.fund,
        op.account,
        shares=terms.shares,
        amount=op.amount,
        fund_value=terms.value.up,
    )


def check_outflow_of_quote(state: State, account_id: int, amount: int) -> None:
    """Refuse an amount that the account does not have free or that backs its positions.

    Raises
    ------
    OpError
        INSUFFICIENT_BALANCE, POSITION_OPEN, STALE_PRICE, INSUFFICIENT_MARGIN.
    """
    free = state.account(account_id).free[QUOTE_ASSET]
    require(free >= amount, ErrorCode.INSUFFICIENT_BALANCE)
    require(not has_unmargined_position(state, account_id), ErrorCode.POSITION_OPEN)
    check_outflow(state, account_id, QUOTE_ASSET, amount)


def _terms(state: State, op: Invest) -> _Terms:
    value = funds.value(state, op.fund)
    fee = funds.fee(state, op.fund, value.down)
    total = state.funds.read(op.fund).total_shares + fee.shares
    if total == 0:
        require(op.amount >= FUND_MIN_SEED, ErrorCode.INVALID_AMOUNT)
        shares = op.amount
    else:
        require(value.up > 0, ErrorCode.FUND_BANKRUPT)
        shares = op.amount * total // value.up
    require(shares > 0 and total + shares < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    return _Terms(value, fee, shares)


def _check_leader_share(state: State, op: Invest, terms: _Terms) -> None:
    """Refuse money of others that leaves the leader with too small a part of the fund."""
    record = state.funds.read(op.fund)
    if record.flags & FundFlag.PROTOCOL or op.account == record.leader:
        return
    leader = state.account(record.leader)
    slot = balances.find_slot(leader, funds.share_asset(op.fund))
    held = 0 if slot == balances.NO_SLOT else leader.free[slot] + leader.locked[slot]
    total = record.total_shares + terms.fee.shares + terms.shares
    has_enough = (held + terms.fee.shares) * PPM >= total * FUND_LEADER_PPM
    require(has_enough, ErrorCode.LEADER_SHARE)
