"""The lookup table: 16-bit values, and pairs of bytes with their bitwise and."""

from __future__ import annotations

from offchain.air.buses import BYTE_AND, RANGE16
from offchain.air.table import Table

# 2^16 entries do not fit beside the blinding rows of a table of height 2^16, so that each row
# holds three entries of either kind. The groups overlap a little; an entry may come from any.
GROUPS = 3
X_VALUES = 256
Y_VALUES = 86
"""Bytes y of a group: from 85 * group on."""
Y_STRIDE = 85
USED_ROWS = X_VALUES * Y_VALUES
RANGE_STRIDE = 21_760
"""16-bit values of a group: from 21,760 * group on."""


def build() -> Table:
    """Rows hold x in 0..255 and y in 0..85; further rows repeat (0, 0)."""
    table = Table("lookup", "16-bit values, and pairs of bytes with their bitwise and.")
    x = table.add_preprocessed("x", "Byte.")
    y = table.add_preprocessed("y", "Byte of the first group.")
    ands = [
        table.add_preprocessed(f"and_{group}", f"x and (y + {Y_STRIDE * group}).")
        for group in range(GROUPS)
    ]
    for group in range(GROUPS):
        count = table.add(f"range_count_{group}", f"Lookups of 16-bit values in group {group}.")
        value = Y_VALUES * x + y + RANGE_STRIDE * group
        table.send(f"16-bit values of group {group}", RANGE16, [value], count)
    for group in range(GROUPS):
        count = table.add(f"and_count_{group}", f"Lookups of byte pairs in group {group}.")
        entry = [x, y + Y_STRIDE * group, ands[group]]
        table.send(f"byte pairs of group {group}", BYTE_AND, entry, count)
    return table
