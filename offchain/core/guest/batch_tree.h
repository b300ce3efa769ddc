/* The multiproof of a batch: leaves of the witness, and the two roots over them.
 *
 * Every loaded leaf has a node that climbs its subtree. A node holds two pairs of digests: as the
 * tree was, and as it is. Its own digest lies in the half of the pair that its number names, so
 * that a sibling is read right beside it and the pair is hashed where it lies. Both roots come
 * out of one pass, which reads each sibling once. docs/spec/witness.md, section 4. */
#ifndef HEADRACE_BATCH_TREE_H
#define HEADRACE_BATCH_TREE_H

#include "../src/state_impl.h"
#include "batch_machine.h"

/* A pair of digests, or the state of a sponge. */
struct hr_pair {
    uint64_t e[HR_POSEIDON2_WIDTH];
};

struct hr_path_node {
    struct hr_pair before, after; /* after: only if the node is changed */
    uint32_t is_changed;
    uint32_t number; /* in its level; read from the tape with the leaf behind it */
    uint64_t leaf[];
};

/* The loaded leaves of a subtree, in ascending order, with a sentinel at the end. */
struct hr_path_list {
    struct hr_path_node **nodes;
    uint32_t count;
    hr_digest root; /* of a subtree without loaded leaves */
};

enum { HR_PATH_END = UINT32_MAX }; /* number of the sentinel: no level has so many nodes */

static struct hr_path_node hr_path_sentinel = {.number = (uint32_t)HR_PATH_END};

/* Refuses words that are no field elements; p - 1 alone has such a high half. */
static inline void hr_check_element(uint64_t word) {
    if (__builtin_expect((uint32_t)(word >> 32) == UINT32_MAX, 0) && (uint32_t)word != 0)
        hr_batch_exit(HR_EXIT_BAD_WITNESS);
}

/* a + b of canonical elements, canonical. */
static inline uint64_t hr_element_add(uint64_t a, uint64_t b) {
    const uint64_t sum = a + b;
    return sum < a || sum >= HR_GOLDILOCKS_P ? sum - HR_GOLDILOCKS_P : sum;
}

/* Hashes a leaf in `pair`, into the half that `number` names. An empty leaf has digest zero. */
static void hr_leaf_digest(struct hr_pair *pair, uint32_t subtree, uint32_t number,
                           const uint64_t *leaf) {
    const uint32_t words = hr_shapes[subtree].leaf_bytes / sizeof(uint64_t);
    uint32_t at = 0;
    while (at < words && leaf[at] == 0) at++;
    *pair = (struct hr_pair){0};
    if (at == words) return;
    pair->e[HR_POSEIDON2_RATE] = HR_LEAF_DOMAIN + subtree;
    pair->e[HR_POSEIDON2_RATE + 1] = words;
    for (at = 0; at < words; at += HR_POSEIDON2_RATE) {
        const uint32_t left = words - at;
        for (uint32_t i = 0; i < HR_POSEIDON2_RATE && i < left; i++) {
            const uint64_t word = leaf[at + i];
            if (word == 0) continue;
            hr_check_element(word);
            pair->e[i] = hr_element_add(pair->e[i], word);
        }
        hr_batch_permute(pair->e);
    }
    if (number & 1)
        __builtin_memcpy(&pair->e[HR_DIGEST_ELEMENTS], pair->e, sizeof(hr_digest));
}

/* Reads the leaves of one subtree and hashes them as they are. */
static void hr_load_subtree(struct hr_core *c, struct hr_path_list *list, uint32_t subtree) {
    const struct hr_shape *shape = &hr_shapes[subtree];
    const uint32_t node_bytes = (uint32_t)sizeof(struct hr_path_node) + shape->leaf_bytes;
    const size_t words = (sizeof(uint32_t) + shape->leaf_bytes) / sizeof(uint32_t);
    uint32_t count, least = 0;
    hr_tape_read(&count, 1);
    list->count = count;
    if (count == 0) {
        hr_tape_read((uint32_t *)&list->root, sizeof list->root / sizeof(uint32_t));
        return;
    }
    if (count > 1u << shape->depth) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    list->nodes = hr_arena_take(sizeof *list->nodes * ((size_t)count + 1));
    for (uint32_t i = 0; i < count; i++) {
        struct hr_path_node *node = hr_arena_take(node_bytes);
        hr_tape_read(&node->number, words);
        const uint32_t number = node->number;
        if (number < least || number >> shape->depth) hr_batch_exit(HR_EXIT_BAD_WITNESS);
        least = number + 1;
        hr_leaf_digest(&node->before, subtree, number, node->leaf);
        c->stores[subtree].leaves[number] = (uint8_t *)node->leaf;
        list->nodes[i] = node;
    }
    list->nodes[count] = &hr_path_sentinel;
}

/* Hashes the leaves that the run has changed. */
static void hr_rehash_subtree(struct hr_core *c, struct hr_path_list *list, uint32_t subtree) {
    const uint8_t *is_dirty = &c->dirty.leaves[(size_t)hr_first_block(subtree) << HR_BLOCK_BITS];
    for (uint32_t i = 0; i < list->count; i++) {
        struct hr_path_node *node = list->nodes[i];
        node->is_changed = is_dirty[node->number];
        if (node->is_changed) hr_leaf_digest(&node->after, subtree, node->number, node->leaf);
    }
}

static inline hr_digest *hr_half(struct hr_pair *pair, uint32_t half) {
    return (hr_digest *)&pair->e[half * HR_DIGEST_ELEMENTS];
}

/* Joins a right node to the left one beside it. */
static inline void hr_join(struct hr_path_node *left, struct hr_path_node *right) {
    if (left->is_changed | right->is_changed) {
        if (!left->is_changed) *hr_half(&left->after, 0) = *hr_half(&left->before, 0);
        *hr_half(&left->after, 1) = *hr_half(right->is_changed ? &right->after : &right->before, 1);
        left->is_changed = 1;
    }
    *hr_half(&left->before, 1) = *hr_half(&right->before, 1);
}

/* Reads the sibling of a node whose neighbour is not on a path. */
static inline void hr_read_sibling(struct hr_path_node *node, uint32_t half) {
    hr_digest *sibling = hr_half(&node->before, half);
    hr_tape_read((uint32_t *)sibling, sizeof *sibling / sizeof(uint32_t));
    if (node->is_changed) *hr_half(&node->after, half) = *sibling;
}

/* Replaces the nodes of a level by their parents. */
static void hr_climb(struct hr_path_list *list) {
    struct hr_path_node **from = list->nodes, **to = list->nodes;
    while ((*from)->number != (uint32_t)HR_PATH_END) {
        struct hr_path_node *node = *from++;
        const uint32_t number = node->number, parent = number >> 1;
        if (number & 1)
            hr_read_sibling(node, 0);
        else if ((*from)->number == number + 1)
            hr_join(node, *from++);
        else
            hr_read_sibling(node, 1);
        hr_batch_compress(node->before.e);
        if (parent & 1) *hr_half(&node->before, 1) = *hr_half(&node->before, 0);
        if (node->is_changed) {
            hr_batch_compress(node->after.e);
            if (parent & 1) *hr_half(&node->after, 1) = *hr_half(&node->after, 0);
        }
        node->number = parent;
        *to++ = node;
    }
    *to = &hr_path_sentinel;
}

/* State roots before and after the run; reads the siblings from the tape. */
static void hr_batch_roots(struct hr_core *c, struct hr_path_list lists[HR_SUBTREES],
                           hr_digest *old_root, hr_digest *new_root) {
    struct hr_pair before[HR_SUBTREES / 2], after[HR_SUBTREES / 2];
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        struct hr_path_list *list = &lists[s];
        hr_digest *old = hr_half(&before[s / 2], s % 2), *new = hr_half(&after[s / 2], s % 2);
        *old = *new = list->root;
        if (list->count == 0) continue;
        hr_rehash_subtree(c, list, s);
        for (uint32_t height = 0; height < hr_shapes[s].depth; height++) hr_climb(list);
        struct hr_path_node *top = list->nodes[0];
        *old = *hr_half(&top->before, 0);
        *new = *hr_half(top->is_changed ? &top->after : &top->before, 0);
    }
    for (uint32_t pairs = HR_SUBTREES / 2; pairs > 0; pairs /= 2)
        for (uint32_t i = 0; i < pairs; i++) {
            hr_batch_compress(before[i].e);
            hr_batch_compress(after[i].e);
            *hr_half(&before[i / 2], i % 2) = *hr_half(&before[i], 0);
            *hr_half(&after[i / 2], i % 2) = *hr_half(&after[i], 0);
        }
    *old_root = *hr_half(&before[0], 0);
    *new_root = *hr_half(&after[0], 0);
}

#endif
