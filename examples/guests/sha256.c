// SHA-256 in software (FIPS 180-4), of a message that stays private.
// Tape:   n, then n blocks of message (16 words each)
// Output: n, then the digest as 8 words: in memory the 32 bytes of the digest
#include "guest_io.h"

enum {
    BLOCK_WORDS = 16,
    ROUNDS = 64,
    BLOCK_BITS = 512,
    DIGEST_WORDS = 8,
    BLOCKS_MAX = (1 << 23) - 1
};

// Section 4.2.2.
static const uint32_t round_constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// Big-endian words of the message and the digest, which the machine holds little-endian.
static uint32_t reverse_bytes(uint32_t word) {
    return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
}

static uint32_t rotate_right(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

// Sections 4.1.2 and 6.2.2; `w` is the message schedule, its first 16 words given.
static void compress(uint32_t hash[DIGEST_WORDS], uint32_t w[ROUNDS]) {
    for (int t = BLOCK_WORDS; t < ROUNDS; t++) {
        const uint32_t x = w[t - 15], y = w[t - 2];
        const uint32_t sigma0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
        const uint32_t sigma1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (int t = 0; t < ROUNDS; t++) {
        const uint32_t sum1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        const uint32_t choice = (e & f) ^ (~e & g);
        const uint32_t t1 = h + sum1 + choice + round_constants[t] + w[t];
        const uint32_t sum0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + sum0 + majority;
    }
    hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d;
    hash[4] += e, hash[5] += f, hash[6] += g, hash[7] += h;
}

int hr_guest_main(void) {
    static uint32_t schedule[ROUNDS];
    uint32_t hash[DIGEST_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint32_t blocks;
    hr_guest_read(&blocks, 1);
    if (blocks > BLOCKS_MAX) return 1; // the length in bits would not fit one word
    for (uint32_t block = 0; block < blocks; block++) {
        hr_guest_read(schedule, BLOCK_WORDS);
        for (int t = 0; t < BLOCK_WORDS; t++) schedule[t] = reverse_bytes(schedule[t]);
        compress(hash, schedule);
    }
    // Padding, section 5.1.1: the message ends with a block, so it has one of its own.
    for (int t = 0; t < BLOCK_WORDS; t++) schedule[t] = 0;
    schedule[0] = 0x80000000;
    schedule[BLOCK_WORDS - 1] = blocks * BLOCK_BITS;
    compress(hash, schedule);

    for (int i = 0; i < DIGEST_WORDS; i++) hash[i] = reverse_bytes(hash[i]);
    hr_guest_write(&blocks, 1);
    hr_guest_write(hash, DIGEST_WORDS);
    return 0;
}
