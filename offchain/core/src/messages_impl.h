/* Messages between chains. docs/spec/links.md section 3. */
#ifndef HEADRACE_MESSAGES_IMPL_H
#define HEADRACE_MESSAGES_IMPL_H

#include "abi_impl.h"
#include "headrace/keccak.h"

enum {
    HR_GATEWAY_ENVELOPE_WORDS = 15,
    HR_GATEWAY_VALUES_WORD = 7, /* four pairs of asset and units */
    HR_MESSAGE_FLAGS_MAX = HR_MESSAGE_FLAG_ATOMIC | HR_MESSAGE_FLAG_SEIZURE,
};

/* A MESSAGE envelope's payload, whose form is checked. */
struct hr_message {
    const uint8_t *envelope; /* the gateway's, as ABI words */
    uint32_t channel, from_chain, to_chain, flags;
    uint64_t index, slot, expires_at_s;
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
    if (head[0] >= HR_MAX_CHANNELS || head[1] || !hr_abi_below(words, 0, UINT32_MAX, &from_chain) ||
        !hr_abi_below(words, 1, UINT32_MAX, &to_chain) ||
        !hr_abi_below(words, 2, number_limit, &message->index) ||
        !hr_abi_below(words, 3, number_limit, &message->slot) ||
        !hr_abi_below(words, 4, number_limit, &message->expires_at_s) ||
        !hr_abi_below(words, 5, HR_MESSAGE_FLAGS_MAX + 1, &flags))
        return false;
    message->channel = head[0];
    message->from_chain = (uint32_t)from_chain;
    message->to_chain = (uint32_t)to_chain;
    message->flags = (uint32_t)flags;
    __builtin_memcpy(&message->body, body, sizeof message->body);
    hr_keccak256(body_hash, body, sizeof message->body);
    return hr_bytes_equal(body_hash, words + 6 * HR_ABI_WORD_BYTES, sizeof body_hash);
}

/* May the message be taken now? */
static int hr_check_message(struct hr_core *c, const struct hr_message *message) {
    (void)c, (void)message; /* no channel exists */
    return HR_E_UNKNOWN_PEER;
}

/* Takes a message whose turn it is. */
static void hr_message_take(struct hr_core *c, const struct hr_message *message) {
    (void)c, (void)message;
}

#endif
