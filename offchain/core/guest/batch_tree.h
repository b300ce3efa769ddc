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

/* Leaves have at least a block of words, and end with a whole block or with one word. */
_Static_assert(sizeof(struct hr_signer) / sizeof(uint64_t) % HR_POSEIDON2_RATE == 1);

/* Leaves of one subtree: what they take in RAM stays far below 2^32 bytes. */
enum { HR_WITNESS_LEAVES_MAX = 1 << 20 };

/* A pair of digests, or the state of a sponge. */
struct hr_pair {
    uint64_t e[HR_POSEIDON2_WIDTH];
};

struct hr_path_node {
    struct hr_pair before, after; /* after: only if the node is changed */
    uint32_t number;              /* in its level */
    uint32_t used_words; /* of the leaf as it was: 0, or up to the last one that is not zero */
    uint32_t is_changed;
    uint32_t changed_leaf; /* number of the leaf, if the run has changed it */
    uint64_t leaf[];
};

/* Number of no node: no level has so many. */
#define HR_PATH_END UINT32_MAX

/* The loaded leaves of a subtree, in ascending order. */
struct hr_path_list {
    struct hr_path_node **nodes; /* of the level at hand, and a sentinel */
    uint8_t *loaded;             /* all of them, one after the other */
    uint32_t count;
    hr_digest root; /* as it is; in the end of every subtree */
};

static struct hr_path_node hr_path_sentinel = {.number = HR_PATH_END};

/* Halves of an element, low first. */
typedef uint32_t __attribute__((may_alias)) hr_element_word;

/* state = state + word mod p. A word that is no field element has a high half of 2^32 - 1 and
 * another low half than 0. */
static inline void hr_absorb(uint64_t *state, const uint64_t *word) {
    const hr_element_word *from = (const hr_element_word *)word;
    const uint32_t low = from[0], high = from[1];
    if ((low | high) == 0) return; /* most words are */
    if (__builtin_expect(high == UINT32_MAX, 0) && low != 0) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    hr_element_word *to = (hr_element_word *)state;
    const uint32_t sum_low = to[0] + low, carry = sum_low < low;
    const uint32_t sum = to[1] + high, sum_high = sum + carry;
    if (__builtin_expect((sum < high) | (sum_high < carry), 0) ||
        __builtin_expect(sum_high == UINT32_MAX && sum_low != 0, 0)) {
        to[0] = sum_low - 1; /* - p = + 2^32 - 1 mod 2^64 */
        to[1] = sum_high + (sum_low != 0);
    } else {
        to[0] = sum_low;
        to[1] = sum_high;
    }
}

static inline hr_digest *hr_half(struct hr_pair *pair, uint32_t half) {
    return (hr_digest *)&pair->e[half * HR_DIGEST_ELEMENTS];
}

static inline bool hr_digest_equal(const hr_digest *a, const hr_digest *b) {
    return a->e[0] == b->e[0] && a->e[1] == b->e[1] && a->e[2] == b->e[2] && a->e[3] == b->e[3];
}

/* Is nothing in the leaf? */
static bool hr_leaf_is_zero(const uint64_t *leaf, uint32_t words) {
    for (const uint64_t *end = leaf + words; leaf != end; leaf++)
        if (*leaf != 0) return false;
    return true;
}

/* Hashes a leaf that is not empty in `pair`, into the half that `number` names. Words from `used`
 * on are zero. */
static void hr_leaf_digest(struct hr_pair *pair, uint32_t subtree, uint32_t number,
                           const uint64_t *leaf, uint32_t used) {
    const uint32_t words = hr_shapes[subtree].leaf_bytes / sizeof(uint64_t);
    uint64_t *state = pair->e;
    uint32_t at = HR_POSEIDON2_RATE;
    for (uint32_t i = 0; i < HR_POSEIDON2_RATE; i++) state[i] = leaf[i];
    state[HR_POSEIDON2_RATE] = HR_LEAF_DOMAIN + subtree;
    state[HR_POSEIDON2_RATE + 1] = words;
    state[HR_POSEIDON2_RATE + 2] = state[HR_POSEIDON2_RATE + 3] = 0;
    hr_batch_permute(state);
    for (; at < used; at += HR_POSEIDON2_RATE) {
        hr_absorb(&state[0], &leaf[at]);
        if (words - at >= HR_POSEIDON2_RATE) { /* else one word is left, of a signer */
            hr_absorb(&state[1], &leaf[at + 1]);
            hr_absorb(&state[2], &leaf[at + 2]);
            hr_absorb(&state[3], &leaf[at + 3]);
        }
        hr_batch_permute(state);
    }
    for (; at < words; at += HR_POSEIDON2_RATE) hr_batch_permute(state);
    if (number & 1) *hr_half(pair, 1) = *hr_half(pair, 0);
}

/* Reads a leaf and hashes it as it is. Its node and its words are zero before. */
static void hr_load_leaf(struct hr_core *c, struct hr_path_node *node, uint32_t subtree,
                         uint32_t least) {
    const struct hr_shape *shape = &hr_shapes[subtree];
    hr_tape_read(&node->number, 2);
    const uint32_t number = node->number, used = node->used_words;
    if (number < least || number >> shape->depth || used > shape->leaf_bytes / sizeof(uint64_t))
        hr_batch_exit(HR_EXIT_BAD_WITNESS);
    c->stores[subtree].leaves[number] = (uint8_t *)node->leaf;
    if (used == 0) return;
    hr_tape_read((uint32_t *)node->leaf, 2 * used);
    if (node->leaf[used - 1] == 0) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    hr_leaf_digest(&node->before, subtree, number, node->leaf, used);
}

static inline uint32_t hr_node_bytes(uint32_t subtree) {
    return (uint32_t)sizeof(struct hr_path_node) + hr_shapes[subtree].leaf_bytes;
}

static inline struct hr_path_node *hr_loaded(const struct hr_path_list *list, uint32_t subtree,
                                             uint32_t i) {
    return (struct hr_path_node *)(list->loaded + (size_t)i * hr_node_bytes(subtree));
}

/* Reads the leaves of one subtree. */
static void hr_load_subtree(struct hr_core *c, struct hr_path_list *list, uint32_t subtree) {
    uint32_t count, least = 0;
    hr_tape_read(&count, 1);
    list->count = count;
    if (count == 0) {
        hr_tape_read((uint32_t *)&list->root, sizeof list->root / sizeof(uint32_t));
        return;
    }
    if (count > HR_WITNESS_LEAVES_MAX) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    list->nodes = hr_arena_take(sizeof *list->nodes * ((size_t)count + 1));
    list->loaded = hr_arena_take((size_t)count * hr_node_bytes(subtree));
    for (uint32_t i = 0; i < count; i++) {
        struct hr_path_node *node = hr_loaded(list, subtree, i);
        hr_load_leaf(c, node, subtree, least);
        least = node->number + 1;
        list->nodes[i] = node;
    }
    list->nodes[count] = &hr_path_sentinel;
}

/* Hashes the leaves that the run has marked, and finds those that it has changed. */
static void hr_rehash_subtree(struct hr_core *c, struct hr_path_list *list, uint32_t subtree) {
    const uint32_t words = hr_shapes[subtree].leaf_bytes / sizeof(uint64_t);
    const uint8_t *is_dirty = &c->dirty.leaves[(size_t)hr_first_block(subtree) << HR_BLOCK_BITS];
    for (uint32_t i = 0; i < list->count; i++) {
        struct hr_path_node *node = list->nodes[i];
        const uint32_t number = node->number;
        node->changed_leaf = HR_PATH_END;
        if (!is_dirty[number]) continue;
        if (!hr_leaf_is_zero(node->leaf, words))
            hr_leaf_digest(&node->after, subtree, number, node->leaf, words);
        const hr_digest *before = hr_half(&node->before, number & 1);
        const hr_digest *after = hr_half(&node->after, number & 1);
        node->is_changed = !hr_digest_equal(before, after);
        if (node->is_changed) node->changed_leaf = number;
    }
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
__attribute__((noinline)) static void hr_climb(struct hr_path_list *list) {
    struct hr_path_node **from = list->nodes, **to = list->nodes;
    while ((*from)->number != HR_PATH_END) {
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
        *old = list->root;
        if (list->count != 0) {
            hr_rehash_subtree(c, list, s);
            for (uint32_t height = 0; height < hr_shapes[s].depth; height++) hr_climb(list);
            struct hr_path_node *top = list->nodes[0];
            *old = *hr_half(&top->before, 0);
            list->root = *hr_half(top->is_changed ? &top->after : &top->before, 0);
        }
        *new = list->root;
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
