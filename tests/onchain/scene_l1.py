"""The scene of the escape hatch as an L1 that shows events and takes calls."""

from collections import Counter
from typing import Any

from offchain.settlement.deployment import Deployment
from offchain.settlement.l1 import ContractRevertedError
from tests.onchain.escape_scene import L1_CHAIN_ID, OWNER, RESCUER, VAULT, EscapeScene
from tests.onchain.evm import Reverted


class SceneL1:
    """What a rescue needs of L1; the vault is a stand-in that consumes credits.

    `claim_gas` is what each claim took, `paid` what owners were paid of each asset.
    """

    accounts = (RESCUER,)

    def __init__(self, scene: EscapeScene) -> None:
        self._scene = scene
        contracts = {
            "ChainRegistry": scene.registry,
            "DataAvailability": scene.data,
            "Gateway": scene.gateway,
            "EscapeHatch": scene.hatch,
            "PriorityQueue": scene.queue,
            "StateProofs": scene.proofs,
        }
        self._contracts = contracts
        self.claim_gas: list[int] = []
        self.paid: Counter[tuple[str, int]] = Counter()
        self.deployment = Deployment(
            network="local",
            l1_chain_id=L1_CHAIN_ID,
            owner=OWNER,
            contracts={"CollateralVault": VAULT}
            | {name: contract.address for name, contract in contracts.items()},
        )

    @property
    def now_s(self) -> int:
        return self._scene.time_s

    def call(self, name: str, _address: str, function: str, *args: Any) -> Any:
        return self._contracts[name].call(function, *args, sender=RESCUER).values[0]

    def transact(self, name: str, _address: str, function: str, *args: Any) -> None:
        if name == "CollateralVault":
            _, owner, asset_id = args
            found = self._scene.gateway.call("consume_credit", *args, sender=VAULT)
            self.paid[owner.lower(), asset_id] += found.values[0]
            return
        try:
            outcome = self._scene.call(self._contracts[name], function, *args, sender=RESCUER)
        except Reverted as reverted:
            raise ContractRevertedError(reverted.reason) from reverted
        if function == "claim":
            self.claim_gas.append(outcome.gas_used)

    def events(self, _name, _address, event, _from_block=0, indexed=None):
        wanted = dict(indexed or {}).items()
        found = [fields for name, fields in self._scene.emitted if name == event]
        return [{"args": fields} for fields in found if wanted <= fields.items()]
