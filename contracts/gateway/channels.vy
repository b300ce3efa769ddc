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
from contracts.gateway import neighbours
from interfaces import IGateway

uses: ledger
uses: neighbours

CHAINS_MAX: constant(uint256) = 8
ENTRIES_MAX: constant(uint256) = 64

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
    # Up to the last one received, while there is one and more are sent. At
    # other times it says nothing: all reads pass `_received_accumulator`.
    lagging_accumulator: bytes32

# What a settlement finds of a channel's receipts before anything is sent.
struct Receipt:
    sent_before: uint256
    landed_count: uint256
    landed_accumulator: bytes32

# A channel, as its new envelopes are walked.
struct Sending:
    index: uint256
    received: uint256
    slot: uint256
    expires_at_s: uint256
    accumulator: bytes32

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
    counters: uint256 = self._channels[from_chain][to_chain].counters
    return (
        counters & COUNTER,
        self._channels[from_chain][to_chain].sent_accumulator,
        self._received(counters),
        self._received_accumulator(from_chain, to_chain, counters),
    )


@external
@view
def is_oldest_in_flight(envelope: IGateway.Envelope) -> bool:
    """
    @notice Whether an envelope is the next that its receiver must consume.
    @param envelope The envelope.
    @return True if it is in flight, as it is given, and no older one is.
    """
    counters: uint256 = self._channels[envelope.from_chain][envelope.to_chain].counters
    accumulator: bytes32 = self._received_accumulator(
        envelope.from_chain, envelope.to_chain, counters
    )
    return (
        envelope.index == self._received(counters) + 1
        and self._accumulate(accumulator, envelope)
        == self.in_flight_accumulator[envelope.from_chain][envelope.to_chain][envelope.index]
    )


@internal
@pure
def _received(counters: uint256) -> uint256:
    return (counters >> COUNTER_BITS) & COUNTER


@internal
@view
def _received_accumulator(from_chain: uint256, to_chain: uint256, counters: uint256) -> bytes32:
    received: uint256 = self._received(counters)
    if received == 0:
        return empty(bytes32)
    if received == counters & COUNTER:
        return self._channels[from_chain][to_chain].sent_accumulator
    return self._channels[from_chain][to_chain].lagging_accumulator


@internal
def _move(
    outputs: DynArray[IGateway.PublicOutput, CHAINS_MAX],
    entered: DynArray[IGateway.ChannelEntry, ENTRIES_MAX],
    sent: DynArray[IGateway.Envelope, ENTRIES_MAX],
    received: DynArray[IGateway.Envelope, ENTRIES_MAX],
):
    """
    @notice Receipts come first: of earlier envelopes, so that a chain can send
            what it receives, however its senders settled; of new ones, so
            that each is credited or put in flight as it is walked.
    @dev The lists are walked here and not handed on: a call copies them.
    """
    receipts: DynArray[Receipt, ENTRIES_MAX] = []
    next: uint256 = 0
    for entry: IGateway.ChannelEntry in entered:
        receipt: Receipt = self._begin_receipt(entry)
        for position: uint256 in range(next, len(received), bound=ENTRIES_MAX):
            envelope: IGateway.Envelope = received[position]
            if envelope.from_chain != entry.peer or envelope.to_chain != entry.chain_id:
                break
            next += 1
            receipt.landed_count += 1
            assert (
                receipt.landed_count <= entry.received_count
            ), "E48: too many received listed"
            receipt.landed_accumulator = self._land(
                envelope, receipt.landed_count, receipt.landed_accumulator
            )
            self._give_sums(entry.chain_id, envelope)
            log IGateway.EnvelopeReceived(
                from_chain=entry.peer, to_chain=entry.chain_id, index=envelope.index
            )
        receipts.append(receipt)
    assert next == len(received), "E24: received one out of order"
    turn: uint256 = 0
    next = 0
    for entry: IGateway.ChannelEntry in entered:
        for _: uint256 in range(CHAINS_MAX):
            if outputs[turn].chain_id == entry.chain_id:
                break
            turn += 1
        before: Sending = self._sending(entry)
        sending: Sending = before
        for position: uint256 in range(next, len(sent), bound=ENTRIES_MAX):
            envelope: IGateway.Envelope = sent[position]
            if envelope.from_chain != entry.chain_id or envelope.to_chain != entry.peer:
                break
            next += 1
            sending = self._send(
                envelope, sending, outputs[turn].first_slot, outputs[turn].last_slot
            )
        self._end_sending(entry, before, sending)
    assert next == len(sent), "E63: sent one out of order"
    for position: uint256 in range(len(entered), bound=ENTRIES_MAX):
        self._check_received(entered[position], receipts[position])


@internal
def _begin_receipt(entry: IGateway.ChannelEntry) -> Receipt:
    """
    @dev Sets what the entry's chain has received from its peer. Envelopes
         above those in flight, up to the received count, must be sent in this
         settlement.
    """
    counters: uint256 = self._channels[entry.peer][entry.chain_id].counters
    # Nothing was sent either way, so the peer was never asked for. One that
    # was registered once stays so.
    if counters == 0 and self._channels[entry.chain_id][entry.peer].counters == 0:
        neighbours._check_registered(entry.peer)
    received: uint256 = self._received(counters)
    assert (
        entry.received_count >= received and entry.received_count <= COUNTER
    ), "E41: received count out of range"
    accumulator: bytes32 = self._received_accumulator(entry.peer, entry.chain_id, counters)
    if entry.received_count != received:
        self._channels[entry.peer][entry.chain_id].counters = (
            counters ^ (received ^ entry.received_count) << COUNTER_BITS
        )
    self._noted_accumulator[entry.peer][entry.chain_id] = entry.received_accumulator
    return Receipt(
        sent_before=counters & COUNTER,
        landed_count=received,
        landed_accumulator=accumulator,
    )


@internal
@view
def _sending(entry: IGateway.ChannelEntry) -> Sending:
    counters: uint256 = self._channels[entry.chain_id][entry.peer].counters
    return Sending(
        index=counters & COUNTER,
        received=self._received(counters),
        slot=(counters >> 2 * COUNTER_BITS) & COUNTER,
        expires_at_s=counters >> 3 * COUNTER_BITS,
        accumulator=self._channels[entry.chain_id][entry.peer].sent_accumulator,
    )


@internal
def _send(
    envelope: IGateway.Envelope, before: Sending, first_slot: uint256, last_slot: uint256
) -> Sending:
    """
    @dev Walks the next new envelope of a channel.
    """
    index: uint256 = before.index + 1
    assert envelope.index == index, "E42: envelope not numbered on"
    assert envelope.flags <= ATOMIC | SEIZURE, "E43: unknown envelope flags"
    assert (
        envelope.slot > before.slot
        and envelope.slot >= first_slot
        and envelope.slot <= last_slot
    ), "E44: envelope slot out of range"
    assert (
        envelope.expires_at_s >= before.expires_at_s
        and envelope.expires_at_s > block.timestamp
        and envelope.expires_at_s <= COUNTER
    ), "E45: envelope expiry is wrong"
    accumulator: bytes32 = self._accumulate(before.accumulator, envelope)
    is_received: bool = index <= before.received
    if index == before.received:
        assert (
            accumulator == self._noted_accumulator[envelope.from_chain][envelope.to_chain]
        ), "E53: sent and received differ"
    assert (
        is_received or envelope.flags & ATOMIC == 0
    ), "E19: atomic envelope left out"
    self._take_sums(envelope)
    if is_received:
        self._give_sums(envelope.to_chain, envelope)
    else:
        self._put_in_flight(envelope, accumulator)
    return Sending(
        index=index,
        received=before.received,
        slot=envelope.slot,
        expires_at_s=envelope.expires_at_s,
        accumulator=accumulator,
    )


@internal
def _end_sending(entry: IGateway.ChannelEntry, before: Sending, sending: Sending):
    """
    @dev Compares the totals of a channel with its entry, and keeps them.
    """
    assert sending.index == entry.sent_count, "E46: sent count differs"
    assert sending.accumulator == entry.sent_accumulator, "E18: sent hash differs"
    if sending.index == before.index:
        return
    assert sending.index <= before.received + IN_FLIGHT_MAX, "E47: too many in flight"
    if before.received == before.index and before.received != 0:
        # The receiver had all. Its own entry, if it has one, comes later.
        self._channels[entry.chain_id][entry.peer].lagging_accumulator = before.accumulator
    self._channels[entry.chain_id][entry.peer].counters = (
        sending.index
        | sending.received << COUNTER_BITS
        | sending.slot << 2 * COUNTER_BITS
        | sending.expires_at_s << 3 * COUNTER_BITS
    )
    self._channels[entry.chain_id][entry.peer].sent_accumulator = sending.accumulator


@internal
def _check_received(entry: IGateway.ChannelEntry, receipt: Receipt):
    """
    @dev When all is sent: no envelope is left out, none is received that was
         not sent. Those above the landed ones were credited as they were sent.
         In flight are all between what was received and what was sent before.
    """
    if receipt.landed_count == entry.received_count:
        assert (
            receipt.landed_accumulator == entry.received_accumulator
        ), "E49: received hash differs"
    else:
        assert receipt.landed_count == receipt.sent_before, "E50: received one not listed"
    sent: uint256 = self._channels[entry.peer][entry.chain_id].counters & COUNTER
    assert entry.received_count <= sent, "E17: received more than sent"
    if entry.received_count < sent:
        self._set_lag(entry.peer, entry.chain_id, entry.received_accumulator)


@internal
def _set_lag(from_chain: uint256, to_chain: uint256, accumulator: bytes32):
    if self._channels[from_chain][to_chain].lagging_accumulator != accumulator:
        self._channels[from_chain][to_chain].lagging_accumulator = accumulator


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
    counters: uint256 = self._channels[envelope.from_chain][envelope.to_chain].counters
    received: uint256 = self._received(counters) + 1
    accumulator: bytes32 = self._land(
        envelope,
        received,
        self._received_accumulator(envelope.from_chain, envelope.to_chain, counters),
    )
    self._channels[envelope.from_chain][envelope.to_chain].counters = (
        counters + (1 << COUNTER_BITS)
    )
    if received < counters & COUNTER:
        self._set_lag(envelope.from_chain, envelope.to_chain, accumulator)


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
