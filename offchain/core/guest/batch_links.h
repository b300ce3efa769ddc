/* What a batch has sent to peers, taken from them, pledged and released: the lists of its public
 * output. docs/spec/links.md section 4. */
#ifndef HEADRACE_BATCH_LINKS_H
#define HEADRACE_BATCH_LINKS_H

#include "../src/channels_impl.h"
#include "batch_abi.h"

enum {
    HR_PLEDGES_LISTED_MAX = 64, /* entries of the gateway's list */
    HR_MESSAGES_SENT_MAX = 64,  /* in one batch */
};

/* Entry of the list of pledges. */
struct hr_pledge_sum {
    uint32_t peer_chain_id, asset;
    uint64_t pledged_units, released_units;
};

struct hr_link_lists {
    uint64_t channels; /* bit k: something was sent or taken on channel k */
    struct hr_pledge_sum pledges[HR_PLEDGES_LISTED_MAX]; /* ascending by peer and asset */
    uint32_t pledge_count, sent_count;
};
_Static_assert(HR_MAX_CHANNELS == 64, "one bit each");

/* The entry that an event PLEDGED or RELEASED counts in. */
static struct hr_pledge_sum *hr_pledge_sum_of(struct hr_link_lists *lists, struct hr_core *c,
                                              const struct hr_event *event) {
    const uint32_t peer = hr_channel_at(c, event->market)->peer_chain_id;
    const uint32_t asset = (uint32_t)event->v[0];
    uint32_t i = 0;
    for (; i < lists->pledge_count; i++) {
        struct hr_pledge_sum *sum = &lists->pledges[i];
        if (sum->peer_chain_id == peer && sum->asset == asset) return sum;
        if (sum->peer_chain_id > peer || (sum->peer_chain_id == peer && sum->asset > asset)) break;
    }
    if (lists->pledge_count == HR_PLEDGES_LISTED_MAX) hr_batch_exit(HR_EXIT_LIMIT);
    for (uint32_t k = lists->pledge_count++; k > i; k--) lists->pledges[k] = lists->pledges[k - 1];
    lists->pledges[i] = (struct hr_pledge_sum){.peer_chain_id = peer, .asset = asset};
    return &lists->pledges[i];
}

/* Takes an event of a channel. */
static void hr_links_take(struct hr_link_lists *lists, struct hr_core *c,
                          const struct hr_event *event) {
    const uint32_t channel = event->market;
    const uint64_t units = (uint64_t)event->v[1];
    switch (event->type) {
    case HR_EVENT_KIND_MESSAGE_SENT:
        if (lists->sent_count++ == HR_MESSAGES_SENT_MAX) hr_batch_exit(HR_EXIT_LIMIT);
        lists->channels |= UINT64_C(1) << channel;
        break;
    case HR_EVENT_KIND_MESSAGE_TAKEN: lists->channels |= UINT64_C(1) << channel; break;
    case HR_EVENT_KIND_PLEDGED:
        hr_sum_of_units(&hr_pledge_sum_of(lists, c, event)->pledged_units, units);
        break;
    case HR_EVENT_KIND_RELEASED:
        hr_sum_of_units(&hr_pledge_sum_of(lists, c, event)->released_units, units);
        break;
    default: break;
    }
}

/* Out: listed  channels on which something was sent or taken, ascending by peer
 * Returns: how many they are */
static uint32_t hr_channels_by_peer(const struct hr_link_lists *lists, struct hr_core *c,
                                    const struct hr_channel *listed[HR_MAX_CHANNELS]) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < HR_MAX_CHANNELS; k++) {
        if (!(lists->channels >> k & 1)) continue;
        const struct hr_channel *channel = hr_channel_at(c, k);
        uint32_t i = count++;
        for (; i > 0 && listed[i - 1]->peer_chain_id > channel->peer_chain_id; i--)
            listed[i] = listed[i - 1];
        listed[i] = channel;
    }
    return count;
}

static void hr_channels_root(const struct hr_link_lists *lists, struct hr_core *c,
                             uint8_t root[HR_ABI_BYTES]) {
    const struct hr_channel *listed[HR_MAX_CHANNELS];
    __builtin_memset(root, 0, HR_ABI_BYTES);
    const uint32_t count = hr_channels_by_peer(lists, c, listed);
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_channel *channel = listed[i];
        hr_keccak256_state hash;
        hr_list_begin(&hash, "HRchan01", root);
        hr_put_u64(&hash, channel->peer_chain_id);
        hr_put_u64(&hash, channel->sent_count);
        hr_put_digest(&hash, channel->sent_accumulator);
        hr_put_u64(&hash, channel->received_count);
        hr_put_digest(&hash, channel->received_accumulator);
        hr_keccak256_final(&hash, root);
    }
}

static void hr_reservations_root(const struct hr_link_lists *lists, uint8_t root[HR_ABI_BYTES]) {
    __builtin_memset(root, 0, HR_ABI_BYTES);
    for (uint32_t i = 0; i < lists->pledge_count; i++) {
        const struct hr_pledge_sum *sum = &lists->pledges[i];
        hr_keccak256_state hash;
        hr_list_begin(&hash, "HRpled01", root);
        hr_put_u64(&hash, sum->peer_chain_id);
        hr_put_u64(&hash, sum->asset);
        hr_put_u64(&hash, sum->pledged_units);
        hr_put_u64(&hash, sum->released_units);
        hr_keccak256_final(&hash, root);
    }
}

#endif
