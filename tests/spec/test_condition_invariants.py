"""What random trading with conditional orders never breaks, and that it reaches their rules."""

from collections import Counter

from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, OpKind, Reason
from offchain.spec.state import genesis
from offchain.spec.transition import apply
from tests.condition_strategies import ConditionFlow
from tests.risk_strategies import random_risk_sequence
from tests.spec.invariants import check_all
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(24)
LENGTH = 150
LEAST = {
    "TRIGGER_PLACED": 200,
    "TRIGGERED OK": 30,
    "TRIGGERED PRICE_OUTSIDE_BAND": 5,
    "TRIGGERED REDUCE_ONLY_WOULD_INCREASE": 3,
    "TRIGGERED INSUFFICIENT_MARGIN": 3,
    "TRIGGER_MOVED": 2,
    "TWAP_SLICE OK": 10,
    "TWAP_SLICE STALE_PRICE": 3,
    "CANCELLED LINKED": 100,
    "CANCELLED REFUSED": 15,
    "MODIFY ORDER_LINKED": 3,
    "PLACE INVALID_TRIGGER": 5,
    "PLACE_TRIGGER INVALID_TRIGGER": 3,
    "PLACE_TRIGGER TRIGGER_DUE": 1,
    "PLACE_TRIGGER STALE_PRICE": 3,
    "PLACE_TWAP INVALID_TWAP": 1,
}


def name_of(event) -> str:
    """Return the kind of an event, with the code or the reason that it tells of."""
    if event.kind in (EventKind.TRIGGERED, EventKind.TWAP_SLICE):
        return f"{event.kind.name} {ErrorCode(event.values[5]).name}"
    if event.kind == EventKind.CANCELLED:
        return f"CANCELLED {Reason(event.values[3]).name}"
    return event.kind.name


def test_no_op_breaks_an_invariant_and_all_rules_are_met():
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        state = genesis(CONFIG_HASH, GOVERNANCE)
        for data in random_risk_sequence(seed, LENGTH, ConditionFlow):
            try:
                events = apply(state, data)
            except OpError as refusal:
                if data[0] in set(OpKind):
                    seen[f"{OpKind(data[0]).name} {refusal.code.name}"] += 1
                continue
            check_all(state)
            seen.update(name_of(event) for event in events)
    assert {name: seen[name] for name, least in LEAST.items() if seen[name] < least} == {}
