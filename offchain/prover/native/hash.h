/* Leaf and node hashes of the prover's Merkle trees, and proof-of-work, 8 messages at a time.
 *
 * A message is a sequence of 64-bit words, the first of which is its domain tag; a digest is 4
 * words. Words are bytes in big-endian order. The definitions of both suites are in
 * offchain/prover/hash_suites.py; the Poseidon2 suite takes canonical words only.
 */
#ifndef HEADRACE_PROVER_HASH_H
#define HEADRACE_PROVER_HASH_H

#include <stdint.h>
#include <string.h>

#include "keccak_x8.h"
#include "poseidon2_hash.h"
#include "vec.h"

/* The ASCII bytes HRleaf01, HRnode01, HRinje01 as numbers; all are below p. */
#define HR_TAG_LEAF   UINT64_C(0x48526c6561663031)
#define HR_TAG_NODE   UINT64_C(0x48526e6f64653031)
#define HR_TAG_INJECT UINT64_C(0x4852696e6a653031)

enum {
    HR_HASH_WORDS = 4,
    HR_HASH_BYTES = 32,
    HR_SALT_WORDS = 2,
    HR_KECCAK_RATE_WORDS = HR_KECCAK256_RATE_BYTES / 8,
};

typedef enum { HR_SUITE_KECCAK256 = 0, HR_SUITE_POSEIDON2 = 1 } hr_hash_suite;

/* 8 messages under way. Their words come in rows: one word of each message. */
typedef struct {
    _Alignas(64) uint64_t states[HR_KECCAK_LANES][HR_HASH_LANES];
    hr_hash_suite suite;
    /* Words absorbed since the last permutation, below the rate. */
    uint32_t filled;
} hr_hash_x8;

/* Hash n leaves: tag, salt, row.
 * Out: digests    n digests
 * In:  suite      hr_hash_suite
 *      columns    n_columns pointers to n words each; word k belongs to row k
 *      salts      2 words for each row, or NULL for leaves without salt
 */
HR_EXPORT void hr_leaf_digests(uint8_t *digests, int32_t suite, const uint64_t *const *columns,
                               uint32_t n_columns, uint64_t n, const uint64_t *salts);

/* Hash m pairs of children into their parents: tag, with keccak256 24 zero bytes, left, right and,
 * if there are any, row digests.
 * Out: parents      m digests, overlapping no input
 * In:  left, right  m digests each
 *      injected     m digests of the rows that enter at this layer, or NULL
 */
HR_EXPORT void hr_parent_digests(uint8_t *parents, int32_t suite, const uint8_t *left,
                                 const uint8_t *right, const uint8_t *injected, uint64_t m);

/* Find the first nonce that gives `bits` leading zero bits to the digest of prefix and nonce.
 * Returns: the smallest one in [start, start + count), or UINT64_MAX if there is none
 * In: prefix  n_words words (at least 1), the tag first
 *     bits    at most 64
 *     start   start + count + 7 does not overflow, and for Poseidon2 not exceed p
 */
HR_EXPORT uint64_t hr_grind(int32_t suite, const uint64_t *prefix, uint32_t n_words, uint32_t bits,
                            uint64_t start, uint64_t count);

static inline void hr_hash_permute(hr_hash_x8 *hash) {
    if (hash->suite == HR_SUITE_KECCAK256) {
        hr_keccak_f1600_x8(hash->states);
    } else {
        hr_poseidon2_permute_x8(hash->states);
    }
    hash->filled = 0;
}

/* In/Out: hash
 * In:     row  one word for each message
 */
static inline void hr_hash_absorb(hr_hash_x8 *hash, const uint64_t row[HR_HASH_LANES]) {
    uint64_t *state = hash->states[hash->filled];
    if (hash->suite == HR_SUITE_KECCAK256) {
        for (int lane = 0; lane < HR_HASH_LANES; lane++) {
            state[lane] ^= __builtin_bswap64(row[lane]);
        }
    } else {
        for (int lane = 0; lane < HR_HASH_LANES; lane++) {
            state[lane] = hr_poseidon2_add(state[lane], row[lane]);
        }
    }
    hash->filled++;
    if (hash->filled ==
        (hash->suite == HR_SUITE_KECCAK256 ? HR_KECCAK_RATE_WORDS : HR_POSEIDON2_RATE)) {
        hr_hash_permute(hash);
    }
}

/* Absorb one word that all messages share. */
static inline void hr_hash_absorb_common(hr_hash_x8 *hash, uint64_t word) {
    uint64_t row[HR_HASH_LANES];
    for (int lane = 0; lane < HR_HASH_LANES; lane++) {
        row[lane] = word;
    }
    hr_hash_absorb(hash, row);
}

/* Out: hash     8 messages that have only their tag yet
 * In:  n_words  words that will follow the tag
 */
static inline void hr_hash_begin(hr_hash_x8 *hash, hr_hash_suite suite, uint64_t tag,
                                 uint64_t n_words) {
    memset(hash, 0, sizeof *hash);
    hash->suite = suite;
    if (suite == HR_SUITE_KECCAK256) {
        hr_hash_absorb_common(hash, tag);
        return;
    }
    for (int lane = 0; lane < HR_HASH_LANES; lane++) {
        hash->states[HR_POSEIDON2_RATE][lane] = tag;
        hash->states[HR_POSEIDON2_RATE + 1][lane] = n_words;
    }
}

/* End the messages. The digests are the first 4 rows of the states: for keccak their bytes as they
 * stand, for Poseidon2 elements.
 */
static inline void hr_hash_end(hr_hash_x8 *hash) {
    if (hash->suite == HR_SUITE_KECCAK256) {
        for (int lane = 0; lane < HR_HASH_LANES; lane++) {
            hash->states[hash->filled][lane] ^= 0x01;
            hash->states[HR_KECCAK_RATE_WORDS - 1][lane] ^= UINT64_C(0x80) << 56;
        }
        hr_hash_permute(hash);
    } else if (hash->filled > 0) {
        hr_hash_permute(hash);
    }
}

/* Absorb one word of each of the first `count` messages; the others get zeros. */
static inline void hr_hash_absorb_some(hr_hash_x8 *hash, const uint64_t *words, uint32_t count) {
    uint64_t row[HR_HASH_LANES] = {0};
    memcpy(row, words, count * sizeof *words);
    hr_hash_absorb(hash, row);
}

/* Absorb `count` digests, one for each of the first messages. */
static inline void hr_hash_absorb_digests(hr_hash_x8 *hash, const uint8_t *digests,
                                          uint32_t count) {
    for (uint32_t i = 0; i < HR_HASH_WORDS; i++) {
        uint64_t row[HR_HASH_LANES] = {0};
        for (uint32_t lane = 0; lane < count; lane++) {
            uint64_t word;
            memcpy(&word, digests + lane * HR_HASH_BYTES + i * sizeof word, sizeof word);
            row[lane] = __builtin_bswap64(word);
        }
        hr_hash_absorb(hash, row);
    }
}

/* Returns: word i of the digest of an ended message, as a number */
static inline uint64_t hr_hash_word(const hr_hash_x8 *hash, uint32_t lane, uint32_t i) {
    const uint64_t word = hash->states[i][lane];
    return hash->suite == HR_SUITE_KECCAK256 ? __builtin_bswap64(word) : word;
}

/* Out: digests  those of the first `count` messages */
static inline void hr_hash_store(const hr_hash_x8 *hash, uint8_t *digests, uint32_t count) {
    for (uint32_t lane = 0; lane < count; lane++) {
        for (uint32_t i = 0; i < HR_HASH_WORDS; i++) {
            const uint64_t word = __builtin_bswap64(hr_hash_word(hash, lane, i));
            memcpy(digests + lane * HR_HASH_BYTES + i * sizeof word, &word, sizeof word);
        }
    }
}

/* Returns: how many of the n messages the pass that begins at message `first` takes */
static inline uint32_t hr_hash_count(uint64_t first, uint64_t n) {
    return n - first < HR_HASH_LANES ? (uint32_t)(n - first) : HR_HASH_LANES;
}

static inline void hr_hash_absorb_salts(hr_hash_x8 *hash, const uint64_t *salts, uint32_t count) {
    for (uint32_t i = 0; i < HR_SALT_WORDS; i++) {
        uint64_t row[HR_HASH_LANES] = {0};
        for (uint32_t lane = 0; lane < count; lane++) {
            row[lane] = salts[lane * HR_SALT_WORDS + i];
        }
        hr_hash_absorb(hash, row);
    }
}

void hr_leaf_digests(uint8_t *digests, int32_t suite, const uint64_t *const *columns,
                     uint32_t n_columns, uint64_t n, const uint64_t *salts) {
    const uint64_t n_words = n_columns + (salts ? HR_SALT_WORDS : 0);
    for (uint64_t first = 0; first < n; first += HR_HASH_LANES) {
        const uint32_t count = hr_hash_count(first, n);
        hr_hash_x8 hash;
        hr_hash_begin(&hash, (hr_hash_suite)suite, HR_TAG_LEAF, n_words);
        if (salts) {
            hr_hash_absorb_salts(&hash, salts + first * HR_SALT_WORDS, count);
        }
        for (uint32_t c = 0; c < n_columns; c++) {
            /* Each column is another page: what the next permutation absorbs is fetched during
             * this one. */
            if (c + HR_KECCAK_RATE_WORDS < n_columns) {
                __builtin_prefetch(columns[c + HR_KECCAK_RATE_WORDS] + first);
            }
            hr_hash_absorb_some(&hash, columns[c] + first, count);
        }
        hr_hash_end(&hash);
        hr_hash_store(&hash, digests + first * HR_HASH_BYTES, count);
    }
}

void hr_parent_digests(uint8_t *parents, int32_t suite, const uint8_t *left, const uint8_t *right,
                       const uint8_t *injected, uint64_t m) {
    const uint64_t tag = injected ? HR_TAG_INJECT : HR_TAG_NODE;
    const uint64_t n_words = (injected ? 3 : 2) * HR_HASH_WORDS;
    for (uint64_t first = 0; first < m; first += HR_HASH_LANES) {
        const uint32_t count = hr_hash_count(first, m);
        const uint64_t at = first * HR_HASH_BYTES;
        hr_hash_x8 hash;
        hr_hash_begin(&hash, (hr_hash_suite)suite, tag, n_words);
        if (suite == HR_SUITE_KECCAK256) {
            hash.filled = HR_HASH_WORDS;
        }
        hr_hash_absorb_digests(&hash, left + at, count);
        hr_hash_absorb_digests(&hash, right + at, count);
        if (injected) {
            hr_hash_absorb_digests(&hash, injected + at, count);
        }
        hr_hash_end(&hash);
        hr_hash_store(&hash, parents + at, count);
    }
}

uint64_t hr_grind(int32_t suite, const uint64_t *prefix, uint32_t n_words, uint32_t bits,
                  uint64_t start, uint64_t count) {
    hr_hash_x8 begun;
    hr_hash_begin(&begun, (hr_hash_suite)suite, prefix[0], n_words);
    for (uint32_t i = 1; i < n_words; i++) {
        hr_hash_absorb_common(&begun, prefix[i]);
    }
    for (uint64_t tried = 0; tried < count; tried += HR_HASH_LANES) {
        hr_hash_x8 hash = begun;
        uint64_t nonces[HR_HASH_LANES];
        for (uint32_t lane = 0; lane < HR_HASH_LANES; lane++) {
            nonces[lane] = start + tried + lane;
        }
        hr_hash_absorb(&hash, nonces);
        hr_hash_end(&hash);
        for (uint32_t lane = 0; lane < hr_hash_count(tried, count); lane++) {
            if (bits == 0 || hr_hash_word(&hash, lane, 0) >> (64 - bits) == 0) {
                return nonces[lane];
            }
        }
    }
    return UINT64_MAX;
}

#endif
