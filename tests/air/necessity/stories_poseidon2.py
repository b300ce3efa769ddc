"""Forgeries of the poseidon2 table: one fault in the last round, or a call put together wrongly."""

from offchain.air.tables.poseidon2 import (
    FEED_ROWS,
    HALF,
    LAST_FULL_ROWS,
    ROWS_PER_CALL,
    UNLOAD_ROWS,
)
from offchain.spec import poseidon2 as spec
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.spec.poseidon2_constants import POSEIDON2_RC_EXTERNAL, POSEIDON2_WIDTH
from tests.air.necessity.draft import Draft, Stories, Story
from tests.air.necessity.run import COMPRESS, POSEIDON2
from tests.air.necessity.stories_cpu import other_program

STORIES = Stories()
story = STORIES.add

LAST = LAST_FULL_ROWS[-1]
WORD = 0xFFFF_FFFF
SPARE_BLOCK = 3


def unload(draft: Draft, state: list[int], block: int = 0, factor: int = 0) -> None:
    """Let a state leave a call, and follow its words to RAM; the input is fed `factor` times."""
    words = []
    for row in (block * ROWS_PER_CALL + row for row in FEED_ROWS):
        set_state(draft, row, state)
        fed = draft.cell("poseidon2", row, "low") + (draft.cell("poseidon2", row, "high") << 32)
        state = [*state[1:], state[0] + factor * fed]
    for row in (block * ROWS_PER_CALL + row for row in UNLOAD_ROWS):
        element = state[0] % P
        low, high = element & WORD, element >> 32
        set_state(draft, row, state)
        draft.set("poseidon2", row, low=low, high=high, inverse=pow(WORD - high, -1, P))
        words += [low, high]
        state = [*state[1:], element]
    set_state(draft, block * ROWS_PER_CALL + UNLOAD_ROWS.stop, state)
    write_words(draft, words[2 * HALF :] + words[: 2 * HALF], block)


def set_state(draft: Draft, row: int, state: list[int]) -> None:
    draft.set("poseidon2", row, **{f"state_{j}": value for j, value in enumerate(state)})
    powers(draft, row)


def powers(draft: Draft, row: int) -> None:
    for i in range(HALF):
        x = draft.cell("poseidon2", row, f"state_{i}")
        draft.set("poseidon2", row, **{f"cube_{i}": pow(x, 3, P), f"seventh_{i}": pow(x, 7, P)})


def write_words(draft: Draft, words: list[int], block: int) -> None:
    time = draft.cell("poseidon2", block * ROWS_PER_CALL, "time")
    first = draft.find("transfer", time=time)
    for i, word in enumerate(words):
        draft.set("transfer", first + i, new=word, new_low=word & 0xFFFF)
        home, at = draft.final(draft.cell("transfer", first + i, "address"))
        draft.set(home, at, final_value=word)


def last_layer(draft: Draft, block: int = 0) -> list[int]:
    """State after the last round, from the row that ends it."""
    row = block * ROWS_PER_CALL + LAST
    state = [draft.cell("poseidon2", row, f"state_{i}") for i in range(HALF, POSEIDON2_WIDTH)]
    state += [draft.cell("poseidon2", row, f"seventh_{i}") for i in range(HALF)]
    return [element % P for element in spec._external_layer(state)]


def wrong_power(name: str, number: int) -> Story:
    """A power in the last round is 1 more, and what follows from it is consistent."""

    def write(draft: Draft) -> None:
        x = draft.cell("poseidon2", LAST, f"state_{number}")
        x += POSEIDON2_RC_EXTERNAL[-1][HALF + number]
        cube, seventh = (
            draft.cell("poseidon2", LAST, f"{n}_{number}") for n in ("cube", "seventh")
        )
        if name == "cube":
            cube += 1
            seventh = cube * cube * x
        else:
            seventh += 1
        draft.set("poseidon2", LAST, **{f"cube_{number}": cube, f"seventh_{number}": seventh})
        unload(draft, last_layer(draft))

    return write


def wrong_state(number: int) -> Story:
    """An element of the state after the last round is 1 more."""

    def write(draft: Draft) -> None:
        state = last_layer(draft)
        state[number] += 1
        unload(draft, state)

    return write


for _i in range(HALF):
    STORIES["poseidon2", f"cube {_i}"] = wrong_power("cube", _i)
    STORIES["poseidon2", f"seventh power {_i}"] = wrong_power("seventh", _i)
for _i in range(POSEIDON2_WIDTH):
    STORIES["poseidon2", f"next state {_i}"] = wrong_state(_i)


@story("poseidon2", "canonical element")
def p_is_loaded(draft: Draft) -> None:
    """The words 1 and 2^32 - 1, which are p, are loaded as 0."""
    draft.set("poseidon2", SPARE_BLOCK * ROWS_PER_CALL, low=1, high=WORD)


@story("poseidon2", "unloaded element")
def another_element_is_unloaded(draft: Draft) -> None:
    """The words that leave the table are not those of the state."""
    row = UNLOAD_ROWS[HALF]
    low = draft.cell("poseidon2", row, "low") ^ 1
    draft.set("poseidon2", row, low=low)
    first = draft.find("transfer", code=POSEIDON2)
    draft.set("transfer", first, new=low, new_low=low & 0xFFFF)
    home, at = draft.final(draft.cell("transfer", first, "address"))
    draft.set(home, at, final_value=low)


@story("poseidon2", "is_compress is 0 or 1")
def fed_forward_twice(draft: Draft) -> None:
    """A program that calls 0x114, which is nothing: the input is added twice."""
    block, code = 2, COMPRESS + 2
    for row in range(block * ROWS_PER_CALL, (block + 1) * ROWS_PER_CALL):
        draft.set("poseidon2", row, is_compress=2)
    unload(draft, last_layer(draft, block), block, factor=2)
    for row in draft.run.rows_where("transfer", code=COMPRESS):
        draft.set("transfer", row, code=code, link_code=code)
    other_program(draft, draft.find("cpu", rd=17, r=COMPRESS), imm=code, y=code, r=code)
    add = draft.find("add", is_add=1, a=0, y=COMPRESS)
    draft.set("add", add, y=code, r=code, r_low=code)
    draft.set("cpu", draft.find("cpu", is_ecall=1, a=COMPRESS), a=code)
    draft.set("cpu", draft.find("cpu", rd=17, rd_old=COMPRESS), rd_old=code)


def copy_block(draft: Draft, source: int, target: int) -> None:
    for row in range(ROWS_PER_CALL):
        cells = draft.row("poseidon2", source * ROWS_PER_CALL + row)
        draft.set("poseidon2", target * ROWS_PER_CALL + row, **cells)


@story("poseidon2", "is_used is 0 or 1")
def used_twice_and_minus_once(draft: Draft) -> None:
    """Two permutations and -1 permutations serve one call."""
    copy_block(draft, 0, SPARE_BLOCK)
    for row in range(ROWS_PER_CALL):
        draft.set("poseidon2", row, is_used=2)
        draft.set("poseidon2", SPARE_BLOCK * ROWS_PER_CALL + row, is_used=-1)


@story("poseidon2", "is_used of a call")
def half_a_call(draft: Draft) -> None:
    """Input and output of one call are served by different rows."""
    copy_block(draft, 0, SPARE_BLOCK)
    for row in range(ROWS_PER_CALL):
        is_late = row >= ROWS_PER_CALL // 2
        draft.set("poseidon2", row, is_used=int(not is_late))
        draft.set("poseidon2", SPARE_BLOCK * ROWS_PER_CALL + row, is_used=int(is_late))


@story("poseidon2", "time of a call")
def exchanged_outputs(draft: Draft) -> None:
    """The outputs of two calls, which are equal, change places."""
    times = [draft.cell("poseidon2", block * ROWS_PER_CALL, "time") for block in range(2)]
    for block in range(2):
        for row in range(ROWS_PER_CALL // 2, ROWS_PER_CALL):
            draft.set("poseidon2", block * ROWS_PER_CALL + row, time=times[1 - block])
