/* Yield share: a part of the rise of a redemption rate, minted to the fee account by making an
 * engine unit a smaller part of a unit on L1. docs/spec/risk.md section 13. */
#ifndef HEADRACE_YIELD_IMPL_H
#define HEADRACE_YIELD_IMPL_H

#include "accounts_impl.h"

/* The index after the rate has risen from r0 to r1 and the engine keeps its share of the rise. */
static uint64_t hr_unit_index_after(uint64_t index, uint32_t share_ppm, uint64_t r0, uint64_t r1) {
    const struct hr_wide whole = hr_wide_mul(hr_wide_of(r1), HR_PPM);
    const struct hr_wide shared = hr_wide_mul(hr_wide_of(r1 - r0), share_ppm);
    return hr_wide_div_rounded(hr_wide_mul(hr_wide_sub(whole, shared), index), whole,
                               HR_ROUND_DOWN);
}

/* Takes the share of a rise of the asset's rate; what is too small or has no room is not taken. */
HR_COLD void hr_yield_share(struct hr_core *c, uint32_t asset_id, uint64_t r0, uint64_t r1) {
    struct hr_asset *asset = hr_asset_at(c, asset_id);
    const uint32_t share_ppm = hr_asset_risk_at(c, asset_id)->yield_share_ppm;
    if (share_ppm == 0 || r0 == 0 || r1 <= r0 || asset->supply_units == 0) return;
    const uint64_t index = hr_unit_index_e12(c, asset_id);
    const uint64_t after = hr_unit_index_after(index, share_ppm, r0, r1);
    if (after < HR_UNIT_INDEX_MIN_E12) return;
    const uint64_t backed = hr_mul_div(asset->supply_units, index, HR_INDEX_ONE, HR_ROUND_DOWN);
    const uint64_t needed = hr_mul_div(asset->supply_units, after, HR_INDEX_ONE, HR_ROUND_UP);
    if (needed >= backed) return;
    const uint64_t freed = backed - needed;
    const uint64_t minted = hr_mul_div(freed, HR_INDEX_ONE, after, HR_ROUND_DOWN);
    const struct hr_account *fees = hr_account_at(c, HR_FEE_ACCOUNT);
    const bool has_slot =
        hr_balance_slot(fees, asset_id) != HR_NO_SLOT || hr_balance_slot_free(fees) != HR_NO_SLOT;
    if (!has_slot || !hr_can_supply(c, asset_id, minted) ||
        !hr_account_can_receive(fees, asset_id, minted))
        return;
    hr_inflow(c, HR_FEE_ACCOUNT, asset_id, minted);
    asset->supply_units += minted;
    asset->unit_index_e12 = after;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, asset_id);
    hr_emit(c, HR_EVENT_KIND_YIELD_SHARED, 0, HR_FEE_ACCOUNT, asset_id, (int64_t)minted,
            (int64_t)freed, (int64_t)after, 0, 0);
}

#endif
