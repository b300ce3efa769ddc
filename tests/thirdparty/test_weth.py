"""WETH9 and bare ether through the vault."""

import pytest

from tests.onchain.vault_scene import DEPOSITOR, ETHER, ETHER_ADDRESS, ETHER_WEI, RECEIVER
from tests.thirdparty.system import WEI_PER_UNIT, balance, refused
from tests.thirdparty.uniswap import deploy_weth

WETH_ASSET, ETHER_ASSET = 1, 2
DEPOSIT_WEI = 3 * ETHER_WEI + 7  # seven wei are less than a unit


@pytest.fixture(scope="module")
def weth(artifacts, deployed):
    token = deploy_weth(artifacts, deployed.evm)
    deployed.register(WETH_ASSET, token)
    deployed.register(ETHER_ASSET, ETHER_ADDRESS, ETHER)
    token.call("deposit", sender=DEPOSITOR, value_wei=10 * ETHER_WEI)
    deployed.approve(token)
    return token


def test_deposit_and_claim(system, weth):
    event = system.deposit(WETH_ASSET, DEPOSIT_WEI)
    assert (event["received_native"], event["amount_units"]) == (DEPOSIT_WEI, 3 * 10**8)
    assert balance(weth, system.vault.address) == DEPOSIT_WEI
    claim = system.withdraw(RECEIVER, WETH_ASSET, 10**8)
    system.claim(claim)
    assert balance(weth, RECEIVER) == ETHER_WEI
    with refused("N03: "):
        system.claim(claim)
    system.claim(system.withdraw(RECEIVER, WETH_ASSET, 2 * 10**8))
    assert balance(weth, system.vault.address) == system.view("surplus_native", WETH_ASSET) == 7
    system.check_solvent(WETH_ASSET)


def test_what_is_claimed_can_be_unwrapped(system, weth):
    system.deposit(WETH_ASSET, DEPOSIT_WEI)
    before_wei = system.evm.balance_wei(RECEIVER)
    system.claim(system.withdraw(RECEIVER, WETH_ASSET, 3 * 10**8))
    weth.call("withdraw", 3 * 10**8 * WEI_PER_UNIT, sender=RECEIVER)
    assert system.evm.balance_wei(RECEIVER) - before_wei == 3 * ETHER_WEI


def test_ether_and_weth_are_assets_of_their_own(system, weth):
    system.deposit(WETH_ASSET, ETHER_WEI)
    with refused("V12: "):
        system.deposit(WETH_ASSET, ETHER_WEI, value_wei=ETHER_WEI)
    with refused("V11: "):
        system.deposit(ETHER_ASSET, ETHER_WEI)
    with refused("V03: "):
        system.register(3, weth)


def test_ether_that_is_paid_to_weth_becomes_surplus(system, weth):
    # The payer, so the vault, is credited with what WETH9 receives without calldata.
    system.deposit(ETHER_ASSET, ETHER_WEI, value_wei=ETHER_WEI)
    system.claim(system.withdraw(weth.address, ETHER_ASSET, 10**8))
    assert system.view("surplus_native", WETH_ASSET) == ETHER_WEI
    assert system.view("ledger_units", ETHER_ASSET) == system.view("ledger_units", WETH_ASSET) == 0
