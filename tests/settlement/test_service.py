"""From L1's queue to claims on L1, with what goes wrong on the way."""

from dataclasses import replace

import pytest
from eth_utils.address import to_canonical_address

from offchain.engine.batch import BATCH_WITHDRAWALS_MAX
from offchain.engine.journal import Journal
from offchain.engine.sequencer import wall_clock_ms
from offchain.settlement.abi import keccak256
from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.priority import FORCE_EXPIRY_S, PriorityKind, PriorityRecord
from offchain.settlement.service import ClaimReport, SettlementError, SettlementService
from offchain.settlement.withdrawals import PATH_DEPTH_MAX
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from tests.settlement.scene import (
    CHAIN_ID,
    ETHER_WEI,
    UNITS_PER_ETHER,
    domain_of,
    start,
    withdraw,
)

DAY_S = 86_400


def test_deposit_to_claim(system):
    system.deposit(3, 2)
    assert system.service.feed_priority() == 2
    assert system.service.feed_priority() == 0
    first = system.seal_and_settle()
    assert first.tree.withdrawals == ()
    withdraw(system, 3, 32, 2 * UNITS_PER_ETHER - 1)
    second = system.seal_and_settle()
    owner = system.l1.accounts[3]
    before_wei = system.l1.balance_wei(owner)
    seen = []
    report = system.service.claim(second, lambda done, total: seen.append((done, total)))
    assert system.l1.balance_wei(owner) - before_wei == 2 * ETHER_WEI - 10**10
    assert report == ClaimReport(paid=1, already_paid=0, failed={})
    assert seen == [(1, 1)]
    assert system.l1.balance_wei(system.deployment.vault) == 10**10
    assert system.sequencer.state.asset(ETHER_ASSET).total_units == 1


def test_refused_deposit_goes_back_to_its_sender(system):
    system.deposit(3, 4)
    system.deposit(4, 2)  # together above the cap
    system.service.feed_priority()
    settled = system.seal_and_settle()
    (refund,) = settled.batches[0].withdrawals
    assert refund.code == ErrorCode.DEPOSIT_CAP
    sender = system.l1.accounts[4]
    before_wei = system.l1.balance_wei(sender)
    system.service.claim(settled)
    assert system.l1.balance_wei(sender) - before_wei == 2 * ETHER_WEI
    assert system.service.claim(settled) == ClaimReport(paid=0, already_paid=1, failed={})
    assert system.l1.balance_wei(sender) - before_wei == 2 * ETHER_WEI


def test_settlement_states_what_the_batch_was(system):
    system.deposit(3, 1)
    system.service.feed_priority()
    settled = system.seal_and_settle()
    (event,) = system.l1.events("Gateway", system.deployment.gateway, "Settled")
    assert event["args"]["public_output_hash"] == settled.output.digest()
    assert event["args"]["new_root"] == system.sequencer._core.root()
    assert settled.output.inputs_commitment == settled.batches[0].inputs_commitment
    assert settled.output.receipts_head == system.sequencer.state.header().receipts_head


def test_batches_settle_in_order_and_once(system):
    system.service.feed_priority()
    first, second = system.sequencer.seal(), system.sequencer.seal()
    with pytest.raises(ContractRevertedError, match="E04: gap before the first batch"):
        system.service.settle([second])
    system.service.settle([first])
    with pytest.raises(ContractRevertedError, match="E06: replay of a settled batch"):
        system.service.settle([first])
    assert system.service.unsettled() == [second]
    system.service.settle([second])
    assert system.service.unsettled() == []


def test_skipped_deposit_is_refused_by_l1(system):
    """The engine's accumulator is the queue's: a batch cannot claim another one."""
    system.service.feed_priority()
    batch = system.sequencer.seal()
    system.deposit(3, 1)
    skipping = replace(batch, priority_next=batch.priority_next + 1)
    with pytest.raises(ContractRevertedError, match="E13: priority hash differs"):
        system.service.settle([skipping])
    system.service.settle([batch])


def test_restart_settles_what_was_sealed(system):
    system.deposit(3, 2)
    system.service.feed_priority()
    system.seal_and_settle()
    withdraw(system, 3, 32, UNITS_PER_ETHER)
    system.sequencer.seal()  # the process ends before the settlement
    system.deposit(4, 1)
    again = system.restarted()
    (batch,) = again.service.unsettled()
    settled = again.service.settle([batch])
    again.service.claim(settled)
    assert again.service.feed_priority() == 1  # only the deposit that came meanwhile
    again.seal_and_settle()
    assert again.sequencer.state.asset(ETHER_ASSET).total_units == 2 * UNITS_PER_ETHER
    assert again.l1.balance_wei(again.deployment.vault) == 2 * ETHER_WEI


# --- ranges ------------------------------------------------------------------------------


def test_backlog_settles_at_once(system):
    """Batch 1 alone leaves out the record that expired meanwhile; only batch 2 consumed it."""
    system.deposit(3, 2)
    system.service.feed_priority()
    withdraw(system, 3, 32, UNITS_PER_ETHER)
    system.deposit(4, 1)
    system.l1.advance_time(FORCE_EXPIRY_S - DAY_S)
    first = system.sequencer.seal()
    system.l1.advance_time(DAY_S)
    system.service.feed_priority()
    withdraw(system, 4, 64, UNITS_PER_ETHER)
    second = system.sequencer.seal()
    with pytest.raises(ContractRevertedError, match="E14: overdue operation left out"):
        system.service.settle([first])
    settlement = system.service.settle(system.service.unsettled())
    output = settlement.output
    assert settlement.batches == (first, second)
    assert (output.first_batch, output.last_batch, settlement.tree.batch) == (1, 2, 2)
    assert (output.old_root, output.new_root) == (first.old_root, second.new_root)
    assert (output.first_time_s, output.last_time_s) == (first.first_time_s, second.last_time_s)
    assert (output.priority_first, output.priority_next) == (0, second.priority_next)
    commitments = first.inputs_commitment + second.inputs_commitment
    tag = b"headrace/range/v1".ljust(32, b"\x00")
    assert output.inputs_commitment == keccak256(tag + commitments)
    assert [each.owner for each in settlement.tree.withdrawals] == [
        to_canonical_address(system.l1.accounts[who]) for who in (3, 4)
    ]
    assert system.service.claim(settlement).paid == 2
    assert system.l1.balance_wei(system.deployment.vault) == ETHER_WEI
    assert system.service.settled_root() == system.sequencer.open_batch_root


def test_range_has_no_gap(system):
    first, _, third = (system.sequencer.seal() for _ in range(3))
    with pytest.raises(ValueError, match="no batch"):
        system.service.settle([])
    with pytest.raises(ValueError, match=r"\[1, 3\] do not follow each other"):
        system.service.settle([first, third])


def test_batch_fits_the_tree():
    assert BATCH_WITHDRAWALS_MAX == 1 << PATH_DEPTH_MAX


# --- claims ------------------------------------------------------------------------------


@pytest.fixture
def three_withdrawals(system):
    for who in (3, 4, 5):
        system.deposit(who, 1)
    system.service.feed_priority()
    for number, who in enumerate((3, 4, 5), start=1):
        withdraw(system, who, 32 * number, UNITS_PER_ETHER)
    return system.seal_and_settle()


def test_claimed_by_its_owner(system, three_withdrawals):
    arguments = system.claim_arguments(three_withdrawals, 1)
    vault = system.deployment.vault
    system.l1.transact("CollateralVault", vault, "claim", *arguments, sender=system.l1.accounts[4])
    report = system.service.claim(three_withdrawals)
    assert report == ClaimReport(paid=2, already_paid=1, failed={})
    assert all(system.service.is_paid(three_withdrawals, index) for index in range(3))
    assert system.l1.balance_wei(vault) == 0


def test_failed_claim_holds_up_no_other(system, three_withdrawals, monkeypatch):
    transact = system.l1.transact

    def refuse_second(name, address, function, *args, **options):
        if function == "claim" and args[2] == 1:
            raise ContractRevertedError("the receiver refuses ether")
        return transact(name, address, function, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(system.l1, "transact", refuse_second)
        report = system.service.claim(three_withdrawals)
    assert report == ClaimReport(paid=2, already_paid=0, failed={1: "the receiver refuses ether"})
    assert system.service.claim(three_withdrawals) == ClaimReport(1, 2, {})


def test_claims_after_a_restart(system, three_withdrawals):
    system.sequencer.seal()
    last = system.service.settle([system.sequencer.sealed[-1]])
    again = system.restarted()
    assert [each.output for each in again.service.settlements()] == [
        three_withdrawals.output,
        last.output,
    ]
    first, _ = again.service.settlements()
    assert again.service.claim(first).paid == 3
    assert again.l1.balance_wei(again.deployment.vault) == 0


def test_settlement_of_another_output_is_reported(system, three_withdrawals):
    (batch,) = three_withdrawals.batches
    system.sequencer.sealed[0] = replace(batch, receipts_head=bytes(32))
    with pytest.raises(SettlementError, match="another output up to batch 1"):
        system.service.settlements()


# --- start -------------------------------------------------------------------------------


def restart_with(system, tmp_path, envelopes):
    domain = domain_of(system.l1, system.deployment)
    journal_hash = domain.deployment_hash(system.genesis.config_hash())
    with Journal(tmp_path / "edited", journal_hash) as journal:
        for envelope in envelopes:
            journal.append(envelope)
        start(system.l1, system.deployment, system.genesis, journal)


def test_start_with_a_lost_journal(system, tmp_path):
    system.service.feed_priority()
    system.seal_and_settle()
    with pytest.raises(SettlementError, match="settled batch 1, but the journal holds only 0"):
        restart_with(system, tmp_path, [])


def test_start_with_another_history(system, tmp_path):
    batch = system.sequencer.seal()
    system.service.feed_priority()
    system.service.settle([batch])
    later = replace(Envelope.from_bytes(batch.envelopes[-1]), arrival_ms=wall_clock_ms() + 60_000)
    with pytest.raises(SettlementError, match="another state root after batch 1"):
        restart_with(system, tmp_path, [*batch.envelopes[:-1], later.to_bytes()])


def test_start_with_a_foreign_record(system, tmp_path):
    system.sequencer.submit_priority(
        PriorityRecord(0, PriorityKind.ADMIN, bytes(20), 0, 0, 0).to_bytes()
    )
    with pytest.raises(SettlementError, match="the 1 L1 records that the journal consumed"):
        restart_with(system, tmp_path, system.journal.entries())


def test_start_with_another_config(system):
    other = replace(system.genesis, chain_id=CHAIN_ID + 1)
    with pytest.raises(SettlementError, match="another config hash"):
        SettlementService(
            system.l1, system.deployment, other, system.service._facts, system.sequencer
        )
