"""What happens where a store of records is full, in a build with room for a few."""

import ctypes
import subprocess
import sys
from dataclasses import replace

import pytest

from offchain.core.binding import load_library
from offchain.spec import book, link_op, messages, op
from offchain.spec.constants import FUND_MIN_AMOUNT, FUND_MIN_LOCKUP_S, FUND_MIN_SEED
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.fund_op import CreateFund, Redeem
from offchain.spec.kinds import EventKind, MarketKind, TimeInForce
from offchain.spec.ops import admin_risk, builders, place, redeem, schedule_cancel
from offchain.spec.tree import Hasher
from offchain.tools import build_native
from tests.core import bad_risk_ops
from tests.core.crowded import NOW_S, A, B, C
from tests.core.crowded_links import (
    HOLDER,
    KEPT,
    LINKED,
    OPEN,
    OWN_ID,
    asset,
    message_envelope,
    pledged,
)
from tests.core.crowded_risk import RISKY
from tests.core.pair import Pair, as_events, native_hasher
from tests.strategies import MASTERS, SPOT, market_op, owner_of, scene

CAPACITIES = {"ORDER_CAPACITY": 8, "LEVEL_CAPACITY": 4, "DUTY_CAPACITY": 4, "MAX_BUILDERS": 4}


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


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
    for module in (book, op, admin_risk, builders, messages, place, redeem, schedule_cancel):
        for name, value in CAPACITIES.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    pair = Pair(hasher, small_library)
    for data in scene():
        pair.op(data)
    return pair


def codes(pair: Pair, *ops: op.Op) -> list[ErrorCode]:
    return [pair.op(each.to_bytes()).code for each in ops]


def test_a_full_book_of_orders(small: Pair) -> None:
    rests = op.Place(market=SPOT, account=A, price=10, size_lots=1)
    assert codes(small, *[rests] * 8) == [ErrorCode.OK] * 7 + [ErrorCode.BOOK_FULL]
    assert codes(small, replace(rests, time_in_force=TimeInForce.IOC)) == [ErrorCode.OK]
    first = small.state.orders.read(1)
    freed = op.Cancel(market=SPOT, account=A, order_id=first.order_id, slot=1)
    expected = [ErrorCode.OK, ErrorCode.OK, ErrorCode.BOOK_FULL]
    assert codes(small, freed, rests, rests) == expected


def test_a_full_book_of_levels(small: Pair) -> None:
    rests = [op.Place(market=SPOT, account=A, price=price, size_lots=1) for price in range(1, 5)]
    assert codes(small, *rests) == [ErrorCode.OK] * 3 + [ErrorCode.BOOK_FULL]
    order = small.state.orders.read(1)
    change = op.Modify(
        market=SPOT, account=A, order_id=order.order_id, size_lots=1, price=9, slot=1
    )
    assert codes(small, change) == [ErrorCode.BOOK_FULL]


def test_a_full_heap_of_duties(small: Pair) -> None:
    rests = op.Place(market=SPOT, account=A, price=10, size_lots=1, expiry_s=NOW_S + 9)
    schedule = op.ScheduleCancel(account=B, at_s=NOW_S + 9)
    other = op.ScheduleCancel(account=C, at_s=NOW_S + 9)
    expected = [ErrorCode.OK] * 4 + [ErrorCode.DUTY_QUEUE_FULL] * 2
    assert codes(small, *[rests] * 3, schedule, rests, other) == expected
    again = [schedule, replace(schedule, at_s=0), other, rests]
    assert codes(small, *again) == [ErrorCode.OK] * 3 + [ErrorCode.DUTY_QUEUE_FULL]


def test_no_room_for_the_duty_of_a_margined_market(small: Pair) -> None:
    rests = op.Place(market=SPOT, account=A, price=10, size_lots=1, expiry_s=NOW_S + 9)
    market = market_op(RISKY, MarketKind.PERP, sz_decimals=0)
    ops = [*[rests] * 4, market, bad_risk_ops.PRICES, bad_risk_ops.RISK]
    assert codes(small, *ops) == [ErrorCode.OK] * 6 + [ErrorCode.DUTY_QUEUE_FULL]
    freed = op.CancelAll(account=A)
    assert codes(small, freed, bad_risk_ops.RISK, *[rests] * 4) == [
        *[ErrorCode.OK] * 5,
        ErrorCode.DUTY_QUEUE_FULL,
    ]
    assert codes(small, bad_risk_ops.RISK) == [ErrorCode.OK]


def test_all_builder_codes_taken(small: Pair) -> None:
    more = [op.RegisterBuilder(account=32 * master) for master in MASTERS[2:]]
    assert codes(small, *more) == [ErrorCode.OK, ErrorCode.BUILDERS_FULL]


def test_no_room_for_a_redemption(small: Pair) -> None:
    founds = CreateFund(account=A, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S, amount=FUND_MIN_SEED)
    redeems = Redeem(account=A, fund=0, shares=FUND_MIN_AMOUNT)
    rests = op.Place(market=SPOT, account=A, price=10, size_lots=1)
    expected = [ErrorCode.OK] * 5 + [ErrorCode.DUTY_QUEUE_FULL]
    assert codes(small, founds, *[redeems] * 5) == expected
    freed = op.CancelAll(account=A)  # whose slots are not counted
    expected = [ErrorCode.OK] * 3 + [ErrorCode.BOOK_FULL, ErrorCode.OK, ErrorCode.BOOK_FULL]
    assert codes(small, *[rests] * 3, redeems, freed, redeems) == expected


def test_no_room_for_the_duty_of_a_pledge(small: Pair) -> None:
    """What is pledged goes back; who holds some already needs no further duty."""
    told = pledged(OPEN, NOW_S)
    links: list[op.Op] = [
        link_op.AdminChannel(channel=OPEN, peer_chain_id=told.from_chain, own_chain_id=OWN_ID),
        asset(LINKED),
        link_op.AdminLink(asset=LINKED, channel=OPEN, peer_asset=KEPT),
        op.Deposit(account=HOLDER, owner=owner_of(HOLDER), asset=0, amount=1),
        op.AdvanceTime(now_s=NOW_S),
    ]
    rests = op.Place(market=SPOT, account=A, price=10, size_lots=1, expiry_s=NOW_S + 9)

    def tell(index: int) -> Event:
        data = message_envelope(replace(told, index=index))
        return as_events(small.envelope(data).events)[1]

    assert codes(small, *links, *[rests] * 4) == [ErrorCode.OK] * 9
    refused = tell(1)
    assert refused.kind is EventKind.RELEASED
    assert refused.values[4] == ErrorCode.DUTY_QUEUE_FULL
    assert codes(small, op.CancelAll(account=A)) == [ErrorCode.OK]
    assert tell(2).kind is EventKind.PLEDGE_TAKEN
    assert codes(small, *[rests] * 4) == [ErrorCode.OK] * 3 + [ErrorCode.DUTY_QUEUE_FULL]
    assert tell(3).kind is EventKind.PLEDGE_TAKEN
