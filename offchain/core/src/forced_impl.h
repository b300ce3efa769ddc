/* What owners force through L1, and what L1 lets a chain know. docs/spec/l1-inputs.md section 1. */
#ifndef HEADRACE_FORCED_IMPL_H
#define HEADRACE_FORCED_IMPL_H

#include "liquidation_impl.h"
#include "pledges_impl.h"

_Static_assert(offsetof(struct hr_op_forced_unlink, sender) ==
               offsetof(struct hr_op_forced, sender));

/* May the sender of a forced operation ask for this? */
static int hr_check_forced(struct hr_core *c, const struct hr_op *op) {
    uint64_t sender[3];
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    hr_address_pack(sender, op->forced.sender);
    if (!hr_address_equal(hr_account_at(c, op->account)->owner, sender)) return HR_E_NOT_SAME_OWNER;
    return hr_is_fund_account(c, op->account) ? HR_E_FUND_ACCOUNT : HR_E_OK;
}

static bool hr_forced_is_malformed(const struct hr_op *op) {
    const struct hr_op_forced *p = &op->forced;
    const bool has_amount = op->kind == HR_OP_KIND_FORCED_WITHDRAW;
    if (op->flags || p->zero_asset || p->zero_gap || p->zero_gap2 ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_forced, zero_tail)) ||
        (op->market && op->kind != HR_OP_KIND_FORCED_CLOSE))
        return true;
    return has_amount ? p->amount == 0 || p->amount >= HR_VALUE_LIMIT : p->asset || p->amount;
}

/* A forced operation that waits for a cancel-all; what the continuation keeps of it. */
struct hr_forced {
    uint32_t kind, account, market; /* op kind; market of a FORCED_CLOSE */
    uint32_t asset;                 /* of a FORCED_WITHDRAW */
    uint64_t amount;
};

/* What is left to do is refused. */
static void hr_forced_reject(struct hr_core *c, const struct hr_forced *forced, int code) {
    hr_emit(c, HR_EVENT_KIND_REJECTED, 0, forced->account, 0, forced->kind, code, 0, 0, 0);
}

/* --- pay ------------------------------------------------------------------------------------- */

/* Units of L1 that the free balance comes to. */
static uint64_t hr_free_on_l1(struct hr_core *c, uint32_t account, uint32_t asset) {
    const struct hr_account *a = hr_account_at(c, account);
    const uint32_t k = hr_balance_slot(a, asset);
    if (k == HR_NO_SLOT) return 0;
    const int64_t free = hr_unbias(a->balances[k].free_biased);
    return free <= 0 ? 0
                     : hr_mul_div((uint64_t)free, hr_unit_index_e12(c, asset), HR_INDEX_ONE,
                                  HR_ROUND_DOWN);
}

/* Pays the largest amount that can be paid, halving it until it fits. */
static void hr_forced_pay(struct hr_core *c, const struct hr_forced *forced) {
    const struct hr_asset *asset = hr_asset_at(c, forced->asset);
    const uint64_t step = asset->withdraw_step_units;
    const uint64_t payable = hr_free_on_l1(c, forced->account, forced->asset);
    uint64_t most = forced->amount;
    if (most > asset->total_units) most = asset->total_units;
    if (most > payable) most = payable;
    int refusal = HR_E_INSUFFICIENT_BALANCE;
    for (uint32_t i = 0; i < HR_HALVINGS; i++) {
        const uint64_t amount = (most >> i) - (most >> i) % step;
        if (amount == 0) break;
        const int e = hr_check_withdrawal(c, forced->account, forced->asset, amount);
        if (e == HR_E_OK) {
            hr_withdraw(c, forced->account, forced->asset, amount);
            return;
        }
        if (i == 0) refusal = e;
    }
    hr_forced_reject(c, forced, refusal);
}

/* --- close ----------------------------------------------------------------------------------- */

/* Limit of the order that closes a position: near the mark, else near the best price; 0 where the
 * book has none. */
static uint32_t hr_close_limit(struct hr_core *c, uint32_t market, uint32_t side) {
    const struct hr_market_risk *risk = hr_margined_risk(c, market);
    uint64_t from, ppm;
    if (risk && hr_mark_is_fresh(c, risk)) {
        from = risk->mark_price;
        ppm = risk->price_band_ppm;
    } else {
        const uint32_t best = hr_market_at(c, market)->best[!side];
        if (best == 0) return 0;
        from = hr_level_at(c, best)->price;
        ppm = HR_MAX_SLIPPAGE_PPM;
    }
    const int64_t distance = (int64_t)(from * ppm / HR_PPM), start = (int64_t)from;
    return (uint32_t)hr_clamp(side == HR_ASK ? start - distance : start + distance, 1,
                              HR_PRICE_MAX);
}

/* Sends the order that closes the position. */
static void hr_forced_close(struct hr_core *c, const struct hr_forced *forced) {
    const int64_t size = hr_holding_of(c, forced->account, forced->market).size;
    if (size == 0) {
        hr_forced_reject(c, forced, HR_E_REDUCE_ONLY_WOULD_INCREASE);
        return;
    }
    const uint32_t side = hr_closing_side(size);
    const uint32_t limit_price = hr_close_limit(c, forced->market, side);
    if (limit_price == 0) {
        hr_forced_reject(c, forced, HR_E_NO_LIQUIDITY);
        return;
    }
    struct hr_taker taker = {
        .order_id = hr_order_id_take(c, forced->market),
        .size_lots = hr_magnitude(size),
        .remaining_lots = hr_magnitude(size),
        .account = forced->account,
        .market = forced->market,
        .side = side,
        .limit_price = limit_price,
        .attributes = side | HR_ORDER_FLAG_REDUCE_ONLY,
        .tif = HR_TIME_IN_FORCE_IOC,
        .self_trade = HR_SELF_TRADE_EXPIRE_MAKER,
    };
    hr_execute(c, &taker);
}

/* --- the way there --------------------------------------------------------------------------- */

/* Cancels from `slot` on, then does what was forced, or leaves both to CONTINUE. */
static void hr_forced_run(struct hr_core *c, const struct hr_forced *forced, uint32_t slot) {
    const bool closes = forced->kind == HR_OP_KIND_FORCED_CLOSE;
    const uint32_t filter = closes ? forced->market : HR_ALL_MARKETS;
    uint32_t steps = HR_MAX_STEPS;
    slot = hr_cancel_walk(c, slot, filter, HR_REASON_FORCED, &steps);
    if (slot == 0) {
        if (closes)
            hr_forced_close(c, forced);
        else
            hr_forced_pay(c, forced);
        return;
    }
    struct hr_header *h = c->header;
    hr_cancel_park(h, forced->account, slot, filter, HR_REASON_FORCED);
    h->cont_kind = HR_CONTINUATION_FORCED;
    h->cont_attributes = forced->kind;
    h->cont_market = forced->market;
    h->cont_limit_price = forced->asset;
    h->cont_remaining = forced->amount;
    hr_emit(c, HR_EVENT_KIND_CONTINUED, forced->market, forced->account, HR_CONTINUATION_FORCED, 0,
            0, 0, 0, 0);
}

/* CONTINUE of a forced operation; `was` is the header with its continuation, cleared by now. */
static void hr_forced_continue(struct hr_core *c, const struct hr_header *was) {
    const struct hr_forced forced = {
        .kind = (uint32_t)was->cont_attributes,
        .account = (uint32_t)was->cont_account,
        .market = (uint32_t)was->cont_market,
        .asset = (uint32_t)was->cont_limit_price,
        .amount = was->cont_remaining,
    };
    hr_forced_run(c, &forced, (uint32_t)was->cont_cursor);
}

static inline uint32_t hr_first_order(struct hr_core *c, uint32_t account) {
    return hr_account_at(c, account)->order_head;
}

static int hr_op_forced_withdraw(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_forced *p = &op->forced;
    int e;
    if (hr_forced_is_malformed(op)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_forced(c, op))) return e;
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    if (hr_asset_at(c, p->asset)->flags & HR_ASSET_FLAG_LINKED) return HR_E_PLEDGED_ASSET;
    const struct hr_forced forced = {
        .kind = op->kind, .account = op->account, .asset = p->asset, .amount = p->amount};
    hr_forced_run(c, &forced, hr_first_order(c, op->account));
    return HR_E_OK;
}

static int hr_op_forced_close(struct hr_core *c, const struct hr_op *op) {
    int e;
    if (hr_forced_is_malformed(op)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_forced(c, op))) return e;
    if (op->market >= HR_MAX_MARKETS || hr_market_at(c, op->market)->kind == 0)
        return HR_E_UNKNOWN_MARKET;
    if (hr_market_at(c, op->market)->kind != HR_MARKET_KIND_PERP) return HR_E_WRONG_MARKET;
    if (hr_market_at(c, op->market)->status != HR_MARKET_STATUS_OPEN) return HR_E_MARKET_NOT_OPEN;
    const struct hr_forced forced = {
        .kind = op->kind, .account = op->account, .market = op->market};
    hr_forced_run(c, &forced, hr_first_order(c, op->account));
    return HR_E_OK;
}

static int hr_op_forced_cancel(struct hr_core *c, const struct hr_op *op) {
    int e;
    if (hr_forced_is_malformed(op)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_forced(c, op))) return e;
    hr_cancel_list(c, op->account, hr_first_order(c, op->account), HR_ALL_MARKETS, HR_REASON_FORCED,
                   HR_MAX_STEPS);
    return HR_E_OK;
}

static int hr_op_forced_unlink(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_forced_unlink *p = &op->forced_unlink;
    int e;
    if (op->flags || op->market || p->peer_chain_id == UINT32_MAX ||
        !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_forced_unlink, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_forced(c, op))) return e;
    return hr_unlink(c, op->account, p->peer_chain_id);
}

static int hr_op_notice(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_notice *p = &op->notice;
    if (op->flags || op->market || op->account || p->record_kind != HR_PRIORITY_KIND_REFUND ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_notice, zero_tail)))
        return HR_E_MALFORMED_OP;
    hr_emit(c, HR_EVENT_KIND_PRIORITY_NOTED, 0, 0, p->record_kind, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
