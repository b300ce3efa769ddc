"""Snapshots of the oracle hub: feeds, envelopes, readings (docs/spec/l1-inputs.md section 2)."""

from dataclasses import replace

import pytest

from offchain.settlement.oracle_feeds import Reading, Status
from offchain.settlement.oracle_hub import Snapshot as HubSnapshot
from offchain.spec import l1_op, op, risk_op
from offchain.spec.constants import FEED_ENTRIES, INDEX_ONE, ORACLE_LEAF, RISK_LEAF_BYTES
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind, OpKind, SnapshotTarget, Subtree
from offchain.spec.l1_records import FeedEntry, OracleRecord
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.state import State
from tests.spec import test_envelope as envelopes
from tests.spec.risk_support import E8_PER_PRICE, PRICE, asset_risk, market_prices
from tests.spec.support import BASE, HALTED, MAKER, NOW_S, PERP, kinds, refused, rest, run

T_MS = envelopes.T_MS
OK, CAPPED, STALE = 1, 2, 3
PRICES = PRICE * E8_PER_PRICE, 20 * 10**8
RATE_E18 = 105 * 10**16 + 999_999
MARKET = l1_op.AdminFeed(entry=0, target=SnapshotTarget.MARKET, market=PERP, price_feed=0, on=1)
ASSET = l1_op.AdminFeed(entry=31, asset=BASE, price_feed=1, rate_feed_plus_1=3, on=1)
TAKEN = OracleSnapshot(
    set_id=7,
    index=0,
    time_s=NOW_S,
    readings=((PRICES[0], OK), (PRICES[1], OK), (RATE_E18, OK)),
)


@pytest.fixture
def state(spot_and_perp: State) -> State:
    """Return the exchange with a priced market and a collateral, both read from the hub."""
    run(spot_and_perp, market_prices(), asset_risk(), MARKET, ASSET)
    return spot_and_perp


def oracle(taken: OracleSnapshot | bytes, **fields) -> Envelope:
    """Return the envelope of a snapshot."""
    payload = taken if isinstance(taken, bytes) else taken.to_payload()
    named = {"arrival_ms": T_MS, "payload": payload, **fields}
    return Envelope(kind=EnvelopeKind.ORACLE, **named)


def read(state: State, taken: OracleSnapshot):
    """Let the chain read a snapshot; return its events."""
    return envelopes.send(state, oracle(taken))


# --- ADMIN_FEED ----------------------------------------------------------------------------


def test_a_feed_is_set_and_cleared(spot_and_perp):
    state = spot_and_perp
    (event,) = run(state, ASSET)
    assert (event.kind, event.account, event.market) == (EventKind.FEED_SET, 0, 0)
    assert event.values == (31, SnapshotTarget.ASSET, BASE, 1, 3, 1)
    (event,) = run(state, MARKET)
    assert event.values == (0, SnapshotTarget.MARKET, PERP, 0, 0, 1)
    off = l1_op.AdminFeed(entry=31, on=0)
    (event,) = run(state, off)
    assert event.values == (31, 0, 0, 0, 0, 0)
    record = state.oracle()
    assert [number for number, entry in enumerate(record.entries) if entry] == [0]
    run(state, replace(off, entry=0))
    assert state.oracle().has_feeds == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"entry": FEED_ENTRIES},
        {"price_feed": FEED_ENTRIES},
        {"rate_feed_plus_1": FEED_ENTRIES + 1},
        {"on": 2},
        {"asset": 256},
        {"market": 1},
        {"target": 1},
        {"target": 1, "asset": 0, "market": 1024, "rate_feed_plus_1": 0},
        {"target": 1, "asset": 0, "market": 1, "rate_feed_plus_1": 1},
        {"target": 1, "asset": 1, "market": 1, "rate_feed_plus_1": 0},
        {"on": 0},
        {"on": 0, "price_feed": 0, "rate_feed_plus_1": 0},
        {"on": 0, "asset": 0, "rate_feed_plus_1": 0},
        {"on": 0, "asset": 0, "price_feed": 0},
        {"on": 0, "asset": 0, "price_feed": 0, "rate_feed_plus_1": 0, "market": 1},
        {"on": 0, "asset": 0, "price_feed": 0, "rate_feed_plus_1": 0, "target": 1},
    ],
    ids=str,
)
def test_feeds_that_are_refused(spot_and_perp, fields):
    assert refused(spot_and_perp, replace(ASSET, **fields)) == ErrorCode.INVALID_FEED


def test_a_target_that_is_none_is_malformed(spot_and_perp):
    assert refused(spot_and_perp, replace(ASSET, target=2)) == ErrorCode.MALFORMED_OP


def test_the_highest_feeds_and_ids_fit(spot_and_perp):
    run(spot_and_perp, replace(ASSET, asset=255, price_feed=31, rate_feed_plus_1=32))
    run(spot_and_perp, replace(MARKET, entry=1, market=1023, price_feed=31))
    record = spot_and_perp.oracle()
    assert OracleRecord.from_bytes(record.to_bytes()) == record


def test_the_record_lies_where_the_page_puts_it(state):
    read(state, TAKEN)
    leaves = {(subtree, number): data for subtree, number, data in state.leaves()}
    data = leaves[Subtree.RISK, ORACLE_LEAF]
    assert len(data) == RISK_LEAF_BYTES
    words = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(64)]
    assert words[0] == 1 | 1 << 32
    assert words[1] == 0
    accumulator = b"".join(word.to_bytes(4, "big") for word in words[2:10])
    assert accumulator == state.oracle().accumulator
    assert words[10] == PERP | 0 << 16 | 0 << 24 | 1 << 32 | 1 << 33
    assert words[41] == BASE | 1 << 16 | 3 << 24 | 0 << 32 | 1 << 33
    assert not any(words[11:41])
    assert not any(words[42:])
    assert FeedEntry.from_word(0) is None
    assert OracleRecord.from_bytes(data) == state.oracle()


# --- envelopes -----------------------------------------------------------------------------

PAYLOAD = TAKEN.to_payload()
FULL = replace(TAKEN, readings=((1, OK),) * FEED_ENTRIES)
BAD_PAYLOADS = [
    b"",
    PAYLOAD[:-1],
    PAYLOAD[:-32],
    PAYLOAD[:-64],
    PAYLOAD + bytes(64),
    PAYLOAD[:128],
    replace(TAKEN, readings=()).to_payload(),
    replace(FULL, readings=(*FULL.readings, (1, OK))).to_payload(),
    replace(TAKEN, index=2**64).to_payload(),
    replace(TAKEN, time_s=2**32 - 1).to_payload(),
    replace(TAKEN, time_s=2**64).to_payload(),
    envelopes.changed(PAYLOAD, 96, 1),  # n
    envelopes.changed(PAYLOAD, 127, 4),
]


@pytest.mark.parametrize("payload", BAD_PAYLOADS, ids=range(len(BAD_PAYLOADS)))
def test_payloads_that_are_no_snapshot(state, payload):
    assert envelopes.refused(state, oracle(payload)) == ErrorCode.ENVELOPE_MALFORMED


@pytest.mark.parametrize(
    "fields", [{"account": 32}, {"nonce": 1}, {"signer_slot": 1}, {"signer": b"\1" * 20}], ids=str
)
def test_a_snapshot_is_not_signed(state, fields):
    assert envelopes.refused(state, oracle(TAKEN, **fields)) == ErrorCode.ENVELOPE_MALFORMED


def test_a_chain_without_feeds_reads_none(spot_and_perp):
    code = envelopes.refused(spot_and_perp, oracle(TAKEN))
    assert code == ErrorCode.ORACLE_OUT_OF_ORDER


def test_snapshots_are_read_in_order_and_not_ahead_of_time(state):
    for index in (1, 2**32, 2**64 - 1):
        code = envelopes.refused(state, oracle(replace(TAKEN, index=index)))
        assert code == ErrorCode.ORACLE_OUT_OF_ORDER
    ahead = replace(TAKEN, time_s=NOW_S + 1)
    assert envelopes.refused(state, oracle(ahead)) == ErrorCode.ORACLE_AHEAD
    read(state, TAKEN)
    assert envelopes.refused(state, oracle(TAKEN)) == ErrorCode.ORACLE_OUT_OF_ORDER
    run(state, op.AdvanceTime(now_s=NOW_S + 1))
    read(state, replace(ahead, index=1))


def test_a_snapshot_waits_for_duties_and_continuations(state):
    for _ in range(65):
        rest(state, MAKER, 100, 1, expiry_s=NOW_S + 5)
    run(state, op.CancelAll(account=MAKER))
    assert envelopes.refused(state, oracle(TAKEN)) == ErrorCode.CONTINUATION_PENDING
    run(state, op.Continue())
    rest(state, MAKER, 100, 1, expiry_s=NOW_S + 5)
    run(state, op.AdvanceTime(now_s=NOW_S + 5))
    assert envelopes.refused(state, oracle(TAKEN)) == ErrorCode.DUTY_PENDING


def test_an_envelope_of_an_earlier_arrival_is_refused(state):
    state.header.last_arrival_ms = T_MS + 1
    assert envelopes.refused(state, oracle(TAKEN)) == ErrorCode.ARRIVAL_BACKWARDS


# --- readings ------------------------------------------------------------------------------


def test_a_snapshot_sets_prices_and_rates(state):
    events = read(state, TAKEN)
    assert kinds(events) == [
        EventKind.ORACLE_READ,
        EventKind.SNAPSHOT_TAKEN,
        EventKind.SNAPSHOT_TAKEN,
    ]
    assert events[0].values == (0, NOW_S, 3, 0, 0, 0)
    assert events[1].market == PERP
    market, asset = state.market_risk(PERP), state.asset_risk(BASE)
    assert (market.snapshot_price, market.snapshot_time_s) == (PRICE, NOW_S)
    assert (asset.price_e8, asset.rate_e12, asset.time_s) == (PRICES[1], 105 * 10**10, NOW_S)
    assert state.header.last_arrival_ms == T_MS


def test_an_asset_without_rate_feed_stands_for_itself(state):
    run(state, replace(ASSET, rate_feed_plus_1=0))
    read(state, TAKEN)
    assert state.asset_risk(BASE).rate_e12 == INDEX_ONE


def test_the_accumulator_is_that_of_the_hub(state):
    wanted = bytes(32)
    for index, readings in enumerate([TAKEN.readings, ((2**127, STALE),), FULL.readings]):
        run(state, op.AdvanceTime(now_s=NOW_S + index))
        taken = replace(TAKEN, index=index, time_s=NOW_S + index, readings=readings)
        read(state, taken)
        hub = HubSnapshot(
            set_id=7,
            index=index,
            time_s=NOW_S + index,
            readings=tuple(
                Reading(value=value, status=Status(status)) for value, status in readings
            ),
        )
        wanted = hub.accumulate(wanted)
    assert state.oracle().accumulator == wanted
    assert state.oracle().next_index == 3


@pytest.mark.parametrize(
    ("number", "reading", "entry"),
    [
        (0, (PRICES[0], CAPPED), 0),
        (0, (PRICES[0], STALE), 0),
        (0, (PRICES[0], 0), 0),
        (0, (PRICES[0], 2**255 + 1), 0),
        (0, (2**64, OK), 0),
        (1, (PRICES[1], STALE), 31),
        (1, (PRICES[1], CAPPED), 31),
        (2, (RATE_E18, STALE), 31),
        (2, (2**64, OK), 31),
    ],
)
def test_a_bad_reading_leaves_the_price_as_it_is(state, number, reading, entry):
    readings = list(TAKEN.readings)
    readings[number] = reading
    events = read(state, replace(TAKEN, readings=tuple(readings)))
    rejected = [event for event in events if event.kind == EventKind.REJECTED]
    assert len(events) == 3
    assert [event.values[:3] for event in rejected] == [
        (entry, OpKind.SNAPSHOT, ErrorCode.BAD_READING)
    ]
    assert rejected[0].account == 0


def test_a_capped_rate_is_taken(state):
    read(state, replace(TAKEN, readings=(*TAKEN.readings[:2], (RATE_E18, CAPPED))))
    assert state.asset_risk(BASE).rate_e12 == RATE_E18 // 10**6


@pytest.mark.parametrize("count", [1, 2])
def test_a_reading_that_is_missing_is_a_bad_one(state, count):
    events = read(state, replace(TAKEN, readings=TAKEN.readings[:count]))
    assert events[-1].values[:3] == (31, OpKind.SNAPSHOT, ErrorCode.BAD_READING)
    assert events[1].kind == EventKind.SNAPSHOT_TAKEN


def test_what_a_snapshot_refuses_is_rejected(state):
    run(
        state,
        replace(MARKET, entry=1, market=HALTED),
        replace(ASSET, entry=2, asset=9),
        replace(MARKET, entry=3),
    )
    readings = (*TAKEN.readings[:2], (10**6 - 1, OK))
    events = read(state, replace(TAKEN, readings=readings))
    assert [event.values[:3] for event in events[2:]] == [
        (1, OpKind.SNAPSHOT, ErrorCode.UNKNOWN_MARKET),
        (2, OpKind.SNAPSHOT, ErrorCode.UNKNOWN_ASSET),
        (3, OpKind.SNAPSHOT, ErrorCode.STALE_PRICE),  # a second price of the same time
        (31, OpKind.SNAPSHOT, ErrorCode.INVALID_PRICE),  # a rate that rounds to nothing
    ]
    assert kinds(events[:2]) == [EventKind.ORACLE_READ, EventKind.SNAPSHOT_TAKEN]


def test_a_chain_with_feeds_takes_no_price_from_its_operator(state):
    snapshot = risk_op.Snapshot(
        target=SnapshotTarget.MARKET, market=PERP, time_s=NOW_S, price_e8=PRICES[0]
    )
    assert refused(state, snapshot) == ErrorCode.SNAPSHOT_NOT_FROM_L1
    assert refused(state, replace(snapshot, target=2)) == ErrorCode.MALFORMED_OP
    (event,) = envelopes.send(state, envelopes.system(snapshot))
    assert event.values[:3] == (0, OpKind.SNAPSHOT, ErrorCode.SNAPSHOT_NOT_FROM_L1)
    run(state, l1_op.AdminFeed(entry=0, on=0), l1_op.AdminFeed(entry=31, on=0))
    assert refused(state, snapshot) == ErrorCode.SNAPSHOT_NOT_FROM_L1


def test_a_late_sweep_does_not_stop_a_snapshot(state):
    state.header.sweep_head = MAKER
    state.header.now_s = NOW_S + 601
    (_, taken, _) = read(state, TAKEN)
    assert taken.kind == EventKind.SNAPSHOT_TAKEN
