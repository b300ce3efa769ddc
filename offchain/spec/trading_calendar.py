"""When a market's underlying trades, and what holds while it does not.

docs/spec/risk.md section 11. A market without calendar is always in session.
"""

from offchain.spec.constants import DAY_S, HOUR_S, PPM, REOPEN_POST_ONLY_S
from offchain.spec.risk_records import MarketRisk


def has_calendar(risk: MarketRisk) -> bool:
    """Return whether the market has hours at which it is not in session."""
    return any(risk.session_days)


def is_in_session(risk: MarketRisk, time_s: int) -> bool:
    """Return whether the underlying trades; `time_s` may lie before the epoch."""
    if not has_calendar(risk):
        return True
    day = risk.session_days[time_s // DAY_S % len(risk.session_days)]
    return bool(day >> time_s % DAY_S // HOUR_S & 1)


def is_reopening(risk: MarketRisk, now_s: int) -> bool:
    """Return whether only post-only orders are taken: just after a halt, or as a session begins."""
    return now_s < risk.opens_s or _is_first_minute(risk, now_s)


def _is_first_minute(risk: MarketRisk, now_s: int) -> bool:
    is_first_hour = is_in_session(risk, now_s) and not is_in_session(risk, now_s - HOUR_S)
    return is_first_hour and now_s % HOUR_S < REOPEN_POST_ONLY_S


def close_band(risk: MarketRisk, time_s: int) -> tuple[int, int] | None:
    """Return lowest and highest price around the last session's close; None if there is no band.

    Both in price units; the lowest may be negative.
    """
    if risk.close_price == 0 or is_in_session(risk, time_s):
        return None
    width = risk.close_price * risk.weekend_band_ppm // PPM
    return risk.close_price - width, risk.close_price + width
