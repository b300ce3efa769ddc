/* What assets other than the quote asset count for in a margin sum. docs/spec/risk.md section 6. */
#ifndef HEADRACE_COLLATERAL_IMPL_H
#define HEADRACE_COLLATERAL_IMPL_H

#include "state_impl.h"
#include "wide_impl.h"

enum { HR_PRICE_E8_UNIT = 100000000 };

enum hr_collateral_weight { HR_MARGIN_WEIGHT, HR_LIQUIDATION_WEIGHT };

/* Units on L1 that an engine unit of the asset is, x 10^12. */
static inline uint64_t hr_unit_index_e12(struct hr_core *c, uint32_t asset) {
    const uint64_t index = hr_asset_at(c, asset)->unit_index_e12;
    return index ? index : HR_INDEX_ONE;
}

/* Engine units for units of L1 that come in, and that go out; saturates. */
static inline uint64_t hr_units_credited(struct hr_core *c, uint32_t asset, uint64_t l1_units) {
    return hr_mul_div(l1_units, HR_INDEX_ONE, hr_unit_index_e12(c, asset), HR_ROUND_DOWN);
}
static inline uint64_t hr_units_debited(struct hr_core *c, uint32_t asset, uint64_t l1_units) {
    return hr_mul_div(l1_units, HR_INDEX_ONE, hr_unit_index_e12(c, asset), HR_ROUND_UP);
}

/* Do all accounts together stay below VALUE_LIMIT with `units` more (any u64)? */
static inline bool hr_can_supply(struct hr_core *c, uint32_t asset, uint64_t units) {
    return units < HR_VALUE_LIMIT && hr_asset_at(c, asset)->supply_units + units < HR_VALUE_LIMIT;
}

/* Quote units for 10^8 units of the asset; below 2^63, since price_e8 < 2^53, rate_e12 <= 10^15 and
 * an engine unit is at most one of L1. */
static inline uint64_t hr_unit_price_e8(struct hr_core *c, uint32_t asset) {
    const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
    const uint64_t index = hr_asset_at(c, asset)->unit_index_e12;
    uint64_t rate_e12 = risk->rate_e12;
    if (index) rate_e12 = hr_mul_div(rate_e12, index, HR_INDEX_ONE, HR_ROUND_DOWN);
    return hr_mul_div(risk->price_e8, rate_e12, HR_INDEX_ONE, HR_ROUND_DOWN);
}

/* Units that count in full: the first tier does, what lies above it by half. */
static inline uint64_t hr_effective_units(const struct hr_asset_risk *risk, uint64_t held) {
    const uint64_t units = held < risk->user_cap_units ? held : risk->user_cap_units;
    if (risk->tier_units == 0 || units <= risk->tier_units) return units;
    return risk->tier_units + (units - risk->tier_units) / 2;
}

/* A price that is not renewed and an impaired asset count for less with time. */
static uint64_t hr_collateral_weight_ppm(const struct hr_asset_risk *risk, uint64_t now_s,
                                         enum hr_collateral_weight which) {
    const bool is_impaired = risk->flags & HR_ASSET_RISK_FLAG_IMPAIRED;
    if (is_impaired && which == HR_MARGIN_WEIGHT) return 0;
    const uint64_t weight =
        which == HR_MARGIN_WEIGHT ? risk->margin_weight_ppm : risk->liquidation_weight_ppm;
    uint64_t haircut = (now_s - risk->time_s) / risk->heartbeat_s * HR_STALE_HAIRCUT_PPM;
    if (is_impaired)
        haircut += (now_s - risk->impaired_since_s) / HR_HOUR_S * HR_IMPAIRED_HAIRCUT_PPM;
    return weight > haircut ? weight - haircut : 0;
}

/* Does the asset count at all? The quote asset is not asked about. */
static inline bool hr_is_collateral(const struct hr_asset_risk *risk) {
    return (risk->flags & HR_ASSET_RISK_FLAG_EXISTS) && risk->time_s != 0;
}

/* Value of `held` units (below 2^62) of an asset in quote units; saturates. */
static inline uint64_t hr_collateral_value(struct hr_core *c, uint32_t asset, uint64_t held) {
    const uint64_t units = hr_effective_units(hr_asset_risk_at(c, asset), held);
    return hr_mul_div(units, hr_unit_price_e8(c, asset), HR_PRICE_E8_UNIT, HR_ROUND_DOWN);
}

/* Term of `held` units (below 2^62) of an asset in a margin sum, in 10^-6 quote tokens. */
static inline int64_t hr_collateral_micro(struct hr_core *c, uint32_t asset, uint64_t held,
                                          enum hr_collateral_weight which) {
    const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
    if (held == 0 || !hr_is_collateral(risk)) return 0;
    const uint64_t weight = hr_collateral_weight_ppm(risk, c->header->now_s, which);
    const uint64_t divisor = (uint64_t)HR_PPM * HR_QUOTE_PER_MICRO;
    const uint64_t value = hr_collateral_value(c, asset, held);
    uint64_t term;
    if (value != UINT64_MAX) {
        term = hr_mul_div(value, weight, divisor, HR_ROUND_DOWN);
    } else { /* the value has up to 99 bits; its term is clamped, but only after the weight */
        const uint64_t units = hr_effective_units(risk, held);
        const struct hr_wide exact = hr_wide_mul(hr_wide_of(units), hr_unit_price_e8(c, asset));
        const struct hr_wide whole = hr_wide_div(exact, hr_wide_of(HR_PRICE_E8_UNIT)).quotient;
        term = hr_wide_div_rounded(hr_wide_mul(whole, weight), hr_wide_of(divisor), HR_ROUND_DOWN);
    }
    return (int64_t)(term < HR_MICRO_LIMIT ? term : HR_MICRO_LIMIT);
}

#endif
