"""Perpetual positions: sixteen records per account, cost accounting, open interest.

Sizes and costs here are those of the records; what funding and deleveraging have done to them since
is in :mod:`offchain.spec.settling`.
"""

from offchain.spec import ring
from offchain.spec.constants import POSITION_VALUE_LIMIT, POSITIONS_PER_ACCOUNT, SIZE_LIMIT
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import MarginMode, MarketRiskFlag
from offchain.spec.records import Position
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State, position_index

NO_POSITION = -1


def find(state: State, account_id: int, market_id: int) -> int:
    """Return the record number of the account's position in a market, or NO_POSITION."""
    base = position_index(account_id, 0)
    for index in range(base, base + POSITIONS_PER_ACCOUNT):
        if state.positions.read(index).market_plus_1 == market_id + 1:
            return index
    return NO_POSITION


def edit(state: State, account_id: int, market_id: int) -> Position:
    """Return the account's existing position in a market for writing."""
    return state.positions.edit(find(state, account_id, market_id))


def open_record(state: State, account_id: int, market_id: int) -> None:
    """Take the lowest free record for a market in which the account has none.

    In a margined market the account enters the sweep ring.
    """
    if find(state, account_id, market_id) != NO_POSITION:
        return
    base = position_index(account_id, 0)
    indices = range(base, base + POSITIONS_PER_ACCOUNT)
    index = next(i for i in indices if state.positions.read(i).market_plus_1 == 0)
    state.positions.edit(index).market_plus_1 = market_id + 1
    state.edit_account(account_id).positions_used += 1
    if state.market_risk(market_id).flags & MarketRiskFlag.MARGINED:
        ring.enter(state, account_id)


def release_if_empty(state: State, account_id: int, market_id: int) -> None:
    """Give the record back when it holds neither size nor open lots.

    Isolated margin becomes free quote; a record with a leverage or mode of its own stays.
    """
    index = find(state, account_id, market_id)
    if index == NO_POSITION:
        return
    position = state.positions.read(index)
    if position.size_lots or position.open_bid_lots or position.open_ask_lots:
        return
    if position.isolated_margin:
        state.edit_account(account_id).free[0] += position.isolated_margin
        state.positions.edit(index).isolated_margin = 0
    if position.mode or position.leverage:
        return
    state.positions.clear(index)
    state.edit_account(account_id).positions_used -= 1


def add_open_lots(
    state: State, account_id: int, market_id: int, lots: int, *, is_ask: bool
) -> None:
    """Add (or with negative `lots` take) resting lots of one side."""
    position = edit(state, account_id, market_id)
    if is_ask:
        position.open_ask_lots += lots
    else:
        position.open_bid_lots += lots


def credit(state: State, account_id: int, market_id: int, units: int) -> None:
    """Add quote units (or with negative `units` take them) where the position's money is."""
    index = find(state, account_id, market_id)
    if state.positions.read(index).mode == MarginMode.ISOLATED:
        state.positions.edit(index).isolated_margin += units
    else:
        state.edit_account(account_id).free[0] += units


def after_fill(size: int, cost: int, quantity: int, notional: int) -> tuple[int, int, int]:
    """Return (size, cost, realised pnl) after a fill; quote - cost is conserved exactly.

    Parameters
    ----------
    size
        Signed lots before.
    cost
        Signed quote units before.
    quantity
        Signed lots of the fill, not 0.
    notional
        Quote units of the fill, price x |quantity| x multiplier, so it divides by |quantity|.

    Returns
    -------
    tuple[int, int, int]
        Signed lots, signed quote units, quote units.
    """
    sign = 1 if quantity > 0 else -1
    if size * quantity >= 0:
        return size + quantity, cost + sign * notional, 0
    closed = min(abs(quantity), abs(size))
    notional_closed = notional * closed // abs(quantity)
    # Rounded up: the holder of a partly closed position carries the residue.
    released = ceil_div(cost * closed, abs(size))
    pnl = -sign * notional_closed - released
    rest = sign * (abs(quantity) - closed)
    size += sign * closed + rest
    cost += -released + sign * (notional - notional_closed)
    return size, cost, pnl


def within_limits(size: int, cost: int, *, free_quote: int, held_quote: int) -> bool:
    """Return whether a position and its owner's quote after a fill keep their exclusive bounds.

    `held_quote` is free and locked together: it is bounded above, the free part below.
    """
    return (
        abs(size) < SIZE_LIMIT
        and abs(cost) < POSITION_VALUE_LIMIT
        and free_quote > -POSITION_VALUE_LIMIT
        and held_quote < POSITION_VALUE_LIMIT
    )


def store(state: State, account_id: int, market_id: int, size: int, cost: int) -> None:
    """Write a settled position after a change; keep open interest (of longs) and sum of costs."""
    position = edit(state, account_id, market_id)
    market = state.markets.edit(market_id)
    market.open_interest_lots += max(size, 0) - max(position.size_lots, 0)
    position.size_lots = size
    if state.market_risk(market_id).flags & MarketRiskFlag.MARGINED:
        state.edit_market_risk(market_id).add_cost(cost - position.cost)
    position.cost = cost
    stamp(position, state.market_risk(market_id))


def update(
    state: State, account_id: int, market_id: int, quantity: int, notional: int
) -> tuple[int, int, int]:
    """Change a settled position outside of the book and credit what that realises.

    Parameters
    ----------
    state
        The account has a record of the market.
    account_id, market_id
        Whose position.
    quantity
        Signed lots, not 0.
    notional
        Quote units; divides by |quantity|.

    Returns
    -------
    tuple[int, int, int]
        Size after, cost after, realised profit.
    """
    position = edit(state, account_id, market_id)
    size, cost, pnl = after_fill(position.size_lots, position.cost, quantity, notional)
    store(state, account_id, market_id, size, cost)
    credit(state, account_id, market_id, pnl)
    return size, cost, pnl


def stamp(position: Position, risk: MarketRisk) -> None:
    """Note where the side of a changed size stands now: from here on the position takes part."""
    if position.size_lots == 0:
        position.funding_index = position.adl_index = position.adl_epoch = 0
        return
    side = risk.side(position.size_lots)
    position.funding_index = side.paid
    position.adl_index = side.taken
    position.adl_epoch = side.epoch
