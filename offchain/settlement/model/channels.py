"""Channels between chains and envelopes in flight (specification, sections 3 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.messages import (
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
)
from offchain.settlement.model.refusals import Code, Refused, require
from offchain.settlement.model.storage import Storage, Table
from offchain.settlement.public_output import PublicOutput

DELIVERY_S: Final = 3 * 86_400  # beyond its expiry, for a receiver to consume an envelope
IN_FLIGHT_MAX: Final = 256  # of a channel: a receiver's duty is bounded, whatever a sender does
COUNTER_LIMIT: Final = 1 << 64
ALL_FLAGS: Final = EnvelopeFlag.ATOMIC | EnvelopeFlag.SEIZURE


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel from one chain to another.

    Attributes
    ----------
    sent_count, received_count : int
        Envelopes sent and received, ever.
    sent_accumulator, received_accumulator : bytes
        Accumulators over them.
    last_slot, last_expiry_s : int
        Of the last one sent.
    """

    sent_count: int = 0
    sent_accumulator: bytes = ZERO_WORD
    last_slot: int = 0
    last_expiry_s: int = 0
    received_count: int = 0
    received_accumulator: bytes = ZERO_WORD


@dataclass(frozen=True, slots=True)
class InFlight:
    """An envelope that is sent and not received, and the accumulator up to it."""

    envelope: Envelope
    accumulator: bytes


class Channels:
    """Channels by (from, to); envelopes in flight by (from, to, index)."""

    def __init__(self, storage: Storage) -> None:
        self._channels: Table[tuple[int, int], Channel] = storage.table(Channel())
        self._in_flight: Table[tuple[int, int, int], InFlight | None] = storage.table(None)

    def __getitem__(self, ends: tuple[int, int]) -> Channel:
        return self._channels[ends]

    def in_flight(self) -> list[Envelope]:
        """Return all envelopes in flight, by channel and index."""
        return [held.envelope for _, held in sorted(self._in_flight.items()) if held]

    def check_envelope(
        self, envelope: Envelope, channel: Channel, output: PublicOutput, now_s: int
    ) -> None:
        """Check a new envelope against its channel, its sender's output and the time."""
        require(envelope.index == channel.sent_count + 1, Code.ENVELOPE_INDEX)
        require(envelope.flags <= ALL_FLAGS, Code.ENVELOPE_FLAGS)
        require(
            envelope.slot > channel.last_slot
            and output.first_slot <= envelope.slot <= output.last_slot,
            Code.ENVELOPE_SLOT,
        )
        # After L1's time, not the sender's: else it could arrive overdue.
        require(
            envelope.expires_at_s >= channel.last_expiry_s
            and now_s < envelope.expires_at_s < COUNTER_LIMIT,
            Code.ENVELOPE_EXPIRY,
        )

    def send(self, envelope: Envelope) -> bytes:
        """Extend a channel by an envelope; return the accumulator up to it."""
        ends = envelope.from_chain, envelope.to_chain
        channel = self._channels[ends]
        accumulator = envelope.accumulate(channel.sent_accumulator)
        self._channels[ends] = replace(
            channel,
            sent_count=envelope.index,
            sent_accumulator=accumulator,
            last_slot=envelope.slot,
            last_expiry_s=envelope.expires_at_s,
        )
        return accumulator

    def put_in_flight(self, envelope: Envelope, accumulator: bytes) -> None:
        """Record an envelope that is not received in the settlement that sends it."""
        self._in_flight[_key(envelope)] = InFlight(envelope, accumulator)

    def is_in_flight(self, from_chain: int, to_chain: int, index: int) -> bool:
        """Whether an envelope with this number is in flight."""
        return self._in_flight[from_chain, to_chain, index] is not None

    def land(self, envelope: Envelope, index: int) -> bytes:
        """Take envelope `index` of a channel out of flight; return the accumulator up to it."""
        require(envelope.index == index, Code.RECEIVED_INDEX)
        held = self._in_flight[_key(envelope)]
        if held is None or held.envelope != envelope:
            raise Refused(Code.NOT_IN_FLIGHT)
        self._in_flight[_key(envelope)] = None
        return held.accumulator

    def land_oldest(self, envelope: Envelope) -> None:
        """Take the oldest envelope of a channel out of flight, for a receiver that is frozen."""
        ends = envelope.from_chain, envelope.to_chain
        channel = self._channels[ends]
        accumulator = self.land(envelope, channel.received_count + 1)
        self._channels[ends] = replace(
            channel, received_count=envelope.index, received_accumulator=accumulator
        )

    def check_oldest(self, envelope: Envelope) -> None:
        """Refuse an envelope that is not the oldest one in flight on its channel."""
        channel = self._channels[envelope.from_chain, envelope.to_chain]
        require(envelope.index == channel.received_count + 1, Code.NOT_OLDEST)
        held = self._in_flight[_key(envelope)]
        is_known = held is not None and held.envelope == envelope
        require(is_known, Code.NOT_OLDEST)

    def note_received(self, entry: ChannelEntry) -> None:
        """Set what a chain has received from its peer."""
        ends = entry.peer, entry.chain_id
        channel = self._channels[ends]
        is_forward = channel.received_count <= entry.received_count < COUNTER_LIMIT
        require(is_forward, Code.RECEIVED_FELL)
        self._channels[ends] = replace(
            channel,
            received_count=entry.received_count,
            received_accumulator=entry.received_accumulator,
        )


def _key(envelope: Envelope) -> tuple[int, int, int]:
    return envelope.from_chain, envelope.to_chain, envelope.index
