"""A chain that lives: collateral, open perpetuals, funding, a debt, an isolated margin.

Everything comes through the real engine: L1's queue, signed envelopes, the sequencer.
"""

from dataclasses import dataclass, field

from offchain.engine.signing import SigningKey
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.spec import op, risk_op
from offchain.spec.constants import (
    DAY_S,
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    PPM,
    RETAIL_TIER,
    SIZE_LIMIT,
    VALUE_LIMIT,
)
from offchain.spec.envelope import Envelope
from offchain.spec.kinds import (
    AssetFlag,
    EnvelopeKind,
    EventKind,
    MarginMode,
    MarketKind,
    MarketStatus,
    PlaceFlag,
    SnapshotTarget,
    Subtree,
    TimeInForce,
)
from offchain.spec.state import account_index
from tests.settlement.scene import System

PERP, OTHER_PERP = 2, 5
QUOTE, ETHER = 10**8, 10**8  # units of a whole one
USDC = 10**6  # token base units of a whole one
ETHER_WEI = 10**18
SZ_DECIMALS = 4  # lots of 0.0001, prices of 0.01 USDC
LOTS_PER_ETHER = 10**SZ_DECIMALS
E8_PER_PRICE = 10**6
PRICE = 300_000
SPREAD = 50
SOURCES = 3
HOUR_S = 3_600
GOVERNANCE = 2
MAKER, LONG, DEBTOR, ISOLATED, IDLE = range(3, 8)
LATECOMER, STRANGER = 8, 9
ACCOUNTS = 10
DEPOSITS = {  # whole USDC and whole ether
    MAKER: (40_000, 0),
    LONG: (3_000, 1),
    DEBTOR: (0, 3),
    ISOLATED: (2_000, 0),
    IDLE: (1_234, 2),
    GOVERNANCE: (500, 0),
}


@dataclass
class LivingChain:
    """The operator's process, and the clients of all traders."""

    system: System
    price: int = PRICE
    nonces: dict[int, int] = field(default_factory=dict)

    @property
    def sequencer(self):
        return self.system.sequencer

    def account(self, who, sub=0):
        """Account id that L1 has given an address."""
        l1, deployment = self.system.l1, self.system.deployment
        arguments = (deployment.chain_id, l1.accounts[who])
        master = l1.call("PriorityQueue", deployment.queue, "account_of", *arguments)
        return 32 * master + sub

    def account_indices(self):
        """Leaf numbers of all accounts, those of the chain itself included."""
        ids = {self.account(who) for who in DEPOSITS} | {self.account(IDLE, 1)}
        ids |= {FEE_ACCOUNT, INSURANCE_ACCOUNT}
        core = self.sequencer._core
        indices = sorted(map(account_index, ids))
        return [i for i in indices if any(core.leaf(Subtree.ACCOUNTS, i))]

    def list_markets(self):
        for each in (*_assets(), *_markets(), *_credit()):
            self.system.enqueue(each)

    def deposit(self, who, usdc, ether):
        l1, deployment = self.system.l1, self.system.deployment
        if usdc:
            token, sender = deployment.contracts["TokenMock"], l1.accounts[who]
            l1.transact("TokenMock", token, "mint", sender, usdc * USDC)
            approval = (deployment.vault, usdc * USDC)
            l1.transact("TokenMock", token, "approve", *approval, sender=sender)
            arguments = (deployment.chain_id, QUOTE_ASSET, usdc * USDC)
            vault = ("CollateralVault", deployment.vault)
            l1.transact(*vault, "deposit", *arguments, sender=sender)
        if ether:
            self.system.deposit(who, ether)

    def send(self, who, *ops, sub=0):
        """Sign with the owner's key and submit; every op must be accepted."""
        account = self.account(who, sub)
        key = SigningKey(self.system.l1.private_key(self.system.l1.accounts[who]))
        nonce = max(self.nonces.get(who, 0) + 1, 1_000 * self.system.l1.now_s)
        self.nonces[who] = nonce
        envelope = Envelope(
            kind=EnvelopeKind.USER,
            account=account,
            nonce=nonce,
            arrival_ms=0,
            payload=b"".join(each.to_bytes() for each in ops),
        )
        signed = key.sign(self.sequencer._domain, envelope)
        events = self.sequencer.submit(signed.to_bytes()).events
        assert EventKind.REJECTED not in events["kind"], events[
            events["kind"] == EventKind.REJECTED
        ]
        return events

    def tell_prices(self, price=None):
        """L1's snapshots and the index of both markets, now."""
        self.price = price or self.price
        self.system.l1.advance_time(1)  # a snapshot is later than the one before
        self.sequencer.tick()
        now_s, price_e8 = self.system.l1.now_s, self.price * E8_PER_PRICE
        prices = {"time_s": now_s, "price_e8": price_e8}
        asset = risk_op.Snapshot(
            target=SnapshotTarget.ASSET, asset=ETHER_ASSET, rate_e12=10**12, **prices
        )
        receipts = [self.sequencer.take_snapshot(asset)]
        for market in (PERP, OTHER_PERP):
            snapshot = risk_op.Snapshot(target=SnapshotTarget.MARKET, market=market, **prices)
            receipts.append(self.sequencer.take_snapshot(snapshot))
            report = risk_op.PriceReport(
                market=market,
                index_price=self.price,
                external_mark=self.price,
                time_s=now_s,
                sources=SOURCES,
            )
            receipts.append(self.sequencer.report_price(report))
        for receipt in receipts:
            assert EventKind.REJECTED not in receipt.events["kind"]

    def quote(self, market):
        """Let the maker offer and bid around the price, in place of what it had."""
        account = self.account(MAKER)
        orders = [
            op.Place(
                flags=PlaceFlag.IS_ASK if is_ask else 0,
                market=market,
                account=account,
                price=self.price + (SPREAD if is_ask else -SPREAD),
                size_lots=4 * LOTS_PER_ETHER,
            )
            for is_ask in (False, True)
        ]
        self.send(MAKER, op.CancelAll(market=market, account=account), *orders)

    def take(self, who, market, lots, sub=0):
        """Buy from the maker, or sell to it if `lots` is negative."""
        order = op.Place(
            flags=PlaceFlag.IS_ASK if lots < 0 else 0,
            market=market,
            account=self.account(who, sub),
            time_in_force=TimeInForce.IOC,
            price=self.price + (2 * SPREAD if lots > 0 else -2 * SPREAD),
            size_lots=abs(lots),
        )
        events = self.send(who, order, sub=sub)
        assert EventKind.FILL in events["kind"]

    def bid(self, who, market, lots):
        """Offer to buy at a better price than the maker."""
        account, price = self.account(who), self.price - SPREAD // 2
        self.send(who, op.Place(market=market, account=account, price=price, size_lots=lots))

    def isolate(self, who, market, margin_usdc):
        account = self.account(who)
        leverage = risk_op.SetLeverage(
            market=market, account=account, leverage=10, mode=MarginMode.ISOLATED
        )
        margin = risk_op.MoveMargin(market=market, account=account, amount=margin_usdc * QUOTE)
        self.send(who, leverage, margin)

    def hours_pass(self, hours):
        """Funding and interest run; prices are told every hour."""
        for _ in range(hours):
            self.system.l1.advance_time(HOUR_S)
            self.tell_prices()


def lives(chain, first):
    """Two batches: all begin to trade; time passes, the price rises, some close and withdraw.

    `first` is who closes: "winner" or "loser". The other side of it goes on with its position, so
    that its gain or loss is in nobody's balance yet.
    """
    chain.list_markets()
    for who, (usdc, ether) in DEPOSITS.items():
        chain.deposit(who, usdc, ether)
    chain.system.service.feed_priority()
    for who in DEPOSITS:
        chain.send(who, op.SetOwnerKey(account=chain.account(who), is_on=1))
    governance = chain.account(GOVERNANCE)
    chain.send(
        GOVERNANCE,
        op.Transfer(
            account=governance, to_account=INSURANCE_ACCOUNT, asset=QUOTE_ASSET, amount=300 * QUOTE
        ),
    )
    chain.tell_prices()
    chain.quote(PERP)
    chain.quote(OTHER_PERP)
    chain.take(LONG, PERP, 2 * LOTS_PER_ETHER)
    chain.take(DEBTOR, PERP, -LOTS_PER_ETHER)
    chain.take(DEBTOR, OTHER_PERP, -LOTS_PER_ETHER)
    chain.isolate(ISOLATED, OTHER_PERP, 700)
    chain.take(ISOLATED, OTHER_PERP, LOTS_PER_ETHER)
    yield
    chain.hours_pass(1)
    chain.tell_prices(PRICE + 12_345)
    chain.quote(PERP)
    if first == "loser":
        chain.take(DEBTOR, PERP, LOTS_PER_ETHER)  # without a cent
    else:
        chain.bid(GOVERNANCE, PERP, LOTS_PER_ETHER // 2)
        chain.take(LONG, PERP, -LOTS_PER_ETHER // 2)
    chain.hours_pass(1)
    chain.tell_prices(PRICE + 6_789)
    chain.quote(PERP)
    idle = chain.account(IDLE)
    chain.send(IDLE, op.Withdraw(account=idle, asset=QUOTE_ASSET, amount=234 * QUOTE))
    sub = op.Transfer(account=idle, to_account=idle + 1, asset=ETHER_ASSET, amount=ETHER // 3)
    chain.send(IDLE, sub)
    yield


def _assets():
    for asset, step in ((QUOTE_ASSET, 100), (ETHER_ASSET, 1)):
        yield op.AdminAsset(
            asset=asset,
            flags=AssetFlag.DEPOSITS_OPEN,
            withdraw_step_units=step,
            deposit_cap_units=VALUE_LIMIT - 1,
        )
    yield op.AdminFeeTier(table=0, tier=RETAIL_TIER, maker_ppm=40, taker_ppm=280)


def _markets():
    for market in (PERP, OTHER_PERP):
        yield op.AdminMarket(
            market=market,
            market_kind=MarketKind.PERP,
            status=MarketStatus.OPEN,
            sz_decimals=SZ_DECIMALS,
            fee_account=FEE_ACCOUNT,
            insurance_account=INSURANCE_ACCOUNT,
        )
        yield risk_op.AdminMarketPrices(
            market=market,
            basis_cap_ppm=20_000,
            mark_band_ppm=50_000,
            jump_ppm=100_000,
            snapshot_band_ppm=100_000,
            funding_interest_ppm=100,
            funding_cap_ppm=40_000,
            min_sources=SOURCES,
            max_report_age_s=60,
            impact_notional_micro=10**9,
        )
        yield risk_op.AdminMarketRisk(
            market=market,
            initial_ppm=100_000,
            maintenance_ppm=50_000,
            closeout_ppm=25_000,
            liquidation_fee_ppm=5_000,
            open_interest_cap_lots=SIZE_LIMIT - 1,
            concentration_free_lots=SIZE_LIMIT - 1,
            concentration_ppm=PPM,
            price_band_ppm=100_000,
        )


def _credit():
    yield risk_op.AdminAssetRisk(
        asset=ETHER_ASSET,
        margin_weight_ppm=800_000,
        liquidation_weight_ppm=900_000,
        exchange_discount_ppm=50_000,
        growth_cap_ppm=PPM,
        heartbeat_s=DAY_S,
        user_cap_units=VALUE_LIMIT - 1,
    )
    yield risk_op.AdminCredit(base_rate_ppm=50_000, slope_ppm=500_000, negative_cap=10_000 * QUOTE)
