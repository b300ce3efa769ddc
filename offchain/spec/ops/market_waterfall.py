"""ADMIN_MARKET_WATERFALL: backstop of a market and how it deleverages."""

from offchain.spec.checks import require
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.fund_op import AdminMarketWaterfall
from offchain.spec.kinds import AccountFlag, MarketRiskFlag
from offchain.spec.order_checks import require_account, require_margined_market
from offchain.spec.state import State

_FLAG_RANKED_QUEUE = 1


def admin_market_waterfall(state: State, op: AdminMarketWaterfall, log: EventLog) -> None:
    """Apply an ADMIN_MARKET_WATERFALL; a backstop of 0 is none.

    Raises
    ------
    OpError
        UNKNOWN_MARKET, UNKNOWN_ACCOUNT, INVALID_MARKET_PARAMETER.
    """
    require_margined_market(state, op.market)
    if op.account:
        require_account(state, op.account)
        is_bucket = state.account(op.account).flags & AccountFlag.FUND
        require(bool(is_bucket), ErrorCode.UNKNOWN_ACCOUNT)
    require(not op.flags & ~_FLAG_RANKED_QUEUE, ErrorCode.INVALID_MARKET_PARAMETER)
    risk = state.edit_market_risk(op.market)
    risk.backstop_account = op.account
    risk.flags &= ~MarketRiskFlag.ADL_QUEUE
    if op.flags:
        risk.flags |= MarketRiskFlag.ADL_QUEUE
    log.waterfall_set(market=op.market, backstop=op.account, flags=op.flags)
