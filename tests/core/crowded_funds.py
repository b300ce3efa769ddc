"""Funds of the crowded chain, one for each reason why a fund takes no investment.

SOUND belongs to its leader and one investor by halves. STALE holds a position without a mark, WIDE
more positions than are valued, FALLEN one that has cost more than its money; EMPTY has no shares.
FILLED has money, no positions and no free balance slot.
"""

from dataclasses import replace

from offchain.spec import op
from offchain.spec.constants import FUND_MIN_SEED
from offchain.spec.fund_op import AdminFund, CreateFund, Invest
from offchain.spec.funds import bucket_account
from offchain.spec.kinds import MarketKind, PlaceFlag
from offchain.spec.kinds import TimeInForce as Tif
from tests.core.crowded_risk import PRICE, PRICES, RISK, market_snapshot, report
from tests.strategies import PERP, UNITS, market_op, owner_of

LEADER, INVESTOR, TRADER, FILLED = (32 * master for master in (9, 10, 11, 12))
SOUND, STALE, WIDE, FALLEN, EMPTY = range(5)
FUND_COUNT = 5
LOCKUP_S = 3_600
SEED = FUND_MIN_SEED
BUCKET = bucket_account(SOUND, 0)
FALLEN_MARKET = 205
FALLEN_LOTS = 3 * SEED // 200 // PRICE * 10  # of 15 times the fund's money
FILLING_ASSETS = (1, 2, 10, 11, 12, 13, 14)
PLAIN_PERPS = range(101, 116)  # D has orders in them at a lower price
PLAIN_PRICE = 20


def crowded_fund_ops(now_s: int) -> list[op.Op]:
    """Return ops, all of which are accepted at `now_s`."""
    create = CreateFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S, amount=SEED)
    of_protocol = AdminFund(account=LEADER, fee_ppm=0, lockup_s=LOCKUP_S)
    return [
        *(
            op.Deposit(account=FILLED, owner=owner_of(FILLED), asset=asset, amount=UNITS)
            for asset in FILLING_ASSETS
        ),
        create,
        *[of_protocol] * (FUND_COUNT - 1),
        *(Invest(account=INVESTOR, fund=fund, amount=SEED) for fund in range(EMPTY)),
        *_trade(PERP, bucket_account(STALE, 0), TRADER, 1_005),
        *_wide_positions(),
        *_fallen_position(now_s),
    ]


def _wide_positions() -> list[op.Op]:
    """Let two pairs of buckets trade with each other: 60 positions."""
    buckets = [bucket_account(WIDE, number) for number in range(4)]
    ops: list[op.Op] = [
        op.Transfer(account=buckets[0], to_account=bucket, asset=0, amount=SEED // 4)
        for bucket in buckets[1:]
    ]
    for market in PLAIN_PERPS:
        ops += _trade(market, buckets[0], buckets[1], PLAIN_PRICE)
        ops += _trade(market, buckets[2], buckets[3], PLAIN_PRICE)
    return ops


def _fallen_position(now_s: int) -> list[op.Op]:
    first = report(FALLEN_MARKET, now_s - 1)
    return [
        market_op(FALLEN_MARKET, MarketKind.PERP, sz_decimals=0),
        replace(PRICES, market=FALLEN_MARKET),
        market_snapshot(FALLEN_MARKET, now_s),
        replace(RISK, market=FALLEN_MARKET),
        first,
        *_trade(FALLEN_MARKET, bucket_account(FALLEN, 0), TRADER, PRICE, FALLEN_LOTS),
        replace(first, index_price=PRICE * 9 // 10, time_s=now_s),
    ]


def _trade(market: int, buyer: int, seller: int, price: int, lots: int = 1) -> list[op.Op]:
    ask = op.Place(
        flags=PlaceFlag.IS_ASK, market=market, account=seller, price=price, size_lots=lots
    )
    return [ask, replace(ask, flags=0, account=buyer, time_in_force=Tif.IOC)]
