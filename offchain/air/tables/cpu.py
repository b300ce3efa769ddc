"""The cpu: one row per instruction."""

from __future__ import annotations

from offchain.air.buses import (
    DISPATCH,
    FETCH,
    MEMORY,
    PC_ADDRESS,
    REGISTER_BASE,
    TWO_32,
    access,
)
from offchain.air.expression import total
from offchain.air.opcodes import ECALL_EXIT
from offchain.air.table import Table


def build() -> Table:
    """Fetch, three register accesses, next pc; operations are dispatched to other tables.

    Rows are chained by the pc's tuple on the memory bus and may stand in any order. The exit row
    sends no next pc, so that a run without an exit of code 0 does not balance.
    """
    table = Table("cpu", "One row per instruction: fetch, registers, next pc, dispatch.")
    clk = table.add("clk", "Number of the cycle, from 1.")
    pc = table.add("pc", "Address of the instruction.")
    next_pc = table.add("next_pc", "Address of the next instruction.")
    op, rs1, rs2, rd, imm, alt = [
        table.add(name, "As fetched.") for name in ("op", "rs1", "rs2", "rd", "imm", "alt")
    ]
    flags = [
        table.add_flag(f"is_{name}", doc)
        for name, doc in (
            ("alu", "r = op(a, y), computed by another table."),
            ("branch", "r = op(a, y) in {0, 1} decides between imm and alt."),
            ("const", "r = imm (lui, auipc, jal, fence)."),
            ("jalr", "Next pc = (a + y) without its lowest bit; r = alt."),
            ("load", "r is read from a + y."),
            ("store", "r = b is written to a + y."),
            ("ecall", "Call a with arguments r (a0) and y (a1)."),
            ("write", "Register rd becomes r."),
        )
    ]
    is_alu, is_branch, is_const, is_jalr, is_load, is_store, is_ecall, is_write = flags
    is_exit = table.add_flag("is_exit", "The ecall that ends the run.")
    a = table.add("a", "Value of register rs1.")
    b = table.add("b", "Value of register rs2.")
    y = table.add("y", "Second operand.")
    r = table.add("r", "Result.")
    rd_old = table.add("rd_old", "Value of register rd before.")
    time = table.add("time", "clk for loads, stores and ecalls, else 0.")
    jump_bit = table.add_flag("jump_bit", "Lowest bit of a + y, which jalr clears.")
    jump_carry = table.add_flag("jump_carry", "Carry of a + y in jalr.")

    is_used = total([is_alu, is_branch, is_const, is_jalr, is_load, is_store, is_ecall])
    uses_ram = is_load + is_store + is_ecall
    packed = total([flag * (1 << bit) for bit, flag in enumerate(flags)])

    table.constrain("only used rows write", is_write * (1 - is_used))
    table.constrain("second operand", y - b * (1 - is_store) - imm * (1 - is_branch))
    table.constrain("time of RAM accesses", time - clk * uses_ram)
    table.constrain("constant result", is_const * (r - imm))
    table.constrain("link of jalr", is_jalr * (r - alt))
    table.constrain("stored value", is_store * (r - b))
    table.constrain("ecalls keep a0", is_ecall * (r - rd_old))
    target = a + y - jump_bit - TWO_32 * jump_carry
    table.constrain(
        "next pc", next_pc - alt - is_branch * r * (imm - alt) - is_jalr * (target - alt)
    )
    table.constrain("exit is an ecall", is_exit * (1 - is_ecall))
    table.constrain("exit has its number", is_exit * (a - ECALL_EXIT))
    table.constrain("exit has code 0", is_exit * r)

    table.receive("instruction", FETCH, [pc, op, rs1, rs2, rd, imm, alt, packed], is_used)
    table.receive("pc", MEMORY, [PC_ADDRESS, 4 * clk, pc], is_used)
    table.send("next pc", MEMORY, [PC_ADDRESS, 4 * clk + 4, next_pc], is_used - is_exit)
    for slot, name, register, old, new, times in (
        (0, "rs1", rs1, a, a, is_used),
        (1, "rs2", rs2, b, b, is_used),
        (3, "rd", rd, rd_old, r, is_write),
    ):
        previous = table.add(f"{name}_previous", f"Timestamp of {name}'s access before.")
        low = table.add(f"{name}_low", f"Low 16 bits of the time since {name}'s access before.")
        address = REGISTER_BASE + register
        access(table, name, address, 4 * clk + slot, previous, low, old, new, times)
    is_dispatched = is_alu + is_branch + uses_ram - is_exit
    table.send("operation", DISPATCH, [op, time, a, y, r], is_dispatched)
    return table
