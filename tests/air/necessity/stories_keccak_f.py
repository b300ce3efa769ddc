"""Forgeries of the keccak_f table: a call with one fault, recomputed from there on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from offchain.air.tables.keccak_f import IOTA_PC, LANES, ROUNDS, iota_rows
from tests.air.necessity.draft import Draft, Stories, Story

STORIES = Stories()
story = STORIES.add

BLOCK = 64
MASK = (1 << BLOCK) - 1
IN, LOAD, LAST_CHI, DROP, OUT, SPARE = 0, 1, 25, 26, 27, 28
WORD_COLUMNS = (*(f"b_{i}" for i in range(LANES)), *(f"rc_{i}" for i in range(5)), "p_0", "p_1")

Fault = tuple[int, str]
"""Step and column."""


def rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (BLOCK - by)) & MASK


def rho_pi() -> list[tuple[int, int]]:
    """Where each lane goes and by how much it turns."""
    places = [(0, 0)] * LANES
    x, y = 1, 0
    for t in range(LANES - 1):
        lane = x + 5 * y
        x, y = y, (2 * x + 3 * y) % 5
        places[lane] = (x + 5 * y, (t + 1) * (t + 2) // 2 % BLOCK)
    return places


RHO_PI = rho_pi()


def round_constant(step: int) -> int:
    return sum(bit << pc % BLOCK for pc, bit in iota_rows() if (pc - IOTA_PC) // BLOCK == step)


@dataclass
class Call:
    """One call, computed step by step from its definition, with bits flipped on the way.

    Attributes
    ----------
    words : sequence of int
        Input.
    steps : range
        Steps between input and output.
    loads : set of int
        Steps at which the state is passed on without chi and iota.
    flips : dict
        By (step, column): bits that are the opposite of what they should be; what follows from
        them is computed with them. Step -1 is the input block, whose bits go to step 0 or 1.
    zero_output : bool
        The last block has no chi, and its state, which is sent as the output, is zero.
    """

    words: Sequence[int]
    steps: range = range(ROUNDS + 1)
    loads: frozenset[int] = frozenset({0})
    flips: dict[Fault, int] = field(default_factory=dict)
    zero_output: bool = False

    def flip(self, step: int, name: str, lane: int) -> int:
        return lane ^ self.flips.get((step, name), 0)

    def blocks(self) -> tuple[list[dict[str, int]], list[int]]:
        """Columns of every block as 64-bit integers (labels as they are), and the output words."""
        state = [low | high << 32 for low, high in zip(*[iter(self.words)] * 2, strict=True)]
        found = [word_block(self.words, is_in=1, step=self.steps[0])]
        found[0] |= {name: bits for (step, name), bits in self.flips.items() if step == -1}
        for step in self.steps:
            block, after, state = self.slices(step, state)
            found.append(block)
        found[-1]["is_last"] = MASK
        if not self.zero_output:
            found.append(
                {"is_drop": 1, "step": self.steps[-1] + 1, "q": state[0]} | lanes("b", state)
            )
        output = [half for lane in after for half in (lane & 0xFFFF_FFFF, lane >> 32)]
        found.append(word_block(output, is_out=1, step=self.steps[-1]))
        return found, output

    def slices(self, step: int, b: list[int]) -> tuple[dict[str, int], list[int], list[int]]:
        if self.zero_output and step == self.steps[-1]:
            labels = {"is_drop": 1, "step": step, "q": b[0]}
            return labels | lanes("b", b), [0] * LANES, []
        is_load = step in self.loads
        iota = self.flip(step, "iota", 0 if is_load else round_constant(step))
        q = self.flip(step, "q", b[0] ^ iota)
        a = list(b)
        if not is_load:
            first, second = ([b[i - i % 5 + (i + k) % 5] for i in range(LANES)] for k in (1, 2))
            old = [q, *b[1:]]
            a = [old[i] ^ (~first[i] & second[i] & MASK) for i in range(LANES)]
        a = [self.flip(step, f"a_{i}", a[i]) for i in range(LANES)]
        p = [self.flip(step, f"p_{x}", a[x] ^ a[x + 5] ^ a[x + 10]) for x in range(5)]
        c = [self.flip(step, f"c_{x}", p[x] ^ a[x + 15] ^ a[x + 20]) for x in range(5)]
        stray = [
            self.flips.get((-1, f"c_{x}"), 0) if step == self.steps[0] else 0 for x in range(5)
        ]
        rc = [rotate(c[x] ^ stray[x], 1) for x in range(5)]
        d = [self.flip(step, f"d_{x}", c[x - 1] ^ rc[(x + 1) % 5]) for x in range(5)]
        block = {"is_load" if is_load else "is_chi": 1, "step": step, "iota": iota, "q": q}
        for name, group in (("b", b), ("a", a), ("p", p), ("c", c), ("rc", rc), ("d", d)):
            block |= lanes(name, group)
        turned = [a[i] ^ d[i % 5] for i in range(LANES)]
        if step == self.steps[0]:
            for i in range(LANES):
                turned[i] ^= self.flips.get((-1, f"a_{i}"), 0) ^ self.flips.get(
                    (-1, f"d_{i % 5}"), 0
                )
        after = [0] * LANES
        for lane, (target, by) in zip(turned, RHO_PI, strict=True):
            after[target] = rotate(lane, by)
        return block, a, after


def lanes(name: str, group: Sequence[int]) -> dict[str, int]:
    return {f"{name}_{i}": lane for i, lane in enumerate(group)}


def word_block(words: Sequence[int], **labels: int) -> dict[str, int]:
    bits = {
        name: sum((word >> j & 1) << z for z, word in enumerate(words))
        for j, name in enumerate(WORD_COLUMNS)
    }
    return bits | {"q": bits["b_0"]} | labels


LABELS = ("time", "step", "is_in", "is_load", "is_chi", "is_drop", "is_out")


def write_call(draft: Draft, call: Call) -> None:
    """Replace the call of the example, and what it leaves in RAM."""
    blocks, output = call.blocks()
    time = draft.cell("keccak_f", 0, "time")
    draft.clear("keccak_f", *range(SPARE * BLOCK))
    for number, block in enumerate(blocks):
        for z in range(BLOCK):
            cells = {n: v if n in LABELS else v >> z & 1 for n, v in block.items()}
            draft.set("keccak_f", number * BLOCK + z, time=time, **cells)
    first = draft.find("transfer", time=time, is_first=1)
    for i, word in enumerate(output):
        address = draft.cell("transfer", first + i, "address")
        draft.set("transfer", first + i, new=word, new_low=word & 0xFFFF)
        home, at = draft.final(address)
        draft.set(home, at, final_value=word)


def fault(step: int, name: str, z: int) -> Story:
    """Flip one bit of a column at a step."""

    def write(draft: Draft) -> None:
        write_call(draft, Call([0] * 50, flips={(step, name): 1 << z}))

    return write


for _i in range(LANES):
    # A lane is loaded with another bit than the input has.
    STORIES["keccak_f", f"a_{_i} is loaded"] = fault(0, f"a_{_i}", 9)
    # A bit of the output is wrong.
    STORIES["keccak_f", f"chi of lane {_i}"] = fault(ROUNDS, f"a_{_i}", 9)
    # The input block, which has no theta, adds a bit to the state of step 1.
    STORIES["keccak_f", f"a_{_i} is 0 without theta"] = fault(-1, f"a_{_i}", 9)
for _x in range(5):
    # A parity is wrong, by which theta adds wrong bits to two columns.
    STORIES["keccak_f", f"partial parity of column {_x}"] = fault(ROUNDS - 1, f"p_{_x}", 9)
    STORIES["keccak_f", f"parity of column {_x}"] = fault(ROUNDS - 1, f"c_{_x}", 9)
    STORIES["keccak_f", f"theta of column {_x}"] = fault(ROUNDS - 1, f"d_{_x}", 9)
    # The input block adds a bit to the parities, or to a column, of the first step.
    STORIES["keccak_f", f"c_{_x} is 0 without theta"] = fault(-1, f"c_{_x}", 9)
    STORIES["keccak_f", f"d_{_x} is 0 without theta"] = fault(-1, f"d_{_x}", 9)
# A round constant has a bit where none has.
STORIES["keccak_f", "iota only at its positions"] = fault(ROUNDS, "iota", 2)
STORIES["keccak_f", "b_0 with iota"] = fault(ROUNDS, "q", 2)


def variant(make: Callable[[], Call]) -> Story:
    def write(draft: Draft) -> None:
        write_call(draft, make())

    write.__doc__ = make.__doc__
    return write


@variant
def skipped_theta() -> Call:
    """The input goes into the first chi without the theta of the load block."""
    return Call([0] * 50, steps=range(1, ROUNDS + 1), loads=frozenset())


@variant
def skipped_round() -> Call:
    """Step 1 loads as well, so that one round has no chi."""
    return Call([0] * 50, loads=frozenset({0, 1}))


@variant
def fewer_rounds() -> Call:
    """The output is taken after 23 rounds."""
    return Call([0] * 50, steps=range(ROUNDS))


@variant
def zero_output() -> Call:
    """The last round's block drops the state, and its zeros are the output."""
    return Call([0] * 50, zero_output=True)


STORIES["keccak_f", "step of is_in"] = skipped_theta
STORIES["keccak_f", "step of is_load"] = skipped_round
STORIES["keccak_f", "step of is_out"] = fewer_rounds
STORIES["keccak_f", "the last block is a chi block"] = zero_output


@story("keccak_f", "at most one kind of block")
def input_block_loads(draft: Draft) -> None:
    """The input block, all zero, is the load block too."""
    draft.clear("keccak_f", *range(LOAD * BLOCK, (LOAD + 1) * BLOCK))
    for row in range(BLOCK):
        draft.set("keccak_f", row, is_load=1)


def split(name: str) -> Story:
    """Leave half of a block's rows where they are; the others move to a spare block."""
    block = {"is_in": IN, "is_load": LOAD, "is_chi": LAST_CHI, "is_drop": DROP, "is_out": OUT}[name]

    def write(draft: Draft) -> None:
        for z in range(BLOCK):
            row, spare = block * BLOCK + z, SPARE * BLOCK + z
            cells = draft.row("keccak_f", row)
            labels = {label: cells[label] for label in ("time", "step")}
            if z < BLOCK // 2:
                draft.set("keccak_f", spare, **labels)
            else:
                draft.clear("keccak_f", row)
                draft.set("keccak_f", row, **labels)
                draft.set("keccak_f", spare, **cells)

    return write


for _name in ("is_in", "is_load", "is_chi", "is_drop", "is_out"):
    STORIES["keccak_f", f"{_name} of a block"] = split(_name)


def relabel(name: str) -> Story:
    """Rows of a spare block bear different labels."""

    def write(draft: Draft) -> None:
        draft.set("keccak_f", SPARE * BLOCK + 5, **{name: 1})

    return write


for _name in ("time", "step"):
    STORIES["keccak_f", f"{_name} of a block"] = relabel(_name)


# Flags that are not bits


def spare_bit(name: str, **values: int) -> Story:
    """A column of an unused row holds 2."""

    def write(draft: Draft) -> None:
        draft.set("keccak_f", SPARE * BLOCK, **{name: 2}, **values)

    return write


for _i in range(1, LANES):
    STORIES["keccak_f", f"b_{_i} is 0 or 1"] = spare_bit(f"b_{_i}")
STORIES["keccak_f", "b_0 is 0 or 1"] = spare_bit("b_0", q=1, iota=1)
for _x in range(5):
    STORIES["keccak_f", f"p_{_x} is 0 or 1"] = spare_bit(f"p_{_x}")
    STORIES["keccak_f", f"rc_{_x} is 0 or 1"] = spare_bit(f"rc_{_x}")


@story("keccak_f", "q is 0 or 1")
def minus_q(draft: Draft) -> None:
    """q = -1 of an unused row is b_0 = 0 with iota."""
    draft.set("keccak_f", SPARE * BLOCK, q=-1, iota=1)


def minus_a(lane: int) -> Story:
    """A bit of chi is -1: its square, which is all that theta sees, is 1."""

    def write(draft: Draft) -> None:
        run = draft.run
        number = run.compiled["keccak_f"].number[f"a_{lane}"]
        columns, program = run.columns["keccak_f"], run.preprocessed["keccak_f"]
        for row in range(2 * BLOCK, LAST_CHI * BLOCK):
            if columns[number][row] == 1:
                d = columns[run.compiled["keccak_f"].number[f"d_{lane % 5}"]][row]
                columns[number][row] = -1
                broken = run.compiled["keccak_f"].broken(columns, program, row, -1)
                columns[number][row] = 1
                if len(broken) == 1 and d == 0:
                    draft.set("keccak_f", row, **{f"a_{lane}": -1})
                    return

    return write


for _i in range(LANES):
    STORIES["keccak_f", f"a_{_i} is 0 or 1"] = minus_a(_i)


def block(draft: Draft, number: int, **labels: int) -> None:
    for z in range(BLOCK):
        draft.set("keccak_f", number * BLOCK + z, **labels)


@story("keccak_f", "is_in is 0 or 1")
def minus_one_input(draft: Draft) -> None:
    """Two input blocks, and -1 in the load block; all zero."""
    time = draft.cell("keccak_f", 0, "time")
    block(draft, LOAD, is_in=-1)
    block(draft, SPARE, is_in=1, time=time)


@story("keccak_f", "is_load is 0 or 1")
def minus_one_load(draft: Draft) -> None:
    """Two load blocks, and -1 in the input block; all zero."""
    time = draft.cell("keccak_f", 0, "time")
    block(draft, IN, is_load=-1)
    block(draft, SPARE, is_load=1, time=time)


@story("keccak_f", "is_drop is 0 or 1")
def minus_one_drop(draft: Draft) -> None:
    """Step 0 has a drop block, and the input block is -1 of them; all zero."""
    time = draft.cell("keccak_f", 0, "time")
    block(draft, IN, is_drop=-1)
    block(draft, SPARE, is_drop=1, time=time)
