"""A small exchange for the tests of the specification, and short names for its ops."""

from functools import cache

from offchain.spec import op, poseidon2
from offchain.spec.checks import OpError
from offchain.spec.constants import QUOTE_ASSET, VALUE_LIMIT
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event
from offchain.spec.kinds import AssetFlag, EventKind, MarketKind, PlaceFlag, TierFlag
from offchain.spec.state import State, genesis
from offchain.spec.transition import apply
from offchain.spec.tree import Hasher
from tests.strategies import CONFIG_HASH, GOVERNANCE, market_op, owner_of

MAKER, TAKER, POOR = 32, 64, 96  # masters 1, 2, 3; POOR holds almost nothing
MAKER_SUB = MAKER + 1
ABSENT = 32 * 50
SPOT, PERP, HALTED, FINE = 1, 2, 3, 4
BASE = 1
UNITS = 10**12
NOW_S = 1_000
IS_ASK = PlaceFlag.IS_ASK
# Every test hashes the same scene: remembering digests saves most of the time.
HASHER = Hasher(compress=cache(poseidon2.compress), hash_words=cache(poseidon2.hash_words))


def run(state: State, *ops: op.Op) -> list[Event]:
    """Apply ops that must be accepted; return all their events."""
    return [event for each in ops for event in apply(state, each.to_bytes())]


def kinds(events: list[Event]) -> list[EventKind]:
    """Return the kinds of events in order."""
    return [event.kind for event in events]


def only(events: list[Event], kind: EventKind) -> list[Event]:
    """Return the events of one kind."""
    return [event for event in events if event.kind == kind]


def snapshot(state: State) -> list[tuple[int, int, bytes]]:
    """Return every leaf that is not zero; equal snapshots have equal roots."""
    return list(state.leaves())


def refused(state: State, data: bytes | op.Op) -> ErrorCode:
    """Return the code that refuses an op; the state must be unchanged by it."""
    if isinstance(data, op.Op):
        data = data.to_bytes()
    before = snapshot(state)
    root = state.root()
    try:
        apply(state, data)
    except OpError as error:
        assert snapshot(state) == before
        assert state.root() == root
        return error.code
    return ErrorCode.OK


def exchange() -> State:
    """Return a state with two assets, four markets, three masters and free trading."""
    state = genesis(CONFIG_HASH, GOVERNANCE, HASHER)
    for asset in (QUOTE_ASSET, BASE):
        flags = AssetFlag.DEPOSITS_OPEN
        cap = VALUE_LIMIT - 1
        run(
            state,
            op.AdminAsset(asset=asset, flags=flags, withdraw_step_units=10, deposit_cap_units=cap),
        )
    for tier in (0, 1):
        set_fees(state, tier=tier, maker_ppm=0, taker_ppm=0)
    run(
        state,
        market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=BASE),
        market_op(PERP, MarketKind.PERP, sz_decimals=3),
        market_op(HALTED, MarketKind.PERP, sz_decimals=3, status=0),
        market_op(
            FINE,
            MarketKind.PERP,
            sz_decimals=3,
            tick=5,
            min_size_lots=10,
            max_significant_figures=3,
        ),
        deposit(MAKER),
        deposit(TAKER),
        deposit(MAKER, asset=BASE),
        deposit(TAKER, asset=BASE),
        deposit(POOR, amount=50),
        op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=QUOTE_ASSET, amount=UNITS // 4),
        op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=BASE, amount=UNITS // 4),
        op.AdvanceTime(now_s=NOW_S),
    )
    return state


def deposit(account: int, *, asset: int = QUOTE_ASSET, amount: int = UNITS) -> op.Deposit:
    """Return a deposit of the account's owner."""
    return op.Deposit(account=account, owner=owner_of(account), asset=asset, amount=amount)


def set_fees(state: State, *, tier: int, **fields: int) -> None:
    """Set a self-service tier of table 0."""
    run(state, op.AdminFeeTier(table=0, tier=tier, flags=TierFlag.SELF_SERVICE, **fields))


def order(account: int, price: int, size_lots: int, **fields: int) -> op.Place:
    """Return a PLACE on the spot market unless `market` says otherwise."""
    return op.Place(**{"market": SPOT, **fields}, account=account, price=price, size_lots=size_lots)


def rest(state: State, account: int, price: int, size_lots: int, **fields: int) -> tuple[int, int]:
    """Place an order that must rest; return its (order id, slot)."""
    event = run(state, order(account, price, size_lots, **fields))[-1]
    assert event.kind == EventKind.RESTED
    return event.values[0], event.values[1]


def trade(
    state: State, *, buyer: int, seller: int, price: int, size_lots: int, market: int
) -> None:
    """Make two accounts trade: the seller rests, the buyer takes."""
    rest(state, seller, price, size_lots, flags=IS_ASK, market=market)
    run(state, order(buyer, price, size_lots, market=market))
