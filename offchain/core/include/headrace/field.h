/* The Goldilocks field, p = 2^64 - 2^32 + 1.
 *
 * Arithmetic is lazy: an operand or a result is any uint64_t and stands for its residue mod p.
 * Only hr_field_canonical makes the one representative below p. What is hashed, stored or compared
 * is canonical; what is between two steps of one computation need not be.
 *
 * Reduction rests on 2^64 = 2^32 - 1 and 2^96 = -1 (mod p). All is branch-free in the source, but
 * the compiler may choose branches: not for secrets.
 */
#ifndef HEADRACE_FIELD_H
#define HEADRACE_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "constants.h"

/* 2^64 mod p = 2^32 - 1; also the mask of the low half of a word. */
#define HR_GOLDILOCKS_EPSILON UINT64_C(0xffffffff)

/* A product of 128 bits as two words. */
typedef struct {
    uint64_t lo;
    uint64_t hi;
} hr_u128;

/* Returns: whether x < p, the form in which alone a word may be hashed. */
static inline bool hr_is_canonical(uint64_t x) {
    return x < HR_GOLDILOCKS_P;
}

/* Returns: the representative of x below p. One subtraction is enough since 2^64 < 2p. */
static inline uint64_t hr_field_canonical(uint64_t x) {
    return x < HR_GOLDILOCKS_P ? x : x - HR_GOLDILOCKS_P;
}

/* Returns: a + b.
 * In: a  any word
 *     b  canonical: then a + b - 2^64 < p, so adding 2^32 - 1 after a carry cannot carry again
 */
static inline uint64_t hr_field_add(uint64_t a, uint64_t b) {
    const uint64_t sum = a + b;
    return sum < a ? sum + HR_GOLDILOCKS_EPSILON : sum;
}

/* Returns: the exact product of two words. */
static inline hr_u128 hr_mul_wide(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (hr_u128){.lo = (uint64_t)product, .hi = (uint64_t)(product >> 64)};
#else
    const uint32_t a_lo = (uint32_t)a, a_hi = (uint32_t)(a >> 32);
    const uint32_t b_lo = (uint32_t)b, b_hi = (uint32_t)(b >> 32);
    const uint64_t low = (uint64_t)a_lo * b_lo;
    /* (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1: neither middle sum overflows. */
    const uint64_t middle = (uint64_t)a_hi * b_lo + (low >> 32);
    const uint64_t middle2 = (uint64_t)a_lo * b_hi + (uint32_t)middle;
    return (hr_u128){.lo = (middle2 << 32) | (uint32_t)low,
                     .hi = (uint64_t)a_hi * b_hi + (middle >> 32) + (middle2 >> 32)};
#endif
}

/* Returns: lo + 2^64 hi mod p.
 * With hi = h1 2^32 + h0 the value is lo - h1 + (2^32 - 1) h0. After a borrow lo - h1 is at least
 * 2^64 - 2^32 + 1, and after a carry the sum is at most 2^64 - 2^33, so neither correction by
 * 2^32 - 1 wraps.
 */
static inline uint64_t hr_field_reduce(hr_u128 x) {
    const uint64_t high = x.hi >> 32;
    const uint64_t low = (x.hi << 32) - (x.hi & HR_GOLDILOCKS_EPSILON);
    uint64_t difference = x.lo - high;
    difference -= x.lo < high ? HR_GOLDILOCKS_EPSILON : 0;
    const uint64_t sum = difference + low;
    return sum < low ? sum + HR_GOLDILOCKS_EPSILON : sum;
}

/* Returns: a * b. In: a, b  any words */
static inline uint64_t hr_field_mul(uint64_t a, uint64_t b) {
    return hr_field_reduce(hr_mul_wide(a, b));
}

/* Returns: a * b + c. In: a, b, c  any words: (2^64 - 1)^2 + 2^64 - 1 < 2^128 */
static inline uint64_t hr_field_mul_add(uint64_t a, uint64_t b, uint64_t c) {
    hr_u128 product = hr_mul_wide(a, b);
    product.lo += c;
    product.hi += product.lo < c;
    return hr_field_reduce(product);
}

/* Returns: lo + 2^32 hi, to end a linear combination that was taken on the halves of words apart.
 * In: lo, hi  each below 2^48, so that lo + (2^32 - 1) (hi >> 32) < 2^49 and, after a carry, the
 *             correction by 2^32 - 1 cannot wrap
 */
static inline uint64_t hr_field_join_halves(uint64_t lo, uint64_t hi) {
    const uint64_t small = lo + (hi >> 32) * HR_GOLDILOCKS_EPSILON;
    const uint64_t sum = (hi << 32) + small;
    return sum < small ? sum + HR_GOLDILOCKS_EPSILON : sum;
}

#endif
