"""Random sequences with conditional orders: triggers, brackets, trailing stops and TWAP."""

from dataclasses import replace

from offchain.spec import condition_op, duties, op, risk_op
from offchain.spec.constants import GOLDILOCKS_P, PRICE_MAX
from offchain.spec.kinds import (
    DutyKind,
    OrderFlag,
    PlaceFlag,
    SelfTrade,
    SnapshotTarget,
    TimeInForce,
)
from tests.risk_scene import MARGINED, MID_PRICE, PERP, PLAIN, SPOT, TIERED, TRADERS, market_prices
from tests.risk_strategies import RiskFlow
from tests.strategies import BURST

IS_ASK = PlaceFlag.IS_ASK
PLAIN_E8 = 100  # L1's 10^-8 in a price unit of PLAIN


class ConditionFlow(RiskFlow):
    """As RiskFlow, with orders that wait for the mark or for their time; PLAIN has a mark too."""

    def scene(self) -> list[bytes]:
        """Return the scene with prices of the market that is not margined."""
        return [*super().scene(), market_prices(PLAIN).to_bytes()]

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes a move of prices small enough to reach a trigger or two."""
        draw = self.rng.random()
        if draw < 0.05:
            self.move_prices(self.rng.choice((1, 5, 60)), spread=0.03)
        elif draw < 0.10:
            self.reach_step()
        elif draw < 0.13:
            self.trade_against_parent()
        elif draw < 0.15:
            self.report_plain()
        elif ops_left > BURST + 20 and draw < 0.16:
            self.burst_of_conditions()
        else:
            super().step(ops_left)

    def any_op(self) -> op.Op:
        """Return one plausible op, four in ten of a conditional order."""
        rng = self.rng
        if rng.random() < 0.6:
            return super().any_op()
        choices = (
            (self.place_trigger, 16),
            (self.place_twap, 6),
            (self.bracket, 14),
            (self.cancel_waiting, 5),
        )
        makers, weights = zip(*choices, strict=True)
        return rng.choices(makers, weights)[0]()

    def client_id(self) -> tuple[int, int]:
        """Return a client id of a tiny set, mostly none, rarely out of range."""
        draw = self.rng.random()
        if draw < 0.6:
            return 0, 0
        return (self.rng.randint(1, 5), 0) if draw < 0.99 else (1, GOLDILOCKS_P)

    # --- prices and time -----------------------------------------------------------------

    def report_plain(self) -> None:
        """Report a price of the market that is not margined."""
        now_s = self.state.header.now_s + self.rng.choice((1, 3))
        price = round(MID_PRICE[PLAIN] * self.rng.uniform(0.96, 1.04))
        target = SnapshotTarget.MARKET
        snapshot = risk_op.Snapshot(
            target=target, market=PLAIN, time_s=now_s, price_e8=price * PLAIN_E8
        )
        report = risk_op.PriceReport(market=PLAIN, index_price=price, time_s=now_s, sources=2)
        self.work_off()
        self.emit(op.AdvanceTime(now_s=now_s).to_bytes())
        self.work_off()
        for each in (snapshot, report):
            self.emit(each.to_bytes())
        self.work_off()

    def reach_step(self) -> None:
        """Let the next slice or trailing step fall due, mostly while marks are fresh."""
        rng = self.rng
        now_s = self.state.header.now_s
        kinds = (DutyKind.TWAP, DutyKind.TRAIL)
        due_s = min((d.due_s for d in self.state.duties.entries if d.kind in kinds), default=0)
        if due_s == 0:
            return
        before_s = rng.choice((1, 5, 20, 59, 61))
        if due_s - before_s > now_s:
            self.move_prices(due_s - before_s - now_s, spread=0.02)
        late_s = rng.choice((0, 0, 0, 1, 30))
        self.emit(op.AdvanceTime(now_s=max(due_s + late_s, now_s)).to_bytes())
        while duties.must_run(self.state) and rng.random() < 0.95:
            self.emit(op.RunDuties().to_bytes())

    def trade_against_parent(self) -> None:
        """Let a trader take a resting parent of a bracket, whole or in part."""
        rng = self.rng
        parents = [
            order
            for order in self.state.orders.values()
            if order.order_id and order.attributes & OrderFlag.LINKED and not order.is_conditional
        ]
        if not parents:
            return
        parent = rng.choice(parents)
        taking = op.Place(
            market=parent.market,
            account=rng.choice(TRADERS),
            flags=0 if parent.is_ask else IS_ASK,
            time_in_force=TimeInForce.IOC,
            self_trade=rng.choice(list(SelfTrade)),
            price=self.state.levels.read(parent.level).price,
            size_lots=rng.choice((parent.remaining_lots, parent.remaining_lots * 3, 1)),
        )
        self.work_off()
        self.emit(taking.to_bytes())

    def burst_of_conditions(self) -> None:
        """Let a trader have more brackets or triggers than an op has steps, then end them."""
        rng = self.rng
        market = rng.choice(MARGINED)
        account = rng.choice(TRADERS)
        mark = self.state.market_risk(market).mark_price
        price = round(mark * 0.99) - round(mark * 0.99) % 5
        parent = self.with_legs(op.Place(market=market, account=account, price=price, size_lots=9))
        trigger = condition_op.PlaceTrigger(
            market=market, account=account, trigger_price=price, size_lots=3
        )
        self.work_off()
        for number in range(BURST):
            self.emit((trigger if number % 5 == 0 else parent).to_bytes())
        draw = rng.random()
        if draw < 0.4:
            self.emit(
                op.CancelAll(market=rng.choice((PERP, op.ALL_MARKETS)), account=account).to_bytes()
            )
        elif draw < 0.8:
            other = rng.choice([trader for trader in TRADERS if trader != account])
            taking = op.Place(
                market=market, account=other, flags=IS_ASK, price=price, size_lots=9 * BURST
            )
            self.emit(taking.to_bytes())
            self.work_off()
            self.move_prices(1, spread=0.03)
        else:
            self.crash()

    # --- conditional orders ----------------------------------------------------------------

    def near(self, market: int) -> int:
        """Return a price within a few percent of the mark, mostly on the tick."""
        rng = self.rng
        mark = self.state.market_risk(market).mark_price or MID_PRICE[market]
        spread = rng.choice((0.002, 0.01, 0.03, 0.3))
        price = min(max(1, round(mark * rng.uniform(1 - spread, 1 + spread))), PRICE_MAX)
        return price if rng.random() < 0.03 else price - price % 5 or 5

    def limit(self, market: int) -> int:
        """Return a limit, or 0 for a market order."""
        return self.near(market) if self.rng.random() < 0.4 else 0

    def priced(self) -> int:
        """Return a market that has a mark, rarely one that has none."""
        return self.rng.choices((PERP, TIERED, PLAIN, SPOT), weights=(10, 8, 4, 1))[0]

    def common(self, market: int) -> dict[str, int]:
        """Return the fields that all conditional orders have."""
        rng = self.rng
        account = self.account()
        low, high = self.client_id()
        builder = 1 if account // 32 == 2 and rng.random() < 0.3 else 0
        return {
            "market": market,
            "account": account,
            "self_trade": rng.choice(list(SelfTrade)),
            "builder": builder,
            "builder_fee": rng.choice((10, 90, 91)) if builder else 0,
            "size_lots": self.lots_of(account, market),
            "client_id_low": low,
            "client_id_high": high,
        }

    def flags(self, reduce_only: float) -> int:
        """Return a side, a scope of self-trade and rarely or often reduce-only."""
        rng = self.rng
        flags = rng.choice((0, IS_ASK)) | rng.choice((0, PlaceFlag.SELF_TRADE_BY_MASTER))
        return flags | (PlaceFlag.REDUCE_ONLY if rng.random() < reduce_only else 0)

    def place_trigger(self) -> op.Op:
        """Return a trigger, a pair of them or a trailing stop."""
        rng = self.rng
        market = self.priced()
        mark = self.state.market_risk(market).mark_price or MID_PRICE[market]
        flags = self.flags(reduce_only=0.3)
        price = self.near(market)
        draw = rng.random()
        fires_above = price > mark if rng.random() < 0.95 else price <= mark
        expires = rng.random() < 0.3
        trigger = condition_op.PlaceTrigger(
            **self.common(market),
            flags=flags | (PlaceFlag.FIRES_ABOVE if fires_above else 0),
            trigger_price=price,
            limit_price=self.limit(market),
            expiry_s=self.state.header.now_s + rng.choice((0, 1, 9, 70)) if expires else 0,
        )
        if draw < 0.4:
            return trigger
        if draw < 0.7:
            other = self.near(market) if rng.random() < 0.1 else max(5, 2 * mark - price)
            other -= other % 5
            return replace(trigger, other_trigger=other, other_limit=self.limit(market))
        right = 0 if flags & IS_ASK else PlaceFlag.FIRES_ABOVE
        if rng.random() < 0.05:
            right ^= PlaceFlag.FIRES_ABOVE
        trail = rng.choice((1, mark // 100, mark // 30, mark, PRICE_MAX, PRICE_MAX + 1))
        trail = trail if rng.random() < 0.2 else mark // rng.choice((30, 100, 300))
        start = price if rng.random() < 0.03 else 0
        return replace(trigger, flags=flags | right, trigger_price=start, trail=max(1, trail))

    def place_twap(self) -> op.Op:
        """Return a TWAP of few slices, rarely out of range."""
        rng = self.rng
        market = self.priced()
        common = self.common(market)
        slices = rng.choice((2, 3, 3, 7, 40, 2_880))
        interval_s = rng.choice((10, 10, 30, 60, 3_600))
        if rng.random() < 0.1:
            slices, interval_s = rng.choice(((1, 10), (2_881, 10), (2, 9), (2, 3_601)))
        return condition_op.PlaceTwap(
            **common,
            flags=self.flags(reduce_only=0.2),
            slices=slices,
            interval_s=interval_s,
            slippage_ppm=rng.choice((0, 1_000, 20_000, 100_000, 100_001)),
        )

    def bracket(self) -> op.Op:
        """Return an order with a take-profit, a stop or both."""
        order = self.place()
        assert isinstance(order, op.Place)
        if self.rng.random() < 0.9:
            order = replace(order, flags=order.flags & ~PlaceFlag.REDUCE_ONLY)
        low, high = self.client_id()
        return replace(self.with_legs(order), client_id_low=low, client_id_high=high)

    def with_legs(self, order: op.Place) -> op.Place:
        """Return the order as the parent of a bracket."""
        rng = self.rng
        mark = self.state.market_risk(order.market).mark_price or MID_PRICE[order.market]
        width = max(10, round(mark * rng.choice((0.003, 0.01, 0.03))))
        high, low = mark + width, max(1, mark - width)
        high, low = high - high % 5, low - low % 5 or 5
        take_profit, stop = (low, high) if order.flags & IS_ASK else (high, low)
        if rng.random() < 0.05:
            take_profit, stop = stop, take_profit
        draw = rng.random()
        take_profit = 0 if draw < 0.15 else take_profit
        stop = 0 if 0.1 < draw < 0.25 else stop
        return replace(
            order,
            flags=order.flags | PlaceFlag.BRACKET,
            take_profit=take_profit,
            take_profit_limit=self.limit(order.market) if take_profit else 0,
            stop=stop,
            stop_limit=self.limit(order.market) if stop else 0,
        )

    def cancel_waiting(self) -> op.Op:
        """Return a cancel of an order that waits, or one by a client id."""
        rng = self.rng
        linked = [
            (slot, order)
            for slot, order in self.state.orders.items()
            if order.order_id and order.attributes & OrderFlag.LINKED
        ]
        if not linked or rng.random() < 0.2:
            low, high = self.client_id()
            account = rng.choice(TRADERS)
            return op.CancelByClientId(account=account, client_id_low=low, client_id_high=high)
        slot, order = rng.choice(linked)
        if rng.random() < 0.1:
            slot = order.client_id_low
        if rng.random() < 0.1:
            return op.ScheduleCancel(account=order.owner, at_s=self.state.header.now_s + 5)
        return op.Cancel(
            market=order.market, account=order.owner, order_id=order.order_id, slot=slot
        )
