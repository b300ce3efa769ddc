/* Many inverses for the price of one (Montgomery's trick), on lanes and block by block.
 *
 * Zero has no inverse: it stays zero and is counted, so that the caller can tell a coincidence of
 * negligible probability from a bug.
 */
#ifndef HEADRACE_PROVER_INVERSE_H
#define HEADRACE_PROVER_INVERSE_H

#include "poly.h"

enum {
    HR_INVERSE_CHAINS = 4,   /* independent running products hide the multiplier's latency */
    HR_INVERSE_BLOCK = 4096, /* elements that share an exponentiation, a tenth of the time */
    HR_INVERSE_VECTORS = HR_INVERSE_BLOCK / HR_V8_LANES,
};

/* Returns: 1/a in every lane, 0 for 0, by Fermat. */
static inline hr_v8 hr_v8_inverse(hr_v8 a) {
    hr_v8 result = hr_v8_broadcast(1);
    for (uint64_t exponent = HR_GOLDILOCKS_P - 2; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = hr_v8_mul(result, a);
        a = hr_v8_mul(a, a);
    }
    return result;
}

/* chains[i] = 1/chains[i], none zero, with one exponentiation. */
HR_INLINE void hr_invert_chains(hr_v8 chains[HR_INVERSE_CHAINS]) {
    const hr_v8 product01 = hr_v8_mul(chains[0], chains[1]);
    const hr_v8 product23 = hr_v8_mul(chains[2], chains[3]);
    const hr_v8 inverse = hr_v8_inverse(hr_v8_mul(product01, product23));
    const hr_v8 inverse01 = hr_v8_mul(inverse, product23);
    const hr_v8 inverse23 = hr_v8_mul(inverse, product01);
    const hr_v8 c0 = chains[0], c2 = chains[2];
    chains[0] = hr_v8_mul(inverse01, chains[1]);
    chains[1] = hr_v8_mul(inverse01, c0);
    chains[2] = hr_v8_mul(inverse23, chains[3]);
    chains[3] = hr_v8_mul(inverse23, c2);
}

/* Returns: how many words were zero.
 * In/Out: words  8 * vectors, each replaced by its inverse; vectors at most HR_INVERSE_VECTORS
 */
static size_t hr_invert_block(uint64_t *words, size_t vectors) {
    hr_v8 before[HR_INVERSE_VECTORS]; /* the product of the chain before each vector */
    hr_v8 chains[HR_INVERSE_CHAINS], zeros = {0};
    for (size_t i = 0; i < HR_INVERSE_CHAINS; i++) chains[i] = hr_v8_broadcast(1);
    for (size_t v = 0; v < vectors; v++) {
        const hr_v8 x = hr_v8_load(words + v * HR_V8_LANES);
        const hr_v8 is_zero = (hr_v8)(x == 0) & 1;
        zeros += is_zero;
        before[v] = chains[v % HR_INVERSE_CHAINS];
        chains[v % HR_INVERSE_CHAINS] = hr_v8_mul(before[v], x + is_zero);
    }
    hr_invert_chains(chains);
    for (size_t v = vectors; v-- > 0;) {
        hr_v8 *chain = &chains[v % HR_INVERSE_CHAINS];
        const hr_v8 x = hr_v8_load(words + v * HR_V8_LANES);
        const hr_v8 is_zero = (hr_v8)(x == 0);
        hr_v8_store(words + v * HR_V8_LANES, hr_v8_mul(*chain, before[v]) & ~is_zero);
        *chain = hr_v8_mul(*chain, x + (is_zero & 1));
    }
    size_t count = 0;
    for (int lane = 0; lane < HR_V8_LANES; lane++) count += zeros[lane];
    return count;
}

/* Returns: how many words were zero.
 * In/Out: words  [n], n a multiple of 8
 */
HR_EXPORT size_t hr_batch_inverse(uint64_t *words, size_t n) {
    size_t zeros = 0;
    for (size_t first = 0; first < n; first += HR_INVERSE_BLOCK) {
        const size_t count = hr_min(HR_INVERSE_BLOCK, n - first);
        zeros += hr_invert_block(words + first, count / HR_V8_LANES);
    }
    return zeros;
}

/* Returns: how many elements were zero.
 * In:     stride  words from plane to plane
 *         count   a multiple of 8, at most HR_INVERSE_BLOCK
 * In/Out: planes  3 planes, of which the first `count` elements are inverted
 */
static size_t hr_invert_ext_block(uint64_t *planes, size_t stride, size_t count) {
    uint64_t norms[HR_INVERSE_BLOCK];
    for (size_t i = 0; i < count; i += HR_V8_LANES) {
        hr_v8 norm;
        const hr_v8e x = hr_v8e_load(planes, stride, i);
        hr_v8e_store(planes, stride, i, hr_v8e_conjugates(x, &norm));
        hr_v8_store(norms + i, norm);
    }
    const size_t zeros = hr_invert_block(norms, count / HR_V8_LANES);
    for (size_t i = 0; i < count; i += HR_V8_LANES) {
        const hr_v8e conjugates = hr_v8e_load(planes, stride, i);
        hr_v8e_store(planes, stride, i, hr_v8e_mul_base(conjugates, hr_v8_load(norms + i)));
    }
    return zeros;
}

/* Returns: how many elements were zero.
 * In/Out: planes  [3][n], n a multiple of 8
 */
HR_EXPORT size_t hr_batch_inverse_ext(uint64_t *planes, size_t n) {
    size_t zeros = 0;
    for (size_t first = 0; first < n; first += HR_INVERSE_BLOCK) {
        zeros += hr_invert_ext_block(planes + first, n, hr_min(HR_INVERSE_BLOCK, n - first));
    }
    return zeros;
}

#endif
