"""SCHEDULE_CANCEL: the dead-man switch of an account."""

from offchain.spec import duties
from offchain.spec.book_records import Duty
from offchain.spec.checks import require
from offchain.spec.constants import DEADMAN_MIN_S, DUTY_CAPACITY
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import DutyKind
from offchain.spec.op import ScheduleCancel
from offchain.spec.order_checks import require_account
from offchain.spec.state import State


def schedule_cancel(state: State, op: ScheduleCancel, log: EventLog) -> None:
    """Apply a SCHEDULE_CANCEL.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, SCHEDULE_TOO_SOON, DUTY_QUEUE_FULL.
    """
    require_account(state, op.account)
    current_s = state.account(op.account).deadman_s
    if op.at_s:
        earliest_s = state.header.now_s + DEADMAN_MIN_S
        require(op.at_s >= earliest_s, ErrorCode.SCHEDULE_TOO_SOON)
        has_room = current_s != 0 or state.header.duty_count < DUTY_CAPACITY
        require(has_room, ErrorCode.DUTY_QUEUE_FULL)
    if current_s:
        duties.remove(state, current_s, DutyKind.DEADMAN, op.account)
    if op.at_s:
        duties.push(state, Duty(op.at_s, DutyKind.DEADMAN, op.account))
    state.edit_account(op.account).deadman_s = op.at_s
    log.cancel_scheduled(account=op.account, at_s=op.at_s)
