/* Part of fuzz_driver.c: pledges, what peers say of them, and what L1 moves when one is frozen. */
#ifndef HEADRACE_FUZZ_LINKS_H
#define HEADRACE_FUZZ_LINKS_H

enum {
    GOVERNOR = 32 * (MASTERS + 1),
    GOVERNANCE_BYTE = 2,
    CHANNELS = 2,
    OWN_ID = 9,
    FIRST_PEER_ID = 11, /* of the last channel: peers descend */
    FIRST_LINKED = 64,  /* asset 1 of channel 0, 2 of channel 0, 1 of channel 1 */
    LINKED_ASSETS = 3,
    PLEDGE_TERM_S = 2 * HR_PLEDGE_MIN_S,
};

static uint64_t any_units(void) {
    return random_u64() >> (4 + below(56));
}

/* A record of a master that may pledge. */
static const struct hr_reservation *any_reservation(struct hr_core *c) {
    const uint32_t master = 1 + below(MASTERS);
    return hr_reservation_at(c, master * HR_RESERVATIONS_PER_MASTER +
                                    below(one_in(3) ? HR_RESERVATIONS_PER_MASTER : 3));
}

static struct hr_op any_admin_of_links(struct hr_core *c) {
    if (one_in(3)) {
        const uint8_t channel = (uint8_t)below(4);
        const uint64_t received = hr_channel_at(c, channel)->received_count;
        return (struct hr_op){
            .kind = HR_OP_KIND_ADMIN_VOID,
            .admin_void = {.channel = channel,
                           .index = received + (one_in(9) ? below(300) : 1 + below(3))}};
    }
    if (one_in(2))
        return (struct hr_op){.kind = HR_OP_KIND_ADMIN_CHANNEL,
                              .admin_channel = {.channel = (uint8_t)below(4),
                                                .peer_chain_id = FIRST_PEER_ID + below(4),
                                                .own_chain_id = OWN_ID}};
    if (one_in(400)) /* a frozen peer stays frozen */
        return (struct hr_op){.kind = HR_OP_KIND_PLEDGES_MOVED,
                              .pledges_moved = {.asset = (uint16_t)(1 + below(2)),
                                                .is_holder = (uint8_t)below(2),
                                                .peer_chain_id = FIRST_PEER_ID + below(3),
                                                .units = any_units() >> 2}};
    return (struct hr_op){.kind = HR_OP_KIND_ADMIN_LINK,
                          .admin_link = {.asset = (uint16_t)(FIRST_LINKED + below(8)),
                                         .channel = (uint8_t)below(4),
                                         .peer_asset = (uint16_t)below(6)}};
}

static struct hr_op any_of_links(struct hr_core *c) {
    const struct hr_reservation *r = any_reservation(c);
    struct hr_op op = {.account = r->role ? r->account : any_account()};
    switch (below(8)) {
    case 0:
    case 1:
        op.kind = HR_OP_KIND_PLEDGE;
        op.pledge =
            (struct hr_op_pledge){.asset = (uint16_t)(1 + below(2)),
                                  .channel = (uint8_t)below(CHANNELS),
                                  .peer_account = op.account + below(2),
                                  .amount = any_units(),
                                  .expires_at_s = (uint32_t)c->header->now_s + PLEDGE_TERM_S};
        return op;
    case 2:
    case 3:
        op.kind = HR_OP_KIND_RELEASE;
        op.release.asset = (uint16_t)(FIRST_LINKED + below(LINKED_ASSETS));
        op.release.amount = one_in(2) ? r->units >> below(4) : any_units();
        return op;
    case 4:
        op.kind = HR_OP_KIND_FORCED_UNLINK;
        op.forced_unlink.peer_chain_id = FIRST_PEER_ID + below(CHANNELS);
        memset(op.forced_unlink.sender, (int)(op.account / 32), 20);
        return op;
    case 5: return any_admin_of_links(c);
    default:
        op.kind = HR_OP_KIND_SEIZE;
        op.seize.j = (uint8_t)below(HR_RESERVATIONS_PER_MASTER);
        return op;
    }
}

/* What a peer may say of a record, or of a new pledge. */
static struct hr_event any_body(struct hr_core *c) {
    static const uint16_t types[] = {
        HR_EVENT_KIND_PLEDGED,  HR_EVENT_KIND_PLEDGED,         HR_EVENT_KIND_PLEDGED,
        HR_EVENT_KIND_RELEASED, HR_EVENT_KIND_SEIZE_REQUESTED, HR_EVENT_KIND_SEIZED,
    };
    const struct hr_reservation *r = any_reservation(c);
    const uint64_t known = r->asked_units ? r->asked_units : r->units;
    const uint64_t units = one_in(3) ? any_units() : known >> below(3);
    struct hr_event body = {.type = types[below(6)], .account = r->peer_account};
    body.v[0] = r->asset ? r->asset : 1 + below(2);
    body.v[1] = (int64_t)units;
    body.v[2] = r->account;
    body.v[3] = body.type == HR_EVENT_KIND_SEIZED ? (int64_t)known : r->peer_account;
    if (body.type == HR_EVENT_KIND_PLEDGED) {
        const uint32_t account = any_account();
        uint8_t owner[20];
        uint64_t words[3];
        memset(owner, (int)(account / 32), sizeof owner);
        hr_address_pack(words, owner);
        body.account = account;
        body.v[2] =
            (int64_t)(account | (c->header->now_s + 1 + below(one_in(4) ? PLEDGE_TERM_S : 1u << 24))
                                    << 32);
        for (uint32_t i = 0; i < 3; i++) body.v[3 + i] = (int64_t)words[i];
    }
    return body;
}

/* A message whose turn it mostly is. Returns: its length. */
static uint32_t make_message(struct hr_core *c, uint8_t *payload) {
    const uint32_t channel = below(CHANNELS);
    const struct hr_channel *from = hr_channel_at(c, channel);
    struct hr_event body = any_body(c);
    if (one_in(12)) change_bytes(&body, sizeof body);
    uint8_t *words = payload + 2 * sizeof channel;
    memset(payload, 0, HR_MESSAGE_PAYLOAD_BYTES);
    memcpy(payload, &channel, sizeof channel);
    const bool is_void = one_in(4);
    memcpy(payload + sizeof channel, &(uint32_t){is_void}, sizeof channel);
    hr_abi_put(words, HR_GATEWAY_FROM_CHAIN, from->peer_chain_id);
    hr_abi_put(words, HR_GATEWAY_TO_CHAIN, from->own_chain_id);
    hr_abi_put(words, HR_GATEWAY_INDEX, from->received_count + 1);
    hr_abi_put(words, HR_GATEWAY_SLOT, c->header->now_s * HR_MS_PER_S + below(1010));
    hr_abi_put(words, HR_GATEWAY_FLAGS, below(4));
    if (body.type == HR_EVENT_KIND_SEIZED && !one_in(9))
        hr_message_values(words + HR_GATEWAY_VALUES * HR_ABI_WORD_BYTES, (uint32_t)body.v[0],
                          (uint64_t)body.v[1]);
    hr_keccak256(words + HR_GATEWAY_PAYLOAD_HASH * HR_ABI_WORD_BYTES, (const uint8_t *)&body,
                 sizeof body);
    if (one_in(4)) hr_abi_put(words, HR_GATEWAY_EXPIRES_AT, c->header->now_s + below(3));
    if (!is_void) memcpy(words + HR_GATEWAY_ENVELOPE_WORDS * HR_ABI_WORD_BYTES, &body, sizeof body);
    return HR_MESSAGE_PAYLOAD_BYTES;
}

/* Every pledge that is held has one duty, and no other has one. */
static void check_pledge_duties(struct hr_core *c) {
    uint32_t held = 0;
    for (uint32_t record = 0; record < (MASTERS + 1) * HR_RESERVATIONS_PER_MASTER; record++)
        held += hr_reservation_at(c, record)->role == HR_RESERVATION_ROLE_HELD;
    for (uint32_t i = 0; i < c->header->duty_count; i++) {
        const struct hr_duty *duty = hr_duty_at(c, i);
        if (duty->kind != HR_DUTY_KIND_PLEDGE) continue;
        if (hr_reservation_at(c, duty->ref)->role != HR_RESERVATION_ROLE_HELD)
            fail("a duty has no pledge");
        held--;
    }
    if (held != 0) fail("a pledge has no duty, or more than one");
}

/* All units of a pledged asset that an account has are in its record, and insurance has what is
 * claimed and asked for besides. */
static void check_pledged_units(struct hr_core *c) {
    uint64_t expected[LINKED_ASSETS] = {0}, supply[LINKED_ASSETS] = {0};
    for (uint32_t master = 1; master <= MASTERS; master++)
        for (uint32_t j = 0; j < HR_RESERVATIONS_PER_MASTER; j++) {
            const struct hr_reservation *r =
                hr_reservation_at(c, master * HR_RESERVATIONS_PER_MASTER + j);
            if (r->role != HR_RESERVATION_ROLE_HELD) continue;
            const uint32_t asset = hr_link_of(c, r->channel_plus_1 - 1, r->asset);
            const struct hr_account *a = hr_account_at(c, r->account);
            const uint32_t k = hr_balance_slot(a, asset);
            const uint64_t free = k == HR_NO_SLOT ? 0 : a->balances[k].free_biased - HR_SIGNED_BIAS;
            if (asset < FIRST_LINKED || free != r->units) fail("a pledge is not its holder's");
            if (asset >= FIRST_LINKED + LINKED_ASSETS) continue;
            expected[asset - FIRST_LINKED] += r->claimed_units + r->asked_units;
            supply[asset - FIRST_LINKED] += r->units;
        }
    for (uint32_t i = 0; i < LINKED_ASSETS; i++) {
        const struct hr_account *insurance = hr_account_at(c, HR_INSURANCE_ACCOUNT);
        const uint32_t k = hr_balance_slot(insurance, FIRST_LINKED + i);
        const uint64_t claims =
            k == HR_NO_SLOT ? 0 : insurance->balances[k].free_biased - HR_SIGNED_BIAS;
        if (claims != expected[i]) fail("insurance has other claims than the records say");
        if (hr_asset_at(c, FIRST_LINKED + i)->supply_units != claims + supply[i])
            fail("the supply of a pledged asset is not what accounts have");
    }
}

static void set_link_scene(struct hr_core *c) {
    struct hr_op deposit = {.kind = HR_OP_KIND_DEPOSIT, .account = GOVERNOR};
    deposit.deposit.owner[0] = GOVERNANCE_BYTE;
    deposit.deposit.amount = HR_VALUE_LIMIT / 16;
    must_apply(c, deposit);
    must_apply(c, (struct hr_op){.kind = HR_OP_KIND_TRANSFER,
                                 .account = GOVERNOR,
                                 .transfer = {.to_account = HR_INSURANCE_ACCOUNT,
                                              .amount = HR_VALUE_LIMIT / 16}});
    for (uint8_t channel = 0; channel < CHANNELS; channel++)
        must_apply(c, (struct hr_op){
                          .kind = HR_OP_KIND_ADMIN_CHANNEL,
                          .admin_channel = {.channel = channel,
                                            .peer_chain_id = FIRST_PEER_ID + CHANNELS - 1 - channel,
                                            .own_chain_id = OWN_ID}});
    for (uint16_t i = 0; i < LINKED_ASSETS; i++) {
        const uint16_t asset = (uint16_t)(FIRST_LINKED + i);
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_ASSET,
                                     .admin_asset = {.asset = asset,
                                                     .withdraw_step_units = 1,
                                                     .deposit_cap_units = HR_VALUE_LIMIT - 1}});
        must_apply(c,
                   (struct hr_op){
                       .kind = HR_OP_KIND_ADMIN_LINK,
                       .admin_link = {.asset = asset, .channel = i / 2, .peer_asset = 1 + i % 2}});
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_ADMIN_ASSET_RISK,
                                     .admin_asset_risk = {.asset = asset,
                                                          .liquidation_weight_ppm = 900000,
                                                          .exchange_discount_ppm = 50000,
                                                          .growth_cap_ppm = HR_PPM,
                                                          .heartbeat_s = 3600,
                                                          .user_cap_units = 1ull << 61}});
        must_apply(c, (struct hr_op){.kind = HR_OP_KIND_SNAPSHOT,
                                     .snapshot = {.asset = asset,
                                                  .time_s = START_S,
                                                  .price_e8 = 100000,
                                                  .rate_e12 = HR_INDEX_ONE}});
    }
}

#endif
