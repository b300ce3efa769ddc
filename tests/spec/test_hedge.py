"""Collateral that hedges a short: bonus, credit, and where they do not count (risk.md section 10).

TAKER is short 100,000 lots of PERP at 1,000: n = 10^8 micro. PERP requires 10 %, 5 % and 2.5 %;
BASE is worth 20 tokens a unit, weighs 80 % and 90 % and hedges PERP.
"""

import pytest

from offchain.spec import hedge, margin, op, risk_op
from offchain.spec.constants import HEDGE_FLOOR_PPM, HEDGE_WEIGHT_PPM, PPM
from offchain.spec.errors import ErrorCode
from offchain.spec.hedge import Cover
from offchain.spec.kinds import AssetRiskFlag, EventKind, MarginMode
from offchain.spec.margin import Change
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    asset_risk,
    asset_snapshot,
    margined_exchange,
    reprice,
)
from tests.spec.support import BASE, FINE, MAKER, PERP, TAKER, UNITS, only, refused, run, trade
from tests.strategies import owner_of

MILLION = 10**6
LOTS = 100_000
NOTIONAL = 100 * MILLION  # micro
UNIT = 10**8  # 20 tokens of BASE


@pytest.fixture
def state():
    state = margined_exchange()
    run(state, asset_risk(hedge_market_plus_1=PERP + 1), asset_snapshot(state))
    keep_units(state, TAKER, 2 * UNIT)
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=LOTS, market=PERP)
    return state


def keep_units(state, account, units):
    """Move all but `units` of BASE of a master to a sub-account."""
    amount = state.account(account).free[1] - units
    run(state, op.Transfer(account=account, to_account=account + 2, asset=BASE, amount=amount))


def unhedged(state):
    run(state, asset_risk())
    return margin.cross(state, TAKER)


def test_a_hedge_counts_for_more_and_requires_less(state):
    bucket = margin.cross(state, TAKER)
    plain = unhedged(state)
    # v = 40 tokens: 40 x 10^6 x (97 % - 90 %) on top.
    assert bucket.talt == plain.talt + 2_800_000
    # mm = 5 x 10^6: min(5 x 10^6 x 0.4 ÷ 2, 5 x 10^6 x 0.4 - 40 x 10^6 x 2 %)
    assert (plain.mmr, bucket.mmr) == (5_000_000, 4_000_000)
    # cm = 2.5 x 10^6: min(500,000, 10^6 - 800,000)
    assert (plain.cmr, bucket.cmr) == (2_500_000, 2_300_000)
    assert (bucket.tav, bucket.imr, bucket.notional) == (plain.tav, plain.imr, plain.notional)


def test_the_requirement_of_one_position_is_hedged_too(state):
    holding = margin.holding_of(state, TAKER, PERP)
    assert margin.maintenance(state, TAKER, holding) == 4_000_000
    assert margin.hedged_micro(state, TAKER, holding) == 40 * MILLION


def test_only_what_the_short_is_worth_is_hedged(state):
    keep_units(state, MAKER, 0)
    run(state, op.Deposit(account=TAKER, owner=owner_of(TAKER), asset=BASE, amount=8 * UNIT))
    bucket = margin.cross(state, TAKER)
    plain = unhedged(state)
    # v = 200 tokens, n = 100: 100 x 10^6 x 7 %
    assert bucket.talt == plain.talt + 7_000_000
    assert bucket.mmr == 2_500_000


@pytest.mark.parametrize(
    ("requirement", "hedged", "credit"),
    [
        (50_000, MILLION, 25_000),  # half of it: 50,000 - 20,000 is more
        (30_000, MILLION, 10_000),  # 20,000 stay
        (20_000, MILLION, 0),
        (10_000, MILLION, 0),
        (50_001, MILLION, 25_000),  # ⌊25,000.5⌋
        (50_000, 1, 0),  # ⌊0.025⌋, and ⌈0.02⌉ stays
        (0, MILLION, 0),
        (50_000, 0, 0),
    ],
)
def test_the_credit_is_half_and_leaves_the_floor(requirement, hedged, credit):
    assert Cover(notional=MILLION, hedged=hedged).credit(requirement) == credit


def test_a_weight_above_the_hedge_weight_gives_no_bonus(state):
    weights = {"margin_weight_ppm": 0, "liquidation_weight_ppm": PPM, "exchange_discount_ppm": 0}
    run(state, asset_risk(hedge_market_plus_1=PERP + 1, **weights))
    cover = hedge.cover(state, PERP, NOTIONAL, [(BASE, UNIT)])
    assert (cover.hedged, cover.bonus) == (20 * MILLION, 0)
    assert HEDGE_WEIGHT_PPM < PPM
    assert HEDGE_FLOOR_PPM > 0


def test_the_assets_hedge_in_the_order_of_their_slots(state):
    cover = hedge.cover(state, PERP, 30 * MILLION, [(0, 10**12), (BASE, UNIT), (BASE, UNIT)])
    # 20 and 10 tokens x 7 %, each rounded down
    assert (cover.hedged, cover.bonus) == (30 * MILLION, 2_100_000)


def cover_of(state, market=PERP):
    return hedge.cover(state, market, NOTIONAL, [(BASE, UNIT)]).hedged


def test_a_doubtful_price_hedges_nothing(state):
    assert cover_of(state) == 20 * MILLION
    assert cover_of(state, FINE) == 0
    run(state, asset_risk(hedge_market_plus_1=PERP + 1, flags=AssetRiskFlag.IMPAIRED))
    assert cover_of(state) == 0
    run(state, asset_risk(hedge_market_plus_1=PERP + 1))
    advance(state, 3_599 - (state.header.now_s - state.asset_risk(BASE).time_s))
    assert cover_of(state) == 20 * MILLION
    advance(state, 1)
    assert cover_of(state) == 0
    run(state, asset_snapshot(state))
    assert cover_of(state) == 20 * MILLION
    state.edit_asset_risk(BASE).time_s = 0
    assert cover_of(state) == 0


def test_caps_and_tiers_bound_the_hedge(state):
    run(state, asset_risk(hedge_market_plus_1=PERP + 1, tier_units=UNIT // 2))
    assert cover_of(state) == 15 * MILLION
    run(state, asset_risk(hedge_market_plus_1=PERP + 1, user_cap_units=UNIT // 4))
    assert cover_of(state) == 5 * MILLION


def test_longs_and_isolated_positions_are_not_hedged(state):
    long = margin.holding_of(state, MAKER, PERP)
    assert margin.hedged_micro(state, MAKER, long) == 0
    short = margin.Holding(market=PERP, size_lots=-LOTS, mode=MarginMode.ISOLATED)
    assert margin.hedged_micro(state, TAKER, short) == 0
    assert margin.maintenance(state, TAKER, short) == 5 * MILLION


def test_a_change_that_takes_the_hedge_away_is_seen(state):
    bucket = margin.cross(state, TAKER, Change(asset=BASE, free_units=-2 * UNIT))
    assert bucket.mmr == 5 * MILLION


def test_a_hedged_short_is_liquidated_later(state):
    # TAKER keeps 11 tokens of quote and 2 units: 36 tokens at liquidation weight.
    run(state, op.Withdraw(account=TAKER, asset=0, amount=UNITS - 11 * UNIT))
    for price in (1_090, 1_180, 1_270, 1_380, 1_400):
        reprice(state, price)
    # At 1,400: 11 - 40 + 36 + 40 x 7 % = 9.8 of 7 - min(7 x 40 ÷ 140 ÷ 2, ...) = 6 tokens.
    bucket = margin.cross(state, TAKER)
    assert (bucket.talt, bucket.mmr) == (9_800_000, 6_000_000)
    assert refused(state, risk_op.Liquidate(account=TAKER)) == ErrorCode.NOT_LIQUIDATABLE
    plain = unhedged(state)
    assert (plain.talt, plain.mmr) == (7_000_000, 7_000_000)
    reprice(state, 1_401)
    assert refused(state, risk_op.Liquidate(account=TAKER)) == ErrorCode.OK
    run(state, asset_risk(hedge_market_plus_1=PERP + 1))
    assert refused(state, risk_op.Liquidate(account=TAKER)) == ErrorCode.NOT_LIQUIDATABLE
    reprice(state, 1_439)
    # 11 - 43.9 + 38.8 = 5.9 of 7.195 - 1.0 = 6.195: the engine reckons with the hedge.
    (event,) = only(run(state, risk_op.Liquidate(account=TAKER)), EventKind.LIQUIDATED)
    assert event.values[2:4] == (5_900_000, 6_195_000)
    check_all(state)
