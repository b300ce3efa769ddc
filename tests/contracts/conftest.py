"""Roles and the deployed system, for every contract test (`ape test tests/contracts`)."""

import os
import sys
from pathlib import Path

import pytest

from offchain.settlement.deployer import contract_address
from offchain.settlement.devnet import (
    CUSTODY_ETHER,
    CUSTODY_TOKEN,
    ETHER_ADDRESS,
    ETHER_ASSET,
    QUOTE_ASSET,
    UNITS_LIMIT,
)
from offchain.tools import vyper_coverage
from tests.contracts.support import CHAIN_ID, PEER, THIRD, System

# ape finds the compiler by PATH, which an environment that is called by its
# path (.venv/bin/ape) does not extend.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


RECORDER = vyper_coverage.Recorder()


def pytest_addoption(parser):
    parser.addoption("--vyper-coverage", action="store_true", help="line coverage of contracts")
    parser.addoption("--write-gas", action="store_true", help="pin the gas figures of this run")


def pytest_configure(config):
    if config.getoption("--vyper-coverage", default=False):
        RECORDER.__enter__()
        config.add_cleanup(lambda: RECORDER.__exit__(None, None, None))


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--vyper-coverage", default=False):
        report = vyper_coverage.measure(RECORDER.executed)
        vyper_coverage.write(report)
        terminalreporter.section("coverage of contracts")
        terminalreporter.write_line(vyper_coverage.table(report))


@pytest.fixture(scope="session")
def owner(accounts):
    """Owns vault, registry and oracle hub."""
    return accounts[0]


@pytest.fixture(scope="session")
def operator(accounts):
    """Collects the fees of forced operations."""
    return accounts[1]


@pytest.fixture(scope="session")
def governance(accounts):
    """Enqueues admin operations."""
    return accounts[2]


@pytest.fixture(scope="session")
def depositor(accounts):
    """Deposits and is paid."""
    return accounts[3]


@pytest.fixture(scope="session")
def second_depositor(accounts):
    """Another one who deposits."""
    return accounts[4]


@pytest.fixture(scope="session")
def stranger(accounts):
    """Has no role and no money in the system."""
    return accounts[5]


@pytest.fixture(scope="session")
def hatch(accounts):
    """Stands where the gateway expects its escape hatch."""
    return accounts[6]


@pytest.fixture(scope="session", autouse=True)
def _roles(owner, operator, governance, depositor, second_depositor, stranger, hatch):
    """Every session fixture before every module fixture: else ape rebases its snapshots."""


@pytest.fixture(scope="module")
def system(project, owner, operator, governance, hatch):
    """All contracts, a 6-decimal quote token as asset 0, ether as asset 1, three chains."""
    vault = project.CollateralVault.deploy(owner, governance, owner, sender=owner)
    registry = project.ChainRegistry.deploy(owner, sender=owner)
    data = project.DataAvailability.deploy(sender=owner)
    hub = project.OracleHub.deploy(owner, sender=owner)
    facts = project.FactSourceMock.deploy(sender=owner)
    quote = project.TokenMock.deploy("USDC", 6, sender=owner)
    gateway_address = contract_address(owner.address, owner.nonce + 1)
    queue = project.PriorityQueue.deploy(registry, gateway_address, sender=owner)
    gateway = project.Gateway.deploy(vault, registry, queue, hub, data, hatch, sender=owner)
    registry.set_gateway(gateway, sender=owner)
    vault.set_gateway(gateway, sender=owner)
    for asset_id, token, kind in (
        (QUOTE_ASSET, quote.address, CUSTODY_TOKEN),
        (ETHER_ASSET, ETHER_ADDRESS, CUSTODY_ETHER),
    ):
        terms = (token, kind, False, UNITS_LIMIT, 1, UNITS_LIMIT)
        vault.register_asset(asset_id, terms, sender=owner)
    deployed = System(
        vault,
        gateway,
        registry,
        queue,
        data,
        hub,
        facts,
        quote,
        owner,
        operator,
        governance,
        hatch,
    )
    for chain_id in (CHAIN_ID, PEER, THIRD):
        deployed.register(chain_id)
    return deployed


@pytest.fixture(scope="module")
def vault(system):
    return system.vault


@pytest.fixture(scope="module")
def gateway(system):
    return system.gateway


@pytest.fixture(scope="module")
def registry(system):
    return system.registry


@pytest.fixture(scope="module")
def queue(system):
    return system.queue
