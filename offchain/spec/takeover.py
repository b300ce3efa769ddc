"""Takeover: an account takes a position over as a whole, at a price (docs/spec/risk.md section 8).

The insurance account of a market does, then its backstop (docs/spec/funds.md section 5).
"""

from dataclasses import dataclass

from offchain.spec import margin, positions, settling
from offchain.spec.constants import PERP_QUOTE_MULTIPLIER, POSITIONS_PER_ACCOUNT
from offchain.spec.events import EventLog
from offchain.spec.margin import Bucket, Holding
from offchain.spec.state import State, position_index


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A position that the engine deals with.

    `bucket` is the position's as it was found; `requirement` is its maintenance requirement in
    micro, `price` its neutral price: a trade at it keeps the ratio of value to requirement.
    """

    account: int
    holding: Holding
    bucket: Bucket
    requirement: int
    price: int

    @property
    def notional(self) -> int:
        """Quote units of the whole position at the price."""
        return abs(self.holding.size_lots) * self.price * PERP_QUOTE_MULTIPLIER


def settle_all(state: State, log: EventLog, account_id: int) -> None:
    """Write all positions of an account."""
    for k in range(POSITIONS_PER_ACCOUNT):
        market_plus_1 = state.positions.read(position_index(account_id, k)).market_plus_1
        if market_plus_1:
            settling.write(state, log, account_id, market_plus_1 - 1)


def keeps_limits(
    state: State, account_id: int, holding: Holding, quantity: int, notional: int
) -> bool:
    """Return whether an account keeps the bounds of a fill with this change of a position."""
    size, cost, pnl = positions.after_fill(holding.size_lots, holding.cost, quantity, notional)
    free, held = margin.settled_quote(state, account_id, holding)
    return positions.within_limits(size, cost, free_quote=free + pnl, held_quote=held + pnl)


def can_take(state: State, found: Liquidation, receiver: int) -> bool:
    """Return whether the receiver has a record for the position and keeps its bounds with it."""
    market_id = found.holding.market
    has_record = positions.find(state, receiver, market_id) != positions.NO_POSITION
    has_room = state.account(receiver).positions_used < POSITIONS_PER_ACCOUNT
    if receiver == found.account or not (has_record or has_room):
        return False
    own = margin.holding_of(state, receiver, market_id)
    return keeps_limits(state, receiver, own, found.holding.size_lots, found.notional)


def has_margin_for(state: State, found: Liquidation, receiver: int) -> bool:
    """Return whether the receiver's bucket keeps its maintenance margin with the position."""
    own = margin.holding_of(state, receiver, found.holding.market)
    size, cost, pnl = positions.after_fill(
        own.size_lots, own.cost, found.holding.size_lots, found.notional
    )
    after = own.after_change(size_lots=size, cost=cost)
    bucket = margin.bucket_of(state, receiver, after, own.cash + pnl)
    return bucket.talt >= bucket.mmr


def take_over(state: State, log: EventLog, found: Liquidation, receiver: int) -> None:
    """Settle the account and move the position to the receiver, who can take it."""
    market_id, quantity = found.holding.market, found.holding.size_lots
    settle_all(state, log, found.account)
    positions.open_record(state, receiver, market_id)
    settling.write(state, log, receiver, market_id)
    log_liquidated(log, found, lots=abs(quantity), is_takeover=True, order_or_receiver=receiver)
    for account_id, lots in ((found.account, -quantity), (receiver, quantity)):
        size, cost, pnl = positions.update(state, account_id, market_id, lots, found.notional)
        log.position(market=market_id, account=account_id, size=size, cost=cost, pnl=pnl)
    positions.release_if_empty(state, found.account, market_id)
    positions.release_if_empty(state, receiver, market_id)


def log_liquidated(
    log: EventLog, found: Liquidation, *, lots: int, is_takeover: bool, order_or_receiver: int
) -> None:
    """Write LIQUIDATED with the sums that the position was found with."""
    log.liquidated(
        market=found.holding.market,
        account=found.account,
        lots=lots,
        price=found.price,
        talt=found.bucket.talt,
        mmr=found.bucket.mmr,
        is_takeover=is_takeover,
        order_or_receiver=order_or_receiver,
    )
