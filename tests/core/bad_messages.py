"""Messages that the crowded chain does not take, with the code that each must get."""

from dataclasses import replace

from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EnvelopeKind
from tests.core.bad_envelopes import ARRIVAL_MS
from tests.core.crowded import NOW_S
from tests.core.crowded_links import (
    ABSENT_CHANNEL,
    FULL,
    OPEN,
    OWN_ID,
    PEER_IDS,
    SEVERED,
    VOID_UNTIL,
    message_envelope,
    pledged,
)

Case = tuple[E, bytes]
MESSAGE = replace(pledged(OPEN, NOW_S), index=2)
PAYLOAD = MESSAGE.to_payload()
CHAIN_ID_LIMIT, NUMBER_LIMIT = 2**32 - 1, 2**63
U256_MAX = 2**256 - 1
AHEAD_MS = (NOW_S + 1) * 1_000
VOID = MESSAGE.without_body()
VOID_PAYLOAD = VOID.to_payload()


def cases(code: E, *changes: dict[str, object]) -> list[Case]:
    return [(code, message_envelope(replace(MESSAGE, **each), ARRIVAL_MS)) for each in changes]


def payload_case(payload: bytes, **changes: object) -> Case:
    envelope = Envelope(kind=EnvelopeKind.MESSAGE, arrival_ms=ARRIVAL_MS, payload=payload)
    return E.ENVELOPE_MALFORMED, replace(envelope, **changes).to_bytes()


def with_byte(at: int, payload: bytes = PAYLOAD, bits: int = 1) -> bytes:
    data = bytearray(payload)
    data[at] ^= bits
    return bytes(data)


def void_cases() -> list[Case]:
    """Cases of a message that would be taken without its body on the channel OPEN."""
    latest_s = NUMBER_LIMIT - 1
    needs_body = (
        *({"expires_at_s": time_s} for time_s in (NOW_S + 1, latest_s)),
        {"expires_at_s": latest_s, "withheld_hash": bytes(32)},
    )
    others = [
        (E.UNKNOWN_PEER, {"channel": FULL}),
        (E.UNKNOWN_PEER, {"to_chain": OWN_ID + 1}),
        *((E.MESSAGE_OUT_OF_ORDER, {"index": index}) for index in (1, 3, VOID_UNTIL)),
        (E.MESSAGE_AHEAD, {"slot": AHEAD_MS, "expires_at_s": latest_s}),
    ]
    of_full = {"channel": FULL, "from_chain": PEER_IDS[FULL], "index": 1}
    return [
        *(payload_case(with_byte(4, VOID_PAYLOAD, bits)) for bits in (2, 3, 128)),
        *(payload_case(with_byte(at, VOID_PAYLOAD)) for at in (4, 5, 7, 488, 500, 551)),
        payload_case(with_byte(4)),  # with its body all the same
        payload_case(VOID_PAYLOAD[:-1]),
        *((E.MESSAGE_NEEDS_BODY, void_envelope(**each)) for each in (*needs_body, of_full)),
        *((code, void_envelope(**each)) for code, each in others),
    ]


def void_envelope(**changes: object) -> bytes:
    return message_envelope(replace(VOID, **changes), ARRIVAL_MS)


def form_cases() -> list[Case]:
    unsigned = (
        {"signer_slot": 1},
        {"account": 1},
        {"nonce": 1},
        {"signer": bytes(19) + b"\1"},
        {"signature": b"\1" + bytes(64)},
    )
    return [
        *(payload_case(PAYLOAD[:length]) for length in (0, 64, 256, 551)),
        payload_case(PAYLOAD + b"\0"),
        *(payload_case(PAYLOAD, **each) for each in unsigned),
        *(payload_case(with_byte(at)) for at in (5, 7, 8 + 6 * 32, 8 + 6 * 32 + 31)),
        *(payload_case(with_byte(at)) for at in (488, 500, 551)),  # of the body
        *cases(E.ENVELOPE_MALFORMED, *({"channel": n} for n in (64, CHAIN_ID_LIMIT))),
        *cases(
            E.ENVELOPE_MALFORMED,
            *({name: n} for name in ("from_chain", "to_chain") for n in (CHAIN_ID_LIMIT, U256_MAX)),
            *({name: n} for name in ("index", "slot") for n in (NUMBER_LIMIT, 2**64 + 2)),
            *({"expires_at_s": n} for n in (NUMBER_LIMIT, U256_MAX)),
            *({"flags": n} for n in (4, 2**64)),
        ),
    ]


def state_cases() -> list[Case]:
    return [
        *cases(
            E.UNKNOWN_PEER,
            {"channel": ABSENT_CHANNEL},
            {"channel": ABSENT_CHANNEL, "from_chain": 0, "to_chain": 0},
            {"channel": 63},
            {"channel": SEVERED},
            {"from_chain": PEER_IDS[SEVERED]},
            {"from_chain": OWN_ID, "to_chain": PEER_IDS[OPEN]},
            {"to_chain": OWN_ID + 1},
            {"to_chain": OWN_ID + 1, "index": 1, "slot": AHEAD_MS},
        ),
        *cases(
            E.MESSAGE_OUT_OF_ORDER, *({"index": n} for n in (0, 1, 3, 2**32 + 2, NUMBER_LIMIT - 1))
        ),
        *cases(E.MESSAGE_OUT_OF_ORDER, {"index": 1, "slot": AHEAD_MS}),
        *cases(E.MESSAGE_AHEAD, *({"slot": n} for n in (AHEAD_MS, NUMBER_LIMIT - 1))),
    ]


CASES = form_cases() + state_cases() + void_cases()
