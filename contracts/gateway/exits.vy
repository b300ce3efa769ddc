# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title What a frozen chain leaves behind
@notice Its money stays reachable: deposits that it never consumed go back,
        envelopes to it return, pledges become the holder's, and the escape
        hatch credits the owners of what it has.
"""

from contracts.gateway import channels
from contracts.gateway import kinds
from contracts.gateway import ledger
from contracts.gateway import neighbours
from contracts.gateway import positions
from interfaces import IGateway
from interfaces import IPriorityQueue

uses: channels
uses: ledger
uses: neighbours
uses: positions

# Which side of a moved pledge a record's chain is on.
WAS_OWNER: constant(uint256) = 0
IS_HOLDER: constant(uint256) = 1

# chain id -> index of a deposit -> whether it is refunded.
_is_refunded: HashMap[uint256, HashMap[uint256, bool]]


@external
@nonreentrant
def refund_deposit(chain_id: uint256, record: IGateway.PriorityRecord):
    """
    @notice Credit a depositor with a deposit that a frozen chain has not
            consumed. Anyone may call, once per deposit.
    @param chain_id Frozen chain.
    @param record Record of the deposit.
    """
    neighbours._check_frozen(chain_id)
    assert record.kind == kinds.DEPOSIT, "N13: record is not a deposit"
    assert record.index >= positions._priority_consumed(chain_id), "N14: deposit is consumed"
    assert staticcall IPriorityQueue(neighbours.QUEUE).is_record(
        chain_id, record
    ), "N15: record is not in the queue"
    assert not self._is_refunded[chain_id][record.index], "N16: deposit already refunded"
    self._is_refunded[chain_id][record.index] = True
    # A broken chain may have counted it as consumed.
    unassigned: uint256 = ledger.unassigned_units[chain_id][record.asset_id]
    assert record.amount_units <= unassigned, "N24: deposit is spent"
    ledger.unassigned_units[chain_id][record.asset_id] = unassigned - record.amount_units
    ledger._add_credit(
        chain_id, record.sender, record.asset_id, record.amount_units, record.index
    )


@external
@nonreentrant
def refund_envelope(envelope: IGateway.Envelope):
    """
    @notice Return the value of an envelope to a frozen chain to its sender.
            Anyone may call; a channel's envelopes go in order.
    @param envelope Oldest envelope in flight on its channel.
    """
    neighbours._check_frozen(envelope.to_chain)
    channels._land_next(envelope)
    channels._give_sums(envelope.from_chain, envelope)
    log IGateway.EnvelopeRefunded(
        from_chain=envelope.from_chain, to_chain=envelope.to_chain, index=envelope.index
    )
    self._notify(
        envelope.from_chain,
        IGateway.PriorityRecord(
            index=0,
            kind=kinds.REFUND,
            sender=self,
            account_id=0,
            asset_id=0,
            amount_units=0,
            data0=channels._envelope_hash(envelope),
            data1=empty(bytes32),
        ),
    )


@external
@nonreentrant
def move_pledges(chain_id: uint256, holder: uint256, asset_id: uint256):
    """
    @notice Make a pledge the holder's balance, when one of the two chains is
            frozen. Anyone may call.
    @dev If the holder is frozen, its escape hatch pays it out; if the owner
         is, the holder credits the accounts that pledged.
    @param chain_id Chain that pledged.
    @param holder Chain that counts on it.
    @param asset_id Asset.
    """
    assert (
        neighbours._is_frozen(chain_id) or neighbours._is_frozen(holder)
    ), "N17: neither chain is frozen"
    units: uint256 = ledger.pledged_units[chain_id][holder][asset_id]
    assert units != 0, "N18: nothing is pledged"
    ledger._unpledge(chain_id, holder, asset_id, units)
    ledger._debit(chain_id, asset_id, units)
    ledger.balance_units[holder][asset_id] += units
    log IGateway.PledgesMoved(
        chain_id=chain_id, holder=holder, asset_id=asset_id, units=units
    )
    self._notify(chain_id, self._moved(holder, asset_id, units, WAS_OWNER))
    self._notify(holder, self._moved(chain_id, asset_id, units, IS_HOLDER))


@internal
@view
def _moved(
    peer: uint256, asset_id: uint256, units: uint256, side: uint256
) -> IGateway.PriorityRecord:
    return IGateway.PriorityRecord(
        index=0,
        kind=kinds.PLEDGES_MOVED,
        sender=self,
        account_id=0,
        asset_id=asset_id,
        amount_units=units,
        data0=convert(peer, bytes32),
        data1=convert(side, bytes32),
    )


@internal
def _notify(chain_id: uint256, record: IGateway.PriorityRecord):
    """
    @dev A frozen chain consumes nothing more.
    """
    if not neighbours._is_frozen(chain_id):
        extcall IPriorityQueue(neighbours.QUEUE).enqueue_notice(chain_id, record)
