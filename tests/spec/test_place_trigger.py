"""PLACE_TRIGGER: the checks in their order, and what is counted before anything is taken."""

from dataclasses import replace

import pytest

from offchain.spec import op
from offchain.spec.errors import ErrorCode as E
from offchain.spec.state import State
from tests.spec.condition_support import (
    ABOVE,
    IS_ASK,
    REDUCE_ONLY,
    buy_from_maker,
    perp,
    trigger,
)
from tests.spec.risk_support import PRICE, margined_exchange
from tests.spec.support import NOW_S, PERP, TAKER, refused, run


@pytest.fixture
def state() -> State:
    return margined_exchange()


GOOD = trigger(990)
TRAILING = trigger(0, trail=20)
HUGE = 2**40 - 1
BAD = [
    (replace(GOOD, account=32 * 50), E.UNKNOWN_ACCOUNT),
    (replace(GOOD, market=2_000), E.UNKNOWN_MARKET),
    (replace(GOOD, market=4), E.UNKNOWN_MARKET),
    (replace(GOOD, market=1), E.UNKNOWN_MARKET),
    (replace(GOOD, size_lots=0), E.INVALID_SIZE),
    (replace(GOOD, expiry_s=NOW_S + 1), E.EXPIRY_IN_PAST),
    (replace(GOOD, trigger_price=0), E.INVALID_PRICE),
    (replace(GOOD, limit_price=2**32 - 1), E.INVALID_PRICE),
    (replace(GOOD, other_trigger=2**32 - 1), E.INVALID_PRICE),
    (replace(GOOD, other_trigger=1_010, other_limit=2**32 - 1), E.INVALID_PRICE),
    (replace(TRAILING, trigger_price=990), E.INVALID_TRIGGER),
    (replace(TRAILING, trail=2**32 - 1), E.INVALID_TRIGGER),
    (replace(TRAILING, flags=IS_ASK | ABOVE), E.INVALID_TRIGGER),
    (replace(TRAILING, flags=0), E.INVALID_TRIGGER),
    (replace(TRAILING, trail=PRICE), E.INVALID_TRIGGER),
    (replace(TRAILING, flags=ABOVE, trail=2**32 - 2), E.INVALID_TRIGGER),
    (replace(GOOD, trigger_price=PRICE), E.TRIGGER_DUE),
    (replace(GOOD, flags=ABOVE), E.TRIGGER_DUE),
    (replace(GOOD, other_trigger=PRICE), E.TRIGGER_DUE),
    (replace(GOOD, limit_price=2**32 - 2, size_lots=HUGE), E.NOTIONAL_TOO_LARGE),
    (replace(GOOD, client_id_low=2**64 - 1), E.CLIENT_ID_OUT_OF_RANGE),
    (replace(GOOD, builder=1), E.UNKNOWN_BUILDER),
]


@pytest.mark.parametrize(("given", "code"), BAD, ids=lambda value: str(value)[:70])
def test_a_trigger_is_refused(state, given, code):
    assert refused(state, given) == code


def test_a_trigger_needs_an_open_market_and_a_fresh_mark(state):
    state.edit_market_risk(PERP).index_time_s -= 61
    assert refused(state, GOOD) == E.STALE_PRICE
    state.markets.edit(PERP).status = 0
    assert refused(state, GOOD) == E.MARKET_NOT_OPEN


def test_a_client_id_is_that_of_one_order_only(state):
    given = replace(GOOD, client_id_low=6)
    run(state, given)
    assert refused(state, given) == E.DUPLICATE_CLIENT_ID
    assert refused(state, perp(TAKER, 990, client_id_low=6)) == E.DUPLICATE_CLIENT_ID
    # The slot of a condition is no client id.
    slot = state.orders.read(state.account(TAKER).order_head).client_id_low
    cancel = op.CancelByClientId(account=TAKER, client_id_low=slot)
    assert slot == 6 or refused(state, cancel) == E.UNKNOWN_CLIENT_ID


def test_legs_and_their_records_are_counted_before(state):
    two = replace(GOOD, other_trigger=1_010)
    account, header = state.edit_account(TAKER), state.header
    account.order_count = 999
    assert refused(state, two) == E.TOO_MANY_OPEN_ORDERS
    account.order_count = 0
    header.orders_used = 2**20 - 4
    assert refused(state, two) == E.BOOK_FULL
    header.orders_used = 0
    header.levels_used = 2**18 - 2
    assert refused(state, two) == E.BOOK_FULL
    header.levels_used = 0
    header.duty_count, count = 2**20 - 1, header.duty_count
    assert refused(state, replace(two, expiry_s=NOW_S + 99)) == E.DUTY_QUEUE_FULL
    assert refused(state, replace(TRAILING, expiry_s=NOW_S + 99)) == E.DUTY_QUEUE_FULL
    header.duty_count = count
    assert refused(state, two) == E.OK


def test_while_the_sweep_is_late_only_reducing_triggers_are_taken(state):
    buy_from_maker(state)
    state.header.swept_s = 0
    assert refused(state, GOOD) == E.SWEEP_LATE
    assert refused(state, replace(GOOD, flags=IS_ASK | REDUCE_ONLY)) == E.OK
