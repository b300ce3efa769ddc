"""A chain's state as trading with perpetuals leaves it: lazy funding, interest and deleveraging.

A small engine that keeps the rules of docs/spec/escape.md section 2, over records of the
specification. Nobody's size, price or loss is checked: that makes the insolvent chains.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from offchain.settlement.escape import Holdings, equity
from offchain.settlement.valuation import (
    ADL_ONE,
    INDEX_ONE_E12,
    PAID_SCALE,
    AssetValue,
    MarketValue,
    Side,
    ValuationTable,
)
from offchain.spec.constants import PERP_QUOTE_MULTIPLIER, POSITIONS_PER_ACCOUNT, QUOTE_ASSET
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import AccountFlag
from offchain.spec.positions import after_fill, edit, open_record, release_if_empty
from offchain.spec.records import Position
from offchain.spec.state import (
    State,
    account_index,
    create_account,
    genesis,
    position_index,
)
from offchain.spec.tree import Hasher

MARKET, OTHER_MARKET = 1, 4
ETHER, SHARES = 1, 5
PRICE = 1_000
DEPOSIT_UNITS = 2 * 10**10
PRICES_E8 = {QUOTE_ASSET: 10**8, ETHER: 3_000 * 10**8, SHARES: 2 * 10**8}
RATES_E12 = {QUOTE_ASSET: 10**12, ETHER: 1_180_000_000_000, SHARES: 10**12}
SUBS = (0, 1)
ADL_LEAST = ADL_ONE >> 16  # an epoch ends below it


@dataclass
class Book:
    """Mark and sides of a market."""

    mark: int = PRICE
    long: Side = field(default_factory=Side)
    short: Side = field(default_factory=Side)

    def side(self, size: int) -> Side:
        return self.long if size > 0 else self.short


class GeneratedChain:
    """A state and what its valuation table says."""

    def __init__(
        self, seed: int, config_hash: bytes, governance: bytes, hasher: Hasher, masters: int
    ) -> None:
        self.random = Random(seed)
        self.state: State = genesis(config_hash, governance, hasher)
        self.books = {MARKET: Book(), OTHER_MARKET: Book()}
        self.deposited = dict.fromkeys(PRICES_E8, 0)
        self.owed_index_e12 = INDEX_ONE_E12
        self.earned_index_e12 = INDEX_ONE_E12
        self.traders = [32 * n + sub for n in range(1, masters + 1) for sub in SUBS]
        for trader in self.traders:
            create_account(self.state, trader, bytes([0xC0 + trader // 32]) * 20)
            # A third has no cash, so that its losses become debts.
            kinds = (QUOTE_ASSET, ETHER) if trader % 3 else (ETHER, SHARES)
            for asset_id in kinds:
                units = self.random.randrange(DEPOSIT_UNITS // 2, DEPOSIT_UNITS)
                self.deposit(trader, asset_id, units * 10**8 // PRICES_E8[asset_id])

    def deposit(self, trader: int, asset_id: int, units: int) -> None:
        account = self.state.edit_account(trader)
        if asset_id + 1 not in account.asset_ids:
            account.asset_ids[account.asset_ids.index(0)] = asset_id + 1
        slot = account.asset_ids.index(asset_id + 1)
        account.free[slot] += units - units // 10
        account.locked[slot] += units // 10
        self.deposited[asset_id] += units

    def trade(self, market_id: int, buyer: int, seller: int, lots: int, price: int) -> None:
        for trader, quantity in ((buyer, lots), (seller, -lots)):
            self._fill(market_id, trader, quantity, price)

    def trade_at_random(self, count: int, lots_max: int, spread: int, *market_ids: int) -> None:
        """Trade between any but the last two."""
        for _ in range(count):
            buyer, seller = self.random.sample(self.traders[:-2], 2)
            market_id = self.random.choice(market_ids)
            price = PRICE + self.random.randint(-spread, spread)
            self.trade(market_id, buyer, seller, self.random.randint(1, lots_max), price)

    def fund(self, market_id: int, rate: int) -> None:
        """Let longs pay this many 10^-6 quote units per lot to shorts."""
        book = self.books[market_id]
        book.long, book.short = (
            replace(side, paid_index=side.paid_index + rate * (ADL_ONE - side.adl_taken) // ADL_ONE)
            for side in (book.long, book.short)
        )

    def deleverage(self, market_id: int, loser: int, price: int) -> None:
        """Close a position at a price against the whole other side."""
        size = self._touched(market_id, loser).size_lots
        book = self.books[market_id]
        total = sum(
            abs(p.size_lots) * (ADL_ONE - book.side(-size).adl_taken) // (ADL_ONE - p.adl_index)
            for p in self._positions(market_id)
            if p.size_lots * size < 0
        )
        side = book.side(-size)
        taken = abs(size) * (ADL_ONE - side.adl_taken) // total
        received = taken * price * PERP_QUOTE_MULTIPLIER * PAID_SCALE // ADL_ONE
        moved = replace(
            side, adl_taken=side.adl_taken + taken, paid_index=side.paid_index - received
        )
        if moved.adl_taken > ADL_ONE - ADL_LEAST:
            moved = Side(side.adl_epoch + 1, ended_paid_index=moved.paid_index)
        book.long, book.short = (moved, book.short) if size < 0 else (book.long, moved)
        self._fill(market_id, loser, -size, price)

    def accrue(self, owed_index_e12: int) -> None:
        """Let debts grow, and all positive quote earn what they grow by."""
        quotes = [self._quote(trader) for trader in self.traders]
        debt, cash = (sum(q for q in (s * x for x in quotes) if q > 0) for s in (-1, 1))
        for trader, quote in zip(self.traders, quotes, strict=True):
            account = self.state.edit_account(trader)
            account.quote_index = INDEX_ONE_E12
            if quote < 0:
                account.flags |= AccountFlag.OWES
        self.owed_index_e12 = owed_index_e12
        self.earned_index_e12 += debt * (owed_index_e12 - INDEX_ONE_E12) // cash

    def isolate(self, margin: int) -> None:
        """Move quote into the margin of a position, of an account that has both."""
        trader, market_id = next(
            (trader, position.market_plus_1 - 1)
            for trader in self.traders
            for position in self.holdings(trader).positions
            if self._quote(trader) > margin
        )
        position = edit(self.state, trader, market_id)
        position.mode, position.isolated_margin = 1, margin
        self.state.edit_account(trader).free[0] -= margin

    def table(self) -> ValuationTable:
        markets = tuple(MarketValue(m, b.mark, b.long, b.short) for m, b in self.books.items())
        bare = ValuationTable(markets, (), self.earned_index_e12, self.owed_index_e12)
        supply = dict.fromkeys(PRICES_E8, 0)
        for trader in self.traders:
            for asset_id, units in self.holdings(trader).basket(bare).items():
                supply[asset_id] += units
        assets = tuple(AssetValue(a, PRICES_E8[a], RATES_E12[a], supply[a]) for a in PRICES_E8)
        return replace(bare, assets=assets)

    def holdings(self, trader: int) -> Holdings:
        first = position_index(trader, 0)
        records = (self.state.positions.read(first + k) for k in range(POSITIONS_PER_ACCOUNT))
        used = tuple(record for record in records if record.market_plus_1)
        account = self.state.account(trader)
        return Holdings(account, used, account.quote_index)

    def equities(self) -> dict[int, int]:
        """Equity by number of the account's leaf."""
        table = self.table()
        return {account_index(t): equity(self.holdings(t), table) for t in self.traders}

    def _fill(self, market_id: int, trader: int, quantity: int, price: int) -> None:
        position = self._touched(market_id, trader)
        notional = abs(quantity) * price * PERP_QUOTE_MULTIPLIER
        size, cost, profit = after_fill(position.size_lots, position.cost, quantity, notional)
        position.size_lots, position.cost = size, cost
        side = self.books[market_id].side(size)
        position.funding_index, position.adl_index = side.paid_index, side.adl_taken
        position.adl_epoch = side.adl_epoch
        self.state.edit_account(trader).free[0] += profit
        release_if_empty(self.state, trader, market_id)

    def _touched(self, market_id: int, trader: int) -> Position:
        """The position with all that is pending applied.

        Deleveraging leaves whole lots only by luck: who was deleveraged does not trade again here.
        """
        open_record(self.state, trader, market_id)
        position = edit(self.state, trader, market_id)
        if not position.size_lots:
            return position
        side = self.books[market_id].side(position.size_lots)
        assert position.adl_epoch == side.adl_epoch
        keep, base = ADL_ONE - side.adl_taken, ADL_ONE - position.adl_index
        paid = position.size_lots * (side.paid_index - position.funding_index) * ADL_ONE
        released = position.cost - position.cost * keep // base
        assert position.size_lots * keep % base == 0
        position.size_lots = position.size_lots * keep // base
        position.cost -= released
        account = self.state.edit_account(trader)
        account.free[0] -= ceil_div(paid, base * PAID_SCALE) + released
        position.funding_index, position.adl_index = side.paid_index, side.adl_taken
        return position

    def _positions(self, market_id: int) -> list[Position]:
        found = (self.state.positions.read(i) for i, _ in self.state.positions.items())
        return [position for position in found if position.market_plus_1 == market_id + 1]

    def _quote(self, trader: int) -> int:
        account = self.state.account(trader)
        return account.free[0] + account.locked[0]
