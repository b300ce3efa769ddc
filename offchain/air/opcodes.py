"""Operation numbers and instruction flags, as decoded rows of the ROM carry them."""

from __future__ import annotations

ADD, SUB, EQ, AND, OR, XOR = 1, 2, 3, 4, 5, 6
LW, LH, LHU, LB, LBU, SW, SH, SB = 8, 9, 10, 11, 12, 13, 14, 15
ECALL = 16

# Operations of the arith table: base + SIGNED_A if a is signed + SIGNED_Y if y is.
COMPARE, SHIFT_LEFT, SHIFT_RIGHT, MULTIPLY, MULTIPLY_HIGH, DIVIDE, REMAINDER = range(32, 60, 4)
SIGNED_A, SIGNED_Y = 1, 2

# Flags of an instruction: one class, and whether a register is written.
ALU, BRANCH, CONST, JALR, LOAD, STORE, ECALL_CLASS, WRITE = (1 << bit for bit in range(8))

ECALL_EXIT = 93
ECALL_READ = 0x100
ECALL_WRITE = 0x101
ECALL_WRITE_INDEX_UNIT = 4096
ECALL_POSEIDON2 = 0x110
ECALL_KECCAK_F = 0x111
ECALL_POSEIDON2_COMPRESS = 0x112
