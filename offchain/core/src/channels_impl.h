/* Channels to peers, what is sent on them, and the assets that they link.
 * docs/spec/links.md sections 1 to 3. */
#ifndef HEADRACE_CHANNELS_IMPL_H
#define HEADRACE_CHANNELS_IMPL_H

#include "abi_impl.h"
#include "accounts_impl.h"
#include "headrace/keccak.h"

/* Words of the gateway's envelope: docs/spec/settlement.md section 3. */
enum {
    HR_GATEWAY_FROM_CHAIN,
    HR_GATEWAY_TO_CHAIN,
    HR_GATEWAY_INDEX,
    HR_GATEWAY_SLOT,
    HR_GATEWAY_EXPIRES_AT,
    HR_GATEWAY_FLAGS,
    HR_GATEWAY_PAYLOAD_HASH,
    HR_GATEWAY_VALUES, /* four pairs of asset and units */
    HR_GATEWAY_VALUE_WORDS = 8,
    HR_GATEWAY_ENVELOPE_WORDS = HR_GATEWAY_VALUES + HR_GATEWAY_VALUE_WORDS,
};

enum { HR_MS_PER_S = 1000 };

static inline bool hr_channel_exists(struct hr_core *c, uint32_t channel) {
    return channel < HR_MAX_CHANNELS && hr_channel_at(c, channel)->peer_chain_id != 0;
}

static inline bool hr_channel_is_severed(struct hr_core *c, uint32_t channel) {
    return hr_channel_at(c, channel)->flags & HR_CHANNEL_FLAG_SEVERED;
}

static inline void hr_touch_channel(struct hr_core *c, uint32_t channel) {
    hr_touch_leaf(c, HR_SUBTREE_CHANNELS, channel);
}

/* The asset here that stands for one of the peer, or 0. */
static uint32_t hr_link_of(struct hr_core *c, uint32_t channel, uint32_t peer_asset) {
    const struct hr_channel *to = hr_channel_at(c, channel);
    for (uint32_t i = 0; i < HR_LINKS_PER_CHANNEL; i++)
        if (to->links[i] && to->links[i] >> 16 == peer_asset) return to->links[i] & 0xFFFF;
    return 0;
}

/* --- sending --------------------------------------------------------------------------------- */

/* accumulator = keccak256("HRmsgs01" | accumulator | keccak256("HRenve01" | envelope)) */
static void hr_accumulate_message(uint64_t accumulator[8], const uint8_t *envelope) {
    static const uint8_t envelope_tag[] = "HRenve01", list_tag[] = "HRmsgs01";
    uint8_t digest[HR_KECCAK256_BYTES], before[HR_KECCAK256_BYTES];
    hr_keccak256_state hash;
    hr_keccak256_init(&hash);
    hr_keccak256_update(&hash, envelope_tag, sizeof envelope_tag - 1);
    hr_keccak256_update(&hash, envelope, HR_GATEWAY_ENVELOPE_WORDS * HR_ABI_WORD_BYTES);
    hr_keccak256_final(&hash, digest);
    hr_digest_from_words(before, accumulator);
    hr_keccak256_init(&hash);
    hr_keccak256_update(&hash, list_tag, sizeof list_tag - 1);
    hr_keccak256_update(&hash, before, sizeof before);
    hr_keccak256_update(&hash, digest, sizeof digest);
    hr_keccak256_final(&hash, digest);
    hr_digest_to_words(accumulator, digest);
}

/* Writes the values of an envelope: one pair if there are units, else none. */
static void hr_message_values(uint8_t *pairs, uint32_t asset, uint64_t units) {
    if (units == 0) return;
    hr_abi_put(pairs, 0, asset);
    hr_abi_put(pairs, 1, units);
}

/* Tells the peer of the last event, with units of an asset of L1 (0: none). */
static void hr_message_send(struct hr_core *c, uint32_t channel, uint32_t flags, uint32_t asset,
                            uint64_t units) {
    struct hr_header *h = c->header;
    struct hr_channel *to = hr_channel_at(c, channel);
    const uint64_t now_ms = h->now_s * HR_MS_PER_S, expires_at_s = h->now_s + HR_MESSAGE_TTL_S;
    _Alignas(uint32_t) uint8_t envelope[HR_GATEWAY_ENVELOPE_WORDS * HR_ABI_WORD_BYTES] = {0};
    h->last_slot = h->last_slot + 1 > now_ms ? h->last_slot + 1 : now_ms;
    to->sent_count++;
    hr_abi_put(envelope, HR_GATEWAY_FROM_CHAIN, to->own_chain_id);
    hr_abi_put(envelope, HR_GATEWAY_TO_CHAIN, to->peer_chain_id);
    hr_abi_put(envelope, HR_GATEWAY_INDEX, to->sent_count);
    hr_abi_put(envelope, HR_GATEWAY_SLOT, h->last_slot);
    hr_abi_put(envelope, HR_GATEWAY_EXPIRES_AT, expires_at_s);
    hr_abi_put(envelope, HR_GATEWAY_FLAGS, flags);
    hr_keccak256(envelope + HR_GATEWAY_PAYLOAD_HASH * HR_ABI_WORD_BYTES,
                 (const uint8_t *)(c->events - 1), HR_EVENT_BYTES);
    hr_message_values(envelope + HR_GATEWAY_VALUES * HR_ABI_WORD_BYTES, asset, units);
    hr_accumulate_message(to->sent_accumulator, envelope);
    hr_touch_channel(c, channel);
    hr_emit(c, HR_EVENT_KIND_MESSAGE_SENT, channel, 0, (int64_t)to->sent_count,
            (int64_t)h->last_slot, (int64_t)expires_at_s, flags, units ? asset : 0, (int64_t)units);
}

/* --- governance ------------------------------------------------------------------------------ */

static inline bool hr_is_chain_id(uint32_t id) {
    return id != 0 && id != UINT32_MAX;
}

static bool hr_channel_is_valid(struct hr_core *c, const struct hr_op_admin_channel *p) {
    if (p->channel >= HR_MAX_CHANNELS || !hr_is_chain_id(p->peer_chain_id) ||
        !hr_is_chain_id(p->own_chain_id) || p->peer_chain_id == p->own_chain_id ||
        hr_channel_exists(c, p->channel))
        return false;
    if (p->channel == 0) return true;
    const struct hr_channel *below = hr_channel_at(c, p->channel - 1u);
    if (below->peer_chain_id == 0 || below->own_chain_id != p->own_chain_id) return false;
    /* the channels that exist are those below */
    for (uint32_t k = 0; k < p->channel; k++)
        if (hr_channel_at(c, k)->peer_chain_id == p->peer_chain_id) return false;
    return true;
}

static int hr_op_admin_channel(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_channel *p = &op->admin_channel;
    if (op->flags || op->market || op->account || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_channel, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (!hr_channel_is_valid(c, p)) return HR_E_INVALID_LINK;
    struct hr_channel *made = hr_channel_at(c, p->channel);
    made->peer_chain_id = p->peer_chain_id;
    made->own_chain_id = p->own_chain_id;
    hr_touch_channel(c, p->channel);
    hr_emit(c, HR_EVENT_KIND_CHANNEL_SET, p->channel, 0, p->peer_chain_id, p->own_chain_id, 0, 0, 0,
            0);
    return HR_E_OK;
}

/* Lets messages of a peer that withholds bodies be taken without, once they have expired. */
static int hr_op_admin_void(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_void *p = &op->admin_void;
    if (op->flags || op->market || op->account || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_void, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (!hr_channel_exists(c, p->channel)) return HR_E_UNKNOWN_PEER;
    struct hr_channel *from = hr_channel_at(c, p->channel);
    if (p->index <= from->received_count ||
        p->index > from->received_count + HR_MAX_MESSAGES_IN_FLIGHT || p->index < from->void_until)
        return HR_E_INVALID_LINK;
    from->void_until = p->index;
    hr_touch_channel(c, p->channel);
    hr_emit(c, HR_EVENT_KIND_MESSAGES_VOIDED, p->channel, 0, (int64_t)p->index, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

/* May the asset, which exists, stand for one of a peer? Nobody has any of it. */
static bool hr_asset_is_linkable(struct hr_core *c, uint32_t asset) {
    const struct hr_asset *p = hr_asset_at(c, asset);
    return asset >= HR_LINK_ASSET && asset < HR_SHARE_ASSET &&
           !(p->flags & (HR_ASSET_FLAG_LINKED | HR_ASSET_FLAG_DEPOSITS_OPEN)) &&
           p->total_units == 0 && p->supply_units == 0 &&
           hr_asset_risk_at(c, asset)->yield_share_ppm == 0;
}

static int hr_op_admin_link(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_admin_link *p = &op->admin_link;
    if (op->flags || op->market || op->account || p->zero_gap ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_admin_link, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    if (!hr_channel_exists(c, p->channel)) return HR_E_UNKNOWN_PEER;
    struct hr_channel *to = hr_channel_at(c, p->channel);
    uint32_t entry = 0;
    while (entry < HR_LINKS_PER_CHANNEL && to->links[entry]) entry++;
    if (!hr_asset_is_linkable(c, p->asset) || p->peer_asset == HR_QUOTE_ASSET ||
        p->peer_asset >= HR_LINK_ASSET || hr_link_of(c, p->channel, p->peer_asset) ||
        entry == HR_LINKS_PER_CHANNEL)
        return HR_E_INVALID_LINK;
    struct hr_asset *asset = hr_asset_at(c, p->asset);
    asset->flags |= HR_ASSET_FLAG_LINKED;
    asset->link_channel_plus_1 = p->channel + 1u;
    asset->link_asset = p->peer_asset;
    to->links[entry] = p->asset | (uint32_t)p->peer_asset << 16;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, p->asset);
    hr_touch_channel(c, p->channel);
    hr_emit(c, HR_EVENT_KIND_LINK_SET, p->channel, 0, p->asset, p->peer_asset, 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
