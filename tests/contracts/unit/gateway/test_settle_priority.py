"""Gateway.settle: the priority range and its deadlines."""

import ape
import pytest

from offchain.settlement.priority import FORCE_EXPIRY_S
from tests.contracts.support import CHAIN_ID, reverts

HASH = b"\x55" * 32


@pytest.fixture
def queued(system, depositor):
    """Three deposits, of which a settlement has consumed the first."""
    system.deposit_ether(depositor)
    system.settle()
    system.deposit_ether(depositor)
    system.deposit_ether(depositor)
    return system


def advance(seconds):
    ape.chain.mine(timestamp=ape.chain.pending_timestamp + seconds)


@pytest.mark.parametrize("priority_next", [1, 2, 3])
def test_any_prefix(queued, gateway, priority_next):
    queued.settle(queued.next_output(priority_next=priority_next))
    assert gateway.chain_state(CHAIN_ID).priority_consumed == priority_next


@pytest.mark.parametrize("priority_first", [0, 2])
def test_skipped_or_repeated(queued, priority_first):
    with reverts("E12"):
        queued.settle(queued.next_output(priority_first=priority_first))


def test_backwards(queued):
    with reverts("E16"):
        queued.settle(queued.next_output(priority_next=0))


def test_beyond_the_queue(queued):
    with reverts("E15"):
        queued.settle(queued.next_output(priority_next=4))


def test_foreign_records(queued, gateway):
    with reverts("E13"):
        queued.settle(queued.next_output(priority_accumulator=HASH))
    # The accumulator of another prefix is foreign too.
    with reverts("E13"):
        queued.settle(
            queued.next_output(
                priority_next=2,
                priority_accumulator=bytes(gateway.accumulator_after(CHAIN_ID, 3)),
            )
        )


def test_expired_deposit_must_be_consumed(queued, depositor):
    advance(FORCE_EXPIRY_S)
    queued.deposit_ether(depositor)
    for priority_next in (1, 2):
        with reverts("E14"):
            queued.settle(queued.next_output(priority_next=priority_next))
    # Records 1 and 2 are expired, record 3 is not.
    queued.settle(queued.next_output(priority_next=3))


def test_deposit_before_its_deadline_may_wait(queued):
    advance(FORCE_EXPIRY_S - 60)
    queued.settle(queued.next_output(priority_next=1))


def test_deadline_to_the_second(queued, gateway):
    output = queued.next_output(priority_next=1)
    expires_at_s = gateway.enqueued_at_s(CHAIN_ID, 1) + FORCE_EXPIRY_S
    snapshot = ape.chain.snapshot()
    ape.chain.pending_timestamp = expires_at_s
    with reverts("E14"):
        queued.settle(output)
    ape.chain.restore(snapshot)
    ape.chain.pending_timestamp = expires_at_s - 1
    queued.settle(output)
    assert ape.chain.blocks.head.timestamp == expires_at_s - 1


def test_expired_admin_operation_counts_as_well(system, gateway, governance):
    gateway.enqueue_admin(CHAIN_ID, HASH, HASH, sender=governance)
    advance(FORCE_EXPIRY_S)
    with reverts("E14"):
        system.settle(system.next_output(priority_next=0))
    system.settle()


def test_consumed_records_never_expire(queued):
    queued.settle()
    advance(2 * FORCE_EXPIRY_S)
    queued.settle()
