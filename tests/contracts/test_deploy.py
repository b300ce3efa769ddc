"""The deployment as `ape run deploy` does it."""

import json
from types import SimpleNamespace

import ape
import pytest
from click.testing import CliRunner

from offchain.settlement.devnet import TRUST_MODE_ATTESTED
from scripts import demo, deploy
from scripts._lib import ape_client, signers
from tests.contracts.support import ETHER_WEI

LOCAL = ["--network", "ethereum:local:test"]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(deploy, "DEPLOYMENTS", tmp_path / "deployments")
    return tmp_path / "deployments"


def test_script_deploys_once(project, folder, depositor):
    result = CliRunner(mix_stderr=False).invoke(deploy.cli, [*LOCAL, "--json"])
    record = json.loads(result.stdout)
    assert record["trust_mode"] == TRUST_MODE_ATTESTED
    assert json.loads((folder / "local.json").read_text()) == record
    vault = project.CollateralVault.at(record["contracts"]["CollateralVault"])
    vault.deposit(record["chain_id"], 1, ETHER_WEI, sender=depositor, value=ETHER_WEI)
    height = ape.chain.blocks.height
    again = CliRunner(mix_stderr=False).invoke(deploy.cli, [*LOCAL, "--json"])
    assert json.loads(again.stdout) == record
    assert ape.chain.blocks.height == height


def test_script_refuses_a_broken_record(folder):
    folder.mkdir()
    (folder / "local.json").write_text("{}")
    result = CliRunner().invoke(deploy.cli, LOCAL)
    assert result.exit_code == 1
    assert "local.json is no record of a deployment" in result.output


def test_script_needs_an_account_on_a_live_network(monkeypatch, folder):
    monkeypatch.setattr(deploy, "connected_network", lambda: ("mainnet", 1))
    monkeypatch.setattr(signers, "connected_network", lambda: ("mainnet", 1))
    height = ape.chain.blocks.height
    result = CliRunner().invoke(deploy.cli, LOCAL)
    assert result.exit_code == 1
    assert "refusing to pay with a test account on network 'mainnet'" in result.output
    assert ape.chain.blocks.height == height
    assert not folder.exists()


def test_live_network_gets_no_attested_chain(monkeypatch, folder, stranger, guardian_address):
    """Contracts only: neither test token, nor attestations, nor a chain."""
    monkeypatch.setattr(deploy, "connected_network", lambda: ("mainnet", 1))
    monkeypatch.setattr(ape_client, "connected_network", lambda: ("mainnet", 1))
    monkeypatch.setattr(deploy, "signer", lambda alias: stranger)
    result = CliRunner().invoke(deploy.cli, [*LOCAL, "--guardian", guardian_address])
    assert result.exit_code == 0, result.output
    record = json.loads((folder / "mainnet.json").read_text())
    assert record["chain_id"] == 0
    assert record["trust_mode"] == ""
    assert {"AttestedFacts", "TokenMock", "FactSourceMock"} & record["contracts"].keys() == set()
    assert len(record["contracts"]) == 8


@pytest.fixture
def guardian_address(accounts):
    return accounts[7].address


def test_demo_asks_the_node_for_its_chain_id(monkeypatch):
    """A live node behind the name ``local``: Ape's own chain id is a setting then."""
    provider = SimpleNamespace(
        network=SimpleNamespace(name="local"),
        web3=SimpleNamespace(eth=SimpleNamespace(chain_id=1)),
    )
    chain = SimpleNamespace(provider=provider, chain_id=1337)
    monkeypatch.setattr(ape_client, "ape", SimpleNamespace(chain=chain))
    height = ape.chain.blocks.height
    result = CliRunner().invoke(demo.cli, LOCAL)
    assert result.exit_code == 1
    assert "in mode PROVEN on network 'local' (chain id 1)" in result.output
    assert ape.chain.blocks.height == height
