# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title PriorityQueue: operations that chains must consume
@license Apache-2.0
@notice Deposits, operations of governance, and what users force, of every
        chain: to be consumed in this order and in time.
@dev A record is 256 bytes, eight ABI words: index, kind, sender, account id,
     asset id, amount in units, data0, data1. The accumulator is
     acc_0 = 0, acc_(i+1) = keccak256(acc_i || record_i); it is kept for every
     i, so that a settlement may stop after any record.
@custom:kill None. Nobody can remove or change a record.
@custom:invariant Arrival times never fall.
"""

from contracts.gateway import kinds
from interfaces import IChainRegistry
from interfaces import IGateway
from interfaces import IPriorityQueue

implements: IPriorityQueue

# Arrival times are packed four to a slot: 17,000 gas less per deposit on
# average. 64 bits of seconds outlast any chain.
TIMES_PER_SLOT: constant(uint256) = 4
TIME_BITS: constant(uint256) = 64
# Of a queue's head: its length, the last block in which users queued anything,
# how many operations and deposits they queued there, and how many operations
# the registry allows. One word, because every deposit needs all of it. A limit
# of zero is not known yet: then the registry is asked, which knows what is
# frozen, and which has the limit forgotten when it freezes a chain.
LENGTH: constant(uint256) = 2**64 - 1
BLOCK_POSITION: constant(uint256) = 64
OPERATIONS_POSITION: constant(uint256) = 128
DEPOSITS_POSITION: constant(uint256) = 136
LIMIT_POSITION: constant(uint256) = 144
COUNT: constant(uint256) = 255

REGISTRY: immutable(address)
GATEWAY: immutable(address)

# chain id -> head of its queue, see above.
_heads: HashMap[uint256, uint256]
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
# @notice Fees of forced operations that an operator may collect.
# @param arg0 Operator.
fees_wei: public(HashMap[address, uint256])


@deploy
def __init__(registry: address, gateway: address):
    """
    @notice Create empty queues.
    @param registry Registry of the chains, for good.
    @param gateway Gateway that appends deposits, for good; it may be created
           later.
    """
    assert registry.is_contract, "Q01: no contract at the registry's address"
    assert gateway != empty(address), "Q02: gateway is the zero address"
    REGISTRY = registry
    GATEWAY = gateway


@external
@view
def gateway() -> address:
    """
    @notice The gateway that appends deposits.
    @return Address of the gateway.
    """
    return GATEWAY


# Without a lock of its own: its only caller, the gateway, holds one.
@external
def enqueue_deposit(
    chain_id: uint256, depositor: address, asset_id: uint256, amount_units: uint256
) -> uint256:
    """
    @notice Append a deposit record, and number the depositor's account on
            the first one; for the gateway only.
    @param chain_id Chain that is not frozen.
    @param depositor Address that is credited.
    @param asset_id Asset that the vault received.
    @param amount_units Credit in engine units.
    @return Index of the record.
    """
    assert msg.sender == GATEWAY, "Q03: caller is not the gateway"
    head: uint256 = self._heads[chain_id]
    limit: uint256 = (head >> LIMIT_POSITION) & COUNT
    if limit == 0:
        limit = staticcall IChainRegistry(REGISTRY).live_operations_per_block(chain_id)
    return self._append(
        chain_id,
        self._counted(head, limit, True),
        IGateway.PriorityRecord(
            index=0,
            kind=kinds.DEPOSIT,
            sender=depositor,
            account_id=self._account_of_depositor(chain_id, depositor),
            asset_id=asset_id,
            amount_units=amount_units,
            data0=empty(bytes32),
            data1=empty(bytes32),
        ),
    )


@external
@nonreentrant
def enqueue_notice(chain_id: uint256, record: IGateway.PriorityRecord):
    """
    @notice Tell a chain what another one's freeze does to it; for the gateway
            only, which does so for chains that are not frozen.
    @param chain_id Chain that is not frozen.
    @param record Returned envelope or moved pledge; the index is ignored.
    """
    assert msg.sender == GATEWAY, "Q04: notices come from the gateway"
    self._append(chain_id, self._heads[chain_id], record)


# Without a lock: nothing may stand in the way of a freeze.
@external
def forget_limit(chain_id: uint256):
    """
    @notice Ask the registry again before users queue anything of a chain;
            for the registry only, when it freezes the chain.
    @param chain_id Chain.
    """
    assert msg.sender == REGISTRY, "Q13: caller is not the registry"
    self._heads[chain_id] &= ~(COUNT << LIMIT_POSITION)


@external
@nonreentrant
def enqueue_admin(chain_id: uint256, data0: bytes32, data1: bytes32) -> uint256:
    """
    @notice Append an admin record; for the chain's governance only.
    @param chain_id Chain that is not frozen.
    @param data0 First half of a 64-byte engine operation, opaque here.
    @param data1 Second half.
    @return Index of the record.
    """
    terms: IGateway.ChainTerms = staticcall IChainRegistry(REGISTRY).live_terms(chain_id)
    assert msg.sender == terms.governance, "Q05: caller is not the chain's governance"
    return self._append(
        chain_id,
        self._heads[chain_id],
        IGateway.PriorityRecord(
            index=0,
            kind=kinds.ADMIN,
            sender=msg.sender,
            account_id=0,
            asset_id=0,
            amount_units=0,
            data0=data0,
            data1=data1,
        ),
    )


@external
@payable
@nonreentrant
def enqueue_forced(
    chain_id: uint256,
    kind: uint256,
    account_id: uint256,
    asset_id: uint256,
    amount_units: uint256,
    data0: bytes32,
    data1: bytes32,
) -> uint256:
    """
    @notice Append an operation that the chain must consume within 3 days,
            for its fee. A chain treats one that it cannot apply as void.
    @param chain_id Chain that is not frozen.
    @param kind 3 withdraw, 4 close, 5 cancel all, 6 unlink, 7 sweep.
    @param account_id The caller's master account; of a sweep, any.
    @param asset_id Asset of a withdrawal.
    @param amount_units Amount of a withdrawal.
    @param data0 Sub-account.
    @param data1 Market of a close, peer of an unlink.
    @return Index of the record.
    """
    terms: IGateway.ChainTerms = staticcall IChainRegistry(REGISTRY).live_terms(chain_id)
    assert (
        kind >= kinds.FORCED_WITHDRAW and kind <= kinds.SWEEP
    ), "Q06: kind is not a forced operation"
    assert (
        kind == kinds.SWEEP
        or account_id != 0 and account_id == self.account_of[chain_id][msg.sender]
    ), "Q07: account is not the caller's"
    assert msg.value == terms.forced_fee_wei, "Q08: ether sent differs from the fee"
    self.fees_wei[terms.operator] += msg.value
    return self._append(
        chain_id,
        self._counted(self._heads[chain_id], terms.operations_per_block, False),
        IGateway.PriorityRecord(
            index=0,
            kind=kind,
            sender=msg.sender,
            account_id=account_id,
            asset_id=asset_id,
            amount_units=amount_units,
            data0=data0,
            data1=data1,
        ),
    )


@external
@nonreentrant
def collect_fees(receiver: address):
    """
    @notice Pay the caller's fees of forced operations.
    @param receiver Who is paid.
    """
    amount_wei: uint256 = self.fees_wei[msg.sender]
    assert amount_wei != 0, "Q09: no fees to collect"
    self.fees_wei[msg.sender] = 0
    log IGateway.FeesCollected(operator=msg.sender, receiver=receiver, amount_wei=amount_wei)
    is_paid: bool = raw_call(receiver, b"", value=amount_wei, revert_on_failure=False)
    assert is_paid, "Q10: receiver refused the fees"


@external
@view
def is_overdue(chain_id: uint256, index: uint256) -> bool:
    """
    @notice Whether a record waits for 3 days or more.
    @dev Arrival times never fall, so the first record left decides for all.
    @param chain_id Chain.
    @param index Index of the record; one that does not exist is not overdue.
    @return True if it does.
    """
    return (
        index < self._length(chain_id)
        and block.timestamp >= self._enqueued_at_s(chain_id, index) + kinds.FORCE_EXPIRY_S
    )


@external
@view
def is_record(chain_id: uint256, record: IGateway.PriorityRecord) -> bool:
    """
    @notice Whether a record stands in the queue as it is given.
    @param chain_id Chain.
    @param record The record.
    @return True if it does.
    """
    return (
        record.index < self._length(chain_id)
        and self._accumulate(self.accumulator_after[chain_id][record.index], record)
        == self.accumulator_after[chain_id][record.index + 1]
    )


@external
@view
def queue_length(chain_id: uint256) -> uint256:
    """
    @notice Number of records ever enqueued for a chain.
    @param chain_id Chain.
    @return Number of records.
    """
    return self._length(chain_id)


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
@view
def _counted(head: uint256, limit: uint256, is_deposit: bool) -> uint256:
    """
    @dev Returns the head with one more operation of this block. Deposits may
         take half of a block, so that cheap ones cannot keep forced
         operations out.
    """
    operations: uint256 = 1
    deposits: uint256 = 1 if is_deposit else 0
    if (head >> BLOCK_POSITION) & LENGTH == block.number:
        operations += (head >> OPERATIONS_POSITION) & COUNT
        deposits += (head >> DEPOSITS_POSITION) & COUNT
    assert operations <= limit, "Q11: block has no room for this operation"
    if is_deposit:
        assert deposits <= limit // 2, "Q12: block has no room for this deposit"
    return (
        head & LENGTH
        | block.number << BLOCK_POSITION
        | operations << OPERATIONS_POSITION
        | deposits << DEPOSITS_POSITION
        | limit << LIMIT_POSITION
    )


@internal
@view
def _length(chain_id: uint256) -> uint256:
    return self._heads[chain_id] & LENGTH


@internal
def _append(chain_id: uint256, head: uint256, record: IGateway.PriorityRecord) -> uint256:
    """
    @dev The record's own index is the queue's length, whatever it says. The
         head is that of the chain, with this operation counted.
    """
    index: uint256 = head & LENGTH
    numbered: IGateway.PriorityRecord = record
    numbered.index = index
    accumulator: bytes32 = self._accumulate(self.accumulator_after[chain_id][index], numbered)
    # The length is the lowest part of the head, and stays below 2^64.
    self._heads[chain_id] = head + 1
    self.accumulator_after[chain_id][index + 1] = accumulator
    time_shift: uint256 = TIME_BITS * (index % TIMES_PER_SLOT)
    self._packed_times[chain_id][index // TIMES_PER_SLOT] |= block.timestamp << time_shift
    log IGateway.PriorityQueued(
        chain_id=chain_id,
        index=index,
        kind=record.kind,
        sender=record.sender,
        account_id=record.account_id,
        asset_id=record.asset_id,
        amount_units=record.amount_units,
        data0=record.data0,
        data1=record.data1,
        accumulator=accumulator,
    )
    return index


@internal
@pure
def _accumulate(accumulator: bytes32, record: IGateway.PriorityRecord) -> bytes32:
    return keccak256(abi_encode(accumulator, record))


@internal
@view
def _enqueued_at_s(chain_id: uint256, index: uint256) -> uint256:
    packed: uint256 = self._packed_times[chain_id][index // TIMES_PER_SLOT]
    return (packed >> (TIME_BITS * (index % TIMES_PER_SLOT))) & (2**TIME_BITS - 1)
