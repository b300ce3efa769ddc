// A hash chain that calls all delegations and computes in between, about 8,500 cycles a round: a
// keccak_f takes 1,792 rows of its table, a poseidon2 64, so that neither outgrows the cycles.
// Tape:   n, seed
// Output: n, then the first 4 elements of the Poseidon2 state and the first 4 lanes of Keccak's
#include "guest_io.h"

enum {
    LANES = 25,
    LANE_WORDS = 2 * LANES,
    STATE_ELEMENTS = 8,
    RATE = 4,
    PERMUTATIONS = 6, // poseidon2 calls in a round, every other one a compression
    OUTPUT_WORDS = 8,
};

// Mixes the Keccak state's words into `value`.
static uint32_t mix(uint32_t value, const uint64_t lanes[LANES]) {
    const uint32_t *words = (const uint32_t *)lanes;
    for (int i = 0; i < LANE_WORDS; i++) {
        value = (value ^ words[i]) * 0x9e3779b1; // the golden ratio, odd
        value ^= value >> 15;
    }
    return value;
}

int hr_guest_main(void) {
    static uint64_t lanes[LANES], state[STATE_ELEMENTS];
    struct {
        uint32_t rounds, seed;
    } tape;
    hr_guest_read(&tape, 2);
    uint32_t value = tape.seed;
    for (uint32_t round = 0; round < tape.rounds; round++) {
        lanes[0] ^= value;
        hr_guest_keccak_f(lanes);
        for (int permutation = 0; permutation < PERMUTATIONS; permutation++) {
            // A sponge that overwrites its rate: 32-bit values are canonical elements.
            for (int i = 0; i < RATE; i++) state[i] = value = mix(value, lanes);
            if (permutation % 2 == 0)
                hr_guest_poseidon2(state);
            else
                hr_guest_poseidon2_compress(state);
        }
        value ^= (uint32_t)state[0];
    }
    hr_guest_write(&tape.rounds, 1);
    hr_guest_write((const uint32_t *)state, OUTPUT_WORDS);
    hr_guest_write((const uint32_t *)lanes, OUTPUT_WORDS);
    return 0;
}
