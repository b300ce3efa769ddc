"""Deployment: what stands where, where it is refused, and how it goes on after a break."""

import dataclasses
import json

import pytest

from offchain.settlement.deployer import Roles, RowBrokenError, deploy_system
from offchain.settlement.deployment import Deployment, DeploymentFileError
from offchain.settlement.devnet import (
    AttestedNotAllowedError,
    ChainParameters,
    deploy_devnet,
)
from offchain.settlement.local_chain import LocalChain

CHAIN = ChainParameters(7, "0x" + "11" * 20, "0x" + "22" * 20, b"\x01" * 32, b"\x02" * 32)
NOBODY = "0x" + "00" * 20


class RecordingClient:
    """A network that notes what is sent to it."""

    def __init__(self, network_name, chain_id):
        self.network_name = network_name
        self.chain_id = chain_id
        self.deployer = "0x" + "44" * 20
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
        deploy_devnet(client, CHAIN)
    assert client.sent == []


@pytest.fixture
def chain():
    return LocalChain(account_count=2)


def test_contracts_name_each_other(chain):
    deployment = deploy_devnet(chain, CHAIN)
    gateway = deployment.gateway
    for function, name in (
        ("vault", "CollateralVault"),
        ("registry", "ChainRegistry"),
        ("priority_queue", "PriorityQueue"),
        ("oracle_hub", "OracleHub"),
        ("data_availability", "DataAvailability"),
        ("escape_hatch", "EscapeHatch"),
    ):
        assert chain.call("Gateway", gateway, function) == deployment.contracts[name]
    for name in ("CollateralVault", "ChainRegistry", "PriorityQueue", "EscapeHatch"):
        assert chain.call(name, deployment.contracts[name], "gateway") == gateway
    for asset_id, token in deployment.assets.items():
        asset = chain.call("CollateralVault", deployment.vault, "asset", asset_id)
        assert asset[0] == token
    assert deployment.trust_mode == "ATTESTED"
    assert chain.call("ChainRegistry", deployment.registry, "is_registered", 7)


class DeadLineError(Exception):
    """The connection to the node is gone."""


class BrittleChain:
    """A chain whose connection breaks before a given transaction."""

    def __init__(self, chain, transactions):
        self._chain = chain
        self._left = transactions

    def __getattr__(self, name):
        return getattr(self._chain, name)

    def _spend(self):
        if self._left == 0:
            raise DeadLineError
        self._left -= 1

    def deploy(self, *args):
        self._spend()
        return self._chain.deploy(*args)

    def transact(self, *args):
        self._spend()
        return self._chain.transact(*args)


def test_goes_on_after_a_break(chain, tmp_path):
    """Whenever it breaks, the next attempt ends with one system, and sends no step twice."""
    attempts = 0
    while True:
        found = Deployment.read(tmp_path, "local", chain.chain_id)
        roles = Roles(chain.deployer, NOBODY, chain.deployer)
        try:
            client = BrittleChain(chain, 1 + attempts % 3)
            done = deploy_system(client, roles, found, lambda each: each.write(tmp_path))
            break
        except DeadLineError:
            attempts += 1
    assert attempts > 2
    assert chain.call("CollateralVault", done.vault, "gateway") == done.gateway
    assert chain.call("Gateway", done.gateway, "escape_hatch") == done.contracts["EscapeHatch"]
    spent = chain.deployer_nonce
    again = deploy_system(chain, roles, Deployment.read(tmp_path, "local", chain.chain_id))
    assert again == done
    assert chain.deployer_nonce == spent


class BusyChain(BrittleChain):
    """A chain whose deployer sends something else after the gateway."""

    def deploy(self, name, *args):
        address = self._chain.deploy(name, *args)
        if name == "Gateway":
            self._chain.deploy("DataAvailability")
        return address


def test_foreign_transaction_in_the_row(chain, tmp_path):
    roles = Roles(chain.deployer, NOBODY, chain.deployer)
    with pytest.raises(RowBrokenError, match="run the deployment again"):
        deploy_system(BusyChain(chain, 99), roles, None, lambda each: each.write(tmp_path))
    found = Deployment.read(tmp_path, "local", chain.chain_id)
    assert chain.call("CollateralVault", found.vault, "gateway") == NOBODY
    done = deploy_system(chain, roles, found)
    assert chain.call("EscapeHatch", done.contracts["EscapeHatch"], "gateway") == done.gateway
    assert chain.call("Gateway", done.gateway, "escape_hatch") == done.contracts["EscapeHatch"]


def test_record_of_another_chain(chain, tmp_path):
    deployment = Deployment(network="local", l1_chain_id=5, owner=NOBODY)
    path = deployment.write(tmp_path)
    assert Deployment.read(tmp_path, "local", 5) == deployment
    with pytest.raises(DeploymentFileError, match=r"chain id 5, the network has 6; move"):
        Deployment.read(tmp_path, "local", 6)
    assert Deployment.read(tmp_path, "elsewhere", 5) is None
    for text in ("{", "[]", json.dumps({"network": "local"})):
        path.write_text(text)
        with pytest.raises(DeploymentFileError, match="no record of a deployment"):
            Deployment.read(tmp_path, "local", 5)


def test_record_keeps_everything(chain, tmp_path):
    deployment = deploy_devnet(chain, CHAIN)
    deployment.write(tmp_path)
    assert Deployment.read(tmp_path, "local", chain.chain_id) == deployment
    assert dataclasses.asdict(deployment)["contracts"]["Gateway"] == deployment.gateway
