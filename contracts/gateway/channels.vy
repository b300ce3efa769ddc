# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Channels between chains
@notice Envelopes with value from one chain to another: in order, each once,
        credited to the receiver exactly as it was debited from the sender.
@dev The accumulator of a channel binds every word of its envelopes. An
     envelope that is not received in the settlement that sends it is kept by
     the accumulator up to it, until it is received or refunded.
"""

from contracts.gateway import ledger
from interfaces import IGateway

uses: ledger

ATOMIC: constant(uint256) = 1
SEIZURE: constant(uint256) = 2
SUMS: constant(uint256) = 4
# A receiver's duty is bounded, whatever a broken sender does.
IN_FLIGHT_MAX: constant(uint256) = 256
ENVELOPE_TAG: constant(Bytes[8]) = b"HRenve01"
MESSAGES_TAG: constant(Bytes[8]) = b"HRmsgs01"
COUNTER_BITS: constant(uint256) = 64
COUNTER: constant(uint256) = 2**64 - 1

struct Channel:
    # Sent, received, slot of the last one sent, its expiry; 64 bits each.
    counters: uint256
    sent_accumulator: bytes32
    # Zero while all that was sent is received: then it is the sent one.
    lagging_accumulator: bytes32

# from chain -> to chain -> totals.
_channels: HashMap[uint256, HashMap[uint256, Channel]]
# from chain -> to chain -> what the receiver says in this settlement.
_noted_accumulator: transient(HashMap[uint256, HashMap[uint256, bytes32]])
# @notice Accumulator up to an envelope that is in flight; zero: it is not.
# @param arg0 Sender.
# @param arg1 Receiver.
# @param arg2 Index of the envelope.
in_flight_accumulator: public(
    HashMap[uint256, HashMap[uint256, HashMap[uint256, bytes32]]]
)


@external
@view
def channel(from_chain: uint256, to_chain: uint256) -> (uint256, bytes32, uint256, bytes32):
    """
    @notice Totals of a channel.
    @param from_chain Sender.
    @param to_chain Receiver.
    @return Envelopes ever sent.
    @return Accumulator over them.
    @return Envelopes ever received, or refunded.
    @return Accumulator over them.
    """
    totals: Channel = self._channels[from_chain][to_chain]
    return (
        totals.counters & COUNTER,
        totals.sent_accumulator,
        self._received(totals.counters),
        self._received_accumulator(totals),
    )


@external
@view
def is_oldest_in_flight(envelope: IGateway.Envelope) -> bool:
    """
    @notice Whether an envelope is the next that its receiver must consume.
    @param envelope The envelope.
    @return True if it is in flight, as it is given, and no older one is.
    """
    totals: Channel = self._channels[envelope.from_chain][envelope.to_chain]
    return (
        envelope.index == self._received(totals.counters) + 1
        and self._accumulate(self._received_accumulator(totals), envelope)
        == self.in_flight_accumulator[envelope.from_chain][envelope.to_chain][envelope.index]
    )


@internal
@pure
def _received(counters: uint256) -> uint256:
    return (counters >> COUNTER_BITS) & COUNTER


@internal
@pure
def _received_accumulator(totals: Channel) -> bytes32:
    if totals.lagging_accumulator != empty(bytes32):
        return totals.lagging_accumulator
    # Of a channel on which nothing is received yet, something sent: zero.
    received: uint256 = self._received(totals.counters)
    return totals.sent_accumulator if received != 0 else empty(bytes32)


@internal
@view
def _is_unused(entry: IGateway.ChannelEntry) -> bool:
    """
    @dev Nothing was sent either way, so the peer was never asked for.
    """
    return (
        self._channels[entry.chain_id][entry.peer].counters == 0
        and self._channels[entry.peer][entry.chain_id].counters == 0
    )


@internal
def _receive(
    entry: IGateway.ChannelEntry,
    listed: DynArray[IGateway.Envelope, 64],
    first: uint256,
) -> (uint256, bytes32, uint256):
    """
    @dev Sets what the entry's chain has received from its peer, and walks the
         envelopes among it that were in flight. Returns the last one's index,
         the accumulator up to it, and where the next channel's begin. Those
         above, up to the received count, must be sent in this settlement.
    """
    totals: Channel = self._channels[entry.peer][entry.chain_id]
    received: uint256 = self._received(totals.counters)
    assert (
        entry.received_count >= received and entry.received_count <= COUNTER
    ), "E41: received count out of range"
    self._channels[entry.peer][entry.chain_id].counters = (
        totals.counters ^ (received ^ entry.received_count) << COUNTER_BITS
    )
    self._noted_accumulator[entry.peer][entry.chain_id] = entry.received_accumulator
    index: uint256 = received
    accumulator: bytes32 = self._received_accumulator(totals)
    next: uint256 = first
    for position: uint256 in range(first, len(listed), bound=64):
        envelope: IGateway.Envelope = listed[position]
        if envelope.from_chain != entry.peer or envelope.to_chain != entry.chain_id:
            break
        index += 1
        next += 1
        assert index <= entry.received_count, "E48: too many received listed"
        accumulator = self._land(envelope, index, accumulator)
        self._give_sums(entry.chain_id, envelope)
        log IGateway.EnvelopeReceived(
            from_chain=entry.peer, to_chain=entry.chain_id, index=index
        )
    return index, accumulator, next


@internal
def _send(
    entry: IGateway.ChannelEntry,
    output: IGateway.PublicOutput,
    sent: DynArray[IGateway.Envelope, 64],
    first: uint256,
) -> uint256:
    """
    @dev Walks the new envelopes of a channel. Returns where the next
         channel's begin.
    """
    totals: Channel = self._channels[entry.chain_id][entry.peer]
    index: uint256 = totals.counters & COUNTER
    received: uint256 = self._received(totals.counters)
    slot: uint256 = (totals.counters >> 2 * COUNTER_BITS) & COUNTER
    expires_at_s: uint256 = totals.counters >> 3 * COUNTER_BITS
    accumulator: bytes32 = totals.sent_accumulator
    next: uint256 = first
    for position: uint256 in range(first, len(sent), bound=64):
        envelope: IGateway.Envelope = sent[position]
        if envelope.from_chain != entry.chain_id or envelope.to_chain != entry.peer:
            break
        index += 1
        next += 1
        assert envelope.index == index, "E42: envelope not numbered on"
        assert envelope.flags <= ATOMIC | SEIZURE, "E43: unknown envelope flags"
        assert (
            envelope.slot > slot
            and envelope.slot >= output.first_slot
            and envelope.slot <= output.last_slot
        ), "E44: envelope slot out of range"
        assert (
            envelope.expires_at_s >= expires_at_s
            and envelope.expires_at_s > block.timestamp
            and envelope.expires_at_s <= COUNTER
        ), "E45: envelope expiry is wrong"
        slot = envelope.slot
        expires_at_s = envelope.expires_at_s
        accumulator = self._accumulate(accumulator, envelope)
        is_received: bool = index <= received
        if index == received:
            assert (
                accumulator == self._noted_accumulator[entry.chain_id][entry.peer]
            ), "E53: sent and received differ"
        assert (
            is_received or envelope.flags & ATOMIC == 0
        ), "E19: atomic envelope left out"
        self._take_sums(envelope)
        if is_received:
            self._give_sums(envelope.to_chain, envelope)
        else:
            self._put_in_flight(envelope, accumulator)
    assert index == entry.sent_count, "E46: sent count differs"
    assert accumulator == entry.sent_accumulator, "E18: sent hash differs"
    if next == first:
        return next
    assert index <= received + IN_FLIGHT_MAX, "E47: too many in flight"
    lagging: bytes32 = totals.lagging_accumulator
    if received == totals.counters & COUNTER:
        # The receiver had all. Its own entry, if it has one, comes later.
        lagging = totals.sent_accumulator
    self._channels[entry.chain_id][entry.peer] = Channel(
        counters=index
        | received << COUNTER_BITS
        | slot << 2 * COUNTER_BITS
        | expires_at_s << 3 * COUNTER_BITS,
        sent_accumulator=accumulator,
        lagging_accumulator=lagging,
    )
    return next


@internal
def _check_received(
    entry: IGateway.ChannelEntry, landed_count: uint256, landed_accumulator: bytes32
):
    """
    @dev When all is sent: no envelope is left out, none is received that was
         not sent. Those above the landed ones were credited as they were sent.
    """
    if landed_count == entry.received_count:
        assert (
            landed_accumulator == entry.received_accumulator
        ), "E49: received hash differs"
    else:
        assert (
            self.in_flight_accumulator[entry.peer][entry.chain_id][landed_count + 1]
            == empty(bytes32)
        ), "E50: received one not listed"
    sent: uint256 = self._channels[entry.peer][entry.chain_id].counters & COUNTER
    assert entry.received_count <= sent, "E17: received more than sent"
    self._set_lag(
        entry.peer, entry.chain_id, entry.received_count < sent, entry.received_accumulator
    )


@internal
def _set_lag(from_chain: uint256, to_chain: uint256, is_lagging: bool, accumulator: bytes32):
    lagging: bytes32 = accumulator if is_lagging else empty(bytes32)
    if self._channels[from_chain][to_chain].lagging_accumulator != lagging:
        self._channels[from_chain][to_chain].lagging_accumulator = lagging


@internal
def _land(
    envelope: IGateway.Envelope, index: uint256, accumulator_before: bytes32
) -> bytes32:
    """
    @dev Takes the next envelope of a channel out of flight. Returns the
         accumulator up to it.
    """
    assert envelope.index == index, "E51: not the next envelope"
    accumulator: bytes32 = self._accumulate(accumulator_before, envelope)
    assert (
        accumulator
        == self.in_flight_accumulator[envelope.from_chain][envelope.to_chain][index]
    ), "E52: envelope not in flight"
    self.in_flight_accumulator[envelope.from_chain][envelope.to_chain][index] = (
        empty(bytes32)
    )
    for sum: IGateway.AssetSum in envelope.sums:
        if sum.units != 0:
            ledger.in_flight_units[sum.asset_id] -= sum.units
    return accumulator


@internal
def _land_next(envelope: IGateway.Envelope):
    """
    @dev The same outside of a settlement, for a receiver that will not settle
         again.
    """
    totals: Channel = self._channels[envelope.from_chain][envelope.to_chain]
    received: uint256 = self._received(totals.counters) + 1
    accumulator: bytes32 = self._land(
        envelope, received, self._received_accumulator(totals)
    )
    self._channels[envelope.from_chain][envelope.to_chain].counters = (
        totals.counters + (1 << COUNTER_BITS)
    )
    self._set_lag(
        envelope.from_chain,
        envelope.to_chain,
        received < totals.counters & COUNTER,
        accumulator,
    )


@internal
def _take_sums(envelope: IGateway.Envelope):
    """
    @dev Out of the sender's free balance, or of its pledge to the receiver.
         Used pairs come first, their asset ids ascend.
    """
    previous: uint256 = 0
    for position: uint256 in range(SUMS):
        sum: IGateway.AssetSum = envelope.sums[position]
        if sum.units == 0:
            assert sum.asset_id == 0, "E54: unused sum names an asset"
            previous = max_value(uint256)
            continue
        assert (
            position == 0 or sum.asset_id > previous
        ), "E20: sums are not in order"
        previous = sum.asset_id
        if envelope.flags & SEIZURE != 0:
            ledger._unpledge(
                envelope.from_chain, envelope.to_chain, sum.asset_id, sum.units
            )
        ledger._debit(envelope.from_chain, sum.asset_id, sum.units)


@internal
def _give_sums(chain_id: uint256, envelope: IGateway.Envelope):
    for sum: IGateway.AssetSum in envelope.sums:
        if sum.units != 0:
            ledger.balance_units[chain_id][sum.asset_id] += sum.units


@internal
def _put_in_flight(envelope: IGateway.Envelope, accumulator: bytes32):
    self.in_flight_accumulator[envelope.from_chain][envelope.to_chain][envelope.index] = (
        accumulator
    )
    for sum: IGateway.AssetSum in envelope.sums:
        if sum.units != 0:
            ledger.in_flight_units[sum.asset_id] += sum.units
    log IGateway.EnvelopeInFlight(
        from_chain=envelope.from_chain,
        to_chain=envelope.to_chain,
        index=envelope.index,
        accumulator=accumulator,
        envelope=envelope,
    )


@internal
@pure
def _accumulate(accumulator: bytes32, envelope: IGateway.Envelope) -> bytes32:
    return keccak256(concat(MESSAGES_TAG, accumulator, self._envelope_hash(envelope)))


@internal
@pure
def _envelope_hash(envelope: IGateway.Envelope) -> bytes32:
    return keccak256(concat(ENVELOPE_TAG, abi_encode(envelope)))
