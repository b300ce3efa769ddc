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

# Powers of the challenge: of the columns of one tree, and of its values that
# are opened one row later, with their columns as machine.vy has them.
struct Powers:
    columns: uint256[machine.MAIN_COLUMNS]
    next_count: uint256
    next_columns: uint256[machine.NEXT_VALUES]
    next_powers: uint256[machine.NEXT_VALUES]

# With what the words of a class's row in one tree are weighted.
struct Weights:
    # Of each word; zero for the salt.
    words: uint256[MAX_ROW_WORDS]
    # Of each table of the class: where its first column stands in the row, in
    # the aux tree its last one.
    places: uint256[machine.TABLES]

# The same for values opened one row later: where 32 bytes of the row that
# hold some of them begin, and limb 0 of the weights of the 4 words there,
# limb 1, limb 2.
struct NextWeights:
    offsets: DynArray[uint256, machine.TABLES]
    fours: uint256[12][machine.TABLES]


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
    # The first byte is that of the present table.
    rest_heights: uint256 = convert(log_heights, uint256)
    rest_widths: uint256 = convert(widths, uint256)
    for _: uint256 in range(machine.TABLES):
        if rest_heights >> 248 == log_height:
            width = unsafe_add(width, rest_widths >> 248)
        rest_heights <<= 8
        rest_widths <<= 8
    if width == 0 or tree == PREPROCESSED:
        return width
    return SALT_WORDS + stride * width


@internal
@pure
def _powers(tree: uint256, batch: uint256) -> Powers:
    """
    @notice The weights of the columns of a tree and of values one row later.
    @param tree Number of the tree.
    @param batch Challenge whose powers they are.
    @return The powers.
    """
    widths: bytes32 = empty(bytes32)
    first: uint256 = 0
    stride: uint256 = 0
    widths, first, stride = self._widths(tree)
    count: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        count += machine._byte(widths, table)
    powers: Powers = empty(Powers)
    power: uint256 = field._power(batch, first)
    b0: uint256 = batch & field.LANE
    b1: uint256 = (batch >> 85) & field.LANE
    b2: uint256 = batch >> 170
    for i: uint256 in range(count, bound=machine.MAIN_COLUMNS):
        powers.columns[i] = power
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
    if tree == MAIN or tree == AUX:
        power = field._power(batch, 2 * LIFT_EXPONENT)
        count = 0
        for column: uint256 in machine.NEXT_COLUMNS:
            if (column & 255 == machine.RUNNING_SUM) == (tree == AUX):
                powers.next_columns[count] = column
                powers.next_powers[count] = power
                count += 1
            power = field._mul(power, batch)
        powers.next_count = count
    return powers


@internal
@pure
def _weights(
    log_heights: bytes32, log_height: uint256, highest: uint256, tree: uint256, powers: Powers
) -> Weights:
    """
    @notice What a class's row in one tree is weighted with. Columns stand in
            the order of the tables; one with values in F as three words.
    @param log_heights Byte t, from the left, for table t.
    @param log_height The class's.
    @param highest The largest height, which the quotient's parts have.
    @param tree Number of the tree.
    @param powers Of the tree.
    @return The weights.
    """
    weights: Weights = empty(Weights)
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
    place: uint256 = 0 if tree == PREPROCESSED else SALT_WORDS
    for table: uint256 in range(machine.TABLES):
        width: uint256 = widths >> 248
        if heights >> 248 == log_height and width != 0:
            weights.places[table] = place
            for i: uint256 in range(column, column + width, bound=255):
                weight: uint256 = powers.columns[i]
                weights.words[place] = weight
                if stride == LIMBS:
                    weight = self._times_x(weight)
                    weights.words[place + 1] = weight
                    weights.words[place + 2] = self._times_x(weight)
                place = unsafe_add(place, stride)
            if tree == AUX:
                weights.places[table] = place - stride
        column += width
        widths <<= 8
        heights <<= 8
    return weights


@internal
@pure
def _next_weights(
    places: uint256[machine.TABLES], is_aux: bool, powers: Powers
) -> NextWeights:
    """
    @notice What the values opened one row later are weighted with.
    @param places Of each table of the class, where its first column stands in
           the row, in the aux tree its last one.
    @param is_aux Whether the tree is the aux tree, not the main tree.
    @param powers Of the tree.
    @return The weights.
    """
    result: NextWeights = empty(NextWeights)
    first_of_four: uint256 = 0
    four: uint256 = 0
    for i: uint256 in range(powers.next_count, bound=machine.NEXT_VALUES):
        column: uint256 = powers.next_columns[i]
        place: uint256 = places[column >> 8]
        # Behind the salt no column stands at 0.
        if place == 0:
            continue
        if not is_aux:
            place += column & 255
        # Places ascend, and a value's words are not divided.
        if is_aux or len(result.offsets) == 0 or place >= first_of_four + 4:
            four = len(result.offsets)
            result.offsets.append(WORD_BYTES * place)
            first_of_four = place
        weight: uint256 = powers.next_powers[i]
        for limb: uint256 in range(LIMBS):
            lane: uint256 = place + limb - first_of_four
            result.fours[four][lane] = weight & field.LANE
            result.fours[four][4 + lane] = (weight >> 85) & field.LANE
            result.fours[four][8 + lane] = weight >> 170
            if not is_aux:
                break
            weight = self._times_x(weight)
    return result


@internal
@pure
def _times_x(a: uint256) -> uint256:
    """
    @notice Product of an element and x.
    @param a Element, lanes below p.
    @return Product, lanes below p.
    """
    return (a & (field.X2 - 1)) << 85 | unsafe_mul(field.GENERATOR, a >> 170) % field.P
