"""Gateway: claims, credits, refunds and moved pledges."""

import dataclasses

import pytest

from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.messages import AssetSum, Flow, Pledge, pad_sums
from offchain.settlement.priority import PriorityKind
from offchain.settlement.withdrawals import Withdrawal
from tests.contracts.support import (
    CHAIN_ID,
    ETHER_WEI,
    PEER,
    THIRD,
    UNITS_PER_TOKEN,
    address_bytes,
    contract_argument,
    envelope,
    reverts,
)
from tests.contracts.unit.gateway.test_settle_lists import dispatch, ether, receipt_of

NO_PRIORITY_INDEX = 2**256 - 1


@pytest.fixture
def funded(system, depositor):
    system.fund(depositor, CHAIN_ID, PEER)
    return system


def record_argument(record):
    return contract_argument(tuple(getattr(record, name) for name in record.__slots__))


def deposit_records(system, chain_id=CHAIN_ID):
    return [each for each in system.queued_records(chain_id) if each.kind == PriorityKind.DEPOSIT]


def test_claim(funded, gateway, depositor, stranger):
    withdrawal = Withdrawal(address_bytes(depositor), ETHER_ASSET, 30)
    tree = funded.settle_withdrawals([withdrawal, withdrawal])
    before_wei = depositor.balance
    receipt = funded.claim(tree, 1, sender=stranger)
    assert depositor.balance == before_wei + 30 * ETHER_WEI // UNITS_PER_TOKEN
    assert gateway.is_consumed(CHAIN_ID, tree.batch, 1)
    assert not gateway.is_consumed(CHAIN_ID, tree.batch, 0)
    assert gateway.claimable_units(CHAIN_ID, ETHER_ASSET) == 30
    assert "WithdrawalConsumed" in [log.event_name for log in receipt.events]
    with reverts("N03"):
        funded.claim(tree, 1, sender=stranger)
    with reverts("N04"):
        funded.claim(tree, 0, sender=stranger, amount_units=31)
    with reverts("N02"):
        funded.claim(tree, 0, sender=stranger, index=2)
    with reverts("N01"):
        funded.claim(tree, 0, sender=stranger, batch=99)


def test_withdrawals_root_cannot_promise_more_than_the_flows(funded, gateway, depositor, stranger):
    withdrawal = Withdrawal(address_bytes(depositor), ETHER_ASSET, 30)
    tree = funded.settle_withdrawals([withdrawal])
    lying = type(tree)(CHAIN_ID, tree.batch + 1, [Withdrawal(withdrawal.owner, ETHER_ASSET, 31)])
    funded.settle(funded.settlement(withdrawals_root=lying.root))
    with reverts("N05"):
        funded.claim(lying, 0, sender=stranger)


def test_doors_of_the_vault_and_the_hatch(gateway, stranger):
    with reverts("N20"):
        gateway.enqueue_deposit(CHAIN_ID, stranger, ETHER_ASSET, 1, sender=stranger)
    with reverts("N21"):
        gateway.consume_withdrawal(CHAIN_ID, 1, 0, stranger, ETHER_ASSET, 1, [], sender=stranger)
    with reverts("N22"):
        gateway.consume_credit(CHAIN_ID, stranger, ETHER_ASSET, sender=stranger)
    with reverts("N23"):
        gateway.credit_escape(CHAIN_ID, stranger, ETHER_ASSET, 1, sender=stranger)


def test_escape(funded, gateway, vault, hatch, depositor, stranger):
    with reverts("N12"):
        gateway.credit_escape(CHAIN_ID, depositor, ETHER_ASSET, 30, sender=hatch)
    funded.freeze()
    receipt = gateway.credit_escape(CHAIN_ID, depositor, ETHER_ASSET, 30, sender=hatch)
    assert receipt.events == [
        gateway.CreditAdded(
            chain_id=CHAIN_ID,
            owner=depositor.address,
            asset_id=ETHER_ASSET,
            units=30,
            priority_index=NO_PRIORITY_INDEX,
        )
    ]
    assert ether(gateway, CHAIN_ID) == [UNITS_PER_TOKEN - 30]
    before_wei = depositor.balance
    vault.claim_credit(CHAIN_ID, depositor, ETHER_ASSET, sender=stranger)
    assert depositor.balance == before_wei + 30 * ETHER_WEI // UNITS_PER_TOKEN
    with reverts("N06"):
        vault.claim_credit(CHAIN_ID, depositor, ETHER_ASSET, sender=stranger)
    with reverts("E21"):
        gateway.credit_escape(CHAIN_ID, depositor, ETHER_ASSET, UNITS_PER_TOKEN, sender=hatch)


def test_refund_of_a_deposit(funded, gateway, vault, depositor, second_depositor, stranger):
    funded.deposit_ether(second_depositor)
    consumed, waiting = deposit_records(funded)
    with reverts("N12"):
        gateway.refund_deposit(CHAIN_ID, record_argument(waiting), sender=stranger)
    funded.freeze()
    receipt = gateway.refund_deposit(CHAIN_ID, record_argument(waiting), sender=stranger)
    assert receipt.events == [
        gateway.CreditAdded(
            chain_id=CHAIN_ID,
            owner=second_depositor.address,
            asset_id=ETHER_ASSET,
            units=UNITS_PER_TOKEN,
            priority_index=waiting.index,
        )
    ]
    vault.claim_credit(CHAIN_ID, second_depositor, ETHER_ASSET, sender=second_depositor)
    with reverts("N16"):
        gateway.refund_deposit(CHAIN_ID, record_argument(waiting), sender=stranger)
    with reverts("N14"):
        gateway.refund_deposit(CHAIN_ID, record_argument(consumed), sender=stranger)
    with reverts("N15"):
        richer = dataclasses.replace(waiting, amount_units=2 * UNITS_PER_TOKEN)
        gateway.refund_deposit(CHAIN_ID, record_argument(richer), sender=stranger)
    admin = funded.queued_records()[-1]
    with reverts("N13"):
        gateway.refund_deposit(CHAIN_ID, record_argument(admin), sender=stranger)


def test_refund_of_what_a_broken_chain_has_counted(funded, gateway, second_depositor, stranger):
    """Its own users bear it: the deposit is in its balance already."""
    funded.deposit_ether(second_depositor)
    waiting = deposit_records(funded)[-1]
    flow = Flow(CHAIN_ID, ETHER_ASSET, UNITS_PER_TOKEN, 0)
    funded.settle(funded.settlement(flows=[flow], priority_next=1))
    funded.freeze()
    with reverts("N24"):
        gateway.refund_deposit(CHAIN_ID, record_argument(waiting), sender=stranger)


def test_refund_of_an_envelope(funded, gateway, stranger):
    sent = [envelope(funded, units=40)]
    sent.append(envelope(funded, units=2, index=2, slot=sent[0].slot + 1))
    funded.settle(dispatch(funded, *sent))
    arguments = [contract_argument(each.to_tuple()) for each in sent]
    with reverts("N12"):
        gateway.refund_envelope(arguments[0], sender=stranger)
    funded.freeze(PEER)
    with reverts("E51"):
        gateway.refund_envelope(arguments[1], sender=stranger)
    with reverts("E52"):
        richer = dataclasses.replace(sent[0], sums=pad_sums([AssetSum(ETHER_ASSET, 41)]))
        gateway.refund_envelope(contract_argument(richer.to_tuple()), sender=stranger)
    for number, argument in enumerate(arguments, start=1):
        receipt = gateway.refund_envelope(argument, sender=stranger)
        assert receipt.events[0] == gateway.EnvelopeRefunded(
            from_chain=CHAIN_ID, to_chain=PEER, index=number
        )
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN] * 2
    assert gateway.in_flight_units(ETHER_ASSET) == 0
    notices = [each for each in funded.queued_records() if each.kind == PriorityKind.REFUND]
    assert [each.data0 for each in notices] == [each.digest() for each in sent]
    with reverts("E51"):
        gateway.refund_envelope(arguments[1], sender=stranger)
    # The channel goes on: a frozen receiver's envelopes come back one by one.
    funded.settle(dispatch(funded, envelope(funded, units=1)))


def test_envelope_of_a_frozen_sender_can_be_received(funded, gateway):
    sent = envelope(funded, units=40)
    funded.settle(dispatch(funded, sent))
    funded.freeze(CHAIN_ID)
    funded.settle(receipt_of(funded, sent))
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 40, UNITS_PER_TOKEN + 40]


@pytest.mark.parametrize("frozen", [CHAIN_ID, PEER])
def test_moved_pledges(funded, gateway, stranger, frozen):
    pledge = Pledge(CHAIN_ID, PEER, ETHER_ASSET, pledged_units=50)
    funded.settle(funded.settlement(pledges=[pledge]))
    with reverts("N17"):
        gateway.move_pledges(CHAIN_ID, PEER, ETHER_ASSET, sender=stranger)
    funded.freeze(frozen)
    receipt = gateway.move_pledges(CHAIN_ID, PEER, ETHER_ASSET, sender=stranger)
    moved = gateway.PledgesMoved(chain_id=CHAIN_ID, holder=PEER, asset_id=ETHER_ASSET, units=50)
    assert moved in receipt.events
    assert ether(gateway, CHAIN_ID, PEER) == [UNITS_PER_TOKEN - 50, UNITS_PER_TOKEN + 50]
    assert gateway.pledged_units(CHAIN_ID, PEER, ETHER_ASSET) == 0
    alive = PEER if frozen == CHAIN_ID else CHAIN_ID
    notice = funded.queued_records(alive)[-1]
    assert (notice.kind, notice.amount_units) == (PriorityKind.PLEDGES_MOVED, 50)
    assert int.from_bytes(notice.data0) == frozen
    assert int.from_bytes(notice.data1) == (alive == PEER)
    with reverts("N18"):
        gateway.move_pledges(CHAIN_ID, PEER, ETHER_ASSET, sender=stranger)


@pytest.mark.parametrize(
    "case",
    [
        ("N07", {"position": 0}),
        ("N08", {"position": 1}),
        ("N09", {"position": 2}),
        ("N10", {"position": 3}),
        ("N11", {"position": 4}),
        ("N19", {"position": 5}),
    ],
    ids=lambda case: case[0],
)
def test_neighbours_are_contracts(project, system, owner, hatch, case):
    code, changes = case
    neighbours = [system.vault, system.registry, system.queue, system.hub, system.data, hatch]
    neighbours[changes["position"]] = "0x" + "00" * 20
    with reverts(code):
        project.Gateway.deploy(*neighbours, sender=owner)


def test_constructor(project, system, owner, hatch):
    neighbours = [system.vault, system.registry, system.queue, system.hub, system.data, hatch]
    made = project.Gateway.deploy(*neighbours, sender=owner)
    assert made.vault() == system.vault
    assert made.registry() == system.registry
    assert made.priority_queue() == system.queue
    assert made.oracle_hub() == system.hub
    assert made.data_availability() == system.data
    assert made.escape_hatch() == hatch
    assert not made.is_frozen(THIRD)
