"""Forgeries that a flow between tables stops."""

from offchain.air.buses import FIRST_PC_TIMESTAMP, MEMORY, PC_ADDRESS
from offchain.air.opcodes import ADD
from tests.air.necessity.draft import Draft
from tests.air.necessity.flows import Flows, on_bus
from tests.air.necessity.run import POSEIDON2
from tests.air.necessity.stories_keccak_f import BLOCK, LAST_CHI, OUT, fault

FLOWS = Flows()
flow, limb = FLOWS.add, FLOWS.limb

# cpu


@flow(("cpu", "instruction"))
@flow(("rom", "instruction fetched"), beside=on_bus("fetch"))
def unknown_instruction(draft: Draft) -> None:
    """An instruction that the program does not have: another immediate."""
    row = draft.run.rows_where("cpu", is_const=1, rd=7)[-1]
    imm = draft.cell("cpu", row, "imm") + 1
    draft.set("cpu", row, imm=imm, y=imm, r=imm)


@flow(("cpu", "pc"), ("cpu", "next pc"))
def jump_to_anywhere(draft: Draft) -> None:
    """An instruction at another pc is executed; the verifier's first pc has no receiver then."""
    here, there = draft.run.rows_where("cpu", op=0, is_const=1, is_write=0)[:2]
    for name in ("pc", "alt", "next_pc"):
        draft.set("cpu", here, **{name: draft.cell("cpu", there, name)})
    draft.public[MEMORY.identifier, PC_ADDRESS, FIRST_PC_TIMESTAMP, draft.run.program.entry] -= 1


def relink(draft: Draft, skipped: str) -> None:
    """Chain the registers' accesses without one slot of the cpu."""
    latest = dict.fromkeys(range(32), 0)
    for row in range(draft.spare("cpu")):
        clk = draft.cell("cpu", row, "clk")
        for slot, name in ((0, "rs1"), (1, "rs2"), (3, "rd")):
            if name == skipped or (name == "rd" and not draft.cell("cpu", row, "is_write")):
                continue
            register, time = draft.cell("cpu", row, name), 4 * clk + slot
            since = (time - 1 - latest[register]) % 2**16
            previous = {f"{name}_previous": latest[register], f"{name}_low": since}
            draft.set("cpu", row, **previous)
            latest[register] = time
    for register, time in latest.items():
        draft.set("image", register, final_timestamp=time)


def forge_operand(draft: Draft, column: str, operand: str) -> None:
    """9 + 9 = 19, with 10 as one of the operands."""
    row = draft.run.rows_where("cpu", is_alu=1, op=ADD, a=9, b=9)[0]
    draft.set("cpu", row, **{column: 10, operand: 10}, r=19)
    draft.set("cpu", row + 1, rd_old=19)
    add = draft.find("add", is_add=1, a=9, y=9)
    draft.set("add", add, **{operand: 10}, r=19, r_low=19)


@flow(("cpu", "rs1, state before"), ("cpu", "rs1, state after"))
def any_first_operand(draft: Draft) -> None:
    """9 + 9 = 19, as the first register is not read."""
    forge_operand(draft, "a", "a")
    relink(draft, "rs1")


@flow(("cpu", "rs2, state before"), ("cpu", "rs2, state after"))
def any_second_operand(draft: Draft) -> None:
    """9 + 9 = 19, as the second register is not read."""
    forge_operand(draft, "b", "y")
    relink(draft, "rs2")


@flow(
    ("cpu", "rd, state before"),
    ("cpu", "rd, state after"),
    beside=[
        ("cpu", f"{name}, state {when}") for name in ("rs1", "rs2") for when in ("before", "after")
    ],
)
def registers_hold_nothing(draft: Draft) -> None:
    """9 + 9 = 19, as registers are neither read nor written."""
    forge_operand(draft, "a", "a")
    for register in range(32):
        draft.set("image", register, final_timestamp=0, final_value=0)


@flow(*on_bus("dispatch"))
def nobody_computes(draft: Draft) -> None:
    """9 + 9 = 19, as no table computes it."""
    row = draft.run.rows_where("cpu", is_alu=1, op=ADD, a=9, b=9)[0]
    draft.set("cpu", row, r=19)


@flow(("memory", "word, state before"), ("memory", "word, state after"), beside=on_bus("memory"))
@flow(
    ("transfer", "word, state before"), ("transfer", "word, state after"), beside=on_bus("memory")
)
@flow(
    ("image", "initial word or hole"),
    ("image", "final word"),
    ("zero_memory", "initial zero, or hole received"),
    ("zero_memory", "final word"),
    beside=on_bus("memory"),
)
def memory_holds_nothing(draft: Draft) -> None:
    """A load gives another word, as registers and memory are neither read nor written."""
    draft.public[MEMORY.identifier, PC_ADDRESS, FIRST_PC_TIMESTAMP, draft.run.program.entry] -= 1
    row = draft.find("memory", is_lw=1)
    draft.set("memory", row, r=5, old=5, new=5)
    time = draft.cell("memory", row, "time")
    draft.set("cpu", draft.find("cpu", clk=time), r=5)


# Delegations


@flow(*on_bus("link"))
def permutation_gives_any_words(draft: Draft) -> None:
    """A word of a permutation's result is another one; the output has no receiver then."""
    row = draft.find("transfer", code=POSEIDON2)
    draft.set("transfer", row, new=5, new_low=5)
    for key, times in draft.run.public():
        if key[0] != MEMORY.identifier:
            draft.public[key] -= times


@flow(*on_bus("keccak_bits"))
def output_bit_from_nowhere(draft: Draft) -> None:
    """A bit of the output words is not that of the state."""
    row = OUT * BLOCK
    time = draft.cell("keccak_f", row, "time")
    transfer = draft.find("transfer", time=time, is_first=1)
    word = draft.cell("transfer", transfer, "new") ^ 2
    draft.set("keccak_f", row, b_1=1 - draft.cell("keccak_f", row, "b_1"))
    draft.set("transfer", transfer, new=word, new_low=word % 2**16)
    home, at = draft.final(draft.cell("transfer", transfer, "address"))
    draft.set(home, at, final_value=word)


flow(("keccak_f", "bit of the round constant"))(fault(LAST_CHI - 1, "iota", 1))
