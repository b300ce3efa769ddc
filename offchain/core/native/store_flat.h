/* Native record stores: arrays at constant offsets inside one lazily committed mapping, so that an
 * address costs no load and the whole key space costs address space only. */
#ifndef HEADRACE_STORE_FLAT_H
#define HEADRACE_STORE_FLAT_H

#include <stddef.h>
#include <stdint.h>

/* All records. The small and hot ones come first, within reach of a 32-bit displacement. */
struct hr_records {
    struct hr_header header[1];
    struct hr_config config[1];
    struct hr_asset assets[HR_MAX_ASSETS];
    struct hr_market markets[HR_MAX_MARKETS];
    struct hr_fee_table fee_tables[HR_MAX_FEE_TABLES];
    struct hr_builder builders[HR_MAX_BUILDERS];
    struct hr_fund funds[1 << 10]; /* as many as the subtree has leaves */
    struct hr_channel channels[HR_MAX_CHANNELS];
    union { /* one subtree: markets first, then assets from HR_ASSET_RISK_LEAF on */
        struct hr_market_risk market_risks[2 * HR_ASSET_RISK_LEAF];
        struct hr_asset_risk asset_risks[2 * HR_ASSET_RISK_LEAF];
    };
    struct hr_level levels[HR_LEVEL_CAPACITY];
    struct hr_duty duties[HR_DUTY_CAPACITY];
    struct hr_order orders[HR_ORDER_CAPACITY];
    struct hr_account accounts[HR_ACCOUNT_LIMIT];
    struct hr_reservation reservations[HR_RESERVATIONS_PER_MASTER << HR_MASTER_BITS];
    union { /* one subtree: a signer, then its nonce sets and two records that are not used */
        struct hr_signer signers[(HR_SIGNERS_PER_MASTER * HR_SIGNER_LEAVES) << HR_MASTER_BITS];
        struct hr_nonce_set
            nonce_sets[(HR_SIGNERS_PER_MASTER * HR_SIGNER_LEAVES) << HR_MASTER_BITS];
    };
    struct hr_position positions[(size_t)HR_ACCOUNT_LIMIT * HR_POSITIONS_PER_ACCOUNT];
};

/* Offset of a subtree's records; a constant wherever the subtree is one. */
static inline __attribute__((always_inline)) size_t hr_records_offset(uint32_t subtree) {
    switch (subtree) {
    case HR_SUBTREE_HEADER: return offsetof(struct hr_records, header);
    case HR_SUBTREE_CONFIG: return offsetof(struct hr_records, config);
    case HR_SUBTREE_ASSETS: return offsetof(struct hr_records, assets);
    case HR_SUBTREE_MARKETS: return offsetof(struct hr_records, markets);
    case HR_SUBTREE_FEE_TABLES: return offsetof(struct hr_records, fee_tables);
    case HR_SUBTREE_BUILDERS: return offsetof(struct hr_records, builders);
    case HR_SUBTREE_FUNDS: return offsetof(struct hr_records, funds);
    case HR_SUBTREE_RISK: return offsetof(struct hr_records, market_risks);
    case HR_SUBTREE_LEVELS: return offsetof(struct hr_records, levels);
    case HR_SUBTREE_DUTIES: return offsetof(struct hr_records, duties);
    case HR_SUBTREE_ORDERS: return offsetof(struct hr_records, orders);
    case HR_SUBTREE_ACCOUNTS: return offsetof(struct hr_records, accounts);
    case HR_SUBTREE_SIGNERS: return offsetof(struct hr_records, signers);
    case HR_SUBTREE_POSITIONS: return offsetof(struct hr_records, positions);
    case HR_SUBTREE_CHANNELS: return offsetof(struct hr_records, channels);
    default: return offsetof(struct hr_records, reservations);
    }
}

struct hr_store {
    uint8_t *base;
    hr_digest *nodes; /* heap order: root 1, children of i are 2i and 2i + 1; zero = empty */
};

static inline const uint64_t *hr_store_leaf(struct hr_store *store, const struct hr_shape *shape,
                                            uint32_t leaf) {
    return (const uint64_t *)(store->base + (size_t)leaf * shape->leaf_bytes);
}

static inline hr_digest *hr_store_node(struct hr_store *store, uint32_t node) {
    return &store->nodes[node];
}

#endif
