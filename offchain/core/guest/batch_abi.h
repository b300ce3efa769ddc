/* What L1 hashes, in the parts in which a batch has it. */
#ifndef HEADRACE_BATCH_ABI_H
#define HEADRACE_BATCH_ABI_H

#include "../src/abi_impl.h"
#include "batch_machine.h"
#include "headrace/keccak.h"

enum {
    HR_ABI_BYTES = 32,
    HR_ABI_WORDS = HR_ABI_BYTES / sizeof(uint32_t),
    HR_TAG_BYTES = 8,
};

/* Bytes that are hashed, in parts. A tag fills whole words. */
static void hr_put(hr_keccak256_state *hash, const void *bytes, uint32_t length) {
    hr_keccak256_update(hash, bytes, length);
}

static void hr_put_tag(hr_keccak256_state *hash, const char *tag, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) hr_put(hash, *tag ? tag++ : tag, 1);
}

/* An integer as an ABI word. */
static void hr_put_u64(hr_keccak256_state *hash, uint64_t value) {
    uint8_t word[HR_ABI_BYTES] = {0};
    for (uint32_t i = 0; i < sizeof value; i++)
        word[HR_ABI_BYTES - 1 - i] = (uint8_t)(value >> (8 * i));
    hr_put(hash, word, sizeof word);
}

/* A digest of a record, which is eight words there. */
static void hr_put_digest(hr_keccak256_state *hash, const uint64_t words[8]) {
    uint8_t digest[HR_ABI_BYTES];
    hr_digest_from_words(digest, words);
    hr_put(hash, digest, sizeof digest);
}

/* Begins the next entry of a list: root' = keccak256(tag | root | entry). */
static void hr_list_begin(hr_keccak256_state *hash, const char *tag,
                          const uint8_t root[HR_ABI_BYTES]) {
    hr_keccak256_init(hash);
    hr_put_tag(hash, tag, HR_TAG_BYTES);
    hr_put(hash, root, HR_ABI_BYTES);
}

/* Adds to what a settlement takes as one sum. */
static void hr_sum_of_units(uint64_t *sum_units, uint64_t units) {
    if (__builtin_add_overflow(*sum_units, units, sum_units)) hr_batch_exit(HR_EXIT_LIMIT);
}

#endif
