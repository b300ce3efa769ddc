/* Throws hostile bytes at the core under AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 * Usage: fuzz_driver SECONDS SEED. Deterministic but for the moment at which it stops. Inputs are
 * plausible ops and envelopes, most of them with some bytes changed, so that they get past the
 * first checks. Besides what the sanitizers see, it checks that refused input changes nothing and
 * that changed hints trap or give the same events. Prints counts; exit code 1 on a failed check. */
#include "../../offchain/core/native/native.c" /* first: it chooses the features of the C library */

#include <stdio.h>
#include <time.h>

enum {
    MASTERS = 4,
    MARKETS = 4, /* 1 spot, 2 spot with a tick, 3 perpetual, 4 margined perpetual */
    PERP = 3,
    MARGINED = 4,
    FUNDS = 2, /* 0 of a trader, 1 of governance and a backstop */
    START_S = 100000,
    OPS_PER_CORE = 50000,
    REPLAY_OPS = 400,
    REPLAYS_EVERY = 40000,
    CLOCK_EVERY = 256,
    MID_PRICE = 1000,
    ARRIVAL_MS = 1000000000,
};

static uint64_t random_state;

static uint64_t random_u64(void) { /* xorshift64*, Marsaglia 2003 and Vigna 2016 */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1Dull;
}
static uint32_t below(uint32_t n) {
    return (uint32_t)((random_u64() >> 32) * n >> 32);
}
static bool one_in(uint32_t n) {
    return below(n) == 0;
}

static uint64_t any_size(void) {
    return one_in(20) ? random_u64() >> below(64) : 1 + below(12);
}
static uint64_t any_lots(uint32_t market) { /* large where margin can run out */
    return market == MARGINED && !one_in(4) ? 1 + (random_u64() >> (26 + below(30))) : any_size();
}
static uint32_t any_account(void) {
    return one_in(50) ? (uint32_t)random_u64() : 32 * (1 + below(MASTERS)) + below(2);
}
static uint32_t any_price(void) {
    return one_in(20) ? (uint32_t)random_u64() >> below(32) : MID_PRICE - 10 + 5 * below(5);
}

static void fail(const char *what) {
    fprintf(stderr, "fuzz_driver: %s (generator state %llx)\n", what,
            (unsigned long long)random_state);
    exit(1);
}

/* --- ops ------------------------------------------------------------------------------------ */

static struct hr_op any_place(struct hr_core *c) {
    struct hr_op op = {.kind = HR_OP_KIND_PLACE, .account = any_account()};
    op.market = (uint16_t)(1 + below(MARKETS));
    op.flags = (uint8_t)(below(2) | (one_in(3) ? HR_PLACE_FLAG_SELF_TRADE_BY_MASTER : 0));
    if (op.market >= PERP && one_in(5)) op.flags |= HR_PLACE_FLAG_REDUCE_ONLY;
    op.place.tif = (uint8_t)(one_in(2) ? 0 : below(4));
    op.place.self_trade = (uint8_t)below(4);
    op.place.price = any_price();
    op.place.size_lots = any_lots(op.market);
    if (one_in(5)) op.place.client_id[0] = below(6);
    if (one_in(5)) op.place.expiry_s = (uint32_t)c->header->now_s + below(12);
    if (one_in(6)) {
        op.place.builder = 1;
        op.place.builder_fee = (uint16_t)below(500);
    }
    return op;
}

/* A price near the mark of the margined market, above it or below. */
static uint32_t near_mark(struct hr_core *c, bool is_above) {
    const uint32_t mark = hr_market_risk_at(c, MARGINED)->mark_price;
    const uint32_t distance = one_in(12) ? 0 : 1 + below(mark / 8 + 2);
    return is_above ? mark + distance : mark - distance;
}

/* A bracket, a trigger or a TWAP. */
static struct hr_op any_conditional(struct hr_core *c) {
    struct hr_op op = any_place(c);
    const bool is_above = one_in(2);
    op.market = MARGINED;
    if (one_in(3)) {
        const bool is_ask = op.flags & HR_PLACE_FLAG_IS_ASK;
        op.flags = (op.flags & ~HR_PLACE_FLAG_REDUCE_ONLY) | HR_PLACE_FLAG_BRACKET;
        if (!one_in(4)) op.place.take_profit = near_mark(c, !is_ask);
        if (!one_in(4)) op.place.stop = near_mark(c, is_ask);
        if (op.place.stop && one_in(2)) op.place.stop_limit = near_mark(c, one_in(2));
        return op;
    }
    op.place.tif = 0;
    if (one_in(4)) {
        op.kind = HR_OP_KIND_PLACE_TWAP;
        op.place_twap.interval_s = 10 + below(4);
        op.place_twap.slices = 2 + below(4);
        op.place_twap.size_lots *= 5;
        op.place_twap.slippage_ppm = below(HR_MAX_SLIPPAGE_PPM + 1);
        return op;
    }
    op.kind = HR_OP_KIND_PLACE_TRIGGER;
    op.flags |= is_above ? HR_PLACE_FLAG_FIRES_ABOVE : 0;
    op.place_trigger.trigger_price = near_mark(c, is_above);
    if (one_in(2)) op.place_trigger.limit_price = near_mark(c, one_in(2));
    if (one_in(3)) {
        op.place_trigger.other_trigger = near_mark(c, !is_above);
    } else if (one_in(3)) {
        op.flags = (op.flags & ~1u) | !is_above;
        op.place_trigger.trigger_price = 0;
        op.place_trigger.trail = 1 + below(200);
    }
    return op;
}

/* A MODIFY or CANCEL, mostly of an order that exists. */
static struct hr_op any_of_order(struct hr_core *c) {
    const uint32_t slot = below((uint32_t)c->header->orders_used + 2);
    const struct hr_order *order = hr_order_at(c, slot);
    struct hr_op op = {.account = order->owner,
                       .market = (uint16_t)hr_market_of_order(order->order_id)};
    if (one_in(2)) {
        op.kind = HR_OP_KIND_CANCEL;
        op.cancel.order_id = order->order_id;
        op.cancel.slot = slot;
        return op;
    }
    op.kind = HR_OP_KIND_MODIFY;
    op.modify.order_id = order->order_id;
    op.modify.slot = slot;
    op.modify.size_lots = one_in(2) ? order->remaining_lots : any_lots(op.market);
    op.modify.price = any_price();
    op.modify.tif = one_in(2) ? HR_TIME_IN_FORCE_POST_ONLY : HR_TIME_IN_FORCE_GTC;
    op.modify.self_trade = (uint8_t)below(4);
    return op;
}

static struct hr_op any_of_account(struct hr_core *c) {
    static const uint8_t kinds[] = {
        HR_OP_KIND_CANCEL_BY_CLIENT_ID,
        HR_OP_KIND_CANCEL_ALL,
        HR_OP_KIND_SCHEDULE_CANCEL,
        HR_OP_KIND_TRANSFER,
        HR_OP_KIND_WITHDRAW,
        HR_OP_KIND_SET_TIER,
        HR_OP_KIND_APPROVE_BUILDER,
        HR_OP_KIND_REGISTER_BUILDER,
        HR_OP_KIND_SET_AGENT,
        HR_OP_KIND_SET_OWNER_KEY,
    };
    struct hr_op op = {.kind = kinds[below(sizeof kinds)], .account = any_account()};
    switch (op.kind) {
    case HR_OP_KIND_CANCEL_BY_CLIENT_ID: op.client_id.client_id[0] = below(6); break;
    case HR_OP_KIND_CANCEL_ALL:
        op.market = (uint16_t)(one_in(2) ? HR_ALL_MARKETS : 1 + below(MARKETS));
        break;
    case HR_OP_KIND_SCHEDULE_CANCEL:
        op.schedule_cancel.at_s = one_in(3) ? 0 : (uint32_t)c->header->now_s + 4 + below(9);
        break;
    case HR_OP_KIND_TRANSFER:
        op.transfer.to_account = any_account();
        op.transfer.asset = (uint16_t)below(3);
        op.transfer.amount = any_size();
        break;
    case HR_OP_KIND_WITHDRAW:
        op.withdraw.asset = (uint16_t)below(3);
        op.withdraw.amount = any_size();
        break;
    case HR_OP_KIND_SET_TIER: op.set_tier.tier = (uint8_t)below(3); break;
    case HR_OP_KIND_APPROVE_BUILDER:
        op.approve_builder.builder = (uint16_t)below(3);
        op.approve_builder.max_fee = (uint16_t)below(600);
        break;
    case HR_OP_KIND_SET_AGENT:
        memset(op.set_agent.address, (int)(0xA0 + op.account / 32), 20);
        op.set_agent.expiry_s = (uint32_t)c->header->now_s + 1000;
        op.set_agent.slot = (uint8_t)below(4);
        break;
    default: op.set_owner_key.on = (uint8_t)below(2);
    }
    return op;
}

/* The price walks, and jumps at times. */
static uint32_t next_price(struct hr_core *c) {
    const uint32_t price = hr_market_risk_at(c, MARGINED)->index_price;
    if (one_in(100)) return (uint32_t)random_u64() >> below(32);
    const uint32_t next = price + below(price / 16 + 2) - below(price / 16 + 2);
    return one_in(50) || next == 0 ? MID_PRICE : next;
}

static struct hr_op any_report(struct hr_core *c) {
    const uint32_t time_s = (uint32_t)c->header->now_s - (one_in(8) ? below(9) : 0);
    const struct hr_market_risk *risk = hr_market_risk_at(c, MARGINED);
    struct hr_op op = {.market = MARGINED};
    if (one_in(4)) {
        op.kind = HR_OP_KIND_SNAPSHOT;
        op.market = 0;
        op.snapshot = (struct hr_op_snapshot){.asset = (uint16_t)(1 + below(2)),
                                              .time_s = time_s,
                                              .price_e8 = 1 + (random_u64() >> (30 + below(34))),
                                              .rate_e12 = HR_INDEX_ONE >> below(4)};
    } else if (risk->snapshot_time_s < c->header->now_s) {
        op.kind = HR_OP_KIND_SNAPSHOT;
        op.snapshot = (struct hr_op_snapshot){.target = HR_SNAPSHOT_TARGET_MARKET,
                                              .time_s = time_s,
                                              .price_e8 = next_price(c) * 10000ull};
    } else {
        op.kind = HR_OP_KIND_PRICE_REPORT;
        op.price_report = (struct hr_op_price_report){.index_price = risk->snapshot_price,
                                                      .external_mark = one_in(2) ? any_price() : 0,
                                                      .time_s = time_s,
                                                      .sources = 3};
    }
    return op;
}

static struct hr_op any_of_risk(struct hr_core *c) {
    struct hr_op op = {.market = MARGINED, .account = any_account()};
    switch (below(8)) {
    case 0:
        op.kind = HR_OP_KIND_SET_LEVERAGE;
        op.set_leverage.leverage = (uint8_t)below(30);
        op.set_leverage.mode = (uint8_t)below(2);
        break;
    case 1:
        op.kind = HR_OP_KIND_MOVE_MARGIN;
        op.move_margin.amount = random_u64() >> (6 + below(58));
        op.move_margin.out = (uint8_t)one_in(3);
        break;
    case 2:
        op.kind = HR_OP_KIND_LIQUIDATE;
        op.market = 0;
        break;
    case 3: return (struct hr_op){.kind = HR_OP_KIND_SWEEP};
    default: return any_report(c);
    }
    return op;
}

/* A bucket of a fund, mostly one that exists. */
static uint32_t any_bucket(void) {
    return hr_fund_master(below(FUNDS)) + below(one_in(8) ? 32 : 3);
}

static struct hr_op any_of_fund(struct hr_core *c) {
    struct hr_op op = {.account = any_account()};
    const uint16_t fund = (uint16_t)below(FUNDS);
    switch (below(8)) {
    case 0:
    case 1:
        op.kind = HR_OP_KIND_INVEST;
        op.invest.fund = fund;
        op.invest.amount = random_u64() >> (8 + below(26));
        break;
    case 2:
    case 3:
        op.kind = HR_OP_KIND_REDEEM;
        op.redeem.fund = fund;
        op.redeem.shares = one_in(3) ? hr_shares_held(c, op.account & (HR_ACCOUNT_LIMIT - 1), fund)
                                     : random_u64() >> (8 + below(26));
        break;
    case 4:
        op.kind = HR_OP_KIND_TRANSFER;
        op.account = any_bucket();
        op.transfer.to_account = one_in(3) ? any_bucket() : hr_master_of(op.account) + below(3);
        op.transfer.amount = random_u64() >> (8 + below(26));
        break;
    case 5:
        op.kind = HR_OP_KIND_ADMIN_MARKET_WATERFALL;
        op.market = MARGINED;
        op.account = one_in(2) ? any_bucket() : 0;
        op.admin_market_waterfall.flags = (uint8_t)below(2);
        break;
    default: /* a bucket trades */
        op = any_place(c);
        op.account = any_bucket();
        if (!one_in(4)) op.market = MARGINED;
        op.place.size_lots = any_lots(op.market);
    }
    return op;
}

/* What owners force through L1, and rarely a feed: from the first one on the operator's snapshots
 * are refused. */
static struct hr_op any_of_l1(void) {
    static const uint8_t kinds[] = {
        HR_OP_KIND_FORCED_WITHDRAW, HR_OP_KIND_FORCED_WITHDRAW, HR_OP_KIND_FORCED_CLOSE,
        HR_OP_KIND_FORCED_CLOSE,    HR_OP_KIND_FORCED_CANCEL,   HR_OP_KIND_FORCED_SWEEP,
        HR_OP_KIND_NOTICE,
    };
    struct hr_op op = {.kind = kinds[below(sizeof kinds)], .account = any_account()};
    if (one_in(1000)) {
        const bool is_market = one_in(2);
        op = (struct hr_op){.kind = HR_OP_KIND_ADMIN_FEED, .market = is_market ? MARGINED : 0};
        op.admin_feed.entry = (uint8_t)below(HR_FEED_ENTRIES);
        op.admin_feed.target = is_market ? HR_SNAPSHOT_TARGET_MARKET : HR_SNAPSHOT_TARGET_ASSET;
        op.admin_feed.asset = is_market ? 0 : (uint16_t)(1 + below(2));
        op.admin_feed.price_feed = is_market ? 0 : 1;
        op.admin_feed.rate_feed_plus_1 = is_market ? 0 : (uint8_t)below(4);
        op.admin_feed.on = 1;
        return op;
    }
    if (op.kind == HR_OP_KIND_FORCED_SWEEP) return op;
    if (op.kind == HR_OP_KIND_NOTICE)
        return (struct hr_op){.kind = op.kind, .notice = {HR_PRIORITY_KIND_REFUND, {0}}};
    if (op.kind == HR_OP_KIND_FORCED_CLOSE) op.market = one_in(4) ? PERP : MARGINED;
    if (op.kind == HR_OP_KIND_FORCED_WITHDRAW) {
        op.forced.asset = (uint16_t)below(4);
        op.forced.amount = random_u64() >> (2 + below(60));
    }
    memset(op.forced.sender, (int)(op.account / 32), sizeof op.forced.sender);
    return op;
}

static struct hr_op any_of_system(struct hr_core *c) {
    struct hr_op op = {.kind = HR_OP_KIND_ADVANCE_TIME};
    if (c->header->cont_kind && !one_in(8)) {
        op.kind = HR_OP_KIND_CONTINUE;
    } else if (hr_is_something_due(c) && !one_in(8)) {
        op.kind = HR_OP_KIND_RUN_DUTIES;
    } else if (one_in(3)) {
        op = (struct hr_op){.kind = HR_OP_KIND_DEPOSIT, .account = 32 * (1 + below(MASTERS))};
        memset(op.deposit.owner, (int)(op.account / 32), 20);
        op.deposit.asset = (uint16_t)below(3);
        op.deposit.amount = one_in(9) ? any_size() : 1u << 30;
    } else {
        op.advance_time.now_s = (uint32_t)c->header->now_s + below(one_in(100) ? 4000 : 4);
    }
    return op;
}

static void change_bytes(void *bytes, uint32_t length) {
    uint8_t *at = bytes;
    static const uint8_t edges[] = {0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF};
    for (uint32_t n = 1 + below(3); n && length; n--)
        at[below(length)] = one_in(2) ? edges[below(sizeof edges)] : (uint8_t)random_u64();
}

static void must_apply(struct hr_core *c, struct hr_op op);
#include "fuzz_links.h"

static struct hr_op any_op(struct hr_core *c) {
    struct hr_op op;
    const bool is_blocked = c->header->cont_kind || hr_is_something_due(c);
    const uint32_t draw = below(100);
    if (is_blocked ? draw < 80 : draw < 10)
        op = any_of_system(c);
    else if (draw < 25)
        op = any_of_risk(c);
    else if (draw < 32)
        op = any_of_fund(c);
    else if (draw < 38)
        op = any_conditional(c);
    else if (draw < 42)
        op = any_of_l1();
    else if (draw < 62)
        op = any_place(c);
    else if (draw < 85)
        op = any_of_order(c);
    else if (draw < 92)
        op = any_of_account(c);
    else
        op = any_of_links(c);
    if (one_in(4)) change_bytes(&op, sizeof op);
    return op;
}

/* --- the chain ------------------------------------------------------------------------------ */

static struct hr_event *events; /* exactly as long as the interface asks for */

static int apply(struct hr_core *c, const struct hr_op *op, uint32_t *event_count) {
    int32_t code;
    hr_core_apply(c, (const uint8_t *)op, 1, (uint8_t *)events, HR_MAX_EVENTS_PER_OP, &code,
                  event_count, NULL);
    return code;
}

static void must_apply(struct hr_core *c, struct hr_op op) {
    uint32_t count;
    if (apply(c, &op, &count)) fail("the scene was refused");
}

static void set_risk_scene(struct hr_core *c) {
    must_apply(c,
               (struct hr_op){.kind = HR_OP_KIND_ADVANCE_TIME, .advance_time = {.now_s = START_S}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_MARKET_PRICES,
                                 .market = MARGINED,
                                 .admin_market_prices = {.basis_cap_ppm = 50000,
                                                         .mark_band_ppm = 50000,
                                                         .jump_ppm = UINT32_MAX,
                                                         .snapshot_band_ppm = HR_PPM,
                                                         .funding_interest_ppm = 100,
                                                         .funding_cap_ppm = HR_PPM,
                                                         .min_sources = 3,
                                                         .max_report_age_s = 60,
                                                         .impact_notional_micro = 1 << 20}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_MARKET_RISK,
                                 .market = MARGINED,
                                 .admin_market_risk = {.initial_ppm = 50000,
                                                       .maintenance_ppm = 30000,
                                                       .closeout_ppm = 20000,
                                                       .liquidation_fee_ppm = 5000,
                                                       .tier1_micro = 1ull << 40,
                                                       .tier2_micro = 1ull << 50,
                                                       .open_interest_cap_lots = HR_SIZE_LIMIT - 1,
                                                       .concentration_free_lots = HR_SIZE_LIMIT - 1,
                                                       .concentration_ppm = HR_PPM,
                                                       .price_band_ppm = 300000}});
    for (uint16_t asset = 1; asset < 3; asset++)
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_ASSET_RISK,
                                     .admin_asset_risk = {.asset = asset,
                                                          .margin_weight_ppm = 800000,
                                                          .liquidation_weight_ppm = 900000,
                                                          .exchange_discount_ppm = 50000,
                                                          .growth_cap_ppm = HR_PPM,
                                                          .heartbeat_s = 60,
                                                          .tier_units = 1ull << 40,
                                                          .user_cap_units = 1ull << 61}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_CREDIT,
                                 .admin_credit = {.base_rate_ppm = 50000, .slope_ppm = HR_PPM}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_SNAPSHOT,
                                 .market = MARGINED,
                                 .snapshot = {.target = HR_SNAPSHOT_TARGET_MARKET,
                                              .time_s = START_S,
                                              .price_e8 = MID_PRICE * 10000}});
    must_apply(c, (struct hr_op){
                      .kind = HR_OP_KIND_PRICE_REPORT,
                      .market = MARGINED,
                      .price_report = {.index_price = MID_PRICE, .time_s = START_S, .sources = 3}});
}

static void set_fund_scene(struct hr_core *c) {
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_CREATE_FUND,
                                 .account = 32,
                                 .create_fund = {.fee_ppm = 200000,
                                                 .lockup_s = HR_FUND_MIN_LOCKUP_S,
                                                 .amount = 1ull << 45}});
    must_apply(c,
               (struct hr_op){.kind = HR_OP_KIND_ADMIN_FUND,
                              .account = 64,
                              .admin_fund = {.fee_ppm = 100000, .lockup_s = HR_FUND_MIN_LOCKUP_S}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_INVEST,
                                 .account = 96,
                                 .invest = {.fund = 1, .amount = 1ull << 50}});
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_MARKET_WATERFALL,
                                 .market = MARGINED,
                                 .account = hr_fund_master(1),
                                 .admin_market_waterfall = {.flags = 1}});
}

static void set_scene(struct hr_core *c) {
    for (uint16_t asset = 0; asset < 3; asset++)
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_ASSET,
                                     .admin_asset = {.asset = asset,
                                                     .flags = HR_ASSET_FLAG_DEPOSITS_OPEN,
                                                     .withdraw_step_units = 1,
                                                     .deposit_cap_units = HR_VALUE_LIMIT - 1}});
    for (uint8_t tier = 0; tier < 2; tier++)
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_FEE_TIER,
                                     .admin_fee_tier = {.tier = tier,
                                                        .flags = HR_TIER_FLAG_SELF_SERVICE,
                                                        .maker_ppm = 20,
                                                        .taker_ppm = 280,
                                                        .quota_per_minute = tier ? 0 : 9}});
    for (uint16_t market = 1; market <= MARKETS; market++) {
        const bool is_perp = market >= PERP;
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_MARKET,
                                     .market = market,
                                     .admin_market = {.kind = is_perp ? HR_MARKET_KIND_PERP
                                                                      : HR_MARKET_KIND_SPOT,
                                                      .status = HR_MARKET_STATUS_OPEN,
                                                      .sz_decimals = 2,
                                                      .base_asset = is_perp ? 0 : market,
                                                      .tick = market == 2 ? 5 : 0,
                                                      .fee_account = HR_FEE_ACCOUNT,
                                                      .insurance_account = HR_INSURANCE_ACCOUNT}});
    }
    for (uint32_t master = 1; master <= MASTERS; master++) {
        struct hr_op op = {.kind = HR_OP_KIND_DEPOSIT, .account = 32 * master};
        memset(op.deposit.owner, (int)master, 20);
        op.deposit.amount = HR_VALUE_LIMIT / 16;
        for (op.deposit.asset = 0; op.deposit.asset < 3; op.deposit.asset++) must_apply(c, op);
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_SET_OWNER_KEY,
                                     .account = 32 * master,
                                     .set_owner_key = {.on = 1}});
    }
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_REGISTER_BUILDER, .account = 32});
    set_risk_scene(c);
    set_fund_scene(c);
    set_link_scene(c);
}

static struct hr_core *new_chain(void) {
    static const uint8_t config_hash[32] = {1}, governance[20] = {GOVERNANCE_BYTE};
    struct hr_core *c = hr_core_new(config_hash, governance);
    if (!c) fail("no address space");
    return c;
}

static struct {
    uint64_t ops, envelopes, decodes, replays, accepted, roots;
} counts;

static void check_op(struct hr_core *c) {
    const struct hr_op op = any_op(c);
    const struct hr_header before = *c->header;
    uint32_t event_count;
    const int code = apply(c, &op, &event_count);
    if (code == HR_TRAP) fail("the native index gave a wrong hint");
    if (code && (event_count || memcmp(&before, c->header, sizeof before)))
        fail("a refused op left a trace");
    counts.ops++;
    counts.accepted += code == 0;
}

/* --- envelopes ------------------------------------------------------------------------------ */

/* A record of a kind from FORCED_WITHDRAW on. */
static void make_forced_record(uint8_t *record) {
    const uint32_t kind = HR_PRIORITY_KIND_FORCED_WITHDRAW + below(7), master = 1 + below(MASTERS);
    const bool is_forced = kind <= HR_PRIORITY_KIND_SWEEP;
    const bool has_amount =
        kind == HR_PRIORITY_KIND_FORCED_WITHDRAW || kind == HR_PRIORITY_KIND_PLEDGES_MOVED;
    hr_abi_put(record, HR_RECORD_KIND, kind);
    memset(record + HR_ABI_WORD_BYTES * HR_RECORD_SENDER + 12, (int)master, 20);
    hr_abi_put(record, HR_RECORD_ACCOUNT, is_forced ? master : 0);
    hr_abi_put(record, HR_RECORD_ASSET, has_amount ? below(3) : 0);
    hr_abi_put(record, HR_RECORD_AMOUNT, has_amount ? random_u64() >> (2 + below(60)) : 0);
    hr_abi_put(record, HR_RECORD_DATA0, below(2));
    hr_abi_put(record, HR_RECORD_DATA1, kind == HR_PRIORITY_KIND_FORCED_CLOSE ? MARGINED : 0);
}

/* A snapshot of the hub whose turn it mostly is. Returns: its length. */
static uint32_t make_snapshot(struct hr_core *c, uint8_t *words) {
    const uint32_t count = one_in(9) ? 1 + below(HR_FEED_ENTRIES + 1) : 3;
    hr_abi_put(words, 0, 3);
    hr_abi_put(words, 1, hr_oracle_at(c)->next_index);
    hr_abi_put(words, 2, c->header->now_s);
    hr_abi_put(words, 3, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t value = i == 0   ? MID_PRICE * 10000
                               : i == 1 ? 100000000
                                        : 1000000000000000000;
        hr_abi_put(words, 4 + 2 * i, one_in(9) ? random_u64() >> below(64) : value);
        hr_abi_put(words, 5 + 2 * i, one_in(9) ? below(4) : HR_READING_STATUS_OK);
    }
    return HR_ORACLE_HEAD_BYTES + count * HR_READING_BYTES;
}

static uint32_t make_record(struct hr_core *c, uint8_t *record) {
    memset(record, 0, HR_PRIORITY_RECORD_BYTES);
    hr_abi_put(record, HR_RECORD_INDEX, c->header->next_priority_index);
    if (one_in(3)) {
        make_forced_record(record);
    } else if (one_in(2)) {
        const struct hr_op op = any_of_account(c);
        record[63] = HR_PRIORITY_KIND_ADMIN;
        memcpy(record + 192, &op, sizeof op);
        record[192] = (uint8_t)(HR_OP_KIND_DEPOSIT + below(8));
    } else {
        record[63] = HR_PRIORITY_KIND_DEPOSIT;
        record[127] = (uint8_t)(1 + below(MASTERS));
        memset(record + 76, record[127], 20);
        record[159] = (uint8_t)below(3);
        record[191] = 1;
    }
    return HR_PRIORITY_RECORD_BYTES;
}

/* Writes a plausible envelope. Returns: its length. */
static uint32_t make_envelope(struct hr_core *c, uint8_t *bytes) {
    struct hr_envelope_header h = {.version = HR_ENVELOPE_VERSION, .kind = HR_ENVELOPE_KIND_USER};
    h.arrival_ms = c->header->last_arrival_ms + below(3);
    if (h.arrival_ms < ARRIVAL_MS) h.arrival_ms = ARRIVAL_MS;
    uint8_t *payload = bytes + sizeof h;
    const uint32_t draw = below(10), master = 1 + below(MASTERS);
    uint32_t n = 0;
    if (draw < 2) {
        h.kind = HR_ENVELOPE_KIND_PRIORITY;
        n = make_record(c, payload);
    } else if (draw == 3 && one_in(4)) {
        h.kind = HR_ENVELOPE_KIND_ORACLE;
        n = make_snapshot(c, payload);
    } else if (draw == 4) {
        h.kind = HR_ENVELOPE_KIND_MESSAGE;
        n = make_message(c, payload);
    } else {
        const uint32_t op_count = one_in(30) ? 1 + below(HR_ENVELOPE_MAX_OPS + 1) : 1 + below(3);
        if (draw == 2) h.kind = HR_ENVELOPE_KIND_SYSTEM;
        for (; n < op_count * HR_OP_BYTES; n += HR_OP_BYTES) {
            struct hr_op op = draw == 2 ? any_of_system(c) : any_op(c);
            if (draw > 2 && !one_in(20)) op.account = 32 * master + (op.account & 1);
            memcpy(payload + n, &op, sizeof op);
        }
    }
    if (h.kind == HR_ENVELOPE_KIND_USER) {
        h.account = 32 * master;
        h.signer_slot = (uint8_t)(one_in(9) ? below(4) : 0);
        memset(h.signer, (int)(h.signer_slot ? 0xA0 + master : master), sizeof h.signer);
        h.nonce =
            h.arrival_ms + (one_in(4) ? random_u64() >> below(64) : counts.envelopes % 100000);
    }
    h.payload_bytes = (uint16_t)n;
    memcpy(bytes, &h, sizeof h);
    return (uint32_t)sizeof h + n;
}

/* The envelope stands at the end of its allocation, so that one byte too far is seen. */
static const uint8_t *any_envelope(struct hr_core *c, uint8_t *room, uint32_t *length) {
    enum { ROOM = HR_ENVELOPE_MAX_BYTES + 64 };
    static uint8_t draft[ROOM];
    *length = make_envelope(c, draft);
    if (one_in(3)) change_bytes(draft, one_in(2) ? HR_ENVELOPE_HEADER_BYTES : *length);
    if (one_in(12)) *length = below(*length + 1);
    if (one_in(200)) *length = below(ROOM);
    memcpy(room + ROOM - *length, draft, *length);
    return room + ROOM - *length;
}

static void check_envelope(struct hr_core *c, uint8_t *room, struct hr_event *envelope_events) {
    uint32_t length, event_count = 0;
    const uint8_t *bytes = any_envelope(c, room, &length);
    const struct hr_header before = *c->header;
    const int code = hr_core_apply_envelope(c, bytes, length, (uint8_t *)envelope_events,
                                            HR_ENVELOPE_MAX_EVENTS, &event_count);
    if (code == HR_TRAP) fail("the native index gave a wrong hint");
    if (code && memcmp(&before, c->header, sizeof before)) fail("a refused envelope left a trace");
    counts.envelopes++;
    counts.accepted += code == 0;
}

/* --- hints ---------------------------------------------------------------------------------- */

/* Records a run, changes its hints, runs it again: a trap or the same events. */
static void check_replay(void) {
    static struct hr_op ops[REPLAY_OPS];
    static uint32_t hints[64 * REPLAY_OPS];
    uint8_t hashes[2][32];
    uint32_t hint_count = 0;
    bool trapped = false;
    for (int run = 0; run < 2 && !trapped; run++) {
        struct hr_core *c = new_chain();
        hr_keccak256_state hash;
        hr_keccak256_init(&hash);
        set_scene(c); /* uses no hints */
        if (run == 0) {
            hr_core_hints_to_record(c, hints, sizeof hints / sizeof *hints);
        } else {
            for (uint32_t n = 1 + below(4); n && hint_count; n--)
                hints[below(hint_count)] = one_in(2) ? below(50) : (uint32_t)random_u64();
            hr_core_hints_from_tape(c, hints, one_in(4) ? below(hint_count + 1) : hint_count);
        }
        for (uint32_t i = 0; i < REPLAY_OPS && !trapped; i++) {
            uint32_t event_count;
            if (run == 0) ops[i] = any_op(c);
            trapped = apply(c, &ops[i], &event_count) == HR_TRAP;
            hr_keccak256_update(&hash, (const uint8_t *)events, event_count * HR_EVENT_BYTES);
        }
        if (run == 0) hint_count = hr_core_hints_recorded(c);
        if (run == 0 && trapped) fail("the native index gave a wrong hint");
        hr_keccak256_final(&hash, hashes[run]);
        hr_core_free(c);
    }
    if (!trapped && memcmp(hashes[0], hashes[1], 32)) fail("a wrong hint changed the events");
    counts.replays++;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    random_state = strtoull(argv[2], NULL, 0) * 2 + 1;
    const double end_s = now_s() + atof(argv[1]);
    events = malloc(sizeof *events * HR_MAX_EVENTS_PER_OP);
    struct hr_event *envelope_events = malloc(sizeof *envelope_events * HR_ENVELOPE_MAX_EVENTS);
    uint8_t *room = malloc(HR_ENVELOPE_MAX_BYTES + 64);
    struct hr_core *c = NULL;
    for (uint64_t i = 0; i % CLOCK_EVERY || now_s() < end_s; i++) {
        if (i % OPS_PER_CORE == 0) {
            if (c) hr_core_free(c);
            c = new_chain();
            set_scene(c);
        }
        if (i % CLOCK_EVERY == 0) {
            check_pledged_units(c);
            check_pledge_duties(c);
        }
        const uint32_t draw = below(8);
        if (draw < 4) {
            check_op(c);
        } else if (draw < 5) {
            check_envelope(c, room, envelope_events);
        } else {
            uint32_t length;
            const uint8_t *bytes = any_envelope(c, room, &length);
            hr_core_decode(bytes, length);
            counts.decodes++;
        }
        if (i % REPLAYS_EVERY == 0) {
            uint8_t root[32];
            hr_core_root(c, root);
            counts.roots++;
            check_replay();
        }
    }
    hr_core_free(c);
    free(events);
    free(envelope_events);
    free(room);
    printf("ops %llu\nenvelopes %llu\ndecodes %llu\nreplays %llu\nroots %llu\naccepted %llu\n",
           (unsigned long long)counts.ops, (unsigned long long)counts.envelopes,
           (unsigned long long)counts.decodes, (unsigned long long)counts.replays,
           (unsigned long long)counts.roots, (unsigned long long)counts.accepted);
    return 0;
}
