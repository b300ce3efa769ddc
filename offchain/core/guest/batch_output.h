/* The public output of a batch, word for word as the gateway recomputes it.
 * docs/spec/settlement.md sections 2 and 4, docs/spec/witness.md section 5. */
#ifndef HEADRACE_BATCH_OUTPUT_H
#define HEADRACE_BATCH_OUTPUT_H

#include "../src/envelope_impl.h"
#include "../src/valuation_impl.h"
#include "batch_links.h"

enum {
    HR_OUTPUT_ABI_WORDS = 28,
    HR_OUTPUT_WORDS = HR_OUTPUT_ABI_WORDS * HR_ABI_WORDS,
    HR_FLOWS_MAX = 64,           /* entries of the gateway's list */
    HR_WITHDRAWALS_MAX = 1 << 20 /* leaves of the gateway's tree */
};

/* Places of the words: offchain/settlement/public_output.py. */
enum {
    HR_OUT_DOMAIN = 0,
    HR_OUT_L1_CHAIN_ID,
    HR_OUT_GATEWAY,
    HR_OUT_CHAIN_ID,
    HR_OUT_CONFIG_HASH,
    HR_OUT_OLD_ROOT,
    HR_OUT_NEW_ROOT,
    HR_OUT_FIRST_BATCH,
    HR_OUT_LAST_BATCH,
    HR_OUT_FIRST_TIME,
    HR_OUT_LAST_TIME,
    HR_OUT_FIRST_SLOT,
    HR_OUT_LAST_SLOT,
    HR_OUT_PRIORITY_FIRST,
    HR_OUT_PRIORITY_NEXT,
    HR_OUT_PRIORITY_ACCUMULATOR,
    HR_OUT_ORACLE_FIRST,
    HR_OUT_ORACLE_NEXT,
    HR_OUT_ORACLE_ACCUMULATOR,
    HR_OUT_CHANNELS_ROOT,
    HR_OUT_FLOWS_ROOT,
    HR_OUT_WITHDRAWALS_ROOT,
    HR_OUT_RESERVATIONS_ROOT,
    HR_OUT_VALUATION_HASH,
    HR_OUT_DA_MODE,
    HR_OUT_DA_COMMITMENT,
    HR_OUT_INPUTS_COMMITMENT,
    HR_OUT_RECEIPTS_HEAD,
};

enum { HR_DA_VALIDIUM = 0, HR_DA_ROLLUP = 1 };

/* What the gateway knows and the state does not: where the statement is to hold. */
struct hr_statement {
    uint32_t da_mode;
    uint8_t l1_chain_id[HR_ABI_BYTES], chain_id[HR_ABI_BYTES]; /* big-endian */
    uint8_t gateway[20];
};

struct hr_flow {
    uint64_t asset, deposited_units, withdrawn_units;
};

/* What the run adds up for the output. */
struct hr_output_parts {
    struct hr_statement statement;
    struct hr_header before;
    uint32_t oracle_first;
    hr_digest inputs; /* chain of the envelopes' hashes */
    uint64_t envelope_count;
    struct hr_flow flows[HR_FLOWS_MAX]; /* ascending by asset */
    uint32_t flow_count;
    uint8_t (*withdrawals)[HR_ABI_BYTES]; /* leaf hashes, one after the other in the arena */
    uint32_t withdrawal_count;
    struct hr_link_lists links;
};

static void hr_address_unpack(uint8_t address[20], const uint64_t words[3]) {
    static const uint8_t lengths[3] = {7, 7, 6};
    for (uint32_t w = 0, at = 0; w < 3; at += lengths[w++])
        for (uint32_t i = 0; i < lengths[w]; i++)
            address[at + i] = (uint8_t)(words[w] >> (8 * (lengths[w] - 1 - i)));
}

/* --- what envelopes leave behind ------------------------------------------------------------- */

static struct hr_flow *hr_flow_of(struct hr_output_parts *parts, uint64_t asset) {
    uint32_t i = 0;
    while (i < parts->flow_count && parts->flows[i].asset < asset) i++;
    struct hr_flow *flow = &parts->flows[i];
    if (i < parts->flow_count && flow->asset == asset) return flow;
    if (parts->flow_count == HR_FLOWS_MAX) hr_batch_exit(HR_EXIT_LIMIT);
    for (uint32_t k = parts->flow_count++; k > i; k--) parts->flows[k] = parts->flows[k - 1];
    *flow = (struct hr_flow){.asset = asset};
    return flow;
}

/* Counts a consumed deposit record, refused or not. L1 queues none whose asset or amount does not
 * fit; the transition takes such a record as void. */
static void hr_output_deposit(struct hr_output_parts *parts, const uint8_t *record) {
    uint64_t kind, asset, amount;
    if (!hr_abi_u64(record, 1, &kind) || !hr_abi_u64(record, 4, &asset) ||
        !hr_abi_u64(record, 5, &amount) || kind != HR_PRIORITY_KIND_DEPOSIT || asset >> 16 ||
        amount >= HR_VALUE_LIMIT)
        return;
    hr_sum_of_units(&hr_flow_of(parts, asset)->deposited_units, amount);
}

/* Adds a leaf to the withdrawal tree: offchain/settlement/withdrawals.py. */
static void hr_output_withdrawal(struct hr_output_parts *parts, const struct hr_event *event) {
    const uint64_t asset = (uint64_t)event->v[0], amount = (uint64_t)event->v[1];
    const uint64_t owner[3] = {(uint64_t)event->v[2], (uint64_t)event->v[3], (uint64_t)event->v[4]};
    if (parts->withdrawal_count == HR_WITHDRAWALS_MAX) hr_batch_exit(HR_EXIT_LIMIT);
    hr_sum_of_units(&hr_flow_of(parts, asset)->withdrawn_units, amount);

    uint8_t owner_word[HR_ABI_BYTES] = {0};
    hr_address_unpack(owner_word + HR_ABI_BYTES - 20, owner);
    hr_keccak256_state hash;
    hr_keccak256_init(&hash);
    hr_put(&hash, &(uint8_t){0x00}, 1);
    hr_put(&hash, parts->statement.chain_id, HR_ABI_BYTES);
    hr_put_u64(&hash, parts->before.batch_number + 1);
    hr_put_u64(&hash, parts->withdrawal_count);
    hr_put(&hash, owner_word, sizeof owner_word);
    hr_put_u64(&hash, asset);
    hr_put_u64(&hash, amount);
    uint8_t (*leaf)[HR_ABI_BYTES] = hr_arena_take(sizeof *leaf);
    hr_keccak256_final(&hash, *leaf);
    if (parts->withdrawal_count++ == 0) parts->withdrawals = leaf;
}

static void hr_output_begin(struct hr_output_parts *parts, struct hr_core *c,
                            const struct hr_statement *statement) {
    parts->statement = *statement;
    parts->before = *c->header;
    parts->oracle_first = hr_oracle_at(c)->next_index;
}

/* Takes an applied envelope and its events, which end at c->events. */
static void hr_output_take(struct hr_output_parts *parts, struct hr_core *c,
                           const uint8_t *envelope, const struct hr_event *events) {
    const struct hr_envelope_header *h = (const struct hr_envelope_header *)envelope;
    hr_compress(&parts->inputs, &parts->inputs, &c->envelope_hash);
    parts->envelope_count++;
    if (h->kind == HR_ENVELOPE_KIND_PRIORITY) hr_output_deposit(parts, envelope + sizeof *h);
    for (const struct hr_event *event = events; event != c->events; event++)
        if (event->type == HR_EVENT_KIND_WITHDRAWAL)
            hr_output_withdrawal(parts, event);
        else
            hr_links_take(&parts->links, c, event);
}

/* --- roots of lists -------------------------------------------------------------------------- */

static void hr_withdrawals_root(struct hr_output_parts *parts, uint8_t root[HR_ABI_BYTES]) {
    uint32_t width = parts->withdrawal_count;
    __builtin_memset(root, 0, HR_ABI_BYTES);
    if (width == 0) return;
    while (width & (width - 1)) { /* zero words up to the next power of two */
        hr_arena_take(HR_ABI_BYTES);
        width++;
    }
    for (; width > 1; width /= 2)
        for (uint32_t i = 0; i < width / 2; i++) {
            hr_keccak256_state hash;
            hr_keccak256_init(&hash);
            hr_put(&hash, &(uint8_t){0x01}, 1);
            hr_put(&hash, parts->withdrawals[2 * i], 2 * HR_ABI_BYTES);
            hr_keccak256_final(&hash, parts->withdrawals[i]);
        }
    __builtin_memcpy(root, parts->withdrawals[0], HR_ABI_BYTES);
}

static void hr_flows_root(const struct hr_output_parts *parts, uint8_t root[HR_ABI_BYTES]) {
    __builtin_memset(root, 0, HR_ABI_BYTES);
    for (uint32_t i = 0; i < parts->flow_count; i++) {
        hr_keccak256_state hash;
        hr_list_begin(&hash, "HRflow01", root);
        hr_put_u64(&hash, parts->flows[i].asset);
        hr_put_u64(&hash, parts->flows[i].deposited_units);
        hr_put_u64(&hash, parts->flows[i].withdrawn_units);
        hr_keccak256_final(&hash, root);
    }
}

/* keccak256(tag | config hash | old root | count | chain of the envelopes' hashes). */
static void hr_inputs_commitment(const struct hr_output_parts *parts, const uint8_t config_hash[32],
                                 const hr_digest *old_root, uint8_t out[HR_ABI_BYTES]) {
    hr_keccak256_state hash;
    hr_keccak256_init(&hash);
    hr_put_tag(&hash, "headrace/inputs/v1", HR_ABI_BYTES);
    hr_put(&hash, config_hash, HR_ABI_BYTES);
    hr_put(&hash, old_root, sizeof *old_root);
    hr_put_u64(&hash, parts->envelope_count);
    hr_put(&hash, &parts->inputs, sizeof parts->inputs);
    hr_keccak256_final(&hash, out);
}

/* --- the words ------------------------------------------------------------------------------- */

/* A word of the output stands for four bytes, the first of them highest. */
static void hr_out_bytes(uint32_t *words, uint32_t place, const void *bytes) {
    const uint8_t *at = bytes;
    for (uint32_t i = 0; i < HR_ABI_WORDS; i++, at += sizeof(uint32_t))
        words[place * HR_ABI_WORDS + i] =
            (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void hr_out_u64(uint32_t *words, uint32_t place, uint64_t value) {
    words[(place + 1) * HR_ABI_WORDS - 2] = (uint32_t)(value >> 32);
    words[(place + 1) * HR_ABI_WORDS - 1] = (uint32_t)value;
}

/* What the chain has read of the oracle hub; zero without feeds. */
static void hr_output_oracle(const struct hr_output_parts *parts, struct hr_core *c,
                             uint32_t words[HR_OUTPUT_WORDS]) {
    const struct hr_oracle *oracle = hr_oracle_at(c);
    uint8_t digest[HR_ABI_BYTES];
    if (!oracle->reads_feeds) return;
    hr_out_u64(words, HR_OUT_ORACLE_FIRST, parts->oracle_first);
    hr_out_u64(words, HR_OUT_ORACLE_NEXT, oracle->next_index);
    hr_digest_from_words(digest, oracle->accumulator);
    hr_out_bytes(words, HR_OUT_ORACLE_ACCUMULATOR, digest);
}

/* keccak256("HRvalu01" | table); zero without a table. */
static void hr_output_valuation(const struct hr_valuation *table, uint32_t words[HR_OUTPUT_WORDS]) {
    uint8_t digest[HR_ABI_BYTES];
    hr_keccak256_state hash;
    if (table->count == 0) return;
    hr_keccak256_init(&hash);
    hr_put_tag(&hash, "HRvalu01", 8);
    hr_put(&hash, table->big_endian, hr_valuation_bytes(table));
    hr_keccak256_final(&hash, digest);
    hr_out_bytes(words, HR_OUT_VALUATION_HASH, digest);
}

/* Out: words  the public output, of which the caller made all words zero */
static void hr_output_end(struct hr_output_parts *parts, struct hr_core *c,
                          const struct hr_valuation *table, const hr_digest *old_root,
                          const hr_digest *new_root, uint32_t words[HR_OUTPUT_WORDS]) {
    static const char domain[HR_ABI_BYTES] = "headrace/pi/v1";
    const struct hr_header *after = c->header, *before = &parts->before;
    uint8_t digest[HR_ABI_BYTES], gateway[HR_ABI_BYTES] = {0};
    __builtin_memcpy(gateway + HR_ABI_BYTES - 20, parts->statement.gateway, 20);
    hr_out_bytes(words, HR_OUT_DOMAIN, domain);
    hr_out_bytes(words, HR_OUT_L1_CHAIN_ID, parts->statement.l1_chain_id);
    hr_out_bytes(words, HR_OUT_GATEWAY, gateway);
    hr_out_bytes(words, HR_OUT_CHAIN_ID, parts->statement.chain_id);
    hr_out_bytes(words, HR_OUT_OLD_ROOT, old_root);
    hr_out_bytes(words, HR_OUT_NEW_ROOT, new_root);
    hr_out_u64(words, HR_OUT_FIRST_BATCH, before->batch_number + 1);
    hr_out_u64(words, HR_OUT_LAST_BATCH, after->batch_number);
    hr_out_u64(words, HR_OUT_FIRST_TIME, before->now_s);
    hr_out_u64(words, HR_OUT_LAST_TIME, after->now_s);
    hr_out_u64(words, HR_OUT_FIRST_SLOT, before->last_slot);
    hr_out_u64(words, HR_OUT_LAST_SLOT, after->last_slot);
    hr_out_u64(words, HR_OUT_PRIORITY_FIRST, before->next_priority_index);
    hr_out_u64(words, HR_OUT_PRIORITY_NEXT, after->next_priority_index);
    hr_digest_from_words(digest, after->priority_accumulator);
    hr_out_bytes(words, HR_OUT_PRIORITY_ACCUMULATOR, digest);
    hr_flows_root(parts, digest);
    hr_out_bytes(words, HR_OUT_FLOWS_ROOT, digest);
    hr_withdrawals_root(parts, digest);
    hr_out_bytes(words, HR_OUT_WITHDRAWALS_ROOT, digest);
    hr_channels_root(&parts->links, c, digest);
    hr_out_bytes(words, HR_OUT_CHANNELS_ROOT, digest);
    hr_reservations_root(&parts->links, digest);
    hr_out_bytes(words, HR_OUT_RESERVATIONS_ROOT, digest);
    hr_output_oracle(parts, c, words);
    hr_output_valuation(table, words);
    hr_out_u64(words, HR_OUT_DA_MODE, parts->statement.da_mode);
    hr_digest_from_words(digest, after->receipts_head);
    hr_out_bytes(words, HR_OUT_RECEIPTS_HEAD, digest);
    hr_digest_from_words(digest, HR_AT(c, HR_SUBTREE_CONFIG, struct hr_config, 0)->config_hash);
    hr_out_bytes(words, HR_OUT_CONFIG_HASH, digest);
    uint8_t commitment[HR_ABI_BYTES];
    hr_inputs_commitment(parts, digest, old_root, commitment);
    hr_out_bytes(words, HR_OUT_INPUTS_COMMITMENT, commitment);
}

#endif
