/* Number-theoretic transforms in natural order.
 *
 * A column of n = rows * width words is read as a matrix of that shape (Bailey's four steps):
 *   1. a transform of length `rows` down each matrix column, eight columns at a time,
 *   2. a twist by omega^(j k) for matrix column j and output row k,
 *   3. the transpose, while the eight columns are at hand,
 *   4. a transform of length `width` along each row, again eight at a time.
 * Both inner transforms are the same code on eight lanes, in cache; memory is passed over twice,
 * in whole cache lines. All tables have the size of one side, about sqrt(n), and are made anew for
 * each call.
 */
#ifndef HEADRACE_PROVER_NTT_H
#define HEADRACE_PROVER_NTT_H

#include <stdlib.h>

#include "vec.h"

enum {
    HR_NTT_LOG_MIN = 3,
    HR_NTT_LOG_MAX = 24,
    HR_NTT_LOG_TWO_SIDES = 6, /* from here on both sides have whole vectors */
    HR_CACHE_LINE_BYTES = 64,
};

/* The transform X_k = factor * out_ratio^k * sum_j in_ratio^j x_j omega^(jk). */
typedef struct {
    uint64_t omega; /* of order n */
    uint64_t factor;
    uint64_t in_ratio;
    uint64_t out_ratio;
} hr_ntt_form;

typedef struct {
    hr_ntt_form form;
    uint32_t log_rows, log_width;
    uint64_t *twiddles;    /* [rows / 2] see hr_ntt_fill_twiddles */
    uint64_t *row_scale;   /* [rows] in_ratio^(width * row) */
    uint64_t *out_scale;   /* [width] out_ratio^(rows * i) */
    uint64_t *twist_ratio; /* [rows] from eight columns to the next */
    hr_v8 *twist_first;    /* [rows] of the first eight columns */
    hr_v8 *twist;          /* [rows] of the eight columns at hand */
    hr_v8 *lanes;          /* [rows] the eight columns at hand */
    hr_v8 *transposed;     /* [n / 8] the rows between the two passes */
} hr_ntt_plan;

/* Returns: the lowest `bits` bits of x in reverse order. */
HR_INLINE uint32_t hr_bit_reverse(uint32_t x, uint32_t bits) {
    uint32_t reversed = 0;
    for (uint32_t i = 0; i < bits; i++) reversed |= ((x >> i) & 1) << (bits - 1 - i);
    return reversed;
}

/* Block b of every layer splits X^(2h) - t^2 into X^h - t and X^h + t with t = twiddles[b]; t is
 * independent of the transform's length, and t(s + b) = t(b) * root of order 4 s for b < s, s a
 * power of two. */
static void hr_ntt_fill_twiddles(uint64_t *twiddles, size_t count, uint64_t omega,
                                 uint32_t log_order) {
    twiddles[0] = 1;
    for (size_t s = 1, log_s = 0; s < count; s *= 2, log_s++) {
        const uint64_t root = hr_power(omega, UINT64_C(1) << (log_order - log_s - 2));
        for (size_t b = 0; b < s; b++) twiddles[s + b] = hr_mul(twiddles[b], root);
    }
}

/* Two layers of one block of which the first has no twiddle and the second none in its first half.
 * In/Out: a  4 * quarter vectors
 */
HR_INLINE void hr_ntt_first_block(hr_v8 *a, size_t quarter, uint64_t twiddle3) {
    const hr_v8 t3 = hr_v8_broadcast(twiddle3);
    for (size_t j = 0; j < quarter; j++) {
        const hr_v8 a0 = a[j], a1 = a[j + quarter], a2 = a[j + 2 * quarter];
        const hr_v8 a3 = a[j + 3 * quarter];
        const hr_v8 b0 = hr_v8_add(a0, a2), b2 = hr_v8_sub(a0, a2);
        const hr_v8 b1 = hr_v8_add(a1, a3), b3 = hr_v8_mul(hr_v8_sub(a1, a3), t3);
        a[j] = hr_v8_add(b0, b1);
        a[j + quarter] = hr_v8_sub(b0, b1);
        a[j + 2 * quarter] = hr_v8_add(b2, b3);
        a[j + 3 * quarter] = hr_v8_sub(b2, b3);
    }
}

/* Two layers of one block.
 * In:     twiddle1  of the block
 *         pair      of its two halves in the next layer
 * In/Out: a         4 * quarter vectors
 */
HR_INLINE void hr_ntt_block(hr_v8 *a, size_t quarter, uint64_t twiddle1, const uint64_t pair[2]) {
    const hr_v8 t1 = hr_v8_broadcast(twiddle1);
    const hr_v8 t2 = hr_v8_broadcast(pair[0]), t3 = hr_v8_broadcast(pair[1]);
    for (size_t j = 0; j < quarter; j++) {
        const hr_v8 a0 = a[j], a1 = a[j + quarter];
        const hr_v8 a2 = hr_v8_mul(a[j + 2 * quarter], t1);
        const hr_v8 a3 = hr_v8_mul(a[j + 3 * quarter], t1);
        const hr_v8 b0 = hr_v8_add(a0, a2), b2 = hr_v8_sub(a0, a2);
        const hr_v8 b1 = hr_v8_mul(hr_v8_add(a1, a3), t2);
        const hr_v8 b3 = hr_v8_mul(hr_v8_sub(a1, a3), t3);
        a[j] = hr_v8_add(b0, b1);
        a[j + quarter] = hr_v8_sub(b0, b1);
        a[j + 2 * quarter] = hr_v8_add(b2, b3);
        a[j + 3 * quarter] = hr_v8_sub(b2, b3);
    }
}

/* Eight transforms of length 2^log_m, one per lane, in place; output k is at bit-reversed k.
 * In: twiddles  at least 2^log_m / 2
 */
static void hr_ntt_lanes(hr_v8 *a, uint32_t log_m, const uint64_t *twiddles) {
    const size_t m = (size_t)1 << log_m;
    size_t blocks = 1;
    if (log_m % 2 != 0) {
        for (size_t j = 0; j < m / 2; j++) {
            const hr_v8 a0 = a[j], a1 = a[j + m / 2];
            a[j] = hr_v8_add(a0, a1);
            a[j + m / 2] = hr_v8_sub(a0, a1);
        }
        blocks = 2;
    }
    for (; blocks < m; blocks *= 4) {
        const size_t length = m / blocks;
        hr_ntt_first_block(a, length / 4, twiddles[1]);
        for (size_t b = 1; b < blocks; b++) {
            hr_ntt_block(a + b * length, length / 4, twiddles[b], twiddles + 2 * b);
        }
    }
}

/* Out: series  start * ratio^i for i < count */
static void hr_fill_geometric(uint64_t *series, size_t count, uint64_t start, uint64_t ratio) {
    for (size_t i = 0; i < count; i++) {
        series[i] = start;
        start = hr_mul(start, ratio);
    }
}

static void hr_ntt_plan_fill(hr_ntt_plan *plan) {
    const size_t rows = (size_t)1 << plan->log_rows, width = (size_t)1 << plan->log_width;
    const hr_ntt_form *form = &plan->form;
    hr_ntt_fill_twiddles(plan->twiddles, rows / 2, form->omega, plan->log_rows + plan->log_width);
    hr_fill_geometric(plan->row_scale, rows, 1, hr_power(form->in_ratio, width));
    hr_fill_geometric(plan->out_scale, width, 1, hr_power(form->out_ratio, rows));
    hr_fill_geometric(plan->twist_ratio, rows, hr_power(form->in_ratio, HR_V8_LANES),
                      hr_power(form->omega, HR_V8_LANES));
    uint64_t scale = form->factor, ratio = form->in_ratio;
    for (size_t row = 0; row < rows; row++) {
        plan->twist_first[row] = hr_v8_geometric(scale, ratio);
        scale = hr_mul(scale, form->out_ratio);
        ratio = hr_mul(ratio, form->omega);
    }
}

/* Returns: a block that holds all arrays of the plan, to be freed; NULL without memory. */
static void *hr_ntt_plan_new(hr_ntt_plan *plan, const hr_ntt_form *form, uint32_t log_n) {
    plan->form = *form;
    plan->log_width = log_n < HR_NTT_LOG_TWO_SIDES ? 0 : log_n / 2;
    plan->log_rows = log_n - plan->log_width;
    const size_t rows = (size_t)1 << plan->log_rows, n = (size_t)1 << log_n;
    /* Vectors: 3 tables of `rows` and n / 8. Words: half a table, two of `rows`, one of `width`,
     * which is at most `rows`. */
    const size_t vectors = 3 * rows + n / HR_V8_LANES, words = 4 * rows;
    hr_v8 *block =
        aligned_alloc(HR_CACHE_LINE_BYTES, vectors * sizeof(hr_v8) + words * sizeof(uint64_t));
    if (block == NULL) return NULL;
    plan->twist_first = block;
    plan->twist = block + rows;
    plan->lanes = block + 2 * rows;
    plan->transposed = block + 3 * rows;
    plan->twiddles = (uint64_t *)(block + vectors);
    plan->row_scale = plan->twiddles + rows;
    plan->twist_ratio = plan->row_scale + rows;
    plan->out_scale = plan->twist_ratio + rows;
    hr_ntt_plan_fill(plan);
    return block;
}

/* The bit-reversed order of eight vectors that are next to each other in natural order. */
static const uint32_t hr_reversed_octet[HR_V8_LANES] = {0, 4, 2, 6, 1, 5, 3, 7};

/* Steps 1 to 3 for the matrix columns `column` .. + 7. */
static void hr_ntt_down(const hr_ntt_plan *plan, const uint64_t *in, size_t n_in, size_t column) {
    const size_t rows = (size_t)1 << plan->log_rows, width = (size_t)1 << plan->log_width;
    const bool has_in_ratio = plan->form.in_ratio != 1;
    hr_v8 *lanes = plan->lanes;
    for (size_t row = 0; row < rows; row++) {
        const size_t i = row * width + column;
        hr_v8 x = i < n_in ? hr_v8_load(in + i) : (hr_v8){0};
        if (has_in_ratio) x = hr_v8_mul_constant(x, plan->row_scale[row]);
        lanes[row] = x;
    }
    hr_ntt_lanes(lanes, plan->log_rows, plan->twiddles);
    for (size_t row = 0; row < rows; row += HR_V8_LANES) {
        const hr_v8 *octet =
            lanes + hr_bit_reverse((uint32_t)(row / HR_V8_LANES), plan->log_rows - 3);
        hr_v8 square[HR_V8_LANES];
        for (size_t i = 0; i < HR_V8_LANES; i++) {
            hr_v8 *twist = &plan->twist[row + i];
            square[i] = hr_v8_mul(octet[hr_reversed_octet[i] * (rows / HR_V8_LANES)], *twist);
            *twist = hr_v8_mul_constant(*twist, plan->twist_ratio[row + i]);
        }
        hr_v8_transpose(square);
        hr_v8 *target = plan->transposed + (row / HR_V8_LANES) * width + column;
        for (size_t i = 0; i < HR_V8_LANES; i++) target[i] = square[i];
    }
}

/* Step 4 for the matrix rows `row` .. + 7. */
static void hr_ntt_along(const hr_ntt_plan *plan, uint64_t *out, size_t row) {
    const size_t rows = (size_t)1 << plan->log_rows, width = (size_t)1 << plan->log_width;
    const bool has_out_ratio = plan->form.out_ratio != 1;
    hr_v8 *lanes = plan->transposed + (row / HR_V8_LANES) * width;
    hr_ntt_lanes(lanes, plan->log_width, plan->twiddles);
    for (size_t k = 0; k < width; k += HR_V8_LANES) {
        const hr_v8 *octet =
            lanes + hr_bit_reverse((uint32_t)(k / HR_V8_LANES), plan->log_width - 3);
        for (size_t i = 0; i < HR_V8_LANES; i++) {
            hr_v8 x = octet[hr_reversed_octet[i] * (width / HR_V8_LANES)];
            if (has_out_ratio) x = hr_v8_mul_constant(x, plan->out_scale[k + i]);
            hr_v8_store(out + (k + i) * rows + row, x);
        }
    }
}

/* A column too short for two sides: one transform of which lane 0 counts. */
static void hr_ntt_short(const hr_ntt_plan *plan, uint64_t *out, const uint64_t *in, size_t n_in) {
    const uint32_t n = UINT32_C(1) << plan->log_rows;
    for (size_t j = 0; j < n; j++) {
        plan->lanes[j] = hr_v8_broadcast(j < n_in ? hr_mul(in[j], plan->row_scale[j]) : 0);
    }
    hr_ntt_lanes(plan->lanes, plan->log_rows, plan->twiddles);
    for (uint32_t k = 0; k < n; k++) {
        const hr_v8 x = plan->lanes[hr_bit_reverse(k, plan->log_rows)];
        out[k] = hr_mul(x[0], plan->twist_first[k][0]);
    }
}

static void hr_ntt_column(const hr_ntt_plan *plan, uint64_t *out, const uint64_t *in, size_t n_in) {
    if (plan->log_width == 0) {
        hr_ntt_short(plan, out, in, n_in);
        return;
    }
    const size_t rows = (size_t)1 << plan->log_rows, width = (size_t)1 << plan->log_width;
    for (size_t row = 0; row < rows; row++) plan->twist[row] = plan->twist_first[row];
    for (size_t column = 0; column < width; column += HR_V8_LANES) {
        hr_ntt_down(plan, in, n_in, column);
    }
    for (size_t row = 0; row < rows; row += HR_V8_LANES) hr_ntt_along(plan, out, row);
}

/* Transforms columns one by one.
 *
 * Returns: 0, or -1 without memory
 * In:  in     [columns][n_in], n_in a multiple of 8 and at most 2^log_n; the rest of a column is 0
 *      log_n  HR_NTT_LOG_MIN .. HR_NTT_LOG_MAX
 * Out: out    [columns][2^log_n]; may be `in` if n_in = 2^log_n
 */
static int hr_ntt_columns(uint64_t *out, const uint64_t *in, size_t columns, size_t n_in,
                          uint32_t log_n, const hr_ntt_form *form) {
    hr_ntt_plan plan;
    void *block = hr_ntt_plan_new(&plan, form, log_n);
    if (block == NULL) return -1;
    for (size_t i = 0; i < columns; i++) {
        hr_ntt_column(&plan, out + (i << log_n), in + i * n_in, n_in);
    }
    free(block);
    return 0;
}

/* Evaluations at shift * omega^i of polynomials given by n_in coefficients each. */
HR_EXPORT int hr_coset_ntt(uint64_t *out, const uint64_t *in, size_t columns, size_t n_in,
                           uint32_t log_n, uint64_t shift) {
    const hr_ntt_form form = {hr_root_of_unity(log_n), 1, shift, 1};
    return hr_ntt_columns(out, in, columns, n_in, log_n, &form);
}

/* Coefficients of the polynomials with given evaluations at shift * omega^i; shift is not 0. */
HR_EXPORT int hr_coset_intt(uint64_t *out, const uint64_t *in, size_t columns, uint32_t log_n,
                            uint64_t shift) {
    const hr_ntt_form form = {hr_inverse(hr_root_of_unity(log_n)), hr_inverse(UINT64_C(1) << log_n),
                              1, hr_inverse(shift)};
    return hr_ntt_columns(out, in, columns, (size_t)1 << log_n, log_n, &form);
}

#endif
