"""What random trading never breaks while L1 forces operations and tells prices."""

from collections import Counter

from offchain.settlement.valuation import ValuationTable
from offchain.spec.checks import OpError
from offchain.spec.constants import SHARE_ASSET
from offchain.spec.envelope import apply_envelope
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.kinds import Continuation, EventKind, MarketRiskFlag, OpKind
from offchain.spec.state import State, genesis
from offchain.spec.transition import apply
from offchain.spec.valuation import valuation_table
from tests.l1_strategies import L1Flow, is_envelope
from tests.risk_strategies import random_risk_sequence
from tests.spec.invariants import check_all
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(24)
LENGTHS = (100, 250)
LEAST = {
    "FEED_SET": 50,
    "ORACLE_READ": 200,
    "PRIORITY_NOTED": 2,
    "LIQUIDATED": 10,
    "CONTINUED FORCED": 1,
    "SNAPSHOT_NOT_FROM_L1": 10,
    "ORACLE_OUT_OF_ORDER": 2,
    "ORACLE_AHEAD": 2,
    "LISTING_FULL": 2,
    "INVALID_FEED": 3,
    "REJECTED SNAPSHOT BAD_READING": 20,
    "REJECTED FORCED_WITHDRAW INSUFFICIENT_BALANCE": 4,
    "REJECTED FORCED_WITHDRAW INSUFFICIENT_MARGIN": 2,
    "REJECTED FORCED_WITHDRAW NOT_SAME_OWNER": 2,
    "REJECTED FORCED_CLOSE REDUCE_ONLY_WOULD_INCREASE": 2,
}


def check_listing(state: State) -> None:
    """What exists is listed, and the table can be read."""
    listing = state.listing()
    assets = {asset for asset, record in state.assets.items() if record.flags}
    assert listing.assets == sorted(asset for asset in assets if asset < SHARE_ASSET)
    margined = (m for m, risk in state.market_risks.items() if risk.flags & MarketRiskFlag.MARGINED)
    assert listing.markets == sorted(margined)
    table = valuation_table(state)
    assert ValuationTable.from_bytes(table).to_bytes() == table if listing.markets else not table


def note(event: Event, seen: Counter[str]) -> None:
    """Count an event, by what tells it from others of its kind."""
    name = event.kind.name
    if event.kind == EventKind.CONTINUED:
        name += f" {Continuation(event.values[0]).name}"
    if event.kind == EventKind.REJECTED and event.values[1] in set(OpKind):
        name += f" {OpKind(event.values[1]).name} {ErrorCode(event.values[2]).name}"
    seen[name] += 1


def test_nothing_that_l1_tells_breaks_an_invariant_and_all_rules_are_met():
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        state = genesis(CONFIG_HASH, GOVERNANCE)
        for data in random_risk_sequence(seed, LENGTHS[seed % len(LENGTHS)], L1Flow):
            try:
                events = apply_envelope(state, data) if is_envelope(data) else apply(state, data)
            except OpError as refusal:
                seen[refusal.code.name] += 1
                continue
            check_all(state)
            for event in events:
                note(event, seen)
        check_listing(state)
    assert {name for name, least in LEAST.items() if seen[name] < least} == set()
