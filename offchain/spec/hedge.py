"""Collateral that hedges a short position of a cross bucket (docs/spec/risk.md section 10).

What backs the account rises with the price that the short loses by. So it counts for more, and the
hedged part requires less, but only where liquidation looks: new risk is not taken on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from offchain.spec import collateral
from offchain.spec.constants import (
    HEDGE_FLOOR_PPM,
    HEDGE_WEIGHT_PPM,
    MICRO_LIMIT,
    PPM,
    QUOTE_ASSET,
    QUOTE_PER_MICRO,
)
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import AssetRiskFlag
from offchain.spec.state import State


@dataclass(frozen=True, slots=True)
class Cover:
    """How far a short position is hedged, in micro.

    `notional` is the position's value at the mark, `hedged` what collateral covers of it, and
    `bonus` what this collateral counts for beyond its liquidation weight.
    """

    notional: int = 0
    hedged: int = 0
    bonus: int = 0

    def credit(self, requirement: int) -> int:
        """Return by how much a requirement of the position falls, in micro, rounded down.

        By half for the hedged part, of which at least HEDGE_FLOOR_PPM stays required.
        """
        if self.hedged == 0:
            return 0
        half = requirement * self.hedged // (2 * self.notional)
        floor = ceil_div(self.hedged * HEDGE_FLOOR_PPM, PPM)
        above_floor = requirement * self.hedged // self.notional - floor
        return max(0, min(half, above_floor))


def cover(
    state: State, market_id: int, notional_micro: int, held: Iterable[tuple[int, int]]
) -> Cover:
    """Return how far a short position is hedged.

    Parameters
    ----------
    state
        Only read.
    market_id
        Market of the position.
    notional_micro
        Value of the position at the mark.
    held
        Asset and engine units, free and locked, of the account's balances in the order of slots.
    """
    hedged = bonus = 0
    for asset, units in held:
        value = _value_micro(state, market_id, asset, units)
        part = min(value, notional_micro - hedged)
        weight = state.asset_risk(asset).liquidation_weight_ppm
        hedged += part
        bonus += part * max(0, HEDGE_WEIGHT_PPM - weight) // PPM
    return Cover(notional_micro, hedged, bonus)


def _value_micro(state: State, market_id: int, asset: int, units: int) -> int:
    """Return what a balance covers at most: nothing while its price is not beyond doubt."""
    risk = state.asset_risk(asset)
    if asset == QUOTE_ASSET or risk.hedge_market_plus_1 != market_id + 1:
        return 0
    is_impaired = bool(risk.flags & AssetRiskFlag.IMPAIRED)
    if is_impaired or not collateral.counts(risk):
        return 0
    if collateral.missed_heartbeats(risk, state.header.now_s) > 0:
        return 0
    return min(collateral.value_units(state, asset, units) // QUOTE_PER_MICRO, MICRO_LIMIT)
