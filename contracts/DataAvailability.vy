# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title DataAvailability: published state diffs
@license Apache-2.0
@notice A chain in mode rollup settles only what is public: the chunks of its
        state diff, published before, in one transaction each.
@dev The commitment of chunk k is keccak256("HRdata01" || commitment of chunk
     k - 1 || keccak256(chunk)), beginning with zero. The data goes into an
     event, so that events alone rebuild the state; under EIP-7623 the event
     costs nothing on top of the calldata's floor.
@custom:kill None. Anyone publishes; nothing is ever removed.
"""

from interfaces import IGateway

CHUNK_BYTES: constant(uint256) = 100_000
DATA_TAG: constant(Bytes[8]) = b"HRdata01"

# @notice Whether all chunks up to a commitment are public.
# @param arg0 Commitment.
is_published: public(HashMap[bytes32, bool])


@external
@nonreentrant
def publish_chunk(chain_id: uint256, previous: bytes32, data: Bytes[CHUNK_BYTES]) -> bytes32:
    """
    @notice Make a chunk of a state diff public. Anyone may.
    @param chain_id Chain that it is of; for watchers.
    @param previous Commitment of the chunk before it; zero: first chunk.
    @param data The chunk.
    @return Its commitment.
    """
    assert len(data) != 0, "D01: chunk is empty"
    assert (
        previous == empty(bytes32) or self.is_published[previous]
    ), "D02: chunk before it is not published"
    commitment: bytes32 = keccak256(concat(DATA_TAG, previous, keccak256(data)))
    self.is_published[commitment] = True
    log IGateway.ChunkPublished(
        chain_id=chain_id, commitment=commitment, previous=previous, data=data
    )
    return commitment
