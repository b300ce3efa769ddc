/* Rows of the table arith. Meaning of the columns: offchain/air/tables/arith.py. */
#ifndef HR_ZKVM_FILL_ARITH_H
#define HR_ZKVM_FILL_ARITH_H

#include "executor.h"
#include "fill.h"

/* Operations without the marks of signed operands, in the order of their columns. */
enum {
    HR_ARITH_COMPARE = 32,
    HR_ARITH_SHIFT_LEFT = 36,
    HR_ARITH_SHIFT_RIGHT = 40,
    HR_ARITH_MULTIPLY = 44,
    HR_ARITH_MULTIPLY_HIGH = 48,
    HR_ARITH_DIVIDE = 52,
    HR_ARITH_REMAINDER = 56,
    HR_ARITH_OP_STRIDE = 4,
    HR_ARITH_SIGNED_A_MARK = 1,
    HR_ARITH_SIGNED_Y_MARK = 2,
};

/* One operation r = op(a, y) and what it is made of. */
typedef struct {
    uint32_t a, y, r;
    bool is_negative_a, is_negative_y;
    uint32_t high, low, last;
    uint64_t factor;
} hr_arith;

/* Returns: |x| */
static inline uint32_t hr_magnitude(uint32_t x, bool is_negative) {
    return is_negative ? -x : x;
}

/* Bits of the shift amount, and the powers of two that they make; also on rows without a shift. */
static inline void hr_put_power(uint64_t *row, uint32_t exponent, bool is_right) {
    for (uint32_t i = 0; i < 5; i++) row[HR_ARITH_SHIFT_0 + i] = exponent >> i & 1;
    row[HR_ARITH_POWER_LOW] = UINT64_C(1) << ((exponent & 3) + is_right);
    row[HR_ARITH_POWER_HIGH] = UINT64_C(1) << (exponent & 28);
}

static inline void hr_fill_product(uint64_t *row, uint32_t base, hr_arith *x) {
    uint32_t exponent = 0;
    if (base == HR_ARITH_SHIFT_LEFT) {
        exponent = x->y & 31;
        x->factor = UINT64_C(1) << exponent;
    } else if (base == HR_ARITH_SHIFT_RIGHT) {
        exponent = 31 - (x->y & 31);
        x->factor = UINT64_C(2) << exponent;
    } else {
        x->factor = x->y;
    }
    hr_put_power(row, exponent, base == HR_ARITH_SHIFT_RIGHT);
    /* At most (2^32 - 1) 2^32. */
    const uint64_t product = x->a * x->factor;
    x->high = (uint32_t)(product >> 32);
    x->low = (uint32_t)product;
    if (base == HR_ARITH_MULTIPLY_HIGH) {
        const uint64_t sum = x->r + (x->is_negative_a ? (uint64_t)x->y : 0) +
                             (x->is_negative_y ? (uint64_t)x->a : 0);
        const uint64_t carries = (sum - x->high) >> 32;
        row[HR_ARITH_CARRY_0] = carries > 0;
        row[HR_ARITH_CARRY_1] = carries > 1;
        x->last = x->r;
    }
}

static inline void hr_fill_division(uint64_t *row, uint32_t base, hr_arith *x) {
    const uint32_t dividend = hr_magnitude(x->a, x->is_negative_a);
    const uint32_t divisor = hr_magnitude(x->y, x->is_negative_y);
    const bool is_by_zero = divisor == 0, is_quotient = base == HR_ARITH_DIVIDE;
    x->factor = divisor;
    x->high = is_by_zero ? 0 : dividend / divisor;
    x->low = dividend - x->high * divisor;
    x->last = is_by_zero ? 0 : divisor - 1 - x->low;
    const bool is_negative =
        is_quotient ? !is_by_zero && x->is_negative_a != x->is_negative_y : x->is_negative_a;
    const uint32_t magnitude = !is_quotient ? x->low : is_by_zero ? UINT32_MAX : x->high;
    row[HR_ARITH_IS_BY_ZERO] = is_by_zero;
    row[HR_ARITH_IS_NEGATIVE] = is_negative;
    row[HR_ARITH_MAGNITUDE] = magnitude;
    row[HR_ARITH_BORROW] = is_negative && magnitude;
    row[HR_ARITH_MAGNITUDE_INVERSE] = is_negative ? magnitude : 0;
    hr_put_power(row, 0, false);
}

/* In: op  LTU or above */
static inline void hr_fill_arith(hr_writer *w, const hr_lookups *lookups, uint32_t op, uint32_t a,
                                 uint32_t y, uint32_t r) {
    uint64_t *row = hr_next_row(w);
    const uint32_t base = op & ~(HR_ARITH_OP_STRIDE - 1u);
    const bool is_signed_a = op & HR_ARITH_SIGNED_A_MARK, is_signed_y = op & HR_ARITH_SIGNED_Y_MARK;
    hr_arith x = {
        .a = a,
        .y = y,
        .r = r,
        .is_negative_a = is_signed_a && a >> 31,
        .is_negative_y = is_signed_y && y >> 31,
    };
    if (base >= HR_ARITH_DIVIDE) {
        hr_fill_division(row, base, &x);
    } else if (base > HR_ARITH_COMPARE) {
        hr_fill_product(row, base, &x);
    } else {
        hr_put_power(row, 0, false);
        x.last = a - y;
    }
    const bool is_shift = base == HR_ARITH_SHIFT_LEFT || base == HR_ARITH_SHIFT_RIGHT;
    row[HR_ARITH_IS_COMPARE + (base - HR_ARITH_COMPARE) / HR_ARITH_OP_STRIDE] = 1;
    row[HR_ARITH_SIGNED_A] = is_signed_a;
    row[HR_ARITH_SIGNED_Y] = is_signed_y;
    row[HR_ARITH_A] = a;
    row[HR_ARITH_Y] = y;
    row[HR_ARITH_R] = r;
    row[HR_ARITH_NEGATIVE_A] = x.is_negative_a;
    row[HR_ARITH_NEGATIVE_Y] = x.is_negative_y;
    hr_put_limbs(lookups, row + HR_ARITH_BIAS_A_0, is_signed_a ? a ^ UINT32_C(1) << 31 : 0);
    hr_put_limbs(lookups, row + HR_ARITH_BIAS_Y_0,
                 is_signed_y ? y ^ UINT32_C(1) << 31
                 : is_shift  ? y / 32
                             : 0);
    hr_put_limbs(lookups, row + HR_ARITH_HIGH_0, x.high);
    hr_put_limbs(lookups, row + HR_ARITH_LOW_0, x.low);
    hr_put_limbs(lookups, row + HR_ARITH_LAST_0, x.last);
    row[HR_ARITH_FACTOR] = x.factor;
    row[HR_ARITH_INVERSE] = x.low ? UINT32_MAX - x.high : 0;
    row[HR_ARITH_SIGNS_DIFFER] = x.is_negative_a != x.is_negative_y;
}

/* Rows without an operation: only the powers of two are not 0. */
static inline void hr_pad_arith(hr_writer *w) {
    hr_move_block(w);
    for (uint64_t i = w->moved_rows; i < w->trace.usable_rows; i++) {
        w->trace.columns[HR_ARITH_POWER_LOW * w->trace.height + i] = 1;
        w->trace.columns[HR_ARITH_POWER_HIGH * w->trace.height + i] = 1;
    }
}

#endif
