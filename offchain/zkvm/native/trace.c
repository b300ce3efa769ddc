/* libheadrace_trace: from the record of a run to the tables of the proof. Unity build. */
#include "trace.h"

#include "fill_arith.h"
#include "fill_cpu.h"
#include "fill_keccak_f.h"
#include "fill_poseidon2.h"

typedef struct {
    hr_writer cpu, add, bitwise, arith, memory, transfer;
    hr_lookups lookups;
    const hr_rom_map *rom_map;
} hr_tables;

static_assert(HR_CPU_COLUMNS <= HR_TABLE_COLUMNS_MAX && HR_ARITH_COLUMNS <= HR_TABLE_COLUMNS_MAX &&
                  HR_MEMORY_COLUMNS <= HR_TABLE_COLUMNS_MAX,
              "a block has room for a row of the widest table");

/* The row of the table that serves an instruction; those of an ecall come from its transfers. */
static inline void hr_fill_dispatched(hr_tables *tables, const hr_rom_row *rom, const hr_cycle *c,
                                      uint32_t clk) {
    const hr_lookups *lookups = &tables->lookups;
    const uint32_t op = rom->op, y = hr_second_operand(rom, c);
    if (rom->flags & (HR_LOAD | HR_STORE)) {
        hr_fill_memory(&tables->memory, lookups, tables->rom_map, op, y, c, clk);
    } else if (!(rom->flags & (HR_ALU | HR_BRANCH))) {
        return;
    } else if (op <= HR_OP_EQ) {
        hr_fill_add(&tables->add, lookups, op, c->a, y, c->r);
    } else if (op <= HR_OP_XOR) {
        hr_fill_bitwise(&tables->bitwise, lookups, op, c->a, y);
    } else {
        hr_fill_arith(&tables->arith, lookups, op, c->a, y, c->r);
    }
}

void hr_trace_machine(const hr_record *record, const hr_trace *traces, const hr_lookups *lookups) {
    hr_tables tables = {
        .cpu = {.trace = traces[HR_TABLE_CPU], .column_count = HR_CPU_COLUMNS},
        .add = {.trace = traces[HR_TABLE_ADD],
                .column_count = HR_ADD_COLUMNS,
                .inverse_count = 1,
                .inverses = {HR_ADD_INVERSE}},
        .bitwise = {.trace = traces[HR_TABLE_BITWISE], .column_count = HR_BITWISE_COLUMNS},
        .arith = {.trace = traces[HR_TABLE_ARITH],
                  .column_count = HR_ARITH_COLUMNS,
                  .inverse_count = 2,
                  .inverses = {HR_ARITH_INVERSE, HR_ARITH_MAGNITUDE_INVERSE}},
        .memory = {.trace = traces[HR_TABLE_MEMORY], .column_count = HR_MEMORY_COLUMNS},
        .transfer = {.trace = traces[HR_TABLE_TRANSFER], .column_count = HR_TRANSFER_COLUMNS},
        .lookups = *lookups,
        .rom_map = &record->rom_map,
    };
    for (uint64_t i = 0; i < record->cycle_count; i++) {
        const hr_cycle *c = &record->cycles[i];
        const hr_rom_row *rom = &record->rom[c->row];
        const uint32_t clk = (uint32_t)i + 1;
        hr_fill_cpu(&tables.cpu, lookups, rom, c, clk);
        hr_fill_dispatched(&tables, rom, c, clk);
    }
    for (uint64_t i = 0; i < record->transfer_count; i++) {
        hr_fill_transfer(&tables.transfer, lookups, &record->transfers[i]);
    }
    hr_move_block(&tables.cpu);
    hr_move_block(&tables.add);
    hr_move_block(&tables.bitwise);
    hr_pad_arith(&tables.arith);
    hr_move_block(&tables.memory);
    hr_move_block(&tables.transfer);
}

void hr_trace_poseidon2(const hr_calls *calls, const hr_trace *trace) {
    hr_fill_poseidon2(trace->columns, trace->height, trace->usable_rows, calls->times, calls->codes,
                      (const uint32_t (*)[HR_FILL_POSEIDON2_WORDS])calls->words, calls->count);
}

void hr_trace_keccak_f(const hr_calls *calls, const hr_trace *trace) {
    hr_fill_keccak_f(trace->columns, trace->height, trace->usable_rows, calls->times,
                     (const uint32_t (*)[HR_FILL_KECCAK_F_WORDS])calls->words, calls->count);
}
