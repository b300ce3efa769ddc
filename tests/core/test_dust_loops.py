"""Loops of 100,000 ops over amounts where only rounding could make money: nobody gains a unit.

Fees are zero here, so that what rounding gives or takes is all that can change the owner's money.
"""

import itertools

import pytest

from offchain.core.binding import Core
from offchain.engine.state_view import StateView
from offchain.spec import constants as k
from offchain.spec import op, risk_op
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import PlaceFlag, Subtree
from offchain.spec.records import Position
from offchain.spec.risk_records import MarketRisk
from offchain.spec.state import account_index
from tests.risk_scene import ISOLATED, MARGINED, MID_PRICE, PERP, START_S, TRADERS, risk_scene
from tests.strategies import CONFIG_HASH, GOVERNANCE

OPS = 100_000
ODD_PRICE = MID_PRICE[PERP] + 1
LONG, SHORT = 32, 64
OTHER_ACCOUNTS = (k.FEE_ACCOUNT, k.INSURANCE_ACCOUNT, 32 * 6, 32 * 9)


class Money:
    """A core in the scene of margined markets, without fees, and what its accounts own."""

    def __init__(self):
        self.core = Core(CONFIG_HASH, GOVERNANCE)
        self.run(risk_scene(10**12))
        self.run([free_of_charge(tier).to_bytes() for tier in (0, 1)])
        self.view = StateView(self.core)

    def run(self, ops):
        """Apply ops, all of which are accepted."""
        assert set(self.core.apply(ops).codes.tolist()) <= {ErrorCode.OK}

    def positions(self, account):
        first = account_index(account) * k.POSITIONS_PER_ACCOUNT
        for number in range(first, first + k.POSITIONS_PER_ACCOUNT):
            yield Position.from_bytes(self.core.leaf(Subtree.POSITIONS, number))

    def quote_units(self, account):
        record = self.view.account(account)
        margins = sum(position.isolated_margin for position in self.positions(account))
        return record.free[0] + record.locked[0] + margins

    def owned(self, *accounts):
        """What accounts own whose positions are closed."""
        for account in accounts:
            assert all(position.size_lots == 0 for position in self.positions(account))
        return sum(map(self.quote_units, accounts))

    def conserved(self):
        """Quote units of everyone, less what open positions cost, and the pools of the markets."""
        accounts = (*TRADERS, *OTHER_ACCOUNTS)
        cost = sum(each.cost for account in accounts for each in self.positions(account))
        pools = sum(
            MarketRisk.from_bytes(self.core.leaf(Subtree.RISK, market)).pool for market in MARGINED
        )
        return sum(map(self.quote_units, accounts)) - cost + pools


@pytest.fixture
def money():
    return Money()


def free_of_charge(tier):
    return op.AdminFeeTier(table=0, tier=tier, maker_ppm=0, taker_ppm=0)


def trade(buyer, seller, price=ODD_PRICE, lots=1):
    sale = op.Place(
        flags=PlaceFlag.IS_ASK, market=PERP, account=seller, price=price, size_lots=lots
    )
    purchase = op.Place(market=PERP, account=buyer, price=price, size_lots=lots)
    return [sale.to_bytes(), purchase.to_bytes()]


def test_round_trips_give_nothing(money):
    before, total = money.owned(LONG, SHORT), money.conserved()
    round_trip = trade(LONG, SHORT) + trade(SHORT, LONG)
    money.run(round_trip * (OPS // len(round_trip)))
    assert money.owned(LONG, SHORT) == before
    assert money.conserved() == total


def test_averaging_in_and_out_gives_nothing(money):
    """Lots at three prices, closed one by one: the cost that a part releases is rounded up."""
    before, total = money.owned(LONG, SHORT), money.conserved()
    prices = (ODD_PRICE, ODD_PRICE + 1, ODD_PRICE + 3)
    cycle = [data for price in prices for data in trade(LONG, SHORT, price)]
    cycle += [data for price in prices for data in trade(SHORT, LONG, price)]
    money.run(cycle * (OPS // len(cycle)))
    assert money.owned(LONG, SHORT) <= before
    assert money.conserved() == total


def test_margin_moved_in_and_out_gives_nothing(money):
    account, market = ISOLATED[0]
    before, total = money.owned(account), money.conserved()
    moves = [
        risk_op.MoveMargin(market=market, account=account, amount=1, out=out).to_bytes()
        for out in (0, 1)
    ]
    money.run(moves * (OPS // len(moves)))
    assert money.owned(account) == before
    assert money.conserved() == total


def test_transfers_among_sub_accounts_give_nothing(money):
    pair = (LONG, LONG + 1)
    before = money.owned(*pair)
    moves = [
        op.Transfer(account=a, to_account=b, asset=0, amount=1).to_bytes()
        for a, b in (pair, pair[::-1])
    ]
    money.run(moves * (OPS // len(moves)))
    assert money.owned(*pair) == before


def test_funding_taken_every_minute_gives_nothing(money):
    """Each minute a lot is traded, so that both sides settle what funding rounded."""
    before, total = money.owned(LONG, SHORT), money.conserved()
    money.run(trade(LONG, SHORT, lots=1_000))
    sides = itertools.cycle([(LONG, SHORT), (SHORT, LONG)])
    time_s, ops = START_S, []
    while len(ops) < OPS:
        time_s += k.MINUTE_S
        ops += [op.AdvanceTime(now_s=time_s).to_bytes(), op.RunDuties().to_bytes()]
        for market in MARGINED:
            report = risk_op.PriceReport(
                market=market, index_price=MID_PRICE[market], time_s=time_s, sources=3
            )
            ops.append(report.to_bytes())
        ops += [risk_op.Sweep().to_bytes(), *trade(*next(sides))]
    money.run(ops)
    rest = next(position.size_lots for position in money.positions(LONG) if position.size_lots)
    money.run(trade(SHORT, LONG, lots=rest) if rest > 0 else trade(LONG, SHORT, lots=-rest))
    assert money.owned(LONG, SHORT) < before
    assert money.conserved() == total
