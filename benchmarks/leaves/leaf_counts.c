/* The native core with one more function, for the benchmark of leaf sizes: what the two state roots
 * of a batch cost. offchain/bench/leaves.py compiles this with -DHR_LEAF_BYTES=... */
#include "native/native.c"

/* Cost of one subtree. The proof of a batch hashes every touched leaf and every node above one
 * twice: as it was, for the old root, and as it is, for the new one. */
struct hr_subtree_cost {
    uint64_t leaves, leaf_bytes; /* touched leaves, and their bytes */
    uint64_t old_leaf_permutations, new_leaf_permutations;
    uint64_t inner_nodes; /* one permutation each, for each of the two roots */
};

_Static_assert(sizeof(struct hr_subtree_cost) == 40); /* offchain/bench/leaves.py */

/* Brings the tree up to date, as hr_core_root does.
 * Out: costs  HR_SUBTREES entries, what has changed since the last root */
HR_API void hr_bench_root_costs(struct hr_core *c, struct hr_subtree_cost *costs) {
    hr_touch_leaf(c, HR_SUBTREE_HEADER, 0); /* as hr_state_root does */
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        const struct hr_shape *shape = &hr_shapes[s];
        const uint32_t per_leaf =
            (shape->leaf_bytes / 8 + HR_POSEIDON2_RATE - 1) / HR_POSEIDON2_RATE;
        uint64_t old_permutations = 0;
        const uint32_t n = hr_dirty_take(c, s);
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t leaf = c->leaf_list[i];
            /* The node still holds the old digest; an empty leaf is zero without hashing. */
            if (!hr_digest_is_zero(hr_store_node(&c->stores[s], (1u << shape->depth) + leaf)))
                old_permutations += per_leaf;
            hr_touch_leaf(c, s, leaf);
        }
        const uint64_t leaves_before = c->permutations[0], inner_before = c->permutations[1];
        hr_subtree_root(c, s);
        costs[s] = (struct hr_subtree_cost){
            n,
            (uint64_t)n * shape->leaf_bytes,
            old_permutations,
            c->permutations[0] - leaves_before,
            c->permutations[1] - inner_before,
        };
    }
}
