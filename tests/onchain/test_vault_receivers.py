"""Receivers of ether that misbehave: each can only spoil its own payout."""

import pytest

from tests.onchain.evm import Reverted
from tests.onchain.vault_scene import (
    ETHER,
    ETHER_ADDRESS,
    ETHER_WEI,
    FROZEN_CHAIN,
    HOUR_S,
    OWNER,
    RECEIVER,
    UNIT,
    UNLIMITED,
    vault_scene,
)

ASSET = 1
PAYOUT_GAS = 80_000  # most that any payout takes here; to copy the bytes would take 55,000 more


@pytest.fixture
def scene():
    found = vault_scene()
    found.register(ASSET, ETHER_ADDRESS, ETHER)
    found.deposit(ASSET, 10 * ETHER_WEI, 10 * ETHER_WEI)
    return found


def queue(scene, owner):
    scene.vault.call("set_outflow_limit", ASSET, 0, sender=OWNER)
    scene.claim(ASSET, UNIT, owner)
    scene.vault.call("set_outflow_limit", ASSET, UNLIMITED, sender=OWNER)
    scene.wait(24 * HOUR_S)
    scene.vault.call("activate_outflow_limit", ASSET)


def payouts(scene, owner):
    """Each way to pay an owner, as calls that change nothing when they fail."""
    scene.credit(ASSET, UNIT, owner)
    queue(scene, owner)
    return {
        "claim": lambda: scene.claim(ASSET, UNIT, owner),
        "claim_credit": lambda: scene.vault.call("claim_credit", FROZEN_CHAIN, owner, ASSET),
        "pay_queued": lambda: scene.vault.call("pay_queued", 0),
    }


@pytest.mark.parametrize("name", ["claim", "claim_credit", "pay_queued"])
def test_refusing_receiver(scene, name):
    wallet = scene.evm.deploy("AttackerMock")
    pay = payouts(scene, wallet.address)[name]
    wallet.call("set_refusing", True)
    with pytest.raises(Reverted, match="V15"):
        pay()
    assert scene.view("ledger_units", ASSET) == 10 * UNIT
    scene.claim(ASSET, UNIT, RECEIVER)
    wallet.call("set_refusing", False)
    pay()
    assert scene.evm.balance_wei(wallet.address) == ETHER_WEI
    assert scene.view("ledger_units", ASSET) == 8 * UNIT


@pytest.mark.parametrize("name", ["claim", "claim_credit", "pay_queued"])
def test_nothing_of_a_return_bomb_is_copied(scene, name):
    bomb = scene.evm.deploy("ReturnBombMock")
    direct = scene.evm.deploy("AttackerMock")
    # What the bomb costs a caller that copies nothing but 2,048 bytes.
    cost = direct.call("act", bomb.address, b"").execution_gas
    pay = payouts(scene, bomb.address)[name]
    with scene.evm.rolled_back():
        gas_used = pay().execution_gas
    assert gas_used < cost + PAYOUT_GAS
    bomb.call("set_reverting", True)
    with pytest.raises(Reverted, match="V15"):
        pay()
    scene.claim(ASSET, UNIT, RECEIVER)
    bomb.call("set_reverting", False)
    pay()
    assert scene.evm.balance_wei(bomb.address) == ETHER_WEI


def test_refusing_treasury_spoils_its_skim_only(scene):
    wallet = scene.evm.deploy("AttackerMock")
    wallet.call("set_refusing", True)
    scene.vault.call("set_treasury", wallet.address, sender=OWNER)
    scene.evm.fund(scene.vault.address, 11 * ETHER_WEI)
    with pytest.raises(Reverted, match="V15"):
        scene.vault.call("skim", ASSET, sender=OWNER)
    scene.claim(ASSET, 10 * UNIT)
    scene.vault.call("set_treasury", RECEIVER, sender=OWNER)
    scene.vault.call("skim", ASSET, sender=OWNER)
    assert scene.evm.balance_wei(scene.vault.address) == 0


def test_vault_as_owner_refuses_itself(scene):
    with pytest.raises(Reverted, match="V15"):
        scene.claim(ASSET, UNIT, scene.vault.address)
