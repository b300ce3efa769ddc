/* The Poseidon2 permutation of the state tree: 8 field elements in place. Compression adds the
 * first four elements of its input to those of the result. */
#ifndef HR_ZKVM_DELEGATION_POSEIDON2_H
#define HR_ZKVM_DELEGATION_POSEIDON2_H

#include "delegation.h"
#include "headrace/field.h"
#include "poseidon2_impl.h"

/* Out: elements  of the words. Returns: HR_TRAP_NONE if all are below p */
static hr_trap hr_delegation_poseidon2_elements(uint64_t elements[HR_POSEIDON2_WIDTH],
                                                const uint32_t *words) {
    hr_join_halves(elements, words, HR_POSEIDON2_WIDTH);
    for (uint32_t i = 0; i < HR_POSEIDON2_WIDTH; i++) {
        if (!hr_is_canonical(elements[i])) return HR_TRAP_NON_CANONICAL_ELEMENT;
    }
    return HR_TRAP_NONE;
}

static hr_trap hr_delegation_poseidon2_apply(uint32_t *words) {
    uint64_t elements[HR_POSEIDON2_WIDTH];
    const hr_trap trap = hr_delegation_poseidon2_elements(elements, words);
    if (trap) return trap;
    hr_poseidon2_permute(elements);
    hr_split_halves(words, elements, HR_POSEIDON2_WIDTH);
    return HR_TRAP_NONE;
}

static hr_trap hr_delegation_poseidon2_compress_apply(uint32_t *words) {
    uint64_t elements[HR_POSEIDON2_WIDTH];
    const hr_trap trap = hr_delegation_poseidon2_elements(elements, words);
    if (trap) return trap;
    hr_poseidon2_compress(elements);
    hr_split_halves(words, elements, HR_POSEIDON2_WIDTH);
    return HR_TRAP_NONE;
}

static const hr_delegation hr_delegation_poseidon2 = {
    .code = 0x110,
    .words = 2 * HR_POSEIDON2_WIDTH,
    .apply = hr_delegation_poseidon2_apply,
};

static const hr_delegation hr_delegation_poseidon2_compress = {
    .code = 0x112,
    .words = 2 * HR_POSEIDON2_WIDTH,
    .apply = hr_delegation_poseidon2_compress_apply,
};

#endif
