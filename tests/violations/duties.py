"""What the chain owes its users at a time or at a price, and the sequencer leaves undone."""

from __future__ import annotations

from offchain.spec import condition_op, triggers, twap
from offchain.spec import duties as heap
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, PlaceFlag
from offchain.spec.ops import cancel_all
from tests.risk_scene import PERP
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import (
    BEST_ASK,
    BEST_BID,
    MAKER,
    RICH,
    TAKER,
    VICTIM,
    buy,
    place,
    price_falls,
)

STOP = 9_800
TRIGGER_LOTS = 15


def stopping(chain: Chain, mark: int) -> Batch:
    """The victim has a stop; the mark falls, and what is due is run."""
    batch = chain.batch()
    batch.user(
        VICTIM,
        condition_op.PlaceTrigger(
            flags=PlaceFlag.IS_ASK | PlaceFlag.REDUCE_ONLY,
            market=PERP,
            account=VICTIM,
            trigger_price=STOP,
            size_lots=TRIGGER_LOTS,
        ),
    )
    price_falls(batch, mark)
    batch.system(ops.RunDuties())
    return batch.seal()


def is_sealed(run: Run) -> bool:
    return bool(run.of(EventKind.BATCH_SEALED))


@violation(
    rule="transition.md#2-ops-64-bytes",
    result="no proof: NOT_ONE_BATCH",
    why="A batch cannot be sealed while a duty is due, and an unsealed one has no proof.",
)
def expiry_skipped(chain: Chain) -> str:
    """Seal the batch and leave an order on the book whose time is over."""
    batch = chain.batch()
    expiry_s = batch.now_s + 10
    batch.user(MAKER, place(MAKER, BEST_ASK, 5, is_ask=True, expiry_s=expiry_s))
    batch.system(ops.AdvanceTime(now_s=expiry_s))
    batch.seal()
    return batch.attempt(without(ErrorCode.DUTY_PENDING), harm=is_sealed)


@violation(
    rule="risk.md#5-funding",
    result="no proof: NOT_ONE_BATCH",
    why="The minute of a margined market is a duty like any other.",
)
def market_minute_skipped(chain: Chain) -> str:
    """Seal batch after batch without the minute that samples premiums and pays funding."""
    batch = chain.batch()
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 60))
    batch.seal()
    return batch.attempt(without(ErrorCode.DUTY_PENDING), harm=is_sealed)


@violation(
    rule="transition.md#run_duties",
    result="another statement",
    why="The run of duties cancels every order of the account, in the order of its list.",
)
def dead_mans_switch_skipped(chain: Chain) -> str:
    """Note that a client's switch has fired and leave the client's orders resting."""
    batch = chain.batch()
    at_s = batch.now_s + 10
    batch.user(MAKER, ops.ScheduleCancel(account=MAKER, at_s=at_s))
    batch.system(ops.AdvanceTime(now_s=at_s), ops.RunDuties())
    batch.seal()
    return batch.attempt(
        replaced(cancel_all, "begin", lambda *account, steps, **more: steps),
        harm=lambda run: run.state.account(MAKER).order_count > 0,
    )


@violation(
    rule="conditional-orders.md#3-what-falls-due",
    result="another statement",
    why="Every slice is a duty; its size follows from the schedule and what has traded.",
)
def twap_slice_skipped(chain: Chain) -> str:
    """Count a slice of a client's TWAP as done and trade nothing."""
    batch = chain.batch()
    batch.user(
        TAKER,
        condition_op.PlaceTwap(
            market=PERP,
            account=TAKER,
            interval_s=10,
            size_lots=20,
            slices=4,
            slippage_ppm=50_000,
        ),
    )
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 10), ops.RunDuties())
    batch.seal()

    def nothing(run_slice, *order):
        taker = run_slice(*order)
        taker.remaining_lots = 0
        return taker

    assert batch.replay().fills
    return batch.attempt(wrapped(twap, "_slice", nothing), harm=lambda run: not run.fills)


@violation(
    rule="conditional-orders.md#3-what-falls-due",
    result="another statement",
    why="A report that meets a trigger makes it the next duty; nothing passes before it has fired.",
)
def trigger_not_fired(chain: Chain) -> str:
    """Overlook that the mark has reached a client's stop."""
    return stopping(chain, STOP - 100).attempt(
        replaced(triggers, "note_met", lambda state, market_id: None),
        harm=lambda run: not run.of(EventKind.TRIGGERED),
    )


@violation(
    rule="conditional-orders.md#3-what-falls-due",
    result="another statement: NO_DUTY_DUE",
    why="The mark and the trigger's price decide; the program compares them.",
)
def trigger_fired_early(chain: Chain) -> str:
    """Fire a client's stop before the mark has reached it."""

    def met_early(is_met_by, mark_price, trigger, *, is_above):
        return is_met_by(mark_price - 150, trigger, is_above=is_above)

    return stopping(chain, STOP + 100).attempt(
        wrapped(triggers, "is_met_by", met_early),
        harm=lambda run: bool(run.of(EventKind.TRIGGERED)),
    )


@violation(
    rule="transition.md#2-ops-64-bytes",
    result="another statement: CONTINUATION_PENDING",
    why="What did not fit into one op goes on before anything else is accepted.",
)
def order_slips_into_a_continuation(chain: Chain) -> str:
    """Let a friend trade ahead of an order that is half matched."""
    batch = chain.batch()
    price = BEST_ASK - 5
    for count in (40, 30):
        batch.user(MAKER, *count * [place(MAKER, price, 1, is_ask=True)])
    batch.user(TAKER, buy(TAKER, price, 70))
    batch.user(RICH, place(RICH, BEST_BID, 1))
    batch.system(ops.Continue())
    batch.seal()

    def rich_rests(run: Run) -> bool:
        return any(event.account == RICH for event in run.of(EventKind.RESTED))

    return batch.attempt(without(ErrorCode.CONTINUATION_PENDING), harm=rich_rests)


@violation(
    rule="transition.md#run_duties",
    result="another statement: NO_DUTY_DUE",
    why="A duty runs when the header's time has reached it, not before.",
)
def order_expired_early(chain: Chain) -> str:
    """Take a client's order off the book before its time is over."""
    batch = chain.batch()
    batch.user(MAKER, place(MAKER, BEST_ASK, 5, is_ask=True, expiry_s=batch.now_s + 20))
    batch.system(ops.AdvanceTime(now_s=batch.now_s + 10), ops.RunDuties())
    batch.seal()

    def due_early(is_due, state):
        state.header.now_s += 10
        try:
            return is_due(state)
        finally:
            state.header.now_s -= 10

    return batch.attempt(
        wrapped(heap, "is_due", due_early), harm=lambda run: bool(run.of(EventKind.CANCELLED))
    )
