"""Attacks of docs/audit/checklist.md that need several contracts at once."""

import dataclasses

import pytest

from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.messages import EnvelopeFlag, Flow
from offchain.settlement.oracle_feeds import ChainlinkFeed
from offchain.settlement.oracle_hub import FeedSet
from offchain.settlement.priority import PriorityKind
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from tests.contracts.support import (
    CHAIN_ID,
    FORCED_FEE_WEI,
    PEER,
    THIRD,
    UNITS_PER_TOKEN,
    address_bytes,
    entry,
    envelope,
    pass_time,
    reverts,
)

ATTACKED_CHAIN = 40
PRICED_CHAIN = 41
FEED_SET = 41
NO_RECORD_HASH = b"\x99" * 32
LONG_S = 30 * 86_400


def seen(gateway, *chain_ids):
    """All that a settlement could move."""
    return [
        (
            gateway.position(chain_id),
            gateway.balance_units(chain_id, ETHER_ASSET),
            gateway.channel(chain_id, CHAIN_ID + PEER - chain_id),
        )
        for chain_id in chain_ids
    ]


def test_one_missing_proof_moves_nothing(system, gateway, depositor, operator):
    system.fund(depositor, CHAIN_ID, PEER)
    sent = envelope(system, flags=EnvelopeFlag.ATOMIC)
    channels = [
        entry(system, CHAIN_ID, PEER, sent=[sent]),
        entry(system, PEER, CHAIN_ID, received=[sent]),
    ]
    settlement = system.settlement(CHAIN_ID, PEER, channels=channels, sent=[sent])
    before = seen(gateway, CHAIN_ID, PEER)
    for proven in settlement.outputs:
        system.record(proven)
        if proven is not settlement.outputs[-1]:
            with reverts("E05"):
                gateway.settle(*settlement.arguments(), sender=operator)
            assert seen(gateway, CHAIN_ID, PEER) == before
    gateway.settle(*settlement.arguments(), sender=operator)
    assert gateway.balance_units(PEER, ETHER_ASSET) == UNITS_PER_TOKEN + sent.sums[0].units


def test_two_chains_cannot_fund_each_other_out_of_nothing(system):
    there = envelope(system, flags=EnvelopeFlag.ATOMIC)
    back = envelope(system, PEER, CHAIN_ID, flags=EnvelopeFlag.ATOMIC)
    channels = [
        entry(system, CHAIN_ID, PEER, sent=[there], received=[back]),
        entry(system, PEER, CHAIN_ID, sent=[back], received=[there]),
    ]
    settlement = system.settlement(CHAIN_ID, PEER, channels=channels, sent=[there, back])
    with reverts("E21"):
        system.settle(settlement)


def test_an_output_is_of_one_chain(system, gateway, operator):
    settlement = system.settlement()
    system.record(*settlement.outputs)
    other = dataclasses.replace(settlement.outputs[0], chain_id=PEER)
    with reverts("E05"):
        gateway.settle(
            *dataclasses.replace(settlement, outputs=(other,)).arguments(), sender=operator
        )


def test_a_withdrawal_is_of_one_chain(system, depositor, stranger):
    system.fund(depositor, CHAIN_ID, PEER)
    withdrawals = [Withdrawal(address_bytes(depositor), ETHER_ASSET, 30)]
    tree = WithdrawalTree(CHAIN_ID, 2, withdrawals)
    flows = [Flow(chain_id, ETHER_ASSET, 0, 30) for chain_id in (CHAIN_ID, PEER)]
    system.settle(system.settlement(CHAIN_ID, PEER, flows=flows, withdrawals_root=tree.root))
    with reverts("N04"):
        system.claim(tree, 0, sender=stranger, chain_id=PEER)
    system.claim(tree, 0, sender=stranger)


def test_records_are_not_made_up(system, depositor):
    system.deposit_ether(depositor)
    for changes, code in (
        ({"priority_next": 1, "priority_accumulator": bytes(32)}, "E13"),
        ({"priority_next": 1, "priority_accumulator": NO_RECORD_HASH}, "E13"),
        ({"priority_next": 2, "priority_accumulator": NO_RECORD_HASH}, "E29"),
    ):
        with reverts(code):
            system.settle(system.settlement(**changes))


def test_a_deposit_that_comes_in_between_waits(system, gateway, depositor):
    """A settlement says which deposits it has consumed; a later one is not lost or counted."""
    system.deposit_ether(depositor)
    settlement = system.settlement(flows=[Flow(CHAIN_ID, ETHER_ASSET, UNITS_PER_TOKEN, 0)])
    system.deposit_ether(depositor)
    system.settle(settlement)
    assert gateway.unassigned_units(CHAIN_ID, ETHER_ASSET) == UNITS_PER_TOKEN
    assert gateway.balance_units(CHAIN_ID, ETHER_ASSET) == UNITS_PER_TOKEN
    assert gateway.position(CHAIN_ID).priority_consumed == 1


@pytest.fixture
def attacker(system, project, queue, depositor, stranger):
    """The operator of a chain on which a fee was paid."""
    attacker = project.AttackerMock.deploy(sender=stranger)
    system.register(ATTACKED_CHAIN, operator=address_bytes(attacker.address))
    for chain_id in (ATTACKED_CHAIN, CHAIN_ID):
        system.deposit_ether(depositor, chain_id=chain_id)
        account = queue.account_of(chain_id, depositor)
        words = (PriorityKind.CANCEL_ALL, account, 0, 0, bytes(32), bytes(32))
        queue.enqueue_forced(chain_id, *words, sender=depositor, value=FORCED_FEE_WEI)
    return attacker


def test_fees_are_paid_once_to_a_receiver_that_calls_back(queue, attacker, stranger):
    collect = queue.collect_fees.encode_input(attacker)
    attacker.set_callback(queue, collect, sender=stranger)
    attacker.act(queue, collect, sender=stranger)
    assert attacker.callback_count() == 1
    assert not attacker.is_callback_done()
    assert attacker.balance == FORCED_FEE_WEI
    assert queue.balance == FORCED_FEE_WEI  # the other operator's


def test_an_operator_who_takes_no_money_blocks_nothing(system, queue, attacker, stranger):
    attacker.set_refusing(True, sender=stranger)
    with reverts("Q10"):
        attacker.act(queue, queue.collect_fees.encode_input(attacker), sender=stranger)
    system.settle(
        system.settlement(
            ATTACKED_CHAIN, flows=[Flow(ATTACKED_CHAIN, ETHER_ASSET, UNITS_PER_TOKEN, 0)]
        ),
        sender=stranger,
    )


def test_a_failing_oracle_stops_no_settlement(system, project, owner, stranger):
    """A source that reverts has a status, and a chain without snapshots settles all the same."""
    source = project.SourceMock.deploy(sender=owner)  # reverts until it is told to answer
    feeds = FeedSet(60, (ChainlinkFeed(address_bytes(source.address), 8, 3_600, 1, 10**14),))
    system.hub.register_feed_set(FEED_SET, *feeds.arguments(), sender=owner)
    system.register(PRICED_CHAIN, feed_set_id=FEED_SET)
    system.settle(system.settlement(PRICED_CHAIN))
    system.hub.snapshot(FEED_SET, sender=stranger)
    consumed = {
        "oracle_next": 1,
        "oracle_accumulator": bytes(system.hub.accumulator_after(FEED_SET, 1)),
    }
    system.settle(system.settlement(PRICED_CHAIN, **consumed))
    pass_time(LONG_S)
    system.settle(system.settlement(PRICED_CHAIN, oracle_first=1, **consumed))


def test_a_third_chain_is_not_touched(system, gateway, depositor):
    """What two chains exchange, and who of them breaks a rule, is nothing to the third."""
    system.fund(depositor, CHAIN_ID, PEER, THIRD)
    before = gateway.position(THIRD), gateway.balance_units(THIRD, ETHER_ASSET)
    sent = envelope(system, units=UNITS_PER_TOKEN)
    channels = [entry(system, CHAIN_ID, PEER, sent=[sent])]
    system.settle(system.settlement(channels=channels, sent=[sent]))
    system.freeze(PEER)
    assert (gateway.position(THIRD), gateway.balance_units(THIRD, ETHER_ASSET)) == before
    system.settle(system.settlement(THIRD))
