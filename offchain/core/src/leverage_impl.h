/* SET_LEVERAGE and MOVE_MARGIN: how an account margins its position in one market.
 * docs/spec/risk.md section 7. */
#ifndef HEADRACE_LEVERAGE_IMPL_H
#define HEADRACE_LEVERAGE_IMPL_H

#include "accounts_impl.h"

static int hr_check_margined_market(struct hr_core *c, uint32_t market) {
    return market < HR_MAX_MARKETS && hr_is_margined(c, market) ? HR_E_OK : HR_E_UNKNOWN_MARKET;
}

static int hr_check_leverage(struct hr_core *c, const struct hr_op *op,
                             const struct hr_holding *now) {
    const struct hr_op_set_leverage *p = &op->set_leverage;
    const bool is_used = now->size || now->open_lots[HR_BID] || now->open_lots[HR_ASK];
    if (p->mode != now->mode && is_used) return HR_E_POSITION_OPEN;
    if (now->k == HR_POSITIONS_PER_ACCOUNT &&
        hr_account_at(c, op->account)->positions_used == HR_POSITIONS_PER_ACCOUNT)
        return HR_E_POSITIONS_FULL;
    if (!is_used) return HR_E_OK;
    struct hr_holding then = *now;
    then.leverage = p->leverage;
    const struct hr_health health = hr_health_with(c, op->account, &then, 0);
    return health.tav < health.imr ? HR_E_INSUFFICIENT_MARGIN : HR_E_OK;
}

static int hr_op_set_leverage(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_set_leverage *p = &op->set_leverage;
    int e;
    if (op->flags || p->mode > HR_MARGIN_MODE_ISOLATED ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_set_leverage, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if ((e = hr_check_margined_market(c, op->market))) return e;
    if (p->leverage > HR_MAX_LEVERAGE) return HR_E_INVALID_LEVERAGE;
    const struct hr_holding now = hr_holding_of(c, op->account, op->market);
    if ((e = hr_check_leverage(c, op, &now))) return e;

    const uint32_t k = hr_position_open(c, op->account, op->market);
    /* what settling brings belongs to the mode in which it came to be */
    if (p->mode != now.mode) hr_settle_write(c, op->account, k);
    struct hr_position *position = hr_position_at(c, op->account, k);
    position->mode = p->mode;
    position->leverage = p->leverage;
    hr_touch_position(c, op->account, k);
    hr_emit(c, HR_EVENT_KIND_LEVERAGE_SET, op->market, op->account, p->leverage, p->mode, 0, 0, 0,
            0);
    hr_position_release(c, op->account, op->market);
    return HR_E_OK;
}

/* Has what gives margin enough of it afterwards? */
static int hr_check_moved_margin(struct hr_core *c, const struct hr_op *op,
                                 const struct hr_holding *now, int64_t amount) {
    const bool out = op->move_margin.out;
    if (!hr_mark_is_fresh(c, hr_market_risk_at(c, op->market))) return HR_E_STALE_PRICE;
    if (!out && !(hr_account_at(c, op->account)->flags & HR_ACCOUNT_FLAG_SWEPT)) return HR_E_OK;
    const struct hr_hypothesis what_if = {.quote = -amount};
    const struct hr_health health =
        out ? hr_health_isolated(c, now, -amount) : hr_health_cross(c, op->account, &what_if);
    const bool is_short = out ? hr_is_short_for_outflow(&health) : health.tav < health.imr;
    return is_short ? HR_E_INSUFFICIENT_MARGIN : HR_E_OK;
}

static int hr_op_move_margin(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_move_margin *p = &op->move_margin;
    int e;
    if (op->flags || p->out > 1 ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_move_margin, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if ((e = hr_check_margined_market(c, op->market))) return e;
    if (p->amount == 0 || p->amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    const struct hr_holding now = hr_holding_of(c, op->account, op->market);
    if (now.mode != HR_MARGIN_MODE_ISOLATED) return HR_E_NOT_ISOLATED;
    const int64_t amount = (int64_t)p->amount;
    const struct hr_balance *quote = &hr_account_at(c, op->account)->balances[0];
    if (p->out ? now.isolated_margin + now.cash < amount : !hr_balance_covers(quote, p->amount))
        return HR_E_INSUFFICIENT_BALANCE;
    if ((e = hr_check_moved_margin(c, op, &now, amount))) return e;

    const int64_t moved = p->out ? -amount : amount;
    hr_settle_write(c, op->account, now.k);
    struct hr_position *position = hr_position_at(c, op->account, now.k);
    position->isolated_margin_biased += (uint64_t)moved;
    hr_touch_position(c, op->account, now.k);
    hr_quote_add(c, op->account, -moved);
    hr_emit(c, HR_EVENT_KIND_MARGIN_MOVED, op->market, op->account, moved,
            hr_unbias(position->isolated_margin_biased), 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
