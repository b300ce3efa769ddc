/* Snapshots of the oracle hub, and what they price. docs/spec/l1-inputs.md section 2. */
#ifndef HEADRACE_ORACLE_IMPL_H
#define HEADRACE_ORACLE_IMPL_H

#include "abi_impl.h"
#include "headrace/keccak.h"
#include "prices_impl.h"

enum {
    HR_ORACLE_HEAD_BYTES = 4 * HR_ABI_WORD_BYTES, /* set_id, index, time_s, n */
    HR_READING_BYTES = 2 * HR_ABI_WORD_BYTES,     /* value, status */
};

static bool hr_feed_is_valid(const struct hr_op *op) {
    const struct hr_op_admin_feed *p = &op->admin_feed;
    const bool is_market = p->target == HR_SNAPSHOT_TARGET_MARKET;
    if (p->entry >= HR_FEED_ENTRIES || p->price_feed >= HR_FEED_ENTRIES ||
        p->rate_feed_plus_1 > HR_FEED_ENTRIES || p->on > 1 || p->asset >= HR_MAX_ASSETS ||
        op->market >= HR_MAX_MARKETS || (is_market ? p->rate_feed_plus_1 | p->asset : op->market))
        return false;
    return p->on || (p->target | p->price_feed | p->rate_feed_plus_1 | p->asset | op->market) == 0;
}

static int hr_op_admin_feed(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_feed *p = &op->admin_feed;
    if (op->flags || op->account || p->target > HR_SNAPSHOT_TARGET_MARKET ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_feed, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (!hr_feed_is_valid(op)) return HR_E_INVALID_FEED;
    const bool is_market = p->target == HR_SNAPSHOT_TARGET_MARKET;
    const uint16_t id = is_market ? op->market : p->asset;
    struct hr_oracle *oracle = hr_oracle_at(c);
    oracle->reads_feeds = 1;
    oracle->feeds[p->entry] = (struct hr_feed){0};
    if (p->on)
        oracle->feeds[p->entry] =
            (struct hr_feed){.id = id,
                             .price_feed = p->price_feed,
                             .rate_feed_plus_1 = p->rate_feed_plus_1,
                             .flags = HR_FEED_IS_ON | (is_market ? HR_FEED_PRICES_MARKET : 0)};
    hr_touch_leaf(c, HR_SUBTREE_RISK, HR_ORACLE_LEAF);
    hr_emit(c, HR_EVENT_KIND_FEED_SET, 0, 0, p->entry, p->target, id, p->price_feed,
            p->rate_feed_plus_1, p->on);
    return HR_E_OK;
}

/* An ORACLE envelope's payload, whose form is checked. */
struct hr_reading_list {
    const uint8_t *payload;
    uint64_t index, time_s, count;
};

/* Reads a payload; false when it is malformed. */
static bool hr_oracle_decode(const uint8_t *payload, uint32_t bytes, struct hr_reading_list *list) {
    list->payload = payload;
    return bytes > HR_ORACLE_HEAD_BYTES && hr_abi_u64(payload, 1, &list->index) &&
           hr_abi_below(payload, 2, UINT32_MAX, &list->time_s) &&
           hr_abi_below(payload, 3, HR_FEED_ENTRIES + 1, &list->count) &&
           bytes == HR_ORACLE_HEAD_BYTES + list->count * HR_READING_BYTES;
}

/* May the snapshot be taken now? */
static int hr_check_oracle(struct hr_core *c, const struct hr_reading_list *list) {
    const struct hr_oracle *oracle = hr_oracle_at(c);
    if (!oracle->reads_feeds || list->index != oracle->next_index) return HR_E_ORACLE_OUT_OF_ORDER;
    return list->time_s > c->header->now_s ? HR_E_ORACLE_AHEAD : HR_E_OK;
}

/* accumulator' = keccak256("HRoracle" | accumulator | set_id | index | time_s |
 * keccak256(32 | n | pairs)). */
static void hr_oracle_accumulate(struct hr_oracle *oracle, const struct hr_reading_list *list) {
    static const char tag[] = "HRoracle";
    static const uint8_t offset[HR_ABI_WORD_BYTES] = {[HR_ABI_WORD_BYTES - 1] = 32};
    const uint32_t pairs_and_count =
        HR_ABI_WORD_BYTES + (uint32_t)list->count * (uint32_t)HR_READING_BYTES;
    uint8_t digest[HR_KECCAK256_BYTES], readings[HR_KECCAK256_BYTES];
    hr_keccak256_state hash;
    hr_keccak256_init(&hash);
    hr_keccak256_update(&hash, offset, sizeof offset);
    hr_keccak256_update(&hash, list->payload + 3 * HR_ABI_WORD_BYTES, pairs_and_count);
    hr_keccak256_final(&hash, readings);
    hr_digest_from_words(digest, oracle->accumulator);
    hr_keccak256_init(&hash);
    hr_keccak256_update(&hash, (const uint8_t *)tag, sizeof tag - 1);
    hr_keccak256_update(&hash, digest, sizeof digest);
    hr_keccak256_update(&hash, list->payload, 3 * HR_ABI_WORD_BYTES);
    hr_keccak256_update(&hash, readings, sizeof readings);
    hr_keccak256_final(&hash, digest);
    hr_digest_to_words(oracle->accumulator, digest);
}

/* Value of reading `i`; false when there is none that counts. */
static bool hr_reading(const struct hr_reading_list *list, uint32_t i, uint64_t last_status,
                       uint64_t *value) {
    uint64_t status;
    return i < list->count && hr_abi_u64(list->payload, 4 + 2 * i, value) &&
           hr_abi_below(list->payload, 5 + 2 * i, last_status + 1, &status) &&
           status >= HR_READING_STATUS_OK;
}

/* The SNAPSHOT that an entry makes of the readings; false when they are not good. */
static bool hr_feed_snapshot(const struct hr_feed *feed, const struct hr_reading_list *list,
                             struct hr_op *op) {
    const bool is_market = feed->flags & HR_FEED_PRICES_MARKET;
    uint64_t price_e8, rate_e18 = 0;
    if (!hr_reading(list, feed->price_feed, HR_READING_STATUS_OK, &price_e8) ||
        (feed->rate_feed_plus_1 &&
         !hr_reading(list, feed->rate_feed_plus_1 - 1u, HR_READING_STATUS_CAPPED, &rate_e18)))
        return false;
    *op = (struct hr_op){
        .kind = HR_OP_KIND_SNAPSHOT,
        .snapshot = {.target = is_market ? HR_SNAPSHOT_TARGET_MARKET : HR_SNAPSHOT_TARGET_ASSET,
                     .time_s = (uint32_t)list->time_s,
                     .price_e8 = price_e8}};
    if (is_market) {
        op->market = feed->id;
        return true;
    }
    op->snapshot.asset = feed->id;
    op->snapshot.rate_e12 = feed->rate_feed_plus_1 ? rate_e18 / HR_PPM : HR_INDEX_ONE;
    return true;
}

/* Takes a snapshot whose turn it is: prices every entry that is on. */
static void hr_oracle_take(struct hr_core *c, const struct hr_reading_list *list) {
    struct hr_oracle *oracle = hr_oracle_at(c);
    hr_oracle_accumulate(oracle, list);
    oracle->next_index++;
    hr_touch_leaf(c, HR_SUBTREE_RISK, HR_ORACLE_LEAF);
    hr_emit(c, HR_EVENT_KIND_ORACLE_READ, 0, 0, (int64_t)list->index, (int64_t)list->time_s,
            (int64_t)list->count, 0, 0, 0);
    for (uint32_t i = 0; i < HR_FEED_ENTRIES; i++) {
        struct hr_op op;
        if (!(oracle->feeds[i].flags & HR_FEED_IS_ON)) continue;
        int e = HR_E_BAD_READING;
        if (hr_feed_snapshot(&oracle->feeds[i], list, &op)) e = hr_snapshot_take(c, &op);
        if (e) hr_emit(c, HR_EVENT_KIND_REJECTED, 0, 0, i, HR_OP_KIND_SNAPSHOT, e, 0, 0, 0);
    }
}

#endif
