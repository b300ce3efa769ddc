"""Deleveraging: who gives how much, at what price, and what happens to what is left over.

MAKER_SUB holds 2,500 tokens and 24 x 10^6 of 30 x 10^6 lots of one side. TAKER has the other 6,
against it stand MAKER with 20 and OTHER with 10. The insurance account has nothing.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.spec import deleverage, margin, op, risk_op, settling
from offchain.spec.constants import FRACTION_ONE, INSURANCE_ACCOUNT, SIDE_RESET, VALUE_LIMIT
from offchain.spec.events import EventLog
from offchain.spec.kinds import EventKind
from offchain.spec.margin import Holding
from tests.spec.invariants import check_all, check_conservation
from tests.spec.risk_support import advance, margined_exchange, reprice
from tests.spec.support import (
    MAKER,
    MAKER_SUB,
    PERP,
    TAKER,
    UNITS,
    deposit,
    kinds,
    only,
    run,
    trade,
)

ONE = FRACTION_ONE
MILLION = 10**6
OTHER = 32 * 7
LOTS = 24 * MILLION
LIQUIDATE = risk_op.Liquidate(account=MAKER_SUB)


def scene(*, is_long):
    """Return the state in which MAKER_SUB is bankrupt enough for a takeover."""
    state = margined_exchange()
    run(state, deposit(OTHER))

    def open_position(holder, other, lots):
        buyer, seller = (holder, other) if is_long else (other, holder)
        trade(state, buyer=buyer, seller=seller, price=1_000, size_lots=lots, market=PERP)

    open_position(MAKER_SUB, MAKER, 20 * MILLION)
    open_position(MAKER_SUB, OTHER, 4 * MILLION)
    open_position(TAKER, OTHER, 6 * MILLION)
    for price in (940, 900) if is_long else (1_060, 1_100):
        reprice(state, price)
    return state


def sides(state):
    risk = state.market_risk(PERP)
    return risk.longs, risk.shorts


def settled(state, account):
    return settling.settled(state, account, PERP)


def write(state, account):
    log = EventLog(state.header)
    settling.write(state, log, account, PERP)
    return log.events


# --- an ordinary deleveraging --------------------------------------------------------------


def test_shorts_give_the_same_share_at_the_neutral_price():
    state = scene(is_long=True)
    # p0 = 900 - floor(100 / 24) = 896, as for a takeover; the share is 0.8, rounded up.
    share = -(-ONE * 4 // 5)
    events = run(state, LIQUIDATE)
    assert kinds(events) == [EventKind.DELEVERAGED, EventKind.POSITION]
    assert (events[0].market, events[0].account) == (PERP, MAKER_SUB)
    assert events[0].values == (LOTS, 896, share, share, 0, 0)
    loss = LOTS * 104 * 100
    assert (events[1].account, events[1].values[:3]) == (MAKER_SUB, (0, 0, -loss))
    assert state.account(MAKER_SUB).free[0] == UNITS // 4 - loss
    assert state.account(MAKER_SUB).positions_used == 0
    _, shorts = sides(state)
    # Per lot 0.8 x 896 x 100 quote units, in millionths and rounded up.
    assert (shorts.taken, shorts.paid) == (share, -71_680_000_001)
    # 30 x 10^6 x share is 6 x 10^6 / 2^48 of a lot more than 24 x 10^6.
    assert (shorts.residue_lots, shorts.residue_fraction) == (0, 6 * MILLION)
    assert state.markets.read(PERP).open_interest_lots == 6 * MILLION
    check_all(state)


def test_a_deleveraged_position_is_settled_against_its_owner():
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    now = settled(state, MAKER)
    # 20 x 10^6 lots keep a fifth, less 4 x 10^6 / 2^48 of a lot: one lot falls to the fraction.
    assert (now.size, now.fraction) == (-3_999_999, ONE - 4 * MILLION)
    assert now.released == -16_000_001 * 100_000
    assert now.paid == 20 * 71_680_000_001
    # A fraction of nearly one lot at the mark 900, which the short owes.
    assert now.value == -90_000
    assert now.cash == -now.paid - now.released - 90_000
    # All in all the profit of 16 x 10^6 lots from 1,000 to 896 and of one to 900, less 20.
    assert now.cash == 16 * MILLION * 104 * 100 + 100 * 100 - 20
    assert settled(state, OTHER).size == -1_999_999
    assert settled(state, TAKER).size == 6 * MILLION


def test_nothing_is_lost_between_positions_and_residue():
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    for account in (MAKER, OTHER):
        events = write(state, account)
        assert kinds(events) == [EventKind.SETTLED]
        check_conservation(state)
    _, shorts = sides(state)
    # 3,999,999 + 1,999,999 + 2
    assert (shorts.residue_lots, shorts.residue_fraction) == (2, 0)
    # The next minute gives them to the insurance account, which was paid 2 x 900 for them.
    (event,) = only(advance(state, 60), EventKind.RESIDUE)
    assert (event.account, event.values[:3]) == (INSURANCE_ACCOUNT, (-2, -2, 0))
    assert state.account(INSURANCE_ACCOUNT).free[0] == 2 * 90_000
    check_all(state)


def test_longs_give_when_a_short_ends():
    state = scene(is_long=False)
    # TALT 2,500 - 2,400 = 100: p0 = 1,100 + floor(100 / 24) = 1,104
    share = -(-ONE * 4 // 5)
    events = run(state, LIQUIDATE)
    assert events[0].values == (LOTS, 1_104, share, share, 0, 1)
    longs, _ = sides(state)
    # Longs are paid 0.8 x 1,104 x 100 per lot, rounded down.
    assert longs.paid == -88_320_000_000
    # For the residue of 6 x 10^6 / 2^48 of a lot the insurance account pays, rounded up.
    assert longs.residue_fraction == 6 * MILLION
    assert state.account(INSURANCE_ACCOUNT).free[0] == -1
    assert state.market_risk(PERP).pool == LOTS * 1_104 * 100 + 1
    assert state.markets.read(PERP).open_interest_lots == 6 * MILLION
    check_all(state)
    now = settled(state, MAKER)
    assert now.size == 3_999_999
    assert now.cash == 16 * MILLION * 104 * 100 - 100 * 1_000 + 110_000 - 1
    for account in (MAKER, OTHER, TAKER):
        write(state, account)
        check_conservation(state)


def test_whoever_trades_afterwards_is_settled_first():
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    reprice(state, 900)
    trade(state, buyer=MAKER, seller=TAKER, price=900, size_lots=999_999, market=PERP)
    assert settled(state, MAKER).size == -3_000_000
    check_all(state)


def test_a_second_deleveraging_takes_from_what_is_left():
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    # Half of TAKER's 6 x 10^6 lots: half of the fifth that is left.
    loss = deleverage.plan(state, Holding(market=PERP, size_lots=3 * MILLION), 890)
    deleverage.carry_out(state, EventLog(state.header), TAKER, PERP, loss)
    check_conservation(state)
    _, shorts = sides(state)
    assert abs(shorts.taken - ONE * 9 // 10) < 10**7
    assert (settled(state, MAKER).size, settled(state, OTHER).size) == (-1_999_999, -999_999)
    assert state.markets.read(PERP).open_interest_lots == 3 * MILLION


def test_an_open_position_of_the_other_side_keeps_its_lots():
    """Who opens after the deleveraging takes part from then on."""
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    newcomer = 32 * 8
    run(state, deposit(newcomer))
    trade(state, buyer=TAKER, seller=newcomer, price=900, size_lots=10, market=PERP)
    assert settled(state, newcomer).size == -10
    assert settled(state, newcomer).cash == 0
    check_all(state)


# --- the end of an epoch -------------------------------------------------------------------


def test_taking_all_ends_the_epoch():
    state = whole_side()
    state.header.sweep_laps = 7
    events = run(state, LIQUIDATE)
    assert events[0].values == (LOTS, 896, ONE, 0, 1, 0)
    _, shorts = sides(state)
    assert (shorts.taken, shorts.paid, shorts.epoch, shorts.ended_lap) == (0, 0, 1, 7)
    assert shorts.ended_paid == -896 * 100 * MILLION
    now = settled(state, MAKER)
    assert (now.size, now.cost, now.fraction, now.value) == (0, 0, 0, 0)
    assert now.cash == LOTS * 104 * 100
    assert state.markets.read(PERP).open_interest_lots == 0
    check_all(state)
    write(state, MAKER)
    assert state.account(MAKER).free[0] == UNITS * 3 // 4 + LOTS * 104 * 100
    check_all(state)


def whole_side(extra_lots=0):
    """Return the state in which MAKER alone stands against MAKER_SUB (and OTHER's extra lots)."""
    state = margined_exchange()
    run(state, deposit(OTHER))
    trade(state, buyer=MAKER_SUB, seller=MAKER, price=1_000, size_lots=LOTS, market=PERP)
    if extra_lots:
        trade(state, buyer=OTHER, seller=MAKER, price=1_000, size_lots=extra_lots, market=PERP)
    for price in (940, 900):
        reprice(state, price)
    return state


def test_a_side_of_which_next_to_nothing_is_left_ends_its_epoch():
    # 24 x 10^6 of 24,000,001: 2^48 / 24,000,001 are less than 2^32.
    assert ONE // (LOTS + 1) < SIDE_RESET
    state = whole_side(extra_lots=1)
    assert run(state, LIQUIDATE)[0].values == (LOTS, 896, ONE, 0, 1, 0)
    _, shorts = sides(state)
    assert (shorts.residue_lots, shorts.residue_fraction) == (1, 0)
    # The insurance account is paid for the lot that it will owe.
    assert state.account(INSURANCE_ACCOUNT).free[0] == 89_600
    assert state.markets.read(PERP).open_interest_lots == 1
    check_all(state)
    advance(state, 60)
    assert settled(state, INSURANCE_ACCOUNT).size == -1
    check_all(state)


def test_a_side_of_which_enough_is_left_goes_on():
    # 2^48 x 10^6 / (25 x 10^6) is more than 2^32.
    state = whole_side(extra_lots=MILLION)
    values = run(state, LIQUIDATE)[0].values
    assert values[2] == values[3] == -(-ONE * 24 // 25)
    check_all(state)


def test_the_next_epoch_ends_no_sooner_than_after_two_laps():
    state = whole_side()
    run(state, LIQUIDATE)
    long_holding = Holding(market=PERP, size_lots=10)
    trade(state, buyer=OTHER, seller=TAKER, price=900, size_lots=10, market=PERP)
    for laps, is_allowed in ((0, False), (1, False), (2, True)):
        state.header.sweep_laps = laps
        assert (deleverage.plan(state, long_holding, 900) is not None) == is_allowed
    # Half of the side ends no epoch.
    state.header.sweep_laps = 0
    assert deleverage.plan(state, Holding(market=PERP, size_lots=5), 900) is not None


def test_what_may_not_be_deleveraged_goes_to_the_insurance_account_all_the_same():
    state = whole_side()
    run(state, LIQUIDATE)
    missing = UNITS // 4 - state.account(MAKER_SUB).free[0]
    run(state, op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=0, amount=missing))
    trade(state, buyer=MAKER_SUB, seller=TAKER, price=900, size_lots=LOTS, market=PERP)
    for price in (850, 800):
        reprice(state, price)
    events = run(state, LIQUIDATE)
    assert kinds(events)[0] == EventKind.LIQUIDATED
    assert events[0].values[4:] == (2, INSURANCE_ACCOUNT)
    bucket = margin.cross(state, INSURANCE_ACCOUNT)
    assert bucket.talt < bucket.mmr
    check_all(state)


def test_positions_of_an_ended_epoch_are_settled_by_the_sweep():
    state = whole_side()
    run(state, LIQUIDATE)
    advance(state, 61)  # no mark is needed: nothing is left of them
    events = run(state, risk_op.Sweep())
    settled_accounts = [event.account for event in only(events, EventKind.SETTLED)]
    assert settled_accounts == [MAKER]
    assert state.account(MAKER).positions_used == 0
    check_all(state)


# --- residue -------------------------------------------------------------------------------


def end(state, account, price):
    """Deleverage all of an account's position at a price; return how."""
    write(state, account)
    loss = deleverage.plan(state, margin.holding_of(state, account, PERP), price)
    deleverage.carry_out(state, EventLog(state.header), account, PERP, loss)
    check_conservation(state)
    return loss


def test_residue_gives_no_share():
    """One lot of residue and ten of a position: half of the position are five lots."""
    state = whole_side(extra_lots=1)
    run(state, LIQUIDATE)
    trade(state, buyer=OTHER, seller=TAKER, price=900, size_lots=10, market=PERP)
    loss = deleverage.plan(state, Holding(market=PERP, size_lots=5), 900)
    assert (loss.share, loss.residue) == (ONE // 2, 0)


def test_the_last_position_of_a_side_takes_its_residue_too():
    """Every deleveraging leaves a fraction; what positions lack of the last one is in it."""
    state = scene(is_long=True)
    run(state, LIQUIDATE)
    before = state.account(INSURANCE_ACCOUNT).free[0]
    loss = end(state, TAKER, 890)
    _, shorts = sides(state)
    assert (loss.share, loss.residue) == (ONE - -(-ONE * 4 // 5), -6 * MILLION)
    assert (shorts.residue_lots, shorts.residue_fraction, shorts.epoch) == (0, 0, 1)
    assert state.markets.read(PERP).open_interest_lots == 0
    # For 6 x 10^6 / 2^48 of a lot less to owe the insurance account pays, rounded up.
    assert (loss.residue_value, state.account(INSURANCE_ACCOUNT).free[0]) == (-1, before - 1)
    assert settled(state, MAKER).size == settled(state, OTHER).size == 0
    check_all(state)


@pytest.mark.parametrize("is_long", [True, False])
def test_a_side_of_residue_only_can_give_it_all(is_long):
    state = margined_exchange()
    run(state, deposit(OTHER))
    holders = (MAKER_SUB, OTHER)
    for holder, lots in zip(holders, (LOTS, 3), strict=True):
        buyer, seller = (holder, MAKER) if is_long else (MAKER, holder)
        trade(state, buyer=buyer, seller=seller, price=1_000, size_lots=lots, market=PERP)
    # The first ends the epoch with 3 lots of residue at 900, the second takes them at 890.
    assert end(state, MAKER_SUB, 900).residue == 3 * ONE
    paid = state.account(INSURANCE_ACCOUNT).free[0]
    assert paid == (1 if is_long else -1) * 3 * 90_000
    assert deleverage.plan(state, margin.holding_of(state, OTHER, PERP), 890) is None
    state.header.sweep_laps = 2
    assert end(state, OTHER, 890).residue == -3 * ONE
    assert state.account(INSURANCE_ACCOUNT).free[0] == (1 if is_long else -1) * 3 * 1_000
    assert state.markets.read(PERP).open_interest_lots == 0
    check_all(state)


def test_a_value_without_room_is_not_deleveraged():
    state = whole_side(extra_lots=1)
    state.markets.edit(PERP).open_interest_lots = 2**40
    assert VALUE_LIMIT < 2**39 * (2**32 - 2) * 100
    state.market_risk(PERP).shorts.taken = ONE - SIDE_RESET
    assert deleverage.plan(state, Holding(market=PERP, size_lots=1), 2**32 - 2) is None


SIZES = st.lists(st.integers(1, 10**7), min_size=1, max_size=4)


@given(SIZES, SIZES, st.data())
@settings(max_examples=60, deadline=None)
def test_any_sequence_of_deleveragings_conserves_lots_and_money(long_sizes, short_sizes, data):
    """Longs end one after the other, in any order, while shorts settle whenever they like."""
    state = margined_exchange()
    holders = [32 * (10 + i) for i in range(8)]
    run(state, *(deposit(account, amount=10**15) for account in (*holders, OTHER)))
    longs, shorts = holders[:4], holders[4:]
    is_short_ending = data.draw(st.booleans())
    for accounts, sizes, is_buy in ((longs, long_sizes, True), (shorts, short_sizes, False)):
        for account, size in zip(accounts, sizes, strict=False):
            buyer, seller = (account, OTHER) if is_buy else (OTHER, account)
            trade(state, buyer=buyer, seller=seller, price=1_000, size_lots=size, market=PERP)
    ending, others = (shorts, longs) if is_short_ending else (longs, shorts)
    for account in data.draw(st.permutations(ending)):
        holding = margin.holding_of(state, account, PERP)
        price = data.draw(st.integers(1, 2_000))
        loss = deleverage.plan(state, holding, price) if holding.size_lots else None
        if loss is not None:
            write(state, account)
            deleverage.carry_out(state, EventLog(state.header), account, PERP, loss)
            check_conservation(state)
        for other in data.draw(st.lists(st.sampled_from([*others, OTHER]), max_size=3)):
            write(state, other)
        if data.draw(st.booleans()):
            advance(state, 60)
        check_conservation(state)
        state.header.sweep_laps += data.draw(st.integers(0, 2))
