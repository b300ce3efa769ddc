/* Messages of peers. A body is what the peer says: every field is checked.
 * docs/spec/links.md section 3. */
#ifndef HEADRACE_MESSAGES_IMPL_H
#define HEADRACE_MESSAGES_IMPL_H

#include "pledges_impl.h"

enum { HR_MESSAGE_FLAGS_MAX = HR_MESSAGE_FLAG_ATOMIC | HR_MESSAGE_FLAG_SEIZURE };

/* A MESSAGE envelope's payload, whose form is checked. */
struct hr_message {
    const uint8_t *envelope; /* the gateway's, as ABI words */
    uint32_t channel, from_chain, to_chain, flags;
    uint64_t index, slot, expires_at_s;
    bool is_void; /* taken without its body, which is zero here */
    struct hr_event body;
};

/* Reads a payload of HR_MESSAGE_PAYLOAD_BYTES; false when it is malformed. */
static bool hr_message_decode(const uint8_t *payload, struct hr_message *message) {
    const uint64_t number_limit = UINT64_C(1) << 63;
    uint32_t head[2];
    uint64_t from_chain, to_chain, flags;
    uint8_t body_hash[HR_KECCAK256_BYTES];
    const uint8_t *words = message->envelope = payload + sizeof head;
    const uint8_t *body = words + HR_GATEWAY_ENVELOPE_WORDS * HR_ABI_WORD_BYTES;
    __builtin_memcpy(head, payload, sizeof head);
    if (head[0] >= HR_MAX_CHANNELS || head[1] > 1 ||
        !hr_abi_below(words, HR_GATEWAY_FROM_CHAIN, UINT32_MAX, &from_chain) ||
        !hr_abi_below(words, HR_GATEWAY_TO_CHAIN, UINT32_MAX, &to_chain) ||
        !hr_abi_below(words, HR_GATEWAY_INDEX, number_limit, &message->index) ||
        !hr_abi_below(words, HR_GATEWAY_SLOT, number_limit, &message->slot) ||
        !hr_abi_below(words, HR_GATEWAY_EXPIRES_AT, number_limit, &message->expires_at_s) ||
        !hr_abi_below(words, HR_GATEWAY_FLAGS, HR_MESSAGE_FLAGS_MAX + 1, &flags))
        return false;
    message->channel = head[0];
    message->is_void = head[1];
    message->from_chain = (uint32_t)from_chain;
    message->to_chain = (uint32_t)to_chain;
    message->flags = (uint32_t)flags;
    __builtin_memcpy(&message->body, body, sizeof message->body);
    if (message->is_void) return hr_is_zero(body, sizeof message->body);
    hr_keccak256(body_hash, body, sizeof message->body);
    return hr_bytes_equal(body_hash, words + HR_GATEWAY_PAYLOAD_HASH * HR_ABI_WORD_BYTES,
                          sizeof body_hash);
}

/* May the message be taken now? */
static int hr_check_message(struct hr_core *c, const struct hr_message *message) {
    if (!hr_channel_exists(c, message->channel)) return HR_E_UNKNOWN_PEER;
    const struct hr_channel *from = hr_channel_at(c, message->channel);
    if (message->from_chain != from->peer_chain_id || message->to_chain != from->own_chain_id)
        return HR_E_UNKNOWN_PEER;
    if (message->index != from->received_count + 1) return HR_E_MESSAGE_OUT_OF_ORDER;
    if (message->slot >= (c->header->now_s + 1) * HR_MS_PER_S) return HR_E_MESSAGE_AHEAD;
    if (message->is_void &&
        (message->index > from->void_until || message->expires_at_s > c->header->now_s))
        return HR_E_MESSAGE_NEEDS_BODY;
    return HR_E_OK;
}

/* --- what bodies say ------------------------------------------------------------------------- */

static inline bool hr_is_peer_asset(int64_t asset) {
    return asset >= 0 && asset < HR_LINK_ASSET;
}
static inline bool hr_is_amount(int64_t units) {
    return units > 0 && units < (int64_t)HR_VALUE_LIMIT;
}
static inline bool hr_is_account_id(int64_t account) {
    return account >= 0 && account < HR_ACCOUNT_LIMIT;
}

/* The record of an account here that a body speaks of, or HR_NO_RESERVATION. */
static uint32_t hr_told_reservation(struct hr_core *c, const struct hr_message *message,
                                    uint32_t role) {
    const struct hr_event *body = &message->body;
    const struct hr_reservation_key key = {.account = (uint32_t)body->v[2],
                                           .role = role,
                                           .channel = message->channel,
                                           .asset = (uint32_t)body->v[0],
                                           .peer_account = (uint32_t)body->v[3]};
    return hr_reservation_find(c, &key);
}

/* --- PLEDGED --------------------------------------------------------------------------------- */

/* What a peer has locked for an account here. */
struct hr_pledge {
    struct hr_reservation_key key;
    uint32_t pledged; /* asset here, or 0 */
    uint32_t expires_at_s;
    uint64_t units;
    uint32_t record; /* that the units go to */
    bool is_new;
};

/* Why the account cannot hold the pledge, or HR_E_OK; then the record is chosen. */
static int hr_pledge_refusal(struct hr_core *c, struct hr_pledge *pledge, const int64_t owner[3]) {
    const struct hr_reservation_key *key = &pledge->key;
    if (pledge->pledged == 0) return HR_E_UNKNOWN_ASSET;
    if (!hr_account_exists(c, key->account)) return HR_E_UNKNOWN_ACCOUNT;
    const struct hr_account *a = hr_account_at(c, key->account);
    const uint64_t said[3] = {(uint64_t)owner[0], (uint64_t)owner[1], (uint64_t)owner[2]};
    if (!hr_address_equal(a->owner, said)) return HR_E_NOT_SAME_OWNER;
    if (hr_is_fund_account(c, key->account)) return HR_E_FUND_ACCOUNT;
    if (pledge->expires_at_s <= c->header->now_s) return HR_E_INVALID_EXPIRY;
    pledge->record = hr_reservation_find(c, key);
    pledge->is_new = pledge->record == HR_NO_RESERVATION;
    if (pledge->is_new) pledge->record = hr_reservation_vacant(c, key->account);
    if (pledge->record == HR_NO_RESERVATION) return HR_E_PLEDGES_FULL;
    const struct hr_reservation *r = hr_reservation_at(c, pledge->record);
    if (!pledge->is_new && r->peer_account != key->peer_account) return HR_E_PLEDGES_FULL;
    const struct hr_asset *p = hr_asset_at(c, pledge->pledged);
    if (p->supply_units + pledge->units > p->deposit_cap_units) return HR_E_DEPOSIT_CAP;
    if (hr_balance_slot(a, pledge->pledged) == HR_NO_SLOT && hr_balance_slot_free(a) == HR_NO_SLOT)
        return HR_E_BALANCES_FULL;
    if (!hr_account_can_receive(a, pledge->pledged, pledge->units) ||
        r->units + pledge->units >= HR_VALUE_LIMIT)
        return HR_E_BALANCE_TOO_LARGE;
    return pledge->is_new && c->header->duty_count == HR_DUTY_CAPACITY ? HR_E_DUTY_QUEUE_FULL
                                                                       : HR_E_OK;
}

/* The peer has locked units for an account here: it holds them, or the peer is told why not. */
static int hr_take_pledged(struct hr_core *c, const struct hr_message *message) {
    const struct hr_event *body = &message->body;
    const uint32_t peer_asset = (uint32_t)body->v[0], account = (uint32_t)body->v[2];
    if (!hr_is_peer_asset(body->v[0]) || !hr_is_amount(body->v[1]) || body->v[2] < 0)
        return HR_E_MESSAGE_MALFORMED;
    struct hr_pledge pledge = {
        .key = {.account = account,
                .role = HR_RESERVATION_ROLE_HELD,
                .channel = message->channel,
                .asset = peer_asset,
                .peer_account = body->account},
        .pledged = hr_link_of(c, message->channel, peer_asset),
        .expires_at_s = (uint32_t)(body->v[2] >> 32),
        .units = (uint64_t)body->v[1],
    };
    const int refusal = hr_pledge_refusal(c, &pledge, &body->v[3]);
    if (refusal) {
        hr_released(c, message->channel, account < HR_ACCOUNT_LIMIT ? account : 0, peer_asset,
                    pledge.units, body->account, refusal);
        return HR_E_OK;
    }
    hr_inflow(c, account, pledge.pledged, pledge.units);
    hr_asset_at(c, pledge.pledged)->supply_units += pledge.units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, pledge.pledged);
    hr_reservation_add(c, pledge.record, &pledge.key, pledge.units, pledge.expires_at_s);
    const uint32_t expires_at_s = hr_reservation_at(c, pledge.record)->expires_at_s;
    if (pledge.is_new) hr_duty_push(c, expires_at_s, HR_DUTY_KIND_PLEDGE, pledge.record);
    hr_emit(c, HR_EVENT_KIND_PLEDGE_TAKEN, message->channel, account, peer_asset, body->v[1],
            expires_at_s, body->account, pledge.pledged, 0);
    return HR_E_OK;
}

/* --- what keepers and holders ask of each other afterwards ----------------------------------- */

/* Do the fields of RELEASED and SEIZE_REQUESTED lie in their ranges? */
static bool hr_told_amount_is_valid(const struct hr_event *body) {
    return hr_is_peer_asset(body->v[0]) && hr_is_amount(body->v[1]) &&
           hr_is_account_id(body->v[2]) && hr_is_account_id(body->v[3]);
}

/* The holder lets units go: they are the account's again. */
static int hr_take_released(struct hr_core *c, const struct hr_message *message) {
    const struct hr_event *body = &message->body;
    if (!hr_told_amount_is_valid(body)) return HR_E_MESSAGE_MALFORMED;
    const uint32_t record = hr_told_reservation(c, message, HR_RESERVATION_ROLE_GIVEN);
    if (record == HR_NO_RESERVATION) return HR_E_UNKNOWN_PLEDGE;
    const uint32_t asset = (uint32_t)body->v[0], account = (uint32_t)body->v[2];
    struct hr_reservation *r = hr_reservation_at(c, record);
    const uint64_t told = (uint64_t)body->v[1], units = told < r->units ? told : r->units;
    r->units -= units;
    hr_reservation_fallen(c, record);
    hr_credit(c, account, asset, units);
    hr_emit(c, HR_EVENT_KIND_UNLOCKED, message->channel, account, asset, (int64_t)units,
            (int64_t)told, 0, 0, 0);
    return HR_E_OK;
}

/* The holder has liquidated: what is left of the pledge goes there. */
static int hr_take_seize_requested(struct hr_core *c, const struct hr_message *message) {
    const struct hr_event *body = &message->body;
    if (!hr_told_amount_is_valid(body)) return HR_E_MESSAGE_MALFORMED;
    const uint32_t record = hr_told_reservation(c, message, HR_RESERVATION_ROLE_GIVEN);
    const uint32_t asset = (uint32_t)body->v[0], account = (uint32_t)body->v[2];
    const uint64_t told = (uint64_t)body->v[1];
    uint64_t units = 0;
    if (record != HR_NO_RESERVATION) {
        struct hr_reservation *r = hr_reservation_at(c, record);
        units = told < r->units ? told : r->units;
        r->units -= units;
        hr_reservation_fallen(c, record);
    }
    hr_emit(c, HR_EVENT_KIND_SEIZED, message->channel, account, asset, (int64_t)units, body->v[3],
            (int64_t)told, 0, 0);
    hr_message_send(c, message->channel, HR_MESSAGE_FLAGS_MAX, asset, units);
    return HR_E_OK;
}

/* Does the message bring these units, and nothing else? */
static bool hr_message_brings(const struct hr_message *message, uint32_t asset, uint64_t units) {
    _Alignas(uint32_t) uint8_t pairs[HR_GATEWAY_VALUE_WORDS * HR_ABI_WORD_BYTES] = {0};
    hr_message_values(pairs, asset, units);
    return hr_bytes_equal(pairs, message->envelope + HR_GATEWAY_VALUES * HR_ABI_WORD_BYTES,
                          sizeof pairs);
}

/* The keeper answers a seizure: what insurance holds of the claim becomes the asset. */
static int hr_take_seized(struct hr_core *c, const struct hr_message *message) {
    const struct hr_event *body = &message->body;
    if (!hr_is_peer_asset(body->v[0]) || body->v[1] < 0 || body->v[1] >= (int64_t)HR_VALUE_LIMIT ||
        !hr_is_account_id(body->v[2]) || !hr_is_amount(body->v[3]))
        return HR_E_MESSAGE_MALFORMED;
    const uint32_t asset = (uint32_t)body->v[0], account = (uint32_t)body->v[2];
    const uint64_t units = (uint64_t)body->v[1], told = (uint64_t)body->v[3];
    if (!hr_message_brings(message, asset, units)) return HR_E_MESSAGE_MALFORMED;
    const uint32_t record = hr_told_reservation(c, message, HR_RESERVATION_ROLE_HELD);
    if (record == HR_NO_RESERVATION) return HR_E_UNKNOWN_PLEDGE;
    /* a record that is HELD has a link, and the link is for good */
    const uint32_t pledged = hr_link_of(c, message->channel, asset);
    struct hr_reservation *r = hr_reservation_at(c, record);
    uint64_t burnt = told < r->asked_units ? told : r->asked_units;
    r->asked_units -= burnt;
    hr_reservation_fallen(c, record);
    if (burnt) hr_pledged_burn(c, HR_INSURANCE_ACCOUNT, pledged, burnt);
    hr_credit(c, HR_INSURANCE_ACCOUNT, asset, units);
    hr_emit(c, HR_EVENT_KIND_LIQUIDATION_DONE, message->channel, account, asset, (int64_t)units,
            (int64_t)burnt, 0, 0, 0);
    return HR_E_OK;
}

/* --- taking one ------------------------------------------------------------------------------ */

/* Takes a message whose turn it is. What it asks for and cannot be is REJECTED. */
static void hr_message_take(struct hr_core *c, const struct hr_message *message) {
    const uint32_t type = message->body.type; /* 0 of a void message */
    struct hr_channel *from = hr_channel_at(c, message->channel);
    from->received_count++;
    hr_accumulate_message(from->received_accumulator, message->envelope);
    hr_touch_channel(c, message->channel);
    if (c->header->last_slot < message->slot) c->header->last_slot = message->slot;
    hr_emit(c, HR_EVENT_KIND_MESSAGE_TAKEN, message->channel, 0, (int64_t)message->index,
            (int64_t)message->slot, message->flags, type, 0, 0);
    int e;
    switch (type) {
    case HR_EVENT_KIND_PLEDGED: e = hr_take_pledged(c, message); break;
    case HR_EVENT_KIND_RELEASED: e = hr_take_released(c, message); break;
    case HR_EVENT_KIND_SEIZE_REQUESTED: e = hr_take_seize_requested(c, message); break;
    case HR_EVENT_KIND_SEIZED: e = hr_take_seized(c, message); break;
    default: e = HR_E_MESSAGE_MALFORMED;
    }
    if (e) hr_emit(c, HR_EVENT_KIND_REJECTED, 0, 0, 0, type & 0xFF, e, 0, 0, 0);
}

#endif
