/* Exact products and quotients beyond 64 bits, for the rules of risk. The guest has no 128-bit
 * integers; where the compiler has them they only make small cases faster.
 * Bounds: docs/spec/risk.md. Products stay below 2^192; a quotient that does not fit 64 bits
 * saturates. */
#ifndef HEADRACE_WIDE_IMPL_H
#define HEADRACE_WIDE_IMPL_H

#include <stdbool.h>
#include <stdint.h>

enum { HR_WIDE_LIMBS = 6 };

/* An unsigned integer below 2^192. */
struct hr_wide {
    uint32_t limb[HR_WIDE_LIMBS]; /* lowest first */
};

enum hr_rounding { HR_ROUND_DOWN, HR_ROUND_UP }; /* towards minus, towards plus infinity */

static inline struct hr_wide hr_wide_of(uint64_t a) {
    return (struct hr_wide){{(uint32_t)a, (uint32_t)(a >> 32)}};
}

/* a * b; the caller knows that it is below 2^192. */
static inline struct hr_wide hr_wide_mul(struct hr_wide a, uint64_t b) {
    struct hr_wide product = {{0}};
    for (uint32_t j = 0; j < 2; j++) {
        const uint64_t half = (uint32_t)(b >> (32 * j));
        uint64_t carry = 0;
        for (uint32_t i = 0; half && i + j < HR_WIDE_LIMBS; i++) {
            carry +=
                half * a.limb[i] + product.limb[i + j]; /* at most (2^32 - 1) 2^32 + 2^32 - 1 */
            product.limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return product;
}

static inline struct hr_wide hr_wide_add(struct hr_wide a, struct hr_wide b) {
    uint64_t carry = 0;
    for (uint32_t i = 0; i < HR_WIDE_LIMBS; i++) {
        carry += (uint64_t)a.limb[i] + b.limb[i];
        a.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return a;
}

/* a - b for a >= b. */
static inline struct hr_wide hr_wide_sub(struct hr_wide a, struct hr_wide b) {
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < HR_WIDE_LIMBS; i++) {
        const uint64_t difference = (uint64_t)a.limb[i] - b.limb[i] - borrow;
        a.limb[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return a;
}

/* Returns: -1, 0 or 1 as a is below, equal to or above b. */
static inline int hr_wide_compare(struct hr_wide a, struct hr_wide b) {
    for (uint32_t i = HR_WIDE_LIMBS; i-- > 0;)
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i] ? -1 : 1;
    return 0;
}

static inline bool hr_wide_is_zero(struct hr_wide a) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < HR_WIDE_LIMBS; i++) any |= a.limb[i];
    return any == 0;
}

/* The number itself, or UINT64_MAX when it is larger. */
static inline uint64_t hr_wide_saturate(struct hr_wide a) {
    uint32_t high = 0;
    for (uint32_t i = 2; i < HR_WIDE_LIMBS; i++) high |= a.limb[i];
    return high ? UINT64_MAX : (uint64_t)a.limb[1] << 32 | a.limb[0];
}

struct hr_wide_quotient {
    struct hr_wide quotient, rest;
};

/* Division by one limb: school method, each step a quotient of 64 by 32 bits. */
static inline struct hr_wide_quotient hr_wide_div_limb(struct hr_wide n, uint32_t d) {
    struct hr_wide_quotient result = {{{0}}, {{0}}};
    uint64_t rest = 0;
    for (uint32_t i = HR_WIDE_LIMBS; i-- > 0;) {
        rest = rest << 32 | n.limb[i];
        if (rest < d) continue;
        result.quotient.limb[i] = (uint32_t)(rest / d);
        rest %= d;
    }
    result.rest = hr_wide_of(rest);
    return result;
}

/* One step of the long division: takes `digit` times v off u[0..limbs], where the digit may be one
 * too large. Returns: the right digit. */
static inline uint32_t hr_wide_div_step(uint32_t *u, const uint32_t *v, uint32_t limbs,
                                        uint32_t digit) {
    uint64_t carry = 0, borrow = 0;
    for (uint32_t i = 0; i <= limbs; i++) {
        carry += (uint64_t)digit * (i < limbs ? v[i] : 0);
        const uint64_t difference = (uint64_t)u[i] - (uint32_t)carry - borrow;
        u[i] = (uint32_t)difference;
        borrow = difference >> 63;
        carry >>= 32;
    }
    if (!borrow) return digit;
    carry = 0;
    for (uint32_t i = 0; i <= limbs; i++) {
        carry += (uint64_t)u[i] + (i < limbs ? v[i] : 0);
        u[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return digit - 1;
}

/* n / d for d > 0: Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D. */
static inline struct hr_wide_quotient hr_wide_div(struct hr_wide n, struct hr_wide d) {
    uint32_t limbs = HR_WIDE_LIMBS;
    while (limbs > 1 && d.limb[limbs - 1] == 0) limbs--;
    if (limbs == 1) return hr_wide_div_limb(n, d.limb[0]);
    const uint32_t shift = (uint32_t)__builtin_clz(d.limb[limbs - 1]);
    const struct hr_wide v = hr_wide_mul(d, 1ull << shift);
    uint32_t u[HR_WIDE_LIMBS + 1];
    for (uint32_t i = 0; i <= HR_WIDE_LIMBS; i++) {
        const uint64_t low = i > 0 ? n.limb[i - 1] : 0, high = i < HR_WIDE_LIMBS ? n.limb[i] : 0;
        u[i] = (uint32_t)((high << 32 | low) >> (32 - shift));
    }
    struct hr_wide_quotient result = {{{0}}, {{0}}};
    for (uint32_t j = HR_WIDE_LIMBS - limbs + 1; j-- > 0;) {
        const uint64_t top = (uint64_t)u[j + limbs] << 32 | u[j + limbs - 1];
        if (top < v.limb[limbs - 1]) continue; /* the digit is 0 */
        uint64_t digit = top / v.limb[limbs - 1], rest = top % v.limb[limbs - 1];
        while (digit >> 32 || digit * v.limb[limbs - 2] > (rest << 32 | u[j + limbs - 2])) {
            digit--;
            rest += v.limb[limbs - 1];
            if (rest >> 32) break;
        }
        result.quotient.limb[j] = hr_wide_div_step(&u[j], v.limb, limbs, (uint32_t)digit);
    }
    for (uint32_t i = 0; i < limbs; i++)
        result.rest.limb[i] = (uint32_t)(((uint64_t)u[i + 1] << 32 | u[i]) >> shift);
    return result;
}

/* The quotient of the rounding, saturated. */
static inline uint64_t hr_wide_div_rounded(struct hr_wide n, struct hr_wide d,
                                           enum hr_rounding rounding) {
    const struct hr_wide_quotient result = hr_wide_div(n, d);
    const uint64_t floor = hr_wide_saturate(result.quotient);
    const bool up = rounding == HR_ROUND_UP && !hr_wide_is_zero(result.rest);
    return up && floor != UINT64_MAX ? floor + 1 : floor;
}

/* a * b / d. */
static inline uint64_t hr_mul_div(uint64_t a, uint64_t b, uint64_t d, enum hr_rounding rounding) {
    uint64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) {
        const uint64_t floor = product / d;
        return floor + (rounding == HR_ROUND_UP && floor * d != product);
    }
#ifdef __SIZEOF_INT128__
    const unsigned __int128 n = (unsigned __int128)a * b, quotient = n / d;
    if (quotient >> 64) return UINT64_MAX;
    const uint64_t floor = (uint64_t)quotient;
    return floor + (rounding == HR_ROUND_UP && floor != UINT64_MAX && quotient * d != n);
#else
    return hr_wide_div_rounded(hr_wide_mul(hr_wide_of(a), b), hr_wide_of(d), rounding);
#endif
}

struct hr_quotient {
    uint64_t quotient, rest;
};

/* a * b / d and what is left, where the quotient fits. */
static inline struct hr_quotient hr_mul_div_rest(uint64_t a, uint64_t b, uint64_t d) {
    uint64_t product;
    if (!__builtin_mul_overflow(a, b, &product))
        return (struct hr_quotient){product / d, product % d};
#ifdef __SIZEOF_INT128__
    const unsigned __int128 n = (unsigned __int128)a * b;
    const uint64_t quotient = (uint64_t)(n / d);
    return (struct hr_quotient){quotient, (uint64_t)(n - (unsigned __int128)quotient * d)};
#else
    const struct hr_wide_quotient result =
        hr_wide_div(hr_wide_mul(hr_wide_of(a), b), hr_wide_of(d));
    return (struct hr_quotient){hr_wide_saturate(result.quotient), hr_wide_saturate(result.rest)};
#endif
}

/* a * b * c / (d * e). */
static inline uint64_t hr_mul3_div2(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                    enum hr_rounding rounding) {
    return hr_wide_div_rounded(hr_wide_mul(hr_wide_mul(hr_wide_of(a), b), c),
                               hr_wide_mul(hr_wide_of(d), e), rounding);
}

static inline enum hr_rounding hr_rounding_other(enum hr_rounding rounding) {
    return rounding == HR_ROUND_UP ? HR_ROUND_DOWN : HR_ROUND_UP;
}
static inline uint64_t hr_magnitude(int64_t a) {
    return a < 0 ? -(uint64_t)a : (uint64_t)a;
}

/* a * b / d with a signed a; the magnitude saturates at 2^63 - 1. */
static inline int64_t hr_mul_div_signed(int64_t a, uint64_t b, uint64_t d,
                                        enum hr_rounding rounding) {
    if (a < 0) rounding = hr_rounding_other(rounding);
    const uint64_t quotient = hr_mul_div(hr_magnitude(a), b, d, rounding);
    const int64_t magnitude = quotient > INT64_MAX ? INT64_MAX : (int64_t)quotient;
    return a < 0 ? -magnitude : magnitude;
}

/* A sum of terms of either sign, exact. */
struct hr_signed_sum {
    struct hr_wide plus, minus;
};

static inline void hr_sum_add_wide(struct hr_signed_sum *sum, bool is_negative,
                                   struct hr_wide magnitude) {
    struct hr_wide *part = is_negative ? &sum->minus : &sum->plus;
    *part = hr_wide_add(*part, magnitude);
}
static inline void hr_sum_add(struct hr_signed_sum *sum, int64_t term) {
    hr_sum_add_wide(sum, term < 0, hr_wide_of(hr_magnitude(term)));
}
static inline bool hr_sum_is_negative(const struct hr_signed_sum *sum) {
    return hr_wide_compare(sum->plus, sum->minus) < 0;
}
static inline struct hr_wide hr_sum_magnitude(const struct hr_signed_sum *sum) {
    return hr_sum_is_negative(sum) ? hr_wide_sub(sum->minus, sum->plus)
                                   : hr_wide_sub(sum->plus, sum->minus);
}

static inline int64_t hr_clamp(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

/* floor(a / d) of a signed a. */
static inline int64_t hr_div_floor(int64_t a, int64_t d) {
    return a / d - (a % d < 0);
}

/* Returns: -1, 0 or 1 as a * b is below, equal to or above c * d. In: b, d >= 0 */
static inline int hr_compare_products(int64_t a, int64_t b, int64_t c, int64_t d) {
#ifdef __SIZEOF_INT128__
    const __int128 left = (__int128)a * b, right = (__int128)c * d;
    return (left > right) - (left < right);
#else
    const bool left_is_negative = a < 0 && b != 0, right_is_negative = c < 0 && d != 0;
    if (left_is_negative != right_is_negative) return left_is_negative ? -1 : 1;
    const int magnitudes = hr_wide_compare(hr_wide_mul(hr_wide_of(hr_magnitude(a)), (uint64_t)b),
                                           hr_wide_mul(hr_wide_of(hr_magnitude(c)), (uint64_t)d));
    return left_is_negative ? -magnitudes : magnitudes;
#endif
}

#endif
