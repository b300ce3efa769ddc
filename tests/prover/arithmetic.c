/* The operations of vec.h and field_ext.h on arrays, for test_arithmetic.py. Extension elements are
 * planar, [3][n]; n is a multiple of 8. */
#include "field_ext.h"

#define OPERATION(name, expression)                                                                \
    HR_EXPORT void name(uint64_t *out, const uint64_t *left, const uint64_t *right, size_t n) {    \
        for (size_t i = 0; i < n; i += HR_V8_LANES) {                                              \
            [[maybe_unused]] const hr_v8 a = hr_v8_load(left + i), b = hr_v8_load(right + i);      \
            hr_v8_store(out + i, expression);                                                      \
        }                                                                                          \
    }

#define EXT_OPERATION(name, expression)                                                            \
    HR_EXPORT void name(uint64_t *out, const uint64_t *left, const uint64_t *right, size_t n) {    \
        for (size_t i = 0; i < n; i += HR_V8_LANES) {                                              \
            [[maybe_unused]] const hr_v8e a = hr_v8e_load(left, n, i);                             \
            [[maybe_unused]] const hr_v8e b = hr_v8e_load(right, n, i);                            \
            hr_v8e_store(out, n, i, expression);                                                   \
        }                                                                                          \
    }

OPERATION(add, hr_v8_add(a, b))
OPERATION(sub, hr_v8_sub(a, b))
OPERATION(mul, hr_v8_mul(a, b))
OPERATION(neg, hr_v8_neg(a))
OPERATION(mul_constant, hr_v8_mul_constant(a, HR_EXT_NONRESIDUE))

EXT_OPERATION(ext_add, hr_v8e_add(a, b))
EXT_OPERATION(ext_sub, hr_v8e_sub(a, b))
EXT_OPERATION(ext_mul, hr_v8e_mul(a, b))
EXT_OPERATION(ext_neg, hr_v8e_neg(a))
EXT_OPERATION(ext_add_base, hr_v8e_add_base(a, b.c[0]))
EXT_OPERATION(ext_sub_base, hr_v8e_sub_base(a, b.c[0]))
EXT_OPERATION(ext_mul_base, hr_v8e_mul_base(a, b.c[0]))
EXT_OPERATION(ext_from_base, hr_v8e_from_base(b.c[0]))

HR_EXPORT void transpose(uint64_t *square) {
    hr_v8 rows[HR_V8_LANES];
    for (int i = 0; i < HR_V8_LANES; i++) rows[i] = hr_v8_load(square + HR_V8_LANES * i);
    hr_v8_transpose(rows);
    for (int i = 0; i < HR_V8_LANES; i++) hr_v8_store(square + HR_V8_LANES * i, rows[i]);
}
