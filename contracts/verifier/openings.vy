# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Openings of the four trees
@notice Reads the rows opened at the queried places, checks that they hash to
        the roots, and sums them up to values of the DEEP combination (deep.vy).
@dev docs/spec/proof-system.md, "Trees". Rows stay in the calldata; positions
     are absolute. A part may end after any row, or after a tree.
"""

from contracts.verifier import columns
from contracts.verifier import deep
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import merkle
from interfaces import IStarkVerifier

# Where the random polynomial stands in a row of the quotient tree.
RANDOM_OFFSET: constant(uint256) = columns.WORD_BYTES * (
    columns.SALT_WORDS + columns.LIMBS * machine.QUOTIENT_PARTS
)

# Rows of a class that were read. Sums are of weight * (column - opened value),
# for each query whose row is among them; next_sums of the values that are
# opened one row later; randoms are values of the random polynomial.
struct Rows:
    # Position after them.
    at: uint256
    digests: DynArray[bytes32, merkle.MAX_QUERIES]
    sums: uint256[merkle.MAX_QUERIES]
    next_sums: uint256[merkle.MAX_QUERIES]
    randoms: uint256[merkle.MAX_QUERIES]


@internal
@view
def _read(
    run: IStarkVerifier.Run, log_blowup: uint256, start: uint256, end: uint256
) -> IStarkVerifier.Run:
    """
    @notice Read rows and siblings as far as the data reaches.
    @dev One function, because memory is copied at every call.
    @param run State after the part before.
    @param log_blowup Base-2 logarithm of the domain's size over the trace's.
    @param start Position of the first byte in the calldata.
    @param end Position after the last one.
    @return State after this part.
    """
    next_run: IStarkVerifier.Run = run
    log_heights: DynArray[uint256, machine.TABLES] = columns._class_heights(run.log_heights)
    levels: DynArray[uint256, machine.TABLES] = []
    for log_height: uint256 in log_heights:
        levels.append(log_heights[0] - log_height)
    counts: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    shared: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    counts, shared = merkle._shared_rows(run.indices, levels)
    sums: deep.Sums = empty(deep.Sums)
    at: uint256 = start
    assert start < end, "TRUNCATED"
    for tree: uint256 in range(columns.TREES):
        if tree != next_run.step or at == end:
            continue
        log_sizes: DynArray[uint256, machine.TABLES] = []
        row_counts: DynArray[uint256, machine.TABLES] = []
        rows: uint256 = 0
        for number: uint256 in range(len(log_heights), bound=machine.TABLES):
            words: uint256 = columns._row_words(
                run.log_heights, log_heights[number], log_heights[0], tree
            )
            if words == 0:
                continue
            log_sizes.append(log_heights[number] + log_blowup)
            row_counts.append(counts[number])
            read_before: uint256 = len(next_run.digests) - min(rows, len(next_run.digests))
            rows += row_counts[len(row_counts) - 1]
            if len(next_run.digests) >= rows:
                continue
            opened: uint256 = 0
            next_opened: uint256 = 0
            if tree == columns.MAIN:
                # What the opened values add, once in all trees.
                opened = unsafe_sub(field.ZEROS, run.opened[1 + number])
                if number == 0:
                    next_opened = unsafe_sub(field.ZEROS, run.opened[0])
            found: Rows = self._read_class(
                run.log_heights,
                log_heights[number],
                log_heights[0],
                tree,
                words,
                run.batch,
                opened,
                next_opened,
                shared[number],
                len(run.indices),
                counts[number] - read_before,
                read_before,
                at,
                end,
            )
            at = found.at
            for digest: bytes32 in found.digests:
                next_run.digests.append(digest)
            sums.is_touched[number] = True
            for query: uint256 in range(len(run.indices), bound=merkle.MAX_QUERIES):
                sums.classes[number][query] = unsafe_add(
                    sums.classes[number][query], found.sums[query]
                )
                sums.next[query] = unsafe_add(sums.next[query], found.next_sums[query])
                if tree == columns.QUOTIENT:
                    next_run.values[query] = unsafe_add(
                        next_run.values[query], found.randoms[query]
                    )
            if at == end:
                break
        if at == end:
            break
        root: bytes32 = empty(bytes32)
        root, at = merkle._root(
            run.indices,
            log_heights[0] + log_blowup - log_sizes[0],
            log_sizes,
            row_counts,
            next_run.digests,
            at,
            end,
        )
        self._check_root(root == run.roots[tree], tree)
        next_run.digests = []
        next_run.step = tree + 1
    assert at == end, "TRAILING_BYTES"
    next_run.values = deep._combine(
        run.indices, next_run.values, run.zeta, run.batch, log_heights, sums
    )
    return next_run


@internal
@view
def _read_class(
    table_heights: bytes32,
    log_height: uint256,
    log_n: uint256,
    tree: uint256,
    words: uint256,
    batch: uint256,
    opened: uint256,
    next_opened: uint256,
    shared: uint256,
    count: uint256,
    expected: uint256,
    skipped: uint256,
    start: uint256,
    end: uint256,
) -> Rows:
    """
    @notice Read the rows of one class as far as the data reaches.
    @param table_heights Byte t, from the left, is log2 of table t's height.
    @param log_height The class's.
    @param log_n The largest one.
    @param tree Number of the tree.
    @param words Length of a row in words of 8 bytes, salt included.
    @param batch Challenge that combines the columns.
    @param opened What a sum begins with: minus the opened values.
    @param next_opened The same for the values one row later.
    @param shared Bit i is set if the queries i - 1 and i have one row.
    @param count How many queries there are.
    @param expected How many rows there are to read.
    @param skipped How many rows were read in earlier parts.
    @param start Position of the first row that was not.
    @param end Position after the data.
    @return The rows, with sums.
    """
    weights: columns.Columns = columns._columns(table_heights, log_height, log_n, tree, words, batch)
    length: uint256 = columns.WORD_BYTES * words
    rows: uint256 = min(expected, (end - start) // length)
    row_sums: uint256[merkle.MAX_QUERIES] = empty(uint256[merkle.MAX_QUERIES])
    carries: uint256 = 0
    row_sums, carries = columns._row_sums(weights, words, start, rows)
    next_sums: uint256[merkle.MAX_QUERIES] = columns._next_sums(weights, words, start, rows)
    assert carries & merkle.CARRIES == 0, "NON_CANONICAL_ELEMENT"

    result: Rows = empty(Rows)
    result.at = start
    for _: uint256 in range(rows, bound=merkle.MAX_QUERIES):
        result.digests.append(merkle._leaf_digest(result.at, length))
        result.at += length
    if result.at != end:
        # The data goes on: then with a whole row, or the class is done.
        assert rows == expected, "TRUNCATED"

    # Of the query's row among those read here; negative: read before.
    place: uint256 = unsafe_sub(unsafe_sub(0, skipped), 1)
    for query: uint256 in range(count, bound=merkle.MAX_QUERIES):
        if shared >> query & 1 == 0:
            place = unsafe_add(place, 1)
        if place < rows:
            result.sums[query] = unsafe_add(opened, row_sums[place])
            result.next_sums[query] = unsafe_add(next_opened, next_sums[place])
            if tree == columns.QUOTIENT:
                result.randoms[query] = self._random_value(start + length * place)
    return result


@internal
@view
def _random_value(position: uint256) -> uint256:
    """
    @notice Value of the random polynomial in a row of the quotient tree.
    @param position Of the row: salt, three parts, random polynomial.
    @return Its three words as an element.
    """
    words: uint256 = convert(slice(msg.data, position + RANDOM_OFFSET, 24), uint256)
    return words >> 128 | ((words >> 64) & columns.WORD) << 85 | (words & columns.WORD) << 170


@internal
@pure
def _check_root(is_equal: bool, tree: uint256):
    """
    @notice Refuse rows that do not hash to the tree's root.
    @param is_equal Whether they do.
    @param tree Number of the tree.
    """
    if tree == columns.PREPROCESSED:
        assert is_equal, "MERKLE_PREPROCESSED"
    elif tree == columns.MAIN:
        assert is_equal, "MERKLE_MAIN"
    elif tree == columns.AUX:
        assert is_equal, "MERKLE_AUX"
    else:
        assert is_equal, "MERKLE_QUOTIENT"
