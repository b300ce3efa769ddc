# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title The quotient identity at the out-of-domain point
@notice Checks that the opened values of all columns satisfy all constraints,
        as docs/spec/proof-system.md, "Constraint order", combines them.
@dev What depends on the heights is computed here; everything else, which is
     the tables' constraints and bus fractions, is a program of register
     instructions that offchain/tools/gen_constraint_program.py generates.
"""

from contracts.verifier import blinding
from contracts.verifier import constraint_interpreter as interpreter
from contracts.verifier import constraint_program as numbers
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import proof_format

uses: interpreter

# A difference of reduced elements is a + ZEROS - b.
ZEROS: constant(uint256) = field.ZEROS

# 7^((1 - p)/2^32), the inverse of a root of unity of order 2^32.
MAX_ORDER_LOG: constant(uint256) = 32
INVERSE_ROOT: constant(uint256) = 8554224884056360729
PERIOD_LOG: constant(uint256) = 6

WORD_BYTES: constant(uint256) = 4


@internal
@view
def _check_quotient(
    log_heights: bytes32,
    blinding_rows: uint256,
    quotient_overlap: uint256,
    gamma: uint256,
    beta: uint256,
    alpha: uint256,
    zeta: uint256,
    entry_pc: uint256,
    output: Bytes[proof_format.MAX_OUTPUT_BYTES],
    values: uint256[machine.VALUES],
) -> bool:
    """
    @notice Checks the quotient identity.
    @param log_heights Byte t from the left is log2 of the height of table t.
    @param blinding_rows Rows at a table's end without constraints, a
           multiple of 8.
    @param quotient_overlap Degrees that two parts of the quotient share.
    @param gamma Bus challenge, reduced, as all challenges.
    @param beta Bus challenge.
    @param alpha Challenge that combines the constraints.
    @param zeta Point of the openings, outside F_p.
    @param entry_pc First pc of the program.
    @param output Public output, 4 bytes for each word.
    @param values Opened values in the order of the proof, reduced.
    @return Whether it holds.
    """
    numerator: uint256 = 0
    denominator: uint256 = 0
    numerator, denominator = self._public_fractions(gamma, beta, entry_pc, output)
    assert denominator != 0, "ZERO_DENOMINATOR"
    inputs: uint256[numbers.INPUTS] = self._factors(
        log_heights, blinding_rows, quotient_overlap, zeta, numerator, denominator
    )
    inputs[numbers.GAMMA] = gamma
    inputs[numbers.BETA] = beta
    inputs[numbers.ALPHA] = alpha
    return interpreter._run(values, inputs) == 0


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
        # Sum of three reduced elements and 6.
        bottom: uint256 = unsafe_add(
            base, unsafe_add(field._scale(beta_4, i), field._scale(beta_5, word))
        )
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
@pure
def _factors(
    log_heights: bytes32,
    blinding_rows: uint256,
    quotient_overlap: uint256,
    zeta: uint256,
    public_numerator: uint256,
    public_denominator: uint256,
) -> uint256[numbers.INPUTS]:
    """
    @notice Inputs of the program that depend on zeta and the heights.
    @dev No denominator is 0 as zeta is outside F_p: powers of zeta by powers
         of two are outside F_p too, since p^2 + p + 1 is odd.
    @param log_heights Byte t from the left is log2 of the height of table t.
    @param blinding_rows Rows at a table's end without constraints.
    @param quotient_overlap Degrees that two parts of the quotient share.
    @param zeta Point of the openings, outside F_p.
    @param public_numerator Of the verifier's own fractions.
    @param public_denominator Of the verifier's own fractions, not 0.
    @return Inputs; gamma, beta and alpha are left 0.
    """
    log_n: uint256 = 0
    for table: uint256 in range(machine.TABLES):
        log_n = max(log_n, self._log_height(log_heights, table))
    # zeta^(2^i), and w^(-2^i) for the root of unity w of order n.
    points: uint256[MAX_ORDER_LOG + 1] = empty(uint256[MAX_ORDER_LOG + 1])
    steps: uint256[MAX_ORDER_LOG + 1] = empty(uint256[MAX_ORDER_LOG + 1])
    points[0] = zeta
    steps[0] = field._base_power(INVERSE_ROOT, 1 << (MAX_ORDER_LOG - log_n))
    for i: uint256 in range(log_n, bound=MAX_ORDER_LOG):
        points[i + 1] = field._mul(points[i], points[i])
        steps[i + 1] = unsafe_mul(steps[i], steps[i]) % field.P

    # What is to be inverted: by log2 of a height, where the denominators of
    # the first and the terminal row stand (0: nowhere); Z_B.
    denominators: DynArray[uint256, 2 * machine.TABLES + 2] = [
        public_denominator, self._less(points[log_n], 1)
    ]
    places: uint256[MAX_ORDER_LOG + 1] = empty(uint256[MAX_ORDER_LOG + 1])
    blindings: uint256[MAX_ORDER_LOG + 1] = empty(uint256[MAX_ORDER_LOG + 1])
    for table: uint256 in range(machine.TABLES):
        log_height: uint256 = self._log_height(log_heights, table)
        if places[log_height] == 0:
            places[log_height] = len(denominators)
            y: uint256 = points[log_n - log_height]
            step: uint256 = steps[log_n - log_height]
            denominators.append(self._less(y, 1))
            denominators.append(self._less(y, field._base_power(step, blinding_rows)))
            blindings[log_height] = blinding._blinding_product(y, step, blinding_rows)

    inverses: DynArray[uint256, 2 * machine.TABLES + 2] = self._inverses(denominators)
    inputs: uint256[numbers.INPUTS] = empty(uint256[numbers.INPUTS])
    inputs[numbers.PUBLIC_SUM] = field._mul(public_numerator, inverses[0])
    inputs[numbers.PERIOD_POINT] = points[log_n - PERIOD_LOG]
    inputs[numbers.PART_STEP] = field._power(zeta, (1 << log_n) - quotient_overlap)
    inputs[numbers.LAST] = inverses[places[log_n]]
    position: uint256 = numbers.FACTORS
    for table: uint256 in range(machine.TABLES):
        log_height: uint256 = self._log_height(log_heights, table)
        place: uint256 = places[log_height]
        inputs[position] = field._mul(blindings[log_height], inverses[1])
        inputs[position + 1] = inverses[place]
        inputs[position + 2] = inverses[place + 1]
        position += numbers.FACTORS_PER_TABLE
    return inputs


@internal
@pure
def _log_height(log_heights: bytes32, table: uint256) -> uint256:
    """
    @notice log2 of the height of a table.
    @param log_heights Byte t from the left is that of table t.
    @param table Number of the table, below 32.
    @return log2 of the height.
    """
    return (convert(log_heights, uint256) >> (248 - 8 * table)) & 255


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
    elements: DynArray[uint256, 2 * machine.TABLES + 2]
) -> DynArray[uint256, 2 * machine.TABLES + 2]:
    """
    @notice Inverses of elements, with one inversion.
    @param elements Elements, reduced, none 0; at least one.
    @return Their inverses, reduced.
    """
    # At i the product of the elements before i, then its inverse.
    result: DynArray[uint256, 2 * machine.TABLES + 2] = []
    product: uint256 = 1
    for element: uint256 in elements:
        result.append(product)
        product = field._mul(product, element)
    rest: uint256 = field._inverse(product)
    for i: uint256 in range(len(elements), bound=2 * machine.TABLES + 2):
        last: uint256 = len(elements) - 1 - i
        result[last] = field._mul(result[last], rest)
        rest = field._mul(rest, elements[last])
    return result


