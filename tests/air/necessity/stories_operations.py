"""Forgeries of the tables add, bitwise and arith."""

from offchain.air.buses import TWO_16, TWO_32
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.draft import Draft, Stories, Story

STORIES = Stories()
story = STORIES.add

TWO_31 = 1 << 31
WORD = TWO_32 - 1
NEGATIVE = 0xFFFF_FFF0
"""-16, which the example divides by 7."""


def limbs(**words: int) -> dict[str, int]:
    """Both columns of words of the arith table."""
    return {
        f"{name}_{i}": word >> 16 * i & 0xFFFF for name, word in words.items() for i in range(2)
    }


# add


def buy_limb(draft: Draft) -> None:
    """-16 + 7 = -9 by a carry that is none; the high half, -9 / 2^16, is sold by another row."""
    row = draft.find("add", is_add=1, a=NEGATIVE, y=7)
    draft.set("add", row, r=-9, carry=1, r_low=0)


@story("add", "is_add is 0 or 1")
def sell_limbs_of_sums(draft: Draft) -> None:
    """A row that adds -1 times and compares once is not used, but sells the limbs of its r.

    They are 9 and -9 / 2^16.
    """
    spare = draft.spare("add")
    draft.set("add", spare, is_add=-1, is_eq=1, a=1, y=-1, r_low=9, inverse=pow(2, -1, P))
    buy_limb(draft)


@story("add", "is_sub is 0 or 1")
def sell_limbs_of_differences(draft: Draft) -> None:
    """The same with a row that subtracts -1 times."""
    spare, half = draft.spare("add"), TWO_31
    draft.set("add", spare, is_sub=-1, is_eq=1, a=-half, y=half, r_low=9, carry=1)
    draft.set("add", spare, inverse=-pow(TWO_32, -1, P))
    buy_limb(draft)


@story("add", "is_eq is 0 or 1")
def half_plus_half(draft: Draft) -> None:
    """A row that adds once and compares -1 times looks up its limbs without being used."""
    half = pow(2, -1, P)
    draft.set("add", draft.spare("add"), is_add=1, is_eq=-1, a=half, y=half, r=1, r_low=1)


@story("add", "at most one operation")
def add_and_subtract_as_comparison(draft: Draft) -> None:
    """1 + 2 = 3: adding and subtracting at once passes as two comparisons, which say 1 = 0."""
    first, second = draft.run.rows_where("add", is_eq=1, a=1, y=0)[:2]
    draft.clear("add", second)
    draft.set("add", first, is_eq=0, is_add=1, is_sub=1, r=1, r_low=1, inverse=0)
    for row in draft.run.rows_where("cpu", is_branch=1, a=1, y=0, op=3):
        draft.set("cpu", row, r=1)


@story("add", "addition")
def wrong_sum(draft: Draft) -> None:
    """Any word passes as a sum."""
    draft.set("add", draft.find("add", is_add=1, a=9, y=9), r=5, r_low=5)


@story("add", "equal means no difference")
def unequal_is_equal(draft: Draft) -> None:
    """1 = 0, so that a branch is taken."""
    draft.set("add", draft.find("add", is_eq=1, a=1, y=0), r=1, inverse=0)


# bitwise


def bitwise_flags_that_cancel(minus: str, plus: str) -> Story:
    """An unused row has one flag of -1 and one of 1."""

    def write(draft: Draft) -> None:
        draft.set("bitwise", draft.spare("bitwise"), **{f"is_{minus}": -1, f"is_{plus}": 1})

    return write


for _minus, _plus in (("and", "or"), ("or", "xor"), ("xor", "and")):
    STORIES["bitwise", f"is_{_minus} is 0 or 1"] = bitwise_flags_that_cancel(_minus, _plus)


# arith


def spare_arith(**values: int) -> Story:
    """An unused row holds values that only one constraint minds."""

    def write(draft: Draft) -> None:
        row = max(draft.run.rows_where("arith", is_divide=0, r=0, a=0, y=0, power_low=1))
        draft.set("arith", row, **values)

    return write


_MINUS = {
    "compare": {"is_multiply": 1},
    "shift_left": {"is_compare": 1, "factor": 1},
    "shift_right": {"is_compare": 1, "power_low": 0, "y": 31, "last_0": -31},
    "multiply": {"is_compare": 1},
    "multiply_high": {"is_compare": 1},
    "divide": {"is_remainder": 1},
    "remainder": {"is_divide": 1},
}
for _flag, _values in _MINUS.items():
    # -1 operation of one kind and one of another cancel.
    STORIES["arith", f"is_{_flag} is 0 or 1"] = spare_arith(**{f"is_{_flag}": -1}, **_values)
for _name in ("a", "y"):
    STORIES["arith", f"signed_{_name} is 0 or 1"] = spare_arith(
        **{f"signed_{_name}": 2, f"bias_{_name}_1": 1 << 15}
    )
for _name in ("is_by_zero", "is_negative"):
    STORIES["arith", f"{_name} is 0 or 1"] = spare_arith(**{_name: 2})


def compared(draft: Draft, **values: int) -> int:
    return draft.find("arith", is_compare=1, **values)


def forge_sign(draft: Draft, name: str) -> None:
    """Give an operand the value that makes a < y, whatever it is."""
    row = compared(draft, signed_a=1, signed_y=1, r=0, a=9, y=9)
    bias = TWO_31 + (8 if name == "a" else 10)
    value = draft.cell("arith", row, name)
    negative = (value + TWO_31 - bias) * pow(TWO_32, -1, P)
    draft.set("arith", row, r=1, **{f"negative_{name}": negative, "signs_differ": negative})
    draft.set("arith", row, **limbs(**{f"bias_{name}": bias}, last=WORD))


@story("arith", "negative_a is 0 or 1")
def sign_of_a_is_a_fraction(draft: Draft) -> None:
    """A sign of 1 / 2^32 turns 9 into 8, so that 9 < 9."""
    forge_sign(draft, "a")


@story("arith", "negative_y is 0 or 1")
def sign_of_y_is_a_fraction(draft: Draft) -> None:
    """A sign of -1 / 2^32 turns 9 into 10, so that 9 < 9."""
    forge_sign(draft, "y")


@story("arith", "sign of a")
def positive_is_negative(draft: Draft) -> None:
    """9 counts as 9 - 2^32, so that 9 < 9."""
    row = compared(draft, signed_a=1, a=9, y=9)
    draft.set("arith", row, negative_a=1, signs_differ=1, r=1)


@story("arith", "sign of y")
def negative_is_positive(draft: Draft) -> None:
    """7 counts as 7 - 2^32, so that -16 < 7 is denied."""
    row = compared(draft, signed_a=1, a=NEGATIVE, y=7)
    draft.set("arith", row, negative_y=1, signs_differ=0, r=0)


@story("arith", "unsigned a has no sign")
def unsigned_a_is_negative(draft: Draft) -> None:
    """9 counts as 9 - 2^32 in an unsigned comparison."""
    row = compared(draft, signed_a=0, a=9, y=9)
    draft.set("arith", row, negative_a=1, signs_differ=1, r=1)


@story("arith", "unsigned y has no sign")
def unsigned_y_is_negative(draft: Draft) -> None:
    """2^32 - 2 counts as -2 in an unsigned comparison."""
    row = compared(draft, signed_a=0, a=5, y=WORD - 1)
    draft.set("arith", row, negative_y=1, signs_differ=1, r=0)


@story("arith", "factor of a product")
def multiply_by_another_word(draft: Draft) -> None:
    """9 * 9 = 90."""
    row = draft.find("arith", is_multiply=1, a=9, y=9)
    draft.set("arith", row, factor=10, r=90, **limbs(low=90))


@story("arith", "comparison gives a bit")
def comparison_gives_an_element(draft: Draft) -> None:
    """r = (y - a) / 2^32 makes the difference 0."""
    row = compared(draft, signed_a=0, a=NEGATIVE, y=7)
    draft.set("arith", row, r=(7 - NEGATIVE) * pow(TWO_32, -1, P), **limbs(last=0))


def forge_shift(draft: Draft, bits: dict[str, int], quotient: int, low: int, high: int) -> None:
    """Shift 3 by 69 to the left by other powers: 2^low part and 2^high part are factors."""
    row = draft.find("arith", is_shift_left=1, a=3, y=69)
    product = 3 * low * high
    draft.set("arith", row, **bits, power_low=low, power_high=high, factor=low * high)
    draft.set("arith", row, **limbs(bias_y=quotient, low=product, high=0), r=product)


@story("arith", "shift_0 is 0 or 1")
def shift_by_another_first_bit(draft: Draft) -> None:
    """5 = 5 * 1 instead of 4 + 1: the factor is 1 + 5."""
    forge_shift(draft, {"shift_0": 5, "shift_2": 0}, 2, 6, 1)


@story("arith", "shift_1 is 0 or 1")
def shift_by_another_second_bit(draft: Draft) -> None:
    """5 = 2 * 2 + 1 instead of 4 + 1."""
    forge_shift(draft, {"shift_1": 2, "shift_2": 0}, 2, 14, 1)


@story("arith", "shift_2 is 0 or 1")
def shift_by_another_third_bit(draft: Draft) -> None:
    """69 = 17 * 4 + 1, without a multiple of 32."""
    forge_shift(draft, {"shift_2": 17}, 0, 2, 1 + 15 * 17)


@story("arith", "shift_3 is 0 or 1")
def shift_by_another_fourth_bit(draft: Draft) -> None:
    """69 = 8 * 8 + 5."""
    forge_shift(draft, {"shift_3": 8}, 0, 2, 16 * (1 + 255 * 8))


@story("arith", "shift_4 is 0 or 1")
def shift_by_another_fifth_bit(draft: Draft) -> None:
    """69 = 4 * 16 + 5."""
    forge_shift(draft, {"shift_4": 4}, 0, 2, 16 * (1 + 65535 * 4))


@story("arith", "shift to the left")
def shift_by_another_amount(draft: Draft) -> None:
    """3 is shifted by 4 instead of 5."""
    forge_shift(draft, {"shift_0": 0}, 2, 1, 16)


@story("arith", "lower part of the power")
def wrong_lower_power(draft: Draft) -> None:
    """2^1 = 1."""
    forge_shift(draft, {}, 2, 1, 16)


@story("arith", "upper part of the power")
def wrong_upper_power(draft: Draft) -> None:
    """2^4 = 1."""
    forge_shift(draft, {}, 2, 2, 1)


@story("arith", "shift to the right")
def shift_right_by_another_amount(draft: Draft) -> None:
    """-16 is shifted by 31 - 16 instead of 31 - 24."""
    row = draft.find("arith", is_shift_right=1, signed_a=0, a=NEGATIVE, y=7)
    product = NEGATIVE << 17
    draft.set("arith", row, shift_3=0, power_high=TWO_16, factor=TWO_16 * 2, r=product >> 32)
    draft.set("arith", row, **limbs(high=product >> 32, low=product))


@story("arith", "the product's split is the canonical one")
def product_plus_p(draft: Draft) -> None:
    """81 = 82 + 2^32 * (2^32 - 1) modulo p: the upper half of 9 * 9 is 2^32 - 1."""
    row = draft.find("arith", is_multiply_high=1, signed_a=0, signed_y=0, a=9, y=9)
    draft.set("arith", row, r=WORD, **limbs(high=WORD, low=82, last=WORD))


def forge_carry(number: int) -> Story:
    """A carry of 5 / 2^32 adds 5."""

    def write(draft: Draft) -> None:
        row = draft.find("arith", is_multiply_high=1, signed_a=0, signed_y=0, a=9, y=9)
        draft.set("arith", row, **{f"carry_{number}": 5 * pow(TWO_32, -1, P)}, r=5, last_0=5)

    return write


for _number in range(2):
    STORIES["arith", f"carry_{_number} is 0 or 1"] = forge_carry(_number)


@story("arith", "factor of a division")
def divide_by_another_word(draft: Draft) -> None:
    """9 / 10 instead of 9 / 9."""
    row = draft.find("arith", is_divide=1, signed_a=0, a=9, y=9)
    draft.set("arith", row, factor=10, magnitude=0, r=0, **limbs(high=0, low=9, last=0))


@story("arith", "division by zero is by zero")
def divide_by_nine_as_by_zero(draft: Draft) -> None:
    """9 / 9 = 2^32 - 1."""
    row = draft.find("arith", is_divide=1, signed_a=0, a=9, y=9)
    draft.set("arith", row, is_by_zero=1, magnitude=WORD, r=WORD, **limbs(high=0, low=9))


@story("arith", "remainder is below the divisor")
def remainder_keeps_a_divisor(draft: Draft) -> None:
    """9 mod 9 = 9."""
    row = draft.find("arith", is_remainder=1, signed_a=0, a=9, y=9)
    draft.set("arith", row, magnitude=9, r=9, **limbs(high=0, low=9))


def forge_positive_quotient(draft: Draft, **values: int) -> None:
    row = draft.find("arith", is_divide=1, signed_a=1, a=NEGATIVE, y=7)
    draft.set("arith", row, is_negative=0, borrow=0, magnitude_inverse=0, r=2, **values)


@story("arith", "signs differ")
def signs_do_not_differ(draft: Draft) -> None:
    """-16 / 7 = 2."""
    forge_positive_quotient(draft, signs_differ=0)


@story("arith", "sign of the quotient")
def quotient_loses_its_sign(draft: Draft) -> None:
    """-16 / 7 = 2, though the signs differ."""
    forge_positive_quotient(draft)


@story("arith", "zero has no sign")
def zero_is_negative(draft: Draft) -> None:
    """-2^31 mod -1 = 2^32."""
    row = draft.find("arith", is_remainder=1, signed_a=1, a=TWO_31, y=WORD)
    draft.set("arith", row, borrow=1, r=TWO_32)


@story("arith", "others keep theirs")
def negative_without_borrow(draft: Draft) -> None:
    """-16 / 7 = -2, which is no word."""
    row = draft.find("arith", is_divide=1, signed_a=1, a=NEGATIVE, y=7)
    draft.set("arith", row, borrow=0, magnitude_inverse=0, r=-2)


@story("arith", "sign of the remainder")
def remainder_loses_its_sign(draft: Draft) -> None:
    """-16 mod 7 = 2 instead of -2."""
    row = draft.find("arith", is_remainder=1, signed_a=1, a=NEGATIVE, y=7)
    draft.set("arith", row, is_negative=0, borrow=0, magnitude_inverse=0, r=2)
