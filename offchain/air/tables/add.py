"""Addition, subtraction and equality."""

from __future__ import annotations

from offchain.air.buses import DISPATCH, TWO_32, receive_range32
from offchain.air.opcodes import ADD, EQ, SUB
from offchain.air.table import Table


def build() -> Table:
    """Describe the table: a, y are words by induction; r is one by range check, or a bit."""
    table = Table("add", "Addition, subtraction and equality of words.")
    is_add = table.add_flag("is_add", "r = a + y mod 2^32.")
    is_sub = table.add_flag("is_sub", "r = a - y mod 2^32.")
    is_eq = table.add_flag("is_eq", "r = 1 if a = y, else 0.")
    a = table.add("a", "First operand.")
    y = table.add("y", "Second operand.")
    r = table.add("r", "Result.")
    r_low = table.add("r_low", "Low 16 bits of r.")
    carry = table.add_flag("carry", "Carry of the addition, borrow of the subtraction.")
    inverse = table.add("inverse", "1 / (a - y) where they differ.")

    # Two flags on one row would pass as a third operation.
    is_used = is_add + is_sub + is_eq
    table.constrain("at most one operation", is_used * (is_used - 1))
    table.constrain("addition", is_add * (a + y - r - TWO_32 * carry))
    table.constrain("subtraction", is_sub * (a - y - r + TWO_32 * carry))
    table.constrain("equal means no difference", is_eq * r * (a - y))
    table.constrain("no difference means equal", is_eq * (1 - r - (a - y) * inverse))

    op = ADD * is_add + SUB * is_sub + EQ * is_eq
    table.receive("operation", DISPATCH, [op, 0, a, y, r], is_used)
    receive_range32(table, "r", r, r_low, is_add + is_sub)
    return table
