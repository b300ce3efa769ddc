/* Balances, fees, locks of spot orders and positions of perpetuals. Quantities are engine units;
 * roundings and bounds: docs/spec/transition.md sections 3 and 4. */
#ifndef HEADRACE_MONEY_IMPL_H
#define HEADRACE_MONEY_IMPL_H

#include "book_impl.h"
#include "ring_impl.h"
#include "settle_impl.h"

enum { HR_NO_SLOT = 0xFF };

/* Balance slot of an asset, or HR_NO_SLOT. The quote asset is always slot 0. */
HR_HOT uint32_t hr_balance_slot(const struct hr_account *account, uint32_t asset) {
    for (uint32_t k = 0; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (account->asset_ids[k] == asset + 1) return k;
    return HR_NO_SLOT;
}

/* The same for the base asset of a spot market, which is never the quote asset. */
HR_HOT uint32_t hr_base_slot(const struct hr_account *account, const struct hr_market *m) {
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (account->asset_ids[k] == m->base_asset + 1u) return k;
    return HR_NO_SLOT;
}

/* Lowest free balance slot, or HR_NO_SLOT. */
static inline uint32_t hr_balance_slot_free(const struct hr_account *account) {
    for (uint32_t k = 0; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (account->asset_ids[k] == 0) return k;
    return HR_NO_SLOT;
}

static inline void hr_balance_slot_open(struct hr_account *account, uint32_t k, uint32_t asset) {
    account->asset_ids[k] = (uint16_t)(asset + 1);
    account->balances[k].free_biased = HR_SIGNED_BIAS;
}

/* Is a free balance at least `amount` (< 2^62)? */
static inline bool hr_balance_covers(const struct hr_balance *balance, uint64_t amount) {
    return hr_unbias(balance->free_biased) >= (int64_t)amount;
}
static inline void hr_balance_lock(struct hr_balance *balance, uint64_t amount) {
    balance->free_biased -= amount;
    balance->locked += amount;
}
static inline void hr_balance_unlock(struct hr_balance *balance, uint64_t amount) {
    balance->free_biased += amount;
    balance->locked -= amount;
}

/* Do free and locked together stay below VALUE_LIMIT with `units` more (any u64)? */
HR_HOT bool hr_can_receive(const struct hr_balance *balance, uint64_t units) {
    return units < HR_SIGNED_BIAS + HR_VALUE_LIMIT - (balance->free_biased + balance->locked);
}

/* ceil(n * ppm / 10^6) for n < 2^62, ppm <= 10^6, without a 128-bit product. */
HR_HOT uint64_t hr_ppm_ceil(uint64_t n, uint32_t ppm) {
    if (n >> 44 == 0) return (n * ppm + (HR_PPM - 1)) / HR_PPM;
    return n / HR_PPM * ppm + (n % HR_PPM * ppm + (HR_PPM - 1)) / HR_PPM;
}

/* The same for n < 2^32 and ppm < 2^31, where the product fits. */
HR_HOT uint64_t hr_ppm_ceil_u32(uint32_t n, uint32_t ppm) {
    return ((uint64_t)n * ppm + (HR_PPM - 1)) / HR_PPM;
}

/* Quote units that one lot of a spot bid locks: its cost and the highest fees it can be charged. */
HR_HOT uint64_t hr_lock_per_lot(uint32_t price, uint32_t builder_fee) {
    uint64_t lock = price + hr_ppm_ceil_u32(price, HR_MAX_FEE_PPM);
    if (builder_fee) lock += hr_ppm_ceil_u32(price, builder_fee * HR_BUILDER_FEE_UNIT_PPM);
    return lock;
}

/* a * b, or UINT64_MAX when that is 2^62 or more. */
HR_HOT uint64_t hr_mul_bounded(uint64_t a, uint64_t b) {
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product) || product >= HR_VALUE_LIMIT) return UINT64_MAX;
    return product;
}

static inline uint32_t hr_quote_multiplier(const struct hr_market *m) {
    return m->kind == HR_MARKET_KIND_PERP ? HR_PERP_QUOTE_MULTIPLIER : HR_SPOT_QUOTE_MULTIPLIER;
}

/* Fee rate of an order of `account`: its master's tier now, or the API tier above the quota. */
HR_HOT uint32_t hr_fee_ppm(struct hr_core *c, const struct hr_market *m, uint32_t account,
                           uint32_t attributes, bool is_taker) {
    const uint32_t tier = attributes & HR_ORDER_FLAG_API_FEE
                              ? HR_API_TIER
                              : hr_account_at(c, hr_master_of(account))->tier;
    /* a tier that was never set is all zero */
    const struct hr_tier *t = &hr_fee_table_at(c, m->fee_table)->tiers[tier];
    return is_taker ? t->taker_ppm : t->maker_ppm;
}

HR_COLD uint32_t hr_quota_count_metered(struct hr_core *c, const struct hr_tier *t,
                                        struct hr_account *master, uint32_t master_id) {
    const uint32_t minute = (uint32_t)c->header->now_s / HR_QUOTA_WINDOW_S;
    if (master->quota_minute != minute) {
        master->quota_minute = minute;
        master->quota_used = 0;
    }
    if (master->quota_used < UINT32_MAX - 1) master->quota_used++;
    hr_touch_account(c, master_id);
    return master->quota_used > t->quota_per_minute ? HR_ORDER_FLAG_API_FEE : 0;
}

/* Counts an order op against the master's quota. Returns the flag that the order gets. */
HR_HOT uint32_t hr_quota_count(struct hr_core *c, const struct hr_market *m, uint32_t account) {
    const uint32_t master_id = hr_master_of(account);
    struct hr_account *master = hr_account_at(c, master_id);
    const struct hr_tier *t = &hr_fee_table_at(c, m->fee_table)->tiers[master->tier];
    return t->quota_per_minute == 0 ? 0 : hr_quota_count_metered(c, t, master, master_id);
}

/* --- positions ------------------------------------------------------------------------------ */

/* Position number of a market, or HR_POSITIONS_PER_ACCOUNT when there is none. No record is looked
 * at behind the last one in use: to prove a batch, each costs a path. */
static inline uint32_t hr_position_find(struct hr_core *c, uint32_t account, uint32_t market) {
    for (uint32_t k = 0, left = hr_account_at(c, account)->positions_used; left; k++) {
        const uint32_t market_plus_1 = hr_position_at(c, account, k)->market_plus_1;
        if (market_plus_1 == market + 1) return k;
        left -= market_plus_1 != 0;
    }
    return HR_POSITIONS_PER_ACCOUNT;
}

/* Position number of a market, opened at the lowest free number if absent; the caller checked
 * that one is free. */
HR_COLD uint32_t hr_position_open(struct hr_core *c, uint32_t account, uint32_t market) {
    uint32_t k = hr_position_find(c, account, market);
    if (k < HR_POSITIONS_PER_ACCOUNT) return k;
    for (k = 0; hr_position_at(c, account, k)->market_plus_1 != 0;) k++;
    *hr_position_at(c, account, k) = (struct hr_position){
        .market_plus_1 = (uint16_t)(market + 1),
        .size_biased = HR_SIGNED_BIAS,
        .cost_biased = HR_SIGNED_BIAS,
        .funding_index_biased = HR_SIGNED_BIAS,
        .adl_index_biased = HR_SIGNED_BIAS,
        .isolated_margin_biased = HR_SIGNED_BIAS,
    };
    hr_account_at(c, account)->positions_used++;
    hr_touch_position(c, account, k);
    hr_touch_account(c, account);
    if (hr_is_margined(c, market)) hr_ring_enter(c, account);
    return k;
}

/* Gives the isolated margin of a position that is flat and has no open lots back to the free quote,
 * and its record unless the owner chose a mode or a leverage for the market. */
HR_COLD void hr_position_release(struct hr_core *c, uint32_t account, uint32_t market) {
    const uint32_t k = hr_position_find(c, account, market);
    if (k == HR_POSITIONS_PER_ACCOUNT) return;
    struct hr_position *p = hr_position_at(c, account, k);
    if (p->size_biased != HR_SIGNED_BIAS || p->open_lots[HR_BID] || p->open_lots[HR_ASK]) return;
    hr_touch_position(c, account, k);
    hr_touch_account(c, account);
    if (p->isolated_margin_biased != HR_SIGNED_BIAS) {
        hr_quote_add(c, account, hr_unbias(p->isolated_margin_biased));
        p->isolated_margin_biased = HR_SIGNED_BIAS;
    }
    if (p->mode | p->leverage) return;
    *p = (struct hr_position){0};
    hr_account_at(c, account)->positions_used--;
}

/* As hr_position_release, but the running op's own account keeps its record until the op ends. */
static inline void hr_position_release_other(struct hr_core *c, uint32_t account, uint32_t market) {
    if (!c->has_taker || c->taker != account) hr_position_release(c, account, market);
}

HR_COLD void hr_position_open_lots_add(struct hr_core *c, uint32_t account, uint32_t market,
                                       uint32_t side, int64_t lots) {
    const uint32_t k = hr_position_find(c, account, market);
    hr_position_at(c, account, k)->open_lots[side] += (uint64_t)lots;
    hr_touch_position(c, account, k);
}

/* Lots that a reduce-only order of `side` may still take off the position; 0 when none. */
HR_COLD uint64_t hr_reducible_lots(struct hr_core *c, uint32_t account, uint32_t market,
                                   uint32_t side) {
    const uint32_t k = hr_position_find(c, account, market);
    if (k == HR_POSITIONS_PER_ACCOUNT) return 0;
    const int64_t size = hr_settled(c, account, k).size;
    if (side == HR_ASK) return size > 0 ? (uint64_t)size : 0;
    return size < 0 ? (uint64_t)-size : 0;
}

/* floor(a * b / d) and whether it is exact, for a < 2^62, b <= d < 2^41: the quotient fits.
 * Long division in base 2, since the guest has no 128-bit integers. */
static uint64_t hr_mul_div_floor(uint64_t a, uint64_t b, uint64_t d, bool *exact) {
    uint64_t quotient = a / d * b, rest = a % d, sum = 0;
    /* now floor(rest * b / d) with rest, b < 2^41: doubling keeps every value below 2^43 */
    uint64_t part = 0;
    for (int bit = 40; bit >= 0; bit--) {
        part <<= 1;
        sum <<= 1;
        if (b >> bit & 1) sum += rest;
        for (int i = 0; i < 2 && sum >= d; i++) {
            sum -= d;
            part++;
        }
    }
    *exact = sum == 0;
    return quotient + part;
}

struct hr_position_change {
    int64_t size, cost, realised_pnl;
};

/* What a signed fill of d lots for notional n makes of (size, cost): section "Position update". */
static struct hr_position_change hr_position_after(int64_t size, int64_t cost, int64_t d,
                                                   int64_t n) {
    struct hr_position_change after = {size, cost, 0};
    const int64_t sign = d < 0 ? -1 : 1;
    if (size == 0 || (size < 0) == (d < 0)) {
        after.size += d;
        after.cost += sign * n;
        return after;
    }
    const uint64_t lots = (uint64_t)(sign * d), held = (uint64_t)(-sign * size);
    const uint64_t closed = lots < held ? lots : held;
    const int64_t n_closed = closed == lots ? n : n / (int64_t)lots * (int64_t)closed;
    int64_t released = cost;
    if (closed < held) {
        bool exact;
        const uint64_t magnitude = (uint64_t)(cost < 0 ? -cost : cost);
        const int64_t quotient = (int64_t)hr_mul_div_floor(magnitude, closed, held, &exact);
        released = cost < 0 ? -quotient : quotient + !exact;
    }
    after.realised_pnl = (size > 0 ? n_closed : -n_closed) - released;
    after.cost -= released;
    after.size += sign * (int64_t)closed;
    if (lots > closed) {
        after.size += sign * (int64_t)(lots - closed);
        after.cost += sign * (n - n_closed);
    }
    return after;
}

/* Writes size and cost of a settled position; open interest and the stamps follow. */
static inline void hr_position_set(struct hr_core *c, uint32_t account, uint32_t k, int64_t size,
                                   int64_t cost) {
    struct hr_position *p = hr_position_at(c, account, k);
    const uint32_t market = p->market_plus_1 - 1u;
    const int64_t before = hr_unbias(p->size_biased);
    hr_market_at(c, market)->open_interest_lots +=
        (uint64_t)((size > 0 ? size : 0) - (before > 0 ? before : 0));
    hr_touch_leaf(c, HR_SUBTREE_MARKETS, market);
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    if (risk->flags & HR_MARKET_RISK_FLAG_MARGINED) {
        hr_cost_change(risk, hr_unbias(p->cost_biased), cost);
        hr_touch_market_risk(c, market);
    }
    p->size_biased = hr_bias(size);
    p->cost_biased = hr_bias(cost);
    hr_position_stamp(p, risk, size);
    hr_touch_position(c, account, k);
}

#endif
