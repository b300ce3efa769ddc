"""Words that ecalls move between RAM and tape, public output or a delegation."""

from __future__ import annotations

from offchain.air.buses import DISPATCH, LINK, access, receive_range32
from offchain.air.opcodes import ECALL, ECALL_READ, ECALL_WRITE, ECALL_WRITE_INDEX_UNIT
from offchain.air.table import Table, Where


def build() -> Table:
    """Describe the table: the rows of a call follow each other, one for each word.

    A word that is read from the tape is any word: the tape is chosen by the prover.
    """
    table = Table("transfer", "One row for each RAM word that an ecall reads or writes.")
    is_used = table.add_flag("is_used", "The row belongs to a call.")
    is_first = table.add_flag("is_first", "First row of a call.")
    is_last = table.add_flag("is_last", "Last row of a call.")
    is_read = table.add_flag("is_read", "The call reads the tape.")
    is_write = table.add_flag("is_write", "The call writes the public output.")
    time = table.add("time", "Cycle of the call.")
    code = table.add("code", "Number of the call, a7.")
    left = table.add("left", "Words from here to the end of the call.")
    address = table.add("address", "Address of the word.")
    index = table.add("index", "Position in the call, or in the public output.")
    link_code = table.add("link_code", "Code on the link bus: 0 for public output.")
    link_time = table.add("link_time", "Time on the link bus: 0 for public output.")
    old = table.add("old", "The word before.")
    new = table.add("new", "The word after.")
    new_low = table.add("new_low", "Low 16 bits of the word after.")
    previous = table.add("previous", "Timestamp of the word's access before.")
    time_low = table.add("time_low", "Low 16 bits of the time since then.")

    goes_on = is_used - is_last
    table.constrain("used rows are first or follow", is_used.next - is_first.next - goes_on)
    table.constrain("first rows are used", is_first * (1 - is_used))
    table.constrain("row 0 follows none", is_used - is_first, Where.FIRST)
    table.constrain("no call is cut off", is_used - is_first, Where.TERMINAL)
    table.constrain("last rows are used", is_last * (1 - is_used))
    table.constrain("the last row has one word left", is_last * (left - 1))
    for column, step in (
        (time, 0),
        (code, 0),
        (is_read, 0),
        (is_write, 0),
        (left, -1),
        (address, 4),
        (index, 1),
    ):
        table.constrain(f"{column.name} goes on", goes_on * (column.next - column - step))
    table.constrain("reads are used rows", is_read * (1 - is_used))
    table.constrain("writes are used rows", is_write * (1 - is_used))
    table.constrain("reads have their number", is_read * (code - ECALL_READ))
    table.constrain(
        "writes have their number and index",
        is_first * is_write * (code - ECALL_WRITE - ECALL_WRITE_INDEX_UNIT * index),
    )
    table.constrain("other calls count from 0", is_first * (1 - is_write) * index)
    table.constrain("writes keep the word", is_write * (new - old))
    table.constrain("link code", link_code - (1 - is_write) * code)
    table.constrain("link time", link_time - (1 - is_write) * time)

    table.receive("call", DISPATCH, [ECALL, time, code, left, address], is_first)
    access(table, "word", address, 4 * time + 2, previous, time_low, old, new, is_used)
    receive_range32(table, "word after", new, new_low, is_used)
    # Words of the public output are sent once, those of a delegation twice: see poseidon2.
    times_before = 2 * (is_used - is_read) - is_write
    table.send("word before", LINK, [link_code, link_time, 0, index, old], times_before)
    table.send(
        "word after", LINK, [link_code, link_time, 1, index, new], is_used - is_read - is_write
    )
    return table
