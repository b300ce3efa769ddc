"""Prices that no market had."""

from __future__ import annotations

from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.ops import price_report, snapshot
from tests.risk_scene import PERP, asset_snapshot, market_snapshot
from tests.violations.lies import replaced, without
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain
from tests.violations.world import BASE, BEST_ASK, MARK, TAKER, buy, report

LATER_S = 5


def reporting(chain: Chain, price: int, *, age_s: int = 0, **fields: int) -> Batch:
    batch = chain.batch()
    now_s = batch.now_s + LATER_S
    batch.system(ops.AdvanceTime(now_s=now_s), report(price, now_s - age_s, **fields))
    return batch.seal()


def index_is(price: int):
    return lambda run: run.state.market_risk(PERP).index_price == price


@violation(
    rule="risk.md#4-prices",
    result="another statement: STALE_PRICE",
    why="A report is younger than the last one and than the market's greatest age.",
)
def stale_price(chain: Chain) -> str:
    """Report an old price again because it suits a friend."""
    batch = chain.batch()
    now_s = batch.now_s + 50
    batch.system(ops.AdvanceTime(now_s=now_s), report(9_900, now_s - 40))
    batch.seal()
    return batch.attempt(without(ErrorCode.STALE_PRICE), harm=index_is(9_900))


@violation(
    rule="risk.md#4-prices",
    result="another statement: STALE_PRICE",
    why="No report is of a time that the chain's clock has not reached.",
)
def price_of_the_future(chain: Chain) -> str:
    """Report a price that is valid tomorrow, so that none replaces it."""
    batch = reporting(chain, 9_900, age_s=-86_400)
    return batch.attempt(without(ErrorCode.STALE_PRICE), harm=index_is(9_900))


@violation(
    rule="risk.md#4-prices",
    result="another statement: INVALID_PRICE",
    why="Zero is no price, whoever reports it.",
)
def price_of_zero(chain: Chain) -> str:
    """Report a price of 0 and let everybody who is long be liquidated."""
    lie = without(ErrorCode.INVALID_PRICE, ErrorCode.PRICE_OUTSIDE_SNAPSHOT, ErrorCode.PRICE_JUMP)
    return reporting(chain, 0).attempt(lie, harm=index_is(0))


@violation(
    rule="risk.md#4-prices",
    result="another statement: PRICE_JUMP",
    why="From one report to the next the index moves by at most the market's jump.",
    status="bounded",
)
def price_jump(chain: Chain) -> str:
    """Let the price leap by more than the market allows in one report."""
    lie = without(ErrorCode.PRICE_JUMP)
    return reporting(chain, 11_001).attempt(lie, harm=index_is(11_001))


@violation(
    rule="risk.md#4-prices",
    result="another statement: PRICE_OUTSIDE_SNAPSHOT",
    why="The index stays within a band around the last price of L1.",
    status="bounded",
)
def price_outside_the_snapshot(chain: Chain) -> str:
    """Walk the index away from what L1 has recorded, in steps that are small enough."""
    batch = chain.batch()
    now_s = batch.now_s
    for step, price in enumerate((10_900, 11_501), 1):
        batch.system(ops.AdvanceTime(now_s=now_s + step), report(price, now_s + step))
    batch.seal()
    return batch.attempt(without(ErrorCode.PRICE_OUTSIDE_SNAPSHOT), harm=index_is(11_501))


@violation(
    rule="risk.md#4-prices",
    result="another statement: PRICE_QUORUM",
    why="Below the least number of sources there is no report.",
    status="bounded",
)
def price_without_quorum(chain: Chain) -> str:
    """Report what a single venue says."""
    batch = reporting(chain, 9_900, sources=1)
    return batch.attempt(without(ErrorCode.PRICE_QUORUM), harm=index_is(9_900))


@violation(
    rule="risk.md#4-prices",
    result="another statement",
    why="The mark is the median of index, book and other venues, computed by the program.",
)
def mark_set_by_hand(chain: Chain) -> str:
    """Store another mark than follows from the report and the book."""
    batch = reporting(chain, 9_900)
    return batch.attempt(
        replaced(price_report, "_mark", lambda risk, mid: 9_500),
        harm=lambda run: run.state.market_risk(PERP).mark_price == 9_500,
    )


@violation(
    rule="risk.md#4-prices",
    result="another statement",
    why="The average of the basis is in the market's leaf and moves by the rule.",
)
def basis_forgotten(chain: Chain) -> str:
    """Drop the book's premium from the average that makes the mark."""
    batch = chain.batch()
    now_s = batch.now_s + LATER_S
    batch.user(TAKER, buy(TAKER, BEST_ASK, 20))
    batch.system(ops.AdvanceTime(now_s=now_s), report(MARK, now_s))
    batch.seal()
    return batch.attempt(
        replaced(price_report, "_mid", lambda state, market: None),
        harm=lambda run: run.state.market_risk(PERP).basis_ema == 0,
    )


@violation(
    rule="risk.md#7-margin",
    result="another statement: STALE_PRICE",
    why="Nobody takes risk at a mark that is older than a minute.",
)
def trade_at_an_old_mark(chain: Chain) -> str:
    """Hold reports back and let a friend trade at the old mark."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 61), ops.RunDuties())
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.seal()
    return batch.attempt(without(ErrorCode.STALE_PRICE), harm=lambda run: bool(run.fills))


@violation(
    rule="risk.md#4-prices",
    result="another statement: STALE_PRICE",
    why="A snapshot is younger than the one before it.",
)
def snapshot_repeated(chain: Chain) -> str:
    """Store an older price of L1 over a newer one."""
    batch = chain.batch()
    batch.system(market_snapshot(PERP, 9_000, batch.now_s))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.STALE_PRICE),
        harm=lambda run: run.state.market_risk(PERP).snapshot_price == 9_000,
    )


@violation(
    rule="risk.md#4-prices",
    result="another statement",
    why="A redemption rate grows by at most the asset's yearly cap.",
    status="bounded",
)
def redemption_rate_leaps(chain: Chain) -> str:
    """Let collateral be worth more than its yield can have earned."""
    batch = chain.batch()
    now_s = batch.now_s + LATER_S
    leap = asset_snapshot(BASE, 20 * 10**8, now_s)
    doubled = type(leap)(
        target=leap.target,
        asset=BASE,
        time_s=now_s,
        price_e8=leap.price_e8,
        rate_e12=2 * leap.rate_e12,
    )
    batch.system(ops.AdvanceTime(now_s=now_s), doubled)
    batch.seal()
    return batch.attempt(
        replaced(snapshot, "_grown_rate", lambda risk, op: op.rate_e12),
        harm=lambda run: run.state.asset_risk(BASE).rate_e12 == doubled.rate_e12,
    )


@violation(
    rule="transition.md#5-time-batches-administration",
    result="another statement: TIME_BACKWARDS",
    why="Time is in the header and never falls.",
)
def clock_turned_back(chain: Chain) -> str:
    """Turn the chain's clock back, to make an old price a fresh one."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 20))
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 10))
    batch.seal()
    before = batch.now_s
    return batch.attempt(
        without(ErrorCode.TIME_BACKWARDS),
        harm=lambda run: run.state.header.now_s == before + 10,
    )
