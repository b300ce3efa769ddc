"""Records of forced operations and snapshots of the hub that are out of form or out of turn."""

from dataclasses import replace

from offchain.spec.constants import FEED_ENTRIES, MASTER_BITS, VALUE_LIMIT
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EnvelopeKind, PriorityKind
from offchain.spec.oracle_snapshot import OracleSnapshot
from offchain.spec.priority import PriorityRecord
from tests.core.bad_envelopes import ARRIVAL_MS, SYSTEM, Case, cases
from tests.core.crowded import NOW_S, A
from tests.strategies import owner_of

TWO_OF_64, TWO_OF_256 = 2**64, 2**256
SNAPSHOT = OracleSnapshot(set_id=3, index=0, time_s=NOW_S, readings=((10**8, 1),))
ORACLE = Envelope(kind=EnvelopeKind.ORACLE, arrival_ms=ARRIVAL_MS, payload=SNAPSHOT.to_payload())


def oracle_envelope(snapshot: OracleSnapshot) -> bytes:
    return replace(ORACLE, payload=snapshot.to_payload()).to_bytes()


def spoilt(**changes: object) -> dict[str, object]:
    return {"payload": replace(SNAPSHOT, **changes).to_payload()}


def with_count(count: int) -> dict[str, object]:
    payload = SNAPSHOT.to_payload()
    return {"payload": payload[:96] + count.to_bytes(32, "big") + payload[128:]}


def oracle_cases() -> list[Case]:
    payload = SNAPSHOT.to_payload()
    return [
        *cases(
            E.ENVELOPE_MALFORMED,
            ORACLE,
            *({"payload": payload[:length]} for length in (0, 32, 96, 128, 160)),
            {"payload": payload + bytes(32)},
            {"payload": payload + bytes(64)},
            *(with_count(count) for count in (0, 2, TWO_OF_64 + 1, TWO_OF_256 - 1)),
            spoilt(readings=()),
            spoilt(readings=((1, 1),) * (FEED_ENTRIES + 1)),
            *(spoilt(index=index) for index in (TWO_OF_64, TWO_OF_256 - 1)),
            *(spoilt(time_s=time_s) for time_s in (2**32 - 1, 2**32, TWO_OF_64 + 1)),
            {"signer_slot": 1},
            {"account": 1},
            {"nonce": 1},
        ),
        # A chain without feeds takes no snapshot at all.
        *cases(E.ORACLE_OUT_OF_ORDER, ORACLE, {}, spoilt(index=1), spoilt(set_id=TWO_OF_256 - 1)),
        *cases(E.ENVELOPE_MALFORMED, SYSTEM, {"kind": EnvelopeKind.ORACLE}, {"kind": 6}),
    ]


SENDER = int.from_bytes(owner_of(A), "big")
PAY = PriorityRecord(index=0, kind=PriorityKind.FORCED_WITHDRAW, sender=SENDER, account=1, amount=1)
CLOSE = replace(PAY, kind=PriorityKind.FORCED_CLOSE, amount=0, data1=1)
CANCEL = replace(CLOSE, kind=PriorityKind.CANCEL_ALL, data1=0)
UNLINK = replace(CLOSE, kind=PriorityKind.UNLINK, data1=9)
SWEEP = replace(CANCEL, kind=PriorityKind.SWEEP)
REFUND = PriorityRecord(index=0, kind=PriorityKind.REFUND, data0=TWO_OF_256 - 1)
MOVED = PriorityRecord(index=0, kind=PriorityKind.PLEDGES_MOVED, asset=1, amount=1, data0=9)

WELL_FORMED = (PAY, CLOSE, CANCEL, UNLINK, SWEEP, REFUND, MOVED)
OWNERS = (PAY, CLOSE, CANCEL, UNLINK, SWEEP)
NO_ADDRESSES = (2**160, TWO_OF_256 - 1)


def records(base: PriorityRecord, **values: tuple[int, ...]) -> list[PriorityRecord]:
    return [replace(base, **{field: value}) for field in values for value in values[field]]


MALFORMED_RECORDS: list[PriorityRecord] = [
    *(
        record
        for base in OWNERS
        for record in records(
            base,
            sender=NO_ADDRESSES,
            account=(1 << MASTER_BITS, TWO_OF_64 + 1),
            data0=(32, TWO_OF_64, TWO_OF_256 - 1),
        )
    ),
    *records(PAY, asset=(2**16, TWO_OF_64), amount=(0, VALUE_LIMIT, TWO_OF_64 + 1), data1=(1,)),
    *records(CLOSE, data1=(2**16, TWO_OF_64)),
    *records(UNLINK, data1=(2**32 - 1, TWO_OF_64)),
    *(record for base in (CANCEL, SWEEP) for record in records(base, data1=(1,))),
    *(record for base in OWNERS[1:] for record in records(base, asset=(1,), amount=(1,))),
    *records(REFUND, account=(1,), asset=(1,), amount=(1,), data1=(1,)),
    *records(
        MOVED,
        account=(1,),
        asset=(2**16, TWO_OF_64),
        amount=(VALUE_LIMIT, TWO_OF_64),
        data0=(2**32 - 1, TWO_OF_64),
        data1=(2, TWO_OF_64),
    ),
    replace(PAY, kind=PriorityKind.PLEDGES_MOVED + 1),
]

CASES = oracle_cases()
