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

     A leaf is named by its place: the index with its bits in reverse order.
     At level l, counted from the leaves, stands node place >> l above it; the
     children of node k are 2k and 2k + 1. Opened leaves and the digests that
     the proof adds follow each other from left to right, so that one walk
     takes them as they come.
"""

from contracts.verifier import machine

MAX_QUERIES: constant(uint256) = machine.MAX_QUERIES
MAX_CLASSES: constant(uint256) = machine.TABLES
# 2^22 rows at a blowup of 2^6; domain.vy and the bit masks below allow no more.
MAX_LOG_SIZE: constant(uint256) = 28
# The longest read is one of a row of the main tree. A step from layer to
# layer reads at most MAX_QUERIES digests, which is less.
PADDING_BYTES: constant(uint256) = 2_176
# Copying is paid by length, and most rows have at most 36 words of 8 bytes.
SHORT_ROW_BYTES: constant(uint256) = 288
DIGEST_BYTES: constant(uint256) = 32
# There are fewer than 2^10 rows.
ROW_BITS: constant(uint256) = 10
ROW_MASK: constant(uint256) = 2**ROW_BITS - 1
LEAF_TAG: constant(bytes8) = 0x48526c6561663031  # "HRleaf01"
# "HRnode01" and "HRinje01", and zeros.
NODE_TAG: constant(bytes32) = 0x48526e6f64653031000000000000000000000000000000000000000000000000
ENTERED_TAG: constant(bytes32) = 0x4852696e6a653031000000000000000000000000000000000000000000000000

# Where a power of two 2^l with l < 36 is 2^l mod 37, the five bits from 5 * that
# on are l; 2 generates the numbers prime to 37.
LOGARITHMS: constant(uint256) = 28507754684909926779703069327497961803097624868629054464


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
def _shared_rows(
    places: DynArray[uint256, MAX_QUERIES], levels: DynArray[uint256, MAX_CLASSES]
) -> (uint256[MAX_CLASSES], uint256[MAX_CLASSES]):
    """
    @notice Find the distinct rows above queried places.
    @param places Ascending and distinct.
    @param levels Of the rows of each class, ascending.
    @return By class how many rows there are, and in which bit i is set if the
            places i - 1 and i have one row.
    """
    counts: uint256[MAX_CLASSES] = empty(uint256[MAX_CLASSES])
    shared: uint256[MAX_CLASSES] = empty(uint256[MAX_CLASSES])
    for number: uint256 in range(len(levels), bound=MAX_CLASSES):
        counts[number] = len(places)
    # Few neighbours have a row in common, and then mostly of few classes.
    highest: uint256 = levels[len(levels) - 1]
    last: uint256 = places[0]
    for i: uint256 in range(1, len(places), bound=MAX_QUERIES):
        place: uint256 = places[i]
        difference: uint256 = place ^ last
        last = place
        if difference >> highest == 0:
            for number: uint256 in range(len(levels), bound=MAX_CLASSES):
                if difference >> levels[number] == 0:
                    counts[number] -= 1
                    shared[number] |= 1 << i
    return counts, shared


@internal
@pure
def _entrances(
    log_classes: DynArray[uint256, MAX_CLASSES], row_counts: DynArray[uint256, MAX_CLASSES]
) -> (uint256, uint256, uint256):
    """
    @notice Where the rows of the classes but the highest enter a tree.
    @param log_classes Logarithms of the classes' row counts, descending.
    @param row_counts Opened rows of the classes.
    @return Where bit l is set, rows enter at the step from level l to l + 1;
            the level from which on none do; and ROW_BITS for each class, the
            number of its first row, counted over all classes.
    """
    entering: uint256 = 0
    mixed_levels: uint256 = 0
    next_rows: uint256 = 0
    first_row: uint256 = 0
    for number: uint256 in range(1, len(log_classes), bound=MAX_CLASSES):
        first_row += row_counts[number - 1]
        next_rows |= first_row << ROW_BITS * (number - 1)
        mixed_levels = log_classes[0] - log_classes[number]
        entering |= 1 << mixed_levels - 1
    return entering, mixed_levels, next_rows


@internal
@view
def _root(
    places: DynArray[uint256, MAX_QUERIES],
    leaf_level: uint256,
    log_classes: DynArray[uint256, MAX_CLASSES],
    row_counts: DynArray[uint256, MAX_CLASSES],
    digests: DynArray[bytes32, MAX_QUERIES * MAX_CLASSES],
    position: uint256,
    end: uint256,
) -> (bytes32, uint256):
    """
    @notice Hash opened rows up to the root; children that are above no opened
            leaf come from the proof.
    @dev One leaf after the other. Its path is hashed up to the last node that
         is not above the next leaf as well. That node is a left child; it
         waits at its level until the path of a later leaf arrives at its
         sibling. At levels where rows enter, each node on a path takes the
         next row. A path reads at most MAX_LOG_SIZE digests and a block more,
         which is less than PADDING_BYTES. Numbers of digests and bytes are
         far below 2^256: sums are unchecked.
    @param places Queried places of the domain, ascending.
    @param leaf_level Level of the tree's leaves in the domain.
    @param log_classes Logarithms of the classes' row counts, descending.
    @param row_counts Opened rows of the classes.
    @param digests Of the classes' rows, class after class, ascending.
    @param position Of the siblings in msg.data.
    @param end Of the proof in msg.data.
    @return Root, and the position behind the siblings.
    """
    entering: uint256 = 0
    mixed_levels: uint256 = 0
    next_rows: uint256 = 0
    entering, mixed_levels, next_rows = self._entrances(log_classes, row_counts)

    at: uint256 = position
    node: bytes32 = empty(bytes32)
    # Bit l: a left child waits at level l.
    waiting: uint256 = 0
    left_children: bytes32[MAX_LOG_SIZE + 1] = empty(bytes32[MAX_LOG_SIZE + 1])
    leaf: uint256 = 0
    path: uint256 = places[0] >> leaf_level
    for i: uint256 in range(1, len(places) + 1, bound=MAX_QUERIES):
        next_path: uint256 = path
        top: uint256 = 1 << log_classes[0]
        if i < len(places):
            next_path = places[i] >> leaf_level
            if next_path == path:
                continue
            # All bits up to the highest one, then that one: below 2^32.
            ones: uint256 = next_path ^ path
            ones |= ones >> 1
            ones |= ones >> 2
            ones |= ones >> 4
            ones |= ones >> 8
            ones |= ones >> 16
            top = ones ^ ones >> 1
        node = digests[leaf]
        leaf = unsafe_add(leaf, 1)
        top_level: uint256 = LOGARITHMS >> unsafe_mul(5, top % 37) & 31
        row_place: uint256 = 0
        # 2^level.
        bit: uint256 = 1
        for level: uint256 in range(min(top_level, mixed_levels), bound=MAX_LOG_SIZE):
            left: bytes32 = node
            right: bytes32 = node
            if waiting & bit != 0:
                left = left_children[level]
                waiting ^= bit
            else:
                if path & bit == 0:
                    right = convert(slice(msg.data, at, DIGEST_BYTES), bytes32)
                else:
                    left = convert(slice(msg.data, at, DIGEST_BYTES), bytes32)
                at = unsafe_add(at, DIGEST_BYTES)
            if entering & bit == 0:
                node = keccak256(abi_encode(NODE_TAG, left, right))
            else:
                row: uint256 = next_rows >> row_place & ROW_MASK
                next_rows = unsafe_add(next_rows, 1 << row_place)
                row_place = unsafe_add(row_place, ROW_BITS)
                node = keccak256(abi_encode(ENTERED_TAG, left, right, digests[row]))
            bit <<= 1
        # From here on no rows enter: where no left child waits, and up to the
        # end of the path, siblings are from the proof.
        stops: uint256 = (waiting | top) & unsafe_sub(top << 1, 1)
        for _: uint256 in range(MAX_LOG_SIZE + 1):
            stop: uint256 = stops & unsafe_sub(0, stops)
            level: uint256 = LOGARITHMS >> unsafe_mul(5, stop % 37) & 31
            if stop != bit:
                steps: uint256 = unsafe_sub(level, LOGARITHMS >> unsafe_mul(5, bit % 37) & 31)
                node = self._climb(node, unsafe_div(path, bit), steps, at)
                at = unsafe_add(at, unsafe_mul(DIGEST_BYTES, steps))
            if stop == top:
                waiting |= top
                left_children[level] = node
                break
            node = keccak256(abi_encode(NODE_TAG, left_children[level], node))
            waiting ^= stop
            stops ^= stop
            bit = stop << 1
        assert at <= end, "TRUNCATED"
        path = next_path
    return node, at


@internal
@view
def _climb(start: bytes32, path: uint256, steps: uint256, position: uint256) -> bytes32:
    """
    @notice Hash a node and siblings from the proof into the node some levels
            above.
    @param start The node.
    @param path Its place.
    @param steps How many levels, below 32.
    @param position Of the siblings in msg.data.
    @return The node above.
    """
    node: bytes32 = start
    # Read from memory: a constant would be 33 bytes of code at every place.
    tag: bytes32 = NODE_TAG
    bits: uint256 = path
    at: uint256 = position
    for _: uint256 in range(steps >> 3, bound=3):
        long_window: Bytes[256] = slice(msg.data, at, 256)
        eight: bytes32[8] = abi_decode(long_window, bytes32[8])
        if bits & 1 == 0:
            node = keccak256(abi_encode(tag, node, eight[0]))
        else:
            node = keccak256(abi_encode(tag, eight[0], node))
        if bits & 2 == 0:
            node = keccak256(abi_encode(tag, node, eight[1]))
        else:
            node = keccak256(abi_encode(tag, eight[1], node))
        if bits & 4 == 0:
            node = keccak256(abi_encode(tag, node, eight[2]))
        else:
            node = keccak256(abi_encode(tag, eight[2], node))
        if bits & 8 == 0:
            node = keccak256(abi_encode(tag, node, eight[3]))
        else:
            node = keccak256(abi_encode(tag, eight[3], node))
        if bits & 16 == 0:
            node = keccak256(abi_encode(tag, node, eight[4]))
        else:
            node = keccak256(abi_encode(tag, eight[4], node))
        if bits & 32 == 0:
            node = keccak256(abi_encode(tag, node, eight[5]))
        else:
            node = keccak256(abi_encode(tag, eight[5], node))
        if bits & 64 == 0:
            node = keccak256(abi_encode(tag, node, eight[6]))
        else:
            node = keccak256(abi_encode(tag, eight[6], node))
        if bits & 128 == 0:
            node = keccak256(abi_encode(tag, node, eight[7]))
        else:
            node = keccak256(abi_encode(tag, eight[7], node))
        bits >>= 8
        at = unsafe_add(at, 8 * DIGEST_BYTES)
    if steps & 4 != 0:
        window: Bytes[128] = slice(msg.data, at, 128)
        four: bytes32[4] = abi_decode(window, bytes32[4])
        if bits & 1 == 0:
            node = keccak256(abi_encode(tag, node, four[0]))
        else:
            node = keccak256(abi_encode(tag, four[0], node))
        if bits & 2 == 0:
            node = keccak256(abi_encode(tag, node, four[1]))
        else:
            node = keccak256(abi_encode(tag, four[1], node))
        if bits & 4 == 0:
            node = keccak256(abi_encode(tag, node, four[2]))
        else:
            node = keccak256(abi_encode(tag, four[2], node))
        if bits & 8 == 0:
            node = keccak256(abi_encode(tag, node, four[3]))
        else:
            node = keccak256(abi_encode(tag, four[3], node))
        bits >>= 4
        at = unsafe_add(at, 4 * DIGEST_BYTES)
    if steps & 2 != 0:
        short_window: Bytes[64] = slice(msg.data, at, 64)
        two: bytes32[2] = abi_decode(short_window, bytes32[2])
        if bits & 1 == 0:
            node = keccak256(abi_encode(tag, node, two[0]))
        else:
            node = keccak256(abi_encode(tag, two[0], node))
        if bits & 2 == 0:
            node = keccak256(abi_encode(tag, node, two[1]))
        else:
            node = keccak256(abi_encode(tag, two[1], node))
        bits >>= 2
        at = unsafe_add(at, 2 * DIGEST_BYTES)
    if steps & 1 != 0:
        one: bytes32 = convert(slice(msg.data, at, DIGEST_BYTES), bytes32)
        if bits & 1 == 0:
            node = keccak256(abi_encode(tag, node, one))
        else:
            node = keccak256(abi_encode(tag, one, node))
    return node
