/* The duty REDEEM: shares in the queue are paid at the price of the day. docs/spec/funds.md
 * section 4. */
#ifndef HEADRACE_REDEMPTION_IMPL_H
#define HEADRACE_REDEMPTION_IMPL_H

#include "fund_ops_impl.h"

/* How shares are paid. */
struct hr_redemption_plan {
    uint64_t value_down, pay;
    struct hr_fund_fee fee;
    uint64_t from_bucket[HR_FUND_BUCKETS]; /* quote units */
};

/* Quote units that a bucket can pay without losing the margin of its positions. */
static uint64_t hr_bucket_payable(struct hr_core *c, uint32_t account) {
    const struct hr_account *a = hr_account_at(c, account);
    const int64_t free = hr_unbias(a->balances[0].free_biased);
    if (free <= 0) return 0;
    if (!(a->flags & HR_ACCOUNT_FLAG_SWEPT)) return (uint64_t)free;
    if (!hr_cross_marks_are_fresh(c, account)) return 0;
    const struct hr_health health = hr_health_cross(c, account, NULL);
    const int64_t spare = health.tav - hr_outflow_margin(&health); /* micro */
    if (spare <= 0) return 0;
    return spare > free / HR_QUOTE_PER_MICRO ? (uint64_t)free
                                             : (uint64_t)spare * HR_QUOTE_PER_MICRO;
}

/* Works out how a redemption is paid. Changes nothing. Returns: why it is not, or HR_E_OK. */
static int hr_redemption_plan(struct hr_core *c, const struct hr_order *redemption,
                              struct hr_redemption_plan *plan) {
    const uint32_t fund = redemption->level;
    struct hr_fund_value value;
    const int e = hr_fund_value(c, fund, &value);
    if (e) return e;
    plan->value_down = value.at[HR_VALUE_DOWN];
    plan->fee = hr_fund_fee(c, fund, plan->value_down);
    const uint64_t total = hr_fund_at(c, fund)->total_shares + plan->fee.shares;
    plan->pay = hr_mul_div(redemption->remaining_lots, plan->value_down, total, HR_ROUND_DOWN);
    uint64_t missing = plan->pay;
    for (uint32_t bucket = 0; bucket < HR_FUND_BUCKETS; bucket++) {
        const uint64_t most = missing ? hr_bucket_payable(c, hr_fund_master(fund) + bucket) : 0;
        plan->from_bucket[bucket] = most < missing ? most : missing;
        missing -= plan->from_bucket[bucket];
    }
    if (missing) return HR_E_INSUFFICIENT_BALANCE;
    return hr_account_can_receive(hr_account_at(c, redemption->owner), HR_QUOTE_ASSET, plan->pay)
               ? HR_E_OK
               : HR_E_BALANCE_TOO_LARGE;
}

static void hr_redemption_pay(struct hr_core *c, uint32_t slot,
                              const struct hr_redemption_plan *plan) {
    struct hr_order *record = hr_order_at(c, slot);
    const uint32_t owner = record->owner, fund = record->level;
    const uint64_t shares = record->remaining_lots;
    struct hr_fund *f = hr_fund_at(c, fund);
    struct hr_account *a = hr_account_at(c, owner);
    const uint32_t k = hr_balance_slot(a, hr_share_asset(fund));
    hr_fund_fee_take(c, fund, &plan->fee, plan->value_down);
    for (uint32_t bucket = 0; bucket < HR_FUND_BUCKETS; bucket++)
        if (plan->from_bucket[bucket])
            hr_quote_add(c, hr_fund_master(fund) + bucket, -(int64_t)plan->from_bucket[bucket]);
    hr_quote_add(c, owner, (int64_t)plan->pay);
    a->balances[k].locked -= shares;
    hr_share_supply_add(c, fund, -shares);
    f->queued_shares -= shares;
    if (f->total_shares == 0) f->high_water_e8 = HR_SHARE_PRICE_ONE_E8;
    hr_balance_slot_release(a, k);
    *record = (struct hr_order){.next = (uint32_t)c->header->order_free_head};
    c->header->order_free_head = slot;
    hr_touch_order(c, slot);
    hr_emit(c, HR_EVENT_KIND_SHARES_BURNED, 0, owner, fund, (int64_t)shares, (int64_t)plan->pay,
            (int64_t)plan->value_down, (int64_t)f->total_shares, 0);
}

/* Pays the redemption at an order slot, whose entry in the heap is gone, or puts it off. */
HR_COLD void hr_redeem_duty(struct hr_core *c, uint32_t slot) {
    const struct hr_order *record = hr_order_at(c, slot);
    struct hr_redemption_plan plan;
    const int e = hr_redemption_plan(c, record, &plan);
    if (e == HR_E_OK) {
        hr_redemption_pay(c, slot, &plan);
        return;
    }
    hr_emit(c, HR_EVENT_KIND_REDEMPTION_POSTPONED, 0, record->owner, record->level,
            (int64_t)record->remaining_lots, e, slot, 0, 0);
    hr_duty_push(c, hr_due_in(c, HR_FUND_RETRY_S), HR_DUTY_KIND_REDEEM, slot);
}

#endif
