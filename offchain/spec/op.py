"""Ops: the fixed 64-byte form of everything that changes the state.

One dataclass per kind, ``to_bytes()`` to encode; :mod:`offchain.spec.op_codec` parses. Fields are
integers (addresses 20 bytes); fields that are not given are zero. Layout: docs/spec/transition.md
section 2. The ops of margined markets are in :mod:`offchain.spec.risk_op`.
"""

from dataclasses import dataclass, fields
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.constants import MASTER_BITS, MAX_BUILDERS, SUB_ACCOUNT_BITS, VALUE_LIMIT
from offchain.spec.kinds import OpKind, PlaceFlag, SelfTrade, TimeInForce
from offchain.spec.records import NO_ADDRESS

NO_ACCOUNT = 0  # account field of a DEPOSIT that can only be refused
ALL_MARKETS = 0xFFFF  # market field of a CANCEL_ALL that spares no market
TIME_LIMIT = 2**32 - 1  # the largest u32 is no time, so that every stored time is below it
_PLACE_FLAGS = (
    PlaceFlag.IS_ASK
    | PlaceFlag.REDUCE_ONLY
    | PlaceFlag.IS_MARKET
    | PlaceFlag.SELF_TRADE_BY_MASTER
    | PlaceFlag.BRACKET
)


def is_builder_sound(builder: int, builder_fee: int) -> bool:
    """Return whether a builder's index is in range and no fee goes to none."""
    return builder < MAX_BUILDERS and (builder != 0 or builder_fee == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """Base of all ops.

    `LAYOUT` covers the 64 bytes: the kind, then the fields in their order. Pad bytes are the
    reserved ones; they are written as zero and a decoder refuses anything else.
    """

    KIND: ClassVar[OpKind]
    LAYOUT: ClassVar[Struct]

    def to_bytes(self) -> bytes:
        """Return the 64-byte op.

        Raises
        ------
        struct.error
            If a field does not fit its width.
        """
        values = (getattr(self, field.name) for field in fields(self))
        return self.LAYOUT.pack(self.KIND, *values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse 64 bytes of this kind; reserved bytes and ranges are not looked at."""
        _, *values = cls.LAYOUT.unpack(data)
        names = (field.name for field in fields(cls))
        return cls(**dict(zip(names, values, strict=True)))

    def is_well_formed(self) -> bool:
        """Return whether flags, enumerations and combinations that have no code are in range."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Op):
    """Place an order.

    `price` is in price units (with IS_MARKET: the slippage bound in ppm), `size_lots` in lots,
    `builder_fee` in 0.1 bp, `expiry_s` in seconds (0: none). `flags`: :class:`PlaceFlag`; with
    BRACKET the order has a take-profit, a stop or both: trigger prices (0: none) and their limits
    (0: market).
    """

    KIND: ClassVar = OpKind.PLACE
    LAYOUT: ClassVar = Struct("<BBHIBBHIQQQIH2x4I")

    flags: int = 0
    market: int
    account: int
    time_in_force: int = TimeInForce.GTC
    self_trade: int = SelfTrade.EXPIRE_MAKER
    builder: int = 0
    price: int
    size_lots: int
    client_id_low: int = 0
    client_id_high: int = 0
    expiry_s: int = 0
    builder_fee: int = 0
    take_profit: int = 0
    take_profit_limit: int = 0
    stop: int = 0
    stop_limit: int = 0

    def is_well_formed(self) -> bool:
        """Return whether flags, enumerations and combinations are in range."""
        if self.time_in_force > max(TimeInForce) or self.self_trade > max(SelfTrade):
            return False
        rests = self.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        if self.flags & ~_PLACE_FLAGS or (self.flags & PlaceFlag.IS_MARKET and rests):
            return False
        return is_builder_sound(self.builder, self.builder_fee) and self._has_sound_bracket()

    def _has_sound_bracket(self) -> bool:
        legs = ((self.take_profit, self.take_profit_limit), (self.stop, self.stop_limit))
        if not self.flags & PlaceFlag.BRACKET:
            return not any(trigger or limit for trigger, limit in legs)
        return all(trigger or not limit for trigger, limit in legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modify(Op):
    """Change price or size of a resting order; `size_lots` is what shall remain, in lots."""

    KIND: ClassVar = OpKind.MODIFY
    LAYOUT: ClassVar = Struct("<BBHIQQIIBB30x")

    flags: int = 0
    market: int
    account: int
    order_id: int
    size_lots: int
    price: int
    slot: int
    self_trade: int = SelfTrade.EXPIRE_MAKER
    time_in_force: int = TimeInForce.GTC

    def is_well_formed(self) -> bool:
        """Return whether flags and enumerations are in range."""
        return (
            not self.flags & ~PlaceFlag.SELF_TRADE_BY_MASTER
            and self.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)
            and self.self_trade <= max(SelfTrade)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Op):
    """Cancel the order that rests at `slot` with this id."""

    KIND: ClassVar = OpKind.CANCEL
    LAYOUT: ClassVar = Struct("<BxHIQI44x")

    market: int
    account: int
    order_id: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelByClientId(Op):
    """Cancel the account's order with this client id."""

    KIND: ClassVar = OpKind.CANCEL_BY_CLIENT_ID
    LAYOUT: ClassVar = Struct("<B3xIQQ40x")

    account: int
    client_id_low: int
    client_id_high: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll(Op):
    """Cancel all orders of the account, in one market or in all of them."""

    KIND: ClassVar = OpKind.CANCEL_ALL
    LAYOUT: ClassVar = Struct("<BxHI56x")

    market: int = ALL_MARKETS
    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleCancel(Op):
    """Cancel all orders at `at_s` (seconds) unless moved before; 0 clears."""

    KIND: ClassVar = OpKind.SCHEDULE_CANCEL
    LAYOUT: ClassVar = Struct("<B3xII52x")

    account: int
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Op):
    """Move `amount` engine units to another account of the same owner."""

    KIND: ClassVar = OpKind.TRANSFER
    LAYOUT: ClassVar = Struct("<B3xIIH2xQ40x")

    account: int
    to_account: int
    asset: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Op):
    """Pay `amount` engine units to the owner on L1."""

    KIND: ClassVar = OpKind.WITHDRAW
    LAYOUT: ClassVar = Struct("<B3xIH6xQ40x")

    account: int
    asset: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTier(Op):
    """Choose a self-service fee tier (0 to 7)."""

    KIND: ClassVar = OpKind.SET_TIER
    LAYOUT: ClassVar = Struct("<B3xIB55x")

    account: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveBuilder(Op):
    """Allow a builder to charge up to `max_fee` (0.1 bp); 0 revokes."""

    KIND: ClassVar = OpKind.APPROVE_BUILDER
    LAYOUT: ClassVar = Struct("<B3xIHH52x")

    account: int
    builder: int
    max_fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBuilder(Op):
    """Get a builder code for the account."""

    KIND: ClassVar = OpKind.REGISTER_BUILDER
    LAYOUT: ClassVar = Struct("<B3xI56x")

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAgent(Op):
    """Register an agent key in slot 1 to 3 until `expiry_s`; zero address and expiry revoke."""

    KIND: ClassVar = OpKind.SET_AGENT
    LAYOUT: ClassVar = Struct("<B3xI20sIB31x")

    account: int
    address: bytes = NO_ADDRESS
    expiry_s: int = 0
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOwnerKey(Op):
    """Switch trading by the owner key on (1) or off (0)."""

    KIND: ClassVar = OpKind.SET_OWNER_KEY
    LAYOUT: ClassVar = Struct("<B3xIB55x")

    account: int
    is_on: int

    def is_well_formed(self) -> bool:
        """Return whether `is_on` is 0 or 1."""
        return self.is_on <= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceTime(Op):
    """Set the time, in seconds since the epoch."""

    KIND: ClassVar = OpKind.ADVANCE_TIME
    LAYOUT: ClassVar = Struct("<B7xI52x")

    now_s: int

    def is_well_formed(self) -> bool:
        """Return whether the time is a time."""
        return self.now_s < TIME_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue(Op):
    """Go on with the pending continuation."""

    KIND: ClassVar = OpKind.CONTINUE
    LAYOUT: ClassVar = Struct("<B63x")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDuties(Op):
    """Work off expiries, scheduled cancels and minutes of markets that are due."""

    KIND: ClassVar = OpKind.RUN_DUTIES
    LAYOUT: ClassVar = Struct("<B63x")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealBatch(Op):
    """End the batch."""

    KIND: ClassVar = OpKind.SEAL_BATCH
    LAYOUT: ClassVar = Struct("<B63x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit(Op):
    """Credit `amount` engine units that L1 took from `owner`.

    `account` is a master's, or NO_ACCOUNT when L1 assigned a master that the chain has no room for.
    """

    KIND: ClassVar = OpKind.DEPOSIT
    LAYOUT: ClassVar = Struct("<B3xI20sH2xQ24x")

    account: int
    owner: bytes
    asset: int
    amount: int

    def is_well_formed(self) -> bool:
        """Return whether account and amount are what L1 can send."""
        master, sub = divmod(self.account, 1 << SUB_ACCOUNT_BITS)
        return sub == 0 and master < 1 << MASTER_BITS and 1 <= self.amount < VALUE_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAsset(Op):
    """Set an asset's parameters, in engine units. `flags`: DEPOSITS_OPEN or 0."""

    KIND: ClassVar = OpKind.ADMIN_ASSET
    LAYOUT: ClassVar = Struct("<B7xHH4xQQ32x")

    asset: int
    flags: int = 0
    withdraw_step_units: int
    deposit_cap_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminMarket(Op):
    """Set a market's parameters; `tick` in price units, `min_size_lots` in lots."""

    KIND: ClassVar = OpKind.ADMIN_MARKET
    LAYOUT: ClassVar = Struct("<BxH4x4BHBxIII4xQ24x")

    market: int
    market_kind: int
    status: int
    sz_decimals: int
    max_significant_figures: int = 0
    base_asset: int = 0
    fee_table: int = 0
    tick: int = 0
    fee_account: int
    insurance_account: int
    min_size_lots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminFeeTier(Op):
    """Set a fee tier; fees in ppm, quota in ops per minute (0: not metered)."""

    KIND: ClassVar = OpKind.ADMIN_FEE_TIER
    LAYOUT: ClassVar = Struct("<B7x3BxIII40x")

    table: int
    tier: int
    flags: int = 0
    maker_ppm: int
    taker_ppm: int
    quota_per_minute: int = 0
