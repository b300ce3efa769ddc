"""A whale's loss in one market ends at the bucket of the liquidity fund that backs this market.

Hyperliquid, 12 and 26 March 2025: one vault backed all markets, so that a whale in one of them cost
all who had money in it: 4 M USD the first time; the second time the price was overridden by vote.
"""

from dataclasses import dataclass, field, replace

from offchain.scenario.result import ScenarioResult
from offchain.scenario.spec_view import spec_state
from offchain.scenario.world import (
    FIRST_MASTER,
    MAKER_MASTER,
    MARKET_MAKER,
    UNITS,
    Perp,
    World,
)
from offchain.spec import fund_op, funds, op
from offchain.spec.constants import (
    FUND_MIN_LOCKUP_S,
    POSITIONS_PER_ACCOUNT,
    QUOTE_ASSET,
    SHARE_PRICE_ONE_E8,
)
from offchain.spec.kinds import EventKind, TimeInForce
from offchain.spec.state import position_index

NAME = "llp-bucket"
REQUIREMENT = (
    "A whale's loss in one market takes no more than the bucket that backs it: other buckets of "
    "the fund, other funds and the insurance fund are as before, and investors are paid."
)
_ETH = Perp(market=2, name="ETH", sz_decimals=2, price=2_000)
_BTC = Perp(market=3, name="BTC", sz_decimals=5, price=80_000)
_LLP, _VAULT = 0, 1  # funds: that of the protocol, and one of a trader
_INVESTED = 20_000_000.0
_REDEEMED = _INVESTED / 2  # of it; the rest backs positions
_ETH_BUCKET, _BTC_BUCKET = (funds.bucket_account(_LLP, number) for number in (1, 2))
_ETH_MONEY, _BTC_MONEY = 6_000_000.0, 8_000_000.0
_WHALE_SIZE, _WHALE_MONEY = 100_000.0, 50_000_000.0
_FALL = 0.7  # of the price that is left at the end
_STEP = 0.99
_INVESTOR, _LEADER, _VAULT_INVESTOR, _WHALE = (FIRST_MASTER + i << 5 for i in range(4))


@dataclass(slots=True)
class _Run:
    """One run of the story: its world and what is drawn."""

    world: World
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def draw(self, label: str, x: float, y: float) -> None:
        """Add a point to a line."""
        self.series.setdefault(label, []).append((x, y))


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    story = _begin(has_buckets=True)
    world = story.world
    value, untouched = _value(world, _LLP), _records(world)
    vault_price = _share_price(world, _VAULT)
    _fall(story)
    loss = value - _value(world, _LLP)
    taken = [event for event in world.of_kind(EventKind.LIQUIDATED) if event["v"][5] == _ETH_BUCKET]
    result.check(
        "the bucket of the market takes the whale over", passed=bool(taken), figure=len(taken)
    )
    result.check(
        "the fund loses what the bucket had at most",
        passed=_ETH_MONEY * 0.9 < loss <= _ETH_MONEY,
        figure=f"{loss:,.0f} of {value:,.0f}",
    )
    result.check(
        "other buckets and another fund are as before, to the byte",
        passed=_records(world) == untouched and _share_price(world, _VAULT) == vault_price,
        figure=f"{len(untouched)} records, a share {vault_price:.6f}",
    )
    bad_debt = len(world.of_kind(EventKind.BAD_DEBT))
    result.check(
        "no debt is left to the insurance fund",
        passed=not bad_debt and world.insurance() == 0,
        figure=f"{bad_debt} debts, {world.insurance():,.0f}",
    )
    paid = _leave(world)
    share = (value - loss) / value
    result.check(
        "an investor is paid his part of the rest",
        passed=abs(paid / _REDEEMED - share) < 1e-3,
        figure=f"{paid:,.0f} of {_REDEEMED:,.0f}",
    )
    one_pot = _loss_of_one_pot()
    result.check(
        "one pot for all markets would have lost more",
        passed=one_pot > loss,
        figure=f"{one_pot:,.0f}",
    )
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    result.table.append(
        {
            "LLP before": f"{value:,.0f}",
            "ETH bucket": f"{_ETH_MONEY:,.0f}",
            "loss": f"{loss:,.0f}",
            "loss of one pot": f"{one_pot:,.0f}",
            "paid of 100 invested": f"{100 * paid / _REDEEMED:.2f}",
            "other fund, a share": f"{_share_price(world, _VAULT):.4f}",
        }
    )
    result.series = story.series
    return result


def _begin(*, has_buckets: bool) -> _Run:
    """Return the world before the fall: both funds have money and positions, the whale is long."""
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 2_000_000_000})
    for perp in (_ETH, _BTC):
        world.list_perp(perp)
    for account in (_INVESTOR, _LEADER, _VAULT_INVESTOR):
        world.open_account(account >> 5, {QUOTE_ASSET: 2 * _INVESTED})
    world.open_account(_WHALE >> 5, {QUOTE_ASSET: _WHALE_MONEY})
    terms = {"account": _LEADER, "lockup_s": FUND_MIN_LOCKUP_S}
    world.must(fund_op.AdminFund(**terms, fee_ppm=0))
    world.must(fund_op.CreateFund(**terms, fee_ppm=100_000, amount=round(1e6 * UNITS)))
    for account, fund in ((_INVESTOR, _LLP), (_VAULT_INVESTOR, _VAULT)):
        amount = round((_INVESTED if fund == _LLP else 2e6) * UNITS)
        world.must(fund_op.Invest(account=account, fund=fund, amount=amount))
    first = funds.bucket_account(_LLP, 0)
    for bucket, money in ((_ETH_BUCKET, _ETH_MONEY), (_BTC_BUCKET, _BTC_MONEY)):
        amount = round(money * UNITS)
        world.must(op.Transfer(account=first, to_account=bucket, asset=QUOTE_ASSET, amount=amount))
    vault = funds.bucket_account(_VAULT, 0)
    world.accounts += [first, _ETH_BUCKET, _BTC_BUCKET, vault]
    for perp, bucket in ((_ETH, _ETH_BUCKET), (_BTC, _BTC_BUCKET)):
        backstop = bucket if has_buckets else first
        world.must(fund_op.AdminMarketWaterfall(market=perp.market, account=backstop))
    _buy(world, _BTC_BUCKET, _BTC, 20)
    _buy(world, vault, _BTC, 10)
    for _ in range(10):
        _buy(world, _WHALE, _ETH, _WHALE_SIZE / 10)
    world.refresh()
    return _Run(world)


def _buy(world: World, account: int, perp: Perp, size: float) -> None:
    world.refresh()
    world.order(MARKET_MAKER, perp, -size, perp.price)
    world.order(account, perp, size, perp.price, time_in_force=TimeInForce.IOC)


def _fall(story: _Run) -> None:
    """Let ETH fall without a bid in the book; the engine sweeps at each step."""
    world = story.world
    price, second = _ETH.price, 0
    while price > _ETH.price * _FALL:
        price = max(price * _STEP, _ETH.price * _FALL)
        world.move(_ETH, price)
        world.refresh()
        world.sweep()
        second += 1
        for label, account in (("ETH bucket", _ETH_BUCKET), ("BTC bucket", _BTC_BUCKET)):
            worth = max(0, world.health(account).talt) / 1e12
            story.draw(f"{label}, million USD", second, worth)
        story.draw("share of the other fund, USD", second, _share_price(world, _VAULT))
        story.draw("ETH, USD", second, price)


def _loss_of_one_pot() -> float:
    """Return what the fund loses if all of its money backs each market."""
    story = _begin(has_buckets=False)
    world = story.world
    first = funds.bucket_account(_LLP, 0)
    for bucket in (_ETH_BUCKET, _BTC_BUCKET):
        free = spec_state(world.core).account(bucket).free[0]
        amount = free if bucket == _ETH_BUCKET else free // 2
        world.must(op.Transfer(account=bucket, to_account=first, asset=QUOTE_ASSET, amount=amount))
    value = _value(world, _LLP)
    _fall(story)
    return value - _value(world, _LLP)


def _leave(world: World) -> float:
    """Let the investor redeem _REDEEMED tokens' worth of shares; return what is paid, in tokens."""
    shares = round(_REDEEMED * UNITS)
    world.must(fund_op.Redeem(account=_INVESTOR, fund=_LLP, shares=shares))
    world.advance(FUND_MIN_LOCKUP_S - 2)
    world.refresh()
    world.advance(1)
    (event,) = world.of_kind(EventKind.SHARES_BURNED)
    return int(event["v"][2]) / UNITS


def _value(world: World, fund: int) -> float:
    """Return what a fund is worth for who leaves, in tokens."""
    return funds.value(spec_state(world.core), fund).down / UNITS


def _share_price(world: World, fund: int) -> float:
    """Return what 10^8 shares of a fund are worth for who leaves, in tokens."""
    total = spec_state(world.core).funds.read(fund).total_shares
    return _value(world, fund) * UNITS * SHARE_PRICE_ONE_E8 / total / UNITS


def _records(world: World) -> list[bytes]:
    """Return accounts and positions of all other buckets, byte by byte."""
    state = spec_state(world.core)
    records = []
    for account in (_BTC_BUCKET, funds.bucket_account(_LLP, 0), funds.bucket_account(_VAULT, 0)):
        # The links of the sweep ring change when a neighbour comes or goes.
        record = replace(state.account(account), sweep_next=0, sweep_prev=0)
        records.append(record.to_bytes())
        positions = (
            state.positions.read(position_index(account, k)) for k in range(POSITIONS_PER_ACCOUNT)
        )
        records += [position.to_bytes() for position in positions if position.market_plus_1]
    return records
