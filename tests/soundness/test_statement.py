"""One attack, at least, on every clause of docs/spec/statement.md."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from offchain.air.tables.poseidon2 import FEED_ROWS, ROWS_PER_CALL, UNLOAD_ROWS
from offchain.prover.program_key import make_program_key
from offchain.prover.prove import prove
from offchain.security.parameters import FAST, SETTLE, program_id
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.rejection import Reason, Rejected
from offchain.verifier.verify import verify
from offchain.zkvm import trace
from offchain.zkvm.executor import execute
from offchain.zkvm.program_tables import preprocessed_tables
from tests.soundness.forged_trace import ForgedTrace, assert_caught, check_names, load_constant
from tests.zkvm.rv32im import ECALL, FENCE, encode, li
from tests.zkvm.toy import A7, DATA, TEXT, ecall, program

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec" / "statement.md"
X5, X6, X7 = 5, 6, 7
WORD_MAX = (1 << 32) - 1
REGISTERS, PC, ROM, HOLE = 1 << 40, (1 << 40) + 32, 1 << 41, 1 << 42
READ, WRITE, POSEIDON2, KECCAK_F, COMPRESS = 0x100, 0x101, 0x110, 0x111, 0x112
EXIT = ecall(93)
ZERO_WORD = 0x0003_0000
OUTPUT = {DATA: 11, DATA + 4: 22, DATA + 8: 33}


def writer():
    """A run that writes the words of OUTPUT."""
    return ForgedTrace(program([*ecall(WRITE, DATA, 3), *EXIT], OUTPUT))


def loader():
    """A run with x7 = the word at DATA, which is 5."""
    return ForgedTrace(program([*li(X5, DATA), encode("lw", X7, X5), *EXIT], {DATA: 5}))


@pytest.mark.parametrize("make", [writer, loader])
def test_honest_traces_hold(make):
    assert make().failures() == set()


# Clause S1, the program


@pytest.fixture(scope="module")
def proven():
    """A real proof of a run that writes three words."""
    toy = program([*ecall(WRITE, DATA, 3), *EXIT], OUTPUT)
    execution = execute(toy, np.array([], np.uint32), record=True)
    heights = trace.minimum_heights(toy, execution.row_counts, FAST.blinding_rows)
    main = trace.fill_tables(toy, execution, heights, FAST.blinding_rows)
    with ThreadPoolExecutor() as executor:
        key = make_program_key(preprocessed_tables(toy, heights), toy.entry, FAST, executor)
    proof = prove(key, main, list(OUTPUT.values()), randomness_key=bytes(32))
    return proof.data, key


def reason_of(*arguments):
    with pytest.raises(Rejected) as caught:
        verify(*arguments)
    return caught.value.reason


def test_another_program_is_refused(proven):
    data, key = proven
    assert verify(data, key.program_id, list(OUTPUT.values())).entry_pc == TEXT
    assert reason_of(data, bytes(32)) is Reason.WRONG_PROGRAM


def test_the_program_id_names_all_of_the_program():
    root, heights = bytes(range(32)), (10, 11, 15)
    ids = {
        program_id(FAST, root, heights, TEXT),
        program_id(SETTLE, root, heights, TEXT),
        program_id(FAST, root[::-1], heights, TEXT),
        program_id(FAST, root, (11, 10, 15), TEXT),
        program_id(FAST, root, heights, TEXT + 4),
    }
    assert len(ids) == 5


# Clause S2, the entry


def test_another_entry():
    forged = ForgedTrace(program([FENCE, FENCE, *EXIT]))
    assert forged.failures(entry=TEXT + 4) == {"bus memory"}
    shifted = ForgedTrace(program([FENCE, FENCE, *EXIT], entry=TEXT + 4))
    assert shifted.failures() == set()
    assert shifted.failures(entry=TEXT) == {"bus memory"}


def test_another_entry_in_the_proof(proven):
    data, key = proven
    entry, other = (pc.to_bytes(4, "big") for pc in (TEXT, TEXT + 4))
    at = data.index(entry + key.commitment.root)
    assert reason_of(data[:at] + other + data[at + 4 :], key.program_id) is Reason.WRONG_PROGRAM


# Clause S3, registers


def test_a_register_that_is_not_zero_at_the_start():
    forged = ForgedTrace(program([encode("beq", 0, X5, 0, 4), *EXIT]))
    forged.change("cpu", 0, a=7, r=0)
    forged.change("add", 0, a=7, r=0, inverse=pow(7, -1, P))
    forged["image", "final_value", X5] = 7
    supplied = {("memory", (REGISTERS + X5, 0, 7)): 1, ("memory", (REGISTERS + X5, 0, 0)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


# Clause S4, memory at the start


def test_another_image():
    text = [*li(X5, DATA), encode("lw", X7, X5), *EXIT]
    forged = ForgedTrace(program(text, {DATA: 6}), claimed=program(text, {DATA: 5}))
    supplied = {("memory", (DATA, 0, 6)): 1, ("memory", (DATA, 0, 5)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


def test_a_word_outside_the_image_that_is_not_zero():
    forged = ForgedTrace(program([*li(X5, ZERO_WORD), encode("lw", X7, X5), *EXIT]))
    (row,) = forged.rows_where("zero_memory", is_zero=1)
    forged.set_result("memory", 0, X7, 7)
    forged.change("memory", 0, old=7, new=7)
    rows = forged.zero_memory()
    rows[row] = (False, ZERO_WORD // 4, ZERO_WORD // 4 + 7, rows[row][3], 7)
    forged.set_zero_memory(rows)
    assert_caught(forged, "zero_memory: a word ends where it starts")


def test_a_word_opened_twice():
    text = [*li(X5, ZERO_WORD), encode("sw", 0, X5, X5), encode("lw", X7, X5), *EXIT]
    forged = ForgedTrace(program(text))
    (row,) = forged.rows_where("zero_memory", is_zero=1)
    store, load = (4 * forged["memory", "time", i] + 2 for i in range(2))
    forged.set_result("memory", 1, X7, 0)
    forged.change("memory", 1, old=0, new=0, previous=0, time_low=load - 1)
    rows, word = forged.zero_memory(), ZERO_WORD // 4
    twice = [(False, word, word, store, ZERO_WORD), (False, word, word, load, 0)]
    forged.set_zero_memory([*rows[:row], *twice, *rows[row + 1 :]])
    step = "zero_memory: step to the next row, high half below 2^16 (range16)"
    assert_caught(forged, "bus range16", without={step})


def test_a_zero_word_in_the_image():
    forged = loader()
    timestamp = 4 * forged["memory", "time", 0] + 2
    forged.set_result("memory", 0, X7, 0)
    forged.change("memory", 0, old=0, new=0)
    row = forged.image_row(DATA)
    forged.change("image", row, final_timestamp=0, final_value=5)
    rows, word = forged.zero_memory(), DATA // 4
    position = [first for _, first, *_ in rows].index(word)
    hole = rows[position]
    rows[position] = (False, word, word, timestamp, 0)
    forged.set_zero_memory(rows)
    assert hole[:3] == (True, word, word)
    supplied = {("memory", (HOLE + DATA, 0, 0)): -1}  # a program without this hole
    assert_caught(forged, "bus memory", supplied=supplied)


# Clause S5, instructions


def test_an_instruction_that_is_not_in_rom():
    forged = ForgedTrace(program([encode("addi", X7, 0, imm=1), *EXIT]))
    (addition,) = forged.rows_where("add", y=1, a=0)
    forged.set_result("add", addition, X7, 2)
    forged.change("add", addition, y=2, r_low=2)
    forged.change("cpu", 0, imm=2, y=2)
    assert_caught(forged, "bus fetch", without={"cpu: instruction (fetch)"})


def test_an_instruction_fetched_from_ram():
    forged = ForgedTrace(program([encode("jal", imm=8), FENCE, FENCE, *EXIT]))
    (fence,) = forged.rows_where("cpu", pc=TEXT + 8)
    forged.change("cpu", 0, alt=DATA, next_pc=DATA)
    forged["cpu", "pc", fence] = DATA
    assert_caught(forged, "bus fetch", without={"cpu: instruction (fetch)"})


# Clause S6, what an instruction does


def test_a_wrong_result():
    forged = ForgedTrace(program([encode("addi", X7, 0, imm=1), *EXIT]))
    (addition,) = forged.rows_where("add", y=1, a=0)
    forged.set_result("add", addition, X7, 2)
    forged["add", "r_low", addition] = 2
    assert_caught(forged, "add: addition")


def test_a_result_that_no_table_computes():
    forged = ForgedTrace(program([encode("addi", X7, 0, imm=1), *EXIT]))
    forged["cpu", "r", 0] = 2
    forged["image", "final_value", X7] = 2
    supplied = {("dispatch", (1, 0, 0, 1, 1)): 1, ("dispatch", (1, 0, 0, 1, 2)): -1}
    assert_caught(forged, "bus dispatch", supplied=supplied)


def test_x0_written():
    """The instruction before the exit's ecall, which does not read x0."""
    forged = ForgedTrace(program([*EXIT[:-1], encode("addi", 0, 0, imm=1), EXIT[-1]]))
    row = forged.row_counts["cpu"] - 2
    clk = forged["cpu", "clk", row]
    forged.change("cpu", row, is_write=1, rd_previous=4 * clk + 1, rd_low=1)
    forged.change("image", 0, final_timestamp=4 * clk + 3, final_value=1)
    assert_caught(forged, "bus fetch", without={"cpu: instruction (fetch)"})


# Clause S7, one run


def test_a_second_chain_of_pcs():
    forged = ForgedTrace(program([encode("jal", imm=0), *EXIT], entry=TEXT + 4))
    assert forged.failures() == set()
    clk = 100
    cells = {
        "clk": clk, "pc": TEXT, "next_pc": TEXT, "imm": TEXT + 4, "alt": TEXT, "y": TEXT + 4,
        "r": TEXT + 4, "is_const": 1,
    }  # fmt: skip
    last_read = forged["image", "final_timestamp", 0]
    reads = {
        "rs1_previous": last_read, "rs1_low": 4 * clk - 1 - last_read, "rs2_previous": 4 * clk
    }  # fmt: skip
    forged.append("cpu", **cells, **reads)
    forged["image", "final_timestamp", 0] = 4 * clk + 1
    supplied = {("memory", (PC, 4 * clk, TEXT)): 1, ("memory", (PC, 4 * clk + 4, TEXT)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


def test_a_jump_to_another_instruction():
    forged = ForgedTrace(program([encode("jal", imm=8), FENCE, *EXIT]))
    forged["cpu", "next_pc", 0] = TEXT + 4
    assert forged.failures() == {"cpu: next pc", "bus memory"}


# Clause S8, memory


def test_a_load_of_another_value_than_the_last_store():
    text = [*li(X5, DATA), encode("sw", 0, X5, X5), encode("lw", X7, X5), *EXIT]
    forged = ForgedTrace(program(text, {DATA: 5}))
    forged.set_result("memory", 1, X7, 5)
    forged.change("memory", 1, old=5, new=5)
    forged["image", "final_value", forged.image_row(DATA)] = 5
    store = 4 * forged["memory", "time", 0] + 2
    supplied = {("memory", (DATA, store, 5)): 1, ("memory", (DATA, store, DATA)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


def test_a_store_into_rom():
    forged = load_constant([encode("sw", 0, X5), *EXIT], X5, DATA + 4, TEXT)
    timestamp = 4 * forged["memory", "time", 1] + 2
    instruction = int(forged.claimed.values[0])
    forged.change("memory", 1, is_rom=1, address=ROM + TEXT, old=instruction, new=0)
    forged.change("memory", 1, previous=0, time_low=timestamp - 1)
    forged.change("image", forged.image_row(DATA + 4), final_timestamp=0, final_value=5)
    row = forged.image_row(ROM + TEXT)
    forged.change("image", row, final_timestamp=timestamp, final_value=0)
    assert_caught(forged, "memory: ROM is not written")


def test_a_read_of_an_unmapped_word():
    """Word 0, in the null page: it exists only without the page's hole."""
    forged = load_constant([encode("lw", X7, X5), *EXIT], X5, ZERO_WORD, 0)
    timestamp = 4 * forged["memory", "time", 1] + 2
    null_page, *others = [row for row in forged.zero_memory() if row[0]]
    forged.set_zero_memory([(False, 0, 0, timestamp, 0), *others])
    forged["memory", "address", 1] = 0
    first, last = null_page[1:3]
    supplied = {("memory", (HOLE + 4 * first, 0, last - first)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


def test_a_misaligned_word():
    forged = load_constant([encode("lw", X7, X5), *EXIT], X5, DATA + 4, DATA + 6)
    forged.change("memory", 1, is_upper_half=1, address=DATA + 4)
    assert_caught(forged, "memory: words are aligned")


def test_a_misaligned_half():
    forged = load_constant([encode("lh", X7, X5), *EXIT], X5, DATA + 4, DATA + 5)
    forged.change("memory", 1, is_upper_half=0, is_upper_byte=1, address=DATA + 4)
    forged.change("memory", 1, half=5, other_half=0, byte=0, other_byte=5, byte_and=0)
    assert_caught(forged, "memory: address of the word")


# Clause S9, the exit


def test_a_run_without_an_exit():
    forged = ForgedTrace(program([FENCE, *EXIT]))
    last = forged.row_counts["cpu"] - 1
    for column in forged.main["cpu"]:
        column[last] = 0
    assert forged.failures() == {"bus memory"}


def test_an_exit_of_another_code():
    forged = ForgedTrace(program([*ecall(93, 1)]))
    assert_caught(forged, "cpu: exit has code 0")


def test_an_exit_by_another_ecall():
    forged = load_constant([ECALL], A7, 93, 94)
    forged.change("cpu", 3, is_exit=1, next_pc=forged["cpu", "alt", 3])
    assert_caught(forged, "cpu: exit has its number")


# Clause S10, the output


@pytest.mark.parametrize(
    "output",
    [(11, 22, 34), (22, 11, 33), (11, 22, 33, 0), (11, 22), ()],
    ids=["changed", "reordered", "extended", "cut", "empty"],
)
def test_another_output(output):
    assert writer().failures(output=output) == {"bus link"}


def test_an_output_index_written_twice():
    toy = program([*ecall(WRITE, DATA, 1), *ecall(WRITE | 1 << 12, DATA + 4, 1), *EXIT], OUTPUT)
    forged = ForgedTrace(toy)
    assert forged.failures() == set()
    forged["transfer", "index", 1] = 0
    index = "transfer: writes have their number and index"
    assert forged.failures({index}) == {"bus link"}
    assert forged.failures() == {index, "bus link"}


def test_another_output_in_the_proof(proven):
    data, key = proven
    for output in ([11, 22, 34], [22, 11, 33], [11, 22, 33, 0], [11, 22], []):
        assert reason_of(data, key.program_id, output) is Reason.WRONG_OUTPUT
    words = b"".join(word.to_bytes(4, "big") for word in OUTPUT.values())
    at = data.index(words)
    changed = data[:at] + words[:-1] + b"\x22" + data[at + 12 :]
    assert reason_of(changed, key.program_id) is Reason.QUOTIENT_MISMATCH


# Clause S11, the tape


@pytest.mark.parametrize("tape", [(1, 2), (0xFFFF_FFFF, 0)])
def test_any_tape_will_do(tape):
    text = [*ecall(READ, DATA, 2), *EXIT]
    assert ForgedTrace(program(text, OUTPUT), tape).failures() == set()


def test_a_tape_of_more_than_words():
    forged = ForgedTrace(program([*ecall(READ, DATA, 1), *EXIT], OUTPUT), (3,))
    word = forged.image_row(DATA)
    forged["transfer", "new", 0] = 3 + (1 << 32)
    forged["image", "final_value", word] = 3 + (1 << 32)
    check = "transfer: word after, high half below 2^16 (range16)"
    assert_caught(forged, "bus range16", without={check})


# Clause S12, delegations


@pytest.mark.parametrize(("code", "words"), [(POSEIDON2, 16), (KECCAK_F, 50), (COMPRESS, 16)])
def test_another_result_of_a_delegation(code, words):
    image = {DATA + 4 * i: i for i in range(words)}
    forged = ForgedTrace(program([*ecall(code, DATA, words), *EXIT], image))
    last = words - 1
    changed = forged["transfer", "new", last] ^ 1
    forged.change("transfer", last, new=changed, new_low=changed & 0xFFFF)
    forged["image", "final_value", forged.image_row(DATA + 4 * last)] = changed
    honest = changed ^ 1
    (row,) = forged.rows_where("transfer", left=1)
    time = forged["transfer", "time", row]
    supplied = {
        ("link", (code, time, 1, last, honest)): 1,
        ("link", (code, time, 1, last, changed)): -1,
    }
    assert_caught(forged, "bus link", supplied=supplied)


def compression():
    """A run that compresses the words 0, 1, ..., 15 at DATA."""
    image = {DATA + 4 * i: i for i in range(16)}
    return ForgedTrace(program([*ecall(COMPRESS, DATA, 16), *EXIT], image))


def unload(forged, state):
    """Let a state leave the block's rows from the first that unloads, and give its words to RAM."""
    for row in UNLOAD_ROWS:
        set_state(forged, row, state)
        low, high = state[0] & WORD_MAX, state[0] >> 32
        forged.change("poseidon2", row, low=low, high=high, inverse=pow(WORD_MAX - high, -1, P))
        position = (2 * (row - UNLOAD_ROWS[0]) + 8) % 16
        for i, word in ((position, low), (position + 1, high)):
            forged.change("transfer", i, new=word, new_low=word & 0xFFFF)
            forged["image", "final_value", forged.image_row(DATA + 4 * i)] = word
        state = [*state[1:], state[0]]
    set_state(forged, UNLOAD_ROWS.stop, state)


def set_state(forged, row, state):
    for i, element in enumerate(state):
        forged["poseidon2", f"state_{i}", row] = element
    for i, x in enumerate(state[:4]):
        forged.change("poseidon2", row, **{f"cube_{i}": x**3, f"seventh_{i}": x**7})


def state_of(forged, row):
    return [forged["poseidon2", f"state_{i}", row] for i in range(8)]


def test_another_input_fed_forward():
    """The last element that is added is not the one that was loaded."""
    forged = compression()
    row = FEED_ROWS[-1]
    forged.change("poseidon2", row, low=7, inverse=pow(WORD_MAX - 7, -1, P))
    state = state_of(forged, UNLOAD_ROWS[0])
    unload(forged, [*state[:7], (state[7] + 1) % P])
    time = forged["transfer", "time", 0]
    supplied = {
        ("link", (COMPRESS, time, 0, 6, 7)): 1,
        ("link", (COMPRESS, time, 0, 6, 6)): -1,
    }
    assert_caught(forged, "bus link", supplied=supplied)


def test_a_permutation_in_place_of_a_compression():
    """Nothing is added, as the rows say that the call is a permutation."""
    forged = compression()
    for row in range(ROWS_PER_CALL):
        forged["poseidon2", "is_compress", row] = 0
    state = state_of(forged, FEED_ROWS[0])
    for row in FEED_ROWS:
        set_state(forged, row, state)
        state = [*state[1:], state[0]]
    unload(forged, state)
    time, supplied = forged["transfer", "time", 0], {}
    for i in range(16):
        old, new = (forged["transfer", name, i] for name in ("old", "new"))
        for side, word, times in ((0, old, 2), (1, new, 1)):
            supplied["link", (POSEIDON2, time, side, i, word)] = times
            supplied["link", (COMPRESS, time, side, i, word)] = -times
    assert_caught(forged, "bus link", supplied=supplied)


# The page


def test_every_clause_has_its_attacks_and_every_attack_its_clause():
    clauses = re.split(r"^## (?=S\d)", PAGE.read_text(), flags=re.MULTILINE)[1:]
    assert [clause.split(" ")[0] for clause in clauses] == [f"S{i}" for i in range(1, 13)]
    named = [re.findall(r"`(test_\w+)`", clause) for clause in clauses]
    assert all(named)
    for clause in clauses:
        for check in re.findall(r"`(\w+: [^`]+)`", clause):
            assert check in check_names(), check
    own = {name for name in globals() if name.startswith("test_")}
    others = {
        test_every_clause_has_its_attacks_and_every_attack_its_clause.__name__,
        test_honest_traces_hold.__name__,
    }
    assert {name for names in named for name in names} == own - others
