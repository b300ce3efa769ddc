/* Portable Poseidon2: that of single hashes, and the fall-back of the batch forms. A guest asks the
 * machine. API: headrace/poseidon2.h. Between rounds elements are lazy (any uint64_t).
 */
#ifndef HEADRACE_POSEIDON2_IMPL_H
#define HEADRACE_POSEIDON2_IMPL_H

#include "headrace/field.h"
#include "headrace/poseidon2.h"

#ifdef HR_GUEST
#include "../guest/guest_io.h"
#else
#include "poseidon2_constants.h"
#endif

/* Canonical sum of two canonical elements. */
static inline uint64_t hr_poseidon2_add(uint64_t a, uint64_t b) {
    return hr_field_canonical(hr_field_add(a, b));
}

#ifdef HR_GUEST

static inline void hr_poseidon2_permute(uint64_t s[HR_POSEIDON2_WIDTH]) {
    hr_guest_poseidon2(s);
}

static inline void hr_poseidon2_compress(uint64_t s[HR_POSEIDON2_WIDTH]) {
    hr_guest_poseidon2_compress(s);
}

#else

static inline uint64_t hr_poseidon2_sbox(uint64_t x) {
    const uint64_t x2 = hr_field_mul(x, x);
    const uint64_t x3 = hr_field_mul(x2, x);
    const uint64_t x4 = hr_field_mul(x2, x2);
    return hr_field_mul(x3, x4);
}

/* Multiply 4 plain integers by M4 = (5 7 1 3 / 4 6 1 1 / 1 3 5 7 / 1 1 4 6), the addition chain of
 * the paper (5.1). The largest row sum is 16. */
static inline void hr_poseidon2_m4(uint64_t x[4]) {
    const uint64_t t0 = x[0] + x[1];
    const uint64_t t1 = x[2] + x[3];
    const uint64_t t2 = 2 * x[1] + t1;
    const uint64_t t3 = 2 * x[3] + t0;
    const uint64_t t4 = 4 * t1 + t3;
    const uint64_t t5 = 4 * t0 + t2;
    x[0] = t3 + t5;
    x[1] = t5;
    x[2] = t2 + t4;
    x[3] = t4;
}

/* Multiply 8 plain integers below 2^32 by circ(2 M4, M4): results below 3 * 16 * 2^32 < 2^38. */
static inline void hr_poseidon2_external_integers(uint64_t x[HR_POSEIDON2_WIDTH]) {
    hr_poseidon2_m4(x);
    hr_poseidon2_m4(x + 4);
    for (int i = 0; i < 4; i++) {
        const uint64_t column_sum = x[i] + x[i + 4];
        x[i] += column_sum;
        x[i + 4] += column_sum;
    }
}

/* The matrix has small entries: taken on 32-bit halves, nothing is reduced before the end. */
static inline void hr_poseidon2_external_layer(uint64_t s[HR_POSEIDON2_WIDTH]) {
    uint64_t lo[HR_POSEIDON2_WIDTH], hi[HR_POSEIDON2_WIDTH];
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        lo[i] = s[i] & HR_GOLDILOCKS_EPSILON;
        hi[i] = s[i] >> 32;
    }
    hr_poseidon2_external_integers(lo);
    hr_poseidon2_external_integers(hi);
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        s[i] = hr_field_join_halves(lo[i], hi[i]);
    }
}

/* s_i = d_i s_i + sum of all s. Element 0 is added last: it alone waits for the S-box. */
static inline void hr_poseidon2_internal_layer(uint64_t s[HR_POSEIDON2_WIDTH]) {
    uint64_t lo = 0, hi = 0;
    for (int i = HR_POSEIDON2_WIDTH - 1; i >= 0; i--) {
        lo += s[i] & HR_GOLDILOCKS_EPSILON;
        hi += s[i] >> 32;
    }
    const uint64_t sum = hr_field_join_halves(lo, hi);
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        s[i] = hr_field_mul_add(s[i], hr_poseidon2_diag_minus_1[i], sum);
    }
}

static inline void hr_poseidon2_full_rounds(uint64_t s[HR_POSEIDON2_WIDTH], int first) {
    for (int round = first; round < first + HR_POSEIDON2_HALF_FULL_ROUNDS; round++) {
        for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
            s[i] = hr_poseidon2_sbox(hr_field_add(s[i], hr_poseidon2_rc_external[round][i]));
        }
        hr_poseidon2_external_layer(s);
    }
}

static inline void hr_poseidon2_permute(uint64_t s[HR_POSEIDON2_WIDTH]) {
    hr_poseidon2_external_layer(s);
    hr_poseidon2_full_rounds(s, 0);
    for (int round = 0; round < HR_POSEIDON2_PARTIAL_ROUNDS; round++) {
        s[0] = hr_poseidon2_sbox(hr_field_add(s[0], hr_poseidon2_rc_internal[round]));
        hr_poseidon2_internal_layer(s);
    }
    hr_poseidon2_full_rounds(s, HR_POSEIDON2_HALF_FULL_ROUNDS);
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        s[i] = hr_field_canonical(s[i]);
    }
}

static inline void hr_poseidon2_compress(uint64_t s[HR_POSEIDON2_WIDTH]) {
    uint64_t x[HR_DIGEST_ELEMENTS];
    for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) x[i] = s[i];
    hr_poseidon2_permute(s);
    for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) s[i] = hr_poseidon2_add(s[i], x[i]);
}

#endif

static inline void hr_compress(hr_digest *out, const hr_digest *l, const hr_digest *r) {
    uint64_t s[HR_POSEIDON2_WIDTH];
    for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
        s[i] = l->e[i];
        s[i + HR_DIGEST_ELEMENTS] = r->e[i];
    }
    hr_poseidon2_compress(s);
    for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
        out->e[i] = s[i];
    }
}

/* Adds a canonical element, given in halves, to another. */
static inline void hr_poseidon2_add_to(uint64_t *element, uint32_t low, uint32_t high) {
    hr_half *to = (hr_half *)element;
    const uint32_t sum_low = to[0] + low;
    const uint32_t more_high =
        high + (sum_low < low); /* below 2^32: low is 0 if high is all ones */
    const uint32_t sum_high = to[1] + more_high;
    bool is_reduced = sum_high >= more_high;
    if (__builtin_expect(sum_high == UINT32_MAX, 0)) is_reduced &= sum_low == 0;
    if (__builtin_expect(is_reduced, 1)) {
        to[0] = sum_low;
        to[1] = sum_high;
    } else { /* - p = + 2^32 - 1 mod 2^64 */
        to[0] = sum_low - 1;
        to[1] = sum_high + (sum_low != 0);
    }
}

static inline bool hr_poseidon2_absorb(uint64_t *element, uint32_t low, uint32_t high) {
    if ((low | high) == 0) return false; /* most words are */
    const bool is_large = __builtin_expect(high == UINT32_MAX, 0) && low != 0;
    if (is_large)
        hr_poseidon2_add_to(element, low - 1, 0); /* less p */
    else
        hr_poseidon2_add_to(element, low, high);
    return is_large;
}

static inline void hr_hash_words(hr_digest *out, uint64_t domain, const uint64_t *words,
                                 uint32_t n_words) {
    uint64_t s[HR_POSEIDON2_WIDTH] = {0, 0, 0, 0, domain, n_words, 0, 0};
    uint32_t left = n_words;
    do {
        const uint32_t block = left < HR_POSEIDON2_RATE ? left : HR_POSEIDON2_RATE;
        for (uint32_t i = 0; i < block; i++) {
            s[i] = hr_poseidon2_add(s[i], words[n_words - left + i]);
        }
        hr_poseidon2_permute(s);
        left -= block;
    } while (left > 0);
    for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
        out->e[i] = s[i];
    }
}

#endif
