"""Every call that the vault makes, answered by a call of every function of the vault.

The attacker owns the vault, is its guardian and its treasury, and is the receiver of ether and
the hook of token and gateway: what is refused is refused by the lock, not by a role.
"""

from dataclasses import dataclass

import pytest

from tests.onchain.evm import Contract, Reverted
from tests.onchain.vault_scene import (
    CHAIN,
    DEPOSITOR,
    ETHER,
    ETHER_ADDRESS,
    ETHER_WEI,
    FROZEN_CHAIN,
    HOUR_S,
    OWNER,
    STRANGER,
    TOKEN,
    UNIT,
    UNLIMITED,
    Scene,
    mint_and_approve,
    vault_scene,
)

HOOKS = 2
ETHER_ASSET, TOKEN_ASSET, LIMITED_ASSET, FREE_ASSET = 1, 2, 3, 4
NOT_LOCKED = {"owner", "pending_owner"}
"""They change in no call that reaches anyone else."""
REFUSED_ANYWAY = {"set_gateway": "V26"}
"""Functions that cannot succeed in this scene, whoever calls."""


@dataclass
class Attack:
    scene: Scene
    attacker: Contract
    token: Contract
    arguments: dict

    @property
    def vault(self):
        return self.scene.vault

    def calldata(self, name):
        return self.vault.calldata(name, *self.arguments[name])

    def as_attacker(self, name, *arguments, target=None):
        target = target or self.vault
        data = target.calldata(name, *arguments)
        return self.attacker.call("act", target.address, data)


@pytest.fixture(scope="module")
def attack():
    """Assets with deposits, a queued payout that is due, surplus, and all roles handed over."""
    scene = vault_scene()
    evm, vault = scene.evm, scene.vault
    attacker = evm.deploy("AttackerMock")
    token, limited, free = (evm.deploy("ZooToken", 6, 0) for _ in range(3))
    scene.register(ETHER_ASSET, ETHER_ADDRESS, ETHER)
    scene.register(TOKEN_ASSET, token)
    scene.register(LIMITED_ASSET, limited, hourly_outflow_units=UNIT)
    for deposited, asset_id in ((token, TOKEN_ASSET), (limited, LIMITED_ASSET)):
        mint_and_approve(scene, deposited, 10**12)
        scene.deposit(asset_id, 10**8)
    scene.deposit(ETHER_ASSET, 10 * ETHER_WEI, 10 * ETHER_WEI)
    scene.claim(LIMITED_ASSET, 2 * UNIT, STRANGER)
    vault.call("set_outflow_limit", ETHER_ASSET, 0, sender=OWNER)
    scene.claim(ETHER_ASSET, UNIT, attacker.address)
    vault.call("set_outflow_limit", LIMITED_ASSET, 2 * UNIT, sender=OWNER)
    vault.call("set_outflow_limit", ETHER_ASSET, UNLIMITED, sender=OWNER)
    scene.wait(24 * HOUR_S)
    vault.call("activate_outflow_limit", ETHER_ASSET)
    evm.fund(vault.address, 11 * ETHER_WEI)
    token.call("mint", vault.address, 5)
    token.call("mint", attacker.address, 10**8)
    for name in ("set_guardian", "set_treasury", "transfer_ownership"):
        vault.call(name, attacker.address, sender=OWNER)
    for owner in (attacker.address, STRANGER):
        scene.gateway.call("set_credit", FROZEN_CHAIN, owner, ETHER_ASSET, UNIT)
    found = Attack(scene, attacker, token, inner_arguments(attacker.address, free.address))
    found.as_attacker("accept_ownership")
    found.as_attacker("transfer_ownership", attacker.address)
    found.as_attacker("approve", vault.address, 10**8, target=token)
    found.as_attacker("pause")
    found.as_attacker("resume")
    return found


def inner_arguments(attacker, free_token):
    return {
        "accept_ownership": (),
        "activate_outflow_limit": (LIMITED_ASSET,),
        "asset": (TOKEN_ASSET,),
        "claim": (CHAIN, 2**64, 1, STRANGER, TOKEN_ASSET, UNIT, []),
        "claim_credit": (FROZEN_CHAIN, STRANGER, ETHER_ASSET),
        "deficit_native": (TOKEN_ASSET,),
        "deposit": (CHAIN, TOKEN_ASSET, 10**6),
        "gateway": (),
        "guardian": (),
        "holdings_native": (TOKEN_ASSET,),
        "impair": (TOKEN_ASSET,),
        "is_paused": (),
        "ledger_units": (TOKEN_ASSET,),
        "outflow": (TOKEN_ASSET,),
        "owner": (),
        "pause": (),
        "pay_queued": (0,),
        "payout_count": (),
        "pending_owner": (),
        "queued_payout": (0,),
        "register_asset": (FREE_ASSET, (free_token, TOKEN, False, UNIT, 1, UNIT)),
        "restore": (TOKEN_ASSET,),
        "resume": (),
        "set_cap": (TOKEN_ASSET, UNLIMITED),
        "set_gateway": (attacker,),
        "set_guardian": (attacker,),
        "set_min_deposit": (TOKEN_ASSET, 1),
        "set_outflow_limit": (TOKEN_ASSET, UNIT),
        "set_treasury": (attacker,),
        "skim": (TOKEN_ASSET,),
        "surplus_native": (TOKEN_ASSET,),
        "to_native": (TOKEN_ASSET, UNIT),
        "to_units": (TOKEN_ASSET, UNIT),
        "transfer_ownership": (attacker,),
        "treasury": (),
    }


def deposit_token(attack):
    attack.scene.deposit(TOKEN_ASSET, 10**6)


def deposit_ether(attack):
    attack.scene.deposit(ETHER_ASSET, ETHER_WEI, ETHER_WEI)


def claim_token(attack):
    attack.scene.claim(TOKEN_ASSET, UNIT, DEPOSITOR)


def claim_ether(attack):
    attack.scene.claim(ETHER_ASSET, UNIT, attack.attacker.address)


def claim_credit(attack):
    attack.vault.call("claim_credit", FROZEN_CHAIN, attack.attacker.address, ETHER_ASSET)


def pay_queued(attack):
    attack.vault.call("pay_queued", 1)


def skim_token(attack):
    attack.as_attacker("skim", TOKEN_ASSET)


def skim_ether(attack):
    attack.as_attacker("skim", ETHER_ASSET)


OUTER = {
    "token": [deposit_token, claim_token, skim_token],
    "receiver": [claim_ether, claim_credit, pay_queued, skim_ether],
    "gateway": [deposit_ether, claim_token, claim_credit],
}
PAIRS = [(by, outer) for by, outers in OUTER.items() for outer in outers]
INNER = sorted(inner_arguments(OWNER, OWNER))


def test_no_function_is_left_out(attack):
    assert sorted(attack.vault.function_names) == INNER


def outcome_outside(attack, name):
    if name == "resume":
        attack.as_attacker("pause")
    try:
        attack.attacker.call("act", attack.vault.address, attack.calldata(name))
    except Reverted as reverted:
        return reverted.reason.partition(":")[0]
    return "done"


@pytest.mark.parametrize("name", INNER)
def test_attacker_may_call_outside(attack, name):
    """The control: without the lock, all of these calls go through."""
    with attack.scene.evm.rolled_back():
        assert outcome_outside(attack, name) == REFUSED_ANYWAY.get(name, "done")


@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize(
    ("by", "outer"), PAIRS, ids=lambda value: getattr(value, "__name__", value)
)
def test_pair(attack, by, outer, name):
    attacker = attack.attacker
    with attack.scene.evm.rolled_back():
        if by == "token":
            attack.token.call("set_behaviour", HOOKS)
            attack.token.call("set_hook", attacker.address)
        if by == "gateway":
            attack.scene.gateway.call("set_hook", attacker.address)
        attacker.call("set_callback", attack.vault.address, attack.calldata(name))
        outer(attack)
        assert attacker.call("callback_count").values[0] > 0
        is_done = attacker.call("is_callback_done").values[0]
        assert is_done == (name in NOT_LOCKED)
        if not is_done:
            # The lock reverts without a reason; every check of ours has one.
            assert attacker.call("callback_output").values[0] == b""
