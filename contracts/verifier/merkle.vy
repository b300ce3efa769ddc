# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Openings of Merkle trees in which matrices of several heights meet
@notice The rows at the queried indices, each modulo the row count of its
        class, hash to the root of their tree; docs/spec/proof-system.md,
        offchain/verifier/merkle.py.
@dev Proof bytes are read from msg.data at absolute positions. A read has a
     fixed length and may pass the end of the proof, never the end of the
     calldata: the caller puts PADDING_BYTES behind the proof. What was read
     beyond the end is refused (TRUNCATED) before it is believed.

     All trees are opened at the same queries. What depends on the queries
     alone is found once, going down from level l + 1 to l by `_halve`:
     - the keys, one for each query, row * 2^8 + slot: the row is the query's
       index modulo 2^l, the slot tells which query it is. Keys are sorted by
       row; LIST_END follows;
     - the shape of the step from 2^(l+1) nodes to 2^l: two bits for each
       parent on a queried path, ascending from bit 2 on, 1: its left child is
       on a path, 2: its right child; from SHAPE_BITS on the number of such
       left children.
"""

from contracts.verifier import machine

MAX_QUERIES: constant(uint256) = machine.MAX_QUERIES
MAX_CLASSES: constant(uint256) = machine.TABLES
# 2^21 rows at a blowup of 2^6.
MAX_LOG_SIZE: constant(uint256) = 27
# The longest read is one of a row of the main tree. A step from layer to
# layer reads at most MAX_QUERIES digests, which is less.
PADDING_BYTES: constant(uint256) = 2_176
# Copying is paid by length, and most rows have at most 36 words of 8 bytes.
SHORT_ROW_BYTES: constant(uint256) = 288
DIGEST_BYTES: constant(uint256) = 32
LEAF_TAG: constant(bytes8) = 0x48526c6561663031  # "HRleaf01"
NODE_TAG: constant(bytes8) = 0x48526e6f64653031  # "HRnode01"
ENTERED_TAG: constant(bytes8) = 0x4852696e6a653031  # "HRinje01"

SLOT_BITS: constant(uint256) = 8
SLOT_MASK: constant(uint256) = 2**SLOT_BITS - 1
SHAPE_BITS: constant(uint256) = 128
LIST_END: constant(uint256) = max_value(uint256)


@internal
@view
def _leaf_digest(position: uint256, length: uint256) -> bytes32:
    """
    @notice Hash a row.
    @param position Of the row in msg.data.
    @param length Bytes, at most PADDING_BYTES.
    @return keccak256("HRleaf01" || row).
    """
    if length <= SHORT_ROW_BYTES:
        return keccak256(
            concat(LEAF_TAG, slice(slice(msg.data, position, SHORT_ROW_BYTES), 0, length))
        )
    return keccak256(
        concat(LEAF_TAG, slice(slice(msg.data, position, PADDING_BYTES), 0, length))
    )


@internal
@pure
def _keys(indices: DynArray[uint256, MAX_QUERIES]) -> uint256[MAX_QUERIES + 1]:
    """
    @notice Make keys of indices; slots count from 0.
    @param indices Ascending.
    @return Keys and LIST_END.
    """
    keys: uint256[MAX_QUERIES + 1] = empty(uint256[MAX_QUERIES + 1])
    for slot: uint256 in range(len(indices), bound=MAX_QUERIES):
        keys[slot] = indices[slot] << SLOT_BITS | slot
    keys[len(indices)] = LIST_END
    return keys


@internal
@pure
def _halve(
    keys: uint256[MAX_QUERIES + 1], count: uint256, log_parents: uint256
) -> (uint256[MAX_QUERIES + 1], uint256):
    """
    @notice Step from rows modulo 2^(log_parents + 1) to rows modulo
            2^log_parents.
    @dev Merges the keys of left children with those of right children. Either
         list is followed by a key that is larger than all of the other: the
         first by the second, the second by LIST_END.
    @param keys Sorted, and LIST_END.
    @param count How many keys there are.
    @param log_parents Logarithm of the number of parents.
    @return Merged keys and LIST_END, and the shape.
    """
    merged: uint256[MAX_QUERIES + 1] = keys
    half: uint256 = 1 << (log_parents + SLOT_BITS)
    i: uint256 = 0
    j: uint256 = self._first_key(keys, count, half)
    left: uint256 = keys[0]
    right: uint256 = unsafe_sub(keys[j], half)
    last: uint256 = LIST_END
    left_count: uint256 = 0
    # Two bits of the present parent are shape_bit and the one above.
    shape_bit: uint256 = 1
    shape: uint256 = 0
    for k: uint256 in range(count, bound=MAX_QUERIES):
        # Of one parent's keys those of the left child come first.
        if left <= right | SLOT_MASK:
            merged[k] = left
            if left >> SLOT_BITS != last:
                last = left >> SLOT_BITS
                shape_bit <<= 2
                shape |= shape_bit
                left_count = unsafe_add(left_count, 1)
            i = unsafe_add(i, 1)
            left = keys[i]
        else:
            merged[k] = right
            if right >> SLOT_BITS != last:
                last = right >> SLOT_BITS
                shape_bit <<= 2
            shape |= shape_bit << 1
            j = unsafe_add(j, 1)
            right = unsafe_sub(keys[j], half)
    return merged, left_count << SHAPE_BITS | shape


@internal
@pure
def _first_key(
    keys: uint256[MAX_QUERIES + 1], count: uint256, bound: uint256
) -> uint256:
    """
    @notice Count the keys below a bound, by bisection.
    @param keys Sorted.
    @param count How many keys there are.
    @param bound Any.
    @return Position of the first key that is not below the bound.
    """
    low: uint256 = 0
    high: uint256 = count
    for _: uint256 in range(6):  # 54 < 2^6
        if low == high:
            break
        middle: uint256 = (low + high) >> 1
        if keys[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@internal
@pure
def _places(
    keys: uint256[MAX_QUERIES + 1], count: uint256
) -> (uint256, uint256[MAX_QUERIES]):
    """
    @notice Where the queries' rows stand among the rows that are opened.
    @param keys Row and query, ascending.
    @param count How many keys there are.
    @return How many rows, and the place of each query's row, from 0.
    """
    places: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
    rows: uint256 = 0
    previous: uint256 = LIST_END
    for i: uint256 in range(count, bound=MAX_QUERIES):
        key: uint256 = keys[i]
        if key >> SLOT_BITS != previous:
            previous = key >> SLOT_BITS
            rows = unsafe_add(rows, 1)
        places[key & SLOT_MASK] = unsafe_sub(rows, 1)
    return rows, places


@internal
@view
def _root(
    log_size: uint256,
    row_count: uint256,
    shapes: uint256[MAX_LOG_SIZE],
    log_classes: DynArray[uint256, MAX_CLASSES],
    digests: DynArray[bytes32, MAX_QUERIES * MAX_CLASSES],
    position: uint256,
    end: uint256,
) -> (bytes32, uint256):
    """
    @notice Hash opened rows up to the root; children that are on no queried
            path come from the proof.
    @dev Parent k of a layer of m has the children k and k + m; the digest of
         row k of a class with m rows goes into it. The distinct indices
         modulo m are at once the parents and the class's rows, so that the
         k-th parent takes the k-th digest. Numbers of digests and bytes are
         far below 2^256: sums are unchecked.
    @param log_size Logarithm of the number of leaves.
    @param row_count Opened rows of the highest class.
    @param shapes Of the steps from 2^(l+1) nodes to 2^l, at place l.
    @param log_classes Logarithms of the classes' row counts, from log_size
           down.
    @param digests Of the classes' rows, class after class, ascending.
    @param position Of the siblings in msg.data.
    @param end Of the proof in msg.data.
    @return Root, and the position behind the siblings.
    """
    nodes: bytes32[MAX_QUERIES] = empty(bytes32[MAX_QUERIES])
    for k: uint256 in range(row_count, bound=MAX_QUERIES):
        nodes[k] = digests[k]
    at: uint256 = position
    next_class: uint256 = 1
    entered: uint256 = row_count
    for level: uint256 in range(log_size, bound=MAX_LOG_SIZE):
        log_parents: uint256 = log_size - 1 - level
        if next_class < len(log_classes) and log_classes[next_class] == log_parents:
            next_class += 1
            parents: bytes32[MAX_QUERIES] = empty(bytes32[MAX_QUERIES])
            shape: uint256 = shapes[log_parents]
            i: uint256 = 0
            j: uint256 = shape >> SHAPE_BITS
            for k: uint256 in range(MAX_QUERIES):
                shape >>= 2
                children: uint256 = shape & 3
                if children == 0:
                    break
                # Replaced on the side, or sides, where the child is a node.
                left: bytes32 = convert(slice(msg.data, at, DIGEST_BYTES), bytes32)
                right: bytes32 = left
                if children != 3:
                    at = unsafe_add(at, DIGEST_BYTES)
                if children & 1 != 0:
                    left = nodes[i]
                    i = unsafe_add(i, 1)
                if children & 2 != 0:
                    right = nodes[j]
                    j = unsafe_add(j, 1)
                parents[k] = keccak256(concat(ENTERED_TAG, left, right, digests[entered]))
                entered = unsafe_add(entered, 1)
            nodes = parents
        else:
            nodes, at = self._parents(nodes, shapes[log_parents], at)
        assert at <= end, "TRUNCATED"
    return nodes[0], at


@internal
@view
def _parents(
    nodes: bytes32[MAX_QUERIES], layer_shape: uint256, position: uint256
) -> (bytes32[MAX_QUERIES], uint256):
    """
    @notice Hash the nodes of a layer into their parents.
    @param nodes On queried paths, ascending.
    @param layer_shape Of the step.
    @param position Of the siblings in msg.data.
    @return Parents, ascending, and the position behind the siblings.
    """
    parents: bytes32[MAX_QUERIES] = empty(bytes32[MAX_QUERIES])
    i: uint256 = 0
    j: uint256 = layer_shape >> SHAPE_BITS
    at: uint256 = position
    shape: uint256 = layer_shape
    for k: uint256 in range(MAX_QUERIES):
        shape >>= 2
        if shape & 3 == 1:
            parents[k] = keccak256(
                concat(
                    NODE_TAG, nodes[i], convert(slice(msg.data, at, DIGEST_BYTES), bytes32)
                )
            )
            i = unsafe_add(i, 1)
            at = unsafe_add(at, DIGEST_BYTES)
        elif shape & 3 == 2:
            parents[k] = keccak256(
                concat(
                    NODE_TAG, convert(slice(msg.data, at, DIGEST_BYTES), bytes32), nodes[j]
                )
            )
            j = unsafe_add(j, 1)
            at = unsafe_add(at, DIGEST_BYTES)
        elif shape & 3 == 3:
            parents[k] = keccak256(concat(NODE_TAG, nodes[i], nodes[j]))
            i = unsafe_add(i, 1)
            j = unsafe_add(j, 1)
        else:
            break
    return parents, at
