"""Random sequences of ops in margined markets: leverage, crashes, liquidations, funding.

As in :mod:`tests.strategies`, a sequence is self-contained and deterministic, and is generated
against its own specification state.
"""

from dataclasses import replace

from offchain.spec import book, duties, margin, op, ring, risk_op, settling
from offchain.spec.constants import INSURANCE_ACCOUNT, PPM, PRICE_MAX, SIZE_LIMIT
from offchain.spec.kinds import (
    AssetRiskFlag,
    Continuation,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SelfTrade,
    TimeInForce,
)
from tests.risk_scene import (
    COLLATERALS,
    INSURANCE_UNITS,
    MARGINED,
    MID_PRICE,
    OTHER_INSURANCE,
    PERP,
    PLAIN,
    QUOTE_UNITS,
    SPOT,
    TIERED,
    TRADERS,
    asset_snapshot,
    market_prices,
    market_snapshot,
    risk_parameters,
    risk_scene,
)
from tests.strategies import BURST, Flow, market_op, owner_of

IS_ASK = PlaceFlag.IS_ASK
MAX_JUMP = 0.095  # just below the bound of a report


class RiskFlow(Flow):
    """Generator of traders who take too much risk under prices that jump."""

    LOWEST = 2_000  # price of either market
    SCALE = 1  # of amounts

    def __init__(self, seed: int) -> None:
        self.insurance_units = INSURANCE_UNITS[seed % len(INSURANCE_UNITS)]
        self.prices = dict(MID_PRICE)
        self.trades_until = 0  # ops: positions are opened before anything else
        super().__init__(seed)
        self.trades_until = len(self.ops) + 12

    def scene(self) -> list[bytes]:
        """Return the scene with the insurance of this seed."""
        return risk_scene(self.insurance_units)

    def any_op(self) -> op.Op:
        """Return one plausible op."""
        choices = (
            (self.place, 44),
            (self.modify, 6),
            (self.cancel, 3),
            (self.set_leverage, 6),
            (self.move_margin, 5),
            (self.of_account, 5),
            (self.liquidate, 14),
            (risk_op.Sweep, 6),
            (self.bad_report, 2),
            (self.admin, 2),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    def step(self, ops_left: int) -> None:
        """Append some ops: mostly one, or a trade of two, or the reports of a price move."""
        draw = self.rng.random()
        if draw < 0.07 or len(self.ops) < self.trades_until:
            self.trade()
        elif draw < 0.15:
            self.move_prices(self.rng.choice((1, 2, 7, 25, 45)), spread=0.01)
        elif draw < 0.20:
            self.crash()
        elif draw < 0.23:
            self.move_prices(self.rng.choice((60, 660, 3_600, 3_600)), spread=0.04)
        elif draw < 0.3 and self.has_residue():
            self.move_prices(60, spread=0.01)
        elif ops_left > BURST + 20 and draw < 0.24:
            self.burst()
        elif ring.is_late(self.state) and draw < 0.7:
            self.emit(risk_op.Sweep().to_bytes())
        else:
            super().step(ops_left=0)

    def has_residue(self) -> bool:
        """Return whether lots wait for a minute to pass."""
        risks = [self.state.market_risk(market) for market in MARGINED]
        return any(risk.longs.residue_lots or risk.shorts.residue_lots for risk in risks)

    # --- prices --------------------------------------------------------------------------

    def move_prices(self, seconds: int, *, spread: float, drift: float = 0) -> None:
        """Let time pass and report prices that moved by a random part around `drift`."""
        rng = self.rng
        now_s = self.state.header.now_s + seconds
        self.emit(op.AdvanceTime(now_s=now_s).to_bytes())
        self.work_off()
        for market in MARGINED:
            move = max(-MAX_JUMP, min(drift + rng.uniform(-spread, spread), MAX_JUMP))
            index = self.state.market_risk(market).index_price
            self.prices[market] = min(max(self.LOWEST, round(index * (1 + move))), PRICE_MAX)
            if rng.random() < 0.85:
                self.emit(market_snapshot(market, self.prices[market], now_s).to_bytes())
            self.emit(self.report(market).to_bytes())
        if rng.random() < 0.4:
            owes = any(self.state.account(trader).free[0] < 0 for trader in TRADERS)
            price_e8 = 2 * 10**8 * rng.choice((1, 2) if owes else (1, 5, 8, 10, 12))
            asset = rng.choice(COLLATERALS)
            self.emit(asset_snapshot(asset, price_e8, now_s).to_bytes())

    def report(self, market: int) -> risk_op.PriceReport:
        """Return the report of the market's price."""
        price = self.prices[market]
        others = min(round(price * self.rng.uniform(0.97, 1.03)), PRICE_MAX)
        return risk_op.PriceReport(
            market=market,
            index_price=price,
            external_mark=self.rng.choice((0, others)),
            time_s=self.state.header.now_s,
            sources=self.rng.choice((2, 3)),
        )

    def crash(self) -> None:
        """Move prices by 5 to 30 percent in legal steps, rarely with a sweep in between."""
        rng = self.rng
        sign = rng.choice((-1, 1))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
            self.move_prices(rng.choice((1, 3)), spread=0.01, drift=sign * rng.uniform(0.04, 0.09))
            if rng.random() < 0.1:
                self.emit(risk_op.Sweep().to_bytes())
        for _ in range(rng.choice((0, 4, 12, 20))):
            self.work_off()
            self.emit(rng.choice((risk_op.Sweep, self.liquidate))().to_bytes())

    def work_off(self) -> None:
        """Mostly finish continuations and duties, so that prices can be reported."""
        while self.rng.random() < 0.95:
            if self.state.header.pending.kind != Continuation.NONE:
                self.emit(op.Continue().to_bytes())
            elif duties.must_run(self.state):
                self.emit(op.RunDuties().to_bytes())
            else:
                return

    # --- orders --------------------------------------------------------------------------

    def trade(self) -> None:
        """Let two traders open opposite positions at the mark, as large as they can or nearly."""
        rng = self.rng
        market = rng.choice(MARGINED)
        buyer, seller = rng.sample(TRADERS, 2)
        mark = self.state.market_risk(market).mark_price
        lots = min(self.lots_of(trader, market) for trader in (buyer, seller))
        order = op.Place(
            market=market, account=seller, price=mark - mark % 5, size_lots=lots, flags=IS_ASK
        )
        self.work_off()
        self.emit(order.to_bytes())
        self.emit(replace(order, account=buyer, flags=0).to_bytes())

    def burst(self) -> None:
        """Let a trader rest more small orders than an op has steps, for a taker or a crash."""
        rng = self.rng
        market = rng.choice(MARGINED)
        maker, taker = rng.sample(TRADERS, 2)
        side = rng.choice((0, IS_ASK))
        mark = self.state.market_risk(market).mark_price
        price = round(mark * (1.02 if side else 0.98))
        price -= price % 5
        resting = op.Place(flags=side, market=market, account=maker, price=price, size_lots=9)
        self.work_off()
        for _ in range(BURST):
            self.emit(resting.to_bytes())
        if rng.random() < 0.5:
            taking = replace(resting, flags=side ^ IS_ASK, account=taker, size_lots=9 * BURST + 1)
            self.emit(taking.to_bytes())
        else:
            self.crash()

    def account(self) -> int:
        """Return a trader, rarely an insurance account or nobody."""
        if self.rng.random() < 0.02:
            return self.rng.choice((INSURANCE_ACCOUNT, OTHER_INSURANCE, 32 * 12, 2**22 + 32))
        if self.rng.random() < 0.4:
            return self.rng.choice(self.deleveraged() or TRADERS)
        return self.rng.choice(TRADERS)

    def deleveraged(self) -> list[int]:
        """Return the traders of whose positions something is left that is no whole lot."""
        return [
            trader
            for trader in TRADERS
            if any(settling.settled(self.state, trader, market).fraction for market in MARGINED)
        ]

    def price(self, market: int) -> int:
        """Return a price near the mark, sometimes outside of the band or off the tick."""
        rng = self.rng
        middle = self.state.market_risk(market).mark_price or MID_PRICE.get(market, 1_000)
        spread = rng.choice((0.003, 0.01, 0.02, 0.02, 0.12))
        price = max(1, round(middle * rng.uniform(1 - spread, 1 + spread)))
        return price if rng.random() < 0.02 else price - price % 5 or 5

    def place(self) -> op.Op:
        """Return an order, often at the best opposite price."""
        rng = self.rng
        market = rng.choices((PERP, TIERED, SPOT, PLAIN), weights=(10, 8, 2, 1))[0]
        account = self.account()
        is_ask = rng.random() < 0.5
        price = self.price(market)
        best = book.best_price(self.state, market, is_ask=not is_ask)
        if best is not None and rng.random() < 0.5:
            price = best
        flags = IS_ASK if is_ask else 0
        if rng.random() < 0.1:
            flags |= PlaceFlag.REDUCE_ONLY
        tif = rng.choices(list(TimeInForce), weights=(60, 20, 10, 10))[0]
        if tif in (TimeInForce.IOC, TimeInForce.FOK) and rng.random() < 0.3:
            flags |= PlaceFlag.IS_MARKET
            price = 50_000
        builder = 1 if account // 32 == 2 and rng.random() < 0.3 else 0
        rests = tif in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        expires = rests and rng.random() < 0.1
        return op.Place(
            flags=flags,
            market=market,
            account=account,
            time_in_force=tif,
            self_trade=rng.choice(list(SelfTrade)),
            builder=builder,
            price=price,
            size_lots=self.lots_of(account, market),
            expiry_s=self.state.header.now_s + rng.randint(1, 40) if expires else 0,
            builder_fee=rng.choice((10, 90)) if builder else 0,
        )

    def lots_of(self, account: int, market: int) -> int:
        """Return a size that takes up to twelve times what backs the account."""
        rng = self.rng
        if market not in MARGINED:
            return rng.randint(1, 20)
        tav = margin.cross(self.state, account).tav if account < 2**22 else 0
        backing = max(tav, 10**6) * rng.choice((0.05, 2, 5, 9, 9, 14))
        return min(max(1, round(backing / self.prices[market])), SIZE_LIMIT - 1)

    def size(self) -> int:
        """Return a size for a MODIFY."""
        return self.rng.choice((1, 1_000, 50_000, 500_000))

    # --- margin and money ----------------------------------------------------------------

    def set_leverage(self) -> op.Op:
        """Return a change of leverage or mode."""
        rng = self.rng
        return risk_op.SetLeverage(
            market=rng.choice((*MARGINED, *MARGINED, PLAIN)),
            account=self.account(),
            leverage=rng.choice((0, 0, 3, 10, 20, 100, 101)),
            mode=rng.choice((0, 1)),
        )

    def move_margin(self) -> op.Op:
        """Return a move into or out of a position, mostly of one that is isolated."""
        rng = self.rng
        isolated = [
            (account, holding.market)
            for account in TRADERS
            for holding in margin.holdings_of(self.state, account)
            if holding.is_isolated
        ]
        account, market = (self.account(), rng.choice(MARGINED))
        if isolated and rng.random() < 0.9:
            account, market = rng.choice(isolated)
        amount = self.SCALE * rng.choice((0, 1, 10**9, 4 * 10**9, 10**10))
        return risk_op.MoveMargin(
            market=market, account=account, amount=amount, out=rng.choice((0, 0, 1))
        )

    def of_account(self) -> op.Op:
        """Return a withdrawal, transfer, deposit or scheduled cancel."""
        rng = self.rng
        account = rng.choice(TRADERS)
        asset = rng.choice((0, 0, *COLLATERALS))
        amount = self.SCALE * rng.choice((1, 10**8, 10**9, 10**10, QUOTE_UNITS))
        master = account - account % 32
        return rng.choice(
            (
                op.Withdraw(account=account, asset=asset, amount=amount),
                op.Transfer(account=account, to_account=account ^ 1, asset=asset, amount=amount),
                op.Transfer(account=account, to_account=account ^ 1, asset=0, amount=amount),
                op.Deposit(account=master, owner=owner_of(master), asset=asset, amount=amount),
                op.ScheduleCancel(account=account, at_s=self.state.header.now_s + 9),
            )
        )

    def liquidate(self) -> op.Op:
        """Return a LIQUIDATE, mostly of an account that is below its maintenance margin."""
        rng = self.rng
        below = [account for account in TRADERS if self.is_below(account)]
        if below and rng.random() < 0.9:
            return risk_op.Liquidate(account=rng.choice(below))
        return risk_op.Liquidate(account=self.account()) if rng.random() < 0.3 else self.place()

    def is_below(self, account: int) -> bool:
        """Return whether the engine would have something to do."""
        bucket = margin.cross(self.state, account)
        isolated = (
            margin.isolated(self.state, holding)
            for holding in margin.holdings_of(self.state, account)
            if holding.is_isolated
        )
        owes = self.state.account(account).free[0] < 0
        return owes or bucket.talt < bucket.mmr or any(b.talt < b.mmr for b in isolated)

    # --- what is refused, and parameters ---------------------------------------------------

    def bad_report(self) -> op.Op:
        """Return a price that is too far, too old, of too few sources or of no market."""
        rng = self.rng
        market = rng.choice(MARGINED)
        report = self.report(market)
        now_s = report.time_s
        return rng.choice(
            (
                replace(report, index_price=min(round(report.index_price * 1.2), 2**32 - 1)),
                replace(report, index_price=0),
                replace(report, time_s=now_s - 40),
                replace(report, time_s=now_s + 1),
                replace(report, sources=1),
                replace(report, market=PLAIN),
                market_snapshot(market, 0, now_s),
                asset_snapshot(rng.choice((0, 1, 3)), rng.choice((0, 2**53)), now_s),
            )
        )

    def admin(self) -> op.Op:
        """Return a change of parameters; most leave trading possible."""
        rng = self.rng
        perp, tiered, first, second, credit = risk_parameters()
        perp_market = market_op(
            PERP,
            MarketKind.PERP,
            sz_decimals=3,
            status=rng.choice((*MarketStatus, MarketStatus.OPEN)),
        )
        return rng.choice(
            (
                perp_market,
                market_op(PERP, MarketKind.PERP, sz_decimals=3),
                replace(perp, initial_ppm=rng.choice((60_000, 100_000))),
                replace(tiered, tier1_micro=rng.choice((0, 10**9)), closeout_ppm=30_001),
                replace(perp, market=rng.choice((SPOT, PLAIN, 9))),
                replace(market_prices(PERP), funding_cap_ppm=rng.choice((0, 40_000, PPM + 1))),
                replace(first, flags=rng.choice((0, AssetRiskFlag.IMPAIRED))),
                replace(second, margin_weight_ppm=rng.choice((500_000, 950_000))),
                replace(credit, base_rate_ppm=rng.choice((0, 10 * PPM))),
            )
        )


def random_risk_sequence(
    seed: int, length: int, flow_type: type[RiskFlow] = RiskFlow
) -> list[bytes]:
    """Return the scene followed by `length` random ops, 64 bytes each.

    Parameters
    ----------
    seed
        Equal seeds give equal sequences; a third of them each has no, little and much insurance.
    length
        Ops after the scene.
    flow_type
        What generates them.
    """
    flow = flow_type(seed)
    total = len(flow.ops) + length
    while len(flow.ops) < total:
        flow.step(total - len(flow.ops))
    return flow.ops[:total]
