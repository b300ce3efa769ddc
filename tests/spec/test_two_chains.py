"""What two chains that tell each other the truth have pledged and hold, at all times."""

from collections import Counter
from collections.abc import Iterable

from offchain.spec.event import Event
from offchain.spec.kinds import EventKind, ReservationRole
from offchain.spec.message import Message, accumulator_after
from tests.link_strategies import LinkFlow, TwoChains
from tests.message_strategies import TRUE

SEEDS = range(12)
STEPS = 70
TOLD = (EventKind.PLEDGED, EventKind.RELEASED, EventKind.SEIZED)


def total(flow: LinkFlow, role: ReservationRole) -> Counter[int]:
    """Return units by asset, claimed ones included."""
    units: Counter[int] = Counter()
    for record in flow.records(role, TRUE):
        units[record.asset] += record.units + record.claimed_units + record.asked_units
    return units


def on_their_way(messages: Iterable[Message], kind: EventKind) -> Counter[int]:
    """Return the units by asset of which messages of a kind tell."""
    units: Counter[int] = Counter()
    for message in messages:
        event = Event.from_bytes(message.body)
        if event.kind == kind:
            units[event.values[0]] += event.values[1]
    return units


def is_untouched(sender: LinkFlow, receiver: LinkFlow) -> bool:
    """Return whether L1 would take what the receiver has read: word for word what was sent."""
    record = receiver.state.channels.read(TRUE)
    accumulator = bytes(32)
    for message in sender.sent[TRUE][: record.received_count]:
        accumulator = accumulator_after(accumulator, message.envelope())
    return accumulator == record.received_accumulator and not record.is_severed


def check(keeper: LinkFlow, holder: LinkFlow, seen: Counter[EventKind]) -> None:
    """What is given is held, or told of by a message that is on its way."""
    told = keeper.sent[TRUE][holder.next_index(TRUE) - 1 :]
    answered = holder.sent[TRUE][keeper.next_index(TRUE) - 1 :]
    given = total(keeper, ReservationRole.GIVEN)
    given.update(on_their_way(told, EventKind.SEIZED))
    held = total(holder, ReservationRole.HELD)
    held.update(on_their_way(told, EventKind.PLEDGED))
    held.update(on_their_way(answered, EventKind.RELEASED))
    assert +given == +held
    seen.update(Event.from_bytes(message.body).kind for message in (*told, *answered))


def test_what_one_chain_gives_the_other_holds() -> None:
    seen: Counter[EventKind] = Counter()
    for seed in SEEDS:
        linked = TwoChains(seed)
        first, second = linked.chains
        for number in range(STEPS):
            pair = (first, second) if number % 2 else (second, first)
            linked.step(*pair, ops_left=0)
            if not (is_untouched(first, second) and is_untouched(second, first)):
                break
            check(first, second, seen)
            check(second, first, seen)
    assert set(TOLD) <= set(seen)
