"""Random sequences of ops for differential and property tests.

`random_sequence(seed, length)` is deterministic and self-contained: it starts with the admin ops
and deposits that set the scene, then adds `length` ops that are biased towards interesting states.
It is generated against its own specification state, so that cancels and modifies name live orders.
"""

import random

from hypothesis import strategies as st

from offchain.spec import duties, op
from offchain.spec.checks import OpError
from offchain.spec.constants import (
    FEE_ACCOUNT,
    GOLDILOCKS_P,
    INSURANCE_ACCOUNT,
    OP_BYTES,
    VALUE_LIMIT,
)
from offchain.spec.event import Event
from offchain.spec.kinds import (
    AssetFlag,
    Continuation,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SelfTrade,
    TierFlag,
    TimeInForce,
)
from offchain.spec.state import State, genesis
from offchain.spec.transition import apply

CONFIG_HASH = bytes(range(32))
GOVERNANCE = bytes.fromhex("60" * 20)
MASTERS = (1, 2, 3, 4)
SUB_ACCOUNTS = tuple(master * 32 + sub for master in MASTERS for sub in (0, 1))
SPOT, SPOT_TICK, PERP = 1, 2, 3
MARKETS = (SPOT, SPOT_TICK, PERP)
MID_PRICE = 1_000
START_S = 1_000
BURST = 70  # resting orders in one go: more than the steps of an op
UNITS = 10**15
TRADERS = SUB_ACCOUNTS[:7]  # the eighth exists only if a random transfer creates it


def owner_of(account: int) -> bytes:
    """Return the address that owns a test account."""
    return bytes([account // 32]) * 20


def agent_of(master: int, slot: int) -> bytes:
    """Return the address of a test agent key."""
    return bytes([0xA0 + slot]) * 19 + bytes([master])


def scene() -> list[bytes]:
    """Return the ops that set up assets, fees, markets, accounts, builders and the time."""
    ops: list[op.Op] = [
        op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=10 if asset == 1 else 1,
            deposit_cap_units=VALUE_LIMIT - 1,
        )
        for asset in (0, 1, 2)
    ]
    ops += fee_tiers()
    ops += [
        market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=1),
        market_op(SPOT_TICK, MarketKind.SPOT, sz_decimals=0, base_asset=2, tick=5, fee_table=1),
        market_op(PERP, MarketKind.PERP, sz_decimals=3, max_significant_figures=4),
    ]
    ops += [
        op.Deposit(account=32 * master, owner=owner_of(32 * master), asset=asset, amount=UNITS)
        for master in MASTERS
        for asset in (0, 1, 2)
    ]
    ops += [
        op.Transfer(account=32 * (a // 32), to_account=a, asset=asset, amount=UNITS // 4)
        for a in TRADERS
        if a % 32
        for asset in (0, 1, 2)
    ]
    ops.append(op.AdvanceTime(now_s=START_S))
    ops += [op.RegisterBuilder(account=32 * master) for master in MASTERS[:2]]
    ops += [op.ApproveBuilder(account=32 * m, builder=1, max_fee=400) for m in MASTERS]
    return [each.to_bytes() for each in ops]


def fee_tiers() -> list[op.Op]:
    """Return three tiers of two tables: a metered one without fees, and two more."""
    tiers: list[op.Op] = []
    for table in (0, 1):
        for tier, (maker_ppm, taker_ppm, quota) in enumerate([(0, 0, 6), (20, 280, 0), (7, 33, 3)]):
            flags = TierFlag.SELF_SERVICE if tier < 2 else 0
            tiers.append(
                op.AdminFeeTier(
                    table=table,
                    tier=tier,
                    flags=flags,
                    maker_ppm=maker_ppm + table,
                    taker_ppm=taker_ppm + table,
                    quota_per_minute=quota,
                )
            )
    return tiers


def market_op(market: int, kind: MarketKind, *, sz_decimals: int, **fields: int) -> op.AdminMarket:
    """Return the op that opens a market with the chain's own fee and insurance accounts."""
    settings = {"status": MarketStatus.OPEN, **fields}
    return op.AdminMarket(
        market=market,
        market_kind=kind,
        sz_decimals=sz_decimals,
        fee_account=FEE_ACCOUNT,
        insurance_account=INSURANCE_ACCOUNT,
        **settings,
    )


class Flow:
    """Generator of ops with a state of its own to look at."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.state: State = genesis(CONFIG_HASH, GOVERNANCE)
        self.ops: list[bytes] = []
        for data in self.scene():
            self.emit(data)

    def scene(self) -> list[bytes]:
        """Return the ops that every sequence begins with."""
        return scene()

    def emit(self, data: bytes) -> None:
        """Append an op and follow it, whether it is accepted or not."""
        self.ops.append(data)
        try:
            self.observe(apply(self.state, data))
        except OpError:
            return

    def observe(self, events: list[Event]) -> None:
        """Look at what an accepted op did; most flows do not."""

    def step(self, ops_left: int) -> None:
        """Append one op, or a burst of them while `ops_left` allows it."""
        rng = self.rng
        is_pending = self.state.header.pending.kind != Continuation.NONE
        if is_pending and rng.random() < 0.8:
            self.emit(op.Continue().to_bytes())
        elif duties.must_run(self.state) and rng.random() < 0.8:
            self.emit(op.RunDuties().to_bytes())
        elif rng.random() < 0.1:
            self.emit(self.malformed())
        elif ops_left > BURST + 10 and rng.random() < 0.02:
            self.burst()
        else:
            self.emit(self.any_op().to_bytes())

    def any_op(self) -> op.Op:
        """Return a plausible op."""
        makers = (self.place, self.modify, self.cancel, self.of_account, self.system, self.admin)
        return self.rng.choices(makers, weights=(60, 10, 10, 14, 8, 2))[0]()

    def account(self) -> int:
        """Return a trader, rarely an account that does not exist."""
        if self.rng.random() < 0.02:
            return self.rng.choice((FEE_ACCOUNT, SUB_ACCOUNTS[7], 32 * 9, 2**22 + 32))
        return self.rng.choice(TRADERS)

    def client_id(self) -> tuple[int, int]:
        """Return a client id of a tiny set, mostly none, rarely out of range."""
        draw = self.rng.random()
        if draw < 0.75:
            return 0, 0
        return (self.rng.randint(1, 6), 0) if draw < 0.99 else (1, GOLDILOCKS_P)

    def price(self, market: int) -> int:
        """Return a price near the middle, sometimes off the tick or of too many figures."""
        rng = self.rng
        if market == SPOT_TICK and rng.random() < 0.95:
            return MID_PRICE + 5 * rng.randint(-3, 3)
        if market == PERP and rng.random() < 0.1:
            return 10 * MID_PRICE + rng.randint(-3, 3)
        return MID_PRICE + rng.randint(-6, 6)

    def place(self) -> op.Op:
        """Return a PLACE."""
        rng = self.rng
        market = rng.choice(MARKETS)
        tif = rng.choices(list(TimeInForce), weights=(60, 15, 10, 15))[0]
        flags = rng.choice((0, PlaceFlag.IS_ASK)) | rng.choice((0, PlaceFlag.SELF_TRADE_BY_MASTER))
        if market == PERP and rng.random() < 0.2:
            flags |= PlaceFlag.REDUCE_ONLY
        price = self.price(market)
        if tif in (TimeInForce.IOC, TimeInForce.FOK) and rng.random() < 0.4:
            flags |= PlaceFlag.IS_MARKET
            price = rng.choice((0, 1_000, 5_000, 100_000, 100_001))
        low, high = self.client_id()
        rests = tif in (TimeInForce.GTC, TimeInForce.POST_ONLY)
        expires = rests and rng.random() < 0.2
        builder = 1 if rng.random() < 0.15 else 0
        return op.Place(
            flags=flags,
            market=market,
            account=self.account(),
            time_in_force=tif,
            self_trade=rng.choice(list(SelfTrade)),
            builder=builder,
            price=price,
            size_lots=self.size(),
            client_id_low=low,
            client_id_high=high,
            expiry_s=self.state.header.now_s + rng.randint(0, 15) if expires else 0,
            builder_fee=rng.choice((0, 100, 401)) if builder else 0,
        )

    def size(self) -> int:
        """Return a size in lots: small, rarely enormous or zero."""
        draw = self.rng.random()
        if draw < 0.97:
            return self.rng.randint(1, 12)
        return self.rng.choice((0, 2**40 - 1, 2**40, 10**9, 2**33))

    def live_order(self) -> tuple[int, int, int, int, int, int]:
        """Return (slot, id, owner, market, price, remaining) of a resting order, or nonsense."""
        live = [(slot, o) for slot, o in self.state.orders.items() if o.order_id]
        if not live or self.rng.random() < 0.05:
            return self.rng.randint(0, 9), self.rng.randint(0, 9_999), self.account(), SPOT, 1, 1
        slot, order = self.rng.choice(live)
        price = self.state.levels.read(order.level).price
        return slot, order.order_id, order.owner, order.market, price, order.remaining_lots

    def modify(self) -> op.Op:
        """Return a MODIFY of a live order."""
        rng = self.rng
        slot, order_id, owner, market, price, remaining = self.live_order()
        if rng.random() < 0.5:
            price = self.price(market)
        size = rng.choice((remaining, max(remaining - 1, 1), remaining + 1, self.size()))
        return op.Modify(
            flags=rng.choice((0, PlaceFlag.SELF_TRADE_BY_MASTER)),
            market=market,
            account=owner,
            order_id=order_id,
            size_lots=size,
            price=price,
            slot=slot,
            self_trade=rng.choice(list(SelfTrade)),
            time_in_force=rng.choice((TimeInForce.GTC, TimeInForce.POST_ONLY)),
        )

    def cancel(self) -> op.Op:
        """Return a cancel of one order or of all."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.7:
            slot, order_id, owner, market, _, _ = self.live_order()
            return op.Cancel(market=market, account=owner, order_id=order_id, slot=slot)
        if draw < 0.85:
            low, high = self.client_id()
            account = self.account()
            return op.CancelByClientId(account=account, client_id_low=low, client_id_high=high)
        return op.CancelAll(
            market=rng.choice((*MARKETS, op.ALL_MARKETS, 9)), account=self.account()
        )

    def of_account(self) -> op.Op:
        """Return a transfer, a withdrawal or a setting of an account."""
        rng = self.rng
        account = self.account()
        master = account // 32 * 32
        asset = rng.choice((0, 1, 2, 2, 5))
        amount = rng.choice((0, 1, 10, 12_340, UNITS // 8, UNITS * 2))
        expiry_s = rng.choice((0, self.state.header.now_s + 50))
        deadman_s = rng.choice((0, self.state.header.now_s + rng.randint(3, 20)))
        other = rng.choice((*SUB_ACCOUNTS, 2**22))
        return rng.choice(
            (
                op.Transfer(account=account, to_account=other, asset=asset, amount=amount),
                op.Withdraw(account=account, asset=asset, amount=amount),
                op.SetTier(account=master, tier=rng.randint(0, 3)),
                op.ScheduleCancel(account=account, at_s=deadman_s),
                op.ScheduleCancel(account=account, at_s=deadman_s),
                op.ApproveBuilder(
                    account=master, builder=rng.randint(0, 3), max_fee=rng.choice((0, 90, 2_001))
                ),
                op.RegisterBuilder(account=account),
                op.SetAgent(
                    account=master,
                    address=agent_of(master // 32 % 256, 1) if expiry_s else bytes(20),
                    expiry_s=expiry_s,
                    slot=rng.randint(0, 3),
                ),
                op.SetOwnerKey(account=master, is_on=rng.randint(0, 1)),
            )
        )

    def system(self) -> op.Op:
        """Return a system op or a deposit."""
        rng = self.rng
        now_s = self.state.header.now_s + rng.choice((-1, 0, 1, 3, 7, 20, 61))
        master = rng.choice((*MASTERS, 5)) * 32
        deposit = op.Deposit(
            account=master,
            owner=owner_of(rng.choice((master, master, 32))),
            asset=rng.choice((0, 1, 2, 7)),
            amount=rng.choice((1, UNITS, VALUE_LIMIT - 1)),
        )
        time = op.AdvanceTime(now_s=now_s)
        return rng.choice((time, time, time, deposit, op.SealBatch(), op.RunDuties()))

    def admin(self) -> op.Op:
        """Return an admin op; most leave trading possible."""
        rng = self.rng
        return rng.choice(
            (
                market_op(SPOT, MarketKind.SPOT, sz_decimals=2, base_asset=1, min_size_lots=2),
                market_op(SPOT, MarketKind.SPOT, sz_decimals=rng.choice((2, 3)), base_asset=1),
                market_op(PERP, MarketKind.PERP, sz_decimals=3, status=rng.choice((0, 1, 1, 2))),
                op.AdminFeeTier(
                    table=rng.choice((0, 1, 16)),
                    tier=rng.randint(0, 2),
                    flags=rng.randint(0, 2),
                    maker_ppm=rng.choice((0, 1_000, 1_001)),
                    taker_ppm=999,
                    quota_per_minute=rng.choice((0, 2)),
                ),
                op.AdminAsset(
                    asset=rng.choice((2, 3, 256)),
                    flags=rng.randint(0, 2),
                    withdraw_step_units=rng.choice((0, 1)),
                    deposit_cap_units=VALUE_LIMIT - 1,
                ),
            )
        )

    def malformed(self) -> bytes:
        """Return a plausible op with one byte changed, a random kind, or noise."""
        rng = self.rng
        if rng.random() < 0.2:
            return bytes([rng.randrange(256)]) + rng.randbytes(OP_BYTES - 1)
        data = bytearray(self.any_op().to_bytes())
        data[rng.randrange(OP_BYTES)] = rng.choice((0, 1, 3, 255, rng.randrange(256)))
        return bytes(data)

    def burst(self) -> None:
        """Append many small orders of one side, then one that meets or cancels them all."""
        rng = self.rng
        market = rng.choice(MARKETS)
        side = rng.choice((0, PlaceFlag.IS_ASK))
        maker = rng.choice(TRADERS)
        now_s = self.state.header.now_s
        expiry_s = now_s + 5 if rng.random() < 0.4 else 0
        for _ in range(BURST):
            price = MID_PRICE if market == SPOT_TICK else MID_PRICE + rng.randint(0, 2)
            resting = op.Place(
                flags=side,
                market=market,
                account=maker,
                price=price,
                size_lots=1,
                expiry_s=expiry_s,
            )
            self.emit(resting.to_bytes())
        end = rng.choice(
            (
                op.Place(
                    flags=side ^ PlaceFlag.IS_ASK | PlaceFlag.IS_MARKET,
                    market=market,
                    account=rng.choice(TRADERS),
                    time_in_force=TimeInForce.IOC,
                    self_trade=rng.choice(list(SelfTrade)),
                    price=100_000,
                    size_lots=BURST * 2,
                ),
                op.CancelAll(account=maker),
                op.ScheduleCancel(account=maker, at_s=now_s + 5),
                op.AdvanceTime(now_s=now_s + 5),
            )
        )
        self.emit(end.to_bytes())


def random_sequence(seed: int, length: int) -> list[bytes]:
    """Return the scene followed by `length` random ops, 64 bytes each.

    Parameters
    ----------
    seed
        Equal seeds give equal sequences.
    length
        Ops after the scene (about 35 ops). Bursts need a length above 80.
    """
    flow = Flow(seed)
    total = len(flow.ops) + length
    while len(flow.ops) < total:
        flow.step(total - len(flow.ops))
    return flow.ops


def op_sequences(max_length: int = 200) -> st.SearchStrategy[list[bytes]]:
    """Return a Hypothesis strategy of :func:`random_sequence`; it shrinks towards short ones."""
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(random_sequence, seeds, st.integers(0, max_length))
