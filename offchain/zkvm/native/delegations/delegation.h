/* What a delegation is: an ecall that maps a fixed number of RAM words in place. */
#ifndef HR_ZKVM_DELEGATION_H
#define HR_ZKVM_DELEGATION_H

#include <stdint.h>

#include "../traps.h"

typedef struct {
    /* Number of the ecall (a7). */
    uint32_t code;
    /* Its length in words (a1), at most HR_DELEGATION_WORDS_MAX. */
    uint32_t words;
    /* In/Out: words  little-endian halves of 64-bit values, low half first
     * Returns: HR_TRAP_NONE, or why the words are not accepted, and then they are unchanged
     */
    hr_trap (*apply)(uint32_t *words);
} hr_delegation;

enum { HR_DELEGATION_WORDS_MAX = 64 };

/* Out: values  count values. In: words  2 count halves */
static inline void hr_join_halves(uint64_t *values, const uint32_t *words, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (uint64_t)words[2 * i + 1] << 32 | words[2 * i];
    }
}

/* Out: words  2 count halves. In: values  count values */
static inline void hr_split_halves(uint32_t *words, const uint64_t *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        words[2 * i] = (uint32_t)values[i];
        words[2 * i + 1] = (uint32_t)(values[i] >> 32);
    }
}

#endif
