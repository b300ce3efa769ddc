/* The ranked queue: a position that nobody takes over is closed against those of the other side who
 * gain most, one after the other, by continuations. docs/spec/funds.md section 5. */
#ifndef HEADRACE_ADL_QUEUE_IMPL_H
#define HEADRACE_ADL_QUEUE_IMPL_H

#include "sweep_impl.h"

enum { HR_RANK_FRACTION_BITS = 20 };

/* a / b in 1 / 2^20, at most 2^31 - 1. */
static uint64_t hr_rank_ratio(struct hr_wide a, int64_t b) {
    const uint64_t ratio = hr_wide_div_rounded(hr_wide_mul(a, 1u << HR_RANK_FRACTION_BITS),
                                               hr_wide_of(b < 1 ? 1 : (uint64_t)b), HR_ROUND_DOWN);
    return ratio < INT32_MAX ? ratio : INT32_MAX;
}

/* Rank of a position: what it has gained on its cost, times its leverage. Below 2^62. */
static uint64_t hr_adl_rank(struct hr_core *c, uint32_t account, const struct hr_holding *h) {
    const uint32_t mark = hr_market_risk_at(c, h->market)->mark_price;
    const struct hr_wide n = hr_wide_mul(hr_wide_of(hr_magnitude(h->size)), mark);
    struct hr_signed_sum gain = {{{0}}, {{0}}};
    hr_sum_add_wide(&gain, h->size < 0, n);
    hr_sum_add(&gain, hr_div_floor(-h->cost, HR_QUOTE_PER_MICRO));
    if (hr_sum_is_negative(&gain)) return 0;
    const uint64_t cost = (hr_magnitude(h->cost) + HR_QUOTE_PER_MICRO - 1) / HR_QUOTE_PER_MICRO;
    const struct hr_wide unhedged = hr_wide_sub(n, hr_wide_of(hr_hedged_micro(c, account, h)));
    const struct hr_health health = hr_health_with(c, account, h, 0);
    return hr_rank_ratio(hr_sum_magnitude(&gain), (int64_t)cost) *
           hr_rank_ratio(unhedged, health.talt);
}

/* Looks at one account of the ring. */
static void hr_adl_queue_look(struct hr_core *c, struct hr_adl_queue *queue, uint32_t account,
                              bool closes_long) {
    const struct hr_holding h = hr_holding_of(c, account, queue->market);
    if (account == queue->account || h.size == 0 || (h.size < 0) != closes_long) return;
    const uint64_t held = hr_magnitude(h.size), lots = held < queue->lots ? held : queue->lots;
    struct hr_perp_side side;
    if (!hr_perp_side_plan(c, account, queue->market, hr_closing_side(h.size), lots,
                           hr_perp_notional(lots, queue->price), 0, &side))
        return;
    const uint64_t rank_plus_1 = hr_adl_rank(c, account, &h) + 1;
    if (rank_plus_1 <= queue->best_rank_plus_1) return;
    queue->best = account;
    queue->best_rank_plus_1 = rank_plus_1;
}

/* Closes lots against the best of the queue. */
static void hr_adl_queue_match(struct hr_core *c, struct hr_adl_queue *queue) {
    const uint32_t account = queue->account, other = queue->best, market = queue->market;
    const struct hr_holding held = hr_holding_of(c, other, market);
    const uint64_t size = hr_magnitude(held.size), lots = size < queue->lots ? size : queue->lots;
    const uint64_t notional = hr_perp_notional(lots, queue->price);
    const uint32_t side = hr_closing_side(held.size);
    hr_settle_write(c, account, hr_position_find(c, account, market));
    hr_settle_write(c, other, held.k);
    hr_emit(c, HR_EVENT_KIND_DELEVERAGED, market, other, (int64_t)lots, queue->price, 0, 0, 0,
            held.size > 0);
    const struct hr_perp_side given = hr_transfer_side(c, account, market, !side, lots, notional);
    const struct hr_perp_side taken = hr_transfer_side(c, other, market, side, lots, notional);
    hr_emit_position(c, account, market, &given);
    hr_emit_position(c, other, market, &taken);
    hr_position_release(c, account, market);
    hr_position_release(c, other, market);
    queue->lots -= lots;
}

/* Nobody is left to be deleveraged: the insurance account takes the rest over if it can, else the
 * sweep passes the account. */
static void hr_adl_queue_give_up(struct hr_core *c, const struct hr_adl_queue *queue,
                                 const struct hr_holding *h) {
    const uint32_t account = queue->account;
    const uint32_t insurer = hr_market_at(c, queue->market)->insurance_account;
    const uint64_t lots = hr_magnitude(h->size), notional = hr_perp_notional(lots, queue->price);
    struct hr_perp_side side;
    bool keeps_margin;
    if (hr_perp_side_plan(c, account, queue->market, hr_closing_side(h->size), lots, notional, 0,
                          &side) &&
        hr_can_take_over(c, insurer, account, h, notional, &keeps_margin)) {
        const struct hr_health health = hr_health_with(c, account, h, 0);
        hr_settle_all(c, account);
        hr_hand_over(c, account, insurer, h, queue->price, &health);
    } else if (c->header->sweep_cursor == account) {
        hr_sweep_pass(c, account);
        if (c->header->sweep_cursor == 0) hr_sweep_end_lap(c);
    }
}

/* CONTINUE of a queue; `was` is the header with its continuation, which is cleared by now. */
HR_COLD void hr_adl_queue_continue(struct hr_core *c, const struct hr_header *was) {
    struct hr_adl_queue queue = {
        .account = (uint32_t)was->cont_account,
        .market = (uint32_t)was->cont_market,
        .price = (uint32_t)was->cont_limit_price,
        .lots = was->cont_remaining,
        .cursor = (uint32_t)was->cont_cursor,
        .best = (uint32_t)was->cont_client_id[0],
        .best_rank_plus_1 = was->cont_client_id[1],
    };
    const struct hr_holding h = hr_holding_of(c, queue.account, queue.market);
    for (uint32_t steps = HR_MAX_STEPS; steps && queue.cursor; steps--) {
        const uint32_t account = queue.cursor;
        queue.cursor = hr_account_at(c, account)->sweep_next;
        hr_adl_queue_look(c, &queue, account, h.size > 0);
    }
    if (queue.cursor == 0) {
        if (queue.best == 0) {
            hr_adl_queue_give_up(c, &queue, &h);
            return;
        }
        hr_adl_queue_match(c, &queue);
        if (queue.lots == 0) return;
        queue.cursor = (uint32_t)c->header->sweep_head;
        queue.best = 0;
        queue.best_rank_plus_1 = 0;
    }
    hr_adl_queue_store(c, &queue);
}

#endif
