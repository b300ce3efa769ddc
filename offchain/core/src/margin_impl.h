/* Margin: what an account or an isolated position is worth, and what its positions ask for.
 * docs/spec/risk.md section 7. All sums are in 10^-6 quote tokens (micro). */
#ifndef HEADRACE_MARGIN_IMPL_H
#define HEADRACE_MARGIN_IMPL_H

#include "calendar_impl.h"
#include "hedge_impl.h"
#include "money_impl.h"

/* Sums of a bucket: of the cross positions with the account's money, or of an isolated position. */
struct hr_health {
    int64_t tav, talt;     /* worth by margin weights of what is free, by liquidation weights */
    int64_t imr, mmr, cmr; /* initial, maintenance and close-out requirement */
    int64_t notional;
    uint32_t hedging; /* bit k: balance slot k holds what may hedge a short position */
};

/* A position record as the rules of margin see it: settled, whether it is written so or not. */
struct hr_holding {
    uint32_t k; /* HR_POSITIONS_PER_ACCOUNT when the record does not exist yet */
    uint32_t market;
    uint32_t mode, leverage;
    int64_t size, cost;
    int64_t cash;            /* what settling brings, in quote units */
    int64_t isolated_margin; /* of mode isolated */
    uint64_t open_lots[2];
};

/* What a bucket is asked to be judged with instead of what it is. */
struct hr_hypothesis {
    bool replaces; /* the record of holding.k is as `holding` says */
    struct hr_holding holding;
    int64_t quote; /* quote units that come to the bucket */
    uint32_t out_slot;
    int64_t out_units; /* that leave the free balance of this slot */
};

/* floor(quote units / 100) */
HR_HOT int64_t hr_to_micro(int64_t quote) {
    return hr_div_floor(quote, HR_QUOTE_PER_MICRO);
}

/* The market's risk where it asks for margin, or NULL. */
static inline struct hr_market_risk *hr_margined_risk(struct hr_core *c, uint32_t market) {
    struct hr_market_risk *risk = hr_market_risk_at(c, market);
    return risk->flags & HR_MARKET_RISK_FLAG_MARGINED ? risk : NULL;
}

/* The account's record of a market, which need not exist. */
static struct hr_holding hr_holding_of(struct hr_core *c, uint32_t account, uint32_t market) {
    struct hr_holding h = {.k = hr_position_find(c, account, market), .market = market};
    if (h.k == HR_POSITIONS_PER_ACCOUNT) return h;
    const struct hr_position *p = hr_position_at(c, account, h.k);
    const struct hr_settled now = hr_settled(c, account, h.k);
    h.mode = p->mode;
    h.leverage = p->leverage;
    h.size = now.size;
    h.cost = now.cost;
    h.cash = now.cash;
    h.isolated_margin = hr_unbias(p->isolated_margin_biased);
    h.open_lots[HR_BID] = p->open_lots[HR_BID];
    h.open_lots[HR_ASK] = p->open_lots[HR_ASK];
    return h;
}

/* --- terms of the sums ---------------------------------------------------------------------- */

/* lots x price, clamped; below 2^57 all that follows fits 64 bits. */
HR_HOT uint64_t hr_notional_micro(uint64_t lots, uint32_t price) {
    uint64_t n;
    return __builtin_mul_overflow(lots, (uint64_t)price, &n) || n > HR_MICRO_LIMIT ? HR_MICRO_LIMIT
                                                                                   : n;
}

/* Notional with what lies above the tiers counted twice and four times. */
HR_HOT uint64_t hr_tiered(const struct hr_market_risk *risk, uint64_t n) {
    uint64_t tiered = n;
    if (risk->tier1_micro && n > risk->tier1_micro) tiered += n - risk->tier1_micro;
    if (risk->tier2_micro && n > risk->tier2_micro) tiered += 2 * (n - risk->tier2_micro);
    return tiered;
}

HR_HOT uint64_t hr_requirement(uint64_t n, uint64_t tiered, uint32_t ppm) {
    const uint64_t required = hr_ppm_ceil(tiered, ppm);
    return required < n ? required : n;
}

HR_HOT uint32_t hr_initial_ppm(const struct hr_market_risk *risk, uint32_t leverage,
                               uint64_t now_s) {
    uint32_t least = risk->initial_ppm;
    if (least < risk->off_hours_initial_ppm && !hr_is_in_session(risk, now_s))
        least = risk->off_hours_initial_ppm;
    if (leverage == 0) return least;
    const uint32_t chosen = (HR_PPM + leverage - 1) / leverage;
    return chosen > least ? chosen : least;
}

/* The largest position that the resting orders of one side can lead to, in lots. */
HR_HOT uint64_t hr_exposure(int64_t size, const uint64_t open_lots[2]) {
    const uint64_t with_bids = hr_magnitude(size + (int64_t)open_lots[HR_BID]);
    const uint64_t with_asks = hr_magnitude(size - (int64_t)open_lots[HR_ASK]);
    return with_bids > with_asks ? with_bids : with_asks;
}

/* size x mark less the cost, rounded down and clamped. */
HR_HOT int64_t hr_unrealised_pnl(int64_t size, int64_t cost, uint32_t mark) {
    const int64_t limit = (int64_t)HR_MICRO_LIMIT, far = 32 * limit;
    int64_t value;
    if (__builtin_mul_overflow(size, (int64_t)mark, &value)) value = size < 0 ? -far : far;
    value = value > far ? far : value < -far ? -far : value; /* the cost is below 2^55 micro */
    value -= cost / HR_QUOTE_PER_MICRO + (cost % HR_QUOTE_PER_MICRO > 0);
    return value > limit ? limit : value < -limit ? -limit : value;
}

/* Maintenance requirement of `size` lots. */
HR_HOT uint64_t hr_maintenance(const struct hr_market_risk *risk, int64_t size) {
    const uint64_t n = hr_notional_micro(hr_magnitude(size), risk->mark_price);
    return hr_requirement(n, hr_tiered(risk, n), risk->maintenance_ppm);
}

/* Adds a position: its worth, where `cash` is in quote units, and its requirements. */
HR_HOT void hr_health_add(struct hr_core *c, struct hr_health *health,
                          const struct hr_market_risk *risk, int64_t size, int64_t cost,
                          int64_t cash, const uint64_t open_lots[2], uint32_t leverage) {
    const uint64_t lots = hr_magnitude(size), exposed = hr_exposure(size, open_lots);
    const int64_t worth = hr_unrealised_pnl(size, cost, risk->mark_price) + hr_to_micro(cash);
    health->tav += worth;
    health->talt += worth;
    uint64_t n = hr_notional_micro(lots, risk->mark_price), tiered = hr_tiered(risk, n);
    health->notional += (int64_t)n;
    health->mmr += (int64_t)hr_requirement(n, tiered, risk->maintenance_ppm);
    health->cmr += (int64_t)hr_requirement(n, tiered, risk->closeout_ppm);
    if (exposed != lots) {
        n = hr_notional_micro(exposed, risk->mark_price);
        tiered = hr_tiered(risk, n);
    }
    health->imr +=
        (int64_t)hr_requirement(n, tiered, hr_initial_ppm(risk, leverage, c->header->now_s));
}

/* --- buckets -------------------------------------------------------------------------------- */

static void hr_health_add_collateral(struct hr_core *c, const struct hr_account *a,
                                     const struct hr_hypothesis *what_if,
                                     struct hr_health *health) {
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++) {
        if (a->asset_ids[k] == 0) continue;
        const uint32_t asset = a->asset_ids[k] - 1u;
        uint64_t free = a->balances[k].free_biased - HR_SIGNED_BIAS;
        if (hr_asset_risk_at(c, asset)->hedge_market_plus_1) health->hedging |= 1u << k;
        if (what_if && what_if->out_slot == k) free -= (uint64_t)what_if->out_units;
        health->tav += hr_collateral_micro(c, asset, free, HR_MARGIN_WEIGHT);
        health->talt +=
            hr_collateral_micro(c, asset, free + a->balances[k].locked, HR_LIQUIDATION_WEIGHT);
    }
}

/* --- hedges --------------------------------------------------------------------------------- */

/* The part of a cross position that the account's collateral hedges, in micro of its notional. */
static struct hr_hedge hr_hedge_of_holding(struct hr_core *c, uint32_t account,
                                           const struct hr_holding *h) {
    const struct hr_market_risk *risk = hr_margined_risk(c, h->market);
    if (!risk || h->size >= 0 || h->mode == HR_MARGIN_MODE_ISOLATED) return (struct hr_hedge){0, 0};
    const uint64_t n = hr_notional_micro(hr_magnitude(h->size), risk->mark_price);
    return hr_hedge_of(c, hr_account_at(c, account), h->market, n);
}

/* Hedged part of a position, for its rank in a queue. */
static inline uint64_t hr_hedged_micro(struct hr_core *c, uint32_t account,
                                       const struct hr_holding *h) {
    return hr_hedge_of_holding(c, account, h).micro;
}

/* Counts in the worth and the requirements of a cross bucket what hedges one of its positions. */
static void hr_health_hedge(struct hr_core *c, uint32_t account, const struct hr_holding *h,
                            struct hr_health *health) {
    const struct hr_hedge hedge = hr_hedge_of_holding(c, account, h);
    if (hedge.micro == 0) return;
    const struct hr_market_risk *risk = hr_market_risk_at(c, h->market);
    const uint64_t n = hr_notional_micro(hr_magnitude(h->size), risk->mark_price);
    const uint64_t tiered = hr_tiered(risk, n);
    const uint64_t maintenance = hr_requirement(n, tiered, risk->maintenance_ppm);
    const uint64_t closeout = hr_requirement(n, tiered, risk->closeout_ppm);
    health->talt += hedge.bonus;
    health->mmr -= hr_hedge_credit(maintenance, n, hedge.micro);
    health->cmr -= hr_hedge_credit(closeout, n, hedge.micro);
}

/* The same for all cross positions, each market once. */
HR_COLD void hr_health_hedge_all(struct hr_core *c, uint32_t account,
                                 const struct hr_hypothesis *what_if, struct hr_health *health) {
    const struct hr_account *a = hr_account_at(c, account);
    uint32_t markets[HR_BALANCES_PER_ACCOUNT], count = 0;
    for (uint32_t left = health->hedging; left; left &= left - 1) {
        const uint32_t asset = a->asset_ids[__builtin_ctz(left)] - 1u;
        const uint32_t market = hr_asset_risk_at(c, asset)->hedge_market_plus_1 - 1;
        uint32_t i = 0;
        while (i < count && markets[i] != market) i++;
        if (i < count) continue;
        markets[count++] = market;
        const bool is_replaced = what_if && what_if->replaces && what_if->holding.market == market;
        const struct hr_holding h =
            is_replaced ? what_if->holding : hr_holding_of(c, account, market);
        hr_health_hedge(c, account, &h, health);
    }
}

/* Maintenance requirement of a position in its bucket. */
static uint64_t hr_maintenance_in(struct hr_core *c, uint32_t account, const struct hr_holding *h,
                                  const struct hr_health *health) {
    const struct hr_market_risk *risk = hr_market_risk_at(c, h->market);
    const uint64_t required = hr_maintenance(risk, h->size);
    if (health->hedging == 0) return required;
    const struct hr_hedge hedge = hr_hedge_of_holding(c, account, h);
    if (hedge.micro == 0) return required;
    const uint64_t n = hr_notional_micro(hr_magnitude(h->size), risk->mark_price);
    return required - (uint64_t)hr_hedge_credit(required, n, hedge.micro);
}

/* --- sums of buckets ------------------------------------------------------------------------ */

/* What a look at all positions of an account shows besides its cross bucket. */
struct hr_positions_seen {
    bool any, stale;   /* a size other than 0; one that is margined by a mark that is not fresh */
    uint32_t isolated; /* bit k: position k is isolated and has a size */
};

HR_HOT void hr_see_position(struct hr_core *c, const struct hr_market_risk *risk, uint32_t k,
                            bool is_isolated, struct hr_positions_seen *seen) {
    seen->any = true;
    if (!risk) return;
    seen->stale |= !hr_mark_is_fresh(c, risk);
    if (is_isolated) seen->isolated |= 1u << k;
}

/* The bucket of an account's cross positions. `what_if` and `seen` may be NULL; where they are
 * constants their part falls away. */
HR_HOT struct hr_health hr_cross_sum(struct hr_core *c, uint32_t account,
                                     const struct hr_hypothesis *what_if,
                                     struct hr_positions_seen *seen) {
    const struct hr_account *a = hr_account_at(c, account);
    int64_t quote = hr_unbias(a->balances[0].free_biased);
    if (what_if) quote += what_if->quote - (what_if->out_slot == 0 ? what_if->out_units : 0);
    struct hr_health health = {
        .tav = hr_to_micro(quote),
        .talt = hr_to_micro(quote + (int64_t)a->balances[0].locked),
    };
    hr_health_add_collateral(c, a, what_if, &health);
    const uint32_t replaced =
        what_if && what_if->replaces ? what_if->holding.k : HR_POSITIONS_PER_ACCOUNT;
    for (uint32_t k = 0, left = a->positions_used; left; k++) {
        const struct hr_position *p = hr_position_at(c, account, k);
        if (p->market_plus_1 == 0) continue;
        left--;
        const struct hr_market_risk *risk = hr_margined_risk(c, p->market_plus_1 - 1u);
        const bool is_isolated = p->mode == HR_MARGIN_MODE_ISOLATED;
        const bool counts = k != replaced && risk && !is_isolated;
        if (!counts && !seen) continue;
        const struct hr_settled now = hr_settled(c, account, k);
        if (seen && now.size) hr_see_position(c, risk, k, is_isolated, seen);
        if (!counts) continue;
        hr_health_add(c, &health, risk, now.size, now.cost, now.cash, p->open_lots, p->leverage);
    }
    if (what_if && what_if->replaces) {
        const struct hr_holding *h = &what_if->holding;
        hr_health_add(c, &health, hr_market_risk_at(c, h->market), h->size, h->cost, h->cash,
                      h->open_lots, h->leverage);
    }
    if (__builtin_expect(health.hedging != 0, 0)) hr_health_hedge_all(c, account, what_if, &health);
    return health;
}

/* The bucket of an account's cross positions as it is (`what_if` NULL) or would be. */
static struct hr_health hr_health_cross(struct hr_core *c, uint32_t account,
                                        const struct hr_hypothesis *what_if) {
    return hr_cross_sum(c, account, what_if, NULL);
}

/* The bucket of an isolated position, to whose margin `quote` comes. */
static struct hr_health hr_health_isolated(struct hr_core *c, const struct hr_holding *h,
                                           int64_t quote) {
    struct hr_health health = {0};
    hr_health_add(c, &health, hr_market_risk_at(c, h->market), h->size, h->cost,
                  h->isolated_margin + h->cash + quote, h->open_lots, h->leverage);
    return health;
}

/* The bucket of a position as it is, or would be after `quote` has come to it. */
static struct hr_health hr_health_with(struct hr_core *c, uint32_t account,
                                       const struct hr_holding *h, int64_t quote) {
    if (h->mode == HR_MARGIN_MODE_ISOLATED) return hr_health_isolated(c, h, quote);
    const struct hr_hypothesis what_if = {.replaces = true, .holding = *h, .quote = quote};
    return hr_health_cross(c, account, &what_if);
}

/* --- prices and limits of an order ---------------------------------------------------------- */

/* Is the price further from the mark than an order of `side` may go? */
static inline bool hr_outside_band(const struct hr_market_risk *risk, uint32_t side,
                                   uint32_t price) {
    const uint64_t mark = risk->mark_price, band = mark * risk->price_band_ppm / HR_PPM;
    return side == HR_ASK ? price < mark - band : price > mark + band;
}

/* Of up to 64 fees and the sums after them: no fill of a fill-or-kill order may fail by one. */
enum { HR_FILL_ROUNDINGS_MICRO = 2 };

/* What an order loses against the mark by trading at its limit with the highest fees, clamped. */
static uint64_t hr_order_loss(const struct hr_market_risk *risk, uint32_t side, uint64_t lots,
                              uint32_t limit, uint32_t builder_fee) {
    const uint32_t mark = risk->mark_price;
    const uint32_t above = limit > mark ? limit - mark : 0, below = mark > limit ? mark - limit : 0;
    const uint64_t loss = hr_notional_micro(lots, side == HR_ASK ? below : above);
    const uint64_t fee = hr_ppm_ceil(lots * limit, /* the notional is bounded: below 2^56 */
                                     HR_MAX_FEE_PPM + builder_fee * HR_BUILDER_FEE_UNIT_PPM);
    return loss + fee < HR_MICRO_LIMIT ? loss + fee : HR_MICRO_LIMIT;
}

/* Caps on what an order may add: open interest, and the share of it in one hand. */
static int hr_check_caps(struct hr_core *c, const struct hr_market_risk *risk,
                         const struct hr_holding *h, uint64_t lots) {
    const uint64_t exposed = hr_exposure(h->size, h->open_lots);
    const uint64_t open_interest = hr_market_at(c, h->market)->open_interest_lots;
    if (exposed <= hr_magnitude(h->size)) return HR_E_OK;
    if (open_interest + lots > risk->open_interest_cap_lots) return HR_E_OPEN_INTEREST_CAP;
    return exposed > risk->concentration_free_lots &&
                   hr_compare_products((int64_t)exposed, HR_PPM, (int64_t)open_interest,
                                       risk->concentration_ppm) > 0
               ? HR_E_CONCENTRATION_LIMIT
               : HR_E_OK;
}

/* An order that may add risk, for the check of its margin. */
struct hr_margin_order {
    uint32_t account, market, side, limit_price, attributes, tif;
    uint64_t lots, replaced_lots; /* replaced: of the resting order that it takes the place of */
};

/* The checks of PLACE and MODIFY in a margined market, a to e. */
HR_COLD int hr_check_order_margin(struct hr_core *c, const struct hr_margin_order *o) {
    const struct hr_market_risk *risk = hr_market_risk_at(c, o->market);
    const bool reduce_only = o->attributes & HR_ORDER_FLAG_REDUCE_ONLY;
    if (!reduce_only && !hr_mark_is_fresh(c, risk)) return HR_E_STALE_PRICE;
    if (!reduce_only && o->tif != HR_TIME_IN_FORCE_POST_ONLY && hr_is_post_only(c, risk))
        return HR_E_MARKET_POST_ONLY;
    if (hr_outside_band(risk, o->side, o->limit_price) ||
        hr_outside_weekend_band(c, risk, o->limit_price))
        return HR_E_PRICE_OUTSIDE_BAND;
    if (reduce_only && o->tif != HR_TIME_IN_FORCE_FOK) return HR_E_OK;
    struct hr_holding h = hr_holding_of(c, o->account, o->market);
    h.open_lots[o->side] += o->lots - o->replaced_lots;
    const int e = reduce_only ? HR_E_OK : hr_check_caps(c, risk, &h, o->lots);
    if (e) return e;
    uint64_t loss =
        hr_order_loss(risk, o->side, o->lots, o->limit_price, hr_builder_fee_of(o->attributes));
    if (o->tif == HR_TIME_IN_FORCE_FOK) loss += HR_FILL_ROUNDINGS_MICRO;
    const struct hr_health health = hr_health_with(c, o->account, &h, 0);
    return health.tav - (int64_t)loss < health.imr ? HR_E_INSUFFICIENT_MARGIN : HR_E_OK;
}

/* --- money that leaves ---------------------------------------------------------------------- */

/* Does the cross bucket keep its initial margin when `units` leave the free balance of a slot for a
 * lock? For accounts in the sweep ring. */
HR_COLD int hr_check_lock_margin(struct hr_core *c, uint32_t account, uint32_t slot,
                                 int64_t units) {
    const struct hr_hypothesis what_if = {.out_slot = slot, .out_units = units};
    const struct hr_health health = hr_health_cross(c, account, &what_if);
    return health.tav < health.imr ? HR_E_INSUFFICIENT_MARGIN : HR_E_OK;
}

/* What must stay in a bucket when money leaves the exchange's risk. */
static inline int64_t hr_outflow_margin(const struct hr_health *health) {
    const int64_t kept = (int64_t)hr_ppm_ceil((uint64_t)health->notional, HR_WITHDRAW_MARGIN_PPM);
    return health->imr > kept ? health->imr : kept;
}

/* Has the bucket less than that? */
static inline bool hr_is_short_for_outflow(const struct hr_health *health) {
    return health->tav < hr_outflow_margin(health);
}

/* Have all margined markets with a cross position or open lots of an account a fresh mark? */
static bool hr_cross_marks_are_fresh(struct hr_core *c, uint32_t account) {
    for (uint32_t k = 0; k < HR_POSITIONS_PER_ACCOUNT; k++) {
        const struct hr_position *p = hr_position_at(c, account, k);
        if (p->market_plus_1 == 0 || p->mode == HR_MARGIN_MODE_ISOLATED) continue;
        const struct hr_market_risk *risk = hr_margined_risk(c, p->market_plus_1 - 1u);
        if (risk && !hr_mark_is_fresh(c, risk) &&
            (hr_settled(c, account, k).size || p->open_lots[HR_BID] || p->open_lots[HR_ASK]))
            return false;
    }
    return true;
}

/* Margin of WITHDRAW and TRANSFER, for accounts in the sweep ring. */
HR_COLD int hr_check_outflow_margin(struct hr_core *c, uint32_t account, uint32_t slot,
                                    uint64_t units) {
    if (!hr_cross_marks_are_fresh(c, account)) return HR_E_STALE_PRICE;
    const struct hr_hypothesis what_if = {.out_slot = slot, .out_units = (int64_t)units};
    const struct hr_health health = hr_health_cross(c, account, &what_if);
    return hr_is_short_for_outflow(&health) ? HR_E_INSUFFICIENT_MARGIN : HR_E_OK;
}

#endif
