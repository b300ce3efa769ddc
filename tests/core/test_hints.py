"""A hint is verified, never believed: a wrong one traps or changes nothing."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.core.binding import Core, TrapError
from offchain.core.guest_tape import Mode
from tests.core.envelope_flow import random_envelopes
from tests.core.huge_flow import HugeFlow
from tests.core.mixed_flows import EveryFlow
from tests.core.recorded import Hints, Recorded, record, replay
from tests.risk_strategies import random_risk_sequence
from tests.strategies import CONFIG_HASH, GOVERNANCE, Flow, random_sequence

RUNS = 10
LENGTH = 300
VARIATIONS = 400


@cache
def recorded_run(seed: int) -> Recorded:
    if seed == RUNS - 1:
        return record(Mode.ENVELOPES, random_envelopes(seed, LENGTH))
    if seed >= RUNS - 3:
        return record(Mode.OPS, random_risk_sequence(seed, LENGTH, EveryFlow))
    flow = (Flow, HugeFlow)[seed % 2](seed)
    while len(flow.ops) < LENGTH:
        flow.step(LENGTH - len(flow.ops))
    return record(Mode.OPS, flow.ops)


runs = st.integers(0, RUNS - 1).map(recorded_run)
hint_values = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_recorded_run_replays(seed: int) -> None:
    recorded = recorded_run(seed)
    assert len(recorded.hints) > 20
    assert replay(recorded, recorded.hints) == recorded.output


def test_hints_beyond_those_used_are_not_looked_at() -> None:
    recorded = recorded_run(0)
    longer = np.concatenate([recorded.hints, np.full(9, 7, np.uint32)])
    assert replay(recorded, longer) == recorded.output


@settings(max_examples=VARIATIONS)
@given(runs, st.data())
def test_varied_hints_trap_or_change_nothing(recorded: Recorded, data: st.DataObject) -> None:
    hints = recorded.hints.copy()
    places = st.integers(0, len(hints) - 1)
    for place, value in data.draw(st.dictionaries(places, hint_values, min_size=1)).items():
        hints[place] = value
    assert_traps_or_equals(recorded, hints)


@settings(max_examples=VARIATIONS // 4)
@given(runs, st.data())
def test_hints_shifted_by_one_trap_or_change_nothing(
    recorded: Recorded, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(recorded.hints) - 1))
    if data.draw(st.booleans()):
        hints = np.delete(recorded.hints, place)
    else:
        hints = np.insert(recorded.hints, place, data.draw(hint_values))
    assert_traps_or_equals(recorded, hints)


@pytest.mark.parametrize("seed", range(RUNS))
def test_every_single_hint_off_by_one_traps_or_changes_nothing(seed: int) -> None:
    recorded = recorded_run(seed)
    traps = 0
    for place in range(len(recorded.hints)):
        for step in (-1, 1):
            hints = recorded.hints.copy()
            hints[place] = (int(hints[place]) + step) % 2**32
            traps += assert_traps_or_equals(recorded, hints)
    assert traps > 0


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_shortened_tape_traps(seed: int) -> None:
    recorded = recorded_run(seed)
    # A view: behind its end lies the right hint, which must not be read.
    for length in (*range(0, len(recorded.hints), 7), len(recorded.hints) - 1):
        with pytest.raises(TrapError):
            replay(recorded, recorded.hints[:length])


def test_a_trapped_core_stays_unusable() -> None:
    recorded = recorded_run(0)
    core = Core(CONFIG_HASH, GOVERNANCE)
    core.take_hints_from(np.zeros(0, np.uint32))
    for _ in range(2):
        with pytest.raises(TrapError):
            core.apply(list(recorded.items))


def test_a_record_that_is_too_short_traps() -> None:
    core = Core(CONFIG_HASH, GOVERNANCE)
    core.record_hints(3)
    with pytest.raises(TrapError):
        core.apply(random_sequence(0, LENGTH))
    assert len(core.recorded_hints()) == 3


def assert_traps_or_equals(recorded: Recorded, hints: Hints) -> bool:
    """Return whether the run trapped."""
    try:
        output = replay(recorded, hints)
    except TrapError:
        return True
    assert output == recorded.output
    return False
