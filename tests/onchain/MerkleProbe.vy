# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Merkle openings, callable
@notice Reads an opening as the helpers do: rows of every class, then siblings.
"""

from contracts.verifier import merkle

MAX_QUERIES: constant(uint256) = 54
MAX_CLASSES: constant(uint256) = 12
MAX_LOG_SIZE: constant(uint256) = 27


struct Opening:
    root: bytes32
    read_bytes: uint256
    rows: DynArray[uint256, MAX_CLASSES]
    places: DynArray[uint256[MAX_QUERIES], MAX_CLASSES]


@external
@view
def open(
    log_classes: DynArray[uint256, MAX_CLASSES],
    row_bytes: DynArray[uint256, MAX_CLASSES],
    indices: DynArray[uint256, MAX_QUERIES],
    data: Bytes[122_880],
    padding: Bytes[2_176],
) -> Opening:
    """
    @notice Read an opening.
    @param log_classes Logarithms of the classes' row counts, descending.
    @param row_bytes Length of a row, by class.
    @param indices Queries, ascending, below 2^log_classes[0].
    @param data Rows and siblings.
    @param padding Zeros.
    @return Root and number of bytes read; by class how many rows, and by slot
            where they stand.
    """
    opening: Opening = empty(Opening)
    log_size: uint256 = log_classes[0]
    keys: uint256[MAX_QUERIES + 1][MAX_LOG_SIZE + 1] = empty(
        uint256[MAX_QUERIES + 1][MAX_LOG_SIZE + 1]
    )
    shapes: uint256[MAX_LOG_SIZE] = empty(uint256[MAX_LOG_SIZE])
    keys[log_size] = merkle._keys(indices)
    for level: uint256 in range(log_size, bound=MAX_LOG_SIZE):
        log_parents: uint256 = log_size - 1 - level
        keys[log_parents], shapes[log_parents] = merkle._halve(
            keys[log_parents + 1], len(indices), log_parents
        )

    start: uint256 = 4 + convert(slice(msg.data, 4 + 32 * 3, 32), uint256) + 32
    position: uint256 = start
    digests: DynArray[bytes32, MAX_QUERIES * MAX_CLASSES] = []
    for number: uint256 in range(len(log_classes), bound=MAX_CLASSES):
        rows: uint256 = 0
        places: uint256[MAX_QUERIES] = empty(uint256[MAX_QUERIES])
        rows, places = merkle._places(keys[log_classes[number]], len(indices))
        for _: uint256 in range(rows, bound=MAX_QUERIES):
            digests.append(merkle._leaf_digest(position, row_bytes[number]))
            position += row_bytes[number]
        opening.rows.append(rows)
        opening.places.append(places)
    opening.root, position = merkle._root(
        log_size,
        opening.rows[0],
        shapes,
        log_classes,
        digests,
        position,
        start + len(data),
    )
    opening.read_bytes = position - start
    return opening
