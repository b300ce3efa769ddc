"""Forgeries of the transfer table."""

from offchain.air.buses import LINK
from tests.air.necessity.draft import Draft, Stories
from tests.air.necessity.run import KECCAK_F, POSEIDON2, READ, TAPE_ADDRESS, TAPE_WORDS
from tests.air.necessity.stories_cpu import last_row, other_program
from tests.zkvm.toy import DATA

STORIES = Stories()
story = STORIES.add


def unread(draft: Draft, first: int, count: int = TAPE_WORDS) -> None:
    """Words of the tape from `first` on stay zero."""
    for i in range(first, count):
        draft.undo(TAPE_ADDRESS + 4 * i)


@story("transfer", "used rows are first or follow")
def words_without_a_call(draft: Draft) -> None:
    """A row of its own writes any word to RAM."""
    row = draft.spare("transfer") + 1
    time = draft.cell("cpu", last_row(draft), "clk")
    draft.set("transfer", row, is_used=1, is_read=1, is_last=1, left=1, time=time, link_time=time)
    draft.set("transfer", row, code=READ, link_code=READ, new_low=5)
    draft.access("transfer", row, DATA, 4 * time + 2, 5)


@story("transfer", "row 0 follows none")
def words_before_the_first_call(draft: Draft) -> None:
    """Row 0 writes any word to RAM, in no call."""
    draft.shift("transfer", 1)
    time = draft.cell("cpu", last_row(draft), "clk")
    draft.set("transfer", 0, is_used=1, is_read=1, is_last=1, left=1, time=time, link_time=time)
    draft.set("transfer", 0, code=READ, link_code=READ, new_low=5)
    draft.access("transfer", 0, DATA, 4 * time + 2, 5)


@story("transfer", "no call is cut off")
def call_cut_off(draft: Draft) -> None:
    """The call that reads the tape stands last, and its second row is the terminal row."""
    end = draft.run.terminal("transfer")
    for i in range(2):
        draft.set("transfer", end - 1 + i, **draft.row("transfer", i))
    draft.clear("transfer", *range(TAPE_WORDS))
    unread(draft, 1)


@story("transfer", "the last row has one word left")
def call_ends_early(draft: Draft) -> None:
    """The call that reads the tape reads one word of 450."""
    draft.set("transfer", 0, is_last=1)
    draft.clear("transfer", *range(1, TAPE_WORDS))
    unread(draft, 1)


@story("transfer", "address goes on")
def word_goes_elsewhere(draft: Draft) -> None:
    """The last word that is read from the tape goes to another address."""
    row = TAPE_WORDS - 1
    new, time = (draft.cell("transfer", row, name) for name in ("new", "time"))
    draft.undo(TAPE_ADDRESS + 4 * row)
    draft.access("transfer", row, DATA, 4 * time + 2, new)


@story("transfer", "left goes on")
def one_word_left_too_soon(draft: Draft) -> None:
    """The call that reads the tape ends after two words."""
    draft.set("transfer", 1, is_last=1, left=1)
    draft.clear("transfer", *range(2, TAPE_WORDS))
    unread(draft, 2)


@story("transfer", "code goes on")
def call_changes_its_number(draft: Draft) -> None:
    """The second word of an output belongs to another call."""
    draft.set("transfer", draft.find("transfer", is_write=1) + 1, code=READ)


@story("transfer", "other calls count from 0")
def call_counts_from_1(draft: Draft) -> None:
    """The words of a call to read have the numbers from 1 on."""
    for row in range(TAPE_WORDS):
        draft.set("transfer", row, index=row + 1)


@story("transfer", "link code")
def words_for_another_table(draft: Draft) -> None:
    """A word of the tape bears the code of a permutation."""
    draft.set("transfer", 0, link_code=POSEIDON2)


@story("transfer", "is_write goes on")
def surplus_word_as_output(draft: Draft) -> None:
    """A program that calls keccak_f with 51 words: the last one becomes public output 50."""
    first = draft.find("transfer", code=KECCAK_F)
    last = first + 50
    rows = {row: draft.row("transfer", row) for row in range(last, draft.spare("transfer"))}
    for row, cells in rows.items():
        draft.set("transfer", row + 1, **cells)
    for i in range(50):
        draft.set("transfer", first + i, left=51 - i, is_last=0)
    before = draft.row("transfer", last - 1)
    value = draft.cell(*draft.final(DATA), "final_value")
    draft.set("transfer", last, **before)
    draft.set("transfer", last, left=1, is_last=1, is_write=1, index=50, link_code=0, link_time=0)
    draft.set("transfer", last, new_low=value % 2**16)
    draft.access("transfer", last, DATA, 4 * before["time"] + 2, value)
    draft.public[LINK.identifier, 0, 0, 0, 50, value] -= 1
    call = draft.find("cpu", clk=before["time"])
    addi = draft.find("cpu", rd=11, r=50)
    other_program(draft, addi, imm=51, y=51, r=51)
    draft.set("add", draft.find("add", is_add=1, a=0, y=50), y=51, r=51, r_low=51)
    draft.set("cpu", call, b=51, y=51)
    draft.set("cpu", draft.run.rows_where("cpu", rd=11, rd_old=50)[0], rd_old=51)


@story("transfer", "reads are used rows")
def reads_on_unused_rows(draft: Draft) -> None:
    """Unused rows take from the link bus what a call to read sends as if it were another one."""
    spare = draft.spare("transfer")
    for row in range(TAPE_WORDS):
        cells = {
            name: draft.cell("transfer", row, name)
            for name in ("time", "code", "index", "link_code", "link_time", "old", "new")
        }
        draft.set("transfer", spare + row, is_read=1, **cells)
        draft.set("transfer", row, is_read=0)


@story("transfer", "reads have their number")
def permutation_as_read(draft: Draft) -> None:
    """A call to poseidon2 reads the tape: any words stand for the permutation's."""
    row = draft.find("transfer", code=POSEIDON2)
    for i in range(16):
        draft.set("transfer", row + i, is_read=1)
    for i in range(64):
        draft.set("poseidon2", i, is_used=0)
    draft.set("transfer", row, new=5, new_low=5)
    home, at = draft.final(draft.cell("transfer", row, "address"))
    draft.set(home, at, final_value=5)


def swap_output(draft: Draft, first: list[int], second: list[int]) -> None:
    """Replace the public output."""
    for times, words in ((1, first), (-1, second)):
        for index, word in enumerate(words):
            draft.public[LINK.identifier, 0, 0, 0, index, word] += times


@story("transfer", "writes have their number and index")
def output_in_another_order(draft: Draft) -> None:
    """7, 7, 8 is written as 7, 8, 7."""
    row = draft.find("transfer", is_write=1)
    for i, index in enumerate((0, 1, 2)):
        draft.set("transfer", row + i, index=index)
    swap_output(draft, [7, 7, 8], [7, 8, 7])


@story("transfer", "index goes on")
def output_in_another_place(draft: Draft) -> None:
    """The words of a call are written at 1 and 0, and the word of another call at 2."""
    row = draft.find("transfer", is_write=1)
    draft.set("transfer", row + 1, index=7)
    swap_output(draft, [7, 7, 8], [7, 7])
    draft.public[LINK.identifier, 0, 0, 0, 7, 8] -= 1


@story("transfer", "link time")
def permutations_exchange_words(draft: Draft) -> None:
    """The first words of two calls, which are equal, are sent to each other's permutation."""
    rows = draft.run.rows_where("transfer", code=POSEIDON2, is_first=1)
    times = [draft.cell("transfer", row, "time") for row in rows]
    for row, time in zip(rows, reversed(times), strict=True):
        draft.set("transfer", row, link_time=time)
