"""What L1 is told beside the outputs: lists of every chain, put in the order of `settle`.

docs/spec/settlement.md, sections 2 and 4; where entries come from: docs/spec/links.md, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offchain.engine.batch import SealedBatch
from offchain.engine.mail import ChannelTotals
from offchain.settlement.messages import ChannelEntry, Envelope, Flow, Pledge
from offchain.settlement.model.settle import ENTRIES_MAX, OUTPUTS_MAX
from offchain.settlement.model.settle import Settlement as Arguments
from offchain.settlement.public_output import PublicOutput
from offchain.spec.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLists:
    """Messages and pledges of one chain's settlement.

    Attributes
    ----------
    channels : tuple of ChannelEntry
        Totals after it, of the channels on which it sent or took a message, by peer.
    sent, taken : tuple of Envelope
        In their order on each channel.
    pledges : tuple of Pledge
        By peer and asset.
    """

    channels: tuple[ChannelEntry, ...] = ()
    sent: tuple[Envelope, ...] = ()
    taken: tuple[Envelope, ...] = ()
    pledges: tuple[Pledge, ...] = ()


@dataclass(frozen=True, slots=True)
class ChainPart:
    """One chain's part of a settlement."""

    output: PublicOutput
    flows: tuple[Flow, ...]
    lists: ChainLists


def gateway_envelope(message: Message) -> Envelope:
    """Return a message as L1 knows it, without its body."""
    return Envelope.from_bytes(message.envelope())


def chain_lists(chain_id: int, batches: Sequence[SealedBatch]) -> ChainLists:
    """Return the lists of a chain's batches that are settled at once."""
    totals: dict[int, ChannelTotals] = {}
    pledges: dict[tuple[int, int], tuple[int, int]] = {}
    for batch in batches:
        totals |= {channel.peer: channel for channel in batch.mail.channels}
        for sums in batch.mail.pledges:
            pledged, released = pledges.get((sums.peer, sums.asset), (0, 0))
            pledges[sums.peer, sums.asset] = (
                pledged + sums.pledged_units,
                released + sums.released_units,
            )
    return ChainLists(
        channels=tuple(
            ChannelEntry(
                chain_id,
                peer,
                channel.sent_count,
                channel.sent_accumulator,
                channel.received_count,
                channel.received_accumulator,
            )
            for peer, channel in sorted(totals.items())
        ),
        sent=tuple(gateway_envelope(m) for batch in batches for m in batch.mail.sent),
        taken=tuple(gateway_envelope(m) for batch in batches for m in batch.mail.taken),
        pledges=tuple(
            Pledge(chain_id, peer, asset, *units)
            for (peer, asset), units in sorted(pledges.items())
        ),
    )


def arguments_of(parts: Iterable[ChainPart]) -> Arguments:
    """Return the arguments of one `settle` for the parts of several chains, at most one each.

    What a chain takes of an envelope that is sent in the same settlement is told by its totals
    alone; envelopes of earlier settlements are listed.

    Raises
    ------
    ValueError
        If there are more chains than L1 takes, or a list is longer.
    """
    parts = sorted(parts, key=lambda part: part.output.chain_id)
    sent = {_ends(each): each for part in parts for each in part.lists.sent}
    received = {
        (each.to_chain, each.from_chain, each.index): each
        for part in parts
        for each in part.lists.taken
        if _ends(each) not in sent
    }
    arguments = Arguments(
        outputs=tuple(part.output for part in parts),
        flows=tuple(flow for part in parts for flow in part.flows),
        channels=tuple(entry for part in parts for entry in part.lists.channels),
        sent=tuple(sent[ends] for ends in sorted(sent)),
        received=tuple(received[ends] for ends in sorted(received)),
        pledges=tuple(pledge for part in parts for pledge in part.lists.pledges),
    )
    longest = max(map(len, arguments.lists()))
    if len(parts) > OUTPUTS_MAX or longest > ENTRIES_MAX:
        raise ValueError(
            f"{len(parts)} chains with up to {longest} entries in a list: L1 takes {OUTPUTS_MAX} "
            f"with {ENTRIES_MAX}; settle less at once"
        )
    return arguments


def _ends(envelope: Envelope) -> tuple[int, int, int]:
    return envelope.from_chain, envelope.to_chain, envelope.index
