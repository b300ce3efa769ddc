"""Redemptions that wait, and their payment: the duty REDEEM (docs/spec/funds.md section 4).

A redemption lies in a slot of the order table: shares instead of lots, the fund instead of the
level, and no order id, so that no lookup takes it for an order.
"""

from dataclasses import dataclass

from offchain.spec import balances, book, duties, funds, margin, prices, ring
from offchain.spec.book_records import Duty, Order
from offchain.spec.checks import OpError, require
from offchain.spec.constants import (
    FUND_RETRY_S,
    QUOTE_ASSET,
    QUOTE_PER_MICRO,
    SHARE_PRICE_ONE_E8,
)
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.funds import Fee
from offchain.spec.kinds import DutyKind, OrderFlag
from offchain.spec.margin_checks import required_to_leave
from offchain.spec.op import TIME_LIMIT
from offchain.spec.state import State


@dataclass(frozen=True, slots=True)
class _Payment:
    """How a redemption is paid: `parts` are (bucket, quote units)."""

    fee: Fee
    value: int
    amount: int
    parts: tuple[tuple[int, int], ...]


def store(state: State, *, owner: int, fund: int, shares: int) -> int:
    """Put a redemption into a slot of the order table, of which one is free; return the slot."""
    slot = book.take_order_slot(state)
    redemption = Order(
        owner=owner, level=fund, remaining_lots=shares, attributes=OrderFlag.REDEMPTION
    )
    state.orders.replace(slot, redemption)
    return slot


def schedule(state: State, slot: int, *, after_s: int) -> int:
    """Let a redemption fall due in `after_s` seconds; return when that is."""
    due_s = min(state.header.now_s + after_s, TIME_LIMIT)
    duties.push(state, Duty(due_s, DutyKind.REDEEM, slot))
    return due_s


def run(state: State, log: EventLog, slot: int) -> None:
    """Pay the redemption whose duty was taken from the heap, or postpone it."""
    redemption = state.orders.read(slot)
    owner, fund, shares = redemption.owner, redemption.level, redemption.remaining_lots
    try:
        payment = _plan(state, owner, fund, shares)
    except OpError as error:
        log.redemption_postponed(
            account=owner, fund=fund, shares=shares, code=error.code, slot=slot
        )
        schedule(state, slot, after_s=FUND_RETRY_S)
        return
    funds.take_fee(state, log, fund, payment.fee, payment.value)
    for account_id, units in payment.parts:
        state.edit_account(account_id).free[QUOTE_ASSET] -= units
    state.edit_account(owner).free[QUOTE_ASSET] += payment.amount
    _burn(state, owner, fund, shares)
    book.free_order_slot(state, slot)
    log.shares_burned(
        account=owner,
        fund=fund,
        shares=shares,
        amount=payment.amount,
        value=payment.value,
        total_shares=state.funds.read(fund).total_shares,
    )


def _plan(state: State, owner: int, fund: int, shares: int) -> _Payment:
    """Work out a payment without changing anything.

    Raises
    ------
    OpError
        FUND_TOO_WIDE, STALE_PRICE, INSUFFICIENT_BALANCE, BALANCE_TOO_LARGE.
    """
    value = funds.value(state, fund).down
    fee = funds.fee(state, fund, value)
    amount = shares * value // (state.funds.read(fund).total_shares + fee.shares)
    parts, missing = [], amount
    for account_id in funds.buckets(state, fund):
        units = min(missing, _payable(state, account_id))
        parts.append((account_id, units))
        missing -= units
    require(missing == 0, ErrorCode.INSUFFICIENT_BALANCE)
    can_receive = balances.can_receive(state.account(owner), QUOTE_ASSET, amount)
    require(can_receive, ErrorCode.BALANCE_TOO_LARGE)
    return _Payment(fee, value, amount, tuple(parts))


def _payable(state: State, account_id: int) -> int:
    """Return the quote units that a bucket can pay: free, and not what backs its positions."""
    free = max(0, state.account(account_id).free[QUOTE_ASSET])
    if not ring.holds(state, account_id):
        return free
    for holding in margin.holdings_of(state, account_id):
        needs_mark = not holding.is_isolated and holding.is_at_risk
        if needs_mark and not prices.is_mark_fresh(state, holding.market):
            return 0
    bucket = margin.cross(state, account_id)
    spare = bucket.tav - required_to_leave(bucket)
    return min(free, max(0, spare) * QUOTE_PER_MICRO)


def _burn(state: State, owner: int, fund: int, shares: int) -> None:
    asset = funds.share_asset(fund)
    account = state.edit_account(owner)
    slot = balances.find_slot(account, asset)
    account.locked[slot] -= shares
    balances.release_slot(account, slot)
    state.assets.edit(asset).supply_units -= shares
    record = state.funds.edit(fund)
    record.queued_shares -= shares
    record.total_shares -= shares
    if record.total_shares == 0:
        record.high_water_e8 = SHARE_PRICE_ONE_E8
