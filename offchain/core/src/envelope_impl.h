/* Envelopes: decode, authorisation, nonces and priority records.
 * docs/spec/transition.md section 6. Every byte here comes from outside. */
#ifndef HEADRACE_ENVELOPE_IMPL_H
#define HEADRACE_ENVELOPE_IMPL_H

#include "apply_impl.h"
#include "headrace/keccak.h"
#include "messages_impl.h"
#include "oracle_impl.h"
#include "priority_impl.h"
#include "receipts_impl.h"

struct hr_envelope_header {
    uint16_t version;
    uint8_t kind, signer_slot;
    uint32_t account;
    uint64_t nonce, arrival_ms;
    uint8_t signer[20];
    uint16_t payload_bytes, zero_u16;
    uint8_t signature[65];
    uint8_t zero_tail[15];
};
_Static_assert(sizeof(struct hr_envelope_header) == HR_ENVELOPE_HEADER_BYTES);

enum {
    HR_ENVELOPE_VERSION = 1,
    HR_ENVELOPE_MAX_EVENTS = HR_ENVELOPE_MAX_OPS * HR_MAX_EVENTS_PER_OP
};

/* What decode yields: the header and up to 40 ops, a priority record, a message or a snapshot of
 * the oracle hub. */
struct hr_decoded {
    struct hr_envelope_header header;
    struct hr_op ops[HR_ENVELOPE_MAX_OPS];
    uint32_t op_count;
    const uint8_t *record; /* PRIORITY: 256 bytes inside the envelope */
    struct hr_message message;
    struct hr_reading_list readings;
};

static inline bool hr_op_is_user(uint32_t kind) {
    return kind >= 1 && kind < 32;
}
/* Places or cancels orders, which the owner's key may do where it was told so. */
static inline bool hr_op_trades(uint32_t kind) {
    return kind <= HR_OP_KIND_SCHEDULE_CANCEL || kind == HR_OP_KIND_PLACE_TRIGGER ||
           kind == HR_OP_KIND_PLACE_TWAP;
}
static inline bool hr_op_is_system(uint32_t kind) {
    return kind >= 32 && kind < 64;
}

/* Has a payload of ops or a record a length that its envelope's kind cannot have? */
static bool hr_payload_is_malformed(const struct hr_envelope_header *h) {
    const uint32_t n = h->payload_bytes;
    switch (h->kind) {
    case HR_ENVELOPE_KIND_USER:
    case HR_ENVELOPE_KIND_SYSTEM:
        return n == 0 || n % HR_OP_BYTES || n > HR_ENVELOPE_MAX_OPS * HR_OP_BYTES;
    case HR_ENVELOPE_KIND_PRIORITY: return n != HR_PRIORITY_RECORD_BYTES;
    case HR_ENVELOPE_KIND_MESSAGE: return n != HR_MESSAGE_PAYLOAD_BYTES;
    default: return h->kind != HR_ENVELOPE_KIND_ORACLE;
    }
}

static bool hr_envelope_is_malformed(const struct hr_envelope_header *h) {
    if (h->version != HR_ENVELOPE_VERSION || h->zero_u16 ||
        !hr_is_zero(h->zero_tail, sizeof h->zero_tail) || h->arrival_ms >> 48 ||
        h->signer_slot >= HR_SIGNERS_PER_MASTER || hr_payload_is_malformed(h))
        return true;
    return h->kind != HR_ENVELOPE_KIND_USER &&
           (h->signer_slot || h->account || h->nonce || !hr_is_zero(h->signer, sizeof h->signer) ||
            !hr_is_zero(h->signature, sizeof h->signature));
}

/* Decodes what carries ops. Returns: HR_E_OK or an error code */
static int hr_decode_ops(const uint8_t *payload, struct hr_decoded *decoded) {
    const struct hr_envelope_header *h = &decoded->header;
    decoded->op_count = h->payload_bytes / HR_OP_BYTES;
    __builtin_memcpy(decoded->ops, payload, h->payload_bytes);
    const bool is_user = h->kind == HR_ENVELOPE_KIND_USER;
    for (uint32_t i = 0; i < decoded->op_count; i++) {
        const uint32_t kind = decoded->ops[i].kind;
        if (is_user ? !hr_op_is_user(kind) : !hr_op_is_system(kind))
            return HR_E_ENVELOPE_OP_NOT_ALLOWED;
    }
    for (uint32_t i = 0; is_user && i < decoded->op_count; i++)
        if (hr_master_of(decoded->ops[i].account) != hr_master_of(h->account))
            return HR_E_WRONG_ACCOUNT;
    return HR_E_OK;
}

/* Decodes an envelope without looking at the state.
 * In:  bytes, length  the envelope as received
 * Out: decoded
 * Returns: HR_E_OK or an error code */
static int hr_decode(const uint8_t *bytes, uint32_t length, struct hr_decoded *decoded) {
    struct hr_envelope_header *h = &decoded->header;
    if (length < sizeof *h) return HR_E_ENVELOPE_TRUNCATED;
    __builtin_memcpy(h, bytes, sizeof *h);
    if (length < sizeof *h + h->payload_bytes) return HR_E_ENVELOPE_TRUNCATED;
    if (length > HR_ENVELOPE_MAX_BYTES || length > sizeof *h + h->payload_bytes)
        return HR_E_ENVELOPE_TOO_LONG;
    if (hr_envelope_is_malformed(h)) return HR_E_ENVELOPE_MALFORMED;
    const uint8_t *payload = bytes + sizeof *h;
    decoded->record = payload;
    decoded->op_count = 0;
    switch (h->kind) {
    case HR_ENVELOPE_KIND_PRIORITY: return HR_E_OK;
    case HR_ENVELOPE_KIND_MESSAGE:
        return hr_message_decode(payload, &decoded->message) ? HR_E_OK : HR_E_ENVELOPE_MALFORMED;
    case HR_ENVELOPE_KIND_ORACLE:
        return hr_oracle_decode(payload, h->payload_bytes, &decoded->readings)
                   ? HR_E_OK
                   : HR_E_ENVELOPE_MALFORMED;
    default: return hr_decode_ops(payload, decoded);
    }
}

/* --- signers and nonces ---------------------------------------------------------------------- */

/* Where a nonce that was checked goes. */
struct hr_nonce_use {
    uint32_t record; /* of the set */
    uint64_t *place; /* of the lowest there */
};

/* Number of the set that a nonce below 2^60 belongs to. 64-bit division is a call on the machine of
 * the guest, but 2^12 mod 13 = 1 and 2^32 mod 13 = 9. */
static inline uint32_t hr_nonce_set_of(uint64_t nonce) {
    _Static_assert(HR_NONCE_SETS == 13);
    const uint32_t low = (uint32_t)nonce, high = (uint32_t)(nonce >> 32);
    return ((low & 0xfff) + (low >> 12) + 9 * high) % HR_NONCE_SETS;
}

/* May the signer use this nonce now? It changes nothing.
 * In:  signer  record of the signer
 * Out: use     if it may: the set, and the place in it that the nonce takes
 * Returns: HR_E_OK or an error code */
static int hr_check_nonce(struct hr_core *c, uint32_t signer, uint64_t nonce, uint64_t arrival_ms,
                          struct hr_nonce_use *use) {
    if (nonce == 0 || nonce > arrival_ms + HR_NONCE_FUTURE_MS ||
        nonce + HR_NONCE_PAST_MS < arrival_ms)
        return HR_E_NONCE_OUT_OF_WINDOW;
    use->record = signer + 1 + hr_nonce_set_of(nonce); /* arrivals are below 2^48 */
    uint64_t *nonces = hr_nonce_set_at(c, use->record)->nonces;
    use->place = nonces;
    for (uint32_t i = 0; i < HR_NONCES_PER_SET; i++) {
        if (nonces[i] == nonce) return HR_E_NONCE_USED;
        if (nonces[i] < *use->place) use->place = &nonces[i];
    }
    return nonce < *use->place ? HR_E_NONCE_TOO_LOW : HR_E_OK;
}

/* May this signer send these ops now, and with this nonce? Out: use  if so */
static int hr_check_signer(struct hr_core *c, const struct hr_decoded *decoded,
                           struct hr_nonce_use *use) {
    const struct hr_envelope_header *h = &decoded->header;
    const uint32_t master = hr_master_of(h->account);
    if (!hr_account_exists(c, master)) return HR_E_UNKNOWN_ACCOUNT;
    const struct hr_signer *signer = hr_signer_at(c, master, h->signer_slot);
    uint64_t address[3];
    hr_address_pack(address, h->signer);
    if (!(signer->flags & HR_SIGNER_FLAG_EXISTS) || !hr_address_equal(signer->address, address))
        return HR_E_UNKNOWN_SIGNER;
    if (signer->expiry_s && signer->expiry_s <= c->header->now_s) return HR_E_SIGNER_EXPIRED;
    const bool owner_trades = hr_account_at(c, master)->flags & HR_ACCOUNT_FLAG_OWNER_KEY_TRADES;
    for (uint32_t i = 0; i < decoded->op_count; i++) {
        const uint32_t kind = decoded->ops[i].kind;
        const bool trades = hr_op_trades(kind);
        if (h->signer_slot == 0 && !owner_trades && trades) return HR_E_OWNER_KEY_NOT_ENABLED;
        if (h->signer_slot > 0 && !trades && kind != HR_OP_KIND_TRANSFER)
            return HR_E_AGENT_NOT_ALLOWED;
    }
    return hr_check_nonce(c, hr_signer_index(master, h->signer_slot), h->nonce, h->arrival_ms, use);
}

/* --- priority records ------------------------------------------------------------------------ */

/* May the next input of L1 or of another chain be taken now? */
static int hr_check_turn(struct hr_core *c, const struct hr_decoded *decoded) {
    uint64_t index;
    if (c->header->cont_kind != HR_CONTINUATION_NONE) return HR_E_CONTINUATION_PENDING;
    if (hr_is_something_due(c)) return HR_E_DUTY_PENDING;
    if (decoded->header.kind == HR_ENVELOPE_KIND_MESSAGE)
        return hr_check_message(c, &decoded->message);
    if (decoded->header.kind == HR_ENVELOPE_KIND_ORACLE)
        return hr_check_oracle(c, &decoded->readings);
    if (!hr_abi_u64(decoded->record, 0, &index) || index != c->header->next_priority_index)
        return HR_E_PRIORITY_OUT_OF_ORDER;
    return HR_E_OK;
}

/* Takes the record off the queue: its op is decoded and the accumulator extended. */
static void hr_priority_consume(struct hr_core *c, struct hr_decoded *decoded) {
    hr_keccak256_state hash;
    uint8_t digest[32];
    hr_digest_from_words(digest, c->header->priority_accumulator);
    hr_keccak256_init(&hash);
    hr_keccak256_update(&hash, digest, sizeof digest);
    hr_keccak256_update(&hash, decoded->record, HR_PRIORITY_RECORD_BYTES);
    hr_keccak256_final(&hash, digest);
    hr_digest_to_words(c->header->priority_accumulator, digest);
    c->header->next_priority_index++;
    if (hr_priority_decode(decoded->record, &decoded->ops[0]))
        decoded->op_count = 1;
    else
        hr_emit(c, HR_EVENT_KIND_REJECTED, 0, 0, 0, 0, HR_E_PRIORITY_MALFORMED, 0, 0, 0);
}

/* --- apply ----------------------------------------------------------------------------------- */

/* Applies an envelope. Room for HR_ENVELOPE_MAX_EVENTS must be at c->events.
 * Returns: HR_E_OK (single ops may have been refused: event REJECTED), an error code (nothing
 * changed), or HR_TRAP. */
static int hr_apply_envelope(struct hr_core *c, const uint8_t *bytes, uint32_t length) {
    struct hr_decoded decoded;
    int e = hr_decode(bytes, length, &decoded);
    if (e) return e;
    const struct hr_envelope_header *h = &decoded.header;
    if (h->arrival_ms < c->header->last_arrival_ms) return HR_E_ARRIVAL_BACKWARDS;
    struct hr_nonce_use use;
    if (h->kind == HR_ENVELOPE_KIND_USER && (e = hr_check_signer(c, &decoded, &use))) return e;
    if (h->kind > HR_ENVELOPE_KIND_SYSTEM && (e = hr_check_turn(c, &decoded))) return e;

    const struct hr_event *events = c->events;
    c->header->last_arrival_ms = h->arrival_ms;
    if (h->kind == HR_ENVELOPE_KIND_USER) {
        *use.place = h->nonce;
        hr_touch_leaf(c, HR_SUBTREE_SIGNERS, use.record);
    } else if (h->kind == HR_ENVELOPE_KIND_PRIORITY) {
        hr_priority_consume(c, &decoded);
    } else if (h->kind == HR_ENVELOPE_KIND_MESSAGE) {
        hr_message_take(c, &decoded.message);
    } else if (h->kind == HR_ENVELOPE_KIND_ORACLE) {
        hr_oracle_take(c, &decoded.readings);
    }
    for (uint32_t i = 0; i < decoded.op_count; i++) {
        e = hr_apply(c, &decoded.ops[i]);
        if (e == HR_TRAP) return HR_TRAP;
        if (e)
            hr_emit(c, HR_EVENT_KIND_REJECTED, 0, h->account, i, decoded.ops[i].kind, e, 0, 0, 0);
    }
    hr_receipt(c, bytes, length, h->arrival_ms, events);
    return HR_E_OK;
}

#endif
