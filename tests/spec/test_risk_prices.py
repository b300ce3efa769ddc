"""SNAPSHOT and PRICE_REPORT: what is stored, which marks follow, what is refused."""

import pytest

from offchain.spec import prices
from offchain.spec.constants import PRICE_MAX
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, SnapshotTarget
from tests.spec.risk_support import (
    advance,
    asset_risk,
    asset_snapshot,
    market_prices,
    market_snapshot,
    price_report,
)
from tests.spec.support import BASE, IS_ASK, MAKER, NOW_S, PERP, SPOT, refused, rest, run

YEAR_S = 31_536_000


@pytest.fixture
def priced(spot_and_perp):
    """Return the exchange with prices in PERP and BASE, and a snapshot of 1,000."""
    run(spot_and_perp, market_prices(), asset_risk(), market_snapshot(spot_and_perp))
    return spot_and_perp


def test_a_market_snapshot_is_rounded_down_to_price_units(spot_and_perp):
    state = spot_and_perp
    run(state, market_prices())
    # Lots of 10^-3: a price unit is 10^5 of L1's 10^-8.
    (event,) = run(state, market_snapshot(state, price_e8=1_234_567_899))
    assert event.kind == EventKind.SNAPSHOT_TAKEN
    assert (event.market, event.account) == (PERP, 0)
    assert event.values == (SnapshotTarget.MARKET, 0, 1_234_567_899, 0, NOW_S, 12_345)
    risk = state.market_risk(PERP)
    assert (risk.snapshot_price, risk.snapshot_time_s) == (12_345, NOW_S)


@pytest.mark.parametrize("price_e8", [0, 99_999, (PRICE_MAX + 1) * 10**5, 2**64 - 1])
def test_a_market_snapshot_out_of_range_is_refused(spot_and_perp, price_e8):
    run(spot_and_perp, market_prices())
    snapshot = market_snapshot(spot_and_perp, price_e8=price_e8)
    assert refused(spot_and_perp, snapshot) == ErrorCode.INVALID_PRICE


def test_the_largest_price_can_be_a_snapshot(spot_and_perp):
    run(spot_and_perp, market_prices(), market_snapshot(spot_and_perp, PRICE_MAX))
    assert spot_and_perp.market_risk(PERP).snapshot_price == PRICE_MAX


@pytest.mark.parametrize("market", [SPOT, PERP, 9, 1_024])
def test_snapshots_and_reports_need_a_priced_market(spot_and_perp, market):
    state = spot_and_perp
    snapshot = market_snapshot(state, market=market, time_s=NOW_S + 1, price_e8=0)
    assert refused(state, snapshot) == ErrorCode.UNKNOWN_MARKET
    report = price_report(state, 0, market=market)
    assert refused(state, report) == ErrorCode.UNKNOWN_MARKET


def test_a_snapshot_is_newer_than_the_last_and_not_of_the_future(priced):
    assert refused(priced, market_snapshot(priced, 0)) == ErrorCode.STALE_PRICE
    advance(priced, 1)
    future = market_snapshot(priced, 0, time_s=NOW_S + 2)
    assert refused(priced, future) == ErrorCode.STALE_PRICE
    run(priced, market_snapshot(priced, 2_000))
    assert priced.market_risk(PERP).snapshot_price == 2_000


def test_an_asset_snapshot_keeps_the_price_and_caps_the_rate(priced):
    (event,) = run(priced, asset_snapshot(priced))
    values = (SnapshotTarget.ASSET, BASE, 20 * 10**8, 10**12, NOW_S, 0)
    assert (event.kind, event.market, event.values) == (EventKind.SNAPSHOT_TAKEN, 0, values)
    # 10 % a year for 73 days: 10^12 x 0.1 x 73 ÷ 365 = 2 x 10^10.
    advance(priced, YEAR_S // 5)
    (event,) = run(priced, asset_snapshot(priced, rate_e12=2 * 10**12, price_e8=7))
    assert event.values[2:4] == (7, 1_020_000_000_000)
    risk = priced.asset_risk(BASE)
    assert (risk.price_e8, risk.rate_e12) == (7, 1_020_000_000_000)
    # 1.02 x 10^12 x 0.1 ÷ 31,536,000 = 3,234.39 in one second.
    advance(priced, 1)
    run(priced, asset_snapshot(priced, rate_e12=2 * 10**12))
    assert priced.asset_risk(BASE).rate_e12 == 1_020_000_003_234
    advance(priced, 1)
    run(priced, asset_snapshot(priced, rate_e12=5))
    assert priced.asset_risk(BASE).rate_e12 == 5


@pytest.mark.parametrize(
    "changes",
    [{"price_e8": 0}, {"price_e8": 2**53}, {"rate_e12": 0}, {"rate_e12": 10**15 + 1}],
    ids=str,
)
def test_an_asset_snapshot_out_of_range_is_refused(priced, changes):
    assert refused(priced, asset_snapshot(priced, **changes)) == ErrorCode.INVALID_PRICE


def test_an_asset_snapshot_is_newer_than_the_last_and_not_of_the_future(priced):
    future = asset_snapshot(priced, time_s=NOW_S + 1, price_e8=0)
    assert refused(priced, future) == ErrorCode.STALE_PRICE
    run(priced, asset_snapshot(priced, price_e8=2**53 - 1, rate_e12=10**15))
    assert refused(priced, asset_snapshot(priced)) == ErrorCode.STALE_PRICE


@pytest.mark.parametrize("asset", [0, 2, 256, 65_535])
def test_asset_snapshots_need_a_collateral(priced, asset):
    assert refused(priced, asset_snapshot(priced, asset)) == ErrorCode.UNKNOWN_ASSET


def test_without_a_book_the_index_is_the_mark(priced):
    (event,) = run(priced, price_report(priced, 1_050))
    assert event.kind == EventKind.PRICE_REPORTED
    assert (event.market, event.account) == (PERP, 0)
    assert event.values == (1_050, 1_050, 0, 0, 0, NOW_S)
    risk = priced.market_risk(PERP)
    assert (risk.index_price, risk.mark_price, risk.index_time_s) == (1_050, 1_050, NOW_S)


def test_the_mark_is_the_median_of_index_with_basis_book_and_others(priced):
    rest(priced, MAKER, 1_009, 1, market=PERP)
    rest(priced, MAKER, 1_012, 1, market=PERP, flags=IS_ASK)
    # mid = ⌊2,021 ÷ 2⌋ = 1,010; the first report has a whole window: ema = 10 x 2^16.
    # fair = 1,000 + min(10, cap of 1 %) = 1,010; others 1,004: median of 1,010, 1,010, 1,004.
    (event,) = run(priced, price_report(priced, external_mark=1_004))
    assert event.values == (1_000, 1_010, 1_010, 1_004, 10 << 16, NOW_S)
    # 15 s later at an index of 1,030: the ema moves by (-20 x 2^16 - 10 x 2^16) x 15 ÷ 150,
    # that is -3 x 2^16: basis 7, fair 1,037; book 1,010, others 1,020.
    advance(priced, 15)
    (event,) = run(priced, price_report(priced, 1_030, external_mark=1_020))
    assert event.values[:5] == (1_030, 1_020, 1_010, 1_020, 7 << 16)
    assert priced.market_risk(PERP).external_mark == 1_020
    # Without another venue the fair price counts twice; a second later at an index of 1,009:
    # the ema moves by ⌊(1 - 7) x 2^16 ÷ 150⌋ = ⌊-2,621.44⌋ = -2,622: basis ⌊6.96⌋ = 6.
    advance(priced, 1)
    (event,) = run(priced, price_report(priced, 1_009))
    assert event.values[:5] == (1_009, 1_015, 1_010, 0, (7 << 16) - 2_622)


def test_basis_and_mark_keep_their_bands(priced):
    rest(priced, MAKER, 1_300, 1, market=PERP)
    rest(priced, MAKER, 1_400, 1, market=PERP, flags=IS_ASK)
    # The basis of 350 is cut to 1 % of 1,000: fair 1,010, twice; the book is 1,350.
    (event,) = run(priced, price_report(priced))
    assert event.values[1:3] == (1_010, 1_350)
    # Others agree with the book: their median 1,350 is cut to 1,001 + ⌊50.05⌋.
    advance(priced, 1)
    (event,) = run(priced, price_report(priced, 1_001, external_mark=1_360))
    assert event.values[1] == 1_051
    # Below: the basis ema is about -200; fair is 1,001 - ⌊10.01⌋; others are cut to 1,001 - 50.
    run(priced, market_prices(basis_cap_ppm=0))
    advance(priced, 1)
    (event,) = run(priced, price_report(priced, 1_001, external_mark=5))
    assert event.values[1] == 1_001


def test_a_mark_is_at_least_one_and_at_most_the_largest_price(spot_and_perp):
    state = spot_and_perp
    wide = {"mark_band_ppm": 1_000_000, "snapshot_band_ppm": 1_000_000, "jump_ppm": 2**32 - 1}
    run(state, market_prices(**wide), market_snapshot(state, PRICE_MAX))
    rest(state, MAKER, PRICE_MAX - 2, 1, market=PERP)
    rest(state, MAKER, PRICE_MAX, 1, market=PERP, flags=IS_ASK)
    (event,) = run(state, price_report(state, 1, external_mark=PRICE_MAX))
    assert event.values[:3] == (1, 2, PRICE_MAX - 1)


def test_a_fair_price_beyond_all_prices_is_cut(spot_and_perp):
    state = spot_and_perp
    wide = {"mark_band_ppm": 1_000_000, "snapshot_band_ppm": 1_000_000, "basis_cap_ppm": 1_000_000}
    run(state, market_prices(**wide, jump_ppm=500_000), market_snapshot(state, PRICE_MAX))
    rest(state, MAKER, PRICE_MAX - 2, 1, market=PERP)
    rest(state, MAKER, PRICE_MAX, 1, market=PERP, flags=IS_ASK)
    # Basis 2^32 - 3 - 2^31, so that the book and the fair price agree.
    (event,) = run(state, price_report(state, 2**31))
    assert event.values[1] == PRICE_MAX - 1
    # The index is half as high again, the basis hardly moves in a second: 2^30 too high.
    advance(state, 1)
    (event,) = run(state, price_report(state, 2**31 + 2**30))
    assert event.values[1] == PRICE_MAX


def test_a_negative_basis_is_rounded_down(priced):
    rest(priced, MAKER, 996, 1, market=PERP)
    rest(priced, MAKER, 1_000, 1, market=PERP, flags=IS_ASK)
    run(priced, price_report(priced))
    # ema -2 x 2^16, then ⌊(-3 + 2) x 2^16 ÷ 150⌋ = -437: basis ⌊-2.007⌋ = -3.
    advance(priced, 1)
    (event,) = run(priced, price_report(priced, 1_001))
    assert event.values[:5] == (1_001, 998, 998, 0, (-2 << 16) - 437)


BAD_REPORTS = [
    ({"index_price": 0, "sources": 0}, ErrorCode.INVALID_PRICE),
    ({"index_price": PRICE_MAX + 1}, ErrorCode.INVALID_PRICE),
    ({"external_mark": PRICE_MAX + 1}, ErrorCode.INVALID_PRICE),
    ({"sources": 2, "time_s": NOW_S + 9}, ErrorCode.PRICE_QUORUM),
    ({"time_s": NOW_S + 61, "index_price": 1}, ErrorCode.STALE_PRICE),
    ({"time_s": NOW_S, "index_price": 1}, ErrorCode.STALE_PRICE),
    ({"time_s": NOW_S + 29, "index_price": 1}, ErrorCode.STALE_PRICE),
    ({"index_price": 1_501}, ErrorCode.PRICE_OUTSIDE_SNAPSHOT),
    ({"index_price": 499}, ErrorCode.PRICE_OUTSIDE_SNAPSHOT),
    ({"index_price": 1_101}, ErrorCode.PRICE_JUMP),
    ({"index_price": 899}, ErrorCode.PRICE_JUMP),
    ({"index_price": 1_100, "time_s": NOW_S + 30}, ErrorCode.OK),
    ({"index_price": 900}, ErrorCode.OK),
]


@pytest.mark.parametrize(("changes", "code"), BAD_REPORTS, ids=str)
def test_reports_are_checked_in_their_order(priced, changes, code):
    run(priced, price_report(priced))
    advance(priced, 60)
    changes = dict(changes)
    price = changes.pop("index_price", 1_000)
    assert refused(priced, price_report(priced, price, **changes)) == code


def test_a_report_needs_a_snapshot(spot_and_perp):
    run(spot_and_perp, market_prices())
    report = price_report(spot_and_perp)
    assert refused(spot_and_perp, report) == ErrorCode.PRICE_OUTSIDE_SNAPSHOT


def test_the_first_report_may_be_as_far_as_the_snapshot_allows(priced):
    run(priced, price_report(priced, 1_500))
    assert priced.market_risk(PERP).index_price == 1_500


def test_a_mark_is_fresh_for_a_minute(priced):
    assert not prices.is_mark_fresh(priced, PERP)
    run(priced, price_report(priced))
    assert prices.is_mark_fresh(priced, PERP)
    advance(priced, 60)
    assert prices.is_mark_fresh(priced, PERP)
    advance(priced, 1)
    assert not prices.is_mark_fresh(priced, PERP)
