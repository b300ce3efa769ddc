# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Weighted sums of rows
@notice A row of a tree holds the columns of all tables of one height (a
        class). Its words are weighted with powers of one challenge, which
        gives the sums of which deep.vy makes the DEEP combination.
@dev Column i (from 1, over all trees) has the power i of the challenge. One
     with values in F stands in three words and has three weights, its own
     times 1, x and x^2. In a row come first the columns that are opened one
     row later, too: the same weights give their sum, which is needed apart.
"""

from contracts.verifier import field
from contracts.verifier import machine

TREES: constant(uint256) = 4
PREPROCESSED: constant(uint256) = 0
MAIN: constant(uint256) = 1
AUX: constant(uint256) = 2
QUOTIENT: constant(uint256) = 3
SALT_WORDS: constant(uint256) = 2
WORD_BYTES: constant(uint256) = 8
LIMBS: constant(uint256) = 3
# Exponent after the last column's.
LIFT_EXPONENT: constant(uint256) = (
    1
    + machine.PREPROCESSED_COLUMNS
    + machine.MAIN_COLUMNS
    + machine.AUX_COLUMNS
    + machine.QUOTIENT_PARTS
)

# The longest row has 264 words; row_sums.vy weights 36 at a time.
MAX_ROW_WORDS: constant(uint256) = 288
# Room for the weights of the salt and of what is opened one row later: at most
# 2 + 36 words.
MAX_LATER_WORDS: constant(uint256) = 72
MAX_WEIGHTS: constant(uint256) = MAX_LATER_WORDS + MAX_ROW_WORDS


@internal
@pure
def _class_heights(log_heights: bytes32) -> DynArray[uint256, machine.TABLES]:
    """
    @notice The heights that occur, the highest first.
    @param log_heights Byte t, from the left, for table t.
    @return Base-2 logarithms, descending and distinct.
    """
    occurring: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        occurring |= 1 << machine._byte(log_heights, table)
    result: DynArray[uint256, machine.TABLES] = []
    for i: uint256 in range(machine.MAX_LOG_HEIGHT + 1 - machine.MIN_LOG_HEIGHT):
        if occurring & (1 << (machine.MAX_LOG_HEIGHT - i)) != 0:
            result.append(machine.MAX_LOG_HEIGHT - i)
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
def _later_columns(tree: uint256, table: uint256, width: uint256) -> uint256:
    """
    @notice Which columns of a table are opened one row later, too.
    @param tree Number of the tree.
    @param table Number of the table.
    @param width Columns of the table in this tree, at least one.
    @return Bit i is set for column i.
    """
    if tree == MAIN:
        masks: uint256[machine.TABLES] = machine.NEXT_MASKS
        return masks[table]
    if tree == AUX:
        # The running sum.
        return 1 << width - 1
    return 0


@internal
@pure
def _row_words(
    log_heights: bytes32, log_height: uint256, highest: uint256, tree: uint256
) -> (uint256, uint256):
    """
    @notice Length of a class's row in one tree.
    @param log_heights Byte t, from the left, for table t.
    @param log_height The class's.
    @param highest The largest height, which the quotient's parts have.
    @param tree Number of the tree.
    @return Words of 8 bytes, the salt included; 0 if the class has no columns
            in this tree.
    @return How many of them are the salt and columns that are opened one row
            later, too; 0 if there are no such columns.
    """
    widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    widths, first, stride = self._widths(tree)
    if tree == QUOTIENT:
        # With the random polynomial.
        return (
            SALT_WORDS + stride * (machine.QUOTIENT_PARTS + 1) if log_height == highest else 0
        ), 0
    width: uint256 = 0
    main_later: uint256 = 0
    tables: uint256 = 0
    # The first byte is that of the present table.
    rest_heights: uint256 = convert(log_heights, uint256)
    rest_widths: uint256 = convert(widths, uint256)
    rest_later: uint256 = convert(machine.NEXT_WIDTHS, uint256)
    for _: uint256 in range(machine.TABLES):
        if rest_heights >> 248 == log_height:
            width = unsafe_add(width, rest_widths >> 248)
            main_later = unsafe_add(main_later, rest_later >> 248)
            tables = unsafe_add(tables, 1)
        rest_heights <<= 8
        rest_widths <<= 8
        rest_later <<= 8
    if width == 0 or tree == PREPROCESSED:
        return width, 0
    if tree == AUX:
        # One running sum for each table.
        return SALT_WORDS + stride * width, SALT_WORDS + stride * tables
    return SALT_WORDS + width, (SALT_WORDS + main_later if main_later != 0 else 0)


@internal
@pure
def _powers(tree: uint256, batch: uint256) -> uint256[machine.MAIN_COLUMNS]:
    """
    @notice The weights of the columns of a tree.
    @param tree Number of the tree.
    @param batch Challenge whose powers they are.
    @return The powers, in the order of the columns.
    """
    widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    widths, first, stride = self._widths(tree)
    count: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        count += machine._byte(widths, table)
    return self._geometric(field._power(batch, first), batch, count)


@internal
@pure
def _geometric(
    start: uint256, batch: uint256, count: uint256
) -> uint256[machine.MAIN_COLUMNS]:
    """
    @notice Elements each of which is the one before times the challenge.
    @param start The first one, lanes below p.
    @param batch The challenge.
    @param count How many, at most MAIN_COLUMNS.
    @return The elements, lanes below p, and zeros.
    """
    powers: uint256[machine.MAIN_COLUMNS] = empty(uint256[machine.MAIN_COLUMNS])
    power: uint256 = start
    b0: uint256 = batch & field.LANE
    b1: uint256 = (batch >> 85) & field.LANE
    b2: uint256 = batch >> 170
    for i: uint256 in range(count, bound=machine.MAIN_COLUMNS):
        powers[i] = power
        # field._mul without the call.
        a0: uint256 = power & field.LANE
        a1: uint256 = (power >> 85) & field.LANE
        a2: uint256 = power >> 170
        power = (
            unsafe_add(
                unsafe_mul(a0, b0),
                unsafe_mul(7, unsafe_add(unsafe_mul(a1, b2), unsafe_mul(a2, b1))),
            )
            % field.P
            | (
                unsafe_add(
                    unsafe_add(unsafe_mul(a0, b1), unsafe_mul(a1, b0)),
                    unsafe_mul(7, unsafe_mul(a2, b2)),
                )
                % field.P
            )
            << 85
            | (
                unsafe_add(
                    unsafe_add(unsafe_mul(a0, b2), unsafe_mul(a1, b1)), unsafe_mul(a2, b0)
                )
                % field.P
            )
            << 170
        )
    return powers


@internal
@pure
def _weights(
    log_heights: bytes32,
    log_height: uint256,
    highest: uint256,
    tree: uint256,
    later_words: uint256,
    powers: uint256[machine.MAIN_COLUMNS],
) -> uint256[MAX_WEIGHTS]:
    """
    @notice What a class's row in one tree is weighted with. Columns stand in
            the order of the tables; one with values in F as three words.
    @param log_heights Byte t, from the left, for table t.
    @param log_height The class's.
    @param highest The largest height, which the quotient's parts have.
    @param tree Number of the tree.
    @param later_words As `_row_words` has it.
    @param powers Of the tree.
    @return Zeros for the salt, weights of the columns that are opened one row
            later, too, and zeros; from MAX_LATER_WORDS on those of the others,
            behind zeros for the salt if there are none before.
    """
    weights: uint256[MAX_WEIGHTS] = empty(uint256[MAX_WEIGHTS])
    packed_widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    packed_widths, first, stride = self._widths(tree)
    # The first byte is that of the present table.
    widths: uint256 = convert(packed_widths, uint256)
    heights: uint256 = convert(log_heights, uint256)
    if tree == QUOTIENT:
        # Its three parts stand for a table of the largest height.
        heights = highest << 248
    column: uint256 = 0
    later_place: uint256 = SALT_WORDS
    place: uint256 = MAX_LATER_WORDS
    if later_words == 0 and tree != PREPROCESSED:
        place += SALT_WORDS
    for table: uint256 in range(machine.TABLES):
        width: uint256 = widths >> 248
        if heights >> 248 == log_height and width != 0:
            later: uint256 = self._later_columns(tree, table, width)
            for i: uint256 in range(column, column + width, bound=255):
                weight: uint256 = powers[i]
                at: uint256 = place
                if later & 1 == 0:
                    place = unsafe_add(place, stride)
                else:
                    at = later_place
                    later_place = unsafe_add(later_place, stride)
                later >>= 1
                weights[at] = weight
                if stride == LIMBS:
                    weight = self._times_x(weight)
                    weights[at + 1] = weight
                    weights[at + 2] = self._times_x(weight)
        column += width
        widths <<= 8
        heights <<= 8
    return weights


@internal
@pure
def _times_x(a: uint256) -> uint256:
    """
    @notice Product of an element and x.
    @param a Element, lanes below p.
    @return Product, lanes below p.
    """
    return (a & (field.X2 - 1)) << 85 | unsafe_mul(field.GENERATOR, a >> 170) % field.P
