/* Why the machine stops without an exit. The numbers are those of ../traps.py. */
#ifndef HR_ZKVM_TRAPS_H
#define HR_ZKVM_TRAPS_H

typedef enum {
    HR_TRAP_NONE = 0,
    HR_TRAP_ILLEGAL_INSTRUCTION = 1,
    HR_TRAP_MISALIGNED_ACCESS = 2,
    HR_TRAP_STORE_TO_ROM = 3,
    HR_TRAP_UNMAPPED_READ = 4,
    HR_TRAP_UNMAPPED_WRITE = 5,
    HR_TRAP_JUMP_OUTSIDE_ROM = 6,
    HR_TRAP_MISALIGNED_JUMP = 7,
    HR_TRAP_UNKNOWN_ECALL = 8,
    HR_TRAP_EMPTY_TRANSFER = 9,
    HR_TRAP_BAD_TRANSFER_LENGTH = 10,
    HR_TRAP_TAPE_EXHAUSTED = 11,
    HR_TRAP_OUTPUT_WRITTEN_TWICE = 12,
    HR_TRAP_OUTPUT_GAP = 13,
    HR_TRAP_NON_CANONICAL_ELEMENT = 14,
    HR_TRAP_CYCLE_LIMIT = 15,
    /* Not of the machine: the host has no memory left for the record. */
    HR_TRAP_HOST_MEMORY = 255,
} hr_trap;

#endif
