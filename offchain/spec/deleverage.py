"""Deleveraging: the other side of a market takes over a position (docs/spec/risk.md section 8).

Every position of that side gives the same share of its lots, at the same price. Only the side's
state is written; a position notices when it is settled.
"""

from dataclasses import dataclass

from offchain.spec import positions
from offchain.spec.constants import (
    FRACTION_ONE,
    PERP_QUOTE_MULTIPLIER,
    PPM,
    SIDE_RESET,
    VALUE_LIMIT,
)
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.margin import Holding
from offchain.spec.risk_records import MarketRisk, SideState
from offchain.spec.state import State

# Laps of the sweep from the end of an epoch to the next one's: one of them was whole, and every
# position of the epoch that ended was settled in it.
_LAPS_BETWEEN_RESETS = 2


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """How a position of `quantity` signed lots ends at `price`.

    The other side gives `share` (48-bit fraction) of what its positions held when its epoch began.
    What that is more than the position becomes its residue, what it is less the residue gives:
    `residue` in lots x 2^48, worth `residue_value` quote units.
    """

    quantity: int
    price: int
    share: int
    residue: int
    residue_value: int

    @property
    def is_from_longs(self) -> bool:
        """Whether the longs give lots, because the position is short."""
        return self.quantity < 0


def plan(state: State, holding: Holding, price: int) -> Deleveraging | None:
    """Work out a deleveraging without changing anything.

    Parameters
    ----------
    state
        Only read.
    holding
        The position that ends; its size is not 0.
    price
        Price units.

    Returns
    -------
    Deleveraging or None
        None when it is not allowed: it would end an epoch whose predecessor may not be settled
        yet, or a value would pass VALUE_LIMIT.
    """
    quantity = holding.size_lots
    side = _other_side(state.market_risk(holding.market), quantity)
    open_interest = state.markets.read(holding.market).open_interest_lots
    # Lots of its positions, as a 48-bit fraction: residue belongs to none and gives nothing.
    held = (open_interest - side.residue_lots) * FRACTION_ONE - side.residue_fraction
    wanted = abs(quantity) * FRACTION_ONE
    rest = FRACTION_ONE - side.taken
    share = ceil_div(wanted * rest, held) if held >= wanted else rest
    if rest - share < SIDE_RESET:
        share = rest
        laps = state.header.sweep_laps
        if side.epoch > 0 and laps < side.ended_lap + _LAPS_BETWEEN_RESETS:
            return None
    # Exact when all is taken, and then maybe negative.
    residue = ceil_div(held * share - wanted * rest, rest)
    worth = residue * price * PERP_QUOTE_MULTIPLIER
    # The insurance account pays for long residue and is paid for short: against it both times.
    value = ceil_div(worth, FRACTION_ONE) if quantity < 0 else worth // FRACTION_ONE
    if abs(value) >= VALUE_LIMIT:
        return None
    return Deleveraging(quantity, price, share, residue, value)


def carry_out(
    state: State, log: EventLog, account_id: int, market_id: int, loss: Deleveraging
) -> None:
    """Take the share from the other side and end the account's position, which is settled."""
    risk = state.edit_market_risk(market_id)
    market = state.markets.edit(market_id)
    side = _other_side(risk, loss.quantity)
    lots = abs(loss.quantity)
    notional = lots * loss.price * PERP_QUOTE_MULTIPLIER
    insurance = state.edit_account(market.insurance_account)
    if loss.is_from_longs:
        market.open_interest_lots -= lots
        insurance.free[0] -= loss.residue_value
        risk.pool += loss.residue_value + notional
    else:
        insurance.free[0] += loss.residue_value
        risk.pool -= loss.residue_value + notional
    _take_share(side, loss, laps=state.header.sweep_laps)
    size, cost, pnl = positions.update(state, account_id, market_id, -loss.quantity, notional)
    log.deleveraged(
        market=market_id,
        account=account_id,
        lots=lots,
        price=loss.price,
        share=loss.share,
        taken=side.taken,
        epoch=side.epoch,
        is_from_longs=loss.is_from_longs,
    )
    log.position(market=market_id, account=account_id, size=size, cost=cost, pnl=pnl)


def _take_share(side: SideState, loss: Deleveraging, *, laps: int) -> None:
    move = loss.share * loss.price * PERP_QUOTE_MULTIPLIER * PPM
    # Longs are paid for what they give, shorts pay: rounded against both.
    side.paid -= move // FRACTION_ONE if loss.is_from_longs else ceil_div(move, FRACTION_ONE)
    residue = side.residue_lots * FRACTION_ONE + side.residue_fraction + loss.residue
    side.residue_lots, side.residue_fraction = divmod(residue, FRACTION_ONE)
    side.taken += loss.share
    if side.taken == FRACTION_ONE:
        side.ended_paid = side.paid
        side.ended_lap = laps
        side.epoch += 1
        side.taken = side.paid = 0


def _other_side(risk: MarketRisk, size_lots: int) -> SideState:
    return risk.side(-size_lots)
