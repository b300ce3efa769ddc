/* Triggers: PLACE_TRIGGER, what fires, and stops that trail the mark.
 * docs/spec/conditional-orders.md sections 2 and 3. */
#ifndef HEADRACE_TRIGGERS_IMPL_H
#define HEADRACE_TRIGGERS_IMPL_H

#include "orders_impl.h"

/* --- PLACE_TRIGGER -------------------------------------------------------------------------- */

_Static_assert(
    offsetof(struct hr_op_place_trigger, client_id) == offsetof(struct hr_op_place, client_id) &&
    offsetof(struct hr_op_place_trigger, builder) == offsetof(struct hr_op_place, builder) &&
    offsetof(struct hr_op_place_trigger, builder_fee) ==
        offsetof(struct hr_op_place, builder_fee) &&
    offsetof(struct hr_op_place_twap, client_id) == offsetof(struct hr_op_place, client_id) &&
    offsetof(struct hr_op_place_twap, builder) == offsetof(struct hr_op_place, builder) &&
    offsetof(struct hr_op_place_twap, builder_fee) == offsetof(struct hr_op_place, builder_fee));

/* What PLACE_TRIGGER and PLACE_TWAP have in common with PLACE. */
static bool hr_conditional_is_malformed(const struct hr_op *op, uint32_t known_flags) {
    const struct hr_op_place *p = &op->place; /* the same bytes in all three */
    return (op->flags & ~known_flags) || p->tif || p->self_trade > HR_SELF_TRADE_REDUCE ||
           p->builder >= HR_MAX_BUILDERS || (p->builder == 0 && p->builder_fee) || p->zero_gap;
}

static bool hr_trigger_is_malformed(const struct hr_op *op) {
    const struct hr_op_place_trigger *p = &op->place_trigger;
    const uint32_t known = HR_PLACE_FLAG_IS_ASK | HR_PLACE_FLAG_REDUCE_ONLY |
                           HR_PLACE_FLAG_SELF_TRADE_BY_MASTER | HR_PLACE_FLAG_FIRES_ABOVE;
    return hr_conditional_is_malformed(op, known) || (p->trail && p->other_trigger) ||
           (p->other_limit && !p->other_trigger);
}

/* Checks 1 to 3 of PLACE_TRIGGER and PLACE_TWAP. */
static int hr_check_conditional_market(struct hr_core *c, const struct hr_op *op) {
    int e;
    if ((e = hr_check_account(c, op->account))) return e;
    if (op->market >= HR_MAX_MARKETS ||
        !(hr_market_risk_at(c, op->market)->flags & HR_MARKET_RISK_FLAG_PRICED))
        return HR_E_UNKNOWN_MARKET;
    if ((e = hr_check_open_market(c, op->market))) return e;
    return hr_check_size(hr_market_at(c, op->market), op->place.size_lots);
}

/* Client id, builder, count and duplicate of an order with `legs` records. */
static int hr_check_conditional_owner(struct hr_core *c, const struct hr_op *op, uint32_t legs) {
    const struct hr_op_place *p = &op->place;
    const int e = hr_check_place_tags(c, hr_market_at(c, op->market), op);
    if (e) return e;
    if (hr_account_at(c, op->account)->order_count + legs > HR_MAX_OPEN_ORDERS)
        return HR_E_TOO_MANY_OPEN_ORDERS;
    return (p->client_id[0] | p->client_id[1]) &&
                   hr_order_with_client_id(c, op->account, p->client_id)
               ? HR_E_DUPLICATE_CLIENT_ID
               : HR_E_OK;
}

static inline uint32_t hr_list_of_op(const struct hr_op *op) {
    return op->flags & HR_PLACE_FLAG_FIRES_ABOVE ? HR_ABOVE : HR_BELOW;
}

/* The price at which a trailing stop of `side` stands for a mark; 0 or above PRICE_MAX: none. */
static inline uint64_t hr_trailing_price(uint32_t side, uint32_t mark, uint32_t trail) {
    return side == HR_ASK ? (mark > trail ? mark - trail : 0) : (uint64_t)mark + trail;
}

/* Checks 5 to 8: the prices, and what they are to the mark. Out: trigger, which follows from the
 * mark when the stop trails it. */
static int hr_check_trigger_prices(struct hr_core *c, const struct hr_op *op, uint32_t *trigger) {
    const struct hr_op_place_trigger *p = &op->place_trigger;
    const struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    const uint32_t side = op->flags & HR_PLACE_FLAG_IS_ASK, list = hr_list_of_op(op);
    const uint32_t prices[4] = {p->trigger_price, p->limit_price, p->other_trigger, p->other_limit};
    if (p->trigger_price == 0 && p->trail == 0) return HR_E_INVALID_PRICE;
    const int e = hr_check_prices(hr_market_at(c, op->market), prices);
    if (e) return e;
    if (p->trail && (p->trigger_price || p->trail > HR_PRICE_MAX ||
                     list != (side == HR_ASK ? HR_BELOW : HR_ABOVE)))
        return HR_E_INVALID_TRIGGER;
    if (!hr_mark_is_fresh(c, risk)) return HR_E_STALE_PRICE;
    uint64_t price = p->trigger_price;
    if (p->trail) price = hr_trailing_price(side, risk->mark_price, p->trail);
    if (price == 0 || price > HR_PRICE_MAX) return HR_E_INVALID_TRIGGER;
    *trigger = (uint32_t)price;
    if (hr_trigger_is_met(list, *trigger, risk->mark_price) ||
        (p->other_trigger && hr_trigger_is_met(!list, p->other_trigger, risk->mark_price)))
        return HR_E_TRIGGER_DUE;
    uint64_t highest = price;
    for (uint32_t i = 1; i < 4; i++)
        if (prices[i] > highest) highest = prices[i];
    return hr_mul_bounded(p->size_lots, highest * HR_PERP_QUOTE_MULTIPLIER) == UINT64_MAX
               ? HR_E_NOTIONAL_TOO_LARGE
               : HR_E_OK;
}

/* Checks 12 and 13: room in the stores and in the heap. */
static int hr_check_trigger_room(const struct hr_header *h, const struct hr_op *op, uint32_t legs) {
    const struct hr_op_place_trigger *p = &op->place_trigger;
    if (h->orders_used + 2 * legs > HR_ORDER_CAPACITY - 1 ||
        h->levels_used + legs > HR_LEVEL_CAPACITY - 1)
        return HR_E_BOOK_FULL;
    const uint32_t entries = (p->expiry_s ? legs : 0) + (p->trail != 0);
    return h->duty_count + entries > HR_DUTY_CAPACITY ? HR_E_DUTY_QUEUE_FULL : HR_E_OK;
}

/* A time from now, at most the last there is. */
static inline uint32_t hr_time_after(uint64_t time_s, uint64_t interval_s) {
    return time_s + interval_s < UINT32_MAX ? (uint32_t)(time_s + interval_s) : UINT32_MAX;
}

/* Puts one leg into owner's list, trigger list and heap. Returns: its slot. */
static uint32_t hr_leg_open(struct hr_core *c, const struct hr_op *op, uint32_t attributes,
                            uint32_t list, uint32_t price, const struct hr_condition *condition) {
    const struct hr_op_place_trigger *p = &op->place_trigger;
    const struct hr_order order = {
        .owner = op->account,
        .remaining_lots = p->size_lots,
        .order_id = hr_order_id_take(c, op->market),
        .expiry_s = p->expiry_s,
        .attributes = attributes,
    };
    const uint32_t slot = hr_conditional_open(c, &order, condition);
    hr_trigger_list_enter(c, slot, list, price);
    if (p->expiry_s) hr_duty_push(c, p->expiry_s, HR_DUTY_KIND_EXPIRY, slot);
    if (condition->trail)
        hr_duty_push(c, hr_time_after(c->header->now_s, HR_TRAIL_STEP_S), HR_DUTY_KIND_TRAIL, slot);
    hr_emit_trigger_placed(c, slot);
    return slot;
}

/* Attributes of a PLACE_TRIGGER or PLACE_TWAP, whose quota is counted. */
static uint32_t hr_conditional_attributes(struct hr_core *c, const struct hr_op *op,
                                          uint32_t kind) {
    const struct hr_op_place *p = &op->place;
    const uint32_t kept = HR_PLACE_FLAG_IS_ASK | HR_PLACE_FLAG_REDUCE_ONLY;
    return (op->flags & kept) | (uint32_t)p->builder << 8 | (uint32_t)p->builder_fee << 20 |
           HR_ORDER_FLAG_LINKED | kind |
           hr_quota_count(c, hr_market_at(c, op->market), op->account);
}

static inline uint32_t hr_terms_of_op(const struct hr_op *op) {
    return op->place.self_trade | (op->flags & HR_PLACE_FLAG_SELF_TRADE_BY_MASTER ? 1u << 8 : 0);
}

HR_COLD int hr_op_place_trigger(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_place_trigger *p = &op->place_trigger;
    const uint32_t legs = 1 + (p->other_trigger != 0), list = hr_list_of_op(op);
    uint32_t trigger;
    int e;
    if (hr_trigger_is_malformed(op)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_conditional_market(c, op))) return e;
    if (p->expiry_s && p->expiry_s <= c->header->now_s) return HR_E_EXPIRY_IN_PAST;
    if ((e = hr_check_trigger_prices(c, op, &trigger))) return e;
    if ((e = hr_check_conditional_owner(c, op, legs))) return e;
    if ((e = hr_check_trigger_room(c->header, op, legs))) return e;

    const uint32_t attributes = hr_conditional_attributes(c, op, HR_ORDER_FLAG_TRIGGER);
    struct hr_condition condition = {
        .owner = op->account,
        .limit_price = p->limit_price,
        .trail = p->trail,
        .client_id = {p->client_id[0], p->client_id[1]},
        .terms = hr_terms_of_op(op),
    };
    const uint32_t first = hr_leg_open(c, op, attributes, list, trigger, &condition);
    if (legs == 1) return HR_E_OK;
    condition.limit_price = p->other_limit;
    condition.client_id[0] = condition.client_id[1] = 0;
    hr_legs_link(c, first, hr_leg_open(c, op, attributes, !list, p->other_trigger, &condition));
    return HR_E_OK;
}

/* --- firing --------------------------------------------------------------------------------- */

/* Limit of a market order that starts from the mark. */
static uint32_t hr_mark_limit(const struct hr_market_risk *risk, uint32_t side, uint32_t ppm) {
    if ((risk->flags & HR_MARKET_RISK_FLAG_MARGINED) && ppm > risk->price_band_ppm)
        ppm = risk->price_band_ppm;
    const int64_t mark = risk->mark_price, distance = mark * ppm / HR_PPM;
    return (uint32_t)hr_clamp(side == HR_ASK ? mark - distance : mark + distance, 1, HR_PRICE_MAX);
}

/* The checks of PLACE that an order may still fail when its time has come. */
static int hr_check_due_order(struct hr_core *c, const struct hr_taker *taker) {
    const struct hr_market *m = hr_market_at(c, taker->market);
    uint64_t lock;
    int e = hr_lock_of(m, true, taker->side, taker->limit_price, 0, taker->remaining_lots, &lock);
    if (e) return e;
    if (hr_may_rest(taker->tif) && !hr_level_slot_is_left(c->header)) return HR_E_BOOK_FULL;
    e = hr_check_perp_room(c, taker->account, taker->market, taker->side,
                           taker->attributes & HR_ORDER_FLAG_REDUCE_ONLY);
    return e ? e : hr_check_perp_margin(c, taker, 0);
}

/* The order that a trigger or TWAP becomes; limit, tif, size and client id are still to come. */
static struct hr_taker hr_conditional_taker(struct hr_core *c, const struct hr_order *order,
                                            const struct hr_condition *condition) {
    return (struct hr_taker){
        .account = order->owner,
        .market = hr_market_of_order(order->order_id),
        .side = order->attributes & HR_ORDER_FLAG_IS_ASK,
        .attributes = order->attributes & ~(uint32_t)(HR_ORDER_FLAG_LINKED | HR_ORDER_FLAG_TRIGGER),
        .tif = HR_TIME_IN_FORCE_IOC,
        .self_trade = condition->terms & 0xFF,
        .by_master = condition->terms >> 8 != 0,
        .owner = hr_account_at(c, order->owner),
    };
}

/* Runs an order that has passed its checks. */
static void hr_due_order_run(struct hr_core *c, struct hr_taker *taker) {
    hr_position_open(c, taker->account, taker->market);
    hr_order_run(c, hr_market_at(c, taker->market), *taker, true);
}

/* Fires the trigger in `slot`: it becomes an order, or is refused. */
static void hr_trigger_fire(struct hr_core *c, uint32_t slot) {
    const struct hr_order order = *hr_order_at(c, slot);
    const struct hr_condition condition = *hr_condition_at(c, (uint32_t)order.client_id[0]);
    struct hr_taker taker = hr_conditional_taker(c, &order, &condition);
    const struct hr_market_risk *risk = hr_market_risk_at(c, taker.market);
    taker.order_id = order.order_id;
    taker.size_lots = taker.remaining_lots = order.remaining_lots;
    taker.client_id[0] = condition.client_id[0];
    taker.client_id[1] = condition.client_id[1];
    taker.expiry_s = order.expiry_s;
    taker.limit_price = condition.limit_price;
    if (taker.limit_price)
        taker.tif = HR_TIME_IN_FORCE_GTC;
    else
        taker.limit_price = hr_mark_limit(risk, taker.side, HR_MAX_SLIPPAGE_PPM);
    const int e = hr_check_due_order(c, &taker);
    hr_emit(c, HR_EVENT_KIND_TRIGGERED, taker.market, order.owner, (int64_t)order.order_id, slot,
            hr_level_at(c, order.level)->price, risk->mark_price, (int64_t)order.remaining_lots, e);
    hr_conditional_remove(c, slot, 0);
    if (e)
        hr_emit(c, HR_EVENT_KIND_CANCELLED, taker.market, order.owner, (int64_t)order.order_id,
                slot, (int64_t)order.remaining_lots, HR_REASON_REFUSED,
                (int64_t)condition.client_id[0], (int64_t)condition.client_id[1]);
    if (condition.link_a) hr_conditional_cancel(c, condition.link_a, HR_REASON_LINKED, false);
    if (e == HR_E_OK) hr_due_order_run(c, &taker);
}

/* Fires one trigger of the market that has met ones. */
HR_COLD void hr_triggers_run(struct hr_core *c) {
    const uint32_t market = (uint32_t)c->header->trigger_market - 1;
    const uint32_t slot = hr_trigger_next(c, market);
    if (slot) hr_trigger_fire(c, slot);
    if (hr_trigger_next(c, market) == 0) c->header->trigger_market = 0;
}

/* The duty TRAIL: moves a trailing stop after the mark. */
HR_COLD void hr_trail(struct hr_core *c, uint32_t slot) {
    struct hr_order *order = hr_order_at(c, slot);
    const struct hr_condition *condition = hr_condition_at(c, (uint32_t)order->client_id[0]);
    const uint32_t market = hr_market_of_order(order->order_id), side = hr_side_of(order);
    const struct hr_market_risk *risk = hr_market_risk_at(c, market);
    const uint64_t price = hr_trailing_price(side, risk->mark_price, condition->trail);
    const uint32_t before = hr_level_at(c, order->level)->price;
    const bool moves = side == HR_ASK ? price > before : price < before;
    if (hr_mark_is_fresh(c, risk) && moves && price >= 1 && price <= HR_PRICE_MAX &&
        hr_level_slot_is_left(c->header)) {
        hr_trigger_list_leave(c, order);
        hr_trigger_list_enter(c, slot, side == HR_ASK ? HR_BELOW : HR_ABOVE, (uint32_t)price);
        hr_emit(c, HR_EVENT_KIND_TRIGGER_MOVED, market, order->owner, (int64_t)order->order_id,
                slot, (int64_t)price, risk->mark_price, 0, 0);
    }
    hr_duty_push(c, hr_time_after(c->header->now_s, HR_TRAIL_STEP_S), HR_DUTY_KIND_TRAIL, slot);
}

#endif
