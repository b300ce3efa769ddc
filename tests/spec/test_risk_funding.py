"""The minute of a margined market: impact prices, premium samples, funding, residue."""

import pytest

from offchain.spec import funding, op, positions, ring
from offchain.spec.book_records import Duty
from offchain.spec.constants import FRACTION_ONE, INSURANCE_ACCOUNT, PAID_INDEX_LIMIT
from offchain.spec.kinds import DutyKind, EventKind
from tests.spec.risk_support import PRICE, advance, margined_exchange, market_prices, reprice
from tests.spec.support import IS_ASK, MAKER, PERP, TAKER, kinds, only, rest, run

HOUR_S = 3_600
HALF = FRACTION_ONE // 2


@pytest.fixture
def state():
    """Return the exchange with margin in PERP and a mark of 1,000, at 1,001 s."""
    return margined_exchange()


def minute(state):
    """Run the next minute of PERP; return its events without TIME_ADVANCED."""
    return advance(state, 60 - state.header.now_s % 60)


def impact(state, notional_micro):
    return tuple(
        funding.impact_price(state, PERP, notional_micro, is_ask=is_ask) for is_ask in (False, True)
    )


def test_impact_prices_average_over_levels_against_the_taker(spot_and_perp):
    state = spot_and_perp
    for price, lots in ((1_000, 2), (990, 3), (990, 2)):
        rest(state, MAKER, price, lots, market=PERP)
    for price, lots in ((1_010, 2), (1_020, 5)):
        rest(state, MAKER, price, lots, market=PERP, flags=IS_ASK)
    # Bids: 2,000 and ⌈4,000 ÷ 990⌉ = 5 lots: ⌊6,950 ÷ 7⌋. Asks: 2,020 and 4 lots: ⌈6,100 ÷ 6⌉.
    assert impact(state, 6_000) == (992, 1_017)
    assert impact(state, 1) == (1_000, 1_010)
    # All bids hold 6,950. Asks: 2,020 and 5 lots: ⌈7,120 ÷ 7⌉.
    assert impact(state, 6_950) == (992, 1_018)
    assert impact(state, 6_951)[0] is None
    assert impact(state, 0) == (None, None)


def test_sixteen_levels_are_looked_at(spot_and_perp):
    state = spot_and_perp
    for price in range(100, 117):
        rest(state, MAKER, price, 1, market=PERP, flags=IS_ASK)
    # 100 + 101 + ... + 115 = 1,720.
    assert impact(state, 1_720) == (None, 108)
    assert impact(state, 1_721) == (None, None)


def test_a_sample_adds_how_far_the_book_lies_beyond_the_index(state):
    rest(state, MAKER, 1_010, 100, market=PERP)
    rest(state, MAKER, 1_020, 100, market=PERP, flags=IS_ASK)
    advance(state, 1)
    assert minute(state) == []
    # 10 of 1,000 above.
    assert state.market_risk(PERP).premium_sum_ppm == 10_000
    minute(state)
    # 78 s after the report: the mark is not fresh.
    assert state.market_risk(PERP).premium_sum_ppm == 10_000
    run(state, op.CancelAll(account=MAKER))
    reprice(state, 1_001)
    rest(state, MAKER, 997, 100, market=PERP, flags=IS_ASK)
    minute(state)
    # ⌊-4 x 10^6 ÷ 1,001⌋ = -3,997
    assert state.market_risk(PERP).premium_sum_ppm == 10_000 - 3_997


def test_too_thin_a_book_is_no_premium(state):
    # 9 x 1,050 = 9,450 of 10,000.
    rest(state, MAKER, 1_050, 9, market=PERP)
    minute(state)
    assert state.market_risk(PERP).premium_sum_ppm == 0


def test_a_sample_is_bounded_by_the_whole(state):
    rest(state, MAKER, 1_050, 100, market=PERP)
    state.edit_market_risk(PERP).index_price = 500
    minute(state)
    assert state.market_risk(PERP).premium_sum_ppm == 10**6


def test_the_next_minute_follows_the_present_one(state):
    assert state.duties.entries == [Duty(1_020, DutyKind.MARKET_MINUTE, PERP)]
    minute(state)
    assert state.duties.entries == [Duty(1_080, DutyKind.MARKET_MINUTE, PERP)]
    # Minutes that time jumped over are left out.
    advance(state, 200)
    assert state.duties.entries == [Duty(1_260, DutyKind.MARKET_MINUTE, PERP)]


def at_hour(state, hours, **fields):
    """Stand just before a full hour, with fields of the market risk set."""
    advance(state, hours * HOUR_S - 1 - state.header.now_s)
    risk = state.edit_market_risk(PERP)
    for name, value in fields.items():
        setattr(risk, name, value)
    return risk


def test_funding_is_computed_when_the_hour_changes(state):
    at_hour(state, 2)
    assert state.market_risk(PERP).funding_hour == 1
    risk = at_hour(state, 2, premium_sum_ppm=60 * 1_000 + 59)
    (event,) = minute(state)
    # Average 1,000; the interest of 100 pulls it down by at most 500: 500 ppm in eight hours.
    # 1,000 x 100 quote units x 500 ppm ÷ 8 = 6.25 quote units per lot.
    assert (event.kind, event.market, event.account) == (EventKind.FUNDING, PERP, 0)
    assert event.values == (6_250_000, PRICE, 1_000, 500, 6_250_000, 6_250_000)
    assert (risk.longs.paid, risk.shorts.paid) == (6_250_000, 6_250_000)
    assert (risk.premium_sum_ppm, risk.funding_hour) == (0, 2)
    assert minute(state) == []


def test_the_first_hour_only_starts_the_clock(state):
    risk = at_hour(state, 1, premium_sum_ppm=60_000)
    assert minute(state) == []
    assert (risk.funding_hour, risk.premium_sum_ppm) == (1, 0)


def test_without_an_index_the_hour_passes_unpaid(state):
    risk = at_hour(state, 2, premium_sum_ppm=60_000, index_price=0, funding_hour=1)
    assert minute(state) == []
    assert (risk.funding_hour, risk.premium_sum_ppm) == (2, 0)


RATES = [
    # premium sum -> average, rate: the interest is 100, the cap 40,000.
    (0, 0, 100),
    (60 * 100, 100, 100),
    (60 * 599, 599, 100),
    (60 * 700, 700, 200),
    (-1, -1, 100),
    (-60 * 500, -500, 0),
    (60 * 50_000, 50_000, 40_000),
    (-60 * 50_000, -50_000, -40_000),
]


@pytest.mark.parametrize(("premium_sum", "average", "rate"), RATES)
def test_rates(state, premium_sum, average, rate):
    at_hour(state, 2, premium_sum_ppm=premium_sum, funding_hour=1)
    (event,) = minute(state)
    assert event.values[2:4] == (average, rate)
    assert event.values[0] == 1_000 * 100 * rate // 8


@pytest.mark.parametrize(
    ("premium_sum", "per_lot", "longs_paid", "shorts_paid"),
    [
        # Interest 1: ⌊100 ÷ 8⌋ = 12, of nearly half: 6 less a trifle.
        (0, 12, 6, 5),
        # -1,000 + 500: ⌊-50,000 ÷ 8⌋ = -6,250.
        (-60_000, -6_250, -3_124, -3_125),
    ],
)
def test_a_side_pays_for_what_is_left_of_it_rounded_to_the_pool(
    state, premium_sum, per_lot, longs_paid, shorts_paid
):
    run(state, market_prices(funding_interest_ppm=1))
    risk = at_hour(state, 2, premium_sum_ppm=premium_sum, funding_hour=1, index_price=1)
    risk.longs.taken = risk.shorts.taken = HALF + 1
    (event,) = minute(state)
    assert (event.values[0], *event.values[4:]) == (per_lot, longs_paid, shorts_paid)


@pytest.mark.parametrize("side", ["longs", "shorts"])
def test_no_index_reaches_its_bound(state, side):
    # 1,000 x 100 x 100 ÷ 8 = 1,250,000.
    risk = at_hour(state, 2, funding_hour=1)
    getattr(risk, side).paid = PAID_INDEX_LIMIT - 1_250_000
    (event,) = minute(state)
    assert sorted(event.values[4:]) == [0, PAID_INDEX_LIMIT - 1_250_000]
    risk.funding_hour = 1
    getattr(risk, side).paid -= 1
    (event,) = minute(state)
    assert sorted(event.values[4:]) == [1_250_000, PAID_INDEX_LIMIT - 1]


def open_position(state, account, size, cost):
    positions.open_record(state, account, PERP)
    positions.store(state, account, PERP, size, cost)


def test_residue_goes_to_the_insurance_account_at_no_price(state):
    open_position(state, MAKER, 7, 700)
    open_position(state, TAKER, -8, -800)
    risk = state.edit_market_risk(PERP)
    risk.longs.residue_lots, risk.shorts.residue_lots = 3, 2
    state.markets.edit(PERP).open_interest_lots = 10
    longs, shorts = only(minute(state), EventKind.RESIDUE)
    assert (longs.market, longs.account) == (PERP, INSURANCE_ACCOUNT)
    # Lots, size after, cost after, realised.
    assert longs.values == (3, 3, 0, 0, 0, 0)
    assert shorts.values == (-2, 1, 0, 0, 0, 0)
    # 7 and 1 long, 8 short.
    assert state.markets.read(PERP).open_interest_lots == 8
    assert (risk.longs.residue_lots, risk.shorts.residue_lots) == (0, 0)
    assert ring.holds(state, INSURANCE_ACCOUNT)


def test_residue_against_the_insurance_position_realises_its_cost(state):
    open_position(state, INSURANCE_ACCOUNT, 10, 1_001)
    risk = state.edit_market_risk(PERP)
    risk.longs.paid = 10**6
    risk.shorts.residue_lots = 3
    settled, residue = minute(state)
    assert settled.kind == EventKind.SETTLED
    # ⌈1,001 x 3 ÷ 10⌉ = 301 released for nothing.
    assert residue.values == (-3, 7, 700, -301, 0, 0)
    assert state.account(INSURANCE_ACCOUNT).free[0] == -10 - 301


def test_settling_may_complete_one_more_lot_of_residue(state):
    open_position(state, INSURANCE_ACCOUNT, 1, 0)
    risk = state.edit_market_risk(PERP)
    risk.longs.taken = HALF
    risk.longs.residue_lots, risk.longs.residue_fraction = 2, HALF
    state.markets.edit(PERP).open_interest_lots = 4
    settled, residue = minute(state)
    assert settled.values[-1] == HALF
    assert residue.values[:3] == (3, 3, 0)
    assert risk.longs.residue_fraction == 0
    assert state.markets.read(PERP).open_interest_lots == 4


def test_a_position_closed_by_residue_is_released(state):
    open_position(state, INSURANCE_ACCOUNT, -2, -200)
    state.edit_market_risk(PERP).longs.residue_lots = 2
    state.markets.edit(PERP).open_interest_lots = 2
    (event,) = minute(state)
    assert event.values == (2, 0, 0, 200, 0, 0)
    assert state.account(INSURANCE_ACCOUNT).positions_used == 0
    assert state.markets.read(PERP).open_interest_lots == 0


def test_residue_waits_for_a_free_record(state):
    for market in range(100, 116):
        positions.open_record(state, INSURANCE_ACCOUNT, market)
    state.edit_market_risk(PERP).longs.residue_lots = 2
    assert kinds(minute(state)) == []
    assert state.market_risk(PERP).longs.residue_lots == 2
    positions.release_if_empty(state, INSURANCE_ACCOUNT, 107)
    assert kinds(minute(state)) == [EventKind.RESIDUE]
