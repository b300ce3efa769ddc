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

/* The next element of a chain of blocks: chain[4..7] fill up, then the first half is their parent.
 * Returns: where the element behind it goes */
static inline uint64_t *hr_chain_next(uint64_t chain[HR_POSEIDON2_WIDTH], uint64_t *next) {
    if (++next < chain + HR_POSEIDON2_WIDTH) return next;
    hr_poseidon2_compress(chain);
    return chain + HR_DIGEST_ELEMENTS;
}

/* Hashes words of which any may be p or more; after each group of them a word says which.
 * Out: out     digest
 * In:  domain  tag of what they are
 *      halves  2 * count of them, 4-byte aligned */
static void hr_hash_any(hr_digest *out, uint64_t domain, const hr_half *halves, uint32_t count) {
    const uint32_t groups = (count + HR_WORDS_PER_FLAGS - 1) / HR_WORDS_PER_FLAGS;
    uint64_t chain[HR_POSEIDON2_WIDTH] = {domain, count + groups};
    uint64_t *next = chain + HR_DIGEST_ELEMENTS;
    for (uint32_t left = count; left > 0;) {
        const uint32_t words = left < HR_WORDS_PER_FLAGS ? left : HR_WORDS_PER_FLAGS;
        const hr_half *const end = halves + 2 * words;
        uint32_t flags = 0;
        for (; halves != end; halves += 2) {
            uint32_t low = halves[0], high = halves[1];
            if (__builtin_expect(high == UINT32_MAX, 0) && low != 0) { /* - p, as in absorb */
                flags |= (uint32_t)1 << (words - (uint32_t)(end - halves) / 2);
                low--;
                high = 0;
            }
            ((hr_half *)next)[0] = low;
            ((hr_half *)next)[1] = high;
            next = hr_chain_next(chain, next);
        }
        *next = flags;
        next = hr_chain_next(chain, next);
        left -= words;
    }
    if (next != chain + HR_DIGEST_ELEMENTS) {
        while (next != chain + HR_POSEIDON2_WIDTH) *next++ = 0;
        hr_poseidon2_compress(chain);
    }
    for (uint32_t i = 0; i < HR_DIGEST_ELEMENTS; i++) out->e[i] = chain[i];
}

/* In: bytes  4-byte aligned; whole words, as all envelopes that are well formed */
static inline void hr_envelope_hash(hr_digest *out, const uint8_t *bytes, uint32_t length) {
    hr_hash_any(out, HR_ENVELOPE_DOMAIN, (const hr_half *)(const void *)bytes,
                length / (uint32_t)sizeof(uint64_t));
}

/* Extends the receipt chain by an envelope and the events it caused. */
static void hr_receipt(struct hr_core *c, const uint8_t *bytes, uint32_t length,
                       uint64_t arrival_ms, const struct hr_event *events) {
    const uint32_t event_words = (uint32_t)(c->events - events) * (HR_EVENT_BYTES / 8);
    const hr_digest place = {{HR_RECEIPT_DOMAIN, c->header->receipt_seq++, arrival_ms, 0}};
    hr_digest head, event_hash;
    hr_envelope_hash(&c->envelope_hash, bytes, length);
    hr_hash_any(&event_hash, HR_EVENTS_DOMAIN, (const hr_half *)events, event_words);
    hr_digest_from_words((uint8_t *)&head, c->header->receipts_head);
#ifdef HR_BATCH
    for (uint32_t i = 0; i < HR_DIGEST_ELEMENTS; i++) /* a forged header may hold anything */
        if (!hr_is_canonical(head.e[i])) hr_batch_exit(HR_EXIT_BAD_WITNESS);
#endif
    hr_compress(&head, &head, &c->envelope_hash);
    hr_compress(&head, &head, &event_hash);
    hr_compress(&head, &head, &place);
    hr_digest_to_words(c->header->receipts_head, (const uint8_t *)&head);
}

#endif
