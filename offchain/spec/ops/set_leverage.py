"""SET_LEVERAGE: leverage and margin mode of an account's position in a market."""

from offchain.spec import margin, positions, settling
from offchain.spec.checks import require
from offchain.spec.constants import MAX_LEVERAGE, POSITIONS_PER_ACCOUNT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.order_checks import require_account, require_margined_market
from offchain.spec.risk_op import SetLeverage
from offchain.spec.state import State


def set_leverage(state: State, op: SetLeverage, log: EventLog) -> None:
    """Apply a SET_LEVERAGE; a record that is empty with nothing set is given back.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_MARKET, INVALID_LEVERAGE, POSITION_OPEN, POSITIONS_FULL,
        INSUFFICIENT_MARGIN.
    """
    require_account(state, op.account)
    require_margined_market(state, op.market)
    require(op.leverage <= MAX_LEVERAGE, ErrorCode.INVALID_LEVERAGE)
    holding = margin.holding_of(state, op.account, op.market)
    is_new_mode = holding.mode != op.mode
    require(not (is_new_mode and holding.is_at_risk), ErrorCode.POSITION_OPEN)
    has_record = positions.find(state, op.account, op.market) != positions.NO_POSITION
    used = state.account(op.account).positions_used
    require(has_record or used < POSITIONS_PER_ACCOUNT, ErrorCode.POSITIONS_FULL)
    if holding.is_at_risk:
        bucket = margin.bucket_of(state, op.account, holding.with_leverage(op.leverage))
        require(bucket.tav >= bucket.imr, ErrorCode.INSUFFICIENT_MARGIN)
    positions.open_record(state, op.account, op.market)
    if is_new_mode:
        # What is left of a position that was deleveraged goes where the old mode says.
        settling.write(state, log, op.account, op.market)
    position = positions.edit(state, op.account, op.market)
    position.leverage = op.leverage
    position.mode = op.mode
    log.leverage_set(market=op.market, account=op.account, leverage=op.leverage, mode=op.mode)
    positions.release_if_empty(state, op.account, op.market)
