"""Pledges given and held: their records, and how they end (docs/spec/links.md sections 2 to 6)."""

from offchain.spec import balances, channels, duties, redeeming
from offchain.spec.book_records import Duty
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    HALVINGS,
    INSURANCE_ACCOUNT,
    PLEDGE_RETRY_S,
    RESERVATIONS_PER_MASTER,
    SUB_ACCOUNT_BITS,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import DutyKind, ReservationRole
from offchain.spec.link_records import Reservation
from offchain.spec.margin_checks import check_outflow
from offchain.spec.op import TIME_LIMIT
from offchain.spec.state import State


def reservation_index(account_id: int, number: int) -> int:
    """Return the record number of reservation `number` (0 to 7) of an account's master."""
    return (account_id >> SUB_ACCOUNT_BITS) * RESERVATIONS_PER_MASTER + number


def indices(account_id: int) -> range:
    """Return the record numbers of all reservations of an account's master."""
    return range(
        reservation_index(account_id, 0), reservation_index(account_id, RESERVATIONS_PER_MASTER)
    )


def find_given(
    state: State, account_id: int, channel: int, asset: int, peer_account: int
) -> int | None:
    """Return the record number of what an account pledged to one of a peer, None if there is none.

    `asset` is as L1 calls it.
    """
    key = (account_id, ReservationRole.GIVEN, channel + 1, asset, peer_account)
    for index in indices(account_id):
        record = state.reservations.read(index)
        if (*_holding(record), record.peer_account) == key:
            return index
    return None


def find_held(state: State, account_id: int, channel: int, asset: int) -> int | None:
    """Return the record number of what an account holds of a peer's asset, None if it is absent."""
    key = (account_id, ReservationRole.HELD, channel + 1, asset)
    for index in indices(account_id):
        if _holding(state.reservations.read(index)) == key:
            return index
    return None


def find_free(state: State, account_id: int) -> int | None:
    """Return the lowest free record number of an account's master, None if all are taken."""
    return next((i for i in indices(account_id) if state.reservations.read(i).is_empty), None)


def _holding(record: Reservation) -> tuple[int, int, int, int]:
    return record.account, record.role, record.channel_plus_1, record.asset


def change(
    state: State, index: int, *, units: int = 0, claimed_units: int = 0, asked_units: int = 0
) -> None:
    """Add to the amounts of a record; one that comes to nothing is gone, its duty with it."""
    record = state.reservations.edit(index)
    record.units += units
    record.claimed_units += claimed_units
    record.asked_units += asked_units
    if record.is_empty:
        if record.role == ReservationRole.HELD:
            duties.remove_of(state, DutyKind.PLEDGE, index)
        state.reservations.clear(index)


def claim(state: State, account_id: int, linked_asset: int, units: int) -> None:
    """Note that the insurance account bought units of a pledged asset from an account."""
    asset = state.assets.read(linked_asset)
    index = find_held(state, account_id, asset.channel, asset.peer_asset)
    if index is not None:
        change(state, index, units=-units, claimed_units=units)


def linked_asset_of(state: State, record: Reservation) -> int:
    """Return the asset that a HELD record's units are of here."""
    linked = state.channels.read(record.channel_plus_1 - 1).linked_asset(record.asset)
    if linked is None:
        raise ValueError("a pledge is held of an asset without link")
    return linked


def burn(state: State, account_id: int, asset: int, units: int) -> None:
    """Take engine units that the account has free out of it, and out of the supply."""
    account = state.edit_account(account_id)
    slot = balances.find_slot(account, asset)
    account.free[slot] -= units
    balances.release_slot(account, slot)
    state.assets.edit(asset).supply_units -= units


def release(state: State, log: EventLog, index: int, units: int) -> None:
    """Let units of a HELD record go, which the account has free and does not need.

    They go back to the peer, or become units of the asset itself when the peer is frozen.

    Raises
    ------
    OpError
        INSUFFICIENT_CHAIN_LIQUIDITY, UNKNOWN_ASSET, BALANCES_FULL, BALANCE_TOO_LARGE: of a frozen
        peer; nothing is changed.
    """
    record = state.reservations.read(index)
    channel, linked_asset = record.channel_plus_1 - 1, linked_asset_of(state, record)
    is_severed = state.channels.read(channel).is_severed
    if is_severed:
        redeeming.check(state, record.account, linked_asset, units)
    burn(state, record.account, linked_asset, units)
    change(state, index, units=-units)
    if is_severed:
        redeeming.pay(state, log, record.account, linked_asset, units)
        return
    log.released(
        account=record.account,
        channel=channel,
        asset=record.asset,
        units=units,
        peer_account=record.peer_account,
        code=ErrorCode.OK,
    )
    channels.send(state, log, channel)


def redeem_claim(state: State, log: EventLog, index: int) -> None:
    """Turn what liquidations took of a frozen peer's pledge into the asset itself.

    Raises
    ------
    OpError
        As :func:`release`.
    """
    record = state.reservations.read(index)
    units, linked_asset = record.claimed_units, linked_asset_of(state, record)
    redeeming.check(state, INSURANCE_ACCOUNT, linked_asset, units)
    burn(state, INSURANCE_ACCOUNT, linked_asset, units)
    change(state, index, claimed_units=-units)
    redeeming.pay(state, log, INSURANCE_ACCOUNT, linked_asset, units)


def most_that_can_go(state: State, index: int) -> int:
    """Return the largest part of a HELD record that margin lets go, by halving; 0 if none."""
    record = state.reservations.read(index)
    linked_asset = linked_asset_of(state, record)
    free = balances.free_units(state.account(record.account), linked_asset) or 0
    at_most = min(free, record.units)
    for shift in range(HALVINGS):
        units = at_most >> shift
        if units and _may_leave(state, record.account, linked_asset, units):
            return units
    return 0


def _may_leave(state: State, account_id: int, asset: int, units: int) -> bool:
    try:
        check_outflow(state, account_id, asset, units)
    except OpError:
        return False
    return True


def release_most(state: State, log: EventLog, index: int) -> bool:
    """Let go of a HELD record what can go; return whether anything went."""
    units = most_that_can_go(state, index)
    if units == 0:
        return False
    try:
        release(state, log, index, units)
    except OpError:
        return False
    return True


def run_duty(state: State, log: EventLog, index: int) -> None:
    """End a pledge that has expired, as far as no position needs it; look again later."""
    record = state.reservations.read(index)
    now_s = state.header.now_s
    if record.expires_at_s > now_s:
        schedule(state, index, record.expires_at_s)
        return
    schedule(state, index, min(now_s + PLEDGE_RETRY_S, TIME_LIMIT - 1))
    release_most(state, log, index)


def schedule(state: State, index: int, due_s: int) -> None:
    """Let a HELD record fall due; the heap has room."""
    duties.push(state, Duty(due_s, DutyKind.PLEDGE, index))
