/* The duty heap: what falls due at a time, as a binary min-heap over (due_s, kind, ref).
 * Invariant: each order with an expiry, each trailing stop, TWAP and redemption, each account with
 * a scheduled cancel, each margined market and each pledge that is held has exactly one entry of
 * that kind. */
#ifndef HEADRACE_DUTIES_IMPL_H
#define HEADRACE_DUTIES_IMPL_H

#include "hints_impl.h"

static bool hr_duty_before(const struct hr_duty *a, const struct hr_duty *b) {
    if (a->due_s != b->due_s) return a->due_s < b->due_s;
    if (a->kind != b->kind) return a->kind < b->kind;
    return a->ref < b->ref;
}

static void hr_duty_set(struct hr_core *c, uint32_t i, const struct hr_duty *entry) {
    *hr_duty_at(c, i) = *entry;
    hr_touch_duty(c, i);
    HR_INDEX(hr_index_duty_moved(c->index, entry->kind, entry->ref, i));
}

/* Moves `entry`, meant for place i, up to where its parent is not after it. */
static void hr_duty_sift_up(struct hr_core *c, uint32_t i, struct hr_duty entry) {
    while (i > 0) {
        const uint32_t parent = (i - 1) / 2;
        const struct hr_duty above = *hr_duty_at(c, parent);
        if (!hr_duty_before(&entry, &above)) break;
        hr_duty_set(c, i, &above);
        i = parent;
    }
    hr_duty_set(c, i, &entry);
}

static void hr_duty_sift_down(struct hr_core *c, uint32_t i, struct hr_duty entry) {
    const uint32_t count = (uint32_t)c->header->duty_count;
    for (uint32_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && hr_duty_before(hr_duty_at(c, child + 1), hr_duty_at(c, child)))
            child++;
        const struct hr_duty below = *hr_duty_at(c, child);
        if (!hr_duty_before(&below, &entry)) break;
        hr_duty_set(c, i, &below);
    }
    hr_duty_set(c, i, &entry);
}

/* Adds an entry; the caller checked duty_count < HR_DUTY_CAPACITY. */
static void hr_duty_push(struct hr_core *c, uint32_t due_s, uint32_t kind, uint32_t ref) {
    hr_duty_sift_up(c, (uint32_t)c->header->duty_count++,
                    (struct hr_duty){.due_s = due_s, .kind = kind, .ref = ref});
}

static void hr_duty_remove_at(struct hr_core *c, uint32_t i) {
    const uint32_t last = (uint32_t)--c->header->duty_count;
    const struct hr_duty moved = *hr_duty_at(c, last);
    *hr_duty_at(c, last) = (struct hr_duty){0};
    hr_touch_duty(c, last);
    if (i == last) return;
    if (i > 0 && hr_duty_before(&moved, hr_duty_at(c, (i - 1) / 2)))
        hr_duty_sift_up(c, i, moved);
    else
        hr_duty_sift_down(c, i, moved);
}

/* Removes the entry of (kind, ref), which exists; its place is a hint. */
static void hr_duty_remove(struct hr_core *c, uint32_t kind, uint32_t ref) {
    const uint32_t i = HR_HINT(c, hr_index_duty_place(c->index, kind, ref));
    if (i >= c->header->duty_count || hr_duty_at(c, i)->kind != kind ||
        hr_duty_at(c, i)->ref != ref) {
        hr_trap(c);
        return;
    }
    hr_duty_remove_at(c, i);
}

static inline bool hr_duty_is_due(struct hr_core *c) {
    return c->header->duty_count > 0 && hr_duty_at(c, 0)->due_s <= c->header->now_s;
}

/* Is RUN_DUTIES what must come next: for a duty, or for triggers that are met? */
static inline bool hr_is_something_due(struct hr_core *c) {
    return c->header->trigger_market != 0 || hr_duty_is_due(c);
}

#endif
