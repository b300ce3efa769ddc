"""A staked ether trades at a third of its worth on a thin book.

Binance, 10 October 2025: USDe at 0.65 and wBETH down by 88 % on the exchange's own book, collateral
was marked by it, 283 M USD of compensation.
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
from offchain.spec import risk_op
from offchain.spec.constants import QUOTE_ASSET
from offchain.spec.errors import ErrorCode

NAME = "depeg"
REQUIREMENT = (
    "Collateral is valued by L1's rate and price, never by a book; a rate that jumps up is "
    "capped, a "
    "rate that falls counts at once, and an impaired asset is phased out."
)
_ETH = Perp(market=2, name="ETH", sz_decimals=2, price=4_000)
_WSTETH = Collateral(asset=3, name="wstETH", price=4_000, rate=1.2, margin_weight_ppm=860_000)


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 10_000_000})
    world.insure(1_000_000)
    world.list_perp(_ETH)
    world.list_collateral(_WSTETH)
    holder = world.open_account(FIRST_MASTER, {_WSTETH.asset: 100})
    world.refresh()
    world.order(MARKET_MAKER, _ETH, -50, _ETH.price)
    world.order(holder, _ETH, 50, _ETH.price)
    equity: list[tuple[float, float]] = []

    def note(what: str) -> float:
        value = world.health(holder).tav / MICRO
        equity.append((60.0 * len(equity), value))
        result.table.append({"step": what, "equity for margin, USD": f"{value:,.0f}"})
        return value

    start = note("100 wstETH, long 50 ETH")
    result.check(
        "the worth is units x rate x price x weight",
        passed=abs(start - 100 * 1.2 * 4_000 * 0.86) < 10,
        figure=f"{start:,.2f}",
    )
    world.refresh()
    world.price_collateral(_WSTETH, 4_000, 2.4)
    doubled = note("the rate doubles within a second")
    result.check(
        "a jump of the rate is capped by 10 % a year",
        passed=doubled - start < 0.01,
        figure=f"{doubled - start:+.4f}",
    )
    world.refresh()
    world.price_collateral(_WSTETH, 4_000, 1.08)
    slashed = note("a slashing takes 10 % of the rate")
    result.check(
        "a fall of the rate counts at once",
        passed=abs(slashed / start - 0.9) < 0.001,
        figure=f"{slashed / start - 1:+.2%}",
    )
    _impair(world, holder, result, note)
    result.series = {"equity for margin, USD": equity}
    return result


def _impair(world: World, holder: int, result: ScenarioResult, note: object) -> None:
    world.list_collateral(_WSTETH, is_impaired=True)
    assert callable(note)
    note("governance marks the asset as impaired")
    health = world.health(holder)
    result.check("an impaired asset takes no new risk", passed=health.tav <= 0, figure=health.tav)
    code = world.order(holder, _ETH, 1, _ETH.price)
    result.check("no new order", passed=code is ErrorCode.INSUFFICIENT_MARGIN, figure=code.name)
    due_after_h = 0
    for hour in range(1, 20):
        world.advance(3_599)
        world.refresh()
        world.price_collateral(_WSTETH, 4_000, 1.08)
        if world.send(risk_op.Liquidate(account=holder)) is ErrorCode.OK:
            due_after_h = hour
            break
    result.check(
        "liquidation comes by the hour, not at once",
        passed=due_after_h > 2,
        figure=f"after {due_after_h} hours",
    )
