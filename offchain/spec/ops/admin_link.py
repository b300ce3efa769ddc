"""ADMIN_CHANNEL, ADMIN_LINK, ADMIN_VOID: peers, linked assets and withheld messages."""

from offchain.spec.checks import require
from offchain.spec.constants import (
    LINK_ASSET,
    MAX_CHANNELS,
    MAX_MESSAGES_IN_FLIGHT,
    QUOTE_ASSET,
    SHARE_ASSET,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AssetFlag
from offchain.spec.link_op import AdminChannel, AdminLink, AdminVoid
from offchain.spec.link_records import Channel
from offchain.spec.order_checks import asset_exists
from offchain.spec.state import State

_CHAIN_ID_LIMIT = 2**32 - 1


def admin_channel(state: State, op: AdminChannel, log: EventLog) -> None:
    """Apply an ADMIN_CHANNEL; a peer has one channel, and there is no gap before it.

    Raises
    ------
    OpError
        INVALID_LINK.
    """
    is_valid = (
        op.channel < MAX_CHANNELS
        and 0 < op.peer_chain_id < _CHAIN_ID_LIMIT
        and 0 < op.own_chain_id < _CHAIN_ID_LIMIT
        and op.peer_chain_id != op.own_chain_id
        and not state.channels.read(op.channel).exists
        and _follows(state, op)
    )
    require(is_valid, ErrorCode.INVALID_LINK)
    record = Channel(peer_chain_id=op.peer_chain_id, own_chain_id=op.own_chain_id)
    state.channels.replace(op.channel, record)
    log.channel_set(
        channel=op.channel, peer_chain_id=op.peer_chain_id, own_chain_id=op.own_chain_id
    )


def _follows(state: State, op: AdminChannel) -> bool:
    """Return whether the channels before exist, are this chain's and have other peers."""
    before = [state.channels.read(channel) for channel in range(op.channel)]
    return all(
        record.exists
        and record.own_chain_id == op.own_chain_id
        and record.peer_chain_id != op.peer_chain_id
        for record in before
    )


def admin_link(state: State, op: AdminLink, log: EventLog) -> None:
    """Apply an ADMIN_LINK.

    Raises
    ------
    OpError
        UNKNOWN_ASSET, UNKNOWN_PEER, INVALID_LINK.
    """
    require(asset_exists(state, op.asset), ErrorCode.UNKNOWN_ASSET)
    has_channel = op.channel < MAX_CHANNELS and state.channels.read(op.channel).exists
    require(has_channel, ErrorCode.UNKNOWN_PEER)
    asset, channel = state.assets.read(op.asset), state.channels.read(op.channel)
    is_valid = (
        LINK_ASSET <= op.asset < SHARE_ASSET
        and not asset.flags & (AssetFlag.LINKED | AssetFlag.DEPOSITS_OPEN)
        and asset.total_units == asset.supply_units == 0
        and state.asset_risk(op.asset).yield_share_ppm == 0
        and QUOTE_ASSET < op.peer_asset < LINK_ASSET
        and channel.linked_asset(op.peer_asset) is None
        and 0 in channel.links
    )
    require(is_valid, ErrorCode.INVALID_LINK)
    asset = state.assets.edit(op.asset)
    asset.flags |= AssetFlag.LINKED
    asset.channel_plus_1 = op.channel + 1
    asset.peer_asset = op.peer_asset
    state.channels.edit(op.channel).add_link(op.asset, op.peer_asset)
    log.link_set(channel=op.channel, asset=op.asset, peer_asset=op.peer_asset)


def admin_void(state: State, op: AdminVoid, log: EventLog) -> None:
    """Apply an ADMIN_VOID; nothing but governance says that a peer withholds bodies.

    Raises
    ------
    OpError
        UNKNOWN_PEER, INVALID_LINK.
    """
    has_channel = op.channel < MAX_CHANNELS and state.channels.read(op.channel).exists
    require(has_channel, ErrorCode.UNKNOWN_PEER)
    record = state.channels.read(op.channel)
    is_ahead = 0 < op.index - record.received_count <= MAX_MESSAGES_IN_FLIGHT
    require(is_ahead and op.index >= record.void_until, ErrorCode.INVALID_LINK)
    state.channels.edit(op.channel).void_until = op.index
    log.messages_voided(channel=op.channel, index=op.index)
