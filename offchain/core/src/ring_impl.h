/* The sweep ring: a doubly linked list of all accounts that hold or held a position of a margined
 * market. docs/spec/risk.md section 9. */
#ifndef HEADRACE_RING_IMPL_H
#define HEADRACE_RING_IMPL_H

#include "state_impl.h"

/* Puts an account at the head of the ring, unless it is in it. Account 0, which stands for none, is
 * never in it: only governance can bring it to life. */
static void hr_ring_enter(struct hr_core *c, uint32_t account) {
    struct hr_header *h = c->header;
    struct hr_account *a = hr_account_at(c, account);
    if (account == 0 || (a->flags & HR_ACCOUNT_FLAG_SWEPT)) return;
    const uint32_t head = (uint32_t)h->sweep_head;
    a->flags |= HR_ACCOUNT_FLAG_SWEPT;
    a->sweep_next = head;
    a->sweep_prev = 0;
    hr_touch_account(c, account);
    if (head) {
        hr_account_at(c, head)->sweep_prev = account;
        hr_touch_account(c, head);
    } else {
        h->swept_s = h->now_s;
    }
    h->sweep_head = account;
}

/* Takes an account out of the ring. A cursor on it is the caller's to move. */
static inline void hr_ring_leave(struct hr_core *c, uint32_t account) {
    struct hr_account *a = hr_account_at(c, account);
    const uint32_t next = a->sweep_next, prev = a->sweep_prev;
    if (next) {
        hr_account_at(c, next)->sweep_prev = prev;
        hr_touch_account(c, next);
    }
    if (prev) {
        hr_account_at(c, prev)->sweep_next = next;
        hr_touch_account(c, prev);
    } else {
        c->header->sweep_head = next;
    }
    a->flags &= ~(uint32_t)HR_ACCOUNT_FLAG_SWEPT;
    a->sweep_next = 0;
    a->sweep_prev = 0;
    hr_touch_account(c, account);
}

#endif
