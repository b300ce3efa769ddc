"""Ops of links between chains (docs/spec/links.md section 2). Amounts are units of L1.

Those that come from L1 itself are in :mod:`offchain.spec.l1_op`.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.kinds import OpKind
from offchain.spec.op import Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge(Op):
    """Lock collateral for an account of the same owner on a peer, until `expires_at_s`."""

    KIND: ClassVar = OpKind.PLEDGE
    LAYOUT: ClassVar = Struct("<B3xIHBxIQI36x")

    account: int
    asset: int
    channel: int
    peer_account: int
    amount: int
    expires_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Op):
    """Let `amount` of a pledged asset go; its owner gets it back on the peer."""

    KIND: ClassVar = OpKind.RELEASE
    LAYOUT: ClassVar = Struct("<B3xIH6xQ40x")

    account: int
    asset: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seize(Op):
    """Ask the peer for what liquidations took of the pledge in the master's record `number`."""

    KIND: ClassVar = OpKind.SEIZE
    LAYOUT: ClassVar = Struct("<B3xIB55x")

    account: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminChannel(Op):
    """Make a channel to a peer; `own_chain_id` is this chain's."""

    KIND: ClassVar = OpKind.ADMIN_CHANNEL
    LAYOUT: ClassVar = Struct("<B7xB3xII44x")

    channel: int
    peer_chain_id: int
    own_chain_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminLink(Op):
    """Let an asset stand for `peer_asset` that the peer of a channel keeps."""

    KIND: ClassVar = OpKind.ADMIN_LINK
    LAYOUT: ClassVar = Struct("<B7xHBxH50x")

    asset: int
    channel: int
    peer_asset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminVoid(Op):
    """Let the messages of a channel up to `index` be taken without body once they have expired."""

    KIND: ClassVar = OpKind.ADMIN_VOID
    LAYOUT: ClassVar = Struct("<B7xB7xQ40x")

    channel: int
    index: int
