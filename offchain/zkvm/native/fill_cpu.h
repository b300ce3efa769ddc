/* Rows of the tables cpu, add and bitwise. Meaning of the columns: offchain/air/tables. */
#ifndef HR_ZKVM_FILL_CPU_H
#define HR_ZKVM_FILL_CPU_H

#include "executor.h"
#include "fill.h"

enum { HR_ECALL_EXIT = 93, HR_FLAGS = 8 };

static_assert(HR_CPU_IS_WRITE == HR_CPU_IS_ALU + HR_FLAGS - 1, "flags in the order of their bits");

/* Returns: the second operand. At most one of b and imm is not 0 where both count. */
static inline uint32_t hr_second_operand(const hr_rom_row *rom, const hr_cycle *c) {
    if (rom->flags & HR_STORE) return rom->imm;
    if (rom->flags & HR_BRANCH) return c->b;
    return c->b + rom->imm;
}

static inline void hr_fill_cpu(hr_writer *w, const hr_lookups *lookups, const hr_rom_row *rom,
                               const hr_cycle *c, uint32_t clk) {
    uint64_t *row = hr_next_row(w);
    const uint32_t y = hr_second_operand(rom, c), now = 4 * clk;
    const bool is_exit = (rom->flags & HR_ECALL) && c->a == HR_ECALL_EXIT;
    const bool uses_ram = (rom->flags & (HR_LOAD | HR_STORE | HR_ECALL)) != 0;
    row[HR_CPU_CLK] = clk;
    row[HR_CPU_PC] = rom->pc;
    row[HR_CPU_NEXT_PC] = is_exit ? rom->alt : c->next_pc;
    row[HR_CPU_OP] = rom->op;
    row[HR_CPU_RS1] = rom->rs1;
    row[HR_CPU_RS2] = rom->rs2;
    row[HR_CPU_RD] = rom->rd;
    row[HR_CPU_IMM] = rom->imm;
    row[HR_CPU_ALT] = rom->alt;
    for (uint32_t i = 0; i < HR_FLAGS; i++) row[HR_CPU_IS_ALU + i] = rom->flags >> i & 1;
    row[HR_CPU_IS_EXIT] = is_exit;
    row[HR_CPU_A] = c->a;
    row[HR_CPU_B] = c->b;
    row[HR_CPU_Y] = y;
    row[HR_CPU_R] = c->r;
    row[HR_CPU_TIME] = uses_ram ? clk : 0;
    if (rom->flags & HR_JALR) {
        const uint64_t target = (uint64_t)c->a + y;
        row[HR_CPU_JUMP_BIT] = target & 1;
        row[HR_CPU_JUMP_CARRY] = target >> 32;
    }
    row[HR_CPU_RS1_PREVIOUS] = c->rs1_prev_ts;
    row[HR_CPU_RS1_LOW] = hr_count_range32(lookups, now - 1 - c->rs1_prev_ts);
    row[HR_CPU_RS2_PREVIOUS] = c->rs2_prev_ts;
    row[HR_CPU_RS2_LOW] = hr_count_range32(lookups, now - c->rs2_prev_ts);
    if (rom->flags & HR_WRITE) {
        row[HR_CPU_RD_OLD] = c->rd_old;
        row[HR_CPU_RD_PREVIOUS] = c->rd_prev_ts;
        row[HR_CPU_RD_LOW] = hr_count_range32(lookups, now + 2 - c->rd_prev_ts);
    }
}

/* In: op  ADD, SUB or EQ */
static inline void hr_fill_add(hr_writer *w, const hr_lookups *lookups, uint32_t op, uint32_t a,
                               uint32_t y, uint32_t r) {
    uint64_t *row = hr_next_row(w);
    row[HR_ADD_IS_ADD + op - HR_OP_ADD] = 1;
    row[HR_ADD_A] = a;
    row[HR_ADD_Y] = y;
    row[HR_ADD_R] = r;
    if (op == HR_OP_EQ) {
        const uint64_t p_if_less = a < y ? HR_GOLDILOCKS_P : 0;
        row[HR_ADD_INVERSE] = (uint64_t)a - y + p_if_less;
    } else {
        row[HR_ADD_CARRY] = op == HR_OP_ADD ? r < a : a < y;
        row[HR_ADD_R_LOW] = hr_count_range32(lookups, r);
    }
}

/* In: op  AND, OR or XOR */
static inline void hr_fill_bitwise(hr_writer *w, const hr_lookups *lookups, uint32_t op, uint32_t a,
                                   uint32_t y) {
    uint64_t *row = hr_next_row(w);
    row[HR_BITWISE_IS_AND + op - HR_OP_AND] = 1;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t x_byte = a >> 8 * i & 0xff, y_byte = y >> 8 * i & 0xff;
        row[HR_BITWISE_A_0 + i] = x_byte;
        row[HR_BITWISE_Y_0 + i] = y_byte;
        row[HR_BITWISE_AND_0 + i] = hr_count_byte_and(lookups, x_byte, y_byte);
    }
}

#endif
