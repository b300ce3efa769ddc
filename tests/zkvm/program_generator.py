"""Random RV32IM programs that end, with the operands at which machines go wrong."""

import random
import struct
from dataclasses import dataclass
from typing import Final

from tests.zkvm import rv32im
from tests.zkvm.rv32im import encode

TEXT: Final = 0x8000_1000  # a page of its own for Spike's memory protection
DATA: Final = 0x8001_0000
DATA_WORDS: Final = 32  # given by the file; as many after them are zero
SCRATCH_BYTES: Final = 8 * DATA_WORDS
MEMORY_BYTES: Final = 0x2_0000
TAPE_WORDS: Final = 8
SNIPPETS: Final = 120

EDGES: Final = (0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF)
SHIFT_AMOUNTS: Final = (0, 1, 2, 31, 32, 33)
IMMEDIATES: Final = (0, 1, -1, 2047, -2048)
LOOP_REGISTER: Final = 31  # no other instruction writes it
ILLEGAL_WORD: Final = 0xFFFF_FFFF
CALLS: Final = {"read": 0x100, "write": 0x101, "exit": 93}
A0, A1, A7 = 10, 11, 17


@dataclass(frozen=True)
class RandomProgram:
    """An ELF that exits with code 0, and its tape."""

    elf: bytes
    tape: bytes


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.words: list[int] = []

    @property
    def pc(self) -> int:
        return TEXT + 4 * len(self.words)

    def register(self) -> int:
        """A destination, every eighth one x0."""
        return self.rng.randrange(1, LOOP_REGISTER) if self.rng.randrange(8) else 0

    def value(self) -> int:
        return self.rng.choice((*EDGES, self.rng.randrange(2**32)))

    def li(self, register: int, value: int) -> None:
        self.words += rv32im.li(register, value)

    def operands(self, second: tuple[int, ...] = EDGES) -> tuple[int, int]:
        """Two sources: one register, two with edge values, or whatever is in them."""
        rs1, rs2 = self.rng.sample(range(1, LOOP_REGISTER), 2)
        kind = self.rng.random()
        if kind < 1 / 10:
            self.li(rs1, self.value())
            return rs1, rs1
        if kind < 8 / 10:
            self.li(rs1, self.rng.choice(EDGES))
            self.li(rs2, self.rng.choice(second))
            return rs1, rs2
        return self.rng.randrange(32), self.rng.randrange(32)

    def call(self, name: str, a0: int, a1: int = 0) -> None:
        for register, value in ((A7, CALLS[name]), (A0, a0), (A1, a1)):
            self.li(register, value)
        self.words.append(rv32im.ECALL)

    # Snippets: each leaves pc behind itself.

    def register_op(self) -> None:
        name = self.rng.choice(list(rv32im.REGISTERS))
        is_shift = name in {"sll", "srl", "sra"}
        rs1, rs2 = self.operands(EDGES + SHIFT_AMOUNTS if is_shift else EDGES)
        self.words.append(encode(name, self.register(), rs1, rs2))

    def immediate_op(self) -> None:
        rs1 = self.rng.randrange(1, LOOP_REGISTER)
        self.li(rs1, self.value())
        if self.rng.random() < 1 / 3:
            name, imm = self.rng.choice(list(rv32im.SHIFTS)), self.rng.choice((0, 1, 7, 31))
        else:
            name = self.rng.choice(list(rv32im.IMMEDIATES))
            imm = self.rng.choice((*IMMEDIATES, self.rng.randrange(-2048, 2048)))
        self.words.append(encode(name, self.register(), rs1, imm=imm))

    def upper_op(self) -> None:
        name = self.rng.choice(("lui", "auipc"))
        imm = self.rng.choice((0, 0x8000_0000, 0xFFFF_F000, self.rng.randrange(2**32)))
        self.words.append(encode(name, self.register(), imm=imm))

    def access(self) -> None:
        names = (*rv32im.LOADS, *rv32im.STORES)
        name = self.rng.choice(names)
        size = {"b": 1, "h": 2, "w": 4}[name[1]]
        is_load = name in rv32im.LOADS
        if is_load and self.rng.random() < 1 / 8:
            address = TEXT + self.rng.randrange(4 * len(self.words)) // size * size
        else:
            address = DATA + self.rng.randrange(SCRATCH_BYTES) // size * size
        base = self.rng.randrange(1, LOOP_REGISTER)
        imm = self.rng.choice((0, 2047, -2048, self.rng.randrange(-2048, 2048)))
        source = self.rng.randrange(32)
        if not is_load and source not in {0, LOOP_REGISTER} and self.rng.random() < 1 / 2:
            self.li(source, self.value())
        self.li(base, address - imm)
        self.words.append(encode(name, self.register(), base, source, imm))

    def branch(self) -> None:
        name = self.rng.choice(list(rv32im.BRANCHES))
        rs1, rs2 = self.operands()
        skipped = self.rng.randrange(1, 4)
        self.words.append(encode(name, 0, rs1, rs2, 4 * (skipped + 1)))
        self.plain_ops(skipped)

    def jump(self) -> None:
        """Over words that would trap, by jal or jalr."""
        skipped = self.rng.randrange(3)
        rd = self.register()
        if self.rng.random() < 1 / 2:
            self.words.append(encode("jal", rd, imm=4 * (skipped + 1)))
        else:
            base, imm = self.rng.randrange(1, LOOP_REGISTER), self.rng.randrange(-2048, 2048)
            target = self.pc + 4 * (3 + skipped)
            self.li(base, target + self.rng.randrange(2) - imm)  # jalr clears bit 0
            self.words.append(encode("jalr", rd, base, imm=imm))
        self.words += [ILLEGAL_WORD] * skipped

    def loop(self) -> None:
        self.li(LOOP_REGISTER, self.rng.randrange(1, 5))
        start = self.pc
        self.plain_ops(self.rng.randrange(1, 5))
        self.words.append(encode("addi", LOOP_REGISTER, LOOP_REGISTER, imm=-1))
        kind = self.rng.randrange(3)
        if kind == 0:
            self.words.append(encode("bne", 0, LOOP_REGISTER, 0, start - self.pc))
        elif kind == 1:
            self.words.append(encode("blt", 0, 0, LOOP_REGISTER, start - self.pc))
        else:
            self.words.append(encode("beq", 0, LOOP_REGISTER, 0, 8))
            self.words.append(encode("jal", self.register(), imm=start - self.pc))

    def fence(self) -> None:
        self.words.append(rv32im.FENCE)

    def plain_ops(self, count: int) -> None:
        for _ in range(count):
            name = self.rng.choice(list(rv32im.REGISTERS))
            rs1, rs2 = self.rng.randrange(32), self.rng.randrange(32)
            self.words.append(encode(name, self.register(), rs1, rs2))


_SNIPPETS: Final = {
    _Writer.register_op: 10,
    _Writer.immediate_op: 6,
    _Writer.access: 6,
    _Writer.branch: 4,
    _Writer.upper_op: 2,
    _Writer.jump: 2,
    _Writer.loop: 1,
    _Writer.fence: 1,
}


def generate(seed: int) -> RandomProgram:
    """Make a program of about 500 instructions.

    It reads words from its tape into a scratch area, computes there, and writes the whole area to
    the public output. Loops run at most four times; branches and jumps lead forward otherwise.
    """
    writer = _Writer(seed)
    writer.call("read", DATA, TAPE_WORDS)
    for register in range(1, LOOP_REGISTER):
        writer.li(register, writer.value())
    kinds, weights = list(_SNIPPETS), list(_SNIPPETS.values())
    for snippet in writer.rng.choices(kinds, weights, k=SNIPPETS):
        snippet(writer)
    writer.call("write", DATA, SCRATCH_BYTES // 4)
    writer.call("exit", 0)
    text = struct.pack(f"<{len(writer.words)}I", *writer.words)
    data = writer.rng.randbytes(4 * DATA_WORDS)
    segments = {TEXT: (5, text, len(text)), DATA: (6, data, SCRATCH_BYTES)}
    return RandomProgram(rv32im.executable(TEXT, segments), writer.rng.randbytes(4 * TAPE_WORDS))
