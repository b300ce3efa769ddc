"""CONTINUE: go on with the pending continuation, with fresh steps."""

from offchain.spec import adl_queue, forced, matching
from offchain.spec.constants import MAX_STEPS
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation
from offchain.spec.ops import cancel_all
from offchain.spec.state import State


def resume(state: State, log: EventLog) -> None:
    """Apply a CONTINUE; the gate of the transition has seen that work is pending."""
    work = state.header.pending
    state.header.pending = PendingWork()
    if work.kind == Continuation.MATCH:
        matching.match(state, log, work)
    elif work.kind == Continuation.ADL_QUEUE:
        adl_queue.walk(state, log, work)
    elif work.kind == Continuation.FORCED:
        forced.run(state, log, work)
    else:
        cancel_all.walk(state, log, work, steps=MAX_STEPS)
