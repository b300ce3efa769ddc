"""The vault with a stand-in of its gateway, ether and a 6-decimal token."""

import pytest

from tests.contracts.unit.vault.vault_system import (
    ETHER,
    ETHER_ADDRESS,
    ETHER_ASSET,
    FROZEN_CHAIN,
    TOKEN,
    TOKEN_ASSET,
    VaultSystem,
    terms,
)


@pytest.fixture(scope="session")
def guardian(accounts):
    """May pause deposits and impair assets."""
    return accounts[6]


@pytest.fixture(scope="session")
def treasury(accounts):
    """Receives surplus."""
    return accounts[7]


@pytest.fixture(scope="module")
def system(project, owner, guardian, treasury):
    vault = project.CollateralVault.deploy(owner, guardian, treasury, sender=owner)
    gateway = project.GatewayStub.deploy(vault, sender=owner)
    token = project.TokenMock.deploy("USDC", 6, sender=owner)
    vault.set_gateway(gateway, sender=owner)
    vault.register_asset(ETHER_ASSET, terms(ETHER_ADDRESS, ETHER), sender=owner)
    vault.register_asset(TOKEN_ASSET, terms(token, TOKEN), sender=owner)
    gateway.set_frozen(FROZEN_CHAIN, True, sender=owner)
    return VaultSystem(vault, gateway, token, owner, guardian, treasury)


@pytest.fixture
def bare_vault(project, owner, guardian, treasury):
    """A vault without gateway and assets."""
    return project.CollateralVault.deploy(owner, guardian, treasury, sender=owner)
