/* The Poseidon2 permutation of the state tree: 8 field elements in place. */
#ifndef HR_ZKVM_DELEGATION_POSEIDON2_H
#define HR_ZKVM_DELEGATION_POSEIDON2_H

#include "delegation.h"
#include "headrace/field.h"
#include "poseidon2_impl.h"

static hr_trap hr_delegation_poseidon2_apply(uint32_t *words) {
    uint64_t elements[HR_POSEIDON2_WIDTH];
    hr_join_halves(elements, words, HR_POSEIDON2_WIDTH);
    for (uint32_t i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        if (!hr_is_canonical(elements[i])) return HR_TRAP_NON_CANONICAL_ELEMENT;
    }
    hr_poseidon2_permute(elements);
    hr_split_halves(words, elements, HR_POSEIDON2_WIDTH);
    return HR_TRAP_NONE;
}

static const hr_delegation hr_delegation_poseidon2 = {
    .code = 0x110,
    .words = 2 * HR_POSEIDON2_WIDTH,
    .apply = hr_delegation_poseidon2_apply,
};

#endif
