/* SWEEP: looks at all accounts with risk, one after the other. docs/spec/risk.md section 9. */
#ifndef HEADRACE_SWEEP_IMPL_H
#define HEADRACE_SWEEP_IMPL_H

#include "liquidation_impl.h"

/* Interest that an account owes on `owed` quote units since its last visit. */
static uint64_t hr_interest_due(struct hr_core *c, uint32_t account, uint64_t owed) {
    const struct hr_account *a = hr_account_at(c, account);
    const uint64_t index = hr_asset_risk_at(c, HR_QUOTE_ASSET)->owed_index_e12;
    if (a->quote_index_e12 == 0 || !(a->flags & HR_ACCOUNT_FLAG_OWES)) return 0;
    const uint64_t due =
        hr_mul_div(owed, index - a->quote_index_e12, a->quote_index_e12, HR_ROUND_UP);
    const bool has_room =
        due < HR_VALUE_LIMIT && hr_account_can_take(c, HR_INSURANCE_ACCOUNT, due) &&
        hr_unbias(a->balances[0].free_biased) - (int64_t)due > -(int64_t)HR_VALUE_LIMIT;
    return has_room ? due : 0;
}

/* Charges interest to who owes quote and pays it to who lends; an account without positions and
 * debt leaves the ring. */
static void hr_sweep_interest(struct hr_core *c, uint32_t account) {
    struct hr_account *a = hr_account_at(c, account);
    const int64_t quote = hr_held_quote(a);
    if (quote >= 0) {
        hr_earn(c, account, 0);
        if (a->positions_used == 0) hr_ring_leave(c, account);
        return;
    }
    const uint64_t index = hr_asset_risk_at(c, HR_QUOTE_ASSET)->owed_index_e12;
    const uint64_t due = hr_interest_due(c, account, (uint64_t)-quote);
    hr_quote_add(c, account, -(int64_t)due);
    hr_quote_add(c, HR_INSURANCE_ACCOUNT, (int64_t)due);
    if (due) {
        hr_lend(c, due);
        hr_emit(c, HR_EVENT_KIND_INTEREST, 0, account, (int64_t)due, (int64_t)index, 0, 0, 0, 0);
    }
    a->quote_index_e12 = index;
    a->flags &= ~(uint32_t)HR_ACCOUNT_FLAG_OWES;
    if (index) a->flags |= HR_ACCOUNT_FLAG_OWES;
    c->header->lap_negative += (uint64_t)-quote;
}

/* Writes the positions whose side has ended its epoch: nothing is left of them, and the side keeps
 * the index that they ended with for one epoch only. */
static void hr_sweep_ended_epochs(struct hr_core *c, uint32_t account) {
    for (uint32_t k = 0, left = hr_account_at(c, account)->positions_used; left; k++) {
        const struct hr_position *p = hr_position_at(c, account, k);
        if (p->market_plus_1 == 0) continue;
        left--;
        const uint32_t market = p->market_plus_1 - 1u;
        const int64_t size = hr_unbias(p->size_biased);
        const struct hr_market_risk *risk = hr_margined_risk(c, market);
        if (!risk || size == 0 || p->adl_epoch == risk->sides[hr_side_of_size(size)].epoch)
            continue;
        hr_settle_write(c, account, k);
        hr_position_release(c, account, market);
    }
}

/* The new index of interest, after a lap that found `negative` quote units owed. */
static uint64_t hr_owed_index_after(const struct hr_core *c, const struct hr_asset_risk *credit,
                                    uint64_t negative, uint64_t total) {
    const uint64_t used_ppm =
        negative ? hr_mul_div(negative, HR_PPM, negative + total, HR_ROUND_DOWN) : 0;
    const uint64_t rate_ppm = credit->base_rate_ppm + credit->slope_ppm * used_ppm / HR_PPM;
    const uint64_t dt_s = c->header->now_s - credit->interest_time_s;
    const uint64_t grown = hr_mul_div(credit->owed_index_e12, rate_ppm * dt_s,
                                      (uint64_t)HR_PPM * HR_YEAR_S, HR_ROUND_UP);
    return hr_index_grown(credit->owed_index_e12, grown);
}

static void hr_sweep_end_lap(struct hr_core *c) {
    struct hr_header *h = c->header;
    struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    h->swept_s = h->lap_started_s;
    h->sweep_laps++;
    h->negative_quote = h->lap_negative;
    if (credit->owed_index_e12) {
        credit->owed_index_e12 = hr_owed_index_after(c, credit, h->negative_quote,
                                                     hr_asset_at(c, HR_QUOTE_ASSET)->total_units);
        credit->interest_time_s = h->now_s;
        hr_touch_asset_risk(c, HR_QUOTE_ASSET);
    }
    hr_lenders_end_lap(c);
    hr_emit(c, HR_EVENT_KIND_LAP_ENDED, 0, 0, (int64_t)h->sweep_laps, (int64_t)h->negative_quote,
            (int64_t)credit->owed_index_e12, (int64_t)credit->earned_index_e12, 0, 0);
}

/* Ends a visit at which the engine did nothing more: the cursor moves on. */
static void hr_sweep_pass(struct hr_core *c, uint32_t account) {
    c->header->sweep_cursor = hr_account_at(c, account)->sweep_next;
    hr_sweep_interest(c, account);
}

static int hr_op_sweep(struct hr_core *c, const struct hr_op *op) {
    struct hr_header *h = c->header;
    if (op->flags || op->market || op->account || !hr_tail_is_zero(op, 0)) return HR_E_MALFORMED_OP;
    if (h->sweep_head == 0) return HR_E_NOTHING_TO_SWEEP;
    if (h->sweep_cursor == 0) {
        h->lap_started_s = h->now_s;
        h->lap_negative = 0;
        h->sweep_cursor = h->sweep_head;
    }
    enum hr_work work = HR_WORK_NOTHING;
    for (uint32_t steps = HR_MAX_STEPS; steps && h->sweep_cursor && work <= HR_WORK_STALE;
         steps--) {
        const uint32_t account = (uint32_t)h->sweep_cursor;
        hr_sweep_ended_epochs(c, account);
        work = hr_work(c, account);
        if (work > HR_WORK_STALE && work != HR_WORK_TRANCHE) return HR_E_OK;
        hr_sweep_pass(c, account);
    }
    if (h->sweep_cursor == 0) hr_sweep_end_lap(c);
    return HR_E_OK;
}

#endif
