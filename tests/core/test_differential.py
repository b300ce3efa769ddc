"""Specification = native core, op by op: equal codes, equal events, equal state roots."""

import ctypes
from dataclasses import replace

import pytest

from offchain.spec import op
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import (
    Continuation,
    EventKind,
    MarketKind,
    PlaceFlag,
    Reason,
    SelfTrade,
    TimeInForce,
)
from offchain.spec.tree import Hasher
from tests.core.huge_flow import HugeFlow, PositionFlow
from tests.core.pair import Outcome, Pair, as_events, native_hasher, seed_groups
from tests.strategies import (
    MID_PRICE,
    PERP,
    SPOT_TICK,
    START_S,
    TRADERS,
    Flow,
    market_op,
    random_sequence,
    scene,
)

SEQUENCES = 500
FAST_SEQUENCES = 150
SEQUENCES_PER_TEST = 50
LENGTHS = (30, 60, 90, 120, 150)  # from 81 on a sequence may have a burst, and so continuations
PURE_SEQUENCES = 6
PURE_LENGTH = 25
HUGE_SEQUENCES = 40
HUGE_LENGTH = 100

LONG = 150  # two continuations and some more
MAKER, TAKER = TRADERS[0], TRADERS[2]


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.mark.parametrize("first_seed", seed_groups(SEQUENCES, SEQUENCES_PER_TEST, FAST_SEQUENCES))
def test_random_sequences(first_seed: int, hasher: Hasher) -> None:
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        pair = Pair(hasher)
        for data in random_sequence(seed, LENGTHS[seed % len(LENGTHS)]):
            pair.op(data)


@pytest.mark.parametrize("seed", range(SEQUENCES, SEQUENCES + PURE_SEQUENCES))
def test_random_sequences_with_the_hash_of_the_specification(seed: int) -> None:
    pair = Pair(hasher=None)
    for data in random_sequence(seed, PURE_LENGTH):
        pair.op(data)


@pytest.mark.parametrize("flow_type", [HugeFlow, PositionFlow])
def test_random_sequences_near_the_bounds_of_numbers(
    flow_type: type[HugeFlow], hasher: Hasher
) -> None:
    reasons = set()
    for seed in range(HUGE_SEQUENCES):
        pair = Pair(hasher)
        for data in sequence(flow_type(seed), HUGE_LENGTH):
            events = as_events(pair.op(data).events)
            ends = (EventKind.DONE, EventKind.CANCELLED)
            reasons |= {event.values[3] for event in events if event.kind in ends}
    if flow_type is PositionFlow:
        assert {Reason.LIMIT, Reason.REDUCE_ONLY} <= reasons


def sequence(flow: Flow, length: int) -> list[bytes]:
    total = len(flow.ops) + length
    while len(flow.ops) < total:
        flow.step(total - len(flow.ops))
    return flow.ops


@pytest.mark.parametrize("seller_takes", [True, False])
def test_a_quote_balance_stops_at_its_limit(seller_takes: bool, hasher: Hasher) -> None:
    """Buying high and selling low loses 2^59.6 in a round: at 2^61 a limit stops either side."""
    pair = Pair(hasher)
    market = market_op(PERP, MarketKind.PERP, sz_decimals=3)
    for data in (*scene(), market.to_bytes()):
        pair.op(data)
    reasons = []
    for price, buyer, seller in ((2**31, MAKER, TAKER), (1, TAKER, MAKER)) * 3:
        buys = op.Place(market=PERP, account=buyer, price=price, size_lots=2**22)
        sells = replace(buys, flags=PlaceFlag.IS_ASK, account=seller)
        for order in (buys, sells) if seller_takes else (sells, buys):
            events = as_events(pair.op(order.to_bytes()).events)
            ends = (EventKind.DONE, EventKind.CANCELLED)
            reasons += [event.values[3] for event in events if event.kind in ends]
    assert reasons == [Reason.FILLED] * 5 + [Reason.LIMIT]
    assert abs(pair.state.account(MAKER).free[0]) > 2**60


# --- more work than an op may do -------------------------------------------------------------


class Long:
    """A pair with the scene set, and `LONG` small orders of one account."""

    def __init__(self, hasher: Hasher, market: int, **fields: int) -> None:
        self.pair = Pair(hasher)
        for data in scene():
            self.pair.op(data)
        for i in range(LONG):
            order = op.Place(
                market=market,
                account=MAKER,
                price=MID_PRICE - 5 * (i % 3),
                size_lots=1 + i % 2,
                **fields,
            )
            assert self.apply(order).code is ErrorCode.OK

    def apply(self, each: op.Op) -> Outcome:
        return self.pair.op(each.to_bytes())

    def kinds(self, each: op.Op) -> list[EventKind]:
        return [event.kind for event in as_events(self.apply(each).events)]

    def open_orders(self) -> int:
        return self.pair.state.account(MAKER).order_count

    def continue_to_the_end(self) -> int:
        """Return how many CONTINUE it took; try another op before each."""
        count = 0
        while self.pair.state.header.pending.kind != Continuation.NONE:
            blocked = self.apply(op.SealBatch())
            assert blocked.code is ErrorCode.CONTINUATION_PENDING
            assert self.apply(op.Continue()).code is ErrorCode.OK
            count += 1
        assert self.apply(op.Continue()).code is ErrorCode.NOTHING_TO_CONTINUE
        return count


def sweep(market: int, **fields: int) -> op.Place:
    settings = {"time_in_force": TimeInForce.IOC, "size_lots": 4 * LONG, **fields}
    return op.Place(
        flags=PlaceFlag.IS_ASK, market=market, account=TAKER, price=MID_PRICE - 10, **settings
    )


@pytest.mark.parametrize("market", [SPOT_TICK, PERP])
@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.GTC])
def test_a_taker_with_more_makers_than_steps(market: int, tif: TimeInForce, hasher: Hasher) -> None:
    run = Long(hasher, market)
    kinds = run.kinds(sweep(market, time_in_force=tif, client_id_low=2**63, client_id_high=7))
    assert kinds.count(EventKind.FILL) == MAX_STEPS
    assert kinds[-1] is EventKind.CONTINUED
    assert run.continue_to_the_end() == 2
    assert run.open_orders() == 0


@pytest.mark.parametrize("mode", SelfTrade)
def test_a_taker_that_meets_more_own_orders_than_steps(mode: SelfTrade, hasher: Hasher) -> None:
    run = Long(hasher, PERP)
    taker = op.Place(
        flags=PlaceFlag.IS_ASK | PlaceFlag.SELF_TRADE_BY_MASTER,
        market=PERP,
        account=MAKER + 1,
        self_trade=mode,
        price=MID_PRICE - 10,
        size_lots=4 * LONG,
    )
    run.apply(taker)
    removes_all = mode in (SelfTrade.EXPIRE_MAKER, SelfTrade.REDUCE)
    assert run.continue_to_the_end() == (2 if removes_all else 0)


@pytest.mark.parametrize("lots", [1, 95, 96, 97, 400])
def test_fill_or_kill_at_the_bound_of_steps(lots: int, hasher: Hasher) -> None:
    run = Long(hasher, PERP)
    # The best 50 orders and 14 more have 96 lots: 64 orders of 1 and 2 lots by turns.
    code = run.apply(sweep(PERP, time_in_force=TimeInForce.FOK, size_lots=lots)).code
    assert code is (ErrorCode.OK if lots <= 96 else ErrorCode.FOK_NOT_FILLABLE)


@pytest.mark.parametrize("market", [SPOT_TICK, PERP])
def test_more_expiries_than_steps(market: int, hasher: Hasher) -> None:
    run = Long(hasher, market, expiry_s=START_S + 9)
    run.apply(op.AdvanceTime(now_s=START_S + 9))
    assert run.apply(op.AdvanceTime(now_s=START_S + 9)).code is ErrorCode.DUTY_PENDING
    assert run.apply(op.SealBatch()).code is ErrorCode.OK
    left = LONG
    while left:
        assert run.apply(op.RunDuties()).code is ErrorCode.OK
        left = max(left - MAX_STEPS, 0)
        assert run.open_orders() == left
    assert run.apply(op.RunDuties()).code is ErrorCode.NO_DUTY_DUE


@pytest.mark.parametrize(("earlier_expiries", "continues"), [(0, 2), (1, 2), (63, 3), (64, 2)])
def test_a_scheduled_cancel_of_more_orders_than_steps(
    earlier_expiries: int, continues: int, hasher: Hasher
) -> None:
    """The steps that expiries of the same second take are missing for the scheduled cancel."""
    run = Long(hasher, SPOT_TICK)
    for _ in range(earlier_expiries):
        order = op.Place(
            market=PERP, account=TAKER, price=MID_PRICE, size_lots=1, expiry_s=START_S + 6
        )
        run.apply(order)
    run.apply(op.ScheduleCancel(account=MAKER, at_s=START_S + 7))
    run.apply(op.AdvanceTime(now_s=START_S + 7))
    kinds = run.kinds(op.RunDuties())
    assert (EventKind.DEADMAN_FIRED in kinds) == (earlier_expiries < MAX_STEPS)
    if earlier_expiries == MAX_STEPS:
        run.apply(op.RunDuties())
    assert run.continue_to_the_end() == continues
    assert run.open_orders() == 0


@pytest.mark.parametrize("market_filter", [SPOT_TICK, PERP, op.ALL_MARKETS])
def test_a_cancel_all_of_more_orders_than_steps(market_filter: int, hasher: Hasher) -> None:
    run = Long(hasher, PERP, expiry_s=START_S + 99)
    assert run.kinds(op.CancelAll(account=MAKER, market=market_filter))[-1] is EventKind.CONTINUED
    assert run.continue_to_the_end() == 2
    assert run.open_orders() == (LONG if market_filter == SPOT_TICK else 0)
