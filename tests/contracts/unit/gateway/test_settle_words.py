"""Gateway.settle: the words of a public output."""

import dataclasses

import ape
import pytest

from offchain.settlement.messages import Position, data_commitment
from offchain.settlement.oracle_feeds import ChainlinkFeed
from offchain.settlement.oracle_hub import FeedSet
from tests.contracts.support import (
    CHAIN_ID,
    FORCE_EXPIRY_S,
    GENESIS_ROOT,
    PEER,
    address_bytes,
    pass_time,
    reverts,
)

HASH = b"\x77" * 32
TOO_MUCH = 2**64
TOLERANCE_S = 15 * 60
ORACLE_DELAY_S = 3_600
FEED_SET = 3


def test_advances(system, gateway, depositor):
    system.deposit_ether(depositor)
    output = system.next_output(last_batch=3, withdrawals_root=HASH, valuation_hash=HASH)
    receipt = system.settle(with_output(system.settlement(), output))
    assert Position.from_tuple(tuple(gateway.position(CHAIN_ID))) == Position(
        output.new_root, 3, output.last_time_s, output.last_slot, 1, 0, HASH
    )
    assert bytes(gateway.withdrawals_root(CHAIN_ID, 3)) == HASH
    assert receipt.events == [
        gateway.Settled(
            chain_id=CHAIN_ID,
            last_batch=3,
            first_batch=1,
            old_root=GENESIS_ROOT,
            new_root=output.new_root,
            withdrawals_root=HASH,
            priority_next=1,
            valuation_hash=HASH,
            da_commitment=bytes(32),
            public_output_hash=output.digest(),
        )
    ]


def test_three_in_a_row_by_anyone(system, gateway, stranger):
    for _ in range(3):
        system.settle(sender=stranger)
    assert gateway.position(CHAIN_ID).last_batch == 3


def test_eight_chains_or_none(system, gateway):
    chains = range(20, 28)
    for chain_id in chains:
        system.register(chain_id)
    good = system.settlement(*chains)
    bad = dataclasses.replace(good.outputs[-1], old_root=HASH)
    with reverts("E03"):
        system.settle(dataclasses.replace(good, outputs=(*good.outputs[:-1], bad)))
    assert [gateway.position(chain_id).last_batch for chain_id in chains] == [0] * 8
    system.settle(good)
    assert [gateway.position(chain_id).last_batch for chain_id in chains] == [1] * 8


def test_equal_times_and_slots(system, gateway):
    system.settle()
    position = gateway.position(CHAIN_ID)
    system.settle(
        system.settlement(
            first_time_s=position.last_time_s,
            last_time_s=position.last_time_s,
            first_slot=position.last_slot,
            last_slot=position.last_slot,
        )
    )


def with_output(settlement, output):
    return dataclasses.replace(settlement, outputs=(output,))


@pytest.mark.parametrize(
    "case",
    [
        ("E30", {"domain": HASH}),
        ("E31", {"l1_chain_id": 1}),
        ("E32", {"gateway": b"\x01" * 20}),
        ("E07", {"config_hash": HASH}),
        ("E04", {"first_batch": 3, "last_batch": 3}),
        ("E33", {"last_batch": 1}),
        ("E33", {"last_batch": TOO_MUCH}),
        ("E03", {"old_root": HASH}),
        ("E27", {"new_root": bytes(32)}),
        ("E08", {"first_time_s": 1}),
        ("E09", {"last_time_s": 1}),
        ("E22", {"first_slot": 1}),
        ("E22", {"last_slot": 1}),
        ("E22", {"last_slot": TOO_MUCH}),
        ("E12", {"priority_first": 1}),
        ("E29", {"priority_next": 1, "priority_accumulator": bytes(32)}),
        ("E13", {"priority_accumulator": HASH}),
        ("E34", {"oracle_first": 1}),
        ("E36", {"oracle_next": 1}),
        ("E36", {"oracle_accumulator": HASH}),
        ("E25", {"da_mode": 1}),
    ],
    ids=lambda case: f"{case[0]}-{'-'.join(case[1])}",
)
def test_wrong_word(system, case):
    code, changes = case
    system.settle()
    output = dataclasses.replace(system.next_output(), **changes)
    with reverts(code):
        system.settle(with_output(system.settlement(), output))


def test_replay(system):
    settlement = system.settlement()
    system.settle(settlement)
    with reverts("E06"):
        system.settle(settlement)


def test_time_ahead(system):
    system.settle()
    now_s = ape.chain.blocks.head.timestamp
    with reverts("E10"):
        system.settle(system.settlement(last_time_s=now_s + TOLERANCE_S + 60))
    system.settle(system.settlement(last_time_s=now_s + TOLERANCE_S))


def test_too_old(system):
    settlement = system.settlement()
    system.record(*settlement.outputs)
    pass_time(FORCE_EXPIRY_S + 1)
    with reverts("E11"):
        system.settle(settlement)
    # The same batches with a fresh one behind them are welcome.
    system.settle(system.settlement(first_time_s=settlement.outputs[0].first_time_s))


def test_priority_range_backwards(system, depositor):
    system.deposit_ether(depositor)
    system.settle()
    with reverts("E29"):
        system.settle(system.settlement(priority_next=0))


def test_expired_operation_left_out(system, depositor):
    system.deposit_ether(depositor)
    pass_time(FORCE_EXPIRY_S)
    with reverts("E14"):
        system.settle(system.settlement(priority_next=0))
    system.settle()


def test_not_proven(system, gateway, stranger):
    with reverts("E05"):
        gateway.settle(*system.settlement().arguments(), sender=stranger)


@pytest.mark.parametrize("chains", [(PEER, CHAIN_ID), (CHAIN_ID, CHAIN_ID)])
def test_chains_do_not_ascend(system, chains):
    with reverts("E02"):
        system.settle(system.settlement(*chains))


def test_nothing_to_settle(gateway, stranger):
    with reverts("E28"):
        gateway.settle([], [], [], [], [], [], sender=stranger)


def test_frozen(system):
    settlement = system.settlement()
    system.freeze()
    with reverts("E01"):
        system.settle(settlement)


def test_unregistered(system):
    with reverts("C27"):
        system.settle(
            with_output(system.settlement(), dataclasses.replace(system.next_output(), chain_id=99))
        )


@pytest.fixture
def rollup(system):
    """A chain that has to publish its data."""
    system.register(30, da_mode=1)
    return 30


def test_rollup_settles_what_is_public(system, rollup, stranger):
    chunks = [b"first", b"second"]
    commitment = bytes(32)
    for number, chunk in enumerate(chunks, start=1):
        settlement = system.settlement(rollup, da_mode=1, da_commitment=data_commitment(chunks))
        with reverts("E26"):
            system.settle(settlement)
        receipt = system.data.publish_chunk(rollup, commitment, chunk, sender=stranger)
        previous, commitment = commitment, data_commitment(chunks[:number])
        assert receipt.events == [
            system.data.ChunkPublished(
                chain_id=rollup, commitment=commitment, previous=previous, data=chunk
            )
        ]
    system.settle(settlement)


def test_publish(system, stranger):
    with reverts("D01"):
        system.data.publish_chunk(CHAIN_ID, bytes(32), b"", sender=stranger)
    with reverts("D02"):
        system.data.publish_chunk(CHAIN_ID, HASH, b"chunk", sender=stranger)


@pytest.fixture
def priced(system, project, owner, stranger):
    """A chain with a feed set, which has two snapshots."""
    feed = project.AggregatorMock.deploy(8, 10**8, sender=owner)
    registered = FeedSet(60, (ChainlinkFeed(address_bytes(feed), 8, 3_600, 1, 10**14),))
    system.hub.register_feed_set(FEED_SET, *registered.arguments(), sender=owner)
    system.register(31, feed_set_id=FEED_SET)
    for _ in range(2):
        pass_time(60)
        system.hub.snapshot(FEED_SET, sender=stranger)
    return 31


def priced_settlement(system, chain_id, count, **changes):
    accumulator = bytes(system.hub.accumulator_after(FEED_SET, count))
    words = {"oracle_next": count, "oracle_accumulator": accumulator}
    return system.settlement(chain_id, **(words | changes))


def test_snapshots_are_consumed_in_order(system, priced):
    system.settle(priced_settlement(system, priced, 1))
    assert system.gateway.position(priced).oracle_consumed == 1
    with reverts("E34"):
        system.settle(priced_settlement(system, priced, 2))
    with reverts("E35"):
        system.settle(priced_settlement(system, priced, 0, oracle_first=1))
    with reverts("E15"):
        system.settle(priced_settlement(system, priced, 2, oracle_first=1, oracle_accumulator=HASH))
    with reverts("E37"):
        system.settle(priced_settlement(system, priced, 2, oracle_first=1, oracle_next=3))
    pass_time(ORACLE_DELAY_S)
    with reverts("E38"):
        system.settle(priced_settlement(system, priced, 1, oracle_first=1))
    system.settle(priced_settlement(system, priced, 2, oracle_first=1))
