/* Record store of a batch: exactly the leaves that the witness opened. A directory entry of NULL
 * means that the leaf is not known: nothing is made up for it. The directories are as long as the
 * key space, but untouched RAM costs nothing. */
#ifndef HEADRACE_STORE_LEAF_H
#define HEADRACE_STORE_LEAF_H

#include <stddef.h>
#include <stdint.h>

#include "batch_machine.h"

struct hr_store {
    uint8_t **leaves; /* by leaf number */
};

/* What to do about a leaf that the run reaches and the witness lacks, or that lies outside of its
 * subtree. Returns: its bytes; the guest does not return. */
static uint8_t *hr_leaf_missing(uint32_t subtree, uint32_t leaf);

static inline __attribute__((always_inline)) void *
hr_store_at(const struct hr_store *stores, uint32_t subtree, uint32_t record, size_t record_bytes) {
    const uint32_t log2_per_leaf = hr_shapes[subtree].log2_per_leaf;
    const uint32_t leaf = record >> log2_per_leaf;
    uint8_t *at = NULL;
    if (__builtin_expect(leaf >> hr_shapes[subtree].depth == 0, 1))
        at = stores[subtree].leaves[leaf];
    if (__builtin_expect(at == NULL, 0)) at = hr_leaf_missing(subtree, leaf);
    return at + (record & ((1u << log2_per_leaf) - 1)) * record_bytes;
}

#endif
