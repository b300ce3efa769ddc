"""The liquidation engine: one step of work on an account (docs/spec/risk.md section 8).

Everything is decided before anything is written, so that an account on which there is nothing to do
is not touched.
"""

from dataclasses import dataclass
from enum import Enum, auto

from offchain.spec import deleverage, exchange, margin, matching, positions, prices, settling
from offchain.spec.book_records import pack_attributes
from offchain.spec.bounds import clamp
from offchain.spec.constants import (
    MARKET_BITS,
    MAX_STEPS,
    PERP_QUOTE_MULTIPLIER,
    POSITIONS_PER_ACCOUNT,
    PPM,
    PRICE_MAX,
    TRANCHE_PPM,
    VALUE_LIMIT,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.header import PendingWork, pack_self_trade
from offchain.spec.kinds import Continuation, OrderFlag, Reason, SelfTrade, TimeInForce
from offchain.spec.margin import Bucket, Holding
from offchain.spec.op import ALL_MARKETS
from offchain.spec.ops import cancel_all
from offchain.spec.state import State, position_index

# A tranche aims at this share of the maintenance requirement: 11/10.
_TARGET_NUMERATOR, _TARGET_DENOMINATOR = 11, 10


class Outcome(Enum):
    """What a step of work did."""

    NOTHING = auto()
    STALE_MARK = auto()  # nothing, because a mark is not fresh
    TRANCHE = auto()
    DONE = auto()  # cancelled orders, closed a position or exchanged: there may be more to do


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


def work(state: State, log: EventLog, account_id: int) -> Outcome:
    """Do one step of work on an account.

    Parameters
    ----------
    state, log
        Changed and appended to, unless the outcome is NOTHING or STALE_MARK.
    account_id
        In the sweep ring.
    """
    sized = [holding for holding in margin.holdings_of(state, account_id) if holding.size_lots]
    if not all(prices.is_mark_fresh(state, holding.market) for holding in sized):
        return Outcome.STALE_MARK
    crossed = [holding for holding in sized if not holding.is_isolated]
    if crossed:
        bucket = margin.cross(state, account_id)
        if bucket.talt < bucket.mmr:
            worst = max(crossed, key=lambda each: margin.maintenance(state, account_id, each))
            has_orders = state.account(account_id).order_count > 0
            found = _plan(state, account_id, worst, bucket)
            return _liquidate(state, log, found, has_orders=has_orders)
    for holding in sized:
        bucket = margin.isolated(state, holding)
        if holding.is_isolated and bucket.talt < bucket.mmr:
            has_orders = bool(holding.open_bid_lots or holding.open_ask_lots)
            found = _plan(state, account_id, holding, bucket)
            return _liquidate(state, log, found, has_orders=has_orders)
    if exchange.exchange(state, log, account_id):
        return Outcome.DONE
    return Outcome.NOTHING


def settle_ended_epochs(state: State, log: EventLog, account_id: int) -> None:
    """Write every position of an epoch of its side that has ended.

    A side remembers only what its last epoch ended at. Nothing is left of such a position, so that
    no mark is needed.
    """
    for k in range(POSITIONS_PER_ACCOUNT):
        position = state.positions.read(position_index(account_id, k))
        if position.size_lots == 0:
            continue
        market_id = position.market_plus_1 - 1
        if position.adl_epoch != state.market_risk(market_id).side(position.size_lots).epoch:
            settling.write(state, log, account_id, market_id)
            positions.release_if_empty(state, account_id, market_id)


def _plan(state: State, account_id: int, holding: Holding, bucket: Bucket) -> Liquidation:
    required = margin.maintenance(state, account_id, holding)
    mark_price = state.market_risk(holding.market).mark_price
    value = required * bucket.talt // bucket.mmr
    distance = value // abs(holding.size_lots)
    price = mark_price - distance if holding.size_lots > 0 else mark_price + distance
    return Liquidation(account_id, holding, bucket, required, clamp(price, 1, PRICE_MAX))


def _liquidate(state: State, log: EventLog, found: Liquidation, *, has_orders: bool) -> Outcome:
    if has_orders:
        market_filter = found.holding.market if found.holding.is_isolated else ALL_MARKETS
        cancel_all.begin(
            state,
            log,
            found.account,
            Reason.LIQUIDATION,
            market_filter=market_filter,
            steps=MAX_STEPS,
        )
        return Outcome.DONE
    if found.bucket.talt >= found.bucket.cmr:
        _settle_all(state, log, found.account)
        _sell_tranche(state, log, found)
        return Outcome.TRANCHE
    return _close(state, log, found)


def _settle_all(state: State, log: EventLog, account_id: int) -> None:
    for k in range(POSITIONS_PER_ACCOUNT):
        market_plus_1 = state.positions.read(position_index(account_id, k)).market_plus_1
        if market_plus_1:
            settling.write(state, log, account_id, market_plus_1 - 1)


def _tranche_lots(state: State, found: Liquidation) -> int:
    """Return how many lots bring the bucket to its target, within the bounds of one order."""
    size = abs(found.holding.size_lots)
    target = ceil_div(found.bucket.mmr * _TARGET_NUMERATOR, _TARGET_DENOMINATOR)
    missing = (target - found.bucket.talt) * size * _TARGET_DENOMINATOR
    enough = ceil_div(missing, _TARGET_NUMERATOR * found.requirement)
    at_most = ceil_div(size * TRANCHE_PPM, PPM)
    at_least = max(1, state.markets.read(found.holding.market).min_size_lots)
    return min(max(min(at_most, enough), at_least), size)


def _sell_tranche(state: State, log: EventLog, found: Liquidation) -> None:
    """Let an immediate reduce-only order meet the book, at the neutral price or better."""
    market_id = found.holding.market
    lots = _tranche_lots(state, found)
    flags = OrderFlag.REDUCE_ONLY | OrderFlag.LIQUIDATION
    if found.holding.size_lots > 0:
        flags |= OrderFlag.IS_ASK
    order_id = state.header.next_order_sequence << MARKET_BITS | market_id
    state.header.next_order_sequence += 1
    _log_liquidated(log, found, lots=lots, is_takeover=False, order_or_receiver=order_id)
    taker = PendingWork(
        kind=Continuation.MATCH,
        account=found.account,
        market=market_id,
        order_id=order_id,
        attributes=pack_attributes(flags, 0, 0),
        limit_price=found.price,
        remaining_lots=lots,
        time_in_force=TimeInForce.IOC,
        self_trade=pack_self_trade(SelfTrade.EXPIRE_MAKER, by_master=False),
        start_size_lots=lots,
    )
    matching.match(state, log, taker)


def _close(state: State, log: EventLog, found: Liquidation) -> Outcome:
    """Give the whole position away: to the insurance account, or to the other side."""
    holding = found.holding
    receiver = state.markets.read(holding.market).insurance_account
    lots = abs(holding.size_lots)
    notional = lots * found.price * PERP_QUOTE_MULTIPLIER
    if notional >= VALUE_LIMIT or not _keeps_limits(
        state, found.account, holding, -holding.size_lots, notional
    ):
        return Outcome.NOTHING
    can_take = _can_take(state, found, receiver, notional)
    if not can_take or not _has_margin_for(state, receiver, holding, notional):
        loss = deleverage.plan(state, holding, found.price)
        if loss is not None:
            _settle_all(state, log, found.account)
            deleverage.carry_out(state, log, found.account, holding.market, loss)
            positions.release_if_empty(state, found.account, holding.market)
            return Outcome.DONE
    if not can_take:
        return Outcome.NOTHING
    _settle_all(state, log, found.account)
    _take_over(state, log, found, receiver, notional)
    return Outcome.DONE


def _can_take(state: State, found: Liquidation, receiver: int, notional: int) -> bool:
    """Return whether the receiver has a record for the position and keeps its bounds with it."""
    market_id = found.holding.market
    has_record = positions.find(state, receiver, market_id) != positions.NO_POSITION
    has_room = state.account(receiver).positions_used < POSITIONS_PER_ACCOUNT
    if receiver == found.account or not (has_record or has_room):
        return False
    own = margin.holding_of(state, receiver, market_id)
    return _keeps_limits(state, receiver, own, found.holding.size_lots, notional)


def _keeps_limits(
    state: State, account_id: int, holding: Holding, quantity: int, notional: int
) -> bool:
    size, cost, pnl = positions.after_fill(holding.size_lots, holding.cost, quantity, notional)
    free, held = margin.settled_quote(state, account_id, holding)
    return positions.within_limits(size, cost, free_quote=free + pnl, held_quote=held + pnl)


def _has_margin_for(state: State, receiver: int, taken: Holding, notional: int) -> bool:
    """Return whether the receiver's bucket keeps its maintenance margin with the position."""
    own = margin.holding_of(state, receiver, taken.market)
    size, cost, pnl = positions.after_fill(own.size_lots, own.cost, taken.size_lots, notional)
    after = own.after_change(size_lots=size, cost=cost)
    bucket = margin.bucket_of(state, receiver, after, own.cash + pnl)
    return bucket.talt >= bucket.mmr


def _take_over(
    state: State, log: EventLog, found: Liquidation, receiver: int, notional: int
) -> None:
    market_id = found.holding.market
    positions.open_record(state, receiver, market_id)
    settling.write(state, log, receiver, market_id)
    quantity = found.holding.size_lots
    _log_liquidated(log, found, lots=abs(quantity), is_takeover=True, order_or_receiver=receiver)
    for account_id, lots in ((found.account, -quantity), (receiver, quantity)):
        size, cost, pnl = positions.update(state, account_id, market_id, lots, notional)
        log.position(market=market_id, account=account_id, size=size, cost=cost, pnl=pnl)
    positions.release_if_empty(state, found.account, market_id)
    positions.release_if_empty(state, receiver, market_id)


def _log_liquidated(
    log: EventLog, found: Liquidation, *, lots: int, is_takeover: bool, order_or_receiver: int
) -> None:
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
