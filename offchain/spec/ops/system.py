"""ADVANCE_TIME and SEAL_BATCH: what the sequencer says by itself."""

from offchain.spec.checks import require
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.op import AdvanceTime
from offchain.spec.state import State


def advance_time(state: State, op: AdvanceTime, log: EventLog) -> None:
    """Apply an ADVANCE_TIME; what falls due by it must run before anything else.

    Raises
    ------
    OpError
        TIME_BACKWARDS.
    """
    require(op.now_s >= state.header.now_s, ErrorCode.TIME_BACKWARDS)
    state.header.now_s = op.now_s
    log.time_advanced(now_s=op.now_s)


def seal_batch(state: State, log: EventLog) -> None:
    """Apply a SEAL_BATCH."""
    log.batch_sealed(batch_number=state.header.batch_number)
    state.header.batch_number += 1
