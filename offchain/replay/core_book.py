"""The exchange as the book that a replay drives: our state transition instead of a plain book.

Every call of the replay becomes an op of a spot market in which all accounts are funded. The engine
under it is the C core or the specification; both take the same ops.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from offchain.core.binding import EVENT_DTYPE, Core, EventArray
from offchain.replay.book import Fill
from offchain.replay.flow import account_of_order
from offchain.spec import constants as k
from offchain.spec import op, op_codec, state, transition
from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.events import Event
from offchain.spec.kinds import (
    AssetFlag,
    EventKind,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    TimeInForce,
)

MARKET: Final = 1
BASE_ASSET: Final = 1
SZ_DECIMALS: Final = 8  # a lot is one unit of the base asset: sizes of the feed fit as they are
#: Accounts that own resting orders. By hash a book of 500,000 orders gives each about 500 of the
#: MAX_OPEN_ORDERS it may have.
N_MAKERS: Final = 1_000
#: Accounts that send aggressors. They never own a resting order.
N_TAKERS: Final = 100
_CONFIG_HASH: Final = bytes(32)
_GOVERNANCE: Final = b"\x01" * 20
_TOTAL_FUNDS: Final = 2**61  # of each asset; below VALUE_LIMIT as the asset's cap demands
_QUEUE_OPS: Final = 512

#: Applies ops, none of which may be refused, and returns their events.
Engine = Callable[[list[bytes]], EventArray]


class ReplayRefusedError(RuntimeError):
    """The exchange refused an op of the replay, or a promise of `MatchingBook` was broken."""


def account_id(index: int) -> int:
    """Return the id of the master account with number `index` from 0 (master 0 is the system)."""
    return (index + 1) << k.SUB_ACCOUNT_BITS


def exchange_ops(
    n_accounts: int,
    funds_units: int,
    *,
    sz_decimals: int = SZ_DECIMALS,
    market_kind: MarketKind = MarketKind.SPOT,
    maker_ppm: int = 40,
    taker_ppm: int = 280,
) -> list[bytes]:
    """Return the ops that open market `MARKET` and fund accounts in both assets.

    Parameters
    ----------
    n_accounts
        Accounts `account_id(0)` to `account_id(n_accounts - 1)`.
    funds_units
        Deposit per account and asset, in asset units; n_accounts x funds_units < VALUE_LIMIT.
    sz_decimals
        A lot is 10^-sz_decimals of the base asset.
    market_kind
        Spot, or perpetual (whose sz_decimals are 6 at most).
    maker_ppm, taker_ppm
        Fees of every account.
    """
    scene: list[op.Op] = [
        op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=k.VALUE_LIMIT - 1,
        )
        for asset in (k.QUOTE_ASSET, BASE_ASSET)
    ]
    scene.append(
        op.AdminFeeTier(table=0, tier=k.RETAIL_TIER, maker_ppm=maker_ppm, taker_ppm=taker_ppm)
    )
    scene.append(
        op.AdminMarket(
            market=MARKET,
            market_kind=market_kind,
            status=MarketStatus.OPEN,
            sz_decimals=sz_decimals,
            base_asset=BASE_ASSET,
            fee_account=k.FEE_ACCOUNT,
            insurance_account=k.INSURANCE_ACCOUNT,
        )
    )
    scene += [
        op.Deposit(
            account=account_id(index),
            owner=(index + 1).to_bytes(20, "big"),
            asset=asset,
            amount=funds_units,
        )
        for index in range(n_accounts)
        for asset in (k.QUOTE_ASSET, BASE_ASSET)
    ]
    return [each.to_bytes() for each in scene]


def core_engine(scene: list[bytes]) -> tuple[Core, Engine]:
    """Return a new C core on which `scene` was applied, and the engine that runs it."""
    core = Core(_CONFIG_HASH, _GOVERNANCE)

    def apply(ops: list[bytes]) -> EventArray:
        applied = core.apply(ops)
        refused = np.flatnonzero(applied.codes)
        if len(refused):
            raise ReplayRefusedError(_refusal(ops[refused[0]], int(applied.codes[refused[0]])))
        return applied.events

    apply(scene)
    return core, apply


def spec_engine(scene: list[bytes]) -> tuple[state.State, Engine]:
    """Return a new state of the specification after `scene`, and the engine that runs it."""
    chain = state.genesis(_CONFIG_HASH, _GOVERNANCE)

    def apply(ops: list[bytes]) -> EventArray:
        events: list[Event] = []
        for each in ops:
            try:
                events += transition.apply(chain, each)
            except OpError as error:
                raise ReplayRefusedError(_refusal(each, error.code)) from error
        return np.frombuffer(b"".join(event.to_bytes() for event in events), EVENT_DTYPE)

    apply(scene)
    return chain, apply


def _refusal(data: bytes, code: int) -> str:
    return f"{ErrorCode(code).name}: {op_codec.decode(data)}"


@dataclass(slots=True)
class _Resting:
    """An order of the book; `slot` is None until the exchange has told it."""

    account: int
    order_id: int
    price_ticks: int
    size: int
    slot: int | None = None


class ExchangeBook:
    """`MatchingBook` on an engine: ops are queued and sent together with the next aggressor.

    Resting orders and aggressors are dealt to two groups of accounts by a hash of their feed id.
    The feed hides its owners, and one group for both would let self-trade prevention fire at
    random.

    Parameters
    ----------
    engine
        Engine with `MARKET` open and N_MAKERS + N_TAKERS funded accounts.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._orders: dict[int, _Resting] = {}
        self._feed_id_of: dict[int, int] = {}  # by the exchange's order id
        self._queue: list[bytes] = []
        self._unslotted: list[_Resting] = []  # in the order in which their ops come to rest
        self._sequence = 0  # of the last order that was placed

    def place(self, feed_order_id: int, is_bid: bool, price_ticks: int, size: int) -> None:
        """Rest an order behind all others at its price.

        Raises
        ------
        ReplayRefusedError
            If the price is no price of the exchange (1 to PRICE_MAX).
        """
        account = account_id(account_of_order(feed_order_id, N_MAKERS))
        order_id = self._queue_place(account, is_bid, price_ticks, size, TimeInForce.GTC)
        order = _Resting(account, order_id, price_ticks, size)
        self._orders[feed_order_id] = order
        self._feed_id_of[order_id] = feed_order_id
        self._unslotted.append(order)
        if len(self._queue) >= _QUEUE_OPS:
            self.flush()

    def modify(self, feed_order_id: int, price_ticks: int, size: int) -> None:
        """Change price or size; a change to the present values sends nothing."""
        order = self._orders[feed_order_id]
        if (price_ticks, size) == (order.price_ticks, order.size):
            return
        self._require_price(price_ticks)
        slot = self._slot(order)
        self._queue.append(
            op.Modify(
                market=MARKET,
                account=order.account,
                order_id=order.order_id,
                size_lots=size,
                price=price_ticks,
                slot=slot,
            ).to_bytes()
        )
        if price_ticks != order.price_ticks or size > order.size:
            order.slot = None  # The order is placed anew.
            self._unslotted.append(order)
        order.price_ticks, order.size = price_ticks, size

    def cancel(self, feed_order_id: int, size: int | None = None) -> None:
        """Take `size` off an order, keeping its priority; None, or all of it, removes it."""
        order = self._orders[feed_order_id]
        if size is not None and size < order.size:
            self.modify(feed_order_id, order.price_ticks, order.size - size)
            return
        slot = self._slot(order)
        self._queue.append(
            op.Cancel(
                market=MARKET, account=order.account, order_id=order.order_id, slot=slot
            ).to_bytes()
        )
        self._forget(feed_order_id)

    def aggress(self, feed_order_id: int, is_bid: bool, limit_ticks: int, size: int) -> list[Fill]:
        """Send the queue with an IOC order behind it; return the order's fills."""
        account = account_id(N_MAKERS + account_of_order(feed_order_id, N_TAKERS))
        order_id = self._queue_place(account, is_bid, limit_ticks, size, TimeInForce.IOC)
        events = self.flush()
        fills = self._take_fills(events, order_id)
        while len(events) and events["kind"][-1] == EventKind.CONTINUED:
            events = self._engine([op.Continue().to_bytes()])
            fills += self._take_fills(events, order_id)
        return fills

    def flush(self) -> EventArray:
        """Send the queue and learn the slots of the orders that came to rest."""
        events = self._engine(self._queue)
        self._queue = []
        rested = events["v"][events["kind"] == EventKind.RESTED][:, :2].tolist()
        for order, (order_id, slot) in zip(self._unslotted, rested, strict=True):
            if order.order_id != order_id:
                raise ReplayRefusedError("an order did not rest: its price crossed the book")
            order.slot = slot
        self._unslotted = []
        return events

    def _queue_place(
        self, account: int, is_bid: bool, price_ticks: int, size: int, tif: TimeInForce
    ) -> int:
        """Queue a PLACE and return the order id that it will get."""
        self._require_price(price_ticks)
        self._queue.append(
            op.Place(
                market=MARKET,
                account=account,
                flags=0 if is_bid else PlaceFlag.IS_ASK,
                time_in_force=tif,
                price=price_ticks,
                size_lots=size,
            ).to_bytes()
        )
        self._sequence += 1
        return self._sequence << k.MARKET_BITS | MARKET

    def _slot(self, order: _Resting) -> int:
        if order.slot is None:
            self.flush()
        if order.slot is None:
            raise ReplayRefusedError("the order does not rest")
        return order.slot

    def _take_fills(self, events: EventArray, order_id: int) -> list[Fill]:
        fills = []
        for taker, maker, price, size, *_ in events["v"][events["kind"] == EventKind.FILL].tolist():
            if taker != order_id:
                raise ReplayRefusedError("a resting order traded: its price crossed the book")
            feed_order_id = self._feed_id_of[maker]
            fill = Fill(feed_order_id, price & 0xFFFF_FFFF, size >> 1)
            fills.append(fill)
            order = self._orders[feed_order_id]
            order.size -= fill.size
            if not order.size:
                self._forget(feed_order_id)
        return fills

    def _forget(self, feed_order_id: int) -> None:
        del self._feed_id_of[self._orders.pop(feed_order_id).order_id]

    @staticmethod
    def _require_price(price_ticks: int) -> None:
        if not 1 <= price_ticks <= k.PRICE_MAX:
            raise ReplayRefusedError(
                f"price {price_ticks} ticks: the exchange takes 1 to {k.PRICE_MAX}"
            )


def _replay_scene() -> list[bytes]:
    n_accounts = N_MAKERS + N_TAKERS
    return exchange_ops(n_accounts, _TOTAL_FUNDS // n_accounts)


def core_book() -> ExchangeBook:
    """Return an empty book on the C core."""
    return ExchangeBook(core_engine(_replay_scene())[1])


def spec_book() -> ExchangeBook:
    """Return an empty book on the executable specification."""
    return ExchangeBook(spec_engine(_replay_scene())[1])
