"""Who takes a lost position over, how much of it and at what price."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import adl_queue, deleverage, fund_op, risk_op, takeover
from offchain.spec import op as ops
from offchain.spec.kinds import EventKind
from tests.risk_scene import PERP
from tests.violations.lies import replaced, wrapped
from tests.violations.losses import LOST, insured, liquidating, the
from tests.violations.registry import violation
from tests.violations.scene import Chain, Run
from tests.violations.world import (
    BEST_BID,
    OTHER,
    RICH,
    TAKER,
    VICTIM,
    VICTIM_LOTS,
    place,
    price_falls,
    sell,
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
    rule="funds.md#5-in-the-waterfall",
    result="another statement",
    why="The rank follows from profit, cost and margin; the walk looks at every account.",
)
def winner_spared(chain: Chain) -> str:
    """Let a friend who gains most keep its position, and take that of the next in the queue."""
    batch = chain.batch()
    batch.admin(fund_op.AdminMarketWaterfall(market=PERP, flags=1))
    batch.user(OTHER, place(OTHER, BEST_BID, VICTIM_LOTS))
    batch.user(TAKER, sell(TAKER, BEST_BID, VICTIM_LOTS))
    price_falls(batch, LOST)
    batch.system(risk_op.Liquidate(account=VICTIM), ops.Continue())
    batch.seal()

    def last(rank, state, account, holding):
        return 0 if account == TAKER else rank(state, account, holding)

    return batch.attempt(
        wrapped(adl_queue, "rank", last),
        harm=lambda run: run.of(EventKind.DELEVERAGED)[0].account == RICH,
    )
