"""What a sealed batch tells settlement."""

import pytest
from eth_hash.auto import keccak

from offchain.core.binding import Core
from offchain.engine.batch import WithdrawalEvent
from offchain.engine.genesis import GenesisConfig
from offchain.spec import constants, op, receipts
from offchain.spec.envelope import decode
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.poseidon2 import digest_to_bytes
from offchain.spec.priority import PriorityRecord
from offchain.spec.tree import Hasher
from tests.engine.scene import (
    ACCOUNTS,
    BASE,
    FUNDS,
    GENESIS,
    OWNERS,
    START_MS,
    funded_scene,
    limit,
    setup_records,
)


def word(value):
    return value.to_bytes(32, "big")


def test_batches_follow_each_other():
    scene = funded_scene()
    genesis_root = Core(GENESIS.config_hash(), GENESIS.governance).root()
    first = scene.sequencer.seal()
    scene.clock.ms += 7_000
    scene.send(0, [limit(0, 1_000, 5)])
    second = scene.sequencer.seal()
    assert (first.number, second.number) == (1, 2)
    assert first.old_root == genesis_root
    assert second.old_root == first.new_root
    assert second.new_root == scene.root()
    assert (first.first_time_s, first.last_time_s) == (0, START_MS // 1000)
    assert (second.first_time_s, second.last_time_s) == (
        START_MS // 1000,
        START_MS // 1000 + 7,
    )
    count = len(setup_records())
    assert (first.priority_first, first.priority_next) == (0, count)
    assert (second.priority_first, second.priority_next) == (count, count)
    assert first.priority_accumulator == second.priority_accumulator
    assert first.event_counts[EventKind.DEPOSITED] == 4
    assert second.event_counts[EventKind.RESTED] == 1


def test_priority_accumulator():
    accumulator = bytes(32)
    for record in setup_records():
        accumulator = keccak(accumulator + record.to_bytes())
    assert funded_scene().sequencer.seal().priority_accumulator == accumulator


def test_inputs_commitment_and_receipts_cover_all_envelopes():
    scene = funded_scene()
    scene.send(0, [limit(0, 1_000, 5)])
    batch = scene.sequencer.seal()
    chain = (0, 0, 0, 0)
    for envelope in batch.envelopes:
        chain = receipts.inputs_after(chain, envelope, Hasher())
    assert batch.inputs_commitment == keccak(
        b"headrace/inputs/v1".ljust(32, b"\x00")
        + GENESIS.config_hash()
        + batch.old_root
        + word(len(batch.envelopes))
        + digest_to_bytes(chain)
    )
    core, head = GENESIS.new_core(), bytes(32)
    for number, envelope in enumerate(batch.envelopes):
        code, events = core.apply_envelope(envelope)
        assert code == ErrorCode.OK
        head = receipts.head_after(
            head,
            receipt_seq=number,
            arrival_ms=decode(envelope).envelope.arrival_ms,
            envelope=envelope,
            events=events.tobytes(),
        )
    assert batch.receipts_head == head
    assert batch.new_root == core.root()


def test_withdrawals_in_order_with_refunds():
    scene = funded_scene()
    scene.send(
        1,
        [op.Withdraw(account=ACCOUNTS[1], asset=asset, amount=asset + 40) for asset in (BASE, 0)],
        slot=0,
    )
    record = PriorityRecord(  # above the cap of 10 x FUNDS
        index=len(setup_records()),
        kind=1,
        sender=int.from_bytes(OWNERS[0].address, "big"),
        account=1,
        asset=BASE,
        amount=9 * FUNDS,
    )
    scene.sequencer.submit_priority(record.to_bytes())
    assert scene.sequencer.seal().withdrawals == (
        WithdrawalEvent(ACCOUNTS[1], OWNERS[1].address, BASE, 41, ErrorCode.OK),
        WithdrawalEvent(ACCOUNTS[1], OWNERS[1].address, 0, 40, ErrorCode.OK),
        WithdrawalEvent(ACCOUNTS[0], OWNERS[0].address, BASE, 9 * FUNDS, ErrorCode.DEPOSIT_CAP),
    )
    assert scene.sequencer.seal().withdrawals == ()


@pytest.mark.parametrize(
    "change", [{"l1_chain_id": 1}, {"chain_id": 6}, {"governance": b"\x0b" * 20}]
)
def test_config_hash_covers_the_deployment(change):
    fields = {"l1_chain_id": 1337, "chain_id": 5, "governance": b"\x0a" * 20}
    assert GenesisConfig(**fields).config_hash() == GENESIS.config_hash()
    assert GenesisConfig(**{**fields, **change}).config_hash() != GENESIS.config_hash()


def test_config_hash_covers_the_constants(monkeypatch):
    before = GENESIS.config_hash()
    monkeypatch.setattr(constants, "MAX_FEE_PPM", constants.MAX_FEE_PPM + 1)
    assert GENESIS.config_hash() != before


def test_config_hash_is_in_the_root():
    other = GenesisConfig(l1_chain_id=1, chain_id=5, governance=GENESIS.governance)
    assert other.new_core().root() != GENESIS.new_core().root()
