"""A whale takes its profit out and leaves the position to the liquidator.

Hyperliquid, 12 March 2025: 160,000 ETH long; unrealised profit was withdrawn until the position was
due, and the backstop vault lost 4 M USD on taking it over.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import (
    FIRST_MASTER,
    MAKER_MASTER,
    MARKET_MAKER,
    MICRO,
    UNITS,
    Perp,
    World,
)
from offchain.spec import op
from offchain.spec.constants import QUOTE_ASSET, WITHDRAW_MARGIN_PPM
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import TimeInForce

NAME = "whale-self-liquidation"
REQUIREMENT = (
    "Money leaves an account only down to a tenth of its notional, margin rises with size, and the "
    "insurance fund does not lose on a whale that is liquidated."
)
_ETH = Perp(
    market=2,
    name="ETH",
    sz_decimals=2,
    price=1_800,
    initial_ppm=40_000,
    maintenance_ppm=20_000,
    closeout_ppm=13_000,
    tier1=25_000_000,
    tier2=100_000_000,
)
_WHALE_SIZE = 160_000.0


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 2_000_000_000})
    world.insure(5_000_000)
    world.list_perp(_ETH)
    whale = world.open_account(FIRST_MASTER, {QUOTE_ASSET: 60_000_000})
    _open(world, whale)
    world.move(_ETH, 1_950, step=0.02)
    world.refresh()
    free = _withdraw_all(world, whale, result)
    left = world.health(whale)
    share = left.tav * MICRO // left.notional
    result.check(
        "what stays is at least a tenth of the notional",
        passed=share >= WITHDRAW_MARGIN_PPM,
        figure=f"{share / 10_000:.2f} % after taking out {free:,.0f}",
    )
    _fall(world, whale, result)
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    return result


def _open(world: World, whale: int) -> None:
    """Buy in slices from a market maker that quotes each anew."""
    for _ in range(16):
        world.refresh()
        world.order(MARKET_MAKER, _ETH, -_WHALE_SIZE / 16, _ETH.price)
        world.order(whale, _ETH, _WHALE_SIZE / 16, _ETH.price, time_in_force=TimeInForce.IOC)


def _withdraw_all(world: World, whale: int, result: ScenarioResult) -> float:
    """Withdraw as much as is given, by halving; return the sum in tokens."""
    taken, amount, refusals = 0.0, 64_000_000.0, 0
    while amount >= 1:
        code = world.send(
            op.Withdraw(account=whale, asset=QUOTE_ASSET, amount=round(amount * UNITS))
        )
        if code is ErrorCode.OK:
            taken += amount
        else:
            refusals += code is ErrorCode.INSUFFICIENT_MARGIN
            amount /= 2
    result.check("the rest is refused", passed=refusals > 0, figure=f"{refusals} refusals")
    return taken


def _fall(world: World, whale: int, result: ScenarioResult) -> None:
    """Let the price fall by a quarter while the market maker follows; liquidate when due."""
    before = world.insurance()
    liquidations = 0
    price = world.mark(_ETH)
    prices, funds, sizes = [], [], []
    for step in range(120):
        price *= 0.997
        world.move(_ETH, price)
        world.make_market(_ETH, price, size=1_500)
        liquidations += world.liquidate(whale)
        prices.append((float(step), price))
        funds.append((float(step), world.insurance() / MICRO))
        sizes.append((float(step), world.position(whale, _ETH)))
    result.series = {
        "mark, USD": prices,
        "insurance, million USD": funds,
        "whale, ETH": sizes,
    }
    after = world.insurance()
    result.table.append(
        {
            "liquidation steps": liquidations,
            "price at the end": f"{price:,.0f}",
            "whale's size at the end": f"{sizes[-1][1]:,.0f}",
            "insurance before": f"{before:,.0f}",
            "insurance after": f"{after:,.0f}",
        }
    )
    result.check("the whale is liquidated", passed=liquidations > 0, figure=liquidations)
    result.check(
        "the insurance fund does not lose",
        passed=after >= before,
        figure=f"{after - before:+,.0f}",
    )
