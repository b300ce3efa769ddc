# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Weighted sums of rows
@notice A row of a tree holds the columns of all tables of one height (a
        class). Its words are weighted with powers of one challenge, which
        gives the sums of which deep.vy makes the DEEP combination.
@dev Column i (from 1, over all trees) has the power i of the challenge, value
     j opened one row later the power 2 T + j, T the exponent after the last
     column's. A column with values in F stands in three words and has three
     weights, its own times 1, x and x^2.
"""

from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import merkle

TREES: constant(uint256) = 4
PREPROCESSED: constant(uint256) = 0
MAIN: constant(uint256) = 1
AUX: constant(uint256) = 2
QUOTIENT: constant(uint256) = 3
SALT_WORDS: constant(uint256) = 2
WORD_BYTES: constant(uint256) = 8
LIMBS: constant(uint256) = 3
# A row is weighted in blocks of 16 words of 8 bytes; the longest has 17.
BLOCK_WORDS: constant(uint256) = 16
MAX_BLOCKS: constant(uint256) = (SALT_WORDS + machine.MAIN_COLUMNS + BLOCK_WORDS - 1) // BLOCK_WORDS
# Exponent after the last column's.
LIFT_EXPONENT: constant(uint256) = (
    1
    + machine.PREPROCESSED_COLUMNS
    + machine.MAIN_COLUMNS
    + machine.AUX_COLUMNS
    + machine.QUOTIENT_PARTS
)
WORD: constant(uint256) = 2**64 - 1

# With what the words of a class's row in one tree are weighted.
struct Columns:
    # Of block b: limb 0 of the weights of its 16 words, limb 1, limb 2; then
    # for each 32 bytes a mask of what belongs to the row.
    weights: uint256[52][MAX_BLOCKS]
    # Of the values opened one row later: where 32 bytes of the row that hold
    # some of them begin, and limb 0 of the weights of the 4 words there, limb
    # 1, limb 2.
    next_offsets: DynArray[uint256, machine.TABLES]
    next_weights: uint256[12][machine.TABLES]


@internal
@pure
def _class_heights(log_heights: bytes32) -> DynArray[uint256, machine.TABLES]:
    """
    @notice The heights that occur, the highest first.
    @param log_heights Byte t, from the left, for table t.
    @return Base-2 logarithms, descending and distinct.
    """
    result: DynArray[uint256, machine.TABLES] = []
    for i: uint256 in range(machine.MAX_LOG_HEIGHT + 1 - machine.MIN_LOG_HEIGHT):
        for table: uint256 in range(machine.TABLES):
            if machine._byte(log_heights, table) == machine.MAX_LOG_HEIGHT - i:
                result.append(machine.MAX_LOG_HEIGHT - i)
                break
    return result


@internal
@pure
def _widths(tree: uint256) -> (bytes32, uint256, uint256):
    """
    @notice Columns of a tree.
    @param tree Number of the tree: preprocessed, main, aux, quotient.
    @return Columns of each table, exponent of the first one, and how many
            words of a row one column takes.
    """
    if tree == PREPROCESSED:
        return machine.PREPROCESSED_WIDTHS, 1, 1
    first: uint256 = 1 + machine.PREPROCESSED_COLUMNS
    if tree == MAIN:
        return machine.MAIN_WIDTHS, first, 1
    first += machine.MAIN_COLUMNS
    if tree == AUX:
        return machine.AUX_WIDTHS, first, LIMBS
    # As if they were columns of the first table.
    return convert(machine.QUOTIENT_PARTS << 248, bytes32), first + machine.AUX_COLUMNS, LIMBS


@internal
@pure
def _row_words(
    log_heights: bytes32, log_height: uint256, highest: uint256, tree: uint256
) -> uint256:
    """
    @notice Length of a class's row in one tree.
    @param log_heights Byte t, from the left, for table t.
    @param log_height The class's.
    @param highest The largest height, which the quotient's parts have.
    @param tree Number of the tree.
    @return Words of 8 bytes, the salt included; 0 if the class has no columns
            in this tree.
    """
    widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    widths, first, stride = self._widths(tree)
    if tree == QUOTIENT:
        # With the random polynomial.
        return (
            SALT_WORDS + stride * (machine.QUOTIENT_PARTS + 1) if log_height == highest else 0
        )
    width: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        if machine._byte(log_heights, table) == log_height:
            width += machine._byte(widths, table)
    if width == 0 or tree == PREPROCESSED:
        return width
    return SALT_WORDS + stride * width


@internal
@pure
def _columns(
    log_heights: bytes32,
    log_height: uint256,
    highest: uint256,
    tree: uint256,
    words: uint256,
    batch: uint256,
) -> Columns:
    """
    @notice What a class's row in one tree is weighted with. Columns stand in
            the order of the tables; one with values in F as three words.
    @param log_heights Byte t, from the left, for table t.
    @param log_height The class's.
    @param highest The largest height, which the quotient's parts have.
    @param tree Number of the tree.
    @param words Length of the row in words of 8 bytes.
    @param batch Challenge whose powers the weights are.
    @return The weights.
    """
    columns: Columns = empty(Columns)
    widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    widths, first, stride = self._widths(tree)
    heights: bytes32 = log_heights
    if tree == QUOTIENT:
        # Its three parts stand for a table of the largest height.
        heights = convert(highest << 248, bytes32)
    # Of each table of the class: where its columns stand in the row.
    starts: uint256[machine.TABLES] = empty(uint256[machine.TABLES])
    place: uint256 = 0 if tree == PREPROCESSED else SALT_WORDS
    exponent: uint256 = first
    for table: uint256 in range(machine.TABLES):
        width: uint256 = machine._byte(widths, table)
        if width != 0 and machine._byte(heights, table) == log_height:
            starts[table] = place
            power: uint256 = field._power(batch, exponent)
            for _: uint256 in range(width, bound=255):
                weight: uint256 = power
                power = field._mul(power, batch)
                for limb: uint256 in range(stride, bound=LIMBS):
                    if limb != 0:
                        weight = self._times_x(weight)
                    group: uint256 = place // BLOCK_WORDS
                    word: uint256 = place % BLOCK_WORDS
                    columns.weights[group][word] = weight & field.LANE
                    columns.weights[group][16 + word] = (weight >> 85) & field.LANE
                    columns.weights[group][32 + word] = weight >> 170
                    place += 1
        exponent += width
    for i: uint256 in range((words + 3) // 4, bound=4 * MAX_BLOCKS):
        kept: uint256 = min(4, words - 4 * i)
        columns.weights[i // 4][48 + i % 4] = ~(max_value(uint256) >> (64 * kept))
    if tree == PREPROCESSED or tree == QUOTIENT:
        return columns
    nexts: uint256[machine.NEXT_VALUES] = machine.NEXT_COLUMNS
    next_power: uint256 = field._power(batch, 2 * LIFT_EXPONENT)
    first_of_four: uint256 = 0
    for i: uint256 in range(machine.NEXT_VALUES):
        weight: uint256 = next_power
        next_power = field._mul(next_power, batch)
        table: uint256 = nexts[i] >> 8
        next_column: uint256 = nexts[i] & 255
        is_sum: bool = next_column == machine.RUNNING_SUM
        if machine._byte(log_heights, table) != log_height or is_sum != (tree == AUX):
            continue
        if is_sum:
            next_column = machine._byte(widths, table) - 1
        place = starts[table] + stride * next_column
        # Places ascend, and a value's words are not divided.
        if len(columns.next_offsets) == 0 or place >= first_of_four + 4 or is_sum:
            columns.next_offsets.append(WORD_BYTES * place)
            first_of_four = place
        four: uint256 = len(columns.next_offsets) - 1
        for limb: uint256 in range(stride, bound=LIMBS):
            if limb != 0:
                weight = self._times_x(weight)
            lane: uint256 = place + limb - first_of_four
            columns.next_weights[four][lane] = weight & field.LANE
            columns.next_weights[four][4 + lane] = (weight >> 85) & field.LANE
            columns.next_weights[four][8 + lane] = weight >> 170
    return columns


@internal
@pure
def _times_x(a: uint256) -> uint256:
    """
    @notice Product of an element and x.
    @param a Element, lanes below p.
    @return Product, lanes below p.
    """
    return (a & (field.X2 - 1)) << 85 | unsafe_mul(field.GENERATOR, a >> 170) % field.P


@internal
@view
def _row_sums(
    columns: Columns, words: uint256, position: uint256, rows: uint256
) -> (uint256[machine.MAX_QUERIES], uint256):
    """
    @notice Sum of word * weight over each of some rows.
    @dev Block after block, so that a block's weights stand at a fixed place,
         and unrolled: an index known to the compiler costs no bounds check. A
         limb's sum over a block is below 16 * 2^128, a row's sum in lanes
         below 17 * p.
    @param columns Weights and masks.
    @param words Length of a row in words of 8 bytes.
    @param position Of the first row in the calldata.
    @param rows How many rows follow each other.
    @return The sums; and carries of all words as in merkle.vy.
    """
    sums: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    carries: uint256 = 0
    for group: uint256 in range((words + BLOCK_WORDS - 1) // BLOCK_WORDS, bound=MAX_BLOCKS):
        weights: uint256[52] = columns.weights[group]
        at: uint256 = position + WORD_BYTES * BLOCK_WORDS * group
        for row: uint256 in range(rows, bound=machine.MAX_QUERIES):
            block_words: uint256[4] = abi_decode(slice(msg.data, at, 128), uint256[4])
            at = unsafe_add(at, unsafe_mul(WORD_BYTES, words))
            a: uint256 = block_words[0] & weights[48]
            b: uint256 = block_words[1] & weights[49]
            c: uint256 = block_words[2] & weights[50]
            d: uint256 = block_words[3] & weights[51]
            carries |= (
                unsafe_add(a & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add((a >> 64) & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add(b & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add((b >> 64) & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add(c & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add((c >> 64) & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add(d & merkle.EVEN_LANES, merkle.TO_CARRY)
                | unsafe_add((d >> 64) & merkle.EVEN_LANES, merkle.TO_CARRY)
            )
            a0: uint256 = a >> 192
            a1: uint256 = (a >> 128) & WORD
            a2: uint256 = (a >> 64) & WORD
            a3: uint256 = a & WORD
            b0: uint256 = b >> 192
            b1: uint256 = (b >> 128) & WORD
            b2: uint256 = (b >> 64) & WORD
            b3: uint256 = b & WORD
            c0: uint256 = c >> 192
            c1: uint256 = (c >> 128) & WORD
            c2: uint256 = (c >> 64) & WORD
            c3: uint256 = c & WORD
            d0: uint256 = d >> 192
            d1: uint256 = (d >> 128) & WORD
            d2: uint256 = (d >> 64) & WORD
            d3: uint256 = d & WORD
            sums[row] = unsafe_add(
                sums[row],
                unsafe_add(
                    unsafe_add(
                        unsafe_add(
                            unsafe_add(unsafe_mul(a0, weights[0]), unsafe_mul(a1, weights[1])),
                            unsafe_add(unsafe_mul(a2, weights[2]), unsafe_mul(a3, weights[3])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(b0, weights[4]), unsafe_mul(b1, weights[5])),
                            unsafe_add(unsafe_mul(b2, weights[6]), unsafe_mul(b3, weights[7])),
                        ),
                    ),
                    unsafe_add(
                        unsafe_add(
                            unsafe_add(unsafe_mul(c0, weights[8]), unsafe_mul(c1, weights[9])),
                            unsafe_add(unsafe_mul(c2, weights[10]), unsafe_mul(c3, weights[11])),
                        ),
                        unsafe_add(
                            unsafe_add(unsafe_mul(d0, weights[12]), unsafe_mul(d1, weights[13])),
                            unsafe_add(unsafe_mul(d2, weights[14]), unsafe_mul(d3, weights[15])),
                        ),
                    ),
                )
                % field.P
                | (
                    unsafe_add(
                        unsafe_add(
                            unsafe_add(
                                unsafe_add(unsafe_mul(a0, weights[16]), unsafe_mul(a1, weights[17])),
                                unsafe_add(unsafe_mul(a2, weights[18]), unsafe_mul(a3, weights[19])),
                            ),
                            unsafe_add(
                                unsafe_add(unsafe_mul(b0, weights[20]), unsafe_mul(b1, weights[21])),
                                unsafe_add(unsafe_mul(b2, weights[22]), unsafe_mul(b3, weights[23])),
                            ),
                        ),
                        unsafe_add(
                            unsafe_add(
                                unsafe_add(unsafe_mul(c0, weights[24]), unsafe_mul(c1, weights[25])),
                                unsafe_add(unsafe_mul(c2, weights[26]), unsafe_mul(c3, weights[27])),
                            ),
                            unsafe_add(
                                unsafe_add(unsafe_mul(d0, weights[28]), unsafe_mul(d1, weights[29])),
                                unsafe_add(unsafe_mul(d2, weights[30]), unsafe_mul(d3, weights[31])),
                            ),
                        ),
                    )
                    % field.P
                )
                << 85
                | (
                    unsafe_add(
                        unsafe_add(
                            unsafe_add(
                                unsafe_add(unsafe_mul(a0, weights[32]), unsafe_mul(a1, weights[33])),
                                unsafe_add(unsafe_mul(a2, weights[34]), unsafe_mul(a3, weights[35])),
                            ),
                            unsafe_add(
                                unsafe_add(unsafe_mul(b0, weights[36]), unsafe_mul(b1, weights[37])),
                                unsafe_add(unsafe_mul(b2, weights[38]), unsafe_mul(b3, weights[39])),
                            ),
                        ),
                        unsafe_add(
                            unsafe_add(
                                unsafe_add(unsafe_mul(c0, weights[40]), unsafe_mul(c1, weights[41])),
                                unsafe_add(unsafe_mul(c2, weights[42]), unsafe_mul(c3, weights[43])),
                            ),
                            unsafe_add(
                                unsafe_add(unsafe_mul(d0, weights[44]), unsafe_mul(d1, weights[45])),
                                unsafe_add(unsafe_mul(d2, weights[46]), unsafe_mul(d3, weights[47])),
                            ),
                        ),
                    )
                    % field.P
                )
                << 170,
            )
    return sums, carries


@internal
@view
def _next_sums(
    columns: Columns, words: uint256, position: uint256, rows: uint256
) -> uint256[machine.MAX_QUERIES]:
    """
    @notice Sum of word * weight over the words of each row that are opened
            one row later, too.
    @dev A limb's sum over 4 words is below 4 * 2^128, a row's sum in lanes
         below 12 * p.
    @param columns Places and weights.
    @param words Length of a row in words of 8 bytes.
    @param position Of the first row in the calldata.
    @param rows How many rows follow each other.
    @return The sums.
    """
    sums: uint256[machine.MAX_QUERIES] = empty(uint256[machine.MAX_QUERIES])
    for four: uint256 in range(len(columns.next_offsets), bound=machine.TABLES):
        weights: uint256[12] = columns.next_weights[four]
        at: uint256 = position + columns.next_offsets[four]
        for row: uint256 in range(rows, bound=machine.MAX_QUERIES):
            four_words: uint256 = convert(slice(msg.data, at, 32), uint256)
            at = unsafe_add(at, unsafe_mul(WORD_BYTES, words))
            a: uint256 = four_words >> 192
            b: uint256 = (four_words >> 128) & WORD
            c: uint256 = (four_words >> 64) & WORD
            d: uint256 = four_words & WORD
            sums[row] = unsafe_add(
                sums[row],
                unsafe_add(
                    unsafe_add(unsafe_mul(a, weights[0]), unsafe_mul(b, weights[1])),
                    unsafe_add(unsafe_mul(c, weights[2]), unsafe_mul(d, weights[3])),
                )
                % field.P
                | (
                    unsafe_add(
                        unsafe_add(unsafe_mul(a, weights[4]), unsafe_mul(b, weights[5])),
                        unsafe_add(unsafe_mul(c, weights[6]), unsafe_mul(d, weights[7])),
                    )
                    % field.P
                )
                << 85
                | (
                    unsafe_add(
                        unsafe_add(unsafe_mul(a, weights[8]), unsafe_mul(b, weights[9])),
                        unsafe_add(unsafe_mul(c, weights[10]), unsafe_mul(d, weights[11])),
                    )
                    % field.P
                )
                << 170,
            )
    return sums
