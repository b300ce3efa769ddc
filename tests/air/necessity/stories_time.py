"""Forgeries of time: an access that follows a later one."""

from dataclasses import dataclass

from offchain.air.buses import REGISTER_BASE
from offchain.air.opcodes import EQ
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.draft import Draft, Story
from tests.air.necessity.flows import Flows

FLOWS = Flows()


@dataclass(frozen=True)
class Access:
    """Columns of an access, and its number in the table's interactions."""

    table: str
    name: str
    old: str
    new: str

    def column(self, name: str) -> str:
        return f"{self.name}_{name}" if self.table == "cpu" else {"low": "time_low"}.get(name, name)

    def keys(self, draft: Draft, row: int) -> list[tuple[int, ...]]:
        """Tuples received and sent on a row of the honest run."""
        items = draft.run.compiled[self.table].table.interactions
        numbers = {
            i
            for i, item in enumerate(items)
            if item.name in {f"{self.name}, state before", f"{self.name}, state after"}
        }
        tuples = draft.run.tuples(self.table, row)
        return [key for number, key, _ in tuples if number in numbers]


ACCESSES = (
    Access("cpu", "rs1", "a", "a"),
    Access("cpu", "rs2", "b", "b"),
    Access("cpu", "rd", "rd_old", "r"),
    Access("memory", "word", "old", "new"),
    Access("transfer", "word", "old", "new"),
)


def read_the_future(access: Access, half: str) -> Story:
    """The first access to a word is made the last of its chain, where it finds the final value.

    Its time since the access before is negative; the range check of one half would notice.
    """

    def write(draft: Draft) -> None:
        row, follower = candidate(draft, access)
        before, after = access.keys(draft, row)
        home, at = draft.final(before[1])
        table, next_row, prefix = follower
        next_access = next(a for a in ACCESSES if (a.table, a.name) == (table, prefix))
        old, time = before[3], after[2]
        # The access that followed now follows the one before.
        next_time = next_access.keys(draft, next_row)[1][2]
        draft.set(
            table,
            next_row,
            **{
                next_access.column("previous"): before[2],
                next_access.column("low"): (next_time - 1 - before[2]) % 2**16,
                next_access.old: old,
            },
        )
        last_time = draft.cell(home, at, "final_timestamp")
        value = draft.cell(home, at, "final_value")
        since = time - 1 - last_time
        draft.set(
            access.table,
            row,
            **{
                access.column("previous"): last_time,
                access.column("low"): since % 2**16 if half == "high" else since,
                access.old: value,
            },
        )
        draft.set(home, at, final_timestamp=time)
        if access.name in {"rs1", "rs2"}:
            compare_again(draft, row)
        if access.old != access.new:
            draft.set(home, at, final_value=draft.cell(access.table, row, access.new))

    return write


def compare_again(draft: Draft, row: int) -> None:
    """Let the add table compare the operands that a row of the cpu has now, which differ."""
    before = {name: draft.run.columns["cpu"][draft.run.compiled["cpu"].number[name]][row]
              for name in ("a", "y")}  # fmt: skip
    a, b = (draft.cell("cpu", row, name) for name in ("a", "b"))
    add = draft.find("add", is_eq=1, **before)
    draft.set("add", add, a=a, y=b, r=0, inverse=pow(a - b, -1, P))
    draft.set("cpu", row, y=b, r=0)


def candidate(draft: Draft, access: Access) -> tuple[int, tuple[str, int, str]]:
    """A row whose word is overwritten next, and the access that overwrites it."""
    run = draft.run
    for row in range(run.terminal(access.table)):
        keys = access.keys(draft, row)
        if len(keys) != 2:
            continue
        before, after = keys
        # Another operand leaves the result of a comparison as it is, which is easy to repair.
        if access.name in {"rs1", "rs2"} and (
            before[1] == REGISTER_BASE
            or draft.cell("cpu", row, "op") != EQ
            or draft.cell("cpu", row, "r")
        ):
            continue
        for owner in run.owners[after]:
            item = run.compiled[owner.table].table.interactions[owner.interaction]
            prefix = item.name.split(",")[0]
            is_other = (owner.table, owner.row) != (access.table, row)
            if item.name.endswith("state before") and is_other and prefix in WRITES[access]:
                return row, (owner.table, owner.row, prefix)
    raise LookupError(f"{access}: no row fits")


WRITES = {access: {"rd"} if access.table == "cpu" else {"word"} for access in ACCESSES}

for _access in ACCESSES:
    for _half in ("low", "high"):
        FLOWS.add((_access.table, f"{_access.name}, time since, {_half} half below 2^16"))(
            read_the_future(_access, _half)
        )
