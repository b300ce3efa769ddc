/* What governance sets for risk. docs/spec/risk.md sections 6 and 7. */
#ifndef HEADRACE_RISK_ADMIN_IMPL_H
#define HEADRACE_RISK_ADMIN_IMPL_H

#include "admin_impl.h"
#include "funding_impl.h"
#include "prices_impl.h"

enum { HR_MAX_SOURCES = 255, HR_MAX_REPORT_AGE_S = 86400, HR_MAX_YEARLY_RATE = 10 };
enum { HR_MAX_YIELD_SHARE_PPM = 500000, HR_DAY_MASK = (1 << HR_HOURS_PER_DAY) - 1 };
#define HR_IMPACT_LIMIT_MICRO (UINT64_C(1) << 53)

static bool hr_market_prices_are_valid(const struct hr_market *m,
                                       const struct hr_op_admin_market_prices *p) {
    return m->kind == HR_MARKET_KIND_PERP && p->basis_cap_ppm <= HR_PPM &&
           p->mark_band_ppm <= HR_PPM && p->snapshot_band_ppm <= HR_PPM && p->jump_ppm != 0 &&
           p->min_sources != 0 && p->min_sources <= HR_MAX_SOURCES && p->max_report_age_s != 0 &&
           p->max_report_age_s <= HR_MAX_REPORT_AGE_S &&
           p->impact_notional_micro < HR_IMPACT_LIMIT_MICRO && p->funding_interest_ppm <= HR_PPM &&
           p->funding_cap_ppm <= HR_PPM;
}

static int hr_op_admin_market_prices(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_market_prices *p = &op->admin_market_prices;
    if (op->flags || op->account ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_market_prices, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (op->market >= HR_MAX_MARKETS || hr_market_at(c, op->market)->kind == 0)
        return HR_E_UNKNOWN_MARKET;
    if (!hr_market_prices_are_valid(hr_market_at(c, op->market), p))
        return HR_E_INVALID_MARKET_PARAMETER;
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    if (!(risk->flags & HR_MARKET_RISK_FLAG_PRICED)) {
        risk->basis_ema_biased = HR_SIGNED_BIAS;
        risk->premium_sum_ppm_biased = HR_SIGNED_BIAS;
        risk->pool_biased = HR_SIGNED_BIAS;
        risk->cost_biased = HR_SIGNED_BIAS;
        for (uint32_t side = 0; side < 2; side++) {
            risk->sides[side].paid_biased = HR_SIGNED_BIAS;
            risk->sides[side].ended_paid_biased = HR_SIGNED_BIAS;
        }
    }
    risk->flags |= HR_MARKET_RISK_FLAG_PRICED;
    risk->basis_cap_ppm = p->basis_cap_ppm;
    risk->mark_band_ppm = p->mark_band_ppm;
    risk->jump_ppm = p->jump_ppm;
    risk->snapshot_band_ppm = p->snapshot_band_ppm;
    risk->funding_interest_ppm = p->funding_interest_ppm;
    risk->funding_cap_ppm = p->funding_cap_ppm;
    risk->min_sources = p->min_sources;
    risk->max_report_age_s = p->max_report_age_s;
    risk->impact_notional_micro = p->impact_notional_micro;
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_MARKET_PRICES_SET, op->market, 0, p->basis_cap_ppm, p->mark_band_ppm,
            p->jump_ppm, p->snapshot_band_ppm, p->funding_interest_ppm, p->funding_cap_ppm);
    return HR_E_OK;
}

static bool hr_market_risk_is_valid(const struct hr_op_admin_market_risk *p) {
    const bool tiers_rise = !p->tier1_micro || !p->tier2_micro || p->tier1_micro <= p->tier2_micro;
    return p->closeout_ppm != 0 && p->closeout_ppm <= p->maintenance_ppm &&
           p->maintenance_ppm <= p->initial_ppm && p->initial_ppm <= HR_PPM &&
           p->liquidation_fee_ppm <= p->maintenance_ppm && p->tier1_micro < HR_MICRO_LIMIT &&
           p->tier2_micro < HR_MICRO_LIMIT && tiers_rise &&
           p->open_interest_cap_lots < HR_SIZE_LIMIT &&
           p->concentration_free_lots < HR_SIZE_LIMIT && p->concentration_ppm <= HR_PPM &&
           p->price_band_ppm != 0 && p->price_band_ppm <= HR_PPM;
}

/* May a market that had no margin get one? Nobody in it has been asked for any. */
static int hr_check_first_margin(struct hr_core *c, const struct hr_market *m) {
    if (m->open_interest_lots || m->best[HR_BID] || m->best[HR_ASK]) return HR_E_MARKET_IN_USE;
    if (c->header->duty_count == HR_DUTY_CAPACITY) return HR_E_DUTY_QUEUE_FULL;
    return hr_listing_at(c)->market_count >= HR_LISTED_MAX ? HR_E_LISTING_FULL : HR_E_OK;
}

static int hr_op_admin_market_risk(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_market_risk *p = &op->admin_market_risk;
    if (op->flags || op->account) return HR_E_MALFORMED_OP;
    if (op->market >= HR_MAX_MARKETS || hr_market_at(c, op->market)->kind == 0)
        return HR_E_UNKNOWN_MARKET;
    if (hr_check_priced(c, op->market) || !hr_market_risk_is_valid(p))
        return HR_E_INVALID_MARKET_PARAMETER;
    if (!hr_is_margined(c, op->market)) {
        const int e = hr_check_first_margin(c, hr_market_at(c, op->market));
        if (e) return e;
        hr_duty_push(c, hr_next_minute_s(c), HR_DUTY_KIND_MARKET_MINUTE, op->market);
        hr_list_market(c, op->market);
    }
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    risk->flags |= HR_MARKET_RISK_FLAG_MARGINED;
    risk->initial_ppm = p->initial_ppm;
    risk->maintenance_ppm = p->maintenance_ppm;
    risk->closeout_ppm = p->closeout_ppm;
    risk->liquidation_fee_ppm = p->liquidation_fee_ppm;
    risk->tier1_micro = p->tier1_micro;
    risk->tier2_micro = p->tier2_micro;
    risk->open_interest_cap_lots = p->open_interest_cap_lots;
    risk->concentration_free_lots = p->concentration_free_lots;
    risk->concentration_ppm = p->concentration_ppm;
    risk->price_band_ppm = p->price_band_ppm;
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_MARKET_RISK_SET, op->market, 0, p->initial_ppm, p->maintenance_ppm,
            p->closeout_ppm, p->liquidation_fee_ppm, (int64_t)p->tier1_micro,
            (int64_t)p->tier2_micro);
    return HR_E_OK;
}

static bool hr_calendar_is_valid(const struct hr_op_admin_market_calendar *p) {
    uint32_t any = 0;
    for (uint32_t day = 0; day < 7; day++) any |= p->days[day];
    return any <= HR_DAY_MASK && p->weekend_band_ppm <= HR_PPM &&
           p->off_hours_initial_ppm <= HR_PPM && (any == 0 || p->weekend_band_ppm != 0);
}

/* The close under a new calendar: the index, unless an earlier one still holds off session. */
static uint32_t hr_close_under_calendar(const struct hr_market_risk *risk, uint64_t now_s) {
    if (!hr_has_calendar(risk)) return 0;
    const bool renews = risk->close_price == 0 || hr_is_in_session(risk, now_s);
    return risk->index_price && renews ? risk->index_price : risk->close_price;
}

static int hr_op_admin_market_calendar(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_market_calendar *p = &op->admin_market_calendar;
    if (op->flags || op->account ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_market_calendar, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (op->market >= HR_MAX_MARKETS || !hr_is_margined(c, op->market)) return HR_E_UNKNOWN_MARKET;
    if (!hr_calendar_is_valid(p)) return HR_E_INVALID_MARKET_PARAMETER;
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    for (uint32_t day = 0; day < 7; day++) risk->session_days[day] = p->days[day];
    risk->weekend_band_ppm = p->weekend_band_ppm;
    risk->off_hours_initial_ppm = p->off_hours_initial_ppm;
    risk->close_price = hr_close_under_calendar(risk, c->header->now_s);
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_CALENDAR_SET, op->market, 0, p->days[0], p->days[1], p->days[2],
            p->days[3], p->days[4], p->days[5]);
    return HR_E_OK;
}

static bool hr_asset_risk_is_valid(const struct hr_op_admin_asset_risk *p) {
    return p->asset != HR_QUOTE_ASSET && p->asset < HR_SHARE_ASSET &&
           p->margin_weight_ppm <= p->liquidation_weight_ppm &&
           p->liquidation_weight_ppm <= HR_PPM && p->exchange_discount_ppm <= HR_PPM &&
           p->liquidation_weight_ppm + p->exchange_discount_ppm <= HR_PPM &&
           p->growth_cap_ppm <= HR_MAX_YEARLY_RATE * HR_PPM && p->heartbeat_s != 0 &&
           p->yield_share_ppm <= HR_MAX_YIELD_SHARE_PPM &&
           p->hedge_market_plus_1 <= HR_MAX_MARKETS &&
           !(p->flags & ~(uint32_t)HR_ASSET_RISK_FLAG_IMPAIRED) && p->tier_units < HR_VALUE_LIMIT &&
           p->user_cap_units < HR_VALUE_LIMIT;
}

static int hr_op_admin_asset_risk(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_asset_risk *p = &op->admin_asset_risk;
    if (op->flags || op->market || op->account ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_asset_risk, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    if (!hr_asset_risk_is_valid(p) || (p->yield_share_ppm && hr_is_linked(c, p->asset)))
        return HR_E_INVALID_ASSET_PARAMETER;
    struct hr_asset_risk *risk = hr_asset_risk_at(c, p->asset);
    const bool was_impaired = risk->flags & HR_ASSET_RISK_FLAG_IMPAIRED;
    if (!(p->flags & HR_ASSET_RISK_FLAG_IMPAIRED))
        risk->impaired_since_s = 0;
    else if (!was_impaired)
        risk->impaired_since_s = (uint32_t)c->header->now_s;
    risk->flags = p->flags | HR_ASSET_RISK_FLAG_EXISTS;
    risk->margin_weight_ppm = p->margin_weight_ppm;
    risk->liquidation_weight_ppm = p->liquidation_weight_ppm;
    risk->exchange_discount_ppm = p->exchange_discount_ppm;
    risk->growth_cap_ppm = p->growth_cap_ppm;
    risk->tier_units = p->tier_units;
    risk->user_cap_units = p->user_cap_units;
    risk->heartbeat_s = p->heartbeat_s;
    risk->yield_share_ppm = p->yield_share_ppm;
    risk->hedge_market_plus_1 = p->hedge_market_plus_1;
    hr_touch_asset_risk(c, p->asset);
    hr_emit(c, HR_EVENT_KIND_ASSET_RISK_SET, 0, 0, p->asset, (int64_t)risk->flags,
            p->margin_weight_ppm, p->liquidation_weight_ppm, p->exchange_discount_ppm,
            p->heartbeat_s);
    return HR_E_OK;
}

static int hr_op_admin_credit(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_credit *p = &op->admin_credit;
    if (op->flags || op->market || op->account ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_credit, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (p->base_rate_ppm > HR_MAX_YEARLY_RATE * HR_PPM ||
        p->slope_ppm > HR_MAX_YEARLY_RATE * HR_PPM || p->negative_cap_units >= HR_VALUE_LIMIT ||
        p->spread_ppm > HR_PPM)
        return HR_E_INVALID_ASSET_PARAMETER;
    struct hr_asset_risk *risk = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    if (risk->owed_index_e12 == 0) {
        risk->owed_index_e12 = HR_INDEX_ONE;
        risk->interest_time_s = c->header->now_s;
        risk->earned_index_e12 = HR_INDEX_ONE;
    }
    risk->base_rate_ppm = p->base_rate_ppm;
    risk->slope_ppm = p->slope_ppm;
    risk->negative_cap_units = p->negative_cap_units;
    risk->spread_ppm = p->spread_ppm;
    hr_touch_asset_risk(c, HR_QUOTE_ASSET);
    hr_emit(c, HR_EVENT_KIND_CREDIT_SET, 0, 0, p->base_rate_ppm, p->slope_ppm,
            (int64_t)p->negative_cap_units, 0, 0, 0);
    return HR_E_OK;
}

#endif
