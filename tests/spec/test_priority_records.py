"""Which records of L1 stand for which forced operation or notice (docs/spec/l1-inputs.md)."""

from dataclasses import replace

import pytest

from offchain.spec import l1_op
from offchain.spec.envelope import decode
from offchain.spec.kinds import OpKind, PriorityKind
from offchain.spec.priority import PriorityRecord, admin_record
from tests.spec.test_envelope import priority

SENDER = bytes(range(1, 21))
BY_OWNER = {"index": 0, "sender": int.from_bytes(SENDER), "account": 2**17 - 1, "data0": 31}
ACCOUNT = (2**17 - 1) * 32 + 31
WITHDRAW = PriorityRecord(
    kind=PriorityKind.FORCED_WITHDRAW, asset=0xFFFF, amount=2**62 - 1, **BY_OWNER
)
CLOSE = PriorityRecord(kind=PriorityKind.FORCED_CLOSE, data1=0xFFFF, **BY_OWNER)
CANCEL = PriorityRecord(kind=PriorityKind.CANCEL_ALL, **BY_OWNER)
UNLINK = PriorityRecord(kind=PriorityKind.UNLINK, data1=2**32 - 2, **BY_OWNER)
SWEEP = PriorityRecord(kind=PriorityKind.SWEEP, **BY_OWNER)
REFUND = PriorityRecord(index=0, kind=PriorityKind.REFUND, sender=2**256 - 1, data0=2**256 - 1)
MOVED = PriorityRecord(
    index=0,
    kind=PriorityKind.PLEDGES_MOVED,
    sender=2**256 - 1,
    asset=0xFFFF,
    amount=2**62 - 1,
    data0=2**32 - 2,
    data1=1,
)
OPS = [
    (
        WITHDRAW,
        l1_op.ForcedWithdraw(account=ACCOUNT, asset=0xFFFF, amount=2**62 - 1, sender=SENDER),
    ),
    (CLOSE, l1_op.ForcedClose(account=ACCOUNT, market=0xFFFF, sender=SENDER)),
    (CANCEL, l1_op.ForcedCancel(account=ACCOUNT, sender=SENDER)),
    (UNLINK, l1_op.ForcedUnlink(account=ACCOUNT, peer_chain_id=2**32 - 2, sender=SENDER)),
    (SWEEP, l1_op.ForcedSweep(account=ACCOUNT)),
    (REFUND, l1_op.Notice(kind=8)),
    (
        MOVED,
        l1_op.PledgesMoved(asset=0xFFFF, is_holder=1, peer_chain_id=2**32 - 2, units=2**62 - 1),
    ),
    (
        replace(MOVED, asset=0, amount=0, data0=0, data1=0),
        l1_op.PledgesMoved(asset=0, is_holder=0, peer_chain_id=0, units=0),
    ),
]


def ops_of(record: PriorityRecord) -> tuple[bytes, ...]:
    """Return the ops of a record that L1 sent."""
    return decode(priority(record).to_bytes()).ops


@pytest.mark.parametrize(("record", "op"), OPS, ids=lambda each: type(each).__name__)
def test_a_record_stands_for_an_op(record, op):
    assert ops_of(record) == (op.to_bytes(),)


BEYOND = 2**256 - 1
BAD = [
    *((each, "account", 2**17) for each in (WITHDRAW, CLOSE, CANCEL, UNLINK, SWEEP)),
    *((each, "data0", 32) for each in (WITHDRAW, CLOSE, CANCEL, UNLINK, SWEEP)),
    *((each, "sender", 2**160) for each in (WITHDRAW, CLOSE, CANCEL, UNLINK, SWEEP)),
    *((each, "asset", 1) for each in (CLOSE, CANCEL, UNLINK, SWEEP, REFUND)),
    *((each, "amount", 1) for each in (CLOSE, CANCEL, UNLINK, SWEEP, REFUND)),
    *((each, "data1", 1) for each in (WITHDRAW, CANCEL, SWEEP, REFUND)),
    *((each, "account", 1) for each in (REFUND, MOVED)),
    *((each, "asset", 2**16) for each in (WITHDRAW, MOVED)),
    *((each, "amount", 2**62) for each in (WITHDRAW, MOVED)),
    (WITHDRAW, "amount", 0),
    (CLOSE, "data1", 2**16),
    (UNLINK, "data1", 2**32 - 1),
    (MOVED, "data0", 2**32 - 1),
    (MOVED, "data1", 2),
    *((each, "kind", 10) for each in (CANCEL, REFUND)),
    *((WITHDRAW, name, BEYOND) for name in ("account", "asset", "amount", "data0", "data1")),
]


@pytest.mark.parametrize(("record", "field", "value"), BAD)
def test_a_field_out_of_range_or_unused_is_malformed(record, field, value):
    assert ops_of(replace(record, **{field: value})) == ()


@pytest.mark.parametrize("kind", [*range(65, 80), *range(80, 97)])
def test_an_admin_record_carries_only_what_governance_sets(kind):
    op = bytes([kind]) + bytes(63)
    assert ops_of(admin_record(0, op)) == ((op,) if kind < OpKind.FORCED_WITHDRAW else ())
