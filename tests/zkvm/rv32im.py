"""Encodings of the 45 RV32IM instructions, for tests that make programs of their own.

Source: RISC-V unprivileged specification, table "RV32/64G Instruction Set Listings".
"""

import struct
from typing import Final, NamedTuple

WORD_MASK: Final = 0xFFFF_FFFF
FENCE: Final = 0x0FF0_000F
ECALL: Final = 0x0000_0073


class Encoding(NamedTuple):
    """Format (a letter of the specification; H: I with a shift amount) and fixed fields."""

    format: str
    opcode: int
    funct3: int = 0
    funct7: int = 0


LOADS: Final = {"lb": 0, "lh": 1, "lw": 2, "lbu": 4, "lhu": 5}
STORES: Final = {"sb": 0, "sh": 1, "sw": 2}
BRANCHES: Final = {"beq": 0, "bne": 1, "blt": 4, "bge": 5, "bltu": 6, "bgeu": 7}
IMMEDIATES: Final = {"addi": 0, "slti": 2, "sltiu": 3, "xori": 4, "ori": 6, "andi": 7}
SHIFTS: Final = {"slli": (1, 0), "srli": (5, 0), "srai": (5, 32)}
_BASE: Final = ("add", "sll", "slt", "sltu", "xor", "srl", "or", "and")  # by funct3
_MULTIPLY: Final = ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")
REGISTERS: Final = (
    {name: (funct3, 0) for funct3, name in enumerate(_BASE)}
    | {"sub": (0, 32), "sra": (5, 32)}
    | {name: (funct3, 1) for funct3, name in enumerate(_MULTIPLY)}
)
INSTRUCTIONS: Final = {
    "lui": Encoding("U", 0x37),
    "auipc": Encoding("U", 0x17),
    "jal": Encoding("J", 0x6F),
    "jalr": Encoding("I", 0x67),
    **{name: Encoding("B", 0x63, funct3) for name, funct3 in BRANCHES.items()},
    **{name: Encoding("I", 0x03, funct3) for name, funct3 in LOADS.items()},
    **{name: Encoding("S", 0x23, funct3) for name, funct3 in STORES.items()},
    **{name: Encoding("I", 0x13, funct3) for name, funct3 in IMMEDIATES.items()},
    **{name: Encoding("H", 0x13, *functs) for name, functs in SHIFTS.items()},
    **{name: Encoding("R", 0x33, *functs) for name, functs in REGISTERS.items()},
}

_OPCODES_WITHOUT_FUNCT3: Final = {0x37, 0x17, 0x6F}
_NAMES: Final = {tuple(encoding[1:]): name for name, encoding in INSTRUCTIONS.items()}


def encode(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> int:
    """Encode an instruction; what its format has no field for is ignored.

    `imm` is the offset of a branch or jal, the shift amount, or the upper 20 bits in place.
    """
    form, opcode, funct3, funct7 = INSTRUCTIONS[name]
    word = opcode | funct3 << 12 | rs1 << 15
    if form == "R":
        return word | rd << 7 | rs2 << 20 | funct7 << 25
    if form == "H":
        return word | rd << 7 | imm << 20 | funct7 << 25
    if form == "I":
        return word | rd << 7 | (imm & 0xFFF) << 20
    if form == "S":
        return word | (imm & 31) << 7 | rs2 << 20 | (imm >> 5 & 127) << 25
    if form == "B":
        low = (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8
        return word | low | rs2 << 20 | (imm >> 5 & 63) << 25 | (imm >> 12 & 1) << 31
    if form == "U":
        return opcode | rd << 7 | imm & 0xFFFF_F000
    high = (imm >> 12 & 255) << 12 | (imm >> 11 & 1) << 20
    return opcode | rd << 7 | high | (imm >> 1 & 1023) << 21 | (imm >> 20 & 1) << 31


def name_of(word: int) -> str:
    """Name one of the 45 instructions.

    Raises
    ------
    KeyError
        If the word is none of them.
    """
    opcode = word & 127
    funct3 = 0 if opcode in _OPCODES_WITHOUT_FUNCT3 else word >> 12 & 7
    has_funct7 = opcode == 0x33 or (opcode == 0x13 and funct3 in {1, 5})
    return _NAMES[opcode, funct3, word >> 25 if has_funct7 else 0]


def li(rd: int, value: int) -> list[int]:
    """Load a constant in two instructions."""
    low = (value & 0xFFF ^ 0x800) - 0x800
    return [encode("lui", rd, imm=value - low & WORD_MASK), encode("addi", rd, rd, imm=low)]


def executable(entry: int, segments: dict[int, tuple[int, bytes, int]]) -> bytes:
    """Write a minimal ELF file; its only section, of names, is there as Spike insists on one.

    Parameters
    ----------
    entry
        First pc.
    segments
        Address to permissions (4 read, 2 write, 1 execute), content and size in memory.
    """
    header_bytes, segment_header_bytes, section_header_bytes = 52, 32, 40
    offset = header_bytes + segment_header_bytes * len(segments)
    headers, contents = [], []
    for address, (permissions, data, size) in segments.items():
        fields = (1, offset, address, address, len(data), size, permissions, 4)
        headers.append(struct.pack("<8I", *fields))
        contents.append(data)
        offset += len(data)
    sizes = (header_bytes, segment_header_bytes, len(segments), section_header_bytes, 1, 0)
    ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    offsets = (header_bytes, offset)
    header = ident + struct.pack("<HHIIIIIHHHHHH", 2, 243, 1, entry, *offsets, 0, *sizes)
    names = struct.pack("<10I", 0, 3, 0, 0, offset + section_header_bytes, 1, 0, 0, 1, 0)
    return b"".join((header, *headers, *contents, names, b"\0"))
