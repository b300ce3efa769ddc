# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Merkle openings, callable
@notice Reads an opening as the helpers do: rows of every class, then siblings.
"""

from contracts.verifier import merkle

MAX_QUERIES: constant(uint256) = 52
MAX_CLASSES: constant(uint256) = 12
MAX_LOG_SIZE: constant(uint256) = 28


struct Opening:
    root: bytes32
    read_bytes: uint256
    rows: DynArray[uint256, MAX_CLASSES]
    shared: DynArray[uint256, MAX_CLASSES]


@external
@view
def open(
    log_classes: DynArray[uint256, MAX_CLASSES],
    row_bytes: DynArray[uint256, MAX_CLASSES],
    places: DynArray[uint256, MAX_QUERIES],
    data: Bytes[122_880],
    padding: Bytes[2_176],
    leaf_level: uint256,
) -> Opening:
    """
    @notice Read an opening.
    @param log_classes Logarithms of the classes' row counts, descending.
    @param row_bytes Length of a row, by class.
    @param places Queries, ascending.
    @param data Rows and siblings.
    @param padding Zeros.
    @param leaf_level Level of the leaves above the queried places.
    @return Root and number of bytes read; by class how many rows, and which
            places have the row of the place before.
    """
    opening: Opening = empty(Opening)
    start: uint256 = 4 + convert(slice(msg.data, 4 + 32 * 3, 32), uint256) + 32
    position: uint256 = start
    digests: DynArray[bytes32, MAX_QUERIES * MAX_CLASSES] = []
    levels: DynArray[uint256, MAX_CLASSES] = []
    for log_rows: uint256 in log_classes:
        levels.append(leaf_level + log_classes[0] - log_rows)
    counts: uint256[MAX_CLASSES] = empty(uint256[MAX_CLASSES])
    shared: uint256[MAX_CLASSES] = empty(uint256[MAX_CLASSES])
    counts, shared = merkle._shared_rows(places, levels)
    for number: uint256 in range(len(log_classes), bound=MAX_CLASSES):
        for _: uint256 in range(counts[number], bound=MAX_QUERIES):
            digests.append(merkle._leaf_digest(position, row_bytes[number]))
            position += row_bytes[number]
        opening.rows.append(counts[number])
        opening.shared.append(shared[number])
    opening.root, position = merkle._root(
        places, leaf_level, log_classes, opening.rows, digests, position, start + len(data)
    )
    opening.read_bytes = position - start
    return opening
