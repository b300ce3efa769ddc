"""What a batch told other chains and took from them, read off its envelopes and events.

docs/spec/links.md, section 4: a batch that sends more than `BATCH_MESSAGES_MAX` messages has no
proof. As every pledge and every release is a message of its own, and a chain has no more channels,
the other lists are then never longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offchain.core.binding import EventArray
from offchain.engine.state_view import StateView
from offchain.spec.constants import ENVELOPE_HEADER_BYTES
from offchain.spec.kinds import EnvelopeKind, EventKind, MessageFlag
from offchain.spec.link_records import Channel
from offchain.spec.message import NO_VALUES, Message

BATCH_MESSAGES_MAX: Final = 64
_KIND_BYTE: Final = 2
_SUM_EVENTS: Final = (EventKind.PLEDGED, EventKind.RELEASED)


@dataclass(frozen=True, slots=True)
class ChannelTotals:
    """What was ever sent to a peer and taken from it: messages and accumulators (32 bytes)."""

    peer: int
    sent_count: int
    sent_accumulator: bytes
    received_count: int
    received_accumulator: bytes


@dataclass(frozen=True, slots=True)
class PledgeSums:
    """Units of an asset that were pledged to a peer, and units of its pledges that were let go."""

    peer: int
    asset: int
    pledged_units: int
    released_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Messages of one batch and what L1 is told of them.

    Attributes
    ----------
    sent, taken : tuple of Message
        In their order; `channel` is the number on this chain.
    channels : tuple of ChannelTotals
        After the batch, of the channels on which a message was sent or taken, by peer.
    pledges : tuple of PledgeSums
        By peer and asset.
    """

    sent: tuple[Message, ...] = ()
    taken: tuple[Message, ...] = ()
    channels: tuple[ChannelTotals, ...] = ()
    pledges: tuple[PledgeSums, ...] = ()


class MailCollector:
    """Collects the messages of the open batch.

    Parameters
    ----------
    state : StateView
        The state after whatever was added.

    Attributes
    ----------
    sent, taken : list of Message
        Of the open batch so far.
    """

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._unanswered = 0
        self._begin()

    @property
    def waits_for_answer(self) -> bool:
        """Whether a request that settles only with its answer is without one."""
        return self._unanswered > 0

    def add(self, envelope: bytes, events: EventArray) -> None:
        """Take an applied envelope with its events."""
        if envelope[_KIND_BYTE] == EnvelopeKind.MESSAGE:
            message = Message.from_payload(envelope[ENVELOPE_HEADER_BYTES:])
            assert message is not None, "an envelope of another form is not applied"
            self.taken.append(message)
            if message.flags & MessageFlag.SEIZURE:
                self._unanswered = max(0, self._unanswered - 1)
        kinds: list[int] = events["kind"].tolist()
        if EventKind.MESSAGE_SENT in kinds:
            self._add_sent(events)
            self._unanswered += kinds.count(EventKind.SEIZE_REQUESTED)

    def close(self) -> Mail:
        """Return what was collected and begin anew; the state is that after the batch."""
        records = [self._state.channel(number) for number in self._numbers()]
        mail = Mail(
            sent=tuple(self.sent),
            taken=tuple(self.taken),
            channels=tuple(sorted(map(_totals, records), key=lambda totals: totals.peer)),
            pledges=tuple(
                PledgeSums(peer, asset, *sums)
                for (peer, asset), sums in sorted(self._pledges.items())
            ),
        )
        self._begin()
        return mail

    def _begin(self) -> None:
        self.sent: list[Message] = []
        self.taken: list[Message] = []
        self._pledges: dict[tuple[int, int], tuple[int, int]] = {}
        self._unanswered = 0

    def _numbers(self) -> set[int]:
        return {message.channel for message in (*self.sent, *self.taken)}

    def _add_sent(self, events: EventArray) -> None:
        for row in (events["kind"] == EventKind.MESSAGE_SENT).nonzero()[0].tolist():
            told, sent = events[row - 1], events[row]
            number = int(sent["market"])
            channel = self._state.channel(number)
            self.sent.append(_message(channel, number, told.tobytes(), sent))
            kind, (asset, units) = int(told["kind"]), told["v"][:2].tolist()
            if kind in _SUM_EVENTS:
                ends = channel.peer_chain_id, asset
                pledged, released = self._pledges.get(ends, (0, 0))
                if kind == EventKind.PLEDGED:
                    pledged += units
                else:
                    released += units
                self._pledges[ends] = pledged, released


def _message(channel: Channel, number: int, body: bytes, sent: EventArray) -> Message:
    index, slot, expires_at_s, flags, asset, units = sent["v"].tolist()
    values = ((asset, units), *NO_VALUES[1:]) if units else NO_VALUES
    return Message(
        channel=number,
        from_chain=channel.own_chain_id,
        to_chain=channel.peer_chain_id,
        index=index,
        slot=slot,
        expires_at_s=expires_at_s,
        flags=flags,
        values=values,
        body=body,
    )


def _totals(channel: Channel) -> ChannelTotals:
    return ChannelTotals(
        channel.peer_chain_id,
        channel.sent_count,
        channel.sent_accumulator,
        channel.received_count,
        channel.received_accumulator,
    )
