/* Poseidon2 of 8 independent states: the kernel of the core's state tree, compiled for the level of
 * this library; the portable level permutes one state after the other, which is faster there.
 */
#ifndef HEADRACE_POSEIDON2_HASH_H
#define HEADRACE_POSEIDON2_HASH_H

#include "keccak_x8.h"
#include "poseidon2_impl.h"
#include "../../core/native/poseidon2_x8.h"

/* In/Out: states  element i of state j is states[i][j]; canonical before and after */
static void hr_poseidon2_permute_x8(uint64_t states[HR_POSEIDON2_WIDTH][HR_HASH_LANES]) {
#if defined(__AVX2__)
    _Static_assert((int)HR_LANES == (int)HR_HASH_LANES);
    hr_lanes_permute(states);
#else
    for (int lane = 0; lane < HR_HASH_LANES; lane++) {
        uint64_t state[HR_POSEIDON2_WIDTH];
        for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
            state[i] = states[i][lane];
        }
        hr_poseidon2_permute(state);
        for (int i = 0; i < HR_POSEIDON2_WIDTH; i++) {
            states[i][lane] = state[i];
        }
    }
#endif
}

#endif
