"""Forgeries of the poseidon2 table: one fault in the last round, or a call put together wrongly."""

from offchain.air.tables.poseidon2 import HALF, LAST_FULL_ROWS, ROWS_PER_CALL, UNLOAD_ROWS
from offchain.spec import poseidon2 as spec
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.spec.poseidon2_constants import POSEIDON2_RC_EXTERNAL, POSEIDON2_WIDTH
from tests.air.necessity.draft import Draft, Stories, Story
from tests.air.necessity.run import POSEIDON2

STORIES = Stories()
story = STORIES.add

LAST = LAST_FULL_ROWS[-1]
WORD = 0xFFFF_FFFF


def unload(draft: Draft, state: list[int]) -> None:
    """Let a state leave the first call, and follow its words to RAM."""
    words = []
    for row in UNLOAD_ROWS:
        names = {f"state_{j}": value for j, value in enumerate(state)}
        element = state[0] % P
        low, high = element & WORD, element >> 32
        draft.set("poseidon2", row, **names, low=low, high=high, inverse=pow(WORD - high, -1, P))
        powers(draft, row)
        words += [low, high]
        state = [*state[1:], element]
    row = UNLOAD_ROWS[-1] + 1
    draft.set("poseidon2", row, **{f"state_{j}": value for j, value in enumerate(state)})
    powers(draft, row)
    write_words(draft, words)


def powers(draft: Draft, row: int) -> None:
    for i in range(HALF):
        x = draft.cell("poseidon2", row, f"state_{i}")
        draft.set("poseidon2", row, **{f"cube_{i}": pow(x, 3, P), f"seventh_{i}": pow(x, 7, P)})


def write_words(draft: Draft, words: list[int]) -> None:
    first = draft.find("transfer", code=POSEIDON2)
    for i, word in enumerate(words):
        draft.set("transfer", first + i, new=word, new_low=word & 0xFFFF)
        home, at = draft.final(draft.cell("transfer", first + i, "address"))
        draft.set(home, at, final_value=word)


def last_layer(draft: Draft) -> list[int]:
    """State after the last round, from the row that ends it."""
    state = [draft.cell("poseidon2", LAST, f"state_{i}") for i in range(HALF, POSEIDON2_WIDTH)]
    state += [draft.cell("poseidon2", LAST, f"seventh_{i}") for i in range(HALF)]
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
    draft.set("poseidon2", 2 * ROWS_PER_CALL, low=1, high=WORD)


@story("poseidon2", "unloaded element")
def another_element_is_unloaded(draft: Draft) -> None:
    """The words that leave the table are not those of the state."""
    row = UNLOAD_ROWS[0]
    low = draft.cell("poseidon2", row, "low") ^ 1
    element = low + (draft.cell("poseidon2", row, "high") << 32)
    draft.set("poseidon2", row, low=low)
    # The element goes round the state while the others leave it.
    for step in range(1, POSEIDON2_WIDTH + 1):
        draft.set("poseidon2", row + step, **{f"state_{POSEIDON2_WIDTH - step}": element})
        powers(draft, row + step)
    first = draft.find("transfer", code=POSEIDON2)
    draft.set("transfer", first, new=low, new_low=low & 0xFFFF)
    home, at = draft.final(draft.cell("transfer", first, "address"))
    draft.set(home, at, final_value=low)


def copy_block(draft: Draft, source: int, target: int) -> None:
    for row in range(ROWS_PER_CALL):
        cells = draft.row("poseidon2", source * ROWS_PER_CALL + row)
        draft.set("poseidon2", target * ROWS_PER_CALL + row, **cells)


@story("poseidon2", "is_used is 0 or 1")
def used_twice_and_minus_once(draft: Draft) -> None:
    """Two permutations and -1 permutations serve one call."""
    copy_block(draft, 0, 2)
    for row in range(ROWS_PER_CALL):
        draft.set("poseidon2", row, is_used=2)
        draft.set("poseidon2", 2 * ROWS_PER_CALL + row, is_used=-1)


@story("poseidon2", "is_used of a call")
def half_a_call(draft: Draft) -> None:
    """Input and output of one call are served by different rows."""
    copy_block(draft, 0, 2)
    for row in range(ROWS_PER_CALL):
        is_late = row >= ROWS_PER_CALL // 2
        draft.set("poseidon2", row, is_used=int(not is_late))
        draft.set("poseidon2", 2 * ROWS_PER_CALL + row, is_used=int(is_late))


@story("poseidon2", "time of a call")
def exchanged_outputs(draft: Draft) -> None:
    """The outputs of two calls, which are equal, change places."""
    times = [draft.cell("poseidon2", block * ROWS_PER_CALL, "time") for block in range(2)]
    for block in range(2):
        for row in range(ROWS_PER_CALL // 2, ROWS_PER_CALL):
            draft.set("poseidon2", block * ROWS_PER_CALL + row, time=times[1 - block])
