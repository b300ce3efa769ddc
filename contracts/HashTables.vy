# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title HashTables: constraints of poseidon2 and keccak_f
@notice A stateless part of the on-chain verifier, called by
        ConstraintEvaluator.
"""

from contracts.verifier import constraints
from contracts.verifier import field
from contracts.verifier import machine
from contracts.verifier import periodic
from contracts.verifier.tables import keccak_f
from contracts.verifier.tables import poseidon2

BETA_SQUARES: constant(uint256) = 13


@external
@pure
def add_terms(
    values: uint256[machine.VALUES],
    gamma: uint256,
    beta: uint256,
    alpha: uint256[7],
    period_point: uint256,
    factors: uint256[constraints.FACTORS],
    later: uint256,
) -> uint256:
    """
    @notice Puts the terms of the two tables in front of those after them.
    @param values Opened values in the order of the proof, lanes below p.
    @param gamma Bus challenge, an element with lanes below p, as all challenges.
    @param beta Bus challenge.
    @param alpha alpha^(2^i), of the challenge that combines the constraints.
    @param period_point Point at which periodic columns are evaluated.
    @param factors Three of each table: of every, the first and the terminal row.
    @param later Sum of the terms after these, lanes up to 2 p.
    @return Sum of all these terms, lanes up to 2 p.
    """
    betas: uint256[BETA_SQUARES] = empty(uint256[BETA_SQUARES])
    betas[0] = beta
    for i: uint256 in range(BETA_SQUARES - 1):
        betas[i + 1] = field._mul(betas[i], betas[i])
    basis: uint256[64] = periodic._lagrange_basis(period_point)
    rotated: uint256[64] = periodic._rotated_sums(basis, beta, betas[6])
    quotient: uint256 = keccak_f._add_terms(
        values, gamma, betas, alpha, factors[21], factors[22], factors[23], later, basis, rotated
    )
    return poseidon2._add_terms(
        values, gamma, betas, alpha, factors[18], factors[19], factors[20], quotient, basis, rotated
    )
