/* LINKED orders: how triggers, TWAPs and brackets stand in the lists, and how they leave them.
 * docs/spec/conditional-orders.md. */
#ifndef HEADRACE_LINKED_IMPL_H
#define HEADRACE_LINKED_IMPL_H

#include "duties_impl.h"
#include "margin_impl.h"

/* --- lists ---------------------------------------------------------------------------------- */

static void hr_order_slot_free(struct hr_core *c, uint32_t slot) {
    *hr_order_at(c, slot) = (struct hr_order){.next = (uint32_t)c->header->order_free_head};
    c->header->order_free_head = slot;
    hr_touch_order(c, slot);
}

/* Puts an order at the head of its owner's list. */
static void hr_owner_list_enter(struct hr_core *c, uint32_t slot) {
    struct hr_order *order = hr_order_at(c, slot);
    struct hr_account *owner = hr_account_at(c, order->owner);
    order->owner_next = owner->order_head;
    order->owner_prev = 0;
    if (owner->order_head) {
        hr_order_at(c, owner->order_head)->owner_prev = slot;
        hr_touch_order(c, owner->order_head);
    }
    owner->order_head = slot;
    owner->order_count++;
    hr_touch_order(c, slot);
    hr_touch_account(c, order->owner);
}

static void hr_owner_list_leave(struct hr_core *c, const struct hr_order *order) {
    struct hr_account *owner = hr_account_at(c, order->owner);
    if (order->owner_next) {
        hr_order_at(c, order->owner_next)->owner_prev = order->owner_prev;
        hr_touch_order(c, order->owner_next);
    }
    if (order->owner_prev) {
        hr_order_at(c, order->owner_prev)->owner_next = order->owner_next;
        hr_touch_order(c, order->owner_prev);
    } else {
        owner->order_head = order->owner_next;
    }
    owner->order_count--;
    hr_touch_account(c, order->owner);
}

/* Puts a trigger at the tail of its price in the list `list` (HR_BELOW or HR_ABOVE) of its market.
 */
static void hr_trigger_list_enter(struct hr_core *c, uint32_t slot, uint32_t list, uint32_t price) {
    struct hr_order *order = hr_order_at(c, slot);
    const uint32_t market = hr_market_of_order(order->order_id), side = HR_TRIGGER_LISTS + list;
    HR_INDEX(hr_index_trigger_list(c->index, market, side));
    order->level = hr_level_for(c, market, side, *hr_level_head(c, market, side), price);
    if (c->trapped) return;
    struct hr_level *level = hr_level_at(c, order->level);
    order->prev = level->tail;
    order->next = 0;
    if (level->tail) {
        hr_order_at(c, level->tail)->next = slot;
        hr_touch_order(c, level->tail);
    } else {
        level->head = slot;
    }
    level->tail = slot;
    level->tag++;
    level->total_lots += order->remaining_lots;
    hr_touch_level(c, order->level);
    hr_touch_order(c, slot);
}

/* Takes a trigger out of its list, where it is in one; an emptied level is freed. */
static void hr_trigger_list_leave(struct hr_core *c, struct hr_order *order) {
    const uint32_t slot = order->level;
    if (slot == 0) return;
    struct hr_level *level = hr_level_at(c, slot);
    if (order->next) {
        hr_order_at(c, order->next)->prev = order->prev;
        hr_touch_order(c, order->next);
    } else {
        level->tail = order->prev;
    }
    if (order->prev) {
        hr_order_at(c, order->prev)->next = order->next;
        hr_touch_order(c, order->prev);
    } else {
        level->head = order->next;
    }
    level->total_lots -= order->remaining_lots;
    hr_touch_level(c, slot);
    if (hr_level_count(--level->tag) == 0) hr_level_remove(c, slot);
}

/* --- what is met ---------------------------------------------------------------------------- */

/* Does a trigger of a list at `price` fire at this mark? */
static inline bool hr_trigger_is_met(uint32_t list, uint32_t price, uint32_t mark) {
    return list == HR_BELOW ? price >= mark : price <= mark;
}

/* The next trigger of a market to fire now, or 0. */
static uint32_t hr_trigger_next(struct hr_core *c, uint32_t market) {
    const struct hr_market_risk *risk = hr_market_risk_at(c, market);
    if ((risk->trigger_heads[HR_BELOW] | risk->trigger_heads[HR_ABOVE]) == 0 ||
        hr_market_at(c, market)->status != HR_MARKET_STATUS_OPEN || !hr_mark_is_fresh(c, risk) ||
        hr_is_post_only(c, risk))
        return 0;
    for (uint32_t list = HR_BELOW; list <= HR_ABOVE; list++) {
        const struct hr_level *head = hr_level_at(c, risk->trigger_heads[list]);
        if (risk->trigger_heads[list] && hr_trigger_is_met(list, head->price, risk->mark_price))
            return head->head;
    }
    return 0;
}

/* --- leaving -------------------------------------------------------------------------------- */

/* Clears what points to the order in `slot`: the link of the other leg, and the sleeping parent's.
 */
static void hr_links_clear(struct hr_core *c, uint32_t slot, const struct hr_condition *condition) {
    if (condition->link_a) {
        const uint32_t other = (uint32_t)hr_order_at(c, condition->link_a)->client_id[0];
        hr_condition_at(c, other)->link_a = 0;
        hr_touch_order(c, other);
    }
    if (condition->link_b == 0) return;
    struct hr_condition *parent = hr_condition_at(c, condition->link_b);
    if (parent->link_a == slot)
        parent->link_a = 0;
    else
        parent->link_b = 0;
    hr_touch_order(c, condition->link_b);
}

/* Takes a trigger or TWAP out of heap and lists and frees both its records. `popped` is the kind of
 * the duty that has left the heap already, or 0. */
static void hr_conditional_remove(struct hr_core *c, uint32_t slot, uint32_t popped) {
    struct hr_order *order = hr_order_at(c, slot);
    const uint32_t condition_slot = (uint32_t)order->client_id[0];
    const struct hr_condition condition = *hr_condition_at(c, condition_slot);
    const bool is_trigger = order->attributes & HR_ORDER_FLAG_TRIGGER;
    if (order->expiry_s && popped != HR_DUTY_KIND_EXPIRY)
        hr_duty_remove(c, HR_DUTY_KIND_EXPIRY, slot);
    if (is_trigger && condition.trail) hr_duty_remove(c, HR_DUTY_KIND_TRAIL, slot);
    if (!is_trigger && popped != HR_DUTY_KIND_TWAP) hr_duty_remove(c, HR_DUTY_KIND_TWAP, slot);
    hr_trigger_list_leave(c, order);
    hr_owner_list_leave(c, order);
    hr_order_slot_free(c, slot);
    hr_order_slot_free(c, condition_slot);
    if (is_trigger) hr_links_clear(c, slot, &condition);
}

HR_COLD void hr_conditional_cancel(struct hr_core *c, uint32_t slot, uint32_t reason, bool due) {
    const struct hr_order *order = hr_order_at(c, slot);
    const uint64_t *client_id = hr_client_id_of(c, order);
    hr_emit(c, HR_EVENT_KIND_CANCELLED, hr_market_of_order(order->order_id), order->owner,
            (int64_t)order->order_id, slot, (int64_t)order->remaining_lots, reason,
            (int64_t)client_id[0], (int64_t)client_id[1]);
    hr_conditional_remove(c, slot, due ? HR_DUTY_KIND_EXPIRY : 0);
}

/* --- brackets ------------------------------------------------------------------------------- */

static void hr_emit_trigger_placed(struct hr_core *c, uint32_t slot) {
    const struct hr_order *order = hr_order_at(c, slot);
    const struct hr_condition *condition = hr_condition_at(c, (uint32_t)order->client_id[0]);
    hr_emit(c, HR_EVENT_KIND_TRIGGER_PLACED, hr_market_of_order(order->order_id), order->owner,
            (int64_t)order->order_id, slot, hr_level_at(c, order->level)->price,
            condition->limit_price, (int64_t)order->remaining_lots, condition->trail);
}

/* Puts a sleeping child into its list, for what its parent has traded. */
static void hr_child_wake(struct hr_core *c, uint32_t slot, uint32_t list, uint64_t lots) {
    struct hr_order *order = hr_order_at(c, slot);
    const uint32_t condition_slot = (uint32_t)order->client_id[0];
    struct hr_condition *condition = hr_condition_at(c, condition_slot);
    if (!hr_level_slot_is_left(c->header)) {
        hr_conditional_cancel(c, slot, HR_REASON_LIMIT, false);
        return;
    }
    const uint32_t price = (uint32_t)condition->lots; /* where a sleeping trigger keeps it */
    condition->lots = 0;
    condition->link_b = 0;
    hr_touch_order(c, condition_slot);
    order->remaining_lots = lots;
    hr_trigger_list_enter(c, slot, list, price);
    hr_emit_trigger_placed(c, slot);
}

/* A parent has ended by trading `lots`: its children start to watch the mark. */
HR_COLD void hr_bracket_wake(struct hr_core *c, uint32_t condition_slot, uint32_t market,
                             uint32_t parent_side, uint64_t lots) {
    const struct hr_condition parent = *hr_condition_at(c, condition_slot);
    const uint32_t better = parent_side == HR_BID ? HR_ABOVE : HR_BELOW; /* where profit is */
    if (parent.link_a) hr_child_wake(c, parent.link_a, better, lots);
    if (parent.link_b) hr_child_wake(c, parent.link_b, !better, lots);
    hr_order_slot_free(c, condition_slot);
    if (hr_trigger_next(c, market)) c->header->trigger_market = market + 1;
}

/* A parent has ended in another way: its children go with it. */
HR_COLD void hr_bracket_drop(struct hr_core *c, uint32_t condition_slot) {
    const struct hr_condition parent = *hr_condition_at(c, condition_slot);
    if (parent.link_a) hr_conditional_cancel(c, parent.link_a, HR_REASON_LINKED, false);
    if (parent.link_b) hr_conditional_cancel(c, parent.link_b, HR_REASON_LINKED, false);
    hr_order_slot_free(c, condition_slot);
}

#endif
