/* Machine-mode shim that makes Spike behave as the zkVM does towards a guest (guest_io.h). Spike
 * loads it beside the unchanged guest ELF; the guest then runs in user mode, where CSRs, wfi and
 * any access outside its RAM trap, and its ecalls end up here.
 *
 * Standard input:  struct hr_shim_job, then the tape.
 * Standard output: struct hr_shim_report, then the public output.
 * Both go through HTIF, Spike's host interface (a request block whose address is put in tohost).
 * spike_runner.py is the other side, spike_shim.ld the memory map. */
#include "guest_io.h"

#include "keccak_impl.h"
#include "poseidon2_impl.h"

/* How a run ended, besides exit and trap: why an ecall was refused. */
enum hr_shim_kind {
    HR_KIND_EXIT = 0,          /* code = exit code */
    HR_KIND_TRAP = 1,          /* code = mcause, value = mtval */
    HR_KIND_UNKNOWN_ECALL = 2, /* from here on: code = a7, value = a0 */
    HR_KIND_BAD_BUFFER = 3,    /* misaligned, outside RAM, or in .text */
    HR_KIND_BAD_LENGTH = 4,    /* none, over 2^20 words, or not the delegation's */
    HR_KIND_TAPE_EXHAUSTED = 5,
    HR_KIND_OUTPUT_WRITTEN_TWICE = 6,
    HR_KIND_OUTPUT_GAP = 7,
    HR_KIND_NON_CANONICAL_ELEMENT = 8,
};

enum {
    HR_REPORT_MAGIC = 0x48524750,
    HR_CAUSE_ECALL_FROM_USER = 8,
    HR_OUTPUT_INDEX_MAX = 1 << 19,
    HR_HOST_READ = 63,
    HR_HOST_WRITE = 64,
    HR_STDIN_PIECE_BYTES = 0x10000, /* a pipe holds no more; Spike clears as much per call */
    HR_MSTATUS_TW = 1 << 21,        /* wfi in user mode traps; MPP = 0: mret enters user mode */
    /* Entry 0 off, 1 RW (up to .text), 2 RX (.text), 3 RW (the rest); all top-of-range. */
    HR_PMP_GUEST = 0x0b0d0b00,
    HR_REGISTERS = 32,
    HR_A0 = 10,
    HR_A1 = 11,
    HR_A7 = 17,
};

struct hr_shim_job {
    uint32_t entry_pc, ram_start, text_start, text_end, ram_end, zero[3];
};

struct hr_shim_report {
    uint32_t magic, kind, code, pc, value, output_bytes, calls, zero;
    uint32_t instret_low, instret_high, more_zeros[6];
};

/* spike_shim.ld. A mark is not zero if its output word was written. */
extern uint32_t __stdin_start[], __output_start[];
extern uint8_t __marks_start[];

volatile uint64_t tohost __attribute__((aligned(64)));
volatile uint64_t fromhost __attribute__((aligned(64)));

static struct hr_shim_job job;
static const uint32_t *tape_next, *tape_end;
static uint32_t output_words, output_end, calls;

#define HR_CSR_READ(name)                                                                          \
    ({                                                                                             \
        uint32_t value_;                                                                           \
        __asm__ volatile("csrr %0, " #name : "=r"(value_));                                        \
        value_;                                                                                    \
    })
#define HR_CSR_WRITE(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"(value) : "memory")

/* --- the host ------------------------------------------------------------------------------- */

static uint32_t hr_host_call(uint32_t number, uint32_t file, const void *at, uint32_t bytes) {
    static volatile uint64_t request[8] __attribute__((aligned(64)));
    request[0] = number;
    request[1] = file;
    request[2] = (uintptr_t)at;
    request[3] = bytes;
    __asm__ volatile("fence" : : : "memory"); /* the host reads and writes what `at` points to */
    tohost = (uintptr_t)request;
    while (fromhost == 0) {
    }
    __asm__ volatile("fence" : : : "memory");
    fromhost = 0;
    return (uint32_t)request[0];
}

[[noreturn]] static void hr_report(uint32_t kind, uint32_t code, uint32_t value) {
    const struct hr_shim_report report = {
        .magic = HR_REPORT_MAGIC,
        .kind = kind,
        .code = code,
        .pc = HR_CSR_READ(mepc),
        .value = value,
        .output_bytes = output_end * sizeof(uint32_t),
        .calls = calls,
        .instret_low = HR_CSR_READ(minstret),
        .instret_high = HR_CSR_READ(minstreth),
    };
    /* The runner notices if the host takes fewer bytes. */
    hr_host_call(HR_HOST_WRITE, 1, &report, sizeof report);
    hr_host_call(HR_HOST_WRITE, 1, __output_start, report.output_bytes);
    tohost = 1; /* HTIF: end of the simulation, status 0 */
    for (;;) {
    }
}

/* --- ecalls --------------------------------------------------------------------------------- */

static void hr_check_buffer(uint32_t at, uint32_t words, uint32_t number) {
    if (words == 0 || words > HR_ECALL_WORDS_MAX) hr_report(HR_KIND_BAD_LENGTH, number, at);
    const uint64_t end = (uint64_t)at + words * sizeof(uint32_t);
    const bool is_in_ram = at >= job.ram_start && end <= job.ram_end;
    const bool is_in_text = at < job.text_end && end > job.text_start;
    if (at % sizeof(uint32_t) != 0 || !is_in_ram || is_in_text)
        hr_report(HR_KIND_BAD_BUFFER, number, at);
}

static void hr_read(uint32_t *words, uint32_t count) {
    if (count > (uint32_t)(tape_end - tape_next))
        hr_report(HR_KIND_TAPE_EXHAUSTED, HR_ECALL_READ, (uintptr_t)words);
    for (uint32_t i = 0; i < count; i++) words[i] = *tape_next++;
}

static void hr_write(const uint32_t *words, uint32_t count, uint32_t number) {
    const uint32_t first = number >> HR_OUTPUT_INDEX_LOG2;
    for (uint32_t i = 0; i < count; i++) {
        if (__marks_start[first + i])
            hr_report(HR_KIND_OUTPUT_WRITTEN_TWICE, number, (uintptr_t)words);
        __marks_start[first + i] = 1;
        __output_start[first + i] = words[i];
    }
    output_words += count;
    if (output_end < first + count) output_end = first + count;
}

static void hr_poseidon2(uint32_t *words, uint32_t number) {
    uint64_t state[HR_POSEIDON2_WIDTH];
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        state[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
        if (!hr_is_canonical(state[i]))
            hr_report(HR_KIND_NON_CANONICAL_ELEMENT, number, (uintptr_t)words);
    }
    if (number == HR_ECALL_POSEIDON2)
        hr_poseidon2_permute(state);
    else
        hr_poseidon2_compress(state);
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        words[2 * i] = (uint32_t)state[i];
        words[2 * i + 1] = (uint32_t)(state[i] >> 32);
    }
}

static void hr_keccak_f(uint32_t *words) {
    uint64_t lanes[HR_KECCAK_LANES];
    for (int i = 0; i < HR_KECCAK_LANES; i++)
        lanes[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
    hr_keccak_f1600(lanes);
    for (int i = 0; i < HR_KECCAK_LANES; i++) {
        words[2 * i] = (uint32_t)lanes[i];
        words[2 * i + 1] = (uint32_t)(lanes[i] >> 32);
    }
}

static bool hr_is_write(uint32_t number) {
    return number % (1u << HR_OUTPUT_INDEX_LOG2) == HR_ECALL_WRITE &&
           number >> HR_OUTPUT_INDEX_LOG2 < HR_OUTPUT_INDEX_MAX;
}

static void hr_transfer(uint32_t number, uint32_t at, uint32_t count) {
    uint32_t *words = (uint32_t *)at;
    const bool is_poseidon2 = number == HR_ECALL_POSEIDON2 || number == HR_ECALL_POSEIDON2_COMPRESS;
    if (number != HR_ECALL_READ && !hr_is_write(number) && !is_poseidon2 &&
        number != HR_ECALL_KECCAK_F)
        hr_report(HR_KIND_UNKNOWN_ECALL, number, at);
    if ((is_poseidon2 && count != HR_ECALL_POSEIDON2_WORDS) ||
        (number == HR_ECALL_KECCAK_F && count != HR_ECALL_KECCAK_F_WORDS))
        hr_report(HR_KIND_BAD_LENGTH, number, at);
    hr_check_buffer(at, count, number);
    switch (number) {
    case HR_ECALL_READ: hr_read(words, count); break;
    case HR_ECALL_POSEIDON2:
    case HR_ECALL_POSEIDON2_COMPRESS: hr_poseidon2(words, number); break;
    case HR_ECALL_KECCAK_F: hr_keccak_f(words); break;
    default: hr_write(words, count, number);
    }
}

/* --- called by spike_shim.S ----------------------------------------------------------------- */

/* Takes in the job and the tape, and sets up memory protection and the guest's start. */
void hr_shim_boot(void) {
    uint8_t *next = (uint8_t *)__stdin_start;
    uint32_t got;
    do { /* the runner limits the tape, so this ends in time */
        got = hr_host_call(HR_HOST_READ, 0, next, HR_STDIN_PIECE_BYTES);
        next += got;
    } while (got != 0);
    job = *(const struct hr_shim_job *)__stdin_start;
    tape_next = __stdin_start + sizeof job / sizeof(uint32_t);
    tape_end = (const uint32_t *)next;
    HR_CSR_WRITE(pmpaddr0, job.ram_start >> 2);
    HR_CSR_WRITE(pmpaddr1, job.text_start >> 2);
    HR_CSR_WRITE(pmpaddr2, job.text_end >> 2);
    HR_CSR_WRITE(pmpaddr3, job.ram_end >> 2);
    HR_CSR_WRITE(pmpcfg0, HR_PMP_GUEST);
    HR_CSR_WRITE(mstatus, HR_MSTATUS_TW);
    HR_CSR_WRITE(mepc, job.entry_pc);
}

/* Handles a trap of the guest; returns if it goes on after the ecall. */
void hr_shim_trap(const uint32_t registers[HR_REGISTERS]) {
    const uint32_t cause = HR_CSR_READ(mcause);
    if (cause != HR_CAUSE_ECALL_FROM_USER) hr_report(HR_KIND_TRAP, cause, HR_CSR_READ(mtval));
    calls++;
    const uint32_t number = registers[HR_A7], a0 = registers[HR_A0];
    if (number != HR_ECALL_EXIT) {
        hr_transfer(number, a0, registers[HR_A1]);
        return;
    }
    /* No word was written twice, so as many as the last index says are all. */
    hr_report(output_words == output_end ? HR_KIND_EXIT : HR_KIND_OUTPUT_GAP, a0, a0);
}
