"""Gateway's constructor, register_chain and the registry's getters."""

import pytest
from ape.utils import ZERO_ADDRESS

from offchain.settlement.deployer import TRUST_MODE_ATTESTED, TRUST_MODE_PROVEN
from tests.contracts.support import CHAIN_ID, CONFIG_HASH, GENESIS_ROOT, reverts

FREE_CHAIN_ID = 8
ZERO_HASH = bytes(32)


@pytest.fixture
def register(gateway, owner, operator, governance):
    """Register a chain with valid arguments, but for the changed ones."""

    def register_with(sender=owner, **changes):
        arguments = {
            "chain_id": FREE_CHAIN_ID,
            "trust_mode": TRUST_MODE_ATTESTED,
            "operator": operator,
            "governance": governance,
            "config_hash": CONFIG_HASH,
            "genesis_root": GENESIS_ROOT,
        } | changes
        return gateway.register_chain(*arguments.values(), sender=sender)

    return register_with


def test_registers_attested(gateway, register, operator, governance):
    receipt = register()
    assert receipt.events == [
        gateway.ChainRegistered(
            chain_id=FREE_CHAIN_ID,
            trust_mode="ATTESTED",
            operator=operator,
            governance=governance,
            config_hash=CONFIG_HASH,
            genesis_root=GENESIS_ROOT,
        )
    ]
    assert gateway.trust_mode_name(FREE_CHAIN_ID) == "ATTESTED"
    state = gateway.chain_state(FREE_CHAIN_ID)
    assert (state.operator, state.governance) == (operator, governance)
    assert (bytes(state.config_hash), bytes(state.state_root)) == (CONFIG_HASH, GENESIS_ROOT)
    assert state.trust_mode == TRUST_MODE_ATTESTED
    assert (state.last_batch, state.last_time_s, state.last_slot, state.priority_consumed) == (
        0,
        0,
        0,
        0,
    )


def test_stranger(register, stranger):
    with reverts("O03"):
        register(sender=stranger)


def test_taken_id(register):
    with reverts("E33"):
        register(chain_id=CHAIN_ID)


def test_proven_is_refused(register):
    with reverts("E34"):
        register(trust_mode=TRUST_MODE_PROVEN)


@pytest.mark.parametrize("trust_mode", [0, 3])
def test_unknown_mode(register, trust_mode):
    with reverts("E35"):
        register(trust_mode=trust_mode)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("E36", {"operator": ZERO_ADDRESS}),
        ("E37", {"governance": ZERO_ADDRESS}),
        ("E38", {"config_hash": ZERO_HASH}),
        ("E39", {"genesis_root": ZERO_HASH}),
    ],
)
def test_zero_argument(register, code, changes):
    with reverts(code):
        register(**changes)


def test_getters_of_an_unknown_chain(gateway):
    with reverts("E01"):
        gateway.chain_state(FREE_CHAIN_ID)
    with reverts("E01"):
        gateway.trust_mode_name(FREE_CHAIN_ID)


def test_vault_is_fixed(gateway, vault):
    assert gateway.vault() == vault


def test_vault_without_code(project, owner, stranger):
    with reverts("E46"):
        project.Gateway.deploy(owner, stranger, sender=owner)
