"""Forgeries of the memory table."""

from offchain.air.buses import ROM_BASE, TWO_16, TWO_32
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.draft import Draft, Stories
from tests.air.necessity.run import ZERO_WORD
from tests.air.necessity.stories_cpu import last_row, other_program
from tests.zkvm.toy import DATA, TEXT

STORIES = Stories()
story = STORIES.add


def sell_an_and(draft: Draft, store: str, load: str) -> None:
    """An unused row that stores -1 times sells 255 and 0 = 1, which a bitwise row buys."""
    spare = draft.spare("memory")
    buyer = draft.find("bitwise", is_and=1, a_1=255, y_1=0)
    draft.set("memory", spare, **{f"is_{store}": -1, f"is_{load}": 1}, r=255, byte=255, half=255)
    draft.set("memory", spare, old=255, new=255, half_new=255, stored_0=255, stored_and=1)
    draft.set("bitwise", buyer, and_1=1)


@story("memory", "is_sb is 0 or 1")
def sell_an_and_by_bytes(draft: Draft) -> None:
    """An unused row that stores -1 bytes sells 255 and 0 = 1, which a bitwise row buys."""
    sell_an_and(draft, "sb", "lbu")


@story("memory", "is_sh is 0 or 1")
def sell_an_and_by_halves(draft: Draft) -> None:
    """The same with a store of -1 halves."""
    sell_an_and(draft, "sh", "lhu")


@story("memory", "store of a byte")
def store_another_byte(draft: Draft) -> None:
    """0xB4 is stored for 0xB3."""
    row = draft.run.rows_where("memory", is_sb=1, is_upper_half=0, is_upper_byte=0)[-1]
    half, new = (draft.cell("memory", row, name) for name in ("half_new", "new"))
    draft.set("memory", row, half_new=half + 1, new=new + 1)


@story("memory", "store of a half")
def store_another_half(draft: Draft) -> None:
    """0xA2B4 is stored for 0xA2B3."""
    row = draft.run.rows_where("memory", is_sh=1, is_upper_half=0)[-1]
    half, new = (draft.cell("memory", row, name) for name in ("half_new", "new"))
    draft.set("memory", row, half_new=half + 1, new=new + 1)


def flags_that_cancel(draft: Draft, minus: str, plus: str) -> None:
    """An unused row has one flag of -1 and one of 1."""
    draft.set("memory", draft.spare("memory"), **{f"is_{minus}": -1, f"is_{plus}": 1})


@story("memory", "is_lw is 0 or 1")
def minus_one_word_loaded(draft: Draft) -> None:
    """A load and a store of words cancel."""
    flags_that_cancel(draft, "lw", "sw")


@story("memory", "is_sw is 0 or 1")
def minus_one_word_stored(draft: Draft) -> None:
    """A store and a load of words cancel."""
    flags_that_cancel(draft, "sw", "lw")


@story("memory", "is_lbu is 0 or 1")
def minus_one_unsigned_byte(draft: Draft) -> None:
    """A load of a byte and one of a word cancel."""
    flags_that_cancel(draft, "lbu", "lw")


def sell_a_sign(draft: Draft, load: str, half: int, **cells: int) -> None:
    """Sell 127 and 128 = 128, which a bitwise row buys; all else is looked up -1 times too."""
    flags_that_cancel(draft, load, "lw")
    word = half + (TWO_32 - TWO_16)
    draft.set("memory", draft.spare("memory"), byte=127, half=half, other_half=0xFFFF, sign=1)
    draft.set("memory", draft.spare("memory"), r=word, old=word, new=word, **cells)
    draft.set("bitwise", draft.find("bitwise", is_and=1, a_3=127, y_3=128), and_3=128)


@story("memory", "is_lb is 0 or 1")
def minus_one_byte(draft: Draft) -> None:
    """A load of -1 bytes sells a sign."""
    sell_a_sign(draft, "lb", 0xFF7F, other_byte=255, byte_and=127)


@story("memory", "is_lh is 0 or 1")
def minus_one_half(draft: Draft) -> None:
    """A load of -1 halves sells a sign."""
    sell_a_sign(draft, "lh", 0x7F00, is_upper_byte=1)


@story("memory", "is_lhu is 0 or 1")
def minus_one_unsigned_half(draft: Draft) -> None:
    """A load of a half and one of a word cancel."""
    flags_that_cancel(draft, "lhu", "lw")
    draft.set("memory", draft.spare("memory"), is_upper_byte=1)


def load_elsewhere(draft: Draft) -> tuple[int, int]:
    """Let the last load read a word further on; give its row and the distance."""
    row = draft.run.rows_where("memory", is_lh=1)[-1]
    names = ("address", "previous", "old", "time")
    address, previous, old, time = (draft.cell("memory", row, name) for name in names)
    draft.undo(address, previous, old)
    other = draft.find("memory", is_lh=1, is_upper_half=1, address=ZERO_WORD)
    selected = ("r", "half", "other_half", "byte", "other_byte", "byte_and", "sign")
    draft.set("memory", row, **{name: draft.cell("memory", other, name) for name in selected})
    value = draft.cell(*draft.final(ZERO_WORD), "final_value")
    draft.access("memory", row, ZERO_WORD, 4 * time + 2, value)
    return row, ZERO_WORD - address


@story("memory", "carry is 0 or 1")
def carry_is_a_fraction(draft: Draft) -> None:
    """A fraction of 2^32 as carry moves the address to any other word."""
    row, distance = load_elsewhere(draft)
    draft.set("memory", row, carry=1 - distance * pow(TWO_32, -1, P))


@story("memory", "is_rom is 0 or 1")
def rom_is_a_fraction(draft: Draft) -> None:
    """A fraction of the base of ROM moves the address to any other word."""
    row, distance = load_elsewhere(draft)
    draft.set("memory", row, is_rom=distance * pow(ROM_BASE, -1, P))


@story("memory", "address of the word")
def any_address(draft: Draft) -> None:
    """The address is that of another word."""
    load_elsewhere(draft)


@story("memory", "is_upper_half is 0 or 1")
def two_upper_halves(draft: Draft) -> None:
    """An unused row selects half 2."""
    draft.set("memory", draft.spare("memory"), is_upper_half=2, y=4)


@story("memory", "is_upper_byte is 0 or 1")
def two_upper_bytes(draft: Draft) -> None:
    """An unused row selects byte 2 of a half of zeros."""
    draft.set("memory", draft.spare("memory"), is_upper_byte=2)


@story("memory", "halves select their upper byte")
def sign_of_the_lower_byte(draft: Draft) -> None:
    """A half gets the sign of its lower byte."""
    for row in draft.run.rows_where("memory", is_lh=1):
        half, sign, byte, other, r = (
            draft.cell("memory", row, name) for name in ("half", "sign", "byte", "other_byte", "r")
        )
        if sign != other >> 7:
            break
    r = half + (1 - sign) * (TWO_32 - TWO_16)
    draft.set("memory", row, is_upper_byte=0, byte=other, other_byte=byte, sign=1 - sign, r=r)


def last_store(draft: Draft) -> int:
    return draft.run.rows_where("cpu", is_store=1)[-1]


@story("memory", "ROM is not written")
def store_into_rom(draft: Draft) -> None:
    """A program that stores into its first instruction."""
    row = last_store(draft)
    upper, lower = row - 2, row - 1
    offset = draft.cell("cpu", lower, "imm")
    memory = draft.find("memory", time=draft.cell("cpu", row, "clk"))
    value, clk = draft.cell("cpu", row, "b"), draft.cell("cpu", row, "clk")
    draft.undo(DATA + offset)
    other_program(draft, upper, imm=TEXT, y=TEXT, r=TEXT)
    add = draft.find("add", a=DATA, y=offset)
    draft.set("add", add, a=TEXT, r=TEXT + offset, r_low=(TEXT + offset) % 2**16)
    draft.set("cpu", lower, a=TEXT, r=TEXT + offset, rd_old=TEXT)
    draft.set("cpu", row, a=TEXT + offset)
    draft.set("memory", memory, a=TEXT + offset, is_rom=1)
    draft.access("memory", memory, ROM_BASE + TEXT + offset, 4 * clk + 2, value)
    reader = next(r for r in range(row, last_row(draft)) if draft.cell("cpu", r, "rd") == 5)
    draft.set("cpu", reader, rd_old=TEXT + offset)


@story("memory", "words are aligned")
def load_misaligned_word(draft: Draft) -> None:
    """A program that loads the word at 2 gets the word at 0."""
    row = draft.run.rows_where("cpu", is_load=1, op=8)[0]
    memory = draft.find("memory", time=draft.cell("cpu", row, "clk"))
    other_program(draft, row, imm=2, y=2)
    draft.set("memory", memory, y=2, is_upper_half=1)
