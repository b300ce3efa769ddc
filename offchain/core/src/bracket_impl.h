/* Brackets: a PLACE that brings a take-profit, a stop or both along.
 * docs/spec/conditional-orders.md section 2. */
#ifndef HEADRACE_BRACKET_IMPL_H
#define HEADRACE_BRACKET_IMPL_H

#include "headrace/ops.h"
#include "match_impl.h"

static inline uint32_t hr_bracket_legs(const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    return op->flags & HR_PLACE_FLAG_BRACKET ? (p->take_profit != 0) + (p->stop != 0) : 0;
}

static bool hr_bracket_is_malformed(const struct hr_op_place *p) {
    return p->zero_gap || (p->take_profit_limit && !p->take_profit) || (p->stop_limit && !p->stop);
}

/* Attributes of an order but for its flags, and whether it pays the fee of the API. */
static inline uint32_t hr_terms_of_fees(uint32_t attributes) {
    return attributes & ~(0xFFu & ~(uint32_t)HR_ORDER_FLAG_API_FEE);
}

/* A new order that rests in no book, at the head of its owner's list, with its condition.
 * Returns: its slot. */
static uint32_t hr_conditional_open(struct hr_core *c, const struct hr_order *order,
                                    const struct hr_condition *condition) {
    const uint32_t slot = hr_order_slot_take(c), condition_slot = hr_order_slot_take(c);
    *hr_order_at(c, slot) = *order;
    hr_order_at(c, slot)->client_id[0] = condition_slot;
    *hr_condition_at(c, condition_slot) = *condition;
    hr_touch_order(c, condition_slot);
    hr_owner_list_enter(c, slot);
    return slot;
}

static inline uint64_t hr_order_id_take(struct hr_core *c, uint32_t market) {
    return c->header->next_order_sequence++ << HR_MARKET_BITS | market;
}

/* A child of the order `taker`, asleep. Returns: its slot, or 0 when it is not asked for. */
static uint32_t hr_child_open(struct hr_core *c, const struct hr_taker *taker, uint32_t trigger,
                              uint32_t limit_price, uint32_t terms, uint32_t parent) {
    if (trigger == 0) return 0;
    const struct hr_order order = {
        .owner = taker->account,
        .order_id = hr_order_id_take(c, taker->market),
        .attributes = hr_terms_of_fees(taker->attributes) | !taker->side |
                      HR_ORDER_FLAG_REDUCE_ONLY | HR_ORDER_FLAG_LINKED | HR_ORDER_FLAG_TRIGGER,
    };
    const struct hr_condition condition = {
        .owner = taker->account,
        .limit_price = limit_price,
        .link_b = parent,
        .lots = trigger, /* until it wakes */
        .terms = terms,
    };
    return hr_conditional_open(c, &order, &condition);
}

/* Points two legs at each other; either may be 0. */
static void hr_legs_link(struct hr_core *c, uint32_t a, uint32_t b) {
    if (a == 0 || b == 0) return;
    hr_condition_at(c, (uint32_t)hr_order_at(c, a)->client_id[0])->link_a = b;
    hr_condition_at(c, (uint32_t)hr_order_at(c, b)->client_id[0])->link_a = a;
}

/* Makes the condition and the children of a bracket whose order is about to run. */
HR_COLD void hr_bracket_open(struct hr_core *c, const struct hr_op_place *p,
                             struct hr_taker *taker) {
    const uint32_t parent = hr_order_slot_take(c);
    const uint32_t terms = taker->self_trade | (uint32_t)taker->by_master << 8;
    const uint32_t take_profit =
        hr_child_open(c, taker, p->take_profit, p->take_profit_limit, terms, parent);
    const uint32_t stop = hr_child_open(c, taker, p->stop, p->stop_limit, terms, parent);
    hr_legs_link(c, take_profit, stop);
    *hr_condition_at(c, parent) = (struct hr_condition){
        .owner = taker->account,
        .link_a = take_profit,
        .link_b = stop,
        .client_id = {taker->client_id[0], taker->client_id[1]},
        .terms = terms,
    };
    hr_touch_order(c, parent);
    taker->attributes |= HR_ORDER_FLAG_LINKED;
    taker->client_id[0] = parent;
    taker->client_id[1] = 0;
}

#endif
