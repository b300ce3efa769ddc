"""The specification's functions on the state of a native core, for reading."""

from __future__ import annotations

from typing import Any, Never, Protocol, Self

from offchain.core.binding import Core
from offchain.spec.book_records import Level, Order
from offchain.spec.constants import LEAF_BYTES, TIERS_PER_TABLE
from offchain.spec.header import Header
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account, Asset, FeeTier, Market, Position
from offchain.spec.risk_records import AssetRisk, MarketRisk
from offchain.spec.state import State


class _Parsed(Protocol):
    SIZE: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Self: ...


class _CoreTable:
    """Records of one subtree of a core, parsed when they are read; nothing can be written."""

    def __init__(
        self, core: Core, subtree: Subtree, record: type[_Parsed], per_leaf: int = 1
    ) -> None:
        self._core, self._subtree, self._record = core, subtree, record
        self._per_leaf = per_leaf

    def read(self, index: int) -> Any:
        """Return the record at `index`."""
        number, place = divmod(index, self._per_leaf)
        leaf = self._core.leaf(self._subtree, number)
        size = self._record.SIZE
        return self._record.from_bytes(leaf[place * size : (place + 1) * size])

    def edit(self, index: int) -> Never:
        """Refuse: the core alone changes its state."""
        raise TypeError(f"record {index} of {self._subtree.name} is for reading")


def spec_state(core: Core) -> State:
    """Return the core's present state for the specification's pure functions.

    Records are parsed when they are read, the header now: it is good until the next op.
    """
    state: Any = State(bytes(32))
    state.header = Header.from_bytes(core.leaf(Subtree.HEADER, 0))
    state.accounts = _CoreTable(core, Subtree.ACCOUNTS, Account)
    state.assets = _CoreTable(core, Subtree.ASSETS, Asset)
    state.markets = _CoreTable(core, Subtree.MARKETS, Market)
    state.fee_tiers = _CoreTable(core, Subtree.FEE_TABLES, FeeTier, TIERS_PER_TABLE)
    for name, subtree, record in (
        ("positions", Subtree.POSITIONS, Position),
        ("orders", Subtree.ORDERS, Order),
        ("levels", Subtree.LEVELS, Level),
    ):
        setattr(state, name, _CoreTable(core, subtree, record, LEAF_BYTES // record.SIZE))
    state.market_risks = _CoreTable(core, Subtree.RISK, MarketRisk)
    state.asset_risks = _CoreTable(core, Subtree.RISK, AssetRisk)
    return state  # type: ignore[no-any-return]
