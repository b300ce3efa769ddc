"""What random trading with funds never breaks, and that it reaches their rules."""

from collections import Counter

from offchain.spec.checks import OpError
from offchain.spec.kinds import Continuation, EventKind, OpKind
from offchain.spec.state import genesis
from offchain.spec.transition import apply
from tests.fund_strategies import FundFlow
from tests.risk_strategies import random_risk_sequence
from tests.spec.invariants import check_all
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(1, 31)
LENGTH = 150
FIRST_BUCKET = 2**21
LEAST = {
    "SHARES_QUEUED": 30,
    "SHARES_BURNED": 15,
    "REDEMPTION_POSTPONED": 5,
    "SHARES_MINTED of a fee": 5,
    "CONTINUED of a queue": 20,
    "DELEVERAGED of a queue": 20,
    "LIQUIDATED to a backstop": 10,
    "INVEST FUND_ACCOUNT": 5,
    "INVEST INVALID_AMOUNT": 5,
    "REDEEM INSUFFICIENT_BALANCE": 5,
    "REDEEM LEADER_SHARE": 1,
    "TRANSFER FUND_ACCOUNT": 5,
    "WITHDRAW FUND_ACCOUNT": 1,
    "ADMIN_MARKET_WATERFALL UNKNOWN_ACCOUNT": 1,
}


def name_of(event) -> str:
    """Return the kind of an event, and what is special about some of them."""
    name, values = event.kind.name, event.values
    if event.kind == EventKind.SHARES_MINTED and values[1] == 0:
        return f"{name} of a fee"
    if event.kind == EventKind.CONTINUED and values[0] == Continuation.ADL_QUEUE:
        return f"{name} of a queue"
    if event.kind == EventKind.DELEVERAGED and values[3] == 0 == values[4]:
        return f"{name} of a queue"
    if event.kind == EventKind.LIQUIDATED and values[5] > FIRST_BUCKET:
        return f"{name} to a backstop" if values[4] == 2 else name
    return name


def test_no_op_breaks_an_invariant_and_all_rules_are_met():
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        state = genesis(CONFIG_HASH, GOVERNANCE)
        for data in random_risk_sequence(seed, LENGTH, FundFlow):
            try:
                events = apply(state, data)
            except OpError as refusal:
                if data[0] in set(OpKind):
                    seen[f"{OpKind(data[0]).name} {refusal.code.name}"] += 1
                continue
            check_all(state)
            seen.update(name_of(event) for event in events)
    assert {name for name, least in LEAST.items() if seen[name] < least} == set()
