/* Native index: prices to level slots and duty entries to their places. It only makes hints; a
 * wrong answer is caught by the verifying code and can never change a result.
 *
 * Per market and side of the book, or trigger list, a window of 2^18 ticks with a three-stage
 * bitmap; prices outside the window are reached by walking the sorted list from the nearest level
 * inside it. */
#ifndef HEADRACE_INDEX_H
#define HEADRACE_INDEX_H

#include <stdlib.h>

#include "../src/state_impl.h"

enum { HR_WINDOW_BITS = 18, HR_WINDOW = 1 << HR_WINDOW_BITS };
enum { HR_DUTY_KINDS = HR_DUTY_KIND_PLEDGE + 1 };

struct hr_ladder {
    uint32_t first_tick; /* tick number of place 0 */
    uint32_t live;       /* levels inside the window */
    uint64_t inverse;    /* ceil(2^32 / tick): places are price * inverse >> 32 */
    uint32_t *slot_of;   /* HR_WINDOW level slots */
    uint64_t *bits[3];   /* HR_WINDOW, HR_WINDOW / 64, HR_WINDOW / 4096 bits */
};

struct hr_index {
    struct hr_ladder *ladders[HR_MAX_MARKETS][HR_LEVEL_LISTS];
    /* by duty kind: places of order slots, account indices (DEADMAN), markets (MARKET_MINUTE),
     * reservations (PLEDGE) */
    uint32_t *duty_place[HR_DUTY_KINDS];
};

static void *hr_map(size_t bytes); /* zeroed, lazily committed */

/* ceil(2^32 / tick): with it a price on the tick finds its number by a multiplication. */
static uint64_t hr_tick_inverse(uint32_t tick) {
    return tick > 1 ? ((1ull << 32) + tick - 1) / tick : 1ull << 32;
}

static struct hr_ladder *hr_ladder_new(uint32_t tick) {
    struct hr_ladder *ladder = hr_map(sizeof *ladder);
    ladder->inverse = hr_tick_inverse(tick);
    ladder->slot_of = hr_map(sizeof(uint32_t) * HR_WINDOW);
    for (int stage = 0; stage < 3; stage++)
        ladder->bits[stage] = hr_map((size_t)(HR_WINDOW >> (6 * stage)) / 8 + 8);
    return ladder;
}

/* Place of a price in the window; true when inside. */
static inline bool hr_ladder_place(const struct hr_ladder *ladder, uint32_t price,
                                   uint32_t *place) {
    const uint32_t tick_number = (uint32_t)(price * ladder->inverse >> 32);
    *place = tick_number - ladder->first_tick;
    return tick_number >= ladder->first_tick && *place < HR_WINDOW;
}

/* First set place >= from (towards larger), or -1. */
static int64_t hr_ladder_above(const struct hr_ladder *ladder, uint32_t from) {
    for (int stage = 0; stage < 3 && from < (uint32_t)HR_WINDOW >> (6 * stage); stage++) {
        const uint64_t word = ladder->bits[stage][from >> 6] >> (from & 63);
        if (word) {
            from += (uint32_t)__builtin_ctzll(word);
            for (; stage > 0; stage--)
                from = from << 6 | (uint32_t)__builtin_ctzll(ladder->bits[stage - 1][from]);
            return from;
        }
        from = (from >> 6) + 1;
    }
    return -1;
}

/* Last set place <= from, or -1. */
static int64_t hr_ladder_below(const struct hr_ladder *ladder, int64_t from) {
    for (int stage = 0; stage < 3 && from >= 0; stage++) {
        const uint64_t word = ladder->bits[stage][from >> 6] << (63 - (from & 63));
        if (word) {
            from -= __builtin_clzll(word);
            for (; stage > 0; stage--)
                from = from << 6 | (63 - __builtin_clzll(ladder->bits[stage - 1][from]));
            return from;
        }
        from = (from >> 6) - 1;
    }
    return -1;
}

static void hr_index_level_added(struct hr_index *index, uint32_t market, uint32_t side,
                                 uint32_t price, uint32_t slot) {
    struct hr_ladder *ladder = index->ladders[market][side];
    uint32_t place;
    if (ladder->live == 0) {
        ladder->first_tick = 0;
        const uint32_t tick_number = (uint32_t)(price * ladder->inverse >> 32);
        ladder->first_tick = tick_number > HR_WINDOW / 2 ? tick_number - HR_WINDOW / 2 : 0;
    }
    if (!hr_ladder_place(ladder, price, &place)) return;
    ladder->live++;
    ladder->slot_of[place] = slot;
    for (int stage = 0; stage < 3; stage++, place >>= 6) {
        const uint64_t before = ladder->bits[stage][place >> 6];
        ladder->bits[stage][place >> 6] = before | 1ull << (place & 63);
        if (before) break; /* the stages above know */
    }
}

static void hr_index_level_removed(struct hr_index *index, uint32_t market, uint32_t side,
                                   uint32_t price) {
    struct hr_ladder *ladder = index->ladders[market][side];
    uint32_t place;
    if (!hr_ladder_place(ladder, price, &place) || ladder->slot_of[place] == 0) return;
    ladder->live--;
    ladder->slot_of[place] = 0;
    for (int stage = 0; stage < 3; stage++, place >>= 6) {
        ladder->bits[stage][place >> 6] &= ~(1ull << (place & 63));
        if (ladder->bits[stage][place >> 6]) break;
    }
}

/* The better neighbour of a price that has no level of its own in the window, or its level outside.
 */
HR_COLD uint32_t hr_index_level_search(struct hr_core *c, const struct hr_ladder *ladder,
                                       uint32_t market, uint32_t side, uint32_t price) {
    const uint32_t best = *hr_level_head(c, market, side);
    uint32_t place, near = 0;
    const bool inside = hr_ladder_place(ladder, price, &place), ascends = side & 1;
    if (best == 0) return 0;
    const bool is_above = ladder->first_tick + place >= ladder->first_tick; /* else it wrapped */
    int64_t found;
    if (inside)
        found = ascends ? hr_ladder_below(ladder, place) : hr_ladder_above(ladder, place);
    else if (ascends == is_above) /* beyond the window's worse end */
        found = ascends ? hr_ladder_below(ladder, HR_WINDOW - 1) : hr_ladder_above(ladder, 0);
    else
        found = -1;
    if (found >= 0) near = ladder->slot_of[found];
    if (near && ascends == (hr_level_at(c, near)->price > price)) near = 0;
    /* levels outside the window may stand in between */
    for (;;) {
        const uint32_t next = near ? hr_level_at(c, near)->next : best;
        if (next == 0) return near;
        const uint32_t next_price = hr_level_at(c, next)->price;
        if (next_price == price) return next;
        if (ascends ? next_price > price : next_price < price) return near;
        near = next;
    }
}

/* The level of the price, else its better neighbour, else 0. */
HR_HOT uint32_t hr_index_level_hint(struct hr_core *c, uint32_t market, uint32_t side,
                                    uint32_t price) {
    const struct hr_ladder *ladder = c->index->ladders[market][side];
    uint32_t place;
    /* a change of tick can leave levels off the tick, which share places */
    if (hr_ladder_place(ladder, price, &place) && ladder->slot_of[place] &&
        hr_level_at(c, ladder->slot_of[place])->price == price)
        return ladder->slot_of[place];
    return hr_index_level_search(c, ladder, market, side, price);
}

/* Makes the ladder of a trigger list with its first level: few markets ever need one. Any price may
 * be in it. */
static void hr_index_trigger_list(struct hr_index *index, uint32_t market, uint32_t side) {
    struct hr_ladder **ladder = &index->ladders[market][side];
    if (!*ladder) *ladder = hr_ladder_new(1);
}

/* Makes a new market's ladders. The places of a ladder depend on the tick: when it changes, the
 * ladder is emptied and filled again. */
static void hr_index_market_changed(struct hr_core *c, uint32_t market, uint32_t tick) {
    const struct hr_market *m = hr_market_at(c, market);
    for (uint32_t side = 0; side < 2; side++) {
        struct hr_ladder **ladder = &c->index->ladders[market][side];
        if (!*ladder) *ladder = hr_ladder_new(tick);
        if (m->tick == tick) continue;
        for (uint32_t l = m->best[side]; l; l = hr_level_at(c, l)->next)
            hr_index_level_removed(c->index, market, side, hr_level_at(c, l)->price);
        (*ladder)->live = 0;
        (*ladder)->inverse = hr_tick_inverse(tick);
        for (uint32_t l = m->best[side]; l; l = hr_level_at(c, l)->next)
            hr_index_level_added(c->index, market, side, hr_level_at(c, l)->price, l);
    }
}

static inline uint32_t hr_index_duty_key(uint32_t kind, uint32_t ref) {
    return kind == HR_DUTY_KIND_DEADMAN ? hr_account_index(ref) : ref;
}
static inline void hr_index_duty_moved(struct hr_index *index, uint32_t kind, uint32_t ref,
                                       uint32_t place) {
    index->duty_place[kind][hr_index_duty_key(kind, ref)] = place;
}
static inline uint32_t hr_index_duty_place(struct hr_index *index, uint32_t kind, uint32_t ref) {
    return index->duty_place[kind][hr_index_duty_key(kind, ref)];
}

#endif
