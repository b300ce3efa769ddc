"""A feed reports nonsense.

Paradex, 19 January 2026: a migration set BTC to 0 USD, accounts were liquidated, the chain was
rolled back.
"""

from dataclasses import replace

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, MARKET_MAKER, Perp, World
from offchain.spec import op, risk_op
from offchain.spec.constants import PRICE_MAX, QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind, SnapshotTarget

NAME = "zero-price"
REQUIREMENT = (
    "A price that is 0, out of bounds, stale, from too few sources, out of order or far from L1 "
    "is refused with its own code, and nothing changes."
)
_BTC = Perp(market=1, name="BTC", price=95_000)
_SIZE = 2.0


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 10_000_000})
    world.list_perp(_BTC)
    long_account = world.open_account(FIRST_MASTER, {QUOTE_ASSET: 20_000})
    world.order(MARKET_MAKER, _BTC, -_SIZE, _BTC.price)
    world.order(long_account, _BTC, _SIZE, _BTC.price)
    world.refresh()
    world.advance(1)
    root = world.core.root()
    for what, each, expected in _attacks(world):
        code = world.send(each)
        result.table.append({"report": what, "answer": code.name})
        result.check(f"{what} is refused", passed=code is expected, figure=code.name)
    result.check(
        "nothing changed", passed=world.core.root() == root, figure=world.core.root().hex()[:16]
    )
    code = world.send(risk_op.Liquidate(account=long_account))
    result.check(
        "nobody is liquidated",
        passed=code is ErrorCode.NOT_LIQUIDATABLE and not world.of_kind(EventKind.LIQUIDATED),
        figure=code.name,
    )
    price = world.mark(_BTC)
    result.series = {"mark, USD": [(0, price), (60, price)]}
    return result


def _attacks(world: World) -> list[tuple[str, op.Op, ErrorCode]]:
    good = world.price_report(_BTC, _BTC.price)
    snapshot = risk_op.Snapshot(
        market=_BTC.market, target=SnapshotTarget.MARKET, time_s=world.now_s, price_e8=0
    )
    crash = round(_BTC.price_units(_BTC.price) * 0.8)
    return [
        ("an index of 0", replace(good, index_price=0), ErrorCode.INVALID_PRICE),
        (
            "an index above the bound",
            replace(good, index_price=PRICE_MAX + 1),
            ErrorCode.INVALID_PRICE,
        ),
        (
            "a report of yesterday",
            replace(good, time_s=world.now_s - 86_400),
            ErrorCode.STALE_PRICE,
        ),
        (
            "a report of the past second again",
            replace(good, time_s=world.now_s - 1),
            ErrorCode.STALE_PRICE,
        ),
        ("a report from the future", replace(good, time_s=world.now_s + 1), ErrorCode.STALE_PRICE),
        ("a report by two of three sources", replace(good, sources=2), ErrorCode.PRICE_QUORUM),
        (
            "a price 20 % from L1",
            replace(good, index_price=crash),
            ErrorCode.PRICE_OUTSIDE_SNAPSHOT,
        ),
        ("a snapshot of 0", snapshot, ErrorCode.INVALID_PRICE),
        (
            "a snapshot from the future",
            replace(snapshot, price_e8=1, time_s=world.now_s + 1),
            ErrorCode.STALE_PRICE,
        ),
    ]
