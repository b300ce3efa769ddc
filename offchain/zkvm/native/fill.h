/* What the fillers of all tables share: rows are made one by one and moved to the columns in
 * blocks, and lookups are counted.
 *
 * Columns lie a power of two apart, so that the same row of all of them falls into the same few
 * cache sets: row by row, every write would miss.
 */
#ifndef HR_ZKVM_FILL_H
#define HR_ZKVM_FILL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "air_columns.h"
#include "headrace/field.h"

enum {
    HR_BLOCK_ROWS = 64,
    HR_TABLE_COLUMNS_MAX = 48,
    HR_INVERSES_MAX = 2,
};

/* Trace of one table: row i of column c is columns[c * height + i]; zero at the start. */
typedef struct {
    uint64_t *columns;
    uint64_t height;
    /* Rows under constraints; what follows is the terminal row and blinding. */
    uint64_t usable_rows;
} hr_trace;

/* How often each entry was looked up. */
typedef struct {
    /* By value. */
    uint32_t *range16;
    /* By 256 x + y. */
    uint32_t *byte_and;
} hr_lookups;

typedef struct {
    hr_trace trace;
    uint32_t column_count;
    /* Columns whose values are replaced by their inverses when a block is moved; 0 stays. */
    uint32_t inverse_count, inverses[HR_INVERSES_MAX];
    uint64_t moved_rows;
    uint32_t block_rows;
    uint64_t block[HR_BLOCK_ROWS * HR_TABLE_COLUMNS_MAX];
} hr_writer;

/* Returns: x. Counts the lookup of a value below 2^16. */
static inline uint32_t hr_count_range16(const hr_lookups *lookups, uint32_t x) {
    lookups->range16[x]++;
    return x;
}

/* Returns: the low half of x. Counts the lookups of both halves. */
static inline uint32_t hr_count_range32(const hr_lookups *lookups, uint32_t x) {
    hr_count_range16(lookups, x >> 16);
    return hr_count_range16(lookups, x & 0xffff);
}

/* Returns: x & y. Counts the lookup of the pair. In: x, y  bytes */
static inline uint32_t hr_count_byte_and(const hr_lookups *lookups, uint32_t x, uint32_t y) {
    lookups->byte_and[256 * x + y]++;
    return x & y;
}

/* Returns: 1 / x. In: x  not 0 mod p */
static inline uint64_t hr_field_inverse(uint64_t x) {
    /* x^(p - 2), Fermat. */
    uint64_t result = 1;
    for (uint64_t exponent = HR_GOLDILOCKS_P - 2; exponent; exponent >>= 1) {
        if (exponent & 1) result = hr_field_mul(result, x);
        x = hr_field_mul(x, x);
    }
    return result;
}

/* Replace the values of one column of a block by their inverses, 0 by 0. One inversion for all
 * (Montgomery's trick). */
static inline void hr_invert_column(hr_writer *w, uint32_t column) {
    uint64_t before[HR_BLOCK_ROWS], product = 1;
    uint64_t *values = w->block + column;
    for (uint32_t i = 0; i < w->block_rows; i++) {
        const uint64_t value = values[i * w->column_count];
        before[i] = product;
        if (value) product = hr_field_mul(product, value);
    }
    uint64_t inverse = hr_field_inverse(product);
    for (uint32_t i = w->block_rows; i-- > 0;) {
        uint64_t *value = &values[i * w->column_count];
        if (*value == 0) continue;
        const uint64_t result = hr_field_mul(inverse, before[i]);
        inverse = hr_field_mul(inverse, *value);
        *value = hr_field_canonical(result);
    }
}

/* Move the block to the columns and clear it. */
static inline void hr_move_block(hr_writer *w) {
    for (uint32_t i = 0; i < w->inverse_count; i++) hr_invert_column(w, w->inverses[i]);
    for (uint32_t c = 0; c < w->column_count; c++) {
        uint64_t *column = w->trace.columns + c * w->trace.height + w->moved_rows;
        for (uint32_t i = 0; i < w->block_rows; i++) column[i] = w->block[i * w->column_count + c];
    }
    memset(w->block, 0, w->block_rows * w->column_count * sizeof *w->block);
    w->moved_rows += w->block_rows;
    w->block_rows = 0;
}

/* Returns: the next row, all zero, for the caller to fill until the next call. */
static inline uint64_t *hr_next_row(hr_writer *w) {
    if (w->block_rows == HR_BLOCK_ROWS) hr_move_block(w);
    return w->block + w->column_count * w->block_rows++;
}

/* Write a word as two limbs that are looked up. Out: limbs[2]  lower one first */
static inline void hr_put_limbs(const hr_lookups *lookups, uint64_t *limbs, uint32_t word) {
    limbs[0] = hr_count_range32(lookups, word);
    limbs[1] = word >> 16;
}

#endif
