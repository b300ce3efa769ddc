"""And, or, xor, byte by byte."""

from __future__ import annotations

from offchain.air.buses import BYTE_AND, DISPATCH
from offchain.air.expression import Column, Expression, total
from offchain.air.opcodes import AND, OR, XOR
from offchain.air.table import Table

BYTES = 4


def _word(parts: list[Column]) -> Expression:
    return total([part * (1 << 8 * i) for i, part in enumerate(parts)])


def build() -> Table:
    """Describe the table: a or y = a + y - (a and y), a xor y = a + y - 2 (a and y)."""
    table = Table("bitwise", "Bitwise and, or, xor of words, from the ands of their bytes.")
    is_and = table.add_flag("is_and", "r = a and y.")
    is_or = table.add_flag("is_or", "r = a or y.")
    is_xor = table.add_flag("is_xor", "r = a xor y.")
    a_bytes = [table.add(f"a_{i}", f"Byte {i} of a.") for i in range(BYTES)]
    y_bytes = [table.add(f"y_{i}", f"Byte {i} of y.") for i in range(BYTES)]
    ands = [table.add(f"and_{i}", f"Byte {i} of (a and y).") for i in range(BYTES)]

    is_used = is_and + is_or + is_xor
    table.constrain("at most one operation", is_used * (is_used - 1))
    op = AND * is_and + OR * is_or + XOR * is_xor
    a, y, both = _word(a_bytes), _word(y_bytes), _word(ands)
    r = (is_or + is_xor) * (a + y) + (is_and - is_or - 2 * is_xor) * both
    table.receive("operation", DISPATCH, [op, 0, a, y, r], is_used)
    for i in range(BYTES):
        entry: list[Expression | int] = [a_bytes[i], y_bytes[i], ands[i]]
        table.receive(f"byte {i}", BYTE_AND, entry, is_used)
    return table
