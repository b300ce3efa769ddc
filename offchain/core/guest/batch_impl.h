/* The proven batch: from a witness to the public output. docs/spec/witness.md.
 *
 * Whoever includes this has defined HR_GUEST and HR_BATCH, and defines what batch_machine.h and
 * store_leaf.h declare. */
#ifndef HEADRACE_BATCH_IMPL_H
#define HEADRACE_BATCH_IMPL_H

#include "../src/envelope_impl.h"
#include "batch_diff.h"
#include "batch_output.h"
#include "batch_tree.h"

enum {
    HR_WITNESS_MAGIC = 0x74775248, /* "HRwt" */
    HR_WITNESS_VERSION = 1,
    HR_WITNESS_HINTS_MAX = 1 << 20,
    HR_WITNESS_ENVELOPES_MAX = 1 << 16,
};

struct hr_witness_head {
    uint32_t magic, version, hint_count, envelope_count;
    struct hr_statement statement;
};

struct hr_batch {
    struct hr_core core;
    struct hr_path_list lists[HR_SUBTREES];
    struct hr_output_parts parts;
    struct hr_valuation valuation;
    uint64_t envelope[HR_ENVELOPE_MAX_BYTES / sizeof(uint64_t)];
    struct hr_event events[HR_ENVELOPE_MAX_EVENTS];
};

/* Directories are as long as the key space. */
static void hr_batch_stores_open(struct hr_core *c) {
    for (uint32_t s = 0; s < HR_SUBTREES; s++)
        c->stores[s].leaves = hr_arena_take(sizeof(uint8_t *) << hr_shapes[s].depth);
}

/* Opens what every batch reads: header, config, oracle and listing record. */
static void hr_batch_open(struct hr_core *c) {
    c->header = HR_AT(c, HR_SUBTREE_HEADER, struct hr_header, 0);
    HR_AT(c, HR_SUBTREE_CONFIG, struct hr_config, 0);
    hr_oracle_at(c);
    hr_listing_at(c);
}

static void hr_batch_load(struct hr_batch *b) {
    struct hr_core *c = &b->core;
    hr_batch_stores_open(c);
    for (uint32_t s = 0; s < HR_SUBTREES; s++) hr_load_subtree(c, &b->lists[s], s);
    hr_batch_open(c);
}

static void hr_batch_read_hints(struct hr_core *c, uint32_t count) {
    if (count > HR_WITNESS_HINTS_MAX) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    uint32_t *hints = hr_arena_take(sizeof *hints * ((size_t)count + 1));
    hr_tape_read(hints, count);
    c->hints.tape = hints;
    c->hints.tape_count = count;
}

/* Applies the next envelope of the tape. An envelope that is refused is no part of a batch. */
__attribute__((noinline)) static void hr_batch_apply_next(struct hr_batch *b) {
    struct hr_core *c = &b->core;
    uint32_t length;
    hr_tape_read(&length, 1);
    if (length > sizeof b->envelope) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    hr_tape_read((uint32_t *)b->envelope, (length + sizeof length - 1) / sizeof length);
    c->events = b->events;
    c->events_end = b->events + HR_ENVELOPE_MAX_EVENTS;
    const int code = hr_apply_envelope(c, (const uint8_t *)b->envelope, length);
    if (code == HR_TRAP) hr_batch_exit(HR_EXIT_TRAP);
    if (code != HR_E_OK) hr_batch_exit(HR_EXIT_REFUSED_ENVELOPE);
    hr_output_take(&b->parts, c, (const uint8_t *)b->envelope, b->events);
}

/* Runs the program. Out: words  the public output */
static void hr_batch_run(struct hr_batch *b, uint32_t words[HR_OUTPUT_WORDS]) {
    struct hr_core *c = &b->core;
    struct hr_witness_head head;
    hr_digest old_root, new_root;
    hr_tape_read((uint32_t *)&head, sizeof head / sizeof(uint32_t));
    if (head.magic != HR_WITNESS_MAGIC || head.version != HR_WITNESS_VERSION ||
        head.statement.da_mode > HR_DA_ROLLUP || head.envelope_count == 0 ||
        head.envelope_count > HR_WITNESS_ENVELOPES_MAX)
        hr_batch_exit(HR_EXIT_BAD_WITNESS);
    hr_batch_load(b);
    hr_batch_read_hints(c, head.hint_count);
    hr_output_begin(&b->parts, c, &head.statement);
    for (uint32_t left = head.envelope_count; left > 0; left--) {
        /* the envelope that seals the batch is its last one */
        if (c->header->batch_number != b->parts.before.batch_number)
            hr_batch_exit(HR_EXIT_NOT_ONE_BATCH);
        hr_batch_apply_next(b);
    }
    if (c->header->batch_number != b->parts.before.batch_number + 1)
        hr_batch_exit(HR_EXIT_NOT_ONE_BATCH);
    hr_touch_leaf(c, HR_SUBTREE_HEADER, 0); /* every envelope changes it */
    hr_valuation_table(c, &b->valuation);
    hr_batch_roots(c, b->lists, &old_root, &new_root);
    hr_output_end(&b->parts, c, &b->valuation, &old_root, &new_root, words);
    if (head.statement.da_mode == HR_DA_ROLLUP) {
        uint8_t commitment[HR_ABI_BYTES];
        hr_diff_commitment(b->lists, &b->valuation, commitment);
        hr_out_bytes(words, HR_OUT_DA_COMMITMENT, commitment);
    }
}

#endif
