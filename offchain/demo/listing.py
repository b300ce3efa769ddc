"""What governance lists for the demo: assets, fee tiers, a spot market and a perpetual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from offchain.demo.flow import LOTS_PER_SIZE, SZ_DECIMALS
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET, QUOTE_DECIMALS, STAKED_ASSET
from offchain.settlement.l1 import L1Client
from offchain.spec import op, risk_op
from offchain.spec.constants import (
    API_TIER,
    DAY_S,
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    PPM,
    RETAIL_TIER,
    SIZE_LIMIT,
    VALUE_LIMIT,
)
from offchain.spec.constants import QUOTE_DECIMALS as UNIT_DECIMALS
from offchain.spec.kinds import AssetFlag, MarketKind, MarketStatus, TierFlag

SPOT: Final = 1
PERPETUAL: Final = 2
SOURCES: Final = 3  # of an index price
PRICE_BAND_PPM: Final = 100_000
QUOTE_STEP_UNITS: Final = 10 ** (UNIT_DECIMALS - QUOTE_DECIMALS)
ASSET_SYMBOLS: Final = {QUOTE_ASSET: "USDC", ETHER_ASSET: "ETH", STAKED_ASSET: "wstETH"}
WITHDRAW_STEPS: Final = {QUOTE_ASSET: QUOTE_STEP_UNITS, ETHER_ASSET: 1, STAKED_ASSET: 1}
# Retail trades free of fees up to its quota and pays the API tier's fees above it.
_RETAIL_QUOTA_PER_MINUTE: Final = 60
_API_MAKER_PPM: Final = 40
_API_TAKER_PPM: Final = 280
_PERPETUAL_TICK: Final = 10  # price units: 0.1 USDC


def listing_ops(spot_tick: int) -> list[op.Op]:
    """Return the admin ops, in order.

    Parameters
    ----------
    spot_tick : int
        Of the spot market, price units.
    """
    return [
        *(
            op.AdminAsset(
                asset=asset,
                flags=AssetFlag.DEPOSITS_OPEN,
                withdraw_step_units=step,
                deposit_cap_units=VALUE_LIMIT - 1,
            )
            for asset, step in WITHDRAW_STEPS.items()
        ),
        op.AdminFeeTier(
            table=0,
            tier=RETAIL_TIER,
            flags=TierFlag.SELF_SERVICE,
            maker_ppm=0,
            taker_ppm=0,
            quota_per_minute=_RETAIL_QUOTA_PER_MINUTE,
        ),
        op.AdminFeeTier(table=0, tier=API_TIER, maker_ppm=_API_MAKER_PPM, taker_ppm=_API_TAKER_PPM),
        _market(SPOT, MarketKind.SPOT, spot_tick),
        _market(PERPETUAL, MarketKind.PERP, _PERPETUAL_TICK),
        *_risk_ops(),
    ]


def enqueue_admin(
    l1: L1Client, deployment: Deployment, governance: str, ops: Sequence[op.Op]
) -> None:
    """Queue admin ops on L1."""
    half = op.AdminAsset.LAYOUT.size // 2
    queue = ("PriorityQueue", deployment.queue, "enqueue_admin", deployment.chain_id)
    for each in ops:
        data = each.to_bytes()
        l1.transact(*queue, data[:half], data[half:], sender=governance)


def _market(market: int, kind: MarketKind, tick: int) -> op.AdminMarket:
    return op.AdminMarket(
        market=market,
        market_kind=kind,
        status=MarketStatus.OPEN,
        sz_decimals=SZ_DECIMALS,
        base_asset=ETHER_ASSET if kind == MarketKind.SPOT else 0,
        tick=tick,
        fee_account=FEE_ACCOUNT,
        insurance_account=INSURANCE_ACCOUNT,
        min_size_lots=LOTS_PER_SIZE,
    )


def _risk_ops() -> list[op.Op]:
    """Twentyfold leverage on the perpetual; staked ether as collateral at 80 %."""
    return [
        risk_op.AdminMarketPrices(
            market=PERPETUAL,
            basis_cap_ppm=20_000,
            mark_band_ppm=50_000,
            jump_ppm=PRICE_BAND_PPM,
            snapshot_band_ppm=PRICE_BAND_PPM,
            funding_interest_ppm=100,
            funding_cap_ppm=40_000,
            min_sources=SOURCES,
            max_report_age_s=60,
            impact_notional_micro=10**9,
        ),
        risk_op.AdminMarketRisk(
            market=PERPETUAL,
            initial_ppm=50_000,
            maintenance_ppm=30_000,
            closeout_ppm=20_000,
            liquidation_fee_ppm=5_000,
            open_interest_cap_lots=SIZE_LIMIT - 1,
            concentration_free_lots=SIZE_LIMIT - 1,
            concentration_ppm=PPM,
            price_band_ppm=PRICE_BAND_PPM,
        ),
        risk_op.AdminAssetRisk(
            asset=STAKED_ASSET,
            margin_weight_ppm=800_000,
            liquidation_weight_ppm=900_000,
            exchange_discount_ppm=50_000,
            growth_cap_ppm=PPM,
            heartbeat_s=DAY_S,
            user_cap_units=VALUE_LIMIT - 1,
        ),
    ]
