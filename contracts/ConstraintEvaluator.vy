# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title ConstraintEvaluator: the quotient identity of a proof
@notice A stateless part of the on-chain verifier, called by StarkVerifier.
"""

from contracts.verifier import constraint_interpreter as interpreter
from contracts.verifier import constraint_program as numbers
from contracts.verifier import constraints
from contracts.verifier import machine
from contracts.verifier import proof_format

initializes: interpreter
initializes: constraints[interpreter := interpreter]


@deploy
def __init__(program: uint256[numbers.WORDS]):
    """
    @notice Takes the constraint program.
    @param program Words of contracts/verifier/data/constraint_program.hex.
    """
    interpreter.__init__(program)


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
           from 6 to 32.
    @param blinding_rows Rows at a table's end without constraints, a
           multiple of 8.
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
    return constraints._check_quotient(
        log_heights,
        blinding_rows,
        quotient_overlap,
        gamma,
        beta,
        alpha,
        zeta,
        entry_pc,
        output,
        values,
    )
