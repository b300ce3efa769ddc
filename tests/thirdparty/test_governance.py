"""Vault, registry and hub under a real timelock and a real Safe: delays hold, claims never stop."""

import pytest

from offchain.settlement.oracle_hub import FeedSet
from tests.onchain.evm import DEPLOYER
from tests.onchain.vault_scene import (
    DEPOSITOR,
    ETHER,
    ETHER_ADDRESS,
    ETHER_WEI,
    RECEIVER,
    STRANGER,
)
from tests.thirdparty.governance import DELAY_S, KEYS, Multisig, Operation, Timelock
from tests.thirdparty.system import (
    CHAIN,
    INTERVAL_S,
    UNLIMITED,
    balance,
    refused,
    refused_by,
    registration,
)
from tests.thirdparty.uniswap import (
    ETHER_PRICE_E8,
    deploy_aggregator,
    deploy_dollar,
    deploy_weth,
    price_feed,
)

ASSET, ETHER_ASSET, NEW_ASSET = 1, 2, 3
NEW_CHAIN, FEED_SET = 8, 1
UNITS = 10**8
QUEUE_S = 3 * 3_600
DEPOSITED_WEI = 10 * ETHER_WEI
NOT_READY = "TimelockUnexpectedOperationState(bytes32,bytes32)"
UNAUTHORIZED = "AccessControlUnauthorizedAccount(address,bytes32)"
TOO_FEW, WRONG_SIGNER, CALL_FAILED = "GS020", "GS026", "GS013"  # the Safe's codes
# What users call, and everyone may; all else in the vault that writes belongs to a role.
OPEN_CALLS = {
    "deposit",
    "claim",
    "claim_credit",
    "pay_queued",
    "activate_outflow_limit",
    "accept_ownership",
}


@pytest.fixture(scope="module")
def weth(artifacts, deployed):
    token = deploy_weth(artifacts, deployed.evm)
    deployed.register(ASSET, token)
    deployed.register(ETHER_ASSET, ETHER_ADDRESS, ETHER)
    token.call("deposit", sender=DEPOSITOR, value_wei=2 * DEPOSITED_WEI)
    deployed.approve(token)
    deployed.deposit(ASSET, DEPOSITED_WEI)
    return token


@pytest.fixture(scope="module")
def multisig(artifacts, deployed):
    return Multisig(artifacts, deployed.evm)


@pytest.fixture(scope="module")
def candidate(artifacts, deployed, weth, multisig):
    """Return a timelock that was offered all ownerships and has not accepted yet."""
    timelock = Timelock(artifacts, deployed.evm, multisig)
    deployed.vault.call("set_guardian", multisig.address)
    for contract in owned(deployed):
        contract.call("transfer_ownership", timelock.address)
    return timelock


def owned(system):
    return system.vault, system.registry, system.hub


def acceptance(system):
    return Operation.of(*((contract, "accept_ownership", ()) for contract in owned(system)))


@pytest.fixture
def timelock(system, candidate):
    """Return the timelock as owner of everything."""
    operation = acceptance(system)
    candidate.schedule(operation)
    system.wait(DELAY_S)
    candidate.execute(operation)
    return candidate


def test_ownership_moves_in_two_steps(system, candidate):
    system.vault.call("set_cap", ASSET, UNLIMITED - 1)  # the offer alone takes nothing away
    operation = acceptance(system)
    candidate.schedule(operation)
    system.wait(DELAY_S - 1)
    with refused_by(NOT_READY):
        candidate.execute(operation)
    system.wait(1)
    candidate.execute(operation)
    for contract in owned(system):
        assert contract.call("owner").values == (candidate.address.lower(),)
        with refused("O03: "):
            contract.call("transfer_ownership", DEPLOYER)


def calls_of_owner(system, artifacts):
    """Return calls of the owner, each with a view that shows what it did."""
    dollar = deploy_dollar(artifacts, system.evm)
    feed = price_feed(deploy_aggregator(artifacts, system.evm, ETHER_PRICE_E8))
    feed_set = FeedSet(INTERVAL_S, (feed,))
    return {
        "register_asset": (
            (system.vault, "register_asset", registration(NEW_ASSET, dollar)),
            lambda: system.view("asset", NEW_ASSET)[0] == dollar.address.lower(),
        ),
        "set_cap": (
            (system.vault, "set_cap", (ASSET, 5)),
            lambda: system.view("asset", ASSET)[5] == 5,
        ),
        "register_chain": (
            (system.registry, "register_chain", (NEW_CHAIN, system.terms(NEW_CHAIN).to_tuple())),
            lambda: system.registry.call("is_registered", NEW_CHAIN).values == (True,),
        ),
        "register_feed_set": (
            (system.hub, "register_feed_set", (FEED_SET, *feed_set.arguments())),
            lambda: system.hub.call("feed_count", FEED_SET).values == (1,),
        ),
    }


@pytest.mark.parametrize(
    "name", ["register_asset", "set_cap", "register_chain", "register_feed_set"]
)
def test_what_the_owner_does_waits_for_the_delay(system, artifacts, timelock, name):
    call, is_done = calls_of_owner(system, artifacts)[name]
    contract, function, arguments = call
    with refused("O03: "):
        contract.call(function, *arguments)
    operation = Operation.of(call)
    timelock.schedule(operation)
    system.wait(DELAY_S - 1)
    with refused_by(NOT_READY):
        timelock.execute(operation)
    assert not is_done()
    system.wait(1)
    timelock.execute(operation)
    assert is_done()
    with refused_by(NOT_READY):
        timelock.execute(operation)


def test_only_the_safe_proposes_and_only_with_the_delay(system, timelock):
    operation = Operation.of((system.vault, "set_cap", (ASSET, 0)))
    with refused_by(UNAUTHORIZED):
        timelock.contract.call("scheduleBatch", *operation.arguments, DELAY_S, sender=STRANGER)
    with refused(CALL_FAILED):
        timelock.schedule(operation, DELAY_S - 1)
    with refused_by(NOT_READY):
        timelock.execute(operation)


def test_a_cancelled_operation_never_comes(system, multisig, timelock):
    operation = Operation.of((system.vault, "set_cap", (ASSET, 0)))
    timelock.schedule(operation)
    multisig.send(timelock.contract, "cancel", timelock.operation_id(operation))
    system.wait(DELAY_S)
    with refused_by(NOT_READY):
        timelock.execute(operation)


def test_the_safe_pauses_at_once_and_cannot_resume(system, multisig, timelock):
    with refused(TOO_FEW):
        multisig.send(system.vault, "pause", keys=KEYS[:1])
    with refused(WRONG_SIGNER):
        multisig.send(system.vault, "pause", keys=(KEYS[0], bytes(31) + b"\x09"))
    multisig.send(system.vault, "pause", keys=KEYS[1:])
    with refused("G04: "):
        system.deposit(ASSET, ETHER_WEI)
    with refused(CALL_FAILED):
        multisig.send(system.vault, "resume")
    operation = Operation.of((system.vault, "resume", ()))
    timelock.schedule(operation)
    system.wait(DELAY_S)
    timelock.execute(operation)
    system.deposit(ASSET, ETHER_WEI)


def test_claims_go_on_while_deposits_are_paused(system, multisig, weth, timelock):
    multisig.send(system.vault, "pause")
    multisig.send(system.vault, "impair", ASSET)
    system.claim(system.withdraw(RECEIVER, ASSET, UNITS))
    assert balance(weth, RECEIVER) == ETHER_WEI


def test_claims_go_on_while_ownership_is_on_its_way(system, weth, candidate):
    for contract in owned(system):
        assert contract.call("pending_owner").values == (candidate.address.lower(),)
    system.claim(system.withdraw(RECEIVER, ASSET, UNITS))
    candidate.schedule(acceptance(system))
    system.claim(system.withdraw(RECEIVER, ASSET, UNITS))
    assert balance(weth, RECEIVER) == 2 * ETHER_WEI


def hostile_calls(system, weth):
    """Return every call of a role with the worst arguments, and the refusal if there is one."""
    return {
        "pause": ((), ""),
        "resume": ((), "G03: "),
        "impair": ((ASSET,), ""),
        "restore": ((ASSET,), ""),
        "set_cap": ((ASSET, 0), ""),
        "set_min_deposit": ((ASSET, 2**62 - 1), ""),
        "set_outflow_limit": ((ASSET, 0), ""),
        "set_gateway": ((system.queue.address,), "V26: "),
        "set_guardian": ((STRANGER,), ""),
        "set_treasury": ((STRANGER,), ""),
        "register_asset": (registration(NEW_ASSET, weth), "V03: "),
        "skim": ((ASSET,), "V35: "),
        "transfer_ownership": ((STRANGER,), ""),
    }


GUARDIAN_CALLS = {"pause", "impair"}


def role_calls(system):
    writing = {"nonpayable", "payable"}
    functions = [entry for entry in system.vault.abi if entry["type"] == "function"]
    return {f["name"] for f in functions if f["stateMutability"] in writing} - OPEN_CALLS


def test_the_list_of_hostile_calls_is_complete(system, weth):
    assert hostile_calls(system, weth).keys() == role_calls(system)


def test_the_guardian_can_do_nothing_but_pause_and_impair(system, multisig, weth, timelock):
    for name, (arguments, _) in hostile_calls(system, weth).items():
        if name in GUARDIAN_CALLS:
            multisig.send(system.vault, name, *arguments)
        else:
            with refused(CALL_FAILED):
                multisig.send(system.vault, name, *arguments)


def test_no_call_of_a_role_stops_a_claim(system, weth, timelock):
    for salt, (name, (arguments, refusal)) in enumerate(hostile_calls(system, weth).items()):
        with system.rolled_back():
            claim = system.withdraw(RECEIVER, ASSET, UNITS)
            operation = Operation.of((system.vault, name, arguments), salt=salt)
            timelock.schedule(operation)
            system.wait(DELAY_S)
            if refusal:
                with refused(refusal):
                    timelock.execute(operation)
            else:
                timelock.execute(operation)
            check_paid(system, weth, claim)


def test_all_calls_of_roles_together_stop_no_claim(system, weth, timelock):
    claim = system.withdraw(RECEIVER, ASSET, UNITS)
    operation = Operation.of(
        *(
            (system.vault, name, arguments)
            for name, (arguments, refusal) in hostile_calls(system, weth).items()
            if not refusal
        )
    )
    timelock.schedule(operation)
    system.wait(DELAY_S)
    timelock.execute(operation)
    check_paid(system, weth, claim)


def check_paid(system, weth, claim):
    """Check that anyone gets a claim paid to its owner, within three hours."""
    outcome = system.vault.call("claim", *claim, sender=STRANGER)
    [(name, event)] = outcome.events
    if name == "PayoutQueued":
        system.wait(QUEUE_S)
        system.vault.call("pay_queued", event["payout_id"], sender=STRANGER)
    assert balance(weth, RECEIVER) == ETHER_WEI


def test_a_safe_deposits_ether_and_is_paid(system, multisig, weth):
    system.evm.fund(multisig.address, ETHER_WEI)
    arguments = ("deposit", CHAIN, ETHER_ASSET, ETHER_WEI)
    multisig.send(system.vault, *arguments, value_wei=ETHER_WEI)
    assert system.evm.balance_wei(multisig.address) == 0
    system.claim(system.withdraw(multisig.address, ETHER_ASSET, UNITS))
    assert system.evm.balance_wei(multisig.address) == ETHER_WEI
