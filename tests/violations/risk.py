"""Risk that is taken, and liquidations that come too early, too late or at the wrong price."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import (
    collateral,
    deleverage,
    exchange,
    fill,
    funding,
    interest,
    liquidation,
    margin,
    matching,
    positions,
    risk_op,
    settling,
    takeover,
)
from offchain.spec import op as ops
from offchain.spec.constants import INSURANCE_ACCOUNT, PPM
from offchain.spec.errors import ErrorCode
from offchain.spec.event import Event
from offchain.spec.kinds import EventKind, PlaceFlag
from offchain.spec.liquidation import Outcome
from tests.risk_scene import PERP, risk_parameters
from tests.strategies import owner_of
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import (
    BASE,
    BASE_UNITS,
    BEST_ASK,
    BEST_BID,
    GOVERNOR,
    MAKER,
    MARK,
    OTHER,
    QUOTE,
    QUOTE_UNITS,
    RICH,
    TAKER,
    VICTIM,
    VICTIM_LOTS,
    buy,
    place,
    price_falls,
    report,
    sell,
)

UNSAFE, LOST = 9_200, 9_000  # indices below maintenance, and below close-out
HOUR_S = 3_700


def liquidated(run: Run) -> list[tuple[int, int]]:
    """Return lots and price of every tranche or takeover of the victim."""
    return [event.values[:2] for event in run.of(EventKind.LIQUIDATED) if event.account == VICTIM]


def the(run: Run, kind: EventKind) -> Event:
    (event,) = run.of(kind)
    return event


def liquidating(chain: Chain, price: int) -> Batch:
    """The index falls and the engine works on the victim."""
    batch = chain.batch()
    price_falls(batch, price)
    batch.system(risk_op.Liquidate(account=VICTIM))
    return batch.seal()


def insured_batch(chain: Chain) -> Batch:
    """Governance pays into the insurance account."""
    batch = chain.batch()
    move = ops.Transfer(
        account=GOVERNOR, to_account=INSURANCE_ACCOUNT, asset=QUOTE, amount=QUOTE_UNITS
    )
    batch.user(GOVERNOR, move)
    return batch


def insured(chain: Chain, price: int) -> Batch:
    """The engine works on the victim when the insurance can take its position."""
    batch = insured_batch(chain)
    price_falls(batch, price)
    batch.system(risk_op.Liquidate(account=VICTIM))
    return batch.seal()


def funded(chain: Chain) -> Batch:
    """An hour goes by, and its funding with it."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 60), ops.RunDuties())
    batch.system(ops.AdvanceTime(now_s=batch.now_s + HOUR_S), ops.RunDuties())
    return batch


def indebted(chain: Chain, lots: int) -> Batch:
    """The victim brings collateral and loses more quote than it has by selling `lots`."""
    batch = insured_batch(chain)
    batch.deposit(owner_of(VICTIM), BASE, BASE_UNITS)
    for step, price in enumerate((9_300, 8_600), 1):
        price_falls(batch, price, step)
    batch.user(MAKER, ops.CancelAll(account=MAKER, market=PERP))
    batch.user(OTHER, ops.CancelAll(account=OTHER, market=PERP))
    batch.user(MAKER, place(MAKER, 8_600, VICTIM_LOTS))
    batch.user(VICTIM, sell(VICTIM, 8_600, lots, flags=PlaceFlag.REDUCE_ONLY))
    return batch


@violation(
    rule="risk.md#7-margin",
    result="another statement: INSUFFICIENT_MARGIN",
    why="Positions, balances and marks are in the state; the program adds up the margin itself.",
)
def initial_margin_ignored(chain: Chain) -> str:
    """Let a friend take twice the position that the margin allows."""
    batch = chain.batch()
    batch.user(OTHER, place(OTHER, BEST_BID, 200_000))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.INSUFFICIENT_MARGIN), harm=lambda run: bool(run.of(EventKind.RESTED))
    )


@violation(
    rule="risk.md#7-margin",
    result="another statement: INSUFFICIENT_MARGIN",
    why="What backs a position stays: the program checks the margin after each outflow.",
)
def margin_withdrawn(chain: Chain) -> str:
    """Pay out the money that backs an open position."""
    batch = chain.batch()
    batch.user(VICTIM, ops.Withdraw(account=VICTIM, asset=QUOTE, amount=50_000_000))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.INSUFFICIENT_MARGIN), harm=lambda run: bool(run.sealed.withdrawals)
    )


@violation(
    rule="risk.md#6-collateral",
    result="another statement: INSUFFICIENT_MARGIN",
    why="Weights are in the asset's leaf, missed heartbeats follow from the time.",
)
def collateral_haircut_ignored(chain: Chain) -> str:
    """Count a friend's collateral at its whole value."""
    batch = chain.batch()
    batch.deposit(owner_of(OTHER), BASE, BASE_UNITS)
    batch.user(OTHER, place(OTHER, BEST_BID, 290_000))
    batch.seal()
    return batch.attempt(
        replaced(collateral, "weight_ppm", lambda risk, now_s, is_margin: PPM),
        harm=lambda run: bool(run.of(EventKind.RESTED)),
    )


@violation(
    rule="risk.md#7-margin",
    result="another statement: PRICE_OUTSIDE_BAND",
    why="Mark and band are in the state; beyond the band no order is taken and nothing fills.",
)
def fill_outside_the_band(chain: Chain) -> str:
    """Let a client who mistyped a price pay it."""
    batch = chain.batch()
    batch.user(MAKER, place(MAKER, 11_500, 5, is_ask=True))
    batch.user(TAKER, buy(TAKER, 11_500, 35))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.PRICE_OUTSIDE_BAND),
        replaced(matching, "_is_outside_band", lambda state, taker, price: False),
        harm=lambda run: any(fill.price == 11_500 for fill in run.fills),
    )


@violation(
    rule="risk.md#7-margin",
    result="another statement: OPEN_INTEREST_CAP",
    why="The open interest is in the market's leaf and counted by every fill.",
)
def open_interest_cap_ignored(chain: Chain) -> str:
    """Let a market grow beyond its cap."""
    batch = chain.batch()
    batch.admin(replace(risk_parameters()[0], open_interest_cap_lots=VICTIM_LOTS))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.seal()
    return batch.attempt(without(ErrorCode.OPEN_INTEREST_CAP), harm=lambda run: bool(run.fills))


@violation(
    rule="risk.md#7-margin",
    result="another statement: CONCENTRATION_LIMIT",
    why="An account's share of the open interest follows from leaves alone.",
)
def concentration_ignored(chain: Chain) -> str:
    """Let one account hold more of a market than the limit allows."""
    batch = chain.batch()
    tight = replace(risk_parameters()[0], concentration_free_lots=1, concentration_ppm=1_000)
    batch.admin(tight)
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.seal()
    return batch.attempt(without(ErrorCode.CONCENTRATION_LIMIT), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#position-update-signed-quantity-d-notional-n--0",
    result="another statement",
    why="Profit follows from the size and cost in the leaf and from the fill.",
)
def profit_inflated(chain: Chain) -> str:
    """Credit a friend with more profit than the fill made."""
    batch = chain.batch()
    batch.user(VICTIM, sell(VICTIM, BEST_BID, 5))
    batch.seal()
    honest = batch.replay().quote_of(VICTIM)

    def more(after_fill, size, cost, quantity, notional):
        after_lots, after_cost, pnl = after_fill(size, cost, quantity, notional)
        return after_lots, after_cost, pnl + 1_000 * (size == VICTIM_LOTS)

    return batch.attempt(
        wrapped(positions, "after_fill", more),
        harm=lambda run: run.quote_of(VICTIM) == honest + 1_000,
    )


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
    why="Who takes a position over is the market's insurance account, or its backstop.",
)
def takeover_by_a_friend(chain: Chain) -> str:
    """Give a position below its worth to a friend instead of the insurance."""

    def to_rich(take_over, state, log, found, receiver):
        take_over(state, log, found, RICH)

    return insured(chain, LOST).attempt(
        wrapped(takeover, "take_over", to_rich),
        harm=lambda run: the(run, EventKind.LIQUIDATED).values[5] == RICH,
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="Deleveraging comes after the insurance account, whose margin the program computes.",
)
def insurance_skipped(chain: Chain) -> str:
    """Deleverage winners although the insurance can take the position."""
    return insured(chain, LOST).attempt(
        replaced(takeover, "can_take", lambda *receiver: False),
        harm=lambda run: bool(run.of(EventKind.DELEVERAGED)),
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="All positions of the other side give the same share, which follows from open interest.",
)
def wrong_deleveraged_amount(chain: Chain) -> str:
    """Take a larger share from the winners than the loser's position."""
    batch = chain.batch()
    # Somebody else is short too, so that the side does not end.
    batch.user(TAKER, sell(TAKER, BEST_BID, 20))
    batch.user(OTHER, place(OTHER, BEST_BID, VICTIM_LOTS))
    batch.user(RICH, sell(RICH, BEST_BID, VICTIM_LOTS))
    price_falls(batch, LOST)
    batch.system(risk_op.Liquidate(account=VICTIM))
    batch.seal()
    share = the(batch.replay(), EventKind.DELEVERAGED).values[2]

    def more(plan, *position):
        loss = plan(*position)
        return replace(loss, share=loss.share + 2**20)

    return batch.attempt(
        wrapped(deleverage, "plan", more),
        harm=lambda run: the(run, EventKind.DELEVERAGED).values[2] == share + 2**20,
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="Deleveraging is at the loser's neutral price.",
)
def deleveraged_at_a_worse_price(chain: Chain) -> str:
    """Close the winners' positions at a price that is worse for them."""
    batch = liquidating(chain, LOST)
    price = the(batch.replay(), EventKind.DELEVERAGED).values[1]

    def worse(plan, state, holding, at_price):
        return plan(state, holding, at_price + 100)

    return batch.attempt(
        wrapped(deleverage, "plan", worse),
        harm=lambda run: the(run, EventKind.DELEVERAGED).values[1] == price + 100,
    )


@violation(
    rule="risk.md#8-liquidation",
    result="another statement",
    why="Only the side opposite to the loser's gives a share.",
)
def innocent_side_deleveraged(chain: Chain) -> str:
    """Take the loss from those on the loser's side and spare the winners."""
    batch = liquidating(chain, LOST)

    def shorts_spared(run: Run) -> bool:
        risk = run.state.market_risk(PERP)
        return risk.longs.epoch == 1 and risk.shorts.epoch == 0

    return batch.attempt(
        replaced(deleverage, "_other_side", lambda risk, size_lots: risk.side(size_lots)),
        harm=shorts_spared,
    )


@violation(
    rule="risk.md#5-funding",
    result="another statement",
    why="The hour's funding is a duty of the program; its sums are in the market's leaf.",
)
def funding_skipped(chain: Chain) -> str:
    """Let the hour pass without funding."""
    return (
        funded(chain)
        .seal()
        .attempt(
            replaced(funding, "_fund", lambda risk, log, market_id: None),
            harm=lambda run: not run.of(EventKind.FUNDING),
        )
    )


@violation(
    rule="risk.md#5-funding",
    result="another statement",
    why="The rate follows from samples of the book, the index and the market's bounds.",
)
def funding_off_by_one(chain: Chain) -> str:
    """Let longs pay one unit more per lot than the rate says."""
    batch = funded(chain).seal()
    honest = batch.replay().state.market_risk(PERP).longs.paid

    def one_more(fund, risk, log, market_id):
        fund(risk, log, market_id)
        risk.longs.paid += 1

    return batch.attempt(
        wrapped(funding, "_fund", one_more),
        harm=lambda run: run.state.market_risk(PERP).longs.paid == honest + 1,
    )


@violation(
    rule="risk.md#3-settling-a-position",
    result="another statement",
    why="A position is settled, with all funding since it was written, before it changes.",
)
def funding_not_collected(chain: Chain) -> str:
    """Let a friend close a position without the funding that it owes."""
    batch = funded(chain)
    batch.user(VICTIM, sell(VICTIM, BEST_BID, 5, flags=PlaceFlag.REDUCE_ONLY))
    batch.seal()

    def unpaid(settled_record, *position):
        now = settled_record(*position)
        return replace(now, paid=0, cash=now.cash + now.paid)

    def closed_unpaid(run: Run) -> bool:
        paid = [e.values[2] for e in run.of(EventKind.SETTLED) if e.account == VICTIM]
        return bool(run.fills) and not any(paid)

    return batch.attempt(wrapped(settling, "settled_record", unpaid), harm=closed_unpaid)


@violation(
    rule="risk.md#9-sweep",
    result="another statement",
    why="The sweep charges every account that owes quote by the index of its last visit.",
)
def interest_not_charged(chain: Chain) -> str:
    """Lend a friend quote for nothing."""
    batch = indebted(chain, VICTIM_LOTS - 10)
    batch.system(risk_op.Sweep(), risk_op.Sweep())
    batch.seal()
    return batch.attempt(
        replaced(interest, "_due", lambda state, account_id, owed, index: 0),
        harm=lambda run: not run.of(EventKind.INTEREST),
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


@violation(
    rule="risk.md#7-margin",
    result="another statement",
    why="Before each fill the program checks the margin of both sides, not only of the taker.",
)
def maker_filled_beyond_its_margin(chain: Chain) -> str:
    """Fill a resting order of an account that has lost its margin meanwhile."""
    batch = chain.batch()
    batch.user(VICTIM, place(VICTIM, BEST_BID, 150))
    price_falls(batch, 9_400)
    batch.user(TAKER, sell(TAKER, BEST_BID, 170))
    batch.seal()

    def victim_fills(run: Run) -> bool:
        return any(each.maker == VICTIM for each in run.fills)

    return batch.attempt(
        replaced(matching, "maker_keeps_margin", lambda state, market_id, planned: True),
        harm=victim_fills,
    )
