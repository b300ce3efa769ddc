/* Eight Goldilocks elements as one vector: the type in which all kernels of the prover are written.
 *
 * The kernels are compiled three times, for AVX-512 (a vector is one register), for AVX2 (two) and
 * for any machine; the level is chosen at run time. Everything is exact integer arithmetic with one
 * result, so the levels agree to the byte.
 *
 * Every operand and every result is canonical, that is, below p = 2^64 - 2^32 + 1. With
 * epsilon = 2^64 mod p = 2^32 - 1, reduction rests on 2^96 = -1 (mod p).
 */
#ifndef HEADRACE_PROVER_VEC_H
#define HEADRACE_PROVER_VEC_H

#include <stddef.h>
#include <stdint.h>

#include "headrace/field.h"

enum { HR_V8_LANES = 8 };

/* What the libraries offer to Python. */
#define HR_EXPORT __attribute__((visibility("default")))
#define HR_INLINE static inline __attribute__((always_inline))

typedef uint64_t hr_v8 __attribute__((vector_size(HR_V8_LANES * sizeof(uint64_t))));

/* Returns: the 8 words at `source`, which needs no alignment. */
HR_INLINE hr_v8 hr_v8_load(const uint64_t *source) {
    hr_v8 x;
    __builtin_memcpy(&x, source, sizeof x);
    return x;
}

/* Out: target  the 8 words of x; needs no alignment */
HR_INLINE void hr_v8_store(uint64_t *target, hr_v8 x) {
    __builtin_memcpy(target, &x, sizeof x);
}

/* Returns: x in every lane. */
HR_INLINE hr_v8 hr_v8_broadcast(uint64_t x) {
    return (hr_v8){x, x, x, x, x, x, x, x};
}

/* Returns: a + b, as a - (p - b). */
HR_INLINE hr_v8 hr_v8_add(hr_v8 a, hr_v8 b) {
    const hr_v8 complement = HR_GOLDILOCKS_P - b; /* at most p, so a < complement is a borrow */
    return a - complement + ((hr_v8)(a < complement) & HR_GOLDILOCKS_P);
}

/* Returns: a - b. */
HR_INLINE hr_v8 hr_v8_sub(hr_v8 a, hr_v8 b) {
    return a - b + ((hr_v8)(a < b) & HR_GOLDILOCKS_P);
}

/* Returns: -a. */
HR_INLINE hr_v8 hr_v8_neg(hr_v8 a) {
    return (HR_GOLDILOCKS_P - a) & (hr_v8)(a != 0);
}

/* Returns: a * b, from the four products of halves; (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1, so no
 * middle sum overflows. Then word + 2^64 high = word - high_hi + epsilon high_lo: the last product
 * is at most 2^64 - 2^33 + 1, so that hr_v8_add ends below p for any word. */
HR_INLINE hr_v8 hr_v8_mul(hr_v8 a, hr_v8 b) {
    const hr_v8 a_lo = a & HR_GOLDILOCKS_EPSILON, a_hi = a >> 32;
    const hr_v8 b_lo = b & HR_GOLDILOCKS_EPSILON, b_hi = b >> 32;
    const hr_v8 low = a_lo * b_lo;
    const hr_v8 middle = a_hi * b_lo + (low >> 32);
    const hr_v8 middle2 = a_lo * b_hi + (middle & HR_GOLDILOCKS_EPSILON);
    const hr_v8 high = a_hi * b_hi + (middle >> 32) + (middle2 >> 32);
    const hr_v8 word = (middle2 << 32) | (low & HR_GOLDILOCKS_EPSILON);
    const hr_v8 folded = (high & HR_GOLDILOCKS_EPSILON) * HR_GOLDILOCKS_EPSILON;
    return hr_v8_add(hr_v8_sub(word, high >> 32), folded);
}

/* Returns: a * constant. A constant below 2^32 that the compiler sees costs half. */
HR_INLINE hr_v8 hr_v8_mul_constant(hr_v8 a, uint64_t constant) {
    return hr_v8_mul(a, hr_v8_broadcast(constant));
}

/* In/Out: rows  8 x 8 words; lane j of row i and lane i of row j change places */
HR_INLINE void hr_v8_transpose(hr_v8 rows[HR_V8_LANES]) {
    hr_v8 pairs[HR_V8_LANES], quads[HR_V8_LANES];
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = i; j < i + 2; j++) {
            quads[j] = __builtin_shufflevector(pairs[j], pairs[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            quads[j + 2] =
                __builtin_shufflevector(pairs[j], pairs[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = __builtin_shufflevector(quads[i], quads[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        rows[i + 4] = __builtin_shufflevector(quads[i], quads[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* One element, canonical in and out. */

/* Returns: a * b. */
HR_INLINE uint64_t hr_mul(uint64_t a, uint64_t b) {
    return hr_field_canonical(hr_field_mul(a, b));
}

/* Returns: a + b. */
HR_INLINE uint64_t hr_add(uint64_t a, uint64_t b) {
    return hr_field_canonical(hr_field_add(a, b));
}

/* Returns: base^exponent. */
static inline uint64_t hr_power(uint64_t base, uint64_t exponent) {
    uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = hr_mul(result, base);
        base = hr_mul(base, base);
    }
    return result;
}

/* Returns: 1/a, and 0 for 0, by Fermat. */
static inline uint64_t hr_inverse(uint64_t a) {
    return hr_power(a, HR_GOLDILOCKS_P - 2);
}

/* Returns: the generator of the subgroup of order 2^log_n that all of the prover uses.
 * In: log_n  at most 32
 */
static inline uint64_t hr_root_of_unity(uint32_t log_n) {
    enum { MULTIPLICATIVE_GENERATOR = 7 };
    return hr_power(MULTIPLICATIVE_GENERATOR, (HR_GOLDILOCKS_P - 1) >> log_n);
}

/* Returns: start * ratio^lane. */
static inline hr_v8 hr_v8_geometric(uint64_t start, uint64_t ratio) {
    hr_v8 series;
    for (int lane = 0; lane < HR_V8_LANES; lane++) {
        series[lane] = start;
        start = hr_mul(start, ratio);
    }
    return series;
}

#endif
