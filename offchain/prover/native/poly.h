/* Kernels on many columns of coefficients at once: values outside the domain, random combinations,
 * running sums. Work goes block by block so that what all columns share stays in cache.
 */
#ifndef HEADRACE_PROVER_POLY_H
#define HEADRACE_PROVER_POLY_H

#include <stdlib.h>

#include "field_ext.h"

enum { HR_BLOCK = 512 /* elements; a block of the extension takes 12 KiB */ };

HR_INLINE size_t hr_min(size_t a, size_t b) {
    return a < b ? a : b;
}

HR_INLINE hr_ext hr_v8e_sum_of_lanes(hr_v8e x) {
    hr_ext sum = {{0}};
    for (int lane = 0; lane < HR_V8_LANES; lane++) {
        for (int c = 0; c < HR_EXT_DEGREE; c++) sum.c[c] = hr_add(sum.c[c], x.c[c][lane]);
    }
    return sum;
}

/* sum += sum_i coefficients[i] * powers[i], lane by lane. */
HR_INLINE void hr_dot_product(hr_v8e *sum, const uint64_t *coefficients, const hr_v8e *powers,
                              size_t vectors) {
    hr_v8e total = *sum;
    for (size_t v = 0; v < vectors; v++) {
        const hr_v8 x = hr_v8_load(coefficients + v * HR_V8_LANES);
        total = hr_v8e_add(total, hr_v8e_mul_base(powers[v], x));
    }
    *sum = total;
}

/* Values of polynomials at one point of the extension.
 *
 * Returns: 0, or -1 without memory
 * In:  coefficients  [columns][n], n a multiple of 8
 *      point         [3]
 * Out: values        [columns][3]
 */
HR_EXPORT int hr_evaluate_ext(uint64_t *values, const uint64_t *coefficients, size_t columns,
                              size_t n, const uint64_t *point) {
    hr_v8e powers[HR_BLOCK / HR_V8_LANES];
    /* One more, since a request for nothing may return NULL. */
    hr_v8e *sums = aligned_alloc(sizeof(hr_v8), (columns + 1) * sizeof(hr_v8e));
    if (sums == NULL) return -1;
    for (size_t column = 0; column < columns; column++) sums[column] = (hr_v8e){0};

    const hr_ext z = {{point[0], point[1], point[2]}};
    hr_v8e power = hr_v8e_geometric((hr_ext){{1}}, z);
    const hr_v8e step = hr_v8e_broadcast(hr_ext_mul(hr_v8e_lane(power, HR_V8_LANES - 1), z));
    for (size_t first = 0; first < n; first += HR_BLOCK) {
        const size_t vectors = hr_min(HR_BLOCK, n - first) / HR_V8_LANES;
        for (size_t v = 0; v < vectors; v++) {
            powers[v] = power;
            power = hr_v8e_mul(power, step);
        }
        for (size_t column = 0; column < columns; column++) {
            hr_dot_product(&sums[column], coefficients + column * n + first, powers, vectors);
        }
    }
    for (size_t column = 0; column < columns; column++) {
        const hr_ext value = hr_v8e_sum_of_lanes(sums[column]);
        for (int c = 0; c < HR_EXT_DEGREE; c++) values[HR_EXT_DEGREE * column + c] = value.c[c];
    }
    free(sums);
    return 0;
}

/* out += sum over columns of weight * column.
 *
 * In:     columns_data  [columns][n], n a multiple of 8
 *         weights       [columns][3]
 * In/Out: out           [3][n]
 */
HR_EXPORT void hr_combine(uint64_t *out, const uint64_t *columns_data, size_t columns, size_t n,
                          const uint64_t *weights) {
    for (size_t first = 0; first < n; first += HR_BLOCK) {
        const size_t end = first + hr_min(HR_BLOCK, n - first);
        for (size_t column = 0; column < columns; column++) {
            const uint64_t *w = weights + HR_EXT_DEGREE * column;
            const hr_v8e weight = hr_v8e_broadcast((hr_ext){{w[0], w[1], w[2]}});
            for (size_t i = first; i < end; i += HR_V8_LANES) {
                const hr_v8 x = hr_v8_load(columns_data + column * n + i);
                const hr_v8e sum = hr_v8e_load(out, n, i);
                hr_v8e_store(out, n, i, hr_v8e_add(sum, hr_v8e_mul_base(weight, x)));
            }
        }
    }
}

/* out_i = sum of in_j over i <= j < count.
 *
 * In:  in     [3][n]
 *      count  at most n
 * Out: out    [3][n], of which only elements below count are written; may be `in`
 */
HR_EXPORT void hr_suffix_sum_ext(uint64_t *out, const uint64_t *in, size_t n, size_t count) {
    uint64_t sum[HR_EXT_DEGREE] = {0};
    for (size_t i = count; i-- > 0;) {
        for (size_t c = 0; c < HR_EXT_DEGREE; c++) {
            sum[c] = hr_add(sum[c], in[c * n + i]);
            out[c * n + i] = sum[c];
        }
    }
}

#endif
