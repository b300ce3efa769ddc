"""Headroom: what a fill-or-kill order must know beforehand, that no bound can stop its fills."""

from offchain.spec import balances, margin
from offchain.spec.book_records import builder_of
from offchain.spec.constants import (
    FOK_NOTIONAL_LIMIT,
    POSITION_VALUE_LIMIT,
    QUOTE_ASSET,
    SIZE_LIMIT,
)
from offchain.spec.fees import quote_multiplier
from offchain.spec.header import PendingWork
from offchain.spec.kinds import MarketKind
from offchain.spec.state import State

# A fill moves at most its notional and, on each side, as much again in fees.
_MOVED_PER_NOTIONAL = 3


def worst_notional(state: State, market_id: int, size_lots: int, price: int) -> int:
    """Return the quote units that `size_lots` cost at the worst price."""
    return size_lots * price * quote_multiplier(state.markets.read(market_id))


def fok_taker_is_able(state: State, taker: PendingWork, worst: int) -> bool:
    """Return whether size, fee account and taker keep their bounds for the whole order."""
    fee_account = state.account(state.markets.read(taker.market).fee_account)
    return (
        worst < FOK_NOTIONAL_LIMIT
        and balances.can_receive(fee_account, QUOTE_ASSET, _MOVED_PER_NOTIONAL * worst)
        and has_headroom(
            state,
            taker.market,
            account_id=taker.account,
            is_ask=taker.is_ask,
            attributes=taker.attributes,
            size_lots=taker.remaining_lots,
            worst=worst,
        )
    )


def has_headroom(
    state: State,
    market_id: int,
    *,
    account_id: int,
    is_ask: bool,
    attributes: int,
    size_lots: int,
    worst: int,
) -> bool:
    """Return whether an account can trade up to `size_lots` for up to `worst` quote units.

    Holds whatever else the same order credits to the account, as fee account or builder.
    """
    moved = _MOVED_PER_NOTIONAL * worst
    if builder_of(attributes):
        builder = state.builders.read(builder_of(attributes))
        if not balances.can_receive(state.account(builder.account), QUOTE_ASSET, moved):
            return False
    account = state.account(account_id)
    if state.markets.read(market_id).kind == MarketKind.SPOT:
        return not is_ask or balances.can_receive(account, QUOTE_ASSET, moved)
    holding = margin.holding_of(state, account_id, market_id)
    size, cost = holding.size_lots, holding.cost
    free, held = margin.settled_quote(state, account_id, holding)
    return (
        abs(size) + size_lots < SIZE_LIMIT
        and abs(cost) + worst < POSITION_VALUE_LIMIT
        and free - abs(cost) - 2 * worst > -POSITION_VALUE_LIMIT
        and held + abs(cost) + 4 * worst < POSITION_VALUE_LIMIT
    )
