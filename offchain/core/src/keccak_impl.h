/* Keccak-256, portable. API: headrace/keccak.h. Every rotation is by a constant, which on RV32
 * without a rotate instruction is 6 shifts and ors per lane; the bit-interleaved form would need as
 * many and conversions besides.
 */
#ifndef HEADRACE_KECCAK_IMPL_H
#define HEADRACE_KECCAK_IMPL_H

#include "headrace/keccak.h"

#ifdef HR_GUEST
/* One instruction of the machine. */
static inline void hr_keccak_f1600(uint64_t a[HR_KECCAK_LANES]) {
    hr_guest_keccak_f(a);
}
#else
enum { HR_KECCAK_ROUNDS = 24 };

/* iota, Keccak reference table 1.1. */
static const uint64_t hr_keccak_round_constants[HR_KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* n in 1..63. */
static inline uint64_t hr_rotate_left(uint64_t x, unsigned n) {
    return (x << n) | (x >> (64 - n));
}

static inline void hr_keccak_theta(uint64_t a[HR_KECCAK_LANES]) {
    uint64_t parity[5];
    for (int x = 0; x < 5; x++) {
        parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (int x = 0; x < 5; x++) {
        const uint64_t change = parity[(x + 4) % 5] ^ hr_rotate_left(parity[(x + 1) % 5], 1);
        for (int y = 0; y < HR_KECCAK_LANES; y += 5) {
            a[x + y] ^= change;
        }
    }
}

/* b = pi(rho(a)). Lane (x, y) goes to (y, 2x + 3y); offsets: Keccak reference, table 2.1. */
static inline void hr_keccak_rho_pi(uint64_t b[HR_KECCAK_LANES],
                                    const uint64_t a[HR_KECCAK_LANES]) {
    b[0] = a[0];
    b[1] = hr_rotate_left(a[6], 44);
    b[2] = hr_rotate_left(a[12], 43);
    b[3] = hr_rotate_left(a[18], 21);
    b[4] = hr_rotate_left(a[24], 14);
    b[5] = hr_rotate_left(a[3], 28);
    b[6] = hr_rotate_left(a[9], 20);
    b[7] = hr_rotate_left(a[10], 3);
    b[8] = hr_rotate_left(a[16], 45);
    b[9] = hr_rotate_left(a[22], 61);
    b[10] = hr_rotate_left(a[1], 1);
    b[11] = hr_rotate_left(a[7], 6);
    b[12] = hr_rotate_left(a[13], 25);
    b[13] = hr_rotate_left(a[19], 8);
    b[14] = hr_rotate_left(a[20], 18);
    b[15] = hr_rotate_left(a[4], 27);
    b[16] = hr_rotate_left(a[5], 36);
    b[17] = hr_rotate_left(a[11], 10);
    b[18] = hr_rotate_left(a[17], 15);
    b[19] = hr_rotate_left(a[23], 56);
    b[20] = hr_rotate_left(a[2], 62);
    b[21] = hr_rotate_left(a[8], 55);
    b[22] = hr_rotate_left(a[14], 39);
    b[23] = hr_rotate_left(a[15], 41);
    b[24] = hr_rotate_left(a[21], 2);
}

static inline void hr_keccak_chi(uint64_t a[HR_KECCAK_LANES], const uint64_t b[HR_KECCAK_LANES]) {
    for (int y = 0; y < HR_KECCAK_LANES; y += 5) {
        for (int x = 0; x < 5; x++) {
            a[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
        }
    }
}

static inline void hr_keccak_f1600(uint64_t a[HR_KECCAK_LANES]) {
    uint64_t b[HR_KECCAK_LANES];
    for (int round = 0; round < HR_KECCAK_ROUNDS; round++) {
        hr_keccak_theta(a);
        hr_keccak_rho_pi(b, a);
        hr_keccak_chi(a, b);
        a[0] ^= hr_keccak_round_constants[round];
    }
}

#endif

/* Lanes seen as the words that a message of whole words is added to; little-endian. */
typedef uint32_t __attribute__((may_alias)) hr_keccak_word;

static inline void hr_keccak256_init(hr_keccak256_state *state) {
    *state = (hr_keccak256_state){0};
}

static inline void hr_keccak_add_byte(hr_keccak256_state *state, uint32_t at, uint8_t byte) {
    state->lanes[at / 8] ^= (uint64_t)byte << (8 * (at % 8));
}

static inline void hr_keccak256_update(hr_keccak256_state *state, const uint8_t *data,
                                       uint32_t len) {
    enum { WORD_BYTES = sizeof(hr_keccak_word) };
    uint32_t done = 0;
    while (done < len) {
        if ((state->filled | (uintptr_t)(data + done)) % WORD_BYTES == 0 &&
            len - done >= WORD_BYTES) {
            const uint32_t room = HR_KECCAK256_RATE_BYTES - state->filled;
            const uint32_t words = (len - done < room ? len - done : room) / WORD_BYTES;
            const hr_keccak_word *from = (const hr_keccak_word *)(data + done);
            hr_keccak_word *to = (hr_keccak_word *)state->lanes + state->filled / WORD_BYTES;
            uint32_t i = 0;
            for (; i + 4 <= words; i += 4) {
                to[i] ^= from[i];
                to[i + 1] ^= from[i + 1];
                to[i + 2] ^= from[i + 2];
                to[i + 3] ^= from[i + 3];
            }
            for (; i < words; i++) to[i] ^= from[i];
            state->filled += words * WORD_BYTES;
            done += words * WORD_BYTES;
        } else if ((uintptr_t)(data + done) % WORD_BYTES == 0 && len - done >= WORD_BYTES &&
                   state->filled % WORD_BYTES != 0 &&
                   state->filled + WORD_BYTES <= HR_KECCAK256_RATE_BYTES) {
            /* whole words behind a prefix that is none: each lies across two words of the state */
            const hr_keccak_word word = *(const hr_keccak_word *)(data + done);
            const uint32_t shift = 8 * (state->filled % WORD_BYTES);
            hr_keccak_word *to = (hr_keccak_word *)state->lanes + state->filled / WORD_BYTES;
            to[0] ^= word << shift;
            to[1] ^= word >> (32 - shift);
            state->filled += WORD_BYTES;
            done += WORD_BYTES;
        } else {
            hr_keccak_add_byte(state, state->filled, data[done]);
            state->filled++;
            done++;
        }
        if (state->filled == HR_KECCAK256_RATE_BYTES) {
            hr_keccak_f1600(state->lanes);
            state->filled = 0;
        }
    }
}

static inline void hr_keccak256_final(hr_keccak256_state *state,
                                      uint8_t out32[HR_KECCAK256_BYTES]) {
    hr_keccak_add_byte(state, state->filled, 0x01);
    hr_keccak_add_byte(state, HR_KECCAK256_RATE_BYTES - 1, 0x80);
    hr_keccak_f1600(state->lanes);
    __builtin_memcpy(out32, state->lanes, HR_KECCAK256_BYTES);
}

static inline void hr_keccak256(uint8_t out32[HR_KECCAK256_BYTES], const uint8_t *data,
                                uint32_t len) {
    hr_keccak256_state state;
    /* the first block is taken as it is: nothing need be zero before */
    const uint32_t first = len < HR_KECCAK256_RATE_BYTES ? len : HR_KECCAK256_RATE_BYTES;
    uint8_t *bytes = (uint8_t *)state.lanes;
    if (first > 0) __builtin_memcpy(bytes, data, first);
    __builtin_memset(bytes + first, 0, sizeof state.lanes - first);
    state.filled = first;
    if (first == HR_KECCAK256_RATE_BYTES) {
        hr_keccak_f1600(state.lanes);
        state.filled = 0;
        hr_keccak256_update(&state, data + first, len - first);
    }
    hr_keccak256_final(&state, out32);
}

#endif
