"""The scene of the batch benchmark: a crowd of accounts, full books, and a flow of single orders.

A client of its own follows the chain, so that cancels name live orders and no op is refused.
"""

import random
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from offchain.core.binding import Core
from offchain.replay.core_book import account_id
from offchain.spec import constants as k
from offchain.spec import op, risk_op
from offchain.spec.book_records import Order
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import (
    AssetFlag,
    EnvelopeKind,
    EventKind,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SnapshotTarget,
    Subtree,
    TimeInForce,
)

CONFIG_HASH: Final = bytes(32)
GOVERNANCE: Final = b"\x01" * 20
ACCOUNTS: Final = 2**16
MARKETS: Final = (1, 2, 3, 4)
#: Shares of the flow, in percent: orders that rest, cancels, orders that trade.
PLACES, CANCELS, FILLS = 60, 35, 5
START_S: Final = 1_700_000_040  # a whole minute: none ends while the benchmark runs
_FUNDS_UNITS: Final = 2**44  # of quote an account, below the cap in all
_MID_PRICE: Final = 100_000
_OFFSETS: Final = 500  # ticks from the middle in which orders rest
_LOTS_MAX: Final = 10
_SZ_DECIMALS: Final = 4
_PRICE_E8_PER_UNIT: Final = 10 ** (2 + _SZ_DECIMALS)
_SOURCES: Final = 3
_TOTAL_LOTS: Final = k.SIZE_LIMIT - 1  # caps that nobody reaches
_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How large the chain is.

    Attributes
    ----------
    accounts
        Master accounts.
    resting
        Orders in each market.
    ageing
        Orders that come and go once the books are full, so that slots and queues are mixed.
    is_margined
        Whether the markets ask for margin: every order then values the account.
    """

    accounts: int
    resting: int = 5_000
    ageing: int = 10_000
    is_margined: bool = False


def owner(account: int) -> bytes:
    """Return the address that owns a master account."""
    return account.to_bytes(20, "big")


def scene(size: Size) -> list[bytes]:
    """Return the ops that open four perpetuals and fund accounts that trade by owner key."""
    ops: list[op.Op] = [
        op.AdvanceTime(now_s=START_S),
        op.AdminAsset(
            asset=k.QUOTE_ASSET,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=k.VALUE_LIMIT - 1,
        ),
        op.AdminFeeTier(table=0, tier=k.RETAIL_TIER, maker_ppm=40, taker_ppm=280),
    ]
    for market in MARKETS:
        ops.append(_market(market))
        if size.is_margined:
            ops += _risk_ops(market)
    for number in range(size.accounts):
        account = account_id(number)
        ops.append(
            op.Deposit(
                account=account, owner=owner(account), asset=k.QUOTE_ASSET, amount=_FUNDS_UNITS
            )
        )
        ops.append(op.SetOwnerKey(account=account, is_on=1))
    return [each.to_bytes() for each in ops]


def _market(market: int) -> op.AdminMarket:
    return op.AdminMarket(
        market=market,
        market_kind=MarketKind.PERP,
        status=MarketStatus.OPEN,
        sz_decimals=_SZ_DECIMALS,
        fee_account=k.FEE_ACCOUNT,
        insurance_account=k.INSURANCE_ACCOUNT,
    )


def _risk_ops(market: int) -> list[op.Op]:
    return [
        risk_op.AdminMarketPrices(
            market=market,
            basis_cap_ppm=0,
            mark_band_ppm=10_000,
            jump_ppm=200_000,
            snapshot_band_ppm=200_000,
            funding_interest_ppm=100,
            funding_cap_ppm=40_000,
            min_sources=_SOURCES,
            max_report_age_s=60,
            impact_notional_micro=10**9,
        ),
        risk_op.AdminMarketRisk(
            market=market,
            initial_ppm=50_000,
            maintenance_ppm=30_000,
            closeout_ppm=20_000,
            liquidation_fee_ppm=0,
            open_interest_cap_lots=_TOTAL_LOTS,
            concentration_free_lots=_TOTAL_LOTS,
            concentration_ppm=k.PPM,
            price_band_ppm=150_000,
        ),
        risk_op.Snapshot(
            market=market,
            target=SnapshotTarget.MARKET,
            time_s=START_S,
            price_e8=_MID_PRICE * _PRICE_E8_PER_UNIT,
        ),
        risk_op.PriceReport(
            market=market,
            index_price=_MID_PRICE,
            external_mark=_MID_PRICE,
            time_s=START_S,
            sources=_SOURCES,
        ),
    ]


class Resting(NamedTuple):
    """An order that came to rest."""

    order_id: int
    market: int
    account: int
    slot: int


@dataclass(slots=True)
class Client:
    """Makes the flow against a chain of its own.

    Attributes
    ----------
    core
        In the state after all ops so far.
    rng
        Seeded.
    size
        Of the chain.
    resting
        Orders that came to rest; those that have gone stay until they are drawn.
    """

    core: Core
    rng: random.Random
    size: Size
    resting: list[Resting] = field(default_factory=list)

    def apply(self, each: op.Op) -> bytes:
        """Apply an op that must be accepted; note what rests after it and return its bytes."""
        data = each.to_bytes()
        applied = self.core.apply([data])
        if applied.codes[0]:
            raise RuntimeError(f"an op of the flow was refused with code {applied.codes[0]}")
        for event in applied.events[applied.events["kind"] == EventKind.RESTED]:
            order_id, slot = event["v"][:2].tolist()
            self.resting.append(
                Resting(order_id, int(event["market"]), int(event["account"]), slot)
            )
        return data

    def place(self, market: int) -> op.Place:
        """Return an order that rests."""
        return self._order(market, TimeInForce.GTC, 1 + self.rng.randrange(_OFFSETS))

    def take(self, market: int) -> op.Place:
        """Return an order that trades with what rests best."""
        return self._order(market, TimeInForce.IOC, -_OFFSETS)

    def cancel(self) -> op.Cancel:
        """Return the cancel of a random order that rests."""
        while True:
            at = self.rng.randrange(len(self.resting))
            self.resting[at], self.resting[-1] = self.resting[-1], self.resting[at]
            order = self.resting.pop()
            if self._order_id_at(order.slot) == order.order_id:
                return op.Cancel(
                    market=order.market,
                    account=order.account,
                    order_id=order.order_id,
                    slot=order.slot,
                )

    def fill(self) -> list[bytes]:
        """Fill the books, then age them; return the ops."""
        ops = [
            self.apply(self.place(market)) for _ in range(self.size.resting) for market in MARKETS
        ]
        for _ in range(self.size.ageing):
            ops.append(self.apply(self.cancel()))
            ops.append(self.apply(self.place(self.rng.choice(MARKETS))))
        return ops

    def flow(self, count: int) -> list[bytes]:
        """Apply `count` ops of the mix and return them."""
        return [self.apply(self._draw()) for _ in range(count)]

    def _draw(self) -> op.Op:
        draw = self.rng.randrange(PLACES + CANCELS + FILLS)
        market = self.rng.choice(MARKETS)
        if draw < PLACES:
            return self.place(market)
        return self.cancel() if draw < PLACES + CANCELS else self.take(market)

    def _order(self, market: int, time_in_force: TimeInForce, offset: int) -> op.Place:
        is_ask = self.rng.randrange(2)
        return op.Place(
            flags=PlaceFlag.IS_ASK if is_ask else 0,
            market=market,
            account=account_id(self.rng.randrange(self.size.accounts)),
            price=_MID_PRICE + offset if is_ask else _MID_PRICE - offset,
            size_lots=self.rng.randint(1, _LOTS_MAX),
            time_in_force=time_in_force,
        )

    def _order_id_at(self, slot: int) -> int:
        leaf, place = divmod(slot * Order.SIZE, k.LEAF_BYTES)
        record = self.core.leaf(Subtree.ORDERS, leaf)[place : place + Order.SIZE]
        return Order.from_bytes(record).order_id


class Wrapper:
    """Puts ops into envelopes of their own, one millisecond after the other."""

    def __init__(self) -> None:
        self._arrival_ms = START_S * _MS_PER_S

    def batch(self, ops: list[bytes]) -> list[bytes]:
        """Return a whole batch: users' ops, then the envelope that seals it."""
        envelopes = [self._user(data) for data in ops]
        seal = Envelope(
            kind=EnvelopeKind.SYSTEM,
            arrival_ms=self._arrival_ms,
            payload=op.SealBatch().to_bytes(),
        )
        return [*envelopes, seal.to_bytes()]

    def _user(self, data: bytes) -> bytes:
        self._arrival_ms += 1
        account = int.from_bytes(data[4:8], "little")
        return Envelope(
            kind=EnvelopeKind.USER,
            account=account,
            nonce=self._arrival_ms,
            arrival_ms=self._arrival_ms,
            signer=owner(account),
            payload=data,
        ).to_bytes()
