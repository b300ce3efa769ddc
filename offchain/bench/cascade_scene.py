"""The scene of the cascade benchmark: margined accounts, a fall in price, and who falls with it.

Numbers count accounts from 0: the first half is long, the second short. Every third account holds
a position in each of three markets, the others in one. Prices are price units, quantities lots.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from offchain.replay.core_book import account_id
from offchain.spec import constants as k
from offchain.spec import op, risk_op
from offchain.spec.kinds import (
    AssetFlag,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SnapshotTarget,
    TimeInForce,
)

MARKETS: Final = (1, 2, 3)
POSITION_LOTS: Final = 1_000
ENTRY_PRICE: Final = 100_000
FALLEN_PRICE: Final = 90_000
#: Bids of the healthy longs, into which liquidation orders sell.
BID_PRICE: Final = FALLEN_PRICE - 10
BID_LOTS: Final = 2 * POSITION_LOTS
#: Prices of the ten updates: the fall, then moves that ruin and save nobody.
UPDATE_PRICES: Final = tuple(FALLEN_PRICE + step for step in (0, 3, -2, 4, -3, 1, -4, 2, -1, 3))
START_S: Final = 1_000_020  # a whole minute: none ends while the benchmark runs
SOURCES: Final = 3
INITIAL_PPM: Final = 50_000
MAINTENANCE_PPM: Final = 30_000
CLOSEOUT_PPM: Final = 20_000
# What is left of the margin after the fall, of the notional: below the maintenance margin, where a
# part of a position is sold, and below the close-out margin, where the other side takes it over.
SOLD_LEFT_PPM: Final = 29_400
TAKEN_LEFT_PPM: Final = 11_000
_SZ_DECIMALS: Final = 4
_PRICE_E8_PER_UNIT: Final = 10 ** (2 + _SZ_DECIMALS)
_TOTAL_LOTS: Final = k.SIZE_LIMIT - 1  # caps that nobody reaches


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who is in the scene.

    Attributes
    ----------
    accounts
        All accounts, an even number.
    forced
        Accounts that are liquidated, an even number: half lose a part of a position to the book,
        half a whole one to the other side. At most half the longs with one position are taken
        from.
    """

    accounts: int
    forced: int

    @property
    def longs(self) -> range:
        """Numbers of the accounts that are long."""
        return range(self.accounts // 2)

    def markets_of(self, number: int) -> tuple[int, ...]:
        """Return the markets in which an account holds a position; its counterparty's too."""
        number %= self.accounts // 2
        return MARKETS if number % 3 == 0 else (MARKETS[number // 3 % 3],)

    def fates(self) -> tuple[list[int], list[int], list[int]]:
        """Return the longs that are sold, those that are taken from, and those that stay."""
        half = self.forced // 2
        singles = [number for number in self.longs if number % 3]
        others = [number for number in self.longs if number % 3 == 0]
        rest = singles[half:] + others
        return rest[:half], singles[:half], rest[half:]

    def deposits_units(self) -> list[int]:
        """Return the deposit of each account, in quote units."""
        left = dict.fromkeys(range(self.accounts), ENTRY_PRICE * k.PPM)
        sold, taken, _ = self.fates()
        left.update(dict.fromkeys(sold, SOLD_LEFT_PPM * FALLEN_PRICE))
        left.update(dict.fromkeys(taken, TAKEN_LEFT_PPM * FALLEN_PRICE))
        lost = (ENTRY_PRICE - FALLEN_PRICE) * k.PPM
        per_lot = [(left[number] + lost) * k.QUOTE_PER_MICRO // k.PPM for number in left]
        sizes = [POSITION_LOTS * len(self.markets_of(number)) for number in left]
        return [lots * units for lots, units in zip(sizes, per_lot, strict=True)]


def scene(crowd: Crowd) -> list[bytes]:
    """Return the ops that open the markets, fund the accounts and trade the positions."""
    ops: list[op.Op] = [
        op.AdminAsset(
            asset=k.QUOTE_ASSET,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=1,
            deposit_cap_units=k.VALUE_LIMIT - 1,
        ),
        op.AdvanceTime(now_s=START_S),
    ]
    for market in MARKETS:
        ops += _market_ops(market)
    ops += price_ops(START_S, ENTRY_PRICE)
    ops += [
        op.Deposit(
            account=account_id(number),
            owner=(number + 1).to_bytes(20, "big"),
            asset=k.QUOTE_ASSET,
            amount=units,
        )
        for number, units in enumerate(crowd.deposits_units())
    ]
    ops += _trades(crowd)
    ops += [
        op.Place(market=market, account=account_id(number), price=BID_PRICE, size_lots=BID_LOTS)
        for number in crowd.fates()[2]
        for market in crowd.markets_of(number)
    ]
    return [each.to_bytes() for each in ops]


def price_ops(time_s: int, price: int) -> Iterator[op.Op]:
    """Return the ops that move the time and all prices."""
    yield op.AdvanceTime(now_s=time_s)
    for market in MARKETS:
        yield risk_op.PriceReport(
            market=market, index_price=price, external_mark=price, time_s=time_s, sources=SOURCES
        )


def _market_ops(market: int) -> list[op.Op]:
    return [
        op.AdminMarket(
            market=market,
            market_kind=MarketKind.PERP,
            status=MarketStatus.OPEN,
            sz_decimals=_SZ_DECIMALS,
            fee_account=k.FEE_ACCOUNT,
            insurance_account=k.INSURANCE_ACCOUNT,
        ),
        risk_op.AdminMarketPrices(
            market=market,
            basis_cap_ppm=0,
            mark_band_ppm=10_000,
            jump_ppm=200_000,
            snapshot_band_ppm=200_000,
            funding_interest_ppm=100,
            funding_cap_ppm=40_000,
            min_sources=SOURCES,
            max_report_age_s=60,
            impact_notional_micro=10**9,
        ),
        risk_op.AdminMarketRisk(
            market=market,
            initial_ppm=INITIAL_PPM,
            maintenance_ppm=MAINTENANCE_PPM,
            closeout_ppm=CLOSEOUT_PPM,
            liquidation_fee_ppm=0,  # an insurance account that earns would take positions over
            open_interest_cap_lots=_TOTAL_LOTS,
            concentration_free_lots=_TOTAL_LOTS,
            concentration_ppm=k.PPM,
            price_band_ppm=150_000,
        ),
        risk_op.Snapshot(
            market=market,
            target=SnapshotTarget.MARKET,
            time_s=START_S,
            price_e8=ENTRY_PRICE * _PRICE_E8_PER_UNIT,
        ),
    ]


def _trades(crowd: Crowd) -> Iterator[op.Op]:
    for number in crowd.longs:
        for market in crowd.markets_of(number):
            yield op.Place(
                market=market,
                account=account_id(number),
                price=ENTRY_PRICE,
                size_lots=POSITION_LOTS,
            )
            yield op.Place(
                flags=PlaceFlag.IS_ASK,
                market=market,
                account=account_id(number + crowd.accounts // 2),
                price=ENTRY_PRICE,
                size_lots=POSITION_LOTS,
                time_in_force=TimeInForce.IOC,
            )
