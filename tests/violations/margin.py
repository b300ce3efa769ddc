"""Risk that is taken without the margin for it, or beyond the limits of a market."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import collateral, margin, matching, positions, risk_op
from offchain.spec import op as ops
from offchain.spec.constants import PPM
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarginMode
from offchain.spec.ops import move_margin
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
    MAKER,
    OTHER,
    QUOTE,
    RESTING_LOTS,
    TAKER,
    VICTIM,
    VICTIM_LOTS,
    buy,
    place,
    price_falls,
    sell,
)

ISOLATED_UNITS = 4_000_000  # four times what RESTING_LOTS need


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


def isolated(chain: Chain, taken_units: int) -> Batch:
    """A trader gives margin to an isolated position, opens it and asks for some of it back."""
    batch = chain.batch()
    move = risk_op.MoveMargin(market=PERP, account=TAKER, amount=ISOLATED_UNITS)
    batch.user(
        TAKER,
        risk_op.SetLeverage(market=PERP, account=TAKER, mode=MarginMode.ISOLATED),
        move,
        buy(TAKER, BEST_ASK, RESTING_LOTS),
        replace(move, amount=taken_units, out=1),
    )
    return batch.seal()


def backing_units(run: Run) -> int:
    """Return the margin of the trader's isolated position, in quote units."""
    return margin.holding_of(run.state, TAKER, PERP).isolated_margin


@violation(
    rule="risk.md#7-margin",
    result="another statement: INSUFFICIENT_MARGIN",
    why="An isolated position keeps its own requirement: the bucket that gives is checked.",
)
def isolated_margin_taken_back(chain: Chain) -> str:
    """Let a friend have the margin back that its isolated position needs."""
    batch = isolated(chain, ISOLATED_UNITS * 3 // 4)
    honest = backing_units(batch.replay())
    return batch.attempt(
        without(ErrorCode.INSUFFICIENT_MARGIN), harm=lambda run: backing_units(run) < honest
    )


@violation(
    rule="risk.md#7-margin",
    result="another statement",
    why="What an isolated position gets or gives is what the account gives or gets.",
)
def isolated_margin_kept_twice(chain: Chain) -> str:
    """Pay a friend margin out and leave it in the position besides."""
    batch = isolated(chain, ISOLATED_UNITS // 4)
    honest = backing_units(batch.replay())

    def kept(move, state, op, log):
        move(state, op, log)
        if op.out:
            index = positions.find(state, op.account, op.market)
            state.positions.edit(index).isolated_margin += op.amount

    return batch.attempt(
        wrapped(move_margin, "move_margin", kept),
        harm=lambda run: backing_units(run) == honest + ISOLATED_UNITS // 4,
    )
