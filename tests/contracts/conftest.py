"""Roles and the deployed system, for every contract test (`ape test tests/contracts`)."""

import os
import sys
from pathlib import Path

import pytest

from offchain.settlement.deployer import (
    ETHER_ADDRESS,
    ETHER_ASSET,
    QUOTE_ASSET,
    TRUST_MODE_ATTESTED,
)
from offchain.tools import vyper_coverage
from tests.contracts.support import CHAIN_ID, CONFIG_HASH, GENESIS_ROOT, System

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
    """Owns vault and gateway."""
    return accounts[0]


@pytest.fixture(scope="session")
def operator(accounts):
    """Signs public outputs."""
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


@pytest.fixture(scope="session", autouse=True)
def _roles(owner, operator, governance, depositor, second_depositor, stranger):
    """Every session fixture before every module fixture: else ape rebases its snapshots."""


@pytest.fixture(scope="module")
def system(project, owner, operator, governance):
    """Vault and gateway, a 6-decimal quote token as asset 0, ether as asset 1, one chain."""
    vault = project.CollateralVault.deploy(owner, sender=owner)
    gateway = project.Gateway.deploy(owner, vault, sender=owner)
    quote = project.TokenMock.deploy("USDC", 6, sender=owner)
    vault.set_gateway(gateway, sender=owner)
    vault.register_asset(QUOTE_ASSET, quote, sender=owner)
    vault.register_asset(ETHER_ASSET, ETHER_ADDRESS, sender=owner)
    gateway.register_chain(
        CHAIN_ID,
        TRUST_MODE_ATTESTED,
        operator,
        governance,
        CONFIG_HASH,
        GENESIS_ROOT,
        sender=owner,
    )
    return System(vault, gateway, quote, owner, operator, governance)


@pytest.fixture(scope="module")
def vault(system):
    return system.vault


@pytest.fixture(scope="module")
def gateway(system):
    return system.gateway
