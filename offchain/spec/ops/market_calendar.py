"""ADMIN_MARKET_CALENDAR: when a market's underlying trades (docs/spec/risk.md section 11)."""

from offchain.spec import trading_calendar
from offchain.spec.checks import require
from offchain.spec.constants import PPM
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.order_checks import require_margined_market
from offchain.spec.risk_op import AdminMarketCalendar
from offchain.spec.state import State

_DAY_LIMIT = 2**24  # exclusive bound of a day: a bit per hour


def admin_market_calendar(state: State, op: AdminMarketCalendar, log: EventLog) -> None:
    """Apply an ADMIN_MARKET_CALENDAR; the index is the first close unless there is an older one.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, INVALID_MARKET_PARAMETER.
    """
    require_margined_market(state, op.market)
    is_valid = (
        max(op.days) < _DAY_LIMIT
        and max(op.weekend_band_ppm, op.off_hours_initial_ppm) <= PPM
        and (op.weekend_band_ppm > 0 or not any(op.days))
    )
    require(is_valid, ErrorCode.INVALID_MARKET_PARAMETER)
    risk = state.edit_market_risk(op.market)
    risk.session_days = op.days
    risk.weekend_band_ppm = op.weekend_band_ppm
    risk.off_hours_initial_ppm = op.off_hours_initial_ppm
    if not trading_calendar.has_calendar(risk):
        risk.close_price = 0
    elif risk.index_price:
        is_in_session = trading_calendar.is_in_session(risk, state.header.now_s)
        if is_in_session or risk.close_price == 0:
            risk.close_price = risk.index_price
    log.calendar_set(market=op.market, days=op.days)
