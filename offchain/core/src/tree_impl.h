/* State tree: sparse Merkle subtrees, brought up to date from the dirty leaves.
 * A zero node above the leaves stands for the empty subtree of its height. */
#ifndef HEADRACE_TREE_IMPL_H
#define HEADRACE_TREE_IMPL_H

#include "state_impl.h"

enum {
    HR_HASH_BATCH = 64,
    /* the longest leaf: of the risk subtree, as long as the header, or of many records */
    HR_MAX_LEAF_BYTES = HR_RISK_LEAF_BYTES > HR_LEAF_BYTES ? HR_RISK_LEAF_BYTES : HR_LEAF_BYTES,
};
_Static_assert(sizeof(struct hr_header) <= HR_MAX_LEAF_BYTES);

static inline bool hr_digest_is_zero(const hr_digest *d) {
    return !(d->e[0] | d->e[1] | d->e[2] | d->e[3]);
}

/* Root of an empty subtree; height 0 is the zero digest. */
static const hr_digest *hr_empty_digest(struct hr_core *c, uint32_t height) {
    for (; c->empty_known < height; c->empty_known++)
        hr_compress(&c->empty[c->empty_known + 1], &c->empty[c->empty_known],
                    &c->empty[c->empty_known]);
    return &c->empty[height];
}

/* Blocks of a subtree to look at. Orders and levels are dense, and their blocks have no marks. */
static uint32_t hr_blocks_in_use(struct hr_core *c, uint32_t subtree) {
    const struct hr_shape *shape = &hr_shapes[subtree];
    if (subtree != HR_SUBTREE_ORDERS && subtree != HR_SUBTREE_LEVELS)
        return HR_BLOCKS(shape->depth);
    const uint64_t last_slot =
        subtree == HR_SUBTREE_ORDERS ? c->header->orders_used : c->header->levels_used;
    return (uint32_t)(last_slot >> (shape->log2_per_leaf + HR_BLOCK_BITS)) + 1;
}

/* Lists the changed leaves of a subtree in ascending order and forgets them. */
static uint32_t hr_dirty_take(struct hr_core *c, uint32_t subtree) {
    const uint32_t blocks = hr_blocks_in_use(c, subtree), first = hr_first_block(subtree);
    const bool has_marks = subtree != HR_SUBTREE_ORDERS && subtree != HR_SUBTREE_LEVELS;
    uint32_t n = 0;
    for (uint32_t block = 0; block < blocks; block++) {
        if (has_marks && !c->dirty.blocks[first + block]) continue;
        c->dirty.blocks[first + block] = 0;
        uint8_t *leaves = &c->dirty.leaves[(size_t)(first + block) << HR_BLOCK_BITS];
        for (uint32_t word = 0; word < 1u << HR_BLOCK_BITS; word += 8) {
            uint64_t eight;
            __builtin_memcpy(&eight, &leaves[word], 8);
            if (eight == 0) continue;
            for (uint32_t leaf = word; leaf < word + 8; leaf++) {
                if (!leaves[leaf]) continue;
                leaves[leaf] = 0;
                if (n == c->leaf_list_capacity)
                    hr_trap(c);
                else
                    c->leaf_list[n++] = block << HR_BLOCK_BITS | leaf;
            }
        }
    }
    return n;
}

/* A record seen as the words that are hashed. */
typedef uint64_t __attribute__((may_alias)) hr_leaf_word;

static bool hr_words_are_zero(const hr_leaf_word *words, uint32_t n) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++) any |= words[i];
    return any == 0;
}

/* Hashes the leaves of `list` into the node store. */
static void hr_hash_leaves(struct hr_core *c, uint32_t subtree, const uint32_t *list, uint32_t n) {
    const struct hr_shape *shape = &hr_shapes[subtree];
    const uint32_t words = shape->leaf_bytes / 8;
    uint64_t input[HR_HASH_BATCH * HR_MAX_LEAF_BYTES / sizeof(uint64_t)];
    hr_digest output[HR_HASH_BATCH];
    uint32_t chosen[HR_HASH_BATCH], filled = 0;
    for (uint32_t i = 0; i <= n; i++) {
        if (filled == HR_HASH_BATCH || i == n) {
            hr_hash_words_many(output, HR_LEAF_DOMAIN + subtree, input, words, filled);
            c->permutations[0] +=
                (uint64_t)filled * ((words + HR_POSEIDON2_RATE - 1) / HR_POSEIDON2_RATE);
            for (uint32_t k = 0; k < filled; k++)
                *hr_store_node(&c->stores[subtree], (1u << shape->depth) + chosen[k]) = output[k];
            filled = 0;
            if (i == n) break;
        }
        const uint64_t *leaf = hr_store_leaf(&c->stores[subtree], shape, list[i]);
        if (hr_words_are_zero(leaf, words)) {
            *hr_store_node(&c->stores[subtree], (1u << shape->depth) + list[i]) = (hr_digest){0};
            continue;
        }
        __builtin_memcpy(&input[(size_t)filled * words], leaf, shape->leaf_bytes);
        chosen[filled++] = list[i];
    }
}

/* Hashes the parents (node numbers in `list`) of one level. */
static void hr_hash_parents(struct hr_core *c, struct hr_store *store, const uint32_t *list,
                            uint32_t n, uint32_t child_height) {
    const hr_digest *empty = hr_empty_digest(c, child_height);
    hr_digest pairs[2 * HR_HASH_BATCH], output[HR_HASH_BATCH];
    for (uint32_t done = 0; done < n;) {
        const uint32_t batch = n - done < HR_HASH_BATCH ? n - done : HR_HASH_BATCH;
        for (uint32_t k = 0; k < batch; k++)
            for (uint32_t side = 0; side < 2; side++) {
                const hr_digest *child = hr_store_node(store, 2 * list[done + k] + side);
                pairs[2 * k + side] = hr_digest_is_zero(child) ? *empty : *child;
            }
        hr_compress_many(output, pairs, batch);
        for (uint32_t k = 0; k < batch; k++) *hr_store_node(store, list[done + k]) = output[k];
        done += batch;
    }
}

/* Brings one subtree up to date and returns its root; clears its dirty leaves. */
static hr_digest hr_subtree_root(struct hr_core *c, uint32_t subtree) {
    const struct hr_shape *shape = &hr_shapes[subtree];
    struct hr_store *store = &c->stores[subtree];
    uint32_t *list = c->leaf_list, n = hr_dirty_take(c, subtree);
    hr_hash_leaves(c, subtree, list, n);
    for (uint32_t i = 0; i < n; i++) list[i] += 1u << shape->depth;
    for (uint32_t height = 0; height < shape->depth; height++) {
        uint32_t parents = 0;
        for (uint32_t i = 0; i < n; i++)
            if (parents == 0 || list[parents - 1] != list[i] >> 1) list[parents++] = list[i] >> 1;
        n = parents;
        hr_hash_parents(c, store, list, n, height);
        c->permutations[1] += n;
    }
    const hr_digest *root = hr_store_node(store, 1);
    return hr_digest_is_zero(root) ? *hr_empty_digest(c, shape->depth) : *root;
}

/* State root over all subtrees. */
static void hr_state_root(struct hr_core *c, hr_digest *root) {
    hr_digest nodes[HR_SUBTREES];
    hr_touch_leaf(c, HR_SUBTREE_HEADER, 0); /* every op changes it */
    for (uint32_t s = 0; s < HR_SUBTREES; s++) nodes[s] = hr_subtree_root(c, s);
    for (uint32_t n = HR_SUBTREES / 2; n > 0; n /= 2)
        for (uint32_t i = 0; i < n; i++) hr_compress(&nodes[i], &nodes[2 * i], &nodes[2 * i + 1]);
    *root = nodes[0];
}

#endif
