/* Ops of governance; they reach the chain only as L1 priority operations. */
#ifndef HEADRACE_ADMIN_IMPL_H
#define HEADRACE_ADMIN_IMPL_H

#include "accounts_impl.h"
#include "listing_impl.h"

enum { HR_MAX_FIGURES = 9 };

static int hr_op_admin_asset(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_asset *p = &op->admin_asset;
    if (op->flags || op->market || op->account || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_asset, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (p->asset >= HR_SHARE_ASSET || (p->flags & ~(uint32_t)HR_ASSET_FLAG_DEPOSITS_OPEN) ||
        p->withdraw_step_units == 0 || p->withdraw_step_units >= HR_VALUE_LIMIT ||
        p->deposit_cap_units >= HR_VALUE_LIMIT)
        return HR_E_INVALID_ASSET_PARAMETER;
    struct hr_asset *asset = hr_asset_at(c, p->asset);
    const uint64_t link = asset->flags & HR_ASSET_FLAG_LINKED;
    if (link && p->flags) return HR_E_INVALID_ASSET_PARAMETER; /* its deposits stay closed */
    if (!hr_asset_exists(c, p->asset)) {
        if (hr_listing_at(c)->asset_count >= HR_LISTED_MAX) return HR_E_LISTING_FULL;
        hr_list_asset(c, p->asset);
    }
    asset->flags = p->flags | HR_ASSET_FLAG_EXISTS | link;
    asset->withdraw_step_units = p->withdraw_step_units;
    asset->deposit_cap_units = p->deposit_cap_units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, p->asset);
    hr_emit(c, HR_EVENT_KIND_ASSET_SET, 0, 0, p->asset, (int64_t)asset->flags,
            (int64_t)p->withdraw_step_units, (int64_t)p->deposit_cap_units, 0, 0);
    return HR_E_OK;
}

static bool hr_market_parameters_are_valid(struct hr_core *c, const struct hr_op_admin_market *p) {
    const bool is_perp = p->kind == HR_MARKET_KIND_PERP;
    if (!is_perp && p->kind != HR_MARKET_KIND_SPOT) return false;
    if (p->status > HR_MARKET_STATUS_OPEN) return false;
    if (p->sz_decimals > (is_perp ? HR_PERP_PRICE_DECIMALS : HR_SPOT_PRICE_DECIMALS)) return false;
    if (p->max_significant_figures > HR_MAX_FIGURES || p->fee_table >= HR_MAX_FEE_TABLES ||
        p->tick > HR_PRICE_MAX || p->min_size_lots >= HR_SIZE_LIMIT)
        return false;
    if (!hr_account_exists(c, p->fee_account) || !hr_account_exists(c, p->insurance_account))
        return false;
    if (p->base_asset >= HR_SHARE_ASSET) return false; /* no market for shares */
    /* no trade in what can be pledged, either */
    return is_perp || (p->base_asset != HR_QUOTE_ASSET && p->base_asset < HR_LINK_ASSET &&
                       hr_asset_exists(c, p->base_asset));
}

/* A margined market takes post-only orders first after a halt. */
static void hr_market_reopen(struct hr_core *c, uint32_t market) {
    const uint64_t opens_s = c->header->now_s + HR_REOPEN_POST_ONLY_S;
    hr_market_risk_at(c, market)->opens_s =
        opens_s < UINT32_MAX ? (uint32_t)opens_s : UINT32_MAX - 1;
    hr_touch_market_risk(c, market);
}

static int hr_op_admin_market(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_market *p = &op->admin_market;
    if (op->flags || op->account || p->zero_gap || !hr_is_zero(p->zero_gap2, sizeof p->zero_gap2) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_market, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (op->market >= HR_MAX_MARKETS) return HR_E_UNKNOWN_MARKET;
    if (!hr_market_parameters_are_valid(c, p)) return HR_E_INVALID_MARKET_PARAMETER;
    struct hr_market *m = hr_market_at(c, op->market);
    if (m->kind &&
        (m->kind != p->kind || m->sz_decimals != p->sz_decimals || m->base_asset != p->base_asset))
        return HR_E_MARKET_IMMUTABLE;
    if (m->status == HR_MARKET_STATUS_HALTED && p->status == HR_MARKET_STATUS_OPEN &&
        hr_is_margined(c, op->market))
        hr_market_reopen(c, op->market);
    HR_INDEX(hr_index_market_changed(c, op->market, p->tick));
    m->kind = p->kind;
    m->status = p->status;
    m->sz_decimals = p->sz_decimals;
    m->max_significant_figures = p->max_significant_figures;
    m->base_asset = p->base_asset;
    m->fee_table = p->fee_table;
    m->tick = p->tick;
    m->fee_account = p->fee_account;
    m->insurance_account = p->insurance_account;
    m->min_size_lots = p->min_size_lots;
    m->base_units_per_lot = 1;
    for (uint32_t i = p->sz_decimals; i < HR_QUOTE_DECIMALS; i++) m->base_units_per_lot *= 10;
    hr_touch_leaf(c, HR_SUBTREE_MARKETS, op->market);
    hr_emit(c, HR_EVENT_KIND_MARKET_SET, op->market, 0, p->kind, p->status, 0, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_admin_fee_tier(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_fee_tier *p = &op->admin_fee_tier;
    if (op->flags || op->market || op->account || p->zero_gap ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_fee_tier, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (p->table >= HR_MAX_FEE_TABLES || p->tier >= HR_TIERS_PER_TABLE ||
        (p->flags & ~(uint32_t)HR_TIER_FLAG_SELF_SERVICE) || p->maker_ppm > HR_MAX_FEE_PPM ||
        p->taker_ppm > HR_MAX_FEE_PPM || p->quota_per_minute > 1u << 31)
        return HR_E_INVALID_FEE_PARAMETER;
    struct hr_tier *t = &hr_fee_table_at(c, p->table)->tiers[p->tier];
    t->flags = p->flags | HR_TIER_FLAG_EXISTS;
    t->maker_ppm = p->maker_ppm;
    t->taker_ppm = p->taker_ppm;
    t->quota_per_minute = p->quota_per_minute;
    hr_touch_leaf(c, HR_SUBTREE_FEE_TABLES, p->table);
    hr_emit(c, HR_EVENT_KIND_FEE_TIER_SET, 0, 0, p->table, p->tier, p->maker_ppm, p->taker_ppm,
            p->quota_per_minute, t->flags);
    return HR_E_OK;
}

#endif
