/* The wide arithmetic and the settling of a position as a library with plain exported functions,
 * for tests/core/test_wide.py. */
#include <stddef.h>

#include "settle_impl.h"

uint64_t test_mul_div(uint64_t a, uint64_t b, uint64_t d, bool up) {
    return hr_mul_div(a, b, d, up ? HR_ROUND_UP : HR_ROUND_DOWN);
}

int64_t test_mul_div_signed(int64_t a, uint64_t b, uint64_t d, bool up) {
    return hr_mul_div_signed(a, b, d, up ? HR_ROUND_UP : HR_ROUND_DOWN);
}

uint64_t test_mul3_div2(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, bool up) {
    return hr_mul3_div2(a, b, c, d, e, up ? HR_ROUND_UP : HR_ROUND_DOWN);
}

int test_compare_products(int64_t a, int64_t b, int64_t c, int64_t d) {
    return hr_compare_products(a, b, c, d);
}

int64_t test_div_floor(int64_t a, int64_t d) {
    return hr_div_floor(a, d);
}

void test_wide_div(const struct hr_wide *n, const struct hr_wide *d, struct hr_wide *quotient,
                   struct hr_wide *rest) {
    const struct hr_wide_quotient result = hr_wide_div(*n, *d);
    *quotient = result.quotient;
    *rest = result.rest;
}

/* sum = a + b, difference = the larger less the smaller. Returns: the comparison of a with b. */
int test_wide_sums(const struct hr_wide *a, const struct hr_wide *b, struct hr_wide *sum,
                   struct hr_wide *difference) {
    const int order = hr_wide_compare(*a, *b);
    *sum = hr_wide_add(*a, *b);
    *difference = order < 0 ? hr_wide_sub(*b, *a) : hr_wide_sub(*a, *b);
    return order;
}

void test_settled(const struct hr_market_risk *risk, const struct hr_position *position,
                  struct hr_settled *after) {
    *after = hr_settled_since(risk, position);
}
