"""Keccak-f[1600] on fifty words in RAM, 28 blocks of 64 rows for each call."""

from __future__ import annotations

from functools import cache

from offchain.air.buses import FETCH, KECCAK_BITS, LINK
from offchain.air.expression import BetaPeriodic, Column, Expression, Periodic, total
from offchain.air.opcodes import ECALL_KECCAK_F
from offchain.air.table import Table

LANE_BITS = 64
"""Also the rows of a block: row z holds bit z of every lane."""
LANES = 25
ROUNDS = 24
WORDS = 50
WORD_BITS = 32
ROWS_PER_CALL = (ROUNDS + 4) * LANE_BITS

IOTA_PC = 1 << 40
"""Bit z of round constant s - 1 is the rom row at IOTA_PC + 64 s + z, above every real pc."""
IOTA_POSITIONS = tuple((1 << j) - 1 for j in range(7))
"""Bits of a round constant that may be set."""

# Powers of beta: 64 lane + z for the state, lanes 25..29 for the column parities, 32..56 for the
# output; above all lanes what counts the blocks.
PARITY_LANE = LANES
OUTPUT_LANE = 32
PRESENT = BetaPeriodic("present", (64 * LANE_BITS,))
PRESENT_OUTPUT = BetaPeriodic("present_output", (64 * LANE_BITS + 1,))


def iota_rows() -> list[tuple[int, int]]:
    """Rows (pc, bit) that the rom holds besides the instructions.

    All other fields of these rows are 0, the bit stands in `imm`. Bit 2^j - 1 of constant i is the
    output of an LFSR over x^8 + x^6 + x^5 + x^4 + 1 at time j + 7 i.

    Source: "The Keccak reference", version 3.0, section 1.2,
    https://keccak.team/files/Keccak-reference-3.0.pdf

    Returns
    -------
    list of tuple of int
        24 * 7 rows in increasing order.
    """
    rows, state = [], 1
    for step in range(1, ROUNDS + 1):
        for position in IOTA_POSITIONS:
            rows.append((IOTA_PC + LANE_BITS * step + position, state & 1))
            state <<= 1
            if state >> 8:
                state ^= 0x171
    return rows


def _rotations() -> list[int]:
    # rho: along the walk (x, y) -> (y, 2 x + 3 y) from (1, 0), lane t turns by (t + 1)(t + 2) / 2.
    rotations = [0] * LANES
    x, y = 1, 0
    for t in range(LANES - 1):
        rotations[x + 5 * y] = (t + 1) * (t + 2) // 2 % LANE_BITS
        x, y = y, (2 * x + 3 * y) % 5
    return rotations


def _pi(lane: int) -> int:
    x, y = lane % 5, lane // 5
    return y + 5 * ((2 * x + 3 * y) % 5)


def _xor(a: Expression, b: Expression) -> Expression:
    # Of bits.
    return (a - b) * (a - b)


def _weights(name: str, lane: int, rotation: int = 0) -> BetaPeriodic:
    return BetaPeriodic(
        name,
        tuple(LANE_BITS * lane + (z + rotation) % LANE_BITS for z in range(LANE_BITS)),
    )


@cache
def _power(exponent: int) -> BetaPeriodic:
    return BetaPeriodic(f"beta^{exponent}", (exponent,))


class _KeccakF:
    """The table while it is built; the methods add one part of it each."""

    def __init__(self) -> None:
        table = Table("keccak_f", "Keccak-f permutations, 28 blocks of 64 rows for each call.")

        def bits(name: str, count: int, doc: str) -> list[Column]:
            return [table.add_flag(f"{name}_{i}", doc.format(i)) for i in range(count)]

        self.table = table
        self.b = bits("b", LANES, "Lane {0} after theta, rho and pi of the step before.")
        self.a = bits("a", LANES, "Lane {0} after chi and iota.")
        self.p = bits("p", 5, "Parity of the rows 0, 1, 2 of column {0}.")
        self.c = bits("c", 5, "Parity of column {0}.")
        self.rc = bits("rc", 5, "Parity of column {0} one position below.")
        self.d = bits("d", 5, "What theta adds to column {0}.")
        self.iota = table.add_flag("iota", "Bit of the round constant.")
        self.q = table.add_flag("q", "b_0 xor iota.")
        self.time = table.add("time", "Cycle of the call.")
        self.step = table.add("step", "Number of rounds of which chi is done.")
        self.is_in = table.add_flag("is_in", "Row z < 50 holds input word z.")
        self.is_load = table.add_flag("is_load", "a is the input state.")
        self.is_chi = table.add_flag("is_chi", "a is chi and iota of b.")
        self.is_last = table.add_flag("is_last", "a is the output state.")
        self.is_drop = table.add_flag("is_drop", "b is received and not used.")
        self.is_out = table.add_flag("is_out", "Row z < 50 holds output word z.")
        self.is_theta = self.is_load + self.is_chi
        self.is_slice = self.is_theta + self.is_drop
        # An input or output block lends its columns to the bits of a word.
        self.word_bits = [*self.b, *self.rc, *self.p[:2]]

    def constrain_blocks(self) -> None:
        """One kind for each block; input, load and output at their steps.

        No constraint is needed for the other steps. The iota lookup knows steps 1..24 only. By the
        presence terms each step has as many blocks as the one before, so that a drop block cannot
        stand before step 25, and only rows of step 24 can be last, all 64 of them.
        """
        table = self.table
        kinds = self.is_in + self.is_out + self.is_slice
        table.constrain("at most one kind of block", kinds * (kinds - 1))
        table.constrain("the last block is a chi block", self.is_last * (1 - self.is_chi))
        for flag, step in ((self.is_in, 0), (self.is_load, 0), (self.is_out, ROUNDS)):
            table.constrain(f"step of {flag.name}", flag * (self.step - step))
        is_inner = Periodic("is_inner", tuple(int(z < LANE_BITS - 1) for z in range(LANE_BITS)))
        flags = (self.is_in, self.is_load, self.is_chi, self.is_drop, self.is_out)
        for column in (self.time, self.step, *flags):
            table.constrain(f"{column.name} of a block", is_inner * (column.next - column))

    def constrain_round(self) -> None:
        """Chi and iota on b give a; theta on a gives d. Rho and pi are in the bus weights."""
        table, a, b = self.table, self.a, self.b
        for column in (*a, *self.c, *self.d):
            table.constrain(f"{column.name} is 0 without theta", column * (1 - self.is_theta))
        no_iota = Periodic("no_iota", tuple(int(z not in IOTA_POSITIONS) for z in range(LANE_BITS)))
        table.constrain("iota only at its positions", no_iota * self.iota)
        table.constrain("b_0 with iota", _xor(self.q, b[0]) - self.iota)
        for i in range(LANES):
            table.constrain(f"a_{i} is loaded", self.is_load * (a[i] - b[i]))
        for i in range(LANES):
            row = i - i % 5
            first, second = b[row + (i + 1) % 5], b[row + (i + 2) % 5]
            old = self.q if i == 0 else b[i]
            chi = _xor(a[i], old) - (1 - first) * second
            table.constrain(f"chi of lane {i}", self.is_chi * chi)
        for x in range(5):
            parity = _xor(self.p[x], a[x]) - _xor(a[x + 5], a[x + 10])
            table.constrain(f"partial parity of column {x}", self.is_theta * parity)
            parity = _xor(self.c[x], self.p[x]) - _xor(a[x + 15], a[x + 20])
            table.constrain(f"parity of column {x}", self.is_theta * parity)
            theta = self.d[x] - _xor(self.c[(x + 4) % 5], self.rc[(x + 1) % 5])
            table.constrain(f"theta of column {x}", self.is_theta * theta)

    def hand_over(self) -> None:
        """Bits go from block to block, each weighted with the power of beta of its place.

        The numerators of one key (time, step) add up to a polynomial in beta with the coefficients
        (bits sent - bits received). The presence terms count blocks, so that a call has exactly
        one block of every step, even where all bits are 0.
        """
        rotations = _rotations()
        state = total(
            [
                _weights(f"rho_pi_{i}", _pi(i), rotations[i]) * _xor(self.a[i], self.d[i % 5])
                for i in range(LANES)
            ]
        )
        self.table.send(
            "state to the next step",
            KECCAK_BITS,
            [self.time, self.step + 1],
            state + PRESENT * self.is_theta,
        )

        position = _weights("position", 0)
        word = BetaPeriodic(
            "word", tuple(WORD_BITS * z if z < WORDS else None for z in range(LANE_BITS))
        )
        word_bits = word * total([_power(j) * bit for j, bit in enumerate(self.word_bits)])
        received = [_power(LANE_BITS * i) * bit for i, bit in enumerate([*self.b, *self.rc])]
        to_output = _power(LANE_BITS * OUTPUT_LANE)
        output = to_output * total([_power(LANE_BITS * i) * self.a[i] for i in range(LANES)])
        parities = total(
            [_weights(f"turned_{x}", PARITY_LANE + x, 1) * self.c[x] for x in range(5)]
        )
        self.table.send(
            "input, parities and output less what is received",
            KECCAK_BITS,
            [self.time, self.step],
            parities
            + (self.is_in - to_output * self.is_out) * word_bits
            + position * (self.is_last * output - self.is_slice * total(received))
            + PRESENT * (self.is_in - self.is_slice)
            + PRESENT_OUTPUT * (self.is_last - self.is_out),
        )

    def look_up(self) -> None:
        """Words from and to RAM, and the bits of the round constants."""
        is_word = Periodic("is_word", tuple(int(z < WORDS) for z in range(LANE_BITS)))
        z = Periodic("z", tuple(range(LANE_BITS)))
        word = total([bit * (1 << j) for j, bit in enumerate(self.word_bits)])
        self.table.receive(
            "word",
            LINK,
            [ECALL_KECCAK_F, self.time, self.is_out, z, word],
            is_word * (2 * self.is_in + self.is_out),
        )
        is_iota = Periodic("is_iota", tuple(int(z in IOTA_POSITIONS) for z in range(LANE_BITS)))
        self.table.receive(
            "bit of the round constant",
            FETCH,
            [IOTA_PC + LANE_BITS * self.step + z, 0, 0, 0, 0, self.iota, 0, 0],
            is_iota * self.is_chi,
        )


def build() -> Table:
    """Bit slices: row z of a block holds bit z of all lanes, and the buses move bits between rows.

    A call has an input block, a block for every step 0..25 and an output block. Step 0 holds the
    input, steps 1..24 the state after a round each; step 25 receives what step 24 sends on.
    """
    keccak_f = _KeccakF()
    keccak_f.constrain_blocks()
    keccak_f.constrain_round()
    keccak_f.hand_over()
    keccak_f.look_up()
    return keccak_f.table
