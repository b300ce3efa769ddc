/* CANCEL, CANCEL_BY_CLIENT_ID, CANCEL_ALL and SCHEDULE_CANCEL. */
#ifndef HEADRACE_CANCEL_IMPL_H
#define HEADRACE_CANCEL_IMPL_H

#include "orders_impl.h"

enum { HR_ALL_MARKETS = 0xFFFF };

HR_COLD int hr_op_cancel(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_cancel *p = &op->cancel;
    if (op->flags || !hr_tail_is_zero(op, offsetof(struct hr_op_cancel, zero_tail)))
        return HR_E_MALFORMED_OP;
    /* the owner of an order exists: the account is looked at only to choose the error */
    if (!hr_order_is(c, p->slot, p->order_id, op->account, op->market))
        return hr_check_account(c, op->account) ? HR_E_UNKNOWN_ACCOUNT : HR_E_UNKNOWN_ORDER;
    hr_order_cancel(c, p->slot, HR_REASON_USER, false);
    return HR_E_OK;
}

static int hr_op_cancel_by_client_id(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_client_id *p = &op->client_id;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_client_id, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (!(p->client_id[0] | p->client_id[1]) || !hr_is_canonical(p->client_id[0]) ||
        !hr_is_canonical(p->client_id[1]))
        return HR_E_CLIENT_ID_OUT_OF_RANGE;
    /* The hint names the order; 0 claims a miss, which only the owner's list can confirm. */
    const uint32_t hint = HR_HINT(c, hr_order_with_client_id(c, op->account, p->client_id));
    if (hint == 0) {
        if (!hr_order_with_client_id(c, op->account, p->client_id)) return HR_E_UNKNOWN_CLIENT_ID;
    } else if (hint <= c->header->orders_used) {
        const struct hr_order *order = hr_order_at(c, hint);
        if (order->order_id != 0 && order->owner == op->account &&
            hr_has_client_id(c, order, p->client_id)) {
            hr_order_cancel(c, hint, HR_REASON_USER, false);
            return HR_E_OK;
        }
    }
    hr_trap(c);
    return HR_E_OK;
}

/* The order that a walk through the owner's list visits next. The children of a bracket, which go
 * with it, are no visits of their own. */
static uint32_t hr_next_visit(struct hr_core *c, const struct hr_order *order) {
    const uint32_t conditional = HR_ORDER_FLAG_TRIGGER | HR_ORDER_FLAG_TWAP;
    uint32_t next = order->owner_next;
    if (!(order->attributes & HR_ORDER_FLAG_LINKED) || (order->attributes & conditional))
        return next;
    const struct hr_condition *parent = hr_condition_at(c, (uint32_t)order->client_id[0]);
    while (next && (next == parent->link_a || next == parent->link_b))
        next = hr_order_at(c, next)->owner_next;
    return next;
}

/* Walks the owner's list from `slot`, cancelling the orders of `market` (or all), at most *steps of
 * them. Out: steps that are left. Returns: where the walk goes on, or 0. */
static uint32_t hr_cancel_walk(struct hr_core *c, uint32_t slot, uint32_t market, uint32_t reason,
                               uint32_t *steps) {
    for (; slot && *steps; --*steps) {
        const struct hr_order *order = hr_order_at(c, slot);
        const uint32_t next = hr_next_visit(c, order);
        if (market == HR_ALL_MARKETS || hr_market_of_order(order->order_id) == market)
            hr_order_cancel(c, slot, reason, false);
        slot = next;
    }
    return slot;
}

/* Keeps a walk in the header until CONTINUE, which goes on at `slot`. */
static void hr_cancel_park(struct hr_header *h, uint32_t account, uint32_t slot, uint32_t market,
                           uint32_t reason) {
    h->cont_kind = HR_CONTINUATION_CANCEL_ALL;
    h->cont_account = account;
    h->cont_cursor = slot;
    h->cont_reason = reason;
    h->cont_market_filter = market;
}

/* A walk whose rest goes to the header's continuation. Returns: the steps that are left. */
static uint32_t hr_cancel_list(struct hr_core *c, uint32_t account, uint32_t slot, uint32_t market,
                               uint32_t reason, uint32_t steps) {
    slot = hr_cancel_walk(c, slot, market, reason, &steps);
    if (slot == 0) return steps;
    hr_cancel_park(c->header, account, slot, market, reason);
    hr_emit(c, HR_EVENT_KIND_CONTINUED, 0, account, HR_CONTINUATION_CANCEL_ALL, 0, 0, 0, 0, 0);
    return 0;
}

static int hr_op_cancel_all(struct hr_core *c, const struct hr_op *op) {
    if (op->flags || !hr_tail_is_zero(op, 0)) return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (op->market != HR_ALL_MARKETS &&
        (op->market >= HR_MAX_MARKETS || hr_market_at(c, op->market)->kind == 0))
        return HR_E_UNKNOWN_MARKET;
    hr_cancel_list(c, op->account, hr_account_at(c, op->account)->order_head, op->market,
                   HR_REASON_USER, HR_MAX_STEPS);
    return HR_E_OK;
}

static int hr_op_schedule_cancel(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_schedule_cancel *p = &op->schedule_cancel;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_schedule_cancel, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    struct hr_account *a = hr_account_at(c, op->account);
    if (p->at_s) {
        if (p->at_s < c->header->now_s + HR_DEADMAN_MIN_S) return HR_E_SCHEDULE_TOO_SOON;
        if (!a->deadman_s && c->header->duty_count == HR_DUTY_CAPACITY) return HR_E_DUTY_QUEUE_FULL;
    }
    if (a->deadman_s) hr_duty_remove(c, HR_DUTY_KIND_DEADMAN, op->account);
    if (p->at_s) hr_duty_push(c, p->at_s, HR_DUTY_KIND_DEADMAN, op->account);
    a->deadman_s = p->at_s;
    hr_touch_account(c, op->account);
    hr_emit(c, HR_EVENT_KIND_CANCEL_SCHEDULED, 0, op->account, p->at_s, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
