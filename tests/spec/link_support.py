"""A chain that keeps collateral, one that holds pledges of it, and messages between them."""

from dataclasses import replace
from itertools import pairwise

from offchain.spec import link_op, op
from offchain.spec.encoding import address_words
from offchain.spec.envelope import Envelope, apply_envelope
from offchain.spec.event import Event
from offchain.spec.kinds import EnvelopeKind, EventKind
from offchain.spec.link_records import Reservation
from offchain.spec.message import NO_VALUES, Message
from offchain.spec.state import State
from tests.spec.risk_support import asset_risk, asset_snapshot, margined_exchange
from tests.spec.support import BASE, MAKER, run
from tests.strategies import owner_of

KEEPER_ID, HOLDER_ID = 5, 9
CHANNEL = 0
LINKED = 64  # stands for BASE
UNITS = 10**9
HOUR_S = 3_600
CAP = 10**12
OWNER, SUB = MAKER, MAKER + 1  # of the same master on both chains


def keeper() -> State:
    """Return the margined exchange with a channel to the holder."""
    state = margined_exchange()
    run(state, channel_op(HOLDER_ID, KEEPER_ID))
    return state


def holder() -> State:
    """Return the margined exchange in which LINKED stands for the keeper's BASE, worth 20."""
    state = margined_exchange()
    run(
        state,
        channel_op(KEEPER_ID, HOLDER_ID),
        linked_asset(),
        link(),
        asset_risk(LINKED),
        asset_snapshot(state, LINKED),
    )
    return state


def channel_op(peer: int, own: int, channel: int = CHANNEL) -> link_op.AdminChannel:
    """Return an ADMIN_CHANNEL."""
    return link_op.AdminChannel(channel=channel, peer_chain_id=peer, own_chain_id=own)


def linked_asset(asset: int = LINKED, **changes: int) -> op.AdminAsset:
    """Return an ADMIN_ASSET of an asset that can be linked."""
    fields = {"withdraw_step_units": 1, "deposit_cap_units": CAP}
    return op.AdminAsset(asset=asset, **{**fields, **changes})


def link(asset: int = LINKED, **changes: int) -> link_op.AdminLink:
    """Return an ADMIN_LINK to BASE of the keeper."""
    return link_op.AdminLink(asset=asset, **{"channel": CHANNEL, "peer_asset": BASE, **changes})


def pledge(state: State, **changes: int) -> link_op.Pledge:
    """Return a PLEDGE of UNITS for the same account of the holder, for two hours."""
    fields = {
        "account": OWNER,
        "asset": BASE,
        "channel": CHANNEL,
        "peer_account": OWNER,
        "amount": UNITS,
        "expires_at_s": state.header.now_s + 2 * HOUR_S,
    }
    return link_op.Pledge(**{**fields, **changes})


def offer(state: State, **changes: int) -> bytes:
    """Return the body that tells of such a pledge."""
    fields = {
        "source": OWNER,
        "asset": BASE,
        "units": UNITS,
        "account": OWNER,
        "expires_at_s": state.header.now_s + 2 * HOUR_S,
        "owner": OWNER,
    }
    source, asset, units, account, expires_at_s, owner = {**fields, **changes}.values()
    words = address_words(owner_of(owner))
    return told(EventKind.PLEDGED, source, asset, units, account | expires_at_s << 32, *words)


def told(kind: int, account: int, *values: int) -> bytes:
    """Return an event of a peer, as a body."""
    return Event(1, kind, CHANNEL, account, (*values, *[0] * (6 - len(values)))).to_bytes()


def message(state: State, body: bytes, **changes: object) -> Message:
    """Return the next message of the peer, sent now."""
    record = state.channels.read(CHANNEL)
    fields = {
        "channel": CHANNEL,
        "from_chain": record.peer_chain_id,
        "to_chain": record.own_chain_id,
        "index": record.received_count + 1,
        "slot": state.header.now_s * 1_000,
        "expires_at_s": 0,
    }
    return Message(**{**fields, **changes}, body=body)


def read(state: State, each: Message) -> list[Event]:
    """Let a chain take a message; return the events."""
    envelope = Envelope(
        kind=EnvelopeKind.MESSAGE,
        arrival_ms=state.header.last_arrival_ms,
        payload=each.to_payload(),
    )
    return apply_envelope(state, envelope.to_bytes())


def tell(state: State, body: bytes, **changes: object) -> list[Event]:
    """Let a chain take the next message; return what follows MESSAGE_TAKEN."""
    first, *others = read(state, message(state, body, **changes))
    assert first.kind == EventKind.MESSAGE_TAKEN
    return others


def sent(state: State, events: list[Event]) -> list[Message]:
    """Return the messages that events tell of."""
    record = state.channels.read(CHANNEL)
    return [
        Message(
            channel=CHANNEL,
            from_chain=record.own_chain_id,
            to_chain=record.peer_chain_id,
            index=event.values[0],
            slot=event.values[1],
            expires_at_s=event.values[2],
            flags=event.values[3],
            values=((event.values[4], event.values[5]), *NO_VALUES[1:]),
            body=before.to_bytes(),
        )
        for before, event in pairwise(events)
        if event.kind == EventKind.MESSAGE_SENT
    ]


def carry(sender: State, receiver: State, events: list[Event]) -> list[Event]:
    """Deliver what events of one chain sent to the other; return its events."""
    return [
        event
        for each in sent(sender, events)
        for event in read(receiver, replace(each, channel=CHANNEL))
    ]


def record_of(state: State, account: int = OWNER, number: int = 0) -> Reservation:
    """Return a record of the account's master."""
    return state.reservations.read((account >> 5) * 8 + number)


def free_of(state: State, account: int, asset: int) -> int:
    """Return the free units of an account, 0 without a slot."""
    record = state.account(account)
    ids = record.asset_ids
    return record.free[ids.index(asset + 1)] if asset + 1 in ids else 0


def values_of(events: list[Event], kind: EventKind) -> tuple[int, ...]:
    """Return the values of the only event of a kind."""
    (event,) = (each for each in events if each.kind == kind)
    return event.values
