/* Kernels of the protocol's later rounds: products, divisions, values in the base field.
 */
#ifndef HEADRACE_PROVER_POLYNOMIALS_H
#define HEADRACE_PROVER_POLYNOMIALS_H

#include "poly.h"

/* Out: out  [3][n] elementwise product of a and b, which may be out; n a multiple of 8 */
HR_EXPORT void hr_multiply_ext(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n) {
    for (size_t i = 0; i < n; i += HR_V8_LANES) {
        hr_v8e_store(out, n, i, hr_v8e_mul(hr_v8e_load(a, n, i), hr_v8e_load(b, n, i)));
    }
}

/* In/Out: values  [n], multiplied by factor; n a multiple of 8 */
HR_EXPORT void hr_scale(uint64_t *values, size_t n, uint64_t factor) {
    for (size_t i = 0; i < n; i += HR_V8_LANES) {
        hr_v8_store(values + i, hr_v8_mul_constant(hr_v8_load(values + i), factor));
    }
}

/* Quotient by X - point, without the remainder: q_(i-1) = f_i + point * q_i, from the top.
 * In:  coefficients  [3][n]
 * Out: quotient      [3][n]; the highest coefficient is 0
 */
HR_EXPORT void hr_divide_by_linear(uint64_t *quotient, const uint64_t *coefficients, size_t n,
                                   const uint64_t *point) {
    const hr_ext z = {{point[0], point[1], point[2]}};
    hr_ext carry = {{0}};
    for (size_t i = n; i-- > 0;) {
        hr_ext above = carry;
        carry = hr_ext_mul(carry, z);
        for (int c = 0; c < HR_EXT_DEGREE; c++) {
            carry.c[c] = hr_add(carry.c[c], coefficients[(size_t)c * n + i]);
            quotient[(size_t)c * n + i] = above.c[c];
        }
    }
}

/* Values of polynomials at one point of the base field.
 * In:  coefficients  [columns][n], n a multiple of 8
 * Out: values        [columns]
 */
HR_EXPORT void hr_evaluate_base(uint64_t *values, const uint64_t *coefficients, size_t columns,
                                size_t n, uint64_t point) {
    enum { HR_POWERS = 4096 };
    uint64_t powers[HR_POWERS];
    const size_t block = hr_min(HR_POWERS, n);
    hr_v8 power = hr_v8_geometric(1, point);
    const uint64_t step = hr_power(point, HR_V8_LANES);
    for (size_t i = 0; i < block; i += HR_V8_LANES) {
        hr_v8_store(powers + i, power);
        power = hr_v8_mul_constant(power, step);
    }
    const uint64_t block_step = hr_power(point, block);
    for (size_t column = 0; column < columns; column++) {
        uint64_t value = 0;
        for (size_t first = n; first > 0; first -= block) {
            const uint64_t *part = coefficients + column * n + first - block;
            hr_v8 sum = hr_v8_broadcast(0);
            for (size_t i = 0; i < block; i += HR_V8_LANES) {
                sum = hr_v8_add(sum, hr_v8_mul(hr_v8_load(part + i), hr_v8_load(powers + i)));
            }
            value = hr_mul(value, block_step);
            for (int lane = 0; lane < HR_V8_LANES; lane++) value = hr_add(value, sum[lane]);
        }
        values[column] = value;
    }
}

/* Coefficients of the polynomial whose roots are root, root * ratio, ..., `count` of them.
 * Out: coefficients  [count + 1], lowest first
 */
HR_EXPORT void hr_zerofier(uint64_t *coefficients, size_t count, uint64_t root, uint64_t ratio) {
    coefficients[0] = 1;
    uint64_t minus_root = HR_GOLDILOCKS_P - root;
    for (size_t degree = 0; degree < count; degree++) {
        coefficients[degree + 1] = coefficients[degree];
        for (size_t i = degree; i > 0; i--) {
            coefficients[i] = hr_add(coefficients[i - 1], hr_mul(minus_root, coefficients[i]));
        }
        coefficients[0] = hr_mul(minus_root, coefficients[0]);
        minus_root = hr_mul(minus_root, ratio);
    }
}

#endif
