"""ChainRegistry: freezes for broken duties."""

import ape

from tests.contracts.support import (
    ANY_TIME_S,
    CHAIN_ID,
    FORCE_EXPIRY_S,
    PEER,
    contract_argument,
    envelope,
    pass_time,
    reverts,
)
from tests.contracts.unit.gateway.test_settle_lists import dispatch, receipt_of


def test_overdue_record(system, registry, gateway, depositor, stranger):
    with reverts("C28"):
        registry.freeze_overdue(CHAIN_ID, sender=stranger)
    system.deposit_ether(depositor)
    enqueued_s = ape.chain.blocks.head.timestamp
    ape.chain.pending_timestamp = enqueued_s + FORCE_EXPIRY_S - 1
    with reverts("C28"):
        registry.freeze_overdue(CHAIN_ID, sender=stranger)
    ape.chain.pending_timestamp = enqueued_s + FORCE_EXPIRY_S
    receipt = registry.freeze_overdue(CHAIN_ID, sender=stranger)
    assert receipt.events == [registry.ChainFrozen(chain_id=CHAIN_ID, cause=1)]
    assert gateway.is_frozen(CHAIN_ID)
    with reverts("E01"):
        registry.freeze_overdue(CHAIN_ID, sender=stranger)
    with reverts("E01"):
        system.deposit_ether(depositor)


def test_consumed_in_time(system, registry, depositor, stranger):
    system.deposit_ether(depositor)
    system.settle()
    pass_time(FORCE_EXPIRY_S)
    with reverts("C28"):
        registry.freeze_overdue(CHAIN_ID, sender=stranger)


def test_overdue_envelope(system, registry, depositor, stranger):
    system.fund(depositor, CHAIN_ID)
    sent = envelope(system)
    argument = contract_argument(sent.to_tuple())
    with reverts("C29"):
        registry.freeze_undelivered(argument, sender=stranger)
    system.settle(dispatch(system, sent))
    pass_time(ANY_TIME_S)
    with reverts("C04"):
        registry.freeze_undelivered(argument, sender=stranger)
    pass_time(FORCE_EXPIRY_S)
    receipt = registry.freeze_undelivered(argument, sender=stranger)
    assert receipt.events == [registry.ChainFrozen(chain_id=PEER, cause=2)]


def test_received_envelope_is_no_cause(system, registry, depositor, stranger):
    system.fund(depositor, CHAIN_ID)
    sent = envelope(system)
    system.settle(dispatch(system, sent))
    system.settle(receipt_of(system, sent))
    pass_time(ANY_TIME_S + FORCE_EXPIRY_S)
    with reverts("C29"):
        registry.freeze_undelivered(contract_argument(sent.to_tuple()), sender=stranger)
