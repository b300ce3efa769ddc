"""CollateralVault.deposit."""

import pytest

from tests.contracts.support import reverts
from tests.contracts.unit.vault.vault_system import (
    ATOKEN,
    CHAIN_ID,
    ETHER_ASSET,
    ETHER_WEI,
    FREE_ASSET,
    RETURNS_FALSE,
    STETH,
    TOKEN_ASSET,
    TOKEN_NATIVE,
    UNIT,
)


def test_ether_is_kept_and_queued(system, vault, gateway, depositor):
    receipt = system.deposit_ether(depositor, 3 * ETHER_WEI)
    assert vault.balance == vault.holdings_native(ETHER_ASSET) == 3 * ETHER_WEI
    assert vault.ledger_units(ETHER_ASSET) == 3 * UNIT
    assert receipt.events == [
        gateway.DepositQueued(
            chain_id=CHAIN_ID,
            index=0,
            depositor=depositor,
            asset_id=ETHER_ASSET,
            amount_units=3 * UNIT,
        ),
        vault.Deposited(
            chain_id=CHAIN_ID,
            depositor=depositor,
            asset_id=ETHER_ASSET,
            received_native=3 * ETHER_WEI,
            amount_units=3 * UNIT,
            priority_index=0,
        ),
    ]
    index = vault.deposit.call(CHAIN_ID, ETHER_ASSET, ETHER_WEI, sender=depositor, value=ETHER_WEI)
    assert index == 1


@pytest.mark.parametrize("decimals", [2, 6, 8, 18])
def test_units_follow_decimals(system, vault, project, depositor, decimals):
    token = project.TokenMock.deploy("TKN", decimals, sender=depositor)
    system.register(token)
    system.deposit_token(depositor, 25 * 10**decimals, token)
    assert token.balanceOf(vault) == 25 * 10**decimals
    assert vault.ledger_units(FREE_ASSET) == 25 * UNIT


def test_remainder_below_one_unit_is_surplus(system, vault, depositor):
    system.deposit_ether(depositor, ETHER_WEI + 10**10 - 1)
    assert vault.ledger_units(ETHER_ASSET) == UNIT
    assert vault.surplus_native(ETHER_ASSET) == 10**10 - 1


def test_fee_token_credits_what_arrived(system, vault, project, depositor):
    token = project.FeeTokenMock.deploy(sender=depositor)
    system.register(token, may_take_fee=True)
    receipt = system.deposit_token(depositor, 100 * 10**18, token)
    assert vault.ledger_units(FREE_ASSET) == 99 * UNIT
    (event,) = receipt.events.filter(vault.Deposited)
    assert (event.received_native, event.amount_units) == (99 * 10**18, 99 * UNIT)


def test_fee_token_without_leave(system, project, depositor):
    token = project.FeeTokenMock.deploy(sender=depositor)
    system.register(token)
    with reverts("V14"):
        system.deposit_token(depositor, 100 * 10**18, token)


def test_token_without_return_value(system, vault, project, depositor):
    token = project.NoReturnTokenMock.deploy(sender=depositor)
    system.register(token)
    system.deposit_token(depositor, 5 * 10**6, token)
    assert vault.ledger_units(FREE_ASSET) == 5 * UNIT


def test_steth_is_credited_by_shares(system, vault, project, depositor):
    token = project.StEthMock.deploy(sender=depositor)
    system.register(token, STETH)
    token.mint_shares(depositor, 10 * ETHER_WEI, sender=depositor)
    token.rebase(11 * ETHER_WEI, sender=depositor)
    token.approve(vault, 11 * ETHER_WEI, sender=depositor)
    vault.deposit(CHAIN_ID, FREE_ASSET, 3 * ETHER_WEI, sender=depositor)
    assert token.sharesOf(vault) == vault.holdings_native(FREE_ASSET) == 3 * ETHER_WEI
    assert vault.ledger_units(FREE_ASSET) == 3 * UNIT


def test_atoken_is_credited_by_scaled_balance(system, vault, project, depositor):
    token = project.ATokenMock.deploy(18, False, sender=depositor)
    system.register(token, ATOKEN)
    token.mint_scaled(depositor, 10 * ETHER_WEI, sender=depositor)
    token.set_index(125 * 10**25, sender=depositor)
    token.approve(vault, 5 * ETHER_WEI, sender=depositor)
    vault.deposit(CHAIN_ID, FREE_ASSET, 5 * ETHER_WEI, sender=depositor)
    assert token.balanceOf(vault) == 5 * ETHER_WEI
    assert vault.holdings_native(FREE_ASSET) == 4 * ETHER_WEI
    assert vault.ledger_units(FREE_ASSET) == 4 * UNIT


def test_largest_credit(system, vault, project, depositor):
    token = project.TokenMock.deploy("TKN", 8, sender=depositor)
    system.register(token)
    system.deposit_token(depositor, 2**62 - 1, token)
    assert vault.ledger_units(FREE_ASSET) == 2**62 - 1


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_credit_of_2_to_62_units(system, project, depositor, decimals):
    token = project.TokenMock.deploy("TKN", decimals, sender=depositor)
    system.register(token)
    with reverts("V32"):
        system.deposit_token(
            depositor, 2**62 * 10**decimals // 10**8 + 10 ** max(0, decimals - 8), token
        )


def test_smallest_deposit(system, vault, owner, depositor):
    with reverts("V31"):
        system.deposit_ether(depositor, 10**10 - 1)
    with reverts("V31"):
        vault.deposit(CHAIN_ID, TOKEN_ASSET, 0, sender=depositor)
    vault.set_min_deposit(TOKEN_ASSET, UNIT, sender=owner)
    system.deposit_token(depositor, TOKEN_NATIVE)
    with reverts("V31"):
        system.deposit_token(depositor, TOKEN_NATIVE - 1)


def test_cap_is_over_the_ledger(system, vault, owner, depositor, stranger):
    vault.set_cap(TOKEN_ASSET, 3 * UNIT, sender=owner)
    system.deposit_token(depositor, 2 * TOKEN_NATIVE)
    with reverts("V18"):
        system.deposit_token(depositor, TOKEN_NATIVE + 1)
    system.deposit_token(depositor, TOKEN_NATIVE)
    system.claim(TOKEN_ASSET, UNIT, depositor, stranger)
    system.deposit_token(depositor, TOKEN_NATIVE)
    vault.set_cap(TOKEN_ASSET, UNIT, sender=owner)
    with reverts("V18"):
        system.deposit_token(depositor, 1)
    system.claim(TOKEN_ASSET, 3 * UNIT, depositor, stranger)


def test_impaired_asset_takes_no_deposits_and_pays(system, vault, guardian, depositor, stranger):
    system.deposit_token(depositor, TOKEN_NATIVE)
    vault.impair(TOKEN_ASSET, sender=guardian)
    with reverts("V30"):
        system.deposit_token(depositor, TOKEN_NATIVE)
    system.deposit_ether(depositor)
    system.claim(TOKEN_ASSET, UNIT, stranger, stranger)
    assert system.token.balanceOf(stranger) == TOKEN_NATIVE


def test_unregistered_asset(vault, depositor):
    with reverts("V10"):
        vault.deposit(CHAIN_ID, FREE_ASSET, 1, sender=depositor)


@pytest.mark.parametrize("sent_wei", [0, ETHER_WEI - 1, ETHER_WEI + 1])
def test_ether_differs_from_amount(vault, depositor, sent_wei):
    with reverts("V11"):
        vault.deposit(CHAIN_ID, ETHER_ASSET, ETHER_WEI, sender=depositor, value=sent_wei)


def test_ether_with_token(vault, depositor):
    with reverts("V12"):
        vault.deposit(CHAIN_ID, TOKEN_ASSET, 1, sender=depositor, value=1)


def test_refusing_token(system, project, depositor):
    token = system.register_odd_token(project, RETURNS_FALSE)
    with reverts("V13"):
        system.deposit_token(depositor, TOKEN_NATIVE, token)


def test_gateway_not_set(bare_vault, depositor):
    with reverts("V29"):
        bare_vault.deposit(CHAIN_ID, ETHER_ASSET, 1, sender=depositor, value=1)
