"""Pledges between chains: what their keeper, their holder and their owner may not do."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import channels, link_op, messages, pledges
from offchain.spec import op as ops
from offchain.spec.constants import MESSAGE_TTL_S, PLEDGE_MIN_S
from offchain.spec.encoding import address_words
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind, MessageFlag
from offchain.spec.message import Message
from offchain.spec.ops import pledge, seize
from offchain.spec.pledges import find_given, find_held
from tests.strategies import owner_of
from tests.violations.layer1 import CHAIN_ID, PEER_ASSET, PEER_ID
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import (
    BASE,
    BASE_UNITS,
    BEST_BID,
    CHANNEL,
    LINKED,
    OTHER,
    RICH,
    TAKER,
    place,
)

PLEDGED_UNITS = BASE_UNITS // 10
PEER_ACCOUNT = 5 * 32
MUCH = 10**10  # units that the peer pledges to OTHER: worth 2,100 quote tokens
LARGE_LOTS = 290_000  # more than OTHER's own money margins


def told(batch: Batch, index: int, kind: EventKind, account: int, *values: int) -> Message:
    """Return message `index` of the peer, whose body is this event."""
    padded = values + (0,) * (6 - len(values))
    is_request = kind == EventKind.SEIZE_REQUESTED
    return Message(
        channel=CHANNEL,
        from_chain=PEER_ID,
        to_chain=CHAIN_ID,
        index=index,
        slot=1_000 * batch.now_s + index,
        expires_at_s=batch.now_s + MESSAGE_TTL_S,
        flags=MessageFlag.ATOMIC if is_request else 0,
        body=Event(1, kind, CHANNEL, account, padded).to_bytes(),
    )


def pledging(chain: Chain) -> Batch:
    """An account here pledges collateral to one of the peer."""
    batch = chain.batch()
    expires_at_s = batch.now_s + 2 * PLEDGE_MIN_S
    terms = {"channel": CHANNEL, "peer_account": PEER_ACCOUNT, "expires_at_s": expires_at_s}
    batch.user(RICH, link_op.Pledge(account=RICH, asset=BASE, amount=PLEDGED_UNITS, **terms))
    return batch


def seizing(batch: Batch, account: int, units: int) -> Batch:
    """The peer asks for units that the account is said to have pledged."""
    request = (PEER_ASSET, units, account, PEER_ACCOUNT)
    batch.message(told(batch, 1, EventKind.SEIZE_REQUESTED, PEER_ACCOUNT, *request))
    return batch.seal()


def held(chain: Chain, index: int = 1, units: int = MUCH) -> tuple[Batch, Message]:
    """The peer tells that an owner has pledged to its account here."""
    batch = chain.batch()
    to = OTHER | (batch.now_s + 2 * PLEDGE_MIN_S) << 32
    owner = address_words(owner_of(OTHER))
    said = (PEER_ASSET, units, to, *owner)
    return batch, told(batch, index, EventKind.PLEDGED, PEER_ACCOUNT, *said)


def given_up(run: Run) -> list[int]:
    return [event.values[1] for event in run.of(EventKind.SEIZED)]


def give_all(give_up, state, log, channel, body):
    """Give up what is asked for, whatever was pledged."""
    asked, account_id = body.values[1:3]
    index = find_given(state, account_id, channel, PEER_ASSET, PEER_ACCOUNT)
    if index is not None:
        pledges.change(state, index, units=-state.reservations.read(index).units)
    log.seized(
        account=account_id,
        channel=channel,
        asset=PEER_ASSET,
        units=asked,
        peer_account=PEER_ACCOUNT,
        asked_units=asked,
    )
    flags = MessageFlag.ATOMIC | MessageFlag.SEIZURE
    channels.send(state, log, channel, flags=flags, value=(PEER_ASSET, asked))


@violation(
    rule="links.md#3-messages",
    result="another statement",
    why="A request takes from the account's record of that pledge, and without one nothing.",
)
def unpledged_collateral_seized(chain: Chain) -> str:
    """Hand a peer the collateral of a client who has pledged nothing."""
    return seizing(chain.batch(), TAKER, PLEDGED_UNITS).attempt(
        wrapped(messages, "_give_up", give_all),
        harm=lambda run: given_up(run) == [PLEDGED_UNITS],
    )


@violation(
    rule="links.md#3-messages",
    result="another statement",
    why="The units of a pledge are in its record: a request takes no more.",
)
def more_than_the_pledge_seized(chain: Chain) -> str:
    """Hand a peer twice of what a client has pledged."""
    return seizing(pledging(chain), RICH, 2 * PLEDGED_UNITS).attempt(
        wrapped(messages, "_give_up", give_all),
        harm=lambda run: given_up(run) == [2 * PLEDGED_UNITS],
    )


@violation(
    rule="links.md#3-messages",
    result="another statement",
    why="An answer to a request gives up what is pledged: the keeper cannot keep it.",
)
def seizure_refused(chain: Chain) -> str:
    """Give a peer nothing of what a friend has pledged and lost."""

    def nothing(give_up, state, log, channel, body):
        asset, asked, account_id, _ = body.values[:4]
        body = replace(body, values=(asset, asked, account_id, PEER_ACCOUNT + 1, 0, 0))
        give_up(state, log, channel, body)

    return seizing(pledging(chain), RICH, PLEDGED_UNITS).attempt(
        wrapped(messages, "_give_up", nothing), harm=lambda run: given_up(run) == [0]
    )


@violation(
    rule="links.md#2-ops",
    result="another statement",
    why="What is pledged leaves the free balance in the same op.",
)
def pledge_spent_twice(chain: Chain) -> str:
    """Pledge a friend's collateral to a peer and leave it free here."""

    def is_free(run: Run) -> bool:
        slot = 1
        return (
            bool(run.of(EventKind.PLEDGED))
            and run.state.account(RICH).free[slot] == chain.state.account(RICH).free[slot]
        )

    return (
        pledging(chain)
        .seal()
        .attempt(
            replaced(pledge.pledges, "burn", lambda state, account_id, asset, units: None),
            harm=is_free,
        )
    )


@violation(
    rule="links.md#2-ops",
    result="another statement: INSUFFICIENT_MARGIN",
    why="A release is an outflow: what a position needs stays pledged.",
)
def pledge_released_while_needed(chain: Chain) -> str:
    """Let a friend's pledge go that backs orders and positions."""
    batch, message = held(chain)
    batch.message(message)
    batch.user(OTHER, place(OTHER, BEST_BID, LARGE_LOTS))
    batch.user(OTHER, link_op.Release(account=OTHER, asset=LINKED, amount=MUCH))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.INSUFFICIENT_MARGIN), harm=lambda run: bool(run.of(EventKind.RELEASED))
    )


@violation(
    rule="links.md#2-ops",
    result="another statement: PLEDGED_ASSET",
    why="A pledged asset leaves its account by a release or a liquidation, and in no other way.",
)
def pledge_withdrawn(chain: Chain) -> str:
    """Pay a pledge out to its holder as if it were money of this chain."""
    batch, message = held(chain)
    batch.message(message)
    move = ops.Transfer(account=OTHER, to_account=OTHER + 1, asset=LINKED, amount=MUCH)
    batch.user(OTHER, move)
    batch.seal()
    return batch.attempt(
        without(ErrorCode.PLEDGED_ASSET), harm=lambda run: bool(run.of(EventKind.TRANSFERRED))
    )


@violation(
    rule="links.md#3-messages",
    result="another statement",
    why="The account and its owner are in the message, whose hash both chains accumulate.",
)
def pledge_credited_to_another(chain: Chain) -> str:
    """Credit what an owner has pledged to an account of somebody else."""
    batch, message = held(chain)
    batch.message(message)
    batch.seal()

    def to_taker(take_pledge, state, log, channel, body):
        asset, units, to, *_ = body.values
        words = address_words(owner_of(TAKER))
        values = (asset, units, to - OTHER + TAKER, *words)
        take_pledge(state, log, channel, replace(body, values=values))

    return batch.attempt(
        wrapped(messages, "_take_pledge", to_taker),
        harm=lambda run: find_held(run.state, TAKER, CHANNEL, PEER_ASSET) is not None,
    )


@violation(
    rule="links.md#3-messages",
    result="another statement: NOTHING_TO_SEIZE",
    why="A request is for what liquidations have sold to the insurance account, to the unit.",
)
def collateral_seized_without_liquidation(chain: Chain) -> str:
    """Ask the keeper for a pledge whose holder was never liquidated."""
    batch, message = held(chain)
    batch.message(message)
    batch.system(link_op.Seize(account=OTHER, number=0))
    batch.seal()

    def claim_first(apply, state, op, log):
        index = pledges.reservation_index(op.account, op.number)
        pledges.change(state, index, units=-MUCH, claimed_units=MUCH)
        apply(state, op, log)

    return batch.attempt(
        wrapped(seize, "seize", claim_first),
        harm=lambda run: bool(run.of(EventKind.SEIZE_REQUESTED)),
    )


@violation(
    rule="links.md#3-messages",
    result="no proof: MESSAGE_OUT_OF_ORDER",
    why="The count of what was taken is in the channel's record.",
)
def message_replayed(chain: Chain) -> str:
    """Take one pledge of a peer twice."""
    batch, message = held(chain)
    batch.message(message)
    batch.message(message)
    batch.seal()

    def taken_twice(run: Run) -> bool:
        return len(run.of(EventKind.PLEDGE_TAKEN)) == 2

    lie = without(ErrorCode.MESSAGE_OUT_OF_ORDER)
    return batch.attempt(lie, harm=taken_twice, l1_code="E46")


@violation(
    rule="links.md#3-messages",
    result="no proof: MESSAGE_OUT_OF_ORDER",
    why="Messages are taken in the order of their numbers, without holes.",
)
def message_skipped(chain: Chain) -> str:
    """Leave a request of the peer out and take what comes behind it."""
    batch, message = held(chain, index=2)
    batch.message(message)
    batch.seal()
    lie = without(ErrorCode.MESSAGE_OUT_OF_ORDER)
    return batch.attempt(lie, harm=lambda run: bool(run.of(EventKind.PLEDGE_TAKEN)), l1_code="E42")


def body_withheld(chain: Chain, *, void_until: int, expires_in_s: int) -> Batch:
    """A pledge of the peer is taken without body, after an ADMIN_VOID if `void_until` is not 0."""
    batch, message = held(chain)
    if void_until:
        batch.admin(link_op.AdminVoid(channel=CHANNEL, index=void_until))
    message = replace(message, expires_at_s=batch.now_s + expires_in_s)
    batch.message(message.without_body())
    return batch.seal()


def is_taken(run: Run) -> bool:
    return bool(run.of(EventKind.MESSAGE_TAKEN))


@violation(
    rule="links.md#3-messages",
    result="no proof: MESSAGE_NEEDS_BODY",
    why="Which messages of a channel are void is in its record, and governance alone writes it.",
)
def message_voided_by_the_sequencer(chain: Chain) -> str:
    """Let a pledge of the peer expire, then take it without doing what it says."""
    batch = body_withheld(chain, void_until=0, expires_in_s=0)
    lie = without(ErrorCode.MESSAGE_NEEDS_BODY)
    return batch.attempt(lie, harm=is_taken, l1_code="E45")


@violation(
    rule="links.md#3-messages",
    result="no proof: MESSAGE_NEEDS_BODY",
    why="A voided message needs its body until it expires; the time is the chain's own.",
)
def message_voided_before_it_expires(chain: Chain) -> str:
    """Take a pledge that governance voided without its body while the peer still gives it."""
    batch = body_withheld(chain, void_until=1, expires_in_s=MESSAGE_TTL_S)
    return batch.attempt(without(ErrorCode.MESSAGE_NEEDS_BODY), harm=is_taken)


@violation(
    rule="links.md#3-messages",
    result="no proof: MESSAGE_NEEDS_BODY",
    why="Governance names the last message that is void; the next one needs its body.",
)
def message_voided_with_another(chain: Chain) -> str:
    """Take the message behind a voided one without its body too."""
    batch, first = held(chain)
    batch.admin(link_op.AdminVoid(channel=CHANNEL, index=1))
    batch.message(first)
    batch.message(replace(first, index=2, slot=first.slot + 1).without_body())
    batch.seal()
    lie = without(ErrorCode.MESSAGE_NEEDS_BODY)
    return batch.attempt(lie, harm=lambda run: len(run.of(EventKind.MESSAGE_TAKEN)) == 2)


@violation(
    rule="links.md#3-messages",
    result="no proof: ENVELOPE_MALFORMED",
    why="A void message has a body of zeros, so nothing can be made of it.",
)
def body_of_a_void_message_invented(chain: Chain) -> str:
    """Void a message of the peer and put a pledge of one's own into its place."""
    batch, message = held(chain)
    batch.admin(link_op.AdminVoid(channel=CHANNEL, index=1))
    void = replace(message, expires_at_s=batch.now_s).without_body()
    batch.message(void)
    honest = batch.envelopes[-1]
    batch.envelopes[-1] = honest[: -len(message.body)] + message.body
    batch.seal()

    def with_body(from_payload, payload):
        size = len(message.body)
        parsed = from_payload(payload[:-size] + bytes(size))
        return parsed and replace(parsed, body=payload[-size:])

    lie = wrapped(Message, "from_payload", with_body)
    taken = EventKind.PLEDGE_TAKEN
    return batch.attempt(lie, harm=lambda run: bool(run.of(taken)), l1_code="E45")


def taken_as(chain: Chain, said: int, taken: int) -> str:
    """Settle a pledge of `taken` units of which the peer said `said`; 0: nothing."""
    batch, message = held(chain, units=taken)
    batch.message(message)
    proven = batch.seal()
    honest = proven.replay()
    assert proven.proven() == honest.claim
    # What is sent in the same settlement is not listed as received.
    lists = replace(honest.lists, taken=())
    if not said:
        return batch.l1.settle(honest.claim, honest.flows, lists)
    other, message = held(chain, units=said)
    other.message(message)
    peers = other.seal().replay()
    part = batch.l1.peer_part(peers.lists, peers.sealed.mail.taken)
    return batch.l1.settle(honest.claim, honest.flows, lists, part)


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E53",
    why="L1 walks what one chain sent up to what the other took; the accumulators must agree.",
)
def message_altered(chain: Chain) -> str:
    """Take a pledge as if the peer had said twice as much."""
    assert taken_as(chain, MUCH, MUCH) == "ok"
    return f"L1 refuses: {taken_as(chain, MUCH, 2 * MUCH)}"


@violation(
    rule="settlement.md#4-settle",
    result="L1 refuses: E17",
    why="Nothing is taken that no settled chain has sent.",
)
def message_invented(chain: Chain) -> str:
    """Take a pledge of which no peer has said anything."""
    return f"L1 refuses: {taken_as(chain, 0, MUCH)}"
