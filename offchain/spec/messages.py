"""What a chain does with messages of its peers (docs/spec/links.md section 3)."""

from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.message import Message
from offchain.spec.state import State


def check(state: State, message: Message) -> None:
    """Refuse a message whose turn has not come.

    Raises
    ------
    OpError
        UNKNOWN_PEER, MESSAGE_OUT_OF_ORDER, MESSAGE_AHEAD.
    """
    raise OpError(ErrorCode.UNKNOWN_PEER)


def take(state: State, log: EventLog, message: Message) -> None:
    """Take a message whose turn has come."""
