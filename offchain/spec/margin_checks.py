"""Checks against margin: of orders, fills and money that leaves (docs/spec/risk.md section 7)."""

from offchain.spec import margin, prices, ring, trading_calendar
from offchain.spec.book_records import builder_fee_of
from offchain.spec.checks import require
from offchain.spec.constants import (
    BUILDER_FEE_UNIT_PPM,
    MAX_BUILDER_FEE_PERP,
    MAX_FEE_PPM,
    MICRO_LIMIT,
    PPM,
    WITHDRAW_MARGIN_PPM,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.fees import ceil_div, paid_asset
from offchain.spec.header import PendingWork
from offchain.spec.kinds import TimeInForce
from offchain.spec.margin import Bucket, Change, Holding
from offchain.spec.records import Market
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State

# Of up to 64 fees and the sums after them: no fill of a fill-or-kill order may fail by a rounding.
_FILL_ROUNDINGS_MICRO = 2


def check_perp_order(state: State, taker: PendingWork, *, replaced_lots: int = 0) -> None:
    """Refuse an order of a perpetual that margin or a cap forbids; any unless it is margined.

    Parameters
    ----------
    state
        Only read.
    taker
        The order.
    replaced_lots
        Lots of the resting order of the same side that it takes the place of.

    Raises
    ------
    OpError
        STALE_PRICE, MARKET_POST_ONLY, PRICE_OUTSIDE_BAND, OPEN_INTEREST_CAP, CONCENTRATION_LIMIT,
        INSUFFICIENT_MARGIN.
    """
    if not margin.is_margined(state, taker.market):
        return
    risk = state.market_risk(taker.market)
    if not taker.is_reduce_only:
        require(prices.is_mark_fresh(state, taker.market), ErrorCode.STALE_PRICE)
        is_post_only = taker.time_in_force == TimeInForce.POST_ONLY
        is_reopening = trading_calendar.is_reopening(risk, state.header.now_s)
        require(is_post_only or not is_reopening, ErrorCode.MARKET_POST_ONLY)
    is_inside = is_inside_band(risk, taker.limit_price, is_ask=taker.is_ask)
    is_inside = is_inside and _is_inside_close_band(state, risk, taker.limit_price)
    require(is_inside, ErrorCode.PRICE_OUTSIDE_BAND)
    if taker.is_reduce_only and taker.time_in_force != TimeInForce.FOK:
        return
    before = margin.holding_of(state, taker.account, taker.market)
    holding = before.with_lots(taker.remaining_lots - replaced_lots, is_ask=taker.is_ask)
    if not taker.is_reduce_only and holding.exposed_lots > abs(holding.size_lots):
        _check_caps(state, risk, taker, holding)
    bucket = margin.bucket_of(state, taker.account, holding)
    loss = _loss_if_filled(risk, taker)
    require(bucket.tav - loss >= bucket.imr, ErrorCode.INSUFFICIENT_MARGIN)


def is_inside_band(risk: MarketRisk, price: int, *, is_ask: bool) -> bool:
    """Return whether a price is no worse for a taker of this side than the band allows."""
    width = risk.mark_price * risk.price_band_ppm // PPM
    if is_ask:
        return price >= risk.mark_price - width
    return price <= risk.mark_price + width


def _is_inside_close_band(state: State, risk: MarketRisk, price: int) -> bool:
    band = trading_calendar.close_band(risk, state.header.now_s)
    return band is None or band[0] <= price <= band[1]


def _check_caps(state: State, risk: MarketRisk, taker: PendingWork, holding: Holding) -> None:
    open_interest = state.markets.read(taker.market).open_interest_lots
    is_within_cap = open_interest + taker.remaining_lots <= risk.open_interest_cap_lots
    require(is_within_cap, ErrorCode.OPEN_INTEREST_CAP)
    is_free = holding.exposed_lots <= risk.concentration_free_lots
    is_small = holding.exposed_lots * PPM <= risk.concentration_ppm * open_interest
    require(is_free or is_small, ErrorCode.CONCENTRATION_LIMIT)


def _loss_if_filled(risk: MarketRisk, taker: PendingWork) -> int:
    """Return what the whole order loses against the mark with the highest fees, in micro."""
    distance = taker.limit_price - risk.mark_price
    per_lot = max(0, -distance if taker.is_ask else distance)
    fee_ppm = MAX_FEE_PPM + builder_fee_of(taker.attributes) * BUILDER_FEE_UNIT_PPM
    fees = ceil_div(taker.remaining_lots * taker.limit_price * fee_ppm, PPM)
    roundings = _FILL_ROUNDINGS_MICRO if taker.time_in_force == TimeInForce.FOK else 0
    return min(taker.remaining_lots * per_lot + fees, MICRO_LIMIT) + roundings


def check_spot_order(
    state: State, market: Market, account_id: int, *, is_ask: bool, locked_units: int
) -> None:
    """Refuse a spot order of an account in the sweep ring that locks what backs its positions.

    Parameters
    ----------
    state
        Only read.
    market
        A spot market.
    account_id
        Owner of the order.
    is_ask
        Side of the order.
    locked_units
        What it locks more than is locked now, of the asset it pays with.

    Raises
    ------
    OpError
        INSUFFICIENT_MARGIN.
    """
    if not ring.holds(state, account_id):
        return
    asset = paid_asset(market, is_ask=is_ask)
    change = Change(asset=asset, free_units=-locked_units, locked_units=locked_units)
    bucket = margin.cross(state, account_id, change)
    require(bucket.tav >= bucket.imr, ErrorCode.INSUFFICIENT_MARGIN)


def check_outflow(state: State, account_id: int, asset: int, units: int) -> None:
    """Refuse to let `units` leave an account in the sweep ring that its cross positions need.

    Raises
    ------
    OpError
        STALE_PRICE, INSUFFICIENT_MARGIN.
    """
    if not ring.holds(state, account_id):
        return
    for holding in margin.holdings_of(state, account_id):
        if not holding.is_isolated and holding.is_at_risk:
            require(prices.is_mark_fresh(state, holding.market), ErrorCode.STALE_PRICE)
    bucket = margin.cross(state, account_id, Change(asset=asset, free_units=-units))
    require(bucket.tav >= required_to_leave(bucket), ErrorCode.INSUFFICIENT_MARGIN)


def required_to_leave(bucket: Bucket) -> int:
    """Return what a bucket must keep when money leaves it, in micro.

    A part of the notional beyond the initial margin, so that nobody runs with a profit at a mark
    that he moved himself.
    """
    return max(bucket.imr, ceil_div(bucket.notional * WITHDRAW_MARGIN_PPM, PPM))


def keeps_margin(state: State, account_id: int, before: Holding, after: Holding, cash: int) -> bool:
    """Return whether a fill leaves its side with enough margin.

    Enough is the initial margin, or for a fill that only reduces, a ratio of value to maintenance
    that is no worse than before.

    Parameters
    ----------
    state
        Before the fill.
    account_id
        Owner.
    before, after
        The position, settled before and written after; `after.cash` is 0.
    cash
        Quote units that the bucket gets: settled cash and profit less fees.
    """
    bucket = margin.bucket_of(state, account_id, after, cash)
    if bucket.tav >= bucket.imr:
        return True
    is_same_side = before.size_lots * after.size_lots >= 0
    if abs(after.size_lots) >= abs(before.size_lots) or not is_same_side:
        return False
    old = margin.bucket_of(state, account_id, before)
    if old.mmr == 0 and bucket.mmr == 0:
        return bucket.talt >= min(0, old.talt)
    return bucket.talt * old.mmr >= old.talt * bucket.mmr


def has_fok_margin(
    state: State, market_id: int, owner: int, *, is_ask: bool, size_lots: int, best_price: int
) -> bool:
    """Return whether the margin of a maker can stop no fill of a fill-or-kill order.

    Parameters
    ----------
    state
        Only read.
    market_id
        Any perpetual; True unless it is margined.
    owner
        The maker.
    is_ask
        The maker's side.
    size_lots, best_price
        Size of the order and best price of the maker's side.
    """
    if not margin.is_margined(state, market_id):
        return True
    holding = margin.holding_of(state, owner, market_id)
    bucket = margin.bucket_of(state, owner, holding)
    open_lots = holding.open_ask_lots if is_ask else holding.open_bid_lots
    distance = abs(best_price - state.market_risk(market_id).mark_price)
    fee_ppm = MAX_FEE_PPM + MAX_BUILDER_FEE_PERP * BUILDER_FEE_UNIT_PPM
    needed = open_lots * distance + ceil_div(size_lots * best_price * fee_ppm, PPM)
    return bucket.tav - bucket.imr >= needed
