"""The escape hatch in its place, over a stand-in of the state proofs."""

import pytest

from offchain.settlement.deployer import contract_address
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.messages import Flow
from tests.contracts.support import CHAIN_ID, UNITS_PER_TOKEN
from tests.contracts.unit.escape.hatch_system import ROOT, HatchSystem


@pytest.fixture(scope="session")
def hatch_creator(accounts):
    """Creates nothing but the hatch and the stand-in."""
    return accounts[7]


@pytest.fixture(scope="session")
def hatch(hatch_creator):
    """Where the hatch will be: its creator's second contract."""
    return contract_address(hatch_creator.address, hatch_creator.nonce + 1)


@pytest.fixture(scope="module")
def hatch_system(project, system, hatch, hatch_creator):
    """A live chain with one ether, and the hatch."""
    proofs = project.StateProofsMock.deploy(sender=hatch_creator)
    contract = project.EscapeHatch.deploy(system.gateway, proofs, sender=hatch_creator)
    assert contract.address == hatch
    return HatchSystem(system, contract, proofs)


@pytest.fixture
def settled(hatch_system, depositor):
    """Settles the depositor's ether with a table, and freezes the chain."""

    def settle(table=None):
        system = hatch_system.system
        system.deposit_ether(depositor)
        flows = [Flow(CHAIN_ID, ETHER_ASSET, UNITS_PER_TOKEN, 0)]
        digest = table.digest() if table else bytes(32)
        system.settle(system.settlement(flows=flows, valuation_hash=digest, new_root=ROOT))
        system.freeze()
        return hatch_system

    assert QUOTE_ASSET == 0
    return settle
