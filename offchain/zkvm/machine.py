"""The machine, written to be read: RV32IM with ecalls, one instruction after the other.

It is the definition that the C executor (:mod:`offchain.zkvm.executor`) is compared with. Words
are integers in [0, 2^32); memory is addressed by word index, that is address / 4.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from offchain.zkvm import elf
from offchain.zkvm.decode import OP_LIMIT, WORD_MASK, Flag, Op, Row, sign_extend
from offchain.zkvm.delegations import DELEGATIONS
from offchain.zkvm.delegations.interface import DelegationInputError
from offchain.zkvm.execution import (
    CYCLE,
    REGISTERS,
    TRANSFER,
    WORD_STATE,
    Execution,
    count_rows,
    resolve_max_cycles,
)
from offchain.zkvm.program import Program, U32Array
from offchain.zkvm.traps import MachineTrapError, Trap, TrapReason

A0: Final = 10
CALL_EXIT: Final = 93
CALL_READ: Final = 0x100
CALL_WRITE: Final = 0x101
"""A write carries its first output index from bit 12 up."""
OUTPUT_INDEX_LIMIT: Final = 1 << 19
TRANSFER_WORDS_MAX: Final = 1 << 20

# Order of the accesses of one cycle.
TS_RS1, TS_RS2, TS_WORD, TS_RD = range(4)

_WINDOW: Final = range(elf.WINDOW_START // elf.WORD_BYTES, elf.WINDOW_END // elf.WORD_BYTES)
_ACCESS_BYTES: Final = {
    Op.LW: 4, Op.LH: 2, Op.LHU: 2, Op.LB: 1, Op.LBU: 1, Op.SW: 4, Op.SH: 2, Op.SB: 1,
}  # fmt: skip


def signed(word: int) -> int:
    """Give the value of a word as a signed integer."""
    return word - (1 << 32) if word >> 31 else word


def divide(a: int, b: int) -> tuple[int, int]:
    """Divide integers as RISC-V does.

    Returns
    -------
    tuple[int, int]
        Quotient rounded towards zero and remainder with the sign of ``a``; -1 and ``a`` if ``b``
        is 0.
    """
    if b == 0:
        return -1, a
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - b * quotient


def alu(op: int, a: int, b: int) -> int:
    """Give the result of an operation of ALU and BRANCH rows."""
    shift = b & 31
    match op:
        case Op.ADD:
            r = a + b
        case Op.SUB:
            r = a - b
        case Op.EQ:
            r = int(a == b)
        case Op.AND:
            r = a & b
        case Op.OR:
            r = a | b
        case Op.XOR:
            r = a ^ b
        case Op.LTU:
            r = int(a < b)
        case Op.LT:
            r = int(signed(a) < signed(b))
        case Op.SLL:
            r = a << shift
        case Op.SRL:
            r = a >> shift
        case Op.SRA:
            r = signed(a) >> shift
        case Op.MUL:
            r = a * b
        case Op.MULHU:
            r = a * b >> 32
        case Op.MULHSU:
            r = signed(a) * b >> 32
        case Op.MULH:
            r = signed(a) * signed(b) >> 32
        case Op.DIVU:
            r = divide(a, b)[0]
        case Op.DIV:
            r = divide(signed(a), signed(b))[0]
        case Op.REMU:
            r = divide(a, b)[1]
        case Op.REM:
            r = divide(signed(a), signed(b))[1]
        case _:
            raise AssertionError(f"operation {op} is none of the ALU's")
    return r & WORD_MASK


def load(op: int, word: int, address: int) -> int:
    """Give the register value that a load takes from the aligned word at ``address``."""
    bits = 8 * _ACCESS_BYTES[Op(op)]
    value = word >> 8 * (address % 4) & ((1 << bits) - 1)
    return sign_extend(value, bits) if op in {Op.LB, Op.LH} else value


def store(op: int, word: int, address: int, value: int) -> int:
    """Give the aligned word at ``address`` after a store of ``value``."""
    shift = 8 * (address % 4)
    mask = ((1 << 8 * _ACCESS_BYTES[Op(op)]) - 1) << shift
    return word & ~mask | value << shift & mask


class Machine:
    """State of a run.

    Parameters
    ----------
    program
        What to run.
    tape
        The private input, words.
    """

    def __init__(self, program: Program, tape: Sequence[int]) -> None:
        self.rows = [Row(*row) for row in program.rom.tolist()]
        self.row_at = {row.pc: index for index, row in enumerate(self.rows)}
        self.pc = program.entry
        self.clk = 0
        self.has_exited = False
        self.registers = [0] * REGISTERS
        self.register_ts = [0] * REGISTERS

        indices: list[int] = [address // elf.WORD_BYTES for address in program.addresses.tolist()]
        self.image = indices
        self.words: dict[int, int] = dict(zip(indices, program.values.tolist(), strict=True))
        self.word_ts = dict.fromkeys(indices, 0)
        self.rom = {word for word, is_rom in zip(indices, program.is_rom, strict=True) if is_rom}

        self.tape = list(tape)
        self.output: dict[int, int] = {}
        self.record: list[tuple[int, ...]] = []
        self.transfers: list[tuple[int, ...]] = []
        self.op_counts = [0] * OP_LIMIT
        self.delegation_calls = [0] * len(DELEGATIONS)

    # Registers and memory

    def read_register(self, register: int, slot: int) -> tuple[int, int]:
        """Read a register; give its value and its last timestamp before."""
        before = self.register_ts[register]
        self.register_ts[register] = 4 * self.clk + slot
        return self.registers[register], before

    def write_register(self, register: int, value: int) -> tuple[int, int]:
        """Write a register; give its value and its last timestamp before."""
        before = self.registers[register], self.register_ts[register]
        self.registers[register] = value
        self.register_ts[register] = 4 * self.clk + TS_RD
        return before

    def check_word(self, address: int, unmapped: TrapReason, *, is_rom_refused: bool) -> None:
        """Trap unless the word at ``address`` may be accessed."""
        word = address // elf.WORD_BYTES
        if word not in _WINDOW:
            raise MachineTrapError(unmapped, address)
        if is_rom_refused and word in self.rom:
            raise MachineTrapError(TrapReason.STORE_TO_ROM, address)

    def read_word(self, address: int) -> int:
        """Give the aligned word at ``address``."""
        return self.words.get(address // elf.WORD_BYTES, 0)

    def access_word(self, address: int, value: int) -> int:
        """Set the aligned word at ``address``; give its last timestamp before."""
        word = address // elf.WORD_BYTES
        before = self.word_ts.get(word, 0)
        self.words[word] = value
        self.word_ts[word] = 4 * self.clk + TS_WORD
        return before

    # Instructions

    def step(self) -> None:
        """Execute one instruction; raise MachineTrapError if it traps."""
        if self.pc not in self.row_at:
            raise MachineTrapError(TrapReason.ILLEGAL_INSTRUCTION, self.read_word(self.pc))
        index = self.row_at[self.pc]
        row = self.rows[index]
        self.clk += 1
        a, rs1_prev_ts = self.read_register(row.rs1, TS_RS1)
        b, rs2_prev_ts = self.read_register(row.rs2, TS_RS2)
        next_pc = row.alt
        word_prev_ts = word_old = word_new = 0
        match row.flags & ~Flag.WRITE:
            case Flag.ALU:
                r = alu(row.op, a, b + row.imm & WORD_MASK)
            case Flag.BRANCH:
                r = alu(row.op, a, b)
                next_pc = row.imm if r else row.alt
            case Flag.CONST:
                r = row.imm
            case Flag.JALR:
                r = row.alt
                next_pc = a + row.imm & WORD_MASK & ~1
            case Flag.LOAD | Flag.STORE:
                r, word_prev_ts, word_old, word_new = self.access(row, a, b)
            case _:
                r = self.registers[A0]
                self.ecall(a, r, b)
        if self.has_exited:
            next_pc = 0
        else:
            self.check_next_pc(next_pc)
        rd_old, rd_prev_ts = self.write_register(row.rd, r) if row.flags & Flag.WRITE else (0, 0)
        timestamps = rs1_prev_ts, rs2_prev_ts, rd_prev_ts, word_prev_ts
        self.record.append((index, a, b, r, next_pc, rd_old, *timestamps, word_old, word_new))
        self.op_counts[row.op] += 1
        self.pc = next_pc

    def access(self, row: Row, a: int, b: int) -> tuple[int, int, int, int]:
        """Load or store; give result, last timestamp of the word before, and old and new word."""
        is_store = bool(row.flags & Flag.STORE)
        address = a + row.imm & WORD_MASK
        if address % _ACCESS_BYTES[Op(row.op)]:
            raise MachineTrapError(TrapReason.MISALIGNED_ACCESS, address)
        unmapped = TrapReason.UNMAPPED_WRITE if is_store else TrapReason.UNMAPPED_READ
        self.check_word(address, unmapped, is_rom_refused=is_store)
        old = self.read_word(address)
        new = store(row.op, old, address, b) if is_store else old
        before = self.access_word(address, new)
        return b if is_store else load(row.op, old, address), before, old, new

    def check_next_pc(self, next_pc: int) -> None:
        """Trap unless an instruction may be at ``next_pc``."""
        if next_pc % elf.WORD_BYTES:
            raise MachineTrapError(TrapReason.MISALIGNED_JUMP, next_pc)
        if next_pc // elf.WORD_BYTES not in self.rom:
            raise MachineTrapError(TrapReason.JUMP_OUTSIDE_ROM, next_pc)

    # Ecalls

    def ecall(self, code: int, address: int, count: int) -> None:
        """Do what the ecall ``code`` asks for with the ``count`` words at ``address``."""
        if code == CALL_EXIT:
            missing = self.first_unwritten()
            if missing < len(self.output):
                raise MachineTrapError(TrapReason.OUTPUT_GAP, missing)
            self.has_exited = True
        elif code == CALL_READ:
            self.check_transfer(address, count, TrapReason.UNMAPPED_WRITE)
            if count > len(self.tape):
                raise MachineTrapError(TrapReason.TAPE_EXHAUSTED, len(self.tape))
            self.transfer(code, address, self.tape[:count])
            del self.tape[:count]
        elif code & 0xFFF == CALL_WRITE and code >> 12 < OUTPUT_INDEX_LIMIT:
            self.check_transfer(address, count, TrapReason.UNMAPPED_READ)
            self.write_output(code, address, count)
        else:
            self.delegate(code, address, count)

    def first_unwritten(self) -> int:
        """Give the first output index that is not written."""
        return next(index for index in range(len(self.output) + 1) if index not in self.output)

    def check_transfer(
        self, address: int, count: int, unmapped: TrapReason, fixed_count: int | None = None
    ) -> None:
        """Trap unless the ``count`` words at ``address`` may be part of a transfer."""
        if address % elf.WORD_BYTES:
            raise MachineTrapError(TrapReason.MISALIGNED_ACCESS, address)
        if count == 0:
            raise MachineTrapError(TrapReason.EMPTY_TRANSFER, 0)
        if count > TRANSFER_WORDS_MAX or fixed_count not in {None, count}:
            raise MachineTrapError(TrapReason.BAD_TRANSFER_LENGTH, count)
        for index in range(count):
            self.check_word(address + 4 * index, unmapped, is_rom_refused=True)

    def transfer(self, code: int, address: int, words: Sequence[int]) -> None:
        """Replace the words at ``address``."""
        for index, new in enumerate(words):
            at = address + 4 * index
            old = self.read_word(at)
            before = self.access_word(at, new)
            self.transfers.append((self.clk, code, len(words), index, at, old, new, before))

    def write_output(self, code: int, address: int, count: int) -> None:
        """Append RAM words to the public output."""
        first = code >> 12
        words = [self.read_word(address + 4 * index) for index in range(count)]
        for index in range(first, first + count):
            if index in self.output:
                raise MachineTrapError(TrapReason.OUTPUT_WRITTEN_TWICE, index)
        self.output.update(enumerate(words, first))
        self.transfer(code, address, words)

    def delegate(self, code: int, address: int, count: int) -> None:
        """Apply a delegation in place."""
        for number, delegation in enumerate(DELEGATIONS):
            if delegation.code == code:
                self.check_transfer(address, count, TrapReason.UNMAPPED_WRITE, delegation.words)
                words = [self.read_word(address + 4 * index) for index in range(count)]
                try:
                    new = delegation.apply(words)
                except DelegationInputError as error:
                    raise MachineTrapError(TrapReason.NON_CANONICAL_ELEMENT, address) from error
                self.transfer(code, address, new)
                self.delegation_calls[number] += 1
                return
        raise MachineTrapError(TrapReason.UNKNOWN_ECALL, code)

    # The run

    def run(self, max_cycles: int) -> Trap | None:
        """Run until the exit; give the trap if there is one instead."""
        while not self.has_exited:
            if len(self.record) == max_cycles:
                return Trap(TrapReason.CYCLE_LIMIT, self.pc, max_cycles + 1, max_cycles)
            try:
                self.step()
            except MachineTrapError as trap:
                return Trap(trap.reason, self.pc, len(self.record) + 1, trap.value)
        return None


def execute(
    program: Program, tape: U32Array, *, record: bool = False, max_cycles: int | None = None
) -> Execution:
    """Run a program; parameters and result as :func:`offchain.zkvm.executor.execute`."""
    machine = Machine(program, tape.tolist())
    trap = machine.run(resolve_max_cycles(max_cycles, record=record))
    zero = sorted(machine.word_ts.keys() - set(machine.image))
    transfers = machine.transfers

    def word_states(words: Sequence[int]) -> list[tuple[int, int, int]]:
        return [(4 * word, machine.words[word], machine.word_ts[word]) for word in words]

    registers = list(zip(range(REGISTERS), machine.registers, machine.register_ts, strict=True))
    return Execution(
        exit_code=None if trap else machine.registers[A0],
        trap=trap,
        cycles=len(machine.record),
        output=np.array(
            [machine.output[index] for index in range(machine.first_unwritten())], np.uint32
        ),
        row_counts=count_rows(
            program, machine.op_counts, machine.delegation_calls, len(transfers), len(zero)
        ),
        record=np.array(machine.record if record else [], CYCLE),
        transfers=np.array(transfers if record else [], TRANSFER),
        registers=np.array(registers if record else [], WORD_STATE),
        image_final=np.array(word_states(machine.image) if record else [], WORD_STATE),
        zero_words=np.array(word_states(zero) if record else [], WORD_STATE),
    )
