"""Escape from a frozen chain: equity, baskets, pot and remainders.

Executable specification of `contracts/EscapeHatch.vy`; formulas: docs/spec/escape.md. Everything is
exact, and rounded against the claimant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from offchain.settlement.valuation import (
    ADL_ONE,
    PAID_SCALE,
    AssetValue,
    MarketValue,
    Side,
    ValuationTable,
    valuation_hash,
)
from offchain.spec.constants import PERP_QUOTE_MULTIPLIER, QUOTE_ASSET
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import AccountFlag
from offchain.spec.records import NO_ADDRESS, Account, Position

CLAIM_WINDOW_S: Final = 30 * 86_400
OWNER_WINDOW_S: Final = 30 * 86_400
"""After the claim window: while owners alone may claim their remainders."""
QUOTE_INDEX_OFFSET: Final = 240  # of an account record: word 30


class EscapeRefusedError(Exception):
    """The contract would refuse this; `code` is the code of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Holdings:
    """An account as its records say.

    Attributes
    ----------
    account
        Account record.
    positions
        Positions in use.
    quote_index_e12
        Interest index at the last touch, of debts if the account is flagged OWES; 0: none.
    """

    account: Account
    positions: tuple[Position, ...] = ()
    quote_index_e12: int = 0

    @classmethod
    def from_records(cls, record: bytes, positions: Sequence[bytes] = ()) -> Holdings:
        """Parse the 256 bytes of an account and the 64 bytes of each position in use."""
        index = int.from_bytes(record[QUOTE_INDEX_OFFSET : QUOTE_INDEX_OFFSET + 8], "little")
        parsed = tuple(Position.from_bytes(data) for data in positions)
        return cls(Account.from_bytes(record), parsed, index)

    @property
    def margin(self) -> int:
        """Isolated margin of all positions, in quote units."""
        return sum(max(position.isolated_margin, 0) for position in self.positions)

    def held(self, table: ValuationTable | None) -> dict[int, int]:
        """Return signed units per asset, interest on the quote included, margins not."""
        account = self.account
        slots = zip(account.asset_ids, account.free, account.locked, strict=True)
        held = {entry - 1: free + locked for entry, free, locked in slots if entry}
        if table is not None and QUOTE_ASSET in held:
            held[QUOTE_ASSET] = self._with_interest(held[QUOTE_ASSET], table)
        return held

    def basket(self, table: ValuationTable | None) -> dict[int, int]:
        """Return positive units per asset: what the account is paid out of."""
        basket = {asset_id: max(units, 0) for asset_id, units in self.held(table).items()}
        if self.margin:
            basket[QUOTE_ASSET] = basket.get(QUOTE_ASSET, 0) + self.margin
        return basket

    def _with_interest(self, units: int, table: ValuationTable) -> int:
        index = self.quote_index_e12
        owes = bool(self.account.flags & AccountFlag.OWES)
        if index == 0 or owes != (units < 0):  # nothing is known since the quote was touched
            return units
        if units >= 0:
            return units * table.earned_index_e12 // index
        return -ceil_div(-units * table.owed_index_e12, index)


def position_worth(position: Position, market: MarketValue | None) -> int:
    """Return what a position adds to its owner's equity, in signed quote units.

    Parameters
    ----------
    position
        Position record.
    market
        Its entry of the table; None if it has none.

    Raises
    ------
    EscapeRefusedError
        X14 if the market is needed and missing, X15 if what was taken is out of range.
    """
    worth = -position.cost
    if position.size_lots:
        if market is None:
            raise EscapeRefusedError("X14")
        side = market.long if position.size_lots > 0 else market.short
        worth += _proceeds(position, side, market.mark_price)
    if position.mode:
        return max(worth, -max(position.isolated_margin, 0))
    return worth


def _proceeds(position: Position, side: Side, mark_price: int) -> int:
    """Value of what is left at the mark, less what was paid since the last touch."""
    is_current = position.adl_epoch == side.adl_epoch
    taken_max = side.adl_taken if is_current else ADL_ONE - 1
    if not 0 <= position.adl_index <= taken_max < ADL_ONE:
        raise EscapeRefusedError("X15")
    keep = ADL_ONE - side.adl_taken if is_current else 0
    index = side.paid_index if is_current else side.ended_paid_index
    base = ADL_ONE - position.adl_index
    value = keep * mark_price * PERP_QUOTE_MULTIPLIER * PAID_SCALE
    paid = (index - position.funding_index) * ADL_ONE
    return position.size_lots * (value - paid) // (base * PAID_SCALE)


def equity(holdings: Holdings, table: ValuationTable) -> int:
    """Return an account's equity in signed quote units.

    Raises
    ------
    EscapeRefusedError
        X14, X15 as :func:`position_worth`; X16 if an asset is missing.
    """
    markets = {market.market_id: market for market in table.markets}
    assets = {asset.asset_id: asset for asset in table.assets}
    worths = (position_worth(p, markets.get(p.market_plus_1 - 1)) for p in holdings.positions)
    total = holdings.margin + sum(worths)
    for asset_id, units in holdings.held(table).items():
        if asset_id not in assets:
            raise EscapeRefusedError("X16")
        total += assets[asset_id].value_floor(units)
    return total


@dataclass(slots=True)
class AssetLedger:
    """What an opened chain has of an asset, in engine units.

    Attributes
    ----------
    backed
        Part of the balance that was assigned to baskets at the opening.
    left
        Of it, what no claim has taken yet.
    pot
        All that ever went into the pot.
    held
        Of the chain's balance, what has come to this contract's knowledge and is not paid.
    """

    backed: int
    left: int
    pot: int
    held: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Outcome of a claim."""

    paid: dict[int, int]
    withheld: dict[int, int]
    remainder: int


@dataclass(slots=True)
class EscapeModel:
    """An opened chain.

    Parameters
    ----------
    table
        Valuation table; None without.
    free_units
        Balance less pledges per asset, at the opening.
    opened_at_s
        L1 time of the opening.
    """

    table: ValuationTable | None
    free_units: Mapping[int, int]
    opened_at_s: int
    ledgers: dict[int, AssetLedger] = field(init=False)
    unpriced_units: dict[int, int] = field(init=False)
    claimed: set[int] = field(init=False, default_factory=set)
    remainders: dict[int, tuple[bytes, int]] = field(init=False, default_factory=dict)
    remainders_total: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Divide the free balance between baskets and pot."""
        self.unpriced_units = dict(self.free_units) if self.table is None else {}
        self.ledgers = {}
        for asset in self._assets:
            free = self.free_units.get(asset.asset_id, 0)
            backed = min(free, asset.supply_units)
            self.ledgers[asset.asset_id] = AssetLedger(backed, backed, free - backed, free)

    @property
    def window_ends_s(self) -> int:
        """L1 time from which remainders are paid."""
        return self.opened_at_s + CLAIM_WINDOW_S

    def claim(self, account_index: int, holdings: Holdings, now_s: int) -> Claim:
        """Claim for an account.

        Parameters
        ----------
        account_index
            Number of its leaf.
        holdings
            What its records say.
        now_s
            L1 time.

        Raises
        ------
        EscapeRefusedError
            X11 to X16, see docs/spec/escape.md section 6; E21 of the gateway without a table.
        """
        if account_index in self.claimed:
            raise EscapeRefusedError("X11")
        if not holdings.account.flags & AccountFlag.EXISTS:
            raise EscapeRefusedError("X12")
        if self.table is None:
            claim = self._unpriced_claim(holdings)
        else:
            claim = self._priced_claim(holdings, equity(holdings, self.table), now_s)
        self.claimed.add(account_index)
        if claim.remainder:
            self.remainders[account_index] = (holdings.account.owner, claim.remainder)
            self.remainders_total += claim.remainder
        return claim

    @property
    def strangers_from_s(self) -> int:
        """L1 time from which anyone may claim remainders for their owners."""
        return self.window_ends_s + OWNER_WINDOW_S

    def claim_remainder(self, account_index: int, caller: bytes, now_s: int) -> dict[int, int]:
        """Return units per asset that are paid for an account's remainder.

        Parameters
        ----------
        account_index
            Number of its leaf.
        caller
            Address that asks, 20 bytes.
        now_s
            L1 time.

        Raises
        ------
        EscapeRefusedError
            X17 before the window ends, X18 if nothing is owed, X21 if only the owner may call yet.
        """
        if now_s < self.window_ends_s:
            raise EscapeRefusedError("X17")
        if account_index not in self.remainders:
            raise EscapeRefusedError("X18")
        owner, remainder = self.remainders[account_index]
        if caller != owner and now_s < self.strangers_from_s:
            raise EscapeRefusedError("X21")
        del self.remainders[account_index]
        pot_value = sum(asset.value_ceil(self._ledger(asset).pot) for asset in self._assets)
        divisor = max(self.remainders_total, pot_value)
        paid = {}
        for asset_id, ledger in self.ledgers.items():
            paid[asset_id] = ledger.pot * remainder // divisor
            ledger.held -= paid[asset_id]
        return paid

    def collect(self, asset_id: int, free_units: int) -> int:
        """Put what reached the chain's balance since into the pot; returns the units.

        Raises
        ------
        EscapeRefusedError
            X16 if the asset is not listed, X19 if nothing has arrived.
        """
        if asset_id not in self.ledgers:
            raise EscapeRefusedError("X16")
        ledger = self.ledgers[asset_id]
        if free_units <= ledger.held:
            raise EscapeRefusedError("X19")
        arrived = free_units - ledger.held
        ledger.pot += arrived
        ledger.held = free_units
        return arrived

    @property
    def _assets(self) -> tuple[AssetValue, ...]:
        return self.table.assets if self.table is not None else ()

    def _ledger(self, asset: AssetValue) -> AssetLedger:
        return self.ledgers[asset.asset_id]

    def _priced_claim(self, holdings: Holdings, worth: int, now_s: int) -> Claim:
        assets = {asset.asset_id: asset for asset in self._assets}
        backed = {}
        for asset_id, units in holdings.basket(self.table).items():
            if asset_id not in assets:
                raise EscapeRefusedError("X16")
            backed[asset_id] = self._take(assets[asset_id], units)
        value = sum(assets[asset_id].value_floor(units) for asset_id, units in backed.items())
        entitled = 0 if holdings.account.owner == NO_ADDRESS else max(worth, 0)
        paid = {
            asset_id: units if entitled >= value else units * entitled // value
            for asset_id, units in backed.items()
        }
        if not entitled:
            paid = dict.fromkeys(backed, 0)
        for asset_id, units in backed.items():
            self.ledgers[asset_id].pot += units - paid[asset_id]
            self.ledgers[asset_id].held -= paid[asset_id]
        withheld = {asset_id: units - paid[asset_id] for asset_id, units in backed.items()}
        is_in_time = now_s < self.window_ends_s
        return Claim(paid, withheld, max(entitled - value, 0) if is_in_time else 0)

    def _unpriced_claim(self, holdings: Holdings) -> Claim:
        """Pay a basket whole; without prices nothing else can be."""
        held = holdings.held(None)
        is_plain = not holdings.margin and all(
            not position.size_lots and not position.cost for position in holdings.positions
        )
        if not is_plain or min(held.values(), default=0) < 0:
            raise EscapeRefusedError("X13")
        if holdings.account.owner == NO_ADDRESS:
            return Claim({}, {}, 0)
        free = {asset_id: self.unpriced_units.get(asset_id, 0) for asset_id in held}
        if any(units > free[asset_id] for asset_id, units in held.items()):
            raise EscapeRefusedError("E21")
        self.unpriced_units |= {asset_id: free[asset_id] - held[asset_id] for asset_id in held}
        return Claim(held, {}, 0)

    def _take(self, asset: AssetValue, units: int) -> int:
        """Take the backed part of a basket off what is left."""
        ledger = self._ledger(asset)
        supply = asset.supply_units
        backed = min(units * ledger.backed // supply, ledger.left) if supply else 0
        ledger.left -= backed
        return backed


def open_chain(
    table: bytes, settled_hash: bytes, free_units: Mapping[int, int], now_s: int
) -> EscapeModel:
    """Open a frozen chain.

    Parameters
    ----------
    table
        Encoded valuation table; empty without.
    settled_hash
        Valuation hash of the last settlement.
    free_units
        Balance less pledges per asset.
    now_s
        L1 time.

    Raises
    ------
    EscapeRefusedError
        X05 if the table is another one.
    ValueError
        If the table is malformed.
    """
    if valuation_hash(table) != settled_hash:
        raise EscapeRefusedError("X05")
    parsed = ValuationTable.from_bytes(table) if table else None
    return EscapeModel(parsed, free_units, now_s)
