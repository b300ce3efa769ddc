/* Public interface of the native build (libheadrace). One core is one chain; calls on one core must
 * not overlap, calls on different cores may. Byte layouts: docs/spec/transition.md. */
#ifndef HEADRACE_CORE_H
#define HEADRACE_CORE_H

#include <stdint.h>

#define HR_API __attribute__((visibility("default")))

struct hr_core;

enum { HR_VALUATION_BYTES_MAX = 8224 };

/* Makes a core in its genesis state.
 * In:  config_hash32  keccak256 of the genesis constants
 *      governance20   address that owns the fee and insurance accounts
 * Returns: the core, or NULL when no address space is left. About 12 GB of address space are
 * reserved; memory is committed as it is used.
 */
HR_API struct hr_core *hr_core_new(const uint8_t *config_hash32, const uint8_t *governance20);

HR_API void hr_core_free(struct hr_core *core);

/* Applies ops in order until all are done or fewer than HR_MAX_EVENTS_PER_OP events of room are
 * left. In:  ops             n x 64 bytes event_capacity  in events journal         NULL, or room
 * for n x 80 bytes that receive the journal records Out: events          event_capacity x 64 bytes
 *      codes           n results: 0, an ErrorCode, or -1 for a trap (the core is then unusable)
 *      event_ends      n running totals of events
 * Returns: number of ops done. */
HR_API uint32_t hr_core_apply(struct hr_core *core, const uint8_t *ops, uint32_t n, uint8_t *events,
                              uint32_t event_capacity, int32_t *codes, uint32_t *event_ends,
                              uint8_t *journal);

/* Applies one envelope.
 * In:  bytes, length   the envelope, 4-byte aligned
 *      event_capacity  at least hr_core_envelope_events()
 * Out: events, event_count
 * Returns: 0, an ErrorCode (nothing changed), or -1 for a trap. */
HR_API int32_t hr_core_apply_envelope(struct hr_core *core, const uint8_t *bytes, uint32_t length,
                                      uint8_t *events, uint32_t event_capacity,
                                      uint32_t *event_count);

/* Extends the chain of a batch's inputs by an envelope. In-Out: chain32, zero before the first.
 * In:  bytes, length  the envelope, 4-byte aligned, well formed */
HR_API void hr_inputs_after(uint8_t *chain32, const uint8_t *bytes, uint32_t length);

/* Returns: the event room that an envelope may need. */
HR_API uint32_t hr_core_envelope_events(void);

/* Looks at all accounts with risk and changes nothing. Out: accounts, the first `capacity` of those
 * on which LIQUIDATE would do something now. Returns: how many there are. */
HR_API uint32_t hr_core_unhealthy(struct hr_core *core, uint32_t *accounts, uint32_t capacity);

/* Brings the tree up to date. Out: root32  four little-endian elements. */
HR_API void hr_core_root(struct hr_core *core, uint8_t *root32);

/* Copies a leaf. In: subtree, leaf (in range). Out: bytes, the leaf's length.
 * Returns: its length, or 0 when subtree or leaf is out of range. */
HR_API uint32_t hr_core_leaf(struct hr_core *core, uint32_t subtree, uint32_t leaf, uint8_t *bytes);

/* Makes the valuation table of the present state: docs/spec/escape.md section 2.
 * Out: bytes  up to HR_VALUATION_BYTES_MAX. Returns: how many; 0 without a listed market. */
HR_API uint32_t hr_core_valuation(struct hr_core *core, uint8_t *bytes);

/* Digests beside the paths of leaves, of the tree as hr_core_root left it, in the order of a walk
 * that hashes what is below first, left before right; no digest that is computed from others.
 * In:  subtree, leaves  n leaf numbers in range, ascending, at least one
 * Out: digests          the first `capacity` of them
 * Returns: how many there are */
HR_API uint32_t hr_core_siblings(struct hr_core *core, uint32_t subtree, const uint32_t *leaves,
                                 uint32_t n, uint8_t *digests, uint32_t capacity);

/* Copies the root of a subtree, of the tree as hr_core_root left it. */
HR_API void hr_core_subtree_root(struct hr_core *core, uint32_t subtree, uint8_t *digest32);

/* Hints: take them from a tape (NULL: from the index again), or write those used to a record. */
HR_API void hr_core_hints_from_tape(struct hr_core *core, const uint32_t *tape, uint32_t count);
HR_API void hr_core_hints_to_record(struct hr_core *core, uint32_t *record, uint32_t capacity);
HR_API uint32_t hr_core_hints_recorded(const struct hr_core *core);

/* Permutations spent on roots so far. Out: counts[0] leaves, counts[1] inner nodes. */
HR_API void hr_core_hash_counts(const struct hr_core *core, uint64_t *counts);

/* Row meter: changes of leaves by all ops so far, a leaf counted each time that it is changed. The
 * difference over an op bounds the leaves that a proof of it must open for writing. */
HR_API uint64_t hr_core_touched(const struct hr_core *core);

/* Chooses the hash kernel: 0 portable, 1 AVX2, 2 AVX-512. Returns: 1 when supported, else 0. */
HR_API int32_t hr_core_hash_backend(int32_t backend);

/* Decodes an envelope without state. Returns: 0 or an ErrorCode. */
HR_API int32_t hr_core_decode(const uint8_t *bytes, uint32_t length);

#endif
