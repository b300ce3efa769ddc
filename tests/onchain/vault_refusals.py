"""Calls that the vault refuses in every state."""

from __future__ import annotations

from tests.onchain.refusals import refused
from tests.onchain.vault_scene import (
    CHAIN,
    DEPOSITOR,
    ETHER,
    ETHER_ADDRESS,
    GUARDIAN,
    OWNER,
    STRANGER,
    TOKEN,
    TREASURY,
    UNLIMITED,
    ZERO_ADDRESS,
    Scene,
    mint_and_approve,
)

FEE, NO_REVERT = 1, 16
LOSSY_ID, BLOCKED_ID, UNKNOWN_ID = 20, 21, 22
NO_DEPOSIT = 2**62
AMOUNT = 10**6


class WrongCalls:
    """Wrong calls of a vault that has ether as asset 0 and a token as asset 1.

    Two assets of its own stand in no model: one burns fees that it must not, one blocks its owners.
    """

    def __init__(self, scene: Scene, token: str) -> None:
        self.scene, self.vault, self.token = scene, scene.vault, token
        self.lossy = scene.evm.deploy("ZooToken", 2, FEE)
        self.blocking = scene.evm.deploy("ZooToken", 2, NO_REVERT)
        self.fine = scene.evm.deploy("ZooToken", 37, 0)  # decimals too many to register
        for asset_id, own in ((LOSSY_ID, self.lossy), (BLOCKED_ID, self.blocking)):
            mint_and_approve(scene, own, 10**30)
            scene.register(asset_id, own)
        self.vault.call("deposit", CHAIN, BLOCKED_ID, AMOUNT, sender=DEPOSITOR)

    def make_all(self) -> None:
        """Make every call; none changes anything that a model knows."""
        self._register()
        self._deposit_and_claim()
        self._roles()
        self._bind()

    def _register(self) -> None:
        def register(
            asset_id: int,
            token: str,
            kind: int = TOKEN,
            cap: int = UNLIMITED,
            least: int = 1,
            outflow: int = 0,
        ) -> None:
            terms = (token, kind, False, cap, least, outflow)
            self.vault.call("register_asset", asset_id, terms, sender=OWNER)

        fresh = self.scene.evm.deploy("ZooToken", 6, 0).address
        refused("V01", register, 2**16, fresh)
        refused("V02", register, 0, fresh)
        refused("V03", register, UNKNOWN_ID, self.token)
        refused("V04", register, UNKNOWN_ID, fresh, 9)
        refused("V05", register, UNKNOWN_ID, fresh, ETHER)
        refused("V06", register, UNKNOWN_ID, STRANGER)
        refused("V07", register, UNKNOWN_ID, self.fine.address)
        refused("V08", register, UNKNOWN_ID, fresh, cap=2**80)
        refused("V09", register, UNKNOWN_ID, fresh, least=0)
        refused("V21", register, UNKNOWN_ID, fresh, outflow=2**80)
        refused("O03", self.vault.call, "set_cap", 0, 1, sender=STRANGER)
        refused("V08", self.vault.call, "set_cap", 0, 2**80, sender=OWNER)
        refused("V09", self.vault.call, "set_min_deposit", 0, NO_DEPOSIT, sender=OWNER)
        refused("V21", self.vault.call, "set_outflow_limit", 0, 2**80, sender=OWNER)
        refused("V10", self.vault.call, "set_cap", UNKNOWN_ID, 1, sender=OWNER)

    def _deposit_and_claim(self) -> None:
        deposit = self.scene.deposit
        refused("V10", deposit, UNKNOWN_ID, AMOUNT)
        refused("V11", deposit, 0, AMOUNT, AMOUNT - 1)
        refused("V12", deposit, BLOCKED_ID, AMOUNT, 1)
        refused("V14", deposit, LOSSY_ID, AMOUNT)
        poor = (CHAIN, BLOCKED_ID, AMOUNT)
        refused("V13", self.vault.call, "deposit", *poor, sender=STRANGER)
        self.blocking.call("set_blocked", STRANGER, True)
        refused("V16", self.scene.claim, BLOCKED_ID, AMOUNT, owner=STRANGER)

    def refuse_ether(self) -> None:
        """Claim one unit of ether for a contract that takes none; the ledger must have it."""
        receiver = self.scene.evm.deploy("ReceiverMock")
        receiver.call("set_refusing", True)
        refused("V15", self.scene.claim, 0, 1, owner=receiver.address)

    def _roles(self) -> None:
        call = self.vault.call
        refused("V33", call, "set_treasury", ZERO_ADDRESS, sender=OWNER)
        refused("V34", call, "skim", 0, sender=STRANGER)
        refused("G01", call, "pause", sender=STRANGER)
        refused("G03", call, "resume", sender=OWNER)
        call("pause", sender=GUARDIAN)
        refused("G02", call, "pause", sender=GUARDIAN)
        call("resume", sender=OWNER)
        refused("O02", call, "accept_ownership", sender=STRANGER)

    def _bind(self) -> None:
        """Set gateways, of this vault and of one that has none."""
        evm, gateway = self.scene.evm, self.scene.gateway.address
        refused("V26", self.vault.call, "set_gateway", gateway, sender=OWNER)
        roles = (OWNER, GUARDIAN, TREASURY)
        refused("O01", evm.deploy, "CollateralVault", ZERO_ADDRESS, *roles[1:])
        other = evm.deploy("CollateralVault", *roles)
        terms = (ETHER_ADDRESS, ETHER, False, UNLIMITED, 1, UNLIMITED)
        other.call("register_asset", 0, terms, sender=OWNER)
        arguments = ("deposit", CHAIN, 0, AMOUNT)
        refused("V29", other.call, *arguments, sender=DEPOSITOR, value_wei=AMOUNT)
        refused("V27", other.call, "set_gateway", STRANGER, sender=OWNER)
        refused("V28", other.call, "set_gateway", gateway, sender=OWNER)
