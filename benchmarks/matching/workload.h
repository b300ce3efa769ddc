/* SPDX-License-Identifier: Apache-2.0
 *
 * Input and output records of the matching benchmark. offchain/bench/workload.py holds the same
 * layouts as NumPy dtypes; every contender reads the one array and is judged by the one hash.
 * C23 and C++17.
 */
#ifndef HR_BENCH_WORKLOAD_H
#define HR_BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

enum hr_bench_kind {
    HR_BENCH_ADD = 0,    /* limit order; what does not match rests */
    HR_BENCH_CANCEL = 1, /* of an order that rests now: the workload holds no other cancels */
    HR_BENCH_IOC = 2     /* limit order; what does not match is dropped */
};

/* One message. The id of an order is the index of the message that brought it. */
struct hr_bench_message {
    uint8_t kind;         /* enum hr_bench_kind */
    uint8_t is_bid;       /* 1 buys, 0 sells; unused by a cancel */
    uint16_t reserved0;   /* zero */
    uint32_t account;     /* owner; engines without accounts ignore it */
    uint32_t order_ref;   /* cancel: id of the order; otherwise unused */
    uint32_t price_ticks; /* >= 1; unused by a cancel */
    uint32_t size;        /* >= 1; unused by a cancel */
    uint32_t reserved1;   /* zero; keeps 8-byte multiples */
};
static_assert(sizeof(struct hr_bench_message) == 24, "layout shared with workload.py");

/* One fill, in the order of execution. */
struct hr_bench_fill {
    uint32_t maker;       /* id of the resting order */
    uint32_t size;        /* executed now */
    uint32_t price_ticks; /* the maker's price */
};
static_assert(sizeof(struct hr_bench_fill) == 12, "layout shared with workload.py");

/* Returns: 64-bit FNV-1a of the fills as little-endian bytes.
 * In: fills, fill_count. Contenders call it after their timed loop: byte-wise FNV costs about as
 * much per fill as a fast book does per message and would blur the ratio. */
static inline uint64_t hr_bench_fill_hash(const struct hr_bench_fill *fills, size_t fill_count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < fill_count; i++) {
        const uint32_t words[3] = {fills[i].maker, fills[i].size, fills[i].price_ticks};
        for (size_t word = 0; word < 3; word++) {
            for (unsigned shift = 0; shift < 32; shift += 8) {
                hash = (hash ^ ((words[word] >> shift) & 0xff)) * UINT64_C(0x100000001b3);
            }
        }
    }
    return hash;
}

#endif
