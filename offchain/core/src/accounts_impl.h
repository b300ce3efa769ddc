/* Money and account ops: deposit, withdraw, transfer, tiers, builders, agents. */
#ifndef HEADRACE_ACCOUNTS_IMPL_H
#define HEADRACE_ACCOUNTS_IMPL_H

#include "cancel_impl.h"
#include "lenders_impl.h"

static inline bool hr_is_master(uint32_t account) {
    return hr_master_of(account) == account;
}

/* Packs 20 address bytes into three canonical words of 7, 7 and 6 bytes, big-endian. */
static void hr_address_pack(uint64_t words[3], const uint8_t address[20]) {
    static const uint8_t lengths[3] = {7, 7, 6};
    for (uint32_t w = 0, at = 0; w < 3; w++) {
        words[w] = 0;
        for (uint32_t i = 0; i < lengths[w]; i++) words[w] = words[w] << 8 | address[at++];
    }
}

static inline bool hr_address_equal(const uint64_t a[3], const uint64_t b[3]) {
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Brings an empty account leaf to life. */
static void hr_account_create(struct hr_core *c, uint32_t account, const uint64_t owner[3]) {
    struct hr_account *a = hr_account_at(c, account);
    a->flags = HR_ACCOUNT_FLAG_EXISTS;
    for (int i = 0; i < 3; i++) a->owner[i] = owner[i];
    hr_balance_slot_open(a, 0, HR_QUOTE_ASSET);
    hr_touch_account(c, account);
}

/* Gives a master the key of its owner, or of whoever leads it. */
static void hr_owner_signer_create(struct hr_core *c, uint32_t master, const uint64_t owner[3]) {
    *hr_signer_at(c, master, 0) = (struct hr_signer){.address = {owner[0], owner[1], owner[2]},
                                                     .flags = HR_SIGNER_FLAG_EXISTS};
    hr_touch_leaf(c, HR_SUBTREE_SIGNERS, hr_signer_index(master, 0));
}

/* Opens a bucket of a fund, which nobody owns. */
static void hr_fund_bucket_create(struct hr_core *c, uint32_t fund, uint32_t bucket) {
    static const uint64_t nobody[3] = {0, 0, 0};
    struct hr_fund *f = hr_fund_at(c, fund);
    const uint32_t account = hr_fund_master(fund) + bucket;
    hr_account_create(c, account, nobody);
    hr_account_at(c, account)->flags |= HR_ACCOUNT_FLAG_FUND;
    if (f->buckets <= bucket) f->buckets = bucket + 1;
    hr_touch_fund(c, fund);
}

static bool hr_asset_exists(struct hr_core *c, uint32_t asset) {
    return asset < HR_MAX_ASSETS && (hr_asset_at(c, asset)->flags & HR_ASSET_FLAG_EXISTS);
}

static void hr_emit_money(struct hr_core *c, uint32_t kind, uint32_t account, uint32_t asset,
                          uint64_t amount, const uint64_t owner[3], int code) {
    hr_emit(c, kind, 0, account, asset, (int64_t)amount, (int64_t)owner[0], (int64_t)owner[1],
            (int64_t)owner[2], code);
}

/* Has the account room for the amount in its balance of the asset? */
static bool hr_account_can_receive(const struct hr_account *a, uint32_t asset, uint64_t amount) {
    const uint32_t k = hr_balance_slot(a, asset);
    return k == HR_NO_SLOT || hr_can_receive(&a->balances[k], amount);
}

/* Adds units to an account, which has a balance slot for the asset or a free one. */
static void hr_inflow(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t amount) {
    struct hr_account *a = hr_account_at(c, account);
    uint32_t k = hr_balance_slot(a, asset);
    if (k == HR_NO_SLOT) {
        k = hr_balance_slot_free(a);
        hr_balance_slot_open(a, k, asset);
    }
    a->balances[k].free_biased += amount;
    hr_touch_account(c, account);
}

/* Why a well-formed deposit is refused, or HR_E_OK. */
static int hr_deposit_refusal(struct hr_core *c, const struct hr_op *op, const uint64_t owner[3]) {
    const struct hr_op_deposit *p = &op->deposit;
    if (op->account == 0) return HR_E_UNKNOWN_ACCOUNT; /* a master beyond the chain's room */
    if (!hr_asset_exists(c, p->asset)) return HR_E_UNKNOWN_ASSET;
    const struct hr_account *a = hr_account_at(c, op->account);
    const bool exists = a->flags & HR_ACCOUNT_FLAG_EXISTS;
    const struct hr_asset *asset = hr_asset_at(c, p->asset);
    if (exists && !hr_address_equal(a->owner, owner)) return HR_E_NOT_SAME_OWNER;
    if (!(asset->flags & HR_ASSET_FLAG_DEPOSITS_OPEN)) return HR_E_DEPOSITS_CLOSED;
    if (asset->total_units + p->amount > asset->deposit_cap_units) return HR_E_DEPOSIT_CAP;
    if (exists && hr_balance_slot(a, p->asset) == HR_NO_SLOT &&
        hr_balance_slot_free(a) == HR_NO_SLOT)
        return HR_E_BALANCES_FULL;
    const uint64_t units = hr_units_credited(c, p->asset, p->amount);
    const bool has_room = hr_can_supply(c, p->asset, units) &&
                          (!exists || hr_account_can_receive(a, p->asset, units));
    return has_room ? HR_E_OK : HR_E_BALANCE_TOO_LARGE;
}

/* Total: a refused deposit goes back to its sender as a withdrawal. */
static int hr_op_deposit(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_deposit *p = &op->deposit;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_deposit, zero_tail)) ||
        op->account >= HR_ACCOUNT_LIMIT || !hr_is_master(op->account) ||
        op->account >> HR_SUB_ACCOUNT_BITS >= 1u << HR_MASTER_BITS || p->amount == 0 ||
        p->amount >= HR_VALUE_LIMIT)
        return HR_E_MALFORMED_OP;
    uint64_t owner[3];
    hr_address_pack(owner, p->owner);
    const int refusal = hr_deposit_refusal(c, op, owner);
    if (refusal) {
        hr_emit_money(c, HR_EVENT_KIND_WITHDRAWAL, op->account, p->asset, p->amount, owner,
                      refusal);
        return HR_E_OK;
    }
    struct hr_account *a = hr_account_at(c, op->account);
    if (!(a->flags & HR_ACCOUNT_FLAG_EXISTS)) {
        hr_account_create(c, op->account, owner);
        hr_owner_signer_create(c, op->account, owner);
    } else if (p->asset == HR_QUOTE_ASSET) {
        hr_earn(c, op->account, p->amount);
    }
    const uint64_t units = hr_units_credited(c, p->asset, p->amount);
    hr_inflow(c, op->account, p->asset, units);
    hr_asset_at(c, p->asset)->total_units += p->amount;
    hr_asset_at(c, p->asset)->supply_units += units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, p->asset);
    hr_emit_money(c, HR_EVENT_KIND_DEPOSITED, op->account, p->asset, p->amount, owner, 0);
    return HR_E_OK;
}

/* Has the account a position record in a market that asks for no margin? */
static bool hr_has_position_without_margin(struct hr_core *c, uint32_t account) {
    for (uint32_t k = 0; k < HR_POSITIONS_PER_ACCOUNT; k++) {
        const uint32_t market_plus_1 = hr_position_at(c, account, k)->market_plus_1;
        if (market_plus_1 && !hr_is_margined(c, market_plus_1 - 1)) return true;
    }
    return false;
}

/* Does the asset stand for one that a peer keeps? */
static inline bool hr_is_linked(struct hr_core *c, uint32_t asset) {
    return hr_asset_at(c, asset)->flags & HR_ASSET_FLAG_LINKED;
}

/* Has the account `units` (any u64) of an asset free? */
static bool hr_has_free(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t units) {
    const struct hr_account *a = hr_account_at(c, account);
    const uint32_t k = hr_balance_slot(a, asset);
    return k != HR_NO_SLOT && units < HR_VALUE_LIMIT && hr_balance_covers(&a->balances[k], units);
}

/* Does the account keep its margin when units that it has free leave it? */
static int hr_check_leaving(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t units) {
    const struct hr_account *a = hr_account_at(c, account);
    return a->flags & HR_ACCOUNT_FLAG_SWEPT
               ? hr_check_outflow_margin(c, account, hr_balance_slot(a, asset), units)
               : HR_E_OK;
}

/* The checks that WITHDRAW and TRANSFER share. What goes to L1 is in its units and steps. */
static int hr_check_outflow(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t amount,
                            bool to_l1) {
    if (!hr_asset_exists(c, asset)) return HR_E_UNKNOWN_ASSET;
    if (hr_is_linked(c, asset)) return HR_E_PLEDGED_ASSET;
    if (amount == 0 || amount >= HR_VALUE_LIMIT) return HR_E_INVALID_AMOUNT;
    if (to_l1 && amount % hr_asset_at(c, asset)->withdraw_step_units)
        return HR_E_AMOUNT_NOT_REPRESENTABLE;
    const struct hr_account *a = hr_account_at(c, account);
    if (asset == HR_QUOTE_ASSET && a->positions_used && hr_has_position_without_margin(c, account))
        return HR_E_POSITION_OPEN;
    const uint64_t units = to_l1 ? hr_units_debited(c, asset, amount) : amount;
    return hr_has_free(c, account, asset, units) ? hr_check_leaving(c, account, asset, units)
                                                 : HR_E_INSUFFICIENT_BALANCE;
}

/* Frees a balance slot that has become empty, unless open orders may still fill it. */
static inline void hr_balance_slot_release(struct hr_account *a, uint32_t k) {
    if (k == 0 || a->balances[k].free_biased != HR_SIGNED_BIAS || a->balances[k].locked ||
        a->order_count)
        return;
    a->asset_ids[k] = 0;
    a->balances[k].free_biased = 0;
}

/* Takes a checked amount out of an account; an emptied balance slot becomes free again. */
static void hr_outflow(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t amount) {
    struct hr_account *a = hr_account_at(c, account);
    const uint32_t k = hr_balance_slot(a, asset);
    a->balances[k].free_biased -= amount;
    hr_balance_slot_release(a, k);
    hr_touch_account(c, account);
}

/* Takes a checked amount out of what the chain has of an asset on L1. */
static void hr_outflow_to_l1(struct hr_core *c, uint32_t account, uint32_t asset,
                             uint64_t l1_units) {
    const uint64_t units = hr_units_debited(c, asset, l1_units);
    hr_outflow(c, account, asset, units);
    hr_asset_at(c, asset)->total_units -= l1_units;
    hr_asset_at(c, asset)->supply_units -= units;
    hr_touch_leaf(c, HR_SUBTREE_ASSETS, asset);
}

/* Could a withdrawal of the amount be paid now? */
static int hr_check_withdrawal(struct hr_core *c, uint32_t account, uint32_t asset,
                               uint64_t amount) {
    const int e = hr_check_outflow(c, account, asset, amount, true);
    if (e) return e;
    return amount > hr_asset_at(c, asset)->total_units ? HR_E_INSUFFICIENT_CHAIN_LIQUIDITY
                                                       : HR_E_OK;
}

/* Pays a withdrawal that was checked. */
static void hr_withdraw(struct hr_core *c, uint32_t account, uint32_t asset, uint64_t amount) {
    if (asset == HR_QUOTE_ASSET) hr_earn(c, account, 0);
    hr_outflow_to_l1(c, account, asset, amount);
    hr_emit_money(c, HR_EVENT_KIND_WITHDRAWAL, account, asset, amount,
                  hr_account_at(c, account)->owner, 0);
}

static int hr_op_withdraw(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_withdraw *p = &op->withdraw;
    int e;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_withdraw, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    if (hr_is_fund_account(c, op->account)) return HR_E_FUND_ACCOUNT;
    if ((e = hr_check_withdrawal(c, op->account, p->asset, p->amount))) return e;
    hr_withdraw(c, op->account, p->asset, p->amount);
    return HR_E_OK;
}

/* Money of a fund moves only between its own buckets. */
static int hr_check_transfer_of_fund(struct hr_core *c, uint32_t from, uint32_t to) {
    if (!hr_is_fund_account(c, from))
        return hr_is_fund_account(c, to) ? HR_E_FUND_ACCOUNT : HR_E_OK;
    const uint32_t master = hr_master_of(from);
    return hr_master_of(to) == master && to - master < HR_FUND_BUCKETS ? HR_E_OK
                                                                       : HR_E_FUND_ACCOUNT;
}

static int hr_op_transfer(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_transfer *p = &op->transfer;
    int e;
    if (op->flags || op->market || !hr_is_zero(p->zero_gap, sizeof p->zero_gap) ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_transfer, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_account(c, op->account))) return e;
    const uint32_t from = op->account, to = p->to_account;
    if (to == from) return HR_E_SAME_ACCOUNT;
    if (to >= HR_ACCOUNT_LIMIT) return HR_E_UNKNOWN_ACCOUNT;
    if ((e = hr_check_transfer_of_fund(c, from, to))) return e;
    struct hr_account *destination = hr_account_at(c, to);
    const uint64_t *owner = hr_account_at(c, from)->owner;
    const bool exists = destination->flags & HR_ACCOUNT_FLAG_EXISTS;
    if (!exists && hr_master_of(to) != hr_master_of(from)) return HR_E_UNKNOWN_ACCOUNT;
    if (exists && !hr_address_equal(destination->owner, owner)) return HR_E_NOT_SAME_OWNER;
    if ((e = hr_check_outflow(c, from, p->asset, p->amount, false))) return e;
    if (exists && hr_balance_slot(destination, p->asset) == HR_NO_SLOT &&
        hr_balance_slot_free(destination) == HR_NO_SLOT)
        return HR_E_BALANCES_FULL;
    if (exists && !hr_account_can_receive(destination, p->asset, p->amount))
        return HR_E_BALANCE_TOO_LARGE;

    if (!exists && hr_is_fund_account(c, from))
        hr_fund_bucket_create(c, hr_fund_of(from), to - hr_master_of(to));
    else if (!exists)
        hr_account_create(c, to, owner);
    if (p->asset == HR_QUOTE_ASSET) {
        hr_earn(c, from, 0);
        if (exists) hr_earn(c, to, p->amount);
    }
    hr_outflow(c, from, p->asset, p->amount);
    hr_inflow(c, to, p->asset, p->amount);
    hr_emit(c, HR_EVENT_KIND_TRANSFERRED, 0, from, p->asset, (int64_t)p->amount, to, 0, 0, 0);
    return HR_E_OK;
}

/* --- what a master sets for itself ----------------------------------------------------------- */

static int hr_check_master(struct hr_core *c, uint32_t account) {
    if (hr_check_account(c, account)) return HR_E_UNKNOWN_ACCOUNT;
    return hr_is_master(account) ? HR_E_OK : HR_E_WRONG_ACCOUNT;
}

static int hr_op_set_tier(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_set_tier *p = &op->set_tier;
    int e;
    if (op->flags || op->market || !hr_tail_is_zero(op, offsetof(struct hr_op_set_tier, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_master(c, op->account))) return e;
    if (p->tier >= HR_TIERS_PER_TABLE) return HR_E_UNKNOWN_TIER;
    const uint32_t flags = hr_fee_table_at(c, 0)->tiers[p->tier].flags;
    if (!(flags & HR_TIER_FLAG_EXISTS)) return HR_E_UNKNOWN_TIER;
    if (!(flags & HR_TIER_FLAG_SELF_SERVICE)) return HR_E_TIER_NOT_SELF_SERVICE;
    struct hr_account *a = hr_account_at(c, op->account);
    if (a->tier_changed_s && c->header->now_s < (uint64_t)a->tier_changed_s + HR_TIER_COOLDOWN_S)
        return HR_E_TIER_COOLDOWN;
    a->tier = p->tier;
    a->tier_changed_s = (uint32_t)c->header->now_s;
    hr_touch_account(c, op->account);
    hr_emit(c, HR_EVENT_KIND_TIER_SET, 0, op->account, p->tier, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_approve_builder(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_approve_builder *p = &op->approve_builder;
    int e;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_approve_builder, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_master(c, op->account))) return e;
    if (p->builder == 0 || p->builder > c->header->builder_count) return HR_E_UNKNOWN_BUILDER;
    if (p->max_fee > HR_MAX_BUILDER_FEE_SPOT) return HR_E_BUILDER_FEE_TOO_HIGH;
    struct hr_account *a = hr_account_at(c, op->account);
    uint32_t found = HR_APPROVALS_PER_ACCOUNT, vacant = HR_APPROVALS_PER_ACCOUNT;
    for (uint32_t k = HR_APPROVALS_PER_ACCOUNT; k-- > 0;) {
        if ((a->approvals[k] & 0xFFFFu) == p->builder) found = k;
        if (a->approvals[k] == 0) vacant = k;
    }
    if (found == HR_APPROVALS_PER_ACCOUNT) found = vacant;
    if (p->max_fee && found == HR_APPROVALS_PER_ACCOUNT) return HR_E_APPROVALS_FULL;
    if (found < HR_APPROVALS_PER_ACCOUNT)
        a->approvals[found] = p->max_fee ? p->builder | (uint32_t)p->max_fee << 16 : 0;
    hr_touch_account(c, op->account);
    hr_emit(c, HR_EVENT_KIND_BUILDER_APPROVED, 0, op->account, p->builder, p->max_fee, 0, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_register_builder(struct hr_core *c, const struct hr_op *op) {
    int e;
    if (op->flags || op->market || !hr_tail_is_zero(op, 0)) return HR_E_MALFORMED_OP;
    if ((e = hr_check_master(c, op->account))) return e;
    struct hr_account *a = hr_account_at(c, op->account);
    if (a->flags & HR_ACCOUNT_FLAG_FUND) return HR_E_FUND_ACCOUNT;
    if (a->builder) return HR_E_BUILDER_ALREADY_REGISTERED;
    if (c->header->builder_count == HR_MAX_BUILDERS - 1) return HR_E_BUILDERS_FULL;
    a->builder = (uint32_t)++c->header->builder_count;
    *hr_builder_at(c, a->builder) = (struct hr_builder){.account = op->account};
    hr_touch_account(c, op->account);
    hr_touch_leaf(c, HR_SUBTREE_BUILDERS, a->builder >> HR_LOG2_PER_LEAF(struct hr_builder));
    hr_emit(c, HR_EVENT_KIND_BUILDER_REGISTERED, 0, op->account, a->builder, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

static int hr_op_set_agent(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_set_agent *p = &op->set_agent;
    int e;
    if (op->flags || op->market ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_set_agent, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_master(c, op->account))) return e;
    if (p->slot == 0 || p->slot >= HR_SIGNERS_PER_MASTER) return HR_E_INVALID_AGENT_SLOT;
    const bool revoke = hr_is_zero(p->address, sizeof p->address);
    if (revoke != (p->expiry_s == 0) || (p->expiry_s && p->expiry_s <= c->header->now_s))
        return HR_E_INVALID_AGENT;
    struct hr_signer *signer = hr_signer_at(c, op->account, p->slot);
    *signer =
        (struct hr_signer){.expiry_s = p->expiry_s, .flags = revoke ? 0 : HR_SIGNER_FLAG_EXISTS};
    hr_address_pack(signer->address, p->address);
    hr_touch_leaf(c, HR_SUBTREE_SIGNERS, hr_signer_index(op->account, p->slot));
    hr_emit(c, HR_EVENT_KIND_AGENT_SET, 0, op->account, p->slot, p->expiry_s,
            (int64_t)signer->address[0], (int64_t)signer->address[1], (int64_t)signer->address[2],
            0);
    return HR_E_OK;
}

static int hr_op_set_owner_key(struct hr_core *c, const struct hr_op *op) {
    const struct hr_op_set_owner_key *p = &op->set_owner_key;
    int e;
    if (op->flags || op->market || p->on > 1 ||
        !hr_tail_is_zero(op, offsetof(struct hr_op_set_owner_key, zero_tail)))
        return HR_E_MALFORMED_OP;
    if ((e = hr_check_master(c, op->account))) return e;
    struct hr_account *a = hr_account_at(c, op->account);
    const uint32_t others = a->flags & ~(uint32_t)HR_ACCOUNT_FLAG_OWNER_KEY_TRADES;
    a->flags = others | (p->on ? HR_ACCOUNT_FLAG_OWNER_KEY_TRADES : 0);
    hr_touch_account(c, op->account);
    hr_emit(c, HR_EVENT_KIND_OWNER_KEY_SET, 0, op->account, p->on, 0, 0, 0, 0, 0);
    return HR_E_OK;
}

#endif
