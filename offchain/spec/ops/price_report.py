"""PRICE_REPORT: a market's index price, and the mark price that follows from it."""

from offchain.spec import book, trading_calendar, triggers
from offchain.spec.bounds import clamp
from offchain.spec.checks import require
from offchain.spec.constants import EMA_WINDOW_S, PPM, PRICE_MAX
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.order_checks import require_priced_market
from offchain.spec.risk_op import PriceReport
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State

_EMA_ONE = 2**16  # the basis is averaged in 2^-16 price units


def price_report(state: State, op: PriceReport, log: EventLog) -> None:
    """Apply a PRICE_REPORT.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, INVALID_PRICE, PRICE_QUORUM, STALE_PRICE, PRICE_OUTSIDE_SNAPSHOT,
        PRICE_OUTSIDE_BAND, PRICE_JUMP.
    """
    require_priced_market(state, op.market)
    _check_report(state, op)
    risk = state.edit_market_risk(op.market)
    mid_price = _mid(state, op.market)
    if mid_price is not None:
        elapsed_s = min(op.time_s - risk.index_time_s, EMA_WINDOW_S)
        distance = (mid_price - op.index_price) * _EMA_ONE - risk.basis_ema
        risk.basis_ema += distance * elapsed_s // EMA_WINDOW_S
    risk.index_price = op.index_price
    risk.external_mark = op.external_mark
    risk.index_time_s = op.time_s
    risk.mark_price = _mark(risk, mid_price)
    if trading_calendar.has_calendar(risk) and trading_calendar.is_in_session(risk, op.time_s):
        risk.close_price = op.index_price
    log.price_reported(
        market=op.market,
        index_price=op.index_price,
        mark_price=risk.mark_price,
        mid_price=mid_price or 0,
        external_mark=op.external_mark,
        basis_ema=risk.basis_ema,
        time_s=op.time_s,
    )
    triggers.note_met(state, op.market)


def _check_report(state: State, op: PriceReport) -> None:
    risk = state.market_risk(op.market)
    is_price = 0 < op.index_price <= PRICE_MAX and op.external_mark <= PRICE_MAX
    require(is_price, ErrorCode.INVALID_PRICE)
    require(op.sources >= risk.min_sources, ErrorCode.PRICE_QUORUM)
    now_s = state.header.now_s
    is_new = risk.index_time_s < op.time_s <= now_s and op.time_s >= now_s - risk.max_report_age_s
    require(is_new, ErrorCode.STALE_PRICE)
    is_near_snapshot = risk.snapshot_price != 0 and _is_within(
        op.index_price, risk.snapshot_price, risk.snapshot_band_ppm
    )
    require(is_near_snapshot, ErrorCode.PRICE_OUTSIDE_SNAPSHOT)
    _check_session(risk, op)


def _check_session(risk: MarketRisk, op: PriceReport) -> None:
    """Bound the step to the price before; over the beginning of a session L1 alone says it.

    Off session the last close bounds the price besides.
    """
    band = trading_calendar.close_band(risk, op.time_s)
    if band is not None:
        is_inside = _is_within(op.index_price, risk.close_price, risk.weekend_band_ppm)
        require(is_inside, ErrorCode.PRICE_OUTSIDE_BAND)
    if risk.index_price == 0:
        return
    was_in_session = trading_calendar.is_in_session(risk, risk.index_time_s)
    if trading_calendar.is_in_session(risk, op.time_s) and not was_in_session:
        require(risk.snapshot_time_s > risk.index_time_s, ErrorCode.STALE_PRICE)
        return
    is_near_last = _is_within(op.index_price, risk.index_price, risk.jump_ppm)
    require(is_near_last, ErrorCode.PRICE_JUMP)


def _is_within(price: int, reference: int, band_ppm: int) -> bool:
    return abs(price - reference) * PPM <= reference * band_ppm


def _mid(state: State, market_id: int) -> int | None:
    """Return the middle of best bid and best ask, rounded down; None without both sides."""
    bid = book.best_price(state, market_id, is_ask=False)
    ask = book.best_price(state, market_id, is_ask=True)
    return None if bid is None or ask is None else (bid + ask) // 2


def _mark(risk: MarketRisk, mid_price: int | None) -> int:
    """Return the median of index and basis, book and other venues, within its bands.

    They are around the index, and off session around the last close.
    """
    index = risk.index_price
    basis_cap = index * risk.basis_cap_ppm // PPM
    fair = index + clamp(risk.basis_ema // _EMA_ONE, -basis_cap, basis_cap)
    median = sorted((fair, mid_price or fair, risk.external_mark or fair))[1]
    width = index * risk.mark_band_ppm // PPM
    mark = clamp(median, index - width, index + width)
    band = trading_calendar.close_band(risk, risk.index_time_s)
    if band is not None:
        mark = clamp(mark, *band)
    return clamp(mark, 1, PRICE_MAX)
