"""WITHDRAW: an amount leaves the chain to the account's owner on L1."""

from offchain.spec import balances, interest, margin, units
from offchain.spec.checks import OpError, require
from offchain.spec.constants import QUOTE_ASSET, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.margin_checks import check_outflow
from offchain.spec.op import Withdraw
from offchain.spec.order_checks import asset_exists, require_account, require_no_fund
from offchain.spec.state import State


def withdraw(state: State, op: Withdraw, log: EventLog) -> None:
    """Apply a WITHDRAW.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, FUND_ACCOUNT, UNKNOWN_ASSET, INVALID_AMOUNT, AMOUNT_NOT_REPRESENTABLE,
        POSITION_OPEN, INSUFFICIENT_BALANCE, STALE_PRICE, INSUFFICIENT_MARGIN,
        INSUFFICIENT_CHAIN_LIQUIDITY.
    """
    require_account(state, op.account)
    require_no_fund(state, op.account)
    check_asset_and_amount(state, op.asset, op.amount)
    step = state.assets.read(op.asset).withdraw_step_units
    require(op.amount % step == 0, ErrorCode.AMOUNT_NOT_REPRESENTABLE)
    debit = units.debited(state, op.asset, op.amount)
    check_payable(state, op.account, op.asset, debit)
    total = state.assets.read(op.asset).total_units
    require(op.amount <= total, ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY)
    if op.asset == QUOTE_ASSET:
        interest.earn(state, log, op.account)
    take(state, op.account, op.asset, debit)
    asset = state.assets.edit(op.asset)
    asset.total_units -= op.amount
    asset.supply_units -= debit
    log.withdrawal(
        account=op.account,
        asset=op.asset,
        amount=op.amount,
        owner=state.account(op.account).owner,
        code=ErrorCode.OK,
    )


def check_asset_and_amount(state: State, asset: int, amount: int) -> None:
    """Refuse with UNKNOWN_ASSET or INVALID_AMOUNT."""
    require(asset_exists(state, asset), ErrorCode.UNKNOWN_ASSET)
    require(0 < amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)


def check_payable(state: State, account_id: int, asset: int, amount: int) -> None:
    """Refuse an amount that the account does not have or that backs its positions.

    Raises
    ------
    OpError
        POSITION_OPEN, INSUFFICIENT_BALANCE, STALE_PRICE, INSUFFICIENT_MARGIN.
    """
    account = state.account(account_id)
    if asset == QUOTE_ASSET:
        require(not has_unmargined_position(state, account_id), ErrorCode.POSITION_OPEN)
    free = balances.free_units(account, asset)
    if free is None or free < amount:
        raise OpError(ErrorCode.INSUFFICIENT_BALANCE)
    check_outflow(state, account_id, asset, amount)


def has_unmargined_position(state: State, account_id: int) -> bool:
    """Return whether the account has a record of a market that asks for no margin."""
    margined = sum(1 for _ in margin.holdings_of(state, account_id))
    return state.account(account_id).positions_used > margined


def take(state: State, account_id: int, asset: int, amount: int) -> None:
    """Take a checked amount out of the free balance and release the slot if it is empty."""
    account = state.edit_account(account_id)
    slot = balances.find_slot(account, asset)
    account.free[slot] -= amount
    balances.release_slot(account, slot)
