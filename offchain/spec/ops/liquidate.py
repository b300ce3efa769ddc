"""LIQUIDATE: one step of the liquidation engine on an account."""

from offchain.spec import liquidation, ring
from offchain.spec.checks import OpError, require
from offchain.spec.constants import INSURANCE_ACCOUNT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.l1_op import ForcedSweep
from offchain.spec.liquidation import Outcome
from offchain.spec.order_checks import require_account
from offchain.spec.risk_op import Liquidate
from offchain.spec.state import State


def liquidate(state: State, op: Liquidate | ForcedSweep, log: EventLog) -> None:
    """Apply a LIQUIDATE, or what anyone may force through L1.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, NOT_LIQUIDATABLE, STALE_PRICE.
    """
    require_account(state, op.account)
    is_watched = op.account != INSURANCE_ACCOUNT and ring.holds(state, op.account)
    require(is_watched, ErrorCode.NOT_LIQUIDATABLE)
    outcome = liquidation.work(state, log, op.account)
    if outcome is Outcome.STALE_MARK:
        raise OpError(ErrorCode.STALE_PRICE)
    if outcome is Outcome.NOTHING:
        raise OpError(ErrorCode.NOT_LIQUIDATABLE)
