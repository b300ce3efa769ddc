/* Rows of the poseidon2 table (offchain/air/tables/poseidon2.py), 64 for each call. */
#ifndef HEADRACE_FILL_POSEIDON2_H
#define HEADRACE_FILL_POSEIDON2_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "air_columns.h"
#include "fill.h"
#include "headrace/field.h"
#include "poseidon2_impl.h"

enum {
    HR_FILL_POSEIDON2_ROWS = 64,
    HR_FILL_POSEIDON2_WORDS = 16,
    HR_FILL_POSEIDON2_HALF = HR_POSEIDON2_WIDTH / 2,
    /* Number of the ecall that feeds its input forward. */
    HR_FILL_POSEIDON2_COMPRESS = 0x112,
};

/* The rows of one call, column by column. They are put together here since a power-of-two distance
 * between the columns would have all of them compete for the same cache sets. */
typedef struct {
    uint64_t cells[HR_POSEIDON2_COLUMNS][HR_FILL_POSEIDON2_ROWS];
    uint64_t state[HR_POSEIDON2_WIDTH];
    /* Results of the S-boxes of the last row. */
    uint64_t seventh[HR_FILL_POSEIDON2_HALF];
    unsigned row;
} hr_fill_poseidon2_call;

/* Write state and S-boxes of the next row.
 * In: constants  of its four S-boxes, canonical
 */
static inline void hr_fill_poseidon2_row(hr_fill_poseidon2_call *call,
                                         const uint64_t constants[4]) {
    const unsigned row = call->row++;
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        call->state[i] = hr_field_canonical(call->state[i]);
        call->cells[HR_POSEIDON2_STATE_0 + i][row] = call->state[i];
    }
    for (int i = 0; i < HR_FILL_POSEIDON2_HALF; i++) {
        const uint64_t x = hr_field_add(call->state[i], constants[i]);
        const uint64_t cube = hr_field_mul(hr_field_mul(x, x), x);
        const uint64_t seventh = hr_field_mul(hr_field_mul(cube, cube), x);
        call->seventh[i] = hr_field_canonical(seventh);
        call->cells[HR_POSEIDON2_CUBE_0 + i][row] = hr_field_canonical(cube);
        call->cells[HR_POSEIDON2_SEVENTH_0 + i][row] = call->seventh[i];
    }
}

static inline void hr_fill_poseidon2_plain_row(hr_fill_poseidon2_call *call) {
    hr_fill_poseidon2_row(call, (const uint64_t[HR_FILL_POSEIDON2_HALF]){0});
}

/* Write a row that takes an element off the front of the state and appends one.
 * In: moved     below p, stands in the columns low and high
 *     appended  may be lazy
 */
static inline void hr_fill_poseidon2_move(hr_fill_poseidon2_call *call, uint64_t moved,
                                          uint64_t appended) {
    call->cells[HR_POSEIDON2_LOW][call->row] = moved & HR_GOLDILOCKS_EPSILON;
    call->cells[HR_POSEIDON2_HIGH][call->row] = moved >> 32;
    hr_fill_poseidon2_plain_row(call);
    memmove(call->state, call->state + 1, sizeof call->state - sizeof call->state[0]);
    call->state[HR_POSEIDON2_WIDTH - 1] = appended;
}

/* Write the rows that feed the input forward and those that unload.
 * In: input  8 elements below p
 */
static inline void hr_fill_poseidon2_end(hr_fill_poseidon2_call *call,
                                         const uint64_t input[HR_POSEIDON2_WIDTH],
                                         bool is_compress) {
    for (int i = 0; i < HR_FILL_POSEIDON2_HALF; i++) {
        const uint64_t fed = is_compress ? input[i] : 0;
        hr_fill_poseidon2_move(call, input[i], hr_field_add(call->state[0], fed));
    }
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        const uint64_t element = hr_field_canonical(call->state[0]);
        hr_fill_poseidon2_move(call, element, element);
    }
}

/* Write the rows of four full rounds. In: first  number of the first round */
static inline void hr_fill_poseidon2_full_rounds(hr_fill_poseidon2_call *call, int first) {
    for (int round = first; round < first + HR_POSEIDON2_HALF_FULL_ROUNDS; round++) {
        for (int half = 0; half < 2; half++) {
            const uint64_t *constants =
                hr_poseidon2_rc_external[round] + half * HR_FILL_POSEIDON2_HALF;
            hr_fill_poseidon2_row(call, constants);
            memcpy(call->state, call->state + HR_FILL_POSEIDON2_HALF, sizeof call->seventh);
            memcpy(call->state + HR_FILL_POSEIDON2_HALF, call->seventh, sizeof call->seventh);
        }
        hr_poseidon2_external_layer(call->state);
    }
}

static inline void hr_fill_poseidon2_partial_rounds(hr_fill_poseidon2_call *call) {
    for (int round = 0; round < HR_POSEIDON2_PARTIAL_ROUNDS; round++) {
        const uint64_t constants[HR_FILL_POSEIDON2_HALF] = {hr_poseidon2_rc_internal[round]};
        hr_fill_poseidon2_row(call, constants);
        call->state[0] = call->seventh[0];
        hr_poseidon2_internal_layer(call->state);
    }
}

/* Write the column `inverse`, all rows with one inversion: each row's factor is the inverse of the
 * product up to it times the product before it. */
static inline void hr_fill_poseidon2_inverses(hr_fill_poseidon2_call *call) {
    const uint64_t *low = call->cells[HR_POSEIDON2_LOW];
    const uint64_t *high = call->cells[HR_POSEIDON2_HIGH];
    uint64_t before[HR_FILL_POSEIDON2_ROWS], product = 1;
    for (unsigned row = 0; row < HR_FILL_POSEIDON2_ROWS; row++) {
        before[row] = product;
        if (low[row] != 0) product = hr_field_mul(product, HR_GOLDILOCKS_EPSILON - high[row]);
    }
    uint64_t inverse = hr_field_inverse(product);
    for (unsigned row = HR_FILL_POSEIDON2_ROWS; row-- > 0;) {
        uint64_t *cell = &call->cells[HR_POSEIDON2_INVERSE][row];
        if (low[row] == 0) {
            *cell = 0;
            continue;
        }
        *cell = hr_field_canonical(hr_field_mul(inverse, before[row]));
        inverse = hr_field_mul(inverse, HR_GOLDILOCKS_EPSILON - high[row]);
    }
}

/* Compute the rows of one call.
 * In: time, code  its cycle and number; both 0 for rows that are not used
 *     words       8 elements (low word, high word), each below p
 */
static inline void hr_fill_poseidon2_compute(hr_fill_poseidon2_call *call, uint32_t time,
                                             uint32_t code,
                                             const uint32_t words[HR_FILL_POSEIDON2_WORDS]) {
    const bool is_compress = code == HR_FILL_POSEIDON2_COMPRESS;
    *call = (hr_fill_poseidon2_call){0};
    uint64_t elements[HR_POSEIDON2_WIDTH];
    for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        elements[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
        hr_fill_poseidon2_move(call, elements[i], elements[i]);
    }
    hr_fill_poseidon2_plain_row(call);
    hr_poseidon2_external_layer(call->state);
    hr_fill_poseidon2_full_rounds(call, 0);
    hr_fill_poseidon2_partial_rounds(call);
    hr_fill_poseidon2_full_rounds(call, HR_POSEIDON2_HALF_FULL_ROUNDS);
    hr_fill_poseidon2_end(call, elements, is_compress);
    while (call->row < HR_FILL_POSEIDON2_ROWS) {
        hr_fill_poseidon2_plain_row(call);
    }
    hr_fill_poseidon2_inverses(call);
    for (unsigned row = 0; row < HR_FILL_POSEIDON2_ROWS; row++) {
        call->cells[HR_POSEIDON2_TIME][row] = time;
        call->cells[HR_POSEIDON2_IS_USED][row] = code != 0;
        call->cells[HR_POSEIDON2_IS_COMPRESS][row] = is_compress;
    }
}

static inline void hr_fill_poseidon2_copy(uint64_t *columns, size_t height, size_t row,
                                          const hr_fill_poseidon2_call *call) {
    for (size_t column = 0; column < HR_POSEIDON2_COLUMNS; column++) {
        memcpy(columns + column * height + row, call->cells[column], sizeof call->cells[column]);
    }
}

/* Fill the table; rows beyond the calls hold permutations of zeros that are not used.
 * Out: columns  column c is columns[c * height ..]; rows from `rows` on stay as they are
 * In:  height   of a column
 *      rows     to fill, a multiple of 64, at least 64 * calls, at most height
 *      times    cycle of each call
 *      codes    its number
 *      words    RAM words of each call, before it
 */
static inline void hr_fill_poseidon2(uint64_t *columns, size_t height, size_t rows,
                                     const uint32_t *times, const uint32_t *codes,
                                     const uint32_t (*words)[HR_FILL_POSEIDON2_WORDS],
                                     size_t calls) {
    hr_fill_poseidon2_call call;
    for (size_t i = 0; i < calls; i++) {
        hr_fill_poseidon2_compute(&call, times[i], codes[i], words[i]);
        hr_fill_poseidon2_copy(columns, height, i * HR_FILL_POSEIDON2_ROWS, &call);
    }
    const uint32_t zeros[HR_FILL_POSEIDON2_WORDS] = {0};
    hr_fill_poseidon2_compute(&call, 0, 0, zeros);
    for (size_t row = calls * HR_FILL_POSEIDON2_ROWS; row < rows; row += HR_FILL_POSEIDON2_ROWS) {
        hr_fill_poseidon2_copy(columns, height, row, &call);
    }
}

#endif
