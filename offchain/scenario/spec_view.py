"""The specification's functions on the state of a native core, for reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Never

from offchain.core.binding import Core
from offchain.spec.book_records import Level, Order
from offchain.spec.constants import LEAF_BYTES, TIERS_PER_TABLE
from offchain.spec.fund_records import Fund
from offchain.spec.header import Header
from offchain.spec.kinds import Subtree
from offchain.spec.records import Account, Asset, FeeTier, Market, Position
from offchain.spec.risk_records import AssetRisk, MarketRisk
from offchain.spec.state import State


class _CoreTable:
    """Records of one subtree of a core, parsed when they are read; nothing can be written."""

    def __init__(
        self, core: Core, subtree: Subtree, parse: Callable[[bytes], Any], per_leaf: int = 1
    ) -> None:
        self._core, self._subtree, self._parse = core, subtree, parse
        self._per_leaf = per_leaf

    def read(self, index: int) -> Any:
        """Return the record at `index`."""
        number, place = divmod(index, self._per_leaf)
        leaf = self._core.leaf(self._subtree, number)
        size = len(leaf) // self._per_leaf
        return self._parse(leaf[place * size : (place + 1) * size])

    def edit(self, index: int) -> Never:
        """Refuse: the core alone changes its state."""
        raise TypeError(f"record {index} of {self._subtree.name} is for reading")


def spec_state(core: Core) -> State:
    """Return the core's present state for the specification's pure functions.

    Records are parsed when they are read, the header now: it is good until the next op.
    """
    state: Any = State(bytes(32))
    state.header = Header.from_bytes(core.leaf(Subtree.HEADER, 0))
    state.accounts = _CoreTable(core, Subtree.ACCOUNTS, Account.from_bytes)
    state.assets = _CoreTable(core, Subtree.ASSETS, Asset.from_bytes)
    state.markets = _CoreTable(core, Subtree.MARKETS, Market.from_bytes)
    state.fee_tiers = _CoreTable(core, Subtree.FEE_TABLES, FeeTier.from_bytes, TIERS_PER_TABLE)
    state.positions = _CoreTable(
        core, Subtree.POSITIONS, Position.from_bytes, LEAF_BYTES // Position.SIZE
    )
    state.orders = _CoreTable(core, Subtree.ORDERS, Order.from_bytes, LEAF_BYTES // Order.SIZE)
    state.levels = _CoreTable(core, Subtree.LEVELS, Level.from_bytes, LEAF_BYTES // Level.SIZE)
    state.market_risks = _CoreTable(core, Subtree.RISK, MarketRisk.from_bytes)
    state.asset_risks = _CoreTable(core, Subtree.RISK, AssetRisk.from_bytes)
    state.funds = _CoreTable(core, Subtree.FUNDS, Fund.from_bytes)
    return state  # type: ignore[no-any-return]
