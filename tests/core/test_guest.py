"""Native core = RV32IM guest: equal codes, events and roots, and no exit code 0 for wrong input."""

import importlib.util
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from offchain.core import guest_tape
from offchain.core.guest_tape import ExitCode, Mode
from offchain.tools import build_native
from offchain.zkvm import spike_runner
from offchain.zkvm.spike_runner import GuestCallError, SpikeResult
from tests.carry_strategies import CarryFlow
from tests.condition_strategies import ConditionFlow
from tests.core.envelope_flow import random_envelopes
from tests.core.huge_flow import PositionFlow
from tests.core.mixed_flows import EveryFlow, HugeEveryFlow
from tests.core.recorded import Recorded, record
from tests.fund_strategies import FundFlow
from tests.risk_strategies import RiskFlow, random_risk_sequence
from tests.strategies import CONFIG_HASH, GOVERNANCE, random_sequence

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("riscv") is None,
    reason="the PyPI package spike has wheels for Linux on x86-64 only",
)

SEQUENCES = 50
SEQUENCES_PER_TEST = 10
LENGTHS = (40, 40, 40, 40, 160)
RISK_SEQUENCES = 10
RISK_LENGTH = 160
FUND_SEQUENCES = 6
MIXED_SEQUENCES = 4
ENVELOPE_SEQUENCES = 10
ENVELOPE_LENGTH = 40
VARIATIONS = 20
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def guest() -> Path:
    return build_native.build("guest")


def spike(guest: Path, tape: bytes) -> SpikeResult:
    return spike_runner.run(guest, tape, guest_tape.GUEST_RAM_BYTES, TIMEOUT_S)


def small_tape(mode: Mode) -> bytes:
    items = random_sequence(4, 9) if mode == Mode.OPS else random_envelopes(4, 9)
    recorded = record(mode, items)
    return recorded.tape(recorded.hints)


def assert_equal(guest: Path, recorded: Recorded) -> int:
    """Return the number of instructions."""
    result = spike(guest, recorded.tape(recorded.hints))
    assert result.exit_code == ExitCode.OK
    assert guest_tape.decode_output(result.output) == recorded.output
    return result.instructions


@pytest.mark.parametrize("first_seed", range(0, SEQUENCES, SEQUENCES_PER_TEST))
def test_random_sequences(first_seed: int, guest: Path) -> None:
    for seed in range(first_seed, first_seed + SEQUENCES_PER_TEST):
        ops = random_sequence(seed, LENGTHS[seed % len(LENGTHS)])
        assert_equal(guest, record(Mode.OPS, ops))


@pytest.mark.parametrize("seed", range(RISK_SEQUENCES))
def test_random_sequences_in_margined_markets(seed: int, guest: Path) -> None:
    """The guest has no 128-bit integers: its long divisions are its own."""
    assert_equal(guest, record(Mode.OPS, random_risk_sequence(seed, RISK_LENGTH)))


@pytest.mark.parametrize("seed", range(FUND_SEQUENCES))
def test_random_sequences_with_funds(seed: int, guest: Path) -> None:
    assert_equal(guest, record(Mode.OPS, random_risk_sequence(seed, RISK_LENGTH, FundFlow)))


@pytest.mark.parametrize("seed", range(MIXED_SEQUENCES))
@pytest.mark.parametrize("flow_type", [ConditionFlow, CarryFlow, EveryFlow, HugeEveryFlow])
def test_random_sequences_of_mixed_rules(flow_type: type[RiskFlow], seed: int, guest: Path) -> None:
    assert_equal(guest, record(Mode.OPS, random_risk_sequence(seed, RISK_LENGTH, flow_type)))


@pytest.mark.parametrize("seed", range(ENVELOPE_SEQUENCES))
def test_random_envelopes(seed: int, guest: Path) -> None:
    assert_equal(guest, record(Mode.ENVELOPES, random_envelopes(seed, ENVELOPE_LENGTH)))


@pytest.mark.parametrize("seed", range(5))
def test_numbers_near_their_bounds(seed: int, guest: Path) -> None:
    flow = PositionFlow(seed)
    for _ in range(100):
        flow.step(0)
    assert_equal(guest, record(Mode.OPS, flow.ops))


def test_a_run_without_items_has_the_root_of_genesis(guest: Path) -> None:
    assert_equal(guest, record(Mode.OPS, []))


def test_equal_runs_take_equally_many_instructions(guest: Path) -> None:
    recorded = record(Mode.OPS, random_sequence(1, 5))
    assert assert_equal(guest, recorded) == assert_equal(guest, recorded)


@pytest.mark.parametrize("seed", range(VARIATIONS))
def test_varied_hints_trap_or_change_nothing(seed: int, guest: Path) -> None:
    rng = random.Random(seed)
    recorded = record(Mode.OPS, random_sequence(seed, 60))
    hints = recorded.hints.copy()
    hints[rng.randrange(len(hints))] = rng.choice((0, 1, 2, 3, 9, 2**32 - 1, rng.randrange(2**32)))
    result = spike(guest, recorded.tape(hints))
    if result.exit_code == ExitCode.OK:
        assert guest_tape.decode_output(result.output) == recorded.output
    else:
        assert result.exit_code == ExitCode.TRAP


def test_too_few_hints_trap(guest: Path) -> None:
    recorded = record(Mode.OPS, random_sequence(3, 60))
    assert spike(guest, recorded.tape(recorded.hints[:-1])).exit_code == ExitCode.TRAP
    assert spike(guest, recorded.tape(recorded.hints[:0])).exit_code == ExitCode.TRAP


@pytest.mark.parametrize(
    "damage",
    [
        lambda tape: struct.pack("<I", 3) + tape[4:],  # mode
        lambda tape: tape[:8] + struct.pack("<I", 2**32 - 1) + tape[12:],  # hints
        lambda tape: tape[:8] + struct.pack("<I", 2**27) + tape[12:],
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_damaged_tape_has_no_exit_code_0(mode: Mode, damage, guest: Path) -> None:
    exit_code = spike(guest, damage(small_tape(mode))).exit_code
    assert exit_code in {ExitCode.BAD_TAPE, ExitCode.OUT_OF_MEMORY}


@pytest.mark.parametrize(
    "damage",
    [
        lambda tape: b"",
        lambda tape: tape[:32],
        lambda tape: tape[:-4],
        lambda tape: tape[:4] + struct.pack("<I", 2**32 - 1) + tape[8:],  # items
        lambda tape: tape[:8] + struct.pack("<I", 2**26) + tape[12:],  # hints
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_tape_that_is_too_short_traps(mode: Mode, damage, guest: Path) -> None:
    with pytest.raises(GuestCallError, match="tape exhausted"):
        spike(guest, damage(small_tape(mode)))


def test_an_envelope_longer_than_the_tape_may_carry_is_refused(guest: Path) -> None:
    envelope = bytes(16_385)
    recorded = record(Mode.ENVELOPES, [envelope])
    assert_equal(guest, recorded)
    tape = guest_tape.encode(
        Mode.ENVELOPES,
        [bytes(16_389)],
        np.zeros(0, np.uint32),
        config_hash=CONFIG_HASH,
        governance=GOVERNANCE,
    )
    assert spike(guest, tape).exit_code == ExitCode.BAD_TAPE


@pytest.mark.parametrize("item", [b"", bytes(63), bytes(65)])
def test_an_op_of_another_length_is_no_item(item: bytes) -> None:
    hints = np.zeros(0, np.uint32)
    with pytest.raises(ValueError, match="64 bytes"):
        guest_tape.encode(Mode.OPS, [item], hints, config_hash=CONFIG_HASH, governance=GOVERNANCE)


@pytest.mark.parametrize("length", [0, 63, 65, 66])
def test_an_output_that_is_cut_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="no output"):
        guest_tape.decode_output(bytes(length))
