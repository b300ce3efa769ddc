/* Poseidon2 over Goldilocks, width 8, S-box x^7, 8 full and 22 partial rounds: the hash of the
 * state tree. Executable specification: offchain/spec/poseidon2.py. Constants and matrices are
 * those of HorizenLabs/poseidon2 (M4 of the paper, not Plonky3's MDSMat4).
 *
 * Preconditions: every element that is passed in is canonical (below p, see hr_is_canonical in
 * field.h); the caller checks words that come from outside. Every element that comes out is
 * canonical. Outputs may overlap inputs only where it is said.
 *
 * Unity build: include src/poseidon2_impl.h once for the functions, and, in native builds only,
 * native/poseidon2_x8.h for the batch forms. Guests define HR_GUEST before: theirs are ecalls.
 */
#ifndef HEADRACE_POSEIDON2_H
#define HEADRACE_POSEIDON2_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HR_POSEIDON2_WIDTH = 8,
    /* Words absorbed by one permutation of the sponge. */
    HR_POSEIDON2_RATE = 4,
    HR_DIGEST_ELEMENTS = 4,
    HR_DIGEST_BYTES = 32,
};

/* Four canonical elements. Serialised as 32 bytes, elements in order, each little-endian: on a
 * little-endian machine the bytes of the struct. */
typedef struct {
    uint64_t e[HR_DIGEST_ELEMENTS];
} hr_digest;

_Static_assert(sizeof(hr_digest) == HR_DIGEST_BYTES, "a digest has no padding");

/* Implementations of the batch forms; all give equal output. */
typedef enum {
    HR_HASH_PORTABLE = 0,
    HR_HASH_AVX2 = 1,
    HR_HASH_AVX512 = 2,
} hr_hash_backend;

/* Apply the permutation in place.
 * In/Out: s  8 elements
 */
static inline void hr_poseidon2_permute(uint64_t s[HR_POSEIDON2_WIDTH]);

/* hr_compress in place: apply the permutation and add the first 4 elements of before to those
 * after. In/Out: s  8 elements, two digests; then the digest of their parent, and 4 elements of
 * P(x)
 */
static inline void hr_poseidon2_compress(uint64_t s[HR_POSEIDON2_WIDTH]);

/* Hash two children into their parent: the first 4 elements of P(x) + x, x = l || r.
 * Out: out  digest of the parent; may be l or r
 * In:  l, r digests of the children
 */
static inline void hr_compress(hr_digest *out, const hr_digest *l, const hr_digest *r);

/* Halves of a word or an element, low first. */
typedef uint32_t __attribute__((may_alias)) hr_half;

/* Add a word to an element, mod p; in halves, which is what a machine of 32 bits has.
 * In/Out: element    canonical
 * In:     low, high  halves of any word
 * Returns: whether the word is p or more
 */
static inline bool hr_poseidon2_absorb(uint64_t *element, uint32_t low, uint32_t high);

/* Hash a leaf with a sponge of rate 4: the capacity starts as (domain, n_words, 0, 0), blocks of 4
 * words are added to the rate, the last one filled up with zeros; at least one permutation.
 * Out: out      digest; may lie in words
 * In:  domain   tag of the kind of leaf, canonical
 *      words    n_words canonical words, may be NULL if n_words is 0
 */
static inline void hr_hash_words(hr_digest *out, uint64_t domain, const uint64_t *words,
                                 uint32_t n_words);

/* hr_compress of n pairs.
 * Out: out    n digests; may be pairs itself, since out[i] is written after pairs[2i + 1] is read
 * In:  pairs  2n digests, left and right child adjacent
 */
static inline void hr_compress_many(hr_digest *out, const hr_digest *pairs, uint32_t n);

/* hr_hash_words of n leaves of one size under one domain.
 * Out: out      n digests, not overlapping words
 * In:  words    n leaves one after the other, n_words words each
 */
static inline void hr_hash_words_many(hr_digest *out, uint64_t domain, const uint64_t *words,
                                      uint32_t n_words, uint32_t n);

/* Choose the implementation of the batch forms, for tests and benchmarks; without a call the best
 * one of the machine is taken at first use.
 * Returns: whether the machine has it; if not, nothing changes
 */
static inline bool hr_hash_backend_set(int backend);

#endif
