"""Everybody wants USDC while the chain holds ether.

Winners have quote that losers owe: the chain's USDC on L1 is less than what accounts are credited
with, until those who owe pay or are sold.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import (
    FIRST_MASTER,
    MAKER_MASTER,
    MARKET_MAKER,
    UNITS,
    Collateral,
    Perp,
    World,
)
from offchain.spec import op, risk_op
from offchain.spec.constants import INSURANCE_ACCOUNT, QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, TimeInForce

NAME = "bank-run"
REQUIREMENT = (
    "A withdrawal beyond the chain's USDC is refused and nothing is lost; who owes pays "
    "interest, and "
    "beyond the cap of debt its collateral is exchanged."
)
_ETH = Perp(market=2, name="ETH", sz_decimals=2, price=4_000)
_ETHER = Collateral(
    asset=1,
    name="ETH",
    price=4_000,
    margin_weight_ppm=900_000,
    liquidation_weight_ppm=930_000,
    exchange_discount_ppm=20_000,
)
_DEBT_CAP = 400_000.0
_DAY_S = 86_400


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    winner = MARKET_MAKER
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 250_000})
    world.insure(10_000)
    world.list_perp(_ETH)
    world.list_collateral(_ETHER)
    world.must(
        risk_op.AdminCredit(
            base_rate_ppm=20_000, slope_ppm=300_000, negative_cap=round(_DEBT_CAP * UNITS)
        )
    )
    loser = world.open_account(FIRST_MASTER, {_ETHER.asset: 1_000})
    _lose(world, winner, loser)
    _run_on_the_bank(world, winner, loser, result)
    _interest(world, loser, result)
    _exchange(world, winner, loser, result)
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    return result


def _lose(world: World, winner: int, loser: int) -> None:
    """Close a long of 750 ETH 10 % lower: 300,000 USD change hands."""
    world.refresh()
    world.order(winner, _ETH, -750, _ETH.price)
    world.order(loser, _ETH, 750, _ETH.price)
    world.move(_ETH, 3_600, step=0.02)
    world.order(winner, _ETH, 750, 3_600)
    world.order(loser, _ETH, -750, 3_600, time_in_force=TimeInForce.IOC)


def _withdraw(world: World, account: int, amount: float) -> ErrorCode:
    return world.send(op.Withdraw(account=account, asset=QUOTE_ASSET, amount=round(amount * UNITS)))


def _row(world: World, what: str, winner: int, loser: int) -> dict[str, str]:
    return {
        "step": what,
        "winner's USDC": f"{world.quote(winner):,.0f}",
        "loser's USDC": f"{world.quote(loser):,.0f}",
        "chain's USDC": f"{world.view.asset(QUOTE_ASSET).total_units / UNITS:,.0f}",
    }


def _run_on_the_bank(world: World, winner: int, loser: int, result: ScenarioResult) -> None:
    result.table.append(_row(world, "after the loss", winner, loser))
    chain = world.view.asset(QUOTE_ASSET).total_units / UNITS
    credited = world.quote(winner) + world.quote(INSURANCE_ACCOUNT)
    result.check(
        "more is credited than the chain has",
        passed=credited > chain,
        figure=f"{credited:,.0f} against {chain:,.0f}",
    )
    world.refresh()
    root = world.core.root()
    code = _withdraw(world, winner, chain + 1)
    result.check(
        "a withdrawal beyond the chain's USDC is refused",
        passed=code is ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY and world.core.root() == root,
        figure=code.name,
    )
    code = _withdraw(world, winner, chain)
    result.check("what is there is paid", passed=code is ErrorCode.OK, figure=f"{chain:,.0f}")
    result.table.append(_row(world, "after the run", winner, loser))


def _interest(world: World, loser: int, result: ScenarioResult) -> None:
    """Let ten days pass with everything lent out."""
    debts = []
    world.sweep()
    world.sweep()
    before = world.quote(loser)
    for day in range(11):
        debts.append((float(day * _DAY_S), world.quote(loser)))
        world.advance(_DAY_S)
        world.refresh()
        world.price_collateral(_ETHER, 3_600, 1.0)
        world.sweep()
    world.sweep()
    paid = before - world.quote(loser)
    result.series["loser's USDC"] = debts
    yearly = paid / -before / 11 * 365
    result.check(
        "interest accrues at the rate of full utilisation",
        passed=0.25 < yearly < 0.4,
        figure=f"{paid:,.0f} USD, {yearly:.1%} a year",
    )


def _exchange(world: World, winner: int, loser: int, result: ScenarioResult) -> None:
    """Push the debt over its cap: ether is exchanged, and who waited can be paid."""
    world.insure(400_000)
    world.must(
        risk_op.AdminCredit(base_rate_ppm=20_000, slope_ppm=300_000, negative_cap=200_000 * UNITS)
    )
    world.sweep()
    world.sweep()
    exchanged = world.of_kind(EventKind.EXCHANGED)
    result.check(
        "collateral is exchanged beyond the cap of debt",
        passed=bool(exchanged) and world.quote(loser) >= 0,
        figure=f"{sum(int(e['v'][1]) for e in exchanged) / UNITS:,.2f} ETH",
    )
    result.table.append(_row(world, "after the exchange", winner, loser))
    world.refresh()
    code = _withdraw(world, winner, world.quote(winner))
    result.check("with new USDC the rest is paid", passed=code is ErrorCode.OK, figure=code.name)
    result.table.append(_row(world, "at the end", winner, loser))
