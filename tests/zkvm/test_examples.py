"""The example guests write what plain Python says, in the executor and in Spike."""

import functools
import hashlib
import importlib.util
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from offchain.spec import poseidon2
from offchain.tools import build_native
from offchain.zkvm import spike_runner
from offchain.zkvm.delegations import keccak_f
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import load_program

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 16 << 20
TIMEOUT_S = 60
WORD_MASK = 0xFFFF_FFFF
BLOCK = random.Random(1).randbytes(64)


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def fibonacci(n: int) -> bytes:
    current, following = 0, 1
    for _ in range(n):
        current, following = following, current + following
    return words(n, current & WORD_MASK)


def sha256(message: bytes) -> bytes:
    return words(len(message) // 64) + hashlib.sha256(message).digest()


def sort(n: int, seed: int) -> bytes:
    values, value = [], seed
    for _ in range(n):
        value = value * 1664525 + 1013904223 & WORD_MASK
        values.append(value)
    fnv = functools.reduce(lambda h, v: (h ^ v) * 16777619 & WORD_MASK, sorted(values), 2166136261)
    return words(n, fnv)


def delegations(rounds: int, seed: int) -> bytes:
    lanes, state, value = [0] * 25, [0] * 8, seed
    for _ in range(rounds):
        lanes[0] ^= value
        lanes = keccak_f.permute(lanes)
        for call in range(6):
            for i in range(4):
                for word in struct.unpack("<50I", struct.pack("<25Q", *lanes)):
                    value = (value ^ word) * 0x9E3779B1 & WORD_MASK
                    value ^= value >> 15
                state[i] = value
            permuted = poseidon2.permute(state)
            if call % 2:
                left, right = ((a, b, c, d) for a, b, c, d in (state[:4], state[4:]))
                permuted[:4] = poseidon2.compress(left, right)
            state = permuted
        value ^= state[0] & WORD_MASK
    return words(rounds) + struct.pack("<8Q", *state[:4], *lanes[:4])


CASES = {
    "factors": ("factors", words(WORD_MASK, 2), words(WORD_MASK - 1, 1)),
    "fibonacci-0": ("fibonacci", words(0), fibonacci(0)),
    "fibonacci-90": ("fibonacci", words(90), fibonacci(90)),
    "sha256-0": ("sha256", words(0), sha256(b"")),
    "sha256-2": ("sha256", words(2) + BLOCK + BLOCK[::-1], sha256(BLOCK + BLOCK[::-1])),
    "sort-0": ("sort", words(0, 5), sort(0, 5)),
    "sort-1": ("sort", words(1, 5), sort(1, 5)),
    "sort-1000": ("sort", words(1000, 7), sort(1000, 7)),
    "delegations-0": ("delegations", words(0, 3), delegations(0, 3)),
    "delegations-5": ("delegations", words(5, 3), delegations(5, 3)),
}


@pytest.fixture(scope="module")
def guests() -> dict[str, Path]:
    return {path.stem: path for path in build_native.build_examples()}


@pytest.fixture(scope="module", autouse=True)
def _executor() -> None:
    build_native.build("zkvm")


def run(guest: Path, tape: bytes) -> Execution:
    return execute(load_program(guest.read_bytes()), np.frombuffer(tape, np.uint32))


@pytest.mark.parametrize("case", CASES)
def test_output(case: str, guests: dict[str, Path]) -> None:
    name, tape, expected = CASES[case]
    execution = run(guests[name], tape)
    assert execution.trap is None
    assert execution.exit_code == 0
    assert execution.output.tobytes() == expected


@pytest.mark.skipif(
    importlib.util.find_spec("riscv") is None,
    reason="the PyPI package spike has wheels for Linux on x86-64 only",
)
@pytest.mark.parametrize("case", CASES)
def test_spike_gives_the_same_after_as_many_instructions(
    case: str, guests: dict[str, Path]
) -> None:
    name, tape, expected = CASES[case]
    result = spike_runner.run(guests[name], tape, MEMORY_BYTES, TIMEOUT_S)
    assert (result.exit_code, result.output) == (0, expected)
    assert result.instructions == run(guests[name], tape).cycles


@pytest.mark.parametrize(("name", "largest"), [("sha256", (1 << 23) - 1), ("sort", 1 << 20)])
def test_a_size_above_the_bound_is_refused(
    name: str, largest: int, guests: dict[str, Path]
) -> None:
    assert run(guests[name], words(largest + 1, 0)).exit_code == 1


def test_a_round_of_delegations_balances_cycles_and_rows(guests: dict[str, Path]) -> None:
    rows = run(guests["delegations"], words(7, 1)).row_counts
    assert (rows["keccak_f"], rows["poseidon2"]) == (7 * 1_792, 7 * 6 * 64)
    assert 0.9 * 2**16 < rows["cpu"] <= 2**16 - 1024


def test_the_tutorial_shows_the_guest_that_is_built() -> None:
    page = (ROOT / "docs" / "tutorial" / "02-write-a-guest.md").read_text()
    source = (ROOT / "examples" / "guests" / "factors.c").read_text()
    assert f"```c\n{source}```\n" in page
    assert len(source.splitlines()) == 10


@pytest.mark.parametrize("factors", [(0, 5), (1, 35), (35, 1)])
def test_factors_below_two_are_refused(factors: tuple[int, int], guests: dict[str, Path]) -> None:
    assert run(guests["factors"], words(*factors)).exit_code == 1
