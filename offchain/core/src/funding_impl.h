/* The minute of a margined market: residue, premium sample, funding. docs/spec/risk.md section 5.
 */
#ifndef HEADRACE_FUNDING_IMPL_H
#define HEADRACE_FUNDING_IMPL_H

#include "duties_impl.h"
#include "money_impl.h"

/* Hands the whole lots that settling left over on one side to the market's insurance account. */
HR_COLD void hr_residue_move(struct hr_core *c, uint32_t market, uint32_t side) {
    struct hr_market *m = hr_market_at(c, market);
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    const uint32_t insurer = m->insurance_account;
    if (risk->sides[side].residue_lots == 0 ||
        (hr_position_find(c, insurer, market) == HR_POSITIONS_PER_ACCOUNT &&
         hr_account_at(c, insurer)->positions_used == HR_POSITIONS_PER_ACCOUNT))
        return;
    const uint32_t k = hr_position_open(c, insurer, market);
    const struct hr_settled held = hr_settle_write(c, insurer, k);
    const uint64_t residue = risk->sides[side].residue_lots; /* settling may complete a lot */
    const int64_t lots = side == HR_LONGS ? (int64_t)residue : -(int64_t)residue;
    const struct hr_position_change after = hr_position_after(held.size, held.cost, lots, 0);
    risk->sides[side].residue_lots = 0;
    hr_touch_market_risk(c, market);
    if (side == HR_LONGS) m->open_interest_lots -= residue;
    hr_position_set(c, insurer, k, after.size, after.cost);
    hr_quote_add(c, insurer, after.realised_pnl);
    hr_emit(c, HR_EVENT_KIND_RESIDUE, market, insurer, lots, after.size, after.cost,
            after.realised_pnl, 0, 0);
    hr_position_release(c, insurer, market);
}

/* Average price at which `impact_micro` would trade against one side, or 0: too little depth. */
static uint32_t hr_impact_price(struct hr_core *c, const struct hr_market *m, uint32_t side,
                                uint64_t impact_micro) {
    uint64_t lots = 0, micro = 0; /* below impact_micro < 2^53, and a price more at the end */
    uint32_t slot = m->best[side];
    for (uint32_t n = 0; impact_micro && slot && n < HR_IMPACT_LEVELS; n++) {
        const struct hr_level *level = hr_level_at(c, slot);
        const uint64_t needed = (impact_micro - micro + level->price - 1) / level->price;
        const bool is_last = needed <= level->total_lots;
        const uint64_t counted = is_last ? needed : level->total_lots;
        lots += counted;
        micro += counted * level->price;
        if (is_last) return (uint32_t)(side == HR_BID ? micro / lots : (micro + lots - 1) / lots);
        slot = level->next;
    }
    return 0;
}

static void hr_premium_sample(struct hr_core *c, uint32_t market) {
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    const struct hr_market *m = hr_market_at(c, market);
    const int64_t index = risk->index_price;
    const int64_t bid = hr_impact_price(c, m, HR_BID, risk->impact_notional_micro);
    const int64_t ask = hr_impact_price(c, m, HR_ASK, risk->impact_notional_micro);
    const int64_t above = bid > index ? bid - index : 0;
    const int64_t below = ask && ask < index ? index - ask : 0;
    const int64_t premium = hr_div_floor((above - below) * HR_PPM, index);
    risk->premium_sum_ppm_biased += (uint64_t)hr_clamp(premium, -(int64_t)HR_PPM, HR_PPM);
}

/* Raises the paid indices by f, of what is left of each side's lots. */
static void hr_funding_charge(struct hr_market_risk *risk, int64_t f) {
    int64_t after[2];
    for (uint32_t side = 0; side < 2; side++) {
        const uint64_t left = HR_FRACTION_ONE - risk->sides[side].taken;
        after[side] = hr_unbias(risk->sides[side].paid_biased) +
                      hr_mul_div_signed(f, left, HR_FRACTION_ONE,
                                        side == HR_LONGS ? HR_ROUND_UP : HR_ROUND_DOWN);
        if (hr_magnitude(after[side]) >= HR_PAID_INDEX_LIMIT) return;
    }
    for (uint32_t side = 0; side < 2; side++) risk->sides[side].paid_biased = hr_bias(after[side]);
}

static void hr_funding_hour(struct hr_core *c, uint32_t market, uint32_t hour) {
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    if (risk->index_price != 0 && risk->funding_hour != 0) {
        const int64_t average =
            hr_div_floor(hr_unbias(risk->premium_sum_ppm_biased), HR_SAMPLES_PER_HOUR);
        const int64_t interest = risk->funding_interest_ppm, cap = risk->funding_cap_ppm;
        const int64_t pull =
            hr_clamp(interest - average, -(int64_t)HR_FUNDING_CLAMP_PPM, HR_FUNDING_CLAMP_PPM);
        const int64_t rate = hr_clamp(average + pull, -cap, cap);
        const int64_t lot_value = (int64_t)risk->index_price * HR_PERP_QUOTE_MULTIPLIER;
        const int64_t f = hr_div_floor(lot_value * rate, HR_FUNDING_PERIODS);
        hr_funding_charge(risk, f);
        hr_emit(c, HR_EVENT_KIND_FUNDING, market, 0, f, risk->index_price, average, rate,
                hr_unbias(risk->sides[HR_LONGS].paid_biased),
                hr_unbias(risk->sides[HR_SHORTS].paid_biased));
    }
    risk->premium_sum_ppm_biased = HR_SIGNED_BIAS;
    risk->funding_hour = hour;
}

/* First whole minute after now, which is when a margined market is looked at next; at the end of
 * time, never. */
static uint32_t hr_next_minute_s(struct hr_core *c) {
    const uint64_t next = (c->header->now_s / HR_MINUTE_S + 1) * HR_MINUTE_S;
    return next < UINT32_MAX ? (uint32_t)next : UINT32_MAX;
}

/* The duty MARKET_MINUTE. */
HR_COLD void hr_market_minute(struct hr_core *c, uint32_t market) {
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    const uint32_t hour = (uint32_t)(c->header->now_s / HR_HOUR_S);
    hr_residue_move(c, market, HR_LONGS);
    hr_residue_move(c, market, HR_SHORTS);
    if (hr_mark_is_fresh(c, risk)) hr_premium_sample(c, market);
    if (hour != risk->funding_hour) hr_funding_hour(c, market, hour);
    hr_touch_market_risk(c, market);
    hr_duty_push(c, hr_next_minute_s(c), HR_DUTY_KIND_MARKET_MINUTE, market);
}

#endif
