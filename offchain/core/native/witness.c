/* libheadrace_witness: the program of a batch on this machine. It finds the leaves that a run
 * reaches, and runs witnesses as the guest does. Unity build. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>

#include "witness.h"

/* Hashes are those of this machine, so they come before the guest's definitions. */
#include "../src/keccak_impl.h"
#include "../src/poseidon2_impl.h"

#define HR_GUEST
#define HR_BATCH
#include "../guest/batch_machine.h"
#include "../guest/batch_impl.h"

enum { HR_EXIT_TAPE_ENDS = 1 }; /* a trap of the guest's machine */

/* Address space for directories and leaves; memory is committed as it is used. */
static const size_t hr_arena_bytes = (size_t)4 << 30;

struct hr_finder {
    hr_leaf_reader *read;
    struct hr_core *from;
    uint32_t (*found)[2]; /* subtree, leaf */
    uint32_t count, capacity;
};

/* The run of this thread: the guest's program knows only one. */
static _Thread_local struct {
    jmp_buf exit;
    uint8_t *arena;
    size_t arena_used;
    const uint32_t *tape;
    size_t tape_words;
    struct hr_batch *batch;
    struct hr_finder *finder; /* NULL: only the leaves of the witness */
} hr_run;

static void hr_batch_exit(uint32_t code) {
    longjmp(hr_run.exit, (int)code);
}

static inline void hr_tape_read(uint32_t *words, size_t count) {
    if (count > hr_run.tape_words) hr_batch_exit(HR_EXIT_TAPE_ENDS);
    memcpy(words, hr_run.tape, count * sizeof *words);
    hr_run.tape += count;
    hr_run.tape_words -= count;
}

static void *hr_arena_take(size_t bytes) {
    const size_t rounded = (bytes + 7) & ~(size_t)7;
    if (rounded > hr_arena_bytes - hr_run.arena_used) hr_batch_exit(HR_EXIT_OUT_OF_MEMORY);
    void *at = hr_run.arena + hr_run.arena_used;
    hr_run.arena_used += rounded;
    return at;
}

static void hr_check_elements(const uint64_t state[8]) {
    for (uint32_t i = 0; i < HR_POSEIDON2_WIDTH; i++)
        if (!hr_is_canonical(state[i])) hr_batch_exit(HR_EXIT_BAD_WITNESS);
}

static inline void hr_batch_permute(uint64_t state[8]) {
    hr_check_elements(state);
    hr_poseidon2_permute(state);
}

static inline void hr_batch_compress(uint64_t pair[8]) {
    hr_check_elements(pair);
    hr_poseidon2_compress(pair);
}

static inline void hr_batch_compress_two(uint64_t first[8], uint64_t second[8]) {
    hr_batch_compress(first);
    hr_batch_compress(second);
}

static uint8_t *hr_leaf_missing(uint32_t subtree, uint32_t leaf) {
    struct hr_finder *finder = hr_run.finder;
    if (!finder || leaf >> hr_shapes[subtree].depth || finder->count == finder->capacity)
        hr_batch_exit(HR_EXIT_MISSING_LEAF);
    uint8_t *bytes = hr_arena_take(hr_shapes[subtree].leaf_bytes);
    finder->read(finder->from, subtree, leaf, bytes);
    hr_run.batch->core.stores[subtree].leaves[leaf] = bytes;
    finder->found[finder->count][0] = subtree;
    finder->found[finder->count++][1] = leaf;
    return bytes;
}

static bool hr_run_open(const uint32_t *tape, uint32_t words, struct hr_finder *finder) {
    hr_run.tape = tape;
    hr_run.tape_words = words;
    hr_run.finder = finder;
    hr_run.arena_used = 0;
    hr_run.arena = mmap(NULL, hr_arena_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return hr_run.arena != MAP_FAILED;
}

int32_t hr_witness_run(const uint32_t *tape, uint32_t words, uint32_t *output,
                       uint32_t *unread_words) {
    if (!hr_run_open(tape, words, NULL)) return HR_EXIT_OUT_OF_MEMORY;
    const int code = setjmp(hr_run.exit);
    if (code == 0) {
        hr_run.batch = hr_arena_take(sizeof *hr_run.batch);
        memset(output, 0, HR_OUTPUT_WORDS * sizeof *output);
        hr_batch_run(hr_run.batch, output);
    }
    *unread_words = (uint32_t)hr_run.tape_words;
    munmap(hr_run.arena, hr_arena_bytes);
    return code;
}

int32_t hr_witness_find(const struct hr_find *find, uint32_t *found, uint32_t *found_count) {
    struct hr_finder finder = {find->read, find->core, (uint32_t (*)[2])found, 0,
                               find->found_capacity};
    if (!hr_run_open(find->envelopes, find->envelope_words, &finder)) return HR_EXIT_OUT_OF_MEMORY;
    const int code = setjmp(hr_run.exit);
    if (code == 0) {
        struct hr_batch *b = hr_run.batch = hr_arena_take(sizeof *hr_run.batch);
        hr_batch_stores_open(&b->core);
        b->core.hints.tape = find->hints;
        b->core.hints.tape_count = find->hint_count;
        hr_batch_open(&b->core);
        while (hr_run.tape_words > 0) hr_batch_apply_next(b);
        hr_valuation_table(&b->core, &b->valuation);
    }
    *found_count = finder.count;
    munmap(hr_run.arena, hr_arena_bytes);
    return code;
}
