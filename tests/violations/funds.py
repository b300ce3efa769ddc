"""Funds, trading sessions and the yield of assets."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import fund_op, funds, redemptions, risk_op, yield_share
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from tests.risk_scene import PERP, asset_snapshot, risk_parameters
from tests.strategies import GOVERNANCE
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import BASE, GOVERNOR, QUOTE, TAKER, report

FUND = 0
SEED_UNITS, INVESTED_UNITS = 10**10, 2 * 10**9
LOCKUP_S = 3_600
FULL_DAY = 2**24 - 1


def invested(chain: Chain) -> Batch:
    """Governance's own account leads a fund, and the taker invests in it."""
    batch = chain.batch()
    terms = {"fee_ppm": 100_000, "lockup_s": LOCKUP_S, "amount": SEED_UNITS}
    batch.user(GOVERNOR, fund_op.CreateFund(account=GOVERNOR, **terms))
    batch.user(TAKER, fund_op.Invest(account=TAKER, fund=FUND, amount=INVESTED_UNITS))
    return batch


def redeemed(chain: Chain) -> Batch:
    """The taker redeems what it invested, and the lock-up ends."""
    batch = invested(chain)
    batch.user(TAKER, fund_op.Redeem(account=TAKER, fund=FUND, shares=INVESTED_UNITS))
    batch.system(ops.AdvanceTime(now_s=batch.now_s + LOCKUP_S))
    batch.system(ops.RunDuties(), ops.RunDuties())
    return batch.seal()


def shares_paid(run: Run) -> list[int]:
    return [event.values[2] for event in run.of(EventKind.SHARES_BURNED)]


@violation(
    rule="funds.md#4-rules",
    result="another statement",
    why="Shares follow from the amount, the shares there are and the value of all buckets.",
)
def shares_minted_in_excess(chain: Chain) -> str:
    """Give a friend one share more than the investment buys."""

    def one_more(mint, state, log, fund, account_id, *, shares, **terms):
        mint(state, log, fund, account_id, shares=shares + (account_id == TAKER), **terms)

    def has_more(run: Run) -> bool:
        return run.of(EventKind.SHARES_MINTED)[-1].values[2] == INVESTED_UNITS + 1

    batch = invested(chain).seal()
    return batch.attempt(wrapped(funds, "mint", one_more), harm=has_more)


@violation(
    rule="funds.md#4-rules",
    result="another statement",
    why="Paying a redemption is a duty: it is paid at its value or postponed, with the reason.",
)
def redemption_skipped(chain: Chain) -> str:
    """Take the shares of a client whose lock-up is over and pay nothing."""
    return redeemed(chain).attempt(
        replaced(redemptions, "run", lambda state, log, slot: None),
        harm=lambda run: not shares_paid(run),
    )


@violation(
    rule="funds.md#3-value",
    result="another statement",
    why="A redemption is paid by the fund's value of the day, computed from its buckets.",
)
def redemption_underpaid(chain: Chain) -> str:
    """Pay a client half of what the shares are worth."""

    def half(plan, *shares):
        payment = plan(*shares)
        (bucket, _), *_ = payment.parts
        amount = payment.amount // 2
        return replace(payment, amount=amount, parts=((bucket, amount),))

    return redeemed(chain).attempt(
        wrapped(redemptions, "_plan", half),
        harm=lambda run: shares_paid(run) == [INVESTED_UNITS // 2],
    )


@violation(
    rule="funds.md#4-rules",
    result="another statement: FUND_ACCOUNT",
    why="What is in a fund leaves it by redemptions alone, whoever leads it.",
)
def fund_emptied_by_its_leader(chain: Chain) -> str:
    """Let the leader move the money of investors to its own account."""
    batch = invested(chain)
    bucket = funds.bucket_account(FUND, 0)
    move = ops.Transfer(account=bucket, to_account=GOVERNOR, asset=QUOTE, amount=INVESTED_UNITS)
    batch.user(bucket, move, signer=GOVERNANCE)
    batch.seal()
    return batch.attempt(
        without(ErrorCode.FUND_ACCOUNT, ErrorCode.NOT_SAME_OWNER),
        harm=lambda run: bool(run.of(EventKind.TRANSFERRED)),
    )


@violation(
    rule="risk.md#11-trading-calendar",
    result="another statement: PRICE_OUTSIDE_BAND",
    why="Off session the index stays near the last close, which is in the market's leaf.",
    status="bounded",
)
def weekend_price_invented(chain: Chain) -> str:
    """Move a price by two percent while its exchange is closed."""
    batch = chain.batch()
    hours = dict.fromkeys(("thursday", "friday", "saturday", "sunday"), FULL_DAY)
    batch.admin(risk_op.AdminMarketCalendar(market=PERP, weekend_band_ppm=10_000, **hours))
    now_s = batch.now_s + 5
    batch.system(ops.AdvanceTime(now_s=now_s), report(9_800, now_s))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.PRICE_OUTSIDE_BAND),
        harm=lambda run: run.state.market_risk(PERP).index_price == 9_800,
    )


@violation(
    rule="risk.md#13-yield-share",
    result="another statement",
    why="The share is in the asset's leaf, and the rate it is of comes with L1's snapshot.",
)
def yield_share_doubled(chain: Chain) -> str:
    """Keep twice the agreed part of what clients' collateral earns."""
    batch = chain.batch()
    batch.admin(replace(risk_parameters()[2], yield_share_ppm=100_000))
    now_s = batch.now_s + 50
    grown = replace(asset_snapshot(BASE, 20 * 10**8, now_s), rate_e12=1_060_000_000_000)
    batch.system(ops.AdvanceTime(now_s=now_s), grown)
    batch.seal()
    (honest,) = (event.values[1] for event in batch.replay().of(EventKind.YIELD_SHARED))

    def doubled(share, state, log, asset, old_rate_e12):
        state.edit_asset_risk(asset).yield_share_ppm *= 2
        share(state, log, asset, old_rate_e12)
        state.edit_asset_risk(asset).yield_share_ppm //= 2

    def minted_more(run: Run) -> bool:
        return [event.values[1] > honest for event in run.of(EventKind.YIELD_SHARED)] == [True]

    return batch.attempt(wrapped(yield_share, "share", doubled), harm=minted_more)
