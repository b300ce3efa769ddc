/* What the program of a batch asks of its machine: guest/batch.c on the zkVM, native/witness.c on
 * this one. */
#ifndef HEADRACE_BATCH_MACHINE_H
#define HEADRACE_BATCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Exit codes besides 0, none of which has a proof. */
enum {
    HR_EXIT_BAD_WITNESS = 2, /* what cannot be read; a tape that is too short is a trap */
    HR_EXIT_TRAP = 3,        /* a hint was wrong */
    HR_EXIT_OUT_OF_MEMORY = 4,
    HR_EXIT_MISSING_LEAF = 5,     /* the run reached a leaf that the witness lacks */
    HR_EXIT_REFUSED_ENVELOPE = 6, /* the transition refused an envelope as a whole */
    HR_EXIT_NOT_ONE_BATCH = 7,    /* not sealed, or not by the last envelope */
    HR_EXIT_LIMIT = 8,            /* more of something than a settlement takes */
};

[[noreturn]] static void hr_batch_exit(uint32_t code);

/* Reads the next words of the witness. */
static inline void hr_tape_read(uint32_t *words, size_t count);

/* Takes zeroed, 8-byte aligned memory; what is taken without another piece in between lies one
 * after the other. */
static void *hr_arena_take(size_t bytes);

/* Poseidon2 on 8 elements in place; ends the run if one is not below p. */
static inline void hr_batch_permute(uint64_t state[8]);

/* Replaces the first digest of a pair by the parent of both; likewise. The second has no meaning
 * then. */
static inline void hr_batch_compress(uint64_t pair[8]);
static inline void hr_batch_compress_two(uint64_t first[8], uint64_t second[8]);

#endif
