/* PLACE and MODIFY: all checks first, then the order executes. */
#ifndef HEADRACE_ORDERS_IMPL_H
#define HEADRACE_ORDERS_IMPL_H

#include "headrace/field.h"
#include "bracket_impl.h"

/* Are the bytes of an op's body from `used` on zero? Word by word: `used` is a constant. */
static inline __attribute__((always_inline)) bool hr_tail_is_zero(const struct hr_op *op,
                                                                  uint32_t used) {
    uint64_t any = 0;
    for (uint32_t w = used / 8; w < sizeof op->body / 8; w++)
        any |= w == used / 8 ? op->body_words[w] >> (used % 8 * 8) : op->body_words[w];
    return any == 0;
}

static inline int hr_check_account(struct hr_core *c, uint32_t account) {
    return hr_account_exists(c, account) ? HR_E_OK : HR_E_UNKNOWN_ACCOUNT;
}

HR_HOT int hr_check_open_market(struct hr_core *c, uint32_t market) {
    if (market >= HR_MAX_MARKETS) return HR_E_UNKNOWN_MARKET;
    const struct hr_market *m = hr_market_at(c, market);
    if (m->status == HR_MARKET_STATUS_OPEN) return HR_E_OK;
    return m->kind == 0 ? HR_E_UNKNOWN_MARKET : HR_E_MARKET_NOT_OPEN;
}

HR_HOT int hr_check_size(const struct hr_market *m, uint64_t size_lots) {
    if (size_lots == 0 || size_lots >= HR_SIZE_LIMIT) return HR_E_INVALID_SIZE;
    return size_lots < m->min_size_lots ? HR_E_SIZE_BELOW_MINIMUM : HR_E_OK;
}

/* Significant figures: trailing zeros do not count, integer prices are always allowed. */
HR_COLD bool hr_has_too_many_figures(const struct hr_market *m, uint32_t price) {
    const uint32_t decimals =
        (m->kind == HR_MARKET_KIND_PERP ? HR_PERP_PRICE_DECIMALS : HR_SPOT_PRICE_DECIMALS) -
        m->sz_decimals;
    uint32_t unit = 1, figures = 0;
    for (uint32_t i = 0; i < decimals; i++) unit *= 10;
    if (price % unit == 0) return false;
    while (price % 10 == 0) price /= 10;
    for (; price; price /= 10) figures++;
    return figures > m->max_significant_figures;
}

HR_HOT int hr_check_price(const struct hr_market *m, uint32_t price) {
    if (price == 0 || price > HR_PRICE_MAX) return HR_E_INVALID_PRICE;
    if (m->tick > 1 && price % m->tick) return HR_E_PRICE_NOT_ON_TICK;
    if (m->max_significant_figures && hr_has_too_many_figures(m, price))
        return HR_E_TOO_MANY_SIGNIFICANT_FIGURES;
    return HR_E_OK;
}

/* Up to four prices of one op; those that are 0 are not given. */
HR_COLD int hr_check_prices(const struct hr_market *m, const uint32_t prices[4]) {
    int e = HR_E_OK;
    for (uint32_t i = 0; i < 4 && !e; i++)
        if (prices[i]) e = hr_check_price(m, prices[i]);
    return e;
}

/* Limit of a market order: the best opposite price moved by the slippage bound. */
HR_COLD int hr_slippage_limit(struct hr_core *c, const struct hr_market *m, uint32_t side,
                              uint32_t slippage_ppm, uint32_t *limit) {
    if (slippage_ppm > HR_MAX_SLIPPAGE_PPM) return HR_E_INVALID_SLIPPAGE;
    if (m->best[!side] == 0) return HR_E_NO_LIQUIDITY;
    const uint64_t best = hr_level_at(c, m->best[!side])->price;
    const uint64_t moved = best * slippage_ppm / HR_PPM;
    const uint64_t up = best + moved > HR_PRICE_MAX ? HR_PRICE_MAX : best + moved;
    *limit = (uint32_t)(side == HR_ASK ? best - moved : up);
    return HR_E_OK;
}

/* Notional bound, and the units that a spot order of this size locks (0 for a perpetual). */
HR_HOT int hr_lock_of(const struct hr_market *m, const bool is_perp, uint32_t side, uint32_t price,
                      uint32_t builder_fee, uint64_t size_lots, uint64_t *lock) {
    if (is_perp) {
        *lock = 0;
        return hr_mul_bounded(size_lots, (uint64_t)price * HR_PERP_QUOTE_MULTIPLIER) == UINT64_MAX
                   ? HR_E_NOTIONAL_TOO_LARGE
                   : HR_E_OK;
    }
    /* A bid locks at least its notional, an ask may lock less: the larger of the two is bounded. */
    const uint64_t units = m->base_units_per_lot, bid_lock = hr_lock_per_lot(price, builder_fee);
    const uint64_t per_lot = hr_select(side == HR_ASK, units, bid_lock);
    const uint64_t larger = per_lot > price ? per_lot : price;
    *lock = size_lots * per_lot;
    return hr_mul_bounded(size_lots, larger) == UINT64_MAX ? HR_E_NOTIONAL_TOO_LARGE : HR_E_OK;
}

HR_COLD int hr_check_builder(struct hr_core *c, const struct hr_market *m, uint32_t account,
                             uint32_t builder, uint32_t builder_fee) {
    if (builder > c->header->builder_count) return HR_E_UNKNOWN_BUILDER;
    if (builder_fee >
        (m->kind == HR_MARKET_KIND_PERP ? HR_MAX_BUILDER_FEE_PERP : HR_MAX_BUILDER_FEE_SPOT))
        return HR_E_BUILDER_FEE_TOO_HIGH;
    const struct hr_account *master = hr_account_at(c, hr_master_of(account));
    for (uint32_t k = 0; k < HR_APPROVALS_PER_ACCOUNT; k++)
        if ((master->approvals[k] & 0xFFFFu) == builder &&
            master->approvals[k] >> 16 >= builder_fee)
            return HR_E_OK;
    return HR_E_BUILDER_FEE_NOT_APPROVED;
}

HR_HOT bool hr_would_cross(struct hr_core *c, const struct hr_market *m, uint32_t side,
                           uint32_t limit) {
    const uint32_t best = m->best[!side];
    return best != 0 && hr_crosses(side, limit, hr_level_at(c, best)->price);
}

HR_COLD int hr_check_perp_room(struct hr_core *c, uint32_t account, uint32_t market, uint32_t side,
                               bool reduce_only) {
    if (hr_position_find(c, account, market) == HR_POSITIONS_PER_ACCOUNT &&
        hr_account_at(c, account)->positions_used == HR_POSITIONS_PER_ACCOUNT)
        return HR_E_POSITIONS_FULL;
    if (reduce_only && hr_reducible_lots(c, account, market, side) == 0)
        return HR_E_REDUCE_ONLY_WOULD_INCREASE;
    return HR_E_OK;
}

/* Can the account pay `lock` of what a spot order gives, and hold what it gets? `base` is its
 * balance slot of the base asset; `held` is what an order that is about to be replaced gives back.
 */
HR_HOT int hr_check_spot_funds(const struct hr_account *a, uint32_t base, uint32_t side,
                               uint64_t lock, uint64_t held) {
    if (__builtin_expect(base == HR_NO_SLOT, 0)) {
        if (side == HR_ASK) return HR_E_INSUFFICIENT_BALANCE;
        base = 0;
    }
    const struct hr_balance *paid = &a->balances[side == HR_ASK ? base : 0];
    if (hr_unbias(paid->free_biased) + (int64_t)held < (int64_t)lock)
        return HR_E_INSUFFICIENT_BALANCE;
    return HR_E_OK;
}

/* After hr_check_spot_funds: is there room for the base asset? */
HR_HOT int hr_check_spot_room(const struct hr_account *a, uint32_t base) {
    return __builtin_expect(base == HR_NO_SLOT, 0) && hr_balance_slot_free(a) == HR_NO_SLOT
               ? HR_E_BALANCES_FULL
               : HR_E_OK;
}

/* Locks what a spot order may need; opens its base balance where absent. hr_order_run touches the
 * account. */
HR_HOT void hr_spot_lock(const struct hr_market *m, struct hr_account *owner, uint32_t base,
                         uint32_t side, uint64_t lock) {
    if (__builtin_expect(base == HR_NO_SLOT, 0)) {
        base = hr_balance_slot_free(owner);
        hr_balance_slot_open(owner, base, m->base_asset);
    }
    hr_balance_lock(&owner->balances[side == HR_ASK ? base : 0], lock);
}

HR_HOT bool hr_may_rest(uint32_t tif) {
    return tif == HR_TIME_IN_FORCE_GTC || tif == HR_TIME_IN_FORCE_POST_ONLY;
}

/* Runs an order whose funds are locked. One that meets nothing goes straight to the book, which is
 * what matching would find. */
HR_HOT void hr_order_run(struct hr_core *c, const struct hr_market *m, struct hr_taker taker,
                         const bool is_perp) {
    if (hr_may_rest(taker.tif) && !hr_would_cross(c, m, taker.side, taker.limit_price)) {
        c->has_taker = false;
        hr_rest(c, &taker, is_perp);
    } else {
        struct hr_taker copy = taker; /* the other path keeps its fields in registers */
        hr_touch_account(c, taker.account);
        hr_execute(c, &copy);
    }
}

/* A limit order GTC without any option, as most are: the checks of options can be skipped. */
HR_HOT bool hr_place_is_plain(const struct hr_op *op) {
    const uint64_t tif_builder_mask = 0xFFFFFCFF; /* tif 0, self_trade 0..3, builder 0 */
    const uint64_t *w = op->body_words;
    return ((op->flags & ~(uint32_t)HR_PLACE_FLAG_IS_ASK) | (w[0] & tif_builder_mask) | w[2] |
            w[3] | w[4] | w[5] | w[6]) == 0;
}

HR_COLD bool hr_place_is_malformed(const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    const uint32_t known = HR_PLACE_FLAG_IS_ASK | HR_PLACE_FLAG_REDUCE_ONLY |
                           HR_PLACE_FLAG_IS_MARKET | HR_PLACE_FLAG_SELF_TRADE_BY_MASTER |
                           HR_PLACE_FLAG_BRACKET;
    return (op->flags & ~known) || p->tif > HR_TIME_IN_FORCE_POST_ONLY ||
           p->self_trade > HR_SELF_TRADE_REDUCE || p->builder >= HR_MAX_BUILDERS ||
           (p->builder == 0 && p->builder_fee) ||
           (op->flags & HR_PLACE_FLAG_BRACKET
                ? hr_bracket_is_malformed(p)
                : !hr_tail_is_zero(op, offsetof(struct hr_op_place, zero_gap))) ||
           ((op->flags & HR_PLACE_FLAG_IS_MARKET) && hr_may_rest(p->tif));
}

/* Checks 4 and 5 of PLACE: reduce-only and expiry. */
HR_COLD int hr_check_place_options(struct hr_core *c, const struct hr_market *m,
                                   const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    if ((op->flags & HR_PLACE_FLAG_REDUCE_ONLY) && m->kind == HR_MARKET_KIND_SPOT)
        return HR_E_REDUCE_ONLY_ON_SPOT;
    if (p->expiry_s == 0) return HR_E_OK;
    if (!hr_may_rest(p->tif)) return HR_E_EXPIRY_NOT_ALLOWED;
    return p->expiry_s <= c->header->now_s ? HR_E_EXPIRY_IN_PAST : HR_E_OK;
}

/* Checks 8 and 9 of PLACE: client id and builder. */
HR_COLD int hr_check_place_tags(struct hr_core *c, const struct hr_market *m,
                                const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    if (!hr_is_canonical(p->client_id[0]) || !hr_is_canonical(p->client_id[1]))
        return HR_E_CLIENT_ID_OUT_OF_RANGE;
    return p->builder ? hr_check_builder(c, m, op->account, p->builder, p->builder_fee) : HR_E_OK;
}

/* The prices of a bracket, and that they stand on the right sides of each other. */
HR_COLD int hr_check_bracket(struct hr_core *c, const struct hr_market *m, const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    const uint32_t prices[4] = {p->take_profit, p->take_profit_limit, p->stop, p->stop_limit};
    if (!(hr_market_risk_at(c, op->market)->flags & HR_MARKET_RISK_FLAG_PRICED))
        return HR_E_UNKNOWN_MARKET;
    if ((op->flags & HR_PLACE_FLAG_REDUCE_ONLY) || !(p->take_profit | p->stop) ||
        (p->take_profit && p->stop &&
         !hr_is_better(!(op->flags & HR_PLACE_FLAG_IS_ASK), p->stop, p->take_profit)))
        return HR_E_INVALID_TRIGGER;
    return hr_check_prices(m, prices);
}

/* Checks 11 and 12 of PLACE: a client id in use, a post-only order that would trade; and the
 * bracket, which stands between them. */
HR_COLD int hr_check_place_book(struct hr_core *c, const struct hr_market *m,
                                const struct hr_op *op) {
    const struct hr_op_place *p = &op->place;
    if ((p->client_id[0] | p->client_id[1]) &&
        hr_order_with_client_id(c, op->account, p->client_id))
        return HR_E_DUPLICATE_CLIENT_ID;
    const int e = op->flags & HR_PLACE_FLAG_BRACKET ? hr_check_bracket(c, m, op) : HR_E_OK;
    if (e) return e;
    if (p->tif == HR_TIME_IN_FORCE_POST_ONLY &&
        hr_would_cross(c, m, op->flags & HR_PLACE_FLAG_IS_ASK, p->price))
        return HR_E_POST_ONLY_WOULD_CROSS;
    return HR_E_OK;
}

/* The rest of check 13: room in the duty heap, and for the records of a bracket. */
HR_COLD int hr_check_place_room(struct hr_core *c, const struct hr_op *op) {
    if (op->place.expiry_s && c->header->duty_count == HR_DUTY_CAPACITY)
        return HR_E_DUTY_QUEUE_FULL;
    return op->flags & HR_PLACE_FLAG_BRACKET &&
                   c->header->orders_used + 2 * hr_bracket_legs(op) + 2 > HR_ORDER_CAPACITY - 1
               ? HR_E_BOOK_FULL
               : HR_E_OK;
}

/* The order of a PLACE, with its final limit; order id and quota flag are still to come. */
HR_HOT struct hr_taker hr_place_taker(const struct hr_op *op, uint32_t limit_price, bool plain) {
    const struct hr_op_place *p = &op->place;
    struct hr_taker taker = {
        .size_lots = p->size_lots,
        .remaining_lots = p->size_lots,
        .account = op->account,
        .market = op->market,
        .side = op->flags & HR_PLACE_FLAG_IS_ASK,
        .limit_price = limit_price,
        .attributes = op->flags & HR_PLACE_FLAG_IS_ASK,
        .self_trade = p->self_trade,
    };
    if (plain) return taker;
    taker.attributes |= (uint32_t)p->builder << 8 | (uint32_t)p->builder_fee << 20 |
                        (op->flags & HR_PLACE_FLAG_REDUCE_ONLY);
    taker.client_id[0] = p->client_id[0];
    taker.client_id[1] = p->client_id[1];
    taker.expiry_s = p->expiry_s;
    taker.tif = p->tif;
    taker.by_master = op->flags & HR_PLACE_FLAG_SELF_TRADE_BY_MASTER;
    return taker;
}
_Static_assert((int)HR_ORDER_FLAG_IS_ASK == (int)HR_PLACE_FLAG_IS_ASK &&
               (int)HR_ORDER_FLAG_REDUCE_ONLY == (int)HR_PLACE_FLAG_REDUCE_ONLY);

/* Margin of an order of a perpetual, after check 14 of PLACE and 10 of MODIFY. `replaced_lots` are
 * those of the resting order that it takes the place of. */
HR_COLD int hr_check_perp_margin(struct hr_core *c, const struct hr_taker *taker,
                                 uint64_t replaced_lots) {
    if (!hr_is_margined(c, taker->market)) return HR_E_OK;
    const struct hr_margin_order order = {
        .account = taker->account,
        .market = taker->market,
        .side = taker->side,
        .limit_price = taker->limit_price,
        .attributes = taker->attributes,
        .tif = taker->tif,
        .lots = taker->remaining_lots,
        .replaced_lots = replaced_lots,
    };
    return hr_check_order_margin(c, &order);
}

/* Margin of a spot order that locks `units` more, after check 15 of PLACE and 11 of MODIFY. */
HR_HOT int hr_check_spot_margin(struct hr_core *c, const struct hr_account *owner, uint32_t account,
                                uint32_t base, uint32_t side, int64_t units) {
    if (__builtin_expect(owner->flags & HR_ACCOUNT_FLAG_SWEPT, 0))
        return hr_check_lock_margin(c, account, side == HR_ASK ? base : 0, units);
    return HR_E_OK;
}

/* Check 16 of PLACE. */
HR_COLD int hr_check_fok(struct hr_core *c, const struct hr_op *op, uint32_t limit_price) {
    const struct hr_taker taker = hr_place_taker(op, limit_price, false);
    return hr_fok_is_fillable(c, &taker) ? HR_E_OK : HR_E_FOK_NOT_FILLABLE;
}

/* PLACE; the numbers of the checks are those of docs/spec/transition.md. `plain_spot` is a
 * constant: with it the checks of options and all that perpetuals need fall away. */
HR_HOT int hr_place(struct hr_core *c, const struct hr_op *op, const bool plain_spot) {
    const bool plain = plain_spot; /* of which the options' checks speak */
    const struct hr_op_place *p = &op->place;
    int e;
    if (!plain && hr_place_is_malformed(op)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;    /* 1 */
    if ((e = hr_check_open_market(c, op->market))) return e; /* 2 */
    const struct hr_market *m = hr_market_at(c, op->market);
    const bool is_perp = !plain_spot && m->kind == HR_MARKET_KIND_PERP;
    const uint32_t side = op->flags & HR_PLACE_FLAG_IS_ASK;
    if ((e = hr_check_size(m, p->size_lots))) return e; /* 3 */
    if (!plain && (e = hr_check_place_options(c, m, op))) return e;
    uint32_t limit = p->price;
    if (!plain && (op->flags & HR_PLACE_FLAG_IS_MARKET))
        e = hr_slippage_limit(c, m, side, p->price, &limit);
    else
        e = hr_check_price(m, limit);
    if (e) return e; /* 6 */
    uint64_t lock;
    e = hr_lock_of(m, is_perp, side, limit, plain ? 0 : p->builder_fee, p->size_lots, &lock);
    if (e) return e; /* 7 */
    if (!plain && (e = hr_check_place_tags(c, m, op))) return e;
    struct hr_account *owner = hr_account_at(c, op->account);
    const bool may_rest = plain || hr_may_rest(p->tif);
    if (owner->order_count + (plain ? 0 : hr_bracket_legs(op)) + may_rest > HR_MAX_OPEN_ORDERS)
        return HR_E_TOO_MANY_OPEN_ORDERS; /* 10 */
    if (!plain && (e = hr_check_place_book(c, m, op))) return e;
    if (may_rest && (!hr_order_slot_is_left(c->header) || !hr_level_slot_is_left(c->header)))
        return HR_E_BOOK_FULL; /* 13 */
    if (!plain && (p->expiry_s | (op->flags & HR_PLACE_FLAG_BRACKET)) &&
        (e = hr_check_place_room(c, op)))
        return e;
    const uint32_t base = is_perp ? HR_NO_SLOT : hr_base_slot(owner, m);
    if (is_perp) { /* 14 */
        e = hr_check_perp_room(c, op->account, op->market, side,
                               op->flags & HR_PLACE_FLAG_REDUCE_ONLY);
        if (e) return e;
        if (hr_is_margined(c, op->market)) {
            const struct hr_taker order = hr_place_taker(op, limit, false);
            if ((e = hr_check_perp_margin(c, &order, 0))) return e;
        }
    } else { /* 15 */
        if ((e = hr_check_spot_funds(owner, base, side, lock, 0))) return e;
        if ((e = hr_check_spot_room(owner, base))) return e;
        e = hr_check_spot_margin(c, owner, op->account, base, side, (int64_t)lock);
        if (e) return e;
    }
    if (!plain && p->tif == HR_TIME_IN_FORCE_FOK && (e = hr_check_fok(c, op, limit))) return e;

    struct hr_taker taker = hr_place_taker(op, limit, plain);
    taker.owner = owner;
    taker.order_id = c->header->next_order_sequence++ << HR_MARKET_BITS | op->market;
    taker.attributes |= hr_quota_count(c, m, op->account);
    if (is_perp)
        hr_position_open(c, op->account, op->market);
    else
        hr_spot_lock(m, owner, base, side, lock);
    if (is_perp && (op->flags & HR_PLACE_FLAG_BRACKET)) hr_bracket_open(c, p, &taker);
    hr_order_run(c, m, taker, is_perp);
    return HR_E_OK;
}

HR_COLD int hr_place_plain_spot(struct hr_core *c, const struct hr_op *op) {
    return hr_place(c, op, true);
}
HR_COLD int hr_place_any(struct hr_core *c, const struct hr_op *op) {
    return hr_place(c, op, false);
}
HR_HOT int hr_op_place(struct hr_core *c, const struct hr_op *op) {
    /* a peek: a market id out of range is refused in either */
    const bool is_spot = hr_market_at(c, op->market % HR_MAX_MARKETS)->kind == HR_MARKET_KIND_SPOT;
    return is_spot && hr_place_is_plain(op) ? hr_place_plain_spot(c, op) : hr_place_any(c, op);
}

/* Shrinks an order that keeps its price and place in the queue. */
static void hr_modify_in_place(struct hr_core *c, const struct hr_market *m, uint32_t slot,
                               uint64_t size_lots) {
    struct hr_order *order = hr_order_at(c, slot);
    const uint32_t market = hr_market_of_order(order->order_id);
    const uint64_t lots = order->remaining_lots - size_lots;
    order->attributes |= hr_quota_count(c, m, order->owner);
    hr_unlock_lots(c, m, market, order->owner, hr_account_at(c, order->owner), order->attributes,
                   hr_level_at(c, order->level)->price, lots);
    hr_order_shrink(c, slot, lots);
    hr_emit(c, HR_EVENT_KIND_REDUCED, market, order->owner, (int64_t)order->order_id, slot,
            (int64_t)size_lots, HR_REASON_MODIFIED, 0, 0);
}

static inline int hr_op_modify(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_modify *p = &op->modify;
    int e;
    if ((op->flags & ~(uint32_t)HR_PLACE_FLAG_SELF_TRADE_BY_MASTER) ||
        p->self_trade > HR_SELF_TRADE_REDUCE ||
        (p->tif != HR_TIME_IN_FORCE_GTC && p->tif != HR_TIME_IN_FORCE_POST_ONLY) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_modify, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if ((e = hr_check_open_market(c, op->market))) return e;
    const struct hr_market *m = hr_market_at(c, op->market);
    if (!hr_order_is(c, p->slot, p->order_id, op->account, op->market)) return HR_E_UNKNOWN_ORDER;
    if (hr_order_at(c, p->slot)->attributes & HR_ORDER_FLAG_LINKED) return HR_E_ORDER_LINKED;
    if ((e = hr_check_size(m, p->size_lots))) return e;
    if ((e = hr_check_price(m, p->price))) return e;
    const struct hr_order order = *hr_order_at(c, p->slot);
    const uint32_t old_price = hr_level_at(c, order.level)->price;
    if (p->price == old_price && p->size_lots == order.remaining_lots)
        return HR_E_MODIFY_CHANGES_NOTHING;
    uint64_t lock, held;
    const uint32_t builder_fee = hr_builder_fee_of(order.attributes), side = hr_side_of(&order);
    const bool is_perp = m->kind == HR_MARKET_KIND_PERP;
    if ((e = hr_lock_of(m, is_perp, side, p->price, builder_fee, p->size_lots, &lock))) return e;
    if (p->price == old_price && p->size_lots < order.remaining_lots) {
        hr_modify_in_place(c, m, p->slot, p->size_lots);
        return HR_E_OK;
    }
    struct hr_taker taker = {
        .order_id = order.order_id,
        .size_lots = p->size_lots,
        .remaining_lots = p->size_lots,
        .client_id = {order.client_id[0], order.client_id[1]},
        .account = op->account,
        .market = op->market,
        .side = side,
        .limit_price = p->price,
        .attributes = order.attributes & ~(uint32_t)HR_ORDER_FLAG_API_FEE,
        .expiry_s = order.expiry_s,
        .tif = p->tif,
        .self_trade = p->self_trade,
        .by_master = op->flags & HR_PLACE_FLAG_SELF_TRADE_BY_MASTER,
    };
    if (p->tif == HR_TIME_IN_FORCE_POST_ONLY && hr_would_cross(c, m, side, p->price))
        return HR_E_POST_ONLY_WOULD_CROSS;
    if (!hr_level_slot_is_left(c->header)) return HR_E_BOOK_FULL;
    hr_lock_of(m, is_perp, side, old_price, builder_fee, order.remaining_lots, &held);
    struct hr_account *owner = hr_account_at(c, op->account);
    const uint32_t base = is_perp ? HR_NO_SLOT : hr_base_slot(owner, m);
    e = is_perp ? hr_check_perp_room(c, op->account, op->market, side,
                                     order.attributes & HR_ORDER_FLAG_REDUCE_ONLY)
                : hr_check_spot_funds(owner, base, side, lock, held);
    if (e) return e;
    e = is_perp ? hr_check_perp_margin(c, &taker, order.remaining_lots)
                : hr_check_spot_margin(c, owner, op->account, base, side,
                                       (int64_t)lock - (int64_t)held);
    if (e) return e;

    c->taker = op->account; /* keeps its position record while the order is out of the book */
    c->has_taker = true;
    hr_order_cancel(c, p->slot, HR_REASON_MODIFIED, false);
    taker.attributes |= hr_quota_count(c, m, op->account);
    taker.owner = owner;
    if (!is_perp) hr_spot_lock(m, owner, base, side, lock);
    hr_order_run(c, m, taker, is_perp);
    return HR_E_OK;
}

#endif
