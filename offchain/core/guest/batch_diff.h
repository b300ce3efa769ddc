/* The state diff of a batch and its commitment: docs/spec/state-diff.md. The bytes are hashed as
 * they come; nobody stores them here. */
#ifndef HEADRACE_BATCH_DIFF_H
#define HEADRACE_BATCH_DIFF_H

#include "../src/valuation_impl.h"
#include "batch_tree.h"

enum {
    HR_DIFF_CHUNK_BYTES = 100000, /* whole words */
    HR_DIFF_BYTES_MAX = 1 << 24,
    HR_DIFF_WORD_BITS = 32,
};
_Static_assert(HR_DIFF_CHUNK_BYTES % sizeof(uint32_t) == 0);

/* The bytes so far: whole words are hashed, up to three wait for the rest of theirs. */
struct hr_diff {
    hr_keccak256_state chunk;
    uint32_t chunk_bytes, total_bytes;
    uint32_t waiting, waiting_bits;
    alignas(uint32_t) uint8_t commitment[HR_KECCAK256_BYTES];
};

/* Ends a chunk: commitment = keccak256("HRdata01" | commitment | keccak256(chunk)). */
static void hr_diff_end_chunk(struct hr_diff *d) {
    static const char tag[] = "HRdata01";
    alignas(uint32_t) uint8_t chunk_hash[HR_KECCAK256_BYTES];
    hr_keccak256_final(&d->chunk, chunk_hash);
    hr_keccak256_init(&d->chunk);
    hr_keccak256_update(&d->chunk, (const uint8_t *)tag, sizeof tag - 1);
    hr_keccak256_update(&d->chunk, d->commitment, sizeof d->commitment);
    hr_keccak256_update(&d->chunk, chunk_hash, sizeof chunk_hash);
    hr_keccak256_final(&d->chunk, d->commitment);
    hr_keccak256_init(&d->chunk);
    d->chunk_bytes = 0;
}

static inline void hr_diff_emit(struct hr_diff *d, uint32_t word) {
    ((hr_keccak_word *)d->chunk.lanes)[d->chunk.filled / sizeof word] ^= word;
    d->chunk.filled += sizeof word;
    if (d->chunk.filled == HR_KECCAK256_RATE_BYTES) {
        hr_keccak_f1600(d->chunk.lanes);
        d->chunk.filled = 0;
    }
    d->chunk_bytes += sizeof word;
    if (d->chunk_bytes == HR_DIFF_CHUNK_BYTES) hr_diff_end_chunk(d);
}

static void hr_diff_count(struct hr_diff *d, uint32_t bytes) {
    d->total_bytes += bytes;
    if (d->total_bytes > HR_DIFF_BYTES_MAX) hr_batch_exit(HR_EXIT_LIMIT);
}

static void hr_diff_byte(struct hr_diff *d, uint32_t byte) {
    hr_diff_count(d, 1);
    d->waiting |= byte << d->waiting_bits;
    d->waiting_bits += 8;
    if (d->waiting_bits < HR_DIFF_WORD_BITS) return;
    hr_diff_emit(d, d->waiting);
    d->waiting = d->waiting_bits = 0;
}

static void hr_diff_number(struct hr_diff *d, uint32_t number) {
    for (int32_t shift = HR_DIFF_WORD_BITS - 8; shift >= 0; shift -= 8)
        hr_diff_byte(d, number >> shift & 0xFF);
}

static void hr_diff_words(struct hr_diff *d, const uint64_t *elements, uint32_t count) {
    const uint32_t *words = (const uint32_t *)(const hr_half *)elements;
    const uint32_t bits = d->waiting_bits;
    hr_diff_count(d, count * (uint32_t)sizeof *elements);
    for (uint32_t i = 0; i < 2 * count; i++) {
        hr_diff_emit(d, d->waiting | words[i] << bits);
        d->waiting = bits == 0 ? 0 : words[i] >> (HR_DIFF_WORD_BITS - bits);
    }
}

/* Are the leaves of a subtree published? Of the others, only the root is. */
static bool hr_is_published(uint32_t subtree) {
    return subtree != HR_SUBTREE_HEADER && subtree != HR_SUBTREE_SIGNERS &&
           subtree != HR_SUBTREE_ORDERS && subtree != HR_SUBTREE_LEVELS &&
           subtree != HR_SUBTREE_DUTIES;
}

/* A leaf without the zeros at its end. */
static void hr_diff_leaf(struct hr_diff *d, uint32_t subtree, const struct hr_path_node *node) {
    uint32_t used = hr_leaf_words(subtree);
    while (used > 0 && node->leaf[used - 1] == 0) used--;
    hr_diff_number(d, node->changed_leaf);
    hr_diff_byte(d, used);
    hr_diff_words(d, node->leaf, used);
}

static void hr_diff_subtree(struct hr_diff *d, const struct hr_path_list *list, uint32_t subtree) {
    uint32_t changed = 0;
    for (uint32_t i = 0; i < list->count; i++)
        changed += hr_loaded(list, subtree, i)->changed_leaf != HR_NO_LEAF;
    if (changed == 0) return;
    hr_diff_byte(d, subtree);
    hr_diff_number(d, changed);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct hr_path_node *node = hr_loaded(list, subtree, i);
        if (node->changed_leaf != HR_NO_LEAF) hr_diff_leaf(d, subtree, node);
    }
}

/* Commitment of the diff; the roots of all subtrees are in `lists`. */
static void hr_diff_commitment(const struct hr_path_list lists[HR_SUBTREES],
                               const struct hr_valuation *table,
                               uint8_t commitment[HR_KECCAK256_BYTES]) {
    static const char tag[] = "HRdiff05";
    struct hr_diff d = {0};
    for (const char *at = tag; *at; at++) hr_diff_byte(&d, (uint8_t)*at);
    for (uint32_t s = 0; s < HR_SUBTREES; s++)
        if (!hr_is_published(s)) hr_diff_words(&d, lists[s].root.e, HR_DIGEST_ELEMENTS);
    hr_diff_number(&d, hr_valuation_bytes(table));
    hr_diff_words(&d, table->big_endian, table->count);
    for (uint32_t s = 0; s < HR_SUBTREES; s++)
        if (hr_is_published(s)) hr_diff_subtree(&d, &lists[s], s);
    const uint32_t rest = d.waiting_bits / 8;
    hr_keccak256_update(&d.chunk, (const uint8_t *)&d.waiting, rest);
    if (d.chunk_bytes + rest > 0) hr_diff_end_chunk(&d);
    __builtin_memcpy(commitment, d.commitment, HR_KECCAK256_BYTES);
}

#endif
