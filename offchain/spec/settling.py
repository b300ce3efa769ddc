"""What a side's funding and deleveraging have done to a position (docs/spec/risk.md section 3).

A position takes part in what its side has paid per lot and lost as a share since it was last
written. :func:`settled` works that out; :func:`write` carries it into the records.
"""

from dataclasses import dataclass

from offchain.spec import positions
from offchain.spec.bounds import clamp
from offchain.spec.constants import FRACTION_ONE, PERP_QUOTE_MULTIPLIER, PPM, VALUE_LIMIT
from offchain.spec.events import EventLog
from offchain.spec.fees import ceil_div
from offchain.spec.kinds import MarketRiskFlag
from offchain.spec.records import Position
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import State

_MAX_PAID = VALUE_LIMIT - 1  # lots of little cost at a huge price of deleveraging


@dataclass(frozen=True, slots=True)
class Settled:
    """A position as it stands now.

    `size` in signed lots, `cost` in signed quote units. `cash` is what the owner receives
    (negative: pays): the `value` of the dropped `fraction` of a lot (48-bit fraction), less `paid`
    funding and deleveraging and the `released` cost of lots that are gone; all in quote units.
    """

    size: int = 0
    cost: int = 0
    cash: int = 0
    paid: int = 0
    released: int = 0
    value: int = 0
    fraction: int = 0


def settled(state: State, account_id: int, market_id: int) -> Settled:
    """Return the account's position in a market as it stands now, zeros without one."""
    index = positions.find(state, account_id, market_id)
    if index == positions.NO_POSITION:
        return Settled()
    return settled_record(state.positions.read(index), state.market_risk(market_id))


def settled_record(position: Position, risk: MarketRisk) -> Settled:
    """Return a position as it stands now; every rounding is against its owner.

    Parameters
    ----------
    position
        Record as it was last written.
    risk
        Of the position's market; all zero for a market without prices.
    """
    size, cost = position.size_lots, position.cost
    if size == 0:
        return Settled()
    side = risk.side(size)
    if position.adl_epoch == side.epoch:
        keep, paid_index = FRACTION_ONE - side.taken, side.paid
    else:
        keep, paid_index = 0, side.ended_paid
    base = FRACTION_ONE - position.adl_index
    paid_per_lot = paid_index - position.funding_index
    paid = ceil_div(size * paid_per_lot * FRACTION_ONE, base * PPM)
    paid = clamp(paid, -_MAX_PAID, _MAX_PAID)
    kept, rest = divmod(abs(size) * keep, base)
    fraction = ceil_div(rest * FRACTION_ONE, base)
    released = ceil_div(cost * (abs(size) - kept), abs(size))
    value = _value_of_fraction(fraction, risk.mark_price, is_long=size > 0)
    return Settled(
        size=kept if size > 0 else -kept,
        cost=cost - released,
        cash=value - paid - released,
        paid=paid,
        released=released,
        value=value,
        fraction=fraction,
    )


def _value_of_fraction(fraction: int, mark_price: int, *, is_long: bool) -> int:
    worth = fraction * mark_price * PERP_QUOTE_MULTIPLIER
    return worth // FRACTION_ONE if is_long else -ceil_div(worth, FRACTION_ONE)


def write(state: State, log: EventLog, account_id: int, market_id: int) -> None:
    """Carry a position's settlement into all records that it touches.

    The cash goes to the isolated margin or the free quote, the insurance account buys the dropped
    fraction, which becomes residue of the side. Without a position, with a size of 0 and in a
    market without margin, nothing happens.
    """
    if not state.market_risk(market_id).flags & MarketRiskFlag.MARGINED:
        return
    index = positions.find(state, account_id, market_id)
    if index == positions.NO_POSITION or state.positions.read(index).size_lots == 0:
        return
    risk = state.edit_market_risk(market_id)
    position = state.positions.edit(index)
    now = settled_record(position, risk)
    _add_residue(risk, position.size_lots, now.fraction)
    risk.pool += now.paid
    insurance_account = state.markets.read(market_id).insurance_account
    state.edit_account(insurance_account).free[0] -= now.value
    positions.credit(state, account_id, market_id, now.cash)
    position.size_lots = now.size
    risk.add_cost(now.cost - position.cost)
    position.cost = now.cost
    positions.stamp(position, risk)
    if now.paid or now.released or now.fraction:
        log.settled(
            market=market_id,
            account=account_id,
            size=now.size,
            cost=now.cost,
            paid=now.paid,
            released=now.released,
            value=now.value,
            fraction=now.fraction,
        )


def _add_residue(risk: MarketRisk, size_lots: int, fraction: int) -> None:
    side = risk.side(size_lots)
    lots, side.residue_fraction = divmod(side.residue_fraction + fraction, FRACTION_ONE)
    side.residue_lots += lots


def size_of(state: State, account_id: int, market_id: int) -> int:
    """Return the signed settled size in lots, 0 without a position."""
    return settled(state, account_id, market_id).size


def size_and_cost(state: State, account_id: int, market_id: int) -> tuple[int, int]:
    """Return settled size in signed lots and cost in signed quote units."""
    now = settled(state, account_id, market_id)
    return now.size, now.cost


def reducible_lots(state: State, account_id: int, market_id: int, *, is_ask: bool) -> int:
    """Return how many lots an order of this side can take off the settled position."""
    size = size_of(state, account_id, market_id)
    return max(size, 0) if is_ask else max(-size, 0)
