"""CollateralVault.deposit."""

import pytest

from offchain.settlement.deployer import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.priority import PriorityKind, PriorityRecord
from tests.contracts.support import CHAIN_ID, ETHER_WEI, UNITS_PER_TOKEN, address_bytes, reverts

OTHER_ASSET = 9


def register_token(system, token):
    system.vault.register_asset(OTHER_ASSET, token, sender=system.owner)


def deposit_token(system, token, depositor, amount_native):
    token.mint(depositor, amount_native, sender=depositor)
    token.approve(system.vault, amount_native, sender=depositor)
    return system.vault.deposit(CHAIN_ID, OTHER_ASSET, amount_native, sender=depositor)


def test_ether_is_kept_and_queued(system, vault, depositor):
    receipt = system.deposit_ether(depositor, 3 * ETHER_WEI)
    assert vault.balance == 3 * ETHER_WEI
    assert vault.chain_balance_units(CHAIN_ID, ETHER_ASSET) == 3 * UNITS_PER_TOKEN
    assert system.queued_records() == [
        PriorityRecord(
            index=0,
            kind=PriorityKind.DEPOSIT,
            sender=address_bytes(depositor),
            account_id=1,
            asset_id=ETHER_ASSET,
            amount_units=3 * UNITS_PER_TOKEN,
        )
    ]
    assert receipt.events.filter(vault.Deposited) == [
        vault.Deposited(
            chain_id=CHAIN_ID,
            depositor=depositor,
            asset_id=ETHER_ASSET,
            received_native=3 * ETHER_WEI,
            amount_units=3 * UNITS_PER_TOKEN,
            priority_index=0,
        )
    ]


@pytest.mark.parametrize("decimals", [2, 6, 8, 18])
def test_units_follow_decimals(system, vault, project, depositor, decimals):
    token = project.TokenMock.deploy("TKN", decimals, sender=depositor)
    register_token(system, token)
    deposit_token(system, token, depositor, 25 * 10**decimals)
    assert token.balanceOf(vault) == 25 * 10**decimals
    assert vault.chain_balance_units(CHAIN_ID, OTHER_ASSET) == 25 * UNITS_PER_TOKEN


def test_remainder_below_one_unit_is_surplus(system, vault, depositor):
    system.deposit_ether(depositor, ETHER_WEI + 10**10 - 1)
    assert vault.balance == ETHER_WEI + 10**10 - 1
    assert vault.chain_balance_units(CHAIN_ID, ETHER_ASSET) == UNITS_PER_TOKEN


def test_fee_token_credits_what_arrived(system, vault, project, depositor):
    token = project.FeeTokenMock.deploy(sender=depositor)
    register_token(system, token)
    receipt = deposit_token(system, token, depositor, 100 * 10**18)
    assert token.balanceOf(vault) == 99 * 10**18
    assert vault.chain_balance_units(CHAIN_ID, OTHER_ASSET) == 99 * UNITS_PER_TOKEN
    assert system.queued_records()[-1].amount_units == 99 * UNITS_PER_TOKEN
    (event,) = receipt.events.filter(vault.Deposited)
    assert event.received_native == 99 * 10**18


def test_token_without_return_value(system, vault, project, depositor):
    token = project.NoReturnTokenMock.deploy(sender=depositor)
    register_token(system, token)
    deposit_token(system, token, depositor, 5 * 10**6)
    assert vault.chain_balance_units(CHAIN_ID, OTHER_ASSET) == 5 * UNITS_PER_TOKEN


def test_second_deposit_keeps_the_account(system, gateway, depositor, second_depositor):
    for account in (depositor, second_depositor, depositor):
        system.deposit_ether(account)
    assert [record.account_id for record in system.queued_records()] == [1, 2, 1]
    assert gateway.account_of(CHAIN_ID, depositor) == 1
    assert gateway.account_of(CHAIN_ID, second_depositor) == 2
    assert gateway.account_count(CHAIN_ID) == 2


def test_largest_credit(system, vault, project, depositor):
    token = project.TokenMock.deploy("TKN", 8, sender=depositor)
    register_token(system, token)
    deposit_token(system, token, depositor, 2**62 - 1)
    assert vault.chain_balance_units(CHAIN_ID, OTHER_ASSET) == 2**62 - 1


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_credit_of_2_to_62_units(system, project, depositor, decimals):
    token = project.TokenMock.deploy("TKN", decimals, sender=depositor)
    register_token(system, token)
    amount_native = 2**62 * 10**decimals // 10**8 + 10 ** max(0, decimals - 8)
    with reverts("V18"):
        deposit_token(system, token, depositor, amount_native)


def test_nothing_but_dust(system, vault, depositor):
    with reverts("V17"):
        system.deposit_ether(depositor, 10**10 - 1)
    with reverts("V17"):
        vault.deposit(CHAIN_ID, QUOTE_ASSET, 0, sender=depositor)


def test_unregistered_asset(vault, depositor):
    with reverts("V05"):
        vault.deposit(CHAIN_ID, OTHER_ASSET, 1, sender=depositor)


def test_unregistered_chain(vault, depositor):
    with reverts("E01"):
        vault.deposit(CHAIN_ID + 1, ETHER_ASSET, ETHER_WEI, sender=depositor, value=ETHER_WEI)


@pytest.mark.parametrize("sent_wei", [0, ETHER_WEI - 1, ETHER_WEI + 1])
def test_ether_differs_from_amount(vault, depositor, sent_wei):
    with reverts("V08"):
        vault.deposit(CHAIN_ID, ETHER_ASSET, ETHER_WEI, sender=depositor, value=sent_wei)


def test_ether_with_token(vault, depositor):
    with reverts("V09"):
        vault.deposit(CHAIN_ID, QUOTE_ASSET, 1, sender=depositor, value=1)


def test_refusing_token(system, depositor):
    system.quote.set_refusing(True, sender=depositor)
    with reverts("V10"):
        system.deposit_quote(depositor, 10**6)


def test_gateway_not_set(project, owner, depositor):
    vault = project.CollateralVault.deploy(owner, sender=owner)
    with reverts("V16"):
        vault.deposit(CHAIN_ID, ETHER_ASSET, 1, sender=depositor, value=1)
