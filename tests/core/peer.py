"""A peer that tells a chain in both implementations what it likes."""

from dataclasses import replace

from offchain.spec.constants import PLEDGE_MIN_S
from offchain.spec.encoding import address_words, signed_word
from offchain.spec.errors import ErrorCode as E
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind
from offchain.spec.message import Message
from tests.core.crowded_links import message_envelope
from tests.core.pair import Pair, as_events
from tests.strategies import START_S, owner_of

A, B = 32, 64
OWN_ID, PEER_ID = 9, 5
KEPT, LINKED = 1, 64  # what the peer keeps; what stands for it
EXPIRY_S = START_S + PLEDGE_MIN_S
HELD = 100


def event(kind: int, account: int, *values: int) -> Event:
    return Event(3, kind, 0, account, (*values, *[0] * (6 - len(values))))


def offer(
    account: int = A,
    *,
    source: int = A,
    asset: int = KEPT,
    units: int = HELD,
    expires_at_s: int = EXPIRY_S,
    owner: bytes = owner_of(A),
) -> Event:
    target = signed_word(account | expires_at_s << 32)
    return event(EventKind.PLEDGED, source, asset, units, target, *address_words(owner))


def tell(pair: Pair, told: Event, **changes: object) -> list[Event]:
    """Let the chain take the peer's next message; return what follows MESSAGE_TAKEN."""
    outcome = pair.envelope(message_envelope(replace(next_message(pair, told), **changes)))
    assert outcome.code is E.OK
    first, *others = as_events(outcome.events)
    assert first.kind is EventKind.MESSAGE_TAKEN
    return others


def next_message(pair: Pair, told: Event) -> Message:
    """Return the peer's next message."""
    return Message(
        channel=0,
        from_chain=PEER_ID,
        to_chain=OWN_ID,
        index=pair.state.channels.read(0).received_count + 1,
        slot=START_S * 1_000,
        expires_at_s=0,
        body=told.to_bytes(),
    )
