"""MOVE_MARGIN: quote goes into an isolated position, or out of it."""

from dataclasses import replace

from offchain.spec import margin, margin_checks, positions, prices, ring, settling
from offchain.spec.checks import require
from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.margin import Bucket, Change, Holding
from offchain.spec.order_checks import require_account, require_margined_market
from offchain.spec.risk_op import MoveMargin
from offchain.spec.state import State


def move_margin(state: State, op: MoveMargin, log: EventLog) -> None:
    """Apply a MOVE_MARGIN.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_MARKET, INVALID_AMOUNT, NOT_ISOLATED, INSUFFICIENT_BALANCE,
        STALE_PRICE, INSUFFICIENT_MARGIN.
    """
    require_account(state, op.account)
    require_margined_market(state, op.market)
    require(0 < op.amount < VALUE_LIMIT, ErrorCode.INVALID_AMOUNT)
    holding = margin.holding_of(state, op.account, op.market)
    require(holding.is_isolated, ErrorCode.NOT_ISOLATED)
    free = state.account(op.account).free[0]
    available = holding.isolated_margin + holding.cash if op.out else free
    require(available >= op.amount, ErrorCode.INSUFFICIENT_BALANCE)
    require(prices.is_mark_fresh(state, op.market), ErrorCode.STALE_PRICE)
    if op.out or ring.holds(state, op.account):
        giver, required = _giver(state, op, holding)
        require(giver.tav >= required, ErrorCode.INSUFFICIENT_MARGIN)
    settling.write(state, log, op.account, op.market)
    amount = -op.amount if op.out else op.amount
    position = positions.edit(state, op.account, op.market)
    position.isolated_margin += amount
    state.edit_account(op.account).free[0] -= amount
    log.margin_moved(
        market=op.market,
        account=op.account,
        amount=amount,
        isolated_margin=position.isolated_margin,
    )


def _giver(state: State, op: MoveMargin, holding: Holding) -> tuple[Bucket, int]:
    """Return the bucket that gives, after it gave, and what it must keep, in micro."""
    if op.out:
        rest = replace(holding, isolated_margin=holding.isolated_margin - op.amount)
        bucket = margin.isolated(state, rest)
        return bucket, margin_checks.required_to_leave(bucket)
    bucket = margin.cross(state, op.account, Change(free_units=-op.amount))
    return bucket, bucket.imr
