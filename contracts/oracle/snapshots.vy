# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Snapshots of feed sets
@notice Anyone reads all feeds of a set at once, at most once per interval.
        What was read is appended and never changes.
@dev acc_0 = 0, acc_(n+1) = keccak256("HRoracle" || acc_n || abi_encode(set
     id, n, block.timestamp, keccak256(abi_encode(readings)))). It is kept
     for every n, so that a settlement may stop after any snapshot.
"""

from contracts.oracle import chainlink_feed
from contracts.oracle import feed_sets
from contracts.oracle import lp_fair_price
from contracts.oracle import packed_feed
from contracts.oracle import redemption_rate
from interfaces import IOracleHub

uses: feed_sets
uses: redemption_rate

# Keeps these hashes apart from those of any other record.
SNAPSHOT_TAG: constant(Bytes[8]) = b"HRoracle"
# Packed as in the priority queue: three of four times cost no new slot.
TIMES_PER_SLOT: constant(uint256) = 4
TIME_BITS: constant(uint256) = 64

# @notice Number of snapshots ever taken of a feed set.
# @param arg0 Feed set.
snapshot_count: public(HashMap[uint256, uint256])
# @notice Accumulator over the first snapshots of a feed set.
# @param arg0 Feed set.
# @param arg1 Number of snapshots; zero gives zero.
accumulator_after: public(HashMap[uint256, HashMap[uint256, bytes32]])
# set id -> index // 4 -> four times.
_packed_times: HashMap[uint256, HashMap[uint256, uint256]]


@external
@nonreentrant
def snapshot(set_id: uint256) -> uint256:
    """
    @notice Read every feed of a set and append what was read. Anyone may
            call it, once per interval.
    @dev No source can make it revert. A feed that fails has value 0, or its
         last accepted rate, and a status that says why.
    @param set_id Registered feed set.
    @return Index of the snapshot, from 0.
    """
    interval_s: uint256 = feed_sets.interval_s[set_id]
    assert interval_s != 0, "F13: feed set is not registered"
    index: uint256 = self.snapshot_count[set_id]
    if index != 0:
        last_s: uint256 = self._snapshot_time_s(set_id, index - 1)
        assert (
            block.timestamp // interval_s > last_s // interval_s
        ), "F14: this interval has its snapshot"
    readings: DynArray[IOracleHub.Reading, feed_sets.FEEDS_MAX] = self._read_all(set_id)
    accumulator: bytes32 = keccak256(
        concat(
            SNAPSHOT_TAG,
            self.accumulator_after[set_id][index],
            abi_encode(set_id, index, block.timestamp, keccak256(abi_encode(readings))),
        )
    )
    self.snapshot_count[set_id] = index + 1
    self.accumulator_after[set_id][index + 1] = accumulator
    time_shift: uint256 = TIME_BITS * (index % TIMES_PER_SLOT)
    self._packed_times[set_id][index // TIMES_PER_SLOT] |= block.timestamp << time_shift
    log IOracleHub.SnapshotTaken(
        set_id=set_id,
        index=index,
        time_s=block.timestamp,
        accumulator=accumulator,
        readings=readings,
    )
    return index


@external
@view
def snapshot_time_s(set_id: uint256, index: uint256) -> uint256:
    """
    @notice L1 time of a snapshot.
    @param set_id Feed set.
    @param index Index of the snapshot.
    @return Seconds since the epoch; 0 for one that does not exist.
    """
    return self._snapshot_time_s(set_id, index)


@internal
@view
def _snapshot_time_s(set_id: uint256, index: uint256) -> uint256:
    packed: uint256 = self._packed_times[set_id][index // TIMES_PER_SLOT]
    return (packed >> (TIME_BITS * (index % TIMES_PER_SLOT))) & (2**TIME_BITS - 1)


@internal
def _read_all(set_id: uint256) -> DynArray[IOracleHub.Reading, feed_sets.FEEDS_MAX]:
    readings: DynArray[IOracleHub.Reading, feed_sets.FEEDS_MAX] = []
    for index: uint256 in range(len(feed_sets._feeds[set_id]), bound=feed_sets.FEEDS_MAX):
        packed: packed_feed.PackedFeed = feed_sets._feeds[set_id][index]
        kind: uint256 = packed_feed._kind(packed.head)
        if kind == packed_feed.KIND_CHAINLINK:
            readings.append(chainlink_feed._reading(packed))
        elif kind == packed_feed.KIND_RATE:
            readings.append(redemption_rate._reading(set_id, index, packed))
        else:
            price_feed_0: uint256 = 0
            price_feed_1: uint256 = 0
            price_feed_0, price_feed_1 = lp_fair_price._price_feeds(packed.head)
            readings.append(
                lp_fair_price._reading(
                    packed.head, readings[price_feed_0], readings[price_feed_1]
                )
            )
    return readings
