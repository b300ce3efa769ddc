"""Every trap: its reason, pc, cycle and value, alike in C and in Python."""

import re
from pathlib import Path

import pytest

from offchain.spec.constants import GOLDILOCKS_P
from offchain.zkvm import traps
from offchain.zkvm.traps import Trap, TrapReason
from tests.zkvm.rv32im import encode, li
from tests.zkvm.toy import DATA, EXIT, TEXT, ecall, program, run_both

NATIVE = Path(traps.__file__).with_name("native")
READ, WRITE, POSEIDON2, KECCAK_F, COMPRESS = 0x100, 0x101, 0x110, 0x111, 0x112
WINDOW_END = 0xC000_0000
X5, X6 = 5, 6


def at(address: int, *words: int) -> list[int]:
    """Point x5 at an address, then go on."""
    return [*li(X5, address), *words]


def output(index: int, count: int = 1) -> list[int]:
    return ecall(WRITE | index << 12, DATA, count)


LW, LH, LHU = (encode(name, X6, X5) for name in ("lw", "lh", "lhu"))
LB = encode("lb", X6, X5)
SW, SH, SB = (encode(name, rs1=X5, rs2=X6) for name in ("sw", "sh", "sb"))
JUMP = encode("jalr", X6, X5)
NOP = encode("addi")
CSR_READ, EBREAK, FENCE_I = 0xC000_2573, 0x0010_0073, 0x0000_100F
NOT_CANONICAL = {DATA + 60: GOLDILOCKS_P >> 32, DATA + 56: GOLDILOCKS_P & 0xFFFF_FFFF}

R = TrapReason
# Text, then reason, index of the instruction that traps, and value.
CASES = {
    "zero word": ([NOP, 0], R.ILLEGAL_INSTRUCTION, 1, 0),
    "csr": ([CSR_READ], R.ILLEGAL_INSTRUCTION, 0, CSR_READ),
    "ebreak": ([EBREAK], R.ILLEGAL_INSTRUCTION, 0, EBREAK),
    "fence.i": ([FENCE_I], R.ILLEGAL_INSTRUCTION, 0, FENCE_I),
    "compressed": ([0x4501_4501], R.ILLEGAL_INSTRUCTION, 0, 0x4501_4501),
    "lw at 2": (at(DATA + 2, LW), R.MISALIGNED_ACCESS, 2, DATA + 2),
    "lh at 1": (at(DATA + 1, LH), R.MISALIGNED_ACCESS, 2, DATA + 1),
    "lhu at 3": (at(DATA + 3, LHU), R.MISALIGNED_ACCESS, 2, DATA + 3),
    "sw at 1": (at(DATA + 1, SW), R.MISALIGNED_ACCESS, 2, DATA + 1),
    "sh at 3": (at(DATA + 3, SH), R.MISALIGNED_ACCESS, 2, DATA + 3),
    "misaligned before unmapped": (at(1, LW), R.MISALIGNED_ACCESS, 2, 1),
    "sw to rom": (at(TEXT, SW), R.STORE_TO_ROM, 2, TEXT),
    "sb to rom": (at(TEXT + 7, SB), R.STORE_TO_ROM, 2, TEXT + 7),
    "sb to a rom word that is no instruction": (at(TEXT + 12, SB, 0), R.STORE_TO_ROM, 2, TEXT + 12),
    "lw of null": ([encode("lw", X6)], R.UNMAPPED_READ, 0, 0),
    "lb under the window": (at(0xFFF, LB), R.UNMAPPED_READ, 2, 0xFFF),
    "lb over the window": (at(WINDOW_END, LB), R.UNMAPPED_READ, 2, WINDOW_END),
    "lw at the end of addresses": ([encode("lw", X6, imm=-4)], R.UNMAPPED_READ, 0, 0xFFFF_FFFC),
    "sw to null": ([encode("sw")], R.UNMAPPED_WRITE, 0, 0),
    "sh over the window": (at(WINDOW_END, SH), R.UNMAPPED_WRITE, 2, WINDOW_END),
    "jump to data": (at(DATA, JUMP), R.JUMP_OUTSIDE_ROM, 2, DATA),
    "jump to null": ([encode("jalr")], R.JUMP_OUTSIDE_ROM, 0, 0),
    "jump over the window": (at(WINDOW_END, JUMP), R.JUMP_OUTSIDE_ROM, 2, WINDOW_END),
    "jal outside": ([encode("jal", imm=4096)], R.JUMP_OUTSIDE_ROM, 0, TEXT + 4096),
    "branch outside": ([encode("beq", imm=-4)], R.JUMP_OUTSIDE_ROM, 0, TEXT - 4),
    "end of the code": ([NOP, NOP], R.JUMP_OUTSIDE_ROM, 1, TEXT + 8),
    "store at the end of the code": (at(DATA, SW), R.JUMP_OUTSIDE_ROM, 2, TEXT + 12),
    "jump to a half": (at(TEXT + 2, JUMP), R.MISALIGNED_JUMP, 2, TEXT + 2),
    "jump to a half outside": (at(DATA + 3, JUMP), R.MISALIGNED_JUMP, 2, DATA + 2),
    "branch to a half": ([encode("beq", imm=6)], R.MISALIGNED_JUMP, 0, TEXT + 6),
    "unknown ecall": (ecall(94), R.UNKNOWN_ECALL, 6, 94),
    "ecall 0": (ecall(0), R.UNKNOWN_ECALL, 6, 0),
    "indexed read": (ecall(READ | 1 << 12, DATA, 1), R.UNKNOWN_ECALL, 6, READ | 1 << 12),
    "output index 2^19": (output(1 << 19), R.UNKNOWN_ECALL, 6, WRITE | 1 << 31),
    "transfer at a half": (ecall(READ, DATA + 2, 0), R.MISALIGNED_ACCESS, 6, DATA + 2),
    "read nothing": (ecall(READ, 0, 0), R.EMPTY_TRANSFER, 6, 0),
    "write nothing": (output(0, 0), R.EMPTY_TRANSFER, 6, 0),
    "poseidon2 of nothing": (ecall(POSEIDON2, DATA, 0), R.EMPTY_TRANSFER, 6, 0),
    "read too much": (ecall(READ, 0, (1 << 20) + 1), R.BAD_TRANSFER_LENGTH, 6, (1 << 20) + 1),
    "write too much": (output(0, 1 << 31), R.BAD_TRANSFER_LENGTH, 6, 1 << 31),
    "poseidon2 of 17": (ecall(POSEIDON2, DATA, 17), R.BAD_TRANSFER_LENGTH, 6, 17),
    "compress of 8": (ecall(COMPRESS, DATA, 8), R.BAD_TRANSFER_LENGTH, 6, 8),
    "keccak_f of 16": (ecall(KECCAK_F, DATA, 16), R.BAD_TRANSFER_LENGTH, 6, 16),
    "read to null": (ecall(READ, 0, 1), R.UNMAPPED_WRITE, 6, 0),
    "read over the end": (
        ecall(READ, WINDOW_END - 4, 2), R.UNMAPPED_WRITE, 6, WINDOW_END,
    ),
    "write from null": (ecall(WRITE, 0, 1), R.UNMAPPED_READ, 6, 0),
    "keccak_f of null": (ecall(KECCAK_F, 0, 50), R.UNMAPPED_WRITE, 6, 0),
    "read into rom": (ecall(READ, TEXT - 4, 2), R.STORE_TO_ROM, 6, TEXT),
    "write from rom": (ecall(WRITE, TEXT, 1), R.STORE_TO_ROM, 6, TEXT),
    "poseidon2 of rom": (ecall(POSEIDON2, TEXT - 60, 16), R.STORE_TO_ROM, 6, TEXT),
    "tape of 3": (ecall(READ, DATA, 4), R.TAPE_EXHAUSTED, 6, 3),
    "tape of 3 twice": (ecall(READ, DATA, 2) * 2, R.TAPE_EXHAUSTED, 13, 1),
    "output twice": (output(3, 2) + output(4), R.OUTPUT_WRITTEN_TWICE, 13, 4),
    "output overlap": (output(2) + output(0, 3), R.OUTPUT_WRITTEN_TWICE, 13, 2),
    "output gap": (output(0) + output(2) + ecall(EXIT), R.OUTPUT_GAP, 20, 1),
    "no output 0": (output(1) + ecall(EXIT, 7), R.OUTPUT_GAP, 13, 0),
    "element p": (ecall(POSEIDON2, DATA, 16), R.NON_CANONICAL_ELEMENT, 6, DATA),
    "element p on the right": (ecall(COMPRESS, DATA, 16), R.NON_CANONICAL_ELEMENT, 6, DATA),
    "element p on the left": (
        ecall(COMPRESS, DATA + 48, 16), R.NON_CANONICAL_ELEMENT, 6, DATA + 48,
    ),
    "call after the last delegation": (ecall(0x113, DATA, 16), R.UNKNOWN_ECALL, 6, 0x113),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_trap(case: str) -> None:
    text, reason, index, value = CASES[case]
    if text[-1] == ecall(0)[-1]:
        text = [*text, NOP]  # not the end of the code, which would be a trap of its own
    run = run_both(program(text, NOT_CANONICAL), tape=[1, 2, 3])
    assert run.trap == Trap(reason, TEXT + 4 * index, index + 1, value)
    assert run.exit_code is None
    assert run.cycles == index


@pytest.mark.parametrize("max_cycles", [0, 1, 7])
def test_cycle_limit(max_cycles: int) -> None:
    loop = [NOP, encode("jal", imm=-4)]
    run = run_both(program(loop), max_cycles=max_cycles)
    pc = TEXT + 4 * (max_cycles % 2)
    assert run.trap == Trap(R.CYCLE_LIMIT, pc, max_cycles + 1, max_cycles)
    assert run.cycles == max_cycles


def test_an_exit_in_the_last_allowed_cycle_is_no_trap() -> None:
    text = ecall(EXIT)
    assert run_both(program(text), max_cycles=len(text)).exit_code == 0
    short = run_both(program(text), max_cycles=len(text) - 1).trap
    assert short is not None
    assert short.reason is R.CYCLE_LIMIT


def test_every_reason_is_met_and_has_a_sentence() -> None:
    assert {case[1] for case in CASES.values()} | {R.CYCLE_LIMIT} == set(TrapReason)
    for reason in TrapReason:
        sentence = str(Trap(reason, TEXT, 12, 34))
        assert sentence.startswith(f"{reason.label} at pc 0x00010000 in cycle 12: ")
        assert "{" not in sentence


def test_labels_are_the_documented_names() -> None:
    assert R.STORE_TO_ROM.label == "StoreToRom"
    assert R.NON_CANONICAL_ELEMENT.label == "NonCanonicalElement"


def test_numbers_are_those_of_the_header() -> None:
    found = re.findall(r"HR_TRAP_(\w+) = (\d+)", (NATIVE / "traps.h").read_text())
    numbers = {name: int(number) for name, number in found}
    del numbers["NONE"], numbers["HOST_MEMORY"]
    assert numbers == {reason.name: int(reason) for reason in TrapReason}
