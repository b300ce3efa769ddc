"""What a chain does with messages of its peers (docs/spec/links.md section 3).

A message whose turn has come is always taken; what it says is checked field by field, since the
peer may say anything.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Self

from offchain.spec import balances, channels, pledges, redeeming
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    DUTY_CAPACITY,
    INSURANCE_ACCOUNT,
    LINK_ASSET,
    VALUE_LIMIT,
)
from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AccountFlag, EventKind, MessageFlag, ReservationRole
from offchain.spec.link_records import Reservation
from offchain.spec.message import NO_VALUES, Message, accumulator_after
from offchain.spec.state import ACCOUNT_LIMIT, State

_EXPIRY_SHIFT = 32
_ACCOUNT_MASK = (1 << _EXPIRY_SHIFT) - 1
_KIND_LIMIT = 256  # an event tells the low byte of a message's type as op kind


@dataclass(frozen=True, slots=True)
class _Body:
    """The event that a peer tells; any 64 bytes are one."""

    _LAYOUT: ClassVar[Struct] = Struct("<8xHHI6q")

    kind: int
    account: int
    values: tuple[int, ...]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        kind, _, account, *values = cls._LAYOUT.unpack(data)
        return cls(kind, account, tuple(values))


def check(state: State, message: Message) -> None:
    """Refuse a message whose turn has not come.

    Raises
    ------
    OpError
        UNKNOWN_PEER, MESSAGE_OUT_OF_ORDER, MESSAGE_AHEAD, MESSAGE_NEEDS_BODY.
    """
    record = state.channels.read(message.channel)
    ids = (record.peer_chain_id, record.own_chain_id)
    is_peer = record.exists and ids == (message.from_chain, message.to_chain)
    require(is_peer, ErrorCode.UNKNOWN_PEER)
    require(message.index == record.received_count + 1, ErrorCode.MESSAGE_OUT_OF_ORDER)
    first_ahead = (state.header.now_s + 1) * channels.SLOTS_PER_S
    require(message.slot < first_ahead, ErrorCode.MESSAGE_AHEAD)
    is_expired = message.expires_at_s <= state.header.now_s
    may_be_void = message.index <= record.void_until and is_expired
    require(may_be_void or not message.is_void, ErrorCode.MESSAGE_NEEDS_BODY)


def take(state: State, log: EventLog, message: Message) -> None:
    """Take a message that :func:`check` let pass.

    Parameters
    ----------
    state, log
        Changed and appended to; what cannot be is the event REJECTED.
    message
        The next of its channel. A void one does nothing: a body of zeros is no event.
    """
    header, record = state.header, state.channels.edit(message.channel)
    record.received_count += 1
    record.received_accumulator = accumulator_after(record.received_accumulator, message.envelope())
    header.last_slot = max(header.last_slot, message.slot)
    body = _Body.from_bytes(message.body)
    log.message_taken(
        channel=message.channel,
        index=message.index,
        slot=message.slot,
        flags=message.flags,
        body_kind=body.kind,
    )
    try:
        _act_on(state, log, message, body)
    except OpError as refusal:
        log.rejected(account=0, op_index=0, op_kind=body.kind % _KIND_LIMIT, code=refusal.code)


def _act_on(state: State, log: EventLog, message: Message, body: _Body) -> None:
    if body.kind == EventKind.PLEDGED:
        _take_pledge(state, log, message.channel, body)
    elif body.kind == EventKind.RELEASED:
        _unlock(state, log, message.channel, body)
    elif body.kind == EventKind.SEIZE_REQUESTED:
        _give_up(state, log, message.channel, body)
    elif body.kind == EventKind.SEIZED:
        _end_claim(state, log, message, body)
    else:
        raise OpError(ErrorCode.MESSAGE_MALFORMED)


def _require_fields(asset: int, *, units: int, accounts: tuple[int, ...]) -> None:
    """Refuse with MESSAGE_MALFORMED unless the peer's numbers are ids and an amount."""
    is_sound = 0 <= asset < LINK_ASSET and 0 < units < VALUE_LIMIT
    is_sound = is_sound and all(0 <= account < ACCOUNT_LIMIT for account in accounts)
    require(is_sound, ErrorCode.MESSAGE_MALFORMED)


def _take_pledge(state: State, log: EventLog, channel: int, body: _Body) -> None:
    """PLEDGED: the peer has locked units for an account here."""
    asset, units, to, *owner = body.values
    _require_fields(asset, units=units, accounts=())
    require(to >= 0, ErrorCode.MESSAGE_MALFORMED)
    account_id, expires_at_s = to & _ACCOUNT_MASK, to >> _EXPIRY_SHIFT
    linked_asset = state.channels.read(channel).linked_asset(asset)
    offer = Reservation(
        account=account_id,
        role=ReservationRole.HELD,
        channel_plus_1=channel + 1,
        asset=asset,
        peer_account=body.account,
        expires_at_s=expires_at_s,
        units=units,
    )
    refusal = _offer_refusal(state, offer, tuple(owner), linked_asset)
    if linked_asset is None or refusal != ErrorCode.OK:
        log.released(
            account=account_id if account_id < ACCOUNT_LIMIT else 0,
            channel=channel,
            asset=asset,
            units=units,
            peer_account=body.account,
            code=refusal,
        )
        channels.send(state, log, channel)
        return
    account = state.edit_account(account_id)
    account.free[balances.open_slot(account, linked_asset)] += units
    state.assets.edit(linked_asset).supply_units += units
    log.pledge_taken(
        account=account_id,
        channel=channel,
        asset=asset,
        units=units,
        expires_at_s=_store(state, offer),
        peer_account=body.account,
        linked_asset=linked_asset,
    )


def _offer_refusal(
    state: State, offer: Reservation, owner: tuple[int, ...], linked_asset: int | None
) -> ErrorCode:
    channel = offer.channel_plus_1 - 1
    if linked_asset is None:
        return ErrorCode.UNKNOWN_ASSET
    if not state.account_exists(offer.account):
        return ErrorCode.UNKNOWN_ACCOUNT
    account = state.account(offer.account)
    if address_words(account.owner) != owner:
        return ErrorCode.NOT_SAME_OWNER
    if account.flags & AccountFlag.FUND:
        return ErrorCode.FUND_ACCOUNT
    if offer.expires_at_s <= state.header.now_s:
        return ErrorCode.INVALID_EXPIRY
    index = pledges.find_held(state, offer.account, channel, offer.asset)
    if index is None:
        has_record, held_units = pledges.find_free(state, offer.account) is not None, 0
    else:
        held = state.reservations.read(index)
        has_record, held_units = held.peer_account == offer.peer_account, held.units
    if not has_record:
        return ErrorCode.PLEDGES_FULL
    linked = state.assets.read(linked_asset)
    if linked.supply_units + offer.units > linked.deposit_cap_units:
        return ErrorCode.DEPOSIT_CAP
    if not balances.has_room(account, linked_asset):
        return ErrorCode.BALANCES_FULL
    can_receive = balances.can_receive(account, linked_asset, offer.units)
    if not can_receive or held_units + offer.units >= VALUE_LIMIT:
        return ErrorCode.BALANCE_TOO_LARGE
    if index is None and state.header.duty_count >= DUTY_CAPACITY:
        return ErrorCode.DUTY_QUEUE_FULL
    return ErrorCode.OK


def _store(state: State, offer: Reservation) -> int:
    """Add an accepted offer to the account's record; return when that expires."""
    index = pledges.find_held(state, offer.account, offer.channel_plus_1 - 1, offer.asset)
    if index is not None:
        held = state.reservations.edit(index)
        held.units += offer.units
        held.expires_at_s = max(held.expires_at_s, offer.expires_at_s)
        return held.expires_at_s
    free = pledges.find_free(state, offer.account)
    if free is None:
        raise ValueError("an offer was accepted without a free record")
    state.reservations.replace(free, offer)
    pledges.schedule(state, free, offer.expires_at_s)
    return offer.expires_at_s


def _unlock(state: State, log: EventLog, channel: int, body: _Body) -> None:
    """RELEASED: the peer lets go what an account here has pledged."""
    asset, told, account_id, peer_account = body.values[:4]
    _require_fields(asset, units=told, accounts=(account_id, peer_account))
    index = pledges.find_given(state, account_id, channel, asset, peer_account)
    if index is None:
        raise OpError(ErrorCode.UNKNOWN_PLEDGE)
    units = min(told, state.reservations.read(index).units)
    pledges.change(state, index, units=-units)
    redeeming.credit(state, log, account_id, asset, units)
    log.unlocked(account=account_id, channel=channel, asset=asset, units=units, told=told)


def _give_up(state: State, log: EventLog, channel: int, body: _Body) -> None:
    """SEIZE_REQUESTED: the peer takes what an account here has pledged, as far as it goes."""
    asset, asked, account_id, peer_account = body.values[:4]
    _require_fields(asset, units=asked, accounts=(account_id, peer_account))
    index = pledges.find_given(state, account_id, channel, asset, peer_account)
    units = 0
    if index is not None:
        units = min(asked, state.reservations.read(index).units)
        pledges.change(state, index, units=-units)
    log.seized(
        account=account_id,
        channel=channel,
        asset=asset,
        units=units,
        peer_account=peer_account,
        asked_units=asked,
    )
    flags = MessageFlag.ATOMIC | MessageFlag.SEIZURE
    value = (asset, units) if units else channels.NO_VALUE
    channels.send(state, log, channel, flags=flags, value=value)


def _end_claim(state: State, log: EventLog, message: Message, body: _Body) -> None:
    """SEIZED: what the peer gave up has come; the claim on it ends, paid in full or not."""
    channel = message.channel
    asset, units, account_id, asked = body.values[:4]
    _require_fields(asset, units=asked, accounts=(account_id,))
    value = (asset, units) if units else channels.NO_VALUE
    has_value = message.values == (value, *NO_VALUES[1:])
    require(0 <= units < VALUE_LIMIT and has_value, ErrorCode.MESSAGE_MALFORMED)
    index = pledges.find_held(state, account_id, channel, asset)
    linked_asset = state.channels.read(channel).linked_asset(asset)
    if index is None or linked_asset is None:
        raise OpError(ErrorCode.UNKNOWN_PLEDGE)
    ended = min(asked, state.reservations.read(index).asked_units)
    pledges.change(state, index, asked_units=-ended)
    free = balances.free_units(state.account(INSURANCE_ACCOUNT), linked_asset) or 0
    burnt = min(ended, free)
    if burnt:
        pledges.burn(state, INSURANCE_ACCOUNT, linked_asset, burnt)
    redeeming.credit(state, log, INSURANCE_ACCOUNT, asset, units)
    log.liquidation_done(
        account=account_id, channel=channel, asset=asset, units=units, burnt_units=burnt
    )
