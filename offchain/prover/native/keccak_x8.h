/* Keccak-f[1600] of 8 independent states, one per 64-bit lane of a row.
 *
 * One kernel on the compiler's vectors, as wide as the registers of the level that is compiled: one
 * pass of 8 lanes for AVX-512, two of 4 for AVX2, four of 2 elsewhere. The rotations and the
 * three-operand logic become vprolq and vpternlogq where the machine has them.
 */
#ifndef HEADRACE_KECCAK_X8_H
#define HEADRACE_KECCAK_X8_H

#include <string.h>

#include "keccak_impl.h"
#include "vec.h"

enum { HR_HASH_LANES = 8 };

#if defined(__AVX512F__)
enum { HR_KECCAK_WIDTH = 8 };
#elif defined(__AVX2__)
enum { HR_KECCAK_WIDTH = 4 };
#else
enum { HR_KECCAK_WIDTH = 2 };
#endif

#define HR_KECCAK_UNROLL _Pragma("clang loop unroll(full)")

typedef uint64_t hr_keccak_vector __attribute__((vector_size(8 * HR_KECCAK_WIDTH)));

/* rho and pi in one walk: lane 1 moves, rotated by the first offset, to the first place, what was
 * there to the second, and so on round the one cycle of pi. Keccak reference, 2.3.2 and 2.3.3. */
static const uint8_t hr_keccak_walk_place[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                                 15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
static const uint8_t hr_keccak_walk_offset[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                                  27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};

#define HR_KECCAK_ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

HR_INLINE void hr_keccak_round_vector(hr_keccak_vector a[HR_KECCAK_LANES], uint64_t constant) {
    hr_keccak_vector parity[5];
    HR_KECCAK_UNROLL
    for (int x = 0; x < 5; x++) {
        parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    HR_KECCAK_UNROLL
    for (int x = 0; x < 5; x++) {
        const hr_keccak_vector rotated = HR_KECCAK_ROTATE(parity[(x + 1) % 5], 1);
        HR_KECCAK_UNROLL
        for (int y = 0; y < HR_KECCAK_LANES; y += 5) {
            a[x + y] = a[x + y] ^ parity[(x + 4) % 5] ^ rotated;
        }
    }
    hr_keccak_vector moving = a[1];
    HR_KECCAK_UNROLL
    for (int i = 0; i < 24; i++) {
        const hr_keccak_vector next = a[hr_keccak_walk_place[i]];
        a[hr_keccak_walk_place[i]] = HR_KECCAK_ROTATE(moving, hr_keccak_walk_offset[i]);
        moving = next;
    }
    HR_KECCAK_UNROLL
    for (int y = 0; y < HR_KECCAK_LANES; y += 5) {
        const hr_keccak_vector first = a[y], second = a[y + 1];
        a[y] = first ^ (~second & a[y + 2]);
        a[y + 1] = second ^ (~a[y + 2] & a[y + 3]);
        a[y + 2] = a[y + 2] ^ (~a[y + 3] & a[y + 4]);
        a[y + 3] = a[y + 3] ^ (~a[y + 4] & first);
        a[y + 4] = a[y + 4] ^ (~first & second);
    }
    a[0] ^= (hr_keccak_vector){0} + constant;
}

/* In/Out: states  lane i of state j is states[i][j] */
static void hr_keccak_f1600_x8(uint64_t states[HR_KECCAK_LANES][HR_HASH_LANES]) {
    for (int first = 0; first < HR_HASH_LANES; first += HR_KECCAK_WIDTH) {
        hr_keccak_vector a[HR_KECCAK_LANES];
        HR_KECCAK_UNROLL
        for (int i = 0; i < HR_KECCAK_LANES; i++) {
            memcpy(&a[i], &states[i][first], sizeof a[i]);
        }
        for (int round = 0; round < HR_KECCAK_ROUNDS; round++) {
            hr_keccak_round_vector(a, hr_keccak_round_constants[round]);
        }
        HR_KECCAK_UNROLL
        for (int i = 0; i < HR_KECCAK_LANES; i++) {
            memcpy(&states[i][first], &a[i], sizeof a[i]);
        }
    }
}

#endif
