# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title CoreTables: constraints of cpu, add, bitwise, arith, memory, transfer
@notice A stateless part of the on-chain verifier, called by
        ConstraintEvaluator.
"""

from contracts.verifier import constraints
from contracts.verifier import machine
from contracts.verifier.tables import add
from contracts.verifier.tables import arith
from contracts.verifier.tables import bitwise
from contracts.verifier.tables import cpu
from contracts.verifier.tables import memory
from contracts.verifier.tables import transfer


@external
@pure
def add_terms(
    values: uint256[machine.VALUES],
    gamma: uint256,
    beta: uint256,
    alpha: uint256[7],
    factors: uint256[constraints.FACTORS],
    later: uint256,
) -> uint256:
    """
    @notice Puts the terms of the six tables in front of those after them.
    @param values Opened values in the order of the proof, lanes below p.
    @param gamma Bus challenge, an element with lanes below p, as all challenges.
    @param beta Bus challenge.
    @param alpha alpha^(2^i), of the challenge that combines the constraints.
    @param factors Three of each table: of every, the first and the terminal row.
    @param later Sum of the terms after these, lanes up to 2 p.
    @return Sum of all these terms, lanes up to 2 p.
    """
    betas: uint256[1] = [beta]
    sum: uint256 = transfer._add_terms(
        values, gamma, betas, alpha, factors[15], factors[16], factors[17], later
    )
    sum = memory._add_terms(
        values, gamma, betas, alpha, factors[12], factors[13], factors[14], sum
    )
    sum = arith._add_terms(
        values, gamma, betas, alpha, factors[9], factors[10], factors[11], sum
    )
    sum = bitwise._add_terms(
        values, gamma, betas, alpha, factors[6], factors[7], factors[8], sum
    )
    sum = add._add_terms(values, gamma, betas, alpha, factors[3], factors[4], factors[5], sum)
    return cpu._add_terms(values, gamma, betas, alpha, factors[0], factors[1], factors[2], sum)
