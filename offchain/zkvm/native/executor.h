/* The RV32IM machine: runs a decoded program and, when asked, records every access for the proof.
 *
 * Rules of the machine: docs/spec/statement.md; plain twin: ../machine.py. The layouts below are
 * read by ../execution.py and ../decode.py as arrays of 32-bit words.
 */
#ifndef HR_ZKVM_EXECUTOR_H
#define HR_ZKVM_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "traps.h"

#define HR_API __attribute__((visibility("default")))

enum {
    HR_REGISTERS = 32,
    HR_OPS = 64,
    HR_DELEGATIONS_MAX = 16,
    /* Timestamps are 4 clk + 3 at most and have 32 bits. */
    HR_CYCLES_MAX = (1 << 30) - 1,
};

/* Class of a row, exactly one of the first seven, and whether it writes a register. */
enum {
    HR_ALU = 1,
    HR_BRANCH = 2,
    HR_CONST = 4,
    HR_JALR = 8,
    HR_LOAD = 16,
    HR_STORE = 32,
    HR_ECALL = 64,
    HR_CLASSES = 127,
    HR_WRITE = 128,
};

enum {
    HR_OP_ADD = 1,
    HR_OP_SUB = 2,
    HR_OP_EQ = 3,
    HR_OP_AND = 4,
    HR_OP_OR = 5,
    HR_OP_XOR = 6,
    HR_OP_LW = 8,
    HR_OP_LH = 9,
    HR_OP_LHU = 10,
    HR_OP_LB = 11,
    HR_OP_LBU = 12,
    HR_OP_SW = 13,
    HR_OP_SH = 14,
    HR_OP_SB = 15,
    HR_OP_LTU = 32,
    HR_OP_LT = 35,
    HR_OP_SLL = 36,
    HR_OP_SRL = 40,
    HR_OP_SRA = 41,
    HR_OP_MUL = 44,
    HR_OP_MULHU = 48,
    HR_OP_MULHSU = 49,
    HR_OP_MULH = 51,
    HR_OP_DIVU = 52,
    HR_OP_DIV = 55,
    HR_OP_REMU = 56,
    HR_OP_REM = 59,
};

/* One decoded ROM word; fields: Row in ../decode.py. */
typedef struct {
    uint32_t pc, op, rs1, rs2, rd, imm, alt, flags;
} hr_rom_row;

/* One completed instruction; fields: CYCLE in ../execution.py. */
typedef struct {
    uint32_t row, a, b, r, next_pc, rd_old;
    uint32_t rs1_prev_ts, rs2_prev_ts, rd_prev_ts, word_prev_ts;
    uint32_t word_old, word_new;
} hr_cycle;

/* One word moved by an ecall; fields: TRANSFER in ../execution.py. */
typedef struct {
    uint32_t clk, code, count, index, address, old, new, prev_ts;
} hr_transfer;

/* Final state of a word of memory, or of a register with its number as address. */
typedef struct {
    uint32_t address, value, timestamp;
} hr_word_state;

typedef struct {
    uint32_t entry;
    uint32_t row_count;
    /* By ascending pc. */
    const hr_rom_row *rows;
    uint32_t word_count;
    /* By ascending address; all in the window, no address twice. */
    const uint32_t *addresses;
    const uint32_t *values;
    const uint8_t *is_rom;
} hr_program;

/* How a run ended. */
typedef struct {
    /* hr_trap; where it is not HR_TRAP_NONE, trap_pc and trap_value belong to it. */
    uint32_t trap, trap_pc, trap_value;
    /* a0 at the exit, 0 after a trap. */
    uint32_t exit_code;
    /* Completed instructions. */
    uint64_t cycles;
    /* Words moved by ecalls, and RAM words touched outside the image. */
    uint64_t transfers, zero_words;
    /* Words of public output from index 0 up to the first that was not written. */
    uint64_t output_words;
    /* Completed instructions with each operation. */
    uint64_t op_counts[HR_OPS];
    /* Calls of each delegation, in the order of the registry. */
    uint64_t delegation_calls[HR_DELEGATIONS_MAX];
} hr_outcome;

typedef struct hr_machine hr_machine;

/* Make a machine in its initial state.
 * Returns: the machine, to be freed by hr_machine_free; NULL if the host has no memory
 * In: program       is read until hr_machine_free
 *     is_recording  whether runs keep timestamps and transfers
 */
HR_API hr_machine *hr_machine_new(const hr_program *program, bool is_recording);

/* Run to the exit or to a trap. At most once for each machine.
 * Out: cycles   one entry for each completed instruction, at most max_cycles; NULL unless recording
 *      outcome
 * In:  tape        tape_words words of private input
 *      max_cycles  0 to HR_CYCLES_MAX
 */
HR_API void hr_machine_run(hr_machine *m, const uint32_t *tape, uint64_t tape_words,
                           uint32_t max_cycles, hr_cycle *cycles, hr_outcome *outcome);

/* Copy the public output of a run. Out: output  outcome.output_words words */
HR_API void hr_machine_output(const hr_machine *m, uint32_t *output);

/* Copy what a recorded run left behind besides its cycles.
 * Out: transfers  outcome.transfers entries
 *      registers  HR_REGISTERS entries
 *      image      program.word_count entries, in the program's order
 *      zero       outcome.zero_words entries by ascending address
 */
HR_API void hr_machine_record(hr_machine *m, hr_transfer *transfers, hr_word_state *registers,
                              hr_word_state *image, hr_word_state *zero);

/* In: m  may be NULL */
HR_API void hr_machine_free(hr_machine *m);

#endif
