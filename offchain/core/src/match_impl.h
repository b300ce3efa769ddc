/* Matching: price, then time. docs/spec/transition.md section 3. */
#ifndef HEADRACE_MATCH_IMPL_H
#define HEADRACE_MATCH_IMPL_H

#include "linked_impl.h"

/* An order while it takes liquidity; also what a continuation stores. */
struct hr_taker {
    uint64_t order_id, size_lots, remaining_lots, client_id[2];
    uint32_t account, market, side, limit_price, attributes, expiry_s;
    uint32_t tif, self_trade;
    bool by_master;
    /* found once per op, not kept in a continuation: */
    struct hr_account *owner;
    struct hr_balance *base;   /* of a spot market */
    uint64_t bid_lock_per_lot; /* quote units locked per lot by a spot bid */
    uint32_t fee_ppm;
};

/* --- resting orders that end ---------------------------------------------------------------- */

/* Gives back what `lots` of an order at `price` hold: a spot balance or perpetual open lots. */
HR_HOT void hr_unlock_lots(struct hr_core *c, const struct hr_market *m, uint32_t market,
                           uint32_t account, struct hr_account *owner, uint32_t attributes,
                           uint32_t price, uint64_t lots) {
    const uint32_t side = attributes & HR_ORDER_FLAG_IS_ASK;
    if (m->kind == HR_MARKET_KIND_PERP) {
        hr_position_open_lots_add(c, account, market, side, -(int64_t)lots);
        return;
    }
    const uint64_t bid_lock = hr_lock_per_lot(price, hr_builder_fee_of(attributes));
    const uint32_t base = hr_base_slot(owner, m);
    hr_balance_unlock(&owner->balances[side == HR_ASK ? base : 0],
                      lots * hr_select(side == HR_ASK, m->base_units_per_lot, bid_lock));
    hr_touch_account_at(c, account, owner);
}

/* Removes a resting order of the book that has no condition. */
HR_HOT void hr_plain_cancel(struct hr_core *c, uint32_t slot, uint32_t reason, bool due) {
    struct hr_order *order = hr_order_at(c, slot);
    const uint32_t account = order->owner, market = hr_market_of_order(order->order_id);
    const struct hr_market *m = hr_market_at(c, market);
    struct hr_account *owner = hr_account_at(c, account);
    hr_emit(c, HR_EVENT_KIND_CANCELLED, market, account, (int64_t)order->order_id, slot,
            (int64_t)order->remaining_lots, reason, (int64_t)order->client_id[0],
            (int64_t)order->client_id[1]);
    hr_unlock_lots(c, m, market, account, owner, order->attributes,
                   hr_level_at(c, order->level)->price, order->remaining_lots);
    if (order->expiry_s && !due) hr_duty_remove(c, HR_DUTY_KIND_EXPIRY, slot);
    hr_order_unlink(c, slot, order, owner);
    if (m->kind == HR_MARKET_KIND_PERP) hr_position_release_other(c, account, market);
}

/* Removes a LINKED order, and what goes with it. */
HR_COLD void hr_linked_cancel(struct hr_core *c, uint32_t slot, uint32_t reason, bool due) {
    struct hr_order *order = hr_order_at(c, slot);
    if (order->attributes & (HR_ORDER_FLAG_TRIGGER | HR_ORDER_FLAG_TWAP)) {
        hr_conditional_cancel(c, slot, reason, due);
        return;
    }
    const uint32_t condition_slot = (uint32_t)order->client_id[0];
    const struct hr_condition *condition = hr_condition_at(c, condition_slot);
    order->client_id[0] = condition->client_id[0]; /* without its condition it is like any other */
    order->client_id[1] = condition->client_id[1];
    hr_plain_cancel(c, slot, reason, due);
    hr_bracket_drop(c, condition_slot);
}

/* Removes an open order. `due` says that its duty entry is gone already. */
HR_HOT void hr_order_cancel(struct hr_core *c, uint32_t slot, uint32_t reason, bool due) {
    if (__builtin_expect(hr_order_at(c, slot)->attributes & HR_ORDER_FLAG_LINKED, 0))
        hr_linked_cancel(c, slot, reason, due);
    else
        hr_plain_cancel(c, slot, reason, due);
}

/* --- one fill ------------------------------------------------------------------------------- */

struct hr_side_fees {
    uint64_t fee, builder_fee;
};

HR_HOT struct hr_side_fees hr_side_fees(uint32_t ppm, uint32_t attributes, uint64_t notional) {
    struct hr_side_fees fees = {0, 0};
    if (ppm) fees.fee = hr_ppm_ceil(notional, ppm);
    if (hr_builder_of(attributes)) {
        fees.builder_fee =
            hr_ppm_ceil(notional, hr_builder_fee_of(attributes) * HR_BUILDER_FEE_UNIT_PPM);
        if (fees.builder_fee > notional - fees.fee) fees.builder_fee = notional - fees.fee;
    }
    return fees;
}

static inline void hr_builder_fee_pay(struct hr_core *c, uint32_t market, uint64_t order_id,
                                      uint32_t payer, uint32_t attributes, uint64_t fee) {
    if (fee == 0) return;
    const uint32_t builder = hr_builder_of(attributes);
    const uint32_t account = hr_builder_at(c, builder)->account;
    hr_quote_add(c, account, (int64_t)fee);
    hr_emit(c, HR_EVENT_KIND_BUILDER_FEE, market, account, (int64_t)order_id, builder, (int64_t)fee,
            payer, 0, 0);
}

/* Moves the balances of one side of a spot fill. `bid_lock` is what a bid locked per lot. */
HR_HOT void hr_spot_side_settle(struct hr_balance *quote, struct hr_balance *base, uint32_t side,
                                uint64_t bid_lock, uint64_t lots, uint64_t units, uint64_t notional,
                                uint64_t fees) {
    if (side == HR_ASK) {
        base->locked -= units;
        quote->free_biased += notional - fees;
    } else {
        quote->locked -= lots * bid_lock;
        quote->free_biased += lots * bid_lock - notional - fees;
        base->free_biased += units;
    }
}

struct hr_perp_side {
    struct hr_position_change after;
    uint32_t position;
    uint64_t fees;
};

/* Do quote units that come to a position keep the bounds of the money behind it: its isolated
 * margin, or the quote of the account? `k` as in hr_perp_side. */
static bool hr_position_can_take(struct hr_core *c, uint32_t account, uint32_t k, int64_t change) {
    const int64_t limit = (int64_t)HR_POSITION_VALUE_LIMIT;
    const struct hr_balance *quote = &hr_account_at(c, account)->balances[0];
    int64_t free = hr_unbias(quote->free_biased), held = free + (int64_t)quote->locked;
    const struct hr_position *p = hr_position_at(c, account, k % HR_POSITIONS_PER_ACCOUNT);
    if (k < HR_POSITIONS_PER_ACCOUNT && p->mode == HR_MARGIN_MODE_ISOLATED)
        free = held = hr_unbias(p->isolated_margin_biased);
    int64_t free_after, held_after;
    return !__builtin_add_overflow(free, change, &free_after) &&
           !__builtin_add_overflow(held, change, &held_after) && free_after > -limit &&
           held_after < limit;
}

/* What a perpetual fill would make of one side, whose record may be absent. Returns false when a
 * bound would be passed. */
HR_COLD bool hr_perp_side_plan(struct hr_core *c, uint32_t account, uint32_t market, uint32_t side,
                               uint64_t lots, uint64_t notional, uint64_t fees,
                               struct hr_perp_side *plan) {
    const int64_t limit = (int64_t)HR_POSITION_VALUE_LIMIT;
    plan->position = hr_position_find(c, account, market);
    plan->fees = fees;
    int64_t size = 0, cost = 0, cash = 0;
    if (plan->position < HR_POSITIONS_PER_ACCOUNT) {
        const struct hr_settled now = hr_settled(c, account, plan->position);
        size = now.size;
        cost = now.cost;
        cash = now.cash;
    }
    const int64_t d = side == HR_ASK ? -(int64_t)lots : (int64_t)lots;
    plan->after = hr_position_after(size, cost, d, (int64_t)notional);
    const struct hr_position_change *after = &plan->after;
    int64_t change;
    if (__builtin_sub_overflow(after->realised_pnl, (int64_t)fees, &change) ||
        __builtin_add_overflow(change, cash, &change))
        return false;
    return after->size < (int64_t)HR_SIZE_LIMIT && after->size > -(int64_t)HR_SIZE_LIMIT &&
           after->cost < limit && after->cost > -limit &&
           hr_position_can_take(c, account, plan->position, change);
}

/* Writes one side, which is settled. */
HR_COLD void hr_perp_side_settle(struct hr_core *c, uint32_t account,
                                 const struct hr_perp_side *plan) {
    hr_position_set(c, account, plan->position, plan->after.size, plan->after.cost);
    hr_position_cash_add(c, account, hr_position_at(c, account, plan->position),
                         plan->after.realised_pnl - (int64_t)plan->fees);
}

static inline void hr_emit_position(struct hr_core *c, uint32_t account, uint32_t market,
                                    const struct hr_perp_side *plan) {
    hr_emit(c, HR_EVENT_KIND_POSITION, market, account, plan->after.size, plan->after.cost,
            plan->after.realised_pnl, 0, 0, 0);
}

/* Has the builder of an order room for all quote that a fill moves? */
HR_HOT bool hr_builder_can_receive(struct hr_core *c, uint32_t attributes, uint64_t builder_fee,
                                   uint64_t moved) {
    if (builder_fee == 0) return true;
    const uint32_t account = hr_builder_at(c, hr_builder_of(attributes))->account;
    return hr_can_receive(&hr_account_at(c, account)->balances[0], moved);
}

/* Why a fill does not happen: the taker stops, or the maker is cancelled. */
struct hr_fill_result {
    uint32_t taker_stops, maker_ends; /* reasons; both 0 when it happened */
};

/* Does a side keep its margin by the fill that `plan` describes, or at least become safer by
 * reducing? `resting_lots` of it leave the book. */
HR_COLD bool hr_keeps_margin(struct hr_core *c, uint32_t account, uint32_t market, uint32_t side,
                             const struct hr_perp_side *plan, uint64_t resting_lots) {
    const struct hr_holding before = hr_holding_of(c, account, market);
    struct hr_holding after = before;
    const int64_t size = plan->after.size;
    after.size = size;
    after.cost = plan->after.cost;
    after.cash = 0;
    after.open_lots[side] -= resting_lots;
    const int64_t quote = before.cash + plan->after.realised_pnl - (int64_t)plan->fees;
    const struct hr_health then = hr_health_with(c, account, &after, quote);
    if (then.tav >= then.imr) return true;
    const bool reduces = hr_magnitude(size) < hr_magnitude(before.size) &&
                         (size == 0 || (size < 0) == (before.size < 0));
    if (!reduces) return false;
    const struct hr_health now = hr_health_with(c, account, &before, 0);
    if (now.mmr == 0 && then.mmr == 0) return then.talt >= 0 || then.talt >= now.talt;
    return hr_compare_products(then.talt, now.mmr, now.talt, then.mmr) >= 0;
}

/* The margin of both sides of a fill. A liquidation order is not asked for any. */
HR_COLD struct hr_fill_result hr_fill_margin(struct hr_core *c, const struct hr_taker *taker,
                                             const struct hr_order *maker, uint64_t lots,
                                             const struct hr_perp_side *taker_plan,
                                             const struct hr_perp_side *maker_plan) {
    struct hr_fill_result result = {0, 0};
    if (!(taker->attributes & HR_ORDER_FLAG_LIQUIDATION) &&
        !hr_keeps_margin(c, taker->account, taker->market, taker->side, taker_plan, 0))
        result.taker_stops = HR_REASON_MARGIN;
    else if (!hr_keeps_margin(c, maker->owner, taker->market, !taker->side, maker_plan, lots))
        result.maker_ends = HR_REASON_MARGIN;
    return result;
}

/* What a liquidation order pays instead of its tier's fee: at most what the trade is better than
 * the price that keeps the owner's health. */
HR_COLD uint64_t hr_liquidation_fee(const struct hr_market_risk *risk, const struct hr_taker *taker,
                                    uint32_t price, uint64_t lots, uint64_t notional) {
    const uint32_t neutral = taker->limit_price;
    const uint64_t better = price > neutral ? price - neutral : neutral - price;
    const uint64_t fee = hr_ppm_ceil(notional, risk->liquidation_fee_ppm);
    const uint64_t most = hr_mul_bounded(better * HR_PERP_QUOTE_MULTIPLIER, lots);
    return fee < most ? fee : most;
}

/* Settles a spot fill; nothing can fail because both sides locked what they may need. */
HR_HOT void hr_spot_fill(struct hr_core *c, const struct hr_market *m, const struct hr_taker *taker,
                         const struct hr_order *maker, uint32_t price, uint64_t lots,
                         uint64_t notional, uint64_t taker_pays, uint64_t maker_pays) {
    const uint64_t units = lots * m->base_units_per_lot;
    const uint32_t maker_side = !taker->side;
    struct hr_account *a = hr_account_at(c, maker->owner);
    const uint64_t maker_lock =
        maker_side == HR_BID ? hr_lock_per_lot(price, hr_builder_fee_of(maker->attributes)) : 0;
    hr_spot_side_settle(&taker->owner->balances[0], taker->base, taker->side,
                        taker->bid_lock_per_lot, lots, units, notional, taker_pays);
    hr_spot_side_settle(&a->balances[0], &a->balances[hr_base_slot(a, m)], maker_side, maker_lock,
                        lots, units, notional, maker_pays);
    hr_touch_account_at(c, taker->account, taker->owner);
    hr_touch_account_at(c, maker->owner, a);
}

/* Has an account room for all quote that a fill moves? */
HR_HOT bool hr_account_can_take(struct hr_core *c, uint32_t account, uint64_t moved) {
    return hr_can_receive(&hr_account_at(c, account)->balances[0], moved);
}

/* Trades `lots` between the taker and the order in `slot` at the maker's price; the maker's record
 * is still to be shrunk or removed. `risk` is NULL where the market asks for no margin. When it
 * does not happen nothing has changed. */
HR_HOT struct hr_fill_result hr_fill(struct hr_core *c, const struct hr_market *m,
                                     const struct hr_market_risk *risk,
                                     const struct hr_taker *taker, const struct hr_order *maker,
                                     uint32_t price, uint64_t lots) {
    const bool is_perp = m->kind == HR_MARKET_KIND_PERP;
    const uint64_t notional = (uint64_t)price * lots * hr_quote_multiplier(m);
    const uint32_t maker_ppm = hr_fee_ppm(c, m, maker->owner, maker->attributes, false);
    struct hr_side_fees taker_fees = hr_side_fees(taker->fee_ppm, taker->attributes, notional);
    const struct hr_side_fees maker_fees = hr_side_fees(maker_ppm, maker->attributes, notional);
    uint64_t to_insurance = 0;
    if (__builtin_expect(risk && (taker->attributes & HR_ORDER_FLAG_LIQUIDATION), 0))
        taker_fees.fee = to_insurance = hr_liquidation_fee(risk, taker, price, lots, notional);
    const uint64_t to_fee_account = taker_fees.fee - to_insurance + maker_fees.fee;
    const uint64_t taker_pays = taker_fees.fee + taker_fees.builder_fee;
    const uint64_t maker_pays = maker_fees.fee + maker_fees.builder_fee;
    /* whoever is credited must have room for all of it, so that one account may play several parts
     */
    const uint64_t moved = (is_perp ? 0 : notional) + taker_pays + maker_pays;
    struct hr_perp_side taker_plan, maker_plan;
    if ((to_fee_account && !hr_account_can_take(c, m->fee_account, moved)) ||
        (to_insurance && !hr_account_can_take(c, m->insurance_account, moved)) ||
        !hr_builder_can_receive(c, taker->attributes, taker_fees.builder_fee, moved) ||
        (is_perp ? !hr_perp_side_plan(c, taker->account, taker->market, taker->side, lots, notional,
                                      taker_pays, &taker_plan)
                 : taker->side == HR_ASK && !hr_can_receive(&taker->owner->balances[0], moved)))
        return (struct hr_fill_result){.taker_stops = HR_REASON_LIMIT};
    if (!hr_builder_can_receive(c, maker->attributes, maker_fees.builder_fee, moved) ||
        (is_perp ? !hr_perp_side_plan(c, maker->owner, taker->market, !taker->side, lots, notional,
                                      maker_pays, &maker_plan)
                 : taker->side == HR_BID && !hr_account_can_take(c, maker->owner, moved)))
        return (struct hr_fill_result){.maker_ends = HR_REASON_LIMIT};
    if (is_perp) {
        if (risk) {
            const struct hr_fill_result result =
                hr_fill_margin(c, taker, maker, lots, &taker_plan, &maker_plan);
            if (result.taker_stops | result.maker_ends) return result;
            hr_settle_write(c, taker->account, taker_plan.position);
            hr_settle_write(c, maker->owner, maker_plan.position);
        }
        hr_perp_side_settle(c, taker->account, &taker_plan);
        hr_perp_side_settle(c, maker->owner, &maker_plan);
        hr_position_open_lots_add(c, maker->owner, taker->market, !taker->side, -(int64_t)lots);
    } else {
        hr_spot_fill(c, m, taker, maker, price, lots, notional, taker_pays, maker_pays);
    }
    if (to_fee_account) hr_quote_add(c, m->fee_account, (int64_t)to_fee_account);
    if (to_insurance) hr_quote_add(c, m->insurance_account, (int64_t)to_insurance);
    hr_emit(c, HR_EVENT_KIND_FILL, taker->market, taker->account, (int64_t)taker->order_id,
            (int64_t)maker->order_id, (int64_t)((uint64_t)maker->owner << 32 | price),
            (int64_t)(lots << 1 | taker->side), (int64_t)taker_fees.fee, (int64_t)maker_fees.fee);
    hr_builder_fee_pay(c, taker->market, taker->order_id, taker->account, taker->attributes,
                       taker_fees.builder_fee);
    hr_builder_fee_pay(c, taker->market, maker->order_id, maker->owner, maker->attributes,
                       maker_fees.builder_fee);
    if (is_perp) {
        hr_emit_position(c, taker->account, taker->market, &taker_plan);
        hr_emit_position(c, maker->owner, taker->market, &maker_plan);
    }
    return (struct hr_fill_result){0, 0};
}

/* --- the loop ------------------------------------------------------------------------------- */

static inline bool hr_is_self_trade(const struct hr_taker *taker, uint32_t maker) {
    return taker->by_master ? hr_master_of(taker->account) == hr_master_of(maker)
                            : taker->account == maker;
}

/* Applies REDUCE: both sides shrink without a trade. */
HR_COLD void hr_self_trade_reduce(struct hr_core *c, const struct hr_market *m,
                                  struct hr_taker *taker, uint32_t slot, uint32_t price) {
    const struct hr_order *maker = hr_order_at(c, slot);
    struct hr_account *owner = hr_account_at(c, maker->owner);
    const uint64_t lots = taker->remaining_lots < maker->remaining_lots ? taker->remaining_lots
                                                                        : maker->remaining_lots;
    if (m->kind == HR_MARKET_KIND_SPOT)
        hr_unlock_lots(c, m, taker->market, taker->account, taker->owner, taker->attributes,
                       taker->limit_price, lots);
    taker->remaining_lots -= lots;
    taker->size_lots -= lots;
    hr_unlock_lots(c, m, taker->market, maker->owner, owner, maker->attributes, price, lots);
    hr_order_shrink(c, slot, lots);
    if (maker->attributes & HR_ORDER_FLAG_LINKED) {
        hr_condition_at(c, (uint32_t)maker->client_id[0])->lots -= lots;
        hr_touch_order(c, (uint32_t)maker->client_id[0]);
    }
    if (maker->remaining_lots == 0)
        hr_order_cancel(c, slot, HR_REASON_SELF_TRADE, false);
    else
        hr_emit(c, HR_EVENT_KIND_REDUCED, taker->market, maker->owner, (int64_t)maker->order_id,
                slot, (int64_t)maker->remaining_lots, HR_REASON_SELF_TRADE, 0, 0);
}

/* Removes a maker whose remaining lots were all filled. */
HR_HOT void hr_maker_filled(struct hr_core *c, const struct hr_market *m, uint32_t market,
                            uint32_t slot, struct hr_order *maker) {
    const uint32_t owner = maker->owner, attributes = maker->attributes;
    const uint32_t condition_slot = (uint32_t)maker->client_id[0];
    if (maker->expiry_s) hr_duty_remove(c, HR_DUTY_KIND_EXPIRY, slot);
    hr_order_unlink(c, slot, maker, hr_account_at(c, owner));
    if (m->kind != HR_MARKET_KIND_PERP) return;
    hr_position_release_other(c, owner, market);
    if (attributes & HR_ORDER_FLAG_LINKED)
        hr_bracket_wake(c, condition_slot, market, attributes & HR_ORDER_FLAG_IS_ASK,
                        hr_condition_at(c, condition_slot)->lots);
}

enum { HR_MATCH_CONTINUES = 0xFFFF };

/* Trades against the head of the opposite side while it crosses.
 * Returns: 0, the reason why the rest is dropped, or HR_MATCH_CONTINUES after MAX_STEPS. */
HR_HOT uint32_t hr_match(struct hr_core *c, struct hr_taker *taker) {
    struct hr_market *m = hr_market_at(c, taker->market);
    const struct hr_market_risk *risk =
        m->kind == HR_MARKET_KIND_PERP ? hr_margined_risk(c, taker->market) : NULL;
    const bool is_banded = risk && !(taker->attributes & HR_ORDER_FLAG_LIQUIDATION);
    const uint32_t opposite = !taker->side;
    for (uint32_t steps = 0; taker->remaining_lots > 0; steps++) {
        if (m->best[opposite] == 0) return 0;
        struct hr_level *level = hr_level_at(c, m->best[opposite]);
        const uint32_t price = level->price;
        if (!hr_crosses(taker->side, taker->limit_price, price)) return 0;
        if (steps == HR_MAX_STEPS) return HR_MATCH_CONTINUES;
        if (is_banded && hr_outside_band(risk, taker->side, price)) return HR_REASON_PRICE_BAND;

        const uint32_t slot = level->head;
        struct hr_order *maker = hr_order_at(c, slot);
        uint64_t lots = taker->remaining_lots;
        if (taker->attributes & HR_ORDER_FLAG_REDUCE_ONLY) {
            const uint64_t allowed =
                hr_reducible_lots(c, taker->account, taker->market, taker->side);
            if (allowed == 0) return HR_REASON_REDUCE_ONLY;
            if (lots > allowed) lots = allowed;
        }
        if (hr_is_self_trade(taker, maker->owner)) {
            if (taker->self_trade == HR_SELF_TRADE_EXPIRE_TAKER) return HR_REASON_SELF_TRADE;
            if (taker->self_trade == HR_SELF_TRADE_REDUCE) {
                hr_self_trade_reduce(c, m, taker, slot, price);
                if (taker->remaining_lots == 0) return HR_REASON_SELF_TRADE;
                continue;
            }
            hr_order_cancel(c, slot, HR_REASON_SELF_TRADE, false);
            if (taker->self_trade == HR_SELF_TRADE_EXPIRE_BOTH) return HR_REASON_SELF_TRADE;
            continue;
        }
        if (maker->attributes & HR_ORDER_FLAG_REDUCE_ONLY) {
            const uint64_t allowed = hr_reducible_lots(c, maker->owner, taker->market, opposite);
            if (allowed == 0) {
                hr_order_cancel(c, slot, HR_REASON_REDUCE_ONLY, false);
                continue;
            }
            if (lots > allowed) lots = allowed;
        }
        if (lots > maker->remaining_lots) lots = maker->remaining_lots;
        const struct hr_fill_result result = hr_fill(c, m, risk, taker, maker, price, lots);
        if (result.taker_stops) return result.taker_stops;
        if (result.maker_ends) {
            hr_order_cancel(c, slot, result.maker_ends, false);
            continue;
        }
        taker->remaining_lots -= lots;
        if (lots == maker->remaining_lots)
            hr_maker_filled(c, m, taker->market, slot, maker);
        else
            hr_order_shrink(c, slot, lots);
    }
    return 0;
}

/* Can an account trade up to `size_lots` for up to `worst` quote units on `side` without coming
 * near a bound, whatever else the same order credits to it? */
HR_COLD bool hr_has_headroom(struct hr_core *c, uint32_t market, uint32_t account, uint32_t side,
                             uint32_t attributes, uint64_t size_lots, uint64_t worst) {
    const struct hr_balance *quote = &hr_account_at(c, account)->balances[0];
    if (!hr_builder_can_receive(c, attributes, hr_builder_of(attributes), 3 * worst)) return false;
    if (hr_market_at(c, market)->kind == HR_MARKET_KIND_SPOT)
        return side == HR_BID || hr_can_receive(quote, 3 * worst);
    const struct hr_holding h = hr_holding_of(c, account, market);
    const bool isolated = h.mode == HR_MARGIN_MODE_ISOLATED;
    const int64_t size = (int64_t)hr_magnitude(h.size), cost = (int64_t)hr_magnitude(h.cost);
    const int64_t free = (isolated ? h.isolated_margin : hr_unbias(quote->free_biased)) + h.cash;
    const int64_t held = free + (isolated ? 0 : (int64_t)quote->locked);
    const int64_t limit = (int64_t)HR_POSITION_VALUE_LIMIT, w = (int64_t)worst;
    return size + (int64_t)size_lots < (int64_t)HR_SIZE_LIMIT && cost + w < limit &&
           free - cost - 2 * w > -limit && held + cost + 4 * w < limit;
}

/* Has a maker in a margined market margin to spare for all its resting orders of the side to be
 * filled at `best`, and for the fees of the taker's whole order? */
HR_COLD bool hr_has_margin_to_spare(struct hr_core *c, const struct hr_taker *taker,
                                    const struct hr_order *maker, uint32_t best) {
    const struct hr_market_risk *risk = hr_margined_risk(c, taker->market);
    if (!risk) return true;
    const struct hr_holding h = hr_holding_of(c, maker->owner, taker->market);
    const struct hr_health health = hr_health_with(c, maker->owner, &h, 0);
    const uint32_t mark = risk->mark_price, distance = best > mark ? best - mark : mark - best;
    uint64_t loss;
    if (__builtin_mul_overflow(h.open_lots[!taker->side], (uint64_t)distance, &loss) ||
        loss > HR_VALUE_LIMIT)
        return false; /* more than any bucket can have */
    loss += hr_ppm_ceil(taker->size_lots * best,
                        HR_MAX_FEE_PPM + HR_MAX_BUILDER_FEE_PERP * HR_BUILDER_FEE_UNIT_PPM);
    return health.tav - health.imr >= (int64_t)loss;
}

/* Lots that a fill-or-kill order can count on from a maker: none if they depend on its position, or
 * if a bound or its margin might stop the fill. */
static uint64_t hr_fok_lots(struct hr_core *c, const struct hr_taker *taker,
                            const struct hr_order *maker, uint64_t worst, uint32_t best) {
    if (maker->attributes & HR_ORDER_FLAG_REDUCE_ONLY) return 0;
    return hr_has_headroom(c, taker->market, maker->owner, !taker->side, maker->attributes,
                           taker->size_lots, worst) &&
                   hr_has_margin_to_spare(c, taker, maker, best)
               ? maker->remaining_lots
               : 0;
}

/* The checks of the dry run that look at the taker's side only. Out: worst, the most that the order
 * can trade for. */
static bool hr_fok_taker_is_able(struct hr_core *c, const struct hr_market *m,
                                 const struct hr_taker *taker, uint64_t *worst) {
    const uint32_t best = m->best[!taker->side];
    if (best == 0) return false;
    const uint32_t best_price = hr_level_at(c, best)->price;
    const uint64_t price = best_price > taker->limit_price ? best_price : taker->limit_price;
    *worst = hr_mul_bounded(taker->size_lots, price * hr_quote_multiplier(m));
    if (*worst >= HR_FOK_NOTIONAL_LIMIT) return false;
    if ((taker->attributes & HR_ORDER_FLAG_REDUCE_ONLY) &&
        hr_reducible_lots(c, taker->account, taker->market, taker->side) < taker->size_lots)
        return false;
    return hr_can_receive(&hr_account_at(c, m->fee_account)->balances[0], 3 * *worst) &&
           hr_has_headroom(c, taker->market, taker->account, taker->side, taker->attributes,
                           taker->size_lots, *worst);
}

/* Decides a fill-or-kill order without a trace: section "FOK dry run". */
HR_COLD bool hr_fok_is_fillable(struct hr_core *c, const struct hr_taker *taker) {
    const struct hr_market *m = hr_market_at(c, taker->market);
    uint64_t worst, filled = 0;
    if (!hr_fok_taker_is_able(c, m, taker, &worst)) return false;
    uint32_t steps = 0;
    const uint32_t best = hr_level_at(c, m->best[!taker->side])->price;
    for (uint32_t l = m->best[!taker->side]; l; l = hr_level_at(c, l)->next) {
        const struct hr_level *level = hr_level_at(c, l);
        if (!hr_crosses(taker->side, taker->limit_price, level->price)) break;
        for (uint32_t slot = level->head; slot; slot = hr_order_at(c, slot)->next) {
            if (filled >= taker->size_lots) return true;
            if (++steps > HR_MAX_STEPS) return false;
            const struct hr_order *maker = hr_order_at(c, slot);
            if (!hr_is_self_trade(taker, maker->owner))
                filled += hr_fok_lots(c, taker, maker, worst, best);
            else if (taker->self_trade != HR_SELF_TRADE_EXPIRE_MAKER)
                return false;
        }
    }
    return filled >= taker->size_lots;
}

/* --- the end of a taker --------------------------------------------------------------------- */

HR_HOT void hr_rest(struct hr_core *c, const struct hr_taker *taker, const bool is_perp) {
    const uint32_t best = hr_market_at(c, taker->market)->best[taker->side];
    const uint32_t level = hr_level_for(c, taker->market, taker->side, best, taker->limit_price);
    if (c->trapped) return;
    const uint32_t slot = hr_order_slot_take(c);
    struct hr_order *order = hr_order_at(c, slot);
    order->owner = taker->account;
    order->next = 0;
    order->level = level;
    order->owner_prev = 0;
    order->remaining_lots = taker->remaining_lots;
    order->order_id = taker->order_id;
    order->client_id[0] = taker->client_id[0];
    order->client_id[1] = taker->client_id[1];
    order->expiry_s = taker->expiry_s;
    order->attributes = taker->attributes;
    hr_order_link(c, slot, order, taker->owner);
    if (taker->expiry_s) hr_duty_push(c, taker->expiry_s, HR_DUTY_KIND_EXPIRY, slot);
    if (is_perp) {
        hr_position_open_lots_add(c, taker->account, taker->market, taker->side,
                                  (int64_t)taker->remaining_lots);
        if (taker->attributes & HR_ORDER_FLAG_LINKED) {
            hr_condition_at(c, (uint32_t)taker->client_id[0])->lots = taker->size_lots;
            hr_touch_order(c, (uint32_t)taker->client_id[0]);
        }
    }
    hr_emit(c, HR_EVENT_KIND_RESTED, taker->market, taker->account, (int64_t)taker->order_id, slot,
            taker->limit_price, (int64_t)taker->remaining_lots, taker->attributes, taker->expiry_s);
}

static void hr_taker_done(struct hr_core *c, const struct hr_market *m,
                          const struct hr_taker *taker, uint32_t reason) {
    if (taker->remaining_lots && m->kind == HR_MARKET_KIND_SPOT)
        hr_unlock_lots(c, m, taker->market, taker->account, taker->owner, taker->attributes,
                       taker->limit_price, taker->remaining_lots);
    const bool is_linked = taker->attributes & HR_ORDER_FLAG_LINKED;
    const uint32_t condition_slot = is_linked ? (uint32_t)taker->client_id[0] : 0;
    const uint64_t *client_id =
        is_linked ? hr_condition_at(c, condition_slot)->client_id : taker->client_id;
    const uint64_t filled = taker->size_lots - taker->remaining_lots;
    hr_emit(c, HR_EVENT_KIND_DONE, taker->market, taker->account, (int64_t)taker->order_id,
            (int64_t)filled, (int64_t)taker->remaining_lots, reason, (int64_t)client_id[0],
            (int64_t)client_id[1]);
    if (!is_linked) return;
    const bool drops = taker->tif == HR_TIME_IN_FORCE_IOC || taker->tif == HR_TIME_IN_FORCE_FOK;
    if (reason == HR_REASON_FILLED || (drops && filled))
        hr_bracket_wake(c, condition_slot, taker->market, taker->side, filled);
    else
        hr_bracket_drop(c, condition_slot);
}

/* Keeps the taker in the header until CONTINUE. */
HR_COLD void hr_taker_park(struct hr_core *c, const struct hr_taker *taker) {
    struct hr_header *h = c->header;
    h->cont_kind = HR_CONTINUATION_MATCH;
    h->cont_account = taker->account;
    h->cont_market = taker->market;
    h->cont_order_id = taker->order_id;
    h->cont_attributes = taker->attributes;
    h->cont_limit_price = taker->limit_price;
    h->cont_remaining = taker->remaining_lots;
    h->cont_client_id[0] = taker->client_id[0];
    h->cont_client_id[1] = taker->client_id[1];
    h->cont_expiry_s = taker->expiry_s;
    h->cont_tif = taker->tif;
    h->cont_self_trade = taker->self_trade | (uint32_t)taker->by_master << 8;
    h->cont_size = taker->size_lots;
    hr_emit(c, HR_EVENT_KIND_CONTINUED, taker->market, taker->account, HR_CONTINUATION_MATCH, 0, 0,
            0, 0, 0);
}

/* Matches, then rests, drops or parks the taker; its funds are locked. */
HR_COLD void hr_execute(struct hr_core *c, struct hr_taker *taker) {
    const struct hr_market *m = hr_market_at(c, taker->market);
    taker->owner = hr_account_at(c, taker->account);
    taker->fee_ppm = hr_fee_ppm(c, m, taker->account, taker->attributes, true);
    if (m->kind == HR_MARKET_KIND_SPOT) {
        taker->base = &taker->owner->balances[hr_base_slot(taker->owner, m)];
        taker->bid_lock_per_lot =
            hr_lock_per_lot(taker->limit_price, hr_builder_fee_of(taker->attributes));
    }
    c->taker = taker->account;
    c->has_taker = true;
    uint32_t reason = hr_match(c, taker);
    c->has_taker = false;
    if (reason == HR_MATCH_CONTINUES && (taker->attributes & HR_ORDER_FLAG_TWAP))
        reason = HR_REASON_IOC; /* a slice is done with its op */
    if (reason == HR_MATCH_CONTINUES) {
        hr_taker_park(c, taker);
        return;
    }
    if (taker->remaining_lots == 0)
        hr_taker_done(c, m, taker, reason ? reason : HR_REASON_FILLED);
    else if (reason || taker->tif == HR_TIME_IN_FORCE_IOC || taker->tif == HR_TIME_IN_FORCE_FOK)
        hr_taker_done(c, m, taker, reason ? reason : HR_REASON_IOC);
    else
        hr_rest(c, taker, m->kind == HR_MARKET_KIND_PERP);
    if (m->kind == HR_MARKET_KIND_PERP) hr_position_release(c, taker->account, taker->market);
}

#endif
