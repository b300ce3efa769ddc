/* State: record stores, dirty leaves, event output and hints.
 *
 * Records are reached through the hr_*_at() functions. The native build backs a
 * store with one lazily committed mapping (native/store_flat.h), the guest with
 * pages from an arena (guest/store_paged.h); an untouched record reads as zero
 * in both. The guest of a batch has the leaves of its witness and no others
 * (guest/store_leaf.h). Whoever changes a record touches its leaf. */
#ifndef HEADRACE_STATE_IMPL_H
#define HEADRACE_STATE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headrace/poseidon2.h"
#include "headrace/records.h"

/* The path of place, cancel and fill is compiled as one piece: calls cost more than they do. */
#define HR_HOT  static inline __attribute__((always_inline))
#define HR_COLD static __attribute__((noinline))

/* condition ? yes : no without a branch, for conditions that no predictor can foresee. The empty
 * assembly has both values computed before, so that a conditional move is all that is left. */
HR_HOT uint64_t hr_select(bool condition, uint64_t yes, uint64_t no) {
    __asm__("" : "+r"(yes), "+r"(no));
    return condition ? yes : no;
}
HR_HOT uint32_t hr_select_u32(bool condition, uint32_t yes, uint32_t no) {
    __asm__("" : "+r"(yes), "+r"(no));
    return condition ? yes : no;
}

enum { HR_SUBTREE_BITS = 4, HR_SUBTREES = 1 << HR_SUBTREE_BITS, HR_MAX_DEPTH = 26 };

/* Domain of a leaf's hash, + subtree: docs/spec/transition.md section 1. */
enum { HR_LEAF_DOMAIN = 0x48520000 };

/* A hint was wrong: the run has no proof and the state no meaning. */
enum { HR_TRAP = -1 };

/* Bound of the events of one op. A step of matching makes two SETTLED, FILL, two BUILDER_FEE and
 * two POSITION; a visit of the sweep settles positions and makes an INTEREST or EARNED; the account
 * at which the sweep ends is settled and may trade; the rest is for the ends of an order, an op and
 * a lap.
 */
enum { HR_MAX_EVENTS_PER_OP = (HR_POSITIONS_PER_ACCOUNT + 8) * HR_MAX_STEPS + 32 };

struct hr_shape {
    uint32_t depth;         /* leaves = 2^depth */
    uint32_t leaf_bytes;    /* multiple of 8 */
    uint32_t log2_per_leaf; /* records per leaf */
};

/* floor(log2 n) of a power of two up to 128, usable in constant expressions */
#define HR_LOG2(n)                                                                                 \
    ((n) >= 128  ? 7                                                                               \
     : (n) >= 64 ? 6                                                                               \
     : (n) >= 32 ? 5                                                                               \
     : (n) >= 16 ? 4                                                                               \
     : (n) >= 8  ? 3                                                                               \
     : (n) >= 4  ? 2                                                                               \
     : (n) >= 2  ? 1                                                                               \
                 : 0)
#define HR_LOG2_PER_LEAF(type) HR_LOG2(HR_LEAF_BYTES / sizeof(type))
#define HR_GROUPED(bits, type)                                                                     \
    {(bits) - HR_LOG2_PER_LEAF(type), HR_LEAF_BYTES, HR_LOG2_PER_LEAF(type)}

static const struct hr_shape hr_shapes[HR_SUBTREES] = {
    [HR_SUBTREE_HEADER] = {0, sizeof(struct hr_header), 0},
    [HR_SUBTREE_CONFIG] = {0, sizeof(struct hr_config), 0},
    [HR_SUBTREE_ASSETS] = {8, sizeof(struct hr_asset), 0},
    [HR_SUBTREE_MARKETS] = {10, sizeof(struct hr_market), 0},
    [HR_SUBTREE_FEE_TABLES] = {4, sizeof(struct hr_fee_table), 0},
    [HR_SUBTREE_ACCOUNTS] = {22, sizeof(struct hr_account), 0},
    [HR_SUBTREE_POSITIONS] = HR_GROUPED(26, struct hr_position),
    [HR_SUBTREE_SIGNERS] = {23, sizeof(struct hr_signer), 0},
    [HR_SUBTREE_ORDERS] = HR_GROUPED(20, struct hr_order),
    [HR_SUBTREE_LEVELS] = HR_GROUPED(18, struct hr_level),
    [HR_SUBTREE_DUTIES] = HR_GROUPED(20, struct hr_duty),
    [HR_SUBTREE_RISK] = {11, HR_RISK_LEAF_BYTES, 0},
    [HR_SUBTREE_CHANNELS] = {6, sizeof(struct hr_channel), 0},
    [HR_SUBTREE_RESERVATIONS] = {20, sizeof(struct hr_reservation), 0},
    [HR_SUBTREE_FUNDS] = {10, sizeof(struct hr_fund), 0},
    [HR_SUBTREE_BUILDERS] = HR_GROUPED(12, struct hr_builder),
};

/* Leaves changed since the last root: one byte a leaf and one byte a block of leaves, so that
 * marking is two stores without a branch. Subtrees follow each other, each from a block boundary.
 */
enum { HR_BLOCK_BITS = 12 };
#define HR_BLOCKS(depth) ((depth) > HR_BLOCK_BITS ? 1u << ((depth) - HR_BLOCK_BITS) : 1u)
enum {
    HR_FIRST_BLOCK_SMALL = 0, /* one block for each subtree that has no line below */
    HR_FIRST_BLOCK_ORDERS = HR_SUBTREES,
    HR_FIRST_BLOCK_LEVELS = HR_FIRST_BLOCK_ORDERS +
        HR_BLOCKS(20 - HR_LOG2_PER_LEAF(struct hr_order)),
    HR_FIRST_BLOCK_DUTIES = HR_FIRST_BLOCK_LEVELS +
        HR_BLOCKS(18 - HR_LOG2_PER_LEAF(struct hr_level)),
    HR_FIRST_BLOCK_SIGNERS = HR_FIRST_BLOCK_DUTIES +
        HR_BLOCKS(20 - HR_LOG2_PER_LEAF(struct hr_duty)),
    HR_FIRST_BLOCK_RESERVATIONS = HR_FIRST_BLOCK_SIGNERS + HR_BLOCKS(23),
    HR_FIRST_BLOCK_ACCOUNTS = HR_FIRST_BLOCK_RESERVATIONS + HR_BLOCKS(20),
    HR_FIRST_BLOCK_POSITIONS = HR_FIRST_BLOCK_ACCOUNTS + HR_BLOCKS(22),
    HR_DIRTY_BLOCKS = HR_FIRST_BLOCK_POSITIONS +
        HR_BLOCKS(26 - HR_LOG2_PER_LEAF(struct hr_position)),
};

struct hr_dirty {
    uint8_t blocks[HR_DIRTY_BLOCKS];
    uint8_t leaves[(size_t)HR_DIRTY_BLOCKS << HR_BLOCK_BITS];
};

/* First block of a subtree; a constant wherever the subtree is one. */
HR_HOT uint32_t hr_first_block(uint32_t subtree) {
    switch (subtree) {
    case HR_SUBTREE_ORDERS: return HR_FIRST_BLOCK_ORDERS;
    case HR_SUBTREE_LEVELS: return HR_FIRST_BLOCK_LEVELS;
    case HR_SUBTREE_DUTIES: return HR_FIRST_BLOCK_DUTIES;
    case HR_SUBTREE_SIGNERS: return HR_FIRST_BLOCK_SIGNERS;
    case HR_SUBTREE_RESERVATIONS: return HR_FIRST_BLOCK_RESERVATIONS;
    case HR_SUBTREE_ACCOUNTS: return HR_FIRST_BLOCK_ACCOUNTS;
    case HR_SUBTREE_POSITIONS: return HR_FIRST_BLOCK_POSITIONS;
    default: return HR_FIRST_BLOCK_SMALL + subtree;
    }
}

/* Hints: values that the transition verifies and never believes. */
struct hr_hints {
    const uint32_t *tape; /* NULL: the native index answers */
    uint32_t tape_count, tape_position;
    uint32_t *record; /* NULL, or where the hints used are written for a later tape */
    uint32_t record_count, record_capacity;
};

#ifdef HR_BATCH
#include "../guest/store_leaf.h"
#elif defined(HR_GUEST)
#include "../guest/store_paged.h"
#else
#include "../native/store_flat.h"
#endif

struct hr_core {
    struct hr_event *events; /* next event to write; the caller made room */
    struct hr_store stores[HR_SUBTREES];
    uint32_t *leaf_list; /* scratch of the root: room for leaf_list_capacity changed leaves */
    uint32_t leaf_list_capacity;
    hr_digest empty[HR_MAX_DEPTH + 1]; /* roots of empty subtrees by height, 0..empty_known */
    uint32_t empty_known;
    struct hr_hints hints;
    hr_digest envelope_hash;  /* of the last one that was accepted */
    uint64_t permutations[2]; /* spent on roots: leaves, inner nodes */
    uint32_t taker; /* account whose op runs: its position record outlives the op's steps */
    bool has_taker;
    bool trapped;
    struct hr_dirty dirty;
#ifdef HR_GUEST
    struct hr_header *header;
#else
    uint64_t touched;       /* row meter: leaves changed by ops so far, with repetitions */
    struct hr_index *index; /* untrusted: makes hints only */
    union {
        struct hr_header header[1];
        struct hr_records records;
    };
#endif
};

#ifdef HR_BATCH
#define HR_AT(c, subtree, type, record)                                                            \
    ((type *)hr_store_at((c)->stores, (subtree), (record), sizeof(type)))
#elif defined(HR_GUEST)
#define HR_AT(c, subtree, type, record)                                                            \
    ((type *)hr_store_at(&(c)->stores[subtree], (record), sizeof(type)))
#else
#define HR_AT(c, subtree, type, record)                                                            \
    ((type *)((uint8_t *)&(c)->records + hr_records_offset(subtree)) + (record))
#endif

static inline struct hr_asset *hr_asset_at(struct hr_core *c, uint32_t asset) {
    return HR_AT(c, HR_SUBTREE_ASSETS, struct hr_asset, asset);
}
static inline struct hr_market *hr_market_at(struct hr_core *c, uint32_t market) {
    return HR_AT(c, HR_SUBTREE_MARKETS, struct hr_market, market);
}
static inline struct hr_fund *hr_fund_at(struct hr_core *c, uint32_t fund) {
    return HR_AT(c, HR_SUBTREE_FUNDS, struct hr_fund, fund);
}
static inline struct hr_condition *hr_condition_at(struct hr_core *c, uint32_t slot) {
    return HR_AT(c, HR_SUBTREE_ORDERS, struct hr_condition, slot);
}
static inline struct hr_fee_table *hr_fee_table_at(struct hr_core *c, uint32_t table) {
    return HR_AT(c, HR_SUBTREE_FEE_TABLES, struct hr_fee_table, table);
}
static inline struct hr_account *hr_account_at(struct hr_core *c, uint32_t account) {
    return HR_AT(c, HR_SUBTREE_ACCOUNTS, struct hr_account, hr_account_index(account));
}
static inline struct hr_position *hr_position_at(struct hr_core *c, uint32_t account, uint32_t k) {
    return HR_AT(c, HR_SUBTREE_POSITIONS, struct hr_position,
                 hr_account_index(account) * HR_POSITIONS_PER_ACCOUNT + k);
}
static inline struct hr_signer *hr_signer_at(struct hr_core *c, uint32_t master, uint32_t slot) {
    return HR_AT(c, HR_SUBTREE_SIGNERS, struct hr_signer, hr_signer_index(master, slot));
}
static inline struct hr_nonce_set *hr_nonce_set_at(struct hr_core *c, uint32_t record) {
    return HR_AT(c, HR_SUBTREE_SIGNERS, struct hr_nonce_set, record);
}
static inline struct hr_order *hr_order_at(struct hr_core *c, uint32_t slot) {
    return HR_AT(c, HR_SUBTREE_ORDERS, struct hr_order, slot);
}
static inline struct hr_level *hr_level_at(struct hr_core *c, uint32_t slot) {
    return HR_AT(c, HR_SUBTREE_LEVELS, struct hr_level, slot);
}
static inline struct hr_duty *hr_duty_at(struct hr_core *c, uint32_t i) {
    return HR_AT(c, HR_SUBTREE_DUTIES, struct hr_duty, i);
}
static inline struct hr_channel *hr_channel_at(struct hr_core *c, uint32_t channel) {
    return HR_AT(c, HR_SUBTREE_CHANNELS, struct hr_channel, channel);
}
/* Record j of master m is number m * HR_RESERVATIONS_PER_MASTER + j. */
static inline struct hr_reservation *hr_reservation_at(struct hr_core *c, uint32_t record) {
    return HR_AT(c, HR_SUBTREE_RESERVATIONS, struct hr_reservation, record);
}
static inline struct hr_builder *hr_builder_at(struct hr_core *c, uint32_t builder) {
    return HR_AT(c, HR_SUBTREE_BUILDERS, struct hr_builder, builder);
}

/* Leaves of the risk subtree: a market's, an asset's, the last two. */
static inline struct hr_market_risk *hr_market_risk_at(struct hr_core *c, uint32_t market) {
    return HR_AT(c, HR_SUBTREE_RISK, struct hr_market_risk, market);
}
static inline struct hr_asset_risk *hr_asset_risk_at(struct hr_core *c, uint32_t asset) {
    return HR_AT(c, HR_SUBTREE_RISK, struct hr_asset_risk, HR_ASSET_RISK_LEAF + asset);
}
static inline struct hr_oracle *hr_oracle_at(struct hr_core *c) {
    return HR_AT(c, HR_SUBTREE_RISK, struct hr_oracle, HR_ORACLE_LEAF);
}
static inline struct hr_listing *hr_listing_at(struct hr_core *c) {
    return HR_AT(c, HR_SUBTREE_RISK, struct hr_listing, HR_LISTING_LEAF);
}
/* Does the market ask for margin? */
static inline bool hr_is_margined(struct hr_core *c, uint32_t market) {
    return hr_market_risk_at(c, market)->flags & HR_MARKET_RISK_FLAG_MARGINED;
}

/* Where the first level of a list stands: HR_BID or HR_ASK, or of the trigger lists. */
static inline uint32_t *hr_level_head(struct hr_core *c, uint32_t market, uint32_t side) {
    return side < HR_TRIGGER_LISTS
               ? &hr_market_at(c, market)->best[side]
               : &hr_market_risk_at(c, market)->trigger_heads[side - HR_TRIGGER_LISTS];
}

/* Is the mark young enough to take risk on, or to liquidate somebody? */
static inline bool hr_mark_is_fresh(struct hr_core *c, const struct hr_market_risk *risk) {
    return risk->mark_price != 0 && c->header->now_s - risk->index_time_s <= HR_MARK_MAX_AGE_S;
}

/* Row meter hook: what a change costs to prove grows with the leaves that it changes. The guest is
 * what is metered and counts nothing. */
HR_HOT void hr_meter_touch(struct hr_core *c) {
#ifdef HR_GUEST
    (void)c;
#else
    c->touched++;
#endif
}

static inline bool hr_is_zero(const uint8_t *bytes, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any |= bytes[i];
    return any == 0;
}

/* Marks a leaf as changed since the last root. */
HR_HOT void hr_touch_leaf(struct hr_core *c, uint32_t subtree, uint32_t leaf) {
    const uint32_t first = hr_first_block(subtree);
    c->dirty.leaves[((size_t)first << HR_BLOCK_BITS) + leaf] = 1;
    c->dirty.blocks[first + (leaf >> HR_BLOCK_BITS)] = 1;
    hr_meter_touch(c);
}
HR_HOT void hr_touch_account(struct hr_core *c, uint32_t account) {
    hr_touch_leaf(c, HR_SUBTREE_ACCOUNTS, hr_account_index(account));
}
/* The same for an account whose record is at hand, which saves finding its index again. */
HR_HOT void hr_touch_account_at(struct hr_core *c, uint32_t account,
                                const struct hr_account *record) {
#ifdef HR_GUEST
    (void)record;
    hr_touch_account(c, account);
#else
    (void)account;
    hr_touch_leaf(c, HR_SUBTREE_ACCOUNTS, (uint32_t)(record - c->records.accounts));
#endif
}
static inline void hr_touch_position(struct hr_core *c, uint32_t account, uint32_t k) {
    hr_touch_leaf(c, HR_SUBTREE_POSITIONS,
                  (hr_account_index(account) * HR_POSITIONS_PER_ACCOUNT + k) >>
                      HR_LOG2_PER_LEAF(struct hr_position));
}
/* Orders and levels are dense from slot 0 on: the root looks at all leaves in use, so that their
 * blocks need no mark. */
HR_HOT void hr_touch_order(struct hr_core *c, uint32_t slot) {
    c->dirty.leaves[((size_t)HR_FIRST_BLOCK_ORDERS << HR_BLOCK_BITS) +
                    (slot >> HR_LOG2_PER_LEAF(struct hr_order))] = 1;
    hr_meter_touch(c);
}
HR_HOT void hr_touch_level(struct hr_core *c, uint32_t slot) {
    c->dirty.leaves[((size_t)HR_FIRST_BLOCK_LEVELS << HR_BLOCK_BITS) +
                    (slot >> HR_LOG2_PER_LEAF(struct hr_level))] = 1;
    hr_meter_touch(c);
}
static inline void hr_touch_duty(struct hr_core *c, uint32_t i) {
    hr_touch_leaf(c, HR_SUBTREE_DUTIES, i >> HR_LOG2_PER_LEAF(struct hr_duty));
}

static inline void hr_touch_market_risk(struct hr_core *c, uint32_t market) {
    hr_touch_leaf(c, HR_SUBTREE_RISK, market);
}
static inline void hr_touch_asset_risk(struct hr_core *c, uint32_t asset) {
    hr_touch_leaf(c, HR_SUBTREE_RISK, HR_ASSET_RISK_LEAF + asset);
}
static inline void hr_touch_fund(struct hr_core *c, uint32_t fund) {
    hr_touch_leaf(c, HR_SUBTREE_FUNDS, fund);
}

/* Credits (or debits) the free quote of an existing account. */
static inline void hr_quote_add(struct hr_core *c, uint32_t account, int64_t amount) {
    hr_account_at(c, account)->balances[0].free_biased += (uint64_t)amount;
    hr_touch_account(c, account);
}

/* Appends an event; the header's leaf is touched once per op by apply. */
HR_HOT void hr_emit(struct hr_core *c, uint32_t type, uint32_t market, uint32_t account, int64_t v0,
                    int64_t v1, int64_t v2, int64_t v3, int64_t v4, int64_t v5) {
    *c->events++ = (struct hr_event){c->header->next_event_seq++,
                                     (uint16_t)type,
                                     (uint16_t)market,
                                     account,
                                     {v0, v1, v2, v3, v4, v5}};
}

/* Notes a wrong hint: the result of the op becomes HR_TRAP whatever else it does. */
static inline void hr_trap(struct hr_core *c) {
    c->trapped = true;
}

/* Next hint of the tape; 0 after a tape that ends early, which the check of the hint may refuse. */
static inline uint32_t hr_hint_from_tape(struct hr_core *c) {
    struct hr_hints *hints = &c->hints;
    if (hints->tape_position >= hints->tape_count) {
        hr_trap(c);
        return 0;
    }
    return hints->tape[hints->tape_position++];
}

/* Hands on a hint of the native index, and writes it down for a later tape. */
static inline uint32_t hr_hint_record(struct hr_core *c, uint32_t hint) {
    struct hr_hints *hints = &c->hints;
    if (__builtin_expect(hints->record != NULL, 0)) {
        if (hints->record_count == hints->record_capacity)
            hr_trap(c);
        else
            hints->record[hints->record_count++] = hint;
    }
    return hint;
}

/* --- funds: docs/spec/funds.md section 1 ------------------------------------------------------ */

/* First account of a fund, counted down from the last master. */
static inline uint32_t hr_fund_master(uint32_t fund) {
    return ((1u << HR_MASTER_BITS) - 1 - fund) << HR_SUB_ACCOUNT_BITS;
}
/* The fund that an account with the flag FUND belongs to. */
static inline uint32_t hr_fund_of(uint32_t account) {
    return (1u << HR_MASTER_BITS) - 1 - (account >> HR_SUB_ACCOUNT_BITS);
}
static inline bool hr_is_fund_account(struct hr_core *c, uint32_t account) {
    return hr_account_at(c, account)->flags & HR_ACCOUNT_FLAG_FUND;
}

static inline bool hr_account_exists(struct hr_core *c, uint32_t account) {
    return account < HR_ACCOUNT_LIMIT &&
           (hr_account_at(c, account)->flags & HR_ACCOUNT_FLAG_EXISTS);
}

#endif
