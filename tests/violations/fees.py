"""Fees that are not those of the table."""

from __future__ import annotations

from offchain.spec import fees, fill
from offchain.spec import op as ops
from offchain.spec.constants import FEE_ACCOUNT
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.spec.ops import place as placing
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Chain, Run
from tests.violations.world import (
    BEST_ASK,
    BUILDER_FEE,
    CHEAP,
    MAKER,
    NEXT_ASK,
    OTHER,
    PAYING,
    RETAIL_QUOTA,
    RICH,
    TAKER,
    buy,
)

TAKER_PPM, MAKER_PPM = 280, 20
LOTS = 3
NOTIONAL = BEST_ASK * LOTS * 100
TAKER_FEE = -(-NOTIONAL * TAKER_PPM // 10**6)


def taker_fees(run: Run) -> list[int]:
    return [fill.taker_fee for fill in run.fills]


def one_fill(chain: Chain, account: int = TAKER, lots: int = LOTS, **fields: int):
    batch = chain.batch()
    batch.user(account, buy(account, BEST_ASK, lots, **fields))
    return batch.seal()


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="The fee is computed, not claimed: it equals the table's, not at most the table's.",
)
def fee_off_by_one(chain: Chain) -> str:
    """Take one quote unit more from the taker than the tier says."""

    def one_more(fees_of, state, market, *, is_taker, **named):
        fee, builder_fee = fees_of(state, market, is_taker=is_taker, **named)
        return fee + is_taker, builder_fee

    return one_fill(chain).attempt(
        wrapped(fill, "fees_of", one_more), harm=lambda run: taker_fees(run) == [TAKER_FEE + 1]
    )


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="Rounding is part of the transition: fees round up, against whoever pays them.",
)
def fee_rounded_down(chain: Chain) -> str:
    """Round a friend's fees down."""
    return one_fill(chain).attempt(
        replaced(fees, "ceil_div", lambda numerator, denominator: numerator // denominator),
        harm=lambda run: taker_fees(run) == [TAKER_FEE - 1],
    )


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="The tier is in the account's leaf, its fees are in the table's leaf.",
)
def tier_overcharged(chain: Chain) -> str:
    """Charge a tier's client as the most expensive one is charged."""
    batch = chain.batch()
    batch.user(OTHER, buy(OTHER, BEST_ASK, LOTS))
    batch.seal()

    def as_paying(state, market, account_id, attributes):
        return state.fee_tiers.read(market.fee_table * 8 + PAYING)

    return batch.attempt(
        replaced(fees, "tier_of", as_paying), harm=lambda run: taker_fees(run) == [TAKER_FEE]
    )


@violation(
    rule="transition.md#quota",
    result="another statement",
    why="Orders of the running minute are counted in the account's leaf.",
)
def retail_quota_ignored(chain: Chain) -> str:
    """Let a machine trade free of fees beyond the quota of the retail tier."""
    batch = chain.batch()
    for _ in range(RETAIL_QUOTA):
        batch.user(OTHER, buy(OTHER, NEXT_ASK, 1, self_trade=0))
    batch.seal()
    return batch.attempt(
        replaced(placing, "count_quota", lambda state, market, account: False),
        harm=lambda run: not any(taker_fees(run)),
    )


@violation(
    rule="transition.md#quota",
    result="another statement",
    why="Whether an order is over its quota is computed, and the order's flag says so.",
)
def retail_charged_within_its_quota(chain: Chain) -> str:
    """Charge a retail client for the first orders of a minute."""
    return one_fill(chain, OTHER).attempt(
        replaced(placing, "count_quota", lambda state, market, account: True),
        harm=lambda run: any(taker_fees(run)),
    )


@violation(
    rule="transition.md#place",
    result="another statement: BUILDER_FEE_NOT_APPROVED",
    why="The approval, with its greatest fee, is in the leaf of the master's account.",
)
def builder_fee_without_approval(chain: Chain) -> str:
    """Take a builder's fee from a client who never approved the builder."""
    batch = one_fill(chain, RICH, builder=1, builder_fee=BUILDER_FEE)
    return batch.attempt(
        replaced(placing, "check_builder", lambda *order, **fee: None),
        harm=lambda run: bool(run.of(EventKind.BUILDER_FEE)),
    )


@violation(
    rule="transition.md#place",
    result="another statement: BUILDER_FEE_NOT_APPROVED",
    why="A fee above the approved one is refused with the order.",
)
def builder_fee_above_the_approved_one(chain: Chain) -> str:
    """Take a builder's fee that is one unit above what the client has approved."""
    batch = one_fill(chain, TAKER, builder=1, builder_fee=BUILDER_FEE + 1)
    return batch.attempt(
        replaced(placing, "check_builder", lambda *order, **fee: None),
        harm=lambda run: bool(run.of(EventKind.BUILDER_FEE)),
    )


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="The builder's account is in the leaf of the builder.",
)
def builder_fee_diverted(chain: Chain) -> str:
    """Pay a builder's fee to somebody else."""
    batch = one_fill(chain, TAKER, builder=1, builder_fee=BUILDER_FEE)

    def pay_rich(state, attributes, units):
        state.edit_account(RICH).free[0] += units
        return RICH

    return batch.attempt(
        replaced(fill, "pay_builder", pay_rich),
        harm=lambda run: [e.account for e in run.of(EventKind.BUILDER_FEE)] == [RICH],
    )


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="The fee account is in the market's leaf and set by governance on L1.",
)
def fees_diverted(chain: Chain) -> str:
    """Book the exchange's fees into an account of the sequencer's friend."""

    def divert(settle_fill, state, log, taker, maker_slot, planned):
        before = state.account(FEE_ACCOUNT).free[0]
        settle_fill(state, log, taker, maker_slot, planned)
        earned = state.account(FEE_ACCOUNT).free[0] - before
        state.edit_account(FEE_ACCOUNT).free[0] -= earned
        state.edit_account(RICH).free[0] += earned

    owned = chain.state.account(RICH).free[0]
    return one_fill(chain).attempt(
        wrapped(placing.matching, "settle_fill", divert),
        harm=lambda run: run.state.account(RICH).free[0] > owned,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement: TIER_NOT_SELF_SERVICE",
    why="Which tiers a client may choose is in the fee table's leaf.",
)
def tier_taken_without_right(chain: Chain) -> str:
    """Let a friend choose the tier of market makers."""
    batch = chain.batch()
    batch.user(MAKER, ops.SetTier(account=MAKER, tier=CHEAP))
    batch.seal()
    lie = without(ErrorCode.TIER_NOT_SELF_SERVICE, ErrorCode.TIER_COOLDOWN)
    return batch.attempt(lie, harm=lambda run: run.state.account(MAKER).tier == CHEAP)
