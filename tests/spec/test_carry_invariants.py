"""What random trading over sessions, with interest, yield and hedges, never breaks."""

from collections import Counter

from offchain.spec.checks import OpError
from offchain.spec.kinds import OpKind
from offchain.spec.state import genesis
from offchain.spec.transition import apply
from tests.carry_strategies import CarryFlow
from tests.risk_strategies import random_risk_sequence
from tests.spec.invariants import check_all
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(24)
LENGTH = 150
LEAST = {
    "CALENDAR_SET": 24,
    "EARNED": 20,
    "INTEREST": 5,
    "YIELD_SHARED": 10,
    "LIQUIDATED": 10,
    "EXCHANGED": 1,
    "MARKET_POST_ONLY": 5,
    "PRICE_REPORT PRICE_OUTSIDE_BAND": 20,
    "ADMIN_MARKET_CALENDAR INVALID_MARKET_PARAMETER": 1,
    "ADMIN_ASSET_RISK INVALID_ASSET_PARAMETER": 1,
}


def test_no_op_breaks_an_invariant_and_all_rules_are_met():
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        state = genesis(CONFIG_HASH, GOVERNANCE)
        for data in random_risk_sequence(seed, LENGTH, CarryFlow):
            try:
                events = apply(state, data)
            except OpError as refusal:
                seen[refusal.code.name] += 1
                if data[0] in set(OpKind):
                    seen[f"{OpKind(data[0]).name} {refusal.code.name}"] += 1
                continue
            check_all(state)
            seen.update(event.kind.name for event in events)
    assert {name for name, least in LEAST.items() if seen[name] < least} == set()
