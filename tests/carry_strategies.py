"""Random sequences with what time brings: sessions, interest of lenders, shared yield, hedges."""

from dataclasses import replace

from offchain.spec import op, risk_op
from offchain.spec.constants import DAY_S, HOUR_S, MAX_MARKETS, PPM, REOPEN_POST_ONLY_S
from offchain.spec.kinds import AssetRiskFlag
from tests.risk_scene import (
    COLLATERALS,
    MARGINED,
    PERP,
    PLAIN,
    SPOT,
    START_S,
    TIERED,
    TRADERS,
    asset_snapshot,
    risk_parameters,
)
from tests.risk_strategies import RiskFlow
from tests.strategies import owner_of

_, _, FIRST, SECOND, CREDIT = risk_parameters()
DAYS = ("thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday")
FASTEST = 10 * PPM  # of yearly interest and growth


class CarryFlow(RiskFlow):
    """As RiskFlow, with hours off session, dear credit, and collateral that yields and hedges."""

    def scene(self) -> list[bytes]:
        """Return the scene with a session that is about to end, hedges and shares of yield."""
        rng = self.rng
        ops: list[op.Op] = [
            self.calendar(PERP, START_S // HOUR_S),
            replace(FIRST, hedge_market_plus_1=PERP + 1, yield_share_ppm=500_000),
            replace(
                SECOND,
                hedge_market_plus_1=rng.choice((PERP, TIERED)) + 1,
                yield_share_ppm=100_000,
                growth_cap_ppm=FASTEST,
            ),
            replace(CREDIT, base_rate_ppm=FASTEST, spread_ppm=rng.choice((0, 100_000, PPM))),
        ]
        return [*super().scene(), *(each.to_bytes() for each in ops)]

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes those around the beginning or the end of a session."""
        draw = self.rng.random()
        if draw < 0.05:
            self.reach_session()
        elif draw < 0.09:
            self.earn()
        else:
            super().step(ops_left)

    def any_op(self) -> op.Op:
        """Return one plausible op, three in ten of this flow."""
        if self.rng.random() >= 0.3:
            return super().any_op()
        choices = (
            (self.money, 45),
            (self.growth, 40),
            (self.any_calendar, 12),
            (self.any_collateral, 8),
            (self.any_credit, 5),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    # --- sessions --------------------------------------------------------------------------

    def calendar(self, market: int, hour: int) -> risk_op.AdminMarketCalendar:
        """Return a calendar with hours off session at or near an hour since the epoch."""
        rng = self.rng
        in_session = {hour + i for i in range(-3, 60) if rng.random() < 0.5}
        days = [0] * len(DAYS)
        for each in in_session:
            days[each // 24 % len(DAYS)] |= 1 << each % 24
        return risk_op.AdminMarketCalendar(
            market=market,
            **dict(zip(DAYS, days, strict=True)),
            weekend_band_ppm=rng.choice((5_000, 30_000, 100_000)),
            off_hours_initial_ppm=rng.choice((0, 200_000)),
        )

    def any_calendar(self) -> op.Op:
        """Return a calendar of now, none, or one that is refused."""
        rng = self.rng
        hour = self.state.header.now_s // HOUR_S
        calendar = self.calendar(rng.choice(MARGINED), hour)
        return rng.choice(
            (
                calendar,
                calendar,
                calendar,
                risk_op.AdminMarketCalendar(market=calendar.market),
                replace(calendar, market=rng.choice((SPOT, PLAIN, MAX_MARKETS))),
                replace(calendar, weekend_band_ppm=rng.choice((0, PPM + 1))),
                replace(calendar, off_hours_initial_ppm=PPM + 1),
                replace(calendar, **{rng.choice(DAYS): 2**24}),
            )
        )

    def reach_session(self) -> None:
        """Let the next hour begin, report prices just before or after, and trade."""
        rng = self.rng
        rest_s = HOUR_S - self.state.header.now_s % HOUR_S
        if rng.random() < 0.05:
            rest_s += 7 * DAY_S
        self.move_prices(max(1, rest_s + rng.choice((-1, 0, 30))), spread=0.01)
        for seconds in (1, rng.choice((REOPEN_POST_ONLY_S - 1, REOPEN_POST_ONLY_S))):
            self.emit(risk_op.Sweep().to_bytes())
            self.work_off()
            self.emit(self.place().to_bytes())
            self.move_prices(seconds, spread=rng.choice((0.01, 0.06)))
        self.trade()

    # --- interest and yield ----------------------------------------------------------------

    def earn(self) -> None:
        """Let laps pass in which debtors pay, and lenders touch their quote."""
        for _ in range(self.rng.choice((1, 2, 3))):
            self.move_prices(self.rng.choice((60, 600)), spread=0.01)
            self.work_off()
            self.emit(risk_op.Sweep().to_bytes())
            self.emit(self.money().to_bytes())

    def money(self) -> op.Op:
        """Return a deposit, withdrawal or transfer of an amount that is likely there."""
        rng = self.rng
        account = rng.choice((*TRADERS, 1, 2, 32 * 9))
        asset = rng.choice((0, 0, 0, *COLLATERALS))
        record = self.state.account(account)
        held = (
            record.free[record.asset_ids.index(asset + 1)] if asset + 1 in record.asset_ids else 9
        )
        amount = max(1, held // rng.choice((1, 2, 10, 100)) + rng.choice((0, 0, 1)))
        if rng.random() < 0.4:
            return op.Withdraw(account=account, asset=asset, amount=amount)
        master = account - account % 32
        if rng.random() < 0.4 and master:
            amount = self.SCALE * rng.choice((1, 10**9))
            return op.Deposit(account=master, owner=owner_of(master), asset=asset, amount=amount)
        target = rng.choice((account ^ 1, account ^ 1, master + rng.randrange(4)))
        return op.Transfer(account=account, to_account=target, asset=asset, amount=amount)

    def growth(self) -> op.Op:
        """Return a snapshot of a collateral with another redemption rate."""
        rng = self.rng
        asset = rng.choice(COLLATERALS)
        now_s = self.state.header.now_s
        if self.state.asset_risk(asset).time_s == now_s:
            self.emit(op.AdvanceTime(now_s=now_s + rng.choice((1, 30))).to_bytes())
            self.work_off()
        price_e8 = 2 * 10**8 * rng.choice((9, 10, 11))
        snapshot = asset_snapshot(asset, price_e8, self.state.header.now_s)
        rate_e12 = self.state.asset_risk(asset).rate_e12 or 10**12
        growth = rng.choice((0.999, 1, 1.0001, 1.001, 3))
        return replace(snapshot, rate_e12=max(1, min(round(rate_e12 * growth), 10**15 + 1)))

    def any_collateral(self) -> op.Op:
        """Return what a collateral hedges and how much of its yield is shared."""
        rng = self.rng
        return replace(
            rng.choice((FIRST, SECOND)),
            hedge_market_plus_1=rng.choice((0, PERP + 1, TIERED + 1, MAX_MARKETS + 1)),
            yield_share_ppm=rng.choice((0, 250_000, 500_000, 500_001)),
            liquidation_weight_ppm=rng.choice((850_000, 900_000, 1_000_000)),
            exchange_discount_ppm=0,
            growth_cap_ppm=FASTEST,
            flags=rng.choice((0, 0, AssetRiskFlag.IMPAIRED)),
        )

    def any_credit(self) -> op.Op:
        """Return the credit with another spread."""
        spread_ppm = self.rng.choice((0, 1, 300_000, PPM, PPM + 1))
        return replace(CREDIT, base_rate_ppm=FASTEST, spread_ppm=spread_ppm)
