/* Pledges: PLEDGE, RELEASE, SEIZE, their end, and what is left of them when a peer is frozen.
 * docs/spec/links.md sections 2, 5 and 6. */
#ifndef HEADRACE_PLEDGES_IMPL_H
#define HEADRACE_PLEDGES_IMPL_H

#include "channels_impl.h"
#include "reservations_impl.h"

/* --- what comes back ------------------------------------------------------------------------- */

/* Why units of L1 cannot be credited to an account, or HR_E_OK. */
static int hr_credit_refusal(struct hr_core *c, uint32_t account, uint32_t asset,
                             uint64_t l1_units) {
    if (!hr_asset_exists(c, asset)) return HR_E_UNKNOWN_ASSET;
    if (!hr_account_exists(c, account)) return HR_E_UNKNOWN_ACCOUNT;
    const struct hr_account *a = hr_account_at(c, account);
    if (hr_balance_slot(a, asset) == HR_NO_SLOT && hr_balance_slot_free(a) == HR_NO_SLOT)
        return HR_E_BALANCES_FULL;
    const uint64_t units = hr_units_credited(c, asset, l1_units);
    return hr_can_supply(c, asset, units) && hr_account_can_receive(a, asset, units)
               ? HR_E_OK
               : HR_E_BALANCE_TOO_LARGE;
}

/* Credits units of L1 to an account; L1 pays its owner what the account has no room for. */
static void hr_credit(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t l1_units) {
    if (l1_units == 0) return;
    const int refusal = hr_credit_refusal(c, account, asset, l1_units);
    if (refusal) {
        hr_emit_money(c, HR_EVENT_KIND_WITHDRAWAL, account, asset, l1_units,
                      hr_account_at(c, account)->owner, refusal);
        return;
    }
    const uint64_t units = hr_units_credited(c, asset, l1_units);
    hr_inflow(c, account, asset, units);
    hr_asset_at(c, asset)->total_units += l1_units;
    hr_asset_at(c, asset)->supply_units += units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, asset);
}

/* Takes units of a pledged asset, which the account has, out of the world. */
static void hr_pledged_burn(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t units) {
    hr_outflow(c, account, asset, units);
    hr_asset_at(c, asset)->supply_units -= units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, asset);
}

/* Turns units of a record's pledged asset that `account` has, and that `amount` (a member of the
 * record) counts, into the asset that L1 has moved here. Returns: why not, with nothing changed. */
static int hr_redeem_pledge(struct hr_core *c, uint32_t record, uint32_t account, uint64_t units,
                            uint64_t *amount) {
    const struct hr_reservation *r = hr_reservation_at(c, record);
    const uint32_t channel = r->channel_plus_1 - 1, peer_asset = r->asset;
    const uint32_t pledged = hr_link_of(c, channel, peer_asset);
    struct hr_asset *p = hr_asset_at(c, pledged);
    if (units > p->moved_units) return HR_E_INSUFFICIENT_CHAIN_LIQUIDITY;
    const int refusal = hr_credit_refusal(c, account, peer_asset, units);
    if (refusal) return refusal;
    p->moved_units -= units;
    hr_pledged_burn(c, account, pledged, units);
    *amount -= units;
    hr_reservation_fallen(c, record);
    hr_credit(c, account, peer_asset, units);
    hr_emit(c, HR_EVENT_KIND_REDEEMED, channel, account, pledged, peer_asset, (int64_t)units, 0, 0,
            0);
    return HR_E_OK;
}

/* --- letting go ------------------------------------------------------------------------------ */

/* Tells the peer that units of a pledge are free again, or why a pledge was not taken. */
static void hr_released(struct hr_core *c, uint32_t channel, uint32_t account, uint32_t asset,
                        uint64_t units, uint32_t peer_account, int code) {
    hr_emit(c, HR_EVENT_KIND_RELEASED, channel, account, asset, (int64_t)units, peer_account,
            account, code, 0);
    hr_message_send(c, channel, 0, 0, 0);
}

/* Lets units of a HELD record go, which its account has free and may lose. Returns: why not, with
 * nothing changed; only what was moved by L1 can be refused. */
static int hr_pledge_let_go(struct hr_core *c, uint32_t record, uint64_t units) {
    struct hr_reservation *r = hr_reservation_at(c, record);
    const struct hr_reservation was = *r;
    const uint32_t channel = was.channel_plus_1 - 1;
    if (hr_channel_is_severed(c, channel))
        return hr_redeem_pledge(c, record, was.account, units, &r->units);
    hr_pledged_burn(c, was.account, hr_link_of(c, channel, was.asset), units);
    r->units -= units;
    hr_reservation_fallen(c, record);
    hr_released(c, channel, was.account, was.asset, units, was.peer_account, HR_E_OK);
    return HR_E_OK;
}

/* The most that can go of a HELD record without margin that is needed; 0: nothing. */
static uint64_t hr_pledge_spare(struct hr_core *c, const struct hr_reservation *r) {
    const uint32_t asset = hr_link_of(c, r->channel_plus_1 - 1, r->asset);
    const struct hr_account *a = hr_account_at(c, r->account);
    const uint32_t k = hr_balance_slot(a, asset);
    if (k == HR_NO_SLOT) return 0;
    const uint64_t free = a->balances[k].free_biased - HR_SIGNED_BIAS;
    uint64_t units = free < r->units ? free : r->units;
    for (uint32_t i = 0; i < HR_HALVINGS && units; i++, units /= 2) {
        const int e = hr_check_leaving(c, r->account, asset, units);
        if (e == HR_E_OK) return units;
        if (e == HR_E_STALE_PRICE) return 0;
    }
    return 0;
}

/* The duty of a HELD record, which has left the heap: when it has expired, what its account does
 * not need is let go. The next duty is there before, so that a record that is emptied takes it
 * along. */
HR_COLD void hr_pledge_duty(struct hr_core *c, uint32_t record) {
    const struct hr_reservation *r = hr_reservation_at(c, record);
    const uint64_t now_s = c->header->now_s;
    const bool has_expired = r->expires_at_s <= now_s;
    const uint64_t due_s = has_expired ? now_s + HR_PLEDGE_RETRY_S : r->expires_at_s;
    hr_duty_push(c, due_s < UINT32_MAX ? (uint32_t)due_s : UINT32_MAX - 1, HR_DUTY_KIND_PLEDGE,
                 record);
    const uint64_t units = has_expired ? hr_pledge_spare(c, r) : 0;
    if (units) hr_pledge_let_go(c, record, units);
}

/* Lets go what can go of all that an account holds of a peer's. */
static int hr_unlink(struct hr_core *c, uint32_t account, uint32_t peer_chain_id) {
    const uint32_t first = hr_first_reservation(account);
    bool any = false;
    for (uint32_t record = first; record < first + HR_RESERVATIONS_PER_MASTER; record++) {
        const struct hr_reservation *r = hr_reservation_at(c, record);
        if (r->role != HR_RESERVATION_ROLE_HELD || r->account != account ||
            hr_channel_at(c, r->channel_plus_1 - 1)->peer_chain_id != peer_chain_id)
            continue;
        const uint64_t units = hr_pledge_spare(c, r);
        any |= units && hr_pledge_let_go(c, record, units) == HR_E_OK;
    }
    return any ? HR_E_OK : HR_E_UNKNOWN_PLEDGE;
}

/* --- ops ------------------------------------------------------------------------------------- */

/* May the asset be pledged on the channel, as the first checks of PLEDGE have it? */
static int hr_check_pledgeable(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_pledge *p = &op->pledge;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    if (hr_is_fund_account(c, op->account)) return HR_E_FUND_ACCOUNT;
    if (p->asset == HR_QUOTE_ASSET || p->asset >= HR_LINK_ASSET) return HR_E_NOT_PLEDGEABLE;
    if (!hr_channel_exists(c, p->channel) || hr_channel_is_severed(c, p->channel))
        return HR_E_UNKNOWN_PEER;
    return HR_E_OK;
}

/* Room for a time that a message can tell: what it tells is an i64 with the time in its high half.
 */
static bool hr_is_pledge_expiry(struct hr_core *c, uint32_t expires_at_s) {
    const uint64_t now_s = c->header->now_s;
    return expires_at_s >= now_s + HR_PLEDGE_MIN_S && expires_at_s <= now_s + HR_PLEDGE_MAX_S &&
           expires_at_s <= INT32_MAX;
}

static int hr_op_pledge(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_pledge *p = &op->pledge;
    int e;
    if (op->flags || op->market || p->zero_gap ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_pledge, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_pledgeable(c, op))) return e;
    if (p->amount == 0 || p->amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if (p->peer_account >= HR_ACCOUNT_LIMIT) return HR_E_UNKNOWN_ACCOUNT;
    if (!hr_is_pledge_expiry(c, p->expires_at_s)) return HR_E_INVALID_EXPIRY;
    const struct hr_reservation_key key = {.account = op->account,
                                           .role = HR_RESERVATION_ROLE_GIVEN,
                                           .channel = p->channel,
                                           .asset = p->asset,
                                           .peer_account = p->peer_account};
    uint32_t record = hr_reservation_find(c, &key);
    if (record == HR_NO_RESERVATION) record = hr_reservation_vacant(c, op->account);
    if (record == HR_NO_RESERVATION) return HR_E_PLEDGES_FULL;
    if (hr_reservation_at(c, record)->units + p->amount >= HR_VALUE_LIMIT)
        return HR_E_BALANCE_TOO_LARGE;
    const uint64_t units = hr_units_debited(c, p->asset, p->amount);
    if (!hr_has_free(c, op->account, p->asset, units)) return HR_E_INSUFFICIENT_BALANCE;
    if (p->amount > hr_asset_at(c, p->asset)->total_units) return HR_E_INSUFFICIENT_CHAIN_LIQUIDITY;
    if ((e = hr_check_leaving(c, op->account, p->asset, units))) return e;

    const uint64_t *owner = hr_account_at(c, op->account)->owner;
    hr_outflow_to_l1(c, op->account, p->asset, p->amount);
    hr_reservation_add(c, record, &key, p->amount, p->expires_at_s);
    hr_emit(c, HR_EVENT_KIND_PLEDGED, p->channel, op->account, p->asset, (int64_t)p->amount,
            (int64_t)(p->peer_account | (uint64_t)p->expires_at_s << 32), (int64_t)owner[0],
            (int64_t)owner[1], (int64_t)owner[2]);
    hr_message_send(c, p->channel, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_release(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_release *p = &op->release;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_release, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    if (!hr_is_linked(c, p->asset)) return HR_E_NOT_PLEDGEABLE;
    if (p->amount == 0 || p->amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if (!hr_has_free(c, op->account, p->asset, p->amount)) return HR_E_INSUFFICIENT_BALANCE;
    const struct hr_asset *asset = hr_asset_at(c, p->asset);
    const struct hr_reservation_key key = {.account = op->account,
                                           .role = HR_RESERVATION_ROLE_HELD,
                                           .channel = asset->link_channel_plus_1 - 1,
                                           .asset = asset->link_asset};
    const uint32_t record = hr_reservation_find(c, &key);
    if (record == HR_NO_RESERVATION || hr_reservation_at(c, record)->units < p->amount)
        return HR_E_UNKNOWN_PLEDGE;
    const int e = hr_check_leaving(c, op->account, p->asset, p->amount);
    return e ? e : hr_pledge_let_go(c, record, p->amount);
}

static int hr_op_seize(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_seize *p = &op->seize;
    if (op->flags || op->market || !hr_tail_is_zero(op, offsetof(struct hr_op_seize, zero_tail)))
        return HR_E_MALFORMED_OP;
    if (hr_check_account(c, op->account)) return HR_E_UNKNOWN_ACCOUNT;
    if (p->j >= HR_RESERVATIONS_PER_MASTER) return HR_E_NOTHING_TO_SEIZE;
    const uint32_t record = hr_first_reservation(op->account) + p->j;
    struct hr_reservation *r = hr_reservation_at(c, record);
    const uint64_t units = r->claimed_units; /* 0 of a GIVEN record */
    if (r->account != op->account || units == 0) return HR_E_NOTHING_TO_SEIZE;
    const uint32_t channel = r->channel_plus_1 - 1;
    if (hr_channel_is_severed(c, channel))
        return hr_redeem_pledge(c, record, HR_INSURANCE_ACCOUNT, units, &r->claimed_units);
    r->claimed_units = 0;
    r->asked_units += units;
    hr_touch_leaf(c, HR_SUBTREE_RESERVATIONS, record);
    hr_emit(c, HR_EVENT_KIND_SEIZE_REQUESTED, channel, op->account, r->asset, (int64_t)units,
            r->peer_account, op->account, 0, 0);
    hr_message_send(c, channel, HR_MESSAGE_FLAG_ATOMIC, 0, 0);
    return HR_E_OK;
}

/* A notice of L1: what accounts of one of two chains had pledged to the other is the other's now.
 */
static int hr_op_pledges_moved(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_pledges_moved *p = &op->pledges_moved;
    if (op->flags || op->market || op->account || p->zero_gap || p->is_holder > 1 ||
        p->units >= HR_VALUE_LIMIT || p->peer_chain_id == UINT32_MAX ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_pledges_moved, zero_tail)))
        return HR_E_MALFORMED_OP;
    uint32_t channel = 0;
    while (hr_channel_exists(c, channel) &&
           hr_channel_at(c, channel)->peer_chain_id != p->peer_chain_id)
        channel++;
    if (!hr_channel_exists(c, channel)) channel = HR_MAX_CHANNELS;
    if (channel < HR_MAX_CHANNELS) {
        hr_channel_at(c, channel)->flags |= HR_CHANNEL_FLAG_SEVERED;
        hr_touch_channel(c, channel);
        const uint32_t pledged = p->is_holder ? hr_link_of(c, channel, p->asset) : 0;
        if (pledged) {
            struct hr_asset *asset = hr_asset_at(c, pledged);
            const uint64_t moved = asset->moved_units + p->units;
            asset->moved_units = moved < HR_VALUE_LIMIT ? moved : HR_VALUE_LIMIT - 1;
            hr_touch_leaf(c, HR_SUBTREE_ASSETS, pledged);
        }
    }
    hr_emit(c, HR_EVENT_KIND_PLEDGES_MOVED, channel, 0, p->asset, (int64_t)p->units, p->is_holder,
            p->peer_chain_id, 0, 0);
    return HR_E_OK;
}

#endif
