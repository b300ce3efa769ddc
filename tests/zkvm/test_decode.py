"""Decoding: every instruction's row, and everything that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.zkvm.decode import Flag, Op, Row, decode, sign_extend
from tests.zkvm.rv32im import ECALL, FENCE, INSTRUCTIONS, encode, name_of

PC = 0x8010_0000
NEXT = PC + 4
MASK = 0xFFFF_FFFF
OFFSET = -2044
TARGET = PC + OFFSET
IMMEDIATE = -1234

# By instruction: op, imm, alt and class; registers follow from the class.
ALU_OPS = {
    "add": Op.ADD, "sub": Op.SUB, "sll": Op.SLL, "slt": Op.LT, "sltu": Op.LTU, "xor": Op.XOR,
    "srl": Op.SRL, "sra": Op.SRA, "or": Op.OR, "and": Op.AND, "mul": Op.MUL, "mulh": Op.MULH,
    "mulhsu": Op.MULHSU, "mulhu": Op.MULHU, "div": Op.DIV, "divu": Op.DIVU, "rem": Op.REM,
    "remu": Op.REMU,
}  # fmt: skip
IMMEDIATE_OPS = {
    "addi": Op.ADD, "slti": Op.LT, "sltiu": Op.LTU, "xori": Op.XOR, "ori": Op.OR, "andi": Op.AND,
}  # fmt: skip
SHIFT_OPS = {"slli": Op.SLL, "srli": Op.SRL, "srai": Op.SRA}
BRANCH_OPS = {
    "beq": (Op.EQ, TARGET, NEXT), "bne": (Op.EQ, NEXT, TARGET), "blt": (Op.LT, TARGET, NEXT),
    "bge": (Op.LT, NEXT, TARGET), "bltu": (Op.LTU, TARGET, NEXT), "bgeu": (Op.LTU, NEXT, TARGET),
}  # fmt: skip
LOAD_OPS = {"lb": Op.LB, "lh": Op.LH, "lw": Op.LW, "lbu": Op.LBU, "lhu": Op.LHU}
STORE_OPS = {"sb": Op.SB, "sh": Op.SH, "sw": Op.SW}


def expected(name: str, rd: int, rs1: int, rs2: int) -> Row:
    write = Flag.WRITE if rd else 0
    if name in ALU_OPS:
        return Row(PC, ALU_OPS[name], rs1, rs2, rd, 0, NEXT, Flag.ALU | write)
    if name in IMMEDIATE_OPS:
        return Row(PC, IMMEDIATE_OPS[name], rs1, 0, rd, IMMEDIATE & MASK, NEXT, Flag.ALU | write)
    if name in SHIFT_OPS:
        return Row(PC, SHIFT_OPS[name], rs1, 0, rd, 21, NEXT, Flag.ALU | write)
    if name in BRANCH_OPS:
        op, imm, alt = BRANCH_OPS[name]
        return Row(PC, op, rs1, rs2, 0, imm, alt, Flag.BRANCH)
    if name in LOAD_OPS:
        return Row(PC, LOAD_OPS[name], rs1, 0, rd, IMMEDIATE & MASK, NEXT, Flag.LOAD | write)
    if name in STORE_OPS:
        return Row(PC, STORE_OPS[name], rs1, rs2, 0, IMMEDIATE & MASK, NEXT, Flag.STORE)
    imm, alt, flag = {
        "lui": (0xFEDC_B000, NEXT, Flag.CONST),
        "auipc": (PC + 0xFEDC_B000 & MASK, NEXT, Flag.CONST),
        "jal": (NEXT, TARGET, Flag.CONST),
        "jalr": (IMMEDIATE & MASK, NEXT, Flag.JALR),
    }[name]
    return Row(PC, Op.NONE, rs1 if name == "jalr" else 0, 0, rd, imm, alt, flag | write)


def immediate_of(name: str) -> int:
    if name in BRANCH_OPS or name == "jal":
        return OFFSET
    if name in SHIFT_OPS:
        return 21
    return 0xFEDC_B000 if name in {"lui", "auipc"} else IMMEDIATE


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_row_of_each_instruction(name: str) -> None:
    for rd, rs1, rs2 in ((5, 6, 7), (31, 0, 30), (9, 9, 9), (0, 8, 16)):
        word = encode(name, rd, rs1, rs2, immediate_of(name))
        assert decode(PC, word) == expected(name, rd, rs1, rs2)


def test_ecall_reads_its_arguments_and_rewrites_a0() -> None:
    assert decode(PC, ECALL) == Row(PC, Op.ECALL, 17, 11, 10, 0, NEXT, Flag.ECALL | Flag.WRITE)


def test_fence_does_nothing_whatever_its_fields() -> None:
    nothing = Row(PC, Op.NONE, 0, 0, 0, 0, NEXT, Flag.CONST)
    assert decode(PC, FENCE) == nothing
    assert decode(PC, 0x8330_000F) == nothing  # fence.tso
    assert decode(PC, 0x0FF0_0F8F | 3 << 15) == nothing  # rd and rs1 are reserved and ignored


@pytest.mark.parametrize("bits", [12, 13, 16, 21])
def test_sign_extension_keeps_the_value(bits: int) -> None:
    for value in (0, 1, (1 << bits - 1) - 1, -1, -(1 << bits - 1)):
        assert sign_extend(value, bits) == value & MASK


def test_targets_wrap_around_the_address_space() -> None:
    row = decode(0x1000, encode("jal", imm=-0x1004))
    assert row is not None
    assert row.alt == MASK - 3


def test_what_else_the_table_of_instructions_does_not_have_does_not_decode() -> None:
    fence, system = 0x0F, 0x73
    decoded = {
        (opcode, funct3, funct7)
        for opcode in range(128)
        for funct3 in range(8)
        for funct7 in range(128)
        if opcode not in {fence, system}
        and decode(PC, opcode | funct3 << 12 | funct7 << 25) is not None
    }
    listed = set()
    for opcode, funct3, funct7 in (
        (o, f3, f7) for o in range(128) for f3 in range(8) for f7 in range(128)
    ):
        try:
            name_of(opcode | funct3 << 12 | funct7 << 25)
        except KeyError:
            continue
        listed.add((opcode, funct3, funct7))
    assert decoded == listed


@pytest.mark.parametrize(
    "word",
    [
        0x0000_0000,  # never legal
        0xFFFF_FFFF,  # never legal
        0x0000_100F,  # fence.i
        0x0010_0073,  # ebreak
        0x3020_0073,  # mret
        0x1050_0073,  # wfi
        0xC000_2573,  # rdcycle
        0x0000_00F3,  # ecall with rd
        0x0000_8067 | 1 << 12,  # jalr with funct3
        0x0000_4501,  # compressed: c.li a0, 0
        0x1005_252F,  # lr.w, of the A extension
        0x0000_0007 | 2 << 12,  # flw, of the F extension
        0x0205_1513,  # slli by 32
    ],
)
def test_words_outside_rv32im_do_not_decode(word: int) -> None:
    assert decode(PC, word) is None


@given(st.integers(0, MASK))
def test_rows_are_canonical(word: int) -> None:
    row = decode(PC, word)
    if row is None:
        return
    classes = row.flags & ~Flag.WRITE
    assert classes in set(Flag)
    assert bool(row.flags & Flag.WRITE) == (row.rd != 0)
    assert all(0 <= field <= MASK for field in row)
    assert max(row.rs1, row.rs2, row.rd) < 32
