/* libheadrace_zkvm: the RV32IM machine. Unity build. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "alu.h"
#include "machine.h"

/* For functions with a constant is_recording: two specialised copies of the loop. */
#define HR_SPECIALISED static inline __attribute__((always_inline))

void hr_machine_free(hr_machine *m) {
    if (!m) return;
    hr_memory_free(&m->memory);
    hr_unmap(m->row_at, (size_t)HR_WINDOW_LIMIT * sizeof *m->row_at);
    free(m->output);
    free(m->is_written);
    free(m->transfers);
    free(m);
}

hr_machine *hr_machine_new(const hr_program *program, bool is_recording) {
    hr_machine *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->program = program;
    m->is_recording = is_recording;
    m->row_at = hr_map_lazily((size_t)HR_WINDOW_LIMIT * sizeof *m->row_at);
    m->output = calloc(HR_OUTPUT_WORDS_MAX, sizeof *m->output);
    m->is_written = calloc(HR_OUTPUT_WORDS_MAX, sizeof *m->is_written);
    if (!hr_memory_init(&m->memory, is_recording) || !m->row_at || !m->output || !m->is_written) {
        hr_machine_free(m);
        return NULL;
    }
    for (uint32_t i = 0; i < program->row_count; i++) {
        m->row_at[program->rows[i].pc / 4] = i + 1;
    }
    for (uint32_t i = 0; i < program->word_count; i++) {
        const uint32_t word = program->addresses[i] / 4;
        m->memory.values[word] = program->values[i];
        m->memory.kinds[word] = program->is_rom[i] ? HR_WORD_ROM : HR_WORD_RAM;
    }
    return m;
}

/* The access of a LOAD or STORE row. In/Out: c  fills r and, recording, the word_ fields */
HR_SPECIALISED hr_trap hr_access(hr_machine *m, const hr_rom_row *row, uint32_t clk, hr_cycle *c,
                                 const bool is_recording) {
    hr_memory *memory = &m->memory;
    const bool is_store = (row->flags & HR_STORE) != 0;
    const uint32_t address = c->a + row->imm, word = address / 4;
    if (address & (hr_access_bytes(row->op) - 1)) {
        return hr_refuse(m, HR_TRAP_MISALIGNED_ACCESS, address);
    }
    const hr_trap unmapped_trap = is_store ? HR_TRAP_UNMAPPED_WRITE : HR_TRAP_UNMAPPED_READ;
    const hr_trap trap = hr_memory_check(memory, word, unmapped_trap, is_store);
    if (trap) return hr_refuse(m, trap, address);
    hr_memory_touch(memory, word);
    c->word_old = c->word_new = memory->values[word];
    if (is_store) {
        c->r = c->b;
        c->word_new = hr_store(row->op, c->word_old, address, c->b);
        memory->values[word] = c->word_new;
    } else {
        c->r = hr_load(row->op, c->word_old, address);
    }
    if (is_recording) {
        c->word_prev_ts = hr_stamp(&memory->timestamps[word], HR_TS_PER_CYCLE * clk + HR_TS_WORD);
    }
    return HR_TRAP_NONE;
}

/* Whether the next instruction may be at next_pc. */
static inline hr_trap hr_check_next_pc(hr_machine *m, uint32_t next_pc) {
    if (next_pc % 4) return hr_refuse(m, HR_TRAP_MISALIGNED_JUMP, next_pc);
    if (next_pc / 4 >= HR_WINDOW_LIMIT || m->memory.kinds[next_pc / 4] != HR_WORD_ROM) {
        return hr_refuse(m, HR_TRAP_JUMP_OUTSIDE_ROM, next_pc);
    }
    return HR_TRAP_NONE;
}

/* Execute one instruction.
 * In/Out: c  zero except row; everything is filled in
 */
HR_SPECIALISED hr_trap hr_step(hr_machine *m, const hr_rom_row *row, uint32_t clk, hr_cycle *c,
                               const bool is_recording) {
    const uint32_t ts = HR_TS_PER_CYCLE * clk;
    hr_trap trap = HR_TRAP_NONE;
    c->a = m->registers[row->rs1];
    c->b = m->registers[row->rs2];
    if (is_recording) {
        c->rs1_prev_ts = hr_stamp(&m->register_ts[row->rs1], ts + HR_TS_RS1);
        c->rs2_prev_ts = hr_stamp(&m->register_ts[row->rs2], ts + HR_TS_RS2);
    }
    c->next_pc = row->alt;
    switch (row->flags & HR_CLASSES) {
    case HR_ALU: c->r = hr_alu(row->op, c->a, c->b + row->imm); break;
    case HR_BRANCH:
        c->r = hr_alu(row->op, c->a, c->b);
        if (c->r) c->next_pc = row->imm;
        break;
    case HR_CONST: c->r = row->imm; break;
    case HR_JALR:
        c->r = row->alt;
        c->next_pc = (c->a + row->imm) & ~UINT32_C(1);
        break;
    case HR_LOAD:
    case HR_STORE: trap = hr_access(m, row, clk, c, is_recording); break;
    default: c->r = m->registers[HR_A0]; trap = hr_ecall(m, clk, c->a, c->b);
    }
    if (trap) return trap;
    if (m->has_exited) {
        c->next_pc = 0;
    } else {
        trap = hr_check_next_pc(m, c->next_pc);
        if (trap) return trap;
    }
    if (row->flags & HR_WRITE) {
        c->rd_old = m->registers[row->rd];
        m->registers[row->rd] = c->r;
        if (is_recording) c->rd_prev_ts = hr_stamp(&m->register_ts[row->rd], ts + HR_TS_RD);
    }
    return HR_TRAP_NONE;
}

/* Run until the exit or a trap; fills in trap, trap_pc, cycles and op_counts of the outcome. */
HR_SPECIALISED void hr_run(hr_machine *m, uint32_t max_cycles, hr_cycle *cycles,
                           hr_outcome *outcome, const bool is_recording) {
    uint32_t done = 0, pc = m->program->entry;
    hr_trap trap = HR_TRAP_NONE;
    while (!m->has_exited) {
        const uint32_t at = m->row_at[pc / 4];
        if (done == max_cycles) {
            trap = hr_refuse(m, HR_TRAP_CYCLE_LIMIT, max_cycles);
            break;
        }
        if (at == 0) {
            trap = hr_refuse(m, HR_TRAP_ILLEGAL_INSTRUCTION, m->memory.values[pc / 4]);
            break;
        }
        const hr_rom_row *row = &m->program->rows[at - 1];
        hr_cycle c = {.row = at - 1};
        trap = hr_step(m, row, done + 1, &c, is_recording);
        if (trap) break;
        if (is_recording) cycles[done] = c;
        done++;
        outcome->op_counts[row->op]++;
        pc = c.next_pc;
    }
    outcome->trap = trap;
    outcome->trap_pc = pc;
    outcome->cycles = done;
}

void hr_machine_run(hr_machine *m, const uint32_t *tape, uint64_t tape_words, uint32_t max_cycles,
                    hr_cycle *cycles, hr_outcome *outcome) {
    *outcome = (hr_outcome){0};
    m->tape = tape;
    m->tape_left = tape_words;
    if (m->is_recording) {
        hr_run(m, max_cycles, cycles, outcome, true);
    } else {
        hr_run(m, max_cycles, NULL, outcome, false);
    }
    outcome->trap_value = m->trap_value;
    outcome->exit_code = m->has_exited ? m->registers[HR_A0] : 0;
    outcome->transfers = m->transfer_count;
    outcome->zero_words = m->memory.touched_count;
    outcome->output_words = hr_first_unwritten(m);
    memcpy(outcome->delegation_calls, m->delegation_calls, sizeof m->delegation_calls);
}

static hr_word_state hr_word_state_of(const hr_machine *m, uint32_t word) {
    return (hr_word_state){
        .address = 4 * word,
        .value = m->memory.values[word],
        .timestamp = m->memory.timestamps[word],
    };
}

static int hr_compare_words(const void *left, const void *right) {
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

void hr_machine_output(const hr_machine *m, uint32_t *output) {
    memcpy(output, m->output, hr_first_unwritten(m) * sizeof *output);
}

void hr_machine_record(hr_machine *m, hr_transfer *transfers, hr_word_state *registers,
                       hr_word_state *image, hr_word_state *zero) {
    if (m->transfers) memcpy(transfers, m->transfers, m->transfer_count * sizeof *transfers);
    for (uint32_t i = 0; i < HR_REGISTERS; i++) {
        registers[i] = (hr_word_state){i, m->registers[i], m->register_ts[i]};
    }
    for (uint32_t i = 0; i < m->program->word_count; i++) {
        image[i] = hr_word_state_of(m, m->program->addresses[i] / 4);
    }
    qsort(m->memory.touched, m->memory.touched_count, sizeof *m->memory.touched, hr_compare_words);
    for (uint64_t i = 0; i < m->memory.touched_count; i++) {
        zero[i] = hr_word_state_of(m, m->memory.touched[i]);
    }
}
