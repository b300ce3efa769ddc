# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Withdrawals of settled batches
@notice A keccak Merkle root per settlement, and which of its leaves are
        paid.
@dev leaf = keccak256(0x00 || abi_encode(chain id, batch, index, owner,
     asset id, amount in units)), node = keccak256(0x01 || left || right),
     padded with zero words to a power of two. The tag byte keeps a node from
     being read as a leaf, and the index in the leaf binds its position.
"""

PATH_DEPTH_MAX: constant(uint256) = 20
LEAF_TAG: constant(Bytes[1]) = b"\x00"
NODE_TAG: constant(Bytes[1]) = b"\x01"
BITS_PER_SLOT: constant(uint256) = 256

# @notice Root of the withdrawals of a settlement; zero: nothing withdrawn.
# @param arg0 Chain id.
# @param arg1 Last batch of the settlement.
withdrawals_root: public(HashMap[uint256, HashMap[uint256, bytes32]])
# chain id -> batch -> index // 256 -> one bit per withdrawal.
_consumed_bits: HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]]


@external
@view
def is_consumed(chain_id: uint256, batch: uint256, index: uint256) -> bool:
    """
    @notice Whether a withdrawal has been paid.
    @param chain_id Chain that withdrew.
    @param batch Last batch of the settlement.
    @param index Position of the withdrawal.
    @return True once it is paid.
    """
    return self._is_consumed(chain_id, batch, index)


@internal
def _consume(
    chain_id: uint256,
    batch: uint256,
    index: uint256,
    owner: address,
    asset_id: uint256,
    amount_units: uint256,
    path: DynArray[bytes32, PATH_DEPTH_MAX],
):
    root: bytes32 = self.withdrawals_root[chain_id][batch]
    assert root != empty(bytes32), "N01: batch has no withdrawals"
    assert index < 1 << len(path), "N02: index outside of the tree"
    assert not self._is_consumed(chain_id, batch, index), "N03: already claimed"
    leaf: bytes32 = keccak256(
        concat(
            LEAF_TAG,
            abi_encode(
                chain_id, batch, index, owner, asset_id, amount_units
            ),
        )
    )
    assert self._root_of(leaf, index, path) == root, "N04: path misses the root"
    self._consumed_bits[chain_id][batch][index // BITS_PER_SLOT] |= (
        1 << (index % BITS_PER_SLOT)
    )


@internal
@view
def _is_consumed(chain_id: uint256, batch: uint256, index: uint256) -> bool:
    bits: uint256 = self._consumed_bits[chain_id][batch][index // BITS_PER_SLOT]
    return (bits >> (index % BITS_PER_SLOT)) & 1 == 1


@internal
@pure
def _root_of(
    leaf: bytes32, index: uint256, path: DynArray[bytes32, PATH_DEPTH_MAX]
) -> bytes32:
    node: bytes32 = leaf
    position: uint256 = index
    for sibling: bytes32 in path:
        if position & 1 == 0:
            node = keccak256(concat(NODE_TAG, node, sibling))
        else:
            node = keccak256(concat(NODE_TAG, sibling, node))
        position >>= 1
    return node
