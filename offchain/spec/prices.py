"""When a mark price may be used."""

from offchain.spec.constants import MARK_MAX_AGE_S
from offchain.spec.state import State


def is_mark_fresh(state: State, market_id: int) -> bool:
    """Return whether the market has a mark that is at most MARK_MAX_AGE_S old."""
    risk = state.market_risk(market_id)
    age_s = state.header.now_s - risk.index_time_s
    return risk.mark_price != 0 and age_s <= MARK_MAX_AGE_S
