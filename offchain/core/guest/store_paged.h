/* Guest record store: pages of sixteen leaves and of 32 nodes, taken zeroed from an arena at the
 * first access. The page directories are as long as the key space, but untouched RAM costs nothing.
 */
#ifndef HEADRACE_STORE_PAGED_H
#define HEADRACE_STORE_PAGED_H

#include <stddef.h>
#include <stdint.h>

enum { HR_PAGE_LEAVES_LOG2 = 4, HR_PAGE_NODES_LOG2 = 5 };

struct hr_store {
    uint8_t **pages;
    hr_digest **node_pages;
    const struct hr_shape *shape;
};

/* Takes zeroed, 8-byte aligned memory; exits with HR_EXIT_OUT_OF_MEMORY when the arena is used up.
 */
static void *hr_arena_take(size_t bytes);

static inline uint8_t *hr_store_page(struct hr_store *store, uint32_t page) {
    if (!store->pages[page])
        store->pages[page] = hr_arena_take((size_t)store->shape->leaf_bytes << HR_PAGE_LEAVES_LOG2);
    return store->pages[page];
}

static inline void *hr_store_at(struct hr_store *store, uint32_t record, size_t record_bytes) {
    const uint32_t shift = HR_PAGE_LEAVES_LOG2 + store->shape->log2_per_leaf;
    return hr_store_page(store, record >> shift) + (record & ((1u << shift) - 1)) * record_bytes;
}

static inline const uint64_t *hr_store_leaf(struct hr_store *store, const struct hr_shape *shape,
                                            uint32_t leaf) {
    const uint8_t *page = hr_store_page(store, leaf >> HR_PAGE_LEAVES_LOG2);
    return (const uint64_t *)(page + (leaf & ((1u << HR_PAGE_LEAVES_LOG2) - 1)) *
                                         (size_t)shape->leaf_bytes);
}

static inline hr_digest *hr_store_node(struct hr_store *store, uint32_t node) {
    hr_digest **page = &store->node_pages[node >> HR_PAGE_NODES_LOG2];
    if (!*page) *page = hr_arena_take(sizeof(hr_digest) << HR_PAGE_NODES_LOG2);
    return &(*page)[node & ((1u << HR_PAGE_NODES_LOG2) - 1)];
}

#endif
