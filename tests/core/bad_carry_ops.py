"""Calendars, hedges, shares of yield and spreads that the crowded chain refuses."""

from offchain.spec import op
from offchain.spec.constants import MAX_MARKETS, PPM
from offchain.spec.errors import ErrorCode as E
from offchain.spec.risk_op import AdminMarketCalendar
from tests.core.bad_ops import U32_MAX, Case, cases
from tests.core.bad_risk_ops import NOT_MARGINED
from tests.core.crowded_risk import ASSET_RISK, CREDIT, RISKY

DAYS = ("thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday")
DAY_LIMIT = 2**24
CALENDAR = AdminMarketCalendar(
    market=RISKY,
    **dict.fromkeys(DAYS, DAY_LIMIT - 1),
    weekend_band_ppm=PPM,
    off_hours_initial_ppm=PPM,
)

VALID: tuple[op.Op, ...] = (CALENDAR,)

CASES: list[Case] = [
    *cases(E.UNKNOWN_MARKET, CALENDAR, *NOT_MARGINED),
    *cases(
        E.INVALID_MARKET_PARAMETER,
        CALENDAR,
        *({day: bits} for day in DAYS for bits in (DAY_LIMIT, U32_MAX)),
        *({name: PPM + 1} for name in ("weekend_band_ppm", "off_hours_initial_ppm")),
        {"weekend_band_ppm": 0},
    ),
    *cases(
        E.INVALID_ASSET_PARAMETER,
        ASSET_RISK,
        *({"yield_share_ppm": ppm} for ppm in (PPM // 2 + 1, U32_MAX)),
        *({"hedge_market_plus_1": market} for market in (MAX_MARKETS + 1, U32_MAX)),
    ),
    *cases(E.INVALID_ASSET_PARAMETER, CREDIT, {"spread_ppm": PPM + 1}, {"spread_ppm": U32_MAX}),
]
