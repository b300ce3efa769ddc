/* libheadrace_trace: fills the tables of the proof from the record of a run.
 *
 * What a function writes is zero before, and zero after beyond the rows that it needs. Structures
 * are read by ../trace.py.
 */
#ifndef HR_ZKVM_TRACE_H
#define HR_ZKVM_TRACE_H

#include "executor.h"
#include "fill.h"
#include "fill_memory.h"

/* Record of a run that ended with exit code 0. */
typedef struct {
    const hr_rom_row *rom;
    const hr_cycle *cycles;
    uint64_t cycle_count;
    const hr_transfer *transfers;
    uint64_t transfer_count;
    hr_rom_map rom_map;
} hr_record;

/* Calls of the delegations of one table, by cycle. */
typedef struct {
    /* Cycle of each. */
    const uint32_t *times;
    /* Its number, a7. */
    const uint32_t *codes;
    /* RAM words before it, of one call after the other. */
    const uint32_t *words;
    uint64_t count;
} hr_calls;

/* Fill cpu, add, bitwise, arith, memory and transfer.
 * Out: traces   HR_TABLES, in the order of the proof; each with room for the rows of the run
 * In/Out: lookups  counters, each grows by at most ten times the number of rows
 */
HR_API void hr_trace_machine(const hr_record *record, const hr_trace *traces,
                             const hr_lookups *lookups);

/* Out: trace  usable_rows is a multiple of 64, at least 64 for each call */
HR_API void hr_trace_poseidon2(const hr_calls *calls, const hr_trace *trace);

/* Out: trace  usable_rows is a multiple of 64, at least 1,792 for each call */
HR_API void hr_trace_keccak_f(const hr_calls *calls, const hr_trace *trace);

#endif
