"""Ops from L1: forced operations, notices, and which feeds of the oracle hub price what.

Layout: docs/spec/l1-inputs.md. `sender` is the address that asked on L1, 20 bytes.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.kinds import OpKind, PriorityKind, SnapshotTarget
from offchain.spec.op import Op

CHAIN_ID_LIMIT = 2**32 - 1  # exclusive bound of a chain's id


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminFeed(Op):
    """Let feeds of the hub price an asset or a market (:class:`SnapshotTarget`); `on` 0: none."""

    KIND: ClassVar = OpKind.ADMIN_FEED
    LAYOUT: ClassVar = Struct("<BxH4xBBHBBB49x")

    market: int = 0
    entry: int
    target: int = 0
    asset: int = 0
    price_feed: int = 0
    rate_feed_plus_1: int = 0
    on: int

    def is_well_formed(self) -> bool:
        """Return whether the target is one."""
        return self.target <= max(SnapshotTarget)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedWithdraw(Op):
    """Pay up to `amount` units of L1 to the owner, who asked on L1."""

    KIND: ClassVar = OpKind.FORCED_WITHDRAW
    LAYOUT: ClassVar = Struct("<B3xIH6xQ8x20s12x")

    account: int
    asset: int
    amount: int
    sender: bytes

    def is_well_formed(self) -> bool:
        """Return whether the amount is one that L1 can send."""
        return 0 < self.amount < VALUE_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedClose(Op):
    """Close the account's position in a perpetual, as its owner asked on L1."""

    KIND: ClassVar = OpKind.FORCED_CLOSE
    LAYOUT: ClassVar = Struct("<BxHI24x20s12x")

    market: int
    account: int
    sender: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedCancel(Op):
    """Cancel all orders of the account, as its owner asked on L1."""

    KIND: ClassVar = OpKind.FORCED_CANCEL
    LAYOUT: ClassVar = Struct("<B3xI24x20s12x")

    account: int
    sender: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedUnlink(Op):
    """Let go of what a peer has pledged to the account, as its owner asked on L1."""

    KIND: ClassVar = OpKind.FORCED_UNLINK
    LAYOUT: ClassVar = Struct("<B3xII20x20s12x")

    account: int
    peer_chain_id: int
    sender: bytes

    def is_well_formed(self) -> bool:
        """Return whether the chain is one."""
        return self.peer_chain_id < CHAIN_ID_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedSweep(Op):
    """Let the liquidation engine work on an account, as anyone asked on L1."""

    KIND: ClassVar = OpKind.FORCED_SWEEP
    LAYOUT: ClassVar = Struct("<B3xI56x")

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Op):
    """Take note of what L1 did without the chain: `kind` is REFUND of :class:`PriorityKind`."""

    KIND: ClassVar = OpKind.NOTICE
    LAYOUT: ClassVar = Struct("<B7xB55x")

    kind: int

    def is_well_formed(self) -> bool:
        """Return whether the kind is that of a notice."""
        return self.kind == PriorityKind.REFUND


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgesMoved(Op):
    """Take note that L1 moved pledged `units` to their holder, as one of the chains is frozen.

    `is_holder` tells whether this chain is the holder.
    """

    KIND: ClassVar = OpKind.PLEDGES_MOVED
    LAYOUT: ClassVar = Struct("<B7xHBxIQ40x")

    asset: int
    is_holder: int
    peer_chain_id: int
    units: int

    def is_well_formed(self) -> bool:
        """Return whether the fields are what L1 can send."""
        return (
            self.is_holder <= 1 and self.peer_chain_id < CHAIN_ID_LIMIT and self.units < VALUE_LIMIT
        )
