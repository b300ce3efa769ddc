"""Executor = Spike, instruction by instruction, on random programs."""

import importlib.util
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from offchain.zkvm import spike_runner
from offchain.zkvm.decode import Flag, Op
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import Program, load_program
from tests.zkvm import rv32im
from tests.zkvm.program_generator import (
    EDGES,
    IMMEDIATES,
    MEMORY_BYTES,
    SHIFT_AMOUNTS,
    RandomProgram,
    generate,
)

SEEDS = range(200)
SEEDS_PER_TEST = 20
TIMEOUT_S = 60
WORD_MASK = 0xFFFF_FFFF
STORE_MASKS = {Op.SB: 0xFF, Op.SH: 0xFFFF, Op.SW: WORD_MASK}

# core   0: 0 0x80001000 (0x00112e23) x5  0x00000001 mem 0x80010000 0x00000002
GUEST_LINE = re.compile(
    r"core +0: 0 0x(?P<pc>\w{8}) \(0x\w+\)"
    r"(?: x(?P<rd>\d+) +0x(?P<value>\w{8}))?"
    r"(?: mem 0x(?P<address>\w{8})(?: 0x(?P<stored>\w+))?)?"
)


class Commit(NamedTuple):
    """What an instruction did; None where it did no such thing."""

    pc: int
    rd: int | None
    value: int | None
    address: int | None
    stored: int | None


def spike_commits(log: Path) -> list[Commit]:
    """Instructions that ended: an ecall is none of them, the shim's are left out."""
    commits = []
    for line in log.read_text().splitlines():
        if line.startswith("core   0: 0 "):
            found = GUEST_LINE.fullmatch(line.rstrip())
            assert found, line
            pc, rd, value, address, stored = found.groups()
            numbers = (None if text is None else int(text, 16) for text in (value, address, stored))
            commits.append(Commit(int(pc, 16), None if rd is None else int(rd), *numbers))
    return commits


def executor_commits(program: Program, execution: Execution) -> Iterator[Commit]:
    for (pc, op, _, _, rd, imm, _, flags), (_, a, b, r, *_) in recorded(program, execution):
        if flags & Flag.ECALL:
            continue
        is_write, is_store = bool(flags & Flag.WRITE), bool(flags & Flag.STORE)
        yield Commit(
            pc,
            rd if is_write else None,
            r if is_write else None,
            a + imm & WORD_MASK if flags & (Flag.LOAD | Flag.STORE) else None,
            b & STORE_MASKS[op] if is_store else None,
        )


def recorded(
    program: Program, execution: Execution
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """ROM row and cycle of every instruction."""
    rows = program.rom[execution.record["row"]]
    return zip(rows.tolist(), execution.record.tolist(), strict=True)


@cache
def run(seed: int) -> tuple[RandomProgram, Program, Execution]:
    generated = generate(seed)
    program = load_program(generated.elf)
    tape = np.frombuffer(generated.tape, np.uint32)
    execution = execute(program, tape, record=True, max_cycles=1 << 14)
    assert execution.trap is None, execution.trap
    return generated, program, execution


@pytest.mark.skipif(
    importlib.util.find_spec("riscv") is None,
    reason="the PyPI package spike has wheels for Linux on x86-64 only",
)
@pytest.mark.parametrize("first", SEEDS[::SEEDS_PER_TEST])
def test_every_instruction_does_what_spike_says(first: int, tmp_path: Path) -> None:
    elf, log = tmp_path / "program.elf", tmp_path / "commits.log"
    for seed in range(first, first + SEEDS_PER_TEST):
        generated, program, execution = run(seed)
        elf.write_bytes(generated.elf)
        spike = spike_runner.run(elf, generated.tape, MEMORY_BYTES, TIMEOUT_S, log)
        pairs = itertools.zip_longest(executor_commits(program, execution), spike_commits(log))
        for number, (ours, theirs) in enumerate(pairs):
            assert ours == theirs, f"seed {seed}, instruction {number}"
        assert execution.exit_code == spike.exit_code == 0
        assert execution.output.tobytes() == spike.output
        assert execution.cycles == spike.instructions


def test_the_next_pc_is_the_pc_that_follows() -> None:
    for seed in SEEDS:
        _, program, execution = run(seed)
        pcs = program.rom["pc"][execution.record["row"]]
        assert pcs[0] == program.entry
        assert (execution.record["next_pc"][:-1] == pcs[1:]).all()
        assert execution.record["next_pc"][-1] == 0


def wanted_cases() -> set[tuple[str, object]]:
    """Instructions and what must have happened to each."""
    two_sources = [*rv32im.REGISTERS, *rv32im.BRANCHES]
    cases: set[tuple[str, object]] = {(name, "run") for name in rv32im.INSTRUCTIONS}
    cases |= {(name, "rs1 = rs2") for name in two_sources}
    cases |= set(itertools.product(two_sources, itertools.product(EDGES, EDGES)))
    cases |= set(itertools.product(("sll", "srl", "sra"), itertools.product(EDGES, SHIFT_AMOUNTS)))
    cases |= {(name, ("imm", imm)) for name in rv32im.IMMEDIATES for imm in IMMEDIATES}
    one_source = [*rv32im.IMMEDIATES, *rv32im.SHIFTS]
    cases |= {(name, ("rs1", edge)) for name in one_source for edge in EDGES}
    cases |= {(name, ("shift", amount)) for name in rv32im.SHIFTS for amount in (0, 1, 31)}
    without_rd = {*rv32im.BRANCHES, *rv32im.STORES}
    cases |= {(name, "rd = x0") for name in rv32im.INSTRUCTIONS.keys() - without_rd}
    cases |= {(name, ("taken", taken)) for name in rv32im.BRANCHES for taken in (False, True)}
    for name in (*rv32im.LOADS, *rv32im.STORES):
        cases |= {(name, ("byte", byte)) for byte in range(0, 4, {"b": 1, "h": 2, "w": 4}[name[1]])}
    return cases


def seen_cases(program: Program, execution: Execution) -> Iterator[tuple[str, object]]:
    words = dict(zip(program.addresses.tolist(), program.values.tolist(), strict=True))
    for row, (_, a, b, _, next_pc, *_) in recorded(program, execution):
        pc, _, rs1, rs2, rd, imm, _, flags = row
        if flags & Flag.ECALL or words[pc] == rv32im.FENCE:
            continue
        name = rv32im.name_of(words[pc])
        yield name, "run"
        if rs1 == rs2:
            yield name, "rs1 = rs2"
        if rd == 0:
            yield name, "rd = x0"
        if name in rv32im.BRANCHES:
            yield name, ("taken", next_pc != pc + 4)
        yield name, (a, b)
        yield name, ("rs1", a)
        yield name, ("imm", (imm ^ 0x8000_0000) - 0x8000_0000)
        yield name, ("shift", imm)
        yield name, ("byte", a + imm & 3)


def test_all_instructions_and_edges_occur() -> None:
    seen = {case for seed in SEEDS for case in seen_cases(*run(seed)[1:])}
    assert len(rv32im.INSTRUCTIONS) == 45
    assert wanted_cases() - seen == set()
