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
        UNKNOWN_ACCOUNT, FUND_ACCOUNT, UNKNOWN_ASSET, PLEDGED_ASSET, INVALID_AMOUNT,
        AMOUNT_NOT_REPRESENTABLE, POSITION_OPEN, INSUFFICIENT_BALANCE, STALE_PRICE,
        INSUFFICIENT_MARGIN, INSUFFICIENT_CHAIN_LIQUIDITY.
    """
    require_account(state, op.account)
    require_no_fund(state, op.account)
    debit = check(state, op.account, op.asset, op.amount)
    pay(state, log, op.account, op.asset, op.amount, debit)


def check(state: State, account_id: int, asset: int, amount: int) -> int:
    """Check that `amount` units of L1 may leave; return the engine units that they cost.

    Raises
    ------
    OpError
        UNKNOWN_ASSET, INVALID_AMOUNT, AMOUNT_NOT_REPRESENTABLE, POSITION_OPEN,
        INSUFFICIENT_BALANCE, STALE_PRICE, INSUFFICIENT_MARGIN, INSUFFICIENT_CHAIN_LIQUIDITY.
    """
    check_asset_and_amount(state, asset, amount)
    step = state.assets.read(asset).withdraw_step_units
    require(amount % step == 0, ErrorCode.AMOUNT_NOT_REPRESENTABLE)
    debit = units.debited(state, asset, amount)
    check_payable(state, account_id, asset, debit)
    total = state.assets.read(asset).total_units
    require(amount <= total, ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY)
    return debit


def pay(state: State, log: EventLog, account_id: int, asset: int, amount: int, debit: int) -> None:
    """Pay a checked amount (units of L1) to the owner, for `debit` engine units."""
    if asset == QUOTE_ASSET:
        interest.earn(state, log, account_id)
    take(state, account_id, asset, debit)
    record = state.assets.edit(asset)
    record.total_units -= amount
    record.supply_units -= debit
    log.withdrawal(
        account=account_id,
        asset=asset,
        amount=amount,
        owner=state.account(account_id).owner,
        code=ErrorCode.OK,
    )


def check_asset_and_amount(state: State, asset: int, amount: int) -> None:
    """Refuse with UNKNOWN_ASSET, PLEDGED_ASSET or INVALID_AMOUNT."""
    require(asset_exists(state, asset), ErrorCode.UNKNOWN_ASSET)
    require(not state.assets.read(asset).is_linked, ErrorCode.PLEDGED_ASSET)
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
