"""SWEEP: look at every account with risk, one after the other, in laps."""

from offchain.spec import laps, liquidation
from offchain.spec.checks import require
from offchain.spec.constants import MAX_STEPS
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.liquidation import Outcome
from offchain.spec.state import State


def sweep(state: State, log: EventLog) -> None:
    """Apply a SWEEP: go on from the cursor until the steps, the lap or an account stops it.

    An account that needs more than a tranche keeps the cursor until nothing is left to do.

    Raises
    ------
    OpError
        NOTHING_TO_SWEEP.
    """
    header = state.header
    require(header.sweep_head != 0, ErrorCode.NOTHING_TO_SWEEP)
    if header.sweep_cursor == 0:
        header.lap_started_s = header.now_s
        header.lap_negative = 0
        header.sweep_cursor = header.sweep_head
    for _ in range(MAX_STEPS):
        account_id = header.sweep_cursor
        liquidation.settle_ended_epochs(state, log, account_id)
        outcome = liquidation.work(state, log, account_id)
        if outcome is Outcome.DONE:
            return
        laps.end_visit(state, log, account_id)
        if outcome is Outcome.TRANCHE or header.sweep_cursor == 0:
            return
