"""PLEDGE: collateral is locked here and counts for an account of the same owner on a peer."""

from offchain.spec import balances, channels, pledges, units
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    LINK_ASSET,
    MAX_CHANNELS,
    PLEDGE_MAX_S,
    PLEDGE_MIN_S,
    QUOTE_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import ReservationRole
from offchain.spec.link_op import Pledge
from offchain.spec.link_records import Reservation
from offchain.spec.margin_checks import check_outflow
from offchain.spec.order_checks import asset_exists, require_account, require_no_fund
from offchain.spec.state import ACCOUNT_LIMIT, State

_EXPIRY_LIMIT_S = 2**31  # the event's word that carries it is not negative


def pledge(state: State, op: Pledge, log: EventLog) -> None:
    """Apply a PLEDGE.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_ASSET, FUND_ACCOUNT, NOT_PLEDGEABLE, UNKNOWN_PEER, INVALID_AMOUNT,
        INVALID_EXPIRY, PLEDGES_FULL, BALANCE_TOO_LARGE, INSUFFICIENT_BALANCE,
        INSUFFICIENT_CHAIN_LIQUIDITY, STALE_PRICE, INSUFFICIENT_MARGIN.
    """
    _check_fields(state, op)
    index = _record_index(state, op)
    debit = units.debited(state, op.asset, op.amount)
    free = balances.free_units(state.account(op.account), op.asset)
    if free is None or free < debit:
        raise OpError(ErrorCode.INSUFFICIENT_BALANCE)
    total = state.assets.read(op.asset).total_units
    require(op.amount <= total, ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY)
    check_outflow(state, op.account, op.asset, debit)
    pledges.burn(state, op.account, op.asset, debit)
    state.assets.edit(op.asset).total_units -= op.amount
    _store(state, op, index)
    log.pledged(
        account=op.account,
        channel=op.channel,
        asset=op.asset,
        units=op.amount,
        peer_account=op.peer_account,
        expires_at_s=op.expires_at_s,
        owner=state.account(op.account).owner,
    )
    channels.send(state, log, op.channel)


def _check_fields(state: State, op: Pledge) -> None:
    require_account(state, op.account)
    require(asset_exists(state, op.asset), ErrorCode.UNKNOWN_ASSET)
    require_no_fund(state, op.account)
    is_pledgeable = QUOTE_ASSET < op.asset < LINK_ASSET
    is_pledgeable = is_pledgeable and not state.assets.read(op.asset).is_linked
    require(is_pledgeable, ErrorCode.NOT_PLEDGEABLE)
    is_open = op.channel < MAX_CHANNELS and state.channels.read(op.channel).is_open
    require(is_open, ErrorCode.UNKNOWN_PEER)
    require(0 < op.amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    require(op.peer_account < ACCOUNT_LIMIT, ErrorCode.UNKNOWN_ACCOUNT)
    ahead_s = op.expires_at_s - state.header.now_s
    is_in_time = PLEDGE_MIN_S <= ahead_s <= PLEDGE_MAX_S and op.expires_at_s < _EXPIRY_LIMIT_S
    require(is_in_time, ErrorCode.INVALID_EXPIRY)


def _record_index(state: State, op: Pledge) -> int:
    """Return the record that the pledge goes to, or refuse it."""
    index = pledges.find_given(state, op.account, op.channel, op.asset, op.peer_account)
    if index is None:
        index = pledges.find_free(state, op.account)
    if index is None:
        raise OpError(ErrorCode.PLEDGES_FULL)
    given_units = state.reservations.read(index).units
    require(given_units + op.amount < VALUE_LIMIT, ErrorCode.BALANCE_TOO_LARGE)
    return index


def _store(state: State, op: Pledge, index: int) -> None:
    before = state.reservations.read(index)
    record = Reservation(
        account=op.account,
        role=ReservationRole.GIVEN,
        channel_plus_1=op.channel + 1,
        asset=op.asset,
        peer_account=op.peer_account,
        expires_at_s=max(before.expires_at_s, op.expires_at_s),
        units=before.units + op.amount,
    )
    state.reservations.replace(index, record)
