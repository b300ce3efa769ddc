"""Forgeries of the cpu table."""

from offchain.air.buses import FETCH, TWO_32
from offchain.spec.constants import GOLDILOCKS_P as P
from tests.air.necessity.draft import Draft, Stories

STORIES = Stories()
story = STORIES.add

EXIT = 93


# cpu


def flags_that_cancel(draft: Draft, minus: str, plus: str) -> None:
    """An unused row has one flag of -1 and one of 1: no instruction, no dispatch."""
    draft.set("cpu", draft.spare("cpu"), **{f"is_{minus}": -1, f"is_{plus}": 1})


@story("cpu", "is_alu is 0 or 1")
def minus_one_operation(draft: Draft) -> None:
    """An operation and a load cancel on an unused row."""
    flags_that_cancel(draft, "alu", "load")


@story("cpu", "is_branch is 0 or 1")
def minus_one_branch(draft: Draft) -> None:
    """A branch and a load cancel on an unused row."""
    flags_that_cancel(draft, "branch", "load")


@story("cpu", "is_const is 0 or 1")
def minus_one_constant(draft: Draft) -> None:
    """A constant and a jump cancel on an unused row."""
    flags_that_cancel(draft, "const", "jalr")


@story("cpu", "is_jalr is 0 or 1")
def minus_one_jump(draft: Draft) -> None:
    """A jump and a constant cancel on an unused row."""
    flags_that_cancel(draft, "jalr", "const")


@story("cpu", "is_load is 0 or 1")
def minus_one_load(draft: Draft) -> None:
    """A load and an operation cancel on an unused row."""
    flags_that_cancel(draft, "load", "alu")


@story("cpu", "is_store is 0 or 1")
def minus_one_store(draft: Draft) -> None:
    """A store and an operation cancel on an unused row."""
    flags_that_cancel(draft, "store", "alu")


@story("cpu", "is_ecall is 0 or 1")
def minus_one_ecall(draft: Draft) -> None:
    """A call and an operation cancel on an unused row."""
    flags_that_cancel(draft, "ecall", "alu")


@story("cpu", "jump_bit is 0 or 1")
def bit_takes_any_address(draft: Draft) -> None:
    """The bit takes 2^32 away as the carry should: it could take any distance."""
    row = draft.find("cpu", is_jalr=1, jump_carry=1)
    bit = draft.cell("cpu", row, "jump_bit")
    draft.set("cpu", row, jump_bit=bit + TWO_32, jump_carry=0)


@story("cpu", "jump_carry is 0 or 1")
def carry_takes_any_address(draft: Draft) -> None:
    """The carry takes 1 away as the bit should: it could take any distance."""
    row = draft.find("cpu", is_jalr=1, jump_bit=1)
    carry = draft.cell("cpu", row, "jump_carry")
    draft.set("cpu", row, jump_bit=0, jump_carry=carry + pow(TWO_32, -1, P))


@story("cpu", "next pc")
def detour(draft: Draft) -> None:
    """A fence at another place is executed instead, and the run comes back from there."""
    here, there = draft.run.rows_where("cpu", op=0, is_const=1, is_write=0)[:2]
    before = here - 1
    pc, alt = (draft.cell("cpu", there, name) for name in ("pc", "alt"))
    draft.set("cpu", before, next_pc=pc)
    draft.set("cpu", here, pc=pc, alt=alt)


def other_program(draft: Draft, row: int, **values: int) -> None:
    """Let an instruction of the program be another one."""
    draft.set("cpu", row, **values)
    flags = [name for name in draft.run.compiled["cpu"].number if name.startswith("is_")][:8]
    packed = sum(draft.cell("cpu", row, name) << bit for bit, name in enumerate(flags))
    names = ("pc", "op", "rs1", "rs2", "rd", "imm", "alt")
    fields = [draft.cell("cpu", row, name) for name in names]
    draft.fetches.append((FETCH.identifier, *fields, packed))


def last_row(draft: Draft) -> int:
    return draft.spare("cpu") - 1


def load_constant(draft: Draft, register: int, value: int) -> None:
    """Let the last addi to a register add another immediate to 0; its readers are not changed."""
    row = draft.run.rows_where("cpu", op=1, rd=register, is_alu=1)[-1]
    first = draft.cell("cpu", row, "a")
    add = draft.run.rows_where(
        "add", is_add=1, a=first, y=draft.cell("cpu", row, "y"), r=draft.cell("cpu", row, "r")
    )[-1]
    other_program(draft, row, imm=value, y=value, r=value)
    draft.set("add", add, y=value, r=value, r_low=value)


@story("cpu", "ecalls keep a0")
def exit_code_is_replaced(draft: Draft) -> None:
    """A program that exits with 1: a0 was 1, and the call is told 0."""
    load_constant(draft, 10, 1)
    draft.set("cpu", last_row(draft), rd_old=1)


@story("cpu", "exit has code 0")
def exit_with_code_1(draft: Draft) -> None:
    """A program that exits with 1."""
    load_constant(draft, 10, 1)
    draft.set("cpu", last_row(draft), rd_old=1, r=1)
    draft.set("image", 10, final_value=1)


@story("cpu", "exit has its number")
def exit_by_another_call(draft: Draft) -> None:
    """A program that makes call 94 ends there."""
    load_constant(draft, 17, 94)
    draft.set("cpu", last_row(draft), a=94)
    draft.set("image", 17, final_value=94)


@story("cpu", "exit is an ecall")
def exit_by_an_addition(draft: Draft) -> None:
    """The run ends at x7 = 93 - 93, before the ecall."""
    row = last_row(draft)
    for name, previous in (("rs1", "a"), ("rs2", "b"), ("rd", "rd_old")):
        register = draft.cell("cpu", row, name)
        draft.set(
            "image",
            register,
            final_timestamp=draft.cell("cpu", row, f"{name}_previous"),
            final_value=draft.cell("cpu", row, previous),
        )
    draft.clear("cpu", row)
    draft.set("cpu", row - 1, is_exit=1)
    draft.clear("add", draft.run.rows_where("add", a=EXIT, r=0)[-1])
