/* TWAP: a size traded in slices over time. docs/spec/conditional-orders.md section 3. */
#ifndef HEADRACE_TWAP_IMPL_H
#define HEADRACE_TWAP_IMPL_H

#include "triggers_impl.h"

/* Check 3 besides the size, and 4. */
static int hr_check_twap_terms(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_place_twap *p = &op->place_twap;
    const struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    if (p->slices < 2 || p->slices > HR_TWAP_MAX_SLICES || p->interval_s < HR_TWAP_MIN_INTERVAL_S ||
        p->interval_s > HR_TWAP_MAX_INTERVAL_S || p->size_lots / p->slices == 0 ||
        p->size_lots / p->slices < hr_market_at(c, op->market)->min_size_lots)
        return HR_E_INVALID_TWAP;
    if (p->slippage_ppm > HR_MAX_SLIPPAGE_PPM) return HR_E_INVALID_SLIPPAGE;
    if (!hr_mark_is_fresh(c, risk)) return HR_E_STALE_PRICE;
    const uint64_t mark = risk->mark_price, most = mark + mark * p->slippage_ppm / HR_PPM;
    const uint64_t price = most < HR_PRICE_MAX ? most : HR_PRICE_MAX;
    return hr_mul_bounded(p->size_lots, price * HR_PERP_QUOTE_MULTIPLIER) == UINT64_MAX
               ? HR_E_NOTIONAL_TOO_LARGE
               : HR_E_OK;
}

HR_COLD int hr_op_place_twap(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_place_twap *p = &op->place_twap;
    const uint32_t known =
        HR_PLACE_FLAG_IS_ASK | HR_PLACE_FLAG_REDUCE_ONLY | HR_PLACE_FLAG_SELF_TRADE_BY_MASTER;
    int e;
    if (hr_conditional_is_malformed(op, known) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_place_twap, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_conditional_market(c, op))) return e;
    if ((e = hr_check_twap_terms(c, op))) return e;
    if ((e = hr_check_conditional_owner(c, op, 1))) return e;
    if (c->header->orders_used + 2 > HR_ORDER_CAPACITY - 1) return HR_E_BOOK_FULL;
    if (c->header->duty_count == HR_DUTY_CAPACITY) return HR_E_DUTY_QUEUE_FULL;

    const struct hr_condition condition = {
        .owner = op->account,
        .limit_price = p->slippage_ppm,
        .trail = p->interval_s,
        .link_a = p->slices,
        .lots = p->size_lots,
        .client_id = {p->client_id[0], p->client_id[1]},
        .terms = hr_terms_of_op(op),
    };
    const struct hr_order order = {
        .owner = op->account,
        .remaining_lots = p->size_lots,
        .attributes = hr_conditional_attributes(c, op, HR_ORDER_FLAG_TWAP),
        .order_id = hr_order_id_take(c, op->market),
    };
    const uint32_t slot = hr_conditional_open(c, &order, &condition);
    hr_duty_push(c, (uint32_t)c->header->now_s, HR_DUTY_KIND_TWAP, slot);
    hr_emit(c, HR_EVENT_KIND_TWAP_PLACED, op->market, op->account, (int64_t)order.order_id, slot,
            (int64_t)p->size_lots, p->slices, p->interval_s, p->slippage_ppm);
    return HR_E_OK;
}

/* Lots that the next slice trades to keep up with `done` of all slices. */
static uint64_t hr_slice_lots(const struct hr_condition *condition, uint64_t remaining,
                              uint32_t done) {
    const uint32_t slices = condition->link_a;
    const uint64_t target = condition->lots * done / slices; /* < 2^40 x 2^12 */
    const uint64_t traded = condition->lots - remaining;
    const uint64_t most = HR_TWAP_CATCH_UP * ((condition->lots + slices - 1) / slices);
    if (target <= traded) return 0;
    return target - traded < most ? target - traded : most;
}

/* Trades a slice, if the checks let it, and tells. Returns: the lots filled. */
static uint64_t hr_slice_run(struct hr_core *c, const struct hr_order *order,
                             const struct hr_condition *condition, uint64_t lots, uint32_t done) {
    struct hr_taker taker = hr_conditional_taker(c, order, condition);
    const struct hr_market_risk *risk = hr_market_risk_at(c, taker.market);
    taker.size_lots = taker.remaining_lots = lots;
    taker.limit_price = hr_mark_limit(risk, taker.side, condition->limit_price);
    int e = HR_E_OK;
    if (lots) {
        if (hr_market_at(c, taker.market)->status != HR_MARKET_STATUS_OPEN)
            e = HR_E_MARKET_NOT_OPEN;
        else
            e = hr_mark_is_fresh(c, risk) ? hr_check_due_order(c, &taker) : HR_E_STALE_PRICE;
    }
    const bool runs = lots && e == HR_E_OK;
    if (runs) taker.order_id = hr_order_id_take(c, taker.market);
    hr_emit(c, HR_EVENT_KIND_TWAP_SLICE, taker.market, order->owner, (int64_t)order->order_id,
            (int64_t)taker.order_id, (int64_t)lots, taker.limit_price, done, e);
    if (!runs) return 0;
    hr_position_open(c, taker.account, taker.market);
    hr_touch_account(c, taker.account);
    hr_execute(c, &taker);
    return taker.size_lots - taker.remaining_lots;
}

/* The duty TWAP, which was due at `due_s`: one slice, and the slices that time has jumped over. */
HR_COLD void hr_twap_slice(struct hr_core *c, uint32_t slot, uint32_t due_s) {
    struct hr_order *order = hr_order_at(c, slot);
    struct hr_condition *condition = hr_condition_at(c, (uint32_t)order->client_id[0]);
    const uint64_t missed = (c->header->now_s - due_s) / condition->trail;
    const uint64_t reached = condition->link_b + 1 + missed;
    const uint32_t done = reached < condition->link_a ? (uint32_t)reached : condition->link_a;
    const uint64_t lots = hr_slice_lots(condition, order->remaining_lots, done);
    order->remaining_lots -= hr_slice_run(c, order, condition, lots, done);
    condition->link_b = done;
    hr_touch_order(c, slot);
    hr_touch_order(c, (uint32_t)order->client_id[0]);
    const uint64_t rest = order->remaining_lots;
    if (done < condition->link_a && rest) {
        hr_duty_push(c, hr_time_after(due_s, (1 + missed) * condition->trail), HR_DUTY_KIND_TWAP,
                     slot);
        return;
    }
    hr_emit(c, HR_EVENT_KIND_DONE, hr_market_of_order(order->order_id), order->owner,
            (int64_t)order->order_id, (int64_t)(condition->lots - rest), (int64_t)rest,
            rest ? HR_REASON_IOC : HR_REASON_FILLED, (int64_t)condition->client_id[0],
            (int64_t)condition->client_id[1]);
    hr_conditional_remove(c, slot, HR_DUTY_KIND_TWAP);
}

#endif
