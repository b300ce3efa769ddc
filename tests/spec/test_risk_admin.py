"""ADMIN_MARKET_PRICES, ADMIN_MARKET_RISK, ADMIN_ASSET_RISK, ADMIN_CREDIT and a reopened market."""

import pytest

from offchain.spec import constants, op, risk_op
from offchain.spec.book_records import Duty
from offchain.spec.constants import MICRO_LIMIT, SIZE_LIMIT, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import (
    AssetRiskFlag,
    DutyKind,
    EventKind,
    MarketKind,
    MarketRiskFlag,
    MarketStatus,
)
from offchain.spec.ops import admin_risk
from tests.spec.risk_support import advance, asset_risk, market_prices, market_risk
from tests.spec.support import (
    BASE,
    IS_ASK,
    MAKER,
    NOW_S,
    PERP,
    SPOT,
    TAKER,
    refused,
    rest,
    run,
    trade,
)
from tests.strategies import market_op

FAR_S = 2**32 - 2


def test_market_prices_are_stored_and_written(spot_and_perp):
    state = spot_and_perp
    (event,) = run(state, market_prices())
    assert event.kind == EventKind.MARKET_PRICES_SET
    assert (event.market, event.account) == (PERP, 0)
    assert event.values == (10_000, 50_000, 100_000, 500_000, 100, 40_000)
    risk = state.market_risk(PERP)
    assert risk.flags == MarketRiskFlag.PRICED
    assert (risk.min_sources, risk.max_report_age_s, risk.impact_notional_micro) == (3, 30, 10_000)


BAD_PRICES = [
    {"basis_cap_ppm": 1_000_001},
    {"mark_band_ppm": 1_000_001},
    {"snapshot_band_ppm": 1_000_001},
    {"funding_interest_ppm": 1_000_001},
    {"funding_cap_ppm": 1_000_001},
    {"jump_ppm": 0},
    {"min_sources": 0},
    {"min_sources": 256},
    {"max_report_age_s": 0},
    {"max_report_age_s": 86_401},
    {"impact_notional_micro": 2**53},
    {"market": SPOT},
]


@pytest.mark.parametrize("changes", BAD_PRICES, ids=str)
def test_bad_market_prices_are_refused(spot_and_perp, changes):
    code = refused(spot_and_perp, market_prices(**changes))
    assert code == ErrorCode.INVALID_MARKET_PARAMETER


@pytest.mark.parametrize("market", [9, 1_024, 65_535])
def test_prices_and_margins_need_a_market(spot_and_perp, market):
    assert refused(spot_and_perp, market_prices(market)) == ErrorCode.UNKNOWN_MARKET
    assert refused(spot_and_perp, market_risk(market)) == ErrorCode.UNKNOWN_MARKET


def test_the_first_margins_start_the_minutes(spot_and_perp):
    state = spot_and_perp
    run(state, market_prices())
    (event,) = run(state, market_risk(tier1_micro=7, tier2_micro=8))
    assert event.kind == EventKind.MARKET_RISK_SET
    assert event.values == (100_000, 50_000, 25_000, 10_000, 7, 8)
    risk = state.market_risk(PERP)
    assert risk.flags == MarketRiskFlag.PRICED | MarketRiskFlag.MARGINED
    assert (risk.open_interest_cap_lots, risk.concentration_free_lots) == (10**9, 10**9)
    assert (risk.concentration_ppm, risk.price_band_ppm) == (300_000, 100_000)
    # 1,000 s lies between 960 and 1,020.
    minutes = [Duty(1_020, DutyKind.MARKET_MINUTE, PERP)]
    assert state.duties.entries == minutes
    run(state, market_risk(initial_ppm=60_000), market_prices(jump_ppm=1))
    assert state.duties.entries == minutes
    assert state.market_risk(PERP).initial_ppm == 60_000


def test_at_a_full_minute_the_next_one_is_due(spot_and_perp):
    state = spot_and_perp
    advance(state, 20)
    run(state, market_prices(), market_risk())
    assert state.duties.entries == [Duty(1_080, DutyKind.MARKET_MINUTE, PERP)]


def test_at_the_end_of_time_no_minute_falls_due(spot_and_perp):
    state = spot_and_perp
    run(state, market_prices(), market_risk())
    advance(state, FAR_S - NOW_S)
    assert state.duties.entries == [Duty(2**32 - 1, DutyKind.MARKET_MINUTE, PERP)]


BAD_RISK = [
    {"closeout_ppm": 0},
    {"closeout_ppm": 50_001},
    {"maintenance_ppm": 100_001},
    {"initial_ppm": 1_000_001},
    {"liquidation_fee_ppm": 50_001},
    {"tier1_micro": MICRO_LIMIT},
    {"tier2_micro": MICRO_LIMIT},
    {"tier1_micro": 9, "tier2_micro": 8},
    {"open_interest_cap_lots": SIZE_LIMIT},
    {"concentration_free_lots": SIZE_LIMIT},
    {"concentration_ppm": 1_000_001},
    {"price_band_ppm": 0},
    {"price_band_ppm": 1_000_001},
]


@pytest.mark.parametrize("changes", BAD_RISK, ids=str)
def test_bad_margins_are_refused(spot_and_perp, changes):
    run(spot_and_perp, market_prices())
    code = refused(spot_and_perp, market_risk(**changes))
    assert code == ErrorCode.INVALID_MARKET_PARAMETER


def test_one_tier_may_be_absent(spot_and_perp):
    run(spot_and_perp, market_prices(), market_risk(tier1_micro=9), market_risk(tier2_micro=9))
    assert spot_and_perp.market_risk(PERP).tier1_micro == 0


def test_margins_need_prices(spot_and_perp):
    assert refused(spot_and_perp, market_risk()) == ErrorCode.INVALID_MARKET_PARAMETER


def test_margins_need_an_empty_book(spot_and_perp):
    state = spot_and_perp
    run(state, market_prices())
    rest(state, MAKER, 100, 1, market=PERP)
    assert refused(state, market_risk()) == ErrorCode.MARKET_IN_USE


def test_margins_need_a_place_for_the_minutes(spot_and_perp, monkeypatch):
    run(spot_and_perp, market_prices())
    monkeypatch.setattr(admin_risk, "DUTY_CAPACITY", 0)
    assert refused(spot_and_perp, market_risk()) == ErrorCode.DUTY_QUEUE_FULL


def test_asset_risk_is_stored_and_keeps_the_price(spot_and_perp):
    state = spot_and_perp
    (event,) = run(state, asset_risk(tier_units=5))
    assert event.kind == EventKind.ASSET_RISK_SET
    assert event.values == (BASE, AssetRiskFlag.EXISTS, 800_000, 900_000, 50_000, 3_600)
    state.edit_asset_risk(BASE).price_e8 = 6
    run(state, asset_risk(growth_cap_ppm=7))
    risk = state.asset_risk(BASE)
    assert (risk.price_e8, risk.growth_cap_ppm, risk.tier_units) == (6, 7, 0)
    assert risk.user_cap_units == 10**15


def test_impairment_is_dated_once_and_cleared(spot_and_perp):
    state = spot_and_perp
    impaired = asset_risk(flags=AssetRiskFlag.IMPAIRED)
    (event,) = run(state, impaired)
    assert event.values[1] == AssetRiskFlag.EXISTS | AssetRiskFlag.IMPAIRED
    advance(state, 100)
    run(state, impaired)
    assert state.asset_risk(BASE).impaired_since_s == NOW_S
    run(state, asset_risk())
    assert state.asset_risk(BASE).impaired_since_s == 0
    run(state, impaired)
    assert state.asset_risk(BASE).impaired_since_s == NOW_S + 100


BAD_ASSET_RISK = [
    {"asset": 0},
    {"margin_weight_ppm": 900_001},
    {"liquidation_weight_ppm": 950_001},
    {"liquidation_weight_ppm": 1_000_001, "exchange_discount_ppm": 0},
    {"exchange_discount_ppm": 100_001},
    {"exchange_discount_ppm": 2**32 - 1},
    {"growth_cap_ppm": 10_000_001},
    {"heartbeat_s": 0},
    {"flags": AssetRiskFlag.EXISTS},
    {"flags": 4},
    {"tier_units": VALUE_LIMIT},
    {"user_cap_units": VALUE_LIMIT},
]


@pytest.mark.parametrize("changes", BAD_ASSET_RISK, ids=str)
def test_bad_asset_risks_are_refused(spot_and_perp, changes):
    code = refused(spot_and_perp, asset_risk(**changes))
    assert code == ErrorCode.INVALID_ASSET_PARAMETER


@pytest.mark.parametrize("asset", [2, 256, 65_535])
def test_asset_risk_needs_an_asset(spot_and_perp, asset):
    assert refused(spot_and_perp, asset_risk(asset)) == ErrorCode.UNKNOWN_ASSET


def test_credit_starts_its_index_once(spot_and_perp):
    state = spot_and_perp
    credit = risk_op.AdminCredit(base_rate_ppm=1, slope_ppm=2, negative_cap=3)
    (event,) = run(state, credit)
    assert event.kind == EventKind.CREDIT_SET
    assert event.values == (1, 2, 3, 0, 0, 0)
    risk = state.edit_asset_risk(0)
    assert (risk.owed_index_e12, risk.interest_time_s) == (10**12, NOW_S)
    assert risk.flags == 0
    risk.owed_index_e12 += 5
    advance(state, 10)
    run(state, risk_op.AdminCredit(base_rate_ppm=4, slope_ppm=5, negative_cap=6))
    assert (risk.owed_index_e12, risk.interest_time_s) == (10**12 + 5, NOW_S)
    assert (risk.base_rate_ppm, risk.slope_ppm, risk.negative_cap) == (4, 5, 6)


@pytest.mark.parametrize(
    "fields",
    [(10_000_001, 0, 0), (0, 10_000_001, 0), (0, 0, VALUE_LIMIT)],
)
def test_bad_credit_is_refused(spot_and_perp, fields):
    base, slope, cap = fields
    credit = risk_op.AdminCredit(base_rate_ppm=base, slope_ppm=slope, negative_cap=cap)
    assert refused(spot_and_perp, credit) == ErrorCode.INVALID_ASSET_PARAMETER


def reopen(state, market=PERP):
    for status in (MarketStatus.HALTED, MarketStatus.OPEN):
        run(state, market_op(market, MarketKind.PERP, sz_decimals=3, status=status))


def test_a_margined_market_reopens_for_post_only_orders(spot_and_perp):
    state = spot_and_perp
    reopen(state)
    run(state, market_prices(), market_risk())
    assert state.market_risk(PERP).opens_s == 0
    run(state, market_op(PERP, MarketKind.PERP, sz_decimals=3))
    assert state.market_risk(PERP).opens_s == 0
    reopen(state)
    assert state.market_risk(PERP).opens_s == NOW_S + constants.REOPEN_POST_ONLY_S
    advance(state, FAR_S - NOW_S)
    reopen(state)
    assert state.market_risk(PERP).opens_s == FAR_S


def test_a_priced_market_without_margin_reopens_at_once(spot_and_perp):
    run(spot_and_perp, market_prices())
    reopen(spot_and_perp)
    assert spot_and_perp.market_risk(PERP).opens_s == 0


def test_open_interest_alone_keeps_margins_out(spot_and_perp):
    state = spot_and_perp
    run(state, market_prices())
    trade(state, buyer=TAKER, seller=MAKER, price=100, size_lots=1, market=PERP)
    assert refused(state, market_risk()) == ErrorCode.MARKET_IN_USE
    trade(state, buyer=MAKER, seller=TAKER, price=150, size_lots=1, market=PERP)
    rest(state, MAKER, 200, 1, market=PERP, flags=IS_ASK)
    assert refused(state, market_risk()) == ErrorCode.MARKET_IN_USE
    run(state, op.CancelAll(account=MAKER), market_risk())
