"""RUN_DUTIES: met triggers one by one, then what has fallen due, earliest first."""

from offchain.spec import duties, firing, funding, orders, pledges, redemptions, twap
from offchain.spec.constants import MAX_STEPS
from offchain.spec.events import EventLog
from offchain.spec.kinds import DutyKind, Reason
from offchain.spec.ops import cancel_all
from offchain.spec.state import State

# Each is the only duty of its op.
_ALONE = (DutyKind.TWAP, DutyKind.REDEEM)


def run_duties(state: State, log: EventLog) -> None:
    """Apply a RUN_DUTIES; the gate of the transition has seen that there is something to do."""
    if state.header.trigger_market:
        firing.fire_next(state, log)
        return
    steps: int | None = MAX_STEPS
    while steps and duties.is_due(state):
        if state.duties.entries[0].kind in _ALONE and steps < MAX_STEPS:
            return
        steps -= 1
        duty = duties.pop(state)
        if duty.kind == DutyKind.TWAP:
            twap.run_slice(state, log, duty.ref, duty.due_s)
            return
        if duty.kind == DutyKind.REDEEM:
            redemptions.run(state, log, duty.ref)
            return
        if duty.kind == DutyKind.EXPIRY:
            orders.cancel(state, log, duty.ref, Reason.EXPIRED, has_duty=False)
        elif duty.kind == DutyKind.MARKET_MINUTE:
            funding.run_minute(state, log, duty.ref)
        elif duty.kind == DutyKind.TRAIL:
            firing.run_trail(state, log, duty.ref)
        elif duty.kind == DutyKind.PLEDGE:
            pledges.run_duty(state, log, duty.ref)
        else:
            state.edit_account(duty.ref).deadman_s = 0
            log.deadman_fired(account=duty.ref)
            steps = cancel_all.begin(state, log, duty.ref, Reason.DEADMAN, steps=steps)
