"""Deployment, and where it is refused."""

import json

import pytest

from offchain.settlement.deployer import (
    AttestedNotAllowedError,
    ChainParameters,
    deploy_system,
)
from offchain.settlement.local_chain import LocalChain

CHAIN = ChainParameters(7, "0x" + "11" * 20, "0x" + "22" * 20, b"\x01" * 32, b"\x02" * 32)


class RecordingClient:
    """A network that notes what is sent to it."""

    def __init__(self, network_name, chain_id):
        self.network_name = network_name
        self.chain_id = chain_id
        self.sent = []

    def deploy(self, name, *args):
        self.sent.append(name)
        return "0x" + "33" * 20

    def transact(self, name, address, function, *args):
        self.sent.append(function)


@pytest.mark.parametrize(
    ("network_name", "chain_id"),
    [
        ("mainnet", 1),
        ("sepolia", 11155111),
        ("mainnet-fork", 1337),
        ("local", 1),  # a live node behind the local name
        ("local", 11155111),
    ],
)
def test_attested_is_refused_off_local(network_name, chain_id):
    client = RecordingClient(network_name, chain_id)
    with pytest.raises(AttestedNotAllowedError, match=r"refusing .* ATTESTED .* local networks"):
        deploy_system(client, "0x" + "44" * 20, CHAIN)
    assert client.sent == []


def test_deployment_on_an_embedded_chain(tmp_path):
    chain = LocalChain(account_count=2)
    deployment = deploy_system(chain, chain.accounts[0], CHAIN)
    gateway = deployment.gateway
    assert chain.call("Gateway", gateway, "trust_mode_name", 7) == deployment.trust_mode
    assert chain.call("Gateway", gateway, "vault") == deployment.vault
    assert chain.call("CollateralVault", deployment.vault, "gateway") == gateway
    for asset_id, token in deployment.assets.items():
        asset = chain.call("CollateralVault", deployment.vault, "asset", asset_id)
        assert asset[0] == token
    path = deployment.write(tmp_path / "deployments")
    written = json.loads(path.read_text())
    assert path.name == "local.json"
    assert written["trust_mode"] == "ATTESTED"
    assert (written["vault"], written["gateway"]) == (deployment.vault, gateway)
