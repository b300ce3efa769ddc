"""FORCED_UNLINK and PLEDGES_MOVED: what L1 says about pledges (docs/spec/links.md 5 and 6)."""

from offchain.spec import pledges
from offchain.spec.checks import require
from offchain.spec.constants import MAX_CHANNELS, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import ChannelFlag, ReservationRole
from offchain.spec.l1_op import ForcedUnlink, PledgesMoved
from offchain.spec.ops.forced_ops import require_owner
from offchain.spec.state import State


def forced_unlink(state: State, op: ForcedUnlink, log: EventLog) -> None:
    """Apply a FORCED_UNLINK: let all that is not needed of the peer's pledges go.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOT_SAME_OWNER, FUND_ACCOUNT, UNKNOWN_PLEDGE.
    """
    require_owner(state, op.account, op.sender)
    has_gone = False
    for index in pledges.indices(op.account):
        record = state.reservations.read(index)
        if record.role != ReservationRole.HELD or record.account != op.account:
            continue
        if state.channels.read(record.channel_plus_1 - 1).peer_chain_id == op.peer_chain_id:
            has_gone |= pledges.release_most(state, log, index)
    require(has_gone, ErrorCode.UNKNOWN_PLEDGE)


def pledges_moved(state: State, op: PledgesMoved, log: EventLog) -> None:
    """Apply a PLEDGES_MOVED: one of the two chains is frozen, and the channel is severed."""
    number = _channel_of(state, op.peer_chain_id)
    if number is not None:
        channel = state.channels.edit(number)
        channel.flags |= ChannelFlag.SEVERED
        linked_asset = channel.linked_asset(op.asset)
        if op.is_holder and linked_asset is not None:
            linked = state.assets.edit(linked_asset)
            linked.moved_units = min(linked.moved_units + op.units, VALUE_LIMIT - 1)
    log.pledges_moved(
        channel=MAX_CHANNELS if number is None else number,
        asset=op.asset,
        units=op.units,
        is_holder=op.is_holder,
        peer_chain_id=op.peer_chain_id,
    )


def _channel_of(state: State, peer_chain_id: int) -> int | None:
    for number in range(MAX_CHANNELS):
        channel = state.channels.read(number)
        if not channel.exists:
            return None
        if channel.peer_chain_id == peer_chain_id:
            return number
    return None
