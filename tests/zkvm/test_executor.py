"""Runs that end: record, output and meter by hand, and C against its plain twin."""

import random
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from eth_hash.auto import keccak

from offchain.spec import poseidon2
from offchain.spec.constants import GOLDILOCKS_P
from offchain.zkvm import execution, executor
from offchain.zkvm.decode import ROM_ROW, Flag, Op
from offchain.zkvm.delegations import DELEGATIONS, keccak_f
from offchain.zkvm.delegations.interface import join_halves, split_halves
from offchain.zkvm.execution import CYCLE, TRANSFER, WORD_STATE, Execution
from offchain.zkvm.program import Program
from offchain.zkvm.traps import TrapReason
from tests.zkvm.rv32im import ECALL, FENCE, INSTRUCTIONS, LOADS, STORES, encode, li
from tests.zkvm.toy import A0, A1, A7, DATA, EXIT, TEXT, ecall, program, run_both

NATIVE = Path(execution.__file__).with_name("native")
READ, WRITE, POSEIDON2, KECCAK_F, COMPRESS = 0x100, 0x101, 0x110, 0x111, 0x112
EMPTY_TAPE = np.empty(0, np.uint32)
NOP = encode("addi")
X5, X6, X7 = 5, 6, 7


def exit_with(code: int = 0) -> list[int]:
    return ecall(EXIT, code)


def records(run: Execution) -> list[dict[str, int]]:
    names = CYCLE.names
    assert names is not None
    return [dict(zip(names, row, strict=True)) for row in run.record.tolist()]


# Exit, tape and output


@pytest.mark.parametrize("code", [0, 1, 0xFFFF_FFFF])
def test_exit_code(code: int) -> None:
    run = run_both(program(exit_with(code)), record=False)
    assert run.exit_code == code
    assert run.trap is None
    assert run.cycles == len(exit_with())


def test_tape_is_read_in_order_and_output_may_be_written_in_any() -> None:
    text = [
        *ecall(READ, DATA, 2),
        *ecall(READ, DATA + 8, 1),
        *ecall(WRITE | 1 << 12, DATA + 4, 2),
        *ecall(WRITE, DATA, 1),
        *exit_with(),
    ]
    run = run_both(program(text), tape=[11, 22, 33, 44])
    assert run.exit_code == 0
    assert run.output.tolist() == [11, 22, 33]
    assert run.transfers["clk"].tolist() == [7, 7, 14, 21, 21, 28]
    assert run.transfers["new"].tolist() == [11, 22, 33, 22, 33, 11]
    assert run.transfers["old"].tolist() == [0, 0, 0, 22, 33, 11]
    assert run.transfers["index"].tolist() == [0, 1, 0, 0, 1, 0]
    assert run.transfers["prev_ts"].tolist() == [0, 0, 0, 30, 58, 30]


def test_output_after_a_trap_ends_at_the_first_gap() -> None:
    text = [*ecall(WRITE, DATA, 2), *ecall(WRITE | 3 << 12, DATA, 1), 0]
    run = run_both(program(text, {DATA: 5, DATA + 4: 6}), record=False)
    assert run.output.tolist() == [5, 6]


def test_highest_output_index() -> None:
    last = (1 << 19) - 1
    text = [*ecall(WRITE, DATA, last), *ecall(WRITE | last << 12, DATA, 1), *exit_with()]
    run = executor.execute(program(text, {DATA: 9}), EMPTY_TAPE)
    assert run.exit_code == 0
    assert len(run.output) == 1 << 19
    assert run.output[-1] == 9


def test_longest_transfer_reads_the_whole_tape() -> None:
    tape = np.arange(1 << 20, dtype=np.uint32)
    text = [*ecall(READ, DATA, 1 << 20), *ecall(WRITE, DATA, 1 << 20), *exit_with()]
    run = executor.execute(program(text), tape, record=True)
    assert run.exit_code == 0
    assert (run.output == tape).all()
    assert (run.transfers["new"] == np.tile(tape, 2)).all()
    assert (run.zero_words["value"] == tape).all()


# The record


def test_timestamps_of_registers() -> None:
    text = [
        encode("addi", X5, X5, imm=3),
        encode("add", X5, X5, X5),
        encode("add", 0, X5, 0),
        *exit_with(),
    ]
    first, second, third, *_ = records(run_both(program(text)))
    # Cycle 1: rs1 = x5 at 4, rs2 = x0 at 5, rd = x5 at 7.
    assert (first["rs1_prev_ts"], first["rs2_prev_ts"], first["rd_prev_ts"]) == (0, 0, 4)
    assert (first["a"], first["b"], first["r"], first["rd_old"]) == (0, 0, 3, 0)
    # Cycle 2: x5 at 8 and 9; the second access sees the first.
    assert (second["rs1_prev_ts"], second["rs2_prev_ts"], second["rd_prev_ts"]) == (7, 8, 9)
    assert (second["r"], second["rd_old"]) == (6, 3)
    # Cycle 3: x0 is read, after cycle 1, and not written.
    assert (third["rs1_prev_ts"], third["rs2_prev_ts"], third["rd_prev_ts"]) == (11, 5, 0)
    assert (third["r"], third["rd_old"]) == (6, 0)


def test_x0_stays_zero_whatever_is_written() -> None:
    writes = [
        encode("addi", 0, 0, imm=5),
        encode("lui", 0, imm=0x1000),
        encode("lw", 0, X5),
        encode("jal", 0, imm=4),
    ]
    text = [*li(X5, DATA), *writes, encode("addi", A0, 0), *li(A7, EXIT), ECALL]
    run = run_both(program(text, {DATA: 77}))
    assert run.exit_code == 0
    assert run.registers[0].tolist() == (0, 0, 4 * run.cycles - 3)  # rs2 of the li before ECALL


def test_ecall_rewrites_a0_with_its_own_value() -> None:
    text = [*ecall(READ, DATA, 1), *exit_with()]
    run = run_both(program(text), tape=[1])
    row = records(run)[6]
    assert (row["a"], row["b"], row["r"], row["rd_old"]) == (READ, 1, DATA, DATA)
    assert (row["rs1_prev_ts"], row["rs2_prev_ts"], row["rd_prev_ts"]) == (11, 27, 19)
    assert (row["word_old"], row["word_new"], row["word_prev_ts"]) == (0, 0, 0)
    last = records(run)[-1]
    assert last["next_pc"] == 0
    assert run.registers[A0].tolist() == (A0, 0, 4 * 14 + 3)
    assert run.registers[A1].tolist() == (A1, 0, 4 * 14 + 1)
    assert run.registers[A7].tolist() == (A7, EXIT, 4 * 14)


def test_sub_word_accesses_record_the_aligned_word() -> None:
    text = [
        *li(X5, DATA),
        *li(X6, 0x1234_5680),
        encode("sb", rs1=X5, rs2=X6, imm=1),
        encode("lb", X7, X5, imm=1),
        encode("sh", rs1=X5, rs2=X6, imm=6),
        encode("lhu", X7, X5, imm=6),
        *exit_with(),
    ]
    run = run_both(program(text, {DATA: 0xAABB_CCDD}))
    store_byte, load_byte, store_half, load_half = records(run)[4:8]
    assert (store_byte["word_old"], store_byte["word_new"]) == (0xAABB_CCDD, 0xAABB_80DD)
    assert (store_byte["r"], store_byte["word_prev_ts"]) == (0x1234_5680, 0)
    assert (load_byte["r"], load_byte["word_prev_ts"]) == (0xFFFF_FF80, 4 * 5 + 2)
    assert (store_half["word_old"], store_half["word_new"]) == (0, 0x5680_0000)
    assert (load_half["r"], load_half["word_prev_ts"]) == (0x5680, 4 * 7 + 2)
    assert run.zero_words.tolist() == [(DATA + 4, 0x5680_0000, 4 * 8 + 2)]


def test_final_memory_has_the_image_and_the_zero_words_touched_in_order() -> None:
    text = [
        *li(X5, DATA + 0x1000),
        encode("sw", rs1=X5, rs2=X5, imm=4),
        encode("lw", X6, X5, imm=-8),
        *li(X5, TEXT),
        encode("lw", X6, X5),
        *exit_with(),
    ]
    run = run_both(program(text, {DATA: 3}))
    assert run.zero_words.tolist() == [
        (DATA + 0xFF8, 0, 4 * 4 + 2),
        (DATA + 0x1004, DATA + 0x1000, 4 * 3 + 2),
    ]
    assert run.image_final.dtype == WORD_STATE
    assert run.image_final[0].tolist() == (TEXT, text[0], 4 * 7 + 2)  # loads from ROM count
    assert run.image_final[-1].tolist() == (DATA, 3, 0)


def test_jumps_link_and_branches_go_both_ways() -> None:
    text = [
        encode("jal", X5, imm=8),
        0,  # skipped
        encode("jalr", X6, X5, imm=13),  # to TEXT + 16: the lowest bit is cleared
        0,  # skipped
        encode("beq", 0, rs1=0, rs2=X5, imm=-4),
        encode("bne", 0, rs1=0, rs2=X5, imm=8),
        0,  # skipped
        *exit_with(),
    ]
    rows = records(run_both(program(text)))
    assert [row["next_pc"] - TEXT for row in rows[:4]] == [8, 16, 20, 28]
    assert [row["r"] for row in rows[:4]] == [TEXT + 4, TEXT + 12, 0, 0]


def test_without_record_the_arrays_are_empty_and_the_rest_is_equal() -> None:
    toy = program([*ecall(READ, DATA, 1), *exit_with()])
    plain, recorded = (run_both(toy, tape=[1], record=record) for record in (False, True))
    for name in ("record", "transfers", "registers", "image_final", "zero_words"):
        assert len(getattr(plain, name)) == 0
        assert len(getattr(recorded, name)) > 0
    assert plain.row_counts == recorded.row_counts
    assert plain.cycles == recorded.cycles


# Delegations


def test_poseidon2_is_the_specifications() -> None:
    elements = [random.Random(1).randrange(2**63) for _ in range(8)]
    data = {DATA + 4 * i: word for i, word in enumerate(split_halves(elements))}
    text = [*ecall(POSEIDON2, DATA, 16), *ecall(WRITE, DATA, 16), *exit_with()]
    run = run_both(program(text, data))
    assert join_halves(run.output.tolist()) == poseidon2.permute(elements)


@pytest.mark.parametrize(
    "elements",
    [
        [random.Random(3).randrange(2**63) for _ in range(8)],
        [0] * 8,
        [GOLDILOCKS_P - 1] * 8,
    ],
)
def test_compress_is_the_specifications(elements: list[int]) -> None:
    data = {DATA + 4 * i: word for i, word in enumerate(split_halves(elements))}
    text = [*ecall(COMPRESS, DATA, 16), *ecall(WRITE, DATA, 16), *exit_with()]
    run = run_both(program(text, data))
    left, right = ((a, b, c, d) for a, b, c, d in (elements[:4], elements[4:]))
    result = [*poseidon2.compress(left, right), *poseidon2.permute(elements)[4:]]
    assert join_halves(run.output.tolist()) == result
    assert run.row_counts["poseidon2"] == 64


def test_compress_reduces_its_sums() -> None:
    """Chained until the sum of the first elements has been both above and below p."""
    elements = list(range(8))
    wraps = set()
    for _ in range(16):
        after = poseidon2.permute(elements)
        wraps.add(after[0] + elements[0] >= GOLDILOCKS_P)
        words = split_halves(elements)
        (compress,) = (d for d in DELEGATIONS if d.code == COMPRESS)
        elements = join_halves(compress.apply(words))
        run = run_both(
            program(
                [*ecall(COMPRESS, DATA, 16), *exit_with()],
                {DATA + 4 * i: word for i, word in enumerate(words)},
            )
        )
        assert join_halves(run.transfers["new"].tolist()) == elements
        assert max(elements) < GOLDILOCKS_P
    assert wraps == {False, True}


def test_keccak_f_hashes_like_keccak256() -> None:
    message = b"headrace"
    block = bytearray(message.ljust(200, b"\0"))
    block[len(message)] ^= 1
    block[135] ^= 0x80
    words = np.frombuffer(bytes(block), "<u4").tolist()
    data = {DATA + 4 * i: word for i, word in enumerate(words)}
    text = [*ecall(KECCAK_F, DATA, 50), *ecall(WRITE, DATA, 8), *exit_with()]
    run = run_both(program(text, data))
    assert run.output.astype("<u4").tobytes() == keccak(message)


def test_keccak_f_of_random_lanes() -> None:
    words = [random.Random(2).getrandbits(32) for _ in range(50)]
    data = {DATA + 4 * i: word for i, word in enumerate(words)}
    run = run_both(program([*ecall(KECCAK_F, DATA, 50), *exit_with()], data))
    lanes = join_halves(run.transfers["new"].tolist())
    assert lanes == keccak_f.permute(join_halves(words))


# The meter


def test_row_counts() -> None:
    text = [
        encode("add", X5, X5, X5),
        encode("sub", X5, X5, X5),
        encode("beq", rs1=X5, rs2=X6, imm=4),
        encode("xori", X6, X6, imm=1),
        encode("blt", rs1=X6, rs2=X5, imm=4),
        encode("mul", X6, X6, X6),
        encode("lui", X5, imm=DATA),
        encode("sw", rs1=X5, rs2=X6, imm=4),
        encode("lw", X6, X5),
        FENCE,
        *ecall(READ, DATA, 2),
        *ecall(POSEIDON2, DATA + 0x100, 16),
        *ecall(KECCAK_F, DATA + 0x200, 50),
        *ecall(COMPRESS, DATA + 0x100, 16),
        *exit_with(),
    ]
    run = run_both(program(text, {DATA: 1}), tape=[1, 2], record=False)
    assert run.row_counts == {
        "cpu": 45,
        "add": 3 + 5 * 3,  # an addi in each of three li for each ecall
        "bitwise": 1,
        "arith": 2,
        "memory": 2,
        "transfer": 84,
        "poseidon2": 2 * 64,
        "keccak_f": 1_792,
        "image": 46,
        "zero_memory": 1 + 16 + 50 + 4,  # and four holes
    }


# C against its twin


DELEGATED = (KECCAK_F, POSEIDON2, COMPRESS)


def random_text(rng: random.Random) -> list[int]:
    """Instructions on few registers, which keep x5 on data and now and then call."""
    text = [*li(X5, DATA), *li(A7, rng.choice([READ, WRITE, POSEIDON2])), *li(A0, DATA)]
    names = [name for name in INSTRUCTIONS if name != "jalr"]
    for _ in range(60):
        kind = rng.random()
        if kind < 0.04:
            text += ecall(rng.choice([READ, WRITE | 1 << 12, *DELEGATED]), DATA, 16)
        elif kind < 0.05:
            text.append(rng.choice([FENCE, rng.getrandbits(32), encode("jalr", X6, X7)]))
        else:
            name = rng.choice(names)
            is_memory = name in LOADS or name in STORES
            imm = rng.choice([-1, 1]) * rng.randrange(0, 24, 4)
            if not is_memory and name[0] not in "bj":
                imm = rng.getrandbits(32) if name in {"lui", "auipc"} else rng.randrange(32)
            rs1 = X5 if is_memory else rng.choice([0, 1, 2, X6, X7])
            text.append(encode(name, rng.choice([0, 1, X6, X7]), rs1, rng.choice([0, 2, X6]), imm))
    return text + exit_with()


def test_random_programs_run_alike_in_c_and_python() -> None:
    rng = random.Random(7)
    ends: set[TrapReason | None] = set()
    seen: set[int] = set()
    for _ in range(300):
        data = {DATA + 4 * i: rng.getrandbits(31) for i in range(-4, 20, 2)}
        toy = program(random_text(rng), data)
        run = run_both(toy, tape=list(range(40)), max_cycles=400)
        ends.add(run.trap.reason if run.trap else None)
        seen |= set(toy.rom["op"][run.record["row"]].tolist())
    assert {None, TrapReason.CYCLE_LIMIT, TrapReason.ILLEGAL_INSTRUCTION} < ends
    assert seen == set(Op)


EDGES = (0, 1, 2, 31, 32, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFF)


def test_every_operation_on_edge_operands_alike_in_c_and_python() -> None:
    registers = [name for name, encoding in INSTRUCTIONS.items() if encoding.format == "R"]
    operations = [encode(name, A0, X5, X6) for name in registers]
    text = [line for a in EDGES for b in EDGES for line in (*li(X5, a), *li(X6, b), *operations)]
    assert run_both(program([*text, *exit_with()])).exit_code == 0


# Values of the specification's table "Semantics for division by zero and division overflow".
@pytest.mark.parametrize(
    ("name", "a", "b", "result"),
    [
        ("divu", 7, 0, 0xFFFF_FFFF),
        ("remu", 7, 0, 7),
        ("div", 0xFFFF_FFF9, 0, 0xFFFF_FFFF),
        ("rem", 0xFFFF_FFF9, 0, 0xFFFF_FFF9),
        ("div", 0x8000_0000, 0xFFFF_FFFF, 0x8000_0000),
        ("rem", 0x8000_0000, 0xFFFF_FFFF, 0),
        ("div", 0xFFFF_FFF9, 2, 0xFFFF_FFFD),
        ("rem", 0xFFFF_FFF9, 2, 0xFFFF_FFFF),
        ("mulh", 0x8000_0000, 0x8000_0000, 0x4000_0000),
        ("mulhsu", 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF),
        ("mulhu", 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFE),
        ("sra", 0x8000_0000, 33, 0xC000_0000),
    ],
)
def test_result(name: str, a: int, b: int, result: int) -> None:
    text = [*li(X5, a), *li(X6, b), encode(name, A0, X5, X6), *li(A7, EXIT), ECALL]
    assert run_both(program(text)).exit_code == result


# The binding


def test_tapes_and_limits_that_make_no_sense_are_refused() -> None:
    toy = program(exit_with())
    with pytest.raises(TypeError, match="uint32"):
        executor.execute(toy, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="choose one"):
        executor.execute(toy, EMPTY_TAPE, max_cycles=1 << 30)


def test_missing_library_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(executor, "LIBRARY", tmp_path / "libheadrace_zkvm.so")
    executor._library.cache_clear()
    with pytest.raises(executor.ExecutorUnavailableError, match="make native"):
        executor.execute(program(exit_with()), EMPTY_TAPE)


def touch_many_pages() -> Program:
    """Store to 4,096 pages."""
    loop = [
        encode("sw", rs1=X5, rs2=X6),
        encode("add", X5, X5, X7),
        encode("bltu", rs1=X5, rs2=X6, imm=-8),
    ]
    top = DATA + (4_096 << 12)
    return program([*li(X5, DATA), *li(X7, 1 << 12), *li(X6, top), *loop, *exit_with()])


def address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * 4_096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_is_released() -> None:
    toy = touch_many_pages()
    run = executor.execute(toy, EMPTY_TAPE, record=True)
    assert len(run.zero_words) == 4_096
    before = address_space_bytes()
    for _ in range(20):
        executor.execute(toy, EMPTY_TAPE, record=True)
    assert address_space_bytes() - before < 1 << 30  # one machine maps ten times that


def test_machines_run_side_by_side() -> None:
    toy = touch_many_pages()
    alone = executor.execute(toy, EMPTY_TAPE, record=True)
    runs: list[Execution] = []
    threads = [
        threading.Thread(target=lambda: runs.append(executor.execute(toy, EMPTY_TAPE, record=True)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.record.tobytes() for run in runs] == [alone.record.tobytes()] * 4


# One definition in two languages


def test_operations_and_flags_are_those_of_the_header() -> None:
    header = (NATIVE / "executor.h").read_text()
    ops = {name: int(number) for name, number in re.findall(r"HR_OP_(\w+) = (\d+)", header)}
    assert ops == {op.name: int(op) for op in Op if op not in {Op.NONE, Op.ECALL}}
    for flag in Flag:
        assert re.search(rf"HR_{flag.name} = {int(flag)},", header)


@pytest.mark.parametrize(
    ("struct", "dtype"),
    [
        ("hr_rom_row", ROM_ROW),
        ("hr_cycle", CYCLE),
        ("hr_transfer", TRANSFER),
        ("hr_word_state", WORD_STATE),
    ],
)
def test_layouts_are_those_of_the_header(struct: str, dtype: np.dtype) -> None:
    header = (NATIVE / "executor.h").read_text()
    body = re.search(rf"typedef struct {{([^}}]*)}} {struct};", header)
    assert body is not None
    assert tuple(re.findall(r"(\w+)[,;]", body[1])) == dtype.names


def test_delegations_are_registered_in_one_order() -> None:
    registry = (NATIVE / "delegations" / "registry.h").read_text()
    registered = re.findall(r"&hr_delegation_(\w+),", registry)
    assert registered == [delegation.name for delegation in DELEGATIONS]


def test_delegations_fit_the_buffer_of_the_executor() -> None:
    header = (NATIVE / "delegations" / "delegation.h").read_text()
    limit = re.search(r"HR_DELEGATION_WORDS_MAX = (\d+)", header)
    assert limit is not None
    assert max(delegation.words for delegation in DELEGATIONS) <= int(limit[1])
