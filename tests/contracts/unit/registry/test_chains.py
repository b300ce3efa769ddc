"""ChainRegistry: registration, roles, upgrades."""

import dataclasses

import ape
import pytest

from tests.contracts.support import (
    CHAIN_ID,
    CONFIG_HASH,
    GENESIS_ROOT,
    OPERATIONS_PER_BLOCK,
    PARAMETERS_ID,
    PROGRAM_ID,
    contract_argument,
    pass_time,
    reverts,
)

FREE = 50
NOTICE_S = 14 * 86_400
NEW_PROGRAM_ID = b"\x99" * 32
KEPT = (
    *("operator", "governance", "genesis_root", "da_mode", "feed_set_id"),
    *("forced_fee_wei", "operations_per_block"),
)
"""Terms that an upgrade does not touch."""


def upgrade_argument(system, **changes):
    return contract_argument(system.version(**changes).to_tuple())


def test_registers(system, registry, facts_address):
    receipt = system.register(FREE, da_mode=1, feed_set_id=4)
    assert receipt.events == [
        registry.ChainRegistered(
            chain_id=FREE,
            operator=system.operator,
            governance=system.governance,
            genesis_root=GENESIS_ROOT,
            da_mode=1,
            feed_set_id=4,
            forced_fee_wei=10**15,
            operations_per_block=OPERATIONS_PER_BLOCK,
        ),
        registry.VersionActivated(
            chain_id=FREE,
            verifier=facts_address,
            program_id=PROGRAM_ID,
            parameters_id=PARAMETERS_ID,
            config_hash=CONFIG_HASH,
        ),
    ]
    terms = registry.terms(FREE)
    assert terms == registry.live_terms(FREE)
    assert (terms.version.verifier, bytes(terms.genesis_root)) == (facts_address, GENESIS_ROOT)
    assert (terms.da_mode, terms.feed_set_id, terms.forced_fee_wei) == (1, 4, 10**15)
    assert (terms.operator, terms.governance) == (system.operator, system.governance)
    assert terms.operations_per_block == OPERATIONS_PER_BLOCK
    assert bytes(system.gateway.position(FREE).state_root) == GENESIS_ROOT


@pytest.fixture
def facts_address(system):
    return system.facts.address


@pytest.mark.parametrize(
    "case",
    [
        ("C12", {"operator": bytes(20)}),
        ("C13", {"governance": bytes(20)}),
        ("C14", {"genesis_root": bytes(32)}),
        ("C15", {"da_mode": 2}),
        ("C30", {"feed_set_id": 2**64}),
        ("C16", {"operations_per_block": 1}),
        ("C16", {"operations_per_block": 256}),
    ],
    ids=lambda case: f"{case[0]}-{'-'.join(case[1])}",
)
def test_wrong_terms(system, case):
    code, changes = case
    with reverts(code):
        system.register(FREE, **changes)


@pytest.mark.parametrize(
    "case",
    [
        ("C23", {"verifier": b"\x01" * 20}),
        ("C24", {"program_id": bytes(32)}),
        ("C25", {"parameters_id": bytes(32)}),
        ("C26", {"config_hash": bytes(32)}),
    ],
    ids=lambda case: case[0],
)
def test_wrong_version(system, registry, governance, case):
    code, changes = case
    with reverts(code):
        system.register(FREE, version=system.version(**changes))
    with reverts(code):
        registry.schedule_upgrade(CHAIN_ID, upgrade_argument(system, **changes), sender=governance)


def test_who_registers_and_what(system, registry, stranger):
    with reverts("O03"):
        registry.register_chain(FREE, system.terms(), sender=stranger)
    for chain_id in (0, 2**64):
        with reverts("C10"):
            system.register(chain_id)
    with reverts("C11"):
        system.register(CHAIN_ID)
    with reverts("C27"):
        registry.terms(FREE)
    assert not registry.is_registered(FREE)


def test_gateway_is_set_once(project, system, registry, owner, stranger):
    with reverts("C01"):
        registry.set_gateway(system.gateway, sender=owner)
    other = project.ChainRegistry.deploy(owner, sender=owner)
    with reverts("O03"):
        other.set_gateway(system.gateway, sender=stranger)
    with reverts("C02"):
        other.set_gateway(stranger, sender=owner)
    with reverts("C03"):
        other.set_gateway(system.gateway, sender=owner)


def test_roles(system, registry, operator, governance, stranger, depositor):
    with reverts("C17"):
        registry.set_roles(CHAIN_ID, operator, stranger, sender=stranger)
    zero = "0x" + "00" * 20
    with reverts("C18"):
        registry.set_roles(CHAIN_ID, zero, governance, sender=governance)
    with reverts("C19"):
        registry.set_roles(CHAIN_ID, operator, zero, sender=governance)
    receipt = registry.set_roles(CHAIN_ID, depositor, stranger, sender=governance)
    assert receipt.events == [
        registry.RolesSet(chain_id=CHAIN_ID, operator=depositor, governance=stranger)
    ]
    with reverts("C17"):
        registry.set_roles(CHAIN_ID, operator, governance, sender=governance)


def test_upgrade(system, registry, governance, stranger):
    before = registry.terms(CHAIN_ID)
    argument = upgrade_argument(system, program_id=NEW_PROGRAM_ID)
    with reverts("C17"):
        registry.schedule_upgrade(CHAIN_ID, argument, sender=stranger)
    with reverts("C21"):
        registry.activate_upgrade(CHAIN_ID, sender=stranger)
    registry.schedule_upgrade(CHAIN_ID, argument, sender=governance)
    ready_s = ape.chain.blocks.head.timestamp + NOTICE_S
    assert registry.scheduled_upgrade(CHAIN_ID).active_from_s == ready_s
    pass_time(NOTICE_S - 10)
    with reverts("C22"):
        registry.activate_upgrade(CHAIN_ID, sender=stranger)
    system.settle()
    settlement = system.settlement()
    system.record(*settlement.outputs)
    pass_time(10)
    receipt = registry.activate_upgrade(CHAIN_ID, sender=stranger)
    assert receipt.events == [
        registry.VersionActivated(
            chain_id=CHAIN_ID,
            verifier=system.facts.address,
            program_id=NEW_PROGRAM_ID,
            parameters_id=PARAMETERS_ID,
            config_hash=CONFIG_HASH,
        )
    ]
    after = registry.terms(CHAIN_ID)
    assert bytes(after.version.program_id) == NEW_PROGRAM_ID
    assert [getattr(after, name) for name in KEPT] == [getattr(before, name) for name in KEPT]
    # A proof of the retired program settles nothing.
    with reverts("E05"):
        system.gateway.settle(*settlement.arguments(), sender=stranger)
    with reverts("C21"):
        registry.activate_upgrade(CHAIN_ID, sender=stranger)


def test_cancelled_upgrade(system, registry, governance, stranger):
    registry.schedule_upgrade(CHAIN_ID, upgrade_argument(system), sender=governance)
    with reverts("C17"):
        registry.cancel_upgrade(CHAIN_ID, sender=stranger)
    registry.cancel_upgrade(CHAIN_ID, sender=governance)
    with reverts("C20"):
        registry.cancel_upgrade(CHAIN_ID, sender=governance)
    pass_time(NOTICE_S)
    with reverts("C21"):
        registry.activate_upgrade(CHAIN_ID, sender=stranger)


def test_frozen_chain_is_not_upgraded(system, registry, governance, stranger):
    argument = upgrade_argument(system)
    registry.schedule_upgrade(CHAIN_ID, argument, sender=governance)
    pass_time(NOTICE_S)
    system.freeze()
    with reverts("E01"):
        registry.activate_upgrade(CHAIN_ID, sender=stranger)
    with reverts("E01"):
        registry.schedule_upgrade(CHAIN_ID, argument, sender=governance)


def test_alarm(system, registry, gateway, stranger):
    first = system.next_output()
    second = dataclasses.replace(first, new_root=b"\x78" * 32)
    arguments = [contract_argument(each.to_tuple()) for each in (first, second)]
    with reverts("C08"):
        registry.raise_alarm(*arguments, sender=stranger)
    system.record(first)
    with reverts("C09"):
        registry.raise_alarm(*arguments, sender=stranger)
    system.record(second)
    with reverts("C06"):
        registry.raise_alarm(arguments[0], arguments[0], sender=stranger)
    for changes in ({"inputs_commitment": bytes(32)}, {"old_root": bytes(32)}, {"chain_id": 8}):
        other = dataclasses.replace(second, **changes)
        with reverts("C05"):
            argument = contract_argument(other.to_tuple())
            registry.raise_alarm(arguments[0], argument, sender=stranger)
    for changes in ({"gateway": bytes(20)}, {"l1_chain_id": 1}, {"config_hash": bytes(32)}):
        other = dataclasses.replace(second, **changes)
        with reverts("C07"):
            argument = contract_argument(other.to_tuple())
            registry.raise_alarm(arguments[0], argument, sender=stranger)
    receipt = registry.raise_alarm(*arguments, sender=stranger)
    assert receipt.events == [registry.ChainFrozen(chain_id=CHAIN_ID, cause=3)]
    assert gateway.is_frozen(CHAIN_ID)
    with reverts("E01"):
        registry.raise_alarm(*arguments, sender=stranger)
