"""Records of margined markets and of collateral (docs/spec/risk.md section 1).

A record whose flags are zero does not exist; then every byte is zero.
"""

from dataclasses import astuple, dataclass, field
from struct import Struct
from typing import ClassVar, Self

from offchain.spec.bounds import clamp
from offchain.spec.constants import RISK_LEAF_BYTES, VALUE_LIMIT
from offchain.spec.encoding import bias, unbias


@dataclass(slots=True)
class SideState:
    """What the longs or the shorts of a market have paid and lost as a whole.

    `taken` is the share taken by deleveraging (48-bit fraction), `paid` the paid index
    (10^-6 quote units per lot), `ended_paid` what it was when the last epoch ended. Lots that
    belong to no position are the residue, with a 48-bit fraction.
    """

    taken: int = 0
    paid: int = 0
    ended_paid: int = 0
    epoch: int = 0
    ended_lap: int = 0
    residue_lots: int = 0
    residue_fraction: int = 0


_SIDE_FIELDS = 7
_WEEK_DAYS = 7


@dataclass(slots=True)
class MarketRisk:
    """Prices, margins, funding and sides of a market. Flags: :class:`MarketRiskFlag`.

    Prices are price units; `basis_ema` counts 2^-16 of them. `pool` is quote units. The trigger
    lists begin at the level slots `triggers_below` and `triggers_above`; bit h of a session day is
    an hour (UTC). `cost` is the sum of the stored costs of all positions, in signed quote units.
    """

    SIZE: ClassVar[int] = RISK_LEAF_BYTES
    _LAYOUT: ClassVar[Struct] = Struct("<Q4I5Q16I2Q2I" + 2 * "3Q2I2Q" + "Q3I4x7I4x3I4xQ184x")

    flags: int = 0
    initial_ppm: int = 0
    maintenance_ppm: int = 0
    closeout_ppm: int = 0
    liquidation_fee_ppm: int = 0
    tier1_micro: int = 0
    tier2_micro: int = 0
    impact_notional_micro: int = 0
    open_interest_cap_lots: int = 0
    concentration_free_lots: int = 0
    concentration_ppm: int = 0
    price_band_ppm: int = 0
    basis_cap_ppm: int = 0
    mark_band_ppm: int = 0
    jump_ppm: int = 0
    snapshot_band_ppm: int = 0
    funding_interest_ppm: int = 0
    funding_cap_ppm: int = 0
    min_sources: int = 0
    max_report_age_s: int = 0
    index_price: int = 0
    mark_price: int = 0
    index_time_s: int = 0
    external_mark: int = 0
    snapshot_price: int = 0
    snapshot_time_s: int = 0
    basis_ema: int = 0
    premium_sum_ppm: int = 0
    funding_hour: int = 0
    opens_s: int = 0
    longs: SideState = field(default_factory=SideState)
    shorts: SideState = field(default_factory=SideState)
    pool: int = 0
    triggers_below: int = 0
    triggers_above: int = 0
    backstop_account: int = 0
    session_days: tuple[int, ...] = (0,) * _WEEK_DAYS
    weekend_band_ppm: int = 0
    off_hours_initial_ppm: int = 0
    close_price: int = 0
    cost: int = 0

    def side(self, size_lots: int) -> SideState:
        """Return the side of a position with this signed size, which is not 0."""
        return self.longs if size_lots > 0 else self.shorts

    def add_cost(self, change: int) -> None:
        """Follow the change of a position's cost; beyond the bound of a word the sum stands."""
        self.cost = clamp(self.cost + change, 1 - VALUE_LIMIT, VALUE_LIMIT - 1)

    def to_bytes(self) -> bytes:
        """Return the 512-byte record."""
        if not self.flags:
            return bytes(self.SIZE)
        *plain, basis_ema, premium_sum, funding_hour, opens_s = (
            getattr(self, name) for name in _PLAIN_FIELDS
        )
        return self._LAYOUT.pack(
            *plain,
            bias(basis_ema),
            bias(premium_sum),
            funding_hour,
            opens_s,
            *_side_words(self.longs),
            *_side_words(self.shorts),
            bias(self.pool),
            self.triggers_below,
            self.triggers_above,
            self.backstop_account,
            *self.session_days,
            self.weekend_band_ppm,
            self.off_hours_initial_ppm,
            self.close_price,
            bias(self.cost),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 512-byte record."""
        words = cls._LAYOUT.unpack(data)
        if not words[0]:
            return cls()
        plain = len(_PLAIN_FIELDS)
        record = cls(*words[:plain])
        record.basis_ema = unbias(record.basis_ema)
        record.premium_sum_ppm = unbias(record.premium_sum_ppm)
        record.longs = _side_from_words(words[plain : plain + _SIDE_FIELDS])
        sides_end = plain + 2 * _SIDE_FIELDS
        record.shorts = _side_from_words(words[plain + _SIDE_FIELDS : sides_end])
        pool, below, above, backstop, *later = words[sides_end:]
        record.pool = unbias(pool)
        record.triggers_below, record.triggers_above = below, above
        record.backstop_account = backstop
        record.session_days = tuple(later[:_WEEK_DAYS])
        record.weekend_band_ppm, record.off_hours_initial_ppm, record.close_price, cost = later[
            _WEEK_DAYS:
        ]
        record.cost = unbias(cost)
        return record


_PLAIN_FIELDS = MarketRisk.__slots__[: MarketRisk.__slots__.index("longs")]


def _side_words(side: SideState) -> tuple[int, ...]:
    taken, paid, ended_paid, *rest = astuple(side)
    return taken, bias(paid), bias(ended_paid), *rest


def _side_from_words(words: tuple[int, ...]) -> SideState:
    taken, paid, ended_paid, *rest = words
    return SideState(taken, unbias(paid), unbias(ended_paid), *rest)


@dataclass(slots=True)
class AssetRisk:
    """How an asset counts as collateral; of the quote asset, its interest.

    Flags: :class:`AssetRiskFlag`. `price_e8` is quote per whole unit, `rate_e12` the redemption
    rate; `base_rate_ppm` to `spread_ppm` are used by the quote asset only, what follows by others.
    """

    SIZE: ClassVar[int] = RISK_LEAF_BYTES
    _LAYOUT: ClassVar[Struct] = Struct("<Q4I2Q2I3Q2I5QI4x2I376x")

    flags: int = 0
    margin_weight_ppm: int = 0
    liquidation_weight_ppm: int = 0
    exchange_discount_ppm: int = 0
    growth_cap_ppm: int = 0
    tier_units: int = 0
    user_cap_units: int = 0
    heartbeat_s: int = 0
    impaired_since_s: int = 0
    price_e8: int = 0
    rate_e12: int = 0
    time_s: int = 0
    base_rate_ppm: int = 0
    slope_ppm: int = 0
    negative_cap: int = 0
    owed_index_e12: int = 0
    interest_time_s: int = 0
    earned_index_e12: int = 0
    lender_pot: int = 0
    spread_ppm: int = 0
    hedge_market_plus_1: int = 0
    yield_share_ppm: int = 0

    def to_bytes(self) -> bytes:
        """Return the 512-byte record."""
        return self._LAYOUT.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a 512-byte record."""
        return cls(*cls._LAYOUT.unpack(data))
