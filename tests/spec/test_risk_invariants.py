"""What random trading in margined markets never breaks, and that it reaches all of the rules."""

from collections import Counter

from offchain.spec import margin
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    FRACTION_ONE,
    PAID_INDEX_LIMIT,
    SIDE_RESET,
)
from offchain.spec.kinds import EventKind, OpKind, Reason
from offchain.spec.state import State, genesis
from offchain.spec.transition import apply
from tests.risk_scene import MARGINED, TRADERS
from tests.risk_strategies import random_risk_sequence
from tests.spec.invariants import check_all
from tests.strategies import CONFIG_HASH, GOVERNANCE

SEEDS = range(18)
LENGTH = 150
# What may turn a healthy account into one below its maintenance margin: prices and time, the
# parameters of governance, and what an op does to others than those who agreed to it.
MOVING_OPS = {
    *(OpKind.SNAPSHOT, OpKind.PRICE_REPORT, OpKind.ADVANCE_TIME, OpKind.RUN_DUTIES),
    *(OpKind.ADMIN_MARKET_RISK, OpKind.ADMIN_ASSET_RISK),
}
MOVING_EVENTS = {EventKind.DELEVERAGED, EventKind.INTEREST}


def healthy_buckets(state: State) -> set[tuple[int, int]]:
    """Return (account, market of an isolated position or -1) of what is above maintenance."""
    found = set()
    for account in TRADERS:
        buckets = {-1: margin.cross(state, account)}
        for holding in margin.holdings_of(state, account):
            if holding.is_isolated:
                buckets[holding.market] = margin.isolated(state, holding)
        found |= {(account, market) for market, each in buckets.items() if each.talt >= each.mmr}
    return found


def unhealthy_buckets(state: State) -> set[tuple[int, int]]:
    """Return the buckets with positions that are below maintenance."""
    found = set()
    for account in TRADERS:
        cross = margin.cross(state, account)
        if cross.talt < cross.mmr and cross.mmr:
            found.add((account, -1))
        for holding in margin.holdings_of(state, account):
            bucket = margin.isolated(state, holding)
            if holding.is_isolated and bucket.talt < bucket.mmr:
                found.add((account, holding.market))
    return found


def may_move_margin(kind: int, events) -> bool:
    """Return whether the op could make somebody unhealthy who did not agree to it.

    A trade outside of the margined markets moves money between what counts fully and what counts
    by its weight: its maker agreed when it placed the order, at other prices.
    """
    if kind in MOVING_OPS or any(event.kind in MOVING_EVENTS for event in events):
        return True
    return any(event.kind == EventKind.FILL and event.market not in MARGINED for event in events)


def check_sides(state: State) -> None:
    """Shares and indices keep their bounds, and positions lie within their side's epoch."""
    for risk in state.market_risks.values():
        for side in (risk.longs, risk.shorts):
            assert 0 <= side.taken <= FRACTION_ONE - SIDE_RESET
            assert abs(side.paid) < PAID_INDEX_LIMIT
            assert side.residue_lots >= 0
    for position in state.positions.values():
        if not position.size_lots:
            noted = (position.adl_epoch, position.adl_index, position.funding_index)
            assert noted == (0, 0, 0)
            continue
        side = state.market_risk(position.market_plus_1 - 1).side(position.size_lots)
        assert position.adl_epoch in (side.epoch, side.epoch - 1)
        assert position.adl_epoch != side.epoch or position.adl_index <= side.taken


def test_no_op_breaks_an_invariant_or_the_health_of_an_account():
    for seed in SEEDS:
        state = genesis(CONFIG_HASH, GOVERNANCE)
        owed_index = 0
        healthy = healthy_buckets(state)
        for data in random_risk_sequence(seed, LENGTH):
            try:
                events = apply(state, data)
            except OpError:
                continue
            check_all(state)
            check_sides(state)
            index = state.asset_risk(0).owed_index_e12
            assert index >= owed_index
            owed_index = index
            if not may_move_margin(data[0], events):
                assert not healthy & unhealthy_buckets(state), f"seed {seed}: {data.hex()}"
            healthy = healthy_buckets(state)


def test_the_sequences_reach_the_rules_of_risk():
    seen: Counter[str] = Counter()
    for seed in range(3 * len(SEEDS)):
        state = genesis(CONFIG_HASH, GOVERNANCE)
        for data in random_risk_sequence(seed, LENGTH):
            try:
                events = apply(state, data)
            except OpError as refusal:
                seen[refusal.code.name] += 1
                continue
            seen.update(name for event in events for name in names(event))
    assert {name for name, least in LEAST.items() if seen[name] < least} == set()


def names(event) -> list[str]:
    """Return under which names an event is counted."""
    if event.kind == EventKind.LIQUIDATED:
        return [("TRANCHE", "TAKEOVER")[event.values[4] - 1]]
    if event.kind in (EventKind.DONE, EventKind.CANCELLED):
        return [f"{event.kind.name} {Reason(event.values[3]).name}"]
    if event.kind == EventKind.DELEVERAGED and event.values[3] == 0:
        return ["DELEVERAGED", "END OF AN EPOCH"]
    return [event.kind.name]


LEAST = {
    "FILL": 500,
    "CONTINUED": 3,
    "TRANCHE": 25,
    "TAKEOVER": 25,
    "DELEVERAGED": 30,
    "END OF AN EPOCH": 2,
    "SETTLED": 40,
    "FUNDING": 20,
    "EXCHANGED": 8,
    "BAD_DEBT": 1,
    "RESIDUE": 1,
    "INTEREST": 10,
    "LAP_ENDED": 500,
    "LEVERAGE_SET": 150,
    "MARGIN_MOVED": 150,
    "CANCELLED LIQUIDATION": 20,
    "CANCELLED MARGIN": 20,
    "INSUFFICIENT_MARGIN": 200,
    "PRICE_OUTSIDE_BAND": 50,
    "CONCENTRATION_LIMIT": 50,
    "OPEN_INTEREST_CAP": 1,
    "SWEEP_LATE": 30,
    "NOT_LIQUIDATABLE": 100,
    "NOT_ISOLATED": 1,
    "STALE_PRICE": 20,
    "PRICE_QUORUM": 1,
    "PRICE_OUTSIDE_SNAPSHOT": 1,
}
