/* Folding of the codeword that FRI tests. */
#ifndef HEADRACE_PROVER_FRI_H
#define HEADRACE_PROVER_FRI_H

#include "inverse.h"

enum { HR_FRI_LOG_ARITY_MAX = 4, HR_FRI_ARITY_MAX = 1 << HR_FRI_LOG_ARITY_MAX };

/* What a fold by 2^log_arity shares between all positions. */
typedef struct {
    uint32_t log_arity;
    /* Layer l halves g to g'(x^2) = (g(x) + g(-x)) / 2 + beta^(2^l) (g(x) - g(-x)) / (2 x). */
    hr_ext beta[HR_FRI_LOG_ARITY_MAX];
    /* 1 / x_t of the fractions t < arity / 2 of the domain; its squares serve the later layers */
    uint64_t inverse_root[HR_FRI_ARITY_MAX / 2];
    uint64_t inverse_arity;
} hr_fri_fold_plan;

static hr_fri_fold_plan hr_fri_fold_plan_new(uint32_t log_arity, const uint64_t *beta) {
    hr_fri_fold_plan plan = {.log_arity = log_arity,
                             .inverse_arity = hr_inverse(UINT64_C(1) << log_arity)};
    plan.beta[0] = (hr_ext){{beta[0], beta[1], beta[2]}};
    for (uint32_t l = 1; l < log_arity; l++) {
        plan.beta[l] = hr_ext_mul(plan.beta[l - 1], plan.beta[l - 1]);
    }
    const uint64_t root = hr_inverse(hr_root_of_unity(log_arity));
    uint64_t power = 1;
    for (uint32_t t = 0; t < (1u << log_arity) / 2; t++, power = hr_mul(power, root)) {
        plan.inverse_root[t] = power;
    }
    return plan;
}

/* Returns: the fold at eight positions.
 * In:     x_inverse  1/x of the first of the 2^log_arity points of each
 * In/Out: f          their values; overwritten
 */
HR_INLINE hr_v8e hr_fri_fold_positions(const hr_fri_fold_plan *plan, hr_v8e *f, hr_v8 x_inverse) {
    for (uint32_t l = 0; l < plan->log_arity; l++) {
        const hr_v8e beta = hr_v8e_broadcast(plan->beta[l]);
        const hr_v8e beta_over_x = hr_v8e_mul_base(beta, x_inverse);
        const uint32_t half = (1u << plan->log_arity) >> (l + 1);
        for (uint32_t t = 0; t < half; t++) {
            const hr_v8e sum = hr_v8e_add(f[t], f[t + half]);
            /* x_t = x root^(t 2^l): the table's entry t 2^l is the root's inverse. */
            const hr_v8e odd = hr_v8e_mul_base(hr_v8e_sub(f[t], f[t + half]),
                                               hr_v8_broadcast(plan->inverse_root[t << l]));
            f[t] = hr_v8e_add(sum, hr_v8e_mul(odd, beta_over_x));
        }
        x_inverse = hr_v8_mul(x_inverse, x_inverse);
    }
    return hr_v8e_mul_base(f[0], hr_v8_broadcast(plan->inverse_arity)); /* all halvings at once */
}

/* For f = sum_j x^j f_j(x^A), A = 2^log_arity, the values of sum_j beta^j f_j at y_i = x_i^A,
 * x_i = shift * omega^i with omega of order n.
 *
 * In:  codeword   [3][n], the values of f at x_i
 *      log_arity  1 .. HR_FRI_LOG_ARITY_MAX, with n / A a multiple of 8
 *      beta       [3]
 *      shift      not 0
 * Out: out        [3][n / A]
 */
HR_EXPORT void hr_fri_fold(uint64_t *out, const uint64_t *codeword, size_t n, uint32_t log_arity,
                           const uint64_t *beta, uint64_t shift) {
    const hr_fri_fold_plan plan = hr_fri_fold_plan_new(log_arity, beta);
    const uint32_t arity = 1u << log_arity;
    const size_t folded = n >> log_arity;
    const uint64_t omega_inverse = hr_inverse(hr_root_of_unity((uint32_t)__builtin_ctzll(n)));
    hr_v8 x_inverse = hr_v8_geometric(hr_inverse(shift), omega_inverse);
    const hr_v8 step = hr_v8_broadcast(hr_power(omega_inverse, HR_V8_LANES));
    for (size_t i = 0; i < folded; i += HR_V8_LANES) {
        hr_v8e f[HR_FRI_ARITY_MAX];
        for (uint32_t t = 0; t < arity; t++) f[t] = hr_v8e_load(codeword, n, i + t * folded);
        hr_v8e_store(out, folded, i, hr_fri_fold_positions(&plan, f, x_inverse));
        x_inverse = hr_v8_mul(x_inverse, step);
    }
}

#endif
