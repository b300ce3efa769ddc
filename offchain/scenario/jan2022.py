"""January 2022 on real minute bars: BTC falls from 47,000 to 33,000 USD."""

import csv
import gzip
import random
from pathlib import Path

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MICRO, Perp, World
from offchain.spec.constants import INSURANCE_ACCOUNT, QUOTE_ASSET
from offchain.spec.kinds import EventKind, TimeInForce

NAME = "jan2022"
REQUIREMENT = (
    "Over a month of real prices funding is paid by the hour, whoever falls below maintenance is "
    "liquidated within the sweep, the insurance fund holds, and all money adds up."
)
DATA = Path("../shared/data/btc-perp-1m-2021-12-31_2022-02-01.csv.gz")
_TRADERS = 150
_DEPOSIT = 20_000.0
_TRADE_EVERY = 15  # minutes
_FUND = 2_000_000.0


class DataMissingError(RuntimeError):
    """The recorded bars are not there."""


def run(seed: int) -> ScenarioResult:
    """Run the story.

    Parameters
    ----------
    seed
        Of who trades when, which way and how much.

    Raises
    ------
    DataMissingError
        Without ``../shared/data``.
    """
    closes = _closes()
    rng = random.Random(seed)
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    perp = Perp(market=1, name="BTC", price=closes[0], sz_decimals=3)
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 2_000_000_000})
    world.insure(_FUND)
    world.list_perp(perp)
    traders = [
        world.open_account(FIRST_MASTER + i, {QUOTE_ASSET: _DEPOSIT}) for i in range(_TRADERS)
    ]
    below_s = 0
    marks, funds, open_interest = [], [], []
    for minute, close in enumerate(closes):
        world.advance(60)
        world.report(perp, close)
        if minute % _TRADE_EVERY:
            continue
        world.make_market(perp, close, size=40, levels=5)
        _trade(world, perp, rng, traders, close)
        world.sweep()
        below_s = max(below_s, _longest_below(world, traders[:: len(traders) // 10]))
        marks.append((60.0 * minute, world.mark(perp)))
        funds.append((60.0 * minute, world.quote(INSURANCE_ACCOUNT)))
        open_interest.append((60.0 * minute, perp.size_of(world.view.market(1).open_interest_lots)))
    _report(world, result, closes)
    result.series = {
        "mark, USD": marks,
        "insurance, USD": funds,
        "open interest, BTC": open_interest,
    }
    result.check(
        "nobody looked at is below maintenance after a sweep", passed=below_s == 0, figure=below_s
    )
    return result


def _closes() -> list[float]:
    if not DATA.exists():
        raise DataMissingError(f"{DATA} is not here; this scenario needs the recorded bars")
    with gzip.open(DATA, "rt", newline="") as file:
        return [float(row["close"]) for row in csv.DictReader(file)]


def _trade(world: World, perp: Perp, rng: random.Random, traders: list[int], price: float) -> None:
    """Let five accounts trade at the market, at 2 to 18 times their equity."""
    for trader in rng.sample(traders, 5):
        equity = world.health(trader).tav / MICRO
        size = equity * rng.choice((2, 4, 8, 12, 18)) / price * rng.choice((-1, 1))
        if abs(size) < 0.001:
            continue
        limit = price * (1.02 if size > 0 else 0.98)
        world.order(trader, perp, size, limit, time_in_force=TimeInForce.IOC)


def _longest_below(world: World, traders: list[int]) -> int:
    """Return how many of the accounts are below maintenance although a sweep has just ended."""
    healths = [world.health(trader) for trader in traders]
    return sum(health.talt < health.cmr for health in healths)


def _report(world: World, result: ScenarioResult, closes: list[float]) -> None:
    fundings = world.of_kind(EventKind.FUNDING)
    liquidated = world.of_kind(EventKind.LIQUIDATED)
    fund = world.insurance()
    hours = len(closes) // 60
    result.check(
        "funding is paid every hour",
        passed=abs(len(fundings) - hours) <= 2,
        figure=f"{len(fundings)} times in {hours} hours",
    )
    result.check("accounts are liquidated", passed=bool(liquidated), figure=len(liquidated))
    result.check("the insurance fund holds", passed=fund > 0, figure=f"{fund:,.0f}")
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    result.table.append(
        {
            "bars": len(closes),
            "first, USD": f"{closes[0]:,.0f}",
            "lowest, USD": f"{min(closes):,.0f}",
            "fundings": len(fundings),
            "liquidation steps": len(liquidated),
            "bad debts": len(world.of_kind(EventKind.BAD_DEBT)),
            "insurance": f"{fund:,.0f}",
        }
    )
