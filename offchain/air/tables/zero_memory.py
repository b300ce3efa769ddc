"""RAM words that start as zero, in strictly increasing order, and the holes between them."""

from __future__ import annotations

from offchain.air.buses import HOLE_BASE, MEMORY, receive_range32
from offchain.air.table import Table, Where


def build() -> Table:
    """Every word is opened at most once: its index exceeds the end of the row before.

    The program's holes (null page, ROM, image, end of RAM) take part in the same order and each is
    consumed exactly once, so that no zero word lies inside one. The last hole ends at word 2^61,
    beyond which no address of an instruction lies.
    """
    table = Table("zero_memory", "RAM words that start as zero, sorted, with the holes of the map.")
    is_zero = table.add_flag("is_zero", "The row opens a zero word.")
    is_hole = table.add_flag("is_hole", "The row steps over a hole.")
    first = table.add("first", "Index of the word (address / 4), or of the hole's first word.")
    last = table.add("last", "Index of the word, or of the hole's last word.")
    step_low = table.add("step_low", "Low 16 bits of (next row's first - last - 1).")
    final_timestamp = table.add("final_timestamp", "Timestamp of the last access to the word.")
    final_value = table.add("final_value", "Value of the word after the last access.")

    is_used = is_zero + is_hole
    is_next_used = is_zero.next + is_hole.next
    table.constrain("a row is a word or a hole", is_zero * is_hole)
    table.constrain("a word ends where it starts", is_zero * (last - first))
    table.constrain("used rows come first", is_next_used * (1 - is_used))
    table.constrain("the order starts at word 0", first, Where.FIRST)
    # The last usable row reads flags of the terminal row, which nothing else binds: with -1 there
    # it would send a 16-bit value of the prover's choice.
    table.constrain("no step beyond the last row", is_used, Where.TERMINAL)

    table.send(
        "initial zero, or hole received",
        MEMORY,
        [4 * first + HOLE_BASE * is_hole, 0, last - first],
        is_zero - is_hole,
    )
    table.receive("final word", MEMORY, [4 * first, final_timestamp, final_value], is_zero)
    receive_range32(table, "step to the next row", first.next - last - 1, step_low, is_next_used)
    return table
