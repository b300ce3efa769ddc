/* Records of the queue on L1 and the ops that they stand for. docs/spec/transition.md section 6,
 * docs/spec/l1-inputs.md section 1. */
#ifndef HEADRACE_PRIORITY_IMPL_H
#define HEADRACE_PRIORITY_IMPL_H

#include "abi_impl.h"
#include "headrace/ops.h"

/* Words of a record. */
enum {
    HR_RECORD_INDEX,
    HR_RECORD_KIND,
    HR_RECORD_SENDER,
    HR_RECORD_ACCOUNT,
    HR_RECORD_ASSET,
    HR_RECORD_AMOUNT,
    HR_RECORD_DATA0,
    HR_RECORD_DATA1,
};

static inline bool hr_op_is_admin(uint32_t kind) {
    return kind > HR_OP_KIND_DEPOSIT && kind < HR_OP_KIND_FORCED_WITHDRAW;
}

static inline const uint8_t *hr_record_word(const uint8_t *record, uint32_t word) {
    return record + (size_t)HR_ABI_WORD_BYTES * word;
}
static inline bool hr_record_is_zero(const uint8_t *record, uint32_t word) {
    return hr_is_zero(hr_record_word(record, word), HR_ABI_WORD_BYTES);
}

/* The 20 bytes of the sender; NULL when the word is no address. */
static const uint8_t *hr_record_sender(const uint8_t *record) {
    const uint8_t *word = hr_record_word(record, HR_RECORD_SENDER);
    return hr_is_zero(word, 12) ? word + 12 : NULL;
}

static bool hr_decode_deposit(const uint8_t *record, struct hr_op *op) {
    const uint8_t *sender = hr_record_sender(record);
    uint64_t master, asset, amount;
    if (!sender || !hr_abi_u64(record, HR_RECORD_ACCOUNT, &master) ||
        !hr_abi_below(record, HR_RECORD_ASSET, 1u << 16, &asset) ||
        !hr_abi_below(record, HR_RECORD_AMOUNT, HR_VALUE_LIMIT, &amount) || amount == 0 ||
        !hr_record_is_zero(record, HR_RECORD_DATA0) || !hr_record_is_zero(record, HR_RECORD_DATA1))
        return false;
    /* a master beyond the chain's room, where the funds' masters begin, becomes account 0, which
     * DEPOSIT refuses and pays back */
    const bool has_room = master < (1u << HR_MASTER_BITS) - HR_FUND_LIMIT;
    *op = (struct hr_op){.kind = HR_OP_KIND_DEPOSIT,
                         .account = has_room ? (uint32_t)master << HR_SUB_ACCOUNT_BITS : 0,
                         .deposit = {.asset = (uint16_t)asset, .amount = amount}};
    __builtin_memcpy(op->deposit.owner, sender, sizeof op->deposit.owner);
    return true;
}

static bool hr_decode_admin(const uint8_t *record, struct hr_op *op) {
    __builtin_memcpy(op, hr_record_word(record, HR_RECORD_DATA0), sizeof *op);
    return hr_record_is_zero(record, HR_RECORD_ACCOUNT) &&
           hr_record_is_zero(record, HR_RECORD_ASSET) &&
           hr_record_is_zero(record, HR_RECORD_AMOUNT) && hr_op_is_admin(op->kind);
}

_Static_assert(HR_OP_KIND_FORCED_SWEEP - HR_OP_KIND_FORCED_WITHDRAW ==
               HR_PRIORITY_KIND_SWEEP - HR_PRIORITY_KIND_FORCED_WITHDRAW);

/* Kinds FORCED_WITHDRAW to SWEEP. */
static bool hr_decode_forced(const uint8_t *record, uint32_t kind, struct hr_op *op) {
    const uint8_t *sender = hr_record_sender(record);
    const bool pays = kind == HR_PRIORITY_KIND_FORCED_WITHDRAW;
    const bool closes = kind == HR_PRIORITY_KIND_FORCED_CLOSE;
    const bool unlinks = kind == HR_PRIORITY_KIND_UNLINK;
    uint64_t master, sub_account, asset, amount, last;
    if (!sender || !hr_abi_below(record, HR_RECORD_ACCOUNT, 1u << HR_MASTER_BITS, &master) ||
        !hr_abi_below(record, HR_RECORD_DATA0, 1u << HR_SUB_ACCOUNT_BITS, &sub_account) ||
        !hr_abi_below(record, HR_RECORD_ASSET, pays ? 1u << 16 : 1, &asset) ||
        !hr_abi_below(record, HR_RECORD_AMOUNT, pays ? HR_VALUE_LIMIT : 1, &amount) ||
        !hr_abi_below(record, HR_RECORD_DATA1,
                      closes    ? 1u << 16
                      : unlinks ? UINT32_MAX
                                : 1,
                      &last) ||
        (pays && amount == 0))
        return false;
    *op = (struct hr_op){
        .kind = (uint8_t)(kind - HR_PRIORITY_KIND_FORCED_WITHDRAW + HR_OP_KIND_FORCED_WITHDRAW),
        .account = (uint32_t)(master << HR_SUB_ACCOUNT_BITS | sub_account),
        .market = closes ? (uint16_t)last : 0,
    };
    if (kind == HR_PRIORITY_KIND_SWEEP) return true;
    if (unlinks)
        op->forced_unlink.peer_chain_id = (uint32_t)last;
    else
        op->forced.asset = (uint16_t)asset;
    op->forced.amount = amount;
    __builtin_memcpy(op->forced.sender, sender, sizeof op->forced.sender);
    return true;
}

/* Kinds REFUND and PLEDGES_MOVED, of the gateway itself. */
static bool hr_decode_notice(const uint8_t *record, uint32_t kind, struct hr_op *op) {
    uint64_t asset, units, peer_chain_id, is_holder;
    if (!hr_record_is_zero(record, HR_RECORD_ACCOUNT)) return false;
    if (kind == HR_PRIORITY_KIND_REFUND) {
        *op = (struct hr_op){.kind = HR_OP_KIND_NOTICE, .notice.record_kind = (uint8_t)kind};
        return hr_record_is_zero(record, HR_RECORD_ASSET) &&
               hr_record_is_zero(record, HR_RECORD_AMOUNT) &&
               hr_record_is_zero(record, HR_RECORD_DATA1);
    }
    if (!hr_abi_below(record, HR_RECORD_ASSET, 1u << 16, &asset) ||
        !hr_abi_below(record, HR_RECORD_AMOUNT, HR_VALUE_LIMIT, &units) ||
        !hr_abi_below(record, HR_RECORD_DATA0, UINT32_MAX, &peer_chain_id) ||
        !hr_abi_below(record, HR_RECORD_DATA1, 2, &is_holder))
        return false;
    *op = (struct hr_op){.kind = HR_OP_KIND_PLEDGES_MOVED,
                         .pledges_moved = {.asset = (uint16_t)asset,
                                           .is_holder = (uint8_t)is_holder,
                                           .peer_chain_id = (uint32_t)peer_chain_id,
                                           .units = units}};
    return true;
}

/* Turns a record (index checked) into its op; false when a field is out of range. */
static bool hr_priority_decode(const uint8_t *record, struct hr_op *op) {
    uint64_t kind;
    if (!hr_abi_below(record, HR_RECORD_KIND, HR_PRIORITY_KIND_PLEDGES_MOVED + 1, &kind))
        return false;
    switch (kind) {
    case 0: return false;
    case HR_PRIORITY_KIND_DEPOSIT: return hr_decode_deposit(record, op);
    case HR_PRIORITY_KIND_ADMIN: return hr_decode_admin(record, op);
    case HR_PRIORITY_KIND_REFUND:
    case HR_PRIORITY_KIND_PLEDGES_MOVED: return hr_decode_notice(record, (uint32_t)kind, op);
    default: return hr_decode_forced(record, (uint32_t)kind, op);
    }
}

#endif
