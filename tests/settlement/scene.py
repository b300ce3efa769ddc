"""One chain with its contracts on an embedded L1, as the operator's process starts it."""

import itertools
from contextlib import contextmanager
from dataclasses import dataclass

from eth_utils.address import to_canonical_address, to_checksum_address

from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.engine.sequencer import Sequencer
from offchain.engine.signing import SigningDomain, SigningKey
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import (
    ATTESTED_FACTS,
    ETHER_ASSET,
    NO_FEED_SET,
    ChainParameters,
    deploy_devnet,
)
from offchain.settlement.fact_source import AttestedFacts
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.service import SettlementService
from offchain.spec import op
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import AssetFlag, EnvelopeKind
from offchain.witness.format import DaMode

CHAIN_ID = 3
ETHER_WEI = 10**18
UNITS_PER_ETHER = 10**8
CAP_UNITS = 5 * UNITS_PER_ETHER
_NONCES = itertools.count()


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
            "PriorityQueue",
            self.deployment.queue,
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
        return self.service.settle([self.sequencer.seal()])

    def claim_arguments(self, settlement, index):
        tree = settlement.tree
        withdrawal = tree.withdrawals[index]
        owner = to_checksum_address(withdrawal.owner)
        leaf = (owner, withdrawal.asset_id, withdrawal.amount_units)
        return (tree.chain_id, tree.batch, index, *leaf, tree.path(index))

    def restarted(self):
        return start(self.l1, self.deployment, self.genesis, self.journal)


def attested_by(l1, deployment, operator):
    return AttestedFacts(l1, deployment.contracts[ATTESTED_FACTS], l1.private_key(operator))


def domain_of(l1, deployment):
    return SigningDomain(
        l1_chain_id=l1.chain_id,
        gateway=to_canonical_address(deployment.gateway),
        chain_id=CHAIN_ID,
    )


@contextmanager
def deployed_system(
    folder,
    da_mode=DaMode.VALIDIUM,
    feed_set_id=NO_FEED_SET,
    account_count=6,
    program=None,
    facts_of=None,
):
    """Deploy a chain whose journal is in `folder`, and queue the op that opens deposits.

    With a program, `facts_of` of L1, deployment and genesis gives what proves its batches.
    """
    l1 = LocalChain(account_count=account_count)
    _, operator, governance = l1.accounts[:3]
    genesis = GenesisConfig(
        l1_chain_id=l1.chain_id, chain_id=CHAIN_ID, governance=to_canonical_address(governance)
    )
    config_hash, root = genesis.config_hash(), genesis.new_core().root()
    parameters = ChainParameters(
        *(CHAIN_ID, operator, governance, config_hash, root, program),
        da_mode=da_mode,
        feed_set_id=feed_set_id,
    )
    deployment = deploy_devnet(l1, parameters)
    domain = domain_of(l1, deployment)
    with Journal(folder / "journal", domain.deployment_hash(config_hash)) as journal:
        facts = facts_of(l1, deployment, genesis) if facts_of else None
        started = start(l1, deployment, genesis, journal, facts)
        started.enqueue(
            op.AdminAsset(
                asset=ETHER_ASSET,
                flags=AssetFlag.DEPOSITS_OPEN,
                withdraw_step_units=1,
                deposit_cap_units=CAP_UNITS,
            )
        )
        yield started


def start(l1, deployment, genesis, journal, facts=None):
    """Sequencer and service as a process starts them, with whatever the journal holds."""
    domain = domain_of(l1, deployment)
    # L1's clock, which tests move.
    sequencer = Sequencer(
        genesis.new_core(),
        domain,
        genesis.config_hash(),
        journal=journal,
        clock_ms=lambda: 1_000 * l1.now_s,
    )
    facts = facts or attested_by(l1, deployment, l1.accounts[1])
    service = SettlementService(l1, deployment, genesis, facts, sequencer)
    return System(l1, deployment, genesis, journal, sequencer, service)


def withdraw(system, who, account, units):
    key = SigningKey(system.l1.private_key(system.l1.accounts[who]))
    now_ms = 1_000 * system.l1.now_s + next(_NONCES)
    envelope = Envelope(
        kind=EnvelopeKind.USER,
        account=account,
        nonce=now_ms,
        arrival_ms=0,
        payload=op.Withdraw(account=account, asset=ETHER_ASSET, amount=units).to_bytes(),
    )
    return system.sequencer.submit(key.sign(system.sequencer._domain, envelope).to_bytes())
