"""Trading calendar: sessions, the close, off-session bounds, the reopening (risk.md section 11).

The epoch begins with a Thursday. CALENDAR: hours 0, 1 and 4 of it are in session.
"""

import pytest

from offchain.spec import margin, op, trading_calendar
from offchain.spec.constants import PPM, REOPEN_POST_ONLY_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, PlaceFlag, TimeInForce
from offchain.spec.risk_op import AdminMarketCalendar
from offchain.spec.risk_records import MarketRisk
from tests.spec.risk_support import (
    advance,
    margined_exchange,
    market_snapshot,
    price_report,
    reprice,
)
from tests.spec.support import (
    FINE,
    IS_ASK,
    MAKER,
    NOW_S,
    PERP,
    SPOT,
    TAKER,
    order,
    refused,
    rest,
    run,
    trade,
)

HOUR_S, DAY_S = 3_600, 86_400
IN_SESSION = 0b10011
BAND_PPM = 50_000


def calendar(market=PERP, **changes):
    fields = {"thursday": IN_SESSION, "weekend_band_ppm": BAND_PPM}
    return AdminMarketCalendar(market=market, **{**fields, **changes})


def go_to(state, time_s):
    advance(state, time_s - state.header.now_s)


@pytest.fixture
def state():
    state = margined_exchange()
    run(state, calendar())
    return state


@pytest.fixture
def closed(state):
    """Return the market an hour after the close at 1,000."""
    go_to(state, 2 * HOUR_S - 1)
    reprice(state)
    go_to(state, 3 * HOUR_S)
    reprice(state)
    return state


# --- sessions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_s", "is_in_session"),
    [
        (0, True),
        (2 * HOUR_S - 1, True),
        (2 * HOUR_S, False),
        (4 * HOUR_S, True),
        (5 * HOUR_S, False),
        (DAY_S, False),
        (6 * DAY_S + 23 * HOUR_S - 1, False),
        (6 * DAY_S + 23 * HOUR_S, True),  # a Wednesday
        (7 * DAY_S, True),
        (-1, True),
    ],
)
def test_a_bit_is_an_hour_of_a_day(time_s, is_in_session):
    risk = MarketRisk(flags=1, session_days=(IN_SESSION, 0, 0, 0, 0, 0, 1 << 23))
    assert trading_calendar.is_in_session(risk, time_s) == is_in_session


def test_without_a_calendar_it_is_always_in_session():
    risk = MarketRisk(flags=1, close_price=7)
    assert trading_calendar.is_in_session(risk, 0)
    assert not trading_calendar.is_reopening(risk, 0)
    assert trading_calendar.close_band(risk, 0) is None


def test_only_an_hour_after_one_off_session_begins_with_post_only():
    risk = MarketRisk(flags=1, session_days=(IN_SESSION, 0, 0, 0, 0, 0, 0))
    assert trading_calendar.is_reopening(risk, 0)
    assert not trading_calendar.is_reopening(risk, HOUR_S)
    assert not trading_calendar.is_reopening(risk, 2 * HOUR_S)
    assert trading_calendar.is_reopening(risk, 4 * HOUR_S + REOPEN_POST_ONLY_S - 1)
    assert not trading_calendar.is_reopening(risk, 4 * HOUR_S + REOPEN_POST_ONLY_S)


# --- ADMIN_MARKET_CALENDAR -----------------------------------------------------------------


@pytest.mark.parametrize("market", [SPOT, FINE, 9, 1_024])
def test_a_calendar_needs_a_margined_market(state, market):
    assert refused(state, calendar(market, wednesday=2**24)) == ErrorCode.UNKNOWN_MARKET


@pytest.mark.parametrize(
    "changes",
    [
        {"thursday": 2**24},
        {"wednesday": 2**24},
        {"weekend_band_ppm": PPM + 1},
        {"off_hours_initial_ppm": PPM + 1},
        {"weekend_band_ppm": 0},
    ],
)
def test_parameters_out_of_range_are_refused(state, changes):
    assert refused(state, calendar(**changes)) == ErrorCode.INVALID_MARKET_PARAMETER


def test_what_governance_sets_is_stored(state):
    op_ = calendar(
        thursday=2**24 - 1, friday=2, saturday=3, sunday=4, monday=5, tuesday=6, wednesday=7,
        weekend_band_ppm=PPM, off_hours_initial_ppm=PPM,
    )  # fmt: skip
    (event,) = run(state, op_)
    assert (event.kind, event.market, event.account) == (EventKind.CALENDAR_SET, PERP, 0)
    assert event.values == (2**24 - 1, 2, 3, 4, 5, 6)
    risk = state.market_risk(PERP)
    assert risk.session_days == (2**24 - 1, 2, 3, 4, 5, 6, 7)
    assert (risk.weekend_band_ppm, risk.off_hours_initial_ppm) == (PPM, PPM)
    run(state, calendar(thursday=0, weekend_band_ppm=0, off_hours_initial_ppm=5))
    assert state.market_risk(PERP).session_days == (0,) * 7
    assert state.market_risk(PERP).off_hours_initial_ppm == 5
    assert state.market_risk(PERP).close_price == 0


def test_the_index_is_the_close_unless_an_older_one_stands(state):
    assert state.market_risk(PERP).close_price == 1_000
    reprice(state, 1_010)
    risk = state.edit_market_risk(PERP)
    risk.close_price = 7
    run(state, calendar())
    assert state.market_risk(PERP).close_price == 1_010
    risk.close_price = 7
    run(state, calendar(thursday=2))
    assert state.market_risk(PERP).close_price == 7
    risk.close_price = 0
    run(state, calendar(thursday=2))
    assert state.market_risk(PERP).close_price == 1_010
    risk.index_price = risk.close_price = 0
    run(state, calendar())
    assert state.market_risk(PERP).close_price == 0


# --- reports -------------------------------------------------------------------------------


def test_in_session_every_report_is_the_close(state):
    reprice(state, 1_010)
    assert state.market_risk(PERP).close_price == 1_010


def test_off_session_the_index_stays_near_the_close(closed):
    state = closed
    advance(state, 1)
    assert refused(state, price_report(state, 1_051)) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, price_report(state, 949)) == ErrorCode.PRICE_OUTSIDE_BAND
    assert refused(state, price_report(state, 2_000)) == ErrorCode.PRICE_OUTSIDE_SNAPSHOT
    run(state, price_report(state, 1_050))
    assert state.market_risk(PERP).index_price == 1_050
    assert state.market_risk(PERP).close_price == 1_000


def test_off_session_the_step_is_bounded_too(closed):
    state = closed
    run(state, calendar(thursday=1, weekend_band_ppm=PPM))
    advance(state, 1)
    assert refused(state, price_report(state, 1_101)) == ErrorCode.PRICE_JUMP


def test_a_mark_beyond_the_close_band_is_clamped(closed):
    state = closed
    run(state, calendar(weekend_band_ppm=4_000))
    risk = state.edit_market_risk(PERP)
    risk.basis_ema = 10 * 2**16
    advance(state, 1)
    run(state, price_report(state, 1_003, external_mark=1_050))
    # fair = 1,003 + 10, within 5 % of the index; the close's band ends at 1,004.
    assert state.market_risk(PERP).mark_price == 1_004
    run(state, calendar(thursday=0))
    advance(state, 1)
    run(state, price_report(state, 1_003, external_mark=1_050))
    assert state.market_risk(PERP).mark_price == 1_013


def test_a_session_begins_where_l1_says(closed):
    state = closed
    go_to(state, 4 * HOUR_S)
    assert refused(state, price_report(state, 1_300)) == ErrorCode.STALE_PRICE
    assert refused(state, price_report(state, 1_600)) == ErrorCode.PRICE_OUTSIDE_SNAPSHOT
    # The snapshot must be newer than the last report, not only of its second.
    state.edit_market_risk(PERP).index_time_s = state.market_risk(PERP).snapshot_time_s
    assert refused(state, price_report(state, 1_300)) == ErrorCode.STALE_PRICE
    run(state, market_snapshot(state, 1_400))
    run(state, price_report(state, 1_300))
    risk = state.market_risk(PERP)
    assert (risk.index_price, risk.close_price) == (1_300, 1_300)
    advance(state, 1)
    assert refused(state, price_report(state, 1_440)) == ErrorCode.PRICE_JUMP


def test_without_a_report_off_session_the_gap_is_walked(state):
    go_to(state, 4 * HOUR_S)
    run(state, market_snapshot(state, 1_400))
    assert refused(state, price_report(state, 1_300)) == ErrorCode.PRICE_JUMP


def test_the_first_report_needs_no_second_snapshot(state):
    risk = state.edit_market_risk(PERP)
    risk.index_price = risk.index_time_s = risk.close_price = 0
    run(state, calendar(thursday=2))
    go_to(state, HOUR_S)
    assert refused(state, price_report(state, 1_400)) == ErrorCode.OK


# --- orders --------------------------------------------------------------------------------


def test_the_first_minute_of_a_session_is_post_only(closed):
    state = closed
    go_to(state, 4 * HOUR_S - 1)
    reprice(state)
    advance(state, REOPEN_POST_ONLY_S - 1)
    reprice_at_once(state)
    bid = order(MAKER, 1_000, 1, market=PERP)
    assert refused(state, bid) == ErrorCode.MARKET_POST_ONLY
    post_only = order(MAKER, 1_000, 1, market=PERP, time_in_force=TimeInForce.POST_ONLY)
    assert refused(state, post_only) == ErrorCode.OK
    advance(state, 1)
    assert refused(state, bid) == ErrorCode.OK


def reprice_at_once(state, price=1_000):
    run(state, market_snapshot(state, price), price_report(state, price))


@pytest.mark.parametrize(
    ("price", "flags", "code"),
    [
        (1_050, 0, ErrorCode.OK),
        (1_051, 0, ErrorCode.PRICE_OUTSIDE_BAND),
        (949, 0, ErrorCode.PRICE_OUTSIDE_BAND),
        (950, IS_ASK, ErrorCode.OK),
        (949, IS_ASK, ErrorCode.PRICE_OUTSIDE_BAND),
        (1_051, IS_ASK, ErrorCode.PRICE_OUTSIDE_BAND),
    ],
)
def test_off_session_limits_stay_near_the_close(closed, price, flags, code):
    assert refused(closed, order(MAKER, price, 1, market=PERP, flags=flags)) == code


def test_off_session_reducing_orders_stay_near_the_close_too(state):
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=10, market=PERP)
    go_to(state, 3 * HOUR_S)
    reprice(state)
    flags = IS_ASK | PlaceFlag.REDUCE_ONLY
    sell = order(MAKER, 949, 1, market=PERP, flags=flags)
    assert refused(state, sell) == ErrorCode.PRICE_OUTSIDE_BAND


def test_a_modify_off_session_stays_near_the_close(closed):
    state = closed
    order_id, slot = rest(state, MAKER, 1_000, 5, market=PERP)
    far = op.Modify(
        market=PERP, account=MAKER, order_id=order_id, slot=slot, price=949, size_lots=5
    )
    assert refused(state, far) == ErrorCode.PRICE_OUTSIDE_BAND


def test_off_session_the_initial_requirement_is_higher(state):
    trade(state, buyer=MAKER, seller=TAKER, price=1_000, size_lots=100, market=PERP)
    run(state, calendar(off_hours_initial_ppm=300_000))
    before = margin.cross(state, MAKER)
    assert before.imr == 10_000
    go_to(state, 3 * HOUR_S)
    after = margin.cross(state, MAKER)
    assert after.imr == 30_000
    assert (after.mmr, after.cmr) == (before.mmr, before.cmr)
    run(state, calendar(off_hours_initial_ppm=90_000))
    assert margin.cross(state, MAKER).imr == 10_000


def test_the_scene_is_in_session(state):
    assert NOW_S < HOUR_S
    assert trading_calendar.is_in_session(state.market_risk(PERP), state.header.now_s)
