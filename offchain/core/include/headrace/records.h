/* Records of the state tree. Layout in memory is the layout that is hashed:
 * docs/spec/transition.md section 1. Little-endian; every 8-byte word stays
 * below the Goldilocks prime because the high half of each u32 pair is bounded. */
#ifndef HEADRACE_RECORDS_H
#define HEADRACE_RECORDS_H

#include <stdint.h>

#include "constants.h"

enum { HR_BID = 0, HR_ASK = 1 };
enum { HR_LONGS = 0, HR_SHORTS = 1 }; /* sides of a market's open interest */
enum { HR_BELOW = 0, HR_ABOVE = 1 };  /* trigger lists: fire at a mark not above, not below */
/* Lists of levels of a market, as in the tags: bids, asks, triggers below, triggers above. The odd
 * ones ascend. */
enum { HR_TRIGGER_LISTS = 2, HR_LEVEL_LISTS = 4 };

/* 512 bytes. Field order is the word order of the specification. */
struct hr_header {
    uint64_t batch_number, next_event_seq, next_order_sequence, next_priority_index;
    uint64_t now_s, last_arrival_ms, order_free_head, orders_used;
    uint64_t level_free_head, levels_used, duty_count, builder_count;
    uint64_t receipt_seq;
    uint64_t priority_accumulator[8]; /* eight big-endian u32 of a keccak digest */
    uint64_t receipts_head[8];
    /* the continuation: all zero when none is pending */
    uint64_t cont_kind, cont_account, cont_market, cont_order_id;
    uint64_t cont_attributes, cont_limit_price, cont_remaining, cont_client_id[2];
    uint64_t cont_expiry_s, cont_tif, cont_self_trade, cont_size, cont_cursor;
    uint64_t cont_reason, cont_market_filter;
    /* the sweep of all accounts with risk: docs/spec/risk.md section 9 */
    uint64_t sweep_head, sweep_cursor, lap_started_s, swept_s, sweep_laps;
    uint64_t lap_negative, negative_quote;
    uint64_t trigger_market; /* market + 1 while triggers of it are met: conditional-orders.md */
    uint64_t fund_count;     /* docs/spec/funds.md */
    uint64_t lap_lent;       /* interest of this lap that is for lenders: risk.md section 12 */
    uint64_t last_slot;      /* of a message sent or taken: docs/spec/links.md */
    uint64_t reserved[8];
};

struct hr_config {
    uint64_t config_hash[8];
};

struct hr_asset {
    uint64_t flags, withdraw_step_units, total_units, deposit_cap_units;
    uint64_t supply_units;   /* what all accounts hold, in engine units */
    uint64_t unit_index_e12; /* units of L1 in an engine unit; 0 = 10^12: risk.md section 13 */
    /* of a pledged asset: whose pledges it stands for, and what a frozen peer's became here */
    uint32_t link_channel_plus_1, link_asset;
    uint64_t moved_units;
    uint64_t reserved[8];
};

struct hr_market {
    uint32_t best[2]; /* level slots, [HR_BID] and [HR_ASK]; 0 = side empty */
    uint8_t kind, status, sz_decimals, max_significant_figures;
    uint16_t base_asset;
    uint8_t fee_table, zero_u8;
    uint32_t tick, fee_account;
    uint32_t insurance_account, zero_u32;
    uint64_t min_size_lots, base_units_per_lot, open_interest_lots;
    uint64_t reserved[9];
};

struct hr_tier {
    uint32_t flags, maker_ppm, taker_ppm, quota_per_minute;
    uint64_t reserved[2];
};

struct hr_fee_table {
    struct hr_tier tiers[HR_TIERS_PER_TABLE];
};

struct hr_balance {
    uint64_t free_biased; /* signed: a perpetual loss can make the quote negative */
    uint64_t locked;
};

struct hr_account {
    uint32_t flags, tier;
    uint32_t order_head, order_count;
    uint32_t quota_minute, quota_used;
    uint16_t asset_ids[HR_BALANCES_PER_ACCOUNT]; /* asset id + 1; 0 = free slot */
    uint32_t deadman_s, tier_changed_s;
    struct hr_balance balances[HR_BALANCES_PER_ACCOUNT];
    uint64_t owner[3];
    uint32_t approvals[HR_APPROVALS_PER_ACCOUNT]; /* builder | max_fee << 16 */
    uint32_t builder, positions_used;
    uint64_t quote_index_e12;        /* interest index at the last touch; 0 = nothing due since */
    uint32_t sweep_next, sweep_prev; /* accounts in the sweep ring; 0 = none */
};

struct hr_position {
    uint16_t market_plus_1;
    uint8_t mode, leverage;
    uint32_t adl_epoch;
    uint64_t size_biased, cost_biased, funding_index_biased, adl_index_biased;
    uint64_t isolated_margin_biased;
    uint64_t open_lots[2]; /* [HR_BID], [HR_ASK] */
};

/* Longs or shorts of a margined market as a whole: what each of their lots owes. */
struct hr_side {
    uint64_t taken;                          /* share of each lot deleveraged in this epoch */
    uint64_t paid_biased, ended_paid_biased; /* 10^-6 quote units a lot; at the end of the epoch */
    uint32_t epoch, ended_lap;
    uint64_t residue_lots, residue_fraction; /* what settled positions lost by rounding down */
};

/* Leaf m of the risk subtree: docs/spec/risk.md section 1. */
struct hr_market_risk {
    uint64_t flags;
    uint32_t initial_ppm, maintenance_ppm;
    uint32_t closeout_ppm, liquidation_fee_ppm;
    uint64_t tier1_micro, tier2_micro, impact_notional_micro;
    uint64_t open_interest_cap_lots, concentration_free_lots;
    uint32_t concentration_ppm, price_band_ppm;
    uint32_t basis_cap_ppm, mark_band_ppm;
    uint32_t jump_ppm, snapshot_band_ppm;
    uint32_t funding_interest_ppm, funding_cap_ppm;
    uint32_t min_sources, max_report_age_s;
    uint32_t index_price, mark_price;
    uint32_t index_time_s, external_mark;
    uint32_t snapshot_price, snapshot_time_s;
    uint64_t basis_ema_biased; /* price units x 2^16 */
    uint64_t premium_sum_ppm_biased;
    uint32_t funding_hour, opens_s;
    struct hr_side sides[2]; /* [HR_LONGS], [HR_SHORTS] */
    uint64_t pool_biased;
    uint32_t trigger_heads[2]; /* level slots, [HR_BELOW], [HR_ABOVE]: conditional-orders.md */
    uint32_t backstop_account, zero_backstop; /* docs/spec/funds.md */
    uint32_t session_days[7], zero_days;      /* hours in session, bit by bit: risk.md section 11 */
    uint32_t weekend_band_ppm, off_hours_initial_ppm;
    uint32_t close_price, zero_close;
    uint64_t cost_biased; /* sum of the stored costs of all positions while MARGINED */
    uint64_t reserved[23];
};

/* Leaf HR_ASSET_RISK_LEAF + a of the risk subtree. */
struct hr_asset_risk {
    uint64_t flags;
    uint32_t margin_weight_ppm, liquidation_weight_ppm;
    uint32_t exchange_discount_ppm, growth_cap_ppm;
    uint64_t tier_units, user_cap_units;
    uint32_t heartbeat_s, impaired_since_s;
    uint64_t price_e8, rate_e12, time_s;
    /* of the quote asset only: */
    uint32_t base_rate_ppm, slope_ppm;
    uint64_t negative_cap_units, owed_index_e12, interest_time_s;
    uint64_t earned_index_e12, lender_pot_units;
    uint32_t spread_ppm, zero_spread;
    /* of any other asset: risk.md sections 10 and 13 */
    uint32_t hedge_market_plus_1, yield_share_ppm;
    uint64_t reserved[47];
};

enum { HR_FEED_PRICES_MARKET = 1, HR_FEED_IS_ON = 2 };

/* What readings of the oracle hub price. */
struct hr_feed {
    uint16_t id;
    uint8_t price_feed, rate_feed_plus_1;
    uint32_t flags;
};

/* Leaf HR_ORACLE_LEAF of the risk subtree: docs/spec/l1-inputs.md section 2. */
struct hr_oracle {
    uint32_t next_index, reads_feeds;
    uint64_t reserved_word;
    uint64_t accumulator[8]; /* the hub's: eight big-endian u32 */
    struct hr_feed feeds[HR_FEED_ENTRIES];
    uint64_t reserved[22];
};

/* Leaf HR_LISTING_LEAF of the risk subtree: what the valuation table is made of.
 * docs/spec/escape.md section 2. */
struct hr_listing {
    uint32_t market_count, asset_count;
    uint16_t markets_plus_1[HR_LISTED_MAX], assets_plus_1[HR_LISTED_MAX]; /* ascending */
    uint64_t reserved[31];
};

struct hr_signer {
    uint64_t address[3];
    uint32_t expiry_s, flags;
    uint64_t reserved[4];
};

/* Nonces of a signer with one remainder by HR_NONCE_SETS: the highest, in no order. */
struct hr_nonce_set {
    uint64_t nonces[HR_NONCES_PER_SET]; /* 0: none */
};

struct hr_order {
    uint32_t owner, next, prev, level, owner_next, owner_prev;
    uint64_t remaining_lots, order_id, client_id[2];
    uint32_t expiry_s;
    uint32_t attributes; /* flags | builder << 8 | builder_fee << 20 */
};

/* What a LINKED order waits for; a record of the order store that no lookup takes for an order.
 * What the fields mean for brackets, triggers and TWAPs: conditional-orders.md section 1. */
struct hr_condition {
    uint32_t owner, zero_next, limit_price, trail, link_a, link_b;
    uint64_t lots, zero_order_id, client_id[2];
    uint32_t terms; /* self-trade mode | by_master << 8 */
    uint32_t zero_attributes;
};

struct hr_level {
    uint32_t price, next, prev, head, tail;
    uint32_t tag; /* order count | market << 20 | is ask or above << 30 | is trigger << 31 */
    uint64_t total_lots;
};

struct hr_duty {
    uint32_t due_s, kind, ref, zero_u32;
};

/* 256 bytes: docs/spec/links.md section 1. A channel without peer does not exist. */
struct hr_channel {
    uint32_t peer_chain_id, own_chain_id;
    uint64_t sent_count, received_count, flags;
    uint64_t void_until; /* messages up to this one may be taken without body */
    uint64_t reserved[3];
    uint64_t sent_accumulator[8], received_accumulator[8]; /* eight big-endian u32 each */
    uint32_t links[HR_LINKS_PER_CHANNEL];                  /* asset here | asset there << 16 */
};

/* 64 bytes: what an account has given to a peer, or holds of what was pledged on a peer. Amounts
 * are units of L1. */
struct hr_reservation {
    uint32_t account, role;
    uint32_t channel_plus_1, asset; /* as L1 calls it */
    uint32_t peer_account, expires_at_s;
    uint64_t units, claimed_units, asked_units;
    uint64_t reserved[2];
};

/* 128 bytes: docs/spec/funds.md section 1. */
struct hr_fund {
    uint64_t flags;
    uint32_t leader, fee_ppm;
    uint32_t lockup_s, buckets;
    uint64_t total_shares, queued_shares, high_water_e8;
    uint64_t reserved[10];
};

struct hr_builder {
    uint32_t account, zero_u32;
    uint64_t reserved;
};

struct hr_event {
    uint64_t seq;
    uint16_t type, market;
    uint32_t account;
    int64_t v[6];
};

_Static_assert(sizeof(struct hr_header) == 512);
_Static_assert(sizeof(struct hr_config) == 64);
_Static_assert(sizeof(struct hr_asset) == 128);
_Static_assert(sizeof(struct hr_market) == 128);
_Static_assert(sizeof(struct hr_fee_table) == 256);
_Static_assert(sizeof(struct hr_account) == 256);
_Static_assert(sizeof(struct hr_position) == 64);
_Static_assert(sizeof(struct hr_market_risk) == HR_RISK_LEAF_BYTES);
_Static_assert(sizeof(struct hr_asset_risk) == HR_RISK_LEAF_BYTES);
_Static_assert(sizeof(struct hr_oracle) == HR_RISK_LEAF_BYTES);
_Static_assert(sizeof(struct hr_listing) == HR_RISK_LEAF_BYTES);
_Static_assert(sizeof(struct hr_signer) == 64);
_Static_assert(sizeof(struct hr_nonce_set) == sizeof(struct hr_signer));
_Static_assert(HR_NONCE_SETS < HR_SIGNER_LEAVES);
_Static_assert(sizeof(struct hr_order) == 64);
_Static_assert(sizeof(struct hr_condition) == sizeof(struct hr_order));
_Static_assert(sizeof(struct hr_level) == 32);
_Static_assert(sizeof(struct hr_channel) == 256);
_Static_assert(sizeof(struct hr_reservation) == 64);
_Static_assert(sizeof(struct hr_fund) == 128);
_Static_assert(sizeof(struct hr_duty) == 16);
_Static_assert(sizeof(struct hr_builder) == 16);
_Static_assert(sizeof(struct hr_event) == HR_EVENT_BYTES);

/* Attributes of an order. */
static inline uint32_t hr_builder_of(uint32_t attributes) {
    return (attributes >> 8) & 0xFFFu;
}
static inline uint32_t hr_builder_fee_of(uint32_t attributes) {
    return attributes >> 20;
}

/* Tag of a level. */
static inline uint32_t hr_level_tag(uint32_t market, uint32_t side) {
    return market << 20 | side << 30;
}
static inline uint32_t hr_level_count(uint32_t tag) {
    return tag & 0xFFFFFu;
}

/* Biased integers: v is stored as v + 2^62. */
static inline int64_t hr_unbias(uint64_t stored) {
    return (int64_t)(stored - HR_SIGNED_BIAS);
}
static inline uint64_t hr_bias(int64_t v) {
    return (uint64_t)v + HR_SIGNED_BIAS;
}

/* Record index of an account: masters are dense, sub-accounts follow in blocks. */
static inline uint32_t hr_account_index(uint32_t account) {
    return (account & ((1u << HR_SUB_ACCOUNT_BITS) - 1)) << HR_MASTER_BITS |
           account >> HR_SUB_ACCOUNT_BITS;
}
static inline uint32_t hr_master_of(uint32_t account) {
    return account & ~((1u << HR_SUB_ACCOUNT_BITS) - 1);
}
/* Record of a signer of a master account; those of its nonce sets follow. */
static inline uint32_t hr_signer_index(uint32_t master, uint32_t slot) {
    return ((master >> HR_SUB_ACCOUNT_BITS) * HR_SIGNERS_PER_MASTER + slot) * HR_SIGNER_LEAVES;
}

#define HR_ACCOUNT_LIMIT (1u << (HR_MASTER_BITS + HR_SUB_ACCOUNT_BITS))

#endif
