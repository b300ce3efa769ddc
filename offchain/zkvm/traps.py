"""Why the machine stops without an exit.

The numbers are those of ``native/traps.h``.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class TrapReason(IntEnum):
    """Reason of a trap; ``value`` below is what :attr:`Trap.value` holds."""

    ILLEGAL_INSTRUCTION = 1
    MISALIGNED_ACCESS = 2
    STORE_TO_ROM = 3
    UNMAPPED_READ = 4
    UNMAPPED_WRITE = 5
    JUMP_OUTSIDE_ROM = 6
    MISALIGNED_JUMP = 7
    UNKNOWN_ECALL = 8
    EMPTY_TRANSFER = 9
    BAD_TRANSFER_LENGTH = 10
    TAPE_EXHAUSTED = 11
    OUTPUT_WRITTEN_TWICE = 12
    OUTPUT_GAP = 13
    NON_CANONICAL_ELEMENT = 14
    CYCLE_LIMIT = 15

    @property
    def label(self) -> str:
        """The name as the documents write it, such as ``StoreToRom``."""
        return self.name.title().replace("_", "")


_SENTENCES: Final = {
    TrapReason.ILLEGAL_INSTRUCTION: (
        "the word {value:#010x} is no RV32IM instruction; compile for rv32im, without "
        "compressed instructions"
    ),
    TrapReason.MISALIGNED_ACCESS: "the address {value:#010x} is no multiple of the access's size",
    TrapReason.STORE_TO_ROM: (
        "the word at {value:#010x} is code, which can neither be written nor be part of a "
        "transfer; keep data in a segment of its own"
    ),
    TrapReason.UNMAPPED_READ: "nothing to read at {value:#010x}: memory is 0x1000 to 0xbfffffff",
    TrapReason.UNMAPPED_WRITE: "nothing to write at {value:#010x}: memory is 0x1000 to 0xbfffffff",
    TrapReason.JUMP_OUTSIDE_ROM: (
        "the next pc {value:#010x} is in no executable segment; look for a wrong function pointer "
        "or an overwritten return address"
    ),
    TrapReason.MISALIGNED_JUMP: "the next pc {value:#010x} is no multiple of 4",
    TrapReason.UNKNOWN_ECALL: "there is no ecall {value:#x}; see guest_io.h for those there are",
    TrapReason.EMPTY_TRANSFER: "a transfer has at least one word; leave the ecall out for none",
    TrapReason.BAD_TRANSFER_LENGTH: (
        "this ecall does not take {value} words; a delegation has its own number, a transfer at "
        "most 1048576"
    ),
    TrapReason.TAPE_EXHAUSTED: "{value} words are left on the input tape; give a longer one",
    TrapReason.OUTPUT_WRITTEN_TWICE: "output word {value} is already written; write each once",
    TrapReason.OUTPUT_GAP: "output word {value} was skipped; write all words before the exit",
    TrapReason.NON_CANONICAL_ELEMENT: (
        "a field element in the words at {value:#010x} is not below p; reduce it first"
    ),
    TrapReason.CYCLE_LIMIT: "the program did not exit within {value} cycles; allow more",
}


@dataclass(frozen=True, slots=True)
class Trap:
    """Where and why a run stopped.

    Attributes
    ----------
    reason
        Its kind.
    pc
        Address of the instruction that trapped. A jump traps itself, not its target; a word that
        is no instruction, and the cycle limit, trap where they would have been executed.
    cycle
        Its cycle number, from 1; the run completed ``cycle - 1`` instructions.
    value
        The address, next pc, word, number or count that the sentence of the reason names.
    """

    reason: TrapReason
    pc: int
    cycle: int
    value: int

    def __str__(self) -> str:
        sentence = _SENTENCES[self.reason].format(value=self.value)
        return f"{self.reason.label} at pc {self.pc:#010x} in cycle {self.cycle}: {sentence}"


class MachineTrapError(Exception):
    """Raised inside the Python machine to end an instruction; callers get a :class:`Trap`."""

    def __init__(self, reason: TrapReason, value: int) -> None:
        super().__init__(reason, value)
        self.reason = reason
        self.value = value
