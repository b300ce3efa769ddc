/* Prices from L1 and from the oracle, and the mark made of them. docs/spec/risk.md section 4. */
#ifndef HEADRACE_PRICES_IMPL_H
#define HEADRACE_PRICES_IMPL_H

#include "yield_impl.h"

enum { HR_EMA_FRACTION_BITS = 16 }; /* of the basis in price units */

static int hr_check_priced(struct hr_core *c, uint32_t market) {
    return market < HR_MAX_MARKETS &&
                   (hr_market_risk_at(c, market)->flags & HR_MARKET_RISK_FLAG_PRICED)
               ? HR_E_OK
               : HR_E_UNKNOWN_MARKET;
}

static int hr_snapshot_market(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_snapshot *p = &op->snapshot;
    if (hr_check_priced(c, op->market)) return HR_E_UNKNOWN_MARKET;
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    if (p->time_s > c->header->now_s || p->time_s <= risk->snapshot_time_s) return HR_E_STALE_PRICE;
    uint64_t price = p->price_e8 / 100;
    for (uint32_t i = 0; i < hr_market_at(c, op->market)->sz_decimals; i++) price /= 10;
    if (price == 0 || price > HR_PRICE_MAX) return HR_E_INVALID_PRICE;
    risk->snapshot_price = (uint32_t)price;
    risk->snapshot_time_s = p->time_s;
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_SNAPSHOT_TAKEN, op->market, 0, HR_SNAPSHOT_TARGET_MARKET, 0,
            (int64_t)p->price_e8, 0, p->time_s, (int64_t)price);
    return HR_E_OK;
}

/* A redemption rate may fall at once, but rises no faster than governance allows. */
static uint64_t hr_rate_bounded(const struct hr_asset_risk *risk, uint64_t rate_e12,
                                uint32_t time_s) {
    if (risk->rate_e12 == 0) return rate_e12;
    const uint64_t growth =
        hr_mul3_div2(risk->rate_e12, risk->growth_cap_ppm, time_s - risk->time_s, HR_PPM, HR_YEAR_S,
                     HR_ROUND_DOWN); /* below 2^50 * 2^4 * 2^8 */
    const uint64_t bound = risk->rate_e12 + growth;
    return rate_e12 < bound ? rate_e12 : bound;
}

static int hr_snapshot_asset(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_snapshot *p = &op->snapshot;
    if (p->asset >= HR_MAX_ASSETS ||
        !(hr_asset_risk_at(c, p->asset)->flags & HR_ASSET_RISK_FLAG_EXISTS))
        return HR_E_UNKNOWN_ASSET;
    struct hr_asset_risk *risk = hr_asset_risk_at(c, p->asset);
    if (p->time_s > c->header->now_s || p->time_s <= risk->time_s) return HR_E_STALE_PRICE;
    if (p->price_e8 == 0 || p->price_e8 >= HR_PRICE_UNIT_LIMIT || p->rate_e12 == 0 ||
        p->rate_e12 > HR_RATE_LIMIT_E12)
        return HR_E_INVALID_PRICE;
    const uint64_t old_rate_e12 = risk->rate_e12;
    risk->rate_e12 = hr_rate_bounded(risk, p->rate_e12, p->time_s);
    risk->price_e8 = p->price_e8;
    risk->time_s = p->time_s;
    hr_touch_asset_risk(c, p->asset);
    hr_emit(c, HR_EVENT_KIND_SNAPSHOT_TAKEN, 0, 0, HR_SNAPSHOT_TARGET_ASSET, p->asset,
            (int64_t)p->price_e8, (int64_t)risk->rate_e12, p->time_s, 0);
    hr_yield_share(c, p->asset, old_rate_e12, risk->rate_e12);
    return HR_E_OK;
}

/* Takes what L1 says of a market or an asset; the op is well-formed. */
static int hr_snapshot_take(struct hr_core *c, const struct hr_op *op) {
    return op->snapshot.target == HR_SNAPSHOT_TARGET_MARKET ? hr_snapshot_market(c, op)
                                                            : hr_snapshot_asset(c, op);
}

/* On a chain that reads feeds, only the oracle hub says what L1 says: ORACLE envelopes. */
static int hr_op_snapshot(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_snapshot *p = &op->snapshot;
    const bool is_market = p->target == HR_SNAPSHOT_TARGET_MARKET;
    if (op->flags || op->account || p->target > HR_SNAPSHOT_TARGET_MARKET || p->zero_gap ||
        p->time_s == UINT32_MAX || (is_market ? p->asset || p->rate_e12 : op->market) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_snapshot, zero_tail)))
        return HR_E_MALFORMED_OP;
    return hr_oracle_at(c)->reads_feeds ? HR_E_SNAPSHOT_NOT_FROM_L1 : hr_snapshot_take(c, op);
}

/* --- the mark ------------------------------------------------------------------------------- */

/* Half way between the best bid and the best ask, or 0. */
static uint32_t hr_mid_price(struct hr_core *c, const struct hr_market *m) {
    if (m->best[HR_BID] == 0 || m->best[HR_ASK] == 0) return 0;
    const uint64_t bid = hr_level_at(c, m->best[HR_BID])->price;
    return (uint32_t)((bid + hr_level_at(c, m->best[HR_ASK])->price) / 2);
}

/* The second of three in order. */
static int64_t hr_median(int64_t a, int64_t b, int64_t x) {
    const int64_t low = a < b ? a : b, high = a < b ? b : a;
    return hr_clamp(x, low, high);
}

/* Moves the average basis of the book towards `basis` by dt of its window. */
static int64_t hr_ema_after(int64_t ema, int64_t basis, int64_t dt_s) {
    const int64_t target = basis * (1 << HR_EMA_FRACTION_BITS); /* |.| < 2^48 */
    return ema + hr_div_floor((target - ema) * dt_s, HR_EMA_WINDOW_S);
}

/* The mark for an index: fair price, book and the marks of other venues, kept near the index and,
 * off session, near the close. */
static uint32_t hr_mark_of(const struct hr_market_risk *risk, const struct hr_op_price_report *p,
                           uint32_t mid, int64_t ema) {
    const uint32_t index_price = p->index_price, external = p->external_mark;
    const int64_t index = index_price;
    const int64_t basis_cap = (int64_t)((uint64_t)index_price * risk->basis_cap_ppm / HR_PPM);
    const int64_t mark_band = (int64_t)((uint64_t)index_price * risk->mark_band_ppm / HR_PPM);
    const int64_t basis = hr_div_floor(ema, 1 << HR_EMA_FRACTION_BITS);
    const int64_t fair = index + hr_clamp(basis, -basis_cap, basis_cap);
    const int64_t middle = hr_median(fair, mid ? mid : fair, external ? external : fair);
    int64_t near = hr_clamp(middle, index - mark_band, index + mark_band);
    if (hr_is_held_to_close(risk, p->time_s)) {
        const int64_t close = risk->close_price, distance = hr_weekend_distance(risk);
        near = hr_clamp(near, close - distance, close + distance);
    }
    return (uint32_t)hr_clamp(near, 1, HR_PRICE_MAX);
}

/* Is `price` further from `from` than that many millionths of it? */
static bool hr_is_further(uint32_t price, uint32_t from, uint32_t ppm) {
    const uint64_t distance = price > from ? price - from : from - price;
    return distance * HR_PPM > (uint64_t)from * ppm;
}

/* What a report may say beside the last one: no jump, or after a gap between two sessions what L1
 * has said since; off session nothing far from the close. */
static int hr_check_move(const struct hr_market_risk *risk, const struct hr_op_price_report *p) {
    const bool in_session = hr_is_in_session(risk, p->time_s);
    if (!in_session && risk->close_price &&
        hr_is_further(p->index_price, risk->close_price, risk->weekend_band_ppm))
        return HR_E_PRICE_OUTSIDE_BAND;
    if (risk->index_price == 0) return HR_E_OK;
    if (in_session && !hr_is_in_session(risk, risk->index_time_s))
        return risk->snapshot_time_s <= risk->index_time_s ? HR_E_STALE_PRICE : HR_E_OK;
    return hr_is_further(p->index_price, risk->index_price, risk->jump_ppm) ? HR_E_PRICE_JUMP
                                                                            : HR_E_OK;
}

static int hr_check_report(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_price_report *p = &op->price_report;
    if (hr_check_priced(c, op->market)) return HR_E_UNKNOWN_MARKET;
    const struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    if (p->index_price == 0 || p->index_price > HR_PRICE_MAX || p->external_mark > HR_PRICE_MAX)
        return HR_E_INVALID_PRICE;
    if (p->sources < risk->min_sources) return HR_E_PRICE_QUORUM;
    if (p->time_s > c->header->now_s || p->time_s <= risk->index_time_s ||
        (uint64_t)p->time_s + risk->max_report_age_s < c->header->now_s)
        return HR_E_STALE_PRICE;
    if (risk->snapshot_price == 0 ||
        hr_is_further(p->index_price, risk->snapshot_price, risk->snapshot_band_ppm))
        return HR_E_PRICE_OUTSIDE_SNAPSHOT;
    return hr_check_move(risk, p);
}

static int hr_op_price_report(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_price_report *p = &op->price_report;
    if (op->flags || op->account || p->time_s == UINT32_MAX ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_price_report, zero_tail)))
        return HR_E_MALFORMED_OP;
    const int e = hr_check_report(c, op);
    if (e) return e;
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    const uint32_t since_s = p->time_s - risk->index_time_s;
    const int64_t dt_s = since_s < HR_EMA_WINDOW_S ? since_s : HR_EMA_WINDOW_S;
    const uint32_t mid = hr_mid_price(c, hr_market_at(c, op->market));
    int64_t ema = hr_unbias(risk->basis_ema_biased);
    if (mid) ema = hr_ema_after(ema, (int64_t)mid - p->index_price, dt_s);
    risk->basis_ema_biased = hr_bias(ema);
    risk->mark_price = hr_mark_of(risk, p, mid, ema);
    risk->index_price = p->index_price;
    risk->index_time_s = p->time_s;
    risk->external_mark = p->external_mark;
    if (hr_has_calendar(risk) && hr_is_in_session(risk, p->time_s))
        risk->close_price = p->index_price;
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_PRICE_REPORTED, op->market, 0, p->index_price, risk->mark_price, mid,
            p->external_mark, ema, p->time_s);
    if (hr_trigger_next(c, op->market)) c->header->trigger_market = op->market + 1u;
    return HR_E_OK;
}

#endif
