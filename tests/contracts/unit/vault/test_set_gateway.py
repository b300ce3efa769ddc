"""CollateralVault.set_gateway."""

import pytest

from tests.contracts.support import reverts


@pytest.fixture
def bare_vault(project, owner):
    return project.CollateralVault.deploy(owner, sender=owner)


def test_binds_once(project, owner, bare_vault):
    gateway = project.Gateway.deploy(owner, bare_vault, sender=owner)
    receipt = bare_vault.set_gateway(gateway, sender=owner)
    assert bare_vault.gateway() == gateway
    assert receipt.events == [bare_vault.GatewaySet(gateway=gateway)]
    with reverts("V13"):
        bare_vault.set_gateway(gateway, sender=owner)


def test_stranger(gateway, bare_vault, stranger):
    with reverts("O03"):
        bare_vault.set_gateway(gateway, sender=stranger)


def test_no_contract(owner, bare_vault, stranger):
    with reverts("V14"):
        bare_vault.set_gateway(stranger, sender=owner)


def test_gateway_of_another_vault(owner, gateway, bare_vault):
    with reverts("V15"):
        bare_vault.set_gateway(gateway, sender=owner)
