/* Exchange and bad debt: collateral that pays a negative quote balance, and what nobody pays.
 * docs/spec/risk.md section 8, step 4 of the engine. */
#ifndef HEADRACE_EXCHANGE_IMPL_H
#define HEADRACE_EXCHANGE_IMPL_H

#include "reservations_impl.h"

/* Units of balance slot k that the insurance account buys from an account which owes quote, at the
 * price less the discount. Returns: 0 when it buys none. Out: proceeds, quote units. */
static uint64_t hr_exchange_units(struct hr_core *c, const struct hr_account *a, uint32_t k,
                                  uint64_t *proceeds) {
    if (a->asset_ids[k] == 0) return 0;
    const uint32_t asset = a->asset_ids[k] - 1u;
    const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
    const uint64_t free = a->balances[k].free_biased - HR_SIGNED_BIAS;
    if (!hr_is_collateral(risk) || free == 0) return 0;
    const uint64_t price_e8 = hr_mul_div(
        hr_unit_price_e8(c, asset), HR_PPM - risk->exchange_discount_ppm, HR_PPM, HR_ROUND_DOWN);
    if (price_e8 == 0) return 0;
    const uint64_t owed = (uint64_t)-hr_held_quote(a);
    const uint64_t needed = hr_mul_div(owed, HR_PRICE_E8_UNIT, price_e8, HR_ROUND_UP);
    const uint64_t units = needed < free ? needed : free;
    *proceeds = hr_mul_div(units, price_e8, HR_PRICE_E8_UNIT, HR_ROUND_DOWN);
    const struct hr_account *insurer = hr_account_at(c, HR_INSURANCE_ACCOUNT);
    const uint32_t slot = hr_balance_slot(insurer, asset);
    const bool has_slot = slot != HR_NO_SLOT || hr_balance_slot_free(insurer) != HR_NO_SLOT;
    return *proceeds < HR_VALUE_LIMIT && hr_balance_covers(&insurer->balances[0], *proceeds) &&
                   has_slot && hr_account_can_receive(insurer, asset, units)
               ? units
               : 0;
}

/* Does an account that owes quote have nothing else? */
static bool hr_is_bankrupt(const struct hr_account *a) {
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (a->asset_ids[k] &&
            (a->balances[k].free_biased != HR_SIGNED_BIAS || a->balances[k].locked))
            return false;
    return true;
}

/* May the engine exchange what an account has? `any` says that it has a position with a size. */
static bool hr_may_exchange(struct hr_core *c, uint32_t account, bool any) {
    const int64_t quote = hr_held_quote(hr_account_at(c, account));
    if (quote >= 0 || account == HR_INSURANCE_ACCOUNT) return false;
    const struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    return !any || (uint64_t)-quote > credit->negative_cap_units;
}

/* Would hr_exchange do something? */
static bool hr_exchange_is_due(struct hr_core *c, uint32_t account, bool any) {
    if (!hr_may_exchange(c, account, any)) return false;
    const struct hr_account *a = hr_account_at(c, account);
    uint64_t proceeds;
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++)
        if (hr_exchange_units(c, a, k, &proceeds)) return true;
    return !any && hr_is_bankrupt(a);
}

/* Sells units to the insurance account. */
static void hr_exchange_slot(struct hr_core *c, uint32_t account, uint32_t k, uint64_t units,
                             uint64_t proceeds) {
    const uint32_t asset = hr_account_at(c, account)->asset_ids[k] - 1u;
    hr_outflow(c, account, asset, units);
    if (hr_is_linked(c, asset)) hr_reservation_claim(c, account, asset, units);
    hr_quote_add(c, account, (int64_t)proceeds);
    hr_inflow(c, HR_INSURANCE_ACCOUNT, asset, units);
    hr_quote_add(c, HR_INSURANCE_ACCOUNT, -(int64_t)proceeds);
    hr_emit(c, HR_EVENT_KIND_EXCHANGED, 0, account, asset, (int64_t)units, (int64_t)proceeds, 0, 0,
            0);
}

/* Exchanges until nothing is owed; writes off what an account with nothing left owes. */
static void hr_exchange(struct hr_core *c, uint32_t account, bool any) {
    const struct hr_account *a = hr_account_at(c, account);
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT && hr_held_quote(a) < 0; k++) {
        uint64_t proceeds;
        const uint64_t units = hr_exchange_units(c, a, k, &proceeds);
        if (units) hr_exchange_slot(c, account, k, units, proceeds);
    }
    const int64_t quote = hr_held_quote(a);
    if (quote >= 0 || any || !hr_is_bankrupt(a)) return;
    hr_quote_add(c, HR_INSURANCE_ACCOUNT, quote);
    hr_quote_add(c, account, -quote);
    hr_emit(c, HR_EVENT_KIND_BAD_DEBT, 0, account, -quote, 0, 0, 0, 0, 0);
}

#endif
