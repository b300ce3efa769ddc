"""What it costs to hold a position or a debt: funding and interest."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import funding, interest, risk_op, settling
from offchain.spec import op as ops
from offchain.spec.constants import PPM
from offchain.spec.kinds import EventKind, PlaceFlag
from tests.risk_scene import PERP, START_S, risk_parameters
from tests.violations.lies import replaced, wrapped
from tests.violations.losses import funded, indebted
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import BEST_BID, RICH, VICTIM, VICTIM_LOTS, report, sell


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


def lent(chain: Chain) -> Batch:
    """A debtor pays interest at a high rate; what it paid is for those who hold quote."""
    batch = indebted(chain, VICTIM_LOTS - 10)
    batch.admin(replace(risk_parameters()[4], base_rate_ppm=10 * PPM))
    # A lap sets the rate, one charges it, one moves the lenders' index and one pays them.
    for now_s in range(START_S + 100, START_S + 600, 100):
        batch.system(ops.AdvanceTime(now_s=now_s), ops.RunDuties(), report(8_600, now_s))
        batch.system(risk_op.Sweep())
    return batch.seal()


def earned(run: Run) -> int:
    """Return the interest that the rich account earned, in quote units."""
    return sum(each.values[0] for each in run.of(EventKind.EARNED) if each.account == RICH)


@violation(
    rule="risk.md#12-interest-of-lenders",
    result="another statement",
    why="The index of lenders is in the quote asset's leaf; a visit pays what it grew by.",
)
def lender_not_paid(chain: Chain) -> str:
    """Pass a lender over when the interest of a lap is dealt out."""

    def none(gain, state, account, *more):
        return 0 if account == RICH else gain(state, account, *more)

    return lent(chain).attempt(wrapped(interest, "_gain", none), harm=lambda run: not earned(run))


@violation(
    rule="risk.md#12-interest-of-lenders",
    result="another statement",
    why="Lenders get what debtors have paid, less the spread, each by what it holds.",
)
def lender_paid_twice(chain: Chain) -> str:
    """Pay a friend twice what its quote has earned, at the expense of the insurance account."""
    batch = lent(chain)
    honest = earned(batch.replay())

    def twice(gain, state, account, *more):
        return gain(state, account, *more) * (2 if account == RICH else 1)

    return batch.attempt(
        wrapped(interest, "_gain", twice), harm=lambda run: earned(run) == 2 * honest
    )
