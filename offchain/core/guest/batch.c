/* The proven batch as a guest. Unity build; the program is batch_impl.h. */
#define HR_GUEST
#define HR_BATCH
#include "guest_io.h"
#include "memory.h"

#include "../src/keccak_impl.h"
#include "../src/poseidon2_impl.h"

#include "batch_machine.h"
#include "batch_impl.h"

extern uint8_t __heap_start[]; /* link.ld; page-aligned, and zero up to the end of RAM */
static uintptr_t hr_arena_next;

static void hr_batch_exit(uint32_t code) {
    hr_guest_exit(code);
}

static inline void hr_tape_read(uint32_t *words, size_t count) {
    hr_guest_read(words, count);
}

static void *hr_arena_take(size_t bytes) {
    const uintptr_t at = hr_arena_next;
    const size_t left = HR_GUEST_RAM_BASE + HR_GUEST_RAM_MAX_BYTES - at;
    const size_t rounded = (bytes + 7) & ~(size_t)7;
    if (rounded < bytes || rounded > left) hr_guest_exit(HR_EXIT_OUT_OF_MEMORY);
    hr_arena_next = at + rounded;
    return (void *)at;
}

/* The machine itself traps on an element that is not below p. */
static inline void hr_batch_permute(uint64_t state[8]) {
    hr_poseidon2_permute(state);
}

static inline void hr_batch_compress(uint64_t pair[8]) {
    hr_poseidon2_compress(pair);
}

static inline void hr_batch_compress_two(uint64_t first[8], uint64_t second[8]) {
    hr_guest_poseidon2_compress_two(first, second);
}

static uint8_t *hr_leaf_missing(uint32_t subtree, uint32_t leaf) {
    (void)subtree, (void)leaf;
    hr_guest_exit(HR_EXIT_MISSING_LEAF);
}

int hr_guest_main(void) {
    static struct hr_batch batch;
    static uint32_t words[HR_OUTPUT_WORDS];
    hr_arena_next = (uintptr_t)__heap_start;
    hr_batch_run(&batch, words);
    hr_guest_write(words, HR_OUTPUT_WORDS);
    return 0;
}
