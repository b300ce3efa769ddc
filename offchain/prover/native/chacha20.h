/* Uniform field elements from a key: the ChaCha20 keystream of RFC 8439, sixteen blocks at a time.
 *
 * An element is the next little-endian word of 8 keystream bytes that is below p; others, one in
 * 2^32, are skipped. The nonce is the stream number, so that streams of one key are independent.
 */
#ifndef HEADRACE_PROVER_CHACHA20_H
#define HEADRACE_PROVER_CHACHA20_H

#include "vec.h"

enum {
    HR_CHACHA_WORDS = 16,
    HR_CHACHA_BLOCKS = 16, /* at a time */
    HR_CHACHA_DOUBLE_ROUNDS = 10,
    HR_CHACHA_KEY_BYTES = 32,
    HR_CHACHA_NONCE_BYTES = 12,
};

/* Word i of sixteen blocks. */
typedef uint32_t hr_chacha_lanes __attribute__((vector_size(HR_CHACHA_BLOCKS * sizeof(uint32_t))));

#define HR_CHACHA_ROTATE(x, bits) (((x) << (bits)) | ((x) >> (32 - (bits))))

/* RFC 8439, 2.1 */
static inline void hr_chacha_quarter_round(hr_chacha_lanes s[HR_CHACHA_WORDS], int a, int b, int c,
                                           int d) {
    s[a] += s[b], s[d] ^= s[a], s[d] = HR_CHACHA_ROTATE(s[d], 16);
    s[c] += s[d], s[b] ^= s[c], s[b] = HR_CHACHA_ROTATE(s[b], 12);
    s[a] += s[b], s[d] ^= s[a], s[d] = HR_CHACHA_ROTATE(s[d], 8);
    s[c] += s[d], s[b] ^= s[c], s[b] = HR_CHACHA_ROTATE(s[b], 7);
}

/* RFC 8439, 2.3, for the block counters counter .. counter + 15.
 *
 * In:  key        HR_CHACHA_KEY_BYTES
 *      nonce      HR_CHACHA_NONCE_BYTES
 * Out: keystream  HR_CHACHA_BLOCKS blocks of HR_CHACHA_WORDS words, one after the other
 */
HR_EXPORT void hr_chacha20(uint32_t *keystream, const uint8_t *key, const uint8_t *nonce,
                           uint32_t counter) {
    /* "expand 32-byte k" */
    uint32_t start[HR_CHACHA_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    __builtin_memcpy(start + 4, key, HR_CHACHA_KEY_BYTES);
    __builtin_memcpy(start + 13, nonce, HR_CHACHA_NONCE_BYTES);
    const hr_chacha_lanes zero = {0};
    const hr_chacha_lanes index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    hr_chacha_lanes s[HR_CHACHA_WORDS], initial[HR_CHACHA_WORDS];
    for (int i = 0; i < HR_CHACHA_WORDS; i++) initial[i] = zero + start[i];
    initial[12] = index + counter;
    for (int i = 0; i < HR_CHACHA_WORDS; i++) s[i] = initial[i];
    for (int round = 0; round < HR_CHACHA_DOUBLE_ROUNDS; round++) {
        hr_chacha_quarter_round(s, 0, 4, 8, 12);
        hr_chacha_quarter_round(s, 1, 5, 9, 13);
        hr_chacha_quarter_round(s, 2, 6, 10, 14);
        hr_chacha_quarter_round(s, 3, 7, 11, 15);
        hr_chacha_quarter_round(s, 0, 5, 10, 15);
        hr_chacha_quarter_round(s, 1, 6, 11, 12);
        hr_chacha_quarter_round(s, 2, 7, 8, 13);
        hr_chacha_quarter_round(s, 3, 4, 9, 14);
    }
    for (int i = 0; i < HR_CHACHA_WORDS; i++) {
        s[i] += initial[i];
        for (int block = 0; block < HR_CHACHA_BLOCKS; block++) {
            keystream[block * HR_CHACHA_WORDS + i] = s[i][block];
        }
    }
}

/* The first `count` elements of a stream; little-endian machines only, as is the whole prover.
 *
 * In:  key     HR_CHACHA_KEY_BYTES
 *      stream  the last 8 bytes of the nonce, little-endian; its first 4 are zero
 *      count   below 2^34, so that the 32-bit block counter, from 0, suffices
 * Out: out     [count]
 */
HR_EXPORT void hr_random_fill(uint64_t *out, size_t count, const uint8_t *key, uint64_t stream) {
    uint8_t nonce[HR_CHACHA_NONCE_BYTES] = {0};
    __builtin_memcpy(nonce + 4, &stream, sizeof stream);
    uint32_t keystream[HR_CHACHA_BLOCKS * HR_CHACHA_WORDS];
    const size_t words = HR_CHACHA_BLOCKS * HR_CHACHA_WORDS / 2;
    for (uint32_t counter = 0; count > 0; counter += HR_CHACHA_BLOCKS) {
        hr_chacha20(keystream, key, nonce, counter);
        for (size_t i = 0; i < words && count > 0; i++) {
            uint64_t word;
            __builtin_memcpy(&word, keystream + 2 * i, sizeof word);
            if (!hr_is_canonical(word)) continue;
            *out++ = word;
            count--;
        }
    }
}

#endif
