"""Soundness bugs that other zkVMs had in their tables, tried on ours.

Each test forges a trace that shows the bug's effect. `assert_caught` states which check stops it,
and that the machine without this check accepts it. Sources: Airbender's list of its own 22 bugs
(matter-labs/zksync-airbender, zk-circuit-review), the advisories named in the tests.
"""

import pytest

from offchain.air.expression import Column, leaves
from offchain.air.machine import TABLES
from offchain.air.table import Where
from offchain.air.tables.poseidon2 import FEED_ROWS
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.zkvm.elf import SegmentOverlapError
from offchain.zkvm.program import load_program
from tests.soundness.forged_trace import ForgedTrace, assert_caught
from tests.zkvm.rv32im import FENCE, encode, li
from tests.zkvm.toy import DATA, READ_EXECUTE, READ_WRITE, TEXT, ecall, elf_file, program

X5, X6, X7 = 5, 6, 7
EXIT = ecall(93)
ZERO_WORD = 0x0003_0000
POSEIDON2 = 0x110
REGISTERS = 1 << 40
WORD_MAX = (1 << 32) - 1


def operation(name, a, y):
    """A run of one operation x7 = name(x5, x6), x5 = a, x6 = y."""
    return ForgedTrace(program([*li(X5, a), *li(X6, y), encode(name, X7, X5, X6), *EXIT]))


def split_inverse(high, low):
    """Witness that a product's split is canonical."""
    return pow(WORD_MAX - high, -1, P) if low else 0


def load_after_two_stores():
    """Store 1 and 2 in a word with a fence between, then load it: memory rows 0, 1, 2."""
    text = [
        *li(X5, DATA),
        *li(X6, 1),
        encode("sw", 0, X5, X6),
        FENCE,
        *li(X6, 2),
        encode("sw", 0, X5, X6),
        encode("lw", X7, X5),
        *EXIT,
    ]
    return ForgedTrace(program(text, {DATA: 0}))


def set_previous(forged, row, previous):
    """Let a memory row follow the access at timestamp `previous`."""
    since = (4 * forged["memory", "time", row] + 1 - previous) % P
    low = since % (1 << 16) if since < 1 << 32 else 0
    forged.change("memory", row, previous=previous, time_low=low)


# Airbender


def test_deferred_constraint():
    """Constraints that were collected and never emitted (Airbender): a division without its own."""
    forged = operation("divu", 7, 2)
    forged.set_result("arith", 0, X7, 2)
    forged.change("arith", 0, high_0=2, magnitude=2, inverse=split_inverse(2, 1))
    assert_caught(forged, "arith: division")


def test_omitted_branch():
    """A case of the next pc left out (Airbender): a branch that is taken goes straight on."""
    text = [encode("beq", imm=8), encode("jal", imm=8), encode("jal", imm=4), *EXIT]
    forged = ForgedTrace(program(text))
    assert forged["cpu", "pc", 1] == TEXT + 8
    forged["cpu", "next_pc", 0] = TEXT + 4
    forged.change("cpu", 1, pc=TEXT + 4, imm=TEXT + 8, y=TEXT + 8, r=TEXT + 8)
    assert_caught(forged, "cpu: next pc")


def test_wrong_mask_of_sra():
    """SRA that fills with zeros (Airbender)."""
    forged = operation("sra", 0x8000_0000, 4)
    forged.set_result("arith", 0, X7, 0x0800_0000)
    assert_caught(forged, "arith: result of a shift to the right")


def test_wrong_table_of_lhu():
    """LHU that extends the sign (Airbender)."""
    text = [*li(X5, DATA), encode("lhu", X7, X5), *EXIT]
    forged = ForgedTrace(program(text, {DATA: 0x8000}))
    forged.set_result("memory", 0, X7, 0xFFFF_8000)
    assert_caught(forged, "memory: load of an unsigned half")


def test_wrong_byte_table():
    """A bitwise result that is not in the table of bytes (Airbender: wrong table)."""
    forged = operation("and", 6, 3)
    assert forged["bitwise", "and_0", 0] == 2
    forged["bitwise", "and_0", 0] = 3
    (row,) = forged.rows_where("cpu", a=6, y=3)
    forged["cpu", "r", row] = 3
    forged["image", "final_value", X7] = 3
    assert_caught(forged, "bus byte_and", without={"bitwise: byte 0 (byte_and)"})


def test_borrow_of_a_subtraction():
    """A borrow although a >= y (Airbender: borrow sign): the result exceeds a word."""
    forged = operation("sub", 9, 4)
    (row,) = forged.rows_where("add", is_sub=1)
    forged.set_result("add", row, X7, 5 + (1 << 32))
    forged["add", "carry", row] = 1
    assert_caught(forged, "bus range16", without={"add: r, high half below 2^16 (range16)"})


def test_borrow_of_a_comparison():
    """SLTU that says 9 < 4 (Airbender: borrow sign)."""
    forged = operation("sltu", 9, 4)
    forged.set_result("arith", 0, X7, 1)
    forged.change("arith", 0, last_0=5, last_1=1 << 16)
    assert_caught(forged, "bus range16", without={"arith: last_1 below 2^16 (range16)"})


@pytest.mark.parametrize(("name", "result"), [("mulhu", WORD_MAX), ("mul", 36)])
def test_missing_canonicity_of_a_product(name, result):
    """5 * 7 = 36 + 2^32 (2^32 - 1) modulo p (Airbender: missing canonicity selector)."""
    forged = operation(name, 5, 7)
    forged.set_result("arith", 0, X7, result)
    limbs = {"high_0": 0xFFFF, "high_1": 0xFFFF, "low_0": 36, "low_1": 0, "inverse": 0}
    if name == "mulhu":
        limbs |= {"last_0": 0xFFFF, "last_1": 0xFFFF}
    forged.change("arith", 0, **limbs)
    assert_caught(forged, "arith: the product's split is the canonical one")


def test_missing_canonicity_of_an_element():
    """The element 0 read from RAM as p (Airbender: missing canonicity selector)."""
    text = [*ecall(POSEIDON2, DATA, 16), *EXIT]
    words = {DATA + 4 * i: 0 for i in range(16)}
    p_words = words | {DATA: 1, DATA + 4: WORD_MAX}
    forged = ForgedTrace(program(text, words), claimed=program(text, p_words))
    forged["transfer", "old", 0] = 1
    forged["transfer", "old", 1] = WORD_MAX
    for row in (0, FEED_ROWS[0]):
        forged.change("poseidon2", row, low=1, high=WORD_MAX)
    assert_caught(forged, "poseidon2: canonical element")


def test_memory_tuple_not_bound():
    """A load that serves a value of its own (Airbender PR 334: tuple cache not bound)."""
    text = [*li(X5, DATA), encode("lw", X7, X5), *EXIT]
    forged = ForgedTrace(program(text, {DATA: 5}))
    forged.set_result("memory", 0, X7, 9)
    forged.change("memory", 0, old=9, new=9)
    (image_row,) = [
        r for r, address in enumerate(forged.preprocessed["image"][0]) if address == DATA
    ]
    forged["image", "final_value", image_row] = 9
    supplied = {("memory", (DATA, 0, 9)): 1, ("memory", (DATA, 0, 5)): -1}
    assert_caught(forged, "bus memory", supplied=supplied)


def test_subword_address_aliasing():
    """A byte load from address 1 that gives byte 0 (Airbender PR 334)."""
    text = [*li(X5, DATA), encode("lb", X7, X5, imm=1), *EXIT]
    forged = ForgedTrace(program(text, {DATA: 0x0102}))
    forged.set_result("memory", 0, X7, 2)
    forged.change("memory", 0, is_upper_byte=0, byte=2, other_byte=1)
    assert_caught(forged, "memory: address of the word")


# Pico, powdr, Miden


def test_time_not_bound_to_the_clock():
    """A load that claims an earlier cycle, before the second store (Pico 104)."""
    forged = load_after_two_stores()
    (fence,) = (r for r in forged.rows_where("cpu", is_const=1, rd=0) if r < len(EXIT))
    earlier = forged["cpu", "clk", fence]
    store_1, store_2 = (4 * forged["memory", "time", row] + 2 for row in (0, 1))
    (load,) = forged.rows_where("cpu", is_load=1)
    forged.set_result("memory", 2, X7, 1)
    forged["cpu", "time", load] = earlier
    forged.change("memory", 2, time=earlier, old=1, new=1)
    set_previous(forged, 2, store_1)
    set_previous(forged, 1, 4 * earlier + 2)
    forged["memory", "old", 1] = 1
    (word,) = (r for r, a in enumerate(forged.preprocessed["image"][0]) if a == DATA)
    forged.change("image", word, final_timestamp=store_2, final_value=2)
    assert_caught(forged, "cpu: time of RAM accesses")


def test_timestamps_without_range_check():
    """A load of an overwritten value: the store then follows the later load (powdr 3717)."""
    forged = load_after_two_stores()
    store_1, store_2, load = (4 * forged["memory", "time", row] + 2 for row in range(3))
    forged.set_result("memory", 2, X7, 1)
    forged.change("memory", 2, old=1, new=1)
    set_previous(forged, 2, store_1)
    set_previous(forged, 1, load)
    (word,) = (r for r, a in enumerate(forged.preprocessed["image"][0]) if a == DATA)
    forged.change("image", word, final_timestamp=store_2, final_value=2)
    assert_caught(
        forged, "bus range16", without={"memory: word, time since, high half below 2^16 (range16)"}
    )


def test_segment_clobbered_by_zero_fill():
    """A segment whose zero-filled end reaches into the next one (Pico 104) is no program."""
    code = EXIT[0].to_bytes(4, "little")
    overlapping = [(TEXT, code, 4, READ_EXECUTE), (DATA, b"", 8, READ_WRITE)]
    load_program(elf_file([*overlapping, (DATA + 8, b"data", 4, READ_WRITE)]))
    with pytest.raises(SegmentOverlapError):
        load_program(elf_file([*overlapping, (DATA + 4, b"data", 4, READ_WRITE)]))


def test_steps_in_range_from_an_unchecked_start():
    """Steps range-checked but not the first value (Miden 2935): word -1 of RAM, unmapped."""
    text = [*li(X5, DATA), encode("lw", X5, X5), encode("lw", X7, X5), *EXIT]
    run = program(text, {DATA: ZERO_WORD})

    def edit(execution):
        execution.record["r"][2] = execution.record["a"][3] = WORD_MAX - 3
        execution.record["word_old"][2] = execution.record["word_new"][2] = WORD_MAX - 3
        execution.registers["value"][X5] = WORD_MAX - 3
        execution.image_final["value"][-1] = WORD_MAX - 3

    forged = ForgedTrace(run, edit=edit, claimed=program(text, {DATA: WORD_MAX - 3}))
    forged.change("memory", 1, carry=1, address=-4)
    *rest, _ = forged.zero_memory()
    rows = [row for row in forged.zero_memory() if row[0]]
    timestamp = 4 * forged["memory", "time", 1] + 2
    forged.set_zero_memory([(False, -1, -1, timestamp, 0), *rows])
    assert len(rest) == len(rows)
    assert_caught(forged, "zero_memory: the order starts at word 0")


# RISC Zero, OpenVM


def test_both_operands_in_one_register():
    """add x7, x5, x5 with two values of x5 (RISC Zero ghsa-g3qg-6746-3mg9)."""
    forged = ForgedTrace(program([*li(X5, 7), encode("add", X7, X5, X5), *EXIT]))
    (row,) = forged.rows_where("cpu", rs1=X5, rs2=X5)
    (addition,) = forged.rows_where("add", a=7, y=7)
    forged.set_result("add", addition, X7, 16)
    forged.change("add", addition, y=9, r_low=16)
    forged.change("cpu", row, b=9, y=9)
    forged["image", "final_value", X5] = 9
    timestamp = 4 * forged["cpu", "clk", row]
    supplied = {
        ("memory", (REGISTERS + X5, timestamp, 9)): 1,
        ("memory", (REGISTERS + X5, timestamp, 7)): -1,
    }
    assert_caught(forged, "bus memory", supplied=supplied)


def test_division_by_zero():
    """7 / 0 = 5 with remainder 7 (RISC Zero ghsa-f6rc-24x4-ppxp)."""
    forged = operation("divu", 7, 0)
    assert forged["arith", "r", 0] == WORD_MAX
    forged.set_result("arith", 0, X7, 5)
    forged.change("arith", 0, is_by_zero=0, high_0=5, magnitude=5, last_0=-8, last_1=0)
    forged["arith", "inverse", 0] = split_inverse(5, 7)
    assert_caught(forged, "bus range16", without={"arith: last_0 below 2^16 (range16)"})


def test_overflow_of_a_division():
    """-2^31 / -1 = 2^31 - 1 (RISC Zero ghsa-f6rc-24x4-ppxp)."""
    forged = operation("div", 0x8000_0000, WORD_MAX)
    assert forged["arith", "r", 0] == 0x8000_0000
    forged.set_result("arith", 0, X7, 0x7FFF_FFFF)
    assert_caught(forged, "arith: result with its sign")


def test_sign_of_a_remainder():
    """-7 % 2 = 1 (RISC Zero ghsa-f6rc-24x4-ppxp)."""
    forged = operation("rem", -7 & WORD_MAX, 2)
    forged.set_result("arith", 0, X7, 1)
    forged.change("arith", 0, is_negative=0, borrow=0, magnitude_inverse=0)
    assert_caught(forged, "arith: sign of the remainder")


def test_auipc():
    """AUIPC with a limb off by one (OpenVM GHSA-jf2r-x3j4-23m7)."""
    forged = ForgedTrace(program([encode("auipc", X7, imm=0x1000), *EXIT]))
    forged["cpu", "r", 0] = TEXT + 0x1000 + (1 << 16)
    forged["image", "final_value", X7] = TEXT + 0x1000 + (1 << 16)
    assert_caught(forged, "cpu: constant result")


# Our own


def test_multiplicity_read_from_the_terminal_row():
    """7 / 2 = 0xDEADBEEF: a lookup whose multiplicity no constraint binds (found in review).

    On the last usable row the multiplicity of a step's range check is read from the terminal row.
    With -1 there, the lookups of two chosen values are given instead of taken.
    """
    forged = operation("divu", 7, 2)
    quotient = 0xDEAD_BEEF
    remainder = (7 - 2 * quotient) % P
    difference = (1 - remainder) % P
    forged.set_result("arith", 0, X7, quotient)
    forged.change(
        "arith", 0, high_0=quotient & 0xFFFF, high_1=quotient >> 16, low_0=remainder, low_1=0,
        last_0=difference, last_1=0, magnitude=quotient,
        inverse=split_inverse(quotient, remainder),
    )  # fmt: skip
    assert forged.failures() == {"bus range16"}
    terminal = forged.row_counts["zero_memory"]
    end = forged["zero_memory", "last", terminal - 1]
    forged["zero_memory", "step_low", terminal - 1] = remainder
    forged.change(
        "zero_memory", terminal, is_zero=-1, first=end + 1 + remainder + difference * 65536
    )
    assert_caught(forged, "zero_memory: no step beyond the last row")


def test_what_the_last_usable_row_reads_next_is_bound():
    """A multiplicity that reads the next row has a terminal constraint on what it reads."""
    for table in TABLES:
        read = set()
        for item in table.interactions:
            read |= next_columns([item.numerator])
        bound = [c.expression for c in table.constraints if c.where is Where.TERMINAL]
        assert read <= {leaf.name for e in bound for leaf in leaves(e) if isinstance(leaf, Column)}


def next_columns(expressions):
    """Columns that expressions read on the next row."""
    found = (leaf for expression in expressions for leaf in leaves(expression))
    return {leaf.name for leaf in found if isinstance(leaf, Column) and leaf.is_next}
