"""Fees, fee tiers, the quota of metered tiers, and what a spot order locks.

Every fee is rounded up, against the side that pays it (docs/spec/transition.md section 3).
"""

from offchain.spec.book_records import builder_fee_of, builder_of
from offchain.spec.constants import (
    API_TIER,
    BUILDER_FEE_UNIT_PPM,
    MAX_FEE_PPM,
    PERP_QUOTE_MULTIPLIER,
    PPM,
    QUOTA_WINDOW_S,
    QUOTE_ASSET,
    SPOT_QUOTE_MULTIPLIER,
    TIERS_PER_TABLE,
)
from offchain.spec.kinds import MarketKind, OrderFlag
from offchain.spec.records import FeeTier, Market
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State, master_account

_QUOTA_SATURATION = 2**32 - 2  # keeps the high half of its word below 2^32 - 1


def ceil_div(numerator: int, denominator: int) -> int:
    """Return the quotient rounded towards +infinity; `denominator` > 0."""
    return -(-numerator // denominator)


def quote_multiplier(market: Market) -> int:
    """Return the quote units in one (price unit x lot) of the market."""
    return PERP_QUOTE_MULTIPLIER if market.kind == MarketKind.PERP else SPOT_QUOTE_MULTIPLIER


def builder_ppm(attributes: int) -> int:
    """Return the builder fee of an order in ppm, 0 without a builder."""
    return builder_fee_of(attributes) * BUILDER_FEE_UNIT_PPM


def lock_per_lot(market: Market, *, is_ask: bool, price: int, builder_fee: int) -> int:
    """Return what a spot order locks per lot.

    A bid locks quote: price, the highest possible fee and the builder fee, each rounded up per
    lot, so that partial unlocks are exact and the lock always covers cost and fees. An ask locks
    the base asset.

    Parameters
    ----------
    market
        A spot market.
    is_ask
        Side of the order.
    price
        Limit price in price units.
    builder_fee
        Unit 0.1 bp.

    Returns
    -------
    int
        Engine units of :func:`paid_asset`.
    """
    if is_ask:
        return market.base_units_per_lot
    fee = ceil_div(price * MAX_FEE_PPM, PPM)
    return price + fee + ceil_div(price * builder_fee * BUILDER_FEE_UNIT_PPM, PPM)


def paid_asset(market: Market, *, is_ask: bool) -> int:
    """Return the asset that a spot order pays with."""
    return market.base_asset if is_ask else QUOTE_ASSET


def tier_of(state: State, market: Market, account_id: int, attributes: int) -> FeeTier:
    """Return the fee tier of an order's owner, or the API tier for an order over its quota."""
    tier = state.account(master_account(account_id)).tier
    if attributes & OrderFlag.API_FEE:
        tier = API_TIER
    return state.fee_tiers.read(market.fee_table * TIERS_PER_TABLE + tier)


def fees_of(
    state: State,
    market: Market,
    *,
    account_id: int,
    attributes: int,
    notional: int,
    is_taker: bool,
) -> tuple[int, int]:
    """Return (fee, builder fee) of one side of a fill, in quote units.

    The builder fee never takes more than what the notional leaves after the fee.
    """
    tier = tier_of(state, market, account_id, attributes)
    fee = ceil_div(notional * (tier.taker_ppm if is_taker else tier.maker_ppm), PPM)
    builder_fee = ceil_div(notional * builder_ppm(attributes), PPM)
    return fee, min(builder_fee, notional - fee)


def liquidation_fee(risk: MarketRisk, notional: int, value_kept: int) -> int:
    """Return the taker fee of an order of the liquidation engine, in quote units.

    Parameters
    ----------
    risk
        Of the market.
    notional
        Quote units of the fill.
    value_kept
        Quote units by which the fill is better than at the neutral price. The fee takes no more, so
        that it never worsens the account's margin.
    """
    return min(ceil_div(notional * risk.liquidation_fee_ppm, PPM), value_kept)


def pay_builder(state: State, attributes: int, units: int) -> int:
    """Credit a builder fee; return the builder's account."""
    account_id = state.builders.read(builder_of(attributes)).account
    state.edit_account(account_id).free[0] += units
    return account_id


def count_quota(state: State, market: Market, account_id: int) -> bool:
    """Count one accepted order op of the master; return whether it is over the tier's quota."""
    master = master_account(account_id)
    tier = tier_of(state, market, master, attributes=0)
    if tier.quota_per_minute == 0:
        return False
    account = state.edit_account(master)
    minute = state.header.now_s // QUOTA_WINDOW_S
    if account.quota_minute != minute:
        account.quota_minute = minute
        account.quota_used = 0
    account.quota_used = min(account.quota_used + 1, _QUOTA_SATURATION)
    return account.quota_used > tier.quota_per_minute
