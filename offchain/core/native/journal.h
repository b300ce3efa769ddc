/* Journal records: what must be on disk before an op is acknowledged. 80 bytes: CRC32C of the rest
 * (u32), length (u32), sequence number (u64), op. */
#ifndef HEADRACE_JOURNAL_H
#define HEADRACE_JOURNAL_H

#include <stdint.h>

#include "headrace/constants.h"

struct hr_journal_record {
    uint32_t crc32c, length;
    uint64_t seq;
    uint64_t op[HR_OP_BYTES / 8];
};
_Static_assert(sizeof(struct hr_journal_record) == 80);

/* CRC32C (Castagnoli, reflected 0x82F63B78) of one 8-byte word, little-endian. */
static inline uint32_t hr_crc32c_u64(uint32_t crc, uint64_t word) {
#ifdef __SSE4_2__
    return (uint32_t)__builtin_ia32_crc32di(crc, word);
#else
    uint64_t rest = word ^ crc;
    for (int bit = 0; bit < 64; bit++) rest = rest >> 1 ^ (rest & 1 ? 0x82F63B78u : 0);
    return (uint32_t)rest;
#endif
}

static inline void hr_journal_write(struct hr_journal_record *record, uint64_t seq,
                                    const void *op) {
    record->length = HR_OP_BYTES;
    record->seq = seq;
    __builtin_memcpy(record->op, op, HR_OP_BYTES);
    uint32_t crc = hr_crc32c_u64(~0u, seq);
    for (uint32_t i = 0; i < HR_OP_BYTES / 8; i++) crc = hr_crc32c_u64(crc, record->op[i]);
    record->crc32c = ~crc;
}

#endif
