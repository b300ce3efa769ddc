# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Priority queue of every chain
@notice Operations that a chain must consume in this order and in time:
        deposits and governance's admin operations.
@dev A record is 256 bytes, eight ABI words: index, kind, sender, account id,
     asset id, amount in units, data0, data1. The accumulator is
     acc_0 = 0, acc_(i+1) = keccak256(acc_i || record_i); it is kept for every
     i, so that a settlement may stop after any record.
"""

from interfaces import IGateway

KIND_DEPOSIT: constant(uint256) = 1
KIND_ADMIN: constant(uint256) = 2
# A record that waits longer must be in the next settlement.
FORCE_EXPIRY_S: constant(uint256) = 3 * 86_400
# Arrival times are packed four to a slot: 17,000 gas less per deposit on
# average. 64 bits of seconds outlast any chain.
TIMES_PER_SLOT: constant(uint256) = 4
TIME_BITS: constant(uint256) = 64

# @notice Number of records ever enqueued for a chain.
# @param arg0 Chain id.
queue_length: public(HashMap[uint256, uint256])
# @notice Accumulator over the first records of a chain.
# @param arg0 Chain id.
# @param arg1 Number of records; zero gives zero.
accumulator_after: public(HashMap[uint256, HashMap[uint256, bytes32]])
# @notice Number of a depositor's master account on a chain, from 1; 0: none.
# @dev The engine's first account of a master is number * 32. An index beyond
#      what the engine can hold is refused there and paid back, so there is no
#      bound here.
# @param arg0 Chain id.
# @param arg1 Address that deposited.
account_of: public(HashMap[uint256, HashMap[address, uint256]])
# @notice Number of master accounts given out on a chain.
# @param arg0 Chain id.
account_count: public(HashMap[uint256, uint256])
# chain id -> index // 4 -> four arrival times.
_packed_times: HashMap[uint256, HashMap[uint256, uint256]]


@external
@view
def enqueued_at_s(chain_id: uint256, index: uint256) -> uint256:
    """
    @notice L1 time at which a record was enqueued.
    @param chain_id Chain.
    @param index Index of the record.
    @return Seconds since the epoch; 0 for a record that does not exist.
    """
    return self._enqueued_at_s(chain_id, index)


@internal
def _account_of_depositor(chain_id: uint256, depositor: address) -> uint256:
    account_id: uint256 = self.account_of[chain_id][depositor]
    if account_id == 0:
        account_id = self.account_count[chain_id] + 1
        self.account_count[chain_id] = account_id
        self.account_of[chain_id][depositor] = account_id
    return account_id


@internal
def _append(
    chain_id: uint256,
    kind: uint256,
    sender: address,
    account_id: uint256,
    asset_id: uint256,
    amount_units: uint256,
    data0: bytes32,
    data1: bytes32,
) -> uint256:
    index: uint256 = self.queue_length[chain_id]
    accumulator: bytes32 = keccak256(
        abi_encode(
            self.accumulator_after[chain_id][index],
            index,
            kind,
            sender,
            account_id,
            asset_id,
            amount_units,
            data0,
            data1,
        )
    )
    self.queue_length[chain_id] = index + 1
    self.accumulator_after[chain_id][index + 1] = accumulator
    time_shift: uint256 = TIME_BITS * (index % TIMES_PER_SLOT)
    self._packed_times[chain_id][index // TIMES_PER_SLOT] |= block.timestamp << time_shift
    log IGateway.PriorityQueued(
        chain_id=chain_id,
        index=index,
        kind=kind,
        sender=sender,
        account_id=account_id,
        asset_id=asset_id,
        amount_units=amount_units,
        data0=data0,
        data1=data1,
        accumulator=accumulator,
    )
    return index


@internal
@view
def _enqueued_at_s(chain_id: uint256, index: uint256) -> uint256:
    packed: uint256 = self._packed_times[chain_id][index // TIMES_PER_SLOT]
    return (packed >> (TIME_BITS * (index % TIMES_PER_SLOT))) & (2**TIME_BITS - 1)


@internal
@view
def _check_range(chain_id: uint256, consumed: uint256, output: IGateway.PublicOutput):
    """
    @dev Records leave the queue in order, unchanged and before they expire.
         Arrival times never fall, so the first record left decides.
    """
    length: uint256 = self.queue_length[chain_id]
    assert (
        output.priority_first == consumed
    ), "E12: priority range does not start at the consumed index"
    assert output.priority_next >= consumed, "E16: priority range runs backwards"
    assert output.priority_next <= length, "E15: priority range runs beyond the queue"
    assert (
        output.priority_accumulator == self.accumulator_after[chain_id][output.priority_next]
    ), "E13: priority accumulator differs from the queue's"
    if output.priority_next < length:
        expires_at_s: uint256 = (
            self._enqueued_at_s(chain_id, output.priority_next) + FORCE_EXPIRY_S
        )
        assert block.timestamp < expires_at_s, "E14: an expired priority operation is left out"
