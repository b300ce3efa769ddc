"""Orders that trade otherwise than price, time and their own terms say."""

from __future__ import annotations

from offchain.spec import book, matching, settling
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import (
    EventKind,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SelfTrade,
    TimeInForce,
)
from offchain.spec.ops import cancel
from offchain.spec.ops import place as placing
from tests.risk_scene import PERP
from tests.strategies import market_op
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Chain, Run
from tests.violations.world import (
    BEST_ASK,
    BEST_BID,
    MAKER,
    NEXT_ASK,
    OTHER,
    RESTING_LOTS,
    TAKER,
    buy,
    place,
    sell,
)


def prices_paid(run: Run) -> list[int]:
    return [fill.price for fill in run.fills]


def makers_met(run: Run) -> list[int]:
    return [fill.maker for fill in run.fills]


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="The program follows the links of the book, which are in the state, from the best level.",
)
def better_price_skipped(chain: Chain) -> str:
    """Fill a bid at the second-best ask and leave the best one resting."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, NEXT_ASK, RESTING_LOTS))
    batch.seal()

    def skip_best(match, state, log, taker):
        market = state.markets.edit(taker.market)
        best = market.best_ask
        market.best_ask = state.levels.read(best).next
        match(state, log, taker)
        state.markets.edit(taker.market).best_ask = best

    return batch.attempt(
        wrapped(matching, "match", skip_best), harm=lambda run: prices_paid(run) == [NEXT_ASK]
    )


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="The program takes the head of the level; who came first is in the state.",
)
def queue_jumped(chain: Chain) -> str:
    """Let the younger of two orders at one price trade first."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, RESTING_LOTS))
    batch.seal()

    def jump(match, state, log, taker):
        level = state.levels.read(state.markets.read(taker.market).best_ask)
        oldest, price = level.head, level.price
        book.leave_level(state, oldest)
        book.join_level(state, oldest, price, is_ask=True)
        match(state, log, taker)

    return batch.attempt(
        wrapped(matching, "match", jump), harm=lambda run: makers_met(run) == [OTHER]
    )


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="Owner and self-trade mode are in the order; the program tests them before each fill.",
)
def self_trade_allowed(chain: Chain) -> str:
    """Let an account trade with itself, as if to fake volume."""
    batch = chain.batch()
    batch.user(MAKER, buy(MAKER, BEST_ASK, RESTING_LOTS, self_trade=SelfTrade.EXPIRE_TAKER))
    batch.seal()
    return batch.attempt(
        replaced(matching, "is_own_order", lambda taker, owner: False),
        harm=lambda run: makers_met(run) == [MAKER],
    )


@violation(
    rule="transition.md#place",
    result="another statement: POST_ONLY_WOULD_CROSS",
    why="A post-only order that would trade is refused, and the refusal is an event.",
)
def post_only_crossed(chain: Chain) -> str:
    """Let a post-only bid take the best ask."""
    batch = chain.batch()
    batch.user(TAKER, place(TAKER, BEST_ASK, 5, time_in_force=TimeInForce.POST_ONLY))
    batch.seal()
    return batch.attempt(without(ErrorCode.POST_ONLY_WOULD_CROSS), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#fok-dry-run",
    result="another statement: FOK_NOT_FILLABLE",
    why="The program walks the book before it changes anything and refuses the whole order.",
)
def fill_or_kill_partly_filled(chain: Chain) -> str:
    """Fill what there is of an order that wants all or nothing."""
    batch = chain.batch()
    batch.user(TAKER, place(TAKER, BEST_ASK, 50, time_in_force=TimeInForce.FOK))
    batch.seal()
    return batch.attempt(
        replaced(matching, "is_fillable_at_once", lambda state, taker: True),
        harm=lambda run: sum(fill.lots for fill in run.fills) == 2 * RESTING_LOTS,
    )


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="The limit is part of the order that was hashed into receipts and inputs.",
)
def limit_price_ignored(chain: Chain) -> str:
    """Fill a bid above its limit."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK - 5, RESTING_LOTS))
    batch.seal()
    always = replaced(
        matching.book,
        "crosses",
        lambda state, market, limit, taker_is_ask: bool(state.markets.read(market).best_ask),
    )
    return batch.attempt(always, harm=lambda run: BEST_ASK in prices_paid(run))


@violation(
    rule="transition.md#2-ops-64-bytes",
    result="another statement: DUTY_PENDING",
    why="While an expiry is due the program lets nothing pass but the run of duties.",
)
def expired_order_filled(chain: Chain) -> str:
    """Fill an order whose time is over before it is taken off the book."""
    batch = chain.batch()
    price, expiry_s = BEST_ASK - 5, batch.now_s + 10
    batch.user(MAKER, place(MAKER, price, 5, is_ask=True, expiry_s=expiry_s))
    batch.system(ops.AdvanceTime(now_s=expiry_s))
    batch.user(TAKER, buy(TAKER, price, 5))
    batch.system(ops.RunDuties())
    batch.seal()
    lie = without(ErrorCode.DUTY_PENDING, ErrorCode.NO_DUTY_DUE)
    return batch.attempt(lie, harm=lambda run: price in prices_paid(run))


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="The program caps each fill of a reduce-only order by the position as it stands.",
)
def reduce_only_order_grows(chain: Chain) -> str:
    """Let a reduce-only ask turn a long position into a short one."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.user(TAKER, sell(TAKER, BEST_BID, 15, flags=PlaceFlag.REDUCE_ONLY))
    batch.seal()

    def turned_short(run: Run) -> bool:
        return settling.size_of(run.state, TAKER, PERP) < 0

    return batch.attempt(
        replaced(matching, "_reducible", lambda *place, is_ask: 10**9), harm=turned_short
    )


@violation(
    rule="transition.md#cancel-cancel_by_client_id",
    result="another statement",
    why="The cancel stands before the taker in the inputs; after it the order is in no level.",
)
def cancelled_order_filled(chain: Chain) -> str:
    """Pass over a cancel and fill the order afterwards."""
    batch = chain.batch()
    price = BEST_ASK - 5
    batch.user(MAKER, place(MAKER, price, 5, is_ask=True, client_id_low=77))
    batch.user(MAKER, ops.CancelByClientId(account=MAKER, client_id_low=77))
    batch.user(TAKER, buy(TAKER, price, 5))
    batch.seal()
    return batch.attempt(
        replaced(cancel, "cancel_by_client_id", lambda state, op, log: None),
        harm=lambda run: price in prices_paid(run),
    )


@violation(
    rule="transition.md#matching",
    result="another statement",
    why="The rest of an immediate order is dropped by the program, whatever it would be good for.",
)
def immediate_order_rests(chain: Chain) -> str:
    """Keep the rest of an immediate-or-cancel order in the book."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK - 1, 5))
    batch.seal()

    def rest(finish, state, log, taker, stop):
        taker.time_in_force = TimeInForce.GTC
        finish(state, log, taker, stop)

    return batch.attempt(
        wrapped(matching, "_finish", rest), harm=lambda run: bool(run.of(EventKind.RESTED))
    )


@violation(
    rule="transition.md#place",
    result="another statement: MARKET_NOT_OPEN",
    why="The market's status is in the state and changes only by a record of L1.",
)
def halted_market_trades(chain: Chain) -> str:
    """Let an order trade in a market that governance has halted."""
    batch = chain.batch()
    batch.admin(market_op(PERP, MarketKind.PERP, sz_decimals=3, status=MarketStatus.HALTED))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.seal()
    return batch.attempt(without(ErrorCode.MARKET_NOT_OPEN), harm=lambda run: bool(run.fills))


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="Each fill is of the least of what both orders and their terms leave.",
)
def more_filled_than_ordered(chain: Chain) -> str:
    """Sell a bidder one lot more than the bid is for."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 5))
    batch.seal()

    def one_more(enter, state, log, taker, bracket=None):
        taker.remaining_lots += 1
        enter(state, log, taker, bracket)

    return batch.attempt(
        wrapped(placing, "enter", one_more),
        harm=lambda run: sum(fill.lots for fill in run.fills) == 6,
    )
