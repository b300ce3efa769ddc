"""The poseidon2 table: its filler against a plain twin, and forged rows."""

import random
from collections.abc import Sequence

import pytest

from offchain.air.buses import LINK
from offchain.air.opcodes import ECALL_POSEIDON2, ECALL_POSEIDON2_COMPRESS
from offchain.air.tables.poseidon2 import FEED_ROWS, LOAD_ROWS, ROWS_PER_CALL, UNLOAD_ROWS, build
from offchain.spec import poseidon2 as spec
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.spec.poseidon2_constants import POSEIDON2_RC_EXTERNAL, POSEIDON2_RC_INTERNAL
from tests.air.changed_rows import Cell, ChangedRows, Tuple
from tests.air.conftest import Fill

TABLE = build()
TIMES = (5, 1_000_000, 77)
CODES = (ECALL_POSEIDON2, ECALL_POSEIDON2_COMPRESS, ECALL_POSEIDON2_COMPRESS)
# Elements with low = 0, with high = 2^32 - 1 and with both; zero and p - 1 among them.
EDGES = (0, 1, 2**32 - 1, 2**32, (2**32 - 2) << 32, P - 1, P - 2, 2**63)
MASK = 2**32 - 1
HEIGHT = 512
ROWS = 256


def words_of(elements: Sequence[int]) -> list[int]:
    return [half for e in elements for half in (e & MASK, e >> 32)]


def inputs() -> list[list[int]]:
    rng = random.Random(3)
    return [list(EDGES), list(EDGES), [rng.randrange(P) for _ in range(8)]]


def result(code: int, elements: Sequence[int]) -> list[int]:
    permuted = spec.permute(elements)
    if code == ECALL_POSEIDON2:
        return permuted
    x = tuple(elements)
    return [*spec.compress(x[:4], x[4:]), *permuted[4:]]


def results() -> list[list[int]]:
    return [result(*call) for call in zip(CODES, inputs(), strict=True)]


def twin(time: int, code: int, elements: Sequence[int]) -> dict[str, list[int]]:
    """Rows of one call, step by step as the table's description says."""
    columns: dict[str, list[int]] = {column.name: [] for column in TABLE.main}
    state = [0] * 8
    is_compress = int(code == ECALL_POSEIDON2_COMPRESS)

    def row(constants: Sequence[int] = (0, 0, 0, 0), element: int = 0) -> list[int]:
        low, high = element & MASK, element >> 32
        cells = {f"state_{i}": value for i, value in enumerate(state)}
        sevenths = []
        for i, constant in enumerate(constants):
            cells[f"cube_{i}"] = pow(state[i] + constant, 3, P)
            cells[f"seventh_{i}"] = pow(state[i] + constant, 7, P)
            sevenths.append(cells[f"seventh_{i}"])
        inverse = pow(MASK - high, -1, P) if low else 0
        cells |= {"low": low, "high": high, "inverse": inverse, "time": time}
        cells |= {"is_used": int(code > 0), "is_compress": is_compress}
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
    for element in elements[:4]:
        row(element=element)
        state = [*state[1:], (state[0] + is_compress * element) % P]
    for element in state:
        row(element=element)
        state = [*state[1:], element]
    while len(columns["time"]) < ROWS_PER_CALL:
        row()
    return columns


def link(time: int, code: int, before: Sequence[int], after: Sequence[int]) -> list[Tuple]:
    return [
        (LINK, (code, time, side, i, word))
        for side, elements in ((0, before), (0, before), (1, after))
        for i, word in enumerate(words_of(elements))
    ]


@pytest.fixture(scope="module")
def columns(fill_poseidon2: Fill) -> list[list[int]]:
    return fill_poseidon2(HEIGHT, ROWS, TIMES, CODES, [words_of(elements) for elements in inputs()])


@pytest.fixture(scope="module")
def rows(columns: list[list[int]]) -> ChangedRows:
    return ChangedRows(TABLE, columns)


@pytest.fixture(scope="module")
def sent(rows: ChangedRows) -> int:
    return rows.sent(
        t for call in zip(TIMES, CODES, inputs(), results(), strict=True) for t in link(*call)
    )


def test_table_has_the_width_that_was_planned() -> None:
    assert len(TABLE.main) == 22
    assert len(TABLE.fraction_groups()) == 1


def test_filler_equals_twin(columns: list[list[int]]) -> None:
    calls = [*zip(TIMES, CODES, inputs(), strict=True), (0, 0, [0] * 8)]
    blocks = [twin(*call) for call in calls]
    for column in TABLE.main:
        expected = [cell for block in blocks for cell in block[column.name]]
        assert columns[column.index] == expected, column.name


def test_filled_rows_hold(rows: ChangedRows, sent: int) -> None:
    assert rows.failures(sent) == set()


def test_other_output_does_not_balance(rows: ChangedRows, sent: int) -> None:
    word = words_of(results()[0])[0]
    wrong = rows.sent([(LINK, (ECALL_POSEIDON2, TIMES[0], 1, 0, word ^ 1))])
    right = rows.sent([(LINK, (ECALL_POSEIDON2, TIMES[0], 1, 0, word))])
    assert rows.failures(sent - right + wrong) == {"balance"}


def test_every_meaningful_cell_is_bound(rows: ChangedRows, sent: int) -> None:
    without_sbox = {f"state_{i}" for i in range(4, 8)}
    for step in range(ROWS_PER_CALL):
        is_moving = step in {*LOAD_ROWS, *FEED_ROWS, *UNLOAD_ROWS}
        free = set() if is_moving else {"high", "inverse"}
        free |= without_sbox if step > UNLOAD_ROWS.stop else set()
        row = 2 * ROWS_PER_CALL + step
        for column in TABLE.main:
            change = {(column.name, row): (rows.cell(column.name, row) + 1) % P}
            is_bound = bool(rows.failures(sent, change))
            assert is_bound == (column.name not in free), (column.name, row)


@pytest.mark.parametrize("row", [0, 1])
def test_second_form_of_an_element_is_refused(rows: ChangedRows, sent: int, row: int) -> None:
    """0 and 1 as p and p + 1, loaded and fed: same state, other words, no inverse that helps."""
    element = EDGES[row]
    forms = [[value & MASK, value >> 32] for value in (element, element + P)]
    tuples = [
        [(LINK, (ECALL_POSEIDON2, TIMES[0], 0, 2 * row + i, form[i])) for i in range(2)]
        for form in forms
    ]
    sent_then = sent - 2 * rows.sent(tuples[0]) + 2 * rows.sent(tuples[1])
    cells = {"low": forms[1][0], "high": forms[1][1], "inverse": 1}
    places = (row, FEED_ROWS[row])
    change = {(name, place): value for place in places for name, value in cells.items()}
    assert rows.failures(sent_then, change) == {"canonical element"}


def test_a_call_takes_input_and_output_from_the_same_rows(rows: ChangedRows) -> None:
    """Loads the first call and unloads the unused permutation of zeros under its time."""
    change = {("is_used", row): 0 for row in range(UNLOAD_ROWS[0], 3 * ROWS_PER_CALL)}
    for row in range(3 * ROWS_PER_CALL, ROWS):
        change["time", row] = TIMES[0]
        change["is_used", row] = int(row >= 3 * ROWS_PER_CALL + UNLOAD_ROWS[0])
    tuples = link(TIMES[0], CODES[0], EDGES, spec.permute([0] * 8))
    assert rows.failures(rows.sent(tuples), change) == {"is_used of a call"}


def test_a_call_has_one_time(rows: ChangedRows) -> None:
    """The two compressions exchange their outputs."""
    change = {
        ("time", block * ROWS_PER_CALL + row): time
        for block, time in ((1, TIMES[2]), (2, TIMES[1]))
        for row in range(UNLOAD_ROWS[0], ROWS_PER_CALL)
    }
    outputs = [results()[i] for i in (0, 2, 1)]
    calls = zip(TIMES, CODES, inputs(), outputs, strict=True)
    swapped = rows.sent(t for call in calls for t in link(*call))
    assert rows.failures(swapped, change) == {"time of a call"}


@pytest.mark.parametrize("block", range(3))
def test_a_call_is_what_its_code_says(rows: ChangedRows, sent: int, block: int) -> None:
    """The other flag on all rows, with the rows unchanged; then as if the code were the other."""
    other = int(CODES[block] == ECALL_POSEIDON2)
    first = block * ROWS_PER_CALL
    change = {("is_compress", first + row): other for row in range(ROWS_PER_CALL)}
    assert rows.failures(sent, change) == {"next state 7", "balance"}
    call = TIMES[block], inputs()[block], results()[block]
    code = ECALL_POSEIDON2_COMPRESS if other else ECALL_POSEIDON2
    honest, forged = (rows.sent(link(call[0], c, *call[1:])) for c in (CODES[block], code))
    assert rows.failures(sent - honest + forged, change) == {"next state 7"}


def test_the_flag_of_the_call_is_that_of_the_feeding_rows(rows: ChangedRows, sent: int) -> None:
    """A compression whose feeding rows say that it is a permutation."""
    change = {("is_compress", ROWS_PER_CALL + row): 0 for row in FEED_ROWS}
    assert rows.failures(sent, change) == {"next state 7", "balance"}


def feed(rows: ChangedRows, element: int) -> dict[Cell, int]:
    """Changes by which the compression in block 1 has another element 3 in its result."""
    row = ROWS_PER_CALL + FEED_ROWS[3]
    low, high = words_of([(element - spec.permute(EDGES)[3]) % P])
    change = {("low", row): low, ("high", row): high, ("inverse", row): pow(MASK - high, -1, P)}
    for step in range(1, 9):
        at, place = row + step, 8 - step
        change[f"state_{place}", at] = element
        if place < 4:
            change[f"cube_{place}", at] = pow(element, 3, P)
            change[f"seventh_{place}", at] = pow(element, 7, P)
    last = ROWS_PER_CALL + UNLOAD_ROWS[-1]
    low, high = words_of([element])
    change |= {("low", last): low, ("high", last): high}
    change["inverse", last] = pow(MASK - high, -1, P)
    change["state_7", last + 1] = element
    return change


def fed(element: int, after: Sequence[int]) -> list[Tuple]:
    """Tuples for this result of the compression in block 1, written as the words `after`."""
    tuples = link(TIMES[1], CODES[1], EDGES, results()[1])
    before = words_of([(element - spec.permute(EDGES)[3]) % P])
    for i, (old, new) in enumerate(zip(before, after, strict=True), 6):
        tuples[i] = (LINK, (CODES[1], TIMES[1], 0, i, old))
        tuples[32 + i] = (LINK, (CODES[1], TIMES[1], 1, i, new))
    return tuples


def test_what_is_fed_forward_is_the_input(rows: ChangedRows, sent: int) -> None:
    """Another element is fed, with all that follows from it: its words come from nowhere."""
    element = (results()[1][3] + 1) % P
    honest = rows.sent(link(TIMES[1], CODES[1], EDGES, results()[1]))
    right = rows.sent(fed(element, words_of([element])))
    assert rows.failures(sent - honest + right, feed(rows, element)) == set()
    tuples = link(TIMES[1], CODES[1], EDGES, [*results()[1][:3], element, *results()[1][4:]])
    assert rows.failures(sent - honest + rows.sent(tuples), feed(rows, element)) == {"balance"}


def test_second_form_of_a_result_is_refused(rows: ChangedRows, sent: int) -> None:
    """A compression gives 1 as p + 1."""
    honest = rows.sent(link(TIMES[1], CODES[1], EDGES, results()[1]))
    sent_then = sent - honest + rows.sent(fed(1, words_of([1 + P])))
    last = ROWS_PER_CALL + UNLOAD_ROWS[-1]
    low, high = words_of([1 + P])
    change = feed(rows, 1) | {("low", last): low, ("high", last): high}
    assert rows.failures(sent_then, change) == {"canonical element"}


def test_words_before_must_be_sent_twice(rows: ChangedRows, sent: int) -> None:
    once = [(LINK, (CODES[0], TIMES[0], 0, i, word)) for i, word in enumerate(words_of(EDGES))]
    assert rows.failures(sent - rows.sent(once)) == {"balance"}
