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
    MARKETS = 3, /* 1 spot, 2 spot with a tick, 3 perpetual */
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
    if (op.market == MARKETS && one_in(5)) op.flags |= HR_PLACE_FLAG_REDUCE_ONLY;
    op.place.tif = (uint8_t)(one_in(2) ? 0 : below(4));
    op.place.self_trade = (uint8_t)below(4);
    op.place.price = any_price();
    op.place.size_lots = any_size();
    if (one_in(5)) op.place.client_id[0] = below(6);
    if (one_in(5)) op.place.expiry_s = (uint32_t)c->header->now_s + below(12);
    if (one_in(6)) {
        op.place.builder = 1;
        op.place.builder_fee = (uint16_t)below(500);
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
    op.modify.size_lots = one_in(2) ? order->remaining_lots : any_size();
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
        op.market = (uint16_t)(one_in(2) ? HR_ALL_MARKETS : 1 + below(3));
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

static struct hr_op any_of_system(struct hr_core *c) {
    struct hr_op op = {.kind = HR_OP_KIND_ADVANCE_TIME};
    if (c->header->cont_kind && !one_in(8)) {
        op.kind = HR_OP_KIND_CONTINUE;
    } else if (hr_duty_is_due(c) && !one_in(8)) {
        op.kind = HR_OP_KIND_RUN_DUTIES;
    } else if (one_in(3)) {
        op = (struct hr_op){.kind = HR_OP_KIND_DEPOSIT, .account = 32 * (1 + below(MASTERS))};
        memset(op.deposit.owner, (int)(op.account / 32), 20);
        op.deposit.asset = (uint16_t)below(3);
        op.deposit.amount = one_in(9) ? any_size() : 1u << 30;
    } else {
        op.advance_time.now_s = (uint32_t)c->header->now_s + below(4);
    }
    return op;
}

static void change_bytes(void *bytes, uint32_t length) {
    uint8_t *at = bytes;
    static const uint8_t edges[] = {0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF};
    for (uint32_t n = 1 + below(3); n && length; n--)
        at[below(length)] = one_in(2) ? edges[below(sizeof edges)] : (uint8_t)random_u64();
}

static struct hr_op any_op(struct hr_core *c) {
    struct hr_op op;
    const bool is_blocked = c->header->cont_kind || hr_duty_is_due(c);
    const uint32_t draw = below(100);
    if (is_blocked ? draw < 80 : draw < 10)
        op = any_of_system(c);
    else if (draw < 60)
        op = any_place(c);
    else if (draw < 85)
        op = any_of_order(c);
    else
        op = any_of_account(c);
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
        const bool is_perp = market == MARKETS;
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
}

static struct hr_core *new_chain(void) {
    static const uint8_t config_hash[32] = {1}, governance[20] = {2};
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

static uint32_t make_record(struct hr_core *c, uint8_t *record) {
    memset(record, 0, HR_PRIORITY_RECORD_BYTES);
    const uint64_t index = c->header->next_priority_index;
    for (int i = 0; i < 8; i++) record[24 + i] = (uint8_t)(index >> (56 - 8 * i));
    if (one_in(2)) {
        const struct hr_op op = any_of_account(c);
        record[63] = HR_PRIORITY_KIND_ADMIN;
        memcpy(record + 192, &op, sizeof op);
        record[192] = (uint8_t)(HR_OP_KIND_DEPOSIT + below(4));
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
