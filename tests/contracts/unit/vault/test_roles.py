"""Owner, guardian and treasury of the CollateralVault."""

import pytest
from ape.utils import ZERO_ADDRESS

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import CHAIN_ID, ETHER_ASSET, ETHER_WEI


def test_created_with_its_roles(bare_vault, owner, guardian, treasury):
    assert bare_vault.owner() == owner
    assert bare_vault.guardian() == guardian
    assert bare_vault.treasury() == treasury
    assert not bare_vault.is_paused()


def test_ownership_is_handed_over_in_two_steps(vault, owner, stranger):
    receipt = vault.transfer_ownership(stranger, sender=owner)
    assert receipt.events == [vault.OwnershipOffered(owner=owner, pending_owner=stranger)]
    assert (vault.owner(), vault.pending_owner()) == (owner, stranger)
    with reverts("O02"):
        vault.accept_ownership(sender=owner)
    receipt = vault.accept_ownership(sender=stranger)
    assert receipt.events == [vault.OwnershipTransferred(previous_owner=owner, owner=stranger)]
    assert (vault.owner(), vault.pending_owner()) == (stranger, ZERO_ADDRESS)
    with reverts("O03"):
        vault.transfer_ownership(owner, sender=owner)


def test_withdrawn_offer(vault, owner, stranger):
    vault.transfer_ownership(stranger, sender=owner)
    vault.transfer_ownership(ZERO_ADDRESS, sender=owner)
    with reverts("O02"):
        vault.accept_ownership(sender=stranger)


def test_zero_owner(project, owner, guardian, treasury):
    with reverts("O01"):
        project.CollateralVault.deploy(ZERO_ADDRESS, guardian, treasury, sender=owner)


def test_zero_treasury(project, vault, owner, guardian):
    with reverts("V33"):
        project.CollateralVault.deploy(owner, guardian, ZERO_ADDRESS, sender=owner)
    with reverts("V33"):
        vault.set_treasury(ZERO_ADDRESS, sender=owner)


def test_set_treasury(vault, owner, stranger):
    receipt = vault.set_treasury(stranger, sender=owner)
    assert receipt.events == [vault.TreasurySet(treasury=stranger)]
    assert vault.treasury() == stranger


def test_set_guardian(vault, owner, guardian, stranger):
    receipt = vault.set_guardian(stranger, sender=owner)
    assert receipt.events == [vault.GuardianSet(guardian=stranger)]
    vault.pause(sender=stranger)
    vault.resume(sender=owner)
    with reverts("G01"):
        vault.pause(sender=guardian)


@pytest.mark.parametrize("role", ["guardian", "treasury", "stranger"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transfer_ownership", ["stranger"]),
        ("set_guardian", ["stranger"]),
        ("set_treasury", ["stranger"]),
        ("resume", []),
        ("set_cap", [ETHER_ASSET, 0]),
        ("set_min_deposit", [ETHER_ASSET, 1]),
        ("restore", [ETHER_ASSET]),
        ("set_outflow_limit", [ETHER_ASSET, 0]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_owner_only(vault, request, stranger, role, name, arguments):
    arguments = [stranger if argument == "stranger" else argument for argument in arguments]
    with reverts("O03"):
        getattr(vault, name)(*arguments, sender=request.getfixturevalue(role))


@pytest.mark.parametrize("role", ["guardian", "owner"])
def test_pause_ends_deposits_until_the_owner_resumes(
    system, vault, owner, depositor, request, role
):
    account = request.getfixturevalue(role)
    receipt = vault.pause(sender=account)
    assert receipt.events == [vault.Paused(account=account)]
    with reverts("G02"):
        vault.pause(sender=account)
    with reverts("G04"):
        vault.deposit(CHAIN_ID, ETHER_ASSET, ETHER_WEI, sender=depositor, value=ETHER_WEI)
    receipt = vault.resume(sender=owner)
    assert receipt.events == [vault.Resumed()]
    system.deposit_ether(depositor)
    with reverts("G03"):
        vault.resume(sender=owner)


@pytest.mark.parametrize("role", ["treasury", "stranger"])
def test_who_cannot_pause(vault, request, role):
    account = request.getfixturevalue(role)
    with reverts("G01"):
        vault.pause(sender=account)
    with reverts("G01"):
        vault.impair(ETHER_ASSET, sender=account)


def test_owner_pauses_without_guardian(vault, owner):
    vault.set_guardian(ZERO_ADDRESS, sender=owner)
    vault.pause(sender=owner)
    assert vault.is_paused()
