/* What the valuation table lists. docs/spec/escape.md section 2. */
#ifndef HEADRACE_LISTING_IMPL_H
#define HEADRACE_LISTING_IMPL_H

#include "state_impl.h"

/* Puts an id, which is not there yet, into an ascending list of ids + 1. */
static void hr_listing_insert(uint16_t *ids_plus_1, uint32_t *count, uint32_t id) {
    uint32_t i = (*count)++;
    for (; i > 0 && ids_plus_1[i - 1] > id; i--) ids_plus_1[i] = ids_plus_1[i - 1];
    ids_plus_1[i] = (uint16_t)(id + 1);
}

static void hr_list_market(struct hr_core *c, uint32_t market) {
    struct hr_listing *listing = hr_listing_at(c);
    hr_listing_insert(listing->markets_plus_1, &listing->market_count, market);
    hr_touch_leaf(c, HR_SUBTREE_RISK, HR_LISTING_LEAF);
}

static void hr_list_asset(struct hr_core *c, uint32_t asset) {
    struct hr_listing *listing = hr_listing_at(c);
    hr_listing_insert(listing->assets_plus_1, &listing->asset_count, asset);
    hr_touch_leaf(c, HR_SUBTREE_RISK, HR_LISTING_LEAF);
}

#endif
