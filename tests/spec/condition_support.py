"""Short names for the tests of conditional orders, on the margined exchange."""

from offchain.spec import condition_op, op
from offchain.spec.book_records import Condition
from offchain.spec.events import Event
from offchain.spec.kinds import EventKind, PlaceFlag, TimeInForce
from offchain.spec.state import State
from tests.spec.risk_support import PRICE
from tests.spec.support import MAKER, PERP, TAKER, only, run

ABOVE = PlaceFlag.FIRES_ABOVE
IS_ASK = PlaceFlag.IS_ASK
REDUCE_ONLY = PlaceFlag.REDUCE_ONLY
LOTS = 10


def trigger(price: int, flags: int = IS_ASK, **fields: int) -> condition_op.PlaceTrigger:
    """Return a trigger of TAKER on PERP, a market order unless it has a limit."""
    fields = {"market": PERP, "account": TAKER, "size_lots": LOTS, **fields}
    return condition_op.PlaceTrigger(trigger_price=price, flags=flags, **fields)


def twap(**fields: int) -> condition_op.PlaceTwap:
    """Return a TWAP of TAKER on PERP: 30 lots bought in three slices, 10 s apart."""
    plain = {
        "market": PERP,
        "account": TAKER,
        "size_lots": 30,
        "slices": 3,
        "interval_s": 10,
        "slippage_ppm": 20_000,
    }
    return condition_op.PlaceTwap(**{**plain, **fields})


def perp(account: int, price: int = PRICE, size_lots: int = LOTS, **fields: int) -> op.Place:
    """Return a PLACE on PERP unless `market` says otherwise."""
    fields = {"market": PERP, **fields}
    return op.Place(account=account, price=price, size_lots=size_lots, **fields)


def bracket(account: int = TAKER, price: int = PRICE, **fields: int) -> op.Place:
    """Return a bid with a take-profit 50 above and a stop 50 below the mark."""
    legs = {"take_profit": PRICE + 50, "stop": PRICE - 50, **fields}
    return perp(account, price, **{"flags": PlaceFlag.BRACKET, **legs})


def ioc(account: int, price: int = PRICE, size_lots: int = LOTS, **fields: int) -> op.Place:
    """Return an immediate order on PERP."""
    return perp(account, price, size_lots, time_in_force=TimeInForce.IOC, **fields)


def buy_from_maker(state: State, lots: int = LOTS) -> None:
    """Give TAKER a long position from MAKER at the mark."""
    run(state, perp(MAKER, size_lots=lots, flags=IS_ASK), perp(TAKER, size_lots=lots))


def placed(events: list[Event]) -> list[tuple[int, int]]:
    """Return (order id, slot) of the triggers and TWAPs that events tell of."""
    kinds = (EventKind.TRIGGER_PLACED, EventKind.TWAP_PLACED)
    return [event.values[:2] for event in events if event.kind in kinds]


def condition_of(state: State, slot: int) -> Condition:
    """Return the condition of the order at a slot."""
    return Condition.from_bytes(state.orders.read(state.orders.read(slot).client_id_low).to_bytes())


def reasons(events: list[Event]) -> list[tuple[int, int]]:
    """Return (slot, reason) of what was cancelled, in order."""
    return [(e.values[1], e.values[3]) for e in only(events, EventKind.CANCELLED)]
