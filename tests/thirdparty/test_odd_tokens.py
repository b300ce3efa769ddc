"""Tokens of others with a fee, with hooks, and with a switch: DeflatingERC20, ERC-777, presets."""

import pytest
from eth_utils import keccak

from tests.onchain.vault_scene import DEPOSITOR, ETHER_WEI, RECEIVER, STRANGER
from tests.thirdparty.system import CHAIN, WEI_PER_UNIT, balance, refused

FEE, HOOKED, SWITCHED, FEE_REFUSED = 1, 2, 3, 4
DEFLATING = "@uniswap/v2-periphery@1.1.0-beta.0", "build/DeflatingERC20.json"
OPENZEPPELIN = "@openzeppelin/contracts@4.9.6"
ERC777 = "build/contracts/ERC777PresetFixedSupply.json"
PRESET = "build/contracts/ERC20PresetMinterPauser.json"
# The address of ERC-1820's registry is part of the standard.
HOOK_REGISTRY = "0x1820a4B7618BdE71Dce8cdc73aAB6C95905faD24"
SEND_HOOK, RECEIVE_HOOK = keccak(b"ERC777TokensSender"), keccak(b"ERC777TokensRecipient")
AMOUNT_WEI = 100 * ETHER_WEI
UNITS = AMOUNT_WEI // WEI_PER_UNIT
LOCKED = b""  # Vyper's lock reverts without a reason


@pytest.fixture(scope="module")
def deflating(artifacts, deployed):
    token = artifacts.deploy(deployed.evm, *DEFLATING, 10 * AMOUNT_WEI, sender=DEPOSITOR)
    deployed.register(FEE, token, may_take_fee=True)
    deployed.approve(token)
    return token


def test_of_a_token_with_a_fee_what_arrived_is_credited(system, deflating):
    event = system.deposit(FEE, AMOUNT_WEI)
    assert event["received_native"] == AMOUNT_WEI * 99 // 100
    assert event["amount_units"] == UNITS * 99 // 100
    assert system.view("surplus_native", FEE) == 0
    paid = system.claim(system.withdraw(RECEIVER, FEE, UNITS // 2))
    # The fee of the way out is the receiver's.
    assert paid["amount_native"] == AMOUNT_WEI // 2
    assert balance(deflating, RECEIVER) == AMOUNT_WEI // 2 * 99 // 100
    system.claim(system.withdraw(RECEIVER, FEE, UNITS * 49 // 100))
    assert balance(deflating, system.vault.address) == system.view("ledger_units", FEE) == 0


def test_a_fee_that_was_not_announced_is_refused(system, artifacts):
    token = artifacts.deploy(system.evm, *DEFLATING, AMOUNT_WEI, sender=DEPOSITOR)
    system.register(FEE_REFUSED, token)
    system.approve(token)
    with refused("V14: "):
        system.deposit(FEE_REFUSED, AMOUNT_WEI)
    assert balance(token, DEPOSITOR) == AMOUNT_WEI


@pytest.fixture(scope="module")
def hooks(deployed):
    registry = deployed.evm.deploy("tests/thirdparty/Erc1820.vy")
    deployed.evm.plant_code(HOOK_REGISTRY, registry.code)
    return deployed.evm.at(HOOK_REGISTRY, registry.abi)


@pytest.fixture(scope="module")
def hooked(artifacts, deployed, hooks):
    """Return an ERC-777 token; the depositor has all of it."""
    arguments = ("Hooked", "HOOK", [], 10 * AMOUNT_WEI, DEPOSITOR)
    token = artifacts.deploy(deployed.evm, OPENZEPPELIN, ERC777, *arguments)
    deployed.register(HOOKED, token)
    deployed.approve(token)
    return token


@pytest.fixture
def attacker(system, hooked, hooks):
    """Return a contract with tokens and an allowance, which is its own hook both ways."""
    attacker = system.evm.deploy("AttackerMock")
    hooked.call("transfer", attacker.address, AMOUNT_WEI, sender=DEPOSITOR)
    for target, call_data in (
        (hooked, hooked.calldata("approve", system.vault.address, 2 * AMOUNT_WEI)),
        *(
            (
                hooks,
                hooks.calldata("setInterfaceImplementer", attacker.address, name, attacker.address),
            )
            for name in (SEND_HOOK, RECEIVE_HOOK)
        ),
    ):
        attacker.call("act", target.address, call_data)
    return attacker


def act(attacker, vault, name, *arguments):
    return attacker.call("act", vault.address, vault.calldata(name, *arguments))


def reentry(attacker):
    """Return how often a hook was called back, and whether the last call succeeded."""
    (count,) = attacker.call("callback_count").values
    (is_done,) = attacker.call("is_callback_done").values
    (output,) = attacker.call("callback_output").values
    return count, is_done, output


def calls_of(system, attacker):
    """Return calls that would succeed outside of a hook."""
    system.deposit(HOOKED, 2 * AMOUNT_WEI)
    claim = system.withdraw(attacker.address, HOOKED, UNITS)
    return {
        "deposit": ("deposit", CHAIN, HOOKED, AMOUNT_WEI // 4),
        "claim": ("claim", *claim),
        "ledger_units": ("ledger_units", HOOKED),
        "surplus_native": ("surplus_native", HOOKED),
    }


NAMES = ["deposit", "claim", "ledger_units", "surplus_native"]


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_a_hook_the_calls_succeed(system, attacker, name):
    act(attacker, system.vault, *calls_of(system, attacker)[name])
    system.check_solvent(HOOKED)


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_of_a_sender_cannot_enter_the_vault(system, attacker, hooked, name):
    call = system.vault.calldata(*calls_of(system, attacker)[name])
    attacker.call("set_callback", system.vault.address, call)
    act(attacker, system.vault, "deposit", CHAIN, HOOKED, AMOUNT_WEI // 2)
    assert reentry(attacker) == (1, False, LOCKED)
    assert system.view("ledger_units", HOOKED) == 2 * UNITS + UNITS // 2
    assert balance(hooked, system.vault.address) == 2 * AMOUNT_WEI + AMOUNT_WEI // 2
    system.check_solvent(HOOKED)


@pytest.mark.parametrize("name", NAMES)
def test_the_hook_of_a_receiver_cannot_enter_the_vault(system, attacker, hooked, name):
    call = system.vault.calldata(*calls_of(system, attacker)[name])
    claim = system.withdraw(attacker.address, HOOKED, UNITS // 2)
    attacker.call("set_callback", system.vault.address, call)
    system.claim(claim)
    assert reentry(attacker) == (1, False, LOCKED)
    assert balance(hooked, attacker.address) == AMOUNT_WEI + AMOUNT_WEI // 2
    assert system.view("ledger_units", HOOKED) == 2 * UNITS - UNITS // 2
    system.check_solvent(HOOKED)


def test_a_gift_during_the_hook_is_surplus(system, attacker, hooked):
    # What else arrives while the vault measures is nobody's deposit.
    gift = hooked.calldata("transfer", system.vault.address, AMOUNT_WEI // 4)
    silent = system.evm.deploy("AttackerMock")  # without hooks, so that it is called once
    hooked.call("transfer", silent.address, AMOUNT_WEI, sender=DEPOSITOR)
    attacker.call("set_callback", silent.address, silent.calldata("act", hooked.address, gift))
    act(attacker, system.vault, "deposit", CHAIN, HOOKED, AMOUNT_WEI // 2)
    assert reentry(attacker)[:2] == (1, True)
    assert system.view("ledger_units", HOOKED) == UNITS // 2
    assert system.view("surplus_native", HOOKED) == AMOUNT_WEI // 4


def test_a_receiver_that_refuses_harms_itself_only(system, attacker, hooked):
    calls_of(system, attacker)
    claim = system.withdraw(attacker.address, HOOKED, UNITS // 2)
    other = system.withdraw(RECEIVER, HOOKED, UNITS // 2)
    attacker.call("set_refusing", True)
    with refused("attacker: refused"):
        system.claim(claim)
    system.claim(other)
    assert balance(hooked, RECEIVER) == AMOUNT_WEI // 2
    attacker.call("set_refusing", False)
    system.claim(claim)
    system.check_solvent(HOOKED)


def test_a_token_that_its_issuer_stops_keeps_its_claims(system, artifacts, deflating):
    token = artifacts.deploy(system.evm, OPENZEPPELIN, PRESET, "Switched", "SW")
    token.call("mint", DEPOSITOR, AMOUNT_WEI)
    system.register(SWITCHED, token)
    system.approve(token)
    system.deposit(SWITCHED, AMOUNT_WEI)
    system.deposit(FEE, AMOUNT_WEI)
    claim = system.withdraw(RECEIVER, SWITCHED, UNITS)
    token.call("pause")
    with refused("ERC20Pausable: token transfer while paused"):
        system.claim(claim)
    system.claim(system.withdraw(STRANGER, FEE, UNITS // 2))  # other assets go on
    token.call("unpause")
    system.claim(claim)
    assert balance(token, RECEIVER) == AMOUNT_WEI
