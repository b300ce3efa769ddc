"""The sweep ring: who enters, how it is linked, and when the sweep is late."""

import pytest

from offchain.spec import op, positions, ring
from offchain.spec.constants import SWEEP_PERIOD_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AccountFlag, OpKind, PlaceFlag
from tests.spec.risk_support import margined_exchange, market_prices, market_snapshot, price_report
from tests.spec.support import FINE, MAKER, MAKER_SUB, PERP, TAKER, deposit, refused, run


@pytest.fixture
def state():
    """Return the exchange with margin in PERP, at 1,001 s."""
    return margined_exchange()


def members(state):
    """Walk the ring forwards and check the links backwards."""
    found, before, account_id = [], 0, state.header.sweep_head
    while account_id:
        account = state.account(account_id)
        assert account.flags & AccountFlag.SWEPT
        assert account.sweep_prev == before
        found.append(account_id)
        before, account_id = account_id, account.sweep_next
    return found


def test_accounts_enter_at_the_head_once(state):
    assert members(state) == []
    for account in (MAKER, TAKER, MAKER, MAKER_SUB):
        ring.enter(state, account)
    assert members(state) == [MAKER_SUB, TAKER, MAKER]


@pytest.mark.parametrize(
    ("leaver", "rest"),
    [
        (MAKER, [MAKER_SUB, TAKER]),
        (TAKER, [MAKER_SUB, MAKER]),
        (MAKER_SUB, [TAKER, MAKER]),
    ],
)
def test_an_account_leaves_from_anywhere(state, leaver, rest):
    for account in (MAKER, TAKER, MAKER_SUB):
        ring.enter(state, account)
    ring.leave(state, leaver)
    assert members(state) == rest
    account = state.account(leaver)
    assert account.flags == AccountFlag.EXISTS
    assert (account.sweep_next, account.sweep_prev) == (0, 0)


def test_the_last_one_leaves_an_empty_ring(state):
    ring.enter(state, TAKER)
    ring.leave(state, TAKER)
    assert state.header.sweep_head == 0


def test_account_0_cannot_enter(state):
    ring.enter(state, 0)
    assert (state.header.sweep_head, state.account(0).flags) == (0, 0)


def test_a_record_of_a_margined_market_brings_its_account_in(state):
    positions.open_record(state, MAKER, FINE)
    assert members(state) == []
    positions.open_record(state, MAKER, PERP)
    assert members(state) == [MAKER]
    positions.release_if_empty(state, MAKER, PERP)
    assert members(state) == [MAKER]


def test_the_clock_of_the_sweep_starts_with_the_first_account(state):
    assert not ring.is_late(state)
    state.header.now_s += 10_000
    ring.enter(state, MAKER)
    assert state.header.swept_s == state.header.now_s
    state.header.now_s += SWEEP_PERIOD_S
    ring.enter(state, TAKER)
    assert not ring.is_late(state)
    state.header.now_s += 1
    assert ring.is_late(state)


@pytest.fixture
def late(state):
    """Return the exchange with a late sweep and no duty due."""
    ring.enter(state, MAKER)
    state.duties.entries.clear()
    state.header.duty_count = 0
    run(state, op.AdvanceTime(now_s=state.header.now_s + SWEEP_PERIOD_S + 1))
    return state


# Every kind and whether it passes while the sweep is late.
PASSING = {
    *(OpKind.CANCEL, OpKind.CANCEL_BY_CLIENT_ID, OpKind.CANCEL_ALL, OpKind.SCHEDULE_CANCEL),
    *(OpKind.ADVANCE_TIME, OpKind.CONTINUE, OpKind.RUN_DUTIES, OpKind.SEAL_BATCH),
    *(OpKind.SNAPSHOT, OpKind.PRICE_REPORT, OpKind.LIQUIDATE, OpKind.SWEEP, OpKind.SEIZE),
    *(kind for kind in OpKind if kind >= OpKind.DEPOSIT),
}


@pytest.mark.parametrize("kind", list(OpKind), ids=lambda kind: kind.name)
def test_a_late_sweep_stops_all_kinds_that_could_take_risk(late, kind):
    # A set reserved byte is looked at after the gates; a DEPOSIT may be refused for any reason.
    code = refused(late, bytes([kind]) + bytes(62) + b"\x01")
    assert (code == ErrorCode.SWEEP_LATE) == (kind not in PASSING)
    assert code != ErrorCode.OK


def test_reduce_only_orders_pass_a_late_sweep(late):
    place = {"market": PERP, "account": MAKER, "price": 1_000, "size_lots": 1}
    assert refused(late, op.Place(**place)) == ErrorCode.SWEEP_LATE
    reducing = op.Place(**place, flags=PlaceFlag.REDUCE_ONLY)
    assert refused(late, reducing) == ErrorCode.REDUCE_ONLY_WOULD_INCREASE


def test_a_due_duty_comes_before_a_late_sweep(late):
    run(late, op.ScheduleCancel(account=MAKER, at_s=late.header.now_s + 5))
    run(late, op.AdvanceTime(now_s=late.header.now_s + 5))
    place = op.Place(market=PERP, account=MAKER, price=1_000, size_lots=1)
    assert refused(late, place) == ErrorCode.DUTY_PENDING


def test_prices_deposits_and_parameters_are_accepted_while_the_sweep_is_late(late):
    run(
        late,
        market_snapshot(late),
        price_report(late),
        deposit(MAKER),
        market_prices(),
        op.SealBatch(),
    )
