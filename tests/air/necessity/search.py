"""Search for a forgery that breaks one thing only: change a cell, then repair what it breaks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from offchain.air.buses import BYTE_AND, RANGE16
from offchain.air.expression import Expression
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.compiled import Function, main_cells
from tests.air.necessity.forgery import Broken, Cell, Forgery, Item
from tests.air.necessity.run import BYTE, LIMB, Owner, Tuple

REPAIRS_MAX = 14
VISITS_MAX = 40
DIFFERENCES_MAX = 2


@dataclass(frozen=True)
class Target:
    """What is taken away: a constraint, or interactions.

    Attributes
    ----------
    table : str
        Table of the constraint.
    constraint : int
        Its number, or -1 if interactions are taken away.
    interactions : frozenset
        Those taken away.
    """

    table: str
    constraint: int = -1
    interactions: frozenset[Item] = frozenset()

    def excuses(self, broken: Broken) -> bool:
        """Whether a broken constraint is the one taken away."""
        return broken[:2] == (self.table, self.constraint)


def is_witness(forgery: Forgery, target: Target) -> bool:
    """Whether all holds without the target, and not with it; the changes must be written."""
    broken = forgery.broken()
    if not all(target.excuses(item) for item in broken):
        return False
    if target.interactions:
        return not forgery.residue(target.interactions) and bool(forgery.residue())
    return bool(broken) and not forgery.residue()


def search(
    target: Target, seeds: Iterable[Forgery], *, must_be_false: bool = True
) -> Forgery | None:
    """Give the first witness that repairs of one of the seeds lead to."""
    for seed in seeds:
        visits = 0
        pending = [seed]
        while pending and visits < VISITS_MAX:
            visits += 1
            forgery = pending.pop()
            with forgery:
                if is_witness(forgery, target) and (not must_be_false or forgery.is_false()):
                    return forgery
                fixes = _fixes(forgery, target)
            if len(forgery.changes) < len(seed.changes) + REPAIRS_MAX:
                pending += [forgery.with_cell(*fix) for fix in reversed(fixes)]
    return None


@dataclass(frozen=True)
class _Place:
    """An expression on a row, and the function that computes it."""

    table: str
    row: int
    expression: Expression
    function: Function


def _fixes(forgery: Forgery, target: Target) -> list[tuple[Cell, int]]:
    """Single changes that repair the first thing that is broken."""
    run = forgery.run
    for table, number, row in forgery.broken():
        if not target.excuses((table, number, row)):
            compiled = run.compiled[table]
            expression = compiled.table.constraints[number].expression
            place = _Place(table, row, expression, compiled.constraints[number])
            return list(_solutions(forgery, place, [0]))
    residue = forgery.residue(target.interactions)
    for owner, key, _ in forgery.tuples():
        if key in residue and key[0] in {RANGE16.identifier, BYTE_AND.identifier}:
            return list(_fix_lookup(forgery, owner, key))
    return list(_fix_bus(forgery, residue))


def _entry(forgery: Forgery, owner: Owner, position: int) -> _Place:
    """Entry of an interaction's tuple; the bus number has position 0."""
    compiled = forgery.run.compiled[owner.table]
    expression = compiled.table.interactions[owner.interaction].values[position - 1]
    function = compiled.values[owner.interaction][position - 1]
    return _Place(owner.table, owner.row, expression, function)


def _solutions(
    forgery: Forgery, place: _Place, wanted: Iterable[int]
) -> Iterator[tuple[Cell, int]]:
    """Values of one cell, not changed yet, for which the expression has a wanted value."""
    run = forgery.run
    columns, program = run.columns[place.table], run.preprocessed[place.table]
    for column, is_next in main_cells(place.expression):
        at = place.row + is_next
        if (place.table, column, at) in forgery.changes:
            continue
        old = columns[column][at]
        points = []
        for value in (0, 1, 2):
            columns[column][at] = value
            points.append(place.function(columns, program, place.row))
        columns[column][at] = old
        for value in wanted:
            roots = _roots([point - value for point in points])
            yield from (((place.table, column, at), root) for root in roots if root != old)


def _roots(points: list[int]) -> list[int]:
    """Roots of a polynomial of degree 1, given at 0, 1, 2; of a square one if it has one there."""
    square = (points[2] - 2 * points[1] + points[0]) * pow(2, -1, P) % P
    slope = (points[1] - points[0] - square) % P
    if not square:
        return [-points[0] * pow(slope, -1, P) % P] if slope else []
    roots = [x for x, value in enumerate(points) if value % P == 0]
    total = -slope * pow(square, -1, P)
    return list(dict.fromkeys([*roots, *((total - root) % P for root in roots)]))


def _fix_lookup(forgery: Forgery, owner: Owner, key: Tuple) -> Iterator[tuple[Cell, int]]:
    """Make a tuple of a lookup one that the table has."""
    if key[0] == BYTE_AND.identifier:
        x, y = key[1] % BYTE, key[2] % BYTE
        for position, value in ((3, x & y), (1, x), (2, y)):
            yield from _solutions(forgery, _entry(forgery, owner, position), [value])
        return
    place = _entry(forgery, owner, 1)
    columns = forgery.run.columns[owner.table]
    # Of a high limb, (word - low) / 2^16: what it is for a low limb below 2^16.
    high = [
        (key[1] * LIMB + columns[column][owner.row]) % P // LIMB % LIMB
        for column, is_next in main_cells(place.expression)
        if not is_next
    ]
    yield from _solutions(forgery, place, [*high, key[1] % LIMB, 0, 1])


def _fix_bus(forgery: Forgery, residue: dict[Tuple, int]) -> Iterator[tuple[Cell, int]]:
    """Where a tuple was replaced on one side, replace it on the other: its first new entry."""
    run = forgery.run
    touched = set(forgery.rows)
    owners: dict[Tuple, list[Owner]] = {}
    for owner, key, _ in forgery.tuples():
        owners.setdefault(key, []).append(owner)
    for gone, times in residue.items():
        here = [owner for owner in run.owners.get(gone, []) if owner[:2] not in touched]
        for new, new_times in residue.items():
            if new[0] == gone[0] and (times + new_times) % P == 0:
                differences = [i for i in range(len(gone)) if gone[i] != new[i]]
                if len(differences) <= DIFFERENCES_MAX:
                    first = differences[0]
                    for owner in (*owners.get(gone, []), *here):
                        place = _entry(forgery, owner, first)
                        yield from _solutions(forgery, place, [new[first]])
