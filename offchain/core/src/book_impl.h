/* The book and the trigger lists: slots, price levels (sorted, doubly linked), orders in a level
 * (FIFO) and the owner's list of orders. The head of a side is its best price by induction: each
 * insertion is checked against its two neighbours. */
#ifndef HEADRACE_BOOK_IMPL_H
#define HEADRACE_BOOK_IMPL_H

#include "hints_impl.h"

static inline uint32_t hr_market_of_order(uint64_t order_id) {
    return (uint32_t)order_id & (HR_MAX_MARKETS - 1);
}
static inline uint32_t hr_side_of(const struct hr_order *order) {
    return order->attributes & HR_ORDER_FLAG_IS_ASK;
}

/* Does a taker of `side` with this limit trade against a level at `price`? */
static inline bool hr_crosses(uint32_t side, uint32_t limit, uint32_t price) {
    return side == HR_ASK ? price >= limit : price <= limit;
}
/* Does price a stand before price b on `side`, or in this trigger list? */
static inline bool hr_is_better(uint32_t side, uint32_t a, uint32_t b) {
    return side & 1 ? a < b : a > b;
}

/* --- slots ---------------------------------------------------------------------------------- */

static inline bool hr_order_slot_is_left(const struct hr_header *h) {
    return h->order_free_head != 0 || h->orders_used < HR_ORDER_CAPACITY - 1;
}
static inline bool hr_level_slot_is_left(const struct hr_header *h) {
    return h->level_free_head != 0 || h->levels_used < HR_LEVEL_CAPACITY - 1;
}

HR_HOT uint32_t hr_order_slot_take(struct hr_core *c) {
    struct hr_header *h = c->header;
    if (h->order_free_head == 0) return (uint32_t)++h->orders_used;
    const uint32_t slot = (uint32_t)h->order_free_head;
    h->order_free_head = hr_order_at(c, slot)->next;
    return slot;
}

static uint32_t hr_level_slot_take(struct hr_core *c) {
    struct hr_header *h = c->header;
    if (h->level_free_head == 0) return (uint32_t)++h->levels_used;
    const uint32_t slot = (uint32_t)h->level_free_head;
    h->level_free_head = hr_level_at(c, slot)->next;
    return slot;
}

/* --- levels --------------------------------------------------------------------------------- */

/* `side` is one of the HR_LEVEL_LISTS here; wherever a book is meant, HR_BID or HR_ASK. */

/* Where the first level of a list stands. */
static inline uint32_t *hr_level_head(struct hr_core *c, uint32_t market, uint32_t side) {
    return side < HR_TRIGGER_LISTS
               ? &hr_market_at(c, market)->best[side]
               : &hr_market_risk_at(c, market)->trigger_heads[side - HR_TRIGGER_LISTS];
}
static inline void hr_level_head_set(struct hr_core *c, uint32_t market, uint32_t side,
                                     uint32_t slot) {
    *hr_level_head(c, market, side) = slot;
    if (side < HR_TRIGGER_LISTS)
        hr_touch_leaf(c, HR_SUBTREE_MARKETS, market);
    else
        hr_touch_market_risk(c, market);
}

/* Is this a live level of market and side? (Free, null and unused ones count no orders.) */
HR_HOT bool hr_level_belongs(const struct hr_level *level, uint32_t market, uint32_t side) {
    const uint32_t count = hr_level_count(level->tag);
    return count != 0 && level->tag - count == hr_level_tag(market, side);
}

/* Links a new, still empty level behind `better` (0: as the best). */
HR_COLD uint32_t hr_level_insert(struct hr_core *c, uint32_t market, uint32_t side, uint32_t price,
                                 uint32_t better) {
    const uint32_t worse = better ? hr_level_at(c, better)->next : *hr_level_head(c, market, side);
    const uint32_t slot = hr_level_slot_take(c);
    *hr_level_at(c, slot) = (struct hr_level){
        .price = price, .next = worse, .prev = better, .tag = hr_level_tag(market, side)};
    hr_touch_level(c, slot);
    if (worse) {
        hr_level_at(c, worse)->prev = slot;
        hr_touch_level(c, worse);
    }
    if (better) {
        hr_level_at(c, better)->next = slot;
        hr_touch_level(c, better);
    } else {
        hr_level_head_set(c, market, side, slot);
    }
    HR_INDEX(hr_index_level_added(c->index, market, side, price, slot));
    return slot;
}

/* Finds the level of a price in the list that begins with `best`, or makes it. The hint names the
 * level itself or its better neighbour (0: none); a hint that does neither is a trap. */
HR_HOT uint32_t hr_level_for(struct hr_core *c, uint32_t market, uint32_t side, uint32_t best,
                             uint32_t price) {
    const uint32_t hint =
        HR_HINT(c, hr_index_level_hint(c, market, side, best, price)) & (HR_LEVEL_CAPACITY - 1);
    uint32_t worse = best;
    if (hint != 0) {
        const struct hr_level *near = hr_level_at(c, hint);
        if (!hr_level_belongs(near, market, side)) {
            hr_trap(c);
            return 0;
        }
        if (near->price == price) return hint;
        if (!hr_is_better(side, near->price, price)) {
            hr_trap(c);
            return 0;
        }
        worse = near->next;
    }
    if (worse != 0 && !hr_is_better(side, price, hr_level_at(c, worse)->price)) {
        hr_trap(c);
        return 0;
    }
    return hr_level_insert(c, market, side, price, hint);
}

HR_COLD void hr_level_remove(struct hr_core *c, uint32_t slot) {
    struct hr_level *level = hr_level_at(c, slot);
    const uint32_t market = (level->tag >> 20) & (HR_MAX_MARKETS - 1), side = level->tag >> 30;
    HR_INDEX(hr_index_level_removed(c->index, market, side, level->price));
    if (level->next) {
        hr_level_at(c, level->next)->prev = level->prev;
        hr_touch_level(c, level->next);
    }
    if (level->prev) {
        hr_level_at(c, level->prev)->next = level->next;
        hr_touch_level(c, level->prev);
    } else {
        hr_level_head_set(c, market, side, level->next);
    }
    *level = (struct hr_level){.next = (uint32_t)c->header->level_free_head};
    c->header->level_free_head = slot;
    hr_touch_level(c, slot);
}

/* --- orders --------------------------------------------------------------------------------- */

/* Links are written without asking whether the neighbour exists (a branch that cannot be foreseen):
 * where it does not, the null record in slot 0 takes the value and is zeroed again. */

/* Appends the order in `slot` (all but its links set) to its level and to its owner's list. */
HR_HOT void hr_order_link(struct hr_core *c, uint32_t slot, struct hr_order *order,
                          struct hr_account *owner) {
    struct hr_order *null_record = hr_order_at(c, 0);
    struct hr_level *level = hr_level_at(c, order->level);
    const uint32_t tail = level->tail, owner_next = owner->order_head;
    order->prev = tail;
    order->owner_next = owner_next;
    hr_order_at(c, tail)->next = slot;
    hr_order_at(c, owner_next)->owner_prev = slot;
    null_record->next = 0;
    null_record->owner_prev = 0;
    hr_touch_order(c, tail);
    hr_touch_order(c, owner_next);
    hr_touch_order(c, slot);
    level->head = hr_select_u32(tail != 0, level->head, slot);
    level->tail = slot;
    level->tag++;
    level->total_lots += order->remaining_lots;
    hr_touch_level(c, order->level);
    owner->order_head = slot;
    owner->order_count++;
    hr_touch_account_at(c, order->owner, owner);
}

/* Unlinks the order from level and owner, removes an emptied level, frees the slot.
 * Locks, open lots and the duty entry are the caller's. */
HR_HOT void hr_order_unlink(struct hr_core *c, uint32_t slot, struct hr_order *order,
                            struct hr_account *owner) {
    struct hr_order *null_record = hr_order_at(c, 0);
    const uint32_t next = order->next, prev = order->prev, level_slot = order->level;
    const uint32_t owner_next = order->owner_next, owner_prev = order->owner_prev;
    struct hr_level *level = hr_level_at(c, level_slot);
    level->total_lots -= order->remaining_lots;
    hr_touch_account_at(c, order->owner, owner);
    *order = (struct hr_order){.next = (uint32_t)c->header->order_free_head};
    c->header->order_free_head = slot;

    hr_order_at(c, next)->prev = prev;
    hr_order_at(c, prev)->next = next;
    hr_order_at(c, owner_next)->owner_prev = owner_prev;
    hr_order_at(c, owner_prev)->owner_next = owner_next;
    null_record->prev = 0;
    null_record->next = 0;
    null_record->owner_prev = 0;
    null_record->owner_next = 0;
    hr_touch_order(c, slot);
    hr_touch_order(c, next);
    hr_touch_order(c, prev);
    hr_touch_order(c, owner_next);
    hr_touch_order(c, owner_prev);
    level->tail = hr_select_u32(next != 0, level->tail, prev);
    level->head = hr_select_u32(prev != 0, level->head, next);
    owner->order_head = hr_select_u32(owner_prev != 0, owner->order_head, owner_next);
    owner->order_count--;
    hr_touch_level(c, level_slot);
    if (hr_level_count(--level->tag) == 0) hr_level_remove(c, level_slot);
}

/* Takes lots off a resting order that stays in the book. */
HR_HOT void hr_order_shrink(struct hr_core *c, uint32_t slot, uint64_t lots) {
    struct hr_order *order = hr_order_at(c, slot);
    order->remaining_lots -= lots;
    hr_level_at(c, order->level)->total_lots -= lots;
    hr_touch_order(c, slot);
    hr_touch_level(c, order->level);
}

/* Is this the open order `order_id` of `account` and market? The slot's stored order id decides; a
 * free, null or unused slot stores 0. A slot out of range is no order. */
HR_HOT bool hr_order_is(struct hr_core *c, uint32_t slot, uint64_t order_id, uint32_t account,
                        uint32_t market) {
    const struct hr_order *order = hr_order_at(c, slot & (HR_ORDER_CAPACITY - 1));
    return order_id != 0 && order->order_id == order_id && order->owner == account &&
           slot < HR_ORDER_CAPACITY && hr_market_of_order(order_id) == market;
}

/* The client id of an order, which has a LINKED one in its condition. */
static inline const uint64_t *hr_client_id_of(struct hr_core *c, const struct hr_order *order) {
    return order->attributes & HR_ORDER_FLAG_LINKED
               ? hr_condition_at(c, (uint32_t)order->client_id[0])->client_id
               : order->client_id;
}

static inline bool hr_has_client_id(struct hr_core *c, const struct hr_order *order,
                                    const uint64_t client_id[2]) {
    const uint64_t *own = hr_client_id_of(c, order);
    return own[0] == client_id[0] && own[1] == client_id[1];
}

/* Walks the owner's list for a client id; 0 when there is none. */
static uint32_t hr_order_with_client_id(struct hr_core *c, uint32_t account,
                                        const uint64_t client_id[2]) {
    uint32_t slot = hr_account_at(c, account)->order_head;
    while (slot && !hr_has_client_id(c, hr_order_at(c, slot), client_id))
        slot = hr_order_at(c, slot)->owner_next;
    return slot;
}

#endif
