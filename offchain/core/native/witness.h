/* Public interface of libheadrace_witness. Calls of different threads are independent. */
#ifndef HEADRACE_WITNESS_H
#define HEADRACE_WITNESS_H

#include "headrace/core.h"

/* hr_core_leaf of the library that made the core. */
typedef uint32_t hr_leaf_reader(struct hr_core *core, uint32_t subtree, uint32_t leaf,
                                uint8_t *bytes);

struct hr_find {
    hr_leaf_reader *read;
    struct hr_core *core;      /* in the state before the batch; it is not changed */
    const uint32_t *hints;     /* of the run, as a core recorded them */
    const uint32_t *envelopes; /* as in the witness: length, bytes, padding */
    uint32_t hint_count, envelope_words, found_capacity;
};

/* Applies envelopes to a state of which only those leaves are read that the run reaches.
 * Out: found        (subtree, leaf) of each, in the order in which they are reached
 *      found_count
 * Returns: 0, or an exit code of guest/batch_machine.h; HR_EXIT_MISSING_LEAF also when there are
 * more than found_capacity */
HR_API int32_t hr_witness_find(const struct hr_find *find, uint32_t *found, uint32_t *found_count);

/* Runs a witness as the guest does.
 * Out: output        224 words, if the code is 0
 *      unread_words  what was left of the tape
 * Returns: 0 or an exit code; 1 when the tape ends too early, which is a trap in the guest */
HR_API int32_t hr_witness_run(const uint32_t *tape, uint32_t words, uint32_t *output,
                              uint32_t *unread_words);

#endif
