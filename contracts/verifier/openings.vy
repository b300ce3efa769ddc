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
from contracts.verifier import domain
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import merkle
from contracts.verifier import row_sums
from interfaces import IStarkVerifier

# Where the random polynomial stands in a row of the quotient tree.
RANDOM_OFFSET: constant(uint256) = columns.WORD_BYTES * (
    columns.SALT_WORDS + columns.LIMBS * machine.QUOTIENT_PARTS
)

# Of a run's ABI encoding without the elements of its six arrays: its offset,
# 19 words of fields, the arrays' lengths.
RUN_WORDS: constant(uint256) = 1 + 19 + 6

# What a part has summed up of weight * (column - opened value).
struct Sums:
    # Of each class whether it was touched, and the sum for each of its rows
    # that are opened, ascending: over columns that are not opened one row
    # later, and over columns that are.
    is_touched: bool[machine.TABLES]
    rows: uint256[merkle.MAX_QUERIES][machine.TABLES]
    later_rows: uint256[merkle.MAX_QUERIES][machine.TABLES]
    has_later: bool
    # What is to be added for every query: minus the class's opened values,
    # minus those opened one row later. Once in all parts.
    opened: uint256[machine.TABLES]
    next_opened: uint256


@external
@view
def read(run: IStarkVerifier.Run) -> IStarkVerifier.Run:
    """
    @notice Read rows and siblings as far as the data reaches.
    @dev Rows and siblings, as they stand in the proof, follow the argument;
         then PADDING_BYTES that reads of a fixed length may reach, the last
         word of which says how many bytes to skip before. Declared arguments
         would be copied to memory.
         One function, because memory is copied at every call.
    @param run State after the part before, in canonical ABI encoding.
    @return State after this part.
    """
    assert run.step < columns.TREES, "WRONG_STAGE"
    elements: uint256 = (
        len(run.opened) + len(run.fri_roots) + len(run.folds)
        + len(run.indices) + len(run.values) + len(run.digests)
    )
    at: uint256 = 4 + 32 * (RUN_WORDS + elements)
    assert at + merkle.PADDING_BYTES <= len(msg.data), "WRONG_PADDING"
    end: uint256 = len(msg.data) - merkle.PADDING_BYTES
    at += convert(slice(msg.data, len(msg.data) - 32, 32), uint256)
    log_blowup: uint256 = machine.SETTLE_COMPACT_LOG_BLOWUP
    if run.profile == machine.SETTLE:
        log_blowup = machine.SETTLE_LOG_BLOWUP
    next_run: IStarkVerifier.Run = run
    log_heights: DynArray[uint256, machine.TABLES] = columns._class_heights(run.log_heights)
    levels: DynArray[uint256, machine.TABLES] = []
    for log_height: uint256 in log_heights:
        levels.append(log_heights[0] - log_height)
    counts: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    shared: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    counts, shared = merkle._shared_rows(run.indices, levels)
    sums: Sums = empty(Sums)
    assert at < end, "TRUNCATED"
    for tree: uint256 in range(columns.TREES):
        if tree != next_run.step or at == end:
            continue
        log_sizes: DynArray[uint256, machine.TABLES] = []
        row_counts: DynArray[uint256, machine.TABLES] = []
        rows: uint256 = 0
        powers: uint256[machine.MAIN_COLUMNS] = columns._powers(tree, run.batch)
        for number: uint256 in range(len(log_heights), bound=machine.TABLES):
            words: uint256 = 0
            later_words: uint256 = 0
            words, later_words = columns._row_words(
                run.log_heights, log_heights[number], log_heights[0], tree
            )
            if words == 0:
                continue
            log_sizes.append(log_heights[number] + log_blowup)
            row_counts.append(counts[number])
            first: uint256 = len(next_run.digests) - min(rows, len(next_run.digests))
            rows += counts[number]
            if len(next_run.digests) >= rows:
                continue
            if tree == columns.MAIN and first == 0:
                # What the opened values add, once in all parts.
                sums.opened[number] = unsafe_sub(field.ZEROS, run.opened[1 + number])
            elif tree == columns.AUX and first + number == 0:
                sums.next_opened = unsafe_sub(field.ZEROS, run.opened[0])
            length: uint256 = columns.WORD_BYTES * words
            row_count: uint256 = min(counts[number] - first, (end - at) // length)
            sums.is_touched[number] = True
            weights: uint256[columns.MAX_WEIGHTS] = columns._weights(
                run.log_heights,
                log_heights[number],
                log_heights[0],
                tree,
                later_words,
                powers,
            )
            carries: uint256 = 0
            later_carries: uint256 = 0
            if later_words != 0:
                sums.has_later = True
                sums.later_rows[number], later_carries = row_sums._row_sums(
                    weights, 0, later_words, at, length, first, row_count, sums.later_rows[number]
                )
            sums.rows[number], carries = row_sums._row_sums(
                weights,
                columns.MAX_LATER_WORDS,
                words - later_words,
                at + columns.WORD_BYTES * later_words,
                length,
                first,
                row_count,
                sums.rows[number],
            )
            assert (carries | later_carries) & row_sums.CARRIES == 0, "NON_CANONICAL_ELEMENT"
            if tree == columns.QUOTIENT:
                # There is one row for each query.
                for row: uint256 in range(first, first + row_count, bound=merkle.MAX_QUERIES):
                    next_run.values[row] = unsafe_add(
                        next_run.values[row],
                        self._random_value(at + length * (row - first)),
                    )
            for _: uint256 in range(row_count, bound=merkle.MAX_QUERIES):
                next_run.digests.append(merkle._leaf_digest(at, length))
                at = unsafe_add(at, length)
            if at != end:
                # The data goes on: then with a whole row, or the class is done.
                assert first + row_count == counts[number], "TRUNCATED"
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
    points: uint256[merkle.MAX_QUERIES] = domain._points(
        run.indices, field._squared(field.GENERATOR, 32 - log_heights[0])
    )
    lift: uint256 = field._power(run.batch, columns.LIFT_EXPONENT)
    terms: deep.Terms = empty(deep.Terms)
    for number: uint256 in range(len(log_heights), bound=machine.TABLES):
        if sums.is_touched[number]:
            terms = deep._add_class(
                terms,
                sums.rows[number],
                sums.later_rows[number],
                sums.opened[number],
                shared[number],
                points,
                len(run.indices),
                run.zeta,
                lift,
                log_heights[0] - log_heights[number],
            )
    next_run.values = deep._combine(
        next_run.values,
        terms,
        sums.has_later,
        sums.next_opened,
        points,
        run.zeta,
        lift,
        log_heights[0],
    )
    return next_run


@internal
@view
def _random_value(position: uint256) -> uint256:
    """
    @notice Value of the random polynomial in a row of the quotient tree.
    @param position Of the row: salt, three parts, random polynomial.
    @return Its three words as an element.
    """
    words: uint256 = convert(slice(msg.data, position + RANDOM_OFFSET, 24), uint256)
    return words >> 128 | ((words >> 64) & row_sums.WORD) << 85 | (words & row_sums.WORD) << 170


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
