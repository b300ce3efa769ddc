"""Invariants of margined markets after every op of random sequences; none may get stuck."""

import random
from functools import cache

import pytest

from offchain.spec import duties, op, ring, risk_op
from offchain.spec.checks import OpError
from offchain.spec.constants import INSURANCE_ACCOUNT, QUOTE_ASSET
from offchain.spec.events import Event
from offchain.spec.kinds import Continuation, EventKind, PlaceFlag
from offchain.spec.transition import apply
from tests.spec.invariants import check_all
from tests.spec.risk_support import (
    asset_risk,
    asset_snapshot,
    fund_insurance,
    margined_exchange,
    market_prices,
    market_risk,
    market_snapshot,
    price_report,
)
from tests.spec.support import (
    BASE,
    FINE,
    IS_ASK,
    MAKER,
    MAKER_SUB,
    PERP,
    SPOT,
    TAKER,
    deposit,
    run,
)

OTHER, LAST = 32 * 7, 32 * 8
TRADERS = (MAKER, MAKER_SUB, TAKER, OTHER, LAST)
STEPS = 400
SEEDS = 6


class RiskFlow:
    """Random traders with too much leverage under a price that jumps."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.state = margined_exchange()
        self.price = 1_000
        self.events: list[Event] = []
        run(self.state, deposit(OTHER), deposit(LAST), market_prices(FINE), market_risk(FINE))
        run(self.state, asset_risk(BASE), asset_snapshot(self.state, BASE))
        run(
            self.state,
            risk_op.AdminCredit(base_rate_ppm=50_000, slope_ppm=500_000, negative_cap=10**10),
        )
        fund_insurance(self.state, self.rng.choice([10**8, 10**11, 10**13]))
        self.report()

    def emit(self, each: op.Op) -> bool:
        """Apply an op; return whether it was accepted. Every invariant holds afterwards."""
        try:
            self.events += apply(self.state, each.to_bytes())
        except OpError:
            return False
        check_all(self.state)
        return True

    def report(self) -> None:
        """Let a second pass and report the price in both markets."""
        self.pass_time(1)
        for market in (PERP, FINE):
            price = self.price - self.price % 5
            self.emit(market_snapshot(self.state, price, market=market))
            self.emit(price_report(self.state, price, market=market))

    def pass_time(self, seconds: int) -> None:
        """Advance the time and finish what falls due."""
        self.finish()
        self.emit(op.AdvanceTime(now_s=self.state.header.now_s + seconds))
        self.finish()

    def finish(self) -> None:
        """Run continuations and duties until none is left."""
        while self.state.header.pending.kind != Continuation.NONE or duties.is_due(self.state):
            is_pending = self.state.header.pending.kind != Continuation.NONE
            assert self.emit(op.Continue() if is_pending else op.RunDuties())

    def sweep(self) -> None:
        """Sweep until a lap ends."""
        laps = self.state.header.sweep_laps
        for _ in range(300):
            if self.state.header.sweep_laps != laps or not self.state.header.sweep_head:
                return
            self.finish()
            assert self.emit(risk_op.Sweep())
        raise AssertionError("the lap does not end")

    def step(self) -> None:
        """Do something."""
        rng = self.rng
        action = rng.choices(
            [
                self.trade,
                self.move_price,
                self.sweep,
                self.touch_money,
                self.set_mode,
                self.liquidate,
            ],
            weights=[60, 14, 4, 8, 8, 6],
        )[0]
        action()
        self.finish()
        if ring.is_late(self.state) and rng.random() < 0.8:
            self.report()
            self.sweep()

    def trade(self) -> None:
        """Place an order near the price, often too large."""
        rng = self.rng
        market = rng.choice([PERP, PERP, PERP, FINE, SPOT])
        price = max(5, round(self.price * rng.uniform(0.96, 1.04)))
        flags = rng.choice([0, IS_ASK]) | rng.choices([0, PlaceFlag.REDUCE_ONLY], [5, 1])[0]
        size = rng.choice([10**4, 2 * 10**6, 2 * 10**7, 6 * 10**7])
        if market == SPOT:
            price, flags, size = 20 * 10**6, flags & IS_ASK, size // 10**4
        else:
            price -= price % 5
        tif = rng.choices([0, 1, 2, 3], [6, 2, 1, 1])[0]
        self.emit(
            op.Place(
                market=market,
                account=rng.choice(TRADERS),
                price=price,
                size_lots=size + rng.randrange(100),
                flags=flags,
                time_in_force=tif,
            )
        )

    def move_price(self) -> None:
        """Move the price by up to 9 percent, and the time by up to an hour."""
        self.pass_time(self.rng.choice([1, 5, 30, 60, 700, 3_600]))
        factor = self.rng.choice([0.91, 0.97, 1, 1, 1.03, 1.09])
        for _ in range(self.rng.choice([1, 1, 4])):
            self.price = max(100, min(round(self.price * factor), 20_000))
            self.report()
        if self.rng.random() < 0.5:
            self.emit(asset_snapshot(self.state, BASE, price_e8=self.rng.randrange(1, 40) * 10**8))

    def touch_money(self) -> None:
        """Withdraw, transfer or deposit."""
        account, asset = self.rng.choice(TRADERS), self.rng.choice([QUOTE_ASSET, BASE])
        amount = self.rng.choice([10**6, 10**10, 2 * 10**11])
        self.emit(op.Withdraw(account=account, asset=asset, amount=amount))
        self.emit(op.Transfer(account=MAKER, to_account=MAKER_SUB, asset=asset, amount=amount))

    def set_mode(self) -> None:
        """Set leverage and mode, move margin."""
        rng = self.rng
        account, market = rng.choice(TRADERS), rng.choice([PERP, FINE])
        leverage, mode = rng.choice([0, 2, 5, 10, 100]), rng.choice([0, 1])
        self.emit(risk_op.SetLeverage(market=market, account=account, leverage=leverage, mode=mode))
        amount = rng.choice([10**9, 10**11, 3 * 10**11])
        out = rng.choice([0, 0, 0, 1])
        self.emit(risk_op.MoveMargin(market=market, account=account, amount=amount, out=out))

    def liquidate(self) -> None:
        """Let the engine work on somebody."""
        self.emit(risk_op.Liquidate(account=self.rng.choice([*TRADERS, INSURANCE_ACCOUNT])))


@cache
def flow_after(seed: int) -> RiskFlow:
    """Return a flow after its steps and a whole lap of the sweep."""
    flow = RiskFlow(seed)
    for _ in range(STEPS):
        flow.step()
    flow.report()
    flow.sweep()
    return flow


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_traders_break_no_invariant_and_the_sweep_ends(seed):
    assert not ring.is_late(flow_after(seed).state)


def test_the_sequences_reach_every_event_of_risk():
    seen = {event.kind for seed in range(SEEDS) for event in flow_after(seed).events}
    assert {
        EventKind.SETTLED,
        EventKind.FUNDING,
        EventKind.LIQUIDATED,
        EventKind.DELEVERAGED,
        EventKind.EXCHANGED,
        EventKind.INTEREST,
        EventKind.LAP_ENDED,
        EventKind.LEVERAGE_SET,
        EventKind.MARGIN_MOVED,
        EventKind.RESIDUE,
    } <= seen
