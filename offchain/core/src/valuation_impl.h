/* The valuation table: what L1 values the accounts of a frozen chain by. docs/spec/escape.md
 * section 2. */
#ifndef HEADRACE_VALUATION_IMPL_H
#define HEADRACE_VALUATION_IMPL_H

#include "collateral_impl.h"
#include "state_impl.h"

enum {
    HR_TABLE_WORD_NUMBERS = 4, /* of a word of 32 bytes */
    HR_TABLE_WORDS_MAX = 1 + 3 * HR_LISTED_MAX + HR_LISTED_MAX,
};

/* The table as it is hashed and published. */
struct hr_valuation {
    uint64_t big_endian[HR_TABLE_WORDS_MAX * HR_TABLE_WORD_NUMBERS];
    uint32_t count; /* numbers in use; 0: there is no table */
};

static inline uint32_t hr_valuation_bytes(const struct hr_valuation *table) {
    return table->count * (uint32_t)sizeof table->big_endian[0];
}

static void hr_table_word(struct hr_valuation *table, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d) {
    const uint64_t numbers[HR_TABLE_WORD_NUMBERS] = {a, b, c, d};
    for (uint32_t i = 0; i < HR_TABLE_WORD_NUMBERS; i++)
        table->big_endian[table->count++] = __builtin_bswap64(numbers[i]);
}

static void hr_table_market(struct hr_core *c, struct hr_valuation *table, uint32_t market) {
    const struct hr_market_risk *risk = hr_market_risk_at(c, market);
    hr_table_word(table, market, risk->mark_price, 0, 0);
    for (uint32_t s = HR_LONGS; s <= HR_SHORTS; s++) {
        const struct hr_side *side = &risk->sides[s];
        hr_table_word(table, side->epoch, side->taken, side->paid_biased, side->ended_paid_biased);
    }
}

/* Quote units that all accounts and isolated positions hold, debtors at zero: every fill credits
 * one side with what the other still carries in its cost, and funding comes out of the market's
 * pool before it is paid. What debtors owe is that of the last lap. */
static uint64_t hr_quote_supply(struct hr_core *c) {
    const struct hr_listing *listing = hr_listing_at(c);
    struct hr_signed_sum sum = {{{0}}, {{0}}};
    hr_sum_add(&sum, (int64_t)hr_asset_at(c, HR_QUOTE_ASSET)->total_units);
    hr_sum_add(&sum, (int64_t)c->header->negative_quote);
    for (uint32_t i = 0; i < listing->market_count; i++) {
        const struct hr_market_risk *risk = hr_market_risk_at(c, listing->markets_plus_1[i] - 1u);
        hr_sum_add(&sum, hr_unbias(risk->cost_biased));
        hr_sum_add(&sum, -hr_unbias(risk->pool_biased));
    }
    if (hr_sum_is_negative(&sum)) return 0;
    const uint64_t supply = hr_wide_saturate(hr_sum_magnitude(&sum));
    return supply < HR_VALUE_LIMIT ? supply : HR_VALUE_LIMIT - 1;
}

static void hr_table_asset(struct hr_core *c, struct hr_valuation *table, uint32_t asset) {
    const struct hr_asset *a = hr_asset_at(c, asset);
    const struct hr_asset_risk *risk = hr_asset_risk_at(c, asset);
    if (asset == HR_QUOTE_ASSET)
        hr_table_word(table, asset, HR_PRICE_E8_UNIT, HR_INDEX_ONE, hr_quote_supply(c));
    else
        hr_table_word(table, asset, risk->price_e8, risk->rate_e12, a->supply_units);
}

_Static_assert(sizeof((struct hr_valuation){0}.big_endian) == 8224, "as core.h tells it");

/* Makes the table of all that is listed; none without a listed market.
 * Out: table */
static void hr_valuation_table(struct hr_core *c, struct hr_valuation *table) {
    const struct hr_listing *listing = hr_listing_at(c);
    table->count = 0;
    if (listing->market_count == 0) return;
    const struct hr_asset_risk *credit = hr_asset_risk_at(c, HR_QUOTE_ASSET);
    hr_table_word(table, credit->earned_index_e12 ? credit->earned_index_e12 : HR_INDEX_ONE,
                  credit->owed_index_e12 ? credit->owed_index_e12 : HR_INDEX_ONE,
                  listing->market_count, listing->asset_count);
    for (uint32_t i = 0; i < listing->market_count; i++)
        hr_table_market(c, table, listing->markets_plus_1[i] - 1u);
    for (uint32_t i = 0; i < listing->asset_count; i++)
        hr_table_asset(c, table, listing->assets_plus_1[i] - 1u);
}

#endif
