/* Keccak-256 as Ethereum uses it (padding byte 0x01, not SHA-3's 0x06), for all that L1 recomputes:
 * config hash, list roots, public output. Unity build: include src/keccak_impl.h once.
 *
 * Source: "The Keccak reference", version 3.0, https://keccak.team/files/Keccak-reference-3.0.pdf
 */
#ifndef HEADRACE_KECCAK_H
#define HEADRACE_KECCAK_H

#include <stdint.h>

enum {
    HR_KECCAK_LANES = 25,
    HR_KECCAK256_BYTES = 32,
    /* 1600 - 2 * 256 bits. */
    HR_KECCAK256_RATE_BYTES = 136,
};

/* A hash under way. */
typedef struct {
    uint64_t lanes[HR_KECCAK_LANES];
    /* Bytes of the current block that are already added to lanes, below the rate. */
    uint32_t filled;
} hr_keccak256_state;

/* Apply Keccak-f[1600] in place. In/Out: a  lane (x, y) is a[x + 5 y] */
static inline void hr_keccak_f1600(uint64_t a[HR_KECCAK_LANES]);

/* Out: state  an empty message */
static inline void hr_keccak256_init(hr_keccak256_state *state);

/* Append to the message.
 * In/Out: state
 * In:     data  len bytes, may be NULL if len is 0
 */
static inline void hr_keccak256_update(hr_keccak256_state *state, const uint8_t *data,
                                       uint32_t len);

/* End the message; the state must be initialised again before its next use.
 * In/Out: state
 * Out:    out32  32 bytes
 */
static inline void hr_keccak256_final(hr_keccak256_state *state, uint8_t out32[HR_KECCAK256_BYTES]);

/* Hash one message.
 * Out: out32  32 bytes, may lie in data
 * In:  data   len bytes, may be NULL if len is 0
 */
static inline void hr_keccak256(uint8_t out32[HR_KECCAK256_BYTES], const uint8_t *data,
                                uint32_t len);

#endif
