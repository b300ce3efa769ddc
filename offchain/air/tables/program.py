"""Tables that the program fills: decoded instructions and the initial contents of memory."""

from __future__ import annotations

from offchain.air.buses import FETCH, MEMORY
from offchain.air.expression import Expression
from offchain.air.table import Table


def build_rom() -> Table:
    """Hold decoded instructions, and the iota bits of keccak-f at pcs that no jump reaches."""
    table = Table("rom", "Decoded instructions, one row for each executable word that decodes.")
    row: list[Expression | int] = [
        table.add_preprocessed("pc", "Address of the word."),
        table.add_preprocessed("op", "Operation number, opcodes.py."),
        table.add_preprocessed("rs1", "First register read."),
        table.add_preprocessed("rs2", "Second register read, 0 with an immediate operand."),
        table.add_preprocessed("rd", "Register written."),
        table.add_preprocessed("imm", "Immediate operand, constant result or branch target."),
        table.add_preprocessed("alt", "Next pc unless the instruction decides otherwise."),
        table.add_preprocessed("flags", "Class and write flag, opcodes.py."),
    ]
    count = table.add("count", "How often the row was fetched.")
    table.send("instruction fetched", FETCH, row, count)
    return table


def build_image() -> Table:
    """Hold initial contents of registers, ROM and RAM, and the holes of the address space."""
    table = Table("image", "Initial contents of memory, and the address ranges without zero RAM.")
    address = table.add_preprocessed("address", "Address on the memory bus; HOLE_BASE + 4 * first.")
    value = table.add_preprocessed("value", "Initial value; for a hole, its last word - its first.")
    is_sent = table.add_preprocessed("is_sent", "1 on rows in use.")
    is_word = table.add_preprocessed("is_word", "1 where the row is a word and not a hole.")
    final_timestamp = table.add("final_timestamp", "Timestamp of the last access.")
    final_value = table.add("final_value", "Value after the last access.")
    table.send("initial word or hole", MEMORY, [address, 0, value], is_sent)
    table.receive("final word", MEMORY, [address, final_timestamp, final_value], is_word)
    return table
