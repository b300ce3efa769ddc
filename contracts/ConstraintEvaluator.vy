# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ConstraintEvaluator: the quotient identity of a proof
@notice A stateless part of the on-chain verifier, called by StarkVerifier. The
        constraints of most tables are in two more contracts.
@dev Checks that the opened values of all columns satisfy all constraints, as
     docs/spec/proof-system.md, "Constraint order", combines them: the sum of
     all terms, the last one first.
"""

from contracts.verifier import constraints
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import polynomial
from contracts.verifier import proof_format
from contracts.verifier.tables import image
from contracts.verifier.tables import lookup
from contracts.verifier.tables import rom
from contracts.verifier.tables import zero_memory

interface CoreTables:
    def add_terms(
        values: uint256[machine.VALUES],
        gamma: uint256,
        beta: uint256,
        alpha: uint256[ALPHA_SQUARES],
        factors: uint256[constraints.FACTORS],
        later: uint256,
    ) -> uint256: view

interface HashTables:
    def add_terms(
        values: uint256[machine.VALUES],
        gamma: uint256,
        beta: uint256,
        alpha: uint256[ALPHA_SQUARES],
        period_point: uint256,
        factors: uint256[constraints.FACTORS],
        later: uint256,
    ) -> uint256: view

ALPHA_SQUARES: constant(uint256) = 7
# Positions of values: the first running sum's table has this many groups.
AUX: constant(uint256) = machine.PREPROCESSED_COLUMNS + machine.MAIN_COLUMNS
PARTS: constant(uint256) = AUX + machine.AUX_COLUMNS

# @notice Constraints of cpu, add, bitwise, arith, memory and transfer.
CORE_TABLES: public(immutable(address))
# @notice Constraints of poseidon2 and keccak_f.
HASH_TABLES: public(immutable(address))
# @notice keccak256 of the code of CORE_TABLES, checked at every call.
CORE_TABLES_CODE_HASH: public(immutable(bytes32))
# @notice keccak256 of the code of HASH_TABLES, checked at every call.
HASH_TABLES_CODE_HASH: public(immutable(bytes32))


@deploy
def __init__(core_tables: address, hash_tables: address, code_hashes: bytes32[2]):
    """
    @notice Fix the contracts that hold constraints.
    @param core_tables Constraints of cpu, add, bitwise, arith, memory, transfer.
    @param hash_tables Constraints of poseidon2 and keccak_f.
    @param code_hashes Expected keccak256 of their code, in this order.
    """
    # An account without code has the hash zero.
    assert empty(bytes32) not in code_hashes, "HELPER_CODE_MISMATCH"
    CORE_TABLES = core_tables
    HASH_TABLES = hash_tables
    CORE_TABLES_CODE_HASH = code_hashes[0]
    HASH_TABLES_CODE_HASH = code_hashes[1]
    assert core_tables.codehash == code_hashes[0], "HELPER_CODE_MISMATCH"
    assert hash_tables.codehash == code_hashes[1], "HELPER_CODE_MISMATCH"


@external
@view
def check_quotient(
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
    @notice Checks the quotient identity; reverts with ZERO_DENOMINATOR if a
            fraction of the verifier has no value.
    @param log_heights Byte t from the left is log2 of the height of table t,
           from MIN_LOG_HEIGHT to MAX_LOG_HEIGHT.
    @param blinding_rows Rows at a table's end without constraints, a
           multiple of 16.
    @param quotient_overlap Degrees that two parts of the quotient share.
    @param gamma Bus challenge, an element with lanes below p, as all challenges.
    @param beta Bus challenge.
    @param alpha Challenge that combines the constraints.
    @param zeta Point of the openings, outside F_p.
    @param entry_pc First pc of the program.
    @param output Public output, 4 bytes for each word.
    @param values Opened values in the order of the proof, lanes below p.
    @return Whether the identity holds.
    """
    assert CORE_TABLES.codehash == CORE_TABLES_CODE_HASH, "HELPER_CODE_MISMATCH"
    assert HASH_TABLES.codehash == HASH_TABLES_CODE_HASH, "HELPER_CODE_MISMATCH"
    inputs: constraints.Inputs = constraints._inputs(
        log_heights, blinding_rows, quotient_overlap, gamma, beta, zeta, entry_pc, output
    )
    alphas: uint256[ALPHA_SQUARES] = empty(uint256[ALPHA_SQUARES])
    alphas[0] = alpha
    for i: uint256 in range(ALPHA_SQUARES - 1):
        alphas[i + 1] = field._mul(alphas[i], alphas[i])

    # All sums vanish together: the last term.
    sums: uint256 = inputs.public_sum
    position: uint256 = AUX - 1
    for table: uint256 in range(machine.TABLES):
        position = unsafe_add(position, machine._byte(machine.AUX_WIDTHS, table))
        sums = unsafe_add(sums, values[position])
    quotient: uint256 = field._mul(sums, inputs.last)
    quotient = self._add_small_tables(values, gamma, beta, alphas, inputs.factors, quotient)
    quotient = staticcall HashTables(HASH_TABLES).add_terms(
        values, gamma, beta, alphas, inputs.period_point, inputs.factors, quotient
    )
    quotient = staticcall CoreTables(CORE_TABLES).add_terms(
        values, gamma, beta, alphas, inputs.factors, quotient
    )
    opened: uint256 = polynomial._extend(
        values[PARTS + 2], [values[PARTS + 1], values[PARTS]], inputs.part_step
    )
    return field._reduce(quotient) == opened


@internal
@pure
def _add_small_tables(
    values: uint256[machine.VALUES],
    gamma: uint256,
    beta: uint256,
    alpha: uint256[ALPHA_SQUARES],
    factors: uint256[constraints.FACTORS],
    later: uint256,
) -> uint256:
    """
    @notice Puts the terms of rom, image, zero_memory and lookup in front of
            those after them.
    @param values Opened values, reduced.
    @param gamma Bus challenge.
    @param beta Bus challenge.
    @param alpha alpha^(2^i), of the challenge that combines the constraints.
    @param factors Three of each table: of every, the first and the terminal row.
    @param later Sum of the terms after these, lanes up to 2 p.
    @return Sum of all these terms, lanes up to 2 p.
    """
    betas: uint256[1] = [beta]
    sum: uint256 = lookup._add_terms(
        values, gamma, betas, alpha, factors[33], factors[34], factors[35], later
    )
    sum = zero_memory._add_terms(
        values, gamma, betas, alpha, factors[30], factors[31], factors[32], sum
    )
    sum = image._add_terms(
        values, gamma, betas, alpha, factors[27], factors[28], factors[29], sum
    )
    return rom._add_terms(values, gamma, betas, alpha, factors[24], factors[25], factors[26], sum)
