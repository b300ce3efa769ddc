"""A vault and a stand-in of its gateway on a bare EVM, with assets of every kind."""

from dataclasses import dataclass
from typing import Any

from tests.onchain.evm import Contract, Evm, Outcome

CHAIN = 7
FROZEN_CHAIN = 8
START_S = 1_700_000_000
HOUR_S = 3_600
DAY_S = 86_400
UNIT = 10**8
ETHER_WEI = 10**18
ETHER_ADDRESS = "0x" + "ee" * 20
ZERO_ADDRESS = "0x" + "00" * 20
MUCH = 2**70
UNLIMITED = 2**80 - 1

ETHER, TOKEN, STETH, ATOKEN = 1, 2, 3, 4
NOT_QUEUED = 2**256 - 1

OWNER, GUARDIAN, TREASURY, DEPOSITOR, RECEIVER, STRANGER = (
    "0x" + byte * 20 for byte in ("a1", "a2", "a3", "a4", "a5", "a6")
)


@dataclass
class Scene:
    """The contracts, and how the tests use them."""

    evm: Evm
    vault: Contract
    gateway: Contract
    batch: int = 0
    time_s: int = START_S

    def register(
        self, asset_id: int, token: Contract | str, kind: int = TOKEN, **terms: Any
    ) -> None:
        address = token if isinstance(token, str) else token.address
        full = {
            "may_take_fee": False,
            "cap_units": UNLIMITED,
            "min_deposit_units": 1,
            "hourly_outflow_units": UNLIMITED,
        } | terms
        self.vault.call("register_asset", asset_id, (address, kind, *full.values()), sender=OWNER)

    def deposit(self, asset_id: int, amount: int, value_wei: int = 0) -> Outcome:
        return self.vault.call(
            "deposit", CHAIN, asset_id, amount, sender=DEPOSITOR, value_wei=value_wei
        )

    def claim(
        self,
        asset_id: int,
        units: int,
        owner: str = RECEIVER,
        sender: str = STRANGER,
        chain: int = CHAIN,
    ) -> Outcome:
        return self.vault.call(*self.claim_arguments(asset_id, units, owner, chain), sender=sender)

    def claim_arguments(
        self, asset_id: int, units: int, owner: str = RECEIVER, chain: int = CHAIN
    ) -> tuple[Any, ...]:
        """Name and arguments of a claim that the gateway has not seen."""
        self.batch += 1
        return "claim", chain, self.batch, 0, owner, asset_id, units, []

    def credit(self, asset_id: int, units: int, owner: str = RECEIVER) -> None:
        self.gateway.call("set_credit", FROZEN_CHAIN, owner, asset_id, units)

    def view(self, name: str, *arguments: Any) -> Any:
        return self.vault.call(name, *arguments).values[0]

    def wait(self, seconds: int) -> None:
        self.time_s += seconds
        self.evm.set_time(self.time_s)


def vault_scene() -> Scene:
    """Deploy a vault without assets; one chain is frozen."""
    evm = Evm()
    evm.set_time(START_S)
    evm.fund(DEPOSITOR, 10**30)
    vault = evm.deploy("CollateralVault", OWNER, GUARDIAN, TREASURY)
    gateway = evm.deploy("GatewayStub", vault.address)
    gateway.call("set_frozen", FROZEN_CHAIN, True)
    vault.call("set_gateway", gateway.address, sender=OWNER)
    return Scene(evm, vault, gateway)


def mint_and_approve(scene: Scene, token: Contract, amount: int, mint: str = "mint") -> None:
    """Give the depositor tokens, and the vault an allowance to all of them."""
    token.call(mint, DEPOSITOR, amount)
    token.call("approve", scene.vault.address, 2**255, sender=DEPOSITOR)
