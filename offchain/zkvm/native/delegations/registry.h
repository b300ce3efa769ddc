/* All delegations, in the order of ../../delegations/__init__.py. */
#ifndef HR_ZKVM_DELEGATION_REGISTRY_H
#define HR_ZKVM_DELEGATION_REGISTRY_H

#include "keccak_f.h"
#include "poseidon2.h"

static const hr_delegation *const hr_delegations[] = {
    &hr_delegation_poseidon2,
    &hr_delegation_keccak_f,
    &hr_delegation_poseidon2_compress,
};

enum { HR_DELEGATIONS = sizeof hr_delegations / sizeof *hr_delegations };

#endif
