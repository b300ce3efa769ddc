"""Units of L1 that come to an account: back from a peer, or from one that is frozen.

docs/spec/links.md sections 3 and 6.
"""

from offchain.spec import balances, units
from offchain.spec.checks import require
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.order_checks import asset_exists
from offchain.spec.state import State


def credit(state: State, log: EventLog, account_id: int, asset: int, amount: int) -> None:
    """Give `amount` units of L1 to an account, or to its owner on L1 if it cannot have them.

    Parameters
    ----------
    state, log
        Changed and appended to.
    account_id
        Below ACCOUNT_LIMIT.
    asset
        Not the quote, which cannot be pledged: so no interest is earned.
    amount
        Units of L1, in [0, VALUE_LIMIT); nothing is done with 0.
    """
    if amount == 0:
        return
    refusal = _credit_refusal(state, account_id, asset, amount)
    if refusal != ErrorCode.OK:
        owner = state.account(account_id).owner
        log.withdrawal(account=account_id, asset=asset, amount=amount, owner=owner, code=refusal)
        return
    credited = units.credited(state, asset, amount)
    account = state.edit_account(account_id)
    account.free[balances.open_slot(account, asset)] += credited
    record = state.assets.edit(asset)
    record.total_units += amount
    record.supply_units += credited


def _credit_refusal(state: State, account_id: int, asset: int, amount: int) -> ErrorCode:
    if not asset_exists(state, asset):
        return ErrorCode.UNKNOWN_ASSET
    if not state.account_exists(account_id):
        return ErrorCode.UNKNOWN_ACCOUNT
    account = state.account(account_id)
    if not balances.has_room(account, asset):
        return ErrorCode.BALANCES_FULL
    credited = units.credited(state, asset, amount)
    can_receive = balances.can_receive(account, asset, credited)
    if not can_receive or not units.can_supply(state, asset, credited):
        return ErrorCode.BALANCE_TOO_LARGE
    return ErrorCode.OK


def check(state: State, account_id: int, linked_asset: int, amount: int) -> None:
    """Refuse to turn units of a pledged asset into the asset itself.

    A slot that the pledged asset may give back does not count as room.

    Raises
    ------
    OpError
        INSUFFICIENT_CHAIN_LIQUIDITY, UNKNOWN_ASSET, BALANCES_FULL, BALANCE_TOO_LARGE.
    """
    linked = state.assets.read(linked_asset)
    require(amount <= linked.moved_units, ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY)
    refusal = _credit_refusal(state, account_id, linked.peer_asset, amount)
    require(refusal == ErrorCode.OK, refusal)


def pay(state: State, log: EventLog, account_id: int, linked_asset: int, amount: int) -> None:
    """Give an account what :func:`check` has let pass, out of what L1 moved to this chain."""
    linked = state.assets.edit(linked_asset)
    linked.moved_units -= amount
    credit(state, log, account_id, linked.peer_asset, amount)
    log.redeemed(
        account=account_id,
        channel=linked.channel,
        linked_asset=linked_asset,
        asset=linked.peer_asset,
        units=amount,
    )
