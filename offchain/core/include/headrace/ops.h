/* Ops: 64 bytes each, docs/spec/transition.md section 2. The structs are the wire layout; zero_*
 * members must be zero. */
#ifndef HEADRACE_OPS_H
#define HEADRACE_OPS_H

#include <stdint.h>

#include "constants.h"

struct hr_op_place {
    uint8_t tif, self_trade;
    uint16_t builder;
    uint32_t price; /* or slippage_ppm of a market order */
    uint64_t size_lots, client_id[2];
    uint32_t expiry_s;
    uint16_t builder_fee, zero_gap;
    uint32_t take_profit, take_profit_limit, stop, stop_limit; /* of a BRACKET */
};
/* Up to builder_fee the bytes of both are those of a PLACE. */
struct hr_op_place_trigger {
    uint8_t zero_tif, self_trade;
    uint16_t builder;
    uint32_t trigger_price;
    uint64_t size_lots, client_id[2];
    uint32_t expiry_s;
    uint16_t builder_fee, zero_gap;
    uint32_t limit_price, trail, other_trigger, other_limit;
};
struct hr_op_place_twap {
    uint8_t zero_tif, self_trade;
    uint16_t builder;
    uint32_t interval_s;
    uint64_t size_lots, client_id[2];
    uint32_t slices;
    uint16_t builder_fee, zero_gap;
    uint32_t slippage_ppm;
    uint8_t zero_tail[12];
};
struct hr_op_modify {
    uint64_t order_id, size_lots;
    uint32_t price, slot;
    uint8_t self_trade, tif;
    uint8_t zero_tail[30];
};
struct hr_op_cancel {
    uint64_t order_id;
    uint32_t slot;
    uint8_t zero_tail[44];
};
struct hr_op_client_id {
    uint64_t client_id[2];
    uint8_t zero_tail[40];
};
struct hr_op_schedule_cancel {
    uint32_t at_s;
    uint8_t zero_tail[52];
};
struct hr_op_transfer {
    uint32_t to_account;
    uint16_t asset;
    uint8_t zero_gap[2];
    uint64_t amount;
    uint8_t zero_tail[40];
};
struct hr_op_withdraw {
    uint16_t asset;
    uint8_t zero_gap[6];
    uint64_t amount;
    uint8_t zero_tail[40];
};
struct hr_op_set_tier {
    uint8_t tier;
    uint8_t zero_tail[55];
};
struct hr_op_approve_builder {
    uint16_t builder, max_fee;
    uint8_t zero_tail[52];
};
struct hr_op_set_agent {
    uint8_t address[20];
    uint32_t expiry_s;
    uint8_t slot;
    uint8_t zero_tail[31];
};
struct hr_op_set_owner_key {
    uint8_t on;
    uint8_t zero_tail[55];
};
struct hr_op_advance_time {
    uint32_t now_s;
    uint8_t zero_tail[52];
};
struct hr_op_deposit {
    uint8_t owner[20];
    uint16_t asset;
    uint8_t zero_gap[2];
    uint64_t amount;
    uint8_t zero_tail[24];
};
struct hr_op_admin_asset {
    uint16_t asset, flags;
    uint8_t zero_gap[4];
    uint64_t withdraw_step_units, deposit_cap_units;
    uint8_t zero_tail[32];
};
struct hr_op_admin_market {
    uint8_t kind, status, sz_decimals, max_significant_figures;
    uint16_t base_asset;
    uint8_t fee_table, zero_gap;
    uint32_t tick, fee_account, insurance_account;
    uint8_t zero_gap2[4];
    uint64_t min_size_lots;
    uint8_t zero_tail[24];
};
struct hr_op_admin_fee_tier {
    uint8_t table, tier, flags, zero_gap;
    uint32_t maker_ppm, taker_ppm, quota_per_minute;
    uint8_t zero_tail[40];
};

struct hr_op_set_leverage {
    uint8_t leverage, mode;
    uint8_t zero_tail[54];
};
struct hr_op_move_margin {
    uint64_t amount;
    uint8_t out;
    uint8_t zero_tail[47];
};
struct hr_op_snapshot {
    uint16_t asset;
    uint8_t target, zero_gap;
    uint32_t time_s;
    uint64_t price_e8, rate_e12;
    uint8_t zero_tail[32];
};
struct hr_op_price_report {
    uint32_t index_price, external_mark, time_s;
    uint8_t sources;
    uint8_t zero_tail[43];
};
struct hr_op_admin_market_prices {
    uint32_t basis_cap_ppm, mark_band_ppm, jump_ppm, snapshot_band_ppm;
    uint32_t funding_interest_ppm, funding_cap_ppm, min_sources, max_report_age_s;
    uint64_t impact_notional_micro;
    uint8_t zero_tail[16];
};
struct hr_op_admin_market_risk {
    uint32_t initial_ppm, maintenance_ppm, closeout_ppm, liquidation_fee_ppm;
    uint64_t tier1_micro, tier2_micro, open_interest_cap_lots, concentration_free_lots;
    uint32_t concentration_ppm, price_band_ppm;
};
struct hr_op_admin_asset_risk {
    uint16_t asset, flags;
    uint32_t margin_weight_ppm, liquidation_weight_ppm, exchange_discount_ppm;
    uint32_t growth_cap_ppm, heartbeat_s;
    uint64_t tier_units, user_cap_units;
    uint32_t yield_share_ppm, hedge_market_plus_1;
    uint8_t zero_tail[8];
};
struct hr_op_admin_credit {
    uint32_t base_rate_ppm, slope_ppm;
    uint64_t negative_cap_units;
    uint32_t spread_ppm;
    uint8_t zero_tail[36];
};
struct hr_op_admin_market_calendar {
    uint32_t days[7], weekend_band_ppm, off_hours_initial_ppm;
    uint8_t zero_tail[20];
};
struct hr_op_admin_feed {
    uint8_t entry, target;
    uint16_t asset;
    uint8_t price_feed, rate_feed_plus_1, on;
    uint8_t zero_tail[49];
};

/* FORCED_WITHDRAW, FORCED_CLOSE and FORCED_CANCEL; the last two have neither asset nor amount. */
struct hr_op_forced {
    uint16_t asset, zero_asset;
    uint32_t zero_gap;
    uint64_t amount, zero_gap2;
    uint8_t sender[20];
    uint8_t zero_tail[12];
};
struct hr_op_notice {
    uint8_t record_kind;
    uint8_t zero_tail[55];
};

struct hr_op_invest {
    uint16_t fund;
    uint8_t zero_gap[6];
    uint64_t amount;
    uint8_t zero_tail[40];
};
struct hr_op_redeem {
    uint16_t fund;
    uint8_t zero_gap[6];
    uint64_t shares;
    uint8_t zero_tail[40];
};
struct hr_op_create_fund {
    uint32_t fee_ppm, lockup_s;
    uint64_t amount;
    uint8_t zero_tail[40];
};
struct hr_op_admin_market_waterfall {
    uint8_t flags;
    uint8_t zero_tail[55];
};
struct hr_op_admin_fund {
    uint32_t fee_ppm, lockup_s;
    uint8_t zero_tail[48];
};

struct hr_op_pledge {
    uint16_t asset;
    uint8_t channel, zero_gap;
    uint32_t peer_account;
    uint64_t amount;
    uint32_t expires_at_s;
    uint8_t zero_tail[36];
};
struct hr_op_release {
    uint16_t asset;
    uint8_t zero_gap[6];
    uint64_t amount;
    uint8_t zero_tail[40];
};
struct hr_op_seize {
    uint8_t j; /* record of the account's master */
    uint8_t zero_tail[55];
};
struct hr_op_admin_channel {
    uint8_t channel, zero_gap[3];
    uint32_t peer_chain_id, own_chain_id;
    uint8_t zero_tail[44];
};
struct hr_op_admin_link {
    uint16_t asset;
    uint8_t channel, zero_gap;
    uint16_t peer_asset;
    uint8_t zero_tail[50];
};
struct hr_op_admin_void {
    uint8_t channel, zero_gap[7];
    uint64_t index;
    uint8_t zero_tail[40];
};
struct hr_op_forced_unlink {
    uint32_t peer_chain_id;
    uint8_t zero_gap[20], sender[20], zero_tail[12];
};
struct hr_op_pledges_moved {
    uint16_t asset;
    uint8_t is_holder, zero_gap;
    uint32_t peer_chain_id;
    uint64_t units;
    uint8_t zero_tail[40];
};

struct hr_op {
    union {
        struct {
            uint8_t kind, flags;
            uint16_t market;
            uint32_t account;
        };
        uint64_t header_word;
    };
    union {
        struct hr_op_place place;
        struct hr_op_place_trigger place_trigger;
        struct hr_op_place_twap place_twap;
        struct hr_op_modify modify;
        struct hr_op_cancel cancel;
        struct hr_op_client_id client_id;
        struct hr_op_schedule_cancel schedule_cancel;
        struct hr_op_transfer transfer;
        struct hr_op_withdraw withdraw;
        struct hr_op_set_tier set_tier;
        struct hr_op_approve_builder approve_builder;
        struct hr_op_set_agent set_agent;
        struct hr_op_set_owner_key set_owner_key;
        struct hr_op_advance_time advance_time;
        struct hr_op_deposit deposit;
        struct hr_op_admin_asset admin_asset;
        struct hr_op_admin_market admin_market;
        struct hr_op_admin_fee_tier admin_fee_tier;
        struct hr_op_set_leverage set_leverage;
        struct hr_op_move_margin move_margin;
        struct hr_op_snapshot snapshot;
        struct hr_op_price_report price_report;
        struct hr_op_admin_market_prices admin_market_prices;
        struct hr_op_admin_market_risk admin_market_risk;
        struct hr_op_admin_asset_risk admin_asset_risk;
        struct hr_op_admin_credit admin_credit;
        struct hr_op_admin_market_calendar admin_market_calendar;
        struct hr_op_admin_feed admin_feed;
        struct hr_op_forced forced;
        struct hr_op_notice notice;
        struct hr_op_invest invest;
        struct hr_op_redeem redeem;
        struct hr_op_create_fund create_fund;
        struct hr_op_admin_market_waterfall admin_market_waterfall;
        struct hr_op_admin_fund admin_fund;
        struct hr_op_pledge pledge;
        struct hr_op_release release;
        struct hr_op_seize seize;
        struct hr_op_admin_channel admin_channel;
        struct hr_op_admin_link admin_link;
        struct hr_op_admin_void admin_void;
        struct hr_op_forced_unlink forced_unlink;
        struct hr_op_pledges_moved pledges_moved;
        uint8_t body[56];
        uint64_t body_words[7];
    };
};

_Static_assert(sizeof(struct hr_op) == HR_OP_BYTES);
_Static_assert(sizeof(struct hr_op_place) == 56);
_Static_assert(sizeof(struct hr_op_place_trigger) == 56);
_Static_assert(sizeof(struct hr_op_place_twap) == 56);
_Static_assert(sizeof(struct hr_op_modify) == 56);
_Static_assert(sizeof(struct hr_op_cancel) == 56);
_Static_assert(sizeof(struct hr_op_client_id) == 56);
_Static_assert(sizeof(struct hr_op_schedule_cancel) == 56);
_Static_assert(sizeof(struct hr_op_transfer) == 56);
_Static_assert(sizeof(struct hr_op_withdraw) == 56);
_Static_assert(sizeof(struct hr_op_set_tier) == 56);
_Static_assert(sizeof(struct hr_op_approve_builder) == 56);
_Static_assert(sizeof(struct hr_op_set_agent) == 56);
_Static_assert(sizeof(struct hr_op_set_owner_key) == 56);
_Static_assert(sizeof(struct hr_op_advance_time) == 56);
_Static_assert(sizeof(struct hr_op_deposit) == 56);
_Static_assert(sizeof(struct hr_op_admin_asset) == 56);
_Static_assert(sizeof(struct hr_op_admin_market) == 56);
_Static_assert(sizeof(struct hr_op_admin_fee_tier) == 56);
_Static_assert(sizeof(struct hr_op_set_leverage) == 56);
_Static_assert(sizeof(struct hr_op_move_margin) == 56);
_Static_assert(sizeof(struct hr_op_snapshot) == 56);
_Static_assert(sizeof(struct hr_op_price_report) == 56);
_Static_assert(sizeof(struct hr_op_admin_market_prices) == 56);
_Static_assert(sizeof(struct hr_op_admin_market_risk) == 56);
_Static_assert(sizeof(struct hr_op_admin_asset_risk) == 56);
_Static_assert(sizeof(struct hr_op_admin_credit) == 56);
_Static_assert(sizeof(struct hr_op_admin_market_calendar) == 56);
_Static_assert(sizeof(struct hr_op_admin_feed) == 56);
_Static_assert(sizeof(struct hr_op_forced) == 56);
_Static_assert(sizeof(struct hr_op_notice) == 56);
_Static_assert(sizeof(struct hr_op_invest) == 56);
_Static_assert(sizeof(struct hr_op_redeem) == 56);
_Static_assert(sizeof(struct hr_op_create_fund) == 56);
_Static_assert(sizeof(struct hr_op_admin_market_waterfall) == 56);
_Static_assert(sizeof(struct hr_op_admin_fund) == 56);
_Static_assert(sizeof(struct hr_op_pledge) == 56);
_Static_assert(sizeof(struct hr_op_release) == 56);
_Static_assert(sizeof(struct hr_op_seize) == 56);
_Static_assert(sizeof(struct hr_op_admin_channel) == 56);
_Static_assert(sizeof(struct hr_op_admin_link) == 56);
_Static_assert(sizeof(struct hr_op_admin_void) == 56);
_Static_assert(sizeof(struct hr_op_forced_unlink) == 56);
_Static_assert(sizeof(struct hr_op_pledges_moved) == 56);

#endif
