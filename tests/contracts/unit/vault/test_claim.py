"""CollateralVault.claim and claim_credit."""

import ape
import pytest

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import (
    ATOKEN,
    CHAIN_ID,
    ETHER_ASSET,
    ETHER_WEI,
    FREE_ASSET,
    FROZEN_CHAIN,
    NOT_QUEUED,
    RETURNS_FALSE,
    REVERTS_ZERO,
    STETH,
    TOKEN_ASSET,
    TOKEN_NATIVE,
    UNIT,
)


@pytest.fixture
def funded(system, depositor):
    system.deposit_ether(depositor, 5 * ETHER_WEI)
    system.deposit_token(depositor, 100 * TOKEN_NATIVE)
    return system


def test_anyone_may_have_an_owner_paid(funded, vault, second_depositor, stranger):
    before_wei = second_depositor.balance
    receipt = funded.claim(ETHER_ASSET, 2 * UNIT, second_depositor, stranger)
    assert second_depositor.balance == before_wei + 2 * ETHER_WEI
    assert vault.ledger_units(ETHER_ASSET) == 3 * UNIT
    assert receipt.events == [
        vault.PaidOut(
            owner=second_depositor,
            asset_id=ETHER_ASSET,
            payout_id=NOT_QUEUED,
            amount_units=2 * UNIT,
            amount_native=2 * ETHER_WEI,
        )
    ]


def test_gateway_decides(funded, vault, gateway, stranger):
    gateway.set_refusing(True, sender=stranger)
    with ape.reverts("gateway: refused"):
        funded.claim(ETHER_ASSET, UNIT, stranger, stranger)
    with ape.reverts("gateway: refused"):
        vault.claim_credit(FROZEN_CHAIN, stranger, ETHER_ASSET, sender=stranger)


def test_credit_of_a_frozen_chain(funded, vault, gateway, second_depositor, stranger):
    gateway.set_credit(FROZEN_CHAIN, second_depositor, TOKEN_ASSET, 7 * UNIT, sender=stranger)
    receipt = vault.claim_credit(FROZEN_CHAIN, second_depositor, TOKEN_ASSET, sender=stranger)
    assert funded.token.balanceOf(second_depositor) == 7 * TOKEN_NATIVE
    assert vault.ledger_units(TOKEN_ASSET) == 93 * UNIT
    assert receipt.events.filter(vault.PaidOut) == [
        vault.PaidOut(
            owner=second_depositor,
            asset_id=TOKEN_ASSET,
            payout_id=NOT_QUEUED,
            amount_units=7 * UNIT,
            amount_native=7 * TOKEN_NATIVE,
        )
    ]
    with ape.reverts("gateway: no credit"):
        vault.claim_credit(FROZEN_CHAIN, second_depositor, TOKEN_ASSET, sender=stranger)


def test_payout_rounds_down(funded, vault, second_depositor, stranger):
    funded.claim(TOKEN_ASSET, 199, second_depositor, stranger)
    assert funded.token.balanceOf(second_depositor) == 1
    assert vault.ledger_units(TOKEN_ASSET) == 100 * UNIT - 199
    assert vault.deficit_native(TOKEN_ASSET) == vault.surplus_native(TOKEN_ASSET) == 0
    funded.claim(TOKEN_ASSET, 1, second_depositor, stranger)
    assert vault.surplus_native(TOKEN_ASSET) == 1


def test_less_than_a_native_unit_is_no_transfer(funded, vault, project, depositor, stranger):
    token = funded.register_odd_token(project, REVERTS_ZERO)
    funded.deposit_token(depositor, TOKEN_NATIVE, token)
    funded.claim(FREE_ASSET, 99, stranger, stranger)
    assert vault.ledger_units(FREE_ASSET) == UNIT - 99


def test_more_than_the_ledger(funded, vault, gateway, stranger):
    with reverts("V19"):
        funded.claim(ETHER_ASSET, 5 * UNIT + 1, stranger, stranger)
    with reverts("V19"):
        funded.claim(ETHER_ASSET, 2**256 - 1, stranger, stranger)
    gateway.set_credit(FROZEN_CHAIN, stranger, ETHER_ASSET, 2**80, sender=stranger)
    with reverts("V19"):
        vault.claim_credit(FROZEN_CHAIN, stranger, ETHER_ASSET, sender=stranger)


def test_unregistered_asset(funded, stranger):
    with reverts("V10"):
        funded.claim(FREE_ASSET, 0, stranger, stranger)


def test_forced_ether_does_not_touch_the_ledger(funded, vault, project, stranger):
    funded.force_ether(project, stranger, 2 * ETHER_WEI)
    assert vault.ledger_units(ETHER_ASSET) == 5 * UNIT
    assert vault.surplus_native(ETHER_ASSET) == 2 * ETHER_WEI
    with reverts("V19"):
        funded.claim(ETHER_ASSET, 5 * UNIT + 1, stranger, stranger)


def test_vault_takes_no_plain_ether(vault, stranger):
    with ape.reverts():
        stranger.transfer(vault, 1)


def test_contract_wallet_gets_all_gas(funded, project, depositor, stranger):
    wallet = project.ReceiverMock.deploy(sender=depositor)
    # The callback reads and writes storage: more than a 2,300 gas stipend.
    wallet.set_callback(funded.token, b"", sender=depositor)
    funded.claim(ETHER_ASSET, UNIT, wallet, stranger)
    assert wallet.balance == ETHER_WEI


def test_refusing_receiver_fails_alone(funded, project, depositor, stranger):
    wallet = project.ReceiverMock.deploy(sender=depositor)
    wallet.set_refusing(True, sender=depositor)
    with reverts("V15"):
        funded.claim(ETHER_ASSET, UNIT, wallet, stranger)
    funded.claim(ETHER_ASSET, UNIT, depositor, stranger)
    wallet.set_refusing(False, sender=depositor)
    funded.claim(ETHER_ASSET, UNIT, wallet, stranger)
    assert wallet.balance == ETHER_WEI


def test_refusing_token(funded, project, depositor, stranger):
    token = funded.register_odd_token(project)
    funded.deposit_token(depositor, TOKEN_NATIVE, token)
    token.set_behaviour(RETURNS_FALSE, sender=stranger)
    with reverts("V16"):
        funded.claim(FREE_ASSET, UNIT, stranger, stranger)
    funded.claim(TOKEN_ASSET, UNIT, stranger, stranger)
    token.set_behaviour(0, sender=stranger)
    funded.claim(FREE_ASSET, UNIT, stranger, stranger)
    assert token.balanceOf(stranger) == TOKEN_NATIVE


def test_steth_pays_shares(system, vault, project, depositor, stranger):
    token = project.StEthMock.deploy(sender=depositor)
    system.register(token, STETH)
    token.mint_shares(depositor, 10 * ETHER_WEI, sender=depositor)
    token.approve(vault, 10 * ETHER_WEI, sender=depositor)
    vault.deposit(CHAIN_ID, FREE_ASSET, 10 * ETHER_WEI, sender=depositor)
    token.rebase(9 * ETHER_WEI + 1, sender=depositor)
    assert vault.deficit_native(FREE_ASSET) == 0
    system.claim(FREE_ASSET, 10 * UNIT, stranger, stranger)
    assert token.sharesOf(stranger) == 10 * ETHER_WEI


@pytest.mark.parametrize("is_directed", [False, True], ids=["half up", "since 3.5"])
def test_atoken_pays_its_growth(system, vault, project, depositor, stranger, is_directed):
    token = project.ATokenMock.deploy(18, is_directed, sender=depositor)
    system.register(token, ATOKEN)
    token.mint_scaled(depositor, 10 * ETHER_WEI, sender=depositor)
    token.approve(vault, 10 * ETHER_WEI, sender=depositor)
    vault.deposit(CHAIN_ID, FREE_ASSET, 10 * ETHER_WEI, sender=depositor)
    token.set_index(10**27 * 4 // 3, sender=depositor)
    system.claim(FREE_ASSET, 3 * UNIT, stranger, stranger)
    assert vault.deficit_native(FREE_ASSET) == 0
    assert 4 * ETHER_WEI - 4 <= token.balanceOf(stranger) <= 4 * ETHER_WEI
    system.claim(FREE_ASSET, 7 * UNIT, stranger, stranger)
    assert token.scaledBalanceOf(stranger) + token.scaledBalanceOf(vault) == 10 * ETHER_WEI
    assert token.scaledBalanceOf(vault) <= 2


@pytest.fixture
def slashed(system, project, depositor):
    """A token of which a quarter of the deposits is gone; ether is as it was."""
    token = project.ZooToken.deploy(6, 0, sender=depositor)
    system.register(token)
    system.deposit_token(depositor, 100 * TOKEN_NATIVE, token)
    system.deposit_ether(depositor)
    token.rebase(75 * 10**16, sender=depositor)
    return token


def test_loss_is_shared_and_only_the_owner_asks(system, vault, slashed, depositor, stranger):
    assert vault.deficit_native(FREE_ASSET) == 25 * TOKEN_NATIVE
    assert vault.surplus_native(FREE_ASSET) == 0
    with reverts("V20"):
        system.claim(FREE_ASSET, 40 * UNIT, depositor, stranger)
    receipt = system.claim(FREE_ASSET, 40 * UNIT, depositor, depositor)
    assert receipt.events.filter(vault.PaidOut)[0].amount_native == 30 * TOKEN_NATIVE
    assert slashed.balanceOf(depositor) == 30 * TOKEN_NATIVE
    system.claim(FREE_ASSET, 60 * UNIT, stranger, stranger)
    assert slashed.balanceOf(stranger) == 45 * TOKEN_NATIVE
    assert vault.ledger_units(FREE_ASSET) == vault.holdings_native(FREE_ASSET) == 0


def test_nobody_deposits_into_a_loss(system, vault, slashed, depositor):
    with reverts("V17"):
        system.deposit_token(depositor, 3 * TOKEN_NATIVE, slashed)
    slashed.rebase(10**18, sender=depositor)
    system.deposit_token(depositor, 3 * TOKEN_NATIVE, slashed)


def test_loss_reaches_no_other_asset(system, vault, slashed, stranger):
    system.claim(ETHER_ASSET, UNIT, stranger, stranger)
    assert vault.deficit_native(ETHER_ASSET) == 0


def test_loss_made_good(system, vault, slashed, depositor, stranger):
    slashed.rebase(10**18, sender=stranger)
    system.claim(FREE_ASSET, 100 * UNIT, depositor, stranger)
    assert slashed.balanceOf(depositor) == 100 * TOKEN_NATIVE


def test_pause_stops_no_claim(funded, vault, gateway, guardian, stranger):
    vault.pause(sender=guardian)
    vault.impair(TOKEN_ASSET, sender=guardian)
    gateway.set_credit(FROZEN_CHAIN, stranger, TOKEN_ASSET, UNIT, sender=stranger)
    funded.claim(TOKEN_ASSET, UNIT, stranger, stranger)
    vault.claim_credit(FROZEN_CHAIN, stranger, TOKEN_ASSET, sender=stranger)
    assert funded.token.balanceOf(stranger) == 2 * TOKEN_NATIVE


def test_path_longer_than_the_bound(vault, stranger):
    """The ABI decoder refuses it, without an error of ours."""
    with ape.reverts():
        vault.claim(CHAIN_ID, 1, 0, stranger, ETHER_ASSET, 1, [b"\x01" * 32] * 21, sender=stranger)
