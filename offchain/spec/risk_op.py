"""Ops of margined markets: margin of a user, prices, liquidation, parameters.

Layout: docs/spec/risk.md section 2. Prices of markets are price units, `_ppm` parts per million,
`_micro` 10^-6 quote tokens, `_e8` and `_e12` decimal fractions of 8 and 12 digits.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from offchain.spec.kinds import MarginMode, OpKind, SnapshotTarget
from offchain.spec.op import TIME_LIMIT, Op


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLeverage(Op):
    """Choose leverage (0: the market's) and :class:`MarginMode` of a position."""

    KIND: ClassVar = OpKind.SET_LEVERAGE
    LAYOUT: ClassVar = Struct("<BxHIBB54x")

    market: int
    account: int
    leverage: int = 0
    mode: int = MarginMode.CROSS

    def is_well_formed(self) -> bool:
        """Return whether the mode is one."""
        return self.mode <= max(MarginMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveMargin(Op):
    """Move `amount` quote units into an isolated position, or out of it (`out` 1)."""

    KIND: ClassVar = OpKind.MOVE_MARGIN
    LAYOUT: ClassVar = Struct("<BxHIQB47x")

    market: int
    account: int
    amount: int
    out: int = 0

    def is_well_formed(self) -> bool:
        """Return whether `out` is 0 or 1."""
        return self.out <= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Op):
    """Store a price of L1, of an asset or of a market (:class:`SnapshotTarget`).

    `price_e8` is quote per whole unit; `rate_e12` the redemption rate of an asset.
    """

    KIND: ClassVar = OpKind.SNAPSHOT
    LAYOUT: ClassVar = Struct("<BxH4xHBxIQQ32x")

    market: int = 0
    asset: int = 0
    target: int
    time_s: int
    price_e8: int
    rate_e12: int = 0

    def is_well_formed(self) -> bool:
        """Return whether time and target are in range and the other target's fields are zero."""
        if self.target == SnapshotTarget.MARKET:
            is_unambiguous = self.asset == 0 and self.rate_e12 == 0
        else:
            is_unambiguous = self.market == 0
        return self.target <= max(SnapshotTarget) and self.time_s < TIME_LIMIT and is_unambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceReport(Op):
    """Report a market's index price and the mark price of other venues (0: none)."""

    KIND: ClassVar = OpKind.PRICE_REPORT
    LAYOUT: ClassVar = Struct("<BxH4xIIIB43x")

    market: int
    index_price: int
    external_mark: int = 0
    time_s: int
    sources: int

    def is_well_formed(self) -> bool:
        """Return whether the time is a time."""
        return self.time_s < TIME_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidate(Op):
    """Let the liquidation engine work on an account, one step."""

    KIND: ClassVar = OpKind.LIQUIDATE
    LAYOUT: ClassVar = Struct("<B3xI56x")

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Op):
    """Go on through the ring of accounts with risk."""

    KIND: ClassVar = OpKind.SWEEP
    LAYOUT: ClassVar = Struct("<B63x")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminMarketPrices(Op):
    """Set how a perpetual is priced and how its funding is bounded."""

    KIND: ClassVar = OpKind.ADMIN_MARKET_PRICES
    LAYOUT: ClassVar = Struct("<BxH4x8IQ16x")

    market: int
    basis_cap_ppm: int
    mark_band_ppm: int
    jump_ppm: int
    snapshot_band_ppm: int
    funding_interest_ppm: int
    funding_cap_ppm: int
    min_sources: int
    max_report_age_s: int
    impact_notional_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminMarketRisk(Op):
    """Set the margins and caps of a priced perpetual; a tier of 0 is none."""

    KIND: ClassVar = OpKind.ADMIN_MARKET_RISK
    LAYOUT: ClassVar = Struct("<BxH4x4I4Q2I")

    market: int
    initial_ppm: int
    maintenance_ppm: int
    closeout_ppm: int
    liquidation_fee_ppm: int
    tier1_micro: int = 0
    tier2_micro: int = 0
    open_interest_cap_lots: int
    concentration_free_lots: int
    concentration_ppm: int
    price_band_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminMarketCalendar(Op):
    """Set when a margined market is in session: bit h of a day is the hour from h:00 UTC.

    The days begin with a Thursday, as the epoch does; all zero: always. Off session prices stay
    within `weekend_band_ppm` of the last close, and the initial requirement is at least
    `off_hours_initial_ppm`.
    """

    KIND: ClassVar = OpKind.ADMIN_MARKET_CALENDAR
    LAYOUT: ClassVar = Struct("<BxH4x9I20x")

    market: int
    thursday: int = 0
    friday: int = 0
    saturday: int = 0
    sunday: int = 0
    monday: int = 0
    tuesday: int = 0
    wednesday: int = 0
    weekend_band_ppm: int = 0
    off_hours_initial_ppm: int = 0

    @property
    def days(self) -> tuple[int, ...]:
        """The hours of the seven days, Thursday first."""
        return (
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
            self.monday,
            self.tuesday,
            self.wednesday,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAssetRisk(Op):
    """Set how an asset counts as collateral. `flags`: IMPAIRED or 0; caps in engine units.

    It hedges shorts of market `hedge_market_plus_1` - 1 (0: none); `yield_share_ppm` of its yield
    are the protocol's.
    """

    KIND: ClassVar = OpKind.ADMIN_ASSET_RISK
    LAYOUT: ClassVar = Struct("<B7xHH5IQQII8x")

    asset: int
    flags: int = 0
    margin_weight_ppm: int
    liquidation_weight_ppm: int
    exchange_discount_ppm: int
    growth_cap_ppm: int
    heartbeat_s: int
    tier_units: int = 0
    user_cap_units: int
    yield_share_ppm: int = 0
    hedge_market_plus_1: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminCredit(Op):
    """Set the interest on negative quote (ppm per year) and how much of it is left alone.

    `spread_ppm` of the interest are not for lenders.
    """

    KIND: ClassVar = OpKind.ADMIN_CREDIT
    LAYOUT: ClassVar = Struct("<B7xIIQI36x")

    base_rate_ppm: int
    slope_ppm: int
    negative_cap: int
    spread_ppm: int = 0
