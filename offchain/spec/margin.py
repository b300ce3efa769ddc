"""Margin: what backs positions and what they need (docs/spec/risk.md section 7).

A bucket is the account's cross margin, or one isolated position by itself. Sums are in micro,
10^-6 quote tokens; every term is clamped to MICRO_LIMIT. Whoever asks what an op would do passes a
:class:`Change`: there is one computation for the state as it is and as it would be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from offchain.spec import hedge, positions, settling, trading_calendar
from offchain.spec.bounds import clamp
from offchain.spec.collateral import term_micro
from offchain.spec.constants import (
    MAX_MARKETS,
    MICRO_LIMIT,
    POSITIONS_PER_ACCOUNT,
    PPM,
    QUOTE_ASSET,
    QUOTE_PER_MICRO,
)
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import MarginMode, MarketRiskFlag
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State, position_index


@dataclass(frozen=True, slots=True)
class Bucket:
    """Sums of a margin bucket, in micro.

    `tav` counts free balances by their margin weight, `talt` all balances by their liquidation
    weight; `imr`, `mmr`, `cmr` are the initial, maintenance and close-out requirement, `notional`
    is the value of the positions at the mark.
    """

    tav: int = 0
    talt: int = 0
    imr: int = 0
    mmr: int = 0
    cmr: int = 0
    notional: int = 0

    def __add__(self, other: "Bucket") -> "Bucket":
        """Return the sums of both."""
        return Bucket(
            self.tav + other.tav,
            self.talt + other.talt,
            self.imr + other.imr,
            self.mmr + other.mmr,
            self.cmr + other.cmr,
            self.notional + other.notional,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position as margin sees it: settled, and maybe hypothetical.

    Sizes in lots, `cost`, `cash` and `isolated_margin` in quote units. `cash` is what settling
    would credit; it is 0 once it was written.
    """

    market: int
    mode: int = MarginMode.CROSS
    leverage: int = 0
    size_lots: int = 0
    cost: int = 0
    cash: int = 0
    isolated_margin: int = 0
    open_bid_lots: int = 0
    open_ask_lots: int = 0

    @property
    def is_isolated(self) -> bool:
        """Whether the position is its own bucket."""
        return self.mode == MarginMode.ISOLATED

    @property
    def exposed_lots(self) -> int:
        """Lots that the position can grow to, if the resting orders of one side fill."""
        return max(
            abs(self.size_lots + self.open_bid_lots), abs(self.size_lots - self.open_ask_lots)
        )

    @property
    def is_at_risk(self) -> bool:
        """Whether the position needs a mark: it has a size or resting orders."""
        return bool(self.size_lots or self.open_bid_lots or self.open_ask_lots)

    def after_change(self, *, size_lots: int, cost: int) -> "Holding":
        """Return the position after a change of size, which also writes its settlement."""
        return replace(self, size_lots=size_lots, cost=cost, cash=0)

    def with_leverage(self, leverage: int) -> "Holding":
        """Return the holding with another leverage, 0 for the market's."""
        return replace(self, leverage=leverage)

    def with_lots(self, lots: int, *, is_ask: bool) -> "Holding":
        """Return the holding with `lots` more (or fewer) resting on one side."""
        if is_ask:
            return replace(self, open_ask_lots=self.open_ask_lots + lots)
        return replace(self, open_bid_lots=self.open_bid_lots + lots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an op would do to a cross bucket.

    `holding` takes the place of the account's position in its market; the units are added to the
    free and the locked balance of `asset`.
    """

    holding: Holding | None = None
    asset: int = QUOTE_ASSET
    free_units: int = 0
    locked_units: int = 0


NO_CHANGE = Change()


def to_micro(quote_units: int) -> int:
    """Return quote units in micro, rounded down."""
    return quote_units // QUOTE_PER_MICRO


def is_margined(state: State, market_id: int) -> bool:
    """Return whether positions of the market need margin; False for an id out of range."""
    if market_id >= MAX_MARKETS:
        return False
    return bool(state.market_risk(market_id).flags & MarketRiskFlag.MARGINED)


def holding_of(state: State, account_id: int, market_id: int) -> Holding:
    """Return the account's position in a market, settled; an empty one without a record."""
    index = positions.find(state, account_id, market_id)
    if index == positions.NO_POSITION:
        return Holding(market=market_id)
    record = state.positions.read(index)
    settled = settling.settled(state, account_id, market_id)
    return Holding(
        market=market_id,
        mode=record.mode,
        leverage=record.leverage,
        size_lots=settled.size,
        cost=settled.cost,
        cash=settled.cash,
        isolated_margin=record.isolated_margin,
        open_bid_lots=record.open_bid_lots,
        open_ask_lots=record.open_ask_lots,
    )


def holdings_of(state: State, account_id: int) -> Iterator[Holding]:
    """Yield the account's records of margined markets, settled, in the order of their number."""
    for k in range(POSITIONS_PER_ACCOUNT):
        market_plus_1 = state.positions.read(position_index(account_id, k)).market_plus_1
        if market_plus_1 and is_margined(state, market_plus_1 - 1):
            yield holding_of(state, account_id, market_plus_1 - 1)


def requirement(risk: MarketRisk, lots: int, ppm: int) -> int:
    """Return what `lots` at the mark require, in micro, rounded up; never more than their value.

    What lies above the tiers requires twice and four times the fraction `ppm`.
    """
    notional = notional_micro(risk, lots)
    weighted = notional
    if risk.tier1_micro:
        weighted += max(0, notional - risk.tier1_micro)
    if risk.tier2_micro:
        weighted += 2 * max(0, notional - risk.tier2_micro)
    return min(ceil_div(weighted * ppm, PPM), notional)


def notional_micro(risk: MarketRisk, lots: int) -> int:
    """Return the value of `lots` at the mark, in micro, at most MICRO_LIMIT."""
    return min(lots * risk.mark_price, MICRO_LIMIT)


def maintenance(state: State, account_id: int, holding: Holding) -> int:
    """Return the maintenance requirement of an account's position, in micro."""
    risk = state.market_risk(holding.market)
    required = requirement(risk, abs(holding.size_lots), risk.maintenance_ppm)
    held = _held(state, account_id, NO_CHANGE)
    return required - _cover(state, holding, held).credit(required)


def hedged_micro(state: State, account_id: int, holding: Holding) -> int:
    """Return which part of a position's value its owner's collateral hedges, in micro."""
    return _cover(state, holding, _held(state, account_id, NO_CHANGE)).hedged


def cross(state: State, account_id: int, change: Change = NO_CHANGE) -> Bucket:
    """Return the account's cross bucket, as it is or after a change."""
    total = _balances(state, account_id, change)
    held = _held(state, account_id, change)
    changed = change.holding
    for holding in holdings_of(state, account_id):
        is_replaced = changed is not None and changed.market == holding.market
        if not is_replaced and not holding.is_isolated:
            total += _cross_position(state, holding, held)
    if changed is not None and not changed.is_isolated:
        total += _cross_position(state, changed, held)
    return total


def isolated(state: State, holding: Holding) -> Bucket:
    """Return the bucket of an isolated position: it has its own margin and nothing else."""
    return _position(state, holding, holding.isolated_margin + holding.cash)


def bucket_of(state: State, account_id: int, holding: Holding, cash: int = 0) -> Bucket:
    """Return the bucket that a position belongs to.

    Parameters
    ----------
    state
        Only read.
    account_id
        Owner.
    holding
        The position as it is or would be.
    cash
        Quote units that the bucket would get besides.
    """
    if holding.is_isolated:
        margin = holding.isolated_margin + cash
        return isolated(state, replace(holding, isolated_margin=margin))
    return cross(state, account_id, Change(holding=holding, free_units=cash))


def settled_quote(state: State, account_id: int, holding: Holding) -> tuple[int, int]:
    """Return (free, held) quote units that the bounds of a position's owner speak of.

    Free quote with the position's settled cash, and the same with what is locked; of an isolated
    position its margin with the settled cash, twice.
    """
    if holding.is_isolated:
        own = holding.isolated_margin + holding.cash
        return own, own
    account = state.account(account_id)
    free = account.free[0] + holding.cash
    return free, free + account.locked[0]


def _balances(state: State, account_id: int, change: Change) -> Bucket:
    account = state.account(account_id)
    tav = 0
    for asset_id, free in zip(account.asset_ids, account.free, strict=True):
        if asset_id:
            changed = change.free_units if asset_id == change.asset + 1 else 0
            tav += _balance_term(state, asset_id - 1, free + changed, is_margin=True)
    held = _held(state, account_id, change)
    talt = sum(_balance_term(state, asset, units, is_margin=False) for asset, units in held)
    return Bucket(tav=tav, talt=talt)


def _held(state: State, account_id: int, change: Change) -> list[tuple[int, int]]:
    """Return asset and engine units, free and locked, of the balances in the order of slots."""
    account = state.account(account_id)
    changed_units = change.free_units + change.locked_units
    return [
        (asset_id - 1, free + locked + (changed_units if asset_id == change.asset + 1 else 0))
        for asset_id, free, locked in zip(
            account.asset_ids, account.free, account.locked, strict=True
        )
        if asset_id
    ]


def _balance_term(state: State, asset: int, units: int, *, is_margin: bool) -> int:
    if asset == QUOTE_ASSET:
        return to_micro(units)
    return term_micro(state, asset, units, is_margin=is_margin)


def _cover(state: State, holding: Holding, held: Sequence[tuple[int, int]]) -> hedge.Cover:
    """Return how far a position is hedged: only a short in the cross bucket can be."""
    if holding.is_isolated or holding.size_lots >= 0:
        return hedge.Cover()
    notional = notional_micro(state.market_risk(holding.market), -holding.size_lots)
    return hedge.cover(state, holding.market, notional, held)


def _cross_position(state: State, holding: Holding, held: Sequence[tuple[int, int]]) -> Bucket:
    """Return what a position adds to the cross bucket, less required as far as it is hedged."""
    bucket = _position(state, holding, holding.cash)
    cover = _cover(state, holding, held)
    relief = Bucket(talt=cover.bonus, mmr=-cover.credit(bucket.mmr), cmr=-cover.credit(bucket.cmr))
    return bucket + relief


def _position(state: State, holding: Holding, cash: int) -> Bucket:
    """Return what a position adds to its bucket; `cash` in quote units counts with its profit."""
    risk = state.market_risk(holding.market)
    lots = abs(holding.size_lots)
    profit = holding.size_lots * risk.mark_price - ceil_div(holding.cost, QUOTE_PER_MICRO)
    value = clamp(profit, -MICRO_LIMIT, MICRO_LIMIT) + to_micro(cash)
    return Bucket(
        tav=value,
        talt=value,
        imr=requirement(risk, holding.exposed_lots, _initial_ppm(state, risk, holding.leverage)),
        mmr=requirement(risk, lots, risk.maintenance_ppm),
        cmr=requirement(risk, lots, risk.closeout_ppm),
        notional=notional_micro(risk, lots),
    )


def _initial_ppm(state: State, risk: MarketRisk, leverage: int) -> int:
    initial_ppm = risk.initial_ppm
    if not trading_calendar.is_in_session(risk, state.header.now_s):
        initial_ppm = max(initial_ppm, risk.off_hours_initial_ppm)
    return max(initial_ppm, ceil_div(PPM, leverage)) if leverage else initial_ppm
