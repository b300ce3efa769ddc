/* The multiproof of a batch: leaves of the witness, and the two roots over them.
 *
 * Every loaded leaf has a node that climbs its subtree. At each level its digest is one half of a
 * pair; the sibling is read right beside it, before or behind, and the pair is hashed where it
 * lies: the parent replaces the left half. A node has two such digests, as the tree was and as it
 * is, and both roots come out of one pass, which reads each sibling once. docs/spec/witness.md,
 * section 4. */
#ifndef HEADRACE_BATCH_TREE_H
#define HEADRACE_BATCH_TREE_H

#include "../src/state_impl.h"
#include "batch_machine.h"

/* Leaves are whole blocks. The length of single records is a multiple of 64: headrace/records.h. */
_Static_assert(HR_LEAF_BYTES % (HR_POSEIDON2_RATE * sizeof(uint64_t)) == 0);

/* Leaves of one subtree: what they take in RAM stays far below 2^32 bytes. */
enum { HR_WITNESS_LEAVES_MAX = 1 << 20 };

struct hr_path_node {
    uint64_t *digest;    /* as the tree was; as it is: hr_pair_room() elements further */
    uint32_t number;     /* in its level */
    uint32_t used_words; /* of the leaf as it was: 0, or up to the last one that is not zero */
    uint32_t is_changed;
    uint32_t changed_leaf; /* number of the leaf, if the run has changed it */
    uint64_t leaf[];       /* then room for both digests and their siblings */
};

/* Number of no leaf. */
#define HR_NO_LEAF UINT32_MAX

/* The loaded leaves of a subtree, in ascending order. */
struct hr_path_list {
    uint8_t *loaded; /* their nodes, one after the other */
    uint32_t count;
    hr_digest root; /* as it is; in the end of every subtree */
};

/* state = state + word mod p; a word of a leaf is below p. */
static inline void hr_absorb(uint64_t *state, const uint64_t *word) {
    const hr_half *halves = (const hr_half *)word;
    if (__builtin_expect(hr_poseidon2_absorb(state, halves[0], halves[1]), 0))
        hr_batch_exit(HR_EXIT_BAD_WITNESS);
}

static inline hr_digest *hr_digest_at(uint64_t *elements) {
    return (hr_digest *)elements;
}

static inline bool hr_digest_equal(const hr_digest *a, const hr_digest *b) {
    return a->e[0] == b->e[0] && a->e[1] == b->e[1] && a->e[2] == b->e[2] && a->e[3] == b->e[3];
}

/* Elements for a pair, and for a sibling before it at each level. */
static inline uint32_t hr_pair_room(uint32_t subtree) {
    return HR_POSEIDON2_WIDTH + hr_shapes[subtree].depth * HR_DIGEST_ELEMENTS;
}

static inline uint32_t hr_leaf_words(uint32_t subtree) {
    return hr_shapes[subtree].leaf_bytes / (uint32_t)sizeof(uint64_t);
}

/* Is nothing in the leaf? */
static inline bool hr_leaf_is_zero(const uint64_t *leaf, uint32_t words) {
    for (const uint64_t *end = leaf + words; leaf != end; leaf++)
        if (*leaf != 0) return false;
    return true;
}

/* Hashes a leaf that is not empty, of whole blocks; the digest is at the front of `state`. Words
 * from `used` on are zero. */
static void hr_leaf_digest(uint64_t *state, uint32_t subtree, const uint64_t *leaf, uint32_t words,
                           uint32_t used) {
    uint32_t at = HR_POSEIDON2_RATE;
    for (uint32_t i = 0; i < HR_POSEIDON2_RATE; i++) state[i] = leaf[i];
    state[HR_POSEIDON2_RATE] = HR_LEAF_DOMAIN + subtree;
    state[HR_POSEIDON2_RATE + 1] = words;
    state[HR_POSEIDON2_RATE + 2] = state[HR_POSEIDON2_RATE + 3] = 0;
    hr_batch_permute(state);
    for (; at < used; at += HR_POSEIDON2_RATE) {
        for (uint32_t i = 0; i < HR_POSEIDON2_RATE; i++) hr_absorb(&state[i], &leaf[at + i]);
        hr_batch_permute(state);
    }
    for (; at < words; at += HR_POSEIDON2_RATE) hr_batch_permute(state);
}

/* Reads a leaf and hashes it as it is. Its node and its words are zero before. */
static inline void hr_load_leaf(struct hr_core *c, struct hr_path_node *node, uint32_t subtree,
                                uint32_t least) {
    const uint32_t words = hr_leaf_words(subtree), room = hr_pair_room(subtree);
    hr_tape_read(&node->number, 2);
    const uint32_t number = node->number, used = node->used_words;
    if (number < least || number >> hr_shapes[subtree].depth || used > words)
        hr_batch_exit(HR_EXIT_BAD_WITNESS);
    c->stores[subtree].leaves[number] = (uint8_t *)node->leaf;
    node->digest = node->leaf + words + room - HR_POSEIDON2_WIDTH;
    if (used == 0) return;
    hr_tape_read((uint32_t *)node->leaf, 2 * used);
    if (node->leaf[used - 1] == 0) hr_batch_exit(HR_EXIT_BAD_WITNESS);
    hr_leaf_digest(node->digest, subtree, node->leaf, words, used);
}

static inline uint32_t hr_node_bytes(uint32_t subtree) {
    const uint32_t elements = hr_leaf_words(subtree) + 2 * hr_pair_room(subtree);
    return (uint32_t)sizeof(struct hr_path_node) + elements * (uint32_t)sizeof(uint64_t);
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
    list->loaded = hr_arena_take((size_t)count * hr_node_bytes(subtree));
    struct hr_path_node *node = hr_loaded(list, subtree, 0);
    for (uint32_t i = 0; i < count; i++) {
        hr_load_leaf(c, node, subtree, least);
        least = node->number + 1;
        node = (struct hr_path_node *)((uint8_t *)node + hr_node_bytes(subtree));
    }
}

/* Hashes the leaves that the run has marked, and finds those that it has changed. */
static void hr_rehash_subtree(struct hr_core *c, struct hr_path_list *list, uint32_t subtree) {
    const uint32_t words = hr_leaf_words(subtree), room = hr_pair_room(subtree);
    const uint8_t *is_dirty = &c->dirty.leaves[(size_t)hr_first_block(subtree) << HR_BLOCK_BITS];
    for (uint32_t i = 0; i < list->count; i++) {
        struct hr_path_node *node = hr_loaded(list, subtree, i);
        const uint32_t number = node->number;
        node->changed_leaf = HR_NO_LEAF;
        if (!is_dirty[number]) continue;
        uint64_t *before = node->digest, *after = before + room;
        if (!hr_leaf_is_zero(node->leaf, words))
            hr_leaf_digest(after, subtree, node->leaf, words, words);
        if (hr_digest_equal(hr_digest_at(before), hr_digest_at(after))) continue;
        node->is_changed = 1;
        node->changed_leaf = number;
    }
}

/* Joins a right node to the left one beside it, which becomes their parent. */
static void hr_join(struct hr_path_node *left, const struct hr_path_node *right, uint32_t room) {
    uint64_t *pair = left->digest, *from = right->digest;
    hr_digest *beside = hr_digest_at(pair + HR_DIGEST_ELEMENTS);
    left->number >>= 1;
    *beside = *hr_digest_at(from);
    if (left->is_changed | right->is_changed) {
        if (!left->is_changed) *hr_digest_at(pair + room) = *hr_digest_at(pair);
        *hr_digest_at(pair + room + HR_DIGEST_ELEMENTS) =
            right->is_changed ? *hr_digest_at(from + room) : *beside;
        left->is_changed = 1;
        hr_batch_compress_two(pair, pair + room);
    } else {
        hr_batch_compress(pair);
    }
}

/* Reads the digest beside a path, at `offset` in the pair, and hashes the pair. */
HR_HOT void hr_climb_level(uint64_t *pair, uint32_t offset, uint32_t room, bool is_changed) {
    hr_tape_read((uint32_t *)(pair + offset), sizeof(hr_digest) / sizeof(uint32_t));
    if (is_changed) {
        uint64_t *after = pair + room;
        *hr_digest_at(after + offset) = *hr_digest_at(pair + offset);
        hr_batch_compress_two(pair, after);
    } else {
        hr_batch_compress(pair);
    }
}

HR_HOT void hr_climb_levels(struct hr_path_node *node, uint32_t levels, uint32_t room,
                            bool is_changed) {
    uint64_t *digest = node->digest;
    uint32_t number = node->number;
    for (; levels > 0; levels--) {
        if (number & 1) {
            digest -= HR_DIGEST_ELEMENTS;
            hr_climb_level(digest, 0, room, is_changed);
        } else {
            hr_climb_level(digest, HR_DIGEST_ELEMENTS, room, is_changed);
        }
        number >>= 1;
    }
    node->digest = digest;
    node->number = number;
}

/* Climbs levels on which no other path is met; this is where most hashes are made. */
static void hr_climb(struct hr_path_node *node, uint32_t levels, uint32_t room) {
    if (node->is_changed)
        hr_climb_levels(node, levels, room, true);
    else
        hr_climb_levels(node, levels, room, false);
}

/* Height at which the paths of two leaves are the halves of one pair: that of the highest bit in
 * which they differ, which the machine has no instruction for. */
static inline uint32_t hr_meeting_height(const struct hr_path_node *a,
                                         const struct hr_path_node *b) {
    const uint32_t heights_of_digit = 0xffffaa50; /* two bits for each of 0 to 15 */
    uint32_t rest = a->number ^ b->number, height = 0;
    for (; rest >> 4; rest >>= 4) height += 4;
    return height + (heights_of_digit >> 2 * rest & 3);
}

/* Climbs to the root of a subtree with loaded leaves, leaf after leaf: a path waits where it meets
 * the next one. Out: before, after */
static void hr_subtree_roots(const struct hr_path_list *list, uint32_t subtree, hr_digest *before,
                             hr_digest *after) {
    struct {
        struct hr_path_node *node;
        uint32_t height;
    } waiting[HR_MAX_DEPTH];
    const uint32_t depth = hr_shapes[subtree].depth, room = hr_pair_room(subtree);
    const uint32_t node_bytes = hr_node_bytes(subtree);
    uint32_t waits = 0;
    uint8_t *next = list->loaded;
    for (uint32_t left = list->count;; left--) {
        struct hr_path_node *node = (struct hr_path_node *)next;
        next += node_bytes;
        const uint32_t end =
            left == 1 ? depth : hr_meeting_height(node, (struct hr_path_node *)next);
        uint32_t height = 0;
        for (; waits > 0 && waiting[waits - 1].height < end; height++) {
            const uint32_t meeting = waiting[--waits].height;
            hr_climb(node, meeting - height, room);
            hr_join(waiting[waits].node, node, room);
            node = waiting[waits].node;
            height = meeting;
        }
        hr_climb(node, end - height, room);
        if (left == 1) {
            *before = *hr_digest_at(node->digest);
            *after = *hr_digest_at(node->digest + (node->is_changed ? room : 0));
            return;
        }
        waiting[waits].node = node;
        waiting[waits++].height = end;
    }
}

/* State roots before and after the run; reads the siblings from the tape. */
static void hr_batch_roots(struct hr_core *c, struct hr_path_list lists[HR_SUBTREES],
                           hr_digest *old_root, hr_digest *new_root) {
    hr_digest before[HR_SUBTREES], after[HR_SUBTREES];
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        struct hr_path_list *list = &lists[s];
        before[s] = list->root;
        if (list->count != 0) {
            hr_rehash_subtree(c, list, s);
            hr_subtree_roots(list, s, &before[s], &list->root);
        }
        after[s] = list->root;
    }
    for (uint32_t n = HR_SUBTREES / 2; n > 0; n /= 2)
        for (uint32_t i = 0; i < n; i++) {
            hr_batch_compress((uint64_t *)&before[2 * i]);
            hr_batch_compress((uint64_t *)&after[2 * i]);
            before[i] = before[2 * i];
            after[i] = after[2 * i];
        }
    *old_root = before[0];
    *new_root = after[0];
}

#endif
