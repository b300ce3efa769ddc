"""A deployed chain for the tests of settlement."""

import pytest
from eth_utils.address import to_canonical_address

from offchain.engine.genesis import GenesisConfig
from offchain.engine.journal import Journal
from offchain.settlement.devnet import ETHER_ASSET, ChainParameters, deploy_devnet
from offchain.settlement.local_chain import LocalChain
from offchain.spec import op
from offchain.spec.kinds import AssetFlag
from tests.settlement.scene import CAP_UNITS, CHAIN_ID, domain_of, start


@pytest.fixture
def system(tmp_path):
    l1 = LocalChain(account_count=6)
    _, operator, governance = l1.accounts[:3]
    genesis = GenesisConfig(
        l1_chain_id=l1.chain_id, chain_id=CHAIN_ID, governance=to_canonical_address(governance)
    )
    parameters = ChainParameters(
        CHAIN_ID, operator, governance, genesis.config_hash(), genesis.new_core().root()
    )
    deployment = deploy_devnet(l1, parameters)
    domain = domain_of(l1, deployment)
    journal = Journal(tmp_path / "journal", domain.deployment_hash(genesis.config_hash()))
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
