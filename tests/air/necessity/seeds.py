"""First changes for the automatic search."""

import random
from collections.abc import Iterator

from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.compiled import main_cells
from tests.air.necessity.forgery import Forgery
from tests.air.necessity.run import HonestRun

STEPS = (1, -1, 1 << 32, -(1 << 32))
FLIPS = (1, 1 << 15)
SMALL = (0, 1, 2, -1)
ROWS_OF_A_KIND = 6


def seeds(run: HonestRun, table: str, number: int) -> Iterator[Forgery]:
    """Change each cell that a constraint reads, on rows where that can break it."""
    compiled = run.compiled[table]
    columns = run.columns[table]
    cells = main_cells(compiled.table.constraints[number].expression)
    for row in sensitive_rows(run, table, number):
        for column, is_next in cells:
            old = columns[column][row + is_next]
            for value in values(old):
                yield Forgery(run, {(table, column, row + is_next): value})


def values(old: int) -> list[int]:
    """Other values near a value, without repetition."""
    near = [*(old + step for step in STEPS), *(old ^ flip for flip in FLIPS), *SMALL]
    return [value for value in dict.fromkeys(v % P for v in near) if value != old]


def sensitive_rows(run: HonestRun, table: str, number: int) -> list[int]:
    """Some rows of each kind; rows are of a kind if the same single changes break a constraint."""
    compiled = run.compiled[table]
    columns, program = run.columns[table], run.preprocessed[table]
    function = compiled.constraints[number]
    cells = main_cells(compiled.table.constraints[number].expression)
    kinds: dict[tuple[bool, ...], list[int]] = {}
    for row in range(run.terminal(table)):
        signature = []
        for column, is_next in cells:
            old = columns[column][row + is_next]
            for value in ((old + 1) % P, P - 1):
                columns[column][row + is_next] = value
                signature.append(bool(function(columns, program, row)))
            columns[column][row + is_next] = old
        if any(signature):
            kinds.setdefault(tuple(signature), []).append(row)
    rng = random.Random(number)
    order = sorted(kinds, key=sum, reverse=True)
    return [
        row
        for kind in order
        for row in rng.sample(kinds[kind], min(ROWS_OF_A_KIND, len(kinds[kind])))
    ]
