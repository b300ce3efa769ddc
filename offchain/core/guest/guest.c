/* The state transition as a guest. Unity build.
 *
 * Reads genesis parameters, hints and ops (or envelopes) from the tape, applies them, and writes a
 * result code for each, the hash of all events and the state root. The tape and the output are laid
 * out in offchain/core/guest_tape.py. Exit code 0 means that every hint was right; the output of
 * any other run has no meaning. */
#define HR_GUEST
#include "guest_io.h"

#include "../src/keccak_impl.h"
#include "../src/poseidon2_impl.h"

#include "../src/envelope_impl.h"
#include "../src/tree_impl.h"

/* Exit codes besides 0. */
enum {
    HR_EXIT_BAD_TAPE = 2, /* what cannot be read; a tape that is too short is a trap */
    HR_EXIT_TRAP = 3,     /* a hint was wrong */
    HR_EXIT_OUT_OF_MEMORY = 4,
};

enum { HR_MODE_OPS = 1, HR_MODE_ENVELOPES = 2 };

/* Longest envelope that the tape carries: one word more than is accepted. */
enum { HR_TAPE_ENVELOPE_WORDS = HR_ENVELOPE_MAX_BYTES / 4 + 1 };

struct hr_tape_head {
    uint32_t mode, item_count, hint_count;
    uint8_t config_hash[32];
    uint8_t governance[20];
};
_Static_assert(sizeof(struct hr_tape_head) == 16 * sizeof(uint32_t));

/* --- memory --------------------------------------------------------------------------------- */

extern uint8_t __heap_start[]; /* link.ld; page-aligned, and zero up to the end of RAM */
static uintptr_t hr_arena_next;

static void *hr_arena_take(size_t bytes) {
    const uintptr_t at = hr_arena_next;
    const size_t left = HR_GUEST_RAM_BASE + HR_GUEST_RAM_MAX_BYTES - at;
    const size_t rounded = (bytes + 7) & ~(size_t)7;
    if (rounded < bytes || rounded > left) hr_guest_exit(HR_EXIT_OUT_OF_MEMORY);
    hr_arena_next = at + rounded;
    return (void *)at;
}

/* Changed leaves of one subtree that a run can take in; more is a trap. */
enum { HR_LEAF_LIST_CAPACITY = 1 << 20 };

/* Directories are as long as the key space. */
static void hr_stores_open(struct hr_core *c) {
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        const size_t leaves = (size_t)1 << hr_shapes[s].depth;
        c->stores[s].shape = &hr_shapes[s];
        c->stores[s].pages =
            hr_arena_take(sizeof(uint8_t *) * ((leaves >> HR_PAGE_LEAVES_LOG2) + 1));
        c->stores[s].node_pages =
            hr_arena_take(sizeof(hr_digest *) * ((2 * leaves >> HR_PAGE_NODES_LOG2) + 1));
    }
    c->leaf_list = hr_arena_take(sizeof(uint32_t) * HR_LEAF_LIST_CAPACITY);
    c->leaf_list_capacity = HR_LEAF_LIST_CAPACITY;
    c->header = HR_AT(c, HR_SUBTREE_HEADER, struct hr_header, 0);
}

/* --- batch hashes: plain loops -------------------------------------------------------------- */

static inline void hr_compress_many(hr_digest *out, const hr_digest *pairs, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) hr_compress(&out[i], &pairs[2 * i], &pairs[2 * i + 1]);
}

static inline void hr_hash_words_many(hr_digest *out, uint64_t domain, const uint64_t *words,
                                      uint32_t n_words, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        hr_hash_words(&out[i], domain, words + (size_t)i * n_words, n_words);
}

/* --- tape ----------------------------------------------------------------------------------- */

static const uint32_t *hr_tape_hints(uint32_t count) {
    if (count > HR_GUEST_RAM_MAX_BYTES / sizeof(uint32_t)) hr_guest_exit(HR_EXIT_BAD_TAPE);
    uint32_t *hints = hr_arena_take(sizeof(uint32_t) * count);
    hr_guest_read(hints, count);
    return hints;
}

static int hr_apply_next_op(struct hr_core *c) {
    struct hr_op op;
    hr_guest_read(&op, sizeof op / sizeof(uint32_t));
    return hr_apply(c, &op);
}

static int hr_apply_next_envelope(struct hr_core *c) {
    static uint32_t envelope[HR_TAPE_ENVELOPE_WORDS];
    uint32_t length;
    hr_guest_read(&length, 1);
    if (length > sizeof envelope) hr_guest_exit(HR_EXIT_BAD_TAPE);
    hr_guest_read(envelope, (length + 3) / 4);
    return hr_apply_envelope(c, (const uint8_t *)envelope, length);
}

int hr_guest_main(void) {
    static struct hr_core core;
    static struct hr_event events[HR_ENVELOPE_MAX_EVENTS];
    struct hr_tape_head head;
    hr_arena_next = (uintptr_t)__heap_start;
    hr_guest_read(&head, sizeof head / sizeof(uint32_t));
    if (head.mode != HR_MODE_OPS && head.mode != HR_MODE_ENVELOPES) return HR_EXIT_BAD_TAPE;
    hr_stores_open(&core);
    core.hints.tape = hr_tape_hints(head.hint_count);
    core.hints.tape_count = head.hint_count;
    hr_genesis(&core, head.config_hash, head.governance);

    hr_keccak256_state hash;
    hr_keccak256_init(&hash);
    for (uint32_t i = 0; i < head.item_count; i++) {
        core.events = events;
        const int code =
            head.mode == HR_MODE_OPS ? hr_apply_next_op(&core) : hr_apply_next_envelope(&core);
        if (code == HR_TRAP) return HR_EXIT_TRAP;
        const uint32_t word = (uint32_t)code;
        hr_guest_write(&word, 1);
        hr_keccak256_update(&hash, (const uint8_t *)events,
                            (uint32_t)(core.events - events) * HR_EVENT_BYTES);
    }
    struct {
        uint32_t events_hash[HR_KECCAK256_BYTES / 4];
        hr_digest root;
    } end;
    hr_keccak256_final(&hash, (uint8_t *)end.events_hash);
    hr_state_root(&core, &end.root);
    if (core.trapped) return HR_EXIT_TRAP;
    hr_guest_write((const uint32_t *)&end, sizeof end / sizeof(uint32_t));
    return 0;
}
