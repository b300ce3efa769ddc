"""Envelopes that the crowded chain refuses, with the code that each must get."""

import struct
from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import (
    ENVELOPE_HEADER_BYTES,
    ENVELOPE_MAX_BYTES,
    ENVELOPE_MAX_OPS,
    NONCE_FUTURE_MS,
    NONCE_PAST_MS,
    VALUE_LIMIT,
)
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EnvelopeKind, PriorityKind
from offchain.spec.priority import PriorityRecord, admin_record
from tests.core.bad_ops import ASSET, CANCEL_ALL, DEPOSIT, OWNER_KEY, PLACE, TIME, TRANSFER
from tests.core.crowded import ABSENT, A, B
from tests.strategies import agent_of, owner_of

ARRIVAL_MS = 10**12
OFFSETS_OF_ZEROS = (46, 47, *range(113, ENVELOPE_HEADER_BYTES))

Case = tuple[E, bytes]


def payload(*ops: op.Op) -> bytes:
    return b"".join(each.to_bytes() for each in ops)


OWNER = Envelope(
    kind=EnvelopeKind.USER,
    account=A,
    nonce=ARRIVAL_MS + 1,
    arrival_ms=ARRIVAL_MS,
    signer=owner_of(A),
    payload=payload(OWNER_KEY),
)
AGENT = replace(OWNER, signer_slot=1, signer=agent_of(1, 1), payload=payload(CANCEL_ALL))
SYSTEM = Envelope(kind=EnvelopeKind.SYSTEM, arrival_ms=ARRIVAL_MS, payload=payload(TIME))
RECORD = PriorityRecord(
    index=0,
    kind=PriorityKind.DEPOSIT,
    sender=int.from_bytes(owner_of(A), "big"),
    account=1,
    amount=1,
)
PRIORITY = Envelope(kind=EnvelopeKind.PRIORITY, arrival_ms=ARRIVAL_MS, payload=RECORD.to_bytes())


def owner_envelope(nonce_step: int, *ops: op.Op) -> bytes:
    """Return an envelope of A's owner whose nonce lies `nonce_step` after the arrival."""
    return replace(OWNER, nonce=ARRIVAL_MS + nonce_step, payload=payload(*ops)).to_bytes()


def priority_envelope(record: PriorityRecord) -> bytes:
    return replace(PRIORITY, payload=record.to_bytes()).to_bytes()


def cases(code: E, base: Envelope, *changes: dict[str, object]) -> list[Case]:
    return [(code, replace(base, **change).to_bytes()) for change in changes]


def byte_set(envelope: Envelope, at: int, value: int) -> bytes:
    data = bytearray(envelope.to_bytes())
    data[at] = value
    return bytes(data)


def form_cases() -> list[Case]:
    whole = OWNER.to_bytes()
    lengths = (0, 1, ENVELOPE_HEADER_BYTES - 1, ENVELOPE_HEADER_BYTES, len(whole) - 1)
    too_many = payload(*[OWNER_KEY] * (ENVELOPE_MAX_OPS + 1))
    unsigned = (
        {"signer_slot": 1},
        {"account": 1},
        {"nonce": 1},
        {"signer": bytes(19) + b"\1"},
        {"signature": b"\1" + bytes(64)},
    )
    return [
        *((E.ENVELOPE_TRUNCATED, whole[:length]) for length in lengths),
        (E.ENVELOPE_TRUNCATED, byte_set(OWNER, 45, 0xFF)),
        (E.ENVELOPE_TOO_LONG, whole + b"\0"),
        (E.ENVELOPE_TOO_LONG, byte_set(OWNER, 44, 0x3F)),
        (E.ENVELOPE_TOO_LONG, whole + bytes(ENVELOPE_MAX_BYTES)),
        *cases(E.ENVELOPE_TOO_LONG, OWNER, {"payload": bytes(ENVELOPE_MAX_BYTES)}),
        *cases(
            E.ENVELOPE_MALFORMED,
            OWNER,
            {"version": 0},
            {"version": 2},
            {"version": 257},
            {"kind": 0},
            {"kind": 4},
            {"signer_slot": 4},
            {"arrival_ms": 2**48},
            {"arrival_ms": 2**64 - 1},
            {"payload": b""},
            {"payload": OWNER.payload + b"\0"},
            {"payload": OWNER.payload[:63]},
            {"payload": too_many},
        ),
        *((E.ENVELOPE_MALFORMED, byte_set(OWNER, at, 1)) for at in OFFSETS_OF_ZEROS),
        *cases(E.ENVELOPE_MALFORMED, SYSTEM, *unsigned, {"payload": b""}),
        *cases(
            E.ENVELOPE_MALFORMED,
            PRIORITY,
            *unsigned,
            {"payload": RECORD.to_bytes()[:-32]},
            {"payload": RECORD.to_bytes() + bytes(64)},
        ),
        *cases(
            E.ENVELOPE_OP_NOT_ALLOWED,
            OWNER,
            {"payload": payload(TIME)},
            {"payload": payload(DEPOSIT)},
            {"payload": payload(ASSET)},
            {"payload": payload(OWNER_KEY, TIME)},
            {"payload": bytes(64)},
            # The kinds of all ops come before their accounts.
            {"payload": payload(replace(OWNER_KEY, account=B), TIME)},
        ),
        *cases(
            E.ENVELOPE_OP_NOT_ALLOWED,
            SYSTEM,
            {"payload": payload(OWNER_KEY)},
            {"payload": payload(DEPOSIT)},
            {"payload": payload(TIME, PLACE)},
            {"payload": bytes([96]) + bytes(63)},
        ),
        *cases(
            E.WRONG_ACCOUNT,
            OWNER,
            {"account": B},
            {"payload": payload(OWNER_KEY, replace(OWNER_KEY, account=B))},
            {"account": 2**22 | A},
            {"account": 2**32 - 1},
        ),
    ]


def state_cases() -> list[Case]:
    trade = payload(PLACE)
    absent = payload(replace(OWNER_KEY, account=ABSENT))
    far = payload(replace(OWNER_KEY, account=2**22 | A))
    of_b = {"account": B, "signer": owner_of(B), "payload": payload(replace(PLACE, account=B))}
    index_after = struct.pack(">Q", 1)
    return [
        *cases(E.ARRIVAL_BACKWARDS, OWNER, {"arrival_ms": ARRIVAL_MS - 1}, {"arrival_ms": 0}),
        *cases(E.ARRIVAL_BACKWARDS, SYSTEM, {"arrival_ms": 0}),
        *cases(
            E.UNKNOWN_ACCOUNT,
            OWNER,
            {"account": ABSENT, "payload": absent},
            {"account": 2**22 | A, "payload": far},
        ),
        *cases(
            E.UNKNOWN_SIGNER,
            OWNER,
            {"signer": owner_of(B)},
            {"signer": bytes(20)},
            {"signer_slot": 1},
            {"signer_slot": 3},
            {"signer_slot": 3, "signer": bytes(20)},
        ),
        *cases(E.SIGNER_EXPIRED, AGENT, {"signer_slot": 2, "signer": agent_of(1, 2)}),
        *cases(E.OWNER_KEY_NOT_ENABLED, OWNER, of_b),
        *cases(
            E.AGENT_NOT_ALLOWED,
            AGENT,
            {"payload": payload(OWNER_KEY)},
            {"payload": payload(TRANSFER, OWNER_KEY)},
            {"payload": trade + bytes([31, 0, 0, 0, A]) + bytes(59)},
        ),
        *cases(
            E.NONCE_OUT_OF_WINDOW,
            OWNER,
            {"nonce": ARRIVAL_MS - NONCE_PAST_MS - 1},
            {"nonce": ARRIVAL_MS + NONCE_FUTURE_MS + 1},
            {"nonce": 0},
            {"nonce": 2**64 - 1},
            {"nonce": 2**64 - NONCE_PAST_MS},
        ),
        *cases(E.NONCE_USED, OWNER, {"nonce": ARRIVAL_MS}),
        *cases(
            E.PRIORITY_OUT_OF_ORDER,
            PRIORITY,
            *({"payload": replace(RECORD, index=n).to_bytes()} for n in (2**32, 2**64, 2**256 - 1)),
            {"payload": bytes(23) + index_after + RECORD.to_bytes()[31:]},
        ),
    ]


CASES = form_cases() + state_cases()

MALFORMED_RECORDS = [
    *(replace(RECORD, kind=kind) for kind in (0, 10, 2**64 + 1, 2**256 - 1)),
    *(replace(RECORD, account=account) for account in (2**64 + 1, 2**255)),
    *(replace(RECORD, asset=asset) for asset in (2**16, 2**64)),
    *(replace(RECORD, amount=amount) for amount in (0, VALUE_LIMIT, 2**64 + 1)),
    *(replace(RECORD, sender=sender) for sender in (2**160, 2**256 - 1)),
    replace(RECORD, data0=1),
    replace(RECORD, data1=1),
    *(replace(admin_record(0, payload(ASSET)), **{field: 1}) for field in ("account", "asset")),
    replace(admin_record(0, payload(ASSET)), amount=2**64),
    admin_record(0, payload(DEPOSIT)),
    admin_record(0, payload(TIME)),
    admin_record(0, payload(PLACE)),
    *(admin_record(0, bytes([kind]) + bytes(63)) for kind in (80, 86, 95, 96)),
    admin_record(0, bytes(64)),
]
