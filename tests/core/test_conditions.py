"""Conditional orders in both implementations: gates, links, and stores that are nearly full."""

import ctypes
import subprocess
import sys
from dataclasses import replace

import pytest

from offchain.core.binding import load_library
from offchain.spec import book, op
from offchain.spec.constants import SWEEP_PERIOD_S, TRAIL_STEP_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketKind, OpKind, PlaceFlag, Reason, TimeInForce
from offchain.spec.ops import place, place_trigger, place_twap
from offchain.spec.tree import Hasher
from offchain.tools import build_native
from tests.core import bad_condition_ops, bad_ops, bad_risk_ops
from tests.core.bad_condition_ops import TRAILING, TRIGGER, TWAP
from tests.core.bad_envelopes import (
    AGENT,
    MALFORMED_RECORDS,
    owner_envelope,
    payload,
    priority_envelope,
)
from tests.core.bad_ops import PLACE
from tests.core.crowded import NOW_S, A, B, C
from tests.core.crowded_risk import PRICE, PRICES, RISK, RISKY, market_snapshot, report
from tests.core.pair import Pair, as_events, native_hasher
from tests.strategies import agent_of, market_op, scene

ASK, BRACKET = PlaceFlag.IS_ASK, PlaceFlag.BRACKET
OK = ErrorCode.OK
CAPACITIES = {"ORDER_CAPACITY": 8, "LEVEL_CAPACITY": 4, "DUTY_CAPACITY": 3}
VALID = (*bad_ops.VALID, *bad_risk_ops.VALID, *bad_condition_ops.VALID)

STOP = replace(TRIGGER, account=A)
TRAIL = replace(TRAILING, account=A)
SLICED = replace(TWAP, account=A)
BID = replace(PLACE, market=RISKY, account=A, price=PRICE, size_lots=10)
BOTH = replace(BID, flags=BRACKET, take_profit=PRICE + 50, stop=PRICE - 50)


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


def priced(pair: Pair, *, is_margined: bool = False) -> Pair:
    """Open the market at a fresh mark of PRICE."""
    market = market_op(RISKY, MarketKind.PERP, sz_decimals=0)
    snapshot = market_snapshot(RISKY, NOW_S)
    ops = [op.AdvanceTime(now_s=NOW_S), market, PRICES, snapshot, report(RISKY, NOW_S)]
    if is_margined:
        ops.append(RISK)
    assert {pair.op(data).code for data in scene()} == {OK}
    assert codes(pair, *ops) == [OK] * len(ops)
    return pair


@pytest.fixture
def pair(hasher: Hasher) -> Pair:
    return priced(Pair(hasher))


def codes(pair: Pair, *ops: op.Op) -> list[ErrorCode]:
    return [pair.op(each.to_bytes()).code for each in ops]


def events_of(pair: Pair, *ops: op.Op) -> list[tuple[EventKind, tuple[int, ...]]]:
    """Apply ops, all of which are accepted; return kinds and values of their events."""
    outcomes = [pair.op(each.to_bytes()) for each in ops]
    assert {outcome.code for outcome in outcomes} == {OK}
    events = [event for outcome in outcomes for event in as_events(outcome.events)]
    return [(event.kind, event.values) for event in events]


def moves_mark(pair: Pair, index_price: int, seconds: int = 1) -> None:
    now_s = pair.state.header.now_s + seconds
    later = replace(report(RISKY, now_s), index_price=index_price)
    assert codes(pair, op.AdvanceTime(now_s=now_s)) == [OK]
    while pair.state.duties.entries and pair.state.duties.entries[0].due_s <= now_s:
        assert codes(pair, op.RunDuties()) == [OK]
    assert codes(pair, later) == [OK]


# --- gates -----------------------------------------------------------------------------------


def test_while_a_trigger_is_met_only_duties_may_run(pair: Pair) -> None:
    assert codes(pair, STOP, replace(STOP, trigger_price=PRICE - 40)) == [OK] * 2
    moves_mark(pair, PRICE - 60)
    for left in (2, 1):
        for valid in VALID:
            if valid.KIND == OpKind.CONTINUE:
                assert codes(pair, valid) == [ErrorCode.NOTHING_TO_CONTINUE]
            elif valid.KIND == OpKind.SEAL_BATCH:
                assert codes(pair, valid) == [OK]
            elif valid.KIND != OpKind.RUN_DUTIES:
                assert codes(pair, valid) == [ErrorCode.DUTY_PENDING]
        record = priority_envelope(MALFORMED_RECORDS[0])
        assert pair.envelope(record).code is ErrorCode.DUTY_PENDING
        assert pair.state.account(A).order_count == left
        assert codes(pair, op.RunDuties()) == [OK]
    assert codes(pair, op.RunDuties()) == [ErrorCode.NO_DUTY_DUE]


def test_a_linked_order_is_not_modified(pair: Pair) -> None:
    ops = [STOP, SLICED, op.RunDuties(), replace(BOTH, price=PRICE - 10)]
    assert codes(pair, *ops) == [OK] * 4
    slot = pair.state.account(A).order_head
    while slot:
        order = pair.state.orders.read(slot)
        change = op.Modify(
            market=RISKY,
            account=A,
            order_id=order.order_id,
            slot=slot,
            size_lots=order.remaining_lots + 1,
            price=PRICE,
        )
        assert codes(pair, change) == [ErrorCode.ORDER_LINKED]
        slot = order.owner_next


def test_while_the_sweep_is_late_only_what_reduces_is_placed(hasher: Hasher) -> None:
    pair = priced(Pair(hasher), is_margined=True)
    assert codes(pair, BID) == [OK]  # in the ring by its record
    moves_mark(pair, PRICE, SWEEP_PERIOD_S + 1)
    for each in (STOP, SLICED):
        assert codes(pair, each) == [ErrorCode.SWEEP_LATE]
        assert codes(pair, replace(each, flags=PlaceFlag.REDUCE_ONLY)) == [OK]


def test_agents_place_conditional_orders_and_the_owners_key_where_it_trades(pair: Pair) -> None:
    agent = op.SetAgent(account=A, slot=1, address=agent_of(1, 1), expiry_s=2**32 - 1)
    assert codes(pair, agent) == [OK]
    by_agent = replace(AGENT, payload=payload(STOP, SLICED))
    assert pair.envelope(by_agent.to_bytes()).code is OK
    for step, each in enumerate((STOP, SLICED)):
        by_owner = owner_envelope(step, each)
        assert pair.envelope(by_owner).code is ErrorCode.OWNER_KEY_NOT_ENABLED
    assert codes(pair, op.RunDuties(), op.SetOwnerKey(account=A, is_on=1)) == [OK] * 2
    assert pair.envelope(owner_envelope(9, STOP, SLICED)).code is OK
    assert pair.state.account(A).order_count == 4


# --- stores that are nearly full ------------------------------------------------------------


@pytest.fixture(scope="module")
def small_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The core with capacities of a few records."""
    out = tmp_path_factory.mktemp("small") / "libheadrace_small.so"
    defines = [f"-DHR_{name}={value}u" for name, value in CAPACITIES.items()]
    includes = [f"-I{path}" for path in build_native.INCLUDE_DIRS]
    source = build_native.CORE_DIR / "native" / "native.c"
    command = [sys.executable, "-m", "ziglang", "cc", *build_native.NATIVE_FLAGS, "-O1", *defines]
    command += [*build_native.COMMON_FLAGS, *includes, str(source), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return load_library(out)


@pytest.fixture
def small(small_library: ctypes.CDLL, hasher: Hasher, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Both implementations with small capacities; the depths of the tree stay."""
    for module in (book, place, place_trigger, place_twap):
        for name, value in CAPACITIES.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    return priced(Pair(hasher, small_library))


@pytest.mark.parametrize(("each", "fit"), [(STOP, 3), (replace(STOP, other_trigger=PRICE + 50), 1)])
def test_no_room_for_the_records_of_an_order(small: Pair, each: op.Op, fit: int) -> None:
    assert codes(small, *[each] * (fit + 1)) == [OK] * fit + [ErrorCode.BOOK_FULL]


def test_no_room_for_the_records_of_a_twap(small: Pair) -> None:
    assert codes(small, *[SLICED, op.RunDuties()] * 3) == [OK] * 6
    assert codes(small, SLICED) == [ErrorCode.BOOK_FULL]


def test_no_room_for_the_records_of_a_bracket(small: Pair) -> None:
    one_leg = replace(BOTH, stop=0)
    assert codes(small, one_leg, one_leg) == [OK, ErrorCode.BOOK_FULL]
    assert codes(small, replace(one_leg, flags=0, take_profit=0)) == [OK]


def test_no_room_for_a_level_of_triggers(small: Pair) -> None:
    below = [replace(BID, price=price) for price in (1, 2)]
    pairs = replace(STOP, other_trigger=PRICE + 50)
    assert codes(small, *below, pairs, STOP) == [OK, OK, ErrorCode.BOOK_FULL, OK]
    # an occupied level would do, but is not looked for
    assert codes(small, replace(STOP, account=B)) == [ErrorCode.BOOK_FULL]


def test_no_room_for_the_duties_of_a_trigger(small: Pair) -> None:
    schedules = [op.ScheduleCancel(account=account, at_s=NOW_S + 9) for account in (A, B)]
    expires = replace(STOP, expiry_s=NOW_S + 9)
    full = ErrorCode.DUTY_QUEUE_FULL
    assert codes(small, *schedules, replace(TRAIL, expiry_s=NOW_S + 9)) == [OK, OK, full]
    assert codes(small, replace(expires, other_trigger=PRICE + 50), TRAIL) == [full, OK]
    assert codes(small, expires, TRAIL, SLICED, STOP) == [full, full, full, OK]


def test_a_child_without_a_level_does_not_wake(small: Pair) -> None:
    fillers = [replace(BID, price=price, account=B, size_lots=1) for price in (1, 2)]
    sells = replace(BID, flags=ASK, account=C, time_in_force=TimeInForce.IOC)
    one_leg = replace(BOTH, take_profit=0)
    # the second order keeps the level of the parent
    assert codes(small, one_leg, replace(BID, size_lots=1), *fillers) == [OK] * 4
    events = events_of(small, sells)
    assert (EventKind.CANCELLED, Reason.LIMIT) in [(kind, values[3]) for kind, values in events]
    assert small.state.account(A).order_count == 1


def test_a_trigger_that_finds_no_level_is_refused(small: Pair) -> None:
    fillers = [replace(BID, price=price, account=B) for price in (1, 2)]
    assert codes(small, replace(STOP, limit_price=PRICE - 60), *fillers) == [OK] * 3
    moves_mark(small, PRICE - 60)
    kinds = events_of(small, op.RunDuties())
    assert [kind for kind, _ in kinds] == [EventKind.TRIGGERED, EventKind.CANCELLED]
    assert kinds[0][1][5] == ErrorCode.BOOK_FULL
    assert kinds[1][1][3] == Reason.REFUSED


def test_a_trailing_stop_that_finds_no_level_stays(small: Pair) -> None:
    fillers = [replace(BID, price=price, account=B) for price in (1, 2)]
    assert codes(small, TRAIL, *fillers) == [OK] * 3
    moves_mark(small, PRICE + 50)
    now_s = NOW_S + TRAIL_STEP_S
    assert events_of(small, op.AdvanceTime(now_s=now_s), op.RunDuties())[1:] == []
    assert codes(small, op.CancelAll(account=B)) == [OK]
    moves_mark(small, PRICE + 50, TRAIL_STEP_S - 1)
    events = events_of(small, op.AdvanceTime(now_s=now_s + TRAIL_STEP_S), op.RunDuties())
    assert [kind for kind, _ in events[1:]] == [EventKind.TRIGGER_MOVED]
