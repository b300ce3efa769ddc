"""Loads and stores of words, halves and bytes."""

from __future__ import annotations

from offchain.air.buses import (
    BYTE_AND,
    DISPATCH,
    INVERSE_TWO_16,
    ROM_BASE,
    TWO_16,
    TWO_32,
    access,
    receive_range16,
)
from offchain.air.expression import total
from offchain.air.opcodes import LB, LBU, LH, LHU, LW, SB, SH, SW
from offchain.air.table import Table


def build() -> Table:
    """One aligned word per access, from which a half or a byte is selected.

    No address is range-checked: an address exists on the memory bus only if the image or the zero
    memory opened it, and both open aligned words inside the map only. This fixes the carry, and it
    leaves misaligned accesses without a proof.
    """
    table = Table("memory", "Loads and stores of words, halves and bytes.")
    codes = {"lw": LW, "lh": LH, "lhu": LHU, "lb": LB, "lbu": LBU, "sw": SW, "sh": SH, "sb": SB}
    is_ = {name: table.add_flag(f"is_{name}", f"The instruction is {name}.") for name in codes}
    time = table.add("time", "Cycle of the access.")
    a = table.add("a", "Base of the address.")
    y = table.add("y", "Offset of the address.")
    r = table.add("r", "Value loaded or stored.")
    carry = table.add_flag("carry", "Carry of a + y.")
    is_rom = table.add_flag("is_rom", "The word lies in ROM.")
    is_upper_half = table.add_flag("is_upper_half", "Bit 1 of the address.")
    is_upper_byte = table.add_flag("is_upper_byte", "Bit 0 of a byte's address; 1 for halves.")
    address = table.add("address", "Address of the word on the memory bus.")
    previous = table.add("previous", "Timestamp of the word's access before.")
    time_low = table.add("time_low", "Low 16 bits of the time since then.")
    old = table.add("old", "The word before.")
    new = table.add("new", "The word after.")
    half = table.add("half", "Selected half of the word.")
    half_new = table.add("half_new", "The same half after a store.")
    other_half = table.add("other_half", "The other half.")
    byte = table.add("byte", "Selected byte of the half; the upper one for halves.")
    other_byte = table.add("other_byte", "The other byte of the half.")
    byte_and = table.add("byte_and", "byte and other_byte, to look both up.")
    sign = table.add("sign", "Sign of a loaded half or byte.")
    stored = [
        table.add(f"stored_{i}", f"Byte {i} of r, in stores of halves and bytes.") for i in range(2)
    ]
    stored_and = table.add("stored_and", "stored_0 and stored_1, to look both up.")

    is_used = total(list(is_.values()))
    is_half, is_byte = is_["lh"] + is_["lhu"] + is_["sh"], is_["lb"] + is_["lbu"] + is_["sb"]
    is_word, is_part = is_["lw"] + is_["sw"], is_half + is_byte
    is_part_store = is_["sh"] + is_["sb"]
    is_load = is_["lw"] + is_["lh"] + is_["lhu"] + is_["lb"] + is_["lbu"]
    table.constrain("at most one instruction", is_used * (is_used - 1))
    table.constrain(
        "address of the word",
        address
        - (
            a + y - TWO_32 * carry - 2 * is_upper_half - is_byte * is_upper_byte + ROM_BASE * is_rom
        ),
    )
    table.constrain("ROM is not written", is_rom * (is_["sw"] + is_part_store))
    table.constrain("words are aligned", is_word * is_upper_half)
    table.constrain("halves select their upper byte", is_half * (1 - is_upper_byte))

    lower = 1 - is_upper_half
    table.constrain(
        "halves make the word",
        is_part
        * (
            old
            - is_upper_half * (TWO_16 * half + other_half)
            - lower * (half + TWO_16 * other_half)
        ),
    )
    table.constrain(
        "bytes make the half",
        half
        - is_upper_byte * (256 * byte + other_byte)
        - (1 - is_upper_byte) * (byte + 256 * other_byte),
    )
    table.constrain("loads keep the word", is_load * (new - old))
    table.constrain("store of a word", is_["sw"] * (new - r))
    table.constrain(
        "store of a part",
        is_part_store
        * (
            new
            - is_upper_half * (TWO_16 * half_new + other_half)
            - lower * (half_new + TWO_16 * other_half)
        ),
    )
    table.constrain(
        "store of a byte",
        is_["sb"]
        * (
            half_new
            - is_upper_byte * (256 * stored[0] + other_byte)
            - (1 - is_upper_byte) * (stored[0] + 256 * other_byte)
        ),
    )
    table.constrain("store of a half", is_["sh"] * (half_new - stored[0] - 256 * stored[1]))
    table.constrain("load of a word", is_["lw"] * (r - old))
    table.constrain("load of a half", is_["lh"] * (r - half - sign * (TWO_32 - TWO_16)))
    table.constrain("load of an unsigned half", is_["lhu"] * (r - half))
    table.constrain("load of a byte", is_["lb"] * (r - byte - sign * (TWO_32 - 256)))
    table.constrain("load of an unsigned byte", is_["lbu"] * (r - byte))

    op = total([code * is_[name] for name, code in codes.items()])
    table.receive("instruction", DISPATCH, [op, time, a, y, r], is_used)
    access(table, "word", address, 4 * time + 2, previous, time_low, old, new, is_used)
    table.receive("bytes of the half", BYTE_AND, [byte, other_byte, byte_and], is_part)
    table.receive("sign", BYTE_AND, [byte, 128, 128 * sign], is_["lh"] + is_["lb"])
    table.receive("stored bytes", BYTE_AND, [stored[0], stored[1], stored_and], is_part_store)
    receive_range16(table, "other half", other_half, is_part)
    rest = (r - stored[0] - 256 * stored[1]) * INVERSE_TWO_16
    receive_range16(table, "upper half of the stored value", rest, is_part_store)
    return table
