"""The duty heap: what falls due at a time, a binary min-heap by (due_s, kind, ref)."""

from offchain.spec.book_records import Duty
from offchain.spec.kinds import DutyKind
from offchain.spec.state import State


def is_due(state: State) -> bool:
    """Return whether the earliest duty has fallen due."""
    entries = state.duties.entries
    return bool(entries) and entries[0].due_s <= state.header.now_s


def must_run(state: State) -> bool:
    """Return whether only RUN_DUTIES may come next: a duty is due or a trigger is met."""
    return state.header.trigger_market != 0 or is_due(state)


def push(state: State, duty: Duty) -> None:
    """Add a duty; the caller has checked that the heap has room."""
    state.duties.append(duty)
    state.header.duty_count += 1
    _sift_up(state, len(state.duties.entries) - 1)


def pop(state: State) -> Duty:
    """Remove and return the earliest duty; there is one."""
    duty = state.duties.entries[0]
    _remove_at(state, 0)
    return duty


def remove(state: State, due_s: int, kind: DutyKind, ref: int) -> None:
    """Remove the duty with this key; there is one."""
    _remove_at(state, state.duties.entries.index(Duty(due_s, kind, ref)))


def remove_of(state: State, kind: DutyKind, ref: int) -> None:
    """Remove the duty of this kind and reference, whenever it falls due; there is one."""
    entries = state.duties.entries
    _remove_at(state, next(i for i, duty in enumerate(entries) if duty[1:] == (kind, ref)))


def _remove_at(state: State, index: int) -> None:
    last = state.duties.pop_last()
    state.header.duty_count -= 1
    entries = state.duties.entries
    if index == len(entries):
        return
    state.duties.put(index, last)
    if index > 0 and entries[_parent(index)] > last:
        _sift_up(state, index)
    else:
        _sift_down(state, index)


def _sift_up(state: State, index: int) -> None:
    entries = state.duties.entries
    while index > 0 and entries[_parent(index)] > entries[index]:
        _swap(state, index, _parent(index))
        index = _parent(index)


def _sift_down(state: State, index: int) -> None:
    entries = state.duties.entries
    while True:
        children = range(2 * index + 1, min(2 * index + 3, len(entries)))
        smaller = min(children, key=entries.__getitem__, default=None)
        if smaller is None or entries[smaller] >= entries[index]:
            return
        _swap(state, index, smaller)
        index = smaller


def _swap(state: State, i: int, j: int) -> None:
    a, b = state.duties.entries[i], state.duties.entries[j]
    state.duties.put(i, b)
    state.duties.put(j, a)


def _parent(index: int) -> int:
    return (index - 1) // 2
