/* Reservations: what accounts have given to peers, and what they hold of pledges of peers.
 * docs/spec/links.md section 1. */
#ifndef HEADRACE_RESERVATIONS_IMPL_H
#define HEADRACE_RESERVATIONS_IMPL_H

#include "accounts_impl.h"
#include "duties_impl.h"

#define HR_NO_RESERVATION UINT32_MAX

/* Record 0 of an account's master. */
static inline uint32_t hr_first_reservation(uint32_t account) {
    return (account >> HR_SUB_ACCOUNT_BITS) * HR_RESERVATIONS_PER_MASTER;
}

/* What names a record. A HELD one is found whatever its peer_account is. */
struct hr_reservation_key {
    uint32_t account, role, channel, asset, peer_account;
};

static bool hr_reservation_is(const struct hr_reservation *r,
                              const struct hr_reservation_key *key) {
    return r->role == key->role && r->account == key->account &&
           r->channel_plus_1 == key->channel + 1 && r->asset == key->asset &&
           (key->role == HR_RESERVATION_ROLE_HELD || r->peer_account == key->peer_account);
}

/* Number of a record, or HR_NO_RESERVATION. */
static uint32_t hr_reservation_find(struct hr_core *c, const struct hr_reservation_key *key) {
    const uint32_t first = hr_first_reservation(key->account);
    for (uint32_t record = first; record < first + HR_RESERVATIONS_PER_MASTER; record++)
        if (hr_reservation_is(hr_reservation_at(c, record), key)) return record;
    return HR_NO_RESERVATION;
}

/* Number of a record that is free, or HR_NO_RESERVATION. */
static uint32_t hr_reservation_vacant(struct hr_core *c, uint32_t account) {
    const uint32_t first = hr_first_reservation(account);
    for (uint32_t record = first; record < first + HR_RESERVATIONS_PER_MASTER; record++)
        if (hr_reservation_at(c, record)->role == 0) return record;
    return HR_NO_RESERVATION;
}

/* Adds units to a record that is there or free; the later expiry holds. */
static void hr_reservation_add(struct hr_core *c, uint32_t record,
                               const struct hr_reservation_key *key, uint64_t units,
                               uint32_t expires_at_s) {
    struct hr_reservation *r = hr_reservation_at(c, record);
    r->account = key->account;
    r->role = key->role;
    r->channel_plus_1 = key->channel + 1;
    r->asset = key->asset;
    r->peer_account = key->peer_account;
    r->units += units;
    if (r->expires_at_s < expires_at_s) r->expires_at_s = expires_at_s;
    hr_touch_leaf(c, HR_SUBTREE_RESERVATIONS, record);
}

/* After amounts have fallen: frees a record in which nothing is left. A HELD one takes its duty
 * with it. */
static void hr_reservation_fallen(struct hr_core *c, uint32_t record) {
    struct hr_reservation *r = hr_reservation_at(c, record);
    if (!(r->units | r->claimed_units | r->asked_units)) {
        if (r->role == HR_RESERVATION_ROLE_HELD) hr_duty_remove(c, HR_DUTY_KIND_PLEDGE, record);
        *r = (struct hr_reservation){0};
    }
    hr_touch_leaf(c, HR_SUBTREE_RESERVATIONS, record);
}

/* Notes that insurance has bought units of a pledged asset from who holds them. All units that an
 * account has of one are in its HELD record. */
HR_COLD void hr_reservation_claim(struct hr_core *c, uint32_t account, uint32_t asset,
                                  uint64_t units) {
    const struct hr_asset *p = hr_asset_at(c, asset);
    const struct hr_reservation_key key = {.account = account,
                                           .role = HR_RESERVATION_ROLE_HELD,
                                           .channel = p->link_channel_plus_1 - 1,
                                           .asset = p->link_asset};
    const uint32_t record = hr_reservation_find(c, &key);
    struct hr_reservation *r = hr_reservation_at(c, record);
    r->units -= units;
    r->claimed_units += units;
    hr_touch_leaf(c, HR_SUBTREE_RESERVATIONS, record);
}

#endif
