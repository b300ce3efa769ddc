"""One fill: what it costs both sides, whether it keeps their limits, and its settlement."""

from dataclasses import dataclass, replace

from offchain.spec import (
    balances,
    brackets,
    conditions,
    margin,
    margin_checks,
    orders,
    positions,
    settling,
)
from offchain.spec.book_records import Order, builder_fee_of, builder_of
from offchain.spec.constants import PERP_QUOTE_MULTIPLIER, QUOTE_ASSET
from offchain.spec.events import EventLog
from offchain.spec.fees import (
    fees_of,
    liquidation_fee,
    lock_per_lot,
    pay_builder,
    quote_multiplier,
)
from offchain.spec.header import PendingWork
from offchain.spec.kinds import MarketKind, OrderFlag
from offchain.spec.records import Market
from offchain.spec.state import State


@dataclass(frozen=True, slots=True)
class FillSide:
    """One side of a fill: who, and what it pays.

    `lock_price` is the price at which a spot order locked its funds; the position fields are 0 in
    a spot market. `is_within_limits` speaks of the position and its owner's quote.
    """

    account: int
    order_id: int
    is_ask: bool
    attributes: int
    lock_price: int
    fee: int
    builder_fee: int
    size_after_lots: int
    cost_after: int
    pnl: int
    is_within_limits: bool

    @property
    def is_liquidation(self) -> bool:
        """Whether the order is one of the liquidation engine."""
        return bool(self.attributes & OrderFlag.LIQUIDATION)


@dataclass(frozen=True, slots=True)
class Fill:
    """A planned fill of `lots` at `price`; `notional` in quote units."""

    price: int
    lots: int
    notional: int
    taker: FillSide
    maker: FillSide


def plan_fill(state: State, taker: PendingWork, maker: Order, *, price: int, lots: int) -> Fill:
    """Work out a fill at the maker's price without changing anything.

    Parameters
    ----------
    state
        Only read.
    taker, maker
        The two orders.
    price
        The maker's price in price units.
    lots
        Size of the fill, at least 1.
    """
    market = state.markets.read(taker.market)
    notional = price * lots * quote_multiplier(market)
    taker_side = _plan_side(
        state,
        taker.market,
        account=taker.account,
        order_id=taker.order_id,
        attributes=taker.attributes,
        is_ask=taker.is_ask,
        lock_price=taker.limit_price,
        price=price,
        lots=lots,
        notional=notional,
        is_taker=True,
    )
    maker_side = _plan_side(
        state,
        taker.market,
        account=maker.owner,
        order_id=maker.order_id,
        attributes=maker.attributes,
        is_ask=maker.is_ask,
        lock_price=price,
        price=price,
        lots=lots,
        notional=notional,
        is_taker=False,
    )
    return Fill(price, lots, notional, taker_side, maker_side)


def taker_is_within_limits(state: State, market: Market, fill: Fill) -> bool:
    """Return whether the fill keeps the taker's bounds and those of who earns by it.

    The market's fee account counts on the taker's side, and the insurance account, which gets the
    fee of a liquidation.
    """
    fees, insurance_fee = _fees_and_insurance_fee(fill)
    has_room = fees == 0 or _has_room(state, market, fill, market.fee_account)
    if insurance_fee and not _has_room(state, market, fill, market.insurance_account):
        return False
    return has_room and _side_is_within_limits(state, market, fill, fill.taker)


def _fees_and_insurance_fee(fill: Fill) -> tuple[int, int]:
    """Return what the market's fee account and its insurance account get."""
    if fill.taker.is_liquidation:
        return fill.maker.fee, fill.taker.fee
    return fill.taker.fee + fill.maker.fee, 0


def maker_is_within_limits(state: State, market: Market, fill: Fill) -> bool:
    """Return whether the fill keeps the maker's bounds and those of its builder."""
    return _side_is_within_limits(state, market, fill, fill.maker)


def taker_keeps_margin(state: State, market_id: int, fill: Fill) -> bool:
    """Return whether the taker has margin after the fill; the liquidation engine needs none."""
    is_exempt = fill.taker.is_liquidation or not margin.is_margined(state, market_id)
    return is_exempt or _keeps_margin(state, market_id, fill.taker, open_lots=0)


def maker_keeps_margin(state: State, market_id: int, fill: Fill) -> bool:
    """Return whether the maker has margin after the fill, which takes its lots off the book."""
    is_exempt = not margin.is_margined(state, market_id)
    return is_exempt or _keeps_margin(state, market_id, fill.maker, open_lots=-fill.lots)


def _keeps_margin(state: State, market_id: int, side: FillSide, *, open_lots: int) -> bool:
    before = margin.holding_of(state, side.account, market_id)
    after = before.after_change(size_lots=side.size_after_lots, cost=side.cost_after)
    after = after.with_lots(open_lots, is_ask=side.is_ask)
    cash = before.cash + side.pnl - side.fee - side.builder_fee
    return margin_checks.keeps_margin(state, side.account, before, after, cash)


def _side_is_within_limits(state: State, market: Market, fill: Fill, side: FillSide) -> bool:
    is_seller = market.kind == MarketKind.SPOT and side.is_ask
    if is_seller and not _has_room(state, market, fill, side.account):
        return False
    if side.builder_fee:
        builder = state.builders.read(builder_of(side.attributes))
        if not _has_room(state, market, fill, builder.account):
            return False
    return side.is_within_limits


def _has_room(state: State, market: Market, fill: Fill, account_id: int) -> bool:
    """Return whether an account could take all quote that the fill moves, whoever it goes to."""
    moved = sum(side.fee + side.builder_fee for side in (fill.taker, fill.maker))
    if market.kind == MarketKind.SPOT:
        moved += fill.notional
    return balances.can_receive(state.account(account_id), QUOTE_ASSET, moved)


def _plan_side(
    state: State,
    market_id: int,
    *,
    account: int,
    order_id: int,
    attributes: int,
    is_ask: bool,
    lock_price: int,
    price: int,
    lots: int,
    notional: int,
    is_taker: bool,
) -> FillSide:
    market = state.markets.read(market_id)
    fee, builder_fee = fees_of(
        state,
        market,
        account_id=account,
        attributes=attributes,
        notional=notional,
        is_taker=is_taker,
    )
    if is_taker and attributes & OrderFlag.LIQUIDATION:
        value_kept = abs(price - lock_price) * lots * PERP_QUOTE_MULTIPLIER
        fee = liquidation_fee(state.market_risk(market_id), notional, value_kept)
    size = cost = pnl = 0
    is_within_limits = True
    if market.kind == MarketKind.PERP:
        before = margin.holding_of(state, account, market_id)
        quantity = -lots if is_ask else lots
        size, cost, pnl = positions.after_fill(before.size_lots, before.cost, quantity, notional)
        free, held = margin.settled_quote(state, account, before)
        gain = pnl - fee - builder_fee
        is_within_limits = positions.within_limits(
            size, cost, free_quote=free + gain, held_quote=held + gain
        )
    return FillSide(
        account,
        order_id,
        is_ask,
        attributes,
        lock_price,
        fee,
        builder_fee,
        size,
        cost,
        pnl,
        is_within_limits,
    )


def settle_fill(
    state: State, log: EventLog, taker: PendingWork, maker_slot: int, fill: Fill
) -> None:
    """Carry out a planned fill: sizes, balances, positions, fees and events.

    A maker that is filled whole leaves the book; the FILL says so by its size.
    """
    market_id = taker.market
    market = state.markets.read(market_id)
    if market.kind == MarketKind.PERP:
        for side in (fill.taker, fill.maker):
            settling.write(state, log, side.account, market_id)
    log.fill(
        taker,
        maker_order_id=fill.maker.order_id,
        maker_account=fill.maker.account,
        price=fill.price,
        size_lots=fill.lots,
        taker_fee=fill.taker.fee,
        maker_fee=fill.maker.fee,
    )
    taker.remaining_lots -= fill.lots
    orders.take_lots(state, maker_slot, fill.lots)
    maker = replace(state.orders.read(maker_slot))
    if maker.remaining_lots == 0:
        orders.forget(state, maker_slot)
    fees, insurance_fee = _fees_and_insurance_fee(fill)
    state.edit_account(market.fee_account).free[0] += fees
    state.edit_account(market.insurance_account).free[0] += insurance_fee
    for side in (fill.taker, fill.maker):
        _settle_side(state, market_id, market, side, fill)
        _pay_builder(state, log, market_id, side)
    if market.kind == MarketKind.PERP:
        for side in (fill.taker, fill.maker):
            log.position(
                market=market_id,
                account=side.account,
                size=side.size_after_lots,
                cost=side.cost_after,
                pnl=side.pnl,
            )
        positions.release_if_empty(state, fill.maker.account, market_id)
    if maker.remaining_lots == 0 and maker.condition_slot:
        lots = conditions.read(state, maker.condition_slot).lots
        brackets.wake(state, log, maker.condition_slot, market_id=market_id, lots=lots)


def _settle_side(state: State, market_id: int, market: Market, side: FillSide, fill: Fill) -> None:
    account = state.edit_account(side.account)
    fees = side.fee + side.builder_fee
    if market.kind == MarketKind.PERP:
        positions.store(state, side.account, market_id, side.size_after_lots, side.cost_after)
        positions.credit(state, side.account, market_id, side.pnl - fees)
        return
    base_slot = balances.find_slot(account, market.base_asset)
    base_units = fill.lots * market.base_units_per_lot
    if side.is_ask:
        account.locked[base_slot] -= base_units
        account.free[0] += fill.notional - fees
        return
    locked = fill.lots * lock_per_lot(
        market,
        is_ask=False,
        price=side.lock_price,
        builder_fee=builder_fee_of(side.attributes),
    )
    balances.unlock(account, QUOTE_ASSET, locked)
    account.free[0] -= fill.notional + fees
    account.free[base_slot] += base_units


def _pay_builder(state: State, log: EventLog, market_id: int, side: FillSide) -> None:
    if side.builder_fee == 0:
        return
    earner = pay_builder(state, side.attributes, side.builder_fee)
    log.builder_fee(
        market=market_id,
        account=earner,
        order_id=side.order_id,
        builder=builder_of(side.attributes),
        fee=side.builder_fee,
        payer=side.account,
    )
