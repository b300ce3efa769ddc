"""Ops from L1: forced operations, notices, and which feeds of the oracle hub price what.

Layout: docs/spec/l1-inputs.md. `sender` is the address that asked on L1, 20 bytes.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.kinds import OpKind, SnapshotTarget
from offchain.spec.op import Op


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
