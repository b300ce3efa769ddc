/* The extension F_p[x]/(x^3 - 7): 192 bits, from which all challenges are drawn.
 *
 * hr_ext is one element, hr_v8e eight of them. Arrays are planar: coefficient c of element i of an
 * array of n elements is word c * n + i. All coefficients are canonical.
 */
#ifndef HEADRACE_PROVER_FIELD_EXT_H
#define HEADRACE_PROVER_FIELD_EXT_H

#include "vec.h"

enum { HR_EXT_DEGREE = 3, HR_EXT_NONRESIDUE = 7 };

/* c[0] + c[1] x + c[2] x^2 */
typedef struct {
    uint64_t c[HR_EXT_DEGREE];
} hr_ext;

typedef struct {
    hr_v8 c[HR_EXT_DEGREE];
} hr_v8e;

/* Returns: elements i .. i + 7 of a planar array.
 * In: array   3 planes
 *     stride  words from plane to plane
 */
HR_INLINE hr_v8e hr_v8e_load(const uint64_t *array, size_t stride, size_t i) {
    return (hr_v8e){{hr_v8_load(array + i), hr_v8_load(array + stride + i),
                     hr_v8_load(array + 2 * stride + i)}};
}

/* Out: array  elements i .. i + 7 of a planar array */
HR_INLINE void hr_v8e_store(uint64_t *array, size_t stride, size_t i, hr_v8e x) {
    hr_v8_store(array + i, x.c[0]);
    hr_v8_store(array + stride + i, x.c[1]);
    hr_v8_store(array + 2 * stride + i, x.c[2]);
}

/* Returns: x in every lane. */
HR_INLINE hr_v8e hr_v8e_broadcast(hr_ext x) {
    return (hr_v8e){{hr_v8_broadcast(x.c[0]), hr_v8_broadcast(x.c[1]), hr_v8_broadcast(x.c[2])}};
}

/* Returns: the element of one lane. */
HR_INLINE hr_ext hr_v8e_lane(hr_v8e x, int lane) {
    return (hr_ext){{x.c[0][lane], x.c[1][lane], x.c[2][lane]}};
}

/* Returns: base-field elements as elements of the extension. */
HR_INLINE hr_v8e hr_v8e_from_base(hr_v8 x) {
    return (hr_v8e){{x}};
}

/* Returns: a + b. */
HR_INLINE hr_v8e hr_v8e_add(hr_v8e a, hr_v8e b) {
    return (hr_v8e){
        {hr_v8_add(a.c[0], b.c[0]), hr_v8_add(a.c[1], b.c[1]), hr_v8_add(a.c[2], b.c[2])}};
}

/* Returns: a - b. */
HR_INLINE hr_v8e hr_v8e_sub(hr_v8e a, hr_v8e b) {
    return (hr_v8e){
        {hr_v8_sub(a.c[0], b.c[0]), hr_v8_sub(a.c[1], b.c[1]), hr_v8_sub(a.c[2], b.c[2])}};
}

/* Returns: -a. */
HR_INLINE hr_v8e hr_v8e_neg(hr_v8e a) {
    return (hr_v8e){{hr_v8_neg(a.c[0]), hr_v8_neg(a.c[1]), hr_v8_neg(a.c[2])}};
}

/* Returns: a + b with b in the base field. */
HR_INLINE hr_v8e hr_v8e_add_base(hr_v8e a, hr_v8 b) {
    return (hr_v8e){{hr_v8_add(a.c[0], b), a.c[1], a.c[2]}};
}

/* Returns: a - b with b in the base field. */
HR_INLINE hr_v8e hr_v8e_sub_base(hr_v8e a, hr_v8 b) {
    return (hr_v8e){{hr_v8_sub(a.c[0], b), a.c[1], a.c[2]}};
}

/* Returns: a * b with b in the base field. */
HR_INLINE hr_v8e hr_v8e_mul_base(hr_v8e a, hr_v8 b) {
    return (hr_v8e){{hr_v8_mul(a.c[0], b), hr_v8_mul(a.c[1], b), hr_v8_mul(a.c[2], b)}};
}

/* Returns: 7 a, which is x^3 a. */
HR_INLINE hr_v8 hr_v8_mul_nonresidue(hr_v8 a) {
    return hr_v8_mul_constant(a, HR_EXT_NONRESIDUE);
}

/* Returns: a * b; six products by Karatsuba: a_i b_j + a_j b_i = (a_i + a_j)(b_i + b_j) - a_i b_i
 * - a_j b_j. */
HR_INLINE hr_v8e hr_v8e_mul(hr_v8e a, hr_v8e b) {
    const hr_v8 m0 = hr_v8_mul(a.c[0], b.c[0]);
    const hr_v8 m1 = hr_v8_mul(a.c[1], b.c[1]);
    const hr_v8 m2 = hr_v8_mul(a.c[2], b.c[2]);
    const hr_v8 m01 = hr_v8_mul(hr_v8_add(a.c[0], a.c[1]), hr_v8_add(b.c[0], b.c[1]));
    const hr_v8 m02 = hr_v8_mul(hr_v8_add(a.c[0], a.c[2]), hr_v8_add(b.c[0], b.c[2]));
    const hr_v8 m12 = hr_v8_mul(hr_v8_add(a.c[1], a.c[2]), hr_v8_add(b.c[1], b.c[2]));
    const hr_v8 x3 = hr_v8_sub(hr_v8_sub(m12, m1), m2);
    const hr_v8 x1 = hr_v8_sub(hr_v8_sub(m01, m0), m1);
    const hr_v8 x2 = hr_v8_sub(hr_v8_sub(m02, m0), m2);
    return (hr_v8e){{hr_v8_add(m0, hr_v8_mul_nonresidue(x3)),
                     hr_v8_add(x1, hr_v8_mul_nonresidue(m2)), hr_v8_add(x2, m1)}};
}

/* Returns: b with a * b = norm(a): the product of the two other conjugates of a.
 * Out: norm  in the base field; zero for a = 0 only
 */
HR_INLINE hr_v8e hr_v8e_conjugates(hr_v8e a, hr_v8 *norm) {
    const hr_v8 a1_x3 = hr_v8_mul_nonresidue(a.c[1]), a2_x3 = hr_v8_mul_nonresidue(a.c[2]);
    const hr_v8e b = {{
        hr_v8_sub(hr_v8_mul(a.c[0], a.c[0]), hr_v8_mul(a1_x3, a.c[2])),
        hr_v8_sub(hr_v8_mul(a2_x3, a.c[2]), hr_v8_mul(a.c[0], a.c[1])),
        hr_v8_sub(hr_v8_mul(a.c[1], a.c[1]), hr_v8_mul(a.c[0], a.c[2])),
    }};
    *norm = hr_v8_add(hr_v8_mul(a.c[0], b.c[0]),
                      hr_v8_add(hr_v8_mul(a2_x3, b.c[1]), hr_v8_mul(a1_x3, b.c[2])));
    return b;
}

/* Returns: a * b. */
static inline hr_ext hr_ext_mul(hr_ext a, hr_ext b) {
    return hr_v8e_lane(hr_v8e_mul(hr_v8e_broadcast(a), hr_v8e_broadcast(b)), 0);
}

/* Returns: start * ratio^lane. */
static inline hr_v8e hr_v8e_geometric(hr_ext start, hr_ext ratio) {
    hr_v8e series;
    for (int lane = 0; lane < HR_V8_LANES; lane++) {
        for (int c = 0; c < HR_EXT_DEGREE; c++) series.c[c][lane] = start.c[c];
        start = hr_ext_mul(start, ratio);
    }
    return series;
}

#endif
