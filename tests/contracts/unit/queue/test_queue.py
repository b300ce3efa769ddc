"""PriorityQueue: records, accounts, forced operations, caps and fees."""

import ape
import pytest

from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.priority import FORCED_KINDS, PriorityKind, accumulate_all
from tests.contracts.support import (
    CHAIN_ID,
    FORCED_FEE_WEI,
    OPERATIONS_PER_BLOCK,
    PEER,
    UNITS_PER_TOKEN,
    address_bytes,
    reverts,
)

SUB_ACCOUNT = (3).to_bytes(32, "big")
MARKET = (5).to_bytes(32, "big")


@pytest.fixture
def account(system, queue, depositor):
    """Master account number of a depositor."""
    system.deposit_ether(depositor)
    return queue.account_of(CHAIN_ID, depositor)


def force(queue, kind, account, sender, **changes):
    arguments = {
        "chain_id": CHAIN_ID,
        "kind": kind,
        "account_id": account,
        "asset_id": ETHER_ASSET,
        "amount_units": 70,
        "data0": SUB_ACCOUNT,
        "data1": MARKET,
    } | changes
    value = arguments.pop("value", FORCED_FEE_WEI)
    return queue.enqueue_forced(*arguments.values(), sender=sender, value=value)


def test_deposit_record(system, queue, depositor, second_depositor):
    for who in (depositor, second_depositor, depositor):
        system.deposit_ether(who)
    records = system.queued_records()
    assert [each.account_id for each in records] == [1, 2, 1]
    assert [each.amount_units for each in records] == [UNITS_PER_TOKEN] * 3
    assert {each.kind for each in records} == {PriorityKind.DEPOSIT}
    assert queue.queue_length(CHAIN_ID) == 3
    assert queue.account_count(CHAIN_ID) == 2
    assert bytes(queue.accumulator_after(CHAIN_ID, 3)) == accumulate_all(records)
    assert queue.enqueued_at_s(CHAIN_ID, 2) == ape.chain.blocks.head.timestamp
    assert queue.enqueued_at_s(CHAIN_ID, 3) == 0


def test_doors_of_the_gateway(queue, stranger):
    with reverts("Q03"):
        queue.enqueue_deposit(CHAIN_ID, stranger, ETHER_ASSET, 1, sender=stranger)
    record = (0, 8, stranger, 0, 0, 0, b"", b"")
    with reverts("Q04"):
        queue.enqueue_notice(CHAIN_ID, record, sender=stranger)


def test_door_of_the_registry(queue, stranger):
    with reverts("Q13"):
        queue.forget_limit(CHAIN_ID, sender=stranger)


def test_admin(system, queue, governance, stranger):
    with reverts("Q05"):
        queue.enqueue_admin(CHAIN_ID, b"", b"", sender=stranger)
    queue.enqueue_admin(CHAIN_ID, SUB_ACCOUNT, MARKET, sender=governance)
    (record,) = system.queued_records()
    assert (record.kind, record.data0, record.data1) == (PriorityKind.ADMIN, SUB_ACCOUNT, MARKET)
    assert record.sender == address_bytes(governance)


@pytest.mark.parametrize("kind", sorted(FORCED_KINDS))
def test_forced(system, queue, depositor, operator, account, kind):
    force(queue, kind, account, depositor)
    record = system.queued_records()[-1]
    assert record.kind == kind
    assert (record.account_id, record.asset_id, record.amount_units) == (account, ETHER_ASSET, 70)
    assert (record.data0, record.data1) == (SUB_ACCOUNT, MARKET)
    assert queue.fees_wei(operator) == FORCED_FEE_WEI


def test_forced_by_whom_and_for_what(queue, depositor, stranger, account):
    for kind in (PriorityKind.ADMIN, PriorityKind.REFUND):
        with reverts("Q06"):
            force(queue, kind, account, depositor)
    with reverts("Q07"):
        force(queue, PriorityKind.FORCED_WITHDRAW, account, stranger)
    with reverts("Q07"):
        force(queue, PriorityKind.FORCED_WITHDRAW, 0, stranger)
    force(queue, PriorityKind.SWEEP, account, stranger)
    for value in (0, FORCED_FEE_WEI + 1):
        with reverts("Q08"):
            force(queue, PriorityKind.CANCEL_ALL, account, depositor, value=value)


def test_fees(queue, project, depositor, operator, stranger, account):
    with reverts("Q09"):
        queue.collect_fees(operator, sender=operator)
    force(queue, PriorityKind.UNLINK, account, depositor)
    refusing = project.ReceiverMock.deploy(sender=stranger)
    refusing.set_refusing(True, sender=stranger)
    with reverts("Q10"):
        queue.collect_fees(refusing, sender=operator)
    before_wei = stranger.balance
    queue.collect_fees(stranger, sender=operator)
    assert stranger.balance == before_wei + FORCED_FEE_WEI
    with reverts("Q09"):
        queue.collect_fees(operator, sender=operator)


def test_frozen(system, queue, depositor, governance, account):
    system.freeze()
    with reverts("E01"):
        system.deposit_ether(depositor)
    with reverts("E01"):
        force(queue, PriorityKind.FORCED_WITHDRAW, account, depositor)
    with reverts("E01"):
        queue.enqueue_admin(CHAIN_ID, b"", b"", sender=governance)


def test_constructor(project, system, owner, stranger):
    with reverts("Q01"):
        project.PriorityQueue.deploy(stranger, stranger, sender=owner)
    with reverts("Q02"):
        project.PriorityQueue.deploy(system.registry, "0x" + "00" * 20, sender=owner)
    made = project.PriorityQueue.deploy(system.registry, stranger, sender=owner)
    assert made.gateway() == stranger


def test_records_as_they_are(system, queue, depositor, account):
    (record,) = system.queued_records()
    argument = [0, 1, depositor, account, ETHER_ASSET, UNITS_PER_TOKEN, b"", b""]
    assert queue.is_record(CHAIN_ID, argument)
    assert not queue.is_record(PEER, argument)
    for position in (0, 1, 3, 4, 5):
        other = [*argument[:position], argument[position] + 1, *argument[position + 1 :]]
        assert not queue.is_record(CHAIN_ID, other)
    assert record.index == 0


def test_room_in_a_block(project, system, owner, stranger):
    """A caller that queues many operations in one transaction stands for a whole block."""
    filler = project.BlockFillerMock.deploy(system.queue, system.vault, sender=owner)
    stranger.transfer(filler, 10**18)
    half = OPERATIONS_PER_BLOCK // 2
    filler.deposit(CHAIN_ID, half, sender=owner)
    with reverts("Q12"):
        filler.deposit(CHAIN_ID, half + 1, sender=owner)
    filler.sweep(CHAIN_ID, OPERATIONS_PER_BLOCK, FORCED_FEE_WEI, sender=owner)
    with reverts("Q11"):
        filler.sweep(CHAIN_ID, OPERATIONS_PER_BLOCK + 1, FORCED_FEE_WEI, sender=owner)
