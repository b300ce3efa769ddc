"""Ops of conditional orders (docs/spec/conditional-orders.md section 2).

Prices are price units, sizes lots, `builder_fee` 0.1 bp, times seconds. `flags`:
:class:`PlaceFlag`.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.kinds import OpKind, PlaceFlag, SelfTrade
from offchain.spec.op import Op, is_builder_sound

_TWAP_FLAGS = PlaceFlag.IS_ASK | PlaceFlag.REDUCE_ONLY | PlaceFlag.SELF_TRADE_BY_MASTER
_TRIGGER_FLAGS = _TWAP_FLAGS | PlaceFlag.FIRES_ABOVE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTrigger(Op):
    """Place an order that enters the book when the mark reaches `trigger_price`.

    A limit of 0 is a market order. With `trail`, a distance, the trigger follows the mark. With
    `other_trigger` there is a second leg on the other side of the mark; the first that fires
    cancels the other.
    """

    KIND: ClassVar = OpKind.PLACE_TRIGGER
    LAYOUT: ClassVar = Struct("<BBHIxBHIQQQIH2x4I")

    flags: int = 0
    market: int
    account: int
    self_trade: int = SelfTrade.EXPIRE_MAKER
    builder: int = 0
    trigger_price: int = 0
    size_lots: int
    client_id_low: int = 0
    client_id_high: int = 0
    expiry_s: int = 0
    builder_fee: int = 0
    limit_price: int = 0
    trail: int = 0
    other_trigger: int = 0
    other_limit: int = 0

    def is_well_formed(self) -> bool:
        """Return whether flags, enumerations and combinations are in range."""
        if self.flags & ~_TRIGGER_FLAGS or self.self_trade > max(SelfTrade):
            return False
        if self.trail if self.other_trigger else self.other_limit:
            return False
        return is_builder_sound(self.builder, self.builder_fee)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTwap(Op):
    """Trade `size_lots` in even slices, each at most `slippage_ppm` beyond the mark."""

    KIND: ClassVar = OpKind.PLACE_TWAP
    LAYOUT: ClassVar = Struct("<BBHIxBHIQQQIH2xI12x")

    flags: int = 0
    market: int
    account: int
    self_trade: int = SelfTrade.EXPIRE_MAKER
    builder: int = 0
    interval_s: int
    size_lots: int
    client_id_low: int = 0
    client_id_high: int = 0
    slices: int
    builder_fee: int = 0
    slippage_ppm: int

    def is_well_formed(self) -> bool:
        """Return whether flags, enumerations and combinations are in range."""
        if self.flags & ~_TWAP_FLAGS or self.self_trade > max(SelfTrade):
            return False
        return is_builder_sound(self.builder, self.builder_fee)
