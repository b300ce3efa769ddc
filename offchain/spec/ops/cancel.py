"""CANCEL and CANCEL_BY_CLIENT_ID: take one order out of the book."""

from offchain.spec import orders
from offchain.spec.checks import OpError, require
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.kinds import Reason
from offchain.spec.op import Cancel, CancelByClientId
from offchain.spec.order_checks import check_client_id, require_account
from offchain.spec.state import State


def cancel(state: State, op: Cancel, log: EventLog) -> None:
    """Apply a CANCEL.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, UNKNOWN_ORDER.
    """
    require_account(state, op.account)
    if orders.find(state, op.account, op.market, op.order_id, op.slot) is None:
        raise OpError(ErrorCode.UNKNOWN_ORDER)
    orders.cancel(state, log, op.slot, Reason.USER)


def cancel_by_client_id(state: State, op: CancelByClientId, log: EventLog) -> None:
    """Apply a CANCEL_BY_CLIENT_ID.

    Raises
    ------
    OpError
        UNKNOWN_ACCOUNT, CLIENT_ID_OUT_OF_RANGE, UNKNOWN_CLIENT_ID.
    """
    require_account(state, op.account)
    client_id = (op.client_id_low, op.client_id_high)
    require(client_id != orders.NO_CLIENT_ID, ErrorCode.CLIENT_ID_OUT_OF_RANGE)
    check_client_id(*client_id)
    slot = orders.find_by_client_id(state, op.account, client_id)
    require(slot != 0, ErrorCode.UNKNOWN_CLIENT_ID)
    orders.cancel(state, log, slot, Reason.USER)
