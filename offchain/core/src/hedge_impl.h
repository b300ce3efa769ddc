/* Hedges: collateral that moves with the price of a market against a short position in it.
 * docs/spec/risk.md section 10. */
#ifndef HEADRACE_HEDGE_IMPL_H
#define HEADRACE_HEDGE_IMPL_H

#include "collateral_impl.h"

/* What hedges a position: of its notional, and what that adds to the account's worth. */
struct hr_hedge {
    uint64_t micro;
    int64_t bonus;
};

/* Micro that `held` units of an asset can hedge: only those of a price that is renewed count. */
static uint64_t hr_hedge_value(struct hr_core *c, uint32_t asset, uint64_t held) {
    const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
    if (!hr_is_collateral(risk) || (risk->flags & HR_ASSET_RISK_FLAG_IMPAIRED) ||
        c->header->now_s - risk->time_s >= risk->heartbeat_s)
        return 0;
    const uint64_t value = hr_collateral_value(c, asset, held) / HR_QUOTE_PER_MICRO;
    return value < HR_MICRO_LIMIT ? value : HR_MICRO_LIMIT;
}

/* What the balances of an account hedge of a short position of notional `n` in a market. */
static struct hr_hedge hr_hedge_of(struct hr_core *c, const struct hr_account *a, uint32_t market,
                                   uint64_t n) {
    struct hr_hedge hedge = {0, 0};
    for (uint32_t k = 1; k < HR_BALANCES_PER_ACCOUNT; k++) {
        if (a->asset_ids[k] == 0) continue;
        const uint32_t asset = a->asset_ids[k] - 1u;
        const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
        if (risk->hedge_market_plus_1 != market + 1) continue;
        const struct hr_balance *balance = &a->balances[k];
        const uint64_t held = balance->free_biased - HR_SIGNED_BIAS + balance->locked;
        const uint64_t value = hr_hedge_value(c, asset, held), left = n - hedge.micro;
        const uint64_t hedged = value < left ? value : left;
        hedge.micro += hedged;
        if (risk->liquidation_weight_ppm < HR_HEDGE_WEIGHT_PPM)
            hedge.bonus += (int64_t)hr_mul_div(
                hedged, HR_HEDGE_WEIGHT_PPM - risk->liquidation_weight_ppm, HR_PPM, HR_ROUND_DOWN);
    }
    return hedge;
}

/* What a requirement of a position of notional `n` falls by when `hedged` of it are hedged: to half
 * at most, and never so far that the hedged part asks for less than the floor. */
static int64_t hr_hedge_credit(uint64_t required, uint64_t n, uint64_t hedged) {
    const uint64_t half = hr_mul_div(required, hedged, 2 * n, HR_ROUND_DOWN);
    const uint64_t whole = hr_mul_div(required, hedged, n, HR_ROUND_DOWN);
    const uint64_t floor = hr_mul_div(hedged, HR_HEDGE_FLOOR_PPM, HR_PPM, HR_ROUND_UP);
    const uint64_t above = whole > floor ? whole - floor : 0;
    return (int64_t)(half < above ? half : above);
}

#endif
