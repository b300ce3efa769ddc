"""A thin coin is pumped against a short that the exchange inherits.

Hyperliquid, 26 March 2025: a 4 M USD self-trade, then a fourfold pump; the liquidator shared its
money with the vault, so deleveraging never began, and the price was overridden by vote.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MICRO, Perp, World
from offchain.spec import op
from offchain.spec.constants import QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind

NAME = "jelly"
REQUIREMENT = (
    "Open interest is capped, the backstop loses at most what it has, deleveraging takes the rest, "
    "and nobody can write a price."
)
_JELLY = Perp(
    market=5,
    name="JELLY",
    sz_decimals=0,
    price=0.01,
    initial_ppm=333_333,
    maintenance_ppm=166_667,
    closeout_ppm=111_112,
    open_interest_cap=450_000_000,
    concentration_free=500_000_000,
    jump_ppm=100_000,
)
_SIZE = 400_000_000.0  # 4 M USD at the start
_BACKSTOP = 500_000.0


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 100_000})
    world.insure(_BACKSTOP)
    world.list_perp(_JELLY)
    short = world.open_account(FIRST_MASTER, {QUOTE_ASSET: 2_000_000})
    long = world.open_account(FIRST_MASTER + 1, {QUOTE_ASSET: 2_000_000})
    world.refresh()
    world.order(long, _JELLY, _SIZE, _JELLY.price)
    world.order(short, _JELLY, -_SIZE, _JELLY.price)
    world.order(short, _JELLY, -_SIZE / 4, _JELLY.price)
    code = world.order(long, _JELLY, _SIZE / 4, _JELLY.price)
    result.check(
        "a position beyond the cap is refused",
        passed=code is ErrorCode.OPEN_INTEREST_CAP,
        figure=code.name,
    )
    world.send(op.CancelAll(account=short, market=_JELLY.market))
    _pump(world, short, result)
    deleveraged = world.of_kind(EventKind.DELEVERAGED)
    insurance = world.insurance()
    result.check(
        "deleveraging takes what the backstop cannot",
        passed=bool(deleveraged),
        figure=f"{sum(_JELLY.size_of(int(e['v'][0])) for e in deleveraged):,.0f} JELLY",
    )
    result.check(
        "the backstop keeps its money or a part of it",
        passed=insurance >= 0,
        figure=f"{insurance:,.0f} of {_BACKSTOP:,.0f}",
    )
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    result.table.append(
        {
            "the long's equity": f"{world.health(long).talt / MICRO:,.0f}",
            "the short's equity": f"{world.health(short).talt / MICRO:,.0f}",
            "insurance": f"{insurance:,.0f}",
            "price": f"{world.mark(_JELLY):.4f}",
        }
    )
    return result


def _pump(world: World, short: int, result: ScenarioResult) -> None:
    """Quadruple the price in steps of a tenth; nobody offers anything to the liquidator."""
    prices, backstop = [], []
    price = _JELLY.price
    for step in range(15):
        price *= 1.1
        world.move(_JELLY, price, step=0.09)
        world.liquidate(short)
        prices.append((60.0 * step, world.mark(_JELLY)))
        backstop.append((60.0 * step, world.insurance()))
    result.series = {"mark, USD": prices, "backstop, USD": backstop}
