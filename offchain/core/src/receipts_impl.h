/* The receipt chain, and the chain of a batch's inputs. docs/spec/transition.md section 6. */
#ifndef HEADRACE_RECEIPTS_IMPL_H
#define HEADRACE_RECEIPTS_IMPL_H

#include "abi_impl.h"
#include "state_impl.h"

enum {
    HR_ENVELOPE_DOMAIN = 0x48520100,
    HR_EVENTS_DOMAIN = 0x48520101,
    HR_RECEIPT_DOMAIN = 0x48520102,
    HR_WORDS_PER_FLAGS = 32,
};

/* Hashes words of which any may be p or more; after each group of them a word says which.
 * Out: out     digest
 * In:  domain  tag of what they are
 *      halves  2 * count of them, 4-byte aligned */
static void hr_hash_any(hr_digest *out, uint64_t domain, const hr_half *halves, uint32_t count) {
    const uint32_t groups = (count + HR_WORDS_PER_FLAGS - 1) / HR_WORDS_PER_FLAGS;
    uint64_t s[HR_POSEIDON2_WIDTH] = {0, 0, 0, 0, domain, count + groups, 0, 0};
    uint64_t *const full = s + HR_POSEIDON2_RATE, *next = s;
    const hr_half *const end = halves + 2 * (size_t)count;
    while (halves != end) {
        uint32_t flags = 0;
        for (uint32_t bit = 1; bit != 0 && halves != end; bit <<= 1, halves += 2) {
            if (next == full) {
                hr_poseidon2_permute(s);
                next = s;
            }
            if (hr_poseidon2_absorb(next++, halves[0], halves[1])) flags |= bit;
        }
        if (next == full) {
            hr_poseidon2_permute(s);
            next = s;
        }
        hr_poseidon2_absorb(next++, flags, 0);
    }
    hr_poseidon2_permute(s);
    for (uint32_t i = 0; i < HR_DIGEST_ELEMENTS; i++) out->e[i] = s[i];
}

/* In: bytes  4-byte aligned; whole words, as all envelopes that are well formed */
static inline void hr_envelope_hash(hr_digest *out, const uint8_t *bytes, uint32_t length) {
    hr_hash_any(out, HR_ENVELOPE_DOMAIN, (const hr_half *)(const void *)bytes,
                length / (uint32_t)sizeof(uint64_t));
}

/* Extends the receipt chain by an envelope and the events it caused. */
static void hr_receipt(struct hr_core *c, const uint8_t *bytes, uint32_t length,
                       uint64_t arrival_ms, const struct hr_event *events) {
    struct {
        hr_digest head;
        uint64_t seq, arrival_ms;
        hr_digest envelope, events;
    } link;
    const uint32_t event_words = (uint32_t)(c->events - events) * (HR_EVENT_BYTES / 8);
    hr_digest_from_words((uint8_t *)&link.head, c->header->receipts_head);
    link.seq = c->header->receipt_seq++;
    link.arrival_ms = arrival_ms;
    hr_envelope_hash(&link.envelope, bytes, length);
    c->envelope_hash = link.envelope;
    hr_hash_any(&link.events, HR_EVENTS_DOMAIN, (const hr_half *)events, event_words);
    hr_hash_words(&link.head, HR_RECEIPT_DOMAIN, (const uint64_t *)&link,
                  sizeof link / sizeof(uint64_t));
    hr_digest_to_words(c->header->receipts_head, (const uint8_t *)&link.head);
}

#endif
