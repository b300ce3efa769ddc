"""ADMIN_MARKET_PRICES, ADMIN_MARKET_RISK, ADMIN_ASSET_RISK, ADMIN_CREDIT (docs/spec/risk.md)."""

from offchain.spec import funding, listing
from offchain.spec.checks import require
from offchain.spec.constants import (
    DUTY_CAPACITY,
    INDEX_ONE,
    MAX_MARKETS,
    MICRO_LIMIT,
    PPM,
    PRICE_UNIT_LIMIT,
    QUOTE_ASSET,
    SHARE_ASSET,
    SIZE_LIMIT,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AssetRiskFlag, MarketKind, MarketRiskFlag
from offchain.spec.order_checks import asset_exists, require_market
from offchain.spec.risk_op import (
    AdminAssetRisk,
    AdminCredit,
    AdminMarketPrices,
    AdminMarketRisk,
)
from offchain.spec.state import State

_MAX_SOURCES = 255
_MAX_REPORT_AGE_S = 86_400
_MAX_YEARLY_PPM = 10 * PPM  # of growth and of interest
_MAX_YIELD_SHARE_PPM = PPM // 2


def admin_market_prices(state: State, op: AdminMarketPrices, log: EventLog) -> None:
    """Apply an ADMIN_MARKET_PRICES.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, INVALID_MARKET_PARAMETER.
    """
    market = require_market(state, op.market)
    bounded_ppm = (
        op.basis_cap_ppm,
        op.mark_band_ppm,
        op.snapshot_band_ppm,
        op.funding_interest_ppm,
        op.funding_cap_ppm,
    )
    is_valid = (
        market.kind == MarketKind.PERP
        and max(bounded_ppm) <= PPM
        and op.jump_ppm > 0
        and 0 < op.min_sources <= _MAX_SOURCES
        and 0 < op.max_report_age_s <= _MAX_REPORT_AGE_S
        and op.impact_notional_micro < PRICE_UNIT_LIMIT
    )
    require(is_valid, ErrorCode.INVALID_MARKET_PARAMETER)
    risk = state.edit_market_risk(op.market)
    risk.flags |= MarketRiskFlag.PRICED
    risk.basis_cap_ppm = op.basis_cap_ppm
    risk.mark_band_ppm = op.mark_band_ppm
    risk.jump_ppm = op.jump_ppm
    risk.snapshot_band_ppm = op.snapshot_band_ppm
    risk.funding_interest_ppm = op.funding_interest_ppm
    risk.funding_cap_ppm = op.funding_cap_ppm
    risk.min_sources = op.min_sources
    risk.max_report_age_s = op.max_report_age_s
    risk.impact_notional_micro = op.impact_notional_micro
    log.market_prices_set(
        market=op.market,
        basis_cap_ppm=op.basis_cap_ppm,
        mark_band_ppm=op.mark_band_ppm,
        jump_ppm=op.jump_ppm,
        snapshot_band_ppm=op.snapshot_band_ppm,
        funding_interest_ppm=op.funding_interest_ppm,
        funding_cap_ppm=op.funding_cap_ppm,
    )


def admin_market_risk(state: State, op: AdminMarketRisk, log: EventLog) -> None:
    """Apply an ADMIN_MARKET_RISK; the first one starts the market's minutes.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, INVALID_MARKET_PARAMETER, MARKET_IN_USE, DUTY_QUEUE_FULL,
        LISTING_FULL.
    """
    market = require_market(state, op.market)
    flags = state.market_risk(op.market).flags
    is_valid = bool(flags & MarketRiskFlag.PRICED) and _is_valid_risk(op)
    require(is_valid, ErrorCode.INVALID_MARKET_PARAMETER)
    is_first = not flags & MarketRiskFlag.MARGINED
    if is_first:
        is_in_use = market.open_interest_lots or market.best_bid or market.best_ask
        require(not is_in_use, ErrorCode.MARKET_IN_USE)
        require(state.header.duty_count < DUTY_CAPACITY, ErrorCode.DUTY_QUEUE_FULL)
        listing.check_market_fits(state)
        listing.add_market(state, op.market)
        funding.schedule_minute(state, op.market)
    risk = state.edit_market_risk(op.market)
    risk.flags |= MarketRiskFlag.MARGINED
    risk.initial_ppm = op.initial_ppm
    risk.maintenance_ppm = op.maintenance_ppm
    risk.closeout_ppm = op.closeout_ppm
    risk.liquidation_fee_ppm = op.liquidation_fee_ppm
    risk.tier1_micro = op.tier1_micro
    risk.tier2_micro = op.tier2_micro
    risk.open_interest_cap_lots = op.open_interest_cap_lots
    risk.concentration_free_lots = op.concentration_free_lots
    risk.concentration_ppm = op.concentration_ppm
    risk.price_band_ppm = op.price_band_ppm
    log.market_risk_set(
        market=op.market,
        initial_ppm=op.initial_ppm,
        maintenance_ppm=op.maintenance_ppm,
        closeout_ppm=op.closeout_ppm,
        liquidation_fee_ppm=op.liquidation_fee_ppm,
        tier1_micro=op.tier1_micro,
        tier2_micro=op.tier2_micro,
    )


def _is_valid_risk(op: AdminMarketRisk) -> bool:
    are_tiers_ordered = 0 in (op.tier1_micro, op.tier2_micro) or op.tier2_micro >= op.tier1_micro
    return (
        0 < op.closeout_ppm <= op.maintenance_ppm <= op.initial_ppm <= PPM
        and op.liquidation_fee_ppm <= op.maintenance_ppm
        and max(op.tier1_micro, op.tier2_micro) < MICRO_LIMIT
        and are_tiers_ordered
        and max(op.open_interest_cap_lots, op.concentration_free_lots) < SIZE_LIMIT
        and op.concentration_ppm <= PPM
        and 0 < op.price_band_ppm <= PPM
    )


def admin_asset_risk(state: State, op: AdminAssetRisk, log: EventLog) -> None:
    """Apply an ADMIN_ASSET_RISK; price, rate and time stay.

    Raises
    ------
    OpError
        UNKNOWN_ASSET, INVALID_ASSET_PARAMETER.
    """
    require(asset_exists(state, op.asset), ErrorCode.UNKNOWN_ASSET)
    is_valid = (
        QUOTE_ASSET < op.asset < SHARE_ASSET
        and op.margin_weight_ppm <= op.liquidation_weight_ppm
        and op.liquidation_weight_ppm + op.exchange_discount_ppm <= PPM
        and op.growth_cap_ppm <= _MAX_YEARLY_PPM
        and op.heartbeat_s > 0
        and not op.flags & ~AssetRiskFlag.IMPAIRED
        and max(op.tier_units, op.user_cap_units) < VALUE_LIMIT
        and op.hedge_market_plus_1 <= MAX_MARKETS
        and op.yield_share_ppm <= _MAX_YIELD_SHARE_PPM
        and not (op.yield_share_ppm and state.assets.read(op.asset).is_linked)
    )
    require(is_valid, ErrorCode.INVALID_ASSET_PARAMETER)
    risk = state.edit_asset_risk(op.asset)
    if op.flags & AssetRiskFlag.IMPAIRED:
        if not risk.flags & AssetRiskFlag.IMPAIRED:
            risk.impaired_since_s = state.header.now_s
    else:
        risk.impaired_since_s = 0
    risk.flags = op.flags | AssetRiskFlag.EXISTS
    risk.margin_weight_ppm = op.margin_weight_ppm
    risk.liquidation_weight_ppm = op.liquidation_weight_ppm
    risk.exchange_discount_ppm = op.exchange_discount_ppm
    risk.growth_cap_ppm = op.growth_cap_ppm
    risk.tier_units = op.tier_units
    risk.user_cap_units = op.user_cap_units
    risk.heartbeat_s = op.heartbeat_s
    risk.hedge_market_plus_1 = op.hedge_market_plus_1
    risk.yield_share_ppm = op.yield_share_ppm
    log.asset_risk_set(
        asset=op.asset,
        flags=risk.flags,
        margin_weight_ppm=op.margin_weight_ppm,
        liquidation_weight_ppm=op.liquidation_weight_ppm,
        exchange_discount_ppm=op.exchange_discount_ppm,
        heartbeat_s=op.heartbeat_s,
    )


def admin_credit(state: State, op: AdminCredit, log: EventLog) -> None:
    """Apply an ADMIN_CREDIT; the first one starts the interest.

    Raises
    ------
    OpError
        INVALID_ASSET_PARAMETER.
    """
    is_valid = (
        max(op.base_rate_ppm, op.slope_ppm) <= _MAX_YEARLY_PPM
        and op.negative_cap < VALUE_LIMIT
        and op.spread_ppm <= PPM
    )
    require(is_valid, ErrorCode.INVALID_ASSET_PARAMETER)
    risk = state.edit_asset_risk(QUOTE_ASSET)
    if risk.owed_index_e12 == 0:
        risk.owed_index_e12 = risk.earned_index_e12 = INDEX_ONE
        risk.interest_time_s = state.header.now_s
    risk.base_rate_ppm = op.base_rate_ppm
    risk.slope_ppm = op.slope_ppm
    risk.negative_cap = op.negative_cap
    risk.spread_ppm = op.spread_ppm
    log.credit_set(
        base_rate_ppm=op.base_rate_ppm, slope_ppm=op.slope_ppm, negative_cap=op.negative_cap
    )
