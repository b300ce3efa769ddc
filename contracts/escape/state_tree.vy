# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Paths of the state tree, and its nodes that are known already
@notice A path leads from a leaf to the root, or to a node that an earlier
        path proved. What a path proves is remembered in some heights, so
        that of many users only the first ones pay for the upper levels.
@dev The root is node 1, the children of node n are 2 n and 2 n + 1: a number
     names level and position at once, and the subtree with them. So a digest
     is only ever compared with one of the same level, and a node can never
     pass for a leaf. An account's positions are one node of height 4.
     A path to the root proves the nodes beside it as well. One of them is
     remembered until the end of the transaction: below node 10 stand the
     accounts, below node 11 their positions, so that of an account's two
     paths only the first one goes on to the root.
"""

from contracts.escape import poseidon2
from contracts.escape import poseidon2_permutation as permutation

# Levels of the sixteen subtrees' roots, and of ACCOUNTS below them.
SUBTREE_LEVELS: constant(uint256) = 4
MAX_PATH: constant(uint256) = 26
# Nodes 10 and 11 are this many levels below the root.
BESIDE_LEVEL: constant(uint256) = 3
POSITIONS_PER_ACCOUNT: constant(uint256) = 16
BLOCK_HEIGHT: constant(uint256) = 4
# Where a path starts is height 0. A level costs 21,000 gas, a node that is
# remembered 23,000. Of all sets of three heights this one is near the best
# both for users that stand side by side and for a random part of them; a
# fourth height would bring 2 % and cost each first user 23,000 more.
KEPT: constant(uint256) = 3
KEPT_HEIGHTS: constant(uint256[KEPT]) = [3, 6, 11]
KEPT_MASK: constant(uint256) = 2**3 + 2**6 + 2**11

# @notice Digest of a node that some path proved; zero: none did.
# @param arg0 State root.
# @param arg1 Number of the node: 1 for the root, 2 n and 2 n + 1 below n.
verified_digest: public(HashMap[bytes32, HashMap[uint256, bytes32]])
# state root -> node -> its digest, of a node beside a path to the root that
# this transaction proved.
_digest_beside: transient(HashMap[bytes32, HashMap[uint256, bytes32]])


@internal
@pure
def _number(subtree: uint256, depth: uint256, index: uint256) -> uint256:
    """
    @notice Numbers a node.
    @param subtree Position of its subtree under the root.
    @param depth Levels between the subtree's root and the node.
    @param index Position among the subtree's nodes of this depth.
    @return Number.
    """
    assert index >> depth == 0, "R02: index is outside the subtree"
    return ((1 << SUBTREE_LEVELS | subtree) << depth) | index


@internal
def _verify(
    state_root: bytes32,
    number: uint256,
    digest: uint256,
    path: DynArray[bytes32, MAX_PATH],
):
    """
    @notice Proves a node and remembers nodes of its path.
    @param state_root Root of the state.
    @param number Of the node.
    @param digest Of the node, as limbs.
    @param path Digests of the siblings from the node up to the root, or up to
           a node that is known.
    """
    last: uint256 = number >> len(path)
    assert last != 0, "R03: path is longer than the way to the root"
    expected: bytes32 = state_root
    if last != 1:
        expected = self.verified_digest[state_root][last]
        if expected == empty(bytes32):
            expected = self._digest_beside[state_root][last]
        assert expected != empty(bytes32), "R04: path ends at a node that is not known"
    node: uint256 = digest
    kept: uint256[KEPT] = empty(uint256[KEPT])
    keeping: uint256 = 0
    for i: uint256 in range(len(path), bound=MAX_PATH):
        if (KEPT_MASK >> i) & 1 == 1:
            kept[keeping] = node
            keeping += 1
        node = self._parent(number >> i, node, path[i])
    assert node == poseidon2._limbs(expected), "R05: path leads to another digest"
    if last == 1:
        # Subtrees begin deeper, so the path has such a node.
        beside: uint256 = len(path) - BESIDE_LEVEL
        self._digest_beside[state_root][(number >> beside) ^ 1] = path[beside]
    for i: uint256 in range(keeping, bound=KEPT):
        self.verified_digest[state_root][number >> KEPT_HEIGHTS[i]] = (
            poseidon2._serialised(kept[i])
        )


@internal
@pure
def _is_below(
    state_root: bytes32,
    number: uint256,
    digest: uint256,
    path: DynArray[bytes32, MAX_PATH],
) -> bool:
    """
    @notice Whether a whole path leads to the root.
    @param state_root Root of the state.
    @param number Of the node.
    @param digest Of the node, as limbs.
    @param path Digests of the siblings from the node up to the root.
    @return False also if the path has another length.
    """
    if number >> len(path) != 1:
        return False
    node: uint256 = digest
    for i: uint256 in range(len(path), bound=MAX_PATH):
        node = self._parent(number >> i, node, path[i])
    return node == poseidon2._limbs(state_root)


@internal
@pure
def _parent(number: uint256, node: uint256, sibling: bytes32) -> uint256:
    """
    @notice Hashes a node with its sibling.
    @param number Of the node; the odd one stands to the right.
    @param node Limbs.
    @param sibling Digest.
    @return Limbs.
    """
    other: uint256 = poseidon2._limbs(sibling)
    if number & 1 == 0:
        return poseidon2._compress(node, other)
    return poseidon2._compress(other, node)


@internal
@pure
def _block(leaves: uint256[POSITIONS_PER_ACCOUNT], slots: uint256) -> uint256:
    """
    @notice Hashes sixteen neighbouring leaves into their ancestor.
    @param leaves Digests as limbs, zero where there is none.
    @param slots Bit k: leaf k is not zero.
    @return Limbs.
    """
    zeros: uint256[BLOCK_HEIGHT + 1] = permutation.ZEROS
    nodes: uint256[POSITIONS_PER_ACCOUNT] = leaves
    used: uint256 = slots
    for height: uint256 in range(1, BLOCK_HEIGHT + 1):
        parents: uint256 = 0
        for k: uint256 in range(POSITIONS_PER_ACCOUNT >> height, bound=8):
            if (used >> (2 * k)) & 3 == 0:
                nodes[k] = zeros[height]
            else:
                nodes[k] = poseidon2._compress(nodes[2 * k], nodes[2 * k + 1])
                parents |= 1 << k
        used = parents
    return nodes[0]
