/* Rows of the tables memory and transfer. Meaning of the columns: offchain/air/tables. */
#ifndef HR_ZKVM_FILL_MEMORY_H
#define HR_ZKVM_FILL_MEMORY_H

#include "executor.h"
#include "fill.h"

#define HR_ROM_BASE (UINT64_C(1) << 41)

enum { HR_ECALL_READ = 0x100, HR_ECALL_WRITE = 0x101, HR_ECALL_WRITE_SHIFT = 12 };

/* Words of ROM: ascending disjoint intervals of word indices. */
typedef struct {
    uint32_t first, last;
} hr_rom_run;

typedef struct {
    const hr_rom_run *runs;
    uint32_t count;
} hr_rom_map;

/* In: word  address / 4 */
static inline bool hr_is_rom(const hr_rom_map *rom, uint32_t word) {
    uint32_t below = 0, end = rom->count;
    while (below < end) {
        const uint32_t middle = (below + end) / 2;
        if (rom->runs[middle].last < word) {
            below = middle + 1;
        } else {
            end = middle;
        }
    }
    return below < rom->count && rom->runs[below].first <= word;
}

/* The selected half and byte of an access to less than a word. */
static inline void hr_fill_part(uint64_t *row, const hr_lookups *lookups, uint32_t op,
                                uint32_t address, const hr_cycle *c) {
    const bool is_half = op == HR_OP_LH || op == HR_OP_LHU || op == HR_OP_SH;
    const uint32_t upper_half = address >> 1 & 1, upper_byte = is_half ? 1 : address & 1;
    const uint32_t half = c->word_old >> 16 * upper_half & 0xffff;
    const uint32_t byte = half >> 8 * upper_byte & 0xff, other = half >> 8 * !upper_byte & 0xff;
    row[HR_MEMORY_IS_UPPER_HALF] = upper_half;
    row[HR_MEMORY_IS_UPPER_BYTE] = upper_byte;
    row[HR_MEMORY_HALF] = half;
    row[HR_MEMORY_OTHER_HALF] = hr_count_range16(lookups, c->word_old >> 16 * !upper_half & 0xffff);
    row[HR_MEMORY_BYTE] = byte;
    row[HR_MEMORY_OTHER_BYTE] = other;
    row[HR_MEMORY_BYTE_AND] = hr_count_byte_and(lookups, byte, other);
    if (op == HR_OP_LH || op == HR_OP_LB) {
        row[HR_MEMORY_SIGN] = hr_count_byte_and(lookups, byte, 128) / 128;
    }
    if (op == HR_OP_SH || op == HR_OP_SB) {
        const uint32_t low = c->r & 0xff, next = c->r >> 8 & 0xff;
        row[HR_MEMORY_HALF_NEW] = c->word_new >> 16 * upper_half & 0xffff;
        row[HR_MEMORY_STORED_0] = low;
        row[HR_MEMORY_STORED_1] = next;
        row[HR_MEMORY_STORED_AND] = hr_count_byte_and(lookups, low, next);
        hr_count_range16(lookups, c->r >> 16);
    }
}

static inline void hr_fill_memory(hr_writer *w, const hr_lookups *lookups, const hr_rom_map *rom,
                                  uint32_t op, uint32_t y, const hr_cycle *c, uint32_t clk) {
    uint64_t *row = hr_next_row(w);
    const uint64_t sum = (uint64_t)c->a + y;
    const uint32_t address = (uint32_t)sum;
    const bool is_rom = op <= HR_OP_LBU && hr_is_rom(rom, address / 4);
    row[HR_MEMORY_IS_LW + op - HR_OP_LW] = 1;
    row[HR_MEMORY_TIME] = clk;
    row[HR_MEMORY_A] = c->a;
    row[HR_MEMORY_Y] = y;
    row[HR_MEMORY_R] = c->r;
    row[HR_MEMORY_CARRY] = sum >> 32;
    row[HR_MEMORY_IS_ROM] = is_rom;
    row[HR_MEMORY_ADDRESS] = (address & ~3u) + (is_rom ? HR_ROM_BASE : 0);
    row[HR_MEMORY_PREVIOUS] = c->word_prev_ts;
    row[HR_MEMORY_TIME_LOW] = hr_count_range32(lookups, 4 * clk + 1 - c->word_prev_ts);
    row[HR_MEMORY_OLD] = c->word_old;
    row[HR_MEMORY_NEW] = c->word_new;
    if (op != HR_OP_LW && op != HR_OP_SW) hr_fill_part(row, lookups, op, address, c);
}

static inline void hr_fill_transfer(hr_writer *w, const hr_lookups *lookups, const hr_transfer *t) {
    uint64_t *row = hr_next_row(w);
    const bool is_write = t->code % (1u << HR_ECALL_WRITE_SHIFT) == HR_ECALL_WRITE;
    row[HR_TRANSFER_IS_USED] = 1;
    row[HR_TRANSFER_IS_FIRST] = t->index == 0;
    row[HR_TRANSFER_IS_LAST] = t->index + 1 == t->count;
    row[HR_TRANSFER_IS_READ] = t->code == HR_ECALL_READ;
    row[HR_TRANSFER_IS_WRITE] = is_write;
    row[HR_TRANSFER_TIME] = t->clk;
    row[HR_TRANSFER_CODE] = t->code;
    row[HR_TRANSFER_LEFT] = t->count - t->index;
    row[HR_TRANSFER_ADDRESS] = t->address;
    row[HR_TRANSFER_INDEX] = (is_write ? t->code >> HR_ECALL_WRITE_SHIFT : 0) + t->index;
    row[HR_TRANSFER_LINK_CODE] = is_write ? 0 : t->code;
    row[HR_TRANSFER_LINK_TIME] = is_write ? 0 : t->clk;
    row[HR_TRANSFER_OLD] = t->old;
    row[HR_TRANSFER_NEW] = t->new;
    row[HR_TRANSFER_NEW_LOW] = hr_count_range32(lookups, t->new);
    row[HR_TRANSFER_PREVIOUS] = t->prev_ts;
    row[HR_TRANSFER_TIME_LOW] = hr_count_range32(lookups, 4 * t->clk + 1 - t->prev_ts);
}

#endif
