"""Channels: what is sent to a peer (docs/spec/links.md section 3)."""

from offchain.spec.constants import MESSAGE_TTL_S
from offchain.spec.events import EventLog
from offchain.spec.message import NO_VALUES, Message, accumulator_after
from offchain.spec.state import State

SLOTS_PER_S = 1_000  # a slot is a millisecond
NO_VALUE = (0, 0)


def send(
    state: State, log: EventLog, channel: int, *, flags: int = 0, value: tuple[int, int] = NO_VALUE
) -> None:
    """Tell the peer the event that was written last.

    Parameters
    ----------
    state, log
        Changed and appended to.
    channel
        It exists.
    flags
        :class:`MessageFlag`.
    value
        What L1 moves to the peer with it: an asset, and units that are not 0; or NO_VALUE.
    """
    header = state.header
    header.last_slot = max(header.last_slot + 1, header.now_s * SLOTS_PER_S)
    record = state.channels.edit(channel)
    record.sent_count += 1
    message = Message(
        channel=channel,
        from_chain=record.own_chain_id,
        to_chain=record.peer_chain_id,
        index=record.sent_count,
        slot=header.last_slot,
        expires_at_s=header.now_s + MESSAGE_TTL_S,
        flags=flags,
        values=(value, *NO_VALUES[1:]),
        body=log.events[-1].to_bytes(),
    )
    record.sent_accumulator = accumulator_after(record.sent_accumulator, message.envelope())
    log.message_sent(
        channel=channel,
        index=message.index,
        slot=message.slot,
        expires_at_s=message.expires_at_s,
        flags=flags,
        value=value,
    )
