"""Deleveraging by rank: who gains most with most leverage gives first (docs/spec/funds.md 5).

The position that ends is the pending continuation: a walk through the sweep ring finds the account
of the highest rank, which takes as many lots as it has; then the next walk begins.
"""

from offchain.spec import laps, margin, positions, settling, takeover
from offchain.spec.constants import MAX_STEPS, PERP_QUOTE_MULTIPLIER, QUOTE_PER_MICRO
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.header import PendingWork
from offchain.spec.kinds import Continuation
from offchain.spec.margin import Holding
from offchain.spec.state import State
from offchain.spec.takeover import Liquidation

_RANK_ONE = 2**20  # a ratio of 1
_MAX_RATIO = 2**31 - 1  # so that the product of two ratios, and 1, fits a word


def begin(state: State, log: EventLog, found: Liquidation) -> bool:
    """Store the queue of a position as the continuation, unless nobody else is in the ring.

    Returns
    -------
    bool
        Whether it was stored.
    """
    head = state.header.sweep_head
    if head == found.account and state.account(head).sweep_next == 0:
        return False
    work = PendingWork(
        kind=Continuation.ADL_QUEUE,
        account=found.account,
        market=found.holding.market,
        limit_price=found.price,
        remaining_lots=abs(found.holding.size_lots),
        cursor_slot=head,
    )
    _store(state, log, work)
    return True


def _store(state: State, log: EventLog, work: PendingWork) -> None:
    state.header.pending = work
    log.continued(work)


def walk(state: State, log: EventLog, work: PendingWork) -> None:
    """Look at up to MAX_STEPS accounts from the cursor on; at the end of the ring act.

    `client_id_low` of the work is the best account so far and `client_id_high` its rank + 1.
    """
    for _ in range(MAX_STEPS):
        account_id = work.cursor_slot
        work.cursor_slot = state.account(account_id).sweep_next
        holding = margin.holding_of(state, account_id, work.market)
        if _is_candidate(state, work, account_id, holding):
            rank_plus_1 = rank(state, account_id, holding) + 1
            if rank_plus_1 > work.client_id_high:
                work.client_id_low, work.client_id_high = account_id, rank_plus_1
        if work.cursor_slot == 0:
            break
    if work.cursor_slot:
        _store(state, log, work)
    elif work.client_id_high == 0:
        _find_no_one(state, log, work)
    else:
        _match(state, log, work)


def _is_candidate(state: State, work: PendingWork, account_id: int, holding: Holding) -> bool:
    """Return whether an account is on the other side and keeps its bounds when it gives."""
    ending = margin.holding_of(state, work.account, work.market)
    if account_id == work.account or holding.size_lots * ending.size_lots >= 0:
        return False
    lots = min(work.remaining_lots, abs(holding.size_lots))
    notional = lots * work.limit_price * PERP_QUOTE_MULTIPLIER
    quantity = -lots if holding.size_lots > 0 else lots
    return takeover.keeps_limits(state, account_id, holding, quantity, notional)


def rank(state: State, account_id: int, holding: Holding) -> int:
    """Return the rank of a position: profit in relation to cost, times leverage.

    Parameters
    ----------
    state
        Only read.
    account_id
        Owner.
    holding
        The position; its size is not 0.

    Returns
    -------
    int
        In [0, 2^62); 0 without a profit.
    """
    mark = state.market_risk(holding.market).mark_price
    profit = holding.size_lots * mark - ceil_div(holding.cost, QUOTE_PER_MICRO)
    if profit <= 0:
        return 0
    exposed = abs(holding.size_lots) * mark - margin.hedged_micro(state, account_id, holding)
    backing = margin.bucket_of(state, account_id, holding).talt
    cost = ceil_div(abs(holding.cost), QUOTE_PER_MICRO)
    return _ratio(profit, cost) * _ratio(exposed, backing)


def _ratio(part: int, whole: int) -> int:
    return min(part * _RANK_ONE // max(1, whole), _MAX_RATIO)


def _match(state: State, log: EventLog, work: PendingWork) -> None:
    """Let the best account take lots over; begin the next walk if some remain."""
    market_id, best = work.market, work.client_id_low
    for account_id in (work.account, best):
        settling.write(state, log, account_id, market_id)
    size = positions.edit(state, best, market_id).size_lots
    lots = min(work.remaining_lots, abs(size))
    quantity = lots if size > 0 else -lots
    log.deleveraged(
        market=market_id,
        account=best,
        lots=lots,
        price=work.limit_price,
        share=0,
        taken=0,
        epoch=0,
        is_from_longs=size > 0,
    )
    notional = lots * work.limit_price * PERP_QUOTE_MULTIPLIER
    for account_id, signed_lots in ((work.account, quantity), (best, -quantity)):
        size, cost, pnl = positions.update(state, account_id, market_id, signed_lots, notional)
        log.position(market=market_id, account=account_id, size=size, cost=cost, pnl=pnl)
    for account_id in (work.account, best):
        positions.release_if_empty(state, account_id, market_id)
    work.remaining_lots -= lots
    if work.remaining_lots:
        work.cursor_slot = state.header.sweep_head
        work.client_id_low = work.client_id_high = 0
        _store(state, log, work)


def _find_no_one(state: State, log: EventLog, work: PendingWork) -> None:
    """Give the rest to the insurance account, or leave it and let the sweep go on."""
    holding = margin.holding_of(state, work.account, work.market)
    bucket = margin.bucket_of(state, work.account, holding)
    found = Liquidation(work.account, holding, bucket, bucket.mmr, work.limit_price)
    insurance = state.markets.read(work.market).insurance_account
    can_give = takeover.keeps_limits(
        state, found.account, holding, -holding.size_lots, found.notional
    )
    if can_give and takeover.can_take(state, found, insurance):
        takeover.take_over(state, log, found, insurance)
    elif state.header.sweep_cursor == work.account:
        laps.end_visit(state, log, work.account)
