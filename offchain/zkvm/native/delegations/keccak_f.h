/* Keccak-f[1600]: 25 lanes in place, lane (x, y) at x + 5 y. */
#ifndef HR_ZKVM_DELEGATION_KECCAK_F_H
#define HR_ZKVM_DELEGATION_KECCAK_F_H

#include "delegation.h"
#include "keccak_impl.h"

static hr_trap hr_delegation_keccak_f_apply(uint32_t *words) {
    uint64_t lanes[HR_KECCAK_LANES];
    hr_join_halves(lanes, words, HR_KECCAK_LANES);
    hr_keccak_f1600(lanes);
    hr_split_halves(words, lanes, HR_KECCAK_LANES);
    return HR_TRAP_NONE;
}

static const hr_delegation hr_delegation_keccak_f = {
    .code = 0x111,
    .words = 2 * HR_KECCAK_LANES,
    .apply = hr_delegation_keccak_f_apply,
};

#endif
