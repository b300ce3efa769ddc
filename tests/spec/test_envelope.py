"""Envelopes: form, signers, nonces, priority records."""

import pytest
from eth_hash.auto import keccak

from offchain.spec import condition_op, op
from offchain.spec.checks import OpError
from offchain.spec.envelope import Envelope, apply_envelope, decode
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EnvelopeKind, EventKind, OpKind
from offchain.spec.priority import PriorityRecord, admin_record
from tests.spec.support import (
    ABSENT,
    MAKER,
    MAKER_SUB,
    NOW_S,
    TAKER,
    kinds,
    order,
    rest,
    run,
    snapshot,
)
from tests.strategies import owner_of

T_MS = 1_700_000_000_000
KEY = bytes([9]) * 20
SEAL = op.SealBatch().to_bytes()


def user(*ops: op.Op | bytes, **fields) -> Envelope:
    """Return a user envelope of the maker's owner key unless `fields` say otherwise."""
    payload = b"".join(each if isinstance(each, bytes) else each.to_bytes() for each in ops)
    named = {
        "account": MAKER,
        "signer": owner_of(MAKER),
        "nonce": T_MS,
        "arrival_ms": T_MS,
        "payload": payload,
        **fields,
    }
    return Envelope(kind=EnvelopeKind.USER, **named)


def system(*ops: op.Op, **fields) -> Envelope:
    """Return a system envelope."""
    payload = b"".join(each.to_bytes() for each in ops)
    return Envelope(
        **{"kind": EnvelopeKind.SYSTEM, "arrival_ms": T_MS, "payload": payload, **fields}
    )


def priority(record: PriorityRecord, **fields) -> Envelope:
    """Return the envelope of a priority record."""
    named = {"arrival_ms": T_MS, "payload": record.to_bytes(), **fields}
    return Envelope(kind=EnvelopeKind.PRIORITY, **named)


def refused(state, data: bytes | Envelope) -> ErrorCode:
    """Return the code that refuses an envelope as such; the state must be unchanged."""
    data = data if isinstance(data, bytes) else data.to_bytes()
    before = snapshot(state)
    try:
        apply_envelope(state, data)
    except OpError as error:
        assert snapshot(state) == before
        return error.code
    return ErrorCode.OK


def send(state, envelope: Envelope):
    """Apply an envelope that must be accepted."""
    return apply_envelope(state, envelope.to_bytes())


def changed(data: bytes, position: int, value: int) -> bytes:
    """Return `data` with one byte replaced."""
    return data[:position] + bytes([value]) + data[position + 1 :]


def with_seal(**fields) -> Envelope:
    """Return a system envelope with one op and the fields given."""
    return Envelope(**{"kind": EnvelopeKind.SYSTEM, "arrival_ms": T_MS, "payload": SEAL, **fields})


CONDITIONAL = (
    condition_op.PlaceTrigger(market=1, account=MAKER, trigger_price=1, size_lots=1),
    condition_op.PlaceTwap(
        market=1, account=MAKER, size_lots=9, slices=3, interval_s=10, slippage_ppm=0
    ),
)
WITHDRAW = op.Withdraw(account=MAKER, asset=0, amount=10)
SYSTEM = with_seal().to_bytes()
MALFORMED = ErrorCode.ENVELOPE_MALFORMED
BAD_FORMS = [
    (b"", ErrorCode.ENVELOPE_TRUNCATED),
    (SYSTEM[:127], ErrorCode.ENVELOPE_TRUNCATED),
    (SYSTEM[:-1], ErrorCode.ENVELOPE_TRUNCATED),
    (SYSTEM + b"\0", ErrorCode.ENVELOPE_TOO_LONG),
    (with_seal(payload=SEAL * 255).to_bytes(), ErrorCode.ENVELOPE_TOO_LONG),
    (changed(SYSTEM, 0, 2), MALFORMED),
    (changed(SYSTEM, 1, 1), MALFORMED),
    (changed(SYSTEM, 2, 0), MALFORMED),
    (changed(SYSTEM, 2, 4), MALFORMED),
    (changed(SYSTEM, 46, 1), MALFORMED),
    (changed(SYSTEM, 113, 1), MALFORMED),
    (changed(SYSTEM, 127, 1), MALFORMED),
    (with_seal(payload=b"").to_bytes(), MALFORMED),
    (with_seal(payload=SEAL[:63]).to_bytes(), MALFORMED),
    (with_seal(payload=SEAL * 41).to_bytes(), MALFORMED),
    (with_seal(arrival_ms=2**48).to_bytes(), MALFORMED),
    (with_seal(signer_slot=1).to_bytes(), MALFORMED),
    (with_seal(account=32).to_bytes(), MALFORMED),
    (with_seal(nonce=1).to_bytes(), MALFORMED),
    (with_seal(signer=KEY).to_bytes(), MALFORMED),
    (with_seal(signature=bytes(64) + b"\1").to_bytes(), MALFORMED),
    (with_seal(kind=EnvelopeKind.PRIORITY).to_bytes(), MALFORMED),
    (with_seal(kind=EnvelopeKind.PRIORITY, payload=bytes(256), nonce=1).to_bytes(), MALFORMED),
    (user(WITHDRAW, signer_slot=4).to_bytes(), MALFORMED),
    (system(WITHDRAW).to_bytes(), ErrorCode.ENVELOPE_OP_NOT_ALLOWED),
    (user(op.SealBatch()).to_bytes(), ErrorCode.ENVELOPE_OP_NOT_ALLOWED),
    (user(bytes(64)).to_bytes(), ErrorCode.ENVELOPE_OP_NOT_ALLOWED),
    (
        user(op.Withdraw(account=TAKER, asset=0, amount=1), op.SealBatch()).to_bytes(),
        ErrorCode.ENVELOPE_OP_NOT_ALLOWED,
    ),
    (
        user(WITHDRAW, op.Withdraw(account=TAKER, asset=0, amount=1)).to_bytes(),
        ErrorCode.WRONG_ACCOUNT,
    ),
]


@pytest.mark.parametrize(("data", "code"), BAD_FORMS)
def test_a_bad_form_is_refused_without_looking_at_the_state(spot_and_perp, data, code):
    with pytest.raises(OpError) as refusal:
        decode(data)
    assert refusal.value.code == code
    assert refused(spot_and_perp, data) == code


def test_header_fields_lie_where_the_page_puts_them():
    envelope = user(WITHDRAW, signer_slot=2, signature=bytes(range(65)))
    data = envelope.to_bytes()
    assert data[:4] == bytes([1, 0, 1, 2])
    assert int.from_bytes(data[4:8], "little") == MAKER
    assert int.from_bytes(data[8:16], "little") == T_MS
    assert int.from_bytes(data[16:24], "little") == T_MS
    assert data[24:44] == owner_of(MAKER)
    assert data[44:48] == bytes([64, 0, 0, 0])
    assert data[48:113] == bytes(range(65))
    assert data[113:128] == bytes(15)
    assert decode(data).envelope == envelope


def test_forty_ops_are_the_most(spot_and_perp):
    assert len(send(spot_and_perp, with_seal(payload=SEAL * 40))) == 40


def test_a_refused_op_is_reported_and_the_next_one_follows(spot_and_perp):
    bad = op.Withdraw(account=MAKER_SUB, asset=9, amount=10)
    unknown = bytes([31]) + bytes(3) + MAKER.to_bytes(4, "little") + bytes(56)
    events = send(spot_and_perp, user(bad, WITHDRAW, unknown, account=MAKER_SUB))
    assert kinds(events) == [EventKind.REJECTED, EventKind.WITHDRAWAL, EventKind.REJECTED]
    assert events[0].account == MAKER_SUB
    assert events[0].values[:3] == (0, OpKind.WITHDRAW, ErrorCode.UNKNOWN_ASSET)
    assert events[2].values[:3] == (2, 31, ErrorCode.UNKNOWN_OP)
    assert [event.seq for event in events] == list(range(events[0].seq, events[0].seq + 3))


def test_arrival_times_do_not_go_back(spot_and_perp):
    send(spot_and_perp, with_seal())
    earlier = with_seal(arrival_ms=T_MS - 1)
    assert refused(spot_and_perp, earlier) == ErrorCode.ARRIVAL_BACKWARDS
    send(spot_and_perp, with_seal())


def test_signer_refusals(spot_and_perp):
    state = spot_and_perp
    absent = {"account": ABSENT, "signer": owner_of(ABSENT)}
    of_absent = op.Withdraw(account=ABSENT, asset=0, amount=10)
    assert refused(state, user(of_absent, **absent)) == ErrorCode.UNKNOWN_ACCOUNT
    far = op.Withdraw(account=2**22, asset=0, amount=10)
    assert refused(state, user(far, account=2**22)) == ErrorCode.UNKNOWN_ACCOUNT
    assert refused(state, user(WITHDRAW, signer=KEY)) == ErrorCode.UNKNOWN_SIGNER
    assert refused(state, user(WITHDRAW, signer=bytes(20), signer_slot=1)) == (
        ErrorCode.UNKNOWN_SIGNER
    )


def test_an_agent_trades_and_transfers_but_does_not_withdraw(spot_and_perp):
    state = spot_and_perp
    run(state, op.SetAgent(account=MAKER, slot=1, address=KEY, expiry_s=NOW_S + 10))
    agent = {"signer": KEY, "signer_slot": 1}
    transfer = op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=0, amount=1)
    place = order(MAKER_SUB, 100, 1)
    events = send(state, user(place, transfer, **agent))
    assert kinds(events) == [EventKind.RESTED, EventKind.TRANSFERRED]
    conditional = user(*CONDITIONAL, **agent, nonce=T_MS + 2)
    assert [event.values[2] for event in send(state, conditional)] == [
        ErrorCode.UNKNOWN_MARKET
    ] * len(CONDITIONAL)
    both = user(place, WITHDRAW, **agent, nonce=T_MS + 1)
    assert refused(state, both) == ErrorCode.AGENT_NOT_ALLOWED
    run(state, op.AdvanceTime(now_s=NOW_S + 10))
    late = user(order(MAKER, 100, 1), **agent, nonce=T_MS + 1)
    assert refused(state, late) == ErrorCode.SIGNER_EXPIRED


def test_the_owner_key_trades_only_when_switched_on(spot_and_perp):
    state = spot_and_perp
    place = user(order(MAKER_SUB, 100, 1), WITHDRAW)
    assert refused(state, place) == ErrorCode.OWNER_KEY_NOT_ENABLED
    for trading in (
        op.CancelAll(account=MAKER),
        op.ScheduleCancel(account=MAKER, at_s=0),
        op.CancelByClientId(account=MAKER, client_id_low=1),
        *CONDITIONAL,
    ):
        assert refused(state, user(trading)) == ErrorCode.OWNER_KEY_NOT_ENABLED
    send(state, user(op.SetOwnerKey(account=MAKER, is_on=1)))
    send(state, user(order(MAKER_SUB, 100, 1), nonce=T_MS + 1))


def deposit_record(index: int, **fields: int) -> PriorityRecord:
    """Return the record of a deposit of 5 units by master 9."""
    named = {"sender": int.from_bytes(KEY), "account": 9, "asset": 0, "amount": 5, **fields}
    return PriorityRecord(**{"index": index, "kind": 1, **named})


def test_a_priority_deposit_credits_the_master(spot_and_perp):
    state = spot_and_perp
    record = deposit_record(0)
    (event,) = send(state, priority(record))
    assert (event.kind, event.account) == (EventKind.DEPOSITED, 9 * 32)
    assert state.account(9 * 32).owner == KEY
    assert state.header.next_priority_index == 1
    assert state.header.priority_accumulator == keccak(bytes(32) + record.to_bytes())


def test_a_priority_admin_op_is_carried_in_the_data_words(spot_and_perp):
    state = spot_and_perp
    admin_op = op.AdminAsset(asset=5, withdraw_step_units=1, deposit_cap_units=1)
    (event,) = send(state, priority(admin_record(0, admin_op.to_bytes())))
    assert event.kind == EventKind.ASSET_SET
    bad = op.AdminAsset(asset=300, withdraw_step_units=1, deposit_cap_units=1)
    (event,) = send(state, priority(admin_record(1, bad.to_bytes())))
    assert event.kind == EventKind.REJECTED
    assert event.values[:3] == (0, OpKind.ADMIN_ASSET, ErrorCode.INVALID_ASSET_PARAMETER)
    (event,) = send(state, priority(admin_record(2, bytes([79]) + bytes(63))))
    assert event.values[:3] == (0, 79, ErrorCode.UNKNOWN_OP)


ADMIN_OP = int.from_bytes(
    op.AdminAsset(asset=5, withdraw_step_units=1, deposit_cap_units=1).to_bytes()[:32]
)
BAD_RECORDS = [
    {"kind": 0},
    {"kind": 10},
    {"kind": 2**64 + 1},
    {"account": 2**64 + 9},
    {"asset": 2**16},
    {"amount": 0},
    {"amount": 2**62},
    {"sender": 2**160},
    {"data0": 1},
    {"data1": 1},
    {"kind": 2, "account": 0, "amount": 0},
    {"kind": 2, "data0": ADMIN_OP, "account": 0},
    {"kind": 2, "data0": ADMIN_OP, "amount": 0},
    {"kind": 2, "data0": ADMIN_OP, "account": 0, "amount": 0, "asset": 1},
    {"kind": 2, "data0": 64 << 248, "account": 0, "amount": 0},
    {"kind": 2, "data0": 80 << 248, "account": 0, "amount": 0},
]


@pytest.mark.parametrize("fields", BAD_RECORDS, ids=str)
def test_every_priority_record_is_consumed(spot_and_perp, fields):
    state = spot_and_perp
    (event,) = send(state, priority(deposit_record(0, **fields)))
    assert event.kind == EventKind.REJECTED
    assert event.account == 0
    assert event.values == (0, 0, ErrorCode.PRIORITY_MALFORMED, 0, 0, 0)
    assert state.header.next_priority_index == 1
    send(state, priority(deposit_record(1)))


@pytest.mark.parametrize("master", [0, 2**17, 2**64 - 1])
def test_a_deposit_without_room_for_its_account_goes_back_to_its_sender(spot_and_perp, master):
    state = spot_and_perp
    record = deposit_record(0, account=master)
    (event,) = send(state, priority(record))
    assert event.kind == EventKind.WITHDRAWAL
    assert (event.account, event.values[5]) == (0, ErrorCode.UNKNOWN_ACCOUNT)
    assert event.values[:2] == (record.asset, record.amount)
    assert state.header.next_priority_index == 1


def test_priority_records_come_in_order(spot_and_perp):
    for index in (1, 2**64, 2**255):
        envelope = priority(deposit_record(index))
        assert refused(spot_and_perp, envelope) == ErrorCode.PRIORITY_OUT_OF_ORDER


def test_priority_waits_for_duties_and_continuations(spot_and_perp):
    state = spot_and_perp
    for i in range(65):
        rest(state, MAKER, 100 + i, 1, expiry_s=NOW_S + 5)
    run(state, op.CancelAll(account=MAKER))
    assert refused(state, priority(deposit_record(0))) == ErrorCode.CONTINUATION_PENDING
    run(state, op.Continue())
    rest(state, MAKER, 100, 1, expiry_s=NOW_S + 5)
    run(state, op.AdvanceTime(now_s=NOW_S + 5))
    assert refused(state, priority(deposit_record(0))) == ErrorCode.DUTY_PENDING
    (event,) = send(state, user(WITHDRAW))
    assert event.values[:3] == (0, OpKind.WITHDRAW, ErrorCode.DUTY_PENDING)
    send(state, system(op.RunDuties()))
    state.header.trigger_market = 1
    assert refused(state, priority(deposit_record(0))) == ErrorCode.DUTY_PENDING
    state.header.trigger_market = 0
    send(state, priority(deposit_record(0)))
