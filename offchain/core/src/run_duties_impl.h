/* RUN_DUTIES and CONTINUE: what falls due, and what an op left to be done. */
#ifndef HEADRACE_RUN_DUTIES_IMPL_H
#define HEADRACE_RUN_DUTIES_IMPL_H

#include "adl_queue_impl.h"
#include "forced_impl.h"
#include "funding_impl.h"
#include "pledges_impl.h"
#include "redemption_impl.h"
#include "twap_impl.h"

/* The dead man's switch of an account: cancels its orders. Returns: the steps that are left. */
static uint32_t hr_deadman_fire(struct hr_core *c, uint32_t account, uint32_t steps) {
    struct hr_account *a = hr_account_at(c, account);
    a->deadman_s = 0;
    hr_touch_account(c, account);
    hr_emit(c, HR_EVENT_KIND_DEADMAN_FIRED, 0, account, 0, 0, 0, 0, 0, 0);
    return hr_cancel_list(c, account, a->order_head, HR_ALL_MARKETS, HR_REASON_DEADMAN, steps);
}

/* Must a duty be the first and only one of its op? */
static inline bool hr_duty_is_alone(uint32_t kind) {
    return kind == HR_DUTY_KIND_TWAP || kind == HR_DUTY_KIND_REDEEM;
}

/* Fires a trigger, or works off what is due, at most MAX_STEPS orders. */
static int hr_op_run_duties(struct hr_core *c) {
    if (c->header->trigger_market) {
        hr_triggers_run(c);
        return HR_E_OK;
    }
    uint32_t steps = HR_MAX_STEPS;
    while (steps && !c->header->cont_kind && !c->trapped && hr_duty_is_due(c)) {
        const struct hr_duty duty = *hr_duty_at(c, 0);
        const bool is_alone = hr_duty_is_alone(duty.kind);
        if (is_alone && steps < HR_MAX_STEPS) break;
        hr_duty_remove_at(c, 0);
        steps = is_alone ? 0 : steps - 1;
        switch (duty.kind) {
        case HR_DUTY_KIND_EXPIRY: hr_order_cancel(c, duty.ref, HR_REASON_EXPIRED, true); break;
        case HR_DUTY_KIND_MARKET_MINUTE: hr_market_minute(c, duty.ref); break;
        case HR_DUTY_KIND_TWAP: hr_twap_slice(c, duty.ref, duty.due_s); break;
        case HR_DUTY_KIND_TRAIL: hr_trail(c, duty.ref); break;
        case HR_DUTY_KIND_REDEEM: hr_redeem_duty(c, duty.ref); break;
        case HR_DUTY_KIND_PLEDGE: hr_pledge_duty(c, duty.ref); break;
        default: steps = hr_deadman_fire(c, duty.ref, steps);
        }
    }
    return HR_E_OK;
}

static void hr_cont_clear(struct hr_header *h) {
    __builtin_memset(&h->cont_kind, 0,
                     offsetof(struct hr_header, sweep_head) -
                         offsetof(struct hr_header, cont_kind));
}

static int hr_op_continue(struct hr_core *c) {
    const struct hr_header h = *c->header;
    hr_cont_clear(c->header);
    if (h.cont_kind == HR_CONTINUATION_CANCEL_ALL) {
        hr_cancel_list(c, (uint32_t)h.cont_account, (uint32_t)h.cont_cursor,
                       (uint32_t)h.cont_market_filter, (uint32_t)h.cont_reason, HR_MAX_STEPS);
        return HR_E_OK;
    }
    if (h.cont_kind == HR_CONTINUATION_FORCED) {
        hr_forced_continue(c, &h);
        return HR_E_OK;
    }
    if (h.cont_kind == HR_CONTINUATION_ADL_QUEUE) {
        hr_adl_queue_continue(c, &h);
        return HR_E_OK;
    }
    struct hr_taker taker = {
        .order_id = h.cont_order_id,
        .size_lots = h.cont_size,
        .remaining_lots = h.cont_remaining,
        .client_id = {h.cont_client_id[0], h.cont_client_id[1]},
        .account = (uint32_t)h.cont_account,
        .market = (uint32_t)h.cont_market,
        .side = (uint32_t)h.cont_attributes & HR_ORDER_FLAG_IS_ASK,
        .limit_price = (uint32_t)h.cont_limit_price,
        .attributes = (uint32_t)h.cont_attributes,
        .expiry_s = (uint32_t)h.cont_expiry_s,
        .tif = (uint32_t)h.cont_tif,
        .self_trade = (uint32_t)h.cont_self_trade & 0xFF,
        .by_master = (h.cont_self_trade >> 8) != 0,
    };
    hr_execute(c, &taker);
    return HR_E_OK;
}

#endif
