"""Settling: what funding and deleveraging of a side did to a position, and its writing."""

import pytest

from offchain.spec import positions, settling
from offchain.spec.constants import FRACTION_ONE, INSURANCE_ACCOUNT
from offchain.spec.events import EventLog
from offchain.spec.kinds import EventKind, MarginMode
from offchain.spec.records import Position
from offchain.spec.risk_records import MarketRisk, SideState
from offchain.spec.settling import Settled, settled_record
from tests.spec.risk_support import PRICE, margined_exchange
from tests.spec.support import MAKER, PERP, TAKER, UNITS

HALF, QUARTER = FRACTION_ONE // 2, FRACTION_ONE // 4
MILLION = 10**6


@pytest.fixture
def state():
    """Return the exchange with margin in PERP and a mark of 1,000."""
    return margined_exchange()


def position(size, cost, **fields):
    return Position(market_plus_1=PERP + 1, size_lots=size, cost=cost, **fields)


def risk(*, longs=None, shorts=None, mark_price=PRICE):
    sides = {"longs": longs or SideState(), "shorts": shorts or SideState()}
    return MarketRisk(flags=3, mark_price=mark_price, **sides)


def open_position(state, account, size, cost):
    positions.open_record(state, account, PERP)
    positions.store(state, account, PERP, size, cost)


def test_nothing_happened_means_nothing_to_settle():
    assert settled_record(position(10, 500), risk()) == Settled(10, 500)
    side = SideState(taken=HALF, paid=7, epoch=3)
    noted = position(-10, -500, adl_index=HALF, funding_index=7, adl_epoch=3)
    assert settled_record(noted, risk(shorts=side)) == Settled(-10, -500)
    assert settled_record(position(0, 0), risk(longs=side, shorts=side)) == Settled()


def test_an_absent_position_is_settled(state):
    assert settling.settled(state, MAKER, PERP) == Settled()
    assert settling.size_and_cost(state, MAKER, PERP) == (0, 0)


@pytest.mark.parametrize(
    ("size", "paid_index", "paid"),
    [
        (10, 7 * MILLION, 70),
        (10, 1, 1),  # a hundred-thousandth, against the payer
        (10, -1, 0),  # against the receiver
        (10, -150_000, -1),  # 1.5 to receive
        (-10, 7 * MILLION, -70),
        (-10, 1, 0),
        (-10, -150_000, 2),
    ],
)
def test_funding_is_paid_per_lot_and_rounded_against_the_owner(size, paid_index, paid):
    side = {"longs" if size > 0 else "shorts": SideState(paid=paid_index)}
    now = settled_record(position(size, 100 * size), risk(**side))
    assert now == Settled(size, 100 * size, cash=-paid, paid=paid)


def test_what_is_paid_is_a_value():
    # 10^12 lots at 2^60 ÷ 10^6 quote units would be 2^80.
    side = SideState(paid=2**60)
    assert settled_record(position(10**12, 5), risk(longs=side)).paid == 2**62 - 1
    assert settled_record(position(-(10**12), -5), risk(shorts=side)).paid == 1 - 2**62


def test_the_paid_index_of_the_other_side_is_not_looked_at():
    assert settled_record(position(5, 9), risk(shorts=SideState(paid=MILLION))).paid == 0


def test_a_long_loses_its_share_and_sells_the_fraction_at_the_mark():
    # A quarter of 10 lots: 7.5 stay, of which half a lot is worth 0.5 x 1,000 x 100.
    now = settled_record(position(10, MILLION + 1), risk(longs=SideState(taken=QUARTER)))
    assert (now.size, now.fraction, now.value, now.paid) == (7, HALF, 50_000, 0)
    # ⌈1,000,001 x 3 ÷ 10⌉ = 300,001
    assert (now.released, now.cost) == (300_001, 700_000)
    assert now.cash == 50_000 - 300_001


def test_a_short_loses_its_share_and_buys_the_fraction_at_the_mark():
    now = settled_record(position(-10, -MILLION - 1), risk(shorts=SideState(taken=QUARTER)))
    assert (now.size, now.fraction, now.value) == (-7, HALF, -50_000)
    # ⌈-300,000.3⌉ = -300,000
    assert (now.released, now.cost) == (-300_000, -700_001)
    assert now.cash == -50_000 + 300_000


def test_the_value_of_a_fraction_is_rounded_against_its_owner():
    # One part of 2^48 is taken of one lot: the rest is all but one part, worth a little less
    # than 3 x 100.
    long = settled_record(position(1, 9), risk(longs=SideState(taken=1), mark_price=3))
    assert (long.size, long.fraction, long.value) == (0, FRACTION_ONE - 1, 299)
    short = settled_record(position(-1, -9), risk(shorts=SideState(taken=1), mark_price=3))
    assert (short.fraction, short.value, short.released) == (FRACTION_ONE - 1, -300, -9)


def test_shares_and_payments_count_from_when_the_position_was_noted():
    # Half was gone before: of the other half, half goes, and 3 per lot at that time are 6 now.
    side = SideState(taken=HALF + QUARTER, paid=5 * MILLION)
    noted = position(10, 1_000, adl_index=HALF, funding_index=2 * MILLION)
    now = settled_record(noted, risk(longs=side))
    assert now == Settled(5, 500, cash=-60 - 500, paid=60, released=500)
    # A third of the base: 10 x (1/4) ÷ (3/4) = 3 lots and a third, rounded up.
    noted = position(10, 1_000, adl_index=QUARTER)
    now = settled_record(noted, risk(longs=SideState(taken=HALF + QUARTER)))
    assert (now.size, now.fraction) == (3, -(-FRACTION_ONE // 3))


def test_of_an_ended_epoch_nothing_stays():
    side = SideState(taken=QUARTER, paid=99 * MILLION, ended_paid=4 * MILLION, epoch=2)
    noted = position(-3, -700, adl_epoch=1, funding_index=MILLION)
    now = settled_record(noted, risk(shorts=side))
    # -3 x (4 - 1) = -9 paid, so 9 received; the cost is released whole.
    assert now == Settled(0, 0, cash=9 + 700, paid=-9, released=-700)


def test_a_share_that_divides_exactly_leaves_no_fraction():
    now = settled_record(position(8, 800), risk(longs=SideState(taken=QUARTER)))
    assert now == Settled(6, 600, cash=-200, released=200)


def test_writing_moves_cash_pool_insurance_and_residue(state):
    open_position(state, TAKER, 10, MILLION)
    side = state.edit_market_risk(PERP).longs
    side.taken, side.paid, side.epoch = QUARTER, 7 * MILLION, 0
    side.residue_fraction = HALF + 1
    interest = state.markets.read(PERP).open_interest_lots
    log = EventLog(state.header)
    settling.write(state, log, TAKER, PERP)
    (event,) = log.events
    assert (event.kind, event.market, event.account) == (EventKind.SETTLED, PERP, TAKER)
    # Size, cost, paid, released, value, fraction.
    assert event.values == (7, 700_000, 70, 300_000, 50_000, HALF)
    assert state.account(TAKER).free[0] == UNITS + 50_000 - 70 - 300_000
    assert state.account(INSURANCE_ACCOUNT).free[0] == -50_000
    assert state.market_risk(PERP).pool == 70
    assert (side.residue_lots, side.residue_fraction) == (1, 1)
    stored = positions.edit(state, TAKER, PERP)
    assert (stored.size_lots, stored.cost) == (7, 700_000)
    assert (stored.funding_index, stored.adl_index, stored.adl_epoch) == (7 * MILLION, QUARTER, 0)
    assert state.markets.read(PERP).open_interest_lots == interest
    settling.write(state, log, TAKER, PERP)
    assert len(log.events) == 1


def test_an_isolated_position_pays_from_its_own_margin(state):
    open_position(state, TAKER, -10, -MILLION)
    stored = positions.edit(state, TAKER, PERP)
    stored.mode, stored.isolated_margin = MarginMode.ISOLATED, 5
    state.edit_market_risk(PERP).shorts.paid = MILLION
    settling.write(state, EventLog(state.header), TAKER, PERP)
    assert stored.isolated_margin == 5 + 10
    assert state.account(TAKER).free[0] == UNITS
    assert state.market_risk(PERP).pool == -10


def test_a_position_that_is_gone_forgets_its_side(state):
    open_position(state, TAKER, 4, 500)
    side = state.edit_market_risk(PERP).longs
    side.epoch, side.taken = 1, QUARTER
    log = EventLog(state.header)
    settling.write(state, log, TAKER, PERP)
    stored = positions.edit(state, TAKER, PERP)
    assert stored == Position(market_plus_1=PERP + 1)
    assert log.events[0].values == (0, 0, 0, 500, 0, 0)
    settling.write(state, log, TAKER, PERP)
    assert len(log.events) == 1


def test_a_loss_without_cost_or_fraction_is_written_without_event(state):
    open_position(state, TAKER, 4, 0)
    state.edit_market_risk(PERP).longs.taken = QUARTER
    log = EventLog(state.header)
    settling.write(state, log, TAKER, PERP)
    assert positions.edit(state, TAKER, PERP).size_lots == 3
    assert log.events == []


def test_a_stored_size_notes_its_new_side(state):
    sides = state.edit_market_risk(PERP)
    sides.longs = SideState(taken=1, paid=2, epoch=3)
    sides.shorts = SideState(taken=4, paid=5, epoch=6)
    open_position(state, TAKER, 4, 500)
    stored = positions.edit(state, TAKER, PERP)
    assert (stored.adl_index, stored.funding_index, stored.adl_epoch) == (1, 2, 3)
    positions.store(state, TAKER, PERP, -4, -500)
    assert (stored.adl_index, stored.funding_index, stored.adl_epoch) == (4, 5, 6)
    positions.store(state, TAKER, PERP, 0, 0)
    assert (stored.adl_index, stored.funding_index, stored.adl_epoch) == (0, 0, 0)


def test_only_lots_of_the_settled_size_can_be_reduced(state):
    open_position(state, TAKER, 10, MILLION)
    state.edit_market_risk(PERP).longs.taken = QUARTER
    assert settling.size_of(state, TAKER, PERP) == 7
    assert settling.reducible_lots(state, TAKER, PERP, is_ask=True) == 7
    assert settling.reducible_lots(state, TAKER, PERP, is_ask=False) == 0


def test_an_empty_record_gives_its_margin_back_and_stays_with_a_setting(state):
    positions.open_record(state, TAKER, PERP)
    stored = positions.edit(state, TAKER, PERP)
    stored.mode, stored.isolated_margin = MarginMode.ISOLATED, 5
    positions.release_if_empty(state, TAKER, PERP)
    assert state.account(TAKER).free[0] == UNITS + 5
    assert (stored.isolated_margin, state.account(TAKER).positions_used) == (0, 1)
    stored.mode, stored.leverage = MarginMode.CROSS, 3
    positions.release_if_empty(state, TAKER, PERP)
    assert state.account(TAKER).positions_used == 1
    stored.leverage = 0
    positions.release_if_empty(state, TAKER, PERP)
    assert state.account(TAKER).positions_used == 0
