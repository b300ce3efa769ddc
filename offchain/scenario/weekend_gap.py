"""A market closes for the weekend and opens far away.

What a perpetual on stocks or treasuries lives with, and what dYdX met on 10 October 2025 after its
halt: a stale oracle at the restart liquidated accounts for 462,000 USD.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MARKET_MAKER, Perp, World
from offchain.spec import op, risk_op
from offchain.spec.constants import QUOTE_ASSET, REOPEN_POST_ONLY_S
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, MarketStatus, TimeInForce

NAME = "weekend-gap"
REQUIREMENT = (
    "While a market is halted nobody trades and nobody is liquidated at an old price; after it "
    "come cancels, then post-only orders, then all, and the gap is walked in bounded steps."
)
_STOCK = Perp(
    market=9, name="S&P 500", sz_decimals=2, price=6_000, jump_ppm=30_000, impact_notional=5_000
)
_WEEKEND_S = 172_800
_GAP = 0.93


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 50_000_000})
    world.insure(2_000_000)
    world.list_perp(_STOCK)
    traders = [world.open_account(FIRST_MASTER + i, {QUOTE_ASSET: 40_000}) for i in range(18)]
    world.refresh()
    world.make_market(_STOCK, _STOCK.price, size=500)
    for i, trader in enumerate(traders):
        world.order(trader, _STOCK, 20 + 5 * i, _STOCK.price * 1.01, time_in_force=TimeInForce.IOC)
    marks = [(0.0, world.mark(_STOCK))]
    world.set_status(_STOCK, MarketStatus.HALTED)
    world.advance(_WEEKEND_S)
    _while_halted(world, traders, result)
    world.set_status(_STOCK, MarketStatus.OPEN)
    _reopen(world, traders, result, marks)
    result.series = {"mark, USD": marks}
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    return result


def _while_halted(world: World, traders: list[int], result: ScenarioResult) -> None:
    code = world.send(risk_op.Liquidate(account=traders[-1]))
    result.check(
        "no liquidation at Friday's price", passed=code is ErrorCode.STALE_PRICE, figure=code.name
    )
    code = world.order(traders[0], _STOCK, -1, _STOCK.price)
    result.check(
        "no order while halted",
        passed=code in (ErrorCode.MARKET_NOT_OPEN, ErrorCode.SWEEP_LATE),
        figure=code.name,
    )
    code = world.send(op.CancelAll(account=MARKET_MAKER, market=_STOCK.market))
    result.check("cancels work", passed=code is ErrorCode.OK, figure=code.name)
    world.sweep()


def _reopen(
    world: World, traders: list[int], result: ScenarioResult, marks: list[tuple[float, float]]
) -> None:
    price = _STOCK.price * _GAP
    snapshot_only = world.price_report(_STOCK, price)
    code = world.send(snapshot_only)
    result.check(
        "Monday's price without a new snapshot is refused",
        passed=code is not ErrorCode.OK,
        figure=code.name,
    )
    start_s = world.now_s
    world.move(_STOCK, price, step=0.02)
    steps = world.now_s - start_s
    result.check("the gap is walked in steps", passed=steps > 1, figure=f"{steps} reports")
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
    marks.append((60.0, world.mark(_STOCK)))
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
    marks.append((120.0, world.mark(_STOCK)))
    result.table.append(
        {
            "gap": f"{_GAP - 1:.0%}",
            "reports": steps,
            "liquidation steps": liquidated,
            "insurance before": f"{before:,.0f}",
            "insurance after": f"{after:,.0f}",
        }
    )
