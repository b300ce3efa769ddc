"""A stock's market closes for the weekend and opens far away; the perpetual trades on.

What a perpetual on stocks or treasuries lives with, and what dYdX met on 10 October 2025 after its
halt: a stale oracle at the restart liquidated accounts for 462,000 USD.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MARKET_MAKER, Perp, World
from offchain.spec import op, risk_op
from offchain.spec.constants import DAY_S, HOUR_S, QUOTE_ASSET, REOPEN_POST_ONLY_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, TimeInForce

NAME = "weekend-gap"
REQUIREMENT = (
    "Off session prices and orders stay near Friday's close, new risk needs more margin and nobody "
    "is liquidated at an old price; the session begins where L1 says, at once, with cancels and "
    "post-only orders for a minute, then all."
)
_STOCK = Perp(
    market=9, name="S&P 500", sz_decimals=2, price=6_000, jump_ppm=30_000, impact_notional=5_000
)
_SESSION = sum(1 << hour for hour in range(13, 20))  # 13:00 to 20:00 UTC
_CALENDAR = risk_op.AdminMarketCalendar(
    market=_STOCK.market,
    thursday=_SESSION,
    friday=_SESSION,
    monday=_SESSION,
    tuesday=_SESSION,
    wednesday=_SESSION,
    weekend_band_ppm=40_000,
    off_hours_initial_ppm=100_000,
)
_FRIDAY_S = 15 * DAY_S  # the epoch's third Friday
_CLOSE_S = _FRIDAY_S + 20 * HOUR_S
_SATURDAY_S = _FRIDAY_S + DAY_S + 12 * HOUR_S
_MONDAY_S = _FRIDAY_S + 3 * DAY_S + 13 * HOUR_S
_DRIFT, _GAP = 0.97, 0.93  # of Friday's price, on Saturday and on Monday


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 50_000_000})
    world.insure(2_000_000)
    world.list_perp(_STOCK)
    world.must(_CALENDAR)
    traders = [world.open_account(FIRST_MASTER + i, {QUOTE_ASSET: 40_000}) for i in range(18)]
    newcomer = world.open_account(FIRST_MASTER + len(traders), {QUOTE_ASSET: 40_000})
    world.advance(_CLOSE_S - HOUR_S - world.now_s)
    world.refresh()
    world.make_market(_STOCK, _STOCK.price, size=500)
    for i, trader in enumerate(traders):
        world.order(trader, _STOCK, 20 + 5 * i, _STOCK.price * 1.01, time_in_force=TimeInForce.IOC)
    marks = [(0.0, world.mark(_STOCK))]
    _off_session(world, traders, newcomer, result)
    marks.append((float(_SATURDAY_S - _CLOSE_S), world.mark(_STOCK)))
    _begin_session(world, traders, result, marks)
    result.series = {"mark, USD": marks}
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    return result


def _off_session(world: World, traders: list[int], newcomer: int, result: ScenarioResult) -> None:
    world.advance(_SATURDAY_S - world.now_s)
    code = world.send(risk_op.Liquidate(account=traders[-1]))
    result.check(
        "no liquidation at Friday's price", passed=code is ErrorCode.STALE_PRICE, figure=code.name
    )
    code = world.send(op.CancelAll(account=MARKET_MAKER, market=_STOCK.market))
    result.check("cancels work", passed=code is ErrorCode.OK, figure=code.name)
    world.sweep()
    price = _STOCK.price * _DRIFT
    world.report(_STOCK, price)
    world.advance(1)
    code = world.send(world.price_report(_STOCK, _STOCK.price * 0.961))
    result.check(
        "a price within the band is taken",
        passed=code is ErrorCode.OK,
        figure=f"{world.mark(_STOCK):,.0f}",
    )
    world.advance(1)
    code = world.send(world.price_report(_STOCK, _STOCK.price * 0.959))
    result.check(
        "one further from Friday's close is not",
        passed=code is ErrorCode.PRICE_OUTSIDE_BAND,
        figure=code.name,
    )
    code = world.order(newcomer, _STOCK, 1, _STOCK.price * 0.95)
    result.check(
        "nor is an order there", passed=code is ErrorCode.PRICE_OUTSIDE_BAND, figure=code.name
    )
    code = world.order(newcomer, _STOCK, 100, price)
    result.check(
        "new risk needs the margin of the off-hours",
        passed=code is ErrorCode.INSUFFICIENT_MARGIN,
        figure=code.name,
    )
    code = world.order(newcomer, _STOCK, 50, price)
    result.check("and with it may rest", passed=code is ErrorCode.OK, figure=code.name)
    world.must(op.CancelAll(account=newcomer, market=_STOCK.market))


def _begin_session(
    world: World, traders: list[int], result: ScenarioResult, marks: list[tuple[float, float]]
) -> None:
    world.advance(_MONDAY_S - world.now_s)
    world.sweep()
    price = _STOCK.price * _GAP
    code = world.send(world.price_report(_STOCK, price))
    result.check(
        "Monday's price without a new snapshot is refused",
        passed=code is not ErrorCode.OK,
        figure=code.name,
    )
    world.report(_STOCK, price)
    at = world.mark(_STOCK)
    result.check("with one it is taken at once", passed=at == price, figure=f"{at:,.0f}")
    code = world.order(traders[0], _STOCK, 1, price)
    result.check(
        "first only post-only orders",
        passed=code is ErrorCode.MARKET_POST_ONLY,
        figure=code.name,
    )
    for i in range(1, 11):
        for sign in (1, -1):
            world.order(
                MARKET_MAKER,
                _STOCK,
                sign * 200.0,
                price * (1 - sign * i * 0.001),
                time_in_force=TimeInForce.POST_ONLY,
            )
    world.advance(REOPEN_POST_ONLY_S)
    world.refresh()
    marks.append((float(world.now_s - _CLOSE_S), world.mark(_STOCK)))
    before = world.insurance()
    world.sweep()
    world.sweep()
    liquidated = len(world.of_kind(EventKind.LIQUIDATED))
    after = world.insurance()
    result.check("then liquidations run", passed=liquidated > 0, figure=liquidated)
    code = world.order(traders[0], _STOCK, 0.1, price)
    result.check("and trading goes on", passed=code is ErrorCode.OK, figure=code.name)
    result.check(
        "the insurance fund bears the gap",
        passed=after > 0,
        figure=f"{before:,.0f} -> {after:,.0f}",
    )
    result.table.append(
        {
            "gap": f"{_GAP - 1:.0%}",
            "liquidation steps": liquidated,
            "insurance before": f"{before:,.0f}",
            "insurance after": f"{after:,.0f}",
        }
    )
