"""Forgeries of the zero memory."""

from offchain.air.buses import HOLE_BASE, TWO_32
from tests.air.necessity.draft import Draft, Stories
from tests.air.necessity.run import TAPE_ADDRESS, TAPE_WORDS

STORIES = Stories()
story = STORIES.add


def buy_limb(draft: Draft) -> None:
    """-16 + 7 = -9 by a carry that is none; the high half, -9 / 2^16, is sold by another row."""
    row = draft.find("add", is_add=1, a=TWO_32 - 16, y=7)
    draft.set("add", row, r=-9, carry=1, r_low=0)


@story("zero_memory", "is_zero is 0 or 1")
def minus_one_word(draft: Draft) -> None:
    """-1 zero words at an address far off: the limbs of the step are sold, not looked up."""
    buy_limb(draft)
    row = draft.spare("zero_memory")
    first = draft.cell("zero_memory", row - 1, "last") + 1 - 9
    draft.set("zero_memory", row, is_zero=-1, first=first, last=first)


@story("zero_memory", "is_hole is 0 or 1")
def minus_one_hole(draft: Draft) -> None:
    """A hole and -1 holes with the same tuple; the limbs of the step between them are sold."""
    buy_limb(draft)
    row = draft.spare("zero_memory")
    first = draft.cell("zero_memory", row - 1, "last") + 1
    length = HOLE_BASE // 2 + 8
    other = first + HOLE_BASE // 2
    draft.set("zero_memory", row, is_hole=1, first=first, last=first + length)
    draft.set("zero_memory", row + 1, is_hole=-1, first=other, last=other + length)


@story("zero_memory", "no step beyond the last row")
def step_beyond_the_last_row(draft: Draft) -> None:
    """The terminal row opens -1 words, which sells the limbs of the step to it.

    All rows must be in use: they open words behind the last hole.
    """
    end, spare = draft.run.terminal("zero_memory"), draft.spare("zero_memory")
    last = draft.cell("zero_memory", spare - 1, "last")
    for row in range(spare, end):
        last += 1
        draft.set("zero_memory", row, is_zero=1, first=last, last=last)
    buy_limb(draft)
    draft.set("zero_memory", end, is_zero=-1, first=last + 1 - 9)


@story("zero_memory", "a word ends where it starts")
def word_that_is_not_zero(draft: Draft) -> None:
    """A word of RAM is 1 at the start."""
    row = draft.find("zero_memory", is_zero=1, first=TAPE_ADDRESS // 4 + TAPE_WORDS - 1)
    draft.set("zero_memory", row, last=draft.cell("zero_memory", row, "last") + 1)
    draft.set("transfer", TAPE_WORDS - 1, old=1)


@story("zero_memory", "a row is a word or a hole")
def hole_as_final_word(draft: Draft) -> None:
    """The last hole, which ends the map, is received as the final state of a word.

    Its rows step to index 2^40 over words far above the map.
    """
    row = draft.spare("zero_memory") - 1
    first, last = (draft.cell("zero_memory", row, name) for name in ("first", "last"))
    target = first + HOLE_BASE // 4
    end = draft.cell("zero_memory", row - 1, "last")
    while target - end > 2**32:
        end += 2**32
        draft.set("zero_memory", row - 1, step_low=2**16 - 1)
        draft.set("zero_memory", row, is_hole=0, is_zero=1, first=end, last=end)
        row += 1
    draft.set("zero_memory", row - 1, step_low=(target - end - 1) % 2**16)
    draft.set("zero_memory", row, is_zero=1, is_hole=1, first=target, last=target)
    draft.set("zero_memory", row, final_value=last - first)


@story("zero_memory", "the order starts at word 0")
def word_below_the_map(draft: Draft) -> None:
    """The first row opens the word at -4, which a misplaced carry reaches."""
    draft.shift("zero_memory", 1)
    draft.set("zero_memory", 0, is_zero=1, first=-1, last=-1)
