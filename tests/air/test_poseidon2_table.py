"""The poseidon2 table: its filler against a plain twin, and forged rows."""

import random
from collections.abc import Sequence

import pytest

from offchain.air.buses import LINK
from offchain.air.opcodes import ECALL_POSEIDON2
from offchain.air.tables.poseidon2 import ROWS_PER_CALL, build
from offchain.spec import poseidon2 as spec
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.spec.poseidon2_constants import POSEIDON2_RC_EXTERNAL, POSEIDON2_RC_INTERNAL
from tests.air.changed_rows import ChangedRows, Tuple
from tests.air.conftest import Fill

TABLE = build()
TIMES = (5, 1_000_000)
# Elements with low = 0, with high = 2^32 - 1 and with both; zero and p - 1 among them.
EDGES = (0, 1, 2**32 - 1, 2**32, (2**32 - 2) << 32, P - 1, P - 2, 2**63)
MASK = 2**32 - 1
HEIGHT = 256
ROWS = 192


def words_of(elements: Sequence[int]) -> list[int]:
    return [half for e in elements for half in (e & MASK, e >> 32)]


def inputs() -> list[list[int]]:
    rng = random.Random(3)
    return [list(EDGES), [rng.randrange(P) for _ in range(8)]]


def twin(time: int, elements: Sequence[int], is_used: int) -> dict[str, list[int]]:
    """Rows of one call, step by step as the table's description says."""
    columns: dict[str, list[int]] = {column.name: [] for column in TABLE.main}
    state = [0] * 8

    def row(constants: Sequence[int] = (0, 0, 0, 0), element: int = 0) -> list[int]:
        low, high = element & MASK, element >> 32
        cells = {f"state_{i}": value for i, value in enumerate(state)}
        sevenths = []
        for i, constant in enumerate(constants):
            cells[f"cube_{i}"] = pow(state[i] + constant, 3, P)
            cells[f"seventh_{i}"] = pow(state[i] + constant, 7, P)
            sevenths.append(cells[f"seventh_{i}"])
        inverse = pow(MASK - high, -1, P) if low else 0
        cells |= {"low": low, "high": high, "inverse": inverse, "time": time, "is_used": is_used}
        for name, value in cells.items():
            columns[name].append(value)
        return sevenths

    def full_rounds(rounds: Sequence[Sequence[int]]) -> None:
        nonlocal state
        for constants in rounds:
            for half in (constants[:4], constants[4:]):
                state = state[4:] + row(half)
            state = spec._external_layer(state)

    for element in elements:
        row(element=element)
        state = [*state[1:], element]
    row()
    state = spec._external_layer(state)
    full_rounds(POSEIDON2_RC_EXTERNAL[:4])
    for constant in POSEIDON2_RC_INTERNAL:
        state[0] = row((constant, 0, 0, 0))[0]
        state = spec._internal_layer(state)
    full_rounds(POSEIDON2_RC_EXTERNAL[4:])
    for element in state:
        row(element=element)
        state = [*state[1:], element]
    while len(columns["time"]) < ROWS_PER_CALL:
        row()
    return columns


def link(time: int, before: Sequence[int], after: Sequence[int]) -> list[Tuple]:
    return [
        (LINK, (ECALL_POSEIDON2, time, side, i, word))
        for side, words in enumerate((before, after))
        for i, word in enumerate(words)
    ]


@pytest.fixture(scope="module")
def columns(fill_poseidon2: Fill) -> list[list[int]]:
    return fill_poseidon2(HEIGHT, ROWS, TIMES, [words_of(elements) for elements in inputs()])


@pytest.fixture(scope="module")
def rows(columns: list[list[int]]) -> ChangedRows:
    return ChangedRows(TABLE, columns)


@pytest.fixture(scope="module")
def sent(rows: ChangedRows) -> int:
    return rows.sent(
        t
        for time, elements in zip(TIMES, inputs(), strict=True)
        for t in link(time, words_of(elements), words_of(spec.permute(elements)))
    )


def test_table_has_the_width_that_was_planned() -> None:
    assert len(TABLE.main) == 21
    assert len(TABLE.fraction_groups()) == 1


def test_filler_equals_twin(columns: list[list[int]]) -> None:
    calls = [(*call, 1) for call in zip(TIMES, inputs(), strict=True)] + [(0, [0] * 8, 0)]
    blocks = [twin(*call) for call in calls]
    for column in TABLE.main:
        expected = [cell for block in blocks for cell in block[column.name]]
        assert columns[column.index] == expected, column.name


def test_filled_rows_hold(rows: ChangedRows, sent: int) -> None:
    assert rows.failures(sent) == set()


def test_other_output_does_not_balance(rows: ChangedRows, sent: int) -> None:
    word = rows.cell("low", 47)
    wrong = rows.sent([(LINK, (ECALL_POSEIDON2, TIMES[0], 1, 0, word ^ 1))])
    right = rows.sent([(LINK, (ECALL_POSEIDON2, TIMES[0], 1, 0, word))])
    assert rows.failures(sent - right + wrong) == {"balance"}


def test_every_meaningful_cell_is_bound(rows: ChangedRows, sent: int) -> None:
    without_sbox = {f"state_{i}" for i in range(4, 8)}
    for step in range(ROWS_PER_CALL):
        free = set() if step < 8 or 47 <= step < 55 else {"high", "inverse"}
        free |= without_sbox if step > 55 else set()
        row = ROWS_PER_CALL + step
        for column in TABLE.main:
            change = {(column.name, row): (rows.cell(column.name, row) + 1) % P}
            is_bound = bool(rows.failures(sent, change))
            assert is_bound == (column.name not in free), (column.name, row)


@pytest.mark.parametrize("row", [0, 1])
def test_second_form_of_an_element_is_refused(rows: ChangedRows, sent: int, row: int) -> None:
    """0 and 1 loaded as p and p + 1: same state, other words, and no inverse that helps."""
    element = EDGES[row]
    forms = [[value & MASK, value >> 32] for value in (element, element + P)]
    tuples = [
        [(LINK, (ECALL_POSEIDON2, TIMES[0], 0, 2 * row + i, form[i])) for i in range(2)]
        for form in forms
    ]
    sent_then = sent - rows.sent(tuples[0]) + rows.sent(tuples[1])
    change = {("low", row): forms[1][0], ("high", row): forms[1][1], ("inverse", row): 1}
    assert rows.failures(sent_then, change) == {"canonical element"}


def test_a_call_takes_input_and_output_from_the_same_rows(rows: ChangedRows) -> None:
    """Loads the first call and unloads the unused permutation of zeros under its time."""
    change = {("is_used", row): 0 for row in range(40, 2 * ROWS_PER_CALL)}
    for row in range(2 * ROWS_PER_CALL, ROWS):
        change["time", row] = TIMES[0]
        change["is_used", row] = int(row >= 2 * ROWS_PER_CALL + 40)
    tuples = link(TIMES[0], words_of(EDGES), words_of(spec.permute([0] * 8)))
    assert rows.failures(rows.sent(tuples), change) == {"is_used of a call"}


def test_a_call_has_one_time(rows: ChangedRows, sent: int) -> None:
    change = {("time", row): TIMES[1] for row in range(40, ROWS_PER_CALL)}
    change |= {("time", row): TIMES[0] for row in range(ROWS_PER_CALL + 40, 2 * ROWS_PER_CALL)}
    outputs = [words_of(spec.permute(elements)) for elements in inputs()]
    swapped = rows.sent(
        t
        for time, elements, output in zip(TIMES, inputs(), reversed(outputs), strict=True)
        for t in link(time, words_of(elements), output)
    )
    assert rows.failures(swapped, change) == {"time of a call"}
