# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Oracle hub without feeds, for tests of the gateway
@notice Answers what the gateway asks. Anyone takes a snapshot; it holds
        nothing but its time.
"""

# @notice Number of snapshots of a feed set.
# @param arg0 Feed set.
snapshot_count: public(HashMap[uint256, uint256])
# @notice L1 time of a snapshot.
# @param arg0 Feed set.
# @param arg1 Index.
snapshot_time_s: public(HashMap[uint256, HashMap[uint256, uint256]])


@external
def take(set_id: uint256):
    """
    @notice Add a snapshot.
    @param set_id Feed set.
    """
    count: uint256 = self.snapshot_count[set_id]
    self.snapshot_time_s[set_id][count] = block.timestamp
    self.snapshot_count[set_id] = count + 1


@external
@view
def accumulator_after(set_id: uint256, count: uint256) -> bytes32:
    """
    @notice Stands for the accumulator: differs for every set and count.
    @param set_id Feed set.
    @param count Number of snapshots.
    @return Its hash; zero for none.
    """
    if count == 0:
        return empty(bytes32)
    return keccak256(abi_encode(set_id, count))
