"""Forgeries that a range check or a lookup of bytes stops."""

from offchain.air.buses import TWO_32
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.draft import Draft, Story
from tests.air.necessity.flows import Flows, on_bus
from tests.air.necessity.run import TAPE_WORDS
from tests.air.necessity.stories_operations import NEGATIVE, TWO_31, WORD, limbs

FLOWS = Flows()
flow, limb = FLOWS.add, FLOWS.limb

HALF = pow(2**16, -1, P)
"""1 / 2^16."""


@limb("add", "r, low half")
def negative_sum_in_the_low_half(draft: Draft) -> None:
    """-16 + 7 = -9 by a carry that is none, with a low half of -9."""
    row = draft.find("add", is_add=1, a=NEGATIVE, y=7)
    draft.set("add", row, r=-9, carry=1, r_low=-9)


@limb("add", "r, high half")
@flow(*[name for name in on_bus("range16") if name[0] == "lookup"], beside=on_bus("range16"))
def negative_sum_in_the_high_half(draft: Draft) -> None:
    """-16 + 7 = -9 by a carry that is none, with a high half of -9 / 2^16."""
    row = draft.find("add", is_add=1, a=NEGATIVE, y=7)
    draft.set("add", row, r=-9, carry=1, r_low=0)


def wrong_byte(number: int) -> Story:
    """A byte of -16 and 7 is wrong by 1."""

    def write(draft: Draft) -> None:
        row = draft.find("bitwise", is_and=1, a_0=0xF0, y_0=7)
        draft.set("bitwise", row, **{f"and_{number}": 1})

    return write


for _number in range(4):
    flow(("bitwise", f"byte {_number}"))(wrong_byte(_number))
flow(*[name for name in on_bus("byte_and") if name[0] == "lookup"], beside=on_bus("byte_and"))(
    wrong_byte(0)
)


def split_word(name: str, value: int, free: int) -> dict[str, int]:
    """Limbs of a value, of which the free one takes what the other does not."""
    low = value % 2**16 if free == 1 and value % P < 2**40 else 0
    if free == 1:
        return {f"{name}_0": low, f"{name}_1": (value - low) * HALF}
    return {f"{name}_0": value, f"{name}_1": 0}


def forged_sign_of(name: str, free: int) -> Story:
    """9 counts as 9 - 2^32, which makes its biased form negative."""

    def write(draft: Draft) -> None:
        row = draft.find("arith", is_compare=1, signed_a=1, **SIGN_OPERANDS[name])
        value = draft.cell("arith", row, name)
        result = 1 - draft.cell("arith", row, "r")
        negative = {f"negative_{name}": 1, "signs_differ": 1 if name == "a" else 0}
        biased = split_word(f"bias_{name}", value - TWO_31, free)
        draft.set("arith", row, r=result, **negative, **biased)

    return write


SIGN_OPERANDS = {"a": {"a": 9, "y": 9}, "y": {"a": NEGATIVE, "y": 7}}


def forged_product(name: str, free: int) -> Story:
    """A product is split so that one of its halves is no word.

    The lower half is 2^32 more and the upper one 1 less, or 81 = 83 + 2^32 * (2^33 - 2) modulo p.
    """

    def write(draft: Draft) -> None:
        if name == "low":
            # The upper half must stay a word: -16 * 7 has 6.
            row = draft.find("arith", is_multiply_high=1, signed_a=0, signed_y=0, a=NEGATIVE, y=7)
            product = NEGATIVE * 7
            high = (product >> 32) - 1
            low = product % 2**32 + 2**32
            parts = {"low_0": low % 2**16, "low_1": low >> 16}
            if free == 0:
                parts = {"low_0": low - (low >> 16) % 2**16 * 2**16, "low_1": (low >> 16) % 2**16}
            draft.set("arith", row, **parts, **limbs(high=high, last=high), r=high)
        else:
            row = draft.find("arith", is_multiply=1, a=9, y=9)
            high = split_word("high", 2 * WORD, free)
            draft.set("arith", row, **high, **limbs(low=83), r=83)

    return write


def forged_difference(free: int) -> Story:
    """9 < 9, with a difference of 2^32."""

    def write(draft: Draft) -> None:
        row = draft.find("arith", is_compare=1, signed_a=0, a=9, y=9)
        draft.set("arith", row, r=1, **split_word("last", TWO_32, free))

    return write


for _free in range(2):
    for _name in ("a", "y"):
        limb("arith", f"bias_{_name}_{_free}")(forged_sign_of(_name, _free))
    for _name in ("high", "low"):
        limb("arith", f"{_name}_{_free}")(forged_product(_name, _free))
    limb("arith", f"last_{_free}")(forged_difference(_free))


@flow(("memory", "bytes of the half"))
def byte_takes_from_its_neighbour(draft: Draft) -> None:
    """The byte is 256 more, the other byte 1 less."""
    row = draft.run.rows_where("memory", is_lbu=1, is_upper_byte=0, is_upper_half=0)[-1]
    byte, other, r = (draft.cell("memory", row, name) for name in ("byte", "other_byte", "r"))
    draft.set("memory", row, byte=byte + 256, other_byte=other - 1, r=r + 256)


@flow(("memory", "sign"))
def sign_is_turned(draft: Draft) -> None:
    """A byte is loaded with the other sign."""
    row = draft.run.rows_where("memory", is_lb=1)[-1]
    sign, byte = (draft.cell("memory", row, name) for name in ("sign", "byte"))
    draft.set("memory", row, sign=1 - sign, r=byte + (1 - sign) * (TWO_32 - 256))


@flow(("memory", "stored bytes"))
def stored_byte_is_none(draft: Draft) -> None:
    """256 more are stored than the byte, as the upper byte is 1 less."""
    row = draft.run.rows_where("memory", is_sb=1, is_upper_byte=0, is_upper_half=0)[-1]
    names = ("stored_0", "stored_1", "half_new", "new")
    low, high, half, new = (draft.cell("memory", row, name) for name in names)
    draft.set("memory", row, stored_0=low + 256, stored_1=high - 1)
    draft.set("memory", row, half_new=half + 256, new=new + 256)


@limb("memory", "other half")
def half_takes_from_its_neighbour(draft: Draft) -> None:
    """The half that is loaded is 1 more, the other one 1 / 2^16 less."""
    row = draft.run.rows_where("memory", is_lbu=1, is_upper_byte=0, is_upper_half=0)[-1]
    names = ("byte", "half", "other_half", "r")
    byte, half, other, r = (draft.cell("memory", row, name) for name in names)
    draft.set("memory", row, byte=byte ^ 1, half=half - byte + (byte ^ 1), r=r - byte + (byte ^ 1))
    draft.set("memory", row, other_half=other + (byte - (byte ^ 1)) * HALF)


@limb("memory", "upper half of the stored value")
def another_byte_is_stored(draft: Draft) -> None:
    """The byte that is stored is 1 more than that of the register."""
    row = draft.run.rows_where("memory", is_sb=1, is_upper_byte=0, is_upper_half=0)[-1]
    names = ("stored_0", "half_new", "new")
    low, half, new = (draft.cell("memory", row, name) for name in names)
    draft.set("memory", row, stored_0=low + 1, half_new=half + 1, new=new + 1)


@limb("transfer", "word after, low half")
def word_of_the_tape_in_its_low_half(draft: Draft) -> None:
    """A word of the tape is 2^40, with a low half of 2^40."""
    draft.set("transfer", TAPE_WORDS - 1, new=1 << 40, new_low=1 << 40)


@limb("transfer", "word after, high half")
def word_of_the_tape_in_its_high_half(draft: Draft) -> None:
    """A word of the tape is 2^40, with a high half of 2^24."""
    draft.set("transfer", TAPE_WORDS - 1, new=1 << 40, new_low=0)


def open_twice(draft: Draft, low: int) -> None:
    row = draft.spare("zero_memory")
    first = draft.find("zero_memory", is_zero=1)
    word = draft.cell("zero_memory", first, "first")
    draft.set("zero_memory", row, is_zero=1, first=word, last=word)
    step = word - draft.cell("zero_memory", row - 1, "last") - 1
    draft.set("zero_memory", row - 1, step_low=low or step)


@limb("zero_memory", "step to the next row, low half")
def open_twice_by_the_low_half(draft: Draft) -> None:
    """A word is opened a second time; the negative step is its own low half."""
    open_twice(draft, 0)


@limb("zero_memory", "step to the next row, high half")
def open_twice_by_the_high_half(draft: Draft) -> None:
    """A word is opened a second time, by a negative high half of the step."""
    open_twice(draft, 1)
