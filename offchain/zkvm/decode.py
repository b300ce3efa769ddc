"""Decode RV32IM into rows of the ROM table.

A row says what the machine does in the terms of its tables: one class, one operation number, three
registers, an immediate and the pc that follows. A word that is no RV32IM instruction, nor `fence`
or `ecall`, has no row.

Source: RISC-V unprivileged specification, chapters RV32I 2.1 and M 2.0; table "RV32/64G
Instruction Set Listings" for the encodings.
"""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

import numpy as np

WORD_MASK: Final = 0xFFFF_FFFF
REGISTER_MASK: Final = 31


class Flag(IntFlag):
    """Class of a row, exactly one of the first seven, and whether it writes a register."""

    ALU = 1
    BRANCH = 2
    CONST = 4
    JALR = 8
    LOAD = 16
    STORE = 32
    ECALL = 64
    WRITE = 128


class Op(IntEnum):
    """Operation of a row. From 32 upwards: base + (a is signed) + 2 (b is signed)."""

    NONE = 0
    ADD = 1
    SUB = 2
    EQ = 3
    AND = 4
    OR = 5
    XOR = 6
    LW = 8
    LH = 9
    LHU = 10
    LB = 11
    LBU = 12
    SW = 13
    SH = 14
    SB = 15
    ECALL = 16
    LTU = 32
    LT = 35
    SLL = 36
    SRL = 40
    SRA = 41
    MUL = 44
    MULHU = 48
    MULHSU = 49
    MULH = 51
    DIVU = 52
    DIV = 55
    REMU = 56
    REM = 59


OP_LIMIT: Final = 64
ARITH_OP_FIRST: Final = 32

ROM_ROW: Final = np.dtype(
    [(name, "<u4") for name in ("pc", "op", "rs1", "rs2", "rd", "imm", "alt", "flags")]
)
"""Layout of a row: 8 words of 32 bits."""


class Row(NamedTuple):
    """One decoded instruction; every field is a 32-bit word.

    Attributes
    ----------
    pc
        Its address.
    op
        :class:`Op`.
    rs1, rs2
        Registers read; 0 where the instruction has none.
    rd
        Register written; 0 where none is.
    imm
        Immediate; of a branch the next pc if the operation gives 1; of a CONST row the result.
    alt
        Next pc, but of a branch only if the operation gives 0; of a JALR row the result.
    flags
        :class:`Flag`.
    """

    pc: int
    op: int
    rs1: int
    rs2: int
    rd: int
    imm: int
    alt: int
    flags: int


# By (funct7, funct3).
_REGISTER_OPS: Final = {
    (0x00, 0): Op.ADD,
    (0x20, 0): Op.SUB,
    (0x00, 1): Op.SLL,
    (0x00, 2): Op.LT,
    (0x00, 3): Op.LTU,
    (0x00, 4): Op.XOR,
    (0x00, 5): Op.SRL,
    (0x20, 5): Op.SRA,
    (0x00, 6): Op.OR,
    (0x00, 7): Op.AND,
    (0x01, 0): Op.MUL,
    (0x01, 1): Op.MULH,
    (0x01, 2): Op.MULHSU,
    (0x01, 3): Op.MULHU,
    (0x01, 4): Op.DIV,
    (0x01, 5): Op.DIVU,
    (0x01, 6): Op.REM,
    (0x01, 7): Op.REMU,
}
_SHIFT_FUNCT3: Final = {1, 5}
_LOAD_OPS: Final = {0: Op.LB, 1: Op.LH, 2: Op.LW, 4: Op.LBU, 5: Op.LHU}
_STORE_OPS: Final = {0: Op.SB, 1: Op.SH, 2: Op.SW}
# By funct3: the operation, and whether the branch is taken when it gives 0.
_BRANCH_OPS: Final = {
    0: (Op.EQ, False),
    1: (Op.EQ, True),
    4: (Op.LT, False),
    5: (Op.LT, True),
    6: (Op.LTU, False),
    7: (Op.LTU, True),
}
_ECALL_WORD: Final = 0x0000_0073
# Registers of an ecall: number in a7, length in a1, and a0, which is written with its own value.
_A0, _A1, _A7 = 10, 11, 17


def sign_extend(value: int, bits: int) -> int:
    """Give the 32-bit word whose value as a signed integer is that of the low ``bits`` bits."""
    sign = 1 << (bits - 1)
    return ((value & (2 * sign - 1)) ^ sign) - sign & WORD_MASK


def _bits(word: int, high: int, low: int) -> int:
    return word >> low & ((1 << (high - low + 1)) - 1)


def _rd(word: int) -> int:
    return _bits(word, 11, 7)


def _rs1(word: int) -> int:
    return _bits(word, 19, 15)


def _rs2(word: int) -> int:
    return _bits(word, 24, 20)


def _funct3(word: int) -> int:
    return _bits(word, 14, 12)


def _imm_i(word: int) -> int:
    return sign_extend(word >> 20, 12)


def _row(  # one keyword per field that is not zero
    flags: int, pc: int, *, op: int = 0, rs1: int = 0, rs2: int = 0, rd: int = 0, imm: int = 0
) -> Row:
    write = Flag.WRITE if rd else 0
    return Row(pc, op, rs1, rs2, rd, imm & WORD_MASK, pc + 4 & WORD_MASK, flags | write)


def _alu_register(pc: int, word: int) -> Row | None:
    op = _REGISTER_OPS.get((_bits(word, 31, 25), _funct3(word)))
    if op is None:
        return None
    return _row(Flag.ALU, pc, op=op, rs1=_rs1(word), rs2=_rs2(word), rd=_rd(word))


def _alu_immediate(pc: int, word: int) -> Row | None:
    funct3, imm = _funct3(word), _imm_i(word)
    funct7 = 0
    if funct3 in _SHIFT_FUNCT3:
        funct7, imm = _bits(word, 31, 25), _rs2(word)
    op = _REGISTER_OPS.get((funct7, funct3))
    if op is None or op >= Op.MUL:
        return None
    return _row(Flag.ALU, pc, op=op, rs1=_rs1(word), rd=_rd(word), imm=imm)


def _branch(pc: int, word: int) -> Row | None:
    if _funct3(word) not in _BRANCH_OPS:
        return None
    op, is_taken_on_zero = _BRANCH_OPS[_funct3(word)]
    offset = (
        _bits(word, 31, 31) << 12
        | _bits(word, 7, 7) << 11
        | _bits(word, 30, 25) << 5
        | _bits(word, 11, 8) << 1
    )
    target = pc + sign_extend(offset, 13) & WORD_MASK
    row = _row(Flag.BRANCH, pc, op=op, rs1=_rs1(word), rs2=_rs2(word), imm=target)
    return row._replace(imm=row.alt, alt=target) if is_taken_on_zero else row


def _lui(pc: int, word: int) -> Row:
    return _row(Flag.CONST, pc, rd=_rd(word), imm=word & 0xFFFF_F000)


def _auipc(pc: int, word: int) -> Row:
    return _row(Flag.CONST, pc, rd=_rd(word), imm=pc + (word & 0xFFFF_F000))


def _jal(pc: int, word: int) -> Row:
    offset = (
        _bits(word, 31, 31) << 20
        | _bits(word, 19, 12) << 12
        | _bits(word, 20, 20) << 11
        | _bits(word, 30, 21) << 1
    )
    target = pc + sign_extend(offset, 21) & WORD_MASK
    return _row(Flag.CONST, pc, rd=_rd(word), imm=pc + 4)._replace(alt=target)


def _jalr(pc: int, word: int) -> Row | None:
    if _funct3(word) != 0:
        return None
    return _row(Flag.JALR, pc, rs1=_rs1(word), rd=_rd(word), imm=_imm_i(word))


def _load(pc: int, word: int) -> Row | None:
    op = _LOAD_OPS.get(_funct3(word))
    if op is None:
        return None
    return _row(Flag.LOAD, pc, op=op, rs1=_rs1(word), rd=_rd(word), imm=_imm_i(word))


def _store(pc: int, word: int) -> Row | None:
    op = _STORE_OPS.get(_funct3(word))
    if op is None:
        return None
    imm = sign_extend(_bits(word, 31, 25) << 5 | _bits(word, 11, 7), 12)
    return _row(Flag.STORE, pc, op=op, rs1=_rs1(word), rs2=_rs2(word), imm=imm)


def _fence(pc: int, word: int) -> Row | None:
    # One hart and no devices: memory is always in order. funct3 1 is fence.i, not of RV32IM.
    return _row(Flag.CONST, pc) if _funct3(word) == 0 else None


def _system(pc: int, word: int) -> Row | None:
    if word != _ECALL_WORD:
        return None
    return _row(Flag.ECALL, pc, op=Op.ECALL, rs1=_A7, rs2=_A1, rd=_A0)


# By the seven bits of the major opcode.
_FORMS: Final[dict[int, Callable[[int, int], Row | None]]] = {
    0x03: _load,
    0x0F: _fence,
    0x13: _alu_immediate,
    0x17: _auipc,
    0x23: _store,
    0x33: _alu_register,
    0x37: _lui,
    0x63: _branch,
    0x67: _jalr,
    0x6F: _jal,
    0x73: _system,
}


def decode(pc: int, word: int) -> Row | None:
    """Decode one instruction.

    Parameters
    ----------
    pc
        Its address, a multiple of 4 below 2^32.
    word
        Its 32 bits.

    Returns
    -------
    Row | None
        Its row, or None if the machine has no such instruction.
    """
    form = _FORMS.get(word & 0x7F)
    return None if form is None else form(pc, word)
