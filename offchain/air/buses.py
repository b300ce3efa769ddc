"""Buses and address spaces that the tables share."""

from __future__ import annotations

from offchain.air.expression import Column, Expression
from offchain.air.table import Bus, Table

MEMORY = Bus(
    "memory",
    1,
    ("address", "timestamp", "value"),
    "State of registers, RAM, ROM (read as data) and pc. An access receives the last tuple of its"
    " address and sends one with its own timestamp.",
)
FETCH = Bus(
    "fetch",
    2,
    ("pc", "op", "rs1", "rs2", "rd", "imm", "alt", "flags"),
    "Decoded instructions, from the program to the cpu.",
)
DISPATCH = Bus(
    "dispatch",
    3,
    ("op", "time", "a", "y", "r"),
    "Operations that the cpu hands to another table: r = op(a, y). The time is the cycle for"
    " loads, stores and ecalls, else 0.",
)
RANGE16 = Bus("range16", 4, ("value",), "Values below 2^16.")
BYTE_AND = Bus("byte_and", 5, ("x", "y", "and"), "Bytes x and y with their bitwise and.")
LINK = Bus(
    "link",
    6,
    ("code", "time", "side", "index", "word"),
    "Words that an ecall moves between RAM and the table that serves it: side 0 is the word before,"
    " sent twice to a delegation, side 1 the word after. The public output is the stream of code 0"
    " and time 0, which the verifier receives.",
)
KECCAK_BITS = Bus(
    "keccak_bits",
    7,
    ("time", "step"),
    "Fingerprints of the bits that one step of a keccak-f permutation hands to another.",
)
ALL_BUSES = (MEMORY, FETCH, DISPATCH, RANGE16, BYTE_AND, LINK, KECCAK_BITS)

# Addresses on the memory bus. RAM words stand at their byte address. An instruction's address is
# a + y - 2^32 * carry, within (-2^32, 2^33), so that it reaches none of the spaces below but ROM,
# and ROM only where the memory table says so.
REGISTER_BASE = 1 << 40
PC_ADDRESS = REGISTER_BASE + 32
ROM_BASE = 1 << 41
HOLE_BASE = 1 << 42

FIRST_PC_TIMESTAMP = 4
TWO_16 = 1 << 16
TWO_32 = 1 << 32
INVERSE_TWO_16 = 18446462594437939201
"""2^-16 modulo p: the high limb of a value is (value - low limb) * 2^-16."""


def receive_range16(
    table: Table, name: str, value: Expression, times: Expression | int = 1
) -> None:
    """Demand that `value` is below 2^16."""
    table.receive(f"{name} below 2^16", RANGE16, [value], times)


def receive_range32(
    table: Table, name: str, value: Expression, low: Column, times: Expression | int = 1
) -> None:
    """Demand that `value` is below 2^32; `low` holds its low 16 bits."""
    receive_range16(table, f"{name}, low half", low, times)
    receive_range16(table, f"{name}, high half", (value - low) * INVERSE_TWO_16, times)


def access(
    table: Table,
    name: str,
    address: Expression,
    timestamp: Expression,
    previous_timestamp: Column,
    difference_low: Column,
    old: Expression,
    new: Expression,
    times: Expression | int = 1,
) -> None:
    """Access one address at `timestamp`, later than the access before.

    The difference of timestamps, minus one, is below 2^32. Timestamps are below 2^24 by the most
    rows of the cpu table, so that nothing wraps and accesses of one address form a single chain.
    """
    table.receive(f"{name}, state before", MEMORY, [address, previous_timestamp, old], times)
    table.send(f"{name}, state after", MEMORY, [address, timestamp, new], times)
    receive_range32(
        table, f"{name}, time since", timestamp - 1 - previous_timestamp, difference_low, times
    )
