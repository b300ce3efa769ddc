"""Every constraint and every bus interaction is needed.

For each there is a witness: a changed trace that all others accept and it rejects. Counts of
lookups and fetches are set right for every changed trace, as a prover would. A witness is written
by hand (`tests/air/necessity/stories_*.py`: what goes wrong without it) or found by search.
"""

import random

import pytest

from offchain.air.check import TableTrace, TraceChecker
from offchain.air.machine import TABLES
from offchain.air.table import Table
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity import (
    stories_buses,
    stories_cpu,
    stories_keccak_f,
    stories_lookups,
    stories_memory,
    stories_operations,
    stories_poseidon2,
    stories_time,
    stories_transfer,
    stories_zero_memory,
)
from tests.air.necessity.compiled import BETA, CompiledTable
from tests.air.necessity.draft import Draft
from tests.air.necessity.flows import NAMES
from tests.air.necessity.redundant import REDUNDANT
from tests.air.necessity.run import HonestRun, honest_run
from tests.air.necessity.search import Target, search
from tests.air.necessity.seeds import seeds

STORIES = (
    stories_cpu.STORIES
    | stories_keccak_f.STORIES
    | stories_memory.STORIES
    | stories_operations.STORIES
    | stories_poseidon2.STORIES
    | stories_transfer.STORIES
    | stories_zero_memory.STORIES
)
FLOWS = stories_buses.FLOWS | stories_lookups.FLOWS | stories_time.FLOWS
CONSTRAINTS = [(table.name, c.name) for table in TABLES for c in table.constraints]
FOUND_BY_SEARCH = [name for name in CONSTRAINTS if name not in STORIES and name not in REDUNDANT]
CONSTRAINT_NUMBER = {
    (table.name, c.name): number for table in TABLES for number, c in enumerate(table.constraints)
}
INTERACTION_NUMBER = {
    (table.name, item.name): number
    for table in TABLES
    for number, item in enumerate(table.interactions)
}
ROWS = 2
COUNTED = {"rom", "lookup"}
"""Tables that the rest of the trace determines."""


@pytest.fixture(scope="module")
def run() -> HonestRun:
    return honest_run()


def target_of(table: str, name: str) -> Target:
    return Target(table, CONSTRAINT_NUMBER[table, name])


def label(name: tuple[str, str]) -> str:
    return f"{name[0]}: {name[1]}"


def test_names_are_distinct_and_known() -> None:
    assert len(CONSTRAINTS) == len(set(CONSTRAINTS))
    assert len(NAMES) == len(set(NAMES))
    assert STORIES.keys() | REDUNDANT.keys() <= set(CONSTRAINTS)
    assert not STORIES.keys() & REDUNDANT.keys()
    assert FLOWS.keys() == set(NAMES)


def test_honest_run_holds(run: HonestRun) -> None:
    for name, compiled in run.compiled.items():
        for row in range(run.terminal(name) + 1):
            columns = run.columns[name], run.preprocessed[name]
            assert compiled.broken(*columns, row, run.terminal(name)) == []
    everything = frozenset(
        (name, number)
        for name, compiled in run.compiled.items()
        for number in range(len(compiled.table.interactions))
    )
    total = run.traffic(everything)
    for key, times in run.public():
        total[key] += times
    assert all(times % P == 0 or run.is_supplied(key) for key, times in total.items())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_compiled_functions_equal_the_trace_checker(table: Table) -> None:
    """On rows of random values, for every constraint and interaction."""
    rng = random.Random(table.name)
    compiled = CompiledTable(table)
    preprocessed, main = (
        [[rng.randrange(P) for _ in range(ROWS)] for _ in columns]
        for columns in (table.preprocessed, table.main)
    )
    value = TraceChecker([table], beta=BETA).row_evaluator(TableTrace(preprocessed, main), 0)
    for constraint, function in zip(table.constraints, compiled.constraints, strict=True):
        assert function(main, preprocessed, 0) == value(constraint.expression) % P
    for number, item in enumerate(table.interactions):
        for entry, function in zip(item.values, compiled.values[number], strict=True):
            assert function(main, preprocessed, 0) == value(entry) % P
        assert compiled.numerators[number](main, preprocessed, 0) == value(item.numerator) % P


@pytest.mark.parametrize("name", STORIES, ids=label)
def test_constraint_stops_a_forgery(run: HonestRun, name: tuple[str, str]) -> None:
    draft = Draft(run)
    STORIES[name](draft)
    assert search(target_of(*name), [draft.forgery()], must_be_false=False) is not None


@pytest.mark.parametrize("name", FOUND_BY_SEARCH, ids=label)
def test_constraint_stops_a_change_that_is_found(run: HonestRun, name: tuple[str, str]) -> None:
    """The changed trace has another history than the program: a wrong result, word or access."""
    target = target_of(*name)
    assert search(target, seeds(run, target.table, target.constraint)) is not None


@pytest.mark.parametrize("name", NAMES, ids=label)
def test_interaction_stops_a_forgery(run: HonestRun, name: tuple[str, str]) -> None:
    flow = FLOWS[name]
    draft = Draft(run)
    flow.story(draft)
    gone = frozenset((n[0], INTERACTION_NUMBER[n]) for n in flow.names if n[0] not in COUNTED)
    assert search(Target("", interactions=gone), [draft.forgery()], must_be_false=False) is not None


@pytest.mark.parametrize("name", REDUNDANT, ids=label)
def test_redundant_constraint_has_no_witness(run: HonestRun, name: tuple[str, str]) -> None:
    """What the others imply; a witness would mean that the reason given is wrong."""
    target = target_of(*name)
    found = search(target, seeds(run, target.table, target.constraint), must_be_false=False)
    assert found is None, REDUNDANT[name]
