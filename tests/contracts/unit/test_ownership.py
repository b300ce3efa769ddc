"""Two-step ownership of every contract that has an owner."""

import pytest
from ape.utils import ZERO_ADDRESS

from tests.contracts.support import reverts


@pytest.fixture(params=["vault", "registry", "hub"])
def owned(request, system):
    return getattr(system, request.param)


def test_transfer_and_accept(owned, owner, stranger):
    receipt = owned.transfer_ownership(stranger, sender=owner)
    assert receipt.events == [owned.OwnershipOffered(owner=owner, pending_owner=stranger)]
    assert (owned.owner(), owned.pending_owner()) == (owner, stranger)
    receipt = owned.accept_ownership(sender=stranger)
    assert receipt.events == [owned.OwnershipTransferred(previous_owner=owner, owner=stranger)]
    assert (owned.owner(), owned.pending_owner()) == (stranger, ZERO_ADDRESS)
    with reverts("O03"):
        owned.transfer_ownership(owner, sender=owner)


def test_stranger_cannot_transfer(owned, stranger):
    with reverts("O03"):
        owned.transfer_ownership(stranger, sender=stranger)


def test_only_the_offered_accepts(owned, owner, stranger, depositor):
    with reverts("O02"):
        owned.accept_ownership(sender=stranger)
    owned.transfer_ownership(stranger, sender=owner)
    with reverts("O02"):
        owned.accept_ownership(sender=depositor)


def test_withdrawn_offer(owned, owner, stranger):
    owned.transfer_ownership(stranger, sender=owner)
    owned.transfer_ownership(ZERO_ADDRESS, sender=owner)
    with reverts("O02"):
        owned.accept_ownership(sender=stranger)


def test_zero_owner(project, owner):
    with reverts("O01"):
        project.CollateralVault.deploy(ZERO_ADDRESS, owner, owner, sender=owner)
    for contract in (project.ChainRegistry, project.OracleHub):
        with reverts("O01"):
            contract.deploy(ZERO_ADDRESS, sender=owner)
