# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title What the quotient identity needs besides the opened values
@notice Factors that depend on the heights of the tables, and the verifier's
        own bus fractions; docs/spec/proof-system.md, "Constraint order".
@dev The constraints themselves are the modules of tables/, which
     offchain/tools/gen_constraint_numbers.py generates.
"""

from contracts.verifier import blinding
from contracts.verifier import constraint_numbers as numbers
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import proof_format

# A difference of reduced elements is a + ZEROS - b.
ZEROS: constant(uint256) = field.ZEROS

# 7^((1 - p)/2^32), the inverse of a root of unity of order 2^32.
MAX_ORDER_LOG: constant(uint256) = 32
INVERSE_ROOT: constant(uint256) = 8554224884056360729
PERIOD_LOG: constant(uint256) = 6
MAX_DENOMINATORS: constant(uint256) = 2 * machine.TABLES + 3

WORD_BYTES: constant(uint256) = 4
FACTORS: constant(uint256) = 3 * machine.TABLES

# public_sum: the verifier's own fractions. period_point: zeta^(n/64). last:
# 1/(zeta - 1). part_step: zeta^(n - overlap). Of each table three factors, of
# the terms of every row Z_B/(y^height - 1), of the first row 1/(y - 1), of the
# terminal row 1/(y - w^-rows), where y = zeta^(n/height).
struct Inputs:
    public_sum: uint256
    period_point: uint256
    last: uint256
    part_step: uint256
    factors: uint256[FACTORS]


@internal
@view
def _inputs(
    log_heights: bytes32,
    blinding_rows: uint256,
    quotient_overlap: uint256,
    gamma: uint256,
    beta: uint256,
    zeta: uint256,
    entry_pc: uint256,
    output: Bytes[proof_format.MAX_OUTPUT_BYTES],
) -> Inputs:
    """
    @notice What the identity needs besides the opened values and challenges;
            reverts with ZERO_DENOMINATOR if a fraction of the verifier has no
            value.
    @param log_heights Byte t from the left is log2 of the height of table t.
    @param blinding_rows Rows at a table's end without constraints, a
           multiple of 16.
    @param quotient_overlap Degrees that two parts of the quotient share.
    @param gamma Bus challenge, reduced, as all challenges.
    @param beta Bus challenge.
    @param zeta Point of the openings, outside F_p.
    @param entry_pc First pc of the numbers.
    @param output Public output, 4 bytes for each word.
    @return Inputs, reduced.
    """
    numerator: uint256 = 0
    denominator: uint256 = 0
    numerator, denominator = self._public_fractions(gamma, beta, entry_pc, output)
    assert denominator != 0, "ZERO_DENOMINATOR"
    return self._factors(
        log_heights, blinding_rows, quotient_overlap, zeta, numerator, denominator
    )


@internal
@view
def _public_fractions(
    gamma: uint256,
    beta: uint256,
    entry_pc: uint256,
    output: Bytes[proof_format.MAX_OUTPUT_BYTES],
) -> (uint256, uint256):
    """
    @notice Sum of the verifier's own fractions: it sends the first pc and
            receives the output words.
    @param gamma Bus challenge.
    @param beta Bus challenge.
    @param entry_pc First pc of the program, below 2^32.
    @param output Public output, 4 bytes for each word.
    @return Numerator, reduced.
    @return Denominator, reduced; 0 if the denominator of a fraction is 0.
    """
    beta_2: uint256 = field._mul(beta, beta)
    beta_4: uint256 = field._mul(beta_2, beta_2)
    beta_5: uint256 = field._mul(beta_4, beta)
    # Tuple (0, 0, 0, index, word). All words received: numerator/denominator.
    base: uint256 = unsafe_add(gamma, numbers.LINK_BUS)
    numerator: uint256 = 0
    denominator: uint256 = 1
    for i: uint256 in range(
        len(output) // WORD_BYTES, bound=proof_format.MAX_OUTPUT_BYTES // WORD_BYTES
    ):
        position: uint256 = unsafe_mul(i, WORD_BYTES)
        word: uint256 = convert(slice(output, position, WORD_BYTES), uint256)
        # At most 2^12 reduced elements.
        bottom: uint256 = unsafe_add(base, field._scale(beta_5, word))
        base = unsafe_add(base, beta_4)
        numerator = unsafe_add(field._mul(numerator, bottom), denominator)
        denominator = field._mul(denominator, bottom)
    # Tuple (pc address, first timestamp, first pc).
    first: uint256 = unsafe_add(
        unsafe_add(
            unsafe_add(gamma, numbers.MEMORY_BUS), field._scale(beta, numbers.PC_ADDRESS)
        ),
        unsafe_add(
            field._scale(beta_2, numbers.FIRST_PC_TIMESTAMP),
            field._scale(field._mul(beta_2, beta), entry_pc),
        ),
    )
    # 1/first - numerator/denominator.
    received: uint256 = field._mul(numerator, first)
    return (
        field._reduce(unsafe_sub(unsafe_add(denominator, ZEROS), received)),
        field._mul(denominator, first),
    )


@internal
@view
def _factors(
    log_heights: bytes32,
    blinding_rows: uint256,
    quotient_overlap: uint256,
    zeta: uint256,
    public_numerator: uint256,
    public_denominator: uint256,
) -> Inputs:
    """
    @notice What depends on zeta and the heights.
    @dev No denominator is 0 as zeta is outside F_p: powers of zeta by powers
         of two are outside F_p too, since p^2 + p + 1 is odd.
    @param log_heights Byte t from the left is log2 of the height of table t.
    @param blinding_rows Rows at a table's end without constraints.
    @param quotient_overlap Degrees that two parts of the quotient share.
    @param zeta Point of the openings, outside F_p.
    @param public_numerator Of the verifier's own fractions.
    @param public_denominator Of the verifier's own fractions, not 0.
    @return All inputs, reduced.
    """
    log_n: uint256 = 0
    used: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        log_height: uint256 = self._log_height(log_heights, table)
        log_n = max(log_n, log_height)
        used |= 1 << log_height

    # What is to be inverted: by log2 of a height, where the denominators of
    # the first and the terminal row stand; Z_B.
    elements: uint256[MAX_DENOMINATORS] = empty(uint256[MAX_DENOMINATORS])
    elements[0] = public_denominator
    elements[1] = field._power(zeta, quotient_overlap)
    count: uint256 = 2
    places: uint256[machine.MAX_LOG_HEIGHT + 1] = empty(uint256[machine.MAX_LOG_HEIGHT + 1])
    blindings: uint256[machine.MAX_LOG_HEIGHT + 1] = empty(uint256[machine.MAX_LOG_HEIGHT + 1])
    inputs: Inputs = empty(Inputs)
    # zeta^(n/height), w^-1 for the root of unity w of order height, and Z_B if
    # the next higher table gave it, else 0, which Z_B is not outside F_p.
    y: uint256 = zeta
    step: uint256 = field._base_power(INVERSE_ROOT, 1 << unsafe_sub(MAX_ORDER_LOG, log_n))
    known: uint256 = 0
    for i: uint256 in range(log_n, bound=machine.MAX_LOG_HEIGHT):
        log_height: uint256 = unsafe_sub(log_n, i)
        if log_height == PERIOD_LOG:
            inputs.period_point = y
        if (used >> log_height) & 1 == 0:
            known = 0
        else:
            blindings[log_height] = known
            if known != 0:
                known = 0
            else:
                is_next_used: bool = (used << 1 >> log_height) & 1 == 1
                opposite: uint256 = 0
                blindings[log_height], opposite = blinding._blinding_products(
                    y, step, blinding_rows, self._binomials(log_height), is_next_used
                )
                if is_next_used:
                    known = field._mul(blindings[log_height], opposite)
            places[log_height] = count
            elements[count] = self._less(y, 1)
            count = unsafe_add(count, 1)
            elements[count] = self._less(y, field._base_power(step, blinding_rows))
            count = unsafe_add(count, 1)
        y = field._mul(y, y)
        step = unsafe_mul(step, step) % field.P

    elements[count] = self._less(y, 1)
    elements = self._inverses(elements, count)
    inputs.public_sum = field._mul(public_numerator, elements[0])
    inputs.part_step = field._mul(y, elements[1])
    inputs.last = elements[places[log_n]]
    position: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        log_height: uint256 = self._log_height(log_heights, table)
        place: uint256 = places[log_height]
        inputs.factors[position] = field._mul(blindings[log_height], elements[count])
        inputs.factors[unsafe_add(position, 1)] = elements[place]
        inputs.factors[unsafe_add(position, 2)] = elements[unsafe_add(place, 1)]
        position = unsafe_add(position, 3)
    return inputs


@internal
@pure
def _binomials(log_height: uint256) -> uint256[2]:
    """
    @notice Gaussian binomials at the inverse of a root of unity.
    @param log_height log2 of its order, from MIN_LOG_HEIGHT to MAX_LOG_HEIGHT.
    @return 16 over 1 to 4, and over 5 to 8, 64 bits each.
    """
    words: uint256[numbers.BINOMIAL_WORDS] = numbers.BINOMIALS
    place: uint256 = unsafe_mul(2, unsafe_sub(log_height, machine.MIN_LOG_HEIGHT))
    return [words[place], words[unsafe_add(place, 1)]]


@internal
@pure
def _log_height(log_heights: bytes32, table: uint256) -> uint256:
    """
    @notice log2 of the height of a table.
    @param log_heights Byte t from the left is that of table t.
    @param table Number of the table, below 32.
    @return log2 of the height.
    """
    return (convert(log_heights, uint256) >> unsafe_sub(248, unsafe_mul(8, table))) & 255


@internal
@pure
def _less(a: uint256, number: uint256) -> uint256:
    """
    @notice Difference of an element and an element of F_p.
    @param a Element, reduced.
    @param number Below p.
    @return a - number, reduced.
    """
    return field._reduce(unsafe_sub(unsafe_add(a, ZEROS), number))


@internal
@pure
def _inverses(
    elements: uint256[MAX_DENOMINATORS], last: uint256
) -> uint256[MAX_DENOMINATORS]:
    """
    @notice Inverses of elements, with one inversion.
    @param elements Elements, reduced, none 0, up to the last one.
    @param last Position of the last one, below MAX_DENOMINATORS.
    @return Their inverses, reduced.
    """
    # At i the product of the elements before i, then its inverse.
    result: uint256[MAX_DENOMINATORS] = empty(uint256[MAX_DENOMINATORS])
    product: uint256 = 1
    for i: uint256 in range(unsafe_add(last, 1), bound=MAX_DENOMINATORS):
        result[i] = product
        product = field._mul(product, elements[i])
    product = field._inverse(product)
    for i: uint256 in range(unsafe_add(last, 1), bound=MAX_DENOMINATORS):
        place: uint256 = unsafe_sub(last, i)
        result[place] = field._mul(result[place], product)
        product = field._mul(product, elements[place])
    return result
