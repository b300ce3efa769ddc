"""Ops that list and price the perpetuals and collaterals of a story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from offchain.spec import op, risk_op
from offchain.spec.constants import FEE_ACCOUNT, INSURANCE_ACCOUNT
from offchain.spec.kinds import MarketKind, MarketStatus, SnapshotTarget

if TYPE_CHECKING:
    from offchain.scenario.world import Collateral, Perp

UNITS: Final = 10**8  # engine units in a whole token; also L1's prices have eight digits
MICRO: Final = 10**6
_RATE_ONE: Final = 10**12
_SOURCES: Final = 5


def perp_status(perp: Perp, status: MarketStatus) -> op.AdminMarket:
    """Return the op that lists, opens or halts a market."""
    return op.AdminMarket(
        market=perp.market,
        market_kind=MarketKind.PERP,
        status=status,
        sz_decimals=perp.sz_decimals,
        fee_account=FEE_ACCOUNT,
        insurance_account=INSURANCE_ACCOUNT,
    )


def perp_prices(perp: Perp) -> risk_op.AdminMarketPrices:
    """Return how a perpetual is priced."""
    return risk_op.AdminMarketPrices(
        market=perp.market,
        basis_cap_ppm=perp.basis_cap_ppm,
        mark_band_ppm=perp.mark_band_ppm,
        jump_ppm=perp.jump_ppm,
        snapshot_band_ppm=perp.snapshot_band_ppm,
        funding_interest_ppm=perp.funding_interest_ppm,
        funding_cap_ppm=perp.funding_cap_ppm,
        min_sources=3,
        max_report_age_s=60,
        impact_notional_micro=round(perp.impact_notional * MICRO),
    )


def perp_risk(perp: Perp) -> risk_op.AdminMarketRisk:
    """Return the margins and caps of a perpetual."""
    return risk_op.AdminMarketRisk(
        market=perp.market,
        initial_ppm=perp.initial_ppm,
        maintenance_ppm=perp.maintenance_ppm,
        closeout_ppm=perp.closeout_ppm,
        liquidation_fee_ppm=perp.liquidation_fee_ppm,
        tier1_micro=round(perp.tier1 * MICRO),
        tier2_micro=round(perp.tier2 * MICRO),
        open_interest_cap_lots=perp.lots(perp.open_interest_cap),
        concentration_free_lots=perp.lots(perp.concentration_free),
        concentration_ppm=perp.concentration_ppm,
        price_band_ppm=perp.price_band_ppm,
    )


def collateral_risk(collateral: Collateral, flags: int = 0) -> risk_op.AdminAssetRisk:
    """Return how an asset counts as collateral."""
    return risk_op.AdminAssetRisk(
        asset=collateral.asset,
        flags=flags,
        margin_weight_ppm=collateral.margin_weight_ppm,
        liquidation_weight_ppm=collateral.liquidation_weight_ppm,
        exchange_discount_ppm=collateral.exchange_discount_ppm,
        growth_cap_ppm=collateral.growth_cap_ppm,
        heartbeat_s=collateral.heartbeat_s,
        tier_units=round(collateral.tier * UNITS),
        user_cap_units=round(collateral.user_cap * UNITS),
    )


def perp_snapshot(perp: Perp, price: float, time_s: int) -> risk_op.Snapshot:
    """Return L1's price of a perpetual's base."""
    target = SnapshotTarget.MARKET
    price_e8 = round(price * UNITS)
    return risk_op.Snapshot(market=perp.market, target=target, time_s=time_s, price_e8=price_e8)


def price_report(
    perp: Perp, price: float, time_s: int, *, external: float = 0
) -> risk_op.PriceReport:
    """Return the report of a perpetual's index price, and of the mark of other venues."""
    return risk_op.PriceReport(
        market=perp.market,
        index_price=perp.price_units(price),
        external_mark=perp.price_units(external),
        time_s=time_s,
        sources=_SOURCES,
    )


def collateral_snapshot(
    collateral: Collateral, price: float, rate: float, time_s: int
) -> risk_op.Snapshot:
    """Return L1's price of a collateral and its redemption rate."""
    return risk_op.Snapshot(
        asset=collateral.asset,
        target=SnapshotTarget.ASSET,
        time_s=time_s,
        price_e8=round(price * UNITS),
        rate_e12=round(rate * _RATE_ONE),
    )
