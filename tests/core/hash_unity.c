/* The hashes alone as a library with plain exported functions, for tests/core/test_poseidon2.py and
 * test_keccak.py. HR_TEST_GUEST leaves out what the guest does not have.
 */
#include "headrace/keccak.h"
#include "headrace/poseidon2.h"

#include "keccak_impl.h"
#include "poseidon2_impl.h"

void test_permute(uint64_t s[HR_POSEIDON2_WIDTH]) {
    hr_poseidon2_permute(s);
}

void test_compress(hr_digest *out, const hr_digest *l, const hr_digest *r) {
    hr_compress(out, l, r);
}

void test_hash_words(hr_digest *out, uint64_t domain, const uint64_t *words, uint32_t n_words) {
    hr_hash_words(out, domain, words, n_words);
}

bool test_is_canonical(uint64_t word) {
    return hr_is_canonical(word);
}

uint64_t test_field_mul_add(uint64_t a, uint64_t b, uint64_t c) {
    return hr_field_mul_add(a, b, c);
}

void test_keccak256(uint8_t out32[HR_KECCAK256_BYTES], const uint8_t *data, uint32_t len) {
    hr_keccak256(out32, data, len);
}

/* The same bytes in two updates, the first of `cut` bytes. */
void test_keccak256_split(uint8_t out32[HR_KECCAK256_BYTES], const uint8_t *data, uint32_t len,
                          uint32_t cut) {
    hr_keccak256_state state;
    hr_keccak256_init(&state);
    hr_keccak256_update(&state, data, cut);
    hr_keccak256_update(&state, data + cut, len - cut);
    hr_keccak256_final(&state, out32);
}

#ifndef HR_TEST_GUEST

#include "poseidon2_x8.h"

bool test_backend_set(int backend) {
    return hr_hash_backend_set(backend);
}

void test_compress_many(hr_digest *out, const hr_digest *pairs, uint32_t n) {
    hr_compress_many(out, pairs, n);
}

void test_hash_words_many(hr_digest *out, uint64_t domain, const uint64_t *words, uint32_t n_words,
                          uint32_t n) {
    hr_hash_words_many(out, domain, words, n_words, n);
}

#endif
