"""Inputs of L1 at their limits, in both implementations: the hub's turn, the listing, halvings."""

import ctypes
from dataclasses import replace

import pytest

from offchain.spec import l1_op, op
from offchain.spec.constants import LINK_ASSET, LISTED_MAX, MAX_STEPS, SHARE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import Continuation, EventKind, MarketKind, OpKind, SnapshotTarget
from offchain.spec.tree import Hasher
from offchain.spec.valuation import valuation_table
from tests.core import bad_risk_ops
from tests.core.bad_envelopes import priority_envelope
from tests.core.bad_l1_envelopes import SNAPSHOT, WELL_FORMED, oracle_envelope
from tests.core.bad_l1_ops import CLOSE, FEED, MARKET_FEED, NO_FEED, PAY
from tests.core.crowded import NOW_S, A, B, crowded_ops
from tests.core.crowded_risk import RISK_ASSET
from tests.core.pair import Outcome, Pair, as_events, native_hasher
from tests.strategies import PERP, market_op, scene

READING = (10**8, 1)
LATER_S = NOW_S + 1


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.fixture
def plain(hasher: Hasher) -> Pair:
    return pair_after(hasher, scene())


def pair_after(hasher: Hasher, ops: list[bytes]) -> Pair:
    pair = Pair(hasher)
    for data in ops:
        assert pair.op(data).code is ErrorCode.OK
    return pair


def accepted(pair: Pair, *ops: op.Op) -> Outcome:
    outcomes = [pair.op(each.to_bytes()) for each in ops]
    assert {outcome.code for outcome in outcomes} == {ErrorCode.OK}
    return outcomes[-1]


def refusals(outcome: Outcome) -> list[tuple[int, ...]]:
    """Return index, op kind and code of each REJECTED."""
    events = as_events(outcome.events)
    return [event.values[:3] for event in events if event.kind is EventKind.REJECTED]


@pytest.fixture(scope="module")
def fed(hasher: Hasher) -> Pair:
    """A crowded chain that reads feeds: entry 31 an asset, entry 0 a market, at a later second."""
    pair = pair_after(hasher, crowded_ops())
    entry = replace(FEED, price_feed=0, rate_feed_plus_1=2)
    accepted(pair, entry, replace(MARKET_FEED, price_feed=2), op.AdvanceTime(now_s=LATER_S))
    return pair


def test_a_chain_with_feeds_takes_prices_of_l1_from_the_hub_alone(fed: Pair) -> None:
    for snapshot in (bad_risk_ops.MARKET_SNAPSHOT, bad_risk_ops.ASSET_SNAPSHOT):
        later = replace(snapshot, time_s=LATER_S)
        assert fed.op(later.to_bytes()).code is ErrorCode.SNAPSHOT_NOT_FROM_L1
        malformed = replace(later, time_s=2**32 - 1)
        assert fed.op(malformed.to_bytes()).code is ErrorCode.MALFORMED_OP


def test_snapshots_of_the_hub_have_a_turn(fed: Pair) -> None:
    index = fed.state.oracle().next_index
    for wrong in (index + 1, index + 2**32, 2**64 - 1):
        out_of_turn = oracle_envelope(replace(SNAPSHOT, index=wrong))
        assert fed.envelope(out_of_turn).code is ErrorCode.ORACLE_OUT_OF_ORDER
    ahead = replace(SNAPSHOT, index=index, time_s=fed.state.header.now_s + 1)
    assert fed.envelope(oracle_envelope(ahead)).code is ErrorCode.ORACLE_AHEAD


def test_readings_that_are_no_prices_are_left_out(fed: Pair) -> None:
    good = (READING, (10**18, 2), (1_000 * 100, 1))
    bad_prices = ((0, 1), (2**53, 1), (2**64, 1), (10**8, 0), (10**8, 2), (10**8, 2**64 + 1))
    bad_rates = ((10**6 - 1, 1), (10**18, 0), (10**18, 3), (2**64, 1), (2**64 - 1, 1))
    lists = [good[:n] for n in (1, 2, 3)]
    lists += [(bad, *good[1:]) for bad in bad_prices]
    lists += [(good[0], bad, good[2]) for bad in bad_rates]
    codes = set()
    for step, readings in enumerate(lists):
        now_s = LATER_S + 1 + step
        accepted(fed, op.AdvanceTime(now_s=now_s))
        snapshot = replace(
            SNAPSHOT, index=fed.state.oracle().next_index, time_s=now_s, readings=readings
        )
        outcome = fed.envelope(oracle_envelope(snapshot))
        assert outcome.code is ErrorCode.OK
        events = as_events(outcome.events)
        assert events[0].values[:3] == (snapshot.index, now_s, len(readings))
        taken = [event for event in events if event.kind is EventKind.SNAPSHOT_TAKEN]
        assert len(taken) + len(refusals(outcome)) == 2
        codes |= {code for _, kind, code in refusals(outcome) if kind == OpKind.SNAPSHOT}
    assert codes == {ErrorCode.BAD_READING, ErrorCode.INVALID_PRICE}


def test_an_entry_that_is_off_reads_nothing(plain: Pair) -> None:
    accepted(plain, NO_FEED)
    snapshot = replace(SNAPSHOT, index=0, time_s=plain.state.header.now_s)
    outcome = plain.envelope(oracle_envelope(snapshot))
    assert [event.kind for event in as_events(outcome.events)] == [EventKind.ORACLE_READ]
    assert plain.core.valuation_table() == b""


def test_a_full_listing_of_assets(plain: Pair) -> None:
    listed = len(plain.state.listing().assets)
    asset = op.AdminAsset(asset=0, withdraw_step_units=1, deposit_cap_units=0)
    new = [replace(asset, asset=SHARE_ASSET - 1 - i) for i in range(LISTED_MAX - listed + 1)]
    accepted(plain, *new[:-1])
    assert plain.op(new[-1].to_bytes()).code is ErrorCode.LISTING_FULL
    refused_before = replace(new[-1], withdraw_step_units=0)
    code = plain.op(refused_before.to_bytes()).code
    assert code is ErrorCode.INVALID_ASSET_PARAMETER
    accepted(plain, new[0])
    assert plain.state.listing().assets == sorted(plain.state.listing().assets)
    assert max(plain.state.listing().assets) >= LINK_ASSET


def test_a_full_listing_of_markets(plain: Pair) -> None:
    for market in range(1_023, 1_023 - LISTED_MAX, -1):
        accepted(
            plain,
            market_op(market, MarketKind.PERP, sz_decimals=0),
            replace(bad_risk_ops.PRICES, market=market),
            replace(bad_risk_ops.RISK, market=market),
        )
    more = replace(bad_risk_ops.RISK, market=PERP)
    accepted(plain, replace(bad_risk_ops.PRICES, market=PERP))
    assert plain.op(more.to_bytes()).code is ErrorCode.LISTING_FULL
    accepted(plain, replace(bad_risk_ops.RISK, market=1_023))
    assert len(plain.core.valuation_table()) == 32 * (1 + 3 * LISTED_MAX + 3)
    assert plain.core.valuation_table() == valuation_table(plain.state)


def test_well_formed_records_become_ops(hasher: Hasher) -> None:
    pair = pair_after(hasher, crowded_ops())
    for record in WELL_FORMED:
        index = pair.state.header.next_priority_index
        outcome = pair.envelope(priority_envelope(replace(record, index=index)))
        assert outcome.code is ErrorCode.OK
        assert ErrorCode.PRIORITY_MALFORMED not in [code for _, _, code in refusals(outcome)]
        while pair.state.header.pending.kind != Continuation.NONE:
            accepted(pair, op.Continue())


def test_a_forced_withdrawal_waits_for_its_cancels(plain: Pair) -> None:
    bid = op.Place(market=PERP, account=B, price=1_000, size_lots=1)
    accepted(plain, *[bid] * (2 * MAX_STEPS + 1))
    free = plain.state.account(B).free[0]
    everything = replace(PAY, amount=2**62 - 1)
    assert [event.kind for event in as_events(accepted(plain, everything).events)][-1] == (
        EventKind.CONTINUED
    )
    record = priority_envelope(replace(WELL_FORMED[0], index=0))
    assert plain.envelope(record).code is ErrorCode.CONTINUATION_PENDING
    accepted(plain, op.Continue())
    (*_, paid) = as_events(accepted(plain, op.Continue()).events)
    assert paid.kind is EventKind.WITHDRAWAL
    assert paid.values[1] == free // 10 * 10
    again = refusals(accepted(plain, everything))
    assert again == [(0, OpKind.FORCED_WITHDRAW, ErrorCode.INSUFFICIENT_BALANCE)]


def test_a_forced_close_of_nothing_and_without_a_book(plain: Pair) -> None:
    nothing = refusals(accepted(plain, CLOSE))
    assert nothing == [(0, OpKind.FORCED_CLOSE, ErrorCode.REDUCE_ONLY_WOULD_INCREASE)]
    bid = op.Place(market=PERP, account=A, price=1_000, size_lots=3)
    accepted(plain, bid, replace(bid, account=B, flags=1))
    alone = refusals(accepted(plain, CLOSE))
    assert alone == [(0, OpKind.FORCED_CLOSE, ErrorCode.NO_LIQUIDITY)]
    # The best price may slip by a tenth, rounded down.
    accepted(plain, replace(bid, account=B, price=9), replace(bid, account=B, price=8))
    accepted(plain, CLOSE)
    assert plain.state.account(A).order_count == 0


def test_feeds_can_be_of_any_asset_and_market(plain: Pair) -> None:
    accepted(
        plain,
        replace(FEED, asset=255),
        l1_op.AdminFeed(entry=1, target=SnapshotTarget.MARKET, market=1_023, on=1),
        replace(FEED, asset=RISK_ASSET),
    )
    readings = (READING,) * 32
    now_s = plain.state.header.now_s
    snapshot = replace(SNAPSHOT, index=0, time_s=now_s, readings=readings)
    outcome = plain.envelope(oracle_envelope(snapshot))
    assert refusals(outcome) == [
        (1, OpKind.SNAPSHOT, ErrorCode.UNKNOWN_MARKET),
        (31, OpKind.SNAPSHOT, ErrorCode.UNKNOWN_ASSET),
    ]
