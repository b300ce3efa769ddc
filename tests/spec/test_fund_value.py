"""What a fund is worth, who enters and who leaves at which price, and the leader's fee."""

import pytest

from offchain.spec import fund_op, funds, op, risk_op
from offchain.spec.constants import (
    FUND_MAX_POSITIONS,
    FUND_MIN_AMOUNT,
    FUND_MIN_SEED,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EventKind, MarginMode
from offchain.spec.records import Position
from offchain.spec.state import position_index
from tests.spec.fund_support import (
    BUCKET,
    FUND,
    INVESTOR,
    LEADER,
    LOCKUP_S,
    NEXT_BUCKET,
    SEED,
    SHARES,
    TRADER,
    fund_exchange,
    invest,
    open_long,
    shares_of,
    to_bucket,
)
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    advance,
    asset_risk,
    asset_snapshot,
    market_prices,
    market_risk,
    reprice,
)
from tests.spec.support import (
    ABSENT,
    BASE,
    FINE,
    IS_ASK,
    PERP,
    refused,
    rest,
    run,
    trade,
)

MILLION = 10**6
ONE_PERCENT = 10**10  # of what 10^6 lots cost at 1,000


@pytest.fixture
def state():
    return fund_exchange()


def value(state):
    worth = funds.value(state, FUND)
    return worth.up, worth.down


# --- value ---------------------------------------------------------------------------------


def test_money_of_all_buckets_counts_free_and_locked(state):
    run(state, to_bucket(SEED))
    rest(state, NEXT_BUCKET, 1_000, 1_000)
    assert state.account(NEXT_BUCKET).locked[0] > 0
    assert value(state) == (2 * SEED, 2 * SEED)


def test_positions_count_between_mark_and_index(state):
    open_long(state, MILLION)
    # The book's middle pulls the mark up to 1,030 over 150 s, of which the basis takes 1 %.
    rest(state, TRADER, 1_029, 1, market=PERP)
    rest(state, LEADER, 1_031, 1, market=PERP, flags=IS_ASK)
    advance(state, 100)
    reprice(state, 1_000)
    risk = state.market_risk(PERP)
    assert (risk.mark_price, risk.index_price) == (1_010, 1_000)
    assert value(state) == (2 * SEED + ONE_PERCENT // 10, 2 * SEED)


def test_a_short_is_worth_more_at_the_lower_price(state):
    trade(state, buyer=TRADER, seller=BUCKET, price=1_000, size_lots=MILLION, market=PERP)
    risk = state.edit_market_risk(PERP)
    risk.mark_price, risk.index_price = 990, 1_000
    assert value(state) == (2 * SEED + ONE_PERCENT // 10, 2 * SEED)


def test_a_bucket_is_worth_nothing_at_worst(state):
    run(state, to_bucket(SEED // 2))
    open_long(state, MILLION, account=NEXT_BUCKET)
    reprice(state, 950)
    state.edit_account(NEXT_BUCKET).free[0] -= SEED // 2
    assert value(state) == (2 * SEED - SEED // 2,) * 2


def test_an_isolated_position_is_worth_nothing_at_worst(state):
    isolate = risk_op.SetLeverage(market=PERP, account=BUCKET, mode=MarginMode.ISOLATED)
    run(state, isolate, risk_op.MoveMargin(market=PERP, account=BUCKET, amount=SEED // 5))
    # The margin of a position that is not open yet counts.
    assert value(state) == (2 * SEED, 2 * SEED)
    open_long(state, MILLION)
    for price in (910, 830, 780):
        reprice(state, price)
    assert value(state) == (2 * SEED - SEED // 5,) * 2


def test_other_assets_count_whole(state):
    state.edit_account(BUCKET).asset_ids[1] = BASE + 1
    state.edit_account(BUCKET).free[1] = 10**8
    state.edit_account(BUCKET).locked[1] = 10**8 // 2
    assert refused(state, invest()) == E.STALE_PRICE
    run(state, asset_risk())
    assert refused(state, invest()) == E.STALE_PRICE
    run(state, asset_snapshot(state))
    assert value(state) == (2 * SEED + 30 * 10**8,) * 2


def test_an_old_mark_or_none_at_all_stops_the_valuation(state):
    open_long(state, MILLION)
    advance(state, 61)
    assert refused(state, invest()) == E.STALE_PRICE
    reprice(state)
    assert refused(state, invest()) == E.OK
    trade(state, buyer=BUCKET, seller=TRADER, price=1_000, size_lots=10, market=FINE)
    reprice(state)
    assert refused(state, invest()) == E.STALE_PRICE


def test_more_than_56_open_positions_are_too_many(state):
    run(state, *(to_bucket(10, target=BUCKET + number) for number in range(1, 8)))
    for number in range(FUND_MAX_POSITIONS + 1):
        bucket, k = BUCKET + number // 8, number % 8
        state.positions.replace(position_index(bucket, k), Position(PERP + 1, size_lots=1))
        if number == FUND_MAX_POSITIONS - 1:
            funds.value(state, FUND)
    # Seven buckets have eight, the eighth has one.
    assert refused(state, invest()) == E.FUND_TOO_WIDE


def test_one_buckets_loss_is_not_the_others(state):
    run(state, to_bucket(SEED), market_prices(FINE), market_risk(FINE))
    reprice(state, market=FINE)
    open_long(state, 5 * MILLION)
    open_long(state, MILLION, account=NEXT_BUCKET, market=FINE)
    before = state.account(NEXT_BUCKET).to_bytes()
    for price in (920, 850, 790):
        reprice(state, price)
        reprice(state, market=FINE)
    assert value(state) == (SEED, SEED)
    run(state, risk_op.Liquidate(account=BUCKET))
    assert refused(state, risk_op.Liquidate(account=NEXT_BUCKET)) == E.NOT_LIQUIDATABLE
    assert state.account(NEXT_BUCKET).to_bytes() == before


# --- INVEST --------------------------------------------------------------------------------


def test_who_enters_pays_the_higher_price(state):
    open_long(state, MILLION)
    state.edit_market_risk(PERP).mark_price = 1_020
    (event,) = run(state, invest())
    up = 2 * SEED + 2 * ONE_PERCENT // 10
    shares = SEED * 2 * SEED // up
    assert (event.kind, event.account) == (EventKind.SHARES_MINTED, INVESTOR)
    assert event.values == (FUND, SEED, shares, up, 2 * SEED + shares, 0)
    assert shares_of(state, INVESTOR) == SEED + shares
    assert state.account(BUCKET).free[0] == 3 * SEED
    check_all(state)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"account": ABSENT}, E.UNKNOWN_ACCOUNT),
        ({"account": BUCKET}, E.FUND_ACCOUNT),
        ({"fund": FUND + 1}, E.UNKNOWN_FUND),
        ({"amount": FUND_MIN_AMOUNT - 1}, E.INVALID_AMOUNT),
        ({"amount": VALUE_LIMIT}, E.INVALID_AMOUNT),
        ({"amount": 10**12}, E.INSUFFICIENT_BALANCE),
        ({"amount": FUND_MIN_AMOUNT}, E.OK),
    ],
)
def test_an_investment_is_checked(state, changes, code):
    assert refused(state, invest(**changes)) == code


def test_money_that_backs_positions_is_not_invested(state):
    rest(state, INVESTOR, 1_000, 10, market=FINE)
    assert refused(state, invest()) == E.POSITION_OPEN
    (resting,) = [slot for slot, each in state.orders.items() if each.order_id]
    order_id = state.orders.read(resting).order_id
    run(state, op.Cancel(market=FINE, account=INVESTOR, order_id=order_id, slot=resting))
    open_long(state, 80 * MILLION, account=INVESTOR)
    assert refused(state, invest(5 * SEED)) == E.INSUFFICIENT_MARGIN
    advance(state, 61)
    assert refused(state, invest()) == E.STALE_PRICE


def test_a_fund_without_shares_takes_no_little_money(state):
    run(state, fund_op.AdminFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S))
    assert refused(state, invest(FUND_MIN_SEED - 1, fund=1)) == E.INVALID_AMOUNT
    assert refused(state, invest(FUND_MIN_SEED, fund=1)) == E.OK


def test_a_fund_that_is_worth_nothing_takes_no_money(state):
    state.edit_account(BUCKET).free[0] = 0
    assert refused(state, invest()) == E.FUND_BANKRUPT


def test_money_that_buys_no_share_is_refused(state):
    state.edit_account(BUCKET).free[0] = 2**61
    assert refused(state, invest(FUND_MIN_AMOUNT)) == E.OK
    state.funds.edit(FUND).total_shares = 1_000
    assert refused(state, invest(FUND_MIN_AMOUNT)) == E.INVALID_AMOUNT


def test_shares_and_money_stay_in_their_bounds(state):
    state.funds.edit(FUND).total_shares = VALUE_LIMIT - 1
    assert refused(state, invest(account=LEADER)) == E.INVALID_AMOUNT
    state.funds.edit(FUND).total_shares = 2**40
    state.edit_account(BUCKET).free[0] = VALUE_LIMIT - SEED
    assert refused(state, invest(account=LEADER)) == E.BALANCE_TOO_LARGE
    state.edit_account(BUCKET).free[0] -= 1
    assert refused(state, invest(account=LEADER)) == E.OK


def test_the_leader_keeps_a_twentieth(state):
    rich = 10**13
    state.edit_account(INVESTOR).free[0] = rich
    # Of 2 x 10^12 shares the leader's 10^11 are five percent.
    assert refused(state, invest(18 * SEED + 1)) == E.LEADER_SHARE
    assert refused(state, invest(18 * SEED)) == E.OK
    assert refused(state, invest(FUND_MIN_AMOUNT)) == E.LEADER_SHARE
    assert refused(state, invest(FUND_MIN_AMOUNT, account=LEADER)) == E.OK


def test_a_fund_of_the_protocol_asks_nothing_of_its_leader(state):
    run(state, fund_op.AdminFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S))
    run(state, invest(fund=1), invest(fund=1, account=TRADER))
    assert state.funds.read(1).total_shares == 2 * SEED


def test_an_investor_needs_a_balance_slot(state):
    state.edit_account(TRADER).asset_ids[1:] = range(2, 9)
    assert refused(state, invest(account=TRADER)) == E.BALANCES_FULL


# --- the fee -------------------------------------------------------------------------------


def test_the_leader_gets_a_part_of_the_rise():
    state = fund_exchange(fee_ppm=200_000)
    state.edit_account(BUCKET).free[0] += SEED // 2  # 25 percent more
    events = run(state, invest())
    # A fifth of the shares' 25 / 125 goes to the leader.
    fee, total = 2 * SEED // 25, 2 * SEED
    assert (events[0].kind, events[0].account) == (EventKind.SHARES_MINTED, LEADER)
    assert events[0].values == (FUND, 0, fee, SEED * 5 // 2, total + fee, 0)
    shares = SEED * (total + fee) // (SEED * 5 // 2)
    assert events[1].values == (FUND, SEED, shares, SEED * 5 // 2, total + fee + shares, 0)
    assert shares_of(state, LEADER) == SEED + fee
    assert state.funds.read(FUND).high_water_e8 == 125_000_000
    # No new height, no fee.
    assert len(run(state, invest())) == 1


def test_the_fee_is_of_the_lower_price_and_only_above_the_last_height():
    state = fund_exchange(fee_ppm=200_000)
    open_long(state, MILLION)
    state.edit_market_risk(PERP).mark_price = 1_100
    assert funds.fee(state, FUND, funds.value(state, FUND).down) == funds.Fee(0, 10**8)
    state.edit_market_risk(PERP).index_price = 1_100
    # Up five percent: of 2 x 10^11 shares 5 / 105 are the rise, a fifth of them the fee.
    due = funds.fee(state, FUND, funds.value(state, FUND).down)
    assert due == funds.Fee(9_523_809_523 // 5, 105 * MILLION)


@pytest.mark.parametrize("obstacle", ["slots", "room"])
def test_a_leader_without_room_gets_no_fee(obstacle):
    state = fund_exchange(fee_ppm=200_000)
    state.edit_account(BUCKET).free[0] += SEED // 2
    leader = state.edit_account(LEADER)
    if obstacle == "slots":
        leader.asset_ids[1:] = range(2, 9)
    else:
        leader.free[leader.asset_ids.index(SHARES + 1)] = VALUE_LIMIT - 1
    assert funds.fee(state, FUND, SEED * 5 // 2) == funds.Fee(0, 10**8)


def test_a_fee_of_less_than_a_share_only_moves_the_mark():
    state = fund_exchange(fee_ppm=1)
    state.edit_account(BUCKET).free[0] += 2 * SEED // 10**6
    # Of 2 x 10^5 shares, which are the rise, a millionth is none.
    assert len(run(state, invest())) == 1
    assert state.funds.read(FUND).high_water_e8 == 100_000_100


def test_no_price_is_above_the_bound_of_a_value():
    state = fund_exchange(fee_ppm=1)
    state.funds.edit(FUND).total_shares = 1
    assert funds.fee(state, FUND, VALUE_LIMIT - 1).high_water_e8 == VALUE_LIMIT - 1
