"""ADMIN_ASSET, ADMIN_MARKET, ADMIN_FEE_TIER: parameters that governance sets through L1."""

from offchain.spec import listing
from offchain.spec.checks import require
from offchain.spec.constants import (
    LINK_ASSET,
    MAX_FEE_PPM,
    MAX_FEE_TABLES,
    MAX_MARKETS,
    PERP_PRICE_DECIMALS,
    PRICE_MAX,
    QUOTE_ASSET,
    REOPEN_POST_ONLY_S,
    SHARE_ASSET,
    SIZE_LIMIT,
    SPOT_PRICE_DECIMALS,
    TIERS_PER_TABLE,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import AssetFlag, MarketKind, MarketRiskFlag, MarketStatus, TierFlag
from offchain.spec.op import TIME_LIMIT, AdminAsset, AdminFeeTier, AdminMarket
from offchain.spec.order_checks import asset_exists
from offchain.spec.records import FeeTier
from offchain.spec.state import State

_MAX_SIGNIFICANT_FIGURES = 9
_MAX_QUOTA = 2**31
_LOT_DECIMALS = 8  # a base unit is 1e-8


def admin_asset(state: State, op: AdminAsset, log: EventLog) -> None:
    """Apply an ADMIN_ASSET; the total stays.

    Raises
    ------
    OpError
        INVALID_ASSET_PARAMETER, LISTING_FULL.
    """
    is_valid = (
        op.asset < SHARE_ASSET
        and not op.flags & ~AssetFlag.DEPOSITS_OPEN
        and 0 < op.withdraw_step_units < VALUE_LIMIT
        and op.deposit_cap_units < VALUE_LIMIT
    )
    require(is_valid, ErrorCode.INVALID_ASSET_PARAMETER)
    link_flag = state.assets.read(op.asset).flags & AssetFlag.LINKED
    require(not (link_flag and op.flags), ErrorCode.INVALID_ASSET_PARAMETER)
    if not asset_exists(state, op.asset):
        listing.check_asset_fits(state)
        listing.add_asset(state, op.asset)
    asset = state.assets.edit(op.asset)
    asset.flags = op.flags | AssetFlag.EXISTS | link_flag
    asset.withdraw_step_units = op.withdraw_step_units
    asset.deposit_cap_units = op.deposit_cap_units
    log.asset_set(
        asset=op.asset,
        flags=asset.flags,
        withdraw_step_units=op.withdraw_step_units,
        deposit_cap_units=op.deposit_cap_units,
    )


def admin_market(state: State, op: AdminMarket, log: EventLog) -> None:
    """Apply an ADMIN_MARKET: create a market or change what may change.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, INVALID_MARKET_PARAMETER, MARKET_IMMUTABLE.
    """
    require(op.market < MAX_MARKETS, ErrorCode.UNKNOWN_MARKET)
    require(_is_valid_market(state, op), ErrorCode.INVALID_MARKET_PARAMETER)
    old = state.markets.read(op.market)
    is_unchanged = (old.kind, old.sz_decimals, old.base_asset) == (
        op.market_kind,
        op.sz_decimals,
        op.base_asset,
    )
    require(old.kind == 0 or is_unchanged, ErrorCode.MARKET_IMMUTABLE)
    _begin_post_only(state, op)
    market = state.markets.edit(op.market)
    market.kind = op.market_kind
    market.status = op.status
    market.sz_decimals = op.sz_decimals
    market.max_significant_figures = op.max_significant_figures
    market.base_asset = op.base_asset
    market.fee_table = op.fee_table
    market.tick = op.tick
    market.fee_account = op.fee_account
    market.insurance_account = op.insurance_account
    market.min_size_lots = op.min_size_lots
    market.base_units_per_lot = 10 ** (_LOT_DECIMALS - op.sz_decimals)
    log.market_set(market=op.market, kind=op.market_kind, status=op.status)


def _begin_post_only(state: State, op: AdminMarket) -> None:
    """Let a margined market that opens again take only post-only orders at first."""
    was_halted = state.markets.read(op.market).status == MarketStatus.HALTED
    is_margined = bool(state.market_risk(op.market).flags & MarketRiskFlag.MARGINED)
    if was_halted and is_margined and op.status == MarketStatus.OPEN:
        opens_s = state.header.now_s + REOPEN_POST_ONLY_S
        state.edit_market_risk(op.market).opens_s = min(opens_s, TIME_LIMIT - 1)


def _is_valid_market(state: State, op: AdminMarket) -> bool:
    if op.market_kind == MarketKind.PERP:
        is_base_valid = op.base_asset < SHARE_ASSET
        max_sz_decimals = PERP_PRICE_DECIMALS
    elif op.market_kind == MarketKind.SPOT:
        # What a peer keeps moves with its pledge alone.
        is_tradable = QUOTE_ASSET < op.base_asset < LINK_ASSET
        is_base_valid = is_tradable and asset_exists(state, op.base_asset)
        max_sz_decimals = SPOT_PRICE_DECIMALS
    else:
        return False
    return (
        is_base_valid
        and op.sz_decimals <= max_sz_decimals
        and op.status <= max(MarketStatus)
        and op.max_significant_figures <= _MAX_SIGNIFICANT_FIGURES
        and op.fee_table < MAX_FEE_TABLES
        and op.tick <= PRICE_MAX
        and op.min_size_lots < SIZE_LIMIT
        and state.account_exists(op.fee_account)
        and state.account_exists(op.insurance_account)
    )


def admin_fee_tier(state: State, op: AdminFeeTier, log: EventLog) -> None:
    """Apply an ADMIN_FEE_TIER.

    Raises
    ------
    OpError
        INVALID_FEE_PARAMETER.
    """
    is_valid = (
        op.table < MAX_FEE_TABLES
        and op.tier < TIERS_PER_TABLE
        and not op.flags & ~TierFlag.SELF_SERVICE
        and max(op.maker_ppm, op.taker_ppm) <= MAX_FEE_PPM
        and op.quota_per_minute <= _MAX_QUOTA
    )
    require(is_valid, ErrorCode.INVALID_FEE_PARAMETER)
    tier = FeeTier(
        flags=op.flags | TierFlag.EXISTS,
        maker_ppm=op.maker_ppm,
        taker_ppm=op.taker_ppm,
        quota_per_minute=op.quota_per_minute,
    )
    state.fee_tiers.replace(op.table * TIERS_PER_TABLE + op.tier, tier)
    log.fee_tier_set(
        table=op.table,
        tier=op.tier,
        maker_ppm=op.maker_ppm,
        taker_ppm=op.taker_ppm,
        quota=op.quota_per_minute,
        flags=tier.flags,
    )
