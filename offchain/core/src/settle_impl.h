/* Settling: what funding and deleveraging have done to a position since it was last written.
 * docs/spec/risk.md section 3. */
#ifndef HEADRACE_SETTLE_IMPL_H
#define HEADRACE_SETTLE_IMPL_H

#include "state_impl.h"
#include "wide_impl.h"

/* Bound of |paid|, so that no sum of the parts of cash can overflow. */
#define HR_PAID_LIMIT ((int64_t)HR_VALUE_LIMIT - 1)

struct hr_settled {
    int64_t size, cost;
    int64_t cash; /* to the isolated margin or the free quote: value - paid - released */
    int64_t paid, released, value;
    uint64_t fraction; /* of a lot that was dropped, in 1 / HR_FRACTION_ONE */
};

static inline uint32_t hr_side_of_size(int64_t size) {
    return size < 0 ? HR_SHORTS : HR_LONGS;
}

/* Is the position as its side left it? Then nothing is owed. */
static inline bool hr_side_is_current(const struct hr_side *side, const struct hr_position *p) {
    return p->funding_index_biased == side->paid_biased &&
           p->adl_index_biased == side->taken + HR_SIGNED_BIAS && p->adl_epoch == side->epoch;
}

/* ceil(s * change * ONE / (base * 10^6)). */
static int64_t hr_funding_owed(int64_t size, int64_t change, uint64_t base) {
    if (change == 0) return 0;
    const uint64_t lots = hr_magnitude(size), index = hr_magnitude(change);
    const bool is_negative = (size < 0) != (change < 0);
    const enum hr_rounding rounding = is_negative ? HR_ROUND_DOWN : HR_ROUND_UP;
    const uint64_t owed = base == HR_FRACTION_ONE
                              ? hr_mul_div(lots, index, HR_PPM, rounding)
                              : hr_mul3_div2(lots, index, HR_FRACTION_ONE, base, HR_PPM, rounding);
    const int64_t bounded = owed > (uint64_t)HR_PAID_LIMIT ? HR_PAID_LIMIT : (int64_t)owed;
    return is_negative ? -bounded : bounded;
}

/* Takes the position's share of what deleveraging has taken from its side. */
static void hr_settle_taken(struct hr_settled *after, uint32_t mark, uint64_t keep, uint64_t base) {
    const uint64_t lots = hr_magnitude(after->size);
    const struct hr_quotient kept = hr_mul_div_rest(lots, keep, base);
    const uint64_t kept_lots = kept.quotient; /* at most lots: keep <= base */
    after->fraction = hr_mul_div(kept.rest, HR_FRACTION_ONE, base, HR_ROUND_UP);
    if (kept_lots == 0)
        after->released = after->cost;
    else
        after->released = hr_mul_div_signed(after->cost, lots - kept_lots, lots, HR_ROUND_UP);
    const uint64_t lot_value = (uint64_t)mark * HR_PERP_QUOTE_MULTIPLIER;
    if (after->size < 0) {
        after->value =
            -(int64_t)hr_mul_div(after->fraction, lot_value, HR_FRACTION_ONE, HR_ROUND_UP);
        after->size = -(int64_t)kept_lots;
    } else {
        after->value =
            (int64_t)hr_mul_div(after->fraction, lot_value, HR_FRACTION_ONE, HR_ROUND_DOWN);
        after->size = (int64_t)kept_lots;
    }
    after->cost -= after->released;
}

HR_COLD struct hr_settled hr_settled_since(const struct hr_market_risk *risk,
                                           const struct hr_position *p) {
    struct hr_settled after = {.size = hr_unbias(p->size_biased),
                               .cost = hr_unbias(p->cost_biased)};
    const struct hr_side *side = &risk->sides[hr_side_of_size(after.size)];
    const bool same_epoch = p->adl_epoch == side->epoch;
    const uint64_t base = HR_FRACTION_ONE - (p->adl_index_biased - HR_SIGNED_BIAS);
    const uint64_t keep = same_epoch ? HR_FRACTION_ONE - side->taken : 0;
    const uint64_t paid_biased = same_epoch ? side->paid_biased : side->ended_paid_biased;
    after.paid =
        hr_funding_owed(after.size, (int64_t)(paid_biased - p->funding_index_biased), base);
    if (keep != base) hr_settle_taken(&after, risk->mark_price, keep, base);
    after.cash = after.value - after.paid - after.released;
    return after;
}

/* Position k of an account, whose record exists, as it is now. */
static inline struct hr_settled hr_settled(struct hr_core *c, uint32_t account, uint32_t k) {
    const struct hr_position *p = hr_position_at(c, account, k);
    const struct hr_market_risk *risk = hr_market_risk_at(c, p->market_plus_1 - 1u);
    const int64_t size = hr_unbias(p->size_biased);
    if (size == 0 || risk->mark_price == 0 ||
        hr_side_is_current(&risk->sides[hr_side_of_size(size)], p))
        return (struct hr_settled){.size = size, .cost = hr_unbias(p->cost_biased)};
    return hr_settled_since(risk, p);
}

/* Notes in a position of this size that it is settled up to now. */
static inline void hr_position_stamp(struct hr_position *p, const struct hr_market_risk *risk,
                                     int64_t size) {
    const struct hr_side *side = &risk->sides[hr_side_of_size(size)];
    const bool is_open = size != 0 && risk->mark_price != 0;
    p->funding_index_biased = is_open ? side->paid_biased : HR_SIGNED_BIAS;
    p->adl_index_biased = is_open ? hr_bias((int64_t)side->taken) : HR_SIGNED_BIAS;
    p->adl_epoch = is_open ? side->epoch : 0;
}

/* Adds to the money of a position: its isolated margin, or the account's free quote. The caller
 * touches the position. */
static inline void hr_position_cash_add(struct hr_core *c, uint32_t account, struct hr_position *p,
                                        int64_t amount) {
    if (p->mode == HR_MARGIN_MODE_ISOLATED)
        p->isolated_margin_biased += (uint64_t)amount;
    else
        hr_quote_add(c, account, amount);
}

/* Follows a position's cost (below 2^61 in magnitude) in the sum of its market; beyond the bound of
 * a word the sum stands. */
static inline void hr_cost_change(struct hr_market_risk *risk, int64_t before, int64_t after) {
    const int64_t limit = (int64_t)HR_VALUE_LIMIT - 1;
    risk->cost_biased =
        hr_bias(hr_clamp(hr_unbias(risk->cost_biased) + (after - before), -limit, limit));
}

/* Adds a dropped fraction of a lot to the residue of a side. */
static inline void hr_residue_add(struct hr_side *side, uint64_t fraction) {
    side->residue_fraction += fraction;
    if (side->residue_fraction < HR_FRACTION_ONE) return;
    side->residue_fraction -= HR_FRACTION_ONE;
    side->residue_lots++;
}

HR_COLD void hr_settle_store(struct hr_core *c, uint32_t account, uint32_t k,
                             const struct hr_settled *after) {
    struct hr_position *p = hr_position_at(c, account, k);
    const uint32_t market = p->market_plus_1 - 1u;
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    hr_residue_add(&risk->sides[hr_side_of_size(hr_unbias(p->size_biased))], after->fraction);
    p->size_biased = hr_bias(after->size);
    hr_cost_change(risk, hr_unbias(p->cost_biased), after->cost);
    p->cost_biased = hr_bias(after->cost);
    hr_position_stamp(p, risk, after->size);
    hr_position_cash_add(c, account, p, after->cash);
    hr_touch_position(c, account, k);
    risk->pool_biased += (uint64_t)after->paid;
    hr_touch_market_risk(c, market);
    if (after->value) hr_quote_add(c, hr_market_at(c, market)->insurance_account, -after->value);
    if (after->paid || after->released || after->fraction)
        hr_emit(c, HR_EVENT_KIND_SETTLED, market, account, after->size, after->cost, after->paid,
                after->released, after->value, (int64_t)after->fraction);
}

/* Settles position k and writes it: right before anything else changes its size, cost or margin.
 * Returns: what was settled. */
static inline struct hr_settled hr_settle_write(struct hr_core *c, uint32_t account, uint32_t k) {
    const struct hr_position *p = hr_position_at(c, account, k);
    const struct hr_settled after = hr_settled(c, account, k);
    const struct hr_market_risk *risk = hr_market_risk_at(c, p->market_plus_1 - 1u);
    const int64_t size = hr_unbias(p->size_biased);
    if (size != 0 && risk->mark_price != 0 &&
        !hr_side_is_current(&risk->sides[hr_side_of_size(size)], p))
        hr_settle_store(c, account, k, &after);
    return after;
}

#endif
