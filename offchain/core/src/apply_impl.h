/* apply(): one op, gates first. docs/spec/transition.md section 2. */
#ifndef HEADRACE_APPLY_IMPL_H
#define HEADRACE_APPLY_IMPL_H

#include "leverage_impl.h"
#include "oracle_impl.h"
#include "risk_admin_impl.h"
#include "run_duties_impl.h"
#include "sweep_impl.h"
#include "waterfall_impl.h"

static bool hr_op_kind_exists(uint32_t kind) {
    return (kind >= HR_OP_KIND_PLACE && kind <= HR_OP_KIND_RELEASE) ||
           (kind >= HR_OP_KIND_ADVANCE_TIME && kind <= HR_OP_KIND_SEIZE) ||
           (kind >= HR_OP_KIND_DEPOSIT && kind <= HR_OP_KIND_ADMIN_VOID) ||
           (kind >= HR_OP_KIND_FORCED_WITHDRAW && kind <= HR_OP_KIND_PLEDGES_MOVED);
}

/* Has an account with risk not been looked at for too long? */
static inline bool hr_sweep_is_late(const struct hr_header *h) {
    return h->sweep_head != 0 && h->now_s > h->swept_s + HR_SWEEP_PERIOD_S;
}

/* May the op come before a late sweep? It takes no new risk, or serves to end the delay. */
static bool hr_op_needs_no_sweep(const struct hr_op *op) {
    if (op->kind == HR_OP_KIND_PLACE || op->kind == HR_OP_KIND_PLACE_TRIGGER ||
        op->kind == HR_OP_KIND_PLACE_TWAP)
        return op->flags & HR_PLACE_FLAG_REDUCE_ONLY;
    return (op->kind >= HR_OP_KIND_CANCEL && op->kind <= HR_OP_KIND_SCHEDULE_CANCEL) ||
           op->kind >= HR_OP_KIND_ADVANCE_TIME;
}

/* Checks 2 to 4: continuations come first, then duties, then the sweep. */
static int hr_check_gates(struct hr_core *c, const struct hr_op *op) {
    const uint32_t kind = op->kind;
    const bool pending = c->header->cont_kind != HR_CONTINUATION_NONE;
    if (pending && kind != HR_OP_KIND_CONTINUE) return HR_E_CONTINUATION_PENDING;
    if (!pending && kind == HR_OP_KIND_CONTINUE) return HR_E_NOTHING_TO_CONTINUE;
    const bool due = hr_is_something_due(c);
    /* a batch may end between duties, which can send more messages than a batch may */
    if (due && kind != HR_OP_KIND_RUN_DUTIES && kind != HR_OP_KIND_CONTINUE &&
        kind != HR_OP_KIND_SEAL_BATCH)
        return HR_E_DUTY_PENDING;
    if (!due && kind == HR_OP_KIND_RUN_DUTIES) return HR_E_NO_DUTY_DUE;
    if (hr_sweep_is_late(c->header) && !hr_op_needs_no_sweep(op)) return HR_E_SWEEP_LATE;
    return HR_E_OK;
}

static int hr_op_advance_time(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_advance_time *p = &op->advance_time;
    if (op->flags || op->market || op->account ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_advance_time, zero_tail)) ||
        p->now_s == UINT32_MAX)
        return HR_E_MALFORMED_OP;
    if (p->now_s < c->header->now_s) return HR_E_TIME_BACKWARDS;
    c->header->now_s = p->now_s;
    hr_emit(c, HR_EVENT_KIND_TIME_ADVANCED, 0, 0, p->now_s, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_system(struct hr_core *c, const struct hr_op *op) {
    if (op->flags || op->market || op->account || !hr_tail_is_zero(op, 0)) return HR_E_MALFORMED_OP;
    if (op->kind == HR_OP_KIND_CONTINUE) return hr_op_continue(c);
    if (op->kind == HR_OP_KIND_RUN_DUTIES) return hr_op_run_duties(c);
    hr_emit(c, HR_EVENT_KIND_BATCH_SEALED, 0, 0, (int64_t)c->header->batch_number++, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

/* The ops that are rare. */
HR_COLD int hr_op_dispatch_rare(struct hr_core *c, const struct hr_op *op) {
    switch (op->kind) {
    case HR_OP_KIND_MODIFY: return hr_op_modify(c, op);
    case HR_OP_KIND_CANCEL_BY_CLIENT_ID: return hr_op_cancel_by_client_id(c, op);
    case HR_OP_KIND_CANCEL_ALL: return hr_op_cancel_all(c, op);
    case HR_OP_KIND_SCHEDULE_CANCEL: return hr_op_schedule_cancel(c, op);
    case HR_OP_KIND_TRANSFER: return hr_op_transfer(c, op);
    case HR_OP_KIND_WITHDRAW: return hr_op_withdraw(c, op);
    case HR_OP_KIND_SET_TIER: return hr_op_set_tier(c, op);
    case HR_OP_KIND_APPROVE_BUILDER: return hr_op_approve_builder(c, op);
    case HR_OP_KIND_REGISTER_BUILDER: return hr_op_register_builder(c, op);
    case HR_OP_KIND_SET_AGENT: return hr_op_set_agent(c, op);
    case HR_OP_KIND_SET_OWNER_KEY: return hr_op_set_owner_key(c, op);
    case HR_OP_KIND_ADVANCE_TIME: return hr_op_advance_time(c, op);
    case HR_OP_KIND_DEPOSIT: return hr_op_deposit(c, op);
    case HR_OP_KIND_ADMIN_ASSET: return hr_op_admin_asset(c, op);
    case HR_OP_KIND_ADMIN_MARKET: return hr_op_admin_market(c, op);
    case HR_OP_KIND_ADMIN_FEE_TIER: return hr_op_admin_fee_tier(c, op);
    case HR_OP_KIND_SET_LEVERAGE: return hr_op_set_leverage(c, op);
    case HR_OP_KIND_MOVE_MARGIN: return hr_op_move_margin(c, op);
    case HR_OP_KIND_LIQUIDATE: return hr_op_liquidate(c, op);
    case HR_OP_KIND_SWEEP: return hr_op_sweep(c, op);
    case HR_OP_KIND_SNAPSHOT: return hr_op_snapshot(c, op);
    case HR_OP_KIND_PRICE_REPORT: return hr_op_price_report(c, op);
    case HR_OP_KIND_ADMIN_MARKET_PRICES: return hr_op_admin_market_prices(c, op);
    case HR_OP_KIND_ADMIN_MARKET_RISK: return hr_op_admin_market_risk(c, op);
    case HR_OP_KIND_ADMIN_ASSET_RISK: return hr_op_admin_asset_risk(c, op);
    case HR_OP_KIND_ADMIN_CREDIT: return hr_op_admin_credit(c, op);
    case HR_OP_KIND_ADMIN_MARKET_CALENDAR: return hr_op_admin_market_calendar(c, op);
    case HR_OP_KIND_PLACE_TRIGGER: return hr_op_place_trigger(c, op);
    case HR_OP_KIND_PLACE_TWAP: return hr_op_place_twap(c, op);
    case HR_OP_KIND_INVEST: return hr_op_invest(c, op);
    case HR_OP_KIND_REDEEM: return hr_op_redeem(c, op);
    case HR_OP_KIND_CREATE_FUND: return hr_op_create_fund(c, op);
    case HR_OP_KIND_ADMIN_MARKET_WATERFALL: return hr_op_admin_market_waterfall(c, op);
    case HR_OP_KIND_ADMIN_FUND: return hr_op_admin_fund(c, op);
    case HR_OP_KIND_PLEDGE: return hr_op_pledge(c, op);
    case HR_OP_KIND_RELEASE: return hr_op_release(c, op);
    case HR_OP_KIND_SEIZE: return hr_op_seize(c, op);
    case HR_OP_KIND_ADMIN_CHANNEL: return hr_op_admin_channel(c, op);
    case HR_OP_KIND_ADMIN_LINK: return hr_op_admin_link(c, op);
    case HR_OP_KIND_ADMIN_FEED: return hr_op_admin_feed(c, op);
    case HR_OP_KIND_ADMIN_VOID: return hr_op_admin_void(c, op);
    case HR_OP_KIND_FORCED_WITHDRAW: return hr_op_forced_withdraw(c, op);
    case HR_OP_KIND_FORCED_CLOSE: return hr_op_forced_close(c, op);
    case HR_OP_KIND_FORCED_CANCEL: return hr_op_forced_cancel(c, op);
    case HR_OP_KIND_FORCED_SWEEP: return hr_op_liquidate(c, op);
    case HR_OP_KIND_FORCED_UNLINK: return hr_op_forced_unlink(c, op);
    case HR_OP_KIND_NOTICE: return hr_op_notice(c, op);
    case HR_OP_KIND_PLEDGES_MOVED: return hr_op_pledges_moved(c, op);
    default: return hr_op_system(c, op);
    }
}

/* Any op, with all gates. */
HR_COLD int hr_apply_gated(struct hr_core *c, const struct hr_op *op) {
    if (!hr_op_kind_exists(op->kind)) return HR_E_UNKNOWN_OP;
    const int e = hr_check_gates(c, op);
    if (e) return e;
    if (op->kind == HR_OP_KIND_PLACE) return hr_op_place(c, op);
    if (op->kind == HR_OP_KIND_CANCEL) return hr_op_cancel(c, op);
    return hr_op_dispatch_rare(c, op);
}

/* Applies one op. Room for HR_MAX_EVENTS_PER_OP events must be at c->events.
 * Returns: HR_E_OK, an error code (nothing changed), or HR_TRAP. */
HR_HOT int hr_apply(struct hr_core *c, const struct hr_op *op) {
    int e;
    /* the two frequent kinds, when no gate can be closed */
    const bool gates_open = (c->header->cont_kind | c->header->duty_count | c->header->sweep_head |
                             c->header->trigger_market) == 0;
    if (gates_open && op->kind == HR_OP_KIND_PLACE)
        e = hr_op_place(c, op);
    else if (gates_open && op->kind == HR_OP_KIND_CANCEL)
        e = hr_op_cancel(c, op);
    else
        e = hr_apply_gated(c, op);
    return __builtin_expect(c->trapped, 0) ? HR_TRAP : e;
}

/* Genesis: config hash (32 bytes), the fee and insurance accounts owned by governance. */
static inline void hr_genesis(struct hr_core *c, const uint8_t config_hash[32],
                              const uint8_t governance[20]) {
    struct hr_config *config = HR_AT(c, HR_SUBTREE_CONFIG, struct hr_config, 0);
    for (int i = 0; i < 32; i++)
        config->config_hash[i / 4] = config->config_hash[i / 4] << 8 | config_hash[i];
    uint64_t owner[3];
    hr_address_pack(owner, governance);
    c->header->next_event_seq = 1;
    c->header->next_order_sequence = 1;
    hr_account_create(c, HR_FEE_ACCOUNT, owner);
    hr_account_create(c, HR_INSURANCE_ACCOUNT, owner);
    hr_touch_leaf(c, HR_SUBTREE_CONFIG, 0);
}

#endif
