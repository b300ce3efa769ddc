"""What an owner forces through L1: orders are cancelled, then money leaves or a position closes.

docs/spec/l1-inputs.md section 1. Nothing here can fail as an op: what does not apply is REJECTED.
"""

from offchain.spec import balances, book, matching, prices, settling, units
from offchain.spec.book_records import pack_attributes
from offchain.spec.bounds import clamp
from offchain.spec.checks import OpError
from offchain.spec.constants import HALVINGS, MAX_SLIPPAGE_PPM, MAX_STEPS, PPM, PRICE_MAX
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.header import PendingWork, pack_self_trade
from offchain.spec.kinds import Continuation, OpKind, OrderFlag, Reason, SelfTrade, TimeInForce
from offchain.spec.margin import is_margined
from offchain.spec.ops import cancel_all, withdraw
from offchain.spec.state import State


def begin(state: State, log: EventLog, work: PendingWork) -> None:
    """Begin a forced operation.

    Parameters
    ----------
    state, log
        Changed and appended to.
    work
        `account`, `market_filter`, and as header words 33 to 35 the kind of the op in
        `attributes`, an asset in `limit_price`, an amount in `remaining_lots`.
    """
    work.kind = Continuation.FORCED
    work.reason = Reason.FORCED
    work.cursor_slot = state.account(work.account).order_head
    run(state, log, work)


def run(state: State, log: EventLog, work: PendingWork) -> None:
    """Cancel orders; once none is left, pay or close."""
    if cancel_all.walk(state, log, work, steps=MAX_STEPS) is None:
        return
    if work.attributes == OpKind.FORCED_WITHDRAW:
        _pay(state, log, work.account, work.limit_price, work.remaining_lots)
    else:
        _close(state, log, work.account, work.market)


def _pay(state: State, log: EventLog, account_id: int, asset: int, wish: int) -> None:
    """Pay the largest amount, halved until WITHDRAW would accept it, that is not above the wish."""
    free = balances.free_units(state.account(account_id), asset)
    held = units.payable(state, asset, max(0, free or 0))
    record = state.assets.read(asset)
    most = min(wish, record.total_units, held)
    refusal = ErrorCode.INSUFFICIENT_BALANCE
    for halving in range(HALVINGS):
        amount = (most >> halving) // record.withdraw_step_units * record.withdraw_step_units
        if amount == 0:
            break
        try:
            debit = withdraw.check(state, account_id, asset, amount)
        except OpError as error:
            refusal = refusal if halving else error.code
            continue
        withdraw.pay(state, log, account_id, asset, amount, debit)
        return
    _reject(log, account_id, OpKind.FORCED_WITHDRAW, refusal)


def _close(state: State, log: EventLog, account_id: int, market_id: int) -> None:
    """Let an immediate reduce-only order of the whole position meet the book."""
    size = settling.size_of(state, account_id, market_id)
    if size == 0:
        _reject(log, account_id, OpKind.FORCED_CLOSE, ErrorCode.REDUCE_ONLY_WOULD_INCREASE)
        return
    is_ask = size > 0
    limit = _closing_limit(state, market_id, is_ask=is_ask)
    if limit is None:
        _reject(log, account_id, OpKind.FORCED_CLOSE, ErrorCode.NO_LIQUIDITY)
        return
    flags = OrderFlag.REDUCE_ONLY | (OrderFlag.IS_ASK if is_ask else 0)
    taker = PendingWork(
        kind=Continuation.MATCH,
        account=account_id,
        market=market_id,
        order_id=book.take_order_id(state, market_id),
        attributes=pack_attributes(flags, 0, 0),
        limit_price=limit,
        remaining_lots=abs(size),
        time_in_force=TimeInForce.IOC,
        self_trade=pack_self_trade(SelfTrade.EXPIRE_MAKER, by_master=False),
        start_size_lots=abs(size),
    )
    matching.match(state, log, taker)


def _closing_limit(state: State, market_id: int, *, is_ask: bool) -> int | None:
    """Return the worst price at which a position closes, None when nobody could take it."""
    if is_margined(state, market_id) and prices.is_mark_fresh(state, market_id):
        reference = state.market_risk(market_id).mark_price
        band_ppm = state.market_risk(market_id).price_band_ppm
    else:
        best = book.best_price(state, market_id, is_ask=not is_ask)
        if best is None:
            return None
        reference, band_ppm = best, MAX_SLIPPAGE_PPM
    distance = reference * band_ppm // PPM
    return clamp(reference - distance if is_ask else reference + distance, 1, PRICE_MAX)


def _reject(log: EventLog, account_id: int, kind: OpKind, code: ErrorCode) -> None:
    log.rejected(account=account_id, op_index=0, op_kind=kind, code=code)
