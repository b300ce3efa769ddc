"""Margined markets of the crowded chain: the part in which checks of risk can be made to fail.

LONG and SHORT hold a small position; POOR holds half of what its margin lets it, and an empty
isolated record; ISOLATED holds two of these.
"""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import INDEX_ONE, PPM, SIZE_LIMIT
from offchain.spec.kinds import MarginMode, MarketKind, MarketStatus, PlaceFlag, SnapshotTarget
from offchain.spec.kinds import TimeInForce as Tif
from offchain.spec.risk_op import (
    AdminAssetRisk,
    AdminCredit,
    AdminMarketPrices,
    AdminMarketRisk,
    PriceReport,
    SetLeverage,
    Snapshot,
)
from tests.strategies import UNITS, market_op

# Priced and margined; without a report; priced only, with an order; narrow caps; just reopened.
RISKY, UNREPORTED, PRICED, CAPPED, REOPENED = 200, 201, 202, 203, 204
LONG, SHORT, ISOLATED, POOR = (32 * master for master in (5, 6, 7, 8))
RISK_ASSET = 2
PRICE = 1_000
MOST_LOTS = UNITS // 100 // PRICE * 10  # half of what POOR's margin of 5 % allows
CAP_LOTS, FREE_LOTS, HELD_LOTS = 15, 11, 10
ALL_LOTS = SIZE_LIMIT - 1

PRICES = AdminMarketPrices(
    market=RISKY,
    basis_cap_ppm=PPM,
    mark_band_ppm=PPM,
    jump_ppm=100_000,
    snapshot_band_ppm=500_000,
    funding_interest_ppm=PPM,
    funding_cap_ppm=PPM,
    min_sources=3,
    max_report_age_s=60,
    impact_notional_micro=1,
)
RISK = AdminMarketRisk(
    market=RISKY,
    initial_ppm=50_000,
    maintenance_ppm=30_000,
    closeout_ppm=20_000,
    liquidation_fee_ppm=5_000,
    tier1_micro=2**56,
    tier2_micro=2**56,
    open_interest_cap_lots=ALL_LOTS,
    concentration_free_lots=ALL_LOTS,
    concentration_ppm=PPM,
    price_band_ppm=100_000,
)
ASSET_RISK = AdminAssetRisk(
    asset=RISK_ASSET,
    margin_weight_ppm=800_000,
    liquidation_weight_ppm=900_000,
    exchange_discount_ppm=100_000,
    growth_cap_ppm=10 * PPM,
    heartbeat_s=60,
    user_cap_units=UNITS,
)
CREDIT = AdminCredit(base_rate_ppm=PPM, slope_ppm=PPM, negative_cap=UNITS)


def report(market: int, time_s: int) -> PriceReport:
    return PriceReport(market=market, index_price=PRICE, time_s=time_s, sources=3)


def market_snapshot(market: int, time_s: int) -> Snapshot:
    return Snapshot(
        market=market, target=SnapshotTarget.MARKET, time_s=time_s, price_e8=PRICE * 100
    )


def asset_snapshot(time_s: int) -> Snapshot:
    return Snapshot(
        asset=RISK_ASSET,
        target=SnapshotTarget.ASSET,
        time_s=time_s,
        price_e8=10**8,
        rate_e12=INDEX_ONE,
    )


def crowded_risk_ops(now_s: int) -> list[op.Op]:
    """Return ops, all of which are accepted at `now_s`."""
    isolated = {"mode": MarginMode.ISOLATED}
    return [
        *_markets(now_s),
        ASSET_RISK,
        asset_snapshot(now_s),
        CREDIT,
        op.Place(market=PRICED, account=LONG, price=10, size_lots=1),
        *_trade(RISKY, LONG, 100),
        *_trade(RISKY, POOR, MOST_LOTS),
        *_trade(CAPPED, LONG, HELD_LOTS),
        SetLeverage(market=CAPPED, account=POOR, **isolated),
        SetLeverage(market=RISKY, account=ISOLATED, leverage=10, **isolated),
        SetLeverage(market=UNREPORTED, account=ISOLATED, **isolated),
    ]


def _markets(now_s: int) -> list[op.Op]:
    ops: list[op.Op] = []
    for market in (RISKY, UNREPORTED, PRICED, CAPPED, REOPENED):
        caps = (CAP_LOTS, FREE_LOTS) if market == CAPPED else (ALL_LOTS, ALL_LOTS)
        ops += [
            market_op(market, MarketKind.PERP, sz_decimals=0),
            replace(PRICES, market=market),
            market_snapshot(market, now_s),
        ]
        if market != PRICED:
            ops.append(
                replace(
                    RISK,
                    market=market,
                    open_interest_cap_lots=caps[0],
                    concentration_free_lots=caps[1],
                    concentration_ppm=PPM // 2,
                )
            )
        if market != UNREPORTED:
            ops.append(report(market, now_s))
    return [
        *ops,
        market_op(REOPENED, MarketKind.PERP, sz_decimals=0, status=MarketStatus.HALTED),
        market_op(REOPENED, MarketKind.PERP, sz_decimals=0),
    ]


def _trade(market: int, buyer: int, lots: int) -> list[op.Op]:
    order = op.Place(market=market, account=buyer, price=PRICE, size_lots=lots)
    return [
        order,
        op.Place(
            flags=PlaceFlag.IS_ASK,
            market=market,
            account=SHORT,
            price=PRICE,
            size_lots=lots,
            time_in_force=Tif.IOC,
        ),
    ]
