/* State of the machine, and its ecalls. */
#ifndef HR_ZKVM_MACHINE_H
#define HR_ZKVM_MACHINE_H

#include <stdlib.h>
#include <string.h>

#include "delegations/registry.h"
#include "executor.h"
#include "memory.h"

_Static_assert((int)HR_DELEGATIONS <= HR_DELEGATIONS_MAX, "hr_outcome counts every delegation");

enum { HR_A0 = 10 };

/* Numbers of the ecalls. A write carries its first output index from HR_CALL_WRITE_SHIFT up. */
enum {
    HR_CALL_EXIT = 93,
    HR_CALL_READ = 0x100,
    HR_CALL_WRITE = 0x101,
    HR_CALL_WRITE_SHIFT = 12,
    HR_CALL_WRITE_MASK = (1 << HR_CALL_WRITE_SHIFT) - 1,
    HR_OUTPUT_INDEX_LIMIT = 1 << 19,
    HR_TRANSFER_WORDS_MAX = 1 << 20,
    HR_OUTPUT_WORDS_MAX = HR_OUTPUT_INDEX_LIMIT + HR_TRANSFER_WORDS_MAX,
};

/* Offsets of an instruction's accesses in its four timestamps. */
enum { HR_TS_PER_CYCLE = 4, HR_TS_RS1 = 0, HR_TS_RS2 = 1, HR_TS_WORD = 2, HR_TS_RD = 3 };

struct hr_machine {
    const hr_program *program;
    bool is_recording, has_exited;
    uint32_t registers[HR_REGISTERS];
    uint32_t register_ts[HR_REGISTERS];
    hr_memory memory;
    /* By word index: 1 + index of the ROM row, 0 where no instruction can be. */
    uint32_t *row_at;
    /* What the instruction that trapped has wrong; see ../traps.py. */
    uint32_t trap_value;
    const uint32_t *tape;
    uint64_t tape_left;
    uint32_t *output;
    uint8_t *is_written;
    /* 1 + the highest index written. */
    uint64_t output_end;
    hr_transfer *transfers;
    uint64_t transfer_count, transfer_capacity;
    uint64_t delegation_calls[HR_DELEGATIONS];
};

static inline hr_trap hr_refuse(hr_machine *m, hr_trap trap, uint32_t value) {
    m->trap_value = value;
    return trap;
}

/* Returns: index of the first output word that is not written; output_end if there is none. */
static inline uint64_t hr_first_unwritten(const hr_machine *m) {
    uint64_t at = 0;
    while (at < m->output_end && m->is_written[at]) at++;
    return at;
}

/* Make room for the record of a transfer. Returns: whether the host has it */
static inline bool hr_reserve_transfers(hr_machine *m, uint32_t count) {
    const uint64_t needed = m->transfer_count + count;
    if (!m->is_recording || needed <= m->transfer_capacity) return true;
    hr_transfer *grown = realloc(m->transfers, 2 * needed * sizeof *grown);
    if (!grown) return false;
    m->transfers = grown;
    m->transfer_capacity = 2 * needed;
    return true;
}

/* Replace count RAM words, which hr_check_transfer has allowed.
 * In: words  the new words; for a transfer out of RAM the old ones
 */
static inline hr_trap hr_transfer_words(hr_machine *m, uint32_t clk, uint32_t code, uint32_t count,
                                        const uint32_t *words) {
    if (!hr_reserve_transfers(m, count)) return HR_TRAP_HOST_MEMORY;
    hr_memory *memory = &m->memory;
    const uint32_t address = m->registers[HR_A0];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = address / 4 + i;
        hr_memory_touch(memory, at);
        if (m->is_recording) {
            m->transfers[m->transfer_count + i] = (hr_transfer){
                .clk = clk,
                .code = code,
                .count = count,
                .index = i,
                .address = address + 4 * i,
                .old = memory->values[at],
                .new = words[i],
                .prev_ts = hr_stamp(&memory->timestamps[at], HR_TS_PER_CYCLE * clk + HR_TS_WORD),
            };
        }
        memory->values[at] = words[i];
    }
    m->transfer_count += count;
    return HR_TRAP_NONE;
}

/* The rules that all transfers share. In: fixed_count  the only length allowed, or 0 for any */
static inline hr_trap hr_check_transfer(hr_machine *m, uint32_t count, uint32_t fixed_count,
                                        hr_trap unmapped_trap) {
    const uint32_t address = m->registers[HR_A0];
    if (address % 4) return hr_refuse(m, HR_TRAP_MISALIGNED_ACCESS, address);
    if (count == 0) return hr_refuse(m, HR_TRAP_EMPTY_TRANSFER, 0);
    if (count > HR_TRANSFER_WORDS_MAX || (fixed_count && count != fixed_count)) {
        return hr_refuse(m, HR_TRAP_BAD_TRANSFER_LENGTH, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        /* No wrap: the window ends before 2^32 - 4 HR_TRANSFER_WORDS_MAX. */
        const hr_trap trap = hr_memory_check(&m->memory, address / 4 + i, unmapped_trap, true);
        if (trap) return hr_refuse(m, trap, address + 4 * i);
    }
    return HR_TRAP_NONE;
}

static inline hr_trap hr_call_exit(hr_machine *m) {
    const uint64_t missing = hr_first_unwritten(m);
    if (missing < m->output_end) return hr_refuse(m, HR_TRAP_OUTPUT_GAP, (uint32_t)missing);
    m->has_exited = true;
    return HR_TRAP_NONE;
}

static inline hr_trap hr_call_read(hr_machine *m, uint32_t clk, uint32_t count) {
    hr_trap trap = hr_check_transfer(m, count, 0, HR_TRAP_UNMAPPED_WRITE);
    if (trap) return trap;
    if (count > m->tape_left) {
        return hr_refuse(m, HR_TRAP_TAPE_EXHAUSTED, (uint32_t)m->tape_left);
    }
    trap = hr_transfer_words(m, clk, HR_CALL_READ, count, m->tape);
    m->tape += count;
    m->tape_left -= count;
    return trap;
}

static inline hr_trap hr_call_write(hr_machine *m, uint32_t clk, uint32_t code, uint32_t count) {
    const uint32_t first = code >> HR_CALL_WRITE_SHIFT;
    const hr_trap trap = hr_check_transfer(m, count, 0, HR_TRAP_UNMAPPED_READ);
    if (trap) return trap;
    const uint32_t *words = &m->memory.values[m->registers[HR_A0] / 4];
    for (uint32_t i = 0; i < count; i++) {
        if (m->is_written[first + i]) {
            return hr_refuse(m, HR_TRAP_OUTPUT_WRITTEN_TWICE, first + i);
        }
    }
    memcpy(&m->output[first], words, count * sizeof *words);
    memset(&m->is_written[first], 1, count);
    if (m->output_end < first + count) m->output_end = first + count;
    return hr_transfer_words(m, clk, code, count, words);
}

static inline hr_trap hr_call_delegation(hr_machine *m, uint32_t clk, uint32_t code,
                                         uint32_t count) {
    for (uint32_t d = 0; d < HR_DELEGATIONS; d++) {
        const hr_delegation *delegation = hr_delegations[d];
        if (delegation->code != code) continue;
        hr_trap trap = hr_check_transfer(m, count, delegation->words, HR_TRAP_UNMAPPED_WRITE);
        if (trap) return trap;
        const uint32_t address = m->registers[HR_A0];
        uint32_t words[HR_DELEGATION_WORDS_MAX];
        memcpy(words, &m->memory.values[address / 4], count * sizeof *words);
        trap = delegation->apply(words);
        if (trap) return hr_refuse(m, trap, address);
        m->delegation_calls[d]++;
        return hr_transfer_words(m, clk, code, count, words);
    }
    return hr_refuse(m, HR_TRAP_UNKNOWN_ECALL, code);
}

/* Execute an ecall up to the write of a0. In: code, count  a7 and a1 */
static inline hr_trap hr_ecall(hr_machine *m, uint32_t clk, uint32_t code, uint32_t count) {
    if (code == HR_CALL_EXIT) return hr_call_exit(m);
    if (code == HR_CALL_READ) return hr_call_read(m, clk, count);
    if ((code & HR_CALL_WRITE_MASK) == HR_CALL_WRITE &&
        code >> HR_CALL_WRITE_SHIFT < HR_OUTPUT_INDEX_LIMIT) {
        return hr_call_write(m, clk, code, count);
    }
    return hr_call_delegation(m, clk, code, count);
}

#endif
