"""Messages whose bodies a peer withholds, taken by what L1 has of them: their envelopes.

docs/spec/links.md, section 3: governance voids them (ADMIN_VOID), and they must have expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offchain.engine.sequencer import Sequencer
from offchain.settlement.l1 import L1Client
from offchain.settlement.messages import AssetSum, Envelope
from offchain.spec.checks import OpError, require
from offchain.spec.errors import ErrorCode
from offchain.spec.message import Message


def message_without_body(envelope: Envelope) -> Message:
    """Return what a chain can take of an envelope that nobody gives the body of."""
    return Message(
        channel=0,  # the receiver fills in its own number
        from_chain=envelope.from_chain,
        to_chain=envelope.to_chain,
        index=envelope.index,
        slot=envelope.slot,
        expires_at_s=envelope.expires_at_s,
        flags=envelope.flags,
        values=tuple((pair.asset_id, pair.units) for pair in envelope.sums),
        withheld_hash=envelope.payload_hash,
    )


def take_without_body(l1: L1Client, gateway: str, sequencer: Sequencer, peer: int) -> int:
    """Take the next messages of a peer without their bodies, as far as that is allowed.

    Those that a relay has a body of should be taken before: a message is void for good.

    Parameters
    ----------
    l1 : L1Client
        Knows the envelopes that were settled before they were taken.
    gateway : str
        Address of the gateway.
    sequencer : Sequencer
        Of the receiver.
    peer : int
        Chain id of the sender.

    Returns
    -------
    int
        How many were taken.

    Raises
    ------
    OpError
        UNKNOWN_PEER.
    """
    channels = [each for each in sequencer.state.channels() if each.peer_chain_id == peer]
    require(bool(channels), ErrorCode.UNKNOWN_PEER)
    (channel,) = channels
    ends = {"from_chain": peer, "to_chain": channel.own_chain_id}
    taken = 0
    for log in l1.events("Gateway", gateway, "EnvelopeInFlight", indexed=ends):
        envelope = _envelope_of(log["args"]["envelope"])
        if envelope.index <= channel.received_count:
            continue
        try:
            sequencer.submit_message(message_without_body(envelope))
        except OpError as error:
            if error.code == ErrorCode.MESSAGE_NEEDS_BODY:
                break
            raise
        taken += 1
    return taken


def _envelope_of(fields: Mapping[str, Any]) -> Envelope:
    """Build an envelope from the argument of an event."""
    *words, sums = Envelope.__slots__
    pairs = [[pair[name] for name in AssetSum.__slots__] for pair in fields[sums]]
    return Envelope.from_tuple([*(fields[name] for name in words), pairs])
