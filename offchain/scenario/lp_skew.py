"""The reserves of a pool are skewed to make its tokens look dear.

Warp Finance, December 2020, and others: a token of a pool valued by its spot reserves; 7.8 M USD.
On L1, `OracleHub` prices it by the fair formula; this is the second line behind it.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import (
    FIRST_MASTER,
    MAKER_MASTER,
    MARKET_MAKER,
    MICRO,
    Collateral,
    Perp,
    World,
)
from offchain.spec.constants import QUOTE_ASSET
from offchain.spec.errors import ErrorCode

NAME = "lp-skew"
REQUIREMENT = (
    "What a skewed pool can add to its token's margin within a day is bounded by the growth cap of "
    "its rate, whatever a snapshot says, and by the cap per user."
)
_ETH = Perp(market=2, name="ETH", sz_decimals=2, price=3_000)
_LP = Collateral(
    asset=4,
    name="ETH/USDC LP",
    price=1.0,
    rate=109.5,
    margin_weight_ppm=750_000,
    liquidation_weight_ppm=820_000,
    exchange_discount_ppm=50_000,
    tier=10_000,
    user_cap=20_000,
)
_NAIVE_GAIN = 4.546  # of the naive value by a tenfold swap, measured on a real pair


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 100_000_000})
    world.list_perp(_ETH)
    world.list_collateral(_LP)
    attacker = world.open_account(FIRST_MASTER, {_LP.asset: 30_000})
    world.refresh()
    before = world.health(attacker).tav / MICRO
    expected = 15_000 * 109.5 * 0.75  # 10,000 whole, 10,000 at half, 10,000 beyond the cap
    result.check(
        "size tiers and the cap per user count",
        passed=abs(before - expected) < 1,
        figure=f"{before:,.0f}",
    )
    points = [(0.0, before)]
    for minute in range(1, 31):
        world.advance(59)
        world.refresh()
        world.price_collateral(_LP, 1.0, 109.5 * (1 + _NAIVE_GAIN))
        points.append((60.0 * minute, world.health(attacker).tav / MICRO))
    gain = points[-1][1] / before - 1
    result.check(
        "half an hour of manipulation gains less than a hundredth of a percent",
        passed=gain < 1e-4,
        figure=f"{gain:.6%} instead of {_NAIVE_GAIN:.0%}",
    )
    world.order(MARKET_MAKER, _ETH, -100_000, _ETH.price)
    size = before * 20 / _ETH.price
    code = world.order(attacker, _ETH, size * 1.01, _ETH.price)
    result.check(
        "it buys no larger position",
        passed=code is ErrorCode.INSUFFICIENT_MARGIN,
        figure=code.name,
    )
    result.table.append(
        {
            "margin before": f"{before:,.0f}",
            "margin under attack": f"{points[-1][1]:,.0f}",
            "by spot reserves": f"{before * (1 + _NAIVE_GAIN):,.0f}",
        }
    )
    result.series = {"margin of 30,000 LP tokens, USD": points}
    return result
