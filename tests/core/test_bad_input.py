"""Every op and envelope with wrong input: its own code, and not a byte of the state changes."""

import ctypes
from dataclasses import replace

import pytest

from offchain.spec import op, op_codec
from offchain.spec.constants import (
    NONCE_SETS,
    NONCES_PER_SET,
    OP_BYTES,
    SWEEP_PERIOD_S,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketKind, OpKind, PlaceFlag
from offchain.spec.risk_op import SetLeverage, Sweep
from offchain.spec.tree import Hasher
from tests.core import (
    bad_carry_ops,
    bad_condition_ops,
    bad_envelopes,
    bad_fund_ops,
    bad_l1_envelopes,
    bad_l1_ops,
    bad_link_ops,
    bad_messages,
    bad_ops,
    bad_risk_ops,
)
from tests.core.bad_envelopes import owner_envelope, priority_envelope
from tests.core.bad_ops import Case
from tests.core.crowded import NOW_S, A, B, C, crowded_ops
from tests.core.crowded_links import (
    crowded_link_entries,
)
from tests.core.crowded_risk import RISKY
from tests.core.pair import Pair, as_events, native_hasher
from tests.strategies import PERP, market_op, scene

BAD_OPS = (
    *(bad_ops, bad_risk_ops, bad_condition_ops, bad_fund_ops, bad_carry_ops),
    *(bad_l1_ops, bad_link_ops),
)
CASES = [case for module in BAD_OPS for case in module.CASES]
REFUNDS = [*bad_ops.REFUNDS, *bad_link_ops.REFUNDS]
VALID = tuple(valid for module in BAD_OPS for valid in module.VALID)
ENVELOPE_CASES = bad_envelopes.CASES + bad_l1_envelopes.CASES + bad_messages.CASES
MALFORMED_RECORDS = bad_envelopes.MALFORMED_RECORDS + bad_l1_envelopes.MALFORMED_RECORDS
# Asserted in test_capacities.py.
CAPACITY_CODES = {ErrorCode.BOOK_FULL, ErrorCode.DUTY_QUEUE_FULL, ErrorCode.BUILDERS_FULL}
# Asserted in the tests of gates, of nonces and of unbacked profit below, of conditions and funds.
GATE_CODES = {
    ErrorCode.CONTINUATION_PENDING,
    ErrorCode.DUTY_PENDING,
    ErrorCode.NONCE_TOO_LOW,
    ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY,
    ErrorCode.BALANCE_TOO_LARGE,
    ErrorCode.FUNDS_FULL,
    ErrorCode.NOTHING_TO_SWEEP,
    ErrorCode.SWEEP_LATE,
    ErrorCode.ORDER_LINKED,
}
# Asserted in test_links.py and test_l1_inputs.py.
L1_CODES = {
    ErrorCode.MESSAGE_MALFORMED,
    ErrorCode.LISTING_FULL,
    ErrorCode.SNAPSHOT_NOT_FROM_L1,
    ErrorCode.BAD_READING,
    ErrorCode.ORACLE_AHEAD,
}


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.fixture(scope="module")
def crowded(hasher: Hasher) -> Pair:
    pair = Pair(hasher)
    for data in crowded_ops():
        assert pair.op(data).code is ErrorCode.OK
    for data in crowded_link_entries(NOW_S):
        assert pair.take(data).code is ErrorCode.OK
    pair.envelope(owner_envelope(0, op.SetOwnerKey(account=A, is_on=1)))
    return pair


def assert_refused(pair: Pair, data: bytes, code: ErrorCode) -> None:
    """Pair itself compares code, events and root of both implementations."""
    before = pair.core.root()
    outcome = pair.op(data)
    assert outcome.code is code, f"{outcome.code.name} for {op_codec.decode(data)}"
    assert outcome.events == b""
    assert pair.core.root() == before


@pytest.mark.parametrize("kind", sorted({case[1].KIND for case in CASES}))
def test_wrong_fields_have_their_codes(kind: OpKind, crowded: Pair) -> None:
    for code, bad in CASES:
        if kind == bad.KIND:
            assert_refused(crowded, bad.to_bytes(), code)


@pytest.mark.parametrize("valid", VALID, ids=lambda each: each.KIND.name)
def test_no_reserved_byte_may_be_set(valid: op.Op, crowded: Pair) -> None:
    reserved = 0
    for at in range(1, OP_BYTES):
        for value in (1, 0x80, 0xFF):
            data = bytearray(valid.to_bytes())
            data[at] ^= value
            changed = bytes(data)
            if type(valid).from_bytes(changed).to_bytes() != changed:
                reserved += 1
                code = {
                    OpKind.CONTINUE: ErrorCode.NOTHING_TO_CONTINUE,
                    OpKind.RUN_DUTIES: ErrorCode.NO_DUTY_DUE,
                }.get(valid.KIND, ErrorCode.MALFORMED_OP)
                outcome = crowded.op(changed)
                assert outcome.code is code
    assert reserved > 0


def test_no_other_kind_of_op_exists(crowded: Pair) -> None:
    for kind in set(range(256)) - set(OpKind):
        data = bytes([kind]) + bytes(OP_BYTES - 1)
        outcome = crowded.op(data)
        assert outcome.code is ErrorCode.UNKNOWN_OP


@pytest.mark.parametrize("refund", REFUNDS, ids=lambda refund: refund[0].name)
def test_a_refused_deposit_goes_back(refund: Case, crowded: Pair) -> None:
    code, deposit = refund
    assert isinstance(deposit, op.Deposit)
    (event,) = as_events(crowded.op(deposit.to_bytes()).events)
    assert event.kind is EventKind.WITHDRAWAL
    assert event.account == deposit.account
    assert event.values[:2] == (deposit.asset, deposit.amount)
    assert event.values[5] == code


@pytest.mark.parametrize(
    ("code", "envelope"), ENVELOPE_CASES, ids=[code.name for code, _ in ENVELOPE_CASES]
)
def test_wrong_envelopes_have_their_codes(code: ErrorCode, envelope: bytes, crowded: Pair) -> None:
    before = crowded.core.root()
    outcome = crowded.envelope(envelope)
    assert outcome.code is code
    assert crowded.core.root() == before


@pytest.mark.parametrize("record", MALFORMED_RECORDS)
def test_a_malformed_priority_record_is_consumed(record, crowded: Pair) -> None:
    index = crowded.state.header.next_priority_index
    outcome = crowded.envelope(priority_envelope(replace(record, index=index)))
    assert outcome.code is ErrorCode.OK
    (event,) = as_events(outcome.events)
    assert event.kind is EventKind.REJECTED
    assert event.values[:3] == (0, 0, ErrorCode.PRIORITY_MALFORMED)
    assert crowded.state.header.next_priority_index == index + 1


def test_while_a_continuation_is_pending_only_it_may_run(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    for _ in range(65):
        pair.op(op.Place(market=PERP, account=A, price=1_000, size_lots=1).to_bytes())
    pair.op(op.CancelAll(account=A).to_bytes())
    for valid in VALID:
        if valid.KIND != OpKind.CONTINUE:
            assert_refused(pair, valid.to_bytes(), ErrorCode.CONTINUATION_PENDING)
    reserved = op.Continue().to_bytes()[:-1] + b"\1"
    assert_refused(pair, reserved, ErrorCode.MALFORMED_OP)
    pair.op(op.AdvanceTime(now_s=NOW_S).to_bytes())
    record = priority_envelope(MALFORMED_RECORDS[0])
    assert pair.envelope(record).code is ErrorCode.CONTINUATION_PENDING


def test_profit_without_money_behind_it_stays_on_the_chain(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    for price, buyer, seller in ((1, A, B), (1_000_000, B, A)):
        order = op.Place(market=PERP, account=seller, price=price, size_lots=10**10)
        pair.op(replace(order, flags=PlaceFlag.IS_ASK).to_bytes())
        pair.op(replace(order, account=buyer).to_bytes())
    total_units = pair.state.assets.read(0).total_units
    too_much = op.Withdraw(account=A, asset=0, amount=(total_units // 10 + 1) * 10)
    assert_refused(pair, too_much.to_bytes(), ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY)
    all_there_is = replace(too_much, amount=total_units // 10 * 10)
    assert pair.op(all_there_is.to_bytes()).code is ErrorCode.OK


def pump(pair: Pair, winner: int, loser: int) -> int:
    """Move near 2^61 of unbacked profit to `winner`; return its free quote afterwards."""
    lots, price = 10**10, 2_300_000
    for at, buyer, seller in ((1, winner, loser), (price, loser, winner)):
        order = op.Place(market=PERP, account=seller, price=at, size_lots=lots)
        assert pair.op(replace(order, flags=PlaceFlag.IS_ASK).to_bytes()).code is ErrorCode.OK
        assert pair.op(replace(order, account=buyer).to_bytes()).code is ErrorCode.OK
    return pair.state.account(winner).free[0]


def test_no_balance_reaches_its_bound_by_transfers(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    sub = A + 5
    send = op.Transfer(account=A, to_account=sub, asset=0, amount=1)
    pair.op(send.to_bytes())
    codes = []
    for loser in (B, B + 1, C):
        if loser == B + 1:
            pair.op(op.Transfer(account=B, to_account=loser, asset=0, amount=1).to_bytes())
        amount = pump(pair, A, loser)
        codes.append(pair.op(replace(send, amount=amount).to_bytes()).code)
        if codes[-1] is not ErrorCode.OK:
            break
        assert pair.state.account(A).free[0] == 0
    assert codes[-1] is ErrorCode.BALANCE_TOO_LARGE
    assert pair.state.account(sub).free[0] < 2**62


def test_while_a_duty_is_due_only_duties_may_run(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    pair.op(op.ScheduleCancel(account=A, at_s=NOW_S + 5).to_bytes())
    pair.op(op.AdvanceTime(now_s=NOW_S + 6).to_bytes())
    for valid in VALID:
        if valid.KIND == OpKind.CONTINUE:
            assert_refused(pair, valid.to_bytes(), ErrorCode.NOTHING_TO_CONTINUE)
        elif valid.KIND == OpKind.SEAL_BATCH:
            assert pair.op(valid.to_bytes()).code is ErrorCode.OK
        elif valid.KIND != OpKind.RUN_DUTIES:
            assert_refused(pair, valid.to_bytes(), ErrorCode.DUTY_PENDING)
    reserved = op.RunDuties().to_bytes()[:-1] + b"\1"
    assert_refused(pair, reserved, ErrorCode.MALFORMED_OP)
    record = priority_envelope(MALFORMED_RECORDS[0])
    assert pair.envelope(record).code is ErrorCode.DUTY_PENDING


def margined(hasher: Hasher) -> Pair:
    """A chain with one account in the sweep ring, whose first visit is not due."""
    pair = Pair(hasher)
    swept = SetLeverage(market=RISKY, account=A, leverage=2)
    market = market_op(RISKY, MarketKind.PERP, sz_decimals=0)
    for each in (market, bad_risk_ops.PRICES, bad_risk_ops.RISK, swept):
        data = [*scene(), each.to_bytes()] if each is market else [each.to_bytes()]
        assert {pair.op(op_bytes).code for op_bytes in data} == {ErrorCode.OK}
    return pair


def test_after_newer_prices_could_come(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in crowded_ops():
        pair.op(data)
    pair.op(op.AdvanceTime(now_s=NOW_S + 1).to_bytes())
    for code, bad in bad_risk_ops.JUMP_CASES:
        assert_refused(pair, bad.to_bytes(), code)


def test_an_empty_ring_is_not_swept(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    assert_refused(pair, Sweep().to_bytes(), ErrorCode.NOTHING_TO_SWEEP)


def test_while_the_sweep_is_late_nothing_takes_risk(hasher: Hasher) -> None:
    pair = margined(hasher)
    swept_s = pair.state.header.swept_s
    for late_s in (SWEEP_PERIOD_S, SWEEP_PERIOD_S + 1):
        pair.op(op.AdvanceTime(now_s=swept_s + late_s).to_bytes())
        pair.op(op.RunDuties().to_bytes())
        transfer = pair.op(bad_ops.TRANSFER.to_bytes()).code
        assert transfer is (ErrorCode.SWEEP_LATE if late_s > SWEEP_PERIOD_S else ErrorCode.OK)
    needs_none = {
        *(OpKind.CANCEL, OpKind.CANCEL_BY_CLIENT_ID, OpKind.CANCEL_ALL, OpKind.SCHEDULE_CANCEL),
        *(kind for kind in OpKind if kind >= OpKind.ADVANCE_TIME),
    }
    for valid in VALID:
        if valid.KIND not in needs_none:
            assert_refused(pair, valid.to_bytes(), ErrorCode.SWEEP_LATE)
    only_reduces = replace(bad_ops.PLACE, flags=PlaceFlag.REDUCE_ONLY)
    for valid in (only_reduces, *(valid for valid in VALID if valid.KIND in needs_none)):
        if valid.KIND != OpKind.SWEEP:
            assert pair.op(valid.to_bytes()).code is not ErrorCode.SWEEP_LATE
    assert pair.op(Sweep().to_bytes()).code is ErrorCode.OK
    assert pair.op(bad_ops.TRANSFER.to_bytes()).code is ErrorCode.OK


def test_a_nonce_below_a_full_set_is_too_low(hasher: Hasher) -> None:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    change = op.SetOwnerKey(account=A, is_on=1)
    steps = [NONCE_SETS * i for i in range(1, NONCES_PER_SET + 1)]
    for step in steps:
        assert pair.envelope(owner_envelope(step, change)).code is ErrorCode.OK
    for step in (0, -NONCE_SETS):
        assert pair.envelope(owner_envelope(step, change)).code is ErrorCode.NONCE_TOO_LOW
    for step in steps:
        assert pair.envelope(owner_envelope(step, change)).code is ErrorCode.NONCE_USED


def test_the_cases_cover_every_code() -> None:
    in_ops = {code for code, _ in (*CASES, *bad_risk_ops.JUMP_CASES, *REFUNDS)}
    in_envelopes = {code for code, _ in ENVELOPE_CASES} | {ErrorCode.PRIORITY_MALFORMED}
    elsewhere = CAPACITY_CODES | GATE_CODES | L1_CODES | {ErrorCode.UNKNOWN_OP}
    covered = in_ops | in_envelopes | elsewhere | {ErrorCode.OK}
    assert covered == set(ErrorCode)


def test_every_kind_of_op_has_cases() -> None:
    without_fields = {OpKind.SEAL_BATCH, OpKind.SWEEP}
    assert {case[1].KIND for case in CASES} == set(OpKind) - without_fields
    assert {valid.KIND for valid in VALID} == set(OpKind)
