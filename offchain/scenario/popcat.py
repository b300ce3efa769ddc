"""A wall of bids is built with many wallets and pulled.

Hyperliquid, November 2025: nineteen wallets, 3 M USD of margin, a wall of 20 M USD pulled away; the
vault lost 4.9 M USD.
"""

from offchain.scenario.result import ScenarioResult
from offchain.scenario.world import FIRST_MASTER, MAKER_MASTER, Perp, World
from offchain.spec import op
from offchain.spec.constants import QUOTE_ASSET
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind

NAME = "popcat-wall"
REQUIREMENT = (
    "Bids must lie near the mark, no account holds more than its share of a market, the mark "
    "follows "
    "the index when a wall goes, and the insurance fund's loss stays small."
)
_POPCAT = Perp(
    market=6,
    name="POPCAT",
    sz_decimals=0,
    price=0.21,
    initial_ppm=200_000,
    maintenance_ppm=100_000,
    closeout_ppm=66_000,
    open_interest_cap=150_000_000,
    concentration_free=4_000_000,
    concentration_ppm=100_000,
    price_band_ppm=100_000,
)
_WALLETS = 19
_MARGIN = 3_000_000.0 / _WALLETS
_FUND = 1_000_000.0
_VAULT_LOSS = 4_900_000.0
_FIRST_SELLER = FIRST_MASTER + _WALLETS
_LARGEST = 3_600_000.0


def run(seed: int) -> ScenarioResult:
    """Run the story; nothing in it is random, so `seed` changes nothing."""
    del seed
    result = ScenarioResult(NAME, REQUIREMENT)
    world = World()
    world.open_account(MAKER_MASTER, {QUOTE_ASSET: 50_000_000})
    world.insure(_FUND)
    world.list_perp(_POPCAT)
    wallets = [
        world.open_account(FIRST_MASTER + i, {QUOTE_ASSET: _MARGIN}) for i in range(_WALLETS)
    ]
    world.refresh()
    codes = [world.order(wallet, _POPCAT, 5_000_000, 0.20) for wallet in wallets]
    result.check(
        "a wall of more than each wallet's share is refused",
        passed=set(codes) == {ErrorCode.CONCENTRATION_LIMIT},
        figure=f"{len(codes)} x {codes[0].name}",
    )
    code = world.order(wallets[0], _POPCAT, 100_000, _POPCAT.price * 1.15)
    result.check(
        "a bid far above the mark is refused",
        passed=code is ErrorCode.PRICE_OUTSIDE_BAND,
        figure=code.name,
    )
    longs = _build(world, wallets)
    _pull(world, wallets, result)
    after = world.insurance()
    result.table.append(
        {
            "longs, USD": f"{longs:,.0f}",
            "liquidation steps": len(world.of_kind(EventKind.LIQUIDATED)),
            "insurance before": f"{_FUND:,.0f}",
            "insurance after": f"{after:,.0f}",
        }
    )
    result.check(
        "the insurance fund loses no more than it has, and less than the vault did",
        passed=after >= 0 and _FUND - after < _VAULT_LOSS,
        figure=f"{after - _FUND:+,.0f}",
    )
    result.check("all money adds up", passed=world.imbalance() == 0, figure=world.imbalance())
    return result


def _build(world: World, wallets: list[int]) -> float:
    """Let every wallet buy from a seller of its own as much as its margin allows."""
    for i, wallet in enumerate(wallets):
        seller = world.open_account(_FIRST_SELLER + i, {QUOTE_ASSET: 1_000_000})
        world.order(seller, _POPCAT, -_LARGEST, _POPCAT.price)
        world.order(wallet, _POPCAT, _LARGEST, _POPCAT.price)
    return sum(world.position(wallet, _POPCAT) for wallet in wallets) * _POPCAT.price


def _pull(world: World, wallets: list[int], result: ScenarioResult) -> None:
    """Rest a wall inside the band, pull it, and let the index fall by 30 % in five minutes."""
    for wallet in wallets:
        world.order(wallet, _POPCAT, 200_000, _POPCAT.price * 0.95)
    world.refresh()
    for wallet in wallets:
        world.send(op.CancelAll(account=wallet, market=_POPCAT.market))
    price, marks, funds = _POPCAT.price, [], []
    for step in range(60):
        price *= 0.994
        world.move(_POPCAT, price)
        world.make_market(_POPCAT, price, size=400_000)
        world.sweep()
        marks.append((5.0 * step, world.mark(_POPCAT)))
        funds.append((5.0 * step, world.insurance()))
    result.series = {"mark, USD": marks, "insurance, USD": funds}
