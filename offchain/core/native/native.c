/* libheadrace: the state transition for the sequencer. Unity build. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE, madvise */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "headrace/core.h"
#include "../src/keccak_impl.h"
#include "../src/poseidon2_impl.h"
#include "poseidon2_x8.h"

#include "../src/envelope_impl.h"
#include "../src/tree_impl.h"
#include "../src/valuation_impl.h"
#include "journal.h"

/* How many ops ahead an op's records, and an op itself, are fetched into the cache; how many
 * accounts ahead in a look at all of them. */
enum { HR_PREFETCH_OPS = 8, HR_PREFETCH_AHEAD = 32, HR_SCOUT_ACCOUNTS = 8 };

/* Returns NULL when no address space is left. */
static void *hr_map_or_null(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= 1u << 22) madvise(at, bytes, MADV_HUGEPAGE);
#endif
    return at;
}

/* For what is small beside the records: if it cannot be had, nothing can be saved. */
static void *hr_map(size_t bytes) {
    void *at = hr_map_or_null(bytes);
    if (!at) abort();
    return at;
}

/* Bytes of the mappings of a subtree, which hr_core_free needs again. */
static size_t hr_node_bytes(const struct hr_shape *s) {
    return sizeof(hr_digest) << (s->depth + 1);
}

/* Bytes of the index of one kind of duty: by account, market, pledge, or order slot. */
static size_t hr_duty_place_bytes(uint32_t kind) {
    const size_t keys = kind == HR_DUTY_KIND_DEADMAN         ? HR_ACCOUNT_LIMIT
                        : kind == HR_DUTY_KIND_MARKET_MINUTE ? HR_MAX_MARKETS
                        : kind == HR_DUTY_KIND_PLEDGE ? HR_RESERVATIONS_PER_MASTER << HR_MASTER_BITS
                                                      : HR_ORDER_CAPACITY;
    return sizeof(uint32_t) * keys;
}

/* Changed leaves of one subtree that one root can take in; address space only. */
enum { HR_LEAF_LIST_CAPACITY = 1 << 26 };

struct hr_core *hr_core_new(const uint8_t *config_hash32, const uint8_t *governance20) {
    struct hr_core *c = hr_map_or_null(sizeof *c);
    if (!c) return NULL;
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        const struct hr_shape *shape = &hr_shapes[s];
        c->stores[s].base = (uint8_t *)&c->records + hr_records_offset(s);
        c->stores[s].nodes = hr_map(hr_node_bytes(shape));
    }
    c->leaf_list = hr_map(sizeof(uint32_t) * HR_LEAF_LIST_CAPACITY);
    c->leaf_list_capacity = HR_LEAF_LIST_CAPACITY;
    c->index = hr_map(sizeof *c->index);
    for (uint32_t kind = HR_DUTY_KIND_EXPIRY; kind < HR_DUTY_KINDS; kind++)
        c->index->duty_place[kind] = hr_map(hr_duty_place_bytes(kind));
    hr_genesis(c, config_hash32, governance20);
    return c;
}

static void hr_ladder_free(struct hr_ladder *ladder) {
    if (!ladder) return;
    munmap(ladder->slot_of, sizeof(uint32_t) * HR_WINDOW);
    for (int stage = 0; stage < 3; stage++)
        munmap(ladder->bits[stage], (size_t)(HR_WINDOW >> (6 * stage)) / 8 + 8);
    munmap(ladder, sizeof *ladder);
}

void hr_core_free(struct hr_core *c) {
    if (!c) return;
    for (uint32_t s = 0; s < HR_SUBTREES; s++) {
        const struct hr_shape *shape = &hr_shapes[s];
        munmap(c->stores[s].nodes, hr_node_bytes(shape));
    }
    for (uint32_t m = 0; m < HR_MAX_MARKETS; m++)
        for (uint32_t side = 0; side < HR_LEVEL_LISTS; side++)
            hr_ladder_free(c->index->ladders[m][side]);
    munmap(c->leaf_list, sizeof(uint32_t) * HR_LEAF_LIST_CAPACITY);
    for (uint32_t kind = HR_DUTY_KIND_EXPIRY; kind < HR_DUTY_KINDS; kind++)
        munmap(c->index->duty_place[kind], hr_duty_place_bytes(kind));
    munmap(c->index, sizeof *c->index);
    munmap(c, sizeof *c);
}

/* Where an op names an order slot, by the low bits of its kind; in a PLACE a word that is zero.
 * What other kinds have there does not matter: it is masked and only fetched. */
static const uint8_t hr_slot_offsets[4] = {60, 60, 8 + offsetof(struct hr_op_modify, slot),
                                           8 + offsetof(struct hr_op_cancel, slot)};
_Static_assert(HR_OP_KIND_PLACE == 1 && HR_OP_KIND_MODIFY == 2 && HR_OP_KIND_CANCEL == 3);

/* Fetches what a later op will read, without a branch on its kind. The op is not checked yet: every
 * number is masked. */
HR_HOT void hr_prefetch(struct hr_core *c, const struct hr_op *op) {
    const char *account = (const char *)hr_account_at(c, op->account & (HR_ACCOUNT_LIMIT - 1));
    uint32_t slot;
    memcpy(&slot, (const uint8_t *)op + hr_slot_offsets[op->kind & 3], sizeof slot);
    __builtin_prefetch(account, 1);
    __builtin_prefetch(account + 64, 1);
    __builtin_prefetch(hr_order_at(c, slot & (HR_ORDER_CAPACITY - 1)), 1);
}

uint32_t hr_core_apply(struct hr_core *c, const uint8_t *bytes, uint32_t n, uint8_t *events,
                       uint32_t event_capacity, int32_t *codes, uint32_t *event_ends,
                       uint8_t *journal) {
    const struct hr_op *ops = (const struct hr_op *)bytes;
    struct hr_event *first = (struct hr_event *)events;
    const struct hr_event *last = first + event_capacity;
    struct hr_journal_record *record = (struct hr_journal_record *)journal;
    c->events = first;
    if (c->trapped) return 0;
    for (uint32_t i = 0; i < n; i++) {
        if (last - c->events < HR_MAX_EVENTS_PER_OP) return i;
        /* past the end it does no harm, but a pointer there would not be defined */
        __builtin_prefetch((const void *)((uintptr_t)&ops[i] + HR_PREFETCH_AHEAD * sizeof *ops));
        hr_prefetch(c, &ops[i + HR_PREFETCH_OPS < n ? i + HR_PREFETCH_OPS : i]);
        if (record) hr_journal_write(record++, c->header->next_event_seq, &ops[i]);
        codes[i] = hr_apply(c, &ops[i]);
        event_ends[i] = (uint32_t)(c->events - first);
        if (__builtin_expect(codes[i] == HR_TRAP, 0)) return i + 1;
    }
    return n;
}

int32_t hr_core_apply_envelope(struct hr_core *c, const uint8_t *bytes, uint32_t length,
                               uint8_t *events, uint32_t event_capacity, uint32_t *event_count) {
    if (c->trapped || event_capacity < HR_ENVELOPE_MAX_EVENTS) return HR_TRAP;
    c->events = (struct hr_event *)events;
    const int e = hr_apply_envelope(c, bytes, length);
    *event_count = (uint32_t)(c->events - (struct hr_event *)events);
    return e;
}

void hr_inputs_after(uint8_t *chain32, const uint8_t *bytes, uint32_t length) {
    hr_digest chain, hash;
    __builtin_memcpy(&chain, chain32, sizeof chain);
    hr_envelope_hash(&hash, bytes, length);
    hr_compress(&chain, &chain, &hash);
    __builtin_memcpy(chain32, &chain, sizeof chain);
}

uint32_t hr_core_envelope_events(void) {
    return HR_ENVELOPE_MAX_EVENTS;
}

/* Fetches what a look at an account reads first: its record and the first positions.
 * Returns: the next account of the ring; after the last, 0 for ever. */
HR_HOT uint32_t hr_ring_scout(struct hr_core *c, uint32_t account) {
    const char *record = (const char *)hr_account_at(c, account);
    for (size_t at = 0; at < sizeof(struct hr_account); at += 64) __builtin_prefetch(record + at);
    for (uint32_t k = 0; k < 3; k++) __builtin_prefetch(hr_position_at(c, account, k));
    return hr_account_at(c, account)->sweep_next; /* account 0 is never in the ring */
}

/* Does one look at the cross positions show already that there is nothing to do? It leaves out what
 * is rare, and collateral, which only adds. */
static bool hr_is_plainly_healthy(struct hr_core *c, uint32_t account) {
    const struct hr_account *a = hr_account_at(c, account);
    const int64_t quote = hr_unbias(a->balances[0].free_biased) + (int64_t)a->balances[0].locked;
    int64_t worth = hr_to_micro(quote), required = 0;
    for (uint32_t k = 0, left = a->positions_used; left; k++) {
        const struct hr_position *p = hr_position_at(c, account, k);
        if (p->market_plus_1 == 0) continue;
        left--;
        const struct hr_market_risk *risk = hr_margined_risk(c, p->market_plus_1 - 1u);
        if (p->mode == HR_MARGIN_MODE_ISOLATED || !risk || !hr_mark_is_fresh(c, risk)) return false;
        const struct hr_settled now = hr_settled(c, account, k);
        worth += hr_unrealised_pnl(now.size, now.cost, risk->mark_price) + hr_to_micro(now.cash);
        required += (int64_t)hr_maintenance(risk, now.size);
    }
    return quote >= 0 && worth >= required;
}

uint32_t hr_core_unhealthy(struct hr_core *c, uint32_t *accounts, uint32_t capacity) {
    uint32_t n = 0, scout = (uint32_t)c->header->sweep_head;
    for (uint32_t i = 0; i < HR_SCOUT_ACCOUNTS; i++) scout = hr_ring_scout(c, scout);
    for (uint32_t account = (uint32_t)c->header->sweep_head; account;
         account = hr_account_at(c, account)->sweep_next) {
        scout = hr_ring_scout(c, scout);
        if (account == HR_INSURANCE_ACCOUNT || hr_is_plainly_healthy(c, account) ||
            !hr_liquidation_due(c, account))
            continue;
        if (n < capacity) accounts[n] = account;
        n++;
    }
    return n;
}

void hr_core_root(struct hr_core *c, uint8_t *root32) {
    hr_digest root;
    hr_state_root(c, &root);
    memcpy(root32, &root, sizeof root);
}

uint32_t hr_core_leaf(struct hr_core *c, uint32_t subtree, uint32_t leaf, uint8_t *bytes) {
    if (subtree >= HR_SUBTREES || leaf >> hr_shapes[subtree].depth) return 0;
    const struct hr_shape *shape = &hr_shapes[subtree];
    memcpy(bytes, hr_store_leaf(&c->stores[subtree], shape, leaf), shape->leaf_bytes);
    return shape->leaf_bytes;
}

uint32_t hr_core_valuation(struct hr_core *c, uint8_t *bytes) {
    struct hr_valuation table;
    hr_valuation_table(c, &table);
    memcpy(bytes, table.big_endian, hr_valuation_bytes(&table));
    return hr_valuation_bytes(&table);
}

/* Copies a node of an up-to-date tree. */
static void hr_node_copy(struct hr_core *c, uint32_t subtree, uint32_t node, uint32_t height,
                         uint8_t *digest32) {
    const hr_digest *digest = hr_store_node(&c->stores[subtree], node);
    if (hr_digest_is_zero(digest)) digest = hr_empty_digest(c, height);
    memcpy(digest32, digest, sizeof *digest);
}

/* Where the digests beside paths go. */
struct hr_sibling_list {
    struct hr_core *core;
    uint8_t *digests;
    uint32_t subtree, count, capacity;
};

/* Walks the part of a subtree of this height that holds the leaves, left before right. */
static void hr_siblings_walk(struct hr_sibling_list *list, const uint32_t *leaves, uint32_t n,
                             uint32_t height) {
    if (height == 0) return;
    const uint32_t below = height - 1, depth = hr_shapes[list->subtree].depth;
    uint32_t left = 0;
    while (left < n && (leaves[left] >> below & 1) == 0) left++;
    if (left > 0) hr_siblings_walk(list, leaves, left, below);
    if (left < n) hr_siblings_walk(list, leaves + left, n - left, below);
    if (left > 0 && left < n) return;
    if (list->count < list->capacity)
        hr_node_copy(list->core, list->subtree, (1u << (depth - below)) + (leaves[0] >> below ^ 1),
                     below, &list->digests[sizeof(hr_digest) * list->count]);
    list->count++;
}

uint32_t hr_core_siblings(struct hr_core *c, uint32_t subtree, const uint32_t *leaves, uint32_t n,
                          uint8_t *digests, uint32_t capacity) {
    struct hr_sibling_list list = {c, digests, subtree, 0, capacity};
    hr_siblings_walk(&list, leaves, n, hr_shapes[subtree].depth);
    return list.count;
}

void hr_core_subtree_root(struct hr_core *c, uint32_t subtree, uint8_t *digest32) {
    hr_node_copy(c, subtree, 1, hr_shapes[subtree].depth, digest32);
}

void hr_core_hints_from_tape(struct hr_core *c, const uint32_t *tape, uint32_t count) {
    c->hints.tape = tape;
    c->hints.tape_count = count;
    c->hints.tape_position = 0;
}

void hr_core_hints_to_record(struct hr_core *c, uint32_t *record, uint32_t capacity) {
    c->hints.record = record;
    c->hints.record_capacity = capacity;
    c->hints.record_count = 0;
}

uint32_t hr_core_hints_recorded(const struct hr_core *c) {
    return c->hints.record_count;
}

uint64_t hr_core_touched(const struct hr_core *c) {
    return c->touched;
}

void hr_core_hash_counts(const struct hr_core *c, uint64_t *counts) {
    memcpy(counts, c->permutations, sizeof c->permutations);
}

int32_t hr_core_hash_backend(int32_t backend) {
    return hr_hash_backend_set(backend);
}

int32_t hr_core_decode(const uint8_t *bytes, uint32_t length) {
    struct hr_decoded decoded;
    return hr_decode(bytes, length, &decoded);
}
