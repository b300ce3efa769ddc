"""Liquidations that come too early, too late or at the wrong price."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import exchange, fill, hedge, liquidation, margin, risk_op
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.liquidation import Outcome
from tests.risk_scene import PERP, risk_parameters
from tests.strategies import owner_of
from tests.violations.lies import replaced, without, wrapped
from tests.violations.losses import UNSAFE, indebted, liquidated, liquidating, the
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain
from tests.violations.world import (
    BASE,
    BEST_ASK,
    BEST_BID,
    MAKER,
    MARK,
    TAKER,
    VICTIM,
    VICTIM_LOTS,
    buy,
    place,
    price_falls,
    report,
    sell,
)

HEDGE_UNITS = 10**6  # worth 2 % of the short position
# Indices at which the hedged short is just above maintenance and just below.
HEDGED_SAFE, HEDGED_UNSAFE = 10_840, 10_860


@violation(
    rule="risk.md#8-liquidation",
    result="another statement: NOT_LIQUIDATABLE",
    why="The program computes value and requirement; above it the engine does nothing.",
)
def liquidation_not_due(chain: Chain) -> str:
    """Liquidate an account that has enough margin."""

    def unsafe(cross, state, account_id, *change):
        bucket = cross(state, account_id, *change)
        return replace(bucket, mmr=3 * bucket.mmr)

    return liquidating(chain, MARK - 1).attempt(
        wrapped(margin, "cross", unsafe), harm=lambda run: bool(liquidated(run))
    )


@violation(
    rule="risk.md#9-sweep",
    result="another statement",
    why="The sweep visits every account with risk in the order of the ring; none is passed over.",
)
def liquidation_skipped(chain: Chain) -> str:
    """Spare a friend whom the sweep finds below maintenance."""
    batch = chain.batch()
    price_falls(batch, UNSAFE)
    batch.system(risk_op.Sweep())
    batch.seal()

    def spare(work, state, log, account_id):
        return Outcome.NOTHING if account_id == VICTIM else work(state, log, account_id)

    return batch.attempt(wrapped(liquidation, "work", spare), harm=lambda run: not liquidated(run))


@violation(
    rule="risk.md#9-sweep",
    result="another statement: SWEEP_LATE",
    why="When a lap takes longer than its period, no op that adds risk is accepted any more.",
)
def liquidations_overdue(chain: Chain) -> str:
    """Leave the sweep alone for ten minutes and let friends trade on."""
    batch = chain.batch()
    now_s = batch.now_s + 601
    batch.system(ops.AdvanceTime(now_s=now_s), ops.RunDuties(), report(MARK, now_s))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.seal()
    return batch.attempt(without(ErrorCode.SWEEP_LATE), harm=lambda run: bool(run.fills))


@violation(
    rule="risk.md#9-sweep",
    result="another statement",
    why="A lap ends when the cursor has been at every account of the ring, and not before.",
)
def lap_ended_early(chain: Chain) -> str:
    """End the lap after its first account, so that the sweep is never late."""
    batch = chain.batch()
    price_falls(batch, UNSAFE)
    batch.system(risk_op.Sweep())
    batch.seal()
    head = chain.state.header.sweep_head

    def only_the_first(work, state, log, account_id):
        assert account_id == head
        outcome = work(state, log, account_id)
        state.edit_account(account_id).sweep_next = 0
        return outcome

    return batch.attempt(
        wrapped(liquidation, "work", only_the_first),
        harm=lambda run: run.state.header.sweep_laps == 1 and not liquidated(run),
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="A tranche is at most a fifth of the position, and no more than reaches the target.",
)
def over_liquidation(chain: Chain) -> str:
    """Sell the whole position where a tranche is due."""
    return liquidating(chain, UNSAFE).attempt(
        replaced(liquidation, "_tranche_lots", lambda state, found: VICTIM_LOTS),
        harm=lambda run: liquidated(run)[0][0] == VICTIM_LOTS,
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="The neutral price follows from mark, value and requirement, to the unit.",
)
def wrong_neutral_price(chain: Chain) -> str:
    """Lower the limit of a liquidation by one unit."""
    batch = liquidating(chain, UNSAFE)
    _, honest = liquidated(batch.replay())[0]

    def lower(plan, *found):
        planned = plan(*found)
        return replace(planned, price=planned.price - 1)

    return batch.attempt(
        wrapped(liquidation, "_plan", lower),
        harm=lambda run: liquidated(run)[0][1] == honest - 1,
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="The fee is the lesser of the market's rate and of what the fill is better than neutral.",
)
def liquidation_fee_too_high(chain: Chain) -> str:
    """Take all that a liquidation order gained as its fee."""
    return liquidating(chain, UNSAFE).attempt(
        replaced(fill, "liquidation_fee", lambda risk, notional, value_kept: value_kept),
        harm=lambda run: any(f.taker_fee * 100 > f.price * f.lots * 101 for f in run.fills),
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="Collateral is exchanged at L1's price less the discount in the asset's leaf.",
)
def collateral_sold_too_cheap(chain: Chain) -> str:
    """Exchange a debtor's collateral at half its price."""
    batch = indebted(chain, VICTIM_LOTS)
    batch.system(risk_op.Sweep())
    batch.seal()
    units = the(batch.replay(), EventKind.EXCHANGED).values[1]

    def half(unit_price_e8, state, asset):
        return unit_price_e8(state, asset) // 2

    return batch.attempt(
        wrapped(exchange, "unit_price_e8", half),
        harm=lambda run: the(run, EventKind.EXCHANGED).values[1] > 2 * units - 2,
    )


def hedged(chain: Chain, price: int) -> Batch:
    """The victim turns short, holds collateral that hedges it, and the price rises."""
    batch = chain.batch()
    batch.admin(replace(risk_parameters()[2], hedge_market_plus_1=PERP + 1))
    batch.deposit(owner_of(VICTIM), BASE, HEDGE_UNITS)
    batch.user(MAKER, place(MAKER, BEST_BID, 2 * VICTIM_LOTS))
    batch.user(VICTIM, sell(VICTIM, BEST_BID, 2 * VICTIM_LOTS))
    price_falls(batch, price)
    batch.system(risk_op.Sweep())
    return batch.seal()


@violation(
    rule="risk.md#10-hedges",
    result="another statement",
    why="What hedges a short is counted by balances and L1's prices, and no more than they are.",
)
def hedge_overstated(chain: Chain) -> str:
    """Spare a friend by a hedge that it does not have."""

    def tenfold(value_micro, *held):
        return 10 * value_micro(*held)

    return hedged(chain, HEDGED_UNSAFE).attempt(
        wrapped(hedge, "_value_micro", tenfold), harm=lambda run: not liquidated(run)
    )


@violation(
    rule="risk.md#10-hedges",
    result="another statement",
    why="Where collateral hedges a short the program lowers its requirement.",
)
def hedge_denied(chain: Chain) -> str:
    """Liquidate an account that its hedge keeps above maintenance."""
    return hedged(chain, HEDGED_SAFE).attempt(
        replaced(hedge, "cover", lambda *held: hedge.Cover()),
        harm=lambda run: bool(liquidated(run)),
    )
