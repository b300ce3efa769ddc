"""From L1's queue to claims on L1, with what goes wrong on the way."""

from dataclasses import dataclass, replace

import pytest
from eth_utils.address import to_canonical_address

from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.engine.sequencer import Sequencer, wall_clock_ms
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.settlement.deployer import (
    ETHER_ASSET,
    ChainParameters,
    Deployment,
    deploy_system,
)
from offchain.settlement.local_chain import ContractRevertedError, LocalChain
from offchain.settlement.service import SettlementService
from offchain.settlement.watcher import PriorityWatcher, WatcherError
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import AssetFlag, EnvelopeKind

CHAIN_ID = 3
ETHER_WEI = 10**18
UNITS_PER_ETHER = 10**8
CAP_UNITS = 5 * UNITS_PER_ETHER


@dataclass
class System:
    l1: LocalChain
    deployment: Deployment
    genesis: GenesisConfig
    journal: Journal
    sequencer: Sequencer
    service: SettlementService

    def enqueue(self, admin_op):
        data = admin_op.to_bytes()
        self.l1.transact(
            "Gateway",
            self.deployment.gateway,
            "enqueue_admin",
            CHAIN_ID,
            data[:32],
            data[32:],
            sender=self.l1.accounts[2],
        )

    def deposit(self, who, ether):
        self.l1.transact(
            "CollateralVault",
            self.deployment.vault,
            "deposit",
            CHAIN_ID,
            ETHER_ASSET,
            ether * ETHER_WEI,
            sender=self.l1.accounts[who],
            value_wei=ether * ETHER_WEI,
        )

    def seal_and_settle(self):
        return self.service.settle(self.sequencer.seal())


def start(l1, deployment, genesis, journal):
    """Sequencer and service as a process starts them, with whatever the journal holds."""
    config_hash = genesis.config_hash()
    domain = SigningDomain(
        l1_chain_id=l1.chain_id,
        gateway=to_canonical_address(deployment.gateway),
        chain_id=CHAIN_ID,
    )
    sequencer = Sequencer(genesis.new_core(), domain, config_hash, journal=journal)
    service = SettlementService(
        l1, deployment, config_hash, l1.private_key(l1.accounts[1]), sequencer
    )
    return System(l1, deployment, genesis, journal, sequencer, service)


@pytest.fixture
def system(tmp_path):
    l1 = LocalChain(account_count=6)
    deployer, operator, governance = l1.accounts[:3]
    genesis = GenesisConfig(
        l1_chain_id=l1.chain_id, chain_id=CHAIN_ID, governance=to_canonical_address(governance)
    )
    parameters = ChainParameters(
        CHAIN_ID, operator, governance, genesis.config_hash(), genesis.new_core().root()
    )
    deployment = deploy_system(l1, deployer, parameters)
    journal = Journal(tmp_path / "journal", genesis.config_hash())
    started = start(l1, deployment, genesis, journal)
    started.enqueue(
        op.AdminAsset(
            asset=ETHER_ASSET,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=CAP_UNITS,
        )
    )
    yield started
    journal.close()


def withdraw(system, who, account, units):
    key = SigningKey(system.l1.private_key(system.l1.accounts[who]))
    now_ms = wall_clock_ms()
    envelope = Envelope(
        kind=EnvelopeKind.USER,
        account=account,
        nonce=now_ms,
        arrival_ms=0,
        payload=op.Withdraw(account=account, asset=ETHER_ASSET, amount=units).to_bytes(),
    )
    return system.sequencer.submit(key.sign(system.sequencer._domain, envelope).to_bytes())


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
    gas = system.service.claim(second, lambda done, total: seen.append((done, total)))
    assert system.l1.balance_wei(owner) - before_wei == 2 * ETHER_WEI - 10**10
    assert gas == sum(system.l1.gas_used["claim"])
    assert second.gas == system.l1.gas_used["settle"][-1]
    assert seen == [(1, 1)]
    assert system.l1.balance_wei(system.deployment.vault) == 10**10
    assert system.sequencer.state.asset(ETHER_ASSET).total_units == 1


def test_refused_deposit_goes_back_to_its_sender(system):
    system.deposit(3, 4)
    system.deposit(4, 2)  # together above the cap
    system.service.feed_priority()
    settled = system.seal_and_settle()
    (refund,) = settled.batch.withdrawals
    assert refund.code == ErrorCode.DEPOSIT_CAP
    sender = system.l1.accounts[4]
    before_wei = system.l1.balance_wei(sender)
    system.service.claim(settled)
    assert system.l1.balance_wei(sender) - before_wei == 2 * ETHER_WEI
    with pytest.raises(ContractRevertedError, match="E44: withdrawal is already claimed"):
        system.service.claim(settled)


def test_settlement_states_what_the_batch_was(system):
    system.deposit(3, 1)
    system.service.feed_priority()
    settled = system.seal_and_settle()
    (event,) = system.l1.events("Gateway", system.deployment.gateway, "Settled")
    assert event["args"]["public_output_hash"] == settled.output.digest()
    assert event["args"]["trust_mode"] == "ATTESTED"
    assert event["args"]["new_root"] == system.sequencer._core.root()
    assert settled.output.inputs_commitment == settled.batch.inputs_commitment
    assert settled.output.receipts_head == system.sequencer.state.header().receipts_head


def test_batches_settle_in_order_and_once(system):
    system.service.feed_priority()
    first, second = system.sequencer.seal(), system.sequencer.seal()
    with pytest.raises(ContractRevertedError, match="E04: gap before the first batch"):
        system.service.settle(second)
    system.service.settle(first)
    with pytest.raises(ContractRevertedError, match="E06: replay of a settled batch"):
        system.service.settle(first)
    assert system.service.unsettled() == [second]
    system.service.settle(second)
    assert system.service.unsettled() == []


def test_skipped_deposit_is_refused_by_l1(system):
    """The engine's accumulator is the queue's: a batch cannot claim another one."""
    system.service.feed_priority()
    batch = system.sequencer.seal()
    system.deposit(3, 1)
    skipping = replace(batch, priority_next=batch.priority_next + 1)
    with pytest.raises(ContractRevertedError, match="E13: priority accumulator differs"):
        system.service.settle(skipping)
    system.service.settle(batch)


def test_restart_settles_what_was_sealed(system):
    system.deposit(3, 2)
    system.service.feed_priority()
    system.seal_and_settle()
    withdraw(system, 3, 32, UNITS_PER_ETHER)
    system.sequencer.seal()  # the process ends before the settlement
    system.deposit(4, 1)
    again = start(system.l1, system.deployment, system.genesis, system.journal)
    (batch,) = again.service.unsettled()
    settled = again.service.settle(batch)
    again.service.claim(settled)
    assert again.service.feed_priority() == 1  # only the deposit that came meanwhile
    again.seal_and_settle()
    assert again.sequencer.state.asset(ETHER_ASSET).total_units == 2 * UNITS_PER_ETHER
    assert again.l1.balance_wei(again.deployment.vault) == 2 * ETHER_WEI


class EditedL1:
    """L1 as a faulty node reports it."""

    def __init__(self, logs):
        self.logs = logs

    def events(self, name, address, event, from_block=0):
        return [log for log in self.logs if log["blockNumber"] >= from_block]


@pytest.fixture
def queue_logs(system):
    system.deposit(3, 1)
    system.deposit(4, 1)
    return system.l1.events("Gateway", system.deployment.gateway, "PriorityQueued")


def test_watcher_reports_a_gap(queue_logs):
    watcher = PriorityWatcher(EditedL1([queue_logs[0], queue_logs[2]]), "", CHAIN_ID)
    with pytest.raises(WatcherError, match="expected record 1, L1 reported 2"):
        watcher.poll()


def test_watcher_reports_an_altered_record(queue_logs):
    altered = {**queue_logs[1], "args": {**queue_logs[1]["args"], "amount_units": 7}}
    watcher = PriorityWatcher(EditedL1([queue_logs[0], altered]), "", CHAIN_ID)
    with pytest.raises(WatcherError, match="accumulator of record 1"):
        watcher.poll()


def test_watcher_passes_over_other_chains(queue_logs):
    assert PriorityWatcher(EditedL1(queue_logs), "", CHAIN_ID + 1).poll() == []
    assert len(PriorityWatcher(EditedL1(queue_logs), "", CHAIN_ID).poll()) == 3
