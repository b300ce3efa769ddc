/* ADMIN_MARKET_WATERFALL: who takes positions over that the insurance account cannot, and how the
 * other side of a market is deleveraged. docs/spec/funds.md section 4. */
#ifndef HEADRACE_WATERFALL_IMPL_H
#define HEADRACE_WATERFALL_IMPL_H

#include "accounts_impl.h"

enum { HR_WATERFALL_ADL_QUEUE = 1 };

static int hr_op_admin_market_waterfall(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_market_waterfall *p = &op->admin_market_waterfall;
    if (op->flags || !hr_tail_is_zero(op, offsetof(struct hr_op_admin_market_waterfall, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (op->market >= HR_MAX_MARKETS || !hr_is_margined(c, op->market)) return HR_E_UNKNOWN_MARKET;
    if (op->account && (!hr_account_exists(c, op->account) || !hr_is_fund_account(c, op->account)))
        return HR_E_UNKNOWN_ACCOUNT;
    if (p->flags > HR_WATERFALL_ADL_QUEUE) return HR_E_INVALID_MARKET_PARAMETER;
    struct hr_market_risk *risk = hr_market_risk_at(c, op->market);
    risk->backstop_account = op->account;
    risk->flags &= ~(uint64_t)HR_MARKET_RISK_FLAG_ADL_QUEUE;
    if (p->flags & HR_WATERFALL_ADL_QUEUE) risk->flags |= HR_MARKET_RISK_FLAG_ADL_QUEUE;
    hr_touch_market_risk(c, op->market);
    hr_emit(c, HR_EVENT_KIND_WATERFALL_SET, op->market, op->account, p->flags, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
