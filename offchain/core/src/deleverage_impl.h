/* Takeover: a position below its close-out requirement goes as a whole, at its neutral price, to
 * the market's insurance or backstop account or to the other side of the market, which is
 * deleveraged for it: docs/spec/risk.md section 8 and docs/spec/funds.md section 5. */
#ifndef HEADRACE_DELEVERAGE_IMPL_H
#define HEADRACE_DELEVERAGE_IMPL_H

#include "accounts_impl.h"

/* Values of LIQUIDATED. */
enum { HR_LIQUIDATION_TRANCHE = 1, HR_LIQUIDATION_TAKEOVER = 2 };

enum hr_transfer_way {
    HR_TRANSFER_NONE,
    HR_TRANSFER_TAKE_OVER,
    HR_TRANSFER_DELEVERAGE, /* all of the other side by a share */
    HR_TRANSFER_QUEUE,      /* those of the other side who gain most, by continuations */
};

/* How a position goes, and what deleveraging takes from the other side for it. */
struct hr_transfer_plan {
    enum hr_transfer_way way;
    uint32_t receiver; /* who takes it over */
    uint64_t share;    /* taken from what is left of each lot, of HR_FRACTION_ONE */
    uint64_t residue_lots, residue_fraction; /* of the other side afterwards */
    int64_t residue_value;                   /* quote units of what its residue grows by */
};

/* Side that an order closing a position of this size has. */
static inline uint32_t hr_closing_side(int64_t size) {
    return size > 0 ? HR_ASK : HR_BID;
}
static inline uint64_t hr_perp_notional(uint64_t lots, uint32_t price) {
    return hr_mul_bounded(lots, (uint64_t)price * HR_PERP_QUOTE_MULTIPLIER);
}

/* Residue of a side, in lots x HR_FRACTION_ONE. */
static inline struct hr_wide hr_side_residue(const struct hr_side *side) {
    return hr_wide_add(hr_wide_mul(hr_wide_of(side->residue_lots), HR_FRACTION_ONE),
                       hr_wide_of(side->residue_fraction));
}

/* Notes what a side's residue becomes and what the difference is worth. `over` is what the side's
 * positions give beyond the position that is closed, in lots x HR_FRACTION_ONE; negative, the
 * residue gives it. Returns: false when the worth reaches VALUE_LIMIT. */
static bool hr_residue_plan(const struct hr_side *side, struct hr_wide over, bool is_negative,
                            bool takes_longs, uint32_t price, struct hr_transfer_plan *plan) {
    const struct hr_wide before = hr_side_residue(side), one = hr_wide_of(HR_FRACTION_ONE);
    const struct hr_wide_quotient after =
        hr_wide_div(is_negative ? hr_wide_sub(before, over) : hr_wide_add(before, over), one);
    plan->residue_lots = hr_wide_saturate(after.quotient);
    plan->residue_fraction = hr_wide_saturate(after.rest);
    /* the insurance account pays for long residue and is paid for short: both against it */
    const bool up = takes_longs != is_negative;
    const uint64_t worth =
        hr_wide_div_rounded(hr_wide_mul(over, (uint64_t)price * HR_PERP_QUOTE_MULTIPLIER), one,
                            up ? HR_ROUND_UP : HR_ROUND_DOWN);
    plan->residue_value = is_negative ? -(int64_t)worth : (int64_t)worth;
    return worth < HR_VALUE_LIMIT;
}

/* Works out how the other side gives `h` at a price: shares of all its positions. Returns: false
 * when it may not or cannot be deleveraged. */
static bool hr_deleverage_plan(struct hr_core *c, const struct hr_holding *h, uint32_t price,
                               struct hr_transfer_plan *plan) {
    const bool takes_longs = h->size < 0;
    const struct hr_side *side =
        &hr_market_risk_at(c, h->market)->sides[takes_longs ? HR_LONGS : HR_SHORTS];
    const uint64_t open_interest = hr_market_at(c, h->market)->open_interest_lots;
    const uint64_t left = HR_FRACTION_ONE - side->taken;
    /* in lots x HR_FRACTION_ONE; the positions hold what is not residue */
    const struct hr_wide wanted = hr_wide_mul(hr_wide_of(hr_magnitude(h->size)), HR_FRACTION_ONE);
    const struct hr_wide total = hr_wide_mul(hr_wide_of(open_interest), HR_FRACTION_ONE);
    const struct hr_wide needed = hr_wide_add(wanted, hr_side_residue(side));
    const bool is_enough = hr_wide_compare(total, needed) >= 0;
    struct hr_wide held = hr_wide_of(0);
    plan->share = left;
    if (is_enough) {
        held = hr_wide_sub(total, hr_side_residue(side));
        plan->share = hr_wide_div_rounded(hr_wide_mul(wanted, left), held, HR_ROUND_UP);
    }
    if (left - plan->share >= HR_SIDE_RESET) {
        const struct hr_wide beyond =
            hr_wide_sub(hr_wide_mul(held, plan->share), hr_wide_mul(wanted, left));
        const struct hr_wide_quotient over = hr_wide_div(beyond, hr_wide_of(left));
        const uint64_t up = !hr_wide_is_zero(over.rest);
        return hr_residue_plan(side, hr_wide_add(over.quotient, hr_wide_of(up)), false, takes_longs,
                               price, plan);
    }
    plan->share = left;
    if (side->epoch > 0 && c->header->sweep_laps < (uint64_t)side->ended_lap + 2)
        return false; /* positions of the epoch before may not be settled yet */
    const struct hr_wide over = is_enough ? hr_wide_sub(total, needed) : hr_wide_sub(needed, total);
    return hr_residue_plan(side, over, !is_enough, takes_longs, price, plan);
}

/* May `receiver` get the position of `account` at a price, by its limits? Out: whether it would
 * keep its maintenance requirement. */
static bool hr_can_take_over(struct hr_core *c, uint32_t receiver, uint32_t account,
                             const struct hr_holding *h, uint64_t notional, bool *keeps_margin) {
    const struct hr_holding now = hr_holding_of(c, receiver, h->market);
    struct hr_perp_side side;
    if (receiver == account ||
        (now.k == HR_POSITIONS_PER_ACCOUNT &&
         hr_account_at(c, receiver)->positions_used == HR_POSITIONS_PER_ACCOUNT) ||
        !hr_perp_side_plan(c, receiver, h->market, !hr_closing_side(h->size), hr_magnitude(h->size),
                           notional, 0, &side))
        return false;
    struct hr_holding then = now;
    then.size = side.after.size;
    then.cost = side.after.cost;
    then.cash = 0;
    const struct hr_health health =
        hr_health_with(c, receiver, &then, now.cash + side.after.realised_pnl);
    *keeps_margin = health.talt >= health.mmr;
    return true;
}

/* Can the market's backstop account, if it has one besides the insurance account, take the position
 * over and keep its margin? */
static bool hr_backstop_can_take_over(struct hr_core *c, uint32_t account,
                                      const struct hr_holding *h, uint64_t notional) {
    const uint32_t backstop = hr_market_risk_at(c, h->market)->backstop_account;
    bool keeps_margin = false;
    return backstop != 0 && backstop != hr_market_at(c, h->market)->insurance_account &&
           hr_can_take_over(c, backstop, account, h, notional, &keeps_margin) && keeps_margin;
}

/* May the other side be deleveraged, by the way that the market has? */
static bool hr_deleverage_any(struct hr_core *c, uint32_t account, const struct hr_holding *h,
                              uint32_t price, struct hr_transfer_plan *plan) {
    if (hr_market_risk_at(c, h->market)->flags & HR_MARKET_RISK_FLAG_ADL_QUEUE) {
        plan->way = HR_TRANSFER_QUEUE;
        /* the account is in the ring: is another one? */
        return c->header->sweep_head != account || hr_account_at(c, account)->sweep_next != 0;
    }
    plan->way = HR_TRANSFER_DELEVERAGE;
    return hr_deleverage_plan(c, h, price, plan);
}

/* The way that a position goes at a price. Changes nothing. */
static struct hr_transfer_plan hr_transfer_plan(struct hr_core *c, uint32_t account,
                                                const struct hr_holding *h, uint32_t price) {
    const uint32_t insurer = hr_market_at(c, h->market)->insurance_account;
    struct hr_transfer_plan plan = {.way = HR_TRANSFER_NONE, .receiver = insurer};
    const uint64_t lots = hr_magnitude(h->size), notional = hr_perp_notional(lots, price);
    struct hr_perp_side side;
    if (notional == UINT64_MAX ||
        !hr_perp_side_plan(c, account, h->market, hr_closing_side(h->size), lots, notional, 0,
                           &side))
        return plan;
    bool keeps_margin = false;
    const bool can_insure = hr_can_take_over(c, insurer, account, h, notional, &keeps_margin);
    if (can_insure && keeps_margin) {
        plan.way = HR_TRANSFER_TAKE_OVER;
    } else if (hr_backstop_can_take_over(c, account, h, notional)) {
        plan.way = HR_TRANSFER_TAKE_OVER;
        plan.receiver = hr_market_risk_at(c, h->market)->backstop_account;
    } else if (!hr_deleverage_any(c, account, h, price, &plan)) {
        plan.way = can_insure ? HR_TRANSFER_TAKE_OVER : HR_TRANSFER_NONE;
    }
    return plan;
}

/* Writes the settled position of one who gives or gets it. */
static struct hr_perp_side hr_transfer_side(struct hr_core *c, uint32_t account, uint32_t market,
                                            uint32_t side, uint64_t lots, uint64_t notional) {
    struct hr_perp_side plan;
    hr_perp_side_plan(c, account, market, side, lots, notional, 0, &plan);
    hr_perp_side_settle(c, account, &plan);
    return plan;
}

/* Settles and writes all positions of margined markets. */
static void hr_settle_all(struct hr_core *c, uint32_t account) {
    for (uint32_t k = 0; k < HR_POSITIONS_PER_ACCOUNT; k++) {
        const uint32_t market_plus_1 = hr_position_at(c, account, k)->market_plus_1;
        if (market_plus_1 && hr_is_margined(c, market_plus_1 - 1)) hr_settle_write(c, account, k);
    }
}

/* `receiver` takes the written position `h` of `account` over. */
static void hr_hand_over(struct hr_core *c, uint32_t account, uint32_t receiver,
                         const struct hr_holding *h, uint32_t price,
                         const struct hr_health *health) {
    const uint32_t side = hr_closing_side(h->size);
    const uint64_t lots = hr_magnitude(h->size), notional = hr_perp_notional(lots, price);
    hr_settle_write(c, receiver, hr_position_open(c, receiver, h->market));
    hr_emit(c, HR_EVENT_KIND_LIQUIDATED, h->market, account, (int64_t)lots, price, health->talt,
            health->mmr, HR_LIQUIDATION_TAKEOVER, receiver);
    const struct hr_perp_side given = hr_transfer_side(c, account, h->market, side, lots, notional);
    const struct hr_perp_side taken =
        hr_transfer_side(c, receiver, h->market, !side, lots, notional);
    hr_emit_position(c, account, h->market, &given);
    hr_emit_position(c, receiver, h->market, &taken);
    hr_position_release(c, account, h->market);
    hr_position_release(c, receiver, h->market);
}

/* Takes the planned share from a side. Its positions are paid by the paid index. */
static void hr_side_take(struct hr_core *c, struct hr_side *side, bool is_long, uint32_t price,
                         const struct hr_transfer_plan *plan) {
    const uint64_t lot_value = (uint64_t)price * HR_PERP_QUOTE_MULTIPLIER * HR_PPM;
    side->paid_biased -=
        hr_mul_div(plan->share, lot_value, HR_FRACTION_ONE, is_long ? HR_ROUND_DOWN : HR_ROUND_UP);
    side->residue_lots = plan->residue_lots;
    side->residue_fraction = plan->residue_fraction;
    side->taken += plan->share;
    if (side->taken < HR_FRACTION_ONE) return;
    side->ended_paid_biased = side->paid_biased;
    side->epoch++;
    side->taken = 0;
    side->paid_biased = HR_SIGNED_BIAS;
    side->ended_lap = (uint32_t)c->header->sweep_laps;
}

/* Closes the written position `h` against all positions of the other side. */
static void hr_deleverage(struct hr_core *c, uint32_t account, const struct hr_holding *h,
                          uint32_t price, const struct hr_transfer_plan *plan) {
    struct hr_market *m = hr_market_at(c, h->market);
    struct hr_market_risk *risk = hr_market_risk_at(c, h->market);
    const bool takes_longs = h->size < 0;
    struct hr_side *side = &risk->sides[takes_longs ? HR_LONGS : HR_SHORTS];
    const uint64_t lots = hr_magnitude(h->size), notional = hr_perp_notional(lots, price);
    const int64_t to_insurer = takes_longs ? -plan->residue_value : plan->residue_value;
    hr_side_take(c, side, takes_longs, price, plan);
    const struct hr_perp_side given =
        hr_transfer_side(c, account, h->market, hr_closing_side(h->size), lots, notional);
    risk->pool_biased += takes_longs ? notional : -notional;
    risk->pool_biased -= (uint64_t)to_insurer;
    hr_quote_add(c, m->insurance_account, to_insurer);
    if (takes_longs) m->open_interest_lots -= lots;
    hr_touch_leaf(c, HR_SUBTREE_MARKETS, h->market);
    hr_touch_market_risk(c, h->market);
    hr_emit(c, HR_EVENT_KIND_DELEVERAGED, h->market, account, (int64_t)lots, price,
            (int64_t)plan->share, (int64_t)side->taken, side->epoch, takes_longs);
    hr_emit_position(c, account, h->market, &given);
    hr_position_release(c, account, h->market);
}

/* What a continuation of the ranked queue holds: the search for the next who is deleveraged.
 * adl_queue_impl.h works it off. */
struct hr_adl_queue {
    uint32_t account, market, price; /* whose position is closed, and at which price */
    uint64_t lots;                   /* of it that are left */
    uint32_t cursor;                 /* next account of the sweep ring; 0: all were looked at */
    uint32_t best;
    uint64_t best_rank_plus_1; /* 0: nobody found yet */
};

static void hr_adl_queue_store(struct hr_core *c, const struct hr_adl_queue *queue) {
    struct hr_header *header = c->header;
    header->cont_kind = HR_CONTINUATION_ADL_QUEUE;
    header->cont_account = queue->account;
    header->cont_market = queue->market;
    header->cont_limit_price = queue->price;
    header->cont_remaining = queue->lots;
    header->cont_cursor = queue->cursor;
    header->cont_client_id[0] = queue->best;
    header->cont_client_id[1] = queue->best_rank_plus_1;
    hr_emit(c, HR_EVENT_KIND_CONTINUED, queue->market, queue->account, HR_CONTINUATION_ADL_QUEUE, 0,
            0, 0, 0, 0);
}

#endif
