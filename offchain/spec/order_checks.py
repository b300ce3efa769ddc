"""Checks that PLACE and MODIFY share, and the common lookups of accounts and markets."""

from offchain.spec import settling
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    GOLDILOCKS_P,
    MAX_ASSETS,
    MAX_MARKETS,
    PERP_PRICE_DECIMALS,
    PRICE_MAX,
    SIZE_LIMIT,
    SPOT_PRICE_DECIMALS,
    SUB_ACCOUNT_BITS,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.fees import lock_per_lot, quote_multiplier
from offchain.spec.kinds import AccountFlag, AssetFlag, MarketKind, MarketRiskFlag, MarketStatus
from offchain.spec.records import Market
from offchain.spec.state import State

_SUB_ACCOUNTS = 1 << SUB_ACCOUNT_BITS


def require_account(state: State, account_id: int) -> None:
    """Refuse with UNKNOWN_ACCOUNT unless the account exists."""
    require(state.account_exists(account_id), ErrorCode.UNKNOWN_ACCOUNT)


def require_master(state: State, account_id: int) -> None:
    """Refuse with UNKNOWN_ACCOUNT, or WRONG_ACCOUNT for a sub-account."""
    require_account(state, account_id)
    require(account_id % _SUB_ACCOUNTS == 0, ErrorCode.WRONG_ACCOUNT)


def require_no_fund(state: State, account_id: int) -> None:
    """Refuse with FUND_ACCOUNT if the account is one of a fund."""
    require(not state.account(account_id).flags & AccountFlag.FUND, ErrorCode.FUND_ACCOUNT)


def asset_exists(state: State, asset: int) -> bool:
    """Return whether the asset id is in range and registered."""
    return asset < MAX_ASSETS and bool(state.assets.read(asset).flags & AssetFlag.EXISTS)


def require_market(state: State, market_id: int) -> Market:
    """Return the market, or refuse with UNKNOWN_MARKET."""
    require(
        market_id < MAX_MARKETS and state.markets.read(market_id).kind != 0,
        ErrorCode.UNKNOWN_MARKET,
    )
    return state.markets.read(market_id)


def require_open_market(state: State, market_id: int) -> Market:
    """Return the market, or refuse with UNKNOWN_MARKET or MARKET_NOT_OPEN."""
    market = require_market(state, market_id)
    require(market.status == MarketStatus.OPEN, ErrorCode.MARKET_NOT_OPEN)
    return market


def require_priced_market(state: State, market_id: int) -> None:
    """Refuse with UNKNOWN_MARKET unless governance has said how the market is priced."""
    _require_risk(state, market_id, MarketRiskFlag.PRICED)


def require_margined_market(state: State, market_id: int) -> None:
    """Refuse with UNKNOWN_MARKET unless the market asks for margin."""
    _require_risk(state, market_id, MarketRiskFlag.MARGINED)


def _require_risk(state: State, market_id: int, flag: MarketRiskFlag) -> None:
    has_flag = market_id < MAX_MARKETS and state.market_risk(market_id).flags & flag
    require(bool(has_flag), ErrorCode.UNKNOWN_MARKET)


def check_size(market: Market, size_lots: int) -> None:
    """Refuse with INVALID_SIZE or SIZE_BELOW_MINIMUM."""
    require(0 < size_lots < SIZE_LIMIT, ErrorCode.INVALID_SIZE)
    require(size_lots >= market.min_size_lots, ErrorCode.SIZE_BELOW_MINIMUM)


def check_limit_price(market: Market, price: int) -> None:
    """Refuse with INVALID_PRICE, PRICE_NOT_ON_TICK or TOO_MANY_SIGNIFICANT_FIGURES."""
    require(0 < price <= PRICE_MAX, ErrorCode.INVALID_PRICE)
    require(market.tick == 0 or price % market.tick == 0, ErrorCode.PRICE_NOT_ON_TICK)
    if market.max_significant_figures:
        is_perp = market.kind == MarketKind.PERP
        decimals = PERP_PRICE_DECIMALS if is_perp else SPOT_PRICE_DECIMALS
        is_integer = price % 10 ** (decimals - market.sz_decimals) == 0
        figures = len(str(price).rstrip("0"))
        require(
            is_integer or figures <= market.max_significant_figures,
            ErrorCode.TOO_MANY_SIGNIFICANT_FIGURES,
        )


def check_notional(
    market: Market, *, is_ask: bool, price: int, size_lots: int, builder_fee: int
) -> None:
    """Refuse with NOTIONAL_TOO_LARGE when value or lock passes VALUE_LIMIT."""
    value = size_lots * price * quote_multiplier(market)
    require(value < VALUE_LIMIT, ErrorCode.NOTIONAL_TOO_LARGE)
    if market.kind == MarketKind.SPOT:
        per_lot = lock_per_lot(market, is_ask=is_ask, price=price, builder_fee=builder_fee)
        require(size_lots * per_lot < VALUE_LIMIT, ErrorCode.NOTIONAL_TOO_LARGE)


def check_client_id(low: int, high: int) -> None:
    """Refuse with CLIENT_ID_OUT_OF_RANGE unless both halves are field elements."""
    require(low < GOLDILOCKS_P and high < GOLDILOCKS_P, ErrorCode.CLIENT_ID_OUT_OF_RANGE)


def check_reduces(state: State, account_id: int, market_id: int, *, is_ask: bool) -> None:
    """Refuse with REDUCE_ONLY_WOULD_INCREASE unless the position opposes the order."""
    lots = settling.reducible_lots(state, account_id, market_id, is_ask=is_ask)
    if lots == 0:
        raise OpError(ErrorCode.REDUCE_ONLY_WOULD_INCREASE)
