/* Liquidation: one step of the engine on an account. docs/spec/risk.md section 8. */
#ifndef HEADRACE_LIQUIDATION_IMPL_H
#define HEADRACE_LIQUIDATION_IMPL_H

#include "deleverage_impl.h"
#include "exchange_impl.h"

/* What a step did. */
enum hr_work {
    HR_WORK_NOTHING,
    HR_WORK_STALE, /* nothing, because of a mark that is not fresh */
    HR_WORK_CANCELLED,
    HR_WORK_TRANCHE,
    HR_WORK_TAKEN_OVER, /* or deleveraged, or about to be */
    HR_WORK_EXCHANGED,  /* or written off */
};

/* What there is to do on an account, found without a change. */
struct hr_work_plan {
    enum hr_work work;
    uint32_t market; /* HR_ALL_MARKETS or that of the isolated position: whose orders to cancel */
    struct hr_holding holding; /* the position to deal with */
    struct hr_health health;   /* of its bucket */
    uint64_t maintenance;      /* requirement of the position in it */
    uint32_t neutral_price;
    struct hr_transfer_plan transfer;
    bool any_position; /* of a size other than 0 */
};

/* The price at which a trade keeps the ratio of the bucket's worth to its requirement. */
static uint32_t hr_neutral_price(struct hr_core *c, const struct hr_work_plan *plan) {
    const struct hr_holding *h = &plan->holding;
    const struct hr_market_risk *risk = hr_market_risk_at(c, h->market);
    const int64_t worth = hr_mul_div_signed(plan->health.talt, plan->maintenance,
                                            (uint64_t)plan->health.mmr, HR_ROUND_DOWN);
    const int64_t distance = hr_div_floor(worth, (int64_t)hr_magnitude(h->size));
    const int64_t mark = risk->mark_price;
    return (uint32_t)hr_clamp(h->size > 0 ? mark - distance : mark + distance, 1, HR_PRICE_MAX);
}

/* Lots that a liquidation order closes: a fifth of the position at most, and no more than brings
 * the bucket a tenth above its maintenance requirement. */
static uint64_t hr_tranche_lots(struct hr_core *c, const struct hr_work_plan *plan) {
    const uint64_t held = hr_magnitude(plan->holding.size);
    const uint64_t mmr = (uint64_t)plan->health.mmr, mm = plan->maintenance;
    const uint64_t missing = mmr + (mmr + 9) / 10 - (uint64_t)plan->health.talt;
    const uint64_t enough = hr_mul_div(missing, held * 10, 11 * mm, HR_ROUND_UP);
    uint64_t lots = hr_ppm_ceil(held, HR_TRANCHE_PPM);
    if (lots > enough) lots = enough;
    if (lots < hr_market_at(c, plan->holding.market)->min_size_lots)
        lots = hr_market_at(c, plan->holding.market)->min_size_lots;
    return lots > held ? held : lots;
}

/* --- what there is to do -------------------------------------------------------------------- */

static bool hr_is_below_maintenance(const struct hr_health *health) {
    return health->talt < health->mmr; /* a bucket without positions requires 0 and is not asked */
}

/* Chooses what happens to the position that a bucket below its requirement has to deal with. */
static void hr_plan_bucket(struct hr_core *c, uint32_t account, struct hr_work_plan *plan) {
    plan->maintenance = hr_maintenance_in(c, account, &plan->holding, &plan->health);
    plan->neutral_price = hr_neutral_price(c, plan);
    if (plan->health.talt >= plan->health.cmr) {
        plan->work = HR_WORK_TRANCHE;
        return;
    }
    plan->transfer = hr_transfer_plan(c, account, &plan->holding, plan->neutral_price);
    if (plan->transfer.way != HR_TRANSFER_NONE) plan->work = HR_WORK_TAKEN_OVER;
}

/* The cross position with the highest requirement, the first of equals; true if there is one. */
static bool hr_largest_cross(struct hr_core *c, uint32_t account, const struct hr_health *health,
                             struct hr_holding *largest) {
    uint64_t highest = 0;
    for (uint32_t k = 0; k < HR_POSITIONS_PER_ACCOUNT; k++) {
        const struct hr_position *p = hr_position_at(c, account, k);
        if (p->market_plus_1 == 0 || p->mode == HR_MARGIN_MODE_ISOLATED) continue;
        const uint32_t market = p->market_plus_1 - 1u;
        if (!hr_is_margined(c, market)) continue;
        const struct hr_holding h = hr_holding_of(c, account, market);
        const uint64_t required = hr_maintenance_in(c, account, &h, health);
        if (required <= highest) continue;
        highest = required;
        *largest = h;
    }
    return highest != 0;
}

static struct hr_work_plan hr_plan_cross(struct hr_core *c, uint32_t account,
                                         const struct hr_health *health) {
    struct hr_work_plan plan = {.market = HR_ALL_MARKETS, .health = *health};
    if (hr_account_at(c, account)->order_count)
        plan.work = HR_WORK_CANCELLED;
    else if (hr_largest_cross(c, account, health, &plan.holding))
        hr_plan_bucket(c, account, &plan);
    return plan;
}

static struct hr_work_plan hr_plan_isolated(struct hr_core *c, uint32_t account,
                                            const struct hr_holding *holding,
                                            const struct hr_health *health) {
    struct hr_work_plan plan = {.market = holding->market, .holding = *holding, .health = *health};
    if (holding->open_lots[HR_BID] || holding->open_lots[HR_ASK])
        plan.work = HR_WORK_CANCELLED;
    else
        hr_plan_bucket(c, account, &plan);
    return plan;
}

/* The step that is due on an account: HR_WORK_NOTHING, HR_WORK_STALE, or what `plan` says then.
 * Changes nothing. */
static enum hr_work hr_work_plan(struct hr_core *c, uint32_t account, struct hr_work_plan *plan) {
    struct hr_positions_seen seen = {false, false, 0};
    const struct hr_health cross = hr_cross_sum(c, account, NULL, &seen);
    if (seen.stale) return HR_WORK_STALE;
    if (cross.mmr && hr_is_below_maintenance(&cross)) {
        *plan = hr_plan_cross(c, account, &cross);
        return plan->work;
    }
    for (uint32_t left = seen.isolated; left; left &= left - 1) {
        const uint32_t k = (uint32_t)__builtin_ctz(left);
        const uint32_t market = hr_position_at(c, account, k)->market_plus_1 - 1u;
        const struct hr_holding holding = hr_holding_of(c, account, market);
        const struct hr_health health = hr_health_isolated(c, &holding, 0);
        if (!hr_is_below_maintenance(&health)) continue;
        *plan = hr_plan_isolated(c, account, &holding, &health);
        return plan->work;
    }
    if (!hr_exchange_is_due(c, account, seen.any)) return HR_WORK_NOTHING;
    *plan = (struct hr_work_plan){.work = HR_WORK_EXCHANGED, .any_position = seen.any};
    return HR_WORK_EXCHANGED;
}

/* Would a step of the engine do something on the account? */
static inline bool hr_liquidation_due(struct hr_core *c, uint32_t account) {
    struct hr_work_plan plan;
    return hr_work_plan(c, account, &plan) > HR_WORK_STALE;
}

/* --- doing it ------------------------------------------------------------------------------- */

static void hr_tranche(struct hr_core *c, uint32_t account, const struct hr_work_plan *plan) {
    const uint32_t market = plan->holding.market;
    const uint32_t side = hr_closing_side(plan->holding.size);
    const uint64_t lots = hr_tranche_lots(c, plan);
    struct hr_taker taker = {
        .order_id = c->header->next_order_sequence++ << HR_MARKET_BITS | market,
        .size_lots = lots,
        .remaining_lots = lots,
        .account = account,
        .market = market,
        .side = side,
        .limit_price = plan->neutral_price,
        .attributes = side | HR_ORDER_FLAG_REDUCE_ONLY | HR_ORDER_FLAG_LIQUIDATION,
        .tif = HR_TIME_IN_FORCE_IOC,
        .self_trade = HR_SELF_TRADE_EXPIRE_MAKER,
    };
    hr_emit(c, HR_EVENT_KIND_LIQUIDATED, market, account, (int64_t)lots, plan->neutral_price,
            plan->health.talt, plan->health.mmr, HR_LIQUIDATION_TRANCHE, (int64_t)taker.order_id);
    hr_execute(c, &taker);
}

static void hr_take_over(struct hr_core *c, uint32_t account, const struct hr_work_plan *plan) {
    if (plan->transfer.way == HR_TRANSFER_QUEUE) {
        const struct hr_adl_queue queue = {.account = account,
                                           .market = plan->holding.market,
                                           .price = plan->neutral_price,
                                           .lots = hr_magnitude(plan->holding.size),
                                           .cursor = (uint32_t)c->header->sweep_head};
        hr_adl_queue_store(c, &queue);
        return;
    }
    hr_settle_all(c, account);
    if (plan->transfer.way == HR_TRANSFER_DELEVERAGE)
        hr_deleverage(c, account, &plan->holding, plan->neutral_price, &plan->transfer);
    else
        hr_hand_over(c, account, plan->transfer.receiver, &plan->holding, plan->neutral_price,
                     &plan->health);
}

/* One step of the engine on an account. Returns: what it did. */
static enum hr_work hr_work(struct hr_core *c, uint32_t account) {
    struct hr_work_plan plan;
    const enum hr_work work = hr_work_plan(c, account, &plan);
    switch (work) {
    case HR_WORK_CANCELLED:
        hr_cancel_list(c, account, hr_account_at(c, account)->order_head, plan.market,
                       HR_REASON_LIQUIDATION, HR_MAX_STEPS);
        break;
    case HR_WORK_TRANCHE:
        hr_settle_all(c, account);
        hr_tranche(c, account, &plan);
        break;
    case HR_WORK_TAKEN_OVER: hr_take_over(c, account, &plan); break;
    case HR_WORK_EXCHANGED: hr_exchange(c, account, plan.any_position); break;
    default: break;
    }
    return work;
}

static int hr_op_liquidate(struct hr_core *c, const struct hr_op *op) {
    if (op->flags || op->market || !hr_tail_is_zero(op, 0)) return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (op->account == HR_INSURANCE_ACCOUNT ||
        !(hr_account_at(c, op->account)->flags & HR_ACCOUNT_FLAG_SWEPT))
        return HR_E_NOT_LIQUIDATABLE;
    const enum hr_work work = hr_work(c, op->account);
    return work == HR_WORK_STALE     ? HR_E_STALE_PRICE
           : work == HR_WORK_NOTHING ? HR_E_NOT_LIQUIDATABLE
                                     : HR_E_OK;
}

#endif
