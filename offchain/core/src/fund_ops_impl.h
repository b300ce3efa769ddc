/* CREATE_FUND, ADMIN_FUND, INVEST, REDEEM. docs/spec/funds.md section 4. */
#ifndef HEADRACE_FUND_OPS_IMPL_H
#define HEADRACE_FUND_OPS_IMPL_H

#include "funds_impl.h"

/* A time from now, at most the end of time. */
static uint32_t hr_due_in(struct hr_core *c, uint32_t delay_s) {
    const uint64_t due_s = c->header->now_s + delay_s;
    return due_s < UINT32_MAX ? (uint32_t)due_s : UINT32_MAX;
}

/* May quote units leave the account, by the order of checks that funds have? */
static int hr_check_fund_outflow(struct hr_core *c, uint32_t account, uint64_t amount) {
    const struct hr_account *a = hr_account_at(c, account);
    if (!hr_balance_covers(&a->balances[0], amount)) return HR_E_INSUFFICIENT_BALANCE;
    if (a->positions_used && hr_has_position_without_margin(c, account)) return HR_E_POSITION_OPEN;
    return a->flags & HR_ACCOUNT_FLAG_SWEPT ? hr_check_outflow_margin(c, account, 0, amount)
                                            : HR_E_OK;
}

/* --- founding ------------------------------------------------------------------------------- */

/* May the account lead a fund? */
static int hr_check_leader(struct hr_core *c, uint32_t account) {
    const int e = hr_check_master(c, account);
    if (e) return e;
    return hr_is_fund_account(c, account) ? HR_E_FUND_ACCOUNT : HR_E_OK;
}

static int hr_check_fund_terms(uint32_t fee_ppm, uint32_t lockup_s) {
    return fee_ppm <= HR_FUND_MAX_FEE_PPM && lockup_s >= HR_FUND_MIN_LOCKUP_S &&
                   lockup_s <= HR_FUND_MAX_LOCKUP_S
               ? HR_E_OK
               : HR_E_INVALID_FUND;
}

/* Makes the next fund, its share asset, its first bucket and its owner key, which is the leader's.
 * Returns: its number. */
static uint32_t hr_fund_create(struct hr_core *c, uint32_t leader, uint32_t fee_ppm,
                               uint32_t lockup_s, uint32_t flags) {
    const uint32_t fund = (uint32_t)c->header->fund_count++, asset = hr_share_asset(fund);
    const uint32_t master = hr_fund_master(fund);
    const uint64_t *owner = hr_account_at(c, leader)->owner;
    *hr_fund_at(c, fund) = (struct hr_fund){.flags = flags | HR_FUND_FLAG_EXISTS,
                                            .leader = leader,
                                            .fee_ppm = fee_ppm,
                                            .lockup_s = lockup_s,
                                            .high_water_e8 = HR_SHARE_PRICE_ONE_E8};
    *hr_asset_at(c, asset) =
        (struct hr_asset){.flags = HR_ASSET_FLAG_EXISTS, .withdraw_step_units = 1};
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, asset);
    hr_fund_bucket_create(c, fund, 0);
    hr_owner_signer_create(c, master, owner);
    hr_emit(c, HR_EVENT_KIND_FUND_CREATED, 0, leader, fund, fee_ppm, lockup_s, master, asset,
            (int64_t)hr_fund_at(c, fund)->flags);
    return fund;
}

static int hr_op_create_fund(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_create_fund *p = &op->create_fund;
    int e;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_create_fund, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_leader(c, op->account))) return e;
    if ((e = hr_check_fund_terms(p->fee_ppm, p->lockup_s))) return e;
    if (p->amount < HR_FUND_MIN_SEED || p->amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if (c->header->fund_count == HR_FUND_LIMIT) return HR_E_FUNDS_FULL;
    if ((e = hr_check_fund_outflow(c, op->account, p->amount))) return e;
    if (hr_balance_slot_free(hr_account_at(c, op->account)) == HR_NO_SLOT)
        return HR_E_BALANCES_FULL;

    const uint32_t fund = hr_fund_create(c, op->account, p->fee_ppm, p->lockup_s, 0);
    hr_outflow(c, op->account, HR_QUOTE_ASSET, p->amount);
    hr_quote_add(c, hr_fund_master(fund), (int64_t)p->amount);
    hr_shares_mint(c, op->account, fund, p->amount, p->amount, 0);
    return HR_E_OK;
}

/* A fund of governance, which asks its leader for no shares. */
static int hr_op_admin_fund(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_fund *p = &op->admin_fund;
    int e;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_fund, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_leader(c, op->account))) return e;
    if ((e = hr_check_fund_terms(p->fee_ppm, p->lockup_s))) return e;
    if (c->header->fund_count == HR_FUND_LIMIT) return HR_E_FUNDS_FULL;
    hr_fund_create(c, op->account, p->fee_ppm, p->lockup_s, HR_FUND_FLAG_PROTOCOL);
    return HR_E_OK;
}

/* --- entering ------------------------------------------------------------------------------- */

/* Does a leader with `held` shares keep his part of `total`? */
static bool hr_leader_keeps(uint64_t held, uint64_t total) {
    return hr_compare_products((int64_t)held, HR_PPM, (int64_t)total, HR_FUND_LEADER_PPM) >= 0;
}

/* Shares for `amount` quote units, once the fee is taken. */
static int hr_shares_for(struct hr_core *c, uint32_t account, uint32_t fund, uint64_t amount,
                         uint64_t value_up, const struct hr_fund_fee *fee, uint64_t *shares) {
    const struct hr_fund *f = hr_fund_at(c, fund);
    const uint64_t total = f->total_shares + fee->shares; /* both below 2^62 */
    if (total == 0) {
        if (amount < HR_FUND_MIN_SEED) return HR_E_INVALID_AMOUNT;
        *shares = amount;
    } else {
        if (value_up == 0) return HR_E_FUND_BANKRUPT;
        *shares = hr_mul_div(amount, total, value_up, HR_ROUND_DOWN);
    }
    if (*shares == 0 || *shares >= HR_VALUE_LIMIT - total) return HR_E_INVALID_AMOUNT;
    const uint64_t held = hr_shares_held(c, f->leader, fund) + fee->shares;
    if (!(f->flags & HR_FUND_FLAG_PROTOCOL) && account != f->leader &&
        !hr_leader_keeps(held, total + *shares))
        return HR_E_LEADER_SHARE;
    return HR_E_OK;
}

static int hr_op_invest(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_invest *p = &op->invest;
    int e;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_invest, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if (hr_is_fund_account(c, op->account)) return HR_E_FUND_ACCOUNT;
    if (p->fund >= c->header->fund_count) return HR_E_UNKNOWN_FUND;
    if (p->amount < HR_FUND_MIN_AMOUNT || p->amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if ((e = hr_check_fund_outflow(c, op->account, p->amount))) return e;
    struct hr_fund_value value;
    if ((e = hr_fund_value(c, p->fund, &value))) return e;
    const uint64_t value_up = value.at[HR_VALUE_UP], value_down = value.at[HR_VALUE_DOWN];
    const struct hr_fund_fee fee = hr_fund_fee(c, p->fund, value_down);
    uint64_t shares;
    e = hr_shares_for(c, op->account, p->fund, p->amount, value_up, &fee, &shares);
    if (e) return e;
    const uint32_t bucket = hr_fund_master(p->fund);
    if (!hr_has_share_slot(c, op->account, p->fund)) return HR_E_BALANCES_FULL;
    if (!hr_account_can_receive(hr_account_at(c, bucket), HR_QUOTE_ASSET, p->amount))
        return HR_E_BALANCE_TOO_LARGE;

    hr_fund_fee_take(c, p->fund, &fee, value_down);
    hr_outflow(c, op->account, HR_QUOTE_ASSET, p->amount);
    hr_quote_add(c, bucket, (int64_t)p->amount);
    hr_shares_mint(c, op->account, p->fund, p->amount, shares, value_up);
    return HR_E_OK;
}

/* --- leaving: the op ------------------------------------------------------------------------ */

/* May the account queue these shares of slot k? */
static int hr_check_redeem(struct hr_core *c, uint32_t account, uint32_t fund, uint64_t shares) {
    const struct hr_fund *f = hr_fund_at(c, fund);
    const struct hr_account *a = hr_account_at(c, account);
    const uint32_t k = hr_balance_slot(a, hr_share_asset(fund));
    if (k == HR_NO_SLOT || !hr_balance_covers(&a->balances[k], shares))
        return HR_E_INSUFFICIENT_BALANCE;
    const uint64_t free = a->balances[k].free_biased - HR_SIGNED_BIAS;
    if (shares < HR_FUND_MIN_AMOUNT && shares != free) return HR_E_INVALID_AMOUNT;
    if (account == f->leader && !(f->flags & HR_FUND_FLAG_PROTOCOL) &&
        !hr_leader_keeps(free - shares, f->total_shares - f->queued_shares - shares))
        return HR_E_LEADER_SHARE;
    /* free slots are not counted */
    if (c->header->orders_used + 1 > HR_ORDER_CAPACITY - 1) return HR_E_BOOK_FULL;
    return c->header->duty_count == HR_DUTY_CAPACITY ? HR_E_DUTY_QUEUE_FULL : HR_E_OK;
}

static int hr_op_redeem(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_redeem *p = &op->redeem;
    int e;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_redeem, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if (p->fund >= c->header->fund_count) return HR_E_UNKNOWN_FUND;
    if (p->shares == 0 || p->shares >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if ((e = hr_check_redeem(c, op->account, p->fund, p->shares))) return e;

    struct hr_fund *f = hr_fund_at(c, p->fund);
    struct hr_account *a = hr_account_at(c, op->account);
    const uint32_t slot = hr_order_slot_take(c), due_s = hr_due_in(c, f->lockup_s);
    hr_balance_lock(&a->balances[hr_balance_slot(a, hr_share_asset(p->fund))], p->shares);
    hr_touch_account(c, op->account);
    f->queued_shares += p->shares;
    hr_touch_fund(c, p->fund);
    /* the number of the fund stands where an order has its level */
    *hr_order_at(c, slot) = (struct hr_order){.owner = op->account,
                                              .level = p->fund,
                                              .remaining_lots = p->shares,
                                              .attributes = HR_ORDER_FLAG_REDEMPTION};
    hr_touch_order(c, slot);
    hr_duty_push(c, due_s, HR_DUTY_KIND_REDEEM, slot);
    hr_emit(c, HR_EVENT_KIND_SHARES_QUEUED, 0, op->account, p->fund, (int64_t)p->shares, due_s,
            slot, 0, 0);
    return HR_E_OK;
}

#endif
