"""DEPOSIT: total, since L1 has the money already; what is refused goes back to its owner."""

from offchain.spec import balances, interest, units
from offchain.spec.constants import QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AssetFlag, SignerFlag
from offchain.spec.op import NO_ACCOUNT, Deposit
from offchain.spec.order_checks import asset_exists
from offchain.spec.records import Signer
from offchain.spec.state import State, create_account, signer_index


def deposit(state: State, op: Deposit, log: EventLog) -> None:
    """Apply a DEPOSIT: credit the account, or send the amount back with the reason."""
    refusal = _refusal(state, op)
    if refusal != ErrorCode.OK:
        log.withdrawal(
            account=op.account, asset=op.asset, amount=op.amount, owner=op.owner, code=refusal
        )
        return
    if not state.account_exists(op.account):
        create_account(state, op.account, op.owner)
        owner_key = Signer(address=op.owner, flags=SignerFlag.EXISTS)
        state.signers.replace(signer_index(op.account, 0), owner_key)
    elif op.asset == QUOTE_ASSET:
        interest.earn(state, log, op.account, incoming=op.amount)
    credit = units.credited(state, op.asset, op.amount)
    account = state.edit_account(op.account)
    account.free[balances.open_slot(account, op.asset)] += credit
    asset = state.assets.edit(op.asset)
    asset.total_units += op.amount
    asset.supply_units += credit
    log.deposited(account=op.account, asset=op.asset, amount=op.amount, owner=op.owner)


def _refusal(state: State, op: Deposit) -> ErrorCode:
    if op.account == NO_ACCOUNT:
        return ErrorCode.UNKNOWN_ACCOUNT
    if not asset_exists(state, op.asset):
        return ErrorCode.UNKNOWN_ASSET
    asset = state.assets.read(op.asset)
    account = state.account(op.account)
    exists = state.account_exists(op.account)
    if exists and account.owner != op.owner:
        return ErrorCode.NOT_SAME_OWNER
    if not asset.flags & AssetFlag.DEPOSITS_OPEN:
        return ErrorCode.DEPOSITS_CLOSED
    if asset.total_units + op.amount > asset.deposit_cap_units:
        return ErrorCode.DEPOSIT_CAP
    if exists and not balances.has_room(account, op.asset):
        return ErrorCode.BALANCES_FULL
    credit = units.credited(state, op.asset, op.amount)
    can_receive = not exists or balances.can_receive(account, op.asset, credit)
    if not can_receive or not units.can_supply(state, op.asset, credit):
        return ErrorCode.BALANCE_TOO_LARGE
    return ErrorCode.OK
