# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Interpreter of the constraint program
@notice Straight-line arithmetic on elements in registers. An instruction is 42
        bits: operation, then registers d, a, b, c; six stand in a word, the
        first in the low bits.
@dev The program is part of the deployed code; its digest is compiled in.
"""

from contracts.verifier import constraint_program as numbers
from contracts.verifier import field
from contracts.verifier import machine

WORDS: constant(uint256) = numbers.WORDS
VALUES: constant(uint256) = machine.VALUES
INPUTS: constant(uint256) = numbers.INPUTS
P: constant(uint256) = field.P
LANE: constant(uint256) = field.LANE

REGISTERS: constant(uint256) = 1024
REGISTER: constant(uint256) = 1023
INSTRUCTION_BITS: constant(uint256) = 42
INSTRUCTIONS_PER_WORD: constant(uint256) = 6
# Operations: a * b + c, a * b - c, a + b, a - b.
IS_PLAIN: constant(uint256) = 2**41
SUBTRACTS: constant(uint256) = 2**40
CONSTANTS_PER_WORD: constant(uint256) = 4
# What a subtraction of the program adds; the generator proves the bound.
DIFFERENCE_ZEROS: constant(uint256) = numbers.DIFFERENCE_BOUND * field.ZEROS

PROGRAM: immutable(uint256[WORDS])


@deploy
def __init__(program: uint256[WORDS]):
    """
    @notice Takes the program, which must be the generated one.
    @param program Words of contracts/verifier/data/constraint_program.hex.
    """
    assert keccak256(abi_encode(program)) == numbers.DIGEST, "WRONG_PROGRAM_DATA"
    PROGRAM = program


@internal
@view
def _run(values: uint256[VALUES], inputs: uint256[INPUTS]) -> uint256:
    """
    @notice Runs the program.
    @dev Lanes are bounded by the generator: below 2^80 in factors, at most
         DIFFERENCE_BOUND * p in what is subtracted, below 2^85 always.
    @param values Opened values, reduced.
    @param inputs Inputs of the program, reduced.
    @return Quotient by the values of the columns less the opened quotient,
            reduced.
    """
    r: uint256[REGISTERS] = empty(uint256[REGISTERS])
    register: uint256 = 0
    for x: uint256 in values:
        r[register] = x
        register = unsafe_add(register, 1)
    for x: uint256 in inputs:
        r[register] = x
        register = unsafe_add(register, 1)
    for i: uint256 in range(numbers.INSTRUCTION_WORDS, WORDS):
        x: uint256 = PROGRAM[i]
        for _: uint256 in range(CONSTANTS_PER_WORD):
            r[register] = x & (2**64 - 1)
            register = unsafe_add(register, 1)
            x >>= 64

    for i: uint256 in range(numbers.INSTRUCTION_WORDS):
        code: uint256 = PROGRAM[i]
        for _: uint256 in range(INSTRUCTIONS_PER_WORD):
            a: uint256 = r[(code >> 20) & REGISTER]
            b: uint256 = r[(code >> 10) & REGISTER]
            if code & IS_PLAIN == 0:
                a1: uint256 = (a >> 85) & LANE
                a2: uint256 = a >> 170
                a &= LANE
                b1: uint256 = (b >> 85) & LANE
                b2: uint256 = b >> 170
                b &= LANE
                c: uint256 = r[code & REGISTER]
                if code & SUBTRACTS != 0:
                    c = unsafe_sub(DIFFERENCE_ZEROS, c)
                r[(code >> 30) & REGISTER] = unsafe_add(
                    c,
                    unsafe_add(
                        unsafe_mul(a, b),
                        unsafe_mul(7, unsafe_add(unsafe_mul(a1, b2), unsafe_mul(a2, b1))),
                    )
                    % P
                    | (
                        unsafe_add(
                            unsafe_add(unsafe_mul(a, b1), unsafe_mul(a1, b)),
                            unsafe_mul(7, unsafe_mul(a2, b2)),
                        )
                        % P
                    )
                    << 85
                    | (
                        unsafe_add(
                            unsafe_add(unsafe_mul(a, b2), unsafe_mul(a1, b1)),
                            unsafe_mul(a2, b),
                        )
                        % P
                    )
                    << 170
                )
            elif code & SUBTRACTS == 0:
                r[(code >> 30) & REGISTER] = unsafe_add(a, b)
            else:
                r[(code >> 30) & REGISTER] = unsafe_sub(unsafe_add(a, DIFFERENCE_ZEROS), b)
            code >>= INSTRUCTION_BITS
    return r[0]
