/* What the generated evaluators of the tables work on; see offchain/prover/generate.py.
 *
 * A call covers all rows of one table, on one coset of the evaluation domain (quotient) or on the
 * trace domain (fractions). Rows are in natural order, so that the next row of the last is row 0.
 */
#ifndef HEADRACE_PROVER_EVALUATE_H
#define HEADRACE_PROVER_EVALUATE_H

#include "field_ext.h"

/* Columns of one table, and the challenges of the buses. */
typedef struct {
    const uint64_t *preprocessed; /* [columns][rows] */
    const uint64_t *main;         /* [columns][rows] */
    const uint64_t *aux;          /* [3 * extension columns][rows]; NULL for fractions */
    const uint64_t *periodic;     /* [periodic columns][period] */
    const uint64_t *powers;       /* [periodic powers of beta][3][period] */
    const hr_ext *constants;      /* constant powers of beta, in the table's order */
    const hr_ext *beta;           /* beta, beta^2, ... */
    hr_ext gamma;
    uint64_t rows; /* a multiple of 8, at least 64 */
} hr_rows;

/* Factors of the constraints, and where their sum goes. */
typedef struct {
    const hr_ext *alpha;             /* one power per constraint of the table */
    const uint64_t *row_factor;      /* [rows] Z_B / Z_H */
    const uint64_t *first_factor;    /* [rows] 1 / (Y - 1) */
    const uint64_t *terminal_factor; /* [rows] 1 / (Y - terminal row) */
    uint64_t *out;                   /* [3][rows] */
} hr_composition;

/* Returns: rows k + 1 .. k + 8 of a column. */
HR_INLINE hr_v8 hr_load_next(const uint64_t *column, size_t rows, size_t k) {
    if (k + HR_V8_LANES < rows) return hr_v8_load(column + k + 1);
    hr_v8 last;
    for (size_t lane = 0; lane < HR_V8_LANES; lane++) last[lane] = column[(k + 1 + lane) % rows];
    return last;
}

/* Products are calls: inlined by the hundred they would take minutes to compile, and the cost of a
 * call is small beside a product's twenty instructions. */
#define HR_CALLED static __attribute__((noinline, unused))

/* Returns: a * b. */
HR_CALLED hr_v8 hr_times(hr_v8 a, hr_v8 b) {
    return hr_v8_mul(a, b);
}

/* Returns: a * b. */
HR_CALLED hr_v8e hr_times_ext(hr_v8e a, hr_v8e b) {
    return hr_v8e_mul(a, b);
}

/* Returns: a * b with b in the base field. */
HR_CALLED hr_v8e hr_times_base(hr_v8e a, hr_v8 b) {
    return hr_v8e_mul_base(a, b);
}

/* Returns: gamma + bus, to which the fields of a fingerprint are added. */
HR_INLINE hr_v8e hr_fingerprint_start(const hr_rows *in, uint64_t bus) {
    return hr_v8e_add_base(hr_v8e_broadcast(in->gamma), hr_v8_broadcast(bus));
}

/* Returns: sum + beta^(i + 1) * value. */
HR_CALLED hr_v8e hr_fingerprint_add(hr_v8e sum, const hr_rows *in, size_t i, hr_v8 value) {
    return hr_v8e_add(sum, hr_v8e_mul_base(hr_v8e_broadcast(in->beta[i]), value));
}

/* Returns: sum + alpha^k * constraint. */
HR_CALLED hr_v8e hr_compose(hr_v8e sum, const hr_composition *to, size_t k, hr_v8 constraint) {
    return hr_v8e_add(sum, hr_v8e_mul_base(hr_v8e_broadcast(to->alpha[k]), constraint));
}

/* Returns: sum + alpha^k * constraint, for a constraint in the extension. */
HR_CALLED hr_v8e hr_compose_ext(hr_v8e sum, const hr_composition *to, size_t k, hr_v8e constraint) {
    return hr_v8e_add(sum, hr_v8e_mul(hr_v8e_broadcast(to->alpha[k]), constraint));
}

#endif
