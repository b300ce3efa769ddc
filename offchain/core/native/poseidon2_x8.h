/* Batch forms of Poseidon2: 8 independent permutations at once, one per 64-bit lane. Native builds
 * only. API: headrace/poseidon2.h.
 *
 * One kernel, written on the compiler's vectors of 8 words and inlined into two entry points that
 * are compiled for AVX-512 and for AVX2 (each vector is then two registers). The entry point is
 * chosen at run time; other machines run the portable code. Vectors go by pointer, since passing
 * them by value would depend on the instruction set. Elements are lazy, as in headrace/field.h,
 * which gives the bounds of every step.
 */
#ifndef HEADRACE_POSEIDON2_X8_H
#define HEADRACE_POSEIDON2_X8_H

#include "poseidon2_impl.h"

enum { HR_LANES = 8 };

#if defined(__x86_64__)

#include <cpuid.h>

typedef uint64_t hr_lanes __attribute__((vector_size(HR_LANES * sizeof(uint64_t))));

#define HR_INLINE static inline __attribute__((always_inline))
/* Over the next loop, of 8 turns at most: the state stays in registers, and the 8 independent
 * S-boxes of a round overlap. */
#ifdef __clang__
#define HR_UNROLL _Pragma("clang loop unroll(full)")
#else
#define HR_UNROLL _Pragma("GCC unroll 8")
#endif

/* x + 2^32 - 1 in the lanes whose mask is all ones, x in the others. */
HR_INLINE void hr_lanes_add_epsilon(hr_lanes *x, const hr_lanes *mask) {
    *x += *mask & HR_GOLDILOCKS_EPSILON;
}

/* out = a * b + c for any words: the products of halves, then hr_field_reduce. The halves of c join
 * sums that have just that room: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1. */
HR_INLINE void hr_lanes_mul_add(hr_lanes *out, const hr_lanes *a, const hr_lanes *b,
                                const hr_lanes *c) {
    const hr_lanes a_lo = *a & HR_GOLDILOCKS_EPSILON, a_hi = *a >> 32;
    const hr_lanes b_lo = *b & HR_GOLDILOCKS_EPSILON, b_hi = *b >> 32;
    const hr_lanes low = a_lo * b_lo + (*c & HR_GOLDILOCKS_EPSILON);
    const hr_lanes middle = a_hi * b_lo + (low >> 32);
    const hr_lanes middle2 = a_lo * b_hi + (middle & HR_GOLDILOCKS_EPSILON) + (*c >> 32);
    const hr_lanes high = a_hi * b_hi + (middle >> 32) + (middle2 >> 32);
    const hr_lanes word = (middle2 << 32) | (low & HR_GOLDILOCKS_EPSILON);

    const hr_lanes high_hi = high >> 32;
    const hr_lanes folded = (high << 32) - (high & HR_GOLDILOCKS_EPSILON);
    const hr_lanes borrow = (hr_lanes)(word < high_hi);
    const hr_lanes difference = word - high_hi - (borrow & HR_GOLDILOCKS_EPSILON);
    *out = difference + folded;
    const hr_lanes carry = (hr_lanes)(*out < folded);
    hr_lanes_add_epsilon(out, &carry);
}

HR_INLINE void hr_lanes_mul(hr_lanes *out, const hr_lanes *a, const hr_lanes *b) {
    const hr_lanes zero = {0};
    hr_lanes_mul_add(out, a, b, &zero);
}

/* x += constant; canonical, so that one correction is enough. */
HR_INLINE void hr_lanes_add_constant(hr_lanes *x, uint64_t constant) {
    *x += constant;
    const hr_lanes carry = (hr_lanes)(*x < constant);
    hr_lanes_add_epsilon(x, &carry);
}

/* out = lo + 2^32 hi; lo and hi below 2^48. */
HR_INLINE void hr_lanes_join_halves(hr_lanes *out, const hr_lanes *lo, const hr_lanes *hi) {
    const hr_lanes top = *hi >> 32;
    const hr_lanes small = *lo + (top << 32) - top;
    *out = (*hi << 32) + small;
    const hr_lanes carry = (hr_lanes)(*out < small);
    hr_lanes_add_epsilon(out, &carry);
}

HR_INLINE void hr_lanes_canonical(hr_lanes *x) {
    const hr_lanes below = (hr_lanes)(*x < HR_GOLDILOCKS_P);
    *x -= ~below & HR_GOLDILOCKS_P;
}

HR_INLINE void hr_lanes_sbox(hr_lanes *x) {
    hr_lanes x2, x3, x4;
    hr_lanes_mul(&x2, x, x);
    hr_lanes_mul(&x3, &x2, x);
    hr_lanes_mul(&x4, &x2, &x2);
    hr_lanes_mul(x, &x3, &x4);
}

HR_INLINE void hr_lanes_m4(hr_lanes x[4]) {
    const hr_lanes t0 = x[0] + x[1];
    const hr_lanes t1 = x[2] + x[3];
    const hr_lanes t2 = x[1] + x[1] + t1;
    const hr_lanes t3 = x[3] + x[3] + t0;
    const hr_lanes t4 = (t1 << 2) + t3;
    const hr_lanes t5 = (t0 << 2) + t2;
    x[0] = t3 + t5;
    x[1] = t5;
    x[2] = t2 + t4;
    x[3] = t4;
}

HR_INLINE void hr_lanes_external_integers(hr_lanes x[HR_POSEIDON2_WIDTH]) {
    hr_lanes_m4(x);
    hr_lanes_m4(x + 4);
    HR_UNROLL
    for (int i = 0; i < 4; i++) {
        const hr_lanes column_sum = x[i] + x[i + 4];
        x[i] += column_sum;
        x[i + 4] += column_sum;
    }
}

HR_INLINE void hr_lanes_external_layer(hr_lanes s[HR_POSEIDON2_WIDTH]) {
    hr_lanes lo[HR_POSEIDON2_WIDTH], hi[HR_POSEIDON2_WIDTH];
    HR_UNROLL
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        lo[i] = s[i] & HR_GOLDILOCKS_EPSILON;
        hi[i] = s[i] >> 32;
    }
    hr_lanes_external_integers(lo);
    hr_lanes_external_integers(hi);
    HR_UNROLL
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        hr_lanes_join_halves(&s[i], &lo[i], &hi[i]);
    }
}

HR_INLINE void hr_lanes_internal_layer(hr_lanes s[HR_POSEIDON2_WIDTH]) {
    hr_lanes lo = {0}, hi = {0}, sum;
    HR_UNROLL
    for (int i = HR_POSEIDON2_WIDTH - 1; i >= 0; i--) {
        lo += s[i] & HR_GOLDILOCKS_EPSILON;
        hi += s[i] >> 32;
    }
    hr_lanes_join_halves(&sum, &lo, &hi);
    HR_UNROLL
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        const hr_lanes d = (hr_lanes){0} + hr_poseidon2_diag_minus_1[i];
        hr_lanes_mul_add(&s[i], &s[i], &d, &sum);
    }
}

HR_INLINE void hr_lanes_full_rounds(hr_lanes s[HR_POSEIDON2_WIDTH], int first) {
    for (int round = first; round < first + HR_POSEIDON2_HALF_FULL_ROUNDS; round++) {
        HR_UNROLL
        for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
            hr_lanes_add_constant(&s[i], hr_poseidon2_rc_external[round][i]);
            hr_lanes_sbox(&s[i]);
        }
        hr_lanes_external_layer(s);
    }
}

/* In/Out: state  8 states; element i of state j is state[i][j], canonical on return */
HR_INLINE void hr_lanes_permute(uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES]) {
    hr_lanes s[HR_POSEIDON2_WIDTH];
    HR_UNROLL
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        __builtin_memcpy(&s[i], state[i], sizeof(hr_lanes));
    }
    hr_lanes_external_layer(s);
    hr_lanes_full_rounds(s, 0);
    for (int round = 0; round < HR_POSEIDON2_PARTIAL_ROUNDS; round++) {
        hr_lanes_add_constant(&s[0], hr_poseidon2_rc_internal[round]);
        hr_lanes_sbox(&s[0]);
        hr_lanes_internal_layer(s);
    }
    hr_lanes_full_rounds(s, HR_POSEIDON2_HALF_FULL_ROUNDS);
    HR_UNROLL
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        hr_lanes_canonical(&s[i]);
        __builtin_memcpy(state[i], &s[i], sizeof(hr_lanes));
    }
}

static __attribute__((target("avx2"))) void
hr_permute_x8_avx2(uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES]) {
    hr_lanes_permute(state);
}

static __attribute__((target("avx512f"))) void
hr_permute_x8_avx512(uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES]) {
    hr_lanes_permute(state);
}

/* From how many hashes on a pass over all lanes beats single portable ones: a pass takes the time
 * of 2.4 portable permutations with AVX-512, of 4 to 5 with AVX2 (measured on Zen 5). */
static inline uint64_t hr_lanes_worthwhile(hr_hash_backend backend) {
    switch (backend) {
    case HR_HASH_AVX512: return 3;
    case HR_HASH_AVX2: return 5;
    default: return UINT64_MAX;
    }
}

HR_INLINE void hr_permute_x8(hr_hash_backend backend,
                             uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES]) {
    if (backend == HR_HASH_AVX512) {
        hr_permute_x8_avx512(state);
    } else {
        hr_permute_x8_avx2(state);
    }
}

/* hr_compress of n <= 8 pairs; lanes without a pair hash zeros. */
static inline void hr_compress_x8(hr_hash_backend backend, hr_digest *out, const hr_digest *pairs,
                                  uint32_t n) {
    uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES] = {0};
    uint64_t left[HR_DIGEST_ELEMENTS][HR_LANES] = {0};
    for (uint32_t lane = 0; lane < n; lane++) {
        for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
            left[i][lane] = state[i][lane] = pairs[2 * lane].e[i];
            state[i + HR_DIGEST_ELEMENTS][lane] = pairs[2 * lane + 1].e[i];
        }
    }
    hr_permute_x8(backend, state);
    for (uint32_t lane = 0; lane < n; lane++) {
        for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
            out[lane].e[i] = hr_poseidon2_add(state[i][lane], left[i][lane]);
        }
    }
}

/* hr_hash_words of n <= 8 leaves; lanes without a leaf hash zeros. */
static inline void hr_hash_words_x8(hr_hash_backend backend, hr_digest *out, uint64_t domain,
                                    const uint64_t *words, uint32_t n_words, uint32_t n) {
    uint64_t state[HR_POSEIDON2_WIDTH][HR_LANES] = {0};
    for (uint32_t lane = 0; lane < n; lane++) {
        state[HR_POSEIDON2_RATE][lane] = domain;
        state[HR_POSEIDON2_RATE + 1][lane] = n_words;
    }
    uint32_t left = n_words;
    do {
        const uint32_t block = left < HR_POSEIDON2_RATE ? left : HR_POSEIDON2_RATE;
        for (uint32_t lane = 0; lane < n; lane++) {
            const uint64_t *leaf = words + (uint64_t)lane * n_words;
            for (uint32_t i = 0; i < block; i++) {
                state[i][lane] = hr_poseidon2_add(state[i][lane], leaf[n_words - left + i]);
            }
        }
        hr_permute_x8(backend, state);
        left -= block;
    } while (left > 0);
    for (uint32_t lane = 0; lane < n; lane++) {
        for (int i = 0; i < HR_DIGEST_ELEMENTS; i++) {
            out[lane].e[i] = state[i][lane];
        }
    }
}

/* XCR0: which register files the operating system saves. */
static inline uint32_t hr_cpu_saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* By CPUID (Intel SDM 1, 14.3 and 15.2): clang as shipped in ziglang 0.17 folds
 * __builtin_cpu_supports to false. */
static inline hr_hash_backend hr_hash_backend_detect(void) {
    const uint32_t os_xsave = 1u << 27, avx2 = 1u << 5, avx512f = 1u << 16;
    const uint32_t saves_ymm = 0x06, saves_zmm = 0xe6;
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & os_xsave)) {
        return HR_HASH_PORTABLE;
    }
    const uint32_t saved = hr_cpu_saved_registers();
    if ((saved & saves_ymm) != saves_ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        !(b & avx2)) {
        return HR_HASH_PORTABLE;
    }
    return (b & avx512f) && (saved & saves_zmm) == saves_zmm ? HR_HASH_AVX512 : HR_HASH_AVX2;
}

#else

static inline hr_hash_backend hr_hash_backend_detect(void) {
    return HR_HASH_PORTABLE;
}

#endif

/* The chosen hr_hash_backend, or -1 before the first use. Threads may race to the first use: they
 * store the same value. */
static int hr_hash_backend_chosen = -1;

static inline hr_hash_backend hr_hash_backend_get(void) {
    int backend = __atomic_load_n(&hr_hash_backend_chosen, __ATOMIC_RELAXED);
    if (backend < 0) {
        backend = (int)hr_hash_backend_detect();
        __atomic_store_n(&hr_hash_backend_chosen, backend, __ATOMIC_RELAXED);
    }
    return (hr_hash_backend)backend;
}

static inline bool hr_hash_backend_set(int backend) {
    if (backend < 0 || backend > (int)hr_hash_backend_detect()) {
        return false;
    }
    __atomic_store_n(&hr_hash_backend_chosen, backend, __ATOMIC_RELAXED);
    return true;
}

static inline void hr_compress_many(hr_digest *out, const hr_digest *pairs, uint32_t n) {
    uint32_t done = 0;
#if defined(__x86_64__)
    const hr_hash_backend backend = hr_hash_backend_get();
    while (n - done >= hr_lanes_worthwhile(backend)) {
        const uint32_t group = n - done < HR_LANES ? n - done : HR_LANES;
        hr_compress_x8(backend, out + done, pairs + 2 * (uint64_t)done, group);
        done += group;
    }
#endif
    for (; done < n; done++) {
        const hr_digest *pair = pairs + 2 * (uint64_t)done;
        hr_compress(out + done, pair, pair + 1);
    }
}

static inline void hr_hash_words_many(hr_digest *out, uint64_t domain, const uint64_t *words,
                                      uint32_t n_words, uint32_t n) {
    uint32_t done = 0;
#if defined(__x86_64__)
    const hr_hash_backend backend = hr_hash_backend_get();
    while (n - done >= hr_lanes_worthwhile(backend)) {
        const uint32_t group = n - done < HR_LANES ? n - done : HR_LANES;
        hr_hash_words_x8(backend, out + done, domain, words + (uint64_t)done * n_words, n_words,
                         group);
        done += group;
    }
#endif
    for (; done < n; done++) {
        hr_hash_words(out + done, domain, words + (uint64_t)done * n_words, n_words);
    }
}

#endif
