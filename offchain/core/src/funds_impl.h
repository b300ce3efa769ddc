/* Funds: what one is worth, and what its leader earns by a rise. docs/spec/funds.md section 3. */
#ifndef HEADRACE_FUNDS_IMPL_H
#define HEADRACE_FUNDS_IMPL_H

#include "accounts_impl.h"

static inline uint32_t hr_share_asset(uint32_t fund) {
    return HR_SHARE_ASSET + fund;
}

/* --- value ---------------------------------------------------------------------------------- */

/* Quote units, each below 2^62: at the prices for who enters, at those for who leaves. */
enum { HR_VALUE_UP, HR_VALUE_DOWN, HR_VALUES };
struct hr_fund_value {
    uint64_t at[HR_VALUES];
};

/* What a position is worth at a price, with its isolated margin. */
static int64_t hr_position_value(const struct hr_position *p, const struct hr_settled *now,
                                 uint32_t price) {
    struct hr_signed_sum sum = {{{0}}, {{0}}};
    const bool is_isolated = p->mode == HR_MARGIN_MODE_ISOLATED;
    const uint64_t lot_value = (uint64_t)price * HR_PERP_QUOTE_MULTIPLIER;
    if (is_isolated) hr_sum_add(&sum, hr_unbias(p->isolated_margin_biased));
    hr_sum_add(&sum, now->cash);
    hr_sum_add(&sum, -now->cost);
    hr_sum_add_wide(&sum, now->size < 0,
                    hr_wide_mul(hr_wide_of(hr_magnitude(now->size)), lot_value));
    const bool is_negative = hr_sum_is_negative(&sum);
    uint64_t worth = hr_wide_saturate(hr_sum_magnitude(&sum));
    if (worth > HR_VALUE_LIMIT) worth = HR_VALUE_LIMIT;
    if (!is_negative) return (int64_t)worth;
    return is_isolated ? 0 : -(int64_t)worth;
}

/* A look at the buckets of a fund. */
struct hr_fund_view {
    struct hr_signed_sum bucket[HR_VALUES]; /* of the bucket that is looked at */
    struct hr_wide total[HR_VALUES];
    uint32_t positions; /* of a size other than 0 */
    bool is_stale;      /* a price is missing or too old */
};

static void hr_view_position(struct hr_core *c, uint32_t account, uint32_t k,
                             struct hr_fund_view *view) {
    const struct hr_position *p = hr_position_at(c, account, k);
    const struct hr_settled now = hr_settled(c, account, k);
    const struct hr_market_risk *risk = hr_market_risk_at(c, p->market_plus_1 - 1u);
    const uint32_t mark = risk->mark_price, index = risk->index_price;
    const uint32_t higher = mark > index ? mark : index, lower = mark > index ? index : mark;
    if (now.size) {
        view->positions++;
        view->is_stale |=
            !(risk->flags & HR_MARKET_RISK_FLAG_MARGINED) || !hr_mark_is_fresh(c, risk);
    }
    /* a flat record is worth its isolated margin */
    hr_sum_add(&view->bucket[HR_VALUE_UP],
               hr_position_value(p, &now, now.size > 0 ? higher : lower));
    hr_sum_add(&view->bucket[HR_VALUE_DOWN],
               hr_position_value(p, &now, now.size > 0 ? lower : higher));
}

/* Balance slot k, which is not the quote. */
static void hr_view_asset(struct hr_core *c, const struct hr_account *a, uint32_t k,
                          struct hr_fund_view *view) {
    const uint32_t asset = a->asset_ids[k] - 1u;
    const uint64_t units = a->balances[k].free_biased - HR_SIGNED_BIAS + a->balances[k].locked;
    if (units == 0) return;
    if (!hr_is_collateral(hr_asset_risk_at(c, asset))) {
        view->is_stale = true;
        return;
    }
    const struct hr_wide exact = hr_wide_mul(hr_wide_of(units), hr_unit_price_e8(c, asset));
    const struct hr_wide worth = hr_wide_div(exact, hr_wide_of(HR_PRICE_E8_UNIT)).quotient;
    for (uint32_t i = 0; i < HR_VALUES; i++) hr_sum_add_wide(&view->bucket[i], false, worth);
}

/* Adds one bucket, which can lose no more than what is in it. */
static void hr_view_bucket(struct hr_core *c, uint32_t account, struct hr_fund_view *view) {
    const struct hr_account *a = hr_account_at(c, account);
    for (uint32_t i = 0; i < HR_VALUES; i++) {
        view->bucket[i] = (struct hr_signed_sum){{{0}}, {{0}}};
        hr_sum_add(&view->bucket[i],
                   hr_unbias(a->balances[0].free_biased) + (int64_t)a->balances[0].locked);
    }
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (a->asset_ids[k]) hr_view_asset(c, a, k, view);
    for (uint32_t k = 0; k < HR_POSITIONS_PER_ACCOUNT; k++)
        if (hr_position_at(c, account, k)->market_plus_1) hr_view_position(c, account, k, view);
    for (uint32_t i = 0; i < HR_VALUES; i++) {
        const struct hr_signed_sum *sum = &view->bucket[i];
        if (!hr_sum_is_negative(sum))
            view->total[i] = hr_wide_add(view->total[i], hr_sum_magnitude(sum));
    }
}

/* What a fund is worth. Returns: FUND_TOO_WIDE, STALE_PRICE or HR_E_OK. */
HR_COLD int hr_fund_value(struct hr_core *c, uint32_t fund, struct hr_fund_value *value) {
    struct hr_fund_view view;
    __builtin_memset(&view, 0, sizeof view);
    for (uint32_t bucket = 0; bucket < hr_fund_at(c, fund)->buckets; bucket++)
        if (hr_account_exists(c, hr_fund_master(fund) + bucket))
            hr_view_bucket(c, hr_fund_master(fund) + bucket, &view);
    for (uint32_t i = 0; i < HR_VALUES; i++) {
        const uint64_t total = hr_wide_saturate(view.total[i]);
        value->at[i] = total < HR_VALUE_LIMIT ? total : HR_VALUE_LIMIT - 1;
    }
    if (view.positions > HR_FUND_MAX_POSITIONS) return HR_E_FUND_TOO_WIDE;
    return view.is_stale ? HR_E_STALE_PRICE : HR_E_OK;
}

/* --- shares --------------------------------------------------------------------------------- */

/* Shares of a fund that an account holds, free and locked. */
static uint64_t hr_shares_held(struct hr_core *c, uint32_t account, uint32_t fund) {
    const struct hr_account *a = hr_account_at(c, account);
    const uint32_t k = hr_balance_slot(a, hr_share_asset(fund));
    if (k == HR_NO_SLOT) return 0;
    return a->balances[k].free_biased - HR_SIGNED_BIAS + a->balances[k].locked;
}

/* Has the account a balance slot for the shares, or a free one? */
static bool hr_has_share_slot(struct hr_core *c, uint32_t account, uint32_t fund) {
    const struct hr_account *a = hr_account_at(c, account);
    return hr_balance_slot(a, hr_share_asset(fund)) != HR_NO_SLOT ||
           hr_balance_slot_free(a) != HR_NO_SLOT;
}

/* Changes how many shares there are. */
static void hr_share_supply_add(struct hr_core *c, uint32_t fund, uint64_t shares) {
    hr_fund_at(c, fund)->total_shares += shares;
    hr_asset_at(c, hr_share_asset(fund))->supply_units += shares;
    hr_touch_fund(c, fund);
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, hr_share_asset(fund));
}

/* New shares for an account; `amount` was paid for them, at `value` of the fund. */
static void hr_shares_mint(struct hr_core *c, uint32_t account, uint32_t fund, uint64_t amount,
                           uint64_t shares, uint64_t value) {
    hr_inflow(c, account, hr_share_asset(fund), shares);
    hr_share_supply_add(c, fund, shares);
    hr_emit(c, HR_EVENT_KIND_SHARES_MINTED, 0, account, fund, (int64_t)amount, (int64_t)shares,
            (int64_t)value, (int64_t)hr_fund_at(c, fund)->total_shares, 0);
}

/* --- the leader's fee ----------------------------------------------------------------------- */

struct hr_fund_fee {
    bool is_due;
    uint64_t shares, high_water_e8; /* that the leader gets, and the mark after it */
};

/* The leader's part of a rise above the high-water mark. Changes nothing. */
static struct hr_fund_fee hr_fund_fee(struct hr_core *c, uint32_t fund, uint64_t value_down) {
    const struct hr_fund *f = hr_fund_at(c, fund);
    const uint64_t total = f->total_shares;
    struct hr_fund_fee fee = {false, 0, f->high_water_e8};
    if (total == 0 || f->fee_ppm == 0) return fee;
    uint64_t price = hr_mul_div(value_down, HR_SHARE_PRICE_ONE_E8, total, HR_ROUND_DOWN);
    if (price >= HR_VALUE_LIMIT) price = HR_VALUE_LIMIT - 1;
    if (price <= f->high_water_e8) return fee;
    const uint64_t risen = hr_mul_div(price - f->high_water_e8, total, price, HR_ROUND_DOWN);
    const uint64_t shares = hr_mul_div(risen, f->fee_ppm, HR_PPM, HR_ROUND_DOWN);
    if (!hr_has_share_slot(c, f->leader, fund) || total + shares >= HR_VALUE_LIMIT ||
        !hr_account_can_receive(hr_account_at(c, f->leader), hr_share_asset(fund), shares))
        return fee;
    return (struct hr_fund_fee){true, shares, price};
}

static void hr_fund_fee_take(struct hr_core *c, uint32_t fund, const struct hr_fund_fee *fee,
                             uint64_t value_down) {
    struct hr_fund *f = hr_fund_at(c, fund);
    if (!fee->is_due) return;
    if (fee->shares) hr_shares_mint(c, f->leader, fund, 0, fee->shares, value_down);
    f->high_water_e8 = fee->high_water_e8;
    hr_touch_fund(c, fund);
}

#endif
