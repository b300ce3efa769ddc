"""What an owner forces on L1, and a chain that consumes the record without doing it."""

from __future__ import annotations

from offchain.settlement.model.refusals import Refused
from offchain.settlement.priority import PriorityKind
from offchain.spec import forced, settling
from offchain.spec.kinds import EventKind
from offchain.spec.ops import forced_ops
from tests.risk_scene import PERP
from tests.strategies import owner_of
from tests.violations.layer1 import ACCEPTED
from tests.violations.lies import replaced, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain
from tests.violations.world import BASE, MAKER, QUOTE, RICH, TAKER, VICTIM, VICTIM_LOTS

UNITS = 1_000_000


def forcing(chain: Chain, kind: PriorityKind, account: int, **words: int) -> Batch:
    """The chain consumes what the account's owner has forced."""
    batch = chain.batch()
    batch.priority(batch.l1.force(owner_of(account), kind, account, **words))
    return batch.seal()


def withdrawing(chain: Chain, account: int, asset: int, units: int) -> Batch:
    kind = PriorityKind.FORCED_WITHDRAW
    return forcing(chain, kind, account, asset=asset, units=units)


@violation(
    rule="l1-inputs.md#1-forced-operations",
    result="another statement",
    why="The record becomes an op of the program: it pays, or says with a code why not.",
)
def forced_withdrawal_skipped(chain: Chain) -> str:
    """Consume a forced withdrawal and pay nothing."""
    return withdrawing(chain, TAKER, QUOTE, UNITS).attempt(
        replaced(forced, "_pay", lambda state, log, *payment: None),
        harm=lambda run: not run.sealed.withdrawals,
    )


@violation(
    rule="l1-inputs.md#1-forced-operations",
    result="another statement",
    why="It pays the largest part of the wish that WITHDRAW would accept.",
)
def forced_withdrawal_cut(chain: Chain) -> str:
    """Pay half of what an owner forces and could have."""

    def half(pay, state, log, account_id, asset, wish):
        pay(state, log, account_id, asset, wish // 2)

    return withdrawing(chain, TAKER, QUOTE, UNITS).attempt(
        wrapped(forced, "_pay", half),
        harm=lambda run: [w.amount_units for w in run.sealed.withdrawals] == [UNITS // 2],
    )


@violation(
    rule="l1-inputs.md#1-forced-operations",
    result="another statement",
    why="Orders that lock the money are cancelled first, by the same op.",
)
def orders_shield_from_a_forced_withdrawal(chain: Chain) -> str:
    """Leave orders resting, so that little is free for a forced withdrawal."""
    locked = chain.state.account(MAKER).locked[BASE]
    owned = chain.state.account(MAKER).free[BASE] + locked
    assert locked > 0

    def keep(begin, state, log, work):
        forced._pay(state, log, work.account, work.limit_price, work.remaining_lots)

    def orders_rest(run) -> bool:
        return run.state.account(MAKER).order_count > 0

    batch = withdrawing(chain, MAKER, BASE, owned)
    return batch.attempt(wrapped(forced_ops.forced, "begin", keep), harm=orders_rest)


@violation(
    rule="l1-inputs.md#1-forced-operations",
    result="another statement",
    why="The position meets the book within the market's band, as an order of its owner would.",
)
def forced_close_skipped(chain: Chain) -> str:
    """Consume a forced close and leave the position open."""
    return forcing(chain, PriorityKind.FORCED_CLOSE, VICTIM, data1=PERP).attempt(
        replaced(forced, "_close", lambda state, log, account_id, market_id: None),
        harm=lambda run: settling.size_of(run.state, VICTIM, PERP) == VICTIM_LOTS,
    )


@violation(
    rule="l1-inputs.md#1-forced-operations",
    result="another statement",
    why="A forced cancel takes every order of the account off the book.",
)
def forced_cancel_skipped(chain: Chain) -> str:
    """Consume a forced cancel and keep the orders, which a friend then fills."""
    return forcing(chain, PriorityKind.CANCEL_ALL, MAKER).attempt(
        replaced(forced_ops, "forced_cancel", lambda state, op, log: None),
        harm=lambda run: not run.of(EventKind.CANCELLED),
    )


@violation(
    rule="settlement.md#5-priority-queue",
    result="L1 refuses: Q07",
    why="L1 knows who owns a master account; the program compares the sender as well.",
)
def operation_forced_on_another(chain: Chain) -> str:
    """Force the close of somebody else's position."""
    batch = chain.batch()
    try:
        batch.l1.force(owner_of(RICH), PriorityKind.FORCED_CLOSE, VICTIM, data1=PERP)
    except Refused as refused:
        return f"L1 refuses: {refused.code.value}"
    return ACCEPTED
