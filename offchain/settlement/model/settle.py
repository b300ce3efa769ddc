"""`settle`: one to eight chains advance together or not at all (specification, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

from offchain.settlement.messages import (
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
    Flow,
    Pledge,
    channels_root,
    flows_root,
    pledges_root,
)
from offchain.settlement.model.channels import IN_FLIGHT_MAX
from offchain.settlement.model.ledger import WORD_LIMIT
from offchain.settlement.model.pledges import apply_pledges
from offchain.settlement.model.public_output_checks import check_output
from offchain.settlement.model.refusals import Code, require
from offchain.settlement.model.state import State
from offchain.settlement.public_output import PublicOutput

OUTPUTS_MAX: Final = 8
ENTRIES_MAX: Final = 64  # in every other list
Entry = TypeVar("Entry", Flow, ChannelEntry, Pledge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Arguments of `settle`; lists are flat, in the order of the outputs.

    Attributes
    ----------
    outputs : tuple of PublicOutput
        One per chain, chain ids strictly ascending.
    flows, channels, pledges : tuple of Flow, of ChannelEntry, of Pledge
        What the outputs' roots are over.
    sent : tuple of Envelope
        New envelopes by sender, receiver and index.
    received : tuple of Envelope
        Envelopes of earlier settlements by receiver, sender and index.
    """

    outputs: tuple[PublicOutput, ...]
    flows: tuple[Flow, ...] = ()
    channels: tuple[ChannelEntry, ...] = ()
    sent: tuple[Envelope, ...] = ()
    received: tuple[Envelope, ...] = ()
    pledges: tuple[Pledge, ...] = ()

    def lists(self) -> tuple[Sequence[Any], ...]:
        """Return the lists after the outputs, in the order of the arguments."""
        return self.flows, self.channels, self.sent, self.received, self.pledges

    def to_arguments(self) -> list[list[tuple[Any, ...]]]:
        """Return the six arguments of the contract's function."""
        return [[item.to_tuple() for item in items] for items in (self.outputs, *self.lists())]


def settle(state: State, settlement: Settlement) -> None:
    """Advance the chains of a settlement; all six steps, or a refusal.

    Raises
    ------
    Refused
        With the code of the first check that fails, in the order of the specification.
    """
    _check_lengths(settlement)
    _advance(state, settlement)
    for flow in settlement.flows:
        state.ledger.consume_deposits(flow.chain_id, flow.asset_id, flow.deposited_units)
    landed = _walk_received(state, settlement)
    _walk_sent(state, settlement)
    _check_received(state, settlement.channels, landed)
    apply_pledges(state, settlement.pledges)
    for flow in settlement.flows:
        state.ledger.withdraw(flow.chain_id, flow.asset_id, flow.withdrawn_units)


def _check_lengths(settlement: Settlement) -> None:
    require(len(settlement.outputs) <= OUTPUTS_MAX, Code.UNNAMED)
    require(all(len(items) <= ENTRIES_MAX for items in settlement.lists()), Code.UNNAMED)
    require(len(settlement.outputs) > 0, Code.NO_OUTPUTS)


def _advance(state: State, settlement: Settlement) -> None:
    previous = flow = entry = pledge = 0
    for output in settlement.outputs:
        require(output.chain_id > previous, Code.UNSORTED_CHAINS)
        previous = output.chain_id
        chain = state.registry.live(output.chain_id)
        state.registry.advance(output.chain_id, check_output(state, chain, output))
        state.withdrawals.roots[output.chain_id, output.last_batch] = output.withdrawals_root
        flow = _check_flows(output, settlement.flows, flow)
        entry = _check_channels(output, settlement.channels, entry)
        pledge = _check_pledges(output, settlement.pledges, pledge)
    ends = len(settlement.flows), len(settlement.channels), len(settlement.pledges)
    require((flow, entry, pledge) == ends, Code.FOREIGN_ENTRY)


def _own(output: PublicOutput, entries: Sequence[Entry], start: int) -> Sequence[Entry]:
    """Return the entries of an output's chain that stand together from `start` on."""
    stop = start
    while stop < len(entries) and entries[stop].chain_id == output.chain_id:
        stop += 1
    return entries[start:stop]


def _check_flows(output: PublicOutput, flows: Sequence[Flow], start: int) -> int:
    own = _own(output, flows, start)
    require(all(a.asset_id < b.asset_id for a, b in pairwise(own)), Code.FLOWS_ORDER)
    require(flows_root(own) == output.flows_root, Code.FLOWS_ROOT)
    return start + len(own)


def _check_channels(output: PublicOutput, channels: Sequence[ChannelEntry], start: int) -> int:
    own = _own(output, channels, start)
    require(all(entry.peer != entry.chain_id for entry in own), Code.OWN_CHANNEL)
    require(all(a.peer < b.peer for a, b in pairwise(own)), Code.CHANNELS_ORDER)
    require(channels_root(own) == output.channels_root, Code.CHANNELS_ROOT)
    return start + len(own)


def _check_pledges(output: PublicOutput, pledges: Sequence[Pledge], start: int) -> int:
    own = _own(output, pledges, start)
    require(all(pledge.peer != pledge.chain_id for pledge in own), Code.OWN_PLEDGE)
    keys = [(pledge.peer, pledge.asset_id) for pledge in own]
    require(all(a < b for a, b in pairwise(keys)), Code.PLEDGES_ORDER)
    require(pledges_root(own) == output.reservations_root, Code.PLEDGES_ROOT)
    return start + len(own)


def _walk_received(state: State, settlement: Settlement) -> list[tuple[int, bytes]]:
    """Receive envelopes of earlier settlements; set what every receiver has read after this one.

    Returns
    -------
    list of (int, bytes)
        Per channel entry the index of the last one received here, the accumulator up to it.
    """
    landed = []
    pending = list(reversed(settlement.received))
    for entry in settlement.channels:
        require(entry.peer in state.registry, Code.PEER)
        ends = entry.peer, entry.chain_id
        earlier = state.channels[ends]
        state.channels.note_received(entry)
        index, accumulator = earlier.received_count, earlier.received_accumulator
        while pending and (pending[-1].from_chain, pending[-1].to_chain) == ends:
            envelope = pending.pop()
            index += 1
            require(index <= entry.received_count, Code.RECEIVED_BEYOND_COUNT)
            accumulator = state.channels.land(envelope, index)
            state.ledger.land(entry.chain_id, envelope.used_sums)
        landed.append((index, accumulator))
    require(not pending, Code.FOREIGN_RECEIVED)
    return landed


def _walk_sent(state: State, settlement: Settlement) -> None:
    outputs = {output.chain_id: output for output in settlement.outputs}
    pending = list(reversed(settlement.sent))
    for entry in settlement.channels:
        ends = entry.chain_id, entry.peer
        while pending and (pending[-1].from_chain, pending[-1].to_chain) == ends:
            _send(state, outputs[entry.chain_id], pending.pop())
        channel = state.channels[ends]
        require(channel.sent_count == entry.sent_count, Code.SENT_COUNT)
        require(channel.sent_accumulator == entry.sent_accumulator, Code.SENT_ACCUMULATOR)
        is_bounded = channel.sent_count <= channel.received_count + IN_FLIGHT_MAX
        require(is_bounded, Code.IN_FLIGHT_FULL)
    require(not pending, Code.FOREIGN_SENT)


def _send(state: State, output: PublicOutput, envelope: Envelope) -> None:
    ends = envelope.from_chain, envelope.to_chain
    state.channels.check_envelope(envelope, state.channels[ends], output, state.now_s)
    accumulator = state.channels.send(envelope)
    channel = state.channels[ends]
    if envelope.index == channel.received_count:
        require(accumulator == channel.received_accumulator, Code.READ_AT_ONCE)
    is_received = envelope.index <= channel.received_count
    require(is_received or not envelope.flags & EnvelopeFlag.ATOMIC, Code.ATOMIC)
    _take_value(state, envelope)
    if is_received:
        state.ledger.land(envelope.to_chain, envelope.used_sums)
    else:
        state.channels.put_in_flight(envelope, accumulator)


def _take_value(state: State, envelope: Envelope) -> None:
    sender, receiver = envelope.from_chain, envelope.to_chain
    previous = -1
    for pair in envelope.sums:
        if pair.units == 0:
            require(pair.asset_id == 0, Code.ENVELOPE_PADDING)
            previous = WORD_LIMIT  # nothing is used after it
            continue
        require(pair.asset_id > previous, Code.ENVELOPE_SUMS)
        previous = pair.asset_id
        if envelope.flags & EnvelopeFlag.SEIZURE:
            state.ledger.unpledge(sender, receiver, pair.asset_id, pair.units)
        state.ledger.debit(sender, pair.asset_id, pair.units)
    state.ledger.take_off(envelope.used_sums)


def _check_received(
    state: State, entries: Sequence[ChannelEntry], landed: Sequence[tuple[int, bytes]]
) -> None:
    """Check, when all is sent, what every receiver has read."""
    for entry, (index, accumulator) in zip(entries, landed, strict=True):
        ends = entry.peer, entry.chain_id
        if index == entry.received_count:
            is_read = accumulator == entry.received_accumulator
            require(is_read, Code.RECEIVED_ACCUMULATOR)
        else:
            # What is read beyond was sent in this settlement, and checked where it was sent.
            is_missing = state.channels.is_in_flight(*ends, index + 1)
            require(not is_missing, Code.RECEIVED_MISSING)
        sent_count = state.channels[ends].sent_count
        require(entry.received_count <= sent_count, Code.RECEIVED_BEYOND_SENT)
