"""The Poseidon2 permutation of eight field elements in RAM, 64 rows for each call.

A call to *compress* adds the first four elements of its input to those of the permutation.
"""

from __future__ import annotations

from offchain.air.buses import LINK, TWO_32
from offchain.air.expression import Expression, Periodic, total
from offchain.air.opcodes import ECALL_POSEIDON2, ECALL_POSEIDON2_COMPRESS
from offchain.air.table import Table
from offchain.spec.poseidon2_constants import (
    POSEIDON2_DIAG_MINUS_1,
    POSEIDON2_RC_EXTERNAL,
    POSEIDON2_RC_INTERNAL,
    POSEIDON2_WIDTH,
)

ROWS_PER_CALL = 64
HALF = POSEIDON2_WIDTH // 2
"""S-boxes on a row: a full round takes two rows."""

# What the rows of a call do, in order; the rest is idle.
LOAD_ROWS = range(8)
START_ROW = 8
FIRST_FULL_ROWS = range(9, 17)
PARTIAL_ROWS = range(17, 39)
LAST_FULL_ROWS = range(39, 47)
# The first half of the input comes once more, and is added to the state of a compression.
FEED_ROWS = range(47, 51)
UNLOAD_ROWS = range(51, 59)


def row_constants() -> list[tuple[int, ...]]:
    """Round constants of the four S-boxes of each row, zero where the row has none.

    Returns
    -------
    list of tuple of int
        64 rows of 4 integers in [0, p).
    """
    constants: list[tuple[int, ...]] = [(0,) * HALF] * ROWS_PER_CALL
    for position, row in enumerate([*FIRST_FULL_ROWS, *LAST_FULL_ROWS]):
        of_round = POSEIDON2_RC_EXTERNAL[position // 2]
        constants[row] = of_round[HALF:] if position % 2 else of_round[:HALF]
    for row, constant in zip(PARTIAL_ROWS, POSEIDON2_RC_INTERNAL, strict=True):
        constants[row] = (constant, 0, 0, 0)
    return constants


def _on(name: str, *rows: int) -> Periodic:
    return Periodic(name, tuple(int(row in rows) for row in range(ROWS_PER_CALL)))


def _multiply_m4(v: list[Expression]) -> list[Expression]:
    # Rows (5 7 1 3), (4 6 1 1), (1 3 5 7), (1 1 4 6): addition chain of the paper, section 5.1.
    a, b, c, d = v
    t0, t1 = a + b, c + d
    t2, t3 = 2 * b + t1, 2 * d + t0
    t4, t5 = 4 * t1 + t3, 4 * t0 + t2
    return [t3 + t5, t5, t2 + t4, t4]


def _external_layer(v: list[Expression]) -> list[Expression]:
    # circ(2 M4, M4)
    upper, lower = _multiply_m4(v[:HALF]), _multiply_m4(v[HALF:])
    sums = [x + y for x, y in zip(upper, lower, strict=True)]
    return [x + y for x, y in zip(upper + lower, sums + sums, strict=True)]


def _internal_layer(v: list[Expression]) -> list[Expression]:
    # All ones plus diag(d).
    everything = total(v)
    return [d * x + everything for d, x in zip(POSEIDON2_DIAG_MINUS_1, v, strict=True)]


def build() -> Table:
    """Eight rows load the state, the rounds follow, four rows feed the input forward, eight unload.

    Every row has four S-boxes. The two rows of a full round each take the elements at 0..3 and
    append the results behind those at 4..7; the second one then multiplies by the matrix.

    No column keeps the input until it is fed forward: the transfer table sends the words before a
    call twice. Elements 0..3 are received by a row that loads and by one that feeds, elements 4..7
    twice by the row that loads. The words after the call are sent once, so one block of rows
    serves it; two rows that receive one tuple sent twice hold the same word.

    Rows of a block that receive words agree on `is_compress`: a cycle has one call, with one code.

    Source: https://eprint.iacr.org/2023/323; the instance is `offchain.spec.poseidon2`.
    """
    table = Table("poseidon2", "Poseidon2 permutations, 64 rows for each call.")
    state = [table.add(f"state_{i}", f"Element {i} of the state.") for i in range(POSEIDON2_WIDTH)]
    cube = [table.add(f"cube_{i}", f"(state_{i} + constant)^3.") for i in range(HALF)]
    seventh = [table.add(f"seventh_{i}", f"(state_{i} + constant)^7.") for i in range(HALF)]
    low = table.add("low", "Low word of an element loaded, fed or unloaded.")
    high = table.add("high", "Its high word.")
    inverse = table.add("inverse", "1 / (2^32 - 1 - high) where low is not 0.")
    time = table.add("time", "Cycle of the call.")
    is_used = table.add_flag("is_used", "The rows belong to a call.")
    is_compress = table.add_flag("is_compress", "The call is a compression.")

    is_load = _on("is_load", *LOAD_ROWS)
    is_feed = _on("is_feed", *FEED_ROWS)
    is_unload = _on("is_unload", *UNLOAD_ROWS)
    is_start = _on("is_start", START_ROW)
    is_first_half = _on("is_first_half", *FIRST_FULL_ROWS[::2], *LAST_FULL_ROWS[::2])
    is_second_half = _on("is_second_half", *FIRST_FULL_ROWS[1::2], *LAST_FULL_ROWS[1::2])
    is_partial = _on("is_partial", *PARTIAL_ROWS)
    is_inner = _on("is_inner", *range(ROWS_PER_CALL - 1))

    for i in range(HALF):
        constant = Periodic(f"constant_{i}", tuple(row[i] for row in row_constants()))
        x = state[i] + constant
        table.constrain(f"cube {i}", cube[i] - x * x * x)
        table.constrain(f"seventh power {i}", seventh[i] - cube[i] * cube[i] * x)

    # Both are words, by the memory bus or by the transfer table's range check, but p and the
    # 2^32 - 2 values above it would be second forms of small elements.
    value = low + TWO_32 * high
    table.constrain("canonical element", low * (1 - (TWO_32 - 1 - high) * inverse))
    table.constrain("unloaded element", is_unload * (value - state[0]))

    is_rotating = is_feed + is_unload
    is_moving = is_load + is_rotating
    is_active = is_moving + is_start + is_first_half + is_second_half + is_partial
    appended = is_load * value + is_rotating * state[0] + is_feed * is_compress * value
    shifted = [*(is_moving * element for element in state[1:]), appended]
    half_done = [*state[HALF:], *seventh]
    external = _external_layer(
        [is_start * old + is_second_half * new for old, new in zip(state, half_done, strict=True)]
    )
    internal = _internal_layer([seventh[0], *state[1:]])
    for i in range(POSEIDON2_WIDTH):
        target = shifted[i] + is_first_half * half_done[i] + external[i] + is_partial * internal[i]
        table.constrain(f"next state {i}", is_active * state[i].next - target)
    for column in (time, is_used):
        table.constrain(f"{column.name} of a call", is_inner * (column.next - column))

    places = dict(zip(LOAD_ROWS, range(POSEIDON2_WIDTH), strict=True))
    places |= dict(zip(FEED_ROWS, range(HALF), strict=True))
    # Feeding has turned the state by half its width.
    unloaded = [*range(HALF, POSEIDON2_WIDTH), *range(HALF)]
    places |= dict(zip(UNLOAD_ROWS, unloaded, strict=True))
    index = Periodic("index", tuple(2 * places.get(row, 0) for row in range(ROWS_PER_CALL)))
    # The words of elements that are not fed are received twice when they are loaded.
    times = is_used * (is_moving + _on("is_twice", *LOAD_ROWS[HALF:]))
    code = ECALL_POSEIDON2 + (ECALL_POSEIDON2_COMPRESS - ECALL_POSEIDON2) * is_compress
    for name, position, word in (("low word", index, low), ("high word", index + 1, high)):
        table.receive(name, LINK, [code, time, is_unload, position, word], times)
    return table
