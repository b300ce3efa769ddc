"""RELEASE: the holder of a pledge lets units of it go, back to their owner on the peer."""

from offchain.spec import balances, pledges
from offchain.spec.checks import OpError, require
from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.link_op import Release
from offchain.spec.margin_checks import check_outflow
from offchain.spec.order_checks import asset_exists, require_account
from offchain.spec.state import State


def release(state: State, op: Release, log: EventLog) -> None:
    """Apply a RELEASE.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_ASSET, NOT_PLEDGEABLE, INVALID_AMOUNT, INSUFFICIENT_BALANCE,
        UNKNOWN_PLEDGE, STALE_PRICE, INSUFFICIENT_MARGIN; of a frozen peer also
        INSUFFICIENT_CHAIN_LIQUIDITY, BALANCES_FULL, BALANCE_TOO_LARGE.
    """
    require_account(state, op.account)
    require(asset_exists(state, op.asset), ErrorCode.UNKNOWN_ASSET)
    asset = state.assets.read(op.asset)
    require(asset.is_linked, ErrorCode.NOT_PLEDGEABLE)
    require(0 < op.amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    free = balances.free_units(state.account(op.account), op.asset)
    if free is None or free < op.amount:
        raise OpError(ErrorCode.INSUFFICIENT_BALANCE)
    index = pledges.find_held(state, op.account, asset.channel, asset.peer_asset)
    if index is None or state.reservations.read(index).units < op.amount:
        raise OpError(ErrorCode.UNKNOWN_PLEDGE)
    check_outflow(state, op.account, op.asset, op.amount)
    pledges.release(state, log, index, op.amount)
