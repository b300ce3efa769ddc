"""Gateway.enqueue_deposit and enqueue_admin: the priority queue."""

import ape

from offchain.settlement.deployer import ETHER_ASSET
from offchain.settlement.priority import (
    ACCUMULATOR_START,
    PriorityKind,
    PriorityRecord,
    accumulate_all,
)
from tests.contracts.support import CHAIN_ID, ETHER_WEI, address_bytes, reverts

OPERATION = bytes(range(64))


def test_admin_record(system, gateway, governance):
    gateway.enqueue_admin(CHAIN_ID, OPERATION[:32], OPERATION[32:], sender=governance)
    assert system.queued_records() == [
        PriorityRecord(
            index=0,
            kind=PriorityKind.ADMIN,
            sender=address_bytes(governance),
            account_id=0,
            asset_id=0,
            amount_units=0,
            data0=OPERATION[:32],
            data1=OPERATION[32:],
        )
    ]


def test_accumulator_equals_the_encoder_after_every_record(
    system, gateway, governance, depositor, second_depositor
):
    assert bytes(gateway.accumulator_after(CHAIN_ID, 0)) == ACCUMULATOR_START
    system.deposit_ether(depositor, ETHER_WEI)
    gateway.enqueue_admin(CHAIN_ID, OPERATION[:32], OPERATION[32:], sender=governance)
    system.deposit_quote(second_depositor, 123_456_789)
    system.deposit_ether(depositor, 5 * ETHER_WEI)
    records = system.queued_records()
    assert gateway.queue_length(CHAIN_ID) == len(records) == 4
    for count in range(5):
        assert accumulate_all(records[:count]) == bytes(gateway.accumulator_after(CHAIN_ID, count))
    events = list(gateway.PriorityQueued.range(0, ape.chain.blocks.height + 1))
    assert bytes(events[-1].accumulator) == accumulate_all(records)


def test_times_of_records_in_two_slots(system, gateway, depositor):
    times_s = []
    for _ in range(5):
        system.deposit_ether(depositor)
        times_s.append(ape.chain.blocks.head.timestamp)
        ape.chain.mine(timestamp=ape.chain.pending_timestamp + 100)
    assert [gateway.enqueued_at_s(CHAIN_ID, index) for index in range(5)] == times_s
    assert gateway.enqueued_at_s(CHAIN_ID, 5) == 0


def test_deposit_by_a_stranger(gateway, stranger):
    with reverts("E40"):
        gateway.enqueue_deposit(CHAIN_ID, stranger, ETHER_ASSET, 1, sender=stranger)


def test_admin_by_a_stranger(gateway, stranger, owner, operator):
    for account in (stranger, owner, operator):
        with reverts("E41"):
            gateway.enqueue_admin(CHAIN_ID, OPERATION[:32], OPERATION[32:], sender=account)


def test_admin_of_an_unknown_chain(gateway, governance):
    with reverts("E01"):
        gateway.enqueue_admin(CHAIN_ID + 1, OPERATION[:32], OPERATION[32:], sender=governance)
