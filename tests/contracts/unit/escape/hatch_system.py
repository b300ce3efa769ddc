"""What the tests of the escape hatch share."""

import dataclasses
from typing import Any

from ape.utils import ZERO_ADDRESS

from offchain.settlement.valuation import AssetValue, MarketValue, ValuationTable
from tests.contracts.support import CHAIN_ID, UNITS_PER_TOKEN, System

ROOT = b"\x07" * 32
EXISTS, OWES = 1, 16
RECORD = bytes(256)
CLAIM_WINDOW_S = 30 * 86_400
OWNER_WINDOW_S = 30 * 86_400
TABLE = ValuationTable(
    (MarketValue(1, 1_000),),
    (AssetValue(0), AssetValue(1, price_e8=3_000 * 10**8, supply_units=UNITS_PER_TOKEN)),
)


@dataclasses.dataclass
class HatchSystem:
    """The system, the hatch, and the leaves that the stand-in tells of."""

    system: System
    hatch: Any
    proofs: Any

    def tell(self, index: int, owner: Any, *balances: Any, flags: int = EXISTS, positions=()):
        """Have the stand-in tell of an account with these (asset, free, locked)."""
        account = (owner or ZERO_ADDRESS, flags, 0, len(positions), list(balances))
        self.proofs.set_leaf(ROOT, index, account, list(positions), sender=self.system.owner)

    def claim(self, index: int, record: bytes = RECORD, sender: Any = None) -> Any:
        return self.hatch.claim(
            CHAIN_ID, index, record, [], 0, b"", [], sender=sender or self.system.operator
        )

    def open(self, table: bytes) -> Any:
        return self.hatch.open(CHAIN_ID, table, sender=self.system.operator)


def position(size: int, **fields: int) -> tuple[int, ...]:
    """A position as the state proofs give it."""
    values = {
        "slot": 0,
        "market": 1,
        "mode": 0,
        "leverage": 0,
        "size": size,
        "cost": 0,
        "funding_index": 0,
        "adl_index": 0,
        "adl_epoch": 0,
        "margin": 0,
        "bids": 0,
        "asks": 0,
    } | fields
    return tuple(values.values())
