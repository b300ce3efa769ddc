/* Interest of lenders: what borrowers pay goes, less a spread, to those whose quote they use.
 * docs/spec/risk.md section 12. */
#ifndef HEADRACE_LENDERS_IMPL_H
#define HEADRACE_LENDERS_IMPL_H

#include "match_impl.h"

/* Inclusive bound of an index of interest: what it is multiplied with keeps within 192 bits. */
#define HR_INTEREST_INDEX_MAX (UINT64_C(1) << 60)

static inline int64_t hr_held_quote(const struct hr_account *a) {
    return hr_unbias(a->balances[0].free_biased) + (int64_t)a->balances[0].locked;
}

/* The index after growth by any u64, at most its bound. */
static inline uint64_t hr_index_grown(uint64_t index, uint64_t growth) {
    return growth > HR_INTEREST_INDEX_MAX - index ? HR_INTEREST_INDEX_MAX : index + growth;
}

/* Interest that an account has earned on `quote` >= 0 units since its last touch; nothing where no
 * balance could hold it, `incoming` units on top. */
static uint64_t hr_gain(struct hr_core *c, uint32_t account, uint64_t quote, uint64_t incoming) {
    const struct hr_account *a = hr_account_at(c, account);
    const struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    if (a->quote_index_e12 == 0 || (a->flags & HR_ACCOUNT_FLAG_OWES)) return 0;
    const uint64_t earned = hr_mul_div(quote, credit->earned_index_e12 - a->quote_index_e12,
                                       a->quote_index_e12, HR_ROUND_DOWN);
    const uint64_t gain = earned < credit->lender_pot_units ? earned : credit->lender_pot_units;
    const struct hr_balance *insurance = &hr_account_at(c, HR_INSURANCE_ACCOUNT)->balances[0];
    const bool has_room =
        gain < HR_VALUE_LIMIT && hr_account_can_take(c, account, gain + incoming) &&
        hr_unbias(insurance->free_biased) - (int64_t)gain > -(int64_t)HR_VALUE_LIMIT;
    return has_room ? gain : 0;
}

/* Pays an account that owes nothing what its quote has earned; before its balance changes from
 * outside, where `incoming` units are about to come, and at each visit of the sweep. */
HR_COLD void hr_earn(struct hr_core *c, uint32_t account, uint64_t incoming) {
    struct hr_account *a = hr_account_at(c, account);
    const int64_t quote = hr_held_quote(a);
    if (quote < 0) return;
    struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    const uint64_t index = credit->earned_index_e12;
    const bool lends = account != HR_FEE_ACCOUNT && account != HR_INSURANCE_ACCOUNT;
    const uint64_t gain = lends ? hr_gain(c, account, (uint64_t)quote, incoming) : 0;
    if (gain) {
        hr_quote_add(c, account, (int64_t)gain);
        hr_quote_add(c, HR_INSURANCE_ACCOUNT, -(int64_t)gain);
        credit->lender_pot_units -= gain;
        hr_touch_asset_risk(c, HR_QUOTE_ASSET);
        hr_emit(c, HR_EVENT_KIND_EARNED, 0, account, (int64_t)gain, (int64_t)index, 0, 0, 0, 0);
    }
    a->quote_index_e12 = lends ? index : 0;
    a->flags &= ~(uint32_t)HR_ACCOUNT_FLAG_OWES;
    hr_touch_account(c, account);
}

/* The lenders' part of interest that a borrower has paid. */
static void hr_lend(struct hr_core *c, uint64_t due) {
    struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    const uint64_t part = due - hr_ppm_ceil(due, credit->spread_ppm);
    if (credit->lender_pot_units + part >= HR_VALUE_LIMIT ||
        c->header->lap_lent + part >= HR_VALUE_LIMIT)
        return;
    credit->lender_pot_units += part;
    c->header->lap_lent += part;
    hr_touch_asset_risk(c, HR_QUOTE_ASSET);
}

/* Spreads what a lap has brought over all quote that is held. */
static void hr_lenders_end_lap(struct hr_core *c) {
    struct hr_header *h = c->header;
    struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    const uint64_t supply = hr_asset_at(c, HR_QUOTE_ASSET)->total_units + h->negative_quote;
    if (h->lap_lent && supply) {
        const uint64_t growth =
            hr_mul_div(credit->earned_index_e12, h->lap_lent, supply, HR_ROUND_DOWN);
        credit->earned_index_e12 = hr_index_grown(credit->earned_index_e12, growth);
        hr_touch_asset_risk(c, HR_QUOTE_ASSET);
    }
    h->lap_lent = 0;
}

#endif
