"""Random sequences with funds: investments, redemptions, buckets that trade, backstop and queue."""

from dataclasses import replace

from offchain.spec import duties, fund_op, funds, op, ring, risk_op
from offchain.spec.constants import (
    FUND_MIN_AMOUNT,
    FUND_MIN_LOCKUP_S,
    FUND_MIN_SEED,
    MAX_STEPS,
    SHARE_ASSET,
)
from offchain.spec.kinds import DutyKind, PlaceFlag
from tests.risk_scene import MARGINED, PERP, QUOTE_UNITS, TIERED, TRADERS
from tests.risk_strategies import MAX_JUMP, RiskFlow
from tests.strategies import owner_of

PROTOCOL_FUND, USER_FUND = 0, 1
FUND_LEADERS = {PROTOCOL_FUND: 32, USER_FUND: 64}
BUCKETS = tuple(funds.bucket_account(fund, number) for fund in FUND_LEADERS for number in (0, 1))
CROWDED_SEEDS = 25  # every 25th sequence has more accounts in the ring than an op looks at
FIRST_OF_CROWD = 32 * 150


class FundFlow(RiskFlow):
    """As RiskFlow, with a fund of the protocol, which is a backstop, and one of a trader."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        super().__init__(seed)

    def scene(self) -> list[bytes]:
        """Return the scene with two funds of two buckets each."""
        amount = QUOTE_UNITS // 2
        ops: list[op.Op] = [
            fund_op.AdminFund(account=32, fee_ppm=100_000, lockup_s=FUND_MIN_LOCKUP_S),
            fund_op.CreateFund(
                account=64, fee_ppm=200_000, lockup_s=FUND_MIN_LOCKUP_S, amount=amount
            ),
            *(fund_op.Invest(account=account, fund=0, amount=amount) for account in (96, 97)),
            fund_op.Invest(account=128, fund=1, amount=amount),
        ]
        ops += [
            op.Transfer(account=bucket & ~1, to_account=bucket, asset=0, amount=amount // 3)
            for bucket in BUCKETS
            if bucket & 1
        ]
        backstop = BUCKETS[self.seed % 2] if self.seed % 3 else 0
        ops += [
            fund_op.AdminMarketWaterfall(market=PERP, account=backstop, flags=self.seed >> 1 & 1),
            fund_op.AdminMarketWaterfall(market=TIERED, account=BUCKETS[2], flags=1),
        ]
        if self.seed % CROWDED_SEEDS == CROWDED_SEEDS - 1:
            ops += crowd()
        return [*super().scene(), *(each.to_bytes() for each in ops)]

    def step(self, ops_left: int) -> None:
        """Append some ops: sometimes a trade of a bucket, or the time at which shares are paid."""
        draw = self.rng.random()
        if draw < 0.04:
            self.trade_of_bucket()
        elif draw < 0.09 and self.next_payment_s():
            self.reach_payment()
        else:
            super().step(ops_left)

    def any_op(self) -> op.Op:
        """Return one plausible op, three in ten of a fund."""
        return self.fund_op() if self.rng.random() < 0.3 else super().any_op()

    def account(self) -> int:
        """Return a trader or, now and then, a bucket."""
        return self.rng.choice(BUCKETS) if self.rng.random() < 0.12 else super().account()

    # --- trading and time ----------------------------------------------------------------

    def trade_of_bucket(self) -> None:
        """Let a bucket and a trader open opposite positions at the mark."""
        rng = self.rng
        market = rng.choice(MARGINED)
        bucket, trader = rng.choice(BUCKETS), rng.choice(TRADERS)
        mark = self.state.market_risk(market).mark_price
        lots = min(self.lots_of(bucket, market), self.lots_of(trader, market))
        side = rng.choice((0, PlaceFlag.IS_ASK))
        resting = op.Place(
            market=market, account=trader, price=mark - mark % 5, size_lots=lots, flags=side
        )
        self.work_off()
        self.emit(resting.to_bytes())
        self.emit(replace(resting, account=bucket, flags=side ^ PlaceFlag.IS_ASK).to_bytes())

    def next_payment_s(self) -> int:
        """Return when the next redemption falls due, 0 without one."""
        dues = [duty.due_s for duty in self.state.duties.entries if duty.kind == DutyKind.REDEEM]
        return min(dues, default=0)

    def reach_payment(self) -> None:
        """Let a redemption fall due while marks are fresh, or nearly."""
        due_s, now_s = self.next_payment_s(), self.state.header.now_s
        before_s = self.rng.choice((1, 20, 60, 61))
        if due_s - before_s > now_s:
            self.move_prices(due_s - before_s - now_s, spread=MAX_JUMP)
        self.emit(op.AdvanceTime(now_s=max(due_s, self.state.header.now_s)).to_bytes())
        while duties.is_due(self.state) and self.rng.random() < 0.95:
            self.emit(op.RunDuties().to_bytes())

    # --- ops of funds ----------------------------------------------------------------------

    def fund_op(self) -> op.Op:
        """Return an op of a fund, of its buckets or of its parameters."""
        choices = (
            (self.invest, 30),
            (self.redeem, 30),
            (self.to_bucket, 15),
            (self.create_fund, 5),
            (self.waterfall, 8),
            (self.of_bucket, 12),
        )
        makers, weights = zip(*choices, strict=True)
        return self.rng.choices(makers, weights)[0]()

    def fund(self) -> int:
        """Return a fund, rarely none."""
        return self.rng.choice((0, 0, 0, 1, 1, 1, self.state.header.fund_count))

    def invest(self) -> op.Op:
        """Return an investment of much or little."""
        rng = self.rng
        low, seed = FUND_MIN_AMOUNT, FUND_MIN_SEED
        amount = self.SCALE * rng.choice((low - 1, low, 3 * low, seed, seed, 3 * seed, 2**61))
        return fund_op.Invest(account=self.account(), fund=self.fund(), amount=amount)

    def redeem(self) -> op.Op:
        """Return a redemption, mostly of shares that there are."""
        rng = self.rng
        holders = [
            (trader, asset_id - 1 - SHARE_ASSET, free)
            for trader in (*TRADERS, *BUCKETS)
            for asset_id, free in zip(
                self.state.account(trader).asset_ids, self.state.account(trader).free, strict=True
            )
            if asset_id > SHARE_ASSET and free
        ]
        account, fund, free = self.account(), self.fund(), QUOTE_UNITS
        if holders and rng.random() < 0.9:
            account, fund, free = rng.choice(holders)
        part = FUND_MIN_AMOUNT
        shares = rng.choice((free, free, free // 2, free // 10, free + 1, part, part - 1, 0))
        return fund_op.Redeem(account=account, fund=fund, shares=shares)

    def to_bucket(self) -> op.Op:
        """Return a transfer within a fund, or one that leaves or enters it."""
        rng = self.rng
        source = rng.choice(BUCKETS)
        first = source & ~31
        target = rng.choice((first, first + 1, first + 1, first + 7, first + 8, *BUCKETS, 64))
        if rng.random() < 0.1:
            source, target = target, source
        amount = self.SCALE * rng.choice((1, 10**8, 10**9, 10**10))
        return op.Transfer(
            account=source, to_account=target, asset=rng.choice((0, 0, 0, 1)), amount=amount
        )

    def create_fund(self) -> op.Op:
        """Return a new fund, mostly one that is refused."""
        rng = self.rng
        terms = {
            "account": self.account(),
            "fee_ppm": rng.choice((0, 200_000, 200_001)),
            "lockup_s": rng.choice((3_599, FUND_MIN_LOCKUP_S, 2_592_000, 2_592_001)),
        }
        if rng.random() < 0.3:
            return fund_op.AdminFund(**terms)
        amount = self.SCALE * rng.choice((FUND_MIN_SEED - 1, FUND_MIN_SEED, QUOTE_UNITS))
        return fund_op.CreateFund(**terms, amount=amount)

    def waterfall(self) -> op.Op:
        """Return another backstop or way to deleverage."""
        rng = self.rng
        return fund_op.AdminMarketWaterfall(
            market=rng.choice((*MARGINED, *MARGINED, *MARGINED, 4)),
            account=rng.choice((0, *BUCKETS, *BUCKETS, 64)),
            flags=rng.choice((0, 1, 1, 1, 2)),
        )

    def of_bucket(self) -> op.Op:
        """Return what accounts and shares of funds may not do, or a liquidation of a bucket."""
        rng = self.rng
        bucket = rng.choice(BUCKETS)
        shares = SHARE_ASSET + rng.choice((0, 1))
        trader = rng.choice(TRADERS)
        master = trader & ~31
        return rng.choice(
            (
                risk_op.Liquidate(account=bucket),
                risk_op.Liquidate(account=bucket),
                op.Withdraw(account=bucket, asset=0, amount=10**8),
                op.Withdraw(account=trader, asset=shares, amount=5),
                op.RegisterBuilder(account=bucket & ~31),
                op.Transfer(account=trader, to_account=trader ^ 1, asset=shares, amount=10**9),
                op.Deposit(account=master, owner=owner_of(master), asset=shares, amount=1),
                op.SetOwnerKey(account=bucket & ~31, is_on=1),
                op.CancelAll(account=bucket),
                op.AdminAsset(asset=shares, withdraw_step_units=1, deposit_cap_units=1),
            )
        )

    def liquidate(self) -> op.Op:
        """Return a LIQUIDATE, first of a bucket that is below its maintenance margin."""
        below = [bucket for bucket in BUCKETS if ring.holds(self.state, bucket)]
        below = [bucket for bucket in below if self.is_below(bucket)]
        if below and self.rng.random() < 0.5:
            return risk_op.Liquidate(account=self.rng.choice(below))
        return super().liquidate()


def crowd() -> list[op.Op]:
    """Return the ops that bring more accounts into the ring than one op looks at."""
    ops: list[op.Op] = []
    for number in range(MAX_STEPS + 3):
        account = FIRST_OF_CROWD + 32 * number
        ops.append(op.Deposit(account=account, owner=owner_of(account), asset=0, amount=10**9))
        ops.append(risk_op.SetLeverage(market=PERP, account=account, leverage=5))
    return ops
