"""CollateralVault.set_gateway."""

from ape.utils import ZERO_ADDRESS

from tests.contracts.support import reverts


def test_binds_once(project, owner, bare_vault):
    gateway = project.GatewayStub.deploy(bare_vault, sender=owner)
    receipt = bare_vault.set_gateway(gateway, sender=owner)
    assert bare_vault.gateway() == gateway
    assert receipt.events == [bare_vault.GatewaySet(gateway=gateway)]
    with reverts("V26"):
        bare_vault.set_gateway(gateway, sender=owner)


def test_stranger(gateway, bare_vault, stranger):
    with reverts("O03"):
        bare_vault.set_gateway(gateway, sender=stranger)


def test_no_contract(owner, bare_vault, stranger):
    with reverts("V27"):
        bare_vault.set_gateway(stranger, sender=owner)


def test_gateway_of_another_vault(owner, gateway, bare_vault):
    with reverts("V28"):
        bare_vault.set_gateway(gateway, sender=owner)


def test_pause_and_gateway_keep_apart(project, owner, bare_vault):
    gateway = project.GatewayStub.deploy(bare_vault, sender=owner)
    bare_vault.pause(sender=owner)
    assert bare_vault.gateway() == ZERO_ADDRESS
    bare_vault.set_gateway(gateway, sender=owner)
    assert bare_vault.is_paused()
    assert bare_vault.gateway() == gateway
    bare_vault.resume(sender=owner)
    assert not bare_vault.is_paused()
    assert bare_vault.gateway() == gateway
