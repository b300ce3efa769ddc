"""Filled tables satisfy every constraint and balance every bus."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from offchain.air.buses import FIRST_PC_TIMESTAMP, LINK, MEMORY, PC_ADDRESS
from offchain.air.check import Failure, TableTrace, TraceChecker
from offchain.air.columns_header import columns_header
from offchain.air.machine import TABLE_BY_NAME, TABLES
from offchain.air.tables import lookup
from offchain.security.parameters import PROFILES, max_log_height
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.tools import build_native
from offchain.zkvm import trace
from offchain.zkvm.execution import Execution
from offchain.zkvm.executor import ExecutorUnavailableError, execute
from offchain.zkvm.program import Program, load_program
from offchain.zkvm.program_tables import LAST_WORD, fill_lookup, preprocessed_tables
from tests.zkvm import rv32im
from tests.zkvm.program_generator import generate
from tests.zkvm.rv32im import FENCE, encode, li
from tests.zkvm.toy import DATA, TEXT, ecall, program

BLINDING_ROWS = 64
X1, X5, X6, X7 = 1, 5, 6, 7
ZERO_MEMORY = 0x0003_0000  # a page that no image word is on
READ, WRITE, POSEIDON2, KECCAK_F, COMPRESS = 0x100, 0x101, 0x110, 0x111, 0x112
EDGES = (0, 1, 2, 31, 32, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFF)
EXIT = ecall(93)


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    build_native.build("zkvm")
    build_native.build("trace")


def run(toy: Program, tape: tuple[int, ...] = ()) -> Execution:
    execution = execute(toy, np.array(tape, np.uint32), record=True)
    assert execution.exit_code == 0, execution.trap
    return execution


def fill(toy: Program, execution: Execution) -> dict[str, np.ndarray]:
    heights = trace.minimum_heights(toy, execution.row_counts, BLINDING_ROWS)
    return trace.fill_tables(toy, execution, heights, BLINDING_ROWS)


def verifier_fractions(checker: TraceChecker, toy: Program, output: list[int]) -> int:
    first_pc = [PC_ADDRESS, FIRST_PC_TIMESTAMP, toy.entry]
    words = [checker.fingerprint(LINK.identifier, [0, 0, 0, *pair]) for pair in enumerate(output)]
    sent = pow(checker.fingerprint(MEMORY.identifier, first_pc), -1, P)
    return sent - sum(pow(word, -1, P) for word in words)


def failures(
    toy: Program, traces: dict[str, np.ndarray], output: list[int]
) -> tuple[set[str], list[Failure]]:
    """Names of all that does not hold, and the details."""
    heights = {name: columns.shape[1].bit_length() - 1 for name, columns in traces.items()}
    preprocessed = preprocessed_tables(toy, heights)
    table_traces = {}
    for table in TABLES:
        main = traces[table.name]
        of_program = preprocessed.get(table.name, np.empty((0, main.shape[1]), np.uint64))
        rows = np.arange(main.shape[1] - BLINDING_ROWS + 1)
        if table.name == "lookup":  # no constraint links its rows
            rows = np.append(np.flatnonzero(main.any(axis=0)), rows[-1])
        table_traces[table.name] = TableTrace(of_program[:, rows].tolist(), main[:, rows].tolist())
    checker = TraceChecker(TABLES)
    found = checker.failures(table_traces, verifier_fractions(checker, toy, output))
    return {failure.name for failure in found}, found


def assert_holds(toy: Program, execution: Execution) -> None:
    _, found = failures(toy, fill(toy, execution), execution.output.tolist())
    assert found == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_programs(seed: int) -> None:
    example = generate(seed)
    toy = load_program(example.elf)
    assert_holds(toy, run(toy, tuple(np.frombuffer(example.tape, np.uint32).tolist())))


def test_every_register_operation_on_edge_operands() -> None:
    operations = [encode(name, X7, X5, X6) for name in rv32im.REGISTERS]
    text = [line for a in EDGES for b in EDGES for line in (*li(X5, a), *li(X6, b), *operations)]
    toy = program([*text, *EXIT])
    assert_holds(toy, run(toy))


def test_branches_and_jumps() -> None:
    text = []
    for name in rv32im.BRANCHES:
        for a, b in ((1, 2), (2, 1), (2, 2), (0xFFFF_FFFF, 1)):
            text += [*li(X5, a), *li(X6, b), encode(name, 0, X5, X6, 8), FENCE]
    text += [encode("jal", X1, imm=8), FENCE]
    here = TEXT + 4 * len(text)
    # Back by jalr with its lowest bit set and a carry, once: x7 counts.
    text += [
        encode("addi", X7, X7, imm=1),
        *li(X5, here + 33),
        encode("jalr", 0, X5, imm=-8),
        *EXIT[:1],
        encode("auipc", X1),
        encode("sltiu", X6, X7, imm=2),
        encode("bne", 0, X6, 0, here - (here + 28)),
    ]
    toy = program([*text, *EXIT])
    execution = run(toy)
    assert 2 in execution.record["r"]
    assert_holds(toy, execution)


def test_accesses_of_every_width_and_alignment_in_all_kinds_of_memory() -> None:
    text = [*li(X6, 0x8091_A2B3), *li(X7, 0xFFFF_FFF0)]
    for base in (TEXT, DATA, ZERO_MEMORY):
        text += li(X5, base)
        for name in (*rv32im.STORES, *rv32im.LOADS, "sw"):
            step = {"b": 1, "h": 2, "w": 4}[name[1]]
            for offset in range(0, 8, step):
                if name in rv32im.LOADS:
                    text.append(encode(name, X1, X5, imm=offset))
                elif base != TEXT:
                    text.append(encode(name, 0, X5, X6 if offset < 4 else X7, offset))
    # Below the base, so that the sum carries; the last words of the window.
    text += [*li(X5, DATA), encode("lb", X1, X5, imm=-3), *li(X5, 0xBFFF_FFFC)]
    text += [
        encode("lw", X1, X5),
        encode("sb", 0, X5, X6, 3),
        *li(X5, 0x1000),
        encode("lh", X1, X5),
    ]
    toy = program([*text, *EXIT], {DATA: 0x7F80_FF01, DATA + 4: 0x8000_0001})
    execution = run(toy)
    assert set(execution.zero_words["address"]) == {
        0x1000, DATA - 4, ZERO_MEMORY, ZERO_MEMORY + 4, 0xBFFF_FFFC,
    }  # fmt: skip
    assert_holds(toy, execution)


def test_every_ecall() -> None:
    text = [
        *ecall(READ, DATA, 3),
        *ecall(KECCAK_F, DATA - 100, 50),
        *ecall(POSEIDON2, ZERO_MEMORY, 16),
        *ecall(COMPRESS, ZERO_MEMORY, 16),
        *ecall(POSEIDON2, ZERO_MEMORY, 16),
        *ecall(WRITE | 2 << 12, ZERO_MEMORY, 4),
        *ecall(WRITE, DATA, 2),
        *EXIT,
    ]
    toy = program(text, {DATA + 4: 9})
    execution = run(toy, (1, 0xFFFF_FFFF, 3))
    assert execution.row_counts["keccak_f"] == 28 * 64
    assert_holds(toy, execution)


def test_another_output_does_not_balance() -> None:
    toy = program([*ecall(WRITE, DATA, 1), *EXIT], {DATA: 5})
    names, _ = failures(toy, fill(toy, run(toy)), [6])
    assert names == {"buses balance"}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("cpu", "r"),
        ("add", "a"),
        ("memory", "address"),
        ("rom", "count"),
        ("image", "final_timestamp"),
        ("zero_memory", "final_timestamp"),
        ("lookup", "range_count_0"),
    ],
)
def test_a_changed_cell_is_noticed(table: str, column: str) -> None:
    toy = program([*li(X5, ZERO_MEMORY), encode("lb", X1, X5), *EXIT])
    traces = fill(toy, run(toy))
    index = [item.name for item in TABLE_BY_NAME[table].main].index(column)
    cells = traces[table][index]
    cells[np.flatnonzero(cells)[0]] += np.uint64(1)
    names, _ = failures(toy, traces, [])
    assert names


def test_the_last_rows_of_every_table_stay_zero() -> None:
    example = generate(1)
    toy = load_program(example.elf)
    tape = tuple(np.frombuffer(example.tape, np.uint32).tolist())
    for name, columns in fill(toy, run(toy, tape)).items():
        assert columns.dtype == np.uint64
        assert len(columns) == len(TABLE_BY_NAME[name].main)
        assert not columns[:, -BLINDING_ROWS:].any(), name


# Lookups and the program's columns


def test_every_entry_is_counted_once() -> None:
    """Counts that name their entry: the preprocessed row beside a count gives the entry back."""
    range16 = np.arange(1, 1 + 2**16, dtype=np.uint32)
    byte_and = range16.reshape(256, 256)
    toy = program(EXIT)
    x, y, *ands = preprocessed_tables(toy, {"rom": 8, "image": 7, "lookup": 15})["lookup"]
    counts = np.zeros((2 * lookup.GROUPS, len(x)), np.uint64)
    fill_lookup(range16, byte_and, counts)
    for kind in range(2):
        found = []
        for group in range(lookup.GROUPS):
            column = counts[kind * lookup.GROUPS + group]
            rows = np.flatnonzero(column)
            value = lookup.Y_VALUES * x[rows] + y[rows] + lookup.RANGE_STRIDE * group
            if kind:
                second = y[rows] + lookup.Y_STRIDE * group
                value = 256 * x[rows] + second
                assert (ands[group][rows] == x[rows] & second).all()
            assert (column[rows] == value + 1).all()
            found += value.tolist()
        assert sorted(found) == list(range(2**16))


def test_holes_and_words_of_the_image() -> None:
    toy = program(EXIT, {DATA: 5})
    address, value, is_sent, is_word = preprocessed_tables(
        toy, {"rom": 8, "image": 7, "lookup": 15}
    )["image"].tolist()
    used = 32 + 8 + 4
    assert is_sent == [1] * used + [0] * (128 - used)
    assert is_word == [1] * 40 + [0] * 88
    assert address[:32] == [2**40 + i for i in range(32)]
    assert address[32:40] == [*(2**41 + TEXT + 4 * i for i in range(7)), DATA]
    assert value[39:40] == [5]
    holes = [(0, 0x3FF), (TEXT // 4, TEXT // 4 + 6), (DATA // 4,) * 2, (0x3000_0000, LAST_WORD)]
    assert address[40:used] == [2**42 + 4 * first for first, _ in holes]
    assert value[40:used] == [last - first for first, last in holes]


def test_columns_header_names_tables_and_columns_in_order() -> None:
    text = columns_header([TABLE_BY_NAME["rom"], TABLE_BY_NAME["image"]])
    names = [line.strip(" ,") for line in text.splitlines() if line.endswith(",")]
    assert names == [
        "HR_TABLE_ROM", "HR_TABLE_IMAGE", "HR_TABLES", "HR_ROM_COUNT", "HR_ROM_COLUMNS",
        "HR_IMAGE_FINAL_TIMESTAMP", "HR_IMAGE_FINAL_VALUE", "HR_IMAGE_COLUMNS",
    ]  # fmt: skip


# Heights and refusals


@pytest.mark.parametrize(("cycles", "log_height"), [(1, 7), (64, 7), (65, 8), (192, 8), (193, 9)])
def test_minimum_heights(cycles: int, log_height: int) -> None:
    toy = program(EXIT)
    counts = {**run(toy).row_counts, "cpu": cycles}
    heights = trace.minimum_heights(toy, counts, 64)
    assert heights["cpu"] == log_height
    assert list(heights) == [table.name for table in TABLES]


def test_a_table_above_the_limit_is_named() -> None:
    toy = program(EXIT)
    counts = run(toy).row_counts
    for table, log_height in (("memory", 22), ("poseidon2", 22), ("cpu", 21)):
        most = 2**log_height - 2048
        assert trace.minimum_heights(toy, {**counts, table: most}, 2048)[table] == log_height
        with pytest.raises(trace.TableTooHighError, match=f"table {table} .* holds {most}:"):
            trace.minimum_heights(toy, {**counts, table: most + 1}, 2048)


def test_timestamps_are_below_2_24() -> None:
    """Cycles are counted from 1, and each but the exit has a successor; the last row is blinded."""
    last_cycle = 2 ** max_log_height("cpu") - min(p.blinding_rows for p in PROFILES.values())
    assert 4 * (last_cycle + 1) + 3 < 2**24


def test_a_height_that_does_not_hold_the_rows_is_refused() -> None:
    toy = program([FENCE] * 60 + EXIT)
    execution = run(toy)
    heights = trace.minimum_heights(toy, execution.row_counts, 64)
    with pytest.raises(trace.HeightTooSmallError, match="table cpu has 67 rows"):
        trace.fill_tables(toy, execution, {**heights, "cpu": 7}, 64)
    with pytest.raises(ValueError, match="multiple of 64"):
        trace.fill_tables(toy, execution, heights, 32)


def test_a_run_without_a_proof_is_refused() -> None:
    failed, trapped = program(ecall(93, 1)), program([*ecall(93)[:-1], FENCE])
    tape = np.empty(0, np.uint32)
    heights = dict.fromkeys(TABLE_BY_NAME, 16)
    for toy, record, reason in (
        (failed, True, "exited with code 1"),
        (trapped, True, "ended in a trap"),
        (program(EXIT), False, "was not recorded"),
    ):
        execution = execute(toy, tape, record=record)
        with pytest.raises(trace.NotProvableError, match=reason):
            trace.fill_tables(toy, execution, heights, 64)


def test_missing_library_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toy = program(EXIT)
    execution = run(toy)
    monkeypatch.setattr(trace, "LIBRARY", tmp_path / "libheadrace_trace.so")
    trace._library.cache_clear()
    with pytest.raises(ExecutorUnavailableError, match="run `make native`"):
        fill(toy, execution)


def test_records_may_be_slices() -> None:
    toy = program(EXIT)
    execution = run(toy)
    spread = np.repeat(execution.record, 2)[::2]
    assert not spread.flags.c_contiguous
    copied = dataclasses.replace(execution, record=spread)
    assert (fill(toy, copied)["cpu"] == fill(toy, execution)["cpu"]).all()
