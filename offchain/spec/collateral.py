"""What an asset other than the quote counts for as collateral (docs/spec/risk.md section 6)."""

from offchain.spec import units
from offchain.spec.constants import (
    HOUR_S,
    IMPAIRED_HAIRCUT_PPM,
    INDEX_ONE,
    MICRO_LIMIT,
    STALE_HAIRCUT_PPM,
)
from offchain.spec.kinds import AssetRiskFlag
from offchain.spec.risk_records import AssetRisk
from offchain.spec.state import State

_UNIT = 10**8  # engine units in a whole unit
_WEIGHT_TO_MICRO = 10**8  # quote units x ppm in a micro


def unit_price_e8(state: State, asset: int) -> int:
    """Return the price of a whole engine unit in quote units.

    It is L1's price times the redemption rate times what an engine unit is of a unit of L1.
    """
    risk = state.asset_risk(asset)
    rate_e12 = risk.rate_e12 * units.index_e12(state, asset) // INDEX_ONE
    return risk.price_e8 * rate_e12 // INDEX_ONE


def counts(risk: AssetRisk) -> bool:
    """Return whether the asset counts as collateral: governance and L1 have said how much."""
    return bool(risk.flags & AssetRiskFlag.EXISTS) and risk.time_s != 0


def missed_heartbeats(risk: AssetRisk, now_s: int) -> int:
    """Return how many prices of L1 are overdue."""
    return (now_s - risk.time_s) // risk.heartbeat_s


def weight_ppm(risk: AssetRisk, now_s: int, *, is_margin: bool) -> int:
    """Return which part of the value counts, less for missed prices and impairment.

    Parameters
    ----------
    risk
        Of an asset that has a price.
    now_s
        Present time.
    is_margin
        Whether the weight is that for new risk, or that at which liquidation begins.
    """
    is_impaired = bool(risk.flags & AssetRiskFlag.IMPAIRED)
    if is_impaired and is_margin:
        return 0
    weight = risk.margin_weight_ppm if is_margin else risk.liquidation_weight_ppm
    weight -= STALE_HAIRCUT_PPM * missed_heartbeats(risk, now_s)
    if is_impaired:
        weight -= IMPAIRED_HAIRCUT_PPM * ((now_s - risk.impaired_since_s) // HOUR_S)
    return max(0, weight)


def value_units(state: State, asset: int, held: int) -> int:
    """Return what `held` engine units are worth in quote units, within the asset's caps."""
    risk = state.asset_risk(asset)
    capped = min(held, risk.user_cap_units)
    full = min(capped, risk.tier_units) if risk.tier_units else capped
    effective = full + (capped - full) // 2
    return effective * unit_price_e8(state, asset) // _UNIT


def term_micro(state: State, asset: int, held: int, *, is_margin: bool) -> int:
    """Return what `held` engine units of an asset add to a margin sum, in 10^-6 quote tokens.

    Parameters
    ----------
    state
        Only read.
    asset
        Any asset but the quote.
    held
        Engine units, not negative.
    is_margin
        Margin weight (for new risk) or liquidation weight.

    Returns
    -------
    int
        In [0, MICRO_LIMIT]; 0 for an asset without risk record or price.
    """
    risk = state.asset_risk(asset)
    if not counts(risk):
        return 0
    weight = weight_ppm(risk, state.header.now_s, is_margin=is_margin)
    return min(value_units(state, asset, held) * weight // _WEIGHT_TO_MICRO, MICRO_LIMIT)
