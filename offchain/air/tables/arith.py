"""Comparison, shifts, multiplication and division, which share their limbs."""

from __future__ import annotations

from offchain.air.buses import DISPATCH, TWO_16, TWO_32, receive_range16
from offchain.air.expression import Column, Expression, total
from offchain.air.opcodes import (
    COMPARE,
    DIVIDE,
    MULTIPLY,
    MULTIPLY_HIGH,
    REMAINDER,
    SHIFT_LEFT,
    SHIFT_RIGHT,
    SIGNED_A,
    SIGNED_Y,
)
from offchain.air.table import Table

TWO_31 = 1 << 31
SHIFT_BITS = 5


def build() -> Table:
    """Everything rests on products and sums of words that stay below p, so that they are exact.

    Five pairs of 16-bit limbs hold five words: `bias_a` and `bias_y` (a + 2^31 mod 2^32, which
    shows the sign), `high` and `low` (a product's halves, or quotient and remainder), and `last`
    (a difference, or the upper half of a signed product).
    """
    table = Table("arith", "Comparison, shifts, multiplication and division of words.")
    operations = {
        name: table.add_flag(f"is_{name}", doc)
        for name, doc in (
            ("compare", "r = 1 if a < y, else 0."),
            ("shift_left", "r = a * 2^(y mod 32) mod 2^32."),
            ("shift_right", "r = a / 2^(y mod 32), rounded down."),
            ("multiply", "r = a * y mod 2^32."),
            ("multiply_high", "r = a * y / 2^32, rounded down."),
            ("divide", "r = a / y, rounded towards zero."),
            ("remainder", "r = a - y * (a / y)."),
        )
    }
    signed_a = table.add_flag("signed_a", "a is read as signed.")
    signed_y = table.add_flag("signed_y", "y is read as signed.")
    a = table.add("a", "First operand.")
    y = table.add("y", "Second operand.")
    r = table.add("r", "Result.")
    negative_a = table.add_flag("negative_a", "a is signed and negative.")
    negative_y = table.add_flag("negative_y", "y is signed and negative.")
    words: dict[str, Expression] = {}
    limbs: list[Column] = []
    for name, doc in (
        ("bias_a", "a + 2^31 mod 2^32 if a is signed"),
        ("bias_y", "y + 2^31 mod 2^32 if y is signed; y / 32 in shifts"),
        ("high", "upper half of the product; |quotient| in divisions"),
        ("low", "lower half of the product; |remainder| in divisions"),
        ("last", "word that must not be negative or exceed 2^32"),
    ):
        pair = [table.add(f"{name}_{i}", f"Limb {i} of: {doc}.") for i in range(2)]
        words[name] = pair[0] + TWO_16 * pair[1]
        limbs += pair
    factor = table.add("factor", "y, or the power of two of a shift, or |y| in divisions.")
    inverse = table.add("inverse", "1 / (2^32 - 1 - high) where low is not zero.")

    is_used = total(list(operations.values()))
    table.constrain("at most one operation", is_used * (is_used - 1))
    table.constrain("sign of a", signed_a * (a + TWO_31 - TWO_32 * negative_a - words["bias_a"]))
    table.constrain("sign of y", signed_y * (y + TWO_31 - TWO_32 * negative_y - words["bias_y"]))
    table.constrain("unsigned a has no sign", (1 - signed_a) * negative_a)
    table.constrain("unsigned y has no sign", (1 - signed_y) * negative_y)
    difference = (a - TWO_32 * negative_a) - (y - TWO_32 * negative_y)
    table.constrain("comparison", operations["compare"] * (difference + TWO_32 * r - words["last"]))
    table.constrain("comparison gives a bit", operations["compare"] * r * (r - 1))

    _constrain_factor(table, operations, y, factor, words["bias_y"])
    _constrain_products(
        table, operations, (a, y, r), (negative_a, negative_y), words, factor, inverse
    )
    _constrain_division(table, operations, (a, y, r), (negative_a, negative_y), words, factor)

    bases = (COMPARE, SHIFT_LEFT, SHIFT_RIGHT, MULTIPLY, MULTIPLY_HIGH, DIVIDE, REMAINDER)
    op = total([base * flag for base, flag in zip(bases, operations.values(), strict=True)])
    op = op + SIGNED_A * signed_a + SIGNED_Y * signed_y
    table.receive("operation", DISPATCH, [op, 0, a, y, r], is_used)
    for limb in limbs:
        receive_range16(table, limb.name, limb, is_used)
    return table


def _constrain_factor(
    table: Table, is_: dict[str, Column], y: Column, factor: Column, quotient: Expression
) -> None:
    """Shifts multiply by 2^s to the left, by 2^(32 - s) to the right, with s = y mod 32."""
    bits = [
        table.add_flag(f"shift_{i}", f"Bit {i} of s to the left, of 31 - s to the right.")
        for i in range(SHIFT_BITS)
    ]
    power_low = table.add("power_low", "2^(bits 0 and 1), twice that to the right.")
    left, right = is_["shift_left"], is_["shift_right"]
    exponent = total([bit * (1 << i) for i, bit in enumerate(bits)])
    # s = exponent to the left and 31 - exponent to the right.
    table.constrain("shift to the left", left * (y - exponent - 32 * quotient))
    table.constrain("shift to the right", right * (y - (31 - exponent) - 32 * quotient))
    table.constrain(
        "lower part of the power", power_low - (1 + right) * (1 + bits[0]) * (1 + 3 * bits[1])
    )
    power_high = table.add("power_high", "2^(bits 2, 3 and 4).")
    table.constrain(
        "upper part of the power",
        power_high - (1 + 15 * bits[2]) * (1 + 255 * bits[3]) * (1 + 65535 * bits[4]),
    )
    table.constrain("factor of a shift", (left + right) * (factor - power_low * power_high))
    table.constrain("factor of a product", (is_["multiply"] + is_["multiply_high"]) * (factor - y))


def _constrain_products(
    table: Table,
    is_: dict[str, Column],
    operands: tuple[Column, Column, Column],
    signs: tuple[Column, Column],
    words: dict[str, Expression],
    factor: Column,
    inverse: Column,
) -> None:
    """Demand a * factor = 2^32 * high + low, at most p - 1, for products and shifts."""
    a, y, r = operands
    negative_a, negative_y = signs
    high, low = words["high"], words["low"]
    multiplies = is_["shift_left"] + is_["shift_right"] + is_["multiply"] + is_["multiply_high"]
    table.constrain("product", multiplies * (a * factor - TWO_32 * high - low))
    # p = 2^32 * (2^32 - 1) + 1, so that v < 2^32 - 1 could also be split as v + p: with
    # high = 2^32 - 1 and low = v + 1. A product may only have high = 2^32 - 1 if low = 0.
    table.constrain(
        "the product's split is the canonical one",
        low * (1 - (TWO_32 - 1 - high) * inverse),
    )
    table.constrain("result is the lower half", (is_["multiply"] + is_["shift_left"]) * (r - low))
    # The sign of a only counts in an arithmetic shift: fills 32 - s upper bits with ones.
    table.constrain(
        "result of a shift to the right",
        is_["shift_right"] * (r - high - negative_a * (TWO_32 - factor)),
    )
    carries = [table.add_flag(f"carry_{i}", "Multiple of 2^32 in a result.") for i in range(2)]
    table.constrain(
        "result is the upper half",
        is_["multiply_high"]
        * (r + negative_a * y + negative_y * a - high - TWO_32 * (carries[0] + carries[1])),
    )
    table.constrain("upper half is a word", is_["multiply_high"] * (r - words["last"]))


def _constrain_division(
    table: Table,
    is_: dict[str, Column],
    operands: tuple[Column, Column, Column],
    signs: tuple[Column, Column],
    words: dict[str, Expression],
    factor: Column,
) -> None:
    """Demand |a| = |quotient| * |y| + |remainder| with |remainder| < |y|, or y = 0."""
    a, y, r = operands
    negative_a, negative_y = signs
    quotient, remainder = words["high"], words["low"]
    divides = is_["divide"] + is_["remainder"]
    is_by_zero = table.add_flag("is_by_zero", "The division is by zero.")
    is_negative = table.add_flag("is_negative", "The result is negative or zero.")
    magnitude = table.add("magnitude", "|quotient| or |remainder|, whichever is asked for.")
    signs_differ = table.add("signs_differ", "a and y have different signs.")
    borrow = table.add("borrow", "1 if the result is negative.")
    magnitude_inverse = table.add("magnitude_inverse", "1 / magnitude if the result is negative.")

    absolute_a = a - 2 * negative_a * a + TWO_32 * negative_a
    absolute_y = y - 2 * negative_y * y + TWO_32 * negative_y
    table.constrain("factor of a division", divides * (factor - absolute_y))
    table.constrain("division", divides * (quotient * factor + remainder - absolute_a))
    table.constrain("division by zero is by zero", is_by_zero * factor)
    table.constrain(
        "remainder is below the divisor",
        divides * (1 - is_by_zero) * (factor - 1 - remainder - words["last"]),
    )
    # The quotient by zero is 2^32 - 1; its limbs stay 0, so that the split above is canonical.
    table.constrain("no quotient by zero", is_["divide"] * is_by_zero * quotient)
    table.constrain(
        "quotient is asked for",
        is_["divide"] * (magnitude - quotient - (TWO_32 - 1) * is_by_zero),
    )
    table.constrain("remainder is asked for", is_["remainder"] * (magnitude - remainder))
    table.constrain(
        "signs differ", signs_differ - negative_a - negative_y + 2 * negative_a * negative_y
    )
    table.constrain(
        "sign of the quotient", is_["divide"] * (is_negative - (1 - is_by_zero) * signs_differ)
    )
    table.constrain("sign of the remainder", is_["remainder"] * (is_negative - negative_a))
    # borrow = is_negative unless the magnitude is 0.
    table.constrain("zero has no sign", divides * (borrow - magnitude * magnitude_inverse))
    table.constrain("others keep theirs", divides * (is_negative - borrow) * magnitude)
    table.constrain(
        "result with its sign",
        divides * (r - magnitude + 2 * is_negative * magnitude - TWO_32 * borrow),
    )
