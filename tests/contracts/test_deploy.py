"""The deployment as `ape run deploy` does it."""

from types import SimpleNamespace

import ape
import pytest
from click.testing import CliRunner

from offchain.settlement.deployer import ChainParameters, deploy_system
from scripts import demo, deploy
from scripts._lib import ape_client
from scripts._lib.ape_client import ApeClient
from tests.contracts.support import CHAIN_ID, CONFIG_HASH, ETHER_WEI, GENESIS_ROOT, System


def test_deployed_system_settles(project, owner, operator, governance, depositor):
    deployment = deploy_system(
        ApeClient(owner),
        owner.address,
        ChainParameters(CHAIN_ID, operator.address, governance.address, CONFIG_HASH, GENESIS_ROOT),
    )
    gateway = project.Gateway.at(deployment.gateway)
    system = System(
        vault=project.CollateralVault.at(deployment.vault),
        gateway=gateway,
        quote=project.TokenMock.at(deployment.quote_token),
        owner=owner,
        operator=operator,
        governance=governance,
    )
    system.deposit_ether(depositor, ETHER_WEI)
    system.settle()
    assert gateway.trust_mode_name(CHAIN_ID) == deployment.trust_mode == "ATTESTED"


def test_script_refuses_a_live_network(monkeypatch, tmp_path):
    monkeypatch.setattr(deploy, "connected_network", lambda: ("mainnet", 1))
    monkeypatch.setattr(deploy, "DEPLOYMENTS", tmp_path)
    height = ape.chain.blocks.height
    result = CliRunner().invoke(deploy.cli, ["--network", "ethereum:local:test"])
    assert result.exit_code == 1
    assert "refusing to register a chain in mode ATTESTED on network 'mainnet'" in result.output
    assert ape.chain.blocks.height == height
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", [deploy, demo])
def test_script_asks_the_node_for_its_chain_id(script, monkeypatch, tmp_path):
    """A live node behind the name ``local``: Ape's own chain id is a setting then."""
    provider = SimpleNamespace(
        network=SimpleNamespace(name="local"),
        web3=SimpleNamespace(eth=SimpleNamespace(chain_id=1)),
    )
    chain = SimpleNamespace(provider=provider, chain_id=1337)
    monkeypatch.setattr(ape_client, "ape", SimpleNamespace(chain=chain))
    monkeypatch.setattr(deploy, "DEPLOYMENTS", tmp_path)
    height = ape.chain.blocks.height
    result = CliRunner().invoke(script.cli, ["--network", "ethereum:local:test"])
    assert result.exit_code == 1
    assert "in mode ATTESTED on network 'local' (chain id 1)" in result.output
    assert ape.chain.blocks.height == height
    assert list(tmp_path.iterdir()) == []
