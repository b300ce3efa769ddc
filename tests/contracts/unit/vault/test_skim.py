"""CollateralVault.skim."""

import pytest

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import (
    ETHER_ASSET,
    ETHER_WEI,
    TOKEN_ASSET,
    TOKEN_NATIVE,
    UNIT,
)


@pytest.mark.parametrize("role", ["owner", "treasury"])
def test_sends_the_surplus(system, vault, project, treasury, depositor, request, role):
    system.deposit_ether(depositor, ETHER_WEI)
    system.force_ether(project, depositor, 2 * ETHER_WEI + 5)
    caller = request.getfixturevalue(role)
    before_wei = treasury.balance
    assert vault.skim.call(ETHER_ASSET, sender=caller) == 2 * ETHER_WEI + 5
    receipt = vault.skim(ETHER_ASSET, sender=caller)
    assert receipt.events == [
        vault.Skimmed(asset_id=ETHER_ASSET, treasury=treasury, amount_native=2 * ETHER_WEI + 5)
    ]
    fees_wei = receipt.total_fees_paid if caller == treasury else 0
    assert treasury.balance == before_wei + 2 * ETHER_WEI + 5 - fees_wei
    assert vault.balance == ETHER_WEI
    assert vault.ledger_units(ETHER_ASSET) == UNIT


def test_ledger_is_rounded_up(system, vault, owner, depositor, stranger):
    system.deposit_token(depositor, 2)
    system.claim(TOKEN_ASSET, 1, stranger, stranger)
    with reverts("V35"):
        vault.skim(TOKEN_ASSET, sender=owner)
    system.claim(TOKEN_ASSET, 99, stranger, stranger)
    vault.skim(TOKEN_ASSET, sender=owner)
    assert system.token.balanceOf(vault) == 1


def test_gift_is_surplus(system, vault, owner, treasury, depositor):
    system.deposit_token(depositor, TOKEN_NATIVE)
    system.token.mint(vault, 5, sender=depositor)
    before = system.token.balanceOf(treasury)
    vault.skim(TOKEN_ASSET, sender=owner)
    assert system.token.balanceOf(treasury) == before + 5


@pytest.mark.parametrize("role", ["guardian", "stranger"])
def test_others_cannot(vault, request, role):
    with reverts("V34"):
        vault.skim(ETHER_ASSET, sender=request.getfixturevalue(role))


def test_no_surplus(system, vault, owner, depositor):
    system.deposit_ether(depositor)
    with reverts("V35"):
        vault.skim(ETHER_ASSET, sender=owner)
