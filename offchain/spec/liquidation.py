"""The liquidation engine: one step of work on an account (docs/spec/risk.md section 8).

Everything is decided before anything is written, so that an account on which there is nothing to do
is not touched.
"""

from enum import Enum, auto

from offchain.spec import (
    adl_queue,
    book,
    deleverage,
    exchange,
    margin,
    matching,
    positions,
    prices,
    settling,
    takeover,
)
from offchain.spec.book_records import pack_attributes
from offchain.spec.bounds import clamp
from offchain.spec.constants import (
    MAX_STEPS,
    POSITIONS_PER_ACCOUNT,
    PPM,
    PRICE_MAX,
    TRANCHE_PPM,
    VALUE_LIMIT,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.header import PendingWork, pack_self_trade
from offchain.spec.kinds import (
    Continuation,
    MarketRiskFlag,
    OrderFlag,
    Reason,
    SelfTrade,
    TimeInForce,
)
from offchain.spec.margin import Bucket, Holding
from offchain.spec.op import ALL_MARKETS
from offchain.spec.ops import cancel_all
from offchain.spec.state import State, position_index
from offchain.spec.takeover import Liquidation

# A tranche aims at this share of the maintenance requirement: 11/10.
_TARGET_NUMERATOR, _TARGET_DENOMINATOR = 11, 10


class Outcome(Enum):
    """What a step of work did."""

    NOTHING = auto()
    STALE_MARK = auto()  # nothing, because a mark is not fresh
    TRANCHE = auto()
    DONE = auto()  # cancelled orders, closed a position or exchanged: there may be more to do


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
        takeover.settle_all(state, log, found.account)
        _sell_tranche(state, log, found)
        return Outcome.TRANCHE
    return _close(state, log, found)


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
    order_id = book.take_order_id(state, market_id)
    takeover.log_liquidated(log, found, lots=lots, is_takeover=False, order_or_receiver=order_id)
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
    """Give the whole position away: to insurance or backstop, else to the other side."""
    holding = found.holding
    is_bounded = found.notional < VALUE_LIMIT
    if not is_bounded or not takeover.keeps_limits(
        state, found.account, holding, -holding.size_lots, found.notional
    ):
        return Outcome.NOTHING
    insurance = state.markets.read(holding.market).insurance_account
    backstop = state.market_risk(holding.market).backstop_account
    can_insure = takeover.can_take(state, found, insurance)
    if can_insure and takeover.has_margin_for(state, found, insurance):
        takeover.take_over(state, log, found, insurance)
    elif _may_back(state, found, backstop, insurance):
        takeover.take_over(state, log, found, backstop)
    elif _deleverage(state, log, found):
        pass
    elif can_insure:
        takeover.take_over(state, log, found, insurance)
    else:
        return Outcome.NOTHING
    return Outcome.DONE


def _may_back(state: State, found: Liquidation, backstop: int, insurance: int) -> bool:
    """Return whether the market's backstop can take the position over and keeps its margin."""
    return (
        backstop not in (0, insurance)
        and takeover.can_take(state, found, backstop)
        and takeover.has_margin_for(state, found, backstop)
    )


def _deleverage(state: State, log: EventLog, found: Liquidation) -> bool:
    """Let the other side take the position over, in a queue or as a whole; False if it may not."""
    market_id = found.holding.market
    if state.market_risk(market_id).flags & MarketRiskFlag.ADL_QUEUE:
        return adl_queue.begin(state, log, found)
    loss = deleverage.plan(state, found.holding, found.price)
    if loss is None:
        return False
    takeover.settle_all(state, log, found.account)
    deleverage.carry_out(state, log, found.account, market_id, loss)
    positions.release_if_empty(state, found.account, market_id)
    return True
