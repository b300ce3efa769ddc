/* Rows of the keccak_f table (offchain/air/tables/keccak_f.py), 28 blocks of 64 for each call. */
#ifndef HEADRACE_FILL_KECCAK_F_H
#define HEADRACE_FILL_KECCAK_F_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "air_columns.h"
#include "keccak_impl.h"

enum {
    HR_FILL_KECCAK_F_BLOCK_ROWS = 64,
    HR_FILL_KECCAK_F_BLOCKS = HR_KECCAK_ROUNDS + 4,
    HR_FILL_KECCAK_F_ROWS = HR_FILL_KECCAK_F_BLOCKS * HR_FILL_KECCAK_F_BLOCK_ROWS,
    HR_FILL_KECCAK_F_WORDS = 2 * HR_KECCAK_LANES,
    HR_FILL_KECCAK_F_WORD_BITS = 32,
};

/* Eight rows of a column. */
typedef uint64_t hr_fill_keccak_f_cells __attribute__((vector_size(64)));

/* One call. Every column but time and step holds bits: bit z of bits[column][block] is row z. */
typedef struct {
    uint64_t bits[HR_KECCAK_F_COLUMNS][HR_FILL_KECCAK_F_BLOCKS];
    uint64_t steps[HR_FILL_KECCAK_F_BLOCKS];
    unsigned block;
} hr_fill_keccak_f_call;

/* Begin the next block. In: kind  column of its flag */
static inline void hr_fill_keccak_f_begin(hr_fill_keccak_f_call *call, unsigned block, size_t kind,
                                          unsigned step) {
    call->block = block;
    call->steps[block] = step;
    call->bits[kind][block] = UINT64_MAX;
}

static inline void hr_fill_keccak_f_put(hr_fill_keccak_f_call *call, size_t first_column,
                                        const uint64_t *lanes, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        call->bits[first_column + i][call->block] = lanes[i];
    }
}

/* Write the bits of input or output word z to row z: 25 in b, 5 in rc, 2 in p. */
static inline void hr_fill_keccak_f_put_words(hr_fill_keccak_f_call *call,
                                              const uint64_t lanes[HR_KECCAK_LANES]) {
    uint64_t rows[HR_FILL_KECCAK_F_WORD_BITS] = {0};
    for (unsigned i = 0; i < HR_KECCAK_LANES; i++) {
        for (unsigned j = 0; j < HR_FILL_KECCAK_F_WORD_BITS; j++) {
            const uint64_t low = lanes[i] >> j & 1;
            const uint64_t high = lanes[i] >> (j + HR_FILL_KECCAK_F_WORD_BITS) & 1;
            rows[j] |= (low | high << 1) << (2 * i);
        }
    }
    hr_fill_keccak_f_put(call, HR_KECCAK_F_B_0, rows, HR_KECCAK_LANES);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_RC_0, rows + HR_KECCAK_LANES, 5);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_P_0, rows + HR_KECCAK_LANES + 5, 2);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_Q, rows, 1);
}

/* Write b, and q = b_0 xor iota. */
static inline void hr_fill_keccak_f_put_received(hr_fill_keccak_f_call *call,
                                                 const uint64_t b[HR_KECCAK_LANES], uint64_t iota) {
    const uint64_t q = b[0] ^ iota;
    hr_fill_keccak_f_put(call, HR_KECCAK_F_B_0, b, HR_KECCAK_LANES);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_IOTA, &iota, 1);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_Q, &q, 1);
}

/* Write a and theta on it. In/Out: a  state; its image under theta */
static inline void hr_fill_keccak_f_put_theta(hr_fill_keccak_f_call *call,
                                              uint64_t a[HR_KECCAK_LANES]) {
    uint64_t p[5], c[5], rc[5], d[5];
    hr_fill_keccak_f_put(call, HR_KECCAK_F_A_0, a, HR_KECCAK_LANES);
    for (int x = 0; x < 5; x++) {
        p[x] = a[x] ^ a[x + 5] ^ a[x + 10];
        c[x] = p[x] ^ a[x + 15] ^ a[x + 20];
        rc[x] = hr_rotate_left(c[x], 1);
    }
    for (int x = 0; x < 5; x++) {
        d[x] = c[(x + 4) % 5] ^ rc[(x + 1) % 5];
        for (int y = 0; y < HR_KECCAK_LANES; y += 5) {
            a[x + y] ^= d[x];
        }
    }
    hr_fill_keccak_f_put(call, HR_KECCAK_F_P_0, p, 5);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_C_0, c, 5);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_RC_0, rc, 5);
    hr_fill_keccak_f_put(call, HR_KECCAK_F_D_0, d, 5);
}

/* Compute the blocks of one call: input, steps 0 to 25, output. */
static inline void hr_fill_keccak_f_compute(hr_fill_keccak_f_call *call,
                                            const uint32_t words[HR_FILL_KECCAK_F_WORDS]) {
    uint64_t a[HR_KECCAK_LANES], b[HR_KECCAK_LANES], output[HR_KECCAK_LANES];
    *call = (hr_fill_keccak_f_call){0};
    for (int i = 0; i < HR_KECCAK_LANES; i++) {
        a[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
    }
    hr_fill_keccak_f_begin(call, 0, HR_KECCAK_F_IS_IN, 0);
    hr_fill_keccak_f_put_words(call, a);
    hr_fill_keccak_f_begin(call, 1, HR_KECCAK_F_IS_LOAD, 0);
    hr_fill_keccak_f_put_received(call, a, 0);
    hr_fill_keccak_f_put_theta(call, a);
    for (unsigned step = 1; step <= HR_KECCAK_ROUNDS; step++) {
        const uint64_t iota = hr_keccak_round_constants[step - 1];
        hr_fill_keccak_f_begin(call, step + 1, HR_KECCAK_F_IS_CHI, step);
        hr_keccak_rho_pi(b, a);
        hr_fill_keccak_f_put_received(call, b, iota);
        hr_keccak_chi(a, b);
        a[0] ^= iota;
        memcpy(output, a, sizeof output);
        hr_fill_keccak_f_put_theta(call, a);
    }
    call->bits[HR_KECCAK_F_IS_LAST][call->block] = UINT64_MAX;
    hr_fill_keccak_f_begin(call, HR_KECCAK_ROUNDS + 2, HR_KECCAK_F_IS_DROP, HR_KECCAK_ROUNDS + 1);
    hr_keccak_rho_pi(b, a);
    hr_fill_keccak_f_put_received(call, b, 0);
    hr_fill_keccak_f_begin(call, HR_KECCAK_ROUNDS + 3, HR_KECCAK_F_IS_OUT, HR_KECCAK_ROUNDS);
    hr_fill_keccak_f_put_words(call, output);
}

/* Write bit z to row z. The compiler does not find by itself that neighbours take equal shifts. */
static inline void hr_fill_keccak_f_spread(uint64_t rows[HR_FILL_KECCAK_F_BLOCK_ROWS],
                                           uint64_t bits) {
    const hr_fill_keccak_f_cells shifted = {bits,      bits >> 1, bits >> 2, bits >> 3,
                                            bits >> 4, bits >> 5, bits >> 6, bits >> 7};
    for (unsigned z = 0; z < HR_FILL_KECCAK_F_BLOCK_ROWS; z += 8) {
        const hr_fill_keccak_f_cells cells = shifted >> z & 1;
        memcpy(rows + z, &cells, sizeof cells);
    }
}

/* Write the rows of one call, column by column, so that memory is written in long runs.
 * Out: rows  column c is rows[c * height ..]
 */
static inline void hr_fill_keccak_f_write(uint64_t *rows, size_t height,
                                          const hr_fill_keccak_f_call *call, uint32_t time) {
    for (size_t column = 0; column < HR_KECCAK_F_COLUMNS; column++) {
        for (size_t block = 0; block < HR_FILL_KECCAK_F_BLOCKS; block++) {
            uint64_t *start = rows + column * height + block * HR_FILL_KECCAK_F_BLOCK_ROWS;
            if (column != HR_KECCAK_F_TIME && column != HR_KECCAK_F_STEP) {
                hr_fill_keccak_f_spread(start, call->bits[column][block]);
                continue;
            }
            const uint64_t value = column == HR_KECCAK_F_TIME ? time : call->steps[block];
            for (size_t z = 0; z < HR_FILL_KECCAK_F_BLOCK_ROWS; z++) {
                start[z] = value;
            }
        }
    }
}

/* Fill the table; rows beyond the calls are zero, which satisfies its constraints.
 * Out: columns  column c is columns[c * height ..]; rows from `rows` on stay as they are
 * In:  height   of a column
 *      rows     to fill, at least 1,792 * calls, at most height
 *      times    cycle of each call
 *      words    RAM words of each call, before it
 */
static inline void hr_fill_keccak_f(uint64_t *columns, size_t height, size_t rows,
                                    const uint32_t *times,
                                    const uint32_t (*words)[HR_FILL_KECCAK_F_WORDS], size_t calls) {
    hr_fill_keccak_f_call call;
    for (size_t i = 0; i < calls; i++) {
        hr_fill_keccak_f_compute(&call, words[i]);
        hr_fill_keccak_f_write(columns + i * HR_FILL_KECCAK_F_ROWS, height, &call, times[i]);
    }
    const size_t used = calls * HR_FILL_KECCAK_F_ROWS;
    for (size_t column = 0; column < HR_KECCAK_F_COLUMNS; column++) {
        memset(columns + column * height + used, 0, (rows - used) * sizeof columns[0]);
    }
}

#endif
