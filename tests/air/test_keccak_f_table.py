"""The keccak_f table: its filler against a plain twin, and forged blocks."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from offchain.air.buses import FETCH, LINK
from offchain.air.opcodes import ECALL_KECCAK_F
from offchain.air.tables.keccak_f import IOTA_PC, ROWS_PER_CALL, build, iota_rows
from offchain.zkvm.delegations.keccak_f import KECCAK_F
from tests.air.changed_rows import Cell, ChangedRows, Tuple
from tests.air.conftest import Fill

TABLE = build()
TIME = 77
BLOCK = 64
KINDS = ("is_in", "is_load", "is_chi", "is_drop", "is_out")
IN, LOAD, FIRST_CHI, LAST_CHI, DROP, OUT, SPARE = 0, 1, 2, 25, 26, 27, 28
SAMPLE = (IN, LOAD, 10, LAST_CHI, DROP, OUT)
STEPS = (0, *range(26), 24)
"""Step of each block of a call."""
WORD_COLUMNS = (
    *(f"b_{i}" for i in range(25)),
    *(f"rc_{i}" for i in range(5)),
    "p_0",
    "p_1",
)


def random_words(seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.getrandbits(32) for _ in range(50)]


def rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) % 2**64


def rho_pi() -> list[tuple[int, int]]:
    """Where each lane goes and by how much it turns."""
    places = [(0, 0)] * 25
    x, y = 1, 0
    for t in range(24):
        lane = x + 5 * y
        x, y = y, (2 * x + 3 * y) % 5
        places[lane] = (x + 5 * y, (t + 1) * (t + 2) // 2 % 64)
    return places


RHO_PI = rho_pi()


@dataclass(frozen=True)
class Forgery:
    """How a twin departs from the permutation.

    Attributes
    ----------
    steps
        Steps between input and output.
    loads
        Those at which the state is passed on without chi and iota.
    stray
        Bit that the input block sends although it has no theta: name, number, position.
    """

    steps: range = range(25)
    loads: frozenset[int] = frozenset({0})
    stray: tuple[str, int, int] | None = None

    def strays(self, name: str) -> tuple[int, int]:
        """Number and mask of the stray bit of a = (state) or c."""
        if self.stray is None or self.stray[0] != name:
            return 0, 0
        return self.stray[1], 1 << self.stray[2]


class Twin:
    """Columns of one call, a block at a time, from the definition of the permutation."""

    def __init__(self, time: int, words: Sequence[int], forgery: Forgery = Forgery()) -> None:
        self.columns: dict[str, list[int]] = {column.name: [] for column in TABLE.main}
        self.time = time
        self.forgery = forgery
        steps = forgery.steps
        b = [low | high << 32 for low, high in zip(words[::2], words[1::2], strict=True)]
        a = b
        self.words("is_in", steps[0], words)
        if forgery.stray is not None:
            name, number, z = forgery.stray
            self.columns[f"{name}_{number}"][z] = 1
        for step in steps:
            kind, iota = "is_load", 0
            if step not in forgery.loads:
                kind, iota = "is_chi", round_constant(step)
                a = [
                    b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & b[i - i % 5 + (i + 2) % 5])
                    for i in range(25)
                ]
                a[0] ^= iota
            else:
                a = b
            b = self.slices(kind, step, b, a, iota)
        self.columns["is_last"][-64:] = [1] * 64
        self.block("is_drop", steps[-1] + 1, lanes({"b": b, "q": b[:1]}))
        self.output = [half for lane in a for half in (lane % 2**32, lane >> 32)]
        self.words("is_out", steps[-1], self.output)
        chi_steps = [step for step in steps if step not in forgery.loads]
        self.sent = link(words, self.output, time) + iota_lookups(chi_steps)

    def block(self, kind: str, step: int, bits: dict[str, int]) -> None:
        for name, cells in self.columns.items():
            cells += [bits.get(name, 0) >> z & 1 for z in range(64)]
        for name, value in (("time", self.time), ("step", step), (kind, 1)):
            self.columns[name][-64:] = [value] * 64

    def words(self, kind: str, step: int, words: Sequence[int]) -> None:
        bits = {
            name: sum((word >> j & 1) << z for z, word in enumerate(words))
            for j, name in enumerate(WORD_COLUMNS)
        }
        self.block(kind, step, bits | {"q": bits["b_0"]})

    def slices(
        self, kind: str, step: int, b: Sequence[int], a: Sequence[int], iota: int
    ) -> list[int]:
        """Write a block of bit slices and return what the next one receives."""
        is_first = step == self.forgery.steps[0]
        p = [a[x] ^ a[x + 5] ^ a[x + 10] for x in range(5)]
        c = [p[x] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        rc = [rotate(lane, 1) for lane in c]
        if is_first:
            number, mask = self.forgery.strays("c")
            rc[number] |= rotate(mask, 1)
        d = [c[x - 1] ^ rc[(x + 1) % 5] for x in range(5)]
        bits = {"b": b, "a": a, "p": p, "c": c, "rc": rc, "d": d, "q": [b[0] ^ iota]}
        self.block(kind, step, lanes(bits) | {"iota": iota})
        turned = [a[i] ^ d[i % 5] for i in range(25)]
        if is_first:
            number, mask = self.forgery.strays("a")
            turned[number] |= mask
        sent = [0] * 25
        for lane, (target, by) in zip(turned, RHO_PI, strict=True):
            sent[target] = rotate(lane, by)
        return sent


def round_constant(step: int) -> int:
    positions = [(pc - IOTA_PC - 64 * step, bit) for pc, bit in iota_rows()]
    return sum(bit << z for z, bit in positions if 0 <= z < 64)


def lanes(groups: dict[str, Sequence[int]]) -> dict[str, int]:
    return {
        name if name == "q" else f"{name}_{i}": lane
        for name, group in groups.items()
        for i, lane in enumerate(group)
    }


def iota_lookups(steps: Iterable[int]) -> list[Tuple]:
    return [
        (FETCH, (pc, 0, 0, 0, 0, bit, 0, 0))
        for step in steps
        for pc, bit in iota_rows()
        if (pc - IOTA_PC) // 64 == step
    ]


def link(before: Sequence[int], after: Sequence[int], time: int = TIME) -> list[Tuple]:
    return [
        (LINK, (ECALL_KECCAK_F, time, side, i, word))
        for side, words in ((0, before), (0, before), (1, after))
        for i, word in enumerate(words)
    ]


WORDS = random_words(5)
SENT = link(WORDS, KECCAK_F.apply(WORDS)) + iota_lookups(range(1, 25))


@pytest.fixture(scope="module")
def rows(fill_keccak_f: Fill) -> ChangedRows:
    """One call and two spare blocks."""
    used_rows = ROWS_PER_CALL + 2 * BLOCK
    return ChangedRows(TABLE, fill_keccak_f(2048, used_rows, [TIME], [WORDS]))


@pytest.fixture(scope="module")
def sent(rows: ChangedRows) -> int:
    return rows.sent(SENT)


def block_cells(block: int, **values: int) -> dict[Cell, int]:
    """Set columns on all rows of a block."""
    span = range(block * BLOCK, (block + 1) * BLOCK)
    return {(name, row): value for name, value in values.items() for row in span}


def cleared(*blocks: int) -> dict[Cell, int]:
    zeros = {column.name: 0 for column in TABLE.main}
    return {cell: 0 for block in blocks for cell in block_cells(block, **zeros)}


def test_table_has_the_width_that_was_planned() -> None:
    assert len(TABLE.main) == 80
    assert len(TABLE.fraction_groups()) == 3


def test_iota_rows_have_distinct_pcs_above_the_rom() -> None:
    pcs = [pc for pc, _ in iota_rows()]
    assert pcs == sorted(set(pcs))
    assert len(pcs) == 24 * 7
    assert pcs[0] == IOTA_PC + 64


def test_filler_equals_twin(fill_keccak_f: Fill) -> None:
    times = (1, 2**24)
    words = [random_words(1), [0] * 50]
    used_rows = 2 * ROWS_PER_CALL + BLOCK
    columns = fill_keccak_f(4096, used_rows, times, words)
    twins = [Twin(*call).columns for call in zip(times, words, strict=True)]
    for column in TABLE.main:
        expected = [cell for twin in twins for cell in twin[column.name]] + [0] * BLOCK
        assert columns[column.index] == expected, column.name


def test_filled_rows_hold(rows: ChangedRows, sent: int) -> None:
    assert rows.failures(sent) == set()


@pytest.mark.parametrize("kept", [range(99), range(1, 100)])
def test_other_words_do_not_balance(rows: ChangedRows, kept: range) -> None:
    assert rows.failures(rows.sent([SENT[i] for i in (*kept, *range(100, len(SENT)))])) == {
        "balance"
    }


@pytest.mark.parametrize("block", SAMPLE)
def test_flipped_bit_is_refused(rows: ChangedRows, sent: int, block: int) -> None:
    """Every column of slices; the columns of words in input and output."""
    is_words = block in {IN, OUT}
    names = WORD_COLUMNS if is_words else [c.name for c in TABLE.main if c.name not in KINDS]
    if block == DROP:
        names = [name for name in names if not name.startswith("p_")]
    rng = random.Random(block)
    for name in names:
        # Round constants have no bit at z = 2, so that iota is bound there in every block.
        row = block * BLOCK + (2 if name in {"iota", "q"} else rng.randrange(50))
        assert rows.failures(sent, {(name, row): 1 - rows.cell(name, row)}), (name, row)


def test_round_constant_is_looked_up(rows: ChangedRows, sent: int) -> None:
    """Flips iota where it may be set, with all that depends on it on that row but chi."""
    row = FIRST_CHI * BLOCK + 1
    change = {(name, row): 1 - rows.cell(name, row) for name in ("iota", "q")}
    assert rows.failures(sent, change) == {"balance", "chi of lane 0"}


@pytest.mark.parametrize("block", SAMPLE)
def test_dropped_block_is_refused(rows: ChangedRows, sent: int, block: int) -> None:
    assert "balance" in rows.failures(sent, cleared(block))


@pytest.mark.parametrize("block", SAMPLE)
@pytest.mark.parametrize("kind", KINDS)
def test_block_of_other_kind_is_refused(
    rows: ChangedRows, sent: int, block: int, kind: str
) -> None:
    own = next(name for name in KINDS if rows.cell(name, block * BLOCK))
    if kind == own:
        kind = "is_last"
        change = block_cells(block, is_last=1 - rows.cell("is_last", block * BLOCK))
    else:
        change = block_cells(block, **{own: 0, kind: 1})
    assert rows.failures(sent, change), kind


@pytest.mark.parametrize("block", SAMPLE)
@pytest.mark.parametrize(("name", "by"), [("step", 1), ("time", 1)])
def test_block_at_other_step_or_time_is_refused(
    rows: ChangedRows, sent: int, block: int, name: str, by: int
) -> None:
    change = block_cells(block, **{name: rows.cell(name, block * BLOCK) + by})
    assert "balance" in rows.failures(sent, change)


@pytest.mark.parametrize("block", [LOAD, 10, DROP])
def test_spare_block_of_zeros_is_refused(rows: ChangedRows, sent: int, block: int) -> None:
    """A second block of a step, which adds no bits."""
    kind = next(name for name in KINDS if rows.cell(name, block * BLOCK))
    labels = {kind: 1, "step": STEPS[block], "time": TIME}
    lookups = rows.sent(iota_lookups([STEPS[block]] if kind == "is_chi" else []))
    assert "balance" in rows.failures(sent + lookups, block_cells(SPARE, **labels))


def check(twin: Twin) -> set[str]:
    rows = ChangedRows(TABLE, list(twin.columns.values()))
    return rows.failures(rows.sent(twin.sent))


def test_permutation_of_fewer_rounds_is_refused() -> None:
    assert check(Twin(TIME, WORDS, Forgery(range(4)))) == {"step of is_out"}


# With fewer rounds, which are refused too, the forgeries are quick to check. The stray bits add to
# zeros of the state that they reach.
@pytest.mark.parametrize(
    ("reason", "forgery"),
    [
        ("step of is_load", Forgery(range(4), loads=frozenset({0, 1}))),
        ("step of is_in", Forgery(range(2, 4))),
        ("a_3 is 0 without theta", Forgery(range(3), stray=("a", 3, 9))),
        ("c_2 is 0 without theta", Forgery(range(3), stray=("c", 2, 9))),
    ],
)
def test_forged_permutation_is_refused_for_one_reason(reason: str, forgery: Forgery) -> None:
    assert check(Twin(TIME, WORDS, forgery)) == {reason, "step of is_out"}


def test_stray_bit_of_theta_is_refused() -> None:
    """d in the input block goes into the five lanes of its column, as a does into one.

    The only step is the load, so that zeros come back.
    """
    twin = Twin(TIME, [0] * 50, Forgery(range(1)))
    twin.columns["d_4"][9] = 1
    for target, by in RHO_PI[4::5]:
        row = 2 * BLOCK + (9 + by) % 64
        twin.columns[f"b_{target}"][row] = 1
        twin.columns["q"][row] = twin.columns["b_0"][row]
    assert check(twin) == {
        "d_4 is 0 without theta",
        "step of is_out",
        "the last block is a chi block",
    }


def test_block_of_two_kinds_is_refused() -> None:
    """Zero words: their input block is made the load block, too."""
    twin = Twin(TIME, [0] * 50, Forgery(range(2)))
    for name, cells in twin.columns.items():
        twin.columns[name] = cells[BLOCK:]
    twin.columns["is_in"][:BLOCK] = [1] * BLOCK
    assert check(twin) == {"at most one kind of block", "step of is_out"}


def test_output_of_another_block_is_refused() -> None:
    """The output is zeros, from the drop block, which has no a."""
    twin = Twin(TIME, WORDS, Forgery(range(2)))
    last, drop, out = (range(n * BLOCK, (n + 1) * BLOCK) for n in (2, 3, 4))
    for row in (*last, *drop):
        twin.columns["is_last"][row] = int(row in drop)
    for row in out:
        twin.columns["step"][row] = 2
        for name in (*WORD_COLUMNS, "q"):
            twin.columns[name][row] = 0
    twin.sent = link(WORDS, [0] * 50) + iota_lookups([1])
    assert check(twin) == {"the last block is a chi block", "step of is_out"}


def test_zeros_need_blocks() -> None:
    """All zero words come back as zero words: no bit is missed, but the blocks are."""
    twin = Twin(TIME, [0] * 50, Forgery(range(1)))
    for name, cells in twin.columns.items():
        twin.columns[name] = cells[:BLOCK] + cells[3 * BLOCK :]
    assert check(twin) == {"balance", "step of is_out"}


def test_chi_beyond_the_last_round_has_no_constants() -> None:
    assert check(Twin(TIME, WORDS, Forgery(range(23, 27), loads=frozenset()))) == {
        "balance",
        "step of is_in",
        "step of is_out",
    }


LABELS = ("time", "step", "is_in", "is_load", "is_chi", "is_drop", "is_out")


@pytest.mark.parametrize("name", LABELS)
def test_label_is_the_same_on_all_rows_of_a_block(rows: ChangedRows, sent: int, name: str) -> None:
    change = {(name, SPARE * BLOCK + z): 1 for z in range(20)}
    assert f"{name} of a block" in rows.failures(sent, change)
