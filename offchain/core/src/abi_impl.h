/* Words and digests as L1 writes them. */
#ifndef HEADRACE_ABI_IMPL_H
#define HEADRACE_ABI_IMPL_H

#include "state_impl.h"

enum { HR_ABI_WORD_BYTES = 32 };

/* Reads a big-endian ABI word; false when it does not fit 64 bits. */
static bool hr_abi_u64(const uint8_t *record, uint32_t word, uint64_t *value) {
    const uint8_t *at = record + (size_t)HR_ABI_WORD_BYTES * word;
    *value = 0;
    for (uint32_t i = 24; i < HR_ABI_WORD_BYTES; i++) *value = *value << 8 | at[i];
    return hr_is_zero(at, 24);
}

/* The same for a value that must be below `limit`. */
static bool hr_abi_below(const uint8_t *record, uint32_t word, uint64_t limit, uint64_t *value) {
    return hr_abi_u64(record, word, value) && *value < limit;
}

/* Writes one. */
static void hr_abi_put(uint8_t *words, uint32_t word, uint64_t value) {
    uint8_t *end = words + (size_t)HR_ABI_WORD_BYTES * (word + 1);
    __builtin_memset(end - HR_ABI_WORD_BYTES, 0, HR_ABI_WORD_BYTES);
    for (; value; value >>= 8) *--end = (uint8_t)value;
}

static inline bool hr_bytes_equal(const uint8_t *a, const uint8_t *b, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any |= a[i] ^ b[i];
    return any == 0;
}

/* Digests in records are eight big-endian u32, one a word. */
static void hr_digest_to_words(uint64_t words[8], const uint8_t digest[32]) {
    for (int i = 0; i < 8; i++) {
        uint32_t four;
        __builtin_memcpy(&four, &digest[4 * i], sizeof four);
        words[i] = __builtin_bswap32(four);
    }
}

static void hr_digest_from_words(uint8_t digest[32], const uint64_t words[8]) {
    for (int i = 0; i < 8; i++) {
        const uint32_t four = __builtin_bswap32((uint32_t)words[i]);
        __builtin_memcpy(&digest[4 * i], &four, sizeof four);
    }
}

#endif
